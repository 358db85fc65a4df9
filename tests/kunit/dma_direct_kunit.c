// SPDX-License-Identifier: GPL-2.0
/*
 * dma-direct: lists with peer memory, for clients that no IOMMU translates.
 *
 * Every list goes through fabric_sg_map(), which has the oracle walk each address
 * that a mapping returns, and looks at what a refusal leaves behind.  "Defect N"
 * is a defect of the plain 6.12 kernel that must not come back.
 */
#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/mem_encrypt.h>
#include <linux/sizes.h>
#include <linux/stop_machine.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"
#include "mock_cache.h"
#include "oracle.h"

/* dma-direct merges nothing. */
static void expect_unmerged(struct kunit *test, const struct mixed_list *list,
			    void *data)
{
	if (!list->error)
		KUNIT_EXPECT_EQ_MSG(test, list->nents, list->count,
				    "list %#x", list->what);
}

/* Client and provider below one switch: a bus address, and nothing between. */
static void dma_direct_switch(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct fabric_sg *sg =
		fabric_sg_list(fabric, SG_PEER("provider", SZ_64K + 4, SZ_8K));
	enum dma_data_direction dir;

	fabric_print(fabric);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, dir));
		KUNIT_EXPECT_EQ(test, sg->table.nents, 1);
		KUNIT_EXPECT_TRUE(test, sg_dma_is_bus_address(sg->table.sgl));
		KUNIT_EXPECT_EQ(test, sg_dma_address(sg->table.sgl),
				pci_bus_address(provider, 0) + SZ_64K + 4);
		KUNIT_EXPECT_EQ(test, sg_dma_len(sg->table.sgl), SZ_8K);
		fabric_sg_unmap(sg);
	}
	fabric_provider(fabric, "client", 0);
	expect_bus(fabric, "client", "client", DMA_BIDIRECTIONAL, SAME_FUNCTION);
}

/* Bus addresses that differ from the CPU's addresses, lower or higher. */
static void dma_direct_offsets(struct kunit *test)
{
	static const char * const host[] = {
		"bus=0x80000000", "bus=0x7fff00000000",
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(host); i++) {
		struct fabric *fabric = fabric_switch_on(test, host[i]);

		fabric_set_acs(fabric, "r", PCI_ACS_UF);
		expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
		fabric_cpu_listed(test, true);
		expect_host(fabric, "client", "beside", EVERY_DIR,
			    NO_COMMON_PORT);
		fabric_set_acs(fabric, "c", PCI_ACS_RR);
		expect_host(fabric, "client", "provider", EVERY_DIR,
			    ACS_REQUEST);
		fabric_destroy(fabric);
	}
}

/* Two root ports: only through a root complex that is known to forward. */
static void dma_direct_root_ports(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    ep client\n"
		"  rp\n"
		"    ep provider bar0=2M\n"
		"  rciep integrated bar0=2M\n",
		NAMES("client", "integrated"), NAMES("provider", "integrated"));
	struct fabric_host *host =
		fabric_host_of(fabric_dev(fabric, "client"));

	fabric_cpu_listed(test, false);
	expect_refused(fabric, "client", "provider", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);
	fabric_cpu_listed(test, true);
	expect_host(fabric, "client", "provider", EVERY_DIR, NO_COMMON_PORT);
	expect_host(fabric, "client", "integrated", EVERY_DIR, NO_COMMON_PORT);
	expect_host(fabric, "integrated", "provider", EVERY_DIR, NO_COMMON_PORT);
	fabric_cpu_listed(test, false);

	/* The policy trusts the host bridge, and then for writes alone. */
	fabric_policy(test, "auto,trust=%s",
		      pci_name(fabric_dev(fabric, "client")));
	expect_host(fabric, "client", "provider", EVERY_DIR, NO_COMMON_PORT);
	host->forward = FABRIC_FORWARD_WRITES;
	fabric_policy(test, "auto,trust=%s@w",
		      pci_name(fabric_dev(fabric, "provider")));
	expect_host(fabric, "client", "provider", DMA_FROM_DEVICE,
		    NO_COMMON_PORT);
	expect_refused(fabric, "client", "provider", READ_DIRS,
		       HOST_BRIDGE_UNTRUSTED);
}

/* A host bridge of the built-in list that forwards between its own ports only. */
static void dma_direct_listed(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host cross=none\n"
		"  rp id=8086:2f01\n"
		"    ep client\n"
		"  rp\n"
		"    ep near bar0=2M\n"
		"host cross=none\n"
		"  rp id=8086:2f01\n"
		"    ep far bar0=2M\n"
		"host\n"
		"  rp id=8086:2031\n"
		"    ep a bar0=2M\n"
		"host\n"
		"  rciep id=8086:0b25\n"
		"  rp\n"
		"    ep b bar0=2M\n",
		NAMES("client", "a", "b"), NAMES("near", "far", "a", "b"));

	expect_host(fabric, "client", "near", EVERY_DIR, NO_COMMON_PORT);
	expect_refused(fabric, "client", "far", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);
	expect_refused(fabric, "client", "a", EVERY_DIR, HOST_BRIDGE_UNTRUSTED);
	expect_host(fabric, "a", "b", EVERY_DIR, NO_COMMON_PORT);
	expect_host(fabric, "b", "a", EVERY_DIR, NO_COMMON_PORT);
}

static struct pci_host_bridge *host_of(struct fabric *fabric, const char *name)
{
	return pci_find_host_bridge(fabric_dev(fabric, name)->bus);
}

/*
 * Host bridges of AMD forward from Zen on.  p2pdma_cpu_listed() itself is tested, not
 * the stub of fabric_cpu_listed().
 */
static void dma_direct_cpu_listed(struct kunit *test)
{
	static const struct {
		u8 vendor, family;
		bool listed;
	} row[] = {
		{ X86_VENDOR_AMD, 0x15, false },
		{ X86_VENDOR_AMD, 0x16, false },
		{ X86_VENDOR_AMD, 0x17, true },
		{ X86_VENDOR_AMD, 0x1a, true },
		{ X86_VENDOR_INTEL, 0x17, false },
	};
	u8 vendor = boot_cpu_data.x86_vendor, family = boot_cpu_data.x86;
	bool listed[ARRAY_SIZE(row)];
	int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		boot_cpu_data.x86_vendor = row[i].vendor;
		boot_cpu_data.x86 = row[i].family;
		listed[i] = p2pdma_cpu_listed();
	}
	boot_cpu_data.x86_vendor = vendor;
	boot_cpu_data.x86 = family;
	for (i = 0; i < ARRAY_SIZE(row); i++)
		KUNIT_EXPECT_EQ_MSG(test, row[i].listed, listed[i], "row %d", i);
}

/* All host bridges of the built-in list, and some with IDs next to theirs. */
static void dma_direct_all_listed(struct kunit *test)
{
	static const struct {
		u16 vendor;
		u16 device;
		bool same;	/* forwards between its own ports */
		bool cross;	/* and to ports of other host bridges */
	} row[] = {
		{ 0x8086, 0x3c00, true, false }, { 0x8086, 0x3c01, true, false },
		{ 0x8086, 0x2f00, true, false }, { 0x8086, 0x2f01, true, false },
		{ 0x8086, 0x2020, true, true }, { 0x8086, 0x2030, true, true },
		{ 0x8086, 0x2031, true, true }, { 0x8086, 0x2032, true, true },
		{ 0x8086, 0x2033, true, true }, { 0x8086, 0x09a2, true, true },
		{ 0x8086, 0x0b25, true, true }, { 0x8086, 0x11fb, true, true },
		{ 0x8086, 0x1212, true, true }, { 0x8086, 0x0cfe, true, true },
		{ 0x8086, 0x1216, true, true }, { 0x8086, 0x4940, true, true },
		{ 0x8086, 0x4942, true, true }, { 0x8086, 0x4944, true, true },
		{ 0x8086, 0x4946, true, true }, { 0x8086, 0x4948, true, true },
		{ 0x1ae0, 0x0000, true, true }, { 0x1ae0, 0x1234, true, true },
		{ 0x10de, 0x2f95, true, true }, { 0x10de, 0x2f96, true, true },
		{ 0x10de, 0x2f97, true, true }, { 0x10de, 0x2f98, true, true },
		{ 0x1d17, 0x1003, true, false }, { 0x1d17, 0x1005, true, false },
		{ 0x1d17, 0x1006, true, false }, { 0x1d17, 0x1007, true, false },
		{ 0x1d17, 0x1008, true, true },
		{ 0x10de, 0x2f94, false, false }, { 0x10de, 0x2f99, false, false },
		{ 0x1d17, 0x1004, false, false },
		{ 0x8086, 0x3c02, false, false },
		{ 0x8086, 0x2f02, false, false },
		{ 0x8086, 0x2034, false, false },
		{ 0x8086, 0x4941, false, false },
		{ 0x8087, 0x2030, false, false },
		{ 0x1022, 0x2030, false, false },
	};
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rciep first\n"
		"  rp\n"
		"    ep\n"
		"host\n"
		"  rp port dev=1 id=8086:2030\n"
		"host\n"
		"  rciep within dev=1 id=8086:2030\n"
		"host\n"
		"  pci old dev=1 id=8086:2030\n");
	struct pci_dev *first = fabric_dev(fabric, "first");
	struct pci_host_bridge *host = pci_find_host_bridge(first->bus);
	u16 vendor = first->vendor, device = first->device;
	bool same, cross;
	int i;

	fabric_cpu_listed(test, false);
	/* A function other than 00.0 counts if it is a root port or integrated. */
	KUNIT_EXPECT_TRUE(test, p2pdma_bridge_listed(host_of(fabric, "port"),
						     false, false));
	KUNIT_EXPECT_TRUE(test, p2pdma_bridge_listed(host_of(fabric, "within"),
						     false, false));
	KUNIT_EXPECT_FALSE(test, p2pdma_bridge_listed(host_of(fabric, "old"),
						      false, false));
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		first->vendor = row[i].vendor;
		first->device = row[i].device;
		p2pdma_bridge_function_added(first);
		same = p2pdma_bridge_listed(host, true, false);
		cross = p2pdma_bridge_listed(host, false, false);
		first->vendor = vendor;
		first->device = device;
		p2pdma_bridge_function_added(first);
		KUNIT_EXPECT_EQ_MSG(test, row[i].same, same, "%04x:%04x",
				    row[i].vendor, row[i].device);
		KUNIT_EXPECT_EQ_MSG(test, row[i].cross, cross, "%04x:%04x",
				    row[i].vendor, row[i].device);
	}
}

#ifdef CONFIG_AMD_MEM_ENCRYPT
/* An address in the CPU's view, as RAM and as peer memory. */
struct encrypted {
	struct device *client;
	struct p2pdma_provider *provider;
	phys_addr_t phys;
	dma_addr_t ram;
	dma_addr_t peer;
};

/*
 * Called by stop_machine(): another CPU would use the encryption bit for page tables
 * of its own.
 */
static int with_encryption(void *data)
{
	struct encrypted *address = data;

	sme_me_mask = BIT_ULL(47);
	address->ram = phys_to_dma(address->client, address->phys);
	address->peer = dma_p2pdma_host_addr(address->client, address->provider,
					     false, address->phys);
	sme_me_mask = 0;
	return 0;
}
#endif

/* Defect 10: peer memory is not encrypted; its address has no encryption bit. */
static void dma_direct_encryption(struct kunit *test)
{
#ifdef CONFIG_AMD_MEM_ENCRYPT
	struct fabric *fabric = fabric_mixed(test);
	phys_addr_t phys = pci_resource_start(fabric_dev(fabric, "far"), 0);
	struct encrypted address = {
		.client = &fabric_dev(fabric, "client")->dev,
		.provider = pci_p2pdma_provider_of_phys(phys, 1),
		.phys = phys,
	};

	if (sme_me_mask)
		kunit_skip(test, "memory is encrypted here");
	KUNIT_ASSERT_NOT_NULL(test, address.provider);
	KUNIT_ASSERT_EQ(test, 0, stop_machine(with_encryption, &address, NULL));
	KUNIT_EXPECT_EQ(test, phys | BIT_ULL(47), address.ram);
	KUNIT_EXPECT_EQ(test, phys, address.peer);
#else
	kunit_skip(test, "needs CONFIG_AMD_MEM_ENCRYPT");
#endif
}

/* Two host bridges with different offsets: both must be trusted. */
static void dma_direct_two_bridges(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host bus=0x90000000\n"
		"  rp\n"
		"    ep client bar0=2M\n"
		"host bus=0x700000000000\n"
		"  rp\n"
		"    ep far bar0=2M\n",
		NAMES("client", "far"), NAMES("client", "far"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *far = fabric_dev(fabric, "far");

	fabric_policy(test, "trust=%s", pci_name(client));
	expect_refused(fabric, "client", "far", DMA_FROM_DEVICE,
		       HOST_BRIDGE_UNTRUSTED);
	fabric_policy(test, "trust=%s", pci_name(far));
	expect_refused(fabric, "client", "far", DMA_FROM_DEVICE,
		       HOST_BRIDGE_UNTRUSTED);
	fabric_policy(test, "trust=%s;%s@w", pci_name(far), pci_name(client));
	expect_host(fabric, "client", "far", DMA_FROM_DEVICE, NO_COMMON_PORT);
	expect_refused(fabric, "client", "far", DMA_TO_DEVICE,
		       HOST_BRIDGE_UNTRUSTED);
	fabric_policy(test, "trust=%s;%s", pci_name(far), pci_name(client));
	expect_host(fabric, "client", "far", DMA_BIDIRECTIONAL, NO_COMMON_PORT);
	expect_host(fabric, "far", "client", DMA_BIDIRECTIONAL, NO_COMMON_PORT);
}

/* Every row of the request table, and completion redirect by direction. */
static void dma_direct_acs(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");

	/* Redirected, but the root port does not forward upstream: refused. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	fabric_policy(test, "trust=%s", pci_name(client));
	expect_refused(fabric, "client", "provider", EVERY_DIR, FABRIC_BLOCKED);
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	fabric_policy(test, "auto");
	expect_refused(fabric, "client", "provider", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);

	/* Egress control: by the provider's port number. */
	fabric_policy(test, "trust=%s", pci_name(client));
	fabric_set_acs(fabric, "c", PCI_ACS_EC);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_set_egress(fabric, "c", ~(u32)BIT(2));
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_set_egress(fabric, "c", BIT(2));
	expect_refused(fabric, "client", "provider", EVERY_DIR, FABRIC_BLOCKED);
	fabric_set_acs(fabric, "c", PCI_ACS_EC | PCI_ACS_RR);
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	fabric_set_egress(fabric, "c", BIT(1));
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);

	/* Completion redirect on the provider's side hinders reads alone. */
	fabric_set_acs(fabric, "c", 0);
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
	expect_host(fabric, "client", "provider", READ_DIRS, ACS_COMPLETION);
	fabric_set_acs(fabric, "r", 0);
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
	expect_refused(fabric, "client", "provider", READ_DIRS, FABRIC_BLOCKED);
}

/* A word of the egress vector of "c". */
static void set_egress_word(struct fabric *fabric, int word, u32 value)
{
	struct pci_dev *pdev = fabric_dev(fabric, "c");

	pci_write_config_dword(pdev, pdev->acs_cap + PCI_ACS_EGRESS_CTL_V +
			       4 * word, value);
}

/* A vector of several words, and the longest one, which has 256 bits: size 0. */
static void dma_direct_egress_words(struct kunit *test)
{
	static const char picture[] =
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp c port=1 acs=EC egress-bits=%d\n"
		"        ep client\n"
		"      dp port=33\n"
		"        ep second bar0=2M\n"
		"      dp port=200\n"
		"        ep seventh bar0=2M\n";
	static const int sizes[] = { 64, 0 };
	struct fabric *fabric;
	char text[256];
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(text, sizeof(text), picture, sizes[i]);
		fabric = fabric_setup(test, text, NAMES("client"),
				      NAMES("second", "seventh"));
		expect_bus(fabric, "client", "second", EVERY_DIR, DIRECT);
		set_egress_word(fabric, 0, BIT(1));
		expect_bus(fabric, "client", "second", EVERY_DIR, DIRECT);
		set_egress_word(fabric, 1, BIT(1));
		expect_refused(fabric, "client", "second", EVERY_DIR,
			       FABRIC_BLOCKED);

		/* Port 200 is beyond the end of the shorter vector. */
		if (!sizes[i]) {
			set_egress_word(fabric, 6, ~(u32)BIT(8));
			expect_bus(fabric, "client", "seventh", EVERY_DIR,
				   DIRECT);
			set_egress_word(fabric, 6, BIT(8));
		}
		expect_refused(fabric, "client", "seventh", EVERY_DIR,
			       FABRIC_BLOCKED);
		fabric_destroy(fabric);
	}
}

/*
 * Defect 8: ACS bits for the other direction, or at ports other than the two where
 * the paths part, do not matter.
 */
static void dma_direct_acs_elsewhere(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp acs=SV,RR,CR,UF\n"
		"    up\n"
		"      dp acs=SV,RR,CR,UF,EC egress=0,1,2\n"
		"        up\n"
		"          dp c acs=SV,TB,CR,UF,EC,DT port=3 egress=5\n"
		"            up\n"
		"              dp acs=SV,RR,CR,EC egress=0,1,2\n"
		"                ep client\n"
		"          dp p acs=SV,TB,RR,EC,DT port=4 egress=3\n"
		"            up\n"
		"              dp acs=SV,RR,CR,EC egress=0,1,2\n"
		"                ep provider bar0=2M acs=RR,CR,EC\n",
		NAMES("client"), NAMES("provider"));

	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
}

/* Defect 6: so many redirecting ports that their names fill every buffer. */
static void dma_direct_many_redirecting(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp acs=RR\n"
		"    up acs=RR\n"
		"      dp acs=RR\n"
		"        up acs=RR\n"
		"          dp acs=RR\n"
		"            up acs=RR\n"
		"              dp acs=RR\n"
		"                up acs=RR\n"
		"                  dp acs=RR\n"
		"                    up acs=RR\n"
		"                      dp acs=RR\n"
		"                        up acs=RR\n"
		"                          dp acs=RR\n"
		"                            up acs=RR\n"
		"                              dp acs=RR\n"
		"                                up acs=RR\n"
		"                                  dp acs=RR\n"
		"                                    up acs=RR\n"
		"                                      dp acs=RR\n"
		"                                        up acs=RR\n"
		"                                          dp acs=RR\n"
		"                                            ep a bar0=2M acs=RR\n"
		"                                            ep b fn=1 bar0=2M acs=RR\n",
		NAMES("a"), NAMES("b"));
	struct pci_dev *a = fabric_dev(fabric, "a");
	u64 since = fabric_log_now();

	expect_refused(fabric, "a", "b", DMA_BIDIRECTIONAL, FABRIC_BLOCKED);
	KUNIT_EXPECT_EQ(test, -1,
			pci_p2pdma_distance(fabric_dev(fabric, "b"), &a->dev,
					    true));
	/* Where not all names fit none is given. */
	KUNIT_EXPECT_GE(test,
			fabric_log_count(since, "ACS redirect is set between",
					 pci_name(a)), 1);
	expect_logged(test, since, 0, "these functions or ports", NULL);
}

/* Defect 9: an address that the client cannot form.  The BAR ends with 4 GiB. */
static void dma_direct_mask(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host bus=0xf0000000\n"
		"  rp acs=UF\n"
		"    up\n"
		"      dp c acs=none\n"
		"        ep client\n"
		"      dp\n"
		"        ep provider bar0=256M\n",
		NAMES("client"), NAMES("provider"));
	struct pci_dev *client = fabric_dev(fabric, "client");

	fabric_cpu_listed(test, true);
	client->dma_mask = DMA_BIT_MASK(32);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	client->dma_mask = DMA_BIT_MASK(32) - 1;
	expect_refused(fabric, "client", "provider", EVERY_DIR, DMA_MASK);
	client->dma_mask = DMA_BIT_MASK(31);
	expect_refused(fabric, "client", "provider", EVERY_DIR, DMA_MASK);

	/* Through the host bridge it is the same address. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_refused(fabric, "client", "provider", EVERY_DIR, DMA_MASK);
	client->dma_mask = DMA_BIT_MASK(32);
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
}

/*
 * The limits of the bus above the client count for transfers through the host bridge
 * alone: bus_dma_limit, and memory that dma_range_map leaves out.
 */
static void dma_direct_bus_limit(struct kunit *test)
{
	static const struct {
		u64 offset;
		size_t size;
		int want;
	} piece[] = {
		{ SZ_1M, SZ_4K, -EREMOTEIO },
		{ SZ_1M - SZ_4K, SZ_64K + SZ_8K, -EREMOTEIO },
		{ 0, SZ_4K, 1 },
	};
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	u64 far = pci_resource_start(fabric_dev(fabric, "far"), 0);
	int i;

	client->dev.bus_dma_limit = SZ_2G;
	expect_bus(fabric, "client", "across", EVERY_DIR, DIRECT);
	expect_refused(fabric, "client", "beside", EVERY_DIR, DMA_MASK);
	expect_refused(fabric, "client", "far", EVERY_DIR, DMA_MASK);
	client->dev.bus_dma_limit = 0;

	/* Part of a provider's memory is left out: pieces of that are refused. */
	fabric_hide_ram(fabric, client, far + SZ_1M, SZ_64K);
	for (i = 0; i < ARRAY_SIZE(piece); i++) {
		struct fabric_sg *sg =
			fabric_sg_list(fabric, SG_PEER("far", piece[i].offset,
						       piece[i].size));

		KUNIT_EXPECT_EQ_MSG(test, piece[i].want,
				    fabric_sg_segments(sg, client,
						       DMA_FROM_DEVICE),
				    "piece %d", i);
	}

	/* All of it is left out. */
	fabric_hide_ram(fabric, client, far, SZ_4M);
	expect_refused(fabric, "client", "far", EVERY_DIR, DMA_MASK);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
	fabric_hide_ram(fabric, client, 0, 0);
	expect_host(fabric, "client", "far", EVERY_DIR, NO_COMMON_PORT);
}

/* The bus address fits into 32 bits although the CPU's does not. */
static void dma_direct_mask_low_bus(struct kunit *test)
{
	struct fabric *fabric = fabric_switch_on(test, "bus=0x40000000");

	fabric_dev(fabric, "client")->dma_mask = DMA_BIT_MASK(32);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_cpu_listed(test, true);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
}

/* A client on an external port gets no bus address; without an IOMMU it is refused. */
static void dma_direct_untrusted(struct kunit *test)
{
	struct fabric *fabric = fabric_untrusted(test);

	fabric_cpu_listed(test, true);
	expect_refused(fabric, "client", "provider", EVERY_DIR,
		       UNTRUSTED_CLIENT);
	/* Where the paths have no port in common trust in the bridge decides. */
	expect_host(fabric, "inside", "provider", EVERY_DIR, NO_COMMON_PORT);
	expect_host(fabric, "client", "inside", EVERY_DIR, NO_COMMON_PORT);
}

/* Functions of one device, and of one that has ACS; a device and its VFs. */
static void dma_direct_functions(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp r\n"
		"    ep f0 bar0=2M acs=none\n"
		"    ep f1 fn=1 bar0=2M acs=none\n",
		NAMES("f0"), NAMES("f1"));

	expect_bus(fabric, "f0", "f1", EVERY_DIR, DIRECT);
	fabric_set_acs(fabric, "f0", PCI_ACS_RR);
	fabric_cpu_listed(test, true);
	expect_refused(fabric, "f0", "f1", EVERY_DIR, FABRIC_BLOCKED);
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	expect_host(fabric, "f0", "f1", EVERY_DIR, MULTIFUNCTION);
	/* The client's egress control, by function number, blocks function 1. */
	fabric_set_acs(fabric, "f0", PCI_ACS_EC);
	expect_host(fabric, "f0", "f1", EVERY_DIR, MULTIFUNCTION);
	fabric_set_egress(fabric, "f0", BIT(1));
	expect_refused(fabric, "f0", "f1", EVERY_DIR, FABRIC_BLOCKED);
	fabric_policy(test, "switch");
	expect_refused(fabric, "f0", "f1", EVERY_DIR, POLICY_SWITCH);
}

static void dma_direct_vfs(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep pf bar0=2M vfs=2 vfbar=2M acs=none vfacs\n"
		"      dp\n"
		"        ep other bar0=2M\n",
		NAMES("pf", "other"), NAMES("pf", "other"));

	fabric_enable_vfs(fabric, "pf", 2);
	fabric_client(fabric, "pf.vf0");
	fabric_client(fabric, "pf.vf1");
	fabric_provider(fabric, "pf.vf1", 0);
	expect_bus(fabric, "pf.vf0", "pf.vf1", EVERY_DIR, DIRECT);
	expect_bus(fabric, "pf.vf0", "pf", EVERY_DIR, DIRECT);
	expect_bus(fabric, "pf", "pf.vf1", EVERY_DIR, DIRECT);
	expect_bus(fabric, "other", "pf.vf1", EVERY_DIR, DIRECT);
	expect_bus(fabric, "pf.vf1", "other", EVERY_DIR, DIRECT);
}

/* A conventional PCI function on either side: the route is not direct. */
static void dma_direct_conventional(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp acs=UF\n"
		"    up\n"
		"      dp acs=none\n"
		"        bridge\n"
		"          pci old bar0=2M\n"
		"      dp acs=none\n"
		"        ep new bar0=2M\n",
		NAMES("old", "new"), NAMES("old", "new"));

	expect_refused(fabric, "old", "new", EVERY_DIR, HOST_BRIDGE_UNTRUSTED);
	expect_refused(fabric, "new", "old", EVERY_DIR, HOST_BRIDGE_UNTRUSTED);
}

/* All small lists of RAM and three providers' memory.  Defects 5 and 21. */
static void dma_direct_small_lists(struct kunit *test)
{
	mixed_small_lists(fabric_mixed(test), expect_unmerged, NULL);
}

static void dma_direct_random_lists(struct kunit *test)
{
	mixed_random_lists(fabric_mixed(test), 8, 3141592653, expect_unmerged,
			   NULL);
}

/* Defects 5 and 21: DMA fields that an earlier mapping has left do not matter. */
static void dma_direct_again(struct kunit *test)
{
	mixed_again(fabric_mixed(test), expect_unmerged, NULL);
}

static void dma_direct_edges(struct kunit *test)
{
	mixed_edges(fabric_mixed(test), expect_unmerged, NULL);
}

static void dma_direct_kinds(struct kunit *test)
{
	mixed_kinds(fabric_mixed(test), expect_unmerged, NULL);
}

static void dma_direct_crossing(struct kunit *test)
{
	mixed_crossing(fabric_mixed(test), expect_unmerged, NULL);
}

static void dma_direct_providers_gone(struct kunit *test)
{
	mixed_providers_gone(fabric_mixed(test), expect_unmerged, NULL);
}

/* Lengths near 4 GiB, where the sum of two does not fit into 32 bits. */
static void dma_direct_giants(struct kunit *test)
{
	giant_lists(fabric_giants(test), false, expect_unmerged, NULL);
}

/*
 * A mixed list in which one piece of RAM after the other cannot be mapped: it is out
 * of the client's reach, and the client's bounce buffers are full.
 */

static void hide_ram(void *data, int step)
{
	struct fabric_sg *sg = data;
	struct pci_dev *client = fabric_dev(sg->fabric, "client");
	struct scatterlist *entry;
	int i;

	for_each_sgtable_sg(&sg->table, entry, i)
		if (!is_pci_p2pdma_page(sg_page(entry)) && !step--)
			fabric_hide_ram(sg->fabric, client,
					page_to_phys(sg_page(entry)), SZ_8K);
}

static bool hide_no_ram(void *data)
{
	struct fabric_sg *sg = data;
	struct pci_dev *client = fabric_dev(sg->fabric, "client");
	bool hidden = client->dev.dma_range_map;

	fabric_hide_ram(sg->fabric, client, 0, 0);
	return hidden;
}

/* The RAM that was mapped before the failure was not bounced: nothing to check. */
static void nothing_left(struct kunit *test, void *data)
{
}

static int ram_error(int step)
{
	return -EIO;
}

static void dma_direct_map_fails(struct kunit *test)
{
	static const struct fabric_failing failing = {
		.arm = hide_ram,
		.disarm = hide_no_ram,
		.settled = nothing_left,
	};
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = mixed_six(fabric);
	enum dma_data_direction dir;

	fabric_bounce_full(fabric, client);
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++)
		KUNIT_EXPECT_EQ(test, 2,
				fabric_fail_steps(sg, client, dir, &failing,
						  ram_error, sg));
}

/* Without memory a route is not cached: after each step the cache starts empty. */
static void forget_routes(struct kunit *test, void *data)
{
	p2pdma_invalidate(P2PDMA_BY_POLICY);
}

static void dma_direct_allocation_fails(struct kunit *test)
{
	static const int errors[] = { 0 };
	struct fabric *fabric = fabric_mixed(test);

	p2pdma_invalidate(P2PDMA_BY_POLICY);
	KUNIT_EXPECT_GE(test,
			fabric_fail_allocations(mixed_six(fabric),
						fabric_dev(fabric, "client"),
						errors, forget_routes, NULL),
			3);
}

/* dma_map_sg() reports a refusal as 0 segments. */
static void dma_direct_map_sg(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg =
		fabric_sg_list(fabric, SG_PEER("provider", 0, SZ_4K));

	fabric_policy(test, "off");
	KUNIT_EXPECT_EQ(test, 0,
			dma_map_sg(&client->dev, sg->table.sgl, 1,
				   DMA_FROM_DEVICE));
	fabric_policy(test, "auto");
	KUNIT_EXPECT_EQ(test, 1,
			dma_map_sg(&client->dev, sg->table.sgl, 1,
				   DMA_FROM_DEVICE));
	dma_unmap_sg(&client->dev, sg->table.sgl, 1, DMA_FROM_DEVICE);
	KUNIT_EXPECT_TRUE(test, dma_pci_p2pdma_supported(&client->dev));
}

static struct kunit_case dma_direct_cases[] = {
	KUNIT_CASE(dma_direct_switch),
	KUNIT_CASE(dma_direct_offsets),
	KUNIT_CASE(dma_direct_root_ports),
	KUNIT_CASE(dma_direct_listed),
	KUNIT_CASE(dma_direct_cpu_listed),
	KUNIT_CASE(dma_direct_all_listed),
	KUNIT_CASE(dma_direct_encryption),
	KUNIT_CASE(dma_direct_two_bridges),
	KUNIT_CASE(dma_direct_acs),
	KUNIT_CASE(dma_direct_egress_words),
	KUNIT_CASE(dma_direct_acs_elsewhere),
	KUNIT_CASE(dma_direct_many_redirecting),
	KUNIT_CASE(dma_direct_mask),
	KUNIT_CASE(dma_direct_bus_limit),
	KUNIT_CASE(dma_direct_mask_low_bus),
	KUNIT_CASE(dma_direct_untrusted),
	KUNIT_CASE(dma_direct_functions),
	KUNIT_CASE_SLOW(dma_direct_vfs),
	KUNIT_CASE(dma_direct_conventional),
	KUNIT_CASE_SLOW(dma_direct_small_lists),
	KUNIT_CASE_SLOW(dma_direct_random_lists),
	KUNIT_CASE(dma_direct_again),
	KUNIT_CASE(dma_direct_edges),
	KUNIT_CASE(dma_direct_kinds),
	KUNIT_CASE(dma_direct_crossing),
	KUNIT_CASE(dma_direct_providers_gone),
	KUNIT_CASE(dma_direct_giants),
	KUNIT_CASE(dma_direct_map_fails),
	KUNIT_CASE(dma_direct_allocation_fails),
	KUNIT_CASE(dma_direct_map_sg),
	{}
};

static struct kunit_suite dma_direct_suite = {
	.name = "dma_direct",
	.test_cases = dma_direct_cases,
};

/* Defect 11: the same for clients that are not coherent; see mock_cache.h. */
static struct kunit_case dma_direct_not_coherent_cases[] = {
	KUNIT_CASE(dma_direct_switch),
	KUNIT_CASE(dma_direct_offsets),
	KUNIT_CASE(dma_direct_two_bridges),
	KUNIT_CASE(dma_direct_untrusted),
	KUNIT_CASE_SLOW(dma_direct_random_lists),
	KUNIT_CASE(dma_direct_again),
	KUNIT_CASE(dma_direct_edges),
	KUNIT_CASE(dma_direct_kinds),
	KUNIT_CASE(dma_direct_crossing),
	KUNIT_CASE(dma_direct_providers_gone),
	KUNIT_CASE(dma_direct_map_fails),
	KUNIT_CASE(dma_direct_allocation_fails),
	{}
};

static struct kunit_suite dma_direct_not_coherent_suite = {
	.name = "dma_direct_not_coherent",
	.init = mock_cache_not_coherent,
	.test_cases = dma_direct_not_coherent_cases,
};

kunit_test_suites(&dma_direct_suite, &dma_direct_not_coherent_suite);
