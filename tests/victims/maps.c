/* SPDX-License-Identifier: MIT */
/* Tells what of itself is locked and resident. */
#include <dlfcn.h>

#include "victim.h"

static const char constant[64 * PAGE] = {1};
static char data[64 * PAGE] = {1};
static char bss[64 * PAGE];

static int all_resident(const char *at, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		if (!is_resident(at + i))
			return 0;
	return 1;
}

/* A file that is not code, mapped by the test before we start: none; so we map our own late. */
static void files(const char *path)
{
	int fd = open(path, O_RDONLY);
	char *at = mmap(NULL, 64 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

	printf("file %d\n", at != MAP_FAILED && is_resident(at + 32 * PAGE));
}

static int counters_page(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	char line[4400];
	int found = 0;

	while (file && fgets(line, sizeof(line), file))
		found |= strstr(line, "/memfd:ramlock (deleted)") != NULL;
	fclose(file);
	return found;
}

int main(int argc, char **argv)
{
	int fd = open("/dev/null", O_RDONLY);
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "locked") == 0)
		printf("locked %d\n", status_kib("VmLck") > 0);
	else if (strcmp(how, "limit") == 0)
		printf("within %d\n", status_kib("VmLck") <= atol(argv[2]));
	else if (strcmp(how, "populated") == 0)
		printf("text %d data %d bss %d libc %d\n", all_resident(constant, sizeof(constant)),
		       all_resident(data, sizeof(data)), all_resident(bss, sizeof(bss)),
		       is_resident((char *)&printf) && is_resident((char *)&qsort));
	else if (strcmp(how, "page") == 0)
		printf("page %d descriptor %d\n", counters_page(), fd);
	else if (strcmp(how, "file") == 0)
		files(argv[0]);
	else if (strcmp(how, "preload") == 0)
		printf("%s\n", getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "unset");
	else if (strcmp(how, "order") == 0)
		printf("stack %d data %d text %d\n", is_locked((char *)&fd), is_locked(data),
		       is_locked(constant));
	else if (strcmp(how, "leave") == 0)
		_exit(3);
	return 0;
}
