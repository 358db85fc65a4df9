// SPDX-License-Identifier: GPL-2.0
/*
 * Pages: parts of BARs with struct pages, whoever allocates them.
 *
 * A range of a BAR is registered, and gets struct pages of the type
 * MEMORY_DEVICE_PCI_P2PDMA.  What an allocator hands out is its own affair: that of
 * pool.c, or one of the driver.  It says how a page returns to it, for each range.
 *
 * Each allocation, and each page that has been given to a user, holds a reference to the
 * range.  When the driver has been unbound devres waits for these references, removes the
 * struct pages, and then the registration.
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/percpu-refcount.h>
#include <linux/rcupdate.h>

#include "p2pdma.h"

static struct p2pdma_part *to_p2pdma_part(struct pci_p2pdma_pages *pages)
{
	return container_of(pages, struct p2pdma_part, pages);
}

/* The last reference to a page is gone: the page belongs to its allocator again. */
static void p2pdma_page_free(struct page *page)
{
	struct pci_p2pdma_pages *pages = container_of(page->pgmap,
						      struct pci_p2pdma_pages,
						      pgmap);

	pages->page_free(pages, page);
	pci_p2pdma_pages_put(pages);
}

static const struct dev_pagemap_ops p2pdma_pgmap_ops = {
	.page_free = p2pdma_page_free,
};

/* Runs before devres waits for the last reference to each page. */
static void p2pdma_part_going(void *data)
{
	struct p2pdma_part *part = data;

	part->going = true;
	atomic_inc(&part->mem->going);
	p2pdma_invalidate(P2PDMA_BY_PROVIDER_GOING);
}

/**
 * pcim_p2pdma_add_pages - register a part of a BAR as peer memory with struct pages
 * @pdev: the function
 * @bar: number of the BAR
 * @size: bytes; 0 for all that follows @offset
 * @offset: bytes from the start of the BAR
 * @page_free: takes a page back whose last reference is gone; called in any context,
 *	also with interrupts off.  The page may be given to another user at once.
 * @private: for the caller, in &pci_p2pdma_pages.private
 *
 * For drivers that allocate the memory themselves; pci_p2pdma_add_resource() does it for
 * others.  All pages belong to the driver at first, each with a reference count of 1,
 * which the driver leaves alone.  Start and end of the range are multiples of
 * memremap_compat_align().  The kernel maps the range, and makes its struct pages, in
 * units as large as their alignment allows.
 *
 * Undone when the driver is unbound.  Devres then waits, for as long as it takes, until
 * all that pci_p2pdma_pages_get() and pci_p2pdma_page_init() were called for has been
 * returned.  The driver takes user mappings away in its remove(), before it resets the
 * hardware.
 *
 * Context: may sleep; while the driver of @pdev is being bound.
 *
 * Return: the pages, or an error pointer: -EINVAL if the BAR is not memory or smaller
 * than that; -EBUSY if it overlaps another provider's memory; -ENOMEM; an error of
 * devm_memremap_pages().
 */
struct pci_p2pdma_pages *
pcim_p2pdma_add_pages(struct pci_dev *pdev, int bar, size_t size, u64 offset,
		      void (*page_free)(struct pci_p2pdma_pages *pages,
					struct page *page), void *private)
{
	struct pci_p2pdma_pages *pages;
	struct p2pdma_part *part;
	resource_size_t len;
	phys_addr_t start;
	void *group;
	int ret;

	if (bar < 0 || bar >= PCI_STD_NUM_BARS ||
	    !p2pdma_bar_is_memory(pdev, bar))
		return ERR_PTR(-EINVAL);
	len = pci_resource_len(pdev, bar);
	if (offset >= len || size > len - offset)
		return ERR_PTR(-EINVAL);
	if (!size)
		size = len - offset;
	start = pci_resource_start(pdev, bar) + offset;

	ret = p2pdma_prepare(pdev);
	if (ret)
		return ERR_PTR(ret);

	/* If a step from here on fails, the steps before it are undone. */
	group = devres_open_group(&pdev->dev, NULL, GFP_KERNEL);
	if (!group)
		return ERR_PTR(-ENOMEM);

	part = p2pdma_part_add(pdev, p2pdma_bar(pdev, bar), start, size);
	if (IS_ERR(part)) {
		ret = PTR_ERR(part);
		goto release;
	}

	pages = &part->pages;
	pages->size = size;
	pages->page_free = page_free;
	pages->private = private;
	pages->pgmap.range.start = start;
	pages->pgmap.range.end = start + size - 1;
	pages->pgmap.nr_range = 1;
	pages->pgmap.type = MEMORY_DEVICE_PCI_P2PDMA;
	pages->pgmap.ops = &p2pdma_pgmap_ops;
	pages->addr = devm_memremap_pages(&pdev->dev, &pages->pgmap);
	if (IS_ERR(pages->addr)) {
		ret = PTR_ERR(pages->addr);
		goto release;
	}
	ret = devm_add_action_or_reset(&pdev->dev, p2pdma_part_going, part);
	if (ret)
		goto release;

	devres_remove_group(&pdev->dev, group);
	return pages;

release:
	devres_release_group(&pdev->dev, group);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(pcim_p2pdma_add_pages);

/**
 * pci_p2pdma_pages_get - keep a range from being removed
 * @pages: the range
 *
 * For an allocation whose pages are not counted one by one: memory that is used in the
 * kernel.
 *
 * Context: any.
 *
 * Return: false if the provider is going, and nothing may be allocated any more.
 */
bool pci_p2pdma_pages_get(struct pci_p2pdma_pages *pages)
{
	/* p2pdma_begin_drain() waits for this section. */
	guard(rcu)();
	return !atomic_read(&to_p2pdma_part(pages)->mem->going) &&
	       percpu_ref_tryget_live(&pages->pgmap.ref);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_pages_get);

/**
 * pci_p2pdma_pages_put - undo pci_p2pdma_pages_get()
 * @pages: the range
 *
 * Context: any.
 */
void pci_p2pdma_pages_put(struct pci_p2pdma_pages *pages)
{
	percpu_ref_put(&pages->pgmap.ref);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_pages_put);

/**
 * pci_p2pdma_page_init - an idle page is given to a user
 * @pages: the range
 * @page: a page of it, which belongs to the driver
 *
 * The reference count of an idle page is 1.  From here on this reference is the user's.
 * To map the page for user space call vm_insert_page(), which takes a reference of its
 * own, and put_page() after it, whether that has failed or not.  When the last reference
 * is dropped the page returns to the driver: page_free() of the range is called.
 *
 * Context: any.
 *
 * Return: false if the provider is going, and the page stays the driver's.
 */
bool pci_p2pdma_page_init(struct pci_p2pdma_pages *pages, struct page *page)
{
	if (WARN_ON_ONCE(page->pgmap != &pages->pgmap))
		return false;
	return pci_p2pdma_pages_get(pages);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_page_init);
