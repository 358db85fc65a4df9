/* SPDX-License-Identifier: GPL-2.0 */
/* Block devices, and the PCI functions that they belong to. */
#ifndef P2PDMA_DRIVES_H
#define P2PDMA_DRIVES_H

#include "machine.h"

/* The function that the block device @block ("nvme0n1") is below; NULL if none. */
struct dev *drives_of_block(const struct machine *m, const char *block);
/* The same for a path or name, "/dev/nvme0n1" or "nvme0n1". */
struct dev *drives_dev(const struct machine *m, const char *word);
/* The same for a device number, of a file or a partition. */
struct dev *drives_of_number(const struct machine *m, unsigned int major,
			     unsigned int minor);
/* The first whole block device of a function; NULL if none. To be freed. */
char *drives_block_of(const struct machine *m, const struct dev *dev);

#endif
