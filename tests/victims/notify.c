/* SPDX-License-Identifier: MIT */
/* Threads that libc makes by itself, whose stacks nobody declares: five notifications of a timer at a time.
 * Whether resident memory grew by less than 2 MiB meanwhile. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "victim.h"

#define TOGETHER 5

static pthread_barrier_t barrier;

static void meet(union sigval unused)
{
	(void)unused;
	pthread_barrier_wait(&barrier); /* all are there */
	pthread_barrier_wait(&barrier); /* and were counted */
}

static long with_timers(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = meet};
	const struct itimerspec soon = {.it_value.tv_nsec = 1000000};
	timer_t timer;
	long rss;

	pthread_barrier_init(&barrier, NULL, TOGETHER + 1);
	for (int i = 0; i < TOGETHER; i++)
		if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &soon, NULL))
			exit(1);
	pthread_barrier_wait(&barrier);
	rss = status_kib("VmRSS");
	pthread_barrier_wait(&barrier);
	return rss;
}

int main(void)
{
	const long before = status_kib("VmRSS");

	printf("little %d\n", with_timers() - before < 2048);
	return 0;
}
