/* SPDX-License-Identifier: MIT */
/* Tells what a mapping is, and finds or makes places, processes and threads. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/places_find.h"
#include "common/maps.h"

#define PLACES_MOST   16384        /* beyond it anonymous mappings share one place */
#define HEAP_DISTANCE (2ull << 30) /* from the program to its heap, at random, at most */

const char *const place_names[PLACE_KINDS] = {
	"main stack", "thread stack", "heap", "thread arena", "large blocks",
	"anonymous",  "text",         "data", "file",         "unknown",
};

uint32_t places_new(struct places *p, enum place_kind kind, uint32_t image, const char *name)
{
	if (p->count == p->room) {
		p->room = p->room ? 2 * p->room : 64;
		p->list = cli_alloc(p->list, p->room * sizeof(*p->list));
	}
	p->list[p->count] =
		(struct place){.kind = kind, .image = image, .name = name, .low = UINT64_MAX};
	return (uint32_t)p->count++;
}

/* The one place of its kind in an image or of a file. The newest process is asked for most. */
static uint32_t place_of(struct places *p, enum place_kind kind, uint32_t image, const char *name)
{
	for (uint32_t i = (uint32_t)p->count; i-- > 0;)
		if (p->list[i].kind == kind && p->list[i].image == image && p->list[i].name == name)
			return i;
	return places_new(p, kind, image, name);
}

/* Whether a file is mapped to be executed somewhere: then it is code. */
bool places_is_code(const struct space *s, const char *path)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->pieces[i].path == path && s->pieces[i].prot & MAPS_X)
			return true;
	return false;
}

static uint32_t place_of_file(struct places *p, const struct space *s, const struct piece *piece)
{
	enum place_kind kind = PLACE_FILE;

	if (!piece->shared && places_is_code(s, piece->path))
		kind = piece->prot & MAPS_W ? PLACE_DATA : PLACE_TEXT;
	return place_of(p, kind, 0, piece->path);
}

/* The file whose data lies just below: this is its bss. */
static const struct piece *data_below(const struct space *s, const struct piece *piece)
{
	const struct piece *below = piece > s->pieces ? piece - 1 : piece;

	if (below == piece || below->end != piece->start || *below->path == '\0' ||
	    *below->path == '[' || below->shared || !(below->prot & MAPS_W) ||
	    !places_is_code(s, below->path))
		return NULL;
	return below;
}

/* The heap lies above the program, at a random distance, and has no name until it has grown once.
 */
static bool is_heap(const struct space *s, const struct piece *piece)
{
	if (piece == s->pieces || piece->shared || *s->pieces->path != '/' ||
	    piece->start - piece[-1].end > HEAP_DISTANCE)
		return false;
	for (const struct piece *below = s->pieces; below < piece; below++)
		if (below->path != s->pieces->path &&
		    (*below->path || below->start != below[-1].end))
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
		place = places_new(p, PLACE_ARENA, process->image, NULL);
		p->list[place].low = arena;
		return place;
	}
	if (p->count >= PLACES_MOST)
		return place_of(p, PLACE_ANON, process->image, NULL);
	return places_new(p, PLACE_ANON, process->image, NULL);
}

bool places_is_large(const struct followed *process, uint64_t address)
{
	return address - process->large_start < process->large_end - process->large_start;
}

uint32_t places_of_piece(struct places *p, struct followed *process, struct piece *piece,
			 uint64_t address)
{
	if (places_is_large(process, address))
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

struct followed *places_process(struct places *p, uint32_t pid)
{
	if (p->process_last < p->process_count && p->processes[p->process_last].pid == pid)
		return &p->processes[p->process_last];
	for (size_t i = p->process_count; i-- > 0;)
		if (p->processes[i].pid == pid) {
			p->process_last = i;
			return &p->processes[i];
		}
	return NULL;
}

struct followed *places_process_new(struct places *p, uint32_t pid)
{
	struct followed *process;

	if (p->process_count == p->process_room) {
		p->process_room = p->process_room ? 2 * p->process_room : 16;
		p->processes = cli_alloc(p->processes, p->process_room * sizeof(*p->processes));
	}
	p->process_last = p->process_count;
	process = &p->processes[p->process_count++];
	*process = (struct followed){.pid = pid, .image = ++p->images};
	return process;
}

struct thread *places_thread(struct places *p, uint32_t tid)
{
	if (p->thread_last < p->thread_count && p->threads[p->thread_last].tid == tid)
		return &p->threads[p->thread_last];
	for (p->thread_last = p->thread_count; p->thread_last-- > 0;)
		if (p->threads[p->thread_last].tid == tid)
			return &p->threads[p->thread_last];
	p->thread_last = p->thread_count;
	if (p->thread_count == p->thread_room) {
		p->thread_room = p->thread_room ? 2 * p->thread_room : 16;
		p->threads = cli_alloc(p->threads, p->thread_room * sizeof(*p->threads));
	}
	p->threads[p->thread_count] = (struct thread){.tid = tid, .place = SPACES_NO_PLACE};
	return &p->threads[p->thread_count++];
}

void places_thread_end(struct places *p, uint32_t tid)
{
	for (size_t i = p->thread_count; i-- > 0;)
		if (p->threads[i].tid == tid)
			p->threads[i] = p->threads[--p->thread_count];
}
