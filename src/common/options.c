/* SPDX-License-Identifier: MIT */
/* Reads the settings from an environment, by the table in options.def. */
#include "config.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "common/options.h"

const struct option_row option_rows[OPTION_COUNT] = {
#define OPTION(NAME, field, kind, words, service, realtime, benchmark, argument, help)             \
	{#NAME, OPTION_##kind, words, {service, realtime, benchmark}, argument, help,              \
	 offsetof(struct options, field)},
#include "common/options.def"
#undef OPTION
};

/* A 32-bit program may share its settings with others: what they can use is no mistake there. */
#define SIZE_MOST (SIZE_MAX / 4)
#define NAME_SIZE 32 /* the longest name and its NUL */
#define BYTES_MIN 4096 /* of an amount without a unit */

/* Variables that the launcher sets for the library; not settings of the user's. */
static const char *const internal_names[] = {"TOLD"};

static void *value_of(const struct options *o, const struct option_row *row)
{
	return (char *)(uintptr_t)o + row->offset;
}

/* The i-th of "a|b|c", as start and length; false behind the last. */
static bool word_at(const char *words, int i, const char **start, size_t *length)
{
	for (; *words; words += *length + (words[*length] == '|')) {
		*length = strcspn(words, "|");
		*start = words;
		if (i-- == 0)
			return true;
	}
	return false;
}

static int word_index(const char *words, const char *word)
{
	const char *start;
	size_t length;

	for (int i = 0; word_at(words, i, &start, &length); i++)
		if (strlen(word) == length && strncasecmp(word, start, length) == 0)
			return i;
	return -1;
}

static int set_word(void *value, const struct option_row *row, const char *word)
{
	int index = word_index(row->words, word);

	if (index < 0)
		return -EINVAL;
	*(int *)value = index;
	return 0;
}

/* "32", which nobody means in bytes. LARGE is none: it is compared with the size of a block. */
static bool is_unit_missing(const struct option_row *row, const char *word, const struct size *size)
{
	const char last = word[strlen(word) - 1];

	return size->permille == 0 && size->bytes > 0 && size->bytes < BYTES_MIN && last >= '0' &&
	       last <= '9' && row != &option_rows[OPTION_INDEX_LARGE];
}

static int set_size(void *value, const struct option_row *row, const char *word)
{
	struct size size;
	int error;

	if (word_index(row->words, word) >= 0) {
		*(uint64_t *)value = strcasecmp(word, "all") == 0 ? OPTION_ALL : OPTION_OFF;
		return 0;
	}
	error = size_parse(word, &size);
	if (error == 0 && size.permille)
		error = -EINVAL;
	if (error == 0 && is_unit_missing(row, word, &size))
		error = -EDOM;
	if (error == 0)
		*(uint64_t *)value = size.bytes < SIZE_MOST ? size.bytes : SIZE_MOST;
	return error;
}

static int set_share(void *value, const struct option_row *row, const char *word)
{
	struct size size;
	int error = size_parse(word, &size);

	if (error == 0 && is_unit_missing(row, word, &size))
		error = -EDOM;
	if (error == 0)
		*(struct size *)value = size;
	return error;
}

/* The only numbers are of one digit, as are the ends of their ranges: "0-3". */
static int set_number(void *value, const struct option_row *row, const char *word)
{
	if (word[0] < row->words[0] || word[0] > row->words[2] || word[1] != '\0')
		return -EINVAL;
	*(int *)value = word[0] - '0';
	return 0;
}

static int set_value(struct options *o, const struct option_row *row, const char *word)
{
	void *value = value_of(o, row);

	switch (row->kind) {
	case OPTION_WORD:
		return set_word(value, row, word);
	case OPTION_SIZE:
		return set_size(value, row, word);
	case OPTION_SHARE:
		return set_share(value, row, word);
	case OPTION_NUMBER:
		return set_number(value, row, word);
	case OPTION_TEXT:
		*(const char **)value = *word ? word : NULL;
		return 0;
	}
	return -EINVAL;
}

void options_allowed(const struct option_row *row, struct text *t)
{
	const char *start;
	size_t length;

	if (row->kind == OPTION_NUMBER) {
		text_add(t, "%c to %c", row->words[0], row->words[2]);
		return;
	}
	if (row->kind == OPTION_SIZE || row->kind == OPTION_SHARE)
		text_add(t, row->kind == OPTION_SHARE ? "a size such as 64K or 1.5G, or a share such as 25%%"
						      : "a size such as 64K or 1.5G");
	if (row->kind == OPTION_SIZE && *row->words)
		text_add(t, ", or ");
	for (int i = 0; word_at(row->words, i, &start, &length); i++) {
		if (i)
			text_add(t, start[length] ? ", " : " or ");
		for (size_t at = 0; at < length; at++)
			text_add(t, "%c", start[at]);
	}
}

int options_set(struct options *o, const struct option_row *row, const char *word,
		const char *shown, struct text *why)
{
	int error = set_value(o, row, word);

	if (error == 0)
		return 0;
	text_add(why, "%s=", shown);
	text_shown(why, word);
	if (error == -EDOM)
		text_add(why, ": is %s bytes; write %sM for MiB, %sK for KiB; allowed: ", word, word, word);
	else
		text_add(why, ": %s; allowed: ", error == -ERANGE ? "too large" : "no such value");
	options_allowed(row, why);
	return -EINVAL;
}

/* '-' and '_', and either case, are one. */
static char folded(char c)
{
	if (c == '-')
		return '_';
	return c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c;
}

const struct option_row *options_find(const char *name)
{
	for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++) {
		size_t i = 0;

		while (name[i] && folded(name[i]) == row->name[i])
			i++;
		if (name[i] == '\0' && row->name[i] == '\0')
			return row;
	}
	return NULL;
}

static unsigned lesser(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* The letters that are missing, too many, wrong, or two in each other's place, between words that are
 * shorter than NAME_SIZE. */
static unsigned distance(const char *a, const char *b)
{
	unsigned char rows[3][NAME_SIZE];
	const size_t width = strlen(b);

	for (size_t j = 0; j <= width; j++)
		rows[0][j] = (unsigned char)j;
	for (size_t i = 1; a[i - 1]; i++) {
		const unsigned char *before = rows[(i + 1) % 3], *above = rows[(i + 2) % 3];
		unsigned char *row = rows[i % 3];

		row[0] = (unsigned char)i;
		for (size_t j = 1; j <= width; j++) {
			unsigned best = lesser(above[j] + 1u, row[j - 1] + 1u);

			best = lesser(best, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = lesser(best, before[j - 2] + 1u);
			row[j] = (unsigned char)best;
		}
	}
	return rows[strlen(a) % 3][width];
}

/* Whether there was room for all of it. */
static bool fold(const char *from, char to[NAME_SIZE])
{
	size_t i = 0;

	while ((to[i] = folded(from[i])) != '\0')
		if (++i == NAME_SIZE)
			return false;
	return true;
}

unsigned options_slips(const char *word, const char *name)
{
	char a[NAME_SIZE], b[NAME_SIZE];
	unsigned slips;

	if (!fold(word, a) || !fold(name, b))
		return OPTIONS_FAR;
	slips = distance(a, b);
	if (slips > 1 && strlen(a) > 1 && strncmp(a, b, strlen(a)) == 0)
		return 1;
	return slips < OPTIONS_FAR && 3 * slips <= strlen(b) ? slips : OPTIONS_FAR;
}

const struct option_row *options_nearest(const char *name)
{
	const struct option_row *nearest = NULL;
	unsigned best = OPTIONS_FAR;

	for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++) {
		unsigned far = options_slips(name, row->name);

		if (far < best) {
			best = far;
			nearest = row;
		}
	}
	return nearest;
}

void options_print(const struct options *o, const struct option_row *row, struct text *t)
{
	const void *value = value_of(o, row);
	char size[24];
	const char *start = "";
	size_t length = 0;

	switch (row->kind) {
	case OPTION_WORD:
		word_at(row->words, *(const int *)value, &start, &length);
		while (length--)
			text_add(t, "%c", *start++);
		return;
	case OPTION_SIZE:
		if (*(const uint64_t *)value == OPTION_ALL) {
			text_add(t, "all");
			return;
		}
		if (*(const uint64_t *)value == OPTION_OFF && strcmp(row->words, "off") == 0) {
			text_add(t, "off");
			return;
		}
		size_print((struct size){.bytes = *(const uint64_t *)value}, size);
		text_add(t, "%s", size);
		return;
	case OPTION_SHARE:
		size_print(*(const struct size *)value, size);
		text_add(t, "%s", size);
		return;
	case OPTION_NUMBER:
		text_add(t, "%d", *(const int *)value);
		return;
	case OPTION_TEXT:
		if (*(const char *const *)value)
			text_add(t, "%s", *(const char *const *)value);
		return;
	}
}

/* What stands behind "NAME=" in a "NAME=value", or NULL. */
static const char *variable_value(const char *variable, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(variable, name, length) != 0 || variable[length] != '=')
		return NULL;
	return variable + length + 1;
}

static void set_defaults(struct options *o, enum profile profile)
{
	memset(o, 0, sizeof(*o));
	for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++)
		set_value(o, row, row->defaults[profile]);
}

/* The profile is read first: the other settings beat it, wherever they stand. */
static int profile_of(char *const *environment)
{
	const struct option_row *row = &option_rows[OPTION_INDEX_PROFILE];
	const char *word;
	int profile = PROFILE_SERVICE;

	for (; *environment; environment++) {
		word = variable_value(*environment, OPTIONS_PREFIX "PROFILE");
		if (word && word_index(row->words, word) >= 0)
			profile = word_index(row->words, word);
	}
	return profile;
}

static bool is_internal(const char *name)
{
	for (size_t i = 0; i < sizeof(internal_names) / sizeof(*internal_names); i++)
		if (strcmp(name, internal_names[i]) == 0)
			return true;
	return false;
}

static int complain_unknown(const char *name, options_complain *complain, void *context)
{
	const struct option_row *nearest = options_nearest(name);
	char shown[TEXT_SHOWN + 4], line[256];
	struct text t;

	text_init(&t, shown, sizeof(shown));
	text_shown(&t, name);
	text_init(&t, line, sizeof(line));
	text_add(&t, OPTIONS_PREFIX "%s: no such setting; ", shown);
	if (nearest)
		text_add(&t, "the nearest is " OPTIONS_PREFIX "%s", nearest->name);
	else
		text_add(&t, "see libramlock(7)");
	complain(context, line);
	return 1;
}

/* One "RAMLOCK_NAME=value"; variable stands behind the prefix. Returns the complaints made. */
static int read_variable(struct options *o, const char *variable, options_complain *complain,
			 void *context)
{
	size_t length = strcspn(variable, "=");
	const struct option_row *row = NULL;
	const char *value = variable + length + 1;
	char name[TEXT_SHOWN + 2], shown[80], line[320];
	struct text t;

	if (*value == '\0') /* as good as not set; unit files clear variables so */
		return 0;

	if (length >= sizeof(name))
		length = sizeof(name) - 1;
	memcpy(name, variable, length);
	name[length] = '\0';
	if (is_internal(name))
		return 0;
	for (const struct option_row *r = option_rows; r < option_rows + OPTION_COUNT; r++)
		if (strcmp(r->name, name) == 0)
			row = r;
	if (row == NULL)
		return complain_unknown(name, complain, context);

	text_init(&t, shown, sizeof(shown));
	text_add(&t, OPTIONS_PREFIX "%s", name);
	text_init(&t, line, sizeof(line));
	if (options_set(o, row, value, shown, &t) != 0) {
		complain(context, line);
		return 1;
	}
	o->given |= 1UL << (row - option_rows);
	return 0;
}

int options_read(struct options *o, char *const *environment, options_complain *complain,
		 void *context)
{
	const size_t prefix = sizeof(OPTIONS_PREFIX) - 1;
	int wrong = 0;

	set_defaults(o, (enum profile)profile_of(environment));
	for (; *environment; environment++)
		if (strncmp(*environment, OPTIONS_PREFIX, prefix) == 0 && strchr(*environment, '='))
			wrong += read_variable(o, *environment + prefix, complain, context);
	if (o->report && strcmp(o->report, "none") == 0)
		o->report = NULL;
	return wrong;
}

bool options_meant(const struct options *o, const char *program)
{
	char glob[256];
	const char *at = o->only;

	if (at == NULL)
		return true;
	while (*at) {
		size_t length = strcspn(at, ", ");

		if (length && length < sizeof(glob)) {
			memcpy(glob, at, length);
			glob[length] = '\0';
			if (fnmatch(glob, program, 0) == 0)
				return true;
		}
		at += length + strspn(at + length, ", ");
	}
	return false;
}
