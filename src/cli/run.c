/* SPDX-License-Identifier: MIT */
/* ramlock run: sets the environment and the limit, looks at the program, and becomes it. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/launch.h"
#include "cli/library.h"
#include "cli/sanitizer.h"

enum { RUN_DRY };

static const struct cli_option run_options[] = {
	[RUN_DRY] = {"dry-run", NULL, "print the environment and the limits, start nothing"},
	{0},
};

static int run_main(int argc, char **argv);

const struct command run_command = {
	.name = "run",
	.usage = "[options] [--] program [args]",
	.help = "start a program with its memory locked",
	.about = "Starts a program with its memory locked, as the settings say. Each setting is a\n"
		 "RAMLOCK_ variable too; an option beats the variable, both beat the profile.\n",
	.end = "Exit status: 125 when ramlock fails, 126 when the program can't be started, 127\n"
	       "when it is not found, else the program's own.\n",
	.options = run_options,
	.settings = true,
	.usage_status = CLI_RUN_FAILED,
	.operands = OPERANDS_PROGRAM,
	.main = run_main,
};

static void print_environment(void)
{
	for (char **variable = environ; *variable; variable++)
		if ((strncmp(*variable, OPTIONS_PREFIX, strlen(OPTIONS_PREFIX)) == 0 &&
		     strncmp(*variable, "RAMLOCK_TOLD=", 13) != 0) ||
		    strncmp(*variable, "LD_", 3) == 0)
			puts(*variable);
}

/* The limit that the program would get: tried on ourselves, for nothing of it is left. */
static void print_limit(void)
{
	struct rlimit now;

	launch_raise_limit();
	if (getrlimit(RLIMIT_MEMLOCK, &now) != 0)
		return;
	if (now.rlim_cur == RLIM_INFINITY)
		puts("RLIMIT_MEMLOCK=unlimited");
	else
		printf("RLIMIT_MEMLOCK=%lu KiB\n", (unsigned long)now.rlim_cur / 1024);
}

static int start(char **program)
{
	execvp(*program, program);
	return launch_refused(*program, errno);
}

static int run_main(int argc, char **argv)
{
	static char library[LAUNCH_PATH];
	struct options options;
	struct cli_arguments a = cli_arguments(&run_command, argv, &options);
	int wrong = launch_settings(&options);
	bool dry = false;

	(void)argc;
	while (cli_next(&a) >= 0)
		dry = true;
	if (a.status < 0 && *a.at == NULL) {
		cli_error("run: no program given; see ramlock run --help");
		a.status = CLI_RUN_FAILED;
	}
	if (a.status >= 0)
		return a.status;
	launch_settings(&options); /* with the profile that was asked for */
	if (wrong && options.on_error == ERROR_ABORT)
		return CLI_RUN_FAILED;
	if (launch_find_library(library) != 0)
		return CLI_RUN_FAILED;
	library_match(library, *a.at);
	sanitizer_prepare(*a.at);
	if (launch_environment(&options, library) != 0)
		return CLI_RUN_FAILED;
	if (dry) {
		print_environment();
		print_limit();
		return 0;
	}
	launch_raise_limit();
	if (!launch_reaches(&options, library, *a.at) && options.on_error == ERROR_ABORT)
		return CLI_RUN_FAILED;
	return start(a.at);
}
