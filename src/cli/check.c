/* SPDX-License-Identifier: MIT */
/* ramlock check: is this machine, this user, this program ready, and what to do if not. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/findings.h"
#include "cli/launch.h"
#include "cli/library.h"
#include "cli/script.h"
#include "cli/target.h"
#include "cli/words.h"
#include "common/stats.h"

enum { CHECK_JSON };

#define SCRIPTS_MOST 8 /* wrappers of wrappers */

static const struct cli_option check_options[] = {
	[CHECK_JSON] = {"json", NULL, "the same as JSON"},
	{0},
};

static int check_main(int argc, char **argv);

const struct command check_command = {
	.name = "check",
	.usage = "[options] [PID | [--] program [args]]",
	.help = "tell whether machine, user and program are ready, and what to do if not",
	.about = "Looks at this machine and this user; with a program, also at its file, which is\n"
		 "not started; with a PID, at what that process has. Settings are those that it\n"
		 "would be started with. What can't be looked at is unknown, never ok.\n",
	.end = "Exit status: 0 when nothing fails, 1 otherwise, 2 for a wrong command line.\n",
	.options = check_options,
	.settings = true,
	.usage_status = CLI_USAGE,
	.operands = OPERANDS_PROGRAM_OR_PID,
	.main = check_main,
};

struct check {
	struct checked facts;
	struct findings findings;
	struct program program;
	char path[LAUNCH_PATH]; /* of the program, "" for none */
	long pid;		/* 0 for none */
	bool json;
};

/* A wrapper script is not what will run: the figures are those of what it executes, where that can
 * be seen, and it is said whose they are. */
static const char *follow_scripts(struct check *c, const char *file)
{
	static char interpreter[LAUNCH_PATH], followed[2][LAUNCH_PATH], name[80];
	static const char check[] = "program";

	for (int depth = 0; depth < SCRIPTS_MOST && target_interpreter(file, interpreter, LAUNCH_PATH);
	     depth++) {
		char *next = followed[depth % 2];
		const enum script_end end = script_follow(file, interpreter, next, LAUNCH_PATH);

		words_clean(strrchr(file, '/') ? strrchr(file, '/') + 1 : file, name, sizeof(name));
		if (end == SCRIPT_NONE)
			findings_add(&c->findings, VERDICT_OK, check, NULL, "%s is a script of %s", name,
				     interpreter);
		else if (end == SCRIPT_OPEN)
			findings_add(&c->findings, VERDICT_UNKNOWN, check,
				     "ramlock check -- what it starts, or ramlock check PID",
				     "%s is a script of %s; what it starts can't be seen in it, so all "
				     "below is about the shell", name, interpreter);
		else
			findings_add(&c->findings, VERDICT_OK, check, NULL, "%s is a script; it %s %s", name,
				     end == SCRIPT_PLAIN ? "executes" : "seems to execute", next);
		if (end == SCRIPT_NONE || end == SCRIPT_OPEN)
			break;
		file = next;
	}
	return file;
}

static void tell_unread(const char *name, const char *file, const char *blamed)
{
	if (strcmp(file, blamed) != 0 && access(blamed, F_OK) != 0)
		launch_refused(file, errno);
	else
		cli_error("%s: %s", name, access(blamed, R_OK) == 0 ? "is neither an ELF file nor a script"
								    : strerror(errno));
}

/* The file that is executed for a program, which for a script is its interpreter. */
static int look_at_program(struct check *c, const char *name, const char *file)
{
	static char library[LAUNCH_PATH], blamed[LAUNCH_PATH], detail[LAUNCH_PATH];
	static struct image own;
	struct program *p = &c->program;

	if (launch_find_library(library) != 0)
		return CLI_FAILED;
	snprintf(c->path, sizeof(c->path), "%s", file);
	file = follow_scripts(c, file);
	library_match(library, file);
	target_look(file, library, blamed, detail, LAUNCH_PATH);
	p->path = blamed;
	if (!image_read(blamed, &p->image, true)) {
		tell_unread(name, file, blamed);
		return CLI_FAILED;
	}
	if (!image_read(library, &p->library, false))
		p->library.machine = 0;
	p->own_loader = image_read("/proc/self/exe", &own, false) ? own.loader : "";
	if (p->image.dynamic && library_fits(library, &p->image) == TARGET_FINE)
		p->own_loader = p->image.loader;
	p->rights = target_has_rights(blamed, detail, sizeof(detail)) ? detail : "";
	image_tree(blamed, &p->image, &p->tree);
	findings_of_program(&c->findings, p);
	return 0;
}

/* What level ranges would compare with the limit: segments of program and libraries, the reserves. */
static uint64_t estimate_need(const struct check *c)
{
	const struct program *p = &c->program;

	return p->image.text + p->image.data + p->tree.text + p->tree.data + c->facts.reserves;
}

static int find_program(struct check *c, const char *name)
{
	char file[LAUNCH_PATH];
	int error = target_find(name, file, sizeof(file)), status;

	if (error) {
		cli_error("%s: %s", name, strerror(error));
		return CLI_FAILED;
	}
	status = look_at_program(c, name, file);
	if (status == 0)
		c->facts.need = estimate_need(c);
	return status;
}

static void find_level(struct check *c)
{
	static struct stats_page page;
	int error = stats_fetch((int)c->pid, &page);
	struct findings *f = &c->findings;
	const struct word size = word_size(c->facts.host.vm_locked);
	const char *locked = c->facts.host.vm_locked == LIMITS_NONE ? "an unknown amount" : size.text;

	if (error == -ENOENT)
		findings_add(f, VERDICT_WARN, "ramlock", "start it by ramlock run, or ramlock unit",
			     "not in this process; %s is locked", locked);
	else if (error)
		findings_add(f, VERDICT_UNKNOWN, "ramlock", "look as root", "can't be told: %s",
			     strerror(-error));
	else
		findings_add(f,
			     page.level == LEVEL_FUTURE ? VERDICT_OK
			     : page.level == LEVEL_NONE && page.reason != REASON_ASKED ? VERDICT_FAIL
										  : VERDICT_WARN,
			     "ramlock", "see the limit above, and ramlock status",
			     "level %s: %s; %s of address space is locked", level_names[page.level],
			     reason_texts[page.reason], locked);
	if (error == 0 && page.level == LEVEL_RANGES && page.values[STAT_need])
		c->facts.need = page.values[STAT_need];
}

static int find_process(struct check *c)
{
	char link[64], file[LAUNCH_PATH];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%ld/exe", c->pid);
	length = readlink(link, file, sizeof(file) - 1);
	if (length < 0 && errno != EACCES && errno != EPERM) {
		cli_error("%ld: %s", c->pid, errno == ENOENT ? "no such process, or a kernel thread"
							     : strerror(errno));
		return CLI_FAILED;
	}
	c->facts.need = c->facts.host.vm_size;
	find_level(c);
	if (length < 0 || access(link, R_OK) != 0) {
		findings_add(&c->findings, VERDICT_UNKNOWN, "program", "look as root",
			     "its file can't be read: %s", strerror(errno));
		return 0;
	}
	return look_at_program(c, link, link);
}

/* Whether locks above the limit are allowed: tried on ourselves, or told by a process's namespace. */
static enum probe is_honoured(const struct check *c)
{
	const struct checked *facts = &c->facts;

	if (facts->capability.effective != PROBE_YES)
		return facts->capability.effective;
	if (c->pid == 0)
		return facts->host.memlock.known ? probe_lock_above(facts->host.memlock.hard)
						 : PROBE_UNKNOWN;
	return facts->host.user_space == SPACE_INITIAL	 ? PROBE_YES
	       : facts->host.user_space == SPACE_NESTED ? PROBE_NO
							: PROBE_UNKNOWN;
}

static void find_call(struct findings *f, const char *check, const char *call, enum probe works,
		      const char *without, const char *since)
{
	static const char *const texts[] = {[PROBE_YES] = "works", [PROBE_UNKNOWN] = "could not be tried"};

	if (works == PROBE_NO)
		findings_add(f, VERDICT_WARN, check, since, "%s is not known: %s", call, without);
	else
		findings_add(f, works == PROBE_YES ? VERDICT_OK : VERDICT_UNKNOWN, check, NULL, "%s %s",
			     call, texts[works]);
}

static void find_calls(struct findings *f)
{
	find_call(f, "lock on fault", "MLOCK_ONFAULT", probe_mlock_onfault(),
		  "what is locked is made resident", "Linux 4.4 or later");
	find_call(f, "populate", "MADV_POPULATE_WRITE", probe_madvise_populate(),
		  "pages are touched one by one", "Linux 5.14 or later");
	find_call(f, "give back", "MADV_DONTNEED_LOCKED", probe_madvise_drop_locked(),
		  "madvise unlocks and locks again", "Linux 5.18 or later");
}

static void read_facts(struct check *c)
{
	char process[24] = "self";

	if (c->pid)
		snprintf(process, sizeof(process), "%ld", c->pid);
	host_read(&c->facts.host, "", process);
	c->facts.process = c->pid != 0;
	c->facts.capability = probe_capability((int)c->pid);
	c->facts.honoured = is_honoured(c);
	if (c->pid == 0)
		c->facts.reserves = c->facts.settings.stack + c->facts.settings.heap +
				    c->facts.settings.large_reserve;
}

static int find_all(struct check *c, char **operands)
{
	int status;

	read_facts(c);
	status = c->pid ? find_process(c) : *operands ? find_program(c, *operands) : 0;
	if (status)
		return status;
	findings_of_limits(&c->findings, &c->facts);
	findings_of_memory(&c->findings, &c->facts);
	find_calls(&c->findings);
	findings_of_kernel(&c->findings, &c->facts);
	return 0;
}

static int print(const struct check *c)
{
	int error = c->json ? findings_json(&c->findings, *c->path ? c->path : NULL, c->pid, stdout)
			    : findings_print(&c->findings, stdout);

	return error || c->findings.counts[VERDICT_FAIL] ? CLI_FAILED : 0;
}

static int check_main(int argc, char **argv)
{
	static struct check c;
	struct cli_arguments a = cli_arguments(&check_command, argv, &c.facts.settings);
	int status;

	(void)argc;
	launch_settings(&c.facts.settings);
	while (cli_next(&a) >= 0)
		c.json = true;
	if (a.status >= 0)
		return a.status;
	launch_settings(&c.facts.settings); /* with the profile that was asked for */
	if (*a.at && !a.ended && cli_number(*a.at, 1, INT32_MAX, &c.pid) && a.at[1]) {
		cli_error("%s: one PID, or a program behind --", a.at[1]);
		return CLI_USAGE;
	}
	status = find_all(&c, a.at);
	return status ? status : print(&c);
}
