/* SPDX-License-Identifier: MIT */
/* Looks for units in systemd's folders, as systemd.unit(5) lists them. */
#include "config.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/units.h"

#define HOPS_MAX 8 /* aliases of aliases */

static const char *const system_folders[] = {
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
	"/run/systemd/generator.early", "/etc/systemd/system", "/etc/systemd/system.attached",
	"/run/systemd/system", "/run/systemd/system.attached", "/run/systemd/generator",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
	"/run/systemd/generator.late",
};

/* "$NAME" is "systemd/user" below the folder that the variable names. */
static const char *const user_folders[] = {
	"$XDG_CONFIG_HOME", "/etc/systemd/user", "$XDG_RUNTIME_DIR",
	"/run/systemd/user", "$XDG_DATA_HOME",
	"/usr/local/share/systemd/user", "/usr/share/systemd/user", "/usr/local/lib/systemd/user",
	"/usr/lib/systemd/user",
};

void unit_names_free(struct unit_names *n)
{
	free(n->names);
	*n = (struct unit_names){0};
}

static void names_add(struct unit_names *n, const char *name)
{
	size_t at = 0;

	while (at < n->count && strcmp(n->names[at], name) < 0)
		at++;
	if (strlen(name) >= UNITS_NAME || (at < n->count && strcmp(n->names[at], name) == 0))
		return;
	if (n->count == n->room) {
		n->room = n->room ? 2 * n->room : 8;
		n->names = cli_alloc(n->names, n->room * sizeof(*n->names));
	}
	memmove(n->names + at + 1, n->names + at, (n->count++ - at) * sizeof(*n->names));
	strcpy(n->names[at], name);
}

/* Where a variable isn't set, its default is below $HOME; XDG_RUNTIME_DIR has none. */
static bool user_folder(const char *folder, char path[UNITS_PATH])
{
	static const struct {
		const char *variable, *below;
	} places[] = {
		{"XDG_CONFIG_HOME", "/.config"},
		{"XDG_RUNTIME_DIR", NULL},
		{"XDG_DATA_HOME", "/.local/share"},
	};
	const char *home = getenv("HOME");

	if (*folder != '$')
		return snprintf(path, UNITS_PATH, "%s", folder) < UNITS_PATH;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const size_t length = strlen(places[i].variable);
		const char *value = getenv(places[i].variable);

		if (strncmp(folder + 1, places[i].variable, length) != 0)
			continue;
		if (value && *value == '/')
			return snprintf(path, UNITS_PATH, "%s/systemd/user", value) < UNITS_PATH;
		return places[i].below && home && *home == '/' &&
		       snprintf(path, UNITS_PATH, "%s%s/systemd/user", home, places[i].below) < UNITS_PATH;
	}
	return false;
}

bool units_folder(const struct units *u, size_t index, char path[UNITS_PATH])
{
	*path = '\0';
	if (u->user) {
		if (index >= sizeof(user_folders) / sizeof(*user_folders))
			return false;
		if (!user_folder(user_folders[index], path))
			*path = '\0'; /* which has no units */
		return true;
	}
	if (index >= sizeof(system_folders) / sizeof(*system_folders))
		return false;
	snprintf(path, UNITS_PATH, "%s%s", u->root, system_folders[index]);
	return true;
}

bool units_own_folder(const struct units *u, char path[UNITS_PATH])
{
	if (u->user)
		return user_folder(user_folders[0], path);
	return snprintf(path, UNITS_PATH, "%s/etc/systemd/system", u->root) < UNITS_PATH;
}

bool units_template(const char *name, char template[UNITS_NAME])
{
	const char *at = strchr(name, '@');

	if (at == NULL || at[1] == '.')
		return false;
	snprintf(template, UNITS_NAME, "%.*s.service", (int)(at + 1 - name), name);
	return true;
}

static bool find_file(const struct units *u, const char *name, char path[UNITS_PATH])
{
	char folder[UNITS_PATH];
	struct stat status;

	for (size_t i = 0; units_folder(u, i, folder); i++)
		if (*folder && snprintf(path, UNITS_PATH, "%s/%s", folder, name) < UNITS_PATH &&
		    lstat(path, &status) == 0)
			return true;
	return false;
}

/* An alias of a template is one of each of its instances. */
static void rename_unit(char name[UNITS_NAME], const char *target)
{
	const char *at = strchr(name, '@'), *end = strstr(target, "@.service");
	char made[UNITS_PATH];

	if (at && at[1] != '.' && end)
		snprintf(made, sizeof(made), "%.*s%s", (int)(end - target), target, at);
	else
		snprintf(made, sizeof(made), "%s", target);
	snprintf(name, UNITS_NAME, "%.*s", UNITS_NAME - 1, made);
}

/* Follows a link: to another unit's file, which makes it an alias, or to a file from elsewhere. */
static bool follow(const struct units *u, char name[UNITS_NAME], char path[UNITS_PATH], bool *alias)
{
	char target[UNITS_PATH / 2], folder[UNITS_PATH];
	const ssize_t length = readlink(path, target, sizeof(target) - 1);
	const char *slash, *base, *own = strrchr(path, '/') + 1;

	*alias = false;
	if (length <= 0)
		return false;
	target[length] = '\0';
	slash = strrchr(target, '/');
	base = slash ? slash + 1 : target;
	if (strcmp(target, "/dev/null") == 0)
		return false;
	if (strcmp(base, own) != 0 && (slash == NULL || strstr(target, "/systemd/"))) {
		rename_unit(name, base);
		*alias = true;
		return true;
	}
	snprintf(folder, sizeof(folder), "%.*s", (int)(own - path), path);
	return snprintf(path, UNITS_PATH, "%s%s", *target == '/' ? u->root : folder, target) < UNITS_PATH;
}

bool units_resolve(const struct units *u, char name[UNITS_NAME], char path[UNITS_PATH])
{
	char template[UNITS_NAME];
	bool alias = true;

	for (int hops = 0; hops < HOPS_MAX; hops++) {
		if (alias && !find_file(u, name, path) &&
		    !(units_template(name, template) && find_file(u, template, path)))
			return false;
		if (!follow(u, name, path, &alias))
			return true;
	}
	return false;
}

bool units_is_masked(const char *path)
{
	char target[16] = "";
	struct stat status;

	return (readlink(path, target, sizeof(target) - 1) > 0 && strcmp(target, "/dev/null") == 0) ||
	       (stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0);
}

/* Adds the names that a pattern finds, of which the part before the last slash doesn't count. */
static void add_found(struct unit_names *found, const char *pattern)
{
	glob_t paths;

	if (glob(pattern, 0, NULL, &paths) != 0)
		return;
	for (size_t i = 0; i < paths.gl_pathc; i++)
		names_add(found, strrchr(paths.gl_pathv[i], '/') + 1);
	globfree(&paths);
}

/* For a pattern a backslash, as in a name's "\x2d", stands for itself. */
static void quote_pattern(const char *name, size_t length, char *to, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length && used + 3 < size; i++) {
		if (strchr("\\*?[", name[i]))
			to[used++] = '\\';
		to[used++] = name[i];
	}
	to[used] = '\0';
}

/* The instances for which a path with %I or %i in it exists: /etc/postgresql/%I/postgresql.conf is for
 * 15-main /etc/postgresql/15/main/postgresql.conf. */
static void add_by_path(const struct units *u, const char *stem, const char *path,
			struct unit_names *found)
{
	static const char *const depths[] = {"*", "*/*"};
	const char *mark = strstr(path, "%I") ? strstr(path, "%I") : strstr(path, "%i");
	const size_t before = mark ? (size_t)(mark - path) : 0;
	const size_t start = strlen(u->root) + before;

	for (size_t d = 0; mark && d < (mark[1] == 'I' ? 2 : 1); d++) {
		char pattern[UNITS_PATH], instance[UNITS_NAME], name[3 * UNITS_NAME];
		glob_t paths;

		snprintf(pattern, sizeof(pattern), "%s%.*s%s%s", u->root, (int)before, path, depths[d],
			 mark + 2);
		if (strchr(mark + 2, '%') || glob(pattern, 0, NULL, &paths) != 0)
			continue;
		for (size_t i = 0; i < paths.gl_pathc; i++) {
			const size_t length = strlen(paths.gl_pathv[i]) - start - strlen(mark + 2);

			snprintf(instance, sizeof(instance), "%.*s", (int)length, paths.gl_pathv[i] + start);
			if (strchr(instance, '-')) /* is escaped in the name, which nobody types */
				continue;
			for (char *at = instance; (at = strchr(at, '/')) != NULL;)
				*at = '-';
			snprintf(name, sizeof(name), "%s@%s.service", stem, instance);
			names_add(found, name);
		}
		globfree(&paths);
	}
}

static void add_by_condition(const struct units *u, const char *stem, struct unit_names *found)
{
	char name[UNITS_NAME + 16], path[UNITS_PATH], line[UNITS_PATH];
	FILE *from;

	snprintf(name, sizeof(name), "%s@.service", stem);
	if (strlen(name) >= UNITS_NAME || !units_resolve(u, name, path))
		return;
	from = fopen(path, "re");
	while (from && fgets(line, sizeof(line), from)) {
		char *value = strstr(line, "PathExists=");

		if (value == NULL || (strncmp(line, "Assert", 6) != 0 && strncmp(line, "Condition", 9) != 0))
			continue;
		value += strlen("PathExists=");
		value[strcspn(value, "\r\n")] = '\0';
		if (*value == '/')
			add_by_path(u, stem, value, found);
	}
	if (from)
		fclose(from);
}

void units_instances(const struct units *u, const char *name, struct unit_names *found)
{
	char folder[UNITS_PATH], pattern[2 * UNITS_PATH], quoted[2 * UNITS_NAME], stem[UNITS_NAME];
	size_t length = strcspn(name, "@");

	if (name[length] == '\0')
		length -= strlen(".service");
	snprintf(stem, sizeof(stem), "%.*s", (int)length, name);
	quote_pattern(name, length, quoted, sizeof(quoted));
	for (size_t i = 0; units_folder(u, i, folder); i++) {
		snprintf(pattern, sizeof(pattern), "%s/*.wants/%s@?*.service", folder, quoted);
		add_found(found, pattern);
		snprintf(pattern, sizeof(pattern), "%s/*.requires/%s@?*.service", folder, quoted);
		add_found(found, pattern);
		snprintf(pattern, sizeof(pattern), "%s/%s@?*.service", folder, quoted);
		add_found(found, pattern);
	}
	add_by_condition(u, stem, found);
	for (size_t i = 0; i < found->count;) {
		if (strstr(found->names[i], "@.service") == NULL) {
			i++;
			continue;
		}
		memmove(found->names + i, found->names + i + 1, (--found->count - i) * sizeof(*found->names));
	}
}

void units_near(const struct units *u, const char *name, struct unit_names *found)
{
	char folder[UNITS_PATH], pattern[2 * UNITS_PATH], quoted[2 * UNITS_NAME];

	quote_pattern(name, strcspn(name, "@") < strlen(name) ? strcspn(name, "@")
							       : strlen(name) - strlen(".service"),
		      quoted, sizeof(quoted));
	for (size_t i = 0; units_folder(u, i, folder); i++) {
		snprintf(pattern, sizeof(pattern), "%s/*%s*.service", folder, quoted);
		add_found(found, pattern);
	}
}
