/* SPDX-License-Identifier: MIT */
/* What the wrappers of mmap(2) and its kin ask, beside level.h: what kind a mapping is, and what may be given
 * back where the kernel refuses memory.
 *
 * Callable by any thread. errno is left alone where nothing else is said. */
#ifndef RAMLOCK_MAPPING_H
#define RAMLOCK_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "preload/level.h"

/* The arguments of mmap(2). */
struct mapping_call {
	void *at;
	size_t size;
	int prot, flags, fd;
	off_t offset;
};

/* Decides how a mapping is wanted. */
void mapping_plan(const struct mapping_call *call, struct mapping_request *request);

/* mmap(2) for it: its result, or MAP_FAILED and errno. Pages of a hugetlb pool are mapped closed and opened
 * afterwards, as MCL_FUTURE populates them, also on fault. */
void *mapping_make(const struct mapping_call *call, const struct mapping_request *request);

/* After mprotect(2) opened a range. */
void mapping_opened(uintptr_t at, size_t size);

/* Whether address space or memory is counted: by a limit that allows so many bytes, by strict
 * overcommit, or because addresses have 32 bits. */
bool mapping_is_counted(size_t size);

/* The kernel refused a call with an error: gives back what of ours may be the cause. size: what the
 * call asked for. Whether it is worth trying again. */
bool mapping_make_room(int error, size_t size);

#endif
