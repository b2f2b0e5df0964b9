/* SPDX-License-Identifier: MIT */
/* Uses so many KiB of stack and of heap in small blocks, and tells the faults that it took. */
#include "victim.h"

#define BLOCK 1000

/* Down to an address, in frames of 1 KiB. */
__attribute__((noinline)) static int use_stack(uintptr_t down_to)
{
	volatile char room[1024];

	room[0] = 1;
	return (uintptr_t)room > down_to ? use_stack(down_to) + room[0] : room[0];
}

int main(int argc, char **argv)
{
	const size_t stack_kib = argc > 2 ? strtoul(argv[1], NULL, 0) : 200;
	const size_t heap_kib = argc > 2 ? strtoul(argv[2], NULL, 0) : 900;
	long before = faults(), stack, heap;

	use_stack((uintptr_t)&before - stack_kib * 1024);
	stack = faults() - before;
	before = faults();
	for (size_t used = 0; used < heap_kib * 1024; used += BLOCK) {
		char *block = malloc(BLOCK); /* kept, as a growing program does */

		memset(block, 1, BLOCK);
	}
	heap = faults() - before;
	printf("stack %ld heap %ld\n", stack, heap);
	return 0;
}
