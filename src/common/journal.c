/* SPDX-License-Identifier: MIT */
/* The journal's own protocol (systemd.journal-fields(7)) and syslog's (RFC 3164, without a time: the
 * receiver's is the same). */
#include "config.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "common/journal.h"
#include "common/sys.h"
#include "common/text.h"

#define FACILITY_DAEMON 24

static const struct sockaddr_un journal = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
static const struct sockaddr_un syslog = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};

struct datagram {
	const struct sockaddr_un *to;
	const struct journal_frame *frame;
	const char *line;
	size_t length;
};

/* With the signals blocked whose handlers could leave by longjmp, or fork, while a descriptor is open. */
static int send_datagram(const struct datagram *d)
{
	static const unsigned long all[8 / sizeof(unsigned long)] = {[0 ... 8 / sizeof(unsigned long) - 1] = ~0ul};
	unsigned long before[8 / sizeof(unsigned long)] = {0};
	struct iovec parts[] = {
		{(void *)d->frame->head, strlen(d->frame->head)},
		{(void *)d->line, d->length},
		{(void *)d->frame->tail, strlen(d->frame->tail)},
	};
	const struct msghdr message = {
		.msg_name = (void *)d->to, .msg_namelen = sizeof(*d->to), .msg_iov = parts, .msg_iovlen = 3};
	long sent;
	int fd;

	if (SYS_CALL(SYS_rt_sigprocmask, SIG_BLOCK, all, before, sizeof(all)) != 0)
		return -EAGAIN;
	fd = (int)SYS_CALL(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	sent = fd < 0 ? fd : SYS_CALL(SYS_sendmsg, fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (fd >= 0)
		sys_close(fd);
	SYS_CALL(SYS_rt_sigprocmask, SIG_SETMASK, before, NULL, sizeof(before));
	return sent < 0 ? (int)sent : 0;
}

int journal_send(enum journal_priority priority, const char *program, const char *line, size_t length,
		 struct journal_frame *frame)
{
	const int pid = (int)SYS_CALL(SYS_getpid);
	struct datagram d = {.to = &journal, .frame = frame, .line = line, .length = length};
	struct text t;
	int error;

	text_init(&t, frame->head, sizeof(frame->head));
	text_add(&t, "PRIORITY=%d\nSYSLOG_IDENTIFIER=ramlock\nSYSLOG_PID=%d\nMESSAGE=", (int)priority, pid);
	text_init(&t, frame->tail, sizeof(frame->tail));
	text_add(&t, " (%s, pid %d)\n", program, pid);
	error = send_datagram(&d);
	if (error == 0)
		return 0;
	d.to = &syslog;
	text_init(&t, frame->head, sizeof(frame->head));
	text_add(&t, "<%d>ramlock[%d]: ", FACILITY_DAEMON + (int)priority, pid);
	text_init(&t, frame->tail, sizeof(frame->tail));
	text_add(&t, " (%s, pid %d)", program, pid);
	return send_datagram(&d);
}
