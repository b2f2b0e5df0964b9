/* SPDX-License-Identifier: MIT */
/* Unit tests of the settings that follow from what was measured. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/advice.h"
#include "cli_suites.h"

static const struct row {
	const char *environment; /* one setting, or NULL */
	struct outcome_row place; /* its reach is the largest of its kind */
	uint64_t number, large_peak, large_grown;
	const char *setting, *value; /* expected, NULL for no advice */
	bool given;
	uint64_t cost;
} rows[] = {
	/* as deep as the default, and deeper */
	{NULL, {.kind = PLACE_STACK, .minor = 9, .reach = 40 << 10}, 1, 0, 0, "STACK", "256K", true, 256 << 10},
	{NULL, {.kind = PLACE_STACK, .minor = 9, .reach = 708 << 10}, 1, 0, 0, "STACK", "832K", false, 832 << 10},
	{NULL, {.kind = PLACE_STACK, .minor = 0, .reach = 708 << 10}, 1, 0, 0, NULL, NULL, false, 0},
	{"RAMLOCK_STACK=64K", {.kind = PLACE_STACK, .minor = 9, .reach = 40 << 10}, 1, 0, 0, "STACK", "64K", true, 64 << 10},
	{"RAMLOCK_STACK=32K", {.kind = PLACE_STACK, .minor = 9, .reach = 40 << 10}, 1, 0, 0, "STACK", "64K", false, 64 << 10},
	{NULL, {.kind = PLACE_THREAD_STACK, .minor = 9, .reach = 128 << 10}, 5, 0, 0, "THREAD_STACK", "144K", false, 720 << 10},
	{NULL, {.kind = PLACE_HEAP, .major = 1, .reach = 3 << 20}, 1, 0, 0, "HEAP", "3584K", false, 3584 << 10},
	{NULL, {.kind = PLACE_ARENA, .minor = 1, .reach = 132 << 10}, 4, 0, 0, "THREAD_HEAP", "192K", false, 768 << 10},
	{NULL, {.kind = PLACE_OTHER}, 0, 40 << 20, 40 << 20, "LARGE_RESERVE", "50M", false, 50 << 20},
	{NULL, {.kind = PLACE_OTHER}, 0, 40 << 20, 0, NULL, NULL, false, 0},
	{"RAMLOCK_LARGE=off", {.kind = PLACE_OTHER}, 0, 40 << 20, 40 << 20, "LARGE", "off", true, UINT64_MAX},
	{NULL, {.kind = PLACE_ANON, .minor = 7}, 1, 0, 0, "LOCK", "eager", false, 1 << 20},
	{NULL, {.kind = PLACE_TEXT, .minor = 7}, 1, 0, 0, "LOCK", "eager", false, 1 << 20},
	{NULL, {.kind = PLACE_DATA, .minor = 7, .forked = 7}, 1, 0, 0, NULL, NULL, false, 0},
	{"RAMLOCK_LOCK=eager", {.kind = PLACE_ANON, .minor = 7}, 1, 0, 0, "LOCK", "eager", true, 1 << 20},
	{NULL, {.kind = PLACE_FILE, .minor = 7}, 1, 0, 0, "FILES", "eager", false, 2 << 20},
	{"RAMLOCK_MAX=50%", {.kind = PLACE_OTHER}, 0, 0, 0, "MAX", "50%", true, UINT64_MAX},
};

static void ignore(void *context, const char *line)
{
	(void)context;
	ck_abort_msg("%s", line);
}

START_TEST(advice_of_a_place)
{
	const struct row *row = &rows[_i];
	struct outcome_row place = row->place;
	struct outcome outcome = {.sampled = true, .list = &place, .count = 1, .anon_mapped = 1 << 20,
				  .files_mapped = 2 << 20, .large_peak = row->large_peak,
				  .large_resident = row->large_grown, .large_grown = row->large_grown};
	char *environment[] = {(char *)row->environment, NULL};
	struct advice list[OPTION_COUNT];
	struct options options;

	outcome.reach[place.kind] = place.reach;
	outcome.number[place.kind] = row->number;
	options_read(&options, environment, ignore, NULL);
	ck_assert_uint_eq(advice_make(&outcome, &options, list), row->setting != NULL);
	if (row->setting == NULL)
		return;
	ck_assert_str_eq(list->setting, row->setting);
	ck_assert_str_eq(list->value, row->value);
	ck_assert_int_eq(list->given, row->given);
	ck_assert_uint_eq(list->cost, row->cost);
	ck_assert_uint_gt(strlen(list->reason), 0);
}
END_TEST

/* Every value is one that the settings' own parser takes. */
START_TEST(advice_is_valid)
{
	struct outcome_row place = rows[_i].place;
	struct outcome outcome = {.sampled = true, .list = &place, .count = 1,
				  .large_peak = rows[_i].large_peak, .large_grown = rows[_i].large_grown};
	char *environment[] = {(char *)rows[_i].environment, NULL};
	struct advice list[OPTION_COUNT];
	struct options options;
	char line[200];
	struct text why;

	outcome.reach[place.kind] = place.reach + 12345;
	options_read(&options, environment, ignore, NULL);
	text_init(&why, line, sizeof(line));
	for (size_t i = advice_make(&outcome, &options, list); i-- > 0;)
		ck_assert_int_eq(options_set(&options, options_find(list[i].setting), list[i].value,
					     "advice", &why), 0);
}
END_TEST

/* Without samples it is known how far stack and heap reached, not what faulted. */
START_TEST(advice_without_samples)
{
	struct outcome outcome = {.sampled = false};
	struct advice list[OPTION_COUNT];
	char *environment[] = {NULL};
	struct options options;

	outcome.reach[PLACE_STACK] = 1 << 20;
	options_read(&options, environment, ignore, NULL);
	ck_assert_uint_eq(advice_make(&outcome, &options, list), 1);
	ck_assert_str_eq(list->setting, "STACK");
	ck_assert_str_eq(list->value, "1152K");
}
END_TEST

Suite *advice_suite(void)
{
	Suite *s = suite_create("advice");
	TCase *t = tcase_create("advice");

	tcase_add_loop_test(t, advice_of_a_place, 0, sizeof(rows) / sizeof(*rows));
	tcase_add_loop_test(t, advice_is_valid, 0, sizeof(rows) / sizeof(*rows));
	tcase_add_test(t, advice_without_samples);
	suite_add_tcase(s, t);
	return s;
}
