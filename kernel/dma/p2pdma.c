// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping of peer memory, for every implementation of the DMA API: dma-direct,
 * dma-iommu and other dma_map_ops.
 *
 * Lists.  The mapping loops of dma-direct and dma-iommu look for peer memory with a
 * cursor; for other dma_map_ops __dma_map_sg_attrs() looks.  At the first entry that
 * is peer memory they undo what they have mapped and hand the whole list to
 * dma_p2pdma_map_sg().  That maps RAM entry by entry, as dma_map_page() does, and
 * peer memory according to its route:
 *
 *	bus-address		The PCI bus address, flagged SG_DMA_BUS_ADDRESS.
 *				Neither the IOMMU nor the dma_map_ops are called.
 *	through-host-bridge	Flagged SG_DMA_MMIO.  With dma-direct the address
 *				that the root complex forwards; with dma-iommu an
 *				IOVA mapped as MMIO.  A client with other
 *				dma_map_ops has no such route.
 *	not-supported		-EREMOTEIO.
 *
 * The first entry is flagged SG_DMA_P2PDMA, so that unmap and sync of the list come
 * here too.  They rely on the flags of the DMA segments and on nothing else, because
 * a provider may be gone by then.  Peer memory is never synchronised.
 *
 * Page, offset and length of an entry never change.  If mapping fails, nothing is
 * left mapped and the DMA fields of all entries are reset.
 *
 * Single mappings.  A page or a physical range takes the route of a list with one
 * entry.  Its unmap and sync get only the DMA address, and have to do without the
 * provider:
 *
 *	dma-direct	Unmapping peer memory is nothing to do.  For a client that
 *			is not coherent, sync and unmap maintain caches only if
 *			the address is that of RAM.  A bus address that is also an
 *			address of RAM is treated as RAM.
 *	dma-iommu	The windows of the client's host bridge are reserved in
 *			the IOVA space of the domain.  So an address inside the
 *			windows is a bus address, and any other is an IOVA.  Where
 *			the windows are not reserved for this client, a single
 *			mapping to a bus address is refused.
 *	others		A single mapping of peer memory is refused, so every
 *			address is one that the dma_map_ops returned.
 */
#include <linux/cc_platform.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/iommu-dma.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/swiotlb.h>

#include "direct.h"

/* Which implementation of the DMA API maps for a device. */
enum dma_p2pdma_via {
	DMA_P2PDMA_DIRECT,
	DMA_P2PDMA_IOMMU,
	DMA_P2PDMA_OPS,
};

/* Constant false without dma-iommu, so that the compiler drops the calls into it. */
static bool dma_p2pdma_iommu(enum dma_p2pdma_via via)
{
	return IS_ENABLED(CONFIG_IOMMU_DMA) && via == DMA_P2PDMA_IOMMU;
}

static enum dma_p2pdma_via dma_p2pdma_via(struct device *dev)
{
	if (use_dma_iommu(dev))
		return DMA_P2PDMA_IOMMU;
	if (dma_go_direct(dev, dma_get_mask(dev), get_dma_ops(dev)))
		return DMA_P2PDMA_DIRECT;
	return DMA_P2PDMA_OPS;
}

/* Does firmware say that the device cannot do DMA at all? */
static bool dma_p2pdma_dummy(struct device *dev)
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
 * dma_p2pdma_bus_known - does unmap recognise the PCI bus addresses of some memory?
 * @dev: the client; its driver is bound, so that its IOMMU domain stays
 * @first: first PCI bus address of the memory
 * @last: last PCI bus address of the memory
 *
 * dma_unmap_page() gets only the DMA address.  With dma-iommu it takes an address
 * inside the reserved windows of the host bridge for a bus address.  Both ends are
 * tested, because memory may have been added to a root bus outside of the windows
 * that were reserved.
 *
 * Context: any.
 *
 * Return: false if unmap could not distinguish these addresses from others.
 */
bool dma_p2pdma_bus_known(struct device *dev, dma_addr_t first, dma_addr_t last)
{
	enum dma_p2pdma_via via = dma_p2pdma_via(dev);

	if (dma_p2pdma_iommu(via))
		return iommu_dma_in_windows(dev, first) &&
		       iommu_dma_in_windows(dev, last);
	return via == DMA_P2PDMA_DIRECT;
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

/* The state of a mapping loop. */
struct dma_p2pdma_map {
	struct device *dev;
	const struct dma_map_ops *ops;
	enum dma_p2pdma_via via;
	enum dma_data_direction dir;
	unsigned long attrs;
	struct pci_p2pdma_cursor cursor;
	struct pci_p2pdma_route route;	/* for cursor.provider */
	int count;			/* DMA segments made so far */
	struct pci_p2pdma_tally tally;	/* up to where the cursor moved last */
	int tallied;			/* DMA segments in tally */
	u64 bytes;			/* in DMA segments that are not in tally */
};

static void dma_p2pdma_map_init(struct dma_p2pdma_map *map, struct device *dev,
				enum dma_data_direction dir,
				unsigned long attrs)
{
	*map = (struct dma_p2pdma_map) {
		.dev = dev,
		.ops = get_dma_ops(dev),
		.via = dma_p2pdma_via(dev),
		.dir = dir,
		.attrs = attrs,
	};
}

/* Add to the tally what has been mapped since the cursor entered its interval. */
static void dma_p2pdma_tally(struct dma_p2pdma_map *map)
{
	pci_p2pdma_tally_add(&map->tally, map->cursor.provider, map->route.type,
			     map->count - map->tallied, map->bytes);
	map->tallied = map->count;
	map->bytes = 0;
}

static dma_addr_t dma_p2pdma_map_ram(struct dma_p2pdma_map *map,
				     struct scatterlist *sg)
{
	if (map->via == DMA_P2PDMA_DIRECT)
		return dma_direct_map_page(map->dev, sg_page(sg), sg->offset,
					   sg->length, map->dir, map->attrs);
	if (dma_p2pdma_iommu(map->via))
		return iommu_dma_map_page(map->dev, sg_page(sg), sg->offset,
					  sg->length, map->dir, map->attrs);
	return map->ops->map_page(map->dev, sg_page(sg), sg->offset,
				  sg->length, map->dir, map->attrs);
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

/*
 * The DMA addresses of the whole range must be contiguous, and the client must be able
 * to form the last of them.
 */
static int dma_p2pdma_map_direct(struct dma_p2pdma_map *map, phys_addr_t phys,
				 size_t size, dma_addr_t *dma)
{
	dma_addr_t last = dma_p2pdma_host_addr(map->dev, map->cursor.provider,
					       map->route.same_bridge,
					       phys + size - 1);

	*dma = dma_p2pdma_host_addr(map->dev, map->cursor.provider,
				    map->route.same_bridge, phys);
	if (*dma == DMA_MAPPING_ERROR || last == DMA_MAPPING_ERROR ||
	    (!map->route.same_bridge &&
	     !dma_p2pdma_bus_sees(map->dev, phys, phys + size - 1)) ||
	    last > min_not_zero(dma_get_mask(map->dev),
				map->dev->bus_dma_limit))
		return -EREMOTEIO;
	return 0;
}

/* Map peer memory whose route goes through the host bridge. */
static int dma_p2pdma_map_host(struct dma_p2pdma_map *map, phys_addr_t phys,
			       size_t size, dma_addr_t *dma)
{
	if (dma_p2pdma_iommu(map->via))
		return iommu_dma_map_p2pdma(map->dev, phys, size, map->dir,
					    map->attrs, dma);
	/* Other dma_map_ops get no such route: see dma_p2pdma_client(). */
	return map->via == DMA_P2PDMA_DIRECT ?
		dma_p2pdma_map_direct(map, phys, size, dma) : -EREMOTEIO;
}

/*
 * Map peer memory according to its route.  The range is inside the cursor's interval.
 * Sets @flags to the flags of the DMA segment.
 */
static int dma_p2pdma_map_peer(struct dma_p2pdma_map *map, phys_addr_t phys,
			       size_t size, dma_addr_t *dma,
			       unsigned int *flags)
{
	switch (map->route.type) {
	case PCI_P2PDMA_MAP_BUS_ADDR:
		*dma = pci_p2pdma_bus_addr_map(map->cursor.provider, phys);
		*flags = SG_DMA_BUS_ADDRESS;
		return 0;
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		*flags = SG_DMA_MMIO;
		return dma_p2pdma_map_host(map, phys, size, dma);
	default:
		return -EREMOTEIO;
	}
}

/* Undo dma_p2pdma_map_host(): dma-direct has nothing to undo. */
static void dma_p2pdma_unmap_host(struct device *dev, enum dma_p2pdma_via via,
				  dma_addr_t dma, size_t size,
				  enum dma_data_direction dir,
				  unsigned long attrs)
{
	if (dma_p2pdma_iommu(via))
		iommu_dma_unmap_resource(dev, dma, size, dir, attrs);
}

/* Unmap the DMA segments of a list, up to the first whose length is 0. */
static void dma_p2pdma_unmap_segments(struct device *dev,
				      enum dma_p2pdma_via via,
				      struct scatterlist *sgl, int nents,
				      enum dma_data_direction dir,
				      unsigned long attrs)
{
	const struct dma_map_ops *ops = get_dma_ops(dev);
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i) {
		dma_addr_t dma = sg_dma_address(sg);
		size_t size = sg_dma_len(sg);

		if (!size)
			break;
		if (sg_dma_is_bus_address(sg))
			continue;
		if (sg->dma_flags & SG_DMA_MMIO)
			dma_p2pdma_unmap_host(dev, via, dma, size, dir, attrs);
		else if (via == DMA_P2PDMA_DIRECT)
			dma_direct_unmap_page(dev, dma, size, dir, attrs);
		else if (dma_p2pdma_iommu(via))
			iommu_dma_unmap_page(dev, dma, size, dir, attrs);
		else
			ops->unmap_page(dev, dma, size, dir, attrs);
	}
}

/* Move the cursor to an entry, and find the route of the entry if it is peer memory. */
static int dma_p2pdma_enter(struct dma_p2pdma_map *map, struct scatterlist *sg)
{
	phys_addr_t phys = sg_phys(sg);

	if (unlikely(!sg->length))
		return -EINVAL;
	if (likely(pci_p2pdma_cursor_holds(&map->cursor, phys, sg->length)))
		return 0;

	dma_p2pdma_tally(map);
	__pci_p2pdma_cursor_move(&map->cursor, phys);
	/* Only a part of the entry is peer memory, or it is that of two providers. */
	if (!pci_p2pdma_cursor_holds(&map->cursor, phys, sg->length))
		return -EINVAL;
	if (map->cursor.provider)
		pci_p2pdma_map_route(map->cursor.provider, map->dev, map->dir,
				     false, &map->route);
	return 0;
}

/*
 * How many bytes, from @sg on, become one DMA segment.  With dma-iommu, entries that go
 * through the host bridge are joined if they are physically adjacent, in the cursor's
 * interval, and within the device's maximum segment size and boundary.  Advances @sg to
 * the last entry that is joined, and subtracts from @left those before it.
 */
static size_t dma_p2pdma_run(struct dma_p2pdma_map *map, struct scatterlist **sg,
			     int *left)
{
	bool join = map->via == DMA_P2PDMA_IOMMU &&
		    map->route.type == PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
	unsigned int max = dma_get_max_seg_size(map->dev);
	unsigned long boundary = dma_get_seg_boundary(map->dev);
	phys_addr_t phys = sg_phys(*sg);
	size_t size = (*sg)->length;

	while (join && *left > 1) {
		struct scatterlist *next = sg_next(*sg);
		size_t grown = size + next->length;

		/* The IOVA will have the same offset in its page as @phys. */
		if (!next->length || sg_phys(next) != phys + size ||
		    grown > max || offset_in_page(phys) + grown - 1 > boundary ||
		    !pci_p2pdma_cursor_holds(&map->cursor, phys, grown))
			break;
		size = grown;
		*sg = next;
		(*left)--;
	}
	return size;
}

/**
 * dma_p2pdma_map_sg - map a scatterlist that holds peer memory
 * @dev: the device that will do the DMA
 * @sgl: the list, not mapped
 * @nents: number of its entries
 * @dir: direction of the transfer
 * @attrs: DMA attributes
 *
 * Context: any.
 *
 * Return: the number of DMA segments; -EREMOTEIO if @dev does not reach some of
 * the peer memory; -EINVAL for an entry that is empty, only in part peer memory, or
 * in the memory of two providers; -ENOMEM if the IOMMU has no room or memory for a
 * mapping; -EIO if RAM could not be mapped.
 */
int dma_p2pdma_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		      enum dma_data_direction dir, unsigned long attrs)
{
	struct dma_p2pdma_map map;
	struct scatterlist *sg, *out = sgl;
	int left, ret;

	dma_p2pdma_map_init(&map, dev, dir, attrs);
	/* Stale DMA fields of an earlier mapping must not be taken for this one's. */
	dma_p2pdma_reset_sg(sgl, nents);

	for (sg = sgl, left = nents; left > 0; sg = sg_next(sg), left--) {
		unsigned int flags = 0;
		dma_addr_t dma;
		size_t size = sg->length;

		ret = dma_p2pdma_enter(&map, sg);
		if (ret)
			goto undo;

		if (!map.cursor.provider) {
			/* Goes on to the peer memory, which fails with the error. */
			if (dma_p2pdma_dummy(dev))
				continue;
			dma = dma_p2pdma_map_ram(&map, sg);
			ret = dma == DMA_MAPPING_ERROR ? -EIO : 0;
		} else {
			phys_addr_t phys = sg_phys(sg);

			size = dma_p2pdma_run(&map, &sg, &left);
			ret = dma_p2pdma_map_peer(&map, phys, size, &dma,
						  &flags);
		}
		if (ret)
			goto undo;

		if (map.count++)
			out = sg_next(out);
		map.bytes += size;
		sg_dma_address(out) = dma;
		sg_dma_len(out) = size;
		out->dma_flags = flags;
	}

	sgl->dma_flags |= SG_DMA_P2PDMA;
	dma_p2pdma_tally(&map);
	pci_p2pdma_mapped(dev, dir, &map.tally);
	return map.count;

undo:
	if (ret == -EREMOTEIO)
		pci_p2pdma_refused(map.cursor.provider, dev, dir, &map.route);
	dma_p2pdma_unmap_segments(dev, map.via, sgl, map.count, dir,
				  attrs | DMA_ATTR_SKIP_CPU_SYNC);
	dma_p2pdma_reset_sg(sgl, nents);
	return ret;
}

/**
 * dma_p2pdma_unmap_sg - undo dma_p2pdma_map_sg()
 * @dev: the device
 * @sgl: the list
 * @nents: its entries, as when it was mapped
 * @dir: as when it was mapped
 * @attrs: DMA attributes
 *
 * Context: any.  The providers may be gone.
 */
void dma_p2pdma_unmap_sg(struct device *dev, struct scatterlist *sgl, int nents,
			 enum dma_data_direction dir, unsigned long attrs)
{
	struct scatterlist *sg;
	int i;

	dma_p2pdma_unmap_segments(dev, dma_p2pdma_via(dev), sgl, nents, dir,
				  attrs);
	for_each_sg(sgl, sg, nents, i)
		sg_dma_clear_flags(sg);
}

/* Call @sync for every DMA segment that is RAM. */
static void dma_p2pdma_for_each_ram(struct device *dev, struct scatterlist *sgl,
				    int nents, enum dma_data_direction dir,
				    void (*sync)(struct device *dev,
						 dma_addr_t dma, size_t size,
						 enum dma_data_direction dir))
{
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i) {
		if (!sg_dma_len(sg))
			break;
		if (!(sg->dma_flags & (SG_DMA_BUS_ADDRESS | SG_DMA_MMIO)))
			sync(dev, sg_dma_address(sg), sg_dma_len(sg), dir);
	}
}

/**
 * dma_p2pdma_sync_sg_for_cpu - let the CPU access the RAM of a mapped list
 * @dev: the device
 * @sgl: the list
 * @nents: its entries, as when it was mapped
 * @dir: as when it was mapped
 *
 * Does nothing for peer memory, which is neither cached nor bounced.
 *
 * Context: any.
 */
void dma_p2pdma_sync_sg_for_cpu(struct device *dev, struct scatterlist *sgl,
				int nents, enum dma_data_direction dir)
{
	dma_p2pdma_for_each_ram(dev, sgl, nents, dir,
				dma_sync_single_for_cpu);
}

/**
 * dma_p2pdma_sync_sg_for_device - give the RAM of a mapped list back to the device
 * @dev: the device
 * @sgl: the list
 * @nents: its entries, as when it was mapped
 * @dir: as when it was mapped
 *
 * Does nothing for peer memory, which is neither cached nor bounced.
 *
 * Context: any.
 */
void dma_p2pdma_sync_sg_for_device(struct device *dev, struct scatterlist *sgl,
				   int nents, enum dma_data_direction dir)
{
	dma_p2pdma_for_each_ram(dev, sgl, nents, dir,
				dma_sync_single_for_device);
}

/*
 * Map a range that is inside the cursor's interval.  In the statistics it counts as a
 * list with one entry.
 */
static dma_addr_t dma_p2pdma_map_single(struct dma_p2pdma_map *map,
					phys_addr_t phys, size_t size)
{
	unsigned int flags;
	dma_addr_t dma;
	int ret;

	ret = dma_p2pdma_map_peer(map, phys, size, &dma, &flags);
	if (ret == -EREMOTEIO)
		pci_p2pdma_refused(map->cursor.provider, map->dev, map->dir,
				   &map->route);
	if (ret)
		return DMA_MAPPING_ERROR;

	map->count = 1;
	map->bytes = size;
	dma_p2pdma_tally(map);
	pci_p2pdma_mapped(map->dev, map->dir, &map->tally);
	return dma;
}

/**
 * __dma_p2pdma_map_page - map a page or a part of a page, if it is peer memory
 * @dev: the device that will do the DMA
 * @phys: CPU physical address
 * @size: bytes
 * @dir: direction of the transfer
 * @attrs: DMA attributes
 * @dma: set to the DMA address, or %DMA_MAPPING_ERROR if there is no route
 *
 * Only registered memory is peer memory here.  A page in a BAR that nobody has
 * registered is a page like any other: of a DAX device, for example.
 *
 * Context: any.
 *
 * Return: false, with @dma unchanged, if the memory is not peer memory.
 */
bool __dma_p2pdma_map_page(struct device *dev, phys_addr_t phys, size_t size,
			   enum dma_data_direction dir, unsigned long attrs,
			   dma_addr_t *dma)
{
	struct pci_p2pdma_cursor cursor = {};
	struct dma_p2pdma_map map;
	bool holds;

	__pci_p2pdma_cursor_move(&cursor, phys);
	holds = pci_p2pdma_cursor_holds(&cursor, phys, size);
	if (!cursor.provider && holds)
		return false;

	*dma = DMA_MAPPING_ERROR;
	if (!holds) {
		dev_warn_ratelimited(dev,
				     "%zu bytes at %pa are only in part peer memory, or of two providers; not mapped\n",
				     size, &phys);
		return true;
	}

	dma_p2pdma_map_init(&map, dev, dir, attrs);
	map.cursor = cursor;
	pci_p2pdma_map_route(cursor.provider, dev, dir, true, &map.route);
	*dma = dma_p2pdma_map_single(&map, phys, size);
	return true;
}

/**
 * dma_p2pdma_map_resource - map memory that is not RAM, if it is in a PCI BAR
 * @dev: the device that will do the DMA
 * @phys: CPU physical address
 * @size: bytes
 * @dir: direction of the transfer
 * @attrs: DMA attributes; %DMA_ATTR_MMIO refuses a route that is not known to work
 * @dma: set to the DMA address, or %DMA_MAPPING_ERROR if there is no route
 *
 * The memory need not be registered: see pci_p2pdma_bar_route().
 *
 * Context: any.
 *
 * Return: false, with @dma unchanged, if the caller must map the memory as it did
 * before there were routes.
 */
bool dma_p2pdma_map_resource(struct device *dev, phys_addr_t phys, size_t size,
			     enum dma_data_direction dir, unsigned long attrs,
			     dma_addr_t *dma)
{
	struct p2pdma_provider *provider;
	struct dma_p2pdma_map map;

	dma_p2pdma_map_init(&map, dev, dir, attrs);
	/* May sleep if the attach is still pending, so not under rcu_read_lock(). */
	if (dma_p2pdma_iommu(map.via) && iommu_dma_attach_p2pdma(dev)) {
		*dma = DMA_MAPPING_ERROR;
		return true;
	}
	guard(rcu)();
	provider = pci_p2pdma_provider_of_phys(phys, size);
	if (provider)
		pci_p2pdma_map_route(provider, dev, dir, true, &map.route);
	else
		provider = pci_p2pdma_bar_route(phys, size, dev, dir,
						attrs & DMA_ATTR_MMIO,
						&map.route);
	if (!provider)
		return false;

	map.cursor.provider = provider;
	*dma = IS_ERR(provider) ? DMA_MAPPING_ERROR :
		dma_p2pdma_map_single(&map, phys, size);
	return true;
}

/*
 * Is it memory that the CPU caches and that may have been bounced?  When a provider has
 * gone its struct pages have gone too, so its memory does not look like RAM afterwards.
 */
static bool dma_p2pdma_is_ram(phys_addr_t phys)
{
	return pfn_valid(PHYS_PFN(phys)) && !pci_p2pdma_provider_of_phys(phys, 1);
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
 * __dma_p2pdma_unmap_page - undo __dma_p2pdma_map_page()
 * @dev: the device that it was mapped for
 * @dma: its DMA address
 * @size: as when it was mapped
 * @dir: as when it was mapped
 * @attrs: DMA attributes
 *
 * Context: any.  The provider may be gone.
 *
 * Return: false, with nothing done, if the caller must unmap @dma as RAM.
 */
bool __dma_p2pdma_unmap_page(struct device *dev, dma_addr_t dma, size_t size,
			     enum dma_data_direction dir, unsigned long attrs)
{
	if (!__dma_p2pdma_is_peer(dev, dma))
		return false;
	if (!dma_p2pdma_unmap_resource(dev, dma))
		dma_p2pdma_unmap_host(dev, dma_p2pdma_via(dev), dma, size, dir,
				      attrs);
	return true;
}

/**
 * dma_p2pdma_unmap_resource - is a DMA address a bus address, with nothing to unmap?
 * @dev: the device that it was mapped for
 * @dma: what dma_map_resource() returned
 *
 * Context: any.  The provider may be gone.
 *
 * Return: true if @dma is a PCI bus address, for which the IOMMU was not called.
 */
bool dma_p2pdma_unmap_resource(struct device *dev, dma_addr_t dma)
{
	return dma_p2pdma_iommu(dma_p2pdma_via(dev)) &&
	       iommu_dma_in_windows(dev, dma);
}
