// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges of a provider's memory, mapped as a table of DMA addresses alone, as importers
 * of a dma-buf expect it: no entry has a page, and there are no entries beside the DMA
 * segments.
 *
 * The route is that of a list.  First the memory is mapped: for a bus address or with
 * dma-direct there is nothing to do, and dma-iommu maps all of it to one range of IOVA.
 * Then its DMA addresses are known, and adjacent ones are joined to segments as long as
 * the client takes them.  A first pass counts the segments, a second fills them in.
 *
 * Windows are not used (p2pdma=window): the owner of the memory may take it back, and
 * once a table is unmapped the client must not reach the memory any more.
 */
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/dma-iova.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/overflow.h>
#include <linux/p2pdma-ranges.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>

#include "p2pdma.h"

/**
 * struct dma_p2pdma_table - a table, and how to undo it
 * @sgt: what the caller sees of it
 * @slot: whose memory it is, and what the route means
 * @iova: the range of IOVA, with %DMA_P2PDMA_IOVA
 * @pad: where in it the first range begins
 * @max_len: the longest segment that the client takes, whole pages if it is one
 * @mask: segment boundary of the client
 * @nents: DMA segments
 */
struct dma_p2pdma_table {
	struct sg_table sgt;
	struct dma_p2pdma_slot slot;
	struct dma_iova_state iova;
	size_t pad;
	unsigned int max_len;
	unsigned long mask;
	unsigned int nents;
};

/* The DMA segments of a table while they are counted or filled in. */
struct dma_p2pdma_segments {
	struct scatterlist *sg;		/* the next segment, or NULL */
	u64 count;
	dma_addr_t start;		/* of adjacent addresses ... */
	u64 len;			/* ... that are in no segment yet */
};

/* Do the ranges add up to @size bytes, all of them of @provider? */
static int dma_p2pdma_check_ranges(struct p2pdma_provider *provider,
				   const struct phys_vec *ranges,
				   size_t nr_ranges, size_t size)
{
	struct pci_p2pdma_cursor cursor = {};
	size_t sum = 0, i;

	for (i = 0; i < nr_ranges; i++) {
		const struct phys_vec *range = &ranges[i];

		if (!range->len || check_add_overflow(sum, range->len, &sum))
			return -EINVAL;
		if (!pci_p2pdma_cursor_holds(&cursor, range->paddr, range->len))
			__pci_p2pdma_cursor_move(&cursor, range->paddr);
		if (cursor.provider != provider ||
		    !pci_p2pdma_cursor_holds(&cursor, range->paddr, range->len))
			return -EINVAL;
	}
	return sum && sum == size ? 0 : -EINVAL;
}

/* Put what is in no segment yet into as few segments as the client takes. */
static void dma_p2pdma_flush(const struct dma_p2pdma_table *table,
			     struct dma_p2pdma_segments *to)
{
	while (to->len) {
		/* The last byte before the boundary: its distance does not overflow. */
		unsigned long room = table->mask - (to->start & table->mask);
		unsigned int len = min_t(u64, to->len, table->max_len);

		if (len - 1 > room)
			len = room + 1;
		if (to->sg) {
			sg_dma_address(to->sg) = to->start;
			sg_dma_len(to->sg) = len;
			to->sg->dma_flags |= table->slot.verdict.flags &
					     SG_DMA_BUS_ADDRESS;
			to->sg = sg_next(to->sg);
		}
		to->count++;
		to->start += len;
		to->len -= len;
	}
}

static void dma_p2pdma_add(const struct dma_p2pdma_table *table,
			   struct dma_p2pdma_segments *to, dma_addr_t dma,
			   u64 len)
{
	if (to->len && to->start + to->len != dma)
		dma_p2pdma_flush(table, to);
	if (!to->len)
		to->start = dma;
	to->len += len;
}

/* Walk over the DMA addresses of a table that is mapped. */
static int dma_p2pdma_segments(const struct dma_p2pdma_table *table,
			       struct device *dev,
			       const struct phys_vec *ranges, size_t nr_ranges,
			       size_t size, struct dma_p2pdma_segments *to)
{
	const struct dma_p2pdma_slot *slot = &table->slot;
	dma_addr_t dma;
	size_t i;
	int ret;

	if (slot->verdict.action == DMA_P2PDMA_IOVA) {
		dma_p2pdma_add(table, to, table->iova.addr + table->pad, size);
		nr_ranges = 0;
	}
	for (i = 0; i < nr_ranges; i++) {
		dma = ranges[i].paddr + slot->verdict.dma_offset;
		if (slot->verdict.action == DMA_P2PDMA_CHECKED) {
			ret = dma_p2pdma_checked_addr(dev, slot,
						      ranges[i].paddr,
						      ranges[i].len, &dma);
			if (ret)
				return ret;
		}
		dma_p2pdma_add(table, to, dma, ranges[i].len);
	}
	dma_p2pdma_flush(table, to);
	return to->count > UINT_MAX ? -EINVAL : 0;
}

/* Map the ranges by their route; counts the DMA segments. */
static int dma_p2pdma_map_table(struct dma_p2pdma_table *table,
				struct device *dev, const struct phys_vec *ranges,
				size_t nr_ranges, size_t size,
				enum dma_data_direction dir)
{
	struct dma_p2pdma_segments count = {};
	struct pci_p2pdma_route route;
	struct dma_p2pdma_walk walk;
	struct dma_p2pdma_slot *slot = &table->slot;
	struct p2pdma_provider *provider = slot->cursor.provider;
	int ret;

	guard(rcu)();
	ret = dma_p2pdma_check_ranges(provider, ranges, nr_ranges, size);
	if (ret)
		return ret;

	slot->stats = pci_p2pdma_map_route(provider, dev, dir, false, &route);
	slot->entries = min_t(size_t, nr_ranges, UINT_MAX);
	slot->bytes = size;
	route.window = false;
	dma_p2pdma_settle(dev, &slot->cursor, &route, &slot->verdict);
	if (slot->verdict.action == DMA_P2PDMA_REFUSED) {
		pci_p2pdma_refused(provider, dev, dir, &route);
		return -EREMOTEIO;
	}

	dma_p2pdma_walk_init(&walk, dev, dir);
	walk.used = 1;
	if (slot->verdict.action == DMA_P2PDMA_IOVA)
		ret = IS_ENABLED(CONFIG_IOMMU_DMA) ?
			iommu_dma_map_ranges(dev, ranges, nr_ranges, size, dir,
					     &table->iova, &table->pad) :
			-EREMOTEIO;
	if (!ret)
		ret = dma_p2pdma_segments(table, dev, ranges, nr_ranges, size,
					  &count);
	walk.slot[0] = *slot;
	if (ret == -EREMOTEIO)
		dma_p2pdma_unmappable(&walk, &walk.slot[0]);
	if (ret)
		return ret;
	table->nents = count.count;
	/* Counted now, in the section that keeps the counters: the table may still fail. */
	pci_p2pdma_mapped(&walk, NULL, 0);
	return 0;
}

static void dma_p2pdma_unmap_table(struct dma_p2pdma_table *table,
				   struct device *dev)
{
	if (IS_ENABLED(CONFIG_IOMMU_DMA) && dma_use_iova(&table->iova))
		iommu_dma_unmap_ranges(dev, &table->iova, table->pad);
}

static int dma_p2pdma_fill_table(struct dma_p2pdma_table *table,
				 struct device *dev, const struct phys_vec *ranges,
				 size_t nr_ranges, size_t size)
{
	struct dma_p2pdma_segments to = {};
	int ret;

	ret = sg_alloc_table(&table->sgt, table->nents, GFP_KERNEL);
	if (ret)
		return ret;
	to.sg = table->sgt.sgl;
	ret = dma_p2pdma_segments(table, dev, ranges, nr_ranges, size, &to);
	if (ret)
		sg_free_table(&table->sgt);
	else
		table->sgt.orig_nents = 0;
	return ret;
}

/**
 * pci_p2pdma_map_ranges - map ranges of a provider's memory for a client
 * @dev: the client, the device that will do the DMA
 * @provider: whose memory
 * @ranges: the ranges, each of them registered peer memory of @provider
 * @nr_ranges: how many
 * @size: bytes in all of them; may be more than 4 GiB, as may a single range
 * @dir: direction of the transfer
 *
 * The table has DMA addresses and lengths, for for_each_sgtable_dma_sg(), and nothing
 * else: &sg_table.orig_nents is 0, and no entry has a page.  DMA segments are as long as
 * the client's largest segment and its boundary allow, so that there may be fewer than
 * ranges, or more.  Where the route is direct they are PCI bus addresses, flagged as
 * such; through the IOMMU they are one range of IOVA.
 *
 * Context: may sleep.  The memory must stay until it is unmapped.  The page tables of an
 * IOMMU are allocated without sleeping, because the provider must not go meanwhile.
 *
 * Return: the table; -EREMOTEIO if there is no route, or the client's DMA layer cannot map
 * the memory; -EINVAL if @size is not the sum of the ranges, if a range is empty or not
 * all of it registered memory of @provider, or if one begins or ends inside an IOMMU page
 * in the middle of the list and the route goes through an IOMMU; -ENOMEM, also if there
 * is no IOVA.
 */
struct sg_table *pci_p2pdma_map_ranges(struct device *dev,
				       struct p2pdma_provider *provider,
				       const struct phys_vec *ranges,
				       size_t nr_ranges, size_t size,
				       enum dma_data_direction dir)
{
	struct dma_p2pdma_table *table;
	int ret;

	might_sleep();
	if (!provider || !valid_dma_direction(dir) || WARN_ON_ONCE(!dev->dma_mask))
		return ERR_PTR(-EINVAL);
	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return ERR_PTR(-ENOMEM);
	table->slot.cursor.provider = provider;
	table->mask = dma_get_seg_boundary(dev);
	table->max_len = dma_get_max_seg_size(dev);
	if (table->max_len > PAGE_SIZE)
		table->max_len = ALIGN_DOWN(table->max_len, PAGE_SIZE);
	if (dma_p2pdma_iommu(dma_p2pdma_via(dev)) && iommu_dma_attach_p2pdma(dev)) {
		ret = -ENOMEM;
		goto free;
	}

	ret = dma_p2pdma_map_table(table, dev, ranges, nr_ranges, size, dir);
	if (ret)
		goto unmap;
	ret = dma_p2pdma_fill_table(table, dev, ranges, nr_ranges, size);
	if (ret)
		goto unmap;
	return &table->sgt;

unmap:
	dma_p2pdma_unmap_table(table, dev);
free:
	kfree(table);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_map_ranges);

/**
 * pci_p2pdma_unmap_ranges - undo pci_p2pdma_map_ranges()
 * @dev: the client
 * @sgt: the table, which is freed
 * @dir: as when it was mapped
 *
 * When it returns a client behind an IOMMU cannot use its addresses any more, even if
 * the IOMMU is set to flush late.  Any other client just must not.
 *
 * Context: may sleep.  The provider may be gone.
 */
void pci_p2pdma_unmap_ranges(struct device *dev, struct sg_table *sgt,
			     enum dma_data_direction dir)
{
	struct dma_p2pdma_table *table =
		container_of(sgt, struct dma_p2pdma_table, sgt);

	dma_p2pdma_unmap_table(table, dev);
	/* sg_free_table() looks at the number of entries that were allocated. */
	sgt->orig_nents = table->nents;
	sg_free_table(sgt);
	kfree(table);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_unmap_ranges);
