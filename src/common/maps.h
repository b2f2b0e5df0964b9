/* SPDX-License-Identifier: MIT */
/* Reads /proc/PID/maps or smaps, one mapping at a time, each with its class.
 *
 * No malloc, no stdio; async-signal-safe with a buffer of the caller's. */
#ifndef RAMLOCK_MAPS_H
#define RAMLOCK_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a mapping is, in the order in which ranges are locked while there is room. */
enum map_class {
	MAPS_STACK,	  /* main stack */
	MAPS_DATA,	  /* writable data of program and libraries */
	MAPS_HEAP,	  /* [heap] */
	MAPS_LARGE,	  /* the locked arena: known to its owner only */
	MAPS_TEXT,	  /* program text and read-only data */
	MAPS_THREAD_STACK, /* known to its owner only */
	MAPS_LIB_TEXT,	  /* the same of libraries */
	MAPS_ANON,	  /* other anonymous memory */
	MAPS_FILE,	  /* files that are not code, shared memory, devices */
	MAPS_RESERVED,	  /* PROT_NONE: address space, never locked on purpose */
	MAPS_KERNEL,	  /* vdso, vvar, vsyscall: always there */
	MAPS_CLASSES
};

extern const char *const map_class_names[MAPS_CLASSES]; /* "main stack", … */

enum map_prot { MAPS_R = 1, MAPS_W = 2, MAPS_X = 4 };

struct mapping {
	uintptr_t start, end;
	uint64_t offset;
	uint64_t device, inode; /* of its file, device as major << 32 | minor; 0 when it has none */
	unsigned prot; /* of enum map_prot */
	bool shared;
	enum map_class class;
	const char *path;	   /* "" when it has none; valid until the next maps_next */
	uint64_t resident, locked; /* bytes, from smaps; 0 from maps */
};

struct maps {
	int fd;
	char *buffer;
	size_t size, used, at;
	const char *program; /* its path, as readlink of /proc/PID/exe gives it, or NULL */
	uintptr_t program_at; /* or an address in it, such as getauxval(AT_PHDR); 0 if unknown */
	struct mapping program_part; /* the one with program_at, its path aside */
	struct mapping last; /* for what is told by its neighbour: bss, segments of one file */
	bool last_code;
	unsigned long broken; /* lines that were not understood */
};

/* Opens a file in the format of maps or smaps; 0 or -errno. The buffer, of at least 16 KiB, and
 * program (NULL when unknown) must live as long as m; m->program_at may be set behind it. */
int maps_open(struct maps *m, const char *path, const char *program, char *buffer, size_t size);

/* The next mapping; false at the end. */
bool maps_next(struct maps *m, struct mapping *mapping);

void maps_close(struct maps *m);

#endif
