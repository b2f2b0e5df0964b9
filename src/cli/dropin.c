/* SPDX-License-Identifier: MIT */
/* Writes a drop-in: environment, limit, capability, and remarks on what else the unit sets. */
#include "config.h"

#include <string.h>

#include "cli/dropin.h"
#include "cli/words.h"

void dropin_quote(const char *word, FILE *to)
{
	putc('"', to);
	for (const unsigned char *at = (const unsigned char *)word; *at; at++) {
		if (*at == '"' || *at == '\\')
			fprintf(to, "\\%c", *at);
		else if (*at == '%')
			fputs("%%", to);
		else if (*at < 0x20 || *at == 0x7f)
			fprintf(to, "\\x%02x", *at);
		else
			putc(*at, to);
	}
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
	const char *old = d->service.preload;
	char list[5000], name[64];

	if (strstr(old, d->library))
		old = "";
	snprintf(list, sizeof(list), "%s%s%s", d->library, *old ? ":" : "", old);
	write_variable("LD_PRELOAD", list, to);
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
	return d->unlimited == PROBE_NO && d->service.found && !service_is_root(&d->service) &&
	       !d->service.private_users && service_may_be_capable(&d->service);
}

static void write_capability(const struct dropin *d, FILE *to)
{
	if (dropin_needs_capability(d)) {
		fputs("# this machine's manager can't give an unlimited LimitMEMLOCK=\n"
		      "AmbientCapabilities=CAP_IPC_LOCK\n", to);
		return;
	}
	if (d->unlimited == PROBE_YES)
		return;
	if (d->service.private_users)
		fputs("# PrivateUsers= is set: CAP_IPC_LOCK is not honoured there, the limit alone counts\n",
		      to);
	else if (!service_may_be_capable(&d->service))
		fputs("# CapabilityBoundingSet= is set and has no CAP_IPC_LOCK, which lifts the limit\n", to);
	else if (!d->service.found || d->unlimited == PROBE_UNKNOWN)
		fputs("# where LimitMEMLOCK= can't be unlimited, and the user is not root:\n"
		      "#AmbientCapabilities=CAP_IPC_LOCK\n", to);
}

static void write_remarks(const struct dropin *d, FILE *to)
{
	const struct service *s = &d->service;
	const uint64_t reserves = d->values.stack + d->values.heap + d->values.large_reserve;
	char clean[512];

	if (!service_may_lock(s))
		fprintf(to, "# SystemCallFilter=%s\n"
			    "# does not let mlock and its like through, without which nothing is locked:\n"
			    "#SystemCallFilter=@memlock\n",
			words_clean(s->filter, clean, sizeof(clean)));
	else if (*s->filter)
		fprintf(to, "# SystemCallFilter=%s: lets mlock and its like through\n",
			words_clean(s->filter, clean, sizeof(clean)));
	if (!service_can_see(s, d->library))
		fprintf(to, "# ProtectHome= keeps the library from the service: install it in the system's own\n"
			    "# folder for libraries\n");
	if (*s->memory_max && strcmp(s->memory_max, "infinity") != 0)
		fprintf(to, "# MemoryMax=%s: what is locked counts, %s of reserves at start among it\n",
			words_clean(s->memory_max, clean, sizeof(clean)), word_size(reserves).text);
	if (s->helpers && d->settings[OPTION_INDEX_ONLY] == NULL)
		fputs("# what ExecStartPre= and its like start is locked too, with reserves of its own, and writes\n"
		      "# the same report: --only=PROGRAM keeps it out\n", to);
	if (*s->root)
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
	if (!d->service.found)
		fputs("# no such unit was found, so that nothing of it was looked at\n", to);
	fputs("[Service]\n", to);
	write_environment(d, to);
	fputs("LimitMEMLOCK=infinity\n", to);
	write_capability(d, to);
	write_paths(d, to);
	write_remarks(d, to);
}
