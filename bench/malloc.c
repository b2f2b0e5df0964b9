/* SPDX-License-Identifier: MIT */
/* Measures the malloc that it runs under: `malloc large SIZE COUNT`, `touch SIZE COUNT`, `small`,
 * `threads N`, `realloc`, `populate SIZE`. One line of figures, separated by commas. */
#include "config.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#define PAGE 4096
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

static void touch(volatile char *at, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		at[i] = 1;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* p50, p99, p99.9, max in ns, faults an operation, peak resident in KiB */
static void print_times(double *times, size_t count, long taken)
{
	struct rusage usage;

	qsort(times, count, sizeof(*times), compare);
	getrusage(RUSAGE_SELF, &usage);
	printf("%.0f,%.0f,%.0f,%.0f,%.2f,%ld\n", times[count / 2], times[count * 99 / 100],
	       times[count * 999 / 1000], times[count - 1], (double)taken / (double)count,
	       usage.ru_maxrss);
}

/* With a block of the caller's: touch alone. */
static void large(size_t size, size_t count, char *block)
{
	static double times[100000];
	const size_t warm_up = count / 10 + 1;
	long before = 0;

	for (size_t i = 0; i < count + warm_up; i++) {
		double start = now();
		char *at = block ? block : malloc(size);

		touch(at, size);
		if (block == NULL)
			free(at);
		if (i >= warm_up)
			times[i - warm_up] = now() - start;
		if (i + 1 == warm_up)
			before = faults();
	}
	print_times(times, count, faults() - before);
}

static double pair(void)
{
	double best = 1e9;

	for (int round = 0; round < 30; round++) {
		double start = now();

		for (int i = 0; i < 300000; i++) {
			void *volatile block = malloc(64);

			free(block);
		}
		if ((now() - start) / 300000 < best)
			best = (now() - start) / 300000;
	}
	return best;
}

static double churn(void)
{
	static void *slots[1024];
	double best = 1e9;
	unsigned dice = 1;

	for (int round = 0; round < 30; round++) {
		double start = now();

		for (int i = 0; i < 300000; i++) {
			unsigned k;

			dice = dice * 1103515245 + 12345;
			k = dice >> 16 & 1023;
			free(slots[k]);
			slots[k] = malloc(16 + (dice >> 8 & 511));
		}
		if ((now() - start) / 300000 < best)
			best = (now() - start) / 300000;
	}
	return best;
}

static void *work(void *unused)
{
	for (int i = 0; i < 20000; i++) {
		char *block = malloc(i % 16 ? 200 : 256 << 10);

		block[0] = 1;
		free(block);
	}
	return unused;
}

static double threads(int count)
{
	double start = now();
	pthread_t ids[64];

	for (int i = 0; i < count; i++)
		pthread_create(&ids[i], NULL, work, NULL);
	for (int i = 0; i < count; i++)
		pthread_join(ids[i], NULL);
	return (now() - start) / 1e6;
}

/* Milliseconds from 1 to 512 MiB by doubling, each new half touched. */
static double doubling(void)
{
	size_t size = 1 << 20;
	char *block = malloc(size);
	double start = now();

	touch(block, size);
	for (; size < 512u << 20; size *= 2) {
		block = realloc(block, 2 * size);
		touch(block + size, size);
	}
	return (now() - start) / 1e6;
}

static double populate(size_t size)
{
	double start = now();
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < size; i += 2 << 20)
		madvise(at + i, 2 << 20, MADV_POPULATE_WRITE);
	return (now() - start) / 1e6;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	size_t count = argc > 3 ? strtoul(argv[3], NULL, 0) : 0;

	if (count > 100000)
		return 2;
	if (strcmp(what, "large") == 0) {
		large(size, count, NULL);
	} else if (strcmp(what, "touch") == 0) {
		char *block = malloc(size);

		memset(block, 1, size);
		large(size, count, block);
	} else if (strcmp(what, "small") == 0) {
		printf("%.2f,%.2f\n", pair(), churn());
	} else if (strcmp(what, "threads") == 0) {
		printf("%.1f\n", threads((int)size));
	} else if (strcmp(what, "realloc") == 0) {
		printf("%.1f\n", doubling());
	} else if (strcmp(what, "populate") == 0) {
		printf("%.1f\n", populate(size));
	} else {
		return 2;
	}
	return 0;
}
