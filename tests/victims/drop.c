/* SPDX-License-Identifier: MIT */
/* A daemon: works as root, drops its rights, and needs memory of each kind afterwards. */
#define _GNU_SOURCE
#include <grp.h>
#include <pthread.h>

#include "victim.h"

#define SIZE ((size_t)16 << 20)

static void *work(void *block)
{
	return memset(block, 1, SIZE);
}

int main(void)
{
	pthread_t thread;
	int small = 1;
	char *block;

	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		return 1;
	printf("map %d\n", mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	block = malloc(SIZE);
	printf("large %d\n", block != NULL);
	printf("thread %d\n", pthread_create(&thread, NULL, work, block));
	for (int i = 0; i < 20000; i++)
		small &= malloc(1000) != NULL;
	printf("small %d\n", small);
	return 0;
}
