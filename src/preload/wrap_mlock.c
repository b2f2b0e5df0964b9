/* SPDX-License-Identifier: MIT */
/* mlock, mlock2, munlock, mlockall, munlockall: the program's locks come first, and its unlocks
 * take nothing away that the policy keeps. */
#include "config.h"

#include <errno.h>
#include <sys/mman.h>

#include "common/size.h"
#include "preload/bare_locks.h"
#include "preload/level.h"
#include "preload/preload.h"
#include "preload/privileges.h"
#include "preload/process.h"
#include "preload/real.h"
#include "preload/vm.h"

/* An internal result as libc gives it; errno stays on success. */
static int libc_result(int result)
{
	if (result == 0)
		return 0;
	preload_set_errno(-result);
	return -1;
}

static int call_mlock(const void *at, size_t size, unsigned flags)
{
	if (flags == 0)
		return real_get()->mlock(at, size);
	if (real_get()->mlock2)
		return real_get()->mlock2(at, size, flags);
	return libc_result(-ENOSYS);
}

static int lock(const void *at, size_t size, unsigned flags)
{
	const int saved = preload_errno();
	int result = call_mlock(at, size, flags);

	process_check();
	if (!preload_active)
		return result;
	while (result != 0 && (preload_errno() == ENOMEM || preload_errno() == EAGAIN) &&
	       privileges_make_room("mlock", (uintptr_t)at, size))
		result = call_mlock(at, size, flags);
	if (result != 0 && preload_errno() == ENOMEM && level_wraps((uintptr_t)at, size))
		preload_set_errno(EINVAL);
	if (result != 0)
		return result;
	level_program_locked((uintptr_t)at, size);
	bare_locks_add((uintptr_t)at, size);
	preload_set_errno(saved);
	return 0;
}

EXPORT int mlock(const void *at, size_t size)
{
	return lock(at, size, 0);
}

EXPORT int mlock2(const void *at, size_t size, unsigned flags)
{
	return lock(at, size, flags);
}

/* The bytes from at up to the first hole in a range that has one: whole pages. */
static size_t size_before_hole(uintptr_t at, size_t size)
{
	const uintptr_t start = size_page_down(at);
	size_t mapped = 0, none = size_page_up(at + size) - start;

	while (none - mapped > size_page()) {
		const size_t middle = mapped + size_page_down((none - mapped) / 2);

		if (vm->look(start, middle) != 0)
			none = middle;
		else
			mapped = middle;
	}
	return mapped ? start + mapped - at : 0;
}

/* Where there is a hole, the kernel unlocks what lies before it. */
EXPORT int munlock(const void *at, size_t size)
{
	int result;

	process_check();
	if (!preload_active)
		return real_get()->munlock(at, size);
	result = level_program_unlock((uintptr_t)at, size);
	if (result == -ENOMEM) {
		size = size_before_hole((uintptr_t)at, size);
		if (size)
			level_program_unlock((uintptr_t)at, size);
	}
	if (result != -EINVAL)
		bare_locks_remove((uintptr_t)at, size);
	return libc_result(result);
}

EXPORT int mlockall(int flags)
{
	const int saved = preload_errno();
	int result;

	process_check();
	if (!preload_active)
		return real_get()->mlockall(flags);
	bare_locks_prepare();
	result = real_get()->mlockall(flags);
	if (result != 0 && level_program_lock_all(flags, -preload_errno()) != 0)
		return result;
	if (result == 0)
		level_program_locked_all(flags);
	bare_locks_add_all(flags);
	preload_set_errno(saved);
	return 0;
}

EXPORT int munlockall(void)
{
	int result;

	process_check();
	if (!preload_active)
		return real_get()->munlockall();
	result = level_program_unlock_all();
	if (result == 0)
		bare_locks_remove_all();
	return libc_result(result);
}
