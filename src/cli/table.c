/* SPDX-License-Identifier: MIT */
/* Keeps the cells, hands them to libsmartcols to be aligned, or to json.c. */
#include "config.h"

#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "cli/words.h"
#include "common/text.h"

#define LEAST_WRAP 16 /* a column of words is never narrower */
#define LEAST_FOLD 10 /* one whose words are broken */
#define GOOD_WRAP 16  /* what another column is cut for */
#define LEAST_CUT 8
#define MOST_WIDTH 120 /* longer lines are no easier to read */
#define GAP 2

struct cell {
	enum { CELL_EMPTY, CELL_TEXT, CELL_NUMBER } kind;
	char *text;
	uint64_t number;
	enum table_colour colour;
};

struct table {
	const struct table_column *columns;
	size_t count, rows, room;
	struct cell *cells;
};

static const char *const colours[] = {
	[TABLE_GREEN] = "\033[32m",   [TABLE_YELLOW] = "\033[33m", [TABLE_RED] = "\033[1;31m",
	[TABLE_DIM] = "\033[2m",      [TABLE_BOLD] = "\033[1m",
};

struct table *table_new(const struct table_column *columns, size_t count)
{
	struct table *t = cli_alloc(NULL, sizeof(*t));

	*t = (struct table){.columns = columns, .count = count};
	return t;
}

void table_free(struct table *t)
{
	for (size_t i = 0; t && i < t->rows * t->count; i++)
		free(t->cells[i].text);
	if (t)
		free(t->cells);
	free(t);
}

void table_row(struct table *t)
{
	if (t->rows == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->cells = cli_alloc(t->cells, t->room * t->count * sizeof(*t->cells));
	}
	memset(t->cells + t->rows++ * t->count, 0, t->count * sizeof(*t->cells));
}

size_t table_rows(const struct table *t)
{
	return t->rows;
}

static struct cell *cell_of(const struct table *t, size_t row, size_t column)
{
	return &t->cells[row * t->count + column];
}

static struct cell *cell_set(struct table *t, size_t column, const char *text)
{
	struct cell *cell = cell_of(t, t->rows - 1, column);

	free(cell->text);
	cell->text = text ? strcpy(cli_alloc(NULL, strlen(text) + 1), text) : NULL;
	cell->kind = text ? CELL_TEXT : CELL_EMPTY;
	return cell;
}

void table_text(struct table *t, size_t column, const char *text)
{
	cell_set(t, column, text);
}

void table_format(struct table *t, size_t column, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cell_set(t, column, text);
}

static void set_number(struct table *t, size_t column, const char *text, uint64_t value)
{
	struct cell *cell = cell_set(t, column, value == UINT64_MAX ? "-" : text);

	cell->kind = CELL_NUMBER;
	cell->number = value;
}

void table_number(struct table *t, size_t column, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	set_number(t, column, text, value);
}

void table_size(struct table *t, size_t column, uint64_t bytes)
{
	char word[24];
	struct text text;

	text_init(&text, word, sizeof(word));
	text_size(&text, bytes);
	set_number(t, column, word, bytes);
}

void table_colour(struct table *t, size_t column, enum table_colour colour)
{
	cell_of(t, t->rows - 1, column)->colour = colour;
}

/* The terminal that a stream goes to, or -1; what is gathered in memory goes to stdout. */
static int terminal_of(FILE *to)
{
	int fd = fileno(to);

	if (fd < 0)
		fd = STDOUT_FILENO;
	return isatty(fd) ? fd : -1;
}

size_t table_width(FILE *to)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	long width = 0;

	if (ioctl(terminal_of(to), TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width <= 0 && columns)
		width = strtol(columns, NULL, 10);
	if (width <= 0)
		width = 80;
	return width > MOST_WIDTH ? MOST_WIDTH : (size_t)width;
}

static bool wants_colour(FILE *to)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return terminal_of(to) >= 0 && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

static size_t widest(const struct table *t, size_t column)
{
	size_t most = words_columns(t->columns[column].title);

	for (size_t row = 0; row < t->rows; row++) {
		const char *text = cell_of(t, row, column)->text;
		const size_t width = text ? words_columns(text) : 0;

		most = width > most ? width : most;
	}
	return most;
}

/* Of the columns that give way to figures. */
struct widths {
	size_t cut, wrap;
};

static size_t between(size_t width, size_t least, size_t most)
{
	return width > most ? most : width < least ? least : width;
}

static struct widths find_widths(const struct table *t, FILE *to)
{
	size_t left = table_width(to), least = 0, wrap = 0;
	size_t cut = 0;

	for (size_t i = 0; i < t->count; i++) {
		const unsigned flags = t->columns[i].flags;
		const size_t width = flags & TABLE_JSON ? 0 : widest(t, i) + (i + 1 < t->count ? GAP : 0);

		if (flags & TABLE_CUT)
			cut = width - GAP;
		if (flags & TABLE_WRAP) {
			least = flags & TABLE_FOLD ? LEAST_FOLD : LEAST_WRAP;
			wrap = width;
		} else {
			const size_t used = flags & TABLE_CUT ? GAP : width;

			left = left > used ? left - used : 0;
		}
	}
	wrap = between(wrap, 0, GOOD_WRAP);
	cut = between(left > wrap ? left - wrap : 0, cut < LEAST_CUT ? cut : LEAST_CUT, cut);
	left = left > cut ? left - cut : 0;
	return (struct widths){cut, left > least ? left : least};
}

static void add_columns(const struct table *t, struct libscols_table *out)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct table_column *column = &t->columns[i];
		struct libscols_column *made;

		if (column->flags & TABLE_JSON)
			continue;
		made = scols_table_new_column(out, column->title, 0,
					      (column->flags & TABLE_RIGHT ? SCOLS_FL_RIGHT : 0) |
						      (column->flags & TABLE_WRAP ? SCOLS_FL_WRAP : 0));
		if (made == NULL)
			cli_no_memory();
		scols_cell_set_color(scols_column_get_header(made), colours[TABLE_DIM]);
		if (column->flags & TABLE_WRAP) {
			scols_column_set_wrapfunc(made, scols_wrapnl_chunksize,
						  scols_wrapnl_nextchunk, NULL);
			scols_column_set_safechars(made, "\n");
		}
	}
}

/* A cell's text as it is printed, to be freed. */
static char *fit_text(const struct table *t, size_t column, const char *text, struct widths widths)
{
	const unsigned flags = t->columns[column].flags;
	char *made = flags & TABLE_FOLD	 ? words_fold(text, widths.wrap)
		     : flags & TABLE_CUT ? words_cut(text, widths.cut)
					 : strdup(text);

	if (made == NULL)
		cli_no_memory();
	if (flags & TABLE_WRAP)
		words_wrap(made, widths.wrap);
	return made;
}

static void add_row(const struct table *t, struct libscols_table *out, size_t row, struct widths widths)
{
	struct libscols_line *line = scols_table_new_line(out, NULL);
	size_t place = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct cell *cell = cell_of(t, row, i);
		char *text = NULL;

		if (t->columns[i].flags & TABLE_JSON)
			continue;
		if (cell->text)
			text = fit_text(t, i, cell->text, widths);
		if (line == NULL || scols_line_set_data(line, place, text) != 0)
			cli_no_memory();
		free(text);
		if (cell->colour)
			scols_cell_set_color(scols_line_get_cell(line, place), colours[cell->colour]);
		place++;
	}
}

void table_print(const struct table *t, FILE *to)
{
	struct libscols_table *out = scols_new_table();
	const struct widths widths = find_widths(t, to);

	if (out == NULL)
		cli_no_memory();
	scols_table_set_stream(out, to);
	scols_table_set_column_separator(out, "  ");
	scols_table_enable_colors(out, wants_colour(to));
	/* Nothing is cut where the line is too short: what is cut can't be read at all. */
	scols_table_set_termforce(out, SCOLS_TERMFORCE_NEVER);
	add_columns(t, out);
	for (size_t row = 0; row < t->rows; row++)
		add_row(t, out, row, widths);
	scols_print_table(out);
	scols_unref_table(out);
}

void table_json(const struct table *t, struct json *j, const char *name)
{
	json_array(j, name);
	for (size_t row = 0; row < t->rows; row++) {
		json_object(j, NULL);
		for (size_t i = 0; i < t->count; i++) {
			const struct cell *cell = cell_of(t, row, i);

			if (cell->kind == CELL_NUMBER)
				json_number(j, t->columns[i].key, cell->number);
			else if (t->columns[i].key)
				json_string(j, t->columns[i].key, cell->text);
		}
		json_close(j);
	}
	json_close(j);
}
