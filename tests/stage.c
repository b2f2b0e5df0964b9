/* SPDX-License-Identifier: MIT */
/* The stage, and one program on it: its limit, its user, its environment, its time. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "group.h"
#include "stage.h"

#define NOBODY_ID 65534
#define SECONDS 60 /* for one program */

static char stage[64];
static char room[80]; /* of the stage: the work folder and what was said in it */
static volatile pid_t running;

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

static void time_out(int signal)
{
	(void)signal;
	kill(-running, SIGKILL);
}

static void leave(int signal)
{
	(void)signal;
	if (running > 0)
		kill(-running, SIGKILL);
	exit(1); /* cleans up */
}

bool stage_enter(const char *name)
{
	snprintf(room, sizeof(room), "%s%s", stage, name);
	return (*name == '\0' || mkdir(room, 0755) == 0) && shell("mkdir -m 777 '%s/work'", room);
}

bool stage_sweep(void)
{
	return shell("rm -rf '%s/work' && mkdir -m 777 '%s/work'", room, room);
}

bool stage_make(void)
{
	const struct sigaction on_alarm = {.sa_handler = time_out};
	const struct sigaction on_end = {.sa_handler = leave};
	const char *folder = getenv("TMPDIR");

	snprintf(stage, sizeof(stage), "%.32s/ramlock-cases-XXXXXX", folder ? folder : "/tmp");
	sigaction(SIGALRM, &on_alarm, NULL);
	sigaction(SIGINT, &on_end, NULL);
	sigaction(SIGTERM, &on_end, NULL);
	if (mkdtemp(stage) == NULL || chmod(stage, 0755) != 0)
		return false;
	atexit(clean_up);
	return shell("cp '%s'/src/.libs/libramlock.so '%s'", BUILD_DIR, stage) &&
	       shell("cd '%s'/src && { [ ! -e ramlock ] || cp ramlock '%s'; }", BUILD_DIR, stage) &&
	       shell("cd '%s'/tests/victims/.libs && cp drops.so first.so '%s'", BUILD_DIR, stage) &&
	       shell("cd '%s'/tests/victims && for f in *; do case $f in *.*) ;; *) cp $f '%s';; esac; done",
		     BUILD_DIR, stage) &&
	       shell("mkdir '%s'/input", stage) && stage_enter("");
}

/* What CASES_PRELOAD names comes before the library: a sanitizer's runtime, for an instrumented one. */
static const char *preloaded_before(void)
{
	const char *libraries = getenv("CASES_PRELOAD");

	return libraries ? libraries : "";
}

/* A command with the stage's paths in it. */
static void expand(const char *from, char *to, size_t size)
{
	static const char preload[] = "LD_PRELOAD=";
	size_t at = 0;

	for (; *from && at + 1 < size; from++) {
		if (strncmp(from, "%L", 2) == 0 && at >= sizeof(preload) - 1 &&
		    strncmp(to + at - (sizeof(preload) - 1), preload, sizeof(preload) - 1) == 0)
			at += (size_t)snprintf(to + at, size - at, "%s", preloaded_before());
		const char *path = from[0] == '%' && from[1] == 'B' ? BUILD_DIR : stage;
		const char *name = from[0] != '%' ? NULL
				 : from[1] == 'V' || from[1] == 'B' ? ""
				 : from[1] == 'L' ? "/libramlock.so"
				 : from[1] == 'I' ? "/input"
				 : from[1] == 'R' ? "/ramlock" : NULL;

		if (name == NULL) {
			to[at++] = *from;
			continue;
		}
		at += (size_t)snprintf(to + at, size - at, "%s%s", path, name);
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

static bool become(enum user user)
{
	if (geteuid() != 0)
		return user == NOBODY;
	if (user == NOBODY)
		return setgroups(0, NULL) == 0 && setresgid(NOBODY_ID, NOBODY_ID, NOBODY_ID) == 0 &&
		       setresuid(NOBODY_ID, NOBODY_ID, NOBODY_ID) == 0;
	if (user == CONTAINED)
		return prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK) == 0 &&
		       prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE) == 0;
	return true;
}

static bool set_limit(long kib)
{
	struct rlimit limit = {(rlim_t)kib * 1024, (rlim_t)kib * 1024};

	if (kib == UNLIMITED)
		limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
	return kib == ASIS || setrlimit(RLIMIT_MEMLOCK, &limit) == 0;
}

/* The environment is ours, less what would steer the program, MAKEFLAGS of `make -j check` too. */
static void set_environment(const char *folder)
{
	char **variable = environ;

	while (*variable) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*variable, "="), *variable);
		if (strncmp(name, "RAMLOCK_", 8) == 0 || strncmp(name, "LD_", 3) == 0 ||
		    strncmp(name, "MAKE", 4) == 0 || strcmp(name, "MFLAGS") == 0 ||
		    strcmp(name, "XDG_RUNTIME_DIR") == 0)
			unsetenv(name);
		else
			variable++;
	}
	setenv("HOME", folder, 1);
	setenv("TMPDIR", folder, 1);
	setenv("LC_ALL", "C", 1);
}

/* What comes before the command: who sets LD_PRELOAD, and who drops rights. Only the program itself
 * is preloaded, not the shell before it, but for TREE. The launcher would put the library before what
 * CASES_PRELOAD names. */
static void write_start(const struct staged *staged, bool bare, char *line, size_t size)
{
	const bool drops = staged->user == DROPS;
	const bool launched = staged->start == LAUNCHER && *preloaded_before() == '\0';

	if (!bare && (staged->start == PRELOAD || (staged->start == LAUNCHER && !launched)))
		snprintf(line, size, "export LD_PRELOAD=%s%s/libramlock.so; exec ", preloaded_before(), stage);
	else if (!bare && launched)
		snprintf(line, size, "exec %s/ramlock run -- ", stage);
	else if (bare && staged->start == TREE && drops)
		snprintf(line, size, "export LD_PRELOAD=%s/drops.so; ", stage);
	else if (!bare && staged->start == TREE && drops)
		snprintf(line, size, "export LD_PRELOAD=$LD_PRELOAD:%s/drops.so; ", stage);
	else
		*line = '\0';
}

static void start(const struct staged *staged, bool bare)
{
	char command[STAGE_COMMAND], line[STAGE_COMMAND + 256], ramlock[80];
	size_t length;

	snprintf(line, sizeof(line), "%s/work", room);
	if (!set_limit(staged->limit) || !group_enter(staged->group) || !become(staged->user) ||
	    chdir(line) != 0)
		_exit(125);
	set_environment(line);
	umask(staged->start == TREE ? 0 : 022); /* what a shell makes, who drops rights may use */
	expand(staged->command, command, sizeof(command));
	if (!bare)
		set_settings(staged->settings);
	write_start(staged, bare, line, sizeof(line));
	length = strlen(line);
	snprintf(line + length, sizeof(line) - length, "%s", command);
	snprintf(ramlock, sizeof(ramlock), "%s/ramlock", stage);
	if (!bare && staged->start == TREE)
		execl(ramlock, "ramlock", "run", "--", "/bin/sh", "-ec", line, (char *)NULL);
	else
		execl("/bin/sh", "sh", staged->start == TREE ? "-ec" : "-c", line, (char *)NULL);
	_exit(127);
}

static void read_file(const char *name, char *to)
{
	char path[128];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", room, name);
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

	snprintf(path, sizeof(path), "%s/%s", room, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
	dup2(fd, to);
	if (fd != to)
		close(fd);
}

void stage_run(const struct staged *staged, bool bare, struct result *result)
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
		for (int fd = 3; fd < 256; fd++) /* make's own: victims count descriptors */
			close(fd);
		start(staged, bare);
	}
	setpgid(running, running);
	alarm(SECONDS);
	while (waitpid(running, &status, 0) < 0 && errno == EINTR)
		;
	alarm(0);
	kill(-running, SIGKILL); /* what it left behind */
	running = 0;
	result->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	read_file("out", result->out);
	read_file("err", result->err);
}

static bool has_lock_capability(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &header, data) == 0 && data[0].effective >> CAP_IPC_LOCK & 1;
}

const char *stage_missing(long limit, enum user user)
{
	struct rlimit now;

	if (geteuid() != 0 && user != NOBODY)
		return "needs root";
	getrlimit(RLIMIT_MEMLOCK, &now);
	if (limit == UNLIMITED && now.rlim_max != RLIM_INFINITY &&
	    system("ulimit -l unlimited 2>/dev/null") != 0)
		return "RLIMIT_MEMLOCK can't be raised here: no CAP_SYS_RESOURCE";
	if (limit >= 0 && (rlim_t)limit * 1024 > now.rlim_max && geteuid() != 0)
		return "the hard RLIMIT_MEMLOCK is less";
	if ((user == ROOT || user == DROPS) && !has_lock_capability() && now.rlim_max != RLIM_INFINITY)
		return "root may not lock here: no CAP_IPC_LOCK";
	return NULL;
}
