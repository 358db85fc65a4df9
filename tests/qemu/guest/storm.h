/* SPDX-License-Identifier: GPL-2.0 */
/* What the processes of a storm share; storm.c tells what it is. */
#ifndef P2PDMA_STORM_H
#define P2PDMA_STORM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "guest.h"

#define STORM_DRIVES	8
#define STORM_ERRNOS	134
#define STORM_REGION	0x100000UL	/* bytes of each drive that belong to one mover */

/* I/Os of one direction that succeeded and were looked at. */
struct direction {
	atomic_ulong seen;
	atomic_ulong damaged;		/* and these, whose data were damaged on purpose, ... */
	atomic_ulong noticed;		/* ... which the comparison has found */
};

/* What a process has done, in memory that it shares with the others. */
struct tally {
	atomic_ulong rounds;
	struct direction writes, reads;
	atomic_ulong compared;		/* bytes of those that were seen */
	atomic_ulong different;		/* bytes that were wrong, but for the damage */
	atomic_ulong unseen;		/* I/Os that succeeded, and their data had gone */
	atomic_ulong errors[STORM_ERRNOS];	/* the last is of all that are larger */
};

struct storm {
	atomic_bool over;
	unsigned long seed;
	unsigned int n_providers, n_clients;
	struct drive providers[STORM_DRIVES], clients[STORM_DRIVES];
	struct drive functions;		/* has virtual functions; its name may be empty */
};

/* In a process of its own until the storm is over; each counts in its tally. */
void storm_move(const struct storm *storm, struct tally *tally, unsigned int number);

struct storm_change {
	const char *name;
	void (*once)(const struct storm *storm, struct tally *tally);
};

extern const struct storm_change storm_changes[];
extern const size_t storm_n_changes;

/* storm_change.c: before and after; devices that are as they shall be do not mind */
void storm_prepare(void);
void storm_calm(const struct storm *storm);
void storm_rebind(const struct storm *storm);
void storm_leave(const struct storm *storm);

/* storm.c */
__u64 storm_random(void);
unsigned int storm_below(unsigned int n);
void storm_count(struct tally *tally, int error);
__u64 storm_mix(__u64 x);

#endif
