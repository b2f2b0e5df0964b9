/* SPDX-License-Identifier: MIT */
/* Reads limits and free memory, as the library will when the program is run again. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/launch.h"
#include "cli/library.h"
#include "cli/means.h"
#include "cli/target.h"
#include "common/limits.h"

#define KIB	      1024ull
#define STACK_MARGIN  (64 * KIB) /* that the library leaves below its reserve */
#define STACK_FRAMES  (96 * KIB) /* of the loader, and what ramlock adds to the environment */
#define MEMORY_SHARE  4		 /* a part of the memory is left for what differs the next time */

static uint64_t size_of_words(char *const *words)
{
	uint64_t size = 0;

	for (; *words; words++)
		size += strlen(*words) + 1 + sizeof(*words);
	return size;
}

static uint64_t read_limit(int which)
{
	struct rlimit limit;

	if (getrlimit(which, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return MEANS_ALL;
	return limit.rlim_cur;
}

static uint64_t less(uint64_t from, uint64_t what)
{
	return from > what ? from - what : 0;
}

/* Arguments and environment lie in the stack's limit. */
static uint64_t read_stack(char *const *program)
{
	const uint64_t limit = read_limit(RLIMIT_STACK);
	const uint64_t taken = size_of_words(program) + size_of_words(environ);

	return limit == MEANS_ALL ? limit : less(limit, taken + STACK_MARGIN + STACK_FRAMES);
}

/* Of a finite RLIMIT_MEMLOCK what the program's own mappings leave. */
static uint64_t read_lockable(const struct outcome *f)
{
	struct rlimit limit;

	if (!f->reached || f->level != LEVEL_RANGES || getrlimit(RLIMIT_MEMLOCK, &limit) != 0 ||
	    limit.rlim_max == RLIM_INFINITY)
		return MEANS_ALL;
	return less(limit.rlim_max, f->need);
}

static uint64_t read_memory(const struct options *now, const struct outcome *f)
{
	static struct limits_scratch scratch;
	const uint64_t lockable = read_lockable(f);
	struct limits_memory memory;
	uint64_t room, most;

	limits_memory(&memory, "", "self", &scratch);
	room = limits_room(&memory);
	most = size_of(now->max, room);
	most = most < room ? most : room;
	most -= most / MEMORY_SHARE;
	return most < lockable ? most : lockable;
}

static bool has_malloc(const char *path)
{
	static struct image image;
	static struct image_tree tree;

	if (!image_read(path, &image, true))
		return false;
	if (image.has_malloc || image.allocator || strstr(image.loader, "/ld-musl"))
		return true;
	image_tree(path, &image, &tree);
	return tree.allocator != NULL;
}

/* In the program that was last in the process, or in what is preloaded into it. */
static bool has_other_malloc(char *const *program, const struct outcome *f)
{
	char path[LAUNCH_PATH], file[LAUNCH_PATH];
	const char *list = getenv("LD_PRELOAD");
	static struct image image;

	if (f->file)
		snprintf(file, sizeof(file), "%s", f->file);
	else if (target_find(*program, path, sizeof(path)) != 0 ||
		 !target_image(path, file, sizeof(file), &image))
		*file = '\0';
	if (*file && has_malloc(file))
		return true;
	while (list && *list) {
		const size_t length = strcspn(list, ": ");

		snprintf(path, sizeof(path), "%.*s", (int)length, list);
		if (strchr(path, '/') && strstr(path, "/" LIBRARY_NAME) == NULL && has_malloc(path))
			return true;
		list += length + strspn(list + length, ": ");
	}
	return false;
}

void means_read(struct means *means, const struct options *now, char *const *program,
		const struct outcome *f)
{
	*means = (struct means){
		.stack = read_stack(program),
		.memory = read_memory(now, f),
		.tight = read_limit(RLIMIT_AS) != MEANS_ALL || read_limit(RLIMIT_DATA) != MEANS_ALL,
		.no_heap = has_other_malloc(program, f),
	};
}
