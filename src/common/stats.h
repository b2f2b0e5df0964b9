/* SPDX-License-Identifier: MIT */
/* The counters page: one page of figures that other processes can read.
 *
 * The library keeps it in a shared mapping of a memfd named "ramlock", which /proc/PID/maps shows
 * as "/memfd:ramlock (deleted)". Counters are 64-bit, native byte order, added to atomically
 * and read without a lock. Async-signal-safe; no malloc. A reader trusts nothing of it: it
 * belongs to the other process. */
#ifndef RAMLOCK_STATS_H
#define RAMLOCK_STATS_H

#include <stdbool.h>
#include <stdint.h>

#define STATS_MAGIC "RAMLOCK" /* with its NUL: 8 bytes */
#define STATS_VERSION 1	      /* counted up when a field moves; fields added at the end keep it */
#define STATS_SIZE 4096

enum stat_index {
#define STAT(name, kind, unit, help) STAT_##name,
#include "common/stats.def"
#undef STAT
	STAT_COUNT
};

enum stat_kind { STAT_GAUGE, STAT_COUNTER };

struct stat_row {
	const char *name, *unit, *help;
	enum stat_kind kind;
};

extern const struct stat_row stat_rows[STAT_COUNT];

/* A report of this name is `ramlock measure`'s own, in a folder that nobody else may read: it has the
 * addresses, too. */
#define REPORT_MEASURE ".measure.json"

enum level { LEVEL_NONE, LEVEL_RANGES, LEVEL_FUTURE, LEVEL_COUNT };

/* Why this level. */
enum reason {
	REASON_ASKED,	  /* the settings say so */
	REASON_UNLIMITED, /* RLIMIT_MEMLOCK is infinite */
	REASON_CAPABLE,	  /* CAP_IPC_LOCK is held */
	REASON_LIMIT,	  /* the limit is finite and the capability is not held */
	REASON_REFUSED,	  /* the kernel refused the lock: error says how */
	REASON_COUNT
};

extern const char *const level_names[LEVEL_COUNT];
extern const char *const reason_texts[REASON_COUNT];

struct stats_page {
	char magic[8];
	uint32_t version, count; /* of values */
	uint32_t pid;
	uint32_t level, reason; /* enum level, enum reason */
	int32_t error;		/* errno of REASON_REFUSED */
	char settings[512];	/* "LOCK=eager HEAP=32M", those that are not the default; NUL-ended */
	uint64_t values[STAT_COUNT];
};

/* Whether a figure is an address: it is for who may read the process's memory, and in no output. */
bool stats_is_address(enum stat_index index);

/* Whether a figure is for programs alone: an address or a reading of a clock. */
bool stats_internal(enum stat_index index);

extern struct stats_page *stats;

/* Moves the page into a new shared mapping; in a forked child at the same address, with counters of
 * its own. 0 or -errno, after which counting goes on in memory that others can't find. */
int stats_publish(bool forked);

/* In a forked child that may make no system call: counters of its own, which nobody else finds. */
void stats_part(void);

/* Copies the page of another process, checked as far as its layout goes: 0; -ENOENT when that
 * process has none; -EPROTO for one that is not understood; -EPERM, -ESRCH. */
int stats_fetch(int pid, struct stats_page *copy);

/* What stats_fetch does with what it has read: makes a page that another process wrote one that can be
 * shown, or -EPROTO. */
int stats_check(struct stats_page *copy);

static inline void stats_add(enum stat_index index, uint64_t amount)
{
	__atomic_fetch_add(&stats->values[index], amount, __ATOMIC_RELAXED);
}

static inline void stats_set(enum stat_index index, uint64_t value)
{
	__atomic_store_n(&stats->values[index], value, __ATOMIC_RELAXED);
}

static inline void stats_set_level(enum level level, enum reason reason, int error)
{
	__atomic_store_n(&stats->level, level, __ATOMIC_RELAXED);
	__atomic_store_n(&stats->reason, reason, __ATOMIC_RELAXED);
	__atomic_store_n(&stats->error, error, __ATOMIC_RELAXED);
}

static inline enum reason stats_reason(void)
{
	return (enum reason)__atomic_load_n(&stats->reason, __ATOMIC_RELAXED);
}

static inline uint64_t stats_get(enum stat_index index)
{
	return __atomic_load_n(&stats->values[index], __ATOMIC_RELAXED);
}

#endif
