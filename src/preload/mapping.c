/* SPDX-License-Identifier: MIT */
/* The policy for mappings that come after start. */
#include "config.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/limits.h"
#include "common/sys.h"
#include "preload/ahead.h"
#include "preload/future.h"
#include "preload/held.h"
#include "preload/large.h"
#include "preload/lock.h"
#include "preload/mapping.h"
#include "preload/preload.h"
#include "preload/real.h"
#include "preload/sandbox.h"
#include "preload/spared.h"

#define ASK_FROM (16u << 20) /* what is smaller is made resident without a look at free memory */

#define BLOCK_MOST (1 << 20)
#define STACK_REACH ((uintptr_t)128 << 20) /* at most */
#define STACK_GAP ((uintptr_t)1 << 20)	   /* the kernel's, below a stack */

/* Whether what comes is made resident. A forked child is not eager at level future. */
static bool is_eager(void)
{
	return preload_options.lock == LOCK_EAGER && !(lock_future_flags() & MCL_ONFAULT);
}

/* More than the memory that is free would end in the OOM killer, not in an error. */
static enum mapping_want resident_if_fits(size_t size)
{
	if (size < ASK_FROM || ahead_fits(size))
		return WANT_RESIDENT;
	stats_add(STAT_populates_refused, 1);
	return WANT_ONFAULT;
}

static enum mapping_want want_of(const struct mapping_request *r)
{
	const bool is_file = !(r->flags & MAP_ANONYMOUS) && !(r->prot & PROT_EXEC);

	if (r->flags & MAP_LOCKED || (r->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		return WANT_RESIDENT; /* the program's own wish */
	if (is_file && preload_options.files == FILES_NEVER)
		return WANT_UNLOCKED;
	if (r->prot == PROT_NONE || r->flags & (MAP_NORESERVE | MAP_GROWSDOWN | MAP_STACK))
		return WANT_ONFAULT;
	if (is_file ? preload_options.files == FILES_EAGER : is_eager())
		return resident_if_fits(r->size);
	return WANT_ONFAULT;
}

void mapping_plan(struct mapping_request *r)
{
	const enum level level = lock_level();

	if (level == LEVEL_NONE || (level == LEVEL_FUTURE && preload_options.lock == LOCK_ONFAULT &&
				    preload_options.files == FILES_ONFAULT &&
				    !(r->flags & (MAP_LOCKED | MAP_POPULATE))))
		return; /* WANT_LEFT */
	r->want = want_of(r);
	r->mark = future_mark();
}

static enum spared spared_of(enum mapping_want want)
{
	return want == WANT_UNLOCKED ? SPARED_UNLOCKED
	     : want == WANT_ONFAULT ? SPARED_ONFAULT : SPARED_NOT;
}

/* No detour for devices, whose drivers look at the protection when they are asked to map, and for
 * large pages, by which the calls would have to be rounded; a file of these has them as blocks. */
static bool is_plain(const struct mapping_request *r)
{
	struct stat status;

	if (r->flags & MAP_ANONYMOUS)
		return !(r->flags & MAP_HUGETLB);
	return fstat(r->fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       status.st_blksize <= BLOCK_MOST;
}

/* Not readable when it is made, so that nothing is populated; opened when it is locked on fault.
 * Where it takes the place of other mappings it is made elsewhere and moved there, so that other
 * threads never find these pages closed. */
void *mapping_make_sparse(const struct mapping_request *r)
{
	const bool fixed = r->flags & MAP_FIXED;
	char *made;

	if ((r->want != WANT_ONFAULT && r->want != WANT_UNLOCKED) || r->prot == PROT_NONE ||
	    lock_level() != LEVEL_FUTURE || !is_eager() || !is_plain(r))
		return MAP_FAILED;
	made = real_get()->mmap(fixed ? NULL : r->at, r->size, PROT_NONE, r->flags & ~MAP_FIXED, r->fd,
				r->offset);
	if (made == MAP_FAILED)
		return MAP_FAILED;
	if ((r->want == WANT_UNLOCKED ? sys_munlock((uintptr_t)made, r->size)
			      : sys_mlock((uintptr_t)made, r->size, MLOCK_ONFAULT)) == 0 &&
	    sys_mprotect((uintptr_t)made, r->size, r->prot) == 0 &&
	    (!fixed || SYS_CALL(SYS_mremap, made, r->size, r->size, MREMAP_MAYMOVE | MREMAP_FIXED,
				r->at) == (long)r->at))
		return fixed ? r->at : made;
	sys_munmap((uintptr_t)made, r->size);
	return MAP_FAILED;
}

/* Never by a touch: beyond the end of a file that is a signal. */
static void populate(uintptr_t at, size_t size, bool write)
{
	if (sys_madvise(at, size, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) != -EINVAL)
		return;
	sys_mlock(at, size, 0); /* before Linux 5.14 */
	if (!is_eager())
		sys_mlock(at, size, MLOCK_ONFAULT);
}

static bool is_private_writable(const struct mapping_request *r)
{
	return r->prot & PROT_WRITE && (r->flags & MAP_TYPE) == MAP_PRIVATE;
}

/* At level future, where the kernel's flags have locked it. MAP_LOCKED is populated by a lock, which
 * under MCL_ONFAULT it is not by itself. */
static void adapt(uintptr_t at, const struct mapping_request *r)
{
	if (r->want == WANT_UNLOCKED)
		sys_munlock(at, r->size);
	else if (r->want == WANT_ONFAULT && is_eager())
		sys_mlock(at, r->size, MLOCK_ONFAULT);
	else if (r->want == WANT_RESIDENT && r->flags & MAP_LOCKED && !is_eager())
		sys_mlock(at, r->size, 0);
	else if (r->want == WANT_RESIDENT && !is_eager())
		populate(at, r->size, is_private_writable(r));
	else if (r->want == WANT_RESIDENT && future_was_paused(r->mark))
		sys_mlock(at, r->size, 0);
}

static enum map_class class_of(const struct mapping_request *r)
{
	if (r->flags & MAP_ANONYMOUS)
		return MAPS_ANON;
	return r->prot & PROT_EXEC ? MAPS_LIB_TEXT : MAPS_FILE;
}

/* At level ranges. A reservation would take all room for nothing, and each growth of a locked stack
 * is compared with the limit and ends in a signal. */
static void cover(uintptr_t at, const struct mapping_request *r)
{
	const uintptr_t end = at + size_page_up(r->size);

	if (preload_options.lock == LOCK_CURRENT || r->flags & MAP_LOCKED ||
	    r->want == WANT_UNLOCKED || r->prot == PROT_NONE || r->flags & (MAP_NORESERVE | MAP_GROWSDOWN))
		return;
	if (!held_cover(at, end, class_of(r), r->want == WANT_RESIDENT ? 0 : MLOCK_ONFAULT) &&
	    r->want == WANT_RESIDENT) /* resident at least */
		sys_madvise(at, end - at,
			    is_private_writable(r) ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
}

void mapping_made(void *at, const struct mapping_request *r)
{
	held_unmapped((uintptr_t)at, r->size); /* what was there before */
	if (r->flags & MAP_LOCKED)
		held_program_locked((uintptr_t)at, r->size);
	if (r->want == WANT_LEFT)
		return;
	if (lock_level() == LEVEL_RANGES)
		cover((uintptr_t)at, r);
	else if (lock_level() == LEVEL_FUTURE)
		adapt((uintptr_t)at, r);
	spared_set((uintptr_t)at, r->size, spared_of(r->want));
}

bool mapping_is_watched(void)
{
	return lock_level() == LEVEL_RANGES || preload_options.lock == LOCK_EAGER ||
	       preload_options.files != FILES_ONFAULT || preload_options.unlock == UNLOCK_COUNT;
}

/* All that the main stack may grow to, and the kernel's gap below it. Each growth of a locked stack
 * is compared with the limit. In 32 bits other mappings begin right below. */
static bool is_near_main_stack(uintptr_t start, uintptr_t end)
{
	const uintptr_t top = size_page_up(getauxval(AT_EXECFN));
	uintptr_t reach = STACK_REACH;
	struct sys_rlimit limit;

	if (start >= top || end <= top - reach)
		return false;
	if (sys_prlimit(0, RLIMIT_STACK, NULL, &limit) == 0 && limit.soft < reach - STACK_GAP)
		reach = (uintptr_t)limit.soft + STACK_GAP;
	return end > top - reach;
}

void mapping_opened(uintptr_t at, size_t size, enum map_class class)
{
	const uintptr_t end = at + size_page_up(size);
	uintptr_t next;

	if (lock_level() != LEVEL_RANGES || preload_options.lock == LOCK_CURRENT ||
	    is_near_main_stack(at, end))
		return;
	for (; at < end; at = next) {
		next = end;
		if (spared_piece(at, &next) != SPARED_UNLOCKED)
			held_cover(at, next, class,
				   class == MAPS_HEAP && is_eager() ? 0 : MLOCK_ONFAULT);
	}
}

void mapping_moved(uintptr_t from, size_t old_size, uintptr_t to, size_t new_size)
{
	const size_t size = old_size < new_size ? old_size : new_size;

	held_moved(from, to, size);
	if (old_size > new_size)
		held_unmapped(from + new_size, old_size - new_size);
	else if (size && new_size > old_size)
		held_grown(to + old_size, to + new_size);
	spared_moved(from, old_size, to, new_size);
}

void mapping_gone(uintptr_t at, size_t size)
{
	held_unmapped(at, size);
	spared_set(at, size, SPARED_NOT);
}

static bool is_within(int what, size_t size)
{
	struct sys_rlimit limit;

	return sys_prlimit(0, what, NULL, &limit) == 0 && limit.soft != SYS_RLIM_INFINITY &&
	       size <= limit.soft;
}

static bool is_overcommit_strict(void)
{
	char word[8];

	return limits_read_file("/proc/sys/vm/overcommit_memory", word, sizeof(word)) > 0 &&
	       word[0] == '2';
}

/* Nobody has seven eighths of 32 bits in one piece. */
static bool is_short_of_addresses(size_t size)
{
	return sizeof(void *) < 8 && size < SIZE_MAX / 8 * 7;
}

bool mapping_is_counted(size_t size)
{
	return is_short_of_addresses(size) || is_within(RLIMIT_AS, size) ||
	       is_within(RLIMIT_DATA, size) || is_overcommit_strict();
}

/* Our arena is the cause only where address space or memory is counted. Programs try sizes that can't
 * be had: for those it must not lose its reserve. */
bool mapping_make_room(int error, size_t size)
{
	bool stepped_down;

	if (sandbox_is_on())
		return false;
	if (error == EAGAIN)
		return future_make_room("mmap", 0, size);
	if (error != ENOMEM)
		return false;
	stepped_down = lock_level() == LEVEL_FUTURE && future_make_room("malloc", 0, size);
	return (mapping_is_counted(size) && large_relieve()) || stepped_down;
}

bool mapping_unify(uintptr_t at, size_t size)
{
	uintptr_t end = at + size;

	if (SYS_CALL(SYS_msync, at, size, MS_ASYNC) != 0)
		return false; /* a hole: the error is its own */
	if (lock_level() == LEVEL_FUTURE && spared_piece(at, &end) == SPARED_UNLOCKED)
		return sys_munlock(at, size) == 0;
	if (lock_level() == LEVEL_FUTURE) {
		sys_mlock(at, size, MLOCK_ONFAULT); /* refused when the right has gone */
		return true;
	}
	return lock_level() == LEVEL_RANGES && held_uncover(at, at + size);
}

void mapping_restore(uintptr_t at, size_t size)
{
	if (lock_level() == LEVEL_RANGES)
		mapping_opened(at, size, MAPS_ANON);
	else if (is_eager())
		mapping_refill(at, size);
}

void mapping_relock(uintptr_t at, size_t size, bool sparsely)
{
	const uintptr_t end = at + size;
	uintptr_t next;

	for (; at < end; at = next) {
		enum spared spared;
		int flags;

		next = end;
		spared = spared_piece(at, &next);
		flags = is_eager() && spared == SPARED_NOT && !sparsely ? 0 : MLOCK_ONFAULT;
		if (spared == SPARED_NOT && sparsely)
			spared_set(at, next - at, SPARED_ONFAULT);
		if (lock_level() != LEVEL_FUTURE) /* also what UNLOCK=count keeps at level none */
			held_again(at, next, flags);
		else if (spared != SPARED_UNLOCKED)
			sys_mlock(at, next - at, flags);
	}
}

void mapping_refill(uintptr_t at, size_t size)
{
	const uintptr_t end = at + size;
	uintptr_t next;

	if (!is_eager())
		return;
	for (; at < end; at = next) {
		next = end;
		if (spared_piece(at, &next) != SPARED_NOT)
			continue;
		if (lock_level() == LEVEL_RANGES)
			held_again(at, next, 0);
		else
			sys_mlock(at, next - at, 0); /* populates each mapping as its own way is */
	}
}
