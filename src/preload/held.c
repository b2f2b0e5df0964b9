/* SPDX-License-Identifier: MIT */
/* The table of locks, and what the policy locks and gives back. */
#include "config.h"

#include <sys/mman.h>

#include "common/limits.h"
#include "common/sys.h"
#include "preload/held.h"
#include "preload/held_table.h"
#include "preload/lock.h"
#include "preload/masked.h"
#include "preload/preload.h"

#define TABLE_ROOM 32768 /* ranges; the memory is touched as they come */

struct held_table held_table = {.lock = MASKED_INITIALIZER, .limit = LIMITS_NONE};

uint64_t held_enter(void)
{
	return masked_enter(&held_table.lock);
}

void held_leave(uint64_t signals)
{
	masked_leave(&held_table.lock, signals);
}

bool held_make(void)
{
	const size_t bytes = TABLE_ROOM * sizeof(struct range);
	struct range *memory;

	if (held_table.kept)
		return true;
	memory = lock_map_own(3 * bytes);
	if (memory == NULL)
		return false;
	ranges_init(&held_table.own, memory, TABLE_ROOM);
	ranges_init(&held_table.program, memory + TABLE_ROOM, TABLE_ROOM);
	ranges_init(&held_table.stacks, memory + 2 * TABLE_ROOM, TABLE_ROOM);
	__atomic_store_n(&held_table.kept, true, __ATOMIC_RELEASE);
	return true;
}

bool held_is_table(uintptr_t address)
{
	return held_is_kept() && address - (uintptr_t)held_table.own.at < 3 * TABLE_ROOM * sizeof(struct range);
}

void held_start(uint64_t limit)
{
	held_set_limit(limit);
	if (lock_level() == LEVEL_RANGES || preload_options.unlock == UNLOCK_COUNT)
		held_make();
}

/* The program's bytes that lie in no range of ours: those are counted once by the kernel. */
uint64_t held_used(void)
{
	uint64_t bytes = ranges_bytes(&held_table.own);

	for (size_t i = 0; i < held_table.program.count; i++) {
		uintptr_t at = held_table.program.at[i].start;

		while (at < held_table.program.at[i].end) {
			struct range piece = ranges_piece(&held_table.own, at, held_table.program.at[i].end);

			if (piece.value == 0)
				bytes += piece.end - piece.start;
			at = piece.end;
		}
	}
	return bytes;
}

uint64_t held_room(void)
{
	uint64_t bytes = held_used();

	if (held_table.limit == LIMITS_NONE)
		return LIMITS_NONE;
	return bytes < held_table.limit ? size_page_down((uintptr_t)(held_table.limit - bytes)) : 0;
}

/* The stacks of threads that have ended make room where size bytes do not fit: libc may have kept
 * one for the next thread, or unmapped it, which nobody sees. */
uint64_t held_reclaim_stacks(uint64_t size)
{
	const long pid = SYS_CALL(SYS_getpid);
	uint64_t bytes = 0;

	if (held_table.stacks.count == 0 || held_table.limit == LIMITS_NONE || held_used() + size <= held_table.limit)
		return 0;
	for (size_t i = held_table.stacks.count; i > 0; i--) {
		struct range stack = held_table.stacks.at[i - 1];

		if (SYS_CALL(SYS_tgkill, pid, (long)stack.value, 0L) != -ESRCH)
			continue;
		ranges_set(&held_table.stacks, stack.start, stack.end, 0);
		for (uintptr_t at = stack.start; at < stack.end;) {
			struct range piece = ranges_piece(&held_table.own, at, stack.end);

			if (piece.value == MAPS_THREAD_STACK + 1)
				bytes += held_give_back(piece);
			at = piece.end;
		}
	}
	return bytes;
}

bool held_fits(size_t size)
{
	uint64_t signals = held_enter();
	bool fits;

	held_reclaim_stacks(size);
	fits = size <= held_room();
	held_leave(signals);
	return fits;
}

/* As much of a range as there is room for; the bytes that were locked. */
static size_t lock_piece(uintptr_t start, uintptr_t end, enum map_class class, int flags, int *error)
{
	size_t size = end - start;
	uint64_t room;

	*error = 0;
	held_reclaim_stacks(size);
	room = held_room();
	if (size > room)
		size = (size_t)room;
	if (size)
		*error = sys_mlock(start, size, flags);
	if (*error == -ENOSYS && flags) /* before Linux 4.4 */
		*error = sys_mlock(start, size, 0);
	if (*error)
		size = 0;
	if (size)
		ranges_set(&held_table.own, start, start + size, (unsigned)class + 1);
	return size;
}

size_t held_lock(uintptr_t start, uintptr_t end, enum map_class class, int flags, int *error)
{
	uint64_t signals;
	size_t size;

	*error = 0;
	if (!held_is_kept())
		return 0;
	signals = held_enter();
	size = lock_piece(start, end, class, flags, error);
	stats_set(STAT_locked, ranges_bytes(&held_table.own));
	held_leave(signals);
	return size;
}

/* The next piece of a range that nobody holds; false when there is none. */
static bool next_free(uintptr_t *at, uintptr_t end, struct range *free)
{
	while (*at < end) {
		struct range owned = ranges_piece(&held_table.own, *at, end);

		*free = ranges_piece(&held_table.program, *at, owned.end);
		*at = free->end;
		if (owned.value == 0 && free->value == 0)
			return true;
	}
	return false;
}

static uint64_t free_bytes(uintptr_t at, uintptr_t end)
{
	uint64_t bytes = 0;
	struct range piece;

	while (next_free(&at, end, &piece))
		bytes += piece.end - piece.start;
	return bytes;
}

bool held_cover(uintptr_t start, uintptr_t end, enum map_class class, int flags)
{
	uintptr_t at = start;
	uint64_t signals, bytes;
	struct range piece;
	int error = 0;

	if (!held_is_kept() || held_is_all_by_program())
		return held_is_kept();
	signals = held_enter();
	bytes = free_bytes(start, end);
	held_reclaim_stacks(bytes);
	if (bytes > held_room())
		error = -EAGAIN;
	while (error == 0 && next_free(&at, end, &piece))
		lock_piece(piece.start, piece.end, class, flags, &error);
	if (error)
		stats_add(STAT_locks_refused, 1);
	stats_set(STAT_locked, ranges_bytes(&held_table.own));
	held_leave(signals);
	return error == 0;
}

/* A range's whole pages, as the kernel rounds it; false where munlock(2) would say EINVAL. */
bool held_whole_pages(uintptr_t at, size_t size, uintptr_t *start, uintptr_t *end)
{
	*start = size_page_down(at);
	*end = *start + size_page_up(size + (at - *start));
	return *end >= *start;
}

/* What the kernel says of a range that wraps, or of so many bytes that rounding wraps: it may have
 * more bits than the program, and then they don't. Asked at the last page, which nobody has. */
int held_ask_at_end(size_t size)
{
	return sys_munlock(size_page_down(UINTPTR_MAX), size);
}

/* Unlocks what only the policy holds of a range, and takes it off the policy's account. */
uint64_t held_unlock_own(uintptr_t start, uintptr_t end)
{
	uint64_t bytes = 0;

	for (uintptr_t at = start; at < end;) {
		struct range piece = ranges_piece(&held_table.program, at, end);

		if (piece.value == 0) {
			sys_munlock(piece.start, piece.end - piece.start);
			bytes += piece.end - piece.start;
		}
		at = piece.end;
	}
	ranges_set(&held_table.own, start, end, 0);
	return bytes;
}

uint64_t held_give_back(struct range range)
{
	uint64_t bytes = held_unlock_own(range.start, range.end);

	stats_add(STAT_given_back, bytes);
	return bytes;
}

static bool is_stack(unsigned value)
{
	return value == MAPS_STACK + 1 || value == MAPS_THREAD_STACK + 1;
}

/* The last range of the order; a large one gives only what is wanted, from the end that is less in
 * use. */
uint64_t held_give_back_last(uint64_t wanted)
{
	struct range last = {0};

	for (size_t i = 0; i < held_table.own.count; i++)
		if (held_table.own.at[i].value >= last.value)
			last = held_table.own.at[i];
	if (last.value == 0)
		return 0;
	if (last.end - last.start > wanted && is_stack(last.value))
		last.end = last.start + size_page_up((uintptr_t)wanted);
	else if (last.end - last.start > wanted)
		last.start = last.end - size_page_up((uintptr_t)wanted);
	return held_give_back(last);
}

bool held_uncover(uintptr_t start, uintptr_t end)
{
	uint64_t signals;

	if (!held_is_kept())
		return false;
	signals = held_enter();
	for (uintptr_t at = start; at < end;) {
		struct range piece = ranges_piece(&held_table.own, at, end);

		if (piece.value)
			held_give_back(piece);
		at = piece.end;
	}
	stats_set(STAT_locked, ranges_bytes(&held_table.own));
	held_leave(signals);
	return true;
}

void held_again(uintptr_t start, uintptr_t end, int flags)
{
	uint64_t signals;

	if (!held_is_kept())
		return;
	signals = held_enter();
	for (uintptr_t at = start; at < end;) {
		struct range owned = ranges_piece(&held_table.own, at, end);
		struct range piece = ranges_piece(&held_table.program, at, owned.end);

		if (owned.value || piece.value)
			sys_mlock(at, piece.end - at, piece.value ? 0 : flags);
		at = piece.end;
	}
	held_leave(signals);
}

bool held_is_mapped(uintptr_t start, uintptr_t end)
{
	/* MS_ASYNC does nothing but look, since Linux 2.6.19; the only cheap probe for holes */
	return SYS_CALL(SYS_msync, start, end - start, MS_ASYNC) != -ENOMEM;
}

void held_unmapped(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals;

	if (!held_is_kept() || !held_whole_pages(at, size, &start, &end))
		return;
	signals = held_enter();
	ranges_set(&held_table.own, start, end, 0);
	ranges_set(&held_table.program, start, end, 0);
	ranges_set(&held_table.stacks, start, end, 0);
	stats_set(STAT_locked, ranges_bytes(&held_table.own));
	held_leave(signals);
}

/* One set's part of a move. What was mapped where the pages go to is gone. */
static void move_ranges(struct ranges *set, uintptr_t from, uintptr_t to, size_t size)
{
	for (uintptr_t at = from; at < from + size;) {
		struct range piece = ranges_piece(set, at, from + size);

		ranges_set(set, to + (at - from), to + (piece.end - from), piece.value);
		at = piece.end;
	}
	ranges_set(set, from, from + size, 0);
}

void held_moved(uintptr_t from, uintptr_t to, size_t size)
{
	uint64_t signals;

	if (!held_is_kept() || from == to)
		return;
	signals = held_enter();
	move_ranges(&held_table.own, from, to, size);
	move_ranges(&held_table.program, from, to, size);
	held_leave(signals);
}

void held_grown(uintptr_t end, uintptr_t new_end)
{
	uint64_t signals;

	if (!held_is_kept())
		return;
	signals = held_enter();
	ranges_set(&held_table.own, end, new_end, ranges_piece(&held_table.own, end - 1, end).value);
	ranges_set(&held_table.program, end, new_end, ranges_piece(&held_table.program, end - 1, end).value);
	stats_set(STAT_locked, ranges_bytes(&held_table.own));
	held_leave(signals);
}
