/* SPDX-License-Identifier: MIT */
/* Pages that are mapped become resident. */
#ifndef RAMLOCK_POPULATE_H
#define RAMLOCK_POPULATE_H

#include <stdbool.h>
#include <stdint.h>

/* Makes [start, end) resident, whole pages, for writing (private pages get their copies) or for
 * reading: by MADV_POPULATE_* (Linux 5.14), else by a lock, else by a touch. 0, or the kernel's -errno,
 * which is counted. Async-signal-safe; errno is left alone. */
int populate_range(uintptr_t start, uintptr_t end, bool write);

/* The same for writing, without a lock, which would make two mappings of one of which this is a part. */
int populate_unlocked(uintptr_t start, uintptr_t end);

/* Touches each page of [start, end) for writing, and changes no byte: all of it must be there and
 * writable. */
void populate_touch(uintptr_t start, uintptr_t end);

#endif
