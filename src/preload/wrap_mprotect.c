/* SPDX-License-Identifier: MIT */
/* mprotect, pkey_mprotect, brk, sbrk: what the program opens of its reservations and its heap. */
#include "config.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/sys.h"
#include "preload/level.h"
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
		mapping_opened((uintptr_t)at, size);
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

/* What a heap that shrinks gives up; nothing where it grows. */
static struct ledger_cut heap_leaving(uintptr_t old, uintptr_t now)
{
	const uintptr_t start = size_page_up(now), end = size_page_up(old);

	return start < end ? level_leaving(start, end - start) : (struct ledger_cut){0};
}

static void heap_changed(uintptr_t old, uintptr_t now, struct ledger_cut *cut)
{
	if (now > old)
		level_opened(size_page_down(old), now - size_page_down(old), MAPS_HEAP, POLICY_GROWN);
	level_left(cut);
}

EXPORT void *sbrk(intptr_t change)
{
	const int saved = preload_errno();
	struct ledger_cut cut = {0};
	uintptr_t end;
	void *old;

	process_check();
	if (!preload_active || change == 0)
		return real_get()->sbrk(change);
	end = (uintptr_t)real_get()->sbrk(0);
	cut = heap_leaving(end, end + (uintptr_t)change);
	do
		old = real_get()->sbrk(change);
	while (old == (void *)-1 && mapping_make_room(preload_errno(), (size_t)change));
	if (old == (void *)-1) {
		level_stayed(&cut);
		return old;
	}
	heap_changed((uintptr_t)old, (uintptr_t)old + (uintptr_t)change, &cut);
	preload_set_errno(saved);
	return old;
}

EXPORT int brk(void *end)
{
	const int saved = preload_errno();
	struct ledger_cut cut;
	uintptr_t old;
	int result;

	process_check();
	if (!preload_active)
		return real_get()->brk(end);
	old = (uintptr_t)real_get()->sbrk(0);
	cut = heap_leaving(old, (uintptr_t)end);
	do
		result = real_get()->brk(end);
	while (result != 0 && mapping_make_room(preload_errno(), (uintptr_t)end - old));
	if (result != 0) {
		level_stayed(&cut);
		return result;
	}
	heap_changed(old, (uintptr_t)end, &cut);
	preload_set_errno(saved);
	return 0;
}
