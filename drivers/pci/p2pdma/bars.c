// SPDX-License-Identifier: GPL-2.0
/*
 * BARs: in whose BAR is a physical range that nobody has registered?
 *
 * Only dma_map_resource() asks, because it takes any address.  An interval tree
 * indexes the memory BARs of all PCI functions, virtual ones included.  A maple tree
 * that is made from it has the innermost BAR at each address, for readers without a
 * lock; the few questions that it leaves open the interval tree answers.  A function
 * enters the index when it is added, its entries are replaced whenever one of its
 * BARs is given an address, and they are removed before the function goes.  A BAR
 * may lose its address with no event: an entry that does not match the function's
 * resource is ignored.
 *
 * An entry holds a reference to its function, and is freed after a grace period: a
 * caller that looked it up may use it, and the provider in it, in the same RCU
 * read-side section.
 */
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/hashtable.h>
#include <linux/init.h>
#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/maple_tree.h>
#include <linux/mutex.h>
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

static DEFINE_MUTEX(p2pdma_bars_mutex);	/* writers of all that follows */
static struct rb_root_cached p2pdma_bars = RB_ROOT_CACHED;
/* The same entries by function. */
static DEFINE_HASHTABLE(p2pdma_bars_of, 10);
static DEFINE_SPINLOCK(p2pdma_bars_lock);	/* of these two */
/* At each address, the smallest BAR. */
static struct maple_tree p2pdma_bars_at =
	MTREE_INIT(p2pdma_bars_at, MT_FLAGS_USE_RCU);
/* It could not be kept up to date, for want of memory. */
static bool p2pdma_bars_at_broken;
/* Changes of it that have begun, and ended: odd while there is one. */
static atomic_t p2pdma_bars_at_seq = ATOMIC_INIT(0);

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

static u64 p2pdma_bar_last_byte(const struct p2pdma_bar *bar)
{
	return bar->mem.last - bar->mem.first;
}

/* Replace @old, or a BAR that is larger than @new, by @new in the range of @bar. */
static void p2pdma_bars_at_write(const struct p2pdma_bar *bar,
				 struct p2pdma_bar *old, struct p2pdma_bar *new)
{
	unsigned long at = bar->mem.first, last;
	struct p2pdma_bar *there;

	do {
		MA_STATE(mas, &p2pdma_bars_at, at, at);

		/* Then it may have BARs that have been freed. */
		if (p2pdma_bars_at_broken)
			return;

		scoped_guard(rcu) {
			there = mas_walk(&mas);
			last = min_t(u64, mas.last, bar->mem.last);
		}
		if (new ? there && p2pdma_bar_last_byte(there) <=
				   p2pdma_bar_last_byte(new) : there != old)
			continue;
		if (mtree_store_range(&p2pdma_bars_at, at, last, new, GFP_KERNEL))
			WRITE_ONCE(p2pdma_bars_at_broken, true);
	} while (last < bar->mem.last && (at = last + 1));
}

/* Take a BAR out, and put back what it was inside of; under p2pdma_bars_mutex. */
static void p2pdma_bar_hide(struct p2pdma_bar *bar)
{
	struct interval_tree_node *node;

	p2pdma_bars_at_write(bar, bar, NULL);
	for (node = interval_tree_iter_first(&p2pdma_bars, bar->mem.first,
					     bar->mem.last); node;
	     node = interval_tree_iter_next(node, bar->mem.first, bar->mem.last))
		p2pdma_bars_at_write(to_p2pdma_bar(node), NULL,
				     to_p2pdma_bar(node));
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
	unsigned long flags;
	HLIST_HEAD(gone);
	bool removed;
	int nr;

	guard(mutex)(&p2pdma_bars_mutex);
	/* Fully ordered, as below; pairs with p2pdma_bar_of_phys(). */
	atomic_inc_return(&p2pdma_bars_at_seq);
	spin_lock_irqsave(&p2pdma_bars_lock, flags);
	hash_for_each_possible_safe(p2pdma_bars_of, bar, next, sibling, key) {
		if (bar->mem.provider.owner != &pdev->dev)
			continue;
		interval_tree_remove(&bar->node, &p2pdma_bars);
		hash_del(&bar->sibling);
		/* From here on no route cache entry may be created for this BAR. */
		WRITE_ONCE(bar->mem.indexed, false);
		hlist_add_head(&bar->sibling, &gone);
	}
	for (nr = 0; nr < PCI_STD_NUM_BARS; nr++) {
		if (!bars[nr])
			continue;
		interval_tree_insert(&bars[nr]->node, &p2pdma_bars);
		hash_add(p2pdma_bars_of, &bars[nr]->sibling, key);
	}
	spin_unlock_irqrestore(&p2pdma_bars_lock, flags);

	removed = !hlist_empty(&gone);
	hlist_for_each_entry(bar, &gone, sibling)
		p2pdma_bar_hide(bar);
	for (nr = 0; nr < PCI_STD_NUM_BARS; nr++)
		if (bars[nr])
			p2pdma_bars_at_write(bars[nr], NULL, bars[nr]);
	atomic_inc_return(&p2pdma_bars_at_seq);
	hlist_for_each_entry_safe(bar, next, &gone, sibling)
		queue_rcu_work(system_wq, &bar->work);
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
 * Context: may sleep.
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

/* As p2pdma_bar_of_phys(); looks at every BAR that a range touches. */
static struct p2pdma_provider *p2pdma_bar_search(phys_addr_t phys,
						 phys_addr_t last)
{
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
	MA_STATE(mas, &p2pdma_bars_at, phys, phys);
	phys_addr_t last = phys + (size ? size - 1 : 0);
	int seq = atomic_read_acquire(&p2pdma_bars_at_seq);
	struct p2pdma_bar *bar;

	if (unlikely((seq & 1) || READ_ONCE(p2pdma_bars_at_broken)))
		return p2pdma_bar_search(phys, last);
	bar = mas_find(&mas, last);
	/* The tree before its count; pairs with p2pdma_bars_replace(). */
	smp_rmb();
	if (unlikely(atomic_read(&p2pdma_bars_at_seq) != seq))
		return p2pdma_bar_search(phys, last);
	if (!bar)
		return NULL;
	/* All of the range is in this BAR, and none of it is in a smaller one. */
	if (mas.index <= phys && mas.last >= last && p2pdma_bar_is_current(bar))
		return &bar->mem.provider;
	return p2pdma_bar_search(phys, last);
}
