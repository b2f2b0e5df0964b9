/* SPDX-License-Identifier: MIT */
/* Gives memory back in each way and tells what the kernel says and what is read afterwards. */
#define _GNU_SOURCE
#include <errno.h>

#include "victim.h"

#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif

static void advise(const char *name, char *at, size_t size, int advice)
{
	errno = 77;
	printf("%s %d", name, madvise(at, size, advice));
	printf(" errno %d\n", errno);
}

int main(void)
{
	char *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	memset(at, 5, 4 * PAGE);
	memset(shared, 6, 2 * PAGE);
	advise("dontneed", at, 2 * PAGE, MADV_DONTNEED);
	printf("zeroed %d kept %d\n", at[0] == 0 && at[PAGE] == 0, at[2 * PAGE] == 5);
	advise("shared", shared, 2 * PAGE, MADV_DONTNEED);
	printf("kept %d\n", shared[0] == 6);
	advise("remove", shared, PAGE, MADV_REMOVE);
	printf("zeroed %d kept %d\n", shared[0] == 0, shared[PAGE] == 6);
	advise("free", at + 2 * PAGE, PAGE, MADV_FREE);
	advise("cold", at, PAGE, MADV_COLD);
	advise("pageout", at, PAGE, MADV_PAGEOUT);
	advise("unaligned", at + 1, PAGE, MADV_DONTNEED);
	advise("unknown", at, PAGE, 99);
	munmap(at + PAGE, PAGE);
	advise("hole", at, 3 * PAGE, MADV_DONTNEED);
	return 0;
}
