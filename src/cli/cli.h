/* SPDX-License-Identifier: MIT */
/* The subcommands, the exit codes that all of them share, and how their options are read. */
#ifndef RAMLOCK_CLI_H
#define RAMLOCK_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/options.h"

enum exit_code {
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_RUN_FAILED = 125,	 /* `run` itself failed; env(1) */
	CLI_CANNOT_INVOKE = 126, /* the program is there but can't be started */
	CLI_NOT_FOUND = 127,
};

/* An option of a subcommand; the table of them ends with an empty row. */
struct cli_option {
	const char *name;     /* "install" */
	const char *argument; /* "FILE", "[SECONDS]" if it may be left out, NULL for none */
	const char *help;
};

/* What a subcommand's operands are, for completion. */
enum operands { OPERANDS_NONE, OPERANDS_PROGRAM, OPERANDS_PID, OPERANDS_PROGRAM_OR_PID, OPERANDS_UNIT };

struct command {
	const char *name;
	const char *usage; /* what follows the name: "[options] [PID]" */
	const char *help;  /* one line, after "ramlock check" */
	const char *about; /* for --help: lines of at most 80 columns, each ended */
	const char *end;   /* the same behind the options */
	const struct cli_option *options;
	bool settings;	   /* each setting is an option too */
	int usage_status;  /* of a wrong option; CLI_USAGE but for run */
	enum operands operands;
	int (*main)(int argc, char **argv); /* arguments from its own name on; the exit status */
};

extern const struct command run_command, measure_command, check_command, status_command, unit_command;
extern const struct command *const commands[]; /* ends with NULL */

/* The options of one command line, read in order. */
struct cli_arguments {
	const struct command *command;
	struct options *settings; /* where settings given as options go; they go to the environment too */
	char **at;		  /* in the end the operands, NULL-terminated */
	char **operands, **last;  /* those found so far, where options may follow them */
	bool ended;		  /* by "--": at[0] is no option, whatever it looks like */
	const char *value;	  /* of the last option; NULL where it may be left out and was */
	int status;		  /* in the end: -1 to go on, else the exit status */
};

struct cli_arguments cli_arguments(const struct command *command, char **argv,
				   struct options *settings);

/* The index of the next option in the command's table, -1 at the end. Settings and --help are seen
 * to here; every mistake is told, and reading goes on. Options may follow operands that are no
 * program. */
int cli_next(struct cli_arguments *a);

/* --help of a command. */
void cli_print_help(const struct command *command);

/* "--thread-stack" of THREAD_STACK, less the dashes. */
void cli_option_name(const char *setting, char to[64]);

/* "ramlock: error: …" on stderr: one line, whatever the words in it are; of a long one the beginning
 * and the end. */
__attribute__((format(printf, 1, 2))) void cli_error(const char *format, ...);

/* realloc; where there is no memory the command ends with CLI_FAILED. */
void *cli_alloc(void *old, size_t size);
_Noreturn void cli_no_memory(void);

/* open_memstream; where there is no memory the command ends. */
FILE *cli_memstream(char **text, size_t *size);

/* A whole number from least to most and nothing else. */
bool cli_number(const char *word, long least, long most, long *number);

/* Writes the completion for bash, zsh or fish: `ramlock --completion SHELL`, hidden, for make. False,
 * after an error was told, for another shell. */
bool completion_write(const char *shell);

#endif
