/* SPDX-License-Identifier: MIT */
/* The completion for zsh: what _arguments takes, a list a command. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/completion.h"

static const char head[] =
	"#compdef ramlock\n"
	"# made from the tables of ramlock by make\n\n"
	"_ramlock_programs() {\n"
	"\tlocal -a expl\n"
	"\tlocal -aU programs\n"
	"\tif [[ $PREFIX == */* ]]; then\n"
	"\t\t_files -g '*(-*)'\n"
	"\telse\n"
	"\t\tprograms=(${^path}/${PREFIX:0:1}*(N-*:t)) # no function and no builtin\n"
	"\t\t_wanted commands expl program compadd -a programs\n"
	"\tfi\n"
	"}\n\n"
	"_ramlock_targets() {\n"
	"\t_alternative 'pids:PID:_pids' 'programs:program:_ramlock_programs'\n"
	"}\n\n"
	"_ramlock_pids() {\n"
	"\tlocal -a pids expl\n"
	"\tpids=(${(f)\"$(" COMPLETION_PIDS ")\"})\n"
	"\t_wanted processes expl 'process under ramlock' compadd -a pids\n"
	"}\n\n"
	"_ramlock_units() {\n"
	"\tlocal -a units expl\n"
	"\tunits=(${(f)\"$(" COMPLETION_UNITS ")\"})\n"
	"\t_wanted services expl 'service' compadd -a units\n"
	"}\n\n"
	"_ramlock() {\n"
	"\tlocal curcontext=\"$curcontext\" state line ret=1\n"
	"\tlocal -a subcommands\n"
	"\tlocal -A opt_args\n\n"
	"\tsubcommands=(\n";

static const char choose[] =
	"\t)\n"
	"\t_arguments -C -S '(- *)'{-h,--help}'[show the commands]' '(- *)'{-V,--version}'[show the version]' \\\n"
	"\t\t'1:command:->command' '*::argument:->argument' && return 0\n"
	"\tif [[ $state == command ]]; then\n"
	"\t\t_describe -t commands 'ramlock command' subcommands\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tcase $line[1] in\n";

static const char tail[] =
	"\thelp) _arguments '1:command:(%s)' && ret=0 ;;\n"
	"\tesac\n"
	"\treturn ret\n"
	"}\n\n"
	"_ramlock \"$@\"\n";

/* Within '' and [], or before a ':'. */
static void print_quoted(const char *text, const char *escaped)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			printf("%s%c", strchr(escaped, *text) ? "\\" : "", *text);
	}
}

static void print_option(const struct command *command, const struct completion *option)
{
	static const char *const actions[] = {
		[COMPLETED_NOTHING] = " ", [COMPLETED_FILES] = "_files", [COMPLETED_FOLDERS] = "_files -/"};

	(void)command;
	if (strcmp(option->name, "help") == 0) {
		printf(" \\\n\t\t'(- *)'{-h,--help}'[%s]'", option->help);
		return;
	}
	printf(" \\\n\t\t'--%s%s[", option->name,
	       option->argument == NULL ? "" : option->optional ? "=-" : "=");
	print_quoted(option->help, "\\[]");
	putchar(']');
	if (option->argument && option->values == COMPLETED_WORDS)
		printf(":%s:(%s)", option->argument, option->words);
	else if (option->argument)
		printf("%s:%s:%s", option->optional ? ":" : "", option->argument, actions[option->values]);
	putchar('\'');
}

static void print_command(const struct command *command)
{
	static const char *const operands[] = {
		[OPERANDS_NONE] = "",
		[OPERANDS_PROGRAM] = "'(-)1:program:_ramlock_programs' '*:: :_normal'",
		[OPERANDS_PID] = "'*:PID:_ramlock_pids'",
		[OPERANDS_PROGRAM_OR_PID] =
			"'(-)1:program or PID:_ramlock_targets' '*:: :_normal'",
		[OPERANDS_UNIT] = "'1:service:_ramlock_units'",
	};

	printf("\t%s)\n\t\t_arguments -S", command->name);
	completion_each(command, print_option);
	printf(" \\\n\t\t%s && ret=0 ;;\n", operands[command->operands]);
}

void completion_zsh(void)
{
	char names[256] = "";

	fputs(head, stdout);
	for (const struct command *const *command = commands; *command; command++) {
		printf("\t\t'%s:", (*command)->name);
		print_quoted((*command)->help, "\\:");
		puts("'");
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", *names ? " " : "",
			 (*command)->name);
	}
	puts("\t\t'help:show the options of a command'");
	fputs(choose, stdout);
	for (const struct command *const *command = commands; *command; command++)
		print_command(*command);
	printf(tail, names);
}
