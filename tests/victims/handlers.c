/* SPDX-License-Identifier: MIT */
/* Forks while threads allocate, with fork handlers that were registered before every library and after
 * it: each allocates, resizes, frees and maps, and a lock is held over fork under which the threads do.
 *   handlers FORKS THREADS */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/wait.h>

#include "victim.h"

#define KEPT 8

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static unsigned char *kept[KEPT];
static int wrong;

static size_t kept_size(int i)
{
	return (size_t)(i % 7 + 1) * 190000;
}

/* All that large blocks and mappings go through. */
static void use_memory(void)
{
	char *block = malloc(300 << 10), *map;

	memset(block, 1, 300 << 10);
	block = realloc(block, 800 << 10);
	wrong += block[100] != 1;
	block[(800 << 10) - 1] = 2;
	block = realloc(block, 200 << 10);
	free(block);
	block = calloc(5, 100 << 10);
	wrong += block[0] || block[(300 << 10) + 5];
	memset(block, 3, 500 << 10);
	free(block);
	map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map[5] = 1;
	mprotect(map, PAGE, PROT_READ);
	map = mremap(map, 1 << 20, 2 << 20, MREMAP_MAYMOVE);
	munmap(map, 2 << 20);
}

static void prepare_first(void)
{
	use_memory();
}

static void prepare_last(void)
{
	use_memory();
	pthread_mutex_lock(&held);
	use_memory();
}

static void parent_last(void)
{
	use_memory();
	pthread_mutex_unlock(&held);
}

/* Before any constructor, and so before the handlers of any library. */
static void register_first(void)
{
	pthread_atfork(prepare_first, use_memory, use_memory);
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = register_first;

static void *allocate(void *unused)
{
	char *block = NULL;

	for (unsigned i = 0;; i++) {
		const size_t size = (size_t)(i * 37 % 20 + 1) * 70000;

		pthread_mutex_lock(&held);
		block = realloc(block, size);
		block[size - 1] = 1;
		pthread_mutex_unlock(&held); /* which the forking thread has to get */
		free(malloc(size * 2));
		free(calloc(1, size));
		usleep(20);
	}
	return unused;
}

static void keep(void)
{
	for (int i = 0; i < KEPT; i++) {
		kept[i] = malloc(kept_size(i));
		memset(kept[i], i + 1, kept_size(i));
	}
}

/* Each block is what it was, can be resized and freed, and serves again. */
static void child(void)
{
	for (int i = 0; i < KEPT; i++) {
		for (size_t at = 0; at < kept_size(i); at += 997)
			wrong += kept[i][at] != i + 1;
		kept[i] = realloc(kept[i], kept_size(i) + 500000);
		wrong += kept[i][kept_size(i) - 1] != i + 1;
	}
	use_memory();
	for (int i = 0; i < KEPT; i++)
		free(kept[i]);
	keep();
	use_memory();
	_exit(wrong != 0);
}

int main(int argc, char **argv)
{
	int forks = argc > 1 ? atoi(argv[1]) : 1, threads = argc > 2 ? atoi(argv[2]) : 0, failed = 0;
	pthread_t thread;

	pthread_atfork(prepare_last, parent_last, parent_last);
	keep();
	alarm(600);
	for (int i = 0; i < threads; i++)
		pthread_create(&thread, NULL, allocate, NULL);
	for (int i = 0; i < forks; i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			alarm(20);
			child();
		}
		failed += pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
	}
	printf("failed %d wrong %d\n", failed, wrong);
	fflush(stdout);
	_exit(0);
}
