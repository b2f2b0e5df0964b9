/* SPDX-License-Identifier: MIT */
/* Unit tests of words: sizes, what others wrote, and broken lines. */
#include "config.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/words.h"
#include "cli_suites.h"

START_TEST(figures)
{
	ck_assert_str_eq(word_size(1536).text, "1.5 KiB");
	ck_assert_str_eq(word_size(UINT64_MAX).text, "unlimited");
	ck_assert_str_eq(word_number(UINT64_MAX - 1).text, "18446744073709551614");
	ck_assert_str_eq(word_number(UINT64_MAX).text, "unlimited");
}
END_TEST

START_TEST(numbers)
{
	static const char *const wrong[] = {"", "-1", "+1", " 1", "1 ", "0x1", "11", "99999999999999999999"};
	long number;

	ck_assert(cli_number("10", 1, 10, &number));
	ck_assert_int_eq(number, 10);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_msg(!cli_number(wrong[i], 1, 10, &number), "%s", wrong[i]);
}
END_TEST

static void check_clean(const char *from, size_t size, const char *expected)
{
	char to[64];

	ck_assert_str_eq(words_clean(from, to, size), expected);
}

START_TEST(clean)
{
	check_clean("a b", 64, "a b");
	check_clean("\033[2J\r\n\t\177", 64, "?[2J????");
	check_clean("abcdef", 4, "abc");
	check_clean("abc", 1, "");
	check_clean("\xff\xc3", 64, "??");
}
END_TEST

START_TEST(clean_utf8)
{
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return;
	check_clean("K\xc3\xb6nig", 64, "K\xc3\xb6nig");
	check_clean("K\xc3\xb6nig", 3, "K"); /* no half a character */
	check_clean("\xc2\x9b" "2J", 64, "?2J"); /* one byte of Latin-1 steers terminals too */
	check_clean("\xc3", 64, "?");
	ck_assert_uint_eq(words_columns("K\xc3\xb6nig"), 5);
	ck_assert_uint_eq(words_columns("\xe6\xbc\xa2"), 2);
	ck_assert_uint_eq(words_columns("\xff"), 4);
	setlocale(LC_CTYPE, "C");
}
END_TEST

static void check_wrapped(const char *text, size_t columns, const char *expected)
{
	char copy[128];

	strcpy(copy, text);
	words_wrap(copy, columns);
	ck_assert_str_eq(copy, expected);
}

START_TEST(wrapped)
{
	check_wrapped("", 5, "");
	check_wrapped("a b c", 5, "a b c");
	check_wrapped("a b c d", 5, "a b c\nd");
	check_wrapped("abcdefgh", 5, "abcdefgh");
	check_wrapped("a bcdefgh i", 5, "a\nbcdefgh\ni");
	check_wrapped("ab\ncd ef gh", 5, "ab\ncd ef\ngh");
}
END_TEST

/* What a shell makes of words as they are written for it: random ones, of what it reads otherwise. */
START_TEST(shell_words)
{
	static const char odd[] = "a'\"$`\\ \n\t*?[]{}~#!&|;<>()=%-\001\xc3\xb6";
	char word[3][32], command[512] = "", expected[128] = "", got[128] = "";
	FILE *to = fmemopen(command, sizeof(command), "w"), *from;

	srand((unsigned)_i);
	fputs("printf '%s.'", to);
	for (int i = 0; i < 3; i++) {
		size_t length = (size_t)rand() % (sizeof(word[i]) - 1);

		for (size_t at = 0; at < length; at++)
			word[i][at] = odd[(size_t)rand() % (sizeof(odd) - 1)];
		word[i][length] = '\0';
		putc(' ', to);
		words_shell(word[i], to);
		strcat(strcat(expected, word[i]), ".");
	}
	fclose(to);
	from = popen(command, "r");
	ck_assert_ptr_nonnull(from);
	got[fread(got, 1, sizeof(got) - 1, from)] = '\0';
	ck_assert_int_eq(pclose(from), 0);
	ck_assert_str_eq(got, expected);
}
END_TEST

static void check_shell(const char *word, const char *expected)
{
	char text[64] = "";
	FILE *to = fmemopen(text, sizeof(text), "w");

	words_shell(word, to);
	fclose(to);
	ck_assert_str_eq(text, expected);
}

START_TEST(shell_plain)
{
	check_shell("/usr/bin/redis-server", "/usr/bin/redis-server");
	check_shell("--port=7000", "--port=7000");
	check_shell("", "''");
	check_shell("it's", "'it'\\''s'");
	check_shell("~", "'~'");
}
END_TEST

static void check_copy(char *copy, const char *expected)
{
	ck_assert_str_eq(copy, expected);
	free(copy);
}

START_TEST(cut)
{
	check_copy(words_cut("abcdef", 6), "abcdef");
	check_copy(words_cut("abcdef", 5), "ab...");
	check_copy(words_cut("abcdef", 3), "...");
	check_copy(words_cut("abcdef", 2), "");
	check_copy(words_cut("", 0), "");
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return;
	check_copy(words_cut("abcdef", 5), "abcd\xe2\x80\xa6");
	check_copy(words_cut("\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 5),
		   "\xe6\xbc\xa2\xe6\xbc\xa2\xe2\x80\xa6");
	check_copy(words_cut("\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 4), "\xe6\xbc\xa2\xe2\x80\xa6");
	check_copy(words_cut("e\xcc\x81" "bcd", 3), "e\xcc\x81" "b\xe2\x80\xa6"); /* an accent has no column */
	check_copy(words_cut("\xff\xff", 4), "\xe2\x80\xa6");
	setlocale(LC_CTYPE, "C");
}
END_TEST

START_TEST(folded)
{
	check_copy(words_fold("", 5), "");
	check_copy(words_fold("a b c d", 5), "a b c\nd");
	check_copy(words_fold("abcdefghijk", 5), "abcde\nfghij\nk");
	check_copy(words_fold("a bcdefgh i", 5), "a\nbcdef\ngh\ni");
	check_copy(words_fold("abcde", 5), "abcde");
	check_copy(words_fold("ab\n\ncd", 5), "ab\n\ncd");
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return;
	check_copy(words_fold("\xe6\xbc\xa2\xe6\xbc\xa2", 3), "\xe6\xbc\xa2\n\xe6\xbc\xa2");
	check_copy(words_fold("\xe6\xbc\xa2x", 1), "\xe6\xbc\xa2\nx");
	setlocale(LC_CTYPE, "C");
}
END_TEST

Suite *words_suite(void)
{
	Suite *s = suite_create("words");
	TCase *t = tcase_create("words");

	tcase_add_test(t, figures);
	tcase_add_test(t, numbers);
	tcase_add_test(t, clean);
	tcase_add_test(t, clean_utf8);
	tcase_add_test(t, wrapped);
	tcase_add_loop_test(t, shell_words, 0, 200);
	tcase_add_test(t, shell_plain);
	tcase_add_test(t, cut);
	tcase_add_test(t, folded);
	suite_add_tcase(s, t);
	return s;
}
