/* SPDX-License-Identifier: GPL-2.0 */
/* How a drive is used: by a file on it, by its device to overwrite, or only read. */
#ifndef P2PDMA_TARGET_H
#define P2PDMA_TARGET_H

#include <stdint.h>

#include "machine.h"

#define CHUNK	0x100000UL	/* bytes of one I/O and one comparison */

/* A drive that data are moved to or from. */
struct target {
	char *name;		/* as given, or found */
	struct dev *client;	/* the function that the drive belongs to */
	int fd;
	bool writable;		/* its contents may be overwritten */
	bool is_file;
	uint64_t start;		/* offset of the first byte that is used */
	uint64_t size;		/* how many bytes from there are used */
	uint8_t *saved;		/* its contents, to be put back; or NULL */
};

/* All targets of a run. */
struct targets {
	struct target *list;
	size_t n;
};

/* Add what --file or --destructive names; dies if it cannot be used. */
void targets_add_file(struct targets *targets, const struct machine *m,
		      const char *path, uint64_t size);
void targets_add_device(struct targets *targets, const struct machine *m,
			const char *path, uint64_t size);
/*
 * The target of @client: the one that was added, or else its drive, which is then only
 * read. NULL, with *@why to be freed, if it has none.
 */
struct target *targets_for(struct targets *targets, const struct machine *m,
			   struct dev *client, uint64_t size, char **why);
/*
 * Put back what was overwritten; true if all of it could be. Called before results are
 * printed, and by exit().
 */
bool targets_put_back(struct targets *targets);
void targets_close(struct targets *targets);

#endif
