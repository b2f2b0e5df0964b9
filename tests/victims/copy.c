/* SPDX-License-Identifier: MIT */
/* The faults of a parent that writes to its 32 MiB again while its child lives. With an argument also
 * the milliseconds of the fork. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "victim.h"

#define SIZE ((size_t)32 << 20)

static double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	char *block = mmap(NULL, 2 * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double begin, took;
	long before;
	pid_t child;

	memset(block, 1, SIZE); /* and as much that was never written to */
	begin = milliseconds();
	child = fork();
	if (child == 0) {
		pause();
		_exit(block[0]);
	}
	took = milliseconds() - begin;
	before = faults();
	for (size_t at = 0; at < SIZE; at += PAGE)
		block[at] = 2;
	before = faults() - before;
	printf("faults %ld untouched %d", before, !is_resident(block + SIZE + SIZE / 2));
	if (argc > 1)
		printf(" ms %.1f %s", took, argv[1]);
	printf("\n");
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	return 0;
}
