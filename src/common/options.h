/* SPDX-License-Identifier: MIT */
/* The settings: their table, their parser and their values.
 *
 * Immutable once options_read has returned, so they are read without a lock. No malloc, no
 * stdio; a text value points into the environment that was read. */
#ifndef RAMLOCK_OPTIONS_H
#define RAMLOCK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/size.h"
#include "common/text.h"

#define OPTIONS_PREFIX "RAMLOCK_"

enum profile { PROFILE_SERVICE, PROFILE_REALTIME, PROFILE_BENCHMARK, PROFILE_COUNT };
enum lock_mode { LOCK_ONFAULT, LOCK_EAGER, LOCK_CURRENT, LOCK_NONE };
enum huge_mode { HUGE_OFF, HUGE_THP };
enum files_mode { FILES_ONFAULT, FILES_EAGER, FILES_NEVER };
enum unlock_mode { UNLOCK_HOLD, UNLOCK_COUNT, UNLOCK_ALLOW };
enum fork_mode { FORK_RELOCK, FORK_LEAVE, FORK_COPY };
enum exec_mode { EXEC_INHERIT, EXEC_DROP };
enum error_mode { ERROR_WARN, ERROR_ABORT, ERROR_QUIET };

#define OPTION_OFF 0	       /* the size "off" */
#define OPTION_ALL UINT64_MAX /* the size "all" */

enum option_kind { OPTION_WORD, OPTION_SIZE, OPTION_SHARE, OPTION_NUMBER, OPTION_TEXT };

#define OPTION_TYPE_WORD int
#define OPTION_TYPE_SIZE uint64_t
#define OPTION_TYPE_SHARE struct size
#define OPTION_TYPE_NUMBER int
#define OPTION_TYPE_TEXT const char *

enum option_index {
#define OPTION(NAME, field, kind, ...) OPTION_INDEX_##NAME,
#include "common/options.def"
#undef OPTION
	OPTION_COUNT
};

struct options {
#define OPTION(NAME, field, kind, ...) OPTION_TYPE_##kind field;
#include "common/options.def"
#undef OPTION
	unsigned long given; /* bit i: row i was in the environment, and good */
};

struct option_row {
	const char *name; /* "THREAD_STACK" */
	enum option_kind kind;
	const char *words;
	const char *defaults[PROFILE_COUNT];
	const char *argument; /* "SIZE" */
	const char *help;
	size_t offset;
};

extern const struct option_row option_rows[OPTION_COUNT];

/* Called for each setting that is wrong, with one line (no prefix, no newline). */
typedef void options_complain(void *context, const char *line);

/* Reads every RAMLOCK_* variable of an environment. What is wrong is complained of, all of it, and
 * its default stands. Returns the number of complaints. */
int options_read(struct options *o, char *const *environment, options_complain *complain,
		 void *context);

/* Sets one row from a word. 0, or -EINVAL with the reason added to why:
 * `RAMLOCK_STACK=12Q: no such value; allowed: a size such as 64K or 1.5G`. shown is how the setting is
 * called there. A memory size below 4096 is a slip unless it is 0 or has a unit: 32 was meant to be MiB. */
int options_set(struct options *o, const struct option_row *row, const char *word,
		const char *shown, struct text *why);

/* The row of a name in either case, '-' read as '_', or NULL. */
const struct option_row *options_find(const char *name);

/* How many slips of the pen a word is from a name, at most one for three letters; '-' and '_', and
 * either case, are one. The beginning of a name is one slip away. OPTIONS_FAR: another word. */
#define OPTIONS_FAR 4
unsigned options_slips(const char *word, const char *name);

/* The row whose name is nearest to a mistaken one; NULL when none is near. */
const struct option_row *options_nearest(const char *name);

/* The value of a row as a word that options_set reads back as the same. */
void options_print(const struct options *o, const struct option_row *row, struct text *t);

/* What a row allows, for messages and help: "onfault, eager, current or none". */
void options_allowed(const struct option_row *row, struct text *t);

/* Whether a program of this name is meant by ONLY. */
bool options_meant(const struct options *o, const char *program);

static inline bool options_given(const struct options *o, enum option_index index)
{
	return o->given >> index & 1;
}

#endif
