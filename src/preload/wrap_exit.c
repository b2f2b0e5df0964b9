/* SPDX-License-Identifier: MIT */
/* _exit and _Exit: the end of a program that runs no destructors, perhaps on the small stack of a signal
 * handler; and of a child in its parent's memory, which may have no thread-local storage. */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "preload/preload.h"
#include "preload/real.h"

EXPORT void _exit(int status)
{
	preload_finish();
	preload_dump_coverage();
	real_get()->_exit(status);
	__builtin_unreachable();
}

EXPORT void _Exit(int status)
{
	_exit(status);
}
