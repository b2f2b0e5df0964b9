/* SPDX-License-Identifier: MIT */
/* Publishes the counters page and reads that of another process. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "common/maps.h"
#include "common/stats.h"
#include "common/sys.h"
#include "common/text.h"

#define PAGE_NAME "ramlock"

const struct stat_row stat_rows[STAT_COUNT] = {
#define STAT(name, kind, unit, help) {#name, #unit, help, STAT_##kind},
#include "common/stats.def"
#undef STAT
};

const char *const level_names[LEVEL_COUNT] = {"none", "ranges", "future"};
const char *const reason_texts[REASON_COUNT] = {
	"the settings ask for it",
	"RLIMIT_MEMLOCK is unlimited",
	"CAP_IPC_LOCK is held",
	"RLIMIT_MEMLOCK is finite and CAP_IPC_LOCK is not held",
	"the kernel refused to lock",
};

bool stats_is_address(enum stat_index index)
{
	return strcmp(stat_rows[index].unit, "address") == 0;
}

bool stats_internal(enum stat_index index)
{
	return stats_is_address(index) || strcmp(stat_rows[index].unit, "clock") == 0;
}

/* Counted in from the first wrapped call, which may come before the constructor. */
static struct stats_page private_page;
struct stats_page *stats = &private_page;

_Static_assert(sizeof(struct stats_page) <= STATS_SIZE, "the counters fit in one page");

/* Maps a page at an address, or anywhere: a shared one that others find, else a private one. */
static int map_page(uintptr_t at)
{
	const int fixed = at ? MAP_FIXED : 0;
	int fd = (int)SYS_CALL(SYS_memfd_create, PAGE_NAME, 1 /* MFD_CLOEXEC */);
	int error = fd < 0 ? fd : (int)SYS_CALL(SYS_ftruncate, fd, (long)STATS_SIZE);
	intptr_t page = -1;

	if (error == 0)
		page = sys_mmap(at, STATS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | fixed, fd);
	if (fd >= 0)
		sys_close(fd); /* the program gets the descriptor numbers that it gets bare */
	if (error == 0 && page < 0 && page > -4096)
		error = (int)page;
	if (error)
		page = sys_mmap(at, STATS_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1);
	if (page > 0 || page <= -4096)
		stats = (struct stats_page *)page;
	return error;
}

/* What a forked child starts anew; what describes its memory it has inherited. */
static void forget_counters(struct stats_page *page)
{
	for (int i = 0; i < STAT_COUNT; i++)
		if (stat_rows[i].kind == STAT_COUNTER)
			page->values[i] = 0;
	page->values[STAT_minor_at_start] = page->values[STAT_major_at_start] = 0;
}

int stats_publish(bool forked)
{
	struct stats_page copy = *stats;
	int error;

	/* In a child at the same address: what points into the page, and a signal handler that counts
	 * meanwhile, is right before and after. */
	error = map_page(forked && stats != &private_page ? (uintptr_t)stats : 0);
	if (forked)
		forget_counters(&copy);
	memcpy(copy.magic, STATS_MAGIC, sizeof(copy.magic));
	copy.version = STATS_VERSION;
	copy.count = STAT_COUNT;
	copy.pid = (uint32_t)SYS_CALL(SYS_getpid);
	*stats = copy;
	return error;
}

/* The address of another process's page, 0 for none, or -errno. */
static intptr_t find_page(int pid)
{
	char path[32], buffer[16384];
	struct mapping mapping;
	intptr_t found = 0;
	struct maps maps;
	struct text t;
	int error;

	text_init(&t, path, sizeof(path));
	text_add(&t, "/proc/%d/maps", pid);
	error = maps_open(&maps, path, NULL, buffer, sizeof(buffer));
	if (error)
		return error == -ENOENT ? -ESRCH : error == -EACCES ? -EPERM : error;
	while (found == 0 && maps_next(&maps, &mapping))
		if (mapping.shared && strcmp(mapping.path, "/memfd:" PAGE_NAME " (deleted)") == 0 &&
		    mapping.end - mapping.start >= sizeof(struct stats_page))
			found = (intptr_t)mapping.start;
	maps_close(&maps);
	return found;
}

int stats_check(struct stats_page *copy)
{
	uint64_t resident, used; /* not of one moment, so that either may be the larger */

	if (memcmp(copy->magic, STATS_MAGIC, sizeof(copy->magic)) != 0 ||
	    copy->version != STATS_VERSION || copy->level >= LEVEL_COUNT || copy->reason >= REASON_COUNT)
		return -EPROTO;
	copy->settings[sizeof(copy->settings) - 1] = '\0';
	text_tame(copy->settings);
	for (uint32_t i = copy->count; i < STAT_COUNT; i++) /* written by an older library */
		copy->values[i] = 0;
	resident = copy->values[STAT_large_resident];
	used = copy->values[STAT_large_used];
	copy->values[STAT_large_retained] = resident > used ? resident - used : 0;
	return 0;
}

int stats_fetch(int pid, struct stats_page *copy)
{
	struct iovec local = {copy, sizeof(*copy)};
	struct iovec remote = {NULL, sizeof(*copy)};
	intptr_t page = find_page(pid);
	long read;

	if (page == 0)
		return -ENOENT;
	if (page < 0 && page > -4096)
		return (int)page;
	remote.iov_base = (void *)page;
	read = SYS_CALL(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0);
	if (read < 0 && read != -EFAULT) /* EFAULT: there is no memory behind the mapping */
		return (int)read;
	if (read != (long)sizeof(*copy))
		return -EPROTO;
	return stats_check(copy);
}
