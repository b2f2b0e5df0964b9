/* SPDX-License-Identifier: MIT */
/* The levels, and what each does as memory comes, changes and goes.
 *
 *   future  mlockall(MCL_FUTURE | MCL_ONFAULT) locks what comes, on fault and for good; where the policy
 *           wants memory resident, the functions here populate it.
 *   ranges  under a finite limit: chosen ranges, in the order of enum map_class, until the limit is used.
 *   none    nothing is locked.
 *
 * policy.h decides what is wanted, the ledger knows what is there, a table of functions for each level
 * acts. All of these functions are thread-safe and leave errno alone. They block signals while they
 * hold the ledger, and hold nothing while they populate. Errors are -errno. */
#ifndef RAMLOCK_LEVEL_H
#define RAMLOCK_LEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/maps.h"
#include "common/stats.h"
#include "preload/ledger.h"
#include "preload/policy.h"
#include "preload/preload.h"

/* A mapping that the program makes: what policy_residency asks, and where it is. */
struct mapping_request {
	struct policy_request policy;
	enum residency wanted;
	bool skipped; /* the kernel's own flags do all that is wanted, and nothing is known of the range */
};

struct level_ops {
	/* A new mapping, whose old records are gone. */
	void (*mapped)(uintptr_t start, uintptr_t end, const struct mapping_request *r);
	/* A range became memory: a reservation that was opened, a heap that has grown. */
	void (*opened)(uintptr_t start, uintptr_t end, enum map_class class, enum residency wanted);
	/* mremap(2) extended what ended at start; last is the record of its last page. */
	void (*extended)(uintptr_t start, uintptr_t end, struct ledger_record last);
	/* Whether the policy keeps a range of this record locked. */
	bool (*covers)(const struct ledger_record *record);
	/* The kernel refused the program room for a lock of so many bytes: gives back what is last in the
	 * order. Whether that was anything. */
	bool (*make_room)(uint64_t bytes);
	/* Locks again what had to be unlocked for a moment; with sparse nothing of it becomes resident. */
	void (*relock)(uintptr_t start, uintptr_t end, bool sparse);
	/* Makes the lock state of a range one, so that mremap(2) finds one mapping. Whether that may help. */
	bool (*unify)(uintptr_t start, uintptr_t end);
	/* In a child of fork, which has inherited no locks. */
	void (*fork_child)(void);
};

extern const struct level_ops level_future, level_ranges, level_none;

/* What the levels share. Members are read and written between level_enter and level_leave, but for
 * those that have functions below. */
struct level_state {
	const struct level_ops *ops;
	struct ledger ledger;
	uint64_t limit;	     /* RLIMIT_MEMLOCK that binds, or LIMITS_NONE */
	uint64_t stack_room; /* of the limit, kept for the growth of the main stack */
	bool stack_locked;   /* the main stack is, as a whole (level ranges) */
	bool limit_unknown;  /* nothing tells it: it is taken for 0 */
	bool by_program;     /* the program called mlockall: what it locked is not told from the rest */
	bool blind;	     /* more is locked than the ledger knows of */
	bool resident;	     /* eager mode makes memory resident here; not in a forked child */
};

extern HIDDEN struct level_state level_state;

/* The table of the level, and whether the program called mlockall: without level_enter. */
static inline const struct level_ops *level_table(void)
{
	return __atomic_load_n(&level_state.ops, __ATOMIC_RELAXED);
}

static inline bool level_is_by_program(void)
{
	return __atomic_load_n(&level_state.by_program, __ATOMIC_RELAXED);
}

static inline void level_set_by_program(bool by_program)
{
	__atomic_store_n(&level_state.by_program, by_program, __ATOMIC_RELAXED);
}

uint64_t level_enter(void); /* the signals that were blocked before, for level_leave */
void level_leave(uint64_t signals);

/* The settings, before the constructor publishes them as preload_options; the ledger's memory. */
void level_init(void);

enum level level_now(void);
void level_set(enum level to, enum reason reason, int error);
uint64_t level_limit(void);
bool level_is_limit_unknown(void);
void level_set_limit(uint64_t limit);

/* The policy ends because the program asked for it (UNLOCK=allow, munlockall). */
void level_end(void);

/* Whether there is anything to keep a record for: where it is false a wrapper does nothing. */
bool level_keeps_records(void);

/* What the program's mappings go through. level_plan decides how a mapping is wanted, level_mapped makes
 * it so. size is what the program said. */
void level_plan(struct mapping_request *r);
void level_mapped(uintptr_t at, size_t size, const struct mapping_request *r);

/* A range became memory (see struct level_ops); what is known of it already stays as it is. */
void level_opened(uintptr_t at, size_t size, enum map_class class, enum policy_event event);

/* The whole range that is known of an address: false where nothing is but the program's count. */
bool level_find(uintptr_t at, struct ledger_range *range);

/* Around a call by which addresses go or move: records are taken out before the kernel frees the
 * addresses, which another thread's mapping may get at once, and put back where it refuses. Exactly one
 * of the other three follows level_leaving. */
struct ledger_cut level_leaving(uintptr_t at, size_t size);
void level_stayed(struct ledger_cut *cut);
void level_left(struct ledger_cut *cut);
void level_moved(struct ledger_cut *cut, uintptr_t to, size_t old_size, size_t new_size);

/* Unlocks what only the library holds of a range that is about to be replaced: the kernel counts it until
 * it is gone, and refuses a MAP_LOCKED map in its place. Whether that was anything. */
bool level_uncover(uintptr_t at, size_t size);

/* After addresses of our own became empty: nothing is known of them. */
void level_forget(uintptr_t at, size_t size);

/* For mremap(2) of a range in pieces: see unify above, and its end, where the range is then. */
bool level_unify(uintptr_t at, size_t size);
void level_restore(uintptr_t at, size_t size);

/* After the program's madvise: see relock above; and eager mode makes resident again what was. */
void level_relock(uintptr_t at, size_t size, bool sparse);
void level_refill(uintptr_t at, size_t size);

/* Locks [start, end) for the library itself (the arena, a thread's stack) where there is room for all of
 * it, else nothing: 0, -EAGAIN without room, or the kernel's -errno. Nothing becomes resident. */
int level_lock(uintptr_t start, uintptr_t end, enum map_class class, uint32_t thread);

/* Whether level_lock would find room for so many bytes of a class. */
bool level_has_room(size_t size, enum map_class class);
uint64_t level_room(void);

/* The kernel refused memory or a lock to the program. at is 0 where the memory is not mapped yet. */
bool level_make_room(uintptr_t at, size_t size);

/* The program's own locks, in program_locks.c. */
void level_program_locked(uintptr_t at, size_t size);
int level_program_unlock(uintptr_t at, size_t size);
void level_program_locked_all(int flags);
int level_program_lock_all(int flags, int error);
int level_program_unlock_all(void);
/* Whether any page of a range is locked by the program itself. */
bool level_is_program_locked(uintptr_t at, size_t size);
/* Whether a range that the limit has room for goes over the end of all addresses: mlock(2) says EINVAL,
 * and ENOMEM only where our own locks leave no room. */
bool level_wraps(uintptr_t at, size_t size);

/* In a forked child. False where another thread was changing the ledger as the process forked: it is
 * empty then, and to be made anew (startup_survey). */
bool level_fork_child(bool relock);

/* For the levels and startup: between level_enter and level_leave. */
uint64_t level_room_now(void);
bool level_fit(uint64_t bytes, int class); /* makes room from what is later in the order than class */
uint64_t level_give_back(uintptr_t at, uintptr_t end);
uint64_t level_give_back_last(uint64_t bytes, int above);
uint64_t level_shrink(uint64_t limit); /* sets the limit and gives back what exceeds it: the bytes */
void level_lock_again(void);	       /* what the ledger says is locked, on fault */
bool level_pages(uintptr_t at, size_t size, uintptr_t *start, uintptr_t *end);

/* Makes a range resident whatever kind its mappings are, where they are locked: 0 or -errno. Charged to
 * MAX; -ENOMEM where it does not fit. Holds nothing. */
int level_populate(uintptr_t start, uintptr_t end);

#endif
