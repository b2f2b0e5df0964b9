/* SPDX-License-Identifier: MIT */
/* Threads that allocate, check and free blocks of all sizes, while the process forks. */
#include <pthread.h>
#include <sys/wait.h>

#include "victim.h"

#define THREADS 8
#define ROUNDS 3000

static void *work(void *number)
{
	unsigned dice = (unsigned)(uintptr_t)number + 1;
	unsigned char *blocks[16] = {NULL};
	size_t sizes[16] = {0};

	for (int i = 0; i < ROUNDS; i++) {
		unsigned k;

		dice = dice * 1103515245 + 12345;
		k = dice >> 16 & 15;
		if (blocks[k] && (blocks[k][0] != k || blocks[k][sizes[k] - 1] != k))
			return (void *)1;
		free(blocks[k]);
		sizes[k] = 1 + (dice >> 8 & (dice & 1 ? 0xff : 0x7ffff));
		blocks[k] = malloc(sizes[k]);
		blocks[k][0] = blocks[k][sizes[k] - 1] = (unsigned char)k;
	}
	for (int k = 0; k < 16; k++)
		free(blocks[k]);
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	void *wrong = NULL, *result;
	int status;

	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();

		if (child == 0) {
			work((void *)100);
			_exit(0);
		}
		waitpid(child, &status, 0);
		if (status)
			wrong = (void *)1;
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		wrong = result ? result : wrong;
	}
	printf("threads %s\n", wrong ? "wrong" : "ok");
	return 0;
}
