/* SPDX-License-Identifier: MIT */
/* The arena on memory that is always there: which operations it asks for, and when. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/arena.h"
#include "suites.h"

#define SIZE  ((size_t)4 << 30)
#define KIB   ((size_t)1 << 10)
#define MIB   ((size_t)1 << 20)
#define BLOCK (128 * KIB)

static struct arena arena;
static char *base, *metadata;
static size_t page;

/* What the arena asked for; metadata is not counted. */
static struct {
	unsigned commits, releases, moves;
	char *at;	    /* of the last one */
	size_t size, bytes; /* of the last one, of all commits */
} asked;

static unsigned commits_to_fail;
static int move_result;
static bool mark_commits;  /* write to each page, so that a needless clear shows */
static bool commit_enters; /* use the arena while it grows */
static size_t fits_most;
static size_t cover_leaves; /* so much is handed out and freed while descriptors become resident */

static int fake_commit(void *at, size_t size)
{
	size_t i;

	if (commits_to_fail) {
		commits_to_fail--;
		return -EAGAIN;
	}
	if (!arena_covers(&arena, at)) {
		void *block = cover_leaves ? arena_alloc(&arena, cover_leaves) : NULL;

		cover_leaves = 0;
		ck_assert(block == NULL || arena_free(&arena, block) == 0);
		return 0;
	}
	asked.commits++;
	asked.at = at;
	asked.size = size;
	asked.bytes += size;
	for (i = 0; mark_commits && i < size; i += page)
		((char *)at)[i] = 1;
	if (commit_enters) {
		void *block = arena_alloc(&arena, page);

		ck_assert_ptr_nonnull(block);
		ck_assert_int_eq(arena_free(&arena, block), 0);
	}
	return 0;
}

static bool fake_fits(size_t size)
{
	return size <= fits_most;
}

static void fake_release(void *at, size_t size)
{
	asked.releases++;
	asked.at = at;
	asked.size = size;
	ck_assert_int_eq(madvise(at, size, MADV_DONTNEED), 0);
}

/* While it moves it is nobody's block. */
static int fake_move(void *from, void *to, size_t size)
{
	ck_assert_int_eq(arena_check(&arena, from), -EINVAL);
	ck_assert_int_eq(arena_check(&arena, to), -EINVAL);
	if (move_result)
		return move_result;
	asked.moves++;
	asked.size = size;
	memcpy(to, from, size);
	return 0;
}

static const struct arena_ops ops = {fake_commit, fake_fits, fake_release, fake_move};

static void arena_open(struct arena_settings settings)
{
	ck_assert_int_eq(arena_init(&arena, base, SIZE, metadata, &ops, &settings), 0);
	memset(&asked, 0, sizeof asked);
}

static char *reservation(size_t size)
{
	char *at = mmap(NULL, size + ARENA_HUGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert(at != MAP_FAILED);
	return at + (-(uintptr_t)at & (ARENA_HUGE - 1));
}

static void setup(void)
{
	if (base == NULL) {
		page = (size_t)sysconf(_SC_PAGESIZE);
		base = reservation(SIZE);
		metadata = reservation(arena_metadata_size(SIZE));
	}
	madvise(base, SIZE, MADV_DONTNEED);
	madvise(metadata, arena_metadata_size(SIZE), MADV_DONTNEED);
	commits_to_fail = 0;
	move_result = 0;
	mark_commits = commit_enters = false;
	cover_leaves = 0;
	fits_most = SIZE_MAX;
	arena_open((struct arena_settings){.retain = SIZE_MAX});
}

static struct arena_counters counters(void)
{
	struct arena_counters c;

	arena_count(&arena, &c);
	return c;
}

static char *block(size_t size)
{
	char *at = arena_alloc(&arena, size);

	ck_assert_ptr_nonnull(at);
	ck_assert(arena_owns(&arena, at));
	ck_assert_uint_ge(arena_usable(&arena, at), size);
	return at;
}

static void give_back(void *at)
{
	ck_assert_int_eq(arena_free(&arena, at), 0);
}

START_TEST(init_refuses_a_bad_base)
{
	struct arena_settings settings = {0};

	ck_assert_int_eq(arena_init(&arena, base + page, SIZE, metadata, &ops, &settings), -EINVAL);
	settings.chunk = 3 * page;
	ck_assert_int_eq(arena_init(&arena, base, SIZE, metadata, &ops, &settings), -EINVAL);
}
END_TEST

START_TEST(blocks_are_whole_pages)
{
	char *a = block(1), *b = block(0), *c = block(BLOCK + 1);

	ck_assert_uint_eq(arena_usable(&arena, a), page);
	ck_assert_uint_eq(arena_usable(&arena, b), page);
	ck_assert_uint_eq(arena_usable(&arena, c), BLOCK + page);
	ck_assert_uint_eq(asked.bytes, BLOCK + 3 * page);
	ck_assert_uint_eq(counters().blocks, 3);
	ck_assert_uint_eq(counters().used, BLOCK + 3 * page);
}
END_TEST

START_TEST(no_block_wastes_an_eighth)
{
	size_t size;

	for (size = BLOCK; size < 64 * MIB; size += size / 7 + 1) {
		char *a = block(size);

		ck_assert_uint_le(arena_usable(&arena, a), size + size / 8);
		give_back(a);
	}
}
END_TEST

START_TEST(freed_memory_is_reused)
{
	char *a = block(BLOCK), *b = block(MIB);

	give_back(a);
	ck_assert_ptr_eq(block(BLOCK), a);
	give_back(b);
	ck_assert_ptr_eq(block(MIB), b);
	ck_assert_uint_eq(asked.commits, 2);
	ck_assert_uint_eq(asked.releases, 0);
}
END_TEST

START_TEST(neighbours_coalesce)
{
	static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	char *blocks[3];
	int i;

	for (i = 0; i < 3; i++)
		blocks[i] = block(BLOCK);
	block(page);
	for (i = 0; i < 3; i++)
		give_back(blocks[orders[_i][i]]);
	ck_assert_ptr_eq(block(3 * BLOCK), blocks[0]);
	ck_assert_uint_eq(counters().retained, 0);
}
END_TEST

START_TEST(growth_commits_the_difference)
{
	char *a = block(BLOCK);

	give_back(a);
	ck_assert_ptr_eq(block(4 * BLOCK), a);
	ck_assert_ptr_eq(asked.at, a + BLOCK);
	ck_assert_uint_eq(asked.size, 3 * BLOCK);
}
END_TEST

START_TEST(growth_ends_at_a_chunk)
{
	arena_open((struct arena_settings){.retain = SIZE_MAX, .chunk = MIB});
	block(8 * MIB);
	block(BLOCK);
	ck_assert_uint_eq(asked.size, MIB);
	block(MIB - BLOCK);
	ck_assert_uint_eq(asked.commits, 2);
	block(page);
	ck_assert_uint_eq(asked.size, MIB);
}
END_TEST

/* No more than an eighth of what is there is made resident beside what was asked for. */
START_TEST(growth_is_small_at_first)
{
	arena_open((struct arena_settings){.retain = SIZE_MAX, .chunk = MIB});
	for (size_t used = BLOCK; used <= 64 * BLOCK; used += BLOCK) {
		block(BLOCK);
		ck_assert_uint_le(counters().resident, used + used / 8);
	}
}
END_TEST

START_TEST(a_chunk_keeps_to_the_limit)
{
	arena_open((struct arena_settings){.retain = 16 * page, .chunk = MIB});
	block(8 * MIB);
	block(BLOCK);
	ck_assert_uint_eq(asked.size, BLOCK + 16 * page);
	ck_assert_uint_eq(counters().retained, 16 * page);
}
END_TEST

START_TEST(a_failed_chunk_is_tried_exactly)
{
	arena_open((struct arena_settings){.retain = SIZE_MAX, .chunk = MIB});
	block(8 * MIB);
	commits_to_fail = 1;
	block(BLOCK);
	ck_assert_uint_eq(asked.size, BLOCK);
	ck_assert_uint_eq(counters().refused, 0);
	ck_assert_uint_eq(counters().resident, 8 * MIB + BLOCK);
}
END_TEST

START_TEST(huge_growth_is_whole)
{
	arena_open((struct arena_settings){.retain = SIZE_MAX, .huge = true});
	block(BLOCK);
	block(3 * MIB);
	ck_assert_uint_eq((uintptr_t)asked.at % ARENA_HUGE, 0);
	ck_assert_uint_eq(asked.size % ARENA_HUGE, 0);
	ck_assert_uint_eq(asked.bytes, 2 * ARENA_HUGE);
}
END_TEST

START_TEST(a_failed_commit_changes_nothing)
{
	char *a = block(BLOCK);
	struct arena_counters before, after;

	give_back(a);
	before = counters();
	commits_to_fail = 1;
	ck_assert_ptr_null(arena_alloc(&arena, MIB));
	before.refused++;
	after = counters();
	ck_assert_mem_eq(&before, &after, sizeof before);
	ck_assert_ptr_eq(block(BLOCK), a);
}
END_TEST

START_TEST(what_does_not_fit_costs_no_descriptors)
{
	fits_most = 256 * MIB;
	ck_assert_ptr_null(arena_alloc(&arena, 257 * MIB));
	ck_assert_uint_eq(counters().metadata, 0);
	ck_assert_uint_eq(counters().refused, 1);
	ck_assert_uint_eq(asked.commits, 0);
	block(256 * MIB);
}
END_TEST

START_TEST(too_large_is_refused)
{
	ck_assert_ptr_null(arena_alloc(&arena, SIZE + 1));
	ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX));
	ck_assert_ptr_null(arena_aligned(&arena, 2 * SIZE, page));
	ck_assert_uint_eq(counters().refused, 3);
	ck_assert_uint_eq(asked.commits, 0);
}
END_TEST

START_TEST(more_than_the_limit_is_given_back)
{
	char *a;

	arena_open((struct arena_settings){.retain = BLOCK});
	a = block(MIB);
	give_back(a);
	ck_assert_uint_eq(asked.releases, 1);
	ck_assert_ptr_eq(asked.at, a + BLOCK);
	ck_assert_uint_eq(asked.size, MIB - BLOCK);
	ck_assert_uint_eq(counters().retained, BLOCK);
	ck_assert_uint_eq(counters().released, MIB - BLOCK);
	ck_assert_ptr_eq(block(MIB), a);
	ck_assert_uint_eq(asked.size, MIB - BLOCK);
}
END_TEST

START_TEST(the_reserve_is_kept)
{
	arena_open((struct arena_settings){.retain = 0, .reserve = MIB});
	ck_assert_int_eq(arena_reserve(&arena, MIB), 0);
	ck_assert_uint_eq(counters().retained, MIB);
	give_back(block(MIB));
	ck_assert_uint_eq(asked.commits, 1);
	ck_assert_uint_eq(asked.releases, 0);
	commits_to_fail = 1;
	ck_assert_int_eq(arena_reserve(&arena, 2 * MIB), -ENOMEM);
}
END_TEST

START_TEST(trim_gives_back)
{
	char *a = block(MIB), *b = block(page), *c = block(2 * MIB);

	give_back(a);
	give_back(c);
	ck_assert_uint_eq(arena_trim(&arena, MIB), 2 * MIB);
	ck_assert_uint_eq(counters().retained, MIB);
	ck_assert_uint_eq(arena_trim(&arena, 0), MIB);
	give_back(b);
	ck_assert_uint_eq(arena_trim(&arena, SIZE_MAX), 0);
	ck_assert_uint_eq(counters().resident, page);
}
END_TEST

static struct {
	uintptr_t start, end;
} dropped[3];
static int drops;

static void fake_drop(void *at, size_t size)
{
	dropped[drops].start = (uintptr_t)at;
	dropped[drops++].end = (uintptr_t)at + size;
}

static uintptr_t metadata_end(void)
{
	return (uintptr_t)metadata + arena_metadata_size(SIZE);
}

START_TEST(shrinking_gives_up_addresses)
{
	char *a = block(MIB), *b;
	size_t kept = 8 * MIB;
	uintptr_t end = (uintptr_t)base + MIB + kept;
	const uintptr_t tags = (uintptr_t)metadata, bits = metadata_end() - SIZE / page / 8 - page;

	drops = 0;
	ck_assert_uint_gt(arena_shrink(&arena, kept, fake_drop), SIZE - MIB - kept);
	ck_assert_int_eq(drops, 3);
	ck_assert_uint_eq(dropped[0].start, end);
	ck_assert_uint_eq(dropped[0].end, (uintptr_t)base + SIZE);
	ck_assert(dropped[1].start > tags && dropped[1].end == bits);
	ck_assert(dropped[2].start > bits && dropped[2].end == metadata_end());
	ck_assert(arena_covers(&arena, (void *)(end - 1)));
	ck_assert(!arena_covers(&arena, (void *)end));

	b = block(kept); /* all that is left, with descriptors */
	ck_assert_ptr_null(arena_alloc(&arena, page));
	give_back(a);
	give_back(b);
	ck_assert_uint_eq(arena_shrink(&arena, 0, fake_drop), 0);
}
END_TEST

START_TEST(alignment_costs_no_memory)
{
	size_t align = (size_t)1 << _i, mask = align - 1;
	char *a, *b;

	block(page);
	a = arena_aligned(&arena, align, BLOCK);
	ck_assert_ptr_nonnull(a);
	ck_assert_uint_eq((uintptr_t)a & mask, 0);
	ck_assert_uint_eq(counters().resident, BLOCK + page);
	give_back(a);
	b = arena_aligned(&arena, align, BLOCK);
	ck_assert_ptr_eq(a, b);
	ck_assert_uint_eq(asked.commits, 2);
}
END_TEST

START_TEST(fresh_pages_are_not_cleared)
{
	char *a;
	size_t i, marks = 0;

	mark_commits = true;
	a = arena_zeroed(&arena, 64 * MIB);
	ck_assert_ptr_nonnull(a);
	for (i = 0; i < 64 * MIB; i += page)
		marks += (size_t)a[i];
	ck_assert_uint_eq(marks, 64 * MIB / page);
}
END_TEST

START_TEST(used_pages_alone_are_cleared)
{
	char *a, *b;
	size_t i, wrong = 0;

	mark_commits = true;
	ck_assert_int_eq(arena_reserve(&arena, MIB), 0);
	a = block(10 * page);
	memset(a, 7, 10 * page);
	b = block(page);
	give_back(a);
	give_back(b);
	b = arena_zeroed(&arena, MIB);
	ck_assert_ptr_eq(a, b);
	for (i = 0; i < MIB; i++)
		wrong += b[i] != (i >= 11 * page && i % page == 0);
	memset(b, 7, MIB);
	give_back(b);
	ck_assert_ptr_eq(arena_zeroed(&arena, MIB), b);
	for (i = 0; i < MIB; i++)
		wrong += b[i] != 0;
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

START_TEST(returned_pages_are_fresh_again)
{
	char *a = block(BLOCK);

	give_back(a);
	arena_trim(&arena, 0);
	mark_commits = true;
	ck_assert_ptr_eq(arena_zeroed(&arena, BLOCK), a);
	ck_assert_int_eq(a[0], 1);
}
END_TEST

static char *resize(char *old, size_t size)
{
	void *to = NULL;

	ck_assert_int_eq(arena_resize(&arena, old, size, &to), 0);
	ck_assert_uint_ge(arena_usable(&arena, to), size);
	return to;
}

START_TEST(resize_shrinks_in_place)
{
	char *a = block(MIB);

	block(page);
	ck_assert_ptr_eq(resize(a, BLOCK), a);
	ck_assert_uint_eq(arena_usable(&arena, a), BLOCK);
	ck_assert_uint_eq(counters().retained, MIB - BLOCK);
	ck_assert_ptr_eq(resize(a, BLOCK - page + 1), a);
	ck_assert_uint_eq(arena_usable(&arena, a), BLOCK);
}
END_TEST

START_TEST(resize_grows_in_place)
{
	char *a = block(BLOCK), *b = block(BLOCK);

	ck_assert_uint_eq(asked.commits, 2);
	give_back(b);
	ck_assert_ptr_eq(resize(a, BLOCK + page), a);
	ck_assert_uint_eq(asked.commits, 2);
	ck_assert_ptr_eq(resize(a, MIB), a);
	ck_assert_ptr_eq(asked.at, b + BLOCK);
	ck_assert_uint_eq(asked.size, MIB - 2 * BLOCK);
	ck_assert_uint_eq(counters().used, MIB);
	ck_assert_uint_eq(counters().peak, MIB);
}
END_TEST

/* Another thread leaves more behind the block than it wants while its descriptors become resident. */
START_TEST(resize_grows_into_what_came_free)
{
	char *at, *next;

	arena_open((struct arena_settings){.retain = 60 * page, .chunk = 256 * page});
	at = block(4088 * page);
	ck_assert_int_eq(arena_resize(&arena, at, 4000 * page, (void **)&at), 0);
	arena_trim(&arena, 0);
	cover_leaves = 20 * page;
	ck_assert_int_eq(arena_resize(&arena, at, 4050 * page, (void **)&at), 0);
	ck_assert_uint_eq(cover_leaves, 0);
	ck_assert_uint_eq(arena_usable(&arena, at), 4050 * page);
	next = block(60 * page);
	ck_assert(next >= at + 4050 * page || next + 60 * page <= at);
	ck_assert_uint_eq(counters().used, 4110 * page);
}
END_TEST

START_TEST(resize_moves_large_blocks)
{
	char *a = block(3 * MIB), *b;

	memset(a, 7, 3 * MIB);
	block(page);
	b = resize(a, 4 * MIB);
	ck_assert_ptr_ne(a, b);
	ck_assert_uint_eq(asked.moves, 1);
	ck_assert_uint_eq(asked.size, 3 * MIB);
	ck_assert_uint_eq((uintptr_t)a % ARENA_HUGE, (uintptr_t)b % ARENA_HUGE);
	ck_assert_int_eq(b[3 * MIB - 1], 7);
	ck_assert_uint_eq(counters().resident, 4 * MIB + page);
	ck_assert_int_eq(arena_free(&arena, a), -EINVAL);
}
END_TEST

START_TEST(resize_copies_what_cannot_move)
{
	char *a = block(3 * MIB), *b;

	memset(a, 7, 3 * MIB);
	block(page);
	move_result = -EFAULT;
	b = resize(a, 4 * MIB);
	ck_assert_int_eq(b[3 * MIB - 1], 7);
	ck_assert_uint_eq(asked.moves, 0);
	ck_assert_uint_eq(counters().retained, 3 * MIB);
	ck_assert_uint_eq(counters().resident, 7 * MIB + page);
	ck_assert_uint_eq(counters().peak, 4 * MIB + page);
}
END_TEST

START_TEST(resize_copies_small_blocks_to_resident_memory)
{
	char *a = block(BLOCK), *b, *c;

	b = block(page);
	c = block(MIB);
	block(page);
	give_back(c);
	asked.commits = 0;
	a[BLOCK - 1] = 7;
	ck_assert_ptr_eq(resize(a, 2 * BLOCK), c);
	ck_assert_int_eq(c[BLOCK - 1], 7);
	ck_assert_uint_eq(asked.commits, 0);
	ck_assert_uint_eq(asked.moves, 0);
	give_back(b);
}
END_TEST

START_TEST(a_failed_resize_changes_nothing)
{
	char *a = block(MIB);
	void *to = NULL;

	memset(a, 7, MIB);
	block(page);
	commits_to_fail = 4;
	ck_assert_int_eq(arena_resize(&arena, a, 2 * MIB, &to), -ENOMEM);
	ck_assert_int_eq(arena_resize(&arena, a, SIZE_MAX, &to), -ENOMEM);
	ck_assert_int_eq(arena_resize(&arena, a + page, MIB, &to), -EINVAL);
	ck_assert_ptr_null(to);
	ck_assert_uint_eq(arena_usable(&arena, a), MIB);
	ck_assert_int_eq(a[MIB - 1], 7);
	ck_assert_uint_eq(counters().refused, 2);
	ck_assert_uint_eq(counters().resident, MIB + page);
}
END_TEST

START_TEST(bad_frees_are_told)
{
	char *a = block(BLOCK), *b = block(BLOCK);
	int outside;

	ck_assert_int_eq(arena_free(&arena, a + page), -EINVAL);
	ck_assert_int_eq(arena_free(&arena, a + 8), -EINVAL);
	ck_assert_int_eq(arena_free(&arena, b + BLOCK - page), -EINVAL);
	ck_assert_int_eq(arena_free(&arena, base + SIZE - page), -EINVAL);
	ck_assert_int_eq(arena_free(&arena, &outside), -ENOENT);
	ck_assert_int_eq(arena_free(&arena, NULL), -ENOENT);
	ck_assert_int_eq(arena_free(&arena, base + SIZE), -ENOENT);
	ck_assert(!arena_owns(&arena, &outside));
	ck_assert(!arena_owns(&arena, a + page));
	give_back(a);
	ck_assert_int_eq(arena_free(&arena, a), -EINVAL);
	give_back(b);
	ck_assert_int_eq(arena_free(&arena, b), -EINVAL);
	ck_assert_uint_eq(counters().blocks, 0);
}
END_TEST

START_TEST(others_allocate_while_it_grows)
{
	char *a = block(page);

	block(page);
	give_back(a);
	commit_enters = true;
	block(BLOCK);
	ck_assert_uint_eq(asked.commits, 3);
}
END_TEST

static void child_run(char *old)
{
	char *new;

	arena_fork_child(&arena);
	new = arena_alloc(&arena, BLOCK);
	_exit(new != NULL && arena_free(&arena, old) == 0 && arena_free(&arena, new) == 0 ? 0 : 1);
}

START_TEST(a_child_goes_on)
{
	char *a = block(BLOCK);
	int status;
	pid_t child;

	child = fork();
	if (child == 0)
		child_run(a);
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	give_back(a);
}
END_TEST

/* Forks while another thread is inside, as often as it takes to have met it there. */
static volatile bool go_on;

static void *stay_inside(void *old)
{
	void *a = NULL;

	while (go_on) {
		arena_resize(&arena, old, 3 * BLOCK, &old);
		a = arena_alloc(&arena, 2 * BLOCK);
		arena_resize(&arena, old, BLOCK, &old);
		arena_free(&arena, a);
	}
	return old;
}

START_TEST(a_child_of_a_busy_process_goes_on)
{
	char *a = block(BLOCK), *b = block(BLOCK);
	pthread_t thread;
	int status;

	memset(a, 7, BLOCK);
	go_on = true;
	ck_assert_int_eq(pthread_create(&thread, NULL, stay_inside, b), 0);
	for (int i = 0; i < 300; i++) {
		pid_t child = fork();

		if (child == 0 && a[BLOCK - 1] != 7)
			_exit(2);
		if (child == 0)
			child_run(a);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_int_eq(status, 0);
	}
	go_on = false;
	pthread_join(thread, (void **)&b);
	give_back(a);
	give_back(b);
}
END_TEST

/* A map that was cut off in a change: what its tags say is nothing to go by, but of blocks. */
START_TEST(a_torn_map_keeps_its_blocks)
{
	char *a = block(BLOCK), *b = block(BLOCK), *c = block(BLOCK), *d, *e;
	struct tlsf *t = &arena.map;
	uint32_t gap = (uint32_t)((size_t)(b - (char *)arena.base) / page);

	arena_free(&arena, b);
	memset(a, 1, BLOCK);
	memset(c, 3, BLOCK);
	t->page[gap].pages = 12345; /* of the free span, whatever was being written there */
	t->page[gap].kind = TLSF_BUSY;
	memset(&t->free.head, 0x17, sizeof(t->free.head));
	arena.holder = (uintptr_t)&arena; /* no thread of the child's */
	arena_fork_child(&arena);
	ck_assert_uint_eq(arena_usable(&arena, a), BLOCK);
	ck_assert_uint_eq(arena_usable(&arena, c), BLOCK);
	d = block(BLOCK);
	e = block(3 * BLOCK);
	ck_assert(d != a && d != c && e != a && e != c);
	memset(d, 4, BLOCK);
	memset(e, 5, 3 * BLOCK);
	ck_assert_int_eq(a[BLOCK - 1], 1);
	ck_assert_int_eq(c[0], 3);
	ck_assert_int_eq(arena_free(&arena, a), 0);
	ck_assert_int_eq(arena_free(&arena, c), 0);
	ck_assert_int_eq(arena_free(&arena, d), 0);
	ck_assert_int_eq(arena_free(&arena, e), 0);
}
END_TEST

START_TEST(a_freed_block_serves_its_size_again)
{
	char *a = block(BLOCK), *b;

	block(page);
	give_back(a);
	ck_assert(!arena_owns(&arena, a));
	ck_assert_uint_eq(counters().blocks, 1);
	ck_assert_uint_eq(counters().used, page);
	ck_assert_uint_eq(counters().retained, BLOCK);
	b = block(BLOCK);
	ck_assert_ptr_eq(a, b);
	ck_assert_uint_eq(counters().used, BLOCK + page);
	ck_assert_uint_eq(counters().peak, BLOCK + page);
	ck_assert_uint_eq(asked.commits, 2);
}
END_TEST

START_TEST(a_cached_block_is_no_block)
{
	char *a = block(BLOCK);
	void *to = NULL;

	block(page);
	give_back(a);
	ck_assert_int_eq(arena_free(&arena, a), -EINVAL);
	ck_assert_int_eq(arena_check(&arena, a), -EINVAL);
	ck_assert_int_eq(arena_resize(&arena, a, MIB, &to), -EINVAL);
	ck_assert_uint_eq(arena_usable(&arena, a), 0);
	ck_assert_ptr_eq(block(BLOCK), a);
	ck_assert_int_eq(arena_free(&arena, a), 0);
}
END_TEST

START_TEST(a_cached_block_is_cleared)
{
	char *a = block(BLOCK), *b;

	memset(a, 1, BLOCK);
	give_back(a);
	b = arena_zeroed(&arena, BLOCK);
	ck_assert_ptr_eq(a, b);
	for (size_t i = 0; i < BLOCK; i++)
		ck_assert_int_eq(b[i], 0);
	give_back(b);
	ck_assert_ptr_eq(block(BLOCK), a);
}
END_TEST

START_TEST(cached_memory_serves_other_sizes)
{
	char *a[64];
	int i;

	for (i = 0; i < 64; i++)
		a[i] = block(BLOCK);
	for (i = 0; i < 64; i++)
		give_back(a[i]);
	block(64 * BLOCK);
	ck_assert_uint_eq(asked.commits, 64);
	ck_assert_uint_eq(counters().peak, 64 * BLOCK);
}
END_TEST

START_TEST(the_cache_keeps_to_the_limit)
{
	char *a[256];
	int i, round;

	arena_open((struct arena_settings){.retain = 16 * MIB});
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 256; i++)
			a[i] = block(BLOCK);
		for (i = 0; i < 256; i++) {
			give_back(a[i]);
			ck_assert_uint_le(counters().retained, 16 * MIB);
		}
		ck_assert_uint_eq(counters().resident, 16 * MIB);
		ck_assert_uint_eq(counters().used, 0);
	}
}
END_TEST

START_TEST(the_cache_is_trimmed)
{
	char *a = block(BLOCK);

	give_back(a);
	ck_assert_uint_eq(arena_trim(&arena, 0), BLOCK);
	ck_assert_uint_eq(counters().resident, 0);
	ck_assert_uint_eq(counters().blocks, 0);
}
END_TEST

START_TEST(nothing_is_cached_if_nothing_is_kept)
{
	arena_open((struct arena_settings){.retain = 0});
	give_back(block(page));
	ck_assert_uint_eq(counters().resident, 0);
	ck_assert_uint_eq(asked.releases, 1);
}
END_TEST

START_TEST(counters_are_published)
{
	struct arena_counters there = {0};
	char *a;

	arena_open((struct arena_settings){.retain = SIZE_MAX, .published = &there});
	a = block(2 * MIB);
	ck_assert_uint_eq(there.used, 2 * MIB);
	ck_assert_uint_eq(there.blocks, 1);
	give_back(block(BLOCK));
	give_back(a);
	ck_assert_uint_eq(there.used, 0);
	ck_assert_uint_eq(there.blocks, 0);
	ck_assert_uint_eq(there.retained, 2 * MIB + BLOCK);
}
END_TEST

static void *free_by_another(void *block)
{
	give_back(block);
	return arena_alloc(&arena, BLOCK);
}

/* From here on the process counts as one of several threads. */
START_TEST(threads_share_the_cache)
{
	pthread_t id;
	void *there = NULL;
	char *a = block(BLOCK);

	block(page);
	ck_assert_int_eq(pthread_create(&id, NULL, free_by_another, a), 0);
	pthread_join(id, &there);
	ck_assert_ptr_eq(there, a);
	give_back(a);
	ck_assert_int_eq(arena_free(&arena, a), -EINVAL);
	ck_assert_ptr_eq(block(BLOCK), a);
}
END_TEST

static void add_cache(Suite *s)
{
	TCase *t = tcase_create("cache");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, a_freed_block_serves_its_size_again);
	tcase_add_test(t, a_cached_block_is_no_block);
	tcase_add_test(t, a_cached_block_is_cleared);
	tcase_add_test(t, cached_memory_serves_other_sizes);
	tcase_add_test(t, the_cache_keeps_to_the_limit);
	tcase_add_test(t, the_cache_is_trimmed);
	tcase_add_test(t, nothing_is_cached_if_nothing_is_kept);
	tcase_add_test(t, counters_are_published);
	tcase_add_test(t, threads_share_the_cache);
	suite_add_tcase(s, t);
}

static void add_blocks(Suite *s)
{
	TCase *t = tcase_create("blocks");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, init_refuses_a_bad_base);
	tcase_add_test(t, blocks_are_whole_pages);
	tcase_add_test(t, no_block_wastes_an_eighth);
	tcase_add_test(t, freed_memory_is_reused);
	tcase_add_loop_test(t, neighbours_coalesce, 0, 6);
	tcase_add_loop_test(t, alignment_costs_no_memory, 12, 31);
	tcase_add_test(t, fresh_pages_are_not_cleared);
	tcase_add_test(t, used_pages_alone_are_cleared);
	tcase_add_test(t, returned_pages_are_fresh_again);
	tcase_add_test(t, bad_frees_are_told);
	tcase_add_test(t, a_child_goes_on);
	tcase_add_test(t, a_child_of_a_busy_process_goes_on);
	tcase_add_test(t, a_torn_map_keeps_its_blocks);
	suite_add_tcase(s, t);
}

static void add_growth(Suite *s)
{
	TCase *t = tcase_create("growth");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, growth_commits_the_difference);
	tcase_add_test(t, growth_ends_at_a_chunk);
	tcase_add_test(t, growth_is_small_at_first);
	tcase_add_test(t, a_chunk_keeps_to_the_limit);
	tcase_add_test(t, a_failed_chunk_is_tried_exactly);
	tcase_add_test(t, huge_growth_is_whole);
	tcase_add_test(t, a_failed_commit_changes_nothing);
	tcase_add_test(t, what_does_not_fit_costs_no_descriptors);
	tcase_add_test(t, too_large_is_refused);
	tcase_add_test(t, more_than_the_limit_is_given_back);
	tcase_add_test(t, the_reserve_is_kept);
	tcase_add_test(t, trim_gives_back);
	tcase_add_test(t, shrinking_gives_up_addresses);
	tcase_add_test(t, others_allocate_while_it_grows);
	suite_add_tcase(s, t);
}

static void add_resizing(Suite *s)
{
	TCase *t = tcase_create("resizing");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, resize_shrinks_in_place);
	tcase_add_test(t, resize_grows_in_place);
	tcase_add_test(t, resize_grows_into_what_came_free);
	tcase_add_test(t, resize_moves_large_blocks);
	tcase_add_test(t, resize_copies_what_cannot_move);
	tcase_add_test(t, resize_copies_small_blocks_to_resident_memory);
	tcase_add_test(t, a_failed_resize_changes_nothing);
	suite_add_tcase(s, t);
}

Suite *arena_suite(void)
{
	Suite *s = suite_create("arena");

	add_blocks(s);
	add_growth(s);
	add_resizing(s);
	add_cache(s);
	return s;
}
