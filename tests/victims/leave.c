/* SPDX-License-Identifier: MIT */
/* Ends with status 3 in the way that the first argument says. */
#define _GNU_SOURCE
#include <signal.h>

#include "victim.h"

static void end(int signal)
{
	(void)signal;
	_exit(3);
}

/* As a crash handler does, on an alternate stack of 8 KiB with nothing below it. */
static void crash(void)
{
	static const size_t size = 8192;
	char *low = mmap(NULL, PAGE + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t small = {.ss_sp = low + PAGE, .ss_size = size};
	struct sigaction action = {.sa_handler = end, .sa_flags = SA_ONSTACK};

	mprotect(low, PAGE, PROT_NONE);
	sigaltstack(&small, NULL);
	sigaction(SIGSEGV, &action, NULL);
	*(volatile char *)low = 1;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "crash") == 0)
		crash();
	if (strcmp(how, "_exit") == 0)
		_exit(3);
	if (strcmp(how, "_Exit") == 0)
		_Exit(3);
	if (strcmp(how, "quick_exit") == 0)
		quick_exit(3);
	if (strcmp(how, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(how, "file") == 0) { /* a file in the place of stderr, as a daemon may have */
		close(2);
		open("data", O_RDWR | O_CREAT | O_TRUNC, 0644);
	}
	exit(3);
}
