/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peer memory in bios.
 *
 * <linux/blkdev.h> includes this.  struct bio and struct block_device need only be
 * declared here.
 */
#ifndef _LINUX_P2PDMA_BIO_H
#define _LINUX_P2PDMA_BIO_H

#include <linux/p2pdma-fence.h>
#include <linux/types.h>

struct bio;
struct block_device;

/*
 * Declared without CONFIG_PCI_P2PDMA_CORE too: pci_p2pdma_in_use() is then constant false,
 * and the compiler drops the calls.
 */
bool __pci_p2pdma_bio_has_peer(struct bio *bio);
bool __pci_p2pdma_bio_refused(struct bio *bio);
bool pci_p2pdma_bio_reached(struct bio *bio, struct block_device *bdev);
bool pci_p2pdma_bdev_is_pci(struct block_device *bdev);

/**
 * pci_p2pdma_bio_has_peer - does a bio hold peer memory?
 * @bio: the bio
 *
 * Costs a subtraction and two comparisons for each segment of RAM, and nothing on
 * a machine that has never had a provider.
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
 * Return: true if the caller must fail @bio with BLK_STS_TARGET.
 */
static inline bool pci_p2pdma_bio_refused(struct bio *bio)
{
	return pci_p2pdma_in_use() && __pci_p2pdma_bio_refused(bio);
}

#endif /* _LINUX_P2PDMA_BIO_H */
