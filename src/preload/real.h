/* SPDX-License-Identifier: MIT */
/* The functions that stand behind ours: the next of each name in the search order.
 *
 * real_bind is idempotent and may be called by any thread; a wrapper calls it by real_get before
 * its first use, which may come before our constructor. */
#ifndef RAMLOCK_REAL_H
#define RAMLOCK_REAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <threads.h>

struct real {
	void (*_exit)(int);
	pid_t (*_Fork)(void); /* NULL before glibc 2.34 */
	int (*clone)(int (*)(void *), void *, int, void *, void *, void *, void *);
	long (*syscall)(long, long, long, long, long, long, long);
	int (*prctl)(int, unsigned long, unsigned long, unsigned long, unsigned long);
	int (*mlock)(const void *, size_t);
	int (*mlock2)(const void *, size_t, unsigned); /* NULL before glibc 2.27 */
	int (*munlock)(const void *, size_t);
	int (*mlockall)(int);
	int (*munlockall)(void);
	void *(*mmap)(void *, size_t, int, int, int, off_t);
	int (*munmap)(void *, size_t);
	void *(*mremap)(void *, size_t, size_t, int, ...);
	int (*remap_file_pages)(void *, size_t, int, size_t, int);
	int (*mprotect)(void *, size_t, int);
	int (*pkey_mprotect)(void *, size_t, int, int); /* NULL before glibc 2.27 */
	int (*brk)(void *);
	void *(*sbrk)(intptr_t);
	void *(*shmat)(int, const void *, int);
	int (*shmdt)(const void *);
	int (*madvise)(void *, size_t, int);
	ssize_t (*process_madvise)(int, const struct iovec *, size_t, int, unsigned); /* or NULL */
	int (*msync)(void *, size_t, int);
	int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	int (*thrd_create)(thrd_t *, thrd_start_t, void *); /* NULL before glibc 2.28 */
};

/* Where off_t has 64 bits and a long has not, mmap with that off_t goes by another name. */
#ifdef HAVE_SHORT_MMAP
#define REAL_MMAP "mmap64"
#else
#define REAL_MMAP "mmap"
#endif

extern struct real real_table;
extern bool real_bound;

void real_bind(void);

/* The same of the functions that wrap_rights.c stands before. By the constructor. */
void real_bind_rights(void);

static inline const struct real *real_get(void)
{
	if (__builtin_expect(!__atomic_load_n(&real_bound, __ATOMIC_ACQUIRE), 0))
		real_bind();
	return &real_table;
}

/* The next function of a name, or NULL; for what is called once. */
void *real_find(const char *name);

/* The first function of a name in the search order, which may be ours. */
void *real_first(const char *name);

/* Whether a function of ours is the first of its name; a mere address of a linkage table, as a program
 * at a fixed address has for what it takes the address of, is none. Costs 1 us if so. */
bool real_is_first(const char *name, const void *ours);

/* The one place where a function pointer becomes an object pointer. */
#define REAL_OBJECT(of) (((union { __typeof__(&(of)) function; const void *symbol; }){&(of)}).symbol)

/* The one place where an object pointer becomes a function pointer. */
#define REAL_TYPED(declaration, object) ((union { void *symbol; declaration; }){object}.function)
#define REAL_FUNCTION(declaration, name) REAL_TYPED(declaration, real_find(name))

#endif
