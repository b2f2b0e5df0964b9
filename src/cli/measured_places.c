/* SPDX-License-Identifier: MIT */
/* The tables of faults by place, of one run or of two side by side. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/measured.h"
#include "cli/table.h"

#define ROWS_SHOWN 6  /* of each kind of place; the rest is summed up in one */
#define NAME_SHOWN 26 /* bytes of a name */
#define PAGE 4096

enum { PLACE, MINOR, MAJOR, REACH, FIRST, PLACE_COLUMNS };
enum { THEN_MINOR = MAJOR + 1, THEN_MAJOR, THEN_FIRST, VERIFY_COLUMNS };

static const struct table_column place_columns[PLACE_COLUMNS] = {
	[PLACE] = {"place", "PLACE", TABLE_LEFT},
	[MINOR] = {"minor", "MINOR", TABLE_RIGHT},
	[MAJOR] = {"major", "MAJOR", TABLE_RIGHT},
	[REACH] = {"reach", "REACH", TABLE_RIGHT},
	[FIRST] = {"first", "FIRST CODE", TABLE_WRAP},
};

static const struct table_column verify_columns[VERIFY_COLUMNS] = {
	[PLACE] = {"place", "PLACE", TABLE_LEFT},
	[MINOR] = {"minor", "MINOR", TABLE_RIGHT},
	[MAJOR] = {"major", "MAJOR", TABLE_RIGHT},
	[THEN_MINOR] = {"then_minor", "THEN MINOR", TABLE_RIGHT},
	[THEN_MAJOR] = {"then_major", "MAJOR", TABLE_RIGHT},
	[THEN_FIRST] = {"then_first", "FIRST CODE THEN", TABLE_WRAP},
};

/* A place in both runs; the second is empty where there was one. */
struct pair {
	struct outcome_row before, after;
};

/* The end of a path, or the begin of a library's name. */
static void write_name(const char *name, bool path, char *to, size_t size)
{
	const size_t length = strlen(name);

	if (length <= NAME_SHOWN)
		snprintf(to, size, "%s", name);
	else if (path)
		snprintf(to, size, "...%s", name + length - NAME_SHOWN + 3);
	else
		snprintf(to, size, "%.*s...", NAME_SHOWN - 3, name);
}

/* "text of libc.so.6", "file ...b/locale/C.utf8/LC_TIME". */
static void write_place(const struct outcome_row *row, char *to, size_t size)
{
	const bool file = row->kind == PLACE_FILE;
	const char *name = row->name ? row->name : "";
	char shown[NAME_SHOWN + 8];

	if (!file && strrchr(name, '/'))
		name = strrchr(name, '/') + 1;
	write_name(name, file, shown, sizeof(shown));
	snprintf(to, size, "%s%s%s", place_names[row->kind],
		 *shown == '\0' ? "" : file ? " " : " of ", shown);
}

static void add_sum(struct table *t, const char *name, uint64_t minor, uint64_t major)
{
	table_row(t);
	table_text(t, PLACE, name);
	table_number(t, MINOR, minor);
	table_number(t, MAJOR, major);
}

static void add_then(struct table *t, uint64_t minor, uint64_t major)
{
	table_number(t, THEN_MINOR, minor);
	table_number(t, THEN_MAJOR, major);
	table_colour(t, THEN_MINOR, minor ? TABLE_YELLOW : TABLE_GREEN);
	table_colour(t, THEN_MAJOR, major ? TABLE_YELLOW : TABLE_GREEN);
}

static void add_pair(struct table *t, const char *name, const struct pair *pair, bool verify)
{
	add_sum(t, name, pair->before.minor, pair->before.major);
	if (verify) {
		add_then(t, pair->after.minor, pair->after.major);
		table_text(t, THEN_FIRST, pair->after.first);
		return;
	}
	if (pair->before.reach)
		table_size(t, REACH, pair->before.reach);
	table_text(t, FIRST, pair->before.first);
}

static uint64_t faults_of(const struct pair *pair)
{
	return pair->before.minor + pair->before.major + pair->after.minor + pair->after.major;
}

/* Adds the faults of one place to those of another. */
static void row_sum(struct outcome_row *to, const struct outcome_row *from)
{
	to->minor += from->minor;
	to->major += from->major;
	to->reach = from->reach > to->reach ? from->reach : to->reach;
	if (to->first == NULL && from->minor + from->major)
		to->first = from->first;
}

/* The pairs are sorted by kind: of each the first few, then one for the rest. */
static void add_pairs(struct table *t, const struct pair *pairs, size_t count, bool verify)
{
	char name[128];

	for (size_t i = 0, shown = 0; i < count; i++) {
		const enum place_kind kind = pairs[i].before.kind;
		struct pair rest = {.before = {.kind = kind}};
		size_t more = 0;

		shown = i && pairs[i - 1].before.kind == kind ? shown + 1 : 0;
		if (shown < ROWS_SHOWN) {
			write_place(&pairs[i].before, name, sizeof(name));
			add_pair(t, name, &pairs[i], verify);
			continue;
		}
		for (; i < count && pairs[i].before.kind == kind; i++, more++) {
			row_sum(&rest.before, &pairs[i].before);
			row_sum(&rest.after, &pairs[i].after);
		}
		i--;
		rest.before.first = rest.after.first = NULL;
		snprintf(name, sizeof(name), "%s: %zu more", place_names[kind], more);
		add_pair(t, name, &rest, verify);
	}
}

void measured_places(const struct outcome *f, FILE *to)
{
	struct table *t = table_new(place_columns, PLACE_COLUMNS);
	struct pair *pairs = cli_alloc(NULL, f->count * sizeof(*pairs));
	size_t count = 0;

	for (size_t i = 0; i < f->count; i++) {
		pairs[count] = (struct pair){.before = f->list[i]};
		count += faults_of(&pairs[count]) != 0;
	}
	add_pairs(t, pairs, count, false);
	add_sum(t, "all", outcome_total(f, false), outcome_total(f, true));
	fputc('\n', to);
	table_print(t, to);
	table_free(t);
	free(pairs);
}

/* --- side by side -------------------------------------------------------------------------- */

/* The pair of a place, made if it is new. A second run has other threads: their stacks are one. */
static struct pair *pair_of(struct pair *pairs, size_t *count, const struct outcome_row *row)
{
	for (size_t i = 0; i < *count; i++)
		if (pairs[i].before.kind == row->kind &&
		    (row->kind == PLACE_THREAD_STACK || pairs[i].before.name == row->name))
			return &pairs[i];
	pairs[*count] = (struct pair){.before = {.kind = row->kind}};
	if (row->kind != PLACE_THREAD_STACK)
		pairs[*count].before.name = row->name;
	return &pairs[(*count)++];
}

static int compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	const uint64_t mine = faults_of(x), theirs = faults_of(y);

	if (x->before.kind != y->before.kind)
		return x->before.kind < y->before.kind ? -1 : 1;
	return mine == theirs ? 0 : mine > theirs ? -1 : 1;
}

static struct pair *make_pairs(const struct measured *m, size_t *count)
{
	struct pair *pairs =
		cli_alloc(NULL, (m->first->count + m->second->count) * sizeof(*pairs));
	size_t made = 0, kept = 0;

	for (size_t i = 0; i < m->first->count; i++)
		row_sum(&pair_of(pairs, &made, &m->first->list[i])->before, &m->first->list[i]);
	for (size_t i = 0; i < m->second->count; i++)
		row_sum(&pair_of(pairs, &made, &m->second->list[i])->after, &m->second->list[i]);
	for (size_t i = 0; i < made; i++)
		if (faults_of(&pairs[i]))
			pairs[kept++] = pairs[i];
	qsort(pairs, kept, sizeof(*pairs), compare);
	*count = kept;
	return pairs;
}

/* Why eager mode may leave some. */
static void explain_rest(const struct measured *m, FILE *to)
{
	bool eager = false;

	for (size_t i = 0; i < m->advice_count; i++)
		eager = eager || (strcmp(m->advice[i].setting, "LOCK") == 0 &&
				  strcmp(m->advice[i].value, "eager") == 0);
	if (eager && outcome_faults(m->second, PLACE_ANON))
		fputs("\nAnonymous memory that still faults was mapped with MAP_NORESERVE, as jemalloc does, or by\n"
		      "a direct system call: it is locked as it is touched, once.\n", to);
}

void measured_verify(const struct measured *m, FILE *to)
{
	struct table *t = table_new(verify_columns, VERIFY_COLUMNS);
	size_t count;
	struct pair *pairs = make_pairs(m, &count);

	fprintf(to, "\nUnder these settings: %.2f s, ", measured_seconds(m->second->length));
	measured_end(m->second, to);
	if (m->second->ahead)
		fprintf(to, ", %llu faults ahead of threads", (unsigned long long)m->second->ahead);
	fputs(m->second->lost ? ", samples were lost\n" : "\n", to);
	measured_running(m->second, to);
	putc('\n', to);
	add_pairs(t, pairs, count, true);
	add_sum(t, "all", outcome_total(m->first, false), outcome_total(m->first, true));
	add_then(t, outcome_total(m->second, false), outcome_total(m->second, true));
	if (m->first->large_grown + m->second->large_grown) {
		add_sum(t, "pages made resident inside malloc", m->first->large_grown / PAGE, 0);
		add_then(t, m->second->large_grown / PAGE, 0);
	}
	table_print(t, to);
	explain_rest(m, to);
	table_free(t);
	free(pairs);
}
