/* SPDX-License-Identifier: MIT */
/* Reads RLIMIT_MEMLOCK in whichever way is allowed. */
#include "config.h"

#include <string.h>

#include "common/limits.h"
#include "common/memlock.h"
#include "common/text.h"

#define FILE_SIZE 2048 /* proc_pid_limits(5): 17 lines of at most 80 bytes */

static const char *parse_word(const char *at, uint64_t *value)
{
	static const char unlimited[] = "unlimited";

	at += strspn(at, " ");
	if (strncmp(at, unlimited, sizeof(unlimited) - 1) != 0)
		return text_number(at, 10, value);
	*value = SYS_RLIM_INFINITY;
	return at + sizeof(unlimited) - 1;
}

bool memlock_parse(const char *limits, const char *name, struct sys_rlimit *limit)
{
	const char *at = strstr(limits, name);

	at = at ? parse_word(at + strlen(name), &limit->soft) : NULL;
	return at && parse_word(at, &limit->hard);
}

#if defined(SYS_getrlimit) && UINTPTR_MAX > 0xffffffff
static int read_by_getrlimit(struct sys_rlimit *limit)
{
	return (int)SYS_CALL(SYS_getrlimit, RLIMIT_MEMLOCK, limit);
}
#else /* of 32 bits, or none */
static int read_by_getrlimit(struct sys_rlimit *limit)
{
	(void)limit;
	return -ENOSYS;
}
#endif

/* Apart, as its buffer is more stack than setuid(2) and its like may take where it is not needed. */
__attribute__((noinline)) static bool read_by_file(struct sys_rlimit *limit)
{
	char file[FILE_SIZE];

	return limits_read_file("/proc/self/limits", file, sizeof(file)) > 0 &&
	       memlock_parse(file, MEMLOCK_ROW, limit);
}

int memlock_read(struct sys_rlimit *limit)
{
	int error = sys_prlimit(0, RLIMIT_MEMLOCK, NULL, limit);

	if (error == 0 || read_by_getrlimit(limit) == 0 || read_by_file(limit))
		return 0;
	*limit = (struct sys_rlimit){0};
	return error;
}
