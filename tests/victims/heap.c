/* SPDX-License-Identifier: MIT */
/* Calls the whole malloc family with small and large sizes and checks what it promises. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>

#include "victim.h"

#ifndef __GLIBC__ /* musl has neither */
#define pvalloc valloc
#define malloc_trim(pad) (void)(pad)
#endif

static const size_t sizes[] = {0, 1, 64, 4096, 131071, 131072, 131073, 1 << 20, 5 << 20, 40 << 20};
#define SIZES (sizeof(sizes) / sizeof(*sizes))

static void expect(int condition, const char *what, size_t size)
{
	if (!condition) {
		printf("wrong: %s of %zu\n", what, size);
		exit(1);
	}
}

static int all(const char *at, size_t size, int byte)
{
	for (size_t i = 0; i < size; i += size > 4096 ? 509 : 1)
		if (at[i] != byte)
			return 0;
	return 1;
}

static void blocks(size_t size)
{
	char *a = malloc(size), *b;

	expect(a != NULL && malloc_usable_size(a) >= size, "malloc", size);
	memset(a, 7, size);
	free(a);
	a = calloc(1, size);
	expect(a != NULL && all(a, size, 0), "calloc", size);
	memset(a, 5, size);
	for (size_t i = 0; i < SIZES; i++) {
		size_t kept = sizes[i] < size ? sizes[i] : size;

		b = realloc(malloc(size), sizes[i]);
		free(b);
		b = malloc(size);
		memset(b, 9, size);
		b = reallocarray(b, sizes[i] ? 1 : 0, sizes[i]);
		expect(sizes[i] == 0 || (b && all(b, kept, 9)), "realloc", size);
		free(b);
	}
	expect(all(a, size, 5), "a neighbour", size);
	free(a);
}

static void aligned(size_t size, int whole)
{
	for (size_t align = 16; align <= 4 << 20; align *= 4) {
		void *a = NULL, *b = aligned_alloc(align, size), *c = memalign(align, size);

		expect(posix_memalign(&a, align, size) == 0, "posix_memalign", size);
		expect((uintptr_t)a % align == 0 && (uintptr_t)b % align == 0 &&
		       (uintptr_t)c % align == 0, "alignment", size);
		memset(a, 1, size);
		free(a);
		free(b);
		free(c);
	}
	free(valloc(size));
	if (whole)
		free(pvalloc(size));
}

static void errors(void)
{
	void *ignored = NULL;
	volatile size_t most = SIZE_MAX;

	errno = 0;
	expect(malloc(most - 100) == NULL && errno == ENOMEM, "malloc", most);
	errno = 0;
	expect(calloc(most / 2, 3) == NULL && errno == ENOMEM, "calloc", most);
	errno = 0;
	expect(reallocarray(NULL, most / 2, 3) == NULL && errno == ENOMEM, "reallocarray", most);
	expect(posix_memalign(&ignored, 3, 1 << 20) == EINVAL, "posix_memalign", 3);
	errno = 77;
	free(malloc(1 << 20));
	expect(errno == 77, "errno", 1 << 20);
}

/* With "plain" without the errors: mimalloc and tcmalloc have their own idea of errno. With "part"
 * without pvalloc too: jemalloc has none. */
int main(int argc, char **argv)
{
	(void)argv;
	for (size_t i = 0; i < SIZES; i++) {
		blocks(sizes[i]);
		aligned(sizes[i], argc < 2 || strcmp(argv[1], "plain") == 0);
	}
	if (argc < 2)
		errors();
	malloc_trim(0);
	puts("heap ok");
	return 0;
}
