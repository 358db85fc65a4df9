/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fence: keeps the helpers of scatterlists from treating peer memory as RAM.
 *
 * <linux/scatterlist.h> includes this in its middle.  The structures of lists and
 * iterators need only be declared here.
 */
#ifndef _LINUX_P2PDMA_FENCE_H
#define _LINUX_P2PDMA_FENCE_H

#include <linux/instruction_pointer.h>
#include <linux/jump_label.h>
#include <linux/string.h>
#include <linux/types.h>

struct page;
struct scatterlist;
struct sg_mapping_iter;

#ifdef CONFIG_PCI_P2PDMA_CORE
DECLARE_STATIC_KEY_FALSE(pci_p2pdma_key);

/**
 * pci_p2pdma_in_use - has there ever been a provider?
 *
 * Once true, it stays true: an address that was mapped while there was a provider
 * may still have to be unmapped after the last provider has gone.
 *
 * Return: true if a provider has been registered since boot.
 */
static inline bool pci_p2pdma_in_use(void)
{
	return static_branch_unlikely(&pci_p2pdma_key);
}
#else /* CONFIG_PCI_P2PDMA_CORE */
static inline bool pci_p2pdma_in_use(void)
{
	return false;
}
#endif /* CONFIG_PCI_P2PDMA_CORE */

/*
 * Declared without CONFIG_PCI_P2PDMA_CORE too: pci_p2pdma_in_use() is then constant false,
 * and the compiler drops the calls.
 */
void __pci_p2pdma_copy_from_page(void *to, const void *from, size_t len,
				 struct page *page);
void __pci_p2pdma_copy_to_page(void *to, const void *from, size_t len,
			       struct page *page);
void __pci_p2pdma_zero_page(void *to, size_t len, struct page *page);
bool __pci_p2pdma_miter_stops(struct sg_mapping_iter *miter,
			      unsigned long caller);
void __pci_p2pdma_check_virt(struct scatterlist *sg);

/**
 * pci_p2pdma_copy_from_page - memcpy() from a page that may be peer memory
 * @to: RAM
 * @from: kernel address inside @page
 * @len: bytes, to the end of @page at most
 * @page: has a kernel mapping
 *
 * Context: any.
 */
static inline void pci_p2pdma_copy_from_page(void *to, const void *from,
					     size_t len, struct page *page)
{
	if (pci_p2pdma_in_use())
		__pci_p2pdma_copy_from_page(to, from, len, page);
	else
		memcpy(to, from, len);
}

/**
 * pci_p2pdma_copy_to_page - memcpy() to a page that may be peer memory
 * @to: kernel address inside @page
 * @from: RAM
 * @len: bytes, to the end of @page at most
 * @page: has a kernel mapping
 *
 * Context: any.
 */
static inline void pci_p2pdma_copy_to_page(void *to, const void *from,
					   size_t len, struct page *page)
{
	if (pci_p2pdma_in_use())
		__pci_p2pdma_copy_to_page(to, from, len, page);
	else
		memcpy(to, from, len);
}

/**
 * pci_p2pdma_zero_page - fill a part of a page that may be peer memory with zeros
 * @to: kernel address inside @page
 * @len: bytes, to the end of @page at most
 * @page: has a kernel mapping
 *
 * Context: any.
 */
static inline void pci_p2pdma_zero_page(void *to, size_t len,
					struct page *page)
{
	if (pci_p2pdma_in_use())
		__pci_p2pdma_zero_page(to, len, page);
	else
		memset(to, 0, len);
}

/**
 * pci_p2pdma_miter_stops - must a mapping iterator end before its next page?
 * @miter: the iterator, at a page that it has not mapped yet
 *
 * An iterator without %SG_MITER_P2PDMA ends at any peer memory, and its user is
 * named in a warning.  An iterator with that flag ends only at peer memory that has
 * no kernel mapping.
 *
 * Context: any.
 *
 * Return: true if the iteration must end here.
 */
static __always_inline bool pci_p2pdma_miter_stops(struct sg_mapping_iter *miter)
{
	return pci_p2pdma_in_use() && __pci_p2pdma_miter_stops(miter, _RET_IP_);
}

/**
 * pci_p2pdma_check_virt - warn once about a caller that takes the address of peer
 *	memory
 * @sg: list entry whose kernel address is taken
 *
 * Does something only with CONFIG_DEBUG_SG.  The static key is tested out of line:
 * sg_virt() is inlined into modules of any licence, and the key is exported to GPL
 * modules only.
 *
 * Context: any.
 */
static inline void pci_p2pdma_check_virt(struct scatterlist *sg)
{
	if (IS_ENABLED(CONFIG_PCI_P2PDMA_CORE) && IS_ENABLED(CONFIG_DEBUG_SG))
		__pci_p2pdma_check_virt(sg);
}

#endif /* _LINUX_P2PDMA_FENCE_H */
