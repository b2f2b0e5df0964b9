/* SPDX-License-Identifier: MIT */
/* Short threads one after another: `threads create COUNT` makes and joins them, `threads churn COUNT`
 * has each allocate and free. Prints microseconds and microseconds of CPU a thread, the peak of
 * resident memory, and by how many KiB it grew since the first line of main. */
#include "config.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
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

int main(int argc, char **argv)
{
	void *(*work)(void *) = argc > 1 && strcmp(argv[1], "churn") == 0 ? churn : idle;
	int count = argc > 2 ? atoi(argv[2]) : 0;
	long before = peak();
	double begin = now(), begin_cpu = cpu();
	pthread_t thread;

	for (int i = 0; i < count; i++)
		if (pthread_create(&thread, NULL, work, NULL) || pthread_join(thread, NULL))
			return 1;
	printf("%.3f,%.3f,%ld,%ld\n", (now() - begin) / count, (cpu() - begin_cpu) / count, peak(),
	       peak() - before);
	return 0;
}
