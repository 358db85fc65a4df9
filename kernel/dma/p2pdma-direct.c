// SPDX-License-Identifier: GPL-2.0
/*
 * Lists with peer memory, for dma-direct.
 *
 * dma_direct_map_sg() maps RAM with a loop of its own, and hands the list over at the
 * first entry that may be peer memory.  The loop here goes on from there: what has
 * been mapped stays as it is.  RAM is mapped with dma_direct_map_page(), as before.
 */
#include <linux/cleanup.h>
#include <linux/dma-map-ops.h>
#include <linux/scatterlist.h>

#include "direct.h"
#include "p2pdma.h"

#define DMA_P2PDMA_PEER (SG_DMA_BUS_ADDRESS | SG_DMA_MMIO)

/**
 * dma_p2pdma_direct_unmap_sg - undo dma_p2pdma_direct_map_sg()
 * @dev: the device
 * @sgl: the list
 * @nents: its entries, as when it was mapped
 * @dir: as when it was mapped
 * @attrs: DMA attributes
 *
 * There is nothing to undo for peer memory.
 *
 * Context: any.  The providers may be gone.
 */
void dma_p2pdma_direct_unmap_sg(struct device *dev, struct scatterlist *sgl,
				int nents, enum dma_data_direction dir,
				unsigned long attrs)
{
	struct scatterlist *sg = sgl;

	for (; nents > 0; nents--) {
		if (!(sg->dma_flags & DMA_P2PDMA_PEER))
			dma_direct_unmap_page(dev, sg_dma_address(sg),
					      sg_dma_len(sg), dir, attrs);
		sg_dma_clear_flags(sg);
		if (nents > 1)
			sg = dma_p2pdma_sg_next(sg);
	}
}

/*
 * Map entries of a slot with a fixed offset, from @sg on, up to the first that it does
 * not hold.  Returns how many; at least one.
 */
static int dma_p2pdma_direct_run(struct dma_p2pdma_slot *slot,
				 struct scatterlist **sg, int left)
{
	u64 bytes = 0, dma_offset = slot->dma_offset;
	unsigned int flags = slot->flags;
	struct scatterlist *s = *sg;
	int n = 0;

	for (;;) {
		phys_addr_t phys = sg_phys(s);

		if (!dma_p2pdma_slot_holds(slot, phys, s->length))
			break;
		sg_dma_address(s) = phys + dma_offset;
		sg_dma_len(s) = s->length;
		s->dma_flags = flags;
		bytes += s->length;
		if (++n == left)
			break;
		s = dma_p2pdma_sg_next(s);
	}
	slot->bytes += bytes;
	slot->entries += n;
	*sg = s;
	return n;
}

/* Map one entry that is not at a fixed offset. */
static int dma_p2pdma_direct_one(struct dma_p2pdma_walk *walk,
				 struct scatterlist *sg, unsigned long attrs)
{
	struct dma_p2pdma_slot *slot = walk->cur;
	dma_addr_t dma;
	int ret;

	if (slot->action == DMA_P2PDMA_RAM) {
		dma = dma_direct_map_page(walk->dev, sg_page(sg), sg->offset,
					  sg->length, walk->dir, attrs);
		if (dma == DMA_MAPPING_ERROR)
			return -EIO;
	} else {
		ret = dma_p2pdma_checked_addr(walk->dev, slot, sg_phys(sg),
					      sg->length, &dma);
		if (ret)
			return dma_p2pdma_unmappable(walk, slot);
	}
	slot->entries++;
	slot->bytes += sg->length;
	sg_dma_address(sg) = dma;
	sg_dma_len(sg) = sg->length;
	sg->dma_flags = slot->flags;
	return 0;
}

/* Map entries from @sg on; counts them in @done. */
static int dma_p2pdma_direct_rest(struct dma_p2pdma_walk *walk,
				  struct scatterlist *sgl,
				  struct scatterlist *sg, int *done, int nents,
				  unsigned long attrs)
{
	bool peer = false;
	int ret;

	guard(rcu)();
	while (*done < nents) {
		if (!dma_p2pdma_slot_holds(walk->cur, sg_phys(sg), sg->length)) {
			ret = dma_p2pdma_enter(walk, sg_phys(sg), sg->length);
			if (ret)
				return ret;
			peer |= walk->cur->flags;
		}
		if (walk->cur->action == DMA_P2PDMA_FIXED) {
			*done += dma_p2pdma_direct_run(walk->cur, &sg,
						       nents - *done);
			continue;
		}
		ret = dma_p2pdma_direct_one(walk, sg, attrs);
		if (ret)
			return ret;
		if (++*done < nents)
			sg = dma_p2pdma_sg_next(sg);
	}

	if (peer) {
		sgl->dma_flags |= SG_DMA_P2PDMA | SG_DMA_P2PDMA_DIRECT;
		pci_p2pdma_mapped(walk, sgl, nents);
	}
	return nents;
}

/**
 * dma_p2pdma_direct_map_sg - map the rest of a list that may hold peer memory
 * @dev: the device that will do the DMA
 * @sgl: the list
 * @sg: the first entry that is not mapped yet
 * @done: how many entries are before it
 * @nents: entries of the whole list
 * @dir: direction of the transfer
 * @attrs: DMA attributes
 *
 * Context: any.
 *
 * Return: @nents; an error of dma_p2pdma_enter(), or -EIO if RAM could not be mapped;
 * then no entry of the list is mapped any more.
 */
int dma_p2pdma_direct_map_sg(struct device *dev, struct scatterlist *sgl,
			     struct scatterlist *sg, int done, int nents,
			     enum dma_data_direction dir, unsigned long attrs)
{
	struct dma_p2pdma_walk walk;
	int ret;

	dma_p2pdma_walk_init(&walk, dev, dir);
	ret = dma_p2pdma_direct_rest(&walk, sgl, sg, &done, nents, attrs);
	if (ret < 0)
		dma_p2pdma_direct_unmap_sg(dev, sgl, done, dir,
					   attrs | DMA_ATTR_SKIP_CPU_SYNC);
	return ret;
}
