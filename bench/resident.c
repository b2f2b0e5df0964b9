/* SPDX-License-Identifier: MIT */
/* What it takes to make 1 GiB resident: `resident LIBRARY` does it each way once, in turn, and prints
 * "way,ms,MiB in huge pages" of each. CPU time, to which other programs don't add; that of the
 * library less what it takes to start without a reserve. */
#include "config.h"

#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "figures.h"

#define SIZE ((size_t)1 << 30)
#define HUGE ((size_t)2 << 20)
#define PAGE ((size_t)4096)
#ifndef MADV_POPULATE_WRITE /* 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

enum way { TOUCH, FUTURE, POPULATE, POPULATE_HUGE, OURS, OURS_HUGE, OURS_EMPTY, WAYS };
static const char *const names[OURS_EMPTY] = {
	[TOUCH] = "a touch of each page",
	[FUTURE] = "mmap after mlockall(MCL_FUTURE)",
	[POPULATE] = "MADV_POPULATE_WRITE",
	[POPULATE_HUGE] = "MADV_POPULATE_WRITE on MADV_HUGEPAGE",
	[OURS] = "LARGE_RESERVE=1G",
	[OURS_HUGE] = "LARGE_RESERVE=1G HUGE=thp",
};

struct result {
	double time;
	long huge; /* KiB */
};

/* Of this process since it began. */
static double now(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e6;
}

static void populate(char *at)
{
	for (size_t i = 0; i < SIZE; i += HUGE)
		if (madvise(at + i, HUGE, MADV_POPULATE_WRITE) != 0)
			exit(1);
}

static void make_resident(enum way way)
{
	char *at;

	if (way == FUTURE && mlockall(MCL_FUTURE) != 0)
		exit(1);
	at = mmap(NULL, SIZE + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		exit(1);
	at += -(uintptr_t)at & (HUGE - 1);
	if (way == TOUCH) {
		madvise(at, SIZE, MADV_NOHUGEPAGE);
		for (size_t i = 0; i < SIZE; i += PAGE)
			((volatile char *)at)[i] = 1;
	} else if (way != FUTURE) {
		if (way == POPULATE_HUGE)
			madvise(at, SIZE, MADV_HUGEPAGE);
		populate(at);
	}
}

/* In the process that was started: its memory is there when main begins, or is made now. */
static int run(enum way way)
{
	struct result result;
	double begin = 0;

	if (way < OURS) {
		begin = now();
		make_resident(way);
	}
	result.time = now() - begin;
	result.huge = proc_kib("/proc/self/smaps_rollup", "AnonHugePages:");
	return write(1, &result, sizeof(result)) == sizeof(result) ? 0 : 1;
}

static struct result start(enum way way, const char *library)
{
	char number[2] = {(char)('0' + way), '\0'}, preload[4096];
	char *arguments[] = {(char *)"resident", (char *)"-", number, NULL};
	char *environment[] = {preload, (char *)(way == OURS_EMPTY ? "RAMLOCK_LARGE_RESERVE=0" : "RAMLOCK_LARGE_RESERVE=1G"),
			       (char *)(way == OURS_HUGE ? "RAMLOCK_HUGE=thp" : "RAMLOCK_HUGE=off"), NULL};
	posix_spawn_file_actions_t actions;
	struct result result;
	pid_t pid;
	int ends[2];

	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", way < OURS ? "" : library);
	if (pipe(ends) != 0)
		exit(1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	if (posix_spawn(&pid, "/proc/self/exe", &actions, NULL, arguments, environment) != 0)
		exit(1);
	close(ends[1]);
	if (read(ends[0], &result, sizeof(result)) != sizeof(result))
		exit(1);
	waitpid(pid, NULL, 0);
	close(ends[0]);
	return result;
}

int main(int argc, char **argv)
{
	struct result results[WAYS];

	if (argc == 3)
		return run((enum way)(argv[2][0] - '0'));
	if (argc != 2)
		return 2;
	start(POPULATE_HUGE, argv[1]); /* whoever asks first for huge pages may have to wait for compaction */
	for (int way = 0; way < WAYS; way++)
		results[way] = start((enum way)way, argv[1]);
	for (int way = OURS; way < OURS_EMPTY; way++)
		results[way].time -= results[OURS_EMPTY].time;
	for (int way = 0; way < OURS_EMPTY; way++)
		printf("%s,%.1f,%ld\n", names[way], results[way].time, results[way].huge >> 10);
	return 0;
}
