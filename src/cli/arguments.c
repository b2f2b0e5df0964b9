/* SPDX-License-Identifier: MIT */
/* Reads the options of a subcommand by its table, and prints --help from the same. */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

void cli_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("ramlock: error: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

void cli_no_memory(void)
{
	cli_error("no memory");
	exit(CLI_FAILED);
}

void *cli_alloc(void *old, size_t size)
{
	void *new = realloc(old, size ? size : 1);

	if (new == NULL)
		cli_no_memory();
	return new;
}

FILE *cli_memstream(char **text, size_t *size)
{
	FILE *to = open_memstream(text, size);

	if (to)
		return to;
	cli_no_memory();
}

bool cli_number(const char *word, long least, long most, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(word, &end, 10);
	return *word >= '0' && *word <= '9' && *end == '\0' && errno == 0 && *number >= least &&
	       *number <= most;
}

#define HELP_WIDTH 53 /* of 80 columns, behind the options */

/* A text in the right column, broken at blanks. */
static void print_column(const char *text)
{
	while (*text) {
		size_t length = strlen(text);

		if (length > HELP_WIDTH)
			for (length = HELP_WIDTH; length > 1 && text[length] != ' ';)
				length--;
		printf("%.*s\n", (int)length, text);
		text += length + (text[length] == ' ');
		if (*text)
			printf("  %-24s ", "");
	}
}

/* The words as they are printed: "--stack=SIZE", "--watch[=SECONDS]". */
static void print_option(const char *name, const char *argument, const char *help)
{
	const bool optional = argument && *argument == '[';
	char word[64];

	snprintf(word, sizeof(word), "--%s%s%s", name, argument == NULL ? "" : optional ? "[=" : "=",
		 argument ? argument + optional : "");
	printf("  %-24s ", word);
	print_column(help);
}

static void print_setting(const struct option_row *row)
{
	char name[64], allowed[200];
	struct text t;
	char *at = name;

	for (const char *from = row->name; *from; from++)
		*at++ = *from == '_' ? '-' : (char)(*from | 0x20);
	*at = '\0';
	print_option(name, row->argument, row->help);
	text_init(&t, allowed, sizeof(allowed));
	options_allowed(row, &t);
	if (*row->defaults[PROFILE_SERVICE])
		text_add(&t, " (default %s)", row->defaults[PROFILE_SERVICE]);
	if (*allowed) {
		printf("  %-24s ", "");
		print_column(allowed);
	}
}

void cli_print_help(const struct command *command)
{
	printf("Usage: ramlock %s %s\n%s\n", command->name, command->usage, command->about);
	for (const struct cli_option *option = command->options; option->name; option++)
		print_option(option->name, option->argument, option->help);
	print_option("help", NULL, "this text");
	if (command->settings) {
		puts("\nSettings:");
		for (size_t i = 0; i < OPTION_COUNT; i++)
			print_setting(&option_rows[i]);
	}
	if (command->end)
		printf("\n%s", command->end);
}

struct cli_arguments cli_arguments(const struct command *command, char **argv,
				   struct options *settings)
{
	return (struct cli_arguments){
		.command = command, .settings = settings, .at = argv + 1, .operands = argv + 1,
		.last = argv + 1, .status = -1};
}

static void fail(struct cli_arguments *a)
{
	a->status = a->command->usage_status;
}

/* A setting given as an option becomes the variable that the library reads. */
static void set_setting(struct cli_arguments *a, const struct option_row *row, const char *name)
{
	char variable[64], line[512];
	struct text why;

	text_init(&why, line, sizeof(line));
	if (options_set(a->settings, row, a->value, name, &why) != 0) {
		cli_error("--%s", line);
		fail(a);
		return;
	}
	snprintf(variable, sizeof(variable), OPTIONS_PREFIX "%s", row->name);
	setenv(variable, a->value, 1);
}

static void tell_unknown(struct cli_arguments *a, const char *name)
{
	const struct option_row *near = a->command->settings ? options_nearest(name) : NULL;

	if (near)
		cli_error("--%s: no such option; the nearest setting is %s", name, near->name);
	else
		cli_error("--%s: no such option; see ramlock %s --help", name, a->command->name);
	fail(a);
}

/* Finds the value behind "=" or, where there must be one, in the next word. */
static bool take_value(struct cli_arguments *a, const char *name, const char *behind,
		       const char *argument)
{
	a->value = behind;
	if (argument == NULL && behind) {
		cli_error("--%s: takes no value", name);
		fail(a);
		return false;
	}
	if (argument == NULL || behind || *argument == '[')
		return true;
	a->value = *a->at;
	if (a->value) {
		a->at++;
		return true;
	}
	cli_error("--%s: a value is missing", name);
	fail(a);
	return false;
}

/* One word that begins with "--"; the option's index, or -1 if it was seen to here. */
static int read_option(struct cli_arguments *a, const char *word)
{
	const char *behind = strchr(word, '=');
	const struct option_row *row;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", behind ? (int)(behind - word) : (int)strlen(word), word);
	if (behind)
		behind++;
	for (const struct cli_option *option = a->command->options; option->name; option++)
		if (strcmp(option->name, name) == 0)
			return take_value(a, name, behind, option->argument)
				       ? (int)(option - a->command->options) : -1;
	row = a->command->settings ? options_find(name) : NULL;
	if (row == NULL)
		tell_unknown(a, name);
	else if (take_value(a, name, behind, row->argument))
		set_setting(a, row, name);
	return -1;
}

/* Whether options may follow a word: behind a program they are its own. */
static bool is_mere_operand(const struct cli_arguments *a, const char *word)
{
	long number;

	return a->command->operands == OPERANDS_PID || a->command->operands == OPERANDS_UNIT ||
	       (a->command->operands == OPERANDS_PROGRAM_OR_PID &&
		(a->last != a->operands || cli_number(word, 1, INT32_MAX, &number)));
}

/* Puts the operands found so far before those that are left. */
static int end(struct cli_arguments *a)
{
	while (a->last != a->operands)
		*--a->at = *--a->last;
	return -1;
}

int cli_next(struct cli_arguments *a)
{
	while (*a->at) {
		const char *word = *a->at;
		int option;

		if (word[0] != '-' || word[1] == '\0') {
			if (!is_mere_operand(a, word))
				break;
			*a->last++ = *a->at++;
			continue;
		}
		a->at++;
		if (strcmp(word, "--") == 0) {
			a->ended = true;
			break;
		}
		if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			cli_print_help(a->command);
			a->status = 0;
			break;
		}
		if (word[1] != '-') {
			cli_error("%s: no such option; see ramlock %s --help", word,
				  a->command->name);
			fail(a);
			continue;
		}
		option = read_option(a, word + 2);
		if (option >= 0)
			return option;
	}
	return end(a);
}
