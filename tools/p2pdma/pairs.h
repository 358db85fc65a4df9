/* SPDX-License-Identifier: GPL-2.0 */
/* What verify and bench share: their options, and the pairs that they look at. */
#ifndef P2PDMA_PAIRS_H
#define P2PDMA_PAIRS_H

#include "args.h"
#include "json.h"
#include "move.h"

struct pair {
	struct dev *client;
	const struct provider *provider;
	enum direction dir;
	const struct route *route;	/* NULL: the kernel names none */
	struct target *target;		/* NULL: the reason is @why */
	char *why;
};

struct pairs {
	struct machine *m;
	struct pair *list;
	size_t n;
	struct targets targets;
	uint64_t size;
	double seconds;
};

/* Parse the command line, and find the pairs. Signals are caught from here on. */
void pairs_find(int argc, char **argv, const struct command *command,
		struct options *options, struct pairs *pairs);
/* Close and free, when what was overwritten has been put back. */
void pairs_close(struct pairs *pairs);
/*
 * A remark for each pair and direction, or NULL. One that is the same for several of a
 * client's that follow each other is made once, of the client alone.
 */
void pairs_print_remarks(const struct pairs *pairs, char * const *remarks,
			 unsigned int width);
/* The members of a pair, without closing the object. */
void json_pair(struct json_object *object, const struct pair *pair);

#endif
