/* SPDX-License-Identifier: MIT */
/* What the benchmarks share: clocks, faults, and what /proc says. */
#ifndef RAMLOCK_FIGURES_H
#define RAMLOCK_FIGURES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static inline double clock_ns(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Of this process, minor and major. */
static inline long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

/* A "Name:  123 kB" of a file of /proc/self, in KiB; 0 if it is not there. */
static inline long proc_kib(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	char line[256];
	long kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtol(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return kib;
}

#endif
