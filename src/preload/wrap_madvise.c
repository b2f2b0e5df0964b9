/* SPDX-License-Identifier: MIT */
/* madvise keeps its meaning on locked memory, where the kernel refuses what
 * would take pages away (madvise(2), EINVAL): programs that trust it to give zeroed pages would
 * read stale data, or abort as Node does. */
#include "config.h"

#include <errno.h>
#include <sys/mman.h>

#include "common/size.h"
#include "common/sys.h"
#include "preload/lock.h"
#include "preload/preload.h"
#include "preload/real.h"

#ifndef MADV_COLD /* 5.4 */
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_GUARD_INSTALL /* 6.13 */
#define MADV_GUARD_INSTALL 102
#endif

/* What the kernel says of a range by itself: -EINVAL if it does not begin at a page, -ENOMEM if it
 * has a hole. A sandbox that refuses the question is no answer to it. */
static int check_range(void *at, size_t size)
{
	if ((uintptr_t)at % size_page())
		return -EINVAL;
	return SYS_CALL(SYS_msync, at, size_page_up(size), MS_ASYNC) == -ENOMEM ? -ENOMEM : 0;
}

/* As bare, and then locked again as its pages come back. */
static int advise_unlocked(void *at, size_t size, int advice)
{
	int result = check_range(at, size);

	if (result == -EINVAL)
		return result;
	sys_munlock((uintptr_t)at, size);
	result = sys_madvise((uintptr_t)at, size, advice);
	if (lock_level() == LEVEL_FUTURE)
		sys_mlock((uintptr_t)at, size, MLOCK_ONFAULT);
	return result;
}

/* What the kernel refused for a lock: 0, or -errno as it was bare. */
static int advise_locked(void *at, size_t size, int advice)
{
	int result;

	switch (advice) {
	case MADV_DONTNEED:
		result = sys_madvise((uintptr_t)at, size, MADV_DONTNEED_LOCKED);
		/* an older kernel or a sandbox does not know it; a hole is the program's own */
		return result == 0 || result == -ENOMEM ? result
							: advise_unlocked(at, size, advice);
	case MADV_FREE: /* the pages may go, or stay: here they stay */
	case MADV_COLD:
	case MADV_PAGEOUT:
		return check_range(at, size);
	case MADV_REMOVE:
	case MADV_GUARD_INSTALL:
		return advise_unlocked(at, size, advice);
	default:
		return -EINVAL;
	}
}

EXPORT int madvise(void *at, size_t size, int advice)
{
	const int saved = errno;
	int result = real_get()->madvise(at, size, advice);

	if (result == 0 || !preload_active || errno != EINVAL)
		return result;
	result = advise_locked(at, size, advice);
	errno = result ? -result : saved;
	return result ? -1 : 0;
}
