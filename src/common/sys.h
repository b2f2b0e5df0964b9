/* SPDX-License-Identifier: MIT */
/* Raw system calls that return 0, a result or -errno and leave errno alone.
 *
 * Used below interposed names, so that no wrapper (ours or another library's) runs twice, and in
 * place of libc calls that are cancellation points. Async-signal-safe; no allocation. */
#ifndef RAMLOCK_SYS_H
#define RAMLOCK_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than some libc headers; the kernel that first knew each is named. */
#ifndef MADV_POPULATE_READ /* 5.14 */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED /* 5.18 */
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MLOCK_ONFAULT /* 4.4 */
#define MLOCK_ONFAULT 1
#endif
#ifndef MCL_ONFAULT /* 4.4 */
#define MCL_ONFAULT 4
#endif

/* errno is read by a statement of its own: arguments are evaluated in any order, and gcc makes the
 * call first. */
#define SYS_CALL(...)                                                                              \
	({                                                                                         \
		const int sys_saved = errno;                                                       \
		sys_result(sys_saved, syscall(__VA_ARGS__));                                       \
	})

static inline long sys_result(int saved, long result)
{
	if (result == -1) {
		result = -errno;
		errno = saved;
	}
	return result;
}

static inline int sys_open(const char *path, int flags, int mode)
{
	return (int)SYS_CALL(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

static inline long sys_read(int fd, void *to, size_t size)
{
	return SYS_CALL(SYS_read, fd, to, size);
}

static inline long sys_write(int fd, const void *from, size_t size)
{
	return SYS_CALL(SYS_write, fd, from, size);
}

static inline void sys_close(int fd)
{
	SYS_CALL(SYS_close, fd);
}

static inline int sys_madvise(uintptr_t start, size_t size, int advice)
{
	return (int)SYS_CALL(SYS_madvise, start, size, advice);
}

/* With flags 0 the older mlock, which every kernel has. */
static inline int sys_mlock(uintptr_t start, size_t size, int flags)
{
	if (flags == 0)
		return (int)SYS_CALL(SYS_mlock, start, size);
	return (int)SYS_CALL(SYS_mlock2, start, size, flags);
}

static inline int sys_munlock(uintptr_t start, size_t size)
{
	return (int)SYS_CALL(SYS_munlock, start, size);
}

static inline int sys_mlockall(int flags)
{
	return (int)SYS_CALL(SYS_mlockall, flags);
}

static inline int sys_munlockall(void)
{
	return (int)SYS_CALL(SYS_munlockall);
}

static inline int sys_munmap(uintptr_t start, size_t size)
{
	return (int)SYS_CALL(SYS_munmap, start, size);
}

static inline int sys_mprotect(uintptr_t start, size_t size, int prot)
{
	return (int)SYS_CALL(SYS_mprotect, start, size, prot);
}

/* The address, or -errno: a result of -4095 … -1 is an error. */
static inline intptr_t sys_mmap(uintptr_t at, size_t size, int prot, int flags, int fd)
{
#ifdef SYS_mmap2
	return SYS_CALL(SYS_mmap2, at, size, prot, flags, fd, 0);
#else
	return SYS_CALL(SYS_mmap, at, size, prot, flags, fd, 0L);
#endif
}

/* The kernel's own layout: 64-bit on every architecture. */
struct sys_rlimit {
	uint64_t soft, hard;
};

#define SYS_RLIM_INFINITY UINT64_MAX

static inline int sys_prlimit(int pid, int what, const struct sys_rlimit *set,
			      struct sys_rlimit *old)
{
	return (int)SYS_CALL(SYS_prlimit64, pid, what, set, old);
}

#endif
