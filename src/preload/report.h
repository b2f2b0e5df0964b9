/* SPDX-License-Identifier: MIT */
/* The report at exit: what was locked, what was not, and which faults there were. */
#ifndef RAMLOCK_REPORT_H
#define RAMLOCK_REPORT_H

/* Writes the report that the settings ask for, once; nothing in a vfork child. No malloc and no
 * stdio; called from the destructor or from _exit. */
void report_write(void);

#endif
