// SPDX-License-Identifier: GPL-2.0
/*
 * dma-iommu: lists with peer memory, for clients behind a translating IOMMU.
 *
 * Every list goes through fabric_sg_map(), which has the oracle walk each address
 * that a mapping returns, by way of the IOMMU's page table, and looks at what a
 * refusal leaves behind.  When the mock IOMMU goes it checks that nothing is left
 * mapped, and that it has refused no request.  "Defect N" is a defect of the plain
 * 6.12 kernel that must not come back.
 */
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/iova.h>
#include <linux/mem_encrypt.h>
#include <linux/sizes.h>
#include <linux/stop_machine.h>
#ifdef CONFIG_AMD_MEM_ENCRYPT
#include <asm/coco.h>
#endif

#include "../../drivers/iommu/dma-iommu.h"
#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"
#include "fabric_single.h"
#include "mock_cache.h"
#include "mock_iommu.h"
#include "oracle.h"

/* All host bridges are trusted: a refusal is the fabric's from here on. */
static void trust_all(struct kunit *test)
{
	fabric_cpu_listed(test, true);
}

/* How RAM is mapped for a client, beside the direction. */
static int ram_prot(struct pci_dev *client)
{
	return dev_is_dma_coherent(&client->dev) ? IOMMU_CACHE : 0;
}

/* A list of a coherent client that is trusted gets one IOVA range. */
static bool coherent(struct pci_dev *client)
{
	return dev_is_dma_coherent(&client->dev);
}

/* The DMA address at an offset in a mapped list. */
static dma_addr_t dma_at(struct fabric_sg *sg, u64 offset)
{
	struct scatterlist *entry;
	int i;

	for_each_sgtable_dma_sg(&sg->table, entry, i) {
		if (offset < sg_dma_len(entry))
			return sg_dma_address(entry) + offset;
		offset -= sg_dma_len(entry);
	}
	return DMA_MAPPING_ERROR;
}

/* Below one switch: a bus address, for which the IOMMU maps nothing. */
static void dma_iommu_switch(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg =
		fabric_sg_list(fabric, SG_RAM(100, SZ_8K),
			       SG_PEER("provider", SZ_4K, SZ_4K));

	KUNIT_ASSERT_TRUE(test, use_dma_iommu(&client->dev));
	KUNIT_ASSERT_TRUE(test, mock_iommu_translates(&client->dev));

	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_refused(fabric, "client", "beside", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->maps));

	/* RAM in the same list is mapped in the IOMMU. */
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&mock->maps));
	KUNIT_EXPECT_EQ(test, IOMMU_WRITE | ram_prot(client),
			mock_iommu_prot(&client->dev,
					sg_dma_address(sg->table.sgl)));
	fabric_sg_unmap(sg);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

/* Through the host bridge: an IOVA, mapped as MMIO, not cacheable.  Defect 4. */
static void dma_iommu_mmio(struct kunit *test)
{
	static const int prot[] = {
		[DMA_BIDIRECTIONAL]	= IOMMU_READ | IOMMU_WRITE,
		[DMA_TO_DEVICE]		= IOMMU_READ,
		[DMA_FROM_DEVICE]	= IOMMU_WRITE,
	};
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg =
		fabric_sg_list(fabric, SG_RAM(0, SZ_4K),
			       SG_PEER("beside", SZ_4K, SZ_4K), SG_RAM(8, SZ_4K));
	enum dma_data_direction dir;
	int n;

	trust_all(test);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, dir));
		/* The second entry of RAM begins inside a page. */
		KUNIT_ASSERT_EQ(test, coherent(client) ? 2 : 3,
				sg->table.nents);
		for (n = 0; n < 3; n++)
			KUNIT_EXPECT_EQ_MSG(test, prot[dir] |
					    (n == 1 ? IOMMU_MMIO :
						      ram_prot(client)),
					    mock_iommu_prot(&client->dev,
							    dma_at(sg, n * SZ_4K)),
					    "entry %d, direction %d", n, dir);
		for (n = 0; n < sg->table.nents; n++)
			KUNIT_EXPECT_FALSE(test,
					   sg_dma_is_bus_address(fabric_sg_entry(sg, n)));
		fabric_sg_unmap(sg);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	}
}

/*
 * ACS that redirects where the paths part sends the request through the IOMMU.  A
 * translated request does not need upstream forwarding at the root port.
 */
static void dma_iommu_acs(struct kunit *test)
{
	struct fabric *fabric;

	mock_iommu_create(test, NULL);
	fabric = fabric_switch(test);
	trust_all(test);

	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	/* Egress control blocks bus addresses alone, not IOVAs. */
	fabric_set_acs(fabric, "c", PCI_ACS_EC);
	fabric_set_egress(fabric, "c", BIT(2));
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	fabric_set_egress(fabric, "c", BIT(1));
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_cpu_listed(test, false);
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_refused(fabric, "client", "provider", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);

	/* A port that does not decode memory passes nothing down again. */
	trust_all(test);
	fabric_set_decode(fabric, "u", false);
	expect_refused(fabric, "client", "provider", EVERY_DIR, FABRIC_BLOCKED);
	fabric_set_decode(fabric, "u", true);
	fabric_set_acs(fabric, "c", 0);

	/* A redirected completion is not translated: the root port needs UF. */
	trust_all(test);
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
	expect_refused(fabric, "client", "provider", READ_DIRS, FABRIC_BLOCKED);
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	expect_host(fabric, "client", "provider", READ_DIRS, ACS_COMPLETION);

	/* ACS bits for the other direction do not matter.  Defect 8. */
	fabric_set_acs(fabric, "p", PCI_ACS_RR | PCI_ACS_EC);
	fabric_set_acs(fabric, "c", PCI_ACS_CR);
	fabric_set_acs(fabric, "r", 0);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
}

/* As the kernel sets ACS where it has an IOMMU: SV, RR, CR and UF everywhere. */
static void dma_iommu_kernel_acs(struct kunit *test)
{
	struct fabric *fabric;

	mock_iommu_create(test, NULL);
	fabric = fabric_setup(test,
			      "host bus=0x80000000\n"
			      "  rp acs=SV,RR,CR,UF\n"
			      "    up\n"
			      "      dp acs=SV,RR,CR,UF\n"
			      "        ep client\n"
			      "      dp acs=SV,RR,CR,UF\n"
			      "        ep provider bar0=2M\n"
			      "host bus=0x600000000000\n"
			      "  rp acs=SV,RR,CR,UF\n"
			      "    ep far bar0=2M\n",
			      NAMES("client"), NAMES("provider", "far"));

	trust_all(test);
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	expect_host(fabric, "client", "far", EVERY_DIR, NO_COMMON_PORT);
}

/* A contiguous run is one mapping and one segment, whatever its entries. */
static void dma_iommu_contiguous(struct kunit *test)
{
	static const unsigned long pgsizes[] = {
		SZ_4K, SZ_2K, SZ_4K | SZ_2M,
	};
	int size, i;

	for (size = 0; size < ARRAY_SIZE(pgsizes); size++) {
		struct mock_iommu_config config = { .pgsizes = pgsizes[size] };
		struct mock_iommu *mock = mock_iommu_create(test, &config);
		struct fabric *fabric = fabric_switch(test);
		struct pci_dev *client = fabric_dev(fabric, "client");
		struct fabric_sg *sg = fabric_sg_alloc(fabric, 64);

		trust_all(test);
		for (i = 0; i < 64; i++)
			fabric_sg_peer(sg, "beside", SZ_2K + i * SZ_16K, SZ_16K);
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
		KUNIT_EXPECT_EQ(test, 1, sg->table.nents);
		KUNIT_EXPECT_EQ(test, SZ_1M, sg_dma_len(sg->table.sgl));
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&mock->maps));
		fabric_sg_sync(sg);
		fabric_sg_unmap(sg);

		/*
		 * The client's largest segment begins another; so does a gap, if
		 * each run has an IOVA of its own.
		 */
		sg = fabric_sg_list(fabric, SG_PEER("beside", 0, SZ_8K),
				    SG_PEER("beside", SZ_8K, SZ_8K),
				    SG_PEER("beside", SZ_16K + SZ_4K, SZ_4K));
		KUNIT_EXPECT_EQ(test, coherent(client) ? 1 : 2,
				fabric_sg_segments(sg, client,
						   DMA_BIDIRECTIONAL));
		KUNIT_EXPECT_EQ(test, coherent(client) ? 2 : 3,
				atomic_read(&mock->maps));
		dma_set_max_seg_size(&client->dev, SZ_8K + SZ_4K);
		KUNIT_EXPECT_EQ(test, coherent(client) ? 2 : 3,
				fabric_sg_segments(sg, client,
						   DMA_BIDIRECTIONAL));

		/* The IOMMU's largest pages are used. */
		dma_set_max_seg_size(&client->dev, UINT_MAX);
		sg = fabric_sg_list(fabric, SG_PEER("beside", 0, SZ_2M));
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
		KUNIT_EXPECT_EQ(test, SZ_2M >> __fls(pgsizes[size]),
				atomic_read(&mock->live));
		fabric_sg_unmap(sg);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
		fabric_destroy(fabric);
		mock_iommu_destroy(mock);
	}
}

/* All pages of a mapped list, each with the protection of its memory. */
static void expect_prot(struct kunit *test, struct fabric_sg *sg,
			struct pci_dev *client)
{
	struct scatterlist *entry;
	u64 offset = 0;
	int i, k;

	for_each_sgtable_sg(&sg->table, entry, i) {
		int want = IOMMU_READ | IOMMU_WRITE |
			   (pci_p2pdma_provider_of_phys(sg_phys(entry), 1) ?
			    IOMMU_MMIO : ram_prot(client));

		for (k = 0; k < entry->length; k += SZ_4K)
			KUNIT_EXPECT_EQ_MSG(test, want,
					    mock_iommu_prot(&client->dev,
							    dma_at(sg, offset + k)),
					    "entry %d, byte %d", i, k);
		offset += entry->length;
	}
}

/*
 * A list takes one IOVA range, each run of it one mapping, and one synchronisation at
 * map and at unmap, whatever the device takes as one segment.
 */
static void dma_iommu_one_range(struct kunit *test)
{
	static const unsigned int max_seg[] = { SZ_64K, UINT_MAX };
	static const struct {
		const char *name;
		u32 step;	/* between two entries of peer memory */
		bool ram;	/* every other entry is RAM */
		int runs;
	} row[] = {
		{ "contiguous", SZ_4K, false, 1 },
		{ "scattered", SZ_8K, false, 64 },
		{ "alternating", SZ_4K, true, 64 },
	};
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 64);
	int m, r, i, runs, maps, syncs;

	trust_all(test);
	for (m = 0; m < ARRAY_SIZE(max_seg); m++) {
		dma_set_max_seg_size(&client->dev, max_seg[m]);
		for (r = 0; r < ARRAY_SIZE(row); r++) {
			fabric_sg_clear(sg);
			for (i = 0; i < 64; i++)
				if (row[r].ram && i % 2)
					fabric_sg_ram(sg, 2 * i * SZ_4K, SZ_4K);
				else
					fabric_sg_peer(sg, "beside",
						       i * row[r].step, SZ_4K);

			runs = atomic_read(&mock->runs);
			maps = atomic_read(&mock->maps);
			KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client,
							       DMA_BIDIRECTIONAL));
			KUNIT_EXPECT_EQ_MSG(test, row[r].runs,
					    atomic_read(&mock->runs) - runs, "%s",
					    row[r].name);
			KUNIT_EXPECT_EQ(test, 1,
					atomic_read(&mock->maps) - maps);
			KUNIT_EXPECT_EQ_MSG(test, max_seg[m] == SZ_64K ? 4 : 1,
					    sg->table.nents, "%s", row[r].name);
			for (i = 1; i < 64; i++)
				KUNIT_EXPECT_EQ(test, dma_at(sg, i * SZ_4K),
						dma_at(sg, 0) + i * SZ_4K);
			expect_prot(test, sg, client);

			syncs = atomic_read(&mock->syncs);
			fabric_sg_unmap(sg);
			KUNIT_EXPECT_EQ(test, 1,
					atomic_read(&mock->syncs) - syncs);
			KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
		}
	}
}

/* No segment crosses the client's boundary, at whatever offset in a page it starts. */
static void dma_iommu_boundary(struct kunit *test)
{
	static const struct {
		u32 start;
		int segments;
	} row[] = {
		{ 0, 4 }, { SZ_2K, 6 }, { SZ_64K, 4 },
	};
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 16);
	struct scatterlist *entry;
	int r, i;

	trust_all(test);
	dma_set_seg_boundary(&client->dev, SZ_64K - 1);
	for (r = 0; r < ARRAY_SIZE(row); r++) {
		fabric_sg_clear(sg);
		for (i = 0; i < 16; i++)
			fabric_sg_peer(sg, "beside", row[r].start + i * SZ_16K,
				       SZ_16K);
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
		KUNIT_EXPECT_EQ_MSG(test, sg->table.nents, row[r].segments,
				    "row %d", r);
		for_each_sgtable_dma_sg(&sg->table, entry, i) {
			u64 first = sg_dma_address(entry);
			u64 last = first + sg_dma_len(entry) - 1;

			KUNIT_EXPECT_EQ_MSG(test, first / SZ_64K, last / SZ_64K,
					    "row %d, segment %d: %#llx to %#llx",
					    r, i, first, last);
		}
		fabric_sg_unmap(sg);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	}
}

/* What is left free at a boundary moves all that comes after it, however many runs. */
static void dma_iommu_padding(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 16);
	int peers, i;

	trust_all(test);
	dma_set_seg_boundary(&client->dev, SZ_64K - 1);
	for (peers = 1; peers <= 8; peers++) {
		u64 start;

		fabric_sg_clear(sg);
		fabric_sg_ram(sg, 0, SZ_16K + SZ_32K);
		fabric_sg_ram(sg, 0, SZ_32K);
		for (i = 0; i < peers; i++)
			fabric_sg_peer(sg, "beside", i * SZ_8K, SZ_4K);
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
		KUNIT_EXPECT_EQ(test, 2, sg->table.nents);
		start = dma_at(sg, 0) + SZ_16K;
		for (i = SZ_16K + SZ_32K; i < SZ_64K + SZ_16K; i += SZ_4K)
			KUNIT_EXPECT_EQ_MSG(test, start + i, dma_at(sg, i),
					    "%d peers, byte %d", peers, i);
		expect_prot(test, sg, client);
		fabric_sg_unmap(sg);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	}
}

/*
 * Two adjacent BARs are two providers.  A list gets one mapping for both where it has
 * one IOVA range, and else two.
 */
static void dma_iommu_adjacent_bars(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *beside = fabric_dev(fabric, "beside");
	u64 edge = pci_resource_start(beside, 2);
	struct fabric_sg *both, *empty, *across;

	KUNIT_ASSERT_EQ(test, edge, pci_resource_start(beside, 0) + SZ_2M);
	fabric_provider(fabric, "beside", 2);
	trust_all(test);
	both = fabric_sg_list(fabric, SG_PHYS(edge - SZ_4K, SZ_4K),
			      SG_PHYS(edge, SZ_4K));
	empty = fabric_sg_list(fabric, SG_PHYS(edge - SZ_8K, SZ_4K),
			       SG_PHYS(edge - SZ_4K, 0));
	across = fabric_sg_list(fabric, SG_PHYS(edge - SZ_4K, SZ_8K));

	KUNIT_EXPECT_EQ(test, 1,
			fabric_sg_segments(both, client, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&mock->maps));

	/* An empty entry is refused, also after one that could be mapped. */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			fabric_sg_map(empty, client, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			fabric_sg_map(across, client, DMA_BIDIRECTIONAL));
	/* Nothing is mapped before all entries have been looked at. */
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&mock->maps));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

/* The IOMMU maps "old"; "provider", whose BAR comes after it, has bus addresses. */
static struct fabric *fabric_old(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp noacs\n"
		"        bridge\n"
		"          pci old bar0=2M\n"
		"      dp noacs\n"
		"        ep client\n"
		"      dp noacs\n"
		"        ep provider bar0=2M\n",
		NAMES("client"), NAMES("old", "provider"));

	trust_all(test);
	KUNIT_ASSERT_EQ(test,
			pci_resource_start(fabric_dev(fabric, "old"), 0) + SZ_2M,
			pci_resource_start(fabric_dev(fabric, "provider"), 0));
	return fabric;
}

/*
 * Defect 22: a run that the IOMMU maps, and as the last entry a bus-address segment
 * that is physically adjacent to it.
 */
static void dma_iommu_adjacent_bus_segment(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_old(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	u64 edge = pci_resource_start(fabric_dev(fabric, "provider"), 0);
	struct fabric_sg *sg =
		fabric_sg_list(fabric, SG_RAM(0, SZ_4K),
			       SG_PHYS(edge - SZ_4K, SZ_4K),
			       SG_PHYS(edge, SZ_4K));

	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	KUNIT_ASSERT_EQ(test, coherent(client) ? 2 : 3, sg->table.nents);
	KUNIT_EXPECT_TRUE(test,
			  sg_dma_is_bus_address(fabric_sg_entry(sg, sg->table.nents - 1)));
	fabric_sg_unmap(sg);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

static u64 bytes_counted(struct pci_dev *client, phys_addr_t phys)
{
	struct p2pdma_counts counts = {};

	p2pdma_pair_counts(client, pci_p2pdma_provider_of_phys(phys, 1), &counts);
	return counts.bytes[P2PDMA_WRITES] + counts.bytes[P2PDMA_READS];
}

/*
 * Whole pages that are not adjacent make one DMA segment, until there is a bus address;
 * each is mapped by the route of its own memory, and counted there.
 */
static void dma_iommu_in_turn(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_old(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	u64 old = pci_resource_start(fabric_dev(fabric, "old"), 0);
	u64 edge = pci_resource_start(fabric_dev(fabric, "provider"), 0);
	const struct {
		struct fabric_sg *sg;
		int segments;
		unsigned int bus;	/* bit mask of segments */
		u32 old;		/* bytes */
		u32 provider;
	} row[] = {
		{ fabric_sg_list(fabric, SG_PHYS(old, SZ_4K),
				 SG_PHYS(edge - SZ_4K, SZ_4K),
				 SG_PHYS(edge, SZ_4K)),
		  2, BIT(1), SZ_8K, SZ_4K },
		{ fabric_sg_list(fabric, SG_PHYS(edge, SZ_4K),
				 SG_PHYS(old, SZ_4K),
				 SG_PHYS(old + SZ_8K, SZ_8K),
				 SG_PHYS(edge + SZ_8K, SZ_16K)),
		  3, BIT(0) | BIT(2), SZ_4K + SZ_8K, SZ_4K + SZ_16K },
		{ fabric_sg_list(fabric, SG_RAM(0, SZ_4K),
				 SG_PHYS(old, SZ_4K), SG_RAM(SZ_8K, SZ_16K),
				 SG_PHYS(old + SZ_8K, SZ_8K), SG_RAM(SZ_32K, SZ_4K),
				 SG_RAM(SZ_64K, SZ_4K),
				 SG_PHYS(old + SZ_32K, SZ_16K)),
		  1, 0, SZ_4K + SZ_8K + SZ_16K, 0 },
		/* Goes on inside a page. */
		{ fabric_sg_list(fabric, SG_PHYS(old, SZ_4K), SG_RAM(0, SZ_4K),
				 SG_PHYS(old + SZ_16K, SZ_2K),
				 SG_PHYS(old + SZ_16K + SZ_2K, SZ_2K)),
		  1, 0, SZ_8K, 0 },
	};
	int r, i;

	for (r = 0; r < ARRAY_SIZE(row); r++) {
		u64 old_bytes = bytes_counted(client, old);
		u64 provider_bytes = bytes_counted(client, edge);
		struct fabric_sg *sg = row[r].sg;

		KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client,
						       DMA_BIDIRECTIONAL));
		KUNIT_ASSERT_EQ_MSG(test, row[r].segments, sg->table.nents,
				    "row %d", r);
		for (i = 0; i < row[r].segments; i++)
			KUNIT_EXPECT_EQ_MSG(test, !!(row[r].bus & BIT(i)),
					    sg_dma_is_bus_address(fabric_sg_entry(sg, i)),
					    "row %d, segment %d", r, i);
		KUNIT_EXPECT_EQ_MSG(test, row[r].old,
				    bytes_counted(client, old) - old_bytes,
				    "row %d", r);
		KUNIT_EXPECT_EQ_MSG(test, row[r].provider,
				    bytes_counted(client, edge) - provider_bytes,
				    "row %d", r);
		if (!row[r].bus)
			expect_prot(test, sg, client);
		fabric_sg_unmap(sg);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	}
}

/*
 * Memory that ends where RAM begins has its own protection.  There is no RAM, but in a list
 * a BAR that is not registered counts as such.
 */
static void dma_iommu_next_to_ram(struct kunit *test)
{
	struct fabric *fabric;
	struct pci_dev *client;
	struct fabric_sg *sg;
	phys_addr_t phys;
	dma_addr_t dma;

	mock_iommu_create(test, NULL);
	fabric = fabric_switch(test);
	trust_all(test);
	client = fabric_dev(fabric, "client");
	phys = pci_resource_end(fabric_dev(fabric, "beside"), 0) + 1;
	KUNIT_ASSERT_NULL(test, pci_p2pdma_provider_of_phys(phys, 1));
	sg = fabric_sg_alloc(fabric, 2);
	fabric_sg_phys(sg, phys - SZ_4K, SZ_4K);
	fabric_sg_phys(sg, phys, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, dma_map_sgtable(&client->dev, &sg->table,
						 DMA_BIDIRECTIONAL, 0));
	dma = sg_dma_address(sg->table.sgl);
	KUNIT_EXPECT_TRUE(test, mock_iommu_prot(&client->dev, dma) & IOMMU_MMIO);
	KUNIT_EXPECT_FALSE(test, mock_iommu_prot(&client->dev, dma + SZ_4K) &
			   IOMMU_MMIO);
	dma_unmap_sgtable(&client->dev, &sg->table, DMA_BIDIRECTIONAL, 0);
}

/*
 * Defect 1: the route counts for an untrusted client too, and peer memory is never
 * bounced for it.  It gets whole IOMMU pages of peer memory or nothing.
 */
static void dma_iommu_untrusted(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_untrusted(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg =
		fabric_sg_list(fabric, SG_PEER("provider", SZ_8K, SZ_8K),
			       SG_PEER("inside", SZ_4K, SZ_4K));
	struct fabric_sg *part =
		fabric_sg_list(fabric, SG_PEER("inside", SZ_4K, SZ_2K));
	struct fabric_sg *unaligned =
		fabric_sg_list(fabric, SG_PEER("inside", SZ_4K, SZ_4K),
			       SG_PEER("inside", SZ_16K + 16, SZ_4K));
	struct fabric_sg *empty =
		fabric_sg_list(fabric, SG_PEER("inside", SZ_4K, SZ_4K),
			       SG_PEER("inside", SZ_8K, 0));
	struct p2pdma_provider *provider;
	struct pci_p2pdma_route route;
	enum dma_data_direction dir;
	dma_addr_t dma;

	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	trust_all(test);
	/* An empty entry is no part of what is mapped in one go before it. */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			fabric_sg_map(empty, client, DMA_FROM_DEVICE));
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, dir));
		KUNIT_EXPECT_EQ(test, 2, sg->table.nents);
		KUNIT_EXPECT_FALSE(test, sg_dma_is_bus_address(sg->table.sgl));
		dma = sg_dma_address(sg->table.sgl);
		KUNIT_EXPECT_TRUE(test, mock_iommu_prot(&client->dev, dma) &
				  IOMMU_MMIO);
		fabric_sg_sync(sg);
		fabric_sg_unmap(sg);
	}
	provider = pci_p2pdma_provider_of_phys(sg_phys(sg->table.sgl), SZ_4K);
	pci_p2pdma_query_route(provider, &client->dev, DMA_BIDIRECTIONAL,
			       &route);
	KUNIT_EXPECT_EQ(test, route.reason, PCI_P2PDMA_UNTRUSTED_CLIENT);

	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(part, client, DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(unaligned, client, DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));

	/* A trusted client gets parts of pages too. */
	expect_host(fabric, "inside", "provider", EVERY_DIR, NO_COMMON_PORT);
}

/* Defect 16: in a guest with a vIOMMU nothing is direct. */
static void dma_iommu_guest(struct kunit *test)
{
	struct fabric *fabric;

	mock_iommu_create(test, NULL);
	fabric = fabric_switch(test);
	fabric_guest(test, true);
	expect_refused(fabric, "client", "provider", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);
	trust_all(test);
	expect_host(fabric, "client", "provider", EVERY_DIR, VIRTUALISED);
	fabric_policy(test, "switch");
	expect_refused(fabric, "client", "provider", EVERY_DIR, POLICY_SWITCH);
}

/* Passthrough: as without an IOMMU, in a guest too. */
static void dma_iommu_identity(struct kunit *test)
{
	struct mock_iommu_config config = { .identity = true };
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");

	KUNIT_EXPECT_FALSE(test, use_dma_iommu(&client->dev));
	KUNIT_EXPECT_FALSE(test, mock_iommu_translates(&client->dev));
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_guest(test, true);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_refused(fabric, "client", "beside", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);
	trust_all(test);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
	fabric_policy(test, "host");
	expect_refused(fabric, "client", "provider", EVERY_DIR, POLICY_HOST);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->maps));
}

/* Mode host: peer memory of others goes through the root complex and the IOMMU. */
static void dma_iommu_mode_host(struct kunit *test)
{
	struct oracle_answer answer;
	struct fabric *fabric;
	struct pci_dev *client;
	struct fabric_sg *sg;

	mock_iommu_create(test, NULL);
	fabric = fabric_switch(test);
	client = fabric_dev(fabric, "client");
	sg = fabric_sg_list(fabric, SG_PEER("provider", 0, SZ_4K));

	fabric_policy(test, "host");
	expect_refused(fabric, "client", "provider", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);
	trust_all(test);
	expect_host(fabric, "client", "provider", EVERY_DIR, POLICY_HOST);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);

	/* The request passes the root complex and the IOMMU. */
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	oracle_outcome(fabric, client, sg_dma_address(sg->table.sgl), false,
		       &answer);
	KUNIT_EXPECT_EQ(test, answer.outcome, ORACLE_LANDED);
	KUNIT_EXPECT_TRUE(test, answer.root);
	KUNIT_EXPECT_TRUE(test, answer.iommu);
	fabric_sg_unmap(sg);

	fabric_provider_release(fabric, "beside");
	fabric_policy(test, "off");
	expect_refused(fabric, "client", "provider", EVERY_DIR, POLICY_OFF);
}

/*
 * No IOVA lies in the window of bus addresses below the client's host bridge, where a
 * request would not reach the IOMMU.  The window is at the end of the 32-bit
 * addresses here, from where IOVAs are allocated downwards.
 */
static void dma_iommu_iova_is_no_bus_address(struct kunit *test)
{
	struct scatterlist *entry;
	struct fabric *fabric;
	struct pci_dev *client;
	struct fabric_sg *sg;
	enum dma_data_direction dir;
	int i;

	mock_iommu_create(test, NULL);
	fabric = fabric_switch_on(test, "bus=0xf0000000");
	client = fabric_dev(fabric, "client");
	sg = fabric_sg_list(fabric, SG_RAM(0, SZ_4K),
			    SG_PEER("provider", 0, SZ_4K),
			    SG_PEER("beside", 0, SZ_4K));

	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(&client->dev, DMA_BIT_MASK(32)));
	trust_all(test);
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, dir));
		KUNIT_ASSERT_EQ(test, 3, sg->table.nents);
		for_each_sgtable_dma_sg(&sg->table, entry, i)
			KUNIT_EXPECT_EQ_MSG(test, i == 1,
					    sg_dma_address(entry) >= 0xf0000000,
					    "segment %d: %#llx", i,
					    (u64)sg_dma_address(entry));
		fabric_sg_unmap(sg);
	}
}

/* Nothing is mapped any more, and there are no more segments than entries. */
static void expect_balanced(struct kunit *test, const struct mixed_list *list,
			    void *data)
{
	struct mock_iommu *mock = data;

	KUNIT_EXPECT_EQ_MSG(test, 0, atomic_read(&mock->live),
			    "list %#x of %d entries", list->what, list->count);
	KUNIT_EXPECT_EQ_MSG(test, 0, mock->faults, "list %#x of %d entries",
			    list->what, list->count);
	if (!list->error)
		KUNIT_EXPECT_LE_MSG(test, list->nents, list->count,
				    "list %#x", list->what);
}

/*
 * All small lists of RAM and three providers' memory; pieces of the same provider are
 * adjacent.  Defects 5 and 21.
 */
static void dma_iommu_small_lists(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);

	mixed_small_lists(fabric_mixed(test), expect_balanced, mock);
}

/* The same with IOMMU pages smaller than the CPU's, and with flush queues. */
static void dma_iommu_small_lists_2k_lazy(struct kunit *test)
{
	struct mock_iommu_config config = { .pgsizes = SZ_2K, .lazy = true };
	struct mock_iommu *mock = mock_iommu_create(test, &config);

	mixed_small_lists(fabric_mixed(test), expect_balanced, mock);
}

static void dma_iommu_random_lists(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);

	mixed_random_lists(fabric_mixed(test), 8, 2718281828, expect_balanced,
			   mock);
}

/* DMA-API debug looks at the segments. */
static void dma_iommu_random_lists_bounded(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_mixed(test);
	struct device *client = &fabric_dev(fabric, "client")->dev;

	dma_set_seg_boundary(client, SZ_32K - 1);
	dma_set_max_seg_size(client, SZ_8K + SZ_4K);
	mixed_random_lists(fabric, 8, 1618033988, expect_balanced, mock);
}

static void dma_iommu_random_lists_lazy(struct kunit *test)
{
	struct mock_iommu_config config = {
		.pgsizes = SZ_4K | SZ_2M, .lazy = true,
	};
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = fabric_mixed(test);
	struct device *client = &fabric_dev(fabric, "client")->dev;

	mixed_random_lists(fabric, 8, 1414213562, expect_balanced, mock);
	KUNIT_EXPECT_EQ(test, IOMMU_DOMAIN_DMA_FQ,
			iommu_get_dma_domain(client)->type);
}

/* Defects 5 and 21: DMA fields that an earlier mapping has left do not matter. */
static void dma_iommu_again(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);

	mixed_again(fabric_mixed(test), expect_balanced, mock);
}

static void dma_iommu_edges(struct kunit *test)
{
	struct mock_iommu_config config = { .pgsizes = SZ_4K | SZ_2M };
	struct mock_iommu *mock = mock_iommu_create(test, &config);

	mixed_edges(fabric_mixed(test), expect_balanced, mock);
}

static void dma_iommu_kinds(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);

	mixed_kinds(fabric_mixed(test), expect_balanced, mock);
}

static void dma_iommu_crossing(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);

	mixed_crossing(fabric_mixed(test), expect_balanced, mock);
}

static void dma_iommu_providers_gone(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);

	mixed_providers_gone(fabric_mixed(test), expect_balanced, mock);
}

/* Lengths near 4 GiB, where the sum of two does not fit into 32 bits. */
static void dma_iommu_giants(struct kunit *test)
{
	struct mock_iommu_config config = { .pgsizes = SZ_4K | SZ_2M | SZ_1G };
	struct mock_iommu *mock = mock_iommu_create(test, &config);

	giant_lists(fabric_giants(test), true, expect_balanced, mock);
}

/*
 * A mixed list with one call to map after the other failing.
 */

struct failing_iommu {
	struct mock_iommu *mock;
	int error;
};

/*
 * IOVAs that another CPU's magazines may hold back.  A list takes at most five, so
 * that a row of failures would leak more than this.
 */
#define IOVAS_HELD_BACK 20

static void fail_call(void *data, int step)
{
	struct failing_iommu *failing = data;

	mock_iommu_fail(failing->mock, step, failing->error);
}

static bool fail_no_call(void *data)
{
	struct failing_iommu *failing = data;
	bool failed = failing->mock->fail_after < 0;

	mock_iommu_fail(failing->mock, -1, 0);
	return failed;
}

static void expect_nothing_mapped(struct kunit *test, void *data)
{
	struct failing_iommu *failing = data;

	KUNIT_EXPECT_EQ(test, 0, atomic_read(&failing->mock->live));
}

/* Calls map RAM, beside, far, RAM (two pages) and beside. */
static bool ram_call(int step)
{
	return step == 0 || step == 3;
}

static int no_memory(int step)
{
	return ram_call(step) ? -EIO : -ENOMEM;
}

static int no_mapping(int step)
{
	return ram_call(step) ? -EIO : -EREMOTEIO;
}

/* In one IOVA range the IOMMU's own error is known for RAM, too. */
static int range_no_memory(int step)
{
	return -ENOMEM;
}

static int range_no_mapping(int step)
{
	return ram_call(step) ? -EINVAL : -EREMOTEIO;
}

/* The errors that dma-iommu itself returns for a list of RAM. */
static int ram_no_memory(int step)
{
	return -ENOMEM;
}

static int ram_no_mapping(int step)
{
	return -EINVAL;
}

static void dma_iommu_map_fails(struct kunit *test)
{
	static const struct fabric_failing failing = {
		.arm = fail_call,
		.disarm = fail_no_call,
		.settled = expect_nothing_mapped,
	};
	static const struct {
		int with;
		fabric_error_fn want;
		fabric_error_fn want_range;
		fabric_error_fn want_ram;
	} row[] = {
		{ -ENOMEM, no_memory, range_no_memory, ram_no_memory },
		{ -EINVAL, no_mapping, range_no_mapping, ram_no_mapping },
		{ -EIO, no_mapping, range_no_mapping, ram_no_mapping },
	};
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = mixed_six(fabric);
	struct fabric_sg *ram =
		fabric_sg_list(fabric, SG_RAM(0, SZ_4K), SG_RAM(16, SZ_4K),
			       SG_RAM(32, SZ_4K));
	enum dma_data_direction dir;
	int iovas[2], pass, r;

	/* The second pass reuses the IOVAs of the first. */
	for (pass = 0; pass < 2; pass++) {
		for (r = 0; r < ARRAY_SIZE(row); r++) {
			struct failing_iommu data = {
				.mock = mock, .error = row[r].with,
			};

			for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
				KUNIT_EXPECT_EQ(test, 5,
						fabric_fail_steps(sg, client,
								  dir, &failing,
								  coherent(client) ?
								  row[r].want_range :
								  row[r].want,
								  &data));
				KUNIT_EXPECT_LE(test, 1,
						fabric_fail_steps(ram, client,
								  dir, &failing,
								  row[r].want_ram,
								  &data));
			}
		}
		iovas[pass] = mock_iommu_iovas(&client->dev);
	}
	KUNIT_EXPECT_LE(test, iovas[1], iovas[0] + IOVAS_HELD_BACK);
}

/*
 * The same with one allocation after the other failing.  For RAM in a list with peer
 * memory the error is -EIO, whatever has failed.
 */
static void dma_iommu_allocation_fails(struct kunit *test)
{
	static const int errors[] = { -ENOMEM, -EIO, 0 };
	static const int errors_of_peers[] = { -ENOMEM, 0 };
	struct failing_iommu data = { .mock = mock_iommu_create(test, NULL) };
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *peers = fabric_sg_alloc(fabric, 2);

	/* The page table allocates at least once for each page. */
	KUNIT_EXPECT_GE(test,
			fabric_fail_allocations(mixed_six(fabric), client,
						errors, expect_nothing_mapped,
						&data),
			6);
	mixed_add(peers, MIXED_BESIDE, 0);
	mixed_add(peers, MIXED_FAR, 0);
	KUNIT_EXPECT_GE(test,
			fabric_fail_allocations(peers, client, errors_of_peers,
						expect_nothing_mapped, &data),
			2);
}

/* An IOMMU that cannot map MMIO: refused, as unreachable. */
static void dma_iommu_no_mmio(struct kunit *test)
{
	struct mock_iommu_config config = { .no_mmio = true };
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg =
		fabric_sg_list(fabric, SG_RAM(0, SZ_4K),
			       SG_PEER("beside", 0, SZ_4K));
	u64 since = fabric_log_now();

	trust_all(test);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	expect_logged(test, since, 1, pci_name(client),
		      "cannot be mapped by the IOMMU as MMIO");
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
}

/* Attached with the first mapping, and not before. */
static void dma_iommu_deferred(struct kunit *test)
{
	struct mock_iommu_config config = { .deferred = true };
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = fabric_switch(test);

	KUNIT_EXPECT_EQ(test, 0, mock->attaches);
	trust_all(test);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
	KUNIT_EXPECT_EQ(test, 1, mock->attaches);
}

/* Devices of one group share a domain; each has routes of its own. */
static void dma_iommu_shared_domain(struct kunit *test)
{
	struct mock_iommu_config config = { .shared = true };
	struct fabric *fabric;

	mock_iommu_create(test, &config);
	fabric = fabric_switch(test);
	fabric_client(fabric, "beside");
	trust_all(test);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_host(fabric, "beside", "provider", EVERY_DIR, NO_COMMON_PORT);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
}

/* The DMA mask limits bus addresses; an IOVA is allocated within it.  Defect 9. */
static void dma_iommu_mask(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg =
		fabric_sg_list(fabric, SG_PEER("beside", 0, SZ_4K));

	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(&client->dev, DMA_BIT_MASK(32)));
	expect_refused(fabric, "client", "provider", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);
	trust_all(test);
	/* IOVAs are allocated below 4 GiB first: only a narrower mask counts. */
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(&client->dev, DMA_BIT_MASK(28)));
	expect_host(fabric, "client", "provider", EVERY_DIR, DMA_MASK);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
	/* No IOVA fits into this mask: -ENOMEM, as there is a route. */
	client->dma_mask = DMA_BIT_MASK(12);
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	client->dma_mask = DMA_BIT_MASK(28);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

/* Attributes reach the IOMMU for RAM and for peer memory. */
static void dma_iommu_attrs(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg =
		fabric_sg_list(fabric, SG_RAM(0, SZ_4K),
			       SG_PEER("beside", 0, SZ_4K));
	unsigned long attrs[] = { 0, DMA_ATTR_PRIVILEGED };
	int i, k;

	trust_all(test);
	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		sg->table.nents = dma_map_sg_attrs(&client->dev, sg->table.sgl,
						   2, DMA_TO_DEVICE, attrs[i]);
		KUNIT_ASSERT_EQ(test, 1, sg->table.nents);
		for (k = 0; k < 2; k++)
			KUNIT_EXPECT_EQ(test, attrs[i] ? IOMMU_PRIV : 0,
					mock_iommu_prot(&client->dev,
							dma_at(sg, k * SZ_4K)) &
						IOMMU_PRIV);
		dma_unmap_sg_attrs(&client->dev, sg->table.sgl, 2,
				   DMA_TO_DEVICE, attrs[i]);
	}
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

/* An IOVA domain that does not reserve the bridge's windows gives no bridge. */
static void dma_iommu_nothing_reserved(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct iova_domain iovad = {};
	static struct device nowhere;

	init_iova_domain(&iovad, SZ_4K, 1);
	KUNIT_EXPECT_NULL(test, iommu_dma_get_bridge(&client->dev, &iovad));
	KUNIT_EXPECT_NULL(test, iommu_dma_get_bridge(&nowhere, &iovad));
	put_iova_domain(&iovad);
}

#ifdef CONFIG_AMD_MEM_ENCRYPT
struct encrypted_host {
	struct p2pdma_provider *provider;
	struct device *client;
	struct pci_p2pdma_route route;
};

/*
 * Called by stop_machine(): another CPU's memory would be taken to be encrypted.  The
 * stubs of the test's own thread are not active in this one.
 */
static int ask_encrypted(void *data)
{
	struct encrypted_host *host = data;
	enum cc_vendor vendor = cc_vendor;

	cc_vendor = CC_VENDOR_AMD;
	sme_me_mask = BIT_ULL(47);
	pci_p2pdma_query_route(host->provider, host->client, DMA_FROM_DEVICE,
			       &host->route);
	sme_me_mask = 0;
	cc_vendor = vendor;
	return 0;
}
#endif

/*
 * Where the host's memory is encrypted, IOMMU page tables have the encryption bit for
 * MMIO too: peer memory is refused as unmappable.
 */
static void dma_iommu_encryption(struct kunit *test)
{
#ifdef CONFIG_AMD_MEM_ENCRYPT
	struct encrypted_host host = {};
	struct fabric *fabric;
	phys_addr_t phys;

	if (sme_me_mask)
		kunit_skip(test, "memory is encrypted here");
	mock_iommu_create(test, NULL);
	fabric = fabric_switch(test);
	phys = pci_resource_start(fabric_dev(fabric, "beside"), 0);
	host.provider = pci_p2pdma_provider_of_phys(phys, 1);
	host.client = &fabric_dev(fabric, "client")->dev;
	KUNIT_ASSERT_NOT_NULL(test, host.provider);
	fabric_policy(test, "trust=%s", pci_name(fabric_dev(fabric, "client")));
	expect_host(fabric, "client", "beside", DMA_FROM_DEVICE, NO_COMMON_PORT);
	/* In a real machine it is so from the start: nothing tells of a change. */
	p2pdma_invalidate(P2PDMA_BY_POLICY);
	KUNIT_ASSERT_EQ(test, 0, stop_machine(ask_encrypted, &host, NULL));
	KUNIT_EXPECT_EQ(test, PCI_P2PDMA_MAP_NOT_SUPPORTED, host.route.type);
	KUNIT_EXPECT_EQ(test, PCI_P2PDMA_UNMAPPABLE, host.route.reason);
	expect_host(fabric, "client", "beside", DMA_FROM_DEVICE, NO_COMMON_PORT);
#else
	kunit_skip(test, "needs CONFIG_AMD_MEM_ENCRYPT");
#endif
}

/*
 * Windows: p2pdma=window.
 */

static struct fabric *create_window(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);

	trust_all(test);
	fabric_policy(test, "auto,window");
	return fabric;
}

/* Map a list, and unmap it; returns how many mappings the IOMMU has made for that. */
static int maps_for(struct mock_iommu *mock, struct fabric_sg *sg,
		    const char *client)
{
	int before = atomic_read(&mock->maps);

	KUNIT_EXPECT_LT(sg->fabric->test, 0,
			fabric_sg_segments(sg, fabric_dev(sg->fabric, client),
					   DMA_BIDIRECTIONAL));
	return atomic_read(&mock->maps) - before;
}

/* How many pages of a registered range there are around an offset in BAR 0. */
static int pages_of_range(struct fabric *fabric, const char *name)
{
	phys_addr_t phys = pci_resource_start(fabric_dev(fabric, name), 0);
	struct pci_p2pdma_cursor cursor = {};

	__pci_p2pdma_cursor_move(&cursor, phys + SZ_4K);
	KUNIT_ASSERT_NOT_NULL(fabric->test, cursor.provider);
	return cursor.size >> PAGE_SHIFT;
}

/* A range is mapped once; after that nothing is mapped or unmapped. */
static void dma_iommu_window(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = create_window(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *peer =
		fabric_sg_list(fabric, SG_PEER("beside", SZ_4K, SZ_4K),
			       SG_PEER("beside", SZ_64K, SZ_8K));
	struct fabric_sg *mixed =
		fabric_sg_list(fabric, SG_RAM(0, SZ_4K),
			       SG_PEER("beside", SZ_8K, 100), SG_RAM(8, SZ_4K),
			       SG_PEER("provider", 0, SZ_4K),
			       SG_PEER("beside", 3 * SZ_4K, SZ_4K));
	int pages = pages_of_range(fabric, "beside");

	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, pages, atomic_read(&mock->live));
	KUNIT_EXPECT_EQ(test, 0, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, 0, maps_for(mock, peer, "client"));

	/* The flags tell both unmap and readers of the list. */
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(peer, client, DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, SG_DMA_BUS_ADDRESS | SG_DMA_MMIO,
			fabric_sg_entry(peer, 1)->dma_flags &
			(SG_DMA_BUS_ADDRESS | SG_DMA_MMIO));
	KUNIT_EXPECT_EQ(test, IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO,
			mock_iommu_prot(&client->dev, dma_at(peer, 0)));
	fabric_sg_unmap(peer);

	/* RAM in the list is mapped for the list. */
	KUNIT_EXPECT_EQ(test, coherent(client) ? 1 : 2,
			maps_for(mock, mixed, "client"));
	KUNIT_EXPECT_EQ(test, pages, atomic_read(&mock->live));

	/* Single mappings have to be undone, and use none. */
	fabric_expect_call(fabric, FABRIC_PAGE, client,
			   pci_resource_start(fabric_dev(fabric, "beside"), 0),
			   SZ_4K, DMA_TO_DEVICE,
			   PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, __LINE__);
	KUNIT_EXPECT_EQ(test, pages, atomic_read(&mock->live));

	/* Without the word lists use none either; with it, the one that is there. */
	fabric_policy(test, "auto");
	KUNIT_EXPECT_LE(test, 1, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, pages, atomic_read(&mock->live));
	fabric_policy(test, "host,window");
	KUNIT_EXPECT_EQ(test, 0, maps_for(mock, peer, "client"));

	fabric_provider_release(fabric, "beside");
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

static int window_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return 0;
}

static const struct pci_device_id window_ids[] = {
	{ PCI_DEVICE(0x1fab, 0xd7a2) },
	{}
};

static struct pci_driver window_driver = {
	.name = "p2pdma-window",
	.id_table = window_ids,
	.probe = window_probe,
};

KUNIT_DEFINE_ACTION_WRAPPER(driver_action, pci_unregister_driver,
			    struct pci_driver *);

/* It goes with the client's driver, and the next one gets its own. */
static void dma_iommu_window_client_gone(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric;
	struct fabric_sg *peer;
	struct pci_dev *client;
	int pages;

	fabric = fabric_setup(test,
			      "host\n"
			      "  rp\n    ep client id=1fab:d7a2\n"
			      "  rp\n    ep beside bar0=2M\n",
			      NAMES("client"), NAMES("beside"));
	client = fabric_dev(fabric, "client");
	trust_all(test);
	fabric_policy(test, "auto,window");
	KUNIT_ASSERT_EQ(test, 0, pci_register_driver(&window_driver));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, driver_action,
						  &window_driver));
	KUNIT_ASSERT_PTR_EQ(test, client->driver, &window_driver);
	peer = fabric_sg_list(fabric, SG_PEER("beside", SZ_4K, SZ_4K));
	pages = pages_of_range(fabric, "beside");

	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, 0, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, pages, atomic_read(&mock->live));
	device_release_driver(&client->dev);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	KUNIT_ASSERT_EQ(test, 1, device_attach(&client->dev));
	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, pages, atomic_read(&mock->live));

	fabric_unplug(fabric, "client");
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

/* One window for each client and range. */
static void dma_iommu_window_many(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric;
	struct fabric_sg *peer;

	fabric = fabric_setup(test,
			      "host\n"
			      "  rp\n    ep one\n"
			      "  rp\n    ep two\n"
			      "  rp\n    ep left bar0=4M\n"
			      "  rp\n    ep right bar0=2M\n",
			      NAMES("one", "two"), NAMES("left", "right"));
	trust_all(test);
	fabric_policy(test, "auto,window");
	peer = fabric_sg_list(fabric, SG_PEER("left", SZ_4K, SZ_4K),
			      SG_PEER("right", SZ_4K, SZ_4K),
			      SG_PEER("left", SZ_16K, SZ_4K));
	KUNIT_EXPECT_EQ(test, 2, maps_for(mock, peer, "one"));
	KUNIT_EXPECT_EQ(test, 0, maps_for(mock, peer, "one"));
	KUNIT_EXPECT_EQ(test, 2, maps_for(mock, peer, "two"));
	KUNIT_EXPECT_EQ(test, 0, maps_for(mock, peer, "two"));
	KUNIT_EXPECT_EQ(test, 0, maps_for(mock, peer, "one"));

	fabric_unplug(fabric, "one");
	KUNIT_EXPECT_EQ(test, 0, maps_for(mock, peer, "two"));
	fabric_provider_release(fabric, "right");
	KUNIT_EXPECT_EQ(test, pages_of_range(fabric, "left"),
			atomic_read(&mock->live));
}

/* One for each part of a BAR that is registered: what lies between them is not mapped. */
static void dma_iommu_window_parts(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct pci_dev *client, *parts;
	struct fabric *fabric;
	struct fabric_sg *peer;

	fabric = fabric_setup(test,
			      "host\n"
			      "  rp\n    ep client\n"
			      "  rp\n    ep parts bar0=8M\n",
			      NAMES("client"), NULL);
	client = fabric_dev(fabric, "client");
	parts = fabric_dev(fabric, "parts");
	fabric_provider_part(fabric, "parts", 0, SZ_2M, 0);
	fabric_provider_part(fabric, "parts", 0, SZ_2M, SZ_4M);
	trust_all(test);
	fabric_policy(test, "auto,window");

	peer = fabric_sg_list(fabric, SG_PEER("parts", SZ_4K, SZ_4K));
	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, SZ_2M >> PAGE_SHIFT, atomic_read(&mock->live));
	peer = fabric_sg_list(fabric, SG_PEER("parts", SZ_4M, SZ_4K),
			      SG_PEER("parts", 0, SZ_4K),
			      SG_PEER("parts", SZ_4M + SZ_2M - SZ_4K, SZ_4K),
			      SG_PEER("parts", SZ_2M - SZ_4K, SZ_4K));
	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, 0, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, SZ_4M >> PAGE_SHIFT, atomic_read(&mock->live));

	/* Memory of the BAR that is not registered has no window. */
	fabric_expect_call(fabric, FABRIC_MMIO, client,
			   pci_resource_start(parts, 0) + SZ_2M, SZ_4K,
			   DMA_TO_DEVICE, PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
			   __LINE__);
	KUNIT_EXPECT_EQ(test, SZ_4M >> PAGE_SHIFT, atomic_read(&mock->live));
	fabric_provider_release(fabric, "parts");
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

/* Where there can be none, or not now, lists are mapped as without the word. */
static void dma_iommu_window_refused(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = create_window(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *peer =
		fabric_sg_list(fabric, SG_PEER("beside", SZ_4K, SZ_4K));

	client->untrusted = true;
	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	client->untrusted = false;
	p2pdma_invalidate(P2PDMA_BY_DEVICE_ADDED);

	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, 0, maps_for(mock, peer, "client"));
	/* The client cannot form its addresses any more. */
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(&client->dev, DMA_BIT_MASK(28)));
	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
}

/* One that cannot be made is not tried for each list. */
static void dma_iommu_window_fails(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = create_window(test);
	struct fabric_sg *peer =
		fabric_sg_list(fabric, SG_PEER("beside", SZ_4K, SZ_4K));
	int i;

	mock_iommu_fail(mock, 0, -ENOMEM);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	}
	fabric_provider_release(fabric, "beside");
	fabric_provider(fabric, "beside", 0);
	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_EQ(test, 0, maps_for(mock, peer, "client"));
}

/* Its domain may go before the client is told to have no driver. */
static void dma_iommu_window_domain_gone(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = create_window(test);
	struct device *dev = &fabric_dev(fabric, "client")->dev;
	struct fabric_sg *peer =
		fabric_sg_list(fabric, SG_PEER("beside", SZ_4K, SZ_4K));

	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
	KUNIT_EXPECT_NE(test, 0, atomic_read(&mock->live));
	/* Once for the test, once when the domain really goes. */
	get_device(&iommu_dma_bridge(iommu_get_dma_domain(dev))->dev);
	iommu_dma_end_domain(iommu_get_dma_domain(dev));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	/* Nothing that was stored points to it any more. */
	KUNIT_EXPECT_EQ(test, 1, maps_for(mock, peer, "client"));
}

static struct kunit_case dma_iommu_cases[] = {
	KUNIT_CASE(dma_iommu_switch),
	KUNIT_CASE(dma_iommu_mmio),
	/* First of those that log: its message must not be rate-limited. */
	KUNIT_CASE(dma_iommu_no_mmio),
	KUNIT_CASE(dma_iommu_acs),
	KUNIT_CASE(dma_iommu_kernel_acs),
	KUNIT_CASE(dma_iommu_contiguous),
	KUNIT_CASE(dma_iommu_one_range),
	KUNIT_CASE(dma_iommu_boundary),
	KUNIT_CASE(dma_iommu_padding),
	KUNIT_CASE(dma_iommu_adjacent_bars),
	KUNIT_CASE(dma_iommu_adjacent_bus_segment),
	KUNIT_CASE(dma_iommu_in_turn),
	KUNIT_CASE(dma_iommu_next_to_ram),
	KUNIT_CASE(dma_iommu_untrusted),
	KUNIT_CASE(dma_iommu_guest),
	KUNIT_CASE(dma_iommu_identity),
	KUNIT_CASE(dma_iommu_mode_host),
	KUNIT_CASE(dma_iommu_iova_is_no_bus_address),
	KUNIT_CASE_SLOW(dma_iommu_small_lists),
	KUNIT_CASE_SLOW(dma_iommu_small_lists_2k_lazy),
	KUNIT_CASE_SLOW(dma_iommu_random_lists),
	KUNIT_CASE_SLOW(dma_iommu_random_lists_bounded),
	KUNIT_CASE_SLOW(dma_iommu_random_lists_lazy),
	KUNIT_CASE(dma_iommu_again),
	KUNIT_CASE(dma_iommu_edges),
	KUNIT_CASE(dma_iommu_kinds),
	KUNIT_CASE(dma_iommu_crossing),
	KUNIT_CASE(dma_iommu_providers_gone),
	KUNIT_CASE(dma_iommu_giants),
	KUNIT_CASE(dma_iommu_map_fails),
	KUNIT_CASE(dma_iommu_allocation_fails),
	KUNIT_CASE(dma_iommu_deferred),
	KUNIT_CASE(dma_iommu_attrs),
	KUNIT_CASE(dma_iommu_nothing_reserved),
	KUNIT_CASE(dma_iommu_encryption),
	KUNIT_CASE(dma_iommu_shared_domain),
	KUNIT_CASE(dma_iommu_mask),
	KUNIT_CASE(dma_iommu_window),
	KUNIT_CASE(dma_iommu_window_client_gone),
	KUNIT_CASE(dma_iommu_window_many),
	KUNIT_CASE(dma_iommu_window_parts),
	KUNIT_CASE(dma_iommu_window_refused),
	KUNIT_CASE(dma_iommu_window_fails),
	KUNIT_CASE(dma_iommu_window_domain_gone),
	{}
};

static struct kunit_suite dma_iommu_suite = {
	.name = "dma_iommu",
	.test_cases = dma_iommu_cases,
};

/* Defect 11: the same for clients that are not coherent; see mock_cache.h. */
static struct kunit_case dma_iommu_not_coherent_cases[] = {
	KUNIT_CASE(dma_iommu_switch),
	KUNIT_CASE(dma_iommu_mmio),
	KUNIT_CASE(dma_iommu_acs),
	KUNIT_CASE(dma_iommu_contiguous),
	KUNIT_CASE(dma_iommu_adjacent_bus_segment),
	KUNIT_CASE(dma_iommu_untrusted),
	KUNIT_CASE(dma_iommu_identity),
	KUNIT_CASE_SLOW(dma_iommu_small_lists_2k_lazy),
	KUNIT_CASE_SLOW(dma_iommu_random_lists),
	KUNIT_CASE(dma_iommu_again),
	KUNIT_CASE(dma_iommu_edges),
	KUNIT_CASE(dma_iommu_kinds),
	KUNIT_CASE(dma_iommu_crossing),
	KUNIT_CASE(dma_iommu_providers_gone),
	KUNIT_CASE(dma_iommu_map_fails),
	KUNIT_CASE(dma_iommu_allocation_fails),
	KUNIT_CASE(dma_iommu_deferred),
	KUNIT_CASE(dma_iommu_shared_domain),
	KUNIT_CASE(dma_iommu_window),
	KUNIT_CASE(dma_iommu_window_client_gone),
	{}
};

static struct kunit_suite dma_iommu_not_coherent_suite = {
	.name = "dma_iommu_not_coherent",
	.init = mock_cache_not_coherent,
	.test_cases = dma_iommu_not_coherent_cases,
};

kunit_test_suites(&dma_iommu_suite, &dma_iommu_not_coherent_suite);
