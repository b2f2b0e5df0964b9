/* SPDX-License-Identifier: MIT */
/* Parses /proc/PID/maps and smaps and tells what each mapping is. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/maps.h"
#include "common/sys.h"
#include "common/text.h"

const char *const map_class_names[MAPS_CLASSES] = {
	"main stack", "data",	"heap",	    "large blocks", "text",  "thread stacks",
	"libraries",  "anonymous", "files", "reserved",	    "kernel",
};

int maps_open(struct maps *m, const char *path, const char *program, char *buffer, size_t size)
{
	*m = (struct maps){.buffer = buffer, .size = size, .program = program};
	m->fd = sys_open(path, O_RDONLY, 0);
	return m->fd < 0 ? m->fd : 0;
}

void maps_close(struct maps *m)
{
	if (m->fd >= 0)
		sys_close(m->fd);
	m->fd = -1;
}

/* Reads on until the buffer is full, or the file ends or fails. */
static void fill(struct maps *m)
{
	long part;

	memmove(m->buffer, m->buffer + m->at, m->used - m->at);
	m->used -= m->at;
	m->at = 0;
	while (m->fd >= 0 && m->used < m->size - 1) {
		part = sys_read(m->fd, m->buffer + m->used, m->size - 1 - m->used);
		if (part == -EINTR)
			continue;
		if (part <= 0) {
			m->error = (int)part;
			maps_close(m);
			break;
		}
		m->used += (size_t)part;
	}
	m->buffer[m->used] = '\0';
}

/* The next line without its newline, NULL at the end. A line that is longer than the buffer is
 * cut: its head holds all that is needed. */
static char *line_next(struct maps *m)
{
	char *line, *end;

	end = memchr(m->buffer + m->at, '\n', m->used - m->at);
	if (end == NULL) {
		fill(m);
		end = memchr(m->buffer, '\n', m->used);
	}
	if (m->used == m->at)
		return NULL;
	line = m->buffer + m->at;
	if (end == NULL) {
		end = m->buffer + m->used;
		m->at = m->used;
	} else {
		m->at = (size_t)(end - m->buffer) + 1;
	}
	*end = '\0';
	return line;
}

/* Reads a number of a base up to a delimiter and steps behind that. */
static bool read_number(const char **at, unsigned base, char delimiter, uint64_t *number)
{
	const char *end = text_number(*at, base, number);

	if (end == NULL || *end != delimiter)
		return false;
	*at = end + 1;
	return true;
}

/* "start-end rwxp offset major:minor inode   path", proc_pid_maps(5). */
static bool read_header(const char *line, struct mapping *mapping)
{
	uint64_t start, end, major, minor;

	if (!read_number(&line, 16, '-', &start) || !read_number(&line, 16, ' ', &end))
		return false;
	if (start >= end || strlen(line) < 5)
		return false;
	mapping->start = (uintptr_t)start;
	mapping->end = (uintptr_t)end;
	mapping->prot = (line[0] == 'r' ? MAPS_R : 0u) | (line[1] == 'w' ? MAPS_W : 0u) |
			(line[2] == 'x' ? MAPS_X : 0u);
	mapping->shared = line[3] == 's';
	line += 5;
	if (!read_number(&line, 16, ' ', &mapping->offset) ||
	    !read_number(&line, 16, ':', &major) || !read_number(&line, 16, ' ', &minor))
		return false;
	mapping->device = major << 32 | minor;
	line = text_number(line, 10, &mapping->inode);
	if (line == NULL || (*line != ' ' && *line != '\0'))
		return false;
	mapping->path = line + strspn(line, " ");
	return true;
}

static bool same_file(const struct mapping *one, const struct mapping *other)
{
	return one->inode == other->inode && one->device == other->device;
}

/* Whether a file's mapping that starts here has an executable part: a linker lays the segments of
 * one file in a row, and the first is often not the executable one. Looks only at what is in the
 * buffer, so that the path of the mapping at hand stays where it is. */
static bool leads_to_code(struct maps *m, const struct mapping *first)
{
	struct mapping next;
	size_t at = m->at;

	while (at < m->used) {
		char *line = m->buffer + at;
		char *end = memchr(line, '\n', m->used - at);
		bool read;

		if (end == NULL)
			return false;
		at = (size_t)(end - m->buffer) + 1;
		*end = '\0';
		read = read_header(line, &next);
		*end = '\n';
		if (!read) /* a line of smaps */
			continue;
		if (!same_file(&next, first))
			return false;
		if (next.prot & MAPS_X)
			return true;
	}
	return false;
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static enum map_class class_of_special(const struct mapping *mapping)
{
	if (strcmp(mapping->path, "[stack]") == 0)
		return MAPS_STACK;
	if (strcmp(mapping->path, "[heap]") == 0)
		return mapping->prot ? MAPS_HEAP : MAPS_RESERVED; /* musl keeps a guard page there */
	if (starts_with(mapping->path, "[v") || starts_with(mapping->path, "[uprobes]"))
		return MAPS_KERNEL;
	if (mapping->prot == 0)
		return MAPS_RESERVED;
	return MAPS_ANON;
}

static bool is_program(struct maps *m, const struct mapping *mapping)
{
	if (m->program_at - mapping->start < mapping->end - mapping->start)
		m->program_part = *mapping;
	if (m->program_at)
		return same_file(mapping, &m->program_part);
	return m->program && strcmp(mapping->path, m->program) == 0;
}

/* A file's mapping is code when some part of that file is mapped to be executed. */
static enum map_class class_of_file(struct maps *m, const struct mapping *mapping, bool *code)
{
	*code = !mapping->shared &&
		((mapping->prot & MAPS_X) ||
		 (same_file(&m->last, mapping) ? m->last_code : leads_to_code(m, mapping)));
	if (mapping->prot == 0)
		return MAPS_RESERVED;
	if (!*code)
		return MAPS_FILE;
	if (mapping->prot & MAPS_W)
		return MAPS_DATA;
	return is_program(m, mapping) ? MAPS_TEXT : MAPS_LIB_TEXT;
}

static void classify(struct maps *m, struct mapping *mapping)
{
	bool code = false;

	if (mapping->inode == 0 && (*mapping->path == '\0' || *mapping->path == '[')) {
		mapping->class = class_of_special(mapping);
		/* bss follows the data it belongs to */
		if (*mapping->path == '\0' && mapping->class == MAPS_ANON && m->last_code &&
		    m->last.class == MAPS_DATA && m->last.end == mapping->start)
			mapping->class = MAPS_DATA;
	} else {
		mapping->class = class_of_file(m, mapping, &code);
	}
	m->last = *mapping;
	m->last.path = NULL;
	m->last_code = code;
}

/* Behind a header, smaps has lines such as "Rss:      12 kB" and "VmFlags: rd wr lo". Its "Locked:"
 * is a proportional share; the resident pages of a locked mapping are what is meant here. */
static void read_detail(const char *line, struct mapping *mapping)
{
	uint64_t kib;

	if (starts_with(line, "VmFlags:") && strstr(line, " lo"))
		mapping->locked = mapping->resident;
	if (!starts_with(line, "Rss:"))
		return;
	line += strcspn(line, " ");
	line += strspn(line, " ");
	if (read_number(&line, 10, ' ', &kib))
		mapping->resident = kib * 1024;
}

/* A detail line begins with a capital letter, a header with a hexadecimal digit in lower case. */
static bool is_detail(const struct maps *m)
{
	return m->at < m->used && m->buffer[m->at] >= 'A' && m->buffer[m->at] <= 'Z';
}

/* Reads only what is in the buffer, so that the path stays where it is. */
static void read_details(struct maps *m, struct mapping *mapping)
{
	while (is_detail(m)) {
		char *line = m->buffer + m->at;
		char *end = memchr(line, '\n', m->used - m->at);

		if (end == NULL)
			return;
		m->at = (size_t)(end - m->buffer) + 1;
		*end = '\0';
		read_detail(line, mapping);
	}
}

bool maps_next(struct maps *m, struct mapping *mapping)
{
	char *line;

	/* so that the path, the lines behind and the file's next mappings are in the buffer */
	if (m->fd >= 0 && m->used - m->at < m->size / 2)
		fill(m);
	while ((line = line_next(m)) != NULL) {
		*mapping = (struct mapping){0};
		if (*line >= 'A' && *line <= 'Z')
			continue;
		if (!read_header(line, mapping)) {
			m->broken++;
			continue;
		}
		read_details(m, mapping);
		classify(m, mapping);
		return true;
	}
	return false;
}
