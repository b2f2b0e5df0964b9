/* SPDX-License-Identifier: MIT */
/* A folder for the files of a test, in TMPDIR, or in /tmp where that is too long a path for the
 * buffers that are tested. Each call fails the test that can't go on. */
#ifndef RAMLOCK_SCRATCH_H
#define RAMLOCK_SCRATCH_H

extern char scratch[64]; /* the folder, while there is one */

void scratch_make(void);
void scratch_remove(void);

/* Empties it. */
void scratch_clear(void);

/* The path of "/name" in it; valid for the next seven calls. */
const char *scratch_path(const char *name);

/* Writes a file, with the folders above it. */
void scratch_put(const char *name, const char *text);

#endif
