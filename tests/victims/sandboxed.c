/* SPDX-License-Identifier: MIT */
/* Puts a filter on itself that lets through what it does bare, and kills for all else; then does it.
 *   sandboxed HOW WHAT   HOW: prctl syscall strict errno deny */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "victim.h"

#define ALLOW(call) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define KILL 0x80000000u /* SECCOMP_RET_KILL_PROCESS, Linux 4.14 */

static struct sock_filter code[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	ALLOW(read), ALLOW(write), ALLOW(close), ALLOW(exit_group), ALLOW(brk), ALLOW(mmap), ALLOW(munmap),
	ALLOW(mremap), ALLOW(futex), ALLOW(rt_sigreturn), ALLOW(clock_gettime), ALLOW(getrandom),
#ifdef SYS_newfstatat
	ALLOW(newfstatat),
#endif
#ifdef SYS_mmap2
	ALLOW(mmap2),
#endif
	BPF_STMT(BPF_JMP | BPF_JA, 0), /* for what one row allows besides */
	BPF_STMT(BPF_JMP | BPF_JA, 0),
	BPF_STMT(BPF_JMP | BPF_JA, 0),
	BPF_STMT(BPF_JMP | BPF_JA, 0),
	BPF_STMT(BPF_RET | BPF_K, KILL),
};

#define REFUSE(call) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), BPF_STMT(BPF_RET | BPF_K, KILL)

/* What a program that is executed does not do bare. */
static struct sock_filter deny[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	REFUSE(mlock), REFUSE(mlock2), REFUSE(mlockall), REFUSE(memfd_create), REFUSE(madvise),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

#define SPARE (sizeof(code) / sizeof(*code) - 5)

static void allow_too(int which, unsigned call)
{
	code[SPARE + 2 * which] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
	code[SPARE + 2 * which + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

static void put_on(const char *how)
{
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};
	int failed;

	if (strcmp(how, "deny") == 0)
		program = (struct sock_fprog){sizeof(deny) / sizeof(*deny), deny};
	if (strcmp(how, "errno") == 0)
		code[sizeof(code) / sizeof(*code) - 1].k = SECCOMP_RET_ERRNO | EPERM;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (strcmp(how, "strict") == 0)
		failed = prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	else if (strcmp(how, "syscall") == 0)
		failed = (int)syscall(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 0, &program);
	else
		failed = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	if (failed)
		exit(77);
}

static void say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		_exit(1);
}

static void blocks(void)
{
	for (size_t i = 1; i < 40; i++) {
		char *block = malloc(i * 200000);

		memset(block, 1, i * 200000);
		free(block);
		free(calloc(i, 100000));
	}
}

static void maps(void)
{
	char *map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(map, 1, 1 << 20);
	map = mremap(map, 1 << 20, 2 << 20, MREMAP_MAYMOVE);
	map[(2 << 20) - 1] = 1;
	munmap(map, 2 << 20);
}

static void resized(void)
{
	char *block = malloc(1 << 20);

	for (size_t i = 2; i < 20; i++) {
		memset(block, 1, (i - 1) << 20);
		block = realloc(block, i << 20);
		if (block[(i - 2) << 20] != 1)
			say("wrong\n");
	}
	block = realloc(block, 300000);
	free(block);
}

/* Locked memory is emptied by the program's madvise. */
static void emptied(void)
{
	static char page[2 * 4096] __attribute__((aligned(4096)));

	memset(page, 1, sizeof(page));
	if (madvise(page, 4096, MADV_DONTNEED) != 0)
		say("refused\n");
	say(page[0] == 0 && page[4096] == 1 ? "empty\n" : "stale\n");
}

/* A child has the filter, too. */
static void forked(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		blocks();
		maps();
		_exit(5);
	}
	waitpid(pid, &status, 0);
	say(WIFEXITED(status) && WEXITSTATUS(status) == 5 ? "child ended\n" : "child killed\n");
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	char *before = malloc(500000);

	memset(before, 1, 500000);
	if (strcmp(what, "emptied") == 0)
		allow_too(0, SYS_madvise);
	if (strcmp(what, "forked") == 0) {
		allow_too(0, SYS_clone);
		allow_too(1, SYS_wait4);
	}
	if (strcmp(what, "refused") == 0) { /* a filter that the kernel does not take */
		struct sock_fprog none = {0, NULL};

		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &none) == 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == 0)
			return 1;
		munlock(before, 500000);
		printf("locked %d\n", status_kib("VmLck") > 0);
		return 0;
	}
	if (strcmp(argc > 1 ? argv[1] : "", "strict") == 0) {
		put_on("strict");
		say("ok\n");
		syscall(SYS_exit, 0);
	}
	put_on(argc > 1 ? argv[1] : "prctl");
	free(before);
	if (strcmp(what, "blocks") == 0)
		blocks();
	else if (strcmp(what, "maps") == 0)
		maps();
	else if (strcmp(what, "resized") == 0)
		resized();
	else if (strcmp(what, "emptied") == 0)
		emptied();
	else if (strcmp(what, "forked") == 0)
		forked();
	else if (strcmp(what, "execute") == 0)
		execl("/bin/echo", "echo", "executed", NULL);
	say("ok\n");
	if (strcmp(what, "exit") == 0)
		exit(0);
	_exit(0);
}
