/* SPDX-License-Identifier: MIT */
/* Status as tables, for people and as JSON. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/status.h"
#include "cli/table.h"
#include "cli/words.h"

#define TOTAL(p, field) process_total(p, offsetof(struct process_usage, field))

/* The file's name, which can't be made up; behind it the process's own where that is another, as of a
 * script or by a link: "bash (job)". The kernel cuts that to 15 bytes. */
static const char *name_of(const struct process *p, char name[64])
{
	const char *slash = strrchr(p->program, '/');
	const char *file = slash && slash[1] ? slash + 1 : "?";
	char whole[300];

	if (strncmp(file, p->name, strlen(p->name)) == 0)
		return words_clean(file, name, 64);
	snprintf(whole, sizeof(whole), "%.40s (%s)", file, p->name);
	return words_clean(whole, name, 64);
}

static uint64_t larger(uint64_t one, uint64_t other)
{
	return one == PROCESS_UNKNOWN || other == PROCESS_UNKNOWN ? PROCESS_UNKNOWN
	       : one > other					   ? one
									   : other;
}

/* Whether people see no difference: children of one parent, but for the adopted ones of process 1. */
static bool are_alike(const struct process *one, const struct process *other)
{
	return one->parent == other->parent && one->parent > 1 &&
	       one->page.level == other->page.level && strcmp(one->program, other->program) == 0 &&
	       strcmp(one->name, other->name) == 0 &&
	       strcmp(one->page.settings, other->page.settings) == 0 &&
	       !TOTAL(one, locked) == !TOTAL(other, locked);
}

/* The processes of a row: number, and the largest figures. */
struct group {
	size_t count;
	uint64_t resident, locked, minor, major;
};

static void group_add(struct group *g, const struct process *p)
{
	g->count++;
	g->resident = larger(g->resident, TOTAL(p, resident));
	g->locked = larger(g->locked, TOTAL(p, locked));
	g->minor = larger(g->minor, p->minor);
	g->major = larger(g->major, p->major);
}

static void list_row(struct table *t, const struct process *p, const struct group *g)
{
	static const enum table_colour colours[] = {TABLE_RED, TABLE_YELLOW, TABLE_GREEN};
	char name[64], settings[sizeof(p->page.settings)];

	table_row(t);
	table_number(t, 0, (uint64_t)p->pid);
	if (g->count > 1)
		table_format(t, 1, "%zu x %s", g->count, name_of(p, name));
	else
		table_text(t, 1, name_of(p, name));
	table_text(t, 2, level_names[p->page.level]);
	table_colour(t, 2, colours[p->page.level]);
	table_size(t, 3, g->resident);
	table_size(t, 4, g->locked);
	table_number(t, 5, g->minor);
	table_number(t, 6, g->major);
	table_text(t, 7, status_settings(p->page.settings, settings, sizeof(settings)));
}

/* The processes like this one, itself among them; none if an earlier one has shown them. */
static struct group gather(const struct process *processes, size_t count, const struct process *p)
{
	struct group g = {.count = 0};

	for (const struct process *other = processes; other < processes + count; other++) {
		if (other != p && !are_alike(p, other))
			continue;
		if (other < p)
			return (struct group){.count = 0};
		group_add(&g, other);
	}
	return g;
}

void status_list(const struct process *processes, size_t count, bool each, FILE *to)
{
	static const struct table_column columns[] = {
		{"pid", "PID", TABLE_RIGHT},	       {"program", "PROGRAM", TABLE_CUT},
		{"level", "LEVEL", TABLE_LEFT},	       {"resident", "RESIDENT", TABLE_RIGHT},
		{"locked", "LOCKED", TABLE_RIGHT},     {"minor", "MINFLT", TABLE_RIGHT},
		{"major", "MAJFLT", TABLE_RIGHT},      {"settings", "SETTINGS", TABLE_WRAP | TABLE_FOLD},
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(*columns));
	bool grouped = false;

	for (const struct process *p = processes; p < processes + count; p++) {
		struct group g = {.count = 0};

		if (each)
			group_add(&g, p);
		else
			g = gather(processes, count, p);
		if (g.count)
			list_row(t, p, &g);
		grouped |= g.count > 1;
	}
	table_print(t, to);
	if (grouped)
		fputs("\nOf several processes: the lowest PID, the largest figures; --all shows each.\n", to);
	table_free(t);
}

static struct table *memory_table(const struct process *p)
{
	static const struct table_column columns[] = {
		{"class", "MEMORY", TABLE_LEFT},	 {"mapped", "MAPPED", TABLE_RIGHT},
		{"resident", "RESIDENT", TABLE_RIGHT},	 {"locked", "LOCKED", TABLE_RIGHT},
		{"unlocked", "NOT LOCKED", TABLE_RIGHT},
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (int class = 0; class < MAPS_CLASSES; class++) {
		const struct process_usage *usage = &p->usage[class];

		if (usage->mapped == 0)
			continue;
		table_row(t);
		table_text(t, 0, map_class_names[class]);
		table_size(t, 1, usage->mapped);
		table_size(t, 2, usage->resident);
		table_size(t, 3, usage->locked);
		table_size(t, 4, usage->resident - usage->locked);
		if (usage->resident > usage->locked && class != MAPS_KERNEL)
			table_colour(t, 4, TABLE_YELLOW);
	}
	return t;
}

static bool is_all_locked(const struct process_stack *s)
{
	return s->resident == s->locked;
}

/* Whether people see no difference. */
static bool are_alike_stacks(const struct process_stack *one, const struct process_stack *other)
{
	return strcmp(one->name, other->name) == 0 && one->end - one->start == other->end - other->start &&
	       is_all_locked(one) == is_all_locked(other);
}

/* A row of the threads like this one, with the largest figures; an earlier one may have it. The main
 * thread, the first, has a row of its own. */
static size_t stack_row(struct table *t, const struct process *p, size_t index, bool each)
{
	const struct process_stack *first = &p->stacks[index], *s;
	struct process_stack most = *first;
	size_t count = 1;

	for (size_t i = 1; i < p->stack_count && index && !each; i++) {
		s = &p->stacks[i];
		if (i == index || !are_alike_stacks(first, s))
			continue;
		if (i < index)
			return 0;
		most.resident = larger(most.resident, s->resident);
		most.locked = larger(most.locked, s->locked);
		most.used = larger(most.used, s->used);
		count++;
	}
	table_row(t);
	table_number(t, 0, (uint64_t)first->tid);
	if (count > 1)
		table_format(t, 1, "%zu x %s", count, first->name);
	else
		table_text(t, 1, first->name);
	table_size(t, 2, first->end ? first->end - first->start : PROCESS_UNKNOWN);
	table_size(t, 3, most.resident);
	table_size(t, 4, most.locked);
	table_size(t, 5, most.used);
	return count;
}

static struct table *stack_table(const struct process *p, bool each, bool *grouped)
{
	static const struct table_column columns[] = {
		{"tid", "THREAD", TABLE_RIGHT},	       {"name", "NAME", TABLE_CUT},
		{"size", "STACK", TABLE_RIGHT},	       {"resident", "RESIDENT", TABLE_RIGHT},
		{"locked", "LOCKED", TABLE_RIGHT},     {"used", "IN USE", TABLE_RIGHT},
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(*columns));

	*grouped = false;
	for (size_t i = 0; i < p->stack_count; i++)
		*grouped |= stack_row(t, p, i, each) > 1;
	return t;
}

/* What a reserve was made for: the main stack's depth is seen from outside, the arena counts its
 * blocks, and the heap's use only malloc knows. */
static struct table *reserve_table(const struct process *p)
{
	static const struct table_column columns[] = {
		{"reserve", "RESERVE", TABLE_LEFT},    {"reserved", "RESERVED", TABLE_RIGHT},
		{"used", "USED", TABLE_RIGHT},	       {"peak", "PEAK", TABLE_RIGHT},
	};
	const uint64_t *values = p->page.values;
	const struct {
		enum map_class class;
		uint64_t reserved, used, peak;
	} rows[] = {
		{MAPS_STACK, values[STAT_stack_reserve],
		 p->stack_count ? p->stacks[0].used : PROCESS_UNKNOWN, PROCESS_UNKNOWN},
		{MAPS_HEAP, values[STAT_heap_reserve], PROCESS_UNKNOWN, PROCESS_UNKNOWN},
		{MAPS_LARGE, values[STAT_large_resident], values[STAT_large_used],
		 values[STAT_large_peak]},
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		table_row(t);
		table_text(t, 0, map_class_names[rows[i].class]);
		table_size(t, 1, rows[i].reserved);
		table_size(t, 2, rows[i].used);
		table_size(t, 3, rows[i].peak);
	}
	return t;
}

/* Whether a figure stands in another table, or is none for people. */
static bool is_told(int stat)
{
	return stat == STAT_minor_at_start || stat == STAT_major_at_start ||
	       stat == STAT_stack_reserve || stat == STAT_heap_reserve || stat == STAT_large_used ||
	       stat == STAT_large_peak || stat == STAT_large_resident ||
	       stats_internal((enum stat_index)stat);
}

static struct table *counter_table(const struct process *p)
{
	static const struct table_column columns[] = {
		{"name", "COUNTER", TABLE_LEFT},
		{"value", "VALUE", TABLE_RIGHT},
		{"help", "WHAT", TABLE_WRAP},
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (int i = 0; i < STAT_COUNT; i++) {
		if (is_told(i))
			continue;
		table_row(t);
		table_text(t, 0, stat_rows[i].name);
		if (strcmp(stat_rows[i].unit, "bytes") != 0)
			table_number(t, 1, p->page.values[i]);
		else if (p->page.values[i] == UINT64_MAX)
			table_text(t, 1, "unlimited");
		else
			table_size(t, 1, p->page.values[i]);
		table_text(t, 2, stat_rows[i].help);
	}
	return t;
}

static void print_table(struct table *t, FILE *to)
{
	putc('\n', to);
	table_print(t, to);
	table_free(t);
}

/* "  label     text", with what is too long for a line below it. */
static void print_field(const char *label, const char *text, FILE *to)
{
	const size_t width = table_width(to), indent = 12;
	char *folded = words_fold(text, width > 2 * indent ? width - indent : indent);

	if (folded == NULL)
		cli_no_memory();
	for (char *line = folded, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		fprintf(to, "  %-*s%s\n", (int)indent - 2, line == folded ? label : "", line);
	}
	free(folded);
}

static void print_head(const struct process *p, FILE *to)
{
	const int error = p->page.error;
	char name[64], path[sizeof(p->program)], text[600], brief[sizeof(p->page.settings)];
	int length;

	name_of(p, name);
	words_clean(p->program, path, sizeof(path));
	length = snprintf(text, sizeof(text), "%s, pid %d", name, p->pid);
	if ((size_t)length + 2 + words_columns(path) <= table_width(to)) {
		fprintf(to, "%s  %s\n", text, path);
	} else {
		fprintf(to, "%s\n", text);
		print_field("program", path, to);
	}
	snprintf(text, sizeof(text), "%s: %s%s%s%s", level_names[p->page.level],
		 reason_texts[p->page.reason], p->page.reason == REASON_REFUSED ? " (" : "",
		 p->page.reason != REASON_REFUSED ? "" : error > 0 && error < 4096 ? strerror(error) : "?",
		 p->page.reason == REASON_REFUSED ? ")" : "");
	print_field("level", text, to);
	status_settings(p->page.settings, brief, sizeof(brief));
	print_field("settings", *brief ? words_clean(brief, text, sizeof(text)) : "all default", to);
	fprintf(to, "  resident  %s, of it %s locked\n", word_size(TOTAL(p, resident)).text,
		word_size(TOTAL(p, locked)).text);
	fprintf(to, "  faults    %s minor, %s major since start\n",
		p->minor == PROCESS_UNKNOWN ? "unknown" : word_number(p->minor).text,
		p->major == PROCESS_UNKNOWN ? "unknown" : word_number(p->major).text);
}

void status_detail(const struct process *p, bool each, FILE *to)
{
	bool grouped;

	print_head(p, to);
	print_table(memory_table(p), to);
	print_table(reserve_table(p), to);
	print_table(stack_table(p, each, &grouped), to);
	if (grouped)
		fputs("Of several threads: the lowest number, the largest figures; --all shows each.\n", to);
	print_table(counter_table(p), to);
}

static void json_table(struct table *t, struct json *j, const char *name)
{
	table_json(t, j, name);
	table_free(t);
}

static void json_process(const struct process *p, struct json *j)
{
	bool grouped;

	json_object(j, NULL);
	json_number(j, "pid", (uint64_t)p->pid);
	json_string(j, "name", p->name);
	json_string(j, "program", p->program);
	json_string(j, "level", level_names[p->page.level]);
	json_string(j, "reason", reason_texts[p->page.reason]);
	json_number(j, "errno", p->page.error > 0 ? (uint64_t)p->page.error : 0);
	json_string(j, "settings", p->page.settings);
	json_number(j, "resident", TOTAL(p, resident));
	json_number(j, "locked", TOTAL(p, locked));
	json_number(j, "minor_faults", p->minor);
	json_number(j, "major_faults", p->major);
	json_table(memory_table(p), j, "memory");
	json_table(reserve_table(p), j, "reserves");
	json_table(stack_table(p, true, &grouped), j, "stacks");
	json_object(j, "counters");
	for (int i = 0; i < STAT_COUNT; i++)
		if (!stats_is_address((enum stat_index)i))
			json_number(j, stat_rows[i].name, p->page.values[i]);
	json_close(j);
	json_close(j);
}

int status_json(const struct process *processes, size_t count, FILE *to)
{
	struct json j;

	json_start(&j, to);
	json_object(&j, NULL);
	json_array(&j, "processes");
	for (size_t i = 0; i < count; i++)
		json_process(&processes[i], &j);
	json_close(&j);
	json_close(&j);
	return json_end(&j);
}
