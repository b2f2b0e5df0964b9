/* SPDX-License-Identifier: MIT */
/* Messages: the exact lines, written by a child into a file, and who tells them. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/message.h"
#include "scratch.h"
#include "suites.h"

static char told[128]; /* as the launcher names the files, for the child that is about to run */

static void reap(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(status == 0, "the child's status is %#x", (unsigned)status);
}

/* Runs in a child whose stderr is a file; returns what was written there. */
static const char *stderr_of(void (*function)(void))
{
	static char text[4096];
	int fd = open(scratch_path("/stderr"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	ssize_t length;
	pid_t child;

	ck_assert_int_ge(fd, 0);
	child = fork();
	if (child == 0) {
		snprintf(told, sizeof(told), "%s/ramlock-%d-12345", scratch, (int)getpid());
		dup2(fd, STDERR_FILENO);
		close(fd);
		errno = ERANGE;
		function();
		_exit(errno == ERANGE ? 0 : 99); /* messages leave errno alone */
	}
	reap(child);
	length = pread(fd, text, sizeof(text) - 1, 0);
	ck_assert_int_ge(length, 0);
	text[length] = '\0';
	close(fd);
	return text;
}

/* In a child, a failed condition is a status. */
#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			_exit(__LINE__ % 90 + 1);                                                  \
	} while (0)

static bool told_exists(enum message_kind kind)
{
	char path[160];
	bool exists;
	int saved = errno;

	snprintf(path, sizeof(path), "%s.%d", told, kind);
	exists = access(path, F_OK) == 0;
	errno = saved;
	return exists;
}

#define LINE "ramlock: warning: mlock: Cannot allocate memory: limit 8192 KiB, need 24 MiB\n"

static void tell(enum message_kind kind)
{
	struct message m;

	if (!message_claim(kind))
		return;
	message_warn(&m);
	text_add(&m.text, "%s: ", "mlock");
	message_cause(&m, -ENOMEM);
	text_add(&m.text, ": limit %lu KiB, need ", 8192ul);
	text_size(&m.text, 24 << 20);
	message_send(&m);
}

static void warning(void)
{
	message_start(1, NULL);
	tell(MESSAGE_MEMLOCK);
}

static void error(void)
{
	struct message m;

	message_start(1, NULL);
	message_error(&m);
	text_add(&m.text, "no way");
	message_send(&m);
}

static void not_started(void)
{
	struct message m;

	message_warn(&m);
	text_add(&m.text, "stderr is not known yet");
	message_send(&m);
}

/* Every line that is made at once has bytes of its own; one that has none is lost, the next is not. */
static void many_unsent(void)
{
	struct message m[40];

	message_start(1, NULL);
	for (int i = 0; i < 40; i++) {
		message_warn(&m[i]);
		text_add(&m[i].text, "line %d", i);
	}
	for (int i = 39; i >= 0; i--)
		message_send(&m[i]);
	tell(MESSAGE_MEMLOCK);
}

START_TEST(lines_at_once)
{
	const char *text = stderr_of(many_unsent);

	ck_assert_int_eq(strncmp(text, "ramlock: warning: line 15\nramlock: warning: line 14\n", 50), 0);
	ck_assert_ptr_nonnull(strstr(text, "ramlock: warning: line 0\n" LINE));
}
END_TEST

START_TEST(lines)
{
	ck_assert_str_eq(stderr_of(warning), LINE);
	ck_assert_str_eq(stderr_of(error), "ramlock: error: no way\n");
	ck_assert_str_eq(stderr_of(not_started), "");
}
END_TEST

/* One that is too long is cut, and ends in a newline all the same. */
static void long_line(void)
{
	struct message m;

	message_start(1, NULL);
	message_warn(&m);
	for (int i = 0; i < 300; i++)
		text_add(&m.text, "%d,", i);
	message_send(&m);
}

START_TEST(long_lines_are_cut)
{
	const char *text = stderr_of(long_line);

	ck_assert_uint_gt(strlen(text), 500);
	ck_assert_uint_le(strlen(text), MESSAGE_SIZE);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	ck_assert_int_eq(strncmp(text, "ramlock: warning: 0,1,2,3,", 26), 0);
}
END_TEST

static const struct {
	int error;
	const char *text;
} causes[] = {
	{EPERM, "Operation not permitted"},
	{ENOMEM, "Cannot allocate memory"},
	{EAGAIN, "Resource temporarily unavailable"},
	{EINVAL, "Invalid argument"},
	{ENOSYS, "Function not implemented"},
	{EACCES, "Permission denied"},
	{ENOENT, "No such file or directory"},
	{EROFS, "Read-only file system"},
	{ENOSPC, "No space left on device"},
	{EISDIR, "Is a directory"},
	{EXDEV, "error 18"},
};

START_TEST(causes_are_named)
{
	char buffer[MESSAGE_SIZE];
	struct message m;

	for (int sign = -1; sign <= 1; sign += 2) {
		text_init(&m.text, buffer, sizeof(buffer));
		message_cause(&m, sign * causes[_i].error);
		ck_assert_str_eq(buffer, causes[_i].text);
	}
}
END_TEST

static int note_verbose;

static void notes(void)
{
	message_start(note_verbose, NULL);
	EXPECT(message_verbose() == note_verbose);
	message_note(2, "done: %d", 2);
	message_note(3, "step: %s", "three");
}

static void nothing_is_claimed(void)
{
	message_start(0, told);
	tell(MESSAGE_MEMLOCK);
	EXPECT(!told_exists(MESSAGE_MEMLOCK));
}

START_TEST(verbosity)
{
	static const char *const expected[] = {"", "", "ramlock: done: 2\n",
					       "ramlock: done: 2\nramlock: step: three\n"};

	note_verbose = _i;
	ck_assert_str_eq(stderr_of(notes), expected[_i]);
	ck_assert_str_eq(stderr_of(nothing_is_claimed), "");
}
END_TEST

static void twice(void)
{
	message_start(1, NULL);
	tell(MESSAGE_MEMLOCK);
	tell(MESSAGE_MEMLOCK);
}

static void every_kind_twice(void)
{
	message_start(1, NULL);
	for (int i = 0; i < 2 * MESSAGE_KINDS; i++)
		tell((enum message_kind)(i % MESSAGE_KINDS));
}

/* A child of a process that has told does not tell again, also without a launcher. */
static void child_of_a_teller(void)
{
	message_start(1, NULL);
	tell(MESSAGE_MEMLOCK);
	if (fork() == 0) {
		tell(MESSAGE_MEMLOCK);
		_exit(0);
	}
	wait(NULL);
}

START_TEST(once_in_a_process)
{
	char all[MESSAGE_KINDS * sizeof(LINE)] = "";

	for (int i = 0; i < MESSAGE_KINDS; i++)
		strcat(all, LINE);
	ck_assert_str_eq(stderr_of(twice), LINE);
	ck_assert_str_eq(stderr_of(every_kind_twice), all);
	ck_assert_str_eq(stderr_of(child_of_a_teller), LINE);
}
END_TEST

/* Children that start at once, each as a program of its own would; one speaks. */
static void tree(void)
{
	int gate[2];
	char byte;

	EXPECT(pipe(gate) == 0);
	for (int i = 0; i < 20; i++) {
		if (fork() != 0)
			continue;
		close(gate[1]);
		EXPECT(read(gate[0], &byte, 1) == 0);
		message_start(1, told);
		tell(MESSAGE_MEMLOCK);
		message_end(); /* not the root: removes nothing */
		_exit(0);
	}
	close(gate[1]);
	for (int i = 0, status; i < 20; i++)
		EXPECT(wait(&status) > 0 && status == 0);
	message_start(1, told);
	tell(MESSAGE_MEMLOCK); /* the root is told nothing new either */
	EXPECT(told_exists(MESSAGE_MEMLOCK));
	EXPECT(!told_exists(MESSAGE_SETTINGS));
}

static void kinds_are_apart(void)
{
	message_start(1, told);
	tell(MESSAGE_MEMLOCK);
	tell(MESSAGE_LARGE);
	EXPECT(told_exists(MESSAGE_MEMLOCK) && told_exists(MESSAGE_LARGE));
	EXPECT(!told_exists(MESSAGE_RESERVE));
}

static void root_removes(void)
{
	message_start(1, told);
	for (int kind = 0; kind < MESSAGE_KINDS; kind++)
		EXPECT(message_claim((enum message_kind)kind));
	if (fork() == 0) {
		message_fork_child();
		EXPECT(!message_is_end_due());
		message_end();
		_exit(0);
	}
	wait(NULL);
	for (int kind = 0; kind < MESSAGE_KINDS; kind++)
		EXPECT(told_exists((enum message_kind)kind));
	message_end();
	for (int kind = 0; kind < MESSAGE_KINDS; kind++)
		EXPECT(!told_exists((enum message_kind)kind));
}

/* Where the file can't be made, everybody tells: rather twice than never. */
static void no_folder(void)
{
	message_start(1, "/no/such/folder/ramlock-1-2");
	tell(MESSAGE_MEMLOCK);
}

static void long_name(void)
{
	static char name[1000];

	memset(name, 'x', sizeof(name) - 1);
	name[0] = '/';
	message_start(1, name);
	tell(MESSAGE_MEMLOCK);
	message_end();
}

/* A link in the file's place is not followed. */
static void link_in_place(void)
{
	char path[160];

	snprintf(path, sizeof(path), "%s.%d", told, MESSAGE_MEMLOCK);
	EXPECT(symlink(scratch_path("/victim"), path) == 0);
	message_start(1, told);
	tell(MESSAGE_MEMLOCK);
	EXPECT(access(scratch_path("/victim"), F_OK) != 0);
	errno = ERANGE;
}

START_TEST(once_in_a_tree)
{
	ck_assert_str_eq(stderr_of(tree), LINE);
	ck_assert_str_eq(stderr_of(kinds_are_apart), LINE LINE);
	ck_assert_str_eq(stderr_of(root_removes), "");
	ck_assert_str_eq(stderr_of(no_folder), LINE);
	ck_assert_str_eq(stderr_of(long_name), LINE);
	stderr_of(link_in_place);
}
END_TEST

/* A file that took stderr's number is the program's data. */
static void into_data(void)
{
	message_start(1, NULL);
	EXPECT(dup2(open(scratch_path("/data"), O_RDWR | O_CREAT, 0600), STDERR_FILENO) >= 0);
	tell(MESSAGE_MEMLOCK);
	message_note(0, "note");
	EXPECT(lseek(STDERR_FILENO, 0, SEEK_END) == 0);
}

static void into_nothing(void)
{
	message_start(1, NULL);
	close(STDERR_FILENO);
	tell(MESSAGE_MEMLOCK);
	errno = ERANGE;
}

static void opened_later(void)
{
	close(STDERR_FILENO);
	message_start(1, NULL);
	EXPECT(open(scratch_path("/data"), O_RDWR | O_CREAT, 0600) == STDERR_FILENO);
	tell(MESSAGE_MEMLOCK);
	EXPECT(lseek(STDERR_FILENO, 0, SEEK_END) == 0);
}

/* The same file under another description, as after `2>&1`, is still stderr. */
static void same_file_again(void)
{
	message_start(1, NULL);
	EXPECT(dup2(open(scratch_path("/stderr"), O_WRONLY | O_APPEND), STDERR_FILENO) >= 0);
	tell(MESSAGE_MEMLOCK);
}

START_TEST(only_to_stderr)
{
	ck_assert_str_eq(stderr_of(into_data), "");
	ck_assert_str_eq(stderr_of(into_nothing), "");
	ck_assert_str_eq(stderr_of(opened_later), "");
	ck_assert_str_eq(stderr_of(same_file_again), LINE);
}
END_TEST

/* Lines of several processes into one pipe stay whole: each is one write. */
static void many_at_once(void)
{
	message_start(2, NULL);
	for (int i = 0; i < 4; i++) {
		if (fork() != 0)
			continue;
		for (int k = 0; k < 200; k++)
			message_note(2, "%s", "a line of some length that is not to be torn");
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	errno = ERANGE;
}

START_TEST(lines_are_whole)
{
	const char expected[] = "ramlock: a line of some length that is not to be torn\n";
	char line[sizeof(expected) + 1];
	int ends[2], count = 0;
	pid_t child;
	FILE *file;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		many_at_once();
		_exit(0);
	}
	close(ends[1]);
	file = fdopen(ends[0], "r");
	for (; fgets(line, sizeof(line), file); count++)
		ck_assert_str_eq(line, expected);
	fclose(file);
	reap(child);
	ck_assert_int_eq(count, 800);
}
END_TEST

Suite *message_suite(void)
{
	Suite *s = suite_create("message");
	TCase *t = tcase_create("message");

	tcase_add_unchecked_fixture(t, scratch_make, scratch_remove);
	tcase_add_checked_fixture(t, scratch_clear, NULL);
	tcase_add_test(t, lines);
	tcase_add_test(t, lines_at_once);
	tcase_add_test(t, long_lines_are_cut);
	tcase_add_loop_test(t, causes_are_named, 0, COUNT(causes));
	tcase_add_loop_test(t, verbosity, 0, 4);
	tcase_add_test(t, once_in_a_process);
	tcase_add_test(t, once_in_a_tree);
	tcase_add_test(t, only_to_stderr);
	tcase_add_test(t, lines_are_whole);
	suite_add_tcase(s, t);
	return s;
}
