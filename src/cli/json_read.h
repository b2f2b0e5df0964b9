/* SPDX-License-Identifier: MIT */
/* Reads JSON that anybody may have written, for the strings of one object at its top.
 *
 * The whole text has to be JSON (RFC 8259), nested at most 64 deep. */
#ifndef RAMLOCK_JSON_READ_H
#define RAMLOCK_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

struct json_strings {
	const char *object; /* the name of the member of the top object that is meant */
	/* Called for each of its members; value is NULL for what is no string, or has a NUL or more than
	 * 255 bytes. False ends the reading. */
	bool (*take)(void *context, const char *name, const char *value);
	void *context;
	bool found;	   /* it was there, and is an object */
	unsigned line;	   /* where the reading ended */
	const char *error; /* what is wrong there; NULL where take ended the reading */
};

/* The text ends with NUL at length. */
bool json_read(const char *text, size_t length, struct json_strings *strings);

#endif
