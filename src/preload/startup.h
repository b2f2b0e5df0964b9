/* SPDX-License-Identifier: MIT */
/* What is mapped already: read once from /proc/self/maps, and locked and populated in the order of the
 * policy. errno is left alone. */
#ifndef RAMLOCK_STARTUP_H
#define RAMLOCK_STARTUP_H

#include <stdbool.h>
#include <stdint.h>

/* By the constructor: finds the level, after raising RLIMIT_MEMLOCK as far as the process may, and at
 * level future has the kernel lock what comes. Touches no page. */
void startup_level(void);

/* By the constructor: locks (level ranges) and populates what is mapped. stack_low is the lowest address
 * of the main stack's reserve. Tells the user what is not locked, and ends the program for it where
 * ON_ERROR=abort asks for that. */
void startup_lock(uintptr_t stack_low);

/* Takes what is mapped into the ledger as the policy wants it, wanting a lock; or, where all is locked, as
 * locked, and unlocks what the policy leaves out. Between level_enter and level_leave. The bytes that the
 * policy wants locked, or -errno: then the ledger has some of it. */
int64_t startup_survey(bool locked);

/* Takes in what libc and ld.so have mapped since, of which nothing is known yet. At level future only the
 * code and data of libraries. Holds nothing. */
void startup_survey_new(void);

/* Locks what the ledger says is wanted, in the order of the classes, as far as there is room: the bytes
 * that are not locked. Between level_enter and level_leave. */
uint64_t startup_lock_wanted(void);

/* Does what the program's mlockall(flags) asks, less what is mapped only because of us, where that fits
 * limit: 0 or -ENOMEM. Any thread. */
int startup_lock_all(int flags, uint64_t limit);

/* At level ranges: locks the main stack as a whole, where the limit has room for all that it may grow to,
 * and unlocks it. Between level_enter and level_leave, but for the constructor. */
void startup_lock_stack(void);
void startup_unlock_stack(void);

#endif
