/* SPDX-License-Identifier: MIT */
/* Which pages of a stack or a heap were touched, and how far a reserve would have to reach. */
#ifndef RAMLOCK_TOUCHED_H
#define RAMLOCK_TOUCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOUCHED_PAGE   4096ull
#define TOUCHED_SHARE  8	     /* a reserve is at most so many times what was touched of it ... */
#define TOUCHED_LITTLE (256ull << 10) /* ... or no more than this */

struct touched {
	uint64_t first;	/* the number of the first group of 16 pages */
	size_t count;	/* of groups */
	uint16_t *bits; /* a page each */
};

/* Notes a page. What lies too far from the rest to be kept is left out. */
void touched_add(struct touched *t, uint64_t address);

/* How far from a base, upwards or downwards (then the base is the end), pages were touched, gaps
 * included, but not across a gap that is out of all proportion: a page near the end of a stack that
 * a program only probes is no depth. Bytes next to the base that were resident without a touch count
 * as touched. 0 if none was. */
uint64_t touched_reach(const struct touched *t, uint64_t base, bool down, uint64_t resident);

void touched_free(struct touched *t);

#endif
