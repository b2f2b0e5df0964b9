/* SPDX-License-Identifier: MIT */
/* Findings on the machine's memory and its kernel. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/findings.h"
#include "cli/words.h"

/* "; the reserves take 1.3 MiB", or nothing where there are none. */
static struct phrase {
	char text[64];
} reserves_of(const struct checked *c)
{
	struct phrase phrase = {""};

	if (c->reserves)
		snprintf(phrase.text, sizeof(phrase.text), "; the reserves take %s",
			 word_size(c->reserves).text);
	return phrase;
}

/* What may be made resident ahead of use: MAX of the room (see ahead.c in the library). */
static bool fits(const struct checked *c, uint64_t room)
{
	return c->reserves <= size_of(c->settings.max, room);
}

static void find_cgroup(struct findings *f, const struct checked *c)
{
	static const char check[] = "memory cgroup";
	const struct limits_memory *m = &c->host.memory;
	const char *remedy = "raise MemoryMax= (memory.max), or lower the reserves";

	if (!c->host.cgroup_known)
		findings_add(f, VERDICT_UNKNOWN, check, "mount the cgroup file system",
			     "the memory cgroup can't be read");
	else if (m->cgroup_limit == LIMITS_NONE)
		findings_add(f, VERDICT_OK, check, NULL, "no limit");
	else
		findings_add(f,
			     !fits(c, m->cgroup_room)			   ? VERDICT_FAIL
			     : m->cgroup_room < m->cgroup_limit / 10 ? VERDICT_WARN
								     : VERDICT_OK,
			     check, remedy, "limit %s, room %s%s", word_size(m->cgroup_limit).text,
			     word_size(m->cgroup_room).text, reserves_of(c).text);
}

static void find_available(struct findings *f, const struct checked *c)
{
	static const char check[] = "available memory";
	const uint64_t available = c->host.memory.available;

	if (available == LIMITS_NONE)
		findings_add(f, VERDICT_UNKNOWN, check, "mount /proc", "MemAvailable can't be read");
	else
		findings_add(f, fits(c, available) ? VERDICT_OK : VERDICT_FAIL, check,
			     "free memory, or lower the reserves", "%s%s", word_size(available).text,
			     reserves_of(c).text);
}

static void find_swap(struct findings *f, const struct checked *c)
{
	static const char check[] = "swap";
	const struct host *h = &c->host;
	const bool all = findings_unlimited(c);

	if (h->swap_total == LIMITS_NONE || h->swap_free == LIMITS_NONE)
		findings_add(f, VERDICT_UNKNOWN, check, "mount /proc", "SwapTotal can't be read");
	else if (h->swap_total == 0)
		findings_add(f, VERDICT_OK, check, NULL, "none");
	else
		findings_add(f, all ? VERDICT_OK : VERDICT_WARN, check,
			     "raise the memory lock limit, or swapoff -a",
			     "%s, %s free, swappiness %s: %s", word_size(h->swap_total).text,
			     word_size(h->swap_free).text,
			     h->swappiness.state == FACT_KNOWN ? word_number(h->swappiness.value).text
							       : "unknown",
			     all ? "what is locked stays" : "what is not locked can be swapped out");
}

static void find_overcommit(struct findings *f, const struct checked *c)
{
	static const char check[] = "overcommit";
	const struct host *h = &c->host;
	uint64_t room;

	if (h->overcommit.state != FACT_KNOWN) {
		findings_add(f, VERDICT_UNKNOWN, check, NULL, "vm.overcommit_memory can't be read");
		return;
	}
	if (h->overcommit.value != 2) {
		findings_add(f, VERDICT_OK, check, NULL, "%s (%s)",
			     h->overcommit.value ? "always" : "heuristic",
			     word_number(h->overcommit.value).text);
		return;
	}
	if (h->commit_limit == LIMITS_NONE || h->committed == LIMITS_NONE) {
		findings_add(f, VERDICT_UNKNOWN, check, NULL, "strict (2); its limit can't be read");
		return;
	}
	room = h->commit_limit > h->committed ? h->commit_limit - h->committed : 0;
	findings_add(f, room < c->reserves ? VERDICT_FAIL : VERDICT_OK, check,
		     "raise vm.overcommit_ratio, or lower the reserves",
		     "strict (2), %s left%s", word_size(room).text, reserves_of(c).text);
}

void findings_of_memory(struct findings *f, const struct checked *c)
{
	find_cgroup(f, c);
	find_available(f, c);
	find_swap(f, c);
	find_overcommit(f, c);
}

static void find_thp(struct findings *f, const struct checked *c)
{
	static const char check[] = "huge pages";
	const bool wanted = c->settings.huge == HUGE_THP;
	const char *mode = c->host.thp;

	if (c->host.thp_state == FACT_UNKNOWN)
		findings_add(f, VERDICT_UNKNOWN, check, "mount /sys", "the mode can't be read");
	else if (c->host.thp_state == FACT_ABSENT || strcmp(mode, "never") == 0)
		findings_add(f, wanted ? VERDICT_WARN : VERDICT_OK, check,
			     "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled",
			     "transparent: %s%s", *mode ? "never" : "not in this kernel",
			     wanted ? ": HUGE=thp has no effect" : "");
	else
		findings_add(f, strcmp(mode, "always") == 0 ? VERDICT_WARN : VERDICT_OK, check,
			     "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled",
			     "transparent: %s%s", mode,
			     strcmp(mode, "always") == 0 ? ": khugepaged may stall a program" : "");
}

/* A kernel switch that is better off. */
static void find_switch(struct findings *f, const char *check, const char *name,
			const struct fact *fact, bool bad, const char *harm, const char *remedy)
{
	if (fact->state == FACT_ABSENT)
		findings_add(f, VERDICT_OK, check, NULL, "not in this kernel");
	else if (fact->state == FACT_UNKNOWN)
		findings_add(f, VERDICT_UNKNOWN, check, NULL, "%s can't be read", name);
	else
		findings_add(f, bad ? VERDICT_WARN : VERDICT_OK, check, remedy, "%s %s%s%s", name,
			     word_number(fact->value).text, bad ? ": " : "", bad ? harm : "");
}

void findings_of_kernel(struct findings *f, const struct checked *c)
{
	const struct host *h = &c->host;

	find_thp(f, c);
	find_switch(f, "compaction", "vm.compact_unevictable_allowed", &h->compact,
		    h->compact.value != 0, "locked pages may be moved, which costs faults",
		    "sysctl -w vm.compact_unevictable_allowed=0");
	find_switch(f, "NUMA balancing", "kernel.numa_balancing", &h->numa, h->numa.value != 0,
		    "unmaps pages to see who uses them, which costs faults",
		    "sysctl -w kernel.numa_balancing=0");
	find_switch(f, "page merging", "ksm/run", &h->ksm, h->ksm.value == 1,
		    "what a program has merged faults when it is written",
		    "echo 2 >/sys/kernel/mm/ksm/run");
}
