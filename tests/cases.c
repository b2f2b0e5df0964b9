/* SPDX-License-Identifier: MIT */
/* Runs programs under the library, a row of cases.def each, and compares what they do with what is
 * expected. Speaks TAP. Everything is copied to a stage folder, so that any user can reach it. */
#include "config.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define SECONDS 60 /* for one case */
#define OUTPUT 65536

enum limit { ASIS = -1, UNLIMITED = -2 }; /* RLIMIT_MEMLOCK in KiB, or one of these */
enum user { ROOT, ANY_USER, USER_NOBODY };
enum start { PRELOAD, LAUNCHER, BARE };

struct row {
	const char *name;
	enum start start;
	const char *settings; /* "LOCK=eager HEAP=2M"; for LAUNCHER too, as variables */
	long limit;
	enum user user;
	const char *command; /* for sh -c; %V the stage folder, %L the library, %R the command */
	int status;
	const char *out, *err; /* '*' stands for anything in a line, "**" for all; "=": as bare */
};

static const struct row rows[] = {
#include "cases.def"
};

#define ROWS (sizeof(rows) / sizeof(*rows))

struct result {
	int status;
	char out[OUTPUT], err[OUTPUT];
};

static char stage[] = "/tmp/ramlock-cases-XXXXXX";

__attribute__((format(printf, 1, 2))) static bool shell(const char *format, ...)
{
	char line[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return system(line) == 0;
}

static void clean_up(void)
{
	shell("rm -rf '%s'", stage);
}

static bool make_stage(void)
{
	if (mkdtemp(stage) == NULL || chmod(stage, 0755) != 0)
		return false;
	atexit(clean_up);
	return shell("cp '%s'/src/.libs/libramlock.so '%s'", BUILD_DIR, stage) &&
	       shell("cp '%s'/src/ramlock '%s'", BUILD_DIR, stage) &&
	       shell("cd '%s'/tests/victims && for f in *; do case $f in *.*) ;; *) cp $f '%s';; esac; done",
		     BUILD_DIR, stage) &&
	       shell("mkdir -m 777 '%s'/work", stage);
}

/* A command with the stage's paths in it. */
static void expand(const char *from, char *to, size_t size)
{
	size_t at = 0;

	for (; *from && at + 1 < size; from++) {
		const char *name = from[0] != '%' ? NULL
				 : from[1] == 'V' ? ""
				 : from[1] == 'L' ? "/libramlock.so"
				 : from[1] == 'R' ? "/ramlock" : NULL;

		if (name == NULL) {
			to[at++] = *from;
			continue;
		}
		at += (size_t)snprintf(to + at, size - at, "%s%s", stage, name);
		from++;
	}
	to[at] = '\0';
}

static void set_settings(const char *settings)
{
	char words[512];

	snprintf(words, sizeof(words), "%s", settings);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
		char variable[512], path[512];

		snprintf(variable, sizeof(variable), "RAMLOCK_%s", word);
		expand(variable, path, sizeof(path));
		putenv(strdup(path));
	}
}

/* The limit, the user and the environment of a row; only the program itself is preloaded. */
static void become(const struct row *row, bool bare)
{
	struct rlimit limit = {(rlim_t)row->limit * 1024, (rlim_t)row->limit * 1024};
	char command[2048], line[2600];

	if (row->limit == UNLIMITED)
		limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
	if (row->limit != ASIS && setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		_exit(77);
	if (row->user == USER_NOBODY &&
	    (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	     setresuid(NOBODY, NOBODY, NOBODY)))
		_exit(77);
	snprintf(line, sizeof(line), "%s/work", stage);
	if (chdir(line) != 0)
		_exit(77);
	setenv("HOME", line, 1);
	setenv("TMPDIR", line, 1);
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("LD_PRELOAD");
	expand(row->command, command, sizeof(command));
	if (!bare && row->start != BARE)
		set_settings(row->settings);
	if (!bare && row->start == PRELOAD)
		snprintf(line, sizeof(line), "export LD_PRELOAD=%s/libramlock.so; exec %s", stage, command);
	else if (!bare && row->start == LAUNCHER)
		snprintf(line, sizeof(line), "exec %s/ramlock run -- %s", stage, command);
	else
		snprintf(line, sizeof(line), "%s", command);
	execl("/bin/sh", "sh", "-c", line, (char *)NULL);
	_exit(127);
}

static void read_file(const char *name, char *to)
{
	char path[128];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", stage, name);
	fd = open(path, O_RDONLY);
	length = fd < 0 ? 0 : read(fd, to, OUTPUT - 1);
	to[length > 0 ? length : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

static void redirect(int to, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", stage, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	dup2(fd, to);
	if (fd != to)
		close(fd);
}

static pid_t running;

static void time_out(int signal)
{
	(void)signal;
	kill(-running, SIGKILL);
}

static void run(const struct row *row, bool bare, struct result *result)
{
	int status = 0;

	fflush(stdout);
	running = fork();
	if (running == 0) {
		int null = open("/dev/null", O_RDONLY);

		setpgid(0, 0);
		dup2(null, 0);
		close(null);
		redirect(1, "out");
		redirect(2, "err");
		become(row, bare);
	}
	setpgid(running, running);
	alarm(SECONDS);
	while (waitpid(running, &status, 0) < 0)
		;
	alarm(0);
	result->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	read_file("out", result->out);
	read_file("err", result->err);
}

/* '*' matches any characters of a line, also none; a pattern "**" matches anything. */
static bool matches(const char *pattern, const char *text)
{
	if (strcmp(pattern, "**") == 0)
		return true;
	for (; *pattern && *pattern != '*'; pattern++, text++)
		if (*pattern != *text)
			return false;
	if (*pattern == '\0')
		return *text == '\0';
	for (;; text++) {
		if (matches(pattern + 1, text))
			return true;
		if (*text == '\0' || *text == '\n')
			return false;
	}
}

static void show(const char *what, const char *text)
{
	printf("#   %s: ", what);
	for (int length = 0; *text && length < 2000; text++, length++)
		printf(*text == '\n' && text[1] ? "\n#     " : "%c", *text);
	if (text[-1] != '\n')
		putchar('\n');
}

/* "#" begins a reason to skip. */
static const char *reason_to_skip(const struct row *row)
{
	struct rlimit now;

	if (geteuid() != 0 && row->user != ANY_USER)
		return "needs root";
	getrlimit(RLIMIT_MEMLOCK, &now);
	now.rlim_cur = now.rlim_max = RLIM_INFINITY;
	if (row->limit == UNLIMITED && setrlimit(RLIMIT_MEMLOCK, &now) != 0)
		return "RLIMIT_MEMLOCK can't be raised here: no CAP_SYS_RESOURCE";
	if (strstr(row->command, "strace") && system("command -v strace >/dev/null") != 0)
		return "strace is missing";
	return NULL;
}

static bool is_right(const struct row *row, const struct result *got, const struct result *bare)
{
	const char *out = strcmp(row->out, "=") ? row->out : bare->out;
	int status = strcmp(row->out, "=") ? row->status : bare->status;

	return got->status == status && matches(row->err, got->err) &&
	       (strcmp(row->out, "=") ? matches(out, got->out) : strcmp(out, got->out) == 0);
}

static bool try_row(const struct row *row, size_t number)
{
	static struct result got, bare;
	const char *skip = reason_to_skip(row);

	if (skip) {
		printf("ok %zu - %s # SKIP %s\n", number, row->name, skip);
		return true;
	}
	run(row, false, &got);
	if (strcmp(row->out, "=") == 0)
		run(row, true, &bare);
	if (is_right(row, &got, &bare)) {
		printf("ok %zu - %s\n", number, row->name);
		return true;
	}
	printf("not ok %zu - %s\n", number, row->name);
	printf("#   status %d, expected %d\n", got.status,
	       strcmp(row->out, "=") ? row->status : bare.status);
	show("stdout", got.out);
	show("expected", strcmp(row->out, "=") ? row->out : bare.out);
	show("stderr", got.err);
	show("expected", row->err);
	return false;
}

/* Without arguments all cases, else those whose names contain the word. */
int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = time_out};
	bool right = true;

	sigaction(SIGALRM, &action, NULL);
	if (!make_stage()) {
		puts("Bail out! no stage folder");
		return 1;
	}
	printf("1..%zu\n", ROWS);
	for (size_t i = 0; i < ROWS; i++)
		if (argc < 2 || strstr(rows[i].name, argv[1]))
			right &= try_row(&rows[i], i + 1);
	return right ? 0 : 1;
}
