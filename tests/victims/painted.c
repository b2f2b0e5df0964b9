/* SPDX-License-Identifier: MIT */
/* Threads on stacks that the program made and painted, of every kind of memory: how much deeper the
 * paint is gone than by libc's own pthread_create, and whether anything below has changed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <malloc.h>
#ifdef __GLIBC__
#include <ucontext.h>
#endif

#include "victim.h"

#define SIZE ((size_t)256 << 10)
#define PAINT 0xa5
#define OURS 1024 /* bytes of frames that may lie below those of libc */

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static unsigned char *make_map(int prot, int flags, int fd)
{
	return mmap(NULL, SIZE, prot, flags, fd, 0);
}

static unsigned char *make_anonymous(void)
{
	return make_map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static unsigned char *make_shared(void)
{
	return make_map(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
}

static unsigned char *make_stack(void)
{
	return make_map(PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1);
}

static unsigned char *make_growing(void)
{
	return make_map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1);
}

static unsigned char *make_file(int flags)
{
	int fd = memfd_create("stack", MFD_CLOEXEC);
	unsigned char *at;

	if (ftruncate(fd, SIZE) != 0)
		return MAP_FAILED;
	at = make_map(PROT_READ | PROT_WRITE, flags, fd);
	close(fd);
	return at;
}

static unsigned char *make_private_file(void)
{
	return make_file(MAP_PRIVATE);
}

static unsigned char *make_shared_file(void)
{
	return make_file(MAP_SHARED);
}

static unsigned char *make_huge(void)
{
	const size_t huge = 2 << 20;
	unsigned char *at = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	at += huge - (uintptr_t)at % huge;
	madvise(at, huge, MADV_HUGEPAGE);
	return at;
}

static unsigned char *make_block(void)
{
	return (unsigned char *)malloc(SIZE + 64) + 48;
}

static unsigned char *make_small_block(void)
{
	return memalign(16, 100 << 10);
}

static unsigned char *make_static(void)
{
	static _Alignas(64) unsigned char stack[2][SIZE];
	static int next;

	return stack[next++ % 2];
}

/* How a stack is closed after it was painted: a guard inside it, data below it. */
static const struct kind {
	const char *name;
	unsigned char *(*make)(void);
	size_t size, guard; /* where a page of it is closed; none at SIZE */
	int by_address;	    /* pthread_attr_setstackaddr */
} kinds[] = {
	{"anonymous", make_anonymous, SIZE, SIZE, 0},
	{"by its address", make_anonymous, SIZE, SIZE, 1},
	{"a guard at the low end", make_anonymous, SIZE, 0, 0},
	{"a guard in the reserve", make_anonymous, SIZE, SIZE - 6 * PAGE, 0},
	{"MAP_STACK and MAP_NORESERVE", make_stack, SIZE, SIZE, 0},
	{"MAP_GROWSDOWN", make_growing, SIZE, SIZE, 0},
	{"MAP_GROWSDOWN, guarded", make_growing, SIZE, 0, 0},
	{"shared", make_shared, SIZE, SIZE, 0},
	{"a private file", make_private_file, SIZE, SIZE, 0},
	{"a shared file", make_shared_file, SIZE, SIZE, 0},
	{"a shared file, guarded", make_shared_file, SIZE, 0, 0},
	{"huge pages", make_huge, SIZE, SIZE, 0},
	{"a large block", make_block, SIZE, SIZE, 0},
	{"a small block", make_small_block, 100 << 10, SIZE, 0},
	{"static", make_static, SIZE, SIZE, 0},
	{"the least", make_anonymous, 16 << 10, SIZE, 0},
	{"the least, guarded", make_anonymous, 20 << 10, 0, 0},
};

static void *nothing(void *result)
{
	return result;
}

union symbol {
	void *pointer;
	create_function *create;
	int (*set_address)(pthread_attr_t *, void *);
};

static create_function *create_of_libc(void)
{
	static const char *const names[] = {"libpthread.so.0", "libc.so.6", "libc.so"};
	union symbol found = {NULL};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && found.pointer == NULL; i++) {
		void *library = dlopen(names[i], RTLD_NOW);

		if (library)
			found.pointer = dlsym(library, "pthread_create");
	}
	return found.create;
}

/* By the deprecated pthread_attr_setstackaddr, which the linker warns of and musl has not. */
static void set_stack(pthread_attr_t *attributes, const struct kind *kind, unsigned char *low)
{
	const union symbol by_address = {dlsym(RTLD_DEFAULT, "pthread_attr_setstackaddr")};

	pthread_attr_init(attributes);
	pthread_attr_setstack(attributes, low, kind->size);
	if (kind->by_address && by_address.pointer) {
		pthread_attr_init(attributes);
		by_address.set_address(attributes, low + kind->size);
		pthread_attr_setstacksize(attributes, kind->size);
	}
}

/* Bytes of a painted stack below the deepest that has changed; what lies in the guard is read, too. */
static size_t intact(unsigned char *low, size_t size)
{
	size_t at = 0;

	while (at < size && low[at] == PAINT)
		at++;
	return at;
}

/* Runs a thread on a new stack of a kind: the depth to which the paint is gone, or an error. */
static long depth_of(const struct kind *kind, create_function *create)
{
	unsigned char *low = kind->make();
	unsigned char *guard = low + kind->guard;
	pthread_attr_t attributes;
	pthread_t thread;

	memset(low, PAINT, kind->size);
	set_stack(&attributes, kind, low);
	if (kind->guard < SIZE)
		mprotect(guard, PAGE, PROT_NONE);
	if (create(&thread, &attributes, nothing, NULL) != 0)
		return -1;
	pthread_join(thread, NULL);
	if (kind->guard < SIZE)
		mprotect(guard, PAGE, PROT_READ | PROT_WRITE);
	return (long)(kind->size - intact(low, kind->size));
}

static void compare(const char *name, long bare, long ours)
{
	printf("%s: ", name);
	if (bare > 0 && ours > 0 && ours <= bare + OURS)
		puts("ok");
	else
		printf("bare %ld ours %ld\n", bare, ours);
}

#ifdef __GLIBC__
/* A coroutine makes a thread: the depth to which its stack was used. */
static create_function *coroutine_create;
static ucontext_t back;

static void create_and_join(void)
{
	pthread_t thread;

	if (coroutine_create(&thread, NULL, nothing, NULL) == 0)
		pthread_join(thread, NULL);
}

static long coroutine_depth(create_function *create)
{
	unsigned char *low = make_anonymous();
	ucontext_t context;

	memset(low, PAINT, SIZE);
	getcontext(&context);
	context.uc_stack.ss_sp = low;
	context.uc_stack.ss_size = SIZE;
	context.uc_link = &back;
	coroutine_create = create;
	makecontext(&context, create_and_join, 0);
	swapcontext(&back, &context);
	return (long)(SIZE - intact(low, SIZE));
}
#endif

int main(void)
{
	create_function *libc = create_of_libc();

	if (libc == NULL) {
		puts("libc's own pthread_create is not to be found");
		return 77;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		compare(kinds[i].name, depth_of(&kinds[i], libc), depth_of(&kinds[i], pthread_create));
#ifdef __GLIBC__
	coroutine_depth(libc); /* the first call binds names, on this stack */
	coroutine_depth(pthread_create);
	compare("a coroutine", coroutine_depth(libc), coroutine_depth(pthread_create));
#else
	puts("a coroutine: ok");
#endif
	return 0;
}
