/* SPDX-License-Identifier: MIT */
/* Tells what of itself is locked and resident; the first argument says what. */
#define _GNU_SOURCE
#include <link.h>

#include "victim.h"

static const char constant[64 * PAGE] = {1};
static char data[64 * PAGE] = {1};
static char bss[64 * PAGE];
static char *early; /* a file that is not code, mapped before any library's constructor */

static void map_early(void)
{
	int fd = memfd_create("early", MFD_CLOEXEC);

	if (ftruncate(fd, 64 * PAGE) == 0)
		early = mmap(NULL, 64 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
}
__attribute__((section(".preinit_array"), used)) static void (*preinit)(void) = map_early;

/* libc's writable segment, less what is made read-only after relocation. */
static int find_libc_data(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if ((strstr(info->dlpi_name, "/libc") || strstr(info->dlpi_name, "/ld-musl")) && segment->p_type == PT_LOAD &&
		    segment->p_flags & PF_W)
			*(char **)context = (char *)info->dlpi_addr + segment->p_vaddr + segment->p_filesz - 1;
	}
	return 0;
}

static char *libc_data(void)
{
	char *at = NULL;

	dl_iterate_phdr(find_libc_data, &at);
	return at;
}

static int all_resident(const char *at, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		if (!is_resident(at + i))
			return 0;
	return 1;
}

static int all_copied(const char *at, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		if (!is_copied(at + i))
			return 0;
	return 1;
}

/* The heap's last page but one: the reserve, which nothing has used. */
static char *heap_end(void)
{
	return (char *)sbrk(0) - 2 * PAGE;
}

static void show_populated(void)
{
	printf("text %d data %d bss %d heap %d libc %d %d file %d\n",
	       all_resident(constant, sizeof(constant)), all_copied(data, sizeof(data)),
	       all_resident(bss, sizeof(bss)), is_resident(heap_end()),
	       is_resident((char *)&printf) && is_resident((char *)&qsort),
	       is_copied(libc_data()), is_resident(early + 32 * PAGE));
}

static void show_locked(const char *here)
{
	printf("stack %d data %d heap %d text %d libc %d file %d\n", is_locked(here),
	       is_locked(data), is_locked(heap_end()), is_locked(constant),
	       is_locked((char *)&qsort), is_locked(early));
}

/* A map made by the program: is it locked, and is it there before it is touched? */
static void show_later(void)
{
	char *at = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	printf("locked %d resident %d\n", is_locked(at), all_resident(at, 64 * PAGE));
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
		show_populated();
	else if (strcmp(how, "page") == 0)
		printf("page %d descriptor %d\n", counters_page(), fd);
	else if (strcmp(how, "later") == 0)
		show_later();
	else if (strcmp(how, "preload") == 0)
		printf("%s\n", getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "unset");
	else if (strcmp(how, "order") == 0)
		show_locked((char *)&fd);
	return 0;
}
