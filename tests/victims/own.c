/* SPDX-License-Identifier: MIT */
/* Preloaded before the library: functions of the malloc family as programs have them that count blocks,
 * over libc's own. Built once for each, with -DOWN_<name>. */
#include <errno.h>
#include <stddef.h>

#ifdef __GLIBC__
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *block);

#ifdef OWN_malloc
void *malloc(size_t size)
{
	return __libc_malloc(size);
}
#endif

#ifdef OWN_calloc
void *calloc(size_t count, size_t size)
{
	return __libc_calloc(count, size);
}
#endif

#ifdef OWN_realloc
void *realloc(void *old, size_t size)
{
	return __libc_realloc(old, size);
}
#endif

#ifdef OWN_reallocarray
void *reallocarray(void *old, size_t count, size_t size)
{
	return __libc_realloc(old, count * size);
}
#endif

#ifdef OWN_free
void free(void *block)
{
	__libc_free(block);
}
#endif

#ifdef OWN_malloc_usable_size /* as libc's: from the size before the block */
size_t malloc_usable_size(void *block)
{
	const size_t size = block ? ((size_t *)block)[-1] : 0;

	return block ? (size & ~(size_t)7) - (size & 2 ? 2 : 1) * sizeof(size_t) : 0;
}
#endif

#ifdef OWN_aligned
int posix_memalign(void **to, size_t align, size_t size)
{
	void *block = __libc_memalign(align, size);

	if (block)
		*to = block;
	return block ? 0 : ENOMEM;
}

void *aligned_alloc(size_t align, size_t size)
{
	return __libc_memalign(align, size);
}

void *memalign(size_t align, size_t size)
{
	return __libc_memalign(align, size);
}
#endif
#endif
