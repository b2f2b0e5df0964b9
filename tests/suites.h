/* SPDX-License-Identifier: MIT */
/* The unit tests: a suite a module, run by check_main.c. */
#ifndef RAMLOCK_SUITES_H
#define RAMLOCK_SUITES_H

#include <check.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

Suite *arena_suite(void);
Suite *fakekernel_suite(void);
Suite *ledger_suite(void);
Suite *levels_suite(void);
Suite *limits_suite(void);
Suite *maps_suite(void);
Suite *message_suite(void);
Suite *file_suite(void);
Suite *filter_suite(void);
Suite *policy_suite(void);
Suite *settings_suite(void);
Suite *stats_suite(void);

#endif
