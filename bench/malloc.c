/* SPDX-License-Identifier: MIT */
/* Measures the malloc that it runs under: `malloc large SIZE COUNT`, `ops SIZE COUNT`, `small`,
 * `threads N`, `realloc`. One line of figures, separated by commas.
 *
 * A sample of `large` ends when the processor has done its stores: it queues up to 64 of them, as
 * many as touching 256 KiB takes, and whatever comes next pays. So the touch alone and malloc, touch
 * and free are measured alike. What reading the clock costs is taken off both. */
#include "config.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "figures.h"

#define PAGE	4096
#define SAMPLES 20000
/* Many short batches, so that some meet a quiet machine. */
#define BATCHES 500
#define BATCH	20000
#define TIME	0.5e9 /* ns */
#define CPU_TIME_FROM ((size_t)1 << 20)

static double now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
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

struct samples {
	double times[SAMPLES];
	double cpu[SAMPLES]; /* by the thread's own time; 0 for blocks too small to ask */
	size_t count;
};

/* Reading it takes a system call. */
static double cpu_time(size_t size)
{
	return size < CPU_TIME_FROM ? 0 : clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Either the touch alone is timed, or malloc and free too. */
static void operate(size_t size, bool alone, bool fenced, struct samples *to)
{
	char *block = alone ? malloc(size) : NULL;
	double start, cpu = cpu_time(size);

	fence();
	start = now();
	if (!alone)
		block = malloc(size);
	touch(block, size);
	if (!alone)
		free(block);
	if (fenced)
		fence();
	to->times[to->count] = now() - start;
	to->cpu[to->count++] = cpu_time(size) - cpu;
	if (alone)
		free(block);
}

static double clock_cost(void)
{
	static struct samples none;

	while (none.count < SAMPLES / 10)
		operate(0, true, true, &none);
	qsort(none.times, none.count, sizeof(double), compare);
	return none.times[none.count / 2];
}

static void sort(struct samples *s)
{
	qsort(s->times, s->count, sizeof(double), compare);
	qsort(s->cpu, s->count, sizeof(double), compare);
}

/* The time that so many in a thousand are below. */
static double share(const struct samples *s, size_t permille, double cost)
{
	double time = s->times[s->count * permille / 1000];

	return time > cost ? time - cost : 0;
}

static double share_cpu(const struct samples *s, size_t permille)
{
	return s->cpu[s->count * permille / 1000];
}

/* Samples of both kinds in turn, at most so many and for TIME, after a tenth to warm up. */
static void measure(size_t size, size_t count, bool fenced, struct samples *op, struct samples *bare)
{
	double end = now() + TIME;

	op->count = bare->count = 0;
	while (op->count < count && (now() < end || op->count < 12)) {
		operate(size, false, fenced, op);
		operate(size, true, fenced, bare);
	}
	sort(op);
	sort(bare);
}

/* The largest of the first operation and the warm-up, by either kind of time. */
static double worst(const double *first, const double *warm_up, size_t count)
{
	return count && warm_up[count - 1] > *first ? warm_up[count - 1] : *first;
}

/* p50, p99, p99.9 and max in ns, the worst before that, p50 and p99 of the touch alone, p50 of both
 * without waiting for the stores, faults an operation, peak resident in KiB; and by the thread's own
 * time, which other programs don't add to, max, the worst before that, p99, and p99 of the touch. */
static void large(size_t size, size_t count)
{
	static struct samples first, warm_up, op, bare;
	struct rusage usage;
	double cost, cpu_before;
	long before;

	operate(size, false, true, &first); /* before anything else warms up */
	cost = clock_cost();
	measure(size, count / 10, true, &warm_up, &bare);
	cpu_before = worst(first.cpu, warm_up.cpu, warm_up.count);
	before = faults();
	measure(size, count, true, &op, &bare);
	before = faults() - before;
	getrusage(RUSAGE_SELF, &usage);
	printf("%.0f,%.0f,%.0f,%.0f,%.0f,", share(&op, 500, cost), share(&op, 990, cost),
	       share(&op, 999, cost), op.times[op.count - 1] - cost,
	       worst(first.times, warm_up.times, warm_up.count) - cost);
	printf("%.0f,%.0f,", share(&bare, 500, cost), share(&bare, 990, cost));
	measure(size, count, false, &warm_up, &first);
	printf("%.0f,%.0f,", share(&warm_up, 500, cost), share(&first, 500, cost));
	printf("%.2f,%ld,", (double)before / (double)(2 * op.count), usage.ru_maxrss);
	printf("%.0f,%.0f,%.0f,%.0f\n", op.cpu[op.count - 1], cpu_before, share_cpu(&op, 990),
	       share_cpu(&bare, 990));
}

static void ops(size_t size, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *volatile block = malloc(size);

		touch(block, size);
		free(block);
	}
}

static double pair(void)
{
	double best = 1e9;

	for (int round = 0; round < BATCHES; round++) {
		double start = now();

		for (int i = 0; i < BATCH; i++) {
			void *volatile block = malloc(64);

			free(block);
		}
		if ((now() - start) / BATCH < best)
			best = (now() - start) / BATCH;
	}
	return best;
}

static double churn(void)
{
	static void *slots[1024];
	double best = 1e9;
	unsigned dice = 1;

	for (int round = 0; round < BATCHES; round++) {
		double start = now();

		for (int i = 0; i < BATCH; i++) {
			unsigned k;

			dice = dice * 1103515245 + 12345;
			k = dice >> 16 & 1023;
			free(slots[k]);
			slots[k] = malloc(16 + (dice >> 8 & 511));
		}
		if ((now() - start) / BATCH < best)
			best = (now() - start) / BATCH;
	}
	return best;
}

static void *work(void *unused)
{
	for (int i = 0; i < 20000; i++) {
		char *volatile block = malloc(i % 16 ? 200 : 256 << 10);

		block[0] = 1;
		free(block);
	}
	return unused;
}

/* Milliseconds by the clock, and of CPU time. */
static void threads(int count)
{
	double start = now(), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	pthread_t ids[64];

	for (int i = 0; i < count; i++)
		pthread_create(&ids[i], NULL, work, NULL);
	for (int i = 0; i < count; i++)
		pthread_join(ids[i], NULL);
	printf("%.1f,%.1f\n", (now() - start) / 1e6, (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e6);
}

/* The same from 1 to 512 MiB by doubling, each new half touched. */
static void doubling(void)
{
	size_t size = 1 << 20;
	char *block = malloc(size);
	double start = now(), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	touch(block, size);
	for (; size < 512u << 20; size *= 2) {
		block = realloc(block, 2 * size);
		touch(block + size, size);
	}
	printf("%.1f,%.1f\n", (now() - start) / 1e6, (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e6);
}

static void *sleep_on(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* With a fifth argument the process has a second thread, so that malloc has to expect one. */
int main(int argc, char **argv)
{
	pthread_t idle;
	const char *what = argc > 1 ? argv[1] : "";
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	size_t count = argc > 3 ? strtoul(argv[3], NULL, 0) : 0;

	if (count > SAMPLES)
		return 2;
	if (argc > 4)
		pthread_create(&idle, NULL, sleep_on, NULL);
	if (strcmp(what, "large") == 0)
		large(size, count);
	else if (strcmp(what, "ops") == 0)
		ops(size, count);
	else if (strcmp(what, "small") == 0)
		printf("%.2f,%.2f\n", pair(), churn());
	else if (strcmp(what, "threads") == 0)
		threads((int)size);
	else if (strcmp(what, "realloc") == 0)
		doubling();
	else
		return 2;
	return 0;
}
