/* SPDX-License-Identifier: MIT */
/* What preloading costs /bin/true: `start COUNT LIBRARY...` starts it COUNT times under each in
 * turn and prints the mean microseconds of each. "" is no library. */
#include "config.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double start(const char *library)
{
	char variable[4096], *const arguments[] = {(char *)"true", NULL};
	char *const environment[] = {variable, NULL};
	double begin = now();
	int status = 1;
	pid_t pid;

	snprintf(variable, sizeof(variable), *library ? "LD_PRELOAD=%s" : "NONE=%s", library);
	if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environment) != 0)
		exit(1);
	waitpid(pid, &status, 0);
	if (status)
		exit(1);
	return now() - begin;
}

int main(int argc, char **argv)
{
	double sums[16] = {0};
	int count = argc > 1 ? atoi(argv[1]) : 0;

	if (count < 1 || argc > 16)
		return 2;
	for (int i = 0; i < count; i++)
		for (int library = 2; library < argc; library++)
			sums[library] += start(argv[library]);
	for (int library = 2; library < argc; library++)
		printf("%.1f%s", sums[library] / count, library + 1 < argc ? "," : "\n");
	return 0;
}
