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
	      "  ramlock --version, -V\n\n"
	      "See ramlock(1) and libramlock(7).\n",
	      to);
}

static const struct command *find_command(const char *name)
{
	const struct command *nearest = NULL;
	unsigned best = OPTIONS_FAR;

	for (const struct command *const *command = commands; *command; command++) {
		const unsigned slips = options_slips(name, (*command)->name);

		if (strcmp(name, (*command)->name) == 0)
			return *command;
		if (slips < best) {
			best = slips;
			nearest = *command;
		}
	}
	if (nearest)
		cli_error("%s: no such command; did you mean ramlock %s?", name, nearest->name);
	else
		cli_error("%s: no such command; see ramlock --help", *name ? name : "an empty word");
	return NULL;
}

/* "help", "help run" */
static int help(char *const *names)
{
	const struct command *command;

	if (*names == NULL) {
		print_help(stdout);
		return 0;
	}
	command = find_command(*names);
	if (command == NULL)
		return CLI_USAGE;
	cli_print_help(command);
	return 0;
}

static bool is_either(const char *word, const char *one, const char *other)
{
	return strcmp(word, one) == 0 || strcmp(word, other) == 0;
}

static int dispatch(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *command;

	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (is_either(name, "--help", "-h") || strcmp(name, "help") == 0)
		return help(argv + 2);
	if (is_either(name, "--version", "-V")) {
		puts(PACKAGE_STRING);
		return 0;
	}
	if (strcmp(name, "--completion") == 0) /* for make */
		return completion_write(argc > 2 ? argv[2] : "bash") ? 0 : CLI_USAGE;
	command = find_command(name);
	return command ? command->main(argc - 1, argv + 1) : CLI_USAGE;
}

int main(int argc, char **argv)
{
	output_hold();
	setlocale(LC_CTYPE, ""); /* how wide a character is, in tables */
	return output_close(dispatch(argc, argv));
}
