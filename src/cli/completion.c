/* SPDX-License-Identifier: MIT */
/* Writes the completion for a shell from the tables of commands, options and settings. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/completion.h"

/* "off|thp" as "off thp"; of a number, "0-3", the digits. */
static void write_words(const struct option_row *row, char *to)
{
	if (row->kind == OPTION_NUMBER) {
		for (char digit = row->words[0]; digit <= row->words[2]; digit++) {
			*to++ = digit;
			*to++ = ' ';
		}
		to[-1] = '\0';
		return;
	}
	for (const char *at = row->words; *at; at++)
		*to++ = *at == '|' ? ' ' : *at;
	*to = '\0';
}

static enum completed values_of(const char *argument)
{
	return argument == NULL			 ? COMPLETED_NOTHING
	       : strstr(argument, "FILE") != NULL ? COMPLETED_FILES
	       : strcmp(argument, "DIR") == 0	  ? COMPLETED_FOLDERS
						  : COMPLETED_NOTHING;
}

static void use_option(const struct command *command, const struct cli_option *option,
		       void (*use)(const struct command *, const struct completion *))
{
	struct completion c = {.name = option->name, .argument = option->argument, .help = option->help};
	char argument[32];

	c.values = values_of(c.argument);
	c.optional = c.argument && *c.argument == '[';
	if (c.optional) {
		snprintf(argument, sizeof(argument), "%.*s", (int)strlen(c.argument) - 2, c.argument + 1);
		c.argument = argument;
	}
	use(command, &c);
}

static void use_setting(const struct command *command, const struct option_row *row,
			void (*use)(const struct command *, const struct completion *))
{
	char name[64], words[200];
	struct completion c = {.name = name, .argument = row->argument, .help = row->help, .words = words};

	cli_option_name(row->name, name);
	write_words(row, words);
	c.values = *words ? COMPLETED_WORDS : values_of(c.argument);
	use(command, &c);
}

void completion_each(const struct command *command,
		     void (*use)(const struct command *, const struct completion *))
{
	static const struct cli_option help = {"help", NULL, "show the options"};

	for (const struct cli_option *option = command->options; option->name; option++)
		use_option(command, option, use);
	for (size_t i = 0; command->settings && i < OPTION_COUNT; i++)
		use_setting(command, &option_rows[i], use);
	use_option(command, &help, use);
}

bool completion_is_program(const struct command *command)
{
	return command->operands == OPERANDS_PROGRAM || command->operands == OPERANDS_PROGRAM_OR_PID;
}

bool completion_write(const char *shell)
{
	static const struct {
		const char *shell;
		void (*write)(void);
	} shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};

	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++) {
		if (strcmp(shell, shells[i].shell) == 0) {
			shells[i].write();
			return true;
		}
	}
	cli_error("%s: no such shell; allowed: bash, zsh or fish", shell);
	return false;
}
