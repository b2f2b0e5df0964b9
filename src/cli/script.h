/* SPDX-License-Identifier: MIT */
/* What a shell script becomes, as far as its text says so plainly. Nothing of it is run. */
#ifndef RAMLOCK_SCRIPT_H
#define RAMLOCK_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

enum script_end {
	SCRIPT_NONE,	/* no script, or one of another interpreter than a shell */
	SCRIPT_OPEN,	/* what it starts is not to be seen */
	SCRIPT_LIKELY,	/* a file beside the script has the name that it executes; where is not said */
	SCRIPT_PLAIN,	/* it executes this file */
};

/* Puts the file into to that the last exec of a script names, or else its last command, where that
 * is given the script's arguments. The interpreter is the one that was found for it. */
enum script_end script_follow(const char *path, const char *interpreter, char *to, size_t size);

#endif
