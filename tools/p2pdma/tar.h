/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tar archives: written as ustar with GNU's long names; read also as pax and as GNU tar
 * writes them. What is read may come from anywhere.
 */
#ifndef P2PDMA_TAR_H
#define P2PDMA_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum tar_type {
	TAR_FILE,
	TAR_LINK,	/* symbolic */
};

struct tar_entry {
	enum tar_type type;
	const char *path;	/* as it stands there */
	const char *data;	/* of a file */
	size_t len;
	const char *target;	/* of a link */
};

/*
 * Call @fn for each file and symbolic link; other entries are skipped. NULL, or a sentence
 * on what is wrong with the archive; to be freed. @fn may end the reading with one.
 */
typedef char *(*tar_fn)(const struct tar_entry *entry, void *context);
char *tar_read(const char *data, size_t len, tar_fn fn, void *context);
/* Does it begin as an archive does? */
bool tar_is_one(const char *data, size_t len);

/* Errors show in ferror(@file). */
void tar_write_file(FILE *file, const char *path, const char *data, size_t len);
void tar_write_link(FILE *file, const char *path, const char *target);
void tar_write_end(FILE *file);

#endif
