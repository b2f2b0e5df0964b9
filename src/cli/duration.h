/* SPDX-License-Identifier: MIT */
/* Times as people write them. Pure functions. */
#ifndef RAMLOCK_DURATION_H
#define RAMLOCK_DURATION_H

#include <stdint.h>

#define DURATION_SECOND 1000000000ull /* the unit is a nanosecond */

/* "500ms", "1.5" and "1.5s", "2m", "1h", up to a year. 0, or -EINVAL, -ERANGE. */
int duration_parse(const char *word, uint64_t *result);

/* CLOCK_MONOTONIC, which the library's counters and the samples use too. */
uint64_t duration_now(void);

#endif
