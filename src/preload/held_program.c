/* SPDX-License-Identifier: MIT */
/* The locks of the program itself, and what its calls do to the table. */
#include "config.h"

#include <sys/mman.h>

#include "common/limits.h"
#include "common/sys.h"
#include "preload/existing.h"
#include "preload/held.h"
#include "preload/held_table.h"
#include "preload/lock.h"
#include "preload/preload.h"

void held_program_locked(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals;

	if ((!held_is_kept() && lock_level() != LEVEL_FUTURE) || !held_whole_pages(at, size, &start, &end))
		return;
	signals = held_enter();
	if (held_make())
		ranges_add(&held_table.program, start, end, 1);
	held_leave(signals);
}

bool held_wraps(uintptr_t at, size_t size)
{
	uintptr_t start, end;

	return held_is_kept() && !held_whole_pages(at, size, &start, &end) &&
	       end - start <= held_get_limit() && held_ask_at_end(size) == -EINVAL;
}

bool held_make_room(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals, given = 0, missing, reclaimed;

	if (!held_is_kept() || lock_level() != LEVEL_RANGES || !held_whole_pages(at, size, &start, &end))
		return false;
	if (end - start > held_get_limit() || (at && !held_is_mapped(start, end)))
		return false; /* it would have failed without us */
	signals = held_enter();
	reclaimed = held_reclaim_stacks(end - start);
	missing = held_room();
	missing = missing < end - start ? end - start - missing : size_page();
	while (given < missing) {
		uint64_t part = held_give_back_last(missing - given);

		if (part == 0 && held_table.own.count == 0)
			break;
		given += part;
	}
	stats_set(STAT_locked, ranges_bytes(&held_table.own));
	held_leave(signals);
	return given + reclaimed > 0;
}

/* What munlock does to one piece of one value in each table. */
static void unlock_piece(uintptr_t start, uintptr_t end, bool owned, unsigned count)
{
	const int mode = preload_options.unlock;
	const bool policy = owned || lock_level() == LEVEL_FUTURE;
	bool unlock = mode == UNLOCK_ALLOW || !policy;

	if (mode == UNLOCK_COUNT) {
		unlock = count == 1 || (count == 0 && !policy);
		if (count > 1)
			ranges_set(&held_table.program, start, end, count - 1);
	}
	if (count == 1 || mode != UNLOCK_COUNT)
		ranges_set(&held_table.program, start, end, 0);
	if (!unlock) {
		stats_add(STAT_unlocks_held, 1);
		return;
	}
	sys_munlock(start, end - start);
	if (owned)
		ranges_set(&held_table.own, start, end, 0);
}

int held_program_unlock(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals;

	if (lock_level() == LEVEL_FUTURE && preload_options.unlock == UNLOCK_ALLOW && !held_is_kept())
		return sys_munlock(at, size);
	if (!held_whole_pages(at, size, &start, &end) || start == end)
		return held_ask_at_end(size);
	if (!held_is_mapped(start, end))
		return -ENOMEM;
	if (!held_is_kept()) {
		if (lock_level() == LEVEL_NONE)
			return sys_munlock(at, size);
		stats_add(STAT_unlocks_held, 1);
		return 0;
	}
	signals = held_enter();
	while (start < end) {
		struct range owned = ranges_piece(&held_table.own, start, end);
		struct range piece = ranges_piece(&held_table.program, start, owned.end);

		unlock_piece(start, piece.end, owned.value != 0, piece.value);
		start = piece.end;
	}
	stats_set(STAT_locked, ranges_bytes(&held_table.own));
	held_leave(signals);
	return 0;
}

/* What a program's mlockall leaves for the future is at least what the policy had. */
static void restore_future(int flags)
{
	if (lock_level() != LEVEL_FUTURE)
		return;
	if ((flags & MCL_FUTURE) && !(flags & MCL_ONFAULT))
		return; /* eager, which is the most there is */
	if (flags & MCL_FUTURE && lock_future_flags() & MCL_ONFAULT)
		return;
	sys_mlockall(lock_future_flags());
}

void held_program_locked_all(int flags)
{
	uint64_t signals;

	restore_future(flags);
	signals = held_enter();
	held_set_by_program(true, flags & MCL_FUTURE && !(flags & MCL_ONFAULT));
	/* Under a finite limit whatever the program maps from now on counts; a range of ours must
	 * not be what it fails for. */
	if (lock_level() == LEVEL_RANGES && flags & MCL_FUTURE) {
		while (!(flags & MCL_CURRENT) && held_table.own.count)
			held_give_back(held_table.own.at[held_table.own.count - 1]);
		held_table.own.count = 0; /* the program's now */
		stats_set(STAT_locked, 0);
	}
	held_leave(signals);
}

int held_program_lock_all(int flags, int error)
{
	uint64_t signals;

	if (!held_is_kept() || lock_level() != LEVEL_RANGES || error != -ENOMEM || !(flags & MCL_CURRENT))
		return error;
	signals = held_enter();
	error = existing_lock_all(flags, held_table.limit);
	if (error == 0) {
		held_set_by_program(true, held_table.eager_by_program);
		held_table.own.count = 0; /* the program's now */
		stats_set(STAT_locked, 0);
	}
	held_leave(signals);
	return error;
}

/* Unlocks what the program locked range by range, less what the policy holds. */
static void drop_program(void)
{
	const bool counted = preload_options.unlock == UNLOCK_COUNT;

	for (size_t i = 0; i < held_table.program.count; i++) {
		for (uintptr_t at = held_table.program.at[i].start; at < held_table.program.at[i].end;) {
			struct range piece = ranges_piece(&held_table.own, at, held_table.program.at[i].end);

			if (counted || (piece.value == 0 && lock_level() != LEVEL_FUTURE))
				sys_munlock(piece.start, piece.end - piece.start);
			at = piece.end;
		}
		if (counted)
			ranges_set(&held_table.own, held_table.program.at[i].start, held_table.program.at[i].end, 0);
	}
	held_table.program.count = 0;
}

/* Unlocks everything but what the policy holds; the pages stay where they are meanwhile. */
static void drop_all(void)
{
	sys_munlockall();
	for (size_t i = 0; i < held_table.own.count; i++)
		sys_mlock(held_table.own.at[i].start, held_table.own.at[i].end - held_table.own.at[i].start, MLOCK_ONFAULT);
}

int held_program_unlock_all(void)
{
	uint64_t signals;

	if (lock_level() == LEVEL_NONE || preload_options.unlock == UNLOCK_ALLOW) {
		lock_end();
		signals = held_enter();
		held_table.own.count = held_table.program.count = 0;
		held_set_by_program(false, false);
		held_leave(signals);
		return sys_munlockall();
	}
	stats_add(STAT_unlocks_held, 1);
	if (lock_level() == LEVEL_FUTURE)
		sys_mlockall(lock_future_flags());
	signals = held_enter();
	drop_program();
	if (held_table.all_by_program && lock_level() == LEVEL_RANGES)
		drop_all();
	held_set_by_program(false, false);
	held_leave(signals);
	return 0;
}

bool held_is_eager_by_program(void)
{
	return __atomic_load_n(&held_table.eager_by_program, __ATOMIC_RELAXED);
}

bool held_is_all_by_program(void)
{
	return __atomic_load_n(&held_table.all_by_program, __ATOMIC_RELAXED);
}
