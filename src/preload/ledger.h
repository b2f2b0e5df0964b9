/* SPDX-License-Identifier: MIT */
/* The ledger: what is known of each range of addresses: its class, how resident the policy wants it, and
 * who holds a lock on it.
 *
 * A balanced tree of disjoint ranges whose records are not empty; neighbours with equal records are one
 * range. A change costs O(log n) for each range that it touches, and the sums cost nothing to read.
 * Nodes come from chunks that the owner maps (ledger_init), so there is no fixed number of ranges.
 * Iterative: no call takes more than 256 bytes of stack. Not thread-safe. Addresses are whole pages.
 * Errors are -errno; on an error nothing has changed. */
#ifndef RAMLOCK_LEDGER_H
#define RAMLOCK_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/maps.h"

/* How the policy wants memory: not locked, locked when it is touched, locked and resident at once. */
enum residency { RESIDENCY_UNLOCKED, RESIDENCY_ON_FAULT, RESIDENCY_RESIDENT };

/* All zero is the empty record: nothing is known, nothing is held. */
struct ledger_record {
	uint8_t class;	   /* enum map_class + 1; 0 where nothing but the program's count is known */
	uint8_t residency; /* enum residency */
	bool locked;	   /* the library holds a lock on this range by itself (level ranges) */
	bool wanting;	   /* the library wants a lock and has no room for it */
	uint32_t count;	   /* how many locks of the program are on it */
	uint32_t thread;   /* the id of the thread whose stack it is, or 0 */
};

struct ledger_range {
	uintptr_t start, end;
	struct ledger_record record;
};

struct ledger_node; /* a range in the tree */

/* Ranges that were taken out, in order of address, to be put back (ledger_paste) or dropped. */
struct ledger_cut {
	struct ledger_node *first;
	uintptr_t start, end; /* of the cut, not of the ranges in it */
};

struct ledger {
	struct ledger_node *root;
	struct ledger_node *spare; /* nodes that are free */
	void *(*grow)(size_t size); /* maps a chunk of nodes; NULL where there is no memory */
	size_t count;		    /* ranges in the tree */
	uint64_t used;		    /* bytes that are locked by the library or the program, each once */
	uint64_t own;		    /* bytes that the library holds a lock on */
	uint64_t wanting;	    /* bytes that it wants a lock on and has no room for */
	uint64_t program;	    /* bytes with a count */
	uint64_t class_own[MAPS_CLASSES], class_wanting[MAPS_CLASSES];
};

/* grow is called with a multiple of the page size when there is no spare node. */
void ledger_init(struct ledger *l, void *(*grow)(size_t size));

/* Nodes to begin with, in aligned memory of the owner's: a small ledger needs no chunk. */
void ledger_lend(struct ledger *l, void *memory, size_t size);

/* Makes sure that nodes for so many ranges are there: 0 or -ENOMEM. */
int ledger_reserve(struct ledger *l, size_t ranges);

/* The range of one record (also the empty one) that begins at start, cut at end. start < end. */
struct ledger_range ledger_piece(const struct ledger *l, uintptr_t start, uintptr_t end);

/* The first range with a record that ends above an address: false where there is none. */
bool ledger_next(const struct ledger *l, uintptr_t above, struct ledger_range *range);

/* Gives all of [start, end) one record; the empty one takes it out. 0 or -ENOMEM. */
int ledger_set(struct ledger *l, uintptr_t start, uintptr_t end, struct ledger_record record);

/* Changes the record of each piece of [start, end), empty ones too, by a function that returns the new
 * record. 0 or -ENOMEM, then none of it has changed: the function is pure and may be called twice for
 * a piece. */
int ledger_change(struct ledger *l, uintptr_t start, uintptr_t end,
		  struct ledger_record (*change)(struct ledger_record old, void *context), void *context);

/* Takes the ranges of [start, end) out of the tree and of the sums. 0 or -ENOMEM (a range is split at
 * either end of the cut). Nothing is allocated by the other three, which can't fail: paste puts the
 * ranges of a cut back where they were, after their old addresses were emptied (what lies there by now
 * is replaced: call it where nothing can); move does it at other addresses; drop forgets them. */
int ledger_cut(struct ledger *l, uintptr_t start, uintptr_t end, struct ledger_cut *cut);
void ledger_paste(struct ledger *l, struct ledger_cut *cut);
void ledger_move(struct ledger *l, struct ledger_cut *cut, uintptr_t to);
void ledger_drop(struct ledger *l, struct ledger_cut *cut);

/* Of the ranges that the library locked, the one that is first to be given back: of the highest class
 * (enum map_class is the order), the one at the highest address. With above, only of a class above that
 * one; -1 for any. False where there is none. O(log n). */
bool ledger_last(const struct ledger *l, int above, struct ledger_range *range);

/* Of the ranges that want a lock, the one that is first to get it: of the lowest class, the one at the
 * lowest address. False where there is none. O(log n). */
bool ledger_first_wanting(const struct ledger *l, struct ledger_range *range);

/* Forgets everything; the nodes become spare. O(n). */
void ledger_clear(struct ledger *l);

#endif
