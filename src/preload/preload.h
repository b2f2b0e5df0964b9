/* SPDX-License-Identifier: MIT */
/* What every file of the preloaded library shares. */
#ifndef RAMLOCK_PRELOAD_H
#define RAMLOCK_PRELOAD_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/options.h"
#include "common/stats.h"
#include "common/sys.h"

/* On what the library interposes; all else is hidden. */
#define EXPORT __attribute__((visibility("default")))

/* For what is read on a hot path of another file: no detour by the global offset table. */
#define HIDDEN __attribute__((visibility("hidden")))

/* The settings; defaults before the constructor has run, immutable afterwards. */
extern HIDDEN struct options preload_options;

/* Whether this program is meant (RAMLOCK_ONLY) and the constructor has run: until then, and
 * otherwise, a wrapper is a pass-through. */
extern HIDDEN bool preload_active;

/* Whether the memory is this process's own, once preload_active. A child of vfork or of
 * clone(CLONE_VM) is another process in its parent's memory, perhaps without thread-local storage:
 * nothing is touched here, errno either. */
static inline bool preload_is_own_process(void)
{
	return stats->pid == (uint32_t)SYS_CALL(SYS_getpid);
}

/* Whether there is an errno: not in a child of clone(CLONE_VM | CLONE_SETTLS) whose thread-local storage is a
 * few zeros, where libc's calls work as long as they succeed. Elsewhere than on x86-64 it is found without
 * a look at what is there. */
static inline bool preload_has_errno(void)
{
#if defined(__x86_64__) && defined(__LP64__)
	const void *self;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(self));
	return self != NULL;
#else
	return true;
#endif
}

/* By a wrapper, around what it does besides the program's call. */
static inline int preload_errno(void)
{
	return preload_has_errno() ? errno : 0;
}

static inline void preload_set_errno(int to)
{
	if (preload_has_errno())
		errno = to;
}

/* Takes our entry out of LD_PRELOAD, in place: what the program starts does not get the library. */
void preload_drop(void);

/* At the end of a process: the report and what the tree has told. Where there is neither, and in a child
 * in its parent's memory, nothing is done that takes thread-local storage; where there is neither, no
 * system call either, which a sandbox might not allow. */
void preload_finish(void);

/* Keeps what a coverage build (tools/coverage) has counted, at an end without destructors. */
#ifdef RAMLOCK_COVERAGE
void __gcov_dump(void);

static inline void preload_dump_coverage(void)
{
	if (preload_is_own_process())
		__gcov_dump();
}
#else
static inline void preload_dump_coverage(void)
{
}
#endif

#endif
