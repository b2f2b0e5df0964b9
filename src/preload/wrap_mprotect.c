/* SPDX-License-Identifier: MIT */
/* mprotect, pkey_mprotect, brk, sbrk: what the program opens of its reservations and its heap. */
#include "config.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/sys.h"
#include "preload/mapping.h"
#include "preload/preload.h"
#include "preload/process.h"
#include "preload/real.h"

int pkey_mprotect(void *at, size_t size, int prot, int key); /* not in every libc's header */

static int protect(void *at, size_t size, int prot, int key)
{
	if (key == -1)
		return real_get()->mprotect(at, size, prot);
	if (real_get()->pkey_mprotect)
		return real_get()->pkey_mprotect(at, size, prot, key);
	preload_set_errno(ENOSYS);
	return -1;
}

/* ENOMEM is also the kernel's word for a hole, which is no reason to give memory back. */
static bool is_worth_again(void *at, size_t size)
{
	return preload_errno() == ENOMEM && SYS_CALL(SYS_msync, at, size, MS_ASYNC) == 0 &&
	       mapping_make_room(ENOMEM, size);
}

static int protect_and_lock(void *at, size_t size, int prot, int key)
{
	const int saved = preload_errno();
	int result = protect(at, size, prot, key);

	process_check();
	if (!preload_active)
		return result;
	while (result != 0 && is_worth_again(at, size))
		result = protect(at, size, prot, key);
	if (result != 0)
		return result;
	if (prot & (PROT_READ | PROT_WRITE | PROT_EXEC))
		mapping_opened((uintptr_t)at, size, MAPS_ANON);
	preload_set_errno(saved);
	return 0;
}

EXPORT int mprotect(void *at, size_t size, int prot)
{
	return protect_and_lock(at, size, prot, -1);
}

EXPORT int pkey_mprotect(void *at, size_t size, int prot, int key)
{
	return protect_and_lock(at, size, prot, key);
}

static void heap_changed(uintptr_t old, uintptr_t now)
{
	if (now > old)
		mapping_opened(size_page_down(old), now - size_page_down(old), MAPS_HEAP);
	else
		mapping_gone(size_page_up(now), size_page_up(old) - size_page_up(now));
}

EXPORT void *sbrk(intptr_t change)
{
	const int saved = preload_errno();
	void *old = real_get()->sbrk(change);

	process_check();
	if (!preload_active || change == 0)
		return old;
	while (old == (void *)-1 && mapping_make_room(preload_errno(), (size_t)change))
		old = real_get()->sbrk(change);
	if (old == (void *)-1)
		return old;
	heap_changed((uintptr_t)old, (uintptr_t)old + (uintptr_t)change);
	preload_set_errno(saved);
	return old;
}

EXPORT int brk(void *end)
{
	const uintptr_t old = preload_active ? (uintptr_t)real_get()->sbrk(0) : 0;
	const int saved = preload_errno();
	int result = real_get()->brk(end);

	process_check();
	if (!preload_active)
		return result;
	while (result != 0 && mapping_make_room(preload_errno(), (uintptr_t)end - old))
		result = real_get()->brk(end);
	if (result != 0)
		return result;
	heap_changed(old, (uintptr_t)end);
	preload_set_errno(saved);
	return 0;
}
