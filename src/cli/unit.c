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
#include "cli/target.h"
#include "cli/units.h"
#include "cli/words.h"

enum { UNIT_FROM, UNIT_INSTALL, UNIT_REMOVE, UNIT_USER, UNIT_ROOT, UNIT_JSON };

static const struct cli_option unit_options[] = {
	[UNIT_FROM] = {"from", "FILE", "settings that ramlock measure --json suggested"},
	[UNIT_INSTALL] = {"install", NULL, "write the file to its place"},
	[UNIT_REMOVE] = {"remove", NULL, "remove the file that --install wrote"},
	[UNIT_USER] = {"user", NULL, "of your own services, systemctl --user"},
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
	struct units units;
	const char *from;
	bool install, remove, json;
	char root[UNITS_PATH / 2], asked[UNITS_NAME], path[UNITS_PATH], library[LAUNCH_PATH];
	char obstacle[LAUNCH_PATH + 128];
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

/* A slip in its name must not become a folder. */
static int read_root(struct unit *u, const char *root)
{
	char *path = realpath(root, NULL);
	struct stat status;
	int result = -1;

	if (path == NULL || stat(path, &status) != 0 || (!S_ISDIR(status.st_mode) && (errno = ENOTDIR))) {
		cli_error("--root=%s: %s", root, strerror(errno));
		result = CLI_FAILED;
	} else if (strlen(path) >= sizeof(u->root)) {
		cli_error("%s: the path is too long", root);
		result = CLI_USAGE;
	} else {
		snprintf(u->root, sizeof(u->root), "%s", strcmp(path, "/") == 0 ? "" : path);
	}
	free(path);
	return result;
}

static int read_arguments(struct unit *u, struct cli_arguments *a)
{
	const char *root = NULL;
	int option;

	while ((option = cli_next(a)) >= 0) {
		u->from = option == UNIT_FROM ? a->value : u->from;
		root = option == UNIT_ROOT ? a->value : root;
		u->install |= option == UNIT_INSTALL;
		u->remove |= option == UNIT_REMOVE;
		u->units.user |= option == UNIT_USER;
		u->json |= option == UNIT_JSON;
	}
	if (a->status >= 0)
		return a->status;
	if (*a->at == NULL || a->at[1])
		cli_error("unit: %s; see ramlock unit --help",
			  *a->at ? "one service at a time" : "no service given");
	else if (u->install && u->remove)
		cli_error("unit: --install or --remove; see ramlock unit --help");
	else if (root && u->units.user)
		cli_error("unit: --user or --root; see ramlock unit --help");
	else if (!service_name(*a->at, u->asked, sizeof(u->asked)))
		cli_error("%s: not the name of a service", *a->at);
	else
		return root ? read_root(u, root) : -1;
	return CLI_USAGE;
}

/* Where the drop-in of a unit is. */
static int find_path(struct unit *u, const char *name)
{
	char folder[UNITS_PATH];

	if (!units_own_folder(&u->units, folder)) {
		cli_error("HOME: not set, and your services are below it");
		return CLI_FAILED;
	}
	if (snprintf(u->path, sizeof(u->path), "%s/%s.d/" SERVICE_OURS, folder, name) >=
	    (int)sizeof(u->path)) {
		cli_error("%s: the path is too long", folder);
		return CLI_USAGE;
	}
	return -1;
}

/* "a.service, b.service or c.service"; what does not fit is left out. */
static const char *list_names(const struct unit_names *n, const char *last, char *to, size_t size)
{
	size_t used = 0;

	*to = '\0';
	for (size_t i = 0; i < n->count && used + UNITS_NAME + 8 < size; i++)
		used += (size_t)snprintf(to + used, size - used, "%s%s",
					 i == 0 ? "" : i + 1 == n->count ? last : ", ", n->names[i]);
	return to;
}

/* What there is in place of a unit that is not there; of many only some. */
static void tell_missing(const struct unit *u)
{
	struct units other = {.root = "", .user = !u->units.user};
	struct unit_names near = {.count = 0};
	char list[1024], path[UNITS_PATH], name[UNITS_NAME];

	strcpy(name, u->asked);
	units_near(&u->units, u->asked, &near);
	if (near.count)
		cli_error("%s: no such unit; there is %s", u->asked,
			  list_names(&near, " and ", list, sizeof(list)));
	else if (*u->root == '\0' && units_resolve(&other, name, path))
		cli_error("%s: no such unit; there is one of %s", u->asked,
			  other.user ? "your own, of --user" : "the system's, without --user");
	else
		cli_error("%s: no such unit%s%s", u->asked, *u->root ? " below " : "", u->root);
	unit_names_free(&near);
}

/* A unit that stands for others, as Debian's postgresql.service does: they are what has to be locked. */
static void tell_nothing(const struct unit *u)
{
	const struct service *s = &u->dropin.service;
	struct unit_names instances = {.count = 0};
	char list[1024], name[UNITS_NAME + 8], path[UNITS_PATH];

	units_instances(&u->units, s->name, &instances);
	snprintf(name, sizeof(name), "%.*s@.service", (int)(strlen(s->name) - strlen(".service")), s->name);
	if (instances.count)
		cli_error("%s: runs %s alone, of which nothing could be locked; the programs are those of %s",
			  s->name, s->programs[0], list_names(&instances, " and ", list, sizeof(list)));
	else if (strlen(name) < UNITS_NAME && units_resolve(&u->units, name, path))
		cli_error("%s: runs %s alone, of which nothing could be locked; the programs are those of %s",
			  s->name, s->programs[0], name);
	else
		cli_error("%s: runs %s alone, of which nothing could be locked", s->name, s->programs[0]);
	unit_names_free(&instances);
}

static int check_unit(const struct unit *u)
{
	const struct service *s = &u->dropin.service;

	if (!s->found)
		tell_missing(u);
	else if (s->masked)
		cli_error("%s: is masked, so that systemd doesn't start it; systemctl %sunmask %s", s->name,
			  u->units.user ? "--user " : "", s->name);
	else if (service_does_nothing(s))
		tell_nothing(u);
	else
		return -1;
	return CLI_FAILED;
}

/* Whether ld.so takes a library into the service's program. Those of another root aren't looked at. */
static void look_at_program(struct unit *u)
{
	const struct service *s = &u->dropin.service;
	char file[LAUNCH_PATH], blamed[LAUNCH_PATH], detail[LAUNCH_PATH];
	enum target_obstacle obstacle;

	if (*u->root || *s->root || s->program_count != 1 ||
	    target_find(s->programs[0], file, sizeof(file)) != 0)
		return;
	obstacle = target_look(file, u->library, blamed, detail, sizeof(detail));
	if (obstacle == TARGET_FINE || obstacle == TARGET_UNKNOWN ||
	    (obstacle == TARGET_PRIVILEGED && service_is_root(s))) /* who has root's rights gets none */
		return;
	snprintf(u->obstacle, sizeof(u->obstacle), "%s %s", blamed, target_texts[obstacle]);
	u->dropin.obstacle = u->obstacle;
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
	json_string(&j, "unit", u->dropin.service.name);
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

/* A template is started under the names of its instances. */
static void print_restart(const struct unit *u)
{
	const struct service *s = &u->dropin.service;
	const char *at = strchr(s->name, '@'), *user = u->units.user ? "--user " : "";
	struct unit_names instances = {.count = 0};
	char name[2 * UNITS_NAME];

	printf("systemctl %sdaemon-reload && systemctl %srestart", user, user);
	if (at && at[1] == '.') {
		units_instances(&u->units, s->name, &instances);
		for (size_t i = 0; i < instances.count; i++) {
			putchar(' ');
			words_shell(instances.names[i], stdout);
		}
		snprintf(name, sizeof(name), "%.*sINSTANCE.service", (int)(at + 1 - s->name), s->name);
	} else {
		snprintf(name, sizeof(name), "%s", s->name);
	}
	if (instances.count == 0) {
		putchar(' ');
		words_shell(name, stdout);
	}
	putchar('\n');
	unit_names_free(&instances);
}

static void print_next(const struct unit *u)
{
	fputs("\nTo use it:   ", stdout);
	if (*u->root)
		puts("start the system in that folder");
	else
		print_restart(u);
	fputs("To see it:   ramlock status\nTo undo it:  ramlock unit ", stdout);
	fputs(u->units.user ? "--user " : "", stdout);
	if (*u->root) {
		fputs("--root=", stdout);
		words_shell(u->root, stdout);
		putchar(' ');
	}
	fputs("--remove ", stdout);
	words_shell(u->dropin.service.name, stdout);
	putchar('\n');
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

/* Of a unit that is no more as well. It may have been installed under an alias's name. */
static int remove_dropin(struct unit *u)
{
	const char *names[] = {u->dropin.service.name, u->asked};
	struct json j;
	int removed = 0;

	for (int i = 1; i >= 0; i--) {
		int status = find_path(u, names[i]), one;

		if (status >= 0)
			return status;
		one = i == 0 || strcmp(names[0], names[1]) != 0 ? install_remove(u->path) : 0;
		if (one < 0)
			return CLI_FAILED;
		removed += one;
		if (one && !u->json)
			printf("Removed %s\n", u->path);
	}
	if (removed == 0 && !u->dropin.service.found) {
		tell_missing(u);
		return CLI_FAILED;
	}
	if (u->json) {
		json_start(&j, stdout);
		json_object(&j, NULL);
		json_string(&j, "unit", u->dropin.service.name);
		json_string(&j, "path", u->path);
		json_bool(&j, "removed", removed > 0);
		json_close(&j);
		return json_end(&j) || output_flush(stdout) != 0 ? CLI_FAILED : 0;
	}
	if (removed == 0) {
		printf("Nothing to remove: there is no %s\n", u->path);
	} else if (*u->root == '\0') {
		fputs("\nTo be without it:  ", stdout);
		print_restart(u);
	}
	return output_flush(stdout) != 0 ? CLI_FAILED : 0;
}

static int write_dropin(struct unit *u)
{
	int status = check_unit(u);

	if (status >= 0)
		return status;
	status = find_path(u, u->dropin.service.name);
	if (status >= 0)
		return status;
	if (launch_find_library(u->library) != 0)
		return CLI_FAILED;
	gather_settings(u);
	u->dropin.name = u->dropin.service.name;
	u->dropin.path = u->path;
	u->dropin.library = u->library;
	u->dropin.user = u->units.user;
	u->dropin.unlimited = can_be_unlimited(u->root);
	look_at_program(u);
	return finish(u);
}

static int unit_main(int argc, char **argv)
{
	static struct unit u;
	struct options *values = &u.dropin.values;
	struct cli_arguments a = cli_arguments(&unit_command, argv, values);
	int status;

	(void)argc;
	launch_settings(values);
	status = read_arguments(&u, &a);
	if (status >= 0)
		return status;
	u.units.root = u.root;
	if (u.from && suggested_read(u.from) != 0)
		return CLI_FAILED;
	launch_settings(values); /* with the profile that was asked for */
	service_find(&u.dropin.service, u.asked, &u.units);
	return u.remove ? remove_dropin(&u) : write_dropin(&u);
}
