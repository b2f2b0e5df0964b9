/* SPDX-License-Identifier: MIT */
/* What a service does: blocks and a thread, a word on stdout, "ready" to systemd, and an end by SIGTERM. */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "victim.h"

static void *work(void *block)
{
	memset(block, 1, 4u << 20);
	return block;
}

/* sd_notify(3), as the environment asks for it. */
static void notify(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const size_t length = strlen(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(to.sun_path, path, length < sizeof(to.sun_path) ? length : 0);
	if (*path == '@')
		to.sun_path[0] = '\0';
	sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&to,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	close(fd);
}

int main(void)
{
	void *block = malloc(4u << 20);
	const char *path = getenv("NOTIFY_SOCKET");
	pthread_t thread;
	sigset_t ends;
	int which;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	if (block == NULL || pthread_create(&thread, NULL, work, block) != 0 ||
	    pthread_join(thread, NULL) != 0)
		return 1;
	puts("serving");
	fflush(stdout);
	if (path)
		notify(path);
	sigwait(&ends, &which);
	free(block);
	return 0;
}
