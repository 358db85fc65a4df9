// SPDX-License-Identifier: GPL-2.0
/*
 * Single mappings of peer memory through the IOMMU, for routes through the host bridge;
 * and how a PCI bus address is distinguished from an IOVA.
 *
 * When dma-iommu sets up a domain for its first device, it reserves the memory windows
 * of that device's host bridge in the domain's IOVA space.  From then on, for every
 * device of the domain below that host bridge, an address in the windows is a PCI bus
 * address and any other address is an IOVA.  The domain's cookie keeps a reference to
 * the host bridge.
 */
#include <linux/dma-map-ops.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/iova.h>
#include <linux/pci.h>

#include "dma-iommu.h"

/**
 * iommu_dma_map_p2pdma - map peer memory at an IOVA
 * @dev: the client; it uses the DMA API through its IOMMU domain
 * @phys: CPU physical address of the memory
 * @size: bytes
 * @dir: direction of the transfer
 * @attrs: DMA attributes
 * @iova: set to the IOVA
 *
 * The memory is mapped as MMIO, not cacheable.  iommu_dma_unmap_resource() undoes it.
 *
 * Context: any.
 *
 * Return: 0; -EREMOTEIO if the IOMMU cannot map MMIO, or if @dev is not trusted and the
 * range is not whole IOMMU pages, so that @dev would reach its neighbours in the BAR;
 * -ENOMEM if there is no IOVA, no memory, or a pending attach failed.
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
		iommu_dma_drop_iova(domain, base, len);
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

/* Is a whole range reserved?  No IOVA is allocated yet, so any that is found is. */
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
 * iommu_dma_get_bridge - get the host bridge whose windows a new domain has reserved
 * @dev: the device that the domain was set up for
 * @iovad: IOVA space of the domain, with no IOVA allocated yet
 *
 * Return: the host bridge, with a reference, or NULL if @dev is not below a PCI host
 * bridge or if one of the memory windows is not reserved.
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
 * iommu_dma_attach_p2pdma - attach a device to its domain if that is still pending
 * @dev: the client; it uses the DMA API through its IOMMU domain
 *
 * A kdump kernel, for example, attaches a device only when it maps for the first time.
 *
 * Context: may sleep if the attach is pending, else any.
 *
 * Return: 0, or the error of the IOMMU driver.
 */
int iommu_dma_attach_p2pdma(struct device *dev)
{
	return iommu_deferred_attach(dev, iommu_get_dma_domain(dev));
}

/**
 * iommu_dma_domain_id - tell a device's domains apart
 * @dev: the device; it uses the DMA API through its IOMMU domain
 *
 * Context: any.
 *
 * Return: another pointer for another domain; only for comparison.
 */
const void *iommu_dma_domain_id(struct device *dev)
{
	return iommu_get_dma_domain(dev);
}

/**
 * iommu_dma_mapped_bus - a single mapping of a device has got a PCI bus address
 * @dev: the device
 *
 * iommu_dma_unmap_page() looks for bus addresses only while there are some.
 *
 * Context: any.
 */
void iommu_dma_mapped_bus(struct device *dev)
{
	atomic_inc(iommu_dma_bus_singles(iommu_get_dma_domain(dev)));
}

/**
 * __iommu_dma_unmap_bus - undo a single mapping if it got a PCI bus address
 * @dev: the device
 * @dma: its DMA address
 *
 * Context: any.  The provider may be gone.
 *
 * Return: true if it did, so that there is nothing else to undo.
 */
bool __iommu_dma_unmap_bus(struct device *dev, dma_addr_t dma)
{
	if (!iommu_dma_in_windows(dev, dma))
		return false;
	atomic_dec_if_positive(iommu_dma_bus_singles(iommu_get_dma_domain(dev)));
	return true;
}

/**
 * iommu_dma_windows_reserved - are the windows of a device's host bridge reserved?
 * @dev: the device; it uses the DMA API through its IOMMU domain
 *
 * Context: any.
 *
 * Return: true if no IOVA of the domain is inside the windows; false if the domain was
 * set up for a device below another host bridge, or could not reserve them.
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
 * @dma: DMA address of a mapping for @dev
 *
 * Context: any.
 *
 * Return: true for a bus address, false for an IOVA.
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
