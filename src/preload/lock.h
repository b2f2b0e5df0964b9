/* SPDX-License-Identifier: MIT */
/* Locks the process. Lock, populate and limit system calls are made here, in existing.c (what is
 * mapped), mapping.c (what comes later), pages.c (the arena), held*.c (the table) and future.c (the
 * kernel's flags), and nowhere else.
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

enum level lock_level(void);

/* The limit that binds, in bytes, or LIMITS_NONE; 0 where a sandbox lets nobody read it. */
uint64_t lock_limit(void);
bool lock_is_limit_unknown(void);

/* For future.c and existing.c: the level, and why; the limit that binds from now on. */
void lock_set_level(enum level to, enum reason reason, int error);
void lock_set_limit(uint64_t memlock);

/* What allows the process to lock all that it maps now, tried: REASON_UNLIMITED, REASON_CAPABLE, or
 * REASON_LIMIT where nothing does. *memlock is the soft RLIMIT_MEMLOCK. */
enum reason lock_right(uint64_t *memlock);

/* Memory that is mapped only because of us: counted off where the program's own limits matter. */
void lock_own(uintptr_t start, size_t size);
void lock_disown(uintptr_t start, size_t size); /* a part of what was mapped by one call */
bool lock_is_own(uintptr_t address);

/* Memory of our own for a table that is seldom full, counted as lock_own does: only what is touched
 * becomes resident, also in eager mode, and at level future it is locked then; under a finite limit
 * it would take room from the program's. NULL where there is none. */
void *lock_map_own(size_t size);

/* Bytes of address space that are there only because of us: of what lock_own was told of, of the
 * library's file and of the counters page. lock_is_library: in the file. */
uint64_t lock_own_bytes(void);
bool lock_is_library(uintptr_t address);

/* Bytes of address space that the process has, from statm (proc_pid_statm(5)). */
uint64_t lock_address_space(void);

/* In a forked child: locks again at the same level, on fault. */
void lock_relock(void);

/* From now on what comes is locked on fault, also in eager mode: there will be no call to say what not. */
void lock_set_onfault(void);

/* The flags of mlockall by which level future covers what comes. */
int lock_future_flags(void);

/* The policy ends because the program asked for it (UNLOCK=allow, munlockall). */
void lock_end(void);

#endif
