/* SPDX-License-Identifier: MIT */
/* pthread_create and thrd_create: a thread begins in a function of ours, which makes its stack
 * resident and then becomes the program's. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <threads.h>

#include "preload/mapping.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "preload/privileges.h"
#include "preload/process.h"
#include "preload/real.h"
#include "preload/thread.h"

/* The program's function is called last, so that no frame of ours stays below it. */
static void *begin_posix(void *at)
{
	struct thread_plan *plan = at;
	void *(*const function)(void *) = plan->function.posix;
	void *const argument = plan->argument;

	thread_begin(plan);
	return function(argument);
}

static int begin_c11(void *at)
{
	struct thread_plan *plan = at;
	const thrd_start_t function = plan->function.c11;
	void *const argument = plan->argument;

	thread_begin(plan);
	return function(argument);
}

/* For the lock account, or for the addresses of a stack. */
static bool is_room_made(const char *operation, size_t size)
{
	return privileges_make_room(operation, 0, size) || mapping_make_room(ENOMEM, size);
}

EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
			  void *(*function)(void *), void *restrict argument)
{
	struct thread_plan *plan;
	int result;

	process_check();
	plan = thread_plan_make(attributes);
	if (plan) {
		plan->function.posix = function;
		plan->argument = argument;
		function = begin_posix;
		argument = plan;
	}
	next_need_bound(); /* by the only thread that there is */
	do
		result = real_get()->pthread_create(thread, attributes, function, argument);
	while (result == EAGAIN && preload_active &&
	       is_room_made("pthread_create", thread_stack_size(attributes)));
	if (plan)
		thread_plan_end(plan, result == 0);
	return result;
}

EXPORT int thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
	struct thread_plan *plan;
	int result;

	if (real_get()->thrd_create == NULL)
		return thrd_error;
	process_check();
	plan = thread_plan_make(NULL);
	if (plan) {
		plan->function.c11 = function;
		plan->argument = argument;
		function = begin_c11;
		argument = plan;
	}
	next_need_bound(); /* by the only thread that there is */
	do
		result = real_get()->thrd_create(thread, function, argument);
	while (result != thrd_success && preload_active &&
	       is_room_made("thrd_create", thread_stack_size(NULL)));
	if (plan)
		thread_plan_end(plan, result == thrd_success);
	return result;
}
