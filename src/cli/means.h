/* SPDX-License-Identifier: MIT */
/* What the machine and the limits of whoever runs a program allow to be reserved for it. */
#ifndef RAMLOCK_MEANS_H
#define RAMLOCK_MEANS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/outcome.h"
#include "common/options.h"

#define MEANS_ALL UINT64_MAX

struct means {
	uint64_t stack;	 /* the deepest reserve of the main stack that RLIMIT_STACK leaves room for */
	uint64_t memory; /* for all reserves together: of MAX, free memory, the cgroup and RLIMIT_MEMLOCK */
	bool tight;	 /* RLIMIT_AS or RLIMIT_DATA is set: no more than what the program had itself */
	bool no_heap;	 /* its malloc is another than glibc's, which takes no reserve */
};

/* Reads them for a program that was measured, with its arguments. */
void means_read(struct means *means, const struct options *now, char *const *program,
		const struct outcome *f);

#endif
