/* SPDX-License-Identifier: MIT */
/* The text of a systemd drop-in that has a service run under ramlock. */
#ifndef RAMLOCK_DROPIN_H
#define RAMLOCK_DROPIN_H

#include <stdio.h>

#include "cli/probe.h"
#include "cli/service.h"
#include "common/options.h"

#define DROPIN_MARK "# made by ramlock unit" /* a file that begins so is ours */

struct dropin {
	const char *name;		   /* "redis-server.service" */
	const char *path;		   /* where it goes */
	const char *library;
	struct service service;
	const char *settings[OPTION_COUNT]; /* words, NULL for what is not given */
	struct options values;		    /* the same, read */
	const char *obstacle;		    /* "FILE why its program can't be preloaded", or NULL */
	bool user;			    /* of a user's manager */
	enum probe unlimited;		    /* the manager can give an infinite limit */
};

/* Writes it. */
void dropin_write(const struct dropin *d, FILE *to);

/* Whether AmbientCapabilities= is in it: for who is no root, where the limit can't be lifted. */
bool dropin_needs_capability(const struct dropin *d);

/* A word in double quotes as systemd.syntax(7) reads it, with "%" doubled. */
void dropin_quote(const char *word, FILE *to);

#endif
