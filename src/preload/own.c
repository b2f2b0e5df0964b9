/* SPDX-License-Identifier: MIT */
/* Keeps what is mapped because of the library. */
#include "config.h"

#include <sys/mman.h>

#include "common/size.h"
#include "common/stats.h"
#include "preload/level.h"
#include "preload/own.h"
#include "preload/preload.h"
#include "preload/vm.h"

#define SPANS_MAX 64 /* a megabyte of ledger each, for 16 000 ranges; the rest is a handful */

static struct span {
	uintptr_t start; /* 0: the place is free */
	size_t size;
	enum own_kind kind;
} spans[SPANS_MAX];
static size_t count;

static size_t spans_count(void)
{
	return __atomic_load_n(&count, __ATOMIC_ACQUIRE);
}

/* A place is taken by its start: surveys of several threads add at the same time. */
void own_add(uintptr_t start, size_t size, enum own_kind kind)
{
	for (size_t i = 0; i < SPANS_MAX; i++) {
		uintptr_t nobody = 0;
		size_t n = spans_count();

		if (!__atomic_compare_exchange_n(&spans[i].start, &nobody, start, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_RELAXED))
			continue;
		spans[i].kind = kind;
		__atomic_store_n(&spans[i].size, size, __ATOMIC_RELEASE); /* others look meanwhile */
		while (n <= i && !__atomic_compare_exchange_n(&count, &n, i + 1, false, __ATOMIC_RELEASE,
							      __ATOMIC_ACQUIRE))
			;
		return;
	}
}

void own_remove(uintptr_t start, size_t size)
{
	const uintptr_t end = start + size;

	for (size_t i = 0, n = spans_count(); i < n; i++) {
		struct span *span = &spans[i];
		const uintptr_t from = __atomic_load_n(&span->start, __ATOMIC_RELAXED);
		const uintptr_t span_end = from + __atomic_load_n(&span->size, __ATOMIC_ACQUIRE);

		if (start < from || start >= span_end || end > span_end)
			continue;
		__atomic_store_n(&span->size, start - from, __ATOMIC_RELEASE);
		if (end < span_end)
			own_add(end, span_end - end, span->kind);
		if (start == from)
			__atomic_store_n(&span->start, 0, __ATOMIC_RELEASE);
		return;
	}
}

enum own_kind own_piece(uintptr_t start, uintptr_t *end)
{
	for (size_t i = 0, n = spans_count(); i < n; i++) {
		const size_t size = __atomic_load_n(&spans[i].size, __ATOMIC_ACQUIRE);
		const uintptr_t from = __atomic_load_n(&spans[i].start, __ATOMIC_RELAXED);

		if (start - from < size) {
			if (from + size < *end)
				*end = from + size;
			return spans[i].kind;
		}
		if (size && start < from && from < *end)
			*end = from;
	}
	return OWN_NOT;
}

enum own_kind own_kind_at(uintptr_t address)
{
	uintptr_t end = UINTPTR_MAX;

	return own_piece(address, &end);
}

/* Locked on fault while nothing can be populated, and opened then. */
void *own_map(size_t size)
{
	intptr_t at = vm->map(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);

	if (sys_is_error(at))
		return NULL;
	if (level_now() != LEVEL_FUTURE || vm->lock((uintptr_t)at, size, MLOCK_ONFAULT) != 0)
		vm->unlock((uintptr_t)at, size);
	if (vm->protect((uintptr_t)at, size, PROT_READ | PROT_WRITE) != 0) {
		vm->unmap((uintptr_t)at, size);
		return NULL;
	}
	own_add((uintptr_t)at, size, OWN_TABLE);
	return (void *)at;
}

/* By the linker: where the library begins and ends. */
extern HIDDEN const char __ehdr_start[], _end[];

static uintptr_t library_start(void)
{
	return size_page_down((uintptr_t)__ehdr_start);
}

static size_t library_size(void)
{
	return size_page_up((uintptr_t)_end) - library_start();
}

bool own_is_library(uintptr_t address)
{
	return address - library_start() < library_size();
}

uint64_t own_bytes(void)
{
	uint64_t bytes = library_size() + size_page_up(STATS_SIZE);

	for (size_t i = 0, n = spans_count(); i < n; i++)
		bytes += spans[i].size;
	return bytes;
}
