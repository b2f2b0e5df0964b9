/* SPDX-License-Identifier: MIT */
/* Locks and populates what is mapped: at start, and when the program asks for all of it. */
#include "config.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "common/limits.h"
#include "common/message.h"
#include "common/sys.h"
#include "preload/ahead.h"
#include "preload/existing.h"
#include "preload/held.h"
#include "preload/lock.h"
#include "preload/populate.h"
#include "preload/preload.h"

#define ANON_AHEAD (1u << 20) /* anonymous maps up to this size (TLS, say) are made resident */
#define BSS_AHEAD (16u << 20) /* the same for bss, but in eager mode, which takes all of it */
#define TEXT_AHEAD (32u << 20) /* and for text: Node has 82 MiB, and uses half of it */
#define MAPPINGS 1024	      /* more than that are left to be locked on fault */

static uintptr_t main_stack_low; /* lowest address of its reserve */

/* A mapping as far as locking it needs; an array of these is sorted by class in passes. */
struct target {
	uintptr_t start, end;
	unsigned char class, prot;
	bool bss;
};

/* What reading all of them takes: 40 KiB, which a small thread's stack has no room for. */
struct reading {
	struct target targets[MAPPINGS];
	char buffer[16384];
};

uintptr_t existing_stack_low(void)
{
	return main_stack_low;
}

/* What is made resident at start. */
static bool is_ahead(const struct target *t)
{
	switch (t->class) {
	case MAPS_STACK:
	case MAPS_HEAP:
		return true;
	case MAPS_TEXT:
	case MAPS_LIB_TEXT:
		return preload_options.lock == LOCK_EAGER || t->end - t->start <= TEXT_AHEAD;
	case MAPS_DATA:
		return !t->bss || preload_options.lock == LOCK_EAGER || t->end - t->start <= BSS_AHEAD;
	case MAPS_ANON:
		return t->end - t->start <= ANON_AHEAD && t->prot & MAPS_W;
	case MAPS_FILE:
		return preload_options.files == FILES_EAGER;
	default:
		return false;
	}
}

static bool is_meant(const struct target *t)
{
	return t->class < MAPS_RESERVED &&
	       (t->class != MAPS_FILE || preload_options.files != FILES_NEVER);
}

/* Whether MAX allows it; what stack and heap reserve was taken off when they were extended. */
static bool is_affordable(const struct target *t)
{
	const uint64_t size = t->end - t->start;

	return t->class == MAPS_STACK || t->class == MAPS_HEAP || ahead_take(size) == size;
}

/* The heap and its reserve, as long as others leave the memory; what they took stays to be locked on
 * fault. */
static int populate_heap(const struct target *t)
{
	uintptr_t at = t->start;
	uint64_t step, reserve;
	int error = 0;

	while (at < t->end && error == 0 && (step = ahead_next(t->end - at)) > 0) {
		error = populate_range(at, at + (uintptr_t)step, true);
		at += (uintptr_t)step;
	}
	if (at >= t->end || error)
		return error;
	reserve = stats_get(STAT_heap_reserve);
	reserve -= reserve < t->end - at ? reserve : t->end - at;
	stats_set(STAT_heap_reserve, reserve);
	ahead_tell_taken("RAMLOCK_HEAP", preload_options.heap, reserve);
	return -ENOMEM;
}

/* Whether it is resident, or small enough for the lock to make it so at once. */
static bool is_had(const struct target *t)
{
	const uint64_t size = t->end - t->start;

	return t->class != MAPS_HEAP || ahead_next(size) >= size || populate_heap(t) == 0;
}

/* At level ranges: as much as there is room for. A lock that is not on fault populates. */
static void lock_target(const struct target *t, size_t *missing, int *error)
{
	const bool ahead = is_ahead(t) && is_affordable(t) && is_had(t);
	const uint64_t room = held_room();
	uintptr_t start = t->start;
	size_t done;
	int refused;

	if (t->class == MAPS_STACK && room < t->end - start)
		start = t->end - (uintptr_t)room; /* its upper end is what is in use */
	done = held_lock(start, t->end, t->class, ahead ? 0 : MLOCK_ONFAULT, &refused);
	if (ahead)
		stats_add(STAT_populated, done);
	if (done == t->end - t->start)
		return;
	*missing += t->end - t->start - done;
	stats_add(STAT_locks_refused, 1);
	if (refused)
		*error = refused;
	if (ahead) /* resident at least, if not locked */
		populate_range(t->start, t->end, t->prot & MAPS_W);
}

static void populate_target(const struct target *t)
{
	const size_t size = t->end - t->start;

	if (t->class == MAPS_FILE && preload_options.files == FILES_NEVER)
		sys_munlock(t->start, size);
	else if (is_ahead(t) && is_affordable(t) &&
		 (t->class == MAPS_HEAP ? populate_heap(t) : populate_range(t->start, t->end, t->prot & MAPS_W)) == 0)
		stats_add(STAT_populated, size);
}

/* How many there are, or -errno. */
static long read_targets(struct reading *reading, uintptr_t stack_low)
{
	struct mapping mapping;
	struct maps maps;
	int error = maps_open(&maps, "/proc/self/maps", NULL, reading->buffer, sizeof(reading->buffer));
	long count = 0;

	if (error)
		return error;
	maps.program_at = getauxval(AT_PHDR);
	while (count < MAPPINGS && maps_next(&maps, &mapping)) {
		struct target *t = &reading->targets[count];

		if (lock_is_own(mapping.start))
			continue;

		*t = (struct target){mapping.start, mapping.end, (unsigned char)mapping.class,
				     (unsigned char)mapping.prot, mapping.inode == 0};
		if (t->class == MAPS_STACK && stack_low > t->start)
			t->start = stack_low;
		count++;
	}
	maps_close(&maps);
	return maps.error ? maps.error : count;
}

static bool begin_telling(struct message *m)
{
	if (preload_options.on_error == ERROR_QUIET || !message_claim(MESSAGE_MEMLOCK))
		return false;
	if (preload_options.on_error == ERROR_ABORT)
		message_error(m);
	else
		message_warn(m);
	return true;
}

/* Without /proc. */
static void tell_blind(int error)
{
	const bool future = lock_level() == LEVEL_FUTURE;
	struct message m;

	if (!future)
		lock_set_level(LEVEL_NONE, REASON_REFUSED, -error);
	if (begin_telling(&m)) {
		text_add(&m.text, "/proc/self/maps: ");
		message_cause(&m, error);
		text_add(&m.text, future ? ": what comes is locked, but nothing is made resident "
					   "ahead; mount /proc"
					 : ": nothing is locked; mount /proc or set "
					   "LimitMEMLOCK=infinity");
		message_send(&m);
	}
	if (preload_options.on_error == ERROR_ABORT)
		_exit(125);
}

static void tell_missing(uint64_t need, uint64_t missing, int error)
{
	struct message m;

	if (!begin_telling(&m))
		return;
	text_add(&m.text, "mlock: ");
	message_cause(&m, error ? error : ENOMEM);
	text_add(&m.text, ": RLIMIT_MEMLOCK ");
	if (lock_is_limit_unknown())
		text_add(&m.text, "can't be read, need ");
	else if (lock_limit() == LIMITS_NONE)
		text_add(&m.text, "unlimited, need ");
	else
		text_add(&m.text, "limit %lu KiB, need ", (unsigned long)(lock_limit() / 1024));
	text_size(&m.text, need);
	text_add(&m.text, ", locked ");
	text_size(&m.text, need - missing);
	if (lock_limit() == LIMITS_NONE || lock_is_limit_unknown())
		text_add(&m.text, "; a sandbox or the kernel refuses to lock");
	else
		text_add(&m.text, "; set LimitMEMLOCK=infinity or ulimit -l unlimited");
	message_send(&m);
}

/* Neighbours that are populated alike take one call: a library's read-only segments, say. */
static bool is_continued(const struct target *t, const struct target *next)
{
	return next->start == t->end && next->class == t->class && is_ahead(next) == is_ahead(t) &&
	       (next->prot & MAPS_W) == (t->prot & MAPS_W);
}

static void populate_all(const struct target *targets, size_t count)
{
	for (int class = 0; class < MAPS_RESERVED; class++) {
		for (size_t i = 0; i < count; i++) {
			struct target t = targets[i];

			if (t.class != class)
				continue;
			while (i + 1 < count && is_continued(&t, &targets[i + 1]))
				t.end = targets[++i].end;
			populate_target(&t);
		}
	}
	if (!(lock_future_flags() & MCL_ONFAULT))
		sys_mlockall(lock_future_flags()); /* touches no mapping that exists */
}

/* Locks class by class, in the order of the design. */
static void lock_ranges(const struct target *targets, size_t count)
{
	size_t missing = 0, need = 0;
	int error = lock_limit() == 0 ? -EPERM : 0;

	for (int class = 0; class < MAPS_RESERVED; class++)
		for (size_t i = 0; i < count; i++)
			if (targets[i].class == class && is_meant(&targets[i])) {
				need += targets[i].end - targets[i].start;
				lock_target(&targets[i], &missing, &error);
			}
	stats_set(STAT_need, need);
	if (missing == 0 && stats->reason != REASON_REFUSED)
		return;
	if (missing == need)
		lock_set_level(LEVEL_NONE, error == -EPERM || lock_limit() < size_page() ? REASON_LIMIT
									     : REASON_REFUSED, -error);
	tell_missing(need, missing, error ? error : -stats->error);
	if (preload_options.on_error == ERROR_ABORT)
		_exit(125);
}

void existing_lock(uintptr_t stack_low)
{
	struct reading reading; /* of the stack that is made resident anyway */
	long count;

	main_stack_low = stack_low;
	if (lock_level() == LEVEL_NONE)
		return;
	count = read_targets(&reading, stack_low);
	if (lock_level() == LEVEL_FUTURE)
		populate_all(reading.targets, count > 0 ? (size_t)count : 0);
	if (count < 0)
		tell_blind((int)count);
	else if (lock_level() == LEVEL_RANGES)
		lock_ranges(reading.targets, (size_t)count);
}

/* What is locked first, second and last where the limit may not do for all of it: the program's, the
 * heap, whose end is our reserve, and the library. */
static int turn_of(const struct target *t)
{
	if (lock_is_library(t->start))
		return 2;
	return t->class == MAPS_HEAP;
}

static void lock_targets(const struct target *targets, long count, int flags, uint64_t most)
{
	uint64_t done = 0;

	for (int turn = 0; turn <= 2; turn++) {
		for (long i = 0; i < count; i++) {
			const struct target *t = &targets[i];
			uint64_t size = t->end - t->start;

			if (turn_of(t) != turn || t->class == MAPS_KERNEL) /* which mlock does not count */
				continue;
			if (size > most - done)
				size = size_page_down((uintptr_t)(most - done));
			if (sys_mlock(t->start, size, flags & MCL_ONFAULT ? MLOCK_ONFAULT : 0) == 0)
				done += size;
		}
	}
}

int existing_lock_all(int flags, uint64_t most)
{
	const uintptr_t stack_low = (uintptr_t)__builtin_frame_address(0) - 16 * size_page();
	uint64_t ours = stats_get(STAT_stack_reserve) + stats_get(STAT_heap_reserve) + lock_own_bytes();
	intptr_t memory;
	long count;

	if (lock_address_space() - ours > most)
		return -ENOMEM;
	memory = sys_mmap(0, sizeof(struct reading), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (memory <= 0 && memory > -4096)
		return -ENOMEM;
	count = read_targets((struct reading *)memory, size_page_down(stack_low));
	if (count >= 0) {
		sys_munlockall();
		lock_targets(((struct reading *)memory)->targets, count, flags, most);
	}
	sys_munmap((uintptr_t)memory, sizeof(struct reading));
	if (count >= 0 && flags & MCL_FUTURE)
		sys_mlockall(flags & ~MCL_CURRENT);
	return count < 0 ? (int)count : 0;
}
