/* SPDX-License-Identifier: MIT */
/* Names of code, from the symbol tables of its file and of separate debug files. */
#ifndef RAMLOCK_SYMBOLS_H
#define RAMLOCK_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

/* "main (redis-server)", or the file and the offset in it
 * where no symbol is known. C++ names are demangled where libstdc++ is there. */
void symbols_name(const char *path, uint64_t offset, char *to, size_t size);

/* Forgets the files that were read. */
void symbols_end(void);

#endif
