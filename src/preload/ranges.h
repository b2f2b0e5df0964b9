/* SPDX-License-Identifier: MIT */
/* A set of address ranges, each with a value that is not 0: what is locked, as which class, or how
 * often.
 *
 * Sorted and disjoint in memory of the caller's; a search is O(log n), a change O(n). Not
 * thread-safe. No allocation; addresses are whole pages. */
#ifndef RAMLOCK_RANGES_H
#define RAMLOCK_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
	uintptr_t start, end;
	unsigned value;
};

struct ranges {
	struct range *at;
	size_t count, room;
	bool overflow; /* a change was lost because there was no room */
};

void ranges_init(struct ranges *r, struct range *memory, size_t room);

/* Gives [start, end) a value; 0 takes it out of the set. Changes nothing where what comes out has no
 * room. Ranges of one value that touch are one. */
void ranges_set(struct ranges *r, uintptr_t start, uintptr_t end, unsigned value);

/* Adds to the value of each page of [start, end); it stays at 0 and above. Each piece of one value
 * is changed by itself, and is lost by itself where it has no room. */
void ranges_add(struct ranges *r, uintptr_t start, uintptr_t end, int amount);

/* The piece of one value (also 0) that begins at start, cut at end. start < end. */
struct range ranges_piece(const struct ranges *r, uintptr_t start, uintptr_t end);

/* All bytes of the set. */
uint64_t ranges_bytes(const struct ranges *r);

#endif
