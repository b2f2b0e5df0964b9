/* SPDX-License-Identifier: MIT */
/* A case, and what running it gives. */
#ifndef RAMLOCK_CASES_H
#define RAMLOCK_CASES_H

#include "stage.h"

struct row {
	const char *name;
	enum start start;
	const char *settings; /* "LOCK=eager HEAP=2M"; variables, for LAUNCHER too */
	long limit;
	enum user user;
	const char *command; /* for sh -c; %V the stage, %L the library, %R the command, %B the build */
	int status;
	const char *out, *err; /* see match.c; out "=": output and status are those of a bare run */
};

/* Why a row can't run here, or NULL. */
const char *needs_missing(const struct row *row);

/* Whether the line that a row expects of the limit may be another or none here: what a program has at start
 * differs by libc and architecture. */
bool needs_other_lines(const struct row *row);

/* Whether a text is what a pattern says: '*' is anything in a line, "%u" a number, "%s" a size such
 * as "10.4 MiB"; a pattern "**" alone matches everything. */
bool match(const char *pattern, const char *text);

#endif
