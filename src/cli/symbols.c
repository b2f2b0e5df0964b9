/* SPDX-License-Identifier: MIT */
/* Asks elfutils, one file after the other. */
#include "config.h"

#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/symbols.h"

struct file {
	char *path;
	Dwfl_Module *module; /* NULL: no ELF file, or gone */
};

static Dwfl *dwfl;
static struct file *files;
static size_t count;

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

static Dwfl_Module *read_file(const char *path)
{
	Dwfl_Module *module;

	if (dwfl == NULL) {
		unsetenv("DEBUGINFOD_URLS"); /* nobody asked for the network */
		dwfl = dwfl_begin(&callbacks);
	}
	if (dwfl == NULL)
		return NULL;
	dwfl_report_begin_add(dwfl);
	module = dwfl_report_offline(dwfl, path, path, -1);
	dwfl_report_end(dwfl, NULL, NULL);
	return module;
}

static Dwfl_Module *module_of(const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(files[i].path, path) == 0)
			return files[i].module;
	files = cli_alloc(files, (count + 1) * sizeof(*files));
	files[count].path = strcpy(cli_alloc(NULL, strlen(path) + 1), path);
	files[count].module = *path == '/' ? read_file(path) : NULL;
	return files[count++].module;
}

/* The address at which elfutils laid what is at an offset of the file; 0 for nowhere. */
static GElf_Addr address_of(Dwfl_Module *module, uint64_t offset)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(module, &bias);
	size_t segments = 0;
	GElf_Phdr segment;

	if (elf == NULL || elf_getphdrnum(elf, &segments) != 0)
		return 0;
	for (size_t i = 0; i < segments; i++)
		if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_LOAD &&
		    offset - segment.p_offset < segment.p_filesz)
			return segment.p_vaddr + offset - segment.p_offset + bias;
	return 0;
}

/* The readable form of a C++ name, to be freed, or NULL. */
static char *demangle(const char *name)
{
	typedef char *function(const char *, char *, size_t *, int *);
	static union {
		void *pointer;
		function *call;
	} cxa;
	static int looked;
	int status;

	if (strncmp(name, "_Z", 2) != 0)
		return NULL;
	if (!looked++) {
		void *library = dlopen("libstdc++.so.6", RTLD_NOW);

		cxa.pointer = library ? dlsym(library, "__cxa_demangle") : NULL;
	}
	return cxa.pointer ? cxa.call(name, NULL, NULL, &status) : NULL;
}

void symbols_name(const char *path, uint64_t offset, char *to, size_t size)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	Dwfl_Module *module = module_of(path);
	GElf_Addr address = module ? address_of(module, offset) : 0;
	const char *name = NULL;
	char *readable;
	GElf_Off into = 0;
	GElf_Sym symbol;

	if (address)
		name = dwfl_module_addrinfo(module, address, &into, &symbol, NULL, NULL, NULL);
	if (name == NULL || *name == '\0') {
		snprintf(to, size, "%s+0x%llx", *base ? base : "generated code",
			 (unsigned long long)offset);
		return;
	}
	readable = demangle(name);
	if (readable)
		snprintf(to, size, "%s (%s)", readable, base);
	else /* without the version: pthread_create@GLIBC_2.2.5 */
		snprintf(to, size, "%.*s (%s)", (int)strcspn(name, "@"), name, base);
	free(readable);
}

void symbols_end(void)
{
	for (size_t i = 0; i < count; i++)
		free(files[i].path);
	free(files);
	files = NULL;
	count = 0;
	if (dwfl)
		dwfl_end(dwfl);
	dwfl = NULL;
}
