/* SPDX-License-Identifier: MIT */
/* Hands out blocks of resident pages, grows and shrinks what is resident. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "common/size.h"
#include "arena.h"

/* Up to this size a copy into resident memory costs less than the system calls of a move. */
#define COPY_MAX ((size_t)256 << 10)

/* Descriptors are committed for so many bytes at a time: 4096 pages. */
#define TAGS_STEP ((size_t)64 << 10)

_Static_assert(sizeof(struct tlsf_page) == 16, "arena_metadata_size counts on 16 bytes a page");

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

static size_t round_up(size_t value, size_t unit)
{
	return (value + unit - 1) & ~(unit - 1);
}

static void *page_address(const struct arena *a, uint32_t page)
{
	return a->base + ((size_t)page << a->shift);
}

static uint64_t page_bytes(const struct arena *a, uint32_t pages)
{
	return (uint64_t)pages << a->shift;
}

/* Written under the lock, read without. */
static void count_add(uint64_t *counter, uint64_t by)
{
	__atomic_store_n(counter, *counter + by, __ATOMIC_RELAXED);
}

static void count_used(struct arena *a, uint64_t blocks, uint64_t bytes)
{
	count_add(&a->counters->blocks, blocks);
	count_add(&a->counters->used, bytes);
	if (a->counters->used > a->counters->peak)
		count_add(&a->counters->peak, a->counters->used - a->counters->peak);
}

static int range_commit(struct arena *a, uint32_t first, uint32_t end)
{
	return a->ops->commit(page_address(a, first), page_bytes(a, end - first));
}

static void range_release(struct arena *a, uint32_t first, uint32_t end)
{
	a->ops->release(page_address(a, first), page_bytes(a, end - first));
}

/* Metadata */

size_t arena_metadata_size(size_t size)
{
	size_t pages = size / size_page();

	return round_up(pages * sizeof(struct tlsf_page), size_page()) +
	       round_up(pages / 8 + 8, size_page());
}

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

/* Makes the descriptors of so many pages resident. The lock is dropped and taken again, so that
 * nobody who needs no growth waits. */
static int arena_cover(struct arena *a, uint32_t pages)
{
	int error;

	pthread_mutex_unlock(&a->lock);
	pthread_mutex_lock(&a->cover_lock);
	error = region_cover(a, &a->tags, pages * sizeof(struct tlsf_page));
	if (error == 0)
		error = region_cover(a, &a->bits, pages / 8 + 8);
	pthread_mutex_lock(&a->lock);
	if (error == 0 && pages > a->covered)
		a->covered = pages;
	count_add(&a->counters->metadata, a->tags.used + a->bits.used - a->counters->metadata);
	pthread_mutex_unlock(&a->cover_lock);
	return error;
}

/* Giving back. Each of these may drop the lock and take it again. */

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
	pthread_mutex_unlock(&a->lock);
	range_release(a, cut, end);
	pthread_mutex_lock(&a->lock);
	count_add(&a->counters->released, page_bytes(a, end - cut));
	count_add(&a->counters->resident, -page_bytes(a, end - cut));
	tlsf_put(t, cut, TLSF_BARE);
}

/* Makes a busy span free and gives back at once what is above the limit, so that the limit holds
 * whenever the lock is free. */
static void arena_retain(struct arena *a, uint32_t first)
{
	first = tlsf_put(&a->map, first, TLSF_FREE);
	if (a->map.free.pages > a->limit)
		arena_shed(a, first, a->map.free.pages - a->limit);
}

static void arena_retire(struct arena *a, uint32_t first)
{
	tlsf_mark(&a->map, first, TLSF_BUSY);
	tlsf_soil(&a->map, first);
	arena_retain(a, first);
}

size_t arena_trim(struct arena *a, size_t keep)
{
	uint64_t before, after;
	uint32_t pages = keep >> a->shift < a->pages ? (uint32_t)(keep >> a->shift) : a->pages;

	pthread_mutex_lock(&a->lock);
	before = a->counters->released;
	while (a->map.free.pages > pages) {
		uint32_t first = tlsf_largest(&a->map);
		uint32_t over = a->map.free.pages - pages;
		uint32_t most = a->map.page[first].pages;

		arena_shed(a, first, over < most ? over : most);
	}
	after = a->counters->released;
	pthread_mutex_unlock(&a->lock);
	return after - before;
}

/* Growing */

/* Growth up to a multiple of the chunk, unless the addresses end or the limit is met. */
static uint32_t site_round(const struct arena *a, uint32_t end, uint32_t most)
{
	uint32_t room = a->limit > a->map.free.pages ? a->limit - a->map.free.pages : 0;
	uint32_t extra = (uint32_t)round_up(end, a->chunk) - end;

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
		if (t->page[bare].kind != TLSF_BARE)
			return false;
		most = bare + t->page[bare].pages;
	}
	s->from = s->bare = bare;
	if (!d->bare && bare > 0 && t->page[bare - 1].kind == TLSF_FREE)
		s->from -= t->page[bare - 1].pages;
	s->first = tlsf_align(want, s->from);
	/* The search may have passed over a resident fit in a long list; growth has to grow. */
	if (s->first + want->pages <= bare) {
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
		if (at < t->top && t->page[at].kind == TLSF_FREE)
			at += t->page[at].pages;
		return site_at(a, d, at, s);
	}
	at = d->bare ? TLSF_NIL : tlsf_largest(t);
	if (at != TLSF_NIL && site_at(a, d, at + t->page[at].pages, s))
		return true;
	at = tlsf_find(t, TLSF_BARE, &d->want);
	return site_at(a, d, at == TLSF_NIL ? t->top : at, s);
}

static uint32_t site_fresh(const struct site *s)
{
	return s->first > s->bare ? s->first : s->bare;
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

/* Finds a site and takes it. May drop the lock and take it again. */
static bool arena_claim(struct arena *a, const struct demand *d, struct site *s)
{
	while (site_find(a, d, s)) {
		if (s->grown <= a->covered) {
			site_take(&a->map, s);
			return true;
		}
		if (arena_cover(a, s->grown))
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

/* A busy span of the wanted pages, or TLSF_NIL. Drops the lock during the system calls, while the
 * site is in no index, and takes it again. */
static uint32_t arena_grow(struct arena *a, const struct demand *d)
{
	struct tlsf *t = &a->map;
	struct site s;
	uint32_t fresh;
	int error;

	if (!arena_claim(a, d, &s))
		return TLSF_NIL;
	pthread_mutex_unlock(&a->lock);
	error = site_commit(a, &s);
	pthread_mutex_lock(&a->lock);
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
	count_add(&a->counters->grown, page_bytes(a, s.grown - fresh));
	count_add(&a->counters->resident, page_bytes(a, s.grown - fresh));
	if (s.first < fresh)
		tlsf_join(t, s.first);
	if (s.end < s.grown) {
		tlsf_split(t, s.first, s.end - s.first);
		arena_retain(a, s.end);
	}
	return s.first;
}

/* Blocks */

/* Takes the wanted pages out of a resident span: busy. */
static uint32_t arena_cut(struct arena *a, uint32_t first, const struct tlsf_want *want)
{
	struct tlsf *t = &a->map;
	uint32_t start = tlsf_align(want, first);

	tlsf_take(t, first);
	if (start > first) {
		tlsf_split(t, first, start - first);
		tlsf_put(t, first, TLSF_FREE);
	}
	if (t->page[start].pages > want->pages) {
		tlsf_split(t, start, want->pages);
		tlsf_put(t, start + want->pages, TLSF_FREE);
	}
	return start;
}

static uint32_t arena_fit(struct arena *a, const struct tlsf_want *want)
{
	uint32_t first = tlsf_find(&a->map, TLSF_FREE, want);

	return first == TLSF_NIL ? TLSF_NIL : arena_cut(a, first, want);
}

static bool demand_set(const struct arena *a, size_t align, size_t size, struct demand *d)
{
	size_t page = (size_t)1 << a->shift;

	if (align < page)
		align = page;
	if (size > a->size || align > a->size)
		return false;
	*d = (struct demand){.after = TLSF_NIL};
	d->want.pages = size ? (uint32_t)(round_up(size, page) >> a->shift) : 1;
	d->want.align = (uint32_t)(align >> a->shift);
	d->want.phase = (uint32_t)(-(uintptr_t)a->base >> a->shift) & (d->want.align - 1);
	return true;
}

/* The first page of a new block, or TLSF_NIL; what its pages held before. */
static uint32_t arena_take(struct arena *a, size_t align, size_t size, enum tlsf_dirt *dirt)
{
	struct demand d;
	uint32_t first = TLSF_NIL;

	pthread_mutex_lock(&a->lock);
	if (demand_set(a, align, size, &d)) {
		first = arena_fit(a, &d.want);
		if (first == TLSF_NIL)
			first = arena_grow(a, &d);
	}
	if (first == TLSF_NIL) {
		count_add(&a->counters->refused, 1);
	} else {
		tlsf_mark(&a->map, first, TLSF_USED);
		*dirt = (enum tlsf_dirt)a->map.page[first].dirt;
		count_used(a, 1, page_bytes(a, d.want.pages));
	}
	pthread_mutex_unlock(&a->lock);
	return first;
}

void *arena_aligned(struct arena *a, size_t align, size_t size)
{
	enum tlsf_dirt dirt;
	uint32_t first = arena_take(a, align, size, &dirt);

	return first == TLSF_NIL ? NULL : page_address(a, first);
}

void *arena_alloc(struct arena *a, size_t size)
{
	return arena_aligned(a, 1, size);
}

/* Clears the dirty pages of a new block: its owner needs no lock for that. */
void *arena_zeroed(struct arena *a, size_t size)
{
	enum tlsf_dirt dirt;
	uint32_t first = arena_take(a, 1, size, &dirt);
	uint32_t from = first, end, to;

	if (first == TLSF_NIL)
		return NULL;
	end = first + a->map.page[first].pages;
	if (dirt == TLSF_DIRTY)
		memset(page_address(a, first), 0, page_bytes(a, end - first));
	for (; dirt == TLSF_MIXED && from < end; from = to) {
		to = tlsf_dirty_run(&a->map, &from, end);
		memset(page_address(a, from), 0, page_bytes(a, to - from));
	}
	return page_address(a, first);
}

/* Which block begins at an address; errors as arena_free. */
static int arena_lookup(const struct arena *a, const void *ptr, uint32_t *first)
{
	size_t offset = (size_t)((uintptr_t)ptr - (uintptr_t)a->base);
	enum tlsf_kind kind;

	if (offset >= a->size)
		return -ENOENT;
	*first = (uint32_t)(offset >> a->shift);
	if (*first >= tlsf_top(&a->map))
		return -EINVAL;
	kind = tlsf_kind_at(&a->map, *first);
	if (kind == TLSF_LOST)
		return -ENOENT;
	return kind == TLSF_USED && offset == page_bytes(a, *first) ? 0 : -EINVAL;
}

bool arena_owns_inside(const struct arena *a, const void *ptr)
{
	uint32_t first;

	return arena_lookup(a, ptr, &first) == 0;
}

size_t arena_usable(const struct arena *a, const void *ptr)
{
	uint32_t first;

	return arena_lookup(a, ptr, &first) == 0 ? page_bytes(a, a->map.page[first].pages) : 0;
}

int arena_free(struct arena *a, void *ptr)
{
	uint32_t first;
	int error;

	pthread_mutex_lock(&a->lock);
	error = arena_lookup(a, ptr, &first);
	if (error == 0) {
		count_used(a, -UINT64_C(1), -page_bytes(a, a->map.page[first].pages));
		arena_retire(a, first);
	}
	pthread_mutex_unlock(&a->lock);
	return error;
}

/* Resizing: each of these makes a block of the wanted pages, in use, or changes nothing. The first
 * page of the new block, or TLSF_NIL. */

static uint32_t resize_shrink(struct arena *a, uint32_t first, uint32_t pages)
{
	struct tlsf *t = &a->map;

	if (pages < t->page[first].pages) {
		tlsf_split(t, first, pages);
		tlsf_mark(t, first, TLSF_USED);
		arena_retire(a, first + pages);
	}
	return first;
}

static uint32_t resize_stretch(struct arena *a, uint32_t first, uint32_t pages)
{
	struct tlsf *t = &a->map;
	uint32_t after = first + t->page[first].pages;
	struct demand d = {{pages - t->page[first].pages, 1, 0}, after, false};

	if (after < t->top && t->page[after].kind == TLSF_FREE &&
	    t->page[after].pages >= d.want.pages)
		arena_cut(a, after, &d.want);
	else if (arena_grow(a, &d) == TLSF_NIL)
		return TLSF_NIL;
	tlsf_join(t, first);
	tlsf_mark(t, first, TLSF_USED);
	return first;
}

/* Commits the tail at the new place first: a failed commit then has nothing to undo. */
static int pages_move(struct arena *a, uint32_t from, uint32_t pages, const struct site *s)
{
	int result = range_commit(a, s->first + pages, s->end);

	if (result)
		return result;
	result = a->ops->move(page_address(a, from), page_address(a, s->first),
			      page_bytes(a, pages));
	if (result < 0)
		range_release(a, s->first + pages, s->end);
	return result;
}

/* The new place lies in the same way to 2 MiB as the old one: then the kernel moves whole tables
 * of pages. */
static uint32_t resize_move(struct arena *a, uint32_t first, uint32_t pages)
{
	struct tlsf *t = &a->map;
	uint32_t old = t->page[first].pages, huge = (uint32_t)(ARENA_HUGE >> a->shift);
	struct demand d = {{pages, 1, 0}, TLSF_NIL, true};
	struct site s;
	int result;

	if (old >= huge)
		d.want = (struct tlsf_want){pages, huge, first & (huge - 1)};
	if (!arena_claim(a, &d, &s))
		return TLSF_NIL;
	pthread_mutex_unlock(&a->lock);
	result = pages_move(a, first, old, &s);
	pthread_mutex_lock(&a->lock);
	if (result < 0) {
		tlsf_put(t, s.first, TLSF_BARE);
		return TLSF_NIL;
	}
	t->page[s.first].dirt = TLSF_MIXED;
	tlsf_mark(t, s.first, TLSF_USED);
	count_add(&a->counters->grown, page_bytes(a, pages - old));
	count_add(&a->counters->resident, page_bytes(a, pages - old));
	tlsf_mark(t, first, TLSF_BUSY);
	if (result == ARENA_LOST)
		tlsf_mark_lost(t, first);
	else
		tlsf_put(t, first, TLSF_BARE);
	return s.first;
}

static uint32_t resize_copy(struct arena *a, uint32_t from, uint32_t to)
{
	tlsf_mark(&a->map, to, TLSF_USED);
	pthread_mutex_unlock(&a->lock);
	memcpy(page_address(a, to), page_address(a, from), page_bytes(a, a->map.page[from].pages));
	pthread_mutex_lock(&a->lock);
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

int arena_resize(struct arena *a, void *old, size_t size, void **block)
{
	struct demand d;
	uint32_t first, to = TLSF_NIL;
	uint64_t before;
	int error;

	pthread_mutex_lock(&a->lock);
	error = arena_lookup(a, old, &first);
	if (error == 0) {
		before = page_bytes(a, a->map.page[first].pages);
		if (demand_set(a, 1, size, &d))
			to = arena_refit(a, first, d.want.pages);
		if (to == TLSF_NIL) {
			count_add(&a->counters->refused, 1);
			error = -ENOMEM;
		} else {
			count_used(a, 0, page_bytes(a, d.want.pages) - before);
			*block = page_address(a, to);
		}
	}
	pthread_mutex_unlock(&a->lock);
	return error;
}

void arena_count(const struct arena *a, struct arena_counters *to)
{
	const uint64_t *from = (const uint64_t *)a->counters;
	uint64_t *word = (uint64_t *)to;
	size_t i;

	for (i = 0; i < sizeof *to / sizeof *word; i++)
		word[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	to->retained = page_bytes(a, __atomic_load_n(&a->map.free.pages, __ATOMIC_RELAXED));
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

	pthread_mutex_lock(&a->lock);
	arena_tail(a, 0, tail, &size);
	a->pages = a->map.top;
	a->size -= size;
	pthread_mutex_unlock(&a->lock);
	return size;
}

/* Start and fork */

/* Without priority inheritance a thread of low priority that was preempted inside would hold up a
 * real-time one; a kernel without PI futexes has to do without. */
static void lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t kind;

	pthread_mutexattr_init(&kind);
	pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT);
	if (pthread_mutex_init(lock, &kind))
		pthread_mutex_init(lock, NULL);
	pthread_mutexattr_destroy(&kind);
}

static uint32_t limit_pages(const struct arena *a, const struct arena_settings *settings)
{
	size_t bytes = settings->retain > settings->reserve ? settings->retain : settings->reserve;

	return bytes >> a->shift < a->pages ? (uint32_t)(bytes >> a->shift) : a->pages;
}

int arena_init(struct arena *a, void *base, size_t size, void *metadata,
	       const struct arena_ops *ops, const struct arena_settings *settings)
{
	size_t page = size_page(), chunk = settings->chunk;

	memset(a, 0, sizeof *a);
	if ((uintptr_t)base % ARENA_HUGE || size < page || chunk & (chunk - 1))
		return -EINVAL;
	a->ops = ops;
	a->counters = settings->counters ? settings->counters : &a->own_counters;
	a->base = base;
	a->shift = (unsigned)__builtin_ctzl(page);
	a->pages = size >> a->shift < TLSF_PAGES_MAX ? (uint32_t)(size >> a->shift)
						     : TLSF_PAGES_MAX;
	a->size = page_bytes(a, a->pages);
	a->limit = limit_pages(a, settings);
	a->huge = settings->huge;
	if (a->huge && chunk < ARENA_HUGE)
		chunk = ARENA_HUGE;
	a->chunk = chunk > page ? (uint32_t)(chunk >> a->shift) : 1;
	a->tags.base = metadata;
	a->tags.size = round_up(a->pages * sizeof(struct tlsf_page), page);
	a->tags.step = TAGS_STEP;
	a->bits.base = a->tags.base + a->tags.size;
	a->bits.size = round_up(a->pages / 8 + 8, page);
	a->bits.step = page;
	tlsf_init(&a->map, metadata, (uint64_t *)a->bits.base);
	lock_init(&a->lock);
	lock_init(&a->cover_lock);
	return 0;
}

int arena_reserve(struct arena *a, size_t bytes)
{
	struct demand d;
	uint32_t first;

	if (!demand_set(a, 1, bytes, &d))
		return -ENOMEM;
	pthread_mutex_lock(&a->lock);
	first = arena_grow(a, &d);
	if (first != TLSF_NIL)
		arena_retain(a, first);
	pthread_mutex_unlock(&a->lock);
	return first == TLSF_NIL ? -ENOMEM : 0;
}

void arena_fork_prepare(struct arena *a)
{
	pthread_mutex_lock(&a->lock);
}

void arena_fork_parent(struct arena *a)
{
	pthread_mutex_unlock(&a->lock);
}

/* The locks bear the ids of the parent's threads, one of which may have held cover_lock. */
void arena_fork_child(struct arena *a)
{
	lock_init(&a->lock);
	lock_init(&a->cover_lock);
}
