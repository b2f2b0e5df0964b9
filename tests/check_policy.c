/* SPDX-License-Identifier: MIT */
/* The lock policy: its rules in words, in the order in which they apply, against policy_residency for every
 * combination of what it may be asked. */
#include "config.h"

#include <sys/mman.h>

#include "preload/policy.h"
#include "suites.h"

#define MIB ((uint64_t)1 << 20)

/* What a rule is about: bits of each question, 0 where the question does not matter. */
#define START  (1u << POLICY_START)
#define MAPPED (1u << POLICY_MAPPED)
#define OPENED (1u << POLICY_OPENED)
#define GROWN  (1u << POLICY_GROWN)

#define CLASS(name) (1u << MAPS_##name)
#define LEVEL(name) (1u << LEVEL_##name)
#define LOCK(name)  (1u << LOCK_##name)
#define FILES(name) (1u << FILES_##name)

/* Of the memory itself. */
#define HUGETLB	    1u
#define BSS	    2u
#define WRITABLE    4u
#define RESERVATION 8u	/* PROT_NONE, MAP_NORESERVE, MAP_GROWSDOWN */
#define WISHED	    16u /* MAP_LOCKED, or MAP_POPULATE without MAP_NONBLOCK */
#define FOR_STACK   32u /* MAP_STACK */

struct rule {
	const char *words;
	unsigned events, classes, levels, locks, files;
	unsigned is, is_not; /* of the memory */
	uint64_t most;	     /* bytes, or 0 */
	enum residency residency;
};

#define UNLOCKED RESIDENCY_UNLOCKED
#define ON_FAULT RESIDENCY_ON_FAULT
#define RESIDENT RESIDENCY_RESIDENT

/* The first that is about a case decides it. */
static const struct rule rules[] = {
	{"level none locks nothing", .levels = LEVEL(NONE), .residency = UNLOCKED},
	{"the kernel never swaps pages of a hugetlb pool", .is = HUGETLB, .residency = UNLOCKED},

	{"at start the main stack is resident", START, CLASS(STACK), .residency = RESIDENT},
	{"at start the heap is resident", START, CLASS(HEAP), .residency = RESIDENT},
	{"at start the arena is resident", START, CLASS(LARGE), .residency = RESIDENT},
	{"a thread's stack is large and little used", START, CLASS(THREAD_STACK), .residency = ON_FAULT},
	{"eager mode wants all of a program's text", START, CLASS(TEXT), .locks = LOCK(EAGER), .residency = RESIDENT},
	{"each mode wants text of 32 MiB", START, CLASS(TEXT), .most = 32 * MIB, .residency = RESIDENT},
	{"of more text half is never run", START, CLASS(TEXT), .residency = ON_FAULT},
	{"eager mode wants all of a library's text", START, CLASS(LIB_TEXT), .locks = LOCK(EAGER), .residency = RESIDENT},
	{"each mode wants a library's text of 32 MiB", START, CLASS(LIB_TEXT), .most = 32 * MIB, .residency = RESIDENT},
	{"of a larger library half is never run", START, CLASS(LIB_TEXT), .residency = ON_FAULT},
	{"data of a file is resident", START, CLASS(DATA), .is_not = BSS, .residency = RESIDENT},
	{"eager mode wants all of bss", START, CLASS(DATA), .locks = LOCK(EAGER), .residency = RESIDENT},
	{"each mode wants bss of 16 MiB", START, CLASS(DATA), .most = 16 * MIB, .residency = RESIDENT},
	{"larger bss is made for the worst case", START, CLASS(DATA), .residency = ON_FAULT},
	{"a small writable map is TLS or the like", START, CLASS(ANON), .is = WRITABLE, .most = MIB, .residency = RESIDENT},
	{"any other anonymous map may be anything", START, CLASS(ANON), .residency = ON_FAULT},
	{"FILES=onfault, at start", START, CLASS(FILE), .files = FILES(ONFAULT), .residency = ON_FAULT},
	{"FILES=eager, at start", START, CLASS(FILE), .files = FILES(EAGER), .residency = RESIDENT},
	{"FILES=never, at start", START, CLASS(FILE), .files = FILES(NEVER), .residency = UNLOCKED},
	{"a reservation uses no finite limit, at start", START, CLASS(RESERVED), LEVEL(RANGES), .residency = UNLOCKED},
	{"a reservation is locked as it is opened, at start", START, CLASS(RESERVED), .residency = ON_FAULT},
	{"the kernel's own pages are always there", START, CLASS(KERNEL), .residency = UNLOCKED},

	{"LOCK=current leaves alone what comes later", .locks = LOCK(CURRENT), .residency = UNLOCKED},

	{"a reservation uses no finite limit, wished or not", MAPPED, .levels = LEVEL(RANGES), .is = RESERVATION, .residency = UNLOCKED},
	{"the program's own wish counts, also with FILES=never", MAPPED, .is = WISHED, .residency = RESIDENT},
	{"FILES=never", MAPPED, CLASS(FILE), .files = FILES(NEVER), .residency = UNLOCKED},
	{"a reservation is locked as it is opened", MAPPED, .is = RESERVATION, .residency = ON_FAULT},
	{"a stack is large and little used", MAPPED, .is = FOR_STACK, .residency = ON_FAULT},
	{"FILES=onfault, also in eager mode", MAPPED, CLASS(FILE), .files = FILES(ONFAULT), .residency = ON_FAULT},
	{"FILES=eager, also in onfault mode", MAPPED, CLASS(FILE), .files = FILES(EAGER), .residency = RESIDENT},
	{"eager mode wants what is mapped", MAPPED, .locks = LOCK(EAGER), .residency = RESIDENT},
	{"onfault mode locks it as it is touched", MAPPED, .residency = ON_FAULT},

	{"a reservation stays one until it is mapped anew", OPENED, .residency = ON_FAULT},

	{"FILES=onfault, mapped by libc", GROWN, CLASS(FILE), .files = FILES(ONFAULT), .residency = ON_FAULT},
	{"FILES=eager, mapped by libc", GROWN, CLASS(FILE), .files = FILES(EAGER), .residency = RESIDENT},
	{"FILES=never, mapped by libc", GROWN, CLASS(FILE), .files = FILES(NEVER), .residency = UNLOCKED},
	{"eager mode wants what libc maps", GROWN, .locks = LOCK(EAGER), .residency = RESIDENT},
	{"onfault mode locks what libc maps as it is touched", GROWN, .residency = ON_FAULT},
};

struct question {
	struct options options;
	enum level level;
	struct policy_request request;
};

static unsigned memory_of(const struct policy_request *r)
{
	unsigned bits = 0;

	bits |= r->hugetlb ? HUGETLB : 0;
	bits |= r->bss ? BSS : 0;
	bits |= r->prot & PROT_WRITE ? WRITABLE : 0;
	bits |= r->prot == 0 || r->flags & (MAP_NORESERVE | MAP_GROWSDOWN) ? RESERVATION : 0;
	bits |= r->flags & MAP_LOCKED ? WISHED : 0;
	bits |= r->flags & MAP_POPULATE && !(r->flags & MAP_NONBLOCK) ? WISHED : 0;
	bits |= r->flags & MAP_STACK ? FOR_STACK : 0;
	return bits;
}

static bool is_one_of(unsigned bits, unsigned number)
{
	return bits == 0 || bits >> number & 1;
}

static bool is_about(const struct rule *rule, const struct question *q, unsigned memory)
{
	const struct policy_request *r = &q->request;

	return is_one_of(rule->events, r->event) && is_one_of(rule->classes, r->class) &&
	       is_one_of(rule->levels, q->level) && is_one_of(rule->locks, (unsigned)q->options.lock) &&
	       is_one_of(rule->files, (unsigned)q->options.files) && (memory & rule->is) == rule->is &&
	       !(memory & rule->is_not) && (rule->most == 0 || r->size <= rule->most);
}

static unsigned long decided[COUNT(rules)];

static void check_question(const struct question *q)
{
	const struct policy_request *r = &q->request;
	const unsigned memory = memory_of(r);
	size_t i = 0;

	while (i < COUNT(rules) && !is_about(&rules[i], q, memory))
		i++;
	ck_assert_msg(i < COUNT(rules), "no rule: event %d class %d level %d", r->event, r->class, q->level);
	decided[i]++;
	if (policy_residency(&q->options, q->level, r) != rules[i].residency)
		ck_abort_msg("%s: event %d class %d level %d LOCK %d FILES %d prot %#x flags %#x size %llu bss %d: %d",
			     rules[i].words, r->event, r->class, q->level, q->options.lock, q->options.files,
			     (unsigned)r->prot, (unsigned)r->flags, (unsigned long long)r->size, r->bss,
			     policy_residency(&q->options, q->level, r));
}

static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC};

static const int flags[] = {
	0,
	MAP_NORESERVE,
	MAP_GROWSDOWN,
	MAP_STACK,
	MAP_STACK | MAP_NORESERVE,
	MAP_STACK | MAP_GROWSDOWN,
	MAP_LOCKED,
	MAP_LOCKED | MAP_NONBLOCK,
	MAP_LOCKED | MAP_NORESERVE,
	MAP_LOCKED | MAP_STACK,
	MAP_POPULATE,
	MAP_POPULATE | MAP_NONBLOCK,
	MAP_POPULATE | MAP_GROWSDOWN,
	MAP_POPULATE | MAP_STACK,
	MAP_NONBLOCK,
};

/* At each border of a rule, and beside it. */
static const uint64_t sizes[] = {
	4096, MIB, MIB + 1, 16 * MIB, 16 * MIB + 1, 32 * MIB, 32 * MIB + 1, (uint64_t)1 << 40,
};

static void each_request(struct question *q)
{
	struct policy_request *r = &q->request;

	for (size_t prot = 0; prot < COUNT(prots); prot++)
		for (size_t flag = 0; flag < COUNT(flags); flag++)
			for (size_t size = 0; size < COUNT(sizes); size++)
				for (int bits = 0; bits < 3; bits++) {
					r->prot = prots[prot];
					r->flags = flags[flag];
					r->size = sizes[size];
					r->bss = bits & 1;
					r->hugetlb = bits & 2;
					check_question(q);
				}
}

static void each_kind(struct question *q)
{
	for (int event = POLICY_START; event <= POLICY_GROWN; event++)
		for (int class = 0; class < MAPS_CLASSES; class++) {
			q->request.event = (enum policy_event)event;
			q->request.class = (enum map_class)class;
			each_request(q);
		}
}

START_TEST(rules_in_words)
{
	static const enum level levels[] = {LEVEL_NONE, LEVEL_RANGES, LEVEL_FUTURE};
	struct question q = {0};

	for (size_t level = 0; level < COUNT(levels); level++)
		for (int lock = LOCK_ONFAULT; lock <= LOCK_NONE; lock++)
			for (int files = FILES_ONFAULT; files <= FILES_NEVER; files++) {
				q.level = levels[level];
				q.options.lock = lock;
				q.options.files = files;
				each_kind(&q);
			}
	for (size_t i = 0; i < COUNT(rules); i++)
		ck_assert_msg(decided[i], "decides nothing: %s", rules[i].words);
}
END_TEST

static const struct {
	const char *words;
	int flags;
	bool wished;
} wishes[] = {
	{"nothing is asked", MAP_PRIVATE | MAP_ANONYMOUS, false},
	{"MAP_LOCKED asks for resident pages", MAP_LOCKED, true},
	{"MAP_POPULATE does", MAP_POPULATE, true},
	{"MAP_POPULATE with MAP_NONBLOCK does nothing, mmap(2)", MAP_POPULATE | MAP_NONBLOCK, false},
	{"MAP_NONBLOCK takes nothing from MAP_LOCKED", MAP_LOCKED | MAP_POPULATE | MAP_NONBLOCK, true},
	{"MAP_NONBLOCK alone asks for nothing", MAP_NONBLOCK, false},
};

START_TEST(wishes_of_the_program)
{
	for (size_t i = 0; i < COUNT(wishes); i++)
		ck_assert_msg(policy_is_wished(wishes[i].flags) == wishes[i].wished, "%s", wishes[i].words);
}
END_TEST

static const struct {
	const char *words;
	int prot, flags;
	enum map_class class;
} classes[] = {
	{"anonymous memory", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, MAPS_ANON},
	{"shared anonymous memory", PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, MAPS_ANON},
	{"code that is made as the program runs", PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, MAPS_ANON},
	{"a file", PROT_READ, MAP_SHARED, MAPS_FILE},
	{"a file, to be written", PROT_READ | PROT_WRITE, MAP_PRIVATE, MAPS_FILE},
	{"a file of code", PROT_READ | PROT_EXEC, MAP_PRIVATE, MAPS_LIB_TEXT},
	{"a file that is not accessible yet", PROT_NONE, MAP_PRIVATE, MAPS_FILE},
};

START_TEST(classes_of_mappings)
{
	for (size_t i = 0; i < COUNT(classes); i++)
		ck_assert_msg(policy_class(classes[i].prot, classes[i].flags) == classes[i].class, "%s",
			      classes[i].words);
}
END_TEST

Suite *policy_suite(void)
{
	Suite *suite = suite_create("policy");
	TCase *tests = tcase_create("policy");

	tcase_add_test(tests, rules_in_words);
	tcase_add_test(tests, wishes_of_the_program);
	tcase_add_test(tests, classes_of_mappings);
	suite_add_tcase(suite, tests);
	return suite;
}
