/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DMA mapping in two steps: allocate IOVA once, link ranges into it, synchronise once.
 *
 * Drivers get this header through <linux/dma-mapping.h>.
 */
#ifndef _LINUX_DMA_IOVA_H
#define _LINUX_DMA_IOVA_H

#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/types.h>

struct device;

/**
 * struct dma_iova_state - a range of IOVA
 * @addr: DMA address of its first byte
 * @__size: its length in bytes; 0 if nothing is allocated
 *
 * dma_iova_try_alloc() fills it in.
 */
struct dma_iova_state {
	dma_addr_t addr;
	u64 __size;
};

/**
 * dma_use_iova - is there a range of IOVA?
 * @state: from dma_iova_try_alloc()
 *
 * Return: what dma_iova_try_alloc() returned.
 */
static inline bool dma_use_iova(struct dma_iova_state *state)
{
	return state->__size;
}

/**
 * dma_iova_size - the length of a range of IOVA
 * @state: from dma_iova_try_alloc()
 *
 * Return: bytes, as they were asked for.
 */
static inline size_t dma_iova_size(struct dma_iova_state *state)
{
	return state->__size;
}

#if defined(CONFIG_IOMMU_DMA) && defined(CONFIG_PCI_P2PDMA_CORE)
bool dma_iova_try_alloc(struct device *dev, struct dma_iova_state *state,
			phys_addr_t phys, size_t size);
void dma_iova_free(struct device *dev, struct dma_iova_state *state);
int dma_iova_link(struct device *dev, struct dma_iova_state *state,
		  phys_addr_t phys, size_t offset, size_t size,
		  enum dma_data_direction dir, unsigned long attrs);
int dma_iova_sync(struct device *dev, struct dma_iova_state *state,
		  size_t offset, size_t size);
void dma_iova_unlink(struct device *dev, struct dma_iova_state *state,
		     size_t offset, size_t size, enum dma_data_direction dir,
		     unsigned long attrs);
void dma_iova_destroy(struct device *dev, struct dma_iova_state *state,
		      size_t mapped_len, enum dma_data_direction dir,
		      unsigned long attrs);
#else
static inline bool dma_iova_try_alloc(struct device *dev,
				      struct dma_iova_state *state,
				      phys_addr_t phys, size_t size)
{
	*state = (struct dma_iova_state) {};
	return false;
}

static inline void dma_iova_free(struct device *dev,
				 struct dma_iova_state *state)
{
}

static inline int dma_iova_link(struct device *dev,
				struct dma_iova_state *state, phys_addr_t phys,
				size_t offset, size_t size,
				enum dma_data_direction dir,
				unsigned long attrs)
{
	return -EOPNOTSUPP;
}

static inline int dma_iova_sync(struct device *dev,
				struct dma_iova_state *state, size_t offset,
				size_t size)
{
	return -EOPNOTSUPP;
}

static inline void dma_iova_unlink(struct device *dev,
				   struct dma_iova_state *state, size_t offset,
				   size_t size, enum dma_data_direction dir,
				   unsigned long attrs)
{
}

static inline void dma_iova_destroy(struct device *dev,
				    struct dma_iova_state *state,
				    size_t mapped_len,
				    enum dma_data_direction dir,
				    unsigned long attrs)
{
}
#endif

#endif /* _LINUX_DMA_IOVA_H */
