/* SPDX-License-Identifier: MIT */
/* The real kernel behind the seam. */
#include "config.h"

#include <sys/mman.h>

#include "common/limits.h"
#include "common/memlock.h"
#include "common/size.h"
#include "preload/vm.h"

static intptr_t kernel_map(uintptr_t at, size_t size, int prot, int flags)
{
	return sys_mmap(at, size, prot, flags, -1);
}

static intptr_t kernel_remap(uintptr_t from, size_t old_size, size_t new_size, int flags, uintptr_t to)
{
	return SYS_CALL(SYS_mremap, from, old_size, new_size, flags, to);
}

/* Before Linux 4.4 there is no lock on fault. */
static int kernel_lock(uintptr_t at, size_t size, int flags)
{
	int error = sys_mlock(at, size, flags);

	return error == -ENOSYS && flags ? sys_mlock(at, size, 0) : error;
}

static int kernel_look(uintptr_t at, size_t size)
{
	return SYS_CALL(SYS_msync, at, size, MS_ASYNC) == -ENOMEM ? -ENOMEM : 0;
}

static int kernel_limit(int what, struct sys_rlimit *now)
{
	return what == RLIMIT_MEMLOCK ? memlock_read(now) : sys_prlimit(0, what, NULL, now);
}

static int kernel_set_limit(int what, const struct sys_rlimit *to)
{
	return sys_prlimit(0, what, to, NULL);
}

/* The capability's bit is not enough: in a user namespace it is set and not honoured. Locking on fault
 * a reservation larger than the limit tells, and touches nothing: 1 yes, 0 no, or -errno where no
 * reservation could be made. */
static int kernel_is_capable(uint64_t soft)
{
	const size_t size = size_page_up((uintptr_t)soft) + size_page();
	intptr_t probe;
	int allowed;

	if (!limits_capable())
		return 0;
	probe = sys_mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	if (sys_is_error(probe))
		return (int)probe;
	allowed = sys_mlock((uintptr_t)probe, size, MLOCK_ONFAULT) == 0;
	sys_munmap((uintptr_t)probe, size);
	return allowed;
}

const struct vm_ops vm_kernel = {
	.map = kernel_map,
	.unmap = sys_munmap,
	.remap = kernel_remap,
	.protect = sys_mprotect,
	.lock = kernel_lock,
	.unlock = sys_munlock,
	.lock_all = sys_mlockall,
	.unlock_all = sys_munlockall,
	.advise = sys_madvise,
	.look = kernel_look,
	.limit = kernel_limit,
	.set_limit = kernel_set_limit,
	.is_capable = kernel_is_capable,
};

const struct vm_ops *vm = &vm_kernel;
