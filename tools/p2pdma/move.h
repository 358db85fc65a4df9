/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Data moved between a drive and peer memory, and compared. The client is the drive;
 * O_DIRECT makes it do the DMA itself. Reading the drive into peer memory is the
 * client writing that memory; writing the drive from it is the client reading it.
 */
#ifndef P2PDMA_MOVE_H
#define P2PDMA_MOVE_H

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

enum measured {
	MEASURED_EQUAL,
	MEASURED_WRONG_DATA,
	MEASURED_REFUSED,	/* a clean error, and nothing changed */
	MEASURED_REFUSED_AND_CHANGED,
	MEASURED_IO_ERROR,	/* another error than that of a refusal */
	MEASURED_NOT_TESTED,
};

struct outcome {
	enum measured measured;
	uint64_t moved;		/* bytes of I/O that succeeded */
	uint64_t wrong;		/* of these, bytes that differ */
	uint64_t changed;	/* bytes changed by an I/O that failed */
	int error;		/* errno of the I/O */
	char *note;		/* to be freed; or NULL */
};

/* Peer memory from the provider's pool. */
struct peer {
	uint64_t *memory;
	size_t size;
};

/* At most @size bytes of it; false, with *@why to be freed, if there is none. */
bool peer_map(const struct dev *provider, size_t size, struct peer *peer,
	      char **why);
void peer_unmap(struct peer *peer);

/* Move @size bytes one way and compare each. */
void move_data(const struct target *target, const struct dev *provider,
	       enum direction dir, uint64_t size, struct outcome *outcome);

/* The words for people, and for programs. */
const char *measured_text(enum measured measured);
const char *measured_name(enum measured measured);

/* After the first, SIGINT and the like make the second true: end, and clean up. */
void move_catch_signals(void);
bool move_stopped(void);

/* A line on stderr that says what is going on, on a terminal only; NULL ends it. */
[[gnu::format(printf, 1, 2)]] void progress(const char *format, ...);

#endif
