/* SPDX-License-Identifier: MIT */
/* Reads the counters page, smaps and stat of one process. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/process.h"
#include "common/limits.h"

#define MAPS_BUFFER (64u << 10)

static uint64_t value_of(const struct process *p, enum stat_index index)
{
	return p->page.values[index];
}

/* Who writes more than there is gets 0: the page is the other process's. */
static uint64_t less(uint64_t from, uint64_t what)
{
	return from > what ? from - what : 0;
}

bool process_faults(const char *line, uint64_t *minor, uint64_t *major)
{
	const char *at = strrchr(line, ')'); /* the name, which may have blanks and brackets */
	unsigned long long values[2];

	if (at == NULL || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu", &values[0],
				 &values[1]) != 2)
		return false;
	*minor = values[0];
	*major = values[1];
	return true;
}

int process_parent(const char *line)
{
	const char *at = strrchr(line, ')');
	int parent;

	return at && sscanf(at + 1, " %*c %d", &parent) == 1 && parent > 0 ? parent : 0;
}

void process_read_faults(struct process *p, const char *root)
{
	char path[512], line[1024];

	p->minor = p->major = PROCESS_UNKNOWN;
	snprintf(path, sizeof(path), "%s/proc/%d/stat", root, p->pid);
	if (limits_read_file(path, line, sizeof(line)) <= 0 ||
	    !process_faults(line, &p->minor, &p->major))
		return;
	p->parent = process_parent(line);
	p->minor = less(p->minor, value_of(p, STAT_minor_at_start));
	p->major = less(p->major, value_of(p, STAT_major_at_start));
}

void process_read_name(const char *path, char *name, size_t size)
{
	long length = limits_read_file(path, name, size);

	if (length > 0 && name[length - 1] == '\n') /* the name may have others */
		length--;
	name[length > 0 ? length : 0] = '\0';
}

static void read_names(struct process *p, const char *root)
{
	char path[512];
	ssize_t length;

	snprintf(path, sizeof(path), "%s/proc/%d/comm", root, p->pid);
	process_read_name(path, p->name, sizeof(p->name));
	snprintf(path, sizeof(path), "%s/proc/%d/exe", root, p->pid);
	length = readlink(path, p->program, sizeof(p->program) - 1);
	p->program[length > 0 ? length : 0] = '\0';
}

/* glibc's stacks are a guard of no access and the stack above it. That tells of threads that are
 * running, whose pointer can't be read. */
static bool is_behind_guard(const struct mapping *guard, const struct mapping *m)
{
	return guard->end == m->start && guard->prot == 0 && guard->inode == 0 && !guard->shared &&
	       guard->end - guard->start <= 64 << 10 && m->prot == (MAPS_R | MAPS_W);
}

/* What only its owner knows. */
static enum map_class class_of(struct process *p, const struct mapping *before,
			       const struct mapping *m)
{
	if (m->class != MAPS_ANON && m->class != MAPS_RESERVED)
		return m->class;
	if (m->start >= value_of(p, STAT_large_start) && m->end <= value_of(p, STAT_large_end))
		return m->class == MAPS_ANON ? MAPS_LARGE : MAPS_RESERVED;
	if (m->class == MAPS_ANON && is_behind_guard(before, m))
		return MAPS_THREAD_STACK;
	for (size_t i = 0; i < p->stack_count && m->class == MAPS_ANON; i++)
		if (p->stacks[i].pointer - m->start < m->end - m->start)
			return MAPS_THREAD_STACK;
	return m->class;
}

static void note_stacks(struct process *p, const struct mapping *m)
{
	for (size_t i = 0; i < p->stack_count; i++) {
		struct process_stack *stack = &p->stacks[i];

		if (stack->pointer == 0 || stack->pointer - m->start >= m->end - m->start)
			continue;
		stack->start = m->start;
		stack->end = m->end;
		stack->resident = m->resident;
		stack->locked = m->locked;
		stack->used = m->end - stack->pointer;
	}
}

void process_read_usage(struct process *p, const char *root)
{
	struct mapping mapping, before = {0};
	char path[512], *buffer;
	struct maps maps;

	p->usage_known = false;
	memset(p->usage, 0, sizeof(p->usage));
	buffer = malloc(MAPS_BUFFER);
	snprintf(path, sizeof(path), "%s/proc/%d/smaps", root, p->pid);
	if (buffer == NULL || maps_open(&maps, path, p->program, buffer, MAPS_BUFFER) != 0) {
		free(buffer);
		return;
	}
	while (maps_next(&maps, &mapping)) {
		struct process_usage *usage = &p->usage[class_of(p, &before, &mapping)];

		p->usage_known = true;
		usage->mapped += mapping.end - mapping.start;
		usage->resident += mapping.resident;
		usage->locked += mapping.locked;
		note_stacks(p, &mapping);
		before = mapping;
	}
	maps_close(&maps);
	free(buffer);
}

uint64_t process_total(const struct process *p, size_t field)
{
	uint64_t total = 0;

	for (int class = 0; class < MAPS_CLASSES; class++)
		total += *(const uint64_t *)((const char *)&p->usage[class] + field);
	return p->usage_known ? total : PROCESS_UNKNOWN;
}

int process_read(struct process *p, int pid)
{
	int error;

	*p = (struct process){.pid = pid};
	error = stats_fetch(pid, &p->page);
	if (error)
		return error == -EACCES ? -EPERM : error;
	if (p->page.count > STAT_started && value_of(p, STAT_started) == 0)
		return -EAGAIN; /* its constructor is at work: half of the figures are not there yet */
	p->page.values[STAT_large_retained] =
		less(value_of(p, STAT_large_resident), value_of(p, STAT_large_used));
	read_names(p, "");
	process_read_faults(p, "");
	process_read_stacks(p, "");
	process_read_usage(p, "");
	return p->usage_known ? 0 : -ESRCH;
}

void process_free(struct process *p)
{
	free(p->stacks);
	p->stacks = NULL;
	p->stack_count = 0;
}
