/* SPDX-License-Identifier: MIT */
/* Maps, opens and unmaps memory as programs do, and tells what is locked, what is there
 * before it is touched, and what the calls answer. The first argument says what of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "victim.h"

#ifndef __GLIBC__ /* musl has none */
#define pkey_mprotect(at, size, prot, key) mprotect(at, size, prot)
#endif

#ifdef SYS_mmap2 /* the older call of 32 bits takes its arguments in another way */
#define SYS_MAP SYS_mmap2
#else
#define SYS_MAP SYS_mmap
#endif

/* What can't be had: of 32 bits the half can. */
#define TOO_MUCH (sizeof(size_t) < 8 ? SIZE_MAX - SIZE : SIZE_MAX / 4)

#define PAGES ((size_t)64)
#define SIZE (PAGES * PAGE)

int pkey_mprotect(void *at, size_t size, int prot, int key);

static const struct kind {
	const char *name;
	int prot, flags, file; /* file: 0 none, 'f' a plain file, else what is opened */
} kinds[] = {
	{"plain", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0},
	{"none", PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0},
	{"noreserve", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0},
	{"shared noreserve", PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, 0},
	{"growsdown", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, 0},
	{"stack", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, 0},
	{"shared", PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0},
	{"file", PROT_READ, MAP_PRIVATE, 'f'},
	{"private file", PROT_READ | PROT_WRITE, MAP_PRIVATE, 'f'},
	{"shared file", PROT_READ | PROT_WRITE, MAP_SHARED, 'f'},
	{"closed file", PROT_NONE, MAP_PRIVATE, 'f'},
	{"code", PROT_READ | PROT_EXEC, MAP_PRIVATE, 'f'},
	{"device", PROT_READ | PROT_WRITE, MAP_PRIVATE, 'd'},
	{"populate", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, 0},
	{"populate noreserve", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_NORESERVE, 0},
	{"populate file", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE, 'f'},
	{"locked", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, 0},
	{"locked file", PROT_READ, MAP_SHARED | MAP_LOCKED, 'f'},
};

static int open_file(int which)
{
	int fd = which == 'd' ? open("/dev/zero", O_RDWR) : memfd_create("file", MFD_CLOEXEC);

	if (which == 'f' && ftruncate(fd, (off_t)SIZE) != 0)
		exit(1);
	return fd;
}

static char *map_at(char *at, const struct kind *kind, int flags)
{
	int fd = kind->file ? open_file(kind->file) : -1;
	char *made = mmap(at, SIZE, kind->prot, kind->flags | flags, fd, 0);

	if (fd >= 0)
		close(fd);
	return made;
}

static char *map(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return map_at(NULL, &kinds[i], 0);
	return MAP_FAILED;
}

static size_t resident(const char *at, size_t pages)
{
	size_t count = 0;

	for (size_t i = 0; i < pages; i++)
		count += (size_t)is_resident(at + i * PAGE);
	return count;
}

/* "rw-p" of the mapping that holds an address. */
static const char *described(const char *at)
{
	static char text[64];
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[4400], mode[8];

	strcpy(text, "?");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx %7s", &start, &end, mode) == 3 && start <= (uintptr_t)at &&
		    end > (uintptr_t)at)
			snprintf(text, sizeof(text), "%s", mode);
	if (file)
		fclose(file);
	return text;
}

/* All kinds, one after the other. */
static void show_kinds(void)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char *at = map_at(NULL, &kinds[i], 0);

		printf("%s: %s locked %d resident %zu\n", kinds[i].name, described(at), is_locked(at),
		       resident(at, PAGES));
		munmap(at, SIZE);
	}
}

/* The same over memory that is in use: what was there is gone, what is around stays. */
static void show_fixed(void)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char *room = mmap(NULL, SIZE + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		char *at;

		memset(room, 7, SIZE + 2 * PAGE);
		at = map_at(room + PAGE, &kinds[i], MAP_FIXED);
		printf("%s: %d", kinds[i].name, at == room + PAGE);
		if (kinds[i].prot != PROT_NONE)
			printf(" %d %d", at[0], at[SIZE - 1]);
		printf(" around %d %d\n", room[0], room[SIZE + PAGE]);
		munmap(room, SIZE + 2 * PAGE);
	}
}

static void open_reserved(int by_key)
{
	char *at = map("none");
	size_t before;

	if (by_key)
		pkey_mprotect(at + 8 * PAGE, 16 * PAGE, PROT_READ | PROT_WRITE, -1);
	else
		mprotect(at + 8 * PAGE, 16 * PAGE, PROT_READ | PROT_WRITE);
	before = resident(at, PAGES);
	at[8 * PAGE] = 1;
	printf("opened: locked %d resident %zu %zu\n", is_locked(at + 8 * PAGE), before,
	       resident(at, PAGES));
}

static void print_result(const char *name, void *result)
{
	printf("%s %d errno %d\n", name, result != MAP_FAILED, errno);
	errno = 77;
}

static void *map_bad(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return mmap(at, size, prot, flags | MAP_NORESERVE, fd, offset);
}

/* What bad arguments answer, of reservations and file maps too: the same as bare. */
static void bad(void)
{
	const int read_only = open("/proc/self/exe", O_RDONLY), both = PROT_READ | PROT_WRITE;
	const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
	char *at = map("plain");

	errno = 77;
	print_result("nothing", map_bad(NULL, 0, both, anonymous, -1, 0));
	print_result("no kind", map_bad(NULL, SIZE, both, MAP_ANONYMOUS, -1, 0));
	print_result("descriptor", map_bad(NULL, SIZE, both, MAP_PRIVATE, 99, 0));
	print_result("folder", map_bad(NULL, SIZE, both, MAP_PRIVATE, open("/", O_RDONLY), 0));
	print_result("offset", map_bad(NULL, SIZE, PROT_READ, MAP_PRIVATE, read_only, 5));
	print_result("not to write", map_bad(NULL, SIZE, both, MAP_SHARED, read_only, 0));
	print_result("fixed, unaligned", map_bad(at + 5, SIZE, both, anonymous | MAP_FIXED, -1, 0));
	print_result("fixed, kernel's", map_bad((void *)(UINTPTR_MAX - SIZE + 1), SIZE, both, anonymous | MAP_FIXED, -1, 0));
	print_result("fixed, in use", map_bad(at, SIZE, both, anonymous | MAP_FIXED_NOREPLACE, -1, 0));
	print_result("too much", map_bad(NULL, SIZE_MAX / 2, both, anonymous, -1, 0));
	print_result("all", map_bad(NULL, SIZE_MAX, both, anonymous, -1, 0));
	print_result("succeeds", map_bad(NULL, SIZE, both, anonymous, -1, 0));
	print_result("mremap hole", mremap(NULL, SIZE, 2 * SIZE, MREMAP_MAYMOVE));
	print_result("mremap unaligned", mremap(at + 5, SIZE, 2 * SIZE, MREMAP_MAYMOVE));
	print_result("mremap beyond", mremap(at, 1024 * SIZE, 2048 * SIZE, MREMAP_MAYMOVE));
	print_result("mremap nothing", mremap(at, SIZE, 0, MREMAP_MAYMOVE));
	print_result("mremap flags", mremap(at, SIZE, SIZE, 0x80));
	print_result("mremap upon itself", mremap(at, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, at));
	print_result("mremap less", mremap(at, SIZE, SIZE / 2, 0));
	printf("mprotect hole %d", mprotect(at, SIZE, PROT_READ));
	print_result("", NULL);
	printf("mprotect unaligned %d", mprotect(at + 5, PAGE, PROT_READ));
	print_result("", NULL);
	printf("mprotect bits %d", mprotect(at, PAGE, 0x7000));
	print_result("", NULL);
	printf("mprotect nothing %d", mprotect(at, 0, PROT_READ));
	print_result("", NULL);
	printf("pkey %d", pkey_mprotect(at, PAGE, PROT_READ, 15));
	print_result("", NULL);
	print_result("shmat", shmat(-1, NULL, 0));
	printf("shmdt %d", shmdt(at));
	print_result("", NULL);
	printf("munmap %d", munmap(at + 5, PAGE));
	print_result("", NULL);
	printf("brk %d", brk((void *)(UINTPTR_MAX / 2)));
	print_result("", NULL);
	print_result("sbrk", sbrk(INTPTR_MAX));
	print_result("sbrk 0", sbrk(0));
}

static void attach(void)
{
	int id = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);
	char *at = shmat(id, NULL, 0);

	shmctl(id, IPC_RMID, NULL);
	printf("shared locked %d resident %zu", is_locked(at), resident(at, PAGES));
	at[0] = 1;
	errno = 77;
	printf(" detached %d errno %d\n", shmdt(at), errno);
}

/* So that the next map comes elsewhere, and no wrapper hears of it. */
static void occupy(char *at, size_t size)
{
	syscall(SYS_MAP, at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0L);
}

/* Swaps the halves of a shared map that is more than half of a limit of 8 MiB. */
static void reorder(void)
{
	const size_t half = (size_t)5 << 19;
	char *at = mmap(NULL, 2 * half, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int first, second;

	at[0] = 'a';
	at[half] = 'b';
	errno = 77;
	first = remap_file_pages(at, half, 0, half / PAGE, 0);
	second = remap_file_pages(at + half, half, 0, 0, 0);
	printf("reordered %d %d: %c%c errno %d\n", first, second, at[0], at[half], errno);
}

/* Many short segments, one after the other: none may be left in a table, so each is locked. */
static void attach_often(void)
{
	int locked = 0;

	for (int i = 0; i < 100; i++) {
		int id = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);
		char *at = shmat(id, NULL, 0);

		shmctl(id, IPC_RMID, NULL);
		locked += is_locked(at);
		shmdt(at);
		occupy(at, SIZE);
	}
	printf("locked %d\n", locked);
}

/* Maps and unmaps so many KiB, often: is the last one locked as the first? */
static void map_often(const char *kib)
{
	const size_t size = strtoul(kib, NULL, 0) * 1024;
	int locked = 0;

	for (int i = 0; i < 100; i++) {
		char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		locked += is_locked(at) && is_locked(at + size - 1);
		munmap(at, size);
		occupy(at, size);
	}
	printf("locked %d\n", locked);
}

/* The heap, extended by the program itself. */
static void extend_heap(void)
{
	char *at = sbrk((intptr_t)SIZE), *more;

	printf("sbrk locked %d resident %d", is_locked(at + SIZE / 2), is_resident(at + SIZE / 2));
	more = sbrk(0);
	printf(" brk %d", brk(more + SIZE));
	printf(" locked %d resident %d\n", is_locked(more + SIZE / 2), is_resident(more + SIZE / 2));
}

/* So many KiB of heap, given back in both ways, and a map of as many: there is room for one. */
static void extend_and_give_back(const char *kib)
{
	const intptr_t size = (intptr_t)strtoul(kib, NULL, 0) * 1024;
	char *heap[2] = {sbrk(0), (char *)sbrk(0) + size};
	int locked;

	brk(heap[1]);
	locked = is_locked(heap[1] - 1);
	brk(heap[0]);
	sbrk(size);
	locked += is_locked(heap[1] - 1);
	sbrk(-size);
	locked += is_locked(mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	printf("locked %d\n", locked);
}

/* Another thread reads one byte of a page all the time while a reservation takes its place. */
static volatile char *watched;
static volatile int done;

static void *watch(void *unused)
{
	long sum = 0;

	(void)unused;
	while (!done)
		sum += watched[0];
	return (void *)(uintptr_t)(sum & 1);
}

static void replace_in_use(void)
{
	char *at = map("plain");
	pthread_t thread;

	watched = at;
	pthread_create(&thread, NULL, watch, NULL);
	for (int i = 0; i < 2000; i++)
		if (mmap(at, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != at)
			puts("failed");
	done = 1;
	pthread_join(thread, NULL);
	puts("replaced");
}

/* One map of so many KiB, which is there or not before it is touched. */
static void map_one(const char *kib)
{
	const size_t size = strtoul(kib, NULL, 0) * 1024;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	printf("map %d", at != MAP_FAILED);
	if (at != MAP_FAILED)
		printf(" locked %d %d resident %zu", is_locked(at), is_locked(at + size - 1), resident(at, size / PAGE));
	putchar('\n');
}

/* A size that can't be had; large blocks are locked still. */
static void ask_too_much(void)
{
	const volatile size_t too_much = TOO_MUCH; /* unknown to the compiler, which would warn */
	int none = mmap(NULL, too_much, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
	char *volatile most = malloc(too_much), *volatile zeroed = calloc(1, too_much);
	char *block = malloc(64 << 20);

	none += most == NULL && zeroed == NULL;
	printf("none %d resident %d\n", none, is_resident(block + (32 << 20)));
}

/* As a program that calls no libc. */
static void map_directly(void)
{
	char *at = (char *)syscall(SYS_MAP, NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);

	printf("direct locked %d resident %zu\n", is_locked(at), resident(at, PAGES));
}

/* A file map, in a child. */
static void show_in_child(void)
{
	char *at = map("file");

	if (fork() == 0) {
		printf("child locked %d\n", is_locked(at));
		exit(0);
	}
	wait(NULL);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "", *size = argc > 2 ? argv[2] : "64";

	if (strcmp(how, "kinds") == 0)
		show_kinds();
	else if (strcmp(how, "fixed") == 0)
		show_fixed();
	else if (strcmp(how, "open") == 0)
		open_reserved(0);
	else if (strcmp(how, "open_key") == 0)
		open_reserved(1);
	else if (strcmp(how, "bad") == 0)
		bad();
	else if (strcmp(how, "attach") == 0)
		attach();
	else if (strcmp(how, "reorder") == 0)
		reorder();
	else if (strcmp(how, "attach_often") == 0)
		attach_often();
	else if (strcmp(how, "often") == 0)
		map_often(size);
	else if (strcmp(how, "heap") == 0)
		extend_heap();
	else if (strcmp(how, "heap_back") == 0)
		extend_and_give_back(size);
	else if (strcmp(how, "replace") == 0)
		replace_in_use();
	else if (strcmp(how, "too_much") == 0)
		ask_too_much();
	else if (strcmp(how, "direct") == 0)
		map_directly();
	else if (strcmp(how, "child") == 0)
		show_in_child();
	else if (strcmp(how, "one") == 0)
		map_one(size);
	return 0;
}
