/* SPDX-License-Identifier: MIT */
/* What can still be had once the program has limited its own memory while it runs: `limits as|data MIB
 * SMALL` frees a large block, sets the limit and prints whether so many MiB of small blocks, a thread, a
 * library and a command came; `limits vfork` has a vfork child set one, and prints whether our address space is as before. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>

#include "victim.h"

#define MIB   ((size_t)1 << 20)
#define SMALL 1000

static void *allocate(void *unused)
{
	char *block = malloc(SMALL);

	(void)unused;
	if (block)
		*block = 1;
	return block;
}

static int limit(const char *what, size_t mib)
{
	const struct rlimit limit = {mib * MIB, mib * MIB};

	return strcmp(what, "as") == 0 ? setrlimit(RLIMIT_AS, &limit) : prlimit(0, RLIMIT_DATA, &limit, NULL);
}

static int small_blocks(size_t bytes)
{
	for (size_t got = 0; got < bytes; got += SMALL)
		if (allocate(NULL) == NULL)
			return 0;
	return 1;
}

static int of_vfork(void)
{
	const long before = status_kib("VmSize");
	int status = -1;
	pid_t child = vfork();

	if (child == 0)
		_exit(limit("as", 256));
	waitpid(child, &status, 0);
	printf("child %d same %d\n", status, status_kib("VmSize") == before);
	return 0;
}

int main(int argc, char **argv)
{
	char word[16] = "";
	pthread_t thread;
	void *block = NULL;
	FILE *command;

	if (argc < 4)
		return of_vfork();
	free(calloc(48, MIB)); /* kept for reuse by an arena */
	printf("set %d", limit(argv[1], strtoul(argv[2], NULL, 10)));
	printf(" small %d", small_blocks(strtoul(argv[3], NULL, 10) * MIB));
	if (pthread_create(&thread, NULL, allocate, NULL) == 0)
		pthread_join(thread, &block);
	printf(" thread %d library %d", block != NULL, dlopen("libutil.so.1", RTLD_NOW) != NULL);
	fflush(stdout);
	unsetenv("LD_PRELOAD"); /* the shell may be of another libc or machine */
	command = popen("echo here", "r");
	if (command && fgets(word, sizeof(word), command))
		pclose(command);
	printf(" command %s", word);
	return 0;
}
