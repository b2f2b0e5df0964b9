/* SPDX-License-Identifier: MIT */
/* mmap and munmap: room for the program's MAP_LOCKED, and a table that forgets what is gone. */
#include "config.h"

#include <errno.h>
#include <sys/mman.h>

#include "preload/held.h"
#include "preload/preload.h"
#include "preload/real.h"

EXPORT void *mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	const int saved = errno;
	void *result = real_get()->mmap(at, size, prot, flags, fd, offset);

	if (!preload_active)
		return result;
	while (result == MAP_FAILED && errno == EAGAIN && held_make_room(0, size))
		result = real_get()->mmap(at, size, prot, flags, fd, offset);
	if (result == MAP_FAILED)
		return result;
	if (flags & MAP_LOCKED)
		held_program_locked((uintptr_t)result, size);
	errno = saved;
	return result;
}

#ifdef HAVE_SHORT_MMAP

/* config.h asks for an off_t of 64 bits, so that the function above bears the symbol mmap64. This
 * is the one that programs without it call; libc takes their offset as unsigned. */
EXPORT void *mmap_short(void *at, size_t size, int prot, int flags, int fd, long offset)
	__asm__("mmap");

EXPORT void *mmap_short(void *at, size_t size, int prot, int flags, int fd, long offset)
{
	return mmap(at, size, prot, flags, fd, (off_t)(unsigned long)offset);
}

#else

#undef mmap64 /* musl has but the one, and a macro */
EXPORT void *mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset)
	__attribute__((alias("mmap")));

#endif

EXPORT int munmap(void *at, size_t size)
{
	int result = real_get()->munmap(at, size);

	if (preload_active && result == 0)
		held_unmapped((uintptr_t)at, size);
	return result;
}
