/* SPDX-License-Identifier: MIT */
/* Starts the program, reads samples, mappings and counters while it runs, and waits for its end. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/duration.h"
#include "cli/launch.h"
#include "cli/samples.h"
#include "cli/trial.h"
#include "cli/witness.h"
#include "common/limits.h"

#define MILLISECOND    (DURATION_SECOND / 1000)
#define SETTLED        (2 * MILLISECOND) /* events as old as that are all in the rings */
#define PAUSE_AT_START 10                /* ms between two looks while some process starts */
#define PAUSE          50
#define PROGRESS       (500 * MILLISECOND)
#define PATIENCE       (5 * DURATION_SECOND) /* from SIGTERM to SIGKILL */

struct running {
	const struct trial *trial;
	struct outcome *outcome;
	struct places places;
	struct samples samples;
	struct witness witness;
	pid_t pid;
	int pidfd;
	int failure;                 /* readable: the errno of exec */
	uint64_t begun, told, asked; /* started, wrote a progress line, sent SIGTERM */
	struct rusage usage;
};

/* For the handlers. */
static volatile pid_t program;
static volatile sig_atomic_t interrupts;

static void forward(int signal)
{
	const int saved = errno;

	if (program)
		kill(program, signal);
	errno = saved;
}

/* The terminal sends it to the program too, which decides; the third time we do. */
static void interrupted(int signal)
{
	(void)signal;
	if (++interrupts >= 3)
		forward(SIGKILL);
}

static void divide_signals(bool begin)
{
	static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
	static struct sigaction old[sizeof(signals) / sizeof(*signals)];

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		struct sigaction action = {.sa_flags = SA_RESTART};

		action.sa_handler = i < 2 ? interrupted : forward;
		if (!begin)
			sigaction(signals[i], &old[i], NULL);
		else if (sigaction(signals[i], NULL, &old[i]) == 0 && old[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

/* --- the start ----------------------------------------------------------------------------- */

static void set_settings(const struct running *r)
{
	char line[512];

	for (const char *const *setting = r->trial->settings; *setting; setting++) {
		const char *value = strchr(*setting, '=');

		snprintf(line, sizeof(line), OPTIONS_PREFIX "%.*s", (int)(value - *setting),
			 *setting);
		setenv(line, value + 1, 1);
	}
	if (r->witness.folder && !options_given(r->trial->options, OPTION_INDEX_REPORT)) {
		snprintf(line, sizeof(line), "%s/%%p" REPORT_MEASURE, r->witness.folder);
		setenv(OPTIONS_PREFIX "REPORT", line, 1);
	}
}

/* Everything that changes the environment happens here, so that what we start ourselves later runs
 * without the library. */
static void become(const struct running *r, int gate, int failure)
{
	char go;
	int error = -1;

	divide_signals(false);
	if (read(gate, &go, 1) != 1)
		_exit(CLI_RUN_FAILED);
	set_settings(r);
	if (launch_environment(r->trial->options, r->trial->library) == 0) {
		launch_raise_limit();
		execvp(*r->trial->program, r->trial->program);
		error = errno;
	}
	if (write(failure, &error, sizeof(error)) < 0)
		_exit(CLI_CANNOT_INVOKE);
	_exit(CLI_RUN_FAILED);
}

static int start(struct running *r)
{
	int gate[2], failure[2];

	if (pipe2(gate, O_CLOEXEC) != 0 || pipe2(failure, O_CLOEXEC) != 0) {
		cli_error("pipe: %s", strerror(errno));
		return CLI_FAILED;
	}
	divide_signals(true);
	fflush(NULL);
	r->pid = fork();
	if (r->pid < 0) {
		cli_error("fork: %s", strerror(errno));
		return CLI_FAILED;
	}
	if (r->pid == 0) {
		close(gate[1]);
		become(r, gate[0], failure[1]);
	}
	close(gate[0]);
	close(failure[1]);
	program = r->pid;
	r->failure = failure[0];
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	r->outcome->refused = samples_open(&r->samples, r->pid);
	r->outcome->sampled = r->outcome->refused == 0;
	r->outcome->user_only = r->samples.user_only;
	r->begun = duration_now();
	if (write(gate[1], "", 1) != 1)
		kill(r->pid, SIGKILL);
	close(gate[1]);
	return 0;
}

/* --- while it runs ------------------------------------------------------------------------- */

static void use_event(void *context, const struct event *event)
{
	places_event(context, event);
}

static void read_samples(struct running *r, uint64_t until)
{
	samples_read(&r->samples, until, use_event, &r->places);
}

static void show_progress(struct running *r, uint64_t now)
{
	if (!r->trial->progress || now - r->told < PROGRESS)
		return;
	r->told = now;
	fprintf(stderr, "\rramlock: measuring, %llu s, ",
		(unsigned long long)((now - r->begun) / DURATION_SECOND));
	if (r->outcome->sampled)
		fprintf(stderr, "%llu faults", (unsigned long long)r->places.faults);
	else
		fputs("without samples", stderr);
	fputs("\033[K", stderr);
}

static void hide_progress(const struct running *r)
{
	if (r->told)
		fputs("\r\033[K", stderr);
}

/* Ends the program when its time is over. */
static void keep_time(struct running *r, uint64_t now)
{
	if (r->trial->length == 0 || now - r->begun < r->trial->length)
		return;
	if (r->asked == 0) {
		r->asked = now;
		r->outcome->stopped = true;
		kill(r->pid, SIGTERM);
		kill(r->pid, SIGCONT);
	} else if (now - r->asked > PATIENCE) {
		kill(r->pid, SIGKILL);
	}
}

static int pause_length(const struct running *r, uint64_t now)
{
	int pause = r->witness.starting ? PAUSE_AT_START : PAUSE;

	if (r->trial->length && r->asked == 0) {
		uint64_t left =
			r->begun + r->trial->length > now ? r->begun + r->trial->length - now : 0;

		if (left / MILLISECOND < (uint64_t)pause)
			pause = (int)(left / MILLISECOND) + 1;
	}
	return pause;
}

/* The pipe that would bring exec's error is closed by its success. */
static bool has_executed(const struct running *r)
{
	struct pollfd failure = {.fd = r->failure};

	return r->witness.executed || (poll(&failure, 1, 0) == 1 && failure.revents & POLLHUP);
}

static bool has_ended(struct running *r)
{
	const pid_t ended = wait4(r->pid, &r->outcome->status, WNOHANG, &r->usage);

	return ended == r->pid || (ended < 0 && errno != EINTR);
}

static void follow(struct running *r)
{
	bool ended = false;
	uint64_t now;

	while (!ended) {
		samples_wait(&r->samples, r->pidfd, pause_length(r, duration_now()));
		ended = has_ended(r);
		now = duration_now();
		read_samples(r, ended ? UINT64_MAX : now - SETTLED);
		r->witness.executed = has_executed(r);
		witness_look(&r->witness, now, ended);
		keep_time(r, now);
		show_progress(r, now);
	}
	program = 0;
	hide_progress(r);
}

/* --- the end ------------------------------------------------------------------------------- */

static void take_usage(struct running *r)
{
	struct outcome *f = r->outcome;
	const uint64_t minor = (uint64_t)r->usage.ru_minflt, major = (uint64_t)r->usage.ru_majflt;

	f->kernel_minor = minor > r->witness.minor_before ? minor - r->witness.minor_before : 0;
	f->kernel_major = major > r->witness.major_before ? major - r->witness.major_before : 0;
	f->length = duration_now() - r->begun;
	f->lost = r->samples.lost;
	timeline_end(&r->places.timeline, r->places.start ? duration_now() - r->places.start : 0);
}

static int tell_failure(const struct running *r, int error)
{
	if (error < 0)
		return CLI_RUN_FAILED;
	return launch_refused(*r->trial->program, error);
}

static bool are_blocks_huge(void)
{
	char text[64] = "";

	limits_read_file("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text));
	return strstr(text, "[always]") != NULL;
}

int trial_run(const struct trial *t, struct outcome *f)
{
	struct running r = {.trial = t, .outcome = f, .pidfd = -1, .failure = -1};
	int result, error;

	*f = (struct outcome){0};
	interrupts = 0;
	r.places.after = t->after;
	r.places.reserves = t->reserves;
	memcpy(r.places.reserved, t->reserved, sizeof(t->reserved));
	r.places.whole_blocks = are_blocks_huge();
	witness_begin(&r.witness, &r.places, f);
	result = start(&r);
	if (result == 0) {
		r.witness.pid = r.pid;
		follow(&r);
		take_usage(&r);
		if (read(r.failure, &error, sizeof(error)) == sizeof(error))
			result = tell_failure(&r, error);
		else
			outcome_make(f, &r.places);
		witness_running(&r.witness);
		close(r.failure);
		if (r.pidfd >= 0)
			close(r.pidfd);
		samples_close(&r.samples);
	}
	divide_signals(false);
	witness_end(&r.witness);
	places_free(&r.places);
	return result;
}
