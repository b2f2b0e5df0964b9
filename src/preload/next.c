/* SPDX-License-Identifier: MIT */
/* Binds the next malloc, stands in for it until then, and makes room for it. */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "preload/growth.h"
#include "preload/large.h"
#include "preload/level.h"
#include "preload/mapping.h"
#include "preload/next.h"
#include "preload/real.h"

#define BOOTSTRAP_SIZE 4096

static void *first_malloc(size_t size);
static void *first_calloc(size_t count, size_t size);
static void *first_realloc(void *old, size_t size);
static void first_free(void *ptr);

struct next next_table = {
	.malloc = first_malloc, .calloc = first_calloc, .realloc = first_realloc, .free = first_free};

/* Blocks for the calls that dlsym makes while it looks for malloc: aligned, zeroed, never reused. */
static struct {
	_Alignas(16) char bytes[BOOTSTRAP_SIZE];
	size_t used;
	bool binding;
} bootstrap;

bool next_is_bootstrap(const void *ptr)
{
	return (uintptr_t)ptr - (uintptr_t)bootstrap.bytes < sizeof(bootstrap.bytes);
}

/* Each block has its size before it, for realloc. */
size_t next_bootstrap_size(const void *ptr)
{
	return ((const size_t *)ptr)[-2];
}

static void *bootstrap_take(size_t size)
{
	size_t whole = (size + 31) & ~(size_t)15;
	size_t at = __atomic_fetch_add(&bootstrap.used, whole, __ATOMIC_RELAXED);

	if (size > BOOTSTRAP_SIZE || at + whole > BOOTSTRAP_SIZE)
		return NULL;
	*(size_t *)(void *)(bootstrap.bytes + at) = size;
	return bootstrap.bytes + at + 16;
}

static void bootstrap_free(void *ptr)
{
	if (!next_is_bootstrap(ptr))
		REAL_FUNCTION(void (*function)(void *), "free")(ptr);
}

static void *bootstrap_realloc(void *old, size_t size)
{
	void *block;
	size_t length;

	if (!next_is_bootstrap(old))
		return REAL_FUNCTION(void *(*function)(void *, size_t), "realloc")(old, size);
	length = next_bootstrap_size(old);
	block = malloc(size);
	if (block)
		memcpy(block, old, length < size ? length : size);
	return block;
}

/* By libc's rules, in the libraries behind ours. */
bool next_bind(void)
{
	if (__atomic_exchange_n(&bootstrap.binding, true, __ATOMIC_ACQUIRE))
		return false;
	next_table.memalign = REAL_FUNCTION(void *(*function)(size_t, size_t), "memalign");
	next_table.aligned_alloc = REAL_FUNCTION(void *(*function)(size_t, size_t), "aligned_alloc");
	next_table.posix_memalign = REAL_FUNCTION(int (*function)(void **, size_t, size_t), "posix_memalign");
	next_table.usable_size = REAL_FUNCTION(size_t (*function)(void *), "malloc_usable_size");
	next_table.trim = REAL_FUNCTION(int (*function)(size_t), "malloc_trim");
	next_table.calloc = REAL_FUNCTION(void *(*function)(size_t, size_t), "calloc");
	next_table.realloc = REAL_FUNCTION(void *(*function)(void *, size_t), "realloc");
	next_table.free = REAL_FUNCTION(void (*function)(void *), "free");
	if (bootstrap.used) {
		next_table.realloc = bootstrap_realloc;
		next_table.free = bootstrap_free;
	}
	__atomic_store_n(&next_table.malloc, REAL_FUNCTION(void *(*function)(size_t), "malloc"),
			 __ATOMIC_RELEASE);
	return true;
}

/* A second thread can't come here: pthread_create binds, too. */
static void *first_malloc(size_t size)
{
	return next_bind() ? next_table.malloc(size) : bootstrap_take(size);
}

static void *first_calloc(size_t count, size_t size)
{
	if (next_bind())
		return next_table.calloc(count, size);
	return __builtin_mul_overflow(count, size, &size) ? NULL : bootstrap_take(size);
}

static void *first_realloc(void *old, size_t size)
{
	if (next_bind())
		return next_table.realloc(old, size);
	return old && next_is_bootstrap(old) ? bootstrap_realloc(old, size) : bootstrap_take(size);
}

static void first_free(void *ptr)
{
	if (ptr && !next_is_bootstrap(ptr) && next_bind())
		next_table.free(ptr);
}

/* Making room */

static struct next behind; /* what next_table was, once what follows is in its place */

/* Sizes from this on were asked for in this second, and neither a limit that counts what the arena keeps
 * nor a lost right was the cause: programs try again what can't be had. Asking costs 12 system calls.
 * A size is forgotten before another takes its place, so that nobody sees it with the other's time. */
static struct {
	size_t size;
	time_t second;
} hopeless = {SIZE_MAX, 0};

static bool is_hopeless(size_t size, time_t second)
{
	return size > PTRDIFF_MAX || (size >= __atomic_load_n(&hopeless.size, __ATOMIC_ACQUIRE) &&
				      __atomic_load_n(&hopeless.second, __ATOMIC_RELAXED) == second);
}

/* Whether so much memory may be had now that it was refused. errno is left alone if not. */
static bool make_room(size_t size)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (is_hopeless(size, now.tv_sec))
		return false;
	if (mapping_make_room(ENOMEM, size))
		return true;
	if (!mapping_is_counted(size)) {
		__atomic_store_n(&hopeless.size, SIZE_MAX, __ATOMIC_RELEASE);
		__atomic_store_n(&hopeless.second, now.tv_sec, __ATOMIC_RELEASE);
		__atomic_store_n(&hopeless.size, size, __ATOMIC_RELEASE);
	}
	return false;
}

static struct next unwatched; /* what watched functions call, where growth is watched */

/* Watched functions below those that ask again are called by them: who allocates is told here. */
static void watch_caller(const void *block, size_t size, const void *caller)
{
	if (block && __atomic_load_n(&unwatched.malloc, __ATOMIC_RELAXED))
		growth_check(block, size, caller);
}

static const struct next *next_really(void)
{
	return __atomic_load_n(&behind.malloc, __ATOMIC_ACQUIRE) ? &behind : &next_table;
}

void *next_malloc_again(size_t size)
{
	const int saved = preload_errno();
	void *block = next_really()->malloc(size);

	watch_caller(block, size, __builtin_return_address(0));
	if (block || !make_room(size))
		return block;
	block = next_really()->malloc(size);
	if (block)
		preload_set_errno(saved);
	return block;
}

void *next_calloc_again(size_t count, size_t size)
{
	const int saved = preload_errno();
	void *block = next_really()->calloc(count, size);
	size_t bytes;

	watch_caller(block, count * size, __builtin_return_address(0));
	if (block || __builtin_mul_overflow(count, size, &bytes) || !make_room(bytes))
		return block;
	block = next_really()->calloc(count, size);
	if (block)
		preload_set_errno(saved);
	return block;
}

/* NULL is no refusal where the new size is 0. */
void *next_realloc_again(void *old, size_t size)
{
	const int saved = preload_errno();
	void *block = next_really()->realloc(old, size);

	watch_caller(block, size, __builtin_return_address(0));
	if (block || size == 0 || !make_room(size))
		return block;
	block = next_really()->realloc(old, size);
	if (block)
		preload_set_errno(saved);
	return block;
}

static void *memalign_again(size_t align, size_t size)
{
	const int saved = preload_errno();
	void *block = behind.memalign(align, size);

	if (block || errno != ENOMEM || !make_room(size))
		return block;
	block = behind.memalign(align, size);
	if (block)
		preload_set_errno(saved);
	return block;
}

static void *aligned_alloc_again(size_t align, size_t size)
{
	const int saved = preload_errno();
	void *block = behind.aligned_alloc(align, size);

	if (block || errno != ENOMEM || !make_room(size))
		return block;
	block = behind.aligned_alloc(align, size);
	if (block)
		preload_set_errno(saved);
	return block;
}

static int posix_memalign_again(void **to, size_t align, size_t size)
{
	int error = behind.posix_memalign(to, align, size);

	return error == ENOMEM && make_room(size) ? behind.posix_memalign(to, align, size) : error;
}

/* A capability may go by a system call that passes no wrapper (the sandbox of Chromium): from then on the
 * kernel refuses what libc maps, until the level steps down. */
static bool is_right_at_stake(void)
{
	return level_now() == LEVEL_FUTURE && stats_reason() == REASON_CAPABLE;
}

/* Other threads may be in a call: each finds the one function or the other. */
void next_follow_limits(void)
{
	static bool followed;

	if (!is_right_at_stake() && (large_threshold == SIZE_MAX || !mapping_is_counted(0)))
		return;
	next_need_bound();
	if (__atomic_exchange_n(&followed, true, __ATOMIC_ACQ_REL))
		return;
	memcpy(&behind.calloc, &next_table.calloc, sizeof(behind) - offsetof(struct next, calloc));
	__atomic_store_n(&behind.malloc, next_table.malloc, __ATOMIC_RELEASE); /* last: see next_really */
	__atomic_store_n(&next_table.malloc, next_malloc_again, __ATOMIC_RELEASE);
	__atomic_store_n(&next_table.calloc, next_calloc_again, __ATOMIC_RELEASE);
	__atomic_store_n(&next_table.realloc, next_realloc_again, __ATOMIC_RELEASE);
	__atomic_store_n(&next_table.memalign, memalign_again, __ATOMIC_RELEASE);
	__atomic_store_n(&next_table.aligned_alloc, aligned_alloc_again, __ATOMIC_RELEASE);
	__atomic_store_n(&next_table.posix_memalign, posix_memalign_again, __ATOMIC_RELEASE);
}

/* Watching */

static void *watched_malloc(size_t size)
{
	void *block = unwatched.malloc(size);

	growth_check(block, size, __builtin_return_address(0));
	return block;
}

static void *watched_calloc(size_t count, size_t size)
{
	void *block = unwatched.calloc(count, size);

	growth_check(block, count * size, __builtin_return_address(0));
	return block;
}

static void *watched_realloc(void *old, size_t size)
{
	void *block = unwatched.realloc(old, size);

	growth_check(block, size, __builtin_return_address(0));
	return block;
}

static void *watched_memalign(size_t align, size_t size)
{
	void *block = unwatched.memalign(align, size);

	growth_check(block, size, __builtin_return_address(0));
	return block;
}

static void *watched_aligned_alloc(size_t align, size_t size)
{
	void *block = unwatched.aligned_alloc(align, size);

	growth_check(block, size, __builtin_return_address(0));
	return block;
}

static int watched_posix_memalign(void **to, size_t align, size_t size)
{
	int error = unwatched.posix_memalign(to, align, size);

	if (error == 0)
		growth_check(*to, size, __builtin_return_address(0));
	return error;
}

/* Below what makes room, so that what is served the second time is seen too. Other threads may be in a
 * call: each finds the one function or the other. */
void next_watch(void)
{
	struct next *table;

	next_need_bound();
	table = __atomic_load_n(&behind.malloc, __ATOMIC_ACQUIRE) ? &behind : &next_table;
	unwatched = *table;
	__atomic_store_n(&table->malloc, watched_malloc, __ATOMIC_RELEASE);
	__atomic_store_n(&table->calloc, watched_calloc, __ATOMIC_RELEASE);
	__atomic_store_n(&table->realloc, watched_realloc, __ATOMIC_RELEASE);
	__atomic_store_n(&table->memalign, watched_memalign, __ATOMIC_RELEASE);
	__atomic_store_n(&table->aligned_alloc, watched_aligned_alloc, __ATOMIC_RELEASE);
	__atomic_store_n(&table->posix_memalign, watched_posix_memalign, __ATOMIC_RELEASE);
}
