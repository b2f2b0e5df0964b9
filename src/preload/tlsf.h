/* SPDX-License-Identifier: MIT */
/* A map of an address range in pages: every page belongs to one span, and free spans are found in
 * bounded time (two-level segregated fit, one index for resident spans and one for bare ones).
 *
 * Pure bookkeeping: it makes no system call, takes no lock and never touches the pages that it
 * describes. The caller serialises all calls but those that say otherwise. Pages are numbered from
 * 0; TLSF_NIL is no page. Below `top` the spans lie side by side; above it all is bare and needs
 * no descriptor, so only the descriptors and bits of pages below top have to be readable.
 *
 * Which pages are dirty (handed out since they were last made resident) is one bit a page, so that
 * merging loses nothing, and a summary for each span, so that the bits are written only when a
 * clean page is first handed back and read only for a span that has both kinds. Writing and
 * reading them goes by words of 64 pages: 64 MiB are 2 KiB of bits. */
#ifndef RAMLOCK_TLSF_H
#define RAMLOCK_TLSF_H

#include <stdbool.h>
#include <stdint.h>

#define TLSF_NIL       UINT32_MAX
#define TLSF_PAGES_MAX (UINT32_C(1) << 30)
#define TLSF_FIRST     28 /* classes by power of two; the first holds 0 … 31 pages */
#define TLSF_SECOND    32 /* each cut into so many */

enum tlsf_kind {
	TLSF_INSIDE, /* not an end of a span */
	TLSF_USED,   /* first page of a block */
	TLSF_CACHED, /* first page of a block that was given back and may be in the arena's cache */
	TLSF_BUSY,   /* first page of a span between two kinds, in no index */
	TLSF_FREE,   /* first and last page, indexed: resident */
	TLSF_BARE,   /* first and last page, indexed: addresses without memory */
};

enum tlsf_dirt {
	TLSF_CLEAN, /* each bit is 0 */
	TLSF_MIXED, /* the bits tell, once the span is free again */
	TLSF_DIRTY, /* each bit is 1 */
};

/* pages is valid where kind is not TLSF_INSIDE, next, prev and dirt at the first page alone. */
struct tlsf_page {
	uint32_t pages;
	uint32_t next, prev;
	uint8_t kind;
	uint8_t dirt;
};

struct tlsf_index {
	uint32_t pages; /* sum of the spans; may be read without serialisation */
	uint32_t first;
	uint32_t second[TLSF_FIRST];
	uint32_t head[TLSF_FIRST][TLSF_SECOND];
};

struct tlsf {
	struct tlsf_page *page;
	uint64_t *dirty;
	uint32_t top;
	struct tlsf_index free, bare;
};

/* So many pages from a page that leaves phase when divided by align, a power of two. */
struct tlsf_want {
	uint32_t pages, align, phase;
};

void tlsf_init(struct tlsf *t, struct tlsf_page *page, uint64_t *dirty);

/* The first page at or above start that satisfies align and phase. */
static inline uint32_t tlsf_align(const struct tlsf_want *want, uint32_t start)
{
	return start + ((want->phase - start) & (want->align - 1));
}

/* A span of TLSF_FREE or TLSF_BARE that the wanted pages fit into, nearly the smallest; TLSF_NIL
 * if there is none or, among spans of nearly the wanted size, none was met in 64 tries. */
uint32_t tlsf_find(const struct tlsf *t, enum tlsf_kind kind, const struct tlsf_want *want);

/* A resident span of the largest class in use, or TLSF_NIL. */
uint32_t tlsf_largest(const struct tlsf *t);

/* Takes an indexed span out: TLSF_BUSY. */
void tlsf_take(struct tlsf *t, uint32_t first);

/* Moves top up; what lies between is a span of TLSF_BUSY. */
void tlsf_raise(struct tlsf *t, uint32_t top);

/* Cuts a span that is not indexed behind so many pages, fewer than all; both are TLSF_BUSY. */
void tlsf_split(struct tlsf *t, uint32_t first, uint32_t pages);

/* Joins a span with the one behind it, neither indexed: TLSF_BUSY. */
void tlsf_join(struct tlsf *t, uint32_t first);

/* Makes a span TLSF_FREE or TLSF_BARE, merged with its neighbours of that kind, and returns the
 * first page of the result. A bare span at top becomes part of what is above top. */
uint32_t tlsf_put(struct tlsf *t, uint32_t first, enum tlsf_kind kind);

/* Turns TLSF_BUSY into TLSF_USED or TLSF_CACHED, or back. */
static inline void tlsf_mark(struct tlsf *t, uint32_t first, enum tlsf_kind kind)
{
	__atomic_store_n(&t->page[first].kind, (uint8_t)kind, __ATOMIC_RELAXED);
}

/* After a change that was cut off anywhere, in a copy of the map: blocks stay what they are, and all
 * other pages below top are never used again. */
void tlsf_recover(struct tlsf *t);

/* Notes that all pages of a span, not free, are zero, or that none may be. */
void tlsf_clean(struct tlsf *t, uint32_t first);
void tlsf_soil(struct tlsf *t, uint32_t first);

/* The next run of dirty pages in [*from, end): moves *from to its start and returns its end, or
 * end with *from at end if there is none. Needs no serialisation for pages of the caller's. */
uint32_t tlsf_dirty_run(const struct tlsf *t, uint32_t *from, uint32_t end);

/* What a page is; the first page of a span of another thread's may change at any time. Needs no
 * serialisation for pages below a top that was read once. */
static inline enum tlsf_kind tlsf_kind_at(const struct tlsf *t, uint32_t at)
{
	return (enum tlsf_kind)__atomic_load_n(&t->page[at].kind, __ATOMIC_RELAXED);
}

static inline uint32_t tlsf_top(const struct tlsf *t)
{
	return __atomic_load_n(&t->top, __ATOMIC_RELAXED);
}

#endif
