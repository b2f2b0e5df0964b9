/* SPDX-License-Identifier: MIT */
/* Takes MCL_FUTURE off and puts it back, and steps down to level ranges. */
#include "config.h"

#include <sys/mman.h>

#include "common/limits.h"
#include "common/sys.h"
#include "preload/guard.h"
#include "preload/large.h"
#include "preload/level.h"
#include "preload/preload.h"
#include "preload/privileges.h"
#include "preload/shortage.h"
#include "preload/startup.h"
#include "preload/vm.h"

static struct guard guard = GUARD_INITIALIZER;
static unsigned suspended; /* threads inside privileges_suspend … privileges_settle */
static bool taken_off;	   /* MCL_FUTURE, by privileges_suspend */

void privileges_start(void)
{
	guard_init(&guard);
}

/* What allows the process to lock all that it maps now, tried; *memlock is the soft RLIMIT_MEMLOCK.
 * Where no reservation can be made to try it (RLIMIT_AS), the capability's bit is believed. */
static enum reason right_now(uint64_t *memlock)
{
	struct sys_rlimit now;
	int capable;

	vm->limit(RLIMIT_MEMLOCK, &now);
	*memlock = now.soft;
	if (now.soft == SYS_RLIM_INFINITY)
		return REASON_UNLIMITED;
	capable = vm->is_capable(now.soft);
	return capable == 1 || (capable < 0 && capable != -EAGAIN) ? REASON_CAPABLE : REASON_LIMIT;
}

/* Whether level future is lost with a capability, or with the limit. */
static bool is_at_stake(bool limit_too)
{
	return level_now() == LEVEL_FUTURE &&
	       (stats_reason() == REASON_CAPABLE ? !limit_too : limit_too);
}

void privileges_suspend(bool limit_too)
{
	uint64_t signals;

	if (!preload_is_own_process()) /* a vfork child's rights are no affair of its parent's memory */
		return;
	signals = guard_enter(&guard);
	if (suspended++ == 0)
		taken_off = false;
	if (!taken_off && is_at_stake(limit_too))
		taken_off = vm->lock_all(MCL_CURRENT | MCL_ONFAULT) == 0;
	guard_leave(&guard, signals);
}

/* MCL_CURRENT has put the arena's empty addresses on the lock account, and what FILES=never left out. */
static void put_back(enum reason right)
{
	struct ledger_range range;
	uint64_t signals;

	level_set(LEVEL_FUTURE, right, 0);
	vm->lock_all(MCL_FUTURE | MCL_ONFAULT);
	large_unlock_tails();
	signals = level_enter();
	for (uintptr_t above = 0; ledger_next(&level_state.ledger, above, &range); above = range.end)
		if (!level_future.covers(&range.record))
			vm->unlock(range.start, range.end - range.start);
	level_leave(signals);
}

static struct ledger_record counted(struct ledger_record old, void *context)
{
	(void)context;
	return (struct ledger_record){.count = old.count};
}

/* The ledger at level ranges from what is mapped, all of it locked, and the end of the order given back
 * until the rest fits: nothing that stays is unlocked for a moment. The bytes that the policy wants, or
 * -errno; *missing of them are not locked. */
static int64_t take_stock(uint64_t limit, uint64_t *missing)
{
	const uint64_t signals = level_enter();
	int64_t need;

	ledger_change(&level_state.ledger, 0, size_page_down(UINTPTR_MAX), counted, NULL);
	need = startup_survey(true);
	level_shrink(limit);
	if (!taken_off)
		level_lock_again();
	*missing = level_state.ledger.wanting;
	level_leave(signals);
	return need;
}

/* Where maps can't be read (a chroot without /proc), what is locked stays so. The main stack's growth is
 * compared with the limit and would end in SIGSEGV. */
static void go_blind(uint64_t limit)
{
	const uint64_t signals = level_enter();

	level_set_limit(limit);
	if (taken_off)
		startup_unlock_stack();
	else
		level_lock_again(); /* the program's own */
	level_state.blind = taken_off;
	level_leave(signals);
}

/* Where the program called mlockall itself, what it locked stays, as it does bare. Where MCL_FUTURE is
 * still on although the right has gone, it can be taken off only with all the locks. */
static void step_down(const char *operation, uint64_t limit)
{
	uint64_t missing = 0;
	int64_t need = 0;

	shortage_expect(true);
	level_set(LEVEL_RANGES, REASON_LIMIT, 0);
	level_set_limit(limit);
	if (!taken_off)
		vm->unlock_all();
	if (level_is_by_program() &&
	    (startup_lock_all(MCL_CURRENT | MCL_ONFAULT, limit) == 0 || taken_off)) {
		shortage_tell_lost(operation, limit, false, 0, 0);
		return;
	}
	need = take_stock(limit, &missing);
	if (need < 0)
		go_blind(limit);
	stats_set(STAT_need, need < 0 ? 0 : (uint64_t)need);
	if (!shortage_tell_lost(operation, limit, need >= 0, (uint64_t)need, missing))
		shortage_expect(false);
}

/* At level ranges: the ledger follows the limit. */
static void follow_limit(const char *operation, enum reason right, uint64_t limit)
{
	uint64_t signals, need, missing, given;

	signals = level_enter();
	if (level_state.stack_locked)
		startup_unlock_stack();
	need = level_state.ledger.own + level_state.ledger.wanting;
	given = level_shrink(right == REASON_LIMIT ? limit : LIMITS_NONE);
	missing = startup_lock_wanted();
	startup_lock_stack();
	level_leave(signals);
	if (given)
		shortage_tell_lost(operation, limit, true, need, missing);
}

void privileges_settle(const char *operation)
{
	enum reason right;
	uint64_t limit, signals;

	if (!preload_is_own_process()) /* a vfork child's rights are no affair of its parent's memory */
		return;
	signals = guard_enter(&guard);
	if (--suspended == 0 && level_now() != LEVEL_NONE) {
		right = right_now(&limit);
		if (level_now() == LEVEL_RANGES)
			follow_limit(operation, right, limit);
		else if (right == REASON_LIMIT)
			step_down(operation, limit);
		else
			put_back(right);
	}
	guard_leave(&guard, signals);
}

static bool step_down_late(const char *operation)
{
	uint64_t limit, signals = guard_enter(&guard);
	bool lost = level_now() == LEVEL_FUTURE && suspended == 0 && right_now(&limit) == REASON_LIMIT;

	if (lost) {
		taken_off = false;
		step_down(operation, limit);
	}
	guard_leave(&guard, signals);
	return lost;
}

bool privileges_make_room(const char *operation, uintptr_t at, size_t size)
{
	if (level_now() == LEVEL_FUTURE && preload_is_own_process())
		return step_down_late(operation);
	return level_make_room(at, size);
}

void privileges_fork_child(bool rebuild)
{
	uint64_t missing;

	guard_fork_child(&guard);
	suspended = 0;
	taken_off = false;
	if (rebuild && level_now() == LEVEL_RANGES)
		take_stock(level_limit(), &missing);
}
