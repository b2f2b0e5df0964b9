/* SPDX-License-Identifier: MIT */
/* Resizes blocks: in place, by moving their pages, or by a copy. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "preload/arena_internal.h"

/* Up to this size a copy into resident memory costs less than the system calls of a move. */
#define COPY_MAX ((size_t)256 << 10)

/* Resizing: each of these makes a block of the wanted pages, in use, or changes nothing. The first
 * page of the new block, or TLSF_NIL. */

static uint32_t resize_shrink(struct arena *a, uint32_t first, uint32_t pages)
{
	struct tlsf *t = &a->map;

	bool less = pages < t->page[first].pages;

	if (less)
		tlsf_split(t, first, pages);
	tlsf_mark(t, first, TLSF_USED);
	if (less)
		arena_retire(a, first + pages);
	return first;
}

/* Takes what is wanted right behind a block out of the resident span there, if that is large enough. */
static bool stretch_take(struct arena *a, const struct demand *d)
{
	const struct tlsf *t = &a->map;

	if (d->after >= t->top || tlsf_kind_at(t, d->after) != TLSF_FREE ||
	    t->page[d->after].pages < d->want.pages)
		return false;
	arena_cut(a, d->after, &d->want);
	return true;
}

/* Growth drops the lock: by the time it looks for its site the span may have become large enough. */
static uint32_t resize_stretch(struct arena *a, uint32_t first, uint32_t pages)
{
	struct tlsf *t = &a->map;
	uint32_t old = t->page[first].pages;
	struct demand d = {{pages - old, 1, 0}, first + old, false};

	if (!stretch_take(a, &d) && arena_grow(a, &d) == TLSF_NIL && !stretch_take(a, &d))
		return TLSF_NIL;
	tlsf_join(t, first);
	tlsf_mark(t, first, TLSF_USED);
	return first;
}

/* Commits the tail at the new place first: a failed commit then has nothing to undo. */
static int pages_move(struct arena *a, uint32_t from, uint32_t pages, const struct site *s)
{
	int error = range_commit(a, s->first + pages, s->end);

	if (error)
		return error;
	error = a->ops->move(page_address(a, from), page_address(a, s->first), page_bytes(a, pages));
	if (error)
		range_release(a, s->first + pages, s->end);
	return error;
}

/* The new place lies in the same way to 2 MiB as the old one: then the kernel moves whole tables
 * of pages. */
static uint32_t resize_move(struct arena *a, uint32_t first, uint32_t pages)
{
	struct tlsf *t = &a->map;
	uint32_t old = t->page[first].pages, huge = (uint32_t)(ARENA_HUGE >> a->shift);
	struct demand d = {{pages, 1, 0}, TLSF_NIL, true};
	struct site s;
	int error;

	if (old >= huge)
		d.want = (struct tlsf_want){pages, huge, first & (huge - 1)};
	if (!arena_claim(a, &d, &s))
		return TLSF_NIL;
	arena_leave(a);
	error = pages_move(a, first, old, &s);
	arena_enter(a);
	if (error) {
		tlsf_put(t, s.first, TLSF_BARE);
		return TLSF_NIL;
	}
	t->page[s.first].dirt = TLSF_MIXED;
	tlsf_mark(t, s.first, TLSF_USED);
	count_add(&a->counters.grown, page_bytes(a, pages - old));
	count_add(&a->counters.resident, page_bytes(a, pages - old));
	tlsf_mark(t, first, TLSF_BUSY);
	tlsf_put(t, first, TLSF_BARE);
	return s.first;
}

static uint32_t resize_copy(struct arena *a, uint32_t from, uint32_t to)
{
	tlsf_mark(&a->map, to, TLSF_USED);
	arena_leave(a);
	memcpy(page_address(a, to), page_address(a, from), page_bytes(a, a->map.page[from].pages));
	arena_enter(a);
	arena_retire(a, from);
	return to;
}

static uint32_t resize_relocate(struct arena *a, uint32_t first, uint32_t pages)
{
	struct demand d = {{pages, 1, 0}, TLSF_NIL, false};
	bool small = page_bytes(a, a->map.page[first].pages) <= COPY_MAX;
	uint32_t to = small ? arena_fit(a, &d.want) : TLSF_NIL;

	if (to == TLSF_NIL) {
		to = resize_move(a, first, pages);
		if (to != TLSF_NIL)
			return to;
		to = arena_fit(a, &d.want);
	}
	if (to == TLSF_NIL)
		to = arena_grow(a, &d);
	return to == TLSF_NIL ? TLSF_NIL : resize_copy(a, first, to);
}

static uint32_t arena_refit(struct arena *a, uint32_t first, uint32_t pages)
{
	uint32_t to;

	if (pages <= a->map.page[first].pages)
		return resize_shrink(a, first, pages);
	to = resize_stretch(a, first, pages);
	return to == TLSF_NIL ? resize_relocate(a, first, pages) : to;
}

/* The block is claimed meanwhile, so that a free of it at the same time is told as a mistake. */
static uint32_t resize_claimed(struct arena *a, uint32_t first, uint32_t pages)
{
	uint32_t to, old = a->map.page[first].pages;

	if (pages > old)
		cache_flush(a);
	to = arena_refit(a, first, pages);
	if (to == TLSF_NIL) {
		tlsf_mark(&a->map, first, TLSF_USED);
		count_add(&a->counters.refused, 1);
	} else {
		arena_count_used(a, 0, page_bytes(a, pages) - page_bytes(a, old));
	}
	return to;
}

int arena_resize(struct arena *a, void *old, size_t size, void **block)
{
	uint32_t first, to = TLSF_NIL;
	struct demand d;
	int error = arena_lookup(a, old, &first);

	if (error)
		return error;
	arena_enter(a);
	if (!demand_set(a, 1, size, &d))
		count_add(&a->counters.refused, 1);
	else if (arena_take_over(a, first, TLSF_BUSY))
		to = resize_claimed(a, first, d.want.pages);
	else
		error = -EINVAL;
	arena_leave(a);
	if (to == TLSF_NIL)
		return error ? error : -ENOMEM;
	*block = page_address(a, to);
	return 0;
}
