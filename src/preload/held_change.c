/* SPDX-License-Identifier: MIT */
/* What changes the table as a whole: a fork, the end of threads, a step down to level ranges. */
#include "config.h"

#include <sys/mman.h>

#include "common/limits.h"
#include "common/sys.h"
#include "preload/held.h"
#include "preload/held_table.h"
#include "preload/lock.h"
#include "preload/preload.h"

void held_lock_again(const struct ranges *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (sys_mlock(set->at[i].start, set->at[i].end - set->at[i].start, MLOCK_ONFAULT))
			stats_add(STAT_locks_refused, 1);
}

/* Of the threads only the one that forked is in the child. */
static void forget_stacks(void)
{
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	for (size_t i = held_table.stacks.count; i > 0; i--) {
		struct range stack = held_table.stacks.at[i - 1];

		if (here - stack.start < stack.end - stack.start) {
			held_table.stacks.at[i - 1].value = (unsigned)SYS_CALL(SYS_gettid);
			continue;
		}
		ranges_set(&held_table.own, stack.start, stack.end, 0);
		ranges_set(&held_table.stacks, stack.start, stack.end, 0);
	}
}

bool held_fork_child(bool relock)
{
	const bool torn = masked_fork_child(&held_table.lock);
	const bool wanted = relock && lock_level() == LEVEL_RANGES;

	held_table.program.count = 0; /* locks are not inherited */
	held_set_by_program(false, false);
	if (torn || !wanted) {
		held_table.own.count = held_table.stacks.count = 0;
		return torn && wanted;
	}
	forget_stacks();
	held_lock_again(&held_table.own);
	stats_set(STAT_locked, ranges_bytes(&held_table.own));
	return false;
}

bool held_lock_stack(uintptr_t start, uintptr_t end)
{
	uint64_t signals;
	bool locked;

	if (!held_is_kept())
		return false;
	signals = held_enter();
	ranges_set(&held_table.own, start, end, 0); /* it may be that of a thread that has ended */
	ranges_set(&held_table.stacks, start, end, 0);
	held_reclaim_stacks(end - start);
	locked = held_room() >= end - start && sys_mlock(start, end - start, MLOCK_ONFAULT) == 0;
	if (locked) {
		ranges_set(&held_table.own, start, end, MAPS_THREAD_STACK + 1);
		ranges_set(&held_table.stacks, start, end, (unsigned)SYS_CALL(SYS_gettid));
	} else {
		held_unlock_own(start, end);
	}
	stats_set(STAT_locked, ranges_bytes(&held_table.own));
	held_leave(signals);
	return locked;
}

void held_adopt(uintptr_t start, uintptr_t end, enum map_class class)
{
	uint64_t signals = held_enter();

	if (held_make())
		ranges_set(&held_table.own, start, end, (unsigned)class + 1);
	held_leave(signals);
}

void held_drop(uintptr_t start, uintptr_t end)
{
	uint64_t signals = held_enter();

	held_unlock_own(start, end);
	held_leave(signals);
}

uint64_t held_limit(uint64_t limit)
{
	uint64_t signals = held_enter();
	uint64_t given = 0, bytes;

	held_set_limit(limit);
	while (held_table.own.count && (bytes = held_used()) > limit)
		given += held_give_back_last(bytes - limit);
	stats_set(STAT_locked, ranges_bytes(&held_table.own));
	held_leave(signals);
	return given;
}

void held_relock(void)
{
	uint64_t signals = held_enter();

	held_lock_again(&held_table.program);
	held_lock_again(&held_table.own);
	held_leave(signals);
}
