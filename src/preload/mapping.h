/* SPDX-License-Identifier: MIT */
/* What the policy does with the program's mappings as they come, change and go.
 *
 * A mapping is wanted resident (eager mode), locked on fault (onfault mode; in every mode
 * reservations, and files by FILES=onfault), or not locked (FILES=never). The wrappers make the
 * program's call and report it here; the result of a call is never other than the kernel's own.
 * Callable by any thread. errno is left alone where nothing else is said. */
#ifndef RAMLOCK_MAPPING_H
#define RAMLOCK_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/maps.h"

/* How a new mapping is wanted; LEFT: as the kernel makes it, with no look at it. */
enum mapping_want { WANT_LEFT, WANT_UNLOCKED, WANT_ONFAULT, WANT_RESIDENT };

/* The arguments of mmap(2). */
struct mapping_request {
	void *at;
	size_t size;
	int prot, flags, fd;
	off_t offset;
	enum mapping_want want; /* by mapping_plan */
	unsigned mark;		/* by mapping_plan: see future_mark */
};

/* Decides how a mapping is wanted. */
void mapping_plan(struct mapping_request *request);

/* Makes a mapping that eager mode would populate although it is not wanted resident. MAP_FAILED
 * when there is no need, or where that is not possible: the plain call is the answer then. errno is
 * not kept. */
void *mapping_make_sparse(const struct mapping_request *request);

/* After a mapping was made. */
void mapping_made(void *at, const struct mapping_request *request);

/* Whether a mapping that is gone, or came by another way than mmap, makes a difference. */
bool mapping_is_watched(void);

/* After mprotect(2) opened a range, or the heap was extended (MAPS_HEAP). */
void mapping_opened(uintptr_t at, size_t size, enum map_class class);

/* After mremap(2) made one range of another; old_size is 0 where the old one stayed as it was. */
void mapping_moved(uintptr_t from, size_t old_size, uintptr_t to, size_t new_size);

/* After [at, at + size) was unmapped. */
void mapping_gone(uintptr_t at, size_t size);

/* Whether address space or memory is counted: by a limit that allows so many bytes, by strict
 * overcommit, or because addresses have 32 bits. */
bool mapping_is_counted(size_t size);

/* The kernel refused a call with an error: gives back what of ours may be the cause. size: what the
 * call asked for. Whether it is worth trying again. */
bool mapping_make_room(int error, size_t size);

/* Makes the locks of a range alike, so that mremap(2) finds one mapping where it would without us.
 * Whether that may help, also because another thread did meanwhile; mapping_restore, on where the range is then, ends it. */
bool mapping_unify(uintptr_t at, size_t size);
void mapping_restore(uintptr_t at, size_t size);

/* Locks again what had to be unlocked for a moment, as it was before; sparsely: without making it
 * resident, from now on. */
void mapping_relock(uintptr_t at, size_t size, bool sparsely);

/* Eager mode: makes resident again what the program gave back, reservations apart. */
void mapping_refill(uintptr_t at, size_t size);

#endif
