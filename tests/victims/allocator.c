/* SPDX-License-Identifier: MIT */
/* Brings a malloc of its own and what looks like a sanitizer's runtime; does nothing. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static char heap[1 << 20];
static size_t used;

void __tsan_init(void);
void __tsan_init(void)
{
}

void *malloc(size_t size)
{
	void *block = heap + used;

	used += (size + 15) & ~(size_t)15;
	return used <= sizeof(heap) ? block : NULL;
}

void free(void *block)
{
	(void)block;
}

int main(void)
{
	return malloc(10) == NULL;
}
