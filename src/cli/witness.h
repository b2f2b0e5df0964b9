/* SPDX-License-Identifier: MIT */
/* What samples don't tell of a running program: when its constructor ended, what the library
 * counts, which mappings there are now; and, without samples, how far stack and heap reach. */
#ifndef RAMLOCK_WITNESS_H
#define RAMLOCK_WITNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/outcome.h"
#include "cli/places.h"

struct witness {
	struct places *places;
	struct outcome *outcome;
	const char *folder; /* where the reports at exit go, NULL for nowhere */
	char name[256];
	pid_t pid;     /* of the first process */
	bool executed; /* the first process has become the program: told by the caller */
	bool starting; /* some process has not come to its constructor's end */
	uint64_t counted, mapped; /* when counters and mappings were read last */
	uint64_t pause;		  /* between two readings of the mappings */
	uint64_t minor_before, major_before; /* faults up to the constructor's end */
};

/* Makes the folder. */
void witness_begin(struct witness *w, struct places *p, struct outcome *f);

/* Looks at the processes that the places know; ended: the first one has ended. */
void witness_look(struct witness *w, uint64_t now, bool ended);

/* Notes the processes that go on after the first has ended. */
void witness_running(const struct witness *w);

/* Removes the folder. */
void witness_end(struct witness *w);

#endif
