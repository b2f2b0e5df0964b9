/* SPDX-License-Identifier: MIT */
/* The counters page: published by a child, fetched from it, also where it is forged. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/stats.h"
#include "suites.h"

static int descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	if (folder == NULL)
		return -1;
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* Runs prepare in a child, which then waits, and fetches its page. */
static int fetch_from(void (*prepare)(void), struct stats_page *copy)
{
	int ready[2], end[2], result, status;
	char byte = 0;
	pid_t child;

	ck_assert_int_eq(pipe(ready) | pipe(end), 0);
	child = fork();
	if (child == 0) {
		close(end[1]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prepare();
		if (write(ready[1], &byte, 1) != 1 || read(end[0], &byte, 1) != 0)
			_exit(1);
		_exit(0);
	}
	close(ready[1]);
	close(end[0]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	memset(copy, 0x5a, sizeof(*copy));
	result = stats_fetch(child, copy);
	close(end[1]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	close(ready[0]);
	return result;
}

static void publish(void)
{
	stats_add(STAT_need, 77); /* before there is a page that others find */
	if (stats_publish(false) != 0)
		_exit(2);
	stats_add(STAT_unlocks_held, 2);
	stats_add(STAT_unlocks_held, 1);
	stats_set(STAT_limit, UINT64_MAX);
	stats->level = LEVEL_RANGES;
	stats->reason = REASON_REFUSED;
	stats->error = ENOMEM;
	strcpy(stats->settings, "LOCK=eager HEAP=32M");
}

START_TEST(a_page_is_read)
{
	struct stats_page copy;

	ck_assert_int_eq(fetch_from(publish, &copy), 0);
	ck_assert_str_eq(copy.magic, STATS_MAGIC);
	ck_assert_uint_eq(copy.version, STATS_VERSION);
	ck_assert_uint_eq(copy.count, STAT_COUNT);
	ck_assert_uint_ne(copy.pid, (uint32_t)getpid());
	ck_assert_uint_eq(copy.level, LEVEL_RANGES);
	ck_assert_uint_eq(copy.reason, REASON_REFUSED);
	ck_assert_int_eq(copy.error, ENOMEM);
	ck_assert_str_eq(copy.settings, "LOCK=eager HEAP=32M");
	for (int i = 0; i < STAT_COUNT; i++)
		ck_assert_uint_eq(copy.values[i], i == STAT_need	   ? 77
						  : i == STAT_unlocks_held ? 3
						  : i == STAT_limit	   ? UINT64_MAX
									   : 0);
}
END_TEST

/* A file may not be that large: the signal would end the child. */
static void publish_limited(void)
{
	const struct rlimit limit = {STATS_SIZE - 1, STATS_SIZE - 1};

	setrlimit(RLIMIT_FSIZE, &limit);
	mmap(NULL, STATS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* another */
	publish();
}

START_TEST(a_page_where_files_are_limited)
{
	struct stats_page copy;

	ck_assert_int_eq(fetch_from(publish_limited, &copy), 0);
	ck_assert_str_eq(copy.settings, "LOCK=eager HEAP=32M");
	ck_assert_uint_eq(copy.values[STAT_need], 77);
}
END_TEST

static void publish_nothing(void)
{
}

START_TEST(no_page)
{
	struct stats_page copy;

	ck_assert_int_eq(fetch_from(publish_nothing, &copy), -ENOENT);
	ck_assert_int_eq(stats_fetch(0x7ffffff0, &copy), -ESRCH);
	ck_assert_int_eq(stats_fetch(-1, &copy), -ESRCH);
	ck_assert_int_eq(stats_fetch(getpid(), &copy), -ENOENT);
	ck_assert_int_eq(stats_publish(false), 0);
	ck_assert_int_eq(stats_fetch(getpid(), &copy), 0);
	ck_assert_uint_eq(copy.pid, (uint32_t)getpid());
}
END_TEST

START_TEST(an_ended_process)
{
	struct stats_page copy;
	pid_t child = fork();

	if (child == 0) {
		stats_publish(false);
		_exit(0);
	}
	ck_assert_int_eq(waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	ck_assert_int_lt(stats_fetch(child, &copy), 0); /* a zombie */
	waitpid(child, NULL, 0);
	ck_assert_int_eq(stats_fetch(child, &copy), -ESRCH);
}
END_TEST

/* Somebody else's process: as root, seen by another user; else, that of another user. */
START_TEST(no_right)
{
	struct stats_page copy;
	int status;
	pid_t child;

	stats_publish(false);
	child = fork();
	if (child == 0) {
		if (geteuid() != 0)
			_exit(stats_fetch(1, &copy) == -EPERM || getpid() == 1 ? 0 : 1);
		if (syscall(SYS_setresuid, 65534, 65534, 65534) != 0)
			_exit(2);
		_exit(stats_fetch(getppid(), &copy) == -EPERM ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* Pages that a process forged. */

static void wrong_magic(void)
{
	publish();
	stats->magic[7] = 'x';
}

static void wrong_version(void)
{
	publish();
	stats->version++;
}

static void version_0(void)
{
	publish();
	stats->version = 0;
}

static void level_too_high(void)
{
	publish();
	stats->level = LEVEL_COUNT;
}

static void level_negative(void)
{
	publish();
	stats->level = UINT32_MAX;
}

static void reason_too_high(void)
{
	publish();
	stats->reason = REASON_COUNT;
}

/* A memfd of the page's name with something else in it, or with nothing behind the mapping. */
static void *map_forged(off_t file_size)
{
	int fd = memfd_create("ramlock", MFD_CLOEXEC);
	void *page;

	if (fd < 0 || ftruncate(fd, file_size) != 0)
		_exit(2);
	page = mmap(NULL, STATS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		_exit(2);
	close(fd);
	return page;
}

static void empty_page(void)
{
	map_forged(STATS_SIZE);
}

static void garbage(void)
{
	memset(map_forged(STATS_SIZE), 0xff, STATS_SIZE);
}

static void cut_file(void)
{
	map_forged(0);
}

static void unreadable(void)
{
	publish();
	if (mprotect(stats, STATS_SIZE, PROT_NONE) != 0)
		_exit(2);
}

static const struct {
	const char *name;
	void (*forge)(void);
} forged[] = {
	{"magic", wrong_magic},		  {"version", wrong_version},	{"version 0", version_0},
	{"level", level_too_high},	  {"level -1", level_negative}, {"reason", reason_too_high},
	{"empty page", empty_page},	  {"garbage", garbage},		{"cut file", cut_file},
	{"unreadable page", unreadable},
};

START_TEST(forged_pages_are_refused)
{
	struct stats_page copy;
	int error = fetch_from(forged[_i].forge, &copy);

	ck_assert_msg(error == -EPROTO, "%s: %d", forged[_i].name, error);
}
END_TEST

static void settings_without_end(void)
{
	publish();
	memset(stats->settings, 'x', sizeof(stats->settings));
}

START_TEST(settings_are_ended)
{
	struct stats_page copy;

	ck_assert_int_eq(fetch_from(settings_without_end, &copy), 0);
	ck_assert_uint_eq(strlen(copy.settings), sizeof(copy.settings) - 1);
}
END_TEST

static void older_library(void)
{
	publish();
	stats->count = STAT_unlocks_held;
	memset(stats->values + stats->count, 0x77, STATS_SIZE - offsetof(struct stats_page, values) -
							   stats->count * sizeof(uint64_t));
}

static void newer_library(void)
{
	publish();
	stats->count = UINT32_MAX;
}

START_TEST(other_versions_of_the_library)
{
	struct stats_page copy;

	ck_assert_int_eq(fetch_from(older_library, &copy), 0);
	ck_assert_uint_eq(copy.values[STAT_need], 77);
	for (int i = STAT_unlocks_held; i < STAT_COUNT; i++)
		ck_assert_uint_eq(copy.values[i], 0);
	ck_assert_int_eq(fetch_from(newer_library, &copy), 0);
	ck_assert_uint_eq(copy.values[STAT_unlocks_held], 3);
}
END_TEST

static uint64_t large_resident, large_used;

static void large_blocks(void)
{
	publish();
	stats_set(STAT_large_resident, large_resident);
	stats_set(STAT_large_used, large_used);
}

/* The reader subtracts two figures that were not read at once, or are forged. */
START_TEST(retained_is_the_rest)
{
	struct stats_page copy;

	large_resident = 10 << 20;
	large_used = 4 << 20;
	ck_assert_int_eq(fetch_from(large_blocks, &copy), 0);
	ck_assert_uint_eq(copy.values[STAT_large_retained], 6 << 20);
	large_resident = 4 << 20;
	large_used = 10 << 20;
	ck_assert_int_eq(fetch_from(large_blocks, &copy), 0);
	ck_assert_uint_eq(copy.values[STAT_large_retained], 0);
}
END_TEST

/* fork */

static void published_again(void)
{
	struct stats_page *page;
	int status;
	pid_t child;

	for (int i = 0; i < STAT_COUNT; i++)
		stats_set((enum stat_index)i, 1000 + (uint64_t)i);
	publish();
	page = stats;
	child = fork();
	if (child == 0) {
		if (stats_publish(true) != 0 || stats != page || stats->pid != (uint32_t)getpid())
			_exit(1);
		for (int i = 0; i < STAT_COUNT; i++) {
			uint64_t inherited = i == STAT_limit ? UINT64_MAX : 1000 + (uint64_t)i;

			if (i == STAT_need) /* publish adds to it */
				inherited += 77;
			if (stat_rows[i].kind == STAT_COUNTER || i == STAT_minor_at_start ||
			    i == STAT_major_at_start)
				inherited = 0;
			if (stats_get((enum stat_index)i) != inherited)
				_exit(10 + i);
		}
		if (stats->level != LEVEL_RANGES ||
		    strcmp(stats->settings, "LOCK=eager HEAP=32M") != 0)
			_exit(3);
		stats_add(STAT_populated, 5);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 4);
}

START_TEST(a_childs_counters_are_its_own)
{
	struct stats_page copy;

	ck_assert_int_eq(fetch_from(published_again, &copy), 0);
	ck_assert_uint_eq(copy.values[STAT_populated], 1000 + STAT_populated);
	ck_assert_uint_eq(copy.values[STAT_unlocks_held], 1003 + STAT_unlocks_held);
}
END_TEST

static void publish_in_a_fork(void)
{
	stats_publish(false);
	stats_set(STAT_limit, 5);
	stats_add(STAT_populated, 9);
	/* fetch_from's child: seen under its own pid, with its own figures */
	if (fork() != 0) {
		wait(NULL);
		return;
	}
	if (stats_publish(true) != 0)
		_exit(1);
	_exit(0);
}

START_TEST(a_child_is_seen_apart)
{
	int ready[2], end[2];
	struct stats_page copy;
	char byte = 0;
	pid_t child;

	ck_assert_int_eq(pipe(ready) | pipe(end), 0);
	publish_in_a_fork();
	child = fork();
	if (child == 0) {
		close(end[1]);
		stats_publish(true);
		stats_add(STAT_populated, 1);
		_exit(write(ready[1], &byte, 1) == 1 && read(end[0], &byte, 1) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(stats_fetch(child, &copy), 0);
	ck_assert_uint_eq(copy.pid, (uint32_t)child);
	ck_assert_uint_eq(copy.values[STAT_populated], 1);
	ck_assert_uint_eq(copy.values[STAT_limit], 5);
	ck_assert_int_eq(stats_fetch(getpid(), &copy), 0);
	ck_assert_uint_eq(copy.pid, (uint32_t)getpid());
	ck_assert_uint_eq(copy.values[STAT_populated], 9);
	close(end[1]);
	waitpid(child, NULL, 0);
}
END_TEST

START_TEST(no_descriptor_is_left)
{
	struct stats_page copy;
	int before = descriptors();

	ck_assert_int_gt(before, 0);
	stats_publish(false);
	ck_assert_int_eq(descriptors(), before);
	ck_assert_int_eq(stats_fetch(getpid(), &copy), 0);
	ck_assert_int_eq(stats_fetch(0x7ffffff0, &copy), -ESRCH);
	stats_publish(true);
	ck_assert_int_eq(descriptors(), before);
	ck_assert_int_eq(fetch_from(garbage, &copy), -EPROTO);
	ck_assert_int_eq(descriptors(), before);
}
END_TEST

START_TEST(errno_is_left)
{
	struct stats_page copy;

	errno = ERANGE;
	stats_publish(false);
	stats_publish(true);
	stats_fetch(getpid(), &copy);
	stats_fetch(0x7ffffff0, &copy);
	ck_assert_int_eq(errno, ERANGE);
}
END_TEST

/* Figures go by name in reports: each has one, and is described. */
START_TEST(rows)
{
	ck_assert(*stat_rows[_i].name && *stat_rows[_i].unit && *stat_rows[_i].help);
	for (int i = 0; i < _i; i++)
		ck_assert_str_ne(stat_rows[i].name, stat_rows[_i].name);
}
END_TEST

static void add_pages(Suite *s)
{
	TCase *t = tcase_create("pages");

	tcase_add_test(t, a_page_is_read);
	tcase_add_test(t, a_page_where_files_are_limited);
	tcase_add_test(t, no_page);
	tcase_add_test(t, an_ended_process);
	tcase_add_test(t, no_right);
	tcase_add_loop_test(t, forged_pages_are_refused, 0, COUNT(forged));
	tcase_add_test(t, settings_are_ended);
	tcase_add_test(t, other_versions_of_the_library);
	tcase_add_test(t, retained_is_the_rest);
	suite_add_tcase(s, t);
}

Suite *stats_suite(void)
{
	Suite *s = suite_create("stats");
	TCase *t = tcase_create("processes");

	add_pages(s);
	tcase_add_test(t, a_childs_counters_are_its_own);
	tcase_add_test(t, a_child_is_seen_apart);
	tcase_add_test(t, no_descriptor_is_left);
	tcase_add_test(t, errno_is_left);
	tcase_add_loop_test(t, rows, 0, STAT_COUNT);
	suite_add_tcase(s, t);
	return s;
}
