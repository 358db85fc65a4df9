// SPDX-License-Identifier: GPL-2.0
/*
 * Look-ups: from an address to the provider whose memory it is.
 *
 * For drivers that are given memory and do not know whose it is: a page, a physical
 * range, an I/O mapping of the kernel, or an address of a process.  Each of these is
 * turned into a physical range, and the array of providers.c has the answer.
 *
 * A look-up returns a counted reference.  It keeps the objects: the PCI function, and the
 * provider with its bus offset.  It does not keep the memory.  The driver of the function
 * may be unbound at any time, and look-ups fail with -ENODEV from the moment at which
 * that begins.  Routes to the provider are refused then, also for those that hold a
 * reference.  Memory is kept by a reference to its page, or by what its exporter offers.
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "p2pdma.h"

/**
 * pci_p2pdma_find_phys - whose memory is a physical range?
 * @phys: CPU physical address
 * @size: length in bytes
 * @memory: filled in on success; the caller releases it with pci_p2pdma_put_memory()
 *
 * Context: any.
 *
 * Return: 0 if all of the range is memory of one provider; -ENXIO if nothing of it is
 * peer memory; -EINVAL if it is empty, only in part peer memory, or memory of more than
 * one provider (each BAR has one of its own); -ENODEV if the provider is going: its
 * driver is being unbound.
 */
int pci_p2pdma_find_phys(phys_addr_t phys, size_t size,
			 struct pci_p2pdma_memory *memory)
{
	struct pci_p2pdma_cursor cursor = {};
	struct p2pdma_mem *mem;

	if (!size)
		return -EINVAL;
	if (!pci_p2pdma_in_use())
		return -ENXIO;

	guard(rcu)();
	__pci_p2pdma_cursor_move(&cursor, phys);
	if (!pci_p2pdma_cursor_holds(&cursor, phys, size))
		return -EINVAL;
	if (!cursor.provider)
		return -ENXIO;
	mem = to_p2pdma_mem(cursor.provider);
	if (atomic_read(&mem->going))
		return -ENODEV;

	/*
	 * Whoever removes the range waits for this section before the reference of
	 * the driver and the one to the function are dropped.
	 */
	kref_get(&p2pdma_of_mem(mem)->kref);
	*memory = (struct pci_p2pdma_memory) {
		.provider = cursor.provider,
		.pdev = pci_dev_get(to_pci_dev(cursor.provider->owner)),
		.bar = mem->bar,
		.offset = phys - mem->first,
		.phys = phys,
		.bus = pci_p2pdma_bus_addr_map(cursor.provider, phys),
	};
	return 0;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_find_phys);

/**
 * pci_p2pdma_put_memory - release what a look-up has found
 * @memory: from one of the look-ups
 *
 * Context: process.
 */
void pci_p2pdma_put_memory(struct pci_p2pdma_memory *memory)
{
	p2pdma_put(p2pdma_of_mem(to_p2pdma_mem(memory->provider)));
	pci_dev_put(memory->pdev);
	memory->provider = NULL;
	memory->pdev = NULL;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_put_memory);

/**
 * pci_p2pdma_find_page - whose memory is a page?
 * @page: any page, which the caller holds
 * @memory: as for pci_p2pdma_find_phys()
 *
 * Context: any.
 *
 * Return: as pci_p2pdma_find_phys(); -ENXIO if it is no page of peer memory.
 */
int pci_p2pdma_find_page(struct page *page, struct pci_p2pdma_memory *memory)
{
	if (!is_pci_p2pdma_page(page))
		return -ENXIO;
	return pci_p2pdma_find_phys(page_to_phys(page), PAGE_SIZE, memory);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_find_page);

/**
 * pci_p2pdma_find_iomem - whose memory is an I/O mapping?
 * @addr: what ioremap(), pci_iomap() or one of their variants has returned, or an address
 *	inside; the mapping has to stay for the time of the call
 * @size: length in bytes
 * @memory: as for pci_p2pdma_find_phys()
 *
 * Only mappings of ioremap() are recognised: each is physically contiguous, and the kernel
 * knows its physical address without reading page tables, in which large mappings have
 * large entries.  The kernel's own mapping of peer memory with struct pages, and one of
 * vmap_pfn() or memremap(), is none; for the former there is pci_p2pdma_find_page().
 *
 * Context: may not be called in interrupt context.
 *
 * Return: as pci_p2pdma_find_phys(); -ENXIO also if @addr is in no mapping of ioremap();
 * -EINVAL also if the mapping ends before the range does.
 */
int pci_p2pdma_find_iomem(const void __iomem *addr, size_t size,
			  struct pci_p2pdma_memory *memory)
{
	const void *virt = (const void __force *)addr;
	struct vm_struct *area;
	size_t offset;

	if (!size)
		return -EINVAL;
	area = is_vmalloc_addr(virt) ? find_vm_area(virt) : NULL;
	/* vmap_pfn() sets the flag too, but no physical address. */
	if (!area || !(area->flags & VM_IOREMAP) || !area->phys_addr)
		return -ENXIO;
	offset = virt - area->addr;
	/* A page of the area is not mapped, and guards its end. */
	if (offset >= get_vm_area_size(area))
		return -ENXIO;
	if (size > get_vm_area_size(area) - offset)
		return -EINVAL;
	return pci_p2pdma_find_phys(area->phys_addr + offset, size, memory);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_find_iomem);

/* The physical address that a page of a process is mapped to; nothing is faulted in. */
static int p2pdma_user_phys(struct vm_area_struct *vma, unsigned long addr,
			    bool write, phys_addr_t *phys)
{
	unsigned int flags = FOLL_PCI_P2PDMA | FOLL_NOFAULT;
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	struct page *page;
	bool writable;

	if (vma->vm_flags & (VM_IO | VM_PFNMAP)) {
		if (follow_pfnmap_start(&args))
			return -EFAULT;
		writable = args.writable;
		*phys = PFN_PHYS(args.pfn);
		follow_pfnmap_end(&args);
		return write && !writable ? -EFAULT : 0;
	}

	if (get_user_pages_remote(vma->vm_mm, addr, 1,
				  flags | (write ? FOLL_WRITE : 0), &page,
				  NULL) != 1)
		return -EFAULT;
	*phys = page_to_phys(page);
	put_page(page);
	return 0;
}

/* The same for a range, which has to be physically contiguous. */
static int p2pdma_user_range(struct mm_struct *mm, unsigned long addr,
			     size_t size, bool write, phys_addr_t *phys)
{
	unsigned long at = addr & PAGE_MASK, end = addr + size;
	struct vm_area_struct *vma = NULL;
	phys_addr_t first = 0, page;
	int ret;

	if (!size || end < addr)
		return -EINVAL;
	for (; at < end; at += PAGE_SIZE) {
		if (!vma || at >= vma->vm_end)
			vma = vma_lookup(mm, at);
		if (!vma)
			return -EFAULT;
		ret = p2pdma_user_phys(vma, at, write, &page);
		if (ret)
			return ret;
		if (at <= addr)
			first = page;
		else if (page - first != at - (addr & PAGE_MASK))
			return -EINVAL;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	*phys = first + offset_in_page(addr);
	return 0;
}

/**
 * pci_p2pdma_find_user - whose memory has a process mapped?
 * @mm: of the process; the caller holds a reference, see mmget()
 * @addr: user virtual address
 * @size: length in bytes
 * @write: the memory is going to be written on behalf of the process: its mapping must
 *	be writable
 * @memory: as for pci_p2pdma_find_phys()
 *
 * For mappings with struct pages, as those of ``p2pmem/allocate``, and without.  Page
 * tables are read as they are, and nothing is faulted in: a driver that maps its BAR page
 * by page in a fault handler has mapped what the process has accessed.
 *
 * The answer is of one moment.  The process may unmap the memory, or its exporter take it
 * back, as soon as the function returns.  A caller that goes on to use memory with
 * struct pages pins it, with %FOLL_PCI_P2PDMA; for other memory it agrees with the
 * exporter.
 *
 * Context: process; takes the mmap lock of @mm for reading.
 *
 * Return: as pci_p2pdma_find_phys(); -EFAULT if a part of the range is not mapped, or with
 * @write not writable; -EINVAL also if the range is not physically contiguous; -EINTR if
 * the caller is being killed.
 */
int pci_p2pdma_find_user(struct mm_struct *mm, unsigned long addr, size_t size,
			 bool write, struct pci_p2pdma_memory *memory)
{
	phys_addr_t phys;
	int ret;

	mmap_read_lock(mm);
	ret = p2pdma_user_range(mm, untagged_addr_remote(mm, addr), size, write,
				&phys);
	mmap_read_unlock(mm);
	return ret ?: pci_p2pdma_find_phys(phys, size, memory);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_find_user);
