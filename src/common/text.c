/* SPDX-License-Identifier: MIT */
/* Text in a fixed buffer, and numbers, for places where stdio and malloc may not be used. */
#include "config.h"

#include <limits.h>
#include <string.h>

#include "common/text.h"

void text_init(struct text *t, char *buffer, size_t size)
{
	t->start = t->at = buffer;
	t->end = buffer + size - 1;
	t->cut = false;
	*t->at = '\0';
}

static void add_char(struct text *t, char c)
{
	if (t->at == t->end) {
		t->cut = true;
		return;
	}
	*t->at++ = c;
	*t->at = '\0';
}

static void add_string(struct text *t, const char *s, size_t width)
{
	for (size_t length = strlen(s); width > length; width--)
		add_char(t, ' ');
	while (*s)
		add_char(t, *s++);
}

static void add_number(struct text *t, uint64_t number, unsigned base, bool negative, size_t width)
{
	char digits[24];
	char *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	if (negative)
		*--at = '-';
	add_string(t, at, width);
}

static void add_signed(struct text *t, int64_t number, size_t width)
{
	uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	add_number(t, magnitude, 10, number < 0, width);
}

/* One conversion; *format stands behind its '%' and is moved behind the whole. */
static void add_conversion(struct text *t, const char **format, va_list *args)
{
	size_t width = 0;
	bool wide = false;

	while (**format >= '0' && **format <= '9')
		width = width * 10 + (size_t)(*(*format)++ - '0');
	if (**format == 'j') {
		*format += 2;
		add_number(t, va_arg(*args, uintmax_t), 10, false, width);
		return;
	}
	while (**format == 'l' || **format == 'z') {
		wide = true;
		(*format)++;
	}
	switch (*(*format)++) {
	case 's':
		add_string(t, va_arg(*args, const char *), width);
		break;
	case 'c':
		add_char(t, (char)va_arg(*args, int));
		break;
	case 'd':
		add_signed(t, wide ? va_arg(*args, long) : va_arg(*args, int), width);
		break;
	case 'u':
		add_number(t, wide ? va_arg(*args, unsigned long) : va_arg(*args, unsigned), 10,
			   false, width);
		break;
	case 'x':
		add_number(t, wide ? va_arg(*args, unsigned long) : va_arg(*args, unsigned), 16,
			   false, width);
		break;
	case '%':
		add_char(t, '%');
		break;
	default:
		add_char(t, '?');
		break;
	}
}

void text_add_list(struct text *t, const char *format, va_list args)
{
	va_list copy; /* a va_list parameter may be an array, whose address is of another type */

	va_copy(copy, args);
	while (*format) {
		if (*format != '%') {
			add_char(t, *format++);
			continue;
		}
		format++;
		add_conversion(t, &format, &copy);
	}
	va_end(copy);
}

void text_add(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_add_list(t, format, args);
	va_end(args);
}

void text_size(struct text *t, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	uint64_t tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;
	size_t unit = 0;

	while (tenths >= 10240 && unit + 1 < sizeof(units) / sizeof(*units)) {
		tenths /= 1024;
		unit++;
	}
	add_number(t, tenths / 10, 10, false, 0);
	if (tenths < 1000 && tenths % 10)
		text_add(t, ".%u", (unsigned)(tenths % 10));
	text_add(t, " %s", units[unit]);
}

void text_json(struct text *t, const char *string)
{
	add_char(t, '"');
	for (; *string; string++) {
		unsigned char c = (unsigned char)*string;

		if (c == '"' || c == '\\')
			add_char(t, '\\');
		if (c < 0x20) {
			add_string(t, "\\u00", 0);
			add_char(t, "01"[c >> 4]);
			add_char(t, "0123456789abcdef"[c & 15]);
		} else {
			add_char(t, (char)c);
		}
	}
	add_char(t, '"');
}

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return UINT_MAX;
}

void text_tame(char *string)
{
	for (; *string; string++)
		if ((unsigned char)*string < ' ' || *string == 0x7f)
			*string = '?';
}

void text_shown(struct text *t, const char *string)
{
	size_t length = strnlen(string, TEXT_SHOWN + 1);
	char word[TEXT_SHOWN + 1];
	const bool cut = length > TEXT_SHOWN;

	if (cut)
		for (length = TEXT_SHOWN; length && ((unsigned char)string[length] & 0xc0) == 0x80;)
			length--; /* not within a character of UTF-8 */
	memcpy(word, string, length);
	word[length] = '\0';
	text_tame(word);
	text_add(t, "%s%s", word, cut ? "..." : "");
}

const char *text_number(const char *text, unsigned base, uint64_t *number)
{
	const char *at = text;
	uint64_t value = 0;

	for (unsigned digit; (digit = digit_value(*at)) < base; at++)
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return NULL;
	if (at == text)
		return NULL;
	*number = value;
	return at;
}
