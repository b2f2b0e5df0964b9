/* SPDX-License-Identifier: MIT */
/* AddressSanitizer as a library wants to be loaded first, and ends a program that has another one
 * before it. */
#ifndef RAMLOCK_SANITIZER_H
#define RAMLOCK_SANITIZER_H

/* For a program that is built with it, found as execvp(3) does: sets the environment so that it
 * runs under our library, and sees every block. What the user set stays. */
void sanitizer_prepare(const char *program);

#endif
