/* SPDX-License-Identifier: MIT */
/* Runs a program where system calls fail as on an older kernel or in a container:
 *   filter CALL:ERROR|CALL.ARGUMENT=VALUE:ERROR… -- program…
 * ARGUMENT counts from 0. As any sandbox does, it sets PR_SET_NO_NEW_PRIVS. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "victim.h"

struct name {
	const char *name;
	unsigned number;
};

static const struct name calls[] = {
	{"madvise", SYS_madvise}, {"memfd_create", SYS_memfd_create}, {"mlock", SYS_mlock},
	{"mlock2", SYS_mlock2}, {"mlockall", SYS_mlockall}, {"mremap", SYS_mremap},
	{"msync", SYS_msync}, {"munlock", SYS_munlock}, {"perf_event_open", SYS_perf_event_open},
#ifdef SYS_getrlimit
	{"getrlimit", SYS_getrlimit},
#endif
	{"prlimit64", SYS_prlimit64}, {"process_vm_readv", SYS_process_vm_readv},
};

static const struct name errors[] = {
	{"EINVAL", EINVAL}, {"ENOMEM", ENOMEM}, {"ENOSYS", ENOSYS}, {"EPERM", EPERM},
};

static struct sock_filter code[128];
static unsigned short used;

static void emit(unsigned short what, unsigned char yes, unsigned char no, unsigned operand)
{
	code[used++] = (struct sock_filter){what, yes, no, operand};
}

static unsigned find(const struct name *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].number;
	fprintf(stderr, "filter: %s: not known\n", name);
	exit(2);
}

#define FIND(names, name) find(names, sizeof(names) / sizeof(*(names)), name)

/* Each rule reloads what it compares, and falls through to the next. */
static void add_rule(char *rule)
{
	char *error = strchr(rule, ':'), *dot = strchr(rule, '.');
	unsigned argument, value;

	if (error == NULL)
		exit(2);
	*error++ = '\0';
	if (dot)
		*dot++ = '\0';
	emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	emit(BPF_JMP | BPF_JEQ | BPF_K, 0, dot ? 3 : 1, FIND(calls, rule));
	if (dot) {
		if (sscanf(dot, "%u=%u", &argument, &value) != 2)
			exit(2);
		emit(BPF_LD | BPF_W | BPF_ABS, 0, 0,
		     (unsigned)offsetof(struct seccomp_data, args) + argument * 8
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
			     + 4
#endif
		);
		emit(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
	}
	emit(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | FIND(errors, error));
}

int main(int argc, char **argv)
{
	struct sock_fprog program = {.filter = code};
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		add_rule(argv[i]);
	emit(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
	program.len = used;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    (i > 1 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)) {
		puts("seccomp filters can't be set here");
		return 77;
	}
	if (i + 1 < argc)
		execvp(argv[i + 1], argv + i + 1);
	return 127;
}
