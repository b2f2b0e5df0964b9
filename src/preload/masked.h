/* SPDX-License-Identifier: MIT */
/* A lock that is held with all signals blocked: a handler that maps or unmaps can't wait for the
 * thread that it interrupted.
 *
 * It is not held over fork: the forking thread would wait for malloc's lock, whose holder may have
 * been interrupted by a handler that waits for this one. A child asks whether it was held instead. */
#ifndef RAMLOCK_MASKED_H
#define RAMLOCK_MASKED_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/sys.h"

struct masked {
	pthread_mutex_t mutex;
	bool held;
};

#define MASKED_INITIALIZER {PTHREAD_MUTEX_INITIALIZER, false}

/* The kernel's signal set: libc's is larger and its call a cancellation point nowhere, but a raw
 * call can't be interposed. */
static inline void masked_restore(uint64_t signals)
{
	SYS_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &signals, NULL, sizeof(signals));
}

/* Returns the signals that were blocked before, for masked_leave. */
static inline uint64_t masked_enter(struct masked *m)
{
	const uint64_t all = UINT64_MAX;
	uint64_t old = 0;

	SYS_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof(old));
	pthread_mutex_lock(&m->mutex);
	__atomic_store_n(&m->held, true, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* seen before any change of what it guards */
	return old;
}

static inline void masked_leave(struct masked *m, uint64_t signals)
{
	__atomic_store_n(&m->held, false, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&m->mutex);
	masked_restore(signals);
}

/* In a forked child: frees the lock. Whether another thread held it as the process forked, so that
 * what it guards may be half changed. */
static inline bool masked_fork_child(struct masked *m)
{
	const bool torn = m->held;

	pthread_mutex_init(&m->mutex, NULL);
	m->held = false;
	return torn;
}

#endif
