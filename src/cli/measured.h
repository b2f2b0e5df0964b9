/* SPDX-License-Identifier: MIT */
/* Prints what was measured: tables for people, JSON for programs. */
#ifndef RAMLOCK_MEASURED_H
#define RAMLOCK_MEASURED_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/advice.h"
#include "cli/outcome.h"

struct measured {
	char *const *program;
	const char *library;
	uint64_t after;
	const struct outcome *first, *second; /* the second under the advice, or NULL */
	const struct advice *advice;
	size_t advice_count;
};

void measured_print(const struct measured *m, FILE *to);

/* 0 or -EIO */
int measured_json(const struct measured *m, FILE *to);

#endif
