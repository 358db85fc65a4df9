// SPDX-License-Identifier: GPL-2.0
/*
 * Single mappings of peer memory, made and checked.
 */
#include <linux/dma-mapping.h>
#include <linux/iommu-dma.h>

#include "fabric_single.h"
#include "mock_cache.h"
#include "mock_iommu.h"
#include "mock_ops.h"
#include "oracle.h"

static const char * const fabric_call_names[FABRIC_NR_CALLS] = {
	[FABRIC_PAGE]		= "dma_map_page",
	[FABRIC_PHYS]		= "dma_map_phys",
	[FABRIC_RESOURCE]	= "dma_map_resource",
	[FABRIC_MMIO]		= "dma_map_phys, DMA_ATTR_MMIO",
};

/**
 * fabric_single_map - map a piece of memory
 * @call: by which call
 * @dev: the client
 * @phys: CPU physical address
 * @size: bytes
 * @dir: the direction
 *
 * Return: a DMA address or %DMA_MAPPING_ERROR; dma_mapping_error() has been asked.
 */
dma_addr_t fabric_single_map(enum fabric_call call, struct device *dev,
			     phys_addr_t phys, size_t size,
			     enum dma_data_direction dir)
{
	dma_addr_t dma = DMA_MAPPING_ERROR;

	switch (call) {
	case FABRIC_PAGE:
		dma = dma_map_page(dev, pfn_to_page(PHYS_PFN(phys)),
				   offset_in_page(phys), size, dir);
		break;
	case FABRIC_PHYS:
		dma = dma_map_phys(dev, phys, size, dir, 0);
		break;
	case FABRIC_RESOURCE:
		dma = dma_map_resource(dev, phys, size, dir, 0);
		break;
	case FABRIC_MMIO:
		dma = dma_map_phys(dev, phys, size, dir, DMA_ATTR_MMIO);
		break;
	case FABRIC_NR_CALLS:
		break;
	}
	return dma_mapping_error(dev, dma) ? DMA_MAPPING_ERROR : dma;
}

/**
 * fabric_single_sync - hand a mapped piece to the CPU and back
 * @call: as it was mapped
 * @dev: the client
 * @dma: its DMA address
 * @size: as it was mapped
 * @dir: as it was mapped
 */
void fabric_single_sync(enum fabric_call call, struct device *dev,
			dma_addr_t dma, size_t size,
			enum dma_data_direction dir)
{
	/* There is no sync call for these, which need not map memory. */
	if (call == FABRIC_RESOURCE || call == FABRIC_MMIO)
		return;

	/* Without this a coherent device skips the sync calls. */
#ifdef CONFIG_DMA_NEED_SYNC
	dev->dma_skip_sync = false;
#endif
	dma_sync_single_for_cpu(dev, dma, size, dir);
	dma_sync_single_for_device(dev, dma, size, dir);
	dma_sync_single_range_for_cpu(dev, dma, size - 1, 1, dir);
	dma_sync_single_range_for_device(dev, dma, size - 1, 1, dir);
}

/**
 * fabric_single_unmap - undo fabric_single_map()
 * @call: as it was mapped
 * @dev: the client
 * @dma: its DMA address
 * @size: as it was mapped
 * @dir: as it was mapped
 */
void fabric_single_unmap(enum fabric_call call, struct device *dev,
			 dma_addr_t dma, size_t size,
			 enum dma_data_direction dir)
{
	switch (call) {
	case FABRIC_PAGE:
		dma_unmap_page(dev, dma, size, dir);
		break;
	case FABRIC_PHYS:
		dma_unmap_phys(dev, dma, size, dir, 0);
		break;
	case FABRIC_RESOURCE:
		dma_unmap_resource(dev, dma, size, dir, 0);
		break;
	case FABRIC_MMIO:
		dma_unmap_phys(dev, dma, size, dir, DMA_ATTR_MMIO);
		break;
	case FABRIC_NR_CALLS:
		break;
	}
}

/**
 * fabric_expect_call - map a piece of peer memory by one call, and look at it
 * @fabric: the fabric
 * @call: which call
 * @client: the client
 * @phys: CPU physical address of the memory
 * @size: bytes
 * @dir: the direction
 * @type: the verdict that is expected
 * @line: of the caller
 */
void fabric_expect_call(struct fabric *fabric, enum fabric_call call,
			struct pci_dev *client, phys_addr_t phys, size_t size,
			enum dma_data_direction dir,
			enum pci_p2pdma_map_type type, int line)
{
	struct fabric_host *host = fabric_host_of(client);
	struct kunit *test = fabric->test;
	dma_addr_t dma;
	bool bus;

	mock_cache_forget();
	dma = fabric_single_map(call, &client->dev, phys, size, dir);
	KUNIT_EXPECT_EQ_MSG(test, dma == DMA_MAPPING_ERROR,
			    type == PCI_P2PDMA_MAP_NOT_SUPPORTED,
			    "line %d: %s, %s, %pa, direction %d", line,
			    fabric_call_names[call], pci_name(client), &phys,
			    dir);
	if (dma == DMA_MAPPING_ERROR)
		return;

	/* No IOVA of a translated client is in the windows of its host bridge. */
	if (use_dma_iommu(&client->dev)) {
		bus = dma >= host->bus_start &&
		      dma - host->bus_start < resource_size(&host->window);
		KUNIT_EXPECT_EQ_MSG(test, bus, type == PCI_P2PDMA_MAP_BUS_ADDR,
				    "line %d: %s, %pad", line,
				    fabric_call_names[call], &dma);
	}
	oracle_expect(fabric, client, dma, size, dir, phys);
	fabric_single_sync(call, &client->dev, dma, size, dir);
	fabric_single_unmap(call, &client->dev, dma, size, dir);
	mock_cache_expect(test, &client->dev, fabric_call_names[call], 0, 0);
}

/**
 * fabric_expect_single - map a piece of registered peer memory by every call
 * @fabric: the fabric
 * @client: the client
 * @phys: CPU physical address of the memory
 * @size: bytes
 * @dir: the direction
 * @type: the verdict for a list
 * @line: of the caller
 *
 * With other dma_map_ops bus addresses are for lists alone.
 */
void fabric_expect_single(struct fabric *fabric, struct pci_dev *client,
			  phys_addr_t phys, size_t size,
			  enum dma_data_direction dir,
			  enum pci_p2pdma_map_type type, int line)
{
	enum fabric_call call;

	if (type == PCI_P2PDMA_MAP_BUS_ADDR && mock_ops_translates(&client->dev))
		type = PCI_P2PDMA_MAP_NOT_SUPPORTED;
	for (call = 0; call < FABRIC_NR_CALLS; call++) {
		if (call <= FABRIC_PHYS && !pfn_valid(PHYS_PFN(phys)))
			continue;
		fabric_expect_call(fabric, call, client, phys, size, dir, type,
				   line);
	}
}
