/* SPDX-License-Identifier: GPL-2.0 */
/* What a drive is reached by: a file, its device to be overwritten, or only read. */
#ifndef P2PDMA_TARGET_H
#define P2PDMA_TARGET_H

#include <stdint.h>

#include "machine.h"

#define CHUNK	0x100000UL	/* bytes of one I/O and one comparison */

/* What a drive is reached by. */
struct target {
	char *name;		/* as given, or found */
	struct dev *client;	/* the function that the drive hangs on */
	int fd;
	bool writable;		/* what is there may be overwritten */
	bool is_file;
	uint64_t start;		/* offset of the first byte that is used */
	uint64_t size;		/* how many bytes from there are used */
	uint8_t *saved;		/* what was there, to be put back; or NULL */
};

/* All targets of a run. */
struct targets {
	struct target *list;
	size_t n;
};

/* An option --file or --destructive; dies if it does not do. */
void targets_add_file(struct targets *targets, const struct machine *m,
		      const char *path, uint64_t size);
void targets_add_device(struct targets *targets, const struct machine *m,
			const char *path, uint64_t size);
/*
 * How to reach @client: by what was given, or its drive, which is then only read.
 * NULL, with *@why to be freed, if there is no way.
 */
struct target *targets_for(struct targets *targets, const struct machine *m,
			   struct dev *client, uint64_t size, char **why);
/*
 * Put back what was overwritten; true if all of that worked. Before anything is printed:
 * who reads it may have gone. exit() does it too.
 */
bool targets_put_back(struct targets *targets);
void targets_close(struct targets *targets);

#endif
