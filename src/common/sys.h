/* SPDX-License-Identifier: MIT */
/* Raw system calls that return 0, a result or -errno and leave errno alone.
 *
 * Used below interposed names, so that no wrapper (ours or another library's) runs twice, and in
 * place of libc calls that are cancellation points. Async-signal-safe; no allocation. */
#ifndef RAMLOCK_SYS_H
#define RAMLOCK_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
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

/* Straight to the kernel where this file knows how: a child of clone(CLONE_VM | CLONE_SETTLS) that ends
 * by _exit has no thread-local storage to keep an errno in. Elsewhere by libc, with errno put back. */
#if defined(__x86_64__) && defined(__LP64__)
#define SYS_IS_RAW 1
static inline long sys_raw(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
#define SYS_IS_RAW 1
static inline long sys_raw(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#elif defined(__i386__)
#define SYS_IS_RAW 1
/* All seven registers are taken: the sixth argument goes by the stack, as the compiler may address its
 * place by the stack pointer. */
static inline long sys_raw(long number, long a, long b, long c, long d, long e, long f)
{
	long result;

	__asm__ volatile("pushl %7; pushl %%ebp; movl 4(%%esp), %%ebp; int $0x80; popl %%ebp; addl $4, %%esp"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "g"(f)
			 : "memory");
	return result;
}
#else
static inline long sys_raw(long number, long a, long b, long c, long d, long e, long f)
{
	const int saved = errno;
	long result = syscall(number, a, b, c, d, e, f);

	if (result == -1) {
		result = -errno;
		errno = saved;
	}
	return result;
}
#endif

/* Up to six arguments, integers or pointers, of which those that are not given are 0. */
#define SYS_CALL(...) SYS_CALL_7(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define SYS_CALL_7(number, a, b, c, d, e, f, ...)                                                  \
	sys_raw((long)(number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

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

/* Whether what a call that returns an address has returned is -errno. */
static inline bool sys_is_error(intptr_t result)
{
	return result < 0 && result > -4096;
}

/* The address, or -errno: see sys_is_error. */
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
