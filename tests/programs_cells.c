/* SPDX-License-Identifier: MIT */
/* One program in its cells: bare, then under the library in each mode, compared. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "programs.h"
#include "stage.h"

static const char *const modes[] = {"onfault", "eager", "current", "none", NULL};
static const char *const limit_names[] = {"0", "64", "1024", "8192", "unlimited", NULL};
static const long limits[] = {0, 64, 1024, 8192, UNLIMITED};
static const char *const user_names[] = {"root", "nobody", "drops", NULL};
static const enum user users[] = {ROOT, NOBODY, DROPS};
static const char *const group_names[] = {"plain", "256 MiB", NULL};
static const char *const *const names[AXES] = {modes, limit_names, user_names, group_names};

#define NONE 3 /* of modes */

int axis_values(enum axis axis)
{
	int count = 0;

	while (names[axis][count])
		count++;
	return count;
}

const char *axis_name(enum axis axis, int value)
{
	return names[axis][value];
}

static bool is_possible(const struct cell *cell, const char *group)
{
	return (cell->at[GROUPS] == 0 || group) &&
	       stage_missing(limits[cell->at[LIMITS]], users[cell->at[USERS]]) == NULL;
}

/* What every program is run as in the short form. */
static bool is_always(const struct cell *cell)
{
	const bool root = users[cell->at[USERS]] == ROOT, nobody = users[cell->at[USERS]] == NOBODY;
	const long limit = limits[cell->at[LIMITS]];

	return cell->at[GROUPS] == 0 && ((root && limit == 8192) || (nobody && limit == 8192) ||
					 (nobody && limit == 64));
}

/* The next limit, user and group; false after the last. */
static bool cell_next(struct cell *cell)
{
	for (int axis = LIMITS; axis < AXES; axis++) {
		if (++cell->at[axis] < axis_values((enum axis)axis))
			return true;
		cell->at[axis] = 0;
	}
	return false;
}

/* How many others there are; where a number is given, whether the cell is that one of them. */
static bool is_rotated(const struct cell *cell, size_t number, const char *group)
{
	struct cell other = {{0}};
	size_t count = 0, place = 0;
	bool counted = false;

	do {
		if (memcmp(&other, cell, sizeof(other)) == 0) {
			place = count;
			counted = is_possible(&other, group) && !is_always(&other);
		}
		count += is_possible(&other, group) && !is_always(&other);
	} while (cell_next(&other));
	return counted && number % count == place;
}

static void play(const struct program *program, const struct cell *cell, const char *settings,
		 const char *group, struct result *result)
{
	const struct staged staged = {TREE, settings ? settings : "", limits[cell->at[LIMITS]],
				      users[cell->at[USERS]], cell->at[GROUPS] ? group : NULL,
				      program->command};

	stage_sweep();
	stage_run(&staged, settings == NULL, result);
}

/* Takes our lines out of a text, and gives how many there were. */
static int strip_ours(char *text)
{
	char *to = text;
	int ours = 0;

	while (*text) {
		size_t length = strcspn(text, "\n");

		length += text[length] == '\n';
		if (strncmp(text, "ramlock: ", 9) == 0) {
			ours++;
		} else {
			memmove(to, text, length);
			to += length;
		}
		text += length;
	}
	*to = '\0';
	return ours;
}

static void show(const char *what, const char *text)
{
	printf("#     %s:", what);
	for (int length = 0; *text && length < 1500; text++, length++) {
		if (*text == '\n' && text[1])
			printf("\n#      ");
		else if (*text != '\n')
			putchar(*text);
	}
	putchar('\n');
}

static void explain(const char *name, const struct cell *cell, const struct result *got,
		    const struct result *bare, int ours)
{
	printf("#   %s, LOCK=%s, ulimit -l %s, %s, %s: status %d, bare %d; %d lines of ours\n", name,
	       modes[cell->at[MODES]], limit_names[cell->at[LIMITS]], user_names[cell->at[USERS]],
	       group_names[cell->at[GROUPS]], got->status, bare->status, ours);
	if (strcmp(got->out, bare->out) != 0) {
		show("stdout", got->out);
		show("bare", bare->out);
	}
	if (*bare->err || strcmp(got->err, bare->err) != 0) {
		show("stderr, less ours", got->err);
		show("bare", bare->err);
	}
}

static void count(struct tally *tally, const struct cell *cell, bool differs)
{
	tally->tried++;
	tally->differ += differs;
	for (int axis = 0; axis < AXES; axis++) {
		tally->by[axis][cell->at[axis]].tried++;
		tally->by[axis][cell->at[axis]].differ += differs;
	}
}

/* The modes of one limit, user and group beside the bare run. */
static void try_modes(const struct program *program, struct cell cell, const char *group,
		      struct tally *tally)
{
	static struct result bare, got;
	char settings[32];

	play(program, &cell, NULL, group, &bare);
	for (cell.at[MODES] = 0; modes[cell.at[MODES]]; cell.at[MODES]++) {
		int ours, most = cell.at[MODES] == NONE ? 0 : 1;
		bool differs;

		snprintf(settings, sizeof(settings), "LOCK=%s", modes[cell.at[MODES]]);
		play(program, &cell, settings, group, &got);
		ours = strip_ours(got.err);
		differs = bare.status != 0 || *bare.err || got.status != 0 || ours > most ||
			  strcmp(got.out, bare.out) != 0 || strcmp(got.err, bare.err) != 0;
		count(tally, &cell, differs);
		if (differs)
			explain(program->name, &cell, &got, &bare, ours);
	}
}

/* Whether the library is at work in more than the shell: a comparison means nothing without. */
static void try_reach(const struct program *program, struct tally *tally)
{
	static struct result got;
	struct cell cell = {{0, 3, 0, 0}};
	int ours;

	if (!is_possible(&cell, NULL))
		cell.at[USERS] = 1;
	play(program, &cell, "VERBOSE=2 ON_ERROR=quiet", NULL, &got);
	ours = strip_ours(got.err);
	count(tally, &cell, ours < 2);
	if (ours < 2)
		printf("#   %s: the library is at work in %d processes\n", program->name, ours);
}

void cells_try(const struct program *program, size_t number, bool whole, const char *group,
	       struct tally *tally)
{
	struct cell cell = {{0}};

	try_reach(program, tally);
	do {
		if (!whole && !is_always(&cell) && !is_rotated(&cell, number, group))
			continue;
		if (is_possible(&cell, group))
			try_modes(program, cell, group, tally);
		else
			tally->impossible += (unsigned)axis_values(MODES);
	} while (cell_next(&cell));
}
