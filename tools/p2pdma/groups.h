/* SPDX-License-Identifier: GPL-2.0 */
/* Kinds of devices that take part in peer-to-peer DMA. */
#ifndef P2PDMA_GROUPS_H
#define P2PDMA_GROUPS_H

#include "machine.h"

enum group {
	GROUP_GPU,		/* display controllers */
	GROUP_ACCELERATOR,	/* processing accelerators */
	GROUP_NIC,		/* network and InfiniBand */
	GROUP_DRIVE,		/* storage */
	GROUP_DMA,		/* DMA engines, and DMA functions of other devices */
	GROUP_MANAGEMENT,	/* a switch's own endpoint */
	GROUP_OTHER,
	N_GROUPS,
};

enum group group_of(const struct dev *dev);
/* "gpus", as rules name it. */
const char *group_word(enum group group);
/* "GPUs", for headings. */
const char *group_title(enum group group);
/* The group of that word; N_GROUPS if it is none. */
enum group group_parse(const char *word);

#endif
