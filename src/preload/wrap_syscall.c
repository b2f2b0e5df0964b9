/* SPDX-License-Identifier: MIT */
/* prctl and syscall, for the few calls among theirs that matter here: a filter of system calls, and a copy
 * of the process. */
#include "config.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/prctl.h>

#include "common/sys.h"
#include "preload/preload.h"
#include "preload/process.h"
#include "preload/real.h"
#include "preload/sandbox.h"

#ifndef SECCOMP_SET_MODE_FILTER /* Linux 3.17 */
#define SECCOMP_SET_MODE_STRICT 0
#define SECCOMP_SET_MODE_FILTER 1
#endif

static bool enter(unsigned long mode, const void *program)
{
	if (mode == SECCOMP_MODE_STRICT)
		return sandbox_enter_strict();
	return mode == SECCOMP_MODE_FILTER && sandbox_enter(program);
}

__attribute__((noinline)) static int set_filter_by_prctl(unsigned long mode, unsigned long program,
							 unsigned long c, unsigned long d)
{
	const bool entered = enter(mode, (const void *)program);
	const int result = real_get()->prctl(PR_SET_SECCOMP, mode, program, c, d);

	if (result != 0 && entered)
		sandbox_leave();
	return result;
}

/* As libc's, whose arguments after the first are optional. */
EXPORT int prctl_any(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
	__asm__("prctl");

EXPORT int prctl_any(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	if (option == PR_SET_SECCOMP)
		return set_filter_by_prctl(a, b, c, d);
	return real_get()->prctl(option, a, b, c, d);
}

#ifdef SYS_IS_RAW

/* The flags come first where system calls are made by an instruction of ours. On a stack of its own the
 * child would not come back to this frame. */
static bool is_copying(long number, long flags, long stack)
{
#ifdef SYS_fork
	if (number == SYS_fork)
		return true;
#endif
	return number == SYS_clone && !(flags & (CLONE_VM | CLONE_SETTLS)) && stack == 0;
}

__attribute__((noinline)) static long copy_process(long number, long a, long b, long c, long d, long e,
						   long f)
{
	long result = real_get()->syscall(number, a, b, c, d, e, f);

	if (result == 0)
		process_check();
	return result;
}

EXPORT long syscall_any(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");

/* As prctl(PR_SET_SECCOMP): libseccomp and others have no function of libc's for it. */
__attribute__((noinline)) static long set_filter(long number, long a, long b, long c, long d, long e,
						 long f)
{
	const bool entered = a == SECCOMP_SET_MODE_FILTER ? sandbox_enter((const void *)c)
							   : sandbox_enter_strict();
	const long result = real_get()->syscall(number, a, b, c, d, e, f);

	if (result != 0 && entered)
		sandbox_leave();
	return result;
}

/* All else is a jump, so that no frame of ours is below a child in its parent's memory. */
EXPORT long syscall_any(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_seccomp && (a == SECCOMP_SET_MODE_FILTER || a == SECCOMP_SET_MODE_STRICT))
		return set_filter(number, a, b, c, d, e, f);
	if (is_copying(number, a, b))
		return copy_process(number, a, b, c, d, e, f);
	return real_get()->syscall(number, a, b, c, d, e, f);
}

#endif
