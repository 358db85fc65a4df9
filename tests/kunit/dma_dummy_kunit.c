// SPDX-License-Identifier: GPL-2.0
/*
 * dma-dummy: a device that can do no DMA, as firmware says. It is refused
 * everything, before any route is looked for. Needs CONFIG_ARCH_HAS_DMA_OPS.
 */
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/sizes.h>

#include "fabric_common.h"

static void take_dma_away(struct pci_dev *client)
{
	/* The operations of the device itself come before everything but dma-iommu. */
	set_dma_ops(&client->dev, &dma_dummy_ops);
}

/* The device has no route, not even to its own memory; others reach its memory. */
static void dummy_no_route(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	enum dma_data_direction dir;

	KUNIT_ASSERT_TRUE(test, IS_ENABLED(CONFIG_ARCH_HAS_DMA_OPS));
	fabric_client(fabric, "provider");
	fabric_provider(fabric, "client", 0);
	fabric_cpu_listed(test, true);
	KUNIT_EXPECT_TRUE(test, dma_pci_p2pdma_supported(&client->dev));
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);

	take_dma_away(client);
	KUNIT_EXPECT_FALSE(test, dma_pci_p2pdma_supported(&client->dev));
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		expect_refused(fabric, "client", "provider", dir, UNMAPPABLE);
		expect_refused(fabric, "client", "beside", dir, UNMAPPABLE);
		expect_refused(fabric, "client", "client", dir, UNMAPPABLE);
		expect_bus(fabric, "provider", "client", dir, DIRECT);
	}
	set_dma_ops(&client->dev, NULL);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
}

/* All lists of RAM and peer memory, in every order, and single pieces. */
static void dummy_maps_nothing(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);
	u64 phys = pci_resource_start(fabric_dev(fabric, "across"), 0);
	int code, i, ret;
	dma_addr_t dma;

	take_dma_away(client);
	for (code = 0; code < 64; code++) {
		fabric_sg_clear(sg);
		for (i = 0; i < 3; i++)
			mixed_add(sg, code >> 2 * i & 3, i);
		ret = fabric_sg_map(sg, client, code % 3);
		/* A list of RAM alone fails with the error of dma_dummy_ops. */
		KUNIT_EXPECT_EQ_MSG(test, ret, code ? -EREMOTEIO : -EINVAL,
				    "list %#x", code);
		KUNIT_EXPECT_EQ(test, 0,
				dma_map_sg(&client->dev, sg->table.sgl, 3,
					   DMA_TO_DEVICE));
	}

	dma = dma_map_page(&client->dev, sg_page(sg->table.sgl), 0, SZ_4K,
			   DMA_TO_DEVICE);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(&client->dev, dma));
	dma = dma_map_resource(&client->dev, phys, SZ_4K, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(&client->dev, dma));
	KUNIT_EXPECT_NE(test, 0, dma_set_mask(&client->dev, DMA_BIT_MASK(64)));
	set_dma_ops(&client->dev, NULL);
}

/* The policy comes first, as for every client. */
static void dummy_policy(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");

	take_dma_away(client);
	fabric_policy(test, "off");
	expect_refused(fabric, "client", "provider", DMA_FROM_DEVICE,
		       POLICY_OFF);
	fabric_policy(test, "auto");
	fabric_set_decode(fabric, "provider", false);
	expect_refused(fabric, "client", "provider", DMA_FROM_DEVICE,
		       PROVIDER_UNREACHABLE);
	set_dma_ops(&client->dev, NULL);
}

static struct kunit_case dma_dummy_cases[] = {
	KUNIT_CASE(dummy_no_route),
	KUNIT_CASE(dummy_maps_nothing),
	KUNIT_CASE(dummy_policy),
	{}
};

static struct kunit_suite dma_dummy_suite = {
	.name = "dma_dummy",
	.test_cases = dma_dummy_cases,
};

kunit_test_suite(dma_dummy_suite);
