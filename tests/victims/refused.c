/* SPDX-License-Identifier: MIT */
/* Does a little of everything that the library has a hand in, and prints what came of it; getppid
 * marks where main begins. What is locked at the end goes to the file that TRUTH names. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/wait.h>

#include <errno.h>

#include "victim.h"

#define LARGE ((size_t)512 << 10)

static const char *check(const char *at, char value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (at[i] != value)
			return "wrong";
	return "right";
}

static void use_heap(void)
{
	char *small = malloc(1000), *volatile before = malloc(LARGE), *large = malloc(LARGE);
	char *volatile after = malloc(LARGE), *zeroed; /* between two, so that it has to move */

	memset(small, 1, 1000);
	memset(large, 2, LARGE);
	large = realloc(large, 2 * LARGE);
	zeroed = calloc(1, LARGE);
	printf("heap %s %s %s\n", check(small, 1, 1000), check(large, 2, LARGE),
	       check(zeroed, 0, LARGE));
	free(before);
	free(after);
	free(small);
	free(large);
	free(zeroed);
}

static void use_maps(void)
{
	const size_t size = 16 * PAGE;
	char *at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int made = mprotect(at, size, PROT_READ | PROT_WRITE), lock, unlock, give;

	memset(at, 3, size);
	lock = mlock(at, size);
	unlock = munlock(at, size);
	give = madvise(at, size / 2, MADV_DONTNEED);
	printf("maps %d %d %d %d %s %s\n", made, lock, unlock, give, check(at, 0, size / 2),
	       check(at + size / 2, 3, size / 2));
	/* what the kernel says of it when it is asked again, unlocked, is its own word */
	give = madvise(at, size, MADV_FREE) == 0 || errno == EINVAL ? 0 : -1;
	printf("free %d unmapped %d\n", give, munmap(at, size));
}

static void *work(void *arg)
{
	use_heap();
	return arg;
}

static void use_thread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, work, NULL);

	printf("thread %d\n", error ? error : pthread_join(thread, NULL));
	fflush(stdout);
}

static void use_fork(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		use_heap();
		fflush(stdout);
		_exit(3);
	}
	waitpid(pid, &status, 0);
	printf("child %d\n", WEXITSTATUS(status));
}

/* "pid N locked KiB unlocked KiB": the resident memory of mappings with the flag and without, less what
 * nobody locks: the kernel's own, and the main stack where the limit has no room for all of its growth. */
static void write_truth(const char *path)
{
	FILE *smaps = fopen("/proc/self/smaps", "r"), *to;
	long sums[2] = {0, 0}, rss = 0;
	char line[4400];
	int skip = 0, stack = 0;

	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (*line < 'A' || *line > 'Z') {
			skip = strstr(line, " [v") || strstr(line, "---p");
			stack = strstr(line, " [stack]") != NULL;
		} else if (strncmp(line, "Rss:", 4) == 0)
			rss = strtol(line + 4, NULL, 10);
		else if (strncmp(line, "VmFlags:", 8) == 0 && !skip && (strstr(line, " lo") || !stack))
			sums[strstr(line, " lo") == NULL] += rss;
	}
	if (smaps)
		fclose(smaps);
	to = fopen(path, "w");
	fprintf(to, "pid %d locked %ld unlocked %ld\n", getpid(), sums[0], sums[1]);
	fclose(to);
}

int main(void)
{
	const char *truth = getenv("TRUTH");

	getppid();
	use_heap();
	use_maps();
	use_thread();
	use_fork();
	fflush(stdout);
	if (truth)
		write_truth(truth);
	return 7;
}
