/* SPDX-License-Identifier: MIT */
/* A fake of Linux's memory management, for tests of what uses struct vm_ops (preload/vm.h).
 *
 * The memory is an array of pages. fake_ops is the seam that the library calls; the fake_* calls
 *are the program's own, on the same memory, and of other processes and of the machine.
 *check_fakekernel.c holds it against the kernel that it runs on. Results are those of system calls:
 *an address or 0, or -errno. Not thread-safe: a second thread is a function that before_call calls.
 *
 *	fake_reset();
 *	fake.limits[RLIMIT_MEMLOCK].soft = 8 * FAKE_PAGE;
 *	vm = &fake_ops;
 */
#ifndef RAMLOCK_FAKEKERNEL_H
#define RAMLOCK_FAKEKERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sys.h"
#include "preload/vm.h"

#define FAKE_PAGE  ((uintptr_t)4096)
#define FAKE_PAGES 1024U
#define FAKE_BASE  ((uintptr_t)0x10000000)
#define FAKE_FILES 64U /* the first FAKE_NAMED have names, the others are shared anonymous maps */
#define FAKE_NAMED 8U

#define FAKE_VERSION(major, minor) ((major)*100U + (minor))

/* What a page is mapped from. Shared or private is by the flags of mmap. */
enum fake_kind { FAKE_ANONYMOUS, FAKE_FILE, FAKE_DEVICE, FAKE_HUGETLB };

/* Where mmap puts what may lie anywhere. */
enum fake_place { FAKE_LOWEST, FAKE_HIGHEST, FAKE_RANDOM };

/* The calls of the seam. */
enum fake_call {
	FAKE_MAP,
	FAKE_UNMAP,
	FAKE_REMAP,
	FAKE_PROTECT,
	FAKE_LOCK,
	FAKE_UNLOCK,
	FAKE_LOCK_ALL,
	FAKE_UNLOCK_ALL,
	FAKE_ADVISE,
	FAKE_LOOK,
	FAKE_LIMIT,
	FAKE_SET_LIMIT,
	FAKE_IS_CAPABLE,
	FAKE_CALLS
};

struct fake_page {
	bool mapped, shared, noreserve, growsdown;
	uint8_t kind; /* enum fake_kind */
	uint8_t prot;
	bool locked, on_fault; /* VM_LOCKED, VM_LOCKONFAULT */
	bool resident;         /* the page table has it */
	bool copied; /* a private page of its own, no longer the file's or the zero page */
	bool guard;  /* MADV_GUARD_INSTALL */
	uint32_t file, offset; /* of what is shared or of a file; the offset in pages */
	uint64_t stamp;        /* what its last write left, where it is copied */
};

/* Makes calls of one kind fail: from the first-th on, as often as times says. */
struct fake_failure {
	unsigned first, times; /* first is counted from 1 */
	int error;             /* as errno */
};

struct fake {
	/* Knobs. */
	unsigned version; /* FAKE_VERSION */
	bool capable;     /* CAP_IPC_LOCK */
	bool may_raise;   /* CAP_SYS_RESOURCE: a hard limit, too */
	struct sys_rlimit limits[RLIM_NLIMITS];
	size_t max_map_count;
	unsigned stack_gap; /* pages that a stack keeps from what lies below and can be accessed */
	size_t memory;      /* pages of the machine: more of them resident set oom */
	enum fake_place place;
	unsigned seed;  /* of FAKE_RANDOM */
	uintptr_t base; /* of the first page */
	/* The rest of the process, which has no pages here: how many pages are mapped, and how many
	 * of them mlockall can lock. */
	uint64_t other_total, other_lockable;
	uintptr_t heap, brk;
	unsigned file_pages[FAKE_FILES]; /* how long they are: a touch behind the end is SIGBUS */
	struct fake_failure fail[FAKE_CALLS];
	/* Called before each call of the seam; it may make the program's calls. */
	void (*before_call)(enum fake_call call, uintptr_t at, size_t size);

	/* Findings. */
	bool oom,
		segv; /* the OOM killer came; a touch or a grown stack ended in SIGSEGV or SIGBUS */
	unsigned calls[FAKE_CALLS]; /* of the seam */

	/* Inside. */
	struct fake_page pages[FAKE_PAGES];
	uint64_t files[FAKE_FILES][FAKE_PAGES]; /* stamps of what they hold */
	uint64_t stamp;
	uint64_t locked_vm, other_locked; /* pages; other_locked is a part of locked_vm */
	bool future, future_on_fault;     /* def_flags */
};

extern struct fake fake;
extern const struct vm_ops fake_ops;

/* Nothing is mapped, nothing is limited, the newest kernel, not capable. */
void fake_reset(void);

/* The address of a page, and the page of an address. */
uintptr_t fake_at(unsigned page);
unsigned fake_number(uintptr_t at);

/* The program's calls. file and offset (in pages) are of kinds FAKE_FILE and FAKE_DEVICE. */
intptr_t fake_mmap(uintptr_t at, size_t size, int prot, int flags, enum fake_kind kind);
intptr_t fake_mmap_file(uintptr_t at, size_t size, int prot, int flags, enum fake_kind kind,
			unsigned file, unsigned offset);
int fake_munmap(uintptr_t at, size_t size);
int fake_mprotect(uintptr_t at, size_t size, int prot);
intptr_t fake_mremap(uintptr_t from, size_t old_size, size_t new_size, int flags, uintptr_t to);
int fake_mlock(uintptr_t at, size_t size);
int fake_mlock2(uintptr_t at, size_t size, int flags);
int fake_munlock(uintptr_t at, size_t size);
int fake_mlockall(int flags);
int fake_munlockall(void);
int fake_madvise(uintptr_t at, size_t size, int advice);
int fake_setrlimit(int what, const struct sys_rlimit *to);
int fake_msync(uintptr_t at, size_t size, int flags);
int fake_brk(uintptr_t to); /* 0 or -ENOMEM; fake.brk is the new one */

/* The process becomes its own child. */
void fake_fork_child(void);

/* Reads or writes a page: what it holds, a new stamp after a write; 0 with fake.segv set where the
 * program would be killed. A page below a stack grows it. */
uint64_t fake_touch(unsigned page, bool write);

/* What a page holds, without a touch; 0 where nothing was written. */
uint64_t fake_contents(unsigned page);

/* Findings about pages. */
bool fake_is_mapped(unsigned page);
bool fake_is_locked(unsigned page);
bool fake_is_on_fault(unsigned page);
bool fake_is_resident(unsigned page);
uint64_t fake_locked_bytes(void);
size_t fake_resident_pages(void);
size_t fake_map_count(void);

/* The VMA of a page: its first page, and the first behind it. The page is mapped. */
struct fake_vma {
	unsigned start, end;
};
struct fake_vma fake_vma(unsigned page);

#endif
