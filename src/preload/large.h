/* SPDX-License-Identifier: MIT */
/* Large blocks: the process's arena of locked memory, between the malloc wrappers and arena.c.
 *
 * Until large_start has made the arena, and where there is none (level none, LARGE=off, no address
 * space), large_threshold is SIZE_MAX and no pointer is the arena's. Thread-safe; not
 * async-signal-safe. errno is left alone. */
#ifndef RAMLOCK_LARGE_H
#define RAMLOCK_LARGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/arena.h"
#include "preload/preload.h"

extern HIDDEN struct arena large_arena;
extern HIDDEN size_t large_threshold; /* blocks from this size are the arena's */

/* Makes the arena, and LARGE_RESERVE of it resident. By the constructor, after lock_start. */
void large_start(void);

/* Lets those of the malloc wrappers take from the arena whose blocks come back to us: wrap_malloc.c.
 * By the constructor, after large_start. */
void wrap_malloc_start(void);

/* Whether a pointer lies in the arena's addresses: one compare. */
static inline bool large_covers(const void *ptr)
{
	return arena_covers(&large_arena, ptr);
}

/* The kernel refused memory to the program: gives back what the arena keeps for reuse and the
 * addresses that it does not use. Whether that was anything, so that it is worth trying again. */
bool large_relieve(void);

/* The program has set RLIMIT_AS: gives up addresses as if the limit had been there at start, as calls
 * within libc and ld.so, which pass no wrapper, must not be refused for ours. */
void large_follow_limit(void);

/* Says once that the next malloc had to serve a block, which is not locked. Where it had none either
 * nothing is unlocked, and nothing is said. Returns the block. */
void *large_refused(void *block, size_t size);

/* After mlockall(MCL_CURRENT): takes addresses without memory off the lock account again. */
void large_unlock_tails(void);

/* Brings the counters page up to date, for the report. */
void large_count(void);

/* Whether all that is freed stays, so that no system call is made for it. */
void large_keep_all(bool all);

/* In a copy of the process, before any other call. */
void large_fork_child(void);

#endif
