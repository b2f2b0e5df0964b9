/* SPDX-License-Identifier: MIT */
/* How much stack each function takes that the library stands before: bytes below the frame that calls it,
 * on an alternate stack. Each is called once, by a child of its own.
 *   depth [FUNCTION] */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/capability.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>

#include "victim.h"

#define STACK ((size_t)256 << 10)
#define PAINT 0x5a

/* Shared with the children, but for the stack of one that copies itself: the two would run on it. */
static char *stack;
static struct depth {
	uintptr_t frame, lowest;
} *depth;

static bool is_private; /* the stack is */

static uintptr_t lowest_touched(void)
{
	size_t untouched = 0;

	while (untouched < STACK && stack[untouched] == PAINT)
		untouched++;
	return (uintptr_t)stack + untouched;
}

/* The end of a process that has a stack of its own to look at. */
static void leave(void)
{
	const uintptr_t lowest = lowest_touched();

	if (is_private && lowest < depth->lowest)
		depth->lowest = lowest;
	syscall(SYS_exit_group, 0);
}

static char page[3 * 4096] __attribute__((aligned(4096)));
static char *map, *block, *small;
static size_t big;
static void *attached;
static int segment;
static FILE *null;

static void *found_symbol; /* of the function's name */

static void *idle(void *argument)
{
	return argument;
}

static int idle_c11(void *argument)
{
	return argument != NULL;
}

static int idle_clone(void *argument)
{
	(void)argument;
	syscall(SYS_exit, 0);
	return 0;
}

#define CALL(name, ...) static void call_##name(void) { __VA_ARGS__; }
#define BY_NAME(name, type, ...) /* of functions that no header declares, or that are not in every libc */ \
	static void call_##name(void)                                                              \
	{                                                                                          \
		union {                                                                            \
			void *symbol;                                                              \
			type;                                                                      \
		} found = {found_symbol};                                                           \
		if (found.symbol) {                                                                \
			__VA_ARGS__;                                                               \
		}                                                                                  \
	}

CALL(_exit, _exit(0))
CALL(_Exit, _Exit(0))
BY_NAME(_Fork, pid_t (*f)(void), if (found.f() == 0) leave(); else wait(NULL))
CALL(fork, if (fork() == 0) leave(); else wait(NULL))
CALL(clone, static char other[65536]; clone(idle_clone, other + sizeof(other), SIGCHLD, NULL))
CALL(syscall, if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0) leave(); else wait(NULL))
CALL(prctl, prctl(PR_SET_SECCOMP, 2, 16))
CALL(malloc, block = malloc(big))
CALL(calloc, block = calloc(1, big))
CALL(realloc, block = realloc(block, 2 * big))
BY_NAME(reallocarray, void *(*f)(void *, size_t, size_t), block = found.f(block, 2, big))
CALL(free, free(block))
BY_NAME(cfree, void (*f)(void *), found.f(block))
BY_NAME(free_sized, void (*f)(void *, size_t), found.f(block, big))
BY_NAME(free_aligned_sized, void (*f)(void *, size_t, size_t), found.f(block, 16, big))
CALL(posix_memalign, if (posix_memalign((void **)&block, 64, big)) abort())
CALL(aligned_alloc, block = aligned_alloc(64, big))
CALL(memalign, block = memalign(64, big))
CALL(valloc, block = valloc(big))
BY_NAME(pvalloc, void *(*f)(size_t), block = found.f(big))
#ifdef __GLIBC__
BY_NAME(mallopt, int (*f)(int, int), found.f(-1, 65536))
BY_NAME(mallinfo, struct mallinfo (*f)(void), found.f())
#if __GLIBC_PREREQ(2, 33)
BY_NAME(mallinfo2, struct mallinfo2 (*f)(void), found.f())
#endif
BY_NAME(malloc_info, int (*f)(int, FILE *), found.f(0, null))
BY_NAME(malloc_stats, void (*f)(void), found.f())
#endif
CALL(malloc_usable_size, big = malloc_usable_size(block))
BY_NAME(malloc_trim, int (*f)(size_t), found.f(0))
CALL(mlock, mlock(page, 4096))
CALL(mlock2, mlock2(page, 4096, 1))
CALL(munlock, munlock(page, 4096))
CALL(mlockall, mlockall(MCL_CURRENT))
CALL(munlockall, munlockall())
CALL(mmap, map = mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
BY_NAME(mmap64, void *(*f)(void *, size_t, int, int, int, long long),
	map = found.f(NULL, 1 << 16, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
CALL(remap_file_pages, remap_file_pages(map, PAGE, 0, 0, 0))
CALL(mremap, map = mremap(map, 1 << 20, 4 << 20, MREMAP_MAYMOVE))
CALL(munmap, munmap(map, 1 << 20))
CALL(mprotect, mprotect(map, 4096, PROT_READ))
BY_NAME(pkey_mprotect, int (*f)(void *, size_t, int, int), found.f(map, 4096, PROT_READ, -1))
CALL(brk, if (brk((char *)sbrk(0) + 65536)) abort())
CALL(sbrk, sbrk(65536))
CALL(shmat, attached = shmat(segment, NULL, 0))
CALL(shmdt, shmdt(attached))
CALL(madvise, madvise(page, 4096, MADV_FREE))
BY_NAME(process_madvise, ssize_t (*f)(int, const struct iovec *, size_t, int, unsigned),
	struct iovec part = {page, 4096};
	found.f((int)syscall(SYS_pidfd_open, getpid(), 0), &part, 1, MADV_COLD, 0))
CALL(msync, msync(page, 4096, MS_INVALIDATE | MS_SYNC))
CALL(pthread_create, pthread_t thread; pthread_create(&thread, NULL, idle, NULL))
CALL(thrd_create, thrd_t thread; thrd_create(&thread, idle_c11, NULL))
CALL(setuid, if (setuid(65534)) abort())
CALL(seteuid, if (seteuid(65534)) abort())
CALL(setreuid, if (setreuid(65534, 65534)) abort())
CALL(setresuid, if (setresuid(65534, 65534, 65534)) abort())
BY_NAME(capset, int (*f)(void *, void *),
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};
	found.f(&header, data))
CALL(unshare, unshare(CLONE_NEWUSER))
CALL(setns, setns(-1, CLONE_NEWUSER))
CALL(setrlimit, struct rlimit limit = {4 << 20, 4 << 20}; setrlimit(RLIMIT_MEMLOCK, &limit))
BY_NAME(setrlimit64, int (*f)(int, const void *),
	uint64_t limit[2] = {4ll << 30, 4ll << 30}; found.f(RLIMIT_AS, limit))
CALL(prlimit, struct rlimit limit = {4 << 20, 4 << 20}; prlimit(0, RLIMIT_MEMLOCK, &limit, NULL))
BY_NAME(prlimit64, int (*f)(pid_t, int, const void *, void *),
	uint64_t limit[2] = {4ll << 30, 4ll << 30}; found.f(0, RLIMIT_AS, limit, NULL))

CALL(dlopen, dlopen("libc.so.6", RTLD_LAZY))
BY_NAME(dlmopen, void *(*f)(long, const char *, int), found.f(0, "libc.so.6", RTLD_LAZY)) /* LM_ID_BASE */

static const struct row {
	const char *name;
	void (*call)(void);
} rows[] = {
#define ROW(name) {#name, call_##name},
	ROW(_exit) ROW(_Exit) ROW(_Fork) ROW(fork) ROW(clone) ROW(syscall) ROW(prctl)
	ROW(malloc) ROW(calloc) ROW(realloc) ROW(reallocarray) ROW(free) ROW(cfree) ROW(free_sized)
	ROW(free_aligned_sized) ROW(posix_memalign) ROW(aligned_alloc) ROW(memalign) ROW(valloc) ROW(pvalloc)
	ROW(malloc_usable_size) ROW(malloc_trim)
#ifdef __GLIBC__
	ROW(mallopt) ROW(mallinfo) ROW(malloc_info) ROW(malloc_stats)
#if __GLIBC_PREREQ(2, 33)
	ROW(mallinfo2)
#endif
#endif
	ROW(mlock) ROW(mlock2) ROW(munlock) ROW(mlockall) ROW(munlockall)
	ROW(mmap) ROW(mmap64) ROW(mremap) ROW(remap_file_pages) ROW(munmap) ROW(mprotect) ROW(pkey_mprotect) ROW(brk) ROW(sbrk)
	ROW(shmat) ROW(shmdt) ROW(madvise) ROW(process_madvise) ROW(msync)
	ROW(pthread_create) ROW(thrd_create) ROW(dlopen) ROW(dlmopen)
	ROW(setuid) ROW(seteuid) ROW(setreuid) ROW(setresuid) ROW(capset) ROW(unshare) ROW(setns)
	ROW(setrlimit) ROW(setrlimit64) ROW(prlimit) ROW(prlimit64)
};

static const struct row *now;

static void handler(int signal)
{
	(void)signal;
	depth->frame = (uintptr_t)__builtin_frame_address(0);
	now->call();
}

/* What the calls work on, and libc's own first uses, which take more. */
static void prepare(void)
{
	found_symbol = dlsym(RTLD_DEFAULT, now->name);
	null = fopen("/dev/null", "w");
	big = strcmp(now->name, "malloc_usable_size") == 0 ? 100000 : (size_t)5 << 20;
	block = malloc(big);
	small = malloc(100);
	free(small);
	map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	segment = shmget(IPC_PRIVATE, 65536, IPC_CREAT | 0600);
	attached = strcmp(now->name, "shmdt") == 0 ? shmat(segment, NULL, 0) : NULL;
	shmctl(segment, IPC_RMID, NULL);
}

static void measure_in_child(void)
{
	stack_t alternate = {.ss_sp = stack, .ss_size = STACK};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};

	prepare();
	if (is_private) {
		mmap(stack, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		memset(stack, PAINT, STACK);
	}
	sigaltstack(&alternate, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	leave();
}

static size_t measure(const struct row *row)
{
	int status = 0;
	pid_t pid;

	now = row;
	is_private = strstr(row->name, "ork") || strcmp(row->name, "clone") == 0 || strcmp(row->name, "syscall") == 0;
	*depth = (struct depth){0, UINTPTR_MAX};
	memset(stack, PAINT, STACK);
	pid = fork();
	if (pid == 0)
		measure_in_child();
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status))
		printf("%s: status %x\n", row->name, status);
	if (!is_private)
		depth->lowest = lowest_touched();
	return depth->frame > depth->lowest ? depth->frame - depth->lowest : 0;
}

int main(int argc, char **argv)
{
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	depth = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (argc > 1 && strcmp(argv[1], rows[i].name) != 0)
			continue;
		printf("%s %zu\n", rows[i].name, measure(&rows[i]));
		fflush(stdout);
	}
	return 0;
}
