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
#define CHUNK_MAPPED 2u
#define CHUNK_OF_ARENA 4u

__thread struct growth_window growth_window;

static __thread bool loading; /* this thread called dlopen, and has not been seen outside of ld.so since */

static bool watching;
static bool malloc_is_glibc;
static uintptr_t heap_end;	 /* the highest that was seen */
static unsigned long seen;	 /* calls of growth_seen that found something new */
static unsigned long long loads; /* libraries that were ever loaded or unloaded, at the last look */

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
	return block;
}

/* Of an arena that is new, from its first page on. */
static struct ledger_range in_arena(struct ledger_range block)
{
	const uintptr_t base = block.start & ~(ARENA_HEAP - 1);
	struct ledger_range known;

	if (!level_find(base, &known) && vm->look(base, block.end - base) == 0)
		block.start = base;
	return block;
}

static void take_in(const void *at, struct ledger_range block)
{
	const size_t chunk = malloc_is_glibc ? ((const size_t *)at)[-1] : CHUNK_MAPPED;

	if (chunk & CHUNK_MAPPED)
		level_forget(block.start, block.end - block.start); /* libc may have unmapped what was there */
	else if (chunk & CHUNK_OF_ARENA)
		block = in_arena(block);
	else
		block = in_heap(block);
	level_opened(block.start, block.end - block.start, MAPS_HEAP, POLICY_GROWN);
	if (chunk & CHUNK_MAPPED || !level_find((uintptr_t)at, &block))
		return;
	growth_window.start = block.start;
	growth_window.size = block.end - block.start;
}

/* The kernel's maps are looked through when a library came, and at every first, second, fourth, eighth …
 * growth: what that costs is soon nothing beside what the growth itself does. */
static void look_around(bool grown)
{
	unsigned long count = grown ? __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED) : 3;

	if (is_changed() || (level_now() == LEVEL_RANGES && (count & (count - 1)) == 0))
		startup_survey_new();
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
	if (loading) {
		loading = is_of_loader(caller);
		look_around(false);
	}
	if (!level_find((uintptr_t)at, &known) || known.end < block.end) {
		take_in(at, block);
		look_around(true);
	} else if (!loading) {
		growth_window.start = known.start;
		growth_window.size = known.end - known.start;
	}
	preload_set_errno(saved);
}

void growth_start(void)
{
	if (level_now() != LEVEL_RANGES && !(level_now() == LEVEL_FUTURE && level_state.resident))
		return;
	if (preload_options.lock == LOCK_CURRENT)
		return;
	malloc_is_glibc = reserve_is_malloc_of_libc();
	heap_end = size_page_up((uintptr_t)real_get()->sbrk(0));
	is_changed();
	watching = true;
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
