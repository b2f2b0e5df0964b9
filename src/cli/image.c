/* SPDX-License-Identifier: MIT */
/* Reads ELF files by libelf. */
#include "config.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/image.h"
#include "common/size.h"

static bool read_loader(Elf *elf, const GElf_Phdr *header, struct image *image)
{
	size_t size, length = header->p_filesz;
	char *file = elf_rawfile(elf, &size);

	if (file == NULL || header->p_offset >= size || header->p_filesz > size - header->p_offset)
		return false;
	if (length > sizeof(image->loader))
		length = sizeof(image->loader); /* one of 2 GiB and more is a negative int */
	snprintf(image->loader, sizeof(image->loader), "%.*s", (int)length, file + header->p_offset);
	return true;
}

static bool read_segments(Elf *elf, struct image *image)
{
	GElf_Ehdr header;
	GElf_Phdr segment;
	size_t count;

	if (elf == NULL || elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == NULL ||
	    elf_getphdrnum(elf, &count) != 0)
		return false;
	*image = (struct image){.machine = header.e_machine, .class = header.e_ident[EI_CLASS]};
	for (size_t i = 0; i < count; i++) {
		if (gelf_getphdr(elf, (int)i, &segment) == NULL)
			continue;
		if (segment.p_type == PT_INTERP)
			image->dynamic = read_loader(elf, &segment, image);
		if (segment.p_type != PT_LOAD || segment.p_memsz > INT64_MAX / 2)
			continue;
		*(segment.p_flags & PF_W ? &image->data : &image->text) +=
			size_page_up((uintptr_t)segment.p_vaddr + segment.p_memsz) -
			size_page_down((uintptr_t)segment.p_vaddr);
	}
	return true;
}

static void read_dynamic(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct image *image)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Dyn entry;

	for (int i = 0; data && gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++) {
		const char *text = elf_strptr(elf, header->sh_link, (size_t)entry.d_un.d_val);

		if (entry.d_tag == DT_NEEDED && text && image->needed_count < IMAGE_NEEDED)
			snprintf(image->needed[image->needed_count++], sizeof(*image->needed), "%s", text);
		if ((entry.d_tag == DT_RUNPATH || (entry.d_tag == DT_RPATH && !*image->search)) && text)
			snprintf(image->search, sizeof(image->search), "%s", text);
	}
}

/* A function that tells what is linked in. */
static const struct mark {
	const char *function, *allocator, *sanitizer;
} marks[] = {
	{"je_mallctl", "jemalloc", NULL},    {"mallctl", "jemalloc", NULL},
	{"_rjem_mallctl", "jemalloc", NULL}, {"mi_malloc", "mimalloc", NULL},
	{"tc_malloc", "tcmalloc", NULL},     {"scalable_malloc", "tbbmalloc", NULL},
	{"__asan_init", NULL, "AddressSanitizer"},  {"__tsan_init", NULL, "ThreadSanitizer"},
	{"__msan_init", NULL, "MemorySanitizer"},   {"__hwasan_init", NULL, "HWAddressSanitizer"},
};

static void read_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct image *image)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Sym symbol;

	for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
		const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);

		if (name == NULL || symbol.st_shndx == SHN_UNDEF ||
		    GELF_ST_TYPE(symbol.st_info) != STT_FUNC)
			continue;
		if (header->sh_type == SHT_DYNSYM && strcmp(name, "malloc") == 0)
			image->has_malloc = true;
		for (size_t m = 0; m < sizeof(marks) / sizeof(*marks); m++) {
			if (strcmp(name, marks[m].function) != 0)
				continue;
			if (marks[m].allocator)
				image->allocator = marks[m].allocator;
			else
				image->sanitizer = marks[m].sanitizer;
		}
	}
}

/* What a stripped program still says: the allocators begin their messages with their names. */
static void read_texts(Elf_Scn *section, struct image *image)
{
	Elf_Data *data = elf_getdata(section, NULL);

	if (data == NULL || data->d_buf == NULL || image->allocator)
		return;
	if (memmem(data->d_buf, data->d_size, "<jemalloc>: ", 12))
		image->allocator = "jemalloc";
	else if (memmem(data->d_buf, data->d_size, "mimalloc: ", 10))
		image->allocator = "mimalloc";
}

static void read_sections(Elf *elf, struct image *image, bool details)
{
	Elf_Scn *section = NULL;
	size_t names = 0;
	GElf_Shdr header;

	elf_getshdrstrndx(elf, &names);
	while ((section = elf_nextscn(elf, section)) != NULL) {
		const char *name;

		if (gelf_getshdr(section, &header) == NULL)
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (header.sh_type == SHT_DYNAMIC)
			read_dynamic(elf, section, &header, image);
		else if (!details)
			continue;
		else if (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB)
			read_symbols(elf, section, &header, image);
		else if (name && strcmp(name, ".rodata") == 0)
			read_texts(section, image);
	}
}

bool image_read(const char *path, struct image *image, bool details)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO is no program */
	bool read;
	Elf *elf;

	if (fd < 0)
		return false;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	read = read_segments(elf, image);
	if (read)
		read_sections(elf, image, details);
	elf_end(elf);
	close(fd);
	return read;
}
