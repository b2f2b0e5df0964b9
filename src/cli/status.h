/* SPDX-License-Identifier: MIT */
/* The forms in which `ramlock status` writes what it found of processes. */
#ifndef RAMLOCK_STATUS_H
#define RAMLOCK_STATUS_H

#include <stdio.h>

#include "cli/process.h"

/* A line a process. */
void status_list(const struct process *processes, size_t count, FILE *to);

/* All of one process. */
void status_detail(const struct process *p, FILE *to);

/* 0, or -EIO. */
int status_json(const struct process *processes, size_t count, FILE *to);

/* The OpenMetrics text format, version 1.0.0: one family after the other, each with all processes. */
void status_metrics(const struct process *processes, size_t count, FILE *to);

#endif
