/* SPDX-License-Identifier: MIT */
/* What preloading costs /bin/true: `start COUNT LIBRARY...` starts it COUNT times under each in
 * turn and prints the median microseconds of each. "" is no library. */
#include "config.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define LIBRARIES 8
#define STARTS 5000

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

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static double times[LIBRARIES][STARTS];
	int count = argc > 1 ? atoi(argv[1]) : 0;

	if (count < 1 || count > STARTS || argc - 2 > LIBRARIES)
		return 2;
	for (int i = 0; i < count; i++)
		for (int library = 2; library < argc; library++)
			times[library - 2][i] = start(argv[library]);
	for (int library = 0; library < argc - 2; library++) {
		qsort(times[library], (size_t)count, sizeof(double), compare);
		printf("%s%.1f", library ? "," : "", times[library][count / 2]);
	}
	puts("");
	return 0;
}
