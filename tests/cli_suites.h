/* SPDX-License-Identifier: MIT */
/* The suites of check_cli, a file each. */
#ifndef RAMLOCK_CLI_SUITES_H
#define RAMLOCK_CLI_SUITES_H

#include <check.h>

Suite *advice_suite(void);
Suite *findings_suite(void);
Suite *host_suite(void);
Suite *image_suite(void);
Suite *json_suite(void);
Suite *json_read_suite(void);
Suite *loading_suite(void);
Suite *places_suite(void);
Suite *process_suite(void);
Suite *samples_suite(void);
Suite *service_suite(void);
Suite *table_suite(void);
Suite *times_suite(void);
Suite *words_suite(void);

#endif
