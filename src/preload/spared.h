/* SPDX-License-Identifier: MIT */
/* Mappings that are spared what is done to all others: reservations, which eager mode leaves to be
 * locked on fault, and files that FILES=never leaves unlocked.
 *
 * Kept only in eager mode and with FILES=never; otherwise each call is a check. Callable by any
 * thread and in signal handlers; errno is left alone. Without memory for the set nothing is spared
 * when pages are given back: they are then resident again, or locked. */
#ifndef RAMLOCK_SPARED_H
#define RAMLOCK_SPARED_H

#include <stddef.h>
#include <stdint.h>

enum spared { SPARED_NOT, SPARED_ONFAULT, SPARED_UNLOCKED };

/* By the constructor, after lock_start. */
void spared_start(void);

/* What is mapped at [at, at + size) from now on; SPARED_NOT also after munmap. */
void spared_set(uintptr_t at, size_t size, enum spared how);

/* After mremap(2) made one range of another. */
void spared_moved(uintptr_t from, size_t old_size, uintptr_t to, size_t new_size);

/* How the piece that begins at start is spared, and where it ends, at most at *end. */
enum spared spared_piece(uintptr_t start, uintptr_t *end);

void spared_fork_child(void);

#endif
