/* SPDX-License-Identifier: MIT */
/* Runs a program under the library once, and watches its faults. */
#ifndef RAMLOCK_TRIAL_H
#define RAMLOCK_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/outcome.h"
#include "common/options.h"

struct trial {
	char **program; /* its arguments, NULL-terminated */
	const char *library;
	const struct options *options;	/* of the user */
	const char *const *settings;	/* "STACK=0", in place of those, NULL-terminated */
	uint64_t after, length;		/* ns; a length of 0 is until its end */
	bool progress;			/* a line on stderr */
	uint64_t reserved[PLACE_KINDS];	/* what these settings make resident at start */
	bool reserves;			/* these settings reserve something for each thread */
};

/* 0 and what was found, or the exit status when the program could not be run, which was told. */
int trial_run(const struct trial *t, struct outcome *f);

#endif
