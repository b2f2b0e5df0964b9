/* SPDX-License-Identifier: MIT */
/* Says of each function of the malloc family whether a large block comes from the arena, or goes
 * back to it: a block of libc's is never a whole page long, nor does it begin at one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>

#include "victim.h"

#ifndef __GLIBC__ /* musl has neither, but the library has */
static void *pvalloc(size_t size)
{
	void *(*const function)(size_t) = (void *(*)(size_t))dlsym(RTLD_DEFAULT, "pvalloc");

	return function ? function(size) : NULL;
}

static void malloc_trim(size_t pad)
{
	void (*const function)(size_t) = (void (*)(size_t))dlsym(RTLD_DEFAULT, "malloc_trim");

	if (function)
		function(pad);
}
#endif

#define SIZE ((size_t)1 << 20)

static int is_arena(void *block, size_t size)
{
	return block && (uintptr_t)block % PAGE == 0 && malloc_usable_size(block) == size;
}

/* libc's reallocarray calls realloc, so that only its name tells which one there is. */
static int is_library(const char *name)
{
	Dl_info info;

	return dladdr(dlsym(RTLD_DEFAULT, name), &info) && strstr(info.dli_fname, "libramlock");
}

/* A function that takes a block back: 1, or the end of the program, if it is not ours. */
static int returns(const char *name)
{
	union {
		void *object;
		void (*function)(void *, size_t, size_t);
	} symbol = {dlsym(RTLD_DEFAULT, name)};
	void *block = malloc(SIZE);

	if (symbol.object == NULL)
		return 0;
	symbol.function(block, SIZE, SIZE);
	return malloc(SIZE) == block;
}

static int trims(void)
{
	size_t size = 48 << 20;
	char *volatile block = malloc(size);
	long before;

	memset(block, 1, size);
	free(block);
	before = status_kib("VmRSS");
	malloc_trim(0);
	return before - status_kib("VmRSS") > 32 << 10;
}

int main(void)
{
	void *block = NULL;

	printf("malloc %d\n", is_arena(malloc(SIZE), SIZE));
	printf("calloc %d\n", is_arena(calloc(4, SIZE / 4), SIZE));
	printf("realloc %d\n", is_arena(realloc(malloc(10), SIZE), SIZE));
	printf("reallocarray %d\n", is_library("reallocarray") &&
					 is_arena(reallocarray(NULL, 4, SIZE / 4), SIZE));
	printf("posix_memalign %d\n", posix_memalign(&block, 64, SIZE) == 0 && is_arena(block, SIZE));
	printf("aligned_alloc %d\n", is_arena(aligned_alloc(64, SIZE), SIZE));
	printf("memalign %d\n", is_arena(memalign(64, SIZE), SIZE));
	printf("valloc %d\n", is_arena(valloc(SIZE), SIZE));
	printf("pvalloc %d\n", is_arena(pvalloc(SIZE - 1), SIZE));
	fflush(stdout);
	printf("free %d\n", returns("free"));
	printf("cfree %d\n", returns("cfree"));
	printf("free_sized %d\n", returns("free_sized"));
	printf("free_aligned_sized %d\n", returns("free_aligned_sized"));
	printf("malloc_trim %d\n", trims());
	return 0;
}
