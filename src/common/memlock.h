/* SPDX-License-Identifier: MIT */
/* RLIMIT_MEMLOCK of the calling process, also where a sandbox refuses prlimit(2). */
#ifndef RAMLOCK_MEMLOCK_H
#define RAMLOCK_MEMLOCK_H

#include <stdbool.h>

#include "common/sys.h"

/* By prlimit, by getrlimit, from /proc/self/limits: 0, or the first call's -errno where none of them
 * tells; then *limit is all 0. */
int memlock_read(struct sys_rlimit *limit);

#define MEMLOCK_ROW "Max locked memory"

/* What a row of a /proc/PID/limits says, by its name; false where it does not say both limits. */
bool memlock_parse(const char *limits, const char *name, struct sys_rlimit *limit);

#endif
