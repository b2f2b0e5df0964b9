/* SPDX-License-Identifier: MIT */
/* Status as tables, for people and as JSON. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

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

void status_list(const struct process *processes, size_t count, FILE *to)
{
	static const struct table_column columns[] = {
		{"pid", "PID", TABLE_RIGHT},	       {"program", "PROGRAM", TABLE_LEFT},
		{"level", "LEVEL", TABLE_LEFT},	       {"resident", "RESIDENT", TABLE_RIGHT},
		{"locked", "LOCKED", TABLE_RIGHT},     {"minor", "MINFLT", TABLE_RIGHT},
		{"major", "MAJFLT", TABLE_RIGHT},       {"settings", "SETTINGS", TABLE_WRAP},
	};
	static const enum table_colour colours[] = {TABLE_RED, TABLE_YELLOW, TABLE_GREEN};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (const struct process *p = processes; p < processes + count; p++) {
		char name[64];

		table_row(t);
		table_number(t, 0, (uint64_t)p->pid);
		table_text(t, 1, name_of(p, name));
		table_text(t, 2, level_names[p->page.level]);
		table_colour(t, 2, colours[p->page.level]);
		table_size(t, 3, TOTAL(p, resident));
		table_size(t, 4, TOTAL(p, locked));
		table_number(t, 5, p->minor);
		table_number(t, 6, p->major);
		table_text(t, 7, p->page.settings);
	}
	table_print(t, to);
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

static struct table *stack_table(const struct process *p)
{
	static const struct table_column columns[] = {
		{"tid", "THREAD", TABLE_RIGHT},	       {"name", "NAME", TABLE_LEFT},
		{"size", "STACK", TABLE_RIGHT},	       {"resident", "RESIDENT", TABLE_RIGHT},
		{"locked", "LOCKED", TABLE_RIGHT},     {"used", "IN USE", TABLE_RIGHT},
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (const struct process_stack *s = p->stacks; s < p->stacks + p->stack_count; s++) {
		table_row(t);
		table_number(t, 0, (uint64_t)s->tid);
		table_text(t, 1, s->name);
		table_size(t, 2, s->end ? s->end - s->start : PROCESS_UNKNOWN);
		table_size(t, 3, s->resident);
		table_size(t, 4, s->locked);
		table_size(t, 5, s->used);
	}
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

static void print_head(const struct process *p, FILE *to)
{
	char text[512];
	const int error = p->page.error;

	fprintf(to, "%s, pid %d", name_of(p, text), p->pid);
	fprintf(to, "  %s\n", words_clean(p->program, text, sizeof(text)));
	fprintf(to, "  level     %s: %s", level_names[p->page.level], reason_texts[p->page.reason]);
	if (p->page.reason == REASON_REFUSED)
		fprintf(to, " (%s)", error > 0 && error < 4096 ? strerror(error) : "?");
	fprintf(to, "\n  settings  %s\n",
		*p->page.settings ? words_clean(p->page.settings, text, sizeof(text)) : "all default");
	fprintf(to, "  resident  %s, of it %s locked\n", word_size(TOTAL(p, resident)).text,
		word_size(TOTAL(p, locked)).text);
	fprintf(to, "  faults    %s minor, %s major since start\n",
		p->minor == PROCESS_UNKNOWN ? "unknown" : word_number(p->minor).text,
		p->major == PROCESS_UNKNOWN ? "unknown" : word_number(p->major).text);
}

void status_detail(const struct process *p, FILE *to)
{
	print_head(p, to);
	print_table(memory_table(p), to);
	print_table(reserve_table(p), to);
	print_table(stack_table(p), to);
	print_table(counter_table(p), to);
}

static void json_table(struct table *t, struct json *j, const char *name)
{
	table_json(t, j, name);
	table_free(t);
}

static void json_process(const struct process *p, struct json *j)
{
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
	json_table(stack_table(p), j, "stacks");
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
