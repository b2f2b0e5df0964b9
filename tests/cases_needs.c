/* SPDX-License-Identifier: MIT */
/* What a case needs of the machine, so that one without it skips and says why. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

#define CAN_LINK(library) "echo 'int main(void) { return 0; }' | cc -o /dev/null -x c - -l:" library

/* A word of a row's command, how to look for it, and why not. */
static struct need {
	const char *word, *look, *reason;
	enum { UNKNOWN, THERE, MISSING } state;
} needs[] = {
	{"strace", "strace -o /dev/null /bin/true", "strace is missing or may not trace", UNKNOWN},
	{"python3", "test -x /usr/bin/python3", "/usr/bin/python3 is missing", UNKNOWN},
	{"sqlite3", "command -v sqlite3", "sqlite3 is missing", UNKNOWN},
	{"node ", "command -v node", "node is missing", UNKNOWN},
	{"/cxx", "test -x " BUILD_DIR "/tests/victims/cxx", "there was no C++ compiler", UNKNOWN},
	{"redis-", "command -v redis-server && command -v redis-cli", "redis is missing", UNKNOWN},
	{"-l:libjemalloc", CAN_LINK("libjemalloc.so.2"), "can't link with libjemalloc.so.2 here", UNKNOWN},
	{"-l:libmimalloc", CAN_LINK("libmimalloc.so.2.0"), "can't link with libmimalloc.so.2.0 here", UNKNOWN},
	{"-l:libtcmalloc", CAN_LINK("libtcmalloc_minimal.so.4"), "can't link with libtcmalloc_minimal.so.4 here", UNKNOWN},
	{"java ", "command -v javac && java -version", "a JDK is missing", UNKNOWN},
	{"redis-server", "command -v redis-server", "redis-server is missing", UNKNOWN},
	{"script -", "command -v script", "script is missing", UNKNOWN},
	{"unshare", "unshare -Ur true", "user namespaces can't be made here", UNKNOWN},
	{"json=m.json", BUILD_DIR "/src/ramlock measure --json=- --output=/dev/null true | grep '\"source.*perf_event_open'", "perf_event_open is refused here", UNKNOWN},
	{"nm -D", "command -v nm", "nm is missing", UNKNOWN},
	{"gnuplot", "command -v gnuplot", "gnuplot is missing", UNKNOWN},
	{"ruby", "command -v ruby", "ruby is missing", UNKNOWN},
	{"luajit", "command -v luajit", "luajit is missing", UNKNOWN},
	{"perl", "command -v perl", "perl is missing", UNKNOWN},
	{"tclsh", "command -v tclsh", "tclsh is missing", UNKNOWN},
	{"jq", "command -v jq", "jq is missing", UNKNOWN},
	{"xz", "command -v xz", "xz is missing", UNKNOWN},
	{"openssl", "command -v openssl", "openssl is missing", UNKNOWN},
	{"| bc", "command -v bc", "bc is missing", UNKNOWN},
	{"bash", "command -v bash", "bash is missing", UNKNOWN},
	{"ldconfig", "ldd /sbin/ldconfig 2>&1 | grep -E 'statically linked|not a dynamic'", "/sbin/ldconfig is not static here", UNKNOWN},
	{"setpriv", "command -v setpriv", "setpriv is missing", UNKNOWN},
	{"unshare", "unshare -m sh -c 'umount -l /proc'", "unshare -m is missing or not allowed", UNKNOWN},
	{"bwrap", "bwrap --dev-bind / / true", "bwrap is missing or not allowed", UNKNOWN},
	{"su --", "test -u \"$(command -v su)\"", "su is not setuid here", UNKNOWN},
	{"libjemalloc", "LD_PRELOAD=libjemalloc.so.2 /bin/true 2>&1 | grep -c . | grep -x 0", "libjemalloc.so.2 is missing", UNKNOWN},
	{"libmimalloc", "LD_PRELOAD=libmimalloc.so.2.0 /bin/true 2>&1 | grep -c . | grep -x 0", "libmimalloc.so.2.0 is missing", UNKNOWN},
	{"libtcmalloc", "LD_PRELOAD=libtcmalloc_minimal.so.4 /bin/true 2>&1 | grep -c . | grep -x 0", "libtcmalloc_minimal.so.4 is missing", UNKNOWN},
};

static bool is_there(struct need *need)
{
	char line[512];

	if (need->state == UNKNOWN) {
		snprintf(line, sizeof(line), "{ %s; } >/dev/null 2>&1", need->look);
		need->state = system(line) == 0 ? THERE : MISSING;
	}
	return need->state == THERE;
}

/* Whether a library for another libc or machine is tested: ld.so says that it can't preload it. */
static bool is_foreign(void)
{
	static struct need need = {NULL, "LD_PRELOAD='" BUILD_DIR "/src/.libs/libramlock.so' RAMLOCK_VERBOSE=0 /bin/true 2>&1 | grep .", NULL, UNKNOWN};

	return is_there(&need);
}

/* Whether a row has the library in none but victims, which are built as it is. */
static bool is_of_victims(const struct row *row)
{
	const char *at = strstr(row->command, "LD_PRELOAD=%L");

	static const char *const others[] = {"libm.so.6", "python3", "/cxx", "node ", "java "};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strstr(row->command, others[i]))
			return false;
	if (row->start == PRELOAD)
		return strncmp(row->command, "%V", 2) == 0;
	for (; at; at = strstr(at, "LD_PRELOAD=%L")) {
		at += strlen("LD_PRELOAD=%L");
		if (strncmp(at, ":%V/", 4) == 0) /* a library of the victims' */
			at += strcspn(at, " ");
		while (strncmp(at, " RAMLOCK_", 9) == 0)
			at += 1 + strcspn(at + 1, " ");
		if (strncmp(at, " %V", 3) != 0 && strncmp(at, " -", 2) != 0 && strncmp(at, " ./", 3) != 0)
			return false;
	}
	return true;
}

static const char *library_missing(const struct row *row)
{
	if (!is_foreign())
		return NULL;
	if (row->start == LAUNCHER || strstr(row->command, "%R") || strstr(row->command, "%B"))
		return "the library is built without the command";
	if (!is_of_victims(row))
		return "this machine's programs are of another libc or architecture";
	if (strstr(row->command, "%V/fork raw"))
		return "which copies are seen depends on what the libc calls";
	return NULL;
}

/* What only glibc has: a row that expects or sets its heap, or calls what musl refuses to anyone. */
static const char *glibc_missing(const struct row *row)
{
#ifdef HAVE_MALLOPT
	(void)row;
#else
	const char *const texts[] = {row->settings, row->command, row->out, row->err};

	if (strstr(row->command, "mapping heap") || strstr(row->command, "eager sbrk") || strstr(row->command, "%V/depth"))
		return "this libc's sbrk gives nothing";
	if (strstr(row->command, "madvise process"))
		return "this libc has no process_madvise";
	if (strstr(row->command, "%V/arenas"))
		return "this libc's malloc has no arenas";
	if (strstr(row->command, "large shrink data"))
		return "this libc's realloc needs memory to shrink a block";
	if (strstr(row->command, "fork tls"))
		return "this libc ends no process without its storage";
	if (strstr(row->command, "thread again") || strstr(row->command, "thread many"))
		return "this libc keeps no stacks, and gives small ones";
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (strstr(texts[i], "HEAP") || strstr(texts[i], "populated") || strstr(texts[i], "heap 0") ||
		    strstr(texts[i], "heap 1") || strstr(texts[i], "heap reserve"))
			return strncmp(row->name, "musl: ", 6) ? "this libc's malloc keeps no reserve" : NULL;
#endif
	return NULL;
}

/* With a sanitizer in the library or in the command, the rows of the other. LAUNCHER starts what is
 * instrumented as PRELOAD does: see stage.c. */
static const char *sanitized_missing(const struct row *row)
{
	const bool command = strstr(row->command, "%R") != NULL;

	if (getenv("CASES_LIBRARY") && command)
		return "the library alone is tested";
	if (getenv("CASES_COMMAND") == NULL)
		return NULL;
	if (!command && row->start != LAUNCHER && !strstr(row->command, "%B"))
		return "the command alone is tested";
	if (strstr(row->command, "ulimit -v") || strstr(row->command, "ulimit -d"))
		return "the sanitizer itself wants addresses";
	if (strstr(row->command, "jemalloc"))
		return "the sanitizer itself wants to be the first malloc";
	return strstr(row->command, "none /proc") ? "the sanitizer itself wants /proc" : NULL;
}

/* With the counters of tools/coverage in the library. */
static const char *counted_missing(const struct row *row)
{
	static const char *const filed[] = {"no file may grow", "files may grow", "a filter", "nothing is left of it",
					    "run: dry run starts nothing"};

	if (getenv("CASES_COVERAGE") == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(filed) / sizeof(*filed); i++)
		if (strncmp(row->name, filed[i], strlen(filed[i])) == 0)
			return "the counts are files, which are written at the end";
	if (strncmp(row->name, "a read-only root", 16) == 0)
		return "the counts can't be kept on a read-only root";
	if (strcmp(row->name, "order of the ranges: heap before text") == 0)
		return "the counters are data, which goes before";
	if (strcmp(row->name, "mprotect refused, ENOMEM: later mappings") == 0)
		return "the counters' own file is mapped, too";
	return NULL;
}

/* Frames are as large as a compiler makes them that is not asked to save. */
static const char *depth_missing(const struct row *row)
{
	if (strstr(row->command, "%V/depth") == NULL)
		return NULL;
#ifndef __OPTIMIZE__
	return "the library is not optimized here";
#else
	return getenv("CASES_LIBRARY") || getenv("CASES_COVERAGE") || getenv("CASES_UNDEFINED")
		       ? "the library is instrumented" : NULL;
#endif
}

static const char *addresses_missing(const struct row *row)
{
	return sizeof(void *) < 8 && strstr(row->command, "many 1000")
		       ? "so many stacks take more addresses than 32 bits have"
	       : sizeof(void *) < 8 && strncmp(row->name, "a block that MAX refuses", 24) == 0
		       ? "an arena of 32 bits is smaller than the block"
	       : sizeof(void *) < 8 && strstr(row->command, "%V/depth") &&
			       (strstr(row->command, "LOCK=eager") || strstr(row->command, "REPORT"))
		       ? "with so few registers a step down takes 1.1 KiB" : NULL;
}

bool needs_other_lines(const struct row *row)
{
	return (strstr(row->err, "RLIMIT_MEMLOCK") || strstr(row->err, "the kernel refused")) && is_foreign();
}

const char *needs_missing(const struct row *row)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++)
		if (strstr(row->command, needs[i].word) && !is_there(&needs[i]))
			return needs[i].reason;
	if (sanitized_missing(row))
		return sanitized_missing(row);
	if (counted_missing(row))
		return counted_missing(row);
	if (depth_missing(row))
		return depth_missing(row);
	if (library_missing(row))
		return library_missing(row);
	if (glibc_missing(row))
		return glibc_missing(row);
	if (addresses_missing(row))
		return addresses_missing(row);
	return stage_missing(row->limit, row->user);
}
