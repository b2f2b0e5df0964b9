/* SPDX-License-Identifier: MIT */
/* The suites of check_cli, a file each, and a tree of files to read. */
#ifndef RAMLOCK_CLI_SUITES_H
#define RAMLOCK_CLI_SUITES_H

#include <check.h>

Suite *findings_suite(void);
Suite *host_suite(void);
Suite *image_suite(void);
Suite *json_suite(void);
Suite *json_read_suite(void);
Suite *process_suite(void);
Suite *service_suite(void);
Suite *table_suite(void);

/* A root of its own for a test, in the folder that the tests run in; tree_write makes folders too. */
void tree_make(void);
void tree_write(const char *path, const char *text);
void tree_remove(void);
extern char tree_root[];

#endif
