// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the DMA flags of scatterlist entries, and of what a failed mapping
 * leaves of a list.
 *
 * Unmap and sync know from the flags alone what each entry is.  So a mark must not
 * disturb another, must not survive a reset, and must not touch what the owner of
 * the list put there: page, offset, length, chain and end.
 *
 * The entries' pages are addresses far from RAM: nothing here may look at a page.
 */
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"

/* Inside the vmemmap area, and nowhere near memory. */
#define FAR_AWAY	0x200000000000ULL

/* A table that is chained twice. */
#define CHAINED_NENTS	(2 * SG_MAX_SINGLE_ALLOC + 7)

/* DMA fields of an earlier mapping, with all flags set, defined or not. */
#define STALE_DMA	0xdeadbeef000ULL
#define STALE_LEN	0x5a5a5a5aU
#define STALE_FLAGS	U32_MAX

KUNIT_DEFINE_ACTION_WRAPPER(range_del_action, p2pdma_range_del,
			    struct p2pdma_range *);
KUNIT_DEFINE_ACTION_WRAPPER(free_table_action, sg_free_table,
			    struct sg_table *);

/* Each entry its own page, offset and length; stale DMA fields. */
static void fill(struct scatterlist *sgl, int nents)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i) {
		sg_set_page(sg, pfn_to_page(PHYS_PFN(FAR_AWAY) + 3 * i), 16 + i,
			    8 * i);
		sg_dma_address(sg) = STALE_DMA + i;
		sg_dma_len(sg) = STALE_LEN + i;
		sg->dma_flags = STALE_FLAGS;
	}
}

/* How many entries differ from those of fill(), other than in their DMA fields. */
static int count_disturbed(struct scatterlist *sgl, int nents)
{
	struct scatterlist *sg;
	int i, count = 0;

	for_each_sg(sgl, sg, nents, i)
		if (page_to_pfn(sg_page(sg)) != PHYS_PFN(FAR_AWAY) + 3 * i ||
		    sg->length != 16 + i || sg->offset != 8 * i ||
		    !!sg_is_last(sg) != (i == nents - 1))
			count++;
	return count;
}

static int count_not_reset(struct scatterlist *sgl, int nents)
{
	struct scatterlist *sg;
	int i, count = 0;

	for_each_sg(sgl, sg, nents, i)
		if (sg_dma_address(sg) != DMA_MAPPING_ERROR || sg_dma_len(sg) ||
		    sg->dma_flags)
			count++;
	return count;
}

static struct sg_table *chained_table(struct kunit *test)
{
	struct sg_table *table;

	table = kunit_kzalloc(test, sizeof(*table), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, table);
	KUNIT_ASSERT_EQ(test,
			sg_alloc_table(table, CHAINED_NENTS, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, free_table_action,
						  table), 0);
	KUNIT_ASSERT_TRUE(test,
			  sg_is_chain(table->sgl + SG_MAX_SINGLE_ALLOC - 1));
	fill(table->sgl, CHAINED_NENTS);
	return table;
}

/* From here on the static key is on. */
static struct p2pdma_range *use_p2pdma(struct kunit *test)
{
	struct p2pdma_provider *provider;
	struct p2pdma_range *range;

	provider = kunit_kzalloc(test, sizeof(*provider), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, provider);
	range = kunit_kzalloc(test, sizeof(*range), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, range);

	range->start = FAR_AWAY;
	range->last = FAR_AWAY + SZ_1M - 1;
	range->provider = provider;
	KUNIT_ASSERT_EQ(test, p2pdma_range_add(range), 0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, range_del_action,
						  range), 0);
	return range;
}

static void key_enable(void *unused)
{
	static_branch_enable(&pci_p2pdma_key);
}

/* Before the first provider of a boot no list counts as one with peer memory. */
static void is_p2pdma_before_first_provider(struct kunit *test)
{
	struct scatterlist sg;

	use_p2pdma(test);
	sg_init_table(&sg, 1);
	sg.dma_flags = SG_DMA_P2PDMA;
	KUNIT_EXPECT_TRUE(test, sg_dma_is_p2pdma(&sg, 1));

	static_branch_disable(&pci_p2pdma_key);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, key_enable, NULL));
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_in_use());
	KUNIT_EXPECT_FALSE(test, sg_dma_is_p2pdma(&sg, 1));

	kunit_release_action(test, key_enable, NULL);
	KUNIT_EXPECT_TRUE(test, sg_dma_is_p2pdma(&sg, 1));
}

static void is_p2pdma_by_its_flag_alone(struct kunit *test)
{
	struct scatterlist sg;

	use_p2pdma(test);
	KUNIT_ASSERT_TRUE(test, pci_p2pdma_in_use());

	sg_init_table(&sg, 1);
	KUNIT_EXPECT_FALSE(test, sg_dma_is_p2pdma(&sg, 1));
	sg.dma_flags = SG_DMA_P2PDMA;
	KUNIT_EXPECT_TRUE(test, sg_dma_is_p2pdma(&sg, 1));
	/* In a list of no entries no flags may be read. */
	KUNIT_EXPECT_FALSE(test, sg_dma_is_p2pdma(&sg, 0));
	KUNIT_EXPECT_FALSE(test, sg_dma_is_p2pdma(NULL, 0));
	sg.dma_flags = ~SG_DMA_P2PDMA;
	KUNIT_EXPECT_FALSE(test, sg_dma_is_p2pdma(&sg, 1));

	/*
	 * The flag of the mapping counts, and not the page, also if that is peer
	 * memory.
	 */
	sg_set_page(&sg, pfn_to_page(PHYS_PFN(FAR_AWAY)), PAGE_SIZE, 0);
	sg.dma_flags = 0;
	KUNIT_EXPECT_FALSE(test, sg_dma_is_p2pdma(&sg, 1));
}

/* A mapped list may be unmapped after its provider has gone. */
static void is_p2pdma_after_last_provider(struct kunit *test)
{
	struct scatterlist sg;

	kunit_release_action(test, range_del_action, use_p2pdma(test));

	sg_init_table(&sg, 1);
	sg.dma_flags = SG_DMA_P2PDMA;
	KUNIT_EXPECT_TRUE(test, sg_dma_is_p2pdma(&sg, 1));
}

static void flags_are_distinct(struct kunit *test)
{
	static const unsigned int flags[] = {
		SG_DMA_BUS_ADDRESS, SG_DMA_SWIOTLB, SG_DMA_P2PDMA, SG_DMA_MMIO,
	};
	unsigned int all = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		KUNIT_EXPECT_EQ_MSG(test, hweight32(flags[i]), 1, "flag %d", i);
		KUNIT_EXPECT_EQ_MSG(test, all & flags[i], 0, "flag %d", i);
		all |= flags[i];
	}
}

/* Whatever flags are set before, each function sets its own flag and no other. */
static void marks_are_independent(struct kunit *test)
{
	unsigned int before;

	for (before = 0; before < 16; before++) {
		struct scatterlist sg;

		sg_init_table(&sg, 1);
		sg.dma_flags = before;
		KUNIT_EXPECT_EQ(test, sg_dma_is_bus_address(&sg),
				!!(before & SG_DMA_BUS_ADDRESS));
		KUNIT_EXPECT_EQ(test, sg_dma_is_swiotlb(&sg),
				!!(before & SG_DMA_SWIOTLB));

		sg_dma_mark_bus_address(&sg);
		KUNIT_EXPECT_EQ(test, sg.dma_flags,
				before | SG_DMA_BUS_ADDRESS);
		KUNIT_EXPECT_TRUE(test, sg_dma_is_bus_address(&sg));

		sg.dma_flags = before;
		sg_dma_unmark_bus_address(&sg);
		KUNIT_EXPECT_EQ(test, sg.dma_flags,
				before & ~SG_DMA_BUS_ADDRESS);
		KUNIT_EXPECT_FALSE(test, sg_dma_is_bus_address(&sg));

		sg.dma_flags = before;
		sg_dma_mark_swiotlb(&sg);
		KUNIT_EXPECT_EQ(test, sg.dma_flags, before | SG_DMA_SWIOTLB);
		KUNIT_EXPECT_TRUE(test, sg_dma_is_swiotlb(&sg));

		/* Stock 6.12 had no way to take the bounce flag off (21). */
		sg_dma_clear_flags(&sg);
		KUNIT_EXPECT_EQ(test, sg.dma_flags, 0);
		KUNIT_EXPECT_FALSE(test, sg_dma_is_swiotlb(&sg));
	}
}

static void marks_leave_the_entry_alone(struct kunit *test)
{
	struct scatterlist sgl[3], *sg;
	int i;

	sg_init_table(sgl, ARRAY_SIZE(sgl));
	fill(sgl, ARRAY_SIZE(sgl));
	for_each_sg(sgl, sg, ARRAY_SIZE(sgl), i) {
		sg_dma_clear_flags(sg);
		sg_dma_mark_bus_address(sg);
		sg_dma_mark_swiotlb(sg);
		KUNIT_EXPECT_EQ(test, sg_dma_address(sg), STALE_DMA + i);
		KUNIT_EXPECT_EQ(test, sg_dma_len(sg), STALE_LEN + i);
	}
	KUNIT_EXPECT_EQ(test, count_disturbed(sgl, ARRAY_SIZE(sgl)), 0);

	/* The neighbours keep their flags. */
	sg_dma_clear_flags(&sgl[1]);
	KUNIT_EXPECT_EQ(test, sgl[0].dma_flags,
			SG_DMA_BUS_ADDRESS | SG_DMA_SWIOTLB);
	KUNIT_EXPECT_EQ(test, sgl[1].dma_flags, 0);
	KUNIT_EXPECT_EQ(test, sgl[2].dma_flags,
			SG_DMA_BUS_ADDRESS | SG_DMA_SWIOTLB);
}

static void reset_sg_single_entry(struct kunit *test)
{
	struct scatterlist sg;

	sg_init_table(&sg, 1);
	fill(&sg, 1);
	dma_p2pdma_reset_sg(&sg, 1);
	KUNIT_EXPECT_EQ(test, sg_dma_address(&sg), DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, sg_dma_len(&sg), 0);
	KUNIT_EXPECT_EQ(test, sg.dma_flags, 0);
	KUNIT_EXPECT_EQ(test, count_disturbed(&sg, 1), 0);
}

static void reset_sg_no_entries(struct kunit *test)
{
	struct scatterlist sg;

	sg_init_table(&sg, 1);
	fill(&sg, 1);
	dma_p2pdma_reset_sg(&sg, 0);
	KUNIT_EXPECT_EQ(test, sg_dma_address(&sg), STALE_DMA);
	KUNIT_EXPECT_EQ(test, sg_dma_len(&sg), STALE_LEN);
	KUNIT_EXPECT_EQ(test, sg.dma_flags, STALE_FLAGS);
}

static void reset_sg_chained(struct kunit *test)
{
	struct sg_table *table = chained_table(test);
	struct scatterlist link = table->sgl[SG_MAX_SINGLE_ALLOC - 1];

	dma_p2pdma_reset_sg(table->sgl, CHAINED_NENTS);
	KUNIT_EXPECT_EQ(test, count_not_reset(table->sgl, CHAINED_NENTS), 0);
	KUNIT_EXPECT_EQ(test, count_disturbed(table->sgl, CHAINED_NENTS), 0);

	/* The entry that links to the next table is not changed. */
	KUNIT_EXPECT_MEMEQ(test, &table->sgl[SG_MAX_SINGLE_ALLOC - 1], &link,
			   sizeof(link));

	/* A list may be reset several times. */
	dma_p2pdma_reset_sg(table->sgl, CHAINED_NENTS);
	KUNIT_EXPECT_EQ(test, count_not_reset(table->sgl, CHAINED_NENTS), 0);
	KUNIT_EXPECT_EQ(test, count_disturbed(table->sgl, CHAINED_NENTS), 0);
}

/* Mapping the first entries of a list must not change those after them. */
static void reset_sg_part_of_a_list(struct kunit *test)
{
	static const int parts[] = {
		1, SG_MAX_SINGLE_ALLOC - 2, SG_MAX_SINGLE_ALLOC - 1,
		SG_MAX_SINGLE_ALLOC, CHAINED_NENTS - 1,
	};
	struct sg_table *table = chained_table(test);
	int i, j;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		int wrong = 0;
		struct scatterlist *sg;

		fill(table->sgl, CHAINED_NENTS);
		dma_p2pdma_reset_sg(table->sgl, parts[i]);
		KUNIT_EXPECT_EQ(test, count_not_reset(table->sgl, parts[i]), 0);
		for_each_sg(table->sgl, sg, CHAINED_NENTS, j)
			if (j >= parts[i] &&
			    (sg_dma_address(sg) != STALE_DMA + j ||
			     sg_dma_len(sg) != STALE_LEN + j ||
			     sg->dma_flags != STALE_FLAGS))
				wrong++;
		KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "after %d entries",
				    parts[i]);
		KUNIT_EXPECT_EQ(test,
				count_disturbed(table->sgl, CHAINED_NENTS), 0);
	}
}

/* Lists that a driver chained by hand, of unequal parts. */
static void reset_sg_chained_by_hand(struct kunit *test)
{
	struct scatterlist first[3], second[2], third[4];
	const int nents = 2 + 1 + 4;

	sg_init_table(first, ARRAY_SIZE(first));
	sg_init_table(second, ARRAY_SIZE(second));
	sg_init_table(third, ARRAY_SIZE(third));
	sg_chain(first, ARRAY_SIZE(first), second);
	sg_chain(second, ARRAY_SIZE(second), third);
	fill(first, nents);

	dma_p2pdma_reset_sg(first, nents);
	KUNIT_EXPECT_EQ(test, count_not_reset(first, nents), 0);
	KUNIT_EXPECT_EQ(test, count_disturbed(first, nents), 0);
	KUNIT_EXPECT_PTR_EQ(test, sg_chain_ptr(&first[2]), &second[0]);
	KUNIT_EXPECT_PTR_EQ(test, sg_chain_ptr(&second[1]), &third[0]);
}

static struct kunit_case p2pdma_sg_cases[] = {
	KUNIT_CASE(is_p2pdma_before_first_provider),
	KUNIT_CASE(is_p2pdma_by_its_flag_alone),
	KUNIT_CASE(is_p2pdma_after_last_provider),
	KUNIT_CASE(flags_are_distinct),
	KUNIT_CASE(marks_are_independent),
	KUNIT_CASE(marks_leave_the_entry_alone),
	KUNIT_CASE(reset_sg_single_entry),
	KUNIT_CASE(reset_sg_no_entries),
	KUNIT_CASE(reset_sg_chained),
	KUNIT_CASE(reset_sg_part_of_a_list),
	KUNIT_CASE(reset_sg_chained_by_hand),
	{}
};

static struct kunit_suite p2pdma_sg_suite = {
	.name = "p2pdma_sg",
	.test_cases = p2pdma_sg_cases,
};

kunit_test_suite(p2pdma_sg_suite);

MODULE_DESCRIPTION("KUnit tests of the DMA flags of scatterlists");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
