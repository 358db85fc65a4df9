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
 * unbound, when nothing of the provider is registered any more, or with the domain.  A
 * policy without the word keeps lists from using windows, and leaves those that are
 * there.
 *
 * What could not be made is remembered too, so that it is not tried for each list.
 */
#include <linux/cleanup.h>
#include <linux/dma-map-ops.h>
#include <linux/hashtable.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/iova.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rculist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "dma-iommu.h"

/**
 * struct iommu_p2pdma_window - a window, or one that could not be made
 * @node: in iommu_p2pdma_windows
 * @gone: with others that are being taken down
 * @rcu: for freeing
 * @dev: the client
 * @domain: its domain
 * @provider: whose memory
 * @start: first CPU physical address of the range
 * @size: its length in bytes
 * @pad: bytes of IOVA before the range, so that large pages fit
 * @iova: where the range is mapped; 0 if it could not be
 */
struct iommu_p2pdma_window {
	struct hlist_node node;
	struct list_head gone;
	struct rcu_head rcu;
	struct device *dev;
	struct iommu_domain *domain;
	struct p2pdma_provider *provider;
	phys_addr_t start;
	u64 size;
	u64 pad;
	dma_addr_t iova;
};

/* By client. */
static DEFINE_HASHTABLE(iommu_p2pdma_windows, 8);
static DEFINE_SPINLOCK(iommu_p2pdma_windows_lock);
/* Whoever takes windows down holds it until they are: a domain does not go before. */
static DEFINE_MUTEX(iommu_p2pdma_windows_mutex);

static struct iommu_p2pdma_window *
iommu_p2pdma_window_find(struct device *dev, const struct pci_p2pdma_cursor *range)
{
	struct iommu_p2pdma_window *window;

	hash_for_each_possible_rcu(iommu_p2pdma_windows, window, node,
				   (unsigned long)dev,
				   lockdep_is_held(&iommu_p2pdma_windows_lock))
		if (window->dev == dev && window->provider == range->provider &&
		    window->start == range->start &&
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
 * Return: 0; -ENOENT if nobody has tried to make it; -ENXIO if it could not be made, or
 * if the client cannot form its addresses now.
 */
int iommu_dma_window(struct device *dev, const struct pci_p2pdma_cursor *range,
		     u64 *offset)
{
	struct iommu_p2pdma_window *window = iommu_p2pdma_window_find(dev, range);

	if (!window || window->domain != iommu_get_dma_domain(dev))
		return -ENOENT;
	if (!window->iova || window->iova + window->size - 1 >
			     min_not_zero(dma_get_mask(dev), dev->bus_dma_limit))
		return -ENXIO;
	*offset = window->iova - window->start;
	return 0;
}

static void iommu_p2pdma_window_unmap(struct iommu_p2pdma_window *window)
{
	if (!window->iova)
		return;
	iommu_unmap(window->domain, window->iova, window->size);
	iommu_dma_drop_iova(window->domain, window->iova - window->pad,
			    window->size + window->pad);
}

/* Map the range; leaves @iova 0 if it cannot be mapped as it is. */
static void iommu_p2pdma_window_map(struct iommu_p2pdma_window *window)
{
	struct iova_domain *iovad = iommu_dma_iovad(window->domain);
	const int prot = dma_info_to_prot(DMA_BIDIRECTIONAL, false, 0) |
			 IOMMU_MMIO;
	dma_addr_t base;

	if (iova_offset(iovad, window->start | window->size))
		return;
	/* What is allocated is aligned to its size: both begin at the same place in a page. */
	window->pad = window->start & (SZ_2M - 1);
	base = iommu_dma_alloc_iova(window->domain, window->size + window->pad,
				    dma_get_mask(window->dev), window->dev);
	if (!base)
		return;
	if (iommu_map(window->domain, base + window->pad, window->start,
		      window->size, prot, GFP_ATOMIC))
		iommu_dma_drop_iova(window->domain, base,
				    window->size + window->pad);
	else
		window->iova = base + window->pad;
}

/**
 * iommu_dma_make_window - map a range for a client, to stay mapped
 * @dev: the client, which maps a list of memory in the range: its driver is bound, and
 *	it is attached to its IOMMU domain
 * @range: the range, all of it one provider's
 *
 * Afterwards iommu_dma_window() has another answer than -ENOENT, unless there is no
 * memory at all.
 *
 * Context: any, in an RCU read-side section.
 */
void iommu_dma_make_window(struct device *dev,
			   const struct pci_p2pdma_cursor *range)
{
	struct iommu_p2pdma_window *window, *other;
	unsigned long flags;

	if (iommu_p2pdma_window_find(dev, range))
		return;
	window = kzalloc(sizeof(*window), GFP_ATOMIC | __GFP_NOWARN);
	if (!window)
		return;
	window->dev = dev;
	window->domain = iommu_get_dma_domain(dev);
	window->provider = range->provider;
	window->start = range->start;
	window->size = range->size;
	iommu_p2pdma_window_map(window);

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
}

/*
 * Take down the windows of a client, a provider or a domain, of which two are NULL.  What
 * routes mean for mapping loops may rest on them.
 */
static void iommu_p2pdma_windows_remove(struct device *dev,
					struct p2pdma_provider *provider,
					struct iommu_domain *domain)
{
	struct iommu_p2pdma_window *window, *next;
	struct hlist_node *tmp;
	unsigned long flags;
	LIST_HEAD(gone);
	int i;

	guard(mutex)(&iommu_p2pdma_windows_mutex);
	spin_lock_irqsave(&iommu_p2pdma_windows_lock, flags);
	hash_for_each_safe(iommu_p2pdma_windows, i, tmp, window, node)
		if (window->dev == dev || window->provider == provider ||
		    window->domain == domain) {
			hash_del_rcu(&window->node);
			list_add(&window->gone, &gone);
		}
	spin_unlock_irqrestore(&iommu_p2pdma_windows_lock, flags);
	if (list_empty(&gone))
		return;

	pci_p2pdma_windows_gone();
	list_for_each_entry_safe(window, next, &gone, gone) {
		iommu_p2pdma_window_unmap(window);
		kfree_rcu(window, rcu);
	}
}

/**
 * iommu_dma_remove_client_windows - take down what is mapped for a client
 * @dev: the client, without a driver
 *
 * Context: may sleep.
 */
void iommu_dma_remove_client_windows(struct device *dev)
{
	iommu_p2pdma_windows_remove(dev, NULL, NULL);
}

/**
 * iommu_dma_remove_windows - take down what is mapped of a provider's memory
 * @provider: the provider, of which nothing is registered any more, and nobody has
 *	anything mapped
 *
 * Context: may sleep.
 */
void iommu_dma_remove_windows(struct p2pdma_provider *provider)
{
	iommu_p2pdma_windows_remove(NULL, provider, NULL);
}

/**
 * iommu_dma_end_domain - a domain is about to be freed
 * @domain: the domain, which has been set up; no device is attached to it
 *
 * Drops the reference of iommu_dma_get_bridge().  A client without a driver may be given
 * another domain before its windows have been taken down.
 *
 * Context: may sleep.
 */
void iommu_dma_end_domain(struct iommu_domain *domain)
{
	struct pci_host_bridge *bridge = iommu_dma_bridge(domain);

	iommu_p2pdma_windows_remove(NULL, NULL, domain);
	if (bridge)
		put_device(&bridge->dev);
}
