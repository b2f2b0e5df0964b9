/* SPDX-License-Identifier: MIT */
/* `trade ROUNDS`: a thread maps and unmaps at addresses that another has just unmapped, some of which stay.
 * Afterwards the program locks all that the limit allows but 64 KiB: whether it may, and whether the kernel
 * counts no more than the limit. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>

#include "victim.h"

#define SIZE ((size_t)16 << 10)
#define LEFT ((size_t)64 << 10)
#define KEPT 150

static int stop;

static void *map(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *trade(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		munmap(map(SIZE), SIZE);
	return unused;
}

int main(int argc, char **argv)
{
	const int rounds = argc > 1 ? atoi(argv[1]) : 20000;
	struct rlimit limit;
	pthread_t others[4];
	int error, kept = 0;
	long locked;

	for (int i = 0; i < 4; i++)
		if (pthread_create(&others[i], NULL, trade, NULL))
			return 1;
	for (int i = 0; i < rounds; i++) {
		char *at = map(SIZE);

		if (i % 20 == 0 && kept < KEPT)
			*at = (char)kept++;
		else
			munmap(at, SIZE);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 4; i++)
		pthread_join(others[i], NULL);
	getrlimit(RLIMIT_MEMLOCK, &limit);
	error = mlock(map(limit.rlim_cur - LEFT), limit.rlim_cur - LEFT) ? errno : 0;
	locked = status_kib("VmLck") << 10;
	printf("mlock %s counted %d\n", strerror(error),
	       locked >= (long)(limit.rlim_cur - LEFT) && locked <= (long)limit.rlim_cur);
	return 0;
}
