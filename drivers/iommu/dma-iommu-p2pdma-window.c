// SPDX-License-Identifier: GPL-2.0
/*
 * Windows: peer memory that stays mapped in a client's IOMMU domain, for p2pdma=window.
 *
 * A window is a registered range of a provider, for one client.  It is made when a list
 * of the client first names memory of the range for which the route goes through the
 * host bridge.  From then on the DMA address of such memory is at a fixed offset, and
 * there is nothing to unmap: DMA segments are flagged like PCI bus addresses, and
 * SG_DMA_MMIO beside that.
 *
 * In return the client reaches all of the range for as long as the window is there, and
 * not only what is mapped for it.  Nothing counts what is mapped in a window.  It is
 * taken down where nothing can be mapped any more: when the client's driver has been
 * unbound, and when the range is not peer memory any more.  A policy without the word
 * keeps lists from using windows, and leaves those that are there.
 */
#include <linux/cleanup.h>
#include <linux/dma-map-ops.h>
#include <linux/hashtable.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/iova.h>
#include <linux/pci.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "dma-iommu.h"

/**
 * struct iommu_p2pdma_window - a window
 * @node: in iommu_p2pdma_windows
 * @rcu: for freeing
 * @dev: the client
 * @domain: its domain
 * @start: first CPU physical address of the range
 * @size: its length in bytes
 * @iova: where it is mapped
 */
struct iommu_p2pdma_window {
	struct hlist_node node;
	struct rcu_head rcu;
	struct device *dev;
	struct iommu_domain *domain;
	phys_addr_t start;
	u64 size;
	dma_addr_t iova;
};

/* By client. */
static DEFINE_HASHTABLE(iommu_p2pdma_windows, 8);
static DEFINE_SPINLOCK(iommu_p2pdma_windows_lock);

static struct iommu_p2pdma_window *
iommu_p2pdma_window_find(struct device *dev, const struct pci_p2pdma_cursor *range)
{
	struct iommu_p2pdma_window *window;

	hash_for_each_possible_rcu(iommu_p2pdma_windows, window, node,
				   (unsigned long)dev,
				   lockdep_is_held(&iommu_p2pdma_windows_lock))
		if (window->dev == dev && window->start == range->start &&
		    window->size == range->size)
			return window;
	return NULL;
}

/**
 * iommu_dma_window - the window of a client to a range
 * @dev: the client; it uses the DMA API through its IOMMU domain
 * @range: the range
 * @offset: set to what gives the DMA address when it is added to a CPU physical address
 *
 * Context: any, in an RCU read-side section.
 *
 * Return: false if there is none, or if the client cannot use it now.
 */
bool iommu_dma_window(struct device *dev, const struct pci_p2pdma_cursor *range,
		      u64 *offset)
{
	struct iommu_p2pdma_window *window = iommu_p2pdma_window_find(dev, range);

	if (!window || window->domain != iommu_get_dma_domain(dev) ||
	    window->iova + window->size - 1 >
		    min_not_zero(dma_get_mask(dev), dev->bus_dma_limit))
		return false;
	*offset = window->iova - window->start;
	return true;
}

static void iommu_p2pdma_window_unmap(struct iommu_p2pdma_window *window)
{
	iommu_unmap(window->domain, window->iova, window->size);
	iommu_dma_drop_iova(window->domain, window->iova, window->size);
}

/* Map the range; false if it cannot be mapped as it is. */
static bool iommu_p2pdma_window_map(struct iommu_p2pdma_window *window)
{
	struct iova_domain *iovad = iommu_dma_iovad(window->domain);
	const int prot = dma_info_to_prot(DMA_BIDIRECTIONAL, false, 0) |
			 IOMMU_MMIO;

	if (iova_offset(iovad, window->start | window->size))
		return false;
	window->iova = iommu_dma_alloc_iova(window->domain, window->size,
					    dma_get_mask(window->dev),
					    window->dev);
	if (!window->iova)
		return false;
	if (!iommu_map(window->domain, window->iova, window->start, window->size,
		       prot, GFP_ATOMIC))
		return true;
	iommu_dma_drop_iova(window->domain, window->iova, window->size);
	return false;
}

/**
 * iommu_dma_make_window - map a range for a client, to stay mapped
 * @dev: the client, which maps a list of memory in the range: its driver is bound, and
 *	it is attached to its IOMMU domain
 * @range: the range, all of it one provider's
 *
 * Context: any, in an RCU read-side section.
 *
 * Return: false if there is one, or if it cannot be made.
 */
bool iommu_dma_make_window(struct device *dev,
			   const struct pci_p2pdma_cursor *range)
{
	struct iommu_p2pdma_window *window, *other;
	unsigned long flags;

	if (iommu_p2pdma_window_find(dev, range))
		return false;
	window = kzalloc(sizeof(*window), GFP_ATOMIC | __GFP_NOWARN);
	if (!window)
		return false;
	window->dev = dev;
	window->domain = iommu_get_dma_domain(dev);
	window->start = range->start;
	window->size = range->size;
	if (!iommu_p2pdma_window_map(window)) {
		kfree(window);
		return false;
	}

	spin_lock_irqsave(&iommu_p2pdma_windows_lock, flags);
	other = iommu_p2pdma_window_find(dev, range);
	if (!other)
		hash_add_rcu(iommu_p2pdma_windows, &window->node,
			     (unsigned long)dev);
	spin_unlock_irqrestore(&iommu_p2pdma_windows_lock, flags);
	if (other) {
		iommu_p2pdma_window_unmap(window);
		kfree(window);
	}
	return true;
}

/* Take out a window of a client, or of any if @dev is NULL, that has to do with a range. */
static struct iommu_p2pdma_window *
iommu_p2pdma_window_take(struct device *dev, phys_addr_t first, phys_addr_t last)
{
	struct iommu_p2pdma_window *window;
	unsigned long flags;
	int i;

	spin_lock_irqsave(&iommu_p2pdma_windows_lock, flags);
	hash_for_each(iommu_p2pdma_windows, i, window, node)
		if ((!dev || window->dev == dev) && window->start <= last &&
		    window->start + window->size - 1 >= first) {
			hash_del_rcu(&window->node);
			goto unlock;
		}
	window = NULL;
unlock:
	spin_unlock_irqrestore(&iommu_p2pdma_windows_lock, flags);
	return window;
}

static bool iommu_p2pdma_windows_remove(struct device *dev, phys_addr_t first,
					phys_addr_t last)
{
	struct iommu_p2pdma_window *window;
	bool any = false;

	while ((window = iommu_p2pdma_window_take(dev, first, last))) {
		iommu_p2pdma_window_unmap(window);
		kfree_rcu(window, rcu);
		any = true;
	}
	return any;
}

/**
 * iommu_dma_remove_client_windows - take down what is mapped for a client
 * @dev: the client, without a driver
 *
 * Context: may sleep.
 *
 * Return: true if there was anything.
 */
bool iommu_dma_remove_client_windows(struct device *dev)
{
	return iommu_p2pdma_windows_remove(dev, 0, PHYS_ADDR_MAX);
}

/**
 * iommu_dma_remove_windows - take down what is mapped of a range
 * @first: first CPU physical address of the range, which is not registered any more, and
 *	of which nobody has anything mapped
 * @last: the last one
 *
 * Context: may sleep.
 */
void iommu_dma_remove_windows(phys_addr_t first, phys_addr_t last)
{
	iommu_p2pdma_windows_remove(NULL, first, last);
}
