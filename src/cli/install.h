/* SPDX-License-Identifier: MIT */
/* Puts a drop-in in its place, and takes it away. */
#ifndef RAMLOCK_INSTALL_H
#define RAMLOCK_INSTALL_H

/* Writes a file as a whole or not at all, and makes the folders that it needs. What stands there and
 * is not ours stays. 0, or -errno after an error was told. */
int install_file(const char *path, const char *text);

/* Removes a file that this command made, and its folder where nothing else is in it. 1, 0 where there
 * is none, or -errno after an error was told. */
int install_remove(const char *path);

#endif
