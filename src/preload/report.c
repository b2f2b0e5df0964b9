/* SPDX-License-Identifier: MIT */
/* Writes the report: text for people, JSON where the file's name ends in .json. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/maps.h"
#include "common/message.h"
#include "common/file.h"
#include "common/stats.h"
#include "common/sys.h"
#include "preload/large.h"
#include "preload/preload.h"
#include "preload/report.h"
#include "preload/stderr.h"

#define BUFFER_SIZE (32u << 10) /* for smaps, and then for the report */

static bool written;

/* Bytes by class, from smaps. */
struct usage {
	bool known;
	uint64_t mapped[MAPS_CLASSES], resident[MAPS_CLASSES], locked[MAPS_CLASSES];
	uint64_t minor, major; /* faults since start */
};

/* What writing takes: mapped, as _exit may be called on the small stack of a signal handler. */
struct work {
	char buffer[BUFFER_SIZE], path[4096], program[512];
	char shown[256]; /* of a long path the head, so that a cause has room */
	struct usage usage;
	struct maps maps;
	struct mapping mapping;
};

static void read_program(char *program, size_t size)
{
	long length = SYS_CALL(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", program, size - 1);

	program[length > 0 ? length : 0] = '\0';
}

static void read_usage(struct work *w)
{
	struct usage *usage = &w->usage;
	struct mapping *m = &w->mapping;

	if (maps_open(&w->maps, "/proc/self/smaps", w->program, w->buffer, sizeof(w->buffer)) != 0)
		return;
	while (maps_next(&w->maps, m)) {
		if (m->class == MAPS_ANON && large_covers((void *)m->start))
			m->class = MAPS_LARGE;
		usage->mapped[m->class] += m->end - m->start;
		usage->resident[m->class] += m->resident;
		usage->locked[m->class] += m->locked;
	}
	maps_close(&w->maps);
	usage->known = w->maps.error == 0; /* a part of it would pass for the whole */
}

static void read_faults(uint64_t *minor, uint64_t *major)
{
	struct rusage now;

	getrusage(RUSAGE_SELF, &now);
	*minor = (uint64_t)now.ru_minflt - stats_get(STAT_minor_at_start);
	*major = (uint64_t)now.ru_majflt - stats_get(STAT_major_at_start);
}

/* "name" of a figure with blanks for underscores. */
static void add_name(struct text *t, const char *name)
{
	size_t width = 0;

	text_add(t, "  ");
	for (; *name; name++, width++)
		text_add(t, "%c", *name == '_' ? ' ' : *name);
	for (; width < 18; width++)
		text_add(t, " ");
}

static void add_reason(struct text *t)
{
	text_add(t, "%s", reason_texts[stats->reason]);
	if (stats->error)
		text_add(t, " (errno %d)", stats->error);
}

static void add_cell(struct text *t, uint64_t bytes)
{
	char cell[24];
	struct text c;

	text_init(&c, cell, sizeof(cell));
	text_size(&c, bytes);
	text_add(t, "%12s", cell);
}

static void write_text(struct text *t, const char *program, const struct usage *usage)
{
	text_add(t, "ramlock: report of %s, pid %u\n", program, stats->pid);
	add_name(t, "level");
	text_add(t, "%s: ", level_names[stats->level]);
	add_reason(t);
	text_add(t, "\n");
	add_name(t, "settings");
	text_add(t, "%s\n", *stats->settings ? stats->settings : "all default");
	add_name(t, usage->known ? "memory" : "memory: /proc/self/smaps could not be read");
	text_add(t, "%12s%12s%12s\n", "mapped", "resident", "locked");
	for (int class = 0; class < MAPS_CLASSES && usage->known; class++) {
		if (usage->mapped[class] == 0)
			continue;
		add_name(t, map_class_names[class]);
		add_cell(t, usage->mapped[class]);
		add_cell(t, usage->resident[class]);
		add_cell(t, usage->locked[class]);
		text_add(t, "\n");
	}
	add_name(t, "faults");
	text_add(t, "%lu minor, %lu major since start\n", (unsigned long)usage->minor,
		 (unsigned long)usage->major);
	for (int i = 0; i < STAT_COUNT; i++) {
		uint64_t value = stats_get((enum stat_index)i);

		if (value == 0 || i == STAT_minor_at_start || i == STAT_major_at_start ||
		    i == STAT_large_at_start || stats_internal((enum stat_index)i))
			continue;
		add_name(t, stat_rows[i].name);
		if (value == UINT64_MAX)
			text_add(t, "unlimited");
		else if (strcmp(stat_rows[i].unit, "bytes") == 0)
			text_size(t, value);
		else
			text_add(t, "%ju", (uintmax_t)value);
		text_add(t, "\n");
	}
}

static void json_number(struct text *t, const char *name, uint64_t value)
{
	text_json(t, name);
	if (value == UINT64_MAX)
		text_add(t, ": null");
	else
		text_add(t, ": %ju", (uintmax_t)value);
}

static void json_string(struct text *t, const char *name, const char *value)
{
	text_json(t, name);
	text_add(t, ": ");
	text_json(t, value);
	text_add(t, ",\n  ");
}

static void json_classes(struct text *t, const struct usage *usage)
{
	text_add(t, "\"classes\": {");
	for (int class = 0; class < MAPS_CLASSES; class++) {
		text_add(t, "%s\n    ", class ? "," : "");
		text_json(t, map_class_names[class]);
		text_add(t, ": {");
		json_number(t, "mapped", usage->mapped[class]);
		text_add(t, ", ");
		json_number(t, "resident", usage->resident[class]);
		text_add(t, ", ");
		json_number(t, "locked", usage->locked[class]);
		text_add(t, "}");
	}
	text_add(t, "\n  },\n  ");
}

static void write_json(struct text *t, const char *program, const struct usage *usage, bool addresses)
{
	text_add(t, "{\n  ");
	json_string(t, "program", program);
	json_number(t, "pid", stats->pid);
	text_add(t, ",\n  ");
	json_string(t, "level", level_names[stats->level]);
	json_string(t, "reason", reason_texts[stats->reason]);
	json_number(t, "errno", (uint64_t)stats->error);
	text_add(t, ",\n  ");
	json_string(t, "settings", stats->settings);
	if (usage->known)
		json_classes(t, usage);
	json_number(t, "minor_faults", usage->minor);
	text_add(t, ",\n  ");
	json_number(t, "major_faults", usage->major);
	for (int i = 0; i < STAT_COUNT; i++) {
		if (stats_is_address((enum stat_index)i) && !addresses)
			continue;
		text_add(t, ",\n  ");
		json_number(t, stat_rows[i].name, stats_get((enum stat_index)i));
	}
	text_add(t, "\n}\n");
}

/* The path of the settings with %p as the pid and %% as %. */
static void expand_path(const char *from, struct text *t)
{
	for (; *from; from++) {
		if (from[0] == '%' && from[1] == 'p') {
			text_add(t, "%u", stats->pid);
			from++;
			continue;
		}
		text_add(t, "%c", *from);
		from += from[0] == '%' && from[1] == '%';
	}
}

/* Ours or root's: another user's file in a folder that everybody writes to is a trap. */
static bool is_harmless(const struct stat *status)
{
	return S_ISREG(status->st_mode) && status->st_nlink == 1 &&
	       (status->st_uid == 0 || status->st_uid == (uid_t)SYS_CALL(SYS_geteuid));
}

/* Opens the report's file and empties it: never through a link, never a FIFO or a device, which
 * could block or be harmed; a descriptor or -errno. */
static int open_report(const char *path)
{
	int fd = sys_open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0644);
	struct stat status;
	int error;

	if (fd < 0)
		return fd;
	if (fstat(fd, &status) != 0 || !is_harmless(&status))
		error = -EACCES;
	else
		error = (int)SYS_CALL(SYS_ftruncate, fd, 0L);
	if (error == 0)
		return fd;
	sys_close(fd);
	return error;
}

static void tell_failed(const char *path, int error)
{
	struct message m;

	if (preload_options.on_error == ERROR_QUIET || !message_claim(MESSAGE_REPORT))
		return;
	message_warn(&m);
	text_add(&m.text, "report: %s: ", path);
	message_cause(&m, error);
	text_add(&m.text, ": allowed: a plain file; set RAMLOCK_REPORT to one that may be written");
	message_tell(&m, MESSAGE_REPORT);
}

static void tell_unwritten(struct work *w, int error)
{
	struct text t;

	text_init(&t, w->shown, sizeof(w->shown));
	text_add(&t, "%s", w->path);
	tell_failed(w->shown, error);
}

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static int write_to(int fd, const struct text *t)
{
	return file_write(fd, t->start, text_length(t));
}

/* 0 or -errno. */
static int write_to_file(const char *path, const struct text *t)
{
	int fd = open_report(path), error;

	if (fd < 0)
		return fd;
	error = write_to(fd, t);
	sys_close(fd);
	return error;
}

static void write_report(struct work *w, const struct text *path)
{
	struct text t;
	int error = 0;

	read_program(w->program, sizeof(w->program));
	read_usage(w);
	text_init(&t, w->buffer, sizeof(w->buffer));
	if (ends_with(path->start, ".json"))
		write_json(&t, w->program, &w->usage, ends_with(path->start, REPORT_MEASURE));
	else
		write_text(&t, w->program, &w->usage);
	if (strcmp(path->start, "stderr") != 0)
		error = path->cut ? -ENAMETOOLONG : write_to_file(path->start, &t);
	else if (stderr_descriptor() >= 0)
		write_to(stderr_descriptor(), &t);
	if (error)
		tell_unwritten(w, error);
}

bool report_is_due(void)
{
	return preload_active && preload_options.report && !__atomic_load_n(&written, __ATOMIC_RELAXED);
}

void report_write(void)
{
	uint64_t minor = 0, major = 0;
	struct text path;
	struct work *w;
	intptr_t at;
	int saved;

	if (!report_is_due() || __atomic_exchange_n(&written, true, __ATOMIC_RELAXED))
		return;
	saved = errno;
	read_faults(&minor, &major); /* before this takes some of its own */
	at = sys_mmap(0, sizeof(*w), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (sys_is_error(at)) {
		tell_failed(preload_options.report, (int)at);
		errno = saved;
		return;
	}
	/* at once, so that under `ramlock measure` these are no faults of the program's */
	sys_madvise((uintptr_t)at, sizeof(*w), MADV_POPULATE_WRITE);
	w = (struct work *)at;
	w->usage.minor = minor;
	w->usage.major = major;
	text_init(&path, w->path, sizeof(w->path));
	expand_path(preload_options.report, &path);
	large_count();
	write_report(w, &path);
	sys_munmap((uintptr_t)at, sizeof(*w));
	errno = saved;
}
