/* SPDX-License-Identifier: MIT */
/* The list of findings, and those on the limits and rights of who locks. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli/findings.h"
#include "cli/words.h"

const char *const verdict_names[VERDICT_COUNT] = {"ok", "warn", "fail", "unknown"};

static const char raise_limit[] =
	"LimitMEMLOCK=infinity in the unit, \"USER - memlock unlimited\" in "
	"/etc/security/limits.conf, or --ulimit memlock=-1 for a container";
static const char give_capability[] =
	"AmbientCapabilities=CAP_IPC_LOCK in the unit, setpriv --inh-caps +ipc_lock "
	"--ambient-caps +ipc_lock, or --cap-add=IPC_LOCK for a container";

void findings_add(struct findings *f, enum verdict verdict, const char *check, const char *remedy,
		  const char *format, ...)
{
	struct finding *finding = &f->list[f->count];
	va_list args;

	if (f->count == sizeof(f->list) / sizeof(*f->list))
		return;
	f->count++;
	f->counts[verdict]++;
	finding->verdict = verdict;
	finding->check = check;
	finding->remedy = verdict == VERDICT_OK ? NULL : remedy;
	va_start(args, format);
	vsnprintf(finding->found, sizeof(finding->found), format, args);
	va_end(args);
}

/* A program that is to be started gets the hard limit: `ramlock run` raises the soft one to it. */
static uint64_t limit_that_counts(const struct checked *c)
{
	return c->process ? c->host.memlock.soft : c->host.memlock.hard;
}

static bool is_limit_infinite(const struct checked *c)
{
	return c->host.memlock.known && limit_that_counts(c) == UINT64_MAX;
}

bool findings_unlimited(const struct checked *c)
{
	return is_limit_infinite(c) || c->honoured == PROBE_YES;
}

static void find_memlock(struct findings *f, const struct checked *c)
{
	static const char check[] = "memory lock limit";
	const struct host_limit *limit = &c->host.memlock;
	struct word soft, hard;

	if (!limit->known) {
		findings_add(f, VERDICT_UNKNOWN, check, "mount /proc, or look as the process's user",
			     "RLIMIT_MEMLOCK can't be read");
		return;
	}
	soft = word_size(limit->soft);
	hard = word_size(limit->hard);
	if (is_limit_infinite(c) || c->honoured == PROBE_YES)
		findings_add(f, VERDICT_OK, check, NULL, "%s soft, %s hard%s", soft.text, hard.text,
			     is_limit_infinite(c) ? "" : "; CAP_IPC_LOCK lifts it");
	else if (limit_that_counts(c) == 0)
		findings_add(f, VERDICT_FAIL, check, raise_limit, "0: nothing can be locked");
	else
		findings_add(f, VERDICT_WARN, check, raise_limit,
			     "%s soft, %s hard: no more is locked, and nothing that is mapped later",
			     soft.text, hard.text);
}

static void find_capability(struct findings *f, const struct checked *c)
{
	static const char check[] = "CAP_IPC_LOCK";

	if (c->capability.effective == PROBE_UNKNOWN)
		findings_add(f, VERDICT_UNKNOWN, check, NULL, "the capabilities can't be read");
	else if (c->capability.effective == PROBE_NO)
		findings_add(f, is_limit_infinite(c) ? VERDICT_OK : VERDICT_WARN, check,
			     give_capability, "not held%s",
			     is_limit_infinite(c) ? ", and not needed: the limit is unlimited" : "");
	else if (c->honoured == PROBE_YES)
		findings_add(f, VERDICT_OK, check, NULL, "held, and the kernel honours it");
	else if (is_limit_infinite(c))
		findings_add(f, VERDICT_OK, check, NULL, "held, and not needed");
	else if (c->honoured == PROBE_NO)
		findings_add(f, VERDICT_WARN, check, raise_limit,
			     "shown, but not honoured: in a user namespace it lifts no limit");
	else
		findings_add(f, VERDICT_UNKNOWN, check, raise_limit,
			     "held; whether the kernel honours it could not be tried");
}

/* Root has at each start what the bounding set leaves; another user only what is ambient. */
static void find_survival(struct findings *f, const struct checked *c)
{
	static const char check[] = "CAP_IPC_LOCK kept";
	const bool root = c->host.uid == 0;
	const enum probe kept = root ? c->capability.bounding : c->capability.ambient;

	if (c->capability.effective != PROBE_YES || c->honoured == PROBE_NO || is_limit_infinite(c))
		return;
	if (c->host.uid == LIMITS_NONE || kept == PROBE_UNKNOWN)
		findings_add(f, VERDICT_UNKNOWN, check, NULL,
			     "the user or the capability sets can't be read");
	else if (kept == PROBE_NO)
		findings_add(f, VERDICT_FAIL, check, give_capability,
			     "lost when a program is started: not in the %s set",
			     root ? "bounding" : "ambient");
	else if (root)
		findings_add(f, VERDICT_WARN, check, raise_limit,
			     "by root, but lost by a program that changes its user");
	else
		findings_add(f, VERDICT_OK, check, NULL, "in the ambient set: what is started has it");
}

static void find_rtprio(struct findings *f, const struct checked *c)
{
	static const char check[] = "real-time priority";
	const bool wanted = c->settings.profile == PROFILE_REALTIME;
	const struct host_limit *limit = &c->host.rtprio;

	if (!limit->known)
		findings_add(f, VERDICT_UNKNOWN, check, NULL, "RLIMIT_RTPRIO can't be read");
	else if (limit->hard == 0 && c->capability.nice != PROBE_YES)
		findings_add(f, wanted ? VERDICT_WARN : VERDICT_OK, check,
			     "LimitRTPRIO=95 in the unit, or \"USER - rtprio 95\" in "
			     "/etc/security/limits.conf",
			     wanted ? "RLIMIT_RTPRIO 0: real-time scheduling will be refused"
				    : "RLIMIT_RTPRIO 0, which matters to PROFILE=realtime only");
	else
		findings_add(f, VERDICT_OK, check, NULL, "RLIMIT_RTPRIO %s soft, %s hard%s",
			     word_number(limit->soft).text, word_number(limit->hard).text,
			     c->capability.nice == PROBE_YES ? "; CAP_SYS_NICE lifts it" : "");
}

static void find_need(struct findings *f, const struct checked *c)
{
	static const char check[] = "address space";
	const uint64_t limit = limit_that_counts(c);
	const struct word need = word_size(c->need);
	const char *what = c->process ? "mapped" : "to lock at start, an estimate";

	if (c->need == 0)
		return;
	if (c->need == LIMITS_NONE)
		findings_add(f, VERDICT_UNKNOWN, check, NULL, "what is to be locked can't be told");
	else if (findings_unlimited(c))
		findings_add(f, VERDICT_OK, check, NULL, "%s %s; no limit is compared with it",
			     need.text, what);
	else if (!c->host.memlock.known)
		findings_add(f, VERDICT_UNKNOWN, check, NULL, "%s %s; the limit is not known",
			     need.text, what);
	else
		findings_add(f, c->need > limit ? VERDICT_FAIL : VERDICT_OK, check, raise_limit,
			     "%s %s; the limit is %s", need.text, what, word_size(limit).text);
}

void findings_of_limits(struct findings *f, const struct checked *c)
{
	find_memlock(f, c);
	find_capability(f, c);
	find_survival(f, c);
	find_need(f, c);
	find_rtprio(f, c);
}
