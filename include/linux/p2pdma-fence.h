/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where peer memory must not be taken for RAM: by the CPU, and in block queues.
 *
 * <linux/scatterlist.h> includes this in its middle, so that all that is needed
 * of other types here is their names.
 */
#ifndef _LINUX_P2PDMA_FENCE_H
#define _LINUX_P2PDMA_FENCE_H

#include <linux/instruction_pointer.h>
#include <linux/jump_label.h>
#include <linux/string.h>
#include <linux/types.h>

struct bio;
struct block_device;
struct mddev;
struct page;
struct queue_limits;
struct scatterlist;
struct sg_mapping_iter;

#ifdef CONFIG_PCI_P2PDMA
DECLARE_STATIC_KEY_FALSE(pci_p2pdma_key);

/**
 * pci_p2pdma_in_use - has there ever been a provider?
 *
 * Never turns false again: what was mapped when there was one may still have to
 * be unmapped.
 *
 * Return: true if there has.
 */
static inline bool pci_p2pdma_in_use(void)
{
	return static_branch_unlikely(&pci_p2pdma_key);
}
#else /* CONFIG_PCI_P2PDMA */
static inline bool pci_p2pdma_in_use(void)
{
	return false;
}
#endif /* CONFIG_PCI_P2PDMA */

/* Calls to these vanish without CONFIG_PCI_P2PDMA. */
void __pci_p2pdma_copy_from_page(void *to, const void *from, size_t len,
				 struct page *page);
void __pci_p2pdma_copy_to_page(void *to, const void *from, size_t len,
			       struct page *page);
void __pci_p2pdma_zero_page(void *to, size_t len, struct page *page);
bool __pci_p2pdma_miter_stops(struct sg_mapping_iter *miter,
			      unsigned long caller);
void __pci_p2pdma_check_virt(struct scatterlist *sg);
bool __pci_p2pdma_bio_has_peer(struct bio *bio);
bool __pci_p2pdma_bio_refused(struct bio *bio);
bool pci_p2pdma_bio_reached(struct bio *bio, struct block_device *bdev);
bool __md_p2pdma_refused(struct mddev *mddev, struct bio *bio);
void __md_p2pdma_limits(struct mddev *mddev, struct queue_limits *lim);
bool pci_p2pdma_bdev_is_pci(struct block_device *bdev);

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
 * pci_p2pdma_zero_page - fill with zeros in a page that may be peer memory
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
 * pci_p2pdma_miter_stops - may a mapping iterator not hand out its next page?
 * @miter: the iterator, at a page that it has not mapped yet
 *
 * With %SG_MITER_P2PDMA peer memory may be handed out if it has a kernel mapping,
 * without that flag never, and the caller is warned.
 *
 * Context: any.
 *
 * Return: true if iteration ends here.
 */
static __always_inline bool pci_p2pdma_miter_stops(struct sg_mapping_iter *miter)
{
	return pci_p2pdma_in_use() && __pci_p2pdma_miter_stops(miter, _RET_IP_);
}

/**
 * pci_p2pdma_check_virt - warn once who takes the address of peer memory
 * @sg: list entry whose address is taken
 *
 * For debug builds.  Any module may call sg_virt(), so the key is not looked at
 * inline.
 *
 * Context: any.
 */
static inline void pci_p2pdma_check_virt(struct scatterlist *sg)
{
	if (IS_ENABLED(CONFIG_PCI_P2PDMA) && IS_ENABLED(CONFIG_DEBUG_SG))
		__pci_p2pdma_check_virt(sg);
}

/**
 * pci_p2pdma_bio_has_peer - does a bio hold peer memory?
 * @bio: the bio
 *
 * Costs a subtraction and two comparisons for each segment of RAM, and nothing on
 * a machine that never had a provider.
 *
 * Context: any.
 *
 * Return: true if any part of its data is peer memory.
 */
static inline bool pci_p2pdma_bio_has_peer(struct bio *bio)
{
	return pci_p2pdma_in_use() && __pci_p2pdma_bio_has_peer(bio);
}

/**
 * pci_p2pdma_bio_refused - does a bio hold peer memory that its queue does not take?
 * @bio: the bio, with its block device set
 *
 * Context: any.
 *
 * Return: true if it has to fail with BLK_STS_TARGET.
 */
static inline bool pci_p2pdma_bio_refused(struct bio *bio)
{
	return pci_p2pdma_in_use() && __pci_p2pdma_bio_refused(bio);
}

/**
 * md_p2pdma_refused - end a bio with peer memory that a member does not reach
 * @mddev: an array that keeps the same data on several members
 * @bio: a bio for it
 *
 * Context: any.
 *
 * Return: true if the bio has been ended.
 */
static inline bool md_p2pdma_refused(struct mddev *mddev, struct bio *bio)
{
	return pci_p2pdma_bio_has_peer(bio) && __md_p2pdma_refused(mddev, bio);
}

/**
 * md_p2pdma_limits - take back that an array takes peer memory, if it does not
 * @mddev: an array that keeps the same data on several members
 * @lim: its limits
 *
 * Nothing is known of how a member reaches peer memory that is not itself the disk
 * of a PCI function, as one that is stacked.
 *
 * Context: process; the array's members stay.
 */
static inline void md_p2pdma_limits(struct mddev *mddev,
				    struct queue_limits *lim)
{
	if (IS_ENABLED(CONFIG_PCI_P2PDMA))
		__md_p2pdma_limits(mddev, lim);
}

#endif /* _LINUX_P2PDMA_FENCE_H */
