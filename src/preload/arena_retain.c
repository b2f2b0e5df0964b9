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

static size_t tail(const struct arena *a, void **at)
{
	*at = page_address(a, a->map.top);
	return page_bytes(a, a->pages - a->map.top);
}

void arena_visit_tails(struct arena *a, void (*visit)(void *at, size_t size))
{
	size_t size;
	void *at;

	pthread_mutex_lock(&a->cover_lock); /* as arena_cover: what it commits is no tail any more */
	arena_enter(a);
	size = tail(a, &at);
	visit(at, size);
	visit(a->tags.base + a->tags.used, a->tags.size - a->tags.used);
	visit(a->bits.base + a->bits.used, a->bits.size - a->bits.used);
	arena_leave(a);
	pthread_mutex_unlock(&a->cover_lock);
}

size_t arena_shrink(struct arena *a, void **at)
{
	size_t size;

	arena_enter(a);
	size = tail(a, at);
	a->pages = a->map.top;
	__atomic_store_n(&a->size, a->size - size, __ATOMIC_RELAXED);
	arena_leave(a);
	return size;
}
