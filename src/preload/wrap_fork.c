/* SPDX-License-Identifier: MIT */
/* _Fork and clone: copies of the process that no handler of pthread_atfork is told of. What a copy does
 * first is done at once, not only at its first wrapped call; a child that shares its parent's memory, or
 * has other thread-local storage, is left alone. syscall is in wrap_syscall.c. */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/sys.h"
#include "preload/preload.h"
#include "preload/process.h"
#include "preload/real.h"

#ifdef __GLIBC__
pid_t _Fork(void); /* glibc 2.34 */

EXPORT pid_t _Fork(void)
{
	pid_t pid;

	if (real_get()->_Fork == NULL) {
		errno = ENOSYS;
		return -1;
	}
	pid = real_get()->_Fork();
	if (pid == 0)
		process_check();
	return pid;
}
#endif

struct plan {
	int (*function)(void *);
	void *argument;
};

/* On the child's stack; the plan is its copy of the parent's. */
static int begin(void *at)
{
	const struct plan *plan = at;

	process_check();
	return plan->function(plan->argument);
}

typedef int (*clone_function)(int (*)(void *), void *, int, void *, void *, void *, void *);

/* As libc's, whose arguments after the fourth are optional. */
EXPORT int clone_any(int (*function)(void *), void *stack, int flags, void *argument, void *parent_id,
		     void *storage, void *child_id) __asm__("clone");

EXPORT int clone_any(int (*function)(void *), void *stack, int flags, void *argument, void *parent_id,
		     void *storage, void *child_id)
{
	const clone_function next = real_get()->clone;
	struct plan plan = {function, argument};

	if (!preload_active || flags & (CLONE_VM | CLONE_SETTLS) || function == NULL || stack == NULL)
		return next(function, stack, flags, argument, parent_id, storage, child_id);
	return next(begin, stack, flags, &plan, parent_id, storage, child_id);
}
