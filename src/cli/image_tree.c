/* SPDX-License-Identifier: MIT */
/* Finds the libraries that a program names, and those that these name. */
#include "config.h"

#include <glob.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/image.h"

#define LIBRARIES 256
#define PATH_SIZE 1024
#define FOLDERS 65536

struct search {
	char system[FOLDERS]; /* "/lib:/usr/lib", of ld.so.conf and those that we were loaded from */
	unsigned count;
	char names[LIBRARIES][128]; /* seen, found or not */
};

static void add_folder(struct search *s, const char *folder, size_t length)
{
	size_t used = strlen(s->system);

	if (length && used + length + 2 < sizeof(s->system))
		snprintf(s->system + used, sizeof(s->system) - used, "%s%.*s", used ? ":" : "",
			 (int)length, folder);
}

static int add_own_folder(struct dl_phdr_info *info, size_t size, void *context)
{
	const char *slash = strrchr(info->dlpi_name, '/');

	(void)size;
	if (slash)
		add_folder(context, info->dlpi_name, (size_t)(slash - info->dlpi_name));
	return 0;
}

/* ld.so.conf has a folder a line, and lines "include pattern" (ldconfig(8)). */
static void add_configured(struct search *s, const char *file, int depth)
{
	FILE *stream = fopen(file, "re");
	char line[PATH_SIZE];
	glob_t matches;

	while (stream && fgets(line, sizeof(line), stream)) {
		char *word = line + strspn(line, " \t");

		word[strcspn(word, "#\n")] = '\0';
		if (*word == '/')
			add_folder(s, word, strcspn(word, " \t"));
		if (strncmp(word, "include ", 8) != 0 || depth > 3 ||
		    glob(word + 8, 0, NULL, &matches) != 0)
			continue;
		for (size_t i = 0; i < matches.gl_pathc; i++)
			add_configured(s, matches.gl_pathv[i], depth + 1);
		globfree(&matches);
	}
	if (stream)
		fclose(stream);
}

/* One folder of a search path with $ORIGIN as the folder of the file that has the path. */
static bool try_folder(const char *folder, size_t length, const char *owner, const char *name,
		       const struct image *like, struct image *library, char *path)
{
	const char *rest = folder;
	size_t origin = 0;

	if (strncmp(folder, "$ORIGIN", 7) == 0 || strncmp(folder, "${ORIGIN}", 9) == 0) {
		const char *slash = strrchr(owner, '/');

		rest += folder[1] == '{' ? 9 : 7;
		origin = slash ? (size_t)(slash - owner) : 0;
	}
	if (snprintf(path, PATH_SIZE, "%.*s%.*s/%s", (int)origin, owner,
		     (int)(length - (size_t)(rest - folder)), rest, name) >= PATH_SIZE)
		return false;
	return image_read(path, library, true) && library->machine == like->machine &&
	       library->class == like->class;
}

static bool try_list(const char *list, const char *owner, const char *name,
		     const struct image *like, struct image *library, char *path)
{
	for (const char *end; list && *list; list = *end ? end + 1 : end) {
		end = strchrnul(list, ':');
		if (end != list && try_folder(list, (size_t)(end - list), owner, name, like, library, path))
			return true;
	}
	return false;
}

static bool find_library(const struct search *s, const char *owner, const struct image *of,
			 const char *name, struct image *library, char *path)
{
	if (strchr(name, '/')) {
		snprintf(path, PATH_SIZE, "%s", name);
		return image_read(path, library, true);
	}
	return try_list(of->search, owner, name, of, library, path) ||
	       try_list(getenv("LD_LIBRARY_PATH"), owner, name, of, library, path) ||
	       try_list(s->system, owner, name, of, library, path);
}

static bool is_new(struct search *s, const char *name)
{
	for (unsigned i = 0; i < s->count; i++)
		if (strcmp(s->names[i], name) == 0)
			return false;
	if (s->count == LIBRARIES)
		return false;
	snprintf(s->names[s->count++], sizeof(*s->names), "%s", name);
	return true;
}

/* Allocators and sanitizers as libraries of their own, by the beginnings of their names. */
static void note_name(struct image_tree *tree, const char *name)
{
	static const struct {
		const char *start, *allocator, *sanitizer;
	} known[] = {
		{"libjemalloc", "jemalloc", NULL},	{"libtcmalloc", "tcmalloc", NULL},
		{"libmimalloc", "mimalloc", NULL},	{"libtbbmalloc", "tbbmalloc", NULL},
		{"libasan", NULL, "AddressSanitizer"},	{"libclang_rt.asan", NULL, "AddressSanitizer"},
		{"libtsan", NULL, "ThreadSanitizer"},	{"libclang_rt.tsan", NULL, "ThreadSanitizer"},
		{"libhwasan", NULL, "HWAddressSanitizer"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strncmp(name, known[i].start, strlen(known[i].start)) != 0)
			continue;
		if (known[i].allocator)
			tree->allocator = known[i].allocator;
		else
			tree->sanitizer = known[i].sanitizer;
	}
}

static void walk(struct search *s, const char *owner, const struct image *of,
		 struct image_tree *tree)
{
	for (unsigned i = 0; i < of->needed_count; i++) {
		struct image *library;
		char path[PATH_SIZE];

		if (!is_new(s, of->needed[i]))
			continue;
		note_name(tree, of->needed[i]);
		library = cli_alloc(NULL, sizeof(*library));
		if (find_library(s, owner, of, of->needed[i], library, path)) {
			tree->found++;
			tree->text += library->text;
			tree->data += library->data;
			walk(s, path, library, tree);
		} else {
			if (tree->missing++ == 0)
				snprintf(tree->lost, sizeof(tree->lost), "%s", of->needed[i]);
		}
		free(library);
	}
}

void image_tree(const char *path, const struct image *program, struct image_tree *tree)
{
	static const char usual[] = "/lib64:/usr/lib64:/lib:/usr/lib";
	struct search *s = cli_alloc(NULL, sizeof(*s));
	char *origin = realpath(path, NULL); /* a program's $ORIGIN is where its file is */

	*tree = (struct image_tree){0};
	*s = (struct search){.count = 0};
	dl_iterate_phdr(add_own_folder, s);
	add_configured(s, "/etc/ld.so.conf", 0);
	add_folder(s, usual, strlen(usual));
	walk(s, origin ? origin : path, program, tree);
	free(origin);
	free(s);
}
