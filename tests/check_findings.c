/* SPDX-License-Identifier: MIT */
/* Unit tests of verdicts: each figure that changes one, and what is unknown. */
#include "config.h"

#include <elf.h>
#include <string.h>

#include "cli/findings.h"
#include "cli_suites.h"

static struct checked facts;
static struct findings found;

/* A machine on which nothing is to be said. */
static void begin(void)
{
	char *const none[] = {NULL};

	memset(&facts, 0, sizeof(facts));
	memset(&found, 0, sizeof(found));
	options_read(&facts.settings, none, NULL, NULL);
	facts.host.memlock = facts.host.rtprio =
		(struct host_limit){.known = true, .soft = UINT64_MAX, .hard = UINT64_MAX};
	facts.host.memory = (struct limits_memory){.available = 1 << 30, .cgroup_limit = LIMITS_NONE,
						    .cgroup_room = LIMITS_NONE};
	facts.host.cgroup_known = true;
	facts.host.swappiness = facts.host.overcommit = facts.host.compact = facts.host.numa =
		facts.host.ksm = (struct fact){FACT_KNOWN, 0};
	facts.host.thp_state = FACT_KNOWN;
	strcpy(facts.host.thp, "madvise");
	facts.host.uid = 1000;
	facts.reserves = 1 << 20;
}

static void limit_to(uint64_t soft, uint64_t hard)
{
	facts.host.memlock.soft = soft;
	facts.host.memlock.hard = hard;
}

static enum verdict verdict_on(const char *check)
{
	found.count = 0;
	findings_of_limits(&found, &facts);
	findings_of_memory(&found, &facts);
	findings_of_kernel(&found, &facts);
	for (unsigned i = 0; i < found.count; i++)
		if (strcmp(found.list[i].check, check) == 0)
			return found.list[i].verdict;
	return VERDICT_COUNT;
}

START_TEST(all_is_well)
{
	verdict_on("");
	ck_assert_uint_eq(found.count, 11);
	for (unsigned i = 0; i < found.count; i++) {
		ck_assert_msg(found.list[i].verdict == VERDICT_OK, "%s", found.list[i].check);
		ck_assert_ptr_eq(found.list[i].remedy, NULL);
	}
}
END_TEST

START_TEST(all_is_unknown)
{
	memset(&facts.host, 0, sizeof(facts.host));
	facts.host.memory.available = facts.host.swap_total = facts.host.uid = LIMITS_NONE;
	facts.capability = (struct probe_capability){PROBE_UNKNOWN, PROBE_UNKNOWN, PROBE_UNKNOWN,
						      PROBE_UNKNOWN};
	facts.honoured = PROBE_UNKNOWN;
	facts.need = LIMITS_NONE;
	verdict_on("");
	ck_assert_uint_eq(found.count, 12);
	for (unsigned i = 0; i < found.count; i++)
		ck_assert_msg(found.list[i].verdict == VERDICT_UNKNOWN, "%s", found.list[i].check);
}
END_TEST

START_TEST(lock_limit)
{
	limit_to(65536, UINT64_MAX); /* which is raised before the program starts */
	ck_assert_int_eq(verdict_on("memory lock limit"), VERDICT_OK);
	facts.process = true; /* too late for that */
	ck_assert_int_eq(verdict_on("memory lock limit"), VERDICT_WARN);
	facts.process = false;
	limit_to(65536, 65536);
	ck_assert_int_eq(verdict_on("memory lock limit"), VERDICT_WARN);
	limit_to(0, 0);
	ck_assert_int_eq(verdict_on("memory lock limit"), VERDICT_FAIL);
	facts.honoured = PROBE_YES;
	ck_assert_int_eq(verdict_on("memory lock limit"), VERDICT_OK);
}
END_TEST

START_TEST(need)
{
	ck_assert_int_eq(verdict_on("address space"), VERDICT_COUNT);
	facts.need = 65537;
	ck_assert_int_eq(verdict_on("address space"), VERDICT_OK);
	limit_to(65536, 65536);
	ck_assert_int_eq(verdict_on("address space"), VERDICT_FAIL);
	facts.need = 65536;
	ck_assert_int_eq(verdict_on("address space"), VERDICT_OK);
	facts.host.memlock.known = false;
	ck_assert_int_eq(verdict_on("address space"), VERDICT_UNKNOWN);
}
END_TEST

START_TEST(capability)
{
	limit_to(65536, 65536);
	ck_assert_int_eq(verdict_on("CAP_IPC_LOCK"), VERDICT_WARN);
	facts.capability.effective = PROBE_YES;
	ck_assert_int_eq(verdict_on("CAP_IPC_LOCK"), VERDICT_WARN); /* and not honoured */
	ck_assert_int_eq(verdict_on("CAP_IPC_LOCK kept"), VERDICT_COUNT);
	facts.honoured = PROBE_YES;
	ck_assert_int_eq(verdict_on("CAP_IPC_LOCK"), VERDICT_OK);
	ck_assert_int_eq(verdict_on("CAP_IPC_LOCK kept"), VERDICT_FAIL); /* not ambient */
	facts.capability.ambient = PROBE_YES;
	ck_assert_int_eq(verdict_on("CAP_IPC_LOCK kept"), VERDICT_OK);
	facts.host.uid = 0;
	ck_assert_int_eq(verdict_on("CAP_IPC_LOCK kept"), VERDICT_FAIL); /* not in the bounding set */
	facts.capability.bounding = PROBE_YES;
	ck_assert_int_eq(verdict_on("CAP_IPC_LOCK kept"), VERDICT_WARN);
	limit_to(UINT64_MAX, UINT64_MAX);
	ck_assert_int_eq(verdict_on("CAP_IPC_LOCK kept"), VERDICT_COUNT);
}
END_TEST

START_TEST(room)
{
	facts.host.memory.available = facts.reserves; /* of which MAX leaves three quarters */
	ck_assert_int_eq(verdict_on("available memory"), VERDICT_FAIL);
	facts.host.memory.available = facts.reserves * 2;
	ck_assert_int_eq(verdict_on("available memory"), VERDICT_OK);
	facts.host.memory.cgroup_limit = 100 << 20;
	facts.host.memory.cgroup_room = 50 << 20;
	ck_assert_int_eq(verdict_on("memory cgroup"), VERDICT_OK);
	facts.host.memory.cgroup_room = 5 << 20;
	ck_assert_int_eq(verdict_on("memory cgroup"), VERDICT_WARN);
	facts.host.memory.cgroup_room = 1 << 20;
	ck_assert_int_eq(verdict_on("memory cgroup"), VERDICT_FAIL);
	facts.host.overcommit.value = 2;
	facts.host.commit_limit = 2 << 20;
	ck_assert_int_eq(verdict_on("overcommit"), VERDICT_OK);
	facts.host.committed = 3 << 20;
	ck_assert_int_eq(verdict_on("overcommit"), VERDICT_FAIL);
	facts.host.committed = LIMITS_NONE;
	ck_assert_int_eq(verdict_on("overcommit"), VERDICT_UNKNOWN);
}
END_TEST

START_TEST(swap)
{
	facts.host.swap_total = facts.host.swap_free = 1 << 30;
	ck_assert_int_eq(verdict_on("swap"), VERDICT_OK); /* all can be locked */
	limit_to(65536, 65536);
	ck_assert_int_eq(verdict_on("swap"), VERDICT_WARN);
	facts.host.swap_free = LIMITS_NONE;
	ck_assert_int_eq(verdict_on("swap"), VERDICT_UNKNOWN);
}
END_TEST

START_TEST(kernel_switches)
{
	facts.host.compact.value = facts.host.numa.value = facts.host.ksm.value = 1;
	ck_assert_int_eq(verdict_on("compaction"), VERDICT_WARN);
	ck_assert_int_eq(verdict_on("NUMA balancing"), VERDICT_WARN);
	ck_assert_int_eq(verdict_on("page merging"), VERDICT_WARN);
	facts.host.ksm.value = 2; /* all is unmerged */
	ck_assert_int_eq(verdict_on("page merging"), VERDICT_OK);
	facts.host.numa.state = FACT_ABSENT;
	ck_assert_int_eq(verdict_on("NUMA balancing"), VERDICT_OK);
	strcpy(facts.host.thp, "always");
	ck_assert_int_eq(verdict_on("huge pages"), VERDICT_WARN);
	strcpy(facts.host.thp, "never");
	ck_assert_int_eq(verdict_on("huge pages"), VERDICT_OK);
	facts.settings.huge = HUGE_THP;
	ck_assert_int_eq(verdict_on("huge pages"), VERDICT_WARN);
}
END_TEST

START_TEST(real_time)
{
	facts.host.rtprio = (struct host_limit){.known = true};
	ck_assert_int_eq(verdict_on("real-time priority"), VERDICT_OK);
	facts.settings.profile = PROFILE_REALTIME;
	ck_assert_int_eq(verdict_on("real-time priority"), VERDICT_WARN);
	facts.capability.nice = PROBE_YES;
	ck_assert_int_eq(verdict_on("real-time priority"), VERDICT_OK);
}
END_TEST

static enum verdict verdict_on_program(const struct program *p, const char *check)
{
	memset(&found, 0, sizeof(found));
	findings_of_program(&found, p);
	for (unsigned i = 0; i < found.count; i++)
		if (strcmp(found.list[i].check, check) == 0)
			return found.list[i].verdict;
	return VERDICT_COUNT;
}

START_TEST(program)
{
	static struct program p;

	p = (struct program){.path = "x", .own_loader = "/lib/ld.so", .rights = ""};
	p.image.dynamic = true;
	p.image.machine = p.library.machine = EM_X86_64;
	strcpy(p.image.loader, "/lib64/ld.so");
	findings_of_program(&found, &p);
	ck_assert_uint_eq(found.counts[VERDICT_OK], found.count);
	p.tree.missing = 1;
	ck_assert_int_eq(verdict_on_program(&p, "allocator"), VERDICT_UNKNOWN);
	ck_assert_int_eq(verdict_on_program(&p, "sanitizer"), VERDICT_UNKNOWN);
	p.tree.allocator = "jemalloc";
	ck_assert_int_eq(verdict_on_program(&p, "allocator"), VERDICT_WARN);
	p.tree.sanitizer = "AddressSanitizer";
	ck_assert_int_eq(verdict_on_program(&p, "sanitizer"), VERDICT_WARN);
	p.rights = "setuid";
	ck_assert_int_eq(verdict_on_program(&p, "privileges"), VERDICT_FAIL);
	p.library.machine = EM_ARM;
	ck_assert_int_eq(verdict_on_program(&p, "architecture"), VERDICT_FAIL);
	p.library.machine = 0;
	ck_assert_int_eq(verdict_on_program(&p, "architecture"), VERDICT_UNKNOWN);
	strcpy(p.image.loader, "/lib/ld-musl.so");
	ck_assert_int_eq(verdict_on_program(&p, "C library"), VERDICT_FAIL);
	p.image.dynamic = false;
	ck_assert_int_eq(verdict_on_program(&p, "linking"), VERDICT_FAIL);
	ck_assert_int_eq(verdict_on_program(&p, "allocator"), VERDICT_COUNT);
	ck_assert_int_eq(verdict_on_program(&p, "C library"), VERDICT_COUNT);
}
END_TEST

Suite *findings_suite(void)
{
	Suite *s = suite_create("findings");
	TCase *t = tcase_create("findings");

	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_test(t, all_is_well);
	tcase_add_test(t, all_is_unknown);
	tcase_add_test(t, lock_limit);
	tcase_add_test(t, need);
	tcase_add_test(t, capability);
	tcase_add_test(t, room);
	tcase_add_test(t, swap);
	tcase_add_test(t, kernel_switches);
	tcase_add_test(t, real_time);
	tcase_add_test(t, program);
	suite_add_tcase(s, t);
	return s;
}
