/* SPDX-License-Identifier: MIT */
/* A parser of JSON that keeps nothing but the strings it was asked for. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/json_read.h"
#include "cli/words.h"

#define DEPTH 64
#define STRING_SIZE 256

struct reader {
	const char *at, *end;
	unsigned depth;
	struct json_strings *strings;
};

/* A string as far as it is kept. */
struct string {
	char text[STRING_SIZE];
	size_t length;
	bool lost; /* it has a NUL, or did not fit */
};

static bool read_value(struct reader *r, bool wanted);

static bool fail(struct reader *r, const char *why)
{
	r->strings->error = why;
	return false;
}

static void skip_blanks(struct reader *r)
{
	for (; strchr(" \t\r\n", *r->at) && r->at < r->end; r->at++)
		r->strings->line += *r->at == '\n';
}

static bool take(struct reader *r, char c)
{
	skip_blanks(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static void keep(struct string *s, const char *bytes, size_t count)
{
	if (s->length + count >= sizeof(s->text)) {
		s->lost = true;
		return;
	}
	memcpy(s->text + s->length, bytes, count);
	s->length += count;
}

static void keep_character(struct string *s, unsigned c)
{
	char bytes[3];

	if (c < 0x80) {
		bytes[0] = (char)c;
		s->lost |= c == 0;
		keep(s, bytes, 1);
	} else if (c < 0x800) {
		bytes[0] = (char)(0xc0 | c >> 6);
		bytes[1] = (char)(0x80 | (c & 0x3f));
		keep(s, bytes, 2);
	} else if (c >= 0xd800 && c < 0xe000) {
		s->lost = true; /* halves of what lies above: no setting has such */
	} else {
		bytes[0] = (char)(0xe0 | c >> 12);
		bytes[1] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (c & 0x3f));
		keep(s, bytes, 3);
	}
}

static bool read_escape(struct reader *r, struct string *s)
{
	static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *name = *r->at ? strchr(names, *r->at) : NULL;
	unsigned code = 0;

	if (name) {
		keep(s, &meant[name - names], 1);
		r->at++;
		return true;
	}
	if (*r->at++ != 'u')
		return fail(r, "no such escape");
	for (int i = 0; i < 4; i++, r->at++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = *r->at ? strchr(digits, *r->at >= 'A' && *r->at <= 'F' ? *r->at | 0x20
											  : *r->at)
					   : NULL;

		if (digit == NULL)
			return fail(r, "\\u is followed by four hexadecimal digits");
		code = code << 4 | (unsigned)(digit - digits);
	}
	keep_character(s, code);
	return true;
}

static bool read_string(struct reader *r, struct string *s)
{
	*s = (struct string){.length = 0};
	if (!take(r, '"'))
		return fail(r, "a string is expected");
	while (r->at < r->end && *r->at != '"') {
		size_t length;

		if ((unsigned char)*r->at < 0x20)
			return fail(r, "a control character stands in a string");
		if (*r->at == '\\') {
			r->at++;
			if (!read_escape(r, s))
				return false;
			continue;
		}
		length = words_sequence((const unsigned char *)r->at);
		if (length == 0)
			return fail(r, "not UTF-8");
		keep(s, r->at, length);
		r->at += length;
	}
	if (r->at == r->end)
		return fail(r, "the string has no end");
	r->at++;
	s->text[s->length] = '\0';
	return true;
}

static bool read_digits(struct reader *r)
{
	const char *start = r->at;

	while (*r->at >= '0' && *r->at <= '9')
		r->at++;
	return r->at > start || fail(r, "a digit is expected");
}

static bool read_number(struct reader *r)
{
	r->at += *r->at == '-';
	if (*r->at == '0')
		r->at++;
	else if (!read_digits(r))
		return false;
	if (*r->at == '.') {
		r->at++;
		if (!read_digits(r))
			return false;
	}
	if (*r->at == 'e' || *r->at == 'E') {
		r->at++;
		r->at += *r->at == '+' || *r->at == '-';
		return read_digits(r);
	}
	return true;
}

/* One member of an object that is wanted: its string goes to who asked. */
static bool read_wanted(struct reader *r, const struct string *name)
{
	struct string value;
	bool string;

	skip_blanks(r);
	string = *r->at == '"';
	if (string ? !read_string(r, &value) : !read_value(r, false))
		return false;
	return r->strings->take(r->strings->context, name->text,
				string && !value.lost ? value.text : NULL);
}

static bool read_members(struct reader *r, bool wanted)
{
	struct string name;

	do {
		bool inner;

		if (!read_string(r, &name))
			return false;
		if (!take(r, ':'))
			return fail(r, "a colon is expected");
		inner = r->depth == 1 && !name.lost && strcmp(name.text, r->strings->object) == 0;
		if (wanted ? !read_wanted(r, &name) : !read_value(r, inner))
			return false;
	} while (take(r, ','));
	return take(r, '}') || fail(r, "a comma or } is expected");
}

static bool read_elements(struct reader *r)
{
	do {
		if (!read_value(r, false))
			return false;
	} while (take(r, ','));
	return take(r, ']') || fail(r, "a comma or ] is expected");
}

static bool read_nested(struct reader *r, bool wanted)
{
	const bool object = *r->at++ == '{';
	bool right;

	if (++r->depth > DEPTH)
		return fail(r, "nested too deep");
	r->strings->found |= wanted && object;
	right = take(r, object ? '}' : ']') ||
		(object ? read_members(r, wanted) : read_elements(r));
	r->depth--;
	return right;
}

static bool read_word(struct reader *r)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strncmp(r->at, words[i], strlen(words[i])) == 0) {
			r->at += strlen(words[i]);
			return true;
		}
	}
	return fail(r, "a value is expected");
}

static bool read_value(struct reader *r, bool wanted)
{
	struct string ignored;

	skip_blanks(r);
	switch (*r->at) {
	case '{':
	case '[':
		return read_nested(r, wanted);
	case '"':
		return read_string(r, &ignored);
	case '-':
	case '0' ... '9':
		return read_number(r);
	default:
		return read_word(r);
	}
}

bool json_read(const char *text, size_t length, struct json_strings *strings)
{
	struct reader r = {.at = text, .end = text + length, .strings = strings};

	strings->found = false;
	strings->line = 1;
	strings->error = NULL;
	if (!read_value(&r, false))
		return false;
	skip_blanks(&r);
	return r.at == r.end || fail(&r, "something stands behind the end");
}
