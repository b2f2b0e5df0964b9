/* SPDX-License-Identifier: MIT */
/* Starts children in each way and tells whether they are locked. */
#define _GNU_SOURCE
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>

#include "victim.h"

extern char **environ;

static void wait_for(pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	if (!WIFEXITED(status))
		printf("died of %d\n", WTERMSIG(status));
}

static void child(const char *name)
{
	printf("%s %d\n", name, status_kib("VmLck") > 0);
	fflush(stdout);
	_exit(0);
}

/* Three calls by the parent that the policy holds back, one by the child. */
static void counts(void)
{
	char page[16] = "";
	pid_t pid;

	for (int i = 0; i < 3; i++)
		munlock(page, 1);
	pid = fork();
	if (pid == 0)
		_exit(munlock(page, 1));
	wait_for(pid);
	exit(0);
}

static int end_at_once(void *status)
{
	_exit(*(int *)status);
}

/* As a browser's sandbox does: a child in our memory whose thread-local storage is a few zeros. */
static void without_tls(void)
{
	static char stack[65536], tls[65536];
	int flags = CLONE_VM | CLONE_VFORK | SIGCHLD, status = 7, result = -1;
	pid_t pid;

#ifndef __i386__ /* where it takes a descriptor */
	flags |= CLONE_SETTLS;
#endif
	pid = clone(end_at_once, stack + sizeof(stack), flags, &status, NULL, tls + sizeof(tls) / 2);
	waitpid(pid, &result, 0);
	printf("ended %d\n", WIFEXITED(result) ? WEXITSTATUS(result) : -WTERMSIG(result));
	exit(0);
}

int main(int argc, char **argv)
{
	char *const ended[] = {argv[0], (char *)"ended", NULL};
	char *const spawned[] = {argv[0], (char *)"spawned", NULL};
	char *block = malloc(1 << 20);
	pid_t pid;

	if (argc > 1 && strcmp(argv[1], "spawned") == 0)
		child("spawned");
	if (argc > 1 && strcmp(argv[1], "ended") == 0)
		return 0;
	if (argc > 1 && strcmp(argv[1], "counts") == 0)
		counts();
	if (argc > 1 && strcmp(argv[1], "tls") == 0)
		without_tls();
	setvbuf(stdout, NULL, _IOLBF, 0);
	memset(block, 1, 1 << 20);
	pid = fork();
	if (pid == 0) {
		free(block); /* the arena works in the child */
		block = calloc(3, 1 << 20);
		if (block == NULL || block[5])
			_exit(1);
		child("forked");
	}
	wait_for(pid);
	pid = fork();
	if (pid == 0) { /* a daemon */
		setsid();
		pid = fork();
		if (pid == 0)
			child("daemon");
		wait_for(pid);
		_exit(0);
	}
	wait_for(pid);
	pid = vfork();
	if (pid == 0) {
		execv(argv[0], ended);
		_exit(1);
	}
	wait_for(pid);
	if (posix_spawn(&pid, argv[0], NULL, NULL, spawned, environ) == 0)
		wait_for(pid);
	printf("parent %d\n", block[5] == 1 && status_kib("VmLck") > 0);
	return 0;
}
