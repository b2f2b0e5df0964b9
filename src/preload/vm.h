/* SPDX-License-Identifier: MIT */
/* The seam to the kernel: every call that maps, locks, populates or reads a limit on the library's own
 * account goes through this table, and unit tests put a fake kernel in its place (tests/fakekernel.h).
 *
 * The program's own calls go to the next function of their name instead (real.h).
 * Addresses and sizes are whole pages where the system call asks for it. Errors are -errno; errno is
 * left alone. Async-signal-safe; no allocation. The table is set before the constructor runs and
 * changes in unit tests only. */
#ifndef RAMLOCK_VM_H
#define RAMLOCK_VM_H

#include <stddef.h>
#include <stdint.h>

#include "common/sys.h"

struct vm_ops {
	/* The address, or -errno. Anonymous and private where flags say so, never a file. */
	intptr_t (*map)(uintptr_t at, size_t size, int prot, int flags);
	int (*unmap)(uintptr_t at, size_t size);
	/* The new address, or -errno. */
	intptr_t (*remap)(uintptr_t from, size_t old_size, size_t new_size, int flags, uintptr_t to);
	int (*protect)(uintptr_t at, size_t size, int prot);
	int (*lock)(uintptr_t at, size_t size, int flags); /* flags of mlock2(2): 0 or MLOCK_ONFAULT */
	int (*unlock)(uintptr_t at, size_t size);
	int (*lock_all)(int flags); /* of mlockall(2) */
	int (*unlock_all)(void);
	int (*advise)(uintptr_t at, size_t size, int advice);
	/* -ENOMEM where the range has a hole, else 0 (msync with MS_ASYNC does nothing but look, since
	 * Linux 2.6.19). */
	int (*look)(uintptr_t at, size_t size);
	int (*limit)(int what, struct sys_rlimit *now);
	int (*set_limit)(int what, const struct sys_rlimit *to);
	/* Whether the process may lock above RLIMIT_MEMLOCK, which is soft now: 1, 0, or -errno where that
	 * can't be tried. */
	int (*is_capable)(uint64_t soft);
};

extern const struct vm_ops vm_kernel; /* the real one */
extern const struct vm_ops *vm;	      /* in use */

#endif
