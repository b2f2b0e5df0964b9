/* SPDX-License-Identifier: MIT */
/* The malloc family: large blocks are the arena's, all others the next malloc's.
 *
 * The complete set that glibc's manual asks of a replacement ("Replacing malloc"). Below the
 * threshold each is one compare and a tail call. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/message.h"
#include "common/size.h"
#include "common/stats.h"
#include "preload/large.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "preload/process.h"
#include "preload/real.h"
#include "preload/sandbox.h"

#define likely(condition) __builtin_expect(condition, 1)

/* malloc.h would redeclare these with attributes of its own for the wrappers below. */
void *memalign(size_t align, size_t size);
void *pvalloc(size_t size);
size_t malloc_usable_size(void *ptr);
int malloc_trim(size_t pad);
void cfree(void *ptr);
void free_sized(void *ptr, size_t size);
void free_aligned_sized(void *ptr, size_t align, size_t size);

/* Functions that make blocks. Each has its own threshold, as a program, or a library before us in the
 * search order, may define any of the family: where what takes a block back is theirs, a block of the
 * arena would come to a malloc that does not know it. SIZE_MAX: nothing is the arena's. */
enum producer {
	BY_MALLOC,
	BY_CALLOC,
	BY_REALLOC,
	BY_POSIX_MEMALIGN,
	BY_ALIGNED_ALLOC,
	BY_MEMALIGN,
	BY_VALLOC,
	BY_PVALLOC,
	PRODUCERS
};

static size_t thresholds[PRODUCERS] = {[0 ... PRODUCERS - 1] = SIZE_MAX};

/* What libc does for a pointer that is no block: a program that survives that is not sane. */
__attribute__((noreturn, noinline)) static void abort_bad_pointer(const char *operation)
{
	struct message m;

	message_error(&m);
	text_add(&m.text, "%s(): invalid pointer", operation);
	message_send(&m);
	abort();
}

__attribute__((noinline)) static void *large_malloc(size_t size)
{
	void *block;

	process_check();
	block = arena_alloc(&large_arena, size);
	return block ? block : large_refused(next_malloc_again(size), size);
}

EXPORT void *malloc(size_t size)
{
	if (likely(size < thresholds[BY_MALLOC]))
		return next_table.malloc(size);
	return large_malloc(size);
}

__attribute__((noinline)) static void *large_calloc(size_t size)
{
	void *block;

	process_check();
	block = arena_zeroed(&large_arena, size);
	return block ? block : large_refused(next_calloc_again(1, size), size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || likely(bytes < thresholds[BY_CALLOC]))
		return next_table.calloc(count, size);
	return large_calloc(bytes);
}

/* Out of line, so that free itself saves no register. */
__attribute__((noinline)) static void large_free(void *ptr)
{
	int error;

	process_check();
	error = arena_free(&large_arena, ptr);
	if (error == -EINVAL)
		abort_bad_pointer("free");
	if (error) /* the arena has given its address up: the next malloc's after all */
		next_table.free(ptr);
}

EXPORT void free(void *ptr)
{
	if (likely(!large_covers(ptr)))
		next_table.free(ptr);
	else
		large_free(ptr);
}

/* From one malloc to the other: one copy. The old block stays where there is no new one. */
static void *move_block(void *old, size_t length, void *block, size_t size)
{
	if (block == NULL)
		return NULL;
	memcpy(block, old, length < size ? length : size);
	free(old);
	return block;
}

/* A block of the next malloc becomes a large one; those that it serves because the arena could not
 * stay where they are. */
static void *realloc_to_large(void *old, size_t size)
{
	size_t length = next_table.usable_size ? next_table.usable_size(old) : SIZE_MAX;
	void *block;

	if (length >= large_threshold)
		return next_table.realloc(old, size);
	block = arena_alloc(&large_arena, size);
	if (block == NULL)
		return large_refused(next_realloc_again(old, size), size);
	return move_block(old, length, block, size);
}

static void *realloc_large(void *old, size_t size)
{
	size_t length = arena_usable(&large_arena, old);
	const int saved = errno;
	void *block;
	int error;

	if (size == 0) {
		free(old);
		return NULL;
	}
	if (size < large_threshold) { /* where there is no small block, a part of the large one serves */
		block = move_block(old, length, next_table.malloc(size), size);
		if (block)
			return block;
		errno = saved;
	}
	error = arena_resize(&large_arena, old, size, &block);
	if (error == 0)
		return block;
	if (error == -EINVAL)
		abort_bad_pointer("realloc");
	return move_block(old, length, large_refused(next_malloc_again(size), size), size);
}

/* Out of line, as large_free. */
__attribute__((noinline)) static void *realloc_with_large(void *old, size_t size)
{
	int error;

	process_check();
	error = arena_check(&large_arena, old);
	if (error == 0)
		return realloc_large(old, size);
	if (error == -EINVAL)
		abort_bad_pointer("realloc");
	if (size < thresholds[BY_REALLOC])
		return next_table.realloc(old, size);
	return old ? realloc_to_large(old, size) : large_malloc(size);
}

EXPORT void *realloc(void *old, size_t size)
{
	if (likely(size < thresholds[BY_REALLOC] && !large_covers(old)))
		return next_table.realloc(old, size);
	return realloc_with_large(old, size);
}

/* Of the realloc that is first, as libc's own does: an allocator before us may have no reallocarray,
 * one behind us has one that does not know our blocks. */
EXPORT void *reallocarray(void *old, size_t count, size_t size)
{
	static void *(*first)(void *, size_t);
	void *(*function)(void *, size_t) = __atomic_load_n(&first, __ATOMIC_RELAXED);
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	if (function == NULL) {
		function = REAL_TYPED(void *(*function)(void *, size_t), real_first("realloc"));
		__atomic_store_n(&first, function, __ATOMIC_RELAXED);
	}
	return function(old, bytes);
}

static bool is_power_of_two(size_t number)
{
	return number && (number & (number - 1)) == 0;
}

/* A large aligned block, or NULL where the next malloc has to answer, also for a bad alignment. */
static void *large_aligned(enum producer by, size_t align, size_t size)
{
	next_need_bound();
	if (likely(size < thresholds[by]) || !is_power_of_two(align))
		return NULL;
	process_check();
	return arena_aligned(&large_arena, align, size);
}

/* A block that the next malloc had to serve. */
static void *refused_aligned(enum producer by, void *block, size_t size)
{
	return likely(size < thresholds[by]) ? block : large_refused(block, size);
}

EXPORT int posix_memalign(void **to, size_t align, size_t size)
{
	void *block = NULL;
	int error;

	next_need_bound();
	if (align % sizeof(void *) == 0)
		block = large_aligned(BY_POSIX_MEMALIGN, align, size);
	if (block) {
		*to = block;
		return 0;
	}
	error = next_table.posix_memalign(to, align, size);
	if (error == 0)
		refused_aligned(BY_POSIX_MEMALIGN, *to, size);
	return error;
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
	void *block = large_aligned(BY_ALIGNED_ALLOC, align, size);

	if (block)
		return block;
	return refused_aligned(BY_ALIGNED_ALLOC, next_table.aligned_alloc(align, size), size);
}

static void *aligned_block(enum producer by, size_t align, size_t size)
{
	void *block = large_aligned(by, align, size);

	return block ? block : refused_aligned(by, next_table.memalign(align, size), size);
}

EXPORT void *memalign(size_t align, size_t size)
{
	return aligned_block(BY_MEMALIGN, align, size);
}

EXPORT void *valloc(size_t size)
{
	return aligned_block(BY_VALLOC, size_page(), size);
}

EXPORT void *pvalloc(size_t size)
{
	const size_t page = size_page();

	if (size > SIZE_MAX - page) {
		errno = ENOMEM;
		return NULL;
	}
	return aligned_block(BY_PVALLOC, page, size ? size_page_up(size) : page);
}

EXPORT size_t malloc_usable_size(void *ptr)
{
	if (arena_owns(&large_arena, ptr))
		return arena_usable(&large_arena, ptr);
	if (next_is_bootstrap(ptr))
		return next_bootstrap_size(ptr);
	next_need_bound();
	return next_table.usable_size ? next_table.usable_size(ptr) : 0;
}

/* What the policy keeps for reuse stays: the heap's reserve, and the arena where all is retained. */
EXPORT int malloc_trim(size_t pad)
{
	size_t keep = large_threshold != SIZE_MAX ? preload_options.large_reserve : 0;
	size_t least = preload_active ? (size_t)stats_get(STAT_heap_reserve) : 0;
	int trimmed = 0;

	process_check();
	if (!sandbox_is_on() && large_threshold != SIZE_MAX && preload_options.large_retain != OPTION_ALL)
		trimmed = arena_trim(&large_arena, keep) > 0;
	if (next_table.trim)
		trimmed |= next_table.trim(pad > least ? pad : least);
	return trimmed;
}

EXPORT void cfree(void *ptr)
{
	free(ptr);
}

EXPORT void free_sized(void *ptr, size_t size)
{
	(void)size;
	free(ptr);
}

EXPORT void free_aligned_sized(void *ptr, size_t align, size_t size)
{
	(void)align;
	(void)size;
	free(ptr);
}

/* Which of the family is ours */

/* gcc wants an alias to have the attributes that libc's header gives the function. */
#ifdef __has_attribute
#if __has_attribute(copy)
#define AS(name) , copy(name)
#endif
#endif
#ifndef AS
#define AS(name)
#endif
#define OURS(name)                                                                                 \
	extern __typeof__(name) our_##name __attribute__((alias(#name), visibility("hidden") AS(name)))

OURS(malloc);
OURS(calloc);
OURS(realloc);
OURS(reallocarray);
OURS(free);
OURS(cfree);
OURS(free_sized);
OURS(free_aligned_sized);
OURS(posix_memalign);
OURS(aligned_alloc);
OURS(memalign);
OURS(valloc);
OURS(pvalloc);
OURS(malloc_usable_size);

#define IS_OURS(name) real_is_first(#name, REAL_OBJECT(our_##name))

/* Whether all that is done to a block is done by us. */
static bool are_takers_ours(void)
{
	return IS_OURS(free) && IS_OURS(realloc) && IS_OURS(malloc_usable_size) && IS_OURS(reallocarray) &&
	       IS_OURS(cfree) && IS_OURS(free_sized) && IS_OURS(free_aligned_sized);
}

/* A function that is not the first of its name is called by the one that is, of a library that passes
 * on what it is asked for: so it will the block when it is given back. */
void wrap_malloc_start(void)
{
	const bool all = are_takers_ours();
	const bool passed[PRODUCERS] = {
		[BY_MALLOC] = all || !IS_OURS(malloc),
		[BY_CALLOC] = all || !IS_OURS(calloc),
		[BY_REALLOC] = all || !IS_OURS(realloc),
		[BY_POSIX_MEMALIGN] = all || !IS_OURS(posix_memalign),
		[BY_ALIGNED_ALLOC] = all || !IS_OURS(aligned_alloc),
		[BY_MEMALIGN] = all || !IS_OURS(memalign),
		[BY_VALLOC] = all || !IS_OURS(valloc),
		[BY_PVALLOC] = all || !IS_OURS(pvalloc),
	};

	for (int i = 0; i < PRODUCERS; i++)
		if (passed[i])
			thresholds[i] = large_threshold;
}
