/* SPDX-License-Identifier: MIT */
/* Unit tests of what is read of a machine, over trees of files. */
#include "config.h"

#include "cli/host.h"
#include "cli_suites.h"
#include "scratch.h"

static struct host host;

static void write_machine(void)
{
	scratch_put("/proc/self/limits",
		   "Limit                     Soft Limit           Hard Limit           Units     \n"
		   "Max locked memory         65536                unlimited            bytes     \n"
		   "Max realtime priority     0                    95                   \n");
	scratch_put("/proc/self/status", "Name:\tx\nUid:\t1000\t1001\t1000\t1000\nVmSize:\t  100 kB\n"
					"VmLck:\t   8 kB\nCapEff:\t000000000000c000\n");
	scratch_put("/proc/self/uid_map", "         0          0 4294967295\n");
	scratch_put("/proc/self/cgroup", "0::/a\n");
	scratch_put("/proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 50 kB\nSwapTotal: 20 kB\n"
				    "SwapFree: 10 kB\nCommitLimit: 80 kB\nCommitted_AS: 30 kB\n");
	scratch_put("/proc/sys/vm/swappiness", "60\n");
	scratch_put("/proc/sys/vm/overcommit_memory", "2\n");
	scratch_put("/proc/sys/vm/compact_unevictable_allowed", "1\n");
	scratch_put("/proc/sys/kernel/numa_balancing", "0\n");
	scratch_put("/sys/kernel/mm/ksm/run", "1\n");
	scratch_put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	scratch_put("/sys/fs/cgroup/a/memory.max", "max\n");
}

START_TEST(whole_machine)
{
	write_machine();
	host_read(&host, scratch, "self");
	ck_assert(host.memlock.known && host.rtprio.known);
	ck_assert_uint_eq(host.memlock.soft, 65536);
	ck_assert_uint_eq(host.memlock.hard, UINT64_MAX);
	ck_assert_uint_eq(host.rtprio.hard, 95);
	ck_assert_uint_eq(host.uid, 1001);
	ck_assert_uint_eq(host.vm_size, 100 << 10);
	ck_assert_uint_eq(host.vm_locked, 8 << 10);
	ck_assert_uint_eq(host.capabilities, 0xc000);
	ck_assert_int_eq(host.user_space, SPACE_INITIAL);
	ck_assert_uint_eq(host.memory.available, 50 << 10);
	ck_assert_uint_eq(host.swap_total, 20 << 10);
	ck_assert_uint_eq(host.swap_free, 10 << 10);
	ck_assert_uint_eq(host.commit_limit, 80 << 10);
	ck_assert_uint_eq(host.committed, 30 << 10);
	ck_assert(host.cgroup_known);
	ck_assert_uint_eq(host.memory.cgroup_limit, LIMITS_NONE);
	ck_assert_str_eq(host.thp, "madvise");
	ck_assert_uint_eq(host.swappiness.value, 60);
	ck_assert_uint_eq(host.overcommit.value, 2);
	ck_assert_uint_eq(host.compact.value, 1);
	ck_assert_int_eq(host.numa.state, FACT_KNOWN);
	ck_assert_uint_eq(host.ksm.value, 1);
}
END_TEST

START_TEST(nothing)
{
	host_read(&host, scratch, "self");
	ck_assert(!host.memlock.known && !host.rtprio.known && !host.cgroup_known);
	ck_assert_uint_eq(host.uid, LIMITS_NONE);
	ck_assert_uint_eq(host.vm_size, LIMITS_NONE);
	ck_assert_uint_eq(host.swap_total, LIMITS_NONE);
	ck_assert_uint_eq(host.capabilities, LIMITS_NONE);
	ck_assert_int_eq(host.user_space, SPACE_UNKNOWN);
	ck_assert_int_eq(host.thp_state, FACT_UNKNOWN);
	ck_assert_int_eq(host.swappiness.state, FACT_UNKNOWN);
	ck_assert_int_eq(host.compact.state, FACT_UNKNOWN);
	ck_assert_int_eq(host.ksm.state, FACT_UNKNOWN);
}
END_TEST

/* A kernel that was built without is no unknown. */
START_TEST(not_in_kernel)
{
	scratch_put("/proc/sys/vm/swappiness", "60\n");
	scratch_put("/proc/sys/kernel/ostype", "Linux\n");
	scratch_put("/sys/kernel/mm/hugepages", "\n");
	host_read(&host, scratch, "self");
	ck_assert_int_eq(host.compact.state, FACT_ABSENT);
	ck_assert_int_eq(host.numa.state, FACT_ABSENT);
	ck_assert_int_eq(host.ksm.state, FACT_ABSENT);
	ck_assert_int_eq(host.thp_state, FACT_ABSENT);
}
END_TEST

START_TEST(what_is_damaged)
{
	scratch_put("/proc/self/limits", "Max locked memory   many  unlimited bytes\n");
	scratch_put("/proc/self/status", "Uid:\nVmSize:\nVmLck: x kB\n");
	scratch_put("/proc/self/uid_map", "0 1000 1\n");
	scratch_put("/proc/sys/vm/swappiness", "-1\n");
	scratch_put("/sys/kernel/mm/ksm/run", "");
	scratch_put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise\n");
	host_read(&host, scratch, "self");
	ck_assert(!host.memlock.known);
	ck_assert_uint_eq(host.uid, LIMITS_NONE);
	ck_assert_uint_eq(host.vm_size, LIMITS_NONE);
	ck_assert_uint_eq(host.vm_locked, LIMITS_NONE);
	ck_assert_int_eq(host.user_space, SPACE_NESTED);
	ck_assert_int_eq(host.swappiness.state, FACT_UNKNOWN);
	ck_assert_int_eq(host.ksm.state, FACT_UNKNOWN);
	ck_assert_int_eq(host.thp_state, FACT_UNKNOWN);
}
END_TEST

START_TEST(topmost_cgroup)
{
	scratch_put("/proc/self/cgroup", "0::/\n");
	scratch_put("/sys/fs/cgroup/cgroup.controllers", "memory\n");
	host_read(&host, scratch, "self");
	ck_assert(host.cgroup_known);
}
END_TEST

Suite *host_suite(void)
{
	Suite *s = suite_create("host");
	TCase *t = tcase_create("host");

	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_add_test(t, whole_machine);
	tcase_add_test(t, nothing);
	tcase_add_test(t, not_in_kernel);
	tcase_add_test(t, what_is_damaged);
	tcase_add_test(t, topmost_cgroup);
	suite_add_tcase(s, t);
	return s;
}
