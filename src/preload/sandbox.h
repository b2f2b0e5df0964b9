/* SPDX-License-Identifier: MIT */
/* The filter of system calls (seccomp) that a program puts on itself, and that would end it for calls of
 * ours which it does not make.
 *
 * Before such a filter goes in, all is done that will not be possible any more: the report, the message,
 * the flags for what is mapped later. From then on the wrappers make the program's own calls and no
 * other; the arena serves from what it has and gives nothing back. errno is left alone. */
#ifndef RAMLOCK_SANDBOX_H
#define RAMLOCK_SANDBOX_H

#include <stdbool.h>

#include "preload/preload.h"

/* Whether there is such a filter. Never false again, unless the kernel refused it. */
extern HIDDEN bool sandbox_on;

static inline bool sandbox_is_on(void)
{
	return __builtin_expect(__atomic_load_n(&sandbox_on, __ATOMIC_RELAXED), 0);
}

/* Before the program asks for a filter, or for SECCOMP_MODE_STRICT with NULL: whether it was one to get
 * ready for. */
bool sandbox_enter(const void *program);
bool sandbox_enter_strict(void);

/* The kernel refused it after all. */
void sandbox_leave(void);

/* Whether locked memory can still be emptied: by madvise with MADV_DONTNEED_LOCKED. */
bool sandbox_may_empty(void);

/* In a copy of the process: no system call. */
void sandbox_adopt(void);

#endif
