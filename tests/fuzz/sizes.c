/* SPDX-License-Identifier: MIT */
/* Fuzzes sizes and numbers: what is read is what is printed. */
#include "config.h"

#include <errno.h>

#include "common/size.h"
#include "common/text.h"
#include "fuzz.h"

static void check_size(const char *word)
{
	struct size value = {0}, again = {0};
	char printed[24];
	int error = size_parse(word, &value);

	HOLDS(error == 0 || error == -EINVAL || error == -ERANGE);
	if (error)
		return;
	HOLDS(value.permille <= 1000);
	HOLDS(size_of(value, 1 << 20) <= (value.permille ? 1u << 20 : value.bytes));
	size_print(value, printed);
	HOLDS(strlen(printed) < sizeof(printed));
	HOLDS(size_parse(printed, &again) == 0);
	HOLDS(again.bytes == value.bytes && again.permille == value.permille);
}

static void check_number(const char *word, unsigned base)
{
	uint64_t number;
	const char *end = text_number(word, base, &number);

	HOLDS(end == NULL || (end > word && end <= word + strlen(word)));
}

static void check_text(const char *word)
{
	char buffer[64];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	text_json(&t, word);
	HOLDS(strlen(buffer) == text_length(&t) && text_length(&t) < sizeof(buffer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *word = fuzz_text(data, size);

	check_size(word);
	check_number(word, 10);
	check_number(word, 16);
	check_text(word);
	free(word);
	return 0;
}
