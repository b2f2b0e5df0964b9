/* SPDX-License-Identifier: MIT */
/* Makes pages of the arena resident and locked, gives them back, and tells why it could not. */
#include "config.h"

#include <sys/mman.h>

#include "common/message.h"
#include "common/sys.h"
#include "preload/budget.h"
#include "preload/level.h"
#include "preload/pages.h"
#include "preload/preload.h"
#include "preload/sandbox.h"
#include "preload/vm.h"

/* Why the last growth of the arena was refused, for the message. */
static enum refusal { REFUSED_NOT, REFUSED_LIMIT, REFUSED_MEMORY, REFUSED_KERNEL } refusal;

static int refuse(enum refusal why, int error)
{
	__atomic_store_n(&refusal, why, __ATOMIC_RELAXED);
	return error;
}

void pages_release(uintptr_t at, size_t size)
{
	sys_munlock(at, size); /* MADV_DONTNEED does not work on locked memory */
	sys_madvise(at, size, MADV_DONTNEED);
	sys_mprotect(at, size, PROT_NONE);
	sys_madvise(at, size, MADV_DONTDUMP);
	level_forget(at, size);
}

static int commit_locked(uintptr_t at, size_t size)
{
	int error = level_now() == LEVEL_RANGES ? level_lock(at, at + size, MAPS_LARGE, 0) : 0;

	return error ? error : vm->lock(at, size, 0);
}

static int ask_limits(size_t size)
{
	if (sandbox_is_on() || level_now() == LEVEL_NONE ||
	    (preload_options.lock == LOCK_CURRENT && preload_active))
		return refuse(REFUSED_NOT, -EPERM);
	if (level_now() == LEVEL_RANGES && !level_has_room(size, MAPS_LARGE))
		return refuse(REFUSED_LIMIT, -EAGAIN);
	return budget_fits(size) ? 0 : refuse(REFUSED_MEMORY, -ENOMEM);
}

bool pages_fit(size_t size)
{
	return ask_limits(size) == 0;
}

int pages_commit(uintptr_t at, size_t size, bool huge)
{
	int error = ask_limits(size);

	if (error)
		return error;
	if (huge) /* before the first page */
		sys_madvise(at, size, MADV_HUGEPAGE);
	sys_madvise(at, size, MADV_DODUMP);
	error = sys_mprotect(at, size, PROT_READ | PROT_WRITE);
	if (error == 0)
		error = commit_locked(at, size);
	if (error) {
		pages_release(at, size);
		return refuse(REFUSED_KERNEL, error);
	}
	return 0;
}

void pages_tell_refused(size_t size)
{
	const enum refusal why = __atomic_load_n(&refusal, __ATOMIC_RELAXED);
	const bool limited = level_now() == LEVEL_RANGES && why != REFUSED_MEMORY;
	const enum message_kind kind = limited ? MESSAGE_MEMLOCK : MESSAGE_LARGE;
	struct message m;

	if (why == REFUSED_NOT || preload_options.on_error == ERROR_QUIET ||
	    !message_claim(kind))
		return;
	message_warn(&m);
	text_add(&m.text, "malloc: a block of ");
	text_size(&m.text, size);
	text_add(&m.text, " is not locked: ");
	if (why == REFUSED_LIMIT) {
		text_add(&m.text, "RLIMIT_MEMLOCK limit %lu KiB is used; set LimitMEMLOCK=infinity",
			 (unsigned long)(level_limit() / 1024));
	} else if (why == REFUSED_MEMORY) {
		text_add(&m.text, "it exceeds MAX of the memory that is free now, at start ");
		budget_describe(&m.text);
	} else {
		text_add(&m.text, "the kernel refused; see RLIMIT_MEMLOCK, RLIMIT_AS and RLIMIT_DATA");
	}
	message_tell(&m, kind);
}
