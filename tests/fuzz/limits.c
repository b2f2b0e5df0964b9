/* SPDX-License-Identifier: MIT */
/* Fuzzes what a machine says of its memory and its cgroups: a tree of files under a root of their
 * own. The input is the files' contents in the order of the table, with 0xff between. */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/limits.h"
#include "fuzz.h"

static const char *const folders[] = {
	"proc", "proc/self", "sys", "sys/fs", "sys/fs/cgroup", "sys/fs/cgroup/memory",
	"sys/fs/cgroup/memory/a", "sys/fs/cgroup/a", "m", "m/b",
};

static const char *const files[] = {
	"proc/meminfo",
	"proc/self/cgroup",
	"proc/self/mountinfo",
	"sys/fs/cgroup/memory/memory.limit_in_bytes",
	"sys/fs/cgroup/memory/memory.usage_in_bytes",
	"sys/fs/cgroup/memory/memory.stat",
	"sys/fs/cgroup/memory/a/memory.limit_in_bytes",
	"sys/fs/cgroup/memory/a/memory.usage_in_bytes",
	"sys/fs/cgroup/memory.max",
	"sys/fs/cgroup/memory.current",
	"sys/fs/cgroup/a/memory.max",
	"sys/fs/cgroup/a/memory.current",
	"sys/fs/cgroup/a/memory.stat",
	"m/b/memory.max",
	"m/b/memory.current",
};

#define FILES (sizeof(files) / sizeof(*files))

static char root[64];
static int fds[FILES];

static void tree_remove(void)
{
	char line[128];

	snprintf(line, sizeof(line), "rm -rf '%s'", root);
	HOLDS(system(line) == 0);
}

static void tree_make(void)
{
	char path[256];

	snprintf(root, sizeof(root), "%s/ramlock-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	HOLDS(mkdtemp(root) != NULL);
	atexit(tree_remove);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
		HOLDS(mkdir(path, 0700) == 0);
	}
	for (size_t i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", root, files[i]);
		fds[i] = open(path, O_RDWR | O_CREAT, 0600);
		HOLDS(fds[i] >= 0);
	}
}

static void tree_fill(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < FILES; i++) {
		const uint8_t *end = size ? memchr(data, 0xff, size) : NULL;
		size_t part = end ? (size_t)(end - data) : size;

		HOLDS(ftruncate(fds[i], 0) == 0);
		HOLDS(part == 0 || pwrite(fds[i], data, part, 0) == (ssize_t)part);
		data += end ? part + 1 : part;
		size -= end ? part + 1 : part;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct limits_scratch *scratch = malloc(sizeof(*scratch));
	struct limits_memory m;

	if (*root == '\0')
		tree_make();
	tree_fill(data, size);
	limits_memory(&m, root, "self", scratch);
	if (m.cgroup_known)
		HOLDS(m.cgroup_room <= m.cgroup_limit && m.cgroup_limit != LIMITS_NONE);
	else
		HOLDS(m.cgroup_room == LIMITS_NONE && m.cgroup_limit == LIMITS_NONE);
	HOLDS(limits_room(&m) <= m.available && limits_room(&m) <= m.cgroup_room);
	free(scratch);
	return 0;
}
