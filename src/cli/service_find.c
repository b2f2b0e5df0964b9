/* SPDX-License-Identifier: MIT */
/* Finds a unit's text: by `systemctl cat`, or in the folders where systemd looks. */
#include "config.h"

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
#define OURS "/ramlock.conf"

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
static bool ask_systemctl(const char *name, char *text)
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
		execlp("systemctl", "systemctl", "--no-pager", "cat", "--", name, (char *)NULL);
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

static void add_file(char *text, size_t *used, const char *path)
{
	FILE *from = fopen(path, "re");

	if (from == NULL)
		return;
	add_stream(text, used, from);
	if (*used + 1 < MOST) {
		text[(*used)++] = '\n';
		text[*used] = '\0';
	}
	fclose(from);
}

/* "getty@tty1.service" to "getty@.service"; false for what is no instance. */
static bool template_of(const char *name, char *to, size_t size)
{
	const char *at = strchr(name, '@');

	if (at == NULL || at[1] == '.')
		return false;
	snprintf(to, size, "%.*s.service", (int)(at + 1 - name), name);
	return true;
}

/* The highest of the folders that has the unit wins; drop-ins of all of them count. */
static bool read_files(const char *name, const char *root, char *text)
{
	static const char *const folders[] = {
		"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
		"/usr/lib/systemd/system", "/lib/systemd/system",
	};
	const size_t count = sizeof(folders) / sizeof(*folders);
	char path[4096];
	size_t used = 0;
	glob_t found;

	for (size_t i = 0; i < count && used == 0; i++) {
		snprintf(path, sizeof(path), "%s%s/%s", root, folders[i], name);
		add_file(text, &used, path);
	}
	if (used == 0)
		return false;
	for (size_t i = count; i-- > 0;) {
		snprintf(path, sizeof(path), "%s%s/%s.d/*.conf", root, folders[i], name);
		if (glob(path, GLOB_NOESCAPE, NULL, &found) != 0)
			continue;
		for (size_t f = 0; f < found.gl_pathc; f++)
			if (strcmp(strrchr(found.gl_pathv[f], '/'), OURS) != 0)
				add_file(text, &used, found.gl_pathv[f]);
		globfree(&found);
	}
	return true;
}

void service_find(struct service *s, const char *name, const char *root)
{
	char *text = cli_alloc(NULL, MOST), template[256];

	*s = (struct service){.found = false};
	*text = '\0';
	s->found = *root == '\0' && ask_systemctl(name, text);
	if (s->found)
		drop_ours(text);
	else
		s->found = read_files(name, root, text) ||
			   (template_of(name, template, sizeof(template)) &&
			    read_files(template, root, text));
	if (s->found)
		service_parse(s, text);
	free(text);
}
