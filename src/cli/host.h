/* SPDX-License-Identifier: MIT */
/* What this machine, and one process on it, is like: read from /proc and /sys.
 *
 * Everything starts at a root, "" for the real one, so that tests read a tree of their own. What
 * could not be read is told apart from what the kernel does not have. */
#ifndef RAMLOCK_HOST_H
#define RAMLOCK_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"

enum fact_state {
	FACT_UNKNOWN, /* could not be read, or not understood */
	FACT_ABSENT,  /* this kernel has no such thing: the folder is there and the file is not */
	FACT_KNOWN,
};

struct fact {
	enum fact_state state;
	uint64_t value;
};

/* UINT64_MAX is unlimited. */
struct host_limit {
	bool known;
	uint64_t soft, hard;
};

struct host {
	struct host_limit memlock, rtprio;
	struct limits_memory memory; /* what can't be read is LIMITS_NONE */
	bool cgroup_known;	     /* the cgroup was looked at, whether it has a limit or not */
	uint64_t swap_total, swap_free, commit_limit, committed; /* bytes, LIMITS_NONE if unknown */
	struct fact swappiness, overcommit, compact, numa, ksm;
	enum fact_state thp_state;
	char thp[16];			 /* "always", "madvise" or "never" */
	uint64_t vm_size, vm_locked;	 /* of the process, bytes, LIMITS_NONE if unknown */
	uint64_t uid;			 /* effective; LIMITS_NONE if unknown */
	uint64_t capabilities;		 /* effective, a bit each; LIMITS_NONE if unknown */
	enum { SPACE_UNKNOWN, SPACE_INITIAL, SPACE_NESTED } user_space; /* its user namespace */
};

/* process: "self" or a pid. */
void host_read(struct host *h, const char *root, const char *process);

#endif
