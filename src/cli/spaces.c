/* SPDX-License-Identifier: MIT */
/* Keeps a sorted array of mappings. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/spaces.h"
#include "common/maps.h"

#define ARENA_SIZE   (sizeof(long) == 8 ? 64ull << 20 : 1ull << 20) /* HEAP_MAX_SIZE of glibc */
#define STACK_GROWTH (1ull << 30) /* the main stack is at most that much longer than its mapping \
				   */

/* The index of the first piece that ends behind an address. */
static size_t index_of(const struct space *s, uint64_t address)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->pieces[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void make_room(struct space *s, size_t at, size_t from, size_t count)
{
	const size_t total = s->count - (from - at) + count;

	if (total > s->room) {
		s->room = 2 * total + 16;
		s->pieces = cli_alloc(s->pieces, s->room * sizeof(*s->pieces));
	}
	memmove(s->pieces + at + count, s->pieces + from, (s->count - from) * sizeof(*s->pieces));
	s->count = total;
}

static bool is_anonymous(const struct piece *piece)
{
	return *piece->path == '\0' || *piece->path == '[';
}

/* Whether a piece is an older one that has grown, or whose protection has changed as a whole. An
 * unmapping is not seen: what comes where something else was must not take it for itself. */
static bool is_continued(const struct piece *piece, const struct piece *old)
{
	if (piece->start != old->start || old->prot == 0 || piece->prot == 0)
		return false;
	return piece->prot == old->prot || piece->end == old->end;
}

static void inherit(struct piece *piece, const struct piece *from)
{
	/* the heap has no name until it has grown once */
	const bool heap = strcmp(piece->path, "[heap]") == 0 && *from->path == '\0';
	bool same;

	/* where a part of the main stack is locked, what grows below has none either */
	if (*piece->path == '\0' && strcmp(from->path, "[stack]") == 0)
		piece->path = from->path;
	same = piece->path == from->path || heap;
	if (piece->place == SPACES_NO_PLACE && is_anonymous(piece) && same &&
	    (*piece->path || is_continued(piece, from)))
		piece->place = from->place;
}

void space_map(struct space *s, const struct piece *piece)
{
	const size_t first = index_of(s, piece->start);
	struct piece made[3];
	size_t last = first, count = 0;
	struct piece new = *piece, right = {0};

	for (; last < s->count && s->pieces[last].start < new.end; last++) {
		struct piece old = s->pieces[last];

		inherit(&new, &old);
		if (old.start < new.start) {
			made[count] = old;
			made[count++].end = new.start;
		}
		if (old.end > new.end) {
			right = old;
			right.offset += new.end - old.start;
			right.start = new.end;
		}
	}
	made[count++] = new;
	if (right.end)
		made[count++] = right;
	make_room(s, first, last, count);
	memcpy(s->pieces + first, made, count * sizeof(*made));
}

struct piece *space_find(const struct space *s, uint64_t address)
{
	const size_t at = index_of(s, address);
	struct piece *piece;

	if (at == s->count)
		return NULL;
	piece = s->pieces + at;
	if (piece->start <= address)
		return piece;
	if (strcmp(piece->path, "[stack]") != 0 || piece->start - address > STACK_GROWTH)
		return NULL;
	piece->start = address & ~4095ull;
	return piece;
}

/* Where a part of the main stack is locked, only its top has the name. */
static void name_stack(struct space *s)
{
	for (size_t i = s->count; i-- > 1;) {
		struct piece *below = &s->pieces[i - 1];

		if (strcmp(s->pieces[i].path, "[stack]") == 0 && below->end == s->pieces[i].start &&
		    *below->path == '\0' && below->prot & MAPS_W)
			below->path = s->pieces[i].path;
	}
}

void space_replace(struct space *s, struct space *newer)
{
	name_stack(newer);
	for (size_t i = 0; i < newer->count; i++) {
		struct piece *piece = &newer->pieces[i];

		for (size_t k = index_of(s, piece->start);
		     k < s->count && s->pieces[k].start < piece->end; k++)
			inherit(piece, &s->pieces[k]);
	}
	space_clear(s);
	*s = *newer;
	*newer = (struct space){0};
}

void space_copy(struct space *to, const struct space *from)
{
	space_clear(to);
	if (from->count == 0)
		return;
	to->pieces = cli_alloc(NULL, from->count * sizeof(*to->pieces));
	to->count = to->room = from->count;
	memcpy(to->pieces, from->pieces, from->count * sizeof(*to->pieces));
}

void space_clear(struct space *s)
{
	free(s->pieces);
	*s = (struct space){0};
}

uint64_t space_arena(const struct space *s, uint64_t address)
{
	const uint64_t start = address & ~(ARENA_SIZE - 1), end = start + ARENA_SIZE;
	size_t at = index_of(s, start);

	if (at == s->count || s->pieces[at].start > start)
		return 0;
	for (; at < s->count && s->pieces[at].start < end; at++) {
		const struct piece *piece = &s->pieces[at];

		if (!is_anonymous(piece) || *piece->path || piece->shared)
			return 0;
		/* glibc reserves twice the size and gives back what is beside, which is not seen */
		if (piece->end >= end)
			return (piece->prot == 0 && piece->end < end + ARENA_SIZE) ||
					       (piece->start == start && piece->end == end)
				       ? start
				       : 0;
		if (at + 1 < s->count && s->pieces[at + 1].start != piece->end)
			return 0;
	}
	return 0;
}
