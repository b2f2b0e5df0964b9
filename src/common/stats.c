/* SPDX-License-Identifier: MIT */
/* Publishes the counters page and reads that of another process. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "common/maps.h"
#include "common/file.h"
#include "common/size.h"
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

/* A shared page that others find by its name. A limit on the size of files (RLIMIT_FSIZE) is none on
 * shared memory without a name, which they find by what it begins with. */
static intptr_t map_shared(void)
{
	int fd = (int)SYS_CALL(SYS_memfd_create, PAGE_NAME, 1 /* MFD_CLOEXEC */);
	int error = fd < 0 ? fd : file_resize(fd, STATS_SIZE);
	intptr_t page = error;

	if (error == 0)
		page = sys_mmap(0, STATS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	if (fd >= 0)
		sys_close(fd); /* the program gets the descriptor numbers that it gets bare */
	if (error == -EFBIG || error == -EAGAIN)
		page = sys_mmap(0, STATS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	return page;
}

static bool is_address(intptr_t result)
{
	return result > 0 || result <= -4096;
}

/* What a forked child starts anew; what describes its memory it has inherited. */
static void forget_counters(struct stats_page *page)
{
	for (int i = 0; i < STAT_COUNT; i++)
		if (stat_rows[i].kind == STAT_COUNTER)
			page->values[i] = 0;
	page->values[STAT_minor_at_start] = page->values[STAT_major_at_start] = 0;
}

/* In a child at the same address: what points into the page, and a signal handler that counts
 * meanwhile, is right before and after. */
static struct stats_page *take_place(struct stats_page *page)
{
	const long at = SYS_CALL(SYS_mremap, page, STATS_SIZE, STATS_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, stats);

	return at == (long)(intptr_t)stats ? stats : page;
}

int stats_publish(bool forked)
{
	intptr_t shared = map_shared(), at = shared;
	struct stats_page *page;

	if (!is_address(at))
		at = sys_mmap(0, STATS_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	page = is_address(at) ? (struct stats_page *)at : &private_page;
	if (page != stats)
		*page = *stats;
	if (forked)
		forget_counters(page);
	memcpy(page->magic, STATS_MAGIC, sizeof(page->magic));
	page->version = STATS_VERSION;
	page->count = STAT_COUNT;
	page->pid = (uint32_t)SYS_CALL(SYS_getpid);
	stats = forked && page != &private_page && stats != &private_page ? take_place(page) : page;
	return is_address(shared) ? 0 : (int)shared;
}

void stats_part(void)
{
	private_page = *stats;
	private_page.pid = 0;
	forget_counters(&private_page);
	stats = &private_page;
}

static long read_page(int pid, uintptr_t at, void *to, size_t size)
{
	struct iovec local = {to, size};
	struct iovec remote = {(void *)at, size};

	return SYS_CALL(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0);
}

/* Whether a mapping is the page, by its name or, of shared memory without one, by its first bytes. */
static bool is_page(int pid, const struct mapping *m)
{
	char magic[sizeof(STATS_MAGIC)] = "";

	if (!m->shared || m->end - m->start < sizeof(struct stats_page))
		return false;
	if (strcmp(m->path, "/memfd:" PAGE_NAME " (deleted)") == 0)
		return true;
	return strcmp(m->path, "/dev/zero (deleted)") == 0 &&
	       m->end - m->start == size_page_up(STATS_SIZE) &&
	       read_page(pid, m->start, magic, sizeof(magic)) == sizeof(magic) &&
	       memcmp(magic, STATS_MAGIC, sizeof(magic)) == 0;
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
		if (is_page(pid, &mapping))
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
	intptr_t page = find_page(pid);
	long read;

	if (page == 0)
		return -ENOENT;
	if (sys_is_error(page))
		return (int)page;
	read = read_page(pid, (uintptr_t)page, copy, sizeof(*copy));
	if (read < 0 && read != -EFAULT) /* EFAULT: there is no memory behind the mapping */
		return (int)read;
	if (read != (long)sizeof(*copy))
		return -EPROTO;
	return stats_check(copy);
}
