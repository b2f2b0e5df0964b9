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
#include "preload/real.h"

#define likely(condition) __builtin_expect(condition, 1)

/* malloc.h would redeclare these with attributes of its own for the wrappers below. */
void *memalign(size_t align, size_t size);
void *pvalloc(size_t size);
size_t malloc_usable_size(void *ptr);
int malloc_trim(size_t pad);
void cfree(void *ptr);
void free_sized(void *ptr, size_t size);
void free_aligned_sized(void *ptr, size_t align, size_t size);

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
	void *block = arena_alloc(&large_arena, size);

	return block ? block : large_refused(next_malloc_again(size), size);
}

EXPORT void *malloc(size_t size)
{
	if (likely(size < large_threshold))
		return next_table.malloc(size);
	return large_malloc(size);
}

__attribute__((noinline)) static void *large_calloc(size_t size)
{
	void *block = arena_zeroed(&large_arena, size);

	return block ? block : large_refused(next_calloc_again(1, size), size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || likely(bytes < large_threshold))
		return next_table.calloc(count, size);
	return large_calloc(bytes);
}

/* Out of line, so that free itself saves no register. */
__attribute__((noinline)) static void large_free(void *ptr)
{
	int error = arena_free(&large_arena, ptr);

	if (error == -EINVAL)
		abort_bad_pointer("free");
	if (error) /* its address was lost by the arena: the next malloc's after all */
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
	int error = arena_check(&large_arena, old);

	if (error == 0)
		return realloc_large(old, size);
	if (error == -EINVAL)
		abort_bad_pointer("realloc");
	if (size < large_threshold)
		return next_table.realloc(old, size);
	return old ? realloc_to_large(old, size) : large_malloc(size);
}

EXPORT void *realloc(void *old, size_t size)
{
	if (likely(size < large_threshold && !large_covers(old)))
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
static void *large_aligned(size_t align, size_t size)
{
	next_need_bound();
	if (likely(size < large_threshold) || !is_power_of_two(align))
		return NULL;
	return arena_aligned(&large_arena, align, size);
}

/* A block that the next malloc had to serve. */
static void *refused_aligned(void *block, size_t size)
{
	return likely(size < large_threshold) ? block : large_refused(block, size);
}

EXPORT int posix_memalign(void **to, size_t align, size_t size)
{
	void *block = NULL;
	int error;

	next_need_bound();
	if (align % sizeof(void *) == 0)
		block = large_aligned(align, size);
	if (block) {
		*to = block;
		return 0;
	}
	error = next_table.posix_memalign(to, align, size);
	if (error == 0)
		refused_aligned(*to, size);
	return error;
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
	void *block = large_aligned(align, size);

	return block ? block : refused_aligned(next_table.aligned_alloc(align, size), size);
}

static void *aligned_block(size_t align, size_t size)
{
	void *block = large_aligned(align, size);

	return block ? block : refused_aligned(next_table.memalign(align, size), size);
}

EXPORT void *memalign(size_t align, size_t size)
{
	return aligned_block(align, size);
}

EXPORT void *valloc(size_t size)
{
	return aligned_block(size_page(), size);
}

EXPORT void *pvalloc(size_t size)
{
	const size_t page = size_page();

	if (size > SIZE_MAX - page) {
		errno = ENOMEM;
		return NULL;
	}
	return aligned_block(page, size ? size_page_up(size) : page);
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

	if (large_threshold != SIZE_MAX && preload_options.large_retain != OPTION_ALL)
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
