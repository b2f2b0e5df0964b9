/* SPDX-License-Identifier: MIT */
/* Tells the user what is not locked: one line, once for a process and for its tree. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "common/message.h"
#include "common/sys.h"

static int verbose_level = 1;
static const char *told_files;
static bool claimed[MESSAGE_KINDS];

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

void message_start(int verbose, const char *told)
{
	verbose_level = verbose;
	told_files = told;
	stderr_seen.open = file_identify(STDERR_FILENO, &stderr_seen.device, &stderr_seen.inode);
}

int message_verbose(void)
{
	return verbose_level;
}

static void told_path(enum message_kind kind, char *path, size_t size)
{
	struct text t;

	text_init(&t, path, size);
	text_add(&t, "%s.%u", told_files, (unsigned)kind);
	if (t.cut)
		*path = '\0';
}

/* Whoever makes the file is the one who tells; where it can't be made, everybody does. */
static bool claim_in_tree(enum message_kind kind)
{
	char path[256];
	int fd;

	if (told_files == NULL)
		return true;
	told_path(kind, path, sizeof(path));
	fd = sys_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd >= 0)
		sys_close(fd);
	return fd != -EEXIST;
}

bool message_claim(enum message_kind kind)
{
	if (__atomic_exchange_n(&claimed[kind], true, __ATOMIC_RELAXED))
		return false;
	return verbose_level > 0 && claim_in_tree(kind);
}

/* The pid in "…/ramlock-PID-RANDOM" is that of the tree's first process. */
static bool is_root_of_tree(void)
{
	const char *name = strrchr(told_files, '/');
	const char *pid = name ? strchr(name, '-') : NULL;
	uint64_t number;

	return pid && text_number(pid + 1, 10, &number) &&
	       number == (uint64_t)SYS_CALL(SYS_getpid);
}

void message_end(void)
{
	char path[256];

	if (told_files == NULL || !is_root_of_tree())
		return;
	for (int kind = 0; kind < MESSAGE_KINDS; kind++) {
		told_path((enum message_kind)kind, path, sizeof(path));
		SYS_CALL(SYS_unlinkat, AT_FDCWD, path, 0);
	}
}

static void begin(struct message *m, const char *severity)
{
	text_init(&m->text, m->buffer, sizeof(m->buffer) - 1); /* room for the newline */
	text_add(&m->text, "ramlock: %s", severity);
}

void message_warn(struct message *m)
{
	begin(m, "warning: ");
}

void message_error(struct message *m)
{
	begin(m, "error: ");
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

void message_send(struct message *m)
{
	size_t length = text_length(&m->text);

	text_tame(m->buffer);
	m->buffer[length] = '\n';
	if (message_stderr_unchanged())
		sys_write(STDERR_FILENO, m->buffer, length + 1);
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
