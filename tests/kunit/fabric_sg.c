// SPDX-License-Identifier: GPL-2.0
/*
 * Scatterlists for tests: see fabric_sg.h.
 */
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/iommu-dma.h>
#include <linux/slab.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_sg.h"
#include "fabric_single.h"
#include "mock_cache.h"
#include "mock_iommu.h"
#include "mock_ops.h"
#include "oracle.h"

/* What an earlier mapping may have left behind. */
#define FABRIC_SG_STALE_DMA	0x0123456789abcdefULL
#define FABRIC_SG_STALE_LEN	0x5a5a5a5a
#define FABRIC_SG_STALE_FLAGS	(SG_DMA_BUS_ADDRESS | SG_DMA_SWIOTLB | \
				 SG_DMA_P2PDMA | SG_DMA_MMIO | \
				 SG_DMA_P2PDMA_RANGE | SG_DMA_P2PDMA_DIRECT | \
				 SG_DMA_P2PDMA_BUS | SG_DMA_P2PDMA_MMIO | \
				 SG_DMA_P2PDMA_JOINED)

static void fabric_sg_free_ram(struct fabric_sg *sg)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &sg->ram, lru)
		__free_pages(page, page_private(page));
	INIT_LIST_HEAD(&sg->ram);
}

static void fabric_sg_free(void *data)
{
	struct fabric_sg *sg = data;

	if (sg->client)
		dma_unmap_sgtable(&sg->client->dev, &sg->table, sg->dir, 0);
	fabric_sg_free_ram(sg);
	sg->table.orig_nents = sg->max;
	sg_free_table(&sg->table);
	kvfree(sg->want);
	kfree(sg);
}

/**
 * fabric_sg_alloc - make an empty list
 * @fabric: where its peer memory is
 * @max: how many entries it may get
 *
 * Return: the list, which goes with the test, and is unmapped then.
 */
struct fabric_sg *fabric_sg_alloc(struct fabric *fabric, unsigned int max)
{
	struct kunit *test = fabric->test;
	struct fabric_sg *sg = kzalloc(sizeof(*sg), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sg);
	sg->fabric = fabric;
	sg->max = max;
	INIT_LIST_HEAD(&sg->ram);
	KUNIT_ASSERT_EQ(test, 0, sg_alloc_table(&sg->table, max, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, fabric_sg_free, sg));
	sg->want = kvcalloc(max, sizeof(*sg->want), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sg->want);
	fabric_sg_clear(sg);
	return sg;
}

/**
 * fabric_sg_entry - one entry of a list
 * @sg: the list
 * @index: its number
 *
 * Return: the entry.
 */
struct scatterlist *fabric_sg_entry(struct fabric_sg *sg, int index)
{
	struct scatterlist *entry = sg->table.sgl;

	while (index--)
		entry = sg_next(entry);
	return entry;
}

/**
 * fabric_sg_clear - empty a list that is not mapped
 * @sg: the list
 */
void fabric_sg_clear(struct fabric_sg *sg)
{
	/* The list can grow only without an end mark. */
	if (sg->table.orig_nents)
		sg_unmark_end(fabric_sg_entry(sg, sg->table.orig_nents - 1));
	sg->table.orig_nents = 0;
	sg->table.nents = 0;
	fabric_sg_free_ram(sg);
}

/**
 * fabric_sg_phys - add an entry
 * @sg: the list
 * @phys: CPU physical address of its memory, which has struct pages
 * @size: bytes
 */
void fabric_sg_phys(struct fabric_sg *sg, phys_addr_t phys, size_t size)
{
	struct scatterlist *entry, *last = NULL;
	unsigned int index = sg->table.orig_nents;

	KUNIT_ASSERT_LT(sg->fabric->test, index, sg->max);
	if (index) {
		last = fabric_sg_entry(sg, index - 1);
		sg_unmark_end(last);
	}
	entry = last ? sg_next(last) : sg->table.sgl;
	sg_set_page(entry, pfn_to_page(PHYS_PFN(phys)), size,
		    offset_in_page(phys));
	sg_mark_end(entry);
	sg->want[index] = *entry;
	sg->table.orig_nents++;
}

/**
 * fabric_sg_peer - add an entry of peer memory
 * @sg: the list
 * @name: a provider with struct pages
 * @offset: bytes from the start of its BAR 0
 * @size: bytes
 */
void fabric_sg_peer(struct fabric_sg *sg, const char *name, u64 offset,
		    size_t size)
{
	struct pci_dev *pdev = fabric_dev(sg->fabric, name);

	fabric_sg_phys(sg, pci_resource_start(pdev, 0) + offset, size);
}

/**
 * fabric_sg_ram - add an entry of RAM
 * @sg: the list
 * @offset: bytes from the start of a page
 * @size: bytes
 */
void fabric_sg_ram(struct fabric_sg *sg, size_t offset, size_t size)
{
	unsigned int order = get_order(offset + size);
	struct page *page = alloc_pages(GFP_KERNEL, order);

	KUNIT_ASSERT_NOT_NULL(sg->fabric->test, page);
	set_page_private(page, order);
	list_add(&page->lru, &sg->ram);
	fabric_sg_phys(sg, page_to_phys(page) + offset, size);
}

/**
 * fabric_sg_build - make a list; see fabric_sg_list()
 * @fabric: where its peer memory is
 * @pieces: its entries
 * @count: how many they are
 *
 * Return: the list, which goes with the test, and is unmapped then.
 */
struct fabric_sg *fabric_sg_build(struct fabric *fabric,
				  const struct fabric_piece *pieces, int count)
{
	struct fabric_sg *sg = fabric_sg_alloc(fabric, count);
	int i;

	for (i = 0; i < count; i++) {
		const struct fabric_piece *piece = pieces + i;

		if (piece->name)
			fabric_sg_peer(sg, piece->name, piece->offset,
				       piece->size);
		else if (piece->phys)
			fabric_sg_phys(sg, piece->phys, piece->size);
		else
			fabric_sg_ram(sg, piece->offset, piece->size);
	}
	return sg;
}

/* Entries must be what they were, whatever has become of their DMA fields. */
static void fabric_sg_check_entries(struct fabric_sg *sg)
{
	struct scatterlist *entry;
	int i;

	for_each_sgtable_sg(&sg->table, entry, i)
		if (sg_page(entry) != sg_page(&sg->want[i]) ||
		    entry->offset != sg->want[i].offset ||
		    entry->length != sg->want[i].length)
			KUNIT_FAIL(sg->fabric->test,
				   "entry %d has become %pap, %#x bytes; it was %pap, %#x bytes",
				   i, &(phys_addr_t){ sg_phys(entry) },
				   entry->length,
				   &(phys_addr_t){ sg_phys(&sg->want[i]) },
				   sg->want[i].length);
}

static void fabric_sg_check_refused(struct fabric_sg *sg)
{
	struct scatterlist *entry;
	int i;

	for_each_sgtable_sg(&sg->table, entry, i)
		if (sg_dma_address(entry) != DMA_MAPPING_ERROR ||
		    sg_dma_len(entry) || entry->dma_flags)
			KUNIT_FAIL(sg->fabric->test,
				   "entry %d of a refused list: DMA address %#llx, length %#x, flags %#x",
				   i, (u64)sg_dma_address(entry),
				   sg_dma_len(entry), entry->dma_flags);
}

/* The RAM of a list, bytes. */
static u64 fabric_sg_ram_bytes(struct fabric_sg *sg)
{
	struct scatterlist *entry;
	u64 bytes = 0;
	int i;

	for_each_sgtable_sg(&sg->table, entry, i)
		if (mock_cache_is_ram(sg_phys(entry), entry->length))
			bytes += entry->length;
	return bytes;
}

/**
 * fabric_sg_map - map a list and check what came of it
 * @sg: the list, not mapped
 * @client: for whom
 * @dir: in which direction
 *
 * Return: what dma_map_sgtable() returned.
 */
int fabric_sg_map(struct fabric_sg *sg, struct pci_dev *client,
		  enum dma_data_direction dir)
{
	struct scatterlist *entry;
	u64 ram;
	int i, ret;

	for_each_sgtable_sg(&sg->table, entry, i) {
		sg_dma_address(entry) = FABRIC_SG_STALE_DMA + i;
		sg_dma_len(entry) = FABRIC_SG_STALE_LEN + i;
		entry->dma_flags = FABRIC_SG_STALE_FLAGS;
	}

	mock_cache_forget();
	ret = dma_map_sgtable(&client->dev, &sg->table, dir, 0);
	fabric_sg_check_entries(sg);
	if (ret) {
		fabric_sg_check_refused(sg);
		mock_cache_expect_undone(sg->fabric->test, &client->dev);
		return ret;
	}

	sg->client = client;
	sg->dir = dir;
	ram = fabric_sg_ram_bytes(sg);
	mock_cache_expect(sg->fabric->test, &client->dev, "map", ram, 0);
	oracle_expect_sg(sg->fabric, client, sg->table.sgl,
			 sg->table.orig_nents, sg->table.nents, dir);
	return 0;
}

/**
 * fabric_sg_unmap - unmap a list and check what is left
 * @sg: the list, mapped
 */
void fabric_sg_unmap(struct fabric_sg *sg)
{
	struct scatterlist *entry;
	unsigned int rest = 0;
	u64 ram;
	bool whole;
	int i;

	KUNIT_ASSERT_NOT_NULL(sg->fabric->test, sg->client);
	/*
	 * Mock operations and bouncing look at the flags of the first entry only when
	 * they unmap a list of RAM: those of the others may remain.  In a list with one
	 * IOVA range those that only its own mapping understands may.
	 */
	if (sg->table.sgl->dma_flags & SG_DMA_P2PDMA_RANGE)
		rest = SG_DMA_P2PDMA_BUS | SG_DMA_P2PDMA_MMIO |
		       SG_DMA_P2PDMA_JOINED;
	whole = !(sg->table.sgl->dma_flags & SG_DMA_P2PDMA) &&
		(mock_ops_translates(&sg->client->dev) ||
		 sg_dma_is_swiotlb(sg->table.sgl));
	ram = fabric_sg_ram_bytes(sg);
	mock_cache_forget();
	dma_unmap_sgtable(&sg->client->dev, &sg->table, sg->dir, 0);
	mock_cache_expect(sg->fabric->test, &sg->client->dev, "unmap", 0, ram);
	sg->client = NULL;

	fabric_sg_check_entries(sg);
	for_each_sgtable_sg(&sg->table, entry, i)
		if ((entry->dma_flags & ~(i ? rest : 0)) && !(whole && i))
			KUNIT_FAIL(sg->fabric->test,
				   "entry %d has flags %#x after unmapping", i,
				   entry->dma_flags);
}

/**
 * fabric_sg_sync - hand a mapped list to the CPU and back
 * @sg: the list, mapped
 *
 * Nothing in it may change.
 */
void fabric_sg_sync(struct fabric_sg *sg)
{
	struct scatterlist *entry, *before;
	u64 ram;
	int i;

	KUNIT_ASSERT_NOT_NULL(sg->fabric->test, sg->client);
	before = kvcalloc(sg->table.orig_nents, sizeof(*before), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(sg->fabric->test, before);
	for_each_sgtable_sg(&sg->table, entry, i)
		before[i] = *entry;

	/* Without this a coherent device skips the sync calls. */
#ifdef CONFIG_DMA_NEED_SYNC
	sg->client->dev.dma_skip_sync = false;
#endif
	ram = fabric_sg_ram_bytes(sg);
	mock_cache_forget();
	dma_sync_sgtable_for_cpu(&sg->client->dev, &sg->table, sg->dir);
	dma_sync_sgtable_for_device(&sg->client->dev, &sg->table, sg->dir);
	mock_cache_expect(sg->fabric->test, &sg->client->dev, "sync", ram, ram);

	for_each_sgtable_sg(&sg->table, entry, i)
		if (memcmp(entry, before + i, sizeof(*entry)))
			KUNIT_FAIL(sg->fabric->test,
				   "sync changes entry %d of a list", i);
	kvfree(before);
}

/**
 * fabric_sg_segments - map a list, hand it to the CPU and back, and unmap it
 * @sg: the list, not mapped
 * @client: for whom
 * @dir: in which direction
 *
 * Return: how many DMA segments it had, or the error of dma_map_sgtable().
 */
int fabric_sg_segments(struct fabric_sg *sg, struct pci_dev *client,
		       enum dma_data_direction dir)
{
	int ret = fabric_sg_map(sg, client, dir);

	if (ret)
		return ret;
	ret = sg->table.nents;
	fabric_sg_sync(sg);
	fabric_sg_unmap(sg);
	return ret;
}

/* How a mapped entry goes, by its flags. */
static enum pci_p2pdma_map_type fabric_sg_way(struct scatterlist *entry)
{
	/* In a window both flags. */
	return sg_dma_is_bus_address(entry) &&
	       !(entry->dma_flags & SG_DMA_MMIO) ? PCI_P2PDMA_MAP_BUS_ADDR :
					      PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
}

/* Is the verdict due to the policy or to the client, and not to the fabric? */
static bool fabric_imposed(struct fabric *fabric, struct pci_dev *client,
			   enum pci_p2pdma_reason reason)
{
	char *policy = p2pdma_policy_get();
	bool imposed;

	KUNIT_ASSERT_NOT_NULL(fabric->test, policy);
	imposed = !str_has_prefix(policy, "auto");
	kfree(policy);

	if (p2pdma_is_guest() && (mock_iommu_translates(&client->dev) ||
				  mock_ops_translates(&client->dev)))
		imposed = true;
	/* A client that can do no DMA at all. */
	if (IS_ENABLED(CONFIG_ARCH_HAS_DMA_OPS) &&
	    get_dma_ops(&client->dev) == &dma_dummy_ops)
		imposed = true;
	/* A bus address has no translation, or another than itself. */
	if (oracle_has_ats(oracle_read(fabric), client))
		imposed = true;
	return imposed || reason == PCI_P2PDMA_DENIED ||
	       reason == PCI_P2PDMA_MUST_BOUNCE;
}

/*
 * The route says that the fabric blocks a request which reaches the root complex.
 * With the address for a route through the host bridge the request must not land
 * at @owner.
 */
static void fabric_check_lost(struct fabric *fabric, struct pci_dev *client,
			      struct pci_dev *owner,
			      enum dma_data_direction dir,
			      const struct pci_p2pdma_route *route)
{
	u64 dma = fabric_host_of(client) == fabric_host_of(owner) ?
			pci_bus_address(owner, 0) : pci_resource_start(owner, 0);
	const struct oracle_request request = {
		.client = client, .dma = dma, .read = dir == DMA_TO_DEVICE,
		.any_size = true,
	};
	struct oracle_answer answer;
	char text[160];

	oracle_walk(oracle_read(fabric), &request, &answer);
	if (answer.outcome != ORACLE_LANDED || answer.completion ||
	    answer.domain != pci_domain_nr(owner->bus) ||
	    answer.bus != owner->bus->number || answer.devfn != owner->devfn)
		return;
	oracle_describe(&answer, text, sizeof(text));
	KUNIT_FAIL(fabric->test,
		   "%s -> %s, direction %d: the fabric is said to lose it; the walk: %s",
		   pci_name(client), pci_name(owner), dir, text);
}

/*
 * Is the port that the route names above the client, and does it decode no memory?
 */
static bool fabric_named_deaf(struct pci_dev *client,
			      const struct pci_p2pdma_route *route)
{
	struct pci_dev *port = client;
	u16 command = 0;

	while (port && pci_dev_id(port) != route->bridge_id)
		port = pci_upstream_bridge(port);
	if (!port || !route->has_bridge ||
	    route->bridge_domain != pci_domain_nr(client->bus))
		return false;
	pci_read_config_word(port, PCI_COMMAND, &command);
	return !(command & PCI_COMMAND_MEMORY);
}

/*
 * The same where the client may send its requests as translated: not both forms may
 * land, and the route must name the port where one of them ends.
 */
static void fabric_check_lost_form(struct fabric *fabric, struct pci_dev *client,
				   struct pci_dev *owner,
				   enum dma_data_direction dir,
				   const struct pci_p2pdma_route *route)
{
	bool translated = mock_iommu_translates(&client->dev) ||
			  mock_ops_translates(&client->dev);
	bool same = fabric_host_of(client) == fabric_host_of(owner);
	struct oracle_request request = {
		.client = client,
		.dma = translated ? ORACLE_SOME_IOVA :
		       same ? pci_bus_address(owner, 0) :
			      pci_resource_start(owner, 0),
		.mapped_to = translated ? pci_resource_start(owner, 0) : 0,
		.any_size = true,
	};
	struct oracle *oracle = oracle_read(fabric);
	struct oracle_answer answer;
	char text[160];
	int form;

	for (form = 0; form < 4; form++) {
		request.read = form & 1;
		if ((form & 1) && dir == DMA_FROM_DEVICE)
			continue;
		if (!(form & 2))
			oracle_walk(oracle, &request, &answer);
		else if (!oracle_walk_sent(oracle, &request, &answer))
			continue;
		if (answer.outcome == ORACLE_BLOCKED && answer.domain < 0)
			return;
		if (answer.outcome == ORACLE_LANDED && !answer.completion &&
		    answer.domain == pci_domain_nr(owner->bus) &&
		    answer.bus == owner->bus->number &&
		    answer.devfn == owner->devfn)
			continue;
		if (!route->has_bridge || fabric_named_deaf(client, route) ||
		    route->bridge_id == PCI_DEVID(answer.bus, answer.devfn))
			return;
	}
	oracle_describe(&answer, text, sizeof(text));
	KUNIT_FAIL(fabric->test,
		   "%s -> %s, direction %d: a form of its requests is said to be lost at %02x:%02x.%d; the last walk: %s",
		   pci_name(client), pci_name(owner), dir,
		   PCI_BUS_NUM(route->bridge_id), PCI_SLOT(route->bridge_id & 0xff),
		   PCI_FUNC(route->bridge_id & 0xff), text);
}

/*
 * The same for a translated request; the route must name the port where it was
 * lost.
 */
static void fabric_check_lost_iova(struct fabric *fabric,
				   struct pci_dev *client,
				   struct pci_dev *owner,
				   enum dma_data_direction dir,
				   const struct pci_p2pdma_route *route)
{
	struct oracle_request request = {
		.client = client,
		.dma = ORACLE_SOME_IOVA,
		.read = dir != DMA_FROM_DEVICE,
		.mapped_to = pci_resource_start(owner, 0),
		.any_size = true,
	};
	struct oracle *oracle = oracle_read(fabric);
	struct oracle_answer answer;
	char text[160];

	if (oracle_unproven(oracle, client, owner))
		request.siblings = ORACLE_SIBLINGS_APART;
	oracle_walk(oracle, &request, &answer);
	/*
	 * The request is blocked at the root complex, so that no completion is
	 * sent.
	 */
	if (answer.outcome == ORACLE_BLOCKED && answer.domain < 0)
		return;
	if ((answer.outcome != ORACLE_LANDED || answer.completion) &&
	    ((route->has_bridge &&
	      route->bridge_domain == pci_domain_nr(client->bus) &&
	      route->bridge_id == PCI_DEVID(answer.bus, answer.devfn)) ||
	     (answer.outcome == ORACLE_UNSUPPORTED &&
	      fabric_named_deaf(client, route))))
		return;
	oracle_describe(&answer, text, sizeof(text));
	KUNIT_FAIL(fabric->test,
		   "%s -> %s, direction %d: the fabric is said to lose it at %02x:%02x.%d; the walk: %s",
		   pci_name(client), pci_name(owner), dir,
		   PCI_BUS_NUM(route->bridge_id), PCI_SLOT(route->bridge_id & 0xff),
		   PCI_FUNC(route->bridge_id & 0xff), text);
}

/*
 * Is the function that the route names the client, which drops the request if it stays in
 * the device that both belong to?
 */
static bool fabric_named_dropping(struct fabric *fabric, struct pci_dev *client,
				  struct pci_dev *owner,
				  const struct pci_p2pdma_route *route)
{
	const struct oracle_request request = {
		.client = client,
		.dma = pci_bus_address(owner, 0),
		.siblings = ORACLE_SIBLINGS_TOGETHER,
	};
	struct oracle_answer answer;

	oracle_walk(oracle_read(fabric), &request, &answer);
	return answer.outcome == ORACLE_ACS_VIOLATION &&
	       answer.domain == pci_domain_nr(client->bus) &&
	       PCI_DEVID(answer.bus, answer.devfn) == pci_dev_id(client) &&
	       route->bridge_id == pci_dev_id(client);
}

/**
 * fabric_check_route - a route must be neither timid nor mysterious
 * @fabric: the fabric
 * @client: the client
 * @provider: the provider
 * @dir: direction of the transfer
 * @route: the route for them
 *
 * Where a route is not direct the oracle must say that crossing would have failed,
 * or one of the deliberate reasons must hold; and where ACS is the reason the port
 * that is named must be the one where the oracle's walk was turned or stopped.
 * (That an address leads where it should is looked at when something is mapped.)
 */
void fabric_check_route(struct fabric *fabric, struct pci_dev *client,
			struct p2pdma_provider *provider,
			enum dma_data_direction dir,
			struct pci_p2pdma_route *route)
{
	struct pci_dev *owner = to_pci_dev(provider->owner);
	u64 last = pci_bus_address(owner, 0) + pci_resource_len(owner, 0) - 1;
	struct oracle *oracle = oracle_read(fabric);
	bool crosses, carried, named, deliberate, inside;
	struct oracle_answer answer, packet;
	u8 bus, devfn;
	char text[160];

	crosses = oracle_crosses(oracle, client, owner,
				 pci_resource_start(owner, 0), dir, &answer);
	carried = oracle_carried(oracle, client, owner,
				 pci_resource_start(owner, 0),
				 dir != DMA_FROM_DEVICE, &packet);
	inside = oracle_deliberate(oracle, client, owner);
	deliberate = inside;
	oracle_describe(&answer, text, sizeof(text));

	deliberate |= fabric_imposed(fabric, client, route->reason);
	deliberate |= last > client->dma_mask;
	if (crosses && carried && route->type != PCI_P2PDMA_MAP_BUS_ADDR &&
	    !deliberate)
		KUNIT_FAIL(fabric->test,
			   "%s -> %s, direction %d: the route is %s, %s; it would have crossed: %s",
			   pci_name(client), pci_name(owner), dir,
			   pci_p2pdma_map_type_name(route->type),
			   pci_p2pdma_reason_name(route->reason), text);
	if (route->reason == PCI_P2PDMA_PAYLOAD_SIZE && crosses &&
	    packet.outcome == ORACLE_MALFORMED &&
	    !oracle_has_ats(oracle, client) &&
	    !mock_iommu_translates(&client->dev) &&
	    !mock_ops_translates(&client->dev) && !inside &&
	    route->bridge_id != PCI_DEVID(packet.bus, packet.devfn)) {
		oracle_describe(&packet, text, sizeof(text));
		KUNIT_FAIL(fabric->test,
			   "%s -> %s, direction %d: a packet is said to be too large at %02x:%02x.%d; the walk: %s",
			   pci_name(client), pci_name(owner), dir,
			   PCI_BUS_NUM(route->bridge_id),
			   PCI_SLOT(route->bridge_id & 0xff),
			   PCI_FUNC(route->bridge_id & 0xff), text);
	}
	if (route->reason == PCI_P2PDMA_FABRIC_BLOCKED &&
	    oracle_has_ats(oracle, client)) {
		if (!inside)
			fabric_check_lost_form(fabric, client, owner, dir,
					       route);
		return;
	}
	/* A translated request takes another way than a bus address. */
	if (route->reason == PCI_P2PDMA_FABRIC_BLOCKED &&
	    (mock_iommu_translates(&client->dev) ||
	     mock_ops_translates(&client->dev))) {
		fabric_check_lost_iova(fabric, client, owner, dir, route);
		return;
	}
	/* Only the device knows which requests among its functions leave it. */
	if (crosses && deliberate)
		return;

	if (route->reason == PCI_P2PDMA_ACS_REQUEST ||
	    route->reason == PCI_P2PDMA_ACS_COMPLETION) {
		bus = answer.turned ? answer.turned_bus : answer.bus;
		devfn = answer.turned ? answer.turned_devfn : answer.devfn;
	} else if (route->reason == PCI_P2PDMA_FABRIC_BLOCKED) {
		if (answer.root && !answer.completion) {
			fabric_check_lost(fabric, client, owner, dir, route);
			return;
		}
		bus = answer.bus;
		devfn = answer.devfn;
	} else {
		return;
	}
	/*
	 * If a port does not decode memory, the walk ends at the port above it as
	 * an unsupported request. This is also true of requests among the
	 * functions of a device that may leave it.
	 */
	if (route->reason == PCI_P2PDMA_FABRIC_BLOCKED &&
	    (answer.outcome == ORACLE_UNSUPPORTED || inside) &&
	    fabric_named_deaf(client, route))
		return;
	if (route->reason == PCI_P2PDMA_FABRIC_BLOCKED && inside &&
	    fabric_named_dropping(fabric, client, owner, route))
		return;

	named = route->has_bridge &&
		route->bridge_domain == pci_domain_nr(client->bus) &&
		route->bridge_id == PCI_DEVID(bus, devfn);
	if (crosses || !named)
		KUNIT_FAIL(fabric->test,
			   "%s -> %s, direction %d: %s, %s is said to be due to %02x:%02x.%d; the walk: %s",
			   pci_name(client), pci_name(owner), dir,
			   pci_p2pdma_map_type_name(route->type),
			   pci_p2pdma_reason_name(route->reason),
			   PCI_BUS_NUM(route->bridge_id),
			   PCI_SLOT(route->bridge_id & 0xff),
			   PCI_FUNC(route->bridge_id & 0xff), text);
}

static void fabric_expect_route_dir(struct fabric *fabric, const char *client,
				    const char *provider,
				    enum dma_data_direction dir,
				    enum pci_p2pdma_map_type type,
				    enum pci_p2pdma_reason reason, int line)
{
	struct kunit *test = fabric->test;
	struct pci_dev *client_dev = fabric_dev(fabric, client);
	struct pci_dev *provider_dev = fabric_dev(fabric, provider);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 2);
	struct p2pdma_provider *mem;
	struct pci_p2pdma_route route;
	int distance, ret;

	mem = pci_p2pdma_provider_of_phys(pci_resource_start(provider_dev, 0),
					  SZ_4K);
	KUNIT_ASSERT_NOT_NULL_MSG(test, mem, "%s is no provider", provider);

	pci_p2pdma_query_route(mem, &client_dev->dev, dir, &route);
	KUNIT_EXPECT_TRUE_MSG(test, route.type == type &&
			      route.reason == reason,
			      "line %d: %s -> %s, direction %d: the route is %s, %s; expected %s, %s",
			      line, client, provider, dir,
			      pci_p2pdma_map_type_name(route.type),
			      pci_p2pdma_reason_name(route.reason),
			      pci_p2pdma_map_type_name(type),
			      pci_p2pdma_reason_name(reason));
	fabric_check_route(fabric, client_dev, mem, dir, &route);

	fabric_sg_peer(sg, provider, SZ_4K + 16, SZ_4K);
	fabric_sg_peer(sg, provider, SZ_2M - 3, 3);
	ret = fabric_sg_map(sg, client_dev, dir);
	KUNIT_EXPECT_EQ_MSG(test, ret,
			    type == PCI_P2PDMA_MAP_NOT_SUPPORTED ? -EREMOTEIO : 0,
			    "line %d: %s -> %s, direction %d", line, client,
			    provider, dir);
	if (!ret) {
		KUNIT_EXPECT_EQ_MSG(test, fabric_sg_way(sg->table.sgl), type,
				    "line %d", line);
		fabric_sg_sync(sg);
		fabric_sg_unmap(sg);
	}
	fabric_expect_single(fabric, client_dev,
			     pci_resource_start(provider_dev, 0) + SZ_4K + 16,
			     SZ_4K, dir, type, line);

	pci_p2pdma_query_route(mem, &client_dev->dev, DMA_BIDIRECTIONAL, &route);
	/* Drivers ask before the provider is made ready. */
	if (route.reason == PCI_P2PDMA_PROVIDER_UNREACHABLE)
		return;
	distance = pci_p2pdma_distance(provider_dev, &client_dev->dev, false);
	KUNIT_EXPECT_EQ_MSG(test, distance,
			    route.type == PCI_P2PDMA_MAP_NOT_SUPPORTED ?
				    -1 : route.distance,
			    "line %d: %s -> %s", line, client, provider);
}

/**
 * fabric_expect_route - one client, one provider, and one direction or several
 * @fabric: the fabric
 * @client: name of the client
 * @provider: name of the provider, whose BAR 0 has struct pages
 * @dirs: a direction, or one of &enum fabric_dirs
 * @type: the verdict that is expected
 * @reason: its reason
 * @line: of the caller
 *
 * For each direction this asks for the route, and maps a list of two pieces of the
 * provider's memory, and one piece by itself, which must go the way that the route
 * says.  The distance that drivers are told must agree with the route for
 * %DMA_BIDIRECTIONAL.
 */
void fabric_expect_route(struct fabric *fabric, const char *client,
			 const char *provider, int dirs,
			 enum pci_p2pdma_map_type type,
			 enum pci_p2pdma_reason reason, int line)
{
	enum dma_data_direction dir;

	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++)
		if (fabric_dir_in(dir, dirs))
			fabric_expect_route_dir(fabric, client, provider, dir,
						type, reason, line);
}
