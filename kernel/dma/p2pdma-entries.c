// SPDX-License-Identifier: GPL-2.0
/*
 * Lists with peer memory, mapped entry by entry; and what unmaps and synchronises all
 * lists that were flagged.
 *
 * RAM is mapped with the ops provider's ->map_page, each entry for itself.  That is
 * what other dma_map_ops need, and under dma-iommu the clients that must bounce parts
 * of a page or maintain caches.  Some lists for which one IOVA range would need
 * padding come here, too.
 */
#include <linux/cleanup.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu-dma.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>

#include "p2pdma.h"

static dma_addr_t dma_p2pdma_map_ram(struct dma_p2pdma_walk *walk,
				     struct scatterlist *sg, unsigned long attrs)
{
	struct device *dev = walk->dev;

	if (dma_p2pdma_iommu(dma_p2pdma_via(dev)))
		return iommu_dma_map_page(dev, sg_page(sg), sg->offset,
					  sg->length, walk->dir, attrs);
	return get_dma_ops(dev)->map_page(dev, sg_page(sg), sg->offset,
					  sg->length, walk->dir, attrs);
}

/*
 * How far physically adjacent entries, from @sg on, make up one mapping: as long as
 * the slot holds all of them, and they fit what the device takes as one segment.
 */
static size_t dma_p2pdma_run(struct dma_p2pdma_walk *walk,
			     struct scatterlist **sg, int *left)
{
	unsigned int max = dma_get_max_seg_size(walk->dev);
	unsigned long boundary = dma_get_seg_boundary(walk->dev);
	phys_addr_t phys = sg_phys(*sg);
	size_t size = (*sg)->length;

	while (*left > 1) {
		struct scatterlist *next = dma_p2pdma_sg_next(*sg);
		size_t grown = size + next->length;

		/* The IOVA has its place in a page in common with @phys. */
		if (!next->length || sg_phys(next) != phys + size ||
		    grown > max || offset_in_page(phys) + grown - 1 > boundary ||
		    !dma_p2pdma_slot_holds(walk->cur, phys, grown))
			break;
		size = grown;
		*sg = next;
		(*left)--;
	}
	return size;
}

/* Map one entry, or a run of them; moves @sg and @left to the last of them. */
static int dma_p2pdma_map_entry(struct dma_p2pdma_walk *walk,
				struct scatterlist **sg, int *left,
				unsigned long attrs, dma_addr_t *dma,
				size_t *size)
{
	struct dma_p2pdma_slot *slot = walk->cur;
	phys_addr_t phys = sg_phys(*sg);
	int begin = *left, ret = 0;

	*size = (*sg)->length;
	switch (slot->verdict.action) {
	case DMA_P2PDMA_RAM:
		*dma = dma_p2pdma_map_ram(walk, *sg, attrs);
		ret = *dma == DMA_MAPPING_ERROR ? -EIO : 0;
		break;
	case DMA_P2PDMA_IOVA:
		*size = dma_p2pdma_run(walk, sg, left);
		ret = IS_ENABLED(CONFIG_IOMMU_DMA) ?
			iommu_dma_map_p2pdma(walk->dev, phys, *size, walk->dir,
					     attrs, dma) : -EREMOTEIO;
		if (ret == -EREMOTEIO)
			dma_p2pdma_unmappable(walk, slot);
		break;
	default:
		*dma = phys + slot->verdict.dma_offset;
	}
	slot->entries += 1 + begin - *left;
	slot->bytes += *size;
	return ret;
}

/* Map entries as far as they can be mapped; counts the DMA segments in @count. */
static int dma_p2pdma_map_entries(struct dma_p2pdma_walk *walk,
				  struct scatterlist *sgl, int nents,
				  unsigned long attrs, int *count)
{
	struct scatterlist *sg = sgl, *out = sgl;
	int left, ret;

	guard(rcu)();
	for (left = nents; left > 0; left--) {
		dma_addr_t dma;
		size_t size;

		if (!dma_p2pdma_move(walk, sg_phys(sg), sg->length)) {
			ret = dma_p2pdma_enter(walk, sg_phys(sg), sg->length);
			if (ret)
				return ret;
		}
		/* dma-dummy maps no RAM either; the peer memory says why. */
		if (walk->cur->verdict.action != DMA_P2PDMA_RAM ||
		    !dma_p2pdma_dummy(walk->dev)) {
			ret = dma_p2pdma_map_entry(walk, &sg, &left, attrs,
						   &dma, &size);
			if (ret)
				return ret;
			if ((*count)++)
				out = dma_p2pdma_sg_next(out);
			sg_dma_address(out) = dma;
			sg_dma_len(out) = size;
			out->dma_flags = walk->cur->verdict.flags;
		}
		if (left > 1)
			sg = dma_p2pdma_sg_next(sg);
	}

	sgl->dma_flags |= SG_DMA_P2PDMA;
	pci_p2pdma_mapped(walk, sgl, nents);
	return *count;
}

/* Undo DMA segments, up to the first that was not used. */
static void dma_p2pdma_unmap_segments(struct device *dev,
				      struct scatterlist *sgl, int nents,
				      enum dma_data_direction dir,
				      unsigned long attrs)
{
	bool iommu = dma_p2pdma_iommu(dma_p2pdma_via(dev));
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i) {
		dma_addr_t dma = sg_dma_address(sg);
		size_t size = sg_dma_len(sg);

		if (!size)
			break;
		if (sg_dma_is_bus_address(sg))
			continue;
		if (!iommu)
			get_dma_ops(dev)->unmap_page(dev, dma, size, dir, attrs);
		else if (sg->dma_flags & SG_DMA_MMIO)
			iommu_dma_unmap_resource(dev, dma, size, dir, attrs);
		else
			iommu_dma_unmap_page(dev, dma, size, dir, attrs);
	}
}

/**
 * dma_p2pdma_map_sg - map a scatterlist that holds peer memory, entry by entry
 * @dev: the device that will do the DMA
 * @sgl: the list, not mapped
 * @nents: its entries
 * @dir: direction of the transfer
 * @attrs: DMA attributes
 *
 * Context: any.
 *
 * Return: the number of DMA segments; an error of dma_p2pdma_enter(); -ENOMEM; -EIO if
 * RAM could not be mapped.
 */
int dma_p2pdma_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		      enum dma_data_direction dir, unsigned long attrs)
{
	struct dma_p2pdma_walk walk;
	int count = 0, ret;

	/* What an earlier mapping left must not look like this one's. */
	dma_p2pdma_reset_sg(sgl, nents);

	dma_p2pdma_walk_init(&walk, dev, dir);
	ret = dma_p2pdma_map_entries(&walk, sgl, nents, attrs, &count);
	if (ret < 0)
		dma_p2pdma_unmap_segments(dev, sgl, count, dir,
					  attrs | DMA_ATTR_SKIP_CPU_SYNC);
	return ret;
}

/**
 * dma_p2pdma_unmap_sg - unmap a list that is flagged SG_DMA_P2PDMA
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

	if (sgl->dma_flags & SG_DMA_P2PDMA_DIRECT) {
		dma_p2pdma_direct_unmap_sg(dev, sgl, nents, dir, attrs);
		return;
	}
	if (IS_ENABLED(CONFIG_IOMMU_DMA) &&
	    (sgl->dma_flags & SG_DMA_P2PDMA_RANGE)) {
		iommu_dma_unmap_sg_p2pdma(dev, sgl, nents);
		return;
	}
	dma_p2pdma_unmap_segments(dev, sgl, nents, dir, attrs);
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
