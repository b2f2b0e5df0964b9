/* SPDX-License-Identifier: MIT */
/* The shim that people use today, for comparison: lock everything, now and later. */
#include <stdio.h>
#include <sys/mman.h>

__attribute__((constructor)) static void lock_all(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		perror("mlockall");
}
