/* SPDX-License-Identifier: MIT */
/* Unit tests of where faults happen: made-up mappings and samples, and the places they must give. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/names.h"
#include "cli/places.h"
#include "cli_suites.h"
#include "common/maps.h"

#define PID 100
#define PAGE 4096ull
#define PROGRAM 0x555555554000ull
#define HEAP 0x555556000000ull
#define LIBC 0x7ffff7c00000ull
#define ARENA 0x7ffff0000000ull /* a multiple of 64 MiB */
#define THREAD 0x7fffe7000000ull
#define LARGE 0x700000000000ull
#define STACK 0x7ffffffde000ull
#define STACK_TOP 0x7ffffffff000ull

static struct places places;
static uint64_t now;

static void send(struct event e)
{
	e.time = ++now;
	places_event(&places, &e);
}

static void map(uint64_t start, uint64_t size, unsigned prot, const char *path)
{
	send((struct event){.kind = EVENT_MAP, .pid = PID, .tid = PID,
			    .map = {start, start + size, 0, names_keep(path), prot, false}});
}

static void touch_by(uint32_t pid, uint32_t tid, uint64_t address, uint64_t stack)
{
	send((struct event){.kind = EVENT_FAULT, .pid = pid, .tid = tid,
			    .fault = {address, PROGRAM + 0x1234, stack, false}});
}

static void touch(uint64_t address)
{
	touch_by(PID, PID, address, STACK_TOP - 8 * PAGE);
}

static const struct place *find(enum place_kind kind, const char *name)
{
	for (size_t i = 0; i < places.count; i++)
		if (places.list[i].kind == kind &&
		    (name == NULL || places.list[i].name == names_keep(name)))
			return &places.list[i];
	return NULL;
}

static uint64_t minor_of(enum place_kind kind)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < places.count; i++)
		if (places.list[i].kind == kind)
			sum += places.list[i].minor;
	return sum;
}

/* A program with one library, started. */
static void setup(void)
{
	places = (struct places){0};
	now = 1000;
	send((struct event){.kind = EVENT_EXEC, .pid = PID, .tid = PID, .name = names_keep("program")});
	map(STACK, STACK_TOP - STACK, MAPS_R | MAPS_W, "[stack]");
	map(PROGRAM, 16 * PAGE, MAPS_R | MAPS_X, "/bin/program");
	map(PROGRAM + 16 * PAGE, 2 * PAGE, MAPS_R | MAPS_W, "/bin/program");
	map(PROGRAM + 18 * PAGE, 4 * PAGE, MAPS_R | MAPS_W, "");
	map(LIBC, 64 * PAGE, MAPS_R, "/lib/libc.so.6");
	map(LIBC + 8 * PAGE, 40 * PAGE, MAPS_R | MAPS_X, "/lib/libc.so.6");
	map(LIBC + 60 * PAGE, 4 * PAGE, MAPS_R | MAPS_W, "/lib/libc.so.6");
	places_started(&places, places_process(&places, PID), now, LARGE, LARGE + (1ull << 30));
}

static void teardown(void)
{
	places_free(&places);
}

START_TEST(place_of_each_kind)
{
	touch(STACK_TOP - 4 * PAGE);
	touch(PROGRAM + 17 * PAGE);
	touch(PROGRAM + 19 * PAGE); /* bss */
	touch(LIBC);
	touch(LIBC + 9 * PAGE);
	touch(LIBC + 61 * PAGE);
	map(THREAD, PAGE, MAPS_R | MAPS_W, "");
	touch(THREAD);
	map(THREAD + 8 * PAGE, PAGE, MAPS_R, "/var/data");
	touch(THREAD + 8 * PAGE);
	touch(LARGE + 5 * PAGE);
	touch(0x1000);
	ck_assert_uint_eq(minor_of(PLACE_STACK), 1);
	ck_assert_uint_eq(find(PLACE_DATA, "/bin/program")->minor, 2);
	ck_assert_uint_eq(find(PLACE_TEXT, "/lib/libc.so.6")->minor, 2);
	ck_assert_uint_eq(find(PLACE_DATA, "/lib/libc.so.6")->minor, 1);
	ck_assert_uint_eq(minor_of(PLACE_ANON), 1);
	ck_assert_uint_eq(find(PLACE_FILE, "/var/data")->minor, 1);
	ck_assert_uint_eq(minor_of(PLACE_LARGE), 1);
	ck_assert_uint_eq(minor_of(PLACE_OTHER), 1);
	ck_assert_uint_eq(places.faults, 10);
}
END_TEST

/* It grows below what was mapped, and its depth counts from the top. */
START_TEST(main_stack_depth)
{
	touch(STACK - 50 * PAGE);
	touch(STACK - 20 * PAGE);
	ck_assert_uint_eq(minor_of(PLACE_STACK), 2);
	ck_assert_uint_eq(find(PLACE_STACK, NULL)->high - find(PLACE_STACK, NULL)->low,
			  STACK_TOP - STACK + 50 * PAGE);
}
END_TEST

/* The first piece of the heap has no name in the stream; all of it is one place. */
START_TEST(heap_grows)
{
	map(HEAP, 33 * PAGE, MAPS_R | MAPS_W, "");
	for (uint64_t i = 0; i < 33; i++)
		touch(HEAP + i * PAGE);
	map(HEAP, 66 * PAGE, MAPS_R | MAPS_W, "[heap]");
	for (uint64_t i = 33; i < 40; i++)
		touch(HEAP + i * PAGE);
	ck_assert_uint_eq(minor_of(PLACE_HEAP), 40);
	ck_assert_uint_eq(minor_of(PLACE_ANON), 0);
	ck_assert_uint_eq(find(PLACE_HEAP, NULL)->high - find(PLACE_HEAP, NULL)->low, 40 * PAGE);
}
END_TEST

/* The creator touches the top before the thread runs; a second thread on it is no second stack. */
START_TEST(thread_stack)
{
	const uint64_t top = THREAD + 2048 * PAGE;

	map(THREAD - PAGE, 2049 * PAGE, 0, "");
	map(THREAD, 2048 * PAGE, MAPS_R | MAPS_W, "");
	touch(top - PAGE);
	ck_assert_uint_eq(minor_of(PLACE_ANON), 1);
	send((struct event){.kind = EVENT_NAME, .pid = PID, .tid = PID + 1,
			    .name = names_keep("worker")});
	for (uint64_t i = 2; i <= 30; i++)
		touch_by(PID, PID + 1, top - i * PAGE, top - i * PAGE + 64);
	touch_by(PID, PID + 2, top - 40 * PAGE, top - 40 * PAGE);
	ck_assert_uint_eq(minor_of(PLACE_ANON), 0);
	ck_assert_uint_eq(minor_of(PLACE_THREAD_STACK), 31);
	ck_assert_str_eq(find(PLACE_THREAD_STACK, NULL)->name, "worker");
	ck_assert_uint_eq(find(PLACE_THREAD_STACK, NULL)->tid, PID + 1);
	ck_assert_uint_eq(find(PLACE_THREAD_STACK, NULL)->high - find(PLACE_THREAD_STACK, NULL)->low,
			  40 * PAGE);
}
END_TEST

/* The library makes a thread's reserve resident by touching it, before the thread's own code runs:
 * neither that nor the creator's page is the program's fault, what follows is. */
START_TEST(thread_reserve)
{
	const uint64_t top = THREAD + 2048 * PAGE;
	struct event e = {.kind = EVENT_FAULT, .pid = PID, .tid = PID + 1};

	places.reserves = true;
	map(THREAD, 2048 * PAGE, MAPS_R | MAPS_W, "");
	map(LIBC - 64 * PAGE, 8 * PAGE, MAPS_R | MAPS_X, "/usr/lib/libramlock.so");
	touch(top - PAGE);
	touch_by(PID, PID + 1, top - 2 * PAGE, top - 2 * PAGE);
	for (uint64_t i = 3; i < 20; i++) {
		e.fault.address = top - i * PAGE;
		e.fault.code = LIBC - 60 * PAGE;
		e.fault.stack = top - 2 * PAGE;
		send(e);
	}
	ck_assert_uint_eq(minor_of(PLACE_THREAD_STACK), 0);
	ck_assert_uint_eq(find(PLACE_THREAD_STACK, NULL)->ahead, 19);
	ck_assert_uint_eq(find(PLACE_THREAD_STACK, NULL)->low, top - 2 * PAGE);
	ck_assert_uint_eq(places.faults, 0);
	touch_by(PID, PID + 1, top - 20 * PAGE, top - 20 * PAGE);
	ck_assert_uint_eq(minor_of(PLACE_THREAD_STACK), 1);
	ck_assert_uint_eq(places.faults, 1);
}
END_TEST

/* A thread may touch other memory first; what it stands on is its stack all the same. */
START_TEST(thread_touches_elsewhere)
{
	map(THREAD, 2048 * PAGE, MAPS_R | MAPS_W, "");
	map(THREAD - 4096 * PAGE, 16 * PAGE, MAPS_R | MAPS_W, "");
	touch_by(PID, PID + 1, THREAD - 4096 * PAGE, THREAD + 2040 * PAGE);
	touch_by(PID, PID + 1, THREAD + 2039 * PAGE, THREAD + 2039 * PAGE);
	ck_assert_uint_eq(minor_of(PLACE_ANON), 1);
	ck_assert_uint_eq(minor_of(PLACE_THREAD_STACK), 1);
}
END_TEST

/* What lay there before, and was unmapped unseen, is not the stack's. */
START_TEST(thread_stack_over_something)
{
	map(THREAD, 256 * PAGE, MAPS_R | MAPS_W, "");
	for (uint64_t i = 0; i < 256; i++)
		touch(THREAD + i * PAGE);
	map(THREAD - PAGE, 2049 * PAGE, 0, "");
	map(THREAD, 2048 * PAGE, MAPS_R | MAPS_W, "");
	touch_by(PID, PID + 1, THREAD + 2047 * PAGE, THREAD + 2047 * PAGE);
	ck_assert_uint_eq(minor_of(PLACE_ANON), 256);
	ck_assert_uint_eq(minor_of(PLACE_THREAD_STACK), 1);
	map(THREAD + 512 * PAGE, 256 * PAGE, MAPS_R | MAPS_W, "");
	touch(THREAD + 600 * PAGE);
	ck_assert_uint_eq(minor_of(PLACE_ANON), 257);
}
END_TEST

/* Code that is generated: written, then executed, again and again. */
START_TEST(protection_changes)
{
	for (int i = 0; i < 5; i++) {
		map(THREAD, 16 * PAGE, MAPS_R | MAPS_W, "");
		touch(THREAD + PAGE);
		map(THREAD, 16 * PAGE, MAPS_R | MAPS_X, "");
		touch(THREAD + PAGE);
	}
	ck_assert_uint_eq(minor_of(PLACE_ANON), 10);
	ck_assert_uint_eq(places.count, 1);
}
END_TEST

START_TEST(thread_arena)
{
	/* 128 MiB of which 64 are kept, as glibc does, then opened bit by bit */
	map(ARENA - (20ull << 20), 128ull << 20, 0, "");
	map(ARENA, 33 * PAGE, MAPS_R | MAPS_W, "");
	touch(ARENA);
	map(ARENA, 66 * PAGE, MAPS_R | MAPS_W, "");
	for (uint64_t i = 1; i < 50; i++)
		touch(ARENA + i * PAGE);
	ck_assert_uint_eq(minor_of(PLACE_ARENA), 50);
	ck_assert_uint_eq(find(PLACE_ARENA, NULL)->high - find(PLACE_ARENA, NULL)->low, 50 * PAGE);
	ck_assert_uint_eq(minor_of(PLACE_ANON), 0);
}
END_TEST

/* As large, on the same multiple, but none: a runtime's reservation of a gigabyte. */
START_TEST(reservation_is_no_arena)
{
	map(ARENA - (1ull << 30), 1ull << 30, 0, "");
	map(ARENA - (1ull << 30), 64 * PAGE, MAPS_R | MAPS_W, "");
	touch(ARENA - (1ull << 30));
	ck_assert_uint_eq(minor_of(PLACE_ARENA), 0);
	ck_assert_uint_eq(minor_of(PLACE_ANON), 1);
}
END_TEST

/* What was unmapped and mapped anew is told by the newer mapping. */
START_TEST(newer_mapping_wins)
{
	map(THREAD, 16 * PAGE, MAPS_R | MAPS_W, "");
	map(THREAD + 4 * PAGE, 4 * PAGE, MAPS_R, "/var/data");
	touch(THREAD + 3 * PAGE);
	touch(THREAD + 4 * PAGE);
	touch(THREAD + 7 * PAGE);
	touch(THREAD + 8 * PAGE);
	ck_assert_uint_eq(find(PLACE_FILE, "/var/data")->minor, 2);
	ck_assert_uint_eq(minor_of(PLACE_ANON), 2);
}
END_TEST

START_TEST(only_after_the_start)
{
	places_free(&places);
	now = 1000;
	send((struct event){.kind = EVENT_EXEC, .pid = PID, .tid = PID, .name = names_keep("program")});
	map(STACK, STACK_TOP - STACK, MAPS_R | MAPS_W, "[stack]");
	touch(STACK_TOP - PAGE); /* at 1003 */
	touch(STACK_TOP - 9 * PAGE);
	touch(STACK_TOP - 2 * PAGE);
	ck_assert_uint_eq(places.faults, 0);
	places_started(&places, places_process(&places, PID), 1004, 0, 0);
	ck_assert_uint_eq(minor_of(PLACE_STACK), 2);
	ck_assert_uint_eq(find(PLACE_STACK, NULL)->low, STACK_TOP - 9 * PAGE);
}
END_TEST

START_TEST(only_after_the_warm_up)
{
	places.after = 3;
	touch(STACK_TOP - PAGE);
	touch(STACK_TOP - 2 * PAGE);
	touch(STACK_TOP - 3 * PAGE);
	touch(STACK_TOP - 4 * PAGE);
	ck_assert_uint_eq(minor_of(PLACE_STACK), 2);
}
END_TEST

/* A child has its parent's memory and its own stack and heap; another program has neither. */
START_TEST(children)
{
	touch(STACK_TOP - PAGE);
	send((struct event){.kind = EVENT_FORK, .pid = PID + 9, .tid = PID + 9, .parent = PID});
	touch_by(PID + 9, PID + 9, STACK_TOP - PAGE, STACK_TOP - PAGE);
	ck_assert_uint_eq(minor_of(PLACE_STACK), 2);
	ck_assert_uint_eq(find(PLACE_STACK, NULL)->minor, 1);
	ck_assert_uint_eq(places.list[places.count - 1].forked, 1);
	send((struct event){.kind = EVENT_EXEC, .pid = PID + 9, .tid = PID + 9, .name = names_keep("x")});
	touch_by(PID + 9, PID + 9, STACK_TOP - PAGE, STACK_TOP - PAGE);
	places_started(&places, places_process(&places, PID + 9), now - 1, 0, 0);
	ck_assert_uint_eq(minor_of(PLACE_OTHER), 1);
	ck_assert_uint_eq(minor_of(PLACE_STACK), 2);
}
END_TEST

/* A name of code is an offset in its file. */
START_TEST(first_code)
{
	touch(STACK_TOP - PAGE);
	ck_assert_str_eq(find(PLACE_STACK, NULL)->first.path, "/bin/program");
	ck_assert_uint_eq(find(PLACE_STACK, NULL)->first.offset, 0x1234);
}
END_TEST

/* A reading of all mappings takes away what is gone and keeps the counts. */
START_TEST(mappings_replaced)
{
	const struct piece left = {THREAD, THREAD + 4 * PAGE, 0, names_keep(""), MAPS_R | MAPS_W,
				   false,  SPACES_NO_PLACE};
	struct space space = {0};

	map(THREAD, 16 * PAGE, MAPS_R | MAPS_W, "");
	touch(THREAD);
	space_map(&space, &left);
	places_mappings(&places, places_process(&places, PID), &space);
	touch(THREAD + PAGE);
	touch(THREAD + 5 * PAGE);
	ck_assert_uint_eq(find(PLACE_ANON, NULL)->minor, 2);
	ck_assert_uint_eq(minor_of(PLACE_OTHER), 1);
}
END_TEST

/* A lock splits it, and the lower part has no name; it grows all the same. */
START_TEST(main_stack_split)
{
	const struct piece parts[] = {
		{STACK, STACK + PAGE, 0, names_keep(""), MAPS_R | MAPS_W, false, SPACES_NO_PLACE},
		{STACK + PAGE, STACK_TOP, 0, names_keep("[stack]"), MAPS_R | MAPS_W, false,
		 SPACES_NO_PLACE},
	};
	struct space space = {0};

	touch(STACK_TOP - 2 * PAGE);
	space_map(&space, &parts[0]);
	space_map(&space, &parts[1]);
	places_mappings(&places, places_process(&places, PID), &space);
	touch(STACK);
	map(STACK - 9 * PAGE, 10 * PAGE, MAPS_R | MAPS_W, "");
	touch(STACK - 9 * PAGE);
	ck_assert_uint_eq(minor_of(PLACE_STACK), 3);
}
END_TEST

/* Against a byte map: pieces never overlap, and the newest one holds each page. */
START_TEST(space_against_a_model)
{
	unsigned char model[256] = {0};
	unsigned dice = (unsigned)_i * 7919 + 1;
	struct space space = {0};

	for (unsigned round = 1; round < 200; round++) {
		unsigned start, size;

		dice = dice * 1103515245 + 12345;
		start = dice >> 16 & 255;
		size = 1 + (dice >> 8 & 31);
		size = start + size > 256 ? 256 - start : size;
		space_map(&space, &(struct piece){PAGE * start, PAGE * (start + size), round & 255,
						  names_keep(""), MAPS_R, false, round});
		memset(model + start, (int)(round & 255), size);
		for (unsigned page = 0; page < 256; page++) {
			const struct piece *piece = space_find(&space, PAGE * page);

			ck_assert((piece != NULL) == (model[page] != 0));
			ck_assert(piece == NULL || (piece->place & 255) == model[page]);
		}
	}
	for (size_t i = 1; i < space.count; i++)
		ck_assert_uint_le(space.pieces[i - 1].end, space.pieces[i].start);
	space_clear(&space);
}
END_TEST

Suite *places_suite(void)
{
	Suite *s = suite_create("places");
	TCase *t = tcase_create("places");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, place_of_each_kind);
	tcase_add_test(t, main_stack_depth);
	tcase_add_test(t, heap_grows);
	tcase_add_test(t, thread_stack);
	tcase_add_test(t, thread_reserve);
	tcase_add_test(t, thread_touches_elsewhere);
	tcase_add_test(t, thread_stack_over_something);
	tcase_add_test(t, protection_changes);
	tcase_add_test(t, thread_arena);
	tcase_add_test(t, reservation_is_no_arena);
	tcase_add_test(t, newer_mapping_wins);
	tcase_add_test(t, only_after_the_start);
	tcase_add_test(t, only_after_the_warm_up);
	tcase_add_test(t, children);
	tcase_add_test(t, first_code);
	tcase_add_test(t, mappings_replaced);
	tcase_add_test(t, main_stack_split);
	tcase_add_loop_test(t, space_against_a_model, 0, 8);
	suite_add_tcase(s, t);
	return s;
}
