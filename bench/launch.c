/* SPDX-License-Identifier: MIT */
/* What preloading costs a program's start: `launch COUNT PROGRAM NAME=PRELOAD...` starts PROGRAM
 * COUNT times with each as its LD_PRELOAD, in turn, its input empty. Prints "NAME,median us,least
 * us,CPU us" of each; CPU time, to which other programs add little, is a median too. */
#include "config.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "figures.h"

#define WAYS   16
#define STARTS 5000

struct way {
	const char *name, *preload;
	double wall[STARTS], cpu[STARTS];
};

static double now(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1e3;
}

static double micros(struct timeval t)
{
	return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

static void way_start(struct way *way, int round, char *program)
{
	char variable[4096], *const arguments[] = {program, NULL};
	char *const environment[] = {variable, NULL};
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	double begin;
	int status = 1;
	pid_t pid;

	snprintf(variable, sizeof(variable), *way->preload ? "LD_PRELOAD=%s" : "NONE=%s", way->preload);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	begin = now();
	if (posix_spawn(&pid, program, &actions, NULL, arguments, environment) != 0 ||
	    wait4(pid, &status, 0, &usage) != pid || status != 0)
		exit(1);
	way->wall[round] = now() - begin;
	way->cpu[round] = micros(usage.ru_utime) + micros(usage.ru_stime);
	posix_spawn_file_actions_destroy(&actions);
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static struct way ways[WAYS];
	const int count = argc > 1 ? atoi(argv[1]) : 0, total = argc - 3;

	if (count < 1 || count > STARTS || total < 1 || total > WAYS)
		return 2;
	for (int i = 0; i < total; i++) {
		ways[i].name = strtok(argv[i + 3], "=");
		ways[i].preload = strtok(NULL, "=");
		if (!ways[i].preload)
			ways[i].preload = "";
	}
	for (int round = 0; round < count; round++)
		for (int i = 0; i < total; i++)
			way_start(&ways[i], round, argv[2]);
	for (struct way *way = ways; way < ways + total; way++) {
		qsort(way->wall, (size_t)count, sizeof(double), compare);
		qsort(way->cpu, (size_t)count, sizeof(double), compare);
		printf("%s,%.1f,%.1f,%.1f\n", way->name, way->wall[count / 2], way->wall[0], way->cpu[count / 2]);
	}
	return 0;
}
