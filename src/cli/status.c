/* SPDX-License-Identifier: MIT */
/* ramlock status: what is locked now, of one process or of all. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/status.h"
#include "cli/watch.h"

enum { STATUS_ALL, STATUS_WATCH, STATUS_COUNT, STATUS_JSON, STATUS_METRICS };

static const struct cli_option status_options[] = {
	[STATUS_ALL] = {"all", NULL, "a line for each of processes and threads that are alike"},
	[STATUS_WATCH] = {"watch", "[SECONDS]", "look again every 2 or so many seconds, until q or Ctrl-C"},
	[STATUS_COUNT] = {"count", "TIMES", "with --watch: so often"},
	[STATUS_JSON] = {"json", NULL, "all of it as JSON"},
	[STATUS_METRICS] = {"openmetrics", NULL, "all of it as OpenMetrics text, for a collector"},
	{0},
};

static int status_main(int argc, char **argv);

const struct command status_command = {
	.name = "status",
	.usage = "[options] [PID...]",
	.help = "show what is locked now",
	.about = "Shows every process under ramlock that you may look at, a line each; with a PID\n"
		 "all of that one: level, memory by class, reserves, stacks by thread, faults,\n"
		 "counters.\n",
	.end = "Exit status: 0, 1 when a PID could not be shown, 2 for a wrong command line.\n",
	.options = status_options,
	.usage_status = CLI_USAGE,
	.operands = OPERANDS_PID,
	.main = status_main,
};

struct status {
	enum { FORM_TEXT, FORM_JSON, FORM_METRICS } form;
	char **pids; /* NULL-terminated, checked; none: all */
	struct process *processes;
	size_t count, room;
	bool each; /* of what is alike */
	bool seen, ended; /* one was shown before; one of the PIDs is there no more */
};

static struct process *add_process(struct status *s)
{
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 8;
		s->processes = cli_alloc(s->processes, s->room * sizeof(*s->processes));
	}
	return &s->processes[s->count];
}

static void forget(struct status *s)
{
	while (s->count)
		process_free(&s->processes[--s->count]);
}

static void tell(int pid, int error)
{
	cli_error("%d: %s", pid,
		  error == -ENOENT   ? "is not under ramlock"
		  : error == -ESRCH  ? "no such process"
		  : error == -EPERM  ? "may not be looked at; try as root"
		  : error == -EAGAIN ? "is only being started"
		  : error == -EPROTO ? "its counters are of another version of ramlock, or damaged"
				     : strerror(-error));
}

/* Those that were asked for; the first error. */
static int find_given(struct status *s)
{
	int result = 0;

	for (char **word = s->pids; *word; word++) {
		struct process *p = add_process(s);
		int error = process_read(p, atoi(*word));

		if (error == 0) {
			s->count++;
			continue;
		}
		process_free(p);
		s->ended |= s->seen && (error == -ESRCH || error == -ENOENT);
		if (!s->ended)
			tell(atoi(*word), error);
		result = result ? result : error;
	}
	return result;
}

static int compare(const void *one, const void *other)
{
	const struct process *a = one, *b = other;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

static int find_all(struct status *s)
{
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	long pid;

	if (proc == NULL || access("/proc/self", F_OK) != 0) {
		cli_error("/proc: not mounted");
		if (proc)
			closedir(proc);
		return -ENOENT;
	}
	while ((entry = readdir(proc)) != NULL) {
		struct process *p;

		if (!cli_number(entry->d_name, 1, INT32_MAX, &pid))
			continue;
		p = add_process(s);
		if (process_read(p, (int)pid) == 0)
			s->count++;
		else
			process_free(p);
	}
	closedir(proc);
	if (s->count)
		qsort(s->processes, s->count, sizeof(*s->processes), compare);
	return 0;
}

static void print_text(const struct status *s, FILE *to)
{
	if (*s->pids == NULL && s->count == 0)
		fputs("No process under ramlock that you may look at.\n", to);
	else if (*s->pids == NULL)
		status_list(s->processes, s->count, s->each, to);
	else
		for (size_t i = 0; i < s->count; i++) {
			if (i)
				putc('\n', to);
			status_detail(&s->processes[i], s->each, to);
		}
}

/* Looks once and prints; what watch_loop calls. */
static int show(void *context, FILE *to)
{
	struct status *s = context;
	int error = *s->pids ? find_given(s) : find_all(s);

	if (error && *s->pids == NULL)
		return CLI_FAILED;
	if (s->form == FORM_JSON)
		error = status_json(s->processes, s->count, to) ? -EIO : error;
	else if (s->form == FORM_METRICS)
		status_metrics(s->processes, s->count, to);
	else
		print_text(s, to);
	s->seen = true;
	forget(s);
	if (s->ended)
		return WATCH_END;
	return output_flush(to) != 0 || error ? CLI_FAILED : 0;
}

static bool are_pids(char *const *words)
{
	long pid;

	for (; *words; words++) {
		if (!cli_number(*words, 1, INT32_MAX, &pid)) {
			cli_error("%s: not a PID", *words);
			return false;
		}
	}
	return true;
}

static bool fit_together(const struct watch *watch, bool json, bool metrics)
{
	if (json && metrics)
		cli_error("--json and --openmetrics: one form at a time");
	else if (watch->count && watch->milliseconds == 0)
		cli_error("--count: only with --watch, which looks so often");
	else
		return true;
	return false;
}

static int read_options(struct status *s, struct watch *watch, struct cli_arguments *a)
{
	bool json = false, metrics = false;
	int option;

	while ((option = cli_next(a)) >= 0) {
		if (option == STATUS_ALL)
			s->each = true;
		else if (option == STATUS_JSON)
			json = true;
		else if (option == STATUS_METRICS)
			metrics = true;
		else if (!(option == STATUS_WATCH ? watch_set_interval(watch, a->value)
						  : cli_number(a->value, 1, INT32_MAX, &watch->count))) {
			cli_error("--%s=%s: not a %s", status_options[option].name, a->value,
				  option == STATUS_WATCH ? "time in seconds such as 2 or 0.5"
							 : "number from 1 up");
			a->status = CLI_USAGE;
		}
	}
	s->form = json ? FORM_JSON : metrics ? FORM_METRICS : FORM_TEXT;
	if (a->status < 0 && (!are_pids(a->at) || !fit_together(watch, json, metrics)))
		a->status = CLI_USAGE;
	return a->status;
}

static int status_main(int argc, char **argv)
{
	struct cli_arguments a = cli_arguments(&status_command, argv, NULL);
	struct watch watch = {0};
	struct status s = {0};
	int result;

	(void)argc;
	result = read_options(&s, &watch, &a);
	if (result >= 0)
		return result;
	s.pids = a.at;
	result = watch.milliseconds ? watch_loop(&watch, show, &s) : show(&s, stdout);
	free(s.processes);
	return result;
}
