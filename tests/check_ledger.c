/* SPDX-License-Identifier: MIT */
/* The ledger: what each function promises, and all of them in any order against an array of one
 * record a page, with memory for nodes and without. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preload/ledger.c" /* its tree, too */
#include "suites.h"

#define PAGE  ((uintptr_t)4096)
#define PAGES 48U
#define BASE  ((uintptr_t)0x7f0000000000)
#define LAST  (UINTPTR_MAX - PAGE + 1) /* the last page */

/* Memory for nodes. */

static void *chunks[4096];
static size_t chunk_count, chunks_allowed;

static void *grow(size_t size)
{
	void *chunk;

	ck_assert_uint_eq(size % (64 << 10), 0);
	if (chunk_count == chunks_allowed || chunk_count == COUNT(chunks))
		return NULL;
	chunk = malloc(size);
	ck_assert_ptr_nonnull(chunk);
	memset(chunk, 0xa5, size); /* it need not be zero */
	chunks[chunk_count++] = chunk;
	return chunk;
}

static struct ledger ledger;

static void start(void)
{
	chunk_count = 0;
	chunks_allowed = COUNT(chunks);
	ledger_init(&ledger, grow);
}

static void stop(void)
{
	for (size_t i = 0; i < chunk_count; i++)
		free(chunks[i]);
}

/* Takes the spare nodes away, but for so many. */
static struct ledger_node *leave_spare(size_t nodes)
{
	struct ledger_node *kept = NULL, *hidden;

	chunks_allowed = chunk_count;
	for (; nodes && ledger.spare; nodes--) {
		struct ledger_node *node = spare_take(&ledger);

		node->right = kept;
		kept = node;
	}
	hidden = ledger.spare;
	ledger.spare = NULL;
	spare_put_list(&ledger, kept);
	return hidden;
}

static void return_spare(struct ledger_node *hidden)
{
	struct ledger_node **last = &ledger.spare;

	while (*last)
		last = &(*last)->right;
	*last = hidden;
	chunks_allowed = COUNT(chunks);
}

/* The shape of the tree. */

static const char *tree_node_fault(const struct ledger_node *node)
{
	const struct ledger_node *children[] = {node->left, node->right};
	struct ledger_node copy = *node;

	if (node->range.start >= node->range.end || is_empty(node->range.record))
		return "an empty range";
	for (size_t i = 0; i < COUNT(children); i++) {
		if (children[i] && children[i]->parent != node)
			return "a wrong parent";
		if (children[i] && rank(children[i]) > rank(node))
			return "no heap";
	}
	return node_sum(&copy) ? "wrong bits" : NULL;
}

static const struct ledger_node *tree_first(const struct ledger_node *node)
{
	while (node && node->left)
		node = node->left;
	return node;
}

static const struct ledger_node *tree_next(const struct ledger_node *node)
{
	if (node->right)
		return tree_first(node->right);
	while (node->parent && node->parent->right == node)
		node = node->parent;
	return node->parent;
}

static const char *tree_fault(void)
{
	const struct ledger_node *last = NULL;
	size_t count = 0;

	if (ledger.root && ledger.root->parent)
		return "a parent of the root";
	for (const struct ledger_node *n = tree_first(ledger.root); n; last = n, n = tree_next(n)) {
		const char *fault = tree_node_fault(n);

		if (fault)
			return fault;
		if (last && last->range.end > n->range.start)
			return "no order";
		if (last && last->range.end == n->range.start &&
		    is_equal(last->range.record, n->range.record))
			return "neighbours that are not joined";
		count++;
	}
	return count == ledger.count ? NULL : "a wrong count";
}

static void check_tree(void)
{
	const char *fault = tree_fault();

	ck_assert_msg(fault == NULL, "%s", fault);
}

/* What each function promises. */

static uintptr_t at(unsigned page)
{
	return BASE + page * PAGE;
}

static const struct ledger_record none = {.class = 0},
				  heap = {.class = MAPS_HEAP + 1, .locked = true},
				  text = {.class = MAPS_TEXT + 1, .locked = true},
				  wants = {.class = MAPS_FILE + 1, .wanting = true},
				  counted = {.count = 2};

static void set(unsigned from, unsigned to, struct ledger_record record)
{
	ck_assert_int_eq(ledger_set(&ledger, at(from), at(to), record), 0);
	check_tree();
}

/* The ranges from the first to the last page, as "from-to:class ". */
static const char *shown(void)
{
	static char text_of[1024];
	struct ledger_range range = {.end = 0};
	int used = 0;

	text_of[0] = 0;
	while (ledger_next(&ledger, range.end, &range))
		used += snprintf(text_of + used, sizeof(text_of) - (size_t)used, "%d-%d:%d ",
				 (int)((range.start - BASE) / PAGE),
				 (int)((range.end - BASE) / PAGE), range.record.class);
	return text_of;
}

START_TEST(empty)
{
	struct ledger_range range;
	struct ledger_cut cut;

	start();
	ck_assert(!ledger_next(&ledger, 0, &range));
	ck_assert(!ledger_last(&ledger, -1, &range));
	ck_assert(!ledger_first_wanting(&ledger, &range));
	range = ledger_piece(&ledger, at(1), at(3));
	ck_assert(range.start == at(1) && range.end == at(3) && is_empty(range.record));
	ck_assert_int_eq(ledger_set(&ledger, at(3), at(3), heap), 0);
	ck_assert_int_eq(ledger_set(&ledger, at(4), at(3), heap), 0);
	ck_assert_int_eq(ledger_cut(&ledger, at(3), at(3), &cut), 0);
	ledger_paste(&ledger, &cut);
	ledger_drop(&ledger, &cut);
	ck_assert_uint_eq(chunk_count, 0); /* none of it needs memory */
	set(1, 2, none);
	ck_assert_uint_eq(ledger.count, 0);
	ledger_clear(&ledger);
	stop();
}
END_TEST

START_TEST(pieces)
{
	struct ledger_range piece;

	start();
	set(2, 6, heap);
	piece = ledger_piece(&ledger, at(0), at(9));
	ck_assert(piece.start == at(0) && piece.end == at(2) && is_empty(piece.record));
	piece = ledger_piece(&ledger, at(0), at(1));
	ck_assert(piece.end == at(1));
	piece = ledger_piece(&ledger, at(3), at(9));
	ck_assert(piece.start == at(3) && piece.end == at(6) && is_equal(piece.record, heap));
	piece = ledger_piece(&ledger, at(3), at(5));
	ck_assert(piece.end == at(5));
	piece = ledger_piece(&ledger, at(6), at(9));
	ck_assert(piece.end == at(9) && is_empty(piece.record));
	ck_assert(ledger_next(&ledger, at(5), &piece) && piece.start == at(2) &&
		  piece.end == at(6));
	ck_assert(!ledger_next(&ledger, at(6), &piece));
	stop();
}
END_TEST

START_TEST(sets_join_and_split)
{
	start();
	set(1, 2, heap);
	set(3, 4, heap);
	ck_assert_str_eq(shown(), "1-2:3 3-4:3 ");
	set(2, 3, heap);
	ck_assert_str_eq(shown(), "1-4:3 ");
	set(2, 3, text);
	ck_assert_str_eq(shown(), "1-2:3 2-3:5 3-4:3 ");
	set(2, 3, none);
	ck_assert_str_eq(shown(), "1-2:3 3-4:3 ");
	set(0, 9, text);
	ck_assert_str_eq(shown(), "0-9:5 ");
	set(0, 9, none);
	ck_assert_uint_eq(ledger.count, 0);
	ck_assert_uint_eq(ledger.used, 0);
	stop();
}
END_TEST

/* Records that differ in any one field are two. */
START_TEST(each_field_counts)
{
	static const struct ledger_record one[] = {{.class = 1},     {.residency = 1},
						   {.locked = true}, {.wanting = true},
						   {.count = 1},     {.thread = 1}};

	start();
	for (unsigned i = 0; i < COUNT(one); i++)
		set(i, i + 1, one[i]);
	ck_assert_uint_eq(ledger.count, COUNT(one));
	for (unsigned i = 0; i < COUNT(one); i++)
		ck_assert(is_equal(ledger_piece(&ledger, at(i), at(i + 1)).record, one[i]));
	stop();
}
END_TEST

START_TEST(sums)
{
	struct ledger_record both = heap;

	start();
	both.count = 1;
	set(0, 4, heap);
	set(4, 6, both);
	set(6, 7, counted);
	set(7, 10, wants);
	set(10, 20, (struct ledger_record){.class = MAPS_ANON + 1});
	ck_assert_uint_eq(ledger.used, 7 * PAGE);
	ck_assert_uint_eq(ledger.own, 6 * PAGE);
	ck_assert_uint_eq(ledger.program, 3 * PAGE);
	ck_assert_uint_eq(ledger.wanting, 3 * PAGE);
	ck_assert_uint_eq(ledger.class_own[MAPS_HEAP], 6 * PAGE);
	ck_assert_uint_eq(ledger.class_wanting[MAPS_FILE], 3 * PAGE);
	ledger_clear(&ledger);
	check_tree();
	ck_assert_uint_eq(ledger.count + ledger.used + ledger.own + ledger.program + ledger.wanting,
			  0);
	ck_assert_uint_eq(ledger.class_own[MAPS_HEAP] + ledger.class_wanting[MAPS_FILE], 0);
	stop();
}
END_TEST

static struct ledger_record count_up(struct ledger_record old, void *context)
{
	old.count += *(uint32_t *)context;
	return old;
}

START_TEST(changes_each_piece)
{
	uint32_t by = 1;

	start();
	set(2, 4, heap);
	ck_assert_int_eq(ledger_change(&ledger, at(1), at(6), count_up, &by), 0);
	check_tree();
	ck_assert_str_eq(shown(), "1-2:0 2-4:3 4-6:0 ");
	ck_assert_uint_eq(ledger.program, 5 * PAGE);
	ck_assert_int_eq(ledger_change(&ledger, at(3), at(3), count_up, &by), 0);
	ck_assert_uint_eq(ledger.program, 5 * PAGE);
	by = (uint32_t)-1;
	ck_assert_int_eq(ledger_change(&ledger, at(3), at(6), count_up, &by), 0);
	check_tree();
	ck_assert_str_eq(shown(), "1-2:0 2-3:3 3-4:3 ");
	by = 0;
	ck_assert_int_eq(ledger_change(&ledger, at(0), at(9), count_up, &by), 0);
	ck_assert_str_eq(shown(), "1-2:0 2-3:3 3-4:3 ");
	stop();
}
END_TEST

START_TEST(cuts_and_pastes)
{
	struct ledger_cut cut;

	start();
	set(0, 10, heap);
	set(4, 5, text);
	ck_assert_int_eq(ledger_cut(&ledger, at(2), at(7), &cut), 0);
	check_tree();
	ck_assert_str_eq(shown(), "0-2:3 7-10:3 ");
	ck_assert_uint_eq(ledger.own, 5 * PAGE);
	ledger_paste(&ledger, &cut);
	check_tree();
	ck_assert_str_eq(shown(), "0-4:3 4-5:5 5-10:3 ");
	ck_assert_uint_eq(ledger.own, 10 * PAGE);
	ledger_drop(&ledger, &cut); /* there is nothing left in it */
	ck_assert_int_eq(ledger_cut(&ledger, at(2), at(7), &cut), 0);
	ledger_move(&ledger, &cut, at(10));
	check_tree();
	ck_assert_str_eq(shown(), "0-2:3 7-12:3 12-13:5 13-15:3 ");
	ck_assert_int_eq(ledger_cut(&ledger, at(0), at(20), &cut), 0);
	ck_assert_uint_eq(ledger.count, 0);
	ck_assert_uint_eq(ledger.own, 0);
	ledger_drop(&ledger, &cut);
	stop();
}
END_TEST

/* What lies in the way of a paste gives way, also where no memory is left: even a cut of nothing.
 */
START_TEST(pastes_over)
{
	struct ledger_cut cut, nothing;

	start();
	set(3, 4, text);
	ck_assert_int_eq(ledger_cut(&ledger, at(2), at(7), &cut), 0);
	ck_assert_int_eq(ledger_cut(&ledger, at(20), at(21), &nothing), 0);
	set(0, 30, heap);
	leave_spare(0);
	ledger_paste(&ledger, &cut);
	check_tree();
	ck_assert_str_eq(shown(), "0-2:3 3-4:5 7-30:3 ");
	leave_spare(0);
	ledger_paste(&ledger, &nothing);
	check_tree();
	ck_assert_str_eq(shown(), "0-2:3 3-4:5 7-20:3 21-30:3 ");
	stop();
}
END_TEST

START_TEST(last_and_first)
{
	struct ledger_range range;

	start();
	set(1, 2, text);
	set(3, 4, heap);
	set(5, 6, text);
	set(7, 8, heap);
	set(8, 9, wants);
	ck_assert(ledger_last(&ledger, -1, &range) && range.start == at(5));
	ck_assert(ledger_last(&ledger, MAPS_HEAP, &range) && range.start == at(5));
	ck_assert(!ledger_last(&ledger, MAPS_TEXT, &range));
	ck_assert(!ledger_last(&ledger, MAPS_CLASSES, &range));
	set(5, 6, none);
	ck_assert(ledger_last(&ledger, -1, &range) && range.start == at(1));
	set(1, 2, none);
	ck_assert(ledger_last(&ledger, -1, &range) && range.start == at(7) && range.end == at(8));
	ck_assert(ledger_first_wanting(&ledger, &range) && range.start == at(8));
	set(20, 21, wants);
	set(30, 31, (struct ledger_record){.class = MAPS_STACK + 1, .wanting = true});
	ck_assert(ledger_first_wanting(&ledger, &range) && range.start == at(30));
	set(30, 31, none);
	ck_assert(ledger_first_wanting(&ledger, &range) && range.start == at(8));
	stop();
}
END_TEST

/* The ends of the address space, as addresses of pages: the last one's end has no address. */
START_TEST(the_ends_of_memory)
{
	struct ledger_range range;
	struct ledger_cut cut;

	start();
	ck_assert_int_eq(ledger_set(&ledger, 0, PAGE, heap), 0);
	ck_assert_int_eq(ledger_set(&ledger, LAST, UINTPTR_MAX, text), 0);
	check_tree();
	ck_assert(is_equal(ledger_piece(&ledger, 0, UINTPTR_MAX).record, heap));
	ck_assert_uint_eq(ledger_piece(&ledger, PAGE, UINTPTR_MAX).end, LAST);
	ck_assert(ledger_next(&ledger, LAST, &range) && range.end == UINTPTR_MAX);
	ck_assert(!ledger_next(&ledger, UINTPTR_MAX, &range));
	ck_assert_int_eq(ledger_cut(&ledger, LAST - PAGE, UINTPTR_MAX, &cut), 0);
	ledger_move(&ledger, &cut, 0);
	check_tree();
	ck_assert(!ledger_next(&ledger, 2 * PAGE, &range));
	ck_assert_int_eq(ledger_set(&ledger, 0, UINTPTR_MAX, heap), 0);
	check_tree();
	ck_assert_uint_eq(ledger.count, 1);
	ck_assert_uint_eq(ledger.own, UINTPTR_MAX);
	ck_assert_int_eq(ledger_set(&ledger, 0, UINTPTR_MAX, none), 0);
	ck_assert_uint_eq(ledger.used + ledger.count, 0);
	stop();
}
END_TEST

/* Many ranges, in an order that would make a list of a plain tree, from more chunks than one. */
START_TEST(many)
{
	enum { MANY = 20000 };
	size_t deepest = 0, chunks_before;

	start();
	for (unsigned i = 0; i < MANY; i++)
		ck_assert_int_eq(ledger_set(&ledger, at(2 * i), at(2 * i + 1), heap), 0);
	check_tree();
	ck_assert_uint_eq(ledger.count, MANY);
	for (const struct ledger_node *n = tree_first(ledger.root); n; n = tree_next(n)) {
		size_t depth = 0;

		for (const struct ledger_node *up = n; up; up = up->parent)
			depth++;
		deepest = depth > deepest ? depth : deepest;
	}
	ck_assert_uint_lt(deepest, 64); /* of 15 at best; above 50 once in a million trees */
	chunks_before = chunk_count;
	ck_assert_uint_gt(chunks_before, 1);
	ledger_clear(&ledger);
	for (unsigned i = 0; i < MANY; i++)
		ck_assert_int_eq(ledger_set(&ledger, at(2 * i), at(2 * i + 1), text), 0);
	check_tree();
	ck_assert_uint_eq(chunk_count, chunks_before); /* the nodes served again */
	stop();
}
END_TEST

/* A change takes memory for all its pieces before the first: none has changed without it. */
START_TEST(changes_all_or_nothing)
{
	struct ledger_node *hidden;
	char before[1024];
	uint32_t by = 1;

	start();
	for (unsigned i = 0; i < 8; i++)
		set(4 * i, 4 * i + 2, heap);
	snprintf(before, sizeof(before), "%s", shown());
	for (size_t nodes = 0; nodes < SPLITS + 8; nodes++) {
		hidden = leave_spare(nodes);
		ck_assert_int_eq(ledger_change(&ledger, at(1), at(33), count_up, &by), -ENOMEM);
		check_tree();
		ck_assert_str_eq(shown(), before);
		ck_assert_uint_eq(ledger.program, 0);
		return_spare(hidden);
	}
	leave_spare(SPLITS + 8);
	ck_assert_int_eq(ledger_change(&ledger, at(1), at(33), count_up, &by), 0);
	ck_assert_uint_eq(ledger.program, 32 * PAGE);
	check_tree();
	stop();
}
END_TEST

/* Any of it, against an array. */

static struct ledger_record model[PAGES];

static unsigned pick(unsigned below)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % below);
}

static struct ledger_record random_record(void)
{
	static const uint8_t classes[] = {1, MAPS_HEAP + 1, MAPS_TEXT + 1, MAPS_CLASSES};
	struct ledger_record r = {.count = pick(8) == 0};

	if (pick(4) == 0)
		return r;
	r.class = classes[pick(COUNT(classes))];
	r.residency = (uint8_t)pick(2);
	r.locked = pick(2);
	r.wanting = !r.locked && pick(2);
	r.thread = pick(8) == 0;
	return r;
}

/* Sums by adding pages; equal to the ledger's or a fault. */
static const char *model_fault(void)
{
	struct ledger sum = {.count = 0};
	struct ledger_range range = {.end = 0};

	for (unsigned i = 0; i < PAGES; i++) {
		const struct ledger_record *r = &model[i];

		sum.used += r->locked || r->count ? PAGE : 0;
		sum.own += r->locked ? PAGE : 0;
		sum.wanting += r->wanting ? PAGE : 0;
		sum.program += r->count ? PAGE : 0;
		if (r->class && r->locked)
			sum.class_own[r->class - 1] += PAGE;
		if (r->class && r->wanting)
			sum.class_wanting[r->class - 1] += PAGE;
	}
	if (sum.used != ledger.used || sum.own != ledger.own || sum.wanting != ledger.wanting ||
	    sum.program != ledger.program ||
	    memcmp(sum.class_own, ledger.class_own, sizeof(sum.class_own)) != 0 ||
	    memcmp(sum.class_wanting, ledger.class_wanting, sizeof(sum.class_wanting)) != 0)
		return "a wrong sum";
	for (unsigned i = 0; i < PAGES;) {
		unsigned end = i + 1;

		while (end < PAGES && is_equal(model[end], model[i]))
			end++;
		if (!is_empty(model[i]) &&
		    (!ledger_next(&ledger, range.end, &range) || range.start != at(i) ||
		     range.end != at(end) || !is_equal(range.record, model[i])))
			return "a wrong range";
		i = end;
	}
	return ledger_next(&ledger, range.end, &range) ? "a range too many" : NULL;
}

/* The same by looking at each page. */
static const char *order_fault(void)
{
	int above = (int)pick(MAPS_CLASSES + 1) - 1, last = -1, first = -1;
	struct ledger_range range;

	for (unsigned i = 0; i < PAGES; i++) {
		if (model[i].locked && model[i].class > above + 1 &&
		    (last < 0 || model[i].class >= model[last].class))
			last = (int)i;
		if (model[i].wanting && (first < 0 || model[i].class < model[first].class))
			first = (int)i;
	}
	if (ledger_last(&ledger, above, &range) != (last >= 0) ||
	    (last >= 0 && range.end != at((unsigned)last + 1)))
		return "another last one";
	if (ledger_first_wanting(&ledger, &range) != (first >= 0) ||
	    (first >= 0 && range.start != at((unsigned)first)))
		return "another first one that wants";
	return NULL;
}

static void model_set(unsigned from, unsigned to, struct ledger_record record)
{
	for (unsigned i = from; i < to; i++)
		model[i] = record;
}

/* A pure function of the record with every outcome: the same, empty, another. */
static struct ledger_record turn(struct ledger_record r, void *context)
{
	switch (*(unsigned *)context) {
	case 0:
		r.count++;
		break;
	case 1:
		r.count = r.count > 1 ? r.count - 1 : 0;
		break;
	case 2:
		r.locked = r.class && r.wanting;
		r.wanting = false;
		break;
	case 3:
		r = r.locked ? none : r;
		break;
	default:
		r = is_empty(r) ? heap : none;
		break;
	}
	return r;
}

static void step_set(unsigned from, unsigned to)
{
	struct ledger_record record = random_record();

	if (ledger_set(&ledger, at(from), at(to), record) == 0)
		model_set(from, to, record);
}

static void step_change(unsigned from, unsigned to)
{
	unsigned how = pick(5);

	if (ledger_change(&ledger, at(from), at(to), turn, &how) == 0)
		for (unsigned i = from; i < to; i++)
			model[i] = turn(model[i], &how);
}

/* Cuts; what happens meanwhile; and puts back, moves or drops. */
static void step_cut(unsigned from, unsigned to)
{
	struct ledger_record taken[PAGES];
	struct ledger_cut cut;
	unsigned target, end = pick(4);

	if (ledger_cut(&ledger, at(from), at(to), &cut) != 0)
		return;
	memcpy(taken, model + from, (to - from) * sizeof(*taken));
	model_set(from, to, none);
	if (pick(2)) {
		target = pick(PAGES);
		step_set(target, target + 1 + pick(PAGES - target));
	}
	if (end == 0) {
		ledger_drop(&ledger, &cut);
		return;
	}
	target = end == 1 ? pick(PAGES - (to - from) + 1) : from;
	if (target == from)
		ledger_paste(&ledger, &cut);
	else
		ledger_move(&ledger, &cut, at(target));
	memcpy(model + target, taken, (to - from) * sizeof(*taken));
}

static void random_step(void)
{
	unsigned from = pick(PAGES), to = from + 1 + pick(pick(3) ? 4 : PAGES);

	to = to > PAGES ? PAGES : to;
	switch (pick(8)) {
	case 0:
	case 1:
		step_change(from, to);
		break;
	case 2:
		step_cut(from, to);
		break;
	case 3:
		if (pick(500) == 0) {
			ledger_clear(&ledger);
			model_set(0, PAGES, none);
		}
		break;
	default:
		step_set(from, to);
		break;
	}
}

/* In the odd ones few nodes are there at times. */
START_TEST(as_an_array)
{
	enum { STEPS = 150000 };
	unsigned refused = 0;

	start();
	model_set(0, PAGES, none);
	for (int i = 0; i < _i; i++)
		pick(2); /* another sequence */
	for (int i = 0; i < STEPS; i++) {
		bool tight = _i % 2 && pick(4) == 0;
		struct ledger_node *hidden = tight ? leave_spare(pick(6)) : NULL;
		const char *fault;

		random_step();
		if (tight)
			return_spare(hidden);
		refused += tight;
		fault = model_fault();
		fault = fault ? fault : order_fault();
		fault = fault ? fault : tree_fault();
		if (fault)
			ck_abort_msg("step %d: %s", i, fault);
	}
	ck_assert(_i % 2 == 0 || refused > 0);
	stop();
}
END_TEST

Suite *ledger_suite(void)
{
	Suite *s = suite_create("ledger");
	TCase *t = tcase_create("ledger");

	tcase_add_test(t, empty);
	tcase_add_test(t, pieces);
	tcase_add_test(t, sets_join_and_split);
	tcase_add_test(t, each_field_counts);
	tcase_add_test(t, sums);
	tcase_add_test(t, changes_each_piece);
	tcase_add_test(t, cuts_and_pastes);
	tcase_add_test(t, pastes_over);
	tcase_add_test(t, last_and_first);
	tcase_add_test(t, the_ends_of_memory);
	tcase_add_test(t, many);
	tcase_add_test(t, changes_all_or_nothing);
	tcase_add_loop_test(t, as_an_array, 0, 8);
	suite_add_tcase(s, t);
	return s;
}
