/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mock dma_map_ops, for devices that use neither dma-direct nor dma-iommu.
 *
 * Addresses are made up and remembered, so that the oracle can translate them and
 * each unmapping is compared with what was mapped.  No call may be given peer memory:
 * not even ->map_resource, which is there for memory that is in no BAR.
 */
#ifndef P2PDMA_KUNIT_MOCK_OPS_H
#define P2PDMA_KUNIT_MOCK_OPS_H

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include "fabric.h"

/* Calls that are counted; those that map can fail. */
enum mock_ops_call {
	MOCK_MAP_PAGE,
	MOCK_MAP_SG,
	MOCK_MAP_RESOURCE,
	MOCK_UNMAP_PAGE,
	MOCK_UNMAP_SG,
	MOCK_UNMAP_RESOURCE,
	MOCK_SYNC_SINGLE,
	MOCK_SYNC_SG,
	MOCK_NR_CALLS,
};

/**
 * struct mock_ops - the operations of one device
 * @node: in the list of all
 * @test: the test, with which they go
 * @dev: the device
 * @before: the operations that it had
 * @lock: protects what follows
 * @mappings: what is mapped now
 * @next: the next address that is made up
 * @calls: how often each was called
 * @live: how many pieces are mapped now
 * @fail_after: so many calls that map succeed from now on, and then one fails;
 *	negative: none fails
 */
struct mock_ops {
	struct list_head node;
	struct kunit *test;
	struct device *dev;
	const struct dma_map_ops *before;
	spinlock_t lock;	/* what follows */
	struct list_head mappings;
	dma_addr_t next;
	int calls[MOCK_NR_CALLS];
	int live;
	int fail_after;
};

struct mock_ops *mock_ops_install(struct kunit *test, struct pci_dev *pdev);
void mock_ops_uninstall(struct mock_ops *mock);
void mock_ops_forget_calls(struct mock_ops *mock);

bool mock_ops_translates(struct device *dev);
int mock_ops_translate(struct device *dev, u64 dma, bool write,
		       phys_addr_t *phys, size_t *left);

#endif /* P2PDMA_KUNIT_MOCK_OPS_H */
