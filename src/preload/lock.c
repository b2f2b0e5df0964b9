/* SPDX-License-Identifier: MIT */
/* Finds the level, and locks what comes by the kernel's own flags. */
#include "config.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "common/limits.h"
#include "common/memlock.h"
#include "common/sys.h"
#include "preload/held.h"
#include "preload/lock.h"
#include "preload/preload.h"

static enum level level;
static uint64_t limit = LIMITS_NONE; /* RLIMIT_MEMLOCK after it was raised */
static bool limit_unknown;	/* nothing tells it: it is taken for 0 */
static int future_flags;	/* of mlockall, at level future */

/* What is mapped only because of us: the library, its tables, the arena. */
static struct span {
	uintptr_t start;
	size_t size;
} own_spans[16];
static size_t own_count;

enum level lock_level(void)
{
	return __atomic_load_n(&level, __ATOMIC_RELAXED);
}

void lock_set_level(enum level to, enum reason reason, int error)
{
	__atomic_store_n(&level, to, __ATOMIC_RELAXED);
	stats_set_level(to, reason, error);
}

void lock_end(void)
{
	lock_set_level(LEVEL_NONE, REASON_ASKED, 0);
}

void lock_set_onfault(void)
{
	if (future_flags & MCL_ONFAULT)
		return;
	future_flags |= MCL_ONFAULT;
	sys_mlockall(future_flags);
}

int lock_future_flags(void)
{
	return future_flags;
}

void lock_own(uintptr_t start, size_t size)
{
	if (own_count == sizeof(own_spans) / sizeof(*own_spans))
		return;
	own_spans[own_count] = (struct span){start, size};
	__atomic_store_n(&own_count, own_count + 1, __ATOMIC_RELEASE); /* others look meanwhile */
}

void lock_disown(uintptr_t start, size_t size)
{
	const uintptr_t end = start + size;

	for (size_t i = 0; i < own_count; i++) {
		struct span *span = &own_spans[i];
		const uintptr_t span_end = span->start + span->size;

		if (start - span->start >= span->size || end > span_end)
			continue;
		span->size = start - span->start;
		if (end < span_end)
			lock_own(end, span_end - end);
		return;
	}
}

/* Opened only when it is no longer to be populated: see mapping_make_sparse. */
void *lock_map_own(size_t size)
{
	intptr_t at = sys_mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	if (at < 0 && at > -4096)
		return NULL;
	if (lock_level() != LEVEL_FUTURE || sys_mlock((uintptr_t)at, size, MLOCK_ONFAULT) != 0)
		sys_munlock((uintptr_t)at, size);
	if (sys_mprotect((uintptr_t)at, size, PROT_READ | PROT_WRITE) != 0) {
		sys_munmap((uintptr_t)at, size);
		return NULL;
	}
	lock_own((uintptr_t)at, size);
	return (void *)at;
}

static size_t own_spans_count(void)
{
	return __atomic_load_n(&own_count, __ATOMIC_ACQUIRE);
}

bool lock_is_own(uintptr_t address)
{
	for (size_t i = 0, count = own_spans_count(); i < count; i++)
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

	if (memlock_read(&now) != 0) {
		limit_unknown = true;
		return 0;
	}
	if (now.soft >= UINTPTR_MAX || /* no process of 32 bits meets one that is higher */
	    sys_prlimit(0, RLIMIT_MEMLOCK, &infinite, NULL) == 0)
		return LIMITS_NONE;
	if (now.soft < now.hard) {
		now.soft = now.hard;
		if (sys_prlimit(0, RLIMIT_MEMLOCK, &now, NULL) != 0)
			memlock_read(&now);
	}
	return now.soft;
}

/* Whether locks above a limit are allowed. The capability bit is not enough: in a user namespace
 * it is set and not honoured. Locking on fault a reservation larger than the limit tells, and
 * touches nothing. Where none can be made for another reason (RLIMIT_AS), the answer is otherwise. */
static bool is_above_allowed(uint64_t memlock, bool otherwise)
{
	const size_t size = size_page_up((uintptr_t)memlock) + size_page();
	intptr_t probe;
	bool allowed;

	if (!limits_capable())
		return false;
	probe = sys_mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	if (probe < 0 && probe > -4096)
		return otherwise && probe != -EAGAIN;
	allowed = sys_mlock((uintptr_t)probe, size, MLOCK_ONFAULT) == 0;
	sys_munmap((uintptr_t)probe, size);
	return allowed;
}

enum reason lock_right(uint64_t *memlock)
{
	struct sys_rlimit now;

	memlock_read(&now);
	*memlock = now.soft;
	if (now.soft == SYS_RLIM_INFINITY)
		return REASON_UNLIMITED;
	return is_above_allowed(now.soft, true) ? REASON_CAPABLE : REASON_LIMIT;
}

void lock_set_limit(uint64_t memlock)
{
	__atomic_store_n(&limit, memlock, __ATOMIC_RELAXED);
	stats_set(STAT_limit, memlock);
}

void lock_start(void)
{
	bool above;
	int error;

	if (preload_options.lock == LOCK_NONE) {
		lock_set_level(LEVEL_NONE, REASON_ASKED, 0);
		held_start(limit);
		return;
	}
	limit = raise_limit();
	stats_set(STAT_limit, limit);
	above = limit != LIMITS_NONE && is_above_allowed(limit, false);
	if (preload_options.lock == LOCK_CURRENT) {
		lock_set_level(LEVEL_RANGES, REASON_ASKED, 0);
	} else if (limit == LIMITS_NONE || above) {
		/* On fault at first, also in eager mode: the policy says what is populated now. */
		error = sys_mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
		if (error)
			lock_set_level(LEVEL_RANGES, REASON_REFUSED, -error);
		else
			lock_set_level(LEVEL_FUTURE, above ? REASON_CAPABLE : REASON_UNLIMITED, 0);
	} else {
		lock_set_level(LEVEL_RANGES, REASON_LIMIT, 0);
	}
	future_flags = MCL_FUTURE | (preload_options.lock == LOCK_EAGER ? 0 : MCL_ONFAULT);
	if (above)
		limit = LIMITS_NONE; /* it does not bind us */
	held_start(limit);
}

uint64_t lock_limit(void)
{
	return __atomic_load_n(&limit, __ATOMIC_RELAXED);
}

bool lock_is_limit_unknown(void)
{
	return limit_unknown;
}

/* By the linker: where the library begins and ends. */
extern HIDDEN const char __ehdr_start[], _end[];

static uintptr_t library_start(void)
{
	return size_page_down((uintptr_t)__ehdr_start);
}

static size_t library_size(void)
{
	return size_page_up((uintptr_t)_end) - library_start();
}

bool lock_is_library(uintptr_t address)
{
	return address - library_start() < library_size();
}

uint64_t lock_own_bytes(void)
{
	uint64_t bytes = library_size() + size_page_up(STATS_SIZE);

	for (size_t i = 0, count = own_spans_count(); i < count; i++)
		bytes += own_spans[i].size;
	return bytes;
}

uint64_t lock_address_space(void)
{
	char line[128];

	if (limits_read_file("/proc/self/statm", line, sizeof(line)) < 0)
		return UINT64_MAX;
	return strtoul(line, NULL, 10) * size_page();
}

void lock_relock(void)
{
	int error;

	if (lock_level() != LEVEL_FUTURE)
		return; /* the table does it */
	future_flags = MCL_FUTURE | MCL_ONFAULT;
	error = sys_mlockall(MCL_CURRENT | future_flags);
	if (error)
		lock_set_level(LEVEL_NONE, REASON_REFUSED, -error);
}
