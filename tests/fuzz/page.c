/* SPDX-License-Identifier: MIT */
/* Fuzzes the counters page of a hostile process: what is taken can be shown. */
#include "config.h"

#include <errno.h>

#include "common/stats.h"
#include "common/text.h"
#include "fuzz.h"

static void show(const struct stats_page *page)
{
	char line[256];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_add(&t, "%s %s ", level_names[page->level], reason_texts[page->reason]);
	text_json(&t, page->settings);
	for (int i = 0; i < STAT_COUNT; i++)
		text_size(&t, page->values[i]);
	HOLDS(strlen(line) == text_length(&t));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stats_page *page = calloc(1, sizeof(*page));
	int error;

	memcpy(page->magic, STATS_MAGIC, sizeof(page->magic));
	page->version = STATS_VERSION;
	if (size && data[0] % 8) /* seven of eight have a good head, to get behind it */
		memcpy((char *)page + 12, data, size < sizeof(*page) - 12 ? size : sizeof(*page) - 12);
	else
		memcpy(page, data, size < sizeof(*page) ? size : sizeof(*page));
	error = stats_check(page);
	HOLDS(error == 0 || error == -EPROTO);
	if (error == 0) {
		HOLDS(memchr(page->settings, '\0', sizeof(page->settings)) != NULL);
		for (const char *c = page->settings; *c; c++)
			HOLDS((unsigned char)*c >= ' ' && *c != 0x7f);
		HOLDS(page->values[STAT_large_retained] <= page->values[STAT_large_resident]);
		for (uint32_t i = page->count; i < STAT_COUNT; i++)
			HOLDS(page->values[i] == 0 || i == STAT_large_retained);
		show(page);
	}
	free(page);
	return 0;
}
