/* SPDX-License-Identifier: MIT */
/* Makes room for AddressSanitizer beside the library. */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/launch.h"
#include "cli/sanitizer.h"
#include "cli/target.h"

#define ORDER "verify_asan_link_order"

static bool is_loaded_by(const struct image *image)
{
	for (unsigned i = 0; i < image->needed_count; i++)
		if (strncmp(image->needed[i], "libasan.so", 10) == 0 ||
		    strncmp(image->needed[i], "libclang_rt.asan", 16) == 0)
			return true;
	return false;
}

void sanitizer_prepare(const char *program)
{
	static char path[LAUNCH_PATH], file[LAUNCH_PATH];
	static struct image image;
	const char *old = getenv("ASAN_OPTIONS");
	char *list;

	if (target_find(program, path, sizeof(path)) != 0 ||
	    !target_image(path, file, sizeof(file), &image) || !is_loaded_by(&image))
		return;
	setenv(OPTIONS_PREFIX "LARGE", "off", 0); /* it does not see what the arena hands out */
	if (old && strstr(old, ORDER))
		return;
	if (asprintf(&list, "%s%s" ORDER "=0", old ? old : "", old && *old ? ":" : "") < 0)
		return;
	setenv("ASAN_OPTIONS", list, 1);
	free(list);
}
