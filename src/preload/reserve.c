/* SPDX-License-Identifier: MIT */
/* Extends the main stack and the main heap to what the settings reserve. */
#include "config.h"

#include <alloca.h>
#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#ifdef HAVE_MALLOPT
#include <malloc.h>
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "common/message.h"
#include "common/stats.h"
#include "common/sys.h"
#include "preload/budget.h"
#include "preload/preload.h"
#include "preload/real.h"
#include "preload/reserve.h"

#define STACK_MARGIN (64u << 10) /* of RLIMIT_STACK, left for what runs below the reserve */
#define HEAP_PAD (256 << 10)	 /* the heap grows by this more than is asked for */
#define PAD_SHARE 16		 /* of a heap that grew large, it grows by one such share */
#define HEAP_PAD_MAX (64 << 20)
#define HEAP_BLOCK_MOST (32 << 20) /* glibc's own ceiling for M_MMAP_THRESHOLD */
#define HEAP_BLOCK_LEAST (128 << 10) /* and its default */

/* The kernel lets the stack grow only near the stack pointer (before 4.20), so this moves it. */
__attribute__((noinline)) static void touch_below(size_t size)
{
	volatile char *low = alloca(size);

	*low = 0;
}

/* What RLIMIT_STACK leaves below the caller; the program's name lies at the top (getauxval(3)). */
static uint64_t stack_left(uintptr_t here)
{
	const uintptr_t top = size_page_up(getauxval(AT_EXECFN));
	struct sys_rlimit limit;
	uint64_t used = top > here ? top - here : 0;

	if (sys_prlimit(0, RLIMIT_STACK, NULL, &limit) != 0 || limit.soft == SYS_RLIM_INFINITY)
		return UINT64_MAX;
	return limit.soft > used + STACK_MARGIN ? limit.soft - used - STACK_MARGIN : 0;
}

uintptr_t reserve_stack(void)
{
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uint64_t size = budget_reserve("RAMLOCK_STACK", preload_options.stack);
	uint64_t left = stack_left(here);

	if (size > left) {
		size = size_page_down((uintptr_t)left);
		budget_tell_cut("RAMLOCK_STACK", preload_options.stack, size,
			 "RLIMIT_STACK; raise ulimit -s or lower RAMLOCK_STACK");
	}
	stats_set(STAT_stack_reserve, size);
	/* A page below the reserve stays unlocked at level ranges: a locked one would have each
	 * growth of the stack compared with RLIMIT_MEMLOCK, and end in SIGSEGV above it. */
	touch_below(size + 2 * size_page());
	return size_page_down(here - size);
}

#ifdef HAVE_MALLOPT

/* The loaded file that holds an address. */
struct holder {
	uintptr_t address;
	const char *name;
	bool found;
};

static int find_holder(struct dl_phdr_info *info, size_t size, void *context)
{
	struct holder *holder = context;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD &&
		    holder->address - info->dlpi_addr - segment->p_vaddr < segment->p_memsz) {
			holder->name = info->dlpi_name;
			holder->found = true;
			return 1;
		}
	}
	return 0;
}

/* Not by dladdr: that looks through every symbol of libc, 80 us. */
static const char *holder_of(const void *address)
{
	struct holder holder = {.address = (uintptr_t)address};

	dl_iterate_phdr(find_holder, &holder);
	return holder.found ? holder.name : "?";
}

/* Whether a program brings a malloc of its own: the symbol is defined in it (which has no name
 * there), and no mere address of a linkage table, as a program at a fixed address has. */
static bool is_defined_by_program(void)
{
	const void *function = dlsym(RTLD_DEFAULT, "malloc");
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	return *holder_of(function) == '\0' &&
	       dladdr1(function, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol &&
	       symbol->st_shndx != SHN_UNDEF;
}

static int find_valgrind(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	return strstr(info->dlpi_name, "/vgpreload_") && !strstr(info->dlpi_name, "/vgpreload_core");
}

/* Valgrind's tools put their own malloc in the place of libc's as they translate its code; the symbols stay
 * libc's. Taken for libc's, its blocks would be read where libc has their headers. */
static bool is_replaced_by_valgrind(void)
{
	return dl_iterate_phdr(find_valgrind, NULL) != 0;
}

/* Looked up once: dlsym takes more stack than a wrapper may. */
bool reserve_is_malloc_of_libc(void)
{
	static int known = -1;

	if (known < 0)
		known = !is_defined_by_program() && !is_replaced_by_valgrind() &&
			strcmp(holder_of(real_find("malloc")), holder_of(real_find("gnu_get_libc_version"))) == 0;
	return known;
}

/* What the user sets libc's malloc to: by MALLOC_name_, or GLIBC_TUNABLES, where the last one counts. */
static bool user_sets(const char *name, const char *tunable, int *value)
{
	const char *given = secure_getenv(name), *list = secure_getenv("GLIBC_TUNABLES"), *at;
	const size_t length = strlen(tunable);
	unsigned long number;

	for (at = list ? strstr(list, tunable) : NULL; at; at = strstr(at + 1, tunable))
		if ((at == list || at[-1] == ':') && at[length] == '=')
			given = at + length + 1;
	if (given == NULL || *given < '0' || *given > '9')
		return false;
	number = strtoul(given, NULL, 0);
	*value = number < INT_MAX ? (int)number : INT_MAX;
	return true;
}

static int trim_threshold(void)
{
	int value;

	return user_sets("MALLOC_TRIM_THRESHOLD_", "glibc.malloc.trim_threshold", &value) ? value : -1;
}

void reserve_keep_heaps(void)
{
	int (*set)(int, int) = REAL_FUNCTION(int (*function)(int, int), "mallopt");

	set(M_TRIM_THRESHOLD, trim_threshold());
}

/* Parameters while the program runs: the user's, where there are some, and else ours. */
static bool pad_is_ours; /* neither the user nor the program has set it */

static void set_parameters(int (*set)(int, int), uint64_t large)
{
	int mmap_max = 65536, pad = HEAP_PAD, threshold; /* the first is libc's default */

	if (large == OPTION_OFF || large > HEAP_BLOCK_MOST)
		large = HEAP_BLOCK_MOST;
	threshold = large < HEAP_BLOCK_LEAST ? HEAP_BLOCK_LEAST : (int)large;
	user_sets("MALLOC_MMAP_THRESHOLD_", "glibc.malloc.mmap_threshold", &threshold);
	user_sets("MALLOC_MMAP_MAX_", "glibc.malloc.mmap_max", &mmap_max);
	pad_is_ours = !user_sets("MALLOC_TOP_PAD_", "glibc.malloc.top_pad", &pad);
	set(M_MMAP_THRESHOLD, threshold);
	set(M_MMAP_MAX, mmap_max);
	set(M_TOP_PAD, pad);
	set(M_TRIM_THRESHOLD, trim_threshold());
}

void reserve_heap_grown(uint64_t size)
{
	static int pad = HEAP_PAD;
	int wanted = pad;

	while ((uint64_t)wanted * PAD_SHARE < size && wanted < HEAP_PAD_MAX)
		wanted *= 2;
	if (!pad_is_ours || __atomic_exchange_n(&pad, wanted, __ATOMIC_RELAXED) == wanted)
		return;
	REAL_FUNCTION(int (*function)(int, int), "mallopt")(M_TOP_PAD, wanted);
}

void reserve_pad_set(void)
{
	pad_is_ours = false;
}

/* Nobody asked for the reserve of the default, and each Erlang trims its heap. */
static bool is_heap_wished(void)
{
	return options_given(&preload_options, OPTION_INDEX_HEAP) || preload_options.profile != PROFILE_SERVICE;
}

void reserve_tell_trimmed(bool by_program)
{
	const uint64_t size = stats_get(STAT_heap_reserve);
	struct message m;

	if (size == 0 || !is_heap_wished() || preload_options.on_error == ERROR_QUIET ||
	    !message_claim(MESSAGE_TRIM))
		return;
	message_warn(&m);
	text_add(&m.text, "RAMLOCK_HEAP: libc may give the reserve of ");
	text_size(&m.text, size);
	if (by_program)
		text_add(&m.text, " back: mallopt sets M_TRIM_THRESHOLD; take that away or set RAMLOCK_HEAP=0");
	else
		text_add(&m.text, " back: the environment sets M_TRIM_THRESHOLD; take that away or set RAMLOCK_HEAP=0");
	message_tell(&m, MESSAGE_TRIM);
}

/* A free block at the top of the heap, which nothing trims. The calls below turn off glibc's
 * dynamic threshold, so that one is set: blocks that the arena does not take stay in the heap. */
void reserve_heap(void)
{
	int (*set)(int, int) = REAL_FUNCTION(int (*function)(int, int), "mallopt");
	void *(*allocate)(size_t) = REAL_FUNCTION(void *(*function)(size_t), "malloc");
	void (*release)(void *) = REAL_FUNCTION(void (*function)(void *), "free");
	uint64_t size;
	void *block;

	if (preload_options.heap == 0)
		return;
	if (!reserve_is_malloc_of_libc()) {
		if (options_given(&preload_options, OPTION_INDEX_HEAP))
			budget_tell_cut("RAMLOCK_HEAP", preload_options.heap, 0,
				 "another malloc than libc's is in use; use its own settings");
		return;
	}
	size = budget_reserve("RAMLOCK_HEAP", preload_options.heap);
	set(M_TRIM_THRESHOLD, -1);
	set(M_MMAP_MAX, 0);
	set(M_TOP_PAD, 0); /* no more than was declared */
	block = allocate(size);
	release(block);
	set_parameters(set, preload_options.large);
	if (block == NULL) {
		budget_tell_cut("RAMLOCK_HEAP", preload_options.heap, 0,
			 "RLIMIT_DATA or RLIMIT_AS; raise it or lower RAMLOCK_HEAP");
		return;
	}
	stats_set(STAT_heap_reserve, size);
	if (trim_threshold() >= 0 && trim_threshold() < INT_MAX)
		reserve_tell_trimmed(false);
}

#else

void reserve_heap_grown(uint64_t size)
{
	(void)size;
}

bool reserve_is_malloc_of_libc(void)
{
	return false;
}

void reserve_keep_heaps(void)
{
}

void reserve_heap(void)
{
	if (preload_options.heap && options_given(&preload_options, OPTION_INDEX_HEAP))
		budget_tell_cut("RAMLOCK_HEAP", preload_options.heap, 0,
				"this libc's malloc keeps no reserve; use RAMLOCK_LARGE and RAMLOCK_LARGE_RESERVE");
}

#endif
