/* SPDX-License-Identifier: MIT */
/* Touches few pages that lie far from each other: near the end of the main stack (and of its limit),
 * at both ends of a large heap, in a large map, in a large file; or grows the heap by itself, page by
 * page. */
#include <alloca.h>

#include "victim.h"

#define FAR ((size_t)88 << 20)

static void touch_ends(volatile char *at, size_t size)
{
	at[0] = at[PAGE] = at[size - PAGE] = 1;
}

__attribute__((noinline)) static void touch_stack(void)
{
	struct rlimit limit;
	volatile char *low;

	getrlimit(RLIMIT_STACK, &limit);
	low = alloca(limit.rlim_cur - (256u << 10));
	low[0] = low[PAGE] = 1;
}

static char *map_file(void)
{
	int fd = open("spread-file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	unlink("spread-file");
	return ftruncate(fd, FAR) ? MAP_FAILED : mmap(NULL, FAR, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "stack") == 0)
		touch_stack();
	else if (strcmp(how, "heap") == 0)
		touch_ends(sbrk(FAR), FAR);
	else if (strcmp(how, "map") == 0)
		touch_ends(mmap(NULL, FAR, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), FAR);
	else if (strcmp(how, "file") == 0)
		touch_ends(map_file(), FAR);
	else if (strcmp(how, "grow") == 0)
		for (int i = 0; i < 2048; i++)
			*(volatile char *)sbrk(PAGE) = 1;
	puts("done");
	return 0;
}
