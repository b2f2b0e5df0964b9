/* SPDX-License-Identifier: MIT */
/* Allocates before any constructor and frees after all destructors. */
#include "victim.h"

#define LARGE ((size_t)1 << 20)

static char *small, *large, *cleared, *last;

static void before_constructors(int argc, char **argv, char **environment)
{
	(void)argc;
	(void)argv;
	(void)environment;
	small = malloc(100);
	large = malloc(LARGE);
	cleared = calloc(1, LARGE);
	memset(small, 1, 100);
	memset(large, 2, LARGE);
}
#ifdef __GLIBC__
__attribute__((section(".preinit_array"), used)) static void (*const entry)(int, char **, char **) =
	before_constructors;
#else /* musl has no such array: see first.c */
__attribute__((constructor)) static void in_a_constructor(void)
{
	before_constructors(0, NULL, NULL);
}
#endif

__attribute__((destructor(101))) static void after_destructors(void)
{
	free(last);
	last = malloc(LARGE);
	last[0] = 1;
	free(last);
}

int main(void)
{
	int ok = cleared[LARGE - 1] == 0;

	small = realloc(small, LARGE); /* ours by now */
	large = realloc(large, 2 * LARGE);
	ok = ok && small[99] == 1 && large[LARGE - 1] == 2;
	free(small);
	free(cleared);
	large = realloc(large, 10);
	ok = ok && large[9] == 2;
	free(large);
	last = malloc(LARGE);
	printf("early %d\n", ok);
	return 0;
}
