/* SPDX-License-Identifier: MIT */
/* Tells from a process's mappings how far its loader has come. How long that takes depends on the
 * disk, the machine's load and debuggers, so no clock can tell. */
#include "config.h"

#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/library.h"
#include "cli/loading.h"
#include "common/maps.h"

#define AUXV_MOST 64

/* Where the kernel mapped the loader, 0 for a program without one. False while the kernel has not
 * written the vector. The word size is that of the command: of another's nothing is known. */
static bool read_base(const char *root, int pid, uintptr_t *base)
{
	ElfW(auxv_t) vector[AUXV_MOST];
	bool known = false;
	char path[300];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/proc/%d/auxv", root, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = read(fd, vector, sizeof(vector));
	close(fd);
	for (ssize_t i = 0; i < length / (ssize_t)sizeof(*vector) && vector[i].a_type != AT_NULL; i++)
		if (vector[i].a_type == AT_BASE) {
			*base = vector[i].a_un.a_val;
			known = true;
		}
	return known;
}

static bool ends_with(const char *text, const char *end)
{
	const size_t length = strlen(text), size = strlen(end);

	return length >= size && strcmp(text + length - size, end) == 0;
}

static bool is_libc(const char *path)
{
	const char *name = strrchr(path, '/');

	return name && (strncmp(name, "/libc.so.6", 10) == 0 || strncmp(name, "/libc-2.", 8) == 0);
}

/* A loader loads what LD_PRELOAD names before what the program needs, ours first of all. Where the
 * loader is the program that was executed (base is 0), it has mapped the real one before. */
static enum loading look_at_mappings(const char *root, int pid, const char *program, uintptr_t base)
{
	char buffer[16384], path[300];
	const char *file = program;
	bool past = false, mapped = false;
	struct mapping mapping;
	struct maps maps;

	snprintf(path, sizeof(path), "%s/proc/%d/maps", root, pid);
	if (maps_open(&maps, path, NULL, buffer, sizeof(buffer)) != 0)
		return LOADING_UNKNOWN;
	while (maps_next(&maps, &mapping)) {
		static char loader[4096];

		if (mapping.start == base) {
			snprintf(loader, sizeof(loader), "%s", mapping.path);
			file = loader;
		}
		mapped = mapped || ends_with(mapping.path, "/" LIBRARY_NAME);
		if (is_libc(mapping.path) && base == 0)
			past = true;
		if (base && *mapping.path == '/' && mapping.prot & MAPS_X &&
		    strcmp(mapping.path, program) != 0 && strcmp(mapping.path, file) != 0)
			past = true;
	}
	maps_close(&maps);
	return mapped ? LOADING_MAPPED : past && maps.error == 0 ? LOADING_NEVER : LOADING_UNKNOWN;
}

enum loading loading_look(const char *root, int pid)
{
	char link[300], program[4096];
	uintptr_t base;
	ssize_t length;

	snprintf(link, sizeof(link), "%s/proc/%d/exe", root, pid);
	length = readlink(link, program, sizeof(program) - 1);
	if (length <= 0 || !read_base(root, pid, &base))
		return LOADING_UNKNOWN;
	program[length] = '\0';
	if (base == 0 && strstr(program, ".so") == NULL)
		return LOADING_NEVER;
	return look_at_mappings(root, pid, program, base);
}
