/* SPDX-License-Identifier: MIT */
/* Keeps a second descriptor of standard error: sort, sleep and their like close theirs in a handler of
 * exit, which runs before any destructor of a library. */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/message.h"
#include "common/sys.h"
#include "preload/preload.h"
#include "preload/stderr.h"

#define KEPT_FROM 512 /* above what programs open, and count on, below the usual limit of 1024 */

static int kept = -1;

void stderr_keep(void)
{
	const char *to = preload_options.report;

	if (to && strcmp(to, "stderr") == 0)
		kept = (int)SYS_CALL(SYS_fcntl, STDERR_FILENO, F_DUPFD_CLOEXEC, KEPT_FROM);
}

void stderr_fork_child(void)
{
	if (kept >= 0 && message_is_stderr(kept))
		sys_close(kept);
	kept = -1;
}

int stderr_descriptor(void)
{
	if (message_stderr_unchanged())
		return STDERR_FILENO;
	/* A file in its place says that the program wants no more of it. */
	if (SYS_CALL(SYS_fcntl, STDERR_FILENO, F_GETFD) >= 0 || kept < 0 || !message_is_stderr(kept))
		return -1;
	return kept;
}
