/* SPDX-License-Identifier: MIT */
/* Parses systemd units as far as memory locks depend on them. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/service.h"

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

bool service_may_lock(const struct service *s)
{
	if (has(s->filter, "~@memlock") || has(s->filter, "~mlock") || has(s->filter, "~mlockall"))
		return false;
	return *s->filter == '\0' || *s->filter == '~' || has(s->filter, "@memlock") ||
	       has(s->filter, "@system-service") || has(s->filter, "mlockall");
}

bool service_may_be_capable(const struct service *s)
{
	if (!s->bounded)
		return true;
	return *s->bounding == '~' ? !has(s->bounding, "~CAP_IPC_LOCK")
				   : has(s->bounding, "CAP_IPC_LOCK");
}

/* How much of a path the longest folder of a list covers. */
static size_t covered(const char *list, const char *path)
{
	size_t most = 0;

	for (const char *at = list; *at; at += strspn(at, " ")) {
		const char *folder = at + strspn(at, "-+");
		size_t length = strcspn(folder, " ");

		at = folder + length;
		while (length > 1 && folder[length - 1] == '/')
			length--;
		if (strncmp(path, folder, length) == 0 && length > most &&
		    (length == 1 || path[length] == '/' || path[length] == '\0'))
			most = length;
	}
	return most;
}

bool service_can_see(const struct service *s, const char *path)
{
	return !s->protect_home || !covered("/home /root /run/user", path);
}

bool service_can_execute(const struct service *s, const char *path)
{
	return covered(s->no_exec, path) <= covered(s->exec, path);
}

/* What stands behind LD_PRELOAD= in an assignment; quotes as in systemd.syntax(7), escapes aside. */
static void find_preload(struct service *s, const char *value)
{
	const char *at = strstr(value, "LD_PRELOAD=");
	char quote, end[] = " \t";

	if (*value == '\0')
		*s->preload = '\0';
	if (at == NULL || (at > value && strchr(" \t\"'", at[-1]) == NULL))
		return;
	quote = at > value && strchr("\"'", at[-1]) ? at[-1] : '\0';
	if (quote)
		snprintf(end, sizeof(end), "%c", quote);
	at += strlen("LD_PRELOAD=");
	snprintf(s->preload, sizeof(s->preload), "%.*s", (int)strcspn(at, end), at);
}

static void set(struct service *s, const char *key, const char *value)
{
	static const struct {
		const char *key;
		size_t at, size;
		bool list;
	} texts[] = {
#define TEXT(key, field, list) {key, offsetof(struct service, field), sizeof(((struct service *)0)->field), list}
		TEXT("User", user, false),
		TEXT("MemoryMax", memory_max, false),
		TEXT("MemoryLimit", memory_max, false),
		TEXT("RootDirectory", root, false),
		TEXT("RootImage", root, false),
		TEXT("SystemCallFilter", filter, true),
		TEXT("CapabilityBoundingSet", bounding, true),
		TEXT("NoExecPaths", no_exec, true),
		TEXT("ExecPaths", exec, true),
#undef TEXT
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
	if (strcmp(key, "DynamicUser") == 0)
		s->dynamic_user = is_true(value);
	if (strcmp(key, "PrivateUsers") == 0)
		s->private_users = is_true(value);
	if (strcmp(key, "ProtectHome") == 0)
		s->protect_home = is_true(value) || strcmp(value, "tmpfs") == 0;
	s->bounded |= strcmp(key, "CapabilityBoundingSet") == 0;
	s->helpers |= strncmp(key, "Exec", 4) == 0 && strcmp(key, "ExecStart") != 0 &&
		      strcmp(key, "ExecPaths") != 0 && *value;
	if (strcmp(key, "Environment") == 0)
		find_preload(s, value);
}

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && strchr(" \t\r", end[-1]))
		*--end = '\0';
	return text + strspn(text, " \t");
}

/* One logical line. */
static void read_line(struct service *s, char *line, bool *in_service)
{
	char *value;

	line = trim(line);
	if (*line == '[') {
		*in_service = strcmp(line, "[Service]") == 0;
		return;
	}
	value = strchr(line, '=');
	if (!*in_service || value == NULL || *line == '#' || *line == ';')
		return;
	*value++ = '\0';
	set(s, trim(line), trim(value));
}

void service_parse(struct service *s, const char *text)
{
	char line[LINE_SIZE];
	bool in_service = false;
	size_t used = 0;

	while (*text) {
		size_t length = strcspn(text, "\n");
		const char *start = text + strspn(text, " \t");
		const bool comment = *start == '#' || *start == ';';
		const bool more = !comment && length && text[length - 1] == '\\';

		if (!comment) /* one may stand among continued lines */
			used += (size_t)snprintf(line + used, sizeof(line) - used, "%.*s%s",
						 (int)(length - more), text, more ? " " : "");
		if (used >= sizeof(line))
			used = sizeof(line) - 1; /* cut: nothing that matters is so long */
		text += length + (text[length] == '\n');
		if (more || comment)
			continue;
		read_line(s, line, &in_service);
		used = 0;
	}
}

bool service_is_root(const struct service *s)
{
	return !s->dynamic_user && (*s->user == '\0' || strcmp(s->user, "root") == 0 ||
				    strcmp(s->user, "0") == 0);
}
