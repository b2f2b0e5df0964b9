/* SPDX-License-Identifier: MIT */
/* The table of locks: the policy's and the program's, and what the program's calls do to them. */
#include "config.h"

#include <sys/mman.h>

#include "common/limits.h"
#include "common/sys.h"
#include "preload/held.h"
#include "preload/lock.h"
#include "preload/masked.h"
#include "preload/preload.h"
#include "preload/ranges.h"

#define TABLE_ROOM 32768 /* ranges; the memory is touched as they come */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ranges own;     /* value: the class + 1 */
static struct ranges program; /* value: how often the program locked it */
static struct ranges stacks;  /* of threads, as far as we locked them; value: the thread's id */
static uint64_t lock_limit = LIMITS_NONE;
static bool kept;	 /* the tables are in use */
static bool all_by_program; /* it called mlockall */
static bool eager_by_program; /* with MCL_FUTURE and not on fault */

static uint64_t table_enter(void)
{
	return masked_enter(&mutex);
}

static void table_leave(uint64_t signals)
{
	masked_leave(&mutex, signals);
}

static bool table_make(void)
{
	const size_t bytes = TABLE_ROOM * sizeof(struct range);
	struct range *memory;

	if (kept)
		return true;
	memory = lock_map_own(3 * bytes);
	if (memory == NULL)
		return false;
	ranges_init(&own, memory, TABLE_ROOM);
	ranges_init(&program, memory + TABLE_ROOM, TABLE_ROOM);
	ranges_init(&stacks, memory + 2 * TABLE_ROOM, TABLE_ROOM);
	__atomic_store_n(&kept, true, __ATOMIC_RELEASE);
	return true;
}

void held_start(uint64_t limit)
{
	lock_limit = limit;
	if (lock_level() == LEVEL_RANGES || preload_options.unlock == UNLOCK_COUNT)
		table_make();
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

static uint64_t give_back(struct range range);

/* The stacks of threads that have ended make room where size bytes do not fit: libc may have kept
 * one for the next thread, or unmapped it, which nobody sees. */
static uint64_t reclaim_stacks(uint64_t size)
{
	const long pid = SYS_CALL(SYS_getpid);
	uint64_t bytes = 0;

	if (stacks.count == 0 || lock_limit == LIMITS_NONE || used() + size <= lock_limit)
		return 0;
	for (size_t i = stacks.count; i > 0; i--) {
		struct range stack = stacks.at[i - 1];

		if (SYS_CALL(SYS_tgkill, pid, (long)stack.value, 0L) != -ESRCH)
			continue;
		ranges_set(&stacks, stack.start, stack.end, 0);
		for (uintptr_t at = stack.start; at < stack.end;) {
			struct range piece = ranges_piece(&own, at, stack.end);

			if (piece.value == MAPS_THREAD_STACK + 1)
				bytes += give_back(piece);
			at = piece.end;
		}
	}
	return bytes;
}

bool held_fits(size_t size)
{
	uint64_t signals = table_enter();
	bool fits;

	reclaim_stacks(size);
	fits = size <= held_room();
	table_leave(signals);
	return fits;
}

/* As much of a range as there is room for; the bytes that were locked. */
static size_t lock_piece(uintptr_t start, uintptr_t end, enum map_class class, int flags, int *error)
{
	size_t size = end - start;
	uint64_t room;

	*error = 0;
	reclaim_stacks(size);
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
	return size;
}

size_t held_lock(uintptr_t start, uintptr_t end, enum map_class class, int flags, int *error)
{
	uint64_t signals;
	size_t size;

	*error = 0;
	if (!kept)
		return 0;
	signals = table_enter();
	size = lock_piece(start, end, class, flags, error);
	stats_set(STAT_locked, ranges_bytes(&own));
	table_leave(signals);
	return size;
}

/* The next piece of a range that nobody holds; false when there is none. */
static bool next_free(uintptr_t *at, uintptr_t end, struct range *free)
{
	while (*at < end) {
		struct range owned = ranges_piece(&own, *at, end);

		*free = ranges_piece(&program, *at, owned.end);
		*at = free->end;
		if (owned.value == 0 && free->value == 0)
			return true;
	}
	return false;
}

static uint64_t free_bytes(uintptr_t at, uintptr_t end)
{
	uint64_t bytes = 0;
	struct range piece;

	while (next_free(&at, end, &piece))
		bytes += piece.end - piece.start;
	return bytes;
}

bool held_cover(uintptr_t start, uintptr_t end, enum map_class class, int flags)
{
	uintptr_t at = start;
	uint64_t signals, bytes;
	struct range piece;
	int error = 0;

	if (!kept || all_by_program)
		return kept;
	signals = table_enter();
	bytes = free_bytes(start, end);
	reclaim_stacks(bytes);
	if (bytes > held_room())
		error = -EAGAIN;
	while (error == 0 && next_free(&at, end, &piece))
		lock_piece(piece.start, piece.end, class, flags, &error);
	if (error)
		stats_add(STAT_locks_refused, 1);
	stats_set(STAT_locked, ranges_bytes(&own));
	table_leave(signals);
	return error == 0;
}

static uint64_t fork_signals; /* of the thread that forks; written while the table is held */

void held_fork_prepare(void)
{
	uint64_t signals = table_enter(); /* also where no table is kept: one may be made meanwhile */

	fork_signals = signals;
}

void held_fork_parent(void)
{
	table_leave(fork_signals);
}

static void lock_again(const struct ranges *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (sys_mlock(set->at[i].start, set->at[i].end - set->at[i].start, MLOCK_ONFAULT))
			stats_add(STAT_locks_refused, 1);
}

/* Of the threads only the one that forked is in the child. */
static void forget_stacks(void)
{
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	for (size_t i = stacks.count; i > 0; i--) {
		struct range stack = stacks.at[i - 1];

		if (here - stack.start < stack.end - stack.start) {
			stacks.at[i - 1].value = (unsigned)SYS_CALL(SYS_gettid);
			continue;
		}
		ranges_set(&own, stack.start, stack.end, 0);
		ranges_set(&stacks, stack.start, stack.end, 0);
	}
}

static void restart(bool relock)
{
	program.count = 0; /* locks are not inherited */
	all_by_program = eager_by_program = false;
	if (!relock || lock_level() != LEVEL_RANGES) {
		own.count = stacks.count = 0;
		return;
	}
	forget_stacks();
	lock_again(&own);
	stats_set(STAT_locked, ranges_bytes(&own));
}

void held_fork_child(bool relock)
{
	pthread_mutex_init(&mutex, NULL);
	restart(relock);
	masked_restore(fork_signals);
}

/* A range's whole pages, as the kernel rounds it; false where munlock(2) would say EINVAL. */
static bool whole_pages(uintptr_t at, size_t size, uintptr_t *start, uintptr_t *end)
{
	*start = size_page_down(at);
	*end = *start + size_page_up(size + (at - *start));
	return *end >= *start;
}

void held_program_locked(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals;

	if ((!kept && lock_level() != LEVEL_FUTURE) || !whole_pages(at, size, &start, &end))
		return;
	signals = table_enter();
	if (table_make())
		ranges_add(&program, start, end, 1);
	table_leave(signals);
}

/* Unlocks what only the policy holds of a range, and takes it off the policy's account. */
static uint64_t unlock_own(uintptr_t start, uintptr_t end)
{
	uint64_t bytes = 0;

	for (uintptr_t at = start; at < end;) {
		struct range piece = ranges_piece(&program, at, end);

		if (piece.value == 0) {
			sys_munlock(piece.start, piece.end - piece.start);
			bytes += piece.end - piece.start;
		}
		at = piece.end;
	}
	ranges_set(&own, start, end, 0);
	return bytes;
}

static uint64_t give_back(struct range range)
{
	uint64_t bytes = unlock_own(range.start, range.end);

	stats_add(STAT_given_back, bytes);
	return bytes;
}

static bool is_stack(unsigned value)
{
	return value == MAPS_STACK + 1 || value == MAPS_THREAD_STACK + 1;
}

/* The last range of the order; a large one gives only what is wanted, from the end that is less in
 * use. */
static uint64_t give_back_last(uint64_t wanted)
{
	struct range last = {0};

	for (size_t i = 0; i < own.count; i++)
		if (own.at[i].value >= last.value)
			last = own.at[i];
	if (last.value == 0)
		return 0;
	if (last.end - last.start > wanted && is_stack(last.value))
		last.end = last.start + size_page_up((uintptr_t)wanted);
	else if (last.end - last.start > wanted)
		last.start = last.end - size_page_up((uintptr_t)wanted);
	return give_back(last);
}

bool held_uncover(uintptr_t start, uintptr_t end)
{
	uint64_t signals, bytes = 0;

	if (!kept)
		return false;
	signals = table_enter();
	for (uintptr_t at = start; at < end;) {
		struct range piece = ranges_piece(&own, at, end);

		if (piece.value)
			bytes += give_back(piece);
		at = piece.end;
	}
	stats_set(STAT_locked, ranges_bytes(&own));
	table_leave(signals);
	return bytes > 0;
}

void held_again(uintptr_t start, uintptr_t end, int flags)
{
	uint64_t signals;

	if (!kept)
		return;
	signals = table_enter();
	for (uintptr_t at = start; at < end;) {
		struct range owned = ranges_piece(&own, at, end);
		struct range piece = ranges_piece(&program, at, owned.end);

		if (owned.value || piece.value)
			sys_mlock(at, piece.end - at, piece.value ? 0 : flags);
		at = piece.end;
	}
	table_leave(signals);
}

static bool is_mapped(uintptr_t start, uintptr_t end)
{
	/* MS_ASYNC does nothing but look, since Linux 2.6.19; the only cheap probe for holes */
	return SYS_CALL(SYS_msync, start, end - start, MS_ASYNC) != -ENOMEM;
}

bool held_wraps(uintptr_t at, size_t size)
{
	uintptr_t start, end;

	return kept && !whole_pages(at, size, &start, &end) && end - start <= lock_limit;
}

bool held_make_room(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals, given = 0, missing, reclaimed;

	if (!kept || lock_level() != LEVEL_RANGES || !whole_pages(at, size, &start, &end))
		return false;
	if (end - start > lock_limit || (at && !is_mapped(start, end)))
		return false; /* it would have failed without us */
	signals = table_enter();
	reclaimed = reclaim_stacks(end - start);
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
	return given + reclaimed > 0;
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

	if (lock_level() == LEVEL_FUTURE && preload_options.unlock == UNLOCK_ALLOW && !kept)
		return sys_munlock(at, size);
	if (!whole_pages(at, size, &start, &end))
		return -EINVAL;
	if (start == end)
		return 0;
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
	signals = table_enter();
	all_by_program = true;
	eager_by_program = flags & MCL_FUTURE && !(flags & MCL_ONFAULT);
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
		all_by_program = eager_by_program = false;
		return sys_munlockall();
	}
	stats_add(STAT_unlocks_held, 1);
	if (lock_level() == LEVEL_FUTURE)
		sys_mlockall(lock_future_flags());
	signals = table_enter();
	drop_program();
	if (all_by_program && lock_level() == LEVEL_RANGES)
		drop_all();
	all_by_program = eager_by_program = false;
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
	ranges_set(&stacks, start, end, 0);
	stats_set(STAT_locked, ranges_bytes(&own));
	table_leave(signals);
}

/* One set's part of a move. What was mapped where the pages go to is gone. */
static void move_ranges(struct ranges *set, uintptr_t from, uintptr_t to, size_t size)
{
	for (uintptr_t at = from; at < from + size;) {
		struct range piece = ranges_piece(set, at, from + size);

		ranges_set(set, to + (at - from), to + (piece.end - from), piece.value);
		at = piece.end;
	}
	ranges_set(set, from, from + size, 0);
}

void held_moved(uintptr_t from, uintptr_t to, size_t size)
{
	uint64_t signals;

	if (!kept || from == to)
		return;
	signals = table_enter();
	move_ranges(&own, from, to, size);
	move_ranges(&program, from, to, size);
	table_leave(signals);
}

void held_grown(uintptr_t end, uintptr_t new_end)
{
	uint64_t signals;

	if (!kept)
		return;
	signals = table_enter();
	ranges_set(&own, end, new_end, ranges_piece(&own, end - 1, end).value);
	ranges_set(&program, end, new_end, ranges_piece(&program, end - 1, end).value);
	stats_set(STAT_locked, ranges_bytes(&own));
	table_leave(signals);
}

bool held_lock_stack(uintptr_t start, uintptr_t end)
{
	uint64_t signals;
	bool locked;

	if (!kept)
		return false;
	signals = table_enter();
	ranges_set(&own, start, end, 0); /* it may be that of a thread that has ended */
	ranges_set(&stacks, start, end, 0);
	reclaim_stacks(end - start);
	locked = held_room() >= end - start && sys_mlock(start, end - start, MLOCK_ONFAULT) == 0;
	if (locked) {
		ranges_set(&own, start, end, MAPS_THREAD_STACK + 1);
		ranges_set(&stacks, start, end, (unsigned)SYS_CALL(SYS_gettid));
	} else {
		unlock_own(start, end);
	}
	stats_set(STAT_locked, ranges_bytes(&own));
	table_leave(signals);
	return locked;
}

bool held_is_eager_by_program(void)
{
	return eager_by_program;
}

bool held_is_all_by_program(void)
{
	return all_by_program;
}

bool held_is_table(uintptr_t address)
{
	return kept && address - (uintptr_t)own.at < 3 * TABLE_ROOM * sizeof(struct range);
}

void held_adopt(uintptr_t start, uintptr_t end, enum map_class class)
{
	uint64_t signals = table_enter();

	if (table_make())
		ranges_set(&own, start, end, (unsigned)class + 1);
	table_leave(signals);
}

void held_drop(uintptr_t start, uintptr_t end)
{
	uint64_t signals = table_enter();

	unlock_own(start, end);
	table_leave(signals);
}

uint64_t held_limit(uint64_t limit)
{
	uint64_t signals = table_enter();
	uint64_t given = 0, bytes;

	lock_limit = limit;
	while (own.count && (bytes = used()) > limit)
		given += give_back_last(bytes - limit);
	stats_set(STAT_locked, ranges_bytes(&own));
	table_leave(signals);
	return given;
}

void held_relock(void)
{
	uint64_t signals = table_enter();

	lock_again(&program);
	lock_again(&own);
	table_leave(signals);
}
