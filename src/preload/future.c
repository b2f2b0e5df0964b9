/* SPDX-License-Identifier: MIT */
/* Takes MCL_FUTURE off and puts it back, and steps down to level ranges. */
#include "config.h"

#include <sys/auxv.h>
#include <sys/mman.h>

#include "common/limits.h"
#include "common/maps.h"
#include "common/message.h"
#include "common/sys.h"
#include "preload/existing.h"
#include "preload/future.h"
#include "preload/held.h"
#include "preload/large.h"
#include "preload/lock.h"
#include "preload/masked.h"
#include "preload/preload.h"

#define BUFFER_SIZE (32u << 10)	 /* to read maps in; mapped, since a small thread may be the caller */
#define GUARD_MOST (64u << 10)	 /* a larger PROT_NONE map below another is no guard page */
#define STACK_IN_USE (32u << 10) /* of a thread's stack: its descriptor and static TLS */

static struct masked lock = MASKED_INITIALIZER;
static unsigned pausing;   /* threads inside future_pause … future_resume */
static unsigned suspended; /* threads inside future_suspend … future_settle */
static unsigned pauses;	   /* odd while one lasts */
static bool taken_off;	   /* MCL_FUTURE, by future_suspend */

/* Where there is nothing to switch, or the program itself asked for all of it. */
static bool is_pause_needed(void)
{
	return lock_level() == LEVEL_FUTURE && !(lock_future_flags() & MCL_ONFAULT) &&
	       !held_is_eager_by_program();
}

static void flags_set(void)
{
	if (lock_level() == LEVEL_FUTURE && suspended == 0)
		sys_mlockall(lock_future_flags() | (pausing ? MCL_ONFAULT : 0));
}

bool future_pause(void)
{
	uint64_t signals;

	if (!is_pause_needed())
		return false;
	signals = masked_enter(&lock);
	if (pausing++ == 0) {
		__atomic_store_n(&pauses, pauses + 1, __ATOMIC_SEQ_CST);
		flags_set();
	}
	masked_leave(&lock, signals);
	return true;
}

void future_resume(void)
{
	uint64_t signals = masked_enter(&lock);

	if (--pausing == 0) {
		flags_set();
		__atomic_store_n(&pauses, pauses + 1, __ATOMIC_SEQ_CST);
	}
	masked_leave(&lock, signals);
}

unsigned future_mark(void)
{
	return __atomic_load_n(&pauses, __ATOMIC_SEQ_CST);
}

bool future_was_paused(unsigned mark)
{
	return mark % 2 || future_mark() != mark;
}

/* Whether level future is lost with a capability, or with the limit. */
static bool is_at_stake(bool limit_too)
{
	return lock_level() == LEVEL_FUTURE &&
	       (stats_reason() == REASON_CAPABLE ? !limit_too : limit_too);
}

void future_suspend(bool limit_too)
{
	uint64_t signals;

	if (!preload_is_own_process()) /* a vfork child's rights are no affair of its parent's memory */
		return;
	signals = masked_enter(&lock);
	if (suspended++ == 0)
		taken_off = false;
	if (!taken_off && is_at_stake(limit_too))
		taken_off = sys_mlockall(MCL_CURRENT | MCL_ONFAULT) == 0;
	masked_leave(&lock, signals);
}

/* MCL_CURRENT has put the arena's empty addresses on the lock account. */
static void put_back(enum reason right)
{
	lock_set_level(LEVEL_FUTURE, right, 0);
	flags_set();
	large_unlock_tails();
}

/* The top of what looks like a thread's stack, which is what is in use of it. */
static uintptr_t used_stack(const struct mapping *m)
{
	const uint64_t used = preload_options.thread_stack + STACK_IN_USE;

	return m->end - m->start > used ? m->end - size_page_up((uintptr_t)used) : m->start;
}

/* From where a mapping is locked, and as what; its end where nothing of it is. */
static uintptr_t locked_from(struct mapping *m, const struct mapping *below)
{
	if (lock_is_own(m->start)) {
		m->class = MAPS_LARGE;
		return m->prot && !held_is_table(m->start) ? m->start : m->end;
	}
	if (m->class >= MAPS_RESERVED ||
	    (m->class == MAPS_FILE && preload_options.files == FILES_NEVER))
		return m->end;
	if (m->class == MAPS_STACK) /* its lowest page is never locked: see reserve_stack */
		return existing_stack_low() > m->start ? existing_stack_low() : m->start + size_page();
	if (m->class == MAPS_ANON && below->end == m->start && below->prot == 0 &&
	    below->end - below->start <= GUARD_MOST && m->prot & MAPS_W) {
		m->class = MAPS_THREAD_STACK;
		return used_stack(m);
	}
	return m->start;
}

static uint64_t adopt_each(struct maps *maps, bool adopt)
{
	struct mapping mapping, below = {0};
	uint64_t need = 0;

	maps->program_at = getauxval(AT_PHDR);
	while (maps_next(maps, &mapping)) {
		uintptr_t from = locked_from(&mapping, &below);

		if (adopt && from > mapping.start)
			held_drop(mapping.start, from);
		if (adopt && from < mapping.end)
			held_adopt(from, mapping.end, mapping.class);
		need += mapping.end - from;
		below = mapping;
	}
	maps_close(maps);
	return maps->error ? 0 : need;
}

/* What is mapped, as far as the policy names it; with adopt it is taken into the table. These bytes;
 * 0 where that can't be read. */
static uint64_t count_mapped(bool adopt)
{
	struct maps maps;
	uint64_t need = 0;
	intptr_t buffer = sys_mmap(0, BUFFER_SIZE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (buffer < 0 && buffer > -4096)
		return 0;
	if (maps_open(&maps, "/proc/self/maps", NULL, (char *)buffer, BUFFER_SIZE) == 0)
		need = adopt_each(&maps, adopt);
	sys_munmap((uintptr_t)buffer, BUFFER_SIZE);
	return need;
}

static void tell(const char *operation, uint64_t limit, uint64_t need, uint64_t missing)
{
	struct message m;

	if (preload_options.on_error == ERROR_QUIET || !message_claim(MESSAGE_STEP))
		return;
	message_claim(MESSAGE_MEMLOCK); /* of the same limit: what it keeps from being locked later */
	message_warn(&m);
	text_add(&m.text, "%s: memory above RLIMIT_MEMLOCK can no longer be locked: limit %lu KiB, need ",
		 operation, (unsigned long)(limit / 1024));
	text_size(&m.text, need);
	text_add(&m.text, ", locked ");
	text_size(&m.text, need - missing);
	text_add(&m.text, "; set LimitMEMLOCK=infinity or ulimit -l unlimited");
	message_send(&m);
}

/* Where the program called mlockall itself, what it locked stays, as it does bare. Where MCL_FUTURE
 * is still on although the right has gone, it can be taken off only with all the locks. */
static void step_down(const char *operation, uint64_t limit)
{
	uint64_t need, missing = 0;

	lock_set_level(LEVEL_RANGES, REASON_LIMIT, 0);
	lock_set_limit(limit);
	if (!taken_off)
		sys_munlockall();
	if (held_is_all_by_program() &&
	    (existing_lock_all(MCL_CURRENT | MCL_ONFAULT, limit) == 0 || taken_off)) {
		need = count_mapped(false);
	} else {
		need = count_mapped(true);
		missing = held_limit(limit);
		if (need == 0)
			sys_munlockall(); /* but for the program's own */
		if (need == 0 || !taken_off)
			held_relock();
	}
	stats_set(STAT_need, need);
	tell(operation, limit, need, missing);
}

/* At level ranges: the table follows the limit. */
static void follow_limit(const char *operation, enum reason right, uint64_t limit)
{
	const uint64_t before = stats_get(STAT_locked);
	uint64_t given;

	if (right != REASON_LIMIT)
		limit = LIMITS_NONE;
	lock_set_limit(limit);
	given = held_limit(limit);
	if (given)
		tell(operation, limit, before, given);
}

void future_settle(const char *operation)
{
	enum reason right;
	uint64_t limit, signals;

	if (!preload_is_own_process()) /* a vfork child's rights are no affair of its parent's memory */
		return;
	signals = masked_enter(&lock);
	if (--suspended == 0 && lock_level() != LEVEL_NONE) {
		right = lock_right(&limit);
		if (lock_level() == LEVEL_RANGES)
			follow_limit(operation, right, limit);
		else if (right == REASON_LIMIT)
			step_down(operation, limit);
		else
			put_back(right);
	}
	masked_leave(&lock, signals);
}

static bool step_down_late(const char *operation)
{
	uint64_t limit, signals = masked_enter(&lock);
	bool lost = lock_level() == LEVEL_FUTURE && suspended == 0 &&
		    lock_right(&limit) == REASON_LIMIT;

	if (lost) {
		taken_off = false;
		step_down(operation, limit);
	}
	masked_leave(&lock, signals);
	return lost;
}

bool future_make_room(const char *operation, uintptr_t at, size_t size)
{
	if (lock_level() == LEVEL_FUTURE && preload_is_own_process())
		return step_down_late(operation);
	return held_make_room(at, size);
}

void future_rebuild(void)
{
	count_mapped(true);
	held_limit(lock_limit());
	held_relock();
}

void future_fork_child(void)
{
	masked_fork_child(&lock);
	pausing = suspended = pauses = 0;
}
