/* SPDX-License-Identifier: MIT */
/* Parses systemd units as far as memory locks depend on them. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/service.h"
#include "common/options.h"

#define LINE_SIZE 4096

/* The characters of systemd.unit(5), less the slash. */
bool service_name(const char *word, char *name, size_t size)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:-_.\\@";
	const char *dot = strrchr(word, '.');
	static const char *const others[] = {".socket", ".timer", ".target", ".mount", ".path",
					     ".slice",	".scope", ".device", ".swap", ".automount"};
	const bool whole = dot && strcmp(dot, ".service") == 0;

	for (size_t i = 0; dot && i < sizeof(others) / sizeof(*others); i++)
		if (strcmp(dot, others[i]) == 0)
			return false;
	if (*word == '\0' || *word == '.' || *word == '@' || *word == '-' ||
	    word[strspn(word, allowed)] != '\0')
		return false;
	return snprintf(name, size, "%s%s", word, whole ? "" : ".service") < (int)size &&
	       strlen(name) < 256;
}

static bool is_true(const char *value)
{
	return strcasecmp(value, "yes") == 0 || strcasecmp(value, "true") == 0 ||
	       strcasecmp(value, "on") == 0 || strcasecmp(value, "y") == 0 ||
	       strcasecmp(value, "t") == 0 || strcmp(value, "1") == 0;
}

/* A list that goes on with each line; an empty one begins it anew. "~" is for all of a line. */
static void append(char *to, size_t size, const char *value)
{
	size_t used = *value ? strlen(to) : 0;
	const bool out = *value == '~';

	to[used] = '\0';
	value += out;
	for (value += strspn(value, " \t"); *value && used + 2 < size; value += strspn(value, " \t")) {
		const size_t length = strcspn(value, " \t");

		snprintf(to + used, size - used, "%s%s%.*s", used ? " " : "", out ? "~" : "",
			 (int)length, value);
		used = strlen(to);
		value += length;
	}
}

static bool has(const char *list, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = list; *at; at += strspn(at, " ")) {
		if (strncmp(at, word, length) == 0 && (at[length] == ' ' || at[length] == '\0'))
			return true;
		at += strcspn(at, " ");
	}
	return false;
}

/* Whether a word of a filter, "@memlock" or "mlock:EPERM", is about locking. */
static bool is_about_locks(const char *word, size_t length)
{
	static const char *const words[] = {"@memlock", "@system-service", "@known",
					    "mlock",	"mlock2",	   "mlockall"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i]) == length && strncmp(word, words[i], length) == 0)
			return true;
	return false;
}

/* systemd.exec(5): the first word tells whether the list is of what is let through or of what is not;
 * those that follow add to it and take from it. */
bool service_may_lock(const struct service *s)
{
	bool may = *s->filter == '\0' || *s->filter == '~';

	for (const char *at = s->filter; *at; at += strspn(at, " ")) {
		const bool out = *at == '~';
		const char *word = at + out;

		at += strcspn(at, " ");
		if (is_about_locks(word, strcspn(word, " :")))
			may = !out;
	}
	return may;
}

bool service_may_be_capable(const struct service *s)
{
	if (!s->bounded)
		return true;
	return *s->bounding == '~' ? !has(s->bounding, "~CAP_IPC_LOCK")
				   : has(s->bounding, "CAP_IPC_LOCK");
}

bool service_is_capable(const struct service *s)
{
	return has(s->ambient, "CAP_IPC_LOCK") ||
	       (*s->ambient == '~' && !has(s->ambient, "~CAP_IPC_LOCK"));
}

bool service_unsets_preload(const struct service *s)
{
	return has(s->unset, "LD_PRELOAD");
}

bool service_does_nothing(const struct service *s)
{
	for (size_t i = 0; i < s->program_count && i < SERVICE_PROGRAMS_MAX; i++) {
		const char *slash = strrchr(s->programs[i], '/');

		if (strcmp(slash ? slash + 1 : s->programs[i], "true") != 0)
			return false;
	}
	return s->program_count && s->program_count <= SERVICE_PROGRAMS_MAX;
}

/* How much of a path the longest folder of a list covers. */
static size_t covered(const char *list, const char *path)
{
	size_t most = 0;

	for (const char *at = list; *at; at += strspn(at, " ")) {
		const char *folder = at + strspn(at, "-+");
		size_t length = strcspn(folder, " :"); /* "/var:ro" of TemporaryFileSystem= */

		at = folder + strcspn(folder, " ");
		while (length > 1 && folder[length - 1] == '/')
			length--;
		if (strncmp(path, folder, length) == 0 && length > most &&
		    (length == 1 || path[length] == '/' || path[length] == '\0'))
			most = length;
	}
	return most;
}

#define HOMES "/home /root /run/user"

const char *service_hides(const struct service *s, const char *path)
{
	if ((is_true(s->protect_home) || strcmp(s->protect_home, "tmpfs") == 0) && covered(HOMES, path))
		return "ProtectHome=";
	if ((s->private_tmp || s->dynamic_user) && covered("/tmp /var/tmp", path))
		return "PrivateTmp=";
	return covered(s->hidden, path) ? "InaccessiblePaths= or TemporaryFileSystem=" : NULL;
}

/* What dynamic users have is in systemd.exec(5). */
const char *service_bars(const struct service *s, const char *path)
{
	const char *system = *s->protect_system ? s->protect_system : s->dynamic_user ? "strict" : "";
	const char *home = *s->protect_home ? s->protect_home : s->dynamic_user ? "read-only" : "";
	const size_t writable = covered(s->writable, path);

	if (covered(s->read_only, path) > writable)
		return "ReadOnlyPaths=";
	if (writable)
		return NULL;
	if ((is_true(home) || strcmp(home, "read-only") == 0 || strcmp(home, "tmpfs") == 0) &&
	    covered(HOMES, path))
		return "ProtectHome=";
	if ((strcmp(system, "strict") == 0 && !covered("/dev /proc /sys /tmp /var/tmp", path)) ||
	    (strcmp(system, "full") == 0 && covered("/usr /boot /efi /etc", path)) ||
	    (is_true(system) && covered("/usr /boot /efi", path)))
		return "ProtectSystem=";
	return NULL;
}

bool service_can_execute(const struct service *s, const char *path)
{
	return covered(s->no_exec, path) <= covered(s->exec, path);
}

/* Takes the next word of a line off it, as systemd.syntax(7) has quotes and backslashes; NULL behind
 * the last. */
static const char *next_word(const char *at, char *word, size_t size)
{
	char quote = '\0';
	size_t used = 0;

	at += strspn(at, " \t");
	if (*at == '\0')
		return NULL;
	for (; *at && (quote || strchr(" \t", *at) == NULL); at++) {
		char c = *at;

		if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? '\0' : c;
			continue;
		}
		if (c == '\\' && at[1])
			c = *++at;
		if (used + 1 < size)
			word[used++] = c;
	}
	word[used] = '\0';
	return at;
}

static void set_word(struct service_word *word, const char *text, const char *later)
{
	snprintf(word->text, sizeof(word->text), "%.*s", (int)sizeof(word->text) - 1, text);
	snprintf(word->later, sizeof(word->later), "%.*s", (int)sizeof(word->later) - 1, later);
}

static void find_preload(struct service *s, const char *value, const char *later)
{
	static const char name[] = "LD_PRELOAD=";
	char word[1024];

	if (*value == '\0')
		set_word(&s->preload, "", "");
	while ((value = next_word(value, word, sizeof(word))) != NULL)
		if (strncmp(word, name, strlen(name)) == 0)
			set_word(&s->preload, word + strlen(name), later);
}

/* The program behind ExecStart='s prefixes, systemd.service(5); '+' and '!' run it with all rights. */
static void add_program(struct service *s, const char *value)
{
	const size_t prefixes = strspn(value, "@-:+!|");
	char *to = s->programs[s->program_count < SERVICE_PROGRAMS_MAX ? s->program_count : 0];

	if (*value == '\0') {
		s->program_count = 0;
		s->all_rights = false;
		return;
	}
	for (size_t i = 0; i < prefixes; i++)
		s->all_rights |= value[i] == '+' || value[i] == '!';
	if (s->program_count++ < SERVICE_PROGRAMS_MAX &&
	    next_word(value + prefixes, to, sizeof(*s->programs)) == NULL)
		*to = '\0';
}

static void add_helper(struct service *s, const char *key, const char *value)
{
	static const char *const keys[] = {"ExecCondition", "ExecStartPre", "ExecStartPost",
					   "ExecReload",    "ExecStop",	    "ExecStopPost"};

	for (unsigned i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (strcmp(key, keys[i]) == 0)
			s->helpers = *value ? s->helpers | 1u << i : s->helpers & ~(1u << i);
}

/* "RuntimeDirectory=a b:c" gives /run/a and /run/b to be written. */
static void add_folders(struct service *s, const char *key, const char *value)
{
	static const struct {
		const char *key, *folder;
	} kinds[] = {
		{"RuntimeDirectory", "/run"},	  {"StateDirectory", "/var/lib"},
		{"LogsDirectory", "/var/log"},	  {"CacheDirectory", "/var/cache"},
		{"ConfigurationDirectory", "/etc"},
	};
	char word[256], path[300];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(key, kinds[i].key) != 0)
			continue;
		while ((value = next_word(value, word, sizeof(word))) != NULL) {
			word[strcspn(word, ":")] = '\0';
			snprintf(path, sizeof(path), "%s/%s", kinds[i].folder, word);
			append(s->writable, sizeof(s->writable), path);
		}
		return;
	}
}

/* later is the path of a drop-in behind ours, "" for what ours beats. */
static void set(struct service *s, const char *key, const char *value, const char *later)
{
	static const struct {
		const char *key;
		size_t at, size;
		bool list;
	} texts[] = {
#define TEXT(key, field, list) {key, offsetof(struct service, field), sizeof(((struct service *)0)->field), list}
		TEXT("User", user, false),
		TEXT("ProtectHome", protect_home, false),
		TEXT("ProtectSystem", protect_system, false),
		TEXT("MemoryMax", memory_max, false),
		TEXT("MemoryLimit", memory_max, false),
		TEXT("MemoryHigh", memory_high, false),
		TEXT("LimitAS", limit_as, false),
		TEXT("LimitDATA", limit_data, false),
		TEXT("RootDirectory", root, false),
		TEXT("RootImage", root, false),
		TEXT("SystemCallFilter", filter, true),
		TEXT("CapabilityBoundingSet", bounding, true),
		TEXT("AmbientCapabilities", ambient, true),
		TEXT("NoExecPaths", no_exec, true),
		TEXT("ExecPaths", exec, true),
		TEXT("InaccessiblePaths", hidden, true),
		TEXT("InaccessibleDirectories", hidden, true),
		TEXT("TemporaryFileSystem", hidden, true),
		TEXT("ReadWritePaths", writable, true),
		TEXT("ReadWriteDirectories", writable, true),
		TEXT("ReadOnlyPaths", read_only, true),
		TEXT("ReadOnlyDirectories", read_only, true),
		TEXT("UnsetEnvironment", unset, true),
		TEXT("EnvironmentFile", files, true),
#undef TEXT
	};
	static const struct {
		const char *key;
		size_t at;
	} switches[] = {
		{"DynamicUser", offsetof(struct service, dynamic_user)},
		{"PrivateUsers", offsetof(struct service, private_users)},
		{"PrivateTmp", offsetof(struct service, private_tmp)},
		{"RestrictRealtime", offsetof(struct service, restrict_realtime)},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char *to = (char *)s + texts[i].at;

		if (strcmp(key, texts[i].key) != 0)
			continue;
		if (texts[i].list)
			append(to, texts[i].size, value);
		else
			snprintf(to, texts[i].size, "%s", value);
	}
	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++)
		if (strcmp(key, switches[i].key) == 0)
			*(bool *)((char *)s + switches[i].at) = is_true(value);
	s->bounded |= strcmp(key, "CapabilityBoundingSet") == 0;
	if (strcmp(key, "LimitMEMLOCK") == 0)
		set_word(&s->memlock, value, later);
	if (strcmp(key, "Environment") == 0)
		find_preload(s, value, later);
	if (strcmp(key, "ExecStart") == 0)
		add_program(s, value);
	add_helper(s, key, value);
	add_folders(s, key, value);
}

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && strchr(" \t\r", end[-1]))
		*--end = '\0';
	return text + strspn(text, " \t");
}

struct reader {
	struct service *service;
	bool in_service;
	char later[256]; /* the file that is read, where it comes behind ours */
};

/* One logical line. */
static void read_line(struct reader *r, char *line)
{
	char *value;

	line = trim(line);
	if (*line == '[') {
		r->in_service = strcmp(line, "[Service]") == 0;
		return;
	}
	value = strchr(line, '=');
	if (!r->in_service || value == NULL || *line == '#' || *line == ';')
		return;
	*value++ = '\0';
	set(r->service, trim(line), trim(value), r->later);
}

/* Drop-ins are read in the order of their names, whatever folder they are in. */
static void read_comment(struct reader *r, const char *line, size_t length)
{
	char path[256];
	const char *slash;

	if (length >= sizeof(path) || strncmp(line, "# /", 3) != 0)
		return;
	snprintf(path, sizeof(path), "%.*s", (int)length - 2, line + 2);
	slash = strrchr(path, '/');
	if (strstr(path, "service.d/") == NULL || strcmp(path + strlen(path) - 5, ".conf") != 0)
		return;
	snprintf(r->later, sizeof(r->later), "%s",
		 strcmp(slash + 1, SERVICE_OURS) > 0 ? path : "");
}

void service_parse(struct service *s, const char *text)
{
	struct reader r = {.service = s};
	char line[LINE_SIZE];
	size_t used = 0;

	while (*text) {
		size_t length = strcspn(text, "\n");
		const char *start = text + strspn(text, " \t");
		const bool comment = *start == '#' || *start == ';';
		const bool more = !comment && length && text[length - 1] == '\\';

		if (comment)
			read_comment(&r, text, length);
		else /* a comment may stand among continued lines */
			used += (size_t)snprintf(line + used, sizeof(line) - used, "%.*s%s",
						 (int)(length - more), text, more ? " " : "");
		if (used >= sizeof(line))
			used = sizeof(line) - 1; /* cut: nothing that matters is so long */
		text += length + (text[length] == '\n');
		if (more || comment)
			continue;
		read_line(&r, line);
		used = 0;
	}
}

void service_parse_variables(struct service *s, const char *path, const char *text)
{
	for (; *text; text += strspn(text, "\n")) {
		const size_t length = strcspn(text, "\n");
		char line[1024], value[512] = "", *equals;

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		text += length;
		equals = strchr(trim(line), '=');
		if (equals == NULL)
			continue;
		*equals = '\0';
		next_word(equals + 1, value, sizeof(value));
		if (strcmp(trim(line), "LD_PRELOAD") == 0)
			set_word(&s->file_preload, value, path);
		else if (strncmp(trim(line), OPTIONS_PREFIX, strlen(OPTIONS_PREFIX)) == 0)
			set_word(&s->file_setting, trim(line), path);
	}
}

bool service_is_root(const struct service *s)
{
	return s->all_rights || (!s->dynamic_user && (*s->user == '\0' || strcmp(s->user, "root") == 0 ||
				    strcmp(s->user, "0") == 0));
}
