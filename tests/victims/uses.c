/* SPDX-License-Identifier: MIT */
/* Uses known amounts: 700 KiB of main stack, 3 MiB of small blocks, five threads with 120 KiB of
 * stack each, 40 MiB of large blocks, one private file map. */
#include <alloca.h>
#include <pthread.h>

#include "victim.h"

#define MAIN_STACK (700u << 10)
#define THREAD_STACK (120u << 10)
#define HEAP (3u << 20)
#define LARGE (40u << 20)
#define THREADS 5

static pthread_barrier_t together;

__attribute__((noinline)) static void use_stack(size_t size)
{
	volatile char *low = alloca(size);

	for (size_t at = 0; at < size; at += 1024)
		low[at] = 1;
}

static void *work(void *unused)
{
	use_stack(THREAD_STACK);
	pthread_barrier_wait(&together); /* so that no thread gets another's stack */
	return unused;
}

static void use_heap(void)
{
	for (size_t used = 0; used < HEAP; used += 1024)
		memset(malloc(1008), 1, 1008);
}

static void use_large(void)
{
	for (size_t used = 0; used < LARGE; used += 4u << 20)
		memset(malloc(4u << 20), 1, 4u << 20);
}

/* A file of its own, which is gone when the program has ended. */
static int use_file(void)
{
	char page[PAGE] = "";
	int fd = open("uses-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *at;

	unlink("uses-file");
	for (int i = 0; i < 16; i++)
		if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page))
			return 0;
	at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return 0;
	close(fd);
	for (size_t i = 0; i < 16 * PAGE; i += PAGE)
		at[i] = 1;
	return 1;
}

int main(void)
{
	pthread_t threads[THREADS];

	pthread_barrier_init(&together, NULL, THREADS);
	use_stack(MAIN_STACK);
	use_heap();
	use_large();
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("file %d\n", use_file());
	return 0;
}
