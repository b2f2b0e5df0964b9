/* SPDX-License-Identifier: MIT */
/* Where systemd's units are: the folders, a unit's file in them, aliases, instances. */
#ifndef RAMLOCK_UNITS_H
#define RAMLOCK_UNITS_H

#include <stdbool.h>
#include <stddef.h>

#define UNITS_NAME 256 /* systemd's own limit on a unit's name */
#define UNITS_PATH 4096

struct units {
	const char *root; /* of a system in a folder; "" for this one */
	bool user;	  /* the units of the user's manager, not the system's */
};

/* A sorted list of names without repetition. */
struct unit_names {
	char (*names)[UNITS_NAME];
	size_t count, room;
};

void unit_names_free(struct unit_names *n);

/* The folders, the strongest first, below the root. False behind the last. */
bool units_folder(const struct units *u, size_t index, char path[UNITS_PATH]);

/* Where --install puts drop-ins: the folder of the administrator, or the user's own. False where a
 * user has no home. */
bool units_own_folder(const struct units *u, char path[UNITS_PATH]);

/* Finds the file of a unit, or that of an instance's template. Where the file is a link to another
 * unit's the name becomes that unit's: redis.service to redis-server.service. False if there is none. */
bool units_resolve(const struct units *u, char name[UNITS_NAME], char path[UNITS_PATH]);

/* Whether systemd refuses to start it: a link to /dev/null, or an empty file. */
bool units_is_masked(const char *path);

/* "getty@tty1.service" to "getty@.service"; false for what is no instance. */
bool units_template(const char *name, char template[UNITS_NAME]);

/* Instances of "foo@.service", or for "foo.service" of the template beside it, that are enabled, made
 * by a generator, or for which there is the file that the template's AssertPathExists= or
 * ConditionPathExists= asks for. */
void units_instances(const struct units *u, const char *name, struct unit_names *found);

/* Services whose name has this one's in it. */
void units_near(const struct units *u, const char *name, struct unit_names *found);

#endif
