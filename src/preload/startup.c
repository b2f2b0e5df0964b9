/* SPDX-License-Identifier: MIT */
/* Finds the level; locks and populates what is mapped, at start and when the program or a lost right asks
 * for all of it. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "common/limits.h"
#include "common/message.h"
#include "common/sys.h"
#include "preload/budget.h"
#include "preload/level.h"
#include "preload/own.h"
#include "preload/populate.h"
#include "preload/preload.h"
#include "preload/shortage.h"
#include "preload/startup.h"
#include "preload/vm.h"

#define SURVEY_SIZE ((size_t)32 << 10) /* most of it is to read maps in */
#define GUARD_MAX ((uintptr_t)64 << 10) /* a larger PROT_NONE map below another is no guard page */
#define STACK_IN_USE ((uint64_t)32 << 10) /* of a thread's stack: its descriptor and static TLS */

static uintptr_t main_stack_low; /* lowest address of its reserve */

/* The level */

/* The soft limit up to the hard one, which is always allowed, and both to infinity with
 * CAP_SYS_RESOURCE: a daemon that drops its rights later keeps what it was given here. */
static uint64_t raise_limit(void)
{
	const struct sys_rlimit infinite = {SYS_RLIM_INFINITY, SYS_RLIM_INFINITY};
	struct sys_rlimit now;

	if (vm->limit(RLIMIT_MEMLOCK, &now) != 0) {
		level_state.limit_unknown = true;
		return 0;
	}
	if (now.soft >= UINTPTR_MAX || /* no process of 32 bits meets one that is higher */
	    vm->set_limit(RLIMIT_MEMLOCK, &infinite) == 0)
		return LIMITS_NONE;
	if (now.soft < now.hard) {
		now.soft = now.hard;
		if (vm->set_limit(RLIMIT_MEMLOCK, &now) != 0)
			vm->limit(RLIMIT_MEMLOCK, &now);
	}
	return now.soft;
}

/* On fault for good: what the policy wants resident is populated by us. */
static void try_future(bool above)
{
	int error = vm->lock_all(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);

	if (error)
		level_set(LEVEL_RANGES, REASON_REFUSED, -error);
	else
		level_set(LEVEL_FUTURE, above ? REASON_CAPABLE : REASON_UNLIMITED, 0);
}

void startup_level(void)
{
	uint64_t limit;
	bool above;

	if (preload_options.lock == LOCK_NONE) {
		level_set(LEVEL_NONE, REASON_ASKED, 0);
		return;
	}
	limit = raise_limit();
	level_set_limit(limit);
	above = limit != LIMITS_NONE && vm->is_capable(limit) == 1;
	if (preload_options.lock == LOCK_CURRENT)
		level_set(LEVEL_RANGES, REASON_ASKED, 0);
	else if (limit == LIMITS_NONE || above)
		try_future(above);
	else
		level_set(LEVEL_RANGES, REASON_LIMIT, 0);
	if (above)
		level_state.limit = LIMITS_NONE; /* it does not bind us; the counters keep what it is */
}

/* What is mapped */

/* Of a look through all mappings; mapped for that time, since the caller may be on a small stack. */
struct survey {
	struct maps maps;
	struct mapping m;     /* at hand, cut to what is of interest */
	struct mapping whole; /* the same as it is */
	struct mapping below; /* the one before */
	struct mapping rest;  /* what is left of one of which m is a piece */
	char buffer[];
};

/* The next mapping, or the next piece of one that the kernel made of ours and of the program's. */
static bool survey_next(struct survey *s)
{
	if (s->rest.start == s->rest.end && !maps_next(&s->maps, &s->rest))
		return false;
	s->below = s->whole;
	s->m = s->rest;
	own_piece(s->m.start, &s->m.end);
	s->rest.start = s->m.end;
	s->whole = s->m;
	return true;
}

/* The top of what looks like a thread's stack, which is what is in use of it. */
static uintptr_t used_stack(const struct mapping *m)
{
	const uint64_t used = preload_options.thread_stack + STACK_IN_USE;

	return m->end - m->start > used ? m->end - size_page_up((uintptr_t)used) : m->start;
}

static bool is_thread_stack(const struct mapping *m, const struct mapping *below)
{
	return m->class == MAPS_ANON && below->end == m->start && below->prot == 0 &&
	       below->end - below->start <= GUARD_MAX && m->prot & MAPS_W;
}

/* What a mapping is to the policy, cut to what is to be recorded of it; false where that is nothing. */
static bool is_recorded(struct mapping *m, const struct mapping *below)
{
	const enum own_kind own = own_kind_at(m->start);

	if (own) {
		m->class = MAPS_LARGE;
		return own == OWN_ARENA && m->prot && preload_active;
	}
	if (m->class == MAPS_STACK && level_now() == LEVEL_RANGES) /* see startup_lock_stack */
		return false;
	if (m->class == MAPS_STACK && main_stack_low > m->start)
		m->start = main_stack_low;
	if (preload_active && is_thread_stack(m, below)) {
		m->class = MAPS_THREAD_STACK;
		m->start = used_stack(m);
	}
	return m->class < MAPS_RESERVED;
}

static struct policy_request request_of(const struct mapping *m)
{
	return (struct policy_request){
		.event = POLICY_START,
		.class = m->class,
		.size = m->end - m->start,
		.prot = (int)m->prot, /* the values are those of mmap(2) */
		.bss = m->inode == 0,
	};
}

static struct ledger_record with_count(struct ledger_record old, void *context)
{
	struct ledger_record record = *(const struct ledger_record *)context;

	record.count = old.count;
	return record;
}

/* Records a mapping: the bytes of it that are wanted locked, or -ENOMEM. */
static int64_t record_mapping(const struct mapping *m, bool locked)
{
	const struct policy_request request = request_of(m);
	struct ledger_record record = {.class = m->class + 1};

	record.residency = policy_residency(&preload_options, level_now(), &request);
	record.locked = locked && record.residency != RESIDENCY_UNLOCKED;
	record.wanting = !locked && record.residency != RESIDENCY_UNLOCKED;
	if (ledger_change(&level_state.ledger, m->start, m->end, with_count, &record) != 0)
		return -ENOMEM;
	return record.residency == RESIDENCY_UNLOCKED ? 0 : (int64_t)(m->end - m->start);
}

/* Unlocks what is locked and not of the policy, but the program's own. */
static void release(uintptr_t at, uintptr_t end)
{
	while (at < end) {
		const struct ledger_range piece = ledger_piece(&level_state.ledger, at, end);

		if (piece.record.count == 0)
			vm->unlock(piece.start, piece.end - piece.start);
		at = piece.end;
	}
}

static int64_t survey(struct survey *s, bool locked)
{
	int64_t bytes = 0, added;

	while (survey_next(s)) {
		added = is_recorded(&s->m, &s->below) ? record_mapping(&s->m, locked) : 0;
		if (added < 0)
			return added;
		if (locked)
			release(s->whole.start, added ? s->m.start : s->whole.end);
		bytes += added;
	}
	return s->maps.error ? s->maps.error : bytes;
}

/* Maps what a survey takes, has function read the maps, and unmaps it. */
static int64_t with_survey(int64_t (*function)(struct survey *s, bool flag), bool flag)
{
	intptr_t at = vm->map(0, SURVEY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	struct survey *s = (struct survey *)at;
	int64_t result;

	if (sys_is_error(at))
		return at;
	own_add((uintptr_t)at, SURVEY_SIZE, OWN_TABLE);
	result = maps_open(&s->maps, "/proc/self/maps", NULL, s->buffer, SURVEY_SIZE - sizeof(*s));
	if (result == 0) {
		s->maps.program_at = getauxval(AT_PHDR);
		result = function(s, flag);
		maps_close(&s->maps);
	}
	own_remove((uintptr_t)at, SURVEY_SIZE);
	vm->unmap((uintptr_t)at, SURVEY_SIZE);
	return result;
}

int64_t startup_survey(bool locked)
{
	return with_survey(survey, locked);
}

static bool is_new(const struct mapping *m)
{
	const bool code = m->class == MAPS_TEXT || m->class == MAPS_LIB_TEXT || m->class == MAPS_DATA;
	struct ledger_range known;

	return m->class != MAPS_THREAD_STACK && (code || level_now() == LEVEL_RANGES) &&
	       !level_find(m->start, &known) && !level_find(m->end - size_page(), &known);
}

static int64_t take_in_new(struct survey *s, bool flag)
{
	(void)flag;
	while (survey_next(s))
		if (is_recorded(&s->m, &s->below) && is_new(&s->m))
			level_opened(s->m.start, s->m.end - s->m.start, s->m.class, POLICY_GROWN);
	return 0;
}

void startup_survey_new(void)
{
	with_survey(take_in_new, false);
}

/* Populating at start */

/* Whether MAX allows it; what stack and heap reserve was taken off when they were extended. */
static bool is_charged(const struct ledger_range *range)
{
	const uint64_t size = range->end - range->start;
	const int class = range->record.class - 1;

	return class == MAPS_STACK || class == MAPS_HEAP || budget_take(size) == size;
}

static bool is_written(const struct ledger_range *range)
{
	const int class = range->record.class - 1;

	return class != MAPS_TEXT && class != MAPS_LIB_TEXT && class != MAPS_FILE;
}

/* The heap and its reserve, as long as others leave the memory; what they took stays to be locked on
 * fault. */
static int populate_heap(const struct ledger_range *range)
{
	uintptr_t at = range->start;
	uint64_t step, reserve;
	int error = 0;

	while (at < range->end && error == 0 && (step = budget_step(range->end - at)) > 0) {
		error = populate_range(at, at + (uintptr_t)step, true);
		at += (uintptr_t)step;
	}
	if (at >= range->end || error)
		return error;
	reserve = stats_get(STAT_heap_reserve);
	reserve -= reserve < range->end - at ? reserve : range->end - at;
	stats_set(STAT_heap_reserve, reserve);
	budget_tell_taken("RAMLOCK_HEAP", preload_options.heap, reserve);
	return -ENOMEM;
}

static void populate_wanted(const struct ledger_range *range)
{
	int error;

	if (range->record.residency != RESIDENCY_RESIDENT || !is_charged(range))
		return;
	if (range->record.class == MAPS_HEAP + 1)
		error = populate_heap(range);
	else
		error = populate_range(range->start, range->end, is_written(range));
	if (error == 0)
		stats_add(STAT_populated, range->end - range->start);
}

/* Calls function for each range of a class that the survey found, in order of address. */
static void each_of_class(enum map_class class, void (*function)(const struct ledger_range *range))
{
	struct ledger_range range;

	for (uintptr_t above = 0; ledger_next(&level_state.ledger, above, &range); above = range.end)
		if (range.record.class == class + 1 && range.record.wanting)
			function(&range);
}

static struct ledger_record settled(struct ledger_record old, void *context)
{
	const bool kept = old.residency == RESIDENCY_UNLOCKED ||
			  (old.residency == RESIDENCY_RESIDENT && level_state.resident);

	(void)context;
	old.wanting = false;
	return kept ? old : (struct ledger_record){0};
}

/* At level future all is locked already. The records that stay are those that matter later. */
static void populate_all(void)
{
	struct ledger_range range;

	for (enum map_class class = 0; class < MAPS_RESERVED; class++)
		each_of_class(class, populate_wanted);
	for (uintptr_t above = 0; ledger_next(&level_state.ledger, above, &range); above = range.end)
		if (range.record.residency == RESIDENCY_UNLOCKED)
			vm->unlock(range.start, range.end - range.start);
	ledger_change(&level_state.ledger, 0, size_page_down(UINTPTR_MAX), settled, NULL);
}

/* Locking at start */

static int lock_error; /* the kernel's last word, of startup_lock_wanted */

/* Up to where it is locked now. */
static uintptr_t lock_piece(uintptr_t start, uintptr_t end, struct ledger_record record, bool ahead)
{
	int error = start < end ? vm->lock(start, end - start, ahead ? 0 : MLOCK_ONFAULT) : 0;

	if (error) {
		lock_error = error;
		return start;
	}
	if (start == end)
		return start;
	if (ahead)
		stats_add(STAT_populated, end - start);
	record.wanting = false;
	record.locked = true;
	ledger_set(&level_state.ledger, start, end, record);
	return end;
}

/* As much as there is room for; but what the program mapped itself as a whole, since mremap(2) knows no
 * mapping that is locked in part. */
static void lock_wanted(const struct ledger_range *range)
{
	const uint64_t size = range->end - range->start, room = level_room_now();
	const bool whole = range->record.class > MAPS_LIB_TEXT + 1;
	const bool resident = range->record.residency == RESIDENCY_RESIDENT && !preload_active;
	/* the heap may be larger than what may be populated at once */
	bool ahead = resident && is_charged(range);
	uintptr_t end = range->end;

	if (ahead && range->record.class == MAPS_HEAP + 1 && budget_step(size) < size)
		ahead = populate_heap(range) == 0;
	if (size > room)
		end = whole ? range->start : range->start + (uintptr_t)room;
	end = lock_piece(range->start, end, range->record, ahead);
	if (end == range->end)
		return;
	stats_add(STAT_locks_refused, 1);
	if (ahead) /* resident at least, if not locked */
		populate_range(end, range->end, is_written(range));
}

uint64_t startup_lock_wanted(void)
{
	lock_error = 0;
	for (enum map_class class = 0; class < MAPS_RESERVED; class++)
		each_of_class(class, lock_wanted);
	return level_state.ledger.wanting;
}

/* The main stack */

static uintptr_t stack_top(void)
{
	return size_page_up(getauxval(AT_EXECFN)); /* the program's name lies at the top, getauxval(3) */
}

/* The main stack ends at the first hole below its top: found without a look at /proc. */
static uintptr_t stack_low(void)
{
	const uintptr_t top = stack_top();
	uintptr_t low = top - size_page(), size;

	for (size = size_page(); vm->look(low - size, size) == 0; size *= 2)
		low -= size;
	for (; size >= size_page(); size /= 2)
		if (vm->look(low - size, size) == 0)
			low -= size;
	return low;
}

/* All that the main stack may grow to. */
static uint64_t stack_max(void)
{
	struct sys_rlimit limit;

	return vm->limit(RLIMIT_STACK, &limit) == 0 ? size_page_up((uintptr_t)limit.soft) : LIMITS_NONE;
}

/* A lock on a part would make two mappings of it, and libc would take the upper one for all of the stack
 * (pthread_getattr_np). Each growth of a locked stack is compared with the limit, and ends in SIGSEGV
 * above it: so it is locked where all of that growth has room, which then is nobody else's. */
void startup_lock_stack(void)
{
	const uint64_t max = stack_max(), room = level_room_now();
	uintptr_t low;

	if (room != LIMITS_NONE && (max >= room || max == 0))
		return;
	low = stack_low();
	level_state.stack_locked = vm->lock(low, stack_top() - low, MLOCK_ONFAULT) == 0;
	level_state.stack_room = level_state.stack_locked && room != LIMITS_NONE ? max : 0;
}

void startup_unlock_stack(void)
{
	const uintptr_t low = stack_low();

	vm->unlock(low, stack_top() - low);
	level_state.stack_locked = false;
	level_state.stack_room = 0;
}

static void populate_stack(void)
{
	if (main_stack_low && populate_unlocked(main_stack_low, stack_top()) == 0)
		stats_add(STAT_populated, stack_top() - main_stack_low);
}

static void lock_ranges(uint64_t need)
{
	uint64_t missing;

	populate_stack();
	missing = startup_lock_wanted();
	startup_lock_stack();
	stats_set(STAT_need, need);
	if (lock_error == 0 && level_limit() == 0)
		lock_error = -EPERM;
	if (missing == need && missing)
		level_set(LEVEL_NONE, lock_error == -EPERM || level_limit() < size_page() ? REASON_LIMIT
											  : REASON_REFUSED,
			  -lock_error);
	shortage_tell_start(need, missing, lock_error ? lock_error : -stats->error);
}

void startup_lock(uintptr_t stack_low)
{
	uint64_t signals;
	int64_t need;

	main_stack_low = stack_low;
	if (level_now() == LEVEL_NONE)
		return;
	signals = level_enter();
	need = startup_survey(false);
	if (level_now() == LEVEL_FUTURE)
		populate_all();
	level_leave(signals);
	if (need < 0)
		shortage_tell_blind((int)need);
	else if (level_now() == LEVEL_RANGES)
		lock_ranges((uint64_t)need);
}

/* The program's mlockall */

static struct {
	int flags, turn;
	uint64_t limit, done;
} all;

/* What is locked first, second and last where the limit may not do for all of it: the program's, the
 * heap, whose end is our reserve, and the library. */
static int turn_of(const struct mapping *m)
{
	if (own_is_library(m->start))
		return 2;
	return m->class == MAPS_HEAP;
}

static int64_t lock_turn(struct survey *s, bool flag)
{
	const struct mapping *m = &s->m;

	(void)flag;
	while (survey_next(s)) {
		uint64_t size = m->end - m->start;

		if (own_kind_at(m->start) || turn_of(m) != all.turn || m->class == MAPS_STACK ||
		    m->class == MAPS_KERNEL) /* which mlock does not count */
			continue;
		if (size > all.limit - all.done)
			size = size_page_down((uintptr_t)(all.limit - all.done));
		if (size && vm->lock(m->start, size, all.flags & MCL_ONFAULT ? MLOCK_ONFAULT : 0) == 0)
			all.done += size;
	}
	return s->maps.error;
}

int startup_lock_all(int flags, uint64_t limit)
{
	uint64_t ours = stats_get(STAT_stack_reserve) + stats_get(STAT_heap_reserve) + own_bytes();
	int64_t error = 0;

	if (limits_address_space() - ours > limit)
		return -ENOMEM;
	vm->unlock_all();
	all.flags = flags;
	all.limit = limit;
	all.done = 0;
	for (all.turn = 0; all.turn <= 2 && error == 0; all.turn++)
		error = with_survey(lock_turn, false);
	if (error == 0 && flags & MCL_FUTURE)
		vm->lock_all(flags & ~MCL_CURRENT);
	if (error == 0 && limit - all.done > stack_max())
		vm->lock(stack_low(), stack_top() - stack_low(), flags & MCL_ONFAULT ? MLOCK_ONFAULT : 0);
	return error ? -ENOMEM : 0;
}
