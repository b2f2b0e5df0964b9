/* SPDX-License-Identifier: MIT */
/* What a systemd service's unit says that matters to a drop-in for it. */
#ifndef RAMLOCK_SERVICE_H
#define RAMLOCK_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/units.h"

#define SERVICE_PROGRAMS_MAX 8
#define SERVICE_OURS "ramlock.conf" /* the name of our drop-in */

/* A value that a drop-in behind ours may have set, against which ours is nothing. */
struct service_word {
	char text[512];
	char later[256]; /* the path of that drop-in, "" for none */
};

struct service {
	bool found;
	bool masked;	 /* systemd refuses to start it */
	bool transient;	 /* made by systemd-run: gone when it ends */
	char name[UNITS_NAME]; /* of the unit itself, where an alias was asked for */
	char programs[SERVICE_PROGRAMS_MAX][256]; /* of ExecStart=, without prefixes and arguments */
	size_t program_count;
	bool all_rights; /* ExecStart=+ and its like: neither User= nor capabilities count */
	unsigned helpers; /* a bit for each of ExecStartPre= and its like: programs with the environment */
	char user[64]; /* "" is root */
	bool dynamic_user;
	bool private_users;  /* capabilities are of a user namespace */
	char protect_home[16];	 /* "" for no */
	char protect_system[16]; /* the same */
	bool private_tmp;
	bool restrict_realtime;
	bool bounded;	     /* CapabilityBoundingSet= is there, perhaps empty */
	char bounding[512];  /* its words, "~" before each that is taken out */
	char ambient[512];   /* AmbientCapabilities=, the same */
	char filter[512];    /* SystemCallFilter=, the same, "" for none */
	char memory_max[32]; /* MemoryMax= or MemoryLimit= */
	char memory_high[32];
	char limit_as[32], limit_data[32];
	struct service_word memlock; /* LimitMEMLOCK= */
	char root[256];	     /* RootDirectory= or RootImage= */
	char no_exec[512], exec[512]; /* NoExecPaths=, ExecPaths= */
	char hidden[512];	      /* InaccessiblePaths= and TemporaryFileSystem= */
	char writable[512];	      /* ReadWritePaths= and the folders of its own */
	char read_only[512];	      /* ReadOnlyPaths= */
	struct service_word preload;  /* LD_PRELOAD of Environment=, with specifiers as they stand there */
	char unset[512];	      /* UnsetEnvironment= */
	char files[512];	      /* EnvironmentFile= */
	struct service_word file_preload; /* LD_PRELOAD in one of these; later is the file */
	struct service_word file_setting; /* the name of a RAMLOCK_ variable in one; the same */
	char file_unread[256];		  /* one that could not be read */
};

/* "redis", "redis.service", "getty@.service", "getty@tty1" with ".service" at the end. False for what
 * can't be the name of a service. */
bool service_name(const char *word, char *name, size_t size);

/* Reads a unit and its drop-ins, one behind the other as `systemctl cat` writes them: "# PATH" is above
 * each. */
void service_parse(struct service *s, const char *text);

/* Reads a file that EnvironmentFile= names. */
void service_parse_variables(struct service *s, const char *path, const char *text);

/* Finds a unit: what systemctl says of it, or where that is not there or not of these units, its files.
 * Our own drop-in is left out. */
void service_find(struct service *s, const char *name, const struct units *units);

/* Whether it starts nothing that could be locked: /bin/true, as units do that stand for others. */
bool service_does_nothing(const struct service *s);

/* Whether the filter lets mlock and its like through. */
bool service_may_lock(const struct service *s);

/* Whether the bounding set has CAP_IPC_LOCK, and whether the unit gives it. */
bool service_may_be_capable(const struct service *s);
bool service_is_capable(const struct service *s);

/* What keeps the service from reading a file: "ProtectHome=", or NULL. */
const char *service_hides(const struct service *s, const char *path);

/* What keeps it from writing a file: "ProtectSystem=", or NULL. */
const char *service_bars(const struct service *s, const char *path);

/* Whether it may map the file's code: NoExecPaths= and ExecPaths=. */
bool service_can_execute(const struct service *s, const char *path);

/* Whether the service runs with all of root's capabilities. */
bool service_is_root(const struct service *s);

/* Whether UnsetEnvironment= takes LD_PRELOAD away. */
bool service_unsets_preload(const struct service *s);

#endif
