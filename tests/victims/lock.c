/* SPDX-License-Identifier: MIT */
/* Locks and unlocks as programs do; the first argument says how. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>

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
static void twice(char *page)
{
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

/* Where the policy covers the page or not: an own map came after start. */
static void twice_in(const char *where)
{
	twice(strcmp(where, "heap") == 0 ? malloc(1000) : map(PAGE, 0));
}

/* The same with mlock2, and with a lock that goes over several pages. */
static void stacked(void)
{
	char *page = map(3 * PAGE, 0);

	mlock2(page + PAGE, PAGE, MLOCK_ONFAULT);
	mlock(page, 3 * PAGE);
	munlock(page + PAGE, 1);
	printf("%d%d%d ", is_locked(page), is_locked(page + PAGE), is_locked(page + 2 * PAGE));
	munlock(page, 3 * PAGE);
	printf("%d%d%d\n", is_locked(page), is_locked(page + PAGE), is_locked(page + 2 * PAGE));
}

/* Locks of a map that is gone do not count for the one that took its place. */
static void again(void)
{
	char *page = map(PAGE, 0);

	mlock(page, PAGE);
	mlock(page, PAGE);
	munmap(page, PAGE);
	mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mlock(page, PAGE);
	munlock(page, PAGE);
	printf("again %d\n", is_locked(page));
}

/* What bad arguments answer: the same as bare. */
static void bad(void)
{
	char *page = map(3 * PAGE, 0);
	char *const last = (char *)(UINTPTR_MAX - PAGE + 1);

	munmap(page + PAGE, PAGE);
	print_error("mlock hole", mlock(page, 3 * PAGE));
	print_error("mlock overflow", mlock(page, SIZE_MAX - PAGE));
	print_error("mlock wrap", mlock(last, 2 * PAGE));
	print_error("mlock last", mlock(last, 1));
	print_error("mlock null", mlock(NULL, PAGE));
	print_error("mlock nothing", mlock(page, 0));
	print_error("mlock nothing in a hole", mlock(page + PAGE, 0));
	print_error("mlock most", mlock(page, SIZE_MAX));
	print_error("mlock2 flags", mlock2(page, PAGE, 0x40));
	print_error("mlock2 flags in a hole", mlock2(page + PAGE, PAGE, 0x40));
	print_error("mlock2 hole", mlock2(page, 3 * PAGE, MLOCK_ONFAULT));
	print_error("mlock2 overflow", mlock2(page, SIZE_MAX - PAGE, MLOCK_ONFAULT));
	print_error("mlock2 unaligned", mlock2(page + 5, 10, MLOCK_ONFAULT));
	print_error("munlock hole", munlock(page, 3 * PAGE));
	print_error("munlock unmapped", munlock(page + PAGE, PAGE));
	print_error("munlock overflow", munlock(page, SIZE_MAX - PAGE));
	print_error("munlock wrap", munlock(last, 2 * PAGE));
	print_error("munlock last", munlock(last, 1));
	print_error("munlock null", munlock(NULL, PAGE));
	print_error("munlock nothing", munlock(page, 0));
	print_error("munlock nothing in a hole", munlock(page + PAGE, 0));
	print_error("munlock most", munlock(page, SIZE_MAX));
	print_error("munlock unaligned", munlock(page + 5, 10));
	print_error("mlockall flags", mlockall(0x80));
	print_error("mlockall all flags", mlockall(-1));
	print_error("mlockall none", mlockall(0));
	print_error("mlockall on fault alone", mlockall(MCL_ONFAULT));
	print_error("munmap unaligned", munmap(page + 5, PAGE));
	print_error("munmap nothing", munmap(page, 0));
	print_error("mmap nothing", mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	print_error("mmap descriptor", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 0) == MAP_FAILED);
	print_error("mmap locked descriptor", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_LOCKED, 99, 0) == MAP_FAILED);
	print_error("munlockall", munlockall());
	print_error("munlockall again", munlockall());
}

/* errno after what succeeds. */
static void untouched(size_t size)
{
	char *page;

	errno = 77;
	page = map(size, 0);
	mlock(page, size);
	printf("%d", errno);
	mlock2(page, size, MLOCK_ONFAULT);
	printf(" %d", errno);
	munlock(page, size);
	printf(" %d", errno);
	munmap(map(PAGE, MAP_LOCKED), PAGE);
	printf(" %d", errno);
	munmap(page, size);
	mlockall(MCL_CURRENT);
	munlockall();
	printf(" %d\n", errno);
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
	b = mmap64(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	printf("mmap64 %d\n", b != MAP_FAILED);
	if (b != MAP_FAILED)
		munmap(b, size);
	a = map(size, 0);
	print_error("mlock2", mlock2(a, size, MLOCK_ONFAULT));
	printf("locked %d\n", is_locked(a));
}

/* All, and then maps of so many KiB, which the limit has room for or not. */
static void all(int flags, size_t size)
{
	char *at;

	print_error("mlockall", mlockall(flags));
	at = map(size, 0);
	printf("map %d locked %d\n", at != NULL, is_locked(at));
}

static void *all_in_thread(void *unused)
{
	print_error("mlockall", mlockall(MCL_CURRENT));
	return unused;
}

/* All, by a thread whose stack is the smallest that there is. */
static void all_by_small(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
	if (pthread_create(&thread, &attributes, all_in_thread, NULL) == 0)
		pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	const char *what = argc > 2 ? argv[2] : "";
	const size_t size = strtoul(what, NULL, 0) * 1024;

	if (strcmp(how, "twice") == 0)
		twice_in(what);
	else if (strcmp(how, "stacked") == 0)
		stacked();
	else if (strcmp(how, "again") == 0)
		again();
	else if (strcmp(how, "bad") == 0)
		bad();
	else if (strcmp(how, "errno") == 0)
		untouched(size);
	else if (strcmp(how, "own") == 0)
		own(size);
	else if (strcmp(how, "mapped") == 0)
		printf("map %d\n", map(size, MAP_LOCKED) != NULL);
	else if (strcmp(how, "mapped64") == 0)
		printf("map %d\n", mmap64(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) != MAP_FAILED);
	else if (strcmp(how, "onfault") == 0)
		print_error("mlock2", mlock2(map(size, 0), size, MLOCK_ONFAULT));
	else if (strcmp(how, "all") == 0)
		print_error("mlockall", mlockall(MCL_CURRENT));
	else if (strcmp(how, "size") == 0)
		printf("%ld\n", status_kib("VmSize")); /* what mlockall compares with the limit */
	else if (strcmp(how, "small") == 0)
		all_by_small();
	else if (strcmp(how, "both") == 0)
		all(MCL_CURRENT | MCL_FUTURE, size);
	else if (strcmp(how, "future") == 0)
		all(MCL_FUTURE, size);
	return 0;
}
