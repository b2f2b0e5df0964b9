/* SPDX-License-Identifier: MIT */
/* madvise, process_madvise on the process itself, and msync keep their meaning on locked memory,
 * where the kernel refuses what would take pages away: programs that trust it to give zeroed pages
 * would read stale data, or abort as Node does. posix_madvise passes nothing on that is refused. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "common/limits.h"
#include "common/maps.h"
#include "common/sys.h"
#include "preload/bare_locks.h"
#include "preload/level.h"
#include "preload/preload.h"
#include "preload/process.h"
#include "preload/real.h"
#include "preload/sandbox.h"

#ifndef MADV_COLD /* 5.4 */
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_GUARD_INSTALL /* 6.13 */
#define MADV_GUARD_INSTALL 102
#endif
#define PIDFD_SELF_FIRST (-10001) /* PIDFD_SELF_THREAD_GROUP and PIDFD_SELF_THREAD, 6.14 */
#define PIDFD_SELF_LAST (-10000)
#define BUFFER_SIZE 32768
#define MOST_PARTS 1024 /* UIO_MAXIOV */

ssize_t process_madvise(int fd, const struct iovec *parts, size_t count, int advice,
			unsigned flags); /* not in every libc's header */

/* What the kernel says of a range by itself: -EINVAL if it does not begin at a page or wraps,
 * -ENOMEM if it has a hole. A sandbox that refuses the question is no answer to it. */
static int check_range(uintptr_t at, size_t size)
{
	if (at % size_page() || (size && size_page_up(size) == 0) || at + size_page_up(size) < at)
		return -EINVAL;
	return SYS_CALL(SYS_msync, at, size_page_up(size), MS_ASYNC) == -ENOMEM ? -ENOMEM : 0;
}

/* Whether the pages that come afterwards shall not be there before they are touched. */
static bool is_sparse(int advice)
{
	return advice == MADV_REMOVE || advice == MADV_GUARD_INSTALL;
}

/* A range without a hole: as bare, and then locked again. */
static int advise_unlocked(uintptr_t at, size_t size, int advice)
{
	int result;

	sys_munlock(at, size);
	result = sys_madvise(at, size, advice);
	level_relock(at, size, result == 0 && is_sparse(advice));
	if (advice == MADV_FREE && result != -EINVAL)
		return 0; /* the pages may go, or stay */
	return result;
}

/* A range with holes: each mapping of it, and -ENOMEM at the end, as the kernel does. */
static int advise_each(uintptr_t at, size_t size, int advice)
{
	intptr_t buffer = sys_mmap(0, BUFFER_SIZE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	const uintptr_t end = at + size;
	struct mapping mapping;
	int result = -ENOMEM;
	struct maps maps;

	if (sys_is_error(buffer))
		return -ENOMEM;
	if (maps_open(&maps, "/proc/self/maps", NULL, (char *)buffer, BUFFER_SIZE) == 0) {
		while (result == -ENOMEM && maps_next(&maps, &mapping) && mapping.start < end) {
			uintptr_t from = mapping.start > at ? mapping.start : at;
			uintptr_t to = mapping.end < end ? mapping.end : end;
			int error = from < to ? advise_unlocked(from, to - from, advice) : 0;

			result = error ? error : result;
		}
		maps_close(&maps);
	}
	sys_munmap((uintptr_t)buffer, BUFFER_SIZE);
	return result;
}

static int advise_as_bare(uintptr_t at, size_t size, int advice)
{
	int result = check_range(at, size);

	if (result == -EINVAL)
		return result;
	size = size_page_up(size);
	return result == 0 ? advise_unlocked(at, size, advice) : advise_each(at, size, advice);
}

static int advise_dontneed(uintptr_t at, size_t size)
{
	int result = sys_madvise(at, size, MADV_DONTNEED_LOCKED);
	const bool hole = result == -ENOMEM && check_range(at, size) == -ENOMEM;

	/* Before Linux 5.18, or none that can be given back; a sandbox may have another word for that.
	 * Of a range with a hole the rest has been given back. */
	if (result && !hole)
		return advise_as_bare(at, size, MADV_DONTNEED);
	level_refill(at, size_page_up(size));
	return result;
}

/* What the kernel refused with EINVAL, maybe for a lock of ours: 0, or -errno as it was bare. */
static int advise_ours(uintptr_t at, size_t size, int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
		return advise_dontneed(at, size);
	case MADV_COLD: /* hints that take nothing away from what is locked */
	case MADV_PAGEOUT:
		return check_range(at, size);
	case MADV_FREE:
	case MADV_REMOVE:
	case MADV_GUARD_INSTALL:
		return advise_as_bare(at, size, advice);
	default:
		return -EINVAL;
	}
}

/* The same where some of it may be locked by the program: the kernel goes on past holes, and stops at
 * the first mapping that is locked. */
static int advise_locked(uintptr_t at, size_t size, int advice)
{
	const uintptr_t end = at + size_page_up(size);
	uintptr_t stop;
	int result = 0;

	if (at % size_page() || end <= at)
		return advise_ours(at, size, advice);
	stop = bare_locks_first(at, end);
	if (stop == end)
		return advise_ours(at, size, advice);
	if (stop > at)
		result = advise_ours(at, stop - at, advice);
	return result == 0 || result == -ENOMEM ? -EINVAL : result;
}

/* By the program's own system call alone. */
static int advise_in_sandbox(uintptr_t at, size_t size, int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE: /* the pages may go at once */
		return sys_madvise(at, size, MADV_DONTNEED_LOCKED);
	case MADV_COLD:
	case MADV_PAGEOUT:
		return at % size_page() ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

/* Where nothing is locked because of us the kernel has the last word. */
static bool is_answered(void)
{
	process_check();
	return preload_active && (level_now() != LEVEL_NONE || preload_options.unlock == UNLOCK_COUNT);
}

EXPORT int madvise(void *at, size_t size, int advice)
{
	const int saved = preload_errno();
	int result = real_get()->madvise(at, size, advice);

	if (result == 0 || preload_errno() != EINVAL || !(is_answered() || sandbox_may_empty()))
		return result;
	result = sandbox_is_on() ? advise_in_sandbox((uintptr_t)at, size, advice) : advise_locked((uintptr_t)at, size, advice);
	preload_set_errno(result ? -result : saved);
	return result ? -1 : 0;
}

/* Whether a pidfd is that of this process, from the "Pid:" of its fdinfo. */
static bool is_own_pidfd(int fd)
{
	char path[64], text[256]; /* "Pid:" is in the first 100 bytes */
	const char *line;
	struct text t;

	if (fd >= PIDFD_SELF_FIRST && fd <= PIDFD_SELF_LAST)
		return true;
	text_init(&t, path, sizeof(path));
	text_add(&t, "/proc/self/fdinfo/%d", fd);
	if (limits_read_file(path, text, sizeof(text)) < 0)
		return false;
	line = strstr(text, "\nPid:");
	return line && strtol(line + 5, NULL, 10) == SYS_CALL(SYS_getpid);
}

/* The bytes that were advised before one was refused, or -errno where that was the first. */
static ssize_t advise_parts(const struct iovec *parts, size_t count, int advice)
{
	ssize_t done = 0;

	for (size_t i = 0; i < count; i++) {
		const uintptr_t at = (uintptr_t)parts[i].iov_base;
		int result = sys_madvise(at, parts[i].iov_len, advice);

		if (result == -EINVAL)
			result = advise_locked(at, parts[i].iov_len, advice);
		if (result)
			return done ? done : result;
		done += (ssize_t)parts[i].iov_len;
	}
	return done;
}

static ssize_t total_size(const struct iovec *parts, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += parts[i].iov_len;
	return (ssize_t)size;
}

EXPORT ssize_t process_madvise(int fd, const struct iovec *parts, size_t count, int advice,
			       unsigned flags)
{
	const int saved = preload_errno();
	ssize_t result = -1;

	if (real_get()->process_madvise)
		result = real_get()->process_madvise(fd, parts, count, advice, flags);
	else
		preload_set_errno(ENOSYS);
	if (!is_answered() || (result < 0 && preload_errno() != EINVAL) || flags || count > MOST_PARTS ||
	    (result >= 0 && result == total_size(parts, count)) || !is_own_pidfd(fd) ||
	    real_get()->process_madvise(fd, parts, 0, advice, 0) != 0) /* unknown advice */
		return result;
	result = advise_parts(parts, count, advice);
	preload_set_errno(result < 0 ? (int)-result : saved);
	return result < 0 ? -1 : result;
}

/* MS_INVALIDATE does nothing but fail on locked memory (msync(2), EBUSY): the page cache is the
 * only copy. What lies before a lock of the program's is written, and holes are passed over. */
EXPORT int msync(void *at, size_t size, int flags)
{
	const uintptr_t end = (uintptr_t)at + size_page_up(size);
	const int saved = preload_errno();
	int result = real_get()->msync(at, size, flags);
	uintptr_t stop;

	if (result == 0 || preload_errno() != EBUSY || !is_answered())
		return result;
	stop = bare_locks_first((uintptr_t)at, end);
	if (stop > (uintptr_t)at) {
		preload_set_errno(saved);
		result = real_get()->msync(at, stop - (uintptr_t)at, flags & ~MS_INVALIDATE);
	}
	if (stop == end || (result != 0 && preload_errno() != ENOMEM))
		return result;
	preload_set_errno(EBUSY);
	return -1;
}
