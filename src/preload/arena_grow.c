/* SPDX-License-Identifier: MIT */
/* Makes more of the arena resident: finds where, with the least to commit, and commits it. */
#include "config.h"

#include <errno.h>

#include "preload/arena_internal.h"

static int region_cover(const struct arena *a, struct arena_region *region, size_t size)
{
	int error;

	if (size <= region->used)
		return 0;
	size = round_up(size, region->step);
	if (size > region->size)
		size = region->size;
	error = a->ops->commit(region->base + region->used, size - region->used);
	if (error == 0)
		region->used = size;
	return error;
}

static uint32_t site_fresh(const struct site *s)
{
	return s->first > s->bare ? s->first : s->bare;
}

/* Whether the site's own pages will be had. Without asking, a request of 21 GiB that is refused leaves
 * 84 MiB of descriptors behind. */
static bool site_fits(const struct arena *a, const struct site *s)
{
	const uint32_t fresh = s->end - site_fresh(s);

	return fresh <= a->tags.step / sizeof(struct tlsf_page) || a->ops->fits == NULL ||
	       a->ops->fits(page_bytes(a, fresh));
}

/* Makes the descriptors of a site resident. The lock is dropped and taken again, so that nobody who
 * needs no growth waits. */
static int arena_cover(struct arena *a, const struct site *s)
{
	const uint32_t pages = s->grown;
	int error;

	arena_leave(a);
	if (!site_fits(a, s)) {
		arena_enter(a);
		return -ENOMEM;
	}
	pthread_mutex_lock(&a->cover_lock);
	error = region_cover(a, &a->tags, (size_t)((char *)&a->map.page[pages] - a->tags.base));
	if (error == 0)
		error = region_cover(a, &a->bits, pages / 8 + 8);
	arena_enter(a);
	if (error == 0 && pages > a->covered)
		a->covered = pages;
	count_add(&a->counters.metadata, a->tags.used + a->bits.used - a->counters.metadata);
	pthread_mutex_unlock(&a->cover_lock);
	return error;
}

/* A power of two: the chunk, or less as long as that is more than an eighth of what is resident, so
 * that a small program stays small. */
static uint32_t growth_unit(const struct arena *a)
{
	uint64_t eighth = a->counters.resident >> a->shift >> 3;

	if (a->huge || eighth >= a->chunk)
		return a->chunk;
	return eighth ? UINT32_C(1) << (31 - __builtin_clz((uint32_t)eighth)) : 1;
}

/* Growth up to a multiple of its unit, unless the addresses end or the limit is met. */
static uint32_t site_round(const struct arena *a, uint32_t end, uint32_t most)
{
	uint32_t room = a->limit > a->map.free.pages ? a->limit - a->map.free.pages : 0;
	uint32_t extra = (uint32_t)round_up(end, growth_unit(a)) - end;

	if (extra > room)
		extra = room;
	return extra < most - end ? end + extra : most;
}

/* Whether the demand can be met with the bare span at this page. */
static bool site_at(const struct arena *a, const struct demand *d, uint32_t bare, struct site *s)
{
	const struct tlsf *t = &a->map;
	const struct tlsf_want *want = &d->want;
	uint32_t most = a->pages;

	if (bare < t->top) {
		if (tlsf_kind_at(t, bare) != TLSF_BARE)
			return false;
		most = bare + t->page[bare].pages;
	}
	s->from = s->bare = bare;
	if (!d->bare && bare > 0 && tlsf_kind_at(t, bare - 1) == TLSF_FREE)
		s->from -= t->page[bare - 1].pages;
	s->first = tlsf_align(want, s->from);
	/* The search may have passed over a resident fit in a long list; growth has to grow. What goes
	 * behind a block goes nowhere else: another thread may have freed enough there meanwhile. */
	if (s->first + want->pages <= bare) {
		if (d->after != TLSF_NIL)
			return false;
		s->from = bare;
		s->first = tlsf_align(want, bare);
	}
	if (a->huge && s->from == bare && d->after == TLSF_NIL && !d->bare) {
		uint32_t huge = (uint32_t)round_up(s->first, ARENA_HUGE >> a->shift);

		if (want->align <= ARENA_HUGE >> a->shift && huge + want->pages <= most)
			s->first = huge;
	}
	s->end = s->first + want->pages;
	s->grown = s->end;
	if (s->end > most)
		return false;
	if (!d->bare)
		s->grown = site_round(a, s->end, most);
	return true;
}

/* Behind the largest resident span first: there the least has to be committed. */
static bool site_find(const struct arena *a, const struct demand *d, struct site *s)
{
	const struct tlsf *t = &a->map;
	uint32_t at = d->after;

	if (at != TLSF_NIL) {
		if (at < t->top && tlsf_kind_at(t, at) == TLSF_FREE)
			at += t->page[at].pages;
		return site_at(a, d, at, s);
	}
	at = d->bare ? TLSF_NIL : tlsf_largest(t);
	if (at != TLSF_NIL && site_at(a, d, at + t->page[at].pages, s))
		return true;
	at = tlsf_find(t, TLSF_BARE, &d->want);
	return site_at(a, d, at == TLSF_NIL ? t->top : at, s);
}

/* Takes the spans of the site out of the indexes: [first, bare) if any, and [fresh, grown). */
static void site_take(struct tlsf *t, const struct site *s)
{
	uint32_t fresh = site_fresh(s);

	if (s->bare == t->top)
		tlsf_raise(t, s->grown);
	else
		tlsf_take(t, s->bare);
	if (s->bare + t->page[s->bare].pages > s->grown) {
		tlsf_split(t, s->bare, s->grown - s->bare);
		tlsf_put(t, s->grown, TLSF_BARE);
	}
	if (fresh > s->bare) {
		tlsf_split(t, s->bare, fresh - s->bare);
		tlsf_put(t, s->bare, TLSF_BARE);
	}
	if (s->first < s->bare) {
		tlsf_take(t, s->from);
		if (s->first > s->from) {
			tlsf_split(t, s->from, s->first - s->from);
			tlsf_put(t, s->from, TLSF_FREE);
		}
	}
}

bool arena_claim(struct arena *a, const struct demand *d, struct site *s)
{
	while (site_find(a, d, s)) {
		if (s->grown <= a->covered) {
			site_take(&a->map, s);
			return true;
		}
		if (arena_cover(a, s))
			return false;
	}
	return false;
}

/* Commits the fresh part of a site; where the chunk fails, exactly what is needed. */
static int site_commit(struct arena *a, struct site *s)
{
	uint32_t fresh = site_fresh(s);
	int error = range_commit(a, fresh, s->grown);

	if (error && s->grown > s->end) {
		s->grown = s->end;
		error = range_commit(a, fresh, s->grown);
	}
	return error;
}

static void site_abandon(struct arena *a, const struct site *s)
{
	tlsf_put(&a->map, site_fresh(s), TLSF_BARE);
	if (s->first < s->bare)
		arena_retain(a, s->first);
}

uint32_t arena_grow(struct arena *a, const struct demand *d)
{
	struct tlsf *t = &a->map;
	struct site s;
	uint32_t fresh;
	int error;

	if (!arena_claim(a, d, &s))
		return TLSF_NIL;
	arena_leave(a);
	error = site_commit(a, &s);
	arena_enter(a);
	if (error) {
		site_abandon(a, &s);
		return TLSF_NIL;
	}
	fresh = site_fresh(&s);
	if (fresh + t->page[fresh].pages > s.grown) {
		tlsf_split(t, fresh, s.grown - fresh);
		tlsf_put(t, s.grown, TLSF_BARE);
	}
	tlsf_clean(t, fresh);
	count_add(&a->counters.grown, page_bytes(a, s.grown - fresh));
	count_add(&a->counters.resident, page_bytes(a, s.grown - fresh));
	if (s.first < fresh)
		tlsf_join(t, s.first);
	if (s.end < s.grown) {
		tlsf_split(t, s.first, s.end - s.first);
		arena_retain(a, s.end);
	}
	return s.first;
}

int arena_reserve(struct arena *a, size_t bytes)
{
	struct demand d;
	uint32_t first;

	if (!demand_set(a, 1, bytes, &d))
		return -ENOMEM;
	arena_enter(a);
	first = arena_grow(a, &d);
	if (first != TLSF_NIL)
		arena_retain(a, first);
	arena_leave(a);
	return first == TLSF_NIL ? -ENOMEM : 0;
}
