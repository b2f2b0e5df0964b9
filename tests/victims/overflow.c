/* SPDX-License-Identifier: MIT */
/* Overflows the main stack as a runtime that tells it does: a handler on a stack of its own looks whether
 * the fault is at the low end that pthread_getattr_np told. `overflow size` prints whether the stack's size
 * there is about what RLIMIT_STACK allows. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>

#include "victim.h"

#define REACH ((uintptr_t)1 << 20) /* of the guard, below the stack */

static uintptr_t low;

static void handler(int signal, siginfo_t *info, void *unused)
{
	static const char overflow[] = "overflow\n", other[] = "another fault\n";
	const uintptr_t at = (uintptr_t)info->si_addr;
	const int is_overflow = at >= low - REACH && at < low + REACH;

	(void)signal;
	(void)unused;
	if (write(1, is_overflow ? overflow : other, is_overflow ? sizeof(overflow) - 1 : sizeof(other) - 1) < 0)
		_exit(2);
	_exit(is_overflow ? 3 : 4);
}

__attribute__((noinline)) static int deep(int left)
{
	volatile char room[1024];

	room[left % 1024] = 1;
	return left ? deep(left - 1) + room[0] : 0;
}

int main(int argc, char **argv)
{
	static char alternate[65536];
	const stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	pthread_attr_t attributes;
	struct rlimit limit;
	size_t size;
	void *start;

	(void)argv;
	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstack(&attributes, &start, &size);
	low = (uintptr_t)start;
	if (argc > 1) {
		getrlimit(RLIMIT_STACK, &limit);
		printf("whole %d\n", size > limit.rlim_cur / 2);
		return 0;
	}
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	return deep(1 << 30);
}
