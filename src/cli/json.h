/* SPDX-License-Identifier: MIT */
/* Writes JSON to a stream as it goes: objects, arrays, strings, numbers.
 *
 * The name is that of the member in an object, NULL in an array and at the top. Nothing is kept
 * but the depth, so the caller ends what it began. */
#ifndef RAMLOCK_JSON_H
#define RAMLOCK_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 32

struct json {
	FILE *to;
	unsigned depth;
	bool some[JSON_DEPTH]; /* at this depth a member was written */
	char closing[JSON_DEPTH];
};

void json_start(struct json *j, FILE *to);
void json_object(struct json *j, const char *name);
void json_array(struct json *j, const char *name);
void json_close(struct json *j); /* the innermost object or array */

/* What is no UTF-8 becomes U+FFFD, so that any bytes give valid JSON; NULL is null. */
void json_string(struct json *j, const char *name, const char *value);
void json_number(struct json *j, const char *name, uint64_t value); /* UINT64_MAX is null */
void json_real(struct json *j, const char *name, double value);	    /* NaN and infinity are null */
void json_bool(struct json *j, const char *name, bool value);
void json_null(struct json *j, const char *name);

/* Ends the text with a newline; 0, or -EIO if something could not be written. */
int json_end(struct json *j);

#endif
