/* SPDX-License-Identifier: MIT */
/* The completion for fish: a line an option, each for as long as no program has begun. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/completion.h"

static const char head[] =
	"# made from the tables of ramlock by make\n"
	"function __ramlock_needs_command\n"
	"\ttest (count (commandline -opc)) -eq 1\n"
	"end\n\n"
	"# The program and its arguments before the cursor; fails while options may stand there.\n"
	"function __ramlock_program\n"
	"\tset -l words (commandline -opc)\n"
	"\tcontains -- \"$words[2]\" %s; or return 1\n"
	"\tset -e words[1..2]\n"
	"\twhile set -q words[1]\n"
	"\t\tswitch $words[1]\n"
	"\t\t\tcase --\n"
	"\t\t\t\tset -e words[1]\n"
	"\t\t\t\tset -q words[1]; and printf '%%s\\n' $words\n"
	"\t\t\t\treturn 0\n"
	"\t\t\tcase %s\n"
	"\t\t\t\tset -e words[1]\n"
	"\t\t\tcase '-?*'\n"
	"\t\t\tcase '*'\n"
	"\t\t\t\tprintf '%%s\\n' $words\n"
	"\t\t\t\treturn 0\n"
	"\t\tend\n"
	"\t\tset -q words[1]; and set -e words[1]\n"
	"\tend\n"
	"\treturn 1\n"
	"end\n\n";

static const char helpers[] =
	"function __ramlock_uses\n"
	"\tset -l words (commandline -opc)\n"
	"\ttest \"$words[2]\" = $argv[1]; and not __ramlock_program >/dev/null\n"
	"end\n\n"
	"# What execvp(3) finds: no builtin and no function of the shell.\n"
	"function __ramlock_programs\n"
	"\tset -l token (commandline -ct)\n"
	"\tif string match -q '*/*' -- $token\n"
	"\t\t__fish_complete_path $token\n"
	"\t\treturn\n"
	"\tend\n"
	"\tfor file in $PATH/$token*\n"
	"\t\ttest -f $file -a -x $file; and string replace -r '.*/' '' -- $file\n"
	"\tend | sort -u\n"
	"end\n\n"
	"# The program and its arguments complete as if they stood alone.\n"
	"function __ramlock_delegate\n"
	"\tset -l words (__ramlock_program)\n"
	"\tif set -q words[1]\n"
	"\t\tcomplete -C (string join ' ' -- (string escape -- $words) (commandline -ct))\n"
	"\telse\n"
	"\t\t__ramlock_programs\n"
	"\tend\n"
	"end\n\n"
	"function __ramlock_folders\n"
	"\t__fish_complete_directories (commandline -ct | string replace -r '^--[a-z-]*=' '')\n"
	"end\n\n"
	"function __ramlock_pids\n"
	"\t" COMPLETION_PIDS "\n"
	"end\n\n"
	"function __ramlock_units\n"
	"\t" COMPLETION_UNITS "\n"
	"end\n\n"
	"complete -c ramlock -f\n"
	"complete -c ramlock -n __ramlock_needs_command -s h -l help -d 'show the commands'\n"
	"complete -c ramlock -n __ramlock_needs_command -s V -l version -d 'show the version'\n"
	"complete -c ramlock -n __ramlock_needs_command -a help -d 'show the options of a command'\n"
	"complete -c ramlock -n __ramlock_program -a '(__ramlock_delegate)'\n";

static void print_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++)
		printf("%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
	putchar('\'');
}

static char valued[1024];

static void add_valued(const struct command *command, const struct completion *option)
{
	char word[80];

	(void)command;
	snprintf(word, sizeof(word), "%s--%s", *valued ? " " : "", option->name);
	if (option->argument && !option->optional && strlen(valued) + strlen(word) < sizeof(valued))
		strcat(valued, word);
}

static void print_option(const struct command *command, const struct completion *option)
{
	printf("complete -c ramlock -n '__ramlock_uses %s' -l %s", command->name, option->name);
	if (option->argument && !option->optional) {
		fputs(option->values == COMPLETED_FILES ? " -r -F" : " -x", stdout);
		if (option->values == COMPLETED_FOLDERS)
			fputs(" -a '(__ramlock_folders)'", stdout);
		if (option->values == COMPLETED_WORDS)
			printf(" -a '%s'", option->words);
	}
	fputs(" -d ", stdout);
	print_quoted(option->help);
	putchar('\n');
}

static void print_command(const struct command *command)
{
	static const char *const operands[] = {
		[OPERANDS_NONE] = "",
		[OPERANDS_PROGRAM] = "(__ramlock_programs)",
		[OPERANDS_PID] = "(__ramlock_pids)",
		[OPERANDS_PROGRAM_OR_PID] = "(__fish_complete_pids) (__ramlock_programs)",
		[OPERANDS_UNIT] = "(__ramlock_units)",
	};

	printf("complete -c ramlock -n __ramlock_needs_command -a %s -d ", command->name);
	print_quoted(command->help);
	printf("\ncomplete -c ramlock -n '__ramlock_uses help' -a %s\n", command->name);
	printf("complete -c ramlock -n '__ramlock_uses %s' -a '%s'\n", command->name,
	       operands[command->operands]);
	completion_each(command, print_option);
}

void completion_fish(void)
{
	char programs[256] = "";

	for (const struct command *const *command = commands; *command; command++) {
		if (!completion_is_program(*command))
			continue;
		snprintf(programs + strlen(programs), sizeof(programs) - strlen(programs), "%s%s",
			 *programs ? " " : "", (*command)->name);
		completion_each(*command, add_valued);
	}
	printf(head, programs, valued);
	fputs(helpers, stdout);
	for (const struct command *const *command = commands; *command; command++)
		print_command(*command);
}
