/* SPDX-License-Identifier: MIT */
/* A process's settings in few words: its profile, and what differs from that. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/status.h"
#include "common/options.h"
#include "common/text.h"

/* The rows' values as they stand in the text, NULL where they don't; the text is cut up. */
struct words {
	const char *values[OPTION_COUNT];
};

static bool begins_with(const char *text, const struct option_row *row)
{
	const size_t length = strlen(row->name);

	return strncmp(text, row->name, length) == 0 && text[length] == '=';
}

/* "NAME=VALUE NAME=VALUE" in the order of the rows, as the library writes them. A value may have blanks:
 * it ends where the next row's name begins. False for another text, such as a process can write. */
static bool read_words(struct words *w, char *text)
{
	int row = 0;

	*w = (struct words){{NULL}};
	for (char *at = text; at;) {
		char *end = at;
		int next = OPTION_COUNT;

		while (row < OPTION_COUNT && !begins_with(at, &option_rows[row]))
			row++;
		if (row == OPTION_COUNT)
			return false;
		w->values[row] = at + strlen(option_rows[row].name) + 1;
		while (next == OPTION_COUNT && (end = strchr(end, ' ')) != NULL) {
			end++;
			for (next = row + 1; next < OPTION_COUNT && !begins_with(end, &option_rows[next]);)
				next++;
		}
		if (end)
			end[-1] = '\0';
		at = end;
	}
	return true;
}

static void read_defaults(struct options *o, const char *profile)
{
	char variable[64];
	char *environment[] = {variable, NULL};

	snprintf(variable, sizeof(variable), OPTIONS_PREFIX "PROFILE=%s", profile);
	options_read(o, environment, NULL, NULL);
}

static const char *print_row(const struct options *o, int row, char *to, size_t size)
{
	struct text text;

	text_init(&text, to, size);
	options_print(o, &option_rows[row], &text);
	return to;
}

static bool is_profile(const char *word)
{
	return strcmp(word, "realtime") == 0 || strcmp(word, "benchmark") == 0;
}

char *status_settings(const char *settings, char *to, size_t size)
{
	char text[sizeof(((struct stats_page *)0)->settings)];
	struct options service, profile;
	struct words words;
	struct text out;

	snprintf(text, sizeof(text), "%s", settings);
	snprintf(to, size, "%s", settings);
	if (strlen(settings) + 8 >= sizeof(text)) /* perhaps cut: who knows what is missing */
		return to;
	if (!read_words(&words, text) || words.values[OPTION_INDEX_PROFILE] == NULL ||
	    !is_profile(words.values[OPTION_INDEX_PROFILE]))
		return to;
	read_defaults(&service, "service");
	read_defaults(&profile, words.values[OPTION_INDEX_PROFILE]);
	text_init(&out, to, size);
	text_add(&out, "PROFILE=%s", words.values[OPTION_INDEX_PROFILE]);
	for (int row = OPTION_INDEX_PROFILE + 1; row < OPTION_COUNT; row++) {
		char usual[64], other[64];
		const char *value = words.values[row];

		print_row(&profile, row, usual, sizeof(usual));
		if (value == NULL) /* as the service profile has it, perhaps asked for */
			value = print_row(&service, row, other, sizeof(other));
		if (strcmp(value, usual) != 0)
			text_add(&out, " %s=%s", option_rows[row].name, value);
	}
	return to;
}
