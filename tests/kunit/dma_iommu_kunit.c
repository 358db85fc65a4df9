// SPDX-License-Identifier: GPL-2.0
/*
 * dma-iommu: lists with peer memory, for clients behind a translating IOMMU.
 *
 * Every list goes through fabric_sg_map(), which has the oracle walk each address
 * that a mapping returns, by way of the IOMMU's page table, and looks at what a
 * refusal leaves behind.  "Defect N" is a defect of the plain 6.12 kernel that
 * must not come back.  That nothing is left mapped the mock IOMMU looks at itself
 * when it goes.
 */
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "fabric_sg.h"
#include "mock_iommu.h"
#include "oracle.h"

static const enum dma_data_direction directions[] = {
	DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL,
};

static const char switch_picture[] =
	"host\n"
	"  rp r\n"
	"    up\n"
	"      dp c port=1\n"
	"        ep client\n"
	"      dp p port=2\n"
	"        ep provider bar0=2M\n"
	"  rp\n"
	"    ep beside bar0=2M bar2=2M\n";

static struct fabric *create_switch(struct kunit *test)
{
	return fabric_setup(test, switch_picture, NAMES("client"),
			    NAMES("provider", "beside"));
}

/* All host bridges trusted; what the fabric does not allow it still does not. */
static void trust_all(struct kunit *test)
{
	fabric_cpu_listed(test, true);
}

/* Below one switch: a bus address, of which the IOMMU hears nothing. */
static void dma_iommu_switch(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = create_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 2);
	int i;

	KUNIT_ASSERT_TRUE(test, use_dma_iommu(&client->dev));
	KUNIT_ASSERT_TRUE(test, mock_iommu_translates(&client->dev));

	for (i = 0; i < ARRAY_SIZE(directions); i++) {
		expect_bus(fabric, "client", "provider", directions[i], DIRECT);
		expect_refused(fabric, "client", "beside", directions[i],
			       HOST_BRIDGE_UNTRUSTED);
	}
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->maps));

	/* RAM beside it is translated as ever. */
	fabric_sg_ram(sg, 100, SZ_8K);
	fabric_sg_peer(sg, "provider", SZ_4K, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&mock->maps));
	KUNIT_EXPECT_EQ(test, IOMMU_WRITE | IOMMU_CACHE,
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
	struct fabric *fabric = create_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);
	int i, n;

	trust_all(test);
	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_peer(sg, "beside", SZ_4K, SZ_4K);
	fabric_sg_ram(sg, 8, SZ_4K);
	for (i = 0; i < ARRAY_SIZE(directions); i++) {
		int dir = directions[i];

		expect_host(fabric, "client", "beside", dir, NO_COMMON_PORT);
		KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, dir));
		KUNIT_ASSERT_EQ(test, 3, sg->table.nents);
		for (n = 0; n < 3; n++) {
			struct scatterlist *entry = fabric_sg_entry(sg, n);

			KUNIT_EXPECT_EQ_MSG(test, prot[dir] |
					    (n == 1 ? IOMMU_MMIO : IOMMU_CACHE),
					    mock_iommu_prot(&client->dev,
							    sg_dma_address(entry)),
					    "entry %d, direction %d", n, dir);
			KUNIT_EXPECT_FALSE(test, sg_dma_is_bus_address(entry));
		}
		fabric_sg_unmap(sg);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	}
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
}

/* Redirecting ACS at the divergence sends it through the IOMMU; UF is not needed. */
static void dma_iommu_acs(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = create_switch(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(directions); i++) {
		trust_all(test);
		fabric_set_acs(fabric, "c", PCI_ACS_RR);
		expect_host(fabric, "client", "provider", directions[i],
			    ACS_REQUEST);
		/* Egress control that drops only what falls in the window. */
		fabric_set_acs(fabric, "c", PCI_ACS_EC);
		fabric_set_egress(fabric, "c", BIT(2));
		expect_host(fabric, "client", "provider", directions[i],
			    ACS_REQUEST);
		fabric_set_egress(fabric, "c", BIT(1));
		expect_bus(fabric, "client", "provider", directions[i], DIRECT);
		fabric_cpu_listed(test, false);
		fabric_set_acs(fabric, "c", PCI_ACS_RR);
		expect_refused(fabric, "client", "provider", directions[i],
			       HOST_BRIDGE_UNTRUSTED);
		fabric_set_acs(fabric, "c", 0);
	}

	/*
	 * Reads, and completion redirect: translation does not help the
	 * completion, which needs upstream forwarding above.
	 */
	trust_all(test);
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
	expect_refused(fabric, "client", "provider", DMA_TO_DEVICE,
		       FABRIC_BLOCKED);
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	expect_host(fabric, "client", "provider", DMA_TO_DEVICE, ACS_COMPLETION);
	expect_host(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		    ACS_COMPLETION);

	/* Bits that are about the other direction.  Defect 8. */
	fabric_set_acs(fabric, "p", PCI_ACS_RR | PCI_ACS_EC);
	fabric_set_acs(fabric, "c", PCI_ACS_CR);
	fabric_set_acs(fabric, "r", 0);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
}

/* As the kernel sets ACS where it has an IOMMU: SV, RR, CR and UF everywhere. */
static void dma_iommu_kernel_acs(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_setup(test,
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
	int i;

	trust_all(test);
	for (i = 0; i < ARRAY_SIZE(directions); i++) {
		expect_host(fabric, "client", "provider", directions[i],
			    ACS_REQUEST);
		expect_host(fabric, "client", "far", directions[i],
			    NO_COMMON_PORT);
	}
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
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
		struct fabric *fabric = create_switch(test);
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

		/* A gap, or the end of what the client takes, begins another. */
		fabric_sg_clear(sg);
		fabric_sg_peer(sg, "beside", 0, SZ_8K);
		fabric_sg_peer(sg, "beside", SZ_8K, SZ_8K);
		fabric_sg_peer(sg, "beside", SZ_16K + SZ_4K, SZ_4K);
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
		KUNIT_EXPECT_EQ(test, 2, sg->table.nents);
		KUNIT_EXPECT_EQ(test, 3, atomic_read(&mock->maps));
		fabric_sg_unmap(sg);

		dma_set_max_seg_size(&client->dev, SZ_8K + SZ_4K);
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
		KUNIT_EXPECT_EQ(test, 3, sg->table.nents);
		fabric_sg_unmap(sg);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
		fabric_destroy(fabric);
		mock_iommu_destroy(mock);
	}
}

/* Two BARs that touch are two providers, and two mappings. */
static void dma_iommu_adjacent_bars(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = create_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *beside = fabric_dev(fabric, "beside");
	u64 edge = pci_resource_start(beside, 2);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 2);

	KUNIT_ASSERT_EQ(test, edge, pci_resource_start(beside, 0) + SZ_2M);
	fabric_provider(fabric, "beside", 2);
	trust_all(test);
	fabric_sg_phys(sg, edge - SZ_4K, SZ_4K);
	fabric_sg_phys(sg, edge, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, 2, sg->table.nents);
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&mock->maps));
	fabric_sg_unmap(sg);

	fabric_sg_clear(sg);
	fabric_sg_phys(sg, edge - SZ_4K, SZ_8K);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&mock->maps));
}

/*
 * Defect 22: a run that is mapped, and then as the last entry a bus-address
 * segment that is physically adjacent to it.
 */
static void dma_iommu_adjacent_bus_segment(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
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
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);
	u64 edge = pci_resource_start(fabric_dev(fabric, "provider"), 0);
	bool above = pci_resource_start(fabric_dev(fabric, "old"), 0) < edge;

	trust_all(test);
	if (!above)
		edge = pci_resource_start(fabric_dev(fabric, "old"), 0);
	KUNIT_ASSERT_EQ(test, edge - SZ_2M, above ?
			pci_resource_start(fabric_dev(fabric, "old"), 0) :
			pci_resource_start(fabric_dev(fabric, "provider"), 0));

	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_phys(sg, edge - SZ_4K, SZ_4K);
	fabric_sg_phys(sg, edge, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, 3, sg->table.nents);
	KUNIT_EXPECT_TRUE(test,
			  sg_dma_is_bus_address(fabric_sg_entry(sg,
								above ? 2 : 1)));
	fabric_sg_unmap(sg);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

/* Untrusted clients never cross, even where they could. */
static const char untrusted_picture[] =
	"host\n"
	"  rp external\n"
	"    up\n"
	"      dp\n"
	"        ep client\n"
	"      dp\n"
	"        ep provider bar0=2M\n"
	"  rp\n"
	"    ep inside bar0=2M\n";

/*
 * Defect 1: for them the route is looked at as well, and peer memory is never
 * bounced; and they get whole IOMMU pages of it or nothing.
 */
static void dma_iommu_untrusted(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_setup(test, untrusted_picture,
					     NAMES("client", "inside"),
					     NAMES("provider", "inside"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 4);
	struct p2pdma_provider *provider;
	struct pci_p2pdma_route route;
	dma_addr_t dma;
	int i;

	fabric_sg_peer(sg, "provider", SZ_8K, SZ_8K);
	fabric_sg_peer(sg, "inside", SZ_4K, SZ_4K);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	trust_all(test);
	for (i = 0; i < ARRAY_SIZE(directions); i++) {
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, client, directions[i]));
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

	/* Less than a page, or not at the beginning of one. */
	fabric_sg_clear(sg);
	fabric_sg_peer(sg, "inside", SZ_4K, SZ_2K);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	fabric_sg_clear(sg);
	fabric_sg_peer(sg, "inside", SZ_4K, SZ_4K);
	fabric_sg_peer(sg, "inside", SZ_16K + 16, SZ_4K);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));

	/* A trusted client may: it has all of the BAR anyway. */
	expect_host(fabric, "inside", "provider", DMA_FROM_DEVICE,
		    NO_COMMON_PORT);
}

/* In a guest with a vIOMMU nothing is direct. */
static void dma_iommu_guest(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = create_switch(test);

	fabric_guest(test, true);
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       HOST_BRIDGE_UNTRUSTED);
	trust_all(test);
	expect_host(fabric, "client", "provider", DMA_BIDIRECTIONAL, VIRTUALISED);
	fabric_policy(test, "switch");
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       POLICY_SWITCH);
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
}

/* Passthrough: as without an IOMMU, in a guest too. */
static void dma_iommu_identity(struct kunit *test)
{
	struct mock_iommu_config config = { .identity = true };
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = create_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");

	KUNIT_EXPECT_FALSE(test, use_dma_iommu(&client->dev));
	KUNIT_EXPECT_FALSE(test, mock_iommu_translates(&client->dev));
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	fabric_guest(test, true);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	expect_refused(fabric, "client", "beside", DMA_BIDIRECTIONAL,
		       HOST_BRIDGE_UNTRUSTED);
	trust_all(test);
	expect_host(fabric, "client", "beside", DMA_BIDIRECTIONAL,
		    NO_COMMON_PORT);
	fabric_policy(test, "host");
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       POLICY_HOST);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->maps));
}

/* Mode host: all through the root complex and the IOMMU, but its own memory. */
static void dma_iommu_mode_host(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = create_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 2);
	struct oracle_answer answer;

	fabric_policy(test, "host");
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       HOST_BRIDGE_UNTRUSTED);
	trust_all(test);
	expect_host(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		    POLICY_HOST);
	expect_host(fabric, "client", "beside", DMA_BIDIRECTIONAL,
		    NO_COMMON_PORT);

	/* Confined: the request has been at the root complex and the IOMMU. */
	fabric_sg_peer(sg, "provider", 0, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	oracle_outcome(fabric, client, sg_dma_address(sg->table.sgl), false,
		       &answer);
	KUNIT_EXPECT_EQ(test, answer.outcome, ORACLE_LANDED);
	KUNIT_EXPECT_TRUE(test, answer.root);
	KUNIT_EXPECT_TRUE(test, answer.iommu);
	fabric_sg_unmap(sg);

	fabric_provider_release(fabric, "beside");
	fabric_policy(test, "off");
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       POLICY_OFF);
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
}

/*
 * Lists, as for dma-direct: RAM, and providers across the switch, below another
 * root port and below another host bridge; the last can be trusted or not.
 */
static const char lists_picture[] =
	"host bus=0x90000000\n"
	"  rp\n"
	"    up\n"
	"      dp\n"
	"        ep client\n"
	"      dp\n"
	"        ep across bar0=4M\n"
	"  rp\n"
	"    ep beside bar0=4M\n"
	"host bus=0x700000000000\n"
	"  rp\n"
	"    ep far bar0=4M\n";

static const char * const lists_providers[] = { "across", "beside", "far" };

/* Entry number @index of a list, of RAM (0) or a provider's memory. */
static void add_entry(struct fabric_sg *sg, int kind, int index)
{
	if (kind)
		fabric_sg_peer(sg, lists_providers[kind - 1], index * SZ_4K,
			       SZ_4K);
	else
		fabric_sg_ram(sg, 64 * index, SZ_4K);
}

/*
 * All lists of up to four entries, whose pieces of one provider are adjacent.
 * Defects 5 and 21: each is mapped over what the one before has left.
 */
static void small_lists(struct kunit *test,
			const struct mock_iommu_config *config)
{
	struct mock_iommu *mock = mock_iommu_create(test, config);
	struct fabric *fabric = fabric_setup(test, lists_picture,
					     NAMES("client"),
					     NAMES("across", "beside", "far"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 4);
	int round, count, code, i, ret;

	for (round = 0; round < 2; round++) {
		/* In the second round nothing leads to "far". */
		fabric_policy(test, round ? "trust=%s" : "trust=%s;%s",
			      pci_name(client),
			      pci_name(fabric_dev(fabric, "far")));
		for (count = 1; count <= 4; count++) {
			for (code = 0; code < 1 << 2 * count; code++) {
				bool refused = false;

				fabric_sg_clear(sg);
				for (i = 0; i < count; i++) {
					int kind = code >> 2 * i & 3;

					add_entry(sg, kind, i);
					refused |= round && kind == 3;
				}
				ret = fabric_sg_map(sg, client,
						    DMA_BIDIRECTIONAL);
				KUNIT_EXPECT_EQ_MSG(test, ret,
						    refused ? -EREMOTEIO : 0,
						    "round %d: %d entries, %#x",
						    round, count, code);
				if (!ret) {
					fabric_sg_sync(sg);
					fabric_sg_unmap(sg);
				}
				KUNIT_EXPECT_EQ_MSG(test, 0,
						    atomic_read(&mock->live),
						    "round %d: %d entries, %#x",
						    round, count, code);
			}
		}
	}
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
}

static void dma_iommu_small_lists(struct kunit *test)
{
	small_lists(test, NULL);
}

/* The same with an IOMMU page that is smaller than the CPU's, and lazily. */
static void dma_iommu_small_lists_2k_lazy(struct kunit *test)
{
	struct mock_iommu_config config = { .pgsizes = SZ_2K, .lazy = true };

	small_lists(test, &config);
}

/* A thousand entries, of all sizes, in a chained table; and again. */
static void large_list(struct kunit *test,
		       const struct mock_iommu_config *config)
{
	struct mock_iommu *mock = mock_iommu_create(test, config);
	struct fabric *fabric = fabric_setup(test, lists_picture,
					     NAMES("client"),
					     NAMES("across", "beside", "far"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 1000);
	struct rnd_state rnd;
	int i;

	trust_all(test);
	prandom_seed_state(&rnd, 2718281828);
	for (i = 0; i < 1000; i++) {
		u32 kind = prandom_u32_state(&rnd) % 4;
		u32 start = prandom_u32_state(&rnd) % SZ_2K;
		u32 size = 1 + prandom_u32_state(&rnd) % SZ_2K;

		if (kind)
			fabric_sg_peer(sg, lists_providers[kind - 1],
				       i * SZ_4K + start, size);
		else
			fabric_sg_ram(sg, start, size);
	}
	for (i = 0; i < ARRAY_SIZE(directions); i++) {
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, client, directions[i]));
		fabric_sg_sync(sg);
		fabric_sg_unmap(sg);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	}
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
}

static void dma_iommu_large_list(struct kunit *test)
{
	large_list(test, NULL);
}

static void dma_iommu_large_list_lazy(struct kunit *test)
{
	struct mock_iommu_config config = {
		.pgsizes = SZ_4K | SZ_2M, .lazy = true,
	};

	large_list(test, &config);
}

/*
 * A mixed list with the first, second, third ... call to map failing until none
 * is left: the error is right, and nothing stays mapped.
 */
static void dma_iommu_map_fails(struct kunit *test)
{
	static const struct {
		int with;
		int want_host;	/* if it is peer memory that is mapped */
		int want_ram;
	} row[] = {
		{ -ENOMEM, -ENOMEM, -EIO },
		{ -EINVAL, -EREMOTEIO, -EIO },
		{ -EIO, -EREMOTEIO, -EIO },
	};
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_setup(test, lists_picture,
					     NAMES("client"),
					     NAMES("across", "beside", "far"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 6);
	int r, i, ret;

	trust_all(test);
	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_peer(sg, "beside", 0, SZ_4K);
	fabric_sg_peer(sg, "across", 0, SZ_4K);
	fabric_sg_peer(sg, "far", 0, SZ_4K);
	fabric_sg_ram(sg, 7, SZ_4K);
	fabric_sg_peer(sg, "beside", SZ_16K, SZ_4K);
	for (r = 0; r < ARRAY_SIZE(row); r++) {
		for (i = 0; i < 10; i++) {
			/* Calls map: RAM, beside, far, RAM (two pages), beside. */
			bool ram = i == 0 || i == 3;

			mock_iommu_fail(mock, i, row[r].with);
			ret = fabric_sg_map(sg, client, DMA_BIDIRECTIONAL);
			if (!ret)
				break;
			KUNIT_EXPECT_EQ_MSG(test, ret, ram ? row[r].want_ram :
					    row[r].want_host,
					    "call %d fails with %d", i,
					    row[r].with);
			KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
		}
		mock_iommu_fail(mock, -1, 0);
		KUNIT_EXPECT_EQ(test, 5, i);
		if (!ret)
			fabric_sg_unmap(sg);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	}
}

/* An IOMMU that cannot map MMIO: refused, as unreachable. */
static void dma_iommu_no_mmio(struct kunit *test)
{
	struct mock_iommu_config config = { .no_mmio = true };
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = create_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 2);

	trust_all(test);
	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_peer(sg, "beside", 0, SZ_4K);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
}

/* Attached with the first mapping, and not before. */
static void dma_iommu_deferred(struct kunit *test)
{
	struct mock_iommu_config config = { .deferred = true };
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = create_switch(test);

	KUNIT_EXPECT_EQ(test, 0, mock->attaches);
	trust_all(test);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	expect_host(fabric, "client", "beside", DMA_BIDIRECTIONAL,
		    NO_COMMON_PORT);
	KUNIT_EXPECT_EQ(test, 1, mock->attaches);
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
}

/* Devices of one group share a domain, and have routes of their own. */
static void dma_iommu_shared_domain(struct kunit *test)
{
	struct mock_iommu_config config = { .shared = true };
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = create_switch(test);

	fabric_client(fabric, "beside");
	trust_all(test);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	expect_host(fabric, "beside", "provider", DMA_BIDIRECTIONAL,
		    NO_COMMON_PORT);
	expect_host(fabric, "client", "beside", DMA_BIDIRECTIONAL,
		    NO_COMMON_PORT);
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
}

/* The mask counts for bus addresses; an IOVA is made to fit.  Defect 9. */
static void dma_iommu_mask(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = create_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");

	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(&client->dev, DMA_BIT_MASK(32)));
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       HOST_BRIDGE_UNTRUSTED);
	trust_all(test);
	expect_host(fabric, "client", "provider", DMA_BIDIRECTIONAL, DMA_MASK);
	expect_host(fabric, "client", "beside", DMA_BIDIRECTIONAL,
		    NO_COMMON_PORT);
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
}

/*
 * Defect 21: a table that is bounced once and not the next time.  The same table
 * is mapped for an untrusted client, whose odd pieces of RAM are bounced, and then
 * for one that is trusted.
 */
static void dma_iommu_bounced_once(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_setup(test, untrusted_picture,
					     NAMES("client", "inside"),
					     NAMES("provider", "inside"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *inside = fabric_dev(fabric, "inside");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);
	int round, peer;

	if (!is_swiotlb_allocated() &&
	    swiotlb_init_late(SZ_8M, GFP_KERNEL, NULL))
		kunit_skip(test, "no memory for bounce buffers");

	trust_all(test);
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
			fabric_sg_sync(sg);
			fabric_sg_unmap(sg);
			KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));

			KUNIT_ASSERT_EQ(test, 0,
					fabric_sg_map(sg, inside,
						      DMA_BIDIRECTIONAL));
			KUNIT_EXPECT_FALSE(test,
					   sg_dma_is_swiotlb(sg->table.sgl));
			fabric_sg_sync(sg);
			fabric_sg_unmap(sg);
			KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
		}
	}
}

/* Unmapped after its provider has gone: the list is all that is needed. */
static void dma_iommu_unmap_after_provider(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_setup(test, lists_picture,
					     NAMES("client"),
					     NAMES("across", "beside", "far"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 4);

	trust_all(test);
	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_peer(sg, "across", 0, SZ_4K);
	fabric_sg_peer(sg, "beside", 0, SZ_4K);
	fabric_sg_ram(sg, 0, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	fabric_provider_release(fabric, "across");
	fabric_provider_release(fabric, "beside");
	dma_unmap_sgtable(&client->dev, &sg->table, DMA_BIDIRECTIONAL, 0);
	sg->client = NULL;
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

static struct kunit_case dma_iommu_cases[] = {
	KUNIT_CASE(dma_iommu_switch),
	KUNIT_CASE(dma_iommu_mmio),
	KUNIT_CASE(dma_iommu_acs),
	KUNIT_CASE(dma_iommu_kernel_acs),
	KUNIT_CASE(dma_iommu_contiguous),
	KUNIT_CASE(dma_iommu_adjacent_bars),
	KUNIT_CASE(dma_iommu_adjacent_bus_segment),
	KUNIT_CASE(dma_iommu_untrusted),
	KUNIT_CASE(dma_iommu_guest),
	KUNIT_CASE(dma_iommu_identity),
	KUNIT_CASE(dma_iommu_mode_host),
	KUNIT_CASE_SLOW(dma_iommu_small_lists),
	KUNIT_CASE_SLOW(dma_iommu_small_lists_2k_lazy),
	KUNIT_CASE_SLOW(dma_iommu_large_list),
	KUNIT_CASE_SLOW(dma_iommu_large_list_lazy),
	KUNIT_CASE(dma_iommu_map_fails),
	KUNIT_CASE(dma_iommu_no_mmio),
	KUNIT_CASE(dma_iommu_deferred),
	KUNIT_CASE(dma_iommu_shared_domain),
	KUNIT_CASE(dma_iommu_mask),
	KUNIT_CASE(dma_iommu_bounced_once),
	KUNIT_CASE(dma_iommu_unmap_after_provider),
	{}
};

static struct kunit_suite dma_iommu_suite = {
	.name = "dma_iommu",
	.test_cases = dma_iommu_cases,
};

kunit_test_suite(dma_iommu_suite);
