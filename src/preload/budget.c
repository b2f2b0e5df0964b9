/* SPDX-License-Identifier: MIT */
/* The ceiling on memory that is resident before it is needed. */
#include "config.h"

#include <time.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/message.h"
#include "preload/budget.h"
#include "preload/preload.h"

#define CREDIT_MOST (16u << 20) /* bytes between two looks at the free memory, at the most */
#define CREDIT_SHARE 16		/* and of what there was at the last look */
#define STEP_SHARE 64		/* of a reserve made resident between two looks, of what is free */

static struct limits_memory memory;
static uint64_t ceiling, taken;

static struct limits_scratch scratch; /* a small thread's stack has no room for it */
static bool asking;
static time_t refused_at; /* seconds of the monotonic clock; 0: never */
static int64_t credit;	  /* bytes that may be had before the files are read again */

void budget_start(void)
{
	limits_memory(&memory, "", "self", &scratch);
	ceiling = size_of(preload_options.max, limits_room(&memory));
}

uint64_t budget_take(uint64_t bytes)
{
	if (bytes > ceiling - taken)
		bytes = size_page_down((uintptr_t)(ceiling - taken));
	taken += bytes;
	return bytes;
}

void budget_describe(struct text *t)
{
	char share[24];

	text_size(t, ceiling);
	size_print(preload_options.max, share);
	text_add(t, " (MAX=%s of ", share);
	if (memory.cgroup_room < memory.available) {
		text_size(t, memory.cgroup_room);
		text_add(t, " left in the cgroup's limit of ");
		text_size(t, memory.cgroup_limit);
	} else {
		text_size(t, memory.available);
		text_add(t, " available");
	}
	text_add(t, ")");
}

static void tell(enum message_kind kind, const char *name, uint64_t asked, uint64_t got, const char *why)
{
	const bool fatal = preload_options.on_error == ERROR_ABORT;
	struct message m;

	if (preload_options.on_error != ERROR_QUIET && message_claim(kind)) {
		if (fatal)
			message_error(&m);
		else
			message_warn(&m);
		text_add(&m.text, "%s: asked ", name);
		text_size(&m.text, asked);
		text_add(&m.text, ", reserved ");
		text_size(&m.text, got);
		text_add(&m.text, ": %s", why);
		message_tell(&m, kind);
	}
	if (fatal)
		_exit(125);
}

void budget_tell_cut(const char *name, uint64_t asked, uint64_t got, const char *why)
{
	tell(MESSAGE_RESERVE, name, asked, got, why);
}

void budget_tell_taken(const char *name, uint64_t asked, uint64_t got)
{
	tell(MESSAGE_TAKEN, name, asked, got,
	     "programs that start with it take the memory; lower it or give more memory");
}

uint64_t budget_reserve(const char *name, uint64_t asked)
{
	uint64_t got = budget_take(asked);
	char why[200];
	struct text t;

	if (got < asked) {
		text_init(&t, why, sizeof(why));
		text_add(&t, "ceiling ");
		budget_describe(&t);
		text_add(&t, "; lower %s or give more memory", name);
		budget_tell_cut(name, asked, got, why);
	}
	return got;
}

/* Programs that start together see the same free memory, and MAX of it each is more than there is: a
 * container's pipeline, the ranks of a node. At least half of what MAX leaves free stays free, and of a
 * cgroup that others fill a sixteenth, which those that come later start in. */
uint64_t budget_step(uint64_t left)
{
	const uint64_t before = limits_room(&memory), least = memory.cgroup_known ? memory.cgroup_limit / 16 : 0;
	uint64_t spared = (before - ceiling) / 2, room, step;
	struct limits_memory now;

	if (before == LIMITS_NONE || ceiling > before || left <= before / STEP_SHARE)
		return left;
	if (spared < least)
		spared = least;
	limits_memory(&now, "", "self", &scratch);
	room = limits_room(&now);
	step = size_page_down((uintptr_t)(room / STEP_SHARE));
	if (room < spared + step)
		return 0;
	return left < step ? left : step;
}

bool budget_fits(uint64_t bytes)
{
	struct limits_memory now;
	struct timespec time = {0};
	uint64_t most;
	bool fits;

	if (!preload_active) /* a reserve: budget_take has let it in, and now there is less free */
		return true;
	if (bytes <= CREDIT_MOST && __atomic_sub_fetch(&credit, (int64_t)bytes, __ATOMIC_RELAXED) >= 0)
		return true;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	if (__atomic_load_n(&refused_at, __ATOMIC_RELAXED) == time.tv_sec + 1)
		return false;
	if (__atomic_exchange_n(&asking, true, __ATOMIC_ACQUIRE))
		return true; /* another thread reads the same files: the kernel has the last word */
	limits_memory(&now, "", "self", &scratch);
	most = size_of(preload_options.max, limits_room(&now));
	fits = bytes <= most;
	most = fits ? (most - bytes) / CREDIT_SHARE : 0;
	__atomic_store_n(&credit, (int64_t)(most < CREDIT_MOST ? most : CREDIT_MOST), __ATOMIC_RELAXED);
	__atomic_store_n(&asking, false, __ATOMIC_RELEASE);
	__atomic_store_n(&refused_at, fits ? 0 : time.tv_sec + 1, __ATOMIC_RELAXED);
	return fits;
}

void budget_fork_child(void)
{
	asking = false;
}
