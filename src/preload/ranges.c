/* SPDX-License-Identifier: MIT */
/* A sorted array of disjoint address ranges with values. */
#include "config.h"

#include <string.h>

#include "preload/ranges.h"

void ranges_init(struct ranges *r, struct range *memory, size_t room)
{
	*r = (struct ranges){.at = memory, .room = room};
}

/* The first range that ends above an address. */
static size_t find(const struct ranges *r, uintptr_t address)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->at[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Appends a piece, unless it is empty or of value 0, and joins it with what it continues. */
static size_t append(struct range *pieces, size_t count, struct range piece)
{
	if (piece.start >= piece.end || piece.value == 0)
		return count;
	if (count && pieces[count - 1].end == piece.start &&
	    pieces[count - 1].value == piece.value) {
		pieces[count - 1].end = piece.end;
		return count;
	}
	pieces[count] = piece;
	return count + 1;
}

/* Puts pieces in the place of the ranges from first to last; nothing is changed without room. */
static void replace(struct ranges *r, size_t first, size_t last, const struct range *pieces,
		    size_t count)
{
	if (r->count - (last - first) + count > r->room) {
		r->overflow = true;
		return;
	}
	memmove(r->at + first + count, r->at + last, (r->count - last) * sizeof(*r->at));
	memcpy(r->at + first, pieces, count * sizeof(*r->at));
	r->count = r->count - (last - first) + count;
}

void ranges_set(struct ranges *r, uintptr_t start, uintptr_t end, unsigned value)
{
	struct range pieces[3];
	size_t first, last, count = 0;

	if (start >= end)
		return;
	/* those that only touch are replaced too, so that they are joined */
	first = find(r, start ? start - 1 : 0);
	last = find(r, end);
	if (last < r->count && r->at[last].start <= end)
		last++;
	if (first < last && r->at[first].start < start) {
		struct range left = r->at[first];

		left.end = start;
		count = append(pieces, count, left);
	}
	count = append(pieces, count, (struct range){start, end, value});
	if (first < last && r->at[last - 1].end > end) {
		struct range right = r->at[last - 1];

		right.start = end;
		count = append(pieces, count, right);
	}
	replace(r, first, last, pieces, count);
}

struct range ranges_piece(const struct ranges *r, uintptr_t start, uintptr_t end)
{
	size_t i = find(r, start);
	struct range piece = {start, end, 0};

	if (i == r->count || r->at[i].start >= end)
		return piece;
	if (r->at[i].start > start) {
		piece.end = r->at[i].start;
		return piece;
	}
	piece.value = r->at[i].value;
	if (r->at[i].end < end)
		piece.end = r->at[i].end;
	return piece;
}

void ranges_add(struct ranges *r, uintptr_t start, uintptr_t end, int amount)
{
	while (start < end) {
		struct range piece = ranges_piece(r, start, end);
		long value = (long)piece.value + amount;

		ranges_set(r, piece.start, piece.end, value < 0 ? 0 : (unsigned)value);
		start = piece.end;
	}
}

uint64_t ranges_bytes(const struct ranges *r)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < r->count; i++)
		bytes += r->at[i].end - r->at[i].start;
	return bytes;
}
