/* SPDX-License-Identifier: MIT */
/* Puts freed blocks by, whole, for the next request of the same size: no lock, no search.
 *
 * A cached block is TLSF_CACHED in the map and still counted as used; arena_count takes it off.
 * Only who takes it out of its slot may do anything with it. The cache is open while what it may
 * hold fits the limit of what is kept; whoever closes it, or finds it closed after having put a
 * block in, takes out what is there: one of the two sees the other's store.
 *
 * What a block of a common size goes through is inline, and stores little: a processor that has
 * more stores to do than it can queue waits, and the program has just written to the block. */
#ifndef RAMLOCK_ARENA_CACHE_H
#define RAMLOCK_ARENA_CACHE_H

#include "preload/alone.h"
#include "preload/arena.h"

void cache_init(struct arena *a);

/* With the lock held: makes all cached blocks free; whether there was one. */
bool cache_flush(struct arena *a);

/* With the lock held: opens the cache if what it can hold, and so many pages that are about to be
 * free, fit the limit; else closes it. To be called after memory became resident, and before it
 * becomes free. */
void cache_gauge(struct arena *a, uint32_t pages);

/* How many blocks are cached, and pages in them. */
uint64_t cache_count(const struct arena *a, uint64_t *pages);

/* Takes a TLSF_CACHED block where the first slot is not free. May take the lock. Always 0. */
int cache_put_slowly(struct arena *a, uint32_t first);

/* Takes a block out again, if it is still there: the cache was found closed. Always 0. */
int cache_withdraw(struct arena *a, uint32_t first);

/* The slots for blocks of so many pages. */
static inline uint64_t *cache_set(struct arena *a, uint32_t pages)
{
	return a->cache.slot[pages * UINT32_C(0x9e3779b1) >> (32 - ARENA_CACHE_BITS)];
}

/* Pages of the largest block that is cached now. */
static inline uint32_t cache_most(const struct arena *a)
{
	return __atomic_load_n(&a->cache_most, __ATOMIC_SEQ_CST);
}

/* A block of just the pages that size bytes take, used again, or TLSF_NIL. Needs no lock. */
static inline uint32_t cache_take(struct arena *a, size_t size)
{
	size_t pages = (size - 1) >> a->shift;
	uint64_t *slot, *end;

	if (pages >= cache_most(a)) /* so is that of size 0 */
		return TLSF_NIL;
	pages++;
	slot = cache_set(a, (uint32_t)pages);
	for (end = slot + ARENA_CACHE_WAYS; slot < end; slot++) {
		uint64_t block = __atomic_load_n(slot, __ATOMIC_RELAXED);

		if (block >> 32 == pages && alone_swap(slot, block, 0)) {
			tlsf_mark(&a->map, (uint32_t)block, TLSF_USED);
			return (uint32_t)block;
		}
	}
	return TLSF_NIL;
}

/* Takes a TLSF_CACHED block, which is free then, now or later. Always 0. Needs no lock. */
static inline int cache_put(struct arena *a, uint32_t first)
{
	uint32_t pages = a->map.page[first].pages;
	uint64_t *slot = cache_set(a, pages);

	if (pages <= cache_most(a) && __atomic_load_n(slot, __ATOMIC_RELAXED) == 0 &&
	    alone_swap(slot, 0, (uint64_t)pages << 32 | first))
		return __builtin_expect(pages <= cache_most(a), 1) ? 0 : cache_withdraw(a, first);
	return cache_put_slowly(a, first);
}

#endif
