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
	struct scatterlist *sg;
	int i;

	for (i = 0, sg = sgl; i < nents; i++, sg = dma_p2pdma_sg_after(sg, i, nents)) {
		if (!(sg->dma_flags & DMA_P2PDMA_PEER))
			dma_direct_unmap_page(dev, sg_dma_address(sg),
					      sg_dma_len(sg), dir, attrs);
		sg_dma_clear_flags(sg);
	}
}

/* Map an entry inside the span of the providers, which may still be RAM. */
static int dma_p2pdma_direct_near(struct dma_p2pdma_walk *walk,
				  struct scatterlist *sg, bool *peer)
{
	phys_addr_t phys = sg_phys(sg);
	struct dma_p2pdma_slot *slot;
	u64 size = sg->length;
	int ret;

	if (!dma_p2pdma_move(walk, phys, size)) {
		ret = dma_p2pdma_enter(walk, phys, size);
		if (ret)
			return ret;
		*peer |= walk->cur->verdict.flags;
	}
	slot = walk->cur;
	if (likely(slot->verdict.action == DMA_P2PDMA_FIXED))
		sg_dma_address(sg) = phys + slot->verdict.dma_offset;
	else if (slot->verdict.action != DMA_P2PDMA_RAM &&
		 dma_p2pdma_checked_addr(walk->dev, slot, phys, size,
					 &sg->dma_address))
		return dma_p2pdma_unmappable(walk, slot);
	slot->entries++;
	slot->bytes += size;
	sg_dma_len(sg) = size;
	sg->dma_flags = slot->verdict.flags;
	return 0;
}

/* Map entries from @sg on; counts them in @done. */
static int dma_p2pdma_direct_rest(struct dma_p2pdma_walk *walk,
				  struct scatterlist *sgl,
				  struct scatterlist *sg, int *done, int nents,
				  unsigned long attrs)
{
	bool peer = walk->used;
	int ret;

	for (; *done < nents; sg = dma_p2pdma_sg_after(sg, *done, nents)) {
		if (pci_p2pdma_sg_near(sg)) {
			ret = dma_p2pdma_direct_near(walk, sg, &peer);
			if (ret)
				return ret;
		} else {
			sg->dma_flags = 0;
		}
		if (!(sg->dma_flags & DMA_P2PDMA_PEER)) {
			sg_dma_address(sg) =
				dma_direct_map_page(walk->dev, sg_page(sg),
						    sg->offset, sg->length,
						    walk->dir, attrs);
			if (sg_dma_address(sg) == DMA_MAPPING_ERROR)
				return -EIO;
			sg_dma_len(sg) = sg->length;
		}
		++*done;
	}

	if (peer) {
		sgl->dma_flags |= SG_DMA_P2PDMA | SG_DMA_P2PDMA_DIRECT;
		pci_p2pdma_mapped(walk, sgl, nents);
	}
	return nents;
}

/* Map a list of which @done entries are mapped; the first @bytes are in @recent. */
static noinline int
dma_p2pdma_direct_walk(struct device *dev, struct scatterlist *sgl,
		       struct scatterlist *sg, int done, int nents,
		       enum dma_data_direction dir, unsigned long attrs,
		       const struct dma_p2pdma_slot *recent, u64 bytes)
{
	struct dma_p2pdma_walk walk;
	int ret;

	dma_p2pdma_walk_init(&walk, dev, dir);
	if (bytes) {
		pci_p2pdma_used(recent);
		walk.slot[walk.used] = *recent;
		walk.slot[walk.used].bytes = bytes;
		walk.slot[walk.used++].entries = done;
	}
	ret = dma_p2pdma_direct_rest(&walk, sgl, sg, &done, nents, attrs);
	if (ret < 0)
		dma_p2pdma_direct_unmap_sg(dev, sgl, done, dir,
					   attrs | DMA_ATTR_SKIP_CPU_SYNC);
	return ret;
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
 * Most lists with peer memory hold that of one provider, for which the client has
 * mapped before: they need no walk.
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
	const unsigned int list_flags = SG_DMA_P2PDMA | SG_DMA_P2PDMA_DIRECT;
	const struct dma_p2pdma_slot *recent;
	phys_addr_t phys = sg_phys(sg);
	u64 bytes = 0;

	guard(rcu)();
	recent = done ? NULL : pci_p2pdma_recent(dev, dir, phys);
	if (recent && recent->verdict.action == DMA_P2PDMA_FIXED) {
		if (nents == 1 &&
		    dma_p2pdma_fixed_one(recent, sg, phys,
					 recent->verdict.flags | list_flags)) {
			pci_p2pdma_mapped_recent(recent, dir, sg->length);
			return 1;
		}
		done = dma_p2pdma_fixed_run(recent, &sg, nents,
					    recent->verdict.flags, &bytes);
		if (done == nents) {
			sgl->dma_flags |= list_flags;
			pci_p2pdma_mapped_recent(recent, dir, bytes);
			return nents;
		}
	}
	return dma_p2pdma_direct_walk(dev, sgl, sg, done, nents, dir, attrs,
				      recent, bytes);
}
