/* SPDX-License-Identifier: MIT */
/* The set of mappings that are spared, with a lock of its own. */
#include "config.h"

#include <sys/mman.h>

#include "common/sys.h"
#include "preload/lock.h"
#include "preload/masked.h"
#include "preload/preload.h"
#include "preload/ranges.h"
#include "preload/spared.h"

#define SET_ROOM 32768 /* ranges; the memory is touched as they come */

static struct masked lock = MASKED_INITIALIZER;
static struct ranges set; /* value: enum spared */
static bool kept;

void spared_start(void)
{
	struct range *memory;

	if (lock_level() == LEVEL_NONE ||
	    (preload_options.lock != LOCK_EAGER && preload_options.files != FILES_NEVER))
		return;
	memory = lock_map_own(SET_ROOM * sizeof(struct range));
	if (memory == NULL)
		return;
	ranges_init(&set, memory, SET_ROOM);
	kept = true;
}

void spared_set(uintptr_t at, size_t size, enum spared how)
{
	uint64_t signals;

	if (!kept)
		return;
	signals = masked_enter(&lock);
	ranges_set(&set, size_page_down(at), at + size_page_up(size), how);
	masked_leave(&lock, signals);
}

void spared_moved(uintptr_t from, size_t old_size, uintptr_t to, size_t new_size)
{
	const size_t size = old_size < new_size ? old_size : new_size;
	uint64_t signals;
	struct range piece = {0};

	if (!kept)
		return;
	signals = masked_enter(&lock);
	for (uintptr_t at = from; at < from + size; at = piece.end) {
		piece = ranges_piece(&set, at, from + size);
		ranges_set(&set, to + (at - from), to + (piece.end - from), piece.value);
	}
	if (new_size > old_size) /* as the kernel extends the lock of the last page */
		ranges_set(&set, to + old_size, to + new_size, piece.value);
	if (from != to)
		ranges_set(&set, from, from + old_size, SPARED_NOT);
	else if (old_size > new_size)
		ranges_set(&set, from + new_size, from + old_size, SPARED_NOT);
	masked_leave(&lock, signals);
}

enum spared spared_piece(uintptr_t start, uintptr_t *end)
{
	struct range piece = {start, *end, SPARED_NOT};
	uint64_t signals;

	if (!kept)
		return SPARED_NOT;
	signals = masked_enter(&lock);
	piece = ranges_piece(&set, start, *end);
	masked_leave(&lock, signals);
	*end = piece.end;
	return piece.value;
}

void spared_fork_child(void)
{
	if (!kept)
		return;
	if (masked_fork_child(&lock))
		set.count = 0; /* half changed: all is locked on fault in a child */
	for (size_t i = 0; i < set.count; i++) /* the child was locked as a whole */
		if (set.at[i].value == SPARED_UNLOCKED)
			sys_munlock(set.at[i].start, set.at[i].end - set.at[i].start);
}
