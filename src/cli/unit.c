/* SPDX-License-Identifier: MIT */
/* ramlock unit: a systemd drop-in for a service, printed or put in its place. */
#include "config.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/dropin.h"
#include "cli/host.h"
#include "cli/install.h"
#include "cli/json.h"
#include "cli/launch.h"
#include "cli/output.h"
#include "cli/suggested.h"

enum { UNIT_FROM, UNIT_INSTALL, UNIT_ROOT, UNIT_JSON };

static const struct cli_option unit_options[] = {
	[UNIT_FROM] = {"from", "FILE", "settings that ramlock measure --json suggested"},
	[UNIT_INSTALL] = {"install", NULL, "write the file to its place"},
	[UNIT_ROOT] = {"root", "DIR", "of a system in a folder: its units, and the place of the file"},
	[UNIT_JSON] = {"json", NULL, "the file and its path as JSON"},
	{0},
};

static int unit_main(int argc, char **argv);

const struct command unit_command = {
	.name = "unit",
	.usage = "[options] NAME",
	.help = "write a systemd drop-in that has a service run with its memory locked",
	.about = "Prints a drop-in for the service NAME, with the settings given here and in\n"
		 "RAMLOCK_ variables. No service is restarted.\n",
	.end = "Exit status: 0, 1 when something fails, 2 for a wrong command line.\n",
	.options = unit_options,
	.settings = true,
	.usage_status = CLI_USAGE,
	.operands = OPERANDS_UNIT,
	.main = unit_main,
};

struct unit {
	struct dropin dropin;
	const char *from, *root;
	bool install, json;
	char name[300], path[4096], library[LAUNCH_PATH];
};

/* Whether the manager, process 1, can raise a limit: it has none, or the capability to do it. */
static enum probe can_be_unlimited(const char *root)
{
	struct host host;

	host_read(&host, root, "1");
	if (!host.memlock.known)
		return PROBE_UNKNOWN;
	if (host.memlock.hard == UINT64_MAX)
		return PROBE_YES;
	if (host.capabilities == LIMITS_NONE)
		return PROBE_UNKNOWN;
	return host.capabilities >> CAP_SYS_RESOURCE & 1 ? PROBE_YES : PROBE_NO;
}

/* The words of the settings, as they stand in the environment after options and file. */
static void gather_settings(struct unit *u)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		char variable[64];
		const char *word;

		snprintf(variable, sizeof(variable), OPTIONS_PREFIX "%s", option_rows[i].name);
		word = getenv(variable);
		u->dropin.settings[i] = word && *word ? word : NULL;
	}
}

static int read_arguments(struct unit *u, struct cli_arguments *a)
{
	int option;

	while ((option = cli_next(a)) >= 0) {
		u->from = option == UNIT_FROM ? a->value : u->from;
		u->root = option == UNIT_ROOT ? a->value : u->root;
		u->install |= option == UNIT_INSTALL;
		u->json |= option == UNIT_JSON;
	}
	if (a->status >= 0)
		return a->status;
	if (*a->at == NULL || a->at[1]) {
		cli_error("unit: %s; see ramlock unit --help",
			  *a->at ? "one service at a time" : "no service given");
		return CLI_USAGE;
	}
	if (!service_name(*a->at, u->name, sizeof(u->name))) {
		cli_error("%s: not the name of a service", *a->at);
		return CLI_USAGE;
	}
	if (strcmp(u->root, "/") == 0)
		u->root = "";
	if (snprintf(u->path, sizeof(u->path), "%s/etc/systemd/system/%s.d/ramlock.conf", u->root,
		     u->name) >= (int)sizeof(u->path)) {
		cli_error("%s: the path is too long", u->root);
		return CLI_USAGE;
	}
	return -1;
}

static char *write_text(const struct unit *u)
{
	char *text = NULL;
	size_t size;
	FILE *to = cli_memstream(&text, &size);

	dropin_write(&u->dropin, to);
	if (fclose(to) != 0)
		cli_no_memory();
	return text;
}

static int print_json(const struct unit *u, const char *text)
{
	struct json j;

	json_start(&j, stdout);
	json_object(&j, NULL);
	json_string(&j, "unit", u->name);
	json_bool(&j, "unit_found", u->dropin.service.found);
	json_string(&j, "path", u->path);
	json_bool(&j, "installed", u->install);
	json_string(&j, "library", u->library);
	json_object(&j, "settings");
	for (int i = 0; i < OPTION_COUNT; i++)
		if (u->dropin.settings[i])
			json_string(&j, option_rows[i].name, u->dropin.settings[i]);
	json_close(&j);
	json_bool(&j, "ambient_capability", dropin_needs_capability(&u->dropin));
	json_string(&j, "text", text);
	json_close(&j);
	return json_end(&j);
}

/* With the remarks, which somebody should read before the service is started. */
static void print_written(const struct unit *u, const char *text)
{
	printf("Wrote %s\n\n", u->path);
	for (size_t length; *text; text += length) {
		length = strcspn(text, "\n") + 1;
		printf("  %.*s", (int)length, text);
	}
}

/* A template is started under the name of an instance. */
static void print_next(const struct unit *u)
{
	const char *at = strchr(u->name, '@');
	char name[320];

	if (at && at[1] == '.')
		snprintf(name, sizeof(name), "%.*sINSTANCE.service", (int)(at + 1 - u->name), u->name);
	else
		snprintf(name, sizeof(name), "%s", u->name);
	printf("\nTo use it:   systemctl daemon-reload && systemctl restart %s\n"
	       "To see it:   ramlock status\n"
	       "To undo it:  rm %s && systemctl daemon-reload && systemctl restart %s\n",
	       name, u->path, name);
}

static int finish(const struct unit *u)
{
	char *text = write_text(u);
	int error = u->install ? install_file(u->path, text) : 0;

	if (error == 0) {
		if (u->json) {
			error = print_json(u, text);
		} else if (u->install) {
			print_written(u, text);
			print_next(u);
		} else {
			fputs(text, stdout);
		}
		error = output_flush(stdout) != 0 ? -EIO : error;
	}
	free(text);
	return error ? CLI_FAILED : 0;
}

static int unit_main(int argc, char **argv)
{
	static struct unit u = {.root = ""};
	struct options *values = &u.dropin.values;
	struct cli_arguments a = cli_arguments(&unit_command, argv, values);
	int status;

	(void)argc;
	launch_settings(values);
	status = read_arguments(&u, &a);
	if (status >= 0)
		return status;
	if (u.from && suggested_read(u.from) != 0)
		return CLI_FAILED;
	launch_settings(values); /* with the profile that was asked for */
	if (launch_find_library(u.library) != 0)
		return CLI_FAILED;
	gather_settings(&u);
	u.dropin.name = u.name;
	u.dropin.path = u.path;
	u.dropin.library = u.library;
	u.dropin.unlimited = can_be_unlimited(u.root);
	service_find(&u.dropin.service, u.name, u.root);
	return finish(&u);
}
