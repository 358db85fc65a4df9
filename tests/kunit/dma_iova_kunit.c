// SPDX-License-Identifier: GPL-2.0
/*
 * The two-step form of the DMA API: allocate IOVA once, link ranges, synchronise once.
 *
 * The oracle walks each address that has been linked.  When the mock IOMMU goes it
 * checks that nothing is left mapped.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/sizes.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"
#include "mock_cache.h"
#include "mock_iommu.h"
#include "oracle.h"

/* A place in BAR 0. */
static phys_addr_t at(struct fabric *fabric, const char *name, u64 offset)
{
	return pci_resource_start(fabric_dev(fabric, name), 0) + offset;
}

static void free_ram(void *pages)
{
	__free_pages(pages, 2);
}

/* Four pages of RAM. */
static phys_addr_t some_ram(struct kunit *test)
{
	struct page *pages = alloc_pages(GFP_KERNEL, 2);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_ram, pages));
	return page_to_phys(pages);
}

/* Allocate, link one range, synchronise, walk, undo; returns the error of the link. */
static int link_one(struct fabric *fabric, phys_addr_t phys, size_t size,
		    enum dma_data_direction dir, unsigned long attrs)
{
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct dma_iova_state state;
	int ret;

	if (!dma_iova_try_alloc(&client->dev, &state, phys, size))
		return -ENOSPC;
	ret = dma_iova_link(&client->dev, &state, phys, 0, size, dir, attrs);
	if (ret) {
		dma_iova_free(&client->dev, &state);
		return ret;
	}
	ret = dma_iova_sync(&client->dev, &state, 0, size);
	oracle_expect(fabric, client, state.addr, size, dir, phys);
	dma_iova_destroy(&client->dev, &state, size, dir, attrs);
	return ret;
}

/* Without a translating IOMMU there is no IOVA, and nothing to undo. */
static void dma_iova_no_iommu(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct device *dev = &fabric_dev(fabric, "client")->dev;
	struct dma_iova_state state;

	memset(&state, 0xff, sizeof(state));
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(dev, &state,
						    at(fabric, "beside", 0),
						    SZ_8K));
	KUNIT_EXPECT_FALSE(test, dma_use_iova(&state));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_size(&state));
}

/* RAM and peer memory in one range, each with its protection, and one sync for all. */
static void dma_iova_mixed(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct device *dev = &client->dev;
	const phys_addr_t ram = some_ram(test);
	const phys_addr_t peer = at(fabric, "beside", SZ_64K);
	struct dma_iova_state state;
	enum dma_data_direction dir;
	int iovas, maps, syncs, prot;

	fabric_cpu_listed(test, true);
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		prot = (dir != DMA_FROM_DEVICE ? IOMMU_READ : 0) |
		       (dir != DMA_TO_DEVICE ? IOMMU_WRITE : 0);
		/* More than 32 pages: the allocator holds no ranges of that size. */
		iovas = mock_iommu_iovas(dev);
		maps = atomic_read(&mock->maps);
		syncs = atomic_read(&mock->syncs);
		KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, ram + 256,
							   SZ_1M));
		KUNIT_EXPECT_TRUE(test, dma_use_iova(&state));
		KUNIT_EXPECT_EQ(test, SZ_1M, dma_iova_size(&state));
		KUNIT_EXPECT_EQ(test, 256, offset_in_page(state.addr));
		KUNIT_EXPECT_EQ(test, iovas + 1, mock_iommu_iovas(dev));

		KUNIT_EXPECT_EQ(test, 0,
				dma_iova_link(dev, &state, ram + 256, 0,
					      SZ_8K - 256, dir, 0));
		KUNIT_EXPECT_EQ(test, 0,
				dma_iova_link(dev, &state, peer, SZ_8K - 256,
					      SZ_64K, dir, DMA_ATTR_MMIO));
		/* Peer memory is known by its address. */
		KUNIT_EXPECT_EQ(test, 0,
				dma_iova_link(dev, &state, peer + SZ_128K,
					      SZ_8K + SZ_64K - 256, SZ_4K - 96,
					      dir, 0));
		KUNIT_EXPECT_EQ(test, maps, atomic_read(&mock->maps));
		KUNIT_EXPECT_EQ(test, 0,
				dma_iova_sync(dev, &state, 0,
					      SZ_8K + SZ_64K + SZ_4K - 352));
		KUNIT_EXPECT_EQ(test, maps + 1, atomic_read(&mock->maps));

		oracle_expect(fabric, client, state.addr, SZ_8K - 256, dir,
			      ram + 256);
		oracle_expect(fabric, client, state.addr + SZ_8K - 256, SZ_64K,
			      dir, peer);
		oracle_expect(fabric, client, state.addr + SZ_8K + SZ_64K - 256,
			      SZ_4K - 96, dir, peer + SZ_128K);
		KUNIT_EXPECT_EQ(test, prot | IOMMU_CACHE,
				mock_iommu_prot(dev, state.addr));
		KUNIT_EXPECT_EQ(test, prot | IOMMU_MMIO,
				mock_iommu_prot(dev, state.addr + SZ_8K));
		KUNIT_EXPECT_EQ(test, prot | IOMMU_MMIO,
				mock_iommu_prot(dev, state.addr + SZ_8K + SZ_64K));

		/* A piece is taken out, and the rest with the IOVA. */
		dma_iova_unlink(dev, &state, SZ_8K + SZ_64K - 256, SZ_4K - 96,
				dir, 0);
		KUNIT_EXPECT_EQ(test, -ENOENT,
				mock_iommu_prot(dev, state.addr + SZ_8K + SZ_64K));
		KUNIT_EXPECT_EQ(test, (SZ_8K + SZ_64K) / SZ_4K,
				atomic_read(&mock->live));
		dma_iova_destroy(dev, &state, SZ_8K + SZ_64K - 256, dir, 0);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
		KUNIT_EXPECT_EQ(test, iovas, mock_iommu_iovas(dev));
		KUNIT_EXPECT_EQ(test, syncs + 2, atomic_read(&mock->syncs));
	}
}

/* What is linked in full is unmapped with one sync; what is not linked is just freed. */
static void dma_iova_undo(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct device *dev = &fabric_dev(fabric, "client")->dev;
	const phys_addr_t peer = at(fabric, "beside", 5);
	int iovas = mock_iommu_iovas(dev), syncs = atomic_read(&mock->syncs);
	struct dma_iova_state state;

	fabric_cpu_listed(test, true);
	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, peer, SZ_1M));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(dev, &state, peer, 0, SZ_1M,
					       DMA_TO_DEVICE, DMA_ATTR_MMIO));
	KUNIT_EXPECT_EQ(test, 257, atomic_read(&mock->live));
	dma_iova_destroy(dev, &state, SZ_1M, DMA_TO_DEVICE, DMA_ATTR_MMIO);
	KUNIT_EXPECT_EQ(test, iovas, mock_iommu_iovas(dev));
	KUNIT_EXPECT_EQ(test, syncs + 1, atomic_read(&mock->syncs));

	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, peer, SZ_1M));
	dma_iova_destroy(dev, &state, 0, DMA_TO_DEVICE, DMA_ATTR_MMIO);
	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, peer, SZ_1M));
	dma_iova_free(dev, &state);
	KUNIT_EXPECT_EQ(test, iovas, mock_iommu_iovas(dev));
	KUNIT_EXPECT_EQ(test, syncs + 1, atomic_read(&mock->syncs));
}

/* Peer memory is linked only where its route goes through the host bridge. */
static void dma_iova_routes(struct kunit *test)
{
	static const unsigned long attrs[] = { 0, DMA_ATTR_MMIO };
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	phys_addr_t across = at(fabric, "provider", 0);
	phys_addr_t beside = at(fabric, "beside", 0);
	phys_addr_t plain = pci_resource_start(fabric_dev(fabric, "beside"), 2);
	enum dma_data_direction dir;
	int i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++)
		for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
			fabric_cpu_listed(test, false);
			/* Bus addresses; no route; its own memory. */
			KUNIT_EXPECT_EQ(test, -EINVAL,
					link_one(fabric, across, SZ_8K, dir,
						 attrs[i]));
			KUNIT_EXPECT_EQ(test, -EREMOTEIO,
					link_one(fabric, beside, SZ_8K, dir,
						 attrs[i]));
			fabric_cpu_listed(test, true);
			KUNIT_EXPECT_EQ(test, -EINVAL,
					link_one(fabric, across, SZ_8K, dir,
						 attrs[i]));
			KUNIT_EXPECT_EQ(test, 0,
					link_one(fabric, beside, SZ_8K, dir,
						 attrs[i]));
			KUNIT_EXPECT_EQ(test, -EINVAL,
					link_one(fabric, at(fabric, "client", 0),
						 SZ_8K, dir, DMA_ATTR_MMIO));
		}

	/* A BAR that is not registered, with the attribute for what is not RAM. */
	KUNIT_EXPECT_EQ(test, 0, link_one(fabric, plain, SZ_8K, DMA_TO_DEVICE,
					  DMA_ATTR_MMIO));
	fabric_cpu_listed(test, false);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, link_one(fabric, plain, SZ_8K,
						   DMA_TO_DEVICE, DMA_ATTR_MMIO));
	/* Without it, as when its provider has gone, it would be taken for RAM. */
	KUNIT_EXPECT_EQ(test, -EINVAL, link_one(fabric, plain, SZ_8K,
						DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

/*
 * Writes cross, and reads go through the host bridge: a driver that has asked
 * pci_p2pdma_map_type() links for either.
 */
static void dma_iova_writes_direct(struct kunit *test)
{
	struct fabric *fabric;
	phys_addr_t phys;

	mock_iommu_create(test, NULL);
	fabric = fabric_switch(test);
	phys = at(fabric, "provider", 0);
	fabric_cpu_listed(test, true);
	fabric_set_acs(fabric, "p", PCI_ACS_CR);

	/* Reads have no route, so nothing says that an IOVA for writes would do. */
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, link_one(fabric, phys, SZ_4K,
						   DMA_FROM_DEVICE, 0));
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	KUNIT_EXPECT_EQ(test, PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
			pci_p2pdma_map_type(pci_p2pdma_provider_of_phys(phys, 1),
					    &fabric_dev(fabric, "client")->dev));
	KUNIT_EXPECT_EQ(test, 0, link_one(fabric, phys, SZ_4K, DMA_FROM_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, link_one(fabric, phys, SZ_4K, DMA_TO_DEVICE, 0));
}

/* What does not fit, or is not one kind of memory. */
static void dma_iova_invalid(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct device *dev = &fabric_dev(fabric, "client")->dev;
	const phys_addr_t peer = at(fabric, "beside", SZ_2K);
	const phys_addr_t ram = some_ram(test);
	struct dma_iova_state state;
	const struct {
		phys_addr_t phys;
		size_t offset;
		size_t size;
		unsigned long attrs;
		const char *what;
	} row[] = {
		{ peer, 0, SZ_16K + 1, 0, "longer than the IOVA" },
		{ peer, SZ_16K, SZ_4K, 0, "behind the IOVA" },
		{ peer, SIZE_MAX, SZ_4K, 0, "an offset that overflows" },
		{ peer, SZ_4K, SIZE_MAX, 0, "a size that overflows" },
		{ peer, 0, 0, 0, "nothing" },
		{ peer + 1, 0, SZ_4K, 0, "another place in the page" },
		{ peer, SZ_4K, SZ_4K, 0, "inside a page, not at the start" },
		{ ram + SZ_2K, 0, SZ_4K, DMA_ATTR_MMIO, "RAM as MMIO" },
		{ peer - SZ_4K, 0, SZ_8K, DMA_ATTR_MMIO, "begins before the BAR" },
		{ peer + SZ_2M - SZ_4K, 0, SZ_8K, 0, "two BARs" },
	};
	int i;

	fabric_cpu_listed(test, true);
	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, peer, SZ_16K));
	for (i = 0; i < ARRAY_SIZE(row); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    dma_iova_link(dev, &state, row[i].phys,
						  row[i].offset, row[i].size,
						  DMA_TO_DEVICE, row[i].attrs),
				    "%s", row[i].what);
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_iova_sync(dev, &state, 0, SZ_32K));
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_iova_sync(dev, &state, SZ_16K, 1));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->runs));
	dma_iova_free(dev, &state);
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(dev, &state, peer, SIZE_MAX));
	KUNIT_EXPECT_FALSE(test, dma_use_iova(&state));
}

/* A client that is not trusted: no RAM, and whole IOMMU pages of peer memory. */
static void dma_iova_untrusted(struct kunit *test)
{
	struct fabric *fabric;
	struct dma_iova_state state;
	const phys_addr_t ram = some_ram(test);
	struct device *dev;
	phys_addr_t inside;

	mock_iommu_create(test, NULL);
	fabric = fabric_untrusted(test);
	dev = &fabric_dev(fabric, "client")->dev;
	inside = at(fabric, "inside", 0);
	fabric_cpu_listed(test, true);

	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(dev, &state, ram, SZ_4K));
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(dev, &state, 0, SZ_4K));
	KUNIT_EXPECT_EQ(test, 0, link_one(fabric, inside, SZ_8K, DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			link_one(fabric, inside, SZ_2K, DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			link_one(fabric, inside + SZ_2K, SZ_2K, DMA_TO_DEVICE,
				 DMA_ATTR_MMIO));

	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(dev, &state, inside, SZ_8K));
	KUNIT_EXPECT_EQ(test, -EIO, dma_iova_link(dev, &state, ram, 0, SZ_4K,
						  DMA_TO_DEVICE, 0));
	dma_iova_free(dev, &state);
}

/* The IOMMU fails. */
static void dma_iova_fails(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	const phys_addr_t peer = at(fabric, "beside", 0);
	const phys_addr_t ram = some_ram(test);
	struct device *dev = &fabric_dev(fabric, "client")->dev;
	int iovas = mock_iommu_iovas(dev);

	fabric_cpu_listed(test, true);
	mock_iommu_fail(mock, 0, -ENOMEM);
	KUNIT_EXPECT_EQ(test, -ENOMEM, link_one(fabric, peer, SZ_1M,
						DMA_TO_DEVICE, 0));
	mock_iommu_fail(mock, 0, -EIO);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, link_one(fabric, peer, SZ_1M,
						   DMA_TO_DEVICE, 0));
	mock->config.no_mmio = true;
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, link_one(fabric, peer, SZ_1M,
						   DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, link_one(fabric, ram, SZ_16K, DMA_TO_DEVICE, 0));
	mock->config.no_mmio = false;
	KUNIT_EXPECT_EQ(test, 0, link_one(fabric, peer, SZ_1M, DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_LE(test, mock_iommu_iovas(dev), iovas + 1);
}

static struct kunit_case dma_iova_cases[] = {
	KUNIT_CASE(dma_iova_no_iommu),
	KUNIT_CASE(dma_iova_mixed),
	KUNIT_CASE(dma_iova_undo),
	KUNIT_CASE(dma_iova_routes),
	KUNIT_CASE(dma_iova_writes_direct),
	KUNIT_CASE(dma_iova_invalid),
	KUNIT_CASE(dma_iova_untrusted),
	KUNIT_CASE(dma_iova_fails),
	{}
};

static struct kunit_suite dma_iova_suite = {
	.name = "dma_iova",
	.test_cases = dma_iova_cases,
};

/* A client that is not coherent gets no IOVA for RAM, and peer memory as any other. */
static void dma_iova_ram_not_coherent(struct kunit *test)
{
	struct fabric *fabric;
	struct dma_iova_state state;
	struct device *dev;

	mock_iommu_create(test, NULL);
	fabric = fabric_switch(test);
	dev = &fabric_dev(fabric, "client")->dev;
	fabric_cpu_listed(test, true);
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(dev, &state, some_ram(test),
						    SZ_4K));
	KUNIT_EXPECT_EQ(test, 0, link_one(fabric, at(fabric, "beside", 0), SZ_8K,
					  DMA_TO_DEVICE, DMA_ATTR_MMIO));
}

static struct kunit_case dma_iova_not_coherent_cases[] = {
	KUNIT_CASE(dma_iova_ram_not_coherent),
	KUNIT_CASE(dma_iova_routes),
	KUNIT_CASE(dma_iova_invalid),
	{}
};

static struct kunit_suite dma_iova_not_coherent_suite = {
	.name = "dma_iova_not_coherent",
	.init = mock_cache_not_coherent,
	.test_cases = dma_iova_not_coherent_cases,
};

kunit_test_suites(&dma_iova_suite, &dma_iova_not_coherent_suite);
