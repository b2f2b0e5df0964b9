/* SPDX-License-Identifier: MIT */
/* The subcommands, and the exit codes that all of them share. */
#ifndef RAMLOCK_CLI_H
#define RAMLOCK_CLI_H

enum exit_code {
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_RUN_FAILED = 125,	 /* `run` itself failed; env(1) */
	CLI_CANNOT_INVOKE = 126, /* the program is there but can't be started */
	CLI_NOT_FOUND = 127,
};

/* Each takes the arguments from its own name on and returns the exit status. */
int run_main(int argc, char **argv);

#endif
