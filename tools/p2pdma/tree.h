/* SPDX-License-Identifier: GPL-2.0 */
/* p2pdma topo --tree: the fabric, with providers, ACS and link speed. */
#ifndef P2PDMA_TREE_H
#define P2PDMA_TREE_H

#include "machine.h"

void topo_tree(const struct machine *m, unsigned int width);
void topo_tree_json(const struct machine *m);

#endif
