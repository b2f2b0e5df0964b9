/* SPDX-License-Identifier: MIT */
/* Preloaded into stress-ng: the machine has little memory, so that it takes as little for itself. */
#include "config.h"

#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LITTLE (512ul << 20)

int sysinfo(struct sysinfo *info)
{
	const int result = (int)syscall(SYS_sysinfo, info);

	if (result == 0 && info->freeram * info->mem_unit > LITTLE)
		info->freeram = LITTLE / info->mem_unit;
	return result;
}
