/* SPDX-License-Identifier: MIT */
/* Where faults happen: turns a stream of events into counts by place.
 *
 * Pure but for what refresh does. Counted are the faults after the library's constructor, which
 * places_started tells of; until it does, those of the process wait. */
#ifndef RAMLOCK_PLACES_H
#define RAMLOCK_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/samples.h"
#include "cli/spaces.h"
#include "cli/timeline.h"
#include "cli/touched.h"

enum place_kind {
	PLACE_STACK,	    /* main stack; one a process, as the next three */
	PLACE_THREAD_STACK, /* one a mapping: threads that follow one another share it */
	PLACE_HEAP,
	PLACE_ARENA, /* a thread's malloc arena */
	PLACE_LARGE,
	PLACE_ANON,
	PLACE_TEXT, /* of the program or a library; one a file, as the next two */
	PLACE_DATA,
	PLACE_FILE,
	PLACE_OTHER, /* no mapping is known there */
	PLACE_KINDS
};

extern const char *const place_names[PLACE_KINDS]; /* "main stack", … */

/* Code in a file, or anonymous code with a path of "". */
struct code {
	const char *path; /* NULL: none */
	uint64_t offset;
};

struct place {
	enum place_kind kind;
	const char *name;	/* a path, or a thread's name; NULL for none */
	uint32_t image; /* the program in a process that it is of; 0 for files, which all share */
	uint32_t tid;	/* of a thread stack: the first thread on it */
	bool owned;	/* that thread has faulted there */
	uint64_t minor, major;
	uint64_t forked;	/* of the minor ones, in a forked child that has not become another program */
	uint64_t ahead;		/* not among these: taken by the library for a thread's reserve */
	uint32_t streak_tid;	/* the last so many were this thread's */
	uint64_t streak;
	uint64_t low, high;	/* of what was ever touched, also before the constructor ended */
	struct touched touched;	/* of stacks and heaps, the same */
	struct code first;	/* what faulted first */
};

struct thread {
	uint32_t tid, place;
	const char *name;
};

struct waiting; /* a fault of a process that has not started */

struct followed {
	uint32_t pid, image; /* a number for each program that a process becomes */
	bool forked;	/* and has not become another program */
	bool loaded;	/* the library is mapped */
	bool ended;
	bool collected; /* for the caller: its last figures were taken */
	uint64_t begun;	 /* when it became this program */
	uint64_t started; /* when the constructor ended; 0 while that is not known */
	uint64_t large_start, large_end;
	uint64_t read;	 /* when its mappings were read last */
	struct space space;
	struct waiting *waiting;
	size_t waiting_count, waiting_room;
};

struct places {
	/* Set by the caller before the first event. */
	uint64_t after; /* ns behind the first process's start from which faults are counted */
	uint64_t reserved[PLACE_KINDS]; /* resident from its base on without a fault, of each */
	bool whole_blocks; /* a first fault in 2 MiB of addresses brings all of them */
	bool reserves;	/* new threads get reserves from the library, whose faults are no one's */
	/* The process's mappings may have changed unseen: reads them again (places_mappings). */
	void (*refresh)(void *context, struct followed *process);
	void *context;

	uint32_t images;
	struct place *list;
	size_t count, room;
	struct followed *processes;
	size_t process_count, process_room, process_last; /* that was asked for */
	struct thread *threads;
	size_t thread_count, thread_room, thread_last;
	uint64_t start;	   /* of the first process: the timeline's 0 */
	uint64_t faults;   /* counted */
	uint64_t anon_mapped, files_mapped; /* the most that a process had open of these, in bytes */
	struct timeline timeline;
};

void places_event(struct places *p, const struct event *event);

/* The process, the newest of its pid, or NULL. The pointer is good until the next event. */
struct followed *places_process(struct places *p, uint32_t pid);

/* The constructor ended then, and large blocks lie there. */
void places_started(struct places *p, struct followed *process, uint64_t time,
		    uint64_t large_start, uint64_t large_end);

/* All mappings of a process as they are now; the space is taken over. */
void places_mappings(struct places *p, struct followed *process, struct space *now);

/* How deep a stack was, how far a heap grew; 0 for other places. */
uint64_t places_reach(const struct places *p, const struct place *place);

void places_free(struct places *p);

#endif
