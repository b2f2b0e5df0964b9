/* SPDX-License-Identifier: MIT */
/* Words for figures, and for what others wrote. */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "cli/words.h"
#include "common/text.h"

struct word word_size(uint64_t bytes)
{
	struct word word = {"unlimited"};
	struct text t;

	if (bytes == UINT64_MAX)
		return word;
	text_init(&t, word.text, sizeof(word.text));
	text_size(&t, bytes);
	return word;
}

struct word word_number(uint64_t value)
{
	struct word word = {"unlimited"};

	if (value != UINT64_MAX)
		snprintf(word.text, sizeof(word.text), "%llu", (unsigned long long)value);
	return word;
}

char *words_clean(const char *from, char *to, size_t size)
{
	size_t left = strlen(from), at = 0;
	mbstate_t state = {0};

	while (left && at + 1 < size) {
		wchar_t c;
		size_t length = mbrtowc(&c, from, left, &state);

		if (length == 0 || length > left || !iswprint((wint_t)c)) {
			if (length == 0 || length > left)
				length = 1;
			state = (mbstate_t){0};
			to[at++] = '?';
		} else if (at + length < size) {
			memcpy(to + at, from, length);
			at += length;
		} else {
			break;
		}
		from += length;
		left -= length;
	}
	to[at] = '\0';
	return to;
}

/* Unicode 15, table 3-7. */
size_t words_sequence(const unsigned char *at)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length = at[0] < 0x80				  ? 1
			: at[0] >= 0xc2 && at[0] <= 0xdf ? 2
			: at[0] >= 0xe0 && at[0] <= 0xef ? 3
			: at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
							 : 0;

	if (at[0] == 0xe0 || at[0] == 0xf0)
		low = at[0] == 0xe0 ? 0xa0 : 0x90;
	if (at[0] == 0xed || at[0] == 0xf4)
		high = at[0] == 0xed ? 0x9f : 0x8f;
	for (size_t i = 1; i < length; i++, low = 0x80, high = 0xbf)
		if (at[i] < low || at[i] > high)
			return 0;
	return length;
}

void words_quote(const char *text, void (*write_control)(FILE *to, unsigned char c), FILE *to)
{
	const unsigned char *at = (const unsigned char *)text;

	putc('"', to);
	while (*at) {
		size_t length = words_sequence(at);

		if (length == 0)
			fputs("\xef\xbf\xbd", to);
		else if (*at < 0x20 || *at == 0x7f)
			write_control(to, *at);
		else if (*at == '"' || *at == '\\')
			fprintf(to, "\\%c", *at);
		else
			fwrite(at, 1, length, to);
		at += length ? length : 1;
	}
	putc('"', to);
}

void words_shell(const char *word, FILE *to)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-+=@%:,./";

	if (*word && word[strspn(word, plain)] == '\0') {
		fputs(word, to);
		return;
	}
	putc('\'', to);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", to);
		else
			putc(*word, to);
	putc('\'', to);
}

/* The bytes of the next character, and its columns. */
static size_t next_character(const char *text, size_t left, size_t *columns)
{
	mbstate_t state = {0};
	wchar_t c;
	size_t length = mbrtowc(&c, text, left, &state);

	if (length == 0 || length > left) {
		*columns = 4;
		return 1;
	}
	*columns = wcwidth(c) < 0 ? 4 * length : (size_t)wcwidth(c);
	return length;
}

size_t words_columns(const char *text)
{
	size_t width = 0, left = strlen(text), columns, length;

	for (; left; text += length, left -= length) {
		length = next_character(text, left, &columns);
		width += columns;
	}
	return width;
}

/* The bytes of a text that fit into columns; what takes none goes with what is before it. */
static size_t fitting(const char *text, size_t left, size_t columns)
{
	size_t at = 0, width = 0, one;

	while (at < left) {
		const size_t length = next_character(text + at, left - at, &one);

		if (width + one > columns)
			break;
		width += one;
		at += length;
	}
	return at;
}

char *words_cut(const char *text, size_t columns)
{
	const size_t length = strlen(text);
	char *to = malloc(length + MB_LEN_MAX + 1), ellipsis[MB_LEN_MAX + 1];
	mbstate_t state = {0};
	size_t end = wcrtomb(ellipsis, L'\u2026', &state), width;

	if (to == NULL || words_columns(text) <= columns)
		return to ? strcpy(to, text) : NULL;
	if (end == (size_t)-1) /* not in this locale */
		end = (size_t)sprintf(ellipsis, "...");
	ellipsis[end] = '\0';
	width = words_columns(ellipsis);
	end = fitting(text, length, columns > width ? columns - width : 0);
	memcpy(to, text, end);
	strcpy(to + end, columns >= width ? ellipsis : "");
	return to;
}

char *words_fold(const char *text, size_t columns)
{
	char *wrapped = strdup(text), *to = malloc(2 * strlen(text) + 1);
	size_t used = 0, one;

	if (wrapped == NULL || to == NULL) {
		free(wrapped);
		free(to);
		return NULL;
	}
	words_wrap(wrapped, columns);
	for (const char *at = wrapped; *at;) {
		const size_t length = strcspn(at, "\n");
		size_t part = fitting(at, length, columns);

		if (part == 0 && length) /* a character is wider than the line */
			part = next_character(at, length, &one);
		memcpy(to + used, at, part);
		used += part;
		at += part;
		if (*at)
			to[used++] = '\n';
		at += *at == '\n';
	}
	to[used] = '\0';
	free(wrapped);
	return to;
}

void words_wrap(char *text, size_t width)
{
	char *line = text, *blank = NULL;

	for (char *at = text;; at++) {
		char kept = *at;

		if (kept != ' ' && kept != '\0' && kept != '\n')
			continue;
		*at = '\0';
		if (blank && words_columns(line) > width) {
			*blank = '\n';
			line = blank + 1;
		}
		*at = kept;
		if (kept == '\0')
			return;
		blank = at;
		if (kept == '\n') {
			line = at + 1;
			blank = NULL;
		}
	}
}
