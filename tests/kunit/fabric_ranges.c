// SPDX-License-Identifier: GPL-2.0
/*
 * Tables of DMA addresses alone: see fabric_ranges.h.
 */
#include "fabric_ranges.h"
#include "oracle.h"

/**
 * fabric_expect_table - check a table, and have the oracle walk its addresses
 * @fabric: the fabric
 * @client: the device that it was mapped for
 * @ranges: what was mapped
 * @nr_ranges: how many
 * @dir: direction of the transfer
 * @sgt: the table
 *
 * The DMA segments, one after the other, must lead to the ranges, one after the other.
 * None may be longer than the client takes, or cross its boundary, or end where the
 * next begins although it could be longer.
 */
void fabric_expect_table(struct fabric *fabric, struct pci_dev *client,
			 const struct phys_vec *ranges, size_t nr_ranges,
			 enum dma_data_direction dir, struct sg_table *sgt)
{
	unsigned int max = dma_get_max_seg_size(&client->dev);
	unsigned long mask = dma_get_seg_boundary(&client->dev);
	struct kunit *test = fabric->test;
	u64 done = 0, left, last = 0, last_len = 0;
	struct scatterlist *sg;
	size_t i, r = 0;

	if (max > PAGE_SIZE)
		max = ALIGN_DOWN(max, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, sgt->orig_nents);
	for_each_sgtable_dma_sg(sgt, sg, i) {
		u64 dma = sg_dma_address(sg), len = sg_dma_len(sg);

		KUNIT_EXPECT_NULL(test, sg_page(sg));
		KUNIT_EXPECT_EQ(test, 0, sg->length);
		KUNIT_EXPECT_GT(test, len, 0);
		KUNIT_EXPECT_LE(test, len, max);
		KUNIT_EXPECT_EQ_MSG(test, dma & ~mask, (dma + len - 1) & ~mask,
				    "%#llx bytes at %#llx cross a boundary",
				    len, dma);
		KUNIT_EXPECT_FALSE_MSG(test, i && dma == last && last_len < max &&
				       (dma & mask),
				       "segments that end and begin at %#llx are not joined",
				       dma);
		last = dma + len;
		last_len = len;

		for (; len && r < nr_ranges; len -= left, dma += left) {
			left = min(len, (u64)ranges[r].len - done);
			oracle_expect(fabric, client, dma, left, dir,
				      ranges[r].paddr + done);
			done += left;
			if (done == ranges[r].len) {
				done = 0;
				r++;
			}
		}
		KUNIT_EXPECT_EQ_MSG(test, len, 0, "more bytes than in the ranges");
	}
	KUNIT_EXPECT_EQ_MSG(test, r, nr_ranges, "fewer bytes than in the ranges");
}
