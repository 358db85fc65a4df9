/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Single mappings of peer memory, made and checked.
 *
 * There are four calls that map one piece of memory.  All of them must take the
 * route that a list of one entry takes.  Each mapping is checked: the oracle walks the
 * address, sync must do nothing, and unmapping needs only the address.
 */
#ifndef P2PDMA_KUNIT_FABRIC_SINGLE_H
#define P2PDMA_KUNIT_FABRIC_SINGLE_H

#include <linux/dma-direction.h>

#include "fabric.h"

/**
 * enum fabric_call - which call maps
 * @FABRIC_PAGE: dma_map_page(); the memory has struct pages
 * @FABRIC_PHYS: dma_map_phys(); the memory has struct pages
 * @FABRIC_RESOURCE: dma_map_resource()
 * @FABRIC_MMIO: dma_map_phys() with %DMA_ATTR_MMIO
 * @FABRIC_NR_CALLS: how many there are
 */
enum fabric_call {
	FABRIC_PAGE,
	FABRIC_PHYS,
	FABRIC_RESOURCE,
	FABRIC_MMIO,
	FABRIC_NR_CALLS,
};

dma_addr_t fabric_single_map(enum fabric_call call, struct device *dev,
			     phys_addr_t phys, size_t size,
			     enum dma_data_direction dir);
void fabric_single_sync(enum fabric_call call, struct device *dev,
			dma_addr_t dma, size_t size,
			enum dma_data_direction dir);
void fabric_single_unmap(enum fabric_call call, struct device *dev,
			 dma_addr_t dma, size_t size,
			 enum dma_data_direction dir);
void fabric_expect_call(struct fabric *fabric, enum fabric_call call,
			struct pci_dev *client, phys_addr_t phys, size_t size,
			enum dma_data_direction dir,
			enum pci_p2pdma_map_type type, int line);
void fabric_expect_single(struct fabric *fabric, struct pci_dev *client,
			  phys_addr_t phys, size_t size,
			  enum dma_data_direction dir,
			  enum pci_p2pdma_map_type type, int line);

#endif /* P2PDMA_KUNIT_FABRIC_SINGLE_H */
