// SPDX-License-Identifier: GPL-2.0
/*
 * Bios with peer memory, on their way into a block queue.
 *
 * A queue with BLK_FEAT_PCI_P2PDMA takes peer memory: its driver maps all data for
 * DMA, never accesses them with the CPU, and handles -EREMOTEIO.  For other queues
 * the pages of user I/O are not pinned in the first place.  A bio that the kernel
 * builds is checked here when it is submitted, to the device itself and again to each
 * member of a stacked device.
 *
 * bio_add_page() does not put peer memory into one bio with RAM or with another
 * provider's memory.  There are other ways to fill a bio, so that all segments are
 * checked, which reads the bio's own array and nothing else.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/bvec.h>
#include <linux/device.h>
#include <linux/export.h>

#include "p2pdma.h"

/* The provider of the first peer memory in a bio, or NULL. */
static struct p2pdma_provider *p2pdma_bio_provider(struct bio *bio)
{
	struct pci_p2pdma_cursor cursor = {};
	struct p2pdma_provider *provider;
	struct bvec_iter iter;
	struct bio_vec bv;

	if (!bio_has_data(bio))
		return NULL;

	bio_for_each_bvec(bv, bio, iter) {
		provider = p2pdma_touched(&cursor, bvec_phys(&bv), bv.bv_len);
		if (provider)
			return provider;
	}
	return NULL;
}

bool __pci_p2pdma_bio_has_peer(struct bio *bio)
{
	return p2pdma_bio_provider(bio);
}
EXPORT_SYMBOL_GPL(__pci_p2pdma_bio_has_peer);

bool __pci_p2pdma_bio_refused(struct bio *bio)
{
	struct p2pdma_provider *provider;

	if (blk_queue_pci_p2pdma(bdev_get_queue(bio->bi_bdev)))
		return false;
	provider = p2pdma_bio_provider(bio);
	if (!provider)
		return false;

	dev_info_ratelimited(provider->owner,
			     "%pg does not take peer memory, refused a bio with that of this device\n",
			     bio->bi_bdev);
	return true;
}

/**
 * pci_p2pdma_bdev_is_pci - is a block device the disk of a PCI function?
 * @bdev: the block device
 *
 * Context: any.
 *
 * Return: true if it is, so that its routes are known.
 */
bool pci_p2pdma_bdev_is_pci(struct block_device *bdev)
{
	struct pci_dev *pdev = p2pdma_pci_parent(disk_to_dev(bdev->bd_disk));

	pci_dev_put(pdev);
	return pdev;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_bdev_is_pci);

/**
 * pci_p2pdma_bio_reached - does a block device reach the peer memory of a bio?
 * @bio: a read or write, which need not be for that device
 * @bdev: the block device
 *
 * For stacked devices that would take the refusal by one member for its failure.  The
 * answer is a snapshot.
 *
 * Context: any.
 *
 * Return: true if it does, or if there is no peer memory in @bio; false also if
 * @bdev does not take peer memory, or is not that of a PCI function, so that nothing
 * is known of it.
 */
bool pci_p2pdma_bio_reached(struct bio *bio, struct block_device *bdev)
{
	struct p2pdma_provider *provider, *last = NULL;
	struct pci_p2pdma_cursor cursor = {};
	struct pci_p2pdma_route route;
	struct pci_dev *client;
	struct bvec_iter iter;
	struct bio_vec bv;
	bool reached;

	if (!pci_p2pdma_bio_has_peer(bio))
		return true;
	if (!blk_queue_pci_p2pdma(bdev_get_queue(bdev)))
		return false;
	client = p2pdma_pci_parent(disk_to_dev(bdev->bd_disk));
	if (!client)
		return false;

	reached = true;
	bio_for_each_bvec(bv, bio, iter) {
		provider = p2pdma_touched(&cursor, bvec_phys(&bv), bv.bv_len);
		if (!provider || provider == last)
			continue;
		p2pdma_query(provider, &client->dev,
			     op_is_write(bio_op(bio)) ? DMA_TO_DEVICE :
							DMA_FROM_DEVICE,
			     P2PDMA_QUERY_LIST, true, &route);
		reached = route.type != PCI_P2PDMA_MAP_NOT_SUPPORTED;
		if (!reached)
			break;
		last = provider;
	}
	pci_dev_put(client);
	return reached;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_bio_reached);
