/* SPDX-License-Identifier: MIT */
/* The shim that people use today, for comparison: lock everything, now and later. ONFAULT is
 * MCL_ONFAULT in the second one that is built of it. */
#include <stdio.h>
#include <sys/mman.h>

#ifndef ONFAULT
#define ONFAULT 0
#endif

__attribute__((constructor)) static void lock_all(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE | ONFAULT))
		perror("mlockall");
}
