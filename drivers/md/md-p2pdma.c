// SPDX-License-Identifier: GPL-2.0
/*
 * Peer memory and arrays that keep the same data on several members.
 *
 * The queue of an array takes peer memory only if the queues of all members do.  Still,
 * a member may have no route to the memory of one provider.  Its error would look like
 * a failing disk to the mirror, which would retry and then drop the member.  So the
 * routes of all members are looked up before a bio is sent to any of them, and the bio
 * fails as a whole if one has none.  If a route goes away between the look-up and the
 * mapping, the mirror handles the error as that of a failing disk.
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
		/* No bio goes to a spare or to a member that has failed. */
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
