/* SPDX-License-Identifier: MIT */
/* What is known of each range of addresses: a treap of ranges, with sums.
 *
 * A treap is a search tree by address and a heap by a random rank. It needs no balance to be kept
 * when it changes, so its code is half that of an AVL tree. The rank is a hash of the node's own
 * address: it needs no field and no generator. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "preload/ledger.h"

/* A multiple of the page size of every Linux. */
#define CHUNK ((size_t)64 << 10)

/* What set, at most, takes before it gives any back: a range is split at its start and end. */
#define SPLITS 2

/* In the tree by left, right and parent; in a cut and among the spare ones right is the next. */
struct ledger_node {
	struct ledger_range range;
	uint16_t locked, wanting; /* of its subtree: bits of the classes of such ranges */
	struct ledger_node *left, *right, *parent;
};

/* A spare node stands for itself and those behind it that were never used, so that a new chunk is
 * touched as it is needed, not at once. */
#define SPARE_RUN(node) ((node)->range.start)

_Static_assert(MAPS_CLASSES < 16, "a class is a bit of 16, the unknown one too");

void ledger_init(struct ledger *l, void *(*grow)(size_t size))
{
	*l = (struct ledger){.grow = grow};
}

/* Spare nodes. */

static void spare_put(struct ledger *l, struct ledger_node *node, size_t run)
{
	SPARE_RUN(node) = run;
	node->right = l->spare;
	l->spare = node;
}

static struct ledger_node *spare_take(struct ledger *l)
{
	struct ledger_node *node = l->spare;
	size_t run = SPARE_RUN(node);

	l->spare = node->right;
	if (run > 1)
		spare_put(l, node + 1, run - 1);
	return node;
}

void ledger_lend(struct ledger *l, void *memory, size_t size)
{
	if (size >= sizeof(struct ledger_node))
		spare_put(l, memory, size / sizeof(struct ledger_node));
}

/* Makes sure that so many are spare: 0 or -ENOMEM. */
static int spare_reserve(struct ledger *l, size_t wanted)
{
	size_t found = 0;

	for (const struct ledger_node *n = l->spare; n && found < wanted; n = n->right)
		found += SPARE_RUN(n);
	while (found < wanted) {
		struct ledger_node *chunk = l->grow(CHUNK);

		if (chunk == NULL)
			return -ENOMEM;
		spare_put(l, chunk, CHUNK / sizeof(*chunk));
		found += CHUNK / sizeof(*chunk);
	}
	return 0;
}

int ledger_reserve(struct ledger *l, size_t ranges)
{
	return spare_reserve(l, ranges);
}

static void spare_put_list(struct ledger *l, struct ledger_node *list)
{
	while (list) {
		struct ledger_node *next = list->right;

		spare_put(l, list, 1);
		list = next;
	}
}

/* Records. */

static bool is_empty(struct ledger_record r)
{
	return !r.class && !r.residency && !r.locked && !r.wanting && !r.count && !r.thread;
}

static bool is_equal(struct ledger_record a, struct ledger_record b)
{
	return a.class == b.class && a.residency == b.residency && a.locked == b.locked &&
	       a.wanting == b.wanting && a.count == b.count && a.thread == b.thread;
}

/* Adds a range to the sums, or takes it out. */
static void account(struct ledger *l, const struct ledger_range *range, bool add)
{
	const struct ledger_record r = range->record;
	uint64_t size = range->end - range->start, bytes = add ? size : 0 - size;

	if (r.locked || r.count)
		l->used += bytes;
	if (r.locked)
		l->own += bytes;
	if (r.wanting)
		l->wanting += bytes;
	if (r.count)
		l->program += bytes;
	if (r.locked && r.class)
		l->class_own[r.class - 1] += bytes;
	if (r.wanting && r.class)
		l->class_wanting[r.class - 1] += bytes;
}

/* Whether there is anything is read without the owner's lock. */
static void count_set(struct ledger *l, size_t count)
{
	__atomic_store_n(&l->count, count, __ATOMIC_RELAXED);
}

/* The tree. */

/* Each address has another one. */
static uint64_t rank(const struct ledger_node *node)
{
	uint64_t x = (uintptr_t)node;

	x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

static uint16_t bit_if(bool has, struct ledger_record record)
{
	return has ? (uint16_t)(1U << record.class) : 0;
}

/* Its subtree's bits, from its children's: whether they have changed. */
static bool node_sum(struct ledger_node *node)
{
	const struct ledger_node *left = node->left, *right = node->right;
	unsigned locked = bit_if(node->range.record.locked, node->range.record);
	unsigned wanting = bit_if(node->range.record.wanting, node->range.record);
	bool changed;

	if (left) {
		locked |= left->locked;
		wanting |= left->wanting;
	}
	if (right) {
		locked |= right->locked;
		wanting |= right->wanting;
	}
	changed = locked != node->locked || wanting != node->wanting;
	node->locked = (uint16_t)locked;
	node->wanting = (uint16_t)wanting;
	return changed;
}

static void node_sum_up(struct ledger_node *node)
{
	while (node && node_sum(node))
		node = node->parent;
}

/* The pointer that points at a node. */
static struct ledger_node **node_slot(struct ledger *l, const struct ledger_node *node)
{
	if (node->parent == NULL)
		return &l->root;
	return node->parent->left == node ? &node->parent->left : &node->parent->right;
}

/* Puts a node in the place of its parent, which becomes its child. */
static void node_rotate(struct ledger *l, struct ledger_node *node)
{
	struct ledger_node *parent = node->parent, *inner;

	*node_slot(l, parent) = node;
	if (parent->left == node) {
		inner = node->right;
		parent->left = inner;
		node->right = parent;
	} else {
		inner = node->left;
		parent->right = inner;
		node->left = parent;
	}
	if (inner)
		inner->parent = parent;
	node->parent = parent->parent;
	parent->parent = node;
	node_sum(parent);
	node_sum(node);
}

static void node_insert(struct ledger *l, struct ledger_node *node)
{
	struct ledger_node **slot = &l->root;

	node->left = node->right = node->parent = NULL;
	while (*slot) {
		node->parent = *slot;
		slot = node->range.start < node->parent->range.start ? &node->parent->left
								     : &node->parent->right;
	}
	*slot = node;
	node_sum(node);
	while (node->parent && rank(node) > rank(node->parent))
		node_rotate(l, node);
	node_sum_up(node->parent);
	count_set(l, l->count + 1);
	account(l, &node->range, true);
}

static void node_remove(struct ledger *l, struct ledger_node *node)
{
	while (node->left || node->right) {
		struct ledger_node *left = node->left, *right = node->right;

		if (right == NULL || (left && rank(left) > rank(right)))
			node_rotate(l, left);
		else
			node_rotate(l, right);
	}
	*node_slot(l, node) = NULL;
	node_sum_up(node->parent);
	count_set(l, l->count - 1);
	account(l, &node->range, false);
}

static void node_end(struct ledger *l, struct ledger_node *node, uintptr_t end)
{
	account(l, &node->range, false);
	node->range.end = end;
	account(l, &node->range, true);
}

/* The first that ends above an address. */
static struct ledger_node *find(const struct ledger *l, uintptr_t above)
{
	struct ledger_node *node = l->root, *found = NULL;

	while (node) {
		if (node->range.end > above) {
			found = node;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return found;
}

/* Ranges. */

/* Splits the range that an address is in, so that one begins there; takes one spare node. */
static void split(struct ledger *l, uintptr_t at)
{
	struct ledger_node *left = find(l, at), *right;

	if (left == NULL || left->range.start >= at)
		return;
	right = spare_take(l);
	right->range = (struct ledger_range){at, left->range.end, left->range.record};
	node_end(l, left, at);
	node_insert(l, right);
}

/* Joins the ranges that touch at an address, if their records are equal. */
static void join(struct ledger *l, uintptr_t at)
{
	struct ledger_node *right = find(l, at), *left = at ? find(l, at - 1) : NULL;

	if (left == right || left == NULL || right == NULL ||
	    left->range.end != right->range.start ||
	    !is_equal(left->range.record, right->range.record))
		return;
	node_remove(l, right);
	node_end(l, left, right->range.end);
	spare_put(l, right, 1);
}

/* Takes all nodes of a range out, and gives them as a list. Takes SPLITS spare nodes. */
static struct ledger_node *take_out(struct ledger *l, uintptr_t start, uintptr_t end)
{
	struct ledger_node *first = NULL, **last = &first, *node;

	split(l, start);
	split(l, end);
	while ((node = find(l, start)) && node->range.start < end) {
		node_remove(l, node);
		*last = node;
		last = &node->right;
		*last = NULL;
	}
	return first;
}

/* As ledger_set, with the spare nodes that it takes. */
static void put(struct ledger *l, uintptr_t start, uintptr_t end, struct ledger_record record)
{
	spare_put_list(l, take_out(l, start, end));
	if (!is_empty(record)) {
		struct ledger_node *node = spare_take(l);

		node->range = (struct ledger_range){start, end, record};
		node_insert(l, node);
	}
	join(l, end);
	join(l, start);
}

struct ledger_range ledger_piece(const struct ledger *l, uintptr_t start, uintptr_t end)
{
	const struct ledger_node *node = find(l, start);
	struct ledger_range piece = {.start = start, .end = end};
	uintptr_t until;

	if (node == NULL)
		return piece;
	until = node->range.start;
	if (until <= start) {
		piece.record = node->range.record;
		until = node->range.end;
	}
	if (until < end)
		piece.end = until;
	return piece;
}

bool ledger_next(const struct ledger *l, uintptr_t above, struct ledger_range *range)
{
	const struct ledger_node *node = find(l, above);

	if (node == NULL)
		return false;
	*range = node->range;
	return true;
}

int ledger_set(struct ledger *l, uintptr_t start, uintptr_t end, struct ledger_record record)
{
	int error;

	if (start >= end)
		return 0;
	error = spare_reserve(l, SPLITS);
	if (error)
		return error;
	put(l, start, end, record);
	return 0;
}

/* Pieces that have a record keep their nodes; each that has none may need one, besides the two of
 * the ends. */
int ledger_change(struct ledger *l, uintptr_t start, uintptr_t end,
		  struct ledger_record (*change)(struct ledger_record old, void *context),
		  void *context)
{
	struct ledger_range piece;
	size_t nodes = SPLITS;
	int error;

	for (uintptr_t at = start; at < end; at = piece.end) {
		piece = ledger_piece(l, at, end);
		nodes += is_empty(piece.record) && !is_empty(change(piece.record, context));
	}
	error = spare_reserve(l, nodes);
	if (error)
		return error;
	for (uintptr_t at = start; at < end; at = piece.end) {
		struct ledger_record record;

		piece = ledger_piece(l, at, end);
		record = change(piece.record, context);
		if (!is_equal(record, piece.record))
			put(l, piece.start, piece.end, record);
	}
	return 0;
}

/* The cut takes the nodes with it that paste and move need to make room. They come last. */
int ledger_cut(struct ledger *l, uintptr_t start, uintptr_t end, struct ledger_cut *cut)
{
	struct ledger_node **last = &cut->first;
	int error;

	*cut = (struct ledger_cut){.start = start, .end = start};
	if (start >= end)
		return 0;
	error = spare_reserve(l, SPLITS + SPLITS);
	if (error)
		return error;
	cut->end = end;
	cut->first = take_out(l, start, end);
	while (*last)
		last = &(*last)->right;
	for (int i = 0; i < SPLITS; i++) {
		*last = spare_take(l);
		(*last)->range = (struct ledger_range){.start = 0, .end = 0};
		last = &(*last)->right;
	}
	*last = NULL;
	return 0;
}

void ledger_paste(struct ledger *l, struct ledger_cut *cut)
{
	ledger_move(l, cut, cut->start);
}

void ledger_move(struct ledger *l, struct ledger_cut *cut, uintptr_t to)
{
	const uintptr_t end = to + (cut->end - cut->start);
	struct ledger_node **spare = &cut->first, *list, *next;

	if (cut->first == NULL)
		return;
	while ((*spare)->range.end)
		spare = &(*spare)->right;
	spare_put_list(l, *spare);
	*spare = NULL;
	list = cut->first;
	cut->first = NULL;
	spare_put_list(l, take_out(l, to, end));
	for (; list; list = next) {
		next = list->right;
		list->range.start = to + (list->range.start - cut->start);
		list->range.end = to + (list->range.end - cut->start);
		node_insert(l, list);
	}
	join(l, end);
	join(l, to);
}

void ledger_drop(struct ledger *l, struct ledger_cut *cut)
{
	spare_put_list(l, cut->first);
	cut->first = NULL;
}

bool ledger_last(const struct ledger *l, int above, struct ledger_range *range)
{
	const struct ledger_node *node = l->root;
	unsigned classes = node ? node->locked : 0, wanted;

	if (above >= 0)
		classes = classes >> (above + 2) << (above + 2);
	if (classes == 0)
		return false;
	wanted = 1U << (31 - __builtin_clz(classes));
	for (;;) {
		if (node->right && node->right->locked & wanted)
			node = node->right;
		else if (bit_if(node->range.record.locked, node->range.record) == wanted)
			break;
		else
			node = node->left;
	}
	*range = node->range;
	return true;
}

bool ledger_first_wanting(const struct ledger *l, struct ledger_range *range)
{
	const struct ledger_node *node = l->root;
	unsigned wanted;

	if (node == NULL || node->wanting == 0)
		return false;
	wanted = node->wanting & -node->wanting;
	for (;;) {
		if (node->left && node->left->wanting & wanted)
			node = node->left;
		else if (bit_if(node->range.record.wanting, node->range.record) == wanted)
			break;
		else
			node = node->right;
	}
	*range = node->range;
	return true;
}

/* Leaf by leaf. */
void ledger_clear(struct ledger *l)
{
	struct ledger_node *node = l->root;

	while (node) {
		struct ledger_node *child = node->left ? node->left : node->right,
				   *parent = node->parent;

		if (child) {
			node = child;
			continue;
		}
		*node_slot(l, node) = NULL;
		spare_put(l, node, 1);
		node = parent;
	}
	l->used = l->own = l->wanting = l->program = 0;
	memset(l->class_own, 0, sizeof(l->class_own));
	memset(l->class_wanting, 0, sizeof(l->class_wanting));
	count_set(l, 0);
}
