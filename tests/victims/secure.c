/* SPDX-License-Identifier: MIT */
/* Tells whether it runs with more rights than its user, and what of the library is at work in it. */
#include <sys/auxv.h>

#include "victim.h"

/* Whether the counters page is there, which says that the library is. */
static int is_under(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4400];
	int found = 0;

	while (maps && fgets(line, sizeof(line), maps))
		found |= strstr(line, "/memfd:ramlock") != NULL;
	if (maps)
		fclose(maps);
	return found;
}

/* With an argument it then waits for its input to end. */
int main(int argc, char **argv)
{
	char byte;

	(void)argv;
	printf("secure %d library %d locked %d\n", getauxval(AT_SECURE) != 0, is_under(),
	       status_kib("VmLck") > 0);
	fflush(stdout);
	return argc > 1 && read(0, &byte, 1) < 0;
}
