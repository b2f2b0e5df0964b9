/* SPDX-License-Identifier: MIT */
/* ramlock measure: runs a program, tells which faults remain, and which settings remove them. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/advice.h"
#include "cli/cli.h"
#include "cli/duration.h"
#include "cli/launch.h"
#include "cli/library.h"
#include "cli/measured.h"
#include "cli/output.h"
#include "cli/sanitizer.h"
#include "cli/trial.h"

enum { AFTER, FOR, VERIFY, JSON, OUTPUT, PLOT };

static const struct cli_option measure_options[] = {
	[AFTER] = {"after", "TIME", "count faults from so long after the start: 500ms, 2s, 1m"},
	[FOR] = {"for", "TIME", "end the program after that time (SIGTERM)"},
	[VERIFY] = {"verify", NULL, "run it again under the suggested settings"},
	[JSON] = {"json", "[FILE]",
		  "write all of it as JSON to FILE (- is stdout), or in place of the tables"},
	[OUTPUT] = {"output", "FILE", "tables to FILE in place of standard error"},
	[PLOT] = {"plot", "FILE", "faults over time as an SVG, by gnuplot"},
	{0},
};

static int measure_main(int argc, char **argv);

const struct command measure_command = {
	.name = "measure",
	.usage = "[options] [--] program [args]",
	.help = "run a program and tell which faults remain, and what removes them",
	.about = "Runs a program to its end and prints its page faults by place, how deep its\n"
		 "stacks and how large its heaps became, and the settings that leave no fault.\n"
		 "Unless they are given, STACK, THREAD_STACK, HEAP, THREAD_HEAP and LARGE_RESERVE\n"
		 "are 0 in this run, so that each page that the program touches shows.\n",
	.end = "Exit status: the program's own, 0 if it was ended by --for; 125 when ramlock\n"
	       "fails, 126 when the program can't be started, 127 when it is not found.\n",
	.options = measure_options,
	.settings = true,
	.usage_status = CLI_RUN_FAILED,
	.operands = OPERANDS_PROGRAM,
	.main = measure_main,
};

struct measure {
	struct options options;
	struct trial trial;
	bool verify, json;
	const char *json_file, *output, *plot;
	char library[LAUNCH_PATH];
};

static void read_time(struct cli_arguments *a, const char *name, uint64_t *time)
{
	if (duration_parse(a->value, time) == 0 && (*time || strcmp(name, "for") != 0))
		return;
	cli_error("--%s=%s: not a time such as 500ms, 2s or 1m", name, a->value);
	a->status = CLI_RUN_FAILED;
}

static void take_option(struct measure *m, struct cli_arguments *a, int option)
{
	switch (option) {
	case AFTER:
		read_time(a, "after", &m->trial.after);
		break;
	case FOR:
		read_time(a, "for", &m->trial.length);
		break;
	case VERIFY:
		m->verify = true;
		break;
	case JSON:
		m->json = true;
		m->json_file = a->value;
		break;
	case OUTPUT:
		m->output = a->value;
		break;
	case PLOT:
		m->plot = a->value;
		break;
	}
}

/* Reserves that were not given are none, so that what the program needs shows as faults. */
static const char *const *probing_settings(const struct options *options, const char **list)
{
	static const struct {
		enum option_index index;
		const char *setting;
	} probes[] = {
		{OPTION_INDEX_STACK, "STACK=0"},
		{OPTION_INDEX_THREAD_STACK, "THREAD_STACK=0"},
		{OPTION_INDEX_HEAP, "HEAP=0"},
		{OPTION_INDEX_THREAD_HEAP, "THREAD_HEAP=0"},
		{OPTION_INDEX_LARGE_RESERVE, "LARGE_RESERVE=0"},
	};
	size_t count = 0;

	for (size_t i = 0; i < sizeof(probes) / sizeof(*probes); i++)
		if (!options_given(options, probes[i].index))
			list[count++] = probes[i].setting;
	list[count] = NULL;
	return list;
}

/* What the settings make resident without a fault: those of the user, then the advice. */
static void note_reserves(struct measure *m, const struct advice *advice, size_t count)
{
	static const struct {
		enum option_index index;
		enum place_kind kind;
	} reserves[] = {
		{OPTION_INDEX_STACK, PLACE_STACK},
		{OPTION_INDEX_THREAD_STACK, PLACE_THREAD_STACK},
		{OPTION_INDEX_HEAP, PLACE_HEAP},
		{OPTION_INDEX_THREAD_HEAP, PLACE_ARENA},
	};

	for (size_t i = 0; i < sizeof(reserves) / sizeof(*reserves); i++) {
		const struct option_row *row = &option_rows[reserves[i].index];
		const uint64_t *bytes = (const void *)((const char *)&m->options + row->offset);
		struct size size = {0};

		if (advice || options_given(&m->options, reserves[i].index))
			size.bytes = *bytes;
		for (size_t j = 0; j < count; j++)
			if (strcmp(advice[j].setting, row->name) == 0)
				size_parse(advice[j].value, &size);
		m->trial.reserved[reserves[i].kind] = size.bytes;
	}
}

/* The suggested settings as "NAME=VALUE". */
static const char *const *advised_settings(const struct advice *advice, size_t count,
					   char words[OPTION_COUNT][96], const char **list)
{
	for (size_t i = 0; i < count; i++) {
		snprintf(words[i], 96, "%s=%s", advice[i].setting, advice[i].value);
		list[i] = words[i];
	}
	list[count] = NULL;
	return list;
}

/* Opens where results go before the program runs, which may be for hours. */
static FILE *open_output(const char *path, FILE *otherwise)
{
	FILE *file;

	if (path == NULL)
		return otherwise;
	if (strcmp(path, "-") == 0)
		return stdout;
	file = fopen(path, "we");
	if (file == NULL)
		cli_error("%s: %s", path, strerror(errno));
	return file;
}

static int close_output(FILE *file, const char *path)
{
	bool failed = output_flush(file) != 0;

	if (file != stdout && file != stderr)
		failed |= fclose(file) != 0;
	if (!failed)
		return 0;
	if (file != stdout) /* of which output_close tells */
		cli_error("%s: could not be written", path ? path : "output");
	return CLI_RUN_FAILED;
}

static void plot(const struct measure *m, const struct outcome *f)
{
	int error;

	if (m->plot == NULL)
		return;
	if (!f->sampled)
		error = -ENODATA;
	else
		error = timeline_plot(&f->timeline, *m->trial.program, m->plot);
	if (error == -ENOENT)
		fprintf(stderr, "ramlock: warning: --plot: gnuplot is not installed; install gnuplot-nox\n");
	else if (error)
		fprintf(stderr, "ramlock: warning: --plot=%s: %s\n", m->plot,
			error == -EIO ? "gnuplot failed" : "without samples there is no timeline");
}

static int exit_status(const struct outcome *f)
{
	if (f->stopped && (WIFSIGNALED(f->status) || WEXITSTATUS(f->status) == 128 + SIGTERM))
		return 0;
	return WIFSIGNALED(f->status) ? 128 + WTERMSIG(f->status) : WEXITSTATUS(f->status);
}

static int print(const struct measure *m, const struct measured *result, FILE *tables, FILE *json)
{
	int status = 0;

	if (tables)
		measured_print(result, tables);
	if (json && measured_json(result, json) != 0)
		status = CLI_RUN_FAILED;
	plot(m, result->first);
	if (tables && close_output(tables, m->output) != 0)
		status = CLI_RUN_FAILED;
	if (json && json != tables && close_output(json, m->json_file ? m->json_file : m->output) != 0)
		status = CLI_RUN_FAILED;
	return status;
}

/* The two runs, and what they show. */
static int measure(struct measure *m, FILE *tables, FILE *json)
{
	struct outcome first, second = {0};
	struct advice advice[OPTION_COUNT];
	struct means means;
	char words[OPTION_COUNT][96];
	const char *list[OPTION_COUNT + 1];
	struct measured result = {.program = m->trial.program, .library = m->library,
				  .after = m->trial.after, .first = &first, .advice = advice};
	int status;

	m->trial.settings = probing_settings(&m->options, list);
	note_reserves(m, NULL, 0);
	m->trial.reserves = options_given(&m->options, OPTION_INDEX_THREAD_STACK) ||
			    options_given(&m->options, OPTION_INDEX_THREAD_HEAP);
	status = trial_run(&m->trial, &first);
	if (status)
		return status;
	status = exit_status(&first);
	means_read(&means, &m->options, m->trial.program, &first);
	result.advice_count = advice_make(&first, &m->options, &means, advice);
	if (m->verify) {
		m->trial.settings = advised_settings(advice, result.advice_count, words, list);
		m->trial.reserves = true;
		note_reserves(m, advice, result.advice_count);
		if (trial_run(&m->trial, &second) != 0)
			return CLI_RUN_FAILED;
		result.second = &second;
		status = exit_status(&second);
	}
	if (print(m, &result, tables, json) != 0)
		status = CLI_RUN_FAILED;
	outcome_free(&first);
	outcome_free(&second);
	return status;
}

/* Bare --json stands in place of the tables. */
static int start(struct measure *m)
{
	const bool both = m->json && m->json_file;
	FILE *json = NULL, *tables = NULL;

	m->trial.library = m->library;
	m->trial.options = &m->options;
	m->trial.progress = isatty(STDERR_FILENO);
	if (!m->json || both) {
		tables = open_output(m->output, stderr);
		if (tables == NULL)
			return CLI_RUN_FAILED;
	}
	if (m->json) {
		json = both ? open_output(m->json_file, NULL) : open_output(m->output, stderr);
		if (json == NULL)
			return CLI_RUN_FAILED;
	}
	return measure(m, tables, json);
}

static bool fit_together(const struct measure *m)
{
	const char *json = m->json_file ? m->json_file : "";

	if (m->trial.length && m->trial.after >= m->trial.length)
		cli_error("--after: not before the end by --for, so that no fault would be counted");
	else if (m->output && strcmp(json, m->output) == 0)
		cli_error("--json and --output: %s: one file for both", json);
	else
		return true;
	return false;
}

static int measure_main(int argc, char **argv)
{
	static struct measure m;
	struct cli_arguments a = cli_arguments(&measure_command, argv, &m.options);
	int wrong = launch_settings(&m.options), option;

	(void)argc;
	while ((option = cli_next(&a)) >= 0)
		take_option(&m, &a, option);
	if (a.status < 0 && *a.at == NULL) {
		cli_error("measure: no program given; see ramlock measure --help");
		a.status = CLI_RUN_FAILED;
	}
	if (a.status < 0 && !fit_together(&m))
		a.status = CLI_RUN_FAILED;
	if (a.status >= 0)
		return a.status;
	launch_settings(&m.options); /* with the profile that was asked for */
	if (wrong && m.options.on_error == ERROR_ABORT)
		return CLI_RUN_FAILED;
	if (launch_find_library(m.library) != 0)
		return CLI_RUN_FAILED;
	library_match(m.library, *a.at);
	sanitizer_prepare(*a.at);
	m.trial.program = a.at;
	launch_reaches(&m.options, m.library, *a.at);
	return start(&m);
}
