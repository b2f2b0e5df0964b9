/* SPDX-License-Identifier: MIT */
/* Has a counters page that is a lie from end to end, and a name to steer terminals with; waits. */
#define _GNU_SOURCE
#include <sys/prctl.h>

#include "common/stats.h"
#include "victim.h"

int main(int argc, char **argv)
{
	static const char name[] = "\033[2J\"\\\n\xff{}";
	int fd = memfd_create("ramlock", 0);
	struct stats_page *page;

	if (fd < 0 || ftruncate(fd, STATS_SIZE) != 0)
		return 77;
	page = mmap(NULL, STATS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(page, 0xff, STATS_SIZE);
	memcpy(page->magic, STATS_MAGIC, sizeof(page->magic));
	page->version = STATS_VERSION;
	page->level = argc > 1 ? (uint32_t)atoi(argv[1]) : LEVEL_FUTURE;
	page->reason = REASON_REFUSED;
	memset(page->settings, '\033', sizeof(page->settings));
	memcpy(page->settings, name, sizeof(name) - 1);
	page->values[STAT_large_used] = 1;
	page->values[STAT_large_resident] = 0;
	prctl(PR_SET_NAME, name);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
