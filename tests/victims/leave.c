/* SPDX-License-Identifier: MIT */
/* Ends with status 3 in the way that the first argument says. */
#include <signal.h>

#include "victim.h"

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (strcmp(how, "_exit") == 0)
		_exit(3);
	if (strcmp(how, "_Exit") == 0)
		_Exit(3);
	if (strcmp(how, "quick_exit") == 0)
		quick_exit(3);
	if (strcmp(how, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(how, "file") == 0) { /* a file in the place of stderr, as a daemon may have */
		close(2);
		open("data", O_RDWR | O_CREAT | O_TRUNC, 0644);
	}
	exit(3);
}
