/* SPDX-License-Identifier: MIT */
/* Level ranges: under a finite limit, ranges are locked in the order of enum map_class while there is room.
 * What is earlier in the order takes the room of what is later; what finds none is kept in mind, and told
 * once. In eager mode only what is locked is made resident. */
#include "config.h"

#include <sys/mman.h>

#include "preload/level.h"
#include "preload/preload.h"
#include "preload/shortage.h"
#include "preload/startup.h"
#include "preload/vm.h"

/* Whether the policy leaves a piece alone: what is locked already, and what FILES=never does not want. */
static bool is_settled(const struct ledger_record *record)
{
	return record->locked || record->count ||
	       (record->class && record->residency == RESIDENCY_UNLOCKED);
}

static uint64_t unsettled_bytes(uintptr_t at, uintptr_t end)
{
	uint64_t bytes = 0;

	while (at < end) {
		const struct ledger_range piece = ledger_piece(&level_state.ledger, at, end);

		bytes += is_settled(&piece.record) ? 0 : piece.end - piece.start;
		at = piece.end;
	}
	return bytes;
}

/* Whether it is locked now. */
static bool cover_piece(const struct ledger_range *piece, enum map_class class, enum residency wanted, bool fits)
{
	struct ledger_record record = {.class = class + 1, .residency = wanted};

	record.locked = fits && vm->lock(piece->start, piece->end - piece->start, MLOCK_ONFAULT) == 0;
	record.wanting = !record.locked;
	if (!record.locked)
		stats_add(STAT_locks_refused, 1);
	ledger_set(&level_state.ledger, piece->start, piece->end, record);
	return record.locked;
}

/* Locks what of a range nobody holds yet, all of it or nothing, so that a mapping stays in one piece.
 * Whether all is locked now. */
static bool cover(uintptr_t start, uintptr_t end, enum map_class class, enum residency wanted)
{
	uint64_t signals, bytes;
	bool fits, locked;

	if (level_is_by_program())
		return true; /* its mlockall counts what comes */
	signals = level_enter();
	bytes = unsettled_bytes(start, end);
	fits = locked = bytes == 0 || level_fit(bytes, class);
	for (uintptr_t at = start; bytes && at < end;) {
		const struct ledger_range piece = ledger_piece(&level_state.ledger, at, end);

		if (!is_settled(&piece.record))
			locked &= cover_piece(&piece, class, wanted, fits);
		at = piece.end;
	}
	level_leave(signals);
	if (!locked)
		shortage_tell(map_class_names[class]);
	return locked;
}

static void cover_and_populate(uintptr_t start, uintptr_t end, enum map_class class, enum residency wanted)
{
	if (cover(start, end, class, wanted) && wanted == RESIDENCY_RESIDENT)
		level_populate(start, end);
}

static void ranges_mapped(uintptr_t start, uintptr_t end, const struct mapping_request *r)
{
	/* what is not to be locked keeps a record where a later mprotect(2) must not change that */
	const bool never = r->policy.class == MAPS_FILE && r->policy.prot != PROT_NONE &&
			   r->wanted == RESIDENCY_UNLOCKED && preload_options.files == FILES_NEVER;
	struct ledger_record record = {.class = never ? r->policy.class + 1 : 0};
	const uint64_t signals = level_enter();

	ledger_set(&level_state.ledger, start, end, record);
	level_leave(signals);
	if (r->wanted != RESIDENCY_UNLOCKED && !(r->policy.flags & MAP_LOCKED) && r->policy.prot != PROT_NONE)
		cover_and_populate(start, end, r->policy.class, r->wanted);
}

static void ranges_opened(uintptr_t start, uintptr_t end, enum map_class class, enum residency wanted)
{
	cover_and_populate(start, end, class, wanted);
}

static void ranges_extended(uintptr_t start, uintptr_t end, struct ledger_record last)
{
	const uint64_t signals = level_enter();

	last.thread = 0;
	ledger_set(&level_state.ledger, start, end, last);
	level_leave(signals);
	if (last.residency == RESIDENCY_RESIDENT && last.locked)
		level_populate(start, end);
}

static bool ranges_covers(const struct ledger_record *record)
{
	return record->locked;
}

/* More is locked than the ledger knows of (a step down where maps could not be read): all of that goes, but
 * the program's own. */
static void see_again(void)
{
	struct ledger_range range;

	vm->unlock_all();
	for (uintptr_t above = 0; ledger_next(&level_state.ledger, above, &range); above = range.end)
		if (range.record.count)
			vm->lock(range.start, range.end - range.start, MLOCK_ONFAULT);
	level_state.blind = false;
}

static bool ranges_make_room(uint64_t bytes)
{
	const uint64_t signals = level_enter();
	const uint64_t room = level_room_now(), own = level_state.ledger.own;
	const bool was_blind = level_state.blind;
	uint64_t missing = room < bytes ? bytes - room : size_page(), given = 0;

	if (was_blind)
		see_again();
	else if (!level_fit(bytes, MAPS_CLASSES)) /* the stacks of threads that have ended */
		while (given < missing && level_state.ledger.own)
			given += level_give_back_last(missing - given, -1);
	else if (room >= bytes) /* the kernel's count is another than ours */
		given += level_give_back_last(missing, -1);
	if (level_room_now() < bytes && level_state.stack_locked) {
		startup_unlock_stack();
		given += size_page();
	}
	level_leave(signals);
	return was_blind || given || level_state.ledger.own < own;
}

static void ranges_relock(uintptr_t start, uintptr_t end, bool sparse)
{
	while (start < end) {
		const uint64_t signals = level_enter();
		struct ledger_range piece = ledger_piece(&level_state.ledger, start, end);

		if (piece.record.locked || piece.record.count)
			vm->lock(piece.start, piece.end - piece.start, piece.record.count ? 0 : MLOCK_ONFAULT);
		start = piece.end;
		if (sparse && piece.record.residency == RESIDENCY_RESIDENT) {
			piece.record.residency = RESIDENCY_ON_FAULT;
			ledger_set(&level_state.ledger, piece.start, piece.end, piece.record);
		}
		level_leave(signals);
		if (piece.record.locked && piece.record.residency == RESIDENCY_RESIDENT && level_state.resident)
			level_populate(piece.start, piece.end);
	}
}

static bool ranges_unify(uintptr_t start, uintptr_t end)
{
	const uint64_t signals = level_enter();

	level_give_back(start, end);
	level_leave(signals);
	return true;
}

static void ranges_fork_child(void)
{
	level_lock_again();
	if (level_state.stack_locked)
		startup_lock_stack();
	stats_set(STAT_locked, level_state.ledger.own);
}

const struct level_ops level_ranges = {
	.mapped = ranges_mapped,
	.opened = ranges_opened,
	.extended = ranges_extended,
	.covers = ranges_covers,
	.make_room = ranges_make_room,
	.relock = ranges_relock,
	.unify = ranges_unify,
	.fork_child = ranges_fork_child,
};
