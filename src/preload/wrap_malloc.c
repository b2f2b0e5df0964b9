/* SPDX-License-Identifier: MIT */
/* The malloc family: large blocks are the arena's, all others the next malloc's.
 *
 * The complete set that glibc's manual asks of a replacement ("Replacing malloc"). Below the
 * threshold each is one compare and a tail call. The next functions are bound on the first call,
 * which may come from ld.so before any constructor; a libc whose dlsym allocates gets that from
 * the bootstrap blocks. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/message.h"
#include "common/size.h"
#include "common/stats.h"
#include "preload/large.h"
#include "preload/preload.h"
#include "preload/real.h"

#define BOOTSTRAP_SIZE 4096
#define likely(condition) __builtin_expect(condition, 1)

/* malloc.h would redeclare these with attributes of its own for the wrappers below. */
void *memalign(size_t align, size_t size);
void *pvalloc(size_t size);
size_t malloc_usable_size(void *ptr);
int malloc_trim(size_t pad);
void cfree(void *ptr);
void free_sized(void *ptr, size_t size);
void free_aligned_sized(void *ptr, size_t align, size_t size);

static void *first_malloc(size_t size);
static void *first_calloc(size_t count, size_t size);
static void *first_realloc(void *old, size_t size);
static void first_free(void *ptr);

/* The next in line; the first four stand in until they are bound. */
static struct {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	void *(*memalign)(size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	size_t (*usable_size)(void *);
	int (*trim)(size_t);
} next = {.malloc = first_malloc, .calloc = first_calloc, .realloc = first_realloc, .free = first_free};

/* Blocks for the calls that dlsym makes while it looks for malloc: aligned, zeroed, never reused. */
static struct {
	_Alignas(16) char bytes[BOOTSTRAP_SIZE];
	size_t used;
	bool binding;
} bootstrap;

static bool is_bootstrap(const void *ptr)
{
	return (uintptr_t)ptr - (uintptr_t)bootstrap.bytes < sizeof(bootstrap.bytes);
}

/* Each block has its size before it, for realloc. */
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
	if (!is_bootstrap(ptr))
		REAL_FUNCTION(void (*function)(void *), "free")(ptr);
}

static void *bootstrap_realloc(void *old, size_t size)
{
	void *block;
	size_t length;

	if (!is_bootstrap(old))
		return REAL_FUNCTION(void *(*function)(void *, size_t), "realloc")(old, size);
	length = ((size_t *)old)[-2];
	block = malloc(size);
	if (block)
		memcpy(block, old, length < size ? length : size);
	return block;
}

/* The family is found by libc's rules, in the libraries behind ours. False while that is under way:
 * it is dlsym that calls. */
static bool bind_next(void)
{
	if (__atomic_exchange_n(&bootstrap.binding, true, __ATOMIC_ACQUIRE))
		return false;
	next.memalign = REAL_FUNCTION(void *(*function)(size_t, size_t), "memalign");
	next.aligned_alloc = REAL_FUNCTION(void *(*function)(size_t, size_t), "aligned_alloc");
	next.posix_memalign = REAL_FUNCTION(int (*function)(void **, size_t, size_t), "posix_memalign");
	next.usable_size = REAL_FUNCTION(size_t (*function)(void *), "malloc_usable_size");
	next.trim = REAL_FUNCTION(int (*function)(size_t), "malloc_trim");
	next.calloc = REAL_FUNCTION(void *(*function)(size_t, size_t), "calloc");
	next.realloc = REAL_FUNCTION(void *(*function)(void *, size_t), "realloc");
	next.free = REAL_FUNCTION(void (*function)(void *), "free");
	if (bootstrap.used) {
		next.realloc = bootstrap_realloc;
		next.free = bootstrap_free;
	}
	__atomic_store_n(&next.malloc, REAL_FUNCTION(void *(*function)(size_t), "malloc"),
			 __ATOMIC_RELEASE);
	return true;
}

/* A second thread can't come here: threads start long after the first malloc. */
static void *first_malloc(size_t size)
{
	return bind_next() ? next.malloc(size) : bootstrap_take(size);
}

static void *first_calloc(size_t count, size_t size)
{
	if (bind_next())
		return next.calloc(count, size);
	return __builtin_mul_overflow(count, size, &size) ? NULL : bootstrap_take(size);
}

static void *first_realloc(void *old, size_t size)
{
	if (bind_next())
		return next.realloc(old, size);
	return old && is_bootstrap(old) ? bootstrap_realloc(old, size) : bootstrap_take(size);
}

static void first_free(void *ptr)
{
	if (ptr && !is_bootstrap(ptr) && bind_next())
		next.free(ptr);
}

/* What libc does for a pointer that is no block: a program that survives that is not sane. */
__attribute__((noreturn, noinline)) static void abort_bad_pointer(const char *operation)
{
	struct message m;

	message_error(&m);
	text_add(&m.text, "%s(): invalid pointer", operation);
	message_send(&m);
	abort();
}

/* The next malloc refused: what the arena holds without need may be what is missing. */
static void *relieved(void *block, size_t size)
{
	const int saved = errno;

	if (block || !preload_active || !large_relieve())
		return block;
	block = next.malloc(size);
	if (block)
		errno = saved;
	return block;
}

__attribute__((noinline)) static void *large_malloc(size_t size)
{
	void *block = arena_alloc(&large_arena, size);

	if (block)
		return block;
	large_refused(size);
	return relieved(next.malloc(size), size);
}

EXPORT void *malloc(size_t size)
{
	if (likely(size < large_threshold))
		return next.malloc(size);
	return large_malloc(size);
}

__attribute__((noinline)) static void *large_calloc(size_t size)
{
	void *block = arena_zeroed(&large_arena, size);

	if (block)
		return block;
	large_refused(size);
	block = next.calloc(1, size);
	if (block || !large_relieve())
		return block;
	return next.calloc(1, size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || likely(bytes < large_threshold))
		return next.calloc(count, size);
	return large_calloc(bytes);
}

/* Out of line, so that free itself saves no register. */
__attribute__((noinline)) static void large_free(void *ptr)
{
	int error = arena_free(&large_arena, ptr);

	if (error == -EINVAL)
		abort_bad_pointer("free");
	if (error) /* its address was lost by the arena: the next malloc's after all */
		next.free(ptr);
}

EXPORT void free(void *ptr)
{
	if (likely(!large_covers(ptr)))
		next.free(ptr);
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

static void *realloc_large(void *old, size_t size)
{
	void *block;
	int error;

	if (size == 0) {
		free(old);
		return NULL;
	}
	if (size < large_threshold)
		return move_block(old, arena_usable(&large_arena, old), next.malloc(size), size);
	error = arena_resize(&large_arena, old, size, &block);
	if (error == 0)
		return block;
	if (error == -EINVAL)
		abort_bad_pointer("realloc");
	large_refused(size);
	return move_block(old, arena_usable(&large_arena, old), relieved(next.malloc(size), size),
			  size);
}

/* A block of the next malloc becomes a large one; those that it serves because the arena could not
 * stay where they are. */
static void *realloc_to_large(void *old, size_t size)
{
	size_t length = next.usable_size ? next.usable_size(old) : SIZE_MAX;
	void *block;

	if (length >= large_threshold)
		return next.realloc(old, size);
	block = arena_alloc(&large_arena, size);
	if (block == NULL) {
		large_refused(size);
		return next.realloc(old, size);
	}
	return move_block(old, length, block, size);
}

EXPORT void *realloc(void *old, size_t size)
{
	if (large_covers(old) && arena_owns(&large_arena, old))
		return realloc_large(old, size);
	if (likely(size < large_threshold))
		return next.realloc(old, size);
	return old ? realloc_to_large(old, size) : large_malloc(size);
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

/* For the functions that have no stand-in. */
static void bind_once(void)
{
	if (__builtin_expect(next.memalign == NULL, 0))
		bind_next();
}

/* A large aligned block, or NULL where the next malloc has to answer, also for a bad alignment. */
static void *large_aligned(size_t align, size_t size)
{
	void *block;

	if (likely(size < large_threshold) || !is_power_of_two(align))
		return NULL;
	block = arena_aligned(&large_arena, align, size);
	if (block == NULL)
		large_refused(size);
	return block;
}

EXPORT int posix_memalign(void **to, size_t align, size_t size)
{
	void *block = align % sizeof(void *) == 0 ? large_aligned(align, size) : NULL;

	bind_once();
	if (block == NULL)
		return next.posix_memalign(to, align, size);
	*to = block;
	return 0;
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
	void *block = large_aligned(align, size);

	bind_once();
	return block ? block : next.aligned_alloc(align, size);
}

static void *aligned_block(size_t align, size_t size)
{
	void *block = large_aligned(align, size);

	bind_once();
	return block ? block : next.memalign(align, size);
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
	if (is_bootstrap(ptr))
		return ((size_t *)ptr)[-2];
	bind_once();
	return next.usable_size ? next.usable_size(ptr) : 0;
}

/* What the policy keeps for reuse stays: the heap's reserve, and the arena where all is retained. */
EXPORT int malloc_trim(size_t pad)
{
	size_t keep = large_threshold != SIZE_MAX ? preload_options.large_reserve : 0;
	size_t least = preload_active ? (size_t)stats_get(STAT_heap_reserve) : 0;
	int trimmed = 0;

	if (large_threshold != SIZE_MAX && preload_options.large_retain != OPTION_ALL)
		trimmed = arena_trim(&large_arena, keep) > 0;
	if (next.trim)
		trimmed |= next.trim(pad > least ? pad : least);
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
