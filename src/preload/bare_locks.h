/* SPDX-License-Identifier: MIT */
/* What the program itself has locked, as the kernel would know it without us.
 *
 * The kernel marks a mapping as locked, whoever asked for it. Where it refuses a call because of that mark,
 * this record tells whose lock it is. It does not count: one unlock ends any number of locks, whatever
 * UNLOCK says. What passes no wrapper is not in it (the heap's growth, maps of libc after
 * mlockall(MCL_FUTURE)), nor are large blocks of malloc, which the next owner would inherit: these
 * calls succeed where bare they are refused.
 *
 * Nothing is kept until the program locks something; until then each call is a check. Callable by any
 * thread, after the call that it tells of succeeded; signals are blocked meanwhile. errno is left
 * alone. */
#ifndef RAMLOCK_BARE_LOCKS_H
#define RAMLOCK_BARE_LOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* mlock, mlock2; munlock; mlockall; munlockall. */
void bare_locks_add(uintptr_t at, size_t size);
void bare_locks_remove(uintptr_t at, size_t size);
void bare_locks_add_all(int flags);
void bare_locks_remove_all(void);

/* Before mlockall: afterwards there may be no room for memory of ours. */
void bare_locks_prepare(void);

/* mmap with these flags; munmap; mremap, with sizes of whole pages. */
void bare_locks_mapped(uintptr_t at, size_t size, int flags);
void bare_locks_unmapped(uintptr_t at, size_t size);
void bare_locks_moved(uintptr_t from, size_t old_size, uintptr_t to, size_t new_size);

/* Locks are not inherited. */
void bare_locks_fork_child(void);

/* The first locked address of [start, end), or end. Whole pages. */
uintptr_t bare_locks_first(uintptr_t start, uintptr_t end);

#endif
