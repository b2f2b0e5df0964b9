/* SPDX-License-Identifier: MIT */
/* Decides how resident a range is wanted. */
#include "config.h"

#include <sys/mman.h>

#include "preload/policy.h"

#define ANON_MAX (1u << 20)  /* anonymous maps up to this size (TLS, say) are resident at start */
#define BSS_MAX (16u << 20)  /* the same for bss, which programs size for the worst case */
#define TEXT_MAX (32u << 20) /* and for text: Node has 82 MiB, and uses half of it */

bool policy_is_wished(int flags)
{
	return flags & MAP_LOCKED || (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
}

enum map_class policy_class(int prot, int flags)
{
	if (flags & MAP_ANONYMOUS)
		return MAPS_ANON;
	return prot & PROT_EXEC ? MAPS_LIB_TEXT : MAPS_FILE;
}

static enum residency file_residency(const struct options *o)
{
	static const enum residency by_mode[] = {
		[FILES_ONFAULT] = RESIDENCY_ON_FAULT,
		[FILES_EAGER] = RESIDENCY_RESIDENT,
		[FILES_NEVER] = RESIDENCY_UNLOCKED,
	};

	return by_mode[o->files];
}

static enum residency resident_if(bool resident)
{
	return resident ? RESIDENCY_RESIDENT : RESIDENCY_ON_FAULT;
}

/* Address space that is not memory yet would use a finite limit up for nothing, and each growth of a
 * locked MAP_GROWSDOWN map is compared with the limit and ends in SIGSEGV above it. */
static enum residency reserved(enum level level)
{
	return level == LEVEL_RANGES ? RESIDENCY_UNLOCKED : RESIDENCY_ON_FAULT;
}

static enum residency at_start(const struct options *o, enum level level, const struct policy_request *r)
{
	const bool eager = o->lock == LOCK_EAGER;

	switch (r->class) {
	case MAPS_STACK:
	case MAPS_HEAP:
	case MAPS_LARGE:
		return RESIDENCY_RESIDENT;
	case MAPS_THREAD_STACK:
		return RESIDENCY_ON_FAULT;
	case MAPS_TEXT:
	case MAPS_LIB_TEXT:
		return resident_if(eager || r->size <= TEXT_MAX);
	case MAPS_DATA:
		return resident_if(!r->bss || eager || r->size <= BSS_MAX);
	case MAPS_ANON:
		return resident_if(r->size <= ANON_MAX && r->prot & PROT_WRITE);
	case MAPS_FILE:
		return file_residency(o);
	case MAPS_RESERVED:
		return reserved(level);
	default:
		return RESIDENCY_UNLOCKED;
	}
}

static enum residency as_mapped(const struct options *o, enum level level, const struct policy_request *r)
{
	const bool reservation = r->prot == PROT_NONE || r->flags & (MAP_NORESERVE | MAP_GROWSDOWN);

	if (policy_is_wished(r->flags) && !(reservation && level == LEVEL_RANGES))
		return RESIDENCY_RESIDENT;
	if (r->class == MAPS_FILE && o->files == FILES_NEVER)
		return RESIDENCY_UNLOCKED;
	if (reservation)
		return reserved(level);
	if (r->flags & MAP_STACK)
		return RESIDENCY_ON_FAULT;
	return r->class == MAPS_FILE ? file_residency(o) : resident_if(o->lock == LOCK_EAGER);
}

enum residency policy_residency(const struct options *o, enum level level, const struct policy_request *r)
{
	if (level == LEVEL_NONE || r->hugetlb)
		return RESIDENCY_UNLOCKED;
	if (r->event == POLICY_START)
		return at_start(o, level, r);
	if (o->lock == LOCK_CURRENT)
		return RESIDENCY_UNLOCKED;
	switch (r->event) {
	case POLICY_MAPPED:
		return as_mapped(o, level, r);
	case POLICY_GROWN:
		return r->class == MAPS_FILE ? file_residency(o) : resident_if(o->lock == LOCK_EAGER);
	default: /* a reservation stays one until it is mapped anew */
		return RESIDENCY_ON_FAULT;
	}
}
