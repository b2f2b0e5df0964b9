/* SPDX-License-Identifier: MIT */
/* The constructor: settings, limits, locks, reserves, in this order. */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/message.h"
#include "common/stats.h"
#include "common/sys.h"
#include "preload/bare_locks.h"
#include "preload/budget.h"
#include "preload/copy.h"
#include "preload/growth.h"
#include "preload/large.h"
#include "preload/level.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "preload/privileges.h"
#include "preload/process.h"
#include "preload/real.h"
#include "preload/report.h"
#include "preload/reserve.h"
#include "preload/sandbox.h"
#include "preload/startup.h"
#include "preload/stderr.h"
#include "preload/thread.h"

static int complaints;

static void complain(void *context, const char *line)
{
	struct message m;

	(void)context;
	if (complaints++ == 0 && !message_claim(MESSAGE_SETTINGS))
		return;
	message_warn(&m);
	text_add(&m.text, "%s", line);
	message_tell(&m, MESSAGE_SETTINGS);
}

/* A program that is not meant is told nothing, and not ended. */
static void ignore(void *context, const char *line)
{
	(void)context;
	(void)line;
}

/* As secure_getenv: a program with more rights than its user ignores the user's settings. */
static char *const *trusted_environment(void)
{
	static char *const none[] = {NULL};

	return getauxval(AT_SECURE) ? none : environ;
}

static const char *find_variable(char *const *environment, const char *name)
{
	const size_t length = strlen(name);

	for (; *environment; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

/* A copy for later: a program that sets its title (redis, postgres) writes over its environment. */
static const char *keep_text(const char *text, char *to, size_t size)
{
	const size_t length = text ? strlen(text) + 1 : 0;

	return length && length <= size ? memcpy(to, text, length) : text;
}

/* Reads the settings; a wrong one ends the program where it asked for that. */
static void read_settings(void)
{
	static char told_kept[256], report_kept[1024];
	char *const *environment = trusted_environment();
	const char *told = keep_text(find_variable(environment, MESSAGE_TOLD), told_kept,
				     sizeof(told_kept));

	message_start(1, told);
	options_read(&preload_options, environment, complain, NULL);
	preload_options.report = keep_text(preload_options.report, report_kept, sizeof(report_kept));
	message_start(preload_options.verbose, told);
	if (complaints && preload_options.on_error == ERROR_ABORT)
		_exit(125);
}

/* By the name it was called by, and by that of its file. */
static bool is_meant(void)
{
	const char *name;
	char path[512];
	long length;

	if (preload_options.only == NULL ||
	    options_meant(&preload_options, program_invocation_short_name))
		return true;
	length = SYS_CALL(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = '\0';
	name = strrchr(path, '/');
	return options_meant(&preload_options, name ? name + 1 : path);
}

/* The settings that differ from the defaults, for the counters page. */
static void publish_settings(void)
{
	struct options defaults;
	char *const none[] = {NULL};
	char ours[256], theirs[256];
	struct text t, word;

	options_read(&defaults, none, complain, NULL);
	text_init(&t, stats->settings, sizeof(stats->settings));
	for (int i = 0; i < OPTION_COUNT; i++) {
		text_init(&word, ours, sizeof(ours));
		options_print(&preload_options, &option_rows[i], &word);
		text_init(&word, theirs, sizeof(theirs));
		options_print(&defaults, &option_rows[i], &word);
		if (strcmp(ours, theirs) != 0)
			text_add(&t, "%s%s=%s", text_length(&t) ? " " : "", option_rows[i].name,
				 ours);
	}
}

/* Whether an entry of LD_PRELOAD names this library: by its file's name, as ld.so may have found
 * it in a search path. */
static bool is_our_entry(const char *entry, size_t length)
{
	static const char ours[] = "libramlock.so";
	const size_t size = sizeof(ours) - 1;

	return length >= size && memcmp(entry + length - size, ours, size) == 0 &&
	       (length == size || entry[length - size - 1] == '/');
}

void preload_drop(void)
{
	for (char **variable = environ; *variable; variable++) {
		char *list, *to, *at;

		if (strncmp(*variable, "LD_PRELOAD=", 11) != 0)
			continue;
		list = to = at = *variable + 11;
		while (*at) {
			size_t length = strcspn(at, ": ");
			bool keep = length && !is_our_entry(at, length);

			if (keep && to != list)
				*to++ = ':';
			if (keep)
				memmove(to, at, length);
			to += keep ? length : 0;
			at += length + strspn(at + length, ": ");
		}
		*to = '\0';
		if (to != list)
			return;
		for (char **next = variable; *next; next++)
			next[0] = next[1];
		return;
	}
}

/* What a copy of the process does first. */
static void adopt_copy(void)
{

	if (sandbox_is_on()) {
		sandbox_adopt();
		return;
	}
	stats_publish(true);
	message_fork_child();
	budget_fork_child();
	stderr_fork_child();
	large_fork_child();
	privileges_fork_child(!level_fork_child(preload_options.fork != FORK_LEAVE));
	large_unlock_tails();
	bare_locks_fork_child();
}

static void fork_parent(void)
{
	if (preload_options.fork == FORK_COPY && preload_active)
		copy_own_pages();
}

static void note_start(void)
{
	struct timespec time;
	struct rusage now;

	clock_gettime(CLOCK_MONOTONIC, &time); /* may fault, so before they are counted */
	getrusage(RUSAGE_SELF, &now);
	stats_set(STAT_minor_at_start, (uint64_t)now.ru_minflt);
	stats_set(STAT_major_at_start, (uint64_t)now.ru_majflt);
	stats_set(STAT_large_at_start, stats_get(STAT_large_grown));
	/* the last: it says that the rest is there */
	stats_set(STAT_started, (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec);
	message_note(2, "level %s: %s", level_names[stats->level], reason_texts[stats->reason]);
}

__attribute__((constructor)) static void preload_start(void)
{
	const int saved = errno;
	uintptr_t stack_low;

	real_bind();
	real_bind_rights();
	options_read(&preload_options, trusted_environment(), ignore, NULL);
	if (preload_options.exec == EXEC_DROP)
		preload_drop();
	if (!is_meant())
		return;
	read_settings();
	stderr_keep();
	stats_publish(false);
	publish_settings();
	budget_start();
	level_init();
	privileges_start();
	startup_level();
	if (level_now() != LEVEL_NONE) {
		stack_low = reserve_stack();
		reserve_heap();
		large_start();
		wrap_malloc_start();
		next_follow_limits();
		startup_lock(stack_low);
		thread_start();
		growth_start();
	}
	process_start(adopt_copy);
	pthread_atfork(process_forking, fork_parent, process_forked);
	note_start();
	preload_active = true;
	errno = saved;
}

void preload_finish(void)
{
	if (sandbox_is_on() || (!report_is_due() && !message_is_end_due()) || !preload_is_own_process())
		return;
	report_write();
	message_end();
}

__attribute__((destructor)) static void preload_end(void)
{
	preload_finish();
}
