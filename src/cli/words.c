/* SPDX-License-Identifier: MIT */
/* Words for figures, and for what others wrote. */
#include "config.h"

#include <stdio.h>
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

size_t words_columns(const char *text)
{
	size_t width = 0, left = strlen(text);
	mbstate_t state = {0};

	while (left) {
		wchar_t c;
		size_t length = mbrtowc(&c, text, left, &state);

		if (length == 0 || length > left) {
			width += 4;
			length = 1;
			state = (mbstate_t){0};
		} else {
			width += wcwidth(c) < 0 ? 4 * length : (size_t)wcwidth(c);
		}
		text += length;
		left -= length;
	}
	return width;
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
