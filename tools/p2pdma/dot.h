/* SPDX-License-Identifier: GPL-2.0 */
/* p2pdma topo --dot and --svg: the fabric with its routes, for Graphviz. */
#ifndef P2PDMA_DOT_H
#define P2PDMA_DOT_H

#include "machine.h"

/*
 * The graph as Graphviz reads it; to be freed. Only routes of @only_client and to
 * @only_provider, words of the command line, where they are not NULL. @all: also
 * functions that are seldom clients.
 */
char *topo_dot(const struct machine *m, const char *only_client,
	       const char *only_provider, bool all);
/* Graphviz makes a picture of @dot; @file "-" is stdout. An exit status. */
int topo_svg(const char *dot, const char *file);

#endif
