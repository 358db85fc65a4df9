/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scatterlists of RAM and peer memory, mapped and checked.
 *
 * Whatever is mapped through here is checked each time: after success the oracle
 * walks every address; after a refusal the list must be as the design says; after
 * unmapping no flag may be left; and always the entries must be what they were.
 * Before each mapping the DMA fields are filled with rubbish, as an earlier use
 * would leave them.
 */
#ifndef P2PDMA_KUNIT_FABRIC_SG_H
#define P2PDMA_KUNIT_FABRIC_SG_H

#include <linux/dma-direction.h>
#include <linux/scatterlist.h>

#include "fabric.h"

/**
 * struct fabric_sg - a scatterlist under test
 * @fabric: where its peer memory is
 * @table: the list; has as many entries as have been added
 * @want: a copy of the entries, to see that they stay as they are
 * @max: how many entries there is room for
 * @client: for whom it is mapped, NULL if it is not
 * @dir: direction in which it is mapped
 * @ram: pages that belong to it
 */
struct fabric_sg {
	struct fabric *fabric;
	struct sg_table table;
	struct scatterlist *want;
	unsigned int max;
	struct pci_dev *client;
	enum dma_data_direction dir;
	struct list_head ram;
};

struct fabric_sg *fabric_sg_alloc(struct fabric *fabric, unsigned int max);
void fabric_sg_phys(struct fabric_sg *sg, phys_addr_t phys, size_t size);
void fabric_sg_peer(struct fabric_sg *sg, const char *name, u64 offset,
		    size_t size);
void fabric_sg_ram(struct fabric_sg *sg, size_t offset, size_t size);
void fabric_sg_clear(struct fabric_sg *sg);
int fabric_sg_map(struct fabric_sg *sg, struct pci_dev *client,
		  enum dma_data_direction dir);
void fabric_sg_unmap(struct fabric_sg *sg);
void fabric_sg_sync(struct fabric_sg *sg);
void fabric_check_route(struct fabric *fabric, struct pci_dev *client,
			struct p2pdma_provider *provider,
			enum dma_data_direction dir,
			struct pci_p2pdma_route *route);
void fabric_expect_route(struct fabric *fabric, const char *client,
			 const char *provider, enum dma_data_direction dir,
			 enum pci_p2pdma_map_type type,
			 enum pci_p2pdma_reason reason, int line);
struct scatterlist *fabric_sg_entry(struct fabric_sg *sg, int index);

/* The three verdicts, as tests expect them. */
#define expect_bus(fabric, client, provider, dir, reason) \
	fabric_expect_route(fabric, client, provider, dir, \
			    PCI_P2PDMA_MAP_BUS_ADDR, PCI_P2PDMA_##reason, \
			    __LINE__)
#define expect_host(fabric, client, provider, dir, reason) \
	fabric_expect_route(fabric, client, provider, dir, \
			    PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, \
			    PCI_P2PDMA_##reason, __LINE__)
#define expect_refused(fabric, client, provider, dir, reason) \
	fabric_expect_route(fabric, client, provider, dir, \
			    PCI_P2PDMA_MAP_NOT_SUPPORTED, \
			    PCI_P2PDMA_##reason, __LINE__)

#endif /* P2PDMA_KUNIT_FABRIC_SG_H */
