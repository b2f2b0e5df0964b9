/* SPDX-License-Identifier: MIT */
/* Tells what is not locked, in one line with the limit, the figures and the remedy. */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/message.h"
#include "preload/level.h"
#include "preload/preload.h"
#include "preload/shortage.h"

#define REMEDY "; set LimitMEMLOCK=infinity or ulimit -l unlimited"

static bool is_fatal(void)
{
	return preload_options.on_error == ERROR_ABORT;
}

static bool begin(struct message *m, bool fatal)
{
	if (preload_options.on_error == ERROR_QUIET || !message_claim(MESSAGE_MEMLOCK))
		return false;
	if (fatal)
		message_error(m);
	else
		message_warn(m);
	return true;
}

static void add_limit(struct message *m)
{
	if (level_is_limit_unknown())
		text_add(&m->text, "RLIMIT_MEMLOCK can't be read");
	else if (level_limit() == LIMITS_NONE)
		text_add(&m->text, "RLIMIT_MEMLOCK unlimited");
	else
		text_add(&m->text, "RLIMIT_MEMLOCK limit %lu KiB", (unsigned long)(level_limit() / 1024));
}

static void add_amounts(struct message *m, uint64_t need, uint64_t missing)
{
	text_add(&m->text, ", need ");
	text_size(&m->text, need);
	text_add(&m->text, ", locked ");
	text_size(&m->text, need - missing);
}

/* Whether it needs no other try. */
__attribute__((noinline)) static bool tell_used(const char *what, uint64_t locked, uint64_t missing)
{
	struct message m;

	if (!begin(&m, false))
		return true;
	text_add(&m.text, "mlock: ");
	add_limit(&m);
	text_add(&m.text, ": ");
	text_size(&m.text, locked);
	text_add(&m.text, " locked, ");
	text_size(&m.text, missing);
	text_add(&m.text, " not, as memory grows (%s)" REMEDY, what);
	return message_tell(&m, MESSAGE_MEMLOCK);
}

/* Whether a shortage needs no line: it has one, or is about to have one. A look at the ledger and the claim
 * cost more than a program that goes on wants. */
static bool told;

void shortage_expect(bool expected)
{
	__atomic_store_n(&told, expected, __ATOMIC_RELAXED);
}

void shortage_tell(const char *what)
{
	uint64_t signals, locked, missing;

	if (__atomic_load_n(&told, __ATOMIC_RELAXED))
		return;
	if (!message_is_due(MESSAGE_MEMLOCK) || __atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
		return;
	signals = level_enter();
	locked = level_state.ledger.used;
	missing = level_state.ledger.wanting;
	level_leave(signals);
	if (!tell_used(what, locked, missing))
		shortage_expect(false);
}

/* Whether ON_ERROR=abort refuses a start below level future where all that is there now fits: what the
 * program grows by later may not. LOCK=current asks for no more than the start. */
static bool is_growth_refused(void)
{
	return is_fatal() && level_now() == LEVEL_RANGES && preload_options.lock != LOCK_CURRENT;
}

static void tell_not_started(void)
{
	struct message m;

	if (!begin(&m, true))
		return;
	text_add(&m.text, "not started: ");
	add_limit(&m);
	text_add(&m.text, ", and what the program grows by may exceed it (%s)" REMEDY
			  ", or LOCK=current for what is there at start alone",
		 options_given(&preload_options, OPTION_INDEX_ON_ERROR) ? "ON_ERROR=abort"
									: "PROFILE=realtime sets ON_ERROR=abort");
	message_tell(&m, MESSAGE_MEMLOCK);
}

void shortage_tell_start(uint64_t need, uint64_t missing, int error)
{
	const bool sandboxed = level_limit() == LIMITS_NONE || level_is_limit_unknown();
	struct message m;

	if (missing == 0) {
		if (!is_growth_refused())
			return;
		tell_not_started();
		_exit(125);
	}
	if (begin(&m, is_fatal())) {
		text_add(&m.text, "mlock: ");
		message_cause(&m, error ? error : ENOMEM);
		text_add(&m.text, is_fatal() ? ": not started: " : ": ");
		add_limit(&m);
		add_amounts(&m, need, missing);
		text_add(&m.text, "%s", sandboxed ? "; a sandbox or the kernel refuses to lock" : REMEDY);
		message_tell(&m, MESSAGE_MEMLOCK);
	}
	if (is_fatal())
		_exit(125);
}

void shortage_tell_blind(int error)
{
	const bool future = level_now() == LEVEL_FUTURE;
	struct message m;

	if (!future)
		level_set(LEVEL_NONE, REASON_REFUSED, -error);
	if (begin(&m, is_fatal())) {
		text_add(&m.text, "/proc/self/maps: ");
		message_cause(&m, error);
		text_add(&m.text, future ? ": what comes is locked, but nothing is made resident "
					   "ahead; mount /proc"
					 : ": nothing is locked; mount /proc or set "
					   "LimitMEMLOCK=infinity");
		message_tell(&m, MESSAGE_MEMLOCK);
	}
	if (is_fatal())
		_exit(125);
}

/* The kind of a lost right, and of the same limit: what it keeps from being locked later. */
bool shortage_tell_lost(const char *operation, uint64_t limit, bool known, uint64_t need, uint64_t missing)
{
	struct message m;
	bool both;

	if ((known && missing == 0) || preload_options.on_error == ERROR_QUIET || !message_claim(MESSAGE_STEP))
		return false;
	both = message_claim(MESSAGE_MEMLOCK);
	message_warn(&m);
	text_add(&m.text, "%s: memory above RLIMIT_MEMLOCK can no longer be locked: limit %lu KiB", operation,
		 (unsigned long)(limit / 1024));
	if (known)
		add_amounts(&m, need, missing);
	else
		text_add(&m.text, ", what is locked stays, what comes is not locked");
	text_add(&m.text, REMEDY);
	if (message_tell(&m, MESSAGE_STEP))
		return true;
	if (both)
		message_unclaim(MESSAGE_MEMLOCK);
	return false;
}
