/* SPDX-License-Identifier: MIT */
/* Grows and moves maps by mremap; the first argument says how. */
#define _GNU_SOURCE
#include <errno.h>

#include "victim.h"

#define PAGES ((size_t)64)
#define SIZE (PAGES * PAGE)

static char *map(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Grows a map from so many KiB to so many more, which are locked or not: what it holds stays. */
static void grow(const char *from, const char *to)
{
	const size_t size = strtoul(from, NULL, 0) * 1024, more = strtoul(to, NULL, 0) * 1024;
	char *at = map(size);
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
	char *at = map(SIZE), *moved;

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
		char *room = map(8 * SIZE);
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

/* Maps one after another until no page is left of the limit: large ones, and the rest in pages. */
static void fill_limit(char *at)
{
	const size_t size = 64 * SIZE;

	for (size_t done = 0, part; done < size + SIZE; done += part) {
		part = done < size ? SIZE : PAGE;
		mmap(at + done, part, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
}

/* Half a map is opened while the policy has room to lock it, half when it has none, so that it is in two
 * pieces when all of it is the program's lock, and has to grow where others fill the limit. */
static void grow_full(void)
{
	char *filler = mmap(NULL, 65 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *moved;

	mprotect(at, SIZE / 2, PROT_READ | PROT_WRITE);
	fill_limit(filler);
	mprotect(at + SIZE / 2, SIZE / 2, PROT_READ | PROT_WRITE);
	printf("locked %d %d ", is_locked(at), is_locked(at + SIZE / 2));
	at[0] = at[SIZE - 1] = 5;
	printf("mlock %d ", mlock(at, SIZE));
	fill_limit(filler);
	errno = 77;
	moved = mremap(at, SIZE, 3 * SIZE, MREMAP_MAYMOVE);
	printf("moved %d errno %d\n", moved != MAP_FAILED && moved[0] == 5 && moved[SIZE - 1] == 5, errno);
}

/* What is left where the pages were moved from. */
static void move_and_leave(void)
{
	char *at = map(SIZE), *moved;

	at[0] = 5;
	moved = mremap(at, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	printf("moved %d left %d locked %d %d\n", moved != MAP_FAILED && moved[0] == 5, at[0],
	       is_locked(moved), is_locked(at));
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "grow") == 0)
		grow(argv[2], argv[3]);
	else if (strcmp(how, "mended") == 0)
		grow_mended();
	else if (strcmp(how, "pieces") == 0)
		grow_pieces();
	else if (strcmp(how, "full") == 0)
		grow_full();
	else if (strcmp(how, "leave") == 0)
		move_and_leave();
	return 0;
}
