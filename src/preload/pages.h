/* SPDX-License-Identifier: MIT */
/* The memory behind the arena's addresses. Any thread may call these, for ranges that no other thread
 * is at. errno is left alone. */
#ifndef RAMLOCK_PAGES_H
#define RAMLOCK_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes reserved addresses readable, writable, locked and resident, with 2 MiB pages if huge: 0 or
 * -errno, and nothing has changed. Asks the limits first. */
int pages_commit(uintptr_t at, size_t size, bool huge);

/* Whether the limits would let so much in. */
bool pages_fit(size_t size);

/* Gives the pages back; the addresses are PROT_NONE again. */
void pages_release(uintptr_t at, size_t size);

/* Says, once, why a large block had to be served by the next malloc. */
void pages_tell_refused(size_t size);

#endif
