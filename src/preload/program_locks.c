/* SPDX-License-Identifier: MIT */
/* The locks of the program itself: they are counted, come before ours, and an unlock takes nothing away
 * that the policy keeps. */
#include "config.h"

#include <sys/mman.h>

#include "common/limits.h"
#include "common/size.h"
#include "preload/level.h"
#include "preload/preload.h"
#include "preload/startup.h"
#include "preload/vm.h"

/* At level none they matter to UNLOCK=count alone. */
static bool is_counting(void)
{
	return level_now() != LEVEL_NONE || preload_options.unlock == UNLOCK_COUNT;
}

static struct ledger_record locked_once_more(struct ledger_record old, void *context)
{
	(void)context;
	old.count += old.count < UINT32_MAX;
	return old;
}

void level_program_locked(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals;

	if (!is_counting() || !level_pages(at, size, &start, &end) || start == end)
		return;
	signals = level_enter();
	ledger_change(&level_state.ledger, start, end, locked_once_more, NULL);
	level_leave(signals);
}

/* What the kernel says of a range that wraps, or of so many bytes that rounding wraps. A 64-bit kernel
 * accepts ranges that overflow 32 bits, so the last page is asked about, which is never mapped. */
static int ask_at_end(size_t size)
{
	return vm->unlock(size_page_down(UINTPTR_MAX), size);
}

bool level_wraps(uintptr_t at, size_t size)
{
	uintptr_t start, end;

	return level_now() == LEVEL_RANGES && !level_pages(at, size, &start, &end) &&
	       end - start <= level_limit() && ask_at_end(size) == -EINVAL;
}

bool level_is_program_locked(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals;
	bool found = level_is_by_program();

	if (found || !level_keeps_records() || !level_pages(at, size, &start, &end))
		return found;
	signals = level_enter();
	while (start < end && !found) {
		const struct ledger_range piece = ledger_piece(&level_state.ledger, start, end);

		found = piece.record.count != 0;
		start = piece.end;
	}
	level_leave(signals);
	return found;
}

/* Whether the policy keeps a piece locked. What it wants and had no room for it takes over as it is. */
static bool is_covered(struct ledger_record *record)
{
	if (level_now() == LEVEL_RANGES && preload_options.unlock == UNLOCK_HOLD && record->count &&
	    record->class && record->residency != RESIDENCY_UNLOCKED) {
		record->locked = true;
		record->wanting = false;
	}
	return level_table()->covers(record);
}

/* One piece of one record: whether it is to be unlocked. */
static bool unlock_piece(struct ledger_range piece)
{
	const bool covered = is_covered(&piece.record);
	const bool counting = preload_options.unlock == UNLOCK_COUNT;
	bool unlock = preload_options.unlock == UNLOCK_ALLOW || !covered;

	if (counting)
		unlock = piece.record.count == 1 || (piece.record.count == 0 && !covered);
	piece.record.count -= counting && piece.record.count > 1 ? 1 : piece.record.count;
	if (unlock)
		piece.record.locked = piece.record.wanting = false;
	ledger_set(&level_state.ledger, piece.start, piece.end, piece.record);
	return unlock;
}

int level_program_unlock(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals;

	if (!level_keeps_records() && (level_now() == LEVEL_NONE || preload_options.unlock == UNLOCK_ALLOW))
		return vm->unlock(at, size);
	if (!level_pages(at, size, &start, &end) || start == end)
		return ask_at_end(size);
	if (vm->look(start, end - start) != 0)
		return -ENOMEM;
	signals = level_enter();
	while (start < end) {
		const struct ledger_range piece = ledger_piece(&level_state.ledger, start, end);

		if (unlock_piece(piece))
			vm->unlock(piece.start, piece.end - piece.start);
		else
			stats_add(STAT_unlocks_held, 1);
		start = piece.end;
	}
	level_leave(signals);
	return 0;
}

/* Everything that is locked is the program's now. */
static void give_to_program(void)
{
	ledger_clear(&level_state.ledger);
	level_set_by_program(true);
}

/* Under a finite limit whatever the program maps from now on counts: a range of ours must not be what it
 * fails for. */
static void step_aside(int flags)
{
	while (!(flags & MCL_CURRENT) && level_state.ledger.own)
		level_give_back_last(level_state.ledger.own, -1);
	give_to_program();
}

/* What a program's mlockall leaves for the future is at least what the policy had. */
static void restore_future(int flags)
{
	if (level_now() == LEVEL_FUTURE && !(flags & MCL_FUTURE))
		vm->lock_all(MCL_FUTURE | MCL_ONFAULT);
}

void level_program_locked_all(int flags)
{
	uint64_t signals;

	restore_future(flags);
	signals = level_enter();
	if (level_now() == LEVEL_RANGES && flags & MCL_FUTURE)
		step_aside(flags);
	else
		level_set_by_program(level_is_by_program() || (flags & (MCL_CURRENT | MCL_FUTURE)));
	level_leave(signals);
}

int level_program_lock_all(int flags, int error)
{
	uint64_t signals;

	if (level_now() != LEVEL_RANGES || error != -ENOMEM || !(flags & MCL_CURRENT))
		return error;
	signals = level_enter();
	error = startup_lock_all(flags, level_state.limit);
	if (error == 0)
		give_to_program();
	level_leave(signals);
	return error;
}

static struct ledger_record never_locked(struct ledger_record old, void *context)
{
	(void)context;
	old.count = 0;
	if (preload_options.unlock == UNLOCK_COUNT)
		old.locked = old.wanting = false;
	return old;
}

/* Unlocks what the program locked range by range, less what the policy keeps. */
static void drop_program(void)
{
	const bool counting = preload_options.unlock == UNLOCK_COUNT;
	struct ledger_range range;

	for (uintptr_t above = 0; ledger_next(&level_state.ledger, above, &range); above = range.end) {
		if (range.record.count == 0)
			continue;
		if (counting || !level_table()->covers(&range.record))
			vm->unlock(range.start, range.end - range.start);
		ledger_change(&level_state.ledger, range.start, range.end, never_locked, NULL);
	}
}

/* Unlocks everything but what the policy keeps; the pages stay where they are meanwhile. */
static void drop_all(void)
{
	vm->unlock_all();
	level_lock_again();
}

int level_program_unlock_all(void)
{
	uint64_t signals;

	if (level_now() == LEVEL_NONE || preload_options.unlock == UNLOCK_ALLOW) {
		level_end();
		signals = level_enter();
		ledger_clear(&level_state.ledger);
		level_set_by_program(false);
		level_leave(signals);
		return vm->unlock_all();
	}
	stats_add(STAT_unlocks_held, 1);
	if (level_now() == LEVEL_FUTURE)
		vm->lock_all(MCL_FUTURE | MCL_ONFAULT);
	signals = level_enter();
	drop_program();
	if (level_is_by_program() && level_now() == LEVEL_RANGES)
		drop_all();
	level_set_by_program(false);
	level_leave(signals);
	return 0;
}
