/* SPDX-License-Identifier: MIT */
/* What the arena's files share. All of it is called with the lock held, but where it says otherwise. */
#ifndef RAMLOCK_ARENA_INTERNAL_H
#define RAMLOCK_ARENA_INTERNAL_H

#include <errno.h>

#include "preload/arena.h"
#include "preload/arena_cache.h"

/* What a growth is for. */
struct demand {
	struct tlsf_want want;
	uint32_t after; /* only right behind this page, or TLSF_NIL */
	bool bare;	/* only on addresses without memory */
};

/* Where it takes place: the block lies at [first, end), in a resident span that begins at `from`
 * (or none: then from is bare) and the bare span behind it, which is committed up to grown. */
struct site {
	uint32_t from, bare;
	uint32_t first, end, grown;
};

static inline size_t round_up(size_t value, size_t unit)
{
	return (value + unit - 1) & ~(unit - 1);
}

static inline void *page_address(const struct arena *a, uint32_t page)
{
	return a->base + ((size_t)page << a->shift);
}

static inline uint64_t page_bytes(const struct arena *a, uint32_t pages)
{
	return (uint64_t)pages << a->shift;
}

/* Written under the lock, read without. */
static inline void count_add(uint64_t *counter, uint64_t by)
{
	__atomic_store_n(counter, *counter + by, __ATOMIC_RELAXED);
}

static inline int range_commit(struct arena *a, uint32_t first, uint32_t end)
{
	return a->ops->commit(page_address(a, first), page_bytes(a, end - first));
}

static inline void range_release(struct arena *a, uint32_t first, uint32_t end)
{
	a->ops->release(page_address(a, first), page_bytes(a, end - first));
}

/* Which block begins at an address; errors as arena_free. Needs no lock. */
static inline int arena_lookup(const struct arena *a, const void *ptr, uint32_t *first)
{
	size_t offset = (size_t)((uintptr_t)ptr - (uintptr_t)a->base);

	if (offset >= arena_size(a))
		return -ENOENT;
	*first = (uint32_t)(offset >> a->shift);
	if (*first >= tlsf_top(&a->map))
		return -EINVAL;
	return tlsf_kind_at(&a->map, *first) == TLSF_USED && offset == page_bytes(a, *first) ? 0 : -EINVAL;
}

/* Takes a block away from its owner, TLSF_USED no longer: true for one of several callers alone.
 * Needs no lock. */
static inline bool arena_take_over(struct arena *a, uint32_t first, enum tlsf_kind kind)
{
	return alone_swap(&a->map.page[first].kind, TLSF_USED, (uint8_t)kind);
}

/* arena.c */

/* The lock. Leaving opens or closes the cache. */
void arena_enter(struct arena *a);
void arena_leave(struct arena *a);

/* What size bytes at a multiple of align take; false if that is more than there are addresses. */
bool demand_set(const struct arena *a, size_t align, size_t size, struct demand *d);

/* Takes the wanted pages out of a resident span, or out of one that is found: busy, or TLSF_NIL. */
uint32_t arena_cut(struct arena *a, uint32_t first, const struct tlsf_want *want);
uint32_t arena_fit(struct arena *a, const struct tlsf_want *want);

/* Counts blocks and bytes handed out; by negative numbers, taken back. */
void arena_count_used(struct arena *a, uint64_t blocks, uint64_t bytes);

/* arena_grow.c: these may drop the lock and take it again. */

/* Finds a site, makes its descriptors resident and takes it out of the indexes. */
bool arena_claim(struct arena *a, const struct demand *d, struct site *s);

/* A busy span of the wanted pages, made resident, or TLSF_NIL. The lock is not held during the
 * system calls, while the site is in no index. */
uint32_t arena_grow(struct arena *a, const struct demand *d);

/* arena_retain.c: these may drop the lock and take it again. */

/* Makes a busy span free and gives back at once what is above the limit, so that the limit holds
 * whenever the lock is free. arena_retire: its pages were handed out. */
void arena_retain(struct arena *a, uint32_t first);
void arena_retire(struct arena *a, uint32_t first);

#endif
