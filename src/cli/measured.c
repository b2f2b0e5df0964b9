/* SPDX-License-Identifier: MIT */
/* The tables of faults, figures and settings. */
#include "config.h"

#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/dropin.h"
#include "cli/duration.h"
#include "cli/launch.h"
#include "cli/measured.h"
#include "cli/table.h"
#include "cli/words.h"
#include "common/text.h"

#define OPTION_WORD_SIZE 512

double measured_seconds(uint64_t time)
{
	return (double)time / 1e9;
}

static void write_size(char *to, size_t size, uint64_t bytes)
{
	struct text t;

	text_init(&t, to, size);
	text_size(&t, bytes);
}

/* --- the head ------------------------------------------------------------------------------ */

void measured_end(const struct outcome *f, FILE *to)
{
	if (f->stopped)
		fputs("stopped after the given time", to);
	else if (WIFSIGNALED(f->status))
		fprintf(to, "ended by signal %d", WTERMSIG(f->status));
	else
		fprintf(to, "exit status %d", WEXITSTATUS(f->status));
}

static void print_source(const struct measured *m, FILE *to)
{
	const struct outcome *f = m->first;

	if (f->sampled && f->user_only)
		fputs("Without those that the kernel met inside system calls: kernel.perf_event_paranoid\n"
		      "is above 1.\n", to);
	if (!f->sampled)
		fprintf(to,
			"perf_event_open: %s: places are unknown, the faults are the kernel's\n"
			"counts, which hold pages that system calls made resident; depths are what was\n"
			"resident. Lower kernel.perf_event_paranoid or run as root.\n",
			strerror(-f->refused));
	if (f->lost)
		fprintf(to, "%llu samples were lost: there were more faults than shown.\n",
			(unsigned long long)f->lost);
	if (f->ahead)
		fprintf(to, "%llu more were taken for the reserves of new threads, before their own code ran.\n",
			(unsigned long long)f->ahead);
	if (!f->reached && f->loaded)
		fputs("The program ended before the library had figures: faults count from its start.\n", to);
	else if (!f->reached)
		fputs("The library was not in the program, or it left no figures: faults count from its\n"
		      "start.\n", to);
}

void measured_running(const struct outcome *f, FILE *to)
{
	char name[OUTCOME_NAME];

	if (f->running_count == 0)
		return;
	fputs("Still running, and not followed further:", to);
	for (size_t i = 0; i < f->running_count && i < OUTCOME_RUNNING; i++)
		fprintf(to, "%s %s (PID %u)", i ? "," : "",
			words_clean(f->running[i].name, name, sizeof(name)), f->running[i].pid);
	if (f->running_count > OUTCOME_RUNNING)
		fprintf(to, " and %zu more", f->running_count - OUTCOME_RUNNING);
	fputs(".\n", to);
}

static void print_head(const struct measured *m, FILE *to)
{
	const struct outcome *f = m->first;

	fprintf(to, "\nramlock: measured %s: %.2f s, ", *m->program, measured_seconds(f->length));
	measured_end(f, to);
	if (f->reached)
		fprintf(to, ", level %s: %s", level_names[f->level], reason_texts[f->reason]);
	fputc('\n', to);
	measured_running(f, to);
	print_source(m, to);
}

/* --- figures ------------------------------------------------------------------------------- */

void measured_figures(const struct outcome *f, struct measured_figure figures[MEASURED_FIGURES])
{
	const struct measured_figure list[MEASURED_FIGURES] = {
		{"main_stack", "main stack, depth", f->reach[PLACE_STACK], 0},
		{"thread_stack", "thread stack, depth", f->reach[PLACE_THREAD_STACK],
		 f->number[PLACE_THREAD_STACK]},
		{"heap", "heap, peak", f->reach[PLACE_HEAP], 0},
		{"thread_arena", "thread arena, peak", f->reach[PLACE_ARENA], f->number[PLACE_ARENA]},
		{"large_blocks", "large blocks, peak", f->large_peak, 0},
		{"large_grown", "made resident inside malloc", f->large_grown, 0},
	};

	memcpy(figures, list, sizeof(list));
}

static void print_figures(const struct outcome *f, FILE *to)
{
	struct measured_figure figures[MEASURED_FIGURES];
	char size[24];

	measured_figures(f, figures);
	fputc('\n', to);
	for (int i = 0; i < MEASURED_FIGURES; i++) {
		if (figures[i].bytes == 0)
			continue;
		write_size(size, sizeof(size), figures[i].bytes);
		fprintf(to, "%-28s %10s", figures[i].name, size);
		if (figures[i].number > 1)
			fprintf(to, ", the most of %llu", (unsigned long long)figures[i].number);
		fputc('\n', to);
	}
}

static void print_timeline(const struct outcome *f, FILE *to)
{
	const bool plain = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	const size_t width = table_width(to);

	if (f->timeline.used == 0 || !f->sampled)
		return;
	fprintf(to, "\nfaults over %.2f s\n", measured_seconds(f->timeline.used * f->timeline.width));
	fputc('|', to);
	timeline_print(&f->timeline, width > 4 ? width - 2 : width, plain, to);
	fputs("|\n", to);
}

/* --- settings ------------------------------------------------------------------------------ */

static const struct table_column advice_columns[] = {
	{"setting", "SETTING", TABLE_LEFT},
	{"cost", "COSTS UP TO", TABLE_RIGHT},
	{"reason", "BECAUSE", TABLE_WRAP},
};

static void print_advice_table(const struct measured *m, FILE *to)
{
	struct table *t = table_new(advice_columns, 3);

	for (size_t i = 0; i < m->advice_count; i++) {
		const struct advice *row = &m->advice[i];

		table_row(t);
		table_format(t, 0, "%s=%s%s", row->setting, row->value,
			     row->given ? " (as it is)" : "");
		if (row->cost != UINT64_MAX)
			table_size(t, 1, row->cost);
		table_text(t, 2, row->reason);
	}
	fputc('\n', to);
	table_print(t, to);
	table_free(t);
}

bool measured_is_default(const struct advice *row)
{
	return row->given && strcmp(row->reason, "as given") != 0;
}

/* "--thread-stack=64K" */
static void print_option(const struct advice *row, FILE *to)
{
	char word[OPTION_WORD_SIZE];
	size_t length = (size_t)snprintf(word, sizeof(word), "--%s", row->setting);

	for (char *at = word + 2; *at; at++)
		*at = *at == '_' ? '-' : (char)(*at | 0x20);
	snprintf(word + length, sizeof(word) - length, "=%s", row->value);
	putc(' ', to);
	words_shell(word, to);
}

/* "RAMLOCK_THREAD_STACK=64K", as a shell reads it or as a unit does. */
static void print_variable(const char *name, const char *value, bool unit, FILE *to)
{
	char word[LAUNCH_PATH + OPTION_WORD_SIZE];

	snprintf(word, sizeof(word), "%s=%s", name, value);
	if (!unit)
		putc(' ', to);
	else
		fputs("Environment=", to);
	if (unit && strpbrk(word, " \t\n\"'\\%"))
		dropin_quote(word, to);
	else if (unit)
		fputs(word, to);
	else
		words_shell(word, to);
	if (unit)
		putc('\n', to);
}

static void print_variables(const struct measured *m, bool unit, FILE *to)
{
	char name[64];

	print_variable("LD_PRELOAD", m->library, unit, to);
	for (size_t i = 0; i < m->advice_count; i++) {
		if (measured_is_default(&m->advice[i]))
			continue;
		snprintf(name, sizeof(name), OPTIONS_PREFIX "%s", m->advice[i].setting);
		print_variable(name, m->advice[i].value, unit, to);
	}
}

static void print_pasteable(const struct measured *m, FILE *to)
{
	fputs("\nramlock run", to);
	for (size_t i = 0; i < m->advice_count; i++)
		if (!measured_is_default(&m->advice[i]))
			print_option(&m->advice[i], to);
	fputs(" --", to);
	for (char *const *word = m->program; *word; word++) {
		putc(' ', to);
		words_shell(*word, to);
	}
	fputs("\n\nexport", to);
	print_variables(m, false, to);
	fputs("\n\n[Service]\n", to);
	print_variables(m, true, to);
	fprintf(to, "LimitMEMLOCK=infinity\n# where the unit has NoExecPaths=:\n#ExecPaths=%s\n", m->library);
}

static void print_advice(const struct measured *m, FILE *to)
{
	size_t changes = 0;

	for (size_t i = 0; i < m->advice_count; i++)
		changes += !measured_is_default(&m->advice[i]);
	if (m->advice_count)
		print_advice_table(m, to);
	if (changes)
		print_pasteable(m, to);
	else
		fputs("\nThe default settings suffice.\n", to);
}

void measured_print(const struct measured *m, FILE *to)
{
	print_head(m, to);
	measured_places(m->first, to);
	print_figures(m->first, to);
	print_timeline(m->first, to);
	print_advice(m, to);
	if (m->second)
		measured_verify(m, to);
}
