/* SPDX-License-Identifier: MIT */
/* Kinds of mappings, and room for them. */
#include "config.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include "common/limits.h"
#include "common/sys.h"
#include "preload/growth.h"
#include "preload/large.h"
#include "preload/mapping.h"
#include "preload/preload.h"
#include "preload/privileges.h"
#include "preload/real.h"
#include "preload/sandbox.h"
#include "preload/vm.h"

#define STACK_REACH ((uintptr_t)128 << 20) /* at most */
#define STACK_GAP ((uintptr_t)1 << 20)	   /* the kernel's, below a stack */

/* Asked only where it matters: the kernel populates these at level future alone. */
static bool is_hugetlb(const struct mapping_call *call)
{
	struct statfs status;

	if (call->flags & MAP_ANONYMOUS)
		return call->flags & MAP_HUGETLB;
	return level_now() == LEVEL_FUTURE && SYS_CALL(SYS_fstatfs, call->fd, &status) == 0 &&
	       (unsigned long)status.f_type == HUGETLBFS_MAGIC;
}

void mapping_plan(const struct mapping_call *call, struct mapping_request *r)
{
	*r = (struct mapping_request){.policy = {
		.event = POLICY_MAPPED,
		.class = policy_class(call->prot, call->flags),
		.size = call->size,
		.prot = call->prot,
		.flags = call->flags,
		.hugetlb = is_hugetlb(call),
	}};
	level_plan(r);
}

static void *make(const struct mapping_call *call, int prot)
{
	return real_get()->mmap(call->at, call->size, prot, call->flags, call->fd, call->offset);
}

void *mapping_make(const struct mapping_call *call, const struct mapping_request *r)
{
	void *made;

	if (!r->policy.hugetlb || level_now() != LEVEL_FUTURE || policy_is_wished(call->flags) ||
	    call->prot == PROT_NONE)
		return make(call, call->prot);
	made = make(call, PROT_NONE);
	if (made == MAP_FAILED)
		return MAP_FAILED;
	if (real_get()->mprotect(made, call->size, call->prot) == 0)
		return made;
	real_get()->munmap(made, call->size);
	return make(call, call->prot);
}

/* All that the main stack may grow to, and the kernel's gap below it. Each growth of a locked stack
 * is compared with the limit. In 32 bits other mappings begin right below. */
static bool is_near_main_stack(uintptr_t start, uintptr_t end)
{
	const uintptr_t top = size_page_up(getauxval(AT_EXECFN));
	uintptr_t reach = STACK_REACH;
	struct sys_rlimit limit;

	if (start >= top || end <= top - reach)
		return false;
	if (vm->limit(RLIMIT_STACK, &limit) == 0 && limit.soft < reach - STACK_GAP)
		reach = (uintptr_t)limit.soft + STACK_GAP;
	return end > top - reach;
}

void mapping_opened(uintptr_t at, size_t size)
{
	if (level_now() == LEVEL_RANGES && !is_near_main_stack(at, at + size_page_up(size)))
		level_opened(at, size, MAPS_ANON, POLICY_OPENED);
}

static bool is_within(int what, size_t size)
{
	struct sys_rlimit limit;

	return vm->limit(what, &limit) == 0 && limit.soft != SYS_RLIM_INFINITY && size <= limit.soft;
}

static bool is_overcommit_strict(void)
{
	char word[8];

	return limits_read_file("/proc/sys/vm/overcommit_memory", word, sizeof(word)) > 0 &&
	       word[0] == '2';
}

/* Seven eighths of 32 bits are never free in one piece. */
static bool is_short_of_addresses(size_t size)
{
	return sizeof(void *) < 8 && size < SIZE_MAX / 8 * 7;
}

bool mapping_is_counted(size_t size)
{
	return is_short_of_addresses(size) || is_within(RLIMIT_AS, size) ||
	       is_within(RLIMIT_DATA, size) || is_overcommit_strict();
}

/* Our arena is the cause only where address space or memory is counted. Programs try sizes that can't
 * be had: for those it must not lose its reserve. */
bool mapping_make_room(int error, size_t size)
{
	bool stepped_down;

	if (sandbox_is_on())
		return false;
	if (error == EAGAIN)
		return privileges_make_room("mmap", 0, size);
	if (error != ENOMEM)
		return false;
	stepped_down = level_now() == LEVEL_FUTURE && privileges_make_room("malloc", 0, size);
	if (stepped_down)
		growth_start();
	return (mapping_is_counted(size) && large_relieve()) || stepped_down;
}
