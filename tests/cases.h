/* SPDX-License-Identifier: MIT */
/* A case, and what running it gives. */
#ifndef RAMLOCK_CASES_H
#define RAMLOCK_CASES_H

#include <stdbool.h>

#define OUTPUT 65536

enum limit { ASIS = -1, UNLIMITED = -2 }; /* RLIMIT_MEMLOCK in KiB, or one of these */

/* NOBODY has no rights; where the driver has none either, it is whoever runs it. CONTAINED is root
 * without the capabilities to lock above the limit and to raise it. */
enum user { ROOT, CONTAINED, NOBODY };

/* Who sets LD_PRELOAD: the driver, `ramlock run`, or the command itself. */
enum start { PRELOAD, LAUNCHER, BARE };

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

struct result {
	int status; /* 128 + the signal that ended it */
	char out[OUTPUT], err[OUTPUT];
};

/* Copies what is tested to a folder that every user can reach; removed at exit. */
bool stage_make(void);

/* Runs a row; bare without the library and its settings. */
void stage_run(const struct row *row, bool bare, struct result *result);

/* Why a row can't run here, or NULL. */
const char *needs_missing(const struct row *row);

/* Whether a text is what a pattern says: '*' is anything in a line, "%u" a number, "%s" a size such
 * as "10.4 MiB"; a pattern "**" alone matches everything. */
bool match(const char *pattern, const char *text);

#endif
