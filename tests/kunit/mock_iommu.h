/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mock IOMMU under the real IOMMU core and the real dma-iommu.
 *
 * It translates for all functions of fabrics that are created after it, so create it
 * first.  Tests and the oracle read the page table that dma-iommu has filled.
 */
#ifndef P2PDMA_KUNIT_MOCK_IOMMU_H
#define P2PDMA_KUNIT_MOCK_IOMMU_H

#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/notifier.h>
#include <linux/types.h>

/**
 * struct mock_iommu_config - what kind of IOMMU
 * @pgsizes: page sizes, or'ed, bytes; 0 stands for 4 KiB alone
 * @lazy: flush queues instead of strict unmapping
 * @identity: it does not translate (passthrough)
 * @deferred: devices are attached when they first map something; not with @identity,
 *	where dma-iommu, which attaches them, is not used
 * @shared: all devices are in one group, with one domain
 * @no_mmio: it cannot map MMIO
 */
struct mock_iommu_config {
	unsigned long pgsizes;
	bool lazy;
	bool identity;
	bool deferred;
	bool shared;
	bool no_mmio;
};

/**
 * struct mock_iommu - the IOMMU
 * @iommu: for the IOMMU core
 * @test: the test, with which it goes
 * @config: what kind it is
 * @notifier: sees devices come
 * @group: of all devices, with &mock_iommu_config.shared
 * @live: pages that are mapped now
 * @maps: calls of ->iotlb_sync_map since it was created: one for each iommu_map()
 * @runs: calls of ->map_pages
 * @syncs: calls of ->iotlb_sync
 * @attaches: devices that have been attached to a domain
 * @flushes: complete flushes
 * @faults: requests that were refused
 * @want_faults: how many of them the test provokes, checked when the IOMMU goes
 * @fault_iova: address of the last one
 * @fail_after: how many calls to map succeed before one fails; negative if none
 *	fails
 * @fail_error: the error of that call
 * @fail_attach: no device can be attached
 */
struct mock_iommu {
	struct iommu_device iommu;
	struct kunit *test;
	struct mock_iommu_config config;
	struct notifier_block notifier;
	struct iommu_group *group;
	atomic_t live;
	atomic_t maps;
	atomic_t runs;
	atomic_t syncs;
	int attaches;
	atomic_t flushes;
	int faults;
	int want_faults;
	u64 fault_iova;
	int fail_after;
	int fail_error;
	bool fail_attach;
};

struct mock_iommu *mock_iommu_create(struct kunit *test,
				     const struct mock_iommu_config *config);
void mock_iommu_destroy(struct mock_iommu *mock);
void mock_iommu_fail(struct mock_iommu *mock, int after, int error);

bool mock_iommu_translates(struct device *dev);
int mock_iommu_translate(struct device *dev, u64 iova, bool write,
			 phys_addr_t *phys, size_t *left);
int mock_iommu_prot(struct device *dev, u64 iova);
int mock_iommu_iovas(struct device *dev);

#endif /* P2PDMA_KUNIT_MOCK_IOMMU_H */
