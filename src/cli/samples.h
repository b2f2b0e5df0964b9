/* SPDX-License-Identifier: MIT */
/* Page faults of a program as they happen, with the mappings that tell what they hit, from
 * perf_event_open(2) software events. Follows threads and children. */
#ifndef RAMLOCK_SAMPLES_H
#define RAMLOCK_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum event_kind {
	EVENT_FAULT,
	EVENT_MAP,  /* something was mapped, or its protection changed; what was there is gone */
	EVENT_FORK, /* a process, or a thread where pid is the parent's too */
	EVENT_EXEC, /* the old memory is gone */
	EVENT_NAME, /* a thread got a name */
	EVENT_EXIT, /* a thread ended */
};

struct event {
	enum event_kind kind;
	uint32_t pid, tid;
	uint64_t time; /* CLOCK_MONOTONIC, ns */
	union {
		struct {
			uint64_t address, code, stack; /* the last two: registers of the program, 0 if unknown */
			bool major;
		} fault;
		struct {
			uint64_t start, end, offset;
			const char *path; /* of names_keep; "" when anonymous */
			unsigned prot;	  /* of enum map_prot */
			bool shared;
		} map;
		uint32_t parent;  /* pid */
		const char *name; /* of names_keep; also for EVENT_EXEC */
	};
};

/* The registers that a sample has, as the kernel numbers them: the code's and the stack's address. */
#if defined __x86_64__
#define SAMPLES_CODE  8 /* PERF_REG_X86_IP */
#define SAMPLES_STACK 7
#elif defined __aarch64__
#define SAMPLES_CODE  32 /* PERF_REG_ARM64_PC */
#define SAMPLES_STACK 31
#endif

struct ring;

struct samples {
	struct ring *rings; /* one a processor */
	size_t count;
	int *descriptors;
	size_t descriptor_count;
	bool user_only; /* faults in system calls that read or write the program's memory are missed */
	uint64_t lost;	/* samples for which there was no room */
	struct event *events;
	size_t used, room;
};

/* Begins when the process executes a program. 0, or -errno where the kernel refuses. */
int samples_open(struct samples *s, pid_t pid);
void samples_close(struct samples *s);

/* Waits until a ring fills up, the descriptor extra is readable, or for so many milliseconds. */
void samples_wait(const struct samples *s, int extra, int milliseconds);

typedef void samples_use(void *context, const struct event *event);

/* Hands on the events up to a time in its order; later ones are kept for the next call. What is a
 * few milliseconds old is complete. */
void samples_read(struct samples *s, uint64_t until, samples_use *use, void *context);

/* Adds the event of one record, or counts what it says was lost; major is the id of the event for
 * major faults. For the tests, too. */
void samples_decode(struct samples *s, uint64_t major, const char *record);

#endif
