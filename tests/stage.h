/* SPDX-License-Identifier: MIT */
/* Runs a program as a given user, at a given limit, bare or under the library. */
#ifndef RAMLOCK_STAGE_H
#define RAMLOCK_STAGE_H

#include <stdbool.h>

#define OUTPUT 65536
#define STAGE_COMMAND 8192

enum limit { ASIS = -1, UNLIMITED = -2 }; /* RLIMIT_MEMLOCK in KiB, or one of these */

/* NOBODY has no rights; where the driver has none either, it is whoever runs it. CONTAINED is root
 * without the capabilities to lock above the limit and to raise it. DROPS is root whose programs
 * become nobody as their main begins, with the library at work; for TREE alone. */
enum user { ROOT, CONTAINED, NOBODY, DROPS };

/* Who sets LD_PRELOAD: the driver, `ramlock run`, or the command itself; TREE: `ramlock run`, for
 * the shell and whatever it starts. */
enum start { PRELOAD, LAUNCHER, BARE, TREE };

struct staged {
	enum start start;
	const char *settings; /* "LOCK=eager HEAP=2M"; variables, for LAUNCHER too */
	long limit;
	enum user user;
	const char *group; /* a folder of group.h that it runs in, or NULL */
	const char *command; /* for sh -c; %V the stage, %L the library, %R the command, %B the build
				tree, %I a folder for input */
};

struct result {
	int status; /* 128 + the signal that ended it */
	char out[OUTPUT], err[OUTPUT];
};

/* Copies what is tested to a folder that every user can reach; removed at exit. */
bool stage_make(void);

/* Gives the process a work folder of its own, so that several can run programs at once. */
bool stage_enter(const char *name);

/* Runs it; bare without the library and its settings. Ends what it leaves behind. */
void stage_run(const struct staged *staged, bool bare, struct result *result);

/* Empties the work folder: a program that failed may have left something there. */
bool stage_sweep(void);

/* Why nobody can run here as this user at this limit, or NULL. */
const char *stage_missing(long limit, enum user user);

#endif
