/* SPDX-License-Identifier: MIT */
/* A lock with priority inheritance that is held with all signals blocked: a handler that maps or unmaps
 * can't wait for the thread that it interrupted, and a thread of low priority that holds it runs at the
 * priority of who waits.
 *
 * Not held over fork, nor while anybody else's code runs: the forking thread would wait for malloc's
 * lock, whose holder may have been interrupted by a handler that waits for this one. A child asks
 * whether it was held instead. */
#ifndef RAMLOCK_GUARD_H
#define RAMLOCK_GUARD_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/sys.h"

struct guard {
	pthread_mutex_t mutex;
	bool held;
};

#define GUARD_INITIALIZER {PTHREAD_MUTEX_INITIALIZER, false}

/* By the constructor, and in a forked child: without this the lock works and inherits no priority. */
static inline void guard_init(struct guard *g)
{
	pthread_mutexattr_t kind;

	pthread_mutexattr_init(&kind);
	pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT);
	if (pthread_mutex_init(&g->mutex, &kind) != 0) /* a kernel without PI futexes */
		pthread_mutex_init(&g->mutex, NULL);
	pthread_mutexattr_destroy(&kind);
	g->held = false;
}

/* The kernel's signal set: libc's is larger, and a raw call can't be interposed. */
static inline void guard_restore(uint64_t signals)
{
	SYS_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &signals, NULL, sizeof(signals));
}

/* Returns the signals that were blocked before, for guard_leave. */
static inline uint64_t guard_enter(struct guard *g)
{
	const uint64_t all = UINT64_MAX;
	uint64_t old = 0;

	SYS_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof(old));
	pthread_mutex_lock(&g->mutex);
	__atomic_store_n(&g->held, true, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* seen before any change of what it guards */
	return old;
}

static inline void guard_leave(struct guard *g, uint64_t signals)
{
	__atomic_store_n(&g->held, false, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&g->mutex);
	guard_restore(signals);
}

/* In a forked child: frees the lock. Whether another thread held it as the process forked, so that
 * what it guards may be half changed. */
static inline bool guard_fork_child(struct guard *g)
{
	const bool torn = g->held;

	guard_init(g);
	return torn;
}

#endif
