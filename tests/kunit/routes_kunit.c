// SPDX-License-Identifier: GPL-2.0
/*
 * Routes on a real fabric: the order in which the decision looks at what it knows,
 * each obstacle to a direct route, and what makes a verdict stale.
 *
 * Each expectation asks for the route, has the oracle check it, maps a list, and
 * asks for the distance (see fabric_expect_route()).  "Defect N" is a defect of the
 * plain 6.12 kernel that must not come back.  The decision alone, fact by fact, is
 * tested in p2pdma_decide_kunit.c.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/sizes.h>

#include "../../drivers/pci/pci.h"
#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"
#include "fabric_fn.h"
#include "mock_iommu.h"
#include "oracle.h"

static struct p2pdma_provider *provider_of(struct fabric *fabric,
					   const char *name)
{
	u64 phys = pci_resource_start(fabric_dev(fabric, name), 0);
	struct p2pdma_provider *provider = pci_p2pdma_provider_of_phys(phys, 1);

	KUNIT_ASSERT_NOT_NULL(fabric->test, provider);
	return provider;
}

/* The same without the oracle, for what no fabric shows. */
static void expect_verdict(struct fabric *fabric, struct device *client,
			   const char *provider, enum dma_data_direction dir,
			   enum pci_p2pdma_map_type type,
			   enum pci_p2pdma_reason reason)
{
	struct pci_p2pdma_route route;

	pci_p2pdma_query_route(provider_of(fabric, provider), client, dir,
			       &route);
	KUNIT_EXPECT_EQ(fabric->test, route.type, type);
	KUNIT_EXPECT_STREQ(fabric->test, pci_p2pdma_reason_name(route.reason),
			   pci_p2pdma_reason_name(reason));
}

/* That a port stands in the way of a transfer is said, and which. */
static void expect_named(struct fabric *fabric, const char *client,
			 const char *provider, enum dma_data_direction dir,
			 const char *port)
{
	struct pci_dev *pdev = fabric_dev(fabric, port);
	struct pci_p2pdma_route route;

	pci_p2pdma_query_route(provider_of(fabric, provider),
			       &fabric_dev(fabric, client)->dev, dir, &route);
	KUNIT_EXPECT_TRUE(fabric->test, route.has_bridge);
	KUNIT_EXPECT_EQ(fabric->test, route.bridge_domain,
			pci_domain_nr(pdev->bus));
	KUNIT_EXPECT_EQ(fabric->test, route.bridge_id, pci_dev_id(pdev));
}

/*
 * The rows of the decision, each with conditions of later rows that hold as well.
 */
static void routes_order(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	char name[32];
	enum dma_data_direction dir;

	strscpy(name, pci_name(client), sizeof(name));
	fabric_provider(fabric, "client", 0);
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		/* 1, 2: policy, before everything. */
		fabric_set_decode(fabric, "provider", false);
		fabric_must_bounce(fabric, client, true);
		fabric_policy(test, "off,deny=%s", name);
		expect_refused(fabric, "client", "provider", dir, POLICY_OFF);
		fabric_policy(test, "deny=%s", name);
		expect_refused(fabric, "client", "provider", dir, DENIED);
		expect_refused(fabric, "client", "client", dir, DENIED);

		/* 4: the provider, before what the client may do. */
		fabric_policy(test, "host");
		expect_refused(fabric, "client", "provider", dir,
			       PROVIDER_UNREACHABLE);
		fabric_set_decode(fabric, "provider", true);

		/* 5: bouncing, before even its own memory. */
		expect_refused(fabric, "client", "provider", dir, MUST_BOUNCE);
		expect_refused(fabric, "client", "client", dir, MUST_BOUNCE);
		fabric_must_bounce(fabric, client, false);

		/* 6: its own memory, whatever the mode. */
		expect_bus(fabric, "client", "client", dir, SAME_FUNCTION);
		fabric_policy(test, "switch");
		expect_bus(fabric, "client", "client", dir, SAME_FUNCTION);

		/* 7, 8: direct, and nothing else. */
		expect_bus(fabric, "client", "provider", dir, DIRECT);
		expect_refused(fabric, "client", "beside", dir, POLICY_SWITCH);
		fabric_set_acs(fabric, "c", PCI_ACS_RR);
		expect_refused(fabric, "client", "provider", dir, POLICY_SWITCH);

		/* 10: lost on its way, before trust is looked at. */
		fabric_policy(test, "host");
		expect_refused(fabric, "client", "provider", dir,
			       FABRIC_BLOCKED);
		expect_named(fabric, "client", "provider", dir, "r");
		fabric_set_acs(fabric, "r", PCI_ACS_UF);

		/* 12, 11. */
		expect_refused(fabric, "client", "provider", dir,
			       HOST_BRIDGE_UNTRUSTED);
		fabric_cpu_listed(test, true);
		expect_host(fabric, "client", "provider", dir, ACS_REQUEST);

		/* 9: it would cross, although it must not; before 11. */
		fabric_set_acs(fabric, "c", 0);
		expect_refused(fabric, "client", "provider", dir, POLICY_HOST);
		fabric_set_acs(fabric, "r", 0);
		fabric_cpu_listed(test, false);
		fabric_policy(test, "auto");
	}
}

/* Row 3: who is no PCI function has no route, and nothing is mapped for it. */
static void routes_not_pci(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct device *dev = kunit_device_register(test, "not-pci");
	struct device *child = kunit_device_register(test, "child");
	struct device *child_parent = child->parent;
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 2);
	u64 mask = DMA_BIT_MASK(64), since = fabric_log_now();
	enum dma_data_direction dir;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, child);
	dev->dma_mask = &mask;
	fabric_cpu_listed(test, true);
	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_peer(sg, "provider", 0, SZ_4K);

	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		fabric_set_decode(fabric, "provider", false);
		expect_verdict(fabric, dev, "provider", dir,
			       PCI_P2PDMA_MAP_NOT_SUPPORTED,
			       PCI_P2PDMA_NOT_PCI);
		fabric_set_decode(fabric, "provider", true);
		KUNIT_EXPECT_EQ(test, -EREMOTEIO,
				dma_map_sgtable(dev, &sg->table, dir, 0));
		KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
				sg_dma_address(sg->table.sgl));
		fabric_policy(test, "deny=%s", pci_name(provider));
		expect_verdict(fabric, dev, "provider", dir,
			       PCI_P2PDMA_MAP_NOT_SUPPORTED,
			       PCI_P2PDMA_DENIED);
		fabric_policy(test, "auto");
	}
	KUNIT_EXPECT_GE(test,
			fabric_log_count(since, "not-pci",
					 "as it is not a PCI device"),
			1);
	KUNIT_EXPECT_FALSE(test, dma_pci_p2pdma_supported(dev));
	KUNIT_EXPECT_EQ(test, -1, pci_p2pdma_distance(provider, dev, true));

	/* A disk counts as its controller where drivers ask, and maps nothing. */
	child->parent = &fabric_dev(fabric, "client")->dev;
	KUNIT_EXPECT_EQ(test, 4, pci_p2pdma_distance(provider, child, true));
	child->dma_mask = &mask;
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			dma_map_sgtable(child, &sg->table, DMA_TO_DEVICE, 0));
	child->parent = child_parent;
	child->dma_mask = NULL;
	dev->dma_mask = NULL;
}

/*
 * The obstacles to a direct route, in their order.  An IOMMU takes all of them
 * through the host bridge, so that the first is the reason.
 */
static const char obstacles_picture[] =
	"host bus=0x80000000000\n"
	"  rp r\n"
	"    up\n"
	"      dp c port=1\n"
	"        ep client bar0=2M\n"
	"        ep sibling fn=1 bar0=2M\n"
	"      dp p port=2\n"
	"        ep provider bar0=2M\n"
	"      dp noacs\n"
	"        bridge\n"
	"          pci old bar0=2M\n"
	"  rp\n"
	"    ep beside bar0=2M\n"
	"  rp external\n"
	"    up\n"
	"      dp o\n"
	"        ep outside\n"
	"      dp\n"
	"        ep neighbour bar0=2M\n";

static struct fabric *create_obstacles(struct kunit *test)
{
	struct fabric *fabric;

	mock_iommu_create(test, NULL);
	fabric = fabric_setup(test, obstacles_picture,
			      NAMES("client", "outside"),
			      NAMES("sibling", "provider", "old", "beside",
				    "neighbour"));
	fabric_cpu_listed(test, true);
	return fabric;
}

/* For a client that is not trusted; it would get no odd pieces. */
static void expect_outside(struct fabric *fabric, const char *provider,
			   enum dma_data_direction dir,
			   enum pci_p2pdma_reason reason)
{
	struct pci_dev *outside = fabric_dev(fabric, "outside");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 1);

	expect_verdict(fabric, &outside->dev, provider, dir,
		       PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, reason);
	fabric_sg_peer(sg, provider, SZ_4K, SZ_4K);
	KUNIT_ASSERT_EQ(fabric->test, 0, fabric_sg_map(sg, outside, dir));
	KUNIT_EXPECT_FALSE(fabric->test, sg_dma_is_bus_address(sg->table.sgl));
	fabric_sg_unmap(sg);
}

static void routes_obstacles(struct kunit *test)
{
	struct fabric *fabric = create_obstacles(test);
	enum dma_data_direction dir;

	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		bool reads = dir != DMA_FROM_DEVICE;

		expect_bus(fabric, "client", "provider", dir, DIRECT);
		expect_bus(fabric, "client", "sibling", dir, DIRECT);
		expect_host(fabric, "client", "beside", dir, NO_COMMON_PORT);
		expect_host(fabric, "client", "old", dir, CONVENTIONAL_PCI);
		expect_outside(fabric, "neighbour", dir,
			       PCI_P2PDMA_UNTRUSTED_CLIENT);

		fabric_guest(test, true);
		expect_host(fabric, "client", "provider", dir, VIRTUALISED);
		fabric_guest(test, false);

		fabric_set_acs(fabric, "c", PCI_ACS_RR);
		expect_host(fabric, "client", "provider", dir, ACS_REQUEST);
		expect_named(fabric, "client", "provider", dir, "c");
		fabric_set_acs(fabric, "c", 0);

		/* Completion redirect is about what the client reads. */
		fabric_set_acs(fabric, "r", PCI_ACS_UF);
		fabric_set_acs(fabric, "p", PCI_ACS_CR);
		if (reads) {
			expect_host(fabric, "client", "provider", dir,
				    ACS_COMPLETION);
			expect_named(fabric, "client", "provider", dir, "p");
		} else {
			expect_bus(fabric, "client", "provider", dir, DIRECT);
		}
		fabric_set_acs(fabric, "p", 0);

		expect_host(fabric, "client", "sibling", dir, MULTIFUNCTION);
		expect_named(fabric, "client", "sibling", dir, "r");
		fabric_set_acs(fabric, "r", 0);
	}
}

/* Where several stand in the way the first in the list is the reason. */
static void routes_obstacles_order(struct kunit *test)
{
	struct fabric *fabric = create_obstacles(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *outside = fabric_dev(fabric, "outside");
	enum dma_data_direction dir;

	/* The window is above what 40 bits can reach. */
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(&client->dev, DMA_BIT_MASK(40)));
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(&outside->dev, DMA_BIT_MASK(40)));
	fabric_set_acs(fabric, "r", PCI_ACS_UF);

	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		bool reads = dir != DMA_FROM_DEVICE;

		expect_host(fabric, "client", "provider", dir, DMA_MASK);
		expect_host(fabric, "client", "sibling", dir, MULTIFUNCTION);
		fabric_set_acs(fabric, "p", PCI_ACS_CR);
		if (reads)
			expect_host(fabric, "client", "provider", dir,
				    ACS_COMPLETION);
		else
			expect_host(fabric, "client", "provider", dir,
				    DMA_MASK);
		fabric_set_acs(fabric, "c", PCI_ACS_RR);
		expect_host(fabric, "client", "provider", dir, ACS_REQUEST);
		expect_host(fabric, "client", "old", dir, CONVENTIONAL_PCI);
		fabric_guest(test, true);
		expect_host(fabric, "client", "provider", dir, VIRTUALISED);
		expect_host(fabric, "client", "sibling", dir, VIRTUALISED);
		expect_host(fabric, "client", "old", dir, CONVENTIONAL_PCI);
		expect_host(fabric, "client", "beside", dir, NO_COMMON_PORT);
		expect_outside(fabric, "neighbour", dir,
			       PCI_P2PDMA_UNTRUSTED_CLIENT);
		expect_outside(fabric, "beside", dir,
			       PCI_P2PDMA_NO_COMMON_PORT);
		fabric_guest(test, false);
		fabric_set_acs(fabric, "c", 0);
		fabric_set_acs(fabric, "p", 0);
	}
}

/* What an untranslated client meets on its way to the root complex and back. */
static void routes_blocked(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp r acs=UF\n"
		"    up t\n"
		"      dp d acs=UF\n"
		"        up u\n"
		"          dp c port=1\n"
		"            ep client\n"
		"          dp p port=2\n"
		"            ep provider bar0=2M\n",
		NAMES("client"), NAMES("provider"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	enum dma_data_direction dir;

	fabric_cpu_listed(test, true);
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		bool reads = dir != DMA_FROM_DEVICE;

		/* Every downstream port above has to forward. */
		fabric_set_acs(fabric, "c", PCI_ACS_RR);
		expect_host(fabric, "client", "provider", dir, ACS_REQUEST);
		fabric_set_acs(fabric, "d", 0);
		expect_refused(fabric, "client", "provider", dir,
			       FABRIC_BLOCKED);
		expect_named(fabric, "client", "provider", dir, "d");
		fabric_set_acs(fabric, "d", PCI_ACS_UF);
		fabric_set_acs(fabric, "r", 0);
		expect_refused(fabric, "client", "provider", dir,
			       FABRIC_BLOCKED);
		expect_named(fabric, "client", "provider", dir, "r");

		/* A completion that is sent up there is lost as well. */
		fabric_set_acs(fabric, "c", 0);
		fabric_set_acs(fabric, "p", PCI_ACS_CR);
		if (reads) {
			expect_refused(fabric, "client", "provider", dir,
				       FABRIC_BLOCKED);
			expect_named(fabric, "client", "provider", dir, "r");
		} else {
			expect_bus(fabric, "client", "provider", dir, DIRECT);
		}
		fabric_set_acs(fabric, "r", PCI_ACS_UF);
		fabric_set_acs(fabric, "p", 0);

		/* Egress control drops it at once. */
		fabric_set_acs(fabric, "c", PCI_ACS_EC);
		fabric_set_egress(fabric, "c", BIT(2));
		expect_refused(fabric, "client", "provider", dir,
			       FABRIC_BLOCKED);
		expect_named(fabric, "client", "provider", dir, "c");
		fabric_set_egress(fabric, "c", 0);

		/* Lost, before the mask is looked at; the mask, before trust. */
		client->dma_mask = DMA_BIT_MASK(32);
		fabric_set_acs(fabric, "c", PCI_ACS_RR);
		fabric_set_acs(fabric, "d", 0);
		expect_refused(fabric, "client", "provider", dir,
			       FABRIC_BLOCKED);
		fabric_set_acs(fabric, "d", PCI_ACS_UF);
		expect_refused(fabric, "client", "provider", dir, DMA_MASK);
		fabric_cpu_listed(test, false);
		expect_refused(fabric, "client", "provider", dir, DMA_MASK);
		fabric_cpu_listed(test, true);
		client->dma_mask = DMA_BIT_MASK(64);

		/* A port above that does not decode sends nothing down again. */
		fabric_set_decode(fabric, "u", false);
		expect_refused(fabric, "client", "provider", dir,
			       FABRIC_BLOCKED);
		expect_named(fabric, "client", "provider", dir, "u");
		/* On the way up it is lost before. */
		fabric_set_acs(fabric, "r", 0);
		expect_refused(fabric, "client", "provider", dir,
			       FABRIC_BLOCKED);
		expect_named(fabric, "client", "provider", dir, "r");
		fabric_set_acs(fabric, "r", PCI_ACS_UF);
		fabric_set_acs(fabric, "c", 0);
		expect_bus(fabric, "client", "provider", dir, DIRECT);
		/* A completion comes down by the requester's ID. */
		fabric_set_acs(fabric, "p", PCI_ACS_CR);
		if (reads)
			expect_host(fabric, "client", "provider", dir,
				    ACS_COMPLETION);
		else
			expect_bus(fabric, "client", "provider", dir, DIRECT);
		fabric_set_acs(fabric, "p", 0);
		fabric_set_decode(fabric, "u", true);

		/* What has no windows does not turn it; the port above does. */
		fabric_set_acs(fabric, "c", PCI_ACS_RR);
		fabric_set_acs(fabric, "r", 0);
		fabric_set_decode(fabric, "d", false);
		expect_refused(fabric, "client", "provider", dir,
			       FABRIC_BLOCKED);
		expect_named(fabric, "client", "provider", dir, "d");
		fabric_set_acs(fabric, "d", 0);
		fabric_set_decode(fabric, "t", false);
		expect_refused(fabric, "client", "provider", dir,
			       FABRIC_BLOCKED);
		expect_named(fabric, "client", "provider", dir, "r");
		/* If it gets up, the topmost loses it on its way down. */
		fabric_set_acs(fabric, "r", PCI_ACS_UF);
		expect_refused(fabric, "client", "provider", dir,
			       FABRIC_BLOCKED);
		expect_named(fabric, "client", "provider", dir, "t");
		fabric_set_acs(fabric, "d", PCI_ACS_UF);
		fabric_set_decode(fabric, "t", true);
		fabric_set_decode(fabric, "d", true);
		fabric_set_acs(fabric, "c", 0);
	}
}

/* A port that does not answer may redirect everything. */
static void routes_unread(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct fabric_fn *port = fabric_fn_named(fabric, "c");
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct device *client = &fabric_dev(fabric, "client")->dev;
	struct p2pdma_provider *mem =
		pci_p2pdma_provider_of_phys(pci_resource_start(provider, 0), 1);
	struct pci_p2pdma_route before, unread, after;

	fabric_set_acs(fabric, "c", 0);
	pci_p2pdma_query_route(mem, client, DMA_FROM_DEVICE, &before);
	port->present = false;
	p2pdma_invalidate(P2PDMA_BY_CONFIG_WRITE);
	pci_p2pdma_query_route(mem, client, DMA_FROM_DEVICE, &unread);
	port->present = true;
	p2pdma_invalidate(P2PDMA_BY_CONFIG_WRITE);
	pci_p2pdma_query_route(mem, client, DMA_FROM_DEVICE, &after);

	KUNIT_EXPECT_EQ(test, before.type, PCI_P2PDMA_MAP_BUS_ADDR);
	KUNIT_EXPECT_EQ(test, unread.type, PCI_P2PDMA_MAP_NOT_SUPPORTED);
	KUNIT_EXPECT_EQ(test, after.type, PCI_P2PDMA_MAP_BUS_ADDR);
}

/* What has lost its link answers all ones, and that is not a register full of bits. */
static void routes_lost(struct kunit *test)
{
	static const struct {
		const char *name;
		enum pci_p2pdma_reason reason;
	} row[] = {
		{ "c", PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED },
		{ "p", PCI_P2PDMA_PROVIDER_UNREACHABLE },
		{ "provider", PCI_P2PDMA_PROVIDER_UNREACHABLE },
	};
	struct fabric *fabric = fabric_switch(test);
	struct device *client = &fabric_dev(fabric, "client")->dev;
	int i;

	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct fabric_fn *fn = fabric_fn_named(fabric, row[i].name);

		fn->lost = true;
		p2pdma_invalidate(P2PDMA_BY_CONFIG_WRITE);
		expect_verdict(fabric, client, "provider", DMA_BIDIRECTIONAL,
			       PCI_P2PDMA_MAP_NOT_SUPPORTED, row[i].reason);
		fn->lost = false;
		p2pdma_invalidate(P2PDMA_BY_CONFIG_WRITE);
		expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL,
			   DIRECT);
	}
}

/*
 * An upstream port that is one function of a device with others: nothing says that
 * these reach what is below it, or are reached from there.
 */
static void routes_behind_function(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp r\n"
		"    up u\n"
		"      dp\n"
		"        ep inside bar0=2M\n"
		"    ep beside fn=1 bar0=2M\n",
		NAMES("inside", "beside"), NAMES("inside", "beside"));
	static const char * const pair[][2] = {
		{ "inside", "beside" }, { "beside", "inside" },
	};
	struct pci_dev *inside = fabric_dev(fabric, "inside");
	u64 since = fabric_log_now();
	enum dma_data_direction dir;
	int i;

	/* ACS has no part in it, and is not blamed. */
	pci_p2pdma_distance(fabric_dev(fabric, "beside"), &inside->dev, true);
	KUNIT_EXPECT_EQ(test, 0,
			fabric_log_count(since, "ACS redirect is set", NULL));
	for (i = 0; i < ARRAY_SIZE(pair); i++)
		for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
			expect_refused(fabric, pair[i][0], pair[i][1], dir,
				       FABRIC_BLOCKED);
			expect_named(fabric, pair[i][0], pair[i][1], dir, "r");
			fabric_set_acs(fabric, "r", PCI_ACS_UF);
			expect_refused(fabric, pair[i][0], pair[i][1], dir,
				       HOST_BRIDGE_UNTRUSTED);
			fabric_cpu_listed(test, true);
			expect_host(fabric, pair[i][0], pair[i][1], dir,
				    MULTIFUNCTION);
			expect_named(fabric, pair[i][0], pair[i][1], dir, "u");
			fabric_cpu_listed(test, false);
			fabric_set_acs(fabric, "r", 0);
		}
}

/* A provider, or a port on the way down to it, that does not decode. */
static void routes_decode(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct device *client = &fabric_dev(fabric, "client")->dev;
	static const char * const on_the_way[] = { "provider", "p" };
	enum dma_data_direction dir;
	int i;

	fabric_provider(fabric, "client", 0);
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++)
		for (i = 0; i < ARRAY_SIZE(on_the_way); i++) {
			expect_bus(fabric, "client", "provider", dir, DIRECT);
			fabric_set_decode(fabric, on_the_way[i], false);
			expect_refused(fabric, "client", "provider", dir,
				       PROVIDER_UNREACHABLE);
			expect_named(fabric, "client", "provider", dir,
				     on_the_way[i]);
			/* Drivers ask before they switch it on. */
			KUNIT_EXPECT_EQ(test, 4,
					pci_p2pdma_distance(provider, client,
							    false));
			fabric_set_decode(fabric, on_the_way[i], true);
		}
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);

	/* Nor does the client reach its own memory then. */
	fabric_set_decode(fabric, "client", false);
	expect_refused(fabric, "client", "client", DMA_BIDIRECTIONAL,
		       PROVIDER_UNREACHABLE);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	fabric_set_decode(fabric, "client", true);
	expect_bus(fabric, "client", "client", DMA_BIDIRECTIONAL, SAME_FUNCTION);
}

/* Asleep, or a port above it, or cut off: nothing is written, and it is a snapshot. */
static void routes_asleep(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct pci_dev *client = fabric_dev(fabric, "client");
	static const char * const on_the_way[] = { "provider", "p", "u", "r" };
	static const pci_power_t asleep[] = {
		PCI_D1, PCI_D2, PCI_D3hot, PCI_D3cold,
	};
	enum dma_data_direction dir;
	struct pci_dev *pdev;
	int i;

	for (i = 0; i < ARRAY_SIZE(on_the_way); i++) {
		pdev = fabric_dev(fabric, on_the_way[i]);
		expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL,
			   DIRECT);
		KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(pdev, PCI_D3hot));
		for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++)
			expect_verdict(fabric, &client->dev, "provider", dir,
				       PCI_P2PDMA_MAP_NOT_SUPPORTED,
				       PCI_P2PDMA_PROVIDER_UNREACHABLE);
		expect_named(fabric, "client", "provider", DMA_TO_DEVICE,
			     on_the_way[i]);
		KUNIT_EXPECT_EQ(test, 4,
				pci_p2pdma_distance(provider, &client->dev,
						    false));
		fabric_policy(test, "deny=%s", pci_name(provider));
		expect_verdict(fabric, &client->dev, "provider", DMA_TO_DEVICE,
			       PCI_P2PDMA_MAP_NOT_SUPPORTED, PCI_P2PDMA_DENIED);
		fabric_policy(test, "auto");
		KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(pdev, PCI_D0));
	}

	/* Nor does it answer in states that are less deep, or deeper. */
	for (i = 0; i < ARRAY_SIZE(asleep); i++) {
		provider->current_state = asleep[i];
		expect_verdict(fabric, &client->dev, "provider", DMA_TO_DEVICE,
			       PCI_P2PDMA_MAP_NOT_SUPPORTED,
			       PCI_P2PDMA_PROVIDER_UNREACHABLE);
		provider->current_state = PCI_D0;
	}

	/* Mapped it is refused as well. */
	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(provider, PCI_D3hot));
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       PROVIDER_UNREACHABLE);
	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(provider, PCI_D0));
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);

	/* What is pulled out is marked before anything else is known of it. */
	provider->error_state = pci_channel_io_perm_failure;
	expect_verdict(fabric, &client->dev, "provider", DMA_FROM_DEVICE,
		       PCI_P2PDMA_MAP_NOT_SUPPORTED,
		       PCI_P2PDMA_PROVIDER_UNREACHABLE);
	provider->error_state = pci_channel_io_normal;
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
}

static void set_vf_decode(struct fabric *fabric, const char *name, bool on)
{
	struct pci_dev *pf = fabric_dev(fabric, name);
	int pos = pci_find_ext_capability(pf, PCI_EXT_CAP_ID_SRIOV);
	u16 ctrl;

	pci_read_config_word(pf, pos + PCI_SRIOV_CTRL, &ctrl);
	pci_write_config_word(pf, pos + PCI_SRIOV_CTRL,
			      on ? ctrl | PCI_SRIOV_CTRL_MSE :
				   ctrl & ~PCI_SRIOV_CTRL_MSE);
}

/* Virtual functions decode, and sleep, by their physical one. */
static void routes_vfs(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep pf bar0=2M vfs=2 vfbar=2M\n"
		"      dp\n"
		"        ep client\n",
		NAMES("client"), NAMES("pf"));
	struct pci_dev *pf = fabric_dev(fabric, "pf");

	fabric_enable_vfs(fabric, "pf", 2);
	fabric_provider(fabric, "pf.vf1", 0);
	fabric_client(fabric, "pf.vf0");
	expect_bus(fabric, "client", "pf.vf1", DMA_BIDIRECTIONAL, DIRECT);
	expect_bus(fabric, "pf.vf0", "pf.vf1", DMA_BIDIRECTIONAL, DIRECT);

	set_vf_decode(fabric, "pf", false);
	expect_refused(fabric, "client", "pf.vf1", DMA_BIDIRECTIONAL,
		       PROVIDER_UNREACHABLE);
	expect_refused(fabric, "pf.vf0", "pf.vf1", DMA_BIDIRECTIONAL,
		       PROVIDER_UNREACHABLE);
	expect_bus(fabric, "client", "pf", DMA_BIDIRECTIONAL, DIRECT);
	set_vf_decode(fabric, "pf", true);
	expect_bus(fabric, "client", "pf.vf1", DMA_BIDIRECTIONAL, DIRECT);

	fabric_set_decode(fabric, "pf", false);
	expect_refused(fabric, "client", "pf", DMA_BIDIRECTIONAL,
		       PROVIDER_UNREACHABLE);
	expect_bus(fabric, "client", "pf.vf1", DMA_BIDIRECTIONAL, DIRECT);
	fabric_set_decode(fabric, "pf", true);

	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(pf, PCI_D3hot));
	expect_verdict(fabric, &fabric_dev(fabric, "client")->dev, "pf.vf1",
		       DMA_FROM_DEVICE, PCI_P2PDMA_MAP_NOT_SUPPORTED,
		       PCI_P2PDMA_PROVIDER_UNREACHABLE);
	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(pf, PCI_D0));
	expect_bus(fabric, "client", "pf.vf1", DMA_BIDIRECTIONAL, DIRECT);
}

/* Defect 7: the verdict follows ACS, whoever writes it. */
static void routes_acs_changes(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);

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
static void routes_hotplug(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
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
static void routes_renumber(struct kunit *test)
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
static void routes_large_domains(struct kunit *test)
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

/* A provider that goes takes its own routes with it, and leaves the others. */
static void routes_removal(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	u64 phys = pci_resource_start(fabric_dev(fabric, "provider"), 0);
	int round;

	fabric_cpu_listed(test, true);
	for (round = 0; round < 2; round++) {
		expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL,
			   DIRECT);
		expect_host(fabric, "client", "beside", DMA_BIDIRECTIONAL,
			    NO_COMMON_PORT);
		if (round)
			fabric_unplug(fabric, "provider");
		else
			fabric_provider_release(fabric, "provider");
		KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys, 1));
		expect_host(fabric, "client", "beside", DMA_BIDIRECTIONAL,
			    NO_COMMON_PORT);
		if (round)
			fabric_replug(fabric, "provider");
		fabric_provider(fabric, "provider", 0);
	}

	/* And the port with all that is below it. */
	fabric_unplug(fabric, "r");
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys, 1));
	fabric_replug(fabric, "r");
	fabric_client(fabric, "client");
	fabric_provider(fabric, "provider", 0);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
}

/* Where the memory of the second host bridge is, by the CPU's addresses. */
static u64 second_window(struct fabric *fabric)
{
	return list_last_entry(&fabric->hosts, struct fabric_host, node)->window.start;
}

/*
 * The CPU's address of another host bridge's memory, by which an untranslated client
 * would reach it, is a bus address below its own: the request would end there.
 */
static void routes_taken_address(struct kunit *test)
{
	static const char format[] =
		"host bus=%#llx\n"
		"  rp\n"
		"    ep client bar0=2M\n"
		"host bus=0x700000000000\n"
		"  rp\n"
		"    ep far bar0=2M\n";
	u64 bus = 0x600000000000;
	enum dma_data_direction dir;
	struct oracle_answer answer;
	struct pci_dev *client, *far;
	struct fabric *fabric;
	char picture[256];
	int round;

	/* Where the window will be is known when it has been there. */
	for (round = 0; round < 2; round++) {
		snprintf(picture, sizeof(picture), format, bus);
		fabric = fabric_setup(test, picture, NAMES("client"),
				      NAMES("client", "far"));
		fabric_cpu_listed(test, true);
		if (round)
			break;
		expect_host(fabric, "client", "far", DMA_BIDIRECTIONAL,
			    NO_COMMON_PORT);
		bus = second_window(fabric);
		fabric_destroy(fabric);
	}
	KUNIT_ASSERT_EQ(test, bus, second_window(fabric));

	client = fabric_dev(fabric, "client");
	far = fabric_dev(fabric, "far");
	oracle_outcome(fabric, client, pci_resource_start(far, 0), false,
		       &answer);
	KUNIT_EXPECT_FALSE(test, answer.outcome == ORACLE_LANDED &&
			   answer.domain == pci_domain_nr(far->bus));
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++)
		expect_refused(fabric, "client", "far", dir, FABRIC_BLOCKED);
}

/* Nobody takes an IOVA for an address below a bridge. */
static void routes_taken_address_translated(struct kunit *test)
{
	struct fabric *fabric;

	mock_iommu_create(test, NULL);
	fabric = fabric_setup(test,
			      "host bus=0x100000000\n"
			      "  rp\n"
			      "    ep client bar0=2M\n"
			      "host bus=0x100000000\n"
			      "  rp\n"
			      "    ep far bar0=2M\n",
			      NAMES("client"), NAMES("client", "far"));
	fabric_cpu_listed(test, true);
	expect_host(fabric, "client", "far", DMA_BIDIRECTIONAL, NO_COMMON_PORT);
}

/* Defect 14: what drivers are told before they map.  By the picture, hop by hop. */
static void routes_distance(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep a bar0=2M\n"
		"        ep b fn=1 bar0=2M\n"
		"      dp\n"
		"        up\n"
		"          dp\n"
		"            ep c bar0=2M\n"
		"  rp\n"
		"    ep d bar0=2M\n",
		NAMES("a", "b", "c", "d"), NAMES("a"));
	struct pci_dev *a = fabric_dev(fabric, "a");
	struct device *clients[] = {
		&a->dev, &fabric_dev(fabric, "b")->dev,
		&fabric_dev(fabric, "c")->dev, &fabric_dev(fabric, "d")->dev,
	};
	static const int hops[] = { 0, 2, 6, 6 };
	int i;

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ_MSG(test, hops[i],
				    pci_p2pdma_distance(a, clients[i], false),
				    "client %d", i);
	KUNIT_EXPECT_EQ(test, 8, pci_p2pdma_distance_many(a, clients, 3, false));
	KUNIT_EXPECT_EQ(test, -1, pci_p2pdma_distance(a, clients[3], false));
	KUNIT_EXPECT_EQ(test, -1,
			pci_p2pdma_distance_many(a, clients, 4, false));
	KUNIT_EXPECT_EQ(test, -1,
			pci_p2pdma_distance_many(a, clients, 0, false));
	fabric_cpu_listed(test, true);
	KUNIT_EXPECT_EQ(test, hops[3],
			pci_p2pdma_distance(a, clients[3], false));
	KUNIT_EXPECT_EQ(test, 14,
			pci_p2pdma_distance_many(a, clients, 4, false));

	/* Before anything is registered the answer is the same. */
	fabric_provider_release(fabric, "a");
	KUNIT_EXPECT_EQ(test, 14,
			pci_p2pdma_distance_many(a, clients, 4, false));
	fabric_policy(test, "deny=%s", pci_name(fabric_dev(fabric, "c")));
	KUNIT_EXPECT_EQ(test, -1,
			pci_p2pdma_distance_many(a, clients, 4, false));
	fabric_policy(test, "off");
	KUNIT_EXPECT_EQ(test, -1, pci_p2pdma_distance(a, &a->dev, false));
}

/*
 * Defect 14: distance has no direction, and answers for reads and writes together;
 * a write alone may have a route where it says that there is none.
 */
static void routes_distance_direction(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct device *client = &fabric_dev(fabric, "client")->dev;
	struct pci_p2pdma_map_state state = {};

	KUNIT_EXPECT_EQ(test, 4, pci_p2pdma_distance(provider, client, false));
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
	expect_refused(fabric, "client", "provider", DMA_TO_DEVICE,
		       FABRIC_BLOCKED);
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       FABRIC_BLOCKED);
	KUNIT_EXPECT_EQ(test, -1, pci_p2pdma_distance(provider, client, false));
	KUNIT_EXPECT_EQ(test, PCI_P2PDMA_MAP_NOT_SUPPORTED,
			pci_p2pdma_map_type(provider_of(fabric, "provider"),
					    client));
	KUNIT_EXPECT_EQ(test, PCI_P2PDMA_MAP_NOT_SUPPORTED,
			pci_p2pdma_state(&state, client,
					 pfn_to_page(PHYS_PFN(pci_resource_start(provider,
										 0)))));
}

/*
 * A refusal is said once for each pair and reason.  Defect 18: and nothing is said
 * of the host bridge unless who asks wants to hear it.
 */
static void routes_log(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct pci_dev *client = fabric_dev(fabric, "client");
	u64 since = fabric_log_now();
	int i;

	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, -1,
				pci_p2pdma_distance(provider, &client->dev,
						    false));
	KUNIT_EXPECT_EQ(test, 0,
			fabric_log_count(since, "Host bridge not in P2PDMA whitelist",
					 NULL));
	KUNIT_EXPECT_EQ(test, 0,
			fabric_log_count(since, pci_name(client), "cannot be used"));

	/* Three pieces in each of three lists. */
	for (i = 0; i < 3; i++)
		expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
			       HOST_BRIDGE_UNTRUSTED);
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, pci_name(client),
					 "peer-to-peer DMA as the client and provider"));
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, pci_name(client),
					 "ACS redirect is set between the client and provider"));
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, "pci=disable_acs_redir=",
					 pci_name(fabric_dev(fabric, "c"))));
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, "add the kernel parameter: p2pdma=trust=",
					 pci_name(client)));

	/* Another reason is said too, once. */
	fabric_set_acs(fabric, "r", 0);
	for (i = 0; i < 3; i++)
		expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
			       FABRIC_BLOCKED);
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, pci_name(client),
					 "is refused: fabric-blocked"));

	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, "pci=config_acs=xx111x1@",
					 pci_name(fabric_dev(fabric, "r"))));

	/* Who asks to hear it hears it each time. */
	since = fabric_log_now();
	for (i = 1; i <= 2; i++) {
		pci_p2pdma_distance(provider, &client->dev, true);
		KUNIT_EXPECT_EQ(test, i,
				fabric_log_count(since, pci_name(client),
						 "is refused: fabric-blocked"));
	}

	/* The remedy is for what is wrong with the port. */
	fabric_set_decode(fabric, "r", false);
	since = fabric_log_now();
	pci_p2pdma_distance(provider, &client->dev, true);
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, "COMMAND=2:2",
					 pci_name(fabric_dev(fabric, "r"))));
	KUNIT_EXPECT_EQ(test, 0, fabric_log_count(since, "pci=config_acs=", NULL));
}

/* No remedy that cannot help: a port without ACS forwards nothing, whatever is set. */
static void routes_log_no_forwarding(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp noacs\n"
		"    up\n"
		"      dp acs=RR\n"
		"        ep client\n"
		"      dp\n"
		"        ep provider bar0=2M\n",
		NAMES("client"), NAMES("provider"));
	u64 since = fabric_log_now();

	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       FABRIC_BLOCKED);
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, "is refused: fabric-blocked", NULL));
	KUNIT_EXPECT_EQ(test, 0, fabric_log_count(since, "pci=config_acs=", NULL));
}

/* All that may redirect among the functions of one device is named once, in path order. */
static void routes_log_functions(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp r acs=UF\n"
		"    ep pf acs=RR vfs=1 vfbar=2M\n"
		"    ep provider fn=4 acs=CR bar0=2M\n",
		NAMES("pf"), NAMES("provider"));
	static const char * const clients[] = { "pf", "pf.vf0" };
	u64 since = fabric_log_now();
	char names[80];
	int i;

	fabric_enable_vfs(fabric, "pf", 1);
	fabric_client(fabric, "pf.vf0");
	snprintf(names, sizeof(names), "upstream forwarding: %s;%s;%s\n",
		 pci_name(fabric_dev(fabric, "pf")),
		 pci_name(fabric_dev(fabric, "r")),
		 pci_name(fabric_dev(fabric, "provider")));
	for (i = 0; i < ARRAY_SIZE(clients); i++) {
		struct pci_dev *client = fabric_dev(fabric, clients[i]);

		pci_p2pdma_distance(fabric_dev(fabric, "provider"),
				    &client->dev, true);
		KUNIT_EXPECT_EQ(test, 1,
				fabric_log_count(since, pci_name(client), names));
	}
}

/* How often a client has been told that it is refused. */
static int refusals(u64 since, struct pci_dev *client)
{
	return fabric_log_count(since, pci_name(client),
				"is refused: policy-off");
}

/*
 * A pair whose counters there is no memory for is refused all the same.  As nobody
 * remembers that it was told, it is told again, but not without end.
 */
static void routes_log_no_memory(struct kunit *test)
{
	static const char * const names[] = { "a", "b", "c", "d", "e", NULL };
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep provider bar0=2M\n"
		"      dp\n"
		"        ep a\n"
		"        ep b fn=1\n"
		"        ep c fn=2\n"
		"        ep d fn=3\n"
		"        ep e fn=4\n",
		names, NAMES("provider"));
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 1);
	struct pci_dev *client, *untold = NULL;
	u64 since = fabric_log_now();
	bool failed;
	int i, ret;

	fabric_fail_begin(test, false, false);
	fabric_sg_peer(sg, "provider", 0, SZ_4K);
	fabric_policy(test, "off");

	/* What is kept of a pair is allocated, its counters, and what debugs that. */
	for (i = 0; names[i]; i++) {
		client = fabric_dev(fabric, names[i]);
		fabric_fail_nth(i);
		ret = dma_map_sgtable(&client->dev, &sg->table, DMA_TO_DEVICE,
				      0);
		failed = fabric_failed_nth();
		KUNIT_EXPECT_EQ(test, -EREMOTEIO, ret);
		KUNIT_EXPECT_EQ(test, 1, refusals(since, client));
		KUNIT_EXPECT_EQ(test, -EREMOTEIO,
				fabric_sg_map(sg, client, DMA_TO_DEVICE));
		if (failed && refusals(since, client) == 2)
			untold = client;
		else
			KUNIT_EXPECT_EQ(test, 1, refusals(since, client));
	}
	KUNIT_ASSERT_NOT_NULL(test, untold);
	for (i = 0; i < 3 * DEFAULT_RATELIMIT_BURST; i++)
		fabric_sg_map(sg, untold, DMA_TO_DEVICE);
	KUNIT_EXPECT_LT(test, refusals(since, untold),
			2 * DEFAULT_RATELIMIT_BURST);

	/* With memory again, once. */
	fabric_policy(test, "off");
	since = fabric_log_now();
	for (i = 0; i < 3; i++)
		fabric_sg_map(sg, untold, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, 1, refusals(since, untold));
}

static struct kunit_case routes_cases[] = {
	KUNIT_CASE(routes_order),
	KUNIT_CASE(routes_not_pci),
	KUNIT_CASE(routes_obstacles),
	KUNIT_CASE(routes_obstacles_order),
	KUNIT_CASE(routes_blocked),
	KUNIT_CASE(routes_unread),
	KUNIT_CASE(routes_lost),
	KUNIT_CASE(routes_behind_function),
	KUNIT_CASE(routes_decode),
	KUNIT_CASE(routes_asleep),
	KUNIT_CASE_SLOW(routes_vfs),
	KUNIT_CASE(routes_acs_changes),
	KUNIT_CASE(routes_hotplug),
	KUNIT_CASE(routes_renumber),
	KUNIT_CASE(routes_large_domains),
	KUNIT_CASE(routes_removal),
	KUNIT_CASE(routes_taken_address),
	KUNIT_CASE(routes_taken_address_translated),
	KUNIT_CASE(routes_distance),
	KUNIT_CASE(routes_distance_direction),
	KUNIT_CASE(routes_log),
	KUNIT_CASE(routes_log_no_forwarding),
	KUNIT_CASE_SLOW(routes_log_functions),
	KUNIT_CASE(routes_log_no_memory),
	{}
};

static struct kunit_suite routes_suite = {
	.name = "routes",
	.test_cases = routes_cases,
};

kunit_test_suite(routes_suite);
