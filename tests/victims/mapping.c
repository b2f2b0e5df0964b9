/* SPDX-License-Identifier: MIT */
/* Maps, opens, moves and unmaps memory as programs do, and tells what is locked, what is there
 * before it is touched, and what the calls answer. The first argument says what of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "victim.h"

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

/* "rw-p" of the mapping that begins at an address, with its length in pages. */
static const char *described(const char *at)
{
	static char text[64];
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[4400], mode[8];

	strcpy(text, "?");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx %7s", &start, &end, mode) == 3 && start == (uintptr_t)at)
			snprintf(text, sizeof(text), "%s", mode);
	if (file)
		fclose(file);
	return text;
}

/* All kinds, each by itself between closed pages, so that it is no other's neighbour. */
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

/* Grows a map from so many KiB to so many more, which are locked or not: what it holds stays. */
static void grow(const char *from, const char *to)
{
	const size_t size = strtoul(from, NULL, 0) * 1024, more = strtoul(to, NULL, 0) * 1024;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *moved;

	at[0] = at[size - 1] = 5;
	moved = mremap(at, size, more, MREMAP_MAYMOVE);
	if (moved == MAP_FAILED) {
		printf("errno %d\n", errno);
		return;
	}
	moved[more - 1] = 6;
	printf("holds %d %d %d locked %d\n", moved[0], moved[size - 1], moved[more - 1], is_locked(moved));
	moved = mremap(moved, more, size, 0);
	printf("less %d locked %d\n", moved != MAP_FAILED && moved[size - 1] == 5, is_locked(moved));
}

/* A page of it was locked and unlocked by the program: bare, the map is in one piece again. */
static void grow_mended(void)
{
	char *at = map("plain"), *moved;

	mlock(at + 8 * PAGE, PAGE);
	munlock(at + 8 * PAGE, PAGE);
	at[8 * PAGE] = 5;
	errno = 77;
	moved = mremap(at, SIZE, 2 * SIZE, MREMAP_MAYMOVE);
	printf("moved %d errno %d\n", moved != MAP_FAILED && moved[8 * PAGE] == 5, errno);
}

/* The program locks and unlocks pages of a map before it fills it, so that with the policy it is in
 * pieces; bare, it is one. Then it grows in each way. */
static void grow_pieces(void)
{
	static const char *const ways[] = {"move", "in place", "fixed", "no move", "not for itself"};

	for (int way = 0; way < 5; way++) {
		char *room = mmap(NULL, 8 * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		char *at = room + SIZE, *made, *kept;

		mlock(at + 8 * PAGE, 8 * PAGE);
		munlock(at + 8 * PAGE, 8 * PAGE);
		for (size_t i = 0; i < PAGES; i += 4)
			at[i * PAGE] = (char)i;
		munmap(room, SIZE);
		munmap(at + SIZE, 6 * SIZE);
		if (way == 0 || way == 3)
			mmap(at + SIZE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		errno = 77;
		made = mremap(at, SIZE, 2 * SIZE, way == 2 ? MREMAP_MAYMOVE | MREMAP_FIXED : way == 0 ? MREMAP_MAYMOVE : 0,
			      way == 2 ? at + 3 * SIZE : way == 4 ? at : NULL);
		kept = made == MAP_FAILED ? at : made;
		for (size_t i = 0; i < PAGES && kept; i++)
			if (kept[i * PAGE] != (i % 4 ? 0 : (char)i))
				kept = NULL;
		printf("%s: same %d errno %d\n", ways[way], kept != NULL, errno);
	}
}

/* What is left where the pages were moved from. */
static void move_and_leave(void)
{
	char *at = map("plain"), *moved;

	at[0] = 5;
	moved = mremap(at, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	printf("moved %d left %d locked %d %d\n", moved != MAP_FAILED && moved[0] == 5, at[0],
	       is_locked(moved), is_locked(at));
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
	syscall(SYS_mmap, at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0L);
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
	else if (strcmp(how, "grow") == 0)
		grow(size, argv[3]);
	else if (strcmp(how, "mended") == 0)
		grow_mended();
	else if (strcmp(how, "pieces") == 0)
		grow_pieces();
	else if (strcmp(how, "leave") == 0)
		move_and_leave();
	else if (strcmp(how, "attach") == 0)
		attach();
	else if (strcmp(how, "attach_often") == 0)
		attach_often();
	else if (strcmp(how, "often") == 0)
		map_often(size);
	else if (strcmp(how, "heap") == 0)
		extend_heap();
	else if (strcmp(how, "replace") == 0)
		replace_in_use();
	else if (strcmp(how, "one") == 0)
		map_one(size);
	return 0;
}
