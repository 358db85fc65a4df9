// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sysfs.h"
#include "util.h"

/* No file that is read here is larger. */
#define FILE_MAX	(16UL << 20)

static const char *root = "";
static bool bare;		/* the root is what is otherwise in "sys" below it */

void sysfs_set_root(const char *path)
{
	root = path;
}

void sysfs_set_bare(bool set)
{
	bare = set;
}

const char *sysfs_root(void)
{
	return root;
}

static char *vpath(const char *format, va_list args)
{
	char path[PATH_MAX];

	if (vsnprintf(path, sizeof(path), format, args) >= (int)sizeof(path))
		path[0] = '\0';
	if (bare && !strncmp(path, "/sys/", 5))
		return xasprintf("%s%s", root, path + 4);
	return xasprintf("%s%s", root, path);
}

char *sysfs_path(const char *format, ...)
{
	va_list args;
	char *path;

	va_start(args, format);
	path = vpath(format, args);
	va_end(args);
	return path;
}

char *sysfs_read_fd(int fd, size_t most, size_t *len)
{
	struct text text = {};
	ssize_t n;
	int error;

	do {
		if (text.size - text.len < 4097) {
			text.size = 2 * text.size + 8192;
			text.buf = xrealloc(text.buf, text.size, 1);
		}
		n = read(fd, text.buf + text.len, text.size - text.len - 1);
		if (n > 0)
			text.len += n;
	} while (n > 0 && text.len <= most);
	/* the part of an answer would be taken for the whole */
	error = n < 0 ? errno : EFBIG;
	if (n) {
		text_free(&text);
		errno = error;
		return NULL;
	}
	text.buf[text.len] = '\0';
	if (len)
		*len = text.len;
	return text.buf;
}

static char *read_all(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	char *text;

	if (fd < 0)
		return NULL;
	text = sysfs_read_fd(fd, FILE_MAX, len);
	error = errno;
	close(fd);
	errno = error;
	return text;
}

char *sysfs_read_bytes(size_t *len, const char *format, ...)
{
	va_list args;
	char *path, *bytes;

	va_start(args, format);
	path = vpath(format, args);
	va_end(args);
	bytes = read_all(path, len);
	free(path);
	return bytes;
}

char *sysfs_read(const char *format, ...)
{
	va_list args;
	char *path, *text;

	va_start(args, format);
	path = vpath(format, args);
	va_end(args);
	text = read_all(path, NULL);
	free(path);
	return text;
}

static char *read_line(const char *path)
{
	char *text = read_all(path, NULL);

	if (text) {
		chomp(text);
		make_plain(text);
	}
	if (text && !*text) {
		free(text);
		text = NULL;
	}
	return text;
}

char *sysfs_line(const char *format, ...)
{
	va_list args;
	char *path, *text;

	va_start(args, format);
	path = vpath(format, args);
	va_end(args);
	text = read_line(path);
	free(path);
	return text;
}

long long sysfs_number(long long otherwise, const char *format, ...)
{
	va_list args;
	long long number = otherwise;
	char *path, *text, *end;

	va_start(args, format);
	path = vpath(format, args);
	va_end(args);
	text = read_line(path);
	free(path);
	if (text) {
		errno = 0;
		number = strtoll(text, &end, 0);
		if (errno || end == text || *end)
			number = otherwise;
	}
	free(text);
	return number;
}

int sysfs_write(const char *path, const char *text)
{
	char *whole = sysfs_path("%s", path);
	int fd = open(whole, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	int error = 0;
	ssize_t n;

	free(whole);
	if (fd < 0)
		return errno;
	n = write(fd, text, len);
	if (n < 0)
		error = errno;
	else if ((size_t)n != len)
		error = EIO;
	close(fd);
	return error;
}

bool sysfs_exists(const char *format, ...)
{
	va_list args;
	bool exists;
	char *path;

	va_start(args, format);
	path = vpath(format, args);
	va_end(args);
	exists = !access(path, F_OK);
	free(path);
	return exists;
}

char *sysfs_link_name(const char *format, ...)
{
	va_list args;
	char target[PATH_MAX], *path, *name;
	ssize_t n;

	va_start(args, format);
	path = vpath(format, args);
	va_end(args);
	n = readlink(path, target, sizeof(target) - 1);
	free(path);
	if (n <= 0)
		return NULL;
	target[n] = '\0';
	name = strrchr(target, '/');
	return xstrdup(name ? name + 1 : target);
}

char *sysfs_real(const char *format, ...)
{
	va_list args;
	char *path, *real, *whole_root, *inside = NULL;
	size_t len;

	va_start(args, format);
	path = vpath(format, args);
	va_end(args);
	real = realpath(path, NULL);
	whole_root = realpath(*root ? root : "/", NULL);
	if (real && whole_root) {
		len = strlen(whole_root);
		if (len == 1)
			len = 0;
		if (!strncmp(real, whole_root, len))
			inside = xstrdup(real + len);
	}
	free(whole_root);
	free(real);
	free(path);
	return inside;
}

static int by_version(const void *one, const void *other)
{
	return strverscmp(*(char * const *)one, *(char * const *)other);
}

char **sysfs_names(const char *path, const char *prefix, size_t *n)
{
	char *whole = sysfs_path("%s", path), **names = NULL;
	struct dirent *entry;
	DIR *dir = opendir(whole);

	free(whole);
	*n = 0;
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		names = xrealloc(names, *n + 1, sizeof(*names));
		names[(*n)++] = xstrdup(entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (names)
		qsort(names, *n, sizeof(*names), by_version);
	return names;
}

void sysfs_free_names(char **names, size_t n)
{
	while (n)
		free(names[--n]);
	free(names);
}
