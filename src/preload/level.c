/* SPDX-License-Identifier: MIT */
/* What all levels share: the state, the ledger, and the way from a wrapper to the table of the level. */
#include "config.h"

#include <sys/mman.h>

#include "common/limits.h"
#include "common/size.h"
#include "common/sys.h"
#include "preload/budget.h"
#include "preload/guard.h"
#include "preload/level.h"
#include "preload/own.h"
#include "preload/preload.h"
#include "preload/vm.h"

#define NODES_MAPPED ((size_t)1 << 20)
#define FIRST_NODES 8192 /* bytes: for about a hundred ranges, which is what a small program has */

struct level_state level_state = {.ops = &level_none, .limit = LIMITS_NONE};

static struct guard guard = GUARD_INITIALIZER;
static enum level level;

uint64_t level_enter(void)
{
	return guard_enter(&guard);
}

/* The sums are published as they are when the ledger is let go. */
void level_leave(uint64_t signals)
{
	stats_set(STAT_locked, level_state.ledger.own);
	stats_set(STAT_unlocked, level_state.ledger.wanting);
	guard_leave(&guard, signals);
}

/* A chunk of nodes, of a larger piece of addresses: only what is touched becomes memory. */
static void *grow(size_t size)
{
	static char *at, *end;

	if ((size_t)(end - at) < size) {
		at = own_map(size > NODES_MAPPED ? size : NODES_MAPPED);
		end = at ? at + (size > NODES_MAPPED ? size : NODES_MAPPED) : NULL;
	}
	if (at == NULL)
		return NULL;
	at += size;
	return at - size;
}

static void ledger_begin(void)
{
	static _Alignas(16) char first[FIRST_NODES];

	ledger_init(&level_state.ledger, grow);
	ledger_lend(&level_state.ledger, first, sizeof(first));
}

void level_init(void)
{
	guard_init(&guard);
	ledger_begin();
	level_state.resident = preload_options.lock == LOCK_EAGER;
}

enum level level_now(void)
{
	return __atomic_load_n(&level, __ATOMIC_RELAXED);
}

void level_set(enum level to, enum reason reason, int error)
{
	static const struct level_ops *const tables[] = {
		[LEVEL_NONE] = &level_none,
		[LEVEL_RANGES] = &level_ranges,
		[LEVEL_FUTURE] = &level_future,
	};

	__atomic_store_n(&level_state.ops, tables[to], __ATOMIC_RELAXED);
	__atomic_store_n(&level, to, __ATOMIC_RELAXED);
	stats_set_level(to, reason, error);
}

void level_end(void)
{
	level_set(LEVEL_NONE, REASON_ASKED, 0);
}

uint64_t level_limit(void)
{
	return __atomic_load_n(&level_state.limit, __ATOMIC_RELAXED);
}

bool level_is_limit_unknown(void)
{
	return level_state.limit_unknown;
}

void level_set_limit(uint64_t limit)
{
	__atomic_store_n(&level_state.limit, limit, __ATOMIC_RELAXED);
	stats_set(STAT_limit, limit);
}

bool level_keeps_records(void)
{
	return level_now() == LEVEL_RANGES || __atomic_load_n(&level_state.ledger.count, __ATOMIC_RELAXED) != 0 ||
	       preload_options.unlock == UNLOCK_COUNT;
}

/* As the kernel rounds it; false where it would say EINVAL, because the end wraps. */
bool level_pages(uintptr_t at, size_t size, uintptr_t *start, uintptr_t *end)
{
	*start = size_page_down(at);
	*end = *start + size_page_up(size + (at - *start));
	return *end >= *start;
}

/* Room */

uint64_t level_room_now(void)
{
	const uint64_t used = level_state.ledger.used + level_state.stack_room;

	if (level_state.limit == LIMITS_NONE)
		return LIMITS_NONE;
	return used < level_state.limit ? size_page_down((uintptr_t)(level_state.limit - used)) : 0;
}

uint64_t level_room(void)
{
	const uint64_t signals = level_enter(), room = level_room_now();

	level_leave(signals);
	return room;
}

/* Records that the library no longer holds a lock on a range of one record: 0 or -ENOMEM. */
static int record_unlocked(const struct ledger_range *range)
{
	struct ledger_record record = range->record;

	record.wanting |= record.locked && record.count == 0;
	record.locked = false;
	record.thread = 0;
	return ledger_set(&level_state.ledger, range->start, range->end, record);
}

/* Unlocks what of a range only the library holds, and keeps it in mind as wanted: the bytes. The record
 * comes first: without memory for it the lock stays, and who makes room sees that none has come. */
uint64_t level_give_back(uintptr_t at, uintptr_t end)
{
	uint64_t bytes = 0;

	while (at < end) {
		const struct ledger_range piece = ledger_piece(&level_state.ledger, at, end);

		at = piece.end;
		if (!piece.record.locked)
			continue;
		if (record_unlocked(&piece) != 0)
			break;
		if (piece.record.count)
			continue;
		vm->unlock(piece.start, piece.end - piece.start);
		bytes += piece.end - piece.start;
	}
	stats_add(STAT_given_back, bytes);
	return bytes;
}

/* Of a large range only what is wanted, from the end that is less in use. */
uint64_t level_give_back_last(uint64_t bytes, int above)
{
	const uintptr_t size = size_page_up((uintptr_t)bytes);
	struct ledger_range last;

	if (!ledger_last(&level_state.ledger, above, &last))
		return 0;
	if (last.end - last.start > size) {
		if (last.record.class == MAPS_STACK + 1 || last.record.class == MAPS_THREAD_STACK + 1)
			last.end = last.start + size;
		else
			last.start = last.end - size;
	}
	return level_give_back(last.start, last.end);
}

/* Whether a stack's thread is gone: libc keeps the stack for the next one, or has unmapped it unseen. */
static bool is_thread_gone(uint32_t thread)
{
	return thread && SYS_CALL(SYS_tgkill, SYS_CALL(SYS_getpid), (long)thread, 0L) == -ESRCH;
}

static void reclaim_stacks(void)
{
	struct ledger_range range;

	if (level_state.ledger.class_own[MAPS_THREAD_STACK] == 0)
		return;
	for (uintptr_t above = 0; ledger_next(&level_state.ledger, above, &range); above = range.end) {
		if (!is_thread_gone(range.record.thread))
			continue;
		level_give_back(range.start, range.end);
		ledger_set(&level_state.ledger, range.start, range.end, (struct ledger_record){0});
	}
}

/* Whether giving back all that is later in the order would do; nothing is given back in vain. */
static bool is_to_be_had(uint64_t bytes, int class)
{
	uint64_t room = level_room_now();

	if (room == LIMITS_NONE)
		return true;
	for (int later = class + 1; later < MAPS_CLASSES; later++)
		room += level_state.ledger.class_own[later];
	return bytes <= room;
}

bool level_has_room(size_t size, enum map_class class)
{
	const uint64_t signals = level_enter();
	bool has = is_to_be_had(size, class);

	if (!has) {
		reclaim_stacks();
		has = is_to_be_had(size, class);
	}
	level_leave(signals);
	return has;
}

bool level_fit(uint64_t bytes, int class)
{
	if (bytes <= level_room_now())
		return true;
	reclaim_stacks();
	if (!is_to_be_had(bytes, class))
		return false;
	while (bytes > level_room_now())
		if (level_give_back_last(bytes - level_room_now(), class) == 0)
			return false;
	return true;
}

uint64_t level_shrink(uint64_t limit)
{
	uint64_t given = 0, used, part;

	level_set_limit(limit);
	while ((used = level_state.ledger.used) > limit && level_state.ledger.count) {
		part = level_give_back_last(used - limit, -1);
		if (part == 0 && level_state.ledger.used == used)
			break; /* the program's own */
		given += part;
	}
	return given;
}

void level_lock_again(void)
{
	struct ledger_range range;

	for (uintptr_t above = 0; ledger_next(&level_state.ledger, above, &range); above = range.end) {
		if ((!range.record.locked && range.record.count == 0) ||
		    vm->lock(range.start, range.end - range.start, MLOCK_ONFAULT) == 0)
			continue;
		stats_add(STAT_locks_refused, 1);
		record_unlocked(&range);
	}
}

bool level_make_room(uintptr_t at, size_t size)
{
	uintptr_t start, end;

	if (!level_pages(at, size, &start, &end) || end - start > level_limit() ||
	    (at && vm->look(start, end - start) != 0))
		return false; /* it would have failed without us */
	return level_table()->make_room(end - start);
}

/* Populating */

/* mlock(2) populates each mapping as its kind wants it, private writable ones with their copies; the
 * second call makes of it what its neighbours are, so that the mappings stay one. */
static int populate_by_lock(uintptr_t start, uintptr_t end)
{
	int error = vm->lock(start, end - start, 0);

	if (level_now() == LEVEL_FUTURE)
		vm->lock(start, end - start, MLOCK_ONFAULT);
	return error;
}

int level_populate(uintptr_t start, uintptr_t end)
{
	int error = budget_fits(end - start) ? populate_by_lock(start, end) : -ENOMEM;

	if (error)
		stats_add(STAT_populates_refused, 1);
	return error;
}

/* Mappings */

void level_plan(struct mapping_request *r)
{
	r->wanted = policy_residency(&preload_options, level_now(), &r->policy);
	if (r->wanted == RESIDENCY_RESIDENT && !level_state.resident && !policy_is_wished(r->policy.flags) &&
	    r->policy.class != MAPS_FILE)
		r->wanted = RESIDENCY_ON_FAULT; /* in a forked child */
	r->skipped = !level_keeps_records() && !(r->policy.flags & MAP_LOCKED) &&
		     (level_now() == LEVEL_NONE || r->wanted == RESIDENCY_ON_FAULT || r->policy.hugetlb);
}

void level_mapped(uintptr_t at, size_t size, const struct mapping_request *r)
{
	uintptr_t start, end;

	if (r->skipped || !level_pages(at, size, &start, &end))
		return;
	level_table()->mapped(start, end, r);
	if (r->policy.flags & MAP_LOCKED)
		level_program_locked(start, end - start);
}

void level_opened(uintptr_t at, size_t size, enum map_class class, enum policy_event event)
{
	const struct policy_request r = {.event = event, .class = class, .size = size,
					 .prot = PROT_READ | PROT_WRITE, .flags = MAP_PRIVATE | MAP_ANONYMOUS};
	enum residency wanted = policy_residency(&preload_options, level_now(), &r);
	uintptr_t start, end;

	if (wanted == RESIDENCY_RESIDENT && !level_state.resident)
		wanted = RESIDENCY_ON_FAULT;
	if (wanted != RESIDENCY_UNLOCKED && level_pages(at, size, &start, &end) && start < end)
		level_table()->opened(start, end, class, wanted);
}

bool level_find(uintptr_t at, struct ledger_range *range)
{
	const uint64_t signals = level_enter();
	const bool found = ledger_next(&level_state.ledger, at, range) && range->start <= at &&
			   range->record.class;

	level_leave(signals);
	return found;
}

/* Without memory to split a range at the ends of the cut the records stay, and are replaced by what
 * comes to their place. */
struct ledger_cut level_leaving(uintptr_t at, size_t size)
{
	struct ledger_cut cut = {0};
	uintptr_t start, end;
	uint64_t signals;

	if (!level_keeps_records() || !level_pages(at, size, &start, &end) || start == end)
		return cut;
	signals = level_enter();
	if (ledger_cut(&level_state.ledger, start, end, &cut) != 0)
		cut = (struct ledger_cut){0};
	level_leave(signals);
	return cut;
}

void level_stayed(struct ledger_cut *cut)
{
	uint64_t signals;

	if (cut->first == NULL)
		return;
	signals = level_enter();
	ledger_paste(&level_state.ledger, cut);
	level_leave(signals);
}

/* What wants a lock gets it where room has come. */
static void fill_room(void)
{
	struct ledger_range range;

	while (level_now() == LEVEL_RANGES && ledger_first_wanting(&level_state.ledger, &range) &&
	       range.end - range.start <= level_room_now() &&
	       vm->lock(range.start, range.end - range.start, MLOCK_ONFAULT) == 0) {
		range.record.wanting = false;
		range.record.locked = true;
		if (ledger_set(&level_state.ledger, range.start, range.end, range.record) != 0)
			return;
	}
}

void level_left(struct ledger_cut *cut)
{
	uint64_t signals;

	if (cut->first == NULL)
		return;
	signals = level_enter();
	ledger_drop(&level_state.ledger, cut);
	fill_room();
	level_leave(signals);
}

bool level_uncover(uintptr_t at, size_t size)
{
	uintptr_t start, end;
	uint64_t signals, bytes;

	if (level_now() != LEVEL_RANGES || !level_pages(at, size, &start, &end))
		return false;
	signals = level_enter();
	bytes = level_give_back(start, end);
	level_leave(signals);
	return bytes > 0;
}

void level_forget(uintptr_t at, size_t size)
{
	struct ledger_cut cut = level_leaving(at, size);

	level_left(&cut);
}

/* The kernel extends the lock of the last page. */
void level_moved(struct ledger_cut *cut, uintptr_t to, size_t old_size, size_t new_size)
{
	struct ledger_cut rest = {0};
	struct ledger_record last = {0};
	uint64_t signals;

	if ((cut->first == NULL && !level_keeps_records()) || old_size == 0)
		return;
	signals = level_enter();
	ledger_set(&level_state.ledger, to, to + new_size, (struct ledger_record){0}); /* of what libc unmapped */
	if (cut->first)
		ledger_move(&level_state.ledger, cut, to);
	if (new_size < old_size && ledger_cut(&level_state.ledger, to + new_size, to + old_size, &rest) == 0)
		ledger_drop(&level_state.ledger, &rest);
	last = ledger_piece(&level_state.ledger, to + old_size - size_page(), to + old_size).record;
	level_leave(signals);
	if (new_size > old_size)
		level_table()->extended(to + old_size, to + new_size, last);
}

bool level_unify(uintptr_t at, size_t size)
{
	return vm->look(at, size) == 0 && level_table()->unify(at, at + size);
}

void level_restore(uintptr_t at, size_t size)
{
	if (level_now() == LEVEL_RANGES)
		level_opened(at, size, MAPS_ANON, POLICY_OPENED);
}

void level_relock(uintptr_t at, size_t size, bool sparse)
{
	level_table()->relock(at, at + size, sparse);
}

/* Only what is known to be resident: reservations, and what libc maps by itself, are not. */
void level_refill(uintptr_t at, size_t size)
{
	const uintptr_t end = at + size;

	if (!level_state.resident || !level_keeps_records())
		return;
	while (at < end) {
		const uint64_t signals = level_enter();
		const struct ledger_range piece = ledger_piece(&level_state.ledger, at, end);

		level_leave(signals);
		if (piece.record.residency == RESIDENCY_RESIDENT &&
		    (level_now() == LEVEL_FUTURE || piece.record.locked))
			level_populate(piece.start, piece.end);
		at = piece.end;
	}
}

int level_lock(uintptr_t start, uintptr_t end, enum map_class class, uint32_t thread)
{
	struct ledger_record record = {.class = class + 1, .residency = RESIDENCY_ON_FAULT, .locked = true,
				       .thread = thread};
	uint64_t signals;
	int error = -EAGAIN;

	if (level_now() == LEVEL_FUTURE)
		return vm->lock(start, end - start, MLOCK_ONFAULT);
	if (level_now() != LEVEL_RANGES)
		return -EPERM;
	signals = level_enter();
	ledger_set(&level_state.ledger, start, end, (struct ledger_record){0}); /* of a thread that is gone */
	if (level_fit(end - start, class))
		error = vm->lock(start, end - start, MLOCK_ONFAULT);
	if (error) {
		record.locked = false;
		record.wanting = true;
		record.thread = 0;
		vm->unlock(start, end - start);
	}
	ledger_set(&level_state.ledger, start, end, record);
	level_leave(signals);
	return error;
}

/* Of the threads only the one that forked is in the child. */
static void forget_threads(void)
{
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	struct ledger_range range;

	for (uintptr_t above = 0; ledger_next(&level_state.ledger, above, &range); above = range.end) {
		if (range.record.thread == 0)
			continue;
		if (here - range.start < range.end - range.start)
			range.record.thread = (uint32_t)SYS_CALL(SYS_gettid);
		else
			range.record = (struct ledger_record){0};
		ledger_set(&level_state.ledger, range.start, range.end, range.record);
	}
}

static struct ledger_record inherited(struct ledger_record old, void *context)
{
	(void)context;
	old.count = 0; /* locks are not inherited */
	if (old.residency == RESIDENCY_RESIDENT)
		old.residency = RESIDENCY_ON_FAULT;
	return old;
}

bool level_fork_child(bool relock)
{
	const bool torn = guard_fork_child(&guard);

	level_set_by_program(false);
	level_state.blind = false;
	level_state.resident = false;
	if (torn)
		ledger_begin(); /* the chunks are lost: their nodes may be half linked */
	if (!relock) {
		ledger_clear(&level_state.ledger);
		level_end();
		return true;
	}
	ledger_change(&level_state.ledger, 0, size_page_down(UINTPTR_MAX), inherited, NULL);
	forget_threads();
	level_table()->fork_child();
	return !torn;
}
