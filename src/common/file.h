/* SPDX-License-Identifier: MIT */
/* Writes to files that are not the program's own affair: no signal that this causes reaches it.
 *
 * A file above RLIMIT_FSIZE is SIGXFSZ, a pipe that nobody reads SIGPIPE, a terminal that belongs to
 * another job SIGTTOU. Each ends or stops a program that wrote nothing. Async-signal-safe; errno and
 * the signals that the program waits for are left alone. */
#ifndef RAMLOCK_FILE_H
#define RAMLOCK_FILE_H

#include <stddef.h>

/* Writes all of it: 0 or -errno. */
int file_write(int fd, const void *from, size_t size);

/* Sets a file's size, as ftruncate(2): 0 or -errno. */
int file_resize(int fd, long size);

#endif
