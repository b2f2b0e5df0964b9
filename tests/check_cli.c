/* SPDX-License-Identifier: MIT */
/* Unit tests of the command's pure parts. Speaks TAP; CK_RUN_SUITE=table runs one suite. */
#include "config.h"

#include <stdlib.h>

#include "cli_suites.h"

static Suite *(*const suites[])(void) = {
	json_suite,    json_read_suite, table_suite,  host_suite,    findings_suite,
	image_suite,   process_suite,   service_suite, words_suite,   advice_suite,
	places_suite,  samples_suite,   times_suite,  loading_suite,
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
