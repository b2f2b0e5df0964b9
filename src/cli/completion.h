/* SPDX-License-Identifier: MIT */
/* What the completions of all shells are made of, from the tables of commands, options and settings. */
#ifndef RAMLOCK_COMPLETION_H
#define RAMLOCK_COMPLETION_H

#include <stdbool.h>

#include "cli/cli.h"

enum completed { COMPLETED_NOTHING, COMPLETED_FILES, COMPLETED_FOLDERS, COMPLETED_WORDS };

struct completion {
	const char *name;     /* "thread-stack" */
	const char *argument; /* "SIZE", NULL for none */
	bool optional;	      /* the value, and only behind "=" */
	enum completed values;
	const char *words; /* of COMPLETED_WORDS: "off thp" */
	const char *help;
};

/* Calls for each option of a command, the settings and --help among them. What is handed over is
 * valid during the call. */
void completion_each(const struct command *command,
		     void (*use)(const struct command *command, const struct completion *option));

/* Whether what follows a command is a program and its arguments. */
bool completion_is_program(const struct command *command);

/* What prints the PIDs under ramlock, and the names of services: for sh, bash, zsh and fish alike. */
#define COMPLETION_PIDS	 "ramlock status --all 2>/dev/null | awk 'NF > 6 && $1 + 0 { print $1 }'"
#define COMPLETION_UNITS "systemctl list-unit-files --no-legend --type=service 2>/dev/null | awk '{ print $1 }'"

void completion_bash(void);
void completion_zsh(void);
void completion_fish(void);

#endif
