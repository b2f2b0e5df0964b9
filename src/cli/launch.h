/* SPDX-License-Identifier: MIT */
/* What a program needs around it to be started under the library: its path, the environment, the
 * limit. Everything changes the calling process, which then becomes the program or forks. */
#ifndef RAMLOCK_LAUNCH_H
#define RAMLOCK_LAUNCH_H

#include <stdbool.h>

#include "common/options.h"

#define LAUNCH_PATH 4096

/* Reads the settings of the environment and complains of those that are wrong, which then leave the
 * environment: nobody below has to tell again. The number of complaints. */
int launch_settings(struct options *options);

/* The library's path, of LAUNCH_PATH bytes: beside the command in a build tree, in the lib folder of
 * its prefix, or where it was installed. 0, or -errno after an error was told. */
int launch_find_library(char *library);

/* Puts the library first in LD_PRELOAD, once, and sets the rest of the environment: where the tree
 * of processes keeps what it has told, and LD_BIND_NOW under PROFILE=realtime. 0, or -EINVAL after
 * an error was told. */
int launch_environment(const struct options *options, const char *library);

/* Says why execvp(3) did not start a program, or the interpreter that it needs; CLI_NOT_FOUND or
 * CLI_CANNOT_INVOKE. */
int launch_refused(const char *program, int error);

/* Raises RLIMIT_MEMLOCK as far as it may be. */
void launch_raise_limit(void);

/* Whether the library works in a program, found as execvp(3) does; says so where not, with the
 * severity that the settings give it. A program that isn't there is execvp's to tell. */
bool launch_reaches(const struct options *options, const char *library, const char *program);

#endif
