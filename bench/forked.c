/* SPDX-License-Identifier: MIT */
/* What a fork costs a parent that goes on writing: `forked MIB COUNT`. The parent has MIB of memory
 * that it has written, forks COUNT times and writes to each page once while the child lives. Prints,
 * in microseconds and as medians: the fork and the writing of all pages, by the clock and of the
 * parent's CPU time; the time until the child runs; the slowest page. Then faults of that writing,
 * and KiB that the child has locked. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "figures.h"

#define PAGE  4096
#define FORKS 200

struct child {
	double runs; /* the time at which it does */
	long locked; /* KiB */
};

enum figure { FORK, FORK_CPU, WRITE, WRITE_CPU, RUNS, SLOWEST, FAULTS, LOCKED, FIGURES };
static double figures[FIGURES][FORKS];

static double now(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1e3;
}

static double cpu(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID) / 1e3;
}

/* Tells by the first pipe that it runs, and lives until the second is closed. */
static void child_run(const int *told, const int *life)
{
	struct child child = {.runs = now()};

	child.locked = proc_kib("/proc/self/status", "VmLck:");
	close(life[1]);
	if (write(told[1], &child, sizeof(child)) != sizeof(child) || read(life[0], &child, 1) != 0)
		_exit(1);
	_exit(0);
}

/* The slowest page's time. */
static double pages_write(volatile char *at, size_t size)
{
	double before = now(), slowest = 0;

	for (size_t i = 0; i < size; i += PAGE) {
		double after;

		at[i]++;
		after = now();
		if (after - before > slowest)
			slowest = after - before;
		before = after;
	}
	return slowest;
}

static void fork_once(char *at, size_t size, int round)
{
	struct child child;
	int told[2], life[2], status = 1;
	double begin, begin_cpu;
	long before;
	pid_t pid;

	if (pipe(told) != 0 || pipe(life) != 0)
		exit(1);
	begin = now();
	begin_cpu = cpu();
	pid = fork();
	if (pid == 0)
		child_run(told, life);
	figures[FORK][round] = now() - begin;
	figures[FORK_CPU][round] = cpu() - begin_cpu;
	if (read(told[0], &child, sizeof(child)) != sizeof(child))
		exit(1);
	figures[RUNS][round] = child.runs - begin;
	figures[LOCKED][round] = (double)child.locked;
	before = faults();
	begin = now();
	begin_cpu = cpu();
	figures[SLOWEST][round] = pages_write(at, size);
	figures[WRITE][round] = now() - begin;
	figures[WRITE_CPU][round] = cpu() - begin_cpu;
	figures[FAULTS][round] = (double)(faults() - before);
	for (int i = 0; i < 2; i++) {
		close(told[i]);
		close(life[i]);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		exit(1);
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	const size_t size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 0) << 20;
	const int count = argc > 2 ? atoi(argv[2]) : 0;
	char *at = malloc(size);

	if (!at || count < 1 || count > FORKS)
		return 2;
	memset(at, 1, size);
	for (int round = 0; round < count; round++)
		fork_once(at, size, round);
	for (int i = 0; i < FIGURES; i++) {
		qsort(figures[i], (size_t)count, sizeof(double), compare);
		printf("%s%.1f", i ? "," : "", figures[i][count / 2]);
	}
	puts("");
	return 0;
}
