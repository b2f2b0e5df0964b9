/* SPDX-License-Identifier: MIT */
/* Maps three pages of a hugetlb pool, of which it makes four more, and touches one: how many the pool has
 * lost after each. */
#define _GNU_SOURCE
#include "victim.h"

#define POOL  "/proc/sys/vm/nr_hugepages"
#define PAGES 3

static long number_in(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	char line[256];
	long number = -1;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			number = strtol(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return number;
}

static int pool_set(long pages)
{
	FILE *file = fopen(POOL, "w");

	return file && fprintf(file, "%ld\n", pages) > 0 && fclose(file) == 0;
}

static void skip(const char *why)
{
	printf("%s\n", why);
	exit(77);
}

static long left(void)
{
	return number_in("/proc/meminfo", "HugePages_Free:");
}

int main(void)
{
	const size_t size = (size_t)number_in("/proc/meminfo", "Hugepagesize:") << 10;
	const long pool = number_in(POOL, "");
	long before, mapped;
	char *at;

	if (pool < 0 || !pool_set(pool + PAGES + 1))
		skip("the hugetlb pool can't be set here");
	before = left();
	at = before > PAGES ? mmap(NULL, PAGES * size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0)
			    : MAP_FAILED;
	if (at == MAP_FAILED) {
		pool_set(pool);
		skip("no pages for the hugetlb pool");
	}
	mapped = left();
	*at = 1;
	printf("mapped %ld touched %ld\n", before - mapped, before - left());
	munmap(at, PAGES * size);
	pool_set(pool);
	return 0;
}
