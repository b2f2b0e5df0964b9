/* SPDX-License-Identifier: MIT */
/* The table of locks: the policy's and the program's, and what the program's calls do to them. */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "common/limits.h"
#include "common/sys.h"
#include "preload/held.h"
#include "preload/lock.h"
#include "preload/preload.h"
#include "preload/ranges.h"

#define TABLE_ROOM 32768 /* ranges; the memory is touched as they come */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ranges own;     /* value: the class + 1 */
static struct ranges program; /* value: how often the program locked it */
static uint64_t lock_limit = LIMITS_NONE;
static bool kept;	 /* the tables are in use */
static bool all_by_program; /* it called mlockall */

/* The kernel's signal set: libc's is larger and its call a cancellation point nowhere, but a raw
 * call can't be interposed. */
static uint64_t table_enter(void)
{
	const uint64_t all = UINT64_MAX;
	uint64_t old = 0;

	SYS_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof(old));
	pthread_mutex_lock(&mutex);
	return old;
}

static void table_leave(uint64_t old)
{
	pthread_mutex_unlock(&mutex);
	SYS_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof(old));
}

void held_start(uint64_t limit)
{
	const size_t bytes = TABLE_ROOM * sizeof(struct range);
	intptr_t memory;

	lock_limit = limit;
	if (lock_level() != LEVEL_RANGES && preload_options.unlock != UNLOCK_COUNT)
		return;
	memory = sys_mmap(0, 2 * bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	if (memory < 0 && memory > -4096)
		return;
	sys_munlock((uintptr_t)memory, 2 * bytes); /* not on the account of level future */
	lock_own((uintptr_t)memory, 2 * bytes);
	ranges_init(&own, (struct range *)memory, TABLE_ROOM);
	ranges_init(&program, (struct range *)memory + TABLE_ROOM, TABLE_ROOM);
	kept = true;
}

/* The program's bytes that lie in no range of ours: those are counted once by the kernel. */
static uint64_t used(void)
{
	uint64_t bytes = ranges_bytes(&own);

	for (size_t i = 0; i < program.count; i++) {
		uintptr_t at = program.at[i].start;

		while (at < program.at[i].end) {
			struct range piece = ranges_piece(&own, at, program.at[i].end);

			if (piece.value == 0)
				bytes += piece.end - piece.start;
			at = piece.end;
		}
	}
	return bytes;
}

uint64_t held_room(void)
{
	uint64_t bytes = used();

	if (lock_limit == LIMITS_NONE)
		return LIMITS_NONE;
	return bytes < lock_limit ? size_page_down((uintptr_t)(lock_limit - bytes)) : 0;
}

size_t held_lock(uintptr_t start, uintptr_t end, enum map_class class, int flags, int *error)
{
	uint64_t signals, room;
	size_t size = end - start;

	*error = 0;
	if (!kept)
		return 0;
	signals = table_enter();
	room = held_room();
	if (size > room)
		size = (size_t)room;
	if (size)
		*error = sys_mlock(start, size, flags);
	if (*error == -ENOSYS && flags) /* before Linux 4.4 */
		*error = sys_mlock(start, size, 0);
	if (*error)
		size = 0;
	if (size)
		ranges_set(&own, start, start + size, (unsigned)class + 1);
	stats_set(STAT_locked, ranges_bytes(&own));
	table_leave(signals);
	return size;
}

static uint64_t fork_signals; /* of the thread that forks; written while the table is held */

void held_fork_prepare(void)
{
	uint64_t signals;

	if (!kept)
		return;
	signals = table_enter();
	fork_signals = signals;
}

void held_fork_parent(void)
{
	if (kept)
		table_leave(fork_signals);
}

static void restart(bool relock)
{
	program.count = 0; /* locks are not inherited */
	all_by_program = false;
	if (!relock || lock_level() != LEVEL_RANGES) {
		own.count = 0;
		return;
	}
	for (size_t i = 0; i < own.count; i++)
		if (sys_mlock(own.at[i].start, own.at[i].end - own.at[i].start, MLOCK_ONFAULT))
			stats_add(STAT_locks_refused, 1);
	stats_set(STAT_locked, ranges_bytes(&own));
}

void held_fork_child(bool relock)
{
	if (!kept)
		return;
	pthread_mutex_init(&mutex, NULL);
	restart(relock);
	SYS_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &fork_signals, NULL, sizeof(fork_signals));
}

/* A range's whole pages, as the kernel rounds it; false where munlock(2) would say EINVAL. */
static bool whole_pages(uintptr_t at, size_t size, uintptr_t *start, uintptr_t *end)
{
	*start = size_page_down(at);
	*end = *start + size_page_up(size + (at - *start));
	return *end >= *start;
}

/* What the kernel says of a range that wraps, or of so many bytes that rounding wraps: it may have
 * more bits than the program, and then they don't. Asked at the last page, which nobody has. */
static int ask_at_end(size_t size)
{
	return sys_munlock(size_page_down(UINTPTR_MAX), size);
}

void held_program_locked(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals;

	if (!kept || !whole_pages(at, size, &start, &end))
		return;
	signals = table_enter();
	ranges_add(&program, start, end, 1);
	table_leave(signals);
}

/* Unlocks what only the policy holds of a range, and takes it off the policy's account. */
static uint64_t give_back(struct range range)
{
	uint64_t bytes = 0;

	for (uintptr_t at = range.start; at < range.end;) {
		struct range piece = ranges_piece(&program, at, range.end);

		if (piece.value == 0) {
			sys_munlock(piece.start, piece.end - piece.start);
			bytes += piece.end - piece.start;
		}
		at = piece.end;
	}
	ranges_set(&own, range.start, range.end, 0);
	stats_add(STAT_given_back, bytes);
	return bytes;
}

/* The last range of the order; a large one gives only what is wanted, from its end. */
static uint64_t give_back_last(uint64_t wanted)
{
	struct range last = {0};

	for (size_t i = 0; i < own.count; i++)
		if (own.at[i].value >= last.value)
			last = own.at[i];
	if (last.value == 0)
		return 0;
	if (last.end - last.start > wanted)
		last.start = last.end - size_page_up((uintptr_t)wanted);
	return give_back(last);
}

static bool is_mapped(uintptr_t start, uintptr_t end)
{
	/* MS_ASYNC does nothing but look, since Linux 2.6.19; the only cheap probe for holes */
	return SYS_CALL(SYS_msync, start, end - start, MS_ASYNC) != -ENOMEM;
}

bool held_wraps(uintptr_t at, size_t size)
{
	uintptr_t start, end;

	return kept && !whole_pages(at, size, &start, &end) && end - start <= lock_limit &&
	       ask_at_end(size) == -EINVAL;
}

bool held_make_room(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals, given = 0, missing;

	if (!kept || lock_level() != LEVEL_RANGES || !whole_pages(at, size, &start, &end))
		return false;
	if (end - start > lock_limit || (at && !is_mapped(start, end)))
		return false; /* it would have failed without us */
	signals = table_enter();
	missing = held_room();
	missing = missing < end - start ? end - start - missing : size_page();
	while (given < missing) {
		uint64_t part = give_back_last(missing - given);

		if (part == 0 && own.count == 0)
			break;
		given += part;
	}
	stats_set(STAT_locked, ranges_bytes(&own));
	table_leave(signals);
	return given > 0;
}

/* What munlock does to one piece of one value in each table. */
static void unlock_piece(uintptr_t start, uintptr_t end, bool owned, unsigned count)
{
	const int mode = preload_options.unlock;
	const bool policy = owned || lock_level() == LEVEL_FUTURE;
	bool unlock = mode == UNLOCK_ALLOW || !policy;

	if (mode == UNLOCK_COUNT) {
		unlock = count == 1 || (count == 0 && !policy);
		if (count > 1)
			ranges_set(&program, start, end, count - 1);
	}
	if (count == 1 || mode != UNLOCK_COUNT)
		ranges_set(&program, start, end, 0);
	if (!unlock) {
		stats_add(STAT_unlocks_held, 1);
		return;
	}
	sys_munlock(start, end - start);
	if (owned)
		ranges_set(&own, start, end, 0);
}

int held_program_unlock(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals;

	if (lock_level() == LEVEL_FUTURE && preload_options.unlock == UNLOCK_ALLOW)
		return sys_munlock(at, size);
	if (!whole_pages(at, size, &start, &end) || start == end)
		return ask_at_end(size);
	if (!is_mapped(start, end))
		return -ENOMEM;
	if (!kept) {
		if (lock_level() == LEVEL_NONE)
			return sys_munlock(at, size);
		stats_add(STAT_unlocks_held, 1);
		return 0;
	}
	signals = table_enter();
	while (start < end) {
		struct range owned = ranges_piece(&own, start, end);
		struct range piece = ranges_piece(&program, start, owned.end);

		unlock_piece(start, piece.end, owned.value != 0, piece.value);
		start = piece.end;
	}
	stats_set(STAT_locked, ranges_bytes(&own));
	table_leave(signals);
	return 0;
}

/* What a program's mlockall leaves for the future is at least what the policy had. */
static void restore_future(int flags)
{
	if (lock_level() != LEVEL_FUTURE)
		return;
	if ((flags & MCL_FUTURE) && !(flags & MCL_ONFAULT))
		return; /* eager, which is the most there is */
	if (flags & MCL_FUTURE && lock_future_flags() & MCL_ONFAULT)
		return;
	sys_mlockall(lock_future_flags());
}

void held_program_locked_all(int flags)
{
	uint64_t signals;

	restore_future(flags);
	if (!kept)
		return;
	signals = table_enter();
	all_by_program = true;
	/* Under a finite limit whatever the program maps from now on counts; a range of ours must
	 * not be what it fails for. */
	if (lock_level() == LEVEL_RANGES && flags & MCL_FUTURE) {
		while (!(flags & MCL_CURRENT) && own.count)
			give_back(own.at[own.count - 1]);
		own.count = 0; /* the program's now */
		stats_set(STAT_locked, 0);
	}
	table_leave(signals);
}

int held_program_lock_all(int flags, int error)
{
	uint64_t signals;

	if (!kept || lock_level() != LEVEL_RANGES || error != -ENOMEM || !(flags & MCL_CURRENT))
		return error;
	signals = table_enter();
	error = lock_everything(flags, lock_limit);
	if (error == 0) {
		all_by_program = true;
		own.count = 0; /* the program's now */
		stats_set(STAT_locked, 0);
	}
	table_leave(signals);
	return error;
}

/* Unlocks what the program locked range by range, less what the policy holds. */
static void drop_program(void)
{
	const bool counted = preload_options.unlock == UNLOCK_COUNT;

	for (size_t i = 0; i < program.count; i++) {
		for (uintptr_t at = program.at[i].start; at < program.at[i].end;) {
			struct range piece = ranges_piece(&own, at, program.at[i].end);

			if (counted || (piece.value == 0 && lock_level() != LEVEL_FUTURE))
				sys_munlock(piece.start, piece.end - piece.start);
			at = piece.end;
		}
		if (counted)
			ranges_set(&own, program.at[i].start, program.at[i].end, 0);
	}
	program.count = 0;
}

/* Unlocks everything but what the policy holds; the pages stay where they are meanwhile. */
static void drop_all(void)
{
	sys_munlockall();
	for (size_t i = 0; i < own.count; i++)
		sys_mlock(own.at[i].start, own.at[i].end - own.at[i].start, MLOCK_ONFAULT);
}

int held_program_unlock_all(void)
{
	uint64_t signals;

	if (lock_level() == LEVEL_NONE || preload_options.unlock == UNLOCK_ALLOW) {
		lock_end();
		own.count = program.count = 0;
		return sys_munlockall();
	}
	stats_add(STAT_unlocks_held, 1);
	if (lock_level() == LEVEL_FUTURE)
		sys_mlockall(lock_future_flags());
	if (!kept)
		return 0;
	signals = table_enter();
	drop_program();
	if (all_by_program && lock_level() == LEVEL_RANGES)
		drop_all();
	all_by_program = false;
	table_leave(signals);
	return 0;
}

void held_unmapped(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals;

	if (!kept || !whole_pages(at, size, &start, &end))
		return;
	signals = table_enter();
	ranges_set(&own, start, end, 0);
	ranges_set(&program, start, end, 0);
	stats_set(STAT_locked, ranges_bytes(&own));
	table_leave(signals);
}

void held_moved(uintptr_t from, uintptr_t to, size_t size)
{
	uint64_t signals;

	if (!kept)
		return;
	signals = table_enter();
	for (uintptr_t at = from; at < from + size;) {
		struct range piece = ranges_piece(&own, at, from + size);

		ranges_set(&own, to + (at - from), to + (piece.end - from), piece.value);
		at = piece.end;
	}
	ranges_set(&own, from, from + size, 0);
	table_leave(signals);
}
