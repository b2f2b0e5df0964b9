/* SPDX-License-Identifier: MIT */
/* The command: finds the subcommand and starts it. */
#include "config.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"

const struct command *const commands[] = {
	&run_command,
	&check_command,
	&measure_command,
	&status_command,
	&unit_command,
	NULL,
};

static void print_help(FILE *to)
{
	fputs("Usage: ramlock COMMAND [options]\n"
	      "Keeps an unmodified program's memory in RAM.\n\n",
	      to);
	for (const struct command *const *command = commands; *command; command++)
		fprintf(to, "  ramlock %s %s\n        %s\n", (*command)->name, (*command)->usage,
			(*command)->help);
	fputs("\n  ramlock COMMAND --help    the options of a command\n"
	      "  ramlock --version\n\n"
	      "See ramlock(1) and libramlock(7).\n",
	      to);
}

static int dispatch(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(name, "--version") == 0) {
		puts(PACKAGE_STRING);
		return 0;
	}
	if (strcmp(name, "--completion") == 0) { /* for make */
		completion_write();
		return 0;
	}
	for (const struct command *const *command = commands; *command; command++)
		if (strcmp(name, (*command)->name) == 0)
			return (*command)->main(argc - 1, argv + 1);
	if (*name)
		cli_error("%s: no such command; see ramlock --help", name);
	else
		print_help(stderr);
	return CLI_USAGE;
}

int main(int argc, char **argv)
{
	output_hold();
	setlocale(LC_CTYPE, ""); /* how wide a character is, in tables */
	return output_close(dispatch(argc, argv));
}
