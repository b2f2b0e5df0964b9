/* SPDX-License-Identifier: MIT */
/* What may be made resident ahead of use: MAX of the smaller of free memory and the cgroup's room.
 *
 * budget_start is called by the constructor; afterwards any thread may ask. errno is left alone. */
#ifndef RAMLOCK_BUDGET_H
#define RAMLOCK_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

/* Reads the limits. */
void budget_start(void);

/* Takes up to so many bytes off the ceiling; returns how many these are, in whole pages. */
uint64_t budget_take(uint64_t bytes);

/* The same for a reserve that was asked for by name, told if it is less. */
uint64_t budget_reserve(const char *name, uint64_t asked);

/* How much of a reserve of which so much is left may be made resident next: all of it where that is
 * little, else a part, after a look at the memory that is free now; 0 where others took it since the
 * start. For the constructor. */
uint64_t budget_step(uint64_t left);

/* Tells that a reserve is less than was asked, and why; ends the program with ON_ERROR=abort. */
void budget_tell_cut(const char *name, uint64_t asked, uint64_t got, const char *why);

/* The same where budget_step was 0, also if a cut was told before. */
void budget_tell_taken(const char *name, uint64_t asked, uint64_t got);

/* Whether so many more bytes fit the memory that there is now. A no is remembered for a second, so
 * that asking again costs nothing; a yes is good for a sixteenth of what there was, 16 MiB at the
 * most. */
bool budget_fits(uint64_t bytes);

/* Adds where the ceiling comes from: "17.4 GiB (MAX=75% of 23.2 GiB available)". */
void budget_describe(struct text *t);

/* In a forked child: another thread may have been asking. */
void budget_fork_child(void);

#endif
