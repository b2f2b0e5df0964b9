/* SPDX-License-Identifier: MIT */
/* Hands a line to the journal, or to the syslog daemon where there is no journal: for a program whose
 * standard error is gone.
 *
 * One datagram to a socket that is there, never waited for; no malloc, errno and signals are left alone.
 * A descriptor is open from the first call to the last, closed on exec, while signals are blocked: a
 * thread that opens a file in between gets the next number, and a child that another thread forks in
 * between keeps it until it executes something. Async-signal-safe. */
#ifndef RAMLOCK_JOURNAL_H
#define RAMLOCK_JOURNAL_H

#include <stddef.h>

enum journal_priority { JOURNAL_ERROR = 3, JOURNAL_WARNING = 4 }; /* as syslog(3) counts them */

/* What stands around a line in a datagram; the caller's, since a small stack has no room for it. */
struct journal_frame {
	char head[80], tail[48];
};

/* Sends the line, which ends without a newline, as ramlock's about this process; program is its name.
 * 0, or -errno where nobody took it. */
int journal_send(enum journal_priority priority, const char *program, const char *line, size_t length,
		 struct journal_frame *frame);

#endif
