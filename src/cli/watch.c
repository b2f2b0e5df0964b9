/* SPDX-License-Identifier: MIT */
/* Redraws on a terminal; elsewhere writes one after the other. */
#include "config.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/watch.h"

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

bool watch_set_interval(struct watch *watch, const char *seconds)
{
	char *end;
	double value = seconds ? strtod(seconds, &end) : 2;

	if (seconds && (*end != '\0' || strspn(seconds, "0123456789.") != strlen(seconds)))
		return false;
	if (!(value >= 0.01 && value <= 86400))
		return false;
	watch->milliseconds = (long)(value * 1000);
	return true;
}

/* Keys without Enter and without echo, Ctrl-C as before. */
static bool set_terminal(struct termios *old)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, old) != 0)
		return false;
	raw = *old;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* Waits; true when the user has had enough. */
static bool wait_for_key(long milliseconds, bool keys)
{
	struct pollfd input = {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN};
	char key;

	if (poll(&input, 1, (int)milliseconds) > 0)
		return read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q';
	return stopped;
}

/* Over what was there, each line cleared behind, and no more lines than there is room for: else
 * the terminal would scroll. The exit status. */
static int draw(const char *text)
{
	struct winsize size;
	int left = 24;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row)
		left = size.ws_row;
	fputs("\033[H", stdout);
	while (*text && --left > 0) {
		size_t length = strcspn(text, "\n");

		printf("%.*s\033[K\n", (int)length, text);
		text += length + (text[length] == '\n');
	}
	fputs(*text ? "...\033[K\033[J" : "\033[J", stdout);
	return output_flush(stdout) == 0 ? 0 : CLI_FAILED;
}

static int draw_once(int (*show)(void *, FILE *), void *context)
{
	char *text = NULL;
	size_t size;
	FILE *to = cli_memstream(&text, &size);
	int result = show(context, to);

	fclose(to);
	if (result == 0)
		result = draw(text);
	free(text);
	return result;
}

int watch_loop(const struct watch *watch, int (*show)(void *, FILE *), void *context)
{
	const struct sigaction on_stop = {.sa_handler = stop};
	const bool terminal = isatty(STDOUT_FILENO);
	struct termios old;
	bool keys = terminal && set_terminal(&old);
	int result = 0;

	sigaction(SIGINT, &on_stop, NULL);
	sigaction(SIGTERM, &on_stop, NULL);
	if (terminal)
		fputs("\033[?25l\033[?7l\033[2J", stdout); /* no cursor, no wrapped lines */
	for (long i = 0; result == 0; i++) {
		if (!terminal && i)
			putchar('\n');
		result = terminal ? draw_once(show, context) : show(context, stdout);
		if (stopped || i + 1 == watch->count ||
		    (result == 0 && wait_for_key(watch->milliseconds, keys)))
			break;
	}
	if (terminal)
		fputs("\033[?25h\033[?7h\n", stdout);
	output_flush(stdout);
	if (keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &old);
	return result == WATCH_END ? 0 : result;
}
