/* SPDX-License-Identifier: MIT */
/* Prepares a process to be a program under the library. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/launch.h"
#include "cli/library.h"
#include "cli/target.h"
#include "common/message.h"

static void complain(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "ramlock: warning: %s\n", line);
}

static void clear_wrong_settings(const struct options *options)
{
	for (char **variable = environ; *variable;) {
		const char *name = *variable + strlen(OPTIONS_PREFIX);
		char word[64];
		const struct option_row *row;

		if (strncmp(*variable, OPTIONS_PREFIX, strlen(OPTIONS_PREFIX)) != 0) {
			variable++;
			continue;
		}
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(name, "="), name);
		row = options_find(word);
		if (strcmp(word, "TOLD") == 0 ||
		    (row && strcmp(row->name, word) == 0 && options_given(options, (enum option_index)(row - option_rows)))) {
			variable++;
			continue;
		}
		for (char **next = variable; *next; next++)
			next[0] = next[1];
	}
}

int launch_settings(struct options *options)
{
	int wrong = options_read(options, environ, complain, NULL);

	clear_wrong_settings(options);
	return wrong;
}

int launch_find_library(char *library)
{
	static const char *const places[] = {"/.libs/" LIBRARY_NAME, "/" LIBRARY_NAME, "/../lib/" LIBRARY_NAME};
	char folder[LAUNCH_PATH - 64];
	ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	folder[length > 0 ? length : 0] = '\0';
	if (length <= 0) /* no /proc: the path that the shell found */
		snprintf(folder, sizeof(folder), "%s", (const char *)getauxval(AT_EXECFN));
	*strrchr(*folder ? folder : strcpy(folder, "/"), '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		char path[LAUNCH_PATH];

		snprintf(path, sizeof(path), "%s%s", folder, places[i]);
		if (access(path, R_OK) == 0 && realpath(path, library))
			return 0;
	}
	snprintf(library, LAUNCH_PATH, "%s/%s", LIBDIR, LIBRARY_NAME);
	if (access(library, R_OK) == 0)
		return 0;
	cli_error("%s: %s; reinstall ramlock", library, strerror(errno));
	return -ENOENT;
}

/* The entries of a list but for ours, which may be for another architecture: one ramlock under
 * another. */
static void drop_ours(char *list)
{
	char *to = list;

	for (char *at = list; *at;) {
		const size_t length = strcspn(at, ": ");
		const size_t name = strlen("/" LIBRARY_NAME);

		if (length && (length < name || memcmp(at + length - name, "/" LIBRARY_NAME, name) != 0)) {
			if (to != list)
				*to++ = ':';
			memmove(to, at, length);
			to += length;
		}
		at += length + strspn(at + length, ": ");
	}
	*to = '\0';
}

/* Ours goes first, so that what is behind it is wrapped; what the user had stays. */
static int prepend_preload(const char *library)
{
	char *old = strdup(getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "");
	char *list = NULL;
	int error = -ENOMEM;

	if (strpbrk(library, ": ")) {
		cli_error("%s: LD_PRELOAD can't name a path with a blank or a colon; "
			  "install ramlock elsewhere", library);
		error = -EINVAL;
	} else if (old) {
		drop_ours(old);
		if (asprintf(&list, "%s%s%s", library, *old ? ":" : "", old) >= 0)
			error = setenv("LD_PRELOAD", list, 1) ? -errno : 0;
	}
	free(old);
	free(list);
	return error;
}

/* The name by which the tree of processes knows what it has told; see message_start. */
static void set_told(void)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");
	unsigned long random = 0;
	char name[LAUNCH_PATH];

	if (folder == NULL || access(folder, W_OK) != 0)
		folder = getenv("TMPDIR");
	if (folder == NULL || *folder != '/' || access(folder, W_OK) != 0)
		folder = "/tmp";
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		return;
	snprintf(name, sizeof(name), "%s/ramlock-%d-%016lx", folder, (int)getpid(), random);
	if (strlen(name) < 200)
		setenv(MESSAGE_TOLD, name, 1);
}

int launch_environment(const struct options *options, const char *library)
{
	int error = prepend_preload(library);

	if (error)
		return error;
	if (options->profile == PROFILE_REALTIME)
		setenv("LD_BIND_NOW", "1", 1);
	set_told();
	return 0;
}

int launch_refused(const char *program, int error)
{
	char path[LAUNCH_PATH], interpreter[LAUNCH_PATH];

	if ((error == ENOENT || error == EACCES) && target_find(program, path, sizeof(path)) == 0 &&
	    target_blocked(path, interpreter, sizeof(interpreter)))
		cli_error("%s: its interpreter %s: %s%s", program, interpreter, strerror(error),
			  interpreter[strlen(interpreter) - 1] == '\r'
				  ? "; a carriage return ends the script's first line" : "");
	else
		cli_error("%s: %s", program, strerror(error));
	return error == ENOENT ? CLI_NOT_FOUND : CLI_CANNOT_INVOKE;
}

void launch_raise_limit(void)
{
	const struct rlimit infinite = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit now;

	if (getrlimit(RLIMIT_MEMLOCK, &now) != 0 || setrlimit(RLIMIT_MEMLOCK, &infinite) == 0)
		return;
	now.rlim_cur = now.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &now);
}

bool launch_reaches(const struct options *options, const char *library, const char *program)
{
	char path[LAUNCH_PATH], blamed[LAUNCH_PATH], detail[LAUNCH_PATH];
	enum target_obstacle obstacle;

	if (target_find(program, path, sizeof(path)) != 0)
		return true;
	obstacle = target_look(path, library, blamed, detail, LAUNCH_PATH);
	if (obstacle == TARGET_FINE || obstacle == TARGET_UNKNOWN)
		return true;
	if (options->verbose > 0 && options->on_error != ERROR_QUIET)
		fprintf(stderr, "ramlock: %s: %s: %s%s%s%s; nothing of it is locked\n",
			options->on_error == ERROR_ABORT ? "error" : "warning", blamed,
			target_texts[obstacle], *detail ? " (" : "", detail, *detail ? ")" : "");
	return false;
}
