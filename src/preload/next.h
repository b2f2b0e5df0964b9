/* SPDX-License-Identifier: MIT */
/* The next malloc in line, behind ours: libc's, or one that was preloaded or linked.
 *
 * It is bound on the first call, which may come from ld.so before any constructor; a libc whose
 * dlsym allocates gets that from the bootstrap blocks. Thread-safe once bound. */
#ifndef RAMLOCK_NEXT_H
#define RAMLOCK_NEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "preload/preload.h"

struct next {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	void *(*memalign)(size_t, size_t); /* from here on only after next_bind */
	void *(*aligned_alloc)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	size_t (*usable_size)(void *); /* NULL where there is none */
	int (*trim)(size_t);	       /* NULL where there is none */
};

/* May be called at any time, but for what next_bind binds. */
extern HIDDEN struct next next_table;

/* Binds all. False while that is under way: it is dlsym that calls. */
bool next_bind(void);

static inline void next_need_bound(void)
{
	if (__builtin_expect(next_table.memalign == NULL, 0))
		next_bind();
}

/* Where the process's memory is limited, so that the next malloc may be refused what the arena
 * keeps or reserves: makes the functions above give that up and try again. By the constructor, and
 * when the program has set a limit. */
void next_follow_limits(void);

/* As next_follow_limits for one call, whatever the limits. errno is left alone if it succeeds. */
void *next_malloc_again(size_t size);
void *next_calloc_again(size_t count, size_t size);
void *next_realloc_again(void *old, size_t size);

/* Lets growth.c see the blocks that these functions give. By the constructor. */
void next_watch(void);

/* Whether a block came from before the next malloc was bound; how large such a block is. */
bool next_is_bootstrap(const void *ptr);
size_t next_bootstrap_size(const void *ptr);

#endif
