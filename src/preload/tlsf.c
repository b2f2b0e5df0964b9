/* SPDX-License-Identifier: MIT */
/* Keeps spans of pages: boundary tags, the two indexes of free spans, the dirty bits. */
#include "config.h"

#include <string.h>

#include "tlsf.h"

/* Spans of the wanted class are looked at one by one, as some are smaller than wanted: few where
 * a larger class can serve, more where the alternative is to grow, which costs system calls. */
#define TRIES_FIRST 8
#define TRIES_LAST  64

struct class {
	unsigned first, second;
};

/* The class that spans of so many pages are filed in. */
static struct class class_of(uint32_t pages)
{
	unsigned log;

	if (pages < TLSF_SECOND)
		return (struct class){0, pages};
	log = 31 - (unsigned)__builtin_clz(pages);
	return (struct class){log - 4, (pages >> (log - 5)) & (TLSF_SECOND - 1)};
}

/* The lowest class whose spans all have so many pages. */
static struct class class_above(uint32_t pages)
{
	if (pages >= TLSF_SECOND)
		pages += (UINT32_C(1) << (26 - __builtin_clz(pages))) - 1;
	return class_of(pages);
}

/* The first span of the class or, moving *class there, of the next one that has any. */
static uint32_t index_from(const struct tlsf_index *index, struct class *class)
{
	uint32_t second = index->second[class->first] & (uint32_t)(UINT64_MAX << class->second);

	if (second == 0) {
		uint32_t first = index->first & (uint32_t)(UINT64_MAX << (class->first + 1));

		if (first == 0)
			return TLSF_NIL;
		class->first = (unsigned)__builtin_ctz(first);
		second = index->second[class->first];
	}
	class->second = (unsigned)__builtin_ctz(second);
	return index->head[class->first][class->second];
}

static void index_count(struct tlsf_index *index, uint32_t pages)
{
	__atomic_store_n(&index->pages, pages, __ATOMIC_RELAXED);
}

static struct tlsf_index *index_of(struct tlsf *t, enum tlsf_kind kind)
{
	return kind == TLSF_FREE ? &t->free : &t->bare;
}

static void index_add(struct tlsf *t, uint32_t first)
{
	struct tlsf_page *page = &t->page[first];
	struct tlsf_index *index = index_of(t, page->kind);
	struct class class = class_of(page->pages);
	uint32_t *head = &index->head[class.first][class.second];

	page->prev = TLSF_NIL;
	page->next = *head;
	if (*head != TLSF_NIL)
		t->page[*head].prev = first;
	*head = first;
	index->first |= UINT32_C(1) << class.first;
	index->second[class.first] |= UINT32_C(1) << class.second;
	index_count(index, index->pages + page->pages);
}

static void index_remove(struct tlsf *t, uint32_t first)
{
	struct tlsf_page *page = &t->page[first];
	struct tlsf_index *index = index_of(t, page->kind);
	struct class class = class_of(page->pages);
	uint32_t *head = &index->head[class.first][class.second];

	if (page->next != TLSF_NIL)
		t->page[page->next].prev = page->prev;
	if (page->prev != TLSF_NIL)
		t->page[page->prev].next = page->next;
	else
		*head = page->next;
	if (*head == TLSF_NIL) {
		index->second[class.first] &= ~(UINT32_C(1) << class.second);
		if (index->second[class.first] == 0)
			index->first &= ~(UINT32_C(1) << class.first);
	}
	index_count(index, index->pages - page->pages);
}

static void index_init(struct tlsf_index *index)
{
	memset(index, 0, sizeof *index);
	memset(index->head, 0xff, sizeof index->head);
}

static bool span_fits(const struct tlsf *t, uint32_t first, const struct tlsf_want *want)
{
	return tlsf_align(want, first) - first + want->pages <= t->page[first].pages;
}

/* The smallest spans first, within a class in any order. */
static uint32_t index_walk(const struct tlsf *t, const struct tlsf_index *index,
			   const struct tlsf_want *want, unsigned tries)
{
	struct class class = class_of(want->pages);
	uint32_t at = index_from(index, &class);

	for (; at != TLSF_NIL && tries > 0; tries--) {
		if (span_fits(t, at, want))
			return at;
		at = t->page[at].next;
		if (at == TLSF_NIL) {
			class.second++;
			at = index_from(index, &class);
		}
	}
	return TLSF_NIL;
}

uint32_t tlsf_find(const struct tlsf *t, enum tlsf_kind kind, const struct tlsf_want *want)
{
	const struct tlsf_index *index = kind == TLSF_FREE ? &t->free : &t->bare;
	struct class class = class_above(want->pages + want->align - 1);
	uint32_t at = index_walk(t, index, want, TRIES_FIRST);

	if (at == TLSF_NIL)
		at = index_from(index, &class);
	if (at == TLSF_NIL)
		at = index_walk(t, index, want, TRIES_LAST);
	return at;
}

uint32_t tlsf_largest(const struct tlsf *t)
{
	unsigned first;

	if (t->free.first == 0)
		return TLSF_NIL;
	first = 31 - (unsigned)__builtin_clz(t->free.first);
	return t->free.head[first][31 - __builtin_clz(t->free.second[first])];
}

static void page_set_kind(struct tlsf_page *page, enum tlsf_kind kind)
{
	__atomic_store_n(&page->kind, (uint8_t)kind, __ATOMIC_RELAXED);
}

/* Both ends of a free span bear its kind: a neighbour on either side finds it. */
static void span_set_kind(struct tlsf *t, uint32_t first, enum tlsf_kind ends)
{
	struct tlsf_page *last = &t->page[first + t->page[first].pages - 1];

	last->pages = t->page[first].pages;
	page_set_kind(last, ends);
	page_set_kind(&t->page[first], ends);
}

void tlsf_init(struct tlsf *t, struct tlsf_page *page, uint64_t *dirty)
{
	t->page = page;
	t->dirty = dirty;
	t->top = 0;
	index_init(&t->free);
	index_init(&t->bare);
}

/* Only the first pages of blocks bear TLSF_USED or TLSF_CACHED, and what they say of their length is
 * written before, so that blocks are found whatever the tags between them say. */
void tlsf_recover(struct tlsf *t)
{
	uint32_t at = 0;

	index_init(&t->free);
	index_init(&t->bare);
	while (at < t->top) {
		const enum tlsf_kind kind = tlsf_kind_at(t, at);

		if (kind == TLSF_USED || kind == TLSF_CACHED) {
			at += t->page[at].pages;
			continue;
		}
		page_set_kind(&t->page[at++], TLSF_INSIDE);
	}
}

void tlsf_take(struct tlsf *t, uint32_t first)
{
	index_remove(t, first);
	span_set_kind(t, first, TLSF_INSIDE);
	tlsf_mark(t, first, TLSF_BUSY);
}

static void top_set(struct tlsf *t, uint32_t top)
{
	__atomic_store_n(&t->top, top, __ATOMIC_RELAXED);
}

/* A busy span that may have been anything before. */
static void span_begin(struct tlsf *t, uint32_t first, uint32_t pages, uint8_t dirt)
{
	t->page[first].pages = pages;
	t->page[first].dirt = dirt;
	page_set_kind(&t->page[first], TLSF_BUSY);
}

void tlsf_raise(struct tlsf *t, uint32_t top)
{
	span_begin(t, t->top, top - t->top, TLSF_MIXED);
	top_set(t, top);
}

void tlsf_split(struct tlsf *t, uint32_t first, uint32_t pages)
{
	uint32_t all = t->page[first].pages;
	uint8_t dirt = t->page[first].dirt;

	span_begin(t, first + pages, all - pages, dirt);
	span_begin(t, first, pages, dirt);
}

void tlsf_join(struct tlsf *t, uint32_t first)
{
	uint32_t pages = t->page[first].pages;
	struct tlsf_page *next = &t->page[first + pages];
	uint8_t dirt = t->page[first].dirt == next->dirt ? next->dirt : TLSF_MIXED;

	page_set_kind(next, TLSF_INSIDE);
	span_begin(t, first, pages + next->pages, dirt);
}

uint32_t tlsf_put(struct tlsf *t, uint32_t first, enum tlsf_kind kind)
{
	uint32_t next = first + t->page[first].pages;

	if (next < t->top && tlsf_kind_at(t, next) == kind) {
		tlsf_take(t, next);
		tlsf_join(t, first);
	}
	if (first > 0 && tlsf_kind_at(t, first - 1) == kind) {
		first -= t->page[first - 1].pages;
		tlsf_take(t, first);
		tlsf_join(t, first);
	}
	if (kind == TLSF_BARE && first + t->page[first].pages == t->top) {
		tlsf_mark(t, first, TLSF_INSIDE);
		top_set(t, first);
		return first;
	}
	span_set_kind(t, first, kind);
	index_add(t, first);
	return first;
}

/* A word at the edge may hold pages of others, whose owners read theirs without serialisation. */
static void bits_write(uint64_t *word, uint64_t mask, bool value)
{
	uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);

	__atomic_store_n(word, value ? old | mask : old & ~mask, __ATOMIC_RELAXED);
}

static void bits_fill(uint64_t *bits, uint32_t from, uint32_t end, bool value)
{
	uint32_t first = from / 64, last = (end - 1) / 64;
	uint64_t low = UINT64_MAX << from % 64, high = UINT64_MAX >> (63 - (end - 1) % 64);

	if (first == last) {
		bits_write(&bits[first], low & high, value);
		return;
	}
	bits_write(&bits[first], low, value);
	memset(&bits[first + 1], value ? 0xff : 0, (last - first - 1) * sizeof *bits);
	bits_write(&bits[last], high, value);
}

void tlsf_clean(struct tlsf *t, uint32_t first)
{
	bits_fill(t->dirty, first, first + t->page[first].pages, false);
	t->page[first].dirt = TLSF_CLEAN;
}

void tlsf_soil(struct tlsf *t, uint32_t first)
{
	if (t->page[first].dirt == TLSF_DIRTY)
		return;
	bits_fill(t->dirty, first, first + t->page[first].pages, true);
	t->page[first].dirt = TLSF_DIRTY;
}

/* The first page of [from, end) whose bit has the value, or end. */
static uint32_t bits_next(const uint64_t *bits, uint32_t from, uint32_t end, bool value)
{
	while (from < end) {
		uint64_t word = __atomic_load_n(&bits[from / 64], __ATOMIC_RELAXED);

		word = (value ? word : ~word) >> from % 64;
		if (word) {
			from += (uint32_t)__builtin_ctzll(word);
			return from < end ? from : end;
		}
		from = (from / 64 + 1) * 64;
	}
	return end;
}

uint32_t tlsf_dirty_run(const struct tlsf *t, uint32_t *from, uint32_t end)
{
	*from = bits_next(t->dirty, *from, end, true);
	return bits_next(t->dirty, *from, end, false);
}
