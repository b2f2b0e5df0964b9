/* SPDX-License-Identifier: MIT */
/* What libc tells of ten large blocks, each way; "stats" writes it to stderr, "trim" sets how its malloc
 * gives memory back, and looks whether it does. */
#include "config.h"

#include <malloc.h>

#include "victim.h"

#ifdef HAVE_MALLOPT

#define BLOCKS 10

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* mallinfo */

static size_t small_heap(void)
{
	char *blocks[40], *start = sbrk(0), *end;

	for (int i = 0; i < 40; i++)
		blocks[i] = malloc(100000);
	end = sbrk(0);
	for (int i = 0; i < 40; i++)
		free(blocks[i]);
	return end > start && sbrk(0) < (void *)end;
}

/* The last line of mapped blocks is the sum of all. */
static void print_info(void)
{
	char *text = NULL, *at = NULL;
	unsigned long count = 0, bytes = 0;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	int result = malloc_info(0, to);

	fclose(to);
	for (char *next = text; (next = strstr(next, "<total type=\"mmap\"")); next++)
		at = next;
	if (at)
		sscanf(at, "<total type=\"mmap\" count=\"%lu\" size=\"%lu\"/>", &count, &bytes);
	printf("malloc_info %d: %lu, %lu MiB, ends %d\n", result, count, bytes >> 20,
	       size > 10 && strcmp(text + size - 10, "</malloc>\n") == 0);
	free(text);
}

static void print_counts(void)
{
	struct mallinfo info = mallinfo();

	printf("mallinfo: %d, %d MiB\n", info.hblks, info.hblkhd >> 20);
#ifdef HAVE_MALLINFO2
	struct mallinfo2 wide = mallinfo2();

	printf("mallinfo2: %zu, %zu MiB\n", wide.hblks, wide.hblkhd >> 20);
#endif
	print_info();
}

int main(int argc, char **argv)
{
	void *blocks[BLOCKS];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "trim") == 0) {
		if (argc > 2)
			mallopt(M_TRIM_THRESHOLD, atoi(argv[2]));
		printf("trimmed %zu\n", small_heap());
		return 0;
	}
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = malloc(1 << 20);
	if (argc > 1) {
		malloc_stats();
		return 0;
	}
	print_counts();
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	print_counts();
	return 0;
}

#else

int main(void)
{
	printf("this libc tells nothing of its malloc\n");
	return 77;
}

#endif
