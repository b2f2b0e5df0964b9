/* SPDX-License-Identifier: MIT */
/* What the kernel lets this process do, found by trying. Nothing of a try is left. */
#ifndef RAMLOCK_PROBE_H
#define RAMLOCK_PROBE_H

#include <stdint.h>

enum probe { PROBE_NO, PROBE_YES, PROBE_UNKNOWN };

enum probe probe_mlock_onfault(void);	     /* mlock2 with MLOCK_ONFAULT, Linux 4.4 */
enum probe probe_madvise_populate(void);     /* MADV_POPULATE_READ and _WRITE, 5.14 */
enum probe probe_madvise_drop_locked(void); /* MADV_DONTNEED_LOCKED, 5.18 */

/* Whether more than a limit in bytes may be locked. A user namespace shows CAP_IPC_LOCK, and the
 * kernel, which asks the first namespace, does not honour it. */
enum probe probe_lock_above(uint64_t limit);

/* CAP_IPC_LOCK in the sets of a process (0: this one). */
struct probe_capability {
	enum probe effective, bounding, ambient;
	enum probe nice; /* CAP_SYS_NICE, effective */
};
struct probe_capability probe_capability(int pid);

#endif
