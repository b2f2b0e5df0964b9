/* SPDX-License-Identifier: MIT */
/* Locks the process: with held.c, future.c and, for what comes later, mapping.c the only file that
 * makes lock, populate and limit system calls.
 *
 * Level future: mlockall(MCL_FUTURE) covers what comes. Level ranges, under a finite limit: chosen
 * ranges in the order of enum map_class, until the limit is used. The level is written by
 * lock_start and only ever steps down. errno is left alone. */
#ifndef RAMLOCK_LOCK_H
#define RAMLOCK_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/maps.h"
#include "common/stats.h"

/* Raises RLIMIT_MEMLOCK as far as the process may, finds the level and, at level future, locks.
 * Touches no page. */
void lock_start(void);

/* Locks (level ranges) and populates what is mapped, as the policy says. stack_low is the lowest
 * address of the main stack's reserve. Tells the user what is not locked. */
void lock_existing(uintptr_t stack_low);

enum level lock_level(void);

/* For future.c: the level, and why; the limit that binds from now on. */
void lock_set_level(enum level to, enum reason reason, int error);
void lock_set_limit(uint64_t memlock);

/* What allows the process to lock all that it maps now, tried: REASON_UNLIMITED, REASON_CAPABLE, or
 * REASON_LIMIT where nothing does. *memlock is the soft RLIMIT_MEMLOCK. */
enum reason lock_right(uint64_t *memlock);

/* The lowest address of the main stack's reserve. */
uintptr_t lock_stack_low(void);

/* Memory that is mapped only because of us: counted off where the program's own limits matter. */
void lock_own(uintptr_t start, size_t size);
bool lock_is_own(uintptr_t address);

/* Memory of our own for a table that is seldom full, counted as lock_own does: only what is touched
 * becomes resident, also in eager mode, and at level future it is locked then; under a finite limit
 * it would take room from the program's. NULL where there is none. */
void *lock_map_own(size_t size);

/* Bytes of address space that the process has, from statm (proc_pid_statm(5)). */
uint64_t lock_address_space(void);

/* For the arena. Makes reserved addresses readable, writable, locked and resident, with 2 MiB pages
 * if huge: 0 or -errno, and nothing has changed. Asks the limits first. */
int lock_commit(uintptr_t at, size_t size, bool huge);

/* Gives the pages back; the addresses are PROT_NONE again. */
void lock_release(uintptr_t at, size_t size);

/* Says, once, why a large block had to be served by the next malloc. */
void lock_tell_large(size_t size);

/* In a forked child: locks again at the same level, on fault. */
void lock_relock(void);

/* The flags of mlockall by which level future covers what comes. */
int lock_future_flags(void);

/* Does what the program's mlockall(flags) asks, less what is mapped only because of us, where that
 * fits limit: 0 or -ENOMEM. */
int lock_everything(int flags, uint64_t limit);

/* The policy ends because the program asked for it (UNLOCK=allow, munlockall). */
void lock_end(void);

#endif
