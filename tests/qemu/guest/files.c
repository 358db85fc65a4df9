// SPDX-License-Identifier: GPL-2.0
/* Small files of proc and sysfs, read or written in one go. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

/* The whole file as a string, whatever its length. */
int file_read(const char *path, char **text)
{
	size_t len = 0, size = 0;
	char *buffer = NULL;
	ssize_t n = 1;
	int fd, error = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	while (n > 0) {
		if (size - len < 4096) {
			char *more = realloc(buffer, size + 16384);

			if (!more) {
				error = ENOMEM;
				break;
			}
			buffer = more;
			size += 16384;
		}
		n = read(fd, buffer + len, size - len - 1);
		if (n < 0)
			error = errno;
		else
			len += n;
	}
	close(fd);
	if (error) {
		free(buffer);
		return error;
	}
	buffer[len] = '\0';
	*text = buffer;
	return 0;
}

/* The first word of a file. */
int file_read_word(const char *path, char *word, size_t size)
{
	char *text, *first, *rest;
	int error;

	error = file_read(path, &text);
	if (error)
		return error;
	first = strtok_r(text, " \t\n", &rest);
	if (!first)
		error = ENODATA;
	else if (strlen(first) >= size)
		error = ENAMETOOLONG;
	else
		memcpy(word, first, strlen(first) + 1);
	free(text);
	return error;
}

/* One write() call: what a sysfs attribute's store method is given at once. */
int file_write(const char *path, const char *text, size_t len)
{
	int fd, error = 0;
	ssize_t n;

	fd = open(path, O_WRONLY | O_CLOEXEC);
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
