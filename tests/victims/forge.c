/* SPDX-License-Identifier: MIT */
/* Makes programs that a preloaded library can't reach: its own file, changed as the first argument
 * says, under the name in the second. */
#define _GNU_SOURCE
#include <elf.h>
#include <endian.h>
#include <link.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "victim.h"

static char image[8 << 20];

static void change_loader(const char *loader)
{
	const ElfW(Ehdr) *header = (ElfW(Ehdr) *)image;
	ElfW(Phdr) *segment = (ElfW(Phdr) *)(image + header->e_phoff);

	for (int i = 0; i < header->e_phnum; i++, segment++) {
		if (segment->p_type != PT_INTERP)
			continue;
		if (loader == NULL)
			segment->p_type = PT_NULL;
		else
			strncpy(image + segment->p_offset, loader, segment->p_filesz);
	}
}

/* The same library by another name, wherever that stands. */
static void change_library(const char *from, const char *to)
{
	const size_t length = strlen(from);

	for (char *at = image; (at = memmem(at, (size_t)(image + sizeof(image) - at), from, length)); at += length)
		memcpy(at, to, length);
}

static int set_capability(const char *path)
{
	const struct vfs_cap_data data = {
		.magic_etc = htole32(VFS_CAP_REVISION_2),
		.data[0].permitted = htole32(1u << CAP_NET_RAW),
	};

	return setxattr(path, XATTR_NAME_CAPS, &data, sizeof(data), 0);
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[1] : "", *path = argc > 2 ? argv[2] : "";
	int from = open("/proc/self/exe", O_RDONLY), to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t size = read(from, image, sizeof(image));

	if (strcmp(how, "static") == 0)
		change_loader(NULL);
	else if (strcmp(how, "libc") == 0)
		change_loader("/lib/ld-other.so.1");
	else if (strcmp(how, "musl") == 0)
		change_loader("/lib/ld-musl-x86_64.so.1");
	else if (strcmp(how, "sanitizer") == 0)
		change_library("libc.so.6", "libasan.6");
	else if (strcmp(how, "machine") == 0)
		((ElfW(Ehdr) *)image)->e_machine = EM_SPARCV9;
	if (size <= 0 || write(to, image, (size_t)size) != size || close(to) != 0)
		return 1;
	if (strcmp(how, "capability") == 0 && set_capability(path) != 0) {
		puts("file capabilities can't be set here");
		return 77;
	}
	return strcmp(how, "setuid") == 0 && chmod(path, 04755) != 0;
}
