/* SPDX-License-Identifier: MIT */
/* What is mapped already: locked and populated as the policy says, or as the program's mlockall asks.
 * errno is left alone. */
#ifndef RAMLOCK_EXISTING_H
#define RAMLOCK_EXISTING_H

#include <stdint.h>

/* By the constructor. Locks (level ranges) and populates what is mapped. stack_low is the lowest
 * address of the main stack's reserve. Tells the user what is not locked, and ends the program for it
 * with ON_ERROR=abort. */
void existing_lock(uintptr_t stack_low);

/* The lowest address of the main stack's reserve. */
uintptr_t existing_stack_low(void);

/* Does what the program's mlockall(flags) asks, less what is mapped only because of us, where that
 * fits limit: 0 or -ENOMEM. Any thread. */
int existing_lock_all(int flags, uint64_t limit);

#endif
