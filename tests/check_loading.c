/* SPDX-License-Identifier: MIT */
/* Unit tests of how far a loader has come: over trees of files, and at every system call of a
 * program's start. */
#include "config.h"

#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/loading.h"
#include "cli_suites.h"
#include "scratch.h"

#define BASE     0x7f0000000000ul
#define NO_BASE  1ul /* the kernel has not written the vector */
#define PROGRAM  "55550000-55551000 r-xp 00000000 08:01 1 /bin/program\n"
#define LOADER   "7f0000000000-7f0000001000 r--p 00000000 08:01 2 /lib/ld-linux-x86-64.so.2\n" \
		 "7f0000001000-7f0000002000 r-xp 00001000 08:01 2 /lib/ld-linux-x86-64.so.2\n"
#define MUSL     "7f0000000000-7f0000001000 r--p 00000000 08:01 2 /usr/lib/libc.so\n" \
		 "7f0000001000-7f0000002000 r-xp 00001000 08:01 2 /usr/lib/libc.so\n"
#define VDSO     "7fff00000000-7fff00001000 r-xp 00000000 00:00 0 [vdso]\n"
#define OURS     "7eff00000000-7eff00001000 r-xp 00000000 08:01 3 /opt/libramlock.so\n"
#define CACHE    "7efe00000000-7efe00001000 r--p 00000000 08:01 4 /etc/ld.so.cache\n"
#define LIBC     "7efd00000000-7efd00001000 r-xp 00000000 08:01 5 /lib/libc.so.6\n"

static const struct row {
	const char *program, *maps;
	unsigned long base;
	enum loading expected;
} rows[] = {
	{"/bin/program", PROGRAM LOADER VDSO, NO_BASE, LOADING_UNKNOWN},
	{"/bin/program", PROGRAM LOADER VDSO, BASE, LOADING_UNKNOWN},
	{"/bin/program", PROGRAM CACHE LOADER VDSO, BASE, LOADING_UNKNOWN},
	{"/bin/program", PROGRAM OURS LOADER VDSO, BASE, LOADING_MAPPED},
	{"/bin/program", PROGRAM LIBC OURS LOADER VDSO, BASE, LOADING_MAPPED},
	{"/bin/program", PROGRAM LIBC LOADER VDSO, BASE, LOADING_NEVER},
	{"/bin/program", PROGRAM MUSL VDSO, BASE, LOADING_UNKNOWN}, /* which is libc itself */
	{"/bin/program", PROGRAM VDSO, 0, LOADING_NEVER},	    /* static */
	{"/lib/ld-linux-x86-64.so.2", LOADER VDSO, 0, LOADING_UNKNOWN},
	{"/lib/ld-linux-x86-64.so.2", PROGRAM LOADER VDSO, 0, LOADING_UNKNOWN}, /* mapped before ours */
	{"/lib/ld-linux-x86-64.so.2", PROGRAM OURS LOADER VDSO, 0, LOADING_MAPPED},
	{"/lib/ld-linux-x86-64.so.2", PROGRAM LIBC LOADER VDSO, 0, LOADING_NEVER},
	{"", PROGRAM VDSO, 0, LOADING_UNKNOWN}, /* may not be looked at */
};

START_TEST(loading_of_mappings)
{
	const struct row *row = &rows[_i];
	const ElfW(auxv_t) vector[] = {{AT_PAGESZ, {4096}}, {AT_BASE, {row->base}}, {AT_NULL, {0}}};
	FILE *file;

	scratch_put("/proc/7/maps", row->maps);
	file = fopen(scratch_path("/proc/7/auxv"), "w");
	if (row->base != NO_BASE)
		fwrite(vector, sizeof(vector), 1, file);
	fclose(file);
	if (*row->program)
		ck_assert_int_eq(symlink(row->program, scratch_path("/proc/7/exe")), 0);
	ck_assert_int_eq(loading_look(scratch, 7), row->expected);
}
END_TEST

static void start_traced(const char *preload, char *const *program)
{
	if (preload)
		setenv("LD_PRELOAD", preload, 1);
	else
		unsetenv("LD_PRELOAD");
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	execv(*program, program);
	_exit(127);
}

/* What is seen at each system call from the program's first instruction to its end comes to the
 * verdict, and stays there. */
static void follow_start(const char *preload, char *const *program, enum loading verdict)
{
	enum loading last = LOADING_UNKNOWN, now;
	pid_t pid = fork();
	int status;

	if (pid == 0)
		start_traced(preload, program);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		now = loading_look("", pid);
		if (last != LOADING_UNKNOWN) /* the last stop is that of exit_group */
			ck_assert_int_eq(now, last);
		if (now != LOADING_UNKNOWN)
			ck_assert_int_eq(now, verdict);
		last = now;
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	}
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_int_eq(last, verdict);
}

START_TEST(loading_of_a_start)
{
	char *const plain[] = {(char *)"/bin/true", NULL};
	char *library = realpath("../src/.libs/libramlock.so", NULL);

	if (library) /* a tree with the convenience libraries alone has none */
		follow_start(library, plain, LOADING_MAPPED);
	else
		fprintf(stderr, "loading_of_a_start: no library here\n");
	follow_start(NULL, plain, LOADING_NEVER);
	free(library);
}
END_TEST

Suite *loading_suite(void)
{
	Suite *s = suite_create("loading");
	TCase *t = tcase_create("loading");

	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_add_loop_test(t, loading_of_mappings, 0, sizeof(rows) / sizeof(*rows));
	tcase_add_test(t, loading_of_a_start);
	suite_add_tcase(s, t);
	return s;
}
