/* SPDX-License-Identifier: MIT */
/* A lock that is held with all signals blocked: a handler that maps or unmaps can't wait for the
 * thread that it interrupted. */
#ifndef RAMLOCK_MASKED_H
#define RAMLOCK_MASKED_H

#include <pthread.h>
#include <signal.h>
#include <stdint.h>

#include "common/sys.h"

/* The kernel's signal set: libc's is larger and its call a cancellation point nowhere, but a raw
 * call can't be interposed. */
static inline void masked_restore(uint64_t signals)
{
	SYS_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &signals, NULL, sizeof(signals));
}

/* Returns the signals that were blocked before, for masked_leave. */
static inline uint64_t masked_enter(pthread_mutex_t *mutex)
{
	const uint64_t all = UINT64_MAX;
	uint64_t old = 0;

	SYS_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof(old));
	pthread_mutex_lock(mutex);
	return old;
}

static inline void masked_leave(pthread_mutex_t *mutex, uint64_t signals)
{
	pthread_mutex_unlock(mutex);
	masked_restore(signals);
}

#endif
