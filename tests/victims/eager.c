/* SPDX-License-Identifier: MIT */
/* Gets memory in a way that the first argument names, uses all of it at once, and tells the faults
 * that the use took. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>

#include "victim.h"

#define SIZE ((size_t)4 << 20)

static long used(char *at, size_t size)
{
	long before = faults();

	for (size_t i = 0; i < size; i += PAGE)
		at[i] = 1;
	at[size - 1] = 1;
	return faults() - before;
}

static long use_map(void)
{
	return used(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), SIZE);
}

/* A map that grows, and moves for it. */
static long use_grown(void)
{
	char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mmap(at + SIZE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	return used(mremap(at, SIZE, 2 * SIZE, MREMAP_MAYMOVE), 2 * SIZE);
}

/* 32 MiB in blocks of 10 to 127 KiB, which the heap grows for. */
static long use_blocks(void)
{
	long count = 0;

	for (size_t total = 0, i = 0; total < (32 << 20); i++) {
		size_t size = (10 + i * 37 % 118) * 1024;

		count += used(malloc(size), size);
		total += size;
	}
	return count;
}

static void *use_in_thread(void *count)
{
	*(long *)count = use_blocks();
	return NULL;
}

/* The same in a thread's arena. */
static long use_thread_blocks(void)
{
	pthread_t thread;
	long count = -1;

	pthread_create(&thread, NULL, use_in_thread, &count);
	pthread_join(thread, NULL);
	return count;
}

static long use_heap(void)
{
	return used(sbrk((intptr_t)SIZE), SIZE);
}

static long use_library(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	void *function = library ? dlsym(library, "plugin_use") : NULL;
	long before = faults();

	if (function == NULL)
		return -1;
	(*(void (**)(void))&function)();
	return faults() - before;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	long count = -1;

	faults();
	if (strcmp(how, "mmap") == 0)
		count = use_map();
	else if (strcmp(how, "mremap") == 0)
		count = use_grown();
	else if (strcmp(how, "malloc") == 0)
		count = used(malloc(SIZE), SIZE);
	else if (strcmp(how, "calloc") == 0)
		count = used(calloc(1, SIZE), SIZE);
	else if (strcmp(how, "blocks") == 0)
		count = use_blocks();
	else if (strcmp(how, "thread") == 0)
		count = use_thread_blocks();
	else if (strcmp(how, "sbrk") == 0)
		count = use_heap();
	else if (strcmp(how, "dlopen") == 0)
		count = use_library(argv[2]);
	printf("faults %ld\n", count);
	return 0;
}
