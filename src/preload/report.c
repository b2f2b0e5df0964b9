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
#include "common/stats.h"
#include "common/sys.h"
#include "preload/large.h"
#include "preload/preload.h"
#include "preload/report.h"
#include "preload/stderr.h"

#define BUFFER_SIZE (32u << 10) /* for smaps, and then for the report */

/* Bytes by class, from smaps. */
struct usage {
	bool known;
	uint64_t mapped[MAPS_CLASSES], resident[MAPS_CLASSES], locked[MAPS_CLASSES];
	uint64_t minor, major; /* faults since start */
};

static void read_program(char *program, size_t size)
{
	long length = SYS_CALL(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", program, size - 1);

	program[length > 0 ? length : 0] = '\0';
}

static void read_usage(struct usage *usage, const char *program, char *buffer, size_t size)
{
	struct mapping mapping;
	struct maps maps;

	if (maps_open(&maps, "/proc/self/smaps", program, buffer, size) != 0)
		return;
	while (maps_next(&maps, &mapping)) {
		if (mapping.class == MAPS_ANON && large_covers((void *)mapping.start))
			mapping.class = MAPS_LARGE;
		usage->mapped[mapping.class] += mapping.end - mapping.start;
		usage->resident[mapping.class] += mapping.resident;
		usage->locked[mapping.class] += mapping.locked;
	}
	maps_close(&maps);
	usage->known = maps.error == 0; /* a part of it would pass for the whole */
}

static void read_faults(struct usage *usage)
{
	struct rusage now;

	getrusage(RUSAGE_SELF, &now);
	usage->minor = (uint64_t)now.ru_minflt - stats_get(STAT_minor_at_start);
	usage->major = (uint64_t)now.ru_majflt - stats_get(STAT_major_at_start);
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
	char shown[256]; /* of a long path the head, so that the cause has room */
	struct message m;
	struct text t;

	if (preload_options.on_error == ERROR_QUIET || !message_claim(MESSAGE_REPORT))
		return;
	text_init(&t, shown, sizeof(shown));
	text_add(&t, "%s", path);
	message_warn(&m);
	text_add(&m.text, "report: %s: ", shown);
	message_cause(&m, error);
	text_add(&m.text, ": allowed: a plain file; set RAMLOCK_REPORT to one that may be written");
	message_send(&m);
}

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static int write_to(int fd, const struct text *t)
{
	const char *at = t->start;

	while (at < t->at) {
		long part = sys_write(fd, at, (size_t)(t->at - at));

		if (part < 0 && part != -EINTR)
			return (int)part;
		at += part > 0 ? part : 0;
	}
	return 0;
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

static void write_report(const struct text *path, struct usage *usage, char *buffer)
{
	char program[512];
	struct text t;
	int error = 0;

	read_program(program, sizeof(program));
	read_usage(usage, program, buffer, BUFFER_SIZE);
	text_init(&t, buffer, BUFFER_SIZE);
	if (ends_with(path->start, ".json"))
		write_json(&t, program, usage, ends_with(path->start, REPORT_MEASURE));
	else
		write_text(&t, program, usage);
	if (strcmp(path->start, "stderr") != 0)
		error = path->cut ? -ENAMETOOLONG : write_to_file(path->start, &t);
	else if (stderr_descriptor() >= 0)
		write_to(stderr_descriptor(), &t);
	if (error)
		tell_failed(path->start, error);
}

void report_write(void)
{
	static bool written;
	struct usage usage = {0};
	struct text path;
	char name[4096];
	intptr_t buffer;
	int saved;

	if (!preload_active || preload_options.report == NULL ||
	    !preload_is_own_process() ||
	    __atomic_exchange_n(&written, true, __ATOMIC_RELAXED))
		return;
	saved = errno;
	read_faults(&usage); /* before this takes some of its own */
	text_init(&path, name, sizeof(name));
	expand_path(preload_options.report, &path);
	buffer = sys_mmap(0, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (buffer < 0 && buffer > -4096) {
		tell_failed(name, (int)buffer);
	} else {
		/* at once, so that under `ramlock measure` these are no faults of the program's */
		sys_madvise((uintptr_t)buffer, BUFFER_SIZE, MADV_POPULATE_WRITE);
		large_count();
		write_report(&path, &usage, (char *)buffer);
		sys_munmap((uintptr_t)buffer, BUFFER_SIZE);
	}
	errno = saved;
}
