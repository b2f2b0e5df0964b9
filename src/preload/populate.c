/* SPDX-License-Identifier: MIT */
/* Makes a range resident, by what the kernel knows. */
#include "config.h"

#include <errno.h>
#include <sys/mman.h>

#include "common/size.h"
#include "common/stats.h"
#include "common/sys.h"
#include "preload/populate.h"

/* Writes what is there, atomically: another thread may be writing the same byte. A compare and
 * exchange, because clang makes a mere load of an "or" with 0, and a load leaves the page the
 * file's. */
__attribute__((no_sanitize("address"))) static void touch_for_write(volatile char *at)
{
	char value = *at;

	__atomic_compare_exchange_n(at, &value, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

__attribute__((no_sanitize("address"))) void populate_touch(uintptr_t start, uintptr_t end)
{
	for (uintptr_t at = start; at < end; at += size_page())
		touch_for_write((volatile char *)at);
}

/* Older kernels (before 5.14) know no populate: a lock does it, and where that is refused a touch
 * of each page, also of what a sanitizer has put out of bounds. */
__attribute__((no_sanitize("address"))) static int populate_by_touch(uintptr_t start, uintptr_t end, bool write)
{
	if (write) {
		populate_touch(start, end);
		return 0;
	}
	for (uintptr_t at = start; at < end; at += size_page())
		(void)*(volatile char *)at;
	return 0;
}

int populate_unlocked(uintptr_t start, uintptr_t end)
{
	int error = sys_madvise(start, end - start, MADV_POPULATE_WRITE);

	if (error == -EINVAL)
		return populate_by_touch(start, end, true);
	if (error)
		stats_add(STAT_populates_refused, 1);
	return error;
}

int populate_range(uintptr_t start, uintptr_t end, bool write)
{
	int error = sys_madvise(start, end - start,
				write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);

	if (error == -EINVAL && sys_mlock(start, end - start, 0) == 0)
		return 0;
	if (error == -EINVAL)
		return populate_by_touch(start, end, write);
	if (error)
		stats_add(STAT_populates_refused, 1);
	return error;
}
