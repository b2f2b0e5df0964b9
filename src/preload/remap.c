/* SPDX-License-Identifier: MIT */
/* Moves a range mapping by mapping. */
#include "config.h"

#include <errno.h>
#include <sys/mman.h>

#include "common/maps.h"
#include "common/sys.h"
#include "preload/remap.h"

#define BUFFER_SIZE 32768
#define PIECES 256

/* One page for all of them: the thread's stack may be small. */
struct pieces {
	size_t count;
	struct mapping last;
	uintptr_t border[PIECES + 1]; /* where each begins, and the end of the last */
	char buffer[BUFFER_SIZE];
};

/* Whether two neighbours would be one mapping but for their locks. They overlap where the kernel made
 * one of both while they were read. */
static bool is_continued(const struct mapping *a, const struct mapping *b)
{
	return a->end >= b->start && a->prot == b->prot && a->shared == b->shared &&
	       a->device == b->device && a->inode == b->inode &&
	       (a->inode == 0 || a->offset + (b->start - a->start) == b->offset);
}

static int find_pieces(struct pieces *p, uintptr_t at, uintptr_t end)
{
	struct mapping mapping;
	struct maps maps;
	int error = maps_open(&maps, "/proc/self/maps", NULL, p->buffer, sizeof(p->buffer));

	if (error)
		return -EFAULT;
	p->count = 0;
	p->border[0] = at;
	while (maps_next(&maps, &mapping) && mapping.start < end) {
		if (mapping.end <= p->border[p->count])
			continue;
		if (p->count == PIECES || (p->count && !is_continued(&p->last, &mapping)))
			break;
		p->last = mapping;
		p->border[++p->count] = mapping.end < end ? mapping.end : end;
	}
	maps_close(&maps);
	return p->border[p->count] == end ? 0 : -EFAULT;
}

static long move(uintptr_t from, size_t size, size_t new_size, uintptr_t to)
{
	return SYS_CALL(SYS_mremap, from, size, new_size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

/* The last one first: it grows as it moves, which is what a limit may refuse, and nothing has moved by
 * then. On a later error those that were moved go back. What is still to be moved begins at at. */
static intptr_t move_all(const struct pieces *p, size_t growth, uintptr_t to, size_t *left)
{
	const uintptr_t at = p->border[0];

	for (size_t i = p->count; i-- > 0; growth = 0) {
		const uintptr_t from = p->border[i];
		const size_t size = p->border[i + 1] - from;
		long moved = move(from, size, size + growth, to + (from - at));

		*left = from - at;
		if (moved >= 0 || moved <= -4096)
			continue;
		while (++i < p->count)
			move(to + (p->border[i] - at), p->border[i + 1] - p->border[i],
			     p->border[i + 1] - p->border[i], p->border[i]);
		return (intptr_t)moved;
	}
	return (intptr_t)to;
}

/* Before Linux 6.17 a refused move leaves the target unmapped, where another thread's mapping may be by
 * then: of a failed move only the addresses before are surely ours to give back. */
static intptr_t move_anywhere(const struct pieces *p, size_t new_size, size_t growth)
{
	size_t left = 0;
	intptr_t to = sys_mmap(0, new_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	intptr_t made;

	if (sys_is_error(to))
		return to;
	made = move_all(p, growth, (uintptr_t)to, &left);
	if (made != to && left)
		sys_munmap((uintptr_t)to, left);
	return made;
}

static intptr_t remap(struct pieces *p, uintptr_t at, size_t old_size, size_t new_size, int flags,
		      uintptr_t to)
{
	const size_t growth = new_size - old_size;
	int error = find_pieces(p, at, at + old_size);
	uintptr_t last;
	size_t left;
	intptr_t made;

	if (error)
		return error;
	if (flags & MREMAP_FIXED)
		return move_all(p, growth, to, &left);
	last = p->border[p->count - 1];
	made = SYS_CALL(SYS_mremap, last, at + old_size - last, at + new_size - last, 0);
	if (made == (intptr_t)last)
		return (intptr_t)at;
	if (made != -ENOMEM || !(flags & MREMAP_MAYMOVE)) /* the limit's word: nothing is tried in vain */
		return made;
	return move_anywhere(p, new_size, growth);
}

intptr_t remap_pieces(uintptr_t at, size_t old_size, size_t new_size, int flags, uintptr_t to)
{
	intptr_t memory, result;

	if (new_size < old_size || flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED))
		return -EFAULT;
	memory = sys_mmap(0, sizeof(struct pieces), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (memory <= 0 && memory > -4096)
		return -EFAULT;
	result = remap((struct pieces *)memory, at, old_size, new_size, flags, to);
	sys_munmap((uintptr_t)memory, sizeof(struct pieces));
	return result;
}
