/* SPDX-License-Identifier: MIT */
/* Takes large blocks from each function of the malloc family and gives them to each, in every subset of
 * them that others define before the library (own.c): subsets FOLDER LIBRARY. */
#define _GNU_SOURCE
#include <malloc.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/wait.h>

#include "victim.h"

#define SIZE ((size_t)512 << 10)

static const char *const names[] = {"malloc", "calloc", "realloc", "reallocarray", "free",
				    "malloc_usable_size", "aligned"};
#define NAMES (sizeof names / sizeof *names)

static void use(char *block)
{
	if (block == NULL || malloc_usable_size(block) < SIZE)
		_exit(2);
	memset(block, 1, SIZE);
}

static void take(char *blocks[8])
{
	blocks[0] = malloc(SIZE);
	blocks[1] = calloc(1, SIZE);
	blocks[2] = realloc(NULL, SIZE);
	blocks[3] = reallocarray(NULL, 2, SIZE / 2);
	if (posix_memalign((void **)&blocks[4], 4096, SIZE))
		_exit(3);
	blocks[5] = aligned_alloc(64, SIZE);
	blocks[6] = memalign(64, SIZE);
	blocks[7] = valloc(SIZE);
}

static int blocks_survive(void)
{
	char *blocks[8], *line = NULL;
	size_t length = 0;

	for (int way = 0; way < 4; way++) {
		take(blocks);
		for (int i = 0; i < 8; i++) {
			use(blocks[i]);
			if (way == 1)
				blocks[i] = realloc(blocks[i], 2 * SIZE);
			else if (way == 2)
				blocks[i] = reallocarray(blocks[i], 2, SIZE);
			else if (way == 3)
				blocks[i] = realloc(blocks[i], 100);
			free(blocks[i]);
		}
	}
	if (getline(&line, &length, stdin) > 0) /* libc's own blocks */
		_exit(4);
	free(line);
	return 0;
}

static int run(const char *folder, const char *library, unsigned subset, char *self)
{
	char list[4096] = "LD_PRELOAD=";
	char *arguments[] = {self, NULL}, *environment[] = {list, NULL};
	int status = -1;
	pid_t child;

	for (unsigned i = 0; i < NAMES; i++)
		if (subset & 1u << i)
			snprintf(list + strlen(list), sizeof list - strlen(list), "%s/own_%s:", folder,
				 names[i]);
	strcat(list, library);
	if (posix_spawn(&child, self, NULL, NULL, arguments, environment) != 0)
		return -1;
	waitpid(child, &status, 0);
	return status;
}

int main(int argc, char **argv)
{
	unsigned failed = 0;

	if (argc < 3)
		return blocks_survive();
#ifndef __GLIBC__
	printf("this libc has no __libc_malloc\n");
	return 77;
#endif
	for (unsigned subset = 0; subset < 1u << NAMES; subset++) {
		int status = run(argv[1], argv[2], subset, argv[0]);

		if (status == 0)
			continue;
		failed++;
		printf("status %#x:", (unsigned)status);
		for (unsigned i = 0; i < NAMES; i++)
			if (subset & 1u << i)
				printf(" %s", names[i]);
		putchar('\n');
	}
	printf("failed %u of %u\n", failed, 1u << NAMES);
	return 0;
}
