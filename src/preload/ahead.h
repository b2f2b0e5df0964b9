/* SPDX-License-Identifier: MIT */
/* What may be made resident ahead of use: MAX of the smaller of free memory and the cgroup's room.
 *
 * ahead_start is called by the constructor; afterwards any thread may ask. errno is left alone. */
#ifndef RAMLOCK_AHEAD_H
#define RAMLOCK_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

/* Reads the limits. */
void ahead_start(void);

/* Takes up to so many bytes off the ceiling; returns how many these are, in whole pages. */
uint64_t ahead_take(uint64_t bytes);

/* The same for a reserve that was asked for by name, told if it is less. */
uint64_t ahead_reserve(const char *name, uint64_t asked);

/* How much of a reserve of which so much is left may be made resident next: all of it where that is
 * little, else a part, after a look at the memory that is free now; 0 where others took it since the
 * start. For the constructor. */
uint64_t ahead_next(uint64_t left);

/* Tells that a reserve is less than was asked, and why; ends the program with ON_ERROR=abort. */
void ahead_tell_cut(const char *name, uint64_t asked, uint64_t got, const char *why);

/* The same where ahead_next was 0, also if a cut was told before. */
void ahead_tell_taken(const char *name, uint64_t asked, uint64_t got);

/* Whether so many more bytes fit the memory that there is now. A no is remembered for a second, so
 * that asking again costs nothing; a yes is good for a sixteenth of what there was, 16 MiB at the
 * most. */
bool ahead_fits(uint64_t bytes);

/* Adds where the ceiling comes from: "17.4 GiB (MAX=75% of 23.2 GiB available)". */
void ahead_describe(struct text *t);

/* In a forked child: another thread may have been asking. */
void ahead_fork_child(void);

#endif
