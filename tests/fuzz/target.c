/* SPDX-License-Identifier: MIT */
/* Fuzzes the program's file, ELF or script, as the command looks at it before a start. */
#include "config.h"

#include "cli/target.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(data, size);
	char blamed[256], detail[256];

	HOLDS(target_look(path, "/proc/self/exe", blamed, detail, sizeof(blamed)) <= TARGET_UNKNOWN);
	HOLDS(strlen(blamed) < sizeof(blamed) && strlen(detail) < sizeof(detail));
	return 0;
}
