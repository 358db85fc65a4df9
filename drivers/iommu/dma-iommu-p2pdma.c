// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping of peer memory through the IOMMU, for routes over the host bridge.
 */
#include <linux/dma-map-ops.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/pci.h>

#include "dma-iommu.h"

/**
 * iommu_dma_map_p2pdma - give peer memory an IOVA
 * @dev: the client; it uses the DMA API through its IOMMU domain
 * @phys: CPU physical address of the memory
 * @size: bytes
 * @dir: direction of the transfer
 * @attrs: DMA attributes
 * @iova: set to the IOVA
 *
 * The memory is mapped as MMIO and not cacheable.  Undone with
 * iommu_dma_unmap_resource().
 *
 * Context: any.
 *
 * Return: 0; -EREMOTEIO if the IOMMU cannot map MMIO, or if @dev is not trusted
 * and would reach more of the BAR than it is given; -ENOMEM.
 */
int iommu_dma_map_p2pdma(struct device *dev, phys_addr_t phys, size_t size,
			 enum dma_data_direction dir, unsigned long attrs,
			 dma_addr_t *iova)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	size_t granule = 1UL << __ffs(domain->pgsize_bitmap);
	size_t offset = phys & (granule - 1);
	size_t len = ALIGN(size + offset, granule);
	int prot = dma_info_to_prot(dir, false, attrs) | IOMMU_MMIO;
	dma_addr_t base;
	int ret;

	if (dev_is_pci(dev) && to_pci_dev(dev)->untrusted && len != size)
		return -EREMOTEIO;
	if (iommu_deferred_attach(dev, domain))
		return -ENOMEM;

	base = iommu_dma_alloc_iova(domain, len, dma_get_mask(dev), dev);
	if (!base)
		return -ENOMEM;

	ret = iommu_map(domain, base, phys - offset, len, prot, GFP_ATOMIC);
	if (ret) {
		iommu_dma_free_iova(domain->iova_cookie, base, len, NULL);
		if (ret == -ENOMEM)
			return ret;
		dev_err_ratelimited(dev,
				    "peer memory at %pa cannot be mapped by the IOMMU as MMIO (error %d)\n",
				    &phys, ret);
		return -EREMOTEIO;
	}

	*iova = base + offset;
	return 0;
}
