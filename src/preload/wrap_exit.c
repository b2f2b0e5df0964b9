/* SPDX-License-Identifier: MIT */
/* _exit and _Exit: the end of a program that runs no destructors; and of a child in its parent's
 * memory, which may have no thread-local storage: errno is not touched before that is known. */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/message.h"
#include "preload/preload.h"
#include "preload/real.h"
#include "preload/report.h"

EXPORT void _exit(int status)
{
	report_write();
	message_end();
	preload_dump_coverage();
	real_get()->_exit(status);
	__builtin_unreachable();
}

EXPORT void _Exit(int status)
{
	_exit(status);
}
