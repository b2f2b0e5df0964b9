/* SPDX-License-Identifier: MIT */
/* Blocks of whole pages in one reservation of addresses, resident before they are handed out.
 *
 * The memory behind the addresses is the caller's affair: struct arena_ops makes pages resident,
 * gives them back and moves them. Freed blocks stay resident up to a limit and are reused first.
 * No page is shared by two blocks. Descriptors lie apart from the blocks, in a second reservation
 * that is made resident as the arena grows.
 *
 * All functions are thread-safe, none is async-signal-safe. Errors are 0 or -errno. errno is left
 * alone, nothing is allocated and no block is touched, but by arena_zeroed and where arena_resize
 * has to copy. Blocks of up to 1 MiB are handed out again without a lock. Time is bounded (lists of
 * spans of one size class are looked through for 64 entries at most; one bit a page is written when
 * clean pages are first freed) but for the operations of struct arena_ops, and these run while no
 * lock is held that another thread's arena_alloc or arena_free may wait for. */
#ifndef RAMLOCK_ARENA_H
#define RAMLOCK_ARENA_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tlsf.h"

#define ARENA_HUGE ((size_t)2 << 20)

/* Ranges are whole pages inside one of the two reservations. Called by several threads at a time,
 * for disjoint ranges. */
struct arena_ops {
	/* Makes the range readable, writable, resident, locked and zero. On error nothing changed. */
	int (*commit)(void *at, size_t size);
	/* Whether so much would be committed now: asked before descriptors for more than 16 MiB or so are.
	 * NULL: it would. */
	bool (*fits)(size_t size);
	/* Gives the pages of a committed range back and makes it PROT_NONE. */
	void (*release)(void *at, size_t size);
	/* Moves the pages of a committed range to one that isn't, after which `from` is PROT_NONE; neither
	 * is free for another's mapping at any moment. On error nothing changed. The range may consist of
	 * several mappings (of parts that were moved before, or that the program changed), which can't be
	 * moved so: an error is a normal answer, and the arena then copies. */
	int (*move)(void *from, void *to, size_t size);
};

/* Bytes, but for blocks and refused. */
struct arena_counters {
	uint64_t blocks;   /* handed out now */
	uint64_t used;	   /* in these blocks, whole pages */
	uint64_t peak;	   /* the largest that used ever was */
	uint64_t resident; /* committed now, without metadata; grown - released */
	uint64_t retained; /* of these, free */
	uint64_t metadata; /* committed for descriptors */
	uint64_t grown;	   /* ever committed */
	uint64_t released; /* ever given back */
	uint64_t refused;  /* requests that failed */
};

struct arena_settings {
	size_t retain;	/* bytes of free memory kept resident, SIZE_MAX: all */
	size_t reserve; /* at least so many are kept */
	size_t chunk;	/* growth ends at a multiple of this, a power of two, where the limit of what is
			 * kept allows it and it is at most an eighth of what is resident; of a smaller
			 * power of two else. 0: it is exact */
	bool huge;	/* growth begins and ends at multiples of ARENA_HUGE where there is room, and
			 * memory is given back from such a multiple */
	struct arena_counters *published; /* a copy for others to read, NULL: none; see arena_count */
};

#define ARENA_CACHE_BITS 2
#define ARENA_CACHE_SETS (1 << ARENA_CACHE_BITS)
#define ARENA_CACHE_WAYS 8

/* Blocks that were freed and wait for a request of their size: pages << 32 | first page, or 0. */
struct arena_cache {
	_Alignas(64) uint64_t slot[ARENA_CACHE_SETS][ARENA_CACHE_WAYS];
	unsigned loser;
};

struct arena_region {
	char *base;
	size_t size, used, step;
};

/* Private to arena*.c; here so that it can be static. */
struct arena {
	const struct arena_ops *ops;
	char *base;
	size_t size;
	unsigned shift;
	uint32_t pages, limit, chunk;
	uint32_t cache_largest, cache_most; /* pages of a block; now: 0 while the cache is closed */
	bool huge;

	struct arena_cache cache; /* the line above is read by every free and seldom written */

	_Alignas(64) pthread_mutex_t lock; /* all below but the regions */
	bool alone; /* in place of the lock, in a process of one thread */
	uintptr_t holder; /* of the lock, a thread: 0 while nobody changes what follows */
	struct tlsf map;
	struct arena_counters counters, *published; /* cached blocks among the used ones */
	uint32_t covered; /* pages whose descriptors are resident */

	pthread_mutex_t cover_lock; /* taken before lock, never inside it */
	struct arena_region tags, bits;
};

/* How large the reservation for metadata has to be. */
size_t arena_metadata_size(size_t size);

/* Both reservations are PROT_NONE and stay so until they are committed. base is a multiple of
 * ARENA_HUGE; what is beyond 2^30 pages isn't used. ops has to outlive the arena. 0, or -EINVAL. */
int arena_init(struct arena *a, void *base, size_t size, void *metadata,
	       const struct arena_ops *ops, const struct arena_settings *settings);

/* Commits so many free bytes in one piece, at most what is kept. */
int arena_reserve(struct arena *a, size_t bytes);

/* A block of at least size bytes (0 counts as 1) at a page, or at a multiple of align, a power of
 * two; arena_zeroed writes only to pages that were handed out since they were committed. NULL if
 * there are no addresses left or the commit failed: the caller has to go elsewhere. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_aligned(struct arena *a, size_t align, size_t size);
void *arena_zeroed(struct arena *a, size_t size);

/* Makes a block of at least size bytes of `old`, with its contents, and writes where it is: in
 * place where there is room, else the pages move, or are copied if that is cheaper or the only
 * way. On error (-ENOMEM, or as arena_free) the old block is untouched and *block not written. */
int arena_resize(struct arena *a, void *old, size_t size, void **block);

/* 0; -ENOENT if the address isn't the arena's, so that it may be somebody else's block; -EINVAL if
 * it is, but no block begins there: it was freed before, or never was a block. */
int arena_free(struct arena *a, void *ptr);

/* The bytes that the program may use of a block of its own, whole pages. Takes no lock. */
size_t arena_usable(const struct arena *a, const void *ptr);

/* Of the reservation; arena_shrink makes it less. */
static inline size_t arena_size(const struct arena *a)
{
	return __atomic_load_n(&a->size, __ATOMIC_RELAXED);
}

/* Whether the address is in the reservation: one compare. */
static inline bool arena_covers(const struct arena *a, const void *ptr)
{
	return (uintptr_t)ptr - (uintptr_t)a->base < arena_size(a);
}

/* Whether a block begins there: 0, or the error of arena_free. Takes no lock where one does. */
int arena_check(struct arena *a, const void *ptr);

static inline bool arena_owns(struct arena *a, const void *ptr)
{
	return __builtin_expect(arena_covers(a, ptr), 0) && arena_check(a, ptr) == 0;
}

/* Gives free memory back until at most so many bytes are kept now. Returns the bytes given back. */
size_t arena_trim(struct arena *a, size_t keep);

/* Visits the address ranges that were never made resident, above all that was: of the blocks and of
 * the descriptors. None is made resident meanwhile. */
void arena_visit_tails(struct arena *a, void (*visit)(void *at, size_t size));

/* The bytes of all of these. */
size_t arena_tails(struct arena *a);

/* Gives up the addresses above all that was ever resident but for `keep` bytes, and those of their
 * descriptors: calls drop for each range, and returns the bytes of all. */
size_t arena_shrink(struct arena *a, size_t keep, void (*drop)(void *at, size_t size));

/* A snapshot without a lock; figures of one moment only while no other thread is at work. The
 * published copy is brought up to date whenever the lock is left, but not by blocks that come and
 * go without it. */
void arena_count(const struct arena *a, struct arena_counters *to);

/* Changes retain and reserve of the settings; what is above them now stays until it is used. */
void arena_keep(struct arena *a, size_t retain, size_t reserve);

/* In a child that is a copy of the process, before any other call; nothing is held while it is made. The
 * child can use the arena at once, and has each block. What another thread was growing, resizing or giving
 * back at that moment stays unused in the child; where it was changing the map, so do the spans that were
 * free. */
void arena_fork_child(struct arena *a);

#endif
