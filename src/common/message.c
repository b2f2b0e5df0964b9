/* SPDX-License-Identifier: MIT */
/* Tells the user what is not locked: one line, once for a process and for its tree. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "common/file.h"
#include "common/journal.h"
#include "common/message.h"
#include "common/stats.h"
#include "common/sys.h"

#define LINES	    16 /* at a time: each kind is told once, but for notes */
#define RETRY_AFTER 1  /* seconds, where nobody got a line */

static int verbose_level = 1;
static const char *told_files;
static bool claimed[MESSAGE_KINDS];
static bool file_made[MESSAGE_KINDS]; /* by this process's claim */
static long retry_at[MESSAGE_KINDS];  /* 0 where none has failed */
static bool sockets_off;
static char program[16 + 1];
static bool is_root; /* of the tree of processes that shares told_files */

static char lines[LINES][MESSAGE_SIZE];
static unsigned lines_used; /* a bit a line */

/* stderr as it was at start: a later file of that number may be the program's data. */
static struct {
	bool open;
	dev_t device;
	ino_t inode;
} stderr_seen;

static bool file_identify(int fd, dev_t *device, ino_t *inode)
{
	struct stat status;
	int saved = errno;
	bool open = fstat(fd, &status) == 0;

	errno = saved;
	*device = open ? status.st_dev : 0;
	*inode = open ? status.st_ino : 0;
	return open;
}

/* NULL where other threads have all of them: a line more or less is not worth waiting for. */
static char *line_take(void)
{
	unsigned used = __atomic_load_n(&lines_used, __ATOMIC_RELAXED);

	while (used != (1u << LINES) - 1) {
		const unsigned free = (unsigned)__builtin_ctz(~used);

		if (__atomic_compare_exchange_n(&lines_used, &used, used | 1u << free, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return lines[free];
	}
	return NULL;
}

static void line_drop(const char *line)
{
	const size_t at = (size_t)(line - lines[0]) / MESSAGE_SIZE;

	if (line)
		__atomic_fetch_and(&lines_used, ~(1u << at), __ATOMIC_RELEASE);
}

bool message_is_stderr(int fd)
{
	dev_t device;
	ino_t inode;

	return stderr_seen.open && file_identify(fd, &device, &inode) &&
	       device == stderr_seen.device && inode == stderr_seen.inode;
}

bool message_stderr_unchanged(void)
{
	return message_is_stderr(STDERR_FILENO);
}

/* The pid in "…/ramlock-PID-RANDOM" is that of the tree's first process. */
static bool is_named_in(const char *told)
{
	const char *name = told ? strrchr(told, '/') : NULL;
	const char *pid = name ? strchr(name, '-') : NULL;
	uint64_t number;

	return pid && text_number(pid + 1, 10, &number) &&
	       number == (uint64_t)SYS_CALL(SYS_getpid);
}

void message_start(int verbose, const char *told)
{
	verbose_level = verbose;
	told_files = told;
	is_root = is_named_in(told);
	stderr_seen.open = file_identify(STDERR_FILENO, &stderr_seen.device, &stderr_seen.inode);
	SYS_CALL(SYS_prctl, PR_GET_NAME, program);
	text_tame(program);
	/* A filter that was there before us may end the program for a socket, and can't be looked at. */
	if (SYS_CALL(SYS_prctl, PR_GET_SECCOMP) > 0)
		message_keep_from_sockets();
}

void message_keep_from_sockets(void)
{
	__atomic_store_n(&sockets_off, true, __ATOMIC_RELAXED);
}

void message_fork_child(void)
{
	is_root = false;
	lines_used = 0;
}

int message_verbose(void)
{
	return verbose_level;
}

static void told_path(enum message_kind kind, char *path)
{
	struct text t;

	text_init(&t, path, MESSAGE_SIZE);
	text_add(&t, "%s.%u", told_files, (unsigned)kind);
	if (t.cut)
		*path = '\0';
}

static long seconds(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (long)now.tv_sec;
}

/* Whoever makes the file is the one who tells; where it can't be made, everybody does. */
static bool claim_in_tree(enum message_kind kind)
{
	char *path = told_files ? line_take() : NULL;
	int fd;

	if (path == NULL)
		return true;
	told_path(kind, path);
	fd = sys_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	line_drop(path);
	file_made[kind] = fd >= 0;
	if (fd >= 0)
		sys_close(fd);
	return fd != -EEXIST;
}

bool message_is_due(enum message_kind kind)
{
	const long at = __atomic_load_n(&retry_at[kind], __ATOMIC_RELAXED);

	return !__atomic_load_n(&claimed[kind], __ATOMIC_RELAXED) && (at == 0 || seconds() >= at);
}

bool message_claim(enum message_kind kind)
{
	if (!message_is_due(kind) || __atomic_exchange_n(&claimed[kind], true, __ATOMIC_ACQUIRE))
		return false;
	return verbose_level > 0 && claim_in_tree(kind);
}

void message_unclaim(enum message_kind kind)
{
	char *path = file_made[kind] ? line_take() : NULL;

	if (path) {
		told_path(kind, path);
		SYS_CALL(SYS_unlinkat, AT_FDCWD, path, 0);
		line_drop(path);
	}
	file_made[kind] = false;
	__atomic_store_n(&retry_at[kind], seconds() + RETRY_AFTER, __ATOMIC_RELAXED);
	__atomic_store_n(&claimed[kind], false, __ATOMIC_RELEASE);
}

bool message_is_end_due(void)
{
	return __atomic_load_n(&is_root, __ATOMIC_RELAXED);
}

void message_end(void)
{
	char *path = __atomic_exchange_n(&is_root, false, __ATOMIC_RELAXED) ? line_take() : NULL;

	if (path == NULL)
		return;
	for (int kind = 0; kind < MESSAGE_KINDS; kind++) {
		told_path((enum message_kind)kind, path);
		SYS_CALL(SYS_unlinkat, AT_FDCWD, path, 0);
	}
	line_drop(path);
}

static void begin(struct message *m, const char *severity)
{
	static char none[1];

	m->buffer = line_take();
	text_init(&m->text, m->buffer ? m->buffer : none,
		  m->buffer ? MESSAGE_SIZE - 1 : sizeof(none)); /* room for the newline */
	text_add(&m->text, "ramlock: %s", severity);
	m->error = false;
}

void message_warn(struct message *m)
{
	begin(m, "warning: ");
}

void message_error(struct message *m)
{
	begin(m, "error: ");
	m->error = true;
}

void message_cause(struct message *m, int error)
{
	static const struct {
		int error;
		const char *text;
	} causes[] = {
		{EPERM, "Operation not permitted"},
		{ENOMEM, "Cannot allocate memory"},
		{EAGAIN, "Resource temporarily unavailable"},
		{EINVAL, "Invalid argument"},
		{ENOSYS, "Function not implemented"},
		{EACCES, "Permission denied"},
		{ENOENT, "No such file or directory"},
		{ELOOP, "is a symbolic link"},
		{EROFS, "Read-only file system"},
		{ENOSPC, "No space left on device"},
		{EISDIR, "Is a directory"},
		{ENXIO, "No such device or address"},
		{EIO, "Input/output error"},
		{EINTR, "Interrupted system call"},
		{EFBIG, "File too large"},
		{EDQUOT, "Disk quota exceeded"},
		{EMFILE, "Too many open files"},
		{ENFILE, "Too many open files in system"},
		{ENAMETOOLONG, "File name too long"},
	};

	if (error < 0)
		error = -error;
	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++) {
		if (causes[i].error == error) {
			text_add(&m->text, "%s", causes[i].text);
			return;
		}
	}
	text_add(&m->text, "error %d", error);
}

/* Ends the line, with its newline: the length, or 0 where there is none. */
static size_t line_end(struct message *m)
{
	const size_t length = text_length(&m->text);

	if (m->buffer == NULL)
		return 0;
	text_tame(m->buffer);
	m->buffer[length] = '\n';
	return length + 1;
}

static bool write_stderr(const char *line, size_t length)
{
	return message_stderr_unchanged() && file_write(STDERR_FILENO, line, length) == 0;
}

bool message_send(struct message *m)
{
	const size_t length = line_end(m);
	const bool written = length && write_stderr(m->buffer, length);

	line_drop(m->buffer);
	m->buffer = NULL;
	return written;
}

/* Services of many init systems have it for their stderr, which no user has asked for. Not inline: its
 * status would lie on a small stack while the line is written. */
__attribute__((noinline)) static bool is_stderr_null(void)
{
	struct stat status;
	const int saved = errno;
	const bool null = fstat(STDERR_FILENO, &status) == 0 && S_ISCHR(status.st_mode) &&
			  status.st_rdev == makedev(1, 3);

	errno = saved;
	return null;
}

/* Not from a child in its parent's memory, whose files are its own. */
static bool is_socket_allowed(void)
{
	return !__atomic_load_n(&sockets_off, __ATOMIC_RELAXED) &&
	       (stats->pid == 0 || stats->pid == (uint32_t)SYS_CALL(SYS_getpid));
}

__attribute__((noinline)) static bool write_journal(const struct message *m, size_t length)
{
	struct journal_frame *frame = is_socket_allowed() ? (struct journal_frame *)line_take() : NULL;
	bool written;

	if (frame == NULL)
		return false;
	written = journal_send(m->error ? JOURNAL_ERROR : JOURNAL_WARNING, program, m->buffer, length, frame) == 0;
	line_drop((const char *)frame);
	return written;
}

_Static_assert(sizeof(struct journal_frame) <= MESSAGE_SIZE, "a frame fits a line");

bool message_tell(struct message *m, enum message_kind kind)
{
	const size_t length = line_end(m);
	const bool told = length && ((!is_stderr_null() && write_stderr(m->buffer, length)) ||
				     write_journal(m, length - 1));

	line_drop(m->buffer);
	m->buffer = NULL;
	stats_add(told ? STAT_lines_told : STAT_lines_untold, 1);
	if (!told)
		message_unclaim(kind);
	return told;
}

void message_note(int level, const char *format, ...)
{
	struct message m;
	va_list args;

	if (verbose_level < level)
		return;
	begin(&m, "");
	va_start(args, format);
	text_add_list(&m.text, format, args);
	va_end(args);
	message_send(&m);
}
