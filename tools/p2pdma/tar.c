// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tar.h"
#include "util.h"

#define BLOCK	512

/* Offsets and lengths of the fields of a header. */
#define NAME		0
#define NAME_LEN	100
#define MODE		100
#define UID		108
#define GID		116
#define SIZE		124
#define SIZE_LEN	12
#define MTIME		136
#define CHECKSUM	148
#define CHECKSUM_LEN	8
#define TYPE		156
#define TARGET		157
#define TARGET_LEN	100
#define MAGIC		257
#define PREFIX		345
#define PREFIX_LEN	155

/* An octal number that is padded with blanks or zero bytes. */
static bool octal(const char *at, size_t len, unsigned long long *number)
{
	bool any = false;

	*number = 0;
	for (; len && *at == ' '; len--)
		at++;
	for (; len && *at >= '0' && *at <= '7'; len--, at++) {
		*number = *number << 3 | (*at - '0');
		any = true;
		if (*number >> 40)
			return false;
	}
	return any && (!len || *at == ' ' || !*at);
}

static unsigned int checksum(const char *header)
{
	unsigned int sum = 0, i;

	for (i = 0; i < BLOCK; i++)
		sum += i >= CHECKSUM && i < CHECKSUM + CHECKSUM_LEN ?
			' ' : (unsigned char)header[i];
	return sum;
}

bool tar_is_one(const char *data, size_t len)
{
	unsigned long long sum;

	return len >= BLOCK && octal(data + CHECKSUM, CHECKSUM_LEN, &sum) &&
	       sum == checksum(data);
}

static char *field(const char *at, size_t len)
{
	return xasprintf("%.*s", (int)strnlen(at, len), at);
}

/* The value of "LENGTH path=VALUE\n" in the data of a pax header; NULL if there is none. */
static char *pax_value(const char *data, size_t len, const char *key)
{
	size_t key_len = strlen(key), at = 0, digits, length;
	char *value = NULL;

	while (at < len) {
		length = 0;
		for (digits = 0; at + digits < len && digits < 9 &&
		     data[at + digits] >= '0' && data[at + digits] <= '9'; digits++)
			length = 10 * length + (data[at + digits] - '0');
		/* the length counts itself, the blank and the newline */
		if (!digits || length < digits + 2 || length > len - at ||
		    data[at + digits] != ' ')
			break;
		if (length > digits + 2 + key_len &&
		    !memcmp(data + at + digits + 1, key, key_len)) {
			free(value);
			value = field(data + at + digits + 1 + key_len,
				      length - digits - 2 - key_len);
		}
		at += length;
	}
	return value;
}

/* Names that stand in an entry of their own, before the one that they are for. */
struct names {
	char *path, *target;
};

static void take_name(char **name, char *value)
{
	if (!value)
		return;
	free(*name);
	*name = value;
}

static char *read_entry(const char *header, const char *data, size_t len,
			struct names *names, tar_fn fn, void *context)
{
	struct tar_entry entry = { .data = data, .len = len };
	char *path = NULL, *target = NULL, *error = NULL;

	switch (header[TYPE]) {
	case 'L':
		take_name(&names->path, field(data, len));
		return NULL;
	case 'K':
		take_name(&names->target, field(data, len));
		return NULL;
	case 'x':
		take_name(&names->path, pax_value(data, len, "path="));
		take_name(&names->target, pax_value(data, len, "linkpath="));
		return NULL;
	case '\0':
	case '0':
		entry.type = TAR_FILE;
		break;
	case '2':
		entry.type = TAR_LINK;
		break;
	case 'g':
		return NULL;
	default:
		entry.path = NULL;
		take_name(&names->path, xstrdup(""));
		break;
	}
	if (names->path)
		path = xstrdup(names->path);
	else if (!memcmp(header + MAGIC, "ustar", 6) && header[PREFIX])
		path = xasprintf("%.*s/%.*s", (int)strnlen(header + PREFIX, PREFIX_LEN),
				 header + PREFIX, (int)strnlen(header + NAME, NAME_LEN),
				 header + NAME);
	else
		path = field(header + NAME, NAME_LEN);
	target = names->target ? xstrdup(names->target) :
				 field(header + TARGET, TARGET_LEN);
	entry.path = path;
	entry.target = target;
	if (*path)
		error = fn(&entry, context);
	free(path);
	free(target);
	free(names->path);
	free(names->target);
	*names = (struct names){};
	return error;
}

char *tar_read(const char *data, size_t len, tar_fn fn, void *context)
{
	struct names names = {};
	unsigned long long size = 0, sum;
	char *error = NULL;
	size_t at = 0;

	/* a block of zeros, or the end of the file, ends it */
	while (!error && len - at >= BLOCK && data[at + NAME]) {
		const char *header = data + at;

		at += BLOCK;
		if (!octal(header + CHECKSUM, CHECKSUM_LEN, &sum) ||
		    sum != checksum(header))
			error = xasprintf("the checksum of the header at byte %zu is wrong",
					  at - BLOCK);
		else if (!octal(header + SIZE, SIZE_LEN, &size))
			error = xasprintf("the size in the header at byte %zu is none",
					  at - BLOCK);
		else if (size > len - at)
			error = xasprintf("it ends within the entry at byte %zu",
					  at - BLOCK);
		if (error)
			break;
		error = read_entry(header, data + at, size, &names, fn, context);
		at += size;
		at += (BLOCK - size % BLOCK) % BLOCK;
		if (at > len)
			at = len;
	}
	free(names.path);
	free(names.target);
	return error;
}

/*
 * Writing
 */

static void write_padded(FILE *file, const char *data, size_t len)
{
	static const char zeros[BLOCK];

	fwrite(data, 1, len, file);
	fwrite(zeros, 1, (BLOCK - len % BLOCK) % BLOCK, file);
}

static void write_header(FILE *file, const char *path, char type, size_t size,
			 const char *target)
{
	char header[BLOCK] = {};

	/* what is too long stands in an entry before */
	memcpy(header + NAME, path, strnlen(path, NAME_LEN));
	memcpy(header + TARGET, target, strnlen(target, TARGET_LEN));
	memcpy(header + MODE, "0000644", 8);
	memcpy(header + UID, "0000000", 8);
	memcpy(header + GID, "0000000", 8);
	snprintf(header + SIZE, SIZE_LEN, "%011zo", size);
	memcpy(header + MTIME, "00000000000", 12);
	header[TYPE] = type;
	memcpy(header + MAGIC, "ustar", 6);
	memcpy(header + MAGIC + 6, "00", 2);
	snprintf(header + CHECKSUM, CHECKSUM_LEN, "%06o", checksum(header));
	header[CHECKSUM + 7] = ' ';
	fwrite(header, 1, BLOCK, file);
}

static void write_long(FILE *file, const char *name, size_t room, char type)
{
	size_t len = strlen(name) + 1;

	if (len <= room + 1)
		return;
	write_header(file, "././@LongLink", type, len, "");
	write_padded(file, name, len);
}

void tar_write_file(FILE *file, const char *path, const char *data, size_t len)
{
	write_long(file, path, NAME_LEN, 'L');
	write_header(file, path, '0', len, "");
	write_padded(file, data, len);
}

void tar_write_link(FILE *file, const char *path, const char *target)
{
	write_long(file, path, NAME_LEN, 'L');
	write_long(file, target, TARGET_LEN, 'K');
	write_header(file, path, '2', 0, target);
}

void tar_write_end(FILE *file)
{
	static const char zeros[2 * BLOCK];

	fwrite(zeros, 1, sizeof(zeros), file);
}
