// SPDX-License-Identifier: GPL-2.0
/*
 * Bounce buffers and peer memory: RAM is bounced beside it where it must be, peer
 * memory never, and who may only bounce has no route.
 *
 * "Defect N" is a defect of the plain 6.12 kernel that must not come back.
 */
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "fabric_common.h"
#include "mock_cache.h"
#include "mock_iommu.h"

/* Bounce buffers that a device uses now. */
static long slots_used(struct pci_dev *client)
{
#ifdef CONFIG_DEBUG_FS
	return atomic_long_read(&client->dev.dma_io_tlb_mem->total_used);
#else
	return 0;
#endif
}

/* The content of an entry of RAM, which has no offset. */
static u8 *ram_of(struct fabric_sg *sg, int entry)
{
	return sg_virt(fabric_sg_entry(sg, entry));
}

/*
 * Defect 12: a client that must bounce gets -EREMOTEIO for every list with peer
 * memory, even its own. Its RAM is bounced as before.
 */
static void swiotlb_must_bounce(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *ram = fabric_sg_alloc(fabric, 2);
	struct fabric_sg *six = mixed_six(fabric);
	enum dma_data_direction dir;

	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		fabric_must_bounce(fabric, client, true);
		KUNIT_EXPECT_FALSE(test, dma_pci_p2pdma_supported(&client->dev));
		expect_refused(fabric, "client", "across", dir, MUST_BOUNCE);
		expect_refused(fabric, "client", "beside", dir, MUST_BOUNCE);
		expect_refused(fabric, "client", "far", dir, MUST_BOUNCE);

		/*
		 * The RAM at the start of the list has been bounced before the
		 * refusal.
		 */
		KUNIT_EXPECT_EQ(test, -EREMOTEIO,
				fabric_sg_map(six, client, dir));
		KUNIT_EXPECT_EQ(test, 0, slots_used(client));

		fabric_sg_clear(ram);
		fabric_sg_ram(ram, 0, SZ_4K);
		fabric_sg_ram(ram, 1, SZ_2K);
		KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(ram, client, dir));
		KUNIT_EXPECT_NOT_NULL(test,
				      swiotlb_find_pool(&client->dev,
							sg_dma_address(ram->table.sgl)));
		fabric_sg_sync(ram);
		fabric_sg_unmap(ram);
		KUNIT_EXPECT_EQ(test, 0, slots_used(client));

		fabric_must_bounce(fabric, client, false);
		KUNIT_EXPECT_TRUE(test, dma_pci_p2pdma_supported(&client->dev));
		expect_bus(fabric, "client", "across", dir, DIRECT);
		expect_host(fabric, "client", "beside", dir, NO_COMMON_PORT);
	}
}

/* With an IOMMU the client does not have to bounce, and reaches all memory. */
static void swiotlb_must_bounce_translated(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");

	fabric_must_bounce(fabric, client, true);
	expect_bus(fabric, "client", "across", DMA_BIDIRECTIONAL, DIRECT);
	expect_host(fabric, "client", "far", DMA_BIDIRECTIONAL, NO_COMMON_PORT);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	fabric_must_bounce(fabric, client, false);
}

/*
 * RAM out of the client's reach is bounced, and peer memory in the same list takes
 * its route. The content of the RAM is copied to the buffers and back.
 */
static void swiotlb_beside_peers(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 4);
	enum dma_data_direction dir;
	struct scatterlist *entry;
	phys_addr_t bounced;
	u8 *ram, *buffer;

	fabric_bounce_buffers(test);
	fabric_sg_ram(sg, 0, SZ_4K);
	mixed_add(sg, MIXED_ACROSS, 0);
	mixed_add(sg, MIXED_FAR, 0);
	fabric_sg_ram(sg, 0, SZ_4K);
	ram = ram_of(sg, 3);

	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		fabric_hide_ram(fabric, client, virt_to_phys(ram), SZ_4K);
		memset(ram, 0x11, SZ_4K);
		KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, dir));
		KUNIT_ASSERT_EQ(test, 4, sg->table.nents);

		/* The other piece of RAM is within the client's reach. */
		KUNIT_EXPECT_EQ(test, sg_dma_address(sg->table.sgl),
				sg_phys(sg->table.sgl));
		KUNIT_EXPECT_EQ(test, 2, slots_used(client));
		entry = fabric_sg_entry(sg, 3);
		bounced = sg_dma_address(entry);
		KUNIT_ASSERT_NOT_NULL(test,
				      swiotlb_find_pool(&client->dev, bounced));
		buffer = phys_to_virt(bounced);
		KUNIT_EXPECT_EQ(test, 0x11, buffer[17]);

		/*
		 * The CPU writes and syncs for the device; then the client writes,
		 * and it syncs for the CPU.
		 */
		memset(ram, 0x22, SZ_4K);
		dma_sync_sgtable_for_device(&client->dev, &sg->table, dir);
		if (dir != DMA_FROM_DEVICE)
			KUNIT_EXPECT_EQ(test, 0x22, buffer[SZ_4K - 1]);
		memset(buffer, 0x33, SZ_4K);
		dma_sync_sgtable_for_cpu(&client->dev, &sg->table, dir);
		KUNIT_EXPECT_EQ(test, dir == DMA_TO_DEVICE ? 0x22 : 0x33,
				ram[0]);
		memset(buffer, 0x44, SZ_4K);
		fabric_sg_unmap(sg);
		KUNIT_EXPECT_EQ(test, dir == DMA_TO_DEVICE ? 0x22 : 0x44,
				ram[SZ_4K - 1]);
		KUNIT_EXPECT_EQ(test, 0, slots_used(client));

		/* The same table without bouncing. */
		fabric_hide_ram(fabric, client, 0, 0);
		KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, dir));
		KUNIT_EXPECT_EQ(test, sg_dma_address(entry), virt_to_phys(ram));
		fabric_sg_unmap(sg);
	}
}

/* A refusal after RAM has been bounced gives the buffers back. */
static void swiotlb_refused_behind(struct kunit *test)
{
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);
	enum dma_data_direction dir;

	fabric_bounce_buffers(test);
	fabric_policy(test, "switch");
	fabric_sg_ram(sg, 0, SZ_4K);
	mixed_add(sg, MIXED_ACROSS, 0);
	mixed_add(sg, MIXED_BESIDE, 0);
	fabric_hide_ram(fabric, client, virt_to_phys(ram_of(sg, 0)), SZ_4K);
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		memset(ram_of(sg, 0), 0x55, SZ_4K);
		KUNIT_EXPECT_EQ(test, -EREMOTEIO,
				fabric_sg_map(sg, client, dir));
		KUNIT_EXPECT_EQ(test, 0, slots_used(client));
		KUNIT_EXPECT_EQ(test, 0x55, ram_of(sg, 0)[99]);
	}
}

/* The CPU physical address that the IOMMU translates an entry to. */
static phys_addr_t translated(struct kunit *test, struct pci_dev *client,
			      struct scatterlist *entry)
{
	phys_addr_t phys = 0;
	size_t left;

	KUNIT_EXPECT_EQ(test, 0,
			mock_iommu_translate(&client->dev,
					     sg_dma_address(entry), true, &phys,
					     &left));
	return phys;
}

/*
 * Defect 1: for an untrusted client RAM that is not in whole pages is bounced, so
 * that it cannot read the rest of the page. Peer memory in the same list takes its
 * route.
 */
static void swiotlb_untrusted(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_untrusted(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 4);
	u64 peer = pci_resource_start(fabric_dev(fabric, "provider"), 0);
	phys_addr_t odd;
	u8 *ram;

	fabric_bounce_buffers(test);
	fabric_sg_ram(sg, 0, 512);
	fabric_sg_peer(sg, "provider", SZ_4K, SZ_4K);
	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_peer(sg, "inside", 0, SZ_4K);
	ram = ram_of(sg, 0);

	/* The route alone decides about peer memory, not that RAM is bounced. */
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	KUNIT_EXPECT_EQ(test, 0, slots_used(client));

	fabric_cpu_listed(test, true);
	memset(ram, 0x66, 512);
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	KUNIT_ASSERT_EQ(test, 4, sg->table.nents);
	odd = translated(test, client, fabric_sg_entry(sg, 0));
	KUNIT_ASSERT_NOT_NULL(test, swiotlb_find_pool(&client->dev, odd));
	KUNIT_EXPECT_EQ(test, 0x66, *(u8 *)phys_to_virt(odd));
	KUNIT_EXPECT_EQ(test, peer + SZ_4K,
			translated(test, client, fabric_sg_entry(sg, 1)));
	KUNIT_EXPECT_EQ(test, sg_phys(fabric_sg_entry(sg, 2)),
			translated(test, client, fabric_sg_entry(sg, 2)));

	*(u8 *)phys_to_virt(odd) = 0x77;
	fabric_sg_sync(sg);
	KUNIT_EXPECT_EQ(test, 0x77, ram[0]);
	fabric_sg_unmap(sg);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	KUNIT_EXPECT_EQ(test, 0, slots_used(client));
}

/*
 * Defect 21: a table that is bounced once and not the next time. It is mapped for
 * an untrusted client, for which RAM that is not in whole pages is bounced, and
 * then for a trusted one.
 */
static void swiotlb_bounced_once(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_untrusted(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *inside = fabric_dev(fabric, "inside");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);
	int round, peer;

	fabric_bounce_buffers(test);
	fabric_cpu_listed(test, true);
	for (peer = 0; peer < 2; peer++) {
		fabric_sg_clear(sg);
		fabric_sg_ram(sg, 0, 512);
		fabric_sg_ram(sg, 256, 1024);
		if (peer)
			fabric_sg_peer(sg, "provider", 0, SZ_4K);
		for (round = 0; round < 3; round++) {
			KUNIT_ASSERT_EQ(test, 0,
					fabric_sg_map(sg, client,
						      DMA_BIDIRECTIONAL));
			KUNIT_EXPECT_EQ(test, sg->table.nents, 2 + peer);
			KUNIT_EXPECT_NE(test, 0, slots_used(client));
			fabric_sg_sync(sg);
			fabric_sg_unmap(sg);
			KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
			KUNIT_EXPECT_EQ(test, 0, slots_used(client));

			KUNIT_ASSERT_EQ(test, 0,
					fabric_sg_map(sg, inside,
						      DMA_BIDIRECTIONAL));
			KUNIT_EXPECT_FALSE(test,
					   sg_dma_is_swiotlb(sg->table.sgl));
			KUNIT_EXPECT_EQ(test, 0, slots_used(client));
			fabric_sg_sync(sg);
			fabric_sg_unmap(sg);
			KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
		}
	}
}

static struct kunit_case swiotlb_cases[] = {
	KUNIT_CASE(swiotlb_must_bounce),
	KUNIT_CASE(swiotlb_must_bounce_translated),
	KUNIT_CASE(swiotlb_beside_peers),
	KUNIT_CASE(swiotlb_refused_behind),
	KUNIT_CASE(swiotlb_untrusted),
	KUNIT_CASE(swiotlb_bounced_once),
	{}
};

static struct kunit_suite swiotlb_suite = {
	.name = "swiotlb",
	.test_cases = swiotlb_cases,
};

/* Defect 11: the same for clients that are not coherent; see mock_cache.h. */
static struct kunit_case swiotlb_not_coherent_cases[] = {
	KUNIT_CASE(swiotlb_beside_peers),
	KUNIT_CASE(swiotlb_refused_behind),
	KUNIT_CASE(swiotlb_untrusted),
	KUNIT_CASE(swiotlb_bounced_once),
	{}
};

static struct kunit_suite swiotlb_not_coherent_suite = {
	.name = "swiotlb_not_coherent",
	.init = mock_cache_not_coherent,
	.test_cases = swiotlb_not_coherent_cases,
};

kunit_test_suites(&swiotlb_suite, &swiotlb_not_coherent_suite);
