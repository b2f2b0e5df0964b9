/* SPDX-License-Identifier: MIT */
/* Runs every suite. Speaks TAP; CK_RUN_SUITE=maps runs one. */
#include "config.h"

#include <stdlib.h>

#include "suites.h"

#define TIMEOUT "60" /* seconds: ends what hangs; Check's own 4 are little for a busy machine */

static Suite *(*const suites[])(void) = {
	settings_suite, maps_suite,   limits_suite, message_suite, stats_suite,
	arena_suite,	file_suite,   filter_suite, ledger_suite, levels_suite,  policy_suite,
	fakekernel_suite,
};

int main(void)
{
	SRunner *runner = srunner_create(NULL);
	int failed;

	setenv("CK_DEFAULT_TIMEOUT", TIMEOUT, 0);
	for (size_t i = 0; i < COUNT(suites); i++)
		srunner_add_suite(runner, suites[i]());
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
