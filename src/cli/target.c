/* SPDX-License-Identifier: MIT */
/* Tells from a program's file whether LD_PRELOAD reaches it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/image.h"
#include "cli/library.h"
#include "cli/target.h"

#define SCRIPT_DEPTH 4 /* interpreters of interpreters: the kernel's own limit (execve(2)) */

const char *const target_texts[] = {
	[TARGET_FINE] = "",
	[TARGET_STATIC] = "is statically linked, so LD_PRELOAD does not reach it",
	[TARGET_PRIVILEGED] = "runs with more rights than its user, so ld.so ignores LD_PRELOAD",
	[TARGET_ARCHITECTURE] = "is of another architecture than the library",
	[TARGET_LIBC] = "uses another libc's loader",
	[TARGET_UNKNOWN] = "is neither an ELF file nor a script, or can't be read",
};

/* NULL for what is no plain file: a FIFO would be waited for, which execve(2) refuses at once. */
static FILE *open_plain(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	FILE *file = NULL;

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		file = fdopen(fd, "r");
	if (file == NULL && fd >= 0)
		close(fd);
	return file;
}

int target_find(const char *program, char *to, unsigned long size)
{
	const char *path = getenv("PATH");
	int error = ENOENT;

	if (strchr(program, '/')) {
		snprintf(to, size, "%s", program);
		return access(program, F_OK) == 0 ? 0 : errno;
	}
	if (path == NULL)
		path = "/bin:/usr/bin"; /* execvp(3)'s own */
	for (const char *end; *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		snprintf(to, size, "%.*s%s%s", (int)(end - path), path, end == path ? "./" : "/",
			 program);
		if (access(to, X_OK) == 0)
			return 0;
		if (errno != ENOENT && errno != ENOTDIR)
			error = errno;
	}
	return error;
}

/* The program that env(1) executes: behind options and variables. */
static const char *skip_env(char *words)
{
	char *rest = NULL;

	for (char *word = strtok_r(words, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (strcmp(word, "-u") == 0 || strcmp(word, "-C") == 0)
			strtok_r(NULL, " \t", &rest);
		else if (strncmp(word, "-S", 2) == 0 && word[2])
			return word + 2;
		else if (*word != '-' && strchr(word, '=') == NULL)
			return word;
	}
	return NULL;
}

bool target_interpreter(const char *path, char *interpreter, unsigned long size)
{
	char line[256] = "";
	FILE *file = open_plain(path);
	char *start, *rest;
	const char *base, *program;

	if (file == NULL)
		return false;
	if (fgets(line, sizeof(line), file) == NULL)
		*line = '\0';
	fclose(file);
	if (strncmp(line, "#!", 2) != 0)
		return false;
	start = line + 2 + strspn(line + 2, " \t");
	start[strcspn(start, "\n")] = '\0';
	rest = start + strcspn(start, " \t");
	if (*rest)
		*rest++ = '\0';
	base = strrchr(start, '/');
	program = base && strcmp(base, "/env") == 0 ? skip_env(rest) : NULL;
	if (program && target_find(program, interpreter, size) == 0)
		return true;
	snprintf(interpreter, size, "%s", start);
	return *start != '\0';
}

/* Set-ids count only where they change something: root's own setuid programs are no others. */
bool target_has_rights(const char *path, char *detail, unsigned long size)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return false;
	if ((status.st_mode & S_ISUID && status.st_uid != getuid()) ||
	    (status.st_mode & S_ISGID && status.st_mode & S_IXGRP && status.st_gid != getgid())) {
		snprintf(detail, size, "%s", status.st_mode & S_ISUID ? "setuid" : "setgid");
		return true;
	}
	if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0) {
		snprintf(detail, size, "file capabilities");
		return true;
	}
	return false;
}

const char *target_machine(const struct image *image)
{
	static char number[32];

	switch (image->machine) {
	case EM_X86_64:
		return image->class == ELFCLASS32 ? "x32" : "x86-64";
	case EM_386:
		return "i386";
	case EM_AARCH64:
		return "aarch64";
	case EM_ARM:
		return "arm";
	case EM_RISCV:
		return "riscv";
	case EM_PPC64:
		return "ppc64";
	case EM_S390:
		return "s390x";
	default:
		snprintf(number, sizeof(number), "ELF machine %d", image->machine);
		return number;
	}
}

static enum target_obstacle look_at_image(const struct image *image, const char *library,
					  char *detail, size_t size)
{
	enum target_obstacle obstacle;

	if (!image->dynamic)
		return TARGET_STATIC;
	obstacle = library_fits(library, image);
	if (obstacle != TARGET_FINE)
		snprintf(detail, size, "%s", obstacle == TARGET_LIBC ? image->loader : target_machine(image));
	return obstacle;
}

bool target_image(const char *path, char *file, unsigned long size, struct image *image)
{
	snprintf(file, size, "%s", path);
	for (int depth = 0; depth < SCRIPT_DEPTH; depth++) {
		if (image_read(file, image, false))
			return true;
		if (!target_interpreter(file, file, size))
			return false;
	}
	return false;
}

bool target_blocked(const char *path, char *to, unsigned long size)
{
	static struct image image;
	char file[4096];

	if (access(path, X_OK) != 0)
		return false;
	snprintf(to, size, "%s", path);
	for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
		snprintf(file, sizeof(file), "%s", to);
		if (image_read(file, &image, false))
			snprintf(to, size, "%s", image.loader);
		else if (!target_interpreter(file, to, size))
			return false;
		if (*to == '\0' || access(to, X_OK) != 0)
			return *to != '\0';
	}
	return false;
}

enum target_obstacle target_look(const char *path, const char *library, char *blamed,
				 char *detail, unsigned long size)
{
	static struct image image;

	*detail = '\0';
	if (!target_image(path, blamed, size, &image))
		return TARGET_UNKNOWN;
	if (target_has_rights(blamed, detail, size))
		return TARGET_PRIVILEGED;
	return look_at_image(&image, library, detail, size);
}
