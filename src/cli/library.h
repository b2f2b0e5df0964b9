/* SPDX-License-Identifier: MIT */
/* Which of the installed libraries works in a program: one is built for each architecture and libc.
 *
 * Each lies in a folder of its own, named by its loader: LIBDIR/i386-linux-gnu/libramlock.so, or
 * lib32 and its like beside LIBDIR. */
#ifndef RAMLOCK_LIBRARY_H
#define RAMLOCK_LIBRARY_H

#include <stdbool.h>

#include "cli/target.h"

#define LIBRARY_NAME "libramlock.so"

/* Whether a library is for the architecture and the libc of a program that has a loader: FINE,
 * ARCHITECTURE or LIBC, for a library that can't be read FINE. */
enum target_obstacle library_fits(const char *library, const struct image *program);

/* Puts in the place of library, a path of LAUNCH_PATH bytes, the one that fits a program, found as
 * execvp(3) does; leaves it where it fits, or where none does. */
void library_match(char *library, const char *program);

#endif
