/* SPDX-License-Identifier: MIT */
/* Makes the arena's reservation, and makes its pages resident, locked or free. */
#include "config.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "common/limits.h"
#include "common/stats.h"
#include "common/sys.h"
#include "preload/budget.h"
#include "preload/large.h"
#include "preload/level.h"
#include "preload/own.h"
#include "preload/pages.h"
#include "preload/preload.h"
#include "preload/vm.h"

#ifndef MREMAP_DONTUNMAP /* 5.7 */
#define MREMAP_DONTUNMAP 4
#endif

#define LEAST_RESERVATION (64ul << 20) /* less address space than this is not worth an arena */
#define LARGEST_RESERVATION (SIZE_MAX / 8 + 1) /* 512 MiB of 4 GiB; no end on 64 bits */
#define LOWEST (16ul << 20)	       /* no arena below: null pointers with an offset are to fault */
#define GROWTH (2ul << 20)	       /* the arena grows by multiples of this */
#define SHARE_OF_AS 4 /* of a finite RLIMIT_AS, what is left of it: the arena takes a quarter */

struct arena large_arena;
size_t large_threshold = SIZE_MAX;

static bool relieved; /* the addresses that were not used were given back */

/* In 32 bits a program's largest map takes most of the addresses above it. Below it, where one that
 * is position-independent leaves a gigabyte, the kernel maps nothing as long as there is another
 * place. 0 lets the kernel choose, as it does where the wish can't be met. */
static uintptr_t place(size_t size)
{
	const uintptr_t program = size_page_down(getauxval(AT_PHDR));

	if (sizeof(void *) == 8 || program < LOWEST || program - LOWEST < size)
		return 0;
	return program - size;
}

/* Nothing of a reservation is on the lock account: MCL_FUTURE locks each new mapping. */
static uintptr_t reserve(size_t size)
{
	intptr_t at = sys_mmap(place(size), size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	if (sys_is_error(at))
		return 0;
	sys_munlock((uintptr_t)at, size);
	sys_madvise((uintptr_t)at, size, MADV_DONTDUMP);
	own_add((uintptr_t)at, size, OWN_ARENA);
	return (uintptr_t)at;
}

static int commit(void *at, size_t size)
{
	return pages_commit((uintptr_t)at, size, preload_options.huge == HUGE_THP);
}

static void release(void *at, size_t size)
{
	pages_release((uintptr_t)at, size);
}

/* Whether the process has a limit that counts the addresses that a move leaves and comes to at a time: a
 * move that is refused for it has unmapped where it was to go (seen on Linux 6.18). */
static bool is_move_limited(void)
{
	static const int counted[] = {RLIMIT_AS, RLIMIT_DATA};
	struct sys_rlimit limit;

	for (int i = 0; i < 2; i++)
		if (vm->limit(counted[i], &limit) != 0 || limit.soft != SYS_RLIM_INFINITY)
			return true;
	return false;
}

/* Before Linux 6.17 a move of several mappings is refused when its target is unmapped already. Growth in
 * place tells them apart: where the range is one, what lies behind it is in the way (ENOMEM). */
static bool is_one_mapping(uintptr_t at, size_t size)
{
	const intptr_t grown = vm->remap(at, size, size + size_page(), 0, 0);

	if (grown == (intptr_t)at) /* nothing did: the arena has shrunk to this block a moment ago */
		vm->unmap(at + size, size_page());
	return grown == -ENOMEM || grown == (intptr_t)at;
}

/* A plain move leaves its old place free for a moment, and another thread's mapping comes there: it takes
 * MREMAP_DONTUNMAP, which leaves the pages on the lock account for ever unless they are unlocked before
 * (seen on Linux 6.18). */
static int move_unlocked(uintptr_t from, uintptr_t to, size_t size)
{
	intptr_t moved, empty;

	if (from + size >= (uintptr_t)large_arena.base + arena_size(&large_arena) ||
	    !is_one_mapping(from, size))
		return -EFAULT;
	moved = vm->remap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to);
	if (sys_is_error(moved))
		return (int)moved;
	empty = vm->map(from, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED);
	if (sys_is_error(empty))
		vm->protect(from, size, PROT_NONE);
	vm->unlock(from, size);
	vm->advise(from, size, MADV_DONTDUMP);
	return 0;
}

static int move(void *from, void *to, size_t size)
{
	struct ledger_cut cut;
	int error;

	if (is_move_limited())
		return -EFAULT;
	cut = level_leaving((uintptr_t)from, size);
	vm->unlock((uintptr_t)from, size);
	error = move_unlocked((uintptr_t)from, (uintptr_t)to, size);
	if (error)
		level_stayed(&cut);
	else
		level_moved(&cut, (uintptr_t)to, size, size);
	level_relock((uintptr_t)(error ? from : to), size, false);
	return error;
}

static const struct arena_ops operations = {commit, pages_fit, release, move};

/* A share of what a finite RLIMIT_AS leaves, beside so many bytes that are the arena's already. */
static uint64_t share_of_addresses(uint64_t ours)
{
	struct sys_rlimit limit;
	uint64_t used;

	if (sys_prlimit(0, RLIMIT_AS, NULL, &limit) != 0 || limit.soft == SYS_RLIM_INFINITY)
		return UINT64_MAX;
	used = limits_address_space() - ours;
	return used < limit.soft ? (limit.soft - used) / SHARE_OF_AS : 0;
}

/* As much as the machine could ever hold, within the share. */
static size_t wanted_addresses(void)
{
	uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * size_page();
	uint64_t share = share_of_addresses(0);
	size_t size = LEAST_RESERVATION;

	while (size < memory && size < LARGEST_RESERVATION)
		size *= 2;
	while (size > share)
		size /= 2;
	return size;
}

/* In steps: one grows what the last has left, which may be more than was asked for. */
static void start_reserve(void)
{
	const uint64_t wanted = preload_options.large_reserve;
	const uint64_t bytes = budget_reserve("RAMLOCK_LARGE_RESERVE", wanted);
	uint64_t done = 0, step;

	for (; done < bytes; done = large_arena.counters.resident) {
		step = budget_step(bytes - done);
		if (step == 0) {
			budget_tell_taken("RAMLOCK_LARGE_RESERVE", wanted, done);
			return;
		}
		if (arena_reserve(&large_arena, done + step) != 0) {
			budget_tell_cut("RAMLOCK_LARGE_RESERVE", wanted, done,
				       "the kernel or a limit refuses; lower it or set LimitMEMLOCK=infinity");
			return;
		}
	}
}

static void publish_addresses(void)
{
	stats_set(STAT_large_start, (uint64_t)(uintptr_t)large_arena.base);
	stats_set(STAT_large_end, (uint64_t)(uintptr_t)large_arena.base + large_arena.size);
}

void large_start(void)
{
	const struct arena_settings settings = {
		.retain = preload_options.large_retain,
		.reserve = preload_options.large_reserve,
		.chunk = GROWTH,
		.huge = preload_options.huge == HUGE_THP,
		.published = (struct arena_counters *)&stats->values[STAT_large_blocks],
	};
	size_t size = wanted_addresses();
	uintptr_t metadata = 0, base;

	if (preload_options.large == OPTION_OFF || level_now() == LEVEL_NONE)
		return;
	while (size >= LEAST_RESERVATION && metadata == 0) {
		metadata = reserve(ARENA_HUGE + size + arena_metadata_size(size));
		size /= metadata ? 1 : 2;
	}
	if (metadata == 0)
		return;
	/* in front, so that what is given back (large_relieve) is one piece with what lies above */
	base = (metadata + arena_metadata_size(size) + ARENA_HUGE - 1) & ~(uintptr_t)(ARENA_HUGE - 1);
	if (arena_init(&large_arena, (void *)base, size, (void *)metadata, &operations,
		       &settings) != 0)
		return;
	large_threshold = preload_options.large;
	publish_addresses();
	start_reserve();
}

static void drop(void *at, size_t size)
{
	own_remove((uintptr_t)at, size);
	sys_munmap((uintptr_t)at, size);
}

/* Leaves so many of the addresses that were never used. */
static size_t shrink(size_t keep)
{
	size_t size = arena_shrink(&large_arena, keep, drop);

	publish_addresses();
	return size;
}

bool large_relieve(void)
{
	bool any;

	if (large_threshold == SIZE_MAX)
		return false;
	any = arena_trim(&large_arena, 0) > 0;
	if (__atomic_exchange_n(&relieved, true, __ATOMIC_RELAXED))
		return any;
	return shrink(0) || any;
}

void large_follow_limit(void)
{
	uint64_t share, unused;

	if (large_threshold == SIZE_MAX)
		return;
	unused = arena_tails(&large_arena);
	share = share_of_addresses(unused);
	if (share < unused)
		shrink(share < LEAST_RESERVATION ? 0 : share);
}

void *large_refused(void *block, size_t size)
{
	if (block)
		pages_tell_refused(size); /* the arena has counted it */
	return block;
}

void large_keep_all(bool all)
{
	if (large_threshold != SIZE_MAX)
		arena_keep(&large_arena, all ? SIZE_MAX : preload_options.large_retain,
			   preload_options.large_reserve);
}

void large_fork_child(void)
{
	if (large_threshold == SIZE_MAX)
		return;
	large_arena.published = (struct arena_counters *)&stats->values[STAT_large_blocks];
	arena_fork_child(&large_arena);
}

static void unlock(void *at, size_t size)
{
	if (size)
		sys_munlock((uintptr_t)at, size);
}

void large_unlock_tails(void)
{
	if (large_threshold != SIZE_MAX)
		arena_visit_tails(&large_arena, unlock);
}

void large_count(void)
{
	if (large_threshold != SIZE_MAX)
		arena_count(&large_arena, large_arena.published);
}
