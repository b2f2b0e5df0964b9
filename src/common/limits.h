/* SPDX-License-Identifier: MIT */
/* How much may be locked: RLIMIT_MEMLOCK, CAP_IPC_LOCK, MemAvailable and the cgroup's room.
 *
 * Reads files by raw system calls; no malloc, no stdio. Paths start at a root, "" for the real
 * one, so that tests can read a tree of their own. */
#ifndef RAMLOCK_LIMITS_H
#define RAMLOCK_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#define LIMITS_NONE UINT64_MAX /* no limit, or none that could be read */

/* The memory that may still be made resident, in bytes. */
struct limits_memory {
	uint64_t available;	/* MemAvailable of /proc/meminfo */
	uint64_t cgroup_limit;	/* of the ancestor with the least room, v1 or v2 */
	uint64_t cgroup_room;	/* its limit less what is used and can't be reclaimed */
	bool cgroup_known;	/* a memory cgroup with a limit was read */
	bool cgroup_seen;	/* one was read, with or without */
};

/* Room to read files in: too much for a small thread's stack. */
struct limits_scratch {
	char file[4096], line[4096];
	char path[512], folder[512];
};

/* Reads both for a process ("self" or a pid). What can't be read is LIMITS_NONE. */
void limits_memory(struct limits_memory *m, const char *root, const char *process,
		   struct limits_scratch *scratch);

/* The smaller of the two. */
uint64_t limits_room(const struct limits_memory *m);

/* Whether the calling process has CAP_IPC_LOCK in its effective set (capget(2)). In a user
 * namespace the kernel does not honour it: see lock.c, which tries. */
bool limits_capable(void);

/* Bytes of address space that the process has, from statm (proc_pid_statm(5)); UINT64_MAX where that can't
 * be read. */
uint64_t limits_address_space(void);

/* Reads a file of less than size bytes into buffer and ends it with NUL; its length, or -errno. */
long limits_read_file(const char *path, char *buffer, unsigned long size);

#endif
