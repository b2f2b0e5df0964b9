/* SPDX-License-Identifier: MIT */
/* What a systemd service's unit says that matters to a drop-in for it. */
#ifndef RAMLOCK_SERVICE_H
#define RAMLOCK_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

struct service {
	bool found;
	char user[64]; /* "" is root */
	bool dynamic_user;
	bool private_users;  /* capabilities are of a user namespace */
	bool protect_home;   /* /home, /root and /run/user are empty */
	bool helpers;	     /* ExecStartPre= and its like: programs with the service's environment */
	bool bounded;	     /* CapabilityBoundingSet= is there, perhaps empty */
	char bounding[512];  /* its words, "~" before each that is taken out */
	char filter[512];    /* SystemCallFilter=, the same, "" for none */
	char memory_max[32]; /* MemoryMax= or MemoryLimit= */
	char root[256];	     /* RootDirectory= or RootImage= */
	char no_exec[512], exec[512]; /* NoExecPaths=, ExecPaths= */
	char preload[512];   /* LD_PRELOAD of Environment= */
};

/* "redis", "redis.service", "getty@.service", "getty@tty1" with ".service" at the end. False for what
 * can't be the name of a service. */
bool service_name(const char *word, char *name, size_t size);

/* Reads a unit and its drop-ins, one behind the other as `systemctl cat` writes them. */
void service_parse(struct service *s, const char *text);

/* Finds a unit by systemctl, or where that is not there, or root is not "", among the files. Our own
 * drop-in is left out. */
void service_find(struct service *s, const char *name, const char *root);

/* Whether the filter lets mlock and its like through. */
bool service_may_lock(const struct service *s);

/* Whether the bounding set has CAP_IPC_LOCK. */
bool service_may_be_capable(const struct service *s);

/* Whether the service can read a file: not hidden by ProtectHome=. */
bool service_can_see(const struct service *s, const char *path);

/* Whether it may map the file's code: NoExecPaths= and ExecPaths=. */
bool service_can_execute(const struct service *s, const char *path);

/* Whether the service runs with all of root's capabilities. */
bool service_is_root(const struct service *s);

#endif
