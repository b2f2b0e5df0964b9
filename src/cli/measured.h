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

/* --- between the files that print --- */

#define MEASURED_FIGURES 6

struct measured_figure {
	const char *key, *name;
	uint64_t bytes, number; /* number: of how many it is the largest, 0 for none */
};

void measured_figures(const struct outcome *f, struct measured_figure figures[MEASURED_FIGURES]);
double measured_seconds(uint64_t time);

/* How the program ended. */
void measured_end(const struct outcome *f, FILE *to);

/* The processes that went on. */
void measured_running(const struct outcome *f, FILE *to);

/* Whether advice only says that a default suffices. */
bool measured_is_default(const struct advice *row);

/* Faults by place; the same of two runs side by side. */
void measured_places(const struct outcome *f, FILE *to);
void measured_verify(const struct measured *m, FILE *to);

#endif
