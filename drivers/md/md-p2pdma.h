/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peer memory and arrays that keep the same data on several members.
 *
 * "md.h" includes this.
 */
#ifndef _MD_P2PDMA_H
#define _MD_P2PDMA_H

#include <linux/blkdev.h>

struct mddev;

/* Declared without CONFIG_PCI_P2PDMA_CORE too: the compiler then drops the calls. */
bool __md_p2pdma_refused(struct mddev *mddev, struct bio *bio);
void __md_p2pdma_limits(struct mddev *mddev, struct queue_limits *lim);

/**
 * md_p2pdma_refused - fail a bio whose peer memory some member does not reach
 * @mddev: an array that keeps the same data on several members
 * @bio: a bio for the array
 *
 * Context: any.
 *
 * Return: true if @bio has been ended, with BLK_STS_TARGET.
 */
static inline bool md_p2pdma_refused(struct mddev *mddev, struct bio *bio)
{
	return pci_p2pdma_bio_has_peer(bio) && __md_p2pdma_refused(mddev, bio);
}

/**
 * md_p2pdma_limits - clear BLK_FEAT_PCI_P2PDMA unless every member is a PCI disk
 * @mddev: an array that keeps the same data on several members
 * @lim: the limits that the array is about to get
 *
 * The routes of a member are known only if the member itself is the disk of a PCI
 * function.  A stacked device is not.
 *
 * Context: process; the caller keeps members from being added or removed.
 */
static inline void md_p2pdma_limits(struct mddev *mddev,
				    struct queue_limits *lim)
{
	if (IS_ENABLED(CONFIG_PCI_P2PDMA_CORE))
		__md_p2pdma_limits(mddev, lim);
}

#endif /* _MD_P2PDMA_H */
