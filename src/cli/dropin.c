/* SPDX-License-Identifier: MIT */
/* Writes a drop-in: environment, limit, capability, and remarks on what else the unit sets. */
#include "config.h"

#include <string.h>

#include "cli/dropin.h"
#include "cli/words.h"

static void write_quoted(const char *word, const char *percent, FILE *to)
{
	for (const unsigned char *at = (const unsigned char *)word; *at; at++) {
		if (*at == '"' || *at == '\\')
			fprintf(to, "\\%c", *at);
		else if (*at == '%')
			fputs(percent, to);
		else if (*at < 0x20 || *at == 0x7f)
			fprintf(to, "\\x%02x", *at);
		else
			putc(*at, to);
	}
}

void dropin_quote(const char *word, FILE *to)
{
	putc('"', to);
	write_quoted(word, "%%", to);
	putc('"', to);
}

static void write_variable(const char *name, const char *value, FILE *to)
{
	char assignment[8192];

	snprintf(assignment, sizeof(assignment), "%s=%s", name, value);
	fputs("Environment=", to);
	dropin_quote(assignment, to);
	putc('\n', to);
}

/* Ours goes first; what the unit preloads stays. A drop-in's assignment takes the place of the
 * unit's. */
static void write_environment(const struct dropin *d, FILE *to)
{
	const char *old = d->service.preload.text;
	char name[64];

	if (strstr(old, d->library) || *d->service.preload.later)
		old = "";
	fputs("Environment=\"LD_PRELOAD=", to);
	write_quoted(d->library, "%%", to);
	fputs(*old ? ":" : "", to);
	write_quoted(old, "%", to); /* its specifiers are systemd's to fill in */
	fputs("\"\n", to);
	if (d->values.profile == PROFILE_REALTIME)
		write_variable("LD_BIND_NOW", "1", to);
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (d->settings[i] == NULL)
			continue;
		snprintf(name, sizeof(name), OPTIONS_PREFIX "%s", option_rows[i].name);
		write_variable(name, d->settings[i], to);
	}
}

bool dropin_needs_capability(const struct dropin *d)
{
	return d->unlimited == PROBE_NO && !d->user && d->service.found && !service_is_root(&d->service) &&
	       !service_is_capable(&d->service) && !d->service.private_users && service_may_be_capable(&d->service);
}

static void write_capability(const struct dropin *d, FILE *to)
{
	if (dropin_needs_capability(d)) {
		fputs("# this machine's manager can't give an unlimited LimitMEMLOCK=\n"
		      "AmbientCapabilities=CAP_IPC_LOCK\n", to);
		return;
	}
	if (d->user)
		fputs("# a user's manager gives no more than its own limit: LimitMEMLOCK=infinity of user@.service\n"
		      "# lifts that\n", to);
	if (d->unlimited == PROBE_YES || d->user || service_is_capable(&d->service))
		return;
	if (d->service.private_users)
		fputs("# PrivateUsers= is set: CAP_IPC_LOCK is not honoured there, the limit alone counts\n",
		      to);
	else if (!service_may_be_capable(&d->service))
		fputs("# CapabilityBoundingSet= is set and has no CAP_IPC_LOCK, which lifts the limit\n", to);
	else if (d->unlimited == PROBE_UNKNOWN && !service_is_root(&d->service))
		fputs("# where LimitMEMLOCK= can't be unlimited:\n"
		      "#AmbientCapabilities=CAP_IPC_LOCK\n", to);
}

/* Without these calls nothing is locked, and a filter that kills ends the service at its start. */
static void write_filter(const struct dropin *d, FILE *to)
{
	char clean[512];

	if (*d->service.filter == '\0')
		return;
	words_clean(d->service.filter, clean, sizeof(clean));
	if (service_may_lock(&d->service))
		fprintf(to, "# SystemCallFilter=%s: lets mlock and its like through\n", clean);
	else
		fprintf(to, "# SystemCallFilter=%s\n"
			    "# does not let mlock and its like through: the next line does\n"
			    "SystemCallFilter=@memlock\n", clean);
}

/* What beats the lines of this file. */
static void write_beaten(const struct dropin *d, FILE *to)
{
	const struct service *s = &d->service;
	char clean[512], path[256];

	if (*s->memlock.later)
		fprintf(to, "# %s comes behind this file, and its LimitMEMLOCK=%s counts\n",
			words_clean(s->memlock.later, path, sizeof(path)),
			words_clean(s->memlock.text, clean, sizeof(clean)));
	else if (*s->memlock.text && strcmp(s->memlock.text, "infinity") != 0)
		fprintf(to, "# LimitMEMLOCK=%s of the unit counts no more\n",
			words_clean(s->memlock.text, clean, sizeof(clean)));
	if (*s->preload.later)
		fprintf(to, "# %s comes behind this file, and its LD_PRELOAD=%s counts: nothing is locked\n"
			    "# unless the library is added there\n",
			words_clean(s->preload.later, path, sizeof(path)),
			words_clean(s->preload.text, clean, sizeof(clean)));
	if (*s->file_preload.later && strstr(s->file_preload.text, "libramlock.so") == NULL)
		fprintf(to, "# EnvironmentFile=%s has LD_PRELOAD=%s, which counts: nothing is locked unless\n"
			    "# the library is added there\n",
			words_clean(s->file_preload.later, path, sizeof(path)),
			words_clean(s->file_preload.text, clean, sizeof(clean)));
	if (*s->file_setting.later)
		fprintf(to, "# EnvironmentFile=%s has %s, which counts before what is here\n",
			words_clean(s->file_setting.later, path, sizeof(path)),
			words_clean(s->file_setting.text, clean, sizeof(clean)));
	if (*s->file_unread)
		fprintf(to, "# EnvironmentFile=%s could not be read: LD_PRELOAD in it would count before this one\n",
			words_clean(s->file_unread, path, sizeof(path)));
	if (service_unsets_preload(s))
		fputs("# UnsetEnvironment= has LD_PRELOAD: nothing is locked unless it is taken out there\n", to);
	if (s->transient)
		fputs("# systemd-run made this unit, which is gone when it ends: give it these lines with -p\n", to);
}

static void write_memory(const struct dropin *d, FILE *to)
{
	const uint64_t reserves = d->values.stack + d->values.heap + d->values.large_reserve;
	const struct service *s = &d->service;
	const struct {
		const char *name, *value, *what;
	} limits[] = {
		{"MemoryMax", s->memory_max, "what is locked counts"},
		{"MemoryHigh", s->memory_high, "what is locked counts, and can't be taken back"},
		{"LimitAS", s->limit_as, "what is reserved counts"},
		{"LimitDATA", s->limit_data, "what is reserved counts"},
	};
	char clean[64];

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (*limits[i].value && strcmp(limits[i].value, "infinity") != 0)
			fprintf(to, "# %s=%s: %s, %s of reserves at start among it\n", limits[i].name,
				words_clean(limits[i].value, clean, sizeof(clean)), limits[i].what,
				word_size(reserves).text);
}

/* A file that each process writes anew, unless its name has the PID. */
static bool has_one_report(const struct dropin *d)
{
	const char *report = d->settings[OPTION_INDEX_REPORT];

	return report && strcmp(report, "none") != 0 && strcmp(report, "stderr") != 0 &&
	       strstr(report, "%p") == NULL;
}

static void write_report(const struct dropin *d, FILE *to)
{
	const char *report = d->settings[OPTION_INDEX_REPORT], *bar;
	char clean[512];

	if (report == NULL || *report != '/')
		return;
	bar = service_bars(&d->service, report);
	if (bar)
		fprintf(to, "# %s keeps the service from writing %s: ReadWritePaths= or LogsDirectory=\n"
			    "# lets it\n", bar, words_clean(report, clean, sizeof(clean)));
}

static void write_others(const struct dropin *d, FILE *to)
{
	const struct service *s = &d->service;
	const char *starts = s->helpers ? "ExecStartPre= or its like" : "each ExecStart=";
	const bool others = s->helpers || s->program_count > 1;

	if (others && d->settings[OPTION_INDEX_ONLY] == NULL && has_one_report(d))
		fprintf(to, "# what %s starts is locked too, with reserves of its own, and writes\n"
			    "# the same report: --only=PROGRAM keeps it out\n", starts);
	else if (others && d->settings[OPTION_INDEX_ONLY] == NULL)
		fprintf(to, "# what %s starts is locked too, with reserves of its own:\n"
			    "# --only=PROGRAM keeps it out\n", starts);
	if (s->restrict_realtime && d->values.profile == PROFILE_REALTIME)
		fputs("# RestrictRealtime= keeps the service from real-time scheduling\n", to);
}

/* Debian's pg_ctlcluster starts the server with what the cluster's own file has, and nothing else. */
static void write_cluster(const struct dropin *d, FILE *to)
{
	const char *slash = strrchr(d->service.programs[0], '/'), *at = strchr(d->name, '@');
	char instance[256] = "VERSION/CLUSTER";

	if (d->service.program_count == 0 || slash == NULL || strcmp(slash, "/pg_ctlcluster") != 0)
		return;
	if (at && at[1] != '.') {
		snprintf(instance, sizeof(instance), "%.*s", (int)(strlen(at + 1) - strlen(".service")),
			 at + 1);
		instance[strcspn(instance, "-")] = '/';
	}
	fprintf(to, "# pg_ctlcluster empties the environment: nothing is locked without these lines in\n"
		    "# /etc/postgresql/%s/environment\n", instance);
	fprintf(to, "#   LD_PRELOAD = '%s'\n", d->library);
	for (int i = 0; i < OPTION_COUNT; i++)
		if (d->settings[i])
			fprintf(to, "#   " OPTIONS_PREFIX "%s = '%s'\n", option_rows[i].name, d->settings[i]);
}

static void write_remarks(const struct dropin *d, FILE *to)
{
	const struct service *s = &d->service;
	const char *hides = service_hides(s, d->library);
	char clean[512];

	if (d->obstacle)
		fprintf(to, "# %s: nothing is locked\n", words_clean(d->obstacle, clean, sizeof(clean)));
	write_cluster(d, to);
	write_filter(d, to);
	if (hides)
		fprintf(to, "# %s keeps the library from the service: install it in the system's own\n"
			    "# folder for libraries\n", hides);
	write_memory(d, to);
	write_others(d, to);
	write_report(d, to);
	if (*s->root && strcmp(s->root, "/") != 0)
		fprintf(to, "# RootDirectory= or RootImage=%s: the library has to be in there too\n",
			words_clean(s->root, clean, sizeof(clean)));
}

/* ld.so would leave the library out, and say so in the journal only. */
static void write_paths(const struct dropin *d, FILE *to)
{
	if (service_can_execute(&d->service, d->library))
		return;
	fputs("# NoExecPaths= is set: the library's code has to be let in\nExecPaths=", to);
	dropin_quote(d->library, to);
	putc('\n', to);
}

void dropin_write(const struct dropin *d, FILE *to)
{
	fprintf(to, DROPIN_MARK " %s; see libramlock(7)\n", d->name);
	fputs("[Service]\n", to);
	write_environment(d, to);
	fputs("LimitMEMLOCK=infinity\n", to);
	write_beaten(d, to);
	write_capability(d, to);
	write_paths(d, to);
	write_remarks(d, to);
}
