// SPDX-License-Identifier: GPL-2.0
/*
 * Routes on a fabric in software: the order in which the decision looks at the facts,
 * each obstacle to a direct route, and the events that make a cached route stale.
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

/* A route's verdict and reason alone, where the oracle cannot check them. */
static void expect_verdict(struct fabric *fabric, struct device *client,
			   const char *provider, int dirs,
			   enum pci_p2pdma_map_type type,
			   enum pci_p2pdma_reason reason)
{
	struct pci_p2pdma_route route;
	enum dma_data_direction dir;

	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		if (!fabric_dir_in(dir, dirs))
			continue;
		pci_p2pdma_query_route(provider_of(fabric, provider), client,
				       dir, &route);
		KUNIT_EXPECT_EQ(fabric->test, route.type, type);
		KUNIT_EXPECT_STREQ(fabric->test,
				   pci_p2pdma_reason_name(route.reason),
				   pci_p2pdma_reason_name(reason));
	}
}

/* There is no route, and this is why; the oracle is not asked. */
#define expect_no_route(fabric, client, provider, dirs, reason) \
	expect_verdict(fabric, client, provider, dirs, \
		       PCI_P2PDMA_MAP_NOT_SUPPORTED, PCI_P2PDMA_##reason)

/* The route names the port that redirects or blocks the transfer. */
static void expect_named(struct fabric *fabric, const char *client,
			 const char *provider, int dirs, const char *port)
{
	struct pci_dev *pdev = fabric_dev(fabric, port);
	struct pci_p2pdma_route route;
	enum dma_data_direction dir;

	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		if (!fabric_dir_in(dir, dirs))
			continue;
		pci_p2pdma_query_route(provider_of(fabric, provider),
				       &fabric_dev(fabric, client)->dev, dir,
				       &route);
		KUNIT_EXPECT_TRUE(fabric->test, route.has_bridge);
		KUNIT_EXPECT_EQ(fabric->test, route.bridge_domain,
				pci_domain_nr(pdev->bus));
		KUNIT_EXPECT_EQ(fabric->test, route.bridge_id, pci_dev_id(pdev));
	}
}

static void expect_blocked_line(struct fabric *fabric, const char *client,
				const char *provider, int dirs,
				const char *port, int line)
{
	fabric_expect_route(fabric, client, provider, dirs,
			    PCI_P2PDMA_MAP_NOT_SUPPORTED,
			    PCI_P2PDMA_FABRIC_BLOCKED, line);
	expect_named(fabric, client, provider, dirs, port);
}

/* The fabric blocks the transfer, and the route names the port. */
#define expect_blocked(fabric, client, provider, dirs, port) \
	expect_blocked_line(fabric, client, provider, dirs, port, __LINE__)

/* The rows of the decision, each while conditions of later rows hold too. */
static void routes_order(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	char name[32];

	strscpy(name, pci_name(client), sizeof(name));
	fabric_provider(fabric, "client", 0);

	/* 1, 2: policy, before everything. */
	fabric_set_decode(fabric, "provider", false);
	fabric_must_bounce(fabric, client, true);
	fabric_policy(test, "off,deny=%s", name);
	expect_refused(fabric, "client", "provider", EVERY_DIR, POLICY_OFF);
	fabric_policy(test, "deny=%s", name);
	expect_refused(fabric, "client", "provider", EVERY_DIR, DENIED);
	expect_refused(fabric, "client", "client", EVERY_DIR, DENIED);

	/* 4: the provider's state, before that of the client. */
	fabric_policy(test, "host");
	expect_refused(fabric, "client", "provider", EVERY_DIR,
		       PROVIDER_UNREACHABLE);
	fabric_set_decode(fabric, "provider", true);

	/* 5: bouncing, even for the client's own memory. */
	expect_refused(fabric, "client", "provider", EVERY_DIR, MUST_BOUNCE);
	expect_refused(fabric, "client", "client", EVERY_DIR, MUST_BOUNCE);
	fabric_must_bounce(fabric, client, false);

	/* 6: the client's own memory, whatever the mode. */
	expect_bus(fabric, "client", "client", EVERY_DIR, SAME_FUNCTION);
	fabric_policy(test, "switch");
	expect_bus(fabric, "client", "client", EVERY_DIR, SAME_FUNCTION);

	/* 7, 8: mode switch: a direct route or none. */
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_refused(fabric, "client", "beside", EVERY_DIR, POLICY_SWITCH);
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_refused(fabric, "client", "provider", EVERY_DIR, POLICY_SWITCH);

	/* 10: blocked by the fabric, before the host bridge's trust. */
	fabric_policy(test, "host");
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "r");
	fabric_set_acs(fabric, "r", PCI_ACS_UF);

	/* 12, 11. */
	expect_refused(fabric, "client", "provider", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);
	fabric_cpu_listed(test, true);
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);

	/* 9: the route is direct, which mode host forbids; before 11. */
	fabric_set_acs(fabric, "c", 0);
	expect_refused(fabric, "client", "provider", EVERY_DIR, POLICY_HOST);
}

/* Row 3: a device that is no PCI function has no route; mapping is refused. */
static void routes_not_pci(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct device *dev = kunit_device_register(test, "not-pci");
	struct device *child = kunit_device_register(test, "child");
	struct device *child_parent = child->parent;
	struct fabric_sg *sg =
		fabric_sg_list(fabric, SG_RAM(0, SZ_4K),
			       SG_PEER("provider", 0, SZ_4K));
	u64 mask = DMA_BIT_MASK(64), since = fabric_log_now();
	enum dma_data_direction dir;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, child);
	dev->dma_mask = &mask;
	fabric_cpu_listed(test, true);

	fabric_set_decode(fabric, "provider", false);
	expect_no_route(fabric, dev, "provider", EVERY_DIR, NOT_PCI);
	fabric_set_decode(fabric, "provider", true);
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		KUNIT_EXPECT_EQ(test, -EREMOTEIO,
				dma_map_sgtable(dev, &sg->table, dir, 0));
		KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
				sg_dma_address(sg->table.sgl));
	}
	fabric_policy(test, "deny=%s", pci_name(provider));
	expect_no_route(fabric, dev, "provider", EVERY_DIR, DENIED);
	fabric_policy(test, "auto");
	KUNIT_EXPECT_GE(test,
			fabric_log_count(since, "not-pci",
					 "as it is not a PCI device"),
			1);
	KUNIT_EXPECT_FALSE(test, dma_pci_p2pdma_supported(dev));
	KUNIT_EXPECT_EQ(test, -1, pci_p2pdma_distance(provider, dev, true));

	/* The distance of a disk is that of its controller; it cannot map. */
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
 * All obstacles to a direct route, for the cases below.  The clients are translated,
 * so that each obstacle leads through the host bridge, and is the reason for that.
 */
static const char obstacles_picture[] =
	"host bus=0x80000000000\n"
	"  rp r\n"
	"    up\n"
	"      dp c port=1\n"
	"        ep client acs=none bar0=2M\n"
	"        ep sibling fn=1 acs=none bar0=2M\n"
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

/* The same for the untrusted client, which gets whole pages only. */
static void expect_outside(struct fabric *fabric, const char *provider,
			   enum pci_p2pdma_reason reason)
{
	struct pci_dev *outside = fabric_dev(fabric, "outside");
	struct fabric_sg *sg =
		fabric_sg_list(fabric, SG_PEER(provider, SZ_4K, SZ_4K));
	enum dma_data_direction dir;

	expect_verdict(fabric, &outside->dev, provider, EVERY_DIR,
		       PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, reason);
	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		KUNIT_ASSERT_EQ(fabric->test, 0, fabric_sg_map(sg, outside, dir));
		KUNIT_EXPECT_FALSE(fabric->test,
				   sg_dma_is_bus_address(sg->table.sgl));
		fabric_sg_unmap(sg);
	}
}

/* Each obstacle by itself. */
static void routes_obstacles(struct kunit *test)
{
	struct fabric *fabric = create_obstacles(test);

	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_bus(fabric, "client", "sibling", EVERY_DIR, DIRECT);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
	expect_host(fabric, "client", "old", EVERY_DIR, CONVENTIONAL_PCI);
	expect_outside(fabric, "neighbour", PCI_P2PDMA_UNTRUSTED_CLIENT);

	fabric_guest(test, true);
	expect_host(fabric, "client", "provider", EVERY_DIR, VIRTUALISED);
	fabric_guest(test, false);

	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	expect_named(fabric, "client", "provider", EVERY_DIR, "c");
	fabric_set_acs(fabric, "c", 0);

	/* Completion redirect hinders the client's reads. */
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	expect_host(fabric, "client", "provider", READ_DIRS, ACS_COMPLETION);
	expect_named(fabric, "client", "provider", READ_DIRS, "p");
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
	fabric_set_acs(fabric, "p", 0);

	expect_host(fabric, "client", "sibling", EVERY_DIR, MULTIFUNCTION);
	expect_named(fabric, "client", "sibling", EVERY_DIR, "r");
}

/* With several obstacles the first in the list is the reason. */
static void routes_obstacles_order(struct kunit *test)
{
	struct fabric *fabric = create_obstacles(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *outside = fabric_dev(fabric, "outside");

	/* The window is above what 40 bits can reach. */
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(&client->dev, DMA_BIT_MASK(40)));
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(&outside->dev, DMA_BIT_MASK(40)));
	fabric_set_acs(fabric, "r", PCI_ACS_UF);

	expect_host(fabric, "client", "provider", EVERY_DIR, DMA_MASK);
	expect_host(fabric, "client", "sibling", EVERY_DIR, MULTIFUNCTION);
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	expect_host(fabric, "client", "provider", READ_DIRS, ACS_COMPLETION);
	expect_host(fabric, "client", "provider", DMA_FROM_DEVICE, DMA_MASK);
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	expect_host(fabric, "client", "old", EVERY_DIR, CONVENTIONAL_PCI);
	fabric_guest(test, true);
	expect_host(fabric, "client", "provider", EVERY_DIR, VIRTUALISED);
	expect_host(fabric, "client", "sibling", EVERY_DIR, VIRTUALISED);
	expect_host(fabric, "client", "old", EVERY_DIR, CONVENTIONAL_PCI);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
	expect_outside(fabric, "neighbour", PCI_P2PDMA_UNTRUSTED_CLIENT);
	expect_outside(fabric, "beside", PCI_P2PDMA_NO_COMMON_PORT);
}

/* Ports that block an untranslated client on its way to the root complex and back. */
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

	fabric_cpu_listed(test, true);

	/* Every downstream port above has to forward upstream. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	fabric_set_acs(fabric, "d", 0);
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "d");
	fabric_set_acs(fabric, "d", PCI_ACS_UF);
	fabric_set_acs(fabric, "r", 0);
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "r");

	/* A redirected completion needs that too. */
	fabric_set_acs(fabric, "c", 0);
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	expect_blocked(fabric, "client", "provider", READ_DIRS, "r");
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	fabric_set_acs(fabric, "p", 0);

	/* Egress control blocks the request at the client's port. */
	fabric_set_acs(fabric, "c", PCI_ACS_EC);
	fabric_set_egress(fabric, "c", BIT(2));
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "c");
	fabric_set_egress(fabric, "c", 0);

	/* The fabric counts before the DMA mask, and the mask before trust. */
	client->dma_mask = DMA_BIT_MASK(32);
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	fabric_set_acs(fabric, "d", 0);
	expect_refused(fabric, "client", "provider", EVERY_DIR, FABRIC_BLOCKED);
	fabric_set_acs(fabric, "d", PCI_ACS_UF);
	expect_refused(fabric, "client", "provider", EVERY_DIR, DMA_MASK);
	fabric_cpu_listed(test, false);
	expect_refused(fabric, "client", "provider", EVERY_DIR, DMA_MASK);
	fabric_cpu_listed(test, true);
	client->dma_mask = DMA_BIT_MASK(64);

	/* A port above that does not decode passes nothing down again. */
	fabric_set_decode(fabric, "u", false);
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "u");
	/* A port that does not forward upstream blocks before that. */
	fabric_set_acs(fabric, "r", 0);
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "r");
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	fabric_set_acs(fabric, "c", 0);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	/* A completion is routed by the requester's ID: decoding is not needed. */
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	expect_host(fabric, "client", "provider", READ_DIRS, ACS_COMPLETION);
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
	fabric_set_acs(fabric, "p", 0);
	fabric_set_decode(fabric, "u", true);

	/* Port "d" does not decode: the request goes on to the port above. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	fabric_set_acs(fabric, "r", 0);
	fabric_set_decode(fabric, "d", false);
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "d");
	fabric_set_acs(fabric, "d", 0);
	fabric_set_decode(fabric, "t", false);
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "r");
	/* With UF at the root port the topmost port blocks the way down. */
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "t");
}

/* A port whose ACS cannot be read is refused: nothing is known of what it does. */
static void routes_unread(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct fabric_fn *port = fabric_fn_named(fabric, "c");
	struct device *client = &fabric_dev(fabric, "client")->dev;
	struct p2pdma_provider *mem = provider_of(fabric, "provider");
	struct pci_p2pdma_route before, unread, after;

	/* Else it would be a route through the host bridge. */
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	fabric_cpu_listed(test, true);
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
	KUNIT_EXPECT_EQ(test, unread.reason, PCI_P2PDMA_FABRIC_BLOCKED);
	KUNIT_EXPECT_EQ(test, unread.bridge_id,
			pci_dev_id(fabric_dev(fabric, "c")));
	KUNIT_EXPECT_EQ(test, after.type, PCI_P2PDMA_MAP_BUS_ADDR);
}

/* The same for a port below the one that decides, which may block requests. */
static void routes_unread_below(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp c acs=none\n"
		"        up\n"
		"          dp low acs=none\n"
		"            ep client\n"
		"      dp p acs=none\n"
		"        ep provider bar0=2M\n",
		NAMES("client"), NAMES("provider"));
	struct device *client = &fabric_dev(fabric, "client")->dev;

	expect_verdict(fabric, client, "provider", DMA_FROM_DEVICE,
		       PCI_P2PDMA_MAP_BUS_ADDR, PCI_P2PDMA_DIRECT);
	fabric_fn_named(fabric, "low")->lost = true;
	p2pdma_invalidate(P2PDMA_BY_CONFIG_WRITE);
	expect_verdict(fabric, client, "provider", DMA_FROM_DEVICE,
		       PCI_P2PDMA_MAP_NOT_SUPPORTED, PCI_P2PDMA_FABRIC_BLOCKED);
	fabric_fn_named(fabric, "low")->lost = false;
}

/* A function without a link reads as all ones, which are not register bits. */
static void routes_lost(struct kunit *test)
{
	static const struct {
		const char *name;
		enum pci_p2pdma_reason reason;
	} row[] = {
		{ "c", PCI_P2PDMA_FABRIC_BLOCKED },
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
 * An upstream port that is one function of a multi-function device: no specification
 * says that its sibling functions reach functions below the port, or are reached from
 * there.
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
	int i;

	/* The log does not name ACS as the reason. */
	pci_p2pdma_distance(fabric_dev(fabric, "beside"), &inside->dev, true);
	expect_logged(test, since, 0, "ACS redirect is set", NULL);
	for (i = 0; i < ARRAY_SIZE(pair); i++) {
		const char *client = pair[i][0], *provider = pair[i][1];

		expect_blocked(fabric, client, provider, EVERY_DIR, "r");
		fabric_set_acs(fabric, "r", PCI_ACS_UF);
		expect_refused(fabric, client, provider, EVERY_DIR,
			       HOST_BRIDGE_UNTRUSTED);
		fabric_cpu_listed(test, true);
		expect_host(fabric, client, provider, EVERY_DIR, MULTIFUNCTION);
		expect_named(fabric, client, provider, EVERY_DIR, "u");
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
	int i;

	fabric_provider(fabric, "client", 0);
	for (i = 0; i < ARRAY_SIZE(on_the_way); i++) {
		expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
		fabric_set_decode(fabric, on_the_way[i], false);
		expect_refused(fabric, "client", "provider", EVERY_DIR,
			       PROVIDER_UNREACHABLE);
		expect_named(fabric, "client", "provider", EVERY_DIR,
			     on_the_way[i]);
		/* Drivers ask for the distance before they enable the device. */
		KUNIT_EXPECT_EQ(test, 4,
				pci_p2pdma_distance(provider, client, false));
		fabric_set_decode(fabric, on_the_way[i], true);
	}
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);

	/* The client has to decode for its own memory, and for no other. */
	fabric_set_decode(fabric, "client", false);
	expect_refused(fabric, "client", "client", EVERY_DIR,
		       PROVIDER_UNREACHABLE);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_set_decode(fabric, "client", true);
	expect_bus(fabric, "client", "client", EVERY_DIR, SAME_FUNCTION);
}

/*
 * The provider or a port above it is in a low-power state, or the provider is marked
 * as disconnected: no register shows that, and the power state is not cached.
 */
static void routes_asleep(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct pci_dev *client = fabric_dev(fabric, "client");
	static const char * const on_the_way[] = { "provider", "p", "u", "r" };
	static const pci_power_t asleep[] = {
		PCI_D1, PCI_D2, PCI_D3hot, PCI_D3cold,
	};
	struct pci_dev *pdev;
	int i;

	for (i = 0; i < ARRAY_SIZE(on_the_way); i++) {
		pdev = fabric_dev(fabric, on_the_way[i]);
		expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
		KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(pdev, PCI_D3hot));
		expect_no_route(fabric, &client->dev, "provider", EVERY_DIR,
				PROVIDER_UNREACHABLE);
		expect_named(fabric, "client", "provider", EVERY_DIR,
			     on_the_way[i]);
		KUNIT_EXPECT_EQ(test, 4,
				pci_p2pdma_distance(provider, &client->dev,
						    false));
		fabric_policy(test, "deny=%s", pci_name(provider));
		expect_no_route(fabric, &client->dev, "provider", EVERY_DIR,
				DENIED);
		fabric_policy(test, "auto");
		KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(pdev, PCI_D0));
	}

	/* Every state other than D0 counts. */
	for (i = 0; i < ARRAY_SIZE(asleep); i++) {
		fabric_set_power(provider, asleep[i]);
		expect_no_route(fabric, &client->dev, "provider", EVERY_DIR,
				PROVIDER_UNREACHABLE);
		fabric_set_power(provider, PCI_D0);
	}

	/* Mapping is refused too. */
	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(provider, PCI_D3hot));
	expect_refused(fabric, "client", "provider", EVERY_DIR,
		       PROVIDER_UNREACHABLE);
	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(provider, PCI_D0));
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);

	/* The PCI core marks a device that is pulled out before it removes it. */
	pci_dev_set_disconnected(provider, NULL);
	expect_no_route(fabric, &client->dev, "provider", EVERY_DIR,
			PROVIDER_UNREACHABLE);
	provider->error_state = pci_channel_io_normal;
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
}

/* Put a port to sleep, so that it and what is below it cannot be read; or wake it. */
static void set_cold(struct fabric *fabric, const char *port, const char *below,
		     bool cold)
{
	fabric_dev(fabric, port)->current_state = cold ? PCI_D3cold : PCI_D0;
	fabric_fn_named(fabric, port)->lost = cold;
	fabric_fn_named(fabric, below)->lost = cold;
	p2pdma_invalidate(P2PDMA_BY_CONFIG_WRITE);
}

/*
 * The distance is asked for before devices are woken, and is stored for ever: what cannot
 * be read is not held against the path.
 */
static void routes_distance_asleep(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct device *client = &fabric_dev(fabric, "client")->dev;
	u64 since = fabric_log_now();

	set_cold(fabric, "p", "provider", true);
	KUNIT_EXPECT_EQ(test, 4, pci_p2pdma_distance(provider, client, true));
	expect_logged(test, since, 0, "ACS redirect is set", NULL);
	expect_no_route(fabric, client, "provider", EVERY_DIR,
			PROVIDER_UNREACHABLE);
	/* Nothing has woken it. */
	KUNIT_EXPECT_TRUE(test, fabric_dev(fabric, "p")->current_state ==
				PCI_D3cold);

	/* What can be read counts, as ever. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	KUNIT_EXPECT_EQ(test, -1, pci_p2pdma_distance(provider, client, false));
	fabric_set_acs(fabric, "c", 0);
	set_cold(fabric, "p", "provider", false);

	/* In D3hot a port answers, and what is below it does not. */
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	fabric_dev(fabric, "p")->current_state = PCI_D3hot;
	KUNIT_EXPECT_EQ(test, -1, pci_p2pdma_distance(provider, client, false));
	fabric_dev(fabric, "p")->current_state = PCI_D0;
	fabric_dev(fabric, "u")->current_state = PCI_D3hot;
	KUNIT_EXPECT_EQ(test, 4, pci_p2pdma_distance(provider, client, false));
	fabric_dev(fabric, "u")->current_state = PCI_D0;
	KUNIT_EXPECT_EQ(test, -1, pci_p2pdma_distance(provider, client, false));
	fabric_set_acs(fabric, "p", 0);

	/* What was pulled out will not be awake again, nor what was below it. */
	fabric_dev(fabric, "p")->error_state = pci_channel_io_perm_failure;
	KUNIT_EXPECT_EQ(test, -1, pci_p2pdma_distance(provider, client, false));
	fabric_dev(fabric, "p")->error_state = pci_channel_io_normal;
	KUNIT_EXPECT_EQ(test, 4, pci_p2pdma_distance(provider, client, false));
}

/* Where the route is not direct, ports above are taken as the kernel has saved them. */
static void routes_distance_saved(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_switch(test);
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct device *client = &fabric_dev(fabric, "client")->dev;
	bool decodes;

	fabric_guest(test, true);
	fabric_cpu_listed(test, true);
	KUNIT_EXPECT_EQ(test, 4, pci_p2pdma_distance(provider, client, false));
	/* The kernel saves the state of a port when it puts it to sleep. */
	KUNIT_ASSERT_EQ(test, 0, pci_save_state(fabric_dev(fabric, "u")));
	for (decodes = false;; decodes = true) {
		fabric_set_decode(fabric, "r", decodes);
		KUNIT_ASSERT_EQ(test, 0,
				pci_save_state(fabric_dev(fabric, "r")));
		set_cold(fabric, "r", "u", true);
		KUNIT_EXPECT_EQ(test, decodes ? 4 : -1,
				pci_p2pdma_distance(provider, client, false));
		set_cold(fabric, "r", "u", false);
		if (decodes)
			break;
	}
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
}

/* A port without an ACS capability that the kernel's quirks know as isolating. */
static void routes_quirk(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp r acs=UF\n"
		"    up\n"
		"      dp c isolates\n"
		"        ep client bar0=2M\n"
		"      dp p\n"
		"        ep provider bar0=2M\n"
		"  rp isolates\n"
		"    ep one bar0=2M\n"
		"    ep two fn=1 bar0=2M\n",
		NAMES("client", "provider", "one"),
		NAMES("client", "provider", "two"));

	fabric_cpu_listed(test, true);
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	expect_named(fabric, "client", "provider", EVERY_DIR, "c");
	expect_host(fabric, "provider", "client", READ_DIRS, ACS_COMPLETION);
	expect_named(fabric, "provider", "client", READ_DIRS, "c");
	expect_bus(fabric, "provider", "client", DMA_FROM_DEVICE, DIRECT);
	/* It redirects what it gets from below, and nothing says that it forwards. */
	expect_refused(fabric, "one", "two", EVERY_DIR, FABRIC_BLOCKED);
}

/* In a guest with encrypted memory no physical address is right for DMA. */
static void routes_encrypted(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);

	fabric_provider(fabric, "client", 0);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_encrypted_guest(test);
	expect_no_route(fabric, &fabric_dev(fabric, "client")->dev, "provider",
			EVERY_DIR, MUST_BOUNCE);
	expect_no_route(fabric, &fabric_dev(fabric, "client")->dev, "client",
			EVERY_DIR, MUST_BOUNCE);
}

/*
 * Address Translation Services.
 */

static const char ats_picture[] =
	"host%s\n"
	"  rp r\n"
	"    up\n"
	"      dp c port=1\n"
	"        ep client ats bar0=2M\n"
	"      dp p port=2\n"
	"        ep provider bar0=2M\n"
	"  rp\n"
	"    ep beside bar0=2M\n";

static struct fabric *create_ats(struct kunit *test, const char *host,
				 bool identity)
{
	const struct mock_iommu_config config = { .identity = identity };
	struct fabric *fabric;
	char picture[256];

	mock_iommu_create(test, &config);
	snprintf(picture, sizeof(picture), ats_picture, host);
	fabric = fabric_setup(test, picture, NAMES("client"),
			      NAMES("client", "provider", "beside"));
	fabric_cpu_listed(test, true);
	return fabric;
}

/* Does a route say that requests sent as translated cross? */
static void expect_sent_crosses(struct fabric *fabric, bool crosses)
{
	struct pci_p2pdma_route route;

	pci_p2pdma_query_route(provider_of(fabric, "provider"),
			       &fabric_dev(fabric, "client")->dev,
			       DMA_BIDIRECTIONAL, &route);
	KUNIT_EXPECT_EQ(fabric->test, crosses, route.translated_crosses);
}

/* A bus address has no translation; ATS is switched without an event. */
static void routes_ats(struct kunit *test)
{
	struct fabric *fabric = create_ats(test, "", false);

	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_set_ats(fabric, "client", true);
	expect_host(fabric, "client", "provider", EVERY_DIR, CLIENT_ATS);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
	expect_bus(fabric, "client", "client", EVERY_DIR, SAME_FUNCTION);

	/* What is sent as translated crosses, which mode host must not allow. */
	expect_sent_crosses(fabric, true);
	fabric_policy(test, "host");
	expect_refused(fabric, "client", "provider", EVERY_DIR, POLICY_HOST);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
	fabric_policy(test, "switch");
	expect_refused(fabric, "client", "provider", EVERY_DIR, POLICY_SWITCH);
	fabric_policy(test, "auto");

	/* Redirection works on it too, and then it has to be forwarded. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "r");
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	expect_sent_crosses(fabric, false);
	fabric_policy(test, "host");
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	/* Not with DT. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR | PCI_ACS_DT);
	expect_refused(fabric, "client", "provider", EVERY_DIR, POLICY_HOST);
	fabric_policy(test, "auto");
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	expect_sent_crosses(fabric, true);
	fabric_set_acs(fabric, "c", 0);

	fabric_set_ats(fabric, "client", false);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_sent_crosses(fabric, false);
}

/* A port on the way that blocks translated requests. */
static void routes_translation_blocking(struct kunit *test)
{
	struct fabric *fabric = create_ats(test, "", false);

	fabric_set_acs(fabric, "c", PCI_ACS_TB | PCI_ACS_DT);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_set_ats(fabric, "client", true);
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "c");
	expect_blocked(fabric, "client", "beside", EVERY_DIR, "c");
	fabric_set_acs(fabric, "c", 0);
	/* What crosses does not come to the ports above. */
	fabric_set_acs(fabric, "r", PCI_ACS_TB | PCI_ACS_UF);
	expect_host(fabric, "client", "provider", EVERY_DIR, CLIENT_ATS);
	expect_blocked(fabric, "client", "beside", EVERY_DIR, "r");
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "r");
	fabric_set_acs(fabric, "c", 0);
	/* The provider's side does not see the request from below. */
	fabric_set_acs(fabric, "p", PCI_ACS_TB);
	expect_host(fabric, "client", "provider", EVERY_DIR, CLIENT_ATS);
}

/* A driver that asks for no translation of bus addresses. */
static void routes_ats_per_mapping(struct kunit *test)
{
	struct fabric *fabric = create_ats(test, "", false);

	fabric_set_ats(fabric, "client", true);
	expect_host(fabric, "client", "provider", EVERY_DIR, CLIENT_ATS);
	fabric_ats_per_mapping(fabric, "client");
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	/* It may ask for those of IOVAs. */
	fabric_set_acs(fabric, "c", PCI_ACS_TB);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_blocked(fabric, "client", "beside", EVERY_DIR, "c");
	fabric_set_acs(fabric, "c", 0);

	/* The promise goes with the device. */
	fabric_unplug(fabric, "client");
	fabric_fn_named(fabric, "client")->ats_per_mapping = false;
	fabric_replug(fabric, "client");
	fabric_client(fabric, "client");
	fabric_set_ats(fabric, "client", true);
	expect_host(fabric, "client", "provider", EVERY_DIR, CLIENT_ATS);
}

/* The translation of a bus address is where the window is translated another. */
static void routes_ats_identity(struct kunit *test)
{
	struct fabric *fabric = create_ats(test, "", true);

	fabric_set_ats(fabric, "client", true);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
	fabric_set_acs(fabric, "c", PCI_ACS_TB);
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "c");
	fabric_ats_per_mapping(fabric, "client");
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
}

static void routes_ats_offset(struct kunit *test)
{
	struct fabric *fabric = create_ats(test, " bus=0x80000000000", true);
	u64 since = fabric_log_now();

	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_set_ats(fabric, "client", true);
	expect_refused(fabric, "client", "provider", EVERY_DIR, CLIENT_ATS);
	expect_refused(fabric, "client", "beside", EVERY_DIR, CLIENT_ATS);
	expect_logged(test, since, 2, "pci=noats",
		      pci_name(fabric_dev(fabric, "client")));
	fabric_ats_per_mapping(fabric, "client");
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
}

/* Where an IOMMU translates, the address that is sent as translated is no bus address. */
static void routes_ats_offset_translated(struct kunit *test)
{
	struct fabric *fabric = create_ats(test, " bus=0x80000000000", false);

	fabric_set_ats(fabric, "client", true);
	expect_host(fabric, "client", "provider", EVERY_DIR, CLIENT_ATS);
	expect_sent_crosses(fabric, false);
	fabric_policy(test, "host");
	expect_host(fabric, "client", "provider", EVERY_DIR, CLIENT_ATS);
	fabric_set_acs(fabric, "r", PCI_ACS_TB);
	expect_blocked(fabric, "client", "provider", EVERY_DIR, "r");
}

static void expect_tlp(struct fabric *fabric, unsigned int tlp, bool bus)
{
	struct device *client = &fabric_dev(fabric, "client")->dev;
	struct p2pdma_provider *provider =
		pcim_p2pdma_provider(fabric_dev(fabric, "provider"), 0);
	enum pci_p2pdma_map_type type;

	type = pci_p2pdma_map_type_tlp(provider, client, tlp);
	KUNIT_EXPECT_EQ_MSG(fabric->test, type,
			    bus ? PCI_P2PDMA_MAP_BUS_ADDR :
				  pci_p2pdma_map_type(provider, client),
			    "tlp %x", tlp);
	if (!bus)
		KUNIT_EXPECT_NE(fabric->test, type, PCI_P2PDMA_MAP_BUS_ADDR);
}

/* A driver that vouches for more than the kernel knows. */
static void routes_tlp(struct kunit *test)
{
	const unsigned int translated = PCI_P2PDMA_TLP_TRANSLATED,
			   relaxed = PCI_P2PDMA_TLP_RELAXED_CPL;
	struct fabric *fabric = create_ats(test, "", false);

	expect_tlp(fabric, 0, true);
	expect_tlp(fabric, translated | relaxed, true);

	/* Completions with relaxed ordering cross; requests do not. */
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	expect_tlp(fabric, 0, false);
	expect_tlp(fabric, relaxed, true);
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_tlp(fabric, relaxed, false);
	fabric_set_acs(fabric, "p", 0);

	/* Without ATS no request is translated. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR | PCI_ACS_DT);
	expect_tlp(fabric, translated, false);
	expect_tlp(fabric, relaxed, false);
	fabric_set_ats(fabric, "client", true);
	expect_tlp(fabric, 0, false);
	expect_tlp(fabric, relaxed, false);
	expect_tlp(fabric, translated, true);
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	expect_tlp(fabric, translated, false);
	expect_tlp(fabric, translated | relaxed, true);
	fabric_set_acs(fabric, "p", 0);

	/* Blocked before DT is looked at; and DT is needed only against RR and EC. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR | PCI_ACS_DT | PCI_ACS_TB);
	expect_tlp(fabric, translated, false);
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_tlp(fabric, translated, false);
	fabric_set_acs(fabric, "c", 0);
	expect_tlp(fabric, 0, false);
	expect_tlp(fabric, translated, true);

	/* The policy counts all the same. */
	fabric_policy(test, "host");
	expect_tlp(fabric, translated, false);
}

/*
 * What the links can carry.
 */

static const char links_picture[] =
	"host\n"
	"  rp r\n"
	"    up u\n"
	"      dp c port=1\n"
	"        ep client bar0=2M\n"
	"      dp p port=2\n"
	"        up v\n"
	"          dp q\n"
	"            ep provider bar0=2M\n"
	"  rp s\n"
	"    ep beside bar0=2M\n";

static void set_all_mps(struct fabric *fabric, int bytes)
{
	static const char * const names[] = {
		"r", "u", "c", "client", "p", "v", "q", "provider", "s", "beside",
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		fabric_set_mps(fabric, names[i], bytes);
}

/* A packet must fit through every port and function on its way, and no other. */
static void routes_payload_size(struct kunit *test)
{
	static const struct {
		const char *name;
		bool on_the_way;
	} row[] = {
		{ "c", true }, { "p", true }, { "v", true }, { "q", true },
		{ "provider", true }, { "u", false }, { "r", false },
	};
	struct fabric *fabric = fabric_setup(test, links_picture,
					     NAMES("client"),
					     NAMES("client", "provider",
						   "beside"));
	u64 since = fabric_log_now();
	int i;

	fabric_cpu_listed(test, true);
	set_all_mps(fabric, 512);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		fabric_set_mps(fabric, row[i].name, 256);
		if (!row[i].on_the_way) {
			expect_bus(fabric, "client", "provider", EVERY_DIR,
				   DIRECT);
		} else {
			expect_refused(fabric, "client", "provider", EVERY_DIR,
				       PAYLOAD_SIZE);
			expect_named(fabric, "client", "provider", EVERY_DIR,
				     row[i].name);
		}
		fabric_set_mps(fabric, row[i].name, 512);
	}
	expect_logged(test, since, 1, "pci=pcie_bus_peer2peer",
		      pci_name(fabric_dev(fabric, "client")));

	/* A completion that is larger than what the client's side takes. */
	fabric_set_mps(fabric, "client", 256);
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
	expect_refused(fabric, "client", "provider", READ_DIRS, PAYLOAD_SIZE);
	expect_named(fabric, "client", "provider", READ_DIRS, "client");
	fabric_set_mps(fabric, "client", 512);

	/* The client's own memory is on no link. */
	set_all_mps(fabric, 128);
	fabric_set_mps(fabric, "client", 512);
	expect_bus(fabric, "client", "client", EVERY_DIR, SAME_FUNCTION);
}

/* By way of the root complex, which makes packets that fit the root port. */
static void routes_payload_by_root(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, links_picture,
					     NAMES("client", "beside"),
					     NAMES("provider", "beside"));

	fabric_cpu_listed(test, true);
	set_all_mps(fabric, 512);
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	expect_host(fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);

	/* On its way down again. */
	fabric_set_mps(fabric, "q", 256);
	expect_refused(fabric, "client", "provider", EVERY_DIR, PAYLOAD_SIZE);
	expect_named(fabric, "client", "provider", EVERY_DIR, "q");
	fabric_set_mps(fabric, "r", 256);
	/* And on its way up. */
	expect_refused(fabric, "client", "provider", EVERY_DIR, PAYLOAD_SIZE);
	expect_named(fabric, "client", "provider", EVERY_DIR, "r");
	set_all_mps(fabric, 512);

	/* Another root port sends no more than it may. */
	fabric_set_mps(fabric, "s", 128);
	fabric_set_mps(fabric, "beside", 128);
	expect_host(fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
	expect_host(fabric, "beside", "provider", EVERY_DIR, NO_COMMON_PORT);
	fabric_set_mps(fabric, "s", 256);
	expect_refused(fabric, "client", "beside", EVERY_DIR, PAYLOAD_SIZE);
	expect_named(fabric, "client", "beside", EVERY_DIR, "beside");
	/* The completions that "beside" is sent are the same. */
	expect_host(fabric, "beside", "provider", DMA_FROM_DEVICE,
		    NO_COMMON_PORT);
	expect_refused(fabric, "beside", "provider", READ_DIRS, PAYLOAD_SIZE);
}

/* Where an IOMMU translates, the request takes the other way. */
static void routes_payload_translated(struct kunit *test)
{
	struct fabric *fabric;

	mock_iommu_create(test, NULL);
	fabric = fabric_setup(test, links_picture, NAMES("client"),
			      NAMES("provider"));
	fabric_cpu_listed(test, true);
	set_all_mps(fabric, 512);
	fabric_set_mps(fabric, "c", 256);
	/* It goes up through "c" too. */
	expect_refused(fabric, "client", "provider", EVERY_DIR, PAYLOAD_SIZE);
	set_all_mps(fabric, 256);
	fabric_set_mps(fabric, "r", 128);
	fabric_set_mps(fabric, "client", 128);
	fabric_set_mps(fabric, "provider", 128);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_set_mps(fabric, "client", 256);
	expect_refused(fabric, "client", "provider", EVERY_DIR, PAYLOAD_SIZE);
	fabric_set_mps(fabric, "u", 128);
	fabric_set_mps(fabric, "r", 256);
	expect_refused(fabric, "client", "provider", EVERY_DIR, PAYLOAD_SIZE);
}

/* Tags that the provider does not return: reads fail, writes have none that counts. */
static void routes_tag_width(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep eight completer=14\n"
		"      dp\n"
		"        ep ten requester=10 completer=10 bar0=2M\n"
		"      dp\n"
		"        ep fourteen requester=14 completer=14 bar0=2M\n"
		"      dp\n"
		"        ep narrow bar0=2M\n"
		"  rp\n"
		"    ep beside bar0=2M\n",
		NAMES("eight", "ten", "fourteen"),
		NAMES("ten", "fourteen", "narrow", "beside"));
	static const char * const wide[] = { "ten", "fourteen" };
	u64 since = fabric_log_now();
	int i;

	fabric_cpu_listed(test, true);
	expect_bus(fabric, "eight", "narrow", EVERY_DIR, DIRECT);
	expect_bus(fabric, "eight", "ten", EVERY_DIR, DIRECT);
	expect_bus(fabric, "ten", "fourteen", EVERY_DIR, DIRECT);
	for (i = 0; i < ARRAY_SIZE(wide); i++) {
		expect_bus(fabric, wide[i], "narrow", DMA_FROM_DEVICE, DIRECT);
		expect_refused(fabric, wide[i], "narrow", READ_DIRS, TAG_WIDTH);
		expect_named(fabric, wide[i], "narrow", READ_DIRS, "narrow");
		expect_host(fabric, wide[i], "beside", DMA_FROM_DEVICE,
			    NO_COMMON_PORT);
		expect_refused(fabric, wide[i], "beside", READ_DIRS, TAG_WIDTH);
		expect_bus(fabric, wide[i], wide[i], EVERY_DIR, SAME_FUNCTION);
	}
	expect_refused(fabric, "fourteen", "ten", READ_DIRS, TAG_WIDTH);
	expect_logged(test, since, 2, "CAP_EXP+28.w=0:1000",
		      pci_name(fabric_dev(fabric, "narrow")));
}

/*
 * Functions of one device, without evidence that requests cross inside it: P2P Request
 * Redirect that is not set, or the administrator's word.
 */
static void routes_loopback(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host domain=0xfb10\n"
		"  rp r\n"
		"    ep zero acs=none bar0=2M\n"
		"    ep one fn=1 acs=none bar0=2M\n"
		"    ep two fn=2 apart bar0=2M\n"
		"    ep three fn=3 bar0=2M vfs=1 vfbar=2M vf-offset=1\n",
		NAMES("zero", "one", "two", "three"),
		NAMES("zero", "one", "two", "three"));
	u64 since = fabric_log_now();

	fabric_enable_vfs(fabric, "three", 1);
	fabric_client(fabric, "three.vf0");
	fabric_provider(fabric, "three.vf0", 0);
	fabric_cpu_listed(test, true);

	expect_bus(fabric, "zero", "one", EVERY_DIR, DIRECT);
	/* The request, or the completion, may leave the device. */
	expect_blocked(fabric, "zero", "two", EVERY_DIR, "r");
	expect_blocked(fabric, "two", "zero", EVERY_DIR, "r");
	expect_blocked(fabric, "three", "three.vf0", EVERY_DIR, "r");
	expect_blocked(fabric, "three.vf0", "three", EVERY_DIR, "r");
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	expect_host(fabric, "zero", "two", EVERY_DIR, MULTIFUNCTION);
	fabric_set_acs(fabric, "r", 0);
	fabric_policy(test, "host");
	expect_refused(fabric, "two", "zero", EVERY_DIR, POLICY_HOST);

	/* Both have to be named; a physical function stands for its virtual ones. */
	fabric_policy(test, "loopback=%s", pci_name(fabric_dev(fabric, "three")));
	fabric_loopback(fabric, "three", true);
	expect_bus(fabric, "three", "three.vf0", EVERY_DIR, DIRECT);
	expect_bus(fabric, "three.vf0", "three", EVERY_DIR, DIRECT);
	expect_blocked(fabric, "three", "zero", EVERY_DIR, "r");
	expect_logged(test, since, 1, "p2pdma=loopback: ",
		      pci_name(fabric_dev(fabric, "three")));
	KUNIT_EXPECT_TRUE(test, test_taint(TAINT_USER));
	fabric_policy(test, "loopback=%s;%s",
		      pci_name(fabric_dev(fabric, "three")),
		      pci_name(fabric_dev(fabric, "zero")));
	fabric_loopback(fabric, "zero", true);
	expect_bus(fabric, "three.vf0", "zero", EVERY_DIR, DIRECT);
	/* It does not help where something redirects. */
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	expect_host(fabric, "three.vf0", "zero", EVERY_DIR, MULTIFUNCTION);
	expect_named(fabric, "three.vf0", "zero", EVERY_DIR, "r");
	fabric_policy(test, "auto");
	expect_logged(test, since, 1, "p2pdma=loopback: ",
		      pci_name(fabric_dev(fabric, "three")));
}

/* Where an IOMMU translates, the request leaves the device anyway. */
static void routes_loopback_translated(struct kunit *test)
{
	struct fabric *fabric;

	mock_iommu_create(test, NULL);
	fabric = fabric_setup(test,
			      "host\n"
			      "  rp r\n"
			      "    ep one apart bar0=2M\n"
			      "    ep two fn=1 apart bar0=2M\n",
			      NAMES("one", "two"), NAMES("one", "two"));
	fabric_cpu_listed(test, true);
	expect_host(fabric, "one", "two", DMA_FROM_DEVICE, MULTIFUNCTION);
	expect_named(fabric, "one", "two", DMA_FROM_DEVICE, "one");
	/* The completion comes back by way of the port. */
	expect_blocked(fabric, "one", "two", READ_DIRS, "r");
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	expect_host(fabric, "one", "two", EVERY_DIR, MULTIFUNCTION);
}

/* A bridge's own memory, from below it and from beside it. */
static void routes_bridge_memory(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp r acs=UF bar0=2M\n"
		"    up u bar0=2M\n"
		"      dp c port=1 enhanced acs=none bar0=2M\n"
		"        ep client\n"
		"      dp p port=2 acs=none bar0=2M\n"
		"        ep other\n"
		"  rp s\n"
		"    ep beside\n",
		NAMES("client", "other", "beside"), NAMES("r", "u", "c", "p"));
	static const char * const ports[] = { "u", "c", "p" };
	int i;

	fabric_cpu_listed(test, true);
	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		fabric_set_acs(fabric, "c", 0);
		expect_bus(fabric, "client", ports[i], EVERY_DIR, DIRECT);
		/* Without the Enhanced Capability nothing says so. */
		expect_blocked(fabric, "other", ports[i], EVERY_DIR, "p");
		/* From above it is memory as any other. */
		expect_host(fabric, "beside", ports[i], EVERY_DIR,
			    NO_COMMON_PORT);
		fabric_set_acs(fabric, "c", i ? 0x0100 : 0x0400);
		expect_blocked(fabric, "client", ports[i], EVERY_DIR, "c");
		/* The field for the other kind of port. */
		fabric_set_acs(fabric, "c", i ? 0x0400 : 0x0100);
		expect_bus(fabric, "client", ports[i], EVERY_DIR, DIRECT);
	}
	expect_blocked(fabric, "client", "r", EVERY_DIR, "r");
}

/* Where an IOMMU translates it comes from above. */
static void routes_bridge_memory_translated(struct kunit *test)
{
	struct fabric *fabric;

	mock_iommu_create(test, NULL);
	fabric = fabric_setup(test,
			      "host\n"
			      "  rp\n"
			      "    up u bar0=2M\n"
			      "      dp\n"
			      "        ep client\n",
			      NAMES("client"), NAMES("u"));
	fabric_cpu_listed(test, true);
	expect_host(fabric, "client", "u", EVERY_DIR, MULTIFUNCTION);
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

/* A virtual function decodes, and is awake, if its physical function says so. */
static void routes_vfs(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep pf acs=none bar0=2M vfs=2 vfbar=2M vfacs\n"
		"      dp\n"
		"        ep client\n",
		NAMES("client"), NAMES("pf"));
	struct pci_dev *pf = fabric_dev(fabric, "pf");

	fabric_enable_vfs(fabric, "pf", 2);
	fabric_provider(fabric, "pf.vf1", 0);
	fabric_client(fabric, "pf.vf0");
	expect_bus(fabric, "client", "pf.vf1", EVERY_DIR, DIRECT);
	expect_bus(fabric, "pf.vf0", "pf.vf1", EVERY_DIR, DIRECT);

	set_vf_decode(fabric, "pf", false);
	expect_refused(fabric, "client", "pf.vf1", EVERY_DIR,
		       PROVIDER_UNREACHABLE);
	expect_refused(fabric, "pf.vf0", "pf.vf1", EVERY_DIR,
		       PROVIDER_UNREACHABLE);
	expect_bus(fabric, "client", "pf", EVERY_DIR, DIRECT);
	set_vf_decode(fabric, "pf", true);
	expect_bus(fabric, "client", "pf.vf1", EVERY_DIR, DIRECT);

	fabric_set_decode(fabric, "pf", false);
	expect_refused(fabric, "client", "pf", EVERY_DIR, PROVIDER_UNREACHABLE);
	expect_bus(fabric, "client", "pf.vf1", EVERY_DIR, DIRECT);
	fabric_set_decode(fabric, "pf", true);

	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(pf, PCI_D3hot));
	expect_no_route(fabric, &fabric_dev(fabric, "client")->dev, "pf.vf1",
			EVERY_DIR, PROVIDER_UNREACHABLE);
	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(pf, PCI_D0));
	expect_bus(fabric, "client", "pf.vf1", EVERY_DIR, DIRECT);
}

/*
 * A host bridge is what its first function said, whether the function is still there or
 * not; another first function says something else.
 */
static void routes_bridge_function(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host domain=0xfb21\n"
		"  rciep first id=8086:2030\n"
		"  rp a dev=1\n"
		"    ep client\n"
		"  rp dev=2\n"
		"    ep provider bar0=2M\n"
		"host domain=0xfb22\n"
		"  rciep last id=1fab:0bad\n"
		"  rp b dev=1\n"
		"    ep other\n",
		NAMES("client", "other"), NAMES("provider"));
	struct pci_host_bridge *host =
		pci_find_host_bridge(fabric_dev(fabric, "client")->bus);
	struct pci_host_bridge *emptied =
		pci_find_host_bridge(fabric_dev(fabric, "other")->bus);
	struct p2pdma_bridge_function function;
	u64 since = fabric_log_now();

	fabric_cpu_listed(test, false);
	expect_host(fabric, "client", "provider", EVERY_DIR, NO_COMMON_PORT);
	fabric_unplug(fabric, "first");
	expect_host(fabric, "client", "provider", EVERY_DIR, NO_COMMON_PORT);
	KUNIT_ASSERT_TRUE(test, p2pdma_bridge_function(host, &function));
	KUNIT_EXPECT_EQ(test, function.device, 0x2030);
	KUNIT_EXPECT_EQ(test, function.bdf.id, 0);

	/* What comes later is not the first. */
	fabric_replug(fabric, "first");
	expect_host(fabric, "client", "provider", EVERY_DIR, NO_COMMON_PORT);

	/* The log names a function that has gone. */
	fabric_unplug(fabric, "last");
	expect_refused(fabric, "other", "provider", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);
	expect_logged(test, since, 1,
		      "pci fb22:00:00.0: Host bridge not in P2PDMA whitelist: 1fab:0bad",
		      NULL);

	/* Nothing is left of a bus that has been emptied. */
	fabric_unplug(fabric, "b");
	KUNIT_EXPECT_FALSE(test, p2pdma_bridge_function(emptied, &function));
	fabric_replug(fabric, "last");
	KUNIT_EXPECT_TRUE(test, p2pdma_bridge_function(emptied, &function));
	KUNIT_EXPECT_EQ(test, function.device, 0x0bad);
}

/* Defect 7: the route follows ACS Control, written by the kernel or by user space. */
static void routes_acs_changes(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);

	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_refused(fabric, "client", "provider", EVERY_DIR, FABRIC_BLOCKED);
	fabric_user_set_acs(fabric, "c", 0);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_user_set_acs(fabric, "p", PCI_ACS_CR);
	expect_refused(fabric, "client", "provider", READ_DIRS, FABRIC_BLOCKED);
	fabric_user_set_acs(fabric, "p", 0);
	fabric_user_set_acs(fabric, "c", PCI_ACS_EC);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	fabric_set_egress(fabric, "c", ~0);
	expect_refused(fabric, "client", "provider", EVERY_DIR, FABRIC_BLOCKED);
}

/*
 * Replace @gone by @next, which gets its PCI address: below @port as in @picture, or
 * where it was before if that is NULL.
 */
static void swap_in(struct fabric *fabric, const char *gone, const char *next,
		    const char *port, const char *picture)
{
	u16 id = pci_dev_id(fabric_dev(fabric, gone));

	fabric_unplug(fabric, gone);
	if (picture)
		fabric_plug(fabric, port, picture);
	else
		fabric_replug(fabric, next);
	KUNIT_EXPECT_EQ(fabric->test, id, pci_dev_id(fabric_dev(fabric, next)));
}

/*
 * Defect 7: another device at the PCI address of client or provider gets a route of
 * its own.  The policy denies it by its vendor and device ID.
 */
static void routes_hotplug(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	int round;

	fabric_policy(test, "auto,deny=pci:1fab:0bad");
	for (round = 0; round < 3; round++) {
		expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);

		swap_in(fabric, "client", "bad-client", "c",
			round ? NULL : "ep bad-client id=1fab:0bad\n");
		fabric_client(fabric, "bad-client");
		expect_refused(fabric, "bad-client", "provider", EVERY_DIR,
			       DENIED);
		swap_in(fabric, "bad-client", "client", "c", NULL);
		fabric_client(fabric, "client");
		expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);

		swap_in(fabric, "provider", "bad-provider", "p",
			round ? NULL : "ep bad-provider id=1fab:0bad bar0=2M\n");
		fabric_provider(fabric, "bad-provider", 0);
		expect_refused(fabric, "client", "bad-provider", EVERY_DIR,
			       DENIED);
		swap_in(fabric, "bad-provider", "provider", "p", NULL);
		fabric_provider(fabric, "provider", 0);
	}
}

/* After hot-plug bus numbers change: another device has the client's PCI address. */
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

	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_refused(fabric, "other", "provider", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);

	fabric_unplug(fabric, "r0");
	fabric_unplug(fabric, "r1");
	fabric_replug(fabric, "r1");
	fabric_replug(fabric, "r0");
	fabric_print(fabric);
	fabric_client(fabric, "client");
	fabric_client(fabric, "other");
	fabric_provider(fabric, "provider", 0);
	expect_refused(fabric, "other", "provider", EVERY_DIR,
		       HOST_BRIDGE_UNTRUSTED);
	KUNIT_EXPECT_EQ(test, client_id,
			pci_dev_id(fabric_dev(fabric, "other")));
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
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
	expect_bus(fabric, "a", "provider", EVERY_DIR, DIRECT);
	expect_refused(fabric, "b", "provider", EVERY_DIR, HOST_BRIDGE_UNTRUSTED);
	expect_bus(fabric, "a", "provider", EVERY_DIR, DIRECT);
}

/* When a provider goes its routes go with it, and those of others stay. */
static void routes_removal(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	u64 phys = pci_resource_start(fabric_dev(fabric, "provider"), 0);
	int round;

	fabric_cpu_listed(test, true);
	for (round = 0; round < 2; round++) {
		expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
		expect_host(fabric, "client", "beside", EVERY_DIR,
			    NO_COMMON_PORT);
		if (round)
			fabric_unplug(fabric, "provider");
		else
			fabric_provider_release(fabric, "provider");
		KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys, 1));
		expect_host(fabric, "client", "beside", EVERY_DIR,
			    NO_COMMON_PORT);
		if (round)
			fabric_replug(fabric, "provider");
		fabric_provider(fabric, "provider", 0);
	}

	/* The root port is unplugged with everything below it. */
	fabric_unplug(fabric, "r");
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys, 1));
	fabric_replug(fabric, "r");
	fabric_client(fabric, "client");
	fabric_provider(fabric, "provider", 0);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
}

/* CPU physical address of the second host bridge's window. */
static u64 second_window(struct fabric *fabric)
{
	return list_last_entry(&fabric->hosts, struct fabric_host, node)->window.start;
}

/*
 * An untranslated client reaches the memory of another host bridge by its CPU physical
 * address.  Here that is also a bus address in the window of the client's own host
 * bridge, where the request would end.
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
	struct oracle_answer answer;
	struct pci_dev *client, *far;
	struct fabric *fabric;
	char picture[256];
	int round;

	/* The first round finds where the second window is allocated. */
	for (round = 0; round < 2; round++) {
		snprintf(picture, sizeof(picture), format, bus);
		fabric = fabric_setup(test, picture, NAMES("client"),
				      NAMES("client", "far"));
		fabric_cpu_listed(test, true);
		if (round)
			break;
		expect_host(fabric, "client", "far", EVERY_DIR, NO_COMMON_PORT);
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
	expect_refused(fabric, "client", "far", EVERY_DIR, FABRIC_BLOCKED);
}

/* A translated client uses an IOVA, which is in no host bridge's window. */
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
	expect_host(fabric, "client", "far", EVERY_DIR, NO_COMMON_PORT);
}

/* Defect 14: the distance that drivers ask for before they map, in hops. */
static void routes_distance(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep a acs=none bar0=2M\n"
		"        ep b fn=1 acs=none bar0=2M\n"
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
 * Defect 14: the distance has no direction, and answers for DMA_BIDIRECTIONAL.  A
 * write may have a route although the distance is -1.
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
	expect_refused(fabric, "client", "provider", READ_DIRS, FABRIC_BLOCKED);
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
 * A refusal is logged once for each pair and reason.  Defect 18: a query of the
 * distance logs only if its caller asks for that.
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
	expect_logged(test, since, 0, "Host bridge not in P2PDMA whitelist",
		      NULL);
	expect_logged(test, since, 0, pci_name(client), "cannot be used");

	/* Several mappings in each of three rounds. */
	for (i = 0; i < 3; i++)
		expect_refused(fabric, "client", "provider", EVERY_DIR,
			       HOST_BRIDGE_UNTRUSTED);
	expect_logged(test, since, 1, pci_name(client),
		      "peer-to-peer DMA as the client and provider");
	expect_logged(test, since, 1, pci_name(client),
		      "ACS redirect is set between the client and provider");
	expect_logged(test, since, 1, "pci=disable_acs_redir=",
		      pci_name(fabric_dev(fabric, "c")));
	expect_logged(test, since, 1, "add the kernel parameter: p2pdma=auto,trust=",
		      pci_name(client));

	/* Another reason is logged too, once. */
	fabric_set_acs(fabric, "r", 0);
	for (i = 0; i < 3; i++)
		expect_refused(fabric, "client", "provider", EVERY_DIR,
			       FABRIC_BLOCKED);
	expect_logged(test, since, 1, pci_name(client),
		      "is refused: fabric-blocked");
	expect_logged(test, since, 1, "pci=config_acs=xx111x1@",
		      pci_name(fabric_dev(fabric, "r")));

	/* A query with @verbose logs each time. */
	since = fabric_log_now();
	for (i = 1; i <= 2; i++) {
		pci_p2pdma_distance(provider, &client->dev, true);
		expect_logged(test, since, i, pci_name(client),
			      "is refused: fabric-blocked");
	}

	/* A port that does not decode needs another remedy than ACS. */
	fabric_set_decode(fabric, "r", false);
	since = fabric_log_now();
	pci_p2pdma_distance(provider, &client->dev, true);
	expect_logged(test, since, 1, "COMMAND=2:2",
		      pci_name(fabric_dev(fabric, "r")));
	expect_logged(test, since, 0, "pci=config_acs=", NULL);
}

/* A port without ACS never forwards upstream: no remedy is logged. */
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

	expect_refused(fabric, "client", "provider", EVERY_DIR, FABRIC_BLOCKED);
	expect_logged(test, since, 1, "is refused: fabric-blocked", NULL);
	expect_logged(test, since, 0, "pci=config_acs=", NULL);
}

/* The log lists each function of the device that may redirect, once, in path order. */
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
		expect_logged(test, since, 1, pci_name(client), names);
	}
}

/* How often the log says that a client is refused. */
static int refusals(u64 since, struct pci_dev *client)
{
	return fabric_log_count(since, pci_name(client),
				"is refused: policy-off");
}

/*
 * Without memory for the counters of a pair the transfer is refused all the same.  The
 * counters record what has been logged: without them the refusal is logged again, up
 * to the rate limit.
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
	struct fabric_sg *sg =
		fabric_sg_list(fabric, SG_PEER("provider", 0, SZ_4K));
	struct pci_dev *client, *untold = NULL;
	u64 since = fabric_log_now();
	bool failed;
	int i, ret;

	fabric_fail_begin(test, false, false);
	fabric_policy(test, "off");

	/* Allocated are a cache entry, its counters, and debugging aids of both. */
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

	/* With memory again the refusal is logged once. */
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
	KUNIT_CASE(routes_unread_below),
	KUNIT_CASE(routes_lost),
	KUNIT_CASE(routes_bridge_function),
	KUNIT_CASE(routes_quirk),
	KUNIT_CASE(routes_encrypted),
	KUNIT_CASE(routes_ats),
	KUNIT_CASE(routes_translation_blocking),
	KUNIT_CASE(routes_ats_per_mapping),
	KUNIT_CASE(routes_ats_identity),
	KUNIT_CASE(routes_ats_offset),
	KUNIT_CASE(routes_ats_offset_translated),
	KUNIT_CASE(routes_tlp),
	KUNIT_CASE(routes_payload_size),
	KUNIT_CASE(routes_payload_by_root),
	KUNIT_CASE(routes_payload_translated),
	KUNIT_CASE(routes_tag_width),
	KUNIT_CASE_SLOW(routes_loopback),
	KUNIT_CASE(routes_loopback_translated),
	KUNIT_CASE(routes_bridge_memory),
	KUNIT_CASE(routes_bridge_memory_translated),
	KUNIT_CASE(routes_behind_function),
	KUNIT_CASE(routes_decode),
	KUNIT_CASE(routes_asleep),
	KUNIT_CASE(routes_distance_asleep),
	KUNIT_CASE(routes_distance_saved),
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
