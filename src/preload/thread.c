/* SPDX-License-Identifier: MIT */
/* Plans what a new thread gets ahead of use, and makes it resident in that thread. */
#include "config.h"

#include <errno.h>
#include <sys/mman.h>

#include "common/maps.h"
#include "common/size.h"
#include "common/stats.h"
#include "common/sys.h"
#include "preload/budget.h"
#include "preload/level.h"
#include "preload/populate.h"
#include "preload/preload.h"
#include "preload/real.h"
#include "preload/reserve.h"
#include "preload/shortage.h"
#include "preload/thread.h"

#define PLANS 64
#define DESCRIPTOR_MOST (128u << 10) /* from the first frame up to libc's descriptor: static TLS */
#define STACK_MARK ((uintptr_t)0x72616d6c)
#define HEAP_BLOCK (64u << 10)	     /* below every M_MMAP_THRESHOLD that is set here */
/* glibc's: where a thread's heap has a second piece, free gives that back whatever M_TRIM_THRESHOLD is. */
#define HEAP_MOST ((uint64_t)(sizeof(void *) < 8 ? 1 : 64) << 20)

/* Plans in use are bits; chunks are added when all are, and never freed. */
struct chunk {
	uint64_t used;
	struct chunk *next;
	struct thread_plan plans[PLANS];
};

static struct chunk first;

static uintptr_t forks; /* of this process and those that it comes from */

/* libc's malloc, where there is a THREAD_HEAP and libc's serves. */
static struct {
	void *(*allocate)(size_t);
	void (*release)(void *);
	size_t size; /* 0 where there is none */
} heap;

static void count_fork(void)
{
	__atomic_fetch_add(&forks, 1, __ATOMIC_RELAXED);
}

void thread_start(void)
{
	pthread_atfork(NULL, count_fork, count_fork);
	if (preload_options.thread_heap == 0)
		return;
	if (!reserve_is_malloc_of_libc()) {
		if (options_given(&preload_options, OPTION_INDEX_THREAD_HEAP))
			budget_tell_cut("RAMLOCK_THREAD_HEAP", preload_options.thread_heap, 0,
				       "another malloc than libc's is in use; use its own settings");
		return;
	}
	heap.size = (size_t)preload_options.thread_heap;
	if (preload_options.thread_heap > HEAP_MOST) {
		heap.size = HEAP_MOST;
		budget_tell_cut("RAMLOCK_THREAD_HEAP", preload_options.thread_heap, HEAP_MOST,
			       "a thread's heap of glibc holds no more; lower it");
	}
	heap.allocate = REAL_FUNCTION(void *(*function)(size_t), "malloc");
	heap.release = REAL_FUNCTION(void (*function)(void *), "free");
	reserve_keep_heaps();
}

static struct chunk *chunk_add(struct chunk *last)
{
	struct chunk *next = NULL, *chunk;
	intptr_t at = sys_mmap(0, sizeof(*chunk), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (sys_is_error(at))
		return NULL;
	chunk = (struct chunk *)at;
	if (__atomic_compare_exchange_n(&last->next, &next, chunk, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return chunk;
	sys_munmap((uintptr_t)at, sizeof(*chunk)); /* another thread was faster */
	return next;
}

static struct thread_plan *plan_take(void)
{
	struct chunk *chunk = &first;

	while (chunk) {
		uint64_t used = __atomic_load_n(&chunk->used, __ATOMIC_ACQUIRE);
		struct chunk *next;

		while (~used) {
			const int slot = __builtin_ctzll(~used);

			if (__atomic_compare_exchange_n(&chunk->used, &used, used | 1ull << slot, false,
							__ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
				return &chunk->plans[slot];
		}
		next = __atomic_load_n(&chunk->next, __ATOMIC_ACQUIRE);
		chunk = next ? next : chunk_add(chunk);
	}
	return NULL;
}

static void plan_drop(struct thread_plan *plan, char holders)
{
	struct chunk *chunk = &first;

	if (__atomic_sub_fetch(&plan->holders, holders, __ATOMIC_ACQ_REL) > 0)
		return;
	while (plan < chunk->plans || plan >= chunk->plans + PLANS)
		chunk = __atomic_load_n(&chunk->next, __ATOMIC_ACQUIRE);
	__atomic_fetch_and(&chunk->used, ~(1ull << (plan - chunk->plans)), __ATOMIC_RELEASE);
}

void thread_plan_end(struct thread_plan *plan, bool created)
{
	plan_drop(plan, created ? 1 : 2);
}

static bool is_meant(void)
{
	return preload_active && level_now() != LEVEL_NONE && preload_options.lock != LOCK_CURRENT;
}

/* What the attributes say of the stack; the guard is a part of it, or lies below it, by version. */
static void read_stack(const pthread_attr_t *attributes, struct thread_plan *plan)
{
	size_t guard = 0, size = 0;
	void *lowest = NULL;

	pthread_attr_getguardsize(attributes, &guard);
	plan->lowest = 0;
	if (pthread_attr_getstack(attributes, &lowest, &size) == 0 && (uintptr_t)lowest + size != 0) {
		plan->lowest = (uintptr_t)lowest; /* without a guard */
		plan->stack_size = size;
		return;
	}
	pthread_attr_getstacksize(attributes, &size);
	plan->stack_size = size > guard ? size - guard : 0;
}

static void plan_stack(const pthread_attr_t *attributes, struct thread_plan *plan)
{
	pthread_attr_t defaults;

	plan->stack_size = plan->lowest = 0;
	if (attributes) {
		read_stack(attributes, plan);
	} else if (pthread_getattr_default_np(&defaults) == 0) {
		read_stack(&defaults, plan);
		pthread_attr_destroy(&defaults);
	}
}

size_t thread_stack_size(const pthread_attr_t *attributes)
{
	struct thread_plan plan;

	plan_stack(attributes, &plan);
	return plan.stack_size;
}

struct thread_plan *thread_plan_make(const pthread_attr_t *attributes)
{
	struct thread_plan *plan;
	const size_t stack = (size_t)preload_options.thread_stack;
	const size_t size = heap.size;

	if (!is_meant() || stack + size == 0 ||
	    !budget_fits(stack + size))
		return NULL;
	plan = plan_take();
	if (plan == NULL)
		return NULL;
	plan_stack(attributes, plan);
	plan->resident = stack;
	plan->heap = size;
	plan->holders = 2;
	return plan;
}

/* The thread's descriptor, above the first frame on every stack that libc lays out. */
static uintptr_t descriptor(void)
{
	return (uintptr_t)pthread_self();
}

/* From where the reserve counts: what the thread begins with is part of it. */
static uintptr_t stack_top(uintptr_t frame)
{
	const uintptr_t top = size_page_up(descriptor() + 1);

	return top - frame <= 2 * size_page() ? top : size_page_up(frame);
}

/* At or below the lowest address of the stack. */
static uintptr_t stack_bound(const struct thread_plan *plan)
{
	if (plan->lowest)
		return size_page_up(plan->lowest);
	return size_page_up(descriptor()) - size_page_down(plan->stack_size);
}

#if defined(__x86_64__) || defined(__i386__) || defined(__s390__)
/* From where addresses are certainly inside a stack of libc's. Here the descriptor is the last thing
 * on the stack but for its own size, less than a page (glibc, musl), and what a TLS variable of large
 * alignment leaves free: a stack that has to hold that is not a quarter of it. */
static uintptr_t libc_stack_inside(const struct thread_plan *plan)
{
	if (plan->lowest)
		return UINTPTR_MAX;
	return stack_bound(plan) + 2 * size_page() + size_page_up(plan->stack_size / 4);
}
#else
/* Static TLS of unknown size lies above the descriptor. */
static uintptr_t libc_stack_inside(const struct thread_plan *plan)
{
	(void)plan;
	return UINTPTR_MAX;
}
#endif

/* Before Linux 5.14 a lock populates, and the lock is on fault again afterwards. */
static int populate_page(uintptr_t at)
{
	const size_t page = size_page();
	int error = sys_madvise(at, page, MADV_POPULATE_WRITE);

	if (error != -EINVAL)
		return error;
	error = sys_mlock(at, page, 0);
	sys_mlock(at, page, MLOCK_ONFAULT);
	return error;
}

/* Of any stack: the kernel changes no byte, and refuses what is not there or not to be written, such
 * as a guard page. Returns down to where it is resident. */
static uintptr_t populate_down(uintptr_t start, uintptr_t end)
{
	const size_t page = size_page();

	if (start == end || sys_madvise(start, end - start, MADV_POPULATE_WRITE) == 0)
		return start;
	while (end > start && populate_page(end - page) == 0)
		end -= page;
	return end;
}

/* Of libc's, certainly so from inside up: it gives a stack that is resident already to thread after
 * thread, and a system call for each would be a tenth of what a short thread costs. So a word below
 * all frames says that the stack has been populated since the last fork, which takes the right to
 * write from all pages. It goes with the pages when the stack is unmapped, and the touch does not rely
 * on it, as pages may have been taken away. */
static void touch_down(uintptr_t start, uintptr_t inside, uintptr_t end)
{
	const uintptr_t mark = STACK_MARK ^ inside ^ __atomic_load_n(&forks, __ATOMIC_RELAXED);
	volatile uintptr_t *const at = (uintptr_t *)inside;

	if (*at != mark) {
		if (sys_madvise(start, end - start, MADV_POPULATE_WRITE) != 0)
			populate_down(start, inside);
		*at = mark;
	}
	populate_touch(inside, end);
}

/* At level ranges: with the descriptor, where that is near. */
static void stack_lock(uintptr_t start, uintptr_t frame)
{
	uintptr_t end = size_page_up(frame);

	if (descriptor() - frame < DESCRIPTOR_MOST)
		end = size_page_up(descriptor() + 1);
	if (level_lock(start, end, MAPS_THREAD_STACK, (uint32_t)SYS_CALL(SYS_gettid)) != 0) {
		stats_add(STAT_locks_refused, 1);
		shortage_tell(map_class_names[MAPS_THREAD_STACK]);
	}
}

/* In the thread's own arena: blocks that are written to and freed, so that they are its top. */
static void heap_resident(size_t size)
{
	void *last = NULL;

	for (size_t done = 0; done < size; done += HEAP_BLOCK) {
		void **block = heap.allocate(HEAP_BLOCK);

		if (block == NULL)
			break;
		for (size_t at = size_page(); at < HEAP_BLOCK; at += size_page())
			((volatile char *)block)[at] = 0;
		*block = last;
		last = block;
	}
	while (last) {
		void *next = *(void **)last;

		heap.release(last);
		last = next;
	}
}

void thread_begin(struct thread_plan *plan)
{
	const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	const uintptr_t end = size_page_down(frame), bound = stack_bound(plan);
	const size_t above = stack_top(frame) - end, size = size_page_up(plan->resident);
	uintptr_t inside = libc_stack_inside(plan);
	uintptr_t start = end - (size > above ? size - above : 0);

	if (start < bound || start > end)
		start = bound < end ? bound : end;
	if (level_now() == LEVEL_RANGES && plan->resident)
		stack_lock(start, frame);
	if (inside < start)
		inside = start;
	if (inside < end)
		touch_down(start, inside, end);
	else
		start = populate_down(start, end);
	if (plan->heap)
		heap_resident(plan->heap);
	stats_add(STAT_thread_stacks, 1);
	stats_add(STAT_thread_resident, end - start + plan->heap);
	plan_drop(plan, 1);
}
