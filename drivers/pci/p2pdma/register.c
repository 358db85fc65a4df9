// SPDX-License-Identifier: GPL-2.0
/*
 * Registration: the BARs of a function become peer memory.
 *
 * All memory BARs as a whole, with pcim_p2pdma_init(), or parts of them, for pages.c.
 * Neither struct pages nor an allocator are needed for that.  Whatever is registered is
 * removed when the driver of the function is unbound.  Before that routes to it are
 * refused.
 */
#define pr_fmt(fmt) "pci-p2pdma: " fmt

#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "p2pdma.h"

static void pcim_p2pdma_release(void *data)
{
	struct pci_dev *pdev = data;
	struct pci_p2pdma *p2pdma = rcu_dereference_protected(pdev->p2pdma, 1);
	struct p2pdma_part *part, *next;

	rcu_assign_pointer(pdev->p2pdma, NULL);
	synchronize_rcu();

	if (p2pdma->release_pool)
		p2pdma->release_pool(pdev, p2pdma);
	list_for_each_entry_safe(part, next, &p2pdma->gone, node)
		kfree(part);
	p2pdma_put(p2pdma);
}

/**
 * p2pdma_prepare - give a function what its providers are kept in
 * @pdev: the function
 *
 * Undone when the driver is unbound.
 *
 * Context: may sleep; while the driver of @pdev is being bound.
 *
 * Return: 0 or -ENOMEM.
 */
int p2pdma_prepare(struct pci_dev *pdev)
{
	struct pci_p2pdma *p2pdma;
	int bar;

	if (rcu_access_pointer(pdev->p2pdma))
		return 0;

	p2pdma = kzalloc_node(sizeof(*p2pdma), GFP_KERNEL,
			      dev_to_node(&pdev->dev));
	if (!p2pdma)
		return -ENOMEM;

	kref_init(&p2pdma->kref);
	init_rwsem(&p2pdma->faults);
	INIT_LIST_HEAD(&p2pdma->gone);
	init_waitqueue_head(&p2pdma->drained);
	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		struct p2pdma_mem *mem = &p2pdma->mem[bar];

		mem->provider.owner = &pdev->dev;
		mem->bar = bar;
		atomic_set(&mem->going, 1);
	}

	rcu_assign_pointer(pdev->p2pdma, p2pdma);
	return devm_add_action_or_reset(&pdev->dev, pcim_p2pdma_release, pdev);
}

/**
 * p2pdma_bar - the provider of a BAR, registered or not
 * @pdev: a function for which p2pdma_prepare() was called
 * @bar: number of the BAR
 *
 * Context: while the driver of @pdev is being bound.
 *
 * Return: the provider, or NULL if the BAR is not memory.
 */
struct p2pdma_mem *p2pdma_bar(struct pci_dev *pdev, int bar)
{
	struct pci_p2pdma *p2pdma = rcu_dereference_protected(pdev->p2pdma, 1);

	if (!p2pdma || bar < 0 || bar >= PCI_STD_NUM_BARS ||
	    !p2pdma_bar_is_memory(pdev, bar))
		return NULL;
	return &p2pdma->mem[bar];
}

/* A fault that has found another state ends before this returns. */
static void p2pdma_wait_for_faults(struct pci_p2pdma *p2pdma)
{
	down_write(&p2pdma->faults);
	up_write(&p2pdma->faults);
}

static void p2pdma_part_unregister(void *data)
{
	struct p2pdma_part *part = data;

	/* Those who have looked up the provider may hold it on, but get no route. */
	if (part->mem->registered == 1)
		atomic_inc(&part->mem->going);
	p2pdma_wait_for_faults(p2pdma_of_mem(part->mem));
	p2pdma_range_del(&part->range);
	if (part->going)
		atomic_dec(&part->mem->going);
	WRITE_ONCE(part->mem->registered, part->mem->registered - 1);
	if (part->mem->registered) {
		p2pdma_invalidate(P2PDMA_BY_PROVIDER_GOING);
	} else {
		p2pdma_cache_forget_provider(&part->mem->provider);
		dma_p2pdma_provider_gone(&part->mem->provider);
	}

	/* The pool may keep the chunk of the part, and the reference count in it. */
	list_add(&part->node,
		 &rcu_dereference_protected(part->pdev->p2pdma, 1)->gone);
}

/**
 * p2pdma_part_add - register a part of a BAR
 * @pdev: the function
 * @mem: the provider of the BAR
 * @start: first CPU physical address
 * @size: bytes
 *
 * Undone when the driver is unbound.
 *
 * Context: may sleep; while the driver of @pdev is being bound.
 *
 * Return: the part, or an error pointer as of p2pdma_range_add().
 */
struct p2pdma_part *p2pdma_part_add(struct pci_dev *pdev,
				    struct p2pdma_mem *mem, phys_addr_t start,
				    size_t size)
{
	struct p2pdma_part *part;
	int ret;

	part = kzalloc(sizeof(*part), GFP_KERNEL);
	if (!part)
		return ERR_PTR(-ENOMEM);
	part->pdev = pdev;
	part->mem = mem;
	part->range.start = start;
	part->range.last = start + size - 1;
	part->range.provider = &mem->provider;

	/* The BAR stays where it is while a part of it is registered. */
	if (!mem->registered) {
		mem->first = pci_resource_start(pdev, mem->bar);
		mem->last = pci_resource_end(pdev, mem->bar);
		mem->provider.bus_offset = pci_bus_address(pdev, mem->bar) -
					   mem->first;
	}
	/* Before anybody finds it, so that no verdict that refuses it is cached. */
	if (!mem->registered)
		atomic_dec(&mem->going);
	ret = p2pdma_range_add(&part->range);
	if (ret) {
		if (!mem->registered)
			atomic_inc(&mem->going);
		kfree(part);
		return ERR_PTR(ret);
	}
	WRITE_ONCE(mem->registered, mem->registered + 1);
	ret = devm_add_action_or_reset(&pdev->dev, p2pdma_part_unregister,
				       part);
	return ret ? ERR_PTR(ret) : part;
}

/* Is all of a BAR registered already? */
static bool p2pdma_bar_registered(struct pci_dev *pdev, struct p2pdma_mem *mem)
{
	return pci_p2pdma_provider_of_phys(pci_resource_start(pdev, mem->bar),
					   pci_resource_len(pdev, mem->bar)) ==
	       &mem->provider;
}

/* Register all BARs that are memory; those that are another provider's are left out. */
static int p2pdma_register_bars(struct pci_dev *pdev)
{
	struct p2pdma_part *part;
	struct p2pdma_mem *mem;
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		mem = p2pdma_bar(pdev, bar);
		if (!mem || p2pdma_bar_registered(pdev, mem))
			continue;
		part = p2pdma_part_add(pdev, mem, pci_resource_start(pdev, bar),
				       pci_resource_len(pdev, bar));
		if (IS_ERR(part) && PTR_ERR(part) != -EBUSY)
			return PTR_ERR(part);
		if (IS_ERR(part))
			pci_warn(pdev, "BAR %d overlaps another provider's memory, and is not registered as peer memory\n",
				 bar);
	}
	return 0;
}

/**
 * pcim_p2pdma_init - make all memory BARs of a function peer memory, without struct pages
 * @pdev: the function
 *
 * From then on pcim_p2pdma_provider() returns the providers.  Undone when the driver is
 * unbound; all mappings must be undone before that.  A second call does nothing.
 *
 * Context: may sleep; while the driver of @pdev is being bound.
 *
 * Return: 0 or -ENOMEM.
 */
int pcim_p2pdma_init(struct pci_dev *pdev)
{
	void *group;
	int ret;

	group = devres_open_group(&pdev->dev, NULL, GFP_KERNEL);
	if (!group)
		return -ENOMEM;

	ret = p2pdma_prepare(pdev) ?: p2pdma_register_bars(pdev);
	if (ret)
		devres_release_group(&pdev->dev, group);
	else
		devres_remove_group(&pdev->dev, group);
	return ret;
}
EXPORT_SYMBOL_GPL(pcim_p2pdma_init);

/**
 * pcim_p2pdma_provider - the provider of a BAR
 * @pdev: a function for which pcim_p2pdma_init() or pci_p2pdma_add_resource() was called
 * @bar: number of the BAR
 *
 * Changes nothing, so that it may be called often and from several threads.
 *
 * Context: any; the driver of @pdev stays bound for as long as the result is used.
 *
 * Return: the provider, or NULL if nothing of the BAR is registered.
 */
struct p2pdma_provider *pcim_p2pdma_provider(struct pci_dev *pdev, int bar)
{
	struct pci_p2pdma *p2pdma;

	if (bar < 0 || bar >= PCI_STD_NUM_BARS)
		return NULL;

	guard(rcu)();
	p2pdma = rcu_dereference(pdev->p2pdma);
	if (!p2pdma || !READ_ONCE(p2pdma->mem[bar].registered))
		return NULL;
	return &p2pdma->mem[bar].provider;
}
EXPORT_SYMBOL_GPL(pcim_p2pdma_provider);

/**
 * p2pdma_begin_drain - refuse routes to all memory of a function
 * @pdev: the function
 *
 * When this returns no mapping, no look-up and no fault of a user mapping is going on that
 * has seen another state.
 *
 * Context: may sleep; before the driver's remove(), with the device locked.
 *
 * Return: false if the function has no providers.
 */
bool p2pdma_begin_drain(struct pci_dev *pdev)
{
	struct pci_p2pdma *p2pdma = rcu_dereference_protected(pdev->p2pdma, 1);
	int bar;

	if (!p2pdma)
		return false;
	/* Until devres drops @p2pdma. */
	WRITE_ONCE(p2pdma->draining, true);
	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		atomic_inc(&p2pdma->mem[bar].going);
	p2pdma_invalidate(P2PDMA_BY_PROVIDER_GOING);
	synchronize_rcu();
	p2pdma_wait_for_faults(p2pdma);
	return true;
}
