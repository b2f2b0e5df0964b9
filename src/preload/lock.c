/* SPDX-License-Identifier: MIT */
/* Finds the level, locks what is mapped and what comes, and populates it. */
#include "config.h"

#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "common/limits.h"
#include "common/message.h"
#include "common/sys.h"
#include "preload/ahead.h"
#include "preload/held.h"
#include "preload/lock.h"
#include "preload/preload.h"

#define ANON_AHEAD (1u << 20) /* anonymous maps up to this size (TLS, say) are made resident */
#define BSS_AHEAD (16u << 20) /* the same for bss, but in eager mode, which takes all of it */
#define MAPPINGS 1024	      /* more than that are left to be locked on fault */

static enum level level;
static uint64_t limit = LIMITS_NONE; /* RLIMIT_MEMLOCK after it was raised */
static int future_flags;	/* of mlockall, at level future */

/* What is mapped only because of us: the library, its tables, the arena. */
static struct span {
	uintptr_t start;
	size_t size;
} own_spans[8];
static size_t own_count;

/* A mapping as far as locking it needs; an array of these is sorted by class in passes. */
struct target {
	uintptr_t start, end;
	unsigned char class, prot;
	bool bss;
};

enum level lock_level(void)
{
	return __atomic_load_n(&level, __ATOMIC_RELAXED);
}

static void set_level(enum level to, enum reason reason, int error)
{
	__atomic_store_n(&level, to, __ATOMIC_RELAXED);
	stats->level = to;
	stats->reason = reason;
	stats->error = error;
}

void lock_end(void)
{
	set_level(LEVEL_NONE, REASON_ASKED, 0);
}

int lock_future_flags(void)
{
	return future_flags;
}

void lock_own(uintptr_t start, size_t size)
{
	if (own_count < sizeof(own_spans) / sizeof(*own_spans))
		own_spans[own_count++] = (struct span){start, size};
}

static bool is_own(uintptr_t address)
{
	for (size_t i = 0; i < own_count; i++)
		if (address - own_spans[i].start < own_spans[i].size)
			return true;
	return false;
}

/* The soft limit up to the hard one, which is always allowed, and both to infinity with
 * CAP_SYS_RESOURCE: a daemon that drops its rights later keeps what it was given here. */
static uint64_t raise_limit(void)
{
	const struct sys_rlimit infinite = {SYS_RLIM_INFINITY, SYS_RLIM_INFINITY};
	struct sys_rlimit now;

	if (sys_prlimit(0, RLIMIT_MEMLOCK, NULL, &now) != 0)
		return 0;
	if (now.soft >= UINTPTR_MAX || /* no process of 32 bits meets one that is higher */
	    sys_prlimit(0, RLIMIT_MEMLOCK, &infinite, NULL) == 0)
		return LIMITS_NONE;
	if (now.soft < now.hard) {
		now.soft = now.hard;
		if (sys_prlimit(0, RLIMIT_MEMLOCK, &now, NULL) != 0)
			sys_prlimit(0, RLIMIT_MEMLOCK, NULL, &now);
	}
	return now.soft;
}

/* Whether locks above the limit are allowed. The capability bit is not enough: in a user namespace
 * it is set and not honoured. Locking on fault a reservation larger than the limit tells, and
 * touches nothing. */
static bool is_above_limit_allowed(void)
{
	const size_t size = size_page_up((uintptr_t)limit) + size_page();
	intptr_t probe;
	bool allowed;

	if (!limits_capable())
		return false;
	probe = sys_mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	if (probe < 0 && probe > -4096)
		return false;
	allowed = sys_mlock((uintptr_t)probe, size, MLOCK_ONFAULT) == 0;
	sys_munmap((uintptr_t)probe, size);
	return allowed;
}

void lock_start(void)
{
	bool above;
	int error;

	if (preload_options.lock == LOCK_NONE) {
		set_level(LEVEL_NONE, REASON_ASKED, 0);
		held_start(limit);
		return;
	}
	limit = raise_limit();
	stats_set(STAT_limit, limit);
	above = limit != LIMITS_NONE && is_above_limit_allowed();
	if (preload_options.lock == LOCK_CURRENT) {
		set_level(LEVEL_RANGES, REASON_ASKED, 0);
	} else if (limit == LIMITS_NONE || above) {
		/* On fault at first, also in eager mode: the policy says what is populated now. */
		error = sys_mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
		if (error)
			set_level(LEVEL_RANGES, REASON_REFUSED, -error);
		else
			set_level(LEVEL_FUTURE, above ? REASON_CAPABLE : REASON_UNLIMITED, 0);
	} else {
		set_level(LEVEL_RANGES, REASON_LIMIT, 0);
	}
	future_flags = MCL_FUTURE | (preload_options.lock == LOCK_EAGER ? 0 : MCL_ONFAULT);
	if (above)
		limit = LIMITS_NONE; /* it does not bind us */
	held_start(limit);
}

/* Older kernels (before 5.14) know no populate: a lock does it, and where that is refused a touch
 * of each page. */
static int populate_by_touch(uintptr_t start, uintptr_t end, bool write)
{
	for (uintptr_t at = start; at < end; at += size_page()) {
		if (write) /* an atomic no-op: another thread may be writing the same byte */
			__atomic_fetch_or((volatile char *)at, 0, __ATOMIC_RELAXED);
		else
			(void)*(volatile char *)at;
	}
	return 0;
}

static int populate(uintptr_t start, uintptr_t end, bool write)
{
	int error = sys_madvise(start, end - start,
				write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);

	if (error == -EINVAL && sys_mlock(start, end - start, 0) == 0)
		return 0;
	if (error == -EINVAL)
		return populate_by_touch(start, end, write);
	if (error)
		stats_add(STAT_populates_refused, 1);
	return error;
}

/* What is made resident at start. */
static bool is_ahead(const struct target *t)
{
	switch (t->class) {
	case MAPS_STACK:
	case MAPS_HEAP:
	case MAPS_TEXT:
	case MAPS_LIB_TEXT:
		return true;
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

/* At level ranges: as much as there is room for. A lock that is not on fault populates. */
static void lock_target(const struct target *t, size_t *missing, int *error)
{
	const bool ahead = is_ahead(t) && is_affordable(t);
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
		populate(t->start, t->end, t->prot & MAPS_W);
}

static void populate_target(const struct target *t)
{
	const size_t size = t->end - t->start;

	if (t->class == MAPS_FILE && preload_options.files == FILES_NEVER)
		sys_munlock(t->start, size);
	else if (is_ahead(t) && is_affordable(t) &&
		 populate(t->start, t->end, t->prot & MAPS_W) == 0)
		stats_add(STAT_populated, size);
}

/* How many there are, or -errno. */
static long read_targets(struct target *targets, uintptr_t stack_low)
{
	char buffer[16384];
	struct mapping mapping;
	struct maps maps;
	int error = maps_open(&maps, "/proc/self/maps", NULL, buffer, sizeof(buffer));
	long count = 0;

	if (error)
		return error;
	maps.program_at = getauxval(AT_PHDR);
	while (count < MAPPINGS && maps_next(&maps, &mapping)) {
		struct target *t = &targets[count];

		if (is_own(mapping.start))
			continue;

		*t = (struct target){mapping.start, mapping.end, (unsigned char)mapping.class,
				     (unsigned char)mapping.prot, mapping.inode == 0};
		if (t->class == MAPS_STACK && stack_low > t->start)
			t->start = stack_low;
		count++;
	}
	maps_close(&maps);
	return count;
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

/* Level ranges without /proc. */
static void tell_blind(int error)
{
	struct message m;

	set_level(LEVEL_NONE, REASON_REFUSED, -error);
	if (begin_telling(&m)) {
		text_add(&m.text, "/proc/self/maps: ");
		message_cause(&m, error);
		text_add(&m.text, ": nothing is locked; mount /proc or set LimitMEMLOCK=infinity");
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
	if (limit == LIMITS_NONE)
		text_add(&m.text, "unlimited, need ");
	else
		text_add(&m.text, "limit %lu KiB, need ", (unsigned long)(limit / 1024));
	text_size(&m.text, need);
	text_add(&m.text, ", locked ");
	text_size(&m.text, need - missing);
	if (limit == LIMITS_NONE)
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
	if (!(future_flags & MCL_ONFAULT))
		sys_mlockall(future_flags); /* touches no mapping that exists */
}

/* Locks class by class, in the order of the design. */
static void lock_ranges(const struct target *targets, size_t count)
{
	size_t missing = 0, need = 0;
	int error = limit == 0 ? -EPERM : 0;

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
		set_level(LEVEL_NONE, error == -EPERM || limit < size_page() ? REASON_LIMIT
									     : REASON_REFUSED, -error);
	tell_missing(need, missing, error ? error : -stats->error);
	if (preload_options.on_error == ERROR_ABORT)
		_exit(125);
}

void lock_existing(uintptr_t stack_low)
{
	struct target targets[MAPPINGS]; /* 24 KiB of the stack that is made resident anyway */
	long count;

	if (lock_level() == LEVEL_NONE)
		return;
	count = read_targets(targets, stack_low);
	if (lock_level() == LEVEL_FUTURE)
		populate_all(targets, count > 0 ? (size_t)count : 0);
	else if (count < 0)
		tell_blind((int)count);
	else
		lock_ranges(targets, (size_t)count);
}

uint64_t lock_address_space(void)
{
	char line[128];

	if (limits_read_file("/proc/self/statm", line, sizeof(line)) < 0)
		return UINT64_MAX;
	return strtoul(line, NULL, 10) * size_page();
}

/* Why the last growth of the arena was refused, for the message. */
static enum refusal { REFUSED_NOT, REFUSED_LIMIT, REFUSED_MEMORY, REFUSED_KERNEL } refusal;

static int refuse(enum refusal why, int error)
{
	__atomic_store_n(&refusal, why, __ATOMIC_RELAXED);
	return error;
}

void lock_release(uintptr_t at, size_t size)
{
	sys_munlock(at, size); /* MADV_DONTNEED does not work on locked memory */
	sys_madvise(at, size, MADV_DONTNEED);
	sys_mprotect(at, size, PROT_NONE);
	sys_madvise(at, size, MADV_DONTDUMP);
	held_unmapped(at, size);
}

static int commit_locked(uintptr_t at, size_t size)
{
	int error;

	if (lock_level() == LEVEL_FUTURE)
		return sys_mlock(at, size, 0);
	if (held_lock(at, at + size, MAPS_LARGE, 0, &error) == size)
		return 0;
	return error ? error : -EAGAIN;
}

int lock_commit(uintptr_t at, size_t size, bool huge)
{
	int error;

	if (lock_level() == LEVEL_NONE || (preload_options.lock == LOCK_CURRENT && preload_active))
		return refuse(REFUSED_NOT, -EPERM);
	if (lock_level() == LEVEL_RANGES && held_room() < size)
		return refuse(REFUSED_LIMIT, -EAGAIN);
	if (!ahead_fits(size))
		return refuse(REFUSED_MEMORY, -ENOMEM);
	if (huge) /* before the first page */
		sys_madvise(at, size, MADV_HUGEPAGE);
	sys_madvise(at, size, MADV_DODUMP);
	error = sys_mprotect(at, size, PROT_READ | PROT_WRITE);
	if (error == 0)
		error = commit_locked(at, size);
	if (error) {
		lock_release(at, size);
		return refuse(REFUSED_KERNEL, error);
	}
	return 0;
}

void lock_tell_large(size_t size)
{
	const enum refusal why = __atomic_load_n(&refusal, __ATOMIC_RELAXED);
	struct message m;

	if (why == REFUSED_NOT || preload_options.on_error == ERROR_QUIET ||
	    !message_claim(why == REFUSED_LIMIT ? MESSAGE_MEMLOCK : MESSAGE_LARGE))
		return;
	message_warn(&m);
	text_add(&m.text, "malloc: a block of ");
	text_size(&m.text, size);
	text_add(&m.text, " is not locked: ");
	if (why == REFUSED_LIMIT) {
		text_add(&m.text, "RLIMIT_MEMLOCK limit %lu KiB is used; set LimitMEMLOCK=infinity",
			 (unsigned long)(limit / 1024));
	} else if (why == REFUSED_MEMORY) {
		text_add(&m.text, "it exceeds MAX of the memory that is free now, at start ");
		ahead_describe(&m.text);
	} else {
		text_add(&m.text, "the kernel refused; see RLIMIT_MEMLOCK, RLIMIT_AS and RLIMIT_DATA");
	}
	message_send(&m);
}

int lock_everything(int flags, uint64_t most)
{
	const uintptr_t stack_low = (uintptr_t)__builtin_frame_address(0) - 16 * size_page();
	uint64_t ours = stats_get(STAT_stack_reserve) + stats_get(STAT_heap_reserve), done = 0;
	struct target targets[MAPPINGS];
	long count;

	for (size_t i = 0; i < own_count; i++)
		ours += own_spans[i].size;
	if (lock_address_space() - ours > most)
		return -ENOMEM;
	count = read_targets(targets, size_page_down(stack_low));
	if (count < 0)
		return (int)count;
	sys_munlockall();
	for (int heap = 0; heap <= 1; heap++) { /* the heap last: its end is our reserve */
		for (long i = 0; i < count; i++) {
			const struct target *t = &targets[i];
			uint64_t size = t->end - t->start;

			if ((t->class == MAPS_HEAP) != heap)
				continue;
			if (size > most - done)
				size = size_page_down((uintptr_t)(most - done));
			if (sys_mlock(t->start, size, flags & MCL_ONFAULT ? MLOCK_ONFAULT : 0) == 0)
				done += size;
		}
	}
	if (flags & MCL_FUTURE)
		sys_mlockall(flags & ~MCL_CURRENT);
	return 0;
}

void lock_relock(void)
{
	int error;

	if (lock_level() != LEVEL_FUTURE)
		return; /* the table does it */
	future_flags = MCL_FUTURE | MCL_ONFAULT;
	error = sys_mlockall(MCL_CURRENT | future_flags);
	if (error)
		set_level(LEVEL_NONE, REASON_REFUSED, -error);
}
