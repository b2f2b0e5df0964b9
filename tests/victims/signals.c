/* SPDX-License-Identifier: MIT */
/* Maps and unmaps in a signal handler while the program does so and forks. */
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "victim.h"

static volatile sig_atomic_t ticks;

static void tick(int signal)
{
	(void)signal;
	munmap(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), PAGE);
	ticks = 1;
}

int main(void)
{
	const struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
	const struct itimerval often = {{0, 100}, {0, 100}};
	char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 1000; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(munmap(page, PAGE));
		mlock(page, PAGE);
		munlock(page, PAGE);
		while (waitpid(child, &status, 0) < 0)
			;
		if (status)
			return 1;
	}
	printf("signals %d\n", ticks);
	return 0;
}
