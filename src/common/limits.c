/* SPDX-License-Identifier: MIT */
/* Reads what the machine, the cgroup and the process allow to be locked. */
#include "config.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "common/limits.h"
#include "common/size.h"
#include "common/sys.h"
#include "common/text.h"

#define FILE_SIZE sizeof(((struct limits_scratch *)0)->file)
#define PATH_SIZE sizeof(((struct limits_scratch *)0)->path)

long limits_read_file(const char *path, char *buffer, unsigned long size)
{
	int fd = sys_open(path, O_RDONLY, 0);
	unsigned long length = 0;
	long part;

	if (fd < 0)
		return fd;
	do {
		part = sys_read(fd, buffer + length, size - 1 - length);
		if (part > 0)
			length += (unsigned long)part;
	} while (part > 0 && length < size - 1);
	sys_close(fd);
	buffer[length] = '\0';
	return part < 0 ? part : (long)length;
}

/* The number at the start of a text; false where there is none, as in "max", or one of more than
 * 64 bits. */
static bool number_at(const char *text, uint64_t *number)
{
	return text_number(text + strspn(text, " \t"), 10, number) != NULL;
}

/* What follows a key at the start of a line: "MemAvailable:" or "inactive_file ". */
static bool number_after(const char *text, const char *key, uint64_t *number)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, strlen(key)) == 0)
			return number_at(line + strlen(key), number);
	}
	return false;
}

static uint64_t available_memory(const char *root, struct limits_scratch *scratch)
{
	uint64_t kib;
	struct text t;

	text_init(&t, scratch->path, PATH_SIZE);
	text_add(&t, "%s/proc/meminfo", root);
	if (limits_read_file(scratch->path, scratch->file, FILE_SIZE) < 0 ||
	    !number_after(scratch->file, "MemAvailable:", &kib) || kib > UINT64_MAX / 1024)
		return LIMITS_NONE;
	return kib * 1024;
}

/* The two generations of the memory controller. */
struct hierarchy {
	const char *type;	/* in mountinfo */
	const char *mount;	/* where it usually is */
	const char *limit, *usage;
	const char *reclaimable; /* key in memory.stat */
};

static const struct hierarchy v1 = {"cgroup", "/sys/fs/cgroup/memory", "memory.limit_in_bytes",
				    "memory.usage_in_bytes", "total_inactive_file "};
static const struct hierarchy v2 = {"cgroup2", "/sys/fs/cgroup", "memory.max", "memory.current",
				    "inactive_file "};

static bool has_word(const char *list, size_t length, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = list; at + size <= list + length; at++)
		if (strncmp(at, word, size) == 0 && (at == list || at[-1] == ',') &&
		    (at + size == list + length || at[size] == ','))
			return true;
	return false;
}

/* Finds the process's memory cgroup in /proc/PID/cgroup: a line "4:memory:/path" for v1, which
 * goes first because a hybrid machine has its memory controller there, or "0::/path" for v2. */
static const struct hierarchy *cgroup_of(char *text, char **path)
{
	char *unified = NULL;

	for (char *line = text, *next; line && *line; line = next) {
		char *list = strchr(line, ':');
		char *colon = list ? strchr(list + 1, ':') : NULL;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (colon == NULL)
			continue;
		if (has_word(list + 1, (size_t)(colon - list - 1), "memory")) {
			*path = colon + 1;
			return &v1;
		}
		if (colon == list + 1 && strncmp(line, "0:", 2) == 0)
			unified = colon + 1;
	}
	*path = unified;
	return unified ? &v2 : NULL;
}

static bool exists(const char *path)
{
	return SYS_CALL(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

/* Undoes the escapes of a field in the mount table: the kernel writes a blank as "\040". */
static void field_decode(char *field)
{
	const char *from = field;
	char *to = field;

	while (*from) {
		if (*from == '\\' && strspn(from + 1, "01234567") >= 3) {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/* The fields of a mountinfo line (proc(5)): root and mount point are the fourth and fifth, the
 * type follows " - ". Ends both fields with NUL. */
static bool mount_fields(char *line, const struct hierarchy *h, char **root, char **point)
{
	char *type = strstr(line, " - ");
	char *field = line;

	if (type == NULL)
		return false;
	type += 3;
	if (strncmp(type, h->type, strlen(h->type)) != 0 || type[strlen(h->type)] != ' ')
		return false;
	if (h == &v1) {
		char *options = strrchr(type, ' ');

		if (options == NULL || !has_word(options + 1, strlen(options + 1), "memory"))
			return false;
	}
	for (int i = 0; i < 3 && field; i++)
		field = strchr(field + 1, ' ');
	if (field == NULL)
		return false;
	*root = field + 1;
	*point = strchr(*root, ' ');
	if (*point == NULL)
		return false;
	*(*point)++ = '\0';
	(*point)[strcspn(*point, " ")] = '\0';
	field_decode(*root);
	field_decode(*point);
	return true;
}

/* Reads one line of an open file through a buffer of FILE_SIZE; false at the end. */
static bool line_next(int fd, char *buffer, size_t *used, size_t *eaten)
{
	char *end;

	memmove(buffer, buffer + *eaten, *used - *eaten);
	*used -= *eaten;
	*eaten = 0;
	while ((end = memchr(buffer, '\n', *used)) == NULL) {
		long part;

		if (*used == FILE_SIZE - 1)
			*used = 0; /* no line that matters here is so long */
		part = sys_read(fd, buffer + *used, FILE_SIZE - 1 - *used);
		if (part <= 0)
			return false;
		*used += (size_t)part;
	}
	*end = '\0';
	*eaten = (size_t)(end - buffer) + 1;
	return true;
}

/* What of a cgroup's path lies below the root of a mount; nothing of a cgroup of another branch, so
 * that what is seen is the mount itself. */
static const char *path_below(const char *cgroup, const char *mount_root)
{
	size_t length = strcmp(mount_root, "/") == 0 ? 0 : strlen(mount_root);

	if (strncmp(cgroup, mount_root, length) != 0 || cgroup[length] != '/')
		return "";
	return cgroup + length;
}

/* Where the cgroup's folder is, by the mount table, and the length of the mount's own path in it: in
 * a container the mount shows a part of the hierarchy only, which the mount's root names. */
static bool folder_by_mount(const struct hierarchy *h, const char *root, const char *process,
			    const char *cgroup, struct text *folder, size_t *top,
			    struct limits_scratch *scratch)
{
	char *buffer = scratch->line;
	size_t used = 0, eaten = 0;
	bool found = false;
	struct text t;
	int fd;

	text_init(&t, scratch->path, PATH_SIZE);
	text_add(&t, "%s/proc/%s/mountinfo", root, process);
	fd = sys_open(scratch->path, O_RDONLY, 0);
	if (fd < 0)
		return false;
	while (!found && line_next(fd, buffer, &used, &eaten)) {
		char *mount_root, *point;

		if (!mount_fields(buffer, h, &mount_root, &point))
			continue;
		text_add(folder, "%s%s", root, point);
		*top = text_length(folder);
		text_add(folder, "%s", path_below(cgroup, mount_root));
		found = true;
	}
	sys_close(fd);
	return found;
}

static uint64_t file_number(const char *name, struct limits_scratch *scratch)
{
	uint64_t number;
	struct text t;

	text_init(&t, scratch->path, PATH_SIZE);
	text_add(&t, "%s/%s", scratch->folder, name);
	if (limits_read_file(scratch->path, scratch->file, FILE_SIZE) < 0 ||
	    !number_at(scratch->file, &number))
		return LIMITS_NONE;
	return number;
}

/* The part of the page cache that the kernel would drop first. */
static uint64_t reclaimable(const struct hierarchy *h, struct limits_scratch *scratch)
{
	uint64_t bytes;
	struct text t;

	text_init(&t, scratch->path, PATH_SIZE);
	text_add(&t, "%s/memory.stat", scratch->folder);
	if (limits_read_file(scratch->path, scratch->file, FILE_SIZE) < 0 ||
	    !number_after(scratch->file, h->reclaimable, &bytes))
		return 0;
	return bytes;
}

/* One folder of the hierarchy: keeps the least room. v1 writes "no limit" as a huge number. */
static void folder_read(struct limits_memory *m, const struct hierarchy *h,
			struct limits_scratch *scratch)
{
	uint64_t limit = file_number(h->limit, scratch);
	uint64_t usage, cache, room;

	if (limit >= INT64_MAX / 2)
		return;
	usage = file_number(h->usage, scratch);
	if (usage == LIMITS_NONE)
		return;
	cache = reclaimable(h, scratch);
	usage -= cache < usage ? cache : usage;
	m->cgroup_known = true;
	room = limit > usage ? limit - usage : 0; /* a limit that was lowered stands below the usage */
	if (room < m->cgroup_room) {
		m->cgroup_room = room;
		m->cgroup_limit = limit;
	}
}

static void cgroup_read(struct limits_memory *m, const char *root, const char *process,
			struct limits_scratch *scratch)
{
	char *buffer = scratch->file, *folder = scratch->folder;
	const struct hierarchy *h;
	char *cgroup, *end;
	struct text t;
	size_t top;

	text_init(&t, scratch->path, PATH_SIZE);
	text_add(&t, "%s/proc/%s/cgroup", root, process);
	if (limits_read_file(scratch->path, buffer, FILE_SIZE) < 0)
		return;
	h = cgroup_of(buffer, &cgroup);
	if (h == NULL)
		return;
	text_init(&t, folder, PATH_SIZE);
	text_add(&t, "%s%s%s/%s", root, h->mount, cgroup, h->limit);
	top = strlen(root) + strlen(h->mount);
	if (!t.cut && exists(folder)) {
		folder[strlen(folder) - strlen(h->limit) - 1] = '\0';
	} else {
		text_init(&t, folder, PATH_SIZE);
		if (!folder_by_mount(h, root, process, cgroup, &t, &top, scratch) || t.cut)
			return;
	}
	while (strlen(folder) >= top) {
		*buffer = '\0';
		folder_read(m, h, scratch);
		m->cgroup_seen |= *buffer != '\0';
		end = strrchr(folder, '/');
		if (end == NULL || (size_t)(end - folder) < top)
			break;
		*end = '\0';
	}
}

void limits_memory(struct limits_memory *m, const char *root, const char *process,
		   struct limits_scratch *scratch)
{
	m->cgroup_known = m->cgroup_seen = false;
	m->cgroup_limit = m->cgroup_room = LIMITS_NONE;
	m->available = available_memory(root, scratch);
	cgroup_read(m, root, process, scratch);
}

uint64_t limits_room(const struct limits_memory *m)
{
	return m->available < m->cgroup_room ? m->available : m->cgroup_room;
}

bool limits_capable(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return SYS_CALL(SYS_capget, &header, data) == 0 &&
	       data[CAP_IPC_LOCK / 32].effective >> (CAP_IPC_LOCK % 32) & 1;
}

uint64_t limits_address_space(void)
{
	char line[128];
	uint64_t pages;

	if (limits_read_file("/proc/self/statm", line, sizeof(line)) < 0 || text_number(line, 10, &pages) == NULL)
		return UINT64_MAX;
	return pages * size_page();
}
