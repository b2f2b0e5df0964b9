/* SPDX-License-Identifier: MIT */
/* Runs a command bare and under the library, the second argument, and tells whether its output and
 * status are the same and its peak resident memory at most so many percent of bare, the first. */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "victim.h"

/* The peak in KiB; what it wrote is left in a file of that name. */
static long run(char **command, const char *library, const char *out, int *status)
{
	struct rusage usage;
	pid_t child = fork();

	if (child == 0) {
		if (freopen(out, "w", stdout) == NULL)
			_exit(126);
		if (library)
			setenv("LD_PRELOAD", library, 1);
		execvp(command[0], command);
		_exit(127);
	}
	if (wait4(child, status, 0, &usage) != child)
		exit(1);
	return usage.ru_maxrss;
}

static int is_same(const char *one, const char *other)
{
	char line[256];

	snprintf(line, sizeof(line), "cmp -s %s %s", one, other);
	return system(line) == 0;
}

int main(int argc, char **argv)
{
	int bare_status, status;
	long bare, peak;

	if (argc < 4)
		return 2;
	bare = run(argv + 3, NULL, "bare.out", &bare_status);
	peak = run(argv + 3, argv[2], "peak.out", &status);
	printf("status %d same %d within %d\n", status, status == bare_status && is_same("bare.out", "peak.out"),
	       peak * 100 <= bare * atol(argv[1]));
	if (peak * 100 > bare * atol(argv[1]) || getenv("SHOW_PEAK"))
		printf("%ld KiB, bare %ld\n", peak, bare);
	remove("bare.out");
	remove("peak.out");
	return 0;
}
