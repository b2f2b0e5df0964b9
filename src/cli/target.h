/* SPDX-License-Identifier: MIT */
/* Looks at a program before it is started: can a preloaded library work in it? */
#ifndef RAMLOCK_TARGET_H
#define RAMLOCK_TARGET_H

#include <stdbool.h>

#include "cli/image.h"

enum target_obstacle {
	TARGET_FINE,
	TARGET_STATIC,	     /* no dynamic loader, so nothing is preloaded */
	TARGET_PRIVILEGED,   /* setuid, setgid or file capabilities: ld.so ignores us */
	TARGET_ARCHITECTURE, /* another machine or word size than the library's */
	TARGET_LIBC,	     /* another libc's loader */
	TARGET_UNKNOWN,	     /* could not be read or is no ELF file and no script */
};

extern const char *const target_texts[]; /* "is statically linked, …"; "" for FINE */

/* Finds a program as execvp(3) does. Returns 0 and its path in to, or ENOENT or EACCES. */
int target_find(const char *program, char *to, unsigned long size);

/* The interpreter of a script, as its first line names it, by way of env(1) too; false for what is no
 * script, or can't be read. */
bool target_interpreter(const char *path, char *interpreter, unsigned long size);

/* The image that a file is executed as, for a script its interpreter's; file is whose it is. False
 * for what can't be read or is no ELF file and no script. */
bool target_image(const char *path, char *file, unsigned long size, struct image *image);

/* Whether a file that is there can't be executed for its interpreter's sake: that of a script, or an
 * image's loader, that is missing or may not be executed. to is that interpreter. */
bool target_blocked(const char *path, char *to, unsigned long size);

/* What stands in the way for the file, or for the interpreter of a script; blamed is the file that
 * it is about, detail a word on it ("/lib/ld-musl-x86_64.so.1", "ARM aarch64"). */
enum target_obstacle target_look(const char *path, const char *library, char *blamed,
				 char *detail, unsigned long size);

/* Whether who starts a file gets more rights than he has; detail is the way: "setuid". */
bool target_has_rights(const char *path, char *detail, unsigned long size);

/* "x86-64"; valid until the next call. */
const char *target_machine(const struct image *image);

#endif
