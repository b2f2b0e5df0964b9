/* SPDX-License-Identifier: MIT */
/* Runs real programs under the library as many ways as there are, a row of programs.def each, and
 * compares output and status with a bare run. Speaks TAP; a table of the cells at the end. */
#include "config.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "group.h"
#include "programs.h"
#include "stage.h"

#define GROUP_LIMIT (256u << 20)

static const struct program programs[] = {
#include "programs.def"
};

#define PROGRAMS (sizeof(programs) / sizeof(*programs))

/* What became of a program; shared with the process that tries it. */
static struct outcome {
	struct tally tally;
	bool ended;
	char skip[128];
} *outcomes;

static FILE *told[PROGRAMS];
static pid_t pids[PROGRAMS];
static char group[512]; /* of the process that tries a program */

/* Servers stand in sbin, and Debian keeps PostgreSQL to itself. */
static void extend_path(void)
{
	static char path[4096];
	glob_t found;

	snprintf(path, sizeof(path), "%s:/usr/local/sbin:/usr/sbin:/sbin", getenv("PATH"));
	if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0)
		snprintf(path + strlen(path), sizeof(path) - strlen(path), ":%s", *found.gl_pathv);
	setenv("PATH", path, 1);
}

static bool is_missing(const struct program *program, char *why, size_t size)
{
	char words[256], line[256];

	snprintf(words, sizeof(words), "%s", program->needs);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
		snprintf(line, sizeof(line), "command -v %s >/dev/null", word);
		if (system(line) != 0) {
			snprintf(why, size, "%s is missing", word);
			return true;
		}
	}
	return false;
}

static bool prepare(const struct program *program)
{
	static struct result result;
	const struct staged staged = {BARE, "", ASIS, geteuid() == 0 ? ROOT : NOBODY, NULL,
				      program->prepare};

	if (*program->prepare == '\0')
		return true;
	stage_run(&staged, true, &result);
	if (result.status != 0)
		printf("#   %s can't be prepared: status %d: %s\n", program->name, result.status,
		       result.err);
	return result.status == 0;
}

static void leave_group(void)
{
	if (*group)
		group_remove(group);
	*group = '\0';
}

/* In a process of its own, so that several programs are tried at once. */
static void try_program(size_t number, bool whole)
{
	struct outcome *outcome = &outcomes[number];
	char name[32];

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	atexit(leave_group); /* when it is interrupted */
	dup2(fileno(told[number]), STDOUT_FILENO);
	snprintf(name, sizeof(name), "/%zu", number);
	if (!stage_enter(name) || !prepare(&programs[number])) {
		fflush(stdout);
		_exit(1);
	}
	if (!group_make(GROUP_LIMIT, group))
		*group = '\0';
	cells_try(&programs[number], number, whole, *group ? group : NULL, &outcome->tally);
	leave_group();
	outcome->ended = true;
	fflush(stdout);
	_exit(0);
}

static bool print_outcome(size_t number)
{
	const struct outcome *outcome = &outcomes[number];
	const bool right = outcome->ended && outcome->tally.differ == 0;
	char line[4096];

	if (*outcome->skip) {
		printf("ok %zu - %s # SKIP %s\n", number + 1, programs[number].name, outcome->skip);
		return true;
	}
	printf("%s %zu - %s: %u cells, %u differ\n", right ? "ok" : "not ok", number + 1,
	       programs[number].name, outcome->tally.tried, outcome->tally.differ);
	rewind(told[number]);
	while (fgets(line, sizeof(line), told[number]))
		fputs(line, stdout);
	return right;
}

static void add(struct tally *sum, const struct tally *one)
{
	sum->tried += one->tried;
	sum->differ += one->differ;
	sum->impossible += one->impossible;
	for (int axis = 0; axis < AXES; axis++) {
		for (int value = 0; value < VALUES; value++) {
			sum->by[axis][value].tried += one->by[axis][value].tried;
			sum->by[axis][value].differ += one->by[axis][value].differ;
		}
	}
}

/* Prints what is at an end, in the order of the rows. */
static void print_outcomes(struct tally *sum, bool *right)
{
	static size_t next;

	for (; next < PROGRAMS && (*outcomes[next].skip || pids[next] < 0); next++) {
		*right &= print_outcome(next);
		add(sum, &outcomes[next].tally);
	}
	fflush(stdout);
}

/* Waits for one of the programs that are being tried; false where none is. */
static bool await_program(void)
{
	const pid_t ended = wait(NULL);

	for (size_t i = 0; i < PROGRAMS; i++)
		if (pids[i] == ended)
			pids[i] = -1;
	return ended > 0;
}

static bool try_programs(bool whole, const char *word, struct tally *sum)
{
	long free = sysconf(_SC_NPROCESSORS_ONLN);
	bool right = true;

	for (size_t i = 0; i < PROGRAMS; i++) {
		struct outcome *outcome = &outcomes[i];

		if (word && strcmp(programs[i].name, word) != 0)
			snprintf(outcome->skip, sizeof(outcome->skip), "not asked for");
		else if (!is_missing(&programs[i], outcome->skip, sizeof(outcome->skip))) {
			if (free-- <= 0)
				await_program();
			print_outcomes(sum, &right);
			told[i] = tmpfile();
			pids[i] = fork();
			if (pids[i] == 0)
				try_program(i, whole);
		}
	}
	while (await_program())
		print_outcomes(sum, &right);
	print_outcomes(sum, &right);
	return right;
}

static void print_table(const struct tally *sum)
{
	static const char *const titles[AXES] = {"LOCK", "ulimit -l", "user", "cgroup"};

	printf("#\n# %-10s %-10s %6s %7s\n", "", "", "cells", "differ");
	for (int axis = 0; axis < AXES; axis++)
		for (int value = 0; value < axis_values((enum axis)axis); value++)
			printf("# %-10s %-10s %6u %7u\n", value ? "" : titles[axis],
			       axis_name((enum axis)axis, value), sum->by[axis][value].tried,
			       sum->by[axis][value].differ);
	printf("#\n# summary: real programs: %u cells tried, %u differ, %u not possible here\n",
	       sum->tried, sum->differ, sum->impossible);
}

/* [long] [NAME]: every cell; one program. */
int main(int argc, char **argv)
{
	const bool whole = argc > 1 && strcmp(argv[1], "long") == 0;
	const char *word = argv[1 + whole] && argc > 1 + whole ? argv[1 + whole] : NULL;
	struct tally sum = {0};
	bool right;

	outcomes = mmap(NULL, PROGRAMS * sizeof(*outcomes), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	extend_path();
	if (outcomes == MAP_FAILED || !stage_make()) {
		puts("Bail out! the folder with what is tested can't be made");
		return 1;
	}
	printf("1..%zu\n", PROGRAMS);
	right = try_programs(whole, word, &sum);
	print_table(&sum);
	return right ? 0 : 1;
}
