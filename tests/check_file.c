/* SPDX-License-Identifier: MIT */
/* Writing without a signal: above RLIMIT_FSIZE, into a pipe that nobody reads. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "scratch.h"
#include "suites.h"

/* The soft limit alone, as Check itself writes a file at each assertion: there is none until the limit is
 * off again. */
static void limit_files(rlim_t most)
{
	const struct rlimit limit = {most, RLIM_INFINITY};

	setrlimit(RLIMIT_FSIZE, &limit);
}

static int limited_file(rlim_t most)
{
	int fd = open(scratch_path("/file"), O_RDWR | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	limit_files(most);
	return fd;
}

static int closed_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	close(ends[0]);
	return ends[1];
}

static bool is_pending(int signal)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, signal);
}

static bool is_blocked(int signal)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, signal);
}

START_TEST(above_the_limit)
{
	const rlim_t limits[] = {0, 1, 4095};
	int fd = limited_file(limits[_i]);
	static char text[5000];
	struct stat status;
	int sized, written;

	errno = ERANGE;
	sized = file_resize(fd, 4096);
	written = file_write(fd, text, sizeof(text));
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(sized, -EFBIG);
	ck_assert_int_eq(written, -EFBIG);
	ck_assert_int_eq(errno, ERANGE);
	ck_assert(!is_blocked(SIGXFSZ) && !is_pending(SIGXFSZ));
	ck_assert_int_eq(fstat(fd, &status), 0);
	ck_assert_uint_eq((rlim_t)status.st_size, limits[_i]);
	ck_assert_int_eq(file_resize(fd, 0), 0);
	close(fd);
}
END_TEST

START_TEST(nobody_reads)
{
	int fd = closed_pipe();

	ck_assert_int_eq(file_write(fd, "text", 4), -EPIPE);
	ck_assert(!is_blocked(SIGPIPE) && !is_pending(SIGPIPE));
	close(fd);
}
END_TEST

/* What waits for the program stays, and what it ignores is not waited for. */
START_TEST(the_programs_own)
{
	int fd = closed_pipe();
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(file_write(fd, "text", 4), -EPIPE);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGPIPE);
	ck_assert_int_eq(file_write(fd, "text", 4), -EAGAIN);
	ck_assert(is_blocked(SIGPIPE) && is_pending(SIGPIPE));
	signal(SIGPIPE, SIG_IGN); /* which drops it */
	close(fd);
}
END_TEST

START_TEST(all_is_written)
{
	int fd = limited_file(RLIM_INFINITY);
	char text[5] = "";

	ck_assert_int_eq(file_write(fd, "ab", 2), 0);
	ck_assert_int_eq(file_write(fd, "cd", 2), 0);
	ck_assert_int_eq(pread(fd, text, 4, 0), 4);
	ck_assert_str_eq(text, "abcd");
	close(fd);
}
END_TEST

Suite *file_suite(void)
{
	Suite *s = suite_create("file");
	TCase *t = tcase_create("file");

	tcase_add_unchecked_fixture(t, scratch_make, scratch_remove);
	tcase_add_loop_test(t, above_the_limit, 0, 3);
	tcase_add_test(t, nobody_reads);
	tcase_add_test(t, the_programs_own);
	tcase_add_test(t, all_is_written);
	suite_add_tcase(s, t);
	return s;
}
