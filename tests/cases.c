/* SPDX-License-Identifier: MIT */
/* Runs programs under the library, a row of cases.def each, and compares what they do with what is
 * expected. Speaks TAP. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

static const struct row rows[] = {
#include "cases.def"
#include "cases_cli.def"
#include "cases_measure.def"
#include "kernels.def"
};

#define ROWS (sizeof(rows) / sizeof(*rows))

static bool match_size(const char **text)
{
	static const char *const units[] = {" KiB", " MiB", " GiB", " TiB"};
	size_t digits = strspn(*text, "0123456789.");

	for (size_t i = 0; digits && i < sizeof(units) / sizeof(*units); i++) {
		if (strncmp(*text + digits, units[i], strlen(units[i])) == 0) {
			*text += digits + strlen(units[i]);
			return true;
		}
	}
	return false;
}

static bool match_number(const char **text)
{
	size_t digits = strspn(*text, "0123456789");

	*text += digits;
	return digits > 0;
}

static bool match_from(const char *pattern, const char *text)
{
	while (*pattern && *pattern != '*') {
		bool figure = pattern[0] == '%' && (pattern[1] == 's' || pattern[1] == 'u');

		if (!figure && *pattern++ != *text++)
			return false;
		if (figure && !(pattern[1] == 's' ? match_size(&text) : match_number(&text)))
			return false;
		pattern += figure ? 2 : 0;
	}
	if (*pattern == '\0')
		return *text == '\0';
	for (;; text++) {
		if (match_from(pattern + 1, text))
			return true;
		if (*text == '\0' || *text == '\n')
			return false;
	}
}

bool match(const char *pattern, const char *text)
{
	return strcmp(pattern, "**") == 0 || match_from(pattern, text);
}

static void show(const char *what, const char *text)
{
	printf("#   %s: ", what);
	for (int length = 0; *text && length < 2000; text++, length++)
		if (*text != '\n')
			putchar(*text);
		else if (text[1])
			printf("\n#     ");
	putchar('\n');
}

/* What a row expects; where that is what the program does bare, the bare run's. */
static void expect(const struct row *row, const struct result *bare, int *status, const char **out)
{
	const bool as_bare = strcmp(row->out, "=") == 0;

	*status = as_bare ? bare->status : row->status;
	*out = as_bare ? bare->out : row->out;
}

/* With a sanitizer's runtime in the program its malloc and its mlock are the runtime's, and only what
 * the sanitizer itself says counts. */
static bool is_clean(const struct result *got)
{
	return strstr(got->err, "ERROR: AddressSanitizer: ") == NULL &&
	       strstr(got->err, "runtime error: ") == NULL &&
	       strstr(got->out, "ERROR: AddressSanitizer: ") == NULL;
}

static bool is_right(const struct row *row, const struct result *got, const struct result *bare)
{
	const char *out;
	int status;

	if (getenv("CASES_PRELOAD"))
		return is_clean(got);
	expect(row, bare, &status, &out);
	return got->status == status && (match(row->err, got->err) || needs_other_lines(row)) &&
	       (out == bare->out ? strcmp(out, got->out) == 0 : match(out, got->out));
}

static void explain(const struct row *row, const struct result *got, const struct result *bare)
{
	const char *out;
	int status;

	expect(row, bare, &status, &out);
	printf("#   status: %d\n#   expected: %d%s\n", got->status, status,
	       out == bare->out ? ", as bare" : "");
	show("stdout", got->out);
	show("expected", out);
	show("stderr", got->err);
	show("expected", row->err);
}

/* LeakSanitizer, in an instrumented command, can't work where the command is traced. */
static void fit_sanitizer(const struct row *row)
{
	setenv("LSAN_OPTIONS", strstr(row->command, "strace ") ? "detect_leaks=0" : "", 1);
}

static bool try_row(const struct row *row, size_t number)
{
	static struct result got, bare;
	const struct staged staged = {row->start, row->settings, row->limit, row->user, NULL,
				      row->command};
	const char *skip = needs_missing(row);
	bool right;

	fit_sanitizer(row);
	if (skip == NULL) {
		stage_run(&staged, false, &got);
		if (strcmp(row->out, "=") == 0)
			stage_run(&staged, true, &bare);
		if (got.status == 77 && row->status != 77) {
			got.out[strcspn(got.out, "\n")] = '\0';
			skip = got.out;
		}
	}
	if (skip) {
		printf("ok %zu - %s # SKIP %s\n", number, row->name, skip);
		return true;
	}
	right = is_right(row, &got, &bare);
	printf("%s %zu - %s\n", right ? "ok" : "not ok", number, row->name);
	if (!right)
		explain(row, &got, &bare);
	return right;
}

/* Without arguments all cases, else those whose names contain the word. */
int main(int argc, char **argv)
{
	size_t number = 0, count = 0;
	bool right = true;

	for (size_t i = 0; i < ROWS; i++)
		count += argc < 2 || strstr(rows[i].name, argv[1]) != NULL;
	if (!stage_make()) {
		puts("Bail out! the folder with what is tested can't be made");
		return 1;
	}
	printf("1..%zu\n", count);
	for (size_t i = 0; i < ROWS; i++)
		if (argc < 2 || strstr(rows[i].name, argv[1]))
			right &= try_row(&rows[i], ++number);
	return right ? 0 : 1;
}
