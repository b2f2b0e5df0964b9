/* SPDX-License-Identifier: MIT */
/* The table of locks, for held*.c alone. What is said of its members holds between held_enter and
 * held_leave. */
#ifndef RAMLOCK_HELD_TABLE_H
#define RAMLOCK_HELD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/masked.h"
#include "preload/preload.h"
#include "preload/ranges.h"

struct held_table {
	struct masked lock;
	struct ranges own;     /* what the policy locked; value: the class + 1 */
	struct ranges program; /* value: how often the program locked it */
	struct ranges stacks;  /* of threads, as far as we locked them; value: the thread's id */
	/* these are read without the lock, and so by atomics */
	uint64_t limit;	       /* RLIMIT_MEMLOCK, or LIMITS_NONE */
	bool kept;	       /* the sets are in use; never false again */
	bool all_by_program;   /* it called mlockall */
	bool eager_by_program; /* with MCL_FUTURE and not on fault */
};

extern HIDDEN struct held_table held_table;

static inline bool held_is_kept(void)
{
	return __atomic_load_n(&held_table.kept, __ATOMIC_ACQUIRE);
}

static inline uint64_t held_get_limit(void)
{
	return __atomic_load_n(&held_table.limit, __ATOMIC_RELAXED);
}

static inline void held_set_limit(uint64_t limit)
{
	__atomic_store_n(&held_table.limit, limit, __ATOMIC_RELAXED);
}

static inline void held_set_by_program(bool all, bool eager)
{
	__atomic_store_n(&held_table.all_by_program, all, __ATOMIC_RELAXED);
	__atomic_store_n(&held_table.eager_by_program, eager, __ATOMIC_RELAXED);
}

/* Signals are blocked in between; held_enter returns those that were before, for held_leave. */
uint64_t held_enter(void);
void held_leave(uint64_t signals);

/* Makes the sets, if there are none; false without memory. */
bool held_make(void);

/* Bytes on the lock account, as far as the table knows. */
uint64_t held_used(void);

/* Unlocks the stacks of threads that have ended where size bytes do not fit: the bytes. */
uint64_t held_reclaim_stacks(uint64_t size);

/* Unlocks what only the policy holds of a range, and takes it off the policy's account: the bytes.
 * held_give_back counts them as given back; held_give_back_last does it with the last range of the
 * order, of a large one with what is wanted of it. */
uint64_t held_unlock_own(uintptr_t start, uintptr_t end);
uint64_t held_give_back(struct range range);
uint64_t held_give_back_last(uint64_t wanted);

/* Locks each range of a set again, on fault. */
void held_lock_again(const struct ranges *set);

/* A range's whole pages, as the kernel rounds it; false where munlock(2) would say EINVAL. */
bool held_whole_pages(uintptr_t at, size_t size, uintptr_t *start, uintptr_t *end);

/* What the kernel says of a range that wraps, or of so many bytes that rounding wraps: -errno. */
int held_ask_at_end(size_t size);

/* Whether a range has no hole. */
bool held_is_mapped(uintptr_t start, uintptr_t end);

#endif
