/* SPDX-License-Identifier: MIT */
/* The completion for bash: one function, which finds the word's place by walking over those before. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/completion.h"

static const char head[] =
	"# made from the tables of ramlock by make\n"
	"_ramlock_files() { # d or f: as names, which compgen -W would expand\n"
	"\tmapfile -t COMPREPLY < <(compgen -\"$1\" -- \"$cur\")\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"}\n\n"
	"# What execvp(3) finds: no keyword and no function of the shell, and each name once.\n"
	"_ramlock_programs() {\n"
	"\tlocal path file\n"
	"\tlocal -a paths\n\n"
	"\tif [[ $cur == */* ]]; then\n"
	"\t\t_ramlock_files f\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tIFS=: read -ra paths <<<\"$PATH\"\n"
	"\tmapfile -t COMPREPLY < <(for path in \"${paths[@]}\"; do\n"
	"\t\tfor file in \"${path:-.}/$cur\"*; do\n"
	"\t\t\t[[ -f $file && -x $file ]] && printf '%s\\n' \"${file##*/}\"\n"
	"\t\tdone\n"
	"\tdone | sort -u)\n"
	"}\n\n"
	"# The program and its arguments complete as if they stood alone, where bash-completion is loaded.\n"
	"_ramlock_delegate() {\n"
	"\tif declare -F _comp_command_offset >/dev/null; then\n"
	"\t\t_comp_command_offset \"$1\"\n"
	"\telif declare -F _command_offset >/dev/null; then\n"
	"\t\t_command_offset \"$1\"\n"
	"\telse\n"
	"\t\t_ramlock_files f\n"
	"\tfi\n"
	"}\n\n"
	"_ramlock() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}\n"
	"\tlocal options='' valued='' programs='' option='' ended='' i=2\n\n"
	"\tCOMPREPLY=()\n";

static const char walk[] =
	"\twhile ((i < COMP_CWORD)); do\n"
	"\t\toption=${COMP_WORDS[i]}\n"
	"\t\tif [[ $option != -?* ]]; then\n"
	"\t\t\t[[ -n $programs ]] && break\n"
	"\t\t\t((i += 1))\n"
	"\t\telif [[ $option == -- ]]; then\n"
	"\t\t\tended=yes\n"
	"\t\t\t((i += 1))\n"
	"\t\t\tbreak\n"
	"\t\telif [[ ${COMP_WORDS[i + 1]} == = ]]; then\n"
	"\t\t\t((i += 3))\n"
	"\t\telif [[ $valued == *\" $option \"* ]]; then\n"
	"\t\t\t((i += 2))\n"
	"\t\telse\n"
	"\t\t\t((i += 1))\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tif ((i > COMP_CWORD)); then # a value\n"
	"\t\t[[ $cur != = ]] || cur=\n"
	"\t\tcase $command:$option in\n";

static const char offer[] =
	"\t\tesac\n"
	"\t\treturn 0\n"
	"\tfi\n"
	"\tif [[ -n $programs ]] && ((i < COMP_CWORD)); then\n"
	"\t\t_ramlock_delegate $i\n"
	"\t\treturn 0\n"
	"\tfi\n"
	"\tif [[ $cur == -* && -z $ended ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	"\t\t[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null\n"
	"\t\treturn 0\n"
	"\tfi\n"
	"\tcase $command in\n";

static const char tail[] =
	"\tesac\n"
	"\treturn 0\n"
	"}\n"
	"complete -F _ramlock ramlock\n";

/* "--json --watch= ": one with a value ends in "=", after which no blank is set. */
static void print_option(const struct command *command, const struct completion *option)
{
	(void)command;
	printf("--%s%s ", option->name, option->argument && !option->optional ? "=" : "");
}

static void print_valued(const struct command *command, const struct completion *option)
{
	(void)command;
	if (option->argument && !option->optional)
		printf("--%s ", option->name);
}

static void print_options(const struct command *command)
{
	printf("\t%s) options='", command->name);
	completion_each(command, print_option);
	printf("' valued=' ");
	completion_each(command, print_valued);
	printf("' programs='%s' ;;\n", completion_is_program(command) ? "yes" : "");
}

static void print_value(const struct command *command, const struct completion *option)
{
	if (option->values == COMPLETED_NOTHING)
		return;
	printf("\t\t%s:--%s) ", command->name, option->name);
	if (option->values == COMPLETED_WORDS)
		printf("COMPREPLY=($(compgen -W '%s' -- \"$cur\")) ;;\n", option->words);
	else
		printf("_ramlock_files %c ;;\n", option->values == COMPLETED_FILES ? 'f' : 'd');
}

static void print_operands(const struct command *command)
{
	static const char *const words[] = {
		[OPERANDS_NONE] = ":",
		[OPERANDS_PROGRAM] = "_ramlock_programs",
		[OPERANDS_PID] = "COMPREPLY=($(compgen -W \"$(" COMPLETION_PIDS ")\" -- \"$cur\"))",
		[OPERANDS_PROGRAM_OR_PID] =
			"[[ $cur == [0-9]* && -z $ended ]] &&\n"
			"\t\tCOMPREPLY=($(compgen -W \"$(cd /proc && echo [0-9]*)\" -- \"$cur\")) ||\n"
			"\t\t_ramlock_programs",
		[OPERANDS_UNIT] = "COMPREPLY=($(compgen -W \"$(" COMPLETION_UNITS ")\" -- \"$cur\"))",
	};

	printf("\t%s) %s ;;\n", command->name, words[command->operands]);
}

static void print_names(void)
{
	for (const struct command *const *command = commands; *command; command++)
		printf("%s ", (*command)->name);
}

void completion_bash(void)
{
	fputs(head, stdout);
	printf("\tif ((COMP_CWORD == 1)); then\n"
	       "\t\tCOMPREPLY=($(compgen -W '");
	print_names();
	puts("help --help --version' -- \"$cur\"))\n"
	     "\t\treturn 0\n"
	     "\tfi\n"
	     "\tcase $command in");
	for (const struct command *const *command = commands; *command; command++)
		print_options(*command);
	printf("\tesac\n%s", walk);
	for (const struct command *const *command = commands; *command; command++)
		completion_each(*command, print_value);
	fputs(offer, stdout);
	for (const struct command *const *command = commands; *command; command++)
		print_operands(*command);
	printf("\thelp) COMPREPLY=($(compgen -W '");
	print_names();
	puts("' -- \"$cur\")) ;;");
	fputs(tail, stdout);
}
