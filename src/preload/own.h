/* SPDX-License-Identifier: MIT */
/* Address space that is mapped only because of the library: its file, its tables, the arena. It is
 * counted off where the program's own limits matter, and left alone by the lock policy.
 *
 * Any thread may ask while another adds. Async-signal-safe; errno is left alone. */
#ifndef RAMLOCK_OWN_H
#define RAMLOCK_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum own_kind {
	OWN_NOT,
	OWN_TABLE, /* never locked range by range */
	OWN_ARENA, /* holds the program's blocks, or what describes them */
};

void own_add(uintptr_t start, size_t size, enum own_kind kind);
void own_remove(uintptr_t start, size_t size); /* a part of what was added by one call */
enum own_kind own_kind_at(uintptr_t address);

/* The kind at start, and where it ends, at most at *end: the kernel makes one mapping of ours and of the
 * program's where they touch. */
enum own_kind own_piece(uintptr_t start, uintptr_t *end);

/* Memory for a table that is seldom full, counted as own_add does: only what is touched becomes
 * resident, also in eager mode, and at level future it is locked then; under a finite limit it is not
 * locked, as it would take room from the program's. NULL where there is none. */
void *own_map(size_t size);

/* Bytes of all of it, of the library's file and of the counters page. */
uint64_t own_bytes(void);

/* Whether an address lies in the library's file. */
bool own_is_library(uintptr_t address);

#endif
