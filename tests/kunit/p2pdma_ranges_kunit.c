// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges of a provider's memory, mapped as a table of DMA addresses alone.
 *
 * Every table goes through fabric_expect_table(), which has the oracle walk each
 * address.  When the mock IOMMU goes it checks that nothing is left mapped.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"
#include "fabric_ranges.h"
#include "mock_iommu.h"
#include "oracle.h"

/* A switch, a root port beside it and another host bridge; memory without pages. */
static struct fabric *ranges_fabric(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host bus=0x80000000\n"
		"  rp\n"
		"    up\n"
		"      dp c\n"
		"        ep client\n"
		"      dp p\n"
		"        ep across bar0=64M bar2=2M\n"
		"  rp\n"
		"    ep beside bar0=64M bar2=2M\n"
		"host bus=0x600000000000\n"
		"  rp\n"
		"    ep far bar0=64M\n",
		NAMES("client"), NULL);

	fabric_provider_plain(fabric, "across", 0);
	fabric_provider_plain(fabric, "beside", 0);
	fabric_provider_plain(fabric, "far", 0);
	fabric_cpu_listed(test, true);
	return fabric;
}

static struct p2pdma_provider *provider_of(struct fabric *fabric,
					   const char *name)
{
	return pcim_p2pdma_provider(fabric_dev(fabric, name), 0);
}

/* A place in BAR 0. */
static phys_addr_t at(struct fabric *fabric, const char *name, u64 offset)
{
	return pci_resource_start(fabric_dev(fabric, name), 0) + offset;
}

/* Map for "client", check, unmap; returns the number of segments or an error. */
static int map_dir(struct fabric *fabric, const char *name,
		   const struct phys_vec *ranges, size_t nr_ranges,
		   enum dma_data_direction dir)
{
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct sg_table *sgt;
	int nents;

	sgt = pci_p2pdma_map_ranges(&client->dev, provider_of(fabric, name),
				    ranges, nr_ranges,
				    fabric_ranges_size(ranges, nr_ranges), dir);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	fabric_expect_table(fabric, client, ranges, nr_ranges, dir, sgt);
	nents = sgt->nents;
	pci_p2pdma_unmap_ranges(&client->dev, sgt, dir);
	return nents;
}

static int map(struct fabric *fabric, const char *name,
	       const struct phys_vec *ranges, size_t nr_ranges)
{
	return map_dir(fabric, name, ranges, nr_ranges, DMA_BIDIRECTIONAL);
}

/* The same for ranges that are written down in the call. */
#define map_list(fabric, name, ...) \
	map(fabric, name, (const struct phys_vec []) { __VA_ARGS__ }, \
	    ARRAY_SIZE(((const struct phys_vec []) { __VA_ARGS__ })))

/* Adjacent ranges become one segment, whatever the route; others do not. */
static void expect_coalesced(struct kunit *test, struct fabric *fabric,
			     const char *name, bool iova)
{
	const phys_addr_t a = at(fabric, name, SZ_1M);
	enum dma_data_direction dir;

	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++)
		KUNIT_EXPECT_EQ_MSG(test, 1,
				    map_dir(fabric, name,
					    &(struct phys_vec){ a, SZ_8K }, 1,
					    dir), "%s", name);
	KUNIT_EXPECT_EQ_MSG(test, 1,
			    map_list(fabric, name, { a, SZ_8K },
				     { a + SZ_8K, SZ_4K },
				     { a + SZ_8K + SZ_4K, SZ_1M }), "%s", name);
	/* A gap, the same memory twice, and backwards: one IOVA range all the same. */
	KUNIT_EXPECT_EQ_MSG(test, iova ? 1 : 2,
			    map_list(fabric, name, { a, SZ_8K },
				     { a + SZ_8K, SZ_4K },
				     { a + SZ_1M, SZ_4K }), "%s", name);
	KUNIT_EXPECT_EQ_MSG(test, iova ? 1 : 2,
			    map_list(fabric, name, { a, SZ_8K }, { a, SZ_8K }), "%s", name);
	KUNIT_EXPECT_EQ_MSG(test, iova ? 1 : 2,
			    map_list(fabric, name, { a + SZ_4K, SZ_4K },
				     { a, SZ_4K }),
			    "%s", name);
	/* Bytes, at the ends of the list. */
	KUNIT_EXPECT_EQ_MSG(test, 1,
			    map_list(fabric, name, { a + 3, SZ_4K - 3 },
				     { a + SZ_4K, 5 }),
			    "%s", name);
}

static void p2pdma_ranges_direct(struct kunit *test)
{
	struct fabric *fabric = ranges_fabric(test);
	static const char * const names[] = { "across", "beside", "far" };
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		expect_coalesced(test, fabric, names[i], false);
	/* Bytes in the middle of the list are only the IOMMU's concern. */
	KUNIT_EXPECT_EQ(test, 2,
			map_list(fabric, "beside",
				 { at(fabric, "beside", 1), 7 },
				 { at(fabric, "beside", 100), 9 }));
}

static void p2pdma_ranges_iommu(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = ranges_fabric(test);

	expect_coalesced(test, fabric, "across", false);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->runs));
	expect_coalesced(test, fabric, "beside", true);
	expect_coalesced(test, fabric, "far", true);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

/* Bus addresses are flagged as such, and nothing else is. */
static void p2pdma_ranges_flags(struct kunit *test)
{
	static const char * const names[] = { "across", "beside", "far" };
	struct fabric *fabric;
	struct device *dev;
	int i, iommu;

	for (iommu = 0; iommu < 2; iommu++) {
		struct mock_iommu *mock = iommu ?
			mock_iommu_create(test, NULL) : NULL;

		fabric = ranges_fabric(test);
		dev = &fabric_dev(fabric, "client")->dev;
		for (i = 0; i < ARRAY_SIZE(names); i++) {
			struct p2pdma_provider *provider =
				provider_of(fabric, names[i]);
			struct phys_vec vec = { at(fabric, names[i], 0), SZ_1M };
			struct sg_table *sgt;

			sgt = pci_p2pdma_map_ranges(dev, provider, &vec, 1,
						    SZ_1M, DMA_FROM_DEVICE);
			KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
			KUNIT_EXPECT_EQ(test, i == 0,
					sg_dma_is_bus_address(sgt->sgl));
			if (!i)
				KUNIT_EXPECT_EQ(test, sg_dma_address(sgt->sgl),
						pci_p2pdma_bus_addr_map(provider,
									vec.paddr));
			pci_p2pdma_unmap_ranges(dev, sgt, DMA_FROM_DEVICE);
		}
		fabric_destroy(fabric);
		if (mock)
			mock_iommu_destroy(mock);
	}
}

/*
 * One range of IOVA, one mapping for each physical run, one synchronisation at map and
 * one at unmap, also where the IOMMU is set to flush late; the protection is MMIO's.
 */
static void p2pdma_ranges_one_range(struct kunit *test)
{
	static const int prot[] = {
		[DMA_BIDIRECTIONAL]	= IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO,
		[DMA_TO_DEVICE]		= IOMMU_READ | IOMMU_MMIO,
		[DMA_FROM_DEVICE]	= IOMMU_WRITE | IOMMU_MMIO,
	};
	int lazy, n;

	for (lazy = 0; lazy < 2; lazy++) {
		struct mock_iommu_config config = { .lazy = lazy };
		struct mock_iommu *mock = mock_iommu_create(test, &config);
		struct fabric *fabric = ranges_fabric(test);
		struct device *dev = &fabric_dev(fabric, "client")->dev;
		const phys_addr_t a = at(fabric, "beside", 0);
		const struct phys_vec vec[] = {
			{ a, SZ_1M }, { a + SZ_1M, SZ_64K },
			{ a + SZ_8M, SZ_64K }, { a + SZ_4M, SZ_8K },
		};
		const size_t size = fabric_ranges_size(vec, ARRAY_SIZE(vec));
		enum dma_data_direction dir;

		for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
			int iovas = mock_iommu_iovas(dev);
			int runs = atomic_read(&mock->runs);
			int maps = atomic_read(&mock->maps);
			int syncs = atomic_read(&mock->syncs);
			struct sg_table *sgt;

			sgt = pci_p2pdma_map_ranges(dev,
						    provider_of(fabric, "beside"),
						    vec, ARRAY_SIZE(vec), size,
						    dir);
			KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
			KUNIT_EXPECT_EQ(test, iovas + 1, mock_iommu_iovas(dev));
			KUNIT_EXPECT_EQ(test, runs + 3, atomic_read(&mock->runs));
			KUNIT_EXPECT_EQ(test, maps + 1, atomic_read(&mock->maps));
			KUNIT_EXPECT_EQ(test, size / SZ_4K,
					atomic_read(&mock->live));
			KUNIT_EXPECT_EQ(test, 1, sgt->nents);
			for (n = 0; n < size; n += SZ_64K)
				KUNIT_EXPECT_EQ(test, prot[dir],
						mock_iommu_prot(dev, sg_dma_address(sgt->sgl) + n));

			pci_p2pdma_unmap_ranges(dev, sgt, dir);
			KUNIT_EXPECT_EQ(test, iovas, mock_iommu_iovas(dev));
			KUNIT_EXPECT_EQ(test, syncs + 1,
					atomic_read(&mock->syncs));
			KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
		}
		fabric_destroy(fabric);
		mock_iommu_destroy(mock);
	}
}

/* The largest pages that fit, wherever in its page the largest run begins. */
static void p2pdma_ranges_large_pages(struct kunit *test)
{
	struct mock_iommu_config config = { .pgsizes = SZ_4K | SZ_2M };
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = ranges_fabric(test);
	struct device *dev = &fabric_dev(fabric, "client")->dev;
	const phys_addr_t a = at(fabric, "beside", 0);
	const struct {
		struct phys_vec vec[2];
		int nr;
		int pages;
	} row[] = {
		{ { { a, SZ_8M } }, 1, 4 },
		/* 1 MiB of small pages, three large ones, 1 MiB of small ones */
		{ { { a + SZ_1M, SZ_8M } }, 1, 3 + 512 },
		{ { { a + SZ_1M + SZ_4K, SZ_1M - SZ_4K } }, 1, 255 },
		/* the second is the largest */
		{ { { a + SZ_32M, SZ_8K }, { a + SZ_2M, SZ_16M } }, 2, 2 + 8 },
	};
	struct sg_table *sgt;
	int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		int iovas = mock_iommu_iovas(dev);

		sgt = pci_p2pdma_map_ranges(dev, provider_of(fabric, "beside"),
					    row[i].vec, row[i].nr,
					    fabric_ranges_size(row[i].vec,
							       row[i].nr),
					    DMA_BIDIRECTIONAL);
		KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
		KUNIT_EXPECT_EQ_MSG(test, row[i].pages, atomic_read(&mock->live),
				    "row %d", i);
		fabric_expect_table(fabric, to_pci_dev(dev), row[i].vec,
				    row[i].nr, DMA_BIDIRECTIONAL, sgt);
		pci_p2pdma_unmap_ranges(dev, sgt, DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_EQ(test, iovas, mock_iommu_iovas(dev));
	}
}

/* Split at the client's largest segment and at its boundary. */
static void p2pdma_ranges_split(struct kunit *test)
{
	static const struct {
		u32 start;
		u32 size;
		unsigned int max;
		unsigned long mask;
		int bus;	/* segments as bus addresses */
		int host;	/* segments as an IOVA */
	} row[] = {
		{ 0, SZ_1M, SZ_64K, UINT_MAX, 16, 16 },
		{ 0, SZ_1M + SZ_4K, SZ_64K, UINT_MAX, 17, 17 },
		/* whole pages, unless the client takes less than one */
		{ 0, SZ_64K, SZ_8K + 1, UINT_MAX, 8, 8 },
		{ 0, SZ_4K, 1000, UINT_MAX, 5, 5 },
		{ 0, SZ_1M, UINT_MAX, SZ_64K - 1, 16, 16 },
		{ SZ_4K, SZ_1M, UINT_MAX, SZ_64K - 1, 17, 16 },
		{ SZ_4K, SZ_128K, SZ_32K, SZ_64K - 1, 5, 4 },
		{ SZ_2K, SZ_64K, UINT_MAX, SZ_64K - 1, 2, 2 },
		{ 0, SZ_1M, UINT_MAX, ULONG_MAX, 1, 1 },
	};
	int iommu, i;

	for (iommu = 0; iommu < 2; iommu++) {
		struct mock_iommu *mock = iommu ?
			mock_iommu_create(test, NULL) : NULL;
		struct fabric *fabric = ranges_fabric(test);
		struct device *dev = &fabric_dev(fabric, "client")->dev;

		for (i = 0; i < ARRAY_SIZE(row); i++) {
			dma_set_max_seg_size(dev, row[i].max);
			dma_set_seg_boundary(dev, row[i].mask);
			KUNIT_EXPECT_EQ_MSG(test, row[i].bus,
					    map_list(fabric, "across",
						     { at(fabric, "across",
							  row[i].start),
						       row[i].size }),
					    "row %d", i);
			KUNIT_EXPECT_EQ_MSG(test,
					    iommu ? row[i].host : row[i].bus,
					    map_list(fabric, "beside",
						     { at(fabric, "beside",
							  row[i].start),
						       row[i].size }),
					    "row %d, through the host bridge", i);
		}
		fabric_destroy(fabric);
		if (mock)
			mock_iommu_destroy(mock);
	}
}

static const char giants_picture[] =
	"host mem=64G\n"
	"  rp\n"
	"    up\n"
	"      dp\n"
	"        ep client\n"
	"      dp\n"
	"        ep across bar0=16G\n"
	"  rp\n"
	"    ep beside bar0=16G\n";

/* Ranges over 4 GiB, and lists over 8 GiB. */
static void p2pdma_ranges_giants(struct kunit *test)
{
	static const char * const names[] = { "across", "beside" };
	struct mock_iommu_config config = {
		.pgsizes = SZ_4K | SZ_2M | SZ_1G,
	};
	const u64 most = ALIGN_DOWN(UINT_MAX, SZ_4K);
	struct phys_vec eight = { .len = 2ull * SZ_4G };
	struct fabric *fabric;
	struct device *dev;
	int i, iommu;

	for (iommu = 0; iommu < 2; iommu++) {
		struct mock_iommu *mock = iommu ?
			mock_iommu_create(test, &config) : NULL;

		fabric = fabric_setup(test, giants_picture, NAMES("client"), NULL);
		fabric_provider_plain(fabric, "across", 0);
		fabric_provider_plain(fabric, "beside", 0);
		fabric_cpu_listed(test, true);
		dev = &fabric_dev(fabric, "client")->dev;
		dma_set_seg_boundary(dev, ULONG_MAX);

		for (i = 0; i < ARRAY_SIZE(names); i++) {
			const phys_addr_t a = at(fabric, names[i], 0);
			const u64 gib[] = { 1, 4, 5, 8, 9, 16 };
			/* 10 GiB of 2 GiB each, adjacent; and 12 GiB, not adjacent */
			const struct phys_vec adjacent[] = {
				{ a, SZ_2G }, { a + SZ_2G, SZ_2G },
				{ a + 2ull * SZ_2G, SZ_2G },
				{ a + 3ull * SZ_2G, SZ_2G },
				{ a + 4ull * SZ_2G, SZ_2G },
			};
			const struct phys_vec apart[] = {
				{ a + 10ull * SZ_1G, 6ull * SZ_1G },
				{ a, 6ull * SZ_1G },
			};
			int g;

			for (g = 0; g < ARRAY_SIZE(gib); g++) {
				struct phys_vec one = { a, gib[g] << 30 };

				KUNIT_EXPECT_EQ_MSG(test,
						    DIV_ROUND_UP(one.len, most),
						    map(fabric, names[i], &one, 1),
						    "%llu GiB of %s", gib[g],
						    names[i]);
			}
			KUNIT_EXPECT_EQ(test, 3, map(fabric, names[i], adjacent, 5));
			KUNIT_EXPECT_EQ(test, 4, map(fabric, names[i], apart, 2));
		}

		/* The default boundary is 4 GiB. */
		dma_set_seg_boundary(dev, DMA_BIT_MASK(32));
		eight.paddr = at(fabric, "across", 0);
		KUNIT_EXPECT_EQ(test, 4, map(fabric, "across", &eight, 1));
		fabric_destroy(fabric);
		if (mock)
			mock_iommu_destroy(mock);
	}
}

/* Lists that are not what they claim to be are refused before anything is mapped. */
static void p2pdma_ranges_invalid(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = ranges_fabric(test);
	struct device *dev = &fabric_dev(fabric, "client")->dev;
	struct p2pdma_provider *beside = provider_of(fabric, "beside");
	const phys_addr_t a = at(fabric, "beside", 0);
	const struct {
		struct phys_vec vec[3];
		int nr;
		size_t size;
		const char *what;
	} row[] = {
		{ { { a, SZ_8K } }, 1, SZ_4K, "fewer bytes" },
		{ { { a, SZ_8K } }, 1, SZ_16K, "more bytes" },
		{ { { a, SZ_8K } }, 0, 0, "no range" },
		{ { { a, SZ_8K }, { a + SZ_8K, 0 } }, 2, SZ_8K, "an empty range" },
		{ { { a, 0 } }, 1, 0, "nothing but an empty range" },
		{ { { a - SZ_4K, SZ_8K } }, 1, SZ_8K, "before the BAR" },
		{ { { a + SZ_64M - SZ_4K, SZ_8K } }, 1, SZ_8K, "behind the BAR" },
		{ { { a + SZ_64M, SZ_4K } }, 1, SZ_4K, "outside of the BAR" },
		{ { { a, SZ_4K }, { at(fabric, "across", 0), SZ_4K } }, 2, SZ_8K,
		  "another provider's" },
		{ { { a, SZ_4K },
		    { pci_resource_start(fabric_dev(fabric, "beside"), 2), SZ_4K } },
		  2, SZ_8K, "another BAR of the function" },
		{ { { a, SIZE_MAX } }, 1, SIZE_MAX, "all memory" },
		{ { { a, SZ_8K }, { a, SIZE_MAX - SZ_4K } }, 2, SZ_4K - 1,
		  "a sum that overflows" },
		{ { { a, SZ_2K }, { a + SZ_8K, SZ_4K } }, 2, SZ_4K + SZ_2K,
		  "an end inside a page, in the middle" },
		{ { { a, SZ_4K }, { a + SZ_8K + SZ_2K, SZ_2K } }, 2, SZ_4K + SZ_2K,
		  "a start inside a page, in the middle" },
	};
	int iovas = mock_iommu_iovas(dev), i;
	struct sg_table *sgt;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		sgt = pci_p2pdma_map_ranges(dev, beside, row[i].vec, row[i].nr,
					    row[i].size, DMA_TO_DEVICE);
		KUNIT_EXPECT_PTR_EQ_MSG(test, ERR_PTR(-EINVAL), sgt, "%s",
					row[i].what);
	}
	sgt = pci_p2pdma_map_ranges(dev, NULL, row[0].vec, 1, SZ_8K,
				    DMA_TO_DEVICE);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL), sgt);
	sgt = pci_p2pdma_map_ranges(dev, beside, row[0].vec, 1, SZ_8K, DMA_NONE);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL), sgt);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->runs));
	KUNIT_EXPECT_EQ(test, iovas, mock_iommu_iovas(dev));
}

static bool counted(struct fabric *fabric, const char *name,
		    struct p2pdma_counts *counts)
{
	return p2pdma_pair_counts(fabric_dev(fabric, "client"),
				  provider_of(fabric, name), counts);
}

/* No route: -EREMOTEIO, counted, and nothing is mapped. */
static void p2pdma_ranges_refused(struct kunit *test)
{
	int iommu;

	for (iommu = 0; iommu < 2; iommu++) {
		struct mock_iommu *mock = iommu ?
			mock_iommu_create(test, NULL) : NULL;
		struct fabric *fabric = ranges_fabric(test);
		struct p2pdma_counts counts;

		fabric_cpu_listed(test, false);
		KUNIT_EXPECT_EQ(test, -EREMOTEIO,
				map_list(fabric, "beside",
					 { at(fabric, "beside", 0), SZ_4K }));
		KUNIT_EXPECT_EQ(test, 1,
				map_list(fabric, "across",
					 { at(fabric, "across", 0), SZ_8K }));
		KUNIT_ASSERT_TRUE(test, counted(fabric, "beside", &counts));
		KUNIT_EXPECT_EQ(test, 1, counts.all_refused);
		KUNIT_EXPECT_EQ(test, 1,
				counts.refused[PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED]);
		KUNIT_ASSERT_TRUE(test, counted(fabric, "across", &counts));
		KUNIT_EXPECT_EQ(test, 0, counts.all_refused);
		KUNIT_EXPECT_EQ(test, 1, counts.lists[P2PDMA_READS]);
		KUNIT_EXPECT_EQ(test, SZ_8K, counts.bytes[P2PDMA_READS]);

		fabric_cpu_listed(test, true);
		fabric_policy(test, "off");
		KUNIT_EXPECT_EQ(test, -EREMOTEIO,
				map_list(fabric, "across",
					 { at(fabric, "across", 0), SZ_4K }));
		fabric_policy(test, "auto");
		KUNIT_EXPECT_EQ(test, 1,
				map_list(fabric, "beside",
					 { at(fabric, "beside", 0), SZ_4K }));
		fabric_destroy(fabric);
		if (mock)
			mock_iommu_destroy(mock);
	}
}

/* Writes cross the switch, and reads go through the host bridge. */
static void p2pdma_ranges_by_direction(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct phys_vec vec = { at(fabric, "provider", 0), SZ_64K };

	fabric_cpu_listed(test, true);
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	KUNIT_EXPECT_EQ(test, 1, map_dir(fabric, "provider", &vec, 1,
					 DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->runs));
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, map_dir(fabric, "provider", &vec, 1,
						  DMA_TO_DEVICE));
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	KUNIT_EXPECT_EQ(test, 1, map_dir(fabric, "provider", &vec, 1,
					 DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&mock->runs));
}

/* A client that is not trusted gets whole IOMMU pages only. */
static void p2pdma_ranges_untrusted(struct kunit *test)
{
	struct mock_iommu_config config = { .pgsizes = SZ_4K };
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = fabric_untrusted(test);
	const phys_addr_t a = at(fabric, "inside", 0);

	fabric_cpu_listed(test, true);
	KUNIT_EXPECT_EQ(test, 1, map_list(fabric, "inside", { a, SZ_8K }));
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			map_list(fabric, "inside", { a, SZ_2K }));
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			map_list(fabric, "inside", { a + SZ_2K, SZ_2K }));
	/* Not even below one switch does it get bus addresses. */
	KUNIT_EXPECT_EQ(test, 1,
			map_list(fabric, "provider",
				 { at(fabric, "provider", 0), SZ_8K }));
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&mock->maps));
}

/* A table is not in the window that a list has made, which stays mapped. */
static void p2pdma_ranges_no_window(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_setup(test,
		"host bus=0x80000000\n"
		"  rp\n"
		"    ep client\n"
		"  rp\n"
		"    ep beside bar0=2M\n",
		NAMES("client"), NAMES("beside"));
	struct fabric_sg *sg = fabric_sg_list(fabric, SG_PEER("beside", 0, SZ_64K));
	int window, maps;

	fabric_cpu_listed(test, true);
	fabric_policy(test, "auto,window");
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, fabric_dev(fabric, "client"),
					       DMA_BIDIRECTIONAL));
	fabric_sg_unmap(sg);
	window = atomic_read(&mock->live);
	KUNIT_EXPECT_EQ(test, window, SZ_2M / SZ_4K);

	maps = atomic_read(&mock->maps);
	KUNIT_EXPECT_EQ(test, 1,
			map_list(fabric, "beside",
				 { at(fabric, "beside", 0), SZ_64K }));
	KUNIT_EXPECT_EQ(test, maps + 1, atomic_read(&mock->maps));
	KUNIT_EXPECT_EQ(test, window, atomic_read(&mock->live));
}

/* An IOMMU that cannot map MMIO, and each call into it failing. */
static void p2pdma_ranges_iommu_fails(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = ranges_fabric(test);
	struct device *dev = &fabric_dev(fabric, "client")->dev;
	const phys_addr_t a = at(fabric, "beside", 0);
	int iovas = mock_iommu_iovas(dev), step, ret;

	for (step = 0; step < 10; step++) {
		mock_iommu_fail(mock, step, step % 2 ? -ENOMEM : -EIO);
		ret = map_list(fabric, "beside", { a, SZ_1M },
			       { a + SZ_2M, SZ_1M }, { a + SZ_4M, SZ_1M });
		KUNIT_EXPECT_EQ(test, iovas, mock_iommu_iovas(dev));
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
		if (ret > 0)
			break;
		KUNIT_EXPECT_EQ_MSG(test, ret, step % 2 ? -ENOMEM : -EREMOTEIO,
				    "step %d", step);
	}
	KUNIT_EXPECT_EQ(test, 3, step);

	mock_iommu_fail(mock, -1, 0);
	mock->config.no_mmio = true;
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			map_list(fabric, "beside", { a, SZ_1M }));
	mock->config.no_mmio = false;
	KUNIT_EXPECT_EQ(test, iovas, mock_iommu_iovas(dev));
}

/* Each allocation failing; those for page tables too. */
static void p2pdma_ranges_no_memory(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = ranges_fabric(test);
	struct device *dev = &fabric_dev(fabric, "client")->dev;
	struct p2pdma_provider *beside = provider_of(fabric, "beside");
	const phys_addr_t a = at(fabric, "beside", 0);
	const struct phys_vec vec[] = {
		{ a, SZ_256K }, { a + SZ_2M, SZ_256K },
	};
	int iovas, step, allocations = 0;
	bool failed = true;
	struct sg_table *sgt;

	/* More entries than fit in one page, so that they are chained. */
	dma_set_max_seg_size(dev, SZ_4K / 2);
	KUNIT_EXPECT_EQ(test, SZ_512K / SZ_2K,
			map(fabric, "beside", vec, ARRAY_SIZE(vec)));
	iovas = mock_iommu_iovas(dev);

	fabric_fail_begin(test, true, true);
	for (step = 0; failed && step < 500; step++) {
		fabric_fail_nth(step);
		sgt = pci_p2pdma_map_ranges(dev, beside, vec, ARRAY_SIZE(vec),
					    SZ_512K, DMA_TO_DEVICE);
		failed = fabric_failed_nth();
		if (!IS_ERR(sgt))
			pci_p2pdma_unmap_ranges(dev, sgt, DMA_TO_DEVICE);
		else
			KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENOMEM), sgt);
		KUNIT_EXPECT_TRUE(test, failed || !IS_ERR(sgt));
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
		KUNIT_EXPECT_EQ(test, iovas, mock_iommu_iovas(dev));
		allocations += IS_ERR(sgt);
	}
	KUNIT_EXPECT_FALSE(test, failed);
	/* The table, the entries, and 128 pages of the mock; and what these need in turn. */
	KUNIT_EXPECT_GT(test, step, 130);
	/*
	 * Not all of the first are among what was refused: the slab allocator's own need of
	 * pages, which does without, is not the same in each step.
	 */
	KUNIT_EXPECT_GT(test, allocations, 80);
}

/* Random lists, limits and page sizes. */
static void p2pdma_ranges_random(struct kunit *test)
{
	static const char * const names[] = { "across", "beside", "far" };
	static const unsigned long pgsizes[] = {
		SZ_4K, SZ_4K | SZ_2M, SZ_2K, 0,
	};
	/* With KASAN the oracle takes its time. */
	int rounds = IS_ENABLED(CONFIG_KASAN) ? 12 : 60;
	struct rnd_state rnd;
	int p, round, i;

	prandom_seed_state(&rnd, 15);
	for (p = 0; p < ARRAY_SIZE(pgsizes); p++) {
		struct mock_iommu_config config = {
			.pgsizes = pgsizes[p], .lazy = p % 2,
		};
		struct mock_iommu *mock = pgsizes[p] ?
			mock_iommu_create(test, &config) : NULL;
		struct fabric *fabric = ranges_fabric(test);
		struct device *dev = &fabric_dev(fabric, "client")->dev;

		for (round = 0; round < rounds; round++) {
			const char *name = names[round % ARRAY_SIZE(names)];
			int nr = 1 + prandom_u32_state(&rnd) % 8;
			struct phys_vec vec[8];
			u64 next = 0;
			int ret;

			dma_set_max_seg_size(dev, (prandom_u32_state(&rnd) % 3) ?
					     UINT_MAX :
					     SZ_4K << (prandom_u32_state(&rnd) % 6));
			dma_set_seg_boundary(dev, (prandom_u32_state(&rnd) % 3) ?
					     ULONG_MAX :
					     (SZ_16K << (prandom_u32_state(&rnd) % 6)) - 1);
			for (i = 0; i < nr; i++) {
				u64 page = prandom_u32_state(&rnd) % 2 ? next :
					   prandom_u32_state(&rnd) % (SZ_32M / SZ_4K);
				u64 pages = 1 + prandom_u32_state(&rnd) % 200;

				vec[i].paddr = at(fabric, name, page * SZ_4K);
				vec[i].len = pages * SZ_4K;
				next = page + pages;
			}
			ret = map_dir(fabric, name, vec, nr, round % 3);
			KUNIT_EXPECT_GT_MSG(test, ret, 0, "round %d, %d ranges of %s",
					    round, nr, name);
			if (mock)
				KUNIT_EXPECT_EQ(test, 0,
						atomic_read(&mock->live));
		}
		fabric_destroy(fabric);
		if (mock)
			mock_iommu_destroy(mock);
	}
}

/* Memory with struct pages is mapped the same way; a part of a BAR is that part. */
static void p2pdma_ranges_paged(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep client\n"
		"      dp\n"
		"        ep provider bar0=8M\n",
		NAMES("client"), NULL);
	phys_addr_t a = at(fabric, "provider", 0);

	fabric_provider_part(fabric, "provider", 0, SZ_2M, SZ_2M);
	KUNIT_EXPECT_EQ(test, 1, map_list(fabric, "provider",
					  { a + SZ_2M, SZ_2M }));
	KUNIT_EXPECT_EQ(test, -EINVAL, map_list(fabric, "provider",
						{ a + SZ_2M - SZ_4K, SZ_8K }));
	KUNIT_EXPECT_EQ(test, -EINVAL, map_list(fabric, "provider",
						{ a, SZ_4K }));
	/* Joined across two parts that are adjacent. */
	fabric_provider_part(fabric, "provider", 0, SZ_2M, SZ_4M);
	KUNIT_EXPECT_EQ(test, 1, map_list(fabric, "provider",
					  { a + SZ_2M, SZ_4M }));
}

static struct kunit_case p2pdma_ranges_cases[] = {
	KUNIT_CASE(p2pdma_ranges_direct),
	KUNIT_CASE(p2pdma_ranges_iommu),
	KUNIT_CASE(p2pdma_ranges_flags),
	KUNIT_CASE(p2pdma_ranges_one_range),
	KUNIT_CASE(p2pdma_ranges_large_pages),
	KUNIT_CASE(p2pdma_ranges_split),
	KUNIT_CASE(p2pdma_ranges_giants),
	KUNIT_CASE(p2pdma_ranges_invalid),
	KUNIT_CASE(p2pdma_ranges_refused),
	KUNIT_CASE(p2pdma_ranges_by_direction),
	KUNIT_CASE(p2pdma_ranges_untrusted),
	KUNIT_CASE(p2pdma_ranges_no_window),
	KUNIT_CASE(p2pdma_ranges_iommu_fails),
	KUNIT_CASE(p2pdma_ranges_no_memory),
	KUNIT_CASE(p2pdma_ranges_random),
	KUNIT_CASE(p2pdma_ranges_paged),
	{}
};

static struct kunit_suite p2pdma_ranges_suite = {
	.name = "p2pdma_ranges",
	.test_cases = p2pdma_ranges_cases,
};

kunit_test_suite(p2pdma_ranges_suite);
