/* SPDX-License-Identifier: MIT */
/* A hash table of texts that only grows. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/names.h"

static char **slots;
static size_t size, used; /* size is a power of two */

/* FNV-1a */
static uint64_t hash(const char *text)
{
	uint64_t value = 14695981039346656037ull;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 1099511628211ull;
	return value;
}

/* The text's slot, or the free one where it belongs. */
static char **slot_of(const char *text)
{
	size_t at = hash(text) & (size - 1);

	while (slots[at] && strcmp(slots[at], text) != 0)
		at = (at + 1) & (size - 1);
	return &slots[at];
}

static void grow(void)
{
	char **old = slots;
	const size_t count = size;

	size = size ? 2 * size : 256;
	slots = cli_alloc(NULL, size * sizeof(*slots));
	memset(slots, 0, size * sizeof(*slots));
	for (size_t i = 0; i < count; i++)
		if (old[i])
			*slot_of(old[i]) = old[i];
	free(old);
}

const char *names_keep(const char *text)
{
	char **slot;

	if (used * 2 >= size)
		grow();
	slot = slot_of(text);
	if (*slot == NULL) {
		*slot = strcpy(cli_alloc(NULL, strlen(text) + 1), text);
		used++;
	}
	return *slot;
}
