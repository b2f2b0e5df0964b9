/* SPDX-License-Identifier: MIT */
/* Sizes as people write them, and page arithmetic that can't overflow. Pure functions. */
#ifndef RAMLOCK_SIZE_H
#define RAMLOCK_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A size is a number of bytes or a share of something that is known only later. */
struct size {
	uint64_t bytes;
	unsigned permille; /* not 0: this share instead of bytes */
};

/* "4096", "64K", "1.5G", "25%", with K, M, G, T (binary, either case, "KiB" and "KB" too).
 * Returns 0, -EINVAL for what is no size, -ERANGE for one that is too large (8 PiB and more are) or
 * over 100%. */
int size_parse(const char *word, struct size *result);

/* The shortest word that size_parse reads back as the same: "64K", "1536M", "25%"; below 4096 with a
 * unit: "1000B". to holds at least 24 bytes. */
void size_print(struct size value, char *to);

/* The share of a whole, or the bytes. */
uint64_t size_of(struct size value, uint64_t whole);

extern size_t size_page_cached; /* 0 until size_page was called; each thread writes the same */
size_t size_page_read(void);

static inline size_t size_page(void)
{
	const size_t page = __atomic_load_n(&size_page_cached, __ATOMIC_RELAXED);

	return page ? page : size_page_read();
}

static inline uintptr_t size_page_down(uintptr_t at)
{
	return at & ~(uintptr_t)(size_page() - 1);
}

/* Wraps to 0 above the last page, as the kernel's own PAGE_ALIGN does. */
static inline uintptr_t size_page_up(uintptr_t at)
{
	return size_page_down(at + size_page() - 1);
}

#endif
