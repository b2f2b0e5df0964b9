/* SPDX-License-Identifier: MIT */
/* Holds the standard descriptors, and closes standard output in the one place that tells its errors. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"

void output_hold(void)
{
	int fd;

	/* O_PATH: a write fails by EBADF, as it does where the descriptor is closed */
	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int output_flush(FILE *to)
{
	static int reason; /* of standard output's first error */
	const bool failed = ferror(to) != 0;
	int error = fflush(to) == 0 ? 0 : errno;

	if (to == stdout)
		reason = reason ? reason : error;
	if (error == 0 && failed)
		error = to == stdout && reason ? reason : EIO;
	return -error;
}

int output_close(int status)
{
	int error = -output_flush(stdout);

	/* a full quota and a network's file system may tell it only now */
	if (close(STDOUT_FILENO) != 0 && error == 0 && errno != EBADF && errno != EINTR)
		error = errno;
	if (error == 0)
		return status;
	cli_error("standard output: %s", strerror(error));
	return status ? status : CLI_FAILED;
}
