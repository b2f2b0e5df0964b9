/* SPDX-License-Identifier: MIT */
/* The tables of faults, figures and settings. */
#include "config.h"

#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/duration.h"
#include "cli/measured.h"
#include "cli/table.h"
#include "common/text.h"

#define ROWS_SHOWN 6  /* of each kind of place */
#define NAME_SHOWN 26 /* bytes of a name */

static double seconds(uint64_t time)
{
	return (double)time / 1e9;
}

static void write_size(char *to, size_t size, uint64_t bytes)
{
	struct text t;

	text_init(&t, to, size);
	text_size(&t, bytes);
}

/* --- the head ---------------------------------------------------------------------------------- */

static void print_end(const struct outcome *f, FILE *to)
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
		fputs("Without those that the kernel met inside system calls: perf_event_paranoid is above 1.\n",
		      to);
	if (!f->sampled)
		fprintf(to, "perf_event_open: %s: places are unknown, the faults are the kernel's counts, which\n"
			    "hold pages that system calls made resident; depths are what was resident. Lower\n"
			    "kernel.perf_event_paranoid or run as root.\n", strerror(-f->refused));
	if (f->lost)
		fprintf(to, "%llu samples were lost: there were more faults than shown.\n",
			(unsigned long long)f->lost);
	if (!f->reached)
		fputs("The library was not in the program, or it left no figures: faults count from its start.\n",
		      to);
}

static void print_head(const struct measured *m, FILE *to)
{
	const struct outcome *f = m->first;

	fprintf(to, "\nramlock: measured %s: %.2f s, ", *m->program, seconds(f->length));
	print_end(f, to);
	if (f->reached)
		fprintf(to, ", level %s: %s", level_names[f->level], reason_texts[f->reason]);
	fputc('\n', to);
	print_source(m, to);
}

/* --- faults by place --------------------------------------------------------------------------- */

enum { PLACE, MINOR, MAJOR, REACH, FIRST, PLACE_COLUMNS };
enum { THEN_MINOR = MAJOR + 1, THEN_MAJOR, THEN_FIRST, VERIFY_COLUMNS };

static const struct table_column place_columns[PLACE_COLUMNS] = {
	[PLACE] = {"place", "PLACE", TABLE_LEFT},
	[MINOR] = {"minor", "MINOR", TABLE_RIGHT},
	[MAJOR] = {"major", "MAJOR", TABLE_RIGHT},
	[REACH] = {"reach", "REACH", TABLE_RIGHT},
	[FIRST] = {"first", "FIRST CODE", TABLE_WRAP},
};

static const struct table_column verify_columns[VERIFY_COLUMNS] = {
	[PLACE] = {"place", "PLACE", TABLE_LEFT},
	[MINOR] = {"minor", "MINOR", TABLE_RIGHT},
	[MAJOR] = {"major", "MAJOR", TABLE_RIGHT},
	[THEN_MINOR] = {"then_minor", "THEN MINOR", TABLE_RIGHT},
	[THEN_MAJOR] = {"then_major", "MAJOR", TABLE_RIGHT},
	[THEN_FIRST] = {"then_first", "FIRST CODE THEN", TABLE_WRAP},
};

/* The end of a long name. */
static void write_name(const char *name, char *to, size_t size)
{
	const size_t length = strlen(name);
	const bool cut = length > NAME_SHOWN;

	snprintf(to, size, "%s%s", cut ? "…" : "", cut ? name + length - NAME_SHOWN : name);
}

/* "text of libc.so.6", "file …/lib/locale/C.utf8/LC_TIME". */
static void write_place(const struct outcome_row *row, char *to, size_t size)
{
	const char *name = row->name ? row->name : "";
	char shown[NAME_SHOWN + 8];

	if (row->kind != PLACE_FILE && strrchr(name, '/'))
		name = strrchr(name, '/') + 1;
	write_name(name, shown, sizeof(shown));
	snprintf(to, size, "%s%s%s", place_names[row->kind],
		 *shown == '\0' ? "" : row->kind == PLACE_FILE ? " " : " of ", shown);
}

static void add_sum(struct table *t, const char *name, uint64_t minor, uint64_t major)
{
	table_row(t);
	table_text(t, PLACE, name);
	table_number(t, MINOR, minor);
	table_number(t, MAJOR, major);
}

/* Of each kind the rows with the most faults are shown and the rest is summed up in one. */
struct rest {
	enum place_kind kind;
	uint64_t shown, number, minor, major, reach;
};

static void end_kind(struct table *t, struct rest *rest, enum place_kind next)
{
	char name[64];

	if (rest->number) {
		snprintf(name, sizeof(name), "%s: %llu more", place_names[rest->kind],
			 (unsigned long long)rest->number);
		add_sum(t, name, rest->minor, rest->major);
		if (rest->reach)
			table_size(t, REACH, rest->reach);
	}
	*rest = (struct rest){.kind = next};
}

static void add_row(struct table *t, struct rest *rest, const struct outcome_row *row)
{
	char name[128];

	if (row->kind != rest->kind)
		end_kind(t, rest, row->kind);
	if (rest->shown++ >= ROWS_SHOWN) {
		rest->number++;
		rest->minor += row->minor;
		rest->major += row->major;
		rest->reach = row->reach > rest->reach ? row->reach : rest->reach;
		return;
	}
	write_place(row, name, sizeof(name));
	add_sum(t, name, row->minor, row->major);
	if (row->reach)
		table_size(t, REACH, row->reach);
	table_text(t, FIRST, row->first);
}

static uint64_t total(const struct outcome *f, bool major)
{
	uint64_t sum = 0;

	if (!f->sampled)
		return major ? f->kernel_major : f->kernel_minor;
	for (size_t i = 0; i < f->count; i++)
		sum += major ? f->list[i].major : f->list[i].minor;
	return sum;
}

static void print_places(const struct outcome *f, FILE *to)
{
	struct table *t = table_new(place_columns, PLACE_COLUMNS);
	struct rest rest = {0};

	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].minor + f->list[i].major)
			add_row(t, &rest, &f->list[i]);
	end_kind(t, &rest, PLACE_OTHER);
	add_sum(t, "all", total(f, false), total(f, true));
	fputc('\n', to);
	table_print(t, to);
	table_free(t);
}

/* --- before and after -------------------------------------------------------------------------- */

static bool is_same(const struct outcome_row *a, const struct outcome_row *b)
{
	return a->kind == b->kind && (a->kind == PLACE_THREAD_STACK || a->name == b->name);
}

/* Sums up the rows of one run that are of the same place. */
static struct outcome_row sum_of(const struct outcome *f, const struct outcome_row *like)
{
	struct outcome_row sum = {.kind = like->kind, .name = like->name};

	for (size_t i = 0; i < f->count; i++) {
		if (!is_same(&f->list[i], like))
			continue;
		sum.minor += f->list[i].minor;
		sum.major += f->list[i].major;
		if (sum.first == NULL && f->list[i].minor + f->list[i].major)
			sum.first = f->list[i].first;
	}
	return sum;
}

static bool is_first(const struct outcome *f, const struct outcome_row *row)
{
	for (const struct outcome_row *at = f->list; at < row; at++)
		if (is_same(at, row))
			return false;
	return true;
}

static bool is_in(const struct outcome *f, const struct outcome_row *row)
{
	for (size_t i = 0; i < f->count; i++)
		if (is_same(&f->list[i], row))
			return true;
	return false;
}

static void add_pair(struct table *t, const struct measured *m, const struct outcome_row *like)
{
	const struct outcome_row before = sum_of(m->first, like), after = sum_of(m->second, like);
	char name[128];

	if (before.minor + before.major + after.minor + after.major == 0)
		return;
	write_place(&before, name, sizeof(name));
	if (like->kind == PLACE_THREAD_STACK)
		snprintf(name, sizeof(name), "thread stacks");
	add_sum(t, name, before.minor, before.major);
	table_number(t, THEN_MINOR, after.minor);
	table_number(t, THEN_MAJOR, after.major);
	table_colour(t, THEN_MINOR, after.minor + after.major ? TABLE_YELLOW : TABLE_GREEN);
	table_text(t, THEN_FIRST, after.first);
}

static void add_pairs(struct table *t, const struct measured *m)
{
	for (size_t i = 0; i < m->first->count; i++)
		if (is_first(m->first, &m->first->list[i]))
			add_pair(t, m, &m->first->list[i]);
	for (size_t i = 0; i < m->second->count; i++)
		if (is_first(m->second, &m->second->list[i]) && !is_in(m->first, &m->second->list[i]))
			add_pair(t, m, &m->second->list[i]);
	add_sum(t, "all", total(m->first, false), total(m->first, true));
	table_number(t, THEN_MINOR, total(m->second, false));
	table_number(t, THEN_MAJOR, total(m->second, true));
	if (m->first->large_grown + m->second->large_grown == 0)
		return;
	add_sum(t, "pages made resident inside malloc", m->first->large_grown / 4096, 0);
	table_number(t, THEN_MINOR, m->second->large_grown / 4096);
	table_number(t, THEN_MAJOR, 0);
}

static void print_verify(const struct measured *m, FILE *to)
{
	struct table *t = table_new(verify_columns, VERIFY_COLUMNS);

	fprintf(to, "\nUnder these settings: %.2f s, ", seconds(m->second->length));
	print_end(m->second, to);
	fputs(m->second->lost ? ", samples were lost\n\n" : "\n\n", to);
	add_pairs(t, m);
	table_print(t, to);
	table_free(t);
}

/* --- figures ----------------------------------------------------------------------------------- */

struct figure {
	const char *key, *name;
	uint64_t bytes, number; /* number: of how many it is the largest, 0 for none */
};

#define FIGURES 6

static void list_figures(const struct outcome *f, struct figure figures[FIGURES])
{
	const struct figure list[FIGURES] = {
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
	struct figure figures[FIGURES];
	char size[24];

	list_figures(f, figures);
	fputc('\n', to);
	for (int i = 0; i < FIGURES; i++) {
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
	fprintf(to, "\nfaults over %.2f s\n", seconds(f->timeline.used * f->timeline.width));
	fputc('|', to);
	timeline_print(&f->timeline, width > 4 ? width - 2 : width, plain, to);
	fputs("|\n", to);
}

/* --- settings ---------------------------------------------------------------------------------- */

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

static bool is_default(const struct advice *row)
{
	return row->given && strcmp(row->reason, "as given") != 0;
}

/* The word of an option: "thread-stack". */
static void print_option_word(const char *setting, FILE *to)
{
	for (; *setting; setting++)
		fputc(*setting == '_' ? '-' : *setting | 0x20, to);
}

static void print_pasteable(const struct measured *m, FILE *to)
{
	fputs("\nramlock run", to);
	for (size_t i = 0; i < m->advice_count; i++)
		if (!is_default(&m->advice[i])) {
			fputs(" --", to);
			print_option_word(m->advice[i].setting, to);
			fprintf(to, "=%s", m->advice[i].value);
		}
	fprintf(to, " -- %s\n", *m->program);
	fprintf(to, "\nexport LD_PRELOAD=%s", m->library);
	for (size_t i = 0; i < m->advice_count; i++)
		if (!is_default(&m->advice[i]))
			fprintf(to, " RAMLOCK_%s=%s", m->advice[i].setting, m->advice[i].value);
	fprintf(to, "\n\n[Service]\nEnvironment=LD_PRELOAD=%s\n", m->library);
	for (size_t i = 0; i < m->advice_count; i++)
		if (!is_default(&m->advice[i]))
			fprintf(to, "Environment=RAMLOCK_%s=%s\n", m->advice[i].setting,
				m->advice[i].value);
	fputs("LimitMEMLOCK=infinity\n", to);
}

static void print_advice(const struct measured *m, FILE *to)
{
	size_t changes = 0;

	for (size_t i = 0; i < m->advice_count; i++)
		changes += !is_default(&m->advice[i]);
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
	print_places(m->first, to);
	print_figures(m->first, to);
	print_timeline(m->first, to);
	print_advice(m, to);
	if (m->second)
		print_verify(m, to);
}

/* --- JSON -------------------------------------------------------------------------------------- */

static void json_places(struct json *j, const struct outcome *f)
{
	json_array(j, "places");
	for (size_t i = 0; i < f->count; i++) {
		const struct outcome_row *row = &f->list[i];

		json_object(j, NULL);
		json_string(j, "place", place_names[row->kind]);
		json_string(j, "name", row->name);
		if (row->kind == PLACE_THREAD_STACK)
			json_number(j, "tid", row->tid);
		json_number(j, "minor", row->minor);
		json_number(j, "major", row->major);
		json_number(j, "in_forked_children", row->forked);
		json_number(j, "reach", row->reach);
		json_string(j, "first", row->first);
		json_close(j);
	}
	json_close(j);
}

static void json_figures(struct json *j, const struct outcome *f)
{
	struct figure figures[FIGURES];

	list_figures(f, figures);
	json_object(j, "figures");
	for (int i = 0; i < FIGURES; i++)
		json_number(j, figures[i].key, figures[i].bytes);
	json_number(j, "thread_stacks", f->number[PLACE_THREAD_STACK]);
	json_number(j, "thread_arenas", f->number[PLACE_ARENA]);
	json_close(j);
}

static void json_timeline(struct json *j, const struct outcome *f)
{
	json_object(j, "timeline");
	json_real(j, "bin_seconds", seconds(f->timeline.width));
	json_array(j, "faults");
	for (size_t i = 0; i < f->timeline.used; i++)
		json_number(j, NULL, f->timeline.bins[i]);
	json_close(j);
	json_close(j);
}

static void json_end_of(struct json *j, const struct outcome *f)
{
	json_real(j, "seconds", seconds(f->length));
	json_bool(j, "stopped", f->stopped);
	if (WIFSIGNALED(f->status))
		json_number(j, "signal", (uint64_t)WTERMSIG(f->status));
	else
		json_number(j, "status", (uint64_t)WEXITSTATUS(f->status));
	json_bool(j, "library", f->reached);
	json_string(j, "level", f->reached ? level_names[f->level] : NULL);
	json_string(j, "reason", f->reached ? reason_texts[f->reason] : NULL);
}

static void json_outcome(struct json *j, const struct outcome *f)
{
	json_end_of(j, f);
	json_string(j, "source", f->sampled ? "perf_event_open" : "kernel counters");
	json_string(j, "refused", f->sampled ? NULL : strerror(-f->refused));
	json_bool(j, "in_system_calls", f->sampled && !f->user_only);
	json_number(j, "lost", f->lost);
	json_number(j, "minor", total(f, false));
	json_number(j, "major", total(f, true));
	json_number(j, "kernel_minor", f->kernel_minor);
	json_number(j, "kernel_major", f->kernel_major);
	json_places(j, f);
	json_figures(j, f);
	json_timeline(j, f);
}

static void json_advice(struct json *j, const struct measured *m)
{
	json_object(j, "suggested");
	for (size_t i = 0; i < m->advice_count; i++)
		if (!is_default(&m->advice[i]))
			json_string(j, m->advice[i].setting, m->advice[i].value);
	json_close(j);
	json_array(j, "advice");
	for (size_t i = 0; i < m->advice_count; i++) {
		json_object(j, NULL);
		json_string(j, "setting", m->advice[i].setting);
		json_string(j, "value", m->advice[i].value);
		json_bool(j, "as_it_is", m->advice[i].given);
		json_number(j, "cost", m->advice[i].cost);
		json_string(j, "reason", m->advice[i].reason);
		json_close(j);
	}
	json_close(j);
}

int measured_json(const struct measured *m, FILE *to)
{
	struct json j;

	json_start(&j, to);
	json_object(&j, NULL);
	json_array(&j, "program");
	for (char *const *word = m->program; *word; word++)
		json_string(&j, NULL, *word);
	json_close(&j);
	json_real(&j, "after", seconds(m->after));
	json_outcome(&j, m->first);
	json_advice(&j, m);
	if (m->second) {
		json_object(&j, "verified");
		json_outcome(&j, m->second);
		json_close(&j);
	}
	json_close(&j);
	return json_end(&j);
}
