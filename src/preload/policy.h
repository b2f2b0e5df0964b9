/* SPDX-License-Identifier: MIT */
/* The lock policy: how resident a range of memory is wanted. One pure function, the only place where
 * that is decided; what a level then does about it is in level_*.c.
 *
 * Reads nothing but its arguments; async-signal-safe. */
#ifndef RAMLOCK_POLICY_H
#define RAMLOCK_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/maps.h"
#include "common/options.h"
#include "common/stats.h"
#include "preload/ledger.h"

/* What happens to the range. */
enum policy_event {
	POLICY_START,  /* it is mapped as the constructor runs, or as the level changes */
	POLICY_MAPPED, /* the program mapped it: prot and flags are those of mmap(2) */
	POLICY_OPENED, /* the program made a reservation accessible by mprotect(2) */
	POLICY_GROWN,  /* the heap or an arena of libc's, a library: mapped by libc, or by brk(2) */
};

struct policy_request {
	enum policy_event event;
	enum map_class class;
	uint64_t size;
	int prot, flags;
	bool bss;     /* of class MAPS_DATA: anonymous */
	bool hugetlb; /* pages of a hugetlb pool, which the kernel never swaps */
};

/* RESIDENCY_UNLOCKED: not locked by ramlock, and at level future unlocked again. */
enum residency policy_residency(const struct options *o, enum level level, const struct policy_request *r);

/* Whether the program itself asked mmap(2) for resident pages (MAP_LOCKED, MAP_POPULATE). */
bool policy_is_wished(int flags);

/* The class of what mmap(2) gives. */
enum map_class policy_class(int prot, int flags);

#endif
