/* SPDX-License-Identifier: MIT */
/* Short threads: `thread create COUNT` makes and joins them one after another, `thread churn COUNT`
 * has each allocate and free, `thread crowd COUNT` makes CROWD that wait for each other, again and
 * again. Prints microseconds and microseconds of CPU a thread, the peak of resident memory, and by
 * how many KiB it grew since the first line of main. */
#include "config.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "figures.h"

#define CROWD 64

static pthread_barrier_t barrier;

static double now(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1e3;
}

static double cpu(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e3;
}

static long peak(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void *idle(void *unused)
{
	return unused;
}

static void *churn(void *unused)
{
	void *blocks[64];

	for (size_t i = 0; i < 64; i++)
		blocks[i] = memset(malloc(16 + i * 61), 1, 16 + i * 61);
	for (size_t i = 0; i < 64; i++)
		free(blocks[i]);
	return unused;
}

static void *meet(void *unused)
{
	pthread_barrier_wait(&barrier);
	return unused;
}

static int threads_run(void *(*work)(void *), int count, int together)
{
	pthread_t threads[CROWD];

	for (int i = 0; i < count; i += together) {
		for (int t = 0; t < together; t++)
			if (pthread_create(&threads[t], NULL, work, NULL))
				return -1;
		for (int t = 0; t < together; t++)
			if (pthread_join(threads[t], NULL))
				return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const int count = argc > 2 ? atoi(argv[2]) : 0;
	void *(*work)(void *) = strcmp(what, "churn") == 0 ? churn : strcmp(what, "crowd") == 0 ? meet : idle;
	const int together = work == meet ? CROWD : 1;
	const long before = peak();
	double begin, begin_cpu;

	if (count < 1 || count % together)
		return 2;
	pthread_barrier_init(&barrier, NULL, CROWD);
	begin = now();
	begin_cpu = cpu();
	if (threads_run(work, count, together) != 0)
		return 1;
	printf("%.3f,%.3f,%ld,%ld\n", (now() - begin) / count, (cpu() - begin_cpu) / count, peak(),
	       peak() - before);
	return 0;
}
