/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables of DMA addresses alone, made of a provider's ranges, and checked.
 */
#ifndef P2PDMA_KUNIT_FABRIC_RANGES_H
#define P2PDMA_KUNIT_FABRIC_RANGES_H

#include <linux/p2pdma-ranges.h>

#include "fabric.h"

/* Bytes in a list of ranges. */
static inline size_t fabric_ranges_size(const struct phys_vec *ranges,
					size_t nr_ranges)
{
	size_t size = 0;

	while (nr_ranges--)
		size += ranges++->len;
	return size;
}

void fabric_expect_table(struct fabric *fabric, struct pci_dev *client,
			 const struct phys_vec *ranges, size_t nr_ranges,
			 enum dma_data_direction dir, struct sg_table *sgt);

#endif /* P2PDMA_KUNIT_FABRIC_RANGES_H */
