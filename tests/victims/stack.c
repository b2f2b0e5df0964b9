/* SPDX-License-Identifier: MIT */
/* Recurses so many KiB deep. */
#include "victim.h"

__attribute__((noinline)) static int deep(int kib)
{
	volatile char room[1024];
	volatile char *at = &room[kib % 1024]; /* so that no compiler leaves a part of it out */

	*at = 1;
	return kib > 1 ? deep(kib - 1) + *at : *at;
}

int main(int argc, char **argv)
{
	printf("deep %d\n", deep(argc > 1 ? atoi(argv[1]) : 6000) > 0);
	return 0;
}
