/* SPDX-License-Identifier: MIT */
/* Which settings would remove the faults of a run, why, and what they cost. Pure functions. */
#ifndef RAMLOCK_ADVICE_H
#define RAMLOCK_ADVICE_H

#include "cli/means.h"
#include "cli/outcome.h"
#include "common/options.h"

struct advice {
	const char *setting; /* "STACK" */
	char value[64];
	bool given;    /* it was in force in the run, or is the default: no change */
	uint64_t cost; /* bytes of RAM at most, UINT64_MAX if unknown */
	char reason[160];
};

/* now: the settings that would be in force without advice, those of the user among them, who will
 * see them again. What is suggested stays within the means, so that the library takes it without a
 * word, and in proportion to what was touched. Fills a list of OPTION_COUNT rows and returns how
 * many there are. */
size_t advice_make(const struct outcome *f, const struct options *now, const struct means *means,
		   struct advice *list);

#endif
