/* SPDX-License-Identifier: MIT */
/* Large blocks: faults and contents; the first argument says what. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>

#include "victim.h"

static void touch(char *at, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		at[i] = 1;
}

/* Faults of blocks from 128 KiB to 16 MiB, each touched and freed. */
static void steady(void)
{
	long before = faults();

	for (int round = 0; round < 3; round++)
		for (size_t size = 128 << 10; size <= 16 << 20; size *= 2) {
			char *block = malloc(size);

			touch(block, size);
			free(block);
		}
	printf("faults %ld\n", faults() - before);
}

/* So many GiB in blocks of random sizes: what stays resident is at most what is retained. */
static void churn(unsigned gib)
{
	char *blocks[6] = {NULL};
	uint64_t sum = 0;

	srand(1);
	for (unsigned i = 0; sum < (uint64_t)gib << 30; i++) {
		size_t size = (128u << 10) + (size_t)rand() % (12u << 20);

		free(blocks[i % 6]);
		blocks[i % 6] = malloc(size);
		blocks[i % 6][size / 2] = 1;
		sum += size;
	}
	for (int i = 0; i < 6; i++)
		free(blocks[i]);
	printf("retained %d\n", status_kib("VmRSS") < (64 + 16) * 1024);
}

/* So many MiB in small blocks, and a few large ones before that were freed. */
static void fill(size_t mib)
{
	size_t got = 0;
	void **last = NULL;

	for (int i = 0; i < 4; i++)
		free(malloc(8 << 20));
	for (size_t i = 0; i < mib << 10; i++) {
		void **block = malloc(1000);

		if (block == NULL)
			break;
		*block = last;
		last = block;
		got++;
	}
	printf("all %d\n", got == mib << 10);
}

/* From 1 to 256 MiB by doubling. */
static void doubling(void)
{
	size_t size = 1 << 20;
	char *block = malloc(size), *other;

	memset(block, 3, size);
	for (; size < 256 << 20; size *= 2) {
		other = malloc(1 << 20); /* in the way */
		block = realloc(block, 2 * size);
		if (block == NULL || block[0] != 3 || block[size - 1] != 3)
			exit(1);
		memset(block + size, 3, size);
		free(other);
	}
	printf("doubled\n");
}

/* Mappings of other threads come and go while blocks move: none may land where a block was or will be. */
static uintptr_t lowest = UINTPTR_MAX, highest;
static int moving = 1;
static unsigned long landed;

static void *map_meanwhile(void *unused)
{
	unsigned long inside = 0;
	unsigned seed = (unsigned)(uintptr_t)&unused;

	while (__atomic_load_n(&moving, __ATOMIC_RELAXED)) {
		size_t size = (1 + (size_t)rand_r(&seed) % 300) * PAGE;
		char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED)
			exit(1);
		at[0] = 5;
		inside += (uintptr_t)at >= __atomic_load_n(&lowest, __ATOMIC_RELAXED) &&
			  (uintptr_t)at < __atomic_load_n(&highest, __ATOMIC_RELAXED);
		if (at[0] != 5 || munmap(at, size) != 0)
			exit(1);
	}
	__atomic_add_fetch(&landed, inside, __ATOMIC_RELAXED);
	return NULL;
}

static void see(const char *block, size_t size)
{
	if ((uintptr_t)block < lowest)
		__atomic_store_n(&lowest, (uintptr_t)block, __ATOMIC_RELAXED);
	if ((uintptr_t)block + size > highest)
		__atomic_store_n(&highest, (uintptr_t)block + size, __ATOMIC_RELAXED);
}

static void moves(unsigned rounds)
{
	const size_t size = 1 << 20, grown = 3 << 19;
	pthread_t threads[3];
	long before = status_kib("VmLck");
	unsigned moved = 0;

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, map_meanwhile, NULL);
	for (unsigned i = 0; i < rounds; i++) {
		char *block = malloc(size), *behind = malloc(size), *to;

		memset(block, (int)i, size);
		see(block, size);
		see(behind, size);
		to = realloc(block, grown);
		see(to, grown);
		moved += (uintptr_t)to != (uintptr_t)block;
		for (size_t at = 0; at < size; at += 512)
			if (to[at] != (char)i)
				exit(1);
		to[grown - 1] = 1;
		free(behind);
		free(to);
	}
	__atomic_store_n(&moving, 0, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	/* what a move leaves behind stays on no account */
	printf("moved %s, locked %s, landed %lu\n", moved * 2 > rounds ? "most" : "few",
	       status_kib("VmLck") < before + (256 << 10) ? "as before" : "more", landed);
}

/* Of memory that is out, for small blocks too: a block can still become smaller. */
static void shrink(int what)
{
	const struct rlimit limit = {256ul << 20, 256ul << 20};
	char *block, *volatile smaller;

	setrlimit(what, &limit);
	block = malloc(1 << 20);
	memset(block, 7, 1 << 20);
	for (size_t size = 16 << 20; size >= 16; size /= 4)
		while (malloc(size))
			;
	errno = 0;
	smaller = realloc(block, 100 << 10);
	if (write(STDOUT_FILENO, smaller && errno == 0 && smaller[(100 << 10) - 1] == 7 ? "kept\n" : "lost\n", 5) < 0)
		exit(1);
}

/* A block that is refused to the arena, and not touched. */
static void refused(void)
{
	long before = status_kib("VmRSS");
	char *volatile block = malloc((size_t)1 << 30);

	printf("had %d, resident %s\n", block != NULL, status_kib("VmRSS") - before < 1024 ? "little" : "much");
}

static long reads(void)
{
	FILE *file = fopen("/proc/self/io", "r");
	char line[64];
	long count = -1;

	while (file && fgets(line, sizeof line, file))
		sscanf(line, "syscr: %ld", &count);
	if (file)
		fclose(file);
	return count;
}

/* What can't be had: each is refused, and nobody reads /proc for each. */
static void impossible(void)
{
	static const size_t sizes[] = {SIZE_MAX - 4096, (size_t)PTRDIFF_MAX + 1,
				       sizeof(size_t) > 4 ? PTRDIFF_MAX : SIZE_MAX / 4 * 3,
				       sizeof(size_t) > 4 ? SIZE_MAX >> 15 : SIZE_MAX - 65536};
	int refused = 0;
	long before = reads();
	void *volatile block;

	for (int i = 0; i < 4; i++)
		for (int round = 0; round < 1000; round++) {
			char *volatile old = malloc(100 << (round % 2 * 12));

			errno = 0;
			block = malloc(sizes[i]);
			refused += block == NULL && errno == ENOMEM;
			errno = 0;
			block = calloc(1, sizes[i]);
			refused += block == NULL && errno == ENOMEM;
			errno = 0;
			block = realloc(old, sizes[i]);
			refused += block == NULL && errno == ENOMEM;
			errno = 0;
			block = memalign(64, sizes[i]);
			refused += block == NULL && errno == ENOMEM;
			free(old);
		}
	printf("refused %d, reads %s\n", refused, reads() - before < 1000 ? "few" : "many");
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "steady") == 0)
		steady();
	else if (strcmp(how, "churn") == 0)
		churn(argc > 2 ? (unsigned)atoi(argv[2]) : 2);
	else if (strcmp(how, "fill") == 0)
		fill(argc > 2 ? (size_t)atoi(argv[2]) : 0);
	else if (strcmp(how, "doubling") == 0)
		doubling();
	else if (strcmp(how, "moves") == 0)
		moves(argc > 2 ? (unsigned)atoi(argv[2]) : 1000);
	else if (strcmp(how, "locked") == 0)
		printf("locked %d\n", is_locked(malloc(1 << 20)));
	else if (strcmp(how, "shrink") == 0)
		shrink(argc > 2 ? RLIMIT_DATA : RLIMIT_AS);
	else if (strcmp(how, "refused") == 0)
		refused();
	else if (strcmp(how, "impossible") == 0)
		impossible();
	else if (strcmp(how, "twice") == 0) {
		char *volatile block = malloc(1 << 20);

		free(block);
		free(block);
	}
	return 0;
}
