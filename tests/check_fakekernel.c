/* SPDX-License-Identifier: MIT */
/* The fake kernel: rule by rule, and against the kernel that runs here.
 *
 * The latter takes the same random calls in a window of addresses of a child process and in the
 * fake, and compares results, what is locked, what is resident and what it holds. FAKE_SEQUENCES=N
 * in the environment takes that many sequences. */
#include "config.h"

#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "fakekernel.h"
#include "suites.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

#define RW (PROT_READ | PROT_WRITE)

/* The kernel that runs here, in a window of a child. */

#define WINDOW     24U /* pages */
#define APART      16U /* pages on each side that no call reaches */
#define FILE_PAGES 32U
#define FILES      2U
#define STEPS      50

struct real {
	uintptr_t at;
	int pagemap, status, smaps;
	int files[FILES];
	char text[1 << 18];
	/* of the window, by page */
	bool mapped[WINDOW], locked[WINDOW];
	unsigned vma_end[WINDOW], vma_start[WINDOW];
	uint64_t present[WINDOW];
	uint64_t other_lockable; /* pages */
};

static struct real real;

/* What the child tells. */
struct told {
	char text[4096];
	size_t used;
	unsigned long steps, succeeded;
};

static struct told *told;

static void __attribute__((format(printf, 1, 2))) tell(const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(told->text + told->used, sizeof(told->text) - told->used, format,
			   arguments);
	va_end(arguments);
	told->used += (size_t)length;
	if (told->used >= sizeof(told->text) - 256)
		told->used = 0; /* the last steps are what counts */
}

static uint64_t pick(uint64_t below)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 20) % below;
}

static bool drop_capability(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		return false;
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	data[0].permitted &= ~(1U << CAP_IPC_LOCK);
	data[0].inheritable &= ~(1U << CAP_IPC_LOCK);
	return syscall(SYS_capset, &header, data) == 0;
}

static bool is_capable(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	return syscall(SYS_capget, &header, data) == 0 && data[0].effective & 1U << CAP_IPC_LOCK;
}

static uint64_t real_status(const char *field)
{
	ssize_t size = pread(real.status, real.text, sizeof(real.text) - 1, 0);
	const char *found;

	if (size < 0)
		return 0;
	real.text[size] = 0;
	found = strstr(real.text, field);
	return found ? strtoull(found + strlen(field), NULL, 10) / 4 : 0;
}

/* One mapping of smaps: its line, and what its flags say. */
static void real_mapping(uintptr_t start, uintptr_t end, const char *flags)
{
	uintptr_t last = real.at + WINDOW * FAKE_PAGE;
	bool locked = strstr(flags, " lo") != NULL;
	bool special = strstr(flags, " io") || strstr(flags, " pf") || strstr(flags, " de") ||
		       strstr(flags, " mm") || strstr(flags, " ht");

	if (end <= real.at || start >= last) {
		real.other_lockable +=
			special || start > UINTPTR_MAX / 2 ? 0 : (end - start) / FAKE_PAGE;
		return;
	}
	for (unsigned i = 0; i < WINDOW; i++) {
		uintptr_t at = real.at + i * FAKE_PAGE;

		if (at < start || at >= end)
			continue;
		real.mapped[i] = true;
		real.locked[i] = locked;
		real.vma_start[i] = start < real.at ? 0 : (unsigned)((start - real.at) / FAKE_PAGE);
		real.vma_end[i] = end > last ? WINDOW : (unsigned)((end - real.at) / FAKE_PAGE);
	}
}

static void real_read(void)
{
	size_t used = 0;
	ssize_t size;
	uintptr_t start = 0, end = 0;

	while ((size = pread(real.smaps, real.text + used, sizeof(real.text) - 1 - used,
			     (off_t)used)) > 0)
		used += (size_t)size;
	real.text[used] = 0;
	real.other_lockable = 0;
	memset(real.mapped, 0, sizeof(real.mapped));
	memset(real.locked, 0, sizeof(real.locked));
	for (char *line = real.text, *next; *line; line = next) {
		char *dash;

		next = strchr(line, '\n');
		*next++ = 0;
		if (strncmp(line, "VmFlags:", 8) == 0) {
			real_mapping(start, end, line + 8);
		} else if ((dash = strchr(line, '-')) && dash < strchr(line, ' ')) {
			start = strtoull(line, NULL, 16);
			end = strtoull(dash + 1, NULL, 16);
		}
	}
}

static bool real_open(void)
{
	real.pagemap = open("/proc/self/pagemap", O_RDONLY);
	real.status = open("/proc/self/status", O_RDONLY);
	real.smaps = open("/proc/self/smaps", O_RDONLY);
	return real.pagemap >= 0 && real.status >= 0 && real.smaps >= 0;
}

static bool real_start(void)
{
	size_t size = (WINDOW + 2 * APART) * FAKE_PAGE;
	/* shared: what lies beside the window is no VMA with any of it */
	char *all = mmap(NULL, size, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED || prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
		return false;
	real.at = (uintptr_t)all + APART * FAKE_PAGE;
	munmap((char *)real.at, WINDOW * FAKE_PAGE);
	for (unsigned i = 0; i < FILES; i++)
		real.files[i] = (int)syscall(SYS_memfd_create, "file", 0);
	return real_open() && real.files[FILES - 1] >= 0;
}

/* As FAKE_VERSION, of the kernel that runs here; 0 if its pages are of another size. */
static unsigned real_version(void)
{
	unsigned major, minor;
	struct utsname name;

	if (sysconf(_SC_PAGESIZE) != (long)FAKE_PAGE || uname(&name) != 0 ||
	    sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return 0;
	return FAKE_VERSION(major, minor);
}

/* The fake becomes what the kernel is. */
static void begin_fake(bool capable)
{
	fake_reset();
	real_read();
	fake.base = real.at;
	fake.version = real_version();
	fake.capable = capable;
	fake.other_lockable = real.other_lockable;
	fake.other_total = real_status("VmSize:");
	fake.locked_vm = real_status("VmLck:"); /* what MREMAP_DONTUNMAP leaked before */
	for (unsigned i = 0; i < FILES; i++)
		fake.file_pages[i] = FILE_PAGES;
}

/* Both are as new. */
static bool begin(bool capable)
{
	sys_munlockall();
	sys_munmap(real.at, WINDOW * FAKE_PAGE);
	for (unsigned i = 0; i < FILES; i++)
		if (ftruncate(real.files[i], 0) || ftruncate(real.files[i], FILE_PAGES * FAKE_PAGE))
			return false;
	begin_fake(capable);
	return true;
}

static void set_limit(uint64_t pages)
{
	struct sys_rlimit limit;

	sys_prlimit(0, RLIMIT_MEMLOCK, NULL, &limit);
	limit.soft = pages * FAKE_PAGE < limit.hard ? pages * FAKE_PAGE : limit.hard;
	sys_prlimit(0, RLIMIT_MEMLOCK, &limit, NULL);
	fake.limits[RLIMIT_MEMLOCK] = limit;
	tell("limit %d pages\n", (int)(limit.soft / FAKE_PAGE));
}

/* Steps: the same call in both. They return whether the results are the same. */

static struct fake_vma pick_span(void)
{
	unsigned start = (unsigned)pick(WINDOW), size = 1 + (unsigned)pick(pick(3) ? 5 : WINDOW);

	return (struct fake_vma){start, start + size < WINDOW ? start + size : WINDOW};
}

static int pick_prot(void)
{
	static const int prots[] = {PROT_NONE, PROT_READ, RW, RW};

	return prots[pick(COUNT(prots))];
}

static bool same(intptr_t ours, intptr_t theirs)
{
	tell(" = %ld\n", ours < 0 ? (long)ours : 0L);
	told->steps++;
	told->succeeded += theirs >= 0;
	if (ours == theirs)
		return true;
	tell("the kernel: %ld\n", (long)theirs);
	return false;
}

static bool step_mmap(uintptr_t at, size_t size)
{
	int prot = pick_prot(), flags = MAP_FIXED | (pick(2) ? MAP_PRIVATE : MAP_SHARED);
	bool is_file = pick(3) == 0;
	unsigned file = (unsigned)pick(FILES), offset = (unsigned)pick(FILE_PAGES - 8);

	if (!is_file && flags & MAP_PRIVATE && pick(3) == 0)
		flags |= MAP_GROWSDOWN;
	flags |= pick(5) ? 0 : MAP_LOCKED;
	flags |= pick(5) ? 0 : MAP_POPULATE;
	flags |= pick(5) ? 0 : MAP_NORESERVE;
	tell("mmap(%u, %u, %d, %#x, %s %u+%u)", fake_number(at), (unsigned)(size / FAKE_PAGE), prot,
	     flags, is_file ? "file" : "anonymous", file, offset);
	if (is_file)
		return same(fake_mmap_file(at, size, prot, flags, FAKE_FILE, file, offset),
			    SYS_CALL(SYS_mmap, at, size, prot, flags, real.files[file],
				     offset * FAKE_PAGE));
	return same(fake_mmap(at, size, prot, flags, FAKE_ANONYMOUS),
		    SYS_CALL(SYS_mmap, at, size, prot, flags | MAP_ANONYMOUS, -1, 0L));
}

/* Which neighbours are one VMA the kernel decides by more than the fake knows (what was faulted in
 * before they became equal): there only where they agree. */
static bool agree(struct fake_vma s)
{
	struct fake_vma vma;

	if (!fake_is_mapped(s.start))
		return true;
	real_read();
	vma = fake_vma(s.start);
	return vma.start == real.vma_start[s.start] && vma.end == real.vma_end[s.start];
}

/* MREMAP_DONTUNMAP takes the lock of the whole VMA that the range was in, and of what has just been
 * moved where that became a part of it. */
static bool is_apart(struct fake_vma s, unsigned to)
{
	struct fake_vma vma;

	if (!fake_is_mapped(s.start))
		return true;
	vma = fake_vma(s.start);
	return s.end <= vma.end && (to + (s.end - s.start) < vma.start || to > vma.end);
}

static bool step_mremap(struct fake_vma s)
{
	static const int kinds[] = {0, 0, MREMAP_MAYMOVE | MREMAP_FIXED,
				    MREMAP_MAYMOVE | MREMAP_FIXED,
				    MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP};
	size_t old = (s.end - s.start) * FAKE_PAGE, size = (1 + pick(8)) * FAKE_PAGE;
	int flags = kinds[pick(COUNT(kinds))];
	unsigned to = (unsigned)pick(WINDOW);

	if (pick(2) && fake_is_mapped(s.start)) { /* what can grow */
		s.end = fake_vma(s.start).end < WINDOW ? fake_vma(s.start).end : WINDOW;
		old = (s.end - s.start) * FAKE_PAGE;
		size = old + (1 + pick(4)) * FAKE_PAGE;
	}
	if (flags & MREMAP_DONTUNMAP || pick(2))
		size = old;
	if (s.start + size / FAKE_PAGE > WINDOW || to + size / FAKE_PAGE > WINDOW || !agree(s) ||
	    (flags & MREMAP_DONTUNMAP && !is_apart(s, to)))
		return true;
	tell("mremap(%u, %u, %u, %d, %u)", s.start, s.end - s.start, (unsigned)(size / FAKE_PAGE),
	     flags, to);
	return same(fake_mremap(fake_at(s.start), old, size, flags, fake_at(to)),
		    SYS_CALL(SYS_mremap, fake_at(s.start), old, size, flags, fake_at(to)));
}

static bool step_madvise(uintptr_t at, size_t size)
{
	static const int advices[] = {MADV_DONTNEED,       MADV_DONTNEED,        MADV_FREE,
				      MADV_COLD,           MADV_REMOVE,          MADV_GUARD_INSTALL,
				      MADV_GUARD_REMOVE,   MADV_DONTNEED_LOCKED, MADV_POPULATE_READ,
				      MADV_POPULATE_WRITE, MADV_WILLNEED};
	int advice = advices[pick(COUNT(advices))];

	tell("madvise(%u, %u, %d)", fake_number(at), (unsigned)(size / FAKE_PAGE), advice);
	return same(fake_madvise(at, size, advice), sys_madvise(at, size, advice));
}

static bool step_lock(uintptr_t at, size_t size)
{
	int flags = pick(2) ? MLOCK_ONFAULT : 0;

	tell("mlock2(%u, %u, %d)", fake_number(at), (unsigned)(size / FAKE_PAGE), flags);
	return same(flags ? fake_mlock2(at, size, flags) : fake_mlock(at, size),
		    sys_mlock(at, size, flags));
}

static bool step_lock_all(void)
{
	int flags = (int)pick(9);

	if (pick(3) == 0) {
		tell("munlockall()");
		return same(fake_munlockall(), sys_munlockall());
	}
	tell("mlockall(%d)", flags);
	return same(fake_mlockall(flags), sys_mlockall(flags));
}

static sigjmp_buf killed;

static void on_signal(int number)
{
	(void)number;
	siglongjmp(killed, 1);
}

static bool step_touch(unsigned page, bool write)
{
	volatile uint64_t *at = (volatile uint64_t *)fake_at(page);
	uint64_t ours, theirs;

	tell("touch(%u, %d)", page, write);
	fake.segv = false;
	ours = fake_touch(page, write);
	if (sigsetjmp(killed, 1))
		return same(fake.segv ? -EFAULT : 0, -EFAULT);
	if (write)
		*at = ours;
	theirs = *at;
	return same(fake.segv ? -EFAULT : (intptr_t)ours, (intptr_t)theirs);
}

static bool step(bool capable)
{
	struct fake_vma s = pick_span();
	uintptr_t at = fake_at(s.start);
	size_t size = (s.end - s.start) * FAKE_PAGE;
	int prot = pick_prot(), flags;

	switch (pick(19)) {
	case 0:
		tell("munmap(%u, %u)", s.start, s.end - s.start);
		return same(fake_munmap(at, size), sys_munmap(at, size));
	case 1:
	case 2:
		tell("mprotect(%u, %u, %d)", s.start, s.end - s.start, prot);
		return same(fake_mprotect(at, size, prot), sys_mprotect(at, size, prot));
	case 3:
	case 4:
		return step_mremap(s);
	case 5:
	case 6:
		return step_madvise(at, size);
	case 7:
	case 8:
		return step_lock(at, size);
	case 9:
		tell("munlock(%u, %u)", s.start, s.end - s.start);
		return same(fake_munlock(at, size), sys_munlock(at, size));
	case 10:
		return step_lock_all();
	case 11:
		flags = (int)pick(8);
		tell("msync(%u, %u, %d)", s.start, s.end - s.start, flags);
		return same(fake_msync(at, size, flags), (int)SYS_CALL(SYS_msync, at, size, flags));
	case 12:
	case 13:
	case 14:
		return step_touch(s.start, pick(2));
	case 15:
		if (!capable)
			set_limit(pick(3)   ? 4 + pick(WINDOW)
				  : pick(2) ? fake.other_total + pick(WINDOW)
					    : 0);
		return true;
	default:
		return step_mmap(at, size);
	}
}

/* Of pagemap: present or swapped out, and no guard, which looks as if it were swapped out. */
static bool is_present(uint64_t entry)
{
	return entry >> 62 != 0 && !(entry >> 58 & 1);
}

/* Whether both are in one state. Around a fault in a file the kernel maps what else is there, so
 * what is resident of files may be more. */
static bool is_same_state(bool all)
{
	uint64_t locked = real_status("VmLck:");
	const struct fake_page *p;

	if (locked != fake.locked_vm) {
		tell("locked: %d pages, the kernel: %d\n", (int)fake.locked_vm, (int)locked);
		return false;
	}
	if (pread(real.pagemap, real.present, sizeof(real.present),
		  (off_t)(real.at / FAKE_PAGE * sizeof(uint64_t))) != sizeof(real.present))
		return false;
	for (unsigned i = 0; i < WINDOW; i++) {
		bool present = is_present(real.present[i]);

		p = &fake.pages[i];
		if (present == p->resident || (present && (p->shared || p->kind == FAKE_FILE)))
			continue;
		tell("page %u is %sresident for the kernel\n", i, present ? "" : "not ");
		return false;
	}
	if (all)
		real_read();
	for (unsigned i = 0; i < WINDOW && all; i++) {
		p = &fake.pages[i];
		if (real.mapped[i] == p->mapped && real.locked[i] == p->locked)
			continue;
		tell("page %u is %s, %s for the kernel\n", i,
		     real.mapped[i] ? "mapped" : "not mapped",
		     real.locked[i] ? "locked" : "not locked");
		return false;
	}
	return true;
}

/* What a child has after fork: no lock, and of the pages at least what was written; what was only
 * read it may have. */
static int run_child(void)
{
	bool before[WINDOW];

	if (!real_open())
		return 1;
	for (unsigned i = 0; i < WINDOW; i++)
		before[i] = fake_is_resident(i);
	fake_fork_child();
	if (pread(real.pagemap, real.present, sizeof(real.present),
		  (off_t)(real.at / FAKE_PAGE * sizeof(uint64_t))) != sizeof(real.present))
		return 1;
	for (unsigned i = 0; i < WINDOW; i++)
		fake.pages[i].resident |= before[i] && is_present(real.present[i]);
	return is_same_state(true) ? 0 : 1;
}

static bool is_same_child(void)
{
	int status;
	pid_t child;

	tell("fork()\n");
	child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		_exit(run_child());
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool sequence(bool capable)
{
	told->used = 0;
	if (!begin(capable))
		return false;
	set_limit(4 + pick(WINDOW));
	if (pick(2) && !step_mmap(fake_at(0), WINDOW * FAKE_PAGE)) /* the calls find few holes */
		return false;
	for (int i = 0; i < STEPS; i++)
		if (!step(capable) || !is_same_state(i % 5 == 0 || i == STEPS - 1))
			return false;
	if (pick(8) == 0 && !is_same_child())
		return false;
	for (unsigned i = 0; i < WINDOW; i++)
		if (fake_is_mapped(i) && !step_touch(i, false))
			return false;
	return true;
}

/* The heap, which grows and shrinks at one end, is a window of its own. */
static bool step_heap(unsigned *pages)
{
	unsigned to = (unsigned)pick(WINDOW);
	uintptr_t at = fake_at(to);
	int ours;

	switch (pick(5)) {
	case 0:
		return step_lock_all();
	case 1:
		return *pages == 0 || step_touch((unsigned)pick(*pages), true);
	case 2:
		return step_lock(fake_at((unsigned)pick(WINDOW)), FAKE_PAGE);
	default:
		tell("brk(%u)", to);
		ours = fake_brk(at);
		*pages = ours ? *pages : to;
		return same(ours, (uintptr_t)SYS_CALL(SYS_brk, at) == at ? 0 : -ENOMEM);
	}
}

static bool heap_sequence(bool capable)
{
	unsigned pages = 0;

	told->used = 0;
	sys_munlockall();
	SYS_CALL(SYS_brk, real.at);
	begin_fake(capable);
	fake.heap = fake.brk = fake.base;
	for (int i = 0; i < STEPS; i++) {
		if (i % 10 == 0)
			set_limit(pick(4) ? 4 + pick(WINDOW) : fake.other_total + pick(WINDOW));
		if (!step_heap(&pages) || !is_same_state(i % 5 == 0 || i == STEPS - 1))
			return false;
	}
	return true;
}

/* The window begins at the next page that the heap doesn't have yet. */
static bool heap_sequences(bool capable, unsigned long count)
{
	uintptr_t brk = (uintptr_t)SYS_CALL(SYS_brk, 0);

	real.at = (brk + FAKE_PAGE - 1) / FAKE_PAGE * FAKE_PAGE;
	for (unsigned long i = 0; i < count; i++)
		if (!heap_sequence(capable))
			return false;
	return true;
}

/* Child: 0 where all are the same, 1 where not, 77 where it can't be. */
static int run_sequences(bool capable, unsigned long count, unsigned seed)
{
	volatile char stack[1 << 16];

	for (size_t i = 0; i < sizeof(stack); i += 4096)
		stack[i] = 0; /* it doesn't grow later */
	if (!capable && !drop_capability())
		return 77;
	if (capable && !is_capable())
		return 77;
	if (!real_start())
		return 77;
	signal(SIGSEGV, on_signal);
	signal(SIGBUS, on_signal);
	for (unsigned i = 0; i < seed * 1000; i++)
		pick(2);
	for (unsigned long i = 0; i < count; i++)
		if (!sequence(capable)) {
			sys_munlockall();
			return 1;
		}
	return heap_sequences(capable, count / 2) ? 0 : 1;
}

/* The rules of older kernels, above all of mremap, were not looked at: only on demand there. */
#define VERIFIED FAKE_VERSION(6, 17)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

/* In even ones without CAP_IPC_LOCK, in odd ones with it. */
START_TEST(as_the_kernel)
{
	const char *wanted = getenv("FAKE_SEQUENCES");
	unsigned long count = wanted ? strtoul(wanted, NULL, 10) : 100;
	int status;
	pid_t child;

	if (SANITIZED) {
		fprintf(stderr, "as_the_kernel %d: skipped: a sanitizer's own memory would be locked\n", _i);
		return;
	}
	if (real_version() < VERIFIED && wanted == NULL) {
		fprintf(stderr, "as_the_kernel %d: skipped: an older kernel\n", _i);
		return;
	}
	told = mmap(NULL, sizeof(*told), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(told != MAP_FAILED);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(run_sequences(_i % 2, count, (unsigned)_i));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		fprintf(stderr, "as_the_kernel %d: skipped: %s\n", _i,
			_i % 2 ? "no CAP_IPC_LOCK" : "no window of memory or no capset");
		return;
	}
	ck_assert_msg(status == 0, "status %x after:\n%s", (unsigned)status, told->text);
	ck_assert_uint_gt(told->succeeded, told->steps / 3);
}
END_TEST

/* Rule by rule. */

#define LIMIT(pages) \
	(fake.limits[RLIMIT_MEMLOCK].soft = (pages)*FAKE_PAGE) /* stays until fake_reset */

/* Private anonymous memory at a page. */
static void map(unsigned page, unsigned pages, int prot)
{
	ck_assert_int_eq(fake_mmap(fake_at(page), pages * FAKE_PAGE, prot, MAP_PRIVATE | MAP_FIXED,
				   FAKE_ANONYMOUS),
			 (intptr_t)fake_at(page));
}

static void map_file(unsigned page, unsigned pages, int flags, enum fake_kind kind)
{
	ck_assert_int_eq(
		fake_mmap_file(fake_at(page), pages * FAKE_PAGE, RW, flags | MAP_FIXED, kind, 1, 0),
		(intptr_t)fake_at(page));
}

static unsigned locked(void)
{
	return (unsigned)(fake_locked_bytes() / FAKE_PAGE);
}

static int lock(unsigned page, unsigned pages)
{
	return fake_mlock(fake_at(page), pages * FAKE_PAGE);
}

static int advise(unsigned page, unsigned pages, int advice)
{
	return fake_madvise(fake_at(page), pages * FAKE_PAGE, advice);
}

START_TEST(mlock_has_a_limit)
{
	fake_reset();
	map(0, 20, RW);
	LIMIT(0);
	ck_assert_int_eq(lock(0, 1), -EPERM);
	LIMIT(8);
	ck_assert_int_eq(lock(0, 9), -ENOMEM);
	ck_assert_int_eq(lock(0, 6), 0);
	ck_assert_int_eq(lock(2, 6), 0); /* what was locked counts once */
	ck_assert_int_eq(lock(8, 1), -ENOMEM);
	fake.capable = true;
	ck_assert_int_eq(lock(8, 1), 0);
	ck_assert_uint_eq(locked(), 9);
	ck_assert_int_eq(fake_mlock(fake_at(9) + 100, 1), 0); /* rounded */
	ck_assert(fake_is_locked(9) && fake_is_resident(9) && !fake_is_on_fault(9));
	ck_assert_int_eq(fake_munlock(fake_at(9) + 100, FAKE_PAGE), 0);
	ck_assert(!fake_is_locked(9) && fake_is_resident(9));
	ck_assert_uint_eq(locked(), 9);
	ck_assert_int_eq(fake_mlock(fake_at(9), 0), 0);
	ck_assert_int_eq(fake_munlock(fake_at(9), 0), 0);
	ck_assert_int_eq(fake_mlock(fake_at(FAKE_PAGES - 1), 2 * FAKE_PAGE), -ENOMEM);
	ck_assert_int_eq(fake_munlock(fake_at(FAKE_PAGES - 1), 2 * FAKE_PAGE), -ENOMEM);
	ck_assert_int_eq(fake_mlock2(fake_at(9), FAKE_PAGE, 2), -EINVAL);
}
END_TEST

START_TEST(mlock_stops_at_a_hole)
{
	fake_reset();
	map(0, 2, RW);
	map(3, 2, RW);
	ck_assert_int_eq(lock(0, 5), -ENOMEM);
	ck_assert_uint_eq(locked(), 2);
	ck_assert(!fake_is_resident(0)); /* nothing is populated after an error */
	ck_assert_int_eq(lock(2, 2), -ENOMEM);
	ck_assert_uint_eq(locked(), 2);
	ck_assert_int_eq(fake_munlock(fake_at(1), 3 * FAKE_PAGE), -ENOMEM);
	ck_assert_uint_eq(locked(), 1);
}
END_TEST

/* What can't be read is locked, and the call fails. */
START_TEST(mlock_of_reserved_memory)
{
	fake_reset();
	map(0, 2, PROT_NONE);
	map(2, 2, RW);
	ck_assert_int_eq(lock(0, 4), -ENOMEM);
	ck_assert_uint_eq(locked(), 4);
	ck_assert(!fake_is_resident(0) && !fake_is_resident(2));
	ck_assert_int_eq(fake_mlock2(fake_at(0), 4 * FAKE_PAGE, MLOCK_ONFAULT), 0);
	ck_assert(fake_is_on_fault(0));
}
END_TEST

START_TEST(mlockall_and_later_maps)
{
	fake_reset();
	map(0, 4, RW);
	fake.other_total = 10;
	fake.other_lockable = 8;
	LIMIT(13);
	ck_assert_int_eq(fake_mlockall(0), -EINVAL);
	ck_assert_int_eq(fake_mlockall(MCL_ONFAULT), -EINVAL);
	ck_assert_int_eq(fake_mlockall(16), -EINVAL);
	ck_assert_int_eq(fake_mlockall(MCL_CURRENT), -ENOMEM); /* all that is mapped counts */
	ck_assert_int_eq(fake_mlockall(MCL_FUTURE), 0);
	ck_assert_uint_eq(locked(), 0);
	map(10, 3, PROT_NONE);
	ck_assert_uint_eq(locked(), 3);
	ck_assert(!fake_is_resident(10));
	map(20, 8, RW);
	ck_assert(fake_is_resident(20));
	ck_assert_int_eq(fake_mmap(0, 3 * FAKE_PAGE, RW, MAP_PRIVATE, FAKE_ANONYMOUS), -EAGAIN);
	ck_assert_int_eq(
		fake_mmap(fake_at(20), 3 * FAKE_PAGE, RW, MAP_PRIVATE | MAP_FIXED, FAKE_ANONYMOUS),
		-EAGAIN); /* what it replaces is not taken off */
	LIMIT(30);
	ck_assert_int_eq(fake_mlockall(MCL_CURRENT | MCL_ONFAULT), 0);
	ck_assert_uint_eq(locked(), 4 + 3 + 8 + 8);
	ck_assert(fake_is_on_fault(20));
	map(30, 4, RW); /* MCL_CURRENT alone ends MCL_FUTURE */
	ck_assert(!fake_is_locked(30));
	ck_assert_int_eq(fake_munlockall(), 0);
	ck_assert_uint_eq(locked(), 0);
	LIMIT(0);
	ck_assert_int_eq(fake_mlockall(MCL_FUTURE), -EPERM);
	ck_assert_int_eq(fake_mmap(0, FAKE_PAGE, RW, MAP_PRIVATE | MAP_LOCKED, FAKE_ANONYMOUS),
			 -EPERM);
}
END_TEST

/* A map with huge pages is neither counted nor locked, but filled under either kind of lock; one of
 * a device is neither. */
START_TEST(maps_that_take_no_lock)
{
	fake_reset();
	ck_assert_int_eq(fake_mlockall(MCL_FUTURE | MCL_ONFAULT), 0);
	map_file(0, 4, MAP_PRIVATE, FAKE_HUGETLB);
	map_file(4, 4, MAP_SHARED, FAKE_DEVICE);
	map(8, 4, RW);
	ck_assert(fake_is_resident(0) && fake_is_resident(4) && !fake_is_resident(8));
	ck_assert_uint_eq(locked(), 4);
	ck_assert_int_eq(lock(0, 8), 0);
	ck_assert_uint_eq(locked(), 4);
	ck_assert_int_eq(advise(4, 4, MADV_DONTNEED), -EINVAL);
	ck_assert_int_eq(advise(4, 4, MADV_POPULATE_READ), -EINVAL);
	ck_assert_int_eq(advise(4, 4, MADV_REMOVE), -EINVAL);
	ck_assert_int_eq(advise(0, 4, MADV_COLD), -EINVAL);
	ck_assert_int_eq(advise(0, 4, MADV_FREE), -EINVAL);
	ck_assert_int_eq(advise(0, 4, MADV_GUARD_INSTALL), -EINVAL);
	ck_assert_int_eq(advise(0, 4, MADV_GUARD_REMOVE), -EINVAL);
	ck_assert_int_eq(advise(0, 4, MADV_DONTNEED), 0);
	ck_assert(!fake_is_resident(0));
	ck_assert_int_eq(fake_mremap(fake_at(4), 4 * FAKE_PAGE, 5 * FAKE_PAGE, 0, 0), -EFAULT);
	ck_assert_int_eq(fake_mremap(fake_at(4), 4 * FAKE_PAGE, 4 * FAKE_PAGE,
				     MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0),
			 -EINVAL);
}
END_TEST

START_TEST(mprotect_fills_what_is_locked)
{
	fake_reset();
	ck_assert_int_eq(fake_mlockall(MCL_FUTURE), 0);
	map(0, 4, PROT_NONE);
	ck_assert_int_eq(fake_mlock2(fake_at(2), 2 * FAKE_PAGE, MLOCK_ONFAULT), 0);
	ck_assert_int_eq(fake_mprotect(fake_at(0), 4 * FAKE_PAGE, PROT_READ), 0);
	ck_assert(!fake_is_resident(0));
	ck_assert_int_eq(fake_mprotect(fake_at(0), 4 * FAKE_PAGE, RW), 0);
	ck_assert(fake_is_resident(1) && !fake_is_resident(2));
	ck_assert_int_eq(fake_mprotect(fake_at(0) + 1, FAKE_PAGE, RW), -EINVAL);
	ck_assert_int_eq(fake_mprotect(fake_at(0), 0, RW), 0);
	ck_assert_int_eq(fake_mprotect(fake_at(3), 2 * FAKE_PAGE, PROT_READ), -ENOMEM);
	ck_assert_uint_eq(fake.pages[3].prot, PROT_READ); /* up to the hole */
	ck_assert_int_eq(fake_mprotect(fake_at(FAKE_PAGES), FAKE_PAGE, RW), -ENOMEM);
}
END_TEST

/* What it says of locked memory, and from which kernel on it is known. */
START_TEST(advice_by_kernel)
{
	static const struct {
		int advice, on_locked;
		unsigned since;
	} rules[] = {
		{MADV_DONTNEED, -EINVAL, 0},
		{MADV_FREE, -EINVAL, FAKE_VERSION(4, 5)},
		{20 /* MADV_COLD */, -EINVAL, FAKE_VERSION(5, 4)},
		{21 /* MADV_PAGEOUT */, -EINVAL, FAKE_VERSION(5, 4)},
		{MADV_GUARD_INSTALL, -EINVAL, FAKE_VERSION(6, 13)},
		{MADV_GUARD_REMOVE, 0, FAKE_VERSION(6, 13)},
		{MADV_DONTNEED_LOCKED, 0, FAKE_VERSION(5, 18)},
		{MADV_POPULATE_READ, 0, FAKE_VERSION(5, 14)},
		{MADV_POPULATE_WRITE, 0, FAKE_VERSION(5, 14)},
		{MADV_WILLNEED, 0, 0},
		{12345, -EINVAL, 0},
	};

	for (size_t i = 0; i < COUNT(rules); i++) {
		fake_reset();
		map(0, 4, RW);
		if (rules[i].advice != 12345)
			ck_assert_int_eq(advise(0, 4, rules[i].advice), 0);
		map(0, 4, RW);
		ck_assert_int_eq(lock(2, 2), 0);
		ck_assert_int_eq(advise(2, 2, rules[i].advice), rules[i].on_locked);
		fake.version = rules[i].since - 1;
		if (rules[i].since)
			ck_assert_int_eq(advise(0, 1, rules[i].advice), -EINVAL);
	}
}
END_TEST

START_TEST(older_kernels)
{
	fake_reset();
	map(0, 4, RW);
	fake.version = FAKE_VERSION(4, 3);
	ck_assert_int_eq(fake_mlock2(fake_at(0), FAKE_PAGE, MLOCK_ONFAULT), -ENOSYS);
	ck_assert_int_eq(fake_mlockall(MCL_FUTURE | MCL_ONFAULT), -EINVAL);
	ck_assert_int_eq(
		fake_mremap(fake_at(0), FAKE_PAGE, FAKE_PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0),
		-EINVAL);
	fake.version = FAKE_VERSION(6, 1);
	ck_assert_int_eq(lock(0, 2), 0);
	ck_assert_int_eq(fake_mremap(fake_at(0), 4 * FAKE_PAGE, 4 * FAKE_PAGE,
				     MREMAP_MAYMOVE | MREMAP_FIXED, fake_at(10)),
			 -EFAULT); /* two VMAs */
	ck_assert_int_eq(fake_mremap(fake_at(0), 2 * FAKE_PAGE, 2 * FAKE_PAGE,
				     MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0),
			 (intptr_t)fake_at(4));
	ck_assert_uint_eq(locked(), 2);
	ck_assert(fake_is_locked(4) && !fake_is_locked(0) && fake_is_mapped(0));
}
END_TEST

START_TEST(mremap_and_locks)
{
	fake_reset();
	LIMIT(6);
	map(0, 4, RW);
	map(8, 4, RW);
	fake_touch(1, true);
	ck_assert_int_eq(lock(0, 4), 0);
	ck_assert_int_eq(fake_mremap(fake_at(0), 4 * FAKE_PAGE, 7 * FAKE_PAGE, 0, 0), -EAGAIN);
	ck_assert_int_eq(fake_mremap(fake_at(0), 4 * FAKE_PAGE, 6 * FAKE_PAGE, 0, 0),
			 (intptr_t)fake_at(0));
	ck_assert(fake_is_locked(5) && fake_is_resident(5));
	LIMIT(20);
	ck_assert_int_eq(fake_mremap(fake_at(0), 6 * FAKE_PAGE, 9 * FAKE_PAGE, 0, 0), -ENOMEM);
	ck_assert_int_eq(fake_mremap(fake_at(0), 6 * FAKE_PAGE, 9 * FAKE_PAGE, MREMAP_MAYMOVE, 0),
			 (intptr_t)fake_at(12));
	ck_assert(!fake_is_mapped(0) && fake_is_resident(20) && fake_contents(13) == 1);
	ck_assert_uint_eq(locked(), 9);
	ck_assert_int_eq(fake_mremap(fake_at(12), 9 * FAKE_PAGE, 2 * FAKE_PAGE, 0, 0),
			 (intptr_t)fake_at(12));
	ck_assert_uint_eq(locked(), 2);
	ck_assert_int_eq(fake_mremap(fake_at(0), FAKE_PAGE, FAKE_PAGE, 0, 0), -EFAULT);
	ck_assert_int_eq(fake_mremap(fake_at(8), 0, FAKE_PAGE, MREMAP_MAYMOVE, 0), -EINVAL);
	ck_assert_int_eq(fake_mremap(fake_at(8), FAKE_PAGE, 0, MREMAP_MAYMOVE, 0), -EINVAL);
	ck_assert_int_eq(fake_mremap(fake_at(8), FAKE_PAGE, FAKE_PAGE, MREMAP_FIXED, fake_at(20)),
			 -EINVAL);
	ck_assert_int_eq(fake_mremap(fake_at(8), 2 * FAKE_PAGE, 2 * FAKE_PAGE,
				     MREMAP_MAYMOVE | MREMAP_FIXED, fake_at(9)),
			 -EINVAL);
	ck_assert_int_eq(fake_mremap(fake_at(8), 2 * FAKE_PAGE, FAKE_PAGE,
				     MREMAP_MAYMOVE | MREMAP_DONTUNMAP, fake_at(20)),
			 -EINVAL);
	ck_assert_int_eq(
		fake_mremap(fake_at(8), FAKE_PAGE, FAKE_PAGES * FAKE_PAGE, MREMAP_MAYMOVE, 0),
		-ENOMEM);
	map_file(30, 2, MAP_SHARED, FAKE_FILE); /* a second map of the same, by an old size of 0 */
	ck_assert_int_eq(fake_mremap(fake_at(30), 0, FAKE_PAGE, MREMAP_MAYMOVE, 0),
			 (intptr_t)fake_at(0));
	ck_assert(fake_is_mapped(30));
	fake.max_map_count = 6;
	ck_assert_int_eq(fake_mremap(fake_at(8), FAKE_PAGE, FAKE_PAGE,
				     MREMAP_MAYMOVE | MREMAP_FIXED, fake_at(40)),
			 -ENOMEM);
}
END_TEST

/* What is moved in one size may be of many VMAs; what shrinks as it moves, none may. */
START_TEST(mremap_of_many)
{
	const int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	fake_reset();
	map(0, 2, RW);
	map(2, 2, PROT_READ);
	map(5, 1, RW);
	map(24, 1, RW);
	ck_assert_int_eq(lock(0, 1), 0);
	ck_assert_int_eq(fake_mremap(fake_at(0), 6 * FAKE_PAGE, 6 * FAKE_PAGE, flags, fake_at(20)),
			 (intptr_t)fake_at(20));
	ck_assert(!fake_is_mapped(0) && !fake_is_mapped(5));
	ck_assert(fake_is_locked(20) && !fake_is_locked(21) && fake_is_mapped(25));
	ck_assert(fake_is_mapped(24)); /* in the place of a hole */
	ck_assert_uint_eq(fake.pages[23].prot, PROT_READ);
	ck_assert_uint_eq(locked(), 1);
	ck_assert_int_eq(fake_mremap(fake_at(21), 3 * FAKE_PAGE, FAKE_PAGE, flags, fake_at(30)),
			 (intptr_t)fake_at(30));
	ck_assert(!fake_is_mapped(21) && !fake_is_mapped(23) && !fake_is_mapped(31));
	ck_assert_int_eq(fake_mremap(fake_at(30), FAKE_PAGE, FAKE_PAGE, flags, fake_at(FAKE_PAGES)),
			 -ENOMEM);
}
END_TEST

START_TEST(what_pages_hold)
{
	uint64_t stamp;

	fake_reset();
	map(0, 2, RW);
	stamp = fake_touch(0, true);
	ck_assert(stamp != 0 && fake_contents(0) == stamp && fake_touch(0, false) == stamp);
	ck_assert_int_eq(advise(0, 1, MADV_DONTNEED), 0);
	ck_assert_uint_eq(fake_contents(0), 0);
	map_file(4, 2, MAP_SHARED, FAKE_FILE);
	map_file(8, 2, MAP_PRIVATE, FAKE_FILE);
	stamp = fake_touch(4, true);
	ck_assert_uint_eq(fake_contents(8), stamp);
	fake_touch(8, true);
	ck_assert(fake_contents(8) != stamp && fake_contents(4) == stamp);
	ck_assert_int_eq(advise(8, 1, MADV_REMOVE), -EACCES);
	ck_assert_int_eq(advise(0, 1, MADV_REMOVE), -EINVAL);
	ck_assert_int_eq(advise(4, 1, MADV_REMOVE), 0);
	ck_assert(fake_contents(4) == 0 && !fake_is_resident(4) && fake_contents(8) != 0);
	ck_assert_int_eq(advise(8, 1, MADV_DONTNEED), 0);
	ck_assert_uint_eq(fake_contents(8), 0);
	ck_assert(!fake.segv);
	ck_assert_int_eq(advise(0, 1, MADV_GUARD_INSTALL), 0);
	fake_touch(0, false);
	ck_assert(fake.segv);
	ck_assert_int_eq(advise(0, 1, MADV_POPULATE_READ), -EFAULT);
	fake.segv = false;
	fake.file_pages[1] = 1;
	fake_touch(5, false);
	ck_assert(fake.segv);
	ck_assert_int_eq(lock(4, 2), -ENOMEM);
}
END_TEST

START_TEST(msync_looks)
{
	fake_reset();
	map(0, 2, RW);
	ck_assert_int_eq(fake_msync(fake_at(0), 2 * FAKE_PAGE, MS_ASYNC), 0);
	ck_assert_int_eq(fake_msync(fake_at(0), 3 * FAKE_PAGE, MS_ASYNC), -ENOMEM);
	ck_assert_int_eq(fake_msync(fake_at(0), 2 * FAKE_PAGE, MS_SYNC | MS_ASYNC), -EINVAL);
	ck_assert_int_eq(fake_msync(fake_at(0), 2 * FAKE_PAGE, MS_SYNC | MS_INVALIDATE), 0);
	ck_assert_int_eq(lock(1, 1), 0);
	ck_assert_int_eq(fake_msync(fake_at(0), 2 * FAKE_PAGE, MS_SYNC | MS_INVALIDATE), -EBUSY);
	ck_assert_int_eq(fake_msync(fake_at(FAKE_PAGES), FAKE_PAGE, MS_ASYNC), -ENOMEM);
}
END_TEST

START_TEST(heap_and_stack)
{
	fake_reset();
	fake.heap = fake.brk = fake_at(0);
	LIMIT(4);
	ck_assert_int_eq(fake_mlockall(MCL_FUTURE), 0);
	ck_assert_int_eq(fake_brk(fake_at(3) + 1), 0);
	ck_assert(fake_is_locked(3) && fake_is_resident(3));
	ck_assert_int_eq(fake_brk(fake_at(5)), -ENOMEM);
	ck_assert_int_eq(fake_brk(fake_at(1)), 0);
	ck_assert_uint_eq(locked(), 1);
	ck_assert_int_eq(fake_brk(fake.heap - 1), -ENOMEM);
	ck_assert_int_eq(fake_munlockall(), 0);
	map(2, 1, RW);
	ck_assert_int_eq(fake_brk(fake_at(3)), -ENOMEM); /* there is something */

	ck_assert_int_eq(fake_mmap(fake_at(100), 2 * FAKE_PAGE, RW,
				   MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN, FAKE_ANONYMOUS),
			 (intptr_t)fake_at(100));
	ck_assert_int_eq(lock(100, 2), 0);
	fake_touch(99, true); /* too near to what lies below */
	ck_assert(fake.segv);
	fake.segv = false;
	fake.stack_gap = 8;
	fake.limits[RLIMIT_STACK].soft = 5 * FAKE_PAGE;
	fake_touch(98, true);
	ck_assert(!fake.segv && fake_is_locked(99) && !fake_is_resident(99) &&
		  fake_is_resident(98));
	fake_touch(97, true); /* above RLIMIT_MEMLOCK */
	ck_assert(fake.segv);
	fake.segv = false;
	fake.capable = true;
	fake_touch(97, true);
	ck_assert(!fake.segv);
	fake_touch(96, true); /* above RLIMIT_STACK */
	ck_assert(fake.segv);
	fake.segv = false;
	fake_touch(FAKE_PAGES - 1, false);
	ck_assert(fake.segv);
}
END_TEST

START_TEST(a_child)
{
	fake_reset();
	fake.other_lockable = 3;
	map(0, 3, RW);
	fake_touch(0, true);
	fake_touch(1, false);
	map_file(4, 1, MAP_SHARED, FAKE_FILE);
	fake_touch(4, true);
	ck_assert_int_eq(fake_mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT), 0);
	ck_assert_uint_eq(locked(), 7);
	fake_fork_child();
	ck_assert_uint_eq(locked(), 0);
	ck_assert(!fake_is_locked(0) && !fake_is_on_fault(0));
	ck_assert(fake_is_resident(0) && !fake_is_resident(4) && fake_contents(4) == 2);
	map(8, 1, RW);
	ck_assert(!fake_is_locked(8));
	ck_assert_int_eq(fake_munlockall(), 0);
	ck_assert_uint_eq(locked(), 0);
}
END_TEST

/* Too many VMAs: a split fails and nothing has changed. */
START_TEST(vmas)
{
	fake_reset();
	map(0, 9, RW);
	ck_assert_uint_eq(fake_map_count(), 1);
	fake.max_map_count = 2;
	ck_assert_int_eq(lock(3, 2), -ENOMEM);
	ck_assert_int_eq(fake_mprotect(fake_at(3), 2 * FAKE_PAGE, PROT_READ), -ENOMEM);
	ck_assert_int_eq(fake_munmap(fake_at(3), FAKE_PAGE), 0);
	ck_assert_int_eq(fake_munmap(fake_at(6), FAKE_PAGE), -ENOMEM);
	ck_assert_uint_eq(fake_vma(7).start, 4);
	ck_assert_uint_eq(fake_vma(7).end, 9);
	ck_assert_uint_eq(locked(), 0);
	map(3, 1, RW);
	ck_assert_int_eq(lock(5, 4), 0);
	ck_assert_int_eq(fake_munmap(fake_at(6), FAKE_PAGE), -ENOMEM);
	ck_assert_uint_eq(locked(), 4);
	fake.max_map_count = 1;
	ck_assert_int_eq(fake_mmap(0, FAKE_PAGE, RW, MAP_PRIVATE, FAKE_ANONYMOUS), -ENOMEM);
	ck_assert_int_eq(fake_munmap(fake_at(0) + 1, FAKE_PAGE), -EINVAL);
	ck_assert_int_eq(fake_munmap(fake_at(0), 0), -EINVAL);
}
END_TEST

START_TEST(places)
{
	const int flags = MAP_PRIVATE;
	bool other = false;

	fake_reset();
	map(0, 2, RW);
	ck_assert_int_eq(fake_mmap(0, FAKE_PAGE, RW, flags, FAKE_ANONYMOUS), (intptr_t)fake_at(2));
	ck_assert_int_eq(fake_mmap(fake_at(7), FAKE_PAGE, RW, flags, FAKE_ANONYMOUS),
			 (intptr_t)fake_at(7));
	fake.place = FAKE_HIGHEST;
	ck_assert_int_eq(fake_mmap(0, 2 * FAKE_PAGE, RW, flags, FAKE_ANONYMOUS),
			 (intptr_t)fake_at(FAKE_PAGES - 2));
	fake.place = FAKE_RANDOM;
	for (int i = 0; i < 8; i++) {
		intptr_t at = fake_mmap(0, FAKE_PAGE, RW, flags, FAKE_ANONYMOUS);

		ck_assert_int_gt(at, 0);
		other |= fake_number((uintptr_t)at) != (unsigned)i + 3;
	}
	ck_assert(other);
	ck_assert_int_eq(fake_mmap(0, FAKE_PAGES * FAKE_PAGE, RW, flags, FAKE_ANONYMOUS), -ENOMEM);
	ck_assert_int_eq(fake_mmap(0, SIZE_MAX, RW, flags, FAKE_ANONYMOUS), -ENOMEM);
	ck_assert_int_eq(fake_mmap(0, 0, RW, flags, FAKE_ANONYMOUS), -EINVAL);
	ck_assert_int_eq(
		fake_mmap(fake_at(0) + 1, FAKE_PAGE, RW, flags | MAP_FIXED, FAKE_ANONYMOUS),
		-EINVAL);
	ck_assert_int_eq(
		fake_mmap(fake.base - FAKE_PAGE, FAKE_PAGE, RW, flags | MAP_FIXED, FAKE_ANONYMOUS),
		-ENOMEM);
	ck_assert_int_eq(fake_mmap(fake_at(0), FAKE_PAGE, RW, flags | 0x100000, FAKE_ANONYMOUS),
			 -EEXIST);
}
END_TEST

/* Shared anonymous maps are a file each, as long as there are any. */
START_TEST(shared_memory)
{
	fake_reset();
	for (unsigned i = 0; i < FAKE_FILES - FAKE_NAMED; i++) {
		ck_assert_int_gt(fake_mmap(0, FAKE_PAGE, RW, MAP_SHARED, FAKE_ANONYMOUS), 0);
		ck_assert_uint_eq(fake_contents(i), 0);
		fake_touch(i, true);
	}
	ck_assert_int_eq(fake_mmap(0, FAKE_PAGE, RW, MAP_SHARED, FAKE_ANONYMOUS), -ENFILE);
	ck_assert_int_eq(fake_munmap(fake_at(3), FAKE_PAGE), 0);
	ck_assert_int_gt(fake_mmap(0, FAKE_PAGE, RW, MAP_SHARED, FAKE_ANONYMOUS), 0);
	ck_assert_uint_eq(fake_contents(3), 0);
}
END_TEST

START_TEST(memory_ends)
{
	fake_reset();
	fake.memory = 3;
	map(0, 4, RW);
	ck_assert_int_eq(lock(0, 3), 0);
	ck_assert(!fake.oom);
	ck_assert_int_eq(lock(3, 1), 0);
	ck_assert(fake.oom);
}
END_TEST

/* The seam. */

static unsigned hooked;

static void unmap_before(enum fake_call call, uintptr_t at, size_t size)
{
	hooked++;
	if (call == FAKE_LOCK)
		ck_assert_int_eq(fake_munmap(at, size), 0);
}

START_TEST(seam_does_the_same)
{
	const struct vm_ops *ops = &fake_ops;
	struct sys_rlimit limit;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	const uintptr_t at = FAKE_BASE;

	fake_reset();
	ck_assert_int_eq(ops->map(0, 4 * FAKE_PAGE, RW, flags), (intptr_t)at);
	ck_assert_int_eq(ops->protect(at, FAKE_PAGE, PROT_READ), 0);
	ck_assert_int_eq(ops->lock(at, FAKE_PAGE, 0), 0);
	ck_assert_int_eq(ops->lock(at + FAKE_PAGE, FAKE_PAGE, MLOCK_ONFAULT), 0);
	ck_assert(fake_is_resident(0) && fake_is_on_fault(1));
	ck_assert_int_eq(ops->unlock(at, FAKE_PAGE), 0);
	ck_assert_int_eq(ops->advise(at, FAKE_PAGE, MADV_DONTNEED), 0);
	ck_assert_int_eq(ops->look(at, 5 * FAKE_PAGE), -ENOMEM);
	ck_assert_int_eq(ops->lock_all(MCL_CURRENT), 0);
	ck_assert_uint_eq(locked(), 4);
	ck_assert_int_eq(ops->unlock_all(), 0);
	ck_assert_int_eq(ops->remap(at + 2 * FAKE_PAGE, 2 * FAKE_PAGE, 3 * FAKE_PAGE, 0, 0),
			 (intptr_t)(at + 2 * FAKE_PAGE));
	ck_assert_int_eq(ops->unmap(at, FAKE_PAGE), 0);
	LIMIT(3);
	ck_assert_int_eq(ops->limit(RLIMIT_MEMLOCK, &limit), 0);
	ck_assert_uint_eq(limit.soft, 3 * FAKE_PAGE);
	limit.hard = 8 * FAKE_PAGE;
	ck_assert_int_eq(ops->set_limit(RLIMIT_MEMLOCK, &limit), 0);
	limit.soft = 9 * FAKE_PAGE;
	ck_assert_int_eq(ops->set_limit(RLIMIT_MEMLOCK, &limit), -EINVAL);
	limit.hard = 9 * FAKE_PAGE;
	ck_assert_int_eq(ops->set_limit(RLIMIT_MEMLOCK, &limit), -EPERM);
	fake.may_raise = true;
	ck_assert_int_eq(ops->set_limit(RLIMIT_MEMLOCK, &limit), 0);
	ck_assert_uint_eq(fake.limits[RLIMIT_MEMLOCK].soft, 9 * FAKE_PAGE);
	ck_assert_int_eq(ops->is_capable(0), 0);
	ck_assert_int_eq(ops->map(0, FAKE_PAGE, RW, flags | MAP_HUGETLB), (intptr_t)at);
	ck_assert_uint_eq(fake.pages[0].kind, FAKE_HUGETLB);
}
END_TEST

START_TEST(seam_fails_as_told)
{
	const struct vm_ops *ops = &fake_ops;
	struct sys_rlimit limit;

	fake_reset();
	for (int i = 0; i < FAKE_CALLS; i++)
		fake.fail[i] = (struct fake_failure){1, 1, EIO};
	ck_assert_int_eq(ops->map(0, FAKE_PAGE, RW, MAP_PRIVATE), -EIO);
	ck_assert_int_eq(ops->unmap(FAKE_BASE, FAKE_PAGE), -EIO);
	ck_assert_int_eq(ops->remap(FAKE_BASE, FAKE_PAGE, FAKE_PAGE, 0, 0), -EIO);
	ck_assert_int_eq(ops->protect(FAKE_BASE, FAKE_PAGE, RW), -EIO);
	ck_assert_int_eq(ops->lock(FAKE_BASE, FAKE_PAGE, 0), -EIO);
	ck_assert_int_eq(ops->unlock(FAKE_BASE, FAKE_PAGE), -EIO);
	ck_assert_int_eq(ops->lock_all(MCL_FUTURE), -EIO);
	ck_assert_int_eq(ops->unlock_all(), -EIO);
	ck_assert_int_eq(ops->advise(FAKE_BASE, FAKE_PAGE, MADV_NORMAL), -EIO);
	ck_assert_int_eq(ops->look(FAKE_BASE, FAKE_PAGE), -EIO);
	ck_assert_int_eq(ops->limit(RLIMIT_MEMLOCK, &limit), -EIO);
	ck_assert_int_eq(ops->set_limit(RLIMIT_MEMLOCK, &fake.limits[RLIMIT_MEMLOCK]), -EIO);
	ck_assert_int_eq(ops->is_capable(0), -EIO);
	ck_assert_int_eq(ops->map(0, FAKE_PAGE, RW, MAP_PRIVATE), (intptr_t)FAKE_BASE);
	ck_assert_uint_eq(fake.calls[FAKE_MAP], 2);
	fake.before_call = unmap_before;
	ck_assert_int_eq(ops->lock(FAKE_BASE, FAKE_PAGE, 0),
			 -ENOMEM); /* another thread was faster */
	ck_assert_uint_eq(hooked, 1);
}
END_TEST

Suite *fakekernel_suite(void)
{
	Suite *s = suite_create("fakekernel");
	TCase *t = tcase_create("fakekernel");

	tcase_add_test(t, mlock_has_a_limit);
	tcase_add_test(t, mlock_stops_at_a_hole);
	tcase_add_test(t, mlock_of_reserved_memory);
	tcase_add_test(t, mlockall_and_later_maps);
	tcase_add_test(t, maps_that_take_no_lock);
	tcase_add_test(t, mprotect_fills_what_is_locked);
	tcase_add_test(t, advice_by_kernel);
	tcase_add_test(t, older_kernels);
	tcase_add_test(t, mremap_and_locks);
	tcase_add_test(t, mremap_of_many);
	tcase_add_test(t, what_pages_hold);
	tcase_add_test(t, msync_looks);
	tcase_add_test(t, heap_and_stack);
	tcase_add_test(t, a_child);
	tcase_add_test(t, vmas);
	tcase_add_test(t, places);
	tcase_add_test(t, shared_memory);
	tcase_add_test(t, memory_ends);
	tcase_add_test(t, seam_does_the_same);
	tcase_add_test(t, seam_fails_as_told);
	tcase_add_loop_test(t, as_the_kernel, 0, 4);
	suite_add_tcase(s, t);
	return s;
}
