// SPDX-License-Identifier: GPL-2.0
/*
 * Providers: which ranges of CPU physical address are peer memory, and whose.
 *
 * Ranges are registered and removed under a mutex.  Look-ups take no lock: they
 * search a sorted array behind RCU, which each change replaces.  No two ranges in the
 * array overlap, and adjacent ranges of one provider are joined.  A look-up returns
 * the range that holds an address, or the gap between two ranges, so that a loop over
 * many segments needs one look-up for each interval that it enters.
 *
 * A range is removed only when none of its memory can be in use: memory with struct
 * pages after the last reference to a page is dropped.  Until then its provider is
 * marked as going, and routes to it are refused.
 */
#define pr_fmt(fmt) "pci-p2pdma: " fmt

#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "p2pdma.h"
#include "trace.h"

struct p2pdma_interval {
	phys_addr_t start;
	phys_addr_t last;
	struct p2pdma_provider *provider;
};

struct p2pdma_table {
	struct rcu_head rcu;
	unsigned int count;
	struct p2pdma_interval interval[] __counted_by(count);
};

DEFINE_STATIC_KEY_FALSE(pci_p2pdma_key);
EXPORT_SYMBOL_GPL(pci_p2pdma_key);

struct pci_p2pdma_span pci_p2pdma_low __read_mostly = {
	.first = PHYS_ADDR_MAX,
};

struct pci_p2pdma_span pci_p2pdma_high __read_mostly = {
	.first = PHYS_ADDR_MAX,
};

static DEFINE_MUTEX(p2pdma_lock);
static LIST_HEAD(p2pdma_ranges);	/* by address; under p2pdma_lock */
static struct p2pdma_table __rcu *p2pdma_table;

/* Replace the array by one with the ranges of the list. */
static int p2pdma_table_update(gfp_t gfp)
{
	struct p2pdma_table *table, *old;
	struct p2pdma_range *range;
	unsigned int count = 0;

	lockdep_assert_held(&p2pdma_lock);

	list_for_each_entry(range, &p2pdma_ranges, node)
		count++;

	table = kvzalloc(struct_size(table, interval, count), gfp);
	if (!table)
		return -ENOMEM;
	table->count = count;

	count = 0;
	list_for_each_entry(range, &p2pdma_ranges, node) {
		struct p2pdma_interval *prev = table->interval + count - 1;

		if (count && prev->provider == range->provider &&
		    (range->start <= prev->last ||
		     range->start == prev->last + 1)) {
			prev->last = max(prev->last, range->last);
			continue;
		}
		table->interval[count++] = (struct p2pdma_interval) {
			.start = range->start,
			.last = range->last,
			.provider = range->provider,
		};
	}
	table->count = count;

	old = rcu_replace_pointer(p2pdma_table, table,
				  lockdep_is_held(&p2pdma_lock));
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

static void p2pdma_span_grow(struct pci_p2pdma_span *span, phys_addr_t first,
			     phys_addr_t last)
{
	WRITE_ONCE(span->first, min(span->first, first));
	WRITE_ONCE(span->last, max(span->last, last));
}

/**
 * p2pdma_range_add - register a range of peer memory
 * @range: the range, with @start, @last (CPU physical addresses, both inclusive)
 *	and @provider filled in; it stays with the core until p2pdma_range_del()
 *
 * Context: may sleep.
 *
 * Return: 0; -EINVAL if the range is empty; -EBUSY if it overlaps another
 * provider's memory; -ENOMEM.
 */
int p2pdma_range_add(struct p2pdma_range *range)
{
	struct list_head *place = &p2pdma_ranges;
	struct p2pdma_range *other;
	int ret;

	if (range->last < range->start)
		return -EINVAL;

	guard(mutex)(&p2pdma_lock);

	list_for_each_entry_reverse(other, &p2pdma_ranges, node) {
		if (other->provider != range->provider &&
		    other->start <= range->last && other->last >= range->start)
			return -EBUSY;
		if (other->start > range->start)
			place = &other->node;
	}

	list_add_tail(&range->node, place);
	ret = p2pdma_table_update(GFP_KERNEL);
	if (ret) {
		list_del(&range->node);
		return ret;
	}

	/* Memory above 4 GiB moves only @first: see struct pci_p2pdma_span. */
	p2pdma_span_grow(&pci_p2pdma_low, range->start,
			 range->start < SZ_4G ? min(range->last, SZ_4G - 1) : 0);
	if (range->last >= SZ_4G)
		p2pdma_span_grow(&pci_p2pdma_high, max(range->start, SZ_4G),
				 range->last);
	static_branch_enable(&pci_p2pdma_key);
	trace_p2pdma_provider_add(range);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_range_add);

/**
 * p2pdma_range_del - remove a range of peer memory
 * @range: a range that was added
 *
 * When this returns no look-up uses the range, or has found its provider through it.
 *
 * Context: may sleep.
 */
void p2pdma_range_del(struct p2pdma_range *range)
{
	scoped_guard(mutex, &p2pdma_lock) {
		list_del(&range->node);
		p2pdma_table_update(GFP_KERNEL | __GFP_NOFAIL);
	}
	p2pdma_invalidate(P2PDMA_BY_PROVIDER_GOING);
	synchronize_rcu();
	trace_p2pdma_provider_remove(range);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_range_del);

/**
 * p2pdma_for_each_provider - look at every provider that has memory registered
 * @fn: called for each, with those that have several ranges possibly more than
 *	once in a row; false ends the walk
 * @data: for @fn
 *
 * Context: may sleep, and so may @fn, which may not add or remove ranges.
 *
 * Return: false if @fn ended the walk.
 */
bool p2pdma_for_each_provider(bool (*fn)(struct p2pdma_provider *provider,
					 void *data), void *data)
{
	struct p2pdma_provider *last = NULL;
	struct p2pdma_range *range;

	guard(mutex)(&p2pdma_lock);

	list_for_each_entry(range, &p2pdma_ranges, node) {
		if (range->provider == last)
			continue;
		last = range->provider;
		if (!fn(range->provider, data))
			return false;
	}
	return true;
}

/**
 * p2pdma_for_each_range - look at every range that is registered
 * @fn: called for each, by address, so that those of a provider come in a row
 * @data: for @fn
 *
 * Context: may sleep, and so may @fn, which may not add or remove ranges.
 */
void p2pdma_for_each_range(void (*fn)(const struct p2pdma_range *range,
				      void *data), void *data)
{
	struct p2pdma_range *range;

	guard(mutex)(&p2pdma_lock);

	list_for_each_entry(range, &p2pdma_ranges, node)
		fn(range, data);
}

/* The first interval that ends at or after @phys; count if there is none. */
static unsigned int p2pdma_table_find(const struct p2pdma_table *table,
				      phys_addr_t phys)
{
	unsigned int low = 0, high = table->count;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (table->interval[mid].last < phys)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/**
 * p2pdma_for_each_provider_of - look at the providers of one function
 * @pdev: the function
 * @fn: called for each; false ends the walk
 * @data: for @fn
 *
 * Costs a search for each BAR, however many providers there are.
 *
 * Context: may sleep, and so may @fn, which may not add or remove ranges.
 */
void p2pdma_for_each_provider_of(struct pci_dev *pdev,
				 bool (*fn)(struct p2pdma_provider *provider,
					    void *data), void *data)
{
	const struct p2pdma_table *table;
	unsigned int i;
	int bar;

	guard(mutex)(&p2pdma_lock);

	table = rcu_dereference_protected(p2pdma_table,
					  lockdep_is_held(&p2pdma_lock));
	for (bar = 0; table && bar < PCI_STD_NUM_BARS; bar++) {
		if (!p2pdma_bar_is_memory(pdev, bar))
			continue;
		i = p2pdma_table_find(table, pci_resource_start(pdev, bar));
		/* The BARs of devices below VMD are in a BAR of VMD's own. */
		while (i < table->count &&
		       table->interval[i].start <= pci_resource_end(pdev, bar) &&
		       table->interval[i].provider->owner != &pdev->dev)
			i++;
		if (i < table->count &&
		    table->interval[i].start <= pci_resource_end(pdev, bar) &&
		    !fn(table->interval[i].provider, data))
			return;
	}
}

/**
 * __pci_p2pdma_cursor_move - move a cursor to the interval that holds an address
 * @cursor: the cursor
 * @phys: CPU physical address
 *
 * The cursor's provider stays valid for as long as the caller holds the memory.
 *
 * Context: any.
 */
void __pci_p2pdma_cursor_move(struct pci_p2pdma_cursor *cursor,
			      phys_addr_t phys)
{
	phys_addr_t start = 0, last = PHYS_ADDR_MAX;
	const struct p2pdma_table *table;
	unsigned int i;

	cursor->provider = NULL;

	rcu_read_lock();
	table = rcu_dereference(p2pdma_table);
	if (table) {
		i = p2pdma_table_find(table, phys);
		if (i < table->count && table->interval[i].start <= phys) {
			start = table->interval[i].start;
			last = table->interval[i].last;
			cursor->provider = table->interval[i].provider;
		} else {
			if (i > 0)
				start = table->interval[i - 1].last + 1;
			if (i < table->count)
				last = table->interval[i].start - 1;
		}
	}
	rcu_read_unlock();

	cursor->start = start;
	/* The size of all addresses would wrap to 0: one byte less. */
	cursor->size = last - start == U64_MAX ? U64_MAX : last - start + 1ULL;
}
EXPORT_SYMBOL_GPL(__pci_p2pdma_cursor_move);

/**
 * p2pdma_first_range - get the first range of a provider, with those adjacent to it
 * @provider: the provider
 * @cursor: filled in with the interval
 *
 * It is right for as long as no range is removed: the generation tells.
 *
 * Context: any.
 *
 * Return: false if nothing of the provider's BAR is registered.
 */
bool p2pdma_first_range(struct p2pdma_provider *provider,
			struct pci_p2pdma_cursor *cursor)
{
	const struct p2pdma_mem *mem = to_p2pdma_mem(provider);
	phys_addr_t phys = mem->first;

	while (phys >= mem->first && phys <= mem->last) {
		__pci_p2pdma_cursor_move(cursor, phys);
		if (cursor->provider == provider)
			return true;
		phys = cursor->start + cursor->size;
	}
	return false;
}

/**
 * pci_p2pdma_sg_has_peer - does a scatterlist hold peer memory?
 * @sgl: the list, mapped or not
 * @nents: number of its entries, before mapping
 *
 * A static branch on a machine that never had a provider.
 *
 * Context: any.
 *
 * Return: true if any entry is peer memory, wholly or in part.
 */
bool pci_p2pdma_sg_has_peer(struct scatterlist *sgl, int nents)
{
	struct pci_p2pdma_cursor cursor = {};
	struct scatterlist *sg;
	int i;

	if (!pci_p2pdma_in_use())
		return false;

	for_each_sg(sgl, sg, nents, i)
		if (pci_p2pdma_sg_near(sg) && pci_p2pdma_sg_is_peer(&cursor, sg))
			return true;
	return false;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_sg_has_peer);

/**
 * pci_p2pdma_provider_of_phys - whose memory is a physical range?
 * @phys: CPU physical address
 * @size: length in bytes
 *
 * Context: any.  The provider may go at any time unless the caller holds a page
 * of it or keeps its driver bound.
 *
 * Return: the provider that all of the range belongs to, or NULL.
 */
struct p2pdma_provider *pci_p2pdma_provider_of_phys(phys_addr_t phys,
						    size_t size)
{
	struct pci_p2pdma_cursor cursor = {};

	if (!pci_p2pdma_in_use())
		return NULL;

	__pci_p2pdma_cursor_move(&cursor, phys);
	if (!pci_p2pdma_cursor_holds(&cursor, phys, size))
		return NULL;
	return cursor.provider;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_provider_of_phys);

/**
 * pci_p2pdma_provider_of_page - whose memory is a page?
 * @page: any page
 *
 * Context: any.
 *
 * Return: the provider, valid while the page is held, or NULL.
 */
struct p2pdma_provider *pci_p2pdma_provider_of_page(struct page *page)
{
	if (!is_pci_p2pdma_page(page))
		return NULL;
	return pci_p2pdma_provider_of_phys(page_to_phys(page), PAGE_SIZE);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_provider_of_page);

static void p2pdma_free(struct kref *kref)
{
	kfree(container_of(kref, struct pci_p2pdma, kref));
}

/**
 * p2pdma_put - drop a reference to the providers of a function
 * @p2pdma: them
 *
 * Context: any.
 */
void p2pdma_put(struct pci_p2pdma *p2pdma)
{
	kref_put(&p2pdma->kref, p2pdma_free);
}
