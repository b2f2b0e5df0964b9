/* SPDX-License-Identifier: MIT */
/* Writes a file beside its place and renames it; takes it away again. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/dropin.h"
#include "cli/install.h"

static int fail(const char *path, int error)
{
	cli_error("%s: %s", path, strerror(error));
	return -error;
}

static int make_folders(const char *path)
{
	char folder[4096];

	snprintf(folder, sizeof(folder), "%s", path);
	for (char *at = folder + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		if (mkdir(folder, 0755) != 0 && errno != EEXIST)
			return fail(folder, errno);
		*at = '/';
	}
	return 0;
}

/* Whether there is nothing, or a file that this command made. */
static bool is_ours(const char *path)
{
	char line[sizeof(DROPIN_MARK)] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t length;

	if (fd < 0)
		return errno == ENOENT;
	length = read(fd, line, sizeof(line) - 1);
	close(fd);
	return length > 0 && strcmp(line, DROPIN_MARK) == 0;
}

static int write_whole(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t part = write(fd, text, left);

		if (part < 0)
			return -errno;
		text += part;
		left -= (size_t)part;
	}
	return fchmod(fd, 0644) != 0 || fsync(fd) != 0 ? -errno : 0;
}

int install_file(const char *path, const char *text)
{
	char beside[4200];
	int fd, error = make_folders(path);

	if (error)
		return error;
	if (!is_ours(path)) {
		cli_error("%s: is there already, and not made by ramlock unit", path);
		return -EEXIST;
	}
	snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
	fd = mkstemp(beside);
	if (fd < 0)
		return fail(path, errno);
	error = write_whole(fd, text);
	if (close(fd) != 0 && error == 0)
		error = -errno;
	if (error == 0 && rename(beside, path) != 0)
		error = -errno;
	if (error) {
		unlink(beside);
		return fail(path, -error);
	}
	return 0;
}

int install_remove(const char *path)
{
	char folder[4200];

	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	if (!is_ours(path)) {
		cli_error("%s: stays: not made by ramlock unit, or not to be read", path);
		return -EEXIST;
	}
	if (unlink(path) != 0)
		return fail(path, errno);
	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	if (rmdir(folder) != 0 && errno != ENOTEMPTY && errno != EEXIST)
		return fail(folder, errno);
	return 1;
}
