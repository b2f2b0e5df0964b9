/* SPDX-License-Identifier: MIT */
/* Unit tests of times as people write them, and of the timeline. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/duration.h"
#include "cli/timeline.h"
#include "cli_suites.h"

static const struct {
	const char *word;
	int error;
	uint64_t time;
} words[] = {
	{"0", 0, 0},
	{"2", 0, 2 * DURATION_SECOND},
	{"2s", 0, 2 * DURATION_SECOND},
	{"1.5", 0, 3 * DURATION_SECOND / 2},
	{"0.25s", 0, DURATION_SECOND / 4},
	{"500ms", 0, DURATION_SECOND / 2},
	{"1.5ms", 0, 1500000},
	{"7us", 0, 7000},
	{"2m", 0, 120 * DURATION_SECOND},
	{"2min", 0, 120 * DURATION_SECOND},
	{"1h", 0, 3600 * DURATION_SECOND},
	{"8784h", 0, 8784 * 3600 * DURATION_SECOND},
	{"8785h", -ERANGE, 0},
	{"99999999999999999999", -ERANGE, 0},
	{"", -EINVAL, 0},
	{"s", -EINVAL, 0},
	{".5", -EINVAL, 0},
	{"1.", -EINVAL, 0},
	{"1.s", -EINVAL, 0},
	{"-1", -EINVAL, 0},
	{"1 s", -EINVAL, 0},
	{"1S", -EINVAL, 0},
	{"1d", -EINVAL, 0},
	{"1.2.3", -EINVAL, 0},
};

START_TEST(duration_words)
{
	uint64_t time = 77;

	ck_assert_int_eq(duration_parse(words[_i].word, &time), words[_i].error);
	ck_assert_uint_eq(time, words[_i].error ? 77 : words[_i].time);
}
END_TEST

static void print_to(const struct timeline *t, size_t most, int plain, char *to, size_t size)
{
	FILE *file = fmemopen(to, size, "w");

	timeline_print(t, most, plain, file);
	fclose(file);
}

START_TEST(timeline_blocks)
{
	struct timeline t = {0};
	char line[64];

	for (int i = 0; i < 8; i++)
		for (int k = 0; k < i; k++)
			timeline_add(&t, (uint64_t)i * 1000000);
	print_to(&t, 80, 1, line, sizeof(line));
	ck_assert_str_eq(line, " :-=+*#@");
	print_to(&t, 80, 0, line, sizeof(line));
	ck_assert_str_eq(line, " ▂▃▄▅▆▇█");
	print_to(&t, 4, 1, line, sizeof(line));
	ck_assert_str_eq(line, ".=*@");
}
END_TEST

/* One event beside a million is seen, and is less than two thirds of them. */
START_TEST(timeline_lowest)
{
	struct timeline t = {0};
	char line[16];

	t.width = 1000000;
	t.bins[0] = 1000000;
	t.bins[1] = 1;
	t.bins[3] = 600000;
	t.used = 4;
	print_to(&t, 80, 1, line, sizeof(line));
	ck_assert_str_eq(line, "@. +");
}
END_TEST

/* However long it takes, all events are there, in order. */
START_TEST(timeline_widens)
{
	struct timeline t = {0};
	uint64_t columns[10], sum = 0;

	for (uint64_t i = 0; i < 1000; i++)
		timeline_add(&t, i * 3600 * 1000000);
	ck_assert_uint_ge(t.width * TIMELINE_BINS, 999ull * 3600 * 1000000);
	for (size_t i = 0; i < TIMELINE_BINS; i++)
		sum += t.bins[i];
	ck_assert_uint_eq(sum, 1000);
	ck_assert_uint_eq(timeline_columns(&t, columns, 10), 10);
	for (int i = 0; i < 10; i++) {
		ck_assert_uint_ge(columns[i], 98);
		ck_assert_uint_le(columns[i], 102);
	}
}
END_TEST

START_TEST(timeline_quiet_end)
{
	struct timeline t = {0};
	char line[16];

	timeline_add(&t, 0);
	timeline_end(&t, 3999999);
	print_to(&t, 80, 1, line, sizeof(line));
	ck_assert_str_eq(line, "@   ");
}
END_TEST

Suite *times_suite(void)
{
	Suite *s = suite_create("times");
	TCase *t = tcase_create("times");

	tcase_add_loop_test(t, duration_words, 0, sizeof(words) / sizeof(*words));
	tcase_add_test(t, timeline_blocks);
	tcase_add_test(t, timeline_lowest);
	tcase_add_test(t, timeline_widens);
	tcase_add_test(t, timeline_quiet_end);
	suite_add_tcase(s, t);
	return s;
}
