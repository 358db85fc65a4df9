/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a kernel without the project decides of a pair: the rules of Linux 6.12. Of the
 * releases since 5.18 they are all the same, but for entries that were added to the list of
 * host bridges after 6.12.
 */
#ifndef P2PDMA_STOCK_H
#define P2PDMA_STOCK_H

#include "model.h"
#include "path.h"

struct stock {
	bool made;		/* the members below are valid */
	enum verdict verdict;	/* of both directions */
	bool exact;		/* the rules are those of the kernel's release */
	const struct dev **redirectors;	/* with ACS redirection, on the path and at its top */
	size_t n_redirectors;
	char *why;		/* a sentence */
};

/* @m says which kernel it is. Not made if configuration space of the path was not read. */
void stock_decide(const struct machine *m, struct model *model, const struct path *path,
		  struct stock *stock);
void stock_free(struct stock *stock);
/*
 * Fill in the redirectors alone, for a kernel of which there are no other rules. False if
 * configuration space of the path was not read.
 */
bool stock_find_redirectors(const struct path *path, struct stock *stock);
/*
 * Does such a kernel let the host bridge above @dev forward: between its own ports or,
 * without @same_bridge, to and from others?
 */
bool stock_forwards(const struct machine *m, struct model *model, const struct dev *dev,
		    bool same_bridge);

#endif
