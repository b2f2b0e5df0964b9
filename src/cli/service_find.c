/* SPDX-License-Identifier: MIT */
/* Finds a unit's text, by `systemctl cat` or in the folders where systemd looks, and its files of
 * variables. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/service.h"

#define MOST (1u << 20) /* of a unit's text */
#define OURS "/" SERVICE_OURS
#define DROPINS_MAX 256

static void add_stream(char *text, size_t *used, FILE *from)
{
	*used += fread(text + *used, 1, MOST - 1 - *used, from);
	text[*used] = '\0';
}

/* `systemctl cat` writes "# /path" above each file: ours begins with such a line too. */
static void drop_ours(char *text)
{
	for (char *at = text, *line = text; *at; at = line) {
		char *end = strchrnul(at, '\n');
		const size_t length = (size_t)(end - at);

		line = *end ? end + 1 : end;
		if (length < strlen(OURS) || strncmp(at, "# /", 3) != 0 ||
		    strncmp(end - strlen(OURS), OURS, strlen(OURS)) != 0)
			continue;
		end = strstr(line, "\n# /");
		memmove(at, end ? end + 1 : "", end ? strlen(end + 1) + 1 : 1);
		line = at;
	}
}

/* The text that systemctl writes of a unit; false where there is no systemctl or no unit. */
static bool ask_systemctl(const char *name, bool user, char *text)
{
	size_t used = 0;
	int pipes[2], status = 0;
	FILE *from;
	pid_t child;

	if (pipe(pipes) != 0)
		return false;
	child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDIN_FILENO);
		dup2(null, STDERR_FILENO);
		dup2(pipes[1], STDOUT_FILENO);
		close(pipes[0]);
		unsetenv("LD_PRELOAD");
		execlp("systemctl", "systemctl", "--no-pager", user ? "--user" : "--system", "cat", "--", name,
		       (char *)NULL);
		_exit(127);
	}
	close(pipes[1]);
	from = fdopen(pipes[0], "r");
	if (from) {
		add_stream(text, &used, from);
		fclose(from);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0)
		;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && used > 0;
}

/* As `systemctl cat` does: the path, the text, an empty line. */
static void add_file(char *text, size_t *used, const char *path)
{
	FILE *from = fopen(path, "re");

	if (from == NULL)
		return;
	if (*used + strlen(path) + 8 < MOST)
		*used += (size_t)sprintf(text + *used, "# %s\n", path);
	add_stream(text, used, from);
	if (*used + 3 < MOST)
		*used += (size_t)sprintf(text + *used, "\n\n");
	fclose(from);
}

/* The drop-ins that count: of those of one name the first that is found. */
struct dropins {
	char *paths[DROPINS_MAX];
	size_t count;
};

static const char *base_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

static void add_dropins(struct dropins *d, const struct units *units, const char *name)
{
	char folder[UNITS_PATH], path[UNITS_PATH + 300];
	glob_t found;

	for (size_t i = 0; units_folder(units, i, folder); i++) {
		snprintf(path, sizeof(path), "%s/%s.d/*.conf", folder, name);
		if (*folder == '\0' || glob(path, GLOB_NOESCAPE, NULL, &found) != 0)
			continue;
		for (size_t f = 0; f < found.gl_pathc; f++) {
			const char *new = found.gl_pathv[f];
			size_t at = 0;

			while (at < d->count && strcmp(base_of(d->paths[at]), base_of(new)) != 0)
				at++;
			if (at == d->count && at < DROPINS_MAX && strcmp(strrchr(new, '/'), OURS) != 0)
				d->paths[d->count++] = strcpy(cli_alloc(NULL, strlen(new) + 1), new);
		}
		globfree(&found);
	}
}

/* "a-b@i.service" has those of itself, of a-b@, of a-, and of all services. */
static void add_dropins_of(struct dropins *d, const struct units *units, const char *name)
{
	char other[UNITS_NAME + 16];

	add_dropins(d, units, name);
	if (units_template(name, other))
		add_dropins(d, units, other);
	for (size_t length = strlen(name); length-- > 1;) {
		if (name[length] != '-' || strcspn(name, "@") < length)
			continue;
		snprintf(other, sizeof(other), "%.*s-.service", (int)length, name);
		add_dropins(d, units, other);
	}
}

static int compare(const void *one, const void *other)
{
	return strcmp(base_of(*(char *const *)one), base_of(*(char *const *)other));
}

/* An alias's drop-ins count too. */
static void read_files(const char *name, const char *alias, const struct units *units, const char *path,
		       char *text)
{
	struct dropins d = {.count = 0};
	size_t used = 0;

	add_file(text, &used, path);
	add_dropins_of(&d, units, name);
	if (strcmp(name, alias) != 0)
		add_dropins_of(&d, units, alias);
	add_dropins(&d, units, "service");
	qsort(d.paths, d.count, sizeof(*d.paths), compare);
	for (size_t i = 0; i < d.count; i++) {
		add_file(text, &used, d.paths[i]);
		free(d.paths[i]);
	}
}

static void read_variables(struct service *s, const char *path, const char *name)
{
	char *text = cli_alloc(NULL, MOST);
	FILE *from = fopen(path, "re");
	size_t used = 0;

	if (from == NULL && errno != ENOENT)
		snprintf(s->file_unread, sizeof(s->file_unread), "%s", name);
	if (from) {
		add_stream(text, &used, from);
		fclose(from);
		service_parse_variables(s, name, text);
	}
	free(text);
}

/* What a path with a specifier is only systemd knows. */
static void read_variable_files(struct service *s, const char *root)
{
	char list[sizeof(s->files)], *rest = list, *word;

	strcpy(list, s->files);
	while ((word = strsep(&rest, " ")) != NULL) {
		char path[UNITS_PATH];
		glob_t found;

		word += *word == '-';
		if (*word != '/')
			continue;
		if (strchr(word, '%')) {
			snprintf(s->file_unread, sizeof(s->file_unread), "%s", word);
			continue;
		}
		snprintf(path, sizeof(path), "%s%s", root, word);
		if (glob(path, GLOB_NOMAGIC, NULL, &found) != 0)
			continue;
		for (size_t i = 0; i < found.gl_pathc; i++)
			read_variables(s, found.gl_pathv[i], found.gl_pathv[i] + strlen(root));
		globfree(&found);
	}
}

void service_find(struct service *s, const char *name, const struct units *units)
{
	char *text = cli_alloc(NULL, MOST), path[UNITS_PATH] = "";
	bool file;

	*s = (struct service){.found = false};
	*text = '\0';
	snprintf(s->name, sizeof(s->name), "%s", name);
	file = units_resolve(units, s->name, path);
	s->masked = file && units_is_masked(path);
	s->found = *units->root == '\0' && !s->masked && ask_systemctl(s->name, units->user, text);
	if (s->found)
		drop_ours(text);
	else if (file)
		read_files(s->name, name, units, path, text);
	s->found |= file;
	s->transient = strstr(path, "/systemd/transient/") != NULL;
	if (s->found) {
		service_parse(s, text);
		read_variable_files(s, units->root);
	}
	free(text);
}
