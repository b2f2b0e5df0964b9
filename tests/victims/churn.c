/* SPDX-License-Identifier: MIT */
/* Threads that allocate, map, lock, fork and start threads at random, and check what they find:
 * churn SECONDS THREADS SEED [join] [unmap] [all] [nofork]. A signal comes all the while, with "unmap"
 * its handler maps and unmaps; with "all" the locks of the whole process are changed, too. In the end it
 * exits while they go on, or joins them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "victim.h"

#define BLOCKS 16

#ifdef __GLIBC__
#define LIBRARY "libm.so.6"
#else /* musl is one library */
#define LIBRARY "libc.so"
#endif

extern char **environ;

static int ending, unmapping, locking_all, forking = 1;
static unsigned long operations, forks, signals;

struct worker {
	pthread_t thread;
	unsigned seed;
	struct block {
		unsigned char *at;
		size_t size;
		unsigned char value;
		int mapped;
	} blocks[BLOCKS];
};

static void fail(const char *what)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "wrong: %s (%d)\n", what, errno);

	if (write(1, line, (size_t)length) < 0)
		abort();
	_exit(1);
}

static void on_signal(int number)
{
	const int saved = errno;
	char *at;

	(void)number;
	__atomic_fetch_add(&signals, 1, __ATOMIC_RELAXED);
	if (!unmapping)
		return;
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at != MAP_FAILED)
		munmap(at, PAGE);
	errno = saved;
}

/* Its first and last bytes, and one in between, hold its value. */
static void mark(struct worker *w, struct block *b)
{
	b->value = (unsigned char)rand_r(&w->seed);
	b->at[0] = b->at[b->size / 2] = b->at[b->size - 1] = b->value;
}

static void check(const struct block *b, size_t size)
{
	if (b->at[0] != b->value || b->at[size / 2 < b->size / 2 ? 0 : b->size / 2] != b->value ||
	    (size == b->size && b->at[b->size - 1] != b->value))
		fail("contents");
}

static void drop(struct block *b)
{
	if (b->at == NULL)
		return;
	check(b, b->size);
	if (b->mapped)
		munmap(b->at, b->size);
	else
		free(b->at);
	b->at = NULL;
}

static size_t random_size(struct worker *w)
{
	return rand_r(&w->seed) % 8 ? 1 + (size_t)rand_r(&w->seed) % 4000
				    : (64u << 10) + (size_t)rand_r(&w->seed) % (1u << 20);
}

static void allocate(struct worker *w, struct block *b)
{
	drop(b);
	b->size = random_size(w);
	b->at = rand_r(&w->seed) % 2 ? malloc(b->size) : calloc(1, b->size);
	b->mapped = 0;
	if (b->at == NULL)
		fail("malloc");
	mark(w, b);
}

static void resize(struct worker *w, struct block *b)
{
	size_t size = random_size(w), least;

	if (b->at == NULL || b->mapped)
		return;
	check(b, b->size);
	least = size < b->size ? size : b->size;
	b->at = realloc(b->at, size);
	if (b->at == NULL)
		fail("realloc");
	if (b->at[0] != b->value || (least > b->size / 2 && b->at[b->size / 2] != b->value))
		fail("realloc's contents");
	b->size = size;
	mark(w, b);
}

static void map(struct worker *w, struct block *b)
{
	drop(b);
	b->size = (1 + (size_t)rand_r(&w->seed) % 64) * PAGE;
	b->at = mmap(NULL, b->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	b->mapped = 1;
	if (b->at == MAP_FAILED || mprotect(b->at, b->size, PROT_READ | PROT_WRITE) != 0)
		fail("mmap");
	mark(w, b);
}

static void advise(struct worker *w, struct block *b)
{
	if (b->at == NULL || !b->mapped)
		return;
	check(b, b->size);
	munlock(b->at, b->size); /* its own lock, which bare would stand in the way */
	if (madvise(b->at, b->size, MADV_DONTNEED) != 0) {
		if (!locking_all || errno != EINVAL) /* another thread's mlockall stands in the way, as bare */
			fail("madvise");
		return;
	}
	if (b->at[0] || b->at[b->size / 2] || b->at[b->size - 1])
		fail("pages that were given back");
	mark(w, b);
}

/* ThreadSanitizer knows mmap(2) but not mremap(2): to it the one who has new addresses by that races with
 * who had them before. They are had by mmap first. */
static void *resized(void *at, size_t old_size, size_t size)
{
#ifdef __SANITIZE_THREAD__
	void *to;

	if (size > old_size) {
		to = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (to == MAP_FAILED)
			fail("mmap");
		return mremap(at, old_size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	}
#endif
	return mremap(at, old_size, size, MREMAP_MAYMOVE);
}

/* Grows, shrinks and moves a mapping. */
static void remap(struct worker *w, struct block *b)
{
	const size_t size = (1 + (size_t)rand_r(&w->seed) % 64) * PAGE;
	unsigned char *at;

	if (b->at == NULL || !b->mapped)
		return;
	check(b, b->size);
	at = resized(b->at, b->size, size);
	if (at == MAP_FAILED && errno == EAGAIN) /* its own locks fill the limit, as they may bare */
		return;
	if (at == MAP_FAILED)
		fail("mremap");
	b->at = at;
	b->size = size;
	mark(w, b);
}

/* What concerns the locks of all threads; what it may is the caller's affair. */
static void lock_all(struct worker *w)
{
	struct rlimit limit;

	switch (rand_r(&w->seed) % 4) {
	case 0:
		mlockall(MCL_CURRENT | MCL_ONFAULT);
		break;
	case 1:
		mlockall(MCL_CURRENT | MCL_FUTURE);
		break;
	case 2:
		munlockall();
		break;
	default:
		getrlimit(RLIMIT_MEMLOCK, &limit);
		setrlimit(RLIMIT_MEMLOCK, &limit);
	}
}

static void lock(struct worker *w, struct block *b)
{
	if (b->at == NULL || b->size > 16 * PAGE)
		return;
	if (rand_r(&w->seed) % 2)
		mlock(b->at, b->size); /* at a limit it may fail, as it may bare */
	else
		munlock(b->at, b->size);
	check(b, b->size);
}

static void *leaf(void *arg)
{
	char *block = malloc(200 << 10);

	memset(block, 1, 200 << 10);
	free(block);
	return arg;
}

static void *canceled(void *arg)
{
	for (;;) {
		free(malloc(300 << 10));
		pthread_testcancel();
	}
	return arg;
}

static void start_thread(struct worker *w)
{
	const int cancel = rand_r(&w->seed) % 4 == 0;
	pthread_t thread;

	if (pthread_create(&thread, NULL, cancel ? canceled : leaf, NULL) != 0)
		fail("pthread_create");
	if (cancel)
		pthread_cancel(thread);
	pthread_join(thread, NULL);
}

static void wait_child(pid_t pid, const char *what)
{
	int status;

	if (pid < 0)
		fail(what);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		fail(what);
	__atomic_fetch_add(&forks, 1, __ATOMIC_RELAXED);
}

static void start_child(struct worker *w)
{
	char *arguments[] = {"churn", NULL}; /* which is true(1) for this machine and libc */
	pid_t pid;

	if (rand_r(&w->seed) % 2) {
		pid = fork();
		if (pid == 0) {
			alarm(20); /* a lock that was left held would be waited for */
			for (int i = 0; i < BLOCKS; i++) /* those of the thread that forked */
				drop(&w->blocks[i]);
			leaf(NULL);
			_exit(0);
		}
	} else if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, environ) != 0) {
		pid = -1;
	}
	wait_child(pid, "child");
}

static void load(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW);

	if (library == NULL)
		fail("dlopen");
	dlclose(library);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!__atomic_load_n(&ending, __ATOMIC_RELAXED)) {
		const unsigned dice = (unsigned)rand_r(&w->seed) % 1000;
		struct block *b = &w->blocks[(unsigned)rand_r(&w->seed) % BLOCKS];

		if (dice < 450)
			allocate(w, b);
		else if (dice < 600)
			resize(w, b);
		else if (dice < 750)
			map(w, b);
		else if (dice < 830)
			advise(w, b);
		else if (dice < 860)
			remap(w, b);
		else if (dice < 870 && locking_all)
			lock_all(w);
		else if (dice < 980)
			lock(w, b);
		else if (dice < 994)
			start_thread(w);
		else if (dice < 997)
			load();
		else if (forking)
			start_child(w);
		__atomic_fetch_add(&operations, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct itimerval often = {{0, 2000}, {0, 2000}};
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	const int count = argc > 3 ? atoi(argv[2]) : 0;
	int joining;
	struct timespec end;
	struct worker *workers = calloc((size_t)count + 1, sizeof(*workers));

	if (argc == 1)
		return 0;
	for (int i = 4; i < argc; i++) {
		unmapping |= strcmp(argv[i], "unmap") == 0;
		locking_all |= strcmp(argv[i], "all") == 0;
		forking &= strcmp(argv[i], "nofork") != 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += atol(argv[1]);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < count; i++) {
		workers[i].seed = (unsigned)(atoi(argv[3]) + i);
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			fail("thread");
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
		;
	joining = argc > 4 && strcmp(argv[4], "join") == 0;
	__atomic_store_n(&ending, joining, __ATOMIC_RELAXED);
	for (int i = 0; i < count && joining; i++)
		pthread_join(workers[i].thread, NULL);
	fprintf(stderr, "operations %lu children %lu\n", operations, forks);
	puts("churned");
	return 0;
}
