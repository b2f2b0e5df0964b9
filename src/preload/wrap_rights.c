/* SPDX-License-Identifier: MIT */
/* The calls by which a program gives up the right to lock above RLIMIT_MEMLOCK: its user, its
 * capabilities, its namespace, the limit itself; and the limits of memory, which the arena follows. */
#include "config.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/sys.h"
#include "preload/growth.h"
#include "preload/large.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "preload/privileges.h"
#include "preload/process.h"
#include "preload/real.h"

#ifdef __GLIBC__
typedef __rlimit_resource_t resource_type;
#else
typedef int resource_type;
#endif

/* Where config.h asks for 64 bits, setrlimit and prlimit below bear the symbols with 64, and the
 * functions with numbers as wide as long are others. */
#ifdef HAVE_SHORT_MMAP
#define WIDE(name) name "64"
struct short_rlimit {
	unsigned long soft, hard;
};
#else
#define WIDE(name) name
#endif

/* libc has it, and no header of libc's declares it. */
int capset(cap_user_header_t header, const cap_user_data_t data);

/* Bound at the start: a vfork child or a signal handler may be the first to call one, and dlsym takes
 * more stack than all else. */
static struct {
	int (*setuid)(uid_t);
	int (*seteuid)(uid_t);
	int (*setreuid)(uid_t, uid_t);
	int (*setresuid)(uid_t, uid_t, uid_t);
	int (*capset)(cap_user_header_t, cap_user_data_t);
	int (*unshare)(int);
	int (*setns)(int, int);
	int (*setrlimit)(int, const struct rlimit *);
	int (*prlimit)(pid_t, int, const struct rlimit *, struct rlimit *);
#ifdef HAVE_SHORT_MMAP
	int (*short_setrlimit)(int, const struct short_rlimit *);
	int (*short_prlimit)(pid_t, int, const struct short_rlimit *, struct short_rlimit *);
#endif
	bool bound;
} next;

void real_bind_rights(void)
{
	if (__atomic_load_n(&next.bound, __ATOMIC_ACQUIRE))
		return;
	next.setuid = REAL_FUNCTION(int (*function)(uid_t), "setuid");
	next.seteuid = REAL_FUNCTION(int (*function)(uid_t), "seteuid");
	next.setreuid = REAL_FUNCTION(int (*function)(uid_t, uid_t), "setreuid");
	next.setresuid = REAL_FUNCTION(int (*function)(uid_t, uid_t, uid_t), "setresuid");
	next.capset = REAL_FUNCTION(int (*function)(cap_user_header_t, cap_user_data_t), "capset");
	next.unshare = REAL_FUNCTION(int (*function)(int), "unshare");
	next.setns = REAL_FUNCTION(int (*function)(int, int), "setns");
	next.setrlimit = REAL_FUNCTION(int (*function)(int, const struct rlimit *), WIDE("setrlimit"));
	next.prlimit = REAL_FUNCTION(int (*function)(pid_t, int, const struct rlimit *, struct rlimit *),
				     WIDE("prlimit"));
#ifdef HAVE_SHORT_MMAP
	next.short_setrlimit = REAL_FUNCTION(int (*function)(int, const struct short_rlimit *), "setrlimit");
	next.short_prlimit = REAL_FUNCTION(
		int (*function)(pid_t, int, const struct short_rlimit *, struct short_rlimit *), "prlimit");
#endif
	__atomic_store_n(&next.bound, true, __ATOMIC_RELEASE);
}

/* Before the call: whether it is one to watch. */
static bool watch(bool risky, bool limit_too)
{
	real_bind_rights();
	process_check();
	if (!risky || !preload_active)
		return false;
	privileges_suspend(limit_too);
	return true;
}

/* After the call, whose result this is. */
static int settle(bool watched, const char *operation, int result)
{
	if (watched) {
		privileges_settle(operation);
		growth_start(); /* at level ranges, which this may be by now */
	}
	return result;
}

static bool is_user(uid_t uid)
{
	return uid != 0 && uid != (uid_t)-1;
}

EXPORT int setuid(uid_t uid)
{
	const bool watched = watch(is_user(uid), false);

	return settle(watched, "setuid", next.setuid(uid));
}

EXPORT int seteuid(uid_t uid)
{
	const bool watched = watch(is_user(uid), false);

	return settle(watched, "seteuid", next.seteuid(uid));
}

EXPORT int setreuid(uid_t real, uid_t effective)
{
	const bool watched = watch(is_user(real) || is_user(effective), false);

	return settle(watched, "setreuid", next.setreuid(real, effective));
}

EXPORT int setresuid(uid_t real, uid_t effective, uid_t saved)
{
	const bool watched = watch(is_user(real) || is_user(effective) || is_user(saved), false);

	return settle(watched, "setresuid", next.setresuid(real, effective, saved));
}

/* A wrong pointer is the kernel's to find. CAP_IPC_LOCK is in the first word of each version. */
static bool is_lock_kept(const struct __user_cap_data_struct *data)
{
	struct __user_cap_data_struct copy = {0};
	struct iovec local = {&copy, sizeof(copy)};
	struct iovec remote = {(void *)data, sizeof(copy)};
	const long pid = SYS_CALL(SYS_getpid);

	SYS_CALL(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0);
	return copy.effective >> CAP_IPC_LOCK & 1;
}

EXPORT int capset(cap_user_header_t header, const cap_user_data_t data)
{
	const bool watched = watch(!is_lock_kept(data), false);

	return settle(watched, "capset", next.capset(header, data));
}

EXPORT int unshare(int flags)
{
	const bool watched = watch(flags & CLONE_NEWUSER, false);

	return settle(watched, "unshare", next.unshare(flags));
}

EXPORT int setns(int fd, int type)
{
	const bool watched = watch(type == 0 || type & CLONE_NEWUSER, false);

	return settle(watched, "setns", next.setns(fd, type));
}

/* After a call that sets a limit. A vfork child's limits are its own, its memory is not. */
static int limited(bool watched, const char *operation, int resource, int result)
{
	if (result == 0 && preload_active && (resource == RLIMIT_AS || resource == RLIMIT_DATA) &&
	    preload_is_own_process()) {
		next_follow_limits();
		large_follow_limit();
	}
	return settle(watched, operation, result);
}

EXPORT int setrlimit(resource_type resource, const struct rlimit *limit)
{
	const bool watched = watch(resource == RLIMIT_MEMLOCK, true);

	return limited(watched, "setrlimit", (int)resource, next.setrlimit((int)resource, limit));
}

#ifdef HAVE_SHORT_MMAP
EXPORT int short_setrlimit(int resource, const struct short_rlimit *limit) __asm__("setrlimit");

EXPORT int short_setrlimit(int resource, const struct short_rlimit *limit)
{
	const bool watched = watch(resource == RLIMIT_MEMLOCK, true);

	return limited(watched, "setrlimit", resource, next.short_setrlimit(resource, limit));
}
#elif defined __GLIBC__
EXPORT int setrlimit64(resource_type resource, const struct rlimit64 *limit)
	__attribute__((alias("setrlimit")));
#endif

/* What prlimit sets of this process, or none. */
static int own_resource(pid_t pid, int resource, const void *limit)
{
	return limit && (pid == 0 || pid == (pid_t)SYS_CALL(SYS_getpid)) ? resource : -1;
}

EXPORT int prlimit(pid_t pid, resource_type resource, const struct rlimit *limit,
		   struct rlimit *old)
{
	const int own = own_resource(pid, (int)resource, limit);
	const bool watched = watch(own == RLIMIT_MEMLOCK, true);

	return limited(watched, "prlimit", own, next.prlimit(pid, (int)resource, limit, old));
}

#ifdef HAVE_SHORT_MMAP
EXPORT int short_prlimit(pid_t pid, int resource, const struct short_rlimit *limit,
			 struct short_rlimit *old) __asm__("prlimit");

EXPORT int short_prlimit(pid_t pid, int resource, const struct short_rlimit *limit,
			 struct short_rlimit *old)
{
	const int own = own_resource(pid, resource, limit);
	const bool watched = watch(own == RLIMIT_MEMLOCK, true);

	return limited(watched, "prlimit", own, next.short_prlimit(pid, resource, limit, old));
}
#elif defined __GLIBC__
EXPORT int prlimit64(pid_t pid, resource_type resource, const struct rlimit64 *limit,
		     struct rlimit64 *old) __attribute__((alias("prlimit")));
#endif
