/* SPDX-License-Identifier: MIT */
/* Writes with the signals blocked that a write may send, and takes back what it sent. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/file.h"
#include "common/sys.h"

/* The kernel's signal set; those that are meant here are in its first word. */
struct signals {
	unsigned long word[8 / sizeof(unsigned long)];
};

struct guard {
	struct signals before;
	struct signals pending;
};

static unsigned long signal_bit(int signal)
{
	return 1ul << (signal - 1);
}

static const unsigned long guarded = 1ul << (SIGXFSZ - 1) | 1ul << (SIGPIPE - 1) | 1ul << (SIGTTOU - 1);

static void guard_enter(struct guard *g)
{
	const struct signals set = {{guarded}};

	*g = (struct guard){0};
	SYS_CALL(SYS_rt_sigprocmask, SIG_BLOCK, &set, &g->before, sizeof(set));
	SYS_CALL(SYS_rt_sigpending, &g->pending, sizeof(g->pending));
}

/* The signal that an error came with. The kernel sends it to the thread that writes, so that it is
 * pending now, unless the program ignores it. */
static int signal_of(int error)
{
	return error == -EFBIG ? SIGXFSZ : error == -EPIPE ? SIGPIPE : 0;
}

static void guard_leave(const struct guard *g, int error)
{
	const int signal = signal_of(error);
	const struct signals set = {{signal ? signal_bit(signal) : 0}};
	const int64_t now[2] = {0, 0};

	if (signal)
		SYS_CALL(SYS_rt_sigtimedwait, &set, NULL, now, sizeof(set));
	SYS_CALL(SYS_rt_sigprocmask, SIG_SETMASK, &g->before, NULL, sizeof(g->before));
}

/* One that waits already is the program's, and can't be told from one of ours. */
static bool is_guarded(const struct guard *g)
{
	return (g->pending.word[0] & guarded) == 0;
}

static int write_all(int fd, const char *from, size_t size)
{
	while (size > 0) {
		long part = sys_write(fd, from, size);

		if (part < 0 && part != -EINTR)
			return (int)part;
		from += part > 0 ? part : 0;
		size -= part > 0 ? (size_t)part : 0;
	}
	return 0;
}

int file_write(int fd, const void *from, size_t size)
{
	struct guard guard;
	int error;

	guard_enter(&guard);
	error = is_guarded(&guard) ? write_all(fd, from, size) : -EAGAIN;
	guard_leave(&guard, error);
	return error;
}

int file_resize(int fd, long size)
{
	struct guard guard;
	int error;

	guard_enter(&guard);
	error = is_guarded(&guard) ? (int)SYS_CALL(SYS_ftruncate, fd, size) : -EAGAIN;
	guard_leave(&guard, error);
	return error;
}
