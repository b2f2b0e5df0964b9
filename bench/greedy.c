/* SPDX-License-Identifier: MIT */
/* A neighbour that takes MIB and goes over all of it again and again, in passes of PAUSE ms. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const size_t size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 256) << 20;
	const long pause = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
	const struct timespec rest = {pause / 1000, pause % 1000 * 1000000};
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED) {
		perror("greedy: mmap");
		return 1;
	}
	for (;;) {
		for (size_t i = 0; i < size; i += page)
			at[i]++;
		nanosleep(&rest, NULL);
	}
}
