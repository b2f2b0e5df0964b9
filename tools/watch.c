/* SPDX-License-Identifier: MIT */
/*
 * Runs a program and writes one line of figures about it, all of them from the
 * kernel's own accounting.
 *
 *     watch [-E NAME=VALUE]... [-o FILE] [--] program [args]
 *
 * -E sets a variable for the program alone; the line goes to FILE or stderr.
 * The exit status is the program's, 128+n after signal n, and 125, 126 or 127
 * as in env(1) when there was no program to watch.
 *
 *     status          exit status
 *     from            "entry", or "exec" where the entry point was not reached
 *     minflt majflt   faults from there to the end. Those of children that the
 *                     program waited for are added; children are not followed.
 *                     The kernel counts pages that a system call populated
 *                     (mmap after mlockall) as minor faults too.
 *     met             faults of both kinds that an access ran into, children's
 *                     included: the perf counter, which knows those from pages
 *                     populated. "-" where it may not be used.
 *     met_in          "all", or "user" where faults in system calls that read
 *                     or write the program's memory may not be counted
 *     peak_kib        VmHWM at the end
 *     vmlck_kib       the largest VmLck seen as a thread ended, "-" if none was
 *     wall_ms         from before exec to the end; watching adds about 1 ms,
 *                     and 0.2 ms a thread
 *     threads         threads created, without the first
 *     stacks          how many of them were measured as they ended: not those
 *                     that exit_group caught when they were ending already
 *     stack_mean_kib  how much of their stacks was resident then. glibc gives
 *     stack_max_kib   the unused part back just before, unless it is locked.
 *
 * With several execs in a row, as under a launcher, all but wall_ms count from
 * the last. "Entry" is AT_ENTRY, so constructors of preloaded libraries have
 * run. It is found by a breakpoint there, which has two limits: a constructor
 * must not fork a child that goes on into the program, and a program started
 * as the argument of its loader counts from the loader's entry.
 */
#include "config.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_OURS = 125, EXIT_NOT_RUN = 126, EXIT_NOT_FOUND = 127 };

struct faults {
	unsigned long long minor, major;
};

struct range {
	uint64_t start, end;
};

static struct {
	pid_t pid;
	bool running; /* the first exec has succeeded */

	bool at_entry;
	struct faults base;
	int met; /* perf counter, or -1 */
	bool met_user_only;
	bool trap_set;
	uint64_t trap_addr;
	long trap_word; /* what the breakpoint stands on */

	bool ended; /* at least one thread was seen ending */
	unsigned long peak_kib, locked_kib;
	unsigned long threads, stacks, stack_sum_kib, stack_max_kib;
} w = {.met = -1};

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...)
{
	int cause = errno;
	va_list args;

	fputs("watch: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(cause));
	exit(EXIT_OURS);
}

/* --- registers --------------------------------------------------------- */

/* An unaligned peek or poke moves one word; the breakpoint is its first bytes. */
#if defined __x86_64__
#define HAVE_TRAP 1
static const long trap_insn = 0xcc, trap_mask = 0xff;

static uint64_t *regs_pc(struct user_regs_struct *r)
{
	return (uint64_t *)&r->rip;
}

static uint64_t regs_sp(const struct user_regs_struct *r)
{
	return r->rsp;
}

/* int3 leaves the pc behind itself. */
static uint64_t regs_trapped_at(const struct user_regs_struct *r)
{
	return r->rip - 1;
}

static uint64_t thread_pointer(pid_t tid, const struct user_regs_struct *r)
{
	(void)tid;
	return r->fs_base;
}
#elif defined __aarch64__ && !defined __AARCH64EB__
#define HAVE_TRAP 1
static const long trap_insn = 0xd4200000, trap_mask = 0xffffffff;

static uint64_t *regs_pc(struct user_regs_struct *r)
{
	return (uint64_t *)&r->pc;
}

static uint64_t regs_sp(const struct user_regs_struct *r)
{
	return r->sp;
}

static uint64_t regs_trapped_at(const struct user_regs_struct *r)
{
	return r->pc;
}

static uint64_t thread_pointer(pid_t tid, const struct user_regs_struct *r)
{
	uint64_t tp = 0;
	struct iovec iov = {&tp, sizeof tp};

	(void)r;
	ptrace(PTRACE_GETREGSET, tid, (void *)NT_ARM_TLS, &iov);
	return tp;
}
#endif

/* --- /proc ------------------------------------------------------------- */

static FILE *proc_open(pid_t tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", tid, name);
	return fopen(path, "re");
}

static struct faults faults_now(void)
{
	struct faults own = {0}, children = {0};
	char line[1024] = "";
	FILE *f = proc_open(w.pid, "stat");

	if (!f)
		fail("/proc/%d/stat", w.pid);
	size_t n = fread(line, 1, sizeof line - 1, f);
	fclose(f);
	line[n] = '\0';
	const char *fields = strrchr(line, ')'); /* the name may hold anything */
	if (!fields || sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %llu %llu %llu %llu",
			      &own.minor, &children.minor, &own.major, &children.major) != 4)
		fail("/proc/%d/stat: unknown form", w.pid);
	return (struct faults){own.minor + children.minor, own.major + children.major};
}

static int met_open(bool user_only)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof attr,
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.inherit = 1,
		.exclude_kernel = user_only,
	};

	return (int)syscall(SYS_perf_event_open, &attr, w.pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* From here on; what was counted before is dropped. */
static void base_set(void)
{
	if (w.met >= 0)
		close(w.met);
	w.met = met_open(false);
	w.met_user_only = w.met < 0;
	if (w.met < 0)
		w.met = met_open(true);
	w.base = faults_now();
}

static void status_account(pid_t tid)
{
	char line[256];
	unsigned long kib;
	FILE *f = proc_open(tid, "status");

	if (!f)
		return;
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "VmHWM: %lu", &kib) == 1 && kib > w.peak_kib)
			w.peak_kib = kib;
		if (sscanf(line, "VmLck: %lu", &kib) == 1 && kib > w.locked_kib)
			w.locked_kib = kib;
	}
	fclose(f);
	w.ended = true;
}

static bool thread_is_ours(pid_t tid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/task/%d", w.pid, tid);
	return access(path, F_OK) == 0;
}

/* --- the entry point --------------------------------------------------- */

#ifdef HAVE_TRAP
static uint64_t entry_address(pid_t tid)
{
	uint64_t pair[2], entry = 0;
	FILE *f = proc_open(tid, "auxv");

	if (!f)
		return 0;
	while (!entry && fread(pair, sizeof pair, 1, f) == 1 && pair[0] != AT_NULL)
		if (pair[0] == AT_ENTRY)
			entry = pair[1];
	fclose(f);
	return entry;
}

static void entry_trap_set(pid_t tid)
{
	uint64_t entry = entry_address(tid);

	w.trap_set = false;
	if (!entry)
		return;
	errno = 0;
	w.trap_word = ptrace(PTRACE_PEEKTEXT, tid, (void *)entry, NULL);
	if (errno)
		return;
	long word = (w.trap_word & ~trap_mask) | trap_insn;
	if (ptrace(PTRACE_POKETEXT, tid, (void *)entry, (void *)word))
		return;
	w.trap_addr = entry;
	w.trap_set = true;
}

/* True if this SIGTRAP was our breakpoint; the program then stands before it. */
static bool entry_reached(pid_t tid)
{
	struct user_regs_struct regs;
	struct iovec iov = {&regs, sizeof regs};

	if (!w.trap_set || ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &iov) ||
	    regs_trapped_at(&regs) != w.trap_addr)
		return false;
	*regs_pc(&regs) = w.trap_addr;
	if (ptrace(PTRACE_POKETEXT, tid, (void *)w.trap_addr, (void *)w.trap_word) ||
	    ptrace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &iov))
		fail("taking the breakpoint away");
	w.trap_set = false;
	w.at_entry = true;
	base_set();
	return true;
}
#else
static void entry_trap_set(pid_t tid)
{
	(void)tid;
}

static bool entry_reached(pid_t tid)
{
	(void)tid;
	return false;
}
#endif

/* --- stacks ------------------------------------------------------------ */

#ifdef HAVE_TRAP
/*
 * The stack around sp: locking part of a stack splits its mapping, so writable
 * neighbours belong to it, downwards to the guard and upwards to the thread
 * pointer, which glibc and musl keep at the top. Beyond that the neighbour is
 * somebody else's.
 */
static struct range stack_range(pid_t tid, uint64_t sp, uint64_t tp)
{
	struct range run = {0, 0};
	uint64_t start, end;
	char line[4352], mode[5];
	FILE *f = proc_open(tid, "maps");

	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, mode) != 3)
			continue;
		bool joined = run.end && start == run.end && mode[1] == 'w';
		if (sp < run.end && !(joined && start <= tp))
			break;
		if (!joined)
			run.start = start;
		run.end = mode[1] == 'w' ? end : 0;
	}
	if (f)
		fclose(f);
	if (sp < run.start || sp >= run.end)
		return (struct range){0, 0};
	return run;
}

/* Newer C libraries guard by madvise: a page inside the mapping, not a mapping. */
static unsigned long stack_resident_kib(pid_t tid, struct range run, uint64_t sp)
{
	const uint64_t present = UINT64_C(1) << 63, guard = UINT64_C(1) << 58;
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t entry, at, pages = 0;
	FILE *f = proc_open(tid, "pagemap");

	if (!f)
		return 0;
	fseeko(f, (off_t)(run.start / page * sizeof entry), SEEK_SET);
	for (at = run.start; at < run.end && fread(&entry, sizeof entry, 1, f) == 1; at += page) {
		if (entry & guard && at > sp)
			break;
		if (entry & guard)
			pages = 0;
		else if (entry & present)
			pages++;
	}
	fclose(f);
	return (unsigned long)(pages * page / 1024);
}

static void stack_account(pid_t tid)
{
	struct user_regs_struct regs;
	struct iovec iov = {&regs, sizeof regs};

	if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &iov))
		return;
	uint64_t sp = regs_sp(&regs);
	struct range run = stack_range(tid, sp, thread_pointer(tid, &regs));
	if (!run.end)
		return;
	unsigned long kib = stack_resident_kib(tid, run, sp);
	w.stacks++;
	w.stack_sum_kib += kib;
	if (kib > w.stack_max_kib)
		w.stack_max_kib = kib;
}
#else
static void stack_account(pid_t tid)
{
	(void)tid;
}
#endif

/* --- events ------------------------------------------------------------ */

static void exec_seen(pid_t tid)
{
	w.running = true;
	w.at_entry = w.ended = false;
	w.peak_kib = w.locked_kib = 0;
	w.threads = w.stacks = w.stack_sum_kib = w.stack_max_kib = 0;
	base_set();
	entry_trap_set(tid);
}

static void clone_seen(pid_t tid)
{
	unsigned long created = 0;

	if (!ptrace(PTRACE_GETEVENTMSG, tid, NULL, &created) && thread_is_ours((pid_t)created))
		w.threads++;
}

static void exit_seen(pid_t tid)
{
	if (!w.running)
		return;
	status_account(tid);
	if (tid != w.pid)
		stack_account(tid);
}

static bool signal_stops(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

/* One stop of one thread: account for it and let it go on, or stay stopped. */
static void stop_seen(pid_t tid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;
	long how = PTRACE_CONT;

	if (event == PTRACE_EVENT_EXEC)
		exec_seen(tid);
	else if (event == PTRACE_EVENT_CLONE)
		clone_seen(tid);
	else if (event == PTRACE_EVENT_EXIT)
		exit_seen(tid);
	else if (event == PTRACE_EVENT_STOP && !thread_is_ours(tid))
		how = PTRACE_DETACH; /* a process made by a bare clone() */
	else if (event == PTRACE_EVENT_STOP && signal_stops(sig))
		how = PTRACE_LISTEN;
	else if (!event && sig == SIGTRAP && entry_reached(tid))
		sig = 0;
	/* ESRCH: killed meanwhile; its end will be told. */
	ptrace((int)how, tid, NULL, (void *)(intptr_t)(event ? 0 : sig));
}

/* --- the program ------------------------------------------------------- */

static void signal_forward(int sig)
{
	int saved = errno;

	kill(w.pid, sig);
	errno = saved;
}

/* The terminal sends its signals to the program as well; it decides. */
static void signals_divide(void)
{
	const int forwarded[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
	struct sigaction act = {.sa_handler = signal_forward, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		sigaction(forwarded[i], &act, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
}

__attribute__((noreturn)) static void program_exec(char **argv, char **env, int gate)
{
	char go;

	if (read(gate, &go, 1) != 1)
		_exit(EXIT_OURS);
	for (; *env; env++)
		putenv(*env);
	execvp(*argv, argv);
	int cause = errno;
	fprintf(stderr, "watch: %s: %s\n", *argv, strerror(cause));
	_exit(cause == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN);
}

static void program_start(char **argv, char **env)
{
	const long options =
		PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE;
	int gate[2];

	if (pipe2(gate, O_CLOEXEC))
		fail("pipe");
	w.pid = fork();
	if (w.pid < 0)
		fail("fork");
	if (w.pid == 0) {
		close(gate[1]);
		program_exec(argv, env, gate[0]);
	}
	close(gate[0]);
	signals_divide();
	if (ptrace(PTRACE_SEIZE, w.pid, NULL, (void *)options))
		fail("ptrace is not allowed here");
	if (write(gate[1], "", 1) != 1)
		fail("write");
	close(gate[1]);
}

/* Follows the program to its end; its wait status, its usage in *usage. */
static int program_watch(struct rusage *usage)
{
	pid_t tid;
	int status;

	while ((tid = wait4(-1, &status, __WALL, usage)) > 0 || errno == EINTR) {
		if (tid > 0 && WIFSTOPPED(status))
			stop_seen(tid, status);
		else if (tid == w.pid)
			return status;
	}
	fail("wait4");
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void figures_write(FILE *out, int status, const struct rusage *usage, double ms)
{
	unsigned long long minor = (unsigned long long)usage->ru_minflt - w.base.minor;
	unsigned long long major = (unsigned long long)usage->ru_majflt - w.base.major;
	uint64_t met;
	unsigned long mean = w.stacks ? (w.stack_sum_kib + w.stacks / 2) / w.stacks : 0;

	fprintf(out, "status=%d\tfrom=%s\tminflt=%llu\tmajflt=%llu", status,
		w.at_entry ? "entry" : "exec", minor, major);
	if (w.met >= 0 && read(w.met, &met, sizeof met) == sizeof met)
		fprintf(out, "\tmet=%" PRIu64 "\tmet_in=%s", met, w.met_user_only ? "user" : "all");
	else
		fputs("\tmet=-\tmet_in=-", out);
	if (w.ended)
		fprintf(out, "\tpeak_kib=%lu\tvmlck_kib=%lu", w.peak_kib, w.locked_kib);
	else
		fprintf(out, "\tpeak_kib=%ld\tvmlck_kib=-", usage->ru_maxrss);
	fprintf(out, "\twall_ms=%.1f\tthreads=%lu\tstacks=%lu", ms, w.threads, w.stacks);
	fprintf(out, "\tstack_mean_kib=%lu\tstack_max_kib=%lu\n", mean, w.stack_max_kib);
	if (fclose(out))
		fail("writing the figures");
}

__attribute__((noreturn)) static void usage_exit(void)
{
	fputs("usage: watch [-E NAME=VALUE]... [-o FILE] [--] program [args]\n", stderr);
	exit(EXIT_OURS);
}

int main(int argc, char **argv)
{
	char **env = calloc((size_t)argc + 1, sizeof *env);
	size_t envs = 0;
	FILE *out = stderr;
	struct rusage usage;
	int c;

	while ((c = getopt(argc, argv, "+E:o:")) != -1) {
		if (c == 'E' && env && strchr(optarg, '='))
			env[envs++] = optarg;
		else if (c != 'o')
			usage_exit();
		else if (!(out = fopen(optarg, "we")))
			fail("%s", optarg);
	}
	if (optind == argc || !env)
		usage_exit();

	double start = now_ms();
	program_start(argv + optind, env);
	int status = program_watch(&usage);
	int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (w.running)
		figures_write(out, code, &usage, now_ms() - start);
	return code;
}
