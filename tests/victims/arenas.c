/* SPDX-License-Identifier: MIT */
/* Threads that allocate small blocks from arenas of their own: how many mappings come of it.
 *   arenas THREADS MIB */
#include <pthread.h>

#include "victim.h"

static long blocks;

static void *fill(void *argument)
{
	for (long i = 0; i < blocks; i++)
		memset(malloc(1000), 1, 1000);
	return argument;
}

static long mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	long lines = 0;
	int byte;

	while ((byte = getc(maps)) != EOF)
		lines += byte == '\n';
	fclose(maps);
	return lines;
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	const long count = atol(argv[1]), before = mappings();

	(void)argc;
	blocks = atol(argv[2]) * 1000;
	for (long i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, fill, NULL);
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("few %d\n", mappings() - before < 150);
	return 0;
}
