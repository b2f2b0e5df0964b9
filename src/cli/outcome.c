/* SPDX-License-Identifier: MIT */
/* Sums places up over processes. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/outcome.h"
#include "cli/names.h"
#include "cli/symbols.h"

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The row of a place: thread stacks have one each, files by name, the rest by kind. */
static struct outcome_row *row_of(struct outcome *f, const struct place *place)
{
	const bool named =
		place->kind == PLACE_TEXT || place->kind == PLACE_DATA || place->kind == PLACE_FILE;

	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].kind == place->kind && place->kind != PLACE_THREAD_STACK &&
		    (!named || f->list[i].name == place->name))
			return &f->list[i];
	f->list = cli_alloc(f->list, (f->count + 1) * sizeof(*f->list));
	f->list[f->count] = (struct outcome_row){
		.kind = place->kind,
		.name = named || place->kind == PLACE_THREAD_STACK ? place->name : NULL,
		.tid = place->kind == PLACE_THREAD_STACK ? place->tid : 0,
	};
	return &f->list[f->count++];
}

static void add_place(struct outcome *f, const struct places *p, const struct place *place)
{
	const uint64_t reach = places_reach(p, place);
	struct outcome_row *row;
	char name[512];

	f->reach[place->kind] = greater(f->reach[place->kind], reach);
	f->number[place->kind]++;
	f->ahead += place->ahead;
	if (place->minor + place->major + place->ahead == 0 && reach == 0)
		return;
	row = row_of(f, place);
	row->minor += place->minor;
	row->major += place->major;
	row->forked += place->forked;
	row->ahead += place->ahead;
	row->reach = greater(row->reach, reach);
	if (row->first || place->first.path == NULL)
		return;
	symbols_name(place->first.path, place->first.offset, name, sizeof(name));
	row->first = names_keep(name);
}

static int compare(const void *a, const void *b)
{
	const struct outcome_row *x = a, *y = b;
	const uint64_t mine = x->minor + x->major, theirs = y->minor + y->major;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (mine != theirs)
		return mine > theirs ? -1 : 1;
	return x->reach == y->reach ? 0 : x->reach > y->reach ? -1 : 1;
}

void outcome_make(struct outcome *f, const struct places *p)
{
	for (size_t i = 0; i < p->count; i++)
		add_place(f, p, &p->list[i]);
	symbols_end();
	if (f->count)
		qsort(f->list, f->count, sizeof(*f->list), compare);
	f->anon_mapped = p->anon_mapped;
	f->files_mapped = p->files_mapped;
	f->timeline = p->timeline;
}

void outcome_free(struct outcome *f)
{
	free(f->list);
	*f = (struct outcome){0};
}

void outcome_take(struct outcome *f, const uint64_t values[STAT_COUNT])
{
	const uint64_t grown = values[STAT_large_grown], before = values[STAT_large_at_start];

	f->need = greater(f->need, values[STAT_need]);
	f->large_peak = greater(f->large_peak, values[STAT_large_peak]);
	f->large_resident = greater(f->large_resident, values[STAT_large_resident]);
	f->large_grown = greater(f->large_grown, grown > before ? grown - before : 0);
}

uint64_t outcome_faults(const struct outcome *f, enum place_kind kind)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].kind == kind)
			sum += f->list[i].minor - f->list[i].forked + f->list[i].major;
	return sum;
}

uint64_t outcome_total(const struct outcome *f, bool major)
{
	uint64_t sum = 0;

	if (!f->sampled)
		return major ? f->kernel_major : f->kernel_minor;
	for (size_t i = 0; i < f->count; i++)
		sum += major ? f->list[i].major : f->list[i].minor;
	return sum;
}
