/* SPDX-License-Identifier: MIT */
/* Follows processes, threads and mappings, and gives each fault to its place. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/names.h"
#include "cli/places.h"
#include "common/maps.h"

#define PAGE 4096ull
#define STACK_MOST (256ull << 20) /* a larger mapping is no thread's stack */
#define HEAP_DISTANCE (2ull << 30)
#define PLACES_MOST 16384	  /* beyond it anonymous mappings share one place */
#define REFRESH_PAUSE 20000000ull /* ns between two readings of a process's mappings */

const char *const place_names[PLACE_KINDS] = {
	"main stack", "thread stack", "heap",  "thread arena", "large blocks",
	"anonymous",  "text",	      "data", "file",	       "unknown",
};

struct waiting {
	uint64_t time;
	uint32_t place, tid;
	bool major;
	struct code code;
};

/* --- processes and threads --------------------------------------------------------------------- */

struct followed *places_process(struct places *p, uint32_t pid)
{
	for (size_t i = p->process_count; i-- > 0;)
		if (p->processes[i].pid == pid)
			return &p->processes[i];
	return NULL;
}

static struct followed *process_new(struct places *p, uint32_t pid)
{
	struct followed *process;

	if (p->process_count == p->process_room) {
		p->process_room = p->process_room ? 2 * p->process_room : 16;
		p->processes = cli_alloc(p->processes, p->process_room * sizeof(*p->processes));
	}
	process = &p->processes[p->process_count++];
	*process = (struct followed){.pid = pid, .image = ++p->images};
	return process;
}

static struct thread *thread_of(struct places *p, uint32_t tid)
{
	for (size_t i = p->thread_count; i-- > 0;)
		if (p->threads[i].tid == tid)
			return &p->threads[i];
	if (p->thread_count == p->thread_room) {
		p->thread_room = p->thread_room ? 2 * p->thread_room : 16;
		p->threads = cli_alloc(p->threads, p->thread_room * sizeof(*p->threads));
	}
	p->threads[p->thread_count] = (struct thread){.tid = tid, .place = SPACES_NO_PLACE};
	return &p->threads[p->thread_count++];
}

static void thread_end(struct places *p, uint32_t tid)
{
	for (size_t i = p->thread_count; i-- > 0;)
		if (p->threads[i].tid == tid)
			p->threads[i] = p->threads[--p->thread_count];
}

/* --- places ------------------------------------------------------------------------------------ */

static uint32_t place_new(struct places *p, enum place_kind kind, uint32_t image,
			  const char *name)
{
	if (p->count == p->room) {
		p->room = p->room ? 2 * p->room : 64;
		p->list = cli_alloc(p->list, p->room * sizeof(*p->list));
	}
	p->list[p->count] = (struct place){.kind = kind, .image = image, .name = name,
					  .low = UINT64_MAX};
	return (uint32_t)p->count++;
}

/* The one place of its kind in an image or of a file (name). The newest process is asked for
 * most. */
static uint32_t place_of(struct places *p, enum place_kind kind, uint32_t image,
			 const char *name)
{
	for (uint32_t i = (uint32_t)p->count; i-- > 0;)
		if (p->list[i].kind == kind && p->list[i].image == image && p->list[i].name == name)
			return i;
	return place_new(p, kind, image, name);
}

/* Whether a file is mapped to be executed somewhere: then it is code. */
static bool is_code(const struct space *s, const char *path)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->pieces[i].path == path && s->pieces[i].prot & MAPS_X)
			return true;
	return false;
}

static uint32_t place_of_file(struct places *p, const struct space *s, const struct piece *piece)
{
	enum place_kind kind = PLACE_FILE;

	if (!piece->shared && is_code(s, piece->path))
		kind = piece->prot & MAPS_W ? PLACE_DATA : PLACE_TEXT;
	return place_of(p, kind, 0, piece->path);
}

/* The file whose data lies just below: this is its bss. */
static const struct piece *data_below(const struct space *s, const struct piece *piece)
{
	const struct piece *below = piece - 1;

	if (piece == s->pieces || below->end != piece->start || *below->path == '\0' ||
	    *below->path == '[' || below->shared || !(below->prot & MAPS_W) ||
	    !is_code(s, below->path))
		return NULL;
	return below;
}

/* The heap lies above the program, at a random distance, and has no name until it has grown once. */
static bool is_heap(const struct space *s, const struct piece *piece)
{
	if (piece == s->pieces || piece->shared || *s->pieces->path != '/' ||
	    piece->start - piece[-1].end > HEAP_DISTANCE)
		return false;
	for (const struct piece *below = s->pieces; below < piece; below++)
		if (below->path != s->pieces->path && (*below->path || below->start != below[-1].end))
			return false;
	return true;
}

static uint32_t place_of_anon(struct places *p, struct followed *process, struct piece *piece,
			      uint64_t address)
{
	const struct piece *data = data_below(&process->space, piece);
	const uint64_t arena = space_arena(&process->space, address);

	if (data)
		return place_of(p, PLACE_DATA, 0, data->path);
	if (is_heap(&process->space, piece))
		return place_of(p, PLACE_HEAP, process->image, NULL);
	if (arena && arena >= piece->start) {
		uint32_t place = piece->place;

		if (place != SPACES_NO_PLACE && p->list[place].kind == PLACE_ARENA &&
		    p->list[place].low >= arena)
			return place;
		place = place_new(p, PLACE_ARENA, process->image, NULL);
		p->list[place].low = arena;
		return place;
	}
	if (p->count >= PLACES_MOST)
		return place_of(p, PLACE_ANON, process->image, NULL);
	return place_new(p, PLACE_ANON, process->image, NULL);
}

static bool is_large(const struct followed *process, uint64_t address)
{
	return address - process->large_start < process->large_end - process->large_start;
}

static uint32_t place_of_piece(struct places *p, struct followed *process, struct piece *piece,
			       uint64_t address)
{
	if (is_large(process, address))
		return place_of(p, PLACE_LARGE, process->image, NULL);
	if (piece == NULL)
		return place_of(p, PLACE_OTHER, 0, NULL);
	if (piece->place != SPACES_NO_PLACE)
		return piece->place;
	if (strcmp(piece->path, "[stack]") == 0)
		piece->place = place_of(p, PLACE_STACK, process->image, NULL);
	else if (strcmp(piece->path, "[heap]") == 0)
		piece->place = place_of(p, PLACE_HEAP, process->image, NULL);
	else if (*piece->path == '\0')
		piece->place = place_of_anon(p, process, piece, address);
	else
		piece->place = place_of_file(p, &process->space, piece);
	return piece->place;
}

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

/* --- faults ------------------------------------------------------------------------------------ */

/* What a thread stands on when it faults first is its stack. */
static void learn_stack(struct places *p, struct followed *process, const struct event *e)
{
	struct thread *thread;
	struct piece *piece;

	if (e->tid == e->pid || e->fault.stack == 0)
		return;
	thread = thread_of(p, e->tid);
	if (thread->place != SPACES_NO_PLACE)
		return;
	piece = space_find(&process->space, e->fault.stack);
	if (piece == NULL || *piece->path || piece->shared || piece->end - piece->start > STACK_MOST)
		return;
	if (piece->place == SPACES_NO_PLACE)
		piece->place = place_new(p, PLACE_THREAD_STACK, process->image, NULL);
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
		return (struct code){address >> 63 ? "[kernel]" : "", address};
	return (struct code){piece->path, address - piece->start + piece->offset};
}

static void count(struct places *p, const struct followed *process, const struct waiting *w)
{
	struct place *place = &p->list[w->place];

	if (w->time < process->started || w->time < p->start + p->after)
		return;
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

static void wait_for_start(struct followed *process, const struct waiting *w)
{
	if (process->waiting_count == process->waiting_room) {
		process->waiting_room = process->waiting_room ? 2 * process->waiting_room : 1024;
		process->waiting = cli_alloc(process->waiting,
					     process->waiting_room * sizeof(*process->waiting));
	}
	process->waiting[process->waiting_count++] = *w;
}

static void fault(struct places *p, struct followed *process, const struct event *e)
{
	const uint64_t page = e->fault.address & ~(PAGE - 1);
	struct waiting w = {.time = e->time, .tid = e->tid, .major = e->fault.major};
	struct piece *piece = piece_at(p, process, e->fault.address, e->time);
	struct place *place;

	learn_stack(p, process, e);
	if (piece)
		piece = space_find(&process->space, e->fault.address);
	w.place = place_of_piece(p, process, piece, e->fault.address);
	place = &p->list[w.place];
	place->low = page < place->low ? page : place->low;
	place->high = page + PAGE > place->high ? page + PAGE : place->high;
	if (piece && place->kind == PLACE_STACK && piece->end > place->high)
		place->high = piece->end; /* what the kernel itself wrote there */
	if (process->started == 0 || place->minor + place->major == 0 ||
	    (place->tid == e->tid && !place->owned))
		w.code = code_at(&process->space, e->fault.code);
	if (process->started)
		count(p, process, &w);
	else
		wait_for_start(process, &w);
}

void places_started(struct places *p, struct followed *process, uint64_t time,
		    uint64_t large_start, uint64_t large_end)
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
		enum place_kind kind = piece->place == SPACES_NO_PLACE ? PLACE_ANON
								       : p->list[piece->place].kind;

		if (piece->prot == 0 || is_large(process, piece->start))
			continue;
		if (*piece->path == '\0' && kind == PLACE_ANON)
			anon += piece->end - piece->start;
		else if (*piece->path == '/' && !is_code(&process->space, piece->path))
			files += piece->end - piece->start;
	}
	p->anon_mapped = anon > p->anon_mapped ? anon : p->anon_mapped;
	p->files_mapped = files > p->files_mapped ? files : p->files_mapped;
}

/* --- events ------------------------------------------------------------------------------------ */

static void map(struct followed *process, const struct event *e)
{
	const struct piece piece = {e->map.start, e->map.end,	 e->map.offset,	  e->map.path,
				    e->map.prot,  e->map.shared, SPACES_NO_PLACE};

	space_map(&process->space, &piece);
}

/* A child has its parent's memory, but what it then touches is its own: no place is shared but
 * those of files. */
static void fork_process(struct places *p, const struct event *e)
{
	struct followed *child = process_new(p, e->pid);
	const struct followed *parent = places_process(p, e->parent);

	child->forked = true;
	child->begun = e->time;
	if (parent == NULL)
		return;
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
	struct thread *thread = thread_of(p, e->tid);

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
		process = process_new(p, e->pid);
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
		thread_end(p, e->tid);
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

void places_free(struct places *p)
{
	for (size_t i = 0; i < p->process_count; i++) {
		space_clear(&p->processes[i].space);
		free(p->processes[i].waiting);
	}
	free(p->processes);
	free(p->threads);
	free(p->list);
	*p = (struct places){0};
}
