/* SPDX-License-Identifier: MIT */
/* The shim with the reserves that ramlock makes by default and nothing else: what start can cost at
 * the least, for comparison. */
#include <alloca.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACK (256 << 10)
#define HEAP  (1 << 20)

__attribute__((noinline)) static void extend_stack(void)
{
	volatile char *low = alloca(STACK);

	*low = 0;
}

__attribute__((constructor)) static void lock_all(void)
{
	extend_stack();
	if (sbrk(HEAP) == (void *)-1 || mlockall(MCL_CURRENT | MCL_FUTURE))
		perror("mlockall");
}
