/* SPDX-License-Identifier: MIT */
/* Reads the kernel's records: one 64-bit word after the other, as perf_event_open(2) lists them. */
#include "config.h"

#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>

#include "cli/cli.h"
#include "cli/names.h"
#include "cli/samples.h"
#include "common/maps.h"

static uint64_t word_at(const char *record, size_t index)
{
	uint64_t word;

	memcpy(&word, record + 8 + 8 * index, sizeof(word));
	return word;
}

static uint32_t half_at(const char *record, size_t index)
{
	uint32_t half;

	memcpy(&half, record + 8 + 4 * index, sizeof(half));
	return half;
}

static struct event *event_new(struct samples *s, enum event_kind kind)
{
	if (s->used == s->room) {
		s->room = s->room ? 2 * s->room : 4096;
		s->events = cli_alloc(s->events, s->room * sizeof(*s->events));
	}
	s->events[s->used] = (struct event){.kind = kind};
	return &s->events[s->used++];
}

/* id, ip, pid and tid, time, address, then the kind of registers and these, lowest number first. */
static void decode_fault(struct samples *s, uint64_t major, const char *record)
{
	struct event *e = event_new(s, EVENT_FAULT);

	e->pid = half_at(record, 4);
	e->tid = half_at(record, 5);
	e->time = word_at(record, 3);
	e->fault.address = word_at(record, 4);
	e->fault.code = word_at(record, 1);
	e->fault.major = word_at(record, 0) == major;
#ifdef SAMPLES_CODE
	if (word_at(record, 5) != PERF_SAMPLE_REGS_ABI_NONE) {
		e->fault.stack = word_at(record, 6);
		e->fault.code = word_at(record, 7);
	}
#endif
}

/* The names of what has none: "//anon", "[anon:…]". */
static const char *path_of(const char *name)
{
	const bool none = strcmp(name, "//anon") == 0 || strncmp(name, "[anon", 5) == 0;

	return names_keep(none ? "" : name);
}

/* pid and tid, address, length, offset, four words on the inode, protection and flags, the name. */
static void decode_map(struct samples *s, const char *record, uint64_t time)
{
	const uint32_t prot = half_at(record, 14), flags = half_at(record, 15);
	struct event *e = event_new(s, EVENT_MAP);

	e->pid = half_at(record, 0);
	e->tid = half_at(record, 1);
	e->time = time;
	e->map.start = word_at(record, 1);
	e->map.end = e->map.start + word_at(record, 2);
	e->map.offset = word_at(record, 3);
	e->map.prot = (prot & PROT_READ ? MAPS_R : 0u) | (prot & PROT_WRITE ? MAPS_W : 0u) |
		      (prot & PROT_EXEC ? MAPS_X : 0u);
	e->map.shared = (flags & MAP_SHARED) != 0;
	e->map.path = path_of(record + 8 + 64);
}

static void decode_task(struct samples *s, const char *record, enum event_kind kind)
{
	struct event *e = event_new(s, kind);

	e->pid = half_at(record, 0);
	e->parent = half_at(record, 1);
	e->tid = half_at(record, 2);
	e->time = word_at(record, 2);
}

static void decode_name(struct samples *s, const char *record, bool exec, uint64_t time)
{
	struct event *e = event_new(s, exec ? EVENT_EXEC : EVENT_NAME);

	e->pid = half_at(record, 0);
	e->tid = half_at(record, 1);
	e->time = time;
	e->name = names_keep(record + 8 + 8);
}

void samples_decode(struct samples *s, uint64_t major, const char *record)
{
	const struct perf_event_header *header = (const void *)record;
	/* behind each record but samples: pid and tid, time, id */
	const uint64_t time = word_at(record, header->size / 8 - 3);

	switch (header->type) {
	case PERF_RECORD_SAMPLE:
		decode_fault(s, major, record);
		break;
	case PERF_RECORD_MMAP2:
		decode_map(s, record, time);
		break;
	case PERF_RECORD_FORK:
		decode_task(s, record, EVENT_FORK);
		break;
	case PERF_RECORD_EXIT:
		decode_task(s, record, EVENT_EXIT);
		break;
	case PERF_RECORD_COMM:
		decode_name(s, record, header->misc & PERF_RECORD_MISC_COMM_EXEC, time);
		break;
	case PERF_RECORD_LOST:
		s->lost += word_at(record, 1);
		break;
	}
}
