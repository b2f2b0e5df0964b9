/* SPDX-License-Identifier: MIT */
/* The right to lock above RLIMIT_MEMLOCK, and what follows when the program gives it up.
 *
 * Any thread may call these; signals are blocked while the state is held. errno is left alone. */
#ifndef RAMLOCK_PRIVILEGES_H
#define RAMLOCK_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void privileges_start(void);

/* Around a call that may take the right. privileges_suspend takes MCL_FUTURE off while that is still
 * allowed, so that nobody's mmap fails afterwards; limit_too says that the call may lower
 * RLIMIT_MEMLOCK. privileges_settle looks at what is left: puts MCL_FUTURE back, or steps down to level
 * ranges, which is told once with the operation's name. Every call of privileges_suspend is followed by
 * one of privileges_settle, also when the call failed. */
void privileges_suspend(bool limit_too);
void privileges_settle(const char *operation);

/* The kernel refused memory or a lock to the program: makes room by stepping down, where the right went
 * unseen (by a direct system call), or as level_make_room. True when it is worth trying again. */
bool privileges_make_room(const char *operation, uintptr_t at, size_t size);

/* In a forked child. rebuild: the ledger was lost, and is made anew. */
void privileges_fork_child(bool rebuild);

#endif
