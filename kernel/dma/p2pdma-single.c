// SPDX-License-Identifier: GPL-2.0
/*
 * Pages and resources: peer memory that is mapped without a list.
 *
 * They take the same route as a list of one entry.  Unmap and sync have nothing but a
 * DMA address, and must do without the memory's provider, which may be gone:
 *
 *	dma-direct	There is nothing to undo.  dma_unmap_page() looks for a bounce
 *			buffer at the address, and for a client that is not coherent
 *			synchronises what is RAM there.  Where the host bridge
 *			translates its windows, a bus address may look like that of
 *			RAM: then dma_map_page() is refused.
 *	dma-iommu	The IOMMU does not translate a bus address, because the
 *			host bridge's windows are reserved: they hold no IOVA.
 *			Where they are not reserved for this client, a single
 *			mapping to a bus address is refused.  Any other address is
 *			an IOVA.
 *	others		A single mapping of peer memory is refused, so that every
 *			address is the ops' own.
 */
#include <linux/cleanup.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/pci-p2pdma.h>

#include "p2pdma.h"

/* Attach a client that waits for its first mapping: may sleep, as not under RCU. */
static int dma_p2pdma_attach(struct device *dev)
{
	return dma_p2pdma_iommu(dma_p2pdma_via(dev)) ?
		iommu_dma_attach_p2pdma(dev) : 0;
}

/*
 * Map a piece of a provider's memory by its route.  It counts as a list of one entry.
 */
static dma_addr_t dma_p2pdma_map_single(struct device *dev,
					struct p2pdma_provider *provider,
					struct p2pdma_stats *stats,
					const struct pci_p2pdma_route *route,
					phys_addr_t phys, size_t size,
					enum dma_data_direction dir,
					unsigned long attrs)
{
	struct dma_p2pdma_walk walk;
	struct dma_p2pdma_slot *slot = walk.slot;
	dma_addr_t dma;
	int ret = 0;

	dma_p2pdma_walk_init(&walk, dev, dir);
	walk.used = 1;
	slot->cursor.provider = provider;
	slot->stats = stats;
	slot->entries = 1;
	slot->bytes = size;
	dma_p2pdma_settle(dev, &slot->cursor, route, &slot->verdict);

	switch (slot->verdict.action) {
	case DMA_P2PDMA_REFUSED:
		pci_p2pdma_refused(provider, dev, dir, route);
		return DMA_MAPPING_ERROR;
	case DMA_P2PDMA_FIXED:
		dma = phys + slot->verdict.dma_offset;
		break;
	case DMA_P2PDMA_CHECKED:
		ret = dma_p2pdma_checked_addr(dev, slot, phys, size, &dma);
		break;
	default:
		ret = IS_ENABLED(CONFIG_IOMMU_DMA) ?
			iommu_dma_map_p2pdma(dev, phys, size, dir, attrs,
					     &dma) : -EREMOTEIO;
	}
	if (ret == -EREMOTEIO)
		dma_p2pdma_unmappable(&walk, slot);
	if (ret)
		return DMA_MAPPING_ERROR;
	if (slot->verdict.action == DMA_P2PDMA_FIXED &&
	    dma_p2pdma_iommu(dma_p2pdma_via(dev)))
		iommu_dma_mapped_bus(dev);
	pci_p2pdma_mapped(&walk, NULL, 0);
	return dma;
}

/**
 * __dma_p2pdma_map_page - map a page or a part of it, if it is peer memory
 * @dev: the device that will do the DMA
 * @phys: CPU physical address
 * @size: bytes
 * @dir: direction of the transfer
 * @attrs: DMA attributes
 *
 * Only registered memory counts: a page in a BAR may be memory of another kind.
 *
 * Context: any.
 *
 * Return: the DMA address; %DMA_MAPPING_ERROR if there is no route;
 * %DMA_P2PDMA_NOT_PEER if the memory is not peer memory.
 */
dma_addr_t __dma_p2pdma_map_page(struct device *dev, phys_addr_t phys,
				 size_t size, enum dma_data_direction dir,
				 unsigned long attrs)
{
	struct pci_p2pdma_cursor cursor;
	struct pci_p2pdma_route route;
	struct p2pdma_stats *stats;

	__pci_p2pdma_cursor_move(&cursor, phys);
	if (!pci_p2pdma_cursor_holds(&cursor, phys, size)) {
		dev_warn_ratelimited(dev,
				     "%zu bytes at %pa are only in part peer memory, or of two providers; not mapped\n",
				     size, &phys);
		return DMA_MAPPING_ERROR;
	}
	if (!cursor.provider)
		return DMA_P2PDMA_NOT_PEER;
	if (dma_p2pdma_attach(dev))
		return DMA_MAPPING_ERROR;

	guard(rcu)();
	stats = pci_p2pdma_map_route(cursor.provider, dev, dir, true, &route);
	return dma_p2pdma_map_single(dev, cursor.provider, stats, &route, phys,
				     size, dir, attrs);
}

/**
 * __dma_p2pdma_map_resource - map memory that is not RAM, if it is a PCI device's
 * @dev: the device that will do the DMA
 * @phys: CPU physical address
 * @size: bytes
 * @dir: direction of the transfer
 * @attrs: DMA attributes; with %DMA_ATTR_MMIO a mapping that is not known to work is
 *	refused
 * @dma: set to the DMA address, or %DMA_MAPPING_ERROR if there is no route
 *
 * Registered or not: see pci_p2pdma_bar_route().
 *
 * Context: any.
 *
 * Return: false, with @dma as it was, if the mapping keeps its old result.
 */
bool __dma_p2pdma_map_resource(struct device *dev, phys_addr_t phys, size_t size,
			       enum dma_data_direction dir, unsigned long attrs,
			       dma_addr_t *dma)
{
	/* With dma-direct dma_unmap_resource() need not recognise an address. */
	bool single = dma_p2pdma_via(dev) != DMA_P2PDMA_DIRECT;
	struct p2pdma_provider *provider;
	struct pci_p2pdma_route route;
	struct p2pdma_stats *stats;

	if (dma_p2pdma_attach(dev)) {
		*dma = DMA_MAPPING_ERROR;
		return true;
	}
	guard(rcu)();
	provider = pci_p2pdma_provider_of_phys(phys, size);
	if (provider)
		stats = pci_p2pdma_map_route(provider, dev, dir, single, &route);
	else
		provider = pci_p2pdma_bar_route(phys, size, dev, dir, single,
						attrs & DMA_ATTR_MMIO, &route,
						&stats);
	if (!provider)
		return false;

	*dma = IS_ERR(provider) ? DMA_MAPPING_ERROR :
		dma_p2pdma_map_single(dev, provider, stats, &route, phys, size,
				      dir, attrs);
	return true;
}

/**
 * __dma_p2pdma_is_peer - must a DMA address not be synchronised or unmapped as RAM?
 * @dev: the device that it was mapped for
 * @dma: DMA address of a single mapping
 *
 * Context: any.  The provider may be gone.
 *
 * Return: true if treating @dma as RAM would do harm.  False for RAM, and for peer
 * memory where what is done for RAM does nothing wrong.
 */
bool __dma_p2pdma_is_peer(struct device *dev, dma_addr_t dma)
{
	enum dma_p2pdma_via via = dma_p2pdma_via(dev);

	if (via == DMA_P2PDMA_OPS)
		return false;
	if (dma_p2pdma_iommu(via)) {
		if (iommu_dma_in_windows(dev, dma))
			return true;
		return !dev_is_dma_coherent(dev) &&
		       !dma_p2pdma_is_ram(iommu_dma_iova_to_phys(dev, dma));
	}
	return !dev_is_dma_coherent(dev) &&
	       !dma_p2pdma_is_ram(dma_to_phys(dev, dma));
}

/**
 * __dma_p2pdma_unmap_page - undo __dma_p2pdma_map_page(), for a client that is not
 *	coherent
 * @dev: the device that it was mapped for
 * @dma: its DMA address
 * @size: as when it was mapped
 * @dir: as when it was mapped
 * @attrs: DMA attributes
 *
 * A coherent client needs none of this: what dma_unmap_page() does for RAM undoes it.
 *
 * Context: any.  The provider may be gone.
 *
 * Return: false, with nothing done, if the address can be unmapped as one of RAM.
 */
bool __dma_p2pdma_unmap_page(struct device *dev, dma_addr_t dma, size_t size,
			     enum dma_data_direction dir, unsigned long attrs)
{
	if (!__dma_p2pdma_is_peer(dev, dma))
		return false;
	if (dma_p2pdma_iommu(dma_p2pdma_via(dev)) &&
	    !__dma_p2pdma_unmap_bus(dev, dma))
		iommu_dma_unmap_resource(dev, dma, size, dir, attrs);
	return true;
}

/**
 * __dma_p2pdma_unmap_bus - undo a single mapping if it got a PCI bus address
 * @dev: the device that it was mapped for
 * @dma: its DMA address
 *
 * Context: any.  The provider may be gone.
 *
 * Return: true if there is nothing else to undo.
 */
bool __dma_p2pdma_unmap_bus(struct device *dev, dma_addr_t dma)
{
	return dma_p2pdma_iommu(dma_p2pdma_via(dev)) &&
	       __iommu_dma_unmap_bus(dev, dma);
}
