/* SPDX-License-Identifier: MIT */
/* What one measured run showed: faults by place, how far each place reached. */
#ifndef RAMLOCK_OUTCOME_H
#define RAMLOCK_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/places.h"
#include "cli/timeline.h"
#include "common/stats.h"

struct outcome_row {
	enum place_kind kind;
	const char *name;  /* a path or a thread's name, or NULL */
	const char *first; /* the code that faulted first, or NULL */
	uint32_t tid;	   /* of a thread stack */
	uint64_t minor, major, forked;
	uint64_t ahead;	   /* not among these: for the reserves of new threads */
	uint64_t reach;	   /* bytes: depth of a stack, length of a heap; else 0 */
};

#define OUTCOME_NAME	16 /* of a process, as the kernel keeps it */
#define OUTCOME_RUNNING 8

struct outcome {
	bool sampled;	/* else the faults are the kernel's counts, without places */
	int refused;	/* the -errno of perf_event_open(2) where not sampled */
	bool user_only; /* faults inside system calls are not among the samples */
	uint64_t lost;	/* samples */

	int status;	/* the program's, as wait(2) gives it */
	bool stopped;	/* by us, because the time was over */
	bool reached;	/* the library was in the program, and left figures */
	bool loaded;	/* it was mapped, but the program ended before it had figures */
	uint32_t level, reason;
	/* processes that went on when the first had ended: the first of them, and how many */
	struct {
		uint32_t pid;
		char name[OUTCOME_NAME];
	} running[OUTCOME_RUNNING];
	size_t running_count;
	uint64_t length; /* ns, from the program's start to its end */
	uint64_t kernel_minor, kernel_major; /* of it and children it waited for, after its constructor */

	struct outcome_row *list; /* by kind, the most faults first */
	size_t count;
	uint64_t reach[PLACE_KINDS];  /* the largest of a kind */
	uint64_t number[PLACE_KINDS]; /* of stacks and arenas that were touched */
	uint64_t ahead;		      /* of all places */
	uint64_t anon_mapped, files_mapped;
	uint64_t need;	  /* what the policy had to lock at start */
	const char *file; /* what the first process executed last, NULL if unknown */
	/* of the process that has the most */
	uint64_t large_peak, large_resident, large_grown; /* the last: after the constructor */
	struct timeline timeline;
};

/* Sums up the places; the rest is filled in by who ran the program. */
void outcome_make(struct outcome *f, const struct places *p);
void outcome_free(struct outcome *f);

/* Takes over what the library of one process counted. */
void outcome_take(struct outcome *f, const uint64_t values[STAT_COUNT]);

/* Minor and major faults of a kind, less those that follow a fork and that no setting removes. */
uint64_t outcome_faults(const struct outcome *f, enum place_kind kind);

/* All minor or major faults; without samples those that the kernel counted. */
uint64_t outcome_total(const struct outcome *f, bool major);

#endif
