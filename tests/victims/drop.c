/* SPDX-License-Identifier: MIT */
/* A daemon: works as root, gives its rights up in the way that its argument names, and needs memory
 * of each kind afterwards. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "victim.h"

#define MAP ((size_t)64 << 20)
#define LARGE ((size_t)32 << 20)
#define LOCK ((size_t)3 << 20)
#define NOBODY 65534

#ifdef __GLIBC__
#define LIBRARY "libresolv.so.2"
#define HEAP (1 << 20)
#else /* musl is one library, and its sbrk only tells where the heap ends */
#define LIBRARY "libc.so"
#define HEAP 0
#endif

int capset(cap_user_header_t header, const cap_user_data_t data);

static int drop_capability(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	syscall(SYS_capget, &header, data);
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	return capset(&header, data);
}

/* Into the user namespace of a child. */
static int enter_namespace(void)
{
	int ready[2], fd, result;
	char path[64];
	pid_t child;

	if (pipe(ready) != 0)
		return -1;
	child = fork();
	if (child == 0) {
		result = (int)syscall(SYS_unshare, CLONE_NEWUSER);
		_exit(write(ready[1], &result, 1) == 1 && pause());
	}
	if (read(ready[0], path, 1) != 1)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", child);
	fd = open(path, O_RDONLY);
	result = setns(fd, 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return result;
}

static int lower(const char *way)
{
	const struct rlimit limit = {1024 << 10, 8192 << 10};
	const struct rlimit64 limit64 = {1024 << 10, 8192 << 10};

	if (strcmp(way, "setrlimit") == 0)
		return setrlimit(RLIMIT_MEMLOCK, &limit);
	if (strcmp(way, "setrlimit64") == 0)
		return setrlimit64(RLIMIT_MEMLOCK, &limit64);
	if (strcmp(way, "prlimit") == 0)
		return prlimit(0, RLIMIT_MEMLOCK, &limit, NULL);
	if (strcmp(way, "prlimit64") == 0)
		return prlimit64(getpid(), RLIMIT_MEMLOCK, &limit64, NULL);
	return -1;
}

/* 0, or the errno with which that failed. */
static int drop(const char *way)
{
	int result = -1;

	if (strcmp(way, "setuid") == 0)
		result = setuid(NOBODY);
	else if (strcmp(way, "seteuid") == 0)
		result = seteuid(NOBODY);
	else if (strcmp(way, "setreuid") == 0)
		result = setreuid(NOBODY, NOBODY);
	else if (strcmp(way, "setresuid") == 0)
		result = setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
			 setresuid(NOBODY, NOBODY, NOBODY);
	else if (strcmp(way, "keepcaps") == 0)
		result = prctl(PR_SET_KEEPCAPS, 1) || setuid(NOBODY);
	else if (strcmp(way, "capset") == 0)
		result = drop_capability();
	else if (strcmp(way, "unshare") == 0)
		result = unshare(CLONE_NEWUSER);
	else if (strcmp(way, "setns") == 0)
		result = enter_namespace();
	else if (strstr(way, "limit"))
		result = lower(way);
	else if (strcmp(way, "root") == 0)
		result = setuid(0) || seteuid(0) || setreuid(-1, 0) || setresuid(0, -1, 0);
	else if (strcmp(way, "direct") == 0)
		result = (int)syscall(SYS_setuid, NOBODY);
	return result ? errno : 0;
}

static void *work(void *block)
{
	return memset(block, 1, LARGE);
}

__attribute__((noinline)) static int deep(int kib)
{
	volatile char room[1024];

	room[0] = 1;
	return kib > 1 ? deep(kib - 1) + room[0] : room[0];
}

static int blocks(void)
{
	int got = 1;

	for (int i = 0; i < 2000; i++)
		got &= malloc(1000) != NULL;
	return got;
}

static void *map(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* What it needs, and what it had locked itself. */
static void need(char *before, int lock)
{
	char *at = map(MAP), *block;
	pthread_t thread;
	int error;

	printf("map %d ", at && memset(at, 1, MAP));
	at = map(PAGE);
	printf("grown %d ", mremap(at, PAGE, 4 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED);
	block = malloc(LARGE);
	printf("large %d ", block != NULL);
	error = pthread_create(&thread, NULL, work, block);
	if (error == 0)
		pthread_join(thread, NULL);
	printf("thread %d brk %d small %d ", error, sbrk(HEAP) != (void *)-1, blocks());
	printf("dlopen %d deep %d ", dlopen(LIBRARY, RTLD_NOW) != NULL, deep(6000) > 0);
	if (lock)
		printf("lock %d held %d ", mlock(map(LOCK), LOCK), is_locked(before));
	printf("\n");
}

/* Whether what is locked is within the limit, and the stack in use is a part of it. */
static void see_within(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_MEMLOCK, &limit);
	printf("within %d stack %d\n", (rlim_t)status_kib("VmLck") << 10 <= limit.rlim_cur,
	       is_locked(&limit));
}

static int stopped, failed;

/* Maps, and makes the heap of its own grow, until it is told to stop. */
static void *hammer(void *unused)
{
	(void)unused;
	while (!__atomic_load_n(&stopped, __ATOMIC_RELAXED)) {
		void *at = map(PAGE), *block = malloc(100 << 10);

		if (at == NULL || block == NULL || munmap(at, PAGE) != 0)
			__atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED);
		free(block);
	}
	return NULL;
}

/* While the rights go, other threads map and allocate. */
static void race(const char *way)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, hammer, NULL);
	usleep(10000);
	drop(way);
	usleep(10000);
	__atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("failed %d\n", failed);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "setresuid";
	const char *how = argc > 2 ? argv[2] : "";
	const int lock = strcmp(how, "lock") == 0;
	char *before = map(LOCK);
	char *heap = malloc(4 << 20);
	int got = 1;

	memset(heap, 1, 4 << 20);
	if (lock)
		mlock(before, LOCK);
	if (strcmp(how, "all") == 0)
		mlockall(MCL_CURRENT | MCL_FUTURE);
	if (strcmp(how, "within") == 0) {
		drop(way);
		see_within();
		return 0;
	}
	if (strcmp(how, "small") == 0) { /* no large block, and no call but malloc, comes before */
		drop(way);
		for (int i = 0; i < 20; i++)
			got &= blocks();
		printf("small %d\n", got);
		return 0;
	}
	if (strcmp(how, "heap") == 0) {
		drop(way);
		blocks();
		printf("locked %d\n", is_locked(malloc(1000)));
		return 0;
	}
	if (strcmp(how, "race") == 0) {
		race(way);
		return 0;
	}
	printf("%s %d: ", way, drop(way));
	need(before, lock);
	if (strcmp(way, "setuid") != 0 && strcmp(way, "root") != 0)
		return 0;
	printf("again %d: ", drop(way));
	need(before, 0);
	return 0;
}
