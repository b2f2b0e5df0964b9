/* SPDX-License-Identifier: MIT */
/* ramlock run: sets the environment and the limit, looks at the program, and becomes it. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/target.h"
#include "common/message.h"
#include "common/options.h"

#define LIBRARY "libramlock.so"
#define PATH_SIZE 4096

struct run {
	struct options options;
	bool dry;
	char **program; /* its arguments, NULL-terminated */
	char library[PATH_SIZE];
};

static void complain(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "ramlock: warning: %s\n", line);
}

static void print_help(void)
{
	char word[64], allowed[200];
	struct text t;

	puts("Usage: ramlock run [options] [--] program [args]\n"
	     "Starts a program with its memory locked, as the settings say. Each option is a\n"
	     "RAMLOCK_ variable too; an option beats the variable, both beat the profile.\n");
	for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++) {
		snprintf(word, sizeof(word), "--%s=%s", row->name, row->argument);
		for (char *at = word; *at != '='; at++)
			*at = *at == '_' ? '-' : (char)(*at | 0x20);
		text_init(&t, allowed, sizeof(allowed));
		options_allowed(row, &t);
		printf("  %-24s %s\n", word, row->help);
		if (*allowed)
			printf("  %-24s   %s", "", allowed);
		if (*row->defaults[PROFILE_SERVICE])
			printf("%s(default %s)", *allowed ? " " : "",
			       row->defaults[PROFILE_SERVICE]);
		if (*allowed)
			putchar('\n');
	}
	puts("\n  --dry-run                print the environment and the limits, start nothing\n"
	     "  --help                   this text\n\n"
	     "Exit status: 125 when ramlock fails, 126 when the program can't be started, 127 when it\n"
	     "is not found, else the program's own.");
}

/* A setting given as an option becomes the variable that the library reads. */
static int set_option(struct run *run, const char *name, const char *value)
{
	const struct option_row *row = options_find(name);
	char variable[64], line[512];
	struct text why;

	if (row == NULL) {
		row = options_nearest(name);
		fprintf(stderr, "ramlock: error: --%s: no such option; %s%s\n", name,
			row ? "the nearest setting is " : "see ramlock run --help",
			row ? row->name : "");
		return CLI_RUN_FAILED;
	}
	text_init(&why, line, sizeof(line));
	if (options_set(&run->options, row, value, name, &why) != 0) {
		fprintf(stderr, "ramlock: error: --%s\n", line);
		return CLI_RUN_FAILED;
	}
	snprintf(variable, sizeof(variable), OPTIONS_PREFIX "%s", row->name);
	setenv(variable, value, 1);
	return 0;
}

/* "--name=value" or "--name" "value"; *index is moved on to the last word used. */
static int read_option(struct run *run, char **argv, int *index)
{
	char name[64];
	const char *word = argv[*index] + 2;
	const char *value = strchr(word, '=');
	size_t length = value ? (size_t)(value - word) : strlen(word);

	snprintf(name, sizeof(name), "%.*s", (int)length, word);
	if (value)
		return set_option(run, name, value + 1);
	if (argv[*index + 1] == NULL || options_find(name) == NULL)
		return options_find(name)
			       ? (fprintf(stderr, "ramlock: error: --%s: a value is missing\n", name),
				  CLI_RUN_FAILED)
			       : set_option(run, name, "");
	return set_option(run, name, argv[++*index]);
}

/* Reads our own options; -1 to go on, else the exit status. */
static int read_arguments(struct run *run, int argc, char **argv)
{
	int result = 0, i;

	for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_help();
			return 0;
		}
		if (strcmp(argv[i], "--dry-run") == 0) {
			run->dry = true;
			continue;
		}
		if (strncmp(argv[i], "--", 2) != 0) {
			fprintf(stderr, "ramlock: error: %s: no such option; see ramlock run --help\n",
				argv[i]);
			result = CLI_RUN_FAILED;
		} else if (read_option(run, argv, &i) != 0) {
			result = CLI_RUN_FAILED;
		}
	}
	run->program = argv + i;
	if (result)
		return result;
	if (*run->program == NULL) {
		fputs("ramlock: error: run: no program given; see ramlock run --help\n", stderr);
		return CLI_RUN_FAILED;
	}
	return -1;
}

/* Beside the command in a build tree, in the lib folder of its prefix, or where it was installed. */
static int find_library(struct run *run)
{
	static const char *const places[] = {"/.libs/" LIBRARY, "/" LIBRARY, "/../lib/" LIBRARY};
	char folder[PATH_SIZE - 64];
	ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	folder[length > 0 ? length : 0] = '\0';
	*strrchr(*folder ? folder : strcpy(folder, "/"), '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		char path[PATH_SIZE];

		snprintf(path, sizeof(path), "%s%s", folder, places[i]);
		if (access(path, R_OK) == 0 && realpath(path, run->library))
			return 0;
	}
	snprintf(run->library, sizeof(run->library), "%s/%s", LIBDIR, LIBRARY);
	if (access(run->library, R_OK) == 0)
		return 0;
	fprintf(stderr, "ramlock: error: %s: %s; reinstall ramlock\n", run->library, strerror(errno));
	return CLI_RUN_FAILED;
}

/* Ours goes first, so that what is behind it is wrapped; what the user had stays. */
static int prepend_preload(const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	const size_t length = strlen(library);
	char *list;

	if (strpbrk(library, ": ")) {
		fprintf(stderr, "ramlock: error: %s: LD_PRELOAD can't name a path with a blank or a colon; "
				"install ramlock elsewhere\n", library);
		return CLI_RUN_FAILED;
	}
	if (old && strncmp(old, library, length) == 0 && strchr(": ", old[length]))
		return 0; /* one ramlock under another */
	if (asprintf(&list, "%s%s%s", library, old && *old ? ":" : "", old ? old : "") < 0)
		return CLI_RUN_FAILED;
	setenv("LD_PRELOAD", list, 1);
	free(list);
	return 0;
}

/* The name by which the tree of processes knows what it has told; see message_start. */
static void set_told(void)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");
	unsigned long random = 0;
	char name[PATH_SIZE];

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

/* Where we may, the program gets an infinite limit; else its soft one is the hard one. */
static void raise_limit(bool dry)
{
	const struct rlimit infinite = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit now;

	if (getrlimit(RLIMIT_MEMLOCK, &now) != 0)
		return;
	if (dry) { /* tried on ourselves: nothing of it is left */
		if (setrlimit(RLIMIT_MEMLOCK, &infinite) == 0)
			now = infinite;
		if (now.rlim_max == RLIM_INFINITY)
			puts("RLIMIT_MEMLOCK=unlimited");
		else
			printf("RLIMIT_MEMLOCK=%lu KiB\n", (unsigned long)now.rlim_max / 1024);
		return;
	}
	if (setrlimit(RLIMIT_MEMLOCK, &infinite) == 0)
		return;
	now.rlim_cur = now.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &now);
}

static void print_environment(void)
{
	for (char **variable = environ; *variable; variable++)
		if (strncmp(*variable, OPTIONS_PREFIX, strlen(OPTIONS_PREFIX)) == 0 ||
		    strncmp(*variable, "LD_", 3) == 0)
			puts(*variable);
}

/* Says plainly when the library can't work in the program. */
static bool is_reachable(const struct run *run, const char *path)
{
	static const char *const texts[] = {
		[TARGET_STATIC] = "is statically linked, so LD_PRELOAD does not reach it",
		[TARGET_PRIVILEGED] = "runs with more rights than its user, so ld.so ignores LD_PRELOAD",
		[TARGET_ARCHITECTURE] = "is of another architecture than the library",
		[TARGET_LIBC] = "uses another libc's loader",
	};
	char blamed[PATH_SIZE], detail[PATH_SIZE];
	enum target_obstacle obstacle =
		target_look(path, run->library, blamed, detail, PATH_SIZE);

	if (obstacle == TARGET_FINE || obstacle == TARGET_UNKNOWN)
		return true;
	if (run->options.verbose > 0 && run->options.on_error != ERROR_QUIET)
		fprintf(stderr, "ramlock: %s: %s: %s%s%s%s; nothing of it is locked\n",
			run->options.on_error == ERROR_ABORT ? "error" : "warning", blamed,
			texts[obstacle], *detail ? " (" : "", detail, *detail ? ")" : "");
	return false;
}

static int start(struct run *run)
{
	char path[PATH_SIZE];
	int error = target_find(*run->program, path, sizeof(path));

	if (error == 0 && !is_reachable(run, path) && run->options.on_error == ERROR_ABORT)
		return CLI_RUN_FAILED;
	execvp(*run->program, run->program);
	error = errno;
	fprintf(stderr, "ramlock: error: %s: %s\n", *run->program, strerror(error));
	return error == ENOENT ? CLI_NOT_FOUND : CLI_CANNOT_INVOKE;
}

/* A setting that is wrong in the environment was told of here: nobody below needs to again. */
static void clear_wrong_settings(struct run *run)
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
		    (row && options_given(&run->options, (enum option_index)(row - option_rows)))) {
			variable++;
			continue;
		}
		for (char **next = variable; *next; next++)
			next[0] = next[1];
	}
}

int run_main(int argc, char **argv)
{
	static struct run run;
	int wrong, result;

	wrong = options_read(&run.options, environ, complain, NULL);
	clear_wrong_settings(&run);
	result = read_arguments(&run, argc, argv);
	if (result >= 0)
		return result;
	options_read(&run.options, environ, complain, NULL); /* with the profile that was asked for */
	if (wrong && run.options.on_error == ERROR_ABORT)
		return CLI_RUN_FAILED;
	if (find_library(&run) != 0 || prepend_preload(run.library) != 0)
		return CLI_RUN_FAILED;
	if (run.options.profile == PROFILE_REALTIME)
		setenv("LD_BIND_NOW", "1", 1);
	if (run.dry) {
		print_environment();
		raise_limit(true);
		return 0;
	}
	set_told();
	raise_limit(false);
	return start(&run);
}
