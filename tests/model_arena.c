/* SPDX-License-Identifier: MIT */
/* Random operations on the arena against a plain reference: model_arena [operations] [seed] [threads]
 *
 * The reference knows each page's state and owner. The operations of the arena fail at random; in
 * some rounds they are real mappings, in most, as these are slow, memory that is always there.
 * Committed pages get a mark in place of a zero, so that a page that is cleared without need shows
 * as well as one that should have been. Exit status 1 and one line at the first mismatch. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload/arena.h"

#ifndef MREMAP_DONTUNMAP /* 5.7 */
#define MREMAP_DONTUNMAP 4
#endif

#define SIZE	    ((size_t)32 << 20)
#define SLOTS	    256
#define THREADS_MAX 64
#define MARK	    UINT64_C(0x6d61726b6d61726b)
#define NOBODY	    0

enum state { BARE, FRESH, HANDED };

struct slot {
	pthread_mutex_t lock;
	char *block;
	size_t size;
	uint64_t stamp;
};

struct round {
	struct arena_settings settings; /* retain, reserve, chunk, huge */
	unsigned permille;		/* of the operations */
	int real;
};

static const struct round rounds[] = {
	{{8 << 20, 0, 2 << 20, false, NULL}, 160, 0},	    {{0, 0, 0, false, NULL}, 160, 0},
	{{SIZE_MAX, 0, 0, false, NULL}, 160, 0},	    {{1 << 20, 0, 64 << 10, true, NULL}, 160, 0},
	{{0, 4 << 20, 2 << 20, false, NULL}, 160, 0},	    {{SIZE_MAX, 0, 0, true, NULL}, 160, 0},
	{{1 << 20, 4 << 20, 2 << 20, true, NULL}, 10, 1}, {{64 << 10, 0, 0, false, NULL}, 10, 1},
	{{SIZE_MAX, 0, 64 << 10, false, NULL}, 20, 1},
};

static struct arena arena;
static const struct round *round_now;
static char *reservation, *metadata;
static size_t page_size, metadata_size;
static unsigned shift;
static unsigned char state[SIZE / 4096];
static uint32_t owner[SIZE / 4096];
static struct slot slots[SLOTS];
static uint64_t moved, unmoved, refused, used, peak;
static unsigned long seed = 1, operations = 200000, threads = 1;
static size_t limit;

static __thread uint64_t dice;
static __thread unsigned long operation;

static void fail(const char *what)
{
	printf("model_arena: seed %lu, %lu threads, operation %lu: %s\n", seed, threads, operation,
	       what);
	fflush(stdout);
	_exit(1);
}

static void expect(int ok, const char *what)
{
	if (!ok)
		fail(what);
}

static uint64_t roll(uint64_t sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (dice * UINT64_C(0x2545f4914f6cdd1d) >> 16) % sides;
}

static size_t page_of(const void *at)
{
	return (size_t)((const char *)at - reservation) >> shift;
}

static void state_change(const void *at, size_t size, enum state from, enum state to)
{
	size_t page = page_of(at), end = page + (size >> shift);

	for (; page < end; page++) {
		expect(state[page] == from || (from == HANDED && state[page] == FRESH),
		       "an operation on a range that isn't in the right state");
		state[page] = (unsigned char)to;
	}
}

static int is_metadata(const void *at)
{
	return (size_t)((const char *)at - metadata) < metadata_size;
}

static uint64_t *last_word(char *page)
{
	return (uint64_t *)(page + page_size) - 1;
}

static void map(void *at, size_t size, int access)
{
	if (mmap(at, size, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) ==
	    MAP_FAILED)
		fail("mmap failed");
}

static int ops_commit(void *at, size_t size)
{
	size_t i;

	expect(size > 0, "an empty commit");
	if (roll(32) == 0)
		return -EAGAIN;
	if (round_now->real)
		map(at, size, PROT_READ | PROT_WRITE);
	if (is_metadata(at))
		return 0;
	state_change(at, size, BARE, FRESH);
	if (!round_now->real)
		memset(at, 0, size);
	for (i = 0; i < size; i += page_size)
		*last_word((char *)at + i) = MARK;
	return 0;
}

static void ops_release(void *at, size_t size)
{
	expect(size > 0, "an empty release");
	state_change(at, size, HANDED, BARE);
	if (round_now->real)
		map(at, size, PROT_NONE);
}

/* Moves and keeps the old range reserved, by the one call that does both if the kernel has it. */
static int map_move(void *from, void *to, size_t size)
{
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	if (mremap(from, size, size, flags | MREMAP_DONTUNMAP, to) == MAP_FAILED &&
	    mremap(from, size, size, flags, to) == MAP_FAILED)
		return -errno;
	map(from, size, PROT_NONE);
	return 0;
}

static int ops_move(void *from, void *to, size_t size)
{
	int saved = errno, error = 0;

	if (roll(8) == 0)
		return -ENOMEM;
	if (round_now->real)
		error = map_move(from, to, size);
	else
		memcpy(to, from, size);
	errno = saved;
	if (error) {
		__atomic_add_fetch(&unmoved, 1, __ATOMIC_RELAXED);
		return error;
	}
	state_change(to, size, BARE, HANDED);
	state_change(from, size, HANDED, BARE);
	__atomic_add_fetch(&moved, 1, __ATOMIC_RELAXED);
	return 0;
}

static const struct arena_ops ops = {ops_commit, NULL, ops_release, ops_move};

/* Each page of a block bears a stamp in its first and last word. */
static void block_stamp(struct slot *s, size_t from)
{
	size_t size = arena_usable(&arena, s->block), i;

	for (i = from; i < size; i += page_size) {
		*(uint64_t *)(s->block + i) = s->stamp + i;
		*last_word(s->block + i) = s->stamp ^ i;
	}
}

static void block_check(const struct slot *s, size_t size)
{
	size_t i;

	for (i = 0; i < size; i += page_size) {
		expect(*(uint64_t *)(s->block + i) == s->stamp + i, "contents changed");
		expect(*last_word(s->block + i) == (s->stamp ^ i), "contents changed");
	}
}

static void block_check_zero(char *block, size_t size)
{
	size_t i, j, step = roll(64) ? page_size / 2 : sizeof(uint64_t);

	for (i = 0; i < size; i += page_size) {
		uint64_t last = state[page_of(block + i)] == FRESH ? MARK : 0;

		for (j = 0; j < page_size - sizeof(uint64_t); j += step)
			expect(*(uint64_t *)(block + i + j) == 0, "calloc isn't zero");
		expect(*last_word(block + i) == last, last ? "cleared without need" : "not cleared");
	}
}

/* The slot's number owns all pages of the block from now on. */
static void block_own(const struct slot *s, size_t from)
{
	size_t page = page_of(s->block + from);
	size_t end = page_of(s->block) + (arena_usable(&arena, s->block) >> shift);

	for (; page < end; page++) {
		expect(owner[page] == NOBODY, "blocks overlap");
		expect(state[page] == FRESH || state[page] == HANDED, "a page isn't resident");
		owner[page] = (uint32_t)(s - slots) + 1;
		state[page] = HANDED;
	}
}

static void block_disown(const struct slot *s, size_t from, size_t size)
{
	size_t page = page_of(s->block + from), end = page_of(s->block + size);

	for (; page < end; page++) {
		expect(owner[page] == (uint32_t)(s - slots) + 1, "a page changed its owner");
		owner[page] = NOBODY;
	}
}

static void count_used(size_t now, size_t before)
{
	if (threads > 1)
		return;
	used += (uint64_t)now - before;
	if (used > peak)
		peak = used;
}

static size_t roll_size(void)
{
	uint64_t kind = roll(100);
	size_t pages = kind < 80 ? 8 : kind < 98 ? 64 : 2048;

	return roll(pages << shift);
}

static void step_alloc(struct slot *s)
{
	size_t size = roll_size(), align = (size_t)1 << roll(25), usable;
	uint64_t kind = roll(3);

	s->block = kind == 0   ? arena_alloc(&arena, size)
		   : kind == 1 ? arena_zeroed(&arena, size)
			       : arena_aligned(&arena, align, size);
	if (s->block == NULL) {
		__atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
		return;
	}
	usable = arena_usable(&arena, s->block);
	expect(usable == (((size ? size : 1) + page_size - 1) & -page_size), "usable size");
	expect(kind != 2 || (uintptr_t)s->block % align == 0, "not aligned");
	expect(arena_owns(&arena, s->block), "doesn't own a block");
	if (kind == 1)
		block_check_zero(s->block, usable);
	block_own(s, 0);
	s->stamp = roll(UINT64_MAX);
	block_stamp(s, 0);
	count_used(usable, 0);
}

static void step_resize(struct slot *s)
{
	size_t old = arena_usable(&arena, s->block), now, kept;
	size_t want = roll(3) ? roll_size() : old + roll(4 * old);
	size_t wanted = ((want ? want : 1) + page_size - 1) & -page_size;
	char *was = s->block;
	void *to = NULL;
	int error;

	kept = old < wanted ? old : wanted;
	block_disown(s, kept, old);
	block_disown(s, 0, kept);
	error = arena_resize(&arena, was, want, &to);
	if (error) {
		expect(error == -ENOMEM && to == NULL, "the error of a resize");
		__atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
		wanted = kept = old;
	} else {
		s->block = to;
	}
	now = arena_usable(&arena, s->block);
	expect(now == wanted, "usable size after a resize");
	block_own(s, 0);
	block_check(s, kept);
	block_stamp(s, kept);
	count_used(now, old);
}

static void step_free(struct slot *s)
{
	size_t size = arena_usable(&arena, s->block);
	char *block = s->block;

	block_check(s, size);
	if (roll(64) == 0 && size > page_size) {
		expect(arena_free(&arena, block + page_size) == -EINVAL, "freed an inner page");
		expect(arena_free(&arena, block + 16) == -EINVAL, "freed an inner address");
		expect(arena_free(&arena, block + size - page_size) == -EINVAL, "freed a last page");
	}
	block_disown(s, 0, size);
	s->block = NULL;
	expect(arena_free(&arena, block) == 0, "free failed");
	if (threads == 1)
		expect(arena_free(&arena, block) < 0, "freed twice");
	count_used(0, size);
}

/* Spans lie side by side, no two free ones of a kind do, and the sums are right. */
static void check_spans(void)
{
	const struct tlsf *t = &arena.map;
	uint32_t at = 0, sum[TLSF_BARE + 1] = {0};
	enum tlsf_kind before = TLSF_INSIDE;

	while (at < t->top) {
		enum tlsf_kind kind = (enum tlsf_kind)t->page[at].kind;
		uint32_t i, pages = t->page[at].pages;

		expect(kind != TLSF_INSIDE && pages > 0, "a gap between spans");
		expect(kind < TLSF_FREE || kind != before, "two free spans side by side");
		for (i = 1; i + 1 < pages; i++)
			expect(t->page[at + i].kind == TLSF_INSIDE, "an end inside a span");
		sum[kind] += pages;
		before = kind;
		at += pages;
	}
	expect(at == t->top && before != TLSF_BARE, "the last span");
	expect(sum[TLSF_BUSY] == 0, "a span was left busy");
	expect(sum[TLSF_FREE] == t->free.pages && sum[TLSF_BARE] == t->bare.pages, "the sums");
	expect(threads > 1 || (uint64_t)sum[TLSF_USED] << shift == used, "pages in use");
}

static void check_counters(void)
{
	struct arena_counters c;

	arena_count(&arena, &c);
	expect(c.retained <= limit, "more is retained than allowed");
	expect(c.resident == c.grown - c.released, "resident isn't what was grown less released");
	expect(c.resident == c.used + c.retained, "resident isn't used and retained");
	expect(c.refused == refused, "refused");
	expect(threads > 1 || (c.used == used && c.peak == peak), "used or peak");
}

static void slot_step(struct slot *s)
{
	pthread_mutex_lock(&s->lock);
	errno = 4711;
	if (s->block == NULL)
		step_alloc(s);
	else if (roll(3) == 0)
		step_resize(s);
	else
		step_free(s);
	expect(errno == 4711, "errno was changed");
	pthread_mutex_unlock(&s->lock);
}

static void *thread_run(void *argument)
{
	unsigned long number = (unsigned long)(uintptr_t)argument;
	unsigned long first = operation, each = operations * round_now->permille / 1000 / threads;

	dice = (seed * 1000003 + number + 1) * UINT64_C(0x9e3779b97f4a7c15);
	for (operation = first; operation < first + each; operation++) {
		slot_step(&slots[roll(SLOTS)]);
		if (threads == 1)
			check_counters();
		if (threads == 1 && operation % 4096 == 0)
			check_spans();
		if (roll(4096) == 0)
			arena_trim(&arena, roll(SIZE / 4));
	}
	return NULL;
}

static void round_start(void)
{
	struct arena_settings settings = round_now->settings;
	int access = round_now->real ? PROT_NONE : PROT_READ | PROT_WRITE;

	limit = settings.retain > settings.reserve ? settings.retain : settings.reserve;
	refused = used = peak = 0;
	memset(state, BARE, sizeof state);
	memset(owner, NOBODY, sizeof owner);
	map(reservation, SIZE, access);
	map(metadata, metadata_size, access);
	expect(arena_init(&arena, reservation, SIZE, metadata, &ops, &settings) == 0, "init");
	while (settings.reserve && arena_reserve(&arena, settings.reserve) != 0)
		;
}

/* When all is freed, nothing may divide what is free; trimmed, nothing is left. */
static void round_finish(void)
{
	size_t i;

	for (i = 0; i < SLOTS; i++)
		if (slots[i].block != NULL)
			step_free(&slots[i]);
	check_counters();
	check_spans();
	arena_trim(&arena, 0);
	check_counters();
	check_spans();
	expect(arena.counters.resident == 0 && arena.counters.blocks == 0, "something is left");
	for (i = 0; i < arena.map.top; i += arena.map.page[i].pages)
		expect(arena.map.page[i].kind == TLSF_BARE, "a span is left");
}

static void round_run(void)
{
	uintptr_t number = (uintptr_t)(round_now - rounds) * THREADS_MAX;
	pthread_t ids[THREADS_MAX];
	unsigned long i;

	dice = seed + number + 1;
	round_start();
	for (i = 1; i < threads; i++)
		pthread_create(&ids[i], NULL, thread_run, (void *)(number + i));
	thread_run((void *)number);
	for (i = 1; i < threads; i++)
		pthread_join(ids[i], NULL);
	round_finish();
}

static void *reserve(size_t size)
{
	char *at = mmap(NULL, size + ARENA_HUGE, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	expect(at != MAP_FAILED, "no addresses");
	return at + (-(uintptr_t)at & (ARENA_HUGE - 1));
}

int main(int argc, char **argv)
{
	uint64_t all_refused = 0;
	unsigned long i;

	operations = argc > 1 ? strtoul(argv[1], NULL, 0) : operations;
	seed = argc > 2 ? strtoul(argv[2], NULL, 0) : seed;
	threads = argc > 3 ? strtoul(argv[3], NULL, 0) : threads;
	expect(threads > 0 && threads <= THREADS_MAX, "1 to 64 threads");
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	shift = (unsigned)__builtin_ctzl(page_size);
	metadata_size = arena_metadata_size(SIZE);
	reservation = reserve(SIZE);
	metadata = reserve(metadata_size);
	for (i = 0; i < SLOTS; i++)
		pthread_mutex_init(&slots[i].lock, NULL);
	for (round_now = rounds; round_now < rounds + sizeof rounds / sizeof *rounds; round_now++) {
		round_run();
		all_refused += refused;
	}
	printf("1..1\nok 1 - model_arena: %lu operations, seed %lu, %lu threads: ok "
	       "(%llu moves, %llu not possible, %llu refused)\n",
	       operations, seed, threads, (unsigned long long)moved, (unsigned long long)unmoved,
	       (unsigned long long)all_refused);
	return 0;
}
