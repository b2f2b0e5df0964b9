/* SPDX-License-Identifier: MIT */
/* New threads: what of their stack and heap is made resident and locked before their own code runs.
 *
 * The creator plans, the new thread executes. Neither allocates by malloc (that would make an arena
 * in a thread that never needs one); plans lie in slots of our own. errno is left alone. */
#ifndef RAMLOCK_THREAD_H
#define RAMLOCK_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <threads.h>

struct thread_plan {
	union {
		void *(*posix)(void *);
		thrd_start_t c11;
	} function; /* the program's, and its argument */
	void *argument;
	size_t resident;   /* bytes of the stack */
	size_t stack_size; /* of the whole, with its guard */
	uintptr_t lowest;  /* of a stack that the program made; 0 for libc's */
	size_t heap;
	char holders; /* creator and new thread: the last one gives the slot back */
};

/* By the constructor. */
void thread_start(void);

/* In the creator: a plan, or NULL where the thread is to run as it is (level none, LOCK=current,
 * nothing to do for it, no memory for a plan). */
struct thread_plan *thread_plan_make(const pthread_attr_t *attributes);

/* The creator is done with a plan; created: a thread came of it. */
void thread_plan_end(struct thread_plan *plan, bool created);

/* In the new thread: makes resident, and at level ranges locked, what the plan says, and ends the
 * plan. Never touches what is not its stack. */
void thread_begin(struct thread_plan *plan);

/* The bytes of address space that a thread with these attributes takes. */
size_t thread_stack_size(const pthread_attr_t *attributes);

#endif
