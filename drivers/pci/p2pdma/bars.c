// SPDX-License-Identifier: GPL-2.0
/*
 * BARs: in whose BAR is a physical range that nobody has registered?
 *
 * Only dma_map_resource() asks, because it takes any address.  An interval tree
 * indexes the memory BARs of all PCI functions, virtual ones included.  A function
 * enters the index when it is added, its entries are replaced whenever one of its
 * BARs is given an address, and they are removed before the function goes.  A BAR
 * may lose its address with no event: an entry that does not match the function's
 * resource is ignored.
 *
 * An entry holds a reference to its function, and is freed after a grace period: a
 * caller that looked it up may use it, and the provider in it, in the same RCU
 * read-side section.
 */
#include <linux/cleanup.h>
#include <linux/hashtable.h>
#include <linux/init.h>
#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../pci.h"
#include "p2pdma.h"

/**
 * struct p2pdma_bar - index entry of a BAR
 * @node: in p2pdma_bars; CPU physical addresses, both ends inclusive
 * @sibling: in p2pdma_bars_of, with the other BARs of its function
 * @work: drops the reference to @mem.provider.owner after a grace period
 * @mem: the provider that the BAR would be if it were registered
 */
struct p2pdma_bar {
	struct interval_tree_node node;
	struct hlist_node sibling;
	struct rcu_work work;
	struct p2pdma_mem mem;
};

static struct rb_root_cached p2pdma_bars = RB_ROOT_CACHED;
/* The same entries by function. */
static DEFINE_HASHTABLE(p2pdma_bars_of, 10);
static DEFINE_SPINLOCK(p2pdma_bars_lock);	/* of both */

static struct p2pdma_bar *to_p2pdma_bar(struct interval_tree_node *node)
{
	return container_of(node, struct p2pdma_bar, node);
}

static void p2pdma_bar_free(struct work_struct *work)
{
	struct p2pdma_bar *bar = container_of(to_rcu_work(work),
					      struct p2pdma_bar, work);

	put_device(bar->mem.provider.owner);
	kfree(bar);
}

static struct p2pdma_bar *p2pdma_bar_alloc(struct pci_dev *pdev, int nr)
{
	struct p2pdma_bar *bar = kzalloc(sizeof(*bar), GFP_KERNEL);

	if (!bar)
		return NULL;

	INIT_RCU_WORK(&bar->work, p2pdma_bar_free);
	bar->node.start = pci_resource_start(pdev, nr);
	bar->node.last = pci_resource_end(pdev, nr);
	bar->mem = (struct p2pdma_mem) {
		.provider.owner = get_device(&pdev->dev),
		.provider.bus_offset = pci_bus_address(pdev, nr) -
				       pci_resource_start(pdev, nr),
		.bar = nr,
		.first = pci_resource_start(pdev, nr),
		.last = pci_resource_end(pdev, nr),
		.indexed = true,
	};
	return bar;
}

/* Do the index entries of @pdev still match its BARs? */
static bool p2pdma_bars_unchanged(struct pci_dev *pdev)
{
	unsigned int wanted = 0, found = 0;
	const struct p2pdma_bar *bar;
	bool stale = false;
	unsigned long flags;
	int nr;

	for (nr = 0; nr < PCI_STD_NUM_BARS; nr++)
		if (p2pdma_bar_is_memory(pdev, nr))
			wanted |= BIT(nr);

	spin_lock_irqsave(&p2pdma_bars_lock, flags);
	hash_for_each_possible(p2pdma_bars_of, bar, sibling,
			       (unsigned long)&pdev->dev) {
		const struct p2pdma_mem *mem = &bar->mem;

		if (mem->provider.owner != &pdev->dev)
			continue;
		found |= BIT(mem->bar);
		stale |= mem->first != pci_resource_start(pdev, mem->bar) ||
			 mem->last != pci_resource_end(pdev, mem->bar);
	}
	spin_unlock_irqrestore(&p2pdma_bars_lock, flags);
	return !stale && found == wanted;
}

/*
 * Replace the index entries of @pdev with @bars, of which any may be NULL.  Returns
 * true if there were entries before.
 */
static bool p2pdma_bars_replace(struct pci_dev *pdev, struct p2pdma_bar **bars)
{
	unsigned long key = (unsigned long)&pdev->dev;
	struct hlist_node *next;
	struct p2pdma_bar *bar;
	bool removed = false;
	unsigned long flags;
	int nr;

	spin_lock_irqsave(&p2pdma_bars_lock, flags);
	hash_for_each_possible_safe(p2pdma_bars_of, bar, next, sibling, key) {
		if (bar->mem.provider.owner != &pdev->dev)
			continue;
		interval_tree_remove(&bar->node, &p2pdma_bars);
		hash_del(&bar->sibling);
		/* From here on no route cache entry may be created for this BAR. */
		WRITE_ONCE(bar->mem.indexed, false);
		queue_rcu_work(system_wq, &bar->work);
		removed = true;
	}
	for (nr = 0; nr < PCI_STD_NUM_BARS; nr++) {
		if (!bars[nr])
			continue;
		interval_tree_insert(&bars[nr]->node, &p2pdma_bars);
		hash_add(p2pdma_bars_of, &bars[nr]->sibling, key);
	}
	spin_unlock_irqrestore(&p2pdma_bars_lock, flags);
	return removed;
}

/**
 * p2pdma_bars_update - bring the index entries of a function up to date
 * @pdev: the function; its resources have their new addresses
 *
 * Context: may sleep.  The caller keeps @pdev from being removed.
 *
 * Return: true if entries were replaced, so that the caller removes the route cache
 * entries of @pdev.
 */
bool p2pdma_bars_update(struct pci_dev *pdev)
{
	struct p2pdma_bar *bars[PCI_STD_NUM_BARS] = {};
	int nr;

	/* A function that is being added or removed has a bus event for that. */
	if (!device_is_registered(&pdev->dev))
		return false;
	/* A function that wakes up has its BARs written again with the same values. */
	if (p2pdma_bars_unchanged(pdev))
		return false;

	for (nr = 0; nr < PCI_STD_NUM_BARS; nr++) {
		if (!p2pdma_bar_is_memory(pdev, nr))
			continue;
		bars[nr] = p2pdma_bar_alloc(pdev, nr);
		if (!bars[nr])
			pci_warn(pdev, "no memory: dma_map_resource() will not know BAR %d\n",
				 nr);
	}
	return p2pdma_bars_replace(pdev, bars);
}

/**
 * p2pdma_bars_remove - remove the index entries of a function
 * @pdev: the function, which is going
 *
 * Context: any.
 */
void p2pdma_bars_remove(struct pci_dev *pdev)
{
	struct p2pdma_bar *none[PCI_STD_NUM_BARS] = {};

	p2pdma_bars_replace(pdev, none);
}

static bool p2pdma_bar_is_current(const struct p2pdma_bar *bar)
{
	struct pci_dev *pdev = to_pci_dev(bar->mem.provider.owner);

	/* The address of a resource that is not claimed is not in use. */
	return p2pdma_bar_is_memory(pdev, bar->mem.bar) &&
	       pdev->resource[bar->mem.bar].parent &&
	       pci_resource_start(pdev, bar->mem.bar) == bar->mem.first &&
	       pci_resource_end(pdev, bar->mem.bar) == bar->mem.last;
}

/**
 * p2pdma_bar_of_phys - in whose BAR does a physical range lie?
 * @phys: CPU physical address
 * @size: length in bytes
 *
 * The BARs of devices below VMD lie in a BAR of VMD's own: the innermost counts.
 *
 * Context: any, in an RCU read-side section, for which the answer is valid.
 *
 * Return: a provider that stands for the BAR, which need not be registered; NULL if
 * no part of the range is in a BAR; ERR_PTR(-EINVAL) if only a part is.
 */
struct p2pdma_provider *p2pdma_bar_of_phys(phys_addr_t phys, size_t size)
{
	phys_addr_t last = phys + (size ? size - 1 : 0);
	struct interval_tree_node *node;
	struct p2pdma_bar *inner = NULL;
	unsigned long flags;
	bool part = false;

	spin_lock_irqsave(&p2pdma_bars_lock, flags);
	for (node = interval_tree_iter_first(&p2pdma_bars, phys, last); node;
	     node = interval_tree_iter_next(node, phys, last)) {
		struct p2pdma_bar *bar = to_p2pdma_bar(node);

		if (!p2pdma_bar_is_current(bar))
			continue;
		if (bar->mem.first > phys || bar->mem.last < last)
			part = true;
		else if (!inner || bar->mem.last - bar->mem.first <
				   inner->mem.last - inner->mem.first)
			inner = bar;
	}
	spin_unlock_irqrestore(&p2pdma_bars_lock, flags);

	if (part)
		return ERR_PTR(-EINVAL);
	return inner ? &inner->mem.provider : NULL;
}
