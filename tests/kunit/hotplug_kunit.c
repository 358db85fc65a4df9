// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that come and go, that fail and recover, and that are pulled out by surprise:
 * what the section "Life time and hot-unplug" of the driver page promises of each.
 *
 *  - Rounds of plugging and unplugging, with lists that stay mapped meanwhile: other
 *    devices at the same addresses, and bridges with other bus numbers.  After each round
 *    routes are right for what is there, and nothing is left of what is gone.
 *  - Error recovery: the link of a provider is frozen while memory of it is mapped.
 *  - Surprise removal: a device vanishes at the first access to configuration space of
 *    an operation, at the second, and so on, until the operation makes fewer accesses.
 *  - Hostile devices: what a function gives for its registers is another value each time.
 *
 * The oracle checks every mapping, but those of hostile devices.  These are module
 * parameters:
 *
 *	hotplug_kunit.rounds=	how many rounds
 *	hotplug_kunit.stride=	devices vanish at one in so many accesses
 */
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "../../drivers/pci/pci.h"
#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"
#include "fabric_fn.h"
#include "fabric_single.h"
#include "mock_iommu.h"
#include "oracle.h"

static unsigned int rounds = IS_ENABLED(CONFIG_KASAN) ? 48 : 480;
module_param(rounds, uint, 0);
MODULE_PARM_DESC(rounds, "how often devices are plugged in and out");

/* Each access to a device that has vanished may lead to hundreds of others. */
static unsigned int stride = IS_ENABLED(CONFIG_KASAN) ? 11 : 1;
module_param(stride, uint, 0);
MODULE_PARM_DESC(stride, "devices vanish at one in so many accesses");

/* Rounds on one fabric; KUnit ends a test that takes too long. */
#define BATCH	12

/*
 * What is there of an IOMMU.
 */

struct hotplug_iommu {
	const char *name;
	bool there;
	struct mock_iommu_config config;
	const char *policy;
};

static const struct hotplug_iommu hotplug_iommus[] = {
	{ .name = "no IOMMU", .policy = "auto" },
	{ .name = "strict", .there = true, .policy = "auto" },
	{ .name = "lazy", .there = true, .config.lazy = true, .policy = "auto" },
	{ .name = "windows", .there = true, .policy = "auto,window" },
};

KUNIT_ARRAY_PARAM_DESC(hotplug_iommu, hotplug_iommus, name);

static struct mock_iommu *create_iommu(struct kunit *test,
				       const struct hotplug_iommu *iommu)
{
	fabric_policy(test, "%s", iommu->policy);
	return iommu->there ? mock_iommu_create(test, &iommu->config) : NULL;
}

/* In windows peer memory stays mapped until client or provider goes. */
static bool has_windows(const struct hotplug_iommu *iommu)
{
	return !strcmp(iommu->policy, "auto,window");
}

static int mapped_pages(struct mock_iommu *mock)
{
	return mock ? atomic_read(&mock->live) : 0;
}

/*
 * What is there in the route cache.
 */

static void count_entry(const struct p2pdma_entry *entry, void *data)
{
	(*(unsigned int *)data)++;
}

static unsigned int entries(void)
{
	unsigned int count = 0;

	p2pdma_cache_for_each(count_entry, &count);
	return count;
}

/* A function that is gone: only to be compared. */
struct gone {
	const void *pdev;
	const void *dev;
	unsigned int entries;
};

static void count_gone(const struct p2pdma_entry *entry, void *data)
{
	struct gone *gone = data;

	if (entry->key.client == gone->pdev || entry->owner == gone->dev)
		gone->entries++;
}

/* Entries in which a function is client or provider. */
static unsigned int entries_of(const struct gone *which)
{
	struct gone gone = *which;

	p2pdma_cache_for_each(count_gone, &gone);
	return gone.entries;
}

static struct gone about_to_go(struct pci_dev *pdev)
{
	return (struct gone) { .pdev = pdev, .dev = &pdev->dev };
}

/*
 * Rounds.
 *
 * Two switches.  Each has a place for a client and one for a provider, where one thing is
 * plugged in after the other.
 */

static const char rounds_picture[] =
	"host bus=0x90000000\n"
	"  rp r0\n"
	"    up\n"
	"      dp c\n"
	"        ep c0 bar0=2M\n"
	"      dp p\n"
	"        ep p0 bar0=4M\n"
	"  rp r1\n"
	"    up\n"
	"      dp d\n"
	"        ep d0\n"
	"      dp b\n"
	"        ep b0 bar0=4M\n";

/*
 * What can be plugged in.  @room: a place that had room for a thing when its switch was
 * plugged in has room for those with the same number or a higher one.
 */
struct thing {
	const char *picture;
	const char *fn[2];
	int room;
};

static const struct thing clients_c[] = {
	{ "ep c0 bar0=2M\n", { "c0" }, 0 },
	{ "ep c1 id=1fab:0c01\n", { "c1" }, 1 },
	{ "ep c2\nep c3 fn=1\n", { "c2", "c3" }, 1 },
};

static const struct thing clients_d[] = {
	{ "ep d0\n", { "d0" }, 0 },
	{ "ep d1\nep d2 fn=1 id=1fab:0d02\n", { "d1", "d2" }, 0 },
};

static const struct thing providers_p[] = {
	{ "ep p0 bar0=4M\n", { "p0" }, 0 },
	{ "ep p1 bar0=2M bar2=2M\n", { "p1" }, 1 },
	{ "ep p2 bar0=2M\nep p3 fn=1 bar0=2M\n", { "p2", "p3" }, 1 },
	{ "ep p4 id=1fab:0b04 bar0=2M\n", { "p4" }, 2 },
};

static const struct thing providers_b[] = {
	{ "ep b0 bar0=4M\n", { "b0" }, 0 },
	{ "ep b1 bar0=2M\nep b2 fn=1 bar0=2M\n", { "b1", "b2" }, 1 },
	{ "ep b3 id=1fab:0b03 bar0=2M\n", { "b3" }, 2 },
};

/**
 * struct place - where things are plugged in
 * @port: the port above
 * @root: the root port above that: 0 or 1
 * @client: for clients; else for providers
 * @things: what may be plugged in
 * @count: how many
 * @now: the one that is plugged in
 * @room: the &thing.room of the first that fits
 * @drawn: bit for each thing that the fabric knows
 */
struct place {
	const char *port;
	int root;
	bool client;
	const struct thing *things;
	int count;
	int now;
	int room;
	unsigned long drawn;
};

#define PLACES	4
#define KEPT	3
/* Pieces of lists that stay mapped, each of a page of its own. */
#define PIECES	96

/**
 * struct kept - a list that stays mapped while devices come and go
 * @sg: the list
 * @pages: what it takes in the page table of the IOMMU
 * @changes: how many it still lasts
 */
struct kept {
	struct fabric_sg *sg;
	int pages;
	int changes;
};

/**
 * struct hotplug - a batch of rounds
 * @test: the test
 * @fabric: the fabric
 * @iommu: what kind of IOMMU there is
 * @mock: the IOMMU
 * @rnd: where chance stands
 * @place: the places
 * @kept: lists
 * @piece: number of the next piece of a list
 * @memory: what a look-up has found, and holds
 * @held: until so many changes have been made
 * @wrong: route cache entries with another PCI address than their functions have
 * @renumbered: how often a function has come back with another bus number
 * @moved: how often something else has been plugged in at the address of a device
 */
struct hotplug {
	struct kunit *test;
	struct fabric *fabric;
	const struct hotplug_iommu *iommu;
	struct mock_iommu *mock;
	struct rnd_state rnd;
	struct place place[PLACES];
	struct kept kept[KEPT];
	unsigned int piece;
	struct pci_p2pdma_memory memory;
	int held;
	int wrong;
	int renumbered;
	int moved;
};

static const char * const root_ports[] = { "r0", "r1" };

static u32 chance(struct hotplug *h, u32 limit)
{
	return prandom_u32_state(&h->rnd) % limit;
}

static const struct thing *thing_at(const struct place *place)
{
	return &place->things[place->now];
}

static int functions_of(const struct thing *thing)
{
	return thing->fn[1] ? 2 : 1;
}

/* A client, or a provider, that is there; NULL only if there is none. */
static const char *some_fn(struct hotplug *h, bool client, int *root)
{
	struct place *place;

	do
		place = &h->place[chance(h, PLACES)];
	while (place->client != client);
	if (root)
		*root = place->root;
	return thing_at(place)->fn[chance(h, functions_of(thing_at(place)))];
}

/* Clients and providers are made ready again each time. */
static void place_ready(struct hotplug *h, struct place *place)
{
	const struct thing *thing = thing_at(place);
	int i;

	for (i = 0; i < functions_of(thing); i++)
		if (place->client)
			fabric_client(h->fabric, thing->fn[i]);
		else if (chance(h, 2))
			fabric_provider(h->fabric, thing->fn[i], 0);
		else
			fabric_provider_plain(h->fabric, thing->fn[i], 0);
}

/* A client's driver unmaps before it is unbound. */
static void unmap_of(struct hotplug *h, struct pci_dev *client)
{
	int i;

	for (i = 0; i < KEPT; i++)
		if (h->kept[i].sg->client &&
		    (!client || h->kept[i].sg->client == client)) {
			fabric_sg_unmap(h->kept[i].sg);
			h->kept[i].pages = 0;
		}
}

static void thing_unmap(struct hotplug *h, const struct place *place)
{
	const struct thing *thing = thing_at(place);
	int i;

	for (i = 0; place->client && i < functions_of(thing); i++)
		unmap_of(h, fabric_dev(h->fabric, thing->fn[i]));
}

/* Not by the hot-plug button, but by surprise; drivers unmap then, too. */
static void maybe_vanish(struct hotplug *h, const char *name)
{
	if (chance(h, 2))
		return;
	fabric_vanish(h->fabric, name);
	fabric_disconnect(h->fabric, name);
}

static void fn_unplug(struct hotplug *h, const char *name)
{
	struct gone gone = about_to_go(fabric_dev(h->fabric, name));

	maybe_vanish(h, name);
	unmap_of(h, fabric_dev(h->fabric, name));
	fabric_unplug(h->fabric, name);
	KUNIT_EXPECT_EQ_MSG(h->test, 0, entries_of(&gone), "%s is gone", name);
}

static void place_unplug(struct hotplug *h, struct place *place)
{
	const struct thing *thing = thing_at(place);
	int i;

	for (i = functions_of(thing) - 1; i >= 0; i--)
		fn_unplug(h, thing->fn[i]);
}

static void place_plug(struct hotplug *h, struct place *place, int what)
{
	const struct thing *thing = &place->things[what];
	int i;

	place->now = what;
	if (!(place->drawn & BIT(what))) {
		fabric_plug(h->fabric, place->port, thing->picture);
		place->drawn |= BIT(what);
	} else {
		for (i = 0; i < functions_of(thing); i++)
			fabric_replug(h->fabric, thing->fn[i]);
	}
	place_ready(h, place);
}

/* Something that has room, another thing if @other. */
static int choose(struct hotplug *h, const struct place *place, bool other)
{
	int what, tries;

	for (tries = 0; tries < 32; tries++) {
		what = chance(h, place->count);
		if (place->things[what].room >= place->room &&
		    (!other || what != place->now))
			return what;
	}
	return place->now;
}

/* One thing after the other, or the same again. */
static void change_thing(struct hotplug *h, struct place *place, bool other)
{
	u16 id = pci_dev_id(fabric_dev(h->fabric, thing_at(place)->fn[0]));
	int before = place->now, what = choose(h, place, other);

	place_unplug(h, place);
	place_plug(h, place, what);
	KUNIT_EXPECT_EQ(h->test, id,
			pci_dev_id(fabric_dev(h->fabric,
					      thing_at(place)->fn[0])));
	h->moved += before != what;
}

static int bus_of_root(struct hotplug *h, int root)
{
	return fabric_dev(h->fabric, root_ports[root])->subordinate->number;
}

/* Unplug a whole switch, and put other things into it. */
static void root_unplug(struct hotplug *h, int root)
{
	struct place *place;
	int i, what;

	maybe_vanish(h, root_ports[root]);
	for (place = h->place; place < h->place + PLACES; place++)
		if (place->root == root)
			thing_unmap(h, place);
	fabric_unplug(h->fabric, root_ports[root]);

	for (place = h->place; place < h->place + PLACES; place++) {
		if (place->root != root)
			continue;
		/* All have room. */
		place->room = 0;
		what = choose(h, place, false);
		for (i = 0; i < functions_of(thing_at(place)); i++)
			fabric_fn_named(h->fabric, thing_at(place)->fn[i])->present = false;
		place->now = what;
		if (!(place->drawn & BIT(what)))
			fabric_plug(h->fabric, place->port, thing_at(place)->picture);
		place->drawn |= BIT(what);
		for (i = 0; i < functions_of(thing_at(place)); i++)
			fabric_fn_named(h->fabric, thing_at(place)->fn[i])->present = true;
		place->room = thing_at(place)->room;
	}
}

static void root_replug(struct hotplug *h, int root)
{
	struct place *place;

	fabric_replug(h->fabric, root_ports[root]);
	for (place = h->place; place < h->place + PLACES; place++)
		if (place->root == root)
			place_ready(h, place);
}

/*
 * Unplug a switch, or both, and plug them in again with other bus numbers.  What comes
 * back alone gets numbers beyond those of the other.
 */
static void renumber(struct hotplug *h)
{
	int bus[2] = { bus_of_root(h, 0), bus_of_root(h, 1) };
	int lower = bus[1] < bus[0], i;

	root_unplug(h, lower);
	if (max(bus[0], bus[1]) < 0x80) {
		root_replug(h, lower);
	} else {
		root_unplug(h, !lower);
		root_replug(h, lower);
		root_replug(h, !lower);
	}
	for (i = 0; i < 2; i++)
		h->renumbered += bus_of_root(h, i) != bus[i];
}

/* Map a list that has RAM and memory of providers, for some client. */
static void keep_list(struct hotplug *h, struct kept *kept)
{
	int before = mapped_pages(h->mock), count = 2 + chance(h, 5);
	const char *client = some_fn(h, true, NULL);

	fabric_sg_clear(kept->sg);
	while (count--) {
		u64 at = SZ_64K + (h->piece++ % PIECES) * SZ_8K;

		if (!chance(h, 4))
			fabric_sg_ram(kept->sg, chance(h, SZ_2K), 1 + chance(h, SZ_4K));
		else
			fabric_sg_peer(kept->sg, some_fn(h, false, NULL), at,
				       1 + chance(h, SZ_8K));
	}
	KUNIT_EXPECT_EQ(h->test, 0,
			fabric_sg_map(kept->sg, fabric_dev(h->fabric, client),
				      chance(h, 3)));
	kept->pages = mapped_pages(h->mock) - before;
	kept->changes = 1 + chance(h, 3);
}

static void keep_lists(struct hotplug *h)
{
	int i;

	for (i = 0; i < KEPT; i++)
		if (!h->kept[i].sg->client)
			keep_list(h, &h->kept[i]);
}

/* After a change: some lists are unmapped now, whatever has become of their providers. */
static void drop_lists(struct hotplug *h)
{
	int i;

	for (i = 0; i < KEPT; i++) {
		struct kept *kept = &h->kept[i];

		if (!kept->sg->client || --kept->changes > 0)
			continue;
		fabric_sg_sync(kept->sg);
		fabric_sg_unmap(kept->sg);
		kept->pages = 0;
	}
}

static bool is_there(struct hotplug *h, const struct pci_dev *pdev)
{
	struct place *place;
	int i;

	for (place = h->place; place < h->place + PLACES; place++)
		for (i = 0; i < functions_of(thing_at(place)); i++)
			if (fabric_dev(h->fabric, thing_at(place)->fn[i]) == pdev)
				return true;
	return false;
}

static void hold_memory(struct hotplug *h)
{
	struct pci_dev *pdev = fabric_dev(h->fabric, some_fn(h, false, NULL));

	if (h->memory.provider)
		return;
	KUNIT_EXPECT_EQ(h->test, 0,
			pci_p2pdma_find_phys(pci_resource_start(pdev, 0), SZ_2M,
					     &h->memory));
	KUNIT_EXPECT_PTR_EQ(h->test, pdev, h->memory.pdev);
	h->held = 1 + chance(h, 3);
}

static void put_memory(void *data)
{
	struct hotplug *h = data;

	if (h->memory.provider)
		pci_p2pdma_put_memory(&h->memory);
}

/* A reference keeps the objects, and gives no route to what is gone. */
static void check_held(struct hotplug *h)
{
	struct pci_dev *client = fabric_dev(h->fabric, some_fn(h, true, NULL));
	struct pci_p2pdma_route route;

	if (!h->memory.provider)
		return;
	pci_p2pdma_query_route(h->memory.provider, &client->dev,
			       DMA_FROM_DEVICE, &route);
	if (!is_there(h, h->memory.pdev))
		KUNIT_EXPECT_EQ_MSG(h->test, route.reason,
				    PCI_P2PDMA_PROVIDER_UNREACHABLE, "%s",
				    pci_name(h->memory.pdev));
	else
		KUNIT_EXPECT_NE(h->test, route.type, PCI_P2PDMA_MAP_NOT_SUPPORTED);
	if (!--h->held)
		pci_p2pdma_put_memory(&h->memory);
}

/* Memory of the pool, if the provider has one. */
static void check_pool(struct hotplug *h)
{
	struct pci_dev *pdev = fabric_dev(h->fabric, some_fn(h, false, NULL));
	struct pci_dev *client = fabric_dev(h->fabric, some_fn(h, true, NULL));
	bool pages = pfn_valid(PHYS_PFN(pci_resource_start(pdev, 0)));
	void *memory = pci_alloc_p2pmem(pdev, SZ_4K);
	dma_addr_t dma;

	KUNIT_EXPECT_EQ(h->test, !!memory, pages);
	if (!memory)
		return;
	dma = fabric_single_map(FABRIC_PAGE, &client->dev, virt_to_phys(memory),
				SZ_4K, DMA_FROM_DEVICE);
	KUNIT_EXPECT_NE(h->test, dma, DMA_MAPPING_ERROR);
	if (dma != DMA_MAPPING_ERROR) {
		oracle_expect(h->fabric, client, dma, SZ_4K, DMA_FROM_DEVICE,
			      virt_to_phys(memory));
		fabric_single_unmap(FABRIC_PAGE, &client->dev, dma, SZ_4K,
				    DMA_FROM_DEVICE);
	}
	pci_free_p2pmem(pdev, memory, SZ_4K);
}

/* A route within a switch is direct, and another one is through the host bridge. */
static int check_pair(struct hotplug *h, const struct place *from, int client,
		      const struct place *to, int provider)
{
	bool direct = from->root == to->root;

	fabric_expect_route(h->fabric, thing_at(from)->fn[client],
			    thing_at(to)->fn[provider], chance(h, 3),
			    direct ? PCI_P2PDMA_MAP_BUS_ADDR :
				     PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
			    direct ? PCI_P2PDMA_DIRECT : PCI_P2PDMA_NO_COMMON_PORT,
			    __LINE__);
	return 1;
}

/* All pairs; returns how many there are. */
static int check_pairs(struct hotplug *h)
{
	struct place *from, *to;
	int pairs = 0, i, k;

	for (from = h->place; from < h->place + PLACES; from++)
		for (to = h->place; to < h->place + PLACES; to++)
			for (i = 0; i < functions_of(thing_at(from)); i++)
				for (k = 0; k < functions_of(thing_at(to)); k++)
					if (from->client && !to->client)
						pairs += check_pair(h, from, i,
								    to, k);
	return pairs;
}

/* What an entry says of its functions must be true, and they must be there. */
static void check_entry(const struct p2pdma_entry *entry, void *data)
{
	struct hotplug *h = data;

	/* Nothing is removed meanwhile: whatever has an entry is there. */
	if (pci_dev_id(entry->key.client) != entry->client_bdf.id ||
	    pci_dev_id(to_pci_dev(entry->owner)) != entry->owner_bdf.id)
		h->wrong++;
}

static void check_entries(struct hotplug *h, int pairs)
{
	KUNIT_EXPECT_EQ(h->test, pairs, entries());
	p2pdma_cache_for_each(check_entry, h);
	KUNIT_EXPECT_EQ(h->test, 0, h->wrong);
}

static void check_iommu(struct hotplug *h)
{
	int i, pages = 0;

	if (!h->mock)
		return;
	KUNIT_EXPECT_EQ(h->test, 0, h->mock->faults);
	if (has_windows(h->iommu))
		return;
	for (i = 0; i < KEPT; i++)
		pages += h->kept[i].pages;
	KUNIT_EXPECT_EQ(h->test, pages, mapped_pages(h->mock));
}

static void one_round(struct hotplug *h, int number)
{
	keep_lists(h);
	hold_memory(h);
	switch (number % 4) {
	case 0:
	case 1:
		change_thing(h, &h->place[chance(h, PLACES)], true);
		break;
	case 2:
		change_thing(h, &h->place[chance(h, PLACES)], !chance(h, 2));
		break;
	case 3:
		renumber(h);
		break;
	}
	check_held(h);
	drop_lists(h);
	check_pool(h);
	check_entries(h, check_pairs(h));
	check_iommu(h);
}

static struct hotplug *hotplug_create(struct kunit *test, int batch)
{
	struct hotplug *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, h);
	*h = (struct hotplug) {
		.test = test,
		.iommu = &hotplug_iommus[batch % ARRAY_SIZE(hotplug_iommus)],
		.place = {
			{ "c", 0, true, clients_c, ARRAY_SIZE(clients_c) },
			{ "p", 0, false, providers_p, ARRAY_SIZE(providers_p) },
			{ "d", 1, true, clients_d, ARRAY_SIZE(clients_d) },
			{ "b", 1, false, providers_b, ARRAY_SIZE(providers_b) },
		},
	};
	prandom_seed_state(&h->rnd, batch + 1);
	h->mock = create_iommu(test, h->iommu);
	h->fabric = fabric_create(test, rounds_picture);
	fabric_cpu_listed(test, true);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_memory, h));
	for (i = 0; i < KEPT; i++)
		h->kept[i].sg = fabric_sg_alloc(h->fabric, 6);
	for (i = 0; i < PLACES; i++) {
		h->place[i].drawn = BIT(0);
		place_ready(h, &h->place[i]);
	}
	return h;
}

static void hotplug_rounds(struct kunit *test)
{
	unsigned int batch = *(const unsigned int *)test->param_value, i;
	unsigned int left = min(rounds - batch * BATCH, BATCH);
	unsigned int watched = p2pdma_watch_count(), before = entries();
	struct hotplug *h;

	/* Other tests leave nothing behind either. */
	KUNIT_ASSERT_EQ(test, 0, before);
	h = hotplug_create(test, batch);
	for (i = 0; i < left && READ_ONCE(test->status) != KUNIT_FAILURE; i++)
		one_round(h, i);
	if (i < left)
		kunit_info(test, "round %u of batch %u\n", i, batch);
	if (left == BATCH) {
		KUNIT_EXPECT_GE(test, h->renumbered, BATCH / 4);
		KUNIT_EXPECT_GT(test, h->moved, 0);
	}

	unmap_of(h, NULL);
	put_memory(h);
	for (i = 0; i < ARRAY_SIZE(root_ports); i++)
		fabric_unplug(h->fabric, root_ports[i]);
	KUNIT_EXPECT_EQ(test, 0, entries());
	KUNIT_EXPECT_EQ(test, watched, p2pdma_watch_count());
	KUNIT_EXPECT_EQ(test, 0, mapped_pages(h->mock));
}

static const void *hotplug_next_batch(const void *prev, char *desc)
{
	static unsigned int batch;

	batch = prev ? batch + 1 : 0;
	if (batch * BATCH >= rounds)
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "rounds from %u on, %s",
		 batch * BATCH,
		 hotplug_iommus[batch % ARRAY_SIZE(hotplug_iommus)].name);
	return &batch;
}

/*
 * Error recovery.
 */

static const char recovery_picture[] =
	"host bus=0x90000000\n"
	"  rp r acs=UF\n"
	"    up u\n"
	"      dp c acs=RR,UF\n"
	"        ep client\n"
	"      dp p\n"
	"        ep provider bar0=2M\n"
	"  rp s\n"
	"    ep beside bar0=2M\n";

struct recovery {
	struct fabric *fabric;
	const struct hotplug_iommu *iommu;
	struct mock_iommu *mock;
	struct pci_dev *client;
	int pages;
};

/* ACS does not redirect, although it does at power-on. */
static void create_recovery(struct kunit *test, struct recovery *r)
{
	*r = (struct recovery) { .iommu = test->param_value };
	r->mock = create_iommu(test, r->iommu);
	r->fabric = fabric_setup(test, recovery_picture, NAMES("client"),
				 NAMES("provider", "beside"));
	r->client = fabric_dev(r->fabric, "client");
	fabric_cpu_listed(test, true);
	fabric_set_acs(r->fabric, "c", 0);
	expect_bus(r->fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_host(r->fabric, "client", "beside", EVERY_DIR, NO_COMMON_PORT);
	r->pages = mapped_pages(r->mock);
}

/* RAM, and memory that is reached in both ways. */
static struct fabric_sg *recovery_list(struct recovery *r, u64 offset)
{
	return fabric_sg_list(r->fabric, SG_RAM(100, SZ_4K),
			      SG_PEER("provider", offset, SZ_8K),
			      SG_PEER("beside", offset, SZ_8K));
}

static void expect_unmapped(struct kunit *test, struct recovery *r)
{
	if (!r->mock)
		return;
	if (!has_windows(r->iommu))
		KUNIT_EXPECT_EQ(test, r->pages, mapped_pages(r->mock));
	KUNIT_EXPECT_EQ(test, 0, r->mock->faults);
}

/* As error recovery does for all below a port; here also for the port. */
static void channel(struct fabric *fabric, const char *name,
		    pci_channel_state_t state)
{
	struct fabric_fn *fn, *top = fabric_fn_named(fabric, name);
	struct pci_dev *pdev;

	list_for_each_entry(fn, &fabric->functions, node) {
		pdev = fabric_fn_is_below(fn, top) ? fabric_fn_dev(fn) : NULL;
		if (pdev)
			pci_dev_set_io_state(pdev, state);
	}
}

/* Nothing of the provider is mapped for the client; @who is why. */
static void expect_unreachable(struct kunit *test, struct recovery *r,
			       const char *who)
{
	phys_addr_t phys = pci_resource_start(fabric_dev(r->fabric, "provider"), 0);
	struct fabric_sg *sg = recovery_list(r, SZ_1M);
	struct pci_p2pdma_route route;
	enum dma_data_direction dir;
	enum fabric_call call;

	for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
		KUNIT_EXPECT_EQ(test, -EREMOTEIO, fabric_sg_map(sg, r->client, dir));
		pci_p2pdma_query_route(pci_p2pdma_provider_of_phys(phys, 1),
				       &r->client->dev, dir, &route);
		KUNIT_EXPECT_EQ(test, route.type, PCI_P2PDMA_MAP_NOT_SUPPORTED);
		KUNIT_EXPECT_EQ(test, route.reason,
				PCI_P2PDMA_PROVIDER_UNREACHABLE);
		KUNIT_EXPECT_TRUE(test, route.has_bridge);
		KUNIT_EXPECT_EQ(test, route.bridge_id,
				pci_dev_id(fabric_dev(r->fabric, who)));
	}
	for (call = 0; call < FABRIC_NR_CALLS; call++)
		fabric_expect_call(r->fabric, call, r->client, phys + SZ_1M, SZ_4K,
				   DMA_FROM_DEVICE, PCI_P2PDMA_MAP_NOT_SUPPORTED,
				   __LINE__);
}

/*
 * While the link of a provider, or of a port above it, is frozen, new mappings are
 * refused, and those that exist can be undone.  Other memory is mapped as ever, and the
 * pool and look-ups, which do not need the link, work.  Afterwards all is as before.
 */
static void hotplug_frozen(struct kunit *test)
{
	/* The nearest to the provider that is frozen is named, which it is itself. */
	static const char * const where[] = { "provider", "p", "u", "r" };
	struct pci_p2pdma_memory memory;
	struct fabric_sg *sg, *ram;
	struct pci_dev *provider;
	struct recovery r;
	phys_addr_t phys;
	void *page;
	int i;

	create_recovery(test, &r);
	provider = fabric_dev(r.fabric, "provider");
	phys = pci_resource_start(provider, 0);
	ram = fabric_sg_list(r.fabric, SG_RAM(0, SZ_8K));
	sg = recovery_list(&r, SZ_64K);
	for (i = 0; i < ARRAY_SIZE(where); i++) {
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, r.client, DMA_BIDIRECTIONAL));
		channel(r.fabric, where[i], pci_channel_io_frozen);
		expect_unreachable(test, &r, "provider");
		expect_host(r.fabric, "client", "beside", EVERY_DIR,
			    NO_COMMON_PORT);
		KUNIT_EXPECT_EQ(test, 1,
				fabric_sg_segments(ram, r.client, DMA_TO_DEVICE));

		page = pci_alloc_p2pmem(provider, SZ_4K);
		KUNIT_EXPECT_NOT_NULL(test, page);
		if (page)
			pci_free_p2pmem(provider, page, SZ_4K);
		KUNIT_EXPECT_EQ(test, 0,
				pci_p2pdma_find_phys(phys, SZ_2M, &memory));
		pci_p2pdma_put_memory(&memory);

		fabric_sg_sync(sg);
		fabric_sg_unmap(sg);
		expect_unmapped(test, &r);
		channel(r.fabric, where[i], pci_channel_io_normal);
		expect_bus(r.fabric, "client", "provider", EVERY_DIR, DIRECT);
		expect_unmapped(test, &r);
	}
}

/*
 * Recovery may reset what is frozen.  Registers are then as at power-on, without a write,
 * and routes follow them.
 */
static void hotplug_frozen_reset(struct kunit *test)
{
	struct pci_dev *port, *provider;
	struct recovery r;

	create_recovery(test, &r);
	port = fabric_dev(r.fabric, "c");
	provider = fabric_dev(r.fabric, "provider");

	/* A port on the client's side, which has another ACS Control then. */
	KUNIT_ASSERT_EQ(test, 0, pci_save_state(port));
	channel(r.fabric, "c", pci_channel_io_frozen);
	fabric_fn_reset(fabric_fn_named(r.fabric, "c"));
	pci_restore_state(port);
	channel(r.fabric, "c", pci_channel_io_normal);
	KUNIT_ASSERT_EQ(test, PCI_ACS_RR | PCI_ACS_UF, fabric_acs(r.fabric, "c"));
	expect_host(r.fabric, "client", "provider", EVERY_DIR, ACS_REQUEST);
	fabric_set_acs(r.fabric, "c", 0);
	expect_bus(r.fabric, "client", "provider", EVERY_DIR, DIRECT);

	/* The provider, whose BAR has no address until its driver restores it. */
	KUNIT_ASSERT_EQ(test, 0, pci_save_state(provider));
	channel(r.fabric, "provider", pci_channel_io_frozen);
	fabric_fn_reset(fabric_fn_named(r.fabric, "provider"));
	expect_unreachable(test, &r, "provider");
	channel(r.fabric, "provider", pci_channel_io_normal);
	expect_refused(r.fabric, "client", "provider", EVERY_DIR,
		       PROVIDER_UNREACHABLE);
	pci_restore_state(provider);
	expect_bus(r.fabric, "client", "provider", EVERY_DIR, DIRECT);
	expect_unmapped(test, &r);
}

/* Recovery fails: the device stays unreachable until it is removed. */
static void hotplug_frozen_fails(struct kunit *test)
{
	struct pci_dev *provider;
	struct fabric_sg *sg;
	struct recovery r;
	struct gone gone;

	create_recovery(test, &r);
	provider = fabric_dev(r.fabric, "provider");
	gone = about_to_go(provider);
	sg = recovery_list(&r, SZ_64K);
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, r.client, DMA_BIDIRECTIONAL));
	channel(r.fabric, "provider", pci_channel_io_frozen);
	channel(r.fabric, "provider", pci_channel_io_perm_failure);
	expect_unreachable(test, &r, "provider");
	KUNIT_EXPECT_FALSE(test, pci_dev_set_io_state(provider,
						      pci_channel_io_normal));
	expect_unreachable(test, &r, "provider");
	/* Unlike a provider that is only frozen it has no distance any more. */
	KUNIT_EXPECT_EQ(test, -1,
			pci_p2pdma_distance(provider, &r.client->dev, false));

	fabric_unplug(r.fabric, "provider");
	KUNIT_EXPECT_EQ(test, 0, entries_of(&gone));
	fabric_sg_sync(sg);
	fabric_sg_unmap(sg);
	expect_unmapped(test, &r);
	fabric_replug(r.fabric, "provider");
	fabric_provider(r.fabric, "provider", 0);
	expect_bus(r.fabric, "client", "provider", EVERY_DIR, DIRECT);
}

/*
 * Surprise removal: first nobody notices, then the kernel is told, then the device is
 * removed.
 */

/* While nobody has noticed: a mapping is refused, or what it was before. */
static void try_map(struct kunit *test, struct recovery *r, struct fabric_sg *sg)
{
	int ret = fabric_sg_map(sg, r->client, DMA_BIDIRECTIONAL);

	KUNIT_EXPECT_TRUE_MSG(test, !ret || ret == -EREMOTEIO, "error %d", ret);
	if (!ret)
		fabric_sg_unmap(sg);
}

/* What belongs to the provider works, and finds what it did. */
static void use_provider(struct kunit *test, struct pci_dev *provider)
{
	phys_addr_t phys = pci_resource_start(provider, 0);
	struct pci_p2pdma_memory memory;
	void *page = pci_alloc_p2pmem(provider, SZ_4K);

	KUNIT_EXPECT_NOT_NULL(test, page);
	if (!page)
		return;
	KUNIT_EXPECT_EQ(test, 0,
			pci_p2pdma_find_page(virt_to_page(page), &memory));
	KUNIT_EXPECT_PTR_EQ(test, memory.pdev, provider);
	pci_p2pdma_put_memory(&memory);
	KUNIT_EXPECT_EQ(test, 0, pci_p2pdma_find_phys(phys, SZ_2M, &memory));
	KUNIT_EXPECT_EQ(test, memory.bus, pci_bus_address(provider, 0));
	pci_p2pdma_put_memory(&memory);
	pci_free_p2pmem(provider, page, SZ_4K);
}

static void hotplug_pulled_out(struct kunit *test)
{
	static const char * const victims[] = { "provider", "p", "u", "r" };
	struct gone gone, gone_client;
	struct pci_p2pdma_memory memory;
	struct pci_p2pdma_route route;
	struct fabric_sg *sg, *other;
	struct pci_dev *provider;
	struct recovery r;
	phys_addr_t phys;
	dma_addr_t dma;
	int i;

	create_recovery(test, &r);
	sg = fabric_sg_alloc(r.fabric, 3);
	other = fabric_sg_alloc(r.fabric, 3);
	for (i = 0; i < ARRAY_SIZE(victims); i++) {
		/* The client goes with the switch. */
		bool alone = i < 2;

		provider = fabric_dev(r.fabric, "provider");
		gone = about_to_go(provider);
		gone_client = about_to_go(r.client);
		phys = pci_resource_start(provider, 0);
		fabric_sg_clear(sg);
		fabric_sg_ram(sg, 100, SZ_4K);
		fabric_sg_peer(sg, "provider", SZ_64K, SZ_8K);
		fabric_sg_peer(sg, "beside", SZ_64K, SZ_8K);
		fabric_sg_clear(other);
		fabric_sg_ram(other, 0, SZ_4K);
		fabric_sg_peer(other, "provider", SZ_128K, SZ_4K);
		KUNIT_ASSERT_EQ(test, 0,
				fabric_sg_map(sg, r.client, DMA_BIDIRECTIONAL));
		dma = fabric_single_map(FABRIC_MMIO, &r.client->dev,
					phys + SZ_256K, SZ_4K, DMA_FROM_DEVICE);
		KUNIT_EXPECT_NE(test, dma, DMA_MAPPING_ERROR);
		KUNIT_ASSERT_EQ(test, 0,
				pci_p2pdma_find_phys(phys, SZ_4K, &memory));

		fabric_vanish(r.fabric, victims[i]);
		try_map(test, &r, other);
		/* Whoever asks it now learns that it does not answer. */
		p2pdma_invalidate(P2PDMA_BY_POLICY);
		KUNIT_EXPECT_EQ(test, -EREMOTEIO,
				fabric_sg_map(other, r.client, DMA_BIDIRECTIONAL));
		use_provider(test, provider);

		fabric_disconnect(r.fabric, victims[i]);
		expect_unreachable(test, &r, "provider");
		use_provider(test, provider);
		if (!alone) {
			fabric_sg_unmap(sg);
			fabric_single_unmap(FABRIC_MMIO, &r.client->dev, dma,
					    SZ_4K, DMA_FROM_DEVICE);
		}

		fabric_unplug(r.fabric, victims[i]);
		KUNIT_EXPECT_EQ(test, 0, entries_of(&gone));
		KUNIT_EXPECT_EQ(test, -ENXIO,
				pci_p2pdma_find_phys(phys, 1, &(struct pci_p2pdma_memory) {}));
		if (alone) {
			pci_p2pdma_query_route(memory.provider, &r.client->dev,
					       DMA_FROM_DEVICE, &route);
			KUNIT_EXPECT_EQ(test, route.reason,
					PCI_P2PDMA_PROVIDER_UNREACHABLE);
			fabric_sg_sync(sg);
			fabric_sg_unmap(sg);
			fabric_single_unmap(FABRIC_MMIO, &r.client->dev, dma,
					    SZ_4K, DMA_FROM_DEVICE);
			expect_unmapped(test, &r);
		} else {
			KUNIT_EXPECT_EQ(test, 0, entries_of(&gone_client));
		}
		pci_p2pdma_put_memory(&memory);

		fabric_replug(r.fabric, victims[i]);
		r.client = fabric_client(r.fabric, "client");
		fabric_provider(r.fabric, "provider", 0);
		fabric_set_acs(r.fabric, "c", 0);
		expect_bus(r.fabric, "client", "provider", EVERY_DIR, DIRECT);
		expect_host(r.fabric, "client", "beside", EVERY_DIR,
			    NO_COMMON_PORT);
		expect_unmapped(test, &r);
	}
}

/*
 * In the middle of an operation.
 */

/**
 * struct vanish_row - a fabric on which devices vanish
 * @name: for messages
 * @picture: the fabric, with "client" and the provider
 * @provider: the provider; NULL for "provider"
 * @iommu: the mock IOMMU translates
 * @victims: what vanishes
 * @ready: makes the fabric ready, after the clients and providers; or NULL
 * @change: changes a register that the route rests on, or changes it back: called for
 *	that also before anything else
 */
struct vanish_row {
	const char *name;
	const char *picture;
	const char *provider;
	bool iommu;
	const char *victims[6];
	void (*ready)(struct fabric *fabric);
	void (*change)(struct fabric *fabric, bool on);
};

static void change_request(struct fabric *fabric, bool on)
{
	fabric_set_acs(fabric, "c", on ? PCI_ACS_RR | PCI_ACS_UF : 0);
}

static void change_completion(struct fabric *fabric, bool on)
{
	fabric_set_acs(fabric, "p", on ? 0 : PCI_ACS_CR);
}

static void change_egress(struct fabric *fabric, bool on)
{
	fabric_set_egress(fabric, "c", on ? 0 : BIT(2));
}

static void change_tags(struct fabric *fabric, bool on)
{
	pci_write_config_dword(fabric_dev(fabric, "client"),
			       FABRIC_EXT_CAP_DEV3 + P2PDMA_DEV3_CTL,
			       on ? 0 : FABRIC_DEV3_CTL_REQ_14BIT);
}

static void change_tags_too(struct fabric *fabric, bool on)
{
	struct pci_dev *client = fabric_dev(fabric, "client");

	if (on)
		pcie_capability_clear_word(client, PCI_EXP_DEVCTL2,
					   FABRIC_DEVCTL2_REQ_10BIT);
	else
		pcie_capability_set_word(client, PCI_EXP_DEVCTL2,
					 FABRIC_DEVCTL2_REQ_10BIT);
}

static void ready_payload(struct fabric *fabric)
{
	static const char * const names[] = { "r", "u", "c", "client", "p" };
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		fabric_set_mps(fabric, names[i], 256);
}

static void change_payload(struct fabric *fabric, bool on)
{
	fabric_set_mps(fabric, "provider", on ? 256 : 128);
}

static void ready_vfs(struct fabric *fabric)
{
	fabric_enable_vfs(fabric, "pf", 1);
	fabric_provider(fabric, "pf.vf0", 0);
}

static void change_groups(struct fabric *fabric, bool on)
{
	fabric_set_egress(fabric, "client", on ? 0 : BIT(3));
}

static void change_bridge(struct fabric *fabric, bool on)
{
	fabric_set_acs(fabric, "c", on ? 0 : 0x0100);
}

static void change_decode(struct fabric *fabric, bool on)
{
	fabric_set_decode(fabric, "s", !on);
}

static const struct vanish_row vanish_rows[] = {
	{
		.name = "direct",
		.picture =
			"host bus=0x90000000\n"
			"  rp r acs=UF\n"
			"    up u\n"
			"      dp c acs=none\n"
			"        ep client\n"
			"      dp p acs=none\n"
			"        ep provider bar0=2M\n",
		.victims = { "client", "c", "provider", "p", "u", "r" },
		.change = change_request,
	}, {
		.name = "direct, IOMMU",
		.picture =
			"host bus=0x90000000\n"
			"  rp r acs=UF\n"
			"    up u\n"
			"      dp c acs=none\n"
			"        ep client\n"
			"      dp p acs=none\n"
			"        ep provider bar0=2M\n",
		.iommu = true,
		.victims = { "client", "c", "provider", "p", "u", "r" },
		.change = change_request,
	}, {
		.name = "completions redirected",
		.picture =
			"host bus=0x90000000\n"
			"  rp r acs=none\n"
			"    up u\n"
			"      dp c acs=none\n"
			"        ep client\n"
			"      dp p acs=CR\n"
			"        ep provider bar0=2M\n",
		.victims = { "client", "c", "provider", "p", "u", "r" },
		.change = change_completion,
	}, {
		.name = "egress control drops",
		.picture =
			"host bus=0x90000000\n"
			"  rp r acs=UF\n"
			"    up u\n"
			"      dp c port=1 acs=EC egress=2\n"
			"        ep client\n"
			"      dp p port=2 acs=none\n"
			"        ep provider bar0=2M\n",
		.victims = { "client", "c", "provider", "p", "u" },
		.change = change_egress,
	}, {
		.name = "14 bits in tags",
		.picture =
			"host bus=0x90000000\n"
			"  rp r\n"
			"    up u\n"
			"      dp c acs=none\n"
			"        ep client requester=14\n"
			"      dp p acs=none\n"
			"        ep provider completer=10 bar0=2M\n",
		.victims = { "client", "c", "provider", "p" },
		.change = change_tags,
	}, {
		.name = "10 bits in tags",
		.picture =
			"host bus=0x90000000\n"
			"  rp r\n"
			"    up u\n"
			"      dp c acs=none\n"
			"        ep client requester=10\n"
			"      dp p acs=none\n"
			"        ep provider bar0=2M\n",
		.victims = { "client", "c", "provider" },
		.change = change_tags_too,
	}, {
		.name = "payload",
		.picture =
			"host bus=0x90000000\n"
			"  rp r\n"
			"    up u\n"
			"      dp c acs=none\n"
			"        ep client\n"
			"      dp p acs=none\n"
			"        ep provider bar0=2M\n",
		.victims = { "client", "c", "provider", "p", "r" },
		.ready = ready_payload,
		.change = change_payload,
	}, {
		.name = "virtual function",
		.picture =
			"host bus=0x90000000\n"
			"  rp r acs=UF\n"
			"    up u\n"
			"      dp c acs=none\n"
			"        ep client\n"
			"      dp p acs=none\n"
			"        ep pf vfs=1 vfbar=2M\n",
		.provider = "pf.vf0",
		.victims = { "client", "pf", "p" },
		.ready = ready_vfs,
		.change = change_request,
	}, {
		.name = "function groups",
		.picture =
			"host bus=0x90000000\n"
			"  rp r ari acs=UF\n"
			"    ep zero acs=none group=1\n"
			"    ep provider fn=9 acs=none group=3 bar0=2M\n"
			"    ep client fn=200 acs=EC egress=3 group=5\n",
		.victims = { "client", "provider", "zero", "r" },
		.change = change_groups,
	}, {
		.name = "memory of a port",
		.picture =
			"host bus=0x90000000\n"
			"  rp r acs=UF\n"
			"    up u\n"
			"      dp c enhanced acs=none bar0=2M\n"
			"        ep client\n",
		.provider = "c",
		.victims = { "client", "c", "u", "r" },
		.change = change_bridge,
	}, {
		.name = "host bridge",
		.picture =
			"host bus=0x90000000\n"
			"  rp r\n"
			"    ep client\n"
			"  rp s\n"
			"    ep provider bar0=2M\n",
		.victims = { "client", "r", "provider", "s" },
		.change = change_decode,
	}, {
		.name = "host bridge, IOMMU",
		.picture =
			"host bus=0x90000000\n"
			"  rp r\n"
			"    ep client\n"
			"  rp s\n"
			"    ep provider bar0=2M\n",
		.iommu = true,
		.victims = { "client", "r", "provider", "s" },
		.change = change_decode,
	},
};

KUNIT_ARRAY_PARAM_DESC(vanish, vanish_rows, name);

/**
 * struct vanish - such a fabric in use
 * @test: the test
 * @row: what it is
 * @fabric: the fabric
 * @mock: the IOMMU, or NULL
 * @client: the client
 * @owner: the provider's function
 * @provider: the provider
 * @sg: a list with memory of the provider
 * @normal: routes of the pair, by kind
 * @changed: routes of the pair with &vanish_row.change
 * @distance: what pci_p2pdma_distance() returns
 */
struct vanish {
	struct kunit *test;
	const struct vanish_row *row;
	struct fabric *fabric;
	struct mock_iommu *mock;
	struct pci_dev *client;
	struct pci_dev *owner;
	struct p2pdma_provider *provider;
	struct fabric_sg *sg;
	struct pci_p2pdma_route normal[P2PDMA_NR_KINDS];
	struct pci_p2pdma_route changed[P2PDMA_NR_KINDS];
	int distance;
};

static const enum dma_data_direction dir_of[P2PDMA_NR_KINDS] = {
	[P2PDMA_WRITES]	= DMA_FROM_DEVICE,
	[P2PDMA_READS]	= DMA_BIDIRECTIONAL,
};

static bool refused(const struct pci_p2pdma_route *route)
{
	return route->type == PCI_P2PDMA_MAP_NOT_SUPPORTED;
}

/* What the routes are if nothing is remembered. */
static void examine(struct vanish *v, struct pci_p2pdma_route *routes)
{
	struct p2pdma_gathered gathered;
	struct p2pdma_facts facts;
	int kind;

	for (kind = 0; kind < P2PDMA_NR_KINDS; kind++)
		p2pdma_examine(v->provider, v->client, kind, &gathered, &facts,
			       &routes[kind]);
}

/* What mappings get, from the route cache or not. */
static void expect_routes(struct vanish *v, const struct pci_p2pdma_route *want,
			  const char *victim, int step, const char *when)
{
	struct pci_p2pdma_route route;
	int kind;

	for (kind = 0; kind < P2PDMA_NR_KINDS; kind++) {
		p2pdma_query(v->provider, &v->client->dev, dir_of[kind],
			     P2PDMA_QUERY_LIST, true, &route);
		if (route.type == want[kind].type &&
		    route.reason == want[kind].reason &&
		    route.bridge_id == want[kind].bridge_id)
			continue;
		KUNIT_FAIL(v->test,
			   "%s, access or round %d; %s, direction %d, the route is %s, %s, not %s, %s",
			   victim, step, when, dir_of[kind],
			   pci_p2pdma_map_type_name(route.type),
			   pci_p2pdma_reason_name(route.reason),
			   pci_p2pdma_map_type_name(want[kind].type),
			   pci_p2pdma_reason_name(want[kind].reason));
	}
}

/* Nothing is remembered of any function. */
static void forget(struct vanish *v)
{
	struct fabric_fn *fn;
	struct pci_dev *pdev;

	list_for_each_entry(fn, &v->fabric->functions, node) {
		pdev = fabric_fn_dev(fn);
		if (pdev)
			p2pdma_watch_end(pdev);
	}
}

static bool above_provider(struct vanish *v, const char *victim)
{
	struct pci_dev *pdev = v->owner, *top = fabric_dev(v->fabric, victim);

	if (pdev->is_virtfn && pci_physfn(pdev) == top)
		return true;
	while (pdev && pdev != top)
		pdev = pci_upstream_bridge(pdev);
	return pdev;
}

/*
 * A mapping is refused, or right by what the oracle has read before; never is it better than
 * it was.
 */
static void expect_safe(struct vanish *v, enum p2pdma_kind kind,
			const char *victim, int step)
{
	int ret = fabric_sg_map(v->sg, v->client, dir_of[kind]);

	if (!ret)
		fabric_sg_unmap(v->sg);
	if (ret != -EREMOTEIO && (ret || refused(&v->normal[kind])))
		KUNIT_FAIL(v->test,
			   "%s vanishes at access %d; mapping, direction %d, returns %d",
			   victim, step, dir_of[kind], ret);
}

static void do_map(struct vanish *v, const char *victim, int step,
		   enum p2pdma_kind kind)
{
	fabric_vanish_at(v->fabric, victim, step);
	expect_safe(v, kind, victim, step);
}

static void do_map_writes(struct vanish *v, const char *victim, int step)
{
	do_map(v, victim, step, P2PDMA_WRITES);
}

static void do_map_reads(struct vanish *v, const char *victim, int step)
{
	do_map(v, victim, step, P2PDMA_READS);
}

static void do_map_single(struct vanish *v, const char *victim, int step)
{
	phys_addr_t phys = pci_resource_start(v->owner, 0) + SZ_128K;
	dma_addr_t dma;

	fabric_vanish_at(v->fabric, victim, step);
	dma = fabric_single_map(FABRIC_MMIO, &v->client->dev, phys, SZ_4K,
				DMA_BIDIRECTIONAL);
	if (dma == DMA_MAPPING_ERROR)
		return;
	KUNIT_EXPECT_FALSE_MSG(v->test, refused(&v->normal[P2PDMA_READS]),
			       "%s vanishes at access %d", victim, step);
	oracle_expect(v->fabric, v->client, dma, SZ_4K, DMA_BIDIRECTIONAL, phys);
	fabric_single_unmap(FABRIC_MMIO, &v->client->dev, dma, SZ_4K,
			    DMA_BIDIRECTIONAL);
}

/* Look-ups of routes that a driver makes before it maps anything. */
static void do_ask(struct vanish *v, const char *victim, int step)
{
	struct pci_p2pdma_route route;
	struct pci_dev *found;
	int distance;

	fabric_vanish_at(v->fabric, victim, step);
	pci_p2pdma_query_route(v->provider, &v->client->dev, DMA_BIDIRECTIONAL,
			       &route);
	distance = pci_p2pdma_distance(v->owner, &v->client->dev, false);
	found = pci_p2pmem_find(&v->client->dev);
	KUNIT_EXPECT_TRUE_MSG(v->test,
			      refused(&route) || !refused(&v->normal[P2PDMA_READS]),
			      "%s vanishes at access %d", victim, step);
	KUNIT_EXPECT_TRUE_MSG(v->test, distance == -1 || distance == v->distance,
			      "%s vanishes at access %d: distance %d", victim,
			      step, distance);
	KUNIT_EXPECT_TRUE_MSG(v->test, !found || (found == v->owner &&
						  v->distance >= 0),
			      "%s vanishes at access %d: found %s", victim, step,
			      found ? pci_name(found) : "");
	pci_dev_put(found);
}

static void do_pool(struct vanish *v, const char *victim, int step)
{
	struct pci_p2pdma_memory memory;
	void *page;

	fabric_vanish_at(v->fabric, victim, step);
	page = pci_alloc_p2pmem(v->owner, SZ_4K);
	KUNIT_EXPECT_NOT_NULL(v->test, page);
	if (!page)
		return;
	KUNIT_EXPECT_EQ(v->test, 0,
			pci_p2pdma_find_phys(pci_resource_start(v->owner, 0),
					     SZ_2M, &memory));
	KUNIT_EXPECT_PTR_EQ(v->test, memory.pdev, v->owner);
	pci_p2pdma_put_memory(&memory);
	pci_free_p2pmem(v->owner, page, SZ_4K);
}

/* @forget: nobody has read the registers before. */
struct vanish_operation {
	bool forget;
	void (*run)(struct vanish *v, const char *victim, int step);
};

static const struct vanish_operation vanish_operations[] = {
	{ false, do_map_writes },
	{ true, do_map_writes },
	{ false, do_map_reads },
	{ true, do_map_reads },
	{ false, do_map_single },
	{ false, do_ask },
	{ false, do_pool },
};

/* Do it with the device vanishing; returns false if there was no such access. */
static bool vanish_step(struct vanish *v, const struct vanish_operation *op,
			const char *victim, int step)
{
	bool vanished;

	if (op->forget)
		forget(v);
	p2pdma_invalidate(P2PDMA_BY_POLICY);
	op->run(v, victim, step);
	vanished = fabric_vanished(v->fabric);
	if (vanished)
		expect_safe(v, P2PDMA_READS, victim, step);

	/* It answers again, and nobody has noticed. */
	fabric_reappear(v->fabric, victim);
	expect_safe(v, P2PDMA_WRITES, victim, step);
	expect_safe(v, P2PDMA_READS, victim, step);

	/* Somebody has noticed. */
	channel(v->fabric, victim, pci_channel_io_frozen);
	if (above_provider(v, victim))
		KUNIT_EXPECT_EQ(v->test, -EREMOTEIO,
				fabric_sg_map(v->sg, v->client, DMA_FROM_DEVICE));
	channel(v->fabric, victim, pci_channel_io_normal);
	expect_routes(v, v->normal, victim, step, "after recovery");

	/* What it was asked meanwhile is not all that is known of it. */
	if (op->forget) {
		v->row->change(v->fabric, true);
		expect_routes(v, v->changed, victim, step, "after a change");
		v->row->change(v->fabric, false);
		expect_routes(v, v->normal, victim, step, "after all");
	}
	return vanished;
}

static void vanish_victim(struct vanish *v, int which)
{
	const struct vanish_operation *op = vanish_operations;
	const char *victim = v->row->victims[which];
	int step, total = 0, i;

	for (i = 0; i < ARRAY_SIZE(vanish_operations); i++) {
		/* With a stride each operation and victim begins at another step. */
		for (step = (5 * i + 3 * which) % stride;
		     vanish_step(v, &op[i], victim, step); step += stride) {
			total++;
			KUNIT_ASSERT_LT(v->test, step, 2000);
			if (READ_ONCE(v->test->status) == KUNIT_FAILURE)
				return;
		}
	}
	KUNIT_EXPECT_GT(v->test, total, 100 / stride);
}

/* The fabric of a row, its pair of client and provider, and their routes. */
static struct vanish vanish_setup(struct kunit *test)
{
	const struct vanish_row *row = test->param_value;
	const char *provider = row->provider ?: "provider";
	struct vanish v = { .test = test, .row = row };

	if (row->iommu)
		v.mock = mock_iommu_create(test, NULL);
	v.fabric = fabric_setup(test, row->picture, NAMES("client"), NULL);
	fabric_cpu_listed(test, true);
	if (row->ready)
		row->ready(v.fabric);
	v.client = fabric_dev(v.fabric, "client");
	v.owner = fabric_dev(v.fabric, provider);
	if (!pci_p2pdma_provider_of_phys(pci_resource_start(v.owner, 0), 1))
		fabric_provider(v.fabric, provider, 0);
	v.provider = pci_p2pdma_provider_of_phys(pci_resource_start(v.owner, 0), 1);
	KUNIT_ASSERT_NOT_NULL(test, v.provider);
	pci_p2pmem_publish(v.owner, true);
	v.sg = fabric_sg_alloc(v.fabric, 1);
	fabric_sg_peer(v.sg, provider, SZ_64K, SZ_8K);

	row->change(v.fabric, true);
	examine(&v, v.changed);
	row->change(v.fabric, false);
	examine(&v, v.normal);
	v.distance = pci_p2pdma_distance(v.owner, &v.client->dev, false);
	return v;
}

/* Nothing is left of it when the fabric goes; @watched before there was one. */
static void vanish_end(struct vanish *v, unsigned int watched)
{
	KUNIT_EXPECT_EQ(v->test, 0, mapped_pages(v->mock));
	if (v->mock)
		KUNIT_EXPECT_EQ(v->test, 0, v->mock->faults);
	fabric_destroy(v->fabric);
	KUNIT_EXPECT_EQ(v->test, 0, entries());
	KUNIT_EXPECT_EQ(v->test, watched, p2pdma_watch_count());
}

static void hotplug_vanish(struct kunit *test)
{
	unsigned int watched = p2pdma_watch_count();
	struct vanish v = vanish_setup(test);
	const struct vanish_row *row = v.row;
	bool differ = false;
	int i;

	for (i = 0; i < P2PDMA_NR_KINDS; i++)
		differ |= v.changed[i].type != v.normal[i].type ||
			  v.changed[i].reason != v.normal[i].reason;
	KUNIT_EXPECT_TRUE(test, differ);

	for (i = 0; i < ARRAY_SIZE(row->victims) && row->victims[i]; i++)
		vanish_victim(&v, i);
	vanish_end(&v, watched);
}

/*
 * Hostile devices.
 *
 * If a port reports a false ACS Control, the route may be wrong, which nothing can prevent,
 * and so the oracle is not asked.  But the address that a mapping gives is one of the memory
 * that was mapped, nothing is left behind, and routes are right when everything that was
 * remembered of the device has been dropped.
 */

/* Is that the bus address of the memory, or an IOVA of it? */
static void expect_leads_to(struct vanish *v, dma_addr_t dma, phys_addr_t phys,
			    size_t size, enum dma_data_direction dir)
{
	struct resource res = DEFINE_RES_MEM(phys, size);
	struct pci_bus_region region;
	phys_addr_t there;
	size_t left;
	int ret;

	pcibios_resource_to_bus(v->owner->bus, &region, &res);
	if (!v->mock) {
		KUNIT_EXPECT_EQ(v->test, dma, region.start);
		return;
	}
	if (dma == region.start)
		return;
	/* No assertions: while the device lies, the test must not be left. */
	for (; size; dma += left, phys += left, size -= left) {
		ret = mock_iommu_translate(&v->client->dev, dma,
					   dir == DMA_FROM_DEVICE, &there, &left);
		KUNIT_EXPECT_EQ(v->test, 0, ret);
		if (ret)
			return;
		KUNIT_EXPECT_EQ(v->test, phys, there);
		left = min(left, size);
	}
}

/* Returns how many mappings there were. */
static int map_what_lies(struct vanish *v)
{
	phys_addr_t phys = pci_resource_start(v->owner, 0) + SZ_64K;
	struct device *dev = &v->client->dev;
	struct sg_table *sgt = &v->sg->table;
	enum dma_data_direction dir;
	int kind, ret, count = 0;
	dma_addr_t dma;

	for (kind = 0; kind < P2PDMA_NR_KINDS; kind++) {
		dir = dir_of[kind];
		ret = dma_map_sgtable(dev, sgt, dir, 0);
		KUNIT_EXPECT_TRUE(v->test, !ret || ret == -EREMOTEIO);
		if (!ret) {
			KUNIT_EXPECT_EQ(v->test, 1, sgt->nents);
			KUNIT_EXPECT_EQ(v->test, SZ_8K, sg_dma_len(sgt->sgl));
			expect_leads_to(v, sg_dma_address(sgt->sgl), phys, SZ_8K,
					dir);
			dma_unmap_sgtable(dev, sgt, dir, 0);
			count++;
		}

		dma = dma_map_resource(dev, phys, SZ_4K, dir, 0);
		if (!dma_mapping_error(dev, dma)) {
			expect_leads_to(v, dma, phys, SZ_4K, dir);
			dma_unmap_resource(dev, dma, SZ_4K, dir, 0);
			count++;
		}
	}
	return count;
}

/* What else asks for registers; returns whether that finds another route than there is. */
static bool ask_what_lies(struct vanish *v)
{
	const struct pci_p2pdma_route *normal = &v->normal[P2PDMA_READS];
	struct pci_p2pdma_route route;
	struct pci_dev *found;

	pci_p2pdma_query_route(v->provider, &v->client->dev, DMA_BIDIRECTIONAL,
			       &route);
	pci_p2pdma_distance(v->owner, &v->client->dev, false);
	found = pci_p2pmem_find(&v->client->dev);
	KUNIT_EXPECT_TRUE(v->test, !found || found == v->owner);
	pci_dev_put(found);
	return route.reason != normal->reason;
}

static void hotplug_lies(struct kunit *test)
{
	const int count = IS_ENABLED(CONFIG_KASAN) ? 16 : 400;
	unsigned int watched = p2pdma_watch_count();
	struct vanish v = vanish_setup(test);
	int i, round, mapped = 0, other = 0;
	struct rnd_state rnd, before;
	const char *victim;

	prandom_seed_state(&rnd, 16);
	for (i = 0; i < ARRAY_SIZE(v.row->victims) && v.row->victims[i]; i++) {
		victim = v.row->victims[i];
		before = rnd;
		for (round = 0; round < count; round++) {
			/* Somebody else has asked before, or nobody has. */
			if (round % 2)
				forget(&v);
			p2pdma_invalidate(P2PDMA_BY_POLICY);
			fabric_lie(v.fabric, victim, &rnd);
			mapped += map_what_lies(&v);
			other += ask_what_lies(&v);
			fabric_lie(v.fabric, victim, NULL);
		}
		KUNIT_EXPECT_MEMNEQ_MSG(test, &before, &rnd, sizeof(rnd),
					"%s was not asked", victim);
		forget(&v);
		p2pdma_invalidate(P2PDMA_BY_POLICY);
		expect_routes(&v, v.normal, victim, round, "after lies");
		v.row->change(v.fabric, true);
		expect_routes(&v, v.changed, victim, round, "after lies and a change");
		v.row->change(v.fabric, false);
		expect_routes(&v, v.normal, victim, round, "after lies and two changes");
	}
	KUNIT_EXPECT_GT(test, mapped, 0);
	KUNIT_EXPECT_GT(test, other, 0);
	vanish_end(&v, watched);
}

/*
 * While the driver is unbound, and while the device is removed or found.
 */

#define BOUND_DEVICE	0xd7b1

static struct {
	struct pci_dev *client;
	enum pci_p2pdma_reason reason;
	int removed;
} bound;

static int bound_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	pci_set_master(pdev);
	return pci_p2pdma_add_resource(pdev, 0, 0, 0);
}

/* The hardware is stopped when all routes to its memory have gone. */
static void bound_remove(struct pci_dev *pdev)
{
	struct pci_p2pdma_route route;

	pci_p2pdma_query_route(pcim_p2pdma_provider(pdev, 0),
			       &bound.client->dev, DMA_FROM_DEVICE, &route);
	bound.reason = route.reason;
	bound.removed++;
	pci_clear_master(pdev);
}

static const struct pci_device_id bound_ids[] = {
	{ PCI_DEVICE(FABRIC_VENDOR, BOUND_DEVICE) },
	{}
};

static struct pci_driver bound_driver = {
	.name = "p2pdma-hotplug",
	.id_table = bound_ids,
	.probe = bound_probe,
	.remove = bound_remove,
};

KUNIT_DEFINE_ACTION_WRAPPER(driver_action, pci_unregister_driver,
			    struct pci_driver *);

static struct fabric *create_bound(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host bus=0x90000000\n"
		"  rp r\n"
		"    up u\n"
		"      dp c\n"
		"        ep client\n"
		"      dp p\n"
		"        ep provider id=1fab:d7b1 bar0=2M\n",
		NAMES("client"), NULL);

	bound.client = fabric_dev(fabric, "client");
	bound.removed = 0;
	KUNIT_ASSERT_EQ(test, 0, pci_register_driver(&bound_driver));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, driver_action,
						  &bound_driver));
	KUNIT_ASSERT_PTR_EQ(test, fabric_dev(fabric, "provider")->driver,
			    &bound_driver);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
	return fabric;
}

/* Unbind the driver, or remove the device with its driver; returns false if none vanished. */
static bool unbind_step(struct kunit *test, struct fabric *fabric,
			struct fabric_sg *sg, const char *victim, int step,
			bool unplug)
{
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	struct gone gone = about_to_go(pdev);
	struct pci_p2pdma_memory memory;
	int removed = bound.removed;
	bool vanished;

	fabric_sg_clear(sg);
	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_peer(sg, "provider", SZ_64K, SZ_8K);
	KUNIT_ASSERT_EQ(test, 0,
			fabric_sg_map(sg, bound.client, DMA_BIDIRECTIONAL));
	bound.reason = PCI_P2PDMA_DIRECT;

	fabric_vanish_at(fabric, victim, step);
	if (unplug)
		fabric_unplug(fabric, "provider");
	else
		device_release_driver(&pdev->dev);
	vanished = fabric_vanished(fabric);
	KUNIT_EXPECT_EQ(test, removed + 1, bound.removed);
	KUNIT_EXPECT_EQ(test, bound.reason, PCI_P2PDMA_PROVIDER_UNREACHABLE);
	KUNIT_EXPECT_EQ(test, -ENXIO, pci_p2pdma_find_phys(phys, 1, &memory));
	KUNIT_EXPECT_EQ(test, 0, entries_of(&gone));
	fabric_sg_sync(sg);
	fabric_sg_unmap(sg);

	fabric_reappear(fabric, victim);
	if (unplug)
		fabric_replug(fabric, "provider");
	else
		KUNIT_EXPECT_EQ(test, 1, device_attach(&pdev->dev));
	KUNIT_ASSERT_PTR_EQ(test, fabric_dev(fabric, "provider")->driver,
			    &bound_driver);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	return vanished;
}

static void hotplug_vanish_unbind(struct kunit *test)
{
	static const char * const victims[] = { "provider", "p", "r" };
	struct fabric *fabric = create_bound(test);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 2);
	int i, unplug, step;

	for (i = 0; i < ARRAY_SIZE(victims); i++)
		for (unplug = 0; unplug < 2; unplug++) {
			for (step = (5 * i + 3 * unplug) % stride;
			     unbind_step(test, fabric, sg, victims[i], step,
					 unplug); step += stride)
				if (READ_ONCE(test->status) == KUNIT_FAILURE)
					return;
			KUNIT_EXPECT_GT(test, step, 20);
		}
}

/*
 * A device vanishes while it is being found.  What the kernel has made of it can be
 * removed, and then nothing is left of it.
 */
static void hotplug_vanish_plug(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct fabric_fn *fn = fabric_fn_named(fabric, "provider");
	phys_addr_t phys = pci_resource_start(fabric_dev(fabric, "provider"), 0);
	struct p2pdma_provider *bar;
	bool vanished = true;
	int step;

	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);
	fabric_unplug(fabric, "provider");
	for (step = 0; vanished && step < 5000; step += stride) {
		unsigned int before = entries(), watched = p2pdma_watch_count();

		fabric_fn_reset(fn);
		fn->present = true;
		fabric_vanish_at(fabric, "provider", step);
		pci_lock_rescan_remove();
		pci_rescan_bus(fn->host->bus);
		pci_unlock_rescan_remove();
		vanished = fabric_vanished(fabric);
		if (fabric_fn_dev(fn))
			fabric_unplug(fabric, "provider");
		fn->present = false;
		scoped_guard(rcu)
			bar = p2pdma_bar_of_phys(phys, SZ_2M);
		KUNIT_EXPECT_NULL(test, bar);
		KUNIT_EXPECT_EQ(test, before, entries());
		KUNIT_EXPECT_EQ(test, watched, p2pdma_watch_count());
	}
	KUNIT_EXPECT_GT(test, step, 50);
	KUNIT_EXPECT_FALSE(test, vanished);

	fabric_replug(fabric, "provider");
	fabric_provider(fabric, "provider", 0);
	expect_bus(fabric, "client", "provider", EVERY_DIR, DIRECT);
}

/* Virtual functions share the link of their physical one, which alone may be reported. */
static void hotplug_frozen_vf(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host bus=0x90000000\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep client\n"
		"      dp\n"
		"        ep pf vfs=1 vfbar=2M\n",
		NAMES("client"), NULL);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *pf = fabric_dev(fabric, "pf");
	struct pci_p2pdma_route route;
	struct p2pdma_provider *mem;
	struct fabric_sg *sg;

	fabric_enable_vfs(fabric, "pf", 1);
	mem = fabric_provider(fabric, "pf.vf0", 0);
	expect_bus(fabric, "client", "pf.vf0", EVERY_DIR, DIRECT);
	sg = fabric_sg_list(fabric, SG_PEER("pf.vf0", 0, SZ_8K));
	pci_dev_set_io_state(pf, pci_channel_io_frozen);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	pci_p2pdma_query_route(mem, &client->dev, DMA_FROM_DEVICE, &route);
	KUNIT_EXPECT_EQ(test, route.reason, PCI_P2PDMA_PROVIDER_UNREACHABLE);
	pci_dev_set_io_state(pf, pci_channel_io_normal);
	expect_bus(fabric, "client", "pf.vf0", EVERY_DIR, DIRECT);

	/* Nor does one come back whose physical function has been pulled out. */
	pci_dev_set_disconnected(pf, NULL);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	KUNIT_EXPECT_EQ(test, -1,
			pci_p2pdma_distance(fabric_dev(fabric, "pf.vf0"),
					    &client->dev, false));
	pf->error_state = pci_channel_io_normal;
}

static struct kunit_case hotplug_cases[] = {
	KUNIT_CASE_PARAM_ATTR(hotplug_rounds, hotplug_next_batch,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM(hotplug_frozen, hotplug_iommu_gen_params),
	KUNIT_CASE_PARAM(hotplug_frozen_reset, hotplug_iommu_gen_params),
	KUNIT_CASE_PARAM(hotplug_frozen_fails, hotplug_iommu_gen_params),
	KUNIT_CASE_SLOW(hotplug_frozen_vf),
	KUNIT_CASE_PARAM_ATTR(hotplug_pulled_out, hotplug_iommu_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(hotplug_vanish, vanish_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(hotplug_lies, vanish_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_SLOW(hotplug_vanish_unbind),
	KUNIT_CASE_SLOW(hotplug_vanish_plug),
	{}
};

static struct kunit_suite hotplug_suite = {
	.name = "p2pdma_hotplug",
	.test_cases = hotplug_cases,
};

kunit_test_suite(hotplug_suite);

MODULE_DESCRIPTION("KUnit tests of hot-plug, error recovery and surprise removal");
MODULE_LICENSE("GPL");
