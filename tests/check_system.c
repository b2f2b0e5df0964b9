/* SPDX-License-Identifier: MIT */
/* Unit tests of what reads and writes the system: maps, limits, messages, counters; and ranges. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/maps.h"
#include "common/message.h"
#include "common/stats.h"
#include "preload/ranges.h"

static char folder[] = "/tmp/ramlock-check-XXXXXX";
static char root[64]; /* a folder of the test's own below it */

static void set_up(void)
{
	strcpy(folder, "/tmp/ramlock-check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(root, sizeof(root), "%s/root", folder);
}

static void tear_down(void)
{
	char line[128];

	snprintf(line, sizeof(line), "rm -rf '%s'", folder);
	ck_assert_int_eq(system(line), 0);
}

/* Writes a file below root, with the folders above it. */
static void put(const char *path, const char *text)
{
	char line[512];
	FILE *file;

	snprintf(line, sizeof(line), "mkdir -p \"$(dirname '%s%s')\"", root, path);
	ck_assert_int_eq(system(line), 0);
	snprintf(line, sizeof(line), "%s%s", root, path);
	file = fopen(line, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static const char fixture[] =
	"5000-6000 r--p 00000000 fd:01 11                         /bin/a program\n"
	"6000-8000 r-xp 00001000 fd:01 11                         /bin/a program\n"
	"8000-9000 r--p 00003000 fd:01 11                         /bin/a program\n"
	"9000-a000 rw-p 00004000 fd:01 11                         /bin/a program\n"
	"a000-c000 rw-p 00000000 00:00 0 \n"
	"d000-f000 rw-p 00000000 00:00 0                          [heap]\n"
	"10000-20000 r--p 00000000 fd:01 12                       /usr/share/data\n"
	"this is no mapping\n"
	"20000-21000 r--p 00000000 fd:01 13                       /lib/l.so (deleted)\n"
	"21000-22000 r-xp 00001000 fd:01 13                       /lib/l.so (deleted)\n"
	"22000-23000 ---p 00002000 fd:01 13                       /lib/l.so (deleted)\n"
	"23000-24000 rw-p 00002000 fd:01 13                       /lib/l.so (deleted)\n"
	"30000-31000 rw-p 00000000 00:00 0\n"
	"31000-32000 ---p 00000000 00:00 0 \n"
	"32000-33000 rw-s 00000000 00:01 99                       /memfd:ramlock (deleted)\n"
	"40000-41000 rw-p 00000000 00:00 0                        [stack]\n"
	"41000-42000 r--p 00000000 00:00 0                        [vvar]\n"
	"42000-43000 r-xp 00000000 00:00 0                        [vdso]\n";

static const enum map_class classes[] = {
	MAPS_TEXT, MAPS_TEXT, MAPS_TEXT, MAPS_DATA, MAPS_DATA, MAPS_HEAP, MAPS_FILE, MAPS_LIB_TEXT,
	MAPS_LIB_TEXT, MAPS_RESERVED, MAPS_DATA, MAPS_ANON, MAPS_RESERVED, MAPS_FILE, MAPS_STACK,
	MAPS_KERNEL, MAPS_KERNEL,
};

static void check_fixture(bool by_address)
{
	char path[128], buffer[16384];
	struct mapping mapping;
	struct maps maps;
	size_t i = 0;

	put("/maps", fixture);
	snprintf(path, sizeof(path), "%s/maps", root);
	ck_assert_int_eq(maps_open(&maps, path, "/bin/a program", buffer, sizeof(buffer)), 0);
	maps.program_at = by_address ? 0x5040 : 0;
	for (; maps_next(&maps, &mapping); i++) {
		ck_assert_uint_lt(i, sizeof(classes) / sizeof(*classes));
		ck_assert_msg(mapping.class == classes[i], "%zu is %s", i,
			      map_class_names[mapping.class]);
		if (i < 4)
			ck_assert_str_eq(mapping.path, "/bin/a program");
	}
	maps_close(&maps);
	ck_assert_uint_eq(i, sizeof(classes) / sizeof(*classes));
	ck_assert_uint_eq(maps.broken, 1);
}

START_TEST(maps_classes)
{
	check_fixture(false);
	check_fixture(true);
}
END_TEST

START_TEST(maps_details)
{
	char path[128], buffer[16384];
	struct mapping mapping;
	struct maps maps;

	put("/smaps", "1000-9000 rw-p 00000000 00:00 0 \nSize:  32 kB\nRss:      12 kB\nLocked: 1 kB\n"
		      "VmFlags: rd wr mr mw me lo ac \n9000-a000 rw-p 00000000 00:00 0 \nRss:  4 kB\n"
		      "VmFlags: rd wr \n");
	snprintf(path, sizeof(path), "%s/smaps", root);
	ck_assert_int_eq(maps_open(&maps, path, NULL, buffer, sizeof(buffer)), 0);
	ck_assert(maps_next(&maps, &mapping));
	ck_assert_uint_eq(mapping.resident, 12288);
	ck_assert_uint_eq(mapping.locked, 12288);
	ck_assert(maps_next(&maps, &mapping));
	ck_assert_uint_eq(mapping.resident, 4096);
	ck_assert_uint_eq(mapping.locked, 0);
	ck_assert(!maps_next(&maps, &mapping));
	maps_close(&maps);
	ck_assert_int_eq(maps_open(&maps, "/no/such", NULL, buffer, sizeof(buffer)), -ENOENT);
}
END_TEST

/* A table of many mappings is read in pieces; what is read of ourselves holds together. */
START_TEST(maps_of_this_process)
{
	char buffer[16384];
	struct mapping mapping;
	uintptr_t last = 0;
	struct maps maps;
	int count = 0, stack = 0;

	for (int i = 0; i < 1000; i++)
		mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_int_eq(maps_open(&maps, "/proc/self/maps", NULL, buffer, sizeof(buffer)), 0);
	for (; maps_next(&maps, &mapping); count++) {
		ck_assert_uint_ge(mapping.start, last);
		last = mapping.end;
		stack += mapping.class == MAPS_STACK;
	}
	maps_close(&maps);
	ck_assert_int_gt(count, 900);
	ck_assert_int_eq(stack, 1);
	ck_assert_uint_eq(maps.broken, 0);
}
END_TEST

static struct limits_memory read_limits(void)
{
	static struct limits_scratch scratch;
	struct limits_memory memory;

	limits_memory(&memory, root, "self", &scratch);
	return memory;
}

START_TEST(limits_nothing)
{
	struct limits_memory m = read_limits();

	ck_assert_uint_eq(m.available, LIMITS_NONE);
	ck_assert_uint_eq(limits_room(&m), LIMITS_NONE);
	ck_assert(!m.cgroup_known);
}
END_TEST

START_TEST(limits_nested)
{
	struct limits_memory m;

	put("/proc/meminfo", "MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable:   1000 kB\n");
	put("/proc/self/cgroup", "0::/a/b\n");
	put("/sys/fs/cgroup/a/b/memory.max", "max\n");
	put("/sys/fs/cgroup/a/memory.max", "409600\n");
	put("/sys/fs/cgroup/a/memory.current", "204800\n");
	put("/sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 102400\n");
	m = read_limits();
	ck_assert_uint_eq(m.available, 1024000);
	ck_assert(m.cgroup_known);
	ck_assert_uint_eq(m.cgroup_limit, 409600);
	ck_assert_uint_eq(m.cgroup_room, 307200);
	ck_assert_uint_eq(limits_room(&m), 307200);
	put("/sys/fs/cgroup/a/b/memory.max", "4096\n");
	put("/sys/fs/cgroup/a/b/memory.current", "8192\n");
	m = read_limits();
	ck_assert_uint_eq(m.cgroup_room, 0);
}
END_TEST

START_TEST(limits_version_1)
{
	struct limits_memory m;

	put("/proc/self/cgroup", "9:cpu:/x\n4:memory:/job/1\n0::/other\n");
	put("/sys/fs/cgroup/memory/job/1/memory.limit_in_bytes", "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1000000\n");
	put("/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "400000\n");
	m = read_limits();
	ck_assert_uint_eq(m.cgroup_room, 600000);
}
END_TEST

START_TEST(limits_container)
{
	struct limits_memory m;

	put("/proc/self/cgroup", "4:memory:/docker/abc/inner\n");
	put("/proc/self/mountinfo",
	    "20 1 0:5 / /proc rw - proc proc rw\n"
	    "33 25 0:29 /docker/abc /cg/mem ro,nosuid shared:9 - cgroup cgroup rw,memory\n");
	put("/cg/mem/inner/memory.limit_in_bytes", "5000\n");
	put("/cg/mem/inner/memory.usage_in_bytes", "1000\n");
	m = read_limits();
	ck_assert_uint_eq(m.cgroup_room, 4000);
}
END_TEST

/* Runs in a child with stderr in a file; returns what was written. */
static const char *stderr_of(void (*function)(void))
{
	static char text[1000];
	char path[128];
	ssize_t length;
	int fd, status;

	snprintf(path, sizeof(path), "%s/stderr", folder);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fork() == 0) {
		dup2(fd, 2);
		function();
		_exit(0);
	}
	wait(&status);
	ck_assert_int_eq(status, 0);
	length = pread(fd, text, sizeof(text) - 1, 0);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	return text;
}

static void warn(enum message_kind kind)
{
	struct message m;

	if (!message_claim(kind))
		return;
	message_warn(&m);
	text_add(&m.text, "mlock: ");
	message_cause(&m, -ENOMEM);
	message_send(&m);
}

static void warn_twice(void)
{
	message_start(1, NULL);
	warn(MESSAGE_MEMLOCK);
	warn(MESSAGE_MEMLOCK);
}

static void warn_silently(void)
{
	message_start(0, NULL);
	warn(MESSAGE_MEMLOCK);
}

static void warn_into_data(void)
{
	char path[128];

	message_start(1, NULL);
	snprintf(path, sizeof(path), "%s/data", folder);
	dup2(open(path, O_RDWR | O_CREAT, 0600), 2);
	warn(MESSAGE_MEMLOCK);
	if (lseek(2, 0, SEEK_END) != 0)
		_exit(1);
}

static void warn_in_tree(void)
{
	char told[128], path[160];

	snprintf(told, sizeof(told), "%s/ramlock-%d-1", folder, (int)getpid());
	message_start(1, told);
	for (int i = 0; i < 3; i++) {
		if (fork() == 0) {
			warn(MESSAGE_MEMLOCK);
			message_end(); /* not the root: removes nothing */
			_exit(0);
		}
		wait(NULL);
	}
	snprintf(path, sizeof(path), "%s.%d", told, MESSAGE_MEMLOCK);
	if (access(path, F_OK) != 0)
		_exit(1);
	message_end();
	if (access(path, F_OK) == 0)
		_exit(2);
}

START_TEST(messages)
{
	ck_assert_str_eq(stderr_of(warn_twice), "ramlock: warning: mlock: Cannot allocate memory\n");
	ck_assert_str_eq(stderr_of(warn_silently), "");
	ck_assert_str_eq(stderr_of(warn_into_data), "");
	ck_assert_str_eq(stderr_of(warn_in_tree), "ramlock: warning: mlock: Cannot allocate memory\n");
}
END_TEST

/* A child that publishes its page, spoils it as told and waits to be read. */
static int fetch_from_child(void (*spoil)(void), struct stats_page *copy)
{
	int ready[2], end[2], result;
	char byte = 0;
	pid_t child;

	ck_assert_int_eq(pipe(ready) | pipe(end), 0);
	child = fork();
	if (child == 0) {
		close(end[1]);
		if (spoil) {
			stats_publish(false);
			stats_add(STAT_need, 77);
			spoil();
		}
		byte = (char)(write(ready[1], &byte, 1) + read(end[0], &byte, 1));
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	result = stats_fetch(child, copy);
	close(end[1]);
	waitpid(child, NULL, 0);
	close(end[0]);
	close(ready[0]);
	close(ready[1]);
	return result;
}

static void spoil_nothing(void)
{
	int fd = open("/dev/null", O_RDONLY);

	if (fcntl(fd - 1, F_GETFD) < 0) /* a descriptor was used and left a gap */
		stats->level = 99;
	memset(stats->settings, 'x', sizeof(stats->settings));
}
static void spoil_magic(void)
{
	stats->magic[0] = 'x';
}
static void spoil_version(void)
{
	stats->version++;
}
static void spoil_level(void)
{
	stats->level = LEVEL_COUNT;
}
static void spoil_reason(void)
{
	stats->reason = 4000000000u;
}

START_TEST(counters)
{
	struct stats_page copy;

	ck_assert_int_eq(fetch_from_child(spoil_nothing, &copy), 0);
	ck_assert_uint_eq(copy.values[STAT_need], 77);
	ck_assert_uint_eq(strlen(copy.settings), sizeof(copy.settings) - 1);
	ck_assert_int_eq(fetch_from_child(NULL, &copy), -ENOENT);
	ck_assert_int_eq(fetch_from_child(spoil_magic, &copy), -EPROTO);
	ck_assert_int_eq(fetch_from_child(spoil_version, &copy), -EPROTO);
	ck_assert_int_eq(fetch_from_child(spoil_level, &copy), -EPROTO);
	ck_assert_int_eq(fetch_from_child(spoil_reason, &copy), -EPROTO);
	ck_assert_int_eq(stats_fetch(0x7ffffff0, &copy), -ESRCH);
}
END_TEST

/* A child's counters are its own, its gauges what it inherited; the parent's stay. */
START_TEST(counters_after_fork)
{
	int status;

	stats_publish(false);
	stats_set(STAT_limit, 5);
	stats_add(STAT_unlocks_held, 3);
	if (fork() == 0) {
		stats_publish(true);
		stats_add(STAT_unlocks_held, 1);
		_exit(stats_get(STAT_unlocks_held) == 1 && stats_get(STAT_limit) == 5 ? 0 : 1);
	}
	wait(&status);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(stats_get(STAT_unlocks_held), 3);
}
END_TEST

#define PAGES 64

START_TEST(ranges_model)
{
	static struct range memory[PAGES];
	unsigned model[PAGES] = {0};
	struct ranges r;

	ranges_init(&r, memory, PAGES);
	srand(1);
	for (int i = 0; i < 3000; i++) {
		unsigned a = (unsigned)rand() % PAGES, b = (unsigned)rand() % PAGES;
		unsigned start = a < b ? a : b, end = (a < b ? b : a) + 1;
		int amount = rand() % 5 - 2;
		bool set = rand() % 2;

		for (unsigned page = start; page < end; page++)
			model[page] = set ? (unsigned)(amount + 2)
				    : (int)model[page] + amount < 0 ? 0 : model[page] + (unsigned)amount;
		if (set)
			ranges_set(&r, start, end, (unsigned)(amount + 2));
		else
			ranges_add(&r, start, end, amount);
		for (unsigned page = 0; page < PAGES; page++)
			ck_assert_uint_eq(ranges_piece(&r, page, PAGES).value, model[page]);
		for (size_t k = 1; k < r.count; k++)
			ck_assert(r.at[k - 1].end < r.at[k].start || r.at[k - 1].value != r.at[k].value);
	}
	ck_assert(!r.overflow);
}
END_TEST

START_TEST(ranges_overflow)
{
	struct range memory[2];
	struct ranges r;

	ranges_init(&r, memory, 2);
	ranges_set(&r, 1, 2, 1);
	ranges_set(&r, 3, 4, 1);
	ck_assert(!r.overflow);
	ranges_set(&r, 5, 6, 1);
	ck_assert(r.overflow);
	ck_assert_uint_eq(ranges_bytes(&r), 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("system");
	TCase *t = tcase_create("system");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, maps_classes);
	tcase_add_test(t, maps_details);
	tcase_add_test(t, maps_of_this_process);
	tcase_add_test(t, limits_nothing);
	tcase_add_test(t, limits_nested);
	tcase_add_test(t, limits_version_1);
	tcase_add_test(t, limits_container);
	tcase_add_test(t, messages);
	tcase_add_test(t, counters);
	tcase_add_test(t, counters_after_fork);
	tcase_add_test(t, ranges_model);
	tcase_add_test(t, ranges_overflow);
	suite_add_tcase(s, t);
	srunner_set_tap(runner, "/dev/stdout");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
