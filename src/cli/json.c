/* SPDX-License-Identifier: MIT */
/* Writes JSON, indented, one member a line. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/words.h"

void json_start(struct json *j, FILE *to)
{
	*j = (struct json){.to = to};
}

static void write_control(FILE *to, unsigned char c)
{
	fprintf(to, "\\u%04x", c);
}

static void write_string(FILE *to, const char *string)
{
	words_quote(string, write_control, to);
}

static void new_line(const struct json *j)
{
	putc('\n', j->to);
	for (unsigned i = 0; i < j->depth; i++)
		fputs("  ", j->to);
}

/* What stands before a value. */
static void begin(struct json *j, const char *name)
{
	if (j->some[j->depth])
		putc(',', j->to);
	j->some[j->depth] = true;
	if (j->depth)
		new_line(j);
	if (name) {
		write_string(j->to, name);
		fputs(": ", j->to);
	}
}

static void open_with(struct json *j, const char *name, char opening, char closing)
{
	begin(j, name);
	if (j->depth + 1 == JSON_DEPTH)
		abort(); /* a mistake of the caller's: no output is that deep */
	putc(opening, j->to);
	j->closing[++j->depth] = closing;
	j->some[j->depth] = false;
}

void json_object(struct json *j, const char *name)
{
	open_with(j, name, '{', '}');
}

void json_array(struct json *j, const char *name)
{
	open_with(j, name, '[', ']');
}

void json_close(struct json *j)
{
	const unsigned depth = j->depth--;

	if (j->some[depth])
		new_line(j);
	putc(j->closing[depth], j->to);
}

void json_string(struct json *j, const char *name, const char *value)
{
	begin(j, name);
	if (value)
		write_string(j->to, value);
	else
		fputs("null", j->to);
}

void json_number(struct json *j, const char *name, uint64_t value)
{
	if (value == UINT64_MAX) {
		json_null(j, name);
		return;
	}
	begin(j, name);
	fprintf(j->to, "%llu", (unsigned long long)value);
}

void json_real(struct json *j, const char *name, double value)
{
	if (!isfinite(value)) {
		json_null(j, name);
		return;
	}
	begin(j, name);
	fprintf(j->to, "%.9g", value);
}

void json_bool(struct json *j, const char *name, bool value)
{
	begin(j, name);
	fputs(value ? "true" : "false", j->to);
}

void json_null(struct json *j, const char *name)
{
	begin(j, name);
	fputs("null", j->to);
}

int json_end(struct json *j)
{
	putc('\n', j->to);
	return output_flush(j->to);
}
