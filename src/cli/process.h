/* SPDX-License-Identifier: MIT */
/* One process under ramlock, as others see it: its counters page, its memory by class, its stacks.
 *
 * Nothing that the process wrote about itself is trusted: figures may be any, texts any bytes. */
#ifndef RAMLOCK_PROCESS_H
#define RAMLOCK_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/maps.h"
#include "common/stats.h"

#define PROCESS_UNKNOWN UINT64_MAX

struct process_usage {
	uint64_t mapped, resident, locked; /* bytes */
};

struct process_stack {
	int tid;
	char name[32];
	uintptr_t pointer;	       /* 0: it was running, or may not be looked at */
	uintptr_t start, end;	       /* of the mapping with the pointer; 0 if there is none */
	uint64_t resident, locked, used; /* bytes, PROCESS_UNKNOWN; used: from the pointer up */
};

struct process {
	int pid, parent; /* 0: not known */
	char name[32];
	char program[512]; /* "" where it can't be read */
	struct stats_page page;
	bool usage_known;
	struct process_usage usage[MAPS_CLASSES];
	uint64_t minor, major; /* faults since start */
	struct process_stack *stacks;
	size_t stack_count;
};

/* 0; or what stats_fetch says, -ESRCH where it has ended meanwhile, -EAGAIN while the constructor is
 * at work. process_free in either case. */
int process_read(struct process *p, int pid);
void process_free(struct process *p);

uint64_t process_total(const struct process *p, size_t field); /* offsetof(struct process_usage, …) */

/* The parts, of which each reads files below a root. */
void process_read_usage(struct process *p, const char *root);
void process_read_stacks(struct process *p, const char *root);
void process_read_faults(struct process *p, const char *root);

/* The name in a file such as /proc/PID/comm; "" where it can't be read. */
void process_read_name(const char *path, char *name, size_t size);

/* The stack pointer in a line of /proc/PID/task/TID/syscall; 0 for "running" and what is none. */
uintptr_t process_stack_pointer(const char *line);

/* Minor and major faults in a line of /proc/PID/stat, whose second field may hold anything. */
bool process_faults(const char *line, uint64_t *minor, uint64_t *major);

/* The parent in the same line, 0 if there is none. */
int process_parent(const char *line);

#endif
