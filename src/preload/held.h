/* SPDX-License-Identifier: MIT */
/* Who holds which lock: the ranges that the policy locked and the locks of the program itself.
 *
 * Kept only where it matters: at level ranges, where the program's locks come first and ours make
 * room for them, and with UNLOCK=count. At level future the kernel's own flags cover everything
 * and each call below is a few instructions, until the program locks something itself: that is
 * recorded for the day when the level steps down.
 *
 * Callable by any thread. Signals are blocked while the table is held, so that a handler which
 * unmaps can't wait for itself. errno is left alone; errors are -errno. */
#ifndef RAMLOCK_HELD_H
#define RAMLOCK_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/maps.h"

/* limit: RLIMIT_MEMLOCK in bytes, or LIMITS_NONE. After lock_start. */
void held_start(uint64_t limit);

/* Locks a range for the policy as far as there is room, with flags of mlock2(2), and records it.
 * Returns the bytes locked; *error is the kernel's -errno where it refused. */
size_t held_lock(uintptr_t start, uintptr_t end, enum map_class class, int flags, int *error);

/* The same for what of a range nobody holds yet, but all of it or nothing, so that a mapping stays in
 * one piece. What is refused or does not fit is counted. Whether all is locked now. */
bool held_cover(uintptr_t start, uintptr_t end, enum map_class class, int flags);

/* Unlocks what of a range only the policy holds. False where no table is kept. */
bool held_uncover(uintptr_t start, uintptr_t end);

/* Locks again what is held of a range, after it had to be unlocked for a moment: what the policy
 * holds with flags of mlock2(2). */
void held_again(uintptr_t start, uintptr_t end, int flags);

/* Bytes that may still be locked; whether so many are, after making room where that costs nobody. */
uint64_t held_room(void);
bool held_fits(size_t size);

/* In a forked child: the table's lock is new, and with relock the ranges are locked again. True where
 * another thread was changing the table as the process forked: it is empty, and to be made anew. */
bool held_fork_child(bool relock);

/* After the program locked [at, at + size). */
void held_program_locked(uintptr_t at, size_t size);

/* Whether a range that the limit has room for goes over the end of all addresses: mlock(2) says
 * EINVAL, and ENOMEM only where our own locks leave no room. */
bool held_wraps(uintptr_t at, size_t size);

/* The kernel refused the program room for a lock: gives back ranges of ours, the last of the order
 * first. True when it is worth trying again. at is 0 where the memory is not mapped yet. */
bool held_make_room(uintptr_t at, size_t size);

/* In place of the program's munlock: 0, or what munlock(2) would have said. */
int held_program_unlock(uintptr_t at, size_t size);

/* After the program's mlockall(flags) succeeded. */
void held_program_locked_all(int flags);

/* The kernel refused the program's mlockall(flags), which it might not have done without us: does
 * what was asked range by range, or returns the error. */
int held_program_lock_all(int flags, int error);

/* In place of the program's munlockall. */
int held_program_unlock_all(void);

/* After the pages of [from, from + size), with their locks, were moved by mremap(2). */
void held_moved(uintptr_t from, uintptr_t to, size_t size);

/* After what ends at end was extended to new_end, with the lock of its last page. */
void held_grown(uintptr_t end, uintptr_t new_end);

/* After [at, at + size) was unmapped, or mapped anew. */
void held_unmapped(uintptr_t at, size_t size);

/* By a new thread: locks its stack on fault, as a whole or, where there is no room, not at all. When
 * the thread has ended it stays locked, since libc gives it to the next one, until there is no room
 * for something else. */
bool held_lock_stack(uintptr_t start, uintptr_t end);

/* Whether the program itself asked for all that comes to be resident: mlockall(MCL_FUTURE). */
bool held_is_eager_by_program(void);

/* Stepping down to level ranges. held_adopt makes the table and takes a range that is locked on the
 * policy's account; held_drop unlocks what of a range the program did not lock; held_limit sets the
 * limit and gives back, the last of the order first, what exceeds it: these bytes. held_relock
 * locks the program's ranges and ours again, on fault, after everything was unlocked. */
void held_adopt(uintptr_t start, uintptr_t end, enum map_class class);
void held_drop(uintptr_t start, uintptr_t end);
uint64_t held_limit(uint64_t limit);
void held_relock(void);

/* Whether the program called mlockall; what it locked is then not told from the rest. */
bool held_is_all_by_program(void);

/* Whether an address is the table's own memory, which is never locked. */
bool held_is_table(uintptr_t address);

#endif
