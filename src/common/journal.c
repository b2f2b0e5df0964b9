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
#define HEAD_SIZE	80

struct datagram {
	const char *path;
	char head[HEAD_SIZE], tail[48]; /* around the line */
	const char *line;
	size_t length;
};

/* With the signals blocked whose handlers could leave by longjmp, or fork, while a descriptor is open. */
static int send_datagram(const struct datagram *d)
{
	const unsigned long all[8 / sizeof(unsigned long)] = {[0 ... 8 / sizeof(unsigned long) - 1] = ~0ul};
	unsigned long before[8 / sizeof(unsigned long)] = {0};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct iovec parts[] = {
		{(void *)d->head, strlen(d->head)},
		{(void *)d->line, d->length},
		{(void *)d->tail, strlen(d->tail)},
	};
	const struct msghdr message = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = parts, .msg_iovlen = 3};
	long sent;
	int fd;

	memcpy(to.sun_path, d->path, strlen(d->path) + 1);
	if (SYS_CALL(SYS_rt_sigprocmask, SIG_BLOCK, all, before, sizeof(all)) != 0)
		return -EAGAIN;
	fd = (int)SYS_CALL(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	sent = fd < 0 ? fd : SYS_CALL(SYS_sendmsg, fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (fd >= 0)
		sys_close(fd);
	SYS_CALL(SYS_rt_sigprocmask, SIG_SETMASK, before, NULL, sizeof(before));
	return sent < 0 ? (int)sent : 0;
}

int journal_send(enum journal_priority priority, const char *program, const char *line, size_t length)
{
	const int pid = (int)SYS_CALL(SYS_getpid);
	struct datagram d = {.path = "/run/systemd/journal/socket", .line = line, .length = length};
	struct text t;
	int error;

	text_init(&t, d.head, sizeof(d.head));
	text_add(&t, "PRIORITY=%d\nSYSLOG_IDENTIFIER=ramlock\nSYSLOG_PID=%d\nMESSAGE=", (int)priority, pid);
	text_init(&t, d.tail, sizeof(d.tail));
	text_add(&t, " (%s, pid %d)\n", program, pid);
	error = send_datagram(&d);
	if (error == 0)
		return 0;
	d.path = "/dev/log";
	text_init(&t, d.head, sizeof(d.head));
	text_add(&t, "<%d>ramlock[%d]: ", FACILITY_DAEMON + (int)priority, pid);
	text_init(&t, d.tail, sizeof(d.tail));
	text_add(&t, " (%s, pid %d)", program, pid);
	return send_datagram(&d);
}
