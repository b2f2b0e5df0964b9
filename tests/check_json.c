/* SPDX-License-Identifier: MIT */
/* Unit tests of the JSON writer. */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "cli/json.h"
#include "cli_suites.h"

static struct json j;
static char *text;
static size_t size;
static FILE *stream;

static void begin(void)
{
	stream = open_memstream(&text, &size);
	json_start(&j, stream);
}

static void check_text(const char *expected)
{
	ck_assert_int_eq(json_end(&j), 0);
	fclose(stream);
	ck_assert_str_eq(text, expected);
	free(text);
}

static const struct {
	const char *bytes, *expected;
} strings[] = {
	{"", "\"\"\n"},
	{"a\"b\\c", "\"a\\\"b\\\\c\"\n"},
	{"\n\t\033[2J\177", "\"\\u000a\\u0009\\u001b[2J\\u007f\"\n"},
	{"K\xc3\xb6nig \xe2\x82\xac \xf0\x9f\x94\x92", "\"K\xc3\xb6nig \xe2\x82\xac \xf0\x9f\x94\x92\"\n"},
	{"\xff", "\"\xef\xbf\xbd\"\n"},
	{"a\xc3", "\"a\xef\xbf\xbd\"\n"},			  /* cut */
	{"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"\n"},		  /* overlong */
	{"\xe0\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n"},
	{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n"}, /* a surrogate */
	{"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n"},
	{NULL, "null\n"},
};

START_TEST(string_words)
{
	begin();
	json_string(&j, NULL, strings[_i].bytes);
	check_text(strings[_i].expected);
}
END_TEST

START_TEST(nested)
{
	begin();
	json_object(&j, NULL);
	json_number(&j, "most", UINT64_MAX - 1);
	json_number(&j, "none", UINT64_MAX);
	json_array(&j, "list");
	json_real(&j, NULL, 0.5);
	json_real(&j, NULL, NAN);
	json_object(&j, NULL);
	json_close(&j);
	json_close(&j);
	json_bool(&j, "yes", true);
	json_close(&j);
	check_text("{\n"
		   "  \"most\": 18446744073709551614,\n"
		   "  \"none\": null,\n"
		   "  \"list\": [\n"
		   "    0.5,\n"
		   "    null,\n"
		   "    {}\n"
		   "  ],\n"
		   "  \"yes\": true\n"
		   "}\n");
}
END_TEST

START_TEST(full_device)
{
	stream = fopen("/dev/full", "w");
	json_start(&j, stream);
	json_null(&j, NULL);
	ck_assert_int_lt(json_end(&j), 0);
	fclose(stream);
}
END_TEST

Suite *json_suite(void)
{
	Suite *s = suite_create("json");
	TCase *t = tcase_create("json");

	tcase_add_loop_test(t, string_words, 0, sizeof(strings) / sizeof(*strings));
	tcase_add_test(t, nested);
	tcase_add_test(t, full_device);
	suite_add_tcase(s, t);
	return s;
}
