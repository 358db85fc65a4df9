/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scatterlists of RAM and peer memory, mapped and checked.
 *
 * Whatever is mapped through here is checked each time: after success the oracle
 * walks every address; after a refusal the list must be as the design says; after
 * unmapping no flag may be left; and always the entries must be what they were.
 * Before each mapping the DMA fields are filled with rubbish, as an earlier use
 * would leave them.
 *
 * A test builds its fabric and its list, and states what is expected:
 *
 *	sg = fabric_sg_list(fabric,
 *			    SG_RAM(0, SZ_4K), SG_PEER("provider", 0, SZ_8K));
 *	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
 *	KUNIT_EXPECT_EQ(test, 2, fabric_sg_segments(sg, client, DMA_TO_DEVICE));
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

/**
 * struct fabric_piece - an entry of a list that is to be built
 * @name: a provider with struct pages; NULL for RAM
 * @phys: CPU physical address, where it is not NULL and @name is
 * @offset: bytes from the start of the provider's BAR 0, or of a page of RAM
 * @size: bytes
 */
struct fabric_piece {
	const char *name;
	phys_addr_t phys;
	u64 offset;
	size_t size;
};

#define SG_RAM(start, bytes) \
	((struct fabric_piece){ .offset = (start), .size = (bytes) })
#define SG_PEER(provider, start, bytes) \
	((struct fabric_piece){ .name = (provider), .offset = (start), \
				.size = (bytes) })
#define SG_PHYS(start, bytes) \
	((struct fabric_piece){ .phys = (start), .size = (bytes) })

/* A new list of these pieces, and no room for more. */
#define fabric_sg_list(fabric, ...) \
	fabric_sg_build(fabric, (const struct fabric_piece []) { __VA_ARGS__ }, \
			ARRAY_SIZE(((const struct fabric_piece []) { \
				__VA_ARGS__ })))

struct fabric_sg *fabric_sg_alloc(struct fabric *fabric, unsigned int max);
struct fabric_sg *fabric_sg_build(struct fabric *fabric,
				  const struct fabric_piece *pieces, int count);
void fabric_sg_phys(struct fabric_sg *sg, phys_addr_t phys, size_t size);
void fabric_sg_peer(struct fabric_sg *sg, const char *name, u64 offset,
		    size_t size);
void fabric_sg_ram(struct fabric_sg *sg, size_t offset, size_t size);
void fabric_sg_clear(struct fabric_sg *sg);
int fabric_sg_map(struct fabric_sg *sg, struct pci_dev *client,
		  enum dma_data_direction dir);
void fabric_sg_unmap(struct fabric_sg *sg);
void fabric_sg_sync(struct fabric_sg *sg);
int fabric_sg_segments(struct fabric_sg *sg, struct pci_dev *client,
		       enum dma_data_direction dir);
struct scatterlist *fabric_sg_entry(struct fabric_sg *sg, int index);

/**
 * enum fabric_dirs - directions of an expectation, beside a single one
 * @EVERY_DIR: all three, one after the other
 * @READ_DIRS: %DMA_BIDIRECTIONAL and %DMA_TO_DEVICE, in which the client reads
 */
enum fabric_dirs {
	EVERY_DIR = -1,
	READ_DIRS = -2,
};

/* Is a direction one of @dirs: of &enum fabric_dirs, or a single one? */
static inline bool fabric_dir_in(enum dma_data_direction dir, int dirs)
{
	return dirs == EVERY_DIR || dirs == (int)dir ||
	       (dirs == READ_DIRS && dir != DMA_FROM_DEVICE);
}

void fabric_check_route(struct fabric *fabric, struct pci_dev *client,
			struct p2pdma_provider *provider,
			enum dma_data_direction dir,
			struct pci_p2pdma_route *route);
void fabric_expect_route(struct fabric *fabric, const char *client,
			 const char *provider, int dirs,
			 enum pci_p2pdma_map_type type,
			 enum pci_p2pdma_reason reason, int line);

/*
 * The three verdicts, as tests expect them.  The direction is one of
 * &enum dma_data_direction or of &enum fabric_dirs.
 */
#define expect_bus(fabric, client, provider, dirs, reason) \
	fabric_expect_route(fabric, client, provider, dirs, \
			    PCI_P2PDMA_MAP_BUS_ADDR, PCI_P2PDMA_##reason, \
			    __LINE__)
#define expect_host(fabric, client, provider, dirs, reason) \
	fabric_expect_route(fabric, client, provider, dirs, \
			    PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, \
			    PCI_P2PDMA_##reason, __LINE__)
#define expect_refused(fabric, client, provider, dirs, reason) \
	fabric_expect_route(fabric, client, provider, dirs, \
			    PCI_P2PDMA_MAP_NOT_SUPPORTED, \
			    PCI_P2PDMA_##reason, __LINE__)

#endif /* P2PDMA_KUNIT_FABRIC_SG_H */
