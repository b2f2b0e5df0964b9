/* SPDX-License-Identifier: MIT */
/* `many COUNT` has so many mappings of a page: whether the main stack's reserve is resident beside them, what
 * mlockall answers, and how many of them are locked then. */
#define _GNU_SOURCE
#include <errno.h>

#include "victim.h"

#define RESERVE ((size_t)200 << 10) /* of the 256 KiB, some of which is above main */

static char *first, *last;

static void maps_make(int count)
{
	for (int i = 0; i < count; i++) {
		char *at = mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED)
			exit(1);
		first = first && first < at ? first : at;
		last = last > at ? last : at;
	}
}

/* Of the maps between the first and the last. */
static int maps_locked(void)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	char line[4400];
	int inside = 0, locked = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start >= (uintptr_t)first && start <= (uintptr_t)last;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			locked += strstr(line, " lo") != NULL;
	}
	if (file)
		fclose(file);
	return locked;
}

int main(int argc, char **argv)
{
	const int count = argc > 1 ? atoi(argv[1]) : 1300;
	int error;

	maps_make(count);
	printf("reserve %d\n", is_resident((char *)__builtin_frame_address(0) - RESERVE));
	error = mlockall(MCL_CURRENT) ? errno : 0;
	printf("mlockall %d all %d\n", error, error || maps_locked() >= count);
	return 0;
}
