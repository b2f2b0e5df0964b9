/* SPDX-License-Identifier: MIT */
/* mmap, mremap, remap_file_pages, munmap: the program's mappings, each as the policy wants it. */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "common/size.h"
#include "common/sys.h"
#include "preload/bare_locks.h"
#include "preload/level.h"
#include "preload/mapping.h"
#include "preload/preload.h"
#include "preload/process.h"
#include "preload/real.h"
#include "preload/remap.h"

#ifndef MREMAP_DONTUNMAP /* 5.7 */
#define MREMAP_DONTUNMAP 4
#endif

/* Whether a refused call is worth another try. What it replaces is unlocked first: the kernel counts that
 * until it is gone. */
static bool is_worth_again(const struct mapping_call *call, struct ledger_cut *replaced)
{
	bool uncovered;

	if (!(call->flags & MAP_FIXED) || preload_errno() != EAGAIN)
		return mapping_make_room(preload_errno(), call->size);
	level_stayed(replaced);
	uncovered = level_uncover((uintptr_t)call->at, call->size);
	*replaced = level_leaving((uintptr_t)call->at, call->size);
	return uncovered || mapping_make_room(EAGAIN, call->size);
}

EXPORT void *mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	const struct mapping_call call = {at, size, prot, flags, fd, offset};
	struct mapping_request request;
	struct ledger_cut replaced = {0};
	const int saved = preload_errno();
	void *result;

	process_check();
	if (!preload_active)
		return real_get()->mmap(at, size, prot, flags, fd, offset);
	mapping_plan(&call, &request);
	if (flags & MAP_FIXED)
		replaced = level_leaving((uintptr_t)at, size);
	do
		result = mapping_make(&call, &request);
	while (result == MAP_FAILED && is_worth_again(&call, &replaced));
	if (result == MAP_FAILED) {
		level_stayed(&replaced);
		return result;
	}
	level_mapped((uintptr_t)result, size, &request);
	level_left(&replaced);
	bare_locks_mapped((uintptr_t)result, size, flags);
	preload_set_errno(saved);
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
	struct ledger_cut cut = {0};
	int result;

	process_check();
	if (preload_active)
		cut = level_leaving((uintptr_t)at, size);
	result = real_get()->munmap(at, size);
	if (result != 0) {
		level_stayed(&cut);
		return result;
	}
	level_left(&cut);
	if (preload_active)
		bare_locks_unmapped((uintptr_t)at, size);
	return 0;
}

static void *remap_parts(void *old, size_t old_size, size_t new_size, int flags, void *to)
{
	intptr_t result = remap_pieces((uintptr_t)old, size_page_up(old_size), size_page_up(new_size),
				       flags, (uintptr_t)to);

	if (!sys_is_error(result))
		return (void *)result;
	preload_set_errno((int)-result);
	return MAP_FAILED;
}

/* The call itself, with the records of both ranges: old's go with the pages, those of what is replaced
 * go. unified: the range was several mappings only because of our locks. */
static void *remap_once(void *old, size_t old_size, size_t new_size, int flags, void *to, bool unified)
{
	const size_t from_size = size_page_up(old_size), to_size = size_page_up(new_size);
	struct ledger_cut moved = level_leaving((uintptr_t)old, from_size), replaced = {0};
	void *result;

	if (flags & MREMAP_FIXED)
		replaced = level_leaving((uintptr_t)to, to_size);
	result = real_get()->mremap(old, old_size, new_size, flags, to);
	if (result == MAP_FAILED && preload_errno() == EFAULT && unified)
		result = remap_parts(old, old_size, new_size, flags, to);
	if (result == MAP_FAILED) {
		level_stayed(&replaced);
		level_stayed(&moved);
		return result;
	}
	level_left(&replaced);
	level_moved(&moved, (uintptr_t)result, from_size, to_size);
	return result;
}

/* EFAULT is also the kernel's word for a range of several mappings, such as one that is locked in
 * part; EAGAIN for one whose lock would exceed the limit as it grows. Where both are so, either word
 * may come after the cause of the other is gone. */
static void *remap_again(void *old, size_t old_size, size_t new_size, int flags, void *to)
{
	const uintptr_t size = size_page_up(old_size);
	void *result = MAP_FAILED;
	bool unified = false;

	while (result == MAP_FAILED) {
		if (!unified && (preload_errno() == EFAULT || preload_errno() == EAGAIN) && level_unify((uintptr_t)old, size))
			unified = true;
		else if (!mapping_make_room(preload_errno(), new_size))
			break;
		result = remap_once(old, old_size, new_size, flags, to, unified);
	}
	if (unified && result == MAP_FAILED)
		level_restore((uintptr_t)old, size);
	else if (unified)
		level_restore((uintptr_t)result, size_page_up(new_size));
	return result;
}

EXPORT void *mremap(void *old, size_t old_size, size_t new_size, int flags, ...)
{
	const int saved = preload_errno();
	void *result, *to;
	va_list rest;

	va_start(rest, flags);
	to = va_arg(rest, void *); /* passed on as it is, as libc does */
	va_end(rest);
	process_check();
	if (!preload_active)
		return real_get()->mremap(old, old_size, new_size, flags, to);
	result = remap_once(old, old_size, new_size, flags, to, false);
	if (result == MAP_FAILED)
		result = remap_again(old, old_size, new_size, flags, to);
	if (result == MAP_FAILED)
		return result;
	bare_locks_moved((uintptr_t)old, size_page_up(old_size), (uintptr_t)result,
			 size_page_up(new_size));
	if (flags & MREMAP_DONTUNMAP) /* empty now, and without its lock */
		level_relock((uintptr_t)old, size_page_up(old_size), true);
	preload_set_errno(saved);
	return result;
}

/* The kernel maps the pages anew, with the lock that is there, and counts them against the limit before it
 * takes off those that go: EAGAIN. EINVAL is also its word for mappings whose locks differ. */
static int reorder_again(void *at, size_t size, int prot, size_t page, int flags)
{
	const uintptr_t start = size_page_down((uintptr_t)at);
	const size_t whole = size_page_down(size);
	bool unified = false;
	int result = -1;

	while (result != 0) {
		if (!unified && (preload_errno() == EINVAL || preload_errno() == EAGAIN) && level_unify(start, whole))
			unified = true;
		else if (!mapping_make_room(preload_errno(), size))
			break;
		result = real_get()->remap_file_pages(at, size, prot, page, flags);
	}
	if (unified)
		level_restore(start, whole);
	return result;
}

EXPORT int remap_file_pages(void *at, size_t size, int prot, size_t page, int flags)
{
	const int saved = preload_errno();
	int result = real_get()->remap_file_pages(at, size, prot, page, flags);

	process_check();
	if (result == 0 || !preload_active)
		return result;
	result = reorder_again(at, size, prot, page, flags);
	if (result == 0)
		preload_set_errno(saved);
	return result;
}
