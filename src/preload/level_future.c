/* SPDX-License-Identifier: MIT */
/* Level future: the kernel locks what comes, on fault. What is wanted resident is populated here, and what
 * is not wanted locked (FILES=never) is unlocked again; only these two have a record. */
#include "config.h"

#include <sys/mman.h>

#include "preload/budget.h"
#include "preload/level.h"
#include "preload/preload.h"
#include "preload/vm.h"

static void record_set(uintptr_t start, uintptr_t end, struct ledger_record record)
{
	const uint64_t signals = level_enter();

	ledger_set(&level_state.ledger, start, end, record);
	level_leave(signals);
}

/* Of the kind of what was just mapped. MADV_POPULATE_* are of Linux 5.14, and take the address space's
 * lock for reading alone. */
static int populate_mapped(uintptr_t start, uintptr_t end, const struct policy_request *r)
{
	const bool copies = r->prot & PROT_WRITE && (r->flags & MAP_TYPE) == MAP_PRIVATE;
	int error = vm->advise(start, end - start, copies ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);

	if (error != -EINVAL)
		return error;
	error = vm->lock(start, end - start, 0);
	vm->lock(start, end - start, MLOCK_ONFAULT);
	return error;
}

/* The program's own wish is its own affair; all else is charged. */
static bool is_made_resident(uintptr_t start, uintptr_t end, const struct policy_request *r)
{
	if (r->flags & MAP_LOCKED)
		return vm->lock(start, end - start, 0) == 0; /* which MCL_ONFAULT keeps mmap from doing */
	if (!policy_is_wished(r->flags) && !budget_fits(end - start)) {
		stats_add(STAT_populates_refused, 1);
		return false;
	}
	return populate_mapped(start, end, r) == 0;
}

static void future_mapped(uintptr_t start, uintptr_t end, const struct mapping_request *r)
{
	struct ledger_record record = {.class = r->policy.class + 1, .residency = r->wanted};

	if (r->policy.hugetlb)
		record = (struct ledger_record){0};
	else if (r->wanted == RESIDENCY_UNLOCKED)
		vm->unlock(start, end - start);
	else if (r->wanted == RESIDENCY_ON_FAULT || !is_made_resident(start, end, &r->policy) ||
		 !level_state.resident)
		record = (struct ledger_record){0};
	record_set(start, end, record);
}

static void future_opened(uintptr_t start, uintptr_t end, enum map_class class, enum residency wanted)
{
	if (wanted != RESIDENCY_RESIDENT)
		return;
	record_set(start, end, (struct ledger_record){.class = class + 1, .residency = wanted});
	if (class != MAPS_HEAP || !budget_fits(end - start) ||
	    vm->advise(start, end - start, MADV_POPULATE_WRITE) != 0) /* which locks for reading alone */
		level_populate(start, end);
}

/* Of the mapping's kind nothing is known here: level_populate serves each. */
static void future_extended(uintptr_t start, uintptr_t end, struct ledger_record last)
{
	record_set(start, end, last);
	if (last.residency == RESIDENCY_RESIDENT)
		level_populate(start, end);
}

static bool future_covers(const struct ledger_record *record)
{
	return record->class == 0 || record->residency != RESIDENCY_UNLOCKED;
}

/* Nothing is in the way of the program's locks as long as the right is there: see privileges.h. */
static bool future_make_room(uint64_t bytes)
{
	(void)bytes;
	return false;
}

static void relock_piece(struct ledger_range piece, bool sparse)
{
	const size_t size = piece.end - piece.start;

	if (!future_covers(&piece.record))
		return;
	vm->lock(piece.start, size, piece.record.count ? 0 : MLOCK_ONFAULT);
	if (piece.record.residency != RESIDENCY_RESIDENT)
		return;
	if (!sparse) {
		level_populate(piece.start, piece.end);
		return;
	}
	piece.record.class = piece.record.residency = 0;
	record_set(piece.start, piece.end, piece.record);
}

static void future_relock(uintptr_t start, uintptr_t end, bool sparse)
{
	while (start < end) {
		const uint64_t signals = level_enter();
		const struct ledger_range piece = ledger_piece(&level_state.ledger, start, end);

		level_leave(signals);
		relock_piece(piece, sparse);
		start = piece.end;
	}
}

static bool future_unify(uintptr_t start, uintptr_t end)
{
	const uint64_t signals = level_enter();
	const struct ledger_range piece = ledger_piece(&level_state.ledger, start, end);

	level_leave(signals);
	if (!future_covers(&piece.record))
		return vm->unlock(start, end - start) == 0;
	vm->lock(start, end - start, MLOCK_ONFAULT); /* refused when the right has gone */
	return true;
}

static void future_fork_child(void)
{
	int error = vm->lock_all(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	struct ledger_range range;

	if (error) {
		ledger_clear(&level_state.ledger);
		level_set(LEVEL_NONE, REASON_REFUSED, -error);
		return;
	}
	for (uintptr_t above = 0; ledger_next(&level_state.ledger, above, &range); above = range.end)
		if (!future_covers(&range.record))
			vm->unlock(range.start, range.end - range.start);
}

const struct level_ops level_future = {
	.mapped = future_mapped,
	.opened = future_opened,
	.extended = future_extended,
	.covers = future_covers,
	.make_room = future_make_room,
	.relock = future_relock,
	.unify = future_unify,
	.fork_child = future_fork_child,
};
