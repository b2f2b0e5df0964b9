/* SPDX-License-Identifier: MIT */
/* Real programs, and the ways in which each is run: the cells of the matrix. */
#ifndef RAMLOCK_PROGRAMS_H
#define RAMLOCK_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>

struct program {
	const char *name;
	const char *needs;   /* the commands that it takes, with blanks between */
	const char *prepare; /* run once, bare, to make its input in %I */
	const char *command; /* gives the same output each time, on stdout */
};

enum axis { MODES, LIMITS, USERS, GROUPS, AXES };

#define VALUES 5 /* the most on an axis */

/* Bare runs have the mode 0, as it does not matter there. */
struct cell {
	int at[AXES];
};

struct tally {
	unsigned tried, differ, impossible;
	struct {
		unsigned tried, differ;
	} by[AXES][VALUES];
};

/* How many values an axis has, and their names. */
int axis_values(enum axis axis);
const char *axis_name(enum axis axis, int value);

/* Runs a program in each of its cells, and says on stdout where one differs from the bare run.
 * The short form takes root and nobody, plain, and one other way that rotates with the number. */
void cells_try(const struct program *program, size_t number, bool whole, const char *group,
	       struct tally *tally);

#endif
