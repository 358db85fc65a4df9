// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that ACS redirects, below a host bridge that forwards writes.
 */
#include <kunit/test.h>
#include <linux/sizes.h>

#include "fabric_sg.h"

static void example_redirected(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host forward=writes bus=0x8000000000\n"
		"  rp root acs=UF\n"
		"    up\n"
		"      dp c acs=RR,UF\n"
		"        ep client\n"
		"      dp p\n"
		"        ep provider bar0=2M\n",
		NAMES("client"), NAMES("provider"));
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);

	/* The host bridge is not trusted. */
	expect_refused(fabric, "client", "provider", DMA_FROM_DEVICE,
		       HOST_BRIDGE_UNTRUSTED);

	/* The policy trusts it for writes, which it really forwards. */
	fabric_policy(test, "auto,trust=%s@w", pci_name(client));
	expect_host(fabric, "client", "provider", DMA_FROM_DEVICE,
		    ACS_REQUEST);
	expect_refused(fabric, "client", "provider", DMA_TO_DEVICE,
		       HOST_BRIDGE_UNTRUSTED);

	/* RAM and peer memory in one list; the oracle walks each address. */
	fabric_sg_ram(sg, 100, SZ_4K);
	fabric_sg_peer(sg, "provider", SZ_4K, SZ_8K);
	fabric_sg_peer(sg, "provider", SZ_1M - 1, 2);
	KUNIT_ASSERT_EQ(test, 0,
			fabric_sg_map(sg, client, DMA_FROM_DEVICE));
	fabric_sg_sync(sg);
	fabric_sg_unmap(sg);

	/* Without the redirection it is direct, for reads too. */
	fabric_set_acs(fabric, "c", 0);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		   DIRECT);
}

static struct kunit_case example_cases[] = {
	KUNIT_CASE(example_redirected),
	{}
};

static struct kunit_suite example_suite = {
	.name = "p2pdma_example",
	.test_cases = example_cases,
};

kunit_test_suite(example_suite);
