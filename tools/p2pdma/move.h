/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Data moved between a drive and peer memory, and compared. The client is the drive;
 * O_DIRECT makes it do the DMA itself. Reading the drive into peer memory is the
 * client writing that memory; writing the drive from it is the client reading it.
 */
#ifndef P2PDMA_MOVE_H
#define P2PDMA_MOVE_H

#include "target.h"

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

/*
 * From move_catch_signals() on, a signal that would end the program only makes
 * move_stopped() true. The caller then cleans up and ends.
 */
void move_catch_signals(void);
bool move_stopped(void);

/* Show a line of progress on stderr if that is a terminal; NULL removes it. */
[[gnu::format(printf, 1, 2)]] void progress(const char *format, ...);

#endif
