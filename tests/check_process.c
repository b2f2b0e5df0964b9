/* SPDX-License-Identifier: MIT */
/* Unit tests of what is read of another process, over trees of files. */
#include "config.h"

#include <string.h>

#include "cli/process.h"
#include "cli_suites.h"
#include "scratch.h"

static struct process p;

static const struct {
	const char *line;
	uintptr_t pointer;
} lines[] = {
	{"running\n", 0},
	{"", 0},
	{"-1 0x7ffd0010 0x55\n", 0x7ffd0010},
	{"270 0xfb 0x1 0x0 0x0 0x2 0x3 0x7ffd05b8 0x7f6a\n", 0x7ffd05b8},
	{"0x7ffd05b8 0x7f6a\n", 0},
	{"1 zz 0x7f6a\n", 0},
	{"1 0xzz 0x7f6a\n", 0},
};

START_TEST(stack_pointer)
{
	ck_assert_uint_eq(process_stack_pointer(lines[_i].line), lines[_i].pointer);
}
END_TEST

START_TEST(faults)
{
	uint64_t minor, major;

	ck_assert(process_faults("7 (a b) S 1 2 3 4 5 6 11 12 13 14 15", &minor, &major));
	ck_assert_uint_eq(minor, 11);
	ck_assert_uint_eq(major, 13);
	ck_assert(process_faults("7 () S 9) R 1 2 3 4 5 6 21 12 23 14", &minor, &major));
	ck_assert_uint_eq(minor, 21);
	ck_assert(!process_faults("7 (a", &minor, &major));
	ck_assert_int_eq(process_parent("7 () S 9) R 21 2 3"), 21);
	ck_assert_int_eq(process_parent("7 (a) R 0 0 0"), 0);
	ck_assert_int_eq(process_parent("7 (a"), 0);
	ck_assert(!process_faults("7 (a) S 1 2 3", &minor, &major));
}
END_TEST

/* Faults before the library was ready are not counted, also where the page claims too many. */
START_TEST(faults_since_start)
{
	scratch_put("/proc/7/stat", "7 (a) S 1 2 3 4 5 6 100 12 3 14 15\n");
	p = (struct process){.pid = 7};
	p.page.values[STAT_minor_at_start] = 40;
	p.page.values[STAT_major_at_start] = 40;
	process_read_faults(&p, scratch);
	ck_assert_uint_eq(p.minor, 60);
	ck_assert_uint_eq(p.major, 0);
	p.pid = 8;
	process_read_faults(&p, scratch);
	ck_assert_uint_eq(p.minor, PROCESS_UNKNOWN);
}
END_TEST

static const char smaps[] =
	"00400000-00401000 r-xp 00000000 08:01 11 /bin/p\nRss: 4 kB\nVmFlags: rd ex lo \n"
	"01000000-01100000 rw-p 00000000 00:00 0 [heap]\nRss: 512 kB\nVmFlags: rd wr \n"
	"10000000-10400000 rw-p 00000000 00:00 0 \nRss: 4096 kB\nVmFlags: rd wr lo \n" /* arena */
	"10400000-20000000 ---p 00000000 00:00 0 \nRss: 0 kB\nVmFlags: mr \n"
	"30000000-30001000 ---p 00000000 00:00 0 \nRss: 0 kB\nVmFlags: mr \n"
	"30001000-30801000 rw-p 00000000 00:00 0 \nRss: 12 kB\nVmFlags: rd wr lo \n" /* a stack */
	"40000000-40800000 rw-p 00000000 00:00 0 \nRss: 16 kB\nVmFlags: rd wr lo \n" /* one, no guard */
	"50000000-50001000 rw-p 00000000 00:00 0 \nRss: 4 kB\nVmFlags: rd wr lo \n"
	"7ff00000-7ff21000 rw-p 00000000 00:00 0 [stack]\nRss: 20 kB\nVmFlags: rd wr lo \n";

START_TEST(classes)
{
	scratch_put("/proc/7/smaps", smaps);
	scratch_put("/proc/7/task/7/comm", "main\n");
	scratch_put("/proc/7/task/7/syscall", "0 0x0 0x0 0x0 0x0 0x0 0x0 0x7ff20000 0x401000\n");
	scratch_put("/proc/7/task/9/comm", "a\nb\n");
	scratch_put("/proc/7/task/9/syscall", "-1 0x407ff000 0x401000\n");
	scratch_put("/proc/7/task/8/comm", "busy\n");
	scratch_put("/proc/7/task/8/syscall", "running\n");
	p = (struct process){.pid = 7};
	p.page.values[STAT_large_start] = 0x10000000;
	p.page.values[STAT_large_end] = 0x20000000;
	process_read_stacks(&p, scratch);
	process_read_usage(&p, scratch);
	ck_assert(p.usage_known);
	ck_assert_uint_eq(p.usage[MAPS_LARGE].resident, 4096 << 10);
	ck_assert_uint_eq(p.usage[MAPS_THREAD_STACK].mapped, 2 * 0x800000);
	ck_assert_uint_eq(p.usage[MAPS_THREAD_STACK].locked, 28 << 10);
	ck_assert_uint_eq(p.usage[MAPS_ANON].resident, 4 << 10);
	ck_assert_uint_eq(p.usage[MAPS_HEAP].resident, 512 << 10);
	ck_assert_uint_eq(p.usage[MAPS_HEAP].locked, 0);
	ck_assert_uint_eq(process_total(&p, offsetof(struct process_usage, locked)),
			  (4 + 4096 + 12 + 16 + 4 + 20) << 10);

	ck_assert_uint_eq(p.stack_count, 3);
	ck_assert_str_eq(p.stacks[0].name, "main");
	ck_assert_uint_eq(p.stacks[0].used, 0x1000);
	ck_assert_uint_eq(p.stacks[0].resident, 20 << 10);
	ck_assert_str_eq(p.stacks[1].name, "busy");
	ck_assert_uint_eq(p.stacks[1].used, PROCESS_UNKNOWN);
	ck_assert_str_eq(p.stacks[2].name, "a\nb");
	ck_assert_uint_eq(p.stacks[2].used, 0x1000);
	process_free(&p);
}
END_TEST

/* Numbers begin anew at the highest, so that a later thread's may be lower. */
START_TEST(main_thread)
{
	scratch_put("/proc/8/task/7/comm", "late\n");
	scratch_put("/proc/8/task/8/comm", "main\n");
	scratch_put("/proc/8/task/9/comm", "early\n");
	p = (struct process){.pid = 8};
	process_read_stacks(&p, scratch);
	ck_assert_uint_eq(p.stack_count, 3);
	ck_assert_str_eq(p.stacks[0].name, "main");
	ck_assert_str_eq(p.stacks[1].name, "late");
	ck_assert_str_eq(p.stacks[2].name, "early");
	process_free(&p);
}
END_TEST

START_TEST(nothing)
{
	p = (struct process){.pid = 7};
	process_read_stacks(&p, scratch);
	process_read_usage(&p, scratch);
	ck_assert(!p.usage_known);
	ck_assert_uint_eq(p.stack_count, 0);
	ck_assert_uint_eq(process_total(&p, 0), PROCESS_UNKNOWN);
	process_free(&p);
}
END_TEST

Suite *process_suite(void)
{
	Suite *s = suite_create("process");
	TCase *t = tcase_create("process");

	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_add_loop_test(t, stack_pointer, 0, sizeof(lines) / sizeof(*lines));
	tcase_add_test(t, faults);
	tcase_add_test(t, faults_since_start);
	tcase_add_test(t, classes);
	tcase_add_test(t, main_thread);
	tcase_add_test(t, nothing);
	suite_add_tcase(s, t);
	return s;
}
