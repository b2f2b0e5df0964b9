/* SPDX-License-Identifier: MIT */
/* Unit tests of the command's pure parts. Speaks TAP; CK_RUN_SUITE=table runs one suite. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli_suites.h"

char tree_root[64];

void tree_make(void)
{
	strcpy(tree_root, "check-cli-XXXXXX");
	ck_assert_ptr_ne(mkdtemp(tree_root), NULL);
}

void tree_write(const char *path, const char *text)
{
	char whole[512];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", tree_root, path);
	for (char *at = whole; (at = strchr(at + 1, '/')) != NULL; *at = '/') {
		*at = '\0';
		mkdir(whole, 0755);
	}
	file = fopen(whole, "w");
	ck_assert_ptr_ne(file, NULL);
	fputs(text, file);
	fclose(file);
}

void tree_remove(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", tree_root);
	ck_assert_int_eq(system(command), 0);
}

static Suite *(*const suites[])(void) = {
	json_suite,	 json_read_suite, table_suite,	 host_suite,
	findings_suite, image_suite,	  process_suite, service_suite,
};

int main(void)
{
	SRunner *runner = srunner_create(NULL);
	int failed;

	for (size_t i = 0; i < sizeof(suites) / sizeof(*suites); i++)
		srunner_add_suite(runner, suites[i]());
	srunner_set_tap(runner, "/dev/stdout");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
