/* SPDX-License-Identifier: MIT */
/* Level future after the start: the kernel's flags for what comes, while a thread is made and when
 * the right to lock above the limit goes.
 *
 * Any thread may call these; signals are blocked while the state is held. errno is left alone. */
#ifndef RAMLOCK_FUTURE_H
#define RAMLOCK_FUTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Around a call in which libc maps what must not be populated as a whole: in eager mode all that is
 * mapped in between, by any thread, is locked on fault. future_resume only if future_pause said
 * true. A true costs two system calls. */
bool future_pause(void);
void future_resume(void);

/* For who maps in eager mode and wants it resident: takes a mark before, and asks after whether
 * there was such a pause at any moment in between. */
unsigned future_mark(void);
bool future_was_paused(unsigned mark);

/* Around a call that may take the right to lock above the limit. future_suspend takes MCL_FUTURE off
 * while that is still allowed, so that nobody's mmap fails afterwards; limit_too says that the call
 * may lower RLIMIT_MEMLOCK. future_settle looks at what is left: puts MCL_FUTURE back, or steps down
 * to level ranges, which is told once with the operation's name. Every call of future_suspend is
 * followed by one of future_settle, also when the call failed. */
void future_suspend(bool limit_too);
void future_settle(const char *operation);

/* The kernel refused memory or a lock to the program: makes room by stepping down, where the right
 * went unseen (by a direct system call), or as held_make_room. True when it is worth trying again. */
bool future_make_room(const char *operation, uintptr_t at, size_t size);

/* In a forked child. future_rebuild is for one whose table of locks was lost at level ranges: takes
 * what is mapped into a new one, and locks it on fault as far as the limit goes. */
void future_fork_child(void);
void future_rebuild(void);

#endif
