/* SPDX-License-Identifier: MIT */
/* Takes settings from a file of JSON, whoever wrote it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/json_read.h"
#include "cli/suggested.h"
#include "cli/words.h"

#define MOST (16L << 20)

struct suggested {
	const char *path;
	struct options values;		       /* only to check */
	char words[OPTION_COUNT][256];	       /* "" for none */
};

static bool complain(const struct suggested *s, const char *name, const char *why)
{
	char clean[80];

	cli_error("%s: suggested: %s: %s", s->path, words_clean(name, clean, sizeof(clean)), why);
	return false;
}

static bool take_setting(void *context, const char *name, const char *value)
{
	struct suggested *s = context;
	const struct option_row *row = options_find(name);
	char line[512];
	struct text why;

	if (row == NULL)
		return complain(s, name, "no such setting");
	if (value == NULL)
		return complain(s, name, "is no word in quotes");
	text_init(&why, line, sizeof(line));
	if (options_set(&s->values, row, value, row->name, &why) != 0) {
		words_clean(value, line, 60);
		cli_error("%s: suggested: %s: \"%s\" is no value of it", s->path, row->name, line);
		return false;
	}
	snprintf(s->words[row - option_rows], sizeof(*s->words), "%s", value);
	return true;
}

/* The whole of a plain file, ended with NUL; NULL after an error was told. */
static char *read_whole(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char *text;
	ssize_t got;

	*length = 0;
	if (fd < 0) {
		cli_error("%s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > MOST) {
		cli_error("%s: is no plain file, or too large", path);
		close(fd);
		return NULL;
	}
	text = cli_alloc(NULL, (size_t)status.st_size + 1);
	while ((got = read(fd, text + *length, (size_t)status.st_size - *length)) > 0)
		*length += (size_t)got;
	close(fd);
	text[*length] = '\0';
	return text;
}

static int set_variables(const struct suggested *s)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		char variable[64];

		if (*s->words[i] == '\0')
			continue;
		snprintf(variable, sizeof(variable), OPTIONS_PREFIX "%s", option_rows[i].name);
		setenv(variable, s->words[i], 0);
	}
	return 0;
}

int suggested_read(const char *path)
{
	static struct suggested s;
	struct json_strings strings = {.object = "suggested", .take = take_setting, .context = &s};
	size_t length;
	char *text = read_whole(path, &length);
	bool right;

	s.path = path;
	if (text == NULL)
		return -EINVAL;
	right = json_read(text, length, &strings);
	free(text);
	if (right && strings.found)
		return set_variables(&s);
	if (right)
		cli_error("%s: has no settings: ramlock measure --json writes them as \"suggested\"", path);
	else if (strings.error)
		cli_error("%s:%u: not JSON: %s", path, strings.line, strings.error);
	return -EINVAL;
}
