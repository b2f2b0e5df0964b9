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

/* Of a region, what was never made resident. */
static size_t region_tail(const struct arena_region *region)
{
	return region->size - region->used;
}

static size_t blocks_tail(const struct arena *a)
{
	return page_bytes(a, a->pages - a->map.top);
}

/* As arena_cover: what it commits is no tail any more. */
static void tails_enter(struct arena *a)
{
	pthread_mutex_lock(&a->cover_lock);
	arena_enter(a);
}

static void tails_leave(struct arena *a)
{
	arena_leave(a);
	pthread_mutex_unlock(&a->cover_lock);
}

void arena_visit_tails(struct arena *a, void (*visit)(void *at, size_t size))
{
	tails_enter(a);
	visit(page_address(a, a->map.top), blocks_tail(a));
	visit(a->tags.base + a->tags.used, region_tail(&a->tags));
	visit(a->bits.base + a->bits.used, region_tail(&a->bits));
	tails_leave(a);
}

size_t arena_tails(struct arena *a)
{
	size_t size;

	tails_enter(a);
	size = blocks_tail(a) + region_tail(&a->tags) + region_tail(&a->bits);
	tails_leave(a);
	return size;
}

/* Leaves so many pages their descriptors; the rest of the region is the caller's to drop. */
static size_t region_shrink(struct arena_region *region, size_t need, char **tail)
{
	size_t size = round_up(need, region->step);
	size_t old = region->size;

	if (size < region->used)
		size = region->used;
	if (size < region->size)
		region->size = size;
	*tail = region->base + region->size;
	return old - region->size;
}

size_t arena_shrink(struct arena *a, size_t keep, void (*drop)(void *at, size_t size))
{
	char *tail[3];
	size_t size[3], sum = 0;

	tails_enter(a);
	if (keep < blocks_tail(a))
		a->pages = a->map.top + (uint32_t)(keep >> a->shift);
	tail[0] = page_address(a, a->pages);
	size[0] = a->size - page_bytes(a, a->pages);
	__atomic_store_n(&a->size, a->size - size[0], __ATOMIC_RELAXED);
	size[1] = region_shrink(&a->tags, (size_t)((char *)&a->map.page[a->pages] - a->tags.base), &tail[1]);
	size[2] = region_shrink(&a->bits, a->pages / 8 + 8, &tail[2]);
	tails_leave(a);
	for (int i = 0; i < 3; i++) {
		if (size[i])
			drop(tail[i], size[i]);
		sum += size[i];
	}
	return sum;
}
