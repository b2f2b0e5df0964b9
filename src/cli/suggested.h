/* SPDX-License-Identifier: MIT */
/* The settings that `ramlock measure --json` suggests: its member "suggested", an object of names
 * and words. */
#ifndef RAMLOCK_SUGGESTED_H
#define RAMLOCK_SUGGESTED_H

/* Reads a file into RAMLOCK_ variables, where those that are there already stay. 0; -errno or -EINVAL
 * after one line has told what is wrong, and then no variable is set. */
int suggested_read(const char *path);

#endif
