/* SPDX-License-Identifier: MIT */
/* Which place a piece of memory is, and who is who: between places.c and places_find.c. Pure
 * functions; pointers are good until something new is made. */
#ifndef RAMLOCK_PLACES_FIND_H
#define RAMLOCK_PLACES_FIND_H

#include "cli/places.h"

/* A new place; indexes stay good, pointers into the list do not. */
uint32_t places_new(struct places *p, enum place_kind kind, uint32_t image, const char *name);

/* The place of what was touched at an address; piece is NULL where no mapping is known. */
uint32_t places_of_piece(struct places *p, struct followed *process, struct piece *piece,
			 uint64_t address);

/* Whether a file is mapped to be executed somewhere: then it is code. */
bool places_is_code(const struct space *s, const char *path);

/* Whether large blocks lie at an address. */
bool places_is_large(const struct followed *process, uint64_t address);

struct followed *places_process_new(struct places *p, uint32_t pid);

/* Made when it is new. */
struct thread *places_thread(struct places *p, uint32_t tid);
void places_thread_end(struct places *p, uint32_t tid);

#endif
