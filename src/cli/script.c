/* SPDX-License-Identifier: MIT */
/* Reads commands line by line, with the variables that are set plainly. What depends on anything
 * else, a command's output or a function, is unknown. */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/launch.h"
#include "cli/script.h"
#include "cli/target.h"

#define VARIABLES 128
#define WORDS	  64
#define UNKNOWN	  '\001' /* stands in a word for what is not known */

struct variable {
	char *name, *value;
};

struct script {
	const char *path;
	struct variable variables[VARIABLES];
	size_t count;
	char end[64];	  /* of the here-document that is being read, "" for none */
	bool in_function;
	bool guessed;	  /* what stands before the program */
	bool indented;	  /* the line, as what depends on a condition is */
	/* "" for none: what was executed last with the script's arguments; the last command with them,
	 * and what was executed last without */
	char executed[LAUNCH_PATH], called[LAUNCH_PATH], other[LAUNCH_PATH];
};

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_shell(const char *interpreter)
{
	static const char *const shells[] = {"sh", "dash", "bash", "ash", "ksh", "ksh93", "mksh",
					     "zsh", "busybox", "rbash", "yash"};

	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++)
		if (strcmp(base_of(interpreter), shells[i]) == 0)
			return true;
	return false;
}

/* --- words --------------------------------------------------------------------------------- */

struct words {
	char text[8192];
	char *list[WORDS];
	size_t count, at;
	bool arguments; /* "$@" or $* is among them */
};

static void put(struct words *w, char c)
{
	if (w->at + 1 < sizeof(w->text))
		w->text[w->at++] = c;
}

static void put_text(struct words *w, const char *text)
{
	while (*text)
		put(w, *text++);
}

static const char *value_of(const struct script *s, const char *name, size_t length)
{
	for (size_t i = s->count; i-- > 0;)
		if (strlen(s->variables[i].name) == length &&
		    memcmp(s->variables[i].name, name, length) == 0)
			return s->variables[i].value;
	return NULL;
}

/* "$x", "${x}", "${x:-word}", "$@"; what is behind it. */
static const char *expand(const struct script *s, struct words *w, const char *at)
{
	const bool braces = at[1] == '{';
	const char *name = at + 1 + braces, *end = name, *value, *close;

	if (*name == '@' || *name == '*') {
		w->arguments = true;
		put(w, UNKNOWN);
		return braces ? strchrnul(name, '}') + (*strchrnul(name, '}') != '\0') : name + 1;
	}
	if (*name == '0' && (!braces || name[1] == '}')) {
		put_text(w, s->path);
		return name + 1 + braces;
	}
	while (isalnum((unsigned char)*end) || *end == '_')
		end++;
	value = value_of(s, name, (size_t)(end - name));
	if (!braces) {
		if (end == name) {
			put(w, *name == '\0' ? '$' : UNKNOWN);
			return *name ? name + 1 : name;
		}
		put_text(w, value ? value : "\001");
		return end;
	}
	close = strchrnul(end, '}');
	if (*end == '}')
		put_text(w, value ? value : "\001");
	else if (value == NULL && (strncmp(end, ":-", 2) == 0 || strncmp(end, ":=", 2) == 0) &&
		 strpbrk(end + 2, "$`") == NULL)
		for (const char *c = end + 2; c < close; c++)
			put(w, *c);
	else
		put(w, UNKNOWN);
	return *close ? close + 1 : close;
}

/* "$(...)" and `...`: their output is unknown; what is behind them. */
static const char *skip_command(struct words *w, const char *at)
{
	int depth = 0;

	put(w, UNKNOWN);
	if (*at == '`') {
		at = strchrnul(at + 1, '`');
		return *at ? at + 1 : at;
	}
	for (at++; *at; at++) {
		depth += *at == '(';
		depth -= *at == ')';
		if (depth == 0)
			return at + 1;
	}
	return at;
}

static const char *read_quoted(const struct script *s, struct words *w, const char *at)
{
	while (*at && *at != '"') {
		if (*at == '\\' && at[1] && strchr("$`\"\\", at[1])) {
			put(w, at[1]);
			at += 2;
		} else if ((at[0] == '$' && at[1] == '(') || *at == '`') {
			at = skip_command(w, at);
		} else if (*at == '$') {
			at = expand(s, w, at);
		} else {
			put(w, *at++);
		}
	}
	return *at ? at + 1 : at;
}

/* One command's words, up to what separates commands; what is behind that, or NULL at the end. */
static const char *read_command(const struct script *s, const char *at, struct words *w)
{
	w->count = w->at = 0;
	w->arguments = false;
	for (;;) {
		at += strspn(at, " \t");
		if (*at == '\0' || *at == '\n' || *at == '#' || w->count == WORDS)
			return NULL;
		if (strchr(";&|()", *at))
			return at + strspn(at, ";&|()");
		w->list[w->count] = w->text + w->at;
		while (*at && !strchr(" \t\n;&|()", *at)) {
			if (*at == '\'') {
				for (at++; *at && *at != '\''; at++)
					put(w, *at);
				at += *at != '\0';
			} else if (*at == '"') {
				at = read_quoted(s, w, at + 1);
			} else if (*at == '\\' && at[1]) {
				put(w, at[1]);
				at += 2;
			} else if ((at[0] == '$' && at[1] == '(') || *at == '`') {
				at = skip_command(w, at);
			} else if (*at == '$') {
				at = expand(s, w, at);
			} else if ((*at == '>' || *at == '<') && at[1] == '&') {
				put(w, *at++);
				put(w, *at++);
			} else {
				put(w, *at++);
			}
		}
		put(w, '\0');
		w->count++;
	}
}

/* --- commands ------------------------------------------------------------------------------ */

static size_t length_of_name(const char *word)
{
	size_t length = 0;

	while (isalnum((unsigned char)word[length]) || word[length] == '_')
		length++;
	return isdigit((unsigned char)*word) ? 0 : length;
}

static bool is_assignment(const char *word)
{
	const size_t length = length_of_name(word);

	return length && word[length] == '=';
}

static char *copy(const char *text, size_t length)
{
	char *new = cli_alloc(NULL, length + 1);

	memcpy(new, text, length);
	new[length] = '\0';
	return new;
}

/* Which of two values it has depends on what is not looked at here. */
static void assign(struct script *s, const char *word)
{
	const size_t length = length_of_name(word);
	const char *value = word + length + 1, *old = value_of(s, word, length);

	if (s->count == VARIABLES)
		return;
	if (s->indented || (old && strcmp(old, value) != 0))
		value = "\001";
	s->variables[s->count++] =
		(struct variable){copy(word, length), copy(value, strlen(value))};
}

static bool is_keyword(const char *word)
{
	static const char *const words[] = {"then", "else", "do", "{", "!", "if", "elif", "while",
					    "until", "time", "command", "nohup", "export", "readonly"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* These take the script's arguments, too, and start nothing. */
static bool is_builtin(const char *word)
{
	static const char *const words[] = {"set", "for", "echo", "printf", "eval", "test", "[", "[[",
					    "case", "getopt", "basename", "dirname", "."};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static bool is_redirection(const char *word)
{
	return word[strspn(word, "0123456789")] == '<' || word[strspn(word, "0123456789")] == '>';
}

/* One that neither gets the arguments nor stands alone is an exception: a debugger, a usage. */
static void execute(struct script *s, const char *word, bool arguments)
{
	if (arguments || !s->indented)
		snprintf(arguments ? s->executed : s->other, LAUNCH_PATH, "%s", word);
}

static void take_command(struct script *s, const struct words *w)
{
	size_t i = 0, first;

	while (i < w->count && is_keyword(w->list[i]))
		i++;
	for (; i < w->count && is_assignment(w->list[i]); i++)
		assign(s, w->list[i]);
	if (i == w->count)
		return;
	if (strcmp(w->list[i], "exec") != 0) {
		if (w->arguments && !s->indented && !is_builtin(w->list[i]))
			snprintf(s->called, sizeof(s->called), "%s", w->list[i]);
		return;
	}
	for (i++; i < w->count && (*w->list[i] == '-' || is_redirection(w->list[i])); i++)
		i += strcmp(w->list[i], "-a") == 0 && i + 1 < w->count;
	if (i < w->count && strcmp(base_of(w->list[i]), "env") == 0)
		for (i++; i < w->count && (*w->list[i] == '-' || is_assignment(w->list[i])); i++)
			i += strcmp(w->list[i], "-u") == 0 && i + 1 < w->count;
	first = i;
	/* "exec $STRACE "$folder/program"": mostly nothing, or a tool before the program */
	while (first < w->count && strcmp(w->list[first], "\001") == 0)
		first++;
	if (first > i && first < w->count && strchr(w->list[first], '/')) {
		s->guessed = true;
		i = first;
	}
	if (i < w->count)
		execute(s, w->list[i], w->arguments);
}

/* --- lines --------------------------------------------------------------------------------- */

/* "<<EOF", "<<-'EOF'", but not "<<<". */
static void note_document(struct script *s, const char *line)
{
	const char *at = strstr(line, "<<");

	if (at == NULL || at[2] == '<' || (at > line && at[-1] == '$'))
		return;
	at += 2 + (at[2] == '-');
	at += strspn(at, " \t\"'\\");
	snprintf(s->end, sizeof(s->end), "%.*s", (int)strcspn(at, " \t\n\"';|&)>"), at);
}

static bool begins_function(const char *line)
{
	const size_t blank = strspn(line, " \t");
	const char *name = line + blank;
	size_t length;

	if (strncmp(name, "function ", 9) == 0)
		return strchr(name, '{') == NULL || strchr(name, '}') == NULL;
	length = length_of_name(name);
	name += length + strspn(name + length, " \t");
	return length && strncmp(name, "()", 2) == 0 && strchr(name, '}') == NULL;
}

static void read_line(struct script *s, const char *line)
{
	static struct words words;
	const char *at = line;

	if (*s->end) {
		at += strspn(at, "\t");
		if (strncmp(at, s->end, strlen(s->end)) == 0 &&
		    strchr("\r\n", at[strlen(s->end)]) != NULL)
			*s->end = '\0';
		return;
	}
	if (s->in_function || begins_function(line)) {
		s->in_function = *line != '}';
		return;
	}
	note_document(s, line);
	s->indented = *line == ' ' || *line == '\t';
	while (at) {
		at = read_command(s, at, &words);
		take_command(s, &words);
	}
}

/* Lines that end with a backslash go on in the next. */
static bool read_script(struct script *s)
{
	FILE *file = fopen(s->path, "re");
	char *line = NULL, *whole = NULL;
	size_t size = 0, length = 0;
	ssize_t got;

	if (file == NULL)
		return false;
	while ((got = getline(&line, &size, file)) > 0 && length + (size_t)got < (1u << 20)) {
		whole = cli_alloc(whole, length + (size_t)got + 1);
		memcpy(whole + length, line, (size_t)got + 1);
		length += (size_t)got;
		if (length > 1 && whole[length - 1] == '\n' && whole[length - 2] == '\\') {
			length -= 2;
			continue;
		}
		read_line(s, whole);
		length = 0;
	}
	free(line);
	free(whole);
	fclose(file);
	return true;
}

/* --- the end ------------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

static bool is_same(const char *a, const char *b)
{
	struct stat one, other;

	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

static enum script_end find(const struct script *s, const char *word, char *to, size_t size)
{
	char folder[LAUNCH_PATH];
	const char *name = base_of(word);

	if (*word && strchr(word, UNKNOWN) == NULL)
		return target_find(word, to, size) != 0 || !is_program(to) ? SCRIPT_OPEN
		       : s->guessed				     ? SCRIPT_LIKELY
								     : SCRIPT_PLAIN;
	if (*name == '\0' || name == word || strchr(name, UNKNOWN) ||
	    realpath(s->path, folder) == NULL)
		return SCRIPT_OPEN;
	*strrchr(folder, '/') = '\0';
	if (snprintf(to, size, "%s/%s", folder, name) >= (int)size || !is_program(to))
		return SCRIPT_OPEN;
	return SCRIPT_LIKELY;
}

enum script_end script_follow(const char *path, const char *interpreter, char *to, size_t size)
{
	static struct script s;
	enum script_end end;

	if (!is_shell(interpreter))
		return SCRIPT_NONE;
	s = (struct script){.path = path};
	if (!read_script(&s))
		return SCRIPT_OPEN;
	end = find(&s, *s.executed ? s.executed : *s.called ? s.called : s.other, to, size);
	if (end != SCRIPT_OPEN && is_same(path, to)) /* with other arguments it goes another way */
		end = SCRIPT_OPEN;
	for (size_t i = 0; i < s.count; i++) {
		free(s.variables[i].name);
		free(s.variables[i].value);
	}
	return end;
}
