/* SPDX-License-Identifier: MIT */
/* Keeps one copy of each text for as long as the command runs, so that texts are equal when their
 * pointers are. No memory ends the command. */
#ifndef RAMLOCK_NAMES_H
#define RAMLOCK_NAMES_H

const char *names_keep(const char *text);

#endif
