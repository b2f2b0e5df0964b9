/* SPDX-License-Identifier: MIT */
/* Status in the OpenMetrics text format. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "cli/status.h"
#include "cli/words.h"

/* Who a sample is of, and the names of its further labels. */
struct sample {
	FILE *to;
	const char *family, *suffix;
	const struct process *process;
};

static void write_family(FILE *to, const char *family, const char *type, const char *unit,
			 const char *help)
{
	fprintf(to, "# TYPE %s %s\n", family, type);
	if (unit)
		fprintf(to, "# UNIT %s %s\n", family, unit);
	fprintf(to, "# HELP %s %c%s.\n", family, *help & ~0x20, help + 1);
}

static void write_control(FILE *to, unsigned char c)
{
	fputs(c == '\n' ? "\\n" : "?", to);
}

/* A value is UTF-8, with backslash, quote and newline escaped. */
static void write_label(FILE *to, const char *name, const char *value, char before)
{
	fprintf(to, "%c%s=", before, name);
	words_quote(value, write_control, to);
}

static void begin_sample(const struct sample *s)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", s->process->pid);
	fprintf(s->to, "%s%s", s->family, s->suffix);
	write_label(s->to, "pid", pid, '{');
	write_label(s->to, "name", s->process->name, ',');
}

static void end_sample(const struct sample *s, uint64_t value)
{
	if (value == UINT64_MAX)
		fputs("} +Inf\n", s->to);
	else
		fprintf(s->to, "} %" PRIu64 "\n", value);
}

static void write_info(const struct process *processes, size_t count, FILE *to)
{
	write_family(to, "ramlock_process", "info", NULL, "a process under ramlock");
	for (const struct process *p = processes; p < processes + count; p++) {
		const struct sample s = {to, "ramlock_process", "_info", p};

		begin_sample(&s);
		write_label(to, "program", p->program, ',');
		write_label(to, "reason", reason_texts[p->page.reason], ',');
		write_label(to, "settings", p->page.settings, ',');
		end_sample(&s, 1);
	}
	write_family(to, "ramlock_level", "stateset", NULL, "how its memory is locked");
	for (const struct process *p = processes; p < processes + count; p++) {
		const struct sample s = {to, "ramlock_level", "", p};

		for (uint32_t level = 0; level < LEVEL_COUNT; level++) {
			begin_sample(&s);
			write_label(to, "ramlock_level", level_names[level], ',');
			end_sample(&s, p->page.level == level);
		}
	}
}

static void write_usage(const struct process *processes, size_t count, FILE *to)
{
	static const struct {
		const char *family, *help;
		size_t field;
	} families[] = {
		{"ramlock_memory_mapped_bytes", "address space by class of memory",
		 offsetof(struct process_usage, mapped)},
		{"ramlock_memory_resident_bytes", "memory that is resident, by class",
		 offsetof(struct process_usage, resident)},
		{"ramlock_memory_locked_bytes", "memory that is resident and locked, by class",
		 offsetof(struct process_usage, locked)},
	};

	for (size_t f = 0; f < sizeof(families) / sizeof(*families); f++) {
		write_family(to, families[f].family, "gauge", "bytes", families[f].help);
		for (const struct process *p = processes; p < processes + count; p++) {
			const struct sample s = {to, families[f].family, "", p};

			for (int class = 0; class < MAPS_CLASSES; class++) {
				begin_sample(&s);
				write_label(to, "class", map_class_names[class], ',');
				end_sample(&s, *(const uint64_t *)((const char *)&p->usage[class] +
								   families[f].field));
			}
		}
	}
}

static void write_faults(const struct process *processes, size_t count, FILE *to)
{
	static const char family[] = "ramlock_faults";

	write_family(to, family, "counter", "faults", "page faults since the library was ready");
	for (const struct process *p = processes; p < processes + count; p++) {
		const struct sample s = {to, family, "_total", p};

		for (int major = 0; major <= 1; major++) {
			uint64_t value = major ? p->major : p->minor;

			if (value == PROCESS_UNKNOWN)
				continue;
			begin_sample(&s);
			write_label(to, "kind", major ? "major" : "minor", ',');
			end_sample(&s, value);
		}
	}
}

static void write_stacks(const struct process *processes, size_t count, FILE *to, bool used)
{
	const char *family = used ? "ramlock_stack_used_bytes" : "ramlock_stack_resident_bytes";

	write_family(to, family, "gauge", "bytes",
		     used ? "stack in use by thread" : "stack that is resident by thread");
	for (const struct process *p = processes; p < processes + count; p++) {
		const struct sample s = {to, family, "", p};

		for (const struct process_stack *t = p->stacks; t < p->stacks + p->stack_count; t++) {
			char tid[16];

			if (t->end == 0)
				continue;
			snprintf(tid, sizeof(tid), "%d", t->tid);
			begin_sample(&s);
			write_label(to, "thread", tid, ',');
			write_label(to, "thread_name", t->name, ',');
			end_sample(&s, used ? t->used : t->resident);
		}
	}
}

/* The unit is the end of a family's name. */
static void name_family(const struct stat_row *row, char *to, size_t size)
{
	const size_t length = strlen(row->name), unit = strlen(row->unit);
	const bool ends = length >= unit && strcmp(row->name + length - unit, row->unit) == 0;

	snprintf(to, size, "ramlock_%s%s%s", row->name, ends ? "" : "_", ends ? "" : row->unit);
}

static void write_counters(const struct process *processes, size_t count, FILE *to)
{
	for (int i = 0; i < STAT_COUNT; i++) {
		const bool counter = stat_rows[i].kind == STAT_COUNTER;
		char family[80];

		if (i == STAT_minor_at_start || i == STAT_major_at_start ||
		    stats_internal((enum stat_index)i))
			continue;
		name_family(&stat_rows[i], family, sizeof(family));
		write_family(to, family, counter ? "counter" : "gauge", stat_rows[i].unit,
			     stat_rows[i].help);
		for (const struct process *p = processes; p < processes + count; p++) {
			const struct sample s = {to, family, counter ? "_total" : "", p};

			begin_sample(&s);
			end_sample(&s, p->page.values[i]);
		}
	}
}

void status_metrics(const struct process *processes, size_t count, FILE *to)
{
	write_info(processes, count, to);
	write_usage(processes, count, to);
	write_faults(processes, count, to);
	write_stacks(processes, count, to, true);
	write_stacks(processes, count, to, false);
	write_counters(processes, count, to);
	fputs("# EOF\n", to);
}
