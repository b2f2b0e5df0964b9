/* SPDX-License-Identifier: MIT */
/* Gives memory of each kind back in each way, and tells what the kernel says and what is read
 * afterwards. The first argument says what of it; "old" in front of it hides MADV_DONTNEED_LOCKED,
 * as before Linux 5.18. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "victim.h"

#ifndef __GLIBC__ /* musl has neither */
#define process_madvise(...) syscall(SYS_process_madvise, __VA_ARGS__)
#define malloc_trim(pad) (void)(pad)
#endif

#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

static const struct advice {
	const char *name;
	int number;
} advices[] = {
	{"dontneed", MADV_DONTNEED}, {"cold", MADV_COLD}, {"pageout", MADV_PAGEOUT},
	{"free", MADV_FREE}, {"remove", MADV_REMOVE}, {"guard", MADV_GUARD_INSTALL},
	{"unguard", MADV_GUARD_REMOVE}, {"willneed", MADV_WILLNEED}, {"dofork", MADV_DOFORK},
	{"hugepage", MADV_HUGEPAGE}, {"dontdump", MADV_DONTDUMP}, {"unknown", 99},
};

#define LOCK_ADVICES 6 /* the first ones, which are refused on locked memory */

static const struct kind {
	const char *name;
	int prot, flags;
} kinds[] = {
	{"anonymous", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS},
	{"shared", PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS},
	{"private file", PROT_READ | PROT_WRITE, MAP_PRIVATE},
	{"file to read", PROT_READ, MAP_PRIVATE},
	{"shared file", PROT_READ | PROT_WRITE, MAP_SHARED},
	{"shared file to read", PROT_READ, MAP_SHARED},
};

/* A file of so many pages, each full of its number. */
static int file_of(size_t pages)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	char page[PAGE];

	for (size_t i = 0; i < pages; i++) {
		memset(page, '1' + (int)i, sizeof(page));
		if (write(fd, page, sizeof(page)) < 0)
			return -1;
	}
	return fd;
}

static char *map(const struct kind *kind, size_t pages)
{
	int fd = kind->flags & MAP_ANONYMOUS ? -1 : file_of(pages);
	char *at = mmap(NULL, pages * PAGE, kind->prot, kind->flags, fd, 0);

	for (size_t i = 0; i < pages && kind->prot & PROT_WRITE; i++)
		at[i * PAGE] = 'a' + (char)i;
	close(fd);
	return at;
}

/* What the kernel reads at an address, '-' where it can't. */
static char peek(const char *at)
{
	char byte = 0;
	struct iovec to = {&byte, 1}, from = {(void *)(uintptr_t)at, 1};

	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != 1)
		return '-';
	return byte ? byte : '0';
}

static void advise(const char *name, char *at, size_t size, int advice)
{
	int result;

	errno = 77;
	result = madvise(at, size, advice);
	printf(" %s %d errno %d", name, result, errno);
}

static void each_kind(void)
{
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		for (size_t a = 0; a < sizeof(advices) / sizeof(*advices); a++) {
			char *at = map(&kinds[k], 4);

			printf("%s:", kinds[k].name);
			advise(advices[a].name, at + PAGE, 2 * PAGE, advices[a].number);
			printf(" read %c%c%c%c", peek(at), peek(at + PAGE), peek(at + 2 * PAGE),
			       peek(at + 3 * PAGE));
			if (advices[a].number == MADV_GUARD_INSTALL) {
				advise("unguard", at, 4 * PAGE, MADV_GUARD_REMOVE);
				printf(" read %c%c", peek(at), peek(at + PAGE));
			}
			munmap(at, 4 * PAGE);
			putchar('\n');
		}
	}
}

/* Ranges that are none, or not wholly. */
static void bad_ranges(void)
{
	for (size_t a = 0; a < sizeof(advices) / sizeof(*advices); a++) {
		char *at = map(&kinds[0], 6);
		const int advice = advices[a].number;

		printf("%s:", advices[a].name);
		advise("unaligned", at + 1, PAGE, advice);
		advise("odd size", at + PAGE, 1, advice);
		advise("nothing", at, 0, advice);
		advise("nothing, unaligned", at + 1, 0, advice);
		if (sizeof(size_t) == 8) { /* for a kernel of 64 bits 32 do not wrap: all that lies above */
			advise("most", at, SIZE_MAX, advice);
			advise("wrap", at, SIZE_MAX - 2 * PAGE, advice);
		}
		munmap(at + 2 * PAGE, PAGE);
		advise("hole", at, 4 * PAGE, advice);
		advise("in a hole", at + 2 * PAGE, PAGE, advice);
		printf(" read %c%c%c\n", peek(at), peek(at + 3 * PAGE), peek(at + 4 * PAGE));
		munmap(at, 6 * PAGE);
	}
}

/* What is there before it is touched, after it was given back: of a map and of a reservation. */
static void show_resident(void)
{
	char *at = map(&kinds[0], 2), *file = map(&kinds[2], 2);
	char *reserved = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	mprotect(reserved, 2 * PAGE, PROT_READ | PROT_WRITE);
	reserved[0] = 1;
	madvise(at, 2 * PAGE, MADV_DONTNEED);
	madvise(file, 2 * PAGE, MADV_DONTNEED);
	madvise(reserved, 2 * PAGE, MADV_DONTNEED);
	printf("map %d %d file %d reserved %d locked %d %d %d\n", is_resident(at),
	       is_resident(at + PAGE), is_resident(file), is_resident(reserved), is_locked(at),
	       is_locked(file), is_locked(reserved));
}

static void sync_pages(void)
{
	static const int flags[] = {
		MS_INVALIDATE, MS_SYNC | MS_INVALIDATE, MS_ASYNC | MS_INVALIDATE, MS_SYNC, MS_ASYNC,
		MS_SYNC | MS_ASYNC, MS_SYNC | MS_ASYNC | MS_INVALIDATE, 0, 0x40,
	};
	char *at = map(&kinds[4], 4);

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		for (int odd = 0; odd <= 1; odd++) {
			errno = 77;
			printf("msync %d %d", flags[i], msync(at + odd, PAGE, flags[i]));
			printf(" errno %d\n", errno);
		}
	}
	munmap(at + PAGE, PAGE);
	errno = 77;
	printf("hole %d", msync(at, 4 * PAGE, MS_INVALIDATE | MS_SYNC));
	printf(" errno %d\n", errno);
}

static void advise_parts(int fd, const char *name, int advice)
{
	char *at = map(&kinds[0], 6);
	struct iovec parts[] = {{at, PAGE}, {at + 2 * PAGE, 2 * PAGE}};

	errno = 77;
	printf("%s %ld", name, (long)process_madvise(fd, parts, 2, advice, 0));
	printf(" errno %d read %c%c%c%c", errno, peek(at), peek(at + PAGE), peek(at + 2 * PAGE),
	       peek(at + 3 * PAGE));
	munmap(at + 3 * PAGE, PAGE);
	printf(" hole %ld", (long)process_madvise(fd, parts, 2, advice, 0));
	parts[1].iov_base = at + 1;
	printf(" unaligned %ld", (long)process_madvise(fd, parts, 2, advice, 0));
	printf(" none %ld", (long)process_madvise(fd, parts, 0, advice, 0));
	printf(" many %ld", (long)process_madvise(fd, parts, 99999, advice, 0));
	printf(" flags %ld\n", (long)process_madvise(fd, parts, 2, advice, 1));
	munmap(at, 6 * PAGE);
}

static void advise_process(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	for (size_t a = 0; a < sizeof(advices) / sizeof(*advices); a++)
		advise_parts(fd, advices[a].name, advices[a].number);
	advise_parts(-1, "no descriptor", MADV_COLD);
	advise_parts(0, "not a process", MADV_COLD);
}

static void advise_posix(void)
{
	char *at = map(&kinds[0], 2);

	errno = 77;
	for (int advice = 0; advice < 7; advice++)
		printf("posix %d %d read %c unaligned %d\n", advice,
		       posix_madvise(at, 2 * PAGE, advice), peek(at), posix_madvise(at + 1, PAGE, advice));
	munmap(at, PAGE);
	printf("hole %d", posix_madvise(at, 2 * PAGE, POSIX_MADV_WILLNEED));
	printf(" errno %d\n", errno);
}

/* Dirty blocks are freed and the heap is trimmed: what calloc gives is zero. */
static void *trim(void *dirty)
{
	char *blocks[2000];

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 2000; i++)
			memset(blocks[i] = malloc(5000 + i), 0xa5, 5000 + i);
		for (size_t i = 0; i < 2000; i++)
			free(blocks[i]);
		malloc_trim(0);
		for (size_t i = 0; i < 2000; i++) {
			blocks[i] = calloc(1, 7000 + i);
			for (size_t at = 0; at < 7000 + i; at++)
				*(long *)dirty += blocks[i][at] != 0;
		}
		for (size_t i = 0; i < 2000; i++)
			free(blocks[i]);
	}
	return NULL;
}

static void trim_heaps(void)
{
	pthread_t thread;
	long dirty = 0;

	trim(&dirty);
	pthread_create(&thread, NULL, trim, &dirty);
	pthread_join(thread, NULL);
	printf("dirty %ld\n", dirty);
}

/* The program's own lock on one of four pages. */
static void partly(void)
{
	char *at = map(&kinds[0], 4);

	mlock(at + PAGE, PAGE);
	advise("partly locked", at, 4 * PAGE, MADV_DONTNEED);
	printf(" read %c%c%c%c locked %d\n", peek(at), peek(at + PAGE), peek(at + 2 * PAGE),
	       peek(at + 3 * PAGE), is_locked(at + PAGE));
}

/* How the program may have locked a map of six pages of a kind, or not; each in a process of its own. */
static char *way_none(const struct kind *kind)
{
	return map(kind, 6);
}

static char *way_mlock(const struct kind *kind)
{
	char *at = map(kind, 6);

	mlock(at, 6 * PAGE);
	return at;
}

static char *way_onfault(const struct kind *kind)
{
	char *at = map(kind, 6);

	mlock2(at, 6 * PAGE, MLOCK_ONFAULT);
	return at;
}

static char *way_partly(const struct kind *kind)
{
	char *at = map(kind, 6);

	mlock(at + 2 * PAGE + 5, 1);
	return at;
}

static char *way_hole(const struct kind *kind)
{
	char *at = way_partly(kind);

	munmap(at + PAGE, PAGE);
	return at;
}

static char *way_hole_behind(const struct kind *kind)
{
	char *at = way_partly(kind);

	munmap(at + 3 * PAGE, PAGE);
	return at;
}

static char *way_over_hole(const struct kind *kind)
{
	char *at = way_mlock(kind);

	munmap(at + 4 * PAGE, PAGE);
	munlock(at, 6 * PAGE);
	return at;
}

static char *way_munlock(const struct kind *kind)
{
	char *at = way_mlock(kind);

	munlock(at, 6 * PAGE);
	return at;
}

static char *way_munlock_partly(const struct kind *kind)
{
	char *at = way_mlock(kind);

	munlock(at, 2 * PAGE);
	return at;
}

static char *way_twice(const struct kind *kind)
{
	char *at = way_mlock(kind);

	mlock(at, 6 * PAGE);
	munlock(at, 6 * PAGE);
	return at;
}

static char *way_munlockall(const struct kind *kind)
{
	char *at = way_mlock(kind);

	munlockall();
	return at;
}

static char *way_map_locked(const struct kind *kind)
{
	const struct kind locked = {kind->name, kind->prot, kind->flags | MAP_LOCKED};

	return map(&locked, 6);
}

static char *way_current(const struct kind *kind)
{
	char *at = map(kind, 6);

	mlockall(MCL_CURRENT);
	return at;
}

static char *way_before_current(const struct kind *kind)
{
	mlockall(MCL_CURRENT);
	return map(kind, 6);
}

static char *way_current_munlock(const struct kind *kind)
{
	char *at = way_current(kind);

	munlock(at, 3 * PAGE);
	return at;
}

static char *way_future(const struct kind *kind)
{
	char *at = map(kind, 6);

	mlockall(MCL_FUTURE);
	return at;
}

static char *way_before_future(const struct kind *kind)
{
	mlockall(MCL_FUTURE);
	return map(kind, 6);
}

static char *way_future_onfault(const struct kind *kind)
{
	mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	return map(kind, 6);
}

static char *way_future_ended(const struct kind *kind)
{
	mlockall(MCL_CURRENT | MCL_FUTURE);
	mlockall(MCL_CURRENT);
	return map(kind, 6);
}

static char *way_all_undone(const struct kind *kind)
{
	char *at;

	mlockall(MCL_CURRENT | MCL_FUTURE);
	at = map(kind, 6);
	munlockall();
	return at;
}

/* Moved away; what comes to its old place is another map. */
static char *way_moved(const struct kind *kind)
{
	char *at = way_partly(kind), *to = map(kind, 6);

	mremap(at, 6 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	return to;
}

static char *way_left(const struct kind *kind)
{
	char *at = way_mlock(kind), *to = map(kind, 6), *new = map(kind, 6);

	mremap(at, 6 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	return mremap(new, 6 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at);
}

static char *way_grown(const struct kind *kind)
{
	char *at = map(kind, 6);

	mremap(at, 6 * PAGE, 3 * PAGE, 0);
	mlock(at, 3 * PAGE);
	return mremap(at, 3 * PAGE, 6 * PAGE, 0);
}

static char *way_mapped_anew(const struct kind *kind)
{
	char *at = way_mlock(kind);
	const struct kind fixed = {kind->name, kind->prot, kind->flags | MAP_FIXED};
	int fd = kind->flags & MAP_ANONYMOUS ? -1 : file_of(6);

	mmap(at, 6 * PAGE, fixed.prot, fixed.flags, fd, 0);
	return at;
}

static char *way_forked(const struct kind *kind)
{
	char *at = way_mlock(kind);
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		return at;
	waitpid(child, &status, 0);
	exit(status);
}

static const struct way {
	const char *name;
	char *(*make)(const struct kind *kind);
} ways[] = {
	{"none", way_none}, {"mlock", way_mlock}, {"mlock2", way_onfault}, {"partly", way_partly},
	{"hole", way_hole}, {"hole behind", way_hole_behind}, {"munlock over a hole", way_over_hole},
	{"munlock", way_munlock}, {"munlock partly", way_munlock_partly}, {"twice", way_twice},
	{"munlockall", way_munlockall}, {"MAP_LOCKED", way_map_locked}, {"current", way_current},
	{"before current", way_before_current}, {"current munlock", way_current_munlock},
	{"future", way_future}, {"before future", way_before_future},
	{"future on fault", way_future_onfault}, {"future ended", way_future_ended},
	{"all undone", way_all_undone}, {"moved", way_moved}, {"left", way_left},
	{"grown", way_grown}, {"mapped anew", way_mapped_anew}, {"forked", way_forked},
};

/* What the kernel says of a map that the program locked in a way, and what it did to the pages. */
static void answer(const struct way *way, const struct kind *kind, const struct advice *advice, int flags)
{
	char *at = way->make(kind);
	struct iovec part = {at, 6 * PAGE};

	printf("%s, %s, %s", way->name, kind->name, advice ? advice->name : "msync");
	errno = 77;
	if (advice == NULL)
		printf(" %d: %d", flags, msync(at, 6 * PAGE, flags));
	else if (flags)
		printf(" by process: %ld",
		       (long)process_madvise((int)syscall(SYS_pidfd_open, getpid(), 0), &part, 1, advice->number, 0));
	else
		printf(": %d", madvise(at, 6 * PAGE, advice->number));
	printf(" errno %d read ", errno);
	for (int i = 0; i < 6; i++)
		putchar(peek(at + (size_t)i * PAGE));
	putchar('\n');
}

static bool is_apart; /* in a program of its own, since a forked child is not eager */

static void answer_words(char **words)
{
	const size_t advice = (size_t)atoi(words[2]);

	answer(&ways[atoi(words[0])], &kinds[atoi(words[1])], advice < LOCK_ADVICES ? &advices[advice] : NULL,
	       atoi(words[3]));
}

static void answer_apart(size_t way, size_t kind, size_t advice, int flags)
{
	char words[4][16];
	char *at[] = {words[0], words[1], words[2], words[3]};

	snprintf(words[0], sizeof(words[0]), "%zu", way);
	snprintf(words[1], sizeof(words[1]), "%zu", kind);
	snprintf(words[2], sizeof(words[2]), "%zu", advice);
	snprintf(words[3], sizeof(words[3]), "%d", flags);
	fflush(stdout);
	if (fork() == 0) {
		if (is_apart)
			execl("/proc/self/exe", "madvise", words[0], words[1], words[2], words[3], NULL);
		answer_words(at);
		exit(0);
	}
	wait(NULL);
}

static void locked_ways(void)
{
	for (size_t w = 0; w < sizeof(ways) / sizeof(*ways); w++) {
		for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k += 4) {
			for (size_t a = 0; a < LOCK_ADVICES; a++) {
				answer_apart(w, k, a, 0);
#ifdef __GLIBC__ /* musl has no process_madvise */
				if (k == 0)
					answer_apart(w, k, a, 1);
#endif
			}
			answer_apart(w, k, LOCK_ADVICES, MS_INVALIDATE);
			answer_apart(w, k, LOCK_ADVICES, MS_INVALIDATE | MS_SYNC);
		}
	}
}

/* The kernel's answer to MADV_DONTNEED_LOCKED is EINVAL from now on. */
static void become_old(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_DONTNEED_LOCKED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		puts("no seccomp filter can be made");
		exit(77);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} parts[] = {
		{"kinds", each_kind}, {"bad", bad_ranges}, {"resident", show_resident},
		{"msync", sync_pages}, {"process", advise_process}, {"posix", advise_posix},
		{"trim", trim_heaps}, {"partly", partly}, {"locked", locked_ways},
	};

	if (argc == 5) {
		answer_words(argv + 1);
		return 0;
	}
	is_apart = argc > 2 && strcmp(argv[1], "apart") == 0;
	if (argc > 2 && strcmp(argv[1], "old") == 0)
		become_old();
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (argc > 1 && strcmp(argv[argc - 1], parts[i].name) == 0)
			parts[i].run();
	return 0;
}
