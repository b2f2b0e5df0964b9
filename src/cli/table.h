/* SPDX-License-Identifier: MIT */
/* A table for people, and the same as JSON for programs.
 *
 * Filled row by row; a cell that was not set is empty, and null in JSON. Texts are copied; control
 * characters in them are printed as \x1b is written here. No memory ends the command. */
#ifndef RAMLOCK_TABLE_H
#define RAMLOCK_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/json.h"

enum table_flags {
	TABLE_LEFT = 0,
	TABLE_RIGHT = 1, /* figures */
	TABLE_WRAP = 2,	 /* words are wrapped into what the others leave of the line; one a table */
	TABLE_JSON = 4,	 /* not printed: JSON alone has it */
	TABLE_CUT = 8,	 /* a text that is cut where the line would be too long; one a table */
	TABLE_FOLD = 16, /* with TABLE_WRAP: words that are too long are broken */
};

struct table_column {
	const char *key; /* in JSON; NULL: printed only */
	const char *title;
	unsigned flags;
};

enum table_colour { TABLE_PLAIN, TABLE_GREEN, TABLE_YELLOW, TABLE_RED, TABLE_DIM, TABLE_BOLD };

struct table;

/* The columns must live as long as the table. */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table *t);

void table_row(struct table *t); /* begins a row; what follows is about the last one */
void table_text(struct table *t, size_t column, const char *text);
__attribute__((format(printf, 3, 4))) void table_format(struct table *t, size_t column,
							 const char *format, ...);
void table_number(struct table *t, size_t column, uint64_t value);
void table_size(struct table *t, size_t column, uint64_t bytes); /* "1.5 MiB"; bytes in JSON */
void table_colour(struct table *t, size_t column, enum table_colour colour);

size_t table_rows(const struct table *t);

/* Colour only where the stream is a terminal and NO_COLOR (no-color.org) is not set. A stream in memory
 * counts as what stdout is. */
void table_print(const struct table *t, FILE *to);

/* An array of objects. */
void table_json(const struct table *t, struct json *j, const char *name);

/* The width of a stream's lines: of the terminal, else COLUMNS, else 80. */
size_t table_width(FILE *to);

#endif
