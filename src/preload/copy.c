/* SPDX-License-Identifier: MIT */
/* Finds the process's own resident pages in pagemap and populates them for writing. */
#include "config.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "common/limits.h"
#include "common/maps.h"
#include "common/message.h"
#include "common/sys.h"
#include "preload/budget.h"
#include "preload/copy.h"
#include "preload/level.h"
#include "preload/preload.h"

#define PRESENT (1ull << 63) /* a page's entry in pagemap, proc(5) */
#define OF_FILE (1ull << 61)
#define ENTRIES 2048 /* read at a time: 8 MiB of addresses */

/* Mapped for the time of the copy: the caller may be a thread with a small stack. */
struct scratch {
	char maps[16384];
	uint64_t entries[ENTRIES];
};

/* A page that is there and no file's: what the fork made read-only. */
static bool is_own_page(uint64_t entry)
{
	return (entry & (PRESENT | OF_FILE)) == PRESENT;
}

/* Populates each run of own pages among those that begin at an address. */
static void copy_runs(uintptr_t at, const uint64_t *entries, size_t count)
{
	const size_t page = size_page();

	for (size_t i = 0, end; i < count; i = end) {
		end = i + 1;
		if (!is_own_page(entries[i]))
			continue;
		while (end < count && is_own_page(entries[end]))
			end++;
		if (sys_madvise(at + i * page, (end - i) * page, MADV_POPULATE_WRITE))
			stats_add(STAT_populates_refused, 1);
	}
}

static void copy_mapping(int pagemap, const struct mapping *m, uint64_t *entries)
{
	const size_t page = size_page();
	uintptr_t at = m->start;

	while (at < m->end) {
		size_t count = (m->end - at) / page < ENTRIES ? (m->end - at) / page : ENTRIES;
		long size;

		SYS_CALL(SYS_lseek, pagemap, (long)(at / page * sizeof(*entries)), SEEK_SET);
		size = sys_read(pagemap, entries, count * sizeof(*entries));
		if (size < (long)sizeof(*entries))
			return;
		count = (size_t)size / sizeof(*entries);
		copy_runs(at, entries, count);
		at += count * page;
	}
}

static void copy_all(struct scratch *scratch)
{
	int pagemap = sys_open("/proc/self/pagemap", O_RDONLY, 0);
	struct mapping mapping;
	struct maps maps;

	if (pagemap < 0)
		return;
	if (maps_open(&maps, "/proc/self/maps", NULL, scratch->maps, sizeof(scratch->maps)) == 0) {
		while (maps_next(&maps, &mapping))
			if (!mapping.shared && mapping.prot & MAPS_W)
				copy_mapping(pagemap, &mapping, scratch->entries);
		maps_close(&maps);
	}
	sys_close(pagemap);
}

/* What the copies may take: resident memory less that of files, from proc_pid_statm(5). */
static uint64_t own_resident(void)
{
	unsigned long pages[3] = {0};
	char line[128], *at = line;

	if (limits_read_file("/proc/self/statm", line, sizeof(line)) < 0)
		return 0;
	for (int i = 0; i < 3; i++)
		pages[i] = strtoul(at, &at, 10);
	return (uint64_t)(pages[1] - pages[2]) * size_page();
}

static void tell_too_much(uint64_t bytes)
{
	struct message m;

	if (preload_options.on_error == ERROR_QUIET || !message_claim(MESSAGE_RESERVE))
		return;
	message_warn(&m);
	text_add(&m.text, "fork: ");
	text_size(&m.text, bytes);
	text_add(&m.text, " are not copied: it exceeds MAX of the memory that is free now, at start ");
	budget_describe(&m.text);
	message_tell(&m, MESSAGE_RESERVE);
}

void copy_own_pages(void)
{
	const uint64_t bytes = own_resident();
	struct scratch *scratch;
	intptr_t at;

	if (level_now() == LEVEL_NONE)
		return;
	if (!budget_fits(bytes)) {
		tell_too_much(bytes);
		return;
	}
	at = sys_mmap(0, sizeof(*scratch), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (sys_is_error(at))
		return;
	scratch = (struct scratch *)at;
	copy_all(scratch);
	sys_munmap((uintptr_t)at, sizeof(*scratch));
}
