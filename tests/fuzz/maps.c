/* SPDX-License-Identifier: MIT */
/* Fuzzes the reader of maps and smaps. */
#include "config.h"

#include "common/maps.h"
#include "fuzz.h"

#define LEAST 16384 /* the smallest buffer that maps.h allows */

/* Reads the file in a buffer of some size; the number of mappings. */
static size_t read_all(const char *path, size_t size, uintptr_t program_at)
{
	char *buffer = malloc(size); /* its own block: the sanitizer sees its ends */
	struct mapping mapping;
	struct maps maps;
	size_t count = 0;

	HOLDS(maps_open(&maps, path, "/usr/bin/program", buffer, size) == 0);
	maps.program_at = program_at;
	for (; maps_next(&maps, &mapping); count++) {
		HOLDS(mapping.start < mapping.end);
		HOLDS(mapping.class < MAPS_CLASSES);
		HOLDS(mapping.prot <= (MAPS_R | MAPS_W | MAPS_X));
		HOLDS(mapping.path >= buffer && mapping.path + strlen(mapping.path) < buffer + size);
	}
	maps_close(&maps);
	free(buffer);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(data, size);
	size_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	HOLDS(read_all(path, LEAST, 0) <= lines);
	HOLDS(read_all(path, LEAST + 4096, 0x401040) <= lines);
	return 0;
}
