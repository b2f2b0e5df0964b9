/* SPDX-License-Identifier: MIT */
/* Takes what libc maps by itself into the policy. */
#include "config.h"

#include <errno.h>
#include <link.h>
#include <sys/auxv.h>

#include "common/size.h"
#include "preload/growth.h"
#include "preload/level.h"
#include "preload/next.h"
#include "preload/own.h"
#include "preload/process.h"
#include "preload/real.h"
#include "preload/reserve.h"
#include "preload/startup.h"
#include "preload/vm.h"

/* glibc's malloc: each arena but the first lies in heaps of this size and alignment, and a block has
 * these bits before it (malloc/arena.c, malloc/malloc.c of glibc 2.36). */
#define ARENA_HEAP ((uintptr_t)(sizeof(void *) < 8 ? 1 : 64) << 20)
#define ARENA_STEP ((uintptr_t)256 << 10)
#define CHUNK_MAPPED 2u
#define CHUNK_OF_ARENA 4u

__thread struct growth_window growth_window;

static __thread bool loading; /* this thread called dlopen, and has not been seen outside of ld.so since */

static bool watching;
static bool malloc_is_glibc;
static uintptr_t heap_start;	 /* where it ended as the watching began */
static uintptr_t heap_end;	 /* the highest end that was seen */
static unsigned long seen;	 /* calls of growth_seen that found something new */
static unsigned long long loads; /* libraries that were ever loaded or unloaded, at the last look */

/* Elsewhere the kernel's flags do all that is wanted; a forked child is not eager. */
static bool is_watched(void)
{
	return preload_options.lock != LOCK_CURRENT &&
	       (level_now() == LEVEL_RANGES || (level_now() == LEVEL_FUTURE && level_state.resident));
}

static int read_loads(struct dl_phdr_info *info, size_t size, void *to)
{
	(void)size;
	*(unsigned long long *)to = info->dlpi_adds + info->dlpi_subs;
	return 1;
}

/* Whether libraries came or went since the last look. */
static bool is_changed(void)
{
	unsigned long long now = 0;

	dl_iterate_phdr(read_loads, &now);
	return __atomic_exchange_n(&loads, now, __ATOMIC_RELAXED) != now;
}

static bool is_of_loader(const void *caller)
{
	static uintptr_t start, end;

	if (start == 0) {
		const ElfW(Ehdr) *loader = (const ElfW(Ehdr) *)getauxval(AT_BASE);
		const ElfW(Phdr) *segment = (const ElfW(Phdr) *)((uintptr_t)loader + (loader ? loader->e_phoff : 0));
		uintptr_t top = 0;

		for (int i = 0; loader && i < loader->e_phnum; i++)
			if (segment[i].p_type == PT_LOAD)
				top = segment[i].p_vaddr + segment[i].p_memsz;
		end = (uintptr_t)loader + top;
		start = loader ? (uintptr_t)loader : 1;
	}
	return (uintptr_t)caller - start < end - start;
}

/* The memory of a block of the main heap, from where it was last known to end. */
static struct ledger_range in_heap(struct ledger_range block)
{
	const uintptr_t end = size_page_up((uintptr_t)real_get()->sbrk(0));
	const uintptr_t known = __atomic_exchange_n(&heap_end, end, __ATOMIC_RELAXED);

	if (block.start >= end)
		return block; /* the heap could not grow, and libc maps what it needs elsewhere */
	if (known < block.start)
		block.start = known;
	block.end = end;
	reserve_heap_grown(end - heap_start);
	return block;
}

/* From the first page of an arena's heap that is new. libc opens its addresses page by page: a step more
 * than that is locked, on fault, so that the heap stays one mapping and not every page comes here. */
static struct ledger_range in_arena(struct ledger_range block)
{
	const uintptr_t base = block.start & ~(ARENA_HEAP - 1), used = block.end - base;
	const uintptr_t step = used / 8 > ARENA_STEP ? used / 8 & ~(ARENA_STEP - 1) : ARENA_STEP;
	const uintptr_t end = base + ((used + step - 1) / step * step);
	struct ledger_range known;

	if (!level_find(base, &known) && vm->look(base, block.end - base) == 0)
		block.start = base;
	if (level_now() == LEVEL_RANGES && end <= base + ARENA_HEAP &&
	    level_has_room(end - block.start, MAPS_HEAP) && vm->look(block.start, end - block.start) == 0)
		block.end = end;
	return block;
}

/* What of a block's memory is new, up to the end of what it is a part of. */
static struct ledger_range new_part(const void *at, struct ledger_range block)
{
	const uintptr_t known = growth_window.start + growth_window.size;

	if (((const size_t *)at)[-1] & CHUNK_OF_ARENA) {
		block = in_arena(block);
		if (growth_window.size && block.start >= growth_window.start && block.start < known)
			block.start = known;
	} else {
		block = in_heap(block);
	}
	return block;
}

static void window_set(uintptr_t at)
{
	struct ledger_range known;

	if (!level_find(at, &known))
		return;
	growth_window.start = known.start;
	growth_window.size = known.end - known.start;
}

static void take_in(const void *at, struct ledger_range block)
{
	const bool apart = !malloc_is_glibc || ((const size_t *)at)[-1] & CHUNK_MAPPED;

	if (apart)
		level_forget(block.start, block.end - block.start); /* libc may have unmapped what was there */
	else
		block = new_part(at, block);
	level_opened(block.start, block.end - block.start, MAPS_HEAP, POLICY_GROWN);
	if (apart)
		return;
	if (growth_window.size && block.start == growth_window.start + growth_window.size)
		growth_window.size += block.end - block.start;
	else
		window_set((uintptr_t)at);
}

/* The kernel's maps are looked through when a library came, and at every first, second, fourth, eighth …
 * growth: what that costs is soon nothing beside what the growth itself does. */
static void look_around(void)
{
	const unsigned long count = __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);

	if ((count & (count - 1)) == 0 && (is_changed() || level_now() == LEVEL_RANGES))
		startup_survey_new();
}

/* Whether this thread has grown on from what it knows: then nobody needs to be asked. */
static bool is_continued(const struct ledger_range *block)
{
	const uintptr_t end = growth_window.start + growth_window.size;

	return growth_window.size && block->start >= growth_window.start && block->start <= end && block->end > end;
}

void growth_seen(const void *at, size_t size, const void *caller)
{
	const int saved = preload_errno();
	struct ledger_range block = {.start = size_page_down((uintptr_t)at),
				     .end = size_page_up((uintptr_t)at + size)};
	struct ledger_range known;

	process_check();
	if (at == NULL || !watching || !preload_active || own_kind_at((uintptr_t)at))
		return;
	if (!is_watched()) { /* nothing more is wanted of any block */
		growth_window = (struct growth_window){0, SIZE_MAX};
		return;
	}
	if (loading) {
		loading = is_of_loader(caller) || own_is_library((uintptr_t)caller);
		if (is_changed())
			startup_survey_new();
	}
	if (is_continued(&block) || !level_find((uintptr_t)at, &known) || known.end < block.end) {
		take_in(at, block);
		look_around();
	} else {
		window_set((uintptr_t)at);
	}
	if (loading) /* each block that ld.so asks for is a look at what it has mapped since the last */
		growth_window.size = 0;
	preload_set_errno(saved);
}

void growth_start(void)
{
	static bool started;

	if (!is_watched() || __atomic_exchange_n(&started, true, __ATOMIC_ACQ_REL))
		return;
	malloc_is_glibc = reserve_is_malloc_of_libc();
	heap_start = heap_end = size_page_up((uintptr_t)real_get()->sbrk(0));
	is_changed();
	__atomic_store_n(&watching, true, __ATOMIC_RELEASE);
	next_watch();
}

/* dlopen and dlmopen: the real ones look at who called them (RUNPATH), so they must be jumped to, not
 * called. What they load is seen in the calls of malloc that ld.so makes meanwhile. */

HIDDEN void *growth_loading(const char *name);

/* The function to jump to. */
void *growth_loading(const char *name)
{
	loading = watching;
	growth_window.size = 0;
	return real_find(name);
}

#define THUNK(name) ".globl " #name "\n.type " #name ", %function\n" #name ":\n.cfi_startproc\n"
#define THUNK_END(name) ".cfi_endproc\n.size " #name ", . - " #name "\n"

#if defined(__x86_64__) && defined(__LP64__)
#define LOADING(name)                                                                              \
	__asm__(".text\n" THUNK(name)                                                              \
		"endbr64\n"                                                                        \
		"pushq %rdi\n.cfi_adjust_cfa_offset 8\n"                                           \
		"pushq %rsi\n.cfi_adjust_cfa_offset 8\n"                                           \
		"pushq %rdx\n.cfi_adjust_cfa_offset 8\n"                                           \
		"leaq 1f(%rip), %rdi\n"                                                            \
		"call growth_loading\n"                                                            \
		"popq %rdx\n.cfi_adjust_cfa_offset -8\n"                                           \
		"popq %rsi\n.cfi_adjust_cfa_offset -8\n"                                           \
		"popq %rdi\n.cfi_adjust_cfa_offset -8\n"                                           \
		"jmp *%rax\n" THUNK_END(name)                                                      \
		".section .rodata\n1: .asciz \"" #name "\"\n.text\n");
#elif defined(__aarch64__)
#define LOADING(name)                                                                              \
	__asm__(".text\n" THUNK(name)                                                              \
		"hint 34\n"                                                                        \
		"stp x0, x1, [sp, -32]!\n.cfi_adjust_cfa_offset 32\n"                              \
		"stp x2, x30, [sp, 16]\n.cfi_rel_offset x30, 24\n"                                 \
		"adrp x0, 1f\n"                                                                    \
		"add x0, x0, :lo12:1f\n"                                                           \
		"bl growth_loading\n"                                                              \
		"mov x16, x0\n"                                                                    \
		"ldp x2, x30, [sp, 16]\n.cfi_restore x30\n"                                        \
		"ldp x0, x1, [sp], 32\n.cfi_adjust_cfa_offset -32\n"                               \
		"br x16\n" THUNK_END(name)                                                         \
		".section .rodata\n1: .asciz \"" #name "\"\n.text\n");
#endif

#ifdef LOADING
LOADING(dlopen)
#ifdef __GLIBC__
LOADING(dlmopen)
#endif
#endif
