/* SPDX-License-Identifier: MIT */
/* Builds text in a buffer of the caller's, and reads numbers, without stdio and without malloc.
 *
 * A text that does not fit is cut; its cut says so. Every function leaves the text
 * NUL-terminated. Async-signal-safe. */
#ifndef RAMLOCK_TEXT_H
#define RAMLOCK_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *start, *at, *end; /* end points at the last byte, kept for the NUL */
	bool cut;
};

void text_init(struct text *t, char *buffer, size_t size);

/* The part of printf that is needed here: %s %c %d %u %x %lu %zu %ju %% (a width such as %8zu is
 * allowed and pads with blanks on the left). */
__attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *format, ...);
__attribute__((format(printf, 2, 0))) void text_add_list(struct text *t, const char *format,
							 va_list args);

/* Bytes for people, binary units, at most four digits: "0 KiB", "1023 KiB", "1.5 GiB". */
void text_size(struct text *t, uint64_t bytes);

/* The string as a JSON string, with its quotes; bytes that are not ASCII are kept. */
void text_json(struct text *t, const char *string);

/* Makes one printable line of a string that came from elsewhere: '?' for control characters, which
 * could end the line or steer a terminal. */
void text_tame(char *string);

/* What somebody wrote, in a message: tamed, and of a long one the beginning, which ends between two
 * characters, and "...". */
#define TEXT_SHOWN 64
void text_shown(struct text *t, const char *string);

/* The number of a base up to 16 that a text begins with, of digits alone. Returns what is behind it,
 * or NULL where there is no digit or the number has more than 64 bits. */
const char *text_number(const char *text, unsigned base, uint64_t *number);

static inline size_t text_length(const struct text *t)
{
	return (size_t)(t->at - t->start);
}

#endif
