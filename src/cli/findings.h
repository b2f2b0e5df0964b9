/* SPDX-License-Identifier: MIT */
/* What `ramlock check` says: findings, each from figures that were read before.
 *
 * Pure functions of what they are given, so that each verdict is unit-tested. */
#ifndef RAMLOCK_FINDINGS_H
#define RAMLOCK_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/host.h"
#include "cli/image.h"
#include "cli/probe.h"
#include "common/options.h"

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL, VERDICT_UNKNOWN, VERDICT_COUNT };

extern const char *const verdict_names[VERDICT_COUNT]; /* "ok", … */

struct finding {
	enum verdict verdict;
	const char *check;  /* "memory lock limit" */
	char found[256];    /* "8 MiB soft, 8 MiB hard" */
	const char *remedy; /* what to do, as it is typed; NULL where there is nothing to do */
};

struct findings {
	unsigned count, counts[VERDICT_COUNT];
	struct finding list[40];
};

/* Beyond what host.c reads. */
struct checked {
	struct host host;
	struct probe_capability capability;
	enum probe honoured; /* more than the limit may be locked */
	struct options settings;
	uint64_t need;	     /* address space that is to be locked, 0 where it is not known */
	uint64_t reserves;   /* what the settings have made resident at start */
	bool process;	     /* it runs: need is what it has mapped */
};

/* Whether there is nothing that a limit of locked memory could refuse. */
bool findings_unlimited(const struct checked *c);

void findings_of_limits(struct findings *f, const struct checked *c);
void findings_of_memory(struct findings *f, const struct checked *c);
void findings_of_kernel(struct findings *f, const struct checked *c);

/* A row by its text; remedy must live on. */
__attribute__((format(printf, 5, 6))) void findings_add(struct findings *f, enum verdict verdict,
							 const char *check, const char *remedy,
							 const char *format, ...);

/* A program's file: the library that is to work in it, the loader of the command itself. */
struct program {
	const char *path;
	struct image image;
	struct image_tree tree;
	struct image library;
	const char *own_loader;
	const char *rights; /* "setuid", or "" */
};

void findings_of_program(struct findings *f, const struct program *p);

/* For people, with a line that sums up; or as JSON, with the program (or NULL) and the PID (or 0) that
 * they are about. 0 or -EIO. */
int findings_print(const struct findings *f, FILE *to);
int findings_json(const struct findings *f, const char *program, long pid, FILE *to);

#endif
