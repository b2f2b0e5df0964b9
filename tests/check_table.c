/* SPDX-License-Identifier: MIT */
/* Unit tests of tables: what stands where in 80 columns, and the same as JSON. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "cli_suites.h"

static const struct table_column columns[] = {
	{"name", "NAME", TABLE_LEFT},
	{"bytes", "SIZE", TABLE_RIGHT},
	{"calls", "CALLS", TABLE_JSON},
	{"why", "WHY", TABLE_WRAP},
};

static char *text;
static size_t size;

static struct table *sample(void)
{
	struct table *t = table_new(columns, 4);

	table_row(t);
	table_text(t, 0, "stack");
	table_size(t, 1, 1536);
	table_number(t, 2, 7);
	table_row(t);
	table_text(t, 0, "other\033[2J");
	table_colour(t, 0, TABLE_RED);
	table_size(t, 1, UINT64_MAX);
	table_format(t, 3, "%s", "words that go on and on until a line of so and so many columns is full "
				 "and must be broken");
	return t;
}

static void print(void (*set_up)(void))
{
	FILE *stream = fopen("table.out", "w+");
	struct table *t = sample();

	set_up();
	table_print(t, stream);
	size = (size_t)ftell(stream);
	text = calloc(size + 1, 1);
	rewind(stream);
	ck_assert_uint_eq(fread(text, 1, size, stream), size);
	fclose(stream);
	remove("table.out");
	table_free(t);
}

static void set_default(void)
{
	unsetenv("COLUMNS");
}

static void set_narrow(void)
{
	setenv("COLUMNS", "50", 1);
}

START_TEST(in_80_columns)
{
	print(set_default);
	ck_assert_str_eq(text,
			 "NAME             SIZE  WHY\n"
			 "stack         1.5 KiB  \n"
			 "other\\x1b[2J        -  words that go on and on until a line of so and so many\n"
			 "                       columns is full and must be broken\n");
	free(text);
}
END_TEST

START_TEST(in_50_columns)
{
	print(set_narrow);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		ck_assert_uint_le(strlen(line), 50);
	free(text);
}
END_TEST

/* A table of a name that is cut and of words that are broken, at a width. */
static void print_long(const char *width, const char *expected)
{
	static const struct table_column long_columns[] = {
		{"name", "NAME", TABLE_CUT},
		{"bytes", "SIZE", TABLE_RIGHT},
		{"set", "SETTINGS", TABLE_WRAP | TABLE_FOLD},
	};
	FILE *stream = open_memstream(&text, &size);
	struct table *t = table_new(long_columns, 3);

	setenv("COLUMNS", width, 1);
	table_row(t);
	table_text(t, 0, "a-name-of-22-columns-..");
	table_size(t, 1, 123456789);
	table_text(t, 2, "A=1 B=abcdefghijklmnopqrstuvwxyz");
	table_print(t, stream);
	fclose(stream);
	ck_assert_str_eq(text, expected);
	free(text);
	table_free(t);
}

START_TEST(cut_and_broken)
{
	print_long("80", "NAME                        SIZE  SETTINGS\n"
			 "a-name-of-22-columns-..  117 MiB  A=1 B=abcdefghijklmnopqrstuvwxyz\n");
	print_long("40", "NAME              SIZE  SETTINGS\n"
			 "a-name-of-...  117 MiB  A=1\n"
			 "                        B=abcdefghijklmn\n"
			 "                        opqrstuvwxyz\n");
	print_long("20", "NAME         SIZE  SETTINGS\n" /* no figure is cut */
			 "a-nam...  117 MiB  A=1\n"
			 "                   B=abcdefgh\n"
			 "                   ijklmnopqr\n"
			 "                   stuvwxyz\n");
}
END_TEST

START_TEST(as_json)
{
	FILE *stream = open_memstream(&text, &size);
	struct table *t = sample();
	struct json j;

	json_start(&j, stream);
	json_array(&j, NULL);
	table_json(t, &j, NULL);
	json_close(&j);
	json_end(&j);
	fclose(stream);
	ck_assert_ptr_ne(strstr(text, "\"bytes\": 1536,\n"), NULL);
	ck_assert_ptr_ne(strstr(text, "\"bytes\": null,\n"), NULL);
	ck_assert_ptr_ne(strstr(text, "\"name\": \"other\\u001b[2J\",\n"), NULL);
	ck_assert_ptr_ne(strstr(text, "\"calls\": 7,\n"), NULL);
	ck_assert_ptr_ne(strstr(text, "\"why\": null\n"), NULL);
	free(text);
	table_free(t);
}
END_TEST

Suite *table_suite(void)
{
	Suite *s = suite_create("table");
	TCase *t = tcase_create("table");

	tcase_add_test(t, in_80_columns);
	tcase_add_test(t, in_50_columns);
	tcase_add_test(t, cut_and_broken);
	tcase_add_test(t, as_json);
	suite_add_tcase(s, t);
	return s;
}
