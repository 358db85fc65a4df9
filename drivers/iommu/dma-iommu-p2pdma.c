// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping of peer memory through the IOMMU, for routes through the host bridge; and how
 * a PCI bus address is distinguished from an IOVA.
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

/*
 * Lists: one IOVA range for all entries that are not bus addresses.
 *
 * The layout of the range is that of the kernel's own loop.  An entry takes whole IOMMU
 * pages, one entry after the other; no DMA segment crosses a segment boundary of the
 * device, or is longer than it takes.  The differences: an entry that begins where the
 * one before it ends, inside a page, goes on in the same IOMMU page; adjacent entries
 * are mapped together whatever the device takes as one segment, each run with the
 * protection of its memory; and the IOTLB is synchronised once.
 *
 * DMA segments are written as the entries are laid out, with addresses relative to the
 * range, which is allocated afterwards.  Each is at or before the last of its entries.
 */

/* A list that is being laid out. */
struct iommu_p2pdma_list {
	struct dma_p2pdma_walk walk;
	struct iova_domain *iovad;
	struct scatterlist *out;	/* the last DMA segment */
	int count;			/* DMA segments */
	unsigned int cur_len;		/* of @out; 0 if nothing may be added to it */
	size_t iova_len;		/* of the range so far, whole pages */
	phys_addr_t end;		/* of the last entry in the range ... */
	size_t iova_end;		/* ... and where that is in the range */
	u8 action;			/* of that entry */
	unsigned long mask;		/* segment boundary */
	unsigned int max_len;		/* the longest segment */
	bool peer;			/* not all of it is RAM */
};

/* Begin a DMA segment.  The entry at its place has been laid out. */
static void iommu_p2pdma_segment(struct iommu_p2pdma_list *list, dma_addr_t dma,
				 unsigned int len, unsigned int flags)
{
	if (list->count++)
		list->out = dma_p2pdma_sg_next(list->out);
	sg_dma_address(list->out) = dma;
	sg_dma_len(list->out) = len;
	list->out->dma_flags |= flags;
}

/* What has to be left free before an entry of @len, not to cross a boundary. */
static size_t iommu_p2pdma_pad(unsigned long mask, size_t iova_len, size_t len)
{
	size_t pad = (mask - iova_len + 1) & mask;

	return pad < len - 1 ? pad : 0;
}

/* Add an entry to the last DMA segment, or begin one, at @iova in the range. */
static void iommu_p2pdma_place(struct iommu_p2pdma_list *list,
			       struct scatterlist *s, size_t iova)
{
	if (list->cur_len && (iova & list->mask) &&
	    s->length <= list->max_len &&
	    list->cur_len <= list->max_len - s->length) {
		list->cur_len += s->length;
		sg_dma_len(list->out) = list->cur_len;
	} else {
		list->cur_len = s->length;
		iommu_p2pdma_segment(list, iova, s->length, 0);
	}
	list->iova_end = iova + s->length;
	list->iova_len = iova_align(list->iovad, list->iova_end);
	list->end = sg_phys(s) + s->length;
}

/* An entry that gets a part of the range; -EAGAIN if peer memory would need padding. */
static int iommu_p2pdma_lay_out(struct iommu_p2pdma_list *list,
				struct scatterlist *s, u8 action)
{
	size_t off = iova_offset(list->iovad, s->offset);
	size_t len, pad;

	if (off && sg_phys(s) == list->end && action == list->action &&
	    (list->iova_end & list->mask) + s->length - 1 <= list->mask) {
		s->dma_flags |= SG_DMA_P2PDMA_JOINED;
		iommu_p2pdma_place(list, s, list->iova_end);
		return 0;
	}

	len = iova_align(list->iovad, s->length + off);
	pad = iommu_p2pdma_pad(list->mask, list->iova_len, len);
	if (pad) {
		if (list->peer)
			return -EAGAIN;
		list->iova_len += pad;
		list->cur_len = 0;
	}
	/* Nothing is added to a segment that does not end where this one begins. */
	if (off || list->iova_end != list->iova_len)
		list->cur_len = 0;
	list->action = action;
	iommu_p2pdma_place(list, s, list->iova_len + off);
	return 0;
}

/*
 * Consecutive entries with bus addresses, from @s on, up to the first that the slot
 * does not hold.  Returns how many; at least one.
 */
static int iommu_p2pdma_bus_run(struct iommu_p2pdma_list *list,
				struct scatterlist **sg, int left)
{
	struct dma_p2pdma_slot *slot = list->walk.cur;
	struct scatterlist *s = *sg;
	u64 bytes = 0;
	int n = 0;

	list->cur_len = 0;
	for (;;) {
		phys_addr_t phys = sg_phys(s);

		if (!dma_p2pdma_slot_holds(slot, phys, s->length))
			break;
		bytes += s->length;
		s->dma_flags = SG_DMA_P2PDMA_BUS;
		sg_dma_len(s) = 0;
		iommu_p2pdma_segment(list, phys + slot->dma_offset, s->length,
				     SG_DMA_BUS_ADDRESS);
		if (++n == left)
			break;
		s = dma_p2pdma_sg_next(s);
	}
	slot->bytes += bytes;
	slot->entries += n;
	*sg = s;
	return n;
}

static int iommu_p2pdma_lay_out_list(struct iommu_p2pdma_list *list,
				     struct scatterlist *sg, int nents)
{
	struct dma_p2pdma_walk *walk = &list->walk;
	struct scatterlist *s = sg;
	int done = 0, ret;

	while (done < nents) {
		struct dma_p2pdma_slot *slot = walk->cur;

		if (!dma_p2pdma_slot_holds(slot, sg_phys(s), s->length)) {
			ret = dma_p2pdma_enter(walk, sg_phys(s), s->length);
			if (ret)
				return ret;
			slot = walk->cur;
			list->peer |= slot->flags;
		}
		if (slot->action == DMA_P2PDMA_FIXED) {
			done += iommu_p2pdma_bus_run(list, &s, nents - done);
			continue;
		}
		slot->entries++;
		slot->bytes += s->length;
		s->dma_flags = slot->action == DMA_P2PDMA_IOVA ?
			       SG_DMA_P2PDMA_MMIO : 0;
		sg_dma_len(s) = 0;
		ret = iommu_p2pdma_lay_out(list, s, slot->action);
		if (ret)
			return ret;
		if (++done < nents)
			s = dma_p2pdma_sg_next(s);
	}
	return 0;
}

/* A run of physically adjacent memory of one kind, which is mapped at once. */
struct iommu_p2pdma_run {
	struct iommu_domain *domain;
	dma_addr_t iova;	/* of the range */
	size_t mapped;		/* bytes of the range */
	phys_addr_t start;
	size_t len;
	int prot;
};

static int iommu_p2pdma_map_run(struct iommu_p2pdma_run *run)
{
	int ret;

	if (!run->len)
		return 0;
	ret = __iommu_map(run->domain, run->iova + run->mapped, run->start,
			  run->len, run->prot, GFP_ATOMIC);
	if (ret)
		return ret;
	run->mapped += run->len;
	run->len = 0;
	return 0;
}

/* Add an entry to the run, or map the run and begin another. */
static int iommu_p2pdma_add_to_run(struct iommu_p2pdma_list *list,
				   struct iommu_p2pdma_run *run,
				   struct scatterlist *s, int prot)
{
	size_t off = iova_offset(list->iovad, s->offset);
	size_t len = iova_align(list->iovad, s->length + off);
	phys_addr_t phys = sg_phys(s) - off;
	int ret;

	/* The first page of such an entry is in the run already. */
	if (s->dma_flags & SG_DMA_P2PDMA_JOINED) {
		s->dma_flags &= ~SG_DMA_P2PDMA_JOINED;
		run->len = phys + len - run->start;
		return 0;
	}
	/* Padding maps what follows in RAM, as the kernel's loop does. */
	run->len += iommu_p2pdma_pad(list->mask, run->mapped + run->len, len);
	if (phys != run->start + run->len || prot != run->prot) {
		ret = iommu_p2pdma_map_run(run);
		if (ret)
			return ret;
		run->start = phys;
		run->prot = prot;
	}
	run->len += len;
	return 0;
}

/* Map the runs of a list, each with its protection. */
static int iommu_p2pdma_map_runs(struct iommu_p2pdma_list *list,
				 struct iommu_p2pdma_run *run,
				 struct scatterlist *sg, int nents,
				 int ram_prot, int mmio_prot)
{
	struct scatterlist *s = sg;
	int i, ret;

	for (i = 0; i < nents; i++) {
		if (!(s->dma_flags & SG_DMA_P2PDMA_BUS)) {
			ret = iommu_p2pdma_add_to_run(list, run, s,
						      s->dma_flags & SG_DMA_P2PDMA_MMIO ?
						      mmio_prot : ram_prot);
			if (ret)
				return ret;
		}
		if (i + 1 < nents)
			s = dma_p2pdma_sg_next(s);
	}
	return iommu_p2pdma_map_run(run);
}

/* The provider of the run that could not be mapped is counted as refused. */
static void iommu_p2pdma_refused(struct dma_p2pdma_walk *walk, phys_addr_t phys)
{
	unsigned int i;

	for (i = 0; i < walk->used; i++)
		if (dma_p2pdma_slot_holds(&walk->slot[i], phys, 1))
			dma_p2pdma_unmappable(walk, &walk->slot[i]);
}

/* Map the range of a list that has been laid out, and complete the DMA addresses. */
static int iommu_p2pdma_map_range(struct iommu_p2pdma_list *list,
				  struct scatterlist *sg, int nents,
				  unsigned long attrs)
{
	struct device *dev = list->walk.dev;
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	const struct iommu_domain_ops *ops = domain->ops;
	int ram_prot = dma_info_to_prot(list->walk.dir,
					dev_is_dma_coherent(dev), attrs);
	int mmio_prot = dma_info_to_prot(list->walk.dir, false, attrs) |
			IOMMU_MMIO;
	struct iommu_p2pdma_run run = { .domain = domain };
	struct scatterlist *s = sg;
	int i, ret;

	run.iova = iommu_dma_alloc_iova(domain, list->iova_len,
					dma_get_mask(dev), dev);
	if (!run.iova)
		return -ENOMEM;

	ret = iommu_p2pdma_map_runs(list, &run, sg, nents, ram_prot, mmio_prot);
	if (!ret && ops->iotlb_sync_map)
		ret = ops->iotlb_sync_map(domain, run.iova, run.mapped);
	if (ret) {
		if (run.mapped)
			iommu_unmap(domain, run.iova, run.mapped);
		iommu_dma_free_iova(domain->iova_cookie, run.iova,
				    list->iova_len, NULL);
		if (ret == -ENOMEM || run.prot == ram_prot)
			return ret;
		dev_err_ratelimited(dev,
				    "peer memory at %pa cannot be mapped by the IOMMU as MMIO (error %d)\n",
				    &run.start, ret);
		iommu_p2pdma_refused(&list->walk, run.start);
		return -EREMOTEIO;
	}

	for (i = 0; i < list->count; i++) {
		if (!sg_dma_is_bus_address(s))
			sg_dma_address(s) += run.iova;
		if (i + 1 < list->count)
			s = dma_p2pdma_sg_next(s);
	}
	return 0;
}

/**
 * iommu_dma_map_sg_p2pdma - map a list that may hold peer memory
 * @dev: the device that will do the DMA: attached; coherent and trusted unless all of
 *	the list is RAM
 * @sg: the list, not mapped
 * @nents: its entries
 * @dir: direction of the transfer
 * @attrs: DMA attributes
 *
 * Context: any.
 *
 * Return: the number of DMA segments; an error of dma_p2pdma_enter(); -EREMOTEIO if the
 * IOMMU cannot map MMIO; -ENOMEM, or an error of the IOMMU for RAM.
 */
int iommu_dma_map_sg_p2pdma(struct device *dev, struct scatterlist *sg, int nents,
			    enum dma_data_direction dir, unsigned long attrs)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iommu_p2pdma_list list;
	int ret;

	dma_p2pdma_walk_init(&list.walk, dev, dir);
	list.iovad = iommu_dma_iovad(domain);
	list.out = sg;
	list.count = 0;
	list.cur_len = 0;
	list.iova_len = 0;
	list.end = 0;
	list.iova_end = 0;
	list.action = DMA_P2PDMA_FIXED;
	list.mask = dma_get_seg_boundary(dev);
	list.max_len = dma_get_max_seg_size(dev);
	list.peer = false;

	rcu_read_lock();
	ret = iommu_p2pdma_lay_out_list(&list, sg, nents);
	if (!ret && list.iova_len)
		ret = iommu_p2pdma_map_range(&list, sg, nents, attrs);
	if (!ret && list.peer) {
		sg->dma_flags |= SG_DMA_P2PDMA | SG_DMA_P2PDMA_RANGE;
		pci_p2pdma_mapped(&list.walk, sg, nents);
	}
	rcu_read_unlock();

	if (ret == -EAGAIN)
		return dma_p2pdma_map_sg(dev, sg, nents, dir, attrs);
	if (ret)
		return ret == -ENOMEM || ret == -EREMOTEIO ? ret : -EINVAL;
	return list.count;
}

/**
 * iommu_dma_unmap_sg_p2pdma - unmap a list that iommu_dma_map_sg_p2pdma() flagged
 * @dev: the device
 * @sg: the list
 * @nents: its entries, as when it was mapped
 *
 * Context: any.  The providers may be gone.
 */
void iommu_dma_unmap_sg_p2pdma(struct device *dev, struct scatterlist *sg,
			       int nents)
{
	dma_addr_t start = 0, end = 0;

	for (; nents > 0; nents--) {
		if (!sg_dma_is_bus_address(sg) && sg_dma_len(sg)) {
			if (!end)
				start = sg_dma_address(sg);
			end = sg_dma_address(sg) + sg_dma_len(sg);
		}
		sg_dma_clear_flags(sg);
		if (nents > 1)
			sg = dma_p2pdma_sg_next(sg);
	}
	if (end)
		iommu_dma_unmap_resource(dev, start, end - start,
					 DMA_BIDIRECTIONAL, 0);
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
 * iommu_dma_put_bridge - drop the reference to a domain's host bridge
 * @bridge: what iommu_dma_get_bridge() returned
 */
void iommu_dma_put_bridge(struct pci_host_bridge *bridge)
{
	if (bridge)
		put_device(&bridge->dev);
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
