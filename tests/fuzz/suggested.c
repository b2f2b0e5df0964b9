/* SPDX-License-Identifier: MIT */
/* Fuzzes what `ramlock unit --from=FILE` takes from a file that anybody may have written: one line for
 * a wrong one, and settings that the library reads without a complaint. */
#include "config.h"

#include "cli/cli.h"
#include "cli/suggested.h"
#include "common/options.h"
#include "fuzz.h"

static unsigned errors;

void cli_error(const char *format, ...)
{
	(void)format;
	errors++;
}

void *cli_alloc(void *old, size_t size)
{
	void *new = realloc(old, size ? size : 1);

	HOLDS(new);
	return new;
}

static void no_complaint(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(data, size);
	struct options options;
	int result;

	errors = 0;
	clearenv();
	result = suggested_read(path);
	HOLDS(errors == (result != 0));
	if (result)
		HOLDS(environ == NULL || *environ == NULL);
	else if (environ)
		options_read(&options, environ, no_complaint, NULL);
	return 0;
}
