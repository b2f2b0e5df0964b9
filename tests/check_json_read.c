/* SPDX-License-Identifier: MIT */
/* Unit tests of reading JSON that anybody wrote. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_read.h"
#include "cli_suites.h"

static char taken[1024];

static bool take(void *context, const char *name, const char *value)
{
	const size_t used = strlen(taken);

	(void)context;
	snprintf(taken + used, sizeof(taken) - used, "%s=%s;", name, value ? value : "(null)");
	return strcmp(name, "stop") != 0;
}

static const struct {
	const char *text, *taken;
	bool right, found;
	unsigned line;
} texts[] = {
	{"{}", "", true, false, 1},
	{"[]", "", true, false, 1},
	{"{\"s\": {}}", "", true, true, 1},
	{" {\"s\" : {\"A\":\"1\", \"B\":\"2\"} }\n", "A=1;B=2;", true, true, 2},
	{"{\"s\": {\"A\": 1, \"B\": null, \"C\": {\"D\": \"x\"}, \"E\": [\"y\"]}}",
	 "A=(null);B=(null);C=(null);E=(null);", true, true, 1},
	{"{\"x\": {\"s\": {\"A\": \"1\"}}}", "", true, false, 1},
	{"{\"s\": [\"A\"]}", "", true, false, 1},
	{"{\"s\": {\"A\": \"\\u0041\\n\\\"\\u00e9\\u20AC\"}}", "A=A\n\"\xc3\xa9\xe2\x82\xac;", true, true, 1},
	{"{\"s\": {\"A\": \"\\u0000\"}}", "A=(null);", true, true, 1},
	{"{\"s\": {\"A\": \"\\ud83d\\ude00\"}}", "A=(null);", true, true, 1},
	{"{\"s\": {\"stop\": \"\"}}", "stop=;", false, true, 1},
	{"[0, -1, 1.5, 2e3, 2E-3, true, false, null, \"\"]", "", true, false, 1},
	{"", "", false, false, 1},
	{"{", "", false, false, 1},
	{"{\"s\"", "", false, false, 1},
	{"{\"s\": {\"A\": \"", "", false, true, 1},
	{"{\"a\": 01}", "", false, false, 1},
	{"[1.]", "", false, false, 1},
	{"[-]", "", false, false, 1},
	{"[1e]", "", false, false, 1},
	{"[+1]", "", false, false, 1},
	{"[1,]", "", false, false, 1},
	{"[1 2]", "", false, false, 1},
	{"{1: 2}", "", false, false, 1},
	{"{\"a\": nul}", "", false, false, 1},
	{"[\"\\x\"]", "", false, false, 1},
	{"[\"\\u12\"]", "", false, false, 1},
	{"[\"\\", "", false, false, 1},
	{"[\"\xff\"]", "", false, false, 1},
	{"[\"a\nb\"]", "", false, false, 1},
	{"\n\n{}x", "", false, false, 3},
};

START_TEST(text)
{
	struct json_strings strings = {.object = "s", .take = take};
	const size_t length = strlen(texts[_i].text);
	char *copy = malloc(length + 1); /* the sanitizers see what reads behind it */

	memcpy(copy, texts[_i].text, length + 1);
	*taken = '\0';
	ck_assert_msg(json_read(copy, length, &strings) == texts[_i].right, "%s", texts[_i].text);
	ck_assert_str_eq(taken, texts[_i].taken);
	ck_assert_int_eq(strings.found, texts[_i].found);
	ck_assert_uint_eq(strings.line, texts[_i].line);
	free(copy);
}
END_TEST

static bool read_nested(size_t depth)
{
	struct json_strings strings = {.object = "s", .take = take};
	char *nested = calloc(2 * depth + 1, 1);
	bool right;

	memset(nested, '[', depth);
	memset(nested + depth, ']', depth);
	right = json_read(nested, 2 * depth, &strings);
	free(nested);
	return right;
}

START_TEST(depth)
{
	ck_assert(read_nested(64));
	ck_assert(!read_nested(65));
	ck_assert(!read_nested(1000000));
}
END_TEST

START_TEST(nul_inside)
{
	struct json_strings strings = {.object = "s", .take = take};

	ck_assert(!json_read("{}\0{}", 5, &strings));
	ck_assert(!json_read("{\"a\0\":1}", 8, &strings));
}
END_TEST

START_TEST(long_value)
{
	struct json_strings strings = {.object = "s", .take = take};
	char whole[600];

	snprintf(whole, sizeof(whole), "{\"s\": {\"A\": \"%0300d\"}}", 0);
	*taken = '\0';
	ck_assert(json_read(whole, strlen(whole), &strings));
	ck_assert_str_eq(taken, "A=(null);");
}
END_TEST

Suite *json_read_suite(void)
{
	Suite *s = suite_create("json_read");
	TCase *t = tcase_create("json_read");

	tcase_add_loop_test(t, text, 0, sizeof(texts) / sizeof(*texts));
	tcase_add_test(t, depth);
	tcase_add_test(t, nul_inside);
	tcase_add_test(t, long_value);
	suite_add_tcase(s, t);
	return s;
}
