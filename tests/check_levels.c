/* SPDX-License-Identifier: MIT */
/* The levels on the fake kernel: what is locked and resident after each call of a program's, and that no
 * call which works bare fails. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/limits.h"
#include "fakekernel.h"
#include "preload/level.h"
#include "preload/preload.h"
#include "preload/vm.h"
#include "suites.h"

#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_FIXED)
#define LIMIT 16u /* pages, of level ranges */

static bool bare; /* the program runs without the library */

/* A process at a level, with nothing mapped. */
static void begin(enum level level, int lock, int unlock)
{
	static _Alignas(16) char nodes[1 << 20];

	fake_reset();
	vm = &fake_ops;
	fake.capable = level == LEVEL_FUTURE;
	fake.limits[RLIMIT_MEMLOCK].soft = fake.limits[RLIMIT_MEMLOCK].hard = LIMIT * FAKE_PAGE;
	preload_options = (struct options){.lock = lock, .unlock = unlock, .on_error = ERROR_QUIET};
	preload_options.max.permille = 750;
	preload_active = true;
	level_state = (struct level_state){.limit = level == LEVEL_RANGES ? LIMIT * FAKE_PAGE : LIMITS_NONE};
	level_init();
	ledger_lend(&level_state.ledger, nodes, sizeof(nodes)); /* the fake has no memory to map */
	level_set(level, level == LEVEL_FUTURE ? REASON_CAPABLE : REASON_LIMIT, 0);
	if (level == LEVEL_FUTURE)
		fake_mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	bare = false;
}

/* The program's calls, as the wrappers make them. */

static intptr_t program_mmap(unsigned page, unsigned pages, int prot, int flags, enum fake_kind kind)
{
	const size_t size = pages * FAKE_PAGE;
	struct mapping_request r = {.policy = {
		.event = POLICY_MAPPED, .class = policy_class(prot, flags), .size = size, .prot = prot,
		.flags = flags, .hugetlb = kind == FAKE_HUGETLB,
	}};
	struct ledger_cut cut = {0};
	intptr_t result;
	bool again;

	if (kind == FAKE_ANONYMOUS)
		r.policy.flags = flags |= MAP_ANONYMOUS;
	r.policy.class = policy_class(prot, flags);
	if (bare)
		return fake_mmap(fake_at(page), size, prot, flags, kind);
	level_plan(&r);
	cut = level_leaving(fake_at(page), size);
	while ((result = fake_mmap(fake_at(page), size, prot, flags, kind)) == -EAGAIN) {
		level_stayed(&cut);
		again = level_uncover(fake_at(page), size);
		cut = level_leaving(fake_at(page), size);
		if (!again && !level_make_room(0, size))
			break;
	}
	if (result < 0 && result > -4096) {
		level_stayed(&cut);
		return result;
	}
	level_mapped((uintptr_t)result, size, &r);
	level_left(&cut);
	return result;
}

/* Another thread gets the addresses before the wrapper that freed them has returned. */
static void (*meanwhile)(unsigned page, unsigned pages);

static int program_munmap(unsigned page, unsigned pages)
{
	struct ledger_cut cut = {0};
	int result;

	if (!bare)
		cut = level_leaving(fake_at(page), pages * FAKE_PAGE);
	result = fake_munmap(fake_at(page), pages * FAKE_PAGE);
	if (result == 0 && meanwhile)
		meanwhile(page, pages);
	if (bare)
		return result;
	if (result)
		level_stayed(&cut);
	else
		level_left(&cut);
	return result;
}

static int program_mprotect(unsigned page, unsigned pages, int prot)
{
	int result = fake_mprotect(fake_at(page), pages * FAKE_PAGE, prot);

	if (!bare && result == 0 && prot != PROT_NONE)
		level_opened(fake_at(page), pages * FAKE_PAGE, MAPS_ANON, POLICY_OPENED);
	return result;
}

static int program_mlock(unsigned page, unsigned pages)
{
	const uintptr_t at = fake_at(page);
	const size_t size = pages * FAKE_PAGE;
	int result = fake_mlock(at, size);

	while (!bare && (result == -ENOMEM || result == -EAGAIN) && level_make_room(at, size))
		result = fake_mlock(at, size);
	if (!bare && result == 0)
		level_program_locked(at, size);
	return result;
}

static int program_munlock(unsigned page, unsigned pages)
{
	if (bare)
		return fake_munlock(fake_at(page), pages * FAKE_PAGE);
	return level_program_unlock(fake_at(page), pages * FAKE_PAGE);
}

static int program_advise(unsigned page, unsigned pages, int advice)
{
	const uintptr_t at = fake_at(page);
	const size_t size = pages * FAKE_PAGE;
	int result = fake_madvise(at, size, advice);

	if (bare || result != -EINVAL)
		return result;
	result = fake_madvise(at, size, MADV_DONTNEED_LOCKED);
	level_refill(at, size);
	return result;
}

static bool is_mapped(unsigned page, unsigned pages)
{
	for (unsigned i = page; i < page + pages; i++)
		if (!fake_is_mapped(i))
			return false;
	return true;
}

/* What a page should be, in one word: "-" not mapped, "u" not locked, "f" locked on fault and not there,
 * "F" and there, "L" locked and there in the usual way. */
static char state_of(unsigned page)
{
	if (!fake_is_mapped(page))
		return '-';
	if (!fake_is_locked(page))
		return fake_is_resident(page) ? 'U' : 'u';
	if (fake_is_resident(page))
		return fake_is_on_fault(page) ? 'F' : 'L';
	return 'f';
}

static void expect(unsigned page, const char *states)
{
	char found[64] = "";

	for (size_t i = 0; states[i]; i++)
		found[i] = state_of(page + (unsigned)i);
	ck_assert_str_eq(found, states);
}

/* In words: what a map is after each level and mode. */
static const struct row {
	const char *words;
	enum level level;
	int lock, prot, flags;
	enum fake_kind kind;
	const char *states; /* of four pages */
} rows[] = {
	{"future: a map is locked on fault", LEVEL_FUTURE, LOCK_ONFAULT, RW, 0, FAKE_ANONYMOUS, "ffff"},
	{"future, eager: a map is there", LEVEL_FUTURE, LOCK_EAGER, RW, 0, FAKE_ANONYMOUS, "FFFF"},
	{"future, eager: a reservation is not", LEVEL_FUTURE, LOCK_EAGER, PROT_NONE, 0, FAKE_ANONYMOUS, "ffff"},
	{"future, eager: nor is MAP_NORESERVE", LEVEL_FUTURE, LOCK_EAGER, RW, MAP_NORESERVE, FAKE_ANONYMOUS, "ffff"},
	{"future, eager: nor is a file", LEVEL_FUTURE, LOCK_EAGER, PROT_READ, 0, FAKE_FILE, "ffff"},
	{"future: MAP_POPULATE is kept", LEVEL_FUTURE, LOCK_ONFAULT, RW, MAP_POPULATE, FAKE_ANONYMOUS, "FFFF"},
	{"ranges: a map is locked on fault", LEVEL_RANGES, LOCK_ONFAULT, RW, 0, FAKE_ANONYMOUS, "ffff"},
	{"ranges, eager: a map is there", LEVEL_RANGES, LOCK_EAGER, RW, 0, FAKE_ANONYMOUS, "LLLL"},
	{"ranges: a reservation is not locked", LEVEL_RANGES, LOCK_ONFAULT, PROT_NONE, 0, FAKE_ANONYMOUS, "uuuu"},
	{"ranges: nor is MAP_NORESERVE", LEVEL_RANGES, LOCK_EAGER, RW, MAP_NORESERVE, FAKE_ANONYMOUS, "uuuu"},
	{"current: what comes later is left alone", LEVEL_RANGES, LOCK_CURRENT, RW, 0, FAKE_ANONYMOUS, "uuuu"},
	{"none: nothing is locked", LEVEL_NONE, LOCK_NONE, RW, 0, FAKE_ANONYMOUS, "uuuu"},
};

START_TEST(maps_are_as_wanted)
{
	const struct row *row = &rows[_i];

	begin(row->level, row->lock, UNLOCK_HOLD);
	ck_assert_int_eq(program_mmap(8, 4, row->prot, MAP_PRIVATE | MAP_FIXED | row->flags, row->kind),
			 (intptr_t)fake_at(8));
	expect(8, row->states);
}
END_TEST

START_TEST(a_hugetlb_map_is_left_alone)
{
	begin(LEVEL_FUTURE, LOCK_ONFAULT, UNLOCK_HOLD);
	ck_assert(program_mmap(512, 512, PROT_NONE, PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, FAKE_HUGETLB) > 0);
	ck_assert(!fake_is_resident(512)); /* closed: mapping.c opens it afterwards */
}
END_TEST

START_TEST(a_map_without_room_stays_whole)
{
	begin(LEVEL_RANGES, LOCK_EAGER, UNLOCK_HOLD);
	program_mmap(8, LIMIT + 1, RW, PRIVATE, FAKE_ANONYMOUS);
	expect(8, "uuuu"); /* and not resident: nobody could keep it so */
	ck_assert_uint_eq(level_state.ledger.wanting, (LIMIT + 1) * FAKE_PAGE);
	program_mmap(100, LIMIT, RW, PRIVATE, FAKE_ANONYMOUS);
	ck_assert_uint_eq(fake_locked_bytes(), LIMIT * FAKE_PAGE);
}
END_TEST

START_TEST(room_that_comes_is_used)
{
	begin(LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_HOLD);
	program_mmap(8, LIMIT, RW, PRIVATE, FAKE_ANONYMOUS);
	program_mmap(100, 4, RW, PRIVATE, FAKE_ANONYMOUS);
	expect(100, "uuuu");
	ck_assert_int_eq(program_munmap(8, 8), 0);
	expect(100, "ffff");
	ck_assert_uint_eq(level_state.ledger.wanting, 0);
}
END_TEST

START_TEST(what_is_earlier_in_the_order_takes_the_room)
{
	begin(LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_HOLD);
	program_mmap(8, LIMIT, RW, PRIVATE, FAKE_ANONYMOUS);
	fake_mmap(fake_at(100), 4 * FAKE_PAGE, RW, PRIVATE | MAP_ANONYMOUS, FAKE_ANONYMOUS);
	level_opened(fake_at(100), 4 * FAKE_PAGE, MAPS_HEAP, POLICY_GROWN);
	expect(100, "ffff");
	ck_assert_uint_eq(fake_locked_bytes(), LIMIT * FAKE_PAGE);
	ck_assert_uint_eq(level_state.ledger.class_own[MAPS_ANON], (LIMIT - 4) * FAKE_PAGE);
	/* and not the other way round */
	fake_mmap(fake_at(200), FAKE_PAGE, RW, PRIVATE | MAP_ANONYMOUS, FAKE_ANONYMOUS);
	level_opened(fake_at(200), FAKE_PAGE, MAPS_FILE, POLICY_GROWN);
	expect(200, "u");
}
END_TEST

START_TEST(the_programs_locks_come_first)
{
	begin(LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_HOLD);
	program_mmap(8, LIMIT, RW, PRIVATE, FAKE_ANONYMOUS);
	program_mmap(100, LIMIT, RW, PRIVATE, FAKE_ANONYMOUS);
	ck_assert_int_eq(program_mlock(100, LIMIT), 0);
	expect(100, "LLLL");
	expect(8, "uuuu");
	ck_assert_int_eq(program_mlock(8, 1), -ENOMEM); /* as bare */
}
END_TEST

/* Two locks, two unlocks, and what each mode of UNLOCK makes of them. */
START_TEST(munlock_by_mode)
{
	static const struct {
		int unlock;
		enum level level;
		const char *after[2];
	} modes[] = {
		{UNLOCK_HOLD, LEVEL_FUTURE, {"LL", "LL"}},  {UNLOCK_HOLD, LEVEL_RANGES, {"LL", "LL"}},
		{UNLOCK_COUNT, LEVEL_FUTURE, {"LL", "UU"}}, {UNLOCK_COUNT, LEVEL_RANGES, {"LL", "UU"}},
		{UNLOCK_ALLOW, LEVEL_FUTURE, {"UU", "UU"}}, {UNLOCK_ALLOW, LEVEL_RANGES, {"UU", "UU"}},
		{UNLOCK_HOLD, LEVEL_NONE, {"UU", "UU"}},    {UNLOCK_COUNT, LEVEL_NONE, {"LL", "UU"}},
	};

	begin(modes[_i].level, modes[_i].level == LEVEL_NONE ? LOCK_NONE : LOCK_ONFAULT, modes[_i].unlock);
	program_mmap(8, 2, RW, PRIVATE, FAKE_ANONYMOUS);
	ck_assert_int_eq(program_mlock(8, 2), 0);
	ck_assert_int_eq(program_mlock(8, 2), 0);
	expect(8, "LL");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(program_munlock(8, 2), 0);
		expect(8, modes[_i].after[i]);
	}
}
END_TEST

START_TEST(munlockall_by_mode)
{
	begin(LEVEL_RANGES, LOCK_ONFAULT, _i);
	program_mmap(8, 2, RW, PRIVATE, FAKE_ANONYMOUS);
	program_mmap(20, 2, RW, PRIVATE | MAP_NORESERVE, FAKE_ANONYMOUS); /* the program's alone */
	ck_assert_int_eq(program_mlock(20, 2), 0);
	ck_assert_int_eq(level_program_unlock_all(), 0);
	expect(20, "UU");
	expect(8, _i == UNLOCK_ALLOW ? "uu" : "ff");
	ck_assert_int_eq(level_now(), _i == UNLOCK_ALLOW ? LEVEL_NONE : LEVEL_RANGES);
}
END_TEST

START_TEST(an_own_mlockall_is_the_programs)
{
	begin(LEVEL_FUTURE, LOCK_ONFAULT, UNLOCK_HOLD);
	ck_assert_int_eq(fake_mlockall(MCL_CURRENT), 0); /* which ends MCL_FUTURE */
	level_program_locked_all(MCL_CURRENT);
	ck_assert(fake.future && fake.future_on_fault);
	ck_assert(level_is_program_locked(fake_at(8), FAKE_PAGE));
	ck_assert_int_eq(level_program_unlock_all(), 0);
	ck_assert(fake.future && fake.future_on_fault);
	ck_assert(!level_is_program_locked(fake_at(8), FAKE_PAGE));
}
END_TEST

START_TEST(pages_given_back_are_zero_and_there_again)
{
	begin(_i ? LEVEL_RANGES : LEVEL_FUTURE, LOCK_EAGER, UNLOCK_HOLD);
	program_mmap(8, 2, RW, PRIVATE, FAKE_ANONYMOUS);
	fake_touch(8, true);
	ck_assert_int_eq(program_advise(8, 2, MADV_DONTNEED), 0);
	ck_assert_uint_eq(fake_contents(8), 0);
	ck_assert(fake_is_resident(8) && fake_is_resident(9) && fake_is_locked(8));
	level_relock(fake_at(8), 2 * FAKE_PAGE, true);
	ck_assert_int_eq(fake_madvise(fake_at(8), 2 * FAKE_PAGE, MADV_DONTNEED_LOCKED), 0);
	level_refill(fake_at(8), 2 * FAKE_PAGE);
	ck_assert(!fake_is_resident(8)); /* from now on on fault */
}
END_TEST

START_TEST(a_refused_munmap_keeps_its_records)
{
	begin(LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_HOLD);
	program_mmap(8, 4, RW, PRIVATE, FAKE_ANONYMOUS);
	fake.max_map_count = 1;
	ck_assert_int_eq(program_munmap(9, 1), -ENOMEM);
	ck_assert_uint_eq(level_state.ledger.own, 4 * FAKE_PAGE);
	expect(8, "ffff");
}
END_TEST

START_TEST(records_move_with_the_pages)
{
	struct ledger_cut cut;

	begin(LEVEL_RANGES, LOCK_EAGER, UNLOCK_HOLD);
	program_mmap(8, 4, RW, PRIVATE, FAKE_ANONYMOUS);
	cut = level_leaving(fake_at(8), 4 * FAKE_PAGE);
	ck_assert_uint_eq(level_state.ledger.own, 0);
	ck_assert_int_eq(fake_mremap(fake_at(8), 4 * FAKE_PAGE, 6 * FAKE_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				     fake_at(100)),
			 (intptr_t)fake_at(100));
	level_moved(&cut, fake_at(100), 4 * FAKE_PAGE, 6 * FAKE_PAGE);
	ck_assert_uint_eq(level_state.ledger.own, 6 * FAKE_PAGE);
	expect(100, "LLLLLL");
	expect(8, "----");
}
END_TEST

START_TEST(a_lower_limit_gives_back_the_end_of_the_order)
{
	uint64_t signals;

	begin(LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_HOLD);
	program_mmap(8, 8, RW, PRIVATE, FAKE_ANONYMOUS);
	fake_mmap(fake_at(100), 8 * FAKE_PAGE, RW, PRIVATE | MAP_ANONYMOUS, FAKE_ANONYMOUS);
	level_opened(fake_at(100), 8 * FAKE_PAGE, MAPS_HEAP, POLICY_GROWN);
	signals = level_enter();
	ck_assert_uint_eq(level_shrink(10 * FAKE_PAGE), 6 * FAKE_PAGE);
	level_leave(signals);
	ck_assert_uint_eq(level_state.ledger.class_own[MAPS_HEAP], 8 * FAKE_PAGE);
	ck_assert_uint_eq(level_state.ledger.wanting, 6 * FAKE_PAGE);
	ck_assert_uint_eq(fake_locked_bytes(), 10 * FAKE_PAGE);
}
END_TEST

START_TEST(a_child_locks_itself_again)
{
	begin(_i ? LEVEL_RANGES : LEVEL_FUTURE, LOCK_EAGER, UNLOCK_HOLD);
	program_mmap(8, 4, RW, PRIVATE, FAKE_ANONYMOUS);
	program_mlock(8, 1);
	fake_fork_child();
	ck_assert(level_fork_child(true));
	ck_assert(fake_is_locked(8) && fake_is_locked(11));
	ck_assert(!level_is_program_locked(fake_at(8), FAKE_PAGE)); /* not inherited */
	program_mmap(20, 2, RW, PRIVATE, FAKE_ANONYMOUS);
	expect(20, "ff"); /* a child is not eager */
	fake_fork_child();
	ck_assert(level_fork_child(false)); /* FORK=leave */
	ck_assert_int_eq(level_now(), LEVEL_NONE);
	ck_assert(!fake_is_locked(8));
}
END_TEST

START_TEST(the_stack_of_a_thread_makes_room)
{
	begin(LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_HOLD);
	fake_mmap(fake_at(8), 8 * FAKE_PAGE, RW, PRIVATE | MAP_ANONYMOUS, FAKE_ANONYMOUS);
	ck_assert_int_eq(level_lock(fake_at(8), fake_at(16), MAPS_THREAD_STACK, UINT32_MAX >> 2), 0);
	expect(8, "ffff");
	program_mmap(100, LIMIT, RW, PRIVATE, FAKE_ANONYMOUS); /* no such thread is there any more */
	expect(8, "uuuu");
	expect(100, "ffff");
	ck_assert_int_eq(level_lock(fake_at(8), fake_at(16), MAPS_ANON, 0), -EAGAIN);
	ck_assert(!level_has_room(8 * FAKE_PAGE, MAPS_ANON));
	ck_assert(level_has_room(8 * FAKE_PAGE, MAPS_HEAP));
}
END_TEST

START_TEST(locks_of_a_range_become_one)
{
	begin(LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_HOLD);
	program_mmap(8, 4, RW, PRIVATE, FAKE_ANONYMOUS);
	ck_assert(level_unify(fake_at(8), 4 * FAKE_PAGE));
	expect(8, "uuuu");
	level_restore(fake_at(8), 4 * FAKE_PAGE);
	expect(8, "ffff");
	ck_assert(!level_unify(fake_at(200), FAKE_PAGE)); /* a hole */
}
END_TEST

START_TEST(files_never_are_not_locked)
{
	begin(_i ? LEVEL_RANGES : LEVEL_FUTURE, LOCK_EAGER, UNLOCK_HOLD);
	preload_options.files = FILES_NEVER;
	program_mmap(8, 2, PROT_READ, PRIVATE, FAKE_FILE);
	expect(8, "uu");
	ck_assert_int_eq(program_mprotect(8, 2, RW), 0); /* which changes nothing of that */
	expect(8, "uu");
	level_relock(fake_at(8), 2 * FAKE_PAGE, false);
	expect(8, "uu");
}
END_TEST

START_TEST(future_follows_what_grows_and_moves)
{
	struct ledger_range known;
	struct ledger_cut cut;

	begin(LEVEL_FUTURE, LOCK_EAGER, UNLOCK_HOLD);
	program_mmap(8, 2, RW, PRIVATE, FAKE_ANONYMOUS);
	cut = level_leaving(fake_at(8), 2 * FAKE_PAGE);
	fake_mremap(fake_at(8), 2 * FAKE_PAGE, 4 * FAKE_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, fake_at(100));
	level_moved(&cut, fake_at(100), 2 * FAKE_PAGE, 4 * FAKE_PAGE);
	expect(100, "FFFF"); /* what mremap adds is there as well */
	cut = level_leaving(fake_at(100), 4 * FAKE_PAGE);
	fake_mremap(fake_at(100), 4 * FAKE_PAGE, FAKE_PAGE, 0, 0);
	level_moved(&cut, fake_at(100), 4 * FAKE_PAGE, FAKE_PAGE);
	expect(100, "F---");
	ck_assert(!level_find(fake_at(101), &known));
	ck_assert(level_unify(fake_at(100), FAKE_PAGE));
	level_relock(fake_at(100), FAKE_PAGE, false);
	expect(100, "F");
	fake_mmap(fake_at(200), 2 * FAKE_PAGE, RW, PRIVATE | MAP_ANONYMOUS, FAKE_ANONYMOUS);
	level_opened(fake_at(200), 2 * FAKE_PAGE, MAPS_HEAP, POLICY_GROWN);
	expect(200, "FF");
	ck_assert(level_find(fake_at(201), &known) && known.start == fake_at(200) && known.end == fake_at(202));
	level_forget(fake_at(200), FAKE_PAGE);
	ck_assert(!level_find(fake_at(200), &known) && level_find(fake_at(201), &known));
	ck_assert_int_eq(level_lock(fake_at(200), fake_at(202), MAPS_LARGE, 0), 0);
	ck_assert(!level_make_room(fake_at(200), FAKE_PAGE)); /* there is no limit */
	ck_assert(level_room() == LIMITS_NONE && !level_is_limit_unknown());
}
END_TEST

START_TEST(what_is_not_wanted_locked_moves_unlocked)
{
	struct ledger_cut cut;

	begin(LEVEL_FUTURE, LOCK_ONFAULT, UNLOCK_HOLD);
	preload_options.files = FILES_NEVER;
	program_mmap(8, 2, PROT_READ, PRIVATE, FAKE_FILE);
	ck_assert(level_unify(fake_at(8), 2 * FAKE_PAGE));
	cut = level_leaving(fake_at(8), 2 * FAKE_PAGE);
	fake_mremap(fake_at(8), 2 * FAKE_PAGE, 2 * FAKE_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, fake_at(100));
	level_moved(&cut, fake_at(100), 2 * FAKE_PAGE, 2 * FAKE_PAGE);
	fake_fork_child();
	ck_assert(level_fork_child(true));
	expect(100, "uu"); /* also in a child */
}
END_TEST

START_TEST(a_child_that_may_not_lock_has_no_level)
{
	begin(LEVEL_FUTURE, LOCK_ONFAULT, UNLOCK_HOLD);
	fake_fork_child();
	fake.fail[FAKE_LOCK_ALL] = (struct fake_failure){1, 1, EPERM};
	level_fork_child(true);
	ck_assert_int_eq(level_now(), LEVEL_NONE);
}
END_TEST

START_TEST(level_none_counts_the_programs_locks)
{
	struct ledger_cut cut;

	begin(LEVEL_NONE, LOCK_NONE, UNLOCK_COUNT);
	program_mmap(8, 2, RW, PRIVATE, FAKE_ANONYMOUS);
	program_mlock(8, 2);
	program_mlock(8, 2);
	cut = level_leaving(fake_at(8), 2 * FAKE_PAGE);
	fake_mremap(fake_at(8), 2 * FAKE_PAGE, 3 * FAKE_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, fake_at(100));
	level_moved(&cut, fake_at(100), 2 * FAKE_PAGE, 3 * FAKE_PAGE);
	fake_munlock(fake_at(100), 3 * FAKE_PAGE);
	level_relock(fake_at(100), 3 * FAKE_PAGE, false); /* after an advice that unlocked it */
	expect(100, "LLL");
	ck_assert(!level_unify(fake_at(100), FAKE_PAGE));
	ck_assert(!level_make_room(fake_at(100), FAKE_PAGE));
	ck_assert_int_eq(level_lock(fake_at(100), fake_at(101), MAPS_LARGE, 0), -EPERM);
	ck_assert_int_eq(program_munlock(100, 3), 0);
	ck_assert_int_eq(program_munlock(100, 3), 0);
	expect(100, "UUU");
	fake_fork_child();
	ck_assert(level_fork_child(true));
	ck_assert_uint_eq(level_state.ledger.count, 0);
}
END_TEST

START_TEST(an_own_mlockall_at_a_limit_takes_over)
{
	begin(LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_HOLD);
	program_mmap(8, 4, RW, PRIVATE, FAKE_ANONYMOUS);
	ck_assert_int_eq(level_program_lock_all(MCL_FUTURE, -ENOMEM), -ENOMEM); /* the kernel's word */
	ck_assert_int_eq(level_program_lock_all(MCL_CURRENT, -EPERM), -EPERM);
	ck_assert_int_eq(fake_mlockall(MCL_FUTURE), 0);
	level_program_locked_all(MCL_FUTURE);
	expect(8, "uuuu"); /* what comes counts, and must not fail for what was ours */
	ck_assert_uint_eq(level_state.ledger.own, 0);
	program_mmap(100, 2, RW, PRIVATE, FAKE_ANONYMOUS);
	expect(100, "LL");
	ck_assert_int_eq(level_program_unlock_all(), 0);
	ck_assert(!level_state.by_program && !fake.future);
}
END_TEST

START_TEST(a_refused_lock_is_counted)
{
	const uint64_t before = stats_get(STAT_locks_refused);

	begin(LEVEL_RANGES, LOCK_EAGER, UNLOCK_HOLD);
	fake.fail[FAKE_LOCK] = (struct fake_failure){1, 100, EAGAIN};
	program_mmap(8, 2, RW, PRIVATE, FAKE_ANONYMOUS);
	expect(8, "uu");
	ck_assert_uint_gt(stats_get(STAT_locks_refused), before);
	ck_assert_uint_eq(level_state.ledger.wanting, 2 * FAKE_PAGE);
	fake_fork_child();
	level_fork_child(true);
	ck_assert_uint_eq(level_state.ledger.own, 0);
}
END_TEST

START_TEST(a_lock_that_is_refused_once_comes_with_the_next_room)
{
	begin(LEVEL_RANGES, LOCK_EAGER, UNLOCK_HOLD);
	fake.fail[FAKE_LOCK] = (struct fake_failure){1, 1, EAGAIN};
	program_mmap(8, 2, RW, PRIVATE, FAKE_ANONYMOUS);
	expect(8, "ff"); /* locked as the call ended, and not populated without a lock before */
	ck_assert_uint_eq(level_state.ledger.own, 2 * FAKE_PAGE);
}
END_TEST

START_TEST(a_lock_by_mmap_is_the_programs_alone)
{
	begin(LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_HOLD);
	program_mmap(8, 2, RW, PRIVATE | MAP_LOCKED, FAKE_ANONYMOUS);
	expect(8, "LL");
	ck_assert_uint_eq(level_state.ledger.own, 0);
	ck_assert_uint_eq(level_state.ledger.program, 2 * FAKE_PAGE);
}
END_TEST

START_TEST(the_limit_may_fall_below_the_programs_locks)
{
	uint64_t signals;

	begin(LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_HOLD);
	program_mmap(8, 8, RW, PRIVATE, FAKE_ANONYMOUS);
	program_mlock(8, 4);
	signals = level_enter();
	ck_assert_uint_eq(level_shrink(2 * FAKE_PAGE), 4 * FAKE_PAGE);
	level_leave(signals);
	expect(8, "LLLLuuuu");
	ck_assert(!level_wraps(fake_at(8), FAKE_PAGE));
	ck_assert(!level_make_room(fake_at(8), 100 * FAKE_PAGE)); /* it would have failed without us */
	ck_assert(level_is_program_locked(fake_at(11), 2 * FAKE_PAGE));
	ck_assert(!level_is_program_locked(fake_at(12), FAKE_PAGE));
}
END_TEST

START_TEST(more_is_locked_than_is_known)
{
	begin(LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_HOLD);
	fake_mmap(fake_at(8), LIMIT * FAKE_PAGE, RW, PRIVATE | MAP_ANONYMOUS, FAKE_ANONYMOUS);
	fake_mlock(fake_at(8), LIMIT * FAKE_PAGE);
	level_state.blind = true;
	fake_mmap(fake_at(100), FAKE_PAGE, RW, PRIVATE | MAP_ANONYMOUS, FAKE_ANONYMOUS);
	ck_assert_int_eq(program_mlock(100, 1), 0);
	expect(8, "UU");
	ck_assert(!level_state.blind);
}
END_TEST

/* Random programs */

static unsigned dice;

static unsigned roll(unsigned sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 17;
	dice ^= dice << 5;
	return dice % sides;
}

#define SPACE 48u /* pages that it plays on */

static void map_again(unsigned page, unsigned pages)
{
	if (roll(2))
		program_mmap(page, 1 + roll(pages), RW, PRIVATE, FAKE_ANONYMOUS);
}

static long step(void)
{
	static const int prots[] = {PROT_NONE, PROT_READ, RW, RW};
	static const int kinds[] = {0, 0, MAP_NORESERVE, MAP_LOCKED, MAP_POPULATE};
	const unsigned page = 8 + roll(SPACE), pages = 1 + roll(8), what = roll(12), prot = roll(4), kind = roll(5);

	switch (what) {
	case 0:
	case 1:
		return program_mmap(page, pages, prots[prot], PRIVATE | kinds[kind],
				    roll(4) ? FAKE_ANONYMOUS : FAKE_FILE) < 0;
	case 2:
		return program_munmap(page, pages);
	case 3:
		return program_mprotect(page, pages, prots[prot]);
	case 4:
	case 5: /* where there is a hole or PROT_NONE the kernel locks a part and says ENOMEM */
		for (unsigned i = page; i < page + pages; i++)
			if (!fake_is_mapped(i) || fake.pages[i].prot == PROT_NONE)
				return 0;
		return program_mlock(page, pages);
	case 6:
		return is_mapped(page, pages) ? program_munlock(page, pages) : 0;
	case 7:
		return is_mapped(page, pages) && preload_options.unlock == UNLOCK_HOLD && !roll(4)
			       ? program_advise(page, pages, MADV_DONTNEED) != 0 && bare : 0;
	default:
		if (fake_is_mapped(page) && fake.pages[page].prot == RW && !fake.pages[page].kind)
			fake_touch(page, true);
		return 0;
	}
}

/* The ledger says what the kernel has, and no more than the limit is locked. */
static void hold_together(void)
{
	const bool ranges = level_now() == LEVEL_RANGES;

	for (unsigned i = 8; i < 8 + SPACE + 8; i++) {
		const struct ledger_record r = ledger_piece(&level_state.ledger, fake_at(i), fake_at(i + 1)).record;
		const bool known = r.locked || r.count;

		if (ranges)
			ck_assert_msg(known == fake_is_locked(i), "page %u: ledger %d, kernel %d", i, known,
				      fake_is_locked(i));
		else if (level_now() == LEVEL_FUTURE && fake_is_mapped(i))
			ck_assert_msg(fake_is_locked(i) || preload_options.unlock != UNLOCK_HOLD,
				      "page %u is not locked", i);
		ck_assert(!r.wanting || !r.locked);
		ck_assert(fake_is_mapped(i) || !known);
	}
	if (ranges) {
		ck_assert_uint_le(fake_locked_bytes(), LIMIT * FAKE_PAGE);
		ck_assert_uint_eq(level_state.ledger.used, fake_locked_bytes());
	}
	ck_assert(!fake.segv && !fake.oom);
}

/* What a program sees: results of its calls, and what its memory holds. */
static void run(enum level level, int lock, int unlock, bool without, unsigned seed, unsigned steps,
		long *results, uint64_t *contents)
{
	begin(level, lock, unlock);
	if (without) {
		fake_munlockall();
		bare = true;
	}
	dice = seed;
	meanwhile = map_again;
	if (roll(2)) /* the kernel refuses some locks, and some populates */
		fake.fail[FAKE_LOCK] = (struct fake_failure){1 + roll(60), roll(30), EAGAIN};
	if (roll(2))
		fake.fail[FAKE_ADVISE] = (struct fake_failure){1 + roll(60), roll(30), EINVAL};
	for (unsigned i = 0; i < steps; i++) {
		results[i] = step();
		if (!bare)
			hold_together();
	}
	meanwhile = NULL;
	for (unsigned i = 0; i < SPACE; i++)
		contents[i] = fake_contents(8 + i);
}

#define STEPS 500u

/* Without DONTNEED and munlock, which UNLOCK=hold answers by design as if nothing had been locked. */
START_TEST(no_call_fails_that_works_bare)
{
	static const struct {
		enum level level;
		int lock, unlock;
	} ways[] = {
		{LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_ALLOW}, {LEVEL_RANGES, LOCK_EAGER, UNLOCK_ALLOW},
		{LEVEL_FUTURE, LOCK_ONFAULT, UNLOCK_ALLOW}, {LEVEL_FUTURE, LOCK_EAGER, UNLOCK_ALLOW},
		{LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_HOLD},  {LEVEL_RANGES, LOCK_EAGER, UNLOCK_HOLD},
		{LEVEL_FUTURE, LOCK_EAGER, UNLOCK_HOLD},    {LEVEL_RANGES, LOCK_CURRENT, UNLOCK_HOLD},
		{LEVEL_RANGES, LOCK_ONFAULT, UNLOCK_COUNT}, {LEVEL_FUTURE, LOCK_ONFAULT, UNLOCK_COUNT},
		{LEVEL_NONE, LOCK_NONE, UNLOCK_COUNT},
	};
	const char *wanted = getenv("LEVELS_SEQUENCES");
	const unsigned long count = wanted ? strtoul(wanted, NULL, 10) : 20;
	static long with[STEPS], without[STEPS];
	static uint64_t kept[SPACE], bare_kept[SPACE];

	for (unsigned seed = 1; seed <= count; seed++) {
		run(ways[_i].level, ways[_i].lock, ways[_i].unlock, false, seed * 2654435761u + 1, STEPS, with, kept);
		run(ways[_i].level, ways[_i].lock, ways[_i].unlock, true, seed * 2654435761u + 1, STEPS, without,
		    bare_kept);
		/* one munlock of two leaves a lock by design that bare is gone */
		for (unsigned i = 0; i < STEPS && ways[_i].unlock != UNLOCK_COUNT; i++)
			ck_assert_msg(with[i] == 0 || without[i] != 0, "way %d seed %u step %u: %ld, bare 0", _i, seed,
				      i, with[i]);
		if (ways[_i].unlock == UNLOCK_ALLOW)
			ck_assert_msg(memcmp(kept, bare_kept, sizeof(kept)) == 0, "way %d seed %u: contents", _i, seed);
	}
}
END_TEST

Suite *levels_suite(void)
{
	Suite *s = suite_create("levels");
	TCase *t = tcase_create("levels");

	tcase_add_loop_test(t, maps_are_as_wanted, 0, sizeof(rows) / sizeof(*rows));
	tcase_add_test(t, a_hugetlb_map_is_left_alone);
	tcase_add_test(t, a_map_without_room_stays_whole);
	tcase_add_test(t, room_that_comes_is_used);
	tcase_add_test(t, what_is_earlier_in_the_order_takes_the_room);
	tcase_add_test(t, the_programs_locks_come_first);
	tcase_add_loop_test(t, munlock_by_mode, 0, 8);
	tcase_add_loop_test(t, munlockall_by_mode, 0, 3);
	tcase_add_test(t, an_own_mlockall_is_the_programs);
	tcase_add_loop_test(t, pages_given_back_are_zero_and_there_again, 0, 2);
	tcase_add_test(t, a_refused_munmap_keeps_its_records);
	tcase_add_test(t, records_move_with_the_pages);
	tcase_add_test(t, a_lower_limit_gives_back_the_end_of_the_order);
	tcase_add_loop_test(t, a_child_locks_itself_again, 0, 2);
	tcase_add_test(t, the_stack_of_a_thread_makes_room);
	tcase_add_test(t, locks_of_a_range_become_one);
	tcase_add_loop_test(t, files_never_are_not_locked, 0, 2);
	tcase_add_test(t, future_follows_what_grows_and_moves);
	tcase_add_test(t, what_is_not_wanted_locked_moves_unlocked);
	tcase_add_test(t, a_child_that_may_not_lock_has_no_level);
	tcase_add_test(t, level_none_counts_the_programs_locks);
	tcase_add_test(t, an_own_mlockall_at_a_limit_takes_over);
	tcase_add_test(t, a_refused_lock_is_counted);
	tcase_add_test(t, a_lock_that_is_refused_once_comes_with_the_next_room);
	tcase_add_test(t, a_lock_by_mmap_is_the_programs_alone);
	tcase_add_test(t, the_limit_may_fall_below_the_programs_locks);
	tcase_add_test(t, more_is_locked_than_is_known);
	tcase_add_loop_test(t, no_call_fails_that_works_bare, 0, 11);
	suite_add_tcase(s, t);
	return s;
}
