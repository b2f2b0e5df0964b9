/* SPDX-License-Identifier: MIT */
/* Writes the completion for bash from the tables of commands, options and settings. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void print_setting_name(const struct option_row *row)
{
	for (const char *at = row->name; *at; at++)
		putchar(*at == '_' ? '-' : *at | 0x20);
}

/* "--json --watch= ": one with a value ends in "=", after which no blank is set. */
static void print_options(const struct command *command)
{
	for (const struct cli_option *option = command->options; option->name; option++)
		printf("--%s%s ", option->name, option->argument && *option->argument != '[' ? "=" : "");
	for (size_t i = 0; command->settings && i < OPTION_COUNT; i++) {
		printf("--");
		print_setting_name(&option_rows[i]);
		printf("= ");
	}
	printf("--help");
}

static void print_words(const char *words)
{
	for (; *words; words++)
		putchar(*words == '|' ? ' ' : *words);
}

/* What may follow "--name=" of a setting. */
static void print_values(const struct option_row *row)
{
	if (row->kind == OPTION_NUMBER) /* "least-most", both of one digit */
		for (char digit = row->words[0]; digit <= row->words[2]; digit++)
			printf("%c ", digit);
	else
		print_words(row->words);
}

static void print_settings(void)
{
	for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++) {
		const bool file = strcmp(row->argument, "FILE") == 0;

		if (*row->words == '\0' && !file)
			continue;
		printf("\t*:--");
		print_setting_name(row);
		printf(") ");
		if (file) {
			puts("mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;");
			continue;
		}
		printf("COMPREPLY=($(compgen -W '");
		print_values(row);
		puts("' -- \"$cur\")); return ;;");
	}
}

static void print_arguments(const struct command *command)
{
	for (const struct cli_option *option = command->options; option->name; option++) {
		if (option->argument == NULL)
			continue;
		printf("\t%s:--%s) ", command->name, option->name);
		if (strcmp(option->argument, "FILE") == 0 || strcmp(option->argument, "DIR") == 0)
			printf("mapfile -t COMPREPLY < <(compgen -%c -- \"$cur\"); ",
			       *option->argument == 'F' ? 'f' : 'd');
		puts("return ;;");
	}
}

/* Names of files never go through compgen -W, which would expand what stands in them. */
static void print_operands(const struct command *command)
{
	static const char *const words[] = {
		[OPERANDS_NONE] = ":",
		[OPERANDS_PROGRAM] = "mapfile -t COMPREPLY < <(compgen -c -- \"$cur\"; compgen -f -- \"$cur\")",
		[OPERANDS_PID] = "COMPREPLY=($(compgen -W \"$(ramlock status --all 2>/dev/null | "
				 "awk 'NF > 6 && $1 + 0 { print $1 }')\" -- \"$cur\"))",
		[OPERANDS_PROGRAM_OR_PID] = "mapfile -t COMPREPLY < <(compgen -c -- \"$cur\"; "
					    "compgen -f -- \"$cur\"; "
					    "compgen -W \"$(cd /proc && echo [0-9]*)\" -- \"$cur\")",
		[OPERANDS_UNIT] = "COMPREPLY=($(compgen -W \"$(systemctl list-unit-files --no-legend "
				  "--type=service 2>/dev/null | awk '{ print $1 }')\" -- \"$cur\"))",
	};

	printf("\t%s) %s ;;\n", command->name, words[command->operands]);
}

static void print_option_list(const struct command *command)
{
	printf("\t%s) options='", command->name);
	print_options(command);
	puts("' ;;");
}

/* A program behind run, check or measure, and what follows it, completes as if it stood alone. */
static const char head[] =
	"# made from the tables of ramlock by make\n"
	"_ramlock() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal command=${COMP_WORDS[1]} options= i\n\n"
	"\tCOMPREPLY=()\n"
	"\tif [[ $cur == = ]]; then\n"
	"\t\tcur=\n"
	"\telif [[ $prev == = ]]; then\n"
	"\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\tfi\n";

static const char offer[] =
	"\tif [[ $cur == -* ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	"\t\t[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null\n"
	"\t\treturn 0\n"
	"\tfi\n";

static const char tail[] =
	"\treturn 0\n"
	"}\n"
	"complete -F _ramlock ramlock\n";

static const char skip_program[] =
	"\tcase $command in %s)\n"
	"\t\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	"\t\t\t[[ ${COMP_WORDS[i]} == -* || ${COMP_WORDS[i]} == = || ${COMP_WORDS[i - 1]} == = ]] && continue\n"
	"\t\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\t\t\treturn 0\n"
	"\t\tdone ;;\n"
	"\tesac\n";

static void print_names(void)
{
	for (const struct command *const *command = commands; *command; command++)
		printf("%s ", (*command)->name);
}

void completion_write(void)
{
	char programs[256] = "";

	for (const struct command *const *command = commands; *command; command++)
		if ((*command)->operands == OPERANDS_PROGRAM ||
		    (*command)->operands == OPERANDS_PROGRAM_OR_PID)
			snprintf(programs + strlen(programs), sizeof(programs) - strlen(programs), "%s%s",
				 *programs ? "|" : "", (*command)->name);
	fputs(head, stdout);
	printf("\tif ((COMP_CWORD == 1)); then\n"
	       "\t\tCOMPREPLY=($(compgen -W '");
	print_names();
	printf("--help --version' -- \"$cur\"))\n"
	       "\t\treturn 0\n"
	       "\tfi\n");
	printf(skip_program, programs);
	puts("\tcase $command:$prev in");
	for (const struct command *const *command = commands; *command; command++)
		print_arguments(*command);
	print_settings();
	puts("\tesac\n\tcase $command in");
	for (const struct command *const *command = commands; *command; command++)
		print_option_list(*command);
	printf("\tesac\n%s\tcase $command in\n", offer);
	for (const struct command *const *command = commands; *command; command++)
		print_operands(*command);
	puts("\tesac");
	fputs(tail, stdout);
}
