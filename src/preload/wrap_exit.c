/* SPDX-License-Identifier: MIT */
/* _exit and _Exit: the end of a program that runs no destructors. */
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
