/* SPDX-License-Identifier: MIT */
/* Locks and unlocks as programs do; the first argument says how. */
#define _GNU_SOURCE
#include <errno.h>

#include "victim.h"

static char *map(size_t size, int flags)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static void print_error(const char *name, int result)
{
	printf("%s %d %d\n", name, result, result ? errno : 0);
}

/* Two buffers in one page, each locked; one unlocked, then the other, then all. */
static void twice(void)
{
	char *page = map(PAGE, 0);

	mlock(page, 100);
	mlock(page + 200, 100);
	munlock(page, 100);
	printf("one %d", is_locked(page));
	munlock(page + 200, 100);
	printf(" both %d", is_locked(page));
	mlock(page, 100);
	munlockall();
	printf(" all %d\n", is_locked(page));
}

/* What bad arguments answer: the same as bare. */
static void bad(void)
{
	char *page = map(3 * PAGE, 0);

	munmap(page + PAGE, PAGE);
	print_error("mlock hole", mlock(page, 3 * PAGE));
	print_error("mlock overflow", mlock(page, SIZE_MAX - PAGE));
	print_error("mlock nothing", mlock(page, 0));
	print_error("mlock2 flags", mlock2(page, PAGE, 0x40));
	print_error("munlock hole", munlock(page, 3 * PAGE));
	print_error("munlock unmapped", munlock(page + PAGE, PAGE));
	print_error("munlock overflow", munlock(page, SIZE_MAX - PAGE));
	print_error("munlock nothing", munlock(page, 0));
	print_error("mlockall flags", mlockall(0x80));
	print_error("mlockall none", mlockall(0));
	errno = 77;
	mlock(page, PAGE);
	munlock(page, PAGE);
	printf("errno %d\n", errno);
}

/* So many KiB of its own, locked in each way, one after the other. */
static void own(size_t size)
{
	char *a = map(size, 0), *b;

	print_error("mlock", mlock(a, size));
	munlock(a, size);
	munmap(a, size);
	b = map(size, MAP_LOCKED);
	printf("MAP_LOCKED %d\n", b != NULL);
	if (b)
		munmap(b, size);
	a = map(size, 0);
	print_error("mlock2", mlock2(a, size, MLOCK_ONFAULT));
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "twice") == 0)
		twice();
	else if (strcmp(how, "bad") == 0)
		bad();
	else if (strcmp(how, "own") == 0)
		own(strtoul(argv[2], NULL, 0) * 1024);
	else if (strcmp(how, "all") == 0)
		print_error("mlockall", mlockall(MCL_CURRENT));
	else if (strcmp(how, "future") == 0) {
		print_error("mlockall", mlockall(MCL_CURRENT | MCL_FUTURE));
		printf("map %d\n", map(strtoul(argv[2], NULL, 0) * 1024, 0) != NULL);
	}
	return 0;
}
