/* SPDX-License-Identifier: MIT */
/* What calls on mappings cost beside LIVE others that stay: `mapped mmap|touched|mprotect|mremap LIVE COUNT`
 * makes COUNT pairs (mmap and munmap of 64 KiB, the same with each page touched, mprotect of a page to and
 * fro, mremap of 64 to 128 KiB and back) and prints the microseconds a pair, of the best of ten parts.
 * `mapped inversion mmap|mprotect COUNT [populate]` has a thread of SCHED_FIFO make a pair each millisecond, on the
 * processor of one without priority that maps and unmaps (with MAP_POPULATE, as eager mode does it) and of
 * one between that computes: it prints how many took more than 1 ms, and the longest in microseconds. */
#include "config.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "figures.h"

#define SIZE ((size_t)64 << 10)
#define PAGE ((size_t)4096)
#define PARTS 10

static char *pages; /* of mprotect and mremap */

static void *map(size_t size, int prot)
{
	void *at = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		exit(1);
	return at;
}

static void pair_mmap(void)
{
	munmap(map(SIZE, PROT_READ | PROT_WRITE), SIZE);
}

static void pair_touched(void)
{
	char *at = map(SIZE, PROT_READ | PROT_WRITE);

	for (size_t i = 0; i < SIZE; i += PAGE)
		*(volatile char *)(at + i) = 1;
	munmap(at, SIZE);
}

static void pair_mprotect(void)
{
	mprotect(pages, PAGE, PROT_READ);
	mprotect(pages, PAGE, PROT_READ | PROT_WRITE);
}

static void pair_mremap(void)
{
	pages = mremap(pages, SIZE, 2 * SIZE, MREMAP_MAYMOVE);
	if (pages != MAP_FAILED)
		pages = mremap(pages, 2 * SIZE, SIZE, MREMAP_MAYMOVE);
	if (pages == MAP_FAILED)
		exit(1);
}

static void (*pair_of(const char *name))(void)
{
	static const struct {
		const char *name;
		void (*pair)(void);
	} pairs[] = {{"mmap", pair_mmap}, {"touched", pair_touched}, {"mprotect", pair_mprotect}, {"mremap", pair_mremap}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (strcmp(name, pairs[i].name) == 0)
			return pairs[i].pair;
	exit(2);
}

/* Neighbours of unlike protection stay mappings of their own. */
static void live_make(int live)
{
	for (int i = 0; i < live; i++)
		map(PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE);
}

static double part_ns(void (*pair)(void), int count)
{
	const double begin = clock_ns(CLOCK_MONOTONIC);

	for (int i = 0; i < count; i++)
		pair();
	return (clock_ns(CLOCK_MONOTONIC) - begin) / count;
}

static void pairs_measure(void (*pair)(void), int live, int count)
{
	double best = 0, ns;

	live_make(live);
	for (int i = 0; i < PARTS; i++) {
		ns = part_ns(pair, count / PARTS);
		if (i == 0 || ns < best)
			best = ns;
	}
	printf("%.3f\n", best / 1e3);
}

static struct {
	void (*pair)(void);
	int count, late;
	double longest_us;
	bool stop, populate;
} inversion;

static bool is_stopped(void)
{
	return __atomic_load_n(&inversion.stop, __ATOMIC_RELAXED);
}

/* Onto the first processor, with a priority of SCHED_FIFO. */
static void thread_place(int priority)
{
	const struct sched_param param = {.sched_priority = priority};
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (pthread_setaffinity_np(pthread_self(), sizeof(first), &first) ||
	    (priority && pthread_setschedparam(pthread_self(), SCHED_FIFO, &param)))
		exit(77);
}

static void *run_low(void *unused)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (inversion.populate ? MAP_POPULATE : 0);

	thread_place(0);
	while (!is_stopped())
		munmap(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, -1, 0), SIZE);
	return unused;
}

static void *run_middle(void *unused)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	double end;

	thread_place(10);
	while (!is_stopped()) {
		end = clock_ns(CLOCK_MONOTONIC) + 20e6;
		while (clock_ns(CLOCK_MONOTONIC) < end && !is_stopped())
			;
		nanosleep(&pause, NULL);
	}
	return unused;
}

static void *run_high(void *unused)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	double us;

	thread_place(20);
	for (int i = 0; i < inversion.count; i++) {
		nanosleep(&pause, NULL);
		us = part_ns(inversion.pair, 1) / 1e3;
		inversion.late += us > 1000;
		if (us > inversion.longest_us)
			inversion.longest_us = us;
	}
	__atomic_store_n(&inversion.stop, true, __ATOMIC_RELAXED);
	return unused;
}

static void inversion_measure(void)
{
	void *(*const work[])(void *) = {run_low, run_middle, run_high};
	pthread_t threads[3];

	for (size_t i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, work[i], NULL))
			exit(1);
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	printf("%d,%.1f\n", inversion.late, inversion.longest_us);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	pages = map(SIZE, PROT_READ | PROT_WRITE);
	if (strcmp(argv[1], "inversion") != 0) {
		pairs_measure(pair_of(argv[1]), atoi(argv[2]), atoi(argv[3]));
		return 0;
	}
	inversion.pair = pair_of(argv[2]);
	inversion.count = atoi(argv[3]);
	inversion.populate = argc > 4;
	inversion_measure();
	return 0;
}
