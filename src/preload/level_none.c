/* SPDX-License-Identifier: MIT */
/* Level none: nothing is locked on the library's account. With UNLOCK=count the program's own locks are
 * still counted. */
#include "config.h"

#include "preload/level.h"
#include "preload/vm.h"

static void none_mapped(uintptr_t start, uintptr_t end, const struct mapping_request *r)
{
	const uint64_t signals = level_enter();

	(void)r;
	ledger_set(&level_state.ledger, start, end, (struct ledger_record){0});
	level_leave(signals);
}

static void none_opened(uintptr_t start, uintptr_t end, enum map_class class, enum residency wanted)
{
	(void)start;
	(void)end;
	(void)class;
	(void)wanted;
}

static void none_extended(uintptr_t start, uintptr_t end, struct ledger_record last)
{
	const uint64_t signals = level_enter();

	ledger_set(&level_state.ledger, start, end, last);
	level_leave(signals);
}

static bool none_covers(const struct ledger_record *record)
{
	(void)record;
	return false;
}

static bool none_make_room(uint64_t bytes)
{
	(void)bytes;
	return false;
}

static void none_relock(uintptr_t start, uintptr_t end, bool sparse)
{
	const uint64_t signals = level_enter();

	(void)sparse;
	for (uintptr_t at = start; at < end;) {
		const struct ledger_range piece = ledger_piece(&level_state.ledger, at, end);

		if (piece.record.count)
			vm->lock(piece.start, piece.end - piece.start, 0);
		at = piece.end;
	}
	level_leave(signals);
}

static bool none_unify(uintptr_t start, uintptr_t end)
{
	(void)start;
	(void)end;
	return false;
}

static void none_fork_child(void)
{
	ledger_clear(&level_state.ledger);
}

const struct level_ops level_none = {
	.mapped = none_mapped,
	.opened = none_opened,
	.extended = none_extended,
	.covers = none_covers,
	.make_room = none_make_room,
	.relock = none_relock,
	.unify = none_unify,
	.fork_child = none_fork_child,
};
