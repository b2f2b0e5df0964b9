/* SPDX-License-Identifier: MIT */
/* Reads /proc and /sys for what matters to locked memory. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/host.h"
#include "common/memlock.h"

#define FILE_SIZE 8192

struct reader {
	const char *root, *process;
	char text[FILE_SIZE];
};

static long read_file(struct reader *r, const char *path)
{
	char whole[512];

	if (snprintf(whole, sizeof(whole), "%s%s", r->root, path) >= (int)sizeof(whole))
		return -ENAMETOOLONG;
	return limits_read_file(whole, r->text, sizeof(r->text));
}

static long read_of_process(struct reader *r, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/%s", r->process, name);
	return read_file(r, path);
}

/* What follows a key at the start of a line of the text that was read, or NULL. */
static const char *line_after(const struct reader *r, const char *key)
{
	const size_t length = strlen(key);

	for (const char *line = r->text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0)
			return line + length + strspn(line + length, " \t");
	}
	return NULL;
}

static bool read_number(const char *from, uint64_t *number)
{
	char *end;

	if (from == NULL || *from < '0' || *from > '9')
		return false;
	*number = strtoull(from, &end, 10);
	return *end == '\0' || strchr(" \t\n", *end) != NULL;
}

/* "key:  12 kB" in bytes. */
static uint64_t bytes_after(const struct reader *r, const char *key)
{
	uint64_t kib;

	return read_number(line_after(r, key), &kib) ? kib * 1024 : LIMITS_NONE;
}

/* A file of one number. That a file is missing says something only if its folder is there. */
static struct fact read_fact(struct reader *r, const char *folder, const char *name)
{
	struct fact fact = {FACT_UNKNOWN, 0};
	char path[512];
	long length;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	length = read_file(r, path);
	if (length > 0 && read_number(r->text, &fact.value))
		fact.state = FACT_KNOWN;
	snprintf(path, sizeof(path), "%s%s", r->root, folder);
	if (length == -ENOENT && access(path, R_OK | X_OK) == 0)
		fact.state = FACT_ABSENT;
	return fact;
}

static void read_limit(const struct reader *r, const char *name, struct host_limit *limit)
{
	struct sys_rlimit row;

	limit->known = memlock_parse(r->text, name, &row);
	if (limit->known) {
		limit->soft = row.soft;
		limit->hard = row.hard;
	}
}

/* The word in brackets: "always [madvise] never". */
static void read_thp(struct host *h, struct reader *r)
{
	long length = read_file(r, "/sys/kernel/mm/transparent_hugepage/enabled");
	const char *start = length > 0 ? strchr(r->text, '[') : NULL;
	char folder[512];

	snprintf(folder, sizeof(folder), "%s/sys/kernel/mm", r->root);
	if (start && strchr(start, ']')) {
		snprintf(h->thp, sizeof(h->thp), "%.*s", (int)strcspn(start + 1, "]"), start + 1);
		h->thp_state = FACT_KNOWN;
	} else if (length == -ENOENT && access(folder, R_OK | X_OK) == 0) {
		h->thp_state = FACT_ABSENT;
	}
}

/* In the topmost cgroup of version 2 there is no file for a limit, because there can be none. */
static bool is_top_cgroup(struct reader *r)
{
	if (read_file(r, "/sys/fs/cgroup/cgroup.controllers") < 0)
		return false;
	return read_of_process(r, "cgroup") > 0 && strcmp(r->text, "0::/\n") == 0;
}

static void read_memory(struct host *h, struct reader *r)
{
	static struct limits_scratch scratch;

	limits_memory(&h->memory, r->root, r->process, &scratch);
	h->cgroup_known = h->memory.cgroup_seen || is_top_cgroup(r);
	read_file(r, "/proc/meminfo");
	h->swap_total = bytes_after(r, "SwapTotal:");
	h->swap_free = bytes_after(r, "SwapFree:");
	h->commit_limit = bytes_after(r, "CommitLimit:");
	h->committed = bytes_after(r, "Committed_AS:");
}

/* "Uid:	1000	1000	1000	1000": the second is the effective one. */
static void read_status(struct host *h, struct reader *r)
{
	const char *uid, *capabilities;

	read_of_process(r, "status");
	h->vm_size = bytes_after(r, "VmSize:");
	h->vm_locked = bytes_after(r, "VmLck:");
	capabilities = line_after(r, "CapEff:");
	h->capabilities = capabilities ? strtoull(capabilities, NULL, 16) : LIMITS_NONE;
	uid = line_after(r, "Uid:");
	if (uid)
		uid += strcspn(uid, "\t\n");
	if (uid == NULL || *uid != '\t' || !read_number(uid + 1, &h->uid))
		h->uid = LIMITS_NONE;
}

/* Only the first user namespace maps every id to itself. */
static void read_user_space(struct host *h, struct reader *r)
{
	unsigned long inside, outside, count;

	if (read_of_process(r, "uid_map") <= 0 ||
	    sscanf(r->text, "%lu %lu %lu", &inside, &outside, &count) != 3)
		return;
	h->user_space = inside == 0 && outside == 0 && count == UINT32_MAX ? SPACE_INITIAL
									    : SPACE_NESTED;
}

void host_read(struct host *h, const char *root, const char *process)
{
	struct reader r = {.root = root, .process = process};

	*h = (struct host){0};
	read_memory(h, &r);
	read_status(h, &r);
	if (read_of_process(&r, "limits") > 0) {
		read_limit(&r, MEMLOCK_ROW, &h->memlock);
		read_limit(&r, "Max realtime priority", &h->rtprio);
	}
	read_user_space(h, &r);
	read_thp(h, &r);
	h->swappiness = read_fact(&r, "/proc/sys/vm", "swappiness");
	h->overcommit = read_fact(&r, "/proc/sys/vm", "overcommit_memory");
	h->compact = read_fact(&r, "/proc/sys/vm", "compact_unevictable_allowed");
	h->numa = read_fact(&r, "/proc/sys/kernel", "numa_balancing");
	h->ksm = read_fact(&r, "/sys/kernel/mm/ksm", "run");
	if (h->ksm.state == FACT_UNKNOWN && read_fact(&r, "/sys/kernel/mm", "ksm").state == FACT_ABSENT)
		h->ksm.state = FACT_ABSENT;
}
