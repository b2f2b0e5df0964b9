/* SPDX-License-Identifier: MIT */
/* The report at exit: what was locked, what was not, and which faults there were. */
#ifndef RAMLOCK_REPORT_H
#define RAMLOCK_REPORT_H

#include <stdbool.h>

/* Whether there is a report to write that was not written. No system call. */
bool report_is_due(void);

/* Writes the report that the settings ask for, once. Not in a child that shares its parent's memory:
 * see preload_finish. No malloc, no stdio, errno left alone. */
void report_write(void);

#endif
