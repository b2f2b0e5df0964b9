/* SPDX-License-Identifier: MIT */
/* Tells a copy of the process from the process: a child that fork(2), _Fork(3) or clone(2) made.
 *
 * A page that the kernel clears in a copy (MADV_WIPEONFORK, Linux 4.14) says which one runs. So a child of
 * a direct system call is known at its first wrapped call, and another library's fork handler may call
 * ours before our own has run. A child that shares its parent's memory is no copy. Async-signal-safe;
 * errno is left alone. */
#ifndef RAMLOCK_PROCESS_H
#define RAMLOCK_PROCESS_H

#include <stdbool.h>

#include "preload/preload.h"

/* 0 in a copy that was not adopted yet. */
extern HIDDEN const char *process_mark;

/* Makes the page. adopt is what a copy has to do first, once. By the constructor. */
void process_start(void (*adopt)(void));

/* In a copy: adopts it. Nothing in one that was adopted. */
void process_adopt(void);

static inline bool process_is_copy(void)
{
	return __builtin_expect(*(const volatile char *)process_mark == 0, 0);
}

/* By each wrapper that looks at what the library keeps. */
static inline void process_check(void)
{
	if (process_is_copy())
		process_adopt();
}

/* Before a fork, and in its child: adopts a copy that was not, also where nobody clears the page. */
void process_forking(void);
void process_forked(void);

#endif
