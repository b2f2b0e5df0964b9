/* SPDX-License-Identifier: MIT */
/* Follows processes, threads and mappings, and gives each fault to its place. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/library.h"
#include "cli/names.h"
#include "cli/places_find.h"
#include "common/maps.h"

#define PAGE          4096ull
#define STACK_MOST    (256ull << 20) /* a larger mapping is no thread's stack */
#define AT_CREATION   4		     /* pages of a stack that libc touches before the thread runs */
#define REFRESH_PAUSE 20000000ull    /* ns between two readings of a process's mappings */
#define BLOCK	      (2ull << 20)   /* a transparent huge page */
#define WAITING_MOST  (1u << 20)     /* faults of a process that are kept until it has started */

struct waiting {
	uint64_t time;
	uint32_t place, tid;
	bool major, ahead;
	struct code code;
};

/* --- faults -------------------------------------------------------------------------------- */

/* The mapping at an address; where none is known, or one that allows no access, a system call that
 * leaves no event (mremap, munmap) changed something. */
static struct piece *piece_at(struct places *p, struct followed *process, uint64_t address,
			      uint64_t time)
{
	struct piece *piece = space_find(&process->space, address);

	if ((piece && piece->prot) || p->refresh == NULL || process->ended ||
	    time - process->read < REFRESH_PAUSE)
		return piece;
	process->read = time;
	p->refresh(p->context, process);
	return space_find(&process->space, address);
}

/* What a thread stands on when it faults first is its stack. */
static void learn_stack(struct places *p, struct followed *process, const struct event *e)
{
	struct thread *thread;
	struct piece *piece;

	if (e->tid == e->pid || e->fault.stack == 0)
		return;
	thread = places_thread(p, e->tid);
	if (thread->place != SPACES_NO_PLACE)
		return;
	piece = space_find(&process->space, e->fault.stack);
	if (piece == NULL || *piece->path || piece->shared ||
	    piece->end - piece->start > STACK_MOST)
		return;
	if (piece->place == SPACES_NO_PLACE)
		piece->place = places_new(p, PLACE_THREAD_STACK, process->image, NULL);
	thread->place = piece->place;
	if (p->list[piece->place].kind != PLACE_ANON &&
	    p->list[piece->place].kind != PLACE_THREAD_STACK)
		return;
	if (p->list[piece->place].kind == PLACE_THREAD_STACK && p->list[piece->place].tid)
		return; /* one that follows another on the same stack */
	p->list[piece->place].kind = PLACE_THREAD_STACK;
	p->list[piece->place].tid = e->tid;
	p->list[piece->place].name = thread->name;
}

static struct code code_at(const struct space *s, uint64_t address)
{
	const struct piece *piece = space_find(s, address);

	if (piece == NULL)
		return (struct code){address >> 63 ? "[kernel]" : "[unknown]", address};
	return (struct code){piece->path, address - piece->start + piece->offset};
}

/* Taken by the library in a new thread, before the thread's own code runs, and with it what libc and
 * the creator met there just before: the reserve is being made. */
static void count_ahead(struct places *p, struct place *place, uint32_t tid)
{
	uint64_t before = place->streak_tid == tid ? place->streak : 0;

	if (place->kind == PLACE_THREAD_STACK && place->ahead == 0 && place->minor <= AT_CREATION)
		before = place->minor;
	before = before < place->minor ? before : place->minor;
	place->minor -= before;
	place->ahead += before + 1;
	place->streak = 0;
	p->faults -= before;
}

static void count(struct places *p, const struct followed *process, const struct waiting *w)
{
	struct place *place = &p->list[w->place];

	if (w->time < process->started || w->time < p->start + p->after)
		return;
	if (w->ahead) {
		count_ahead(p, place, w->tid);
		return;
	}
	place->streak = place->streak_tid == w->tid ? place->streak + 1 : 1;
	place->streak_tid = w->tid;
	/* on a thread's stack its creator faults first, which says little */
	if (place->minor + place->major == 0 || (!place->owned && place->tid == w->tid)) {
		place->first = w->code;
		place->owned = place->tid == w->tid;
	}
	if (w->major)
		place->major++;
	else
		place->minor++;
	if (process->forked && !w->major)
		place->forked++;
	p->faults++;
	timeline_add(&p->timeline, w->time - p->start);
}

/* No start takes so many: who does is not going to tell. */
static void wait_for_start(struct places *p, struct followed *process, const struct waiting *w)
{
	if (process->waiting_count == process->waiting_room) {
		process->waiting_room = process->waiting_room ? 2 * process->waiting_room : 1024;
		process->waiting = cli_alloc(process->waiting,
					     process->waiting_room * sizeof(*process->waiting));
	}
	process->waiting[process->waiting_count++] = *w;
	if (process->waiting_count == WAITING_MOST)
		places_started(p, process, process->begun, 0, 0);
}

static bool is_library(const char *path)
{
	static const char name[] = "/" LIBRARY_NAME;
	const size_t length = path ? strlen(path) : 0;

	return length >= sizeof(name) - 1 && strcmp(path + length - (sizeof(name) - 1), name) == 0;
}

/* What may be, or become, a stack or a heap. */
static bool has_reach(const struct place *place, const struct piece *piece)
{
	return place->kind == PLACE_STACK || place->kind == PLACE_THREAD_STACK ||
	       place->kind == PLACE_HEAP || place->kind == PLACE_ARENA ||
	       (place->kind == PLACE_ANON && piece && piece->end - piece->start <= STACK_MOST);
}

/* With transparent huge pages everywhere a block is either whole or was touched before. */
static void note_touched(const struct places *p, struct place *place, const struct piece *piece,
			 uint64_t address)
{
	const uint64_t block = address & ~(BLOCK - 1);

	touched_add(&place->touched, address);
	if (!p->whole_blocks || piece == NULL || block < piece->start || block + BLOCK > piece->end)
		return;
	for (uint64_t at = block; at < block + BLOCK; at += PAGE)
		touched_add(&place->touched, at);
}

static void note_reach(const struct places *p, struct place *place, const struct piece *piece,
		       uint64_t address)
{
	const uint64_t page = address & ~(PAGE - 1);

	if (has_reach(place, piece))
		note_touched(p, place, piece, address);
	if (piece && place->kind == PLACE_HEAP && piece->start < place->low)
		place->low = piece->start; /* what is resident by a reserve begins there */
	place->low = page < place->low ? page : place->low;
	place->high = page + PAGE > place->high ? page + PAGE : place->high;
	if (piece && place->kind == PLACE_STACK && piece->end > place->high)
		place->high = piece->end; /* what the kernel itself wrote there */
}

static void fault(struct places *p, struct followed *process, const struct event *e)
{
	struct waiting w = {.time = e->time, .tid = e->tid, .major = e->fault.major};
	struct piece *piece = piece_at(p, process, e->fault.address, e->time);
	struct place *place;

	learn_stack(p, process, e);
	if (piece)
		piece = space_find(&process->space, e->fault.address);
	w.place = places_of_piece(p, process, piece, e->fault.address);
	place = &p->list[w.place];
	w.code = code_at(&process->space, e->fault.code);
	w.ahead = p->reserves &&
		  (place->kind == PLACE_THREAD_STACK || place->kind == PLACE_ARENA) &&
		  is_library(w.code.path);
	if (!w.ahead)
		note_reach(p, place, piece, e->fault.address);
	if (process->started)
		count(p, process, &w);
	else
		wait_for_start(p, process, &w);
}

void places_started(struct places *p, struct followed *process, uint64_t time, uint64_t large_start,
		    uint64_t large_end)
{
	process->started = time;
	process->large_start = large_start;
	process->large_end = large_end;
	if (p->start == 0)
		p->start = time;
	for (size_t i = 0; i < process->waiting_count; i++)
		count(p, process, &process->waiting[i]);
	free(process->waiting);
	process->waiting = NULL;
	process->waiting_count = process->waiting_room = 0;
}

/* What LOCK=eager and FILES=eager would make resident, at most. */
static void measure_mapped(struct places *p, const struct followed *process)
{
	uint64_t anon = 0, files = 0;

	for (size_t i = 0; i < process->space.count; i++) {
		const struct piece *piece = &process->space.pieces[i];
		enum place_kind kind =
			piece->place == SPACES_NO_PLACE ? PLACE_ANON : p->list[piece->place].kind;

		if (piece->prot == 0 || places_is_large(process, piece->start))
			continue;
		if (*piece->path == '\0' && kind == PLACE_ANON)
			anon += piece->end - piece->start;
		else if (*piece->path == '/' && !places_is_code(&process->space, piece->path))
			files += piece->end - piece->start;
	}
	p->anon_mapped = anon > p->anon_mapped ? anon : p->anon_mapped;
	p->files_mapped = files > p->files_mapped ? files : p->files_mapped;
}

/* --- events -------------------------------------------------------------------------------- */

static void map(struct followed *process, const struct event *e)
{
	const struct piece piece = {e->map.start, e->map.end,    e->map.offset,  e->map.path,
				    e->map.prot,  e->map.shared, SPACES_NO_PLACE};

	process->loaded = process->loaded || is_library(e->map.path);
	space_map(&process->space, &piece);
}

/* A child has its parent's memory, but what it then touches is its own: no place is shared but
 * those of files. */
static void fork_process(struct places *p, const struct event *e)
{
	struct followed *child = places_process_new(p, e->pid);
	const struct followed *parent = places_process(p, e->parent);

	child->forked = true;
	child->begun = e->time;
	if (parent == NULL)
		return;
	child->loaded = parent->loaded;
	child->started = parent->started ? e->time : 0;
	child->large_start = parent->large_start;
	child->large_end = parent->large_end;
	space_copy(&child->space, &parent->space);
	for (size_t i = 0; i < child->space.count; i++)
		if (child->space.pieces[i].place != SPACES_NO_PLACE &&
		    p->list[child->space.pieces[i].place].image != 0)
			child->space.pieces[i].place = SPACES_NO_PLACE;
}

static void exec(struct places *p, struct followed *process, const struct event *e)
{
	space_clear(&process->space);
	free(process->waiting);
	*process = (struct followed){.pid = e->pid, .image = ++p->images, .begun = e->time};
}

static void name_thread(struct places *p, const struct event *e)
{
	struct thread *thread = places_thread(p, e->tid);

	thread->name = e->name;
	if (thread->place != SPACES_NO_PLACE && p->list[thread->place].tid == e->tid)
		p->list[thread->place].name = e->name;
}

void places_event(struct places *p, const struct event *e)
{
	struct followed *process = places_process(p, e->pid);

	if (e->kind == EVENT_FORK && e->pid != e->parent) {
		fork_process(p, e);
		return;
	}
	if (process == NULL)
		process = places_process_new(p, e->pid);
	switch (e->kind) {
	case EVENT_FAULT:
		fault(p, process, e);
		break;
	case EVENT_MAP:
		map(process, e);
		break;
	case EVENT_EXEC:
		exec(p, process, e);
		name_thread(p, e);
		break;
	case EVENT_NAME:
		name_thread(p, e);
		break;
	case EVENT_EXIT:
		places_thread_end(p, e->tid);
		if (e->tid == e->pid) {
			process->ended = true;
			measure_mapped(p, process);
			space_clear(&process->space);
		}
		break;
	case EVENT_FORK: /* a thread, which is known when it faults */
		break;
	}
}

void places_mappings(struct places *p, struct followed *process, struct space *now)
{
	space_replace(&process->space, now);
	measure_mapped(p, process);
}

uint64_t places_reach(const struct places *p, const struct place *place)
{
	const bool down = place->kind == PLACE_STACK || place->kind == PLACE_THREAD_STACK;

	if (place->high <= place->low ||
	    (!down && place->kind != PLACE_HEAP && place->kind != PLACE_ARENA))
		return 0;
	return touched_reach(&place->touched, down ? place->high : place->low, down,
			     p->reserved[place->kind]);
}

void places_free(struct places *p)
{
	for (size_t i = 0; i < p->process_count; i++) {
		space_clear(&p->processes[i].space);
		free(p->processes[i].waiting);
	}
	for (size_t i = 0; i < p->count; i++)
		touched_free(&p->list[i].touched);
	free(p->processes);
	free(p->threads);
	free(p->list);
	*p = (struct places){0};
}
