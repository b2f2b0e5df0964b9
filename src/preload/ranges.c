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

static bool insert(struct ranges *r, size_t index, struct range range)
{
	if (r->count == r->room) {
		r->overflow = true;
		return false;
	}
	memmove(r->at + index + 1, r->at + index, (r->count - index) * sizeof(*r->at));
	r->at[index] = range;
	r->count++;
	return true;
}

static void erase(struct ranges *r, size_t first, size_t last)
{
	memmove(r->at + first, r->at + last, (r->count - last) * sizeof(*r->at));
	r->count -= last - first;
}

/* Makes an address a border: no range lies across it. False without room. */
static bool split(struct ranges *r, uintptr_t address)
{
	size_t i = find(r, address);
	struct range upper;

	if (i == r->count || r->at[i].start >= address)
		return true;
	upper = r->at[i];
	upper.start = address;
	if (!insert(r, i + 1, upper))
		return false;
	r->at[i].end = address;
	return true;
}

static void join(struct ranges *r, size_t first, size_t last)
{
	for (size_t i = last; i > first; i--) {
		if (i >= r->count || r->at[i - 1].end != r->at[i].start ||
		    r->at[i - 1].value != r->at[i].value)
			continue;
		r->at[i - 1].end = r->at[i].end;
		erase(r, i, i + 1);
	}
}

void ranges_set(struct ranges *r, uintptr_t start, uintptr_t end, unsigned value)
{
	size_t first, last;

	if (start >= end || !split(r, start) || !split(r, end))
		return;
	first = find(r, start);
	last = find(r, end - 1);
	if (last < r->count && r->at[last].start < end)
		last++;
	erase(r, first, last);
	if (value)
		insert(r, first, (struct range){start, end, value});
	join(r, first ? first - 1 : 0, first + 1);
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
