/* SPDX-License-Identifier: MIT */
/* Messages: one line, one write, once, on stderr; where that is gone to the journal or to syslog.
 *
 * `ramlock: warning: mlock: Cannot allocate memory: limit 8192 KiB, need 24 MiB; set …`: severity,
 * operation, cause, figures, remedy. No malloc, no stdio; async-signal-safe once message_start
 * has run. A message never goes to a file that took the place of the stderr seen at start. */
#ifndef RAMLOCK_MESSAGE_H
#define RAMLOCK_MESSAGE_H

#include <stdbool.h>

#include "common/text.h"

/* What a message is about. Each kind is told once by a process, and once by a whole tree of
 * processes under `ramlock run`. */
enum message_kind {
	MESSAGE_SETTINGS, /* bad settings: as many lines as there are */
	MESSAGE_MEMLOCK,  /* the limit, or a refused lock */
	MESSAGE_RESERVE,  /* a reserve cut or refused */
	MESSAGE_TRIM,	  /* the heap's reserve may be trimmed */
	MESSAGE_TAKEN,	  /* a reserve cut by what others took meanwhile */
	MESSAGE_LARGE,	  /* the arena can't grow */
	MESSAGE_STEP,	  /* the level stepped down */
	MESSAGE_SANDBOX,  /* the program's own filter of system calls allows no locks */
	MESSAGE_REPORT,	  /* the report can't be written */
	MESSAGE_KINDS
};

#define MESSAGE_TOLD "RAMLOCK_TOLD" /* set by `ramlock run`: see message_start */

#define MESSAGE_SIZE 512 /* bytes of a line, at most */

/* A line that is being made. Its bytes are not the caller's: malloc may be called on a small stack. */
struct message {
	struct text text;
	char *buffer;
	bool error; /* else a warning */
};

/* By the constructor. verbose as the setting. told names the files by which a tree of processes knows what it has
 * told: told + "." + kind, each made by the first teller; "…/ramlock-PID-RANDOM", or NULL. */
void message_start(int verbose, const char *told);

/* Whether this process is to tell of a kind: true once at most, and then message_tell follows. A claim whose
 * line nobody got is taken back: another process of the tree may claim the kind at once, this one after a
 * second, as each try costs a few system calls. */
bool message_claim(enum message_kind kind);

/* Takes back what message_claim gave. */
void message_unclaim(enum message_kind kind);

/* Whether message_claim has a chance, for little. */
bool message_is_due(enum message_kind kind);

/* Begins "ramlock: warning: "; the caller adds the rest to m->text, and ends it by message_tell or
 * message_send. */
void message_warn(struct message *m);
void message_error(struct message *m);

/* Adds "Cannot allocate memory" for ENOMEM or -ENOMEM. */
void message_cause(struct message *m, int error);

/* Whether a descriptor is of the file that stderr was at start. */
bool message_is_stderr(int fd);

/* Whether stderr is what it was at start: what took its place may be the program's data. */
bool message_stderr_unchanged(void);

/* Writes the line to stderr: whether that was possible. */
bool message_send(struct message *m);

/* Writes the line of a claimed kind to stderr, unless that is closed, replaced or the null device; else to
 * the journal's or syslog's socket. Whether somebody got it; the counters page counts both. */
bool message_tell(struct message *m, enum message_kind kind);

/* For good: nothing is sent to a socket. Before a filter of system calls that would not bear it. */
void message_keep_from_sockets(void);

/* Writes "ramlock: …" when VERBOSE is at least level (2 or 3). */
__attribute__((format(printf, 2, 3))) void message_note(int level, const char *format, ...);
int message_verbose(void);

/* Whether message_end has something to do. No system call: it was decided at the start. */
bool message_is_end_due(void);

/* The root of the tree removes what told left; nothing in any other process. */
void message_end(void);

/* In a forked child: it is not the root, and other threads' lines will never be ended. */
void message_fork_child(void);

#endif
