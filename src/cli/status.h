/* SPDX-License-Identifier: MIT */
/* The forms in which `ramlock status` writes what it found of processes. */
#ifndef RAMLOCK_STATUS_H
#define RAMLOCK_STATUS_H

#include <stdio.h>

#include "cli/process.h"

/* A line a process; children of one parent that are alike, such as a server's workers, are one line
 * with their number and the largest figures, unless each is asked for. */
void status_list(const struct process *processes, size_t count, bool each, FILE *to);

/* All of one process; threads that are alike are one line, unless each is asked for. */
void status_detail(const struct process *p, bool each, FILE *to);

/* Settings as the counters page has them, in few words: the profile, and what differs from it. Returns
 * to, whose size is at least that of the text. */
char *status_settings(const char *settings, char *to, size_t size);

/* 0, or -EIO. */
int status_json(const struct process *processes, size_t count, FILE *to);

/* The OpenMetrics text format, version 1.0.0: one family after the other, each with all processes. */
void status_metrics(const struct process *processes, size_t count, FILE *to);

#endif
