/* SPDX-License-Identifier: MIT */
/* Findings as a table for people, and as JSON. */
#include "config.h"

#include <string.h>

#include "cli/findings.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/words.h"

enum { RESULT, CHECK, FOUND, JSON_FOUND, JSON_REMEDY };

static const struct table_column columns[] = {
	[RESULT] = {"result", "RESULT", TABLE_LEFT},
	[CHECK] = {"check", "CHECK", TABLE_LEFT},
	[FOUND] = {NULL, "FOUND", TABLE_WRAP},
	[JSON_FOUND] = {"found", "", TABLE_JSON},
	[JSON_REMEDY] = {"remedy", "", TABLE_JSON},
};

/* The remedy of a finding; what an earlier one said is not said again. */
static const char *remedy_of(const struct findings *f, unsigned index)
{
	for (unsigned i = 0; i < index; i++)
		if (f->list[i].remedy && strcmp(f->list[i].remedy, f->list[index].remedy) == 0)
			return "as above";
	return f->list[index].remedy;
}

static struct table *make_table(const struct findings *f)
{
	static const enum table_colour colours[] = {TABLE_GREEN, TABLE_YELLOW, TABLE_RED, TABLE_YELLOW};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(*columns));

	for (unsigned i = 0; i < f->count; i++) {
		const struct finding *finding = &f->list[i];
		char found[256];

		table_row(t);
		table_text(t, RESULT, verdict_names[finding->verdict]);
		table_colour(t, RESULT, colours[finding->verdict]);
		table_text(t, CHECK, finding->check);
		words_clean(finding->found, found, sizeof(found));
		if (finding->remedy)
			table_format(t, FOUND, "%s\n-> %s", found, remedy_of(f, i));
		else
			table_text(t, FOUND, found);
		table_text(t, JSON_FOUND, finding->found);
		table_text(t, JSON_REMEDY, finding->remedy);
	}
	return t;
}

int findings_print(const struct findings *f, FILE *to)
{
	const unsigned *counts = f->counts;
	struct table *t = make_table(f);

	table_print(t, to);
	table_free(t);
	fprintf(to, "\n%s: %u ok, %u to improve, %u failing, %u unknown\n",
		counts[VERDICT_FAIL]	  ? "Not ready"
		: counts[VERDICT_UNKNOWN] ? "Ready as far as could be seen"
					  : "Ready",
		counts[VERDICT_OK], counts[VERDICT_WARN], counts[VERDICT_FAIL],
		counts[VERDICT_UNKNOWN]);
	return output_flush(to);
}

int findings_json(const struct findings *f, const char *program, long pid, FILE *to)
{
	struct table *t = make_table(f);
	struct json j;

	json_start(&j, to);
	json_object(&j, NULL);
	json_bool(&j, "ready", f->counts[VERDICT_FAIL] == 0);
	json_string(&j, "program", program);
	json_number(&j, "pid", pid ? (uint64_t)pid : UINT64_MAX);
	json_object(&j, "counts");
	for (int i = 0; i < VERDICT_COUNT; i++)
		json_number(&j, verdict_names[i], f->counts[i]);
	json_close(&j);
	table_json(t, &j, "findings");
	table_free(t);
	json_close(&j);
	return json_end(&j);
}
