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

/* Nothing is mapped any more; and who was called how often. */
static void expect_calls(struct kunit *test, const struct mixed_list *list,
			 void *data)
{
	struct mock_ops *mock = data;
	bool ram_alone = list->of[MIXED_RAM] == list->count;
	int ram = list->of[MIXED_RAM];

	KUNIT_EXPECT_EQ_MSG(test, 0, mock->live, "list %#x", list->what);
	KUNIT_EXPECT_EQ_MSG(test, ram_alone, mock->calls[MOCK_MAP_SG],
			    "list %#x", list->what);
	KUNIT_EXPECT_EQ_MSG(test, mock->calls[MOCK_MAP_RESOURCE],
			    mock->calls[MOCK_UNMAP_RESOURCE], "list %#x",
			    list->what);
	KUNIT_EXPECT_EQ_MSG(test, mock->calls[MOCK_MAP_PAGE],
			    mock->calls[MOCK_UNMAP_PAGE], "list %#x",
			    list->what);
	if (!list->error && !ram_alone) {
		KUNIT_EXPECT_EQ_MSG(test, list->nents, list->count,
				    "list %#x", list->what);
		KUNIT_EXPECT_EQ_MSG(test, mock->calls[MOCK_MAP_RESOURCE],
				    list->of[MIXED_BESIDE] +
				    list->of[MIXED_FAR], "list %#x",
				    list->what);
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
 * Peer memory goes by its route; what goes through the bridge is a resource, and
 * nothing of it is synchronised.
 */
static void ops_routes(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);
	struct mock_ops *mock =
		mock_ops_install(test, fabric_dev(fabric, "client"), true);
	enum dma_data_direction dir;

	KUNIT_EXPECT_TRUE(test, dma_pci_p2pdma_supported(mock->dev));
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		mock_ops_forget_calls(mock);
		expect_bus(fabric, "client", "across", dir, DIRECT);
		KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_MAP_RESOURCE]);
		expect_host(fabric, "client", "beside", dir, NO_COMMON_PORT);
		/* Two entries of a list, and one piece by each of four calls. */
		KUNIT_EXPECT_EQ(test, 6, mock->calls[MOCK_MAP_RESOURCE]);
		KUNIT_EXPECT_EQ(test, 6, mock->calls[MOCK_UNMAP_RESOURCE]);
		expect_host(fabric, "client", "far", dir, NO_COMMON_PORT);
	}

	/* What translates helps a request that ACS redirects. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_host(fabric, "client", "across", DMA_BIDIRECTIONAL, ACS_REQUEST);
	fabric_policy(test, "host");
	fabric_set_acs(fabric, "c", 0);
	expect_host(fabric, "client", "across", DMA_BIDIRECTIONAL, POLICY_HOST);
	fabric_policy(test, "switch");
	expect_refused(fabric, "client", "beside", DMA_BIDIRECTIONAL,
		       POLICY_SWITCH);
	fabric_policy(test, "auto");
	fabric_cpu_listed(test, false);
	expect_refused(fabric, "client", "beside", DMA_BIDIRECTIONAL,
		       HOST_BRIDGE_UNTRUSTED);
	expect_bus(fabric, "client", "across", DMA_BIDIRECTIONAL, DIRECT);

	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_MAP_SG]);
	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_MAP_PAGE]);
	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_SYNC_SINGLE]);
}

/* Its own memory, which needs nobody. */
static void ops_own_memory(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct mock_ops *mock =
		mock_ops_install(test, fabric_dev(fabric, "client"), false);

	fabric_provider(fabric, "client", 0);
	expect_bus(fabric, "client", "client", DMA_BIDIRECTIONAL, SAME_FUNCTION);
	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_MAP_PAGE]);
}

/* Without a way to map resources only bus addresses are left. */
static void ops_without_resource(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct mock_ops *mock = mock_ops_install(test, client, false);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 4);
	enum dma_data_direction dir;
	struct page *page;
	dma_addr_t dma;

	KUNIT_EXPECT_TRUE(test, dma_pci_p2pdma_supported(&client->dev));
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		expect_bus(fabric, "client", "across", dir, DIRECT);
		expect_refused(fabric, "client", "beside", dir, UNMAPPABLE);
		expect_refused(fabric, "client", "far", dir, UNMAPPABLE);
	}

	mixed_add(sg, MIXED_RAM, 0);
	mixed_add(sg, MIXED_ACROSS, 0);
	mixed_add(sg, MIXED_RAM, 1);
	KUNIT_EXPECT_EQ(test, 0, fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	fabric_sg_sync(sg);
	fabric_sg_unmap(sg);
	mixed_add(sg, MIXED_BESIDE, 0);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));

	page = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	mock_ops_forget_calls(mock);
	dma = dma_map_page(&client->dev, page, 0, SZ_4K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, 0, dma_mapping_error(&client->dev, dma));
	dma_unmap_page(&client->dev, dma, SZ_4K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, 1, mock->calls[MOCK_UNMAP_PAGE]);
	__free_page(page);
	KUNIT_EXPECT_EQ(test, 0, mock->live);
}

/* A list of RAM alone is handed over as it is.  Defect 13. */
static void ops_ram_alone(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct mock_ops *mock = mock_ops_install(test, client, true);
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

/* All small lists of RAM and three providers' memory.  Defects 5, 13 and 21. */
static void ops_small_lists(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mixed_small_lists(fabric, expect_calls,
			  mock_ops_install(test, fabric_dev(fabric, "client"),
					   true));
}

static void ops_random_lists(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	/* The short ones at the end may be of RAM alone. */
	mixed_random_lists(fabric, 8, 1618033988, expect_calls,
			   mock_ops_install(test, fabric_dev(fabric, "client"),
					    true));
}

/* Defects 5 and 21: what an earlier mapping has left behind does not matter. */
static void ops_again(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mixed_again(fabric, expect_unmapped,
		    mock_ops_install(test, fabric_dev(fabric, "client"), true));
}

static void ops_edges(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mixed_edges(fabric, expect_unmapped,
		    mock_ops_install(test, fabric_dev(fabric, "client"), true));
}

static void ops_crossing(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mixed_crossing(fabric, expect_unmapped,
		       mock_ops_install(test, fabric_dev(fabric, "client"),
					true));
}

static void ops_providers_gone(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mixed_providers_gone(fabric, expect_unmapped,
			     mock_ops_install(test,
					      fabric_dev(fabric, "client"),
					      true));
}

/* Lengths that just fit, and sums that do not. */
static void ops_giants(struct kunit *test)
{
	struct fabric *fabric = fabric_giants(test);
	struct pci_dev *client = fabric_dev(fabric, "client");

	/* The addresses that the operations make up are not aligned. */
	dma_set_seg_boundary(&client->dev, ULONG_MAX);
	giant_lists(fabric, false, expect_unmapped,
		    mock_ops_install(test, client, true));
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
	struct mock_ops *mock = mock_ops_install(test, client, true);
	struct fabric_sg *sg = mixed_six(fabric);
	enum dma_data_direction dir;

	/* For all but the one across the switch. */
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++)
		KUNIT_EXPECT_EQ(test, 5,
				fabric_fail_steps(sg, client, dir, &failing,
						  no_reason, mock));
}

static void ops_allocation_fails(struct kunit *test)
{
	static const int errors[] = { -EIO, 0 };
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct mock_ops *mock = mock_ops_install(test, client, true);

	KUNIT_EXPECT_GE(test,
			fabric_fail_allocations(mixed_six(fabric), client,
						errors, expect_nothing_mapped,
						mock),
			5);
}

/* In a guest these operations count as translating. */
static void ops_guest(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);

	mock_ops_install(test, fabric_dev(fabric, "client"), true);
	fabric_guest(test, true);
	expect_host(fabric, "client", "across", DMA_BIDIRECTIONAL, VIRTUALISED);
}

static struct kunit_case dma_ops_legacy_cases[] = {
	KUNIT_CASE(ops_routes),
	KUNIT_CASE(ops_own_memory),
	KUNIT_CASE(ops_without_resource),
	KUNIT_CASE(ops_ram_alone),
	KUNIT_CASE_SLOW(ops_small_lists),
	KUNIT_CASE_SLOW(ops_random_lists),
	KUNIT_CASE(ops_again),
	KUNIT_CASE(ops_edges),
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
