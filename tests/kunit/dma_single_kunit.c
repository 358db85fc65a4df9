// SPDX-License-Identifier: GPL-2.0
/*
 * Single mappings: dma_map_page(), dma_map_phys() and dma_map_resource(), through
 * dma-direct, dma-iommu and other dma_map_ops.
 *
 * That a piece of registered memory takes the route that a list takes is looked at
 * for every route that any suite expects: fabric_expect_route() maps it by every
 * call.  Here is what is particular to single mappings: memory that nobody has
 * registered, and an unmap that has only an address.  "Defect N" is a defect of the
 * plain 6.12 kernel that must not come back.
 */
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/kmsg_dump.h>
#include <linux/memremap.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/swiotlb.h>

#include "../../drivers/pci/pci.h"
#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"
#include "fabric_single.h"
#include "mock_cache.h"
#include "mock_iommu.h"
#include "mock_ops.h"
#include "oracle.h"

static const char picture[] =
	"host bus=0x80000000\n"
	"  rp r\n"
	"    up\n"
	"      dp c\n"
	"        ep client bar0=2M\n"
	"      dp p\n"
	"        ep across bar0=2M bar2=4M\n"
	"  rp\n"
	"    ep beside bar0=2M bar2=2M\n"
	"host bus=0x600000000000\n"
	"  rp\n"
	"    ep far bar0=2M bar2=2M\n";

/* What maps.  OPS is last: it maps no single piece of peer memory. */
enum via { DIRECT, IOMMU, OPS, NR_VIAS };

/* The verdict where the others map through the host bridge. */
static enum pci_p2pdma_map_type through_host(enum via via)
{
	return via == OPS ? PCI_P2PDMA_MAP_NOT_SUPPORTED :
			    PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
}

struct setting {
	struct fabric *fabric;
	struct pci_dev *client;
	struct mock_iommu *iommu;
	struct mock_ops *ops;
};

/* In every BAR 0 but the client's is registered memory, in BAR 2 there is none. */
static struct setting set_up(struct kunit *test, enum via via)
{
	struct setting set = {};

	if (via == IOMMU)
		set.iommu = mock_iommu_create(test, NULL);
	set.fabric = fabric_setup(test, picture, NAMES("client"),
				  NAMES("across", "beside", "far"));
	set.client = fabric_dev(set.fabric, "client");
	if (via == OPS)
		set.ops = mock_ops_install(test, set.client);
	return set;
}

static void tear_down(struct setting *set)
{
	if (set->ops)
		mock_ops_uninstall(set->ops);
	fabric_destroy(set->fabric);
	if (set->iommu)
		mock_iommu_destroy(set->iommu);
}

static phys_addr_t bar_phys(struct fabric *fabric, const char *name, int bar)
{
	return pci_resource_start(fabric_dev(fabric, name), bar);
}

/* How many lines of the log hold a text. */
static int log_lines(struct kunit *test, const char *text)
{
	struct kmsg_dump_iter iter;
	char *line = kunit_kzalloc(test, SZ_1K, GFP_KERNEL);
	int count = 0;
	size_t len;

	KUNIT_ASSERT_NOT_NULL(test, line);
	kmsg_dump_rewind(&iter);
	while (kmsg_dump_get_line(&iter, false, line, SZ_1K - 1, &len)) {
		line[len] = '\0';
		count += !!strstr(line, text);
	}
	return count;
}

/* Every kind of route, through every provider.  Defects 2 and 3. */
static void single_routes(struct kunit *test)
{
	static const enum dma_data_direction directions[] = {
		DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL,
	};
	enum via via;
	int i;

	for (via = 0; via < NR_VIAS; via++) {
		struct setting set = set_up(test, via);

		for (i = 0; i < ARRAY_SIZE(directions); i++) {
			fabric_cpu_listed(test, false);
			expect_bus(set.fabric, "client", "across",
				   directions[i], DIRECT);
			if (via == OPS)
				continue;
			expect_refused(set.fabric, "client", "beside",
				       directions[i], HOST_BRIDGE_UNTRUSTED);
			expect_refused(set.fabric, "client", "far",
				       directions[i], HOST_BRIDGE_UNTRUSTED);
			fabric_cpu_listed(test, true);
			expect_host(set.fabric, "client", "beside",
				    directions[i], NO_COMMON_PORT);
			expect_host(set.fabric, "client", "far",
				    directions[i], NO_COMMON_PORT);
		}
		fabric_policy(test, "off");
		expect_refused(set.fabric, "client", "across",
			       DMA_FROM_DEVICE, POLICY_OFF);
		fabric_policy(test, "auto");
		tear_down(&set);
	}
}

/* What goes over the host bridge is mapped as MMIO, as small as it may be. */
static void single_mmio(struct kunit *test)
{
	struct setting set = set_up(test, IOMMU);
	phys_addr_t phys = bar_phys(set.fabric, "beside", 0) + SZ_4K - 1;
	enum fabric_call call;
	dma_addr_t dma;

	fabric_cpu_listed(test, true);
	for (call = 0; call < FABRIC_NR_CALLS; call++) {
		dma = fabric_single_map(call, &set.client->dev, phys, 1,
					DMA_FROM_DEVICE);
		KUNIT_ASSERT_NE(test, DMA_MAPPING_ERROR, dma);
		KUNIT_EXPECT_EQ(test, IOMMU_WRITE | IOMMU_MMIO,
				mock_iommu_prot(&set.client->dev, dma));
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&set.iommu->live));
		oracle_expect(set.fabric, set.client, dma, 1, DMA_FROM_DEVICE,
			      phys);
		fabric_single_unmap(call, &set.client->dev, dma, 1,
				    DMA_FROM_DEVICE);
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&set.iommu->live));
	}
	KUNIT_EXPECT_EQ(test, 0, set.iommu->faults);
}

/* Part of a provider, and something else. */
static void single_edges(struct kunit *test)
{
	enum via via;

	for (via = 0; via < NR_VIAS; via++) {
		struct setting set = set_up(test, via);
		phys_addr_t end = bar_phys(set.fabric, "beside", 0) + SZ_2M;
		enum fabric_call call;

		fabric_cpu_listed(test, true);
		/* The other BAR touches it, and is not registered. */
		KUNIT_ASSERT_EQ(test, end, bar_phys(set.fabric, "beside", 2));
		for (call = 0; call < FABRIC_NR_CALLS; call++) {
			fabric_expect_call(set.fabric, call, set.client,
					   end - SZ_4K, SZ_8K, DMA_FROM_DEVICE,
					   PCI_P2PDMA_MAP_NOT_SUPPORTED,
					   __LINE__);
			fabric_expect_call(set.fabric, call, set.client,
					   end - 1, 1, DMA_FROM_DEVICE,
					   through_host(via), __LINE__);
		}
		/* Nor from the registered part of a BAR into the rest. */
		fabric_provider_part(set.fabric, "across", 2, SZ_2M, 0);
		for (call = FABRIC_RESOURCE; call <= FABRIC_MMIO; call++) {
			phys_addr_t part = bar_phys(set.fabric, "across", 2);

			fabric_expect_call(set.fabric, call, set.client,
					   part + SZ_2M - SZ_4K, SZ_8K,
					   DMA_FROM_DEVICE,
					   PCI_P2PDMA_MAP_NOT_SUPPORTED,
					   __LINE__);
		}
		/* Nor from an address in no BAR into one. */
		fabric_expect_call(set.fabric, FABRIC_RESOURCE, set.client,
				   bar_phys(set.fabric, "far", 0) - SZ_4K,
				   SZ_8K, DMA_FROM_DEVICE,
				   PCI_P2PDMA_MAP_NOT_SUPPORTED, __LINE__);
		tear_down(&set);
	}
}

/* An address as it was handed out before there were routes. */
static void expect_as_ever(struct kunit *test, struct setting *set,
			   struct device *dev, phys_addr_t phys, int line)
{
	int maps = set->iommu ? atomic_read(&set->iommu->maps) : 0;
	int calls = set->ops ? set->ops->calls[MOCK_MAP_RESOURCE] : 0;
	dma_addr_t dma = fabric_single_map(FABRIC_RESOURCE, dev, phys, SZ_4K,
					   DMA_BIDIRECTIONAL);

	KUNIT_ASSERT_NE_MSG(test, DMA_MAPPING_ERROR, dma, "line %d", line);
	if (set->iommu)
		KUNIT_EXPECT_EQ_MSG(test, maps + 1,
				    atomic_read(&set->iommu->maps),
				    "line %d", line);
	else if (set->ops)
		KUNIT_EXPECT_EQ_MSG(test, calls + 1,
				    set->ops->calls[MOCK_MAP_RESOURCE],
				    "line %d", line);
	else
		KUNIT_EXPECT_EQ_MSG(test, phys, dma, "line %d", line);
	fabric_single_unmap(FABRIC_RESOURCE, dev, dma, SZ_4K,
			    DMA_BIDIRECTIONAL);
	if (set->iommu)
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&set->iommu->live));
	if (set->ops)
		KUNIT_EXPECT_EQ(test, 0, set->ops->live);
}

/* Memory in nobody's BAR is none of our business. */
static void resource_in_no_bar(struct kunit *test)
{
	enum via via;

	for (via = 0; via < NR_VIAS; via++) {
		struct setting set = set_up(test, via);
		struct fabric_host *host = fabric_host_of(set.client);

		/* Not even of the mode. */
		fabric_policy(test, "off");
		expect_as_ever(test, &set, &set.client->dev,
			       host->window.end + 1 - SZ_1M, __LINE__);
		fabric_policy(test, "auto");
		tear_down(&set);
	}
}

/* Nobody has registered it: the route is computed all the same.  Defect 3. */
static void resource_unregistered(struct kunit *test)
{
	enum via via;

	for (via = 0; via < NR_VIAS; via++) {
		struct setting set = set_up(test, via);
		struct fabric *fabric = set.fabric;
		phys_addr_t across = bar_phys(fabric, "across", 2) + SZ_4K;
		phys_addr_t beside = bar_phys(fabric, "beside", 2) + SZ_4K;
		phys_addr_t far = bar_phys(fabric, "far", 2) + SZ_4K;
		enum fabric_call call;

		for (call = FABRIC_RESOURCE; call <= FABRIC_MMIO; call++) {
			enum pci_p2pdma_map_type bus = PCI_P2PDMA_MAP_BUS_ADDR;

			/*
			 * With other ops dma_unmap_resource() could not
			 * distinguish a bus address from one of theirs.  What
			 * dma_map_resource() always did stays: it calls
			 * ->map_resource.
			 */
			if (via == OPS)
				bus = call == FABRIC_RESOURCE ?
					PCI_P2PDMA_MAP_THRU_HOST_BRIDGE :
					PCI_P2PDMA_MAP_NOT_SUPPORTED;
			fabric_cpu_listed(test, true);
			fabric_expect_call(fabric, call, set.client, across,
					   SZ_4K, DMA_BIDIRECTIONAL, bus,
					   __LINE__);
			fabric_expect_call(fabric, call, set.client, beside,
					   SZ_4K, DMA_BIDIRECTIONAL,
					   through_host(via), __LINE__);
			fabric_expect_call(fabric, call, set.client, far,
					   SZ_4K, DMA_BIDIRECTIONAL,
					   through_host(via), __LINE__);

			/* What is not allowed, and what cannot work. */
			fabric_policy(test, "off");
			fabric_expect_call(fabric, call, set.client, beside,
					   SZ_4K, DMA_BIDIRECTIONAL,
					   PCI_P2PDMA_MAP_NOT_SUPPORTED,
					   __LINE__);
			fabric_policy(test, "switch");
			fabric_expect_call(fabric, call, set.client, beside,
					   SZ_4K, DMA_BIDIRECTIONAL,
					   PCI_P2PDMA_MAP_NOT_SUPPORTED,
					   __LINE__);
			fabric_policy(test, "deny=%s",
				      pci_name(fabric_dev(fabric, "beside")));
			fabric_expect_call(fabric, call, set.client, beside,
					   SZ_4K, DMA_BIDIRECTIONAL,
					   PCI_P2PDMA_MAP_NOT_SUPPORTED,
					   __LINE__);
			fabric_policy(test, "auto");
			fabric_set_decode(fabric, "beside", false);
			fabric_expect_call(fabric, call, set.client, beside,
					   SZ_4K, DMA_BIDIRECTIONAL,
					   PCI_P2PDMA_MAP_NOT_SUPPORTED,
					   __LINE__);
			fabric_set_decode(fabric, "beside", true);
			fabric_set_acs(fabric, "p", PCI_ACS_CR);
			fabric_expect_call(fabric, call, set.client, across,
					   SZ_4K, DMA_TO_DEVICE,
					   PCI_P2PDMA_MAP_NOT_SUPPORTED,
					   __LINE__);
			fabric_set_acs(fabric, "p", 0);

			/* And at once when it can again. */
			fabric_expect_call(fabric, call, set.client, beside,
					   SZ_4K, DMA_BIDIRECTIONAL,
					   through_host(via), __LINE__);
		}
		tear_down(&set);
	}
}

/*
 * dma_map_resource() still maps memory for which nothing says whether the route works,
 * with one warning for each pair.  dma_map_phys() refuses it.
 */
static void resource_unproven(struct kunit *test)
{
	static const char warning[] = "without a route that is known to work";
	enum via via;

	for (via = 0; via < NR_VIAS; via++) {
		struct setting set = set_up(test, via);
		const char *refusal = via == OPS ? "is refused: unmappable" :
				      "do not share an upstream bridge";
		phys_addr_t beside = bar_phys(set.fabric, "beside", 2);
		phys_addr_t far = bar_phys(set.fabric, "far", 2);
		phys_addr_t own = bar_phys(set.fabric, "client", 0);
		int warned = log_lines(test, warning);
		int refused = log_lines(test, refusal), i;

		for (i = 0; i < 3; i++) {
			expect_as_ever(test, &set, &set.client->dev, own,
				       __LINE__);
			/* No route of other ops goes through the host bridge. */
			if (via == OPS)
				continue;
			expect_as_ever(test, &set, &set.client->dev, beside,
				       __LINE__);
			expect_as_ever(test, &set, &set.client->dev, far,
				       __LINE__);
		}
		KUNIT_EXPECT_EQ(test, warned + (via == OPS ? 1 : 3),
				log_lines(test, warning));

		/* An IOMMU reaches its own memory whatever the mask. */
		if (via == IOMMU) {
			KUNIT_EXPECT_EQ(test, 0,
					dma_set_mask(&set.client->dev,
						     DMA_BIT_MASK(31)));
			expect_as_ever(test, &set, &set.client->dev, own,
				       __LINE__);
			KUNIT_EXPECT_EQ(test, 0,
					dma_set_mask(&set.client->dev,
						     DMA_BIT_MASK(64)));
		}

		/* What is not RAM was never bounced. */
		fabric_must_bounce(set.fabric, set.client, true);
		expect_as_ever(test, &set, &set.client->dev,
			       via == OPS ? own : beside, __LINE__);
		fabric_must_bounce(set.fabric, set.client, false);

		/* What was not refused keeps no refusal from the log. */
		KUNIT_EXPECT_EQ(test, refused, log_lines(test, refusal));
		fabric_expect_call(set.fabric, FABRIC_MMIO, set.client, beside,
				   SZ_4K, DMA_BIDIRECTIONAL,
				   PCI_P2PDMA_MAP_NOT_SUPPORTED, __LINE__);
		fabric_expect_call(set.fabric, FABRIC_MMIO, set.client, far,
				   SZ_4K, DMA_BIDIRECTIONAL,
				   PCI_P2PDMA_MAP_NOT_SUPPORTED, __LINE__);
		KUNIT_EXPECT_EQ(test, refused + 2, log_lines(test, refusal));
		fabric_expect_call(set.fabric, FABRIC_MMIO, set.client, own,
				   SZ_4K, DMA_BIDIRECTIONAL,
				   via == OPS ? PCI_P2PDMA_MAP_NOT_SUPPORTED :
						PCI_P2PDMA_MAP_BUS_ADDR,
				   __LINE__);
		tear_down(&set);
	}
}

/* A DMA engine of the platform writes to a BAR. */
static void resource_not_pci(struct kunit *test)
{
	static const char warning[] = "without a route that is known to work";
	struct setting set = set_up(test, DIRECT);
	phys_addr_t beside = bar_phys(set.fabric, "beside", 2);
	struct platform_device *engine;
	int before = log_lines(test, warning);

	engine = platform_device_register_simple("p2pdma-engine",
						 PLATFORM_DEVID_AUTO, NULL, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(engine));
	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(&engine->dev, DMA_BIT_MASK(64)));

	expect_as_ever(test, &set, &engine->dev, beside, __LINE__);
	expect_as_ever(test, &set, &engine->dev, beside, __LINE__);
	KUNIT_EXPECT_EQ(test, before + 1, log_lines(test, warning));
	KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
			fabric_single_map(FABRIC_MMIO, &engine->dev, beside,
					  SZ_4K, DMA_BIDIRECTIONAL));
	/* What is registered is for PCI functions alone. */
	KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
			fabric_single_map(FABRIC_RESOURCE, &engine->dev,
					  bar_phys(set.fabric, "beside", 0),
					  SZ_4K, DMA_BIDIRECTIONAL));
	platform_device_unregister(engine);
}

/* What the index has for an address; to be compared, and not to be followed. */
static const struct p2pdma_provider *provider_at(phys_addr_t phys)
{
	guard(rcu)();
	return p2pdma_bar_of_phys(phys, 1);
}

/* In whose BAR is an address, as the index has it: its number, or -1. */
static int bar_at(phys_addr_t phys)
{
	struct p2pdma_provider *provider;

	guard(rcu)();
	provider = p2pdma_bar_of_phys(phys, 1);
	return IS_ERR_OR_NULL(provider) ? -1 : to_p2pdma_mem(provider)->bar;
}

static const char moving_picture[] =
	"host\n"
	"  rp\n"
	"    ep client\n"
	"  rp\n"
	"    ep mover bar0=2M bar2=2M\n"
	"  rp h\n"
	"    ep old bar0=2M\n"
	"  rp\n"
	"    ep pf vfs=2 vfbar=64K bar0=2M\n";

/* The index follows BARs that move, and functions that come and go. */
static void resource_follows_bars(struct kunit *test)
{
	struct setting set = {
		.fabric = fabric_setup(test, moving_picture, NAMES("client"),
				       NULL),
	};
	struct pci_dev *mover = fabric_dev(set.fabric, "mover");
	const struct p2pdma_provider *before;
	phys_addr_t first, second, phys;
	int low;

	set.client = fabric_dev(set.fabric, "client");
	fabric_cpu_listed(test, true);

	first = min(pci_resource_start(mover, 0), pci_resource_start(mover, 2));
	second = max(pci_resource_start(mover, 0), pci_resource_start(mover, 2));
	low = pci_resource_start(mover, 0) == first ? 0 : 2;
	KUNIT_EXPECT_EQ(test, low, bar_at(first));
	KUNIT_EXPECT_EQ(test, 2 - low, bar_at(second));
	fabric_expect_call(set.fabric, FABRIC_MMIO, set.client, first, SZ_4K,
			   DMA_BIDIRECTIONAL, PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
			   __LINE__);

	/* Written again unchanged, as on resume: the index entry stays. */
	before = provider_at(first);
	pci_update_resource(mover, 0);
	KUNIT_EXPECT_PTR_EQ(test, before, provider_at(first));

	/* They change places. */
	fabric_set_decode(set.fabric, "mover", false);
	pci_release_resource(mover, 0);
	pci_release_resource(mover, 2);
	KUNIT_EXPECT_EQ(test, -1, bar_at(first));
	KUNIT_EXPECT_EQ(test, -1, bar_at(second));
	KUNIT_EXPECT_EQ(test, 0, pci_assign_resource(mover, 2 - low));
	KUNIT_EXPECT_EQ(test, 0, pci_assign_resource(mover, low));
	fabric_set_decode(set.fabric, "mover", true);
	KUNIT_ASSERT_EQ(test, first, pci_resource_start(mover, 2 - low));
	KUNIT_EXPECT_EQ(test, 2 - low, bar_at(first));
	KUNIT_EXPECT_EQ(test, low, bar_at(second));
	fabric_expect_call(set.fabric, FABRIC_MMIO, set.client, second, SZ_4K,
			   DMA_BIDIRECTIONAL, PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
			   __LINE__);

	/* One that goes, and another in its place. */
	phys = bar_phys(set.fabric, "old", 0);
	KUNIT_EXPECT_EQ(test, 0, bar_at(phys));
	fabric_unplug(set.fabric, "old");
	KUNIT_EXPECT_EQ(test, -1, bar_at(phys));
	expect_as_ever(test, &set, &set.client->dev, phys, __LINE__);
	fabric_plug(set.fabric, "h", "ep new bar1=2M id=1fab:0002\n");
	KUNIT_ASSERT_EQ(test, phys, bar_phys(set.fabric, "new", 1));
	KUNIT_EXPECT_EQ(test, 1, bar_at(phys));
	fabric_expect_call(set.fabric, FABRIC_MMIO, set.client, phys, SZ_4K,
			   DMA_BIDIRECTIONAL, PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
			   __LINE__);

	/* Virtual functions. */
	fabric_enable_vfs(set.fabric, "pf", 2);
	phys = bar_phys(set.fabric, "pf.vf1", 0);
	KUNIT_EXPECT_EQ(test, 0, bar_at(phys));
	fabric_expect_call(set.fabric, FABRIC_MMIO, set.client, phys, SZ_4K,
			   DMA_BIDIRECTIONAL, PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
			   __LINE__);
	fabric_enable_vfs(set.fabric, "pf", 0);
	KUNIT_EXPECT_EQ(test, -1, bar_at(phys));
}

/* Pages are never looked up by BAR: those of a DAX window are pages like any. */
static void page_in_a_bar(struct kunit *test)
{
	struct setting set = set_up(test, DIRECT);
	struct pci_dev *beside = fabric_dev(set.fabric, "beside");
	struct dev_pagemap pgmap = {
		.type = MEMORY_DEVICE_GENERIC,
		.range.start = pci_resource_start(beside, 2),
		.range.end = pci_resource_end(beside, 2),
		.nr_range = 1,
	};
	phys_addr_t phys = pgmap.range.start + SZ_4K;
	dma_addr_t dma;
	void *addr;

	addr = memremap_pages(&pgmap, NUMA_NO_NODE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(addr));
	fabric_policy(test, "off");
	dma = fabric_single_map(FABRIC_PAGE, &set.client->dev, phys, SZ_4K,
				DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, phys, dma);
	if (dma != DMA_MAPPING_ERROR)
		fabric_single_unmap(FABRIC_PAGE, &set.client->dev, dma, SZ_4K,
				    DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
			fabric_single_map(FABRIC_RESOURCE, &set.client->dev,
					  phys, SZ_4K, DMA_FROM_DEVICE));
	memunmap_pages(&pgmap);
	fabric_policy(test, "auto");
}

/* RAM is what it was, with or without providers, by either name. */
static void single_ram(struct kunit *test)
{
	enum via via;
	int cache;

	for (via = 0; via < NR_VIAS; via++) {
		struct setting set = set_up(test, via);
		void *buf = kzalloc(SZ_8K, GFP_KERNEL);
		enum fabric_call call;
		dma_addr_t dma;

		KUNIT_ASSERT_NOT_NULL(test, buf);
		cache = dev_is_dma_coherent(&set.client->dev) ? IOMMU_CACHE : 0;
		for (call = FABRIC_PAGE; call <= FABRIC_PHYS; call++) {
			mock_cache_forget();
			dma = fabric_single_map(call, &set.client->dev,
						virt_to_phys(buf) + 8, SZ_4K,
						DMA_FROM_DEVICE);
			KUNIT_ASSERT_NE(test, DMA_MAPPING_ERROR, dma);
			if (via == DIRECT)
				KUNIT_EXPECT_EQ(test, dma,
						virt_to_phys(buf) + 8);
			if (via == IOMMU)
				KUNIT_EXPECT_EQ(test, IOMMU_WRITE | cache,
						mock_iommu_prot(&set.client->dev,
								dma));
			fabric_single_sync(call, &set.client->dev, dma, SZ_4K,
					   DMA_FROM_DEVICE);
			fabric_single_unmap(call, &set.client->dev, dma, SZ_4K,
					    DMA_FROM_DEVICE);
			/* All of it twice, and one byte once. */
			mock_cache_expect(test, &set.client->dev, "RAM",
					  2 * SZ_4K + 1, 2 * SZ_4K + 1);
		}
		if (via == OPS) {
			KUNIT_EXPECT_EQ(test, 2, set.ops->calls[MOCK_MAP_PAGE]);
			KUNIT_EXPECT_EQ(test, 2,
					set.ops->calls[MOCK_UNMAP_PAGE]);
			KUNIT_EXPECT_EQ(test, 8,
					set.ops->calls[MOCK_SYNC_SINGLE]);
			KUNIT_EXPECT_EQ(test, 0,
					set.ops->calls[MOCK_MAP_RESOURCE]);
		}
		kfree(buf);
		tear_down(&set);
	}
}

/* The BARs of functions below VMD lie inside a BAR of VMD itself. */
static void resource_nested_bars(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp\n"
		"    ep outer bar0=16M\n"
		"  rp\n"
		"    ep inner bar0=2M\n"
		"  rp\n"
		"    ep innermost bar0=1M\n");
	struct pci_dev *outer = fabric_dev(fabric, "outer");
	struct pci_dev *inner = fabric_dev(fabric, "inner");
	struct pci_dev *innermost = fabric_dev(fabric, "innermost");
	struct resource saved_innermost = innermost->resource[0];
	phys_addr_t start = pci_resource_start(outer, 0);
	struct resource saved = inner->resource[0];
	struct p2pdma_provider *across;
	struct device *owner[6];

	inner->resource[0].start = start + SZ_4M;
	inner->resource[0].end = start + SZ_4M + SZ_2M - 1;
	innermost->resource[0].start = start + SZ_4M + SZ_1M;
	innermost->resource[0].end = start + SZ_4M + SZ_2M - 1;

	pci_p2pdma_bars_changed(innermost);
	pci_p2pdma_bars_changed(inner);
	scoped_guard(rcu)
		owner[4] = p2pdma_bar_of_phys(start + SZ_4M + SZ_1M, SZ_4K)->owner;
	/* The address of a BAR that is not claimed is not in use: the next one counts. */
	innermost->resource[0].parent = NULL;
	scoped_guard(rcu)
		owner[5] = p2pdma_bar_of_phys(start + SZ_4M + SZ_1M, SZ_4K)->owner;
	innermost->resource[0] = saved_innermost;
	pci_p2pdma_bars_changed(innermost);
	scoped_guard(rcu) {
		owner[0] = p2pdma_bar_of_phys(start, SZ_4K)->owner;
		owner[1] = p2pdma_bar_of_phys(start + SZ_4M, SZ_2M)->owner;
		owner[2] = p2pdma_bar_of_phys(start + SZ_8M, SZ_4K)->owner;
		across = p2pdma_bar_of_phys(start + SZ_4M - SZ_4K, SZ_8K);
	}
	inner->resource[0] = saved;
	pci_p2pdma_bars_changed(inner);
	scoped_guard(rcu)
		owner[3] = p2pdma_bar_of_phys(start + SZ_4M, SZ_2M)->owner;

	KUNIT_EXPECT_PTR_EQ(test, owner[0], &outer->dev);
	KUNIT_EXPECT_PTR_EQ(test, owner[1], &inner->dev);
	KUNIT_EXPECT_PTR_EQ(test, owner[2], &outer->dev);
	KUNIT_EXPECT_PTR_EQ(test, owner[3], &outer->dev);
	KUNIT_EXPECT_PTR_EQ(test, owner[4], &innermost->dev);
	KUNIT_EXPECT_PTR_EQ(test, owner[5], &inner->dev);
	KUNIT_EXPECT_EQ(test, PTR_ERR(across), -EINVAL);
}

/* For want of memory what was known of a BAR stays, and can be made good. */
static void resource_bars_no_memory(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp\n"
		"    ep outer bar0=16M\n"
		"  rp\n"
		"    ep inner bar0=2M\n");
	struct pci_dev *outer = fabric_dev(fabric, "outer");
	struct pci_dev *inner = fabric_dev(fabric, "inner");
	phys_addr_t start = pci_resource_start(outer, 0);
	struct resource saved = inner->resource[0];
	struct device *owner[2];

	fabric_fail_begin(test, true, false);
	inner->resource[0].start = start + SZ_4M;
	inner->resource[0].end = start + SZ_4M + SZ_2M - 1;
	fabric_fail_nth(0);
	pci_p2pdma_bars_changed(inner);
	KUNIT_EXPECT_TRUE(test, fabric_failed_nth());
	scoped_guard(rcu)
		owner[0] = p2pdma_bar_of_phys(start + SZ_4M, SZ_2M)->owner;
	pci_p2pdma_bars_changed(inner);
	scoped_guard(rcu)
		owner[1] = p2pdma_bar_of_phys(start + SZ_4M, SZ_2M)->owner;
	inner->resource[0] = saved;
	pci_p2pdma_bars_changed(inner);
	KUNIT_EXPECT_PTR_EQ(test, owner[0], &outer->dev);
	KUNIT_EXPECT_PTR_EQ(test, owner[1], &inner->dev);
}

/* A client that forms addresses of 30 bits gets none that is longer. */
static void single_short_addresses(struct kunit *test)
{
	struct setting set = set_up(test, IOMMU);
	phys_addr_t phys = bar_phys(set.fabric, "beside", 0) + SZ_64K;
	enum fabric_call call;
	dma_addr_t dma;

	fabric_cpu_listed(test, true);
	KUNIT_ASSERT_EQ(test, 0,
			dma_set_mask(&set.client->dev, DMA_BIT_MASK(30)));
	for (call = 0; call < FABRIC_NR_CALLS; call++) {
		dma = fabric_single_map(call, &set.client->dev, phys, SZ_8K,
					DMA_FROM_DEVICE);
		KUNIT_ASSERT_NE(test, DMA_MAPPING_ERROR, dma);
		KUNIT_EXPECT_LE(test, dma + SZ_8K - 1, DMA_BIT_MASK(30));
		oracle_expect(set.fabric, set.client, dma, SZ_8K,
			      DMA_FROM_DEVICE, phys);
		fabric_single_unmap(call, &set.client->dev, dma, SZ_8K,
				    DMA_FROM_DEVICE);
	}
}

/* dma_map_phys() without DMA_ATTR_MMIO is for what has pages. */
static void phys_without_pages(struct kunit *test)
{
	struct setting set = set_up(test, DIRECT);
	phys_addr_t phys = bar_phys(set.fabric, "across", 2);

	KUNIT_ASSERT_FALSE(test, pfn_valid(PHYS_PFN(phys)));
	kunit_info(test, "expect: dma-phys.h");
	KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
			fabric_single_map(FABRIC_PHYS, &set.client->dev, phys,
					  SZ_4K, DMA_FROM_DEVICE));
}

/* Unmapping needs nothing of the provider. */
static void single_after_the_provider(struct kunit *test)
{
	static const char * const names[] = { "across", "beside", "far" };
	dma_addr_t dma[ARRAY_SIZE(names)][FABRIC_NR_CALLS];
	enum fabric_call call;
	enum via via;
	int i;

	for (via = 0; via < OPS; via++) {
		struct setting set = set_up(test, via);

		fabric_cpu_listed(test, true);
		for (i = 0; i < ARRAY_SIZE(names); i++)
			for (call = 0; call < FABRIC_NR_CALLS; call++) {
				phys_addr_t phys = bar_phys(set.fabric,
							    names[i], 0);

				dma[i][call] =
					fabric_single_map(call,
							  &set.client->dev,
							  phys + call * SZ_4K,
							  SZ_4K,
							  DMA_FROM_DEVICE);
				KUNIT_EXPECT_NE(test, DMA_MAPPING_ERROR,
						dma[i][call]);
			}
		for (i = 0; i < ARRAY_SIZE(names); i++)
			fabric_unplug(set.fabric, names[i]);
		for (i = 0; i < ARRAY_SIZE(names); i++)
			for (call = 0; call < FABRIC_NR_CALLS; call++) {
				fabric_single_sync(call, &set.client->dev,
						   dma[i][call], SZ_4K,
						   DMA_FROM_DEVICE);
				fabric_single_unmap(call, &set.client->dev,
						    dma[i][call], SZ_4K,
						    DMA_FROM_DEVICE);
			}
		if (set.iommu)
			KUNIT_EXPECT_EQ(test, 0, atomic_read(&set.iommu->live));
		tear_down(&set);
	}
}

/*
 * The windows of a host bridge are kept clear for the first device of a domain.  To
 * another device of the same domain, below another host bridge, a bus address would
 * look like an IOVA, and the other way round.
 */
static void single_windows_unreserved(struct kunit *test)
{
	struct mock_iommu_config config = { .shared = true };
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = fabric_setup(test,
		"host bus=0x80000000\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep first\n"
		"      dp\n"
		"        ep near bar0=2M\n"
		"host bus=0xa0000000\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep second\n"
		"      dp\n"
		"        ep there bar0=2M\n",
		NAMES("first", "second"), NAMES("near", "there"));
	struct pci_dev *first = fabric_dev(fabric, "first");
	struct pci_dev *second = fabric_dev(fabric, "second");
	phys_addr_t near = bar_phys(fabric, "near", 0);
	phys_addr_t there = bar_phys(fabric, "there", 0);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 1);

	fabric_cpu_listed(test, true);
	KUNIT_ASSERT_PTR_EQ(test, iommu_get_dma_domain(&first->dev),
			    iommu_get_dma_domain(&second->dev));
	KUNIT_EXPECT_TRUE(test, iommu_dma_windows_reserved(&first->dev));
	KUNIT_EXPECT_FALSE(test, iommu_dma_windows_reserved(&second->dev));

	/* Different routes to one provider, in one domain. */
	fabric_expect_single(fabric, first, near, SZ_4K, DMA_BIDIRECTIONAL,
			     PCI_P2PDMA_MAP_BUS_ADDR, __LINE__);
	fabric_expect_single(fabric, second, near, SZ_4K, DMA_BIDIRECTIONAL,
			     PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, __LINE__);
	fabric_expect_single(fabric, first, there, SZ_4K, DMA_BIDIRECTIONAL,
			     PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, __LINE__);
	/* Where only the list could tell. */
	fabric_expect_single(fabric, second, there, SZ_4K, DMA_BIDIRECTIONAL,
			     PCI_P2PDMA_MAP_NOT_SUPPORTED, __LINE__);
	fabric_sg_peer(sg, "there", 0, SZ_4K);
	KUNIT_EXPECT_EQ(test, 0, fabric_sg_map(sg, second, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_TRUE(test, sg_dma_is_bus_address(sg->table.sgl));
	fabric_sg_unmap(sg);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
}

/*
 * A host bridge that translates its windows: the bus addresses below it are those of
 * RAM, or of memory beyond RAM.
 */
static struct fabric *create_translating(struct kunit *test, u64 bus)
{
	char host[64];

	snprintf(host, sizeof(host), "mem=64M bus=%#llx", bus);
	return fabric_switch_on(test, host);
}

/* By every call, and as a list. */
static void expect_as_mapped(struct fabric *fabric, const char *name,
			     enum pci_p2pdma_map_type type, bool page, int line)
{
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 1);
	phys_addr_t phys = bar_phys(fabric, name, 0);
	enum fabric_call call;

	for (call = 0; call < FABRIC_NR_CALLS; call++)
		fabric_expect_call(fabric, call, client, phys, SZ_4K,
				   DMA_BIDIRECTIONAL,
				   page || call > FABRIC_PHYS ? type :
					PCI_P2PDMA_MAP_NOT_SUPPORTED, line);
	fabric_sg_peer(sg, name, 0, SZ_4K);
	KUNIT_EXPECT_EQ_MSG(fabric->test, 0,
			    fabric_sg_map(sg, client, DMA_BIDIRECTIONAL),
			    "line %d", line);
	fabric_sg_unmap(sg);
}

/*
 * To dma_unmap_page() a DMA address of dma-direct is RAM if it can be turned into the
 * address of RAM.  A list has flags, and dma_unmap_resource() undoes nothing.
 */
static void single_looks_like_ram(struct kunit *test)
{
	const phys_addr_t ram = SZ_256M;
	const struct bus_dma_region *regions;
	struct bus_dma_region region[3] = {};
	u64 since = fabric_log_now();
	struct pci_dev *client;
	struct fabric *fabric;

	if (!pfn_valid(PHYS_PFN(ram)))
		kunit_skip(test, "there is no RAM at 256 MiB");
	/* Across the switch, over the host bridge, and the client's own. */
	fabric = create_translating(test, ram);
	fabric_cpu_listed(test, true);
	client = fabric_dev(fabric, "client");
	fabric_provider(fabric, "client", 0);
	expect_as_mapped(fabric, "provider", PCI_P2PDMA_MAP_BUS_ADDR, false,
			 __LINE__);
	expect_as_mapped(fabric, "beside", PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
			 false, __LINE__);
	expect_as_mapped(fabric, "client", PCI_P2PDMA_MAP_BUS_ADDR, false,
			 __LINE__);
	expect_logged(test, since, 3, pci_name(client),
		      "is refused: window-unreserved");

	/*
	 * The client's bus sees RAM at another address, so that these are those of
	 * nothing.
	 */
	region[0].cpu_start = ram;
	region[0].dma_start = BIT_ULL(40);
	region[0].size = SZ_64M;
	regions = client->dev.dma_range_map;
	client->dev.dma_range_map = region;
	expect_as_mapped(fabric, "provider", PCI_P2PDMA_MAP_BUS_ADDR, true,
			 __LINE__);
	/* Or some of them are RAM by way of its second region. */
	region[1].cpu_start = ram;
	region[1].dma_start = pci_bus_address(fabric_dev(fabric, "provider"), 0) +
			      SZ_1M;
	region[1].size = SZ_1M;
	p2pdma_invalidate(P2PDMA_BY_DEVICE_ADDED);
	expect_as_mapped(fabric, "provider", PCI_P2PDMA_MAP_BUS_ADDR, false,
			 __LINE__);
	client->dev.dma_range_map = regions;
	fabric_destroy(fabric);

	/* Translated, and no RAM is there. */
	fabric = create_translating(test, 0x700000000000);
	fabric_cpu_listed(test, true);
	expect_as_mapped(fabric, "provider", PCI_P2PDMA_MAP_BUS_ADDR, true,
			 __LINE__);
	expect_as_mapped(fabric, "beside", PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
			 true, __LINE__);
}

/*
 * Of the addresses that the bus addresses of a BAR are turned into, the first are
 * another provider's, and only the last have pages that are no peer memory.
 */
static void single_ends_like_ram(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host mem=64M bus=0x700000000000\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep client\n"
		"      dp\n"
		"        ep provider bar0=4M\n"
		"  rp\n"
		"    ep beside bar0=2M bar2=2M\n",
		NAMES("client"), NAMES("provider", "beside"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *beside = fabric_dev(fabric, "beside");
	const struct bus_dma_region *regions = client->dev.dma_range_map;
	struct bus_dma_region region[2] = {
		{
			.cpu_start = pci_resource_start(beside, 0),
			.dma_start = pci_bus_address(fabric_dev(fabric,
								"provider"), 0),
			.size = SZ_4M,
		},
	};
	struct dev_pagemap pgmap = {
		.type = MEMORY_DEVICE_GENERIC,
		.range.start = pci_resource_start(beside, 2),
		.range.end = pci_resource_end(beside, 2),
		.nr_range = 1,
	};

	KUNIT_ASSERT_EQ(test, pgmap.range.start,
			pci_resource_end(beside, 0) + 1);
	client->dev.dma_range_map = region;
	expect_as_mapped(fabric, "provider", PCI_P2PDMA_MAP_BUS_ADDR, true,
			 __LINE__);
	KUNIT_ASSERT_FALSE(test, IS_ERR(memremap_pages(&pgmap, NUMA_NO_NODE)));
	p2pdma_invalidate(P2PDMA_BY_DEVICE_ADDED);
	expect_as_mapped(fabric, "provider", PCI_P2PDMA_MAP_BUS_ADDR, false,
			 __LINE__);
	memunmap_pages(&pgmap);
	client->dev.dma_range_map = regions;
}

/* Memory that a root bus came by after its windows were kept clear of IOVAs. */
static void single_outside_windows(struct kunit *test)
{
	struct setting set = set_up(test, IOMMU);
	struct pci_host_bridge *bridge = pci_find_host_bridge(set.client->bus);
	phys_addr_t across = bar_phys(set.fabric, "across", 0);
	struct resource_entry *entry, *window = NULL;
	enum fabric_call call;

	fabric_expect_single(set.fabric, set.client, across, SZ_4K,
			     DMA_BIDIRECTIONAL, PCI_P2PDMA_MAP_BUS_ADDR,
			     __LINE__);
	resource_list_for_each_entry(entry, &bridge->windows)
		if (resource_type(entry->res) == IORESOURCE_MEM)
			window = entry;
	KUNIT_ASSERT_NOT_NULL(test, window);
	list_del(&window->node);
	/* On a machine a BAR outside the windows would come with a new device. */
	p2pdma_invalidate(P2PDMA_BY_DEVICE_ADDED);
	for (call = 0; call < FABRIC_NR_CALLS; call++)
		KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
				fabric_single_map(call, &set.client->dev, across,
						  SZ_4K, DMA_BIDIRECTIONAL));
	list_add_tail(&window->node, &bridge->windows);
	p2pdma_invalidate(P2PDMA_BY_DEVICE_ADDED);
	fabric_expect_single(set.fabric, set.client, across, SZ_4K,
			     DMA_BIDIRECTIONAL, PCI_P2PDMA_MAP_BUS_ADDR,
			     __LINE__);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&set.iommu->live));
	tear_down(&set);
}

/* A client on an external port gets whole pages of the IOMMU or nothing. */
static void single_untrusted(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp external\n"
		"    ep client\n"
		"  rp\n"
		"    ep inside bar0=2M\n",
		NAMES("client"), NAMES("inside"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	phys_addr_t phys = bar_phys(fabric, "inside", 0);

	fabric_cpu_listed(test, true);
	KUNIT_ASSERT_TRUE(test, client->untrusted);
	fabric_expect_single(fabric, client, phys, SZ_8K, DMA_FROM_DEVICE,
			     PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, __LINE__);
	fabric_expect_single(fabric, client, phys, 512, DMA_FROM_DEVICE,
			     PCI_P2PDMA_MAP_NOT_SUPPORTED, __LINE__);
	fabric_expect_single(fabric, client, phys + 512, SZ_4K, DMA_FROM_DEVICE,
			     PCI_P2PDMA_MAP_NOT_SUPPORTED, __LINE__);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

/* A domain that the device is attached to when it first maps. */
static void single_deferred(struct kunit *test)
{
	struct mock_iommu_config config = { .deferred = true, .lazy = true };
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = fabric_setup(test, picture, NAMES("client"),
					     NAMES("across", "beside", "far"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	phys_addr_t phys = bar_phys(fabric, "beside", 0);
	enum fabric_call call;

	fabric_cpu_listed(test, true);
	mock->fail_attach = true;
	for (call = 0; call < FABRIC_NR_CALLS; call++)
		KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
				fabric_single_map(call, &client->dev, phys,
						  SZ_4K, DMA_FROM_DEVICE));
	mock->fail_attach = false;
	KUNIT_EXPECT_EQ(test, 0, mock->attaches);
	fabric_expect_single(fabric, client, phys, SZ_4K, DMA_FROM_DEVICE,
			     PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, __LINE__);
	KUNIT_EXPECT_EQ(test, 1, mock->attaches);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

/* The IOMMU has no memory for its page tables. */
static void single_fails(struct kunit *test)
{
	struct setting set = set_up(test, IOMMU);
	phys_addr_t phys = bar_phys(set.fabric, "beside", 0);
	enum fabric_call call;

	fabric_cpu_listed(test, true);
	for (call = 0; call < FABRIC_NR_CALLS; call++) {
		mock_iommu_fail(set.iommu, 0, -ENOMEM);
		KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
				fabric_single_map(call, &set.client->dev, phys,
						  SZ_4K, DMA_FROM_DEVICE));
		mock_iommu_fail(set.iommu, -1, 0);
		fabric_expect_call(set.fabric, call, set.client, phys, SZ_4K,
				   DMA_FROM_DEVICE,
				   PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, __LINE__);
	}
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&set.iommu->live));
	tear_down(&set);
}

/* A single mapping of registered memory is refused by every call, and why. */
static void expect_refusal(struct kunit *test, struct setting *set,
			   const char *name, enum pci_p2pdma_reason reason)
{
	phys_addr_t phys = bar_phys(set->fabric, name, 0);
	struct pci_p2pdma_route route;
	enum fabric_call call;

	scoped_guard(rcu)
		pci_p2pdma_map_route(pci_p2pdma_provider_of_phys(phys, SZ_4K),
				     &set->client->dev, DMA_FROM_DEVICE, true,
				     &route);
	KUNIT_EXPECT_EQ(test, PCI_P2PDMA_MAP_NOT_SUPPORTED, route.type);
	KUNIT_EXPECT_STREQ(test, pci_p2pdma_reason_name(reason),
			   pci_p2pdma_reason_name(route.reason));
	for (call = 0; call < FABRIC_NR_CALLS; call++)
		fabric_expect_call(set->fabric, call, set->client, phys, SZ_4K,
				   DMA_FROM_DEVICE,
				   PCI_P2PDMA_MAP_NOT_SUPPORTED, __LINE__);
}

/*
 * Other operations are called for no single piece of registered memory.  Every address
 * that they return is theirs to sync and to unmap.
 */
static void ops_refuse(struct kunit *test)
{
	struct setting set = set_up(test, OPS);
	struct pci_dev *across = fabric_dev(set.fabric, "across");
	enum mock_ops_call call;

	fabric_cpu_listed(test, true);
	expect_refusal(test, &set, "across", PCI_P2PDMA_WINDOW_UNRESERVED);
	expect_refusal(test, &set, "beside", PCI_P2PDMA_UNMAPPABLE);
	expect_refusal(test, &set, "far", PCI_P2PDMA_UNMAPPABLE);
	for (call = 0; call < MOCK_NR_CALLS; call++)
		KUNIT_EXPECT_EQ_MSG(test, 0, set.ops->calls[call], "call %d",
				    call);

	/* Even an address that is also that of a BAR on the bus. */
	KUNIT_EXPECT_FALSE(test,
			   __dma_p2pdma_is_peer(&set.client->dev,
						pci_bus_address(across, 0)));
}

/*
 * The first, second, third ... allocation fails, while the route is not cached.
 * (In another direction DMA-API debug allocates too, and ends if it may not.)
 */
static void single_allocation_fails(struct kunit *test)
{
	enum via via;

	fabric_fail_begin(test, false, true);
	for (via = 0; via < OPS; via++) {
		struct setting set = set_up(test, via);
		phys_addr_t phys = bar_phys(set.fabric, "beside", 0);
		enum fabric_call call;

		fabric_cpu_listed(test, true);
		for (call = 0; call < FABRIC_NR_CALLS; call++) {
			bool failed = true;
			dma_addr_t dma;
			int step;

			for (step = 0; failed && step < 100; step++) {
				p2pdma_invalidate(P2PDMA_BY_POLICY);
				fabric_fail_nth(step);
				dma = fabric_single_map(call, &set.client->dev,
							phys, SZ_4K,
							DMA_TO_DEVICE);
				failed = fabric_failed_nth();
				if (!failed)
					KUNIT_EXPECT_NE(test, DMA_MAPPING_ERROR,
							dma);
				if (dma == DMA_MAPPING_ERROR)
					continue;
				oracle_expect(set.fabric, set.client, dma, SZ_4K,
					      DMA_TO_DEVICE, phys);
				fabric_single_unmap(call, &set.client->dev, dma,
						    SZ_4K, DMA_TO_DEVICE);
			}
			/* At the least, that of the route cache entry. */
			KUNIT_EXPECT_GE(test, step, 2);
			KUNIT_EXPECT_FALSE(test, failed);
			if (set.iommu)
				KUNIT_EXPECT_EQ(test, 0,
						atomic_read(&set.iommu->live));
		}
		tear_down(&set);
	}
}

/* All calls in atomic context, with the route cached and without. */
static void single_atomic(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	enum via via;

	for (via = 0; via < NR_VIAS; via++) {
		struct setting set = set_up(test, via);
		phys_addr_t registered = bar_phys(set.fabric, "beside", 0);
		phys_addr_t other = bar_phys(set.fabric, "beside", 2);
		struct device *dev = &set.client->dev;
		dma_addr_t dma[2][FABRIC_NR_CALLS] = {};
		enum fabric_call call;
		unsigned long flags;

		fabric_cpu_listed(test, true);
		spin_lock_irqsave(&lock, flags);
		for (call = 0; call < FABRIC_NR_CALLS; call++) {
			dma[0][call] = fabric_single_map(call, dev, registered +
							 call * SZ_4K, SZ_4K,
							 DMA_FROM_DEVICE);
			if (call >= FABRIC_RESOURCE)
				dma[1][call] = fabric_single_map(call, dev,
								 other + call *
								 SZ_4K, SZ_4K,
								 DMA_FROM_DEVICE);
		}
		for (call = 0; call < FABRIC_NR_CALLS; call++) {
			if (dma[0][call] != DMA_MAPPING_ERROR)
				fabric_single_unmap(call, dev, dma[0][call],
						    SZ_4K, DMA_FROM_DEVICE);
			if (call >= FABRIC_RESOURCE &&
			    dma[1][call] != DMA_MAPPING_ERROR)
				fabric_single_unmap(call, dev, dma[1][call],
						    SZ_4K, DMA_FROM_DEVICE);
		}
		spin_unlock_irqrestore(&lock, flags);
		for (call = 0; call < FABRIC_NR_CALLS; call++) {
			KUNIT_EXPECT_EQ(test, via == OPS,
					dma[0][call] == DMA_MAPPING_ERROR);
			if (call >= FABRIC_RESOURCE)
				KUNIT_EXPECT_EQ(test, via == OPS,
						dma[1][call] ==
						DMA_MAPPING_ERROR);
		}
		tear_down(&set);
	}
}

static struct kunit_case dma_single_cases[] = {
	KUNIT_CASE_SLOW(single_routes),
	KUNIT_CASE(single_mmio),
	KUNIT_CASE(single_edges),
	KUNIT_CASE(single_ram),
	KUNIT_CASE(single_after_the_provider),
	KUNIT_CASE(single_windows_unreserved),
	KUNIT_CASE(single_outside_windows),
	KUNIT_CASE(single_looks_like_ram),
	KUNIT_CASE(single_ends_like_ram),
	KUNIT_CASE(single_untrusted),
	KUNIT_CASE(single_deferred),
	KUNIT_CASE(single_fails),
	KUNIT_CASE(single_allocation_fails),
	KUNIT_CASE(single_atomic),
	KUNIT_CASE(resource_in_no_bar),
	KUNIT_CASE_SLOW(resource_unregistered),
	KUNIT_CASE(resource_unproven),
	KUNIT_CASE(resource_not_pci),
	KUNIT_CASE(resource_follows_bars),
	KUNIT_CASE(resource_nested_bars),
	KUNIT_CASE(resource_bars_no_memory),
	KUNIT_CASE(single_short_addresses),
	KUNIT_CASE(page_in_a_bar),
	KUNIT_CASE(phys_without_pages),
	KUNIT_CASE(ops_refuse),
	{}
};

static struct kunit_suite dma_single_suite = {
	.name = "dma_single",
	.test_cases = dma_single_cases,
};

/* Defect 11: the same for clients that are not coherent; see mock_cache.h. */
static struct kunit_case dma_single_not_coherent_cases[] = {
	KUNIT_CASE_SLOW(single_routes),
	KUNIT_CASE(single_edges),
	KUNIT_CASE(single_ram),
	KUNIT_CASE(single_after_the_provider),
	KUNIT_CASE(single_outside_windows),
	KUNIT_CASE(single_looks_like_ram),
	KUNIT_CASE(single_ends_like_ram),
	KUNIT_CASE(single_untrusted),
	KUNIT_CASE(single_deferred),
	KUNIT_CASE(single_fails),
	KUNIT_CASE_SLOW(resource_unregistered),
	KUNIT_CASE(resource_follows_bars),
	KUNIT_CASE(ops_refuse),
	{}
};

static struct kunit_suite dma_single_not_coherent_suite = {
	.name = "dma_single_not_coherent",
	.init = mock_cache_not_coherent,
	.test_cases = dma_single_not_coherent_cases,
};

kunit_test_suites(&dma_single_suite, &dma_single_not_coherent_suite);
