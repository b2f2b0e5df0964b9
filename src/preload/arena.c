/* SPDX-License-Identifier: MIT */
/* Hands out blocks of resident pages and takes them back. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "common/size.h"
#include "preload/arena_internal.h"

/* Programs write to the first bytes of pages more than to others: blocks begin there. Descriptors of
 * blocks at round addresses would lie at multiples of a page as well, compete with the block for
 * the same few lines of the first cache, and freeing it would wait for memory. */
#define TAGS_LEAD 64

/* Descriptors are committed for so many bytes at a time: 4096 pages. */
#define TAGS_STEP ((size_t)64 << 10)

_Static_assert(sizeof(struct tlsf_page) == 16, "arena_metadata_size counts on 16 bytes a page");

static uintptr_t this_thread(void)
{
	return (uintptr_t)pthread_self();
}

/* Noted, not asked again on leaving: a process may find itself of one thread while it is inside. */
void arena_enter(struct arena *a)
{
	if (is_alone()) {
		a->alone = true;
		return;
	}
	pthread_mutex_lock(&a->lock);
	__atomic_store_n(&a->holder, this_thread(), __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* a child sees it before any change */
}

void arena_leave(struct arena *a)
{
	cache_gauge(a, 0);
	if (a->published)
		arena_count(a, a->published);
	if (a->alone) {
		a->alone = false;
		return;
	}
	__atomic_store_n(&a->holder, 0, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&a->lock);
}

void arena_count_used(struct arena *a, uint64_t blocks, uint64_t bytes)
{
	count_add(&a->counters.blocks, blocks);
	count_add(&a->counters.used, bytes);
	if (a->counters.used > a->counters.peak)
		count_add(&a->counters.peak, a->counters.used - a->counters.peak);
}

uint32_t arena_cut(struct arena *a, uint32_t first, const struct tlsf_want *want)
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

uint32_t arena_fit(struct arena *a, const struct tlsf_want *want)
{
	uint32_t first = tlsf_find(&a->map, TLSF_FREE, want);

	return first == TLSF_NIL ? TLSF_NIL : arena_cut(a, first, want);
}

bool demand_set(const struct arena *a, size_t align, size_t size, struct demand *d)
{
	size_t page = (size_t)1 << a->shift;

	if (align < page)
		align = page;
	if (size > arena_size(a) || align > arena_size(a))
		return false;
	*d = (struct demand){.after = TLSF_NIL};
	d->want.pages = size ? (uint32_t)(round_up(size, page) >> a->shift) : 1;
	d->want.align = (uint32_t)(align >> a->shift);
	d->want.phase = (uint32_t)(-(uintptr_t)a->base >> a->shift) & (d->want.align - 1);
	return true;
}

static uint32_t arena_find(struct arena *a, const struct demand *d)
{
	uint32_t first;

	/* Cached blocks count as used: without them the peak is what it seems to be. */
	if (a->counters.used + page_bytes(a, d->want.pages) > a->counters.peak)
		cache_flush(a);
	first = arena_fit(a, &d->want);
	if (first == TLSF_NIL && cache_flush(a))
		first = arena_fit(a, &d->want);
	return first == TLSF_NIL ? arena_grow(a, d) : first;
}

/* The first page of a new block, or TLSF_NIL; what its pages held before. */
static uint32_t arena_take(struct arena *a, size_t align, size_t size, enum tlsf_dirt *dirt)
{
	struct demand d;
	uint32_t first = TLSF_NIL;

	arena_enter(a);
	if (demand_set(a, align, size, &d))
		first = arena_find(a, &d);
	if (first == TLSF_NIL) {
		count_add(&a->counters.refused, 1);
	} else {
		tlsf_mark(&a->map, first, TLSF_USED);
		*dirt = (enum tlsf_dirt)a->map.page[first].dirt;
		arena_count_used(a, 1, page_bytes(a, d.want.pages));
	}
	arena_leave(a);
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
	uint32_t first = cache_take(a, size);

	return __builtin_expect(first == TLSF_NIL, 0) ? arena_aligned(a, 1, size)
						      : page_address(a, first);
}

/* Clears the dirty pages of a new block: its owner needs no lock for that. */
void *arena_zeroed(struct arena *a, size_t size)
{
	enum tlsf_dirt dirt = TLSF_DIRTY;
	uint32_t first = cache_take(a, size), from, end, to;

	if (first == TLSF_NIL)
		first = arena_take(a, 1, size, &dirt);
	if (first == TLSF_NIL)
		return NULL;
	from = first;
	end = first + a->map.page[first].pages;
	if (dirt == TLSF_DIRTY)
		memset(page_address(a, first), 0, page_bytes(a, end - first));
	for (; dirt == TLSF_MIXED && from < end; from = to) {
		to = tlsf_dirty_run(&a->map, &from, end);
		memset(page_address(a, from), 0, page_bytes(a, to - from));
	}
	return page_address(a, first);
}

int arena_check(struct arena *a, const void *ptr)
{
	uint32_t first;

	return arena_lookup(a, ptr, &first);
}

size_t arena_usable(const struct arena *a, const void *ptr)
{
	uint32_t first;

	return arena_lookup(a, ptr, &first) == 0 ? page_bytes(a, a->map.page[first].pages) : 0;
}

int arena_free(struct arena *a, void *ptr)
{
	uint32_t first;
	int error = arena_lookup(a, ptr, &first);

	if (error)
		return error;
	if (!arena_take_over(a, first, TLSF_CACHED))
		return -EINVAL;
	return cache_put(a, first);
}

void arena_count(const struct arena *a, struct arena_counters *to)
{
	uint64_t pages, blocks = cache_count(a, &pages), bytes = pages << a->shift;
	const uint64_t *from = (const uint64_t *)&a->counters;
	struct arena_counters now = {0};
	size_t i;

	for (i = 0; i < sizeof now / sizeof *from; i++)
		((uint64_t *)&now)[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	now.blocks -= blocks < now.blocks ? blocks : now.blocks;
	now.used -= bytes < now.used ? bytes : now.used;
	now.retained = bytes + page_bytes(a, __atomic_load_n(&a->map.free.pages, __ATOMIC_RELAXED));
	for (i = 0; i < sizeof now / sizeof *from; i++)
		__atomic_store_n(&((uint64_t *)to)[i], ((uint64_t *)&now)[i], __ATOMIC_RELAXED);
}

/* Start and fork */

size_t arena_metadata_size(size_t size)
{
	size_t pages = size / size_page();

	return round_up(TAGS_LEAD + pages * sizeof(struct tlsf_page), size_page()) +
	       round_up(pages / 8 + 8, size_page());
}

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

static uint32_t limit_pages(const struct arena *a, size_t retain, size_t reserve)
{
	size_t bytes = retain > reserve ? retain : reserve;

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
	a->published = settings->published;
	a->base = base;
	a->shift = (unsigned)__builtin_ctzl(page);
	a->pages = size >> a->shift < TLSF_PAGES_MAX ? (uint32_t)(size >> a->shift)
						     : TLSF_PAGES_MAX;
	a->size = page_bytes(a, a->pages);
	a->limit = limit_pages(a, settings->retain, settings->reserve);
	a->huge = settings->huge;
	if (a->huge && chunk < ARENA_HUGE)
		chunk = ARENA_HUGE;
	a->chunk = chunk > page ? (uint32_t)(chunk >> a->shift) : 1;
	a->tags.base = metadata;
	a->tags.size = round_up(TAGS_LEAD + a->pages * sizeof(struct tlsf_page), page);
	a->tags.step = TAGS_STEP;
	a->bits.base = a->tags.base + a->tags.size;
	a->bits.size = round_up(a->pages / 8 + 8, page);
	a->bits.step = page;
	tlsf_init(&a->map, (struct tlsf_page *)(void *)(a->tags.base + TAGS_LEAD),
		  (uint64_t *)(void *)a->bits.base);
	cache_init(a);
	lock_init(&a->lock);
	lock_init(&a->cover_lock);
	return 0;
}

void arena_keep(struct arena *a, size_t retain, size_t reserve)
{
	arena_enter(a);
	a->limit = limit_pages(a, retain, reserve);
	arena_leave(a);
}

/* The locks bear the ids of the parent's threads. A signal handler may have forked while its own thread
 * was inside: that one goes on in the child. */
void arena_fork_child(struct arena *a)
{
	const bool torn = a->holder && a->holder != this_thread();

	lock_init(&a->lock);
	lock_init(&a->cover_lock);
	if (!torn)
		return;
	a->holder = 0;
	tlsf_recover(&a->map);
}
