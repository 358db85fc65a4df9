// SPDX-License-Identifier: GPL-2.0
/*
 * Lists with peer memory under dma-iommu: one IOVA range for all entries that are not bus
 * addresses.
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
 * Entries behind the last DMA segment have a DMA length of 0, and keep the flags of this
 * file until the list is mapped again: as in the kernel's loop, unmap stops there.
 */
#include <linux/cleanup.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/iova.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

#include "dma-iommu.h"

/* A run of physically adjacent memory of one kind, which is mapped at once. */
struct iommu_p2pdma_run {
	phys_addr_t start;
	size_t len;
	bool mmio;
};

/* More runs than this are not remembered, and are found again to be mapped. */
#define IOMMU_P2PDMA_RUNS 4

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
	bool peer;			/* not all of it is RAM */
	unsigned long mask;		/* segment boundary */
	unsigned int max_len;		/* the longest segment */
	unsigned int runs;		/* complete, before @last */
	struct iommu_p2pdma_run last;
	struct iommu_p2pdma_run run[IOMMU_P2PDMA_RUNS];
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
			       const struct scatterlist *s, phys_addr_t phys,
			       size_t iova)
{
	unsigned int size = s->length;

	if (list->cur_len && (iova & list->mask) && size <= list->max_len &&
	    list->cur_len <= list->max_len - size) {
		list->cur_len += size;
		sg_dma_len(list->out) = list->cur_len;
	} else {
		list->cur_len = size;
		iommu_p2pdma_segment(list, iova, size, 0);
	}
	list->iova_end = iova + size;
	list->iova_len = iova_align(list->iovad, list->iova_end);
	list->end = phys + size;
}

/* Add whole pages to the last run; false if they are not adjacent, or of another kind. */
static bool iommu_p2pdma_grow(struct iommu_p2pdma_run *run, phys_addr_t phys,
			      size_t len, bool mmio)
{
	if (phys != run->start + run->len || mmio != run->mmio)
		return false;
	run->len += len;
	return true;
}

static void iommu_p2pdma_new_run(struct iommu_p2pdma_list *list,
				 phys_addr_t phys, size_t len, bool mmio)
{
	if (list->last.len) {
		if (list->runs < IOMMU_P2PDMA_RUNS)
			list->run[list->runs] = list->last;
		list->runs++;
	}
	list->last.start = phys;
	list->last.len = len;
	list->last.mmio = mmio;
}

/* An entry that gets a part of the range; -EAGAIN if peer memory would need padding. */
static int iommu_p2pdma_lay_out(struct iommu_p2pdma_list *list,
				struct scatterlist *s, phys_addr_t phys,
				u8 action)
{
	size_t off = iova_offset(list->iovad, s->offset);
	size_t len = iova_align(list->iovad, s->length + off);
	bool mmio = action == DMA_P2PDMA_IOVA;
	size_t pad;

	if (off && phys == list->end && action == list->action &&
	    (list->iova_end & list->mask) + s->length - 1 <= list->mask) {
		s->dma_flags |= SG_DMA_P2PDMA_JOINED;
		list->last.len = phys - off + len - list->last.start;
		iommu_p2pdma_place(list, s, phys, list->iova_end);
		return 0;
	}

	pad = iommu_p2pdma_pad(list->mask, list->iova_len, len);
	if (unlikely(pad)) {
		if (list->peer)
			return -EAGAIN;
		/* Maps what follows in RAM, as the kernel's loop does. */
		list->last.len += pad;
		list->iova_len += pad;
		list->cur_len = 0;
	}
	/* Nothing is added to a segment that does not end where this one begins. */
	if (off || list->iova_end != list->iova_len)
		list->cur_len = 0;
	list->action = action;
	if (!iommu_p2pdma_grow(&list->last, phys - off, len, mmio))
		iommu_p2pdma_new_run(list, phys - off, len, mmio);
	iommu_p2pdma_place(list, s, phys, list->iova_len + off);
	return 0;
}

/* Bytes of a slot's interval from an address in it, or its end, on. */
static u64 iommu_p2pdma_left(const struct dma_p2pdma_slot *slot, phys_addr_t phys)
{
	return slot->cursor.size - (phys - slot->cursor.start);
}

/*
 * Take in the entries after @sg that need nothing but a longer DMA segment: those that go
 * on where the one before them ends, and those that begin with a page, in the interval of
 * the one before them or in dma_p2pdma_other(); moves @sg to the last of them.  Returns how
 * many.
 */
static int iommu_p2pdma_absorb(struct iommu_p2pdma_list *list,
			       struct scatterlist **sg, int left)
{
	struct dma_p2pdma_walk *walk = &list->walk;
	struct dma_p2pdma_slot *slot = walk->cur;
	struct dma_p2pdma_slot *other = NULL;
	unsigned long page = iova_mask(list->iovad);
	unsigned int flags = (*sg)->dma_flags & SG_DMA_P2PDMA_MMIO;
	size_t iova = list->iova_end, counted = iova, room, limit;
	struct scatterlist *s = *sg;
	phys_addr_t end = list->end;
	u64 offset = iova - end;
	int all = left, before = left;

	if (!list->cur_len || list->cur_len > list->max_len || (end & page) ||
	    !(iova & list->mask))
		return 0;
	/* How far the segment may go; and from @end on, without leaving the interval. */
	limit = iova + min((unsigned long)(list->max_len - list->cur_len),
			  list->mask - (iova & list->mask) + 1);
	room = min(limit - iova, iommu_p2pdma_left(slot, end));
	for (; left && !(end & page); left--) {
		struct scatterlist *next = dma_p2pdma_sg_next(s);
		phys_addr_t phys = sg_phys(next);
		size_t size = next->length;

		if (phys == end) {
			if (size - 1 >= room)
				break;
		} else {
			iova = end + offset;
			if ((phys & page) || size - 1 >= limit - iova)
				break;
			if (!dma_p2pdma_slot_holds(slot, phys, size)) {
				if (!other)
					other = dma_p2pdma_other(walk);
				if (!dma_p2pdma_slot_holds(other, phys, size) ||
				    other->verdict.action == DMA_P2PDMA_FIXED)
					break;
				slot->entries += before - left;
				slot->bytes += iova - counted;
				before = left;
				counted = iova;
				swap(slot, other);
				flags = slot->verdict.action == DMA_P2PDMA_IOVA ?
					SG_DMA_P2PDMA_MMIO : 0;
			}
			list->last.len = end - list->last.start;
			iommu_p2pdma_new_run(list, phys, 0, flags);
			offset = iova - phys;
			room = min(limit - iova, iommu_p2pdma_left(slot, phys));
			end = phys;
		}
		next->dma_flags = flags;
		sg_dma_len(next) = 0;
		room -= size;
		end += size;
		s = next;
	}
	*sg = s;

	iova = end + offset;
	slot->entries += before - left;
	slot->bytes += iova - counted;
	if (slot != walk->cur) {
		walk->cur = slot;
		list->action = slot->verdict.action;
	}
	list->cur_len += iova - list->iova_end;
	sg_dma_len(list->out) = list->cur_len;
	list->iova_end = iova;
	list->iova_len = iova_align(list->iovad, iova);
	list->end = end;
	list->last.len = iova_align(list->iovad, end) - list->last.start;
	return all - left;
}

static int iommu_p2pdma_lay_out_list(struct iommu_p2pdma_list *list,
				     struct scatterlist *s, int left)
{
	struct dma_p2pdma_walk *walk = &list->walk;
	struct dma_p2pdma_slot *slot;
	bool after_bus;
	int ret;

	for (;;) {
		phys_addr_t phys = sg_phys(s);
		unsigned int size = s->length;

		if (!dma_p2pdma_move(walk, phys, size)) {
			ret = dma_p2pdma_enter(walk, phys, size);
			if (ret)
				return ret;
			list->peer |= walk->cur->verdict.flags;
		}
		slot = walk->cur;
		slot->entries++;
		slot->bytes += size;
		sg_dma_len(s) = 0;
		left--;
		if (unlikely(!size)) {
			/* RAM, of which no DMA segment is made. */
			s->dma_flags = 0;
		} else if (slot->verdict.action == DMA_P2PDMA_FIXED) {
			s->dma_flags = SG_DMA_P2PDMA_BUS;
			list->cur_len = 0;
			iommu_p2pdma_segment(list, phys + slot->verdict.dma_offset,
					     size, slot->verdict.flags);
		} else {
			after_bus = list->count && !list->cur_len;
			s->dma_flags = slot->verdict.action == DMA_P2PDMA_IOVA ?
				       SG_DMA_P2PDMA_MMIO : 0;
			ret = iommu_p2pdma_lay_out(list, s, phys,
						   slot->verdict.action);
			if (ret)
				return ret;
			/* Where bus addresses take turns there is nothing to take in. */
			if (!after_bus)
				left -= iommu_p2pdma_absorb(list, &s, left);
		}
		if (!left)
			return 0;
		s = dma_p2pdma_sg_next(s);
	}
}

/* The range of a list while it is being mapped. */
struct iommu_p2pdma_range {
	struct iommu_domain *domain;
	dma_addr_t iova;
	size_t mapped;
	int ram_prot;
	int mmio_prot;
};

static int iommu_p2pdma_map_run(struct iommu_p2pdma_range *range,
				const struct iommu_p2pdma_run *run)
{
	int ret;

	if (!run->len)
		return 0;
	ret = __iommu_map(range->domain, range->iova + range->mapped,
			  run->start, run->len,
			  run->mmio ? range->mmio_prot : range->ram_prot,
			  GFP_ATOMIC);
	if (!ret)
		range->mapped += run->len;
	return ret;
}

/*
 * Find the runs of the list again, and map each; @run is the one that could not be
 * mapped, or the last.
 */
static int iommu_p2pdma_find_runs(struct iommu_p2pdma_list *list,
				  struct iommu_p2pdma_range *range,
				  struct iommu_p2pdma_run *run,
				  struct scatterlist *sgl, int nents)
{
	/* A pad ends at a boundary, and an entry comes after it. */
	bool padded = list->iova_len - 1 > list->mask;
	struct scatterlist *s;
	int i, ret;

	run->start = PHYS_ADDR_MAX;
	run->len = 0;
	for (i = 0, s = sgl; i < nents; i++, s = dma_p2pdma_sg_after(s, i, nents)) {
		size_t off = iova_offset(list->iovad, s->offset);
		size_t len = iova_align(list->iovad, s->length + off);
		bool mmio = s->dma_flags & SG_DMA_P2PDMA_MMIO;
		phys_addr_t phys = sg_phys(s) - off;

		if ((s->dma_flags & SG_DMA_P2PDMA_BUS) || !s->length)
			continue;
		/* The first page of such an entry is in the run already. */
		if (s->dma_flags & SG_DMA_P2PDMA_JOINED) {
			run->len = phys + len - run->start;
			continue;
		}
		if (padded)
			run->len += iommu_p2pdma_pad(list->mask,
						     range->mapped + run->len,
						     len);
		if (iommu_p2pdma_grow(run, phys, len, mmio))
			continue;
		ret = iommu_p2pdma_map_run(range, run);
		if (ret)
			return ret;
		run->start = phys;
		run->len = len;
		run->mmio = mmio;
	}
	return iommu_p2pdma_map_run(range, run);
}

/* Map the runs of a list, each with its protection; @run as iommu_p2pdma_find_runs(). */
static int iommu_p2pdma_map_runs(struct iommu_p2pdma_list *list,
				 struct iommu_p2pdma_range *range,
				 struct iommu_p2pdma_run *run,
				 struct scatterlist *sgl, int nents)
{
	unsigned int i;
	int ret;

	if (list->runs > IOMMU_P2PDMA_RUNS)
		return iommu_p2pdma_find_runs(list, range, run, sgl, nents);

	for (i = 0; i < list->runs; i++) {
		*run = list->run[i];
		ret = iommu_p2pdma_map_run(range, run);
		if (ret)
			return ret;
	}
	*run = list->last;
	return iommu_p2pdma_map_run(range, run);
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
				  struct scatterlist *sgl, int nents,
				  unsigned long attrs)
{
	struct device *dev = list->walk.dev;
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	const struct iommu_domain_ops *ops = domain->ops;
	enum dma_data_direction dir = list->walk.dir;
	struct iommu_p2pdma_range range = { .domain = domain };
	struct iommu_p2pdma_run run;
	struct scatterlist *s;
	int i, ret;

	range.ram_prot = dma_info_to_prot(dir, dev_is_dma_coherent(dev), attrs);
	range.mmio_prot = dma_info_to_prot(dir, false, attrs) | IOMMU_MMIO;
	range.iova = iommu_dma_alloc_iova(domain, list->iova_len,
					  dma_get_mask(dev), dev);
	if (!range.iova)
		return -ENOMEM;

	ret = iommu_p2pdma_map_runs(list, &range, &run, sgl, nents);
	if (!ret && ops->iotlb_sync_map)
		ret = ops->iotlb_sync_map(domain, range.iova, range.mapped);
	if (ret) {
		if (range.mapped)
			iommu_unmap(domain, range.iova, range.mapped);
		iommu_dma_drop_iova(domain, range.iova, list->iova_len);
		if (ret == -ENOMEM || !run.mmio)
			return ret;
		dev_err_ratelimited(dev,
				    "peer memory at %pa cannot be mapped by the IOMMU as MMIO (error %d)\n",
				    &run.start, ret);
		iommu_p2pdma_refused(&list->walk, run.start);
		return -EREMOTEIO;
	}

	for (i = 0, s = sgl; i < list->count; i++, s = dma_p2pdma_sg_after(s, i, list->count))
		if (!sg_dma_is_bus_address(s))
			sg_dma_address(s) += range.iova;
	return 0;
}

/* Map a list of which not all is known to be at a fixed offset. */
static noinline int iommu_p2pdma_map_list(struct device *dev,
					  struct scatterlist *sgl, int nents,
					  enum dma_data_direction dir,
					  unsigned long attrs)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iommu_p2pdma_list list;
	int ret;

	dma_p2pdma_walk_init(&list.walk, dev, dir);
	list.iovad = iommu_dma_iovad(domain);
	list.out = sgl;
	list.count = 0;
	list.cur_len = 0;
	list.iova_len = 0;
	list.end = 0;
	list.iova_end = 0;
	list.action = DMA_P2PDMA_FIXED;
	list.peer = false;
	list.mask = dma_get_seg_boundary(dev);
	list.max_len = dma_get_max_seg_size(dev);
	list.runs = 0;
	list.last.start = PHYS_ADDR_MAX;
	list.last.len = 0;

	ret = iommu_p2pdma_lay_out_list(&list, sgl, nents);
	if (!ret && list.iova_len)
		ret = iommu_p2pdma_map_range(&list, sgl, nents, attrs);
	if (ret)
		return ret;
	if (!list.count)
		return -EINVAL;
	if (list.peer) {
		sgl->dma_flags |= SG_DMA_P2PDMA | SG_DMA_P2PDMA_RANGE;
		pci_p2pdma_mapped(&list.walk, sgl, nents);
	}
	return list.count;
}

/* Map a list of one entry; false if it has to be looked at more closely. */
static bool iommu_p2pdma_map_one(const struct dma_p2pdma_slot *slot,
				 struct device *dev, struct scatterlist *sg,
				 phys_addr_t phys, enum dma_data_direction dir,
				 unsigned long attrs)
{
	const unsigned int flags = SG_DMA_P2PDMA | SG_DMA_P2PDMA_RANGE;

	if (slot->verdict.action == DMA_P2PDMA_FIXED) {
		if (!dma_p2pdma_fixed_one(slot, sg, phys, slot->verdict.flags |
					  SG_DMA_P2PDMA_BUS | flags))
			return false;
	} else {
		if (slot->verdict.action != DMA_P2PDMA_IOVA ||
		    !dma_p2pdma_slot_holds(slot, phys, sg->length) ||
		    iommu_dma_map_p2pdma(dev, phys, sg->length, dir, attrs,
					 &sg->dma_address))
			return false;
		sg_dma_len(sg) = sg->length;
		sg->dma_flags = SG_DMA_P2PDMA_MMIO | flags;
	}
	pci_p2pdma_mapped_recent(slot, dir, sg->length);
	return true;
}

/* Map a list of which all is at one fixed offset; false if that is not so. */
static bool iommu_p2pdma_map_fixed(const struct dma_p2pdma_slot *slot,
				   struct scatterlist *sgl, int nents,
				   enum dma_data_direction dir)
{
	struct scatterlist *s = sgl;
	u64 bytes = 0;

	if (slot->verdict.action != DMA_P2PDMA_FIXED ||
	    dma_p2pdma_fixed_run(slot, &s, nents,
				 slot->verdict.flags | SG_DMA_P2PDMA_BUS,
				 &bytes) != nents)
		return false;
	sgl->dma_flags |= SG_DMA_P2PDMA | SG_DMA_P2PDMA_RANGE;
	pci_p2pdma_mapped_recent(slot, dir, bytes);
	return true;
}

/**
 * iommu_dma_map_sg_p2pdma - map a list that may hold peer memory
 * @dev: the device that will do the DMA: attached; coherent and trusted unless all of
 *	the list is RAM
 * @sgl: the list, not mapped
 * @nents: its entries
 * @dir: direction of the transfer
 * @attrs: DMA attributes
 *
 * Context: any.
 *
 * Return: the number of DMA segments; an error of dma_p2pdma_enter(); -EREMOTEIO if the
 * IOMMU cannot map MMIO; -ENOMEM, or an error of the IOMMU for RAM.
 */
int iommu_dma_map_sg_p2pdma(struct device *dev, struct scatterlist *sgl,
			    int nents, enum dma_data_direction dir,
			    unsigned long attrs)
{
	const struct dma_p2pdma_slot *recent;
	phys_addr_t phys = sg_phys(sgl);
	int ret;

	scoped_guard(rcu) {
		recent = pci_p2pdma_recent(dev, dir, phys);
		if (recent && (nents == 1 ?
			       iommu_p2pdma_map_one(recent, dev, sgl, phys, dir,
						    attrs) :
			       iommu_p2pdma_map_fixed(recent, sgl, nents, dir)))
			return nents;
		ret = iommu_p2pdma_map_list(dev, sgl, nents, dir, attrs);
	}
	if (ret == -EAGAIN)
		return dma_p2pdma_map_sg(dev, sgl, nents, dir, attrs);
	if (ret < 0)
		return ret == -ENOMEM || ret == -EREMOTEIO ? ret : -EINVAL;
	return ret;
}

/**
 * iommu_dma_unmap_sg_p2pdma - unmap a list that iommu_dma_map_sg_p2pdma() flagged
 * @dev: the device
 * @sgl: the list
 * @nents: its entries, as when it was mapped
 *
 * Context: any.  The providers may be gone.
 */
void iommu_dma_unmap_sg_p2pdma(struct device *dev, struct scatterlist *sgl,
			       int nents)
{
	dma_addr_t start = 0, end = 0;
	struct scatterlist *sg;
	int i;

	for (i = 0, sg = sgl; i < nents; i++, sg = dma_p2pdma_sg_after(sg, i, nents)) {
		if (!sg_dma_len(sg))
			break;
		if (!sg_dma_is_bus_address(sg)) {
			if (!end)
				start = sg_dma_address(sg);
			end = sg_dma_address(sg) + sg_dma_len(sg);
		}
		sg_dma_clear_flags(sg);
	}
	if (end)
		iommu_dma_unmap_resource(dev, start, end - start,
					 DMA_BIDIRECTIONAL, 0);
}
