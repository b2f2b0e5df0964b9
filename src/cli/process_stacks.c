/* SPDX-License-Identifier: MIT */
/* Finds where the stacks of a process's threads are, by their stack pointers. */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/process.h"
#include "common/limits.h"

#define TRIES 3 /* a thread that is running now may be waiting a moment later */

/* "running", "-1 SP PC" or "NUMBER six arguments SP PC" (proc_pid_syscall(5)): the last but one. */
uintptr_t process_stack_pointer(const char *line)
{
	const char *last = NULL, *before = NULL, *at = line;
	char *end;
	uintptr_t pointer;

	while ((at = strchr(at, ' ')) != NULL) {
		before = last;
		last = ++at;
	}
	if (before == NULL || strncmp(before, "0x", 2) != 0)
		return 0;
	pointer = (uintptr_t)strtoull(before, &end, 16);
	return *end == ' ' ? pointer : 0;
}

static void read_stack(struct process_stack *stack, const char *folder)
{
	char path[1024], line[512];

	stack->resident = stack->locked = stack->used = PROCESS_UNKNOWN;
	snprintf(path, sizeof(path), "%s/%d/comm", folder, stack->tid);
	process_read_name(path, stack->name, sizeof(stack->name));
	snprintf(path, sizeof(path), "%s/%d/syscall", folder, stack->tid);
	for (int i = 0; i < TRIES && stack->pointer == 0; i++)
		if (limits_read_file(path, line, sizeof(line)) > 0)
			stack->pointer = process_stack_pointer(line);
}

static int compare(const void *one, const void *other)
{
	const struct process_stack *a = one, *b = other;

	return (a->tid > b->tid) - (a->tid < b->tid);
}

/* The main thread is the first, also where the numbers of the others are lower. */
static void sort(struct process *p)
{
	size_t main = 0;

	qsort(p->stacks, p->stack_count, sizeof(*p->stacks), compare);
	while (main < p->stack_count && p->stacks[main].tid != p->pid)
		main++;
	if (main < p->stack_count) {
		const struct process_stack stack = p->stacks[main];

		memmove(p->stacks + 1, p->stacks, main * sizeof(*p->stacks));
		p->stacks[0] = stack;
	}
}

void process_read_stacks(struct process *p, const char *root)
{
	struct dirent *entry;
	char folder[512];
	size_t room = 0;
	long tid;
	DIR *tasks;

	snprintf(folder, sizeof(folder), "%s/proc/%d/task", root, p->pid);
	tasks = opendir(folder);
	while (tasks && (entry = readdir(tasks)) != NULL) {
		if (!cli_number(entry->d_name, 1, INT32_MAX, &tid))
			continue;
		if (p->stack_count == room) {
			room = room ? 2 * room : 16;
			p->stacks = cli_alloc(p->stacks, room * sizeof(*p->stacks));
		}
		p->stacks[p->stack_count] = (struct process_stack){.tid = (int)tid};
		read_stack(&p->stacks[p->stack_count++], folder);
	}
	if (tasks)
		closedir(tasks);
	if (p->stack_count)
		sort(p);
}
