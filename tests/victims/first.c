/* SPDX-License-Identifier: MIT */
/* Preloaded before the library: allocates before its constructor, and frees after its destructor. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGE ((size_t)1 << 20)

static char *small, *large, *cleared;

__attribute__((constructor)) static void allocate(void)
{
	small = malloc(100);
	large = malloc(LARGE);
	cleared = calloc(1, LARGE);
	memset(small, 1, 100);
	memset(large, 2, LARGE);
}

static void tell(const char *line)
{
	if (write(STDOUT_FILENO, line, strlen(line)) < 0)
		_exit(1);
}

__attribute__((destructor)) static void give_back(void)
{
	int right = cleared[LARGE - 1] == 0;

	small = realloc(small, LARGE);
	large = realloc(large, 2 * LARGE);
	right = right && small[99] == 1 && large[LARGE - 1] == 2;
	free(small);
	free(cleared);
	free(large);
	tell(right ? "first 1\n" : "first 0\n");
}
