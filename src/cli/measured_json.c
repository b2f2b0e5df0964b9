/* SPDX-License-Identifier: MIT */
/* The same as JSON. */
#include "config.h"

#include <string.h>
#include <sys/wait.h>

#include "cli/json.h"
#include "cli/measured.h"

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
		json_number(j, "ahead", row->ahead);
		json_number(j, "reach", row->reach);
		json_string(j, "first", row->first);
		json_close(j);
	}
	json_close(j);
}

static void json_figures(struct json *j, const struct outcome *f)
{
	struct measured_figure figures[MEASURED_FIGURES];

	measured_figures(f, figures);
	json_object(j, "figures");
	for (int i = 0; i < MEASURED_FIGURES; i++)
		json_number(j, figures[i].key, figures[i].bytes);
	json_number(j, "thread_stacks", f->number[PLACE_THREAD_STACK]);
	json_number(j, "thread_arenas", f->number[PLACE_ARENA]);
	json_close(j);
}

static void json_timeline(struct json *j, const struct outcome *f)
{
	json_object(j, "timeline");
	json_real(j, "bin_seconds", measured_seconds(f->timeline.width));
	json_array(j, "faults");
	for (size_t i = 0; i < f->timeline.used; i++)
		json_number(j, NULL, f->timeline.bins[i]);
	json_close(j);
	json_close(j);
}

static void json_end_of(struct json *j, const struct outcome *f)
{
	json_real(j, "seconds", measured_seconds(f->length));
	json_bool(j, "stopped", f->stopped);
	if (WIFSIGNALED(f->status))
		json_number(j, "signal", (uint64_t)WTERMSIG(f->status));
	else
		json_number(j, "status", (uint64_t)WEXITSTATUS(f->status));
	json_bool(j, "library", f->reached);
	json_array(j, "running");
	for (size_t i = 0; i < f->running_count && i < OUTCOME_RUNNING; i++) {
		json_object(j, NULL);
		json_number(j, "pid", f->running[i].pid);
		json_string(j, "name", f->running[i].name);
		json_close(j);
	}
	json_close(j);
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
	json_number(j, "minor", outcome_total(f, false));
	json_number(j, "major", outcome_total(f, true));
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
		if (!measured_is_default(&m->advice[i]))
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
	json_real(&j, "after", measured_seconds(m->after));
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
