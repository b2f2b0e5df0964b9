/* SPDX-License-Identifier: MIT */
/* A memory cgroup below the one that the test is in. */
#ifndef RAMLOCK_GROUP_H
#define RAMLOCK_GROUP_H

#include <stdbool.h>
#include <stddef.h>

/* Makes one with this limit, and gives its folder, for a path of 512; false where none can be made. */
bool group_make(size_t limit, char *folder);

/* Joins it; NULL stays where it is. */
bool group_enter(const char *folder);

/* Of a group that nobody is in any more. */
void group_remove(const char *folder);

#endif
