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
	const struct route *route;	/* NULL: the kernel reports none */
	struct target *target;		/* NULL: @why says why not */
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
/* Close and free; targets_put_back() comes before. */
void pairs_close(struct pairs *pairs);
/*
 * Print @remarks: one for each entry of @pairs, or NULL. If entries of one client that
 * follow each other have the same remark, it is printed once, and names the client only.
 */
void pairs_print_remarks(const struct pairs *pairs, char * const *remarks,
			 unsigned int width);
/* The members of a pair, without closing the object. */
void json_pair(struct json_object *object, const struct pair *pair);

#endif
