/* SPDX-License-Identifier: MIT */
/* The standard error that the report goes to, also where the program has closed it before its end. */
#ifndef RAMLOCK_STDERR_H
#define RAMLOCK_STDERR_H

/* With REPORT=stderr: keeps a second descriptor of it, of a high number and closed on exec. */
void stderr_keep(void);

/* In a forked child: it may be a daemon, and outlive who waits for the end of this output. */
void stderr_fork_child(void);

/* The descriptor to write to: what stderr was at start, or -1 where something else took its place. */
int stderr_descriptor(void);

#endif
