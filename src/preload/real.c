/* SPDX-License-Identifier: MIT */
/* Binds the functions that our wrappers stand before. */
#include "config.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>

#include "common/message.h"
#include "preload/real.h"

struct real real_table;
bool real_bound;

void *real_find(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

void *real_first(const char *name)
{
	return dlsym(RTLD_DEFAULT, name);
}

#ifdef __GLIBC__ /* others' dlsym finds definitions alone */
static bool is_definition(const void *function)
{
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	return dladdr1(function, &info, (void **)&symbol, RTLD_DL_SYMENT) == 0 || symbol == NULL ||
	       symbol->st_shndx != SHN_UNDEF;
}
#else
static bool is_definition(const void *function)
{
	(void)function;
	return true;
}
#endif

bool real_is_first(const char *name, const void *ours)
{
	const void *first = real_first(name);

	return first == ours || first == NULL || !is_definition(first);
}

/* A libc without these is none that the library was built for. */
static void *find_required(const char *name)
{
	void *function = real_find(name);
	struct message m;

	if (function == NULL) {
		message_error(&m);
		text_add(&m.text, "dlsym: %s: not found behind libramlock.so", name);
		message_send(&m);
		abort();
	}
	return function;
}

/* Writes each pointer through the type that it has. */
#define BIND_SYMBOL(find, name, symbol)                                                            \
	do {                                                                                       \
		union {                                                                            \
			void *object;                                                              \
			__typeof__(real_table.name) function;                                      \
		} bound = {find(symbol)};                                                          \
		real_table.name = bound.function;                                                  \
	} while (0)
#define BIND(find, name) BIND_SYMBOL(find, name, #name)

void real_bind(void)
{
	BIND(find_required, _exit);
	BIND(real_find, _Fork);
	BIND(find_required, clone);
	BIND(find_required, syscall);
	BIND(find_required, prctl);
	BIND(find_required, mlock);
	BIND(real_find, mlock2);
	BIND(find_required, munlock);
	BIND(find_required, mlockall);
	BIND(find_required, munlockall);
	BIND_SYMBOL(find_required, mmap, REAL_MMAP);
	BIND(find_required, munmap);
	BIND(find_required, mremap);
	BIND(find_required, remap_file_pages);
	BIND(find_required, mprotect);
	BIND(real_find, pkey_mprotect);
	BIND(find_required, brk);
	BIND(find_required, sbrk);
	BIND(find_required, shmat);
	BIND(find_required, shmdt);
	BIND(find_required, madvise);
	BIND(real_find, process_madvise);
	BIND(find_required, msync);
	BIND(find_required, pthread_create);
	BIND(real_find, thrd_create);
	__atomic_store_n(&real_bound, true, __ATOMIC_RELEASE);
}
