/* SPDX-License-Identifier: MIT */
/* The set of ranges against a plain array of pages, with room enough and without. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "preload/ranges.h"
#include "suites.h"

#define PAGE  ((uintptr_t)4096)
#define BASE  ((uintptr_t)0x7f0000000000)
#define PAGES 64

static struct range memory[PAGES + 2];
static struct ranges set;
static unsigned model[PAGES];

static uintptr_t at(unsigned page)
{
	return BASE + page * PAGE;
}

static void start(size_t room)
{
	memset(memory, 0x5a, sizeof(memory));
	memset(model, 0, sizeof(model));
	ranges_init(&set, memory, room);
}

static void model_set(unsigned from, unsigned to, unsigned value)
{
	for (unsigned page = from; page < to; page++)
		model[page] = value;
}

static void model_add(unsigned from, unsigned to, int amount)
{
	for (unsigned page = from; page < to; page++)
		model[page] = (int)model[page] + amount < 0 ? 0 : (unsigned)((int)model[page] + amount);
}

/* Sorted, disjoint, joined, within the room; and what it holds. */
static void check_shape(void)
{
	const struct range *r = set.at;

	ck_assert_uint_le(set.count, set.room);
	for (size_t i = 0; i < set.count; i++) {
		ck_assert(r[i].start < r[i].end && r[i].value != 0);
		if (i == 0)
			continue;
		ck_assert(r[i - 1].end <= r[i].start);
		ck_assert(r[i - 1].end < r[i].start || r[i - 1].value != r[i].value);
	}
}

static void check_values(void)
{
	uint64_t bytes = 0;

	for (unsigned page = 0; page < PAGES; page++) {
		ck_assert_uint_eq(ranges_piece(&set, at(page), at(page + 1)).value, model[page]);
		bytes += model[page] ? PAGE : 0;
	}
	ck_assert_uint_eq(ranges_bytes(&set), bytes);
}

/* The pieces of any stretch are those of the model: each as long as its value goes. */
static void check_pieces(unsigned from, unsigned to)
{
	while (from < to) {
		struct range piece = ranges_piece(&set, at(from), at(to));
		unsigned end = from + 1;

		while (end < to && model[end] == model[from])
			end++;
		ck_assert_uint_eq(piece.start, at(from));
		ck_assert_uint_eq(piece.end, at(end));
		ck_assert_uint_eq(piece.value, model[from]);
		from = end;
	}
}

/* How many ranges hold what the model has. */
static size_t model_count(void)
{
	size_t count = 0;

	for (unsigned page = 0; page < PAGES; page++)
		count += model[page] && (page == 0 || model[page - 1] != model[page]);
	return count;
}

struct step {
	unsigned from, to;
	int amount;
	bool add;
};

static struct step random_step(void)
{
	unsigned a = (unsigned)rand() % PAGES, b = (unsigned)rand() % PAGES;
	struct step step = {a < b ? a : b, (a < b ? b : a) + 1, 0, rand() % 2};

	if (rand() % 3)
		step.to = step.from + 1 + (unsigned)rand() % 4;
	if (step.to > PAGES)
		step.to = PAGES;
	step.amount = step.add ? rand() % 5 - 2 : rand() % 4;
	return step;
}

static void take(const struct step *step)
{
	if (step->add)
		ranges_add(&set, at(step->from), at(step->to), step->amount);
	else
		ranges_set(&set, at(step->from), at(step->to), (unsigned)step->amount);
}

static void take_in_model(const struct step *step)
{
	if (step->add)
		model_add(step->from, step->to, step->amount);
	else
		model_set(step->from, step->to, (unsigned)step->amount);
}

START_TEST(as_a_plain_array)
{
	start(PAGES);
	srand((unsigned)_i);
	for (int i = 0; i < 3000; i++) {
		struct step step = random_step(), look = random_step();

		take(&step);
		take_in_model(&step);
		check_shape();
		check_values();
		check_pieces(look.from, look.to);
	}
	ck_assert(!set.overflow);
}
END_TEST

/* Without room, a change is lost in whole pieces, and that is told: no page has a value that it
 * neither had nor was to get, and the set stays well formed. A value that is set where what comes
 * out has room is not lost. */
static bool check_lost(const struct step *step)
{
	unsigned before[PAGES];
	bool lost = false, fits;

	memcpy(before, model, sizeof(before));
	take_in_model(step);
	fits = !step->add && model_count() <= set.room;
	for (unsigned page = 0; page < PAGES; page++) {
		unsigned value = ranges_piece(&set, at(page), at(page + 1)).value;

		ck_assert(value == model[page] || value == before[page]);
		lost |= value != model[page];
		model[page] = value; /* what goes on */
	}
	ck_assert(!fits || (!lost && !set.overflow));
	return lost;
}

START_TEST(without_room)
{
	int lost = 0, told = 0;

	start((size_t)_i);
	srand((unsigned)_i);
	for (int i = 0; i < 3000; i++) {
		struct step step = random_step();

		set.overflow = false;
		take(&step);
		check_shape();
		for (size_t k = set.room; k < sizeof(memory) / sizeof(*memory); k++)
			ck_assert_uint_eq(memory[k].value, 0x5a5a5a5a);
		if (check_lost(&step)) {
			ck_assert(set.overflow);
			lost++;
		}
		told += set.overflow;
		check_values();
	}
	ck_assert(lost > 0 && told >= lost);
}
END_TEST

START_TEST(nothing_to_do)
{
	start(4);
	ranges_set(&set, at(3), at(3), 1);
	ranges_set(&set, at(4), at(3), 1);
	ranges_add(&set, at(3), at(3), 1);
	ranges_add(&set, at(3), at(5), -1);
	ranges_add(&set, at(3), at(5), 0);
	ranges_set(&set, at(3), at(5), 0);
	ck_assert_uint_eq(set.count, 0);
	ck_assert_uint_eq(ranges_bytes(&set), 0);
	ck_assert(!set.overflow);
}
END_TEST

START_TEST(neighbours_are_joined)
{
	start(4);
	ranges_set(&set, at(1), at(2), 1);
	ranges_set(&set, at(3), at(4), 1);
	ranges_set(&set, at(2), at(3), 1);
	ck_assert_uint_eq(set.count, 1);
	ck_assert_uint_eq(set.at[0].start, at(1));
	ck_assert_uint_eq(set.at[0].end, at(4));
	ranges_set(&set, at(2), at(3), 2);
	ck_assert_uint_eq(set.count, 3);
	ranges_add(&set, at(2), at(3), -1);
	ck_assert_uint_eq(set.count, 1);
}
END_TEST

/* The ends of the address space, as addresses of pages. */
START_TEST(the_ends_of_memory)
{
	start(8);
	ranges_set(&set, 0, PAGE, 1);
	ranges_set(&set, UINTPTR_MAX - PAGE + 1, UINTPTR_MAX, 2);
	ck_assert_uint_eq(ranges_piece(&set, 0, UINTPTR_MAX).value, 1);
	ck_assert_uint_eq(ranges_piece(&set, PAGE, UINTPTR_MAX).end, UINTPTR_MAX - PAGE + 1);
	ranges_set(&set, 0, UINTPTR_MAX, 3);
	ck_assert_uint_eq(set.count, 1);
	ck_assert_uint_eq(ranges_bytes(&set), UINTPTR_MAX);
	ranges_set(&set, 0, UINTPTR_MAX, 0);
	ck_assert_uint_eq(set.count, 0);
}
END_TEST

/* A full set still takes what needs no more room. */
START_TEST(full_but_enough)
{
	start(2);
	ranges_set(&set, at(0), at(4), 1);
	ranges_set(&set, at(6), at(8), 2);
	ranges_set(&set, at(6), at(8), 3);
	ranges_set(&set, at(4), at(5), 1); /* grows the first */
	ck_assert_uint_eq(ranges_bytes(&set), 7 * PAGE);
	ranges_set(&set, at(0), at(8), 4);
	ck_assert_uint_eq(set.count, 1);
	ck_assert(!set.overflow);
}
END_TEST

Suite *ranges_suite(void)
{
	Suite *s = suite_create("ranges");
	TCase *t = tcase_create("ranges");

	tcase_add_loop_test(t, as_a_plain_array, 1, 5);
	tcase_add_loop_test(t, without_room, 0, 9);
	tcase_add_test(t, nothing_to_do);
	tcase_add_test(t, neighbours_are_joined);
	tcase_add_test(t, the_ends_of_memory);
	tcase_add_test(t, full_but_enough);
	suite_add_tcase(s, t);
	return s;
}
