/* SPDX-License-Identifier: MIT */
/* What libc tells of its malloc: large blocks count as its own mapped ones do bare, as programs bound
 * caches by these figures. And mallopt, by which a program may give the heap's reserve away. */
#include "config.h"

#ifdef HAVE_MALLOPT

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preload/large.h"
#include "preload/preload.h"
#include "preload/real.h"
#include "preload/reserve.h"

/* Blocks, and bytes in them, that the program has of the arena. */
static struct arena_counters count_large(void)
{
	struct arena_counters now = {0};

	if (large_threshold != SIZE_MAX)
		arena_count(&large_arena, &now);
	return now;
}

/* As wide as an int, so that sums wrap as libc's do. */
EXPORT struct mallinfo mallinfo(void)
{
	static struct mallinfo (*next)(void);
	const struct arena_counters large = count_large();
	struct mallinfo info = {0};

	if (next == NULL)
		next = REAL_FUNCTION(struct mallinfo (*function)(void), "mallinfo");
	if (next)
		info = next();
	info.hblks = (int)((unsigned)info.hblks + (unsigned)large.blocks);
	info.hblkhd = (int)((unsigned)info.hblkhd + (unsigned)large.used);
	return info;
}

#ifdef HAVE_MALLINFO2
EXPORT struct mallinfo2 mallinfo2(void)
{
	static struct mallinfo2 (*next)(void);
	const struct arena_counters large = count_large();
	struct mallinfo2 info = {0};

	if (next == NULL)
		next = REAL_FUNCTION(struct mallinfo2 (*function)(void), "mallinfo2");
	if (next)
		info = next();
	info.hblks += (size_t)large.blocks;
	info.hblkhd += (size_t)large.used;
	return info;
}
#endif

EXPORT void malloc_stats(void)
{
	static void (*next)(void);
	const struct arena_counters large = count_large();

	if (next == NULL)
		next = REAL_FUNCTION(void (*function)(void), "malloc_stats");
	if (next)
		next();
	if (large_threshold == SIZE_MAX)
		return;
	fprintf(stderr, "Large blocks (libramlock):\nsystem bytes     = %10llu\nin use bytes     = %10llu\n",
		(unsigned long long)large.resident, (unsigned long long)large.used);
}

/* The number behind a name, and where it ends; NULL if it is not there. */
static const char *number_after(const char *text, const char *name, unsigned long long *number)
{
	const char *at = text ? strstr(text, name) : NULL;
	char *end = NULL;

	if (at)
		*number = strtoull(at + strlen(name), &end, 10);
	return end;
}

/* Writes libc's text with our figures in its line of mapped blocks, or as it is if there is none: the
 * last such line is the sum of all. */
static void write_info(FILE *to, const char *text, const struct arena_counters *large)
{
	static const char line[] = "<total type=\"mmap\" count=\"";
	unsigned long long count = 0, size = 0;
	const char *at = NULL, *count_end, *size_end;

	for (const char *next = strstr(text, line); next; next = strstr(next + 1, line))
		at = next;
	count_end = number_after(at, line, &count);
	size_end = number_after(count_end, "\" size=\"", &size);
	if (size_end == NULL) {
		fputs(text, to);
		return;
	}
	fprintf(to, "%.*s%s%llu\" size=\"%llu%s", (int)(at - text), text, line, count + large->blocks,
		size + large->used, size_end);
}

EXPORT int malloc_info(int options, FILE *to)
{
	static int (*next)(int, FILE *);
	const struct arena_counters large = count_large();
	char *text = NULL;
	size_t size = 0;
	FILE *copy;
	int result;

	if (next == NULL)
		next = REAL_FUNCTION(int (*function)(int, FILE *), "malloc_info");
	copy = large.blocks ? open_memstream(&text, &size) : NULL;
	if (copy == NULL)
		return next(options, to);
	result = next(options, copy);
	if (fclose(copy) != 0) {
		free(text);
		return next(options, to);
	}
	write_info(to, text, &large);
	free(text);
	return result;
}

/* The program's own wish counts. */
EXPORT int mallopt(int what, int value)
{
	static int (*next)(int, int);

	if (next == NULL)
		next = REAL_FUNCTION(int (*function)(int, int), "mallopt");
	if (what == M_TRIM_THRESHOLD && value >= 0 && preload_active)
		reserve_tell_trimmed(true);
	if (what == M_TOP_PAD)
		reserve_pad_set();
	return next(what, value);
}

#endif
