// SPDX-License-Identifier: GPL-2.0
/*
 * dma-direct: lists with peer memory, for clients that no IOMMU translates.
 *
 * Every list goes through fabric_sg_map(), which has the oracle walk each address
 * that a mapping returns, and looks at what a refusal leaves behind.  "Defect N"
 * is a defect of the plain 6.12 kernel that must not come back.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "fabric_sg.h"
#include "oracle.h"

static const enum dma_data_direction directions[] = {
	DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL,
};

static const char switch_picture[] =
	"host\n"
	"  rp r\n"
	"    up\n"
	"      dp c\n"
	"        ep client bar0=2M\n"
	"      dp p\n"
	"        ep provider bar0=2M\n";

static struct fabric *create_switch(struct kunit *test)
{
	return fabric_setup(test, switch_picture, NAMES("client"),
			    NAMES("provider"));
}

/* Client and provider below one switch: a bus address, and nothing between. */
static void dma_direct_switch(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 1);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	int i;

	fabric_print(fabric);
	fabric_sg_peer(sg, "provider", SZ_64K + 4, SZ_8K);
	for (i = 0; i < ARRAY_SIZE(directions); i++) {
		expect_bus(fabric, "client", "provider", directions[i], DIRECT);
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, client, directions[i]));
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

/* Bus addresses that are not the CPU's, below them and above. */
static void dma_direct_offsets(struct kunit *test)
{
	static const char * const where[] = {
		"bus=0x80000000", "bus=0x7fff00000000",
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(where); i++) {
		char picture[256];
		struct fabric *fabric;

		snprintf(picture, sizeof(picture),
			 "host %s\n"
			 "  rp r acs=UF\n"
			 "    up\n"
			 "      dp c acs=none\n"
			 "        ep client\n"
			 "      dp\n"
			 "        ep provider bar0=2M\n"
			 "  rp\n"
			 "    ep other bar0=2M\n", where[i]);
		fabric = fabric_setup(test, picture, NAMES("client"),
				      NAMES("provider", "other"));
		expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL,
			   DIRECT);
		fabric_cpu_listed(test, true);
		expect_host(fabric, "client", "other", DMA_BIDIRECTIONAL,
			    NO_COMMON_PORT);
		fabric_set_acs(fabric, "c", PCI_ACS_RR);
		expect_host(fabric, "client", "provider", DMA_BIDIRECTIONAL,
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
	int i;

	for (i = 0; i < ARRAY_SIZE(directions); i++) {
		fabric_cpu_listed(test, false);
		expect_refused(fabric, "client", "provider", directions[i],
			       HOST_BRIDGE_UNTRUSTED);
		fabric_cpu_listed(test, true);
		expect_host(fabric, "client", "provider", directions[i],
			    NO_COMMON_PORT);
		expect_host(fabric, "client", "integrated", directions[i],
			    NO_COMMON_PORT);
		expect_host(fabric, "integrated", "provider", directions[i],
			    NO_COMMON_PORT);
	}
	fabric_cpu_listed(test, false);

	/* The administrator's word for it, and then for writes alone. */
	fabric_policy(test, "auto,trust=%s",
		      pci_name(fabric_dev(fabric, "client")));
	expect_host(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		    NO_COMMON_PORT);
	host->forward = FABRIC_FORWARD_WRITES;
	fabric_policy(test, "auto,trust=%s@w",
		      pci_name(fabric_dev(fabric, "provider")));
	expect_host(fabric, "client", "provider", DMA_FROM_DEVICE,
		    NO_COMMON_PORT);
	expect_refused(fabric, "client", "provider", DMA_TO_DEVICE,
		       HOST_BRIDGE_UNTRUSTED);
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
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

	expect_host(fabric, "client", "near", DMA_BIDIRECTIONAL, NO_COMMON_PORT);
	expect_refused(fabric, "client", "far", DMA_BIDIRECTIONAL,
		       HOST_BRIDGE_UNTRUSTED);
	expect_refused(fabric, "client", "a", DMA_FROM_DEVICE,
		       HOST_BRIDGE_UNTRUSTED);
	expect_host(fabric, "a", "b", DMA_BIDIRECTIONAL, NO_COMMON_PORT);
	expect_host(fabric, "b", "a", DMA_BIDIRECTIONAL, NO_COMMON_PORT);
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
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp r\n"
		"    up\n"
		"      dp c port=1\n"
		"        ep client\n"
		"      dp p port=2\n"
		"        ep provider bar0=2M\n",
		NAMES("client"), NAMES("provider"));
	int i;

	/* Redirected with nothing above to forward it: lost, trusted or not. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	fabric_policy(test, "trust=%s", pci_name(fabric_dev(fabric, "client")));
	for (i = 0; i < ARRAY_SIZE(directions); i++)
		expect_refused(fabric, "client", "provider", directions[i],
			       FABRIC_BLOCKED);
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	for (i = 0; i < ARRAY_SIZE(directions); i++)
		expect_host(fabric, "client", "provider", directions[i],
			    ACS_REQUEST);
	fabric_policy(test, "auto");
	expect_refused(fabric, "client", "provider", DMA_FROM_DEVICE,
		       HOST_BRIDGE_UNTRUSTED);

	/* Egress control: by the provider's port number. */
	fabric_policy(test, "trust=%s", pci_name(fabric_dev(fabric, "client")));
	fabric_set_acs(fabric, "c", PCI_ACS_EC);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	fabric_set_egress(fabric, "c", ~(u32)BIT(2));
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	fabric_set_egress(fabric, "c", BIT(2));
	for (i = 0; i < ARRAY_SIZE(directions); i++)
		expect_refused(fabric, "client", "provider", directions[i],
			       FABRIC_BLOCKED);
	fabric_set_acs(fabric, "c", PCI_ACS_EC | PCI_ACS_RR);
	expect_host(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		    ACS_REQUEST);
	fabric_set_egress(fabric, "c", BIT(1));
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);

	/* Completion redirect on the provider's side hinders reads alone. */
	fabric_set_acs(fabric, "c", 0);
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
	expect_host(fabric, "client", "provider", DMA_TO_DEVICE, ACS_COMPLETION);
	expect_host(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		    ACS_COMPLETION);
	fabric_set_acs(fabric, "r", 0);
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
	expect_refused(fabric, "client", "provider", DMA_TO_DEVICE,
		       FABRIC_BLOCKED);
}

/*
 * Defect 8: bits that are about the other direction, or are not where the paths
 * part, do not matter.
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
	int i;

	for (i = 0; i < ARRAY_SIZE(directions); i++)
		expect_bus(fabric, "client", "provider", directions[i], DIRECT);
}

/* Defect 6: so many redirecting ports that their names fill every buffer. */
static void dma_direct_many_redirecting(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp acs=RR\n"
		"    up\n"
		"      dp acs=RR\n"
		"        up\n"
		"          dp acs=RR\n"
		"            up\n"
		"              dp acs=RR\n"
		"                up\n"
		"                  dp acs=RR\n"
		"                    up\n"
		"                      dp acs=RR\n"
		"                        up\n"
		"                          dp acs=RR\n"
		"                            up\n"
		"                              dp acs=RR\n"
		"                                up\n"
		"                                  dp acs=RR\n"
		"                                    up\n"
		"                                      dp acs=RR\n"
		"                                        up\n"
		"                                          dp acs=RR\n"
		"                                            ep a bar0=2M acs=RR\n"
		"                                            ep b fn=1 bar0=2M acs=RR\n",
		NAMES("a"), NAMES("b"));
	struct pci_dev *a = fabric_dev(fabric, "a");

	expect_refused(fabric, "a", "b", DMA_BIDIRECTIONAL, FABRIC_BLOCKED);
	KUNIT_EXPECT_EQ(test, -1,
			pci_p2pdma_distance(fabric_dev(fabric, "b"), &a->dev,
					    true));
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
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	client->dma_mask = DMA_BIT_MASK(32) - 1;
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       DMA_MASK);
	client->dma_mask = DMA_BIT_MASK(31);
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       DMA_MASK);

	/* Through the host bridge it is the same address. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       DMA_MASK);
	client->dma_mask = DMA_BIT_MASK(32);
	expect_host(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		    ACS_REQUEST);
}

/* The bus address fits into 32 bits although the CPU's does not. */
static void dma_direct_mask_low_bus(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host bus=0x40000000\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep client\n"
		"      dp\n"
		"        ep provider bar0=2M\n"
		"  rp\n"
		"    ep other bar0=2M\n",
		NULL, NAMES("provider", "other"));

	/* The mask is that of a fresh device: 32 bits. */
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	fabric_cpu_listed(test, true);
	expect_host(fabric, "client", "other", DMA_BIDIRECTIONAL,
		    NO_COMMON_PORT);
}

/* A client on an external port never crosses, and without an IOMMU goes nowhere. */
static void dma_direct_untrusted(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp external\n"
		"    up\n"
		"      dp\n"
		"        ep client\n"
		"      dp\n"
		"        ep provider bar0=2M\n"
		"  rp\n"
		"    ep inside bar0=2M\n",
		NAMES("client", "inside"), NAMES("provider", "inside"));

	fabric_cpu_listed(test, true);
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       UNTRUSTED_CLIENT);
	/* Towards it, and to where nothing would cross, the bridge decides. */
	expect_host(fabric, "inside", "provider", DMA_BIDIRECTIONAL,
		    NO_COMMON_PORT);
	expect_host(fabric, "client", "inside", DMA_BIDIRECTIONAL,
		    NO_COMMON_PORT);
}

/* Functions of one device, and of one that has ACS; a device and its VFs. */
static void dma_direct_functions(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp r\n"
		"    ep f0 bar0=2M acs=none\n"
		"    ep f1 fn=1 bar0=2M\n",
		NAMES("f0"), NAMES("f1"));

	expect_bus(fabric, "f0", "f1", DMA_BIDIRECTIONAL, DIRECT);
	fabric_set_acs(fabric, "f0", PCI_ACS_RR);
	fabric_cpu_listed(test, true);
	expect_refused(fabric, "f0", "f1", DMA_BIDIRECTIONAL, FABRIC_BLOCKED);
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	expect_host(fabric, "f0", "f1", DMA_BIDIRECTIONAL, MULTIFUNCTION);
	/* Egress control, here by function number, drops it at the client. */
	fabric_set_acs(fabric, "f0", PCI_ACS_EC);
	expect_host(fabric, "f0", "f1", DMA_BIDIRECTIONAL, MULTIFUNCTION);
	fabric_set_egress(fabric, "f0", BIT(1));
	expect_refused(fabric, "f0", "f1", DMA_BIDIRECTIONAL, FABRIC_BLOCKED);
	fabric_policy(test, "switch");
	expect_refused(fabric, "f0", "f1", DMA_BIDIRECTIONAL, POLICY_SWITCH);
}

static void dma_direct_vfs(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep pf bar0=2M vfs=2 vfbar=2M\n"
		"      dp\n"
		"        ep other bar0=2M\n",
		NAMES("pf", "other"), NAMES("pf", "other"));

	fabric_enable_vfs(fabric, "pf", 2);
	fabric_client(fabric, "pf.vf0");
	fabric_client(fabric, "pf.vf1");
	fabric_provider(fabric, "pf.vf1", 0);
	expect_bus(fabric, "pf.vf0", "pf.vf1", DMA_BIDIRECTIONAL, DIRECT);
	expect_bus(fabric, "pf.vf0", "pf", DMA_BIDIRECTIONAL, DIRECT);
	expect_bus(fabric, "pf", "pf.vf1", DMA_BIDIRECTIONAL, DIRECT);
	expect_bus(fabric, "other", "pf.vf1", DMA_BIDIRECTIONAL, DIRECT);
	expect_bus(fabric, "pf.vf1", "other", DMA_BIDIRECTIONAL, DIRECT);
}

/* Conventional PCI anywhere between is not direct. */
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

	expect_refused(fabric, "old", "new", DMA_FROM_DEVICE,
		       HOST_BRIDGE_UNTRUSTED);
	expect_refused(fabric, "new", "old", DMA_FROM_DEVICE,
		       HOST_BRIDGE_UNTRUSTED);
}

/* The policy: off, switch, host, deny. */
static void dma_direct_policy(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(directions); i++) {
		fabric_policy(test, "off");
		expect_refused(fabric, "client", "provider", directions[i],
			       POLICY_OFF);
		fabric_policy(test, "switch");
		expect_bus(fabric, "client", "provider", directions[i], DIRECT);
		fabric_policy(test, "host");
		expect_refused(fabric, "client", "provider", directions[i],
			       POLICY_HOST);
		fabric_policy(test, "deny=%s",
			      pci_name(fabric_dev(fabric, "client")));
		expect_refused(fabric, "client", "provider", directions[i],
			       DENIED);
		fabric_policy(test, "deny=%s",
			      pci_name(fabric_dev(fabric, "provider")));
		expect_refused(fabric, "client", "provider", directions[i],
			       DENIED);
		fabric_policy(test, "auto");
		expect_bus(fabric, "client", "provider", directions[i], DIRECT);
	}
}

/* Defect 12: a client that must bounce gets the contract's error. */
static void dma_direct_must_bounce(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct io_tlb_mem *before = client->dev.dma_io_tlb_mem;
	struct io_tlb_mem *forced;

	forced = kunit_kzalloc(test, sizeof(*forced), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, forced);
	forced->force_bounce = true;

	client->dev.dma_io_tlb_mem = forced;
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       MUST_BOUNCE);
	client->dev.dma_io_tlb_mem = before;
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
}

/* A provider that does not decode, or sleeps, is not there. */
static void dma_direct_unreachable(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct pci_dev *provider = fabric_dev(fabric, "provider");

	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	fabric_set_decode(fabric, "provider", false);
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       PROVIDER_UNREACHABLE);
	fabric_set_decode(fabric, "provider", true);
	fabric_set_decode(fabric, "p", false);
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       PROVIDER_UNREACHABLE);
	fabric_set_decode(fabric, "p", true);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);

	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(provider, PCI_D3hot));
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       PROVIDER_UNREACHABLE);
	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(provider, PCI_D0));
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
}

/* Defect 7: the verdict follows ACS, whoever writes it. */
static void dma_direct_acs_changes(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);

	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       FABRIC_BLOCKED);
	fabric_user_set_acs(fabric, "c", 0);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	fabric_user_set_acs(fabric, "p", PCI_ACS_CR);
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       FABRIC_BLOCKED);
	fabric_user_set_acs(fabric, "p", 0);
	fabric_user_set_acs(fabric, "c", PCI_ACS_EC);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	fabric_set_egress(fabric, "c", ~0);
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       FABRIC_BLOCKED);
}

/*
 * Defect 7: another device at the same address, of client or of provider, gets a
 * verdict of its own; here the policy tells them apart by their IDs.
 */
static void dma_direct_hotplug(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp c\n"
		"        ep client\n"
		"      dp p\n"
		"        ep provider bar0=2M\n",
		NAMES("client"), NAMES("provider"));
	u16 client_id = pci_dev_id(fabric_dev(fabric, "client"));
	u16 provider_id = pci_dev_id(fabric_dev(fabric, "provider"));
	int round;

	fabric_policy(test, "auto,deny=pci:1fab:0bad");
	for (round = 0; round < 3; round++) {
		expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL,
			   DIRECT);

		fabric_unplug(fabric, "client");
		if (!round)
			fabric_plug(fabric, "c", "ep bad-client id=1fab:0bad\n");
		else
			fabric_replug(fabric, "bad-client");
		fabric_client(fabric, "bad-client");
		KUNIT_EXPECT_EQ(test, client_id,
				pci_dev_id(fabric_dev(fabric, "bad-client")));
		expect_refused(fabric, "bad-client", "provider",
			       DMA_BIDIRECTIONAL, DENIED);
		fabric_unplug(fabric, "bad-client");
		fabric_replug(fabric, "client");
		fabric_client(fabric, "client");
		expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL,
			   DIRECT);

		fabric_unplug(fabric, "provider");
		if (!round)
			fabric_plug(fabric, "p",
				    "ep bad-provider id=1fab:0bad bar0=2M\n");
		else
			fabric_replug(fabric, "bad-provider");
		fabric_provider(fabric, "bad-provider", 0);
		KUNIT_EXPECT_EQ(test, provider_id,
				pci_dev_id(fabric_dev(fabric, "bad-provider")));
		expect_refused(fabric, "client", "bad-provider",
			       DMA_BIDIRECTIONAL, DENIED);
		fabric_unplug(fabric, "bad-provider");
		fabric_replug(fabric, "provider");
		fabric_provider(fabric, "provider", 0);
	}
}

/* And other bus numbers: what was the client's is somebody else's then. */
static void dma_direct_renumber(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp r0\n"
		"    up\n"
		"      dp\n"
		"        ep client\n"
		"      dp\n"
		"        ep provider bar0=2M\n"
		"  rp r1\n"
		"    up\n"
		"      dp\n"
		"        ep other\n",
		NAMES("client", "other"), NAMES("provider"));
	u16 client_id = pci_dev_id(fabric_dev(fabric, "client"));

	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	expect_refused(fabric, "other", "provider", DMA_BIDIRECTIONAL,
		       HOST_BRIDGE_UNTRUSTED);

	fabric_unplug(fabric, "r0");
	fabric_unplug(fabric, "r1");
	fabric_replug(fabric, "r1");
	fabric_replug(fabric, "r0");
	fabric_print(fabric);
	fabric_client(fabric, "client");
	fabric_client(fabric, "other");
	fabric_provider(fabric, "provider", 0);
	expect_refused(fabric, "other", "provider", DMA_BIDIRECTIONAL,
		       HOST_BRIDGE_UNTRUSTED);
	KUNIT_EXPECT_EQ(test, client_id,
			pci_dev_id(fabric_dev(fabric, "other")));
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
}

/* Defect 23: domains that differ only above 16 bits are different domains. */
static void dma_direct_large_domains(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host domain=0x1fa00\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep a\n"
		"      dp\n"
		"        ep provider bar0=2M\n"
		"host domain=0x2fa00\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep b\n",
		NAMES("a", "b"), NAMES("provider"));

	KUNIT_EXPECT_EQ(test, pci_dev_id(fabric_dev(fabric, "a")),
			pci_dev_id(fabric_dev(fabric, "b")));
	expect_bus(fabric, "a", "provider", DMA_BIDIRECTIONAL, DIRECT);
	expect_refused(fabric, "b", "provider", DMA_BIDIRECTIONAL,
		       HOST_BRIDGE_UNTRUSTED);
	expect_bus(fabric, "a", "provider", DMA_BIDIRECTIONAL, DIRECT);
}

/*
 * Lists.  RAM, and providers across the switch, below another root port and below
 * another host bridge; the last can be trusted or not.
 */
static const char lists_picture[] =
	"host bus=0x90000000\n"
	"  rp\n"
	"    up\n"
	"      dp\n"
	"        ep client\n"
	"      dp\n"
	"        ep across bar0=4M bar2=2M\n"
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
 * All lists of up to four entries.  Defects 5 and 21: each is mapped over what the
 * one before has left.
 */
static void dma_direct_small_lists(struct kunit *test)
{
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
				if (ret)
					continue;
				KUNIT_EXPECT_EQ(test, sg->table.nents, count);
				fabric_sg_sync(sg);
				fabric_sg_unmap(sg);
			}
		}
	}
}

/* A thousand entries, of all sizes, in a chained table; and again. */
static void dma_direct_large_list(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, lists_picture,
					     NAMES("client"),
					     NAMES("across", "beside", "far"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 1000);
	struct rnd_state rnd;
	int i;

	fabric_policy(test, "trust=%s;%s", pci_name(client),
		      pci_name(fabric_dev(fabric, "far")));
	prandom_seed_state(&rnd, 3141592653);
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
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, client, directions[i]));
		fabric_sg_sync(sg);
		fabric_sg_unmap(sg);
	}
}

/* Pieces at the edges of BARs and pages, of one byte and of all there is. */
static void dma_direct_edges(struct kunit *test)
{
	static const struct {
		u64 offset;
		size_t size;
	} piece[] = {
		{ 0, 1 }, { SZ_4M - 1, 1 }, { 0, SZ_4M },
		{ SZ_4K - 1, 2 }, { SZ_4K - 1, 1 }, { SZ_2M - 1, 2 },
		{ 1, SZ_4M - 2 },
	};
	struct fabric *fabric = fabric_setup(test, lists_picture,
					     NAMES("client"),
					     NAMES("across", "beside", "far"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 1);
	int i, p;

	fabric_policy(test, "trust=%s;%s", pci_name(client),
		      pci_name(fabric_dev(fabric, "far")));
	for (i = 0; i < ARRAY_SIZE(piece); i++) {
		for (p = 0; p < ARRAY_SIZE(lists_providers); p++) {
			fabric_sg_clear(sg);
			fabric_sg_peer(sg, lists_providers[p], piece[i].offset,
				       piece[i].size);
			KUNIT_ASSERT_EQ(test, 0,
					fabric_sg_map(sg, client,
						      DMA_BIDIRECTIONAL));
			fabric_sg_unmap(sg);
		}
	}
}

/* An entry that is of two providers, or only in part of one, is no entry. */
static void dma_direct_crossing(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, lists_picture,
					     NAMES("client"), NULL);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *across = fabric_dev(fabric, "across");
	u64 bar0 = pci_resource_start(across, 0);
	u64 bar2 = pci_resource_start(across, 2);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 2);

	/* The larger BAR comes first, and the other directly after it. */
	KUNIT_ASSERT_EQ(test, bar2, bar0 + SZ_4M);
	fabric_provider(fabric, "across", 0);
	fabric_provider(fabric, "across", 2);

	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_phys(sg, bar2 - SZ_4K, SZ_8K);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	fabric_sg_clear(sg);
	fabric_sg_phys(sg, bar2 - SZ_4K, SZ_4K);
	fabric_sg_phys(sg, bar2, SZ_4K);
	KUNIT_EXPECT_EQ(test, 0, fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	fabric_sg_unmap(sg);
	fabric_sg_clear(sg);
	fabric_sg_phys(sg, bar2 + SZ_2M - SZ_4K, SZ_8K);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			fabric_sg_map(sg, client, DMA_FROM_DEVICE));
}

/* The single calls that have no error of their own to return. */
static void dma_direct_map_sg(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 1);

	fabric_sg_peer(sg, "provider", 0, SZ_4K);
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
	KUNIT_CASE(dma_direct_two_bridges),
	KUNIT_CASE(dma_direct_acs),
	KUNIT_CASE(dma_direct_acs_elsewhere),
	KUNIT_CASE(dma_direct_many_redirecting),
	KUNIT_CASE(dma_direct_mask),
	KUNIT_CASE(dma_direct_mask_low_bus),
	KUNIT_CASE(dma_direct_untrusted),
	KUNIT_CASE(dma_direct_functions),
	KUNIT_CASE_SLOW(dma_direct_vfs),
	KUNIT_CASE(dma_direct_conventional),
	KUNIT_CASE(dma_direct_policy),
	KUNIT_CASE(dma_direct_must_bounce),
	KUNIT_CASE(dma_direct_unreachable),
	KUNIT_CASE(dma_direct_acs_changes),
	KUNIT_CASE(dma_direct_hotplug),
	KUNIT_CASE(dma_direct_renumber),
	KUNIT_CASE(dma_direct_large_domains),
	KUNIT_CASE_SLOW(dma_direct_small_lists),
	KUNIT_CASE_SLOW(dma_direct_large_list),
	KUNIT_CASE(dma_direct_edges),
	KUNIT_CASE(dma_direct_crossing),
	KUNIT_CASE(dma_direct_map_sg),
	{}
};

static struct kunit_suite dma_direct_suite = {
	.name = "dma_direct",
	.test_cases = dma_direct_cases,
};

kunit_test_suite(dma_direct_suite);
