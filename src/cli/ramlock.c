/* SPDX-License-Identifier: MIT */
/* The command: finds the subcommand and starts it. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct command {
	const char *name, *arguments, *help;
	int (*main)(int, char **);
} commands[] = {
	{"run", "[options] [--] program [args]", "start a program with its memory locked", run_main},
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void print_help(FILE *to)
{
	fputs("Usage: ramlock COMMAND [options]\n"
	      "Keeps an unmodified program's memory in RAM.\n\n",
	      to);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  ramlock %s %s\n        %s\n", commands[i].name,
			commands[i].arguments, commands[i].help);
	fputs("\n  ramlock COMMAND --help    the options of a command\n"
	      "  ramlock --version\n\n"
	      "See ramlock(1) and libramlock(7).\n",
	      to);
}

int main(int argc, char **argv)
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
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].main(argc - 1, argv + 1);
	if (*name)
		fprintf(stderr, "ramlock: error: %s: no such command; see ramlock --help\n", name);
	else
		print_help(stderr);
	return CLI_USAGE;
}
