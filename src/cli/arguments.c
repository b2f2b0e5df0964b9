/* SPDX-License-Identifier: MIT */
/* Reads the options of a subcommand by its table, and prints --help from the same. */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define LINE_BEGIN 600 /* of a long line: where the mistake is */
#define LINE_END   300 /* and what is allowed */

/* The beginning of the character that a byte is in. */
static const char *character_at(const char *at)
{
	while (((unsigned char)*at & 0xc0) == 0x80)
		at--;
	return at;
}

static void shorten(char *line)
{
	const char *rest = character_at(line + strlen(line) - LINE_END);
	char *at = line + (character_at(line + LINE_BEGIN) - line);

	memcpy(at, "...", 3);
	memmove(at + 3, rest, strlen(rest) + 1);
}

void cli_error(const char *format, ...)
{
	char *line = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&line, format, args);
	va_end(args);
	if (length < 0) {
		fputs("ramlock: error: no memory\n", stderr);
		return;
	}
	text_tame(line);
	if (length > LINE_BEGIN + 3 + LINE_END)
		shorten(line);
	fprintf(stderr, "ramlock: error: %s\n", line);
	free(line);
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

void cli_option_name(const char *from, char to[64])
{
	snprintf(to, 64, "%s", from);
	for (; *to; to++)
		*to = *to == '_' ? '-' : (char)(*to | 0x20);
}

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

	cli_option_name(row->name, name);
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

/* The command's option or setting that is nearest to a mistaken one, or NULL. */
static const char *nearest_option(const struct command *command, const char *name)
{
	const struct option_row *row = command->settings ? options_nearest(name) : NULL;
	unsigned best = row ? options_slips(name, row->name) : OPTIONS_FAR;
	const char *nearest = row ? row->name : NULL;

	for (const struct cli_option *option = command->options; option->name; option++) {
		const unsigned slips = options_slips(name, option->name);

		if (slips < OPTIONS_FAR && slips <= best) {
			best = slips;
			nearest = option->name;
		}
	}
	return options_slips(name, "help") < best ? "help" : nearest;
}

/* A word with dashes that is no option; its value does not matter. */
static void tell_unknown(struct cli_arguments *a, const char *word)
{
	char name[2 * TEXT_SHOWN], shown[TEXT_SHOWN + 4], option[64];
	const char *near;
	struct text t;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	text_init(&t, shown, sizeof(shown));
	text_shown(&t, name);
	near = nearest_option(a->command, name + strspn(name, "-"));
	if (near) {
		cli_option_name(near, option);
		cli_error("%s: no such option; the nearest is --%s", shown, option);
	} else {
		cli_error("%s: no such option; see ramlock %s --help", shown, a->command->name);
	}
	fail(a);
}

/* What is wrong with an option's value, and what it may be. row is NULL for what is no setting. */
static void tell_value(struct cli_arguments *a, const char *name, const char *argument,
		       const struct option_row *row, const char *mistake, const char *word)
{
	const size_t bracket = *argument == '[';
	char allowed[200];
	struct text t;

	text_init(&t, allowed, sizeof(allowed));
	if (row)
		options_allowed(row, &t);
	cli_error("--%s: %s%s; write --%s=%.*s%s%s", name, mistake, word, name,
		  (int)(strlen(argument) - 2 * bracket), argument + bracket, *allowed ? ": " : "", allowed);
	fail(a);
}

/* Finds the value behind "=" or, where there must be one, in the next word: a word with a dash is
 * the next option, for nearly always the value was forgotten. */
static bool take_value(struct cli_arguments *a, const char *name, const char *behind,
		       const char *argument, const struct option_row *row)
{
	const char *next = *a->at;

	a->value = behind;
	if (argument == NULL && behind) {
		cli_error("--%s: takes no value", name);
		fail(a);
		return false;
	}
	if (argument && behind == NULL && *argument != '[') {
		if (next == NULL || (next[0] == '-' && next[1])) {
			tell_value(a, name, argument, row, next ? "a value is missing before " : "a value is missing",
				   next ? next : "");
			return false;
		}
		a->value = next;
		a->at++;
	}
	if (row || a->value == NULL || *a->value)
		return true;
	tell_value(a, name, argument, NULL, "the value is empty", "");
	return false;
}

/* One word that begins with "-"; the option's index, or -1 if it was seen to here. */
static int read_option(struct cli_arguments *a, const char *word)
{
	const char *behind = strchr(word, '=');
	const struct option_row *row;
	char name[64];

	if (word[1] != '-' || strcspn(word + 2, "=") >= sizeof(name)) {
		tell_unknown(a, word);
		return -1;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	if (behind)
		behind++;
	for (const struct cli_option *option = a->command->options; option->name; option++)
		if (strcmp(option->name, name) == 0)
			return take_value(a, name, behind, option->argument, NULL)
				       ? (int)(option - a->command->options) : -1;
	row = a->command->settings ? options_find(name) : NULL;
	if (row == NULL)
		tell_unknown(a, word);
	else if (take_value(a, name, behind, row->argument, row))
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

/* An empty word is what a variable left that was not set. */
static void find_empty(struct cli_arguments *a)
{
	static const char *const kinds[] = {
		[OPERANDS_NONE] = "", [OPERANDS_PROGRAM] = "a program", [OPERANDS_PID] = "a PID",
		[OPERANDS_PROGRAM_OR_PID] = "a program or a PID", [OPERANDS_UNIT] = "a service",
	};
	const enum operands kind = a->command->operands;

	for (char **word = a->at; *word; word++) {
		if (**word == '\0') {
			cli_error("%s: an empty word in place of %s", a->command->name, kinds[kind]);
			fail(a);
		}
		if (kind == OPERANDS_PROGRAM || kind == OPERANDS_PROGRAM_OR_PID)
			return; /* what follows are the program's */
	}
}

/* Puts the operands found so far before those that are left. */
static int end(struct cli_arguments *a)
{
	while (a->last != a->operands)
		*--a->at = *--a->last;
	if (a->status < 0)
		find_empty(a);
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
		option = read_option(a, word);
		if (option >= 0)
			return option;
	}
	return end(a);
}
