/* SPDX-License-Identifier: GPL-2.0 */
/* Views of topo for all devices that take part, registered as providers or not. */
#ifndef P2PDMA_DEVICES_H
#define P2PDMA_DEVICES_H

#include "machine.h"

/* By kind, each with its nearest partners. */
void topo_devices(const struct machine *m, unsigned int width);
void topo_devices_json(const struct machine *m);
/* Every client with every device that has memory, for one direction. */
void topo_pairs(const struct machine *m, enum direction dir, unsigned int width);
void topo_pairs_json(const struct machine *m, enum direction dir);

#endif
