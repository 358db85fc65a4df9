// SPDX-License-Identifier: GPL-2.0
/*
 * User mappings of peer memory without struct pages, in units as large as possible.
 *
 * A mapping is filled by faults: with entries of page tables that map 2 MiB or 1 GiB where
 * virtual and physical address are aligned to that, and with pages elsewhere.  No entry
 * holds a reference to memory, as there are no struct pages that could be counted.  So
 * whoever offers the mapping has to take it away before the memory goes.  What is done
 * here is that no new entry appears afterwards.
 *
 * Memory with struct pages is not mapped this way.  Each of its pages is counted, and in
 * this kernel an entry for 2 MiB of such memory takes no reference.
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pci.h>
#include <linux/pfn_t.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/slab.h>

#include "p2pdma.h"

/**
 * struct p2pdma_mapping - what a user mapping shows
 * @refs: one for each VMA, of which there are several after a fork or a split
 * @pgoff: page of the file at which the memory begins
 * @memory: the memory, with a reference to its provider
 */
struct p2pdma_mapping {
	refcount_t refs;
	pgoff_t pgoff;
	struct pci_p2pdma_memory memory;
};

static void p2pdma_mapping_open(struct vm_area_struct *vma)
{
	struct p2pdma_mapping *mapping = vma->vm_private_data;

	refcount_inc(&mapping->refs);
}

static void p2pdma_mapping_close(struct vm_area_struct *vma)
{
	struct p2pdma_mapping *mapping = vma->vm_private_data;

	if (!refcount_dec_and_test(&mapping->refs))
		return;
	pci_p2pdma_put_memory(&mapping->memory);
	kfree(mapping);
}

/**
 * p2pdma_fault - map a unit of memory without struct pages for user space
 * @vmf: the fault
 * @order: the unit, as of &vm_operations_struct.huge_fault; 0 for a page
 * @phys: CPU physical address of the memory that the mapping shows
 * @pgoff: page of the file at which that memory begins
 *
 * Context: in a fault; the caller makes sure that the memory is not taken back meanwhile.
 *
 * Return: what a fault returns; VM_FAULT_FALLBACK if a unit of this size does not fit.
 */
vm_fault_t p2pdma_fault(struct vm_fault *vmf, unsigned int order,
			phys_addr_t phys, pgoff_t pgoff)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	unsigned long pfn;

	if (addr < vma->vm_start || PAGE_SIZE << order > vma->vm_end - addr)
		return VM_FAULT_FALLBACK;
	pfn = PHYS_PFN(phys) + linear_page_index(vma, addr) - pgoff;
	if (!IS_ALIGNED(pfn, 1UL << order))
		return VM_FAULT_FALLBACK;

	switch (order) {
	case 0:
		return vmf_insert_pfn(vma, addr, pfn);
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	case PMD_ORDER:
		return vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV),
					  false);
#endif
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	case PUD_ORDER:
		return vmf_insert_pfn_pud(vmf, __pfn_to_pfn_t(pfn, PFN_DEV),
					  false);
#endif
	default:
		return VM_FAULT_FALLBACK;
	}
}

static vm_fault_t p2pdma_mapping_huge_fault(struct vm_fault *vmf,
					    unsigned int order)
{
	struct p2pdma_mapping *mapping = vmf->vma->vm_private_data;
	struct p2pdma_mem *mem = to_p2pdma_mem(mapping->memory.provider);

	/* No entry is made any more when p2pdma_begin_drain() has returned. */
	guard(rwsem_read)(&p2pdma_of_mem(mem)->faults);
	if (atomic_read(&mem->going))
		return VM_FAULT_SIGBUS;
	return p2pdma_fault(vmf, order, mapping->memory.phys, mapping->pgoff);
}

static vm_fault_t p2pdma_mapping_fault(struct vm_fault *vmf)
{
	return p2pdma_mapping_huge_fault(vmf, 0);
}

static const struct vm_operations_struct p2pdma_mapping_ops = {
	.open = p2pdma_mapping_open,
	.close = p2pdma_mapping_close,
	.fault = p2pdma_mapping_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = p2pdma_mapping_huge_fault,
#endif
};

/* A range of a provider, and whether any of it has struct pages. */
struct p2pdma_paged {
	const struct p2pdma_provider *provider;
	phys_addr_t start;
	phys_addr_t last;
	bool found;
};

static void p2pdma_paged_range(const struct p2pdma_range *range, void *data)
{
	struct p2pdma_paged *paged = data;

	if (range->provider == paged->provider &&
	    range->start <= paged->last && range->last >= paged->start &&
	    container_of(range, struct p2pdma_part, range)->pages.addr)
		paged->found = true;
}

/**
 * pci_p2pdma_mmap - map a part of a BAR for user space
 * @pdev: the function
 * @bar: number of the BAR
 * @offset: bytes from the start of the BAR, a multiple of the page size
 * @vma: the mapping, which is shared; all of it is filled, from @offset on
 *
 * For the mmap operation of a driver whose memory has no struct pages.  The memory must
 * be registered, with pcim_p2pdma_init().  Nothing is mapped before it is accessed.  Then
 * as much is mapped at once as the alignment of @offset, of the BAR and of the virtual
 * address allows: a driver sets thp_get_unmapped_area() in its file operations to get
 * virtual addresses that are aligned as the offsets in its file are.
 *
 * @vma->vm_page_prot is taken as it is, so that the caller sets pgprot_noncached() or
 * pgprot_writecombine() before.  (x86 goes by what is reserved for the memory, and takes
 * it for uncached if nothing is.)
 *
 * From when the driver of @pdev is being unbound an access to what is not mapped yet ends
 * with SIGBUS.  What has been mapped stays: the driver takes it away in its remove(),
 * with unmap_mapping_range() on the mapping of its file, before it resets the hardware.
 *
 * Context: process; with the mmap lock of @vma held for writing.
 *
 * Return: 0; -EINVAL if @vma is private, the range is not in the BAR or a part of it has
 * struct pages; -ENOMEM; an error of pci_p2pdma_find_phys().
 */
int pci_p2pdma_mmap(struct pci_dev *pdev, int bar, u64 offset,
		    struct vm_area_struct *vma)
{
	size_t size = vma->vm_end - vma->vm_start;
	struct p2pdma_paged paged = {};
	struct p2pdma_mapping *mapping;
	int ret;

	/* A private mapping would be copied into RAM when written to. */
	if (!(vma->vm_flags & VM_MAYSHARE) || !PAGE_ALIGNED(offset))
		return -EINVAL;
	if (bar < 0 || bar >= PCI_STD_NUM_BARS ||
	    !p2pdma_bar_is_memory(pdev, bar) ||
	    offset >= pci_resource_len(pdev, bar) ||
	    size > pci_resource_len(pdev, bar) - offset)
		return -EINVAL;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return -ENOMEM;
	paged.start = pci_resource_start(pdev, bar) + offset;
	paged.last = paged.start + size - 1;
	ret = pci_p2pdma_find_phys(paged.start, size, &mapping->memory);
	if (ret) {
		kfree(mapping);
		return ret;
	}
	paged.provider = mapping->memory.provider;
	p2pdma_for_each_range(p2pdma_paged_range, &paged);
	if (paged.found) {
		pci_p2pdma_put_memory(&mapping->memory);
		kfree(mapping);
		return -EINVAL;
	}

	refcount_set(&mapping->refs, 1);
	mapping->pgoff = vma->vm_pgoff;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_decrypted(vma->vm_page_prot);
	vma->vm_private_data = mapping;
	vma->vm_ops = &p2pdma_mapping_ops;
	return 0;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_mmap);
