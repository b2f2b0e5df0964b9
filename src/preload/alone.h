/* SPDX-License-Identifier: MIT */
/* Whether the process has one thread, so that it needs no atomic instruction.
 *
 * Those wait on many machines until all earlier stores are done. A block is freed right after it
 * was written to: for 128 KiB that wait is longer than all else. As libc's own locks do, this
 * trusts a flag that pthread_create clears before the second thread starts. */
#ifndef RAMLOCK_ALONE_H
#define RAMLOCK_ALONE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef HAVE_SYS_SINGLE_THREADED_H /* glibc 2.32 */
#include <sys/single_threaded.h>
#pragma weak __libc_single_threaded /* built with a newer libc than it runs with */

static inline bool is_alone(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}
#else
static inline bool is_alone(void)
{
	return false;
}
#endif

/* Compare and exchange, sequentially consistent among threads. */
static inline bool alone_swap(uint64_t *at, uint64_t from, uint64_t to)
{
	if (!is_alone())
		return __atomic_compare_exchange_n(at, &from, to, false, __ATOMIC_SEQ_CST,
						   __ATOMIC_RELAXED);
	if (*at != from)
		return false;
	*at = to;
	return true;
}

static inline bool alone_swap_byte(uint8_t *at, uint8_t from, uint8_t to)
{
	if (!is_alone())
		return __atomic_compare_exchange_n(at, &from, to, false, __ATOMIC_SEQ_CST,
						   __ATOMIC_RELAXED);
	if (*at != from)
		return false;
	*at = to;
	return true;
}

#endif
