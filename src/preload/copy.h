/* SPDX-License-Identifier: MIT */
/* FORK=copy: after a fork the parent takes its copy-on-write faults at once. */
#ifndef RAMLOCK_COPY_H
#define RAMLOCK_COPY_H

/* Makes the pages that the calling process shares with a child its own, as if it had written to
 * each. Within MAX of the memory that is free now, else nothing is done and that is told once. No
 * malloc, little stack; errno is left alone. */
void copy_own_pages(void);

#endif
