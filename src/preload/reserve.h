/* SPDX-License-Identifier: MIT */
/* Makes room for the reserves: extends stack and heap before the program needs them.
 *
 * Called by the constructor, on the main thread. What is extended is populated and locked by
 * startup_lock, with all else that is mapped. */
#ifndef RAMLOCK_RESERVE_H
#define RAMLOCK_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

/* Extends the main stack by STACK below the caller; the lowest address that is to be resident. */
uintptr_t reserve_stack(void);

/* Extends glibc's main heap so that HEAP of it is free, and keeps it from being trimmed. */
void reserve_heap(void);

/* Whether the malloc that serves the program is libc's, and libc's has mallopt. Costs 10 us. */
bool reserve_is_malloc_of_libc(void);

/* The main heap has this size now. Each growth is a mapping of its own where it is locked after libc has
 * touched it, and the kernel allows 65 530 of these: a large heap grows by a larger step. */
void reserve_heap_grown(uint64_t size);

/* The program has set M_TOP_PAD itself. */
void reserve_pad_set(void);

/* Says once that the program, or else the environment, lets libc trim the heap, so that its reserve may
 * go. Nothing if there is none. */
void reserve_tell_trimmed(bool by_program);

/* Keeps what is free at the top of glibc's heaps and arenas from being trimmed, unless the user sets when. */
void reserve_keep_heaps(void);

#endif
