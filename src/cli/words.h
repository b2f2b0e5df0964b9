/* SPDX-License-Identifier: MIT */
/* Figures as words, by value, to be used as arguments of printf. */
#ifndef RAMLOCK_WORDS_H
#define RAMLOCK_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct word {
	char text[24];
};

struct word word_size(uint64_t bytes);	 /* "1.5 MiB"; UINT64_MAX is "unlimited" */
struct word word_number(uint64_t value); /* "12"; UINT64_MAX is "unlimited" */

/* Copies a text that another program wrote, as far as it fits: control characters and bytes that are
 * no characters in this locale become '?', so that a terminal can't be steered by it. Returns to. */
char *words_clean(const char *from, char *to, size_t size);

/* The bytes of the UTF-8 sequence at a place, 0 if there is none: overlong forms, surrogates and what
 * is above U+10FFFF are none. */
size_t words_sequence(const unsigned char *at);

/* Writes a text in quotes: with a backslash before quotes and backslashes, and U+FFFD for what is no
 * UTF-8. Control characters are written by the caller. */
void words_quote(const char *text, void (*write_control)(FILE *to, unsigned char c), FILE *to);

/* Writes a word so that a shell reads it back as the same one, whatever is in it. */
void words_shell(const char *word, FILE *to);

/* The columns of a text on a terminal; bytes that are no characters here count as "\xff", as tables
 * print them. */
size_t words_columns(const char *text);

/* A copy, to be freed, that is cut where it has more columns, with an ellipsis at its end. NULL where there
 * is no memory. */
char *words_cut(const char *text, size_t columns);

/* The same, but broken into lines: at blanks, and within longer words. */
char *words_fold(const char *text, size_t columns);

/* Turns blanks into newlines, so that no line has more columns but for a longer word. */
void words_wrap(char *text, size_t columns);

#endif
