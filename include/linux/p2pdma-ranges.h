/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ranges of a provider's memory, mapped as a table of DMA addresses alone.
 *
 * The memory needs no struct pages.  See
 * Documentation/driver-api/pci/p2pdma-ranges.rst.
 */
#ifndef _LINUX_P2PDMA_RANGES_H
#define _LINUX_P2PDMA_RANGES_H

#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/scatterlist.h>

struct p2pdma_provider;

#ifdef CONFIG_PCI_P2PDMA_CORE
struct sg_table *pci_p2pdma_map_ranges(struct device *dev,
				       struct p2pdma_provider *provider,
				       const struct phys_vec *ranges,
				       size_t nr_ranges, size_t size,
				       enum dma_data_direction dir);
void pci_p2pdma_unmap_ranges(struct device *dev, struct sg_table *sgt,
			     enum dma_data_direction dir);
#else
static inline struct sg_table *
pci_p2pdma_map_ranges(struct device *dev, struct p2pdma_provider *provider,
		      const struct phys_vec *ranges, size_t nr_ranges,
		      size_t size, enum dma_data_direction dir)
{
	return ERR_PTR(-EREMOTEIO);
}

static inline void pci_p2pdma_unmap_ranges(struct device *dev,
					   struct sg_table *sgt,
					   enum dma_data_direction dir)
{
}
#endif

#endif /* _LINUX_P2PDMA_RANGES_H */
