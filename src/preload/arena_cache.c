/* SPDX-License-Identifier: MIT */
/* The cache of whole blocks: where a slot is not found at once, and where all are emptied. */
#include "config.h"

#include "preload/arena_internal.h"

#define SLOTS (ARENA_CACHE_SETS * ARENA_CACHE_WAYS)

/* Larger blocks take so long to be written to that a lock and a search are nothing beside it. */
#define BLOCK_MAX ((size_t)1 << 20)

/* At most this part of what is kept can lie in the cache, where other sizes don't find it. */
#define SHARE 4

static void cache_drop(struct arena *a, uint32_t first)
{
	arena_enter(a);
	arena_count_used(a, -UINT64_C(1), -page_bytes(a, a->map.page[first].pages));
	arena_retire(a, first);
	arena_leave(a);
}

/* A full set loses one of its blocks, so that sizes that are no longer asked for make room. */
static void slot_fill(struct arena *a, uint64_t block)
{
	uint64_t *set = cache_set(a, (uint32_t)(block >> 32)), *slot, loser;

	for (slot = set; slot < set + ARENA_CACHE_WAYS; slot++)
		if (__atomic_load_n(slot, __ATOMIC_RELAXED) == 0 && alone_swap(slot, 0, block))
			return;
	slot = set + __atomic_fetch_add(&a->cache.loser, 1, __ATOMIC_RELAXED) % ARENA_CACHE_WAYS;
	loser = __atomic_exchange_n(slot, block, __ATOMIC_SEQ_CST);
	if (loser)
		cache_drop(a, (uint32_t)loser);
}

int cache_put_slowly(struct arena *a, uint32_t first)
{
	uint32_t pages = a->map.page[first].pages;

	if (pages > cache_most(a)) {
		cache_drop(a, first);
		return 0;
	}
	slot_fill(a, (uint64_t)pages << 32 | first);
	return pages <= cache_most(a) ? 0 : cache_withdraw(a, first);
}

int cache_withdraw(struct arena *a, uint32_t first)
{
	uint32_t pages = a->map.page[first].pages;
	uint64_t block = (uint64_t)pages << 32 | first, *slot = cache_set(a, pages);

	for (uint64_t *end = slot + ARENA_CACHE_WAYS; slot < end; slot++)
		if (alone_swap(slot, block, 0)) {
			cache_drop(a, first);
			break;
		}
	return 0;
}

bool cache_flush(struct arena *a)
{
	uint64_t *slot = a->cache.slot[0], *end = slot + SLOTS;
	bool any = false;

	for (; slot < end; slot++) {
		uint64_t block = __atomic_load_n(slot, __ATOMIC_SEQ_CST);
		uint32_t first = (uint32_t)block;

		if (block == 0 || !alone_swap(slot, block, 0))
			continue;
		arena_count_used(a, -UINT64_C(1), -page_bytes(a, (uint32_t)(block >> 32)));
		tlsf_mark(&a->map, first, TLSF_BUSY);
		tlsf_soil(&a->map, first);
		tlsf_put(&a->map, first, TLSF_FREE);
		any = true;
	}
	return any;
}

void cache_gauge(struct arena *a, uint32_t pages)
{
	uint64_t resident = a->counters.resident >> a->shift;
	uint64_t kept = (uint64_t)a->map.free.pages + pages + SLOTS * (uint64_t)a->cache_largest;
	uint32_t most = resident <= a->limit || kept <= a->limit ? a->cache_largest : 0;

	if (most == a->cache_most)
		return;
	__atomic_store_n(&a->cache_most, most, __ATOMIC_SEQ_CST);
	if (most == 0)
		cache_flush(a);
}

uint64_t cache_count(const struct arena *a, uint64_t *pages)
{
	const uint64_t *slot = a->cache.slot[0], *end = slot + SLOTS;
	uint64_t blocks = 0;

	for (*pages = 0; slot < end; slot++) {
		uint64_t block = __atomic_load_n(slot, __ATOMIC_RELAXED);

		blocks += block != 0;
		*pages += block >> 32;
	}
	return blocks;
}

void cache_init(struct arena *a)
{
	uint32_t largest = a->limit / (SLOTS * SHARE);

	if (largest > BLOCK_MAX >> a->shift)
		largest = BLOCK_MAX >> a->shift;
	a->cache_most = a->cache_largest = largest;
}
