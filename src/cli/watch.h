/* SPDX-License-Identifier: MIT */
/* Shows something again and again, in place where it goes to a terminal. */
#ifndef RAMLOCK_WATCH_H
#define RAMLOCK_WATCH_H

#include <stdbool.h>
#include <stdio.h>

#define WATCH_END -1 /* what is shown has come to its end */

struct watch {
	long milliseconds; /* 0: no watching */
	long count;	   /* 0: without end */
};

/* "2", "0.5"; NULL is 2 seconds. False for what is none, or is less than 10 ms or above a day. */
bool watch_set_interval(struct watch *watch, const char *seconds);

/* Calls show until it gives WATCH_END or an exit status other than 0, the count is reached, or the
 * user types q or Ctrl-C. The exit status. */
int watch_loop(const struct watch *watch, int (*show)(void *context, FILE *to), void *context);

#endif
