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

/* Compare and exchange, of any width, sequentially consistent among threads. */
#define alone_swap(at, from, to)                                                                   \
	({                                                                                         \
		__typeof__(at) alone_at = (at);                                                    \
		__typeof__(*alone_at) alone_from = (from), alone_to = (to);                        \
		bool alone_done;                                                                   \
		if (!is_alone())                                                                   \
			alone_done = __atomic_compare_exchange_n(alone_at, &alone_from, alone_to,  \
								 false, __ATOMIC_SEQ_CST,          \
								 __ATOMIC_RELAXED);                \
		else if ((alone_done = *alone_at == alone_from))                                   \
			*alone_at = alone_to;                                                      \
		alone_done;                                                                        \
	})

#endif
