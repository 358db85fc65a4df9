// SPDX-License-Identifier: GPL-2.0
/*
 * What grows with the machine: a thousand functions, each a client and a provider.  The
 * tests count entries, look-ups and invalidations, and not time.  With the debugging
 * aids, which make each function cost ten times as much, there are fewer.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../../drivers/pci/p2pdma/hooks.h"
#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_fn.h"

#define PER_DEVICE (IS_ENABLED(CONFIG_KASAN) ? 32 : 250)
#define FUNCTIONS (4 * PER_DEVICE)
#define NEIGHBOURS 2

static const char scale_picture[] =
	"host\n"
	"  rp\n"
	"    up\n"
	"      dp port ari\n"
	"        ep a bar0=64K vfs=250 vfbar=4K\n"
	"      dp ari\n"
	"        ep b bar0=64K vfs=250 vfbar=4K\n"
	"      dp ari\n"
	"        ep c bar0=64K vfs=250 vfbar=4K\n"
	"      dp ari\n"
	"        ep d bar0=64K vfs=250 vfbar=4K\n"
	"      dp\n"
	"        ep other bar0=64K\n";

static const char * const scale_devices[] = { "a", "b", "c", "d" };

struct scale {
	struct kunit *test;
	struct fabric *fabric;
	struct pci_dev *fn[FUNCTIONS];
	struct p2pdma_provider *provider[FUNCTIONS];
};

static struct scale *scale_create(struct kunit *test)
{
	struct scale *scale = kunit_kzalloc(test, sizeof(*scale), GFP_KERNEL);
	char name[16];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, scale);
	scale->test = test;
	scale->fabric = fabric_create(test, scale_picture);
	for (i = 0; i < ARRAY_SIZE(scale_devices); i++)
		fabric_enable_vfs(scale->fabric, scale_devices[i], PER_DEVICE);
	for (i = 0; i < FUNCTIONS; i++) {
		snprintf(name, sizeof(name), "%s.vf%d",
			 scale_devices[i / PER_DEVICE], i % PER_DEVICE);
		scale->fn[i] = fabric_client(scale->fabric, name);
		scale->provider[i] = fabric_provider_plain(scale->fabric, name, 0);
	}
	return scale;
}

static void scale_count(const struct p2pdma_entry *entry, void *data)
{
	(*(unsigned int *)data)++;
}

static unsigned int scale_entries(void)
{
	unsigned int count = 0;

	p2pdma_cache_for_each(scale_count, &count);
	return count;
}

static unsigned int scale_gathered;

/* Asked once each time that the facts of a pair are gathered. */
static bool scale_counts_gathering(void)
{
	scale_gathered++;
	return false;
}

/* A query of each client for a few providers, the nearest in number. */
static void scale_query(struct scale *scale, bool store)
{
	struct pci_p2pdma_route route;
	int i, k;

	for (i = 0; i < FUNCTIONS; i++) {
		for (k = 0; k < NEIGHBOURS; k++) {
			int p = (i + PER_DEVICE + k) % FUNCTIONS;

			p2pdma_query(scale->provider[p], &scale->fn[i]->dev,
				     DMA_FROM_DEVICE, P2PDMA_QUERY_LIST, store,
				     &route);
			KUNIT_ASSERT_EQ(scale->test, route.type,
					PCI_P2PDMA_MAP_BUS_ADDR);
		}
		cond_resched();
	}
}

static void scale_expect_lookups(struct scale *scale,
				 const struct p2pdma_lookups *before,
				 unsigned long hits, unsigned long misses,
				 unsigned long stale)
{
	struct p2pdma_lookups now;

	p2pdma_cache_lookups(&now);
	KUNIT_EXPECT_EQ(scale->test, now.hits - before->hits, hits);
	KUNIT_EXPECT_EQ(scale->test, now.misses - before->misses, misses);
	KUNIT_EXPECT_EQ(scale->test, now.stale - before->stale, stale);
}

static unsigned long scale_invalidations(void)
{
	unsigned long sum = 0;
	int i;

	for (i = 0; i < P2PDMA_NR_CAUSES; i++)
		sum += p2pdma_invalidations(i);
	return sum;
}

/* An attribute that anybody may read, for all providers. */
static void scale_read_routes(struct scale *scale, struct pci_dev *client)
{
	struct bin_attribute *const *attr;
	const struct attribute_group *group = &pci_p2pdma_routes_group;
	char *buf = kunit_kmalloc(scale->test, SZ_256K, GFP_KERNEL);
	ssize_t got = 0;
	int lines = 0;
	char *at;

	KUNIT_ASSERT_NOT_NULL(scale->test, buf);
	for (attr = group->bin_attrs; *attr; attr++)
		if (!strcmp((*attr)->attr.name, "p2pdma_routes"))
			got = (*attr)->read(NULL, &client->dev.kobj, *attr, buf,
					    0, SZ_256K - 1);
	KUNIT_ASSERT_GT(scale->test, got, 0);
	buf[got] = '\0';
	for (at = buf; (at = strchr(at, '\n')); at++)
		lines++;
	KUNIT_EXPECT_EQ(scale->test, lines, FUNCTIONS);
	kunit_kfree(scale->test, buf);
}

/*
 * Who only looks makes no entries; who maps makes one for each pair, which is found
 * again, replaced when it is stale, and gone with its function.
 */
static void scale_pairs(struct kunit *test)
{
	struct scale *scale = scale_create(test);
	const unsigned long pairs = FUNCTIONS * NEIGHBOURS;
	struct p2pdma_lookups before;
	unsigned long invalidations;
	int i;

	KUNIT_ASSERT_EQ(test, scale_entries(), 0);
	scale_query(scale, false);
	scale_read_routes(scale, fabric_dev(scale->fabric, "other"));
	KUNIT_EXPECT_EQ(test, scale_entries(), 0);

	p2pdma_cache_lookups(&before);
	scale_query(scale, true);
	KUNIT_EXPECT_EQ(test, scale_entries(), pairs);
	scale_expect_lookups(scale, &before, 0, pairs, 0);

	p2pdma_cache_lookups(&before);
	scale_query(scale, true);
	KUNIT_EXPECT_EQ(test, scale_entries(), pairs);
	scale_expect_lookups(scale, &before, pairs, 0, 0);

	/* Registers that no route rests on, of every function. */
	invalidations = scale_invalidations();
	for (i = 0; i < FUNCTIONS; i++)
		pci_write_config_byte(scale->fn[i], PCI_INTERRUPT_LINE, i);
	for (i = 0; i < ARRAY_SIZE(scale_devices); i++)
		pci_write_config_word(fabric_dev(scale->fabric,
						 scale_devices[i]),
				      PCI_CACHE_LINE_SIZE, i);
	KUNIT_EXPECT_EQ(test, scale_invalidations(), invalidations);
	p2pdma_cache_lookups(&before);
	scale_query(scale, true);
	scale_expect_lookups(scale, &before, pairs, 0, 0);

	/* One that routes rest on: all entries are stale at once, and none is added. */
	fabric_set_acs(scale->fabric, "port", PCI_ACS_SV);
	KUNIT_EXPECT_EQ(test, scale_invalidations(), invalidations + 1);
	p2pdma_cache_lookups(&before);
	scale_query(scale, true);
	KUNIT_EXPECT_EQ(test, scale_entries(), pairs);
	scale_expect_lookups(scale, &before, 0, 0, pairs);

	/* Without "d" go its entries as a client, and those of its memory. */
	for (i = 3 * PER_DEVICE; i < FUNCTIONS; i++)
		fabric_release_providers(scale->fabric, scale->fn[i]);
	fabric_enable_vfs(scale->fabric, "d", 0);
	KUNIT_EXPECT_LE(test, scale_entries(), pairs / 2 + NEIGHBOURS * NEIGHBOURS);
	KUNIT_EXPECT_GE(test, scale_entries(), pairs / 2 - NEIGHBOURS * NEIGHBOURS);
}

/* To find memory for clients costs a look at each pair of client and provider, once. */
static void scale_find(struct kunit *test)
{
	struct scale *scale = scale_create(test);
	struct device *clients[NEIGHBOURS];
	unsigned int entries;
	struct pci_dev *found;
	int i;

	for (i = 0; i < FUNCTIONS; i++)
		pci_p2pmem_publish(scale->fn[i], true);
	for (i = 0; i < NEIGHBOURS; i++)
		clients[i] = &scale->fn[i]->dev;
	entries = scale_entries();

	scale_gathered = 0;
	kunit_activate_static_stub(test, p2pdma_encrypted_guest,
				   scale_counts_gathering);
	found = pci_p2pmem_find_many(clients, NEIGHBOURS);
	kunit_deactivate_static_stub(test, p2pdma_encrypted_guest);
	KUNIT_EXPECT_NOT_NULL(test, found);
	pci_dev_put(found);
	KUNIT_EXPECT_GE(test, scale_gathered, FUNCTIONS);
	KUNIT_EXPECT_LE(test, scale_gathered, FUNCTIONS * NEIGHBOURS);
	KUNIT_EXPECT_EQ(test, scale_entries(), entries);
}

static struct kunit_case scale_cases[] = {
	KUNIT_CASE_SLOW(scale_pairs),
	KUNIT_CASE_SLOW(scale_find),
	{}
};

static struct kunit_suite scale_suite = {
	.name = "scale",
	.test_cases = scale_cases,
};

kunit_test_suite(scale_suite);

MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_DESCRIPTION("What grows with the machine");
MODULE_LICENSE("GPL");
