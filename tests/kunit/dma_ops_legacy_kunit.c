// SPDX-License-Identifier: GPL-2.0
/*
 * Other dma_map_ops: lists with peer memory, for clients whose operations know
 * nothing of it.
 *
 * Every list goes through fabric_sg_map(), which has the oracle walk each address
 * that a mapping returns, and the mock operations compare what is unmapped with
 * what was mapped.  Needs CONFIG_ARCH_HAS_DMA_OPS.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/sizes.h>

#include "fabric_sg.h"
#include "mock_ops.h"
#include "oracle.h"

/* RAM, and providers across the switch, below another root port and bridge. */
static const char lists_picture[] =
	"host bus=0x90000000\n"
	"  rp\n"
	"    up\n"
	"      dp c\n"
	"        ep client\n"
	"      dp\n"
	"        ep across bar0=4M\n"
	"  rp\n"
	"    ep beside bar0=4M\n"
	"host bus=0x700000000000\n"
	"  rp\n"
	"    ep far bar0=4M\n";

static const char * const lists_providers[] = { "across", "beside", "far" };

static struct fabric *create(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, lists_picture,
					     NAMES("client"),
					     NAMES("across", "beside", "far"));

	fabric_cpu_listed(test, true);
	return fabric;
}

/* Peer memory goes by its route; what goes through the bridge is a resource. */
static void ops_routes(struct kunit *test)
{
	struct fabric *fabric = create(test);
	struct mock_ops *mock =
		mock_ops_install(test, fabric_dev(fabric, "client"), true);

	KUNIT_EXPECT_TRUE(test, dma_pci_p2pdma_supported(mock->dev));
	expect_bus(fabric, "client", "across", DMA_BIDIRECTIONAL, DIRECT);
	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_MAP_RESOURCE]);
	expect_host(fabric, "client", "beside", DMA_FROM_DEVICE, NO_COMMON_PORT);
	/* Two entries of a list, and one piece by each of four calls. */
	KUNIT_EXPECT_EQ(test, 6, mock->calls[MOCK_MAP_RESOURCE]);
	KUNIT_EXPECT_EQ(test, 6, mock->calls[MOCK_UNMAP_RESOURCE]);
	expect_host(fabric, "client", "far", DMA_TO_DEVICE, NO_COMMON_PORT);
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_host(fabric, "client", "across", DMA_BIDIRECTIONAL, ACS_REQUEST);
	fabric_cpu_listed(test, false);
	expect_refused(fabric, "client", "across", DMA_BIDIRECTIONAL,
		       HOST_BRIDGE_UNTRUSTED);
	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_MAP_SG]);
	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_MAP_PAGE]);
	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_SYNC_SINGLE]);
}

/* Without a way to map resources only bus addresses are left. */
static void ops_without_resource(struct kunit *test)
{
	struct fabric *fabric = create(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct mock_ops *mock = mock_ops_install(test, client, false);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);

	expect_bus(fabric, "client", "across", DMA_BIDIRECTIONAL, DIRECT);
	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_peer(sg, "across", 0, SZ_4K);
	fabric_sg_peer(sg, "beside", 0, SZ_4K);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, 0, mock->live);
}

/* A list of RAM alone is handed over as it is.  Defect 13. */
static void ops_ram_alone(struct kunit *test)
{
	struct fabric *fabric = create(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct mock_ops *mock = mock_ops_install(test, client, true);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);
	int i;

	for (i = 0; i < 3; i++)
		fabric_sg_ram(sg, i, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	fabric_sg_sync(sg);
	fabric_sg_unmap(sg);
	KUNIT_EXPECT_EQ(test, 1, mock->calls[MOCK_MAP_SG]);
	KUNIT_EXPECT_EQ(test, 1, mock->calls[MOCK_UNMAP_SG]);
	KUNIT_EXPECT_EQ(test, 2, mock->calls[MOCK_SYNC_SG]);
	KUNIT_EXPECT_EQ(test, 0, mock->calls[MOCK_MAP_PAGE]);
}

/* All lists of up to four entries. */
static void ops_small_lists(struct kunit *test)
{
	struct fabric *fabric = create(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct mock_ops *mock = mock_ops_install(test, client, true);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 4);
	int count, code, i;

	for (count = 1; count <= 4; count++) {
		for (code = 0; code < 1 << 2 * count; code++) {
			int ram = 0, host = 0;

			fabric_sg_clear(sg);
			for (i = 0; i < count; i++) {
				int kind = code >> 2 * i & 3;

				if (kind)
					fabric_sg_peer(sg,
						       lists_providers[kind - 1],
						       i * SZ_4K, SZ_4K);
				else
					fabric_sg_ram(sg, 64 * i, SZ_4K);
				ram += kind == 0;
				host += kind >= 2;
			}
			mock_ops_forget_calls(mock);
			KUNIT_ASSERT_EQ(test, 0,
					fabric_sg_map(sg, client,
						      DMA_BIDIRECTIONAL));
			KUNIT_EXPECT_EQ(test, sg->table.nents, count);
			fabric_sg_sync(sg);
			fabric_sg_unmap(sg);
			KUNIT_EXPECT_EQ(test, 0, mock->live);
			KUNIT_EXPECT_EQ(test, host,
					mock->calls[MOCK_MAP_RESOURCE]);
			if (ram == count)
				continue;
			KUNIT_EXPECT_EQ(test, ram, mock->calls[MOCK_MAP_PAGE]);
			KUNIT_EXPECT_EQ(test, 2 * ram,
					mock->calls[MOCK_SYNC_SINGLE]);
		}
	}
}

/* The first, second, third ... call that maps fails, until none is left. */
static void ops_fails(struct kunit *test)
{
	struct fabric *fabric = create(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct mock_ops *mock = mock_ops_install(test, client, true);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 5);
	int i;

	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_peer(sg, "beside", 0, SZ_4K);
	fabric_sg_peer(sg, "across", 0, SZ_4K);
	fabric_sg_peer(sg, "far", 0, SZ_4K);
	fabric_sg_ram(sg, 7, SZ_4K);
	for (i = 0; i < 10; i++) {
		mock->fail_after = i;
		if (!fabric_sg_map(sg, client, DMA_FROM_DEVICE))
			break;
		KUNIT_EXPECT_EQ(test, 0, mock->live);
	}
	KUNIT_EXPECT_EQ(test, 4, i);
	mock->fail_after = -1;
	fabric_sg_unmap(sg);
}

/* In a guest these operations count as translating. */
static void ops_guest(struct kunit *test)
{
	struct fabric *fabric = create(test);

	mock_ops_install(test, fabric_dev(fabric, "client"), true);
	fabric_guest(test, true);
	expect_host(fabric, "client", "across", DMA_BIDIRECTIONAL, VIRTUALISED);
}

static struct kunit_case dma_ops_legacy_cases[] = {
	KUNIT_CASE(ops_routes),
	KUNIT_CASE(ops_without_resource),
	KUNIT_CASE(ops_ram_alone),
	KUNIT_CASE_SLOW(ops_small_lists),
	KUNIT_CASE(ops_fails),
	KUNIT_CASE(ops_guest),
	{}
};

static struct kunit_suite dma_ops_legacy_suite = {
	.name = "dma_ops_legacy",
	.test_cases = dma_ops_legacy_cases,
};

kunit_test_suite(dma_ops_legacy_suite);
