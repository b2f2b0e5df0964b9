/* SPDX-License-Identifier: MIT */
/* The reader of maps and smaps: tables in files, made-up ones of any size, and the process's own. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/maps.h"
#include "common/size.h"
#include "common/sys.h"
#include "scratch.h"
#include "suites.h"

#define BUFFER_SIZE 16384 /* the least that is allowed */
#define ROWS	    12

static char buffer[BUFFER_SIZE];

struct row {
	const char *line;
	enum map_class class;
};

/* A table as the kernel writes it, less the newlines, and what each mapping is. */
static const struct table {
	const char *name, *program;
	uintptr_t program_at;
	struct row rows[ROWS];
} tables[] = {
	{"PIE program", "/usr/bin/prog", 0,
	 {{"55d0c0000000-55d0c0002000 r--p 00000000 fe:00 101        /usr/bin/prog", MAPS_TEXT},
	  {"55d0c0002000-55d0c0007000 r-xp 00002000 fe:00 101        /usr/bin/prog", MAPS_TEXT},
	  {"55d0c0007000-55d0c000a000 r--p 00007000 fe:00 101        /usr/bin/prog", MAPS_TEXT},
	  {"55d0c000a000-55d0c000b000 r--p 00009000 fe:00 101        /usr/bin/prog", MAPS_TEXT},
	  {"55d0c000b000-55d0c000c000 rw-p 0000a000 fe:00 101        /usr/bin/prog", MAPS_DATA},
	  {"55d0c000c000-55d0c000d000 rw-p 00000000 00:00 0 ", MAPS_DATA},
	  {"55d0f0000000-55d0f0021000 rw-p 00000000 00:00 0          [heap]", MAPS_HEAP},
	  {"7f0000000000-7f0000010000 rw-p 00000000 00:00 0 ", MAPS_ANON}}},
	{"PIE program, by an address", NULL, 0x55d0c0000040,
	 {{"55d0c0000000-55d0c0002000 r--p 00000000 fe:00 101        /usr/bin/prog", MAPS_TEXT},
	  {"55d0c0002000-55d0c0007000 r-xp 00002000 fe:00 101        /usr/bin/prog", MAPS_TEXT},
	  {"55d0c000b000-55d0c000c000 rw-p 0000a000 fe:00 101        /usr/bin/prog", MAPS_DATA},
	  {"7f0000000000-7f0000001000 r-xp 00000000 fe:00 102        /usr/lib/l.so", MAPS_LIB_TEXT}}},
	{"program of old linkers, not PIE", "/bin/old", 0,
	 {{"00400000-00452000 r-xp 00000000 08:02 173521      /bin/old", MAPS_TEXT},
	  {"00651000-00652000 r--p 00051000 08:02 173521      /bin/old", MAPS_TEXT},
	  {"00652000-00655000 rw-p 00052000 08:02 173521      /bin/old", MAPS_DATA},
	  {"00655000-00660000 rw-p 00000000 00:00 0 ", MAPS_DATA},
	  {"00e03000-00e24000 rw-p 00000000 00:00 0           [heap]", MAPS_HEAP}}},
	{"program that is not known", NULL, 0,
	 {{"00400000-00452000 r-xp 00000000 08:02 173521      /bin/old", MAPS_LIB_TEXT},
	  {"00652000-00655000 rw-p 00052000 08:02 173521      /bin/old", MAPS_DATA}}},
	{"libraries in a row", "/bin/p", 0,
	 {{"7f00-7f26 r--p 00000000 fe:00 201       /usr/lib/libc.so.6", MAPS_LIB_TEXT},
	  {"7f26-80aa r-xp 00026000 fe:00 201       /usr/lib/libc.so.6", MAPS_LIB_TEXT},
	  {"80aa-8100 r--p 001aa000 fe:00 201       /usr/lib/libc.so.6", MAPS_LIB_TEXT},
	  {"8100-8104 r--p 00200000 fe:00 201       /usr/lib/libc.so.6", MAPS_LIB_TEXT},
	  {"8104-8106 rw-p 00204000 fe:00 201       /usr/lib/libc.so.6", MAPS_DATA},
	  {"8106-8113 rw-p 00000000 00:00 0 ", MAPS_DATA},
	  {"8113-8120 r--p 00000000 fe:00 202       /usr/lib/libm.so.6", MAPS_LIB_TEXT},
	  {"8120-8130 r-xp 0000d000 fe:00 202       /usr/lib/libm.so.6", MAPS_LIB_TEXT},
	  {"8130-8131 rw-p 0001d000 fe:00 202       /usr/lib/libm.so.6", MAPS_DATA}}},
	{"library with a gap that is PROT_NONE", "/bin/p", 0,
	 {{"1000-2000 r-xp 00000000 fe:00 203        /usr/lib/old.so", MAPS_LIB_TEXT},
	  {"2000-9000 ---p 00001000 fe:00 203        /usr/lib/old.so", MAPS_RESERVED},
	  {"9000-a000 r--p 00001000 fe:00 203        /usr/lib/old.so", MAPS_LIB_TEXT},
	  {"a000-b000 rw-p 00002000 fe:00 203        /usr/lib/old.so", MAPS_DATA}}},
	{"data files", "/bin/p", 0,
	 {{"1000-2000 r--p 00000000 fe:00 301        /usr/lib/locale/locale-archive", MAPS_FILE},
	  {"2000-3000 rw-p 00000000 fe:00 302        /var/lib/db", MAPS_FILE},
	  {"3000-4000 rw-p 00000000 00:00 0 ", MAPS_ANON}, /* no bss: no code before it */
	  {"4000-5000 r--p 00000000 fe:00 303        /usr/share/icons", MAPS_FILE},
	  {"5000-6000 r-xp 00000000 fe:00 304        /usr/lib/l.so", MAPS_LIB_TEXT},
	  {"6000-7000 r--p 00000000 fe:00 305        /usr/share/fonts", MAPS_FILE}}},
	{"what is no bss", "/bin/p", 0,
	 {{"1000-2000 r-xp 00000000 fe:00 401        /usr/lib/l.so", MAPS_LIB_TEXT},
	  {"2000-3000 rw-p 00001000 fe:00 401        /usr/lib/l.so", MAPS_DATA},
	  {"4000-5000 rw-p 00000000 00:00 0 ", MAPS_ANON}, /* not adjacent */
	  {"6000-7000 r-xp 00000000 fe:00 402        /usr/lib/m.so", MAPS_LIB_TEXT},
	  {"7000-8000 rw-p 00000000 00:00 0 ", MAPS_ANON}, /* behind text */
	  {"8000-9000 rw-p 00001000 fe:00 403        /usr/lib/n.so", MAPS_FILE},
	  {"a000-b000 r-xp 00000000 fe:00 404        /usr/lib/o.so", MAPS_LIB_TEXT},
	  {"b000-c000 rw-p 00001000 fe:00 404        /usr/lib/o.so", MAPS_DATA},
	  {"c000-d000 ---p 00000000 00:00 0 ", MAPS_RESERVED},
	  {"d000-e000 rw-p 00000000 00:00 0 ", MAPS_ANON}}},
	{"stack and kernel", NULL, 0,
	 {{"7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0          [stack]", MAPS_STACK},
	  {"7ffc00100000-7ffc00104000 r--p 00000000 00:00 0          [vvar]", MAPS_KERNEL},
	  {"7ffc00104000-7ffc00106000 r--p 00000000 00:00 0          [vvar_vclock]", MAPS_KERNEL},
	  {"7ffc00106000-7ffc00108000 r-xp 00000000 00:00 0          [vdso]", MAPS_KERNEL},
	  {"7fffffffe000-7ffffffff000 --xp 00000000 00:00 0          [uprobes]", MAPS_KERNEL},
	  {"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]", MAPS_KERNEL}}},
	{"anonymous memory with names", NULL, 0,
	 {{"1000-2000 rw-p 00000000 00:00 0       [anon:jit-code]", MAPS_ANON},
	  {"2000-3000 rw-p 00000000 00:00 0       [anon: glibc: malloc]", MAPS_ANON},
	  {"3000-4000 ---p 00000000 00:00 0       [anon:reserve]", MAPS_RESERVED},
	  {"4000-5000 rw-s 00000000 00:01 9       [anon_shmem:pool]", MAPS_FILE},
	  {"5000-6000 rwxp 00000000 00:00 0 ", MAPS_ANON}}},
	{"deleted files", "/usr/bin/prog (deleted)", 0,
	 {{"1000-2000 r--p 00000000 fe:00 501        /usr/bin/prog (deleted)", MAPS_TEXT},
	  {"2000-3000 r-xp 00001000 fe:00 501        /usr/bin/prog (deleted)", MAPS_TEXT},
	  {"3000-4000 rw-p 00002000 fe:00 501        /usr/bin/prog (deleted)", MAPS_DATA},
	  {"5000-6000 r-xp 00000000 fe:00 502        /usr/lib/l.so (deleted)", MAPS_LIB_TEXT},
	  {"7000-8000 r--p 00000000 fe:00 503        /tmp/data (deleted)", MAPS_FILE}}},
	{"paths with blanks", "/opt/my  program ", 0,
	 {{"1000-2000 r-xp 00000000 fe:00 601        /opt/my  program ", MAPS_TEXT},
	  {"2000-3000 r-xp 00000000 fe:00 602        /opt/my program ", MAPS_LIB_TEXT},
	  {"3000-4000 r--p 00000000 fe:00 603        /opt/a - b/c 00:00 0", MAPS_FILE}}},
	{"paths with newlines", NULL, 0x1040,
	 {{"1000-2000 r-xp 00000000 fe:00 604        /opt/my\\012program", MAPS_TEXT},
	  {"2000-3000 rw-p 00001000 fe:00 604        /opt/my\\012program", MAPS_DATA},
	  {"3000-4000 r-xp 00000000 fe:00 605        /opt/my\\012library", MAPS_LIB_TEXT}}},
	{"shared memory", NULL, 0,
	 {{"1000-2000 rw-s 00000000 00:05 1          /dev/zero (deleted)", MAPS_FILE},
	  {"2000-3000 rw-s 00000000 00:01 65536      /SYSV00000000 (deleted)", MAPS_FILE},
	  {"3000-4000 rw-s 00000000 00:16 7          /dev/shm/ring", MAPS_FILE},
	  {"4000-5000 rw-s 00000000 00:01 99         /memfd:ramlock (deleted)", MAPS_FILE},
	  {"5000-6000 rw-p 00000000 00:01 98         /memfd:private (deleted)", MAPS_FILE},
	  {"6000-7000 rwxs 00000000 00:01 97         /memfd:jit (deleted)", MAPS_FILE},
	  {"7000-8000 rw-p 00000000 00:01 97         /memfd:jit (deleted)", MAPS_FILE},
	  {"8000-9000 r-xp 00000000 00:01 96         /memfd:module (deleted)", MAPS_LIB_TEXT}}},
	{"devices and what is no file", NULL, 0,
	 {{"1000-2000 rw-s fee00000 00:05 6          /dev/mem", MAPS_FILE},
	  {"2000-3000 rw-s 100001000 00:06 300       /dev/dri/card0", MAPS_FILE},
	  {"3000-4000 rw-p 00000000 00:05 5          /dev/zero", MAPS_FILE},
	  {"4000-5000 rw-s 00000000 00:0e 1057       anon_inode:[perf_event]", MAPS_FILE},
	  {"5000-6000 rw-s 00000000 00:09 8          socket:[123456]", MAPS_FILE},
	  {"6000-7000 ---s 00000000 00:05 6          /dev/mem", MAPS_RESERVED}}},
	{"the same inode on two devices", NULL, 0x1040,
	 {{"1000-2000 r-xp 00000000 fe:00 701        /usr/bin/prog", MAPS_TEXT},
	  {"2000-3000 r--p 00000000 00:2a 701        /srv/data", MAPS_FILE},
	  {"3000-4000 r-xp 00000000 00:2b 701        /srv/l.so", MAPS_LIB_TEXT},
	  {"4000-5000 r--p 00000000 00:2a 702        /srv/data", MAPS_FILE},
	  {"5000-6000 r-xp 00000000 00:2b 702        /srv/m.so", MAPS_LIB_TEXT}}},
};

/* What the kernel puts in the path's place, by an independent look. */
static const char *path_of(const char *line)
{
	const char *at = line;

	for (int field = 0; field < 5; field++) {
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	return at;
}

static void put_rows(const struct row *rows, bool last_newline)
{
	static char text[ROWS * 128];

	*text = '\0';
	for (int i = 0; i < ROWS && rows[i].line; i++) {
		strcat(text, rows[i].line);
		if (last_newline || (i + 1 < ROWS && rows[i + 1].line))
			strcat(text, "\n");
	}
	scratch_put("/maps", text);
}

static void open_scratch(struct maps *maps, const char *program)
{
	ck_assert_int_eq(maps_open(maps, scratch_path("/maps"), program, buffer, sizeof(buffer)), 0);
}

static void check_rows(const struct table *table)
{
	struct mapping mapping;
	struct maps maps;
	int i = 0;

	open_scratch(&maps, table->program);
	maps.program_at = table->program_at;
	for (; maps_next(&maps, &mapping); i++) {
		const struct row *row = &table->rows[i];

		ck_assert_int_lt(i, ROWS);
		ck_assert_msg(row->line != NULL, "%s: a mapping too many", table->name);
		ck_assert_msg(mapping.class == row->class, "%s: '%s' is %s, not %s", table->name,
			      row->line, map_class_names[mapping.class],
			      map_class_names[row->class]);
		ck_assert_str_eq(mapping.path, path_of(row->line));
		ck_assert_uint_eq(mapping.start, strtoull(row->line, NULL, 16));
	}
	ck_assert(i == ROWS || table->rows[i].line == NULL);
	ck_assert_uint_eq(maps.broken, 0);
	maps_close(&maps);
}

START_TEST(classes)
{
	put_rows(tables[_i].rows, true);
	check_rows(&tables[_i]);
}
END_TEST

START_TEST(last_line_without_newline)
{
	put_rows(tables[_i].rows, false);
	check_rows(&tables[_i]);
}
END_TEST

/* Reads the one mapping of a text. */
static struct mapping read_one(const char *text)
{
	struct mapping mapping;
	struct maps maps;

	scratch_put("/maps", text);
	open_scratch(&maps, NULL);
	ck_assert(maps_next(&maps, &mapping));
	maps_close(&maps);
	return mapping;
}

START_TEST(fields)
{
	struct mapping m = read_one(
		"7f1234567000-7ffffffff000 r-xs 12345678a000 fd:0a 18446744073709551615  /a b\n");

	ck_assert_uint_eq(m.start, 0x7f1234567000);
	ck_assert_uint_eq(m.end, 0x7ffffffff000);
	ck_assert_uint_eq(m.prot, MAPS_R | MAPS_X);
	ck_assert(m.shared);
	ck_assert_uint_eq(m.offset, 0x12345678a000);
	ck_assert_uint_eq(m.device, UINT64_C(0xfd) << 32 | 0x0a);
	ck_assert_uint_eq(m.inode, UINT64_MAX);
	ck_assert_str_eq(m.path, "/a b");
	ck_assert_uint_eq(m.resident, 0);
	ck_assert_uint_eq(m.locked, 0);
	m = read_one("1000-2000 -w-p 00000000 00:00 0 \n");
	ck_assert_uint_eq(m.prot, MAPS_W);
	ck_assert(!m.shared);
	ck_assert_str_eq(m.path, "");
}
END_TEST

START_TEST(no_blank_behind_the_inode)
{
	ck_assert_str_eq(read_one("1000-2000 rw-p 00000000 00:00 0\n").path, "");
	ck_assert_uint_eq(read_one("1000-2000 rw-p 00000000 fe:00 77\n").inode, 77);
	ck_assert_uint_eq(read_one("1000-2000 rw-p 00000000 fe:00 77").inode, 77);
	ck_assert_int_eq(read_one("1000-2000 rw-p 00000000 00:00 0\n").class, MAPS_ANON);
}
END_TEST

static const char *const broken_lines[] = {
	"this is no mapping",
	"",
	" 1000-2000 rw-p 00000000 00:00 0 ",
	"1000",
	"1000-",
	"1000-2000",
	"1000-2000 ",
	"1000-2000 rw-",
	"1000-2000 rw-p",
	"1000-2000 rw-p ",
	"1000-2000 rw-p 00000000",
	"1000-2000 rw-p 00000000 ",
	"1000-2000 rw-p 00000000 00:00",
	"1000-2000 rw-p 00000000 00:00 x",
	"1000-2000 rw-p 00000000 00:00 12x /a",
	"1000-2000 rw-p zzz 00:00 0 ",
	"1000-2000-3000 rw-p 00000000 00:00 0 ",
	"-2000 rw-p 00000000 00:00 0 ",
	"0x1000-0x2000 rw-p 00000000 00:00 0 ",
	"100g-2000 rw-p 00000000 00:00 0 ",
	"1@00-2000 rw-p 00000000 00:00 0 ",
	"1`00-2000 rw-p 00000000 00:00 0 ",
	"2000-1000 rw-p 00000000 00:00 0 ",
	"1000-1000 rw-p 00000000 00:00 0 ",
	"1000-2000 rw-p 00000000 00:00 ",
	"1000-2000 rw-p 00000000 0000 0 ",
	"10000000000001000-10000000000002000 rw-p 00000000 00:00 0 ",
	"1000-2000 rw-p 00000000 fe:00 18446744073709551616 /a",
};

START_TEST(broken_lines_are_counted)
{
	struct mapping mapping;
	struct maps maps;
	char text[256];

	snprintf(text, sizeof(text),
		 "1000-2000 r--p 00000000 fe:00 1  /a\n%s\n3000-4000 r-xp 00000000 fe:00 2  /b\n",
		 broken_lines[_i]);
	scratch_put("/maps", text);
	open_scratch(&maps, NULL);
	ck_assert(maps_next(&maps, &mapping));
	ck_assert_str_eq(mapping.path, "/a");
	ck_assert_uint_eq(maps.broken, 0);
	ck_assert(maps_next(&maps, &mapping));
	ck_assert_str_eq(mapping.path, "/b");
	ck_assert_uint_eq(maps.broken, 1);
	ck_assert(!maps_next(&maps, &mapping));
	maps_close(&maps);
}
END_TEST

START_TEST(nothing_to_read)
{
	struct mapping mapping;
	struct maps maps;

	ck_assert_int_eq(maps_open(&maps, "/no/such", NULL, buffer, sizeof(buffer)), -ENOENT);
	ck_assert(!maps_next(&maps, &mapping));
	maps_close(&maps);
	scratch_put("/maps", "");
	open_scratch(&maps, NULL);
	ck_assert(!maps_next(&maps, &mapping));
	ck_assert(!maps_next(&maps, &mapping));
	maps_close(&maps);
}
END_TEST

/* A path of 4 KiB is whole; of one that is longer than the buffer, the head is read and the
 * mappings around it are as without it. */
START_TEST(long_paths)
{
	static char text[5 * 20000], path[20000];
	const size_t length = _i ? sizeof(path) - 1 : 4095;
	struct mapping mapping;
	struct maps maps;

	memset(path, 'x', length);
	path[0] = '/';
	path[length] = '\0';
	snprintf(text, sizeof(text),
		 "1000-2000 r--p 00000000 fe:00 1  /a\n"
		 "2000-3000 r--p 00000000 fe:00 2  %s\n"
		 "3000-4000 r-xp 00001000 fe:00 3  /b\n",
		 path);
	scratch_put("/maps", text);
	open_scratch(&maps, NULL);
	ck_assert(maps_next(&maps, &mapping));
	ck_assert_str_eq(mapping.path, "/a");
	ck_assert(maps_next(&maps, &mapping));
	ck_assert_uint_eq(mapping.start, 0x2000);
	ck_assert_uint_eq(mapping.inode, 2);
	if (_i == 0)
		ck_assert_str_eq(mapping.path, path);
	else
		ck_assert_int_eq(strncmp(mapping.path, path, 10000), 0);
	ck_assert(maps_next(&maps, &mapping));
	ck_assert_str_eq(mapping.path, "/b");
	ck_assert_uint_eq(maps.broken, _i ? 1 : 0); /* the long line's rest */
	ck_assert(!maps_next(&maps, &mapping));
	maps_close(&maps);
}
END_TEST

/* smaps */

#define DETAILS(rss, flags)                                                                        \
	"Size:                 64 kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n"    \
	"Rss:             " rss " kB\nPss:                  99 kB\nPss_Dirty:             0 kB\n"    \
	"Shared_Clean:          0 kB\nAnonymous:            77 kB\nFilePmdMapped:         0 kB\n"   \
	"Locked:               55 kB\nTHPeligible:    0\nVmFlags: " flags " \n"

START_TEST(details)
{
	static const struct {
		const char *path;
		uint64_t resident, locked;
	} rows[] = {
		{"/a", 12 << 10, 12 << 10}, {"/b", 4 << 10, 0}, {"/c", 0, 0},
		{"/d", UINT64_C(123456789) << 10, UINT64_C(123456789) << 10},
		{"/e", 8 << 10, 0},
	};
	struct mapping mapping;
	struct maps maps;

	scratch_put("/maps",
		    "1000-9000 rw-p 00000000 fe:00 1  /a\n" DETAILS("  12", "rd wr mr mw me lo ac")
		    "9000-a000 rw-p 00000000 fe:00 2  /b\n" DETAILS("   4", "rd wr mr mw me ac")
		    "a000-b000 rw-p 00000000 fe:00 3  /c\n" DETAILS("   0", "rd wr lo")
		    "b000-c000 rw-p 00000000 fe:00 4  /d\n" DETAILS("123456789", "lo")
		    "c000-d000 rw-p 00000000 fe:00 5  /e\nRss: 8 kB\n");
	open_scratch(&maps, NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		ck_assert(maps_next(&maps, &mapping));
		ck_assert_str_eq(mapping.path, rows[i].path);
		ck_assert_uint_eq(mapping.resident, rows[i].resident);
		ck_assert_uint_eq(mapping.locked, rows[i].locked);
	}
	ck_assert(!maps_next(&maps, &mapping));
	ck_assert_uint_eq(maps.broken, 0);
	maps_close(&maps);
}
END_TEST

/* A made-up table of many libraries: five segments each, the first not executable, every seventh
 * with a long path, a data file behind every third. It is much longer than the buffer, so that
 * each kind of line lies across its end somewhere. */

#define LIBRARIES 400

struct expected {
	uintptr_t start;
	char path[600];
	enum map_class class;
	uint64_t resident, locked;
};

static struct expected expected[LIBRARIES * 7];
static int expected_count;

static void expect(FILE *file, bool smaps, uintptr_t *at, const char *prot, unsigned inode,
		   const char *path, enum map_class class)
{
	struct expected *e = &expected[expected_count++];
	unsigned kib = (unsigned)expected_count % 50 * 4;
	bool locked = expected_count % 3 == 0;

	*e = (struct expected){.start = *at, .class = class};
	snprintf(e->path, sizeof(e->path), "%s", path);
	fprintf(file, "%" PRIxPTR "-%" PRIxPTR " %s 00000000 fe:00 %u %s\n", *at, *at + 0x1000, prot,
		inode, path);
	*at += 0x1000;
	if (!smaps)
		return;
	e->resident = kib << 10;
	e->locked = locked ? kib << 10 : 0;
	fprintf(file, "Size: 200 kB\nRss: %20u kB\n%sVmFlags: rd %smr \n", kib,
		"Pss:                  99 kB\nAnonymous:            77 kB\n", locked ? "lo " : "");
}

static void put_many(bool smaps)
{
	FILE *file = fopen(scratch_path("/maps"), "w");
	uintptr_t at = 0x10000;
	char path[600];

	ck_assert_ptr_nonnull(file);
	expected_count = 0;
	for (unsigned i = 0; i < LIBRARIES; i++) {
		snprintf(path, sizeof(path), "/lib/%0*u.so", i % 7 ? 3 : 500, i);
		expect(file, smaps, &at, "r--p", i + 1, path, MAPS_LIB_TEXT);
		expect(file, smaps, &at, "r--p", i + 1, path, MAPS_LIB_TEXT);
		expect(file, smaps, &at, "r-xp", i + 1, path, MAPS_LIB_TEXT);
		expect(file, smaps, &at, "r--p", i + 1, path, MAPS_LIB_TEXT);
		expect(file, smaps, &at, "rw-p", i + 1, path, MAPS_DATA);
		expect(file, smaps, &at, "rw-p", 0, "", MAPS_DATA);
		if (i % 3 == 0)
			expect(file, smaps, &at, "r--p", i + 10000, "/srv/data", MAPS_FILE);
		at += 0x1000;
	}
	ck_assert_int_eq(fclose(file), 0);
}

static void check_many(size_t room)
{
	char *own = malloc(room); /* of this size exactly, for the sanitizer */
	struct mapping mapping;
	struct maps maps;

	ck_assert_ptr_nonnull(own);
	ck_assert_int_eq(maps_open(&maps, scratch_path("/maps"), NULL, own, room), 0);
	for (int i = 0; i < expected_count; i++) {
		const struct expected *e = &expected[i];

		ck_assert(maps_next(&maps, &mapping));
		ck_assert_uint_eq(mapping.start, e->start);
		ck_assert_str_eq(mapping.path, e->path);
		ck_assert_msg(mapping.class == e->class, "mapping %d is %s, room %zu", i,
			      map_class_names[mapping.class], room);
		ck_assert_uint_eq(mapping.resident, e->resident);
		ck_assert_uint_eq(mapping.locked, e->locked);
	}
	ck_assert(!maps_next(&maps, &mapping));
	ck_assert_uint_eq(maps.broken, 0);
	maps_close(&maps);
	free(own);
}

START_TEST(many_mappings)
{
	put_many(_i == 1);
	for (size_t room = BUFFER_SIZE; room < BUFFER_SIZE + 1000; room += 37)
		check_many(room);
	check_many(1 << 20);
}
END_TEST

/* The process's own */

/* One line by sscanf against what was read of it. */
static void check_line(const char *line, const struct mapping *mapping)
{
	uint64_t start, end, offset, inode;
	int path = 0;
	char prot[5];

	ck_assert_int_eq(sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64 " %n",
				&start, &end, prot, &offset, &inode, &path),
			 5);
	ck_assert_uint_eq(mapping->start, start);
	ck_assert_uint_eq(mapping->end, end);
	ck_assert_uint_eq(mapping->offset, offset);
	ck_assert_uint_eq(mapping->inode, inode);
	ck_assert_int_eq(mapping->shared, prot[3] == 's');
	ck_assert_uint_eq(mapping->prot, (prot[0] == 'r' ? MAPS_R : 0u) |
						 (prot[1] == 'w' ? MAPS_W : 0u) |
						 (prot[2] == 'x' ? MAPS_X : 0u));
	ck_assert_uint_eq(mapping->resident, strlen(line + path)); /* see below */
}

static size_t read_all(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t used = 0;
	ssize_t part;

	while ((part = read(fd, to + used, size - 1 - used)) > 0)
		used += (size_t)part;
	close(fd);
	to[used] = '\0';
	return used;
}

/* A table of more than a thousand lines, which the kernel hands out in pieces, by two readers.
 * Nothing is allocated between them, so that both see the same. */
START_TEST(own_maps_by_another_reader)
{
	static struct mapping mappings[8192];
	static char text[1 << 20];
	struct maps maps;
	char *save, *line;
	size_t count = 0;

	for (int i = 0; i < 1000; i++)
		mmap(NULL, size_page(), i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	ck_assert_uint_lt(read_all("/proc/self/maps", text, sizeof(text)), sizeof(text) - 1);
	maps_open(&maps, "/proc/self/maps", NULL, buffer, sizeof(buffer));
	while (count < COUNT(mappings) && maps_next(&maps, &mappings[count])) {
		mappings[count].resident = strlen(mappings[count].path); /* the path itself goes */
		count++;
	}
	maps_close(&maps);
	ck_assert_uint_eq(maps.broken, 0);
	ck_assert_uint_gt(count, 1000);
	line = strtok_r(text, "\n", &save);
	for (size_t i = 0; i < count; i++, line = strtok_r(NULL, "\n", &save)) {
		ck_assert_ptr_nonnull(line);
		check_line(line, &mappings[i]);
	}
	ck_assert_ptr_null(line);
}
END_TEST

static struct mapping mapping_at(const char *table, uintptr_t address, bool by_address)
{
	static char program[4096];
	struct mapping mapping;
	struct maps maps;
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	ck_assert_int_gt(length, 0);
	program[length] = '\0';
	ck_assert_int_eq(maps_open(&maps, table, by_address ? NULL : program, buffer,
				   sizeof(buffer)),
			 0);
	maps.program_at = by_address ? getauxval(AT_PHDR) : 0;
	while (maps_next(&maps, &mapping)) {
		if (address - mapping.start >= mapping.end - mapping.start)
			continue;
		maps_close(&maps);
		return mapping;
	}
	ck_abort_msg("no mapping has %#" PRIxPTR, address);
}

static int own_data = 1;
static int own_bss[8192];

static uintptr_t map_own(int prot, int flags, int fd)
{
	void *at = mmap(NULL, 16 * size_page(), prot, flags, fd, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return (uintptr_t)at;
}

static enum map_class own_class(uintptr_t address, bool by_address)
{
	enum map_class class = mapping_at("/proc/self/maps", address, by_address).class;

	ck_assert_int_eq(mapping_at("/proc/self/smaps", address, by_address).class, class);
	return class;
}

START_TEST(own_classes)
{
	const int private = MAP_PRIVATE | MAP_ANONYMOUS, shared = MAP_SHARED | MAP_ANONYMOUS;
	int fd = open("/proc/self/exe", O_RDONLY);
	uintptr_t page = size_page();

	ck_assert_int_eq(own_class((uintptr_t)&own_class, _i), MAPS_TEXT);
	ck_assert_int_eq(own_class((uintptr_t)tables[0].name, _i), MAPS_TEXT);
	ck_assert_int_eq(own_class(getauxval(AT_PHDR), _i), MAPS_TEXT);
	ck_assert_int_eq(own_class((uintptr_t)&own_data, _i), MAPS_DATA);
	ck_assert_int_eq(own_class((uintptr_t)own_bss + sizeof(own_bss) - 1, _i), MAPS_DATA);
	ck_assert_int_eq(own_class(getauxval(AT_RANDOM), _i), MAPS_STACK);
	ck_assert_int_eq(own_class(getauxval(AT_BASE), _i), MAPS_LIB_TEXT); /* ld.so */
	ck_assert_int_eq(own_class(getauxval(AT_SYSINFO_EHDR), _i), MAPS_KERNEL);
	if (sbrk((intptr_t)page) != (void *)-1)
		ck_assert_int_eq(own_class((uintptr_t)sbrk(0) - 1, _i), MAPS_HEAP);
	ck_assert_int_eq(own_class(map_own(PROT_READ | PROT_WRITE, private, -1), _i), MAPS_ANON);
	ck_assert_int_eq(own_class(map_own(PROT_NONE, private, -1), _i), MAPS_RESERVED);
	ck_assert_int_eq(own_class(map_own(PROT_READ | PROT_WRITE, shared, -1), _i), MAPS_FILE);
	scratch_put("/file", "text");
	ck_assert_int_ge(dup2(open(scratch_path("/file"), O_RDONLY), fd), 0);
	ck_assert_int_eq(own_class(map_own(PROT_READ, MAP_PRIVATE, fd), _i), MAPS_FILE);
}
END_TEST

/* Pages that are touched and locked, touched only, not even touched. */
START_TEST(own_residence)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS, prot = PROT_READ | PROT_WRITE;
	size_t size = 16 * size_page();
	struct mapping m;
	uintptr_t at[3];

	for (int i = 0; i < 3; i++) {
		at[i] = map_own(PROT_NONE, flags, -1);
		at[i] += size_page(); /* a border, so that neighbours do not become one mapping */
		ck_assert_int_eq(mprotect((void *)at[i], size - 2 * size_page(), prot), 0);
		ck_assert_int_eq(madvise((void *)at[i], size - 2 * size_page(), MADV_NOHUGEPAGE), 0);
		if (i < 2)
			memset((void *)at[i], 1, size - 2 * size_page());
	}
	size -= 2 * size_page();
	m = mapping_at("/proc/self/smaps", at[1], false);
	ck_assert_uint_eq(m.resident, size);
	ck_assert_uint_eq(m.locked, 0);
	m = mapping_at("/proc/self/smaps", at[2], false);
	ck_assert_uint_eq(m.resident, 0);
	if (sys_mlock(at[0], size, 0) != 0) /* by this name, as sanitizers make mlock do nothing */
		return; /* no right to lock a page */
	m = mapping_at("/proc/self/smaps", at[0], false);
	ck_assert_uint_eq(m.resident, size);
	ck_assert_uint_eq(m.locked, size);
}
END_TEST

START_TEST(names_of_classes)
{
	ck_assert_ptr_nonnull(map_class_names[_i]);
	for (int i = 0; i < _i; i++)
		ck_assert_str_ne(map_class_names[i], map_class_names[_i]);
}
END_TEST

static void add_files(Suite *s)
{
	TCase *t = tcase_create("files");

	tcase_add_unchecked_fixture(t, scratch_make, scratch_remove);
	tcase_add_checked_fixture(t, scratch_clear, NULL);
	tcase_add_loop_test(t, classes, 0, COUNT(tables));
	tcase_add_loop_test(t, last_line_without_newline, 0, COUNT(tables));
	tcase_add_test(t, fields);
	tcase_add_test(t, no_blank_behind_the_inode);
	tcase_add_loop_test(t, broken_lines_are_counted, 0, COUNT(broken_lines));
	tcase_add_test(t, nothing_to_read);
	tcase_add_loop_test(t, long_paths, 0, 2);
	tcase_add_test(t, details);
	tcase_add_loop_test(t, many_mappings, 0, 2);
	suite_add_tcase(s, t);
}

static void add_own(Suite *s)
{
	TCase *t = tcase_create("own");

	tcase_add_unchecked_fixture(t, scratch_make, scratch_remove);
	tcase_add_checked_fixture(t, scratch_clear, NULL);
	tcase_add_test(t, own_maps_by_another_reader);
	tcase_add_loop_test(t, own_classes, 0, 2);
	tcase_add_test(t, own_residence);
	tcase_add_loop_test(t, names_of_classes, 0, MAPS_CLASSES);
	suite_add_tcase(s, t);
}

Suite *maps_suite(void)
{
	Suite *s = suite_create("maps");

	add_files(s);
	add_own(s);
	return s;
}
