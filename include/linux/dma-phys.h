/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DMA mapping by physical address.
 *
 * Drivers get this header through <linux/dma-mapping.h>.
 */
#ifndef _LINUX_DMA_PHYS_H
#define _LINUX_DMA_PHYS_H

#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/dma-iova.h>
#include <linux/mm.h>

/*
 * DMA_ATTR_MMIO: the physical address is not that of RAM but of a device's memory or
 * registers, and need not have a struct page.  It is never bounced and never cached.
 */
#define DMA_ATTR_MMIO			BIT(10)

/**
 * struct phys_vec - a physical range
 * @paddr: CPU physical address
 * @len: bytes
 */
struct phys_vec {
	phys_addr_t paddr;
	size_t len;
};

/**
 * dma_map_phys - map a physical range for DMA
 * @dev: the device that will do the DMA
 * @phys: CPU physical address
 * @size: bytes
 * @dir: direction of the transfer
 * @attrs: DMA attributes
 *
 * Without %DMA_ATTR_MMIO this is dma_map_page_attrs(), for memory that has struct pages.
 * With %DMA_ATTR_MMIO it is dma_map_resource(), but strict: memory in the BAR of a PCI
 * device is mapped only if a route to it is known to work.
 *
 * Context: any.  The memory must stay until it is unmapped.
 *
 * Return: a DMA address for @dev, or %DMA_MAPPING_ERROR, for which callers test with
 * dma_mapping_error().
 */
static inline dma_addr_t dma_map_phys(struct device *dev, phys_addr_t phys,
				      size_t size, enum dma_data_direction dir,
				      unsigned long attrs)
{
	if (attrs & DMA_ATTR_MMIO)
		return dma_map_resource(dev, phys, size, dir, attrs);
	if (WARN_ON_ONCE(!pfn_valid(PHYS_PFN(phys))))
		return DMA_MAPPING_ERROR;
	return dma_map_page_attrs(dev, pfn_to_page(PHYS_PFN(phys)),
				  offset_in_page(phys), size, dir, attrs);
}

/**
 * dma_unmap_phys - undo dma_map_phys()
 * @dev: the device
 * @dma: what dma_map_phys() returned
 * @size: as when it was mapped
 * @dir: as when it was mapped
 * @attrs: as when it was mapped, with or without %DMA_ATTR_SKIP_CPU_SYNC
 *
 * Context: any.  The memory may be gone by then if it was a device's.
 */
static inline void dma_unmap_phys(struct device *dev, dma_addr_t dma,
				  size_t size, enum dma_data_direction dir,
				  unsigned long attrs)
{
	if (attrs & DMA_ATTR_MMIO)
		dma_unmap_resource(dev, dma, size, dir, attrs);
	else
		dma_unmap_page_attrs(dev, dma, size, dir, attrs);
}

#endif /* _LINUX_DMA_PHYS_H */
