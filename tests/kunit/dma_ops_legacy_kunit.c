// SPDX-License-Identifier: GPL-2.0
/*
 * Other dma_map_ops: lists with peer memory, for clients whose operations know
 * nothing of it.
 *
 * Every list goes through fabric_sg_map(), which has the oracle walk each address
 * that a mapping returns, and the mock operations compare what is unmapped with
 * what was mapped.  "Defect N" is a defect of the plain 6.12 kernel that must not
 * come back.  Needs CONFIG_ARCH_HAS_DMA_OPS.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/sizes.h>

#include "fabric_common.h"
#include "mock_cache.h"
#include "mock_ops.h"
#include "oracle.h"

/* Nothing is mapped any more; and which operation was called how often. */
static void expect_calls(struct kunit *test, const struct mixed_list *list,
			 void *data)
{
	struct mock_ops *mock = data;
	bool ram_alone = list->of[MIXED_RAM] == list->count;
	int ram = list->of[MIXED_RAM];

	KUNIT_EXPECT_EQ_MSG(test, 0, mock->live, "list %#x", list->what);
	KUNIT_EXPECT_EQ_MSG(test, ram_alone, mock->calls[MOCK_MAP_SG],
			    "list %#x", list->what);
	KUNIT_EXPECT_EQ_MSG(test, 0, mock->calls[MOCK_MAP_RESOURCE],
			    "list %#x", list->what);
	KUNIT_EXPECT_EQ_MSG(test, mock->calls[MOCK_MAP_PAGE],
			    mock->calls[MOCK_UNMAP_PAGE], "list %#x",
			    list->what);
	if (!list->error && !ram_alone) {
		KUNIT_EXPECT_EQ_MSG(test, list->nents, list->count,
				    "list %#x", list->what);
		KUNIT_EXPECT_EQ_MSG(test, mock->calls[MOCK_MAP_PAGE], ram,
				    "list %#x", list->what);
		/* For the CPU and for the device. */
		KUNIT_EXPECT_EQ_MSG(test, mock->calls[MOCK_SYNC_SINGLE],
				    2 * ram, "list %#x", list->what);
	}
	mock_ops_forget_calls(mock);
}

static void expect_unmapped(struct kunit *test, const struct mixed_list *list,
			    void *data)
{
	struct mock_ops *mock = data;

	KUNIT_EXPECT_EQ_MSG(test, 0, mock->live, "list %#x of %d entries",
			    list->what, list->count);
	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_MAP_SG]);
}

/*
 * In lists bus addresses are mapped, without a call to the operations.  Every other
 * route is refused, and no operation is given peer memory.
 */
static void ops_routes(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);
	struct mock_ops *mock =
		mock_ops_install(test, fabric_dev(fabric, "client"));
	enum dma_data_direction dir;
	enum mock_ops_call call;

	KUNIT_EXPECT_TRUE(test, dma_pci_p2pdma_supported(mock->dev));
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		expect_bus(fabric, "client", "across", dir, DIRECT);
		expect_refused(fabric, "client", "beside", dir, UNMAPPABLE);
		expect_refused(fabric, "client", "far", dir, UNMAPPABLE);
	}

	/* A request that must not go across the switch has no other way. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_refused(fabric, "client", "across", DMA_BIDIRECTIONAL,
		       UNMAPPABLE);
	fabric_policy(test, "host");
	fabric_set_acs(fabric, "c", 0);
	expect_refused(fabric, "client", "across", DMA_BIDIRECTIONAL,
		       UNMAPPABLE);
	fabric_policy(test, "switch");
	expect_refused(fabric, "client", "beside", DMA_BIDIRECTIONAL,
		       POLICY_SWITCH);
	fabric_policy(test, "auto");
	fabric_cpu_listed(test, false);
	expect_refused(fabric, "client", "beside", DMA_BIDIRECTIONAL,
		       UNMAPPABLE);
	expect_bus(fabric, "client", "across", DMA_BIDIRECTIONAL, DIRECT);

	for (call = 0; call < MOCK_NR_CALLS; call++)
		KUNIT_EXPECT_EQ_MSG(test, 0, mock->calls[call], "call %d",
				    call);
}

/* The client's own memory, by its bus address. */
static void ops_own_memory(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct mock_ops *mock =
		mock_ops_install(test, fabric_dev(fabric, "client"));

	fabric_provider(fabric, "client", 0);
	expect_bus(fabric, "client", "client", DMA_BIDIRECTIONAL, SAME_FUNCTION);
	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_MAP_PAGE]);
}

/* One entry that must be refused refuses the list, whatever was mapped before it. */
static void ops_refused_at_the_end(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct mock_ops *mock = mock_ops_install(test, client);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 4);

	mixed_add(sg, MIXED_RAM, 0);
	mixed_add(sg, MIXED_ACROSS, 0);
	mixed_add(sg, MIXED_RAM, 1);
	KUNIT_EXPECT_EQ(test, 0, fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	fabric_sg_sync(sg);
	fabric_sg_unmap(sg);
	KUNIT_EXPECT_EQ(test, 2, mock->calls[MOCK_MAP_PAGE]);
	mixed_add(sg, MIXED_BESIDE, 0);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, 4, mock->calls[MOCK_MAP_PAGE]);
	KUNIT_EXPECT_EQ(test, 4, mock->calls[MOCK_UNMAP_PAGE]);
	KUNIT_EXPECT_EQ(test, 0, mock->live);
}

/* A list of RAM alone is handed over as it is.  Defect 13. */
static void ops_ram_alone(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct mock_ops *mock = mock_ops_install(test, client);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);
	int i;

	for (i = 0; i < 3; i++)
		fabric_sg_ram(sg, i, SZ_4K);
	for (i = 1; i <= 2; i++) {
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
		KUNIT_EXPECT_EQ(test, sg->table.nents, 3);
		fabric_sg_sync(sg);
		fabric_sg_unmap(sg);
		KUNIT_EXPECT_EQ(test, i, mock->calls[MOCK_MAP_SG]);
		KUNIT_EXPECT_EQ(test, i, mock->calls[MOCK_UNMAP_SG]);
		KUNIT_EXPECT_EQ(test, 2 * i, mock->calls[MOCK_SYNC_SG]);
	}
	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_MAP_PAGE]);
	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_SYNC_SINGLE]);
	KUNIT_EXPECT_EQ(test, 0, mock->live);
}

/*
 * All small lists of RAM and three providers' memory, of which one is reached.
 * Defects 5, 13 and 21.
 */
static void ops_small_lists(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mixed_small_lists(fabric, expect_calls,
			  mock_ops_install(test, fabric_dev(fabric, "client")));
}

static void ops_random_lists(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	/* The short ones at the end may be of RAM alone. */
	mixed_random_lists(fabric, 8, 1618033988, expect_calls,
			   mock_ops_install(test, fabric_dev(fabric, "client")));
}

/* Defects 5 and 21: what an earlier mapping has left behind does not matter. */
static void ops_again(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mixed_again(fabric, expect_unmapped,
		    mock_ops_install(test, fabric_dev(fabric, "client")));
}

static void ops_edges(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mixed_edges(fabric, expect_unmapped,
		    mock_ops_install(test, fabric_dev(fabric, "client")));
}

static void ops_kinds(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mixed_kinds(fabric, expect_unmapped,
		    mock_ops_install(test, fabric_dev(fabric, "client")));
}

static void ops_crossing(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mixed_crossing(fabric, expect_unmapped,
		       mock_ops_install(test, fabric_dev(fabric, "client")));
}

static void ops_providers_gone(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mixed_providers_gone(fabric, expect_unmapped,
			     mock_ops_install(test, fabric_dev(fabric, "client")));
}

/* Lengths that just fit, and sums that do not. */
static void ops_giants(struct kunit *test)
{
	struct fabric *fabric = fabric_giants(test);
	struct pci_dev *client = fabric_dev(fabric, "client");

	/* The addresses that the operations make up are not aligned. */
	dma_set_seg_boundary(&client->dev, ULONG_MAX);
	giant_lists(fabric, false, expect_unmapped,
		    mock_ops_install(test, client));
}

/*
 * A mixed list with one call that maps, or one allocation, after the other failing.
 */

static void fail_call(void *data, int step)
{
	struct mock_ops *mock = data;

	mock->fail_after = step;
}

static bool fail_no_call(void *data)
{
	struct mock_ops *mock = data;
	bool failed = mock->fail_after < 0;

	mock->fail_after = -1;
	return failed;
}

static void expect_nothing_mapped(struct kunit *test, void *data)
{
	struct mock_ops *mock = data;

	KUNIT_EXPECT_EQ(test, 0, mock->live);
}

/* The operations give no reason. */
static int no_reason(int step)
{
	return -EIO;
}

static void ops_map_fails(struct kunit *test)
{
	static const struct fabric_failing failing = {
		.arm = fail_call,
		.disarm = fail_no_call,
		.settled = expect_nothing_mapped,
	};
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct mock_ops *mock = mock_ops_install(test, client);
	struct fabric_sg *sg = mixed_six(fabric);
	enum dma_data_direction dir;

	/* One for each entry of RAM. */
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++)
		KUNIT_EXPECT_EQ(test, 4,
				fabric_fail_steps(sg, client, dir, &failing,
						  no_reason, mock));
}

static void ops_allocation_fails(struct kunit *test)
{
	static const int errors[] = { -EIO, 0 };
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct mock_ops *mock = mock_ops_install(test, client);

	KUNIT_EXPECT_GE(test,
			fabric_fail_allocations(mixed_six(fabric), client,
						errors, expect_nothing_mapped,
						mock),
			4);
}

/* In a guest these operations count as translating: no bus address is used. */
static void ops_guest(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mock_ops_install(test, fabric_dev(fabric, "client"));
	fabric_guest(test, true);
	expect_refused(fabric, "client", "across", DMA_BIDIRECTIONAL,
		       UNMAPPABLE);
}

static struct kunit_case dma_ops_legacy_cases[] = {
	KUNIT_CASE(ops_routes),
	KUNIT_CASE(ops_own_memory),
	KUNIT_CASE(ops_refused_at_the_end),
	KUNIT_CASE(ops_ram_alone),
	KUNIT_CASE_SLOW(ops_small_lists),
	KUNIT_CASE_SLOW(ops_random_lists),
	KUNIT_CASE(ops_again),
	KUNIT_CASE(ops_edges),
	KUNIT_CASE(ops_kinds),
	KUNIT_CASE(ops_crossing),
	KUNIT_CASE(ops_providers_gone),
	KUNIT_CASE(ops_giants),
	KUNIT_CASE(ops_map_fails),
	KUNIT_CASE(ops_allocation_fails),
	KUNIT_CASE(ops_guest),
	{}
};

static struct kunit_suite dma_ops_legacy_suite = {
	.name = "dma_ops_legacy",
	.test_cases = dma_ops_legacy_cases,
};

/*
 * Defect 11: the same for clients that are not coherent.  The operations look after
 * RAM themselves, and of peer memory nothing may be synchronised: see mock_cache.h.
 */
static struct kunit_case dma_ops_legacy_not_coherent_cases[] = {
	KUNIT_CASE(ops_routes),
	KUNIT_CASE_SLOW(ops_random_lists),
	KUNIT_CASE(ops_providers_gone),
	{}
};

static struct kunit_suite dma_ops_legacy_not_coherent_suite = {
	.name = "dma_ops_legacy_not_coherent",
	.init = mock_cache_not_coherent,
	.test_cases = dma_ops_legacy_not_coherent_cases,
};

kunit_test_suites(&dma_ops_legacy_suite, &dma_ops_legacy_not_coherent_suite);
