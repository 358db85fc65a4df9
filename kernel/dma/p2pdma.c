// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping of peer memory: what the DMA layer knows of a client, and the walk of a
 * mapping loop over the entries of a list.
 *
 * The loops of dma-direct and dma-iommu compare the address of each entry with the
 * span of all providers, and hand the list over at the first entry inside it: see
 * pci_p2pdma_near().  From there on a loop of ours maps the list.
 *
 *	p2pdma-direct.c		dma-direct: goes on where the kernel's loop stopped
 *	dma-iommu-p2pdma-sg.c	dma-iommu: one IOVA range for the whole list
 *	dma-iommu-p2pdma-window.c  memory that stays mapped, for p2pdma=window
 *	p2pdma-entries.c	entry by entry: other dma_map_ops, and the clients of
 *				dma-iommu that bounce or are not coherent
 *	p2pdma-single.c		pages and resources, which have no list
 *
 * Each of them walks over the entries with a struct dma_p2pdma_walk.  Its slots hold
 * the intervals that the loop has met, each with what to do there:
 *
 *	bus-address		bus address, flagged SG_DMA_BUS_ADDRESS; nothing is
 *				mapped
 *	through-host-bridge	dma-direct: the address that the root complex
 *				forwards; dma-iommu: an IOVA, mapped as MMIO; other
 *				dma_map_ops have no such route
 *	not-supported		-EREMOTEIO
 *
 * The first entry of the list is flagged SG_DMA_P2PDMA, so that unmap and sync come
 * here too.  They need nothing but the list and its flags.  Entries keep page, offset
 * and length.  When mapping fails nothing is left mapped, and the dispatch resets the
 * DMA fields of all entries.
 */
#include <linux/cc_platform.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu-dma.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/swiotlb.h>

#include "p2pdma.h"

/* Does firmware say that the device cannot do DMA at all? */
bool dma_p2pdma_dummy(struct device *dev)
{
	return IS_ENABLED(CONFIG_ARCH_HAS_DMA_OPS) &&
	       get_dma_ops(dev) == &dma_dummy_ops;
}

static bool dma_p2pdma_must_bounce(struct device *dev, enum dma_p2pdma_via via)
{
	return via == DMA_P2PDMA_DIRECT && is_swiotlb_force_bounce(dev);
}

/**
 * dma_p2pdma_client - get the facts about a client that the DMA layer knows
 * @dev: the client
 * @client: filled in
 *
 * Other dma_map_ops count as translating.  They get no route through the host bridge:
 * no architecture of 6.12 that can build P2PDMA has ->map_resource.  Nor does a client
 * of dma-iommu while host memory is encrypted (AMD SME), because the IOMMU's page
 * tables then mark peer memory as encrypted too.
 *
 * Context: any.
 */
void dma_p2pdma_client(struct device *dev, struct dma_p2pdma_client *client)
{
	enum dma_p2pdma_via via = dma_p2pdma_via(dev);

	client->translated = via != DMA_P2PDMA_DIRECT;
	client->must_bounce = dma_p2pdma_must_bounce(dev, via);
	client->no_dma = dma_p2pdma_dummy(dev);
	client->no_host = via == DMA_P2PDMA_OPS ||
			  (via == DMA_P2PDMA_IOMMU &&
			   cc_platform_has(CC_ATTR_HOST_MEM_ENCRYPT));
}

/**
 * dma_p2pdma_domain - tell the IOMMU domains of a client apart
 * @dev: the client; its driver is bound, so that its IOMMU domain stays
 *
 * Context: any.
 *
 * Return: another pointer for another domain, only for comparison; NULL without
 * dma-iommu.
 */
const void *dma_p2pdma_domain(struct device *dev)
{
	return dma_p2pdma_iommu(dma_p2pdma_via(dev)) ? iommu_dma_domain_id(dev) :
						       NULL;
}

/**
 * dma_p2pdma_is_ram - does a CPU physical address look like RAM to dma_unmap_page()?
 * @phys: the address
 *
 * RAM is what the CPU caches and what may have been bounced; bounce buffers are RAM
 * themselves.  When a provider has gone its struct pages have gone too, so its memory
 * does not look like RAM afterwards (but for memory that never had any, in a section of
 * memory that it shares with RAM).
 *
 * Context: any.
 *
 * Return: true if it does.
 */
bool dma_p2pdma_is_ram(phys_addr_t phys)
{
	return pfn_valid(PHYS_PFN(phys)) && !pci_p2pdma_provider_of_phys(phys, 1);
}

/* Is any part of a range RAM?  Struct pages come and go by the subsection. */
static bool dma_p2pdma_holds_ram(phys_addr_t first, phys_addr_t last)
{
	const phys_addr_t mask = BIT_ULL(SUBSECTION_SHIFT) - 1;
	phys_addr_t phys;

	for (phys = first; !dma_p2pdma_is_ram(phys); phys = (phys | mask) + 1)
		if ((phys | mask) >= last)
			return false;
	return true;
}

/*
 * dma-direct turns a DMA address back into a CPU physical address.  Without an offset
 * that is the address of the peer memory itself.  Where the host bridge translates its
 * windows it is another address, which may be that of a stranger's RAM.
 */
static bool dma_p2pdma_direct_known(struct device *dev, phys_addr_t first,
				    phys_addr_t last, u64 bus_offset)
{
	const struct bus_dma_region *region = dev->dma_range_map;
	dma_addr_t first_bus = first + bus_offset, last_bus = last + bus_offset;
	dma_addr_t from, to;

	if (dma_to_phys(dev, first_bus) == first &&
	    dma_to_phys(dev, last_bus) == last)
		return true;
	if (!region)
		return !dma_p2pdma_holds_ram(dma_to_phys(dev, first_bus),
					     dma_to_phys(dev, last_bus));

	/* An address in no region is turned into none. */
	for (; region->size; region++) {
		from = max(first_bus, region->dma_start);
		to = min(last_bus, region->dma_start + region->size - 1);
		if (from <= to && dma_p2pdma_holds_ram(dma_to_phys(dev, from),
						       dma_to_phys(dev, to)))
			return false;
	}
	return true;
}

/**
 * dma_p2pdma_bus_known - does unmap recognise the PCI bus addresses of some memory?
 * @dev: the client; its driver is bound, so that its IOMMU domain stays
 * @first: first CPU physical address of the memory
 * @last: last CPU physical address of the memory
 * @bus_offset: added to these, gives the PCI bus addresses
 *
 * dma_unmap_page() gets only the DMA address.  With dma-iommu it takes an address
 * inside the reserved windows of the host bridge for a bus address.  Both ends are
 * tested, because memory may have been added to a root bus outside of the windows
 * that were reserved.  With dma-direct it takes any address for RAM that it can turn
 * into the address of RAM; so none of the bus addresses may be one of those.
 *
 * Context: any.
 *
 * Return: false if unmap could not distinguish these addresses from others.
 */
bool dma_p2pdma_bus_known(struct device *dev, phys_addr_t first,
			  phys_addr_t last, u64 bus_offset)
{
	enum dma_p2pdma_via via = dma_p2pdma_via(dev);

	if (dma_p2pdma_iommu(via))
		return iommu_dma_in_windows(dev, first + bus_offset) &&
		       iommu_dma_in_windows(dev, last + bus_offset);
	return via == DMA_P2PDMA_DIRECT &&
	       dma_p2pdma_direct_known(dev, first, last, bus_offset);
}

/**
 * dma_p2pdma_host_addr - the address by which an untranslated client reaches peer
 *	memory through the host bridge
 * @dev: the client
 * @provider: whose memory
 * @same_bridge: client and provider are below one host bridge
 * @phys: CPU physical address of the memory
 *
 * Below one host bridge it is the PCI bus address, which the root complex sends back
 * down.  Between two it is the CPU physical address as the client's bus sees it,
 * without the encryption bit because the memory is not RAM.
 *
 * Context: any.
 *
 * Return: a DMA address, or %DMA_MAPPING_ERROR if the client's bus does not see
 * @phys.
 */
dma_addr_t dma_p2pdma_host_addr(struct device *dev,
				struct p2pdma_provider *provider,
				bool same_bridge, phys_addr_t phys)
{
	if (same_bridge)
		return pci_p2pdma_bus_addr_map(provider, phys);
	return phys_to_dma_unencrypted(dev, phys);
}

/**
 * dma_p2pdma_supported - can any route to peer memory succeed for a device?
 * @dev: the device
 *
 * Does not look at the policy, which may change at any time.
 *
 * Return: false if every mapping will be refused, whatever the policy.
 */
bool dma_p2pdma_supported(struct device *dev)
{
	return dev_is_pci(dev) && !dma_p2pdma_dummy(dev) &&
	       !cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT) &&
	       !dma_p2pdma_must_bounce(dev, dma_p2pdma_via(dev));
}

/**
 * dma_p2pdma_reset_sg - reset the DMA fields of a list, as after a failed mapping
 * @sgl: the list
 * @nents: number of its entries
 *
 * Sets each DMA address to %DMA_MAPPING_ERROR, the DMA length to 0, and clears the
 * DMA flags.
 *
 * Context: any.
 */
void dma_p2pdma_reset_sg(struct scatterlist *sgl, int nents)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i) {
		sg_dma_address(sg) = DMA_MAPPING_ERROR;
		if (IS_ENABLED(CONFIG_NEED_SG_DMA_LENGTH))
			sg_dma_len(sg) = 0;
		sg_dma_clear_flags(sg);
	}
}

/* Is the whole range in one region of what the client's bus sees? */
static bool dma_p2pdma_bus_sees(struct device *dev, phys_addr_t first,
				phys_addr_t last)
{
	const struct bus_dma_region *region = dev->dma_range_map;

	for (; region && region->size; region++)
		if (first >= region->cpu_start &&
		    last - region->cpu_start < region->size)
			return true;
	return !dev->dma_range_map;
}

/**
 * dma_p2pdma_checked_addr - the DMA address of an entry, for %DMA_P2PDMA_CHECKED
 * @dev: the client
 * @slot: the interval
 * @phys: CPU physical address of the entry
 * @size: its length in bytes
 * @dma: set to the DMA address
 *
 * Context: any.
 *
 * Return: 0; -EREMOTEIO unless the client can form the addresses of all of it, one
 * after the other.
 */
int dma_p2pdma_checked_addr(struct device *dev,
			    const struct dma_p2pdma_slot *slot,
			    phys_addr_t phys, size_t size, dma_addr_t *dma)
{
	struct p2pdma_provider *provider = slot->cursor.provider;
	bool same_bridge = slot->verdict.same_bridge;
	dma_addr_t last = dma_p2pdma_host_addr(dev, provider, same_bridge,
					       phys + size - 1);

	*dma = dma_p2pdma_host_addr(dev, provider, same_bridge, phys);
	if (*dma == DMA_MAPPING_ERROR || last == DMA_MAPPING_ERROR ||
	    !dma_p2pdma_bus_sees(dev, phys, phys + size - 1) ||
	    last > min_not_zero(dma_get_mask(dev), dev->bus_dma_limit))
		return -EREMOTEIO;
	return 0;
}

/* How a loop maps memory through the host bridge. */
static void dma_p2pdma_settle_host(struct device *dev,
				   const struct pci_p2pdma_cursor *range,
				   bool window, struct dma_p2pdma_verdict *verdict)
{
	verdict->flags = SG_DMA_MMIO;
	verdict->action = DMA_P2PDMA_FIXED;
	if (dma_p2pdma_iommu(dma_p2pdma_via(dev))) {
		int ret = window ? iommu_dma_window(dev, range,
						    &verdict->dma_offset) :
				   -ENXIO;

		/* Like a bus address: there is nothing to unmap. */
		if (!ret)
			verdict->flags |= SG_DMA_BUS_ADDRESS;
		else
			verdict->action = DMA_P2PDMA_IOVA;
		verdict->make_window = ret == -ENOENT;
	} else if (verdict->same_bridge) {
		verdict->dma_offset = range->provider->bus_offset;
	} else if (dev->dma_range_map || IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA)) {
		verdict->action = DMA_P2PDMA_CHECKED;
	}
}

/**
 * dma_p2pdma_settle - what a route means for a mapping loop
 * @dev: the client
 * @range: a registered range of the provider
 * @route: the route
 * @verdict: filled in, for this range
 *
 * Context: any, in an RCU read-side section.
 */
void dma_p2pdma_settle(struct device *dev, const struct pci_p2pdma_cursor *range,
		       const struct pci_p2pdma_route *route,
		       struct dma_p2pdma_verdict *verdict)
{
	*verdict = (struct dma_p2pdma_verdict) {
		.action = DMA_P2PDMA_REFUSED,
		.type = route->type,
		.same_bridge = route->same_bridge,
	};
	switch (route->type) {
	case PCI_P2PDMA_MAP_BUS_ADDR:
		verdict->flags = SG_DMA_BUS_ADDRESS;
		verdict->action = DMA_P2PDMA_FIXED;
		verdict->dma_offset = range->provider->bus_offset;
		break;
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		dma_p2pdma_settle_host(dev, range, route->window, verdict);
		break;
	default:
		break;
	}
}

/**
 * dma_p2pdma_unmappable - count that the DMA layer cannot map what a route reaches
 * @walk: of the mapping loop
 * @slot: the interval
 *
 * Context: any, in the RCU read-side section of the walk.
 *
 * Return: -EREMOTEIO.
 */
int dma_p2pdma_unmappable(struct dma_p2pdma_walk *walk,
			  const struct dma_p2pdma_slot *slot)
{
	const struct pci_p2pdma_route route = { .type = slot->verdict.type };

	pci_p2pdma_refused(slot->cursor.provider, walk->dev, walk->dir, &route);
	return -EREMOTEIO;
}

/* Make a window, and let the list use it. */
static void dma_p2pdma_make_window(struct device *dev,
				   struct dma_p2pdma_slot *slot,
				   const struct pci_p2pdma_route *route)
{
	if (!IS_ENABLED(CONFIG_IOMMU_DMA))
		return;
	iommu_dma_make_window(dev, &slot->cursor);
	/* Also if another CPU has made it: it may have found no entry yet. */
	pci_p2pdma_settle_anew(dev, slot->cursor.provider);
	dma_p2pdma_settle(dev, &slot->cursor, route, &slot->verdict);
}

/**
 * dma_p2pdma_client_unbound - a client has no driver any more
 * @dev: the client
 *
 * Context: may sleep.
 */
void dma_p2pdma_client_unbound(struct device *dev)
{
	if (IS_ENABLED(CONFIG_IOMMU_DMA))
		iommu_dma_remove_client_windows(dev);
}

/**
 * dma_p2pdma_provider_gone - nothing of a provider is registered any more
 * @provider: the provider; nobody has anything of it mapped
 *
 * Context: may sleep.
 */
void dma_p2pdma_provider_gone(struct p2pdma_provider *provider)
{
	if (IS_ENABLED(CONFIG_IOMMU_DMA))
		iommu_dma_remove_windows(provider);
}

/* A slot that is not used yet, or else the last one. */
static struct dma_p2pdma_slot *dma_p2pdma_new_slot(struct dma_p2pdma_walk *walk)
{
	struct dma_p2pdma_slot *slot;

	if (walk->used == DMA_P2PDMA_SLOTS)
		pci_p2pdma_evict(walk, &walk->slot[--walk->used]);
	slot = &walk->slot[walk->used++];
	slot->entries = 0;
	slot->bytes = 0;
	slot->stats = NULL;
	slot->cursor.size = 0;
	slot->cursor.provider = NULL;
	return slot;
}

/**
 * dma_p2pdma_enter - find the slot of an entry
 * @walk: of the mapping loop; @walk->cur is set
 * @phys: CPU physical address of the entry
 * @size: its length in bytes
 *
 * For an entry that the slot of the entry before does not hold.
 *
 * Context: any, in the RCU read-side section of the walk.
 *
 * Return: 0; -EREMOTEIO if the client does not reach the memory; -EINVAL for an entry
 * that is only in part peer memory, or of two providers, and for an empty one in peer
 * memory.  Empty entries of RAM are left to the mapping loop.
 */
int dma_p2pdma_enter(struct dma_p2pdma_walk *walk, phys_addr_t phys, size_t size)
{
	const struct dma_p2pdma_slot *recent;
	struct pci_p2pdma_route route;
	struct dma_p2pdma_slot *slot;
	size_t least = size ?: 1;

	for (slot = walk->slot; slot < walk->slot + walk->used; slot++) {
		if (dma_p2pdma_slot_holds(slot, phys, least)) {
			walk->cur = slot;
			return !size && slot->cursor.provider ? -EINVAL : 0;
		}
	}

	slot = dma_p2pdma_new_slot(walk);
	walk->cur = slot;
	recent = pci_p2pdma_recent(walk->dev, walk->dir, phys);
	if (recent && dma_p2pdma_slot_holds(recent, phys, size)) {
		*slot = *recent;
		pci_p2pdma_used(recent);
	} else {
		__pci_p2pdma_cursor_move(&slot->cursor, phys);
		if (!dma_p2pdma_slot_holds(slot, phys, least) ||
		    (!size && slot->cursor.provider))
			return -EINVAL;
		if (!slot->cursor.provider) {
			slot->verdict.action = DMA_P2PDMA_RAM;
			slot->verdict.flags = 0;
			return 0;
		}
		slot->stats = pci_p2pdma_map_route(slot->cursor.provider,
						   walk->dev, walk->dir, false,
						   &route);
		dma_p2pdma_settle(walk->dev, &slot->cursor, &route,
				  &slot->verdict);
		if (slot->verdict.make_window)
			dma_p2pdma_make_window(walk->dev, slot, &route);
	}
	/* The last slot may be used again before the list is mapped. */
	if (walk->used == DMA_P2PDMA_SLOTS)
		slot->stats = NULL;
	if (slot->verdict.action != DMA_P2PDMA_REFUSED)
		return 0;
	pci_p2pdma_refused(slot->cursor.provider, walk->dev, walk->dir, &route);
	return -EREMOTEIO;
}
