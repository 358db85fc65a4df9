// SPDX-License-Identifier: GPL-2.0
/*
 * Peer memory and arrays that keep the same data on several members.
 *
 * All members take peer memory, or the array's queue would not, but not each of
 * them may reach that of every provider.  A mirror takes the refusal for a failure
 * of the member: it tries again, and in the end does without the member.  So routes
 * are looked at first, and the bio is refused as a whole.  Only if a route is lost
 * between that and the mapping does the mirror do what it does about errors.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/export.h>
#include <linux/rculist.h>
#include <linux/scatterlist.h>

#include "md.h"

void __md_p2pdma_limits(struct mddev *mddev, struct queue_limits *lim)
{
	struct md_rdev *rdev;

	rdev_for_each(rdev, mddev)
		if (!pci_p2pdma_bdev_is_pci(rdev->bdev))
			lim->features &= ~BLK_FEAT_PCI_P2PDMA;
}
EXPORT_SYMBOL_GPL(__md_p2pdma_limits);

static bool md_p2pdma_reached(struct mddev *mddev, struct bio *bio)
{
	struct md_rdev *rdev;
	bool reached = true;

	rcu_read_lock();
	rdev_for_each_rcu(rdev, mddev) {
		/* A spare is sent nothing, nor is what has failed. */
		if (rdev->raid_disk < 0 || test_bit(Faulty, &rdev->flags))
			continue;
		reached = pci_p2pdma_bio_reached(bio, rdev->bdev);
		if (!reached) {
			pr_info_ratelimited("md: %s: %pg does not reach the peer memory of a bio; refused\n",
					    mdname(mddev), rdev->bdev);
			break;
		}
	}
	rcu_read_unlock();
	return reached;
}

bool __md_p2pdma_refused(struct mddev *mddev, struct bio *bio)
{
	if (md_p2pdma_reached(mddev, bio))
		return false;
	bio->bi_status = BLK_STS_TARGET;
	bio_endio(bio);
	return true;
}
EXPORT_SYMBOL_GPL(__md_p2pdma_refused);
