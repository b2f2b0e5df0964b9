/* SPDX-License-Identifier: MIT */
/* Threads of each kind: what is resident and locked before they run, and that they end as ever. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <threads.h>

#include "victim.h"

#ifndef __GLIBC__ /* musl has none */
#define malloc_info(options, to) (void)(to)
#endif

#define SMALL ((size_t)PTHREAD_STACK_MIN < 16 << 10 ? (size_t)16 << 10 : (size_t)PTHREAD_STACK_MIN)

static long thread_faults(void)
{
	struct rusage now;

	getrusage(RUSAGE_THREAD, &now);
	return now.ru_minflt;
}

/* Faults while so many KiB of the stack are written to. */
__attribute__((noinline)) static long stack_faults(size_t kib)
{
	volatile char *low = __builtin_alloca(kib << 10);
	long before = thread_faults();

	for (size_t at = kib << 10; at >= PAGE; at -= PAGE)
		low[at - PAGE] = 1;
	return thread_faults() - before;
}

static void *count_stack(void *kib)
{
	return (void *)stack_faults((size_t)kib);
}

static int count_stack_c11(void *kib)
{
	return (int)stack_faults((size_t)kib);
}

/* The stack's lowest page above the guard. */
static void *see_low_end(void *unused)
{
	pthread_attr_t attributes;
	void *low;
	size_t size;

	(void)unused;
	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstack(&attributes, &low, &size);
	return (void *)(intptr_t)is_resident(low);
}

static void *see_lock(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)is_locked(__builtin_frame_address(0));
}

/* Faults while blocks of the thread's own arena are written to. */
static void *count_heap(void *kib)
{
	long before;

	free(malloc(1000)); /* this thread's malloc is there */
	before = thread_faults();
	for (size_t i = 0; i < (size_t)kib / 4; i++)
		memset(malloc(4000), 1, 4000);
	return (void *)(thread_faults() - before);
}

static void *nothing(void *result)
{
	return result;
}

static pthread_attr_t *attributes_of(const char *kind)
{
	static pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	if (strcmp(kind, "default") == 0)
		return NULL;
	if (strcmp(kind, "small") == 0)
		pthread_attr_setstacksize(&attributes, SMALL);
	if (strcmp(kind, "large") == 0)
		pthread_attr_setstacksize(&attributes, 8 << 20);
	if (strcmp(kind, "medium") == 0)
		pthread_attr_setstacksize(&attributes, 80 << 10);
	if (strcmp(kind, "unguarded") == 0)
		pthread_attr_setguardsize(&attributes, 0);
	if (strcmp(kind, "own") == 0)
		pthread_attr_setstack(&attributes, mmap(NULL, 256 << 10, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 256 << 10);
	if (strcmp(kind, "guarded") == 0) { /* a page of the program's own, inside the stack */
		char *at = mmap(NULL, 256 << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		mprotect(at, PAGE, PROT_NONE);
		pthread_attr_setstack(&attributes, at, 256 << 10);
	}
	if (strcmp(kind, "own-small") == 0) { /* below it is what must not be touched */
		char *at = mmap(NULL, 64 << 10, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		mprotect(at + (32 << 10), 32 << 10, PROT_READ | PROT_WRITE);
		pthread_attr_setstack(&attributes, at + (32 << 10), 32 << 10);
	}
	return &attributes;
}

static intptr_t run(const char *kind, void *(*function)(void *), void *argument)
{
	pthread_t thread;
	void *result = NULL;
	int error = pthread_create(&thread, attributes_of(kind), function, argument);

	if (error) {
		printf("%s\n", strerror(error));
		exit(1);
	}
	pthread_join(thread, &result);
	return (intptr_t)result;
}

static pthread_key_t key;
static int ended, destroyed;
static pthread_barrier_t barrier;

static void count_end(void *unused)
{
	(void)unused;
	__atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST);
}

static void count_destroyed(void *unused)
{
	(void)unused;
	__atomic_fetch_add(&destroyed, 1, __ATOMIC_SEQ_CST);
}

static void *end_by(void *way)
{
	pthread_setspecific(key, &key);
	pthread_cleanup_push(count_end, NULL);
	if (way == (void *)1)
		pthread_exit((void *)5);
	while (way == (void *)2)
		pause();
	pthread_cleanup_pop(1);
	if (way == (void *)3)
		pthread_barrier_wait(&barrier);
	return (void *)6;
}

static void ends(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	void *result;

	pthread_key_create(&key, count_destroyed);
	printf("return %ld exit %ld ", (long)run("default", end_by, NULL), (long)run("default", end_by, (void *)1));
	pthread_create(&thread, NULL, end_by, (void *)2);
	usleep(20000);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	printf("cancel %d ", result == PTHREAD_CANCELED);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_create(&thread, &attributes, end_by, (void *)3);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 1000 && __atomic_load_n(&destroyed, __ATOMIC_SEQ_CST) < 4; i++)
		usleep(1000);
	printf("cleanups %d destructors %d\n", ended, destroyed);
}

/* Threads that are all there at a time. */
static void many(intptr_t count)
{
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));
	intptr_t sum = 0;

	for (intptr_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, nothing, (void *)i) != 0)
			sum = -count * count;
	for (intptr_t i = 0; i < count; i++) {
		void *result;

		pthread_join(threads[i], &result);
		sum += (intptr_t)result;
	}
	printf("sum %ld\n", (long)sum);
}

static void *wait_for_ever(void *unused)
{
	pause();
	return unused;
}

/* Threads one after another, on the same stack. */
static void row(int count, const char *kind)
{
	for (int i = 0; i < count; i++)
		run(kind, nothing, NULL);
}

/* A stack that libc gives again: at once, after a thread that wrote over all of its reserve, and
 * after a fork, which takes the right to write from every page. */
static void again(const char *kind, size_t deep)
{
	intptr_t first = run(kind, count_stack, (void *)60), deeper, forked;
	pid_t child;

	run(kind, count_stack, (void *)deep);
	deeper = run(kind, count_stack, (void *)60);
	child = fork();
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	forked = run(kind, count_stack, (void *)60);
	printf("faults %ld %ld %ld\n", (long)first, (long)deeper, (long)forked);
}

/* As many waiting threads as there can be, up to a number; each with so many KiB of stack. */
static void most(int count, size_t kib)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int made = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, kib << 10);
	while (made < count && pthread_create(&thread, &attributes, wait_for_ever, NULL) == 0)
		made++;
	printf("made %d\n", made);
	exit(0);
}

static void errors(void)
{
	struct sched_param param = {.sched_priority = 0};
	struct rlimit space;
	pthread_attr_t attributes;
	pthread_t thread;
	thrd_t c11;

	pthread_attr_init(&attributes);
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, SCHED_OTHER);
	pthread_attr_setschedparam(&attributes, &param);
	printf("explicit %d ", pthread_create(&thread, &attributes, nothing, NULL));
	pthread_join(thread, NULL);
	pthread_attr_setstacksize(&attributes, SIZE_MAX / 4);
	for (int i = 0; i < 100; i++) /* more than there are slots */
		errno = pthread_create(&thread, &attributes, nothing, NULL);
	printf("huge %d ", errno);
	pthread_attr_setstacksize(&attributes, 8 << 20);
	pthread_attr_setguardsize(&attributes, SIZE_MAX);
	printf("guard %d ", pthread_create(&thread, &attributes, nothing, NULL));
	getrlimit(RLIMIT_AS, &space);
	space.rlim_cur = 1;
	setrlimit(RLIMIT_AS, &space);
	errno = 0;
	printf("space %d c11 %d errno %d\n", pthread_create(&thread, NULL, nothing, NULL),
	       thrd_create(&c11, count_stack_c11, NULL), errno);
}

/* A thread forks, and its child makes threads. */
static void *fork_here(void *unused)
{
	int status = 1;
	pid_t child = fork();

	(void)unused;
	if (child == 0)
		_exit(run("default", nothing, (void *)3) != 3);
	waitpid(child, &status, 0);
	return (void *)(intptr_t)status;
}

static void c11(size_t kib)
{
	thrd_t thread;
	int result = -1;

	if (thrd_create(&thread, count_stack_c11, (void *)kib) == thrd_success)
		thrd_join(thread, &result);
	printf("faults %d\n", result);
}

static void *make_threads(void *unused)
{
	pthread_t thread;

	for (int i = 0; i < 50; i++)
		if (pthread_create(&thread, NULL, nothing, NULL) == 0)
			pthread_join(thread, NULL);
	return unused;
}

/* Whether what is mapped after threads made threads is resident. */
static void after(void)
{
	pthread_t threads[4];
	char *at;

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, make_threads, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("resident %d\n", is_resident(at + PAGE));
}

/* All of the limit for the program's own lock, while a thread of the policy's lives and after. */
static void *lock_all_room(void *unused)
{
	const size_t size = 8000 << 10;
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	intptr_t result = mlock(at, size);

	(void)unused;
	munmap(at, size);
	return (void *)result;
}

/* After the program's own mlockall: 0, or the error; whether the stack's low end is resident. */
static void all(const char *kind)
{
	void *(*const function)(void *) = strcmp(kind, "low") == 0 ? see_low_end : nothing;
	int error = mlockall(MCL_FUTURE);

	printf("all %d thread %ld\n", error, (long)run("medium", function, (void *)2));
}

/* The default size may be changed at any time. */
static void small_default(void)
{
	pthread_attr_t attributes;

	run("default", nothing, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN);
	pthread_setattr_default_np(&attributes);
	printf("small %ld\n", (long)run("default", nothing, (void *)1));
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const char *kind = argc > 2 ? argv[2] : "default";
	size_t kib = argc > 3 ? (size_t)atoi(argv[3]) : 0;

	if (strcmp(what, "stack") == 0)
		printf("faults %ld\n", (long)run(kind, count_stack, (void *)kib));
	else if (strcmp(what, "low") == 0)
		printf("low %ld\n", (long)run(kind, see_low_end, NULL));
	else if (strcmp(what, "locked") == 0)
		printf("locked %ld\n", (long)run(kind, see_lock, NULL));
	else if (strcmp(what, "heap") == 0)
		printf("faults %ld\n", (long)run(kind, count_heap, (void *)kib));
	else if (strcmp(what, "arenas") == 0)
		printf("%ld", (long)run(kind, nothing, NULL)), fflush(stdout), malloc_info(0, stdout);
	else if (strcmp(what, "ends") == 0)
		ends();
	else if (strcmp(what, "many") == 0)
		many(atoi(kind));
	else if (strcmp(what, "row") == 0)
		row(atoi(kind), argc > 3 ? argv[3] : "default");
	else if (strcmp(what, "again") == 0)
		again("default", 200), again("medium", 64);
	else if (strcmp(what, "most") == 0)
		most(atoi(kind), kib);
	else if (strcmp(what, "errors") == 0)
		errors();
	else if (strcmp(what, "fork") == 0)
		printf("status %ld\n", (long)run(kind, fork_here, NULL));
	else if (strcmp(what, "c11") == 0)
		c11(kib);
	else if (strcmp(what, "after") == 0)
		after();
	else if (strcmp(what, "room") == 0)
		printf("%ld %ld\n", (long)run("default", lock_all_room, NULL), (long)lock_all_room(NULL));
	else if (strcmp(what, "all") == 0)
		all(kind);
	else if (strcmp(what, "default") == 0)
		small_default();
	return 0;
}
