/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be done about a route: remedies in order of safety, each with its cost,
 * the exact parameter, and the effect that it will have. They are those of
 * Documentation/admin-guide/p2pdma.rst, "Reasons and remedies", and a test compares
 * the two.
 */
#ifndef P2PDMA_REMEDY_H
#define P2PDMA_REMEDY_H

#include "situation.h"

struct remedies {
	struct remedy *list;
	size_t n;
	bool other_policy;	/* the active one is not that of the command line */
};

void remedies_find(const struct machine *m, const struct provider *provider,
		   const struct path *path, const struct route *route,
		   struct remedies *remedies);
void remedies_free(struct remedies *remedies);
/* "writes: bus-address; reads: host-bridge-untrusted no longer". To be freed. */
char *remedy_effect(const struct remedy *remedy);
/*
 * @parameter with the path of each function below a root bus in place of its address; NULL
 * if that changes nothing. To be freed.
 */
char *with_paths(const struct machine *m, const char *parameter);
/* What to say where that is printed beside @parameter. */
#define PATHS_TEXT \
	"Bus numbers may change when hardware is added; the form after \"or\" has paths, which do not."
/* The word of an effect, for programs. */
const char *effect_name(enum effect effect);

#endif
