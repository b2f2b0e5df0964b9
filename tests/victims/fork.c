/* SPDX-License-Identifier: MIT */
/* Starts children in each way and tells whether they are locked. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
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

/* libc's own, as a program has it that makes the system call by itself: nobody sees it. */
static long hidden_clone(void)
{
	union {
		void *symbol;
		long (*function)(long, ...);
	} next = {dlsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), "syscall")};

	return next.symbol ? next.function(SYS_clone, SIGCHLD, 0, 0, 0, 0) : -1;
}

/* What a copy does first, but for one that nobody has seen: that is locked by its first large block. */
static int copy_begin(void *name)
{
	int now = status_kib("VmLck") > 0;
	char *block = malloc(1 << 20);

	memset(block, 1, 1 << 20);
	printf("%s %d %d\n", (const char *)name, now, is_locked(block));
	fflush(stdout);
	_exit(0);
}

/* Copies that no handler of pthread_atfork is told of. */
static void raw(void)
{
	static char stack[256 << 10];
	union {
		void *symbol;
		pid_t (*function)(void);
	} fork_alone = {dlsym(RTLD_DEFAULT, "_Fork")};
	pid_t pid = fork_alone.symbol ? fork_alone.function() : fork();

	if (pid == 0)
		copy_begin("_Fork");
	wait_for(pid);
	wait_for(clone(copy_begin, stack + sizeof(stack), SIGCHLD, "clone"));
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		copy_begin("syscall");
	wait_for(pid);
	pid = (pid_t)hidden_clone();
	if (pid == 0)
		copy_begin("hidden");
	wait_for(pid);
	exit(0);
}

/* As counts, by a child that nobody has seen. */
static void hidden_counts(void)
{
	char page[16] = "";
	pid_t pid;

	for (int i = 0; i < 3; i++)
		munlock(page, 1);
	pid = (pid_t)hidden_clone();
	if (pid == 0)
		_exit(munlock(page, 1));
	wait_for(pid);
	exit(0);
}

/* What libc does there as long as it succeeds. */
static int end_at_once(void *status)
{
	char *map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	map[0] = 1;
	mprotect(map, PAGE, PROT_READ);
	map = mremap(map, 1 << 20, 2 << 20, MREMAP_MAYMOVE);
	madvise(map, PAGE, MADV_NORMAL);
	mlock(map, PAGE);
	munlock(map, PAGE);
	mlock(NULL, PAGE); /* which fails */
	munmap(map, 2 << 20);
	free(malloc(1 << 20));
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
	if (argc > 1 && strcmp(argv[1], "raw") == 0)
		raw();
	if (argc > 1 && strcmp(argv[1], "hidden") == 0)
		hidden_counts();
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
