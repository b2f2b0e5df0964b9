/* SPDX-License-Identifier: MIT */
/* Finds the library that matches a program's architecture and libc. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/launch.h"
#include "cli/library.h"

/* A loader is there for one architecture and one libc; both give the library's folder its name,
 * which is that of Debian's multiarch. */
static const struct abi {
	const char *loader, *folder;
} abis[] = {
	{"ld-linux-x86-64.so.2", "x86_64-linux-gnu"},
	{"ld-linux-x32.so.2", "x86_64-linux-gnux32"},
	{"ld-linux.so.2", "i386-linux-gnu"},
	{"ld-linux-aarch64.so.1", "aarch64-linux-gnu"},
	{"ld-linux-armhf.so.3", "arm-linux-gnueabihf"},
	{"ld-linux.so.3", "arm-linux-gnueabi"},
	{"ld-linux-riscv64-lp64d.so.1", "riscv64-linux-gnu"},
	{"ld-linux-loongarch-lp64d.so.1", "loongarch64-linux-gnu"},
	{"ld64.so.2", "powerpc64le-linux-gnu"},
	{"ld64.so.1", "s390x-linux-gnu"},
	{"ld-musl-x86_64.so.1", "x86_64-linux-musl"},
	{"ld-musl-i386.so.1", "i386-linux-musl"},
	{"ld-musl-aarch64.so.1", "aarch64-linux-musl"},
	{"ld-musl-armhf.so.1", "arm-linux-musleabihf"},
	{"ld-musl-riscv64.so.1", "riscv64-linux-musl"},
	{"ld-musl-powerpc64le.so.1", "powerpc64le-linux-musl"},
	{"ld-musl-s390x.so.1", "s390x-linux-musl"},
};

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *folder_of(const char *loader)
{
	for (size_t i = 0; i < sizeof(abis) / sizeof(*abis); i++)
		if (strcmp(abis[i].loader, name_of(loader)) == 0)
			return abis[i].folder;
	return NULL;
}

/* Of a machine that the table doesn't name, the command's own libc can be told. */
static bool is_own_loader(const char *loader)
{
	static struct image command;

	return image_read("/proc/self/exe", &command, false) &&
	       strcmp(name_of(command.loader), name_of(loader)) == 0;
}

/* musl's libc is libc.so, or libc.musl-x86_64.so.1; glibc's is libc.so.6. */
static bool is_for_musl(const struct image *library)
{
	for (unsigned i = 0; i < library->needed_count; i++)
		if (strcmp(library->needed[i], "libc.so") == 0 ||
		    strncmp(library->needed[i], "libc.musl-", 10) == 0)
			return true;
	return false;
}

enum target_obstacle library_fits(const char *library, const struct image *program)
{
	static struct image image;
	const char *folder = folder_of(program->loader);

	if (!image_read(library, &image, false))
		return TARGET_FINE;
	if (image.machine != program->machine || image.class != program->class)
		return TARGET_ARCHITECTURE;
	if (folder == NULL)
		return is_own_loader(program->loader) ? TARGET_FINE : TARGET_LIBC;
	return is_for_musl(&image) == (strstr(folder, "-musl") != NULL) ? TARGET_FINE : TARGET_LIBC;
}

static bool try_place(const char *base, const char *place, const struct image *program, char *library)
{
	char path[LAUNCH_PATH], found[LAUNCH_PATH];
	int length = snprintf(path, sizeof(path), "%s/%s/" LIBRARY_NAME, base, place);

	if (length >= LAUNCH_PATH || realpath(path, found) == NULL ||
	    library_fits(found, program) != TARGET_FINE)
		return false;
	snprintf(library, LAUNCH_PATH, "%s", found);
	return true;
}

/* Below the folder of the library that was found, or beside it. */
static void search(char *library, const struct image *program)
{
	static const char *const others[] = {"../lib", "../lib32", "../libx32", "../lib64"};
	const char *folder = folder_of(program->loader);
	char base[LAUNCH_PATH], beside[64];

	snprintf(base, sizeof(base), "%s", library);
	*strrchr(base, '/') = '\0';
	snprintf(beside, sizeof(beside), "../%s", folder);
	if (try_place(base, folder, program, library) || try_place(base, beside, program, library))
		return;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (try_place(base, others[i], program, library))
			return;
}

void library_match(char *library, const char *program)
{
	static char path[LAUNCH_PATH], file[LAUNCH_PATH];
	static struct image image;

	if (target_find(program, path, sizeof(path)) != 0 ||
	    !target_image(path, file, sizeof(file), &image) || !image.dynamic)
		return;
	if (folder_of(image.loader) && library_fits(library, &image) != TARGET_FINE)
		search(library, &image);
}
