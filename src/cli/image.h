/* SPDX-License-Identifier: MIT */
/* What an ELF file says of the process that will be made from it.
 *
 * A file is never executed or loaded for this. Whatever stands in it, reading stays in bounds. */
#ifndef RAMLOCK_IMAGE_H
#define RAMLOCK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#define IMAGE_NEEDED 64

struct image {
	int machine, class; /* as in the ELF header */
	bool dynamic;	    /* it has a loader */
	char loader[256];
	uint64_t text, data;   /* address space of its segments, whole pages: not writable, writable */
	bool has_malloc;       /* it exports a malloc of its own */
	const char *allocator; /* one that is linked into it: "jemalloc"; NULL if none was found */
	const char *sanitizer; /* the same: "AddressSanitizer" */
	unsigned needed_count;
	char needed[IMAGE_NEEDED][128]; /* names of libraries */
	char search[1024];		/* DT_RUNPATH or DT_RPATH */
};

/* Reads what stands in the headers and the libraries that are named there, and with details also
 * what has to be searched for: allocator, sanitizer. False for what can't be read or is no ELF file. */
bool image_read(const char *path, struct image *image, bool details);

/* The program with all libraries that it names, found as ld.so would find most of them. */
struct image_tree {
	uint64_t text, data; /* of the libraries */
	unsigned found, missing;
	char lost[128]; /* the first that is missing */
	const char *allocator, *sanitizer; /* among the libraries */
};

void image_tree(const char *path, const struct image *program, struct image_tree *tree);

#endif
