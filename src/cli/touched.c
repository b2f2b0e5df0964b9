/* SPDX-License-Identifier: MIT */
/* Keeps a bit a page, over the span of what was touched. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/touched.h"

#define GROUP	    16		/* pages */
#define GROUPS_MOST (16u << 20) /* 1 TiB of addresses, 32 MiB of bits */
#define ROOM	    64		/* groups that are added at once */

/* Makes the span hold a group. */
static bool make_room(struct touched *t, uint64_t group)
{
	const uint64_t last = t->first + t->count;
	const uint64_t first = t->count && t->first <= group ? t->first : group - group % ROOM;
	const uint64_t end = (t->count && group < last ? last - 1 : group) / ROOM * ROOM + ROOM;
	uint16_t *bits;

	if (t->count && group >= t->first && group < last)
		return true;
	if (end - first > GROUPS_MOST)
		return false;
	bits = cli_alloc(NULL, (end - first) * sizeof(*bits));
	memset(bits, 0, (end - first) * sizeof(*bits));
	if (t->count)
		memcpy(bits + (t->first - first), t->bits, t->count * sizeof(*bits));
	free(t->bits);
	*t = (struct touched){.first = first, .count = end - first, .bits = bits};
	return true;
}

void touched_add(struct touched *t, uint64_t address)
{
	const uint64_t page = address / TOUCHED_PAGE;

	if (make_room(t, page / GROUP))
		t->bits[page / GROUP - t->first] |= (uint16_t)(1u << page % GROUP);
}

static bool is_touched(const struct touched *t, uint64_t page)
{
	return page / GROUP >= t->first && page / GROUP - t->first < t->count &&
	       t->bits[page / GROUP - t->first] >> page % GROUP & 1;
}

uint64_t touched_reach(const struct touched *t, uint64_t base, bool down, uint64_t resident)
{
	const uint64_t page = base / TOUCHED_PAGE, start = t->first * GROUP;
	const uint64_t end = start + t->count * GROUP;
	const uint64_t pages = down ? (page > start ? page - start : 0) : (end > page ? end - page : 0);
	const uint64_t ready = resident / TOUCHED_PAGE;
	uint64_t touched = 0, within = 0, reach = 0;

	if (t->count == 0)
		return 0;
	for (uint64_t i = 0; i < pages; i++) {
		if (!is_touched(t, down ? page - 1 - i : page + i))
			continue;
		touched++;
		within += i < ready;
		/* what is ready and was touched all the same counts once */
		if ((i + 1) * TOUCHED_PAGE <= TOUCHED_LITTLE ||
		    i + 1 <= (touched + (ready < i + 1 ? ready : i + 1) - within) * TOUCHED_SHARE)
			reach = (i + 1) * TOUCHED_PAGE;
	}
	return reach;
}

void touched_free(struct touched *t)
{
	free(t->bits);
	*t = (struct touched){0};
}
