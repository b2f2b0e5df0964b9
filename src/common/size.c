/* SPDX-License-Identifier: MIT */
/* Reads and writes sizes such as "64K", "1.5G" and "25%". */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>

#include "common/size.h"
#include "common/text.h"

#define SIZE_END (1ull << 53) /* 8 PiB: below it, bytes are read back as they are printed */

size_t size_page_cached;

size_t size_page_read(void)
{
	const size_t told = getauxval(AT_PAGESZ), page = told ? told : 4096;

	__atomic_store_n(&size_page_cached, page, __ATOMIC_RELAXED);
	return page;
}

/* A decimal number in thousandths: "1.5" is 1500. Moves *word behind it. */
static int parse_thousandths(const char **word, uint64_t *result)
{
	uint64_t value = 0;
	unsigned scale = 1000;

	if (**word < '0' || **word > '9')
		return -EINVAL;
	for (; **word >= '0' && **word <= '9'; (*word)++) {
		value = value * 10 + (uint64_t)(**word - '0');
		if (value > INT64_MAX / 1000)
			return -ERANGE;
	}
	value *= 1000;
	if (**word == '.') {
		(*word)++;
		if (**word < '0' || **word > '9')
			return -EINVAL;
		for (; **word >= '0' && **word <= '9'; (*word)++) {
			scale /= 10;
			value += (uint64_t)(**word - '0') * scale;
		}
	}
	*result = value;
	return 0;
}

/* The power of two that a unit stands for, or -EINVAL. */
static int unit_shift(const char *unit)
{
	static const char letters[] = "KMGT";
	const char *letter;
	char upper;

	if (*unit == '\0' || strcasecmp(unit, "B") == 0)
		return 0;
	upper = (char)(*unit & ~0x20);
	letter = strchr(letters, upper);
	if (upper == '\0' || letter == NULL)
		return -EINVAL;
	if (unit[1] != '\0' && strcasecmp(unit + 1, "B") != 0 && strcasecmp(unit + 1, "iB") != 0)
		return -EINVAL;
	return (int)(letter - letters + 1) * 10;
}

int size_parse(const char *word, struct size *result)
{
	uint64_t thousandths;
	int error = parse_thousandths(&word, &thousandths);
	int shift;

	if (error)
		return error;
	if (strcmp(word, "%") == 0) {
		if (thousandths > 100 * 1000)
			return -ERANGE;
		if (thousandths % 100)
			return -EINVAL;
		*result = (struct size){.permille = (unsigned)(thousandths / 100)};
		return 0;
	}
	shift = unit_shift(word);
	if (shift < 0)
		return shift;
	if (shift == 0 && thousandths % 1000)
		return -EINVAL;
	if (thousandths / 1000 >= SIZE_END >> shift)
		return -ERANGE;
	*result = (struct size){.bytes = ((thousandths / 1000) << shift) +
					 (((thousandths % 1000) << shift) / 1000)};
	return 0;
}

void size_print(struct size value, char *to)
{
	static const char units[] = "KMGT";
	unsigned unit = 0;
	struct text t;

	text_init(&t, to, 24);
	if (value.permille) {
		text_add(&t, "%u", value.permille / 10);
		if (value.permille % 10)
			text_add(&t, ".%u", value.permille % 10);
		text_add(&t, "%%");
		return;
	}
	while (unit < 4 && value.bytes && value.bytes % 1024 == 0) {
		value.bytes /= 1024;
		unit++;
	}
	text_add(&t, "%ju", (uintmax_t)value.bytes);
	if (unit)
		text_add(&t, "%c", units[unit - 1]);
	else if (value.bytes && value.bytes < 4096)
		text_add(&t, "B"); /* a setting takes so little for a slip */
}

uint64_t size_of(struct size value, uint64_t whole)
{
	if (value.permille == 0)
		return value.bytes;
	return whole / 1000 * value.permille + whole % 1000 * value.permille / 1000;
}
