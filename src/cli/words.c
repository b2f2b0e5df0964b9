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
