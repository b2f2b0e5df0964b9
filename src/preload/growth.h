/* SPDX-License-Identifier: MIT */
/* What libc maps by itself, by calls that pass no wrapper: growth of its heap and its threads' arenas,
 * libraries that it loads, locale files.
 *
 * Seen by the blocks that malloc gives: one that ends above all that is known to this thread is of new
 * memory. Watched at level ranges, and in eager mode; else the kernel's flags do all that is wanted.
 * Thread-safe; not async-signal-safe, as malloc is not. errno is left alone. */
#ifndef RAMLOCK_GROWTH_H
#define RAMLOCK_GROWTH_H

#include <stddef.h>
#include <stdint.h>

#include "preload/preload.h"

/* Begins to watch where that is wanted: by the constructor, after startup_lock, and when the level has
 * stepped down. Any thread; nothing from the second time on. */
void growth_start(void);

/* The known memory that this thread's last new block came from. */
struct growth_window {
	uintptr_t start;
	size_t size;
};

extern HIDDEN __thread struct growth_window growth_window __attribute__((tls_model("initial-exec")));

/* A block of malloc's; caller is who called malloc. */
void growth_seen(const void *block, size_t size, const void *caller);

static inline void growth_check(const void *block, size_t size, const void *caller)
{
	const uintptr_t offset = (uintptr_t)block - growth_window.start;

	if (__builtin_expect(offset >= growth_window.size || size > growth_window.size - offset, 0))
		growth_seen(block, size, caller);
}

#endif
