/* SPDX-License-Identifier: MIT */
/* Asks a filter whether it lets through what the library does, and gets ready for one that does not. */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/message.h"
#include "common/sys.h"
#include "preload/filter.h"
#include "preload/large.h"
#include "preload/level.h"
#include "preload/mapping.h"
#include "preload/report.h"
#include "preload/sandbox.h"

#define ADDRESS 0x10000000 /* of what the calls are about: filters don't ask */

bool sandbox_on;

static bool empties; /* MADV_DONTNEED_LOCKED is allowed */

/* What wrappers, reports and children do by themselves; tests/refusals.table has them all. */
static const struct filter_call ours[] = {
	{SYS_capget, {0}},
	{SYS_close, {9}},
	{SYS_fcntl, {2, F_GETFD}},
	{SYS_getpid, {0}},
	{SYS_gettid, {0}},
	{SYS_getrusage, {0}},
	{SYS_madvise, {ADDRESS, 4096, MADV_DODUMP}},
	{SYS_madvise, {ADDRESS, 4096, MADV_DONTDUMP}},
	{SYS_madvise, {ADDRESS, 4096, MADV_DONTNEED}},
	{SYS_madvise, {ADDRESS, 4096, MADV_POPULATE_WRITE}},
	{SYS_mlock, {ADDRESS, 4096}},
	{SYS_mlock2, {ADDRESS, 4096, MLOCK_ONFAULT}},
	{SYS_mlockall, {MCL_FUTURE | MCL_ONFAULT}},
	{SYS_mprotect, {ADDRESS, 4096, PROT_READ | PROT_WRITE}},
	{SYS_mprotect, {ADDRESS, 4096, PROT_NONE}},
	{SYS_mremap, {ADDRESS, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED}},
	{SYS_msync, {ADDRESS, 4096, MS_ASYNC}},
	{SYS_munlock, {ADDRESS, 4096}},
	{SYS_munmap, {ADDRESS, 4096}},
	{SYS_openat, {(uint64_t)AT_FDCWD, ADDRESS, O_RDONLY | O_CLOEXEC}},
	{SYS_prlimit64, {0, RLIMIT_AS}},
	{SYS_read, {9, ADDRESS, 4096}},
	{SYS_rt_sigprocmask, {SIG_SETMASK, ADDRESS, ADDRESS, 8}},
	{SYS_tgkill, {1, 1, 0}},
	{SYS_write, {2, ADDRESS, 100}},
};

/* The program's filter, copied: a wrong pointer is the kernel's to find. */
struct copy {
	struct sock_fprog program;
	struct sock_filter code[BPF_MAXINSNS];
};

static bool read_own(void *to, const void *from, size_t size)
{
	struct iovec local = {to, size};
	struct iovec remote = {(void *)from, size};

	return SYS_CALL(SYS_process_vm_readv, SYS_CALL(SYS_getpid), &local, 1, &remote, 1, 0) == (long)size;
}

static bool copy_read(struct copy *copy, const void *program)
{
	return read_own(&copy->program, program, sizeof(copy->program)) &&
	       copy->program.len > 0 && copy->program.len <= BPF_MAXINSNS &&
	       read_own(copy->code, copy->program.filter, copy->program.len * sizeof(*copy->code));
}

static bool is_harmless(const struct copy *copy)
{
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (!filter_bears(copy->code, copy->program.len, &ours[i]))
			return false;
	return true;
}

/* What message.c makes for a line when stderr is gone. */
static bool bears_sockets(const struct copy *copy)
{
	static const struct filter_call calls[] = {
		{SYS_socket, {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0}},
		{SYS_sendmsg, {9, ADDRESS, MSG_NOSIGNAL | MSG_DONTWAIT}},
	};

	return filter_bears(copy->code, copy->program.len, &calls[0]) &&
	       filter_bears(copy->code, copy->program.len, &calls[1]);
}

static bool allows(const struct copy *copy, long number, uint64_t first, uint64_t third)
{
	const struct filter_call call = {number, {first, 4096, third}};

	return filter_allows(copy->code, copy->program.len, &call);
}

/* What the user has to know: at level future, on fault, nothing is lost but a child's locks. */
static void tell(bool has_children)
{
	const bool ranges = level_now() == LEVEL_RANGES;
	struct message m;

	if (preload_options.on_error == ERROR_QUIET || level_now() == LEVEL_NONE ||
	    (!ranges && !has_children && preload_options.lock != LOCK_EAGER && empties) ||
	    !message_claim(MESSAGE_SANDBOX))
		return;
	message_warn(&m);
	text_add(&m.text, "seccomp: the program's filter of system calls allows no more locks: ");
	if (!empties)
		text_add(&m.text, "it would also keep locked memory from being given back, so that nothing stays locked");
	else if (ranges)
		text_add(&m.text, "what is locked stays so, what comes later is not");
	else
		text_add(&m.text, "what comes later is locked as it is used, its children are not locked");
	message_tell(&m, MESSAGE_SANDBOX);
}

/* A program that is executed later has the filter from its start, and would be ended by ours. */
static void get_ready(bool may_fork, bool may_execute)
{
	tell(may_fork || may_execute);
	message_keep_from_sockets();
	if (may_execute)
		preload_drop();
	report_write();
	message_end();
	if (!empties) {
		level_end();
		sys_munlockall();
	}
	if (mapping_is_counted(0))
		large_relieve(); /* which can't be done when the limit is met */
	large_keep_all(true);
	__atomic_store_n(&sandbox_on, true, __ATOMIC_RELAXED);
	__atomic_store_n(&preload_active, false, __ATOMIC_RELEASE);
}

static bool is_asked_for_us(void)
{
	return preload_active && preload_is_own_process();
}

bool sandbox_enter(const void *program)
{
	struct copy *copy;
	intptr_t at;
	bool is_read, entered;

	if (!is_asked_for_us())
		return false;
	at = sys_mmap(0, sizeof(*copy), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (sys_is_error(at)) {
		message_keep_from_sockets();
		return false;
	}
	copy = (struct copy *)at;
	is_read = copy_read(copy, program);
	entered = is_read && !is_harmless(copy);
	if (entered) {
		empties = !allows(copy, SYS_madvise, ADDRESS, MADV_DONTNEED) ||
			  allows(copy, SYS_madvise, ADDRESS, MADV_DONTNEED_LOCKED);
		get_ready(allows(copy, SYS_clone, SIGCHLD, 0), allows(copy, SYS_execve, ADDRESS, ADDRESS));
	}
	if (is_read && !bears_sockets(copy))
		message_keep_from_sockets();
	sys_munmap((uintptr_t)at, sizeof(*copy));
	return entered;
}

bool sandbox_enter_strict(void)
{
	if (!is_asked_for_us())
		return false;
	empties = true; /* no madvise at all */
	get_ready(false, false);
	return true;
}

void sandbox_leave(void)
{
	large_keep_all(false);
	__atomic_store_n(&sandbox_on, false, __ATOMIC_RELAXED);
	__atomic_store_n(&preload_active, true, __ATOMIC_RELEASE);
}

bool sandbox_may_empty(void)
{
	return sandbox_is_on() && empties;
}

void sandbox_adopt(void)
{
	stats_part();
	message_fork_child();
	large_fork_child();
	level_end();
}
