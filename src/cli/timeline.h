/* SPDX-License-Identifier: MIT */
/* Faults over time, in bins that widen as the time grows. Pure functions. */
#ifndef RAMLOCK_TIMELINE_H
#define RAMLOCK_TIMELINE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TIMELINE_BINS 1024

struct timeline {
	uint64_t width; /* of a bin, ns; 0 before the first timeline_add */
	size_t used;	/* bins up to the last that was added to, or to the end */
	uint64_t bins[TIMELINE_BINS];
};

/* One event so many ns after the begin. */
void timeline_add(struct timeline *t, uint64_t time);

/* Nothing more happened until then. */
void timeline_end(struct timeline *t, uint64_t time);

/* Sums the bins up in at most so many columns; returns how many there are. */
size_t timeline_columns(const struct timeline *t, uint64_t *columns, size_t most);

/* One line of so many blocks at most, the height of each its share of the highest, any event at
 * least the lowest block; without a newline. plain: in ASCII. */
void timeline_print(const struct timeline *t, size_t most, int plain, FILE *to);

/* Faults a second over seconds, by gnuplot(1): 0, -ENOENT where there is no gnuplot, -EIO. */
int timeline_plot(const struct timeline *t, const char *title, const char *path);

#endif
