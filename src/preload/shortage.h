/* SPDX-License-Identifier: MIT */
/* Tells that memory is not locked because the limit is used: once, when it happens. */
#ifndef RAMLOCK_SHORTAGE_H
#define RAMLOCK_SHORTAGE_H

#include <stdbool.h>
#include <stdint.h>

/* What grew past the limit while the program runs, by the name of its class. Async-signal-safe; little
 * stack but for the once that it tells. */
void shortage_tell(const char *what);

/* Around a step down: what other threads grow by meanwhile is told in its line, if there is one. */
void shortage_expect(bool expected);

/* What did not fit at start, or the lock was refused by error (-errno): ends the program where ON_ERROR
 * asks for that. */
void shortage_tell_start(uint64_t need, uint64_t missing, int error);

/* Without /proc: what is mapped is not known. */
void shortage_tell_blind(int error);

/* The right to lock above the limit is gone, by this call of the program's. known: whether need and
 * missing are. Whether it was told: nothing is where nothing is missing. */
bool shortage_tell_lost(const char *operation, uint64_t limit, bool known, uint64_t need, uint64_t missing);

#endif
