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
	{"java ", "command -v javac && java -version", "a JDK is missing", UNKNOWN},
	{"redis-server", "command -v redis-server", "redis-server is missing", UNKNOWN},
	{"script -", "command -v script", "script is missing", UNKNOWN},
	{"unshare", "unshare -Ur true", "user namespaces can't be made here", UNKNOWN},
	{"json=m.json", BUILD_DIR "/src/ramlock measure --json=- --output=/dev/null true | grep '\"source.*perf_event_open'", "perf_event_open is refused here", UNKNOWN},
	{"gnuplot", "command -v gnuplot", "gnuplot is missing", UNKNOWN},
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

const char *needs_missing(const struct row *row)
{
	if (geteuid() != 0 && row->user != NOBODY)
		return "needs root";
	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++)
		if (strstr(row->command, needs[i].word) && !is_there(&needs[i]))
			return needs[i].reason;
	return limit_missing(row);
}
