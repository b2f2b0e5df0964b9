/* SPDX-License-Identifier: MIT */
/* Unit tests of the kernel's records: made up as perf_event_open(2) says, and what they must give. */
#include "config.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cli/names.h"
#include "cli/samples.h"
#include "cli_suites.h"
#include "common/maps.h"

#define MAJOR_ID 77

static struct samples samples;
static union {
	struct perf_event_header header;
	uint64_t words[64];
	char bytes[512];
} record;
static size_t used; /* words */

static void setup(void)
{
	samples = (struct samples){0};
}

static void teardown(void)
{
	samples_close(&samples);
}

static void begin(uint32_t type, uint16_t misc)
{
	memset(&record, 0, sizeof(record));
	record.header = (struct perf_event_header){.type = type, .misc = misc};
	used = 1;
}

static void add(uint64_t word)
{
	record.words[used++] = word;
}

static void add_pair(uint32_t first, uint32_t second)
{
	const uint32_t pair[2] = {first, second};

	memcpy(&record.words[used++], pair, sizeof(pair));
}

static void add_text(const char *text)
{
	strcpy(record.bytes + 8 * used, text);
	used += strlen(text) / 8 + 1;
}

static void decode(void)
{
	record.header.size = (uint16_t)(8 * used);
	samples_decode(&samples, MAJOR_ID, record.bytes);
}

/* What is behind each record but samples. */
static void decode_with_tail(uint64_t time)
{
	add_pair(100, 101);
	add(time);
	add(1);
	decode();
}

static const struct event *only(void)
{
	ck_assert_uint_eq(samples.used, 1);
	return samples.events;
}

static void make_fault(uint64_t id, uint64_t registers)
{
	begin(PERF_RECORD_SAMPLE, PERF_RECORD_MISC_KERNEL);
	add(id);
	add(0xffffffff81000000); /* in the kernel */
	add_pair(100, 101);
	add(5000);
	add(0x7ffff7000123);
	add(registers);
	if (registers != PERF_SAMPLE_REGS_ABI_NONE) {
		add(0x7fffe000); /* the stack's comes first, by its number */
		add(0x401000);
	}
	decode();
}

START_TEST(fault_record)
{
	make_fault(1, PERF_SAMPLE_REGS_ABI_64);
	ck_assert_int_eq(only()->kind, EVENT_FAULT);
	ck_assert_uint_eq(only()->pid, 100);
	ck_assert_uint_eq(only()->tid, 101);
	ck_assert_uint_eq(only()->time, 5000);
	ck_assert_uint_eq(only()->fault.address, 0x7ffff7000123);
	ck_assert(!only()->fault.major);
#ifdef SAMPLES_CODE
	ck_assert_uint_eq(only()->fault.code, 0x401000);
	ck_assert_uint_eq(only()->fault.stack, 0x7fffe000);
#endif
}
END_TEST

START_TEST(fault_without_registers)
{
	make_fault(MAJOR_ID, PERF_SAMPLE_REGS_ABI_NONE);
	ck_assert(only()->fault.major);
	ck_assert_uint_eq(only()->fault.code, 0xffffffff81000000);
	ck_assert_uint_eq(only()->fault.stack, 0);
}
END_TEST

static const struct {
	const char *name, *path;
	int prot, flags;
	unsigned expected;
	bool shared;
} mappings[] = {
	{"//anon", "", PROT_READ | PROT_WRITE, MAP_PRIVATE, MAPS_R | MAPS_W, false},
	{"[anon:glibc: malloc]", "", PROT_NONE, MAP_PRIVATE, 0, false},
	{"[heap]", "[heap]", PROT_READ | PROT_WRITE, MAP_PRIVATE, MAPS_R | MAPS_W, false},
	{"/lib/libc.so.6", "/lib/libc.so.6", PROT_READ | PROT_EXEC, MAP_PRIVATE, MAPS_R | MAPS_X, false},
	{"/memfd:x (deleted)", "/memfd:x (deleted)", PROT_READ, MAP_SHARED, MAPS_R, true},
};

START_TEST(map_record)
{
	begin(PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER);
	add_pair(100, 101);
	add(0x7f0000000000);
	add(0x3000);
	add(0x1000);
	add_pair(8, 1);
	add(4711);
	add(1);
	add_pair((uint32_t)mappings[_i].prot, (uint32_t)mappings[_i].flags);
	add_text(mappings[_i].name);
	decode_with_tail(6000);
	ck_assert_int_eq(only()->kind, EVENT_MAP);
	ck_assert_uint_eq(only()->time, 6000);
	ck_assert_uint_eq(only()->map.start, 0x7f0000000000);
	ck_assert_uint_eq(only()->map.end, 0x7f0000003000);
	ck_assert_uint_eq(only()->map.offset, 0x1000);
	ck_assert_uint_eq(only()->map.prot, mappings[_i].expected);
	ck_assert_int_eq(only()->map.shared, mappings[_i].shared);
	ck_assert_ptr_eq(only()->map.path, names_keep(mappings[_i].path));
}
END_TEST

START_TEST(task_records)
{
	const uint32_t types[] = {PERF_RECORD_FORK, PERF_RECORD_EXIT};
	const enum event_kind kinds[] = {EVENT_FORK, EVENT_EXIT};

	begin(types[_i], 0);
	add_pair(200, 100);
	add_pair(201, 101);
	add(7000);
	decode_with_tail(7000);
	ck_assert_int_eq(only()->kind, kinds[_i]);
	ck_assert_uint_eq(only()->pid, 200);
	ck_assert_uint_eq(only()->tid, 201);
	ck_assert_uint_eq(only()->parent, 100);
	ck_assert_uint_eq(only()->time, 7000);
}
END_TEST

START_TEST(name_records)
{
	begin(PERF_RECORD_COMM, _i ? PERF_RECORD_MISC_COMM_EXEC : 0);
	add_pair(100, 101);
	add_text("worker");
	decode_with_tail(8000);
	ck_assert_int_eq(only()->kind, _i ? EVENT_EXEC : EVENT_NAME);
	ck_assert_str_eq(only()->name, "worker");
	ck_assert_uint_eq(only()->tid, 101);
	ck_assert_uint_eq(only()->time, 8000);
}
END_TEST

START_TEST(lost_records)
{
	for (uint64_t lost = 1; lost <= 3; lost++) {
		begin(PERF_RECORD_LOST, 0);
		add(1);
		add(1000 * lost);
		decode_with_tail(9000);
	}
	ck_assert_uint_eq(samples.lost, 6000);
	ck_assert_uint_eq(samples.used, 0);
}
END_TEST

/* Of a newer kernel. */
START_TEST(other_record)
{
	begin(4711, 0);
	add(1);
	decode_with_tail(9000);
	ck_assert_uint_eq(samples.used, 0);
}
END_TEST

struct seen {
	uint64_t times[8];
	size_t count;
};

static void see(void *context, const struct event *event)
{
	struct seen *seen = context;

	seen->times[seen->count++] = event->time;
}

/* In the order of time, whatever processor they came from; what is too young is kept. */
START_TEST(read_in_order)
{
	static const uint64_t times[] = {30, 10, 50, 20, 40};
	struct seen seen = {0};

	for (size_t i = 0; i < 5; i++) {
		begin(PERF_RECORD_COMM, 0);
		add_pair(100, 101);
		add_text("worker");
		decode_with_tail(times[i]);
	}
	samples_read(&samples, 30, see, &seen);
	ck_assert_uint_eq(seen.count, 3);
	samples_read(&samples, UINT64_MAX, see, &seen);
	ck_assert_uint_eq(seen.count, 5);
	for (uint64_t i = 0; i < 5; i++)
		ck_assert_uint_eq(seen.times[i], 10 * (i + 1));
}
END_TEST

/* Texts are kept once, however many there are. */
START_TEST(names_are_unique)
{
	const char *kept[1000];
	char name[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		kept[i] = names_keep(name);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		ck_assert_ptr_eq(kept[i], names_keep(name));
		ck_assert_str_eq(kept[i], name);
	}
}
END_TEST

Suite *samples_suite(void)
{
	Suite *s = suite_create("samples");
	TCase *t = tcase_create("samples");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, fault_record);
	tcase_add_test(t, fault_without_registers);
	tcase_add_loop_test(t, map_record, 0, sizeof(mappings) / sizeof(*mappings));
	tcase_add_loop_test(t, task_records, 0, 2);
	tcase_add_loop_test(t, name_records, 0, 2);
	tcase_add_test(t, lost_records);
	tcase_add_test(t, other_record);
	tcase_add_test(t, read_in_order);
	tcase_add_test(t, names_are_unique);
	suite_add_tcase(s, t);
	return s;
}
