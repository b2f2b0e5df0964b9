/* SPDX-License-Identifier: MIT */
/* Memory cgroups, of version 1 and 2, by files alone. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "group.h"

#define PATH 512

static bool write_file(const char *folder, const char *name, const char *text)
{
	char path[PATH + 64];
	bool written;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (file == NULL)
		return false;
	written = fputs(text, file) >= 0;
	return fclose(file) == 0 && written;
}

/* The folder of the group that we are in: "4:memory:/path", or "0::/path" of version 2. */
static bool find_own(char *folder, bool *second)
{
	FILE *file = fopen("/proc/self/cgroup", "r");
	bool found = false;
	char line[PATH];

	while (file && !found && fgets(line, sizeof(line), file)) {
		char *path = strchr(line, '/');

		line[strcspn(line, "\n")] = '\0';
		*second = strncmp(line, "0::", 3) == 0;
		if (path == NULL || !(*second || strstr(line, ":memory:")))
			continue;
		snprintf(folder, PATH, "/sys/fs/cgroup%s%.400s", *second ? "" : "/memory", path);
		found = access(folder, W_OK) == 0;
	}
	if (file)
		fclose(file);
	return found;
}

bool group_make(size_t limit, char *folder)
{
	char own[PATH], bytes[32];
	bool second;

	if (!find_own(own, &second))
		return false;
	if (second)
		write_file(own, "cgroup.subtree_control", "+memory");
	snprintf(folder, PATH, "%.480s/ramlock-%d", own, (int)getpid());
	if (mkdir(folder, 0755) != 0)
		return false;
	snprintf(bytes, sizeof(bytes), "%zu", limit);
	if (write_file(folder, second ? "memory.max" : "memory.limit_in_bytes", bytes))
		return true;
	rmdir(folder);
	return false;
}

bool group_enter(const char *folder)
{
	return folder == NULL || write_file(folder, "cgroup.procs", "0");
}

/* Processes that were killed leave it a moment later. */
void group_remove(const char *folder)
{
	const struct timespec moment = {0, 20 * 1000 * 1000};

	for (int tries = 0; rmdir(folder) != 0 && errno == EBUSY && tries < 250; tries++)
		nanosleep(&moment, NULL);
}
