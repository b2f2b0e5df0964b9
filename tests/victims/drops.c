/* SPDX-License-Identifier: MIT */
/* Preloaded into any program: it becomes nobody as main begins, after all constructors have run, as
 * a daemon that starts as root and drops its rights. */
#include "config.h"

#include <dlfcn.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

#define NOBODY 65534

typedef int start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
		       void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

start_main __libc_start_main;

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	union {
		void *address;
		start_main *call;
	} next = {dlsym(RTLD_NEXT, "__libc_start_main")};

	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
			       setresuid(NOBODY, NOBODY, NOBODY) != 0))
		_exit(125);
	return next.call(main, argc, argv, init, fini, rtld_fini, stack_end);
}
