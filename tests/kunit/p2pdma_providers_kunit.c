// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the ranges of physical address that are peer memory: adding and
 * removing them, also while they are looked up, and what look-ups and cursors
 * answer at every kind of boundary.
 *
 * The ranges lie far from RAM and from everything that has a bus: nothing is
 * behind them.  Nor are their pages real: who looks at one faults, so that these
 * tests also show that nobody does.  Providers are bare structures; nothing asks
 * for routes here.  Other providers may exist, elsewhere.
 */
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"

/* Inside the vmemmap area, and nowhere near memory. */
#define FAR_AWAY	0x200000000000ULL

/*
 * Helpers
 */

/* A range, and whether it has been added. */
struct test_range {
	struct p2pdma_range range;
	bool added;
};

/* Allocate several of them, which are removed when the test ends. */
struct test_ranges {
	int count;
	struct test_range range[] __counted_by(count);
};

static int test_range_add(struct test_range *range)
{
	int ret = p2pdma_range_add(&range->range);

	range->added = !ret;
	return ret;
}

static void test_range_del(struct test_range *range)
{
	p2pdma_range_del(&range->range);
	range->added = false;
}

static void del_ranges(void *data)
{
	struct test_ranges *ranges = data;
	int i;

	for (i = 0; i < ranges->count; i++)
		if (ranges->range[i].added)
			test_range_del(&ranges->range[i]);
}

/* None of them is added yet. */
static struct test_range *make_ranges(struct kunit *test, int count)
{
	struct test_ranges *ranges;

	ranges = kunit_kzalloc(test, struct_size(ranges, range, count),
			       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ranges);
	ranges->count = count;
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, del_ranges, ranges), 0);
	return ranges->range;
}

static struct p2pdma_provider *make_providers(struct kunit *test, int count)
{
	struct p2pdma_provider *providers;

	providers = kunit_kcalloc(test, count, sizeof(*providers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, providers);
	return providers;
}

static void set_range(struct test_range *range, phys_addr_t start,
		      phys_addr_t last, struct p2pdma_provider *provider)
{
	range->range.start = start;
	range->range.last = last;
	range->range.provider = provider;
}

/* Add a range that the test does not need to name again. */
static void have_range(struct kunit *test, phys_addr_t start, phys_addr_t last,
		       struct p2pdma_provider *provider)
{
	struct test_range *range = make_ranges(test, 1);

	set_range(range, start, last, provider);
	KUNIT_ASSERT_EQ(test, test_range_add(range), 0);
}

/* Adding a range must fail; if it does not, remove it again. */
static void expect_refused(struct kunit *test, struct test_range *range,
			   phys_addr_t start, phys_addr_t last,
			   struct p2pdma_provider *provider, int error)
{
	set_range(range, start, last, provider);
	KUNIT_EXPECT_EQ_MSG(test, test_range_add(range), error,
			    "%#llx to %#llx", start, last);
	if (range->added)
		test_range_del(range);
}

static struct p2pdma_provider *provider_at(phys_addr_t phys)
{
	return pci_p2pdma_provider_of_phys(phys, 1);
}

/* The interval that holds @phys is exactly this one. */
static void expect_interval(struct kunit *test, phys_addr_t phys,
			    phys_addr_t start, phys_addr_t last,
			    struct p2pdma_provider *provider)
{
	struct pci_p2pdma_cursor cursor = {};

	__pci_p2pdma_cursor_move(&cursor, phys);
	KUNIT_EXPECT_EQ_MSG(test, cursor.start, start, "at %#llx", phys);
	KUNIT_EXPECT_EQ_MSG(test, cursor.start + cursor.size - 1, last,
			    "at %#llx", phys);
	KUNIT_EXPECT_PTR_EQ_MSG(test, cursor.provider, provider, "at %#llx",
				phys);
}

static void set_entry(struct scatterlist *sg, phys_addr_t phys,
		      unsigned int length)
{
	sg_set_page(sg, pfn_to_page(PHYS_PFN(phys)), length,
		    offset_in_page(phys));
}

/*
 * Adding and removing
 */

static void range_add_empty(struct kunit *test)
{
	struct p2pdma_provider *provider = make_providers(test, 1);
	struct test_range *range = make_ranges(test, 1);

	expect_refused(test, range, FAR_AWAY + 1, FAR_AWAY, provider, -EINVAL);
	expect_refused(test, range, FAR_AWAY, 0, provider, -EINVAL);
	expect_refused(test, range, PHYS_ADDR_MAX, FAR_AWAY, provider, -EINVAL);
	KUNIT_EXPECT_NULL(test, provider_at(FAR_AWAY));
	KUNIT_EXPECT_NULL(test, provider_at(FAR_AWAY + 1));
	KUNIT_EXPECT_NULL(test, provider_at(PHYS_ADDR_MAX));
}

static void range_add_single_byte(struct kunit *test)
{
	struct p2pdma_provider *provider = make_providers(test, 1);

	have_range(test, FAR_AWAY, FAR_AWAY, provider);
	expect_interval(test, FAR_AWAY, FAR_AWAY, FAR_AWAY, provider);
	KUNIT_EXPECT_NULL(test, provider_at(FAR_AWAY - 1));
	KUNIT_EXPECT_NULL(test, provider_at(FAR_AWAY + 1));
	KUNIT_EXPECT_PTR_EQ(test, pci_p2pdma_provider_of_phys(FAR_AWAY, 1),
			    provider);
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(FAR_AWAY, 2));
}

/* Beside a range from 0x1000 to 0x1fff. */
struct overlap_case {
	const char *name;
	u32 start, last;
	int ret;
};

static const struct overlap_case overlap_cases[] = {
	{ "the same range", 0x1000, 0x1fff, -EBUSY },
	{ "its first byte", 0x1000, 0x1000, -EBUSY },
	{ "its last byte", 0x1fff, 0x1fff, -EBUSY },
	{ "inside", 0x1400, 0x17ff, -EBUSY },
	{ "around", 0x0000, 0x2fff, -EBUSY },
	{ "around, same start", 0x1000, 0x2fff, -EBUSY },
	{ "around, same end", 0x0000, 0x1fff, -EBUSY },
	{ "into its first byte", 0x0000, 0x1000, -EBUSY },
	{ "into its middle", 0x0000, 0x17ff, -EBUSY },
	{ "from its middle", 0x1800, 0x27ff, -EBUSY },
	{ "from its last byte", 0x1fff, 0x2fff, -EBUSY },
	{ "up to it", 0x0000, 0x0fff, 0 },
	{ "the byte before it", 0x0fff, 0x0fff, 0 },
	{ "from behind it", 0x2000, 0x2fff, 0 },
	{ "the byte behind it", 0x2000, 0x2000, 0 },
	{ "some way before it", 0x0000, 0x0ffe, 0 },
	{ "some way behind it", 0x2001, 0x2fff, 0 },
};

KUNIT_ARRAY_PARAM_DESC(overlap, overlap_cases, name);

static void range_add_other_provider(struct kunit *test)
{
	const struct overlap_case *param = test->param_value;
	struct p2pdma_provider *providers = make_providers(test, 2);
	struct test_range *ranges = make_ranges(test, 3);
	phys_addr_t start = FAR_AWAY + param->start;
	phys_addr_t last = FAR_AWAY + param->last;

	have_range(test, FAR_AWAY + 0x1000, FAR_AWAY + 0x1fff, &providers[0]);
	set_range(&ranges[0], start, last, &providers[1]);
	KUNIT_EXPECT_EQ(test, test_range_add(&ranges[0]), param->ret);

	expect_interval(test, FAR_AWAY + 0x1800, FAR_AWAY + 0x1000,
			FAR_AWAY + 0x1fff, &providers[0]);
	if (!param->ret) {
		expect_interval(test, start, start, last, &providers[1]);
	} else {
		/* No address of the refused range belongs to its provider. */
		KUNIT_EXPECT_PTR_NE(test, provider_at(start), &providers[1]);
		KUNIT_EXPECT_PTR_NE(test, provider_at(last), &providers[1]);
	}

	/* The same with more ranges around the two. */
	set_range(&ranges[1], FAR_AWAY - 0x9000, FAR_AWAY - 0x8001,
		  &providers[1]);
	KUNIT_EXPECT_EQ(test, test_range_add(&ranges[1]), 0);
	set_range(&ranges[2], FAR_AWAY + 0x8000, FAR_AWAY + 0x8fff,
		  &providers[1]);
	KUNIT_EXPECT_EQ(test, test_range_add(&ranges[2]), 0);
	if (ranges[0].added)
		test_range_del(&ranges[0]);
	KUNIT_EXPECT_EQ(test, test_range_add(&ranges[0]), param->ret);
	expect_interval(test, FAR_AWAY + 0x1800, FAR_AWAY + 0x1000,
			FAR_AWAY + 0x1fff, &providers[0]);
}

/* A range may overlap any of several ranges, not just the nearest. */
static void range_add_over_several(struct kunit *test)
{
	struct p2pdma_provider *providers = make_providers(test, 2);
	struct test_range *range = make_ranges(test, 1);
	int i;

	/* Own memory to both sides, and other memory in the middle. */
	for (i = 0; i < 5; i++)
		have_range(test, FAR_AWAY + 0x2000 * i,
			   FAR_AWAY + 0x2000 * i + 0xfff, &providers[i == 2]);
	expect_refused(test, range, FAR_AWAY, FAR_AWAY + 0x8fff, &providers[0],
		       -EBUSY);
	expect_refused(test, range, FAR_AWAY + 0x4fff, FAR_AWAY + 0x4fff,
		       &providers[0], -EBUSY);
	expect_interval(test, FAR_AWAY + 0x4000, FAR_AWAY + 0x4000,
			FAR_AWAY + 0x4fff, &providers[1]);
	KUNIT_EXPECT_NULL(test, provider_at(FAR_AWAY + 0x1000));

	set_range(range, FAR_AWAY + 0x5000, FAR_AWAY + 0x8fff, &providers[0]);
	KUNIT_EXPECT_EQ(test, test_range_add(range), 0);
	expect_interval(test, FAR_AWAY + 0x5800, FAR_AWAY + 0x5000,
			FAR_AWAY + 0x8fff, &providers[0]);
}

/* Two ranges of one provider. */
struct join_case {
	const char *name;
	u32 start[2], last[2];
	bool joined;
};

static const struct join_case join_cases[] = {
	{ "adjacent", { 0x1000, 0x2000 }, { 0x1fff, 0x2fff }, true },
	{ "adjacent, one byte", { 0x1000, 0x2000 }, { 0x1fff, 0x2000 }, true },
	{ "overlapping", { 0x1000, 0x1800 }, { 0x1fff, 0x27ff }, true },
	{ "overlapping by a byte", { 0x1000, 0x1fff }, { 0x1fff, 0x2fff }, true },
	{ "nested", { 0x1000, 0x1400 }, { 0x1fff, 0x17ff }, true },
	{ "nested, same start", { 0x1000, 0x1000 }, { 0x1fff, 0x17ff }, true },
	{ "nested, same end", { 0x1000, 0x1800 }, { 0x1fff, 0x1fff }, true },
	{ "the same twice", { 0x1000, 0x1000 }, { 0x1fff, 0x1fff }, true },
	{ "a byte apart", { 0x1000, 0x2001 }, { 0x1fff, 0x2fff }, false },
	{ "apart", { 0x1000, 0x9000 }, { 0x1fff, 0x9fff }, false },
};

KUNIT_ARRAY_PARAM_DESC(join, join_cases, name);

static void expect_joined(struct kunit *test, const struct join_case *param,
			  struct p2pdma_provider *provider)
{
	int i;

	for (i = 0; i < 2; i++) {
		phys_addr_t start = FAR_AWAY + param->start[i];
		phys_addr_t last = FAR_AWAY + param->last[i];
		phys_addr_t joined_start =
			FAR_AWAY + min(param->start[0], param->start[1]);
		phys_addr_t joined_last =
			FAR_AWAY + max(param->last[0], param->last[1]);

		if (!param->joined) {
			joined_start = start;
			joined_last = last;
		}
		expect_interval(test, start, joined_start, joined_last,
				provider);
		expect_interval(test, last, joined_start, joined_last,
				provider);
	}
}

static void range_add_same_provider(struct kunit *test)
{
	const struct join_case *param = test->param_value;
	struct p2pdma_provider *provider = make_providers(test, 1);
	struct test_range *ranges = make_ranges(test, 2);
	int first;

	for (first = 0; first < 2; first++) {
		struct test_range *stays = &ranges[!first];
		int i;

		for (i = 0; i < 2; i++)
			set_range(&ranges[i], FAR_AWAY + param->start[i],
				  FAR_AWAY + param->last[i], provider);
		KUNIT_ASSERT_EQ(test, test_range_add(&ranges[first]), 0);
		KUNIT_ASSERT_EQ(test, test_range_add(stays), 0);
		expect_joined(test, param, provider);

		/*
		 * After one range is removed the other is an interval by itself.
		 */
		test_range_del(&ranges[first]);
		expect_interval(test, stays->range.start, stays->range.start,
				stays->range.last, provider);
		KUNIT_ASSERT_EQ(test, test_range_add(&ranges[first]), 0);
		expect_joined(test, param, provider);

		test_range_del(stays);
		test_range_del(&ranges[first]);
		KUNIT_EXPECT_NULL(test, provider_at(stays->range.start));
		KUNIT_EXPECT_NULL(test, provider_at(stays->range.last));
	}
}

/* Many pieces, added in no order, are one interval; it falls apart again. */
static void range_add_pieces(struct kunit *test)
{
	static const int order[] = { 3, 0, 6, 1, 5, 2, 4 };
	struct p2pdma_provider *provider = make_providers(test, 1);
	struct test_range *ranges = make_ranges(test, ARRAY_SIZE(order));
	int i;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		set_range(&ranges[i], FAR_AWAY + 0x1000 * order[i],
			  FAR_AWAY + 0x1000 * order[i] + 0xfff, provider);
		KUNIT_ASSERT_EQ(test, test_range_add(&ranges[i]), 0);
	}
	expect_interval(test, FAR_AWAY + 0x3456, FAR_AWAY, FAR_AWAY + 0x6fff,
			provider);
	KUNIT_EXPECT_PTR_EQ(test, pci_p2pdma_provider_of_phys(FAR_AWAY, 0x7000),
			    provider);

	test_range_del(&ranges[0]);
	expect_interval(test, FAR_AWAY, FAR_AWAY, FAR_AWAY + 0x2fff, provider);
	expect_interval(test, FAR_AWAY + 0x3456, FAR_AWAY + 0x3000,
			FAR_AWAY + 0x3fff, NULL);
	expect_interval(test, FAR_AWAY + 0x6fff, FAR_AWAY + 0x4000,
			FAR_AWAY + 0x6fff, provider);
}

/* Ranges of two providers that touch stay apart. */
static void range_add_providers_adjacent(struct kunit *test)
{
	struct p2pdma_provider *providers = make_providers(test, 2);

	have_range(test, FAR_AWAY + 0x1000, FAR_AWAY + 0x1fff, &providers[1]);
	have_range(test, FAR_AWAY, FAR_AWAY + 0xfff, &providers[0]);
	have_range(test, FAR_AWAY + 0x2000, FAR_AWAY + 0x2fff, &providers[0]);
	expect_interval(test, FAR_AWAY + 0xfff, FAR_AWAY, FAR_AWAY + 0xfff,
			&providers[0]);
	expect_interval(test, FAR_AWAY + 0x1000, FAR_AWAY + 0x1000,
			FAR_AWAY + 0x1fff, &providers[1]);
	expect_interval(test, FAR_AWAY + 0x2000, FAR_AWAY + 0x2000,
			FAR_AWAY + 0x2fff, &providers[0]);
}

static void range_add_again_after_removal(struct kunit *test)
{
	struct p2pdma_provider *providers = make_providers(test, 2);
	struct test_range *ranges = make_ranges(test, 2);
	int i;

	for (i = 0; i < 4; i++) {
		struct test_range *range = &ranges[i % 2];

		/* Another provider may have the range that one has left. */
		set_range(range, FAR_AWAY, FAR_AWAY + 0xfff, &providers[i % 2]);
		KUNIT_ASSERT_EQ(test, test_range_add(range), 0);
		KUNIT_EXPECT_PTR_EQ(test, provider_at(FAR_AWAY),
				    &providers[i % 2]);
		test_range_del(range);
		KUNIT_EXPECT_NULL(test, provider_at(FAR_AWAY));
	}
	/* Peer memory may still be mapped, so that this stays true. */
	KUNIT_EXPECT_TRUE(test, pci_p2pdma_in_use());
}

/*
 * The ends of the address space
 */

static void range_at_address_zero(struct kunit *test)
{
	struct p2pdma_provider *providers = make_providers(test, 2);
	struct test_range *range = make_ranges(test, 1);
	struct pci_p2pdma_cursor cursor = {};

	/* One byte, so as not to claim RAM that is in use. */
	have_range(test, 0, 0, &providers[0]);
	expect_interval(test, 0, 0, 0, &providers[0]);
	KUNIT_EXPECT_NULL(test, provider_at(1));
	KUNIT_EXPECT_NULL(test, provider_at(PHYS_ADDR_MAX));
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(0, 2));

	__pci_p2pdma_cursor_move(&cursor, 1);
	KUNIT_EXPECT_EQ(test, cursor.start, 1);
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_cursor_holds(&cursor, 0, 1));

	expect_refused(test, range, 0, 0, &providers[1], -EBUSY);
}

static void range_at_last_address(struct kunit *test)
{
	const phys_addr_t start = PHYS_ADDR_MAX - 0xfff;
	struct p2pdma_provider *providers = make_providers(test, 2);
	struct test_range *range = make_ranges(test, 1);
	struct pci_p2pdma_cursor cursor = {};

	have_range(test, start, PHYS_ADDR_MAX, &providers[0]);
	expect_interval(test, start, start, PHYS_ADDR_MAX, &providers[0]);
	expect_interval(test, PHYS_ADDR_MAX, start, PHYS_ADDR_MAX,
			&providers[0]);
	KUNIT_EXPECT_PTR_EQ(test,
			    pci_p2pdma_provider_of_phys(PHYS_ADDR_MAX, 1),
			    &providers[0]);
	KUNIT_EXPECT_PTR_EQ(test, pci_p2pdma_provider_of_phys(start, 0x1000),
			    &providers[0]);

	/* Nothing wraps round to address 0. */
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(PHYS_ADDR_MAX, 2));
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(start, 0x1001));
	KUNIT_EXPECT_NULL(test,
			  pci_p2pdma_provider_of_phys(start + 1, SIZE_MAX));
	KUNIT_EXPECT_NULL(test, provider_at(0));
	KUNIT_EXPECT_NULL(test, provider_at(start - 1));

	/* The gap below ends directly below the range. */
	__pci_p2pdma_cursor_move(&cursor, start - 1);
	KUNIT_EXPECT_NULL(test, cursor.provider);
	KUNIT_EXPECT_EQ(test, cursor.start + cursor.size, start);

	expect_refused(test, range, PHYS_ADDR_MAX, PHYS_ADDR_MAX, &providers[1],
		       -EBUSY);

	/*
	 * A nested range that ends with the last address, after which addresses
	 * wrap to 0.
	 */
	set_range(range, PHYS_ADDR_MAX - 0xff, PHYS_ADDR_MAX, &providers[0]);
	KUNIT_EXPECT_EQ(test, test_range_add(range), 0);
	expect_interval(test, PHYS_ADDR_MAX, start, PHYS_ADDR_MAX,
			&providers[0]);
	expect_interval(test, start, start, PHYS_ADDR_MAX, &providers[0]);
}

/* The gap above a range ends with the last address of all. */
static void gap_up_to_last_address(struct kunit *test)
{
	const phys_addr_t start = PHYS_ADDR_MAX - 0xffff;
	struct p2pdma_provider *provider = make_providers(test, 1);

	have_range(test, start, start + 0xfff, provider);
	expect_interval(test, start + 0x1000, start + 0x1000, PHYS_ADDR_MAX,
			NULL);
	expect_interval(test, PHYS_ADDR_MAX, start + 0x1000, PHYS_ADDR_MAX,
			NULL);
}

/*
 * Cursors
 */

static void cursor_before_first_move(struct kunit *test)
{
	struct pci_p2pdma_cursor cursor = {};

	KUNIT_EXPECT_FALSE(test, pci_p2pdma_cursor_holds(&cursor, 0, 0));
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_cursor_holds(&cursor, 0, 1));
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_cursor_holds(&cursor, FAR_AWAY, 1));
	KUNIT_EXPECT_FALSE(test,
			   pci_p2pdma_cursor_holds(&cursor, PHYS_ADDR_MAX, 1));
}

static void cursor_holds(struct kunit *test)
{
	struct pci_p2pdma_cursor cursor = {
		.start = FAR_AWAY,
		.size = 0x3000,
	};
	const struct {
		phys_addr_t phys;
		size_t size;
		bool held;
	} cases[] = {
		{ FAR_AWAY, 1, true },
		{ FAR_AWAY, 0x3000, true },
		{ FAR_AWAY, 0x3001, false },
		{ FAR_AWAY, SIZE_MAX, false },
		{ FAR_AWAY, 0, true },
		{ FAR_AWAY + 0x1000, 0x2000, true },
		{ FAR_AWAY + 0x1000, 0x2001, false },
		{ FAR_AWAY + 0x2fff, 1, true },
		{ FAR_AWAY + 0x2fff, 2, false },
		{ FAR_AWAY + 0x2fff, SIZE_MAX, false },
		{ FAR_AWAY + 0x3000, 0, false },
		{ FAR_AWAY + 0x3000, 1, false },
		{ FAR_AWAY - 1, 0, false },
		{ FAR_AWAY - 1, 1, false },
		{ FAR_AWAY - 1, 2, false },
		{ 0, 1, false },
		{ 0, SIZE_MAX, false },
		{ PHYS_ADDR_MAX, 1, false },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    pci_p2pdma_cursor_holds(&cursor,
							    cases[i].phys,
							    cases[i].size),
				    cases[i].held, "%#llx, %zu bytes",
				    cases[i].phys, cases[i].size);
}

/* From every interval to every other, and to itself. */
static void cursor_moves(struct kunit *test)
{
	struct p2pdma_provider *providers = make_providers(test, 2);
	const struct {
		phys_addr_t start, last;
		struct p2pdma_provider *provider;
	} intervals[] = {
		{ FAR_AWAY, FAR_AWAY + 0xffff, &providers[0] },
		{ FAR_AWAY + 0x10000, FAR_AWAY + 0x1ffff, &providers[1] },
		{ FAR_AWAY + 0x20000, FAR_AWAY + 0x2ffff, NULL },
		{ FAR_AWAY + 0x30000, FAR_AWAY + 0x30000, &providers[1] },
		{ FAR_AWAY + 0x30001, FAR_AWAY + 0x30001, NULL },
		{ FAR_AWAY + 0x30002, FAR_AWAY + 0x3ffff, &providers[0] },
	};
	int from, to;

	for (to = 0; to < ARRAY_SIZE(intervals); to++)
		if (intervals[to].provider)
			have_range(test, intervals[to].start,
				   intervals[to].last, intervals[to].provider);

	for (from = 0; from < ARRAY_SIZE(intervals); from++) {
		for (to = 0; to < ARRAY_SIZE(intervals); to++) {
			phys_addr_t start = intervals[to].start;
			phys_addr_t last = intervals[to].last;
			struct pci_p2pdma_cursor cursor = {};

			__pci_p2pdma_cursor_move(&cursor,
						 intervals[from].last);
			KUNIT_EXPECT_EQ(test,
					pci_p2pdma_cursor_holds(&cursor, start,
								1),
					from == to);
			KUNIT_EXPECT_EQ(test,
					pci_p2pdma_cursor_holds(&cursor, last,
								1),
					from == to);

			__pci_p2pdma_cursor_move(&cursor, start);
			KUNIT_EXPECT_EQ(test, cursor.start, start);
			KUNIT_EXPECT_EQ(test, cursor.size, last - start + 1);
			KUNIT_EXPECT_PTR_EQ(test, cursor.provider,
					    intervals[to].provider);
			KUNIT_EXPECT_TRUE(test,
					  pci_p2pdma_cursor_holds(&cursor, start,
								  last - start +
								  1));
		}
	}
}

/* A cursor answers for the interval that it holds, without a look-up. */
static void cursor_stays_while_it_holds(struct kunit *test)
{
	struct p2pdma_provider *providers = make_providers(test, 2);
	struct pci_p2pdma_cursor cursor = {
		.start = FAR_AWAY,
		.size = 0x10000,
		.provider = &providers[1],
	};
	struct pci_p2pdma_cursor before = cursor;
	struct scatterlist sg;

	have_range(test, FAR_AWAY, FAR_AWAY + 0xffff, &providers[0]);
	sg_init_table(&sg, 1);
	set_entry(&sg, FAR_AWAY + 0x8000, 0x8000);
	KUNIT_EXPECT_TRUE(test, pci_p2pdma_sg_is_peer(&cursor, &sg));
	KUNIT_EXPECT_MEMEQ(test, &cursor, &before, sizeof(cursor));

	cursor.provider = NULL;
	before = cursor;
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_sg_is_peer(&cursor, &sg));
	KUNIT_EXPECT_MEMEQ(test, &cursor, &before, sizeof(cursor));

	/* One byte beyond the interval needs a look-up. */
	set_entry(&sg, FAR_AWAY + 0x8000, 0x8001);
	KUNIT_EXPECT_TRUE(test, pci_p2pdma_sg_is_peer(&cursor, &sg));
	KUNIT_EXPECT_PTR_EQ(test, cursor.provider, &providers[0]);
}

/*
 * Segments at boundaries
 *
 *	00000	gap
 *	10000	provider A
 *	20000	provider B
 *	30000	gap
 *	40000	provider A
 *	50000	provider A, registered apart
 *	60000	gap
 */
enum segment_owner { NOBODY, BELONGS_TO_A, BELONGS_TO_B, MIXED };

struct segment_case {
	const char *name;
	u32 start, length;
	enum segment_owner owner;
};

static const struct segment_case segment_cases[] = {
	{ "RAM", 0x8000, 0x1000, NOBODY },
	{ "RAM up to A", 0xf000, 0x1000, NOBODY },
	{ "one byte of RAM before A", 0xffff, 1, NOBODY },
	{ "RAM and a byte of A", 0xf000, 0x1001, MIXED },
	{ "a byte of RAM and A", 0xffff, 0x10001, MIXED },
	{ "first byte of A", 0x10000, 1, BELONGS_TO_A },
	{ "last byte of A", 0x1ffff, 1, BELONGS_TO_A },
	{ "all of A", 0x10000, 0x10000, BELONGS_TO_A },
	{ "A and a byte of B", 0x10000, 0x10001, MIXED },
	{ "last byte of A, first of B", 0x1ffff, 2, MIXED },
	{ "first byte of B", 0x20000, 1, BELONGS_TO_B },
	{ "all of B", 0x20000, 0x10000, BELONGS_TO_B },
	{ "last byte of B", 0x2ffff, 1, BELONGS_TO_B },
	{ "all of A and B", 0x10000, 0x20000, MIXED },
	{ "B and a byte of RAM", 0x20000, 0x10001, MIXED },
	{ "last byte of B, first of RAM", 0x2ffff, 2, MIXED },
	{ "first byte of RAM between", 0x30000, 1, NOBODY },
	{ "all RAM between", 0x30000, 0x10000, NOBODY },
	{ "RAM between and a byte of A", 0x30000, 0x10001, MIXED },
	{ "RAM between, A whole, RAM beyond", 0x3f000, 0x22000, MIXED },
	{ "last byte of B to first of A", 0x2ffff, 0x10002, MIXED },
	{ "across the seam in A", 0x4f000, 0x2000, BELONGS_TO_A },
	{ "both pieces of A", 0x40000, 0x20000, BELONGS_TO_A },
	{ "both pieces of A and RAM", 0x40000, 0x20001, MIXED },
	{ "RAM beyond", 0x60000, 0x1000, NOBODY },
	{ "all of it", 0, 0x70000, MIXED },
};

KUNIT_ARRAY_PARAM_DESC(segment, segment_cases, name);

static struct p2pdma_provider *have_segment_ranges(struct kunit *test)
{
	struct p2pdma_provider *providers = make_providers(test, 2);

	have_range(test, FAR_AWAY + 0x10000, FAR_AWAY + 0x1ffff, &providers[0]);
	have_range(test, FAR_AWAY + 0x20000, FAR_AWAY + 0x2ffff, &providers[1]);
	have_range(test, FAR_AWAY + 0x40000, FAR_AWAY + 0x4ffff, &providers[0]);
	have_range(test, FAR_AWAY + 0x50000, FAR_AWAY + 0x5ffff, &providers[0]);
	return providers;
}

static void provider_of_phys_at_boundary(struct kunit *test)
{
	const struct segment_case *param = test->param_value;
	struct p2pdma_provider *providers = have_segment_ranges(test);
	struct p2pdma_provider *wanted =
		param->owner == BELONGS_TO_A ? &providers[0] :
		param->owner == BELONGS_TO_B ? &providers[1] : NULL;

	KUNIT_EXPECT_PTR_EQ(test,
			    pci_p2pdma_provider_of_phys(FAR_AWAY + param->start,
							param->length),
			    wanted);
}

/* The same answer wherever the cursor has been before. */
static void sg_is_peer_at_boundary(struct kunit *test)
{
	static const u32 before[] = {
		0x08000, 0x10000, 0x1ffff, 0x20000, 0x2ffff, 0x30000, 0x3ffff,
		0x40000, 0x50000, 0x5ffff, 0x60000,
	};
	const struct segment_case *param = test->param_value;
	struct pci_p2pdma_cursor cursor = {};
	struct scatterlist sg;
	int i;

	have_segment_ranges(test);
	sg_init_table(&sg, 1);
	set_entry(&sg, FAR_AWAY + param->start, param->length);
	KUNIT_ASSERT_EQ(test, sg_phys(&sg), FAR_AWAY + param->start);

	KUNIT_EXPECT_EQ(test, pci_p2pdma_sg_is_peer(&cursor, &sg),
			param->owner != NOBODY);
	KUNIT_EXPECT_EQ_MSG(test, pci_p2pdma_sg_is_peer(&cursor, &sg),
			    param->owner != NOBODY, "asked again");

	for (i = 0; i < ARRAY_SIZE(before); i++) {
		__pci_p2pdma_cursor_move(&cursor, FAR_AWAY + before[i]);
		KUNIT_EXPECT_EQ_MSG(test, pci_p2pdma_sg_is_peer(&cursor, &sg),
				    param->owner != NOBODY, "after %#x",
				    before[i]);
	}
	KUNIT_EXPECT_EQ(test, pci_p2pdma_sg_has_peer(&sg, 1),
			param->owner != NOBODY);
}

/*
 * Lists
 */

KUNIT_DEFINE_ACTION_WRAPPER(free_table_action, sg_free_table,
			    struct sg_table *);

#define LIST_NENTS	(2 * SG_MAX_SINGLE_ALLOC + 9)

static void sg_has_peer_in_chained_list(struct kunit *test)
{
	static const int places[] = {
		0, 1, SG_MAX_SINGLE_ALLOC - 2, SG_MAX_SINGLE_ALLOC - 1,
		SG_MAX_SINGLE_ALLOC, 2 * SG_MAX_SINGLE_ALLOC - 3,
		2 * SG_MAX_SINGLE_ALLOC - 2, LIST_NENTS - 2, LIST_NENTS - 1,
	};
	struct scatterlist **entries, *sg;
	struct sg_table *table;
	int i;

	entries = kunit_kcalloc(test, LIST_NENTS, sizeof(*entries), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, entries);
	table = kunit_kzalloc(test, sizeof(*table), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, table);
	KUNIT_ASSERT_EQ(test, sg_alloc_table(table, LIST_NENTS, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, free_table_action,
						  table), 0);
	KUNIT_ASSERT_TRUE(test,
			  sg_is_chain(table->sgl + SG_MAX_SINGLE_ALLOC - 1));

	have_segment_ranges(test);
	/* RAM below and above the peer memory, in turns. */
	for_each_sgtable_sg(table, sg, i) {
		set_entry(sg, FAR_AWAY + (i % 2 ? 0x8000 : 0x38000), 0x1000);
		entries[i] = sg;
	}
	KUNIT_EXPECT_FALSE(test,
			   pci_p2pdma_sg_has_peer(table->sgl, LIST_NENTS));
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_sg_has_peer(table->sgl, 0));

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		int place = places[i];

		sg = entries[place];
		set_entry(sg, FAR_AWAY + 0x2f000, 0x1000);
		KUNIT_EXPECT_TRUE_MSG(test,
				      pci_p2pdma_sg_has_peer(table->sgl,
							     LIST_NENTS),
				      "entry %d", place);
		KUNIT_EXPECT_TRUE_MSG(test,
				      pci_p2pdma_sg_has_peer(table->sgl,
							     place + 1),
				      "entry %d is the last", place);
		KUNIT_EXPECT_FALSE_MSG(test,
				       pci_p2pdma_sg_has_peer(table->sgl, place),
				       "entry %d is the next", place);
		KUNIT_EXPECT_TRUE_MSG(test, pci_p2pdma_sg_has_peer(sg, 1),
				      "entry %d alone", place);

		/* An entry that is peer memory only in part. */
		set_entry(sg, FAR_AWAY + 0x2ffff, 0x1000);
		KUNIT_EXPECT_TRUE_MSG(test,
				      pci_p2pdma_sg_has_peer(table->sgl,
							     LIST_NENTS),
				      "entry %d, first byte", place);
		set_entry(sg, FAR_AWAY + 0x3f001, 0x1000);
		KUNIT_EXPECT_TRUE_MSG(test,
				      pci_p2pdma_sg_has_peer(table->sgl,
							     LIST_NENTS),
				      "entry %d, last byte", place);
		set_entry(sg, FAR_AWAY + 0x30000, 0x10000);
		KUNIT_EXPECT_FALSE_MSG(test,
				       pci_p2pdma_sg_has_peer(table->sgl,
							      LIST_NENTS),
				       "entry %d, none", place);
	}
}

static void sg_has_peer_until_removal(struct kunit *test)
{
	struct p2pdma_provider *provider = make_providers(test, 1);
	struct test_range *range = make_ranges(test, 1);
	struct scatterlist sg;

	sg_init_table(&sg, 1);
	set_entry(&sg, FAR_AWAY, 0x1000);
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_sg_has_peer(&sg, 1));
	set_range(range, FAR_AWAY, FAR_AWAY + 0xfff, provider);
	KUNIT_ASSERT_EQ(test, test_range_add(range), 0);
	KUNIT_EXPECT_TRUE(test, pci_p2pdma_sg_has_peer(&sg, 1));
	test_range_del(range);
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_sg_has_peer(&sg, 1));
}

/*
 * Thousands
 */

#define MANY		2000
#define MANY_STRIDE	1237	/* has no divisor in common with MANY */
#define MANY_SPACE	0x10000

/* Every third range is adjacent to the next one. */
static phys_addr_t many_start(int i)
{
	return FAR_AWAY + (phys_addr_t)i * MANY_SPACE;
}

static phys_addr_t many_last(int i)
{
	return many_start(i) + (i % 3 ? 0x1000 * (1 + i % 5) : MANY_SPACE) - 1;
}

static void expect_many(struct kunit *test, struct test_range *ranges,
			struct p2pdma_provider *providers)
{
	int i, wrong = 0;

	for (i = 0; i < MANY; i++) {
		struct p2pdma_provider *wanted =
			ranges[i].added ? &providers[i] : NULL;
		phys_addr_t start = many_start(i), last = many_last(i);

		if (provider_at(start) != wanted ||
		    provider_at(last) != wanted ||
		    pci_p2pdma_provider_of_phys(start, last - start + 1) !=
		    wanted ||
		    pci_p2pdma_provider_of_phys(last, 2) ||
		    (i % 3 && provider_at(last + 1)))
			if (!wrong++)
				kunit_err(test, "first wrong range: %d\n", i);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_NULL(test, provider_at(FAR_AWAY - 1));
	KUNIT_EXPECT_NULL(test, provider_at(many_last(MANY - 1) + 1));
}

static void thousands_of_ranges(struct kunit *test)
{
	struct p2pdma_provider *providers = make_providers(test, MANY);
	struct test_range *ranges = make_ranges(test, MANY);
	struct test_range *extra = make_ranges(test, 1);
	int i, n, failed = 0;

	for (n = 0; n < MANY; n++) {
		i = n * MANY_STRIDE % MANY;
		set_range(&ranges[i], many_start(i), many_last(i),
			  &providers[i]);
		failed += !!test_range_add(&ranges[i]);
	}
	KUNIT_ASSERT_EQ(test, failed, 0);
	expect_many(test, ranges, providers);

	/* An overlap with any of them is refused. */
	for (i = 0; i < MANY; i += 97)
		expect_refused(test, extra, many_last(i), many_last(i),
			       &providers[(i + 1) % MANY], -EBUSY);

	/* Every tenth range is removed, in another order. */
	for (n = MANY - 1; n >= 0; n--) {
		i = n * MANY_STRIDE % MANY;
		if (i % 10 == 7)
			test_range_del(&ranges[i]);
	}
	expect_many(test, ranges, providers);

	/* They are added again. */
	for (n = 0; n < MANY; n++)
		if (!ranges[n].added)
			failed += !!test_range_add(&ranges[n]);
	KUNIT_EXPECT_EQ(test, failed, 0);
	expect_many(test, ranges, providers);
}

/*
 * Removal while looked up
 *
 *	00000	fixed provider; comes and goes
 *	10000	fixed provider
 *	20000	other provider; comes and goes
 *	30000	gap
 *	40000	fixed provider
 */
struct churn {
	struct p2pdma_provider fixed;
	struct p2pdma_provider other;
	const char *wrong;	/* the first answer that was not legal */
};

struct churn_reader {
	struct churn *churn;
	struct task_struct *task;
	unsigned long with;	/* answers while the other provider was there */
	unsigned long without;
};

#define CHURN_READERS	2
#define CHURN_CHANGES	200

static const char *churn_look(struct churn_reader *reader)
{
	struct p2pdma_provider *fixed = &reader->churn->fixed;
	struct p2pdma_provider *other = &reader->churn->other;
	struct p2pdma_provider *found;
	struct pci_p2pdma_cursor cursor = {};

	/* Ranges that stay must always be found. */
	if (provider_at(FAR_AWAY + 0x10000) != fixed ||
	    provider_at(FAR_AWAY + 0x1ffff) != fixed ||
	    provider_at(FAR_AWAY + 0x40000) != fixed)
		return "memory that stays was not there";
	if (provider_at(FAR_AWAY + 0x30000) ||
	    provider_at(FAR_AWAY + 0x50000))
		return "a gap was not one";
	if (pci_p2pdma_provider_of_phys(FAR_AWAY + 0x1ffff, 2) ||
	    pci_p2pdma_provider_of_phys(FAR_AWAY + 0x2ffff, 2))
		return "a boundary was not there";

	found = pci_p2pdma_provider_of_phys(FAR_AWAY + 0x20000, 0x10000);
	if (found && found != other)
		return "memory that comes and goes was another's";
	if (found)
		reader->with++;
	else
		reader->without++;

	found = pci_p2pdma_provider_of_phys(FAR_AWAY + 0xffff, 2);
	if (found && found != fixed)
		return "a joined range was another's";

	/* A cursor shows one of the two states, and never a mixture. */
	__pci_p2pdma_cursor_move(&cursor, FAR_AWAY + 0x28000);
	if (cursor.start != FAR_AWAY + 0x20000 ||
	    cursor.size != (cursor.provider ? 0x10000 : 0x20000) ||
	    (cursor.provider && cursor.provider != other))
		return "the cursor held a mixture";
	__pci_p2pdma_cursor_move(&cursor, FAR_AWAY + 0x18000);
	if (cursor.provider != fixed ||
	    !((cursor.start == FAR_AWAY && cursor.size == 0x20000) ||
	      (cursor.start == FAR_AWAY + 0x10000 && cursor.size == 0x10000)))
		return "the cursor held a wrong part of a joined range";
	return NULL;
}

static int churn_read(void *data)
{
	struct churn_reader *reader = data;

	while (!kthread_should_stop()) {
		const char *wrong = churn_look(reader);

		if (wrong)
			WRITE_ONCE(reader->churn->wrong, wrong);
		cond_resched();
	}
	return 0;
}

KUNIT_DEFINE_ACTION_WRAPPER(kthread_stop_action, kthread_stop,
			    struct task_struct *);

static bool churn_seen(struct churn_reader *readers)
{
	int i;

	for (i = 0; i < CHURN_READERS; i++)
		if (READ_ONCE(readers[i].with) < 100 ||
		    READ_ONCE(readers[i].without) < 100)
			return false;
	return true;
}

static void removal_while_looked_up(struct kunit *test)
{
	struct test_range *ranges = make_ranges(test, 2);
	unsigned long end = jiffies + 10 * HZ;
	struct churn_reader *readers;
	struct churn *churn;
	int i, failed = 0;

	churn = kunit_kzalloc(test, sizeof(*churn), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, churn);
	readers = kunit_kcalloc(test, CHURN_READERS, sizeof(*readers),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, readers);

	have_range(test, FAR_AWAY + 0x10000, FAR_AWAY + 0x1ffff,
		   &churn->fixed);
	have_range(test, FAR_AWAY + 0x40000, FAR_AWAY + 0x4ffff,
		   &churn->fixed);
	set_range(&ranges[0], FAR_AWAY, FAR_AWAY + 0xffff, &churn->fixed);
	set_range(&ranges[1], FAR_AWAY + 0x20000, FAR_AWAY + 0x2ffff,
		  &churn->other);

	for (i = 0; i < CHURN_READERS; i++) {
		readers[i].churn = churn;
		readers[i].task = kthread_run(churn_read, &readers[i],
					      "p2pdma-look/%d", i);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, readers[i].task);
		KUNIT_ASSERT_EQ(test,
				kunit_add_action_or_reset(test,
							  kthread_stop_action,
							  readers[i].task), 0);
	}

	/* The two ranges change in turns, so that all four states occur. */
	for (i = 0; i < CHURN_CHANGES || !churn_seen(readers); i++) {
		struct test_range *range = &ranges[i % 2];

		if (range->added)
			test_range_del(range);
		else
			failed += !!test_range_add(range);
		usleep_range(50, 100);
		if (time_after(jiffies, end))
			break;
	}

	for (i = 0; i < CHURN_READERS; i++) {
		kunit_release_action(test, kthread_stop_action,
				     readers[i].task);
		kunit_info(test, "reader %d: %lu times there, %lu times not\n",
			   i, readers[i].with, readers[i].without);
	}
	KUNIT_EXPECT_EQ(test, failed, 0);
	KUNIT_EXPECT_TRUE_MSG(test, churn_seen(readers),
			      "a reader has not seen both states");
	KUNIT_EXPECT_NULL_MSG(test, churn->wrong, "%s", churn->wrong);
}

/*
 * All providers
 */

struct walk {
	struct p2pdma_provider *providers;
	int calls[3];
	int last;
	bool out_of_order;
	struct p2pdma_provider *stop_at;
};

static bool walk_note(struct p2pdma_provider *provider, void *data)
{
	struct walk *walk = data;
	int i = provider - walk->providers;

	if (provider < walk->providers ||
	    i >= ARRAY_SIZE(walk->calls))
		return true;	/* not ours */
	if (i < walk->last)
		walk->out_of_order = true;
	walk->last = i;
	walk->calls[i]++;
	return provider != walk->stop_at;
}

static void walk_over_providers(struct kunit *test)
{
	struct p2pdma_provider *providers = make_providers(test, 3);
	struct walk walk = { .providers = providers };

	/* The one in the middle has two ranges with nothing in between. */
	have_range(test, FAR_AWAY + 0x40000, FAR_AWAY + 0x4ffff, &providers[2]);
	have_range(test, FAR_AWAY + 0x30000, FAR_AWAY + 0x3ffff, &providers[1]);
	have_range(test, FAR_AWAY, FAR_AWAY + 0xffff, &providers[0]);
	have_range(test, FAR_AWAY + 0x10000, FAR_AWAY + 0x1ffff, &providers[1]);

	KUNIT_EXPECT_TRUE(test, p2pdma_for_each_provider(walk_note, &walk));
	KUNIT_EXPECT_EQ(test, walk.calls[0], 1);
	KUNIT_EXPECT_EQ(test, walk.calls[1], 1);
	KUNIT_EXPECT_EQ(test, walk.calls[2], 1);
	KUNIT_EXPECT_FALSE(test, walk.out_of_order);

	walk = (struct walk) {
		.providers = providers,
		.stop_at = &providers[1],
	};
	KUNIT_EXPECT_FALSE(test, p2pdma_for_each_provider(walk_note, &walk));
	KUNIT_EXPECT_EQ(test, walk.calls[0], 1);
	KUNIT_EXPECT_EQ(test, walk.calls[1], 1);
	KUNIT_EXPECT_EQ(test, walk.calls[2], 0);
}

static void free_page_of_ram(void *page)
{
	__free_page(page);
}

/* A page of RAM has no provider, even if a range covers its address. */
static void provider_of_page(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_page_of_ram,
						  page));
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_page(page));
	have_range(test, page_to_phys(page), page_to_phys(page) + PAGE_SIZE - 1,
		   make_providers(test, 1));
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_page(page));
}

static struct kunit_case p2pdma_providers_cases[] = {
	KUNIT_CASE(range_add_empty),
	KUNIT_CASE(range_add_single_byte),
	KUNIT_CASE_PARAM(range_add_other_provider, overlap_gen_params),
	KUNIT_CASE(range_add_over_several),
	KUNIT_CASE_PARAM(range_add_same_provider, join_gen_params),
	KUNIT_CASE(range_add_pieces),
	KUNIT_CASE(range_add_providers_adjacent),
	KUNIT_CASE(range_add_again_after_removal),
	KUNIT_CASE(range_at_address_zero),
	KUNIT_CASE(range_at_last_address),
	KUNIT_CASE(gap_up_to_last_address),
	KUNIT_CASE(cursor_before_first_move),
	KUNIT_CASE(cursor_holds),
	KUNIT_CASE(cursor_moves),
	KUNIT_CASE(cursor_stays_while_it_holds),
	KUNIT_CASE_PARAM(provider_of_phys_at_boundary, segment_gen_params),
	KUNIT_CASE_PARAM(sg_is_peer_at_boundary, segment_gen_params),
	KUNIT_CASE(sg_has_peer_in_chained_list),
	KUNIT_CASE(sg_has_peer_until_removal),
	KUNIT_CASE_SLOW(thousands_of_ranges),
	KUNIT_CASE_SLOW(removal_while_looked_up),
	KUNIT_CASE(walk_over_providers),
	KUNIT_CASE(provider_of_page),
	{}
};

static struct kunit_suite p2pdma_providers_suite = {
	.name = "p2pdma_providers",
	.test_cases = p2pdma_providers_cases,
};

kunit_test_suite(p2pdma_providers_suite);

MODULE_DESCRIPTION("KUnit tests of the ranges of peer memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
