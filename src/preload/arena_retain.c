/* SPDX-License-Identifier: MIT */
/* Keeps freed memory up to a limit and gives back what is above it. */
#include "config.h"

#include "preload/arena_internal.h"

/* Gives so many pages at the end of a free span back. With huge pages from a whole one on, as a
 * part would split it. */
static void arena_shed(struct arena *a, uint32_t first, uint32_t pages)
{
	struct tlsf *t = &a->map;
	uint32_t end = first + t->page[first].pages;
	uint32_t cut = end - pages;

	if (a->huge)
		cut &= ~(uint32_t)((ARENA_HUGE >> a->shift) - 1);
	tlsf_take(t, first);
	if (cut > first) {
		tlsf_split(t, first, cut - first);
		tlsf_put(t, first, TLSF_FREE);
	} else {
		cut = first;
	}
	arena_leave(a);
	range_release(a, cut, end);
	arena_enter(a);
	count_add(&a->counters.released, page_bytes(a, end - cut));
	count_add(&a->counters.resident, -page_bytes(a, end - cut));
	tlsf_put(t, cut, TLSF_BARE);
}

void arena_retain(struct arena *a, uint32_t first)
{
	cache_gauge(a, a->map.page[first].pages);
	first = tlsf_put(&a->map, first, TLSF_FREE);
	if (a->map.free.pages > a->limit)
		arena_shed(a, first, a->map.free.pages - a->limit);
}

void arena_retire(struct arena *a, uint32_t first)
{
	tlsf_mark(&a->map, first, TLSF_BUSY);
	tlsf_soil(&a->map, first);
	arena_retain(a, first);
}

size_t arena_trim(struct arena *a, size_t keep)
{
	uint64_t before, after;
	uint32_t pages = keep >> a->shift < a->pages ? (uint32_t)(keep >> a->shift) : a->pages;

	arena_enter(a);
	before = a->counters.released;
	cache_flush(a);
	while (a->map.free.pages > pages) {
		uint32_t first = tlsf_largest(&a->map);
		uint32_t over = a->map.free.pages - pages;
		uint32_t most = a->map.page[first].pages;

		arena_shed(a, first, over < most ? over : most);
	}
	after = a->counters.released;
	arena_leave(a);
	return after - before;
}

bool arena_tail(const struct arena *a, unsigned index, void **at, size_t *size)
{
	const struct arena_region *region = index == 1 ? &a->tags : &a->bits;

	if (index == 0) {
		*at = page_address(a, tlsf_top(&a->map));
		*size = page_bytes(a, a->pages - tlsf_top(&a->map));
	} else {
		*at = region->base + region->used;
		*size = region->size - region->used;
	}
	return index < 3;
}

size_t arena_shrink(struct arena *a, void **tail)
{
	size_t size;

	arena_enter(a);
	arena_tail(a, 0, tail, &size);
	a->pages = a->map.top;
	a->size -= size;
	arena_leave(a);
	return size;
}
