/* SPDX-License-Identifier: MIT */
/* A set of ranges that the program locked, changed as the kernel would change its marks. */
#include "config.h"

#include <sys/mman.h>

#include "common/maps.h"
#include "common/size.h"
#include "common/sys.h"
#include "preload/bare_locks.h"
#include "preload/guard.h"
#include "preload/ledger.h"
#include "preload/level.h"
#include "preload/own.h"
#include "preload/preload.h"
#include "preload/vm.h"

#define RESERVE 64	  /* ranges, more than most programs lock */
#define BUFFER_SIZE 32768 /* to read maps in */

static struct guard lock = GUARD_INITIALIZER;
static struct ledger locked; /* by their count, which is 1 */
static bool kept;   /* the set is in use; never false again */
static bool future; /* mlockall(MCL_FUTURE) */

static bool is_kept(void)
{
	return __atomic_load_n(&kept, __ATOMIC_ACQUIRE);
}

/* Whether the kernel's answer is looked at at all: see is_answered of wrap_madvise.c. */
static bool is_wanted(void)
{
	return is_kept() || level_now() != LEVEL_NONE || preload_options.unlock == UNLOCK_COUNT;
}

/* Between guard_enter and guard_leave. */
static void make(void)
{
	if (kept)
		return;
	ledger_init(&locked, own_map);
	__atomic_store_n(&kept, true, __ATOMIC_RELEASE);
}

/* Without memory it knows nothing: a lock that is not in it is taken for ours, and the call succeeds. */
static void set(uintptr_t start, uintptr_t end, bool value)
{
	if (ledger_set(&locked, start, end, (struct ledger_record){.count = value}) != 0)
		ledger_clear(&locked);
}

static void set_pages(uintptr_t at, size_t size, bool value)
{
	const uintptr_t start = size_page_down(at), end = size_page_up(at + size);

	if (end > start)
		set(start, end, value);
}

void bare_locks_add(uintptr_t at, size_t size)
{
	uint64_t signals;

	if (!is_wanted() || own_kind_at(at))
		return;
	signals = guard_enter(&lock);
	make();
	set_pages(at, size, true);
	guard_leave(&lock, signals);
}

void bare_locks_remove(uintptr_t at, size_t size)
{
	uint64_t signals;

	if (!is_kept())
		return;
	signals = guard_enter(&lock);
	set_pages(at, size, false);
	guard_leave(&lock, signals);
}

/* libc changes the heap's end unseen, so that it counts only where all that comes is locked. */
static void add_mapped(void)
{
	intptr_t buffer = vm->map(0, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	struct mapping mapping;
	struct maps maps;

	if (sys_is_error(buffer))
		return;
	if (maps_open(&maps, "/proc/self/maps", NULL, (char *)buffer, BUFFER_SIZE) == 0) {
		while (maps_next(&maps, &mapping))
			if (mapping.class != MAPS_KERNEL && !own_kind_at(mapping.start) &&
			    (mapping.class != MAPS_HEAP || future))
				set(mapping.start, mapping.end, true);
		maps_close(&maps);
	}
	set((uintptr_t)buffer, (uintptr_t)buffer + BUFFER_SIZE, false);
	vm->unmap((uintptr_t)buffer, BUFFER_SIZE);
}

void bare_locks_prepare(void)
{
	uint64_t signals;

	if (!is_wanted())
		return;
	signals = guard_enter(&lock);
	make();
	ledger_reserve(&locked, RESERVE);
	guard_leave(&lock, signals);
}

void bare_locks_add_all(int flags)
{
	uint64_t signals;

	if (!is_kept())
		return;
	signals = guard_enter(&lock);
	__atomic_store_n(&future, (flags & MCL_FUTURE) != 0, __ATOMIC_RELAXED);
	if (flags & MCL_CURRENT)
		add_mapped();
	guard_leave(&lock, signals);
}

void bare_locks_remove_all(void)
{
	uint64_t signals;

	if (!is_kept())
		return;
	signals = guard_enter(&lock);
	ledger_clear(&locked);
	__atomic_store_n(&future, false, __ATOMIC_RELAXED);
	guard_leave(&lock, signals);
}

void bare_locks_mapped(uintptr_t at, size_t size, int flags)
{
	if (flags & MAP_LOCKED || __atomic_load_n(&future, __ATOMIC_RELAXED))
		bare_locks_add(at, size);
	else
		bare_locks_remove(at, size);
}

void bare_locks_unmapped(uintptr_t at, size_t size)
{
	bare_locks_remove(at, size);
}

/* Each page keeps its lock; what is added has that of the last one. A size of 0 maps the same pages
 * once more. */
void bare_locks_moved(uintptr_t from, size_t old_size, uintptr_t to, size_t new_size)
{
	const size_t size = old_size < new_size ? old_size : new_size;
	const uintptr_t last = old_size ? from + old_size - size_page() : from;
	struct ledger_range piece;
	uint64_t signals;
	bool grown;

	if (!is_kept())
		return;
	signals = guard_enter(&lock);
	grown = ledger_piece(&locked, last, last + size_page()).record.count;
	for (uintptr_t at = from; from != to && at < from + size; at = piece.end) {
		piece = ledger_piece(&locked, at, from + size);
		set(to + (at - from), to + (piece.end - from), piece.record.count);
	}
	if (from != to && old_size)
		set(from, from + old_size, false);
	else if (new_size < old_size)
		set(from + new_size, from + old_size, false);
	if (new_size > size)
		set(to + size, to + new_size, grown);
	guard_leave(&lock, signals);
}

void bare_locks_fork_child(void)
{
	if (guard_fork_child(&lock))
		ledger_init(&locked, own_map); /* half changed */
	ledger_clear(&locked);
	future = false;
}

uintptr_t bare_locks_first(uintptr_t start, uintptr_t end)
{
	struct ledger_range piece;
	uint64_t signals;

	if (!is_kept())
		return end;
	signals = guard_enter(&lock);
	while (start < end) {
		piece = ledger_piece(&locked, start, end);
		if (piece.record.count)
			break;
		start = piece.end;
	}
	guard_leave(&lock, signals);
	return start;
}
