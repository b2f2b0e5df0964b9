/* SPDX-License-Identifier: MIT */
/* Unit tests of the settings that follow from what was measured. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/advice.h"
#include "cli/touched.h"
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

/* A machine on which nothing is short. */
static const struct means plenty = {.stack = MEANS_ALL, .memory = 1ull << 40};

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
	ck_assert_uint_eq(advice_make(&outcome, &options, &plenty, list), row->setting != NULL);
	if (row->setting == NULL)
		return;
	ck_assert_str_eq(list->setting, row->setting);
	ck_assert_str_eq(list->value, row->value);
	ck_assert_int_eq(list->given, row->given);
	ck_assert_uint_eq(list->cost, row->cost);
	ck_assert_uint_gt(strlen(list->reason), 0);
}
END_TEST

static uint64_t random_size(void)
{
	return (uint64_t)rand() << (rand() % 16) >> (rand() % 24);
}

static uint64_t bytes_of(const struct advice *row)
{
	struct size size;

	ck_assert_int_eq(size_parse(row->value, &size), 0);
	return size.bytes;
}

static const struct advice *find(const struct advice *list, size_t count, const char *setting)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].setting, setting) == 0)
			return &list[i];
	return NULL;
}

/* What is mapped and would become resident is little, or was touched in proportion. */
static void check_mapped(const struct advice *row, uint64_t mapped, uint64_t touched, uint64_t memory)
{
	if (row == NULL)
		return;
	ck_assert_uint_le(mapped, memory);
	ck_assert(mapped <= 64 << 20 || mapped / 16 <= touched);
}

/* Tables of faults at random, on machines at random: what is suggested is within their means. */
START_TEST(advice_within_means)
{
	struct outcome_row places[PLACE_KINDS];
	struct outcome f = {.sampled = true, .list = places, .count = PLACE_KINDS};
	struct means means;
	char *environment[] = {NULL};
	struct advice list[OPTION_COUNT];
	struct options now;
	uint64_t taken, beyond = 0, used;
	size_t count;

	srand((unsigned)_i);
	means = (struct means){.stack = random_size(), .memory = random_size(), .tight = rand() % 2,
			       .no_heap = rand() % 2};
	for (int kind = 0; kind < PLACE_KINDS; kind++) {
		places[kind] = (struct outcome_row){.kind = kind, .minor = random_size() >> 12};
		f.reach[kind] = rand() % 3 ? random_size() : 0;
		f.number[kind] = 1 + (kind == PLACE_ARENA || kind == PLACE_THREAD_STACK ? rand() % 50 : 0);
	}
	f.large_peak = random_size();
	f.large_resident = random_size();
	f.large_grown = rand() % 2 ? random_size() : 0;
	f.anon_mapped = random_size();
	f.files_mapped = random_size();
	options_read(&now, environment, ignore, NULL);
	taken = now.stack + now.heap + now.large_reserve;
	count = advice_make(&f, &now, &means, list);
	for (size_t i = 0; i < count; i++) {
		const struct option_row *row = options_find(list[i].setting);
		uint64_t default_bytes;

		if (row->kind != OPTION_SIZE)
			continue;
		default_bytes = *(const uint64_t *)((const char *)&now + row->offset);
		used = bytes_of(&list[i]);
		ck_assert_uint_eq(list[i].given, used == default_bytes);
		if (used > default_bytes)
			beyond += list[i].cost - list[i].cost / used * default_bytes;
	}
	ck_assert(beyond == 0 || beyond + taken <= means.memory);
	if (find(list, count, "STACK"))
		ck_assert_uint_le(bytes_of(find(list, count, "STACK")), means.stack);
	else
		ck_assert_uint_ge(means.stack, now.stack);
	if (find(list, count, "THREAD_HEAP"))
		ck_assert_uint_le(bytes_of(find(list, count, "THREAD_HEAP")), 64 << 20);
	if (find(list, count, "HEAP"))
		ck_assert_uint_le(bytes_of(find(list, count, "HEAP")),
				  (f.reach[PLACE_HEAP] + f.reach[PLACE_HEAP] / 8 + (1 << 20)));
	if (means.no_heap)
		ck_assert(!find(list, count, "HEAP") && !find(list, count, "THREAD_HEAP"));
	check_mapped(find(list, count, "LOCK"), f.anon_mapped,
		     (places[PLACE_ANON].minor + places[PLACE_TEXT].minor + places[PLACE_DATA].minor) * 4096,
		     means.memory);
	check_mapped(find(list, count, "FILES"), f.files_mapped, places[PLACE_FILE].minor * 65536,
		     means.memory);
}
END_TEST

/* The default is more than a small RLIMIT_STACK holds: less is suggested, hit or not. */
START_TEST(advice_below_default)
{
	const struct means means = {.stack = 100 << 10, .memory = 1 << 30};
	struct outcome f = {.sampled = true};
	char *none[] = {NULL}, *given[] = {(char *)"RAMLOCK_STACK=200K", NULL};
	struct advice list[OPTION_COUNT];
	struct options now;

	options_read(&now, none, ignore, NULL);
	ck_assert_uint_eq(advice_make(&f, &now, &means, list), 1);
	ck_assert_str_eq(list->value, "64K");
	ck_assert(!list->given);
	options_read(&now, given, ignore, NULL);
	ck_assert_uint_eq(advice_make(&f, &now, &means, list), 1);
	ck_assert_str_eq(list->value, "200K");
}
END_TEST

/* --- how far a reserve has to reach -------------------------------------------------------- */

#define TOP 0x7ffffffff000ull

START_TEST(reach_of_touches)
{
	struct touched t = {0};

	ck_assert_uint_eq(touched_reach(&t, TOP, true, 0), 0);
	for (int i = 1; i <= 20; i++)
		touched_add(&t, TOP - (uint64_t)i * 4096);
	ck_assert_uint_eq(touched_reach(&t, TOP, true, 0), 20 * 4096);
	touched_add(&t, TOP - (8 << 20)); /* ruby probes the end of its stack */
	touched_add(&t, TOP - (8 << 20) + 4096);
	ck_assert_uint_eq(touched_reach(&t, TOP, true, 0), 20 * 4096);
	touched_add(&t, TOP - (200 << 10)); /* behind a buffer of which little was used */
	ck_assert_uint_eq(touched_reach(&t, TOP, true, 0), 200 << 10);
	/* what was resident before counts as touched, once */
	ck_assert_uint_eq(touched_reach(&t, TOP, true, 2 << 20), 8 << 20);
	ck_assert_uint_eq(touched_reach(&t, TOP, true, 512 << 10), 200 << 10);
	touched_free(&t);
}
END_TEST

/* Against a plain count over random pages: never out of proportion, and what is dense is whole. */
START_TEST(reach_of_random_touches)
{
	static bool pages[1 << 16];
	struct touched t = {0};
	const bool down = _i % 2;
	size_t span, touched = 0, number;
	uint64_t reach;

	srand((unsigned)_i);
	memset(pages, 0, sizeof(pages));
	span = 1 + (size_t)rand() % (sizeof(pages) / sizeof(*pages));
	number = 1 + (size_t)rand() % span;
	for (size_t i = 0; i < number; i++) {
		size_t page = (size_t)rand() % span;

		pages[page] = true;
		touched_add(&t, down ? TOP - (page + 1) * 4096 : TOP + page * 4096);
	}
	reach = touched_reach(&t, TOP, down, 0);
	for (size_t i = 0; i < reach / 4096; i++)
		touched += pages[i];
	ck_assert(reach <= TOUCHED_LITTLE || reach <= touched * 4096 * TOUCHED_SHARE);
	ck_assert(reach == 0 || pages[reach / 4096 - 1]);
	for (size_t i = reach / 4096; i < span; i++) { /* what lies farther does not pay */
		touched += pages[i];
		ck_assert(!pages[i] || (i + 1) * 4096 > touched * 4096 * TOUCHED_SHARE);
	}
	touched_free(&t);
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
	for (size_t i = advice_make(&outcome, &options, &plenty, list); i-- > 0;)
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
	ck_assert_uint_eq(advice_make(&outcome, &options, &plenty, list), 1);
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
	tcase_add_loop_test(t, advice_within_means, 0, 2000);
	tcase_add_test(t, advice_below_default);
	tcase_add_test(t, reach_of_touches);
	tcase_add_loop_test(t, reach_of_random_touches, 0, 200);
	suite_add_tcase(s, t);
	return s;
}
