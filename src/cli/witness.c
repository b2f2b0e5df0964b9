/* SPDX-License-Identifier: MIT */
/* Reads counters pages and mappings of running processes, and the reports that they leave. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/duration.h"
#include "cli/loading.h"
#include "cli/names.h"
#include "cli/witness.h"
#include "common/limits.h"
#include "common/maps.h"
#include "common/stats.h"

#define COUNTERS_PAUSE (DURATION_SECOND / 20)
#define MAPPINGS_PAUSE (DURATION_SECOND / 5)
#define SHARE          50 /* of the time, reading mappings takes at most this fraction */
#define MAPS_BUFFER    (256u << 10)
#define REPORT_SIZE    32768
#define PROCESSES_MOST 32 /* whose mappings are read in turn */

static char buffer[MAPS_BUFFER];

static void refresh(void *context, struct followed *process);

void witness_begin(struct witness *w, struct places *p, struct outcome *f)
{
	const char *parent = getenv("TMPDIR");

	*w = (struct witness){.places = p, .outcome = f, .pause = MAPPINGS_PAUSE, .starting = true};
	p->refresh = refresh;
	p->context = w;
	snprintf(w->name, sizeof(w->name), "%s/ramlock-measure-XXXXXX",
		 parent && *parent == '/' && strlen(parent) < 200 ? parent : "/tmp");
	/* for a program that changes its user, too */
	if (mkdtemp(w->name) && chmod(w->name, 01777) == 0)
		w->folder = w->name;
}

void witness_end(struct witness *w)
{
	DIR *folder = w->folder ? opendir(w->folder) : NULL;
	struct dirent *entry;

	while (folder && (entry = readdir(folder)) != NULL)
		unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	if (w->folder)
		rmdir(w->folder);
	w->folder = NULL;
}

/* --- counters ------------------------------------------------------------------------------ */

/* What follows "name": in a report, or NULL. */
static const char *find_value(const char *text, const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\": ", name);
	at = strstr(text, key);
	return at ? at + strlen(key) : NULL;
}

/* The index of a member's text in a list, 0 where it is not there. */
static uint32_t find_word(const char *text, const char *name, const char *const *words, int count)
{
	const char *at = find_value(text, name);

	for (int i = 0; at && i < count; i++)
		if (strncmp(at + 1, words[i], strlen(words[i])) == 0 &&
		    at[1 + strlen(words[i])] == '"')
			return (uint32_t)i;
	return 0;
}

/* Without samples: what of a class was resident at exit, which is most of what it ever was. */
static void take_class(struct outcome *f, const char *text, enum map_class class,
		       enum place_kind kind)
{
	const char *at = find_value(text, map_class_names[class]);
	uint64_t resident;

	at = at ? find_value(at, "resident") : NULL;
	resident = at ? strtoull(at, NULL, 10) : 0;
	if (!f->sampled && resident > f->reach[kind])
		f->reach[kind] = resident;
}

/* The figures of the report that a process left; the first process's level. */
static bool read_report(struct witness *w, uint32_t pid, uint64_t values[STAT_COUNT])
{
	static char text[REPORT_SIZE];
	char path[300];
	ssize_t length;
	int fd;

	if (w->folder == NULL)
		return false;
	snprintf(path, sizeof(path), "%s/%u" REPORT_MEASURE, w->folder, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	unlink(path);
	text[length > 0 ? length : 0] = '\0';
	for (int i = 0; i < STAT_COUNT; i++) {
		const char *at = find_value(text, stat_rows[i].name);

		values[i] = at ? strtoull(at, NULL, 10) : 0;
	}
	if (pid == (uint32_t)w->pid && length > 0) {
		w->outcome->level = find_word(text, "level", level_names, LEVEL_COUNT);
		w->outcome->reason = find_word(text, "reason", reason_texts, REASON_COUNT);
		take_class(w->outcome, text, MAPS_STACK, PLACE_STACK);
		take_class(w->outcome, text, MAPS_HEAP, PLACE_HEAP);
	}
	return values[STAT_started] != 0;
}

/* Its file, while it is there. */
static void note_file(struct witness *w)
{
	char link[48], file[4096];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)w->pid);
	length = readlink(link, file, sizeof(file) - 1);
	if (length <= 0)
		return;
	file[length] = '\0';
	w->outcome->file = names_keep(file);
}

static void note_first(struct witness *w, const uint64_t *values)
{
	note_file(w);
	w->outcome->reached = true;
	w->minor_before = values[STAT_minor_at_start];
	w->major_before = values[STAT_major_at_start];
}

/* The counters of a process; false if it has none, or its constructor has not ended. */
static bool read_counters(struct witness *w, struct followed *process, uint64_t *values, int *error)
{
	struct stats_page page;

	*error = stats_fetch((int)process->pid, &page);
	if (*error)
		return false;
	memcpy(values, page.values, sizeof(page.values));
	if (process->pid == (uint32_t)w->pid && values[STAT_started]) {
		w->outcome->level = page.level;
		w->outcome->reason = page.reason;
	}
	return values[STAT_started] != 0;
}

static void begin(struct witness *w, struct followed *process, const uint64_t *values)
{
	/* a forked child has its parent's */
	uint64_t time =
		values[STAT_started] > process->begun ? values[STAT_started] : process->begun;

	places_started(w->places, process, time, values[STAT_large_start], values[STAT_large_end]);
	if (process->pid == (uint32_t)w->pid)
		note_first(w, values);
}

/* Counts all that a process without figures did. */
static void begin_without(struct witness *w, struct followed *process)
{
	if (process->started == 0)
		places_started(w->places, process, process->begun, 0, 0);
	if (process->pid != (uint32_t)w->pid)
		return;
	w->outcome->reached = false; /* one of the same PID before may have had it */
	w->outcome->loaded = process->loaded;
}

/* A process whose loader or constructor takes its time is waited for. Without samples nobody tells
 * that it became another program. */
static void look_at_running(struct witness *w, struct followed *process)
{
	const bool open = process->started == 0 || !w->outcome->sampled;
	uint64_t values[STAT_COUNT];
	int error;

	if (read_counters(w, process, values, &error)) {
		if (process->started == 0 || (open && values[STAT_started] > process->started))
			begin(w, process, values);
		outcome_take(w->outcome, values);
	} else if (open && error == -ENOENT &&
		   loading_look("", (int)process->pid) == LOADING_NEVER) {
		begin_without(w, process);
	}
}

static void look_at_ended(struct witness *w, struct followed *process)
{
	uint64_t values[STAT_COUNT];

	process->collected = true;
	if (read_report(w, process->pid, values)) {
		if (process->started == 0)
			begin(w, process, values);
		outcome_take(w->outcome, values);
	}
	if (process->started == 0)
		begin_without(w, process);
}

static void look_at_counters(struct witness *w, uint64_t now, bool ended)
{
	const bool due = now - w->counted > COUNTERS_PAUSE;

	w->starting = false;
	if (due)
		w->counted = now;
	for (size_t i = 0; i < w->places->process_count; i++) {
		struct followed *process = &w->places->processes[i];

		if (process->collected)
			continue;
		if (process->ended || (ended && process->pid == (uint32_t)w->pid))
			look_at_ended(w, process);
		else if (process->started == 0 || due)
			look_at_running(w, process);
		if (process->started == 0 && ended)
			begin_without(w, process);
		w->starting = w->starting || process->started == 0;
	}
}

/* --- mappings ------------------------------------------------------------------------------ */

static bool read_mappings(uint32_t pid, struct space *space)
{
	struct mapping mapping;
	struct maps maps;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	if (maps_open(&maps, path, NULL, buffer, sizeof(buffer)) != 0)
		return false;
	while (maps_next(&maps, &mapping)) {
		const bool anonymous = strncmp(mapping.path, "[anon", 5) == 0;
		const struct piece piece = {
			mapping.start,  mapping.end,
			mapping.offset, names_keep(anonymous ? "" : mapping.path),
			mapping.prot,   mapping.shared,
			SPACES_NO_PLACE};

		space_map(space, &piece);
	}
	maps_close(&maps);
	return space->count > 0;
}

static void refresh(void *context, struct followed *process)
{
	struct witness *w = context;
	struct space space = {0};

	if (read_mappings(process->pid, &space))
		places_mappings(w->places, process, &space);
	space_clear(&space);
}

static void look_at_mappings(struct witness *w, uint64_t now)
{
	uint64_t took;
	int read = 0;

	if (now - w->mapped < w->pause)
		return;
	for (size_t i = w->places->process_count; i-- > 0 && read < PROCESSES_MOST;)
		if (!w->places->processes[i].ended) {
			refresh(w, &w->places->processes[i]);
			read++;
		}
	w->mapped = duration_now();
	took = w->mapped - now;
	w->pause = took * SHARE > MAPPINGS_PAUSE ? took * SHARE : MAPPINGS_PAUSE;
}

/* --- without samples ----------------------------------------------------------------------- */

/* The first process alone, by what is resident. */
static void look_at_memory(struct witness *w, uint64_t now)
{
	uint64_t resident[MAPS_CLASSES] = {0};
	struct outcome *f = w->outcome;
	struct mapping mapping;
	struct maps maps;
	char path[48];

	if (now - w->mapped < w->pause)
		return;
	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)w->pid);
	if (maps_open(&maps, path, NULL, buffer, sizeof(buffer)) != 0)
		return;
	while (maps_next(&maps, &mapping))
		resident[mapping.class] += mapping.resident;
	maps_close(&maps);
	if (resident[MAPS_STACK] > f->reach[PLACE_STACK])
		f->reach[PLACE_STACK] = resident[MAPS_STACK];
	if (resident[MAPS_HEAP] > f->reach[PLACE_HEAP])
		f->reach[PLACE_HEAP] = resident[MAPS_HEAP];
	w->mapped = duration_now();
	w->pause = (w->mapped - now) * SHARE;
	if (w->pause < MAPPINGS_PAUSE / 4)
		w->pause = MAPPINGS_PAUSE / 4;
}

/* --- those that go on ---------------------------------------------------------------------- */

/* Its name where it still runs: a process that has ended and that nobody has waited for does not. */
static bool is_running(uint32_t pid, char *name)
{
	char path[48], text[512], *end;
	long length;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	length = limits_read_file(path, text, sizeof(text));
	end = length > 0 ? strrchr(text, ')') : NULL;
	if (end == NULL || strchr(text, '(') == NULL || end[1] != ' ' || end[2] == 'Z' || end[2] == 'X')
		return false;
	*end = '\0';
	snprintf(name, OUTCOME_NAME, "%s", strchr(text, '(') + 1);
	return true;
}

static void note_running(const struct witness *w, uint32_t pid)
{
	struct outcome *f = w->outcome;
	char name[OUTCOME_NAME];

	if (pid == (uint32_t)w->pid || !is_running(pid, name))
		return;
	if (f->running_count < OUTCOME_RUNNING) {
		f->running[f->running_count].pid = pid;
		memcpy(f->running[f->running_count].name, name, sizeof(name));
	}
	f->running_count++;
}

/* Without samples children are not known, but our folder's name is in their environments. */
static bool has_folder(const struct witness *w, const char *pid)
{
	char path[300];
	bool found = false;
	size_t size = 0;
	char *word = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/environ", pid);
	file = w->folder ? fopen(path, "re") : NULL;
	while (file && !found && getdelim(&word, &size, '\0', file) > 0)
		found = strstr(word, w->folder) != NULL;
	free(word);
	if (file)
		fclose(file);
	return found;
}

static void search_running(const struct witness *w)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	long pid;

	while (folder && (entry = readdir(folder)) != NULL)
		if (cli_number(entry->d_name, 1, INT32_MAX, &pid) && has_folder(w, entry->d_name))
			note_running(w, (uint32_t)pid);
	if (folder)
		closedir(folder);
}

void witness_running(const struct witness *w)
{
	if (!w->outcome->sampled)
		search_running(w);
	else
		for (size_t i = 0; i < w->places->process_count; i++)
			if (!w->places->processes[i].ended)
				note_running(w, w->places->processes[i].pid);
}

void witness_look(struct witness *w, uint64_t now, bool ended)
{
	if (!w->outcome->sampled && w->places->process_count == 0 && (w->executed || ended)) {
		const struct event event = {.kind = EVENT_EXEC,
					    .pid = (uint32_t)w->pid,
					    .tid = (uint32_t)w->pid,
					    .time = now,
					    .name = ""};

		places_event(w->places, &event);
	}
	look_at_counters(w, now, ended);
	if (w->outcome->sampled)
		look_at_mappings(w, now);
	else
		look_at_memory(w, now);
}
