/* SPDX-License-Identifier: MIT */
/* The suites of check_cli, a file each. */
#ifndef RAMLOCK_CLI_SUITES_H
#define RAMLOCK_CLI_SUITES_H

#include <check.h>

Suite *json_suite(void);
Suite *table_suite(void);

#endif
