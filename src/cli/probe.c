/* SPDX-License-Identifier: MIT */
/* Tries system calls on a page of its own. */
#include "config.h"

#include <cap-ng.h>
#include <linux/capability.h>
#include <sys/mman.h>

#include "cli/probe.h"
#include "common/size.h"
#include "common/sys.h"

static uintptr_t map_pages(size_t size, int prot)
{
	intptr_t at = sys_mmap(0, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	return sys_is_error(at) ? 0 : (uintptr_t)at;
}

/* What a call that is tried only for its flag says of the flag. */
static enum probe verdict(int error)
{
	if (error == 0)
		return PROBE_YES;
	return error == -EINVAL || error == -ENOSYS ? PROBE_NO : PROBE_UNKNOWN;
}

enum probe probe_mlock_onfault(void)
{
	const uintptr_t page = map_pages(size_page(), PROT_READ | PROT_WRITE);
	struct sys_rlimit limit = {.soft = 1};
	int error;

	if (page == 0)
		return PROBE_UNKNOWN;
	error = sys_mlock(page, size_page(), MLOCK_ONFAULT);
	sys_munmap(page, size_page());
	/* The flag is looked at before the limit: who is refused for that was understood. EPERM is for
	 * a limit of 0, but may also come from a filter of system calls. */
	sys_prlimit(0, RLIMIT_MEMLOCK, NULL, &limit);
	if (error == -ENOMEM || error == -EAGAIN || (error == -EPERM && limit.soft == 0))
		return PROBE_YES;
	return verdict(error);
}

static enum probe try_advice(int advice)
{
	const uintptr_t page = map_pages(size_page(), PROT_READ | PROT_WRITE);
	int error;

	if (page == 0)
		return PROBE_UNKNOWN;
	error = sys_madvise(page, size_page(), advice);
	sys_munmap(page, size_page());
	return verdict(error);
}

enum probe probe_madvise_populate(void)
{
	enum probe reads = try_advice(MADV_POPULATE_READ);

	return reads == PROBE_YES ? try_advice(MADV_POPULATE_WRITE) : reads;
}

enum probe probe_madvise_drop_locked(void)
{
	return try_advice(MADV_DONTNEED_LOCKED);
}

enum probe probe_lock_above(uint64_t limit)
{
	const size_t size = size_page_up((uintptr_t)limit) + size_page();
	uintptr_t at;
	int error;

	if (limit > INTPTR_MAX / 2)
		return PROBE_UNKNOWN;
	at = map_pages(size, PROT_NONE);
	if (at == 0)
		return PROBE_UNKNOWN;
	error = sys_mlock(at, size, MLOCK_ONFAULT);
	sys_munmap(at, size);
	if (error == -ENOSYS) /* older than Linux 4.4; mlock would make all of it resident */
		return PROBE_UNKNOWN;
	return error == 0 ? PROBE_YES : PROBE_NO;
}

static enum probe has(capng_type_t set, unsigned capability)
{
	return capng_have_capability(set, capability) ? PROBE_YES : PROBE_NO;
}

struct probe_capability probe_capability(int pid)
{
	capng_clear(CAPNG_SELECT_ALL);
	capng_setpid(pid ? pid : (int)getpid());
	if (capng_get_caps_process() != 0)
		return (struct probe_capability){PROBE_UNKNOWN, PROBE_UNKNOWN, PROBE_UNKNOWN,
						  PROBE_UNKNOWN};
	return (struct probe_capability){
		.effective = has(CAPNG_EFFECTIVE, CAP_IPC_LOCK),
		.bounding = has(CAPNG_BOUNDING_SET, CAP_IPC_LOCK),
		.ambient = has(CAPNG_AMBIENT, CAP_IPC_LOCK),
		.nice = has(CAPNG_EFFECTIVE, CAP_SYS_NICE),
	};
}
