/* SPDX-License-Identifier: MIT */
/* What may be locked, over made-up trees of /proc and /sys/fs/cgroup, and on this machine. */
#include "config.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/limits.h"
#include "scratch.h"
#include "suites.h"

#define FILES 16
#define NONE  LIMITS_NONE

#define CG    "/sys/fs/cgroup"
#define V1    CG "/memory"
#define PROC  "20 1 0:5 / /proc rw,nosuid - proc proc rw\n"
#define UNITS "9:cpu,cpuacct:/other\n"

#define OVERLAY_OPTIONS                                                                            \
	"lowerdir=/var/lib/layers/0123456789abcdef0123456789abcdef0123456789abcdef/fs,"            \
	"lowerdir=/var/lib/layers/0123456789abcdef0123456789abcdef0123456789abcdef/fs,"            \
	"lowerdir=/var/lib/layers/0123456789abcdef0123456789abcdef0123456789abcdef/fs,"            \
	"lowerdir=/var/lib/layers/0123456789abcdef0123456789abcdef0123456789abcdef/fs,"
#define OVERLAY_4K                                                                                 \
	OVERLAY_OPTIONS OVERLAY_OPTIONS OVERLAY_OPTIONS OVERLAY_OPTIONS OVERLAY_OPTIONS            \
		OVERLAY_OPTIONS OVERLAY_OPTIONS OVERLAY_OPTIONS OVERLAY_OPTIONS OVERLAY_OPTIONS    \
			OVERLAY_OPTIONS OVERLAY_OPTIONS OVERLAY_OPTIONS OVERLAY_OPTIONS OVERLAY_OPTIONS

/* A tree, and what is to be read in it for process "self". */
static const struct tree {
	const char *name;
	uint64_t available, limit, room;
	struct {
		const char *path, *text;
	} files[FILES];
} trees[] = {
	{"nothing at all", NONE, NONE, NONE, {{0}}},
	{"meminfo alone", 1000 * 1024, NONE, NONE,
	 {{"/proc/meminfo", "MemTotal: 9000 kB\nMemFree:  10 kB\nMemAvailable:   1000 kB\nCached: 1 kB\n"}}},
	{"meminfo without MemAvailable", NONE, NONE, NONE,
	 {{"/proc/meminfo", "MemTotal: 9000 kB\nMemFree:  10 kB\nXMemAvailable: 7 kB\n"}}},
	{"no MemAvailable that is a number", NONE, NONE, NONE,
	 {{"/proc/meminfo", "MemAvailable: lots\n"}}},
	{"MemAvailable in the first line, no newline", 5 * 1024, NONE, NONE,
	 {{"/proc/meminfo", "MemAvailable:5"}}},
	{"MemAvailable of more bytes than 64 bits hold", NONE, NONE, NONE,
	 {{"/proc/meminfo", "MemAvailable: 18014398509481985 kB\n"}}},

	{"v2", NONE, 1000000, 600000,
	 {{"/proc/self/cgroup", "0::/job\n"},
	  {CG "/job/memory.max", "1000000\n"},
	  {CG "/job/memory.current", "400000\n"}}},
	{"v2, line without newline", NONE, 1000000, 600000,
	 {{"/proc/self/cgroup", "0::/job"},
	  {CG "/job/memory.max", "1000000"},
	  {CG "/job/memory.current", "400000"}}},
	{"v2, no limit", NONE, NONE, NONE,
	 {{"/proc/self/cgroup", "0::/job\n"},
	  {CG "/job/memory.max", "max\n"},
	  {CG "/job/memory.current", "400000\n"}}},
	{"v2, a limit but no usage", NONE, NONE, NONE,
	 {{"/proc/self/cgroup", "0::/job\n"}, {CG "/job/memory.max", "1000000\n"}}},
	{"v2, cache that is reclaimable", NONE, 1000000, 900000,
	 {{"/proc/self/cgroup", "0::/job\n"},
	  {CG "/job/memory.max", "1000000\n"},
	  {CG "/job/memory.current", "400000\n"},
	  {CG "/job/memory.stat", "anon 7\nfile 390000\nactive_file 90000\ninactive_file 300000\n"}}},
	{"v2, more cache than usage", NONE, 1000000, 1000000,
	 {{"/proc/self/cgroup", "0::/job\n"},
	  {CG "/job/memory.max", "1000000\n"},
	  {CG "/job/memory.current", "400000\n"},
	  {CG "/job/memory.stat", "inactive_file 400001\n"}}},
	{"v2, usage above the limit", NONE, 4096, 0,
	 {{"/proc/self/cgroup", "0::/job\n"},
	  {CG "/job/memory.max", "4096\n"},
	  {CG "/job/memory.current", "8192\n"}}},
	{"v2, limit 0", NONE, 0, 0,
	 {{"/proc/self/cgroup", "0::/job\n"},
	  {CG "/job/memory.max", "0\n"},
	  {CG "/job/memory.current", "0\n"}}},
	{"v2, the least room in the middle", NONE, 2000000, 100000,
	 {{"/proc/self/cgroup", "0::/a/b/c\n"},
	  {CG "/a/b/c/memory.max", "1000000\n"},
	  {CG "/a/b/c/memory.current", "400000\n"},
	  {CG "/a/b/memory.max", "2000000\n"},
	  {CG "/a/b/memory.current", "1900000\n"},
	  {CG "/a/memory.max", "3000000\n"},
	  {CG "/a/memory.current", "2000000\n"}}},
	{"v2, the least room at the top", NONE, 3000000, 5,
	 {{"/proc/self/cgroup", "0::/a/b/c\n"},
	  {CG "/a/b/c/memory.max", "max\n"},
	  {CG "/a/b/memory.max", "2000000\n"},
	  {CG "/a/b/memory.current", "1900000\n"},
	  {CG "/a/memory.max", "3000000\n"},
	  {CG "/a/memory.current", "2999995\n"}}},
	{"v2, a leaf without the controller", NONE, 3000000, 1000000,
	 {{"/proc/self/cgroup", "0::/a/b/c\n"},
	  {"/proc/self/mountinfo", PROC "21 1 0:30 / " CG " rw - cgroup2 cgroup2 rw\n"},
	  {CG "/a/memory.max", "3000000\n"},
	  {CG "/a/memory.current", "2000000\n"}}},
	{"v2, namespace: the limit is on the mount itself", NONE, 1000, 400,
	 {{"/proc/self/cgroup", "0::/\n"},
	  {CG "/memory.max", "1000\n"},
	  {CG "/memory.current", "600\n"}}},
	{"v2, elsewhere", NONE, 1000, 400,
	 {{"/proc/self/cgroup", "0::/job\n"},
	  {"/proc/self/mountinfo", PROC "21 1 0:30 / /mnt/cg rw,nosuid shared:4 - cgroup2 none rw\n"},
	  {"/mnt/cg/job/memory.max", "1000\n"},
	  {"/mnt/cg/job/memory.current", "600\n"}}},
	{"v2, a folder above the mount is none of it", NONE, 1000, 400,
	 {{"/proc/self/cgroup", "0::/job\n"},
	  {"/proc/self/mountinfo", "21 1 0:30 / /mnt/cg rw - cgroup2 none rw\n"},
	  {"/mnt/memory.max", "7\n"},
	  {"/mnt/memory.current", "7\n"},
	  {"/mnt/cg/job/memory.max", "1000\n"},
	  {"/mnt/cg/job/memory.current", "600\n"}}},
	{"v2, not mounted", NONE, NONE, NONE,
	 {{"/proc/self/cgroup", "0::/job\n"}, {"/proc/self/mountinfo", PROC}}},
	{"v2, of another branch", NONE, NONE, NONE,
	 {{"/proc/self/cgroup", "0::/../other\n"},
	  {"/proc/self/mountinfo", "21 1 0:30 / " CG " rw - cgroup2 cgroup2 rw\n"}}},

	{"v1", NONE, 1000000, 600000,
	 {{"/proc/self/cgroup", UNITS "4:memory:/job\n1:name=systemd:/x\n"},
	  {V1 "/job/memory.limit_in_bytes", "1000000\n"},
	  {V1 "/job/memory.usage_in_bytes", "400000\n"}}},
	{"v1, no limit", NONE, NONE, NONE,
	 {{"/proc/self/cgroup", "4:memory:/job\n"},
	  {V1 "/job/memory.limit_in_bytes", "9223372036854771712\n"},
	  {V1 "/job/memory.usage_in_bytes", "400000\n"}}},
	{"v1, no limit, 64 KiB pages", NONE, NONE, NONE,
	 {{"/proc/self/cgroup", "4:memory:/job\n"},
	  {V1 "/job/memory.limit_in_bytes", "9223372036854710272\n"},
	  {V1 "/job/memory.usage_in_bytes", "400000\n"}}},
	{"v1, a number of more than 64 bits", NONE, NONE, NONE,
	 {{"/proc/self/cgroup", "4:memory:/job\n"},
	  {V1 "/job/memory.limit_in_bytes", "99999999999999999999999\n"},
	  {V1 "/job/memory.usage_in_bytes", "400000\n"}}},
	{"v1, cache: the total with children", NONE, 1000000, 800000,
	 {{"/proc/self/cgroup", "4:memory:/job\n"},
	  {V1 "/job/memory.limit_in_bytes", "1000000\n"},
	  {V1 "/job/memory.usage_in_bytes", "400000\n"},
	  {V1 "/job/memory.stat", "cache 5\ninactive_file 100\ntotal_inactive_file 200000\n"}}},
	{"v1, nested, the least room in the middle", NONE, 500000, 1,
	 {{"/proc/self/cgroup", "4:memory:/a/b/c\n"},
	  {V1 "/a/b/c/memory.limit_in_bytes", "9223372036854771712\n"},
	  {V1 "/a/b/memory.limit_in_bytes", "500000\n"},
	  {V1 "/a/b/memory.usage_in_bytes", "499999\n"},
	  {V1 "/a/memory.limit_in_bytes", "800000\n"},
	  {V1 "/a/memory.usage_in_bytes", "499999\n"}}},
	{"v1, mounted with another controller", NONE, 1000000, 600000,
	 {{"/proc/self/cgroup", "4:cpu,memory:/job\n"},
	  {"/proc/self/mountinfo",
	   PROC "30 1 0:31 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n"
		"31 1 0:32 / /cg/cpu,memory rw - cgroup cgroup rw,cpu,memory\n"},
	  {"/cg/cpu,memory/job/memory.limit_in_bytes", "1000000\n"},
	  {"/cg/cpu,memory/job/memory.usage_in_bytes", "400000\n"}}},
	{"hybrid, memory in v1", NONE, 1000000, 600000,
	 {{"/proc/self/cgroup", "4:memory:/job\n1:name=systemd:/x\n0::/unified\n"},
	  {V1 "/job/memory.limit_in_bytes", "1000000\n"},
	  {V1 "/job/memory.usage_in_bytes", "400000\n"},
	  {CG "/unified/memory.max", "7\n"},
	  {CG "/unified/memory.current", "7\n"}}},
	{"hybrid, v2's line first", NONE, 1000000, 600000,
	 {{"/proc/self/cgroup", "0::/unified\n4:memory:/job\n"},
	  {V1 "/job/memory.limit_in_bytes", "1000000\n"},
	  {V1 "/job/memory.usage_in_bytes", "400000\n"}}},
	{"hybrid, memory in v2", NONE, 1000, 300,
	 {{"/proc/self/cgroup", "3:cpuset:/x\n1:name=memory:/y\n0::/job\n"},
	  {"/proc/self/mountinfo",
	   PROC "30 1 0:31 / " CG "/cpuset rw - cgroup cgroup rw,cpuset\n"
		"31 1 0:32 / " CG "/unified rw - cgroup2 cgroup2 rw\n"},
	  {CG "/unified/job/memory.max", "1000\n"},
	  {CG "/unified/job/memory.current", "700\n"}}},

	{"container: the mount is the process's cgroup", NONE, 5000, 4000,
	 {{"/proc/self/cgroup", "4:memory:/docker/abc\n"},
	  {"/proc/self/mountinfo", PROC "33 25 0:29 /docker/abc " V1
					" ro,nosuid master:9 - cgroup cgroup rw,memory\n"},
	  {V1 "/memory.limit_in_bytes", "5000\n"},
	  {V1 "/memory.usage_in_bytes", "1000\n"}}},
	{"container: a cgroup below the mount's", NONE, 5000, 2000,
	 {{"/proc/self/cgroup", "4:memory:/docker/abc/inner\n"},
	  {"/proc/self/mountinfo", PROC "33 25 0:29 /docker/abc " V1
					" ro,nosuid shared:9 - cgroup cgroup rw,memory\n"},
	  {V1 "/memory.limit_in_bytes", "5000\n"},
	  {V1 "/memory.usage_in_bytes", "3000\n"},
	  {V1 "/inner/memory.limit_in_bytes", "5000\n"},
	  {V1 "/inner/memory.usage_in_bytes", "1000\n"}}},
	{"container: v2, the mount's root is a part of the path", NONE, 5000, 1000,
	 {{"/proc/self/cgroup", "0::/kubepods/pod1/c1\n"},
	  {"/proc/self/mountinfo", "33 25 0:29 /kubepods/pod1 " CG " ro - cgroup2 cgroup rw\n"},
	  {CG "/c1/memory.max", "5000\n"},
	  {CG "/c1/memory.current", "4000\n"}}},
	{"container: a mount of another cgroup", NONE, 5000, 1000,
	 {{"/proc/self/cgroup", "0::/other\n"},
	  {"/proc/self/mountinfo", "33 25 0:29 /docker/abc " CG " ro - cgroup2 cgroup rw\n"},
	  {CG "/memory.max", "5000\n"},
	  {CG "/memory.current", "4000\n"}}},
	{"container: a mount whose name begins alike", NONE, 5000, 1000,
	 {{"/proc/self/cgroup", "0::/docker/abcdef\n"},
	  {"/proc/self/mountinfo", "33 25 0:29 /docker/abc /cg rw - cgroup2 cgroup rw\n"},
	  {"/cg/memory.max", "5000\n"},
	  {"/cg/memory.current", "4000\n"}}},
	{"mount point with blanks", NONE, 5000, 1000,
	 {{"/proc/self/cgroup", "0::/job\n"},
	  {"/proc/self/mountinfo", "33 25 0:29 / /my\\040c\\134g rw - cgroup2 cgroup rw\n"},
	  {"/my c\\g/job/memory.max", "5000\n"},
	  {"/my c\\g/job/memory.current", "4000\n"}}},
	{"mount root with blanks", NONE, 5000, 1000,
	 {{"/proc/self/cgroup", "0::/my pod/job\n"},
	  {"/proc/self/mountinfo", "33 25 0:29 /my\\040pod /cg rw - cgroup2 cgroup rw\n"},
	  {"/cg/job/memory.max", "5000\n"},
	  {"/cg/job/memory.current", "4000\n"}}},
	{"mount root that is the whole cgroup", NONE, 5000, 1000,
	 {{"/proc/self/cgroup", "0::/pod\n"},
	  {"/proc/self/mountinfo", "33 25 0:29 /pod /cg rw - cgroup2 cgroup rw\n"},
	  {"/cg/memory.max", "5000\n"},
	  {"/cg/memory.current", "4000\n"}}},
	{"backslashes that are no escapes", NONE, 5000, 1000,
	 {{"/proc/self/cgroup", "0::/job\n"},
	  {"/proc/self/mountinfo", "33 25 0:29 / /c\\04g\\ rw - cgroup2 cgroup rw\n"},
	  {"/c\\04g\\/job/memory.max", "5000\n"},
	  {"/c\\04g\\/job/memory.current", "4000\n"}}},
	{"cgroup with a colon", NONE, 5000, 1000,
	 {{"/proc/self/cgroup", "0::/a:b\n"},
	  {CG "/a:b/memory.max", "5000\n"},
	  {CG "/a:b/memory.current", "4000\n"}}},
	{"mount table with a line longer than the buffer", NONE, 5000, 1000,
	 {{"/proc/self/cgroup", "0::/job\n"},
	  {"/proc/self/mountinfo",
	   "19 1 0:4 / / rw - overlay overlay rw," OVERLAY_4K "\n" PROC
	   "33 25 0:29 / /cg rw - cgroup2 cgroup rw\n"},
	  {"/cg/job/memory.max", "5000\n"},
	  {"/cg/job/memory.current", "4000\n"}}},
	{"broken lines", NONE, NONE, NONE,
	 {{"/proc/self/cgroup", "\n:\n4\n4:memory\nmemory:/x\n5:xmemory,memoryx:/y\n"},
	  {V1 "/x/memory.limit_in_bytes", "5000\n"},
	  {V1 "/x/memory.usage_in_bytes", "4000\n"}}},
	{"all of it", 2048, 10000, 3000,
	 {{"/proc/meminfo", "MemAvailable: 2 kB\n"},
	  {"/proc/self/cgroup", "0::/job\n"},
	  {CG "/job/memory.max", "10000\n"},
	  {CG "/job/memory.current", "7000\n"}}},
};

static struct limits_memory read_tree(const char *root, const char *process)
{
	static struct limits_scratch buffers;
	struct limits_memory memory;

	memset(&memory, 0x5a, sizeof(memory));
	memset(&buffers, 0x5a, sizeof(buffers));
	limits_memory(&memory, root, process, &buffers);
	return memory;
}

START_TEST(trees_are_read)
{
	const struct tree *tree = &trees[_i];
	struct limits_memory m;

	for (int i = 0; i < FILES && tree->files[i].path; i++)
		scratch_put(tree->files[i].path, tree->files[i].text);
	m = read_tree(scratch, "self");
	ck_assert_msg(m.available == tree->available, "%s: available %lu", tree->name,
		      (unsigned long)m.available);
	ck_assert_msg(m.cgroup_room == tree->room, "%s: room %lu", tree->name,
		      (unsigned long)m.cgroup_room);
	ck_assert_msg(m.cgroup_limit == tree->limit, "%s: limit %lu", tree->name,
		      (unsigned long)m.cgroup_limit);
	ck_assert_int_eq(m.cgroup_known, tree->limit != NONE);
	ck_assert_uint_eq(limits_room(&m),
			  tree->available < tree->room ? tree->available : tree->room);
}
END_TEST

START_TEST(another_process)
{
	struct limits_memory m;

	scratch_put("/proc/self/cgroup", "0::/mine\n");
	scratch_put("/proc/77/cgroup", "0::/its\n");
	scratch_put(CG "/mine/memory.max", "1000\n");
	scratch_put(CG "/mine/memory.current", "0\n");
	scratch_put("/proc/77/mountinfo", "33 25 0:29 / /cg rw - cgroup2 cgroup rw\n");
	scratch_put("/cg/its/memory.max", "2000\n");
	scratch_put("/cg/its/memory.current", "0\n");
	m = read_tree(scratch, "77");
	ck_assert_uint_eq(m.cgroup_limit, 2000);
	m = read_tree(scratch, "78");
	ck_assert(!m.cgroup_known);
}
END_TEST

/* A path that is too long for the buffers is not cut to that of another cgroup. */
START_TEST(long_paths)
{
	char cgroup[600] = "0::/job/";

	memset(cgroup + strlen(cgroup), 'x', sizeof(cgroup) - strlen(cgroup) - 1);
	cgroup[sizeof(cgroup) - 1] = '\0';
	scratch_put("/proc/self/cgroup", cgroup);
	scratch_put("/proc/self/mountinfo", "33 25 0:29 / /cg rw - cgroup2 cgroup rw\n");
	ck_assert(!read_tree(scratch, "self").cgroup_known);
}
END_TEST

/* On this machine: figures that hold together, whatever they are. */
START_TEST(this_machine)
{
	struct limits_memory m = read_tree("", "self");
	uint64_t total = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	ck_assert_uint_gt(m.available, 0);
	ck_assert_uint_le(m.available, total);
	if (m.cgroup_known)
		ck_assert_uint_le(m.cgroup_room, m.cgroup_limit);
	else
		ck_assert_uint_eq(m.cgroup_room, NONE);
}
END_TEST

START_TEST(files)
{
	char text[8];

	scratch_put("/file", "0123456789");
	memset(text, '#', sizeof(text));
	ck_assert_int_eq(limits_read_file(scratch_path("/file"), text, 5), 4);
	ck_assert_str_eq(text, "0123");
	ck_assert_int_eq(text[5], '#');
	scratch_put("/file", "0123");
	ck_assert_int_eq(limits_read_file(scratch_path("/file"), text, sizeof(text)), 4);
	ck_assert_str_eq(text, "0123");
	scratch_put("/file", "");
	ck_assert_int_eq(limits_read_file(scratch_path("/file"), text, sizeof(text)), 0);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(limits_read_file(scratch_path("/none"), text, sizeof(text)), -ENOENT);
	ck_assert_int_eq(limits_read_file(scratch, text, sizeof(text)), -EISDIR);
}
END_TEST

/* What the kernel says in /proc/self/status of CAP_IPC_LOCK. */
static bool capable_by_status(void)
{
	unsigned long effective = 0;
	char line[256];
	FILE *file = fopen("/proc/self/status", "r");

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %lx", &effective) == 1)
			break;
	fclose(file);
	return effective >> CAP_IPC_LOCK & 1;
}

static bool capability_drop(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) != 0)
		return false;
	data[CAP_IPC_LOCK / 32].effective &= ~(1u << CAP_IPC_LOCK % 32);
	return syscall(SYS_capset, &header, data) == 0;
}

START_TEST(capability)
{
	int status;
	pid_t child;

	ck_assert_int_eq(limits_capable(), capable_by_status());
	child = fork();
	if (child == 0)
		_exit(capability_drop() && !capable_by_status() && !limits_capable() ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

Suite *limits_suite(void)
{
	Suite *s = suite_create("limits");
	TCase *t = tcase_create("limits");

	tcase_add_unchecked_fixture(t, scratch_make, scratch_remove);
	tcase_add_checked_fixture(t, scratch_clear, NULL);
	tcase_add_loop_test(t, trees_are_read, 0, COUNT(trees));
	tcase_add_test(t, another_process);
	tcase_add_test(t, long_paths);
	tcase_add_test(t, this_machine);
	tcase_add_test(t, files);
	tcase_add_test(t, capability);
	suite_add_tcase(s, t);
	return s;
}
