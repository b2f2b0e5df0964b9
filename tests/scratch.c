/* SPDX-License-Identifier: MIT */
/* Makes, fills and removes the folder of a test. */
#include "config.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"

#define NAME	     "/ramlock-check-XXXXXX"
#define OPEN_FOLDERS 16

char scratch[64];

void scratch_make(void)
{
	const char *folder = getenv("TMPDIR");

	if (folder == NULL || strlen(folder) + sizeof(NAME) > sizeof(scratch))
		folder = "/tmp";
	strcat(strcpy(scratch, folder), NAME);
	ck_assert_ptr_nonnull(mkdtemp(scratch));
}

/* ftw.level is 0 for the folder itself. */
static int remove_below(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	return ftw->level ? remove(path) : 0;
}

void scratch_clear(void)
{
	ck_assert_int_eq(nftw(scratch, remove_below, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS), 0);
}

void scratch_remove(void)
{
	scratch_clear();
	ck_assert_int_eq(rmdir(scratch), 0);
}

const char *scratch_path(const char *name)
{
	static char paths[8][512];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s%s", scratch, name);
	return path;
}

void scratch_put(const char *name, const char *text)
{
	char path[sizeof(scratch) + 448];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", scratch, name);
	for (char *at = path + strlen(scratch) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0700); /* it may be there */
		*at = '/';
	}
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}
