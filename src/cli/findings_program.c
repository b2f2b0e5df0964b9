/* SPDX-License-Identifier: MIT */
/* Findings on a program's file: whether the library reaches it, and what it brings along. */
#include "config.h"

#include <string.h>

#include "cli/findings.h"
#include "cli/target.h"

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What a program gets by its file it must have before it starts, or ld.so takes it for another's. */
static const char *remedy_of(const char *rights)
{
	if (strcmp(rights, "setgid") == 0)
		return "start it with the group of its file: Group= in a unit, or setpriv --regid";
	if (strcmp(rights, "file capabilities") == 0)
		return "take them off a copy (setcap -r) and give them by AmbientCapabilities= in a unit, "
		       "or setpriv --ambient-caps";
	return "start it as the owner of its file: User= in a unit, or setpriv --reuid";
}

static void find_reach(struct findings *f, const struct program *p)
{
	const bool fits = p->library.machine == p->image.machine &&
			  p->library.class == p->image.class;

	if (p->image.dynamic)
		findings_add(f, VERDICT_OK, "linking", NULL, "dynamic, by %s", p->image.loader);
	else
		findings_add(f, VERDICT_FAIL, "linking",
			     "use a dynamically linked build of it: ldd tells",
			     "static: LD_PRELOAD does not reach it");
	if (*p->rights)
		findings_add(f, VERDICT_FAIL, "privileges", remedy_of(p->rights),
			     "%s: ld.so ignores LD_PRELOAD", p->rights);
	else
		findings_add(f, VERDICT_OK, "privileges", NULL, "no more than its user's");
	if (p->library.machine == 0)
		findings_add(f, VERDICT_UNKNOWN, "architecture", "reinstall ramlock",
			     "%s; the library can't be read", target_machine(&p->image));
	else
		findings_add(f, fits ? VERDICT_OK : VERDICT_FAIL, "architecture",
			     "install the library for this architecture", "%s%s",
			     target_machine(&p->image), fits ? "" : ", which the library is not");
}

static void find_libc(struct findings *f, const struct program *p)
{
	if (*p->own_loader == '\0')
		findings_add(f, VERDICT_UNKNOWN, "C library", NULL, "the library's is not known");
	else if (strcmp(name_of(p->own_loader), name_of(p->image.loader)) != 0)
		findings_add(f, VERDICT_FAIL, "C library", "install ramlock built for this C library",
			     "not the library's: it is loaded by %s, not by %s",
			     name_of(p->image.loader), name_of(p->own_loader));
	else
		findings_add(f, VERDICT_OK, "C library", NULL, "the library's");
}

static void find_allocator(struct findings *f, const struct program *p)
{
	static const char check[] = "allocator", remedy[] = "use the allocator's own settings";

	if (p->image.allocator)
		findings_add(f, VERDICT_WARN, check, remedy,
			     "%s is linked in: HEAP and LARGE may not reach it; LOCK does",
			     p->image.allocator);
	else if (p->image.has_malloc)
		findings_add(f, VERDICT_WARN, check, remedy,
			     "a malloc of its own: HEAP and LARGE do not reach it; LOCK does");
	else if (p->tree.allocator)
		findings_add(f, VERDICT_WARN, check, remedy,
			     "%s: HEAP does not apply; large blocks and LOCK do", p->tree.allocator);
	else if (p->tree.missing)
		findings_add(f, VERDICT_UNKNOWN, check, NULL,
			     "none found, but neither was %s", p->tree.lost);
	else
		findings_add(f, VERDICT_OK, check, NULL, "the C library's");
}

static void find_sanitizer(struct findings *f, const struct program *p)
{
	static const char check[] = "sanitizer";

	if (p->tree.sanitizer)
		findings_add(f, VERDICT_WARN, check,
			     "ramlock run; by LD_PRELOAD alone set ASAN_OPTIONS=verify_asan_link_order=0 "
			     "and RAMLOCK_LARGE=off",
			     "%s: it wants to be loaded first, and to see every block",
			     p->tree.sanitizer);
	else if (p->image.sanitizer)
		findings_add(f, VERDICT_WARN, check, "build it without -fsanitize",
			     "%s is linked in: it reserves terabytes, and has its own malloc",
			     p->image.sanitizer);
	else if (p->tree.missing)
		findings_add(f, VERDICT_UNKNOWN, check, NULL,
			     "none found, but neither was %s", p->tree.lost);
	else
		findings_add(f, VERDICT_OK, check, NULL, "none");
}

void findings_of_program(struct findings *f, const struct program *p)
{
	find_reach(f, p);
	if (!p->image.dynamic) /* nothing of the library reaches it, whatever is in it */
		return;
	find_libc(f, p);
	find_allocator(f, p);
	find_sanitizer(f, p);
}
