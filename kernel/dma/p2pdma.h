/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the P2P half of the mapping layer know of each other.
 */
#ifndef KERNEL_DMA_P2PDMA_H
#define KERNEL_DMA_P2PDMA_H

#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu-dma.h>

/* Which implementation of the DMA API maps for a device. */
enum dma_p2pdma_via {
	DMA_P2PDMA_DIRECT,
	DMA_P2PDMA_IOMMU,
	DMA_P2PDMA_OPS,
};

/* Constant false without dma-iommu, so that the compiler drops the calls into it. */
static inline bool dma_p2pdma_iommu(enum dma_p2pdma_via via)
{
	return IS_ENABLED(CONFIG_IOMMU_DMA) && via == DMA_P2PDMA_IOMMU;
}

static inline enum dma_p2pdma_via dma_p2pdma_via(struct device *dev)
{
	if (use_dma_iommu(dev))
		return DMA_P2PDMA_IOMMU;
	if (dma_go_direct(dev, dma_get_mask(dev), get_dma_ops(dev)))
		return DMA_P2PDMA_DIRECT;
	return DMA_P2PDMA_OPS;
}

/* p2pdma.c: clients, and the walk of a mapping loop */

bool dma_p2pdma_dummy(struct device *dev);
bool dma_p2pdma_is_ram(phys_addr_t phys);
int dma_p2pdma_checked_addr(struct device *dev,
			    const struct dma_p2pdma_slot *slot,
			    phys_addr_t phys, size_t size, dma_addr_t *dma);

#endif /* KERNEL_DMA_P2PDMA_H */
