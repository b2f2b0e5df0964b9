/* SPDX-License-Identifier: MIT */
/* What a case needs of the machine, so that one without it skips and says why. */
#include "config.h"

#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cases.h"

/* A word of a row's command, how to look for it, and why not. */
static struct need {
	const char *word, *look, *reason;
	enum { UNKNOWN, THERE, MISSING } state;
} needs[] = {
	{"strace", "strace -o /dev/null /bin/true", "strace is missing or may not trace", UNKNOWN},
	{"python3", "test -x /usr/bin/python3", "/usr/bin/python3 is missing", UNKNOWN},
	{"sqlite3", "command -v sqlite3", "sqlite3 is missing", UNKNOWN},
	{"node ", "command -v node", "node is missing", UNKNOWN},
	{"redis-server", "command -v redis-server", "redis-server is missing", UNKNOWN},
	{"script -", "command -v script", "script is missing", UNKNOWN},
	{"unshare", "unshare -Ur true", "user namespaces can't be made here", UNKNOWN},
	{"bash", "command -v bash", "bash is missing", UNKNOWN},
	{"ldconfig", "ldd /sbin/ldconfig 2>&1 | grep -E 'statically linked|not a dynamic'", "/sbin/ldconfig is not static here", UNKNOWN},
	{"setpriv", "command -v setpriv", "setpriv is missing", UNKNOWN},
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

static bool has_lock_capability(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &header, data) == 0 && data[0].effective >> CAP_IPC_LOCK & 1;
}

static const char *limit_missing(const struct row *row)
{
	struct rlimit now;

	getrlimit(RLIMIT_MEMLOCK, &now);
	if (row->limit == UNLIMITED && now.rlim_max != RLIM_INFINITY &&
	    system("ulimit -l unlimited 2>/dev/null") != 0)
		return "RLIMIT_MEMLOCK can't be raised here: no CAP_SYS_RESOURCE";
	if (row->limit >= 0 && (rlim_t)row->limit * 1024 > now.rlim_max && geteuid() != 0)
		return "the hard RLIMIT_MEMLOCK is less";
	if (row->user == ROOT && !has_lock_capability() && now.rlim_max != RLIM_INFINITY)
		return "root may not lock here: no CAP_IPC_LOCK";
	return NULL;
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

	if (strstr(row->command, "libm.so.6") || strstr(row->command, "python3"))
		return false;
	if (row->start == PRELOAD)
		return strncmp(row->command, "%V", 2) == 0;
	for (; at; at = strstr(at, "LD_PRELOAD=%L")) {
		at += strlen("LD_PRELOAD=%L");
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
	return NULL;
}

/* HEAP is glibc's: a row that expects or sets it has no meaning elsewhere. */
static const char *heap_missing(const struct row *row)
{
#ifdef HAVE_MALLOPT
	(void)row;
#else
	const char *const texts[] = {row->settings, row->command, row->out, row->err};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (strstr(texts[i], "HEAP") || strstr(texts[i], "populated") || strstr(texts[i], "heap 0") ||
		    strstr(texts[i], "heap 1") || strstr(texts[i], "heap reserve"))
			return strncmp(row->name, "musl: ", 6) ? "this libc's malloc keeps no reserve" : NULL;
#endif
	return NULL;
}

const char *needs_missing(const struct row *row)
{
	if (geteuid() != 0 && row->user != NOBODY)
		return "needs root";
	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++)
		if (strstr(row->command, needs[i].word) && !is_there(&needs[i]))
			return needs[i].reason;
	if (library_missing(row))
		return library_missing(row);
	if (heap_missing(row))
		return heap_missing(row);
	return limit_missing(row);
}
