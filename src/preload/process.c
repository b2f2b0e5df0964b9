/* SPDX-License-Identifier: MIT */
/* The page that a copy of the process finds cleared. */
#include "config.h"

#include <sys/mman.h>

#include "common/size.h"
#include "common/sys.h"
#include "preload/own.h"
#include "preload/process.h"

#ifndef MADV_WIPEONFORK /* 4.14 */
#define MADV_WIPEONFORK 18
#endif

static const char known = 1;
const char *process_mark = &known;

static char *page; /* NULL where the kernel does not know how */
static void (*adopt_copy)(void);
static bool adopted; /* since the fork, by a wrapped call that came before the handler */

void process_start(void (*adopt)(void))
{
	const intptr_t at = sys_mmap(0, size_page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	adopt_copy = adopt;
	if (sys_is_error(at))
		return;
	if (sys_madvise((uintptr_t)at, size_page(), MADV_WIPEONFORK) != 0) {
		sys_munmap((uintptr_t)at, size_page());
		return;
	}
	own_add((uintptr_t)at, size_page(), OWN_TABLE);
	page = (char *)at;
	*page = 1;
	process_mark = page;
}

/* A copy has one thread, and a signal handler in it is not called meanwhile with the mark at 0. */
void process_adopt(void)
{
	if (page && __atomic_exchange_n(page, 1, __ATOMIC_ACQ_REL) == 0) {
		adopted = true;
		adopt_copy();
	}
}

void process_forking(void)
{
	adopted = false;
}

/* An emulator may say that it clears the page and not do it (qemu-user does). */
void process_forked(void)
{
	process_adopt();
	if (!adopted)
		adopt_copy();
}
