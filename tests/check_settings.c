/* SPDX-License-Identifier: MIT */
/* Unit tests of sizes, texts and settings. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/options.h"
#include "suites.h"

static const struct {
	const char *word;
	int error;
	uint64_t bytes;
	unsigned permille;
	const char *printed;
} sizes[] = {
	{"0", 0, 0, 0, "0"},
	{"4096", 0, 4096, 0, "4K"},
	{"64K", 0, 64 << 10, 0, "64K"},
	{"64k", 0, 64 << 10, 0, "64K"},
	{"64KiB", 0, 64 << 10, 0, "64K"},
	{"64kb", 0, 64 << 10, 0, "64K"},
	{"1.5G", 0, 3ull << 29, 0, "1536M"},
	{"2T", 0, 2ull << 40, 0, "2T"},
	{"1000", 0, 1000, 0, "1000B"},
	{"1000B", 0, 1000, 0, "1000B"},
	{"4097", 0, 4097, 0, "4097"},
	{"25%", 0, 0, 250, "25%"},
	{"12.5%", 0, 0, 125, "12.5%"},
	{"100%", 0, 0, 1000, "100%"},
	{"101%", -ERANGE, 0, 0, NULL},
	{"1.55%", -EINVAL, 0, 0, NULL},
	{"", -EINVAL, 0, 0, NULL},
	{"K", -EINVAL, 0, 0, NULL},
	{"-1", -EINVAL, 0, 0, NULL},
	{"1.5", -EINVAL, 0, 0, NULL},
	{"1.K", -EINVAL, 0, 0, NULL},
	{"12Q", -EINVAL, 0, 0, NULL},
	{"12Kx", -EINVAL, 0, 0, NULL},
	{"1 K", -EINVAL, 0, 0, NULL},
	{"99999999999999999999", -ERANGE, 0, 0, NULL},
	{"9000000000T", -ERANGE, 0, 0, NULL},
	{"8191.5T", 0, (16383ull << 40) / 2, 0, "8388096G"},
	{"5555519.1T", -ERANGE, 0, 0, NULL},
	{"9007199254740992", -ERANGE, 0, 0, NULL},
};

START_TEST(size_words)
{
	struct size size;
	char printed[24];

	ck_assert_int_eq(size_parse(sizes[_i].word, &size), sizes[_i].error);
	if (sizes[_i].error)
		return;
	ck_assert_uint_eq(size.bytes, sizes[_i].bytes);
	ck_assert_uint_eq(size.permille, sizes[_i].permille);
	size_print(size, printed);
	ck_assert_str_eq(printed, sizes[_i].printed);
}
END_TEST

START_TEST(size_shares)
{
	ck_assert_uint_eq(size_of((struct size){.permille = 250}, 4000), 1000);
	ck_assert_uint_eq(size_of((struct size){.permille = 750}, UINT64_MAX), UINT64_MAX / 1000 * 750 + 615 * 750 / 1000);
	ck_assert_uint_eq(size_of((struct size){.bytes = 7}, 4000), 7);
	ck_assert_uint_eq(size_page_up(1), size_page());
	ck_assert_uint_eq(size_page_down(2 * size_page() - 1), size_page());
	ck_assert_uint_eq(size_page_up(UINTPTR_MAX), 0);
}
END_TEST

START_TEST(text_conversions)
{
	char buffer[200];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	text_add(&t, "%s|%5s|%c|%d|%u|%x|%lu|%zu|%%|%4d", "a", "bc", 'd', -12, 34u, 0xabcu,
		 18446744073709551615ul, (size_t)56, 7);
	ck_assert_str_eq(buffer, "a|   bc|d|-12|34|abc|18446744073709551615|56|%|   7");
	ck_assert(!t.cut);
	text_init(&t, buffer, 4);
	text_add(&t, "abcdef");
	ck_assert_str_eq(buffer, "abc");
	ck_assert(t.cut);
}
END_TEST

static const struct {
	uint64_t bytes;
	const char *text;
} figures[] = {
	{0, "0 KiB"}, {1024, "1 KiB"}, {1536, "1.5 KiB"}, {262144, "256 KiB"}, {1 << 20, "1 MiB"},
	{(1 << 20) - 1, "1023 KiB"}, {10905600, "10.4 MiB"}, {3ull << 29, "1.5 GiB"}, {1ull << 60, "1 EiB"},
};

START_TEST(text_figures)
{
	char buffer[32];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	text_size(&t, figures[_i].bytes);
	ck_assert_str_eq(buffer, figures[_i].text);
}
END_TEST

START_TEST(text_strings)
{
	char buffer[64];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	text_json(&t, "a\"b\\c\n\x1f\xc3\xa9");
	ck_assert_str_eq(buffer, "\"a\\\"b\\\\c\\u000a\\u001f\xc3\xa9\"");
}
END_TEST

static const struct {
	const char *text;
	unsigned base;
	uint64_t number;
	int length; /* 0 where there is no number */
} numbers[] = {
	{"0", 10, 0, 1},
	{"42 kB", 10, 42, 2},
	{"7f3a-", 16, 0x7f3a, 4},
	{"00DeadBeef", 16, 0xdeadbeef, 10},
	{"18446744073709551615", 10, UINT64_MAX, 20},
	{"ffffffffffffffff", 16, UINT64_MAX, 16},
	{"0755", 8, 0755, 4},
	{"798", 8, 7, 1},
	{"12a", 10, 12, 2},
	{"18446744073709551616", 10, 0, 0},
	{"20000000000000000000", 10, 0, 0},
	{"10000000000000000", 16, 0, 0},
	{"", 10, 0, 0},
	{"max", 10, 0, 0},
	{"-1", 10, 0, 0},
	{"+1", 10, 0, 0},
	{" 1", 10, 0, 0},
	{"@", 16, 0, 0}, /* these stand before the letters */
	{"`", 16, 0, 0},
	{"g", 16, 0, 0},
	{"/", 16, 0, 0},
	{":", 16, 0, 0},
};

START_TEST(text_numbers)
{
	const char *text = numbers[_i].text;
	uint64_t number = 77;
	const char *behind = text_number(text, numbers[_i].base, &number);

	ck_assert_ptr_eq(behind, numbers[_i].length ? text + numbers[_i].length : NULL);
	ck_assert_uint_eq(number, numbers[_i].length ? numbers[_i].number : 77);
}
END_TEST

static const struct {
	const char *from;
	const char *text;
} words[] = {
	{"", ""}, {"1M", "1M"}, {"a\nb\x1b[2J", "a?b?[2J"}, {"\xc3\xa9", "\xc3\xa9"},
#define TEN "0123456789"
	{TEN TEN TEN TEN TEN TEN "0123", TEN TEN TEN TEN TEN TEN "0123"},
	{TEN TEN TEN TEN TEN TEN "01234", TEN TEN TEN TEN TEN TEN "0123..."},
	{TEN TEN TEN TEN TEN TEN "012\xc3\xa9", TEN TEN TEN TEN TEN TEN "012..."}, /* not half of it */
};

START_TEST(text_words)
{
	char buffer[100];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	text_shown(&t, words[_i].from);
	ck_assert_str_eq(buffer, words[_i].text);
}
END_TEST

/* Collects complaints, a line each. */
static void collect(void *context, const char *line)
{
	strcat(strcat(context, line), "\n");
}

static struct options options;
static char complaints[2000];

static int read_options(char *const *environment)
{
	*complaints = '\0';
	return options_read(&options, environment, collect, complaints);
}

static void check_printed(const char *name, const char *expected)
{
	char buffer[64];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	options_print(&options, options_find(name), &t);
	ck_assert_msg(strcmp(buffer, expected) == 0, "%s is %s, not %s", name, buffer, expected);
}

/* The table of the design. */
static const char *const profiles[][4] = {
	{"LOCK", "onfault", "eager", "eager"}, {"STACK", "256K", "1M", "256K"},
	{"THREAD_STACK", "64K", "256K", "64K"}, {"HEAP", "1M", "32M", "256M"},
	{"THREAD_HEAP", "0", "1M", "0"}, {"LARGE", "128K", "128K", "128K"},
	{"LARGE_RESERVE", "0", "0", "0"}, {"LARGE_RETAIN", "64M", "all", "all"},
	{"HUGE", "off", "off", "off"}, {"FILES", "onfault", "onfault", "onfault"},
	{"MAX", "75%", "75%", "75%"}, {"UNLOCK", "hold", "hold", "hold"},
	{"FORK", "relock", "relock", "relock"}, {"EXEC", "inherit", "inherit", "inherit"},
	{"ONLY", "", "", ""}, {"ON_ERROR", "warn", "abort", "warn"}, {"REPORT", "", "", ""},
	{"VERBOSE", "1", "1", "1"},
};

START_TEST(option_defaults)
{
	char *service[] = {NULL};
	char *realtime[] = {(char *)"RAMLOCK_PROFILE=realtime", NULL};
	char *benchmark[] = {(char *)"RAMLOCK_PROFILE=benchmark", NULL};
	char *const *environments[] = {service, realtime, benchmark};

	for (int profile = 0; profile < 3; profile++) {
		ck_assert_int_eq(read_options(environments[profile]), 0);
		ck_assert_int_eq(options.profile, profile);
		check_printed(profiles[_i][0], profiles[_i][profile + 1]);
	}
}
END_TEST

START_TEST(option_beats_profile)
{
	char *before[] = {(char *)"RAMLOCK_STACK=2M", (char *)"RAMLOCK_PROFILE=realtime", NULL};
	char *after[] = {(char *)"RAMLOCK_PROFILE=realtime", (char *)"RAMLOCK_STACK=2M", NULL};

	read_options(before);
	check_printed("STACK", "2M");
	check_printed("HEAP", "32M");
	ck_assert(options_given(&options, OPTION_INDEX_STACK));
	ck_assert(!options_given(&options, OPTION_INDEX_HEAP));
	read_options(after);
	check_printed("STACK", "2M");
}
END_TEST

START_TEST(option_mistakes)
{
	char *environment[] = {(char *)"RAMLOCK_LOCK=always", (char *)"PATH=/", (char *)"RAMLOCK_STACK=25%",
			       (char *)"RAMLOCK_HAEP=1M", (char *)"RAMLOCK_NONSENSE=1",
			       (char *)"RAMLOCK_HEAP=", (char *)"RAMLOCK_TOLD=/tmp/x",
			       (char *)"RAMLOCK_VERBOSE=4", (char *)"RAMLOCK_THREAD_HEAP=32",
			       (char *)"RAMLOCK_LARGE=32", (char *)"RAMLOCK_LARGE_RESERVE=0",
			       (char *)"RAMLOCK_MAX=4095", (char *)"RAMLOCK_LARGE_RETAIN=4095B", NULL};

	ck_assert_int_eq(read_options(environment), 7);
	ck_assert_str_eq(complaints,
			 "RAMLOCK_LOCK=always: no such value; allowed: onfault, eager, current or none\n"
			 "RAMLOCK_STACK=25%: no such value; allowed: a size such as 64K or 1.5G\n"
			 "RAMLOCK_HAEP: no such setting; the nearest is RAMLOCK_HEAP\n"
			 "RAMLOCK_NONSENSE: no such setting; see libramlock(7)\n"
			 "RAMLOCK_VERBOSE=4: no such value; allowed: 0 to 3\n"
			 "RAMLOCK_THREAD_HEAP=32: is 32 bytes; write 32M for MiB, 32K for KiB; allowed: a size such as 64K or 1.5G\n"
			 "RAMLOCK_MAX=4095: is 4095 bytes; write 4095M for MiB, 4095K for KiB; allowed: a size such as 64K or 1.5G, or a share such as 25%\n");
	check_printed("THREAD_HEAP", "0");
	check_printed("LARGE", "32B");
	check_printed("MAX", "75%");
	check_printed("LARGE_RETAIN", "4095B");
	check_printed("LOCK", "onfault");
	check_printed("STACK", "256K");
	check_printed("HEAP", "1M");
}
END_TEST

START_TEST(option_round_trip)
{
	const struct option_row *row = &option_rows[_i];
	char buffer[64], again[64], why[200];
	struct text t;

	for (int profile = 0; profile < PROFILE_COUNT; profile++) {
		text_init(&t, why, sizeof(why));
		ck_assert_int_eq(options_set(&options, row, row->defaults[profile], "x", &t), 0);
		text_init(&t, buffer, sizeof(buffer));
		options_print(&options, row, &t);
		text_init(&t, why, sizeof(why));
		ck_assert_int_eq(options_set(&options, row, buffer, "x", &t), 0);
		text_init(&t, again, sizeof(again));
		options_print(&options, row, &t);
		ck_assert_str_eq(buffer, again);
	}
	ck_assert_ptr_eq(options_find(row->name), row);
}
END_TEST

START_TEST(option_names)
{
	ck_assert_str_eq(options_find("thread-stack")->name, "THREAD_STACK");
	ck_assert_ptr_eq(options_find("thread"), NULL);
	ck_assert_str_eq(options_nearest("trhead-stack")->name, "THREAD_STACK");
	ck_assert_str_eq(options_nearest("prof")->name, "PROFILE");
	ck_assert_ptr_eq(options_nearest("something-else"), NULL);
	ck_assert_ptr_eq(options_nearest("x"), NULL);
	ck_assert_ptr_eq(options_nearest(""), NULL);
	ck_assert_uint_eq(options_slips("rnu", "run"), 1);
	ck_assert_uint_eq(options_slips("foo", "run"), OPTIONS_FAR);
	ck_assert_uint_eq(options_slips("THRAED-STAK", "thread_stack"), 2);
	ck_assert_uint_eq(options_slips("verion", "VERBOSE"), OPTIONS_FAR);
}
END_TEST

START_TEST(option_only)
{
	options = (struct options){0};
	ck_assert(options_meant(&options, "anything"));
	options.only = "redis*, java,pyth?n3";
	ck_assert(options_meant(&options, "redis-server"));
	ck_assert(options_meant(&options, "java"));
	ck_assert(options_meant(&options, "python3"));
	ck_assert(!options_meant(&options, "javac"));
}
END_TEST

Suite *settings_suite(void)
{
	Suite *s = suite_create("settings");
	TCase *t = tcase_create("settings");

	tcase_add_loop_test(t, size_words, 0, sizeof(sizes) / sizeof(*sizes));
	tcase_add_test(t, size_shares);
	tcase_add_test(t, text_conversions);
	tcase_add_loop_test(t, text_figures, 0, sizeof(figures) / sizeof(*figures));
	tcase_add_test(t, text_strings);
	tcase_add_loop_test(t, text_numbers, 0, COUNT(numbers));
	tcase_add_loop_test(t, text_words, 0, COUNT(words));
	tcase_add_loop_test(t, option_defaults, 0, sizeof(profiles) / sizeof(*profiles));
	tcase_add_test(t, option_beats_profile);
	tcase_add_test(t, option_mistakes);
	tcase_add_loop_test(t, option_round_trip, 0, OPTION_COUNT);
	tcase_add_test(t, option_names);
	tcase_add_test(t, option_only);
	suite_add_tcase(s, t);
	return s;
}
