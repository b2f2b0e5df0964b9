/* SPDX-License-Identifier: MIT */
/* What the victims share: figures of their own memory, from the kernel. */
#ifndef RAMLOCK_VICTIM_H
#define RAMLOCK_VICTIM_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define PAGE ((size_t)4096)

/* Minor faults so far. */
static inline long faults(void)
{
	struct rusage now;

	getrusage(RUSAGE_SELF, &now);
	return now.ru_minflt;
}

/* A "Name:  123 kB" of /proc/self/status, in KiB; -1 if it is not there. */
static inline long status_kib(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			value = strtol(line + strlen(name) + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

/* Whether the mapping that holds an address is locked, by the flags in smaps. */
static inline int is_locked(const void *address)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	char line[4400];
	int inside = 0, locked = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = (uintptr_t)address >= start && (uintptr_t)address < end;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			locked = strstr(line, " lo") != NULL;
	}
	if (file)
		fclose(file);
	return locked;
}

/* What pagemap (proc(5)) says of the page at an address. */
static inline uint64_t page_entry(const void *address)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)address / PAGE * sizeof(entry))) < 0)
		entry = 0;
	close(fd);
	return entry;
}

/* Whether it is in memory, and mapped. */
static inline int is_resident(const void *address)
{
	return (int)(page_entry(address) >> 63);
}

/* Whether it is in memory and no longer the file's: bit 61 is set for a page of a file. */
static inline int is_copied(const void *address)
{
	return is_resident(address) && !(page_entry(address) >> 61 & 1);
}

#endif
