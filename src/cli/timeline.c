/* SPDX-License-Identifier: MIT */
/* Counts events in bins of one width, two of which become one when the time is longer than all. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/timeline.h"

#define FIRST_WIDTH 1000000ull /* 1 ms */

static void widen(struct timeline *t)
{
	for (size_t i = 0; i < TIMELINE_BINS / 2; i++)
		t->bins[i] = t->bins[2 * i] + t->bins[2 * i + 1];
	memset(t->bins + TIMELINE_BINS / 2, 0, sizeof(t->bins) / 2);
	t->used = (t->used + 1) / 2;
	t->width *= 2;
}

static size_t bin_of(struct timeline *t, uint64_t time)
{
	if (t->width == 0)
		t->width = FIRST_WIDTH;
	while (time / t->width >= TIMELINE_BINS)
		widen(t);
	return (size_t)(time / t->width);
}

void timeline_end(struct timeline *t, uint64_t time)
{
	size_t bin = bin_of(t, time);

	if (bin + 1 > t->used)
		t->used = bin + 1;
}

void timeline_add(struct timeline *t, uint64_t time)
{
	timeline_end(t, time);
	t->bins[bin_of(t, time)]++;
}

size_t timeline_columns(const struct timeline *t, uint64_t *columns, size_t most)
{
	size_t count = t->used < most ? t->used : most;

	memset(columns, 0, count * sizeof(*columns));
	for (size_t i = 0; i < t->used; i++)
		columns[i * count / t->used] += t->bins[i];
	return count;
}

void timeline_print(const struct timeline *t, size_t most, int plain, FILE *to)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char ascii[] = " .:-=+*#@";
	uint64_t columns[TIMELINE_BINS], highest = 0;
	size_t count = timeline_columns(t, columns, most < TIMELINE_BINS ? most : TIMELINE_BINS);

	for (size_t i = 0; i < count; i++)
		highest = columns[i] > highest ? columns[i] : highest;
	for (size_t i = 0; i < count; i++) {
		size_t height = columns[i] ? 1 + (size_t)((columns[i] * 8 - 1) / highest) : 0;

		height = height > 8 ? 8 : height;
		if (plain)
			fputc(ascii[height], to);
		else
			fputs(blocks[height], to);
	}
}

/* In a string of gnuplot's, between single quotes. */
static void print_quoted(FILE *to, const char *text)
{
	fputc('\'', to);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', to);
		fputc((unsigned char)*text < ' ' ? '?' : *text, to);
	}
	fputc('\'', to);
}

static void print_plot(const struct timeline *t, const char *title, const char *path, FILE *to)
{
	const double second = (double)t->width / 1e9;

	fputs("set terminal svg size 800,360\nset output ", to);
	print_quoted(to, path);
	fputs("\nset title ", to);
	print_quoted(to, title);
	fputs(" noenhanced\nset xlabel 'seconds'\nset ylabel 'faults a second'\n"
	      "set yrange [0:*]\nset style fill solid 0.6\nset key off\n"
	      "plot '-' using 1:2 with boxes\n",
	      to);
	for (size_t i = 0; i < t->used; i++)
		fprintf(to, "%.6f %.3f\n", ((double)i + 0.5) * second, (double)t->bins[i] / second);
	fputs("e\n", to);
}

int timeline_plot(const struct timeline *t, const char *title, const char *path)
{
	FILE *to;

	if (system("command -v gnuplot >/dev/null 2>&1") != 0)
		return -ENOENT;
	to = popen("gnuplot", "we");
	if (to == NULL)
		return -EIO;
	print_plot(t, title, path, to);
	return pclose(to) == 0 ? 0 : -EIO;
}
