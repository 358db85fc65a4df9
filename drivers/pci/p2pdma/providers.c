// SPDX-License-Identifier: GPL-2.0
/*
 * Providers: which ranges of CPU physical address are peer memory, and whose.
 *
 * Ranges are registered and removed under a mutex, and looked up without a lock
 * in a sorted array behind RCU that each change builds anew.  The array holds no
 * two ranges that overlap; ranges of one provider that touch are joined.  A
 * look-up answers with the range that holds an address or with the gap between
 * two, so that a loop over many segments asks once for each interval it enters.
 *
 * A range leaves the array only when nothing that it covers can still be in use:
 * for memory with struct pages after the last page reference is gone.  Until
 * then its provider is marked as going, and routes to it are refused.
 */
#define pr_fmt(fmt) "pci-p2pdma: " fmt

#include <kunit/visibility.h>
#include <linux/atomic.h>
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

static atomic_t p2pdma_changes = ATOMIC_INIT(0);
static atomic_long_t p2pdma_changes_by[P2PDMA_NR_CAUSES];

static const char * const p2pdma_cause_names[P2PDMA_NR_CAUSES] = {
	[P2PDMA_BY_CONFIG_WRITE]	= "config-write",
	[P2PDMA_BY_POLICY]		= "policy",
	[P2PDMA_BY_DEVICE_ADDED]	= "device-added",
	[P2PDMA_BY_DEVICE_GOING]	= "device-going",
	[P2PDMA_BY_DEVICE_REMOVED]	= "device-removed",
	[P2PDMA_BY_PROVIDER_REMOVED]	= "provider-removed",
};

static DEFINE_MUTEX(p2pdma_lock);
static LIST_HEAD(p2pdma_ranges);	/* by address; under p2pdma_lock */
static struct p2pdma_table __rcu *p2pdma_table;

/**
 * p2pdma_cause_name - the word for a cause
 * @cause: why what is kept of routes became stale
 *
 * Return: the word.
 */
const char *p2pdma_cause_name(enum p2pdma_cause cause)
{
	return p2pdma_cause_names[cause];
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_cause_name);

/**
 * p2pdma_routes_invalidate - what routes rest on may have changed
 * @cause: what has
 *
 * Call it after the change.
 *
 * Context: any.
 */
void p2pdma_routes_invalidate(enum p2pdma_cause cause)
{
	int generation;

	/*
	 * Fully ordered, and pairs with the acquire in p2pdma_generation(): the
	 * change comes first.
	 */
	generation = atomic_inc_return(&p2pdma_changes);
	atomic_long_inc(&p2pdma_changes_by[cause]);
	trace_p2pdma_invalidate(cause, generation);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_routes_invalidate);

/**
 * p2pdma_invalidations - how often p2pdma_routes_invalidate() was called
 * @cause: for this cause
 *
 * Return: the number, since boot.
 */
unsigned long p2pdma_invalidations(enum p2pdma_cause cause)
{
	return atomic_long_read(&p2pdma_changes_by[cause]);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_invalidations);

/**
 * p2pdma_generation - how often what routes rest on has changed
 *
 * Take it before looking at any of it.
 *
 * Context: any.
 *
 * Return: a number that is another after each change.
 */
int p2pdma_generation(void)
{
	return atomic_read_acquire(&p2pdma_changes);
}

/* Build the array anew from the list. */
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

	static_branch_enable(&pci_p2pdma_key);
	trace_p2pdma_provider_add(range);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_range_add);

/**
 * p2pdma_range_del - remove a range of peer memory
 * @range: a range that was added
 *
 * When this returns nobody looks at the range, or at its provider through it.
 *
 * Context: may sleep.
 */
void p2pdma_range_del(struct p2pdma_range *range)
{
	scoped_guard(mutex, &p2pdma_lock) {
		list_del(&range->node);
		p2pdma_table_update(GFP_KERNEL | __GFP_NOFAIL);
	}
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
	/* One byte less than all, rather than a size that wraps to nothing. */
	cursor->size = last - start == U64_MAX ? U64_MAX : last - start + 1ULL;
}
EXPORT_SYMBOL_GPL(__pci_p2pdma_cursor_move);

/**
 * pci_p2pdma_sg_has_peer - does a scatterlist hold peer memory?
 * @sgl: the list, mapped or not
 * @nents: number of its entries, before mapping
 *
 * Costs nothing on a machine that never had a provider.
 *
 * Context: any.
 *
 * Return: true if any entry is peer memory, or is so in part.
 */
bool pci_p2pdma_sg_has_peer(struct scatterlist *sgl, int nents)
{
	struct pci_p2pdma_cursor cursor = {};
	struct scatterlist *sg;
	int i;

	if (!pci_p2pdma_in_use())
		return false;

	for_each_sg(sgl, sg, nents, i)
		if (pci_p2pdma_sg_is_peer(&cursor, sg))
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

/**
 * pci_p2pdma_provider_of_iomem - whose memory is an I/O mapping?
 * @addr: what ioremap() or pci_iomap() returned, or an address inside
 * @size: length in bytes
 *
 * Context: may not be called in interrupt context.
 *
 * Return: as pci_p2pdma_provider_of_phys(); NULL also if the mapping is not
 * physically contiguous.
 */
struct p2pdma_provider *pci_p2pdma_provider_of_iomem(const void __iomem *addr,
						     size_t size)
{
	const void *virt = (const void __force *)addr;
	unsigned long start = (unsigned long)virt & PAGE_MASK;
	unsigned long end = PAGE_ALIGN((unsigned long)virt + size);
	unsigned long pfn, off;

	if (!size || !is_vmalloc_addr(virt) || !is_vmalloc_addr(virt + size - 1))
		return NULL;

	pfn = vmalloc_to_pfn(virt);
	for (off = PAGE_SIZE; start + off < end; off += PAGE_SIZE)
		if (vmalloc_to_pfn((void *)(start + off)) !=
		    pfn + (off >> PAGE_SHIFT))
			return NULL;

	return pci_p2pdma_provider_of_phys(PFN_PHYS(pfn) + offset_in_page(virt),
					   size);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_provider_of_iomem);

/**
 * pci_p2pdma_provider_of_vma - whose memory is a user mapping?
 * @vma: the mapping
 * @addr: user virtual address in it
 * @size: length in bytes
 *
 * Context: process; the caller holds the mmap lock for reading.
 *
 * Return: as pci_p2pdma_provider_of_phys(); NULL also if a part of the range is
 * not mapped, or not physically contiguous.
 */
struct p2pdma_provider *pci_p2pdma_provider_of_vma(struct vm_area_struct *vma,
						   unsigned long addr,
						   size_t size)
{
	unsigned long start = addr & PAGE_MASK, off;
	phys_addr_t first = 0;

	mmap_assert_locked(vma->vm_mm);

	if (!size || addr < vma->vm_start || addr >= vma->vm_end ||
	    size > vma->vm_end - addr)
		return NULL;

	for (off = 0; start + off < addr + size; off += PAGE_SIZE) {
		struct follow_pfnmap_args args = {
			.vma = vma,
			.address = start + off,
		};
		struct page *page = NULL;
		phys_addr_t phys;

		if (vma->vm_flags & (VM_IO | VM_PFNMAP)) {
			if (follow_pfnmap_start(&args))
				return NULL;
			phys = PFN_PHYS(args.pfn);
			follow_pfnmap_end(&args);
		} else {
			if (get_user_pages_remote(vma->vm_mm, start + off, 1,
						  FOLL_PCI_P2PDMA, &page,
						  NULL) != 1)
				return NULL;
			phys = page_to_phys(page);
			put_page(page);
		}
		if (!off)
			first = phys;
		else if (phys != first + off)
			return NULL;
	}
	return pci_p2pdma_provider_of_phys(first + offset_in_page(addr), size);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_provider_of_vma);
