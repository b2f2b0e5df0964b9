/* SPDX-License-Identifier: MIT */
/* Compares what was reached with what would be reserved. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/advice.h"
#include "common/size.h"
#include "common/text.h"

#define KIB        1024ull
#define MIB        (1024 * KIB)
#define LARGE_PART 4 /* what threads have at the same time differs most */
#define THREAD_HEAP_MOST (32 * MIB) /* a thread's arena of glibc ends at 64 MiB */

/* What LOCK and FILES would make resident is at most so many times what was touched of it, or so
 * little that it doesn't matter. */
#define MAPPED_SHARE  16
#define MAPPED_LITTLE (64 * MIB)
#define FAULT_BYTES   4096ull
#define FILE_BYTES    (64 * KIB) /* a fault in a file brings its neighbours */

struct advising {
	const struct outcome *outcome;
	const struct options *now;
	const struct means *means;
	struct advice *list;
	size_t count;
	uint64_t left; /* of the memory for all reserves, those in force taken off */
};

/* A part more than was seen, since no two runs are the same, in steps. Under a limit of address
 * space the program's own fit, and perhaps no more. */
static uint64_t with_margin(const struct advising *a, uint64_t seen, unsigned part, uint64_t step)
{
	if (a->means->tight)
		return seen;
	return (seen + seen / part + step - 1) / step * step;
}

/* Without samples nobody knows what faulted, but how far it reached is known. */
static bool is_hit(const struct outcome *f, enum place_kind kind)
{
	return f->sampled ? outcome_faults(f, kind) > 0 : f->reach[kind] > 0;
}

static void write_size(char *to, size_t size, uint64_t bytes)
{
	struct text t;

	text_init(&t, to, size);
	text_size(&t, bytes);
}

__attribute__((format(printf, 2, 3))) static struct advice *add(struct advising *a,
								const char *reason, ...)
{
	struct advice *row = &a->list[a->count++];
	va_list args;
	struct text t;

	*row = (struct advice){.cost = UINT64_MAX};
	text_init(&t, row->reason, sizeof(row->reason));
	va_start(args, reason);
	text_add_list(&t, reason, args);
	va_end(args);
	return row;
}

static void explain_less(struct advice *row, const char *why)
{
	const size_t length = strlen(row->reason);

	snprintf(row->reason + length, sizeof(row->reason) - length, "; %s allows no more", why);
}

/* A reserve: in force is the larger of what is needed and what there is, within the means. */
static void set_reserve(struct advising *a, struct advice *row, const char *setting, uint64_t need,
			uint64_t now, uint64_t times)
{
	uint64_t bytes = need > now ? need : now;

	if (times && (bytes - now) > a->left / times) {
		bytes = now + a->left / times / (64 * KIB) * (64 * KIB);
		explain_less(row, "memory");
	}
	a->left -= (bytes - now) * times;
	row->setting = setting;
	row->given = bytes == now;
	row->cost = bytes * times;
	size_print((struct size){.bytes = bytes}, row->value);
}

static void advise_stack(struct advising *a)
{
	const uint64_t reach = a->outcome->reach[PLACE_STACK];
	const uint64_t most = a->means->stack / (64 * KIB) * (64 * KIB);
	const bool fixed = options_given(a->now, OPTION_INDEX_STACK);
	uint64_t need = with_margin(a, reach, 8, 64 * KIB), now = a->now->stack;
	struct advice *row;
	char size[24];

	if (!is_hit(a->outcome, PLACE_STACK) && (now <= most || fixed))
		return;
	write_size(size, sizeof(size), reach);
	row = add(a, "the main stack was %s deep", size);
	if (need > most || (now > most && !fixed)) /* the default may be too much, too */
		explain_less(row, "RLIMIT_STACK");
	need = need > most ? most : need;
	set_reserve(a, row, "STACK", need, now > most && !fixed ? most : now, 1);
	row->given = row->given && (now <= most || fixed);
}

static void advise_thread_stack(struct advising *a)
{
	const uint64_t reach = a->outcome->reach[PLACE_THREAD_STACK];
	const uint64_t number = a->outcome->number[PLACE_THREAD_STACK];
	char size[24];

	if (!is_hit(a->outcome, PLACE_THREAD_STACK))
		return;
	write_size(size, sizeof(size), reach);
	set_reserve(a,
		    add(a, "the deepest of %lu thread stacks was %s deep", (unsigned long)number, size),
		    "THREAD_STACK", with_margin(a, reach, 8, 16 * KIB), a->now->thread_stack, number);
}

static void advise_heap(struct advising *a)
{
	const uint64_t reach = a->outcome->reach[PLACE_HEAP];
	char size[24];

	if (!is_hit(a->outcome, PLACE_HEAP) || a->means->no_heap)
		return;
	write_size(size, sizeof(size), reach);
	set_reserve(a, add(a, "the heap grew to %s", size), "HEAP",
		    with_margin(a, reach, 8, 256 * KIB), a->now->heap, 1);
}

static void advise_thread_heap(struct advising *a)
{
	const uint64_t reach = a->outcome->reach[PLACE_ARENA];
	const uint64_t number = a->outcome->number[PLACE_ARENA];
	uint64_t need = with_margin(a, reach, 8, 64 * KIB);
	char size[24];

	if (!is_hit(a->outcome, PLACE_ARENA) || a->means->no_heap)
		return;
	if (need > THREAD_HEAP_MOST)
		need = THREAD_HEAP_MOST;
	write_size(size, sizeof(size), reach);
	set_reserve(a,
		    add(a, "the largest of %lu thread arenas grew to %s", (unsigned long)number, size),
		    "THREAD_HEAP", need, a->now->thread_heap, number);
}

/* Blocks of many sizes never fill the arena without holes, so it counts what became resident. */
static void advise_large(struct advising *a)
{
	const struct outcome *f = a->outcome;
	const uint64_t most = f->large_resident > f->large_peak ? f->large_resident : f->large_peak;
	char size[24], grown[24];

	if (f->large_grown == 0 || a->now->large == OPTION_OFF)
		return;
	write_size(size, sizeof(size), f->large_peak);
	write_size(grown, sizeof(grown), f->large_grown);
	set_reserve(a,
		    add(a, "large blocks had %s at most; %s were made resident inside malloc", size,
			grown),
		    "LARGE_RESERVE", with_margin(a, most, LARGE_PART, 2 * MIB),
		    a->now->large_reserve, 1);
}

static void set_word(struct advice *row, const char *setting, const char *value, bool given,
		     uint64_t cost)
{
	row->setting = setting;
	row->given = given;
	row->cost = cost ? cost : UINT64_MAX;
	snprintf(row->value, sizeof(row->value), "%s", value);
}

/* Whether mappings are worth being resident as a whole. */
static bool is_proportionate(const struct advising *a, uint64_t mapped, uint64_t touched)
{
	return mapped <= a->left && (mapped <= MAPPED_LITTLE || mapped / MAPPED_SHARE <= touched);
}

static void advise_lock(struct advising *a)
{
	const struct outcome *f = a->outcome;
	const uint64_t anon = outcome_faults(f, PLACE_ANON);
	const uint64_t code = outcome_faults(f, PLACE_TEXT) + outcome_faults(f, PLACE_DATA);

	if (anon + code == 0 || !is_proportionate(a, f->anon_mapped, (anon + code) * FAULT_BYTES))
		return;
	set_word(add(a, "faults in anonymous maps: %lu; in code and data mapped later: %lu",
		     (unsigned long)anon, (unsigned long)code),
		 "LOCK", "eager", a->now->lock == LOCK_EAGER, f->anon_mapped);
}

static void advise_files(struct advising *a)
{
	const uint64_t faults = outcome_faults(a->outcome, PLACE_FILE);

	if (faults == 0 || !is_proportionate(a, a->outcome->files_mapped, faults * FILE_BYTES))
		return;
	set_word(add(a, "faults in mapped files: %lu", (unsigned long)faults), "FILES", "eager",
		 a->now->files == FILES_EAGER, a->outcome->files_mapped);
}

static bool is_advised(const struct advising *a, const char *setting)
{
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->list[i].setting, setting) == 0)
			return true;
	return false;
}

/* What the user gave and nothing speaks against belongs to what is pasted. */
static void repeat_given(struct advising *a)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		struct advice *row;
		struct text t;

		if (!options_given(a->now, (enum option_index)i) ||
		    is_advised(a, option_rows[i].name))
			continue;
		row = add(a, "as given");
		row->setting = option_rows[i].name;
		row->given = true;
		text_init(&t, row->value, sizeof(row->value));
		options_print(a->now, &option_rows[i], &t);
	}
}

size_t advice_make(const struct outcome *f, const struct options *now, const struct means *means,
		   struct advice *list)
{
	const uint64_t taken = now->stack + now->heap + now->large_reserve;
	struct advising a = {.outcome = f, .now = now, .means = means, .list = list,
			     .left = means->memory > taken ? means->memory - taken : 0};

	advise_stack(&a);
	advise_thread_stack(&a);
	advise_heap(&a);
	advise_thread_heap(&a);
	advise_large(&a);
	advise_lock(&a);
	advise_files(&a);
	repeat_given(&a);
	return a.count;
}
