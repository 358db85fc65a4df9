// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping of peer memory through the IOMMU, for routes over the host bridge, and
 * what tells a PCI bus address from an IOVA.
 *
 * The memory windows of a host bridge are kept free of IOVAs, once for each domain,
 * when the first device comes to use it.  For that device and all others below the
 * same bridge an address in these windows is a bus address.  A domain holds the
 * bridge for as long as it is used for the DMA API.
 */
#include <linux/dma-map-ops.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/iova.h>
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

/* Is all of a range reserved?  Nothing has been allocated yet. */
static bool iommu_dma_range_reserved(struct iova_domain *iovad, u64 first,
				     u64 last)
{
	unsigned long pfn = iova_pfn(iovad, first);
	struct iova *iova;

	while (pfn <= iova_pfn(iovad, last)) {
		iova = find_iova(iovad, pfn);
		if (!iova)
			return false;
		pfn = iova->pfn_hi + 1;
	}
	return true;
}

/**
 * iommu_dma_get_bridge - whose windows does a new domain keep free of IOVAs?
 * @dev: the device that it was initialised for
 * @iovad: its IOVAs, of which none is allocated
 *
 * Return: the host bridge, held, or NULL if there is none or if a window is not
 * reserved.
 */
struct pci_host_bridge *iommu_dma_get_bridge(struct device *dev,
					     struct iova_domain *iovad)
{
	struct pci_host_bridge *bridge;
	struct resource_entry *window;

	if (!dev_is_pci(dev))
		return NULL;

	bridge = pci_find_host_bridge(to_pci_dev(dev)->bus);
	resource_list_for_each_entry(window, &bridge->windows)
		if (resource_type(window->res) == IORESOURCE_MEM &&
		    !iommu_dma_range_reserved(iovad,
					      window->res->start - window->offset,
					      window->res->end - window->offset))
			return NULL;
	get_device(&bridge->dev);
	return bridge;
}

/**
 * iommu_dma_put_bridge - let go of a domain's host bridge
 * @bridge: what iommu_dma_get_bridge() returned
 */
void iommu_dma_put_bridge(struct pci_host_bridge *bridge)
{
	if (bridge)
		put_device(&bridge->dev);
}

/**
 * iommu_dma_attach_p2pdma - attach a device that waits for its first mapping
 * @dev: the client; it uses the DMA API through its IOMMU domain
 *
 * Context: may sleep if the device waits; else any.
 *
 * Return: 0, or the IOMMU's error.
 */
int iommu_dma_attach_p2pdma(struct device *dev)
{
	return iommu_deferred_attach(dev, iommu_get_dma_domain(dev));
}

/**
 * iommu_dma_windows_reserved - does no IOVA look like a bus address to a device?
 * @dev: the device; it uses the DMA API through its IOMMU domain
 *
 * Context: any.
 *
 * Return: false if an address in the windows of its host bridge may be an IOVA.
 */
bool iommu_dma_windows_reserved(struct device *dev)
{
	struct pci_host_bridge *bridge;

	bridge = iommu_dma_bridge(iommu_get_dma_domain(dev));
	return bridge && dev_is_pci(dev) &&
	       bridge == pci_find_host_bridge(to_pci_dev(dev)->bus);
}

/**
 * iommu_dma_in_windows - is a DMA address a PCI bus address?
 * @dev: the device; it uses the DMA API through its IOMMU domain
 * @dma: an address that it has been given
 *
 * Context: any.
 *
 * Return: true if it is; false if it is an IOVA.
 */
bool iommu_dma_in_windows(struct device *dev, dma_addr_t dma)
{
	struct pci_host_bridge *bridge;
	struct resource_entry *window;

	if (!iommu_dma_windows_reserved(dev))
		return false;

	bridge = iommu_dma_bridge(iommu_get_dma_domain(dev));
	resource_list_for_each_entry(window, &bridge->windows)
		if (resource_type(window->res) == IORESOURCE_MEM &&
		    dma >= window->res->start - window->offset &&
		    dma <= window->res->end - window->offset)
			return true;
	return false;
}

/**
 * iommu_dma_iova_to_phys - get the CPU physical address that an IOVA is mapped to
 * @dev: the device; it uses the DMA API through its IOMMU domain
 * @iova: IOVA of a mapping for @dev
 *
 * Context: any.
 *
 * Return: the CPU physical address, or 0 if nothing is mapped at @iova.
 */
phys_addr_t iommu_dma_iova_to_phys(struct device *dev, dma_addr_t iova)
{
	return iommu_iova_to_phys(iommu_get_dma_domain(dev), iova);
}
