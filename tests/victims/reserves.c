/* SPDX-License-Identifier: MIT */
/* Uses 200 KiB of stack and 900 KiB of small heap blocks, and tells the faults that it took. */
#include "victim.h"

#define BLOCKS 900

static void *blocks[BLOCKS];

__attribute__((noinline)) static int use_stack(int kib)
{
	volatile char room[1024];

	room[0] = (char)kib;
	return kib > 1 ? use_stack(kib - 1) + room[0] : room[0];
}

int main(void)
{
	long before = faults(), stack, heap;

	use_stack(180); /* with the frames' own words 200 KiB */
	stack = faults() - before;
	before = faults();
	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(1000);
		memset(blocks[i], i, 1000);
	}
	heap = faults() - before;
	printf("stack %ld heap %ld\n", stack, heap);
	return 0;
}
