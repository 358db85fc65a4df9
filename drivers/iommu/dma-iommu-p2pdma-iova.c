// SPDX-License-Identifier: GPL-2.0
/*
 * The two-step form of the DMA API, for drivers: a range of IOVA is allocated once,
 * ranges of memory are linked into it one by one, and the IOTLB is synchronised once.
 * Below it, the same for a list of ranges of one provider at once.
 *
 * Memory is peer memory by its address, as everywhere.  It is linked only if its route
 * goes through the host bridge: for any other route an IOVA would be a wrong address.
 * It is mapped as MMIO, and nothing is done to caches.
 *
 * Neither bounce buffers nor cache maintenance are here.  A client that needs them for
 * RAM gets no IOVA for RAM, and its driver falls back to dma_map_phys(), as it must
 * where there is no IOMMU.
 */
#include <linux/cleanup.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/iova.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>

#include "dma-iommu.h"

static struct iova_domain *dma_iova_domain(struct device *dev)
{
	return iommu_dma_iovad(iommu_get_dma_domain(dev));
}

static bool dma_iova_untrusted(struct device *dev)
{
	return dev_is_pci(dev) && to_pci_dev(dev)->untrusted;
}

/* May RAM be mapped for a client where it is, and without cache maintenance? */
static bool dma_iova_maps_ram(struct device *dev)
{
	return dev_is_dma_coherent(dev) && !dma_iova_untrusted(dev);
}

static bool dma_iova_is_ram(phys_addr_t phys)
{
	return pfn_valid(PHYS_PFN(phys)) && !pci_p2pdma_provider_of_phys(phys, 1);
}

/**
 * dma_iova_try_alloc - allocate a range of IOVA
 * @dev: the device that will do the DMA
 * @state: filled in
 * @phys: CPU physical address of the memory that is to be linked first; 0 if it is not
 *	known yet, which stands for RAM
 * @size: bytes that are to be linked in all
 *
 * The range begins at the same place in an IOMMU page as @phys.
 *
 * Context: any; may sleep if the attach to the IOMMU is pending.
 *
 * Return: false if there is none: without a translating IOMMU, without free IOVA, or
 * for RAM if @dev is not trusted or not coherent.  Then the caller maps each piece
 * with dma_map_phys().
 */
bool dma_iova_try_alloc(struct device *dev, struct dma_iova_state *state,
			phys_addr_t phys, size_t size)
{
	struct iova_domain *iovad;
	size_t offset, whole;
	dma_addr_t iova;

	*state = (struct dma_iova_state) {};
	if (!use_dma_iommu(dev) || WARN_ON_ONCE(!size))
		return false;
	if (!dma_iova_maps_ram(dev) && (!phys || dma_iova_is_ram(phys)))
		return false;
	if (iommu_deferred_attach(dev, iommu_get_dma_domain(dev)))
		return false;

	iovad = dma_iova_domain(dev);
	if (dma_get_min_align_mask(dev) > iova_mask(iovad))
		return false;
	offset = iova_offset(iovad, phys);
	if (check_add_overflow(size, offset + iova_mask(iovad), &whole))
		return false;
	iova = iommu_dma_alloc_iova(iommu_get_dma_domain(dev),
				    whole & ~iova_mask(iovad),
				    dma_get_mask(dev), dev);
	if (!iova)
		return false;
	state->addr = iova + offset;
	state->__size = size;
	return true;
}
EXPORT_SYMBOL_GPL(dma_iova_try_alloc);

/**
 * dma_iova_free - free a range of IOVA
 * @dev: the device
 * @state: from dma_iova_try_alloc(); nothing is linked
 *
 * Context: any.
 */
void dma_iova_free(struct device *dev, struct dma_iova_state *state)
{
	struct iova_domain *iovad = dma_iova_domain(dev);
	size_t offset = iova_offset(iovad, state->addr);

	iommu_dma_drop_iova(iommu_get_dma_domain(dev), state->addr - offset,
			    iova_align(iovad, state->__size + offset));
}
EXPORT_SYMBOL_GPL(dma_iova_free);

/* Map without synchronising the IOTLB; @iova and @phys are alike inside an IOMMU page. */
static int dma_iova_map(struct device *dev, dma_addr_t iova, phys_addr_t phys,
			size_t size, int prot)
{
	struct iova_domain *iovad = dma_iova_domain(dev);
	size_t offset = iova_offset(iovad, phys);

	return __iommu_map(iommu_get_dma_domain(dev), iova - offset,
			   phys - offset, iova_align(iovad, size + offset), prot,
			   GFP_ATOMIC);
}

/* The same for memory that is not RAM. */
static int dma_iova_map_mmio(struct device *dev, dma_addr_t iova,
			     phys_addr_t phys, size_t size,
			     enum dma_data_direction dir, unsigned long attrs)
{
	int ret = dma_iova_map(dev, iova, phys, size,
			       dma_info_to_prot(dir, false, attrs) | IOMMU_MMIO);

	if (!ret || ret == -ENOMEM)
		return ret;
	dev_err_ratelimited(dev,
			    "peer memory at %pa cannot be mapped by the IOMMU as MMIO (error %d)\n",
			    &phys, ret);
	return -EREMOTEIO;
}

/* Unmap at once: when this returns the device cannot use the addresses any more. */
static void dma_iova_unmap(struct device *dev, dma_addr_t iova, size_t size)
{
	struct iova_domain *iovad = dma_iova_domain(dev);
	size_t offset = iova_offset(iovad, iova);

	size = iova_align(iovad, size + offset);
	WARN_ON(iommu_unmap(iommu_get_dma_domain(dev), iova - offset, size) !=
		size);
}

/* Is a part of a range inside it? */
static bool dma_iova_holds(struct dma_iova_state *state, size_t offset,
			   size_t size)
{
	size_t end;

	return size && !check_add_overflow(offset, size, &end) &&
	       end <= state->__size;
}

/*
 * Whose memory is it, and by which route does the device reach it?  NULL if it is in no
 * BAR: RAM, or registers of a device that is not PCI.  In an RCU read-side section.
 */
static struct p2pdma_provider *
dma_iova_route(struct device *dev, phys_addr_t phys, size_t size,
	       enum dma_data_direction dir, unsigned long attrs,
	       struct pci_p2pdma_route *route, struct p2pdma_stats **stats)
{
	struct pci_p2pdma_cursor cursor = {};

	__pci_p2pdma_cursor_move(&cursor, phys);
	if (!cursor.provider && (attrs & DMA_ATTR_MMIO))
		return pci_p2pdma_bar_route(phys, size, dev, dir, false, true,
					    route, stats);
	if (!pci_p2pdma_cursor_holds(&cursor, phys, size)) {
		dev_warn_ratelimited(dev,
				     "%zu bytes at %pa are only in part peer memory, or of two providers; not mapped\n",
				     size, &phys);
		return ERR_PTR(-EINVAL);
	}
	if (cursor.provider)
		*stats = pci_p2pdma_map_route(cursor.provider, dev, dir, false,
					      route);
	return cursor.provider;
}

/*
 * Link peer memory.  pci_p2pdma_map_type() answers for both directions.  Where it says
 * "through the host bridge", writes alone may have a direct route; they get through the
 * host bridge too, because a bridge that is trusted for reads is trusted for writes.
 */
static int dma_iova_link_peer(struct device *dev, struct p2pdma_provider *provider,
			      struct pci_p2pdma_route *route,
			      struct p2pdma_stats *stats, dma_addr_t iova,
			      phys_addr_t phys, size_t size,
			      enum dma_data_direction dir, unsigned long attrs)
{
	struct dma_p2pdma_walk walk;
	struct dma_p2pdma_slot *slot = walk.slot;
	int ret;

	if (route->type == PCI_P2PDMA_MAP_BUS_ADDR && dir == DMA_FROM_DEVICE)
		pci_p2pdma_map_route(provider, dev, DMA_BIDIRECTIONAL, false,
				     route);
	if (route->type == PCI_P2PDMA_MAP_BUS_ADDR)
		return -EINVAL;
	if (route->type != PCI_P2PDMA_MAP_THRU_HOST_BRIDGE) {
		pci_p2pdma_refused(provider, dev, dir, route);
		return -EREMOTEIO;
	}

	dma_p2pdma_walk_init(&walk, dev, dir);
	walk.used = 1;
	*slot = (struct dma_p2pdma_slot) {
		.cursor.provider = provider,
		.verdict.action = DMA_P2PDMA_IOVA,
		.verdict.flags = SG_DMA_MMIO,
		.verdict.type = route->type,
		.verdict.same_bridge = route->same_bridge,
		.stats = stats,
		.entries = 1,
		.bytes = size,
	};
	if (dma_iova_untrusted(dev) &&
	    iova_offset(dma_iova_domain(dev), phys | size))
		return dma_p2pdma_unmappable(&walk, slot);
	ret = dma_iova_map_mmio(dev, iova, phys, size, dir, attrs);
	if (ret == -EREMOTEIO)
		return dma_p2pdma_unmappable(&walk, slot);
	if (!ret)
		pci_p2pdma_mapped(&walk, NULL, 0);
	return ret;
}

/**
 * dma_iova_link - map memory into a range of IOVA
 * @dev: the device that will do the DMA
 * @state: from dma_iova_try_alloc()
 * @phys: CPU physical address of the memory
 * @offset: where in the range, bytes; nothing is linked there yet
 * @size: bytes
 * @dir: direction of the transfer
 * @attrs: DMA attributes; %DMA_ATTR_MMIO for memory that is not RAM, which peer memory
 *	does not need to be recognised
 *
 * The IOMMU maps whole pages.  So only the first range may begin inside an IOMMU page,
 * where the range of IOVA does too, and only the last may end inside one.
 *
 * The device may not use the addresses before dma_iova_sync().
 *
 * Context: any.  The memory must stay until it is unlinked.
 *
 * Return: 0; -EREMOTEIO if there is no route to peer memory (or a direct one for writes
 * alone, and none for reads), or the IOMMU cannot map MMIO, or the client is not trusted
 * and the memory is not whole IOMMU pages; -EINVAL for peer memory that @dev reaches with
 * bus addresses, for which see pci_p2pdma_bus_addr_map(), for memory that is only in part
 * peer memory, for RAM with %DMA_ATTR_MMIO, for what is neither RAM nor peer memory
 * without it, and for what does not fit the range of IOVA; -EIO for RAM that would have to
 * be bounced or synchronised; -ENOMEM; an error of the IOMMU.
 */
int dma_iova_link(struct device *dev, struct dma_iova_state *state,
		  phys_addr_t phys, size_t offset, size_t size,
		  enum dma_data_direction dir, unsigned long attrs)
{
	struct iova_domain *iovad = dma_iova_domain(dev);
	struct p2pdma_provider *provider = NULL;
	dma_addr_t iova = state->addr + offset;
	struct pci_p2pdma_route route;
	struct p2pdma_stats *stats;

	if (!dma_iova_holds(state, offset, size))
		return -EINVAL;
	if (iova_offset(iovad, iova) != iova_offset(iovad, phys) ||
	    (offset && iova_offset(iovad, iova)))
		return -EINVAL;

	guard(rcu)();
	if ((attrs & DMA_ATTR_MMIO) || pci_p2pdma_near(phys, size))
		provider = dma_iova_route(dev, phys, size, dir, attrs, &route,
					  &stats);
	if (IS_ERR(provider))
		return PTR_ERR(provider);
	if (provider)
		return dma_iova_link_peer(dev, provider, &route, stats, iova,
					  phys, size, dir, attrs);
	if (attrs & DMA_ATTR_MMIO)
		return pfn_valid(PHYS_PFN(phys)) ? -EINVAL :
		       dma_iova_map_mmio(dev, iova, phys, size, dir, attrs);
	/* Not RAM: perhaps memory of a provider that has gone. */
	if (!pfn_valid(PHYS_PFN(phys)))
		return -EINVAL;
	if (!dma_iova_maps_ram(dev))
		return -EIO;
	return dma_iova_map(dev, iova, phys, size,
			    dma_info_to_prot(dir, true, attrs));
}
EXPORT_SYMBOL_GPL(dma_iova_link);

/**
 * dma_iova_sync - let the device use what has been linked
 * @dev: the device
 * @state: from dma_iova_try_alloc()
 * @offset: where in the range, bytes
 * @size: bytes, all of them linked
 *
 * Context: any.
 *
 * Return: 0; -EINVAL for what is not in the range; an error of the IOMMU.  After an error
 * the device may not use the addresses.
 */
int dma_iova_sync(struct device *dev, struct dma_iova_state *state,
		  size_t offset, size_t size)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iova_domain *iovad = dma_iova_domain(dev);
	dma_addr_t iova = state->addr + offset;
	size_t before = iova_offset(iovad, iova);

	if (!dma_iova_holds(state, offset, size))
		return -EINVAL;
	if (!domain->ops->iotlb_sync_map)
		return 0;
	return domain->ops->iotlb_sync_map(domain, iova - before,
					   iova_align(iovad, size + before));
}
EXPORT_SYMBOL_GPL(dma_iova_sync);

/**
 * dma_iova_unlink - undo dma_iova_link(), and keep the IOVA
 * @dev: the device
 * @state: from dma_iova_try_alloc()
 * @offset: where in the range, bytes
 * @size: bytes, all of them linked
 * @dir: as when it was linked
 * @attrs: as when it was linked
 *
 * When it returns the device cannot use the addresses any more.
 *
 * Context: any.  The memory may be gone by then if it was a device's.
 */
void dma_iova_unlink(struct device *dev, struct dma_iova_state *state,
		     size_t offset, size_t size, enum dma_data_direction dir,
		     unsigned long attrs)
{
	if (!WARN_ON_ONCE(!dma_iova_holds(state, offset, size)))
		dma_iova_unmap(dev, state->addr + offset, size);
}
EXPORT_SYMBOL_GPL(dma_iova_unlink);

/**
 * dma_iova_destroy - undo all that was linked, and free the IOVA
 * @dev: the device
 * @state: from dma_iova_try_alloc()
 * @mapped_len: bytes that are linked, from the beginning of the range on
 * @dir: as when it was linked
 * @attrs: as when it was linked
 *
 * As dma_unmap_phys(): in a domain with deferred flushes the device may be able to use
 * the addresses for a while.
 *
 * Context: any.  The memory may be gone by then if it was a device's.
 */
void dma_iova_destroy(struct device *dev, struct dma_iova_state *state,
		      size_t mapped_len, enum dma_data_direction dir,
		      unsigned long attrs)
{
	if (mapped_len == state->__size) {
		iommu_dma_unmap_resource(dev, state->addr, mapped_len, dir,
					 attrs);
		return;
	}
	if (mapped_len)
		dma_iova_unlink(dev, state, 0, mapped_len, dir, attrs);
	dma_iova_free(dev, state);
}
EXPORT_SYMBOL_GPL(dma_iova_destroy);

/*
 * Lists of ranges.
 */

/* A run of physically adjacent ranges. */
struct dma_iova_run {
	phys_addr_t phys;
	size_t len;
	size_t at;	/* in the list, bytes */
};

/* The run that begins with range *@i, which is set to the first range after it. */
static void dma_iova_next_run(const struct phys_vec *ranges, size_t nr_ranges,
			      size_t *i, struct dma_iova_run *run)
{
	run->at += run->len;
	run->phys = ranges[*i].paddr;
	run->len = 0;
	do
		run->len += ranges[(*i)++].len;
	while (*i < nr_ranges && ranges[*i].paddr == run->phys + run->len);
}

/* Does the list fit whole IOMMU pages?  @largest is set to its largest run. */
static int dma_iova_check_runs(struct device *dev, const struct phys_vec *ranges,
			       size_t nr_ranges, size_t size,
			       struct dma_iova_run *largest)
{
	struct iova_domain *iovad = dma_iova_domain(dev);
	struct dma_iova_run run = {};
	size_t i = 0;

	largest->len = 0;
	while (i < nr_ranges) {
		dma_iova_next_run(ranges, nr_ranges, &i, &run);
		if (dma_iova_untrusted(dev) &&
		    iova_offset(iovad, run.phys | run.len))
			return -EREMOTEIO;
		if ((run.at && iova_offset(iovad, run.phys)) ||
		    (run.at + run.len != size &&
		     iova_offset(iovad, run.phys + run.len)))
			return -EINVAL;
		if (run.len > largest->len)
			*largest = run;
	}
	return 0;
}

/*
 * How much IOVA is left free before a list, so that its largest run begins at the same
 * place in a large page as its memory.  What is allocated is aligned to its size.
 */
static size_t dma_iova_pad(struct device *dev, const struct dma_iova_run *run)
{
	unsigned long sizes = iommu_get_dma_domain(dev)->pgsize_bitmap &
			      GENMASK(__fls(run->len), 0);

	if (!sizes)
		return 0;
	return (run->phys - run->at) & (BIT(__fls(sizes)) - 1) &
	       ~iova_mask(dma_iova_domain(dev));
}

static int dma_iova_link_runs(struct device *dev, struct dma_iova_state *state,
			      size_t pad, const struct phys_vec *ranges,
			      size_t nr_ranges, enum dma_data_direction dir,
			      size_t *mapped)
{
	struct dma_iova_run run = {};
	size_t i = 0;
	int ret;

	while (i < nr_ranges) {
		dma_iova_next_run(ranges, nr_ranges, &i, &run);
		ret = dma_iova_map_mmio(dev, state->addr + pad + run.at,
					run.phys, run.len, dir, 0);
		if (ret)
			return ret;
		*mapped += run.len;
	}
	return dma_iova_sync(dev, state, pad, *mapped);
}

/**
 * iommu_dma_map_ranges - map ranges of peer memory to one range of IOVA
 * @dev: the client; it uses the DMA API through its IOMMU domain
 * @ranges: the ranges; their route goes through the host bridge
 * @nr_ranges: how many
 * @size: bytes in all of them
 * @dir: direction of the transfer
 * @state: filled in with the range of IOVA
 * @pad: set to where in it the first range begins
 *
 * The ranges follow each other without a gap.  Adjacent ones are mapped at once, in the
 * largest pages that fit, and the IOTLB is synchronised once.
 *
 * Context: any.
 *
 * Return: 0; -EREMOTEIO if the IOMMU cannot map MMIO, or if @dev is not trusted and a
 * range is not whole IOMMU pages; -EINVAL if a range begins or ends inside an IOMMU page
 * in the middle of the list; -ENOMEM.
 */
int iommu_dma_map_ranges(struct device *dev, const struct phys_vec *ranges,
			 size_t nr_ranges, size_t size,
			 enum dma_data_direction dir,
			 struct dma_iova_state *state, size_t *pad)
{
	struct dma_iova_run largest;
	size_t mapped = 0, padded;
	int ret;

	ret = dma_iova_check_runs(dev, ranges, nr_ranges, size, &largest);
	if (ret)
		return ret;

	*pad = dma_iova_pad(dev, &largest);
	if (check_add_overflow(*pad, size, &padded) ||
	    !dma_iova_try_alloc(dev, state, ranges->paddr, padded)) {
		*pad = 0;
		if (!dma_iova_try_alloc(dev, state, ranges->paddr, size))
			return -ENOMEM;
	}
	ret = dma_iova_link_runs(dev, state, *pad, ranges, nr_ranges, dir,
				 &mapped);
	if (!ret)
		return 0;
	if (mapped)
		dma_iova_unmap(dev, state->addr + *pad, mapped);
	dma_iova_free(dev, state);
	*state = (struct dma_iova_state) {};
	return ret == -ENOMEM ? ret : -EREMOTEIO;
}

/**
 * iommu_dma_unmap_ranges - undo iommu_dma_map_ranges()
 * @dev: the client
 * @state: the range of IOVA
 * @pad: where in it the first range begins
 *
 * When it returns the device cannot use the addresses any more, also in a domain with
 * deferred flushes: whoever takes memory back relies on it.
 *
 * Context: any.
 */
void iommu_dma_unmap_ranges(struct device *dev, struct dma_iova_state *state,
			    size_t pad)
{
	dma_iova_unmap(dev, state->addr + pad, state->__size - pad);
	dma_iova_free(dev, state);
}
