/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the exporter of a dma-buf of peer memory calls to map it for an importer.
 */
#ifndef _LINUX_DMA_BUF_MAPPING_H
#define _LINUX_DMA_BUF_MAPPING_H

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/p2pdma-ranges.h>

/**
 * dma_buf_phys_vec_to_sgt - map physical ranges for an importer
 * @attach: the attachment
 * @provider: whose memory
 * @phys_vec: the ranges
 * @nr_ranges: how many
 * @size: bytes in all of them
 * @dir: direction of the transfer
 *
 * For &dma_buf_ops.map_dma_buf.  See pci_p2pdma_map_ranges().
 *
 * Context: may sleep, with the reservation lock held.
 *
 * Return: the table, or an error of pci_p2pdma_map_ranges().
 */
static inline struct sg_table *
dma_buf_phys_vec_to_sgt(struct dma_buf_attachment *attach,
			struct p2pdma_provider *provider,
			struct phys_vec *phys_vec, size_t nr_ranges,
			size_t size, enum dma_data_direction dir)
{
	dma_resv_assert_held(attach->dmabuf->resv);
	return pci_p2pdma_map_ranges(attach->dev, provider, phys_vec, nr_ranges,
				     size, dir);
}

/**
 * dma_buf_free_sgt - undo dma_buf_phys_vec_to_sgt()
 * @attach: the attachment
 * @sgt: the table
 * @dir: as when it was mapped
 *
 * For &dma_buf_ops.unmap_dma_buf.
 *
 * Context: may sleep, with the reservation lock held.
 */
static inline void dma_buf_free_sgt(struct dma_buf_attachment *attach,
				    struct sg_table *sgt,
				    enum dma_data_direction dir)
{
	dma_resv_assert_held(attach->dmabuf->resv);
	pci_p2pdma_unmap_ranges(attach->dev, sgt, dir);
}

#endif /* _LINUX_DMA_BUF_MAPPING_H */
