/* SPDX-License-Identifier: GPL-2.0 */
/* Sentences on a machine or a pair: what is known about it, and how. */
#ifndef P2PDMA_NOTES_H
#define P2PDMA_NOTES_H

#include "model.h"
#include "path.h"
#include "policy.h"

/* On the kernel's command line, a guest, and why there is no provider. */
void notes_machine(const struct machine *m, struct words *notes);
/* On a pair: @route is what is decided, or NULL. Those of the machine are left out. */
void notes_pair(const struct machine *m, struct model *model, const struct path *path,
		const struct provider *provider, const struct route *route,
		struct words *notes);
/*
 * The port at which requests that the client has translated itself cross in spite of
 * redirection, or NULL.
 */
const struct dev *translated_crosses(const struct path *path);
/* The hop whose link is the narrowest, where links on the way differ; or NULL. */
const struct hop *narrowest_hop(const struct path *path);
/* "16.0 GT/s x4 (of 32.0 GT/s x16)"; "" without a link. To be freed. */
char *link_text(const struct dev *dev);

#endif
