/* SPDX-License-Identifier: MIT */
/* Parses times such as "1.5s". */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli/duration.h"

#define LONGEST (366ull * 24 * 3600 * DURATION_SECOND)

static const struct unit {
	const char *name;
	uint64_t size;
} units[] = {
	{"", DURATION_SECOND},
	{"us", DURATION_SECOND / 1000000},
	{"ms", DURATION_SECOND / 1000},
	{"s", DURATION_SECOND},
	{"m", 60 * DURATION_SECOND},
	{"min", 60 * DURATION_SECOND},
	{"h", 3600 * DURATION_SECOND},
};

static uint64_t unit_of(const char *name)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(units[i].name, name) == 0)
			return units[i].size;
	return 0;
}

static const char *skip_digits(const char *at)
{
	return at + strspn(at, "0123456789");
}

int duration_parse(const char *word, uint64_t *result)
{
	const char *point = skip_digits(word);
	const char *end = *point == '.' ? skip_digits(point + 1) : point;
	const uint64_t unit = unit_of(end);
	uint64_t whole = 0, part, total;

	if (unit == 0 || point == word || end == point + 1)
		return -EINVAL;
	for (const char *at = word; at < point; at++) {
		whole = whole * 10 + (uint64_t)(*at - '0');
		if (whole > LONGEST / unit)
			return -ERANGE;
	}
	total = whole * unit;
	part = unit;
	for (const char *at = point + 1; at < end; at++) {
		part /= 10;
		total += part * (uint64_t)(*at - '0');
	}
	if (total > LONGEST)
		return -ERANGE;
	*result = total;
	return 0;
}

uint64_t duration_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * DURATION_SECOND + (uint64_t)now.tv_nsec;
}
