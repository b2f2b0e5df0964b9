/* SPDX-License-Identifier: MIT */
/* The mappings of a process as they come and change, without asking /proc. Pure functions. */
#ifndef RAMLOCK_SPACES_H
#define RAMLOCK_SPACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPACES_NO_PLACE UINT32_MAX

struct piece {
	uint64_t start, end, offset;
	const char *path; /* of names_keep; "" when anonymous */
	unsigned prot;	  /* of enum map_prot */
	bool shared;
	uint32_t place; /* the owner's, or SPACES_NO_PLACE */
};

/* Sorted by address, none overlaps another. {0} is an empty one. */
struct space {
	struct piece *pieces;
	size_t count, room;
};

/* A piece takes the place of what was there; where it has no place yet, it inherits that of the
 * anonymous piece that it was before it grew or its protection changed. */
void space_map(struct space *s, const struct piece *piece);

/* The piece that holds an address, or the main stack that will grow to it, or NULL. The pointer is
 * good until the next change. */
struct piece *space_find(const struct space *s, uint64_t address);

/* Takes over what a newer reading of all mappings says, and keeps the places. */
void space_replace(struct space *s, struct space *newer);

void space_copy(struct space *to, const struct space *from);
void space_clear(struct space *s);

/* Where a thread's malloc arena begins, of glibc: 64 MiB of addresses on a multiple of 64 MiB, of
 * which the first part is open and the rest PROT_NONE. 0 if the address is in none. */
uint64_t space_arena(const struct space *s, uint64_t address);

#endif
