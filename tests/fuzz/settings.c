/* SPDX-License-Identifier: MIT */
/* Fuzzes the environment: variables with NUL between, or newline, read as settings. */
#include "config.h"

#include "common/options.h"
#include "fuzz.h"

#define VARIABLES 32

static int complaints;

static void complain(void *context, const char *line)
{
	(void)context;
	HOLDS(strlen(line) > 0);
	complaints++;
}

/* Each value, printed and read again, is the same; texts stand for themselves. */
static void check_printed(const struct options *o)
{
	char ours[256], theirs[256], reason[512];
	struct text t, why;

	for (int i = 0; i < OPTION_COUNT; i++) {
		struct options again = *o;

		if (option_rows[i].kind == OPTION_TEXT)
			continue;
		text_init(&t, ours, sizeof(ours));
		options_print(o, &option_rows[i], &t);
		text_init(&why, reason, sizeof(reason));
		HOLDS(options_set(&again, &option_rows[i], ours, "it", &why) == 0);
		text_init(&t, theirs, sizeof(theirs));
		options_print(&again, &option_rows[i], &t);
		HOLDS(strcmp(ours, theirs) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *environment[VARIABLES + 1] = {NULL};
	struct options o;
	size_t count = 0;
	int returned;

	for (char *line = text; line < text + size && count < VARIABLES; line += strlen(line) + 1) {
		char *end = memchr(line, '\n', (size_t)(text + size - line));

		if (end)
			*end = '\0';
		environment[count++] = line;
	}
	complaints = 0;
	returned = options_read(&o, environment, complain, NULL);
	HOLDS(returned == complaints);
	check_printed(&o);
	for (size_t i = 0; i < count; i++) {
		options_meant(&o, environment[i]);
		options_find(environment[i]);
		if (strlen(environment[i]) < 64) /* as long as a name is read */
			options_nearest(environment[i]);
	}
	free(text);
	return 0;
}
