/* SPDX-License-Identifier: MIT */
/* Whether the library comes into a process that has just become a program. */
#ifndef RAMLOCK_LOADING_H
#define RAMLOCK_LOADING_H

enum loading {
	LOADING_UNKNOWN, /* the loader is at work, or the process can't be looked at */
	LOADING_MAPPED,	 /* it is mapped; its constructor may still run */
	LOADING_NEVER,	 /* there is no loader, or it has gone past what LD_PRELOAD names */
};

/* Looks at a process now. root is "" or a folder with a proc of its own, for the tests. */
enum loading loading_look(const char *root, int pid);

#endif
