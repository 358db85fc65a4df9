// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that are not coherent: see mock_cache.h.
 */
#include <kunit/test-bug.h>
#include <linux/atomic.h>
#include <linux/dma-map-ops.h>
#include <linux/ioport.h>

#include "mock_cache.h"
#include "mock_ops.h"

/* Bytes since mock_cache_forget(). */
static atomic64_t mock_cache_for_device;
static atomic64_t mock_cache_for_cpu;

/* Devices that become clients from now on are not coherent. */
static bool mock_cache_default_off;

/**
 * mock_cache_is_ram - is all of a range RAM?
 * @phys: CPU physical address
 * @size: bytes
 *
 * By the map of the machine's memory, in which no device has a say.
 *
 * Return: true if it is.
 */
bool mock_cache_is_ram(phys_addr_t phys, size_t size)
{
	return region_intersects(phys, size, IORESOURCE_SYSTEM_RAM,
				 IORES_DESC_NONE) == REGION_INTERSECTS;
}

#ifdef CONFIG_PCI_P2PDMA_KUNIT_CACHE

static void mock_cache_maintain(atomic64_t *bytes, phys_addr_t phys, size_t size)
{
	atomic64_add(size, bytes);
	if (!mock_cache_is_ram(phys, size))
		kunit_fail_current_test("%zu bytes at %pa are synchronised, and are not RAM",
					size, &phys);
}

/* The architecture's half of cache maintenance, which the DMA API calls. */
void arch_sync_dma_for_device(phys_addr_t phys, size_t size,
			      enum dma_data_direction dir)
{
	mock_cache_maintain(&mock_cache_for_device, phys, size);
}

void arch_sync_dma_for_cpu(phys_addr_t phys, size_t size,
			   enum dma_data_direction dir)
{
	mock_cache_maintain(&mock_cache_for_cpu, phys, size);
}

/**
 * mock_cache_set - say whether a device is coherent
 * @dev: the device, for which nothing is mapped
 * @coherent: whether it is
 */
void mock_cache_set(struct device *dev, bool coherent)
{
	dev->dma_coherent = coherent;
	/* Setting the DMA mask has set this flag; the sync calls must be made. */
	if (!coherent)
		dev->dma_skip_sync = false;
}

#else

void mock_cache_set(struct device *dev, bool coherent)
{
}

#endif /* CONFIG_PCI_P2PDMA_KUNIT_CACHE */

static void mock_cache_restore(void *unused)
{
	mock_cache_default_off = false;
}

/**
 * mock_cache_not_coherent - let the clients of a test not be coherent
 * @test: the test; for &kunit_suite.init
 *
 * Return: 0.
 */
int mock_cache_not_coherent(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_PCI_P2PDMA_KUNIT_CACHE))
		kunit_skip(test, "needs CONFIG_PCI_P2PDMA_KUNIT_CACHE");
	mock_cache_default_off = true;
	return kunit_add_action_or_reset(test, mock_cache_restore, NULL);
}

/**
 * mock_cache_ready - make a device as coherent as the test wants its clients
 * @test: the test
 * @dev: the device, whose DMA mask has been set
 */
void mock_cache_ready(struct kunit *test, struct device *dev)
{
	mock_cache_set(dev, !mock_cache_default_off);
	if (mock_cache_default_off)
		KUNIT_EXPECT_FALSE(test, dev_is_dma_coherent(dev));
}

/**
 * mock_cache_forget - begin to count anew
 */
void mock_cache_forget(void)
{
	atomic64_set(&mock_cache_for_device, 0);
	atomic64_set(&mock_cache_for_cpu, 0);
}

/**
 * mock_cache_expect - has as much been synchronised as has to be?
 * @test: the test
 * @dev: the client
 * @what: what it has been synchronised for
 * @for_device: bytes for the device since mock_cache_forget(), if the client is not
 *	coherent
 * @for_cpu: the same for the CPU
 *
 * Other dma_map_ops look after that by themselves, and the mock ones do not.
 */
void mock_cache_expect(struct kunit *test, struct device *dev, const char *what,
		       u64 for_device, u64 for_cpu)
{
	u64 device = atomic64_read(&mock_cache_for_device);
	u64 cpu = atomic64_read(&mock_cache_for_cpu);

	if (!IS_ENABLED(CONFIG_PCI_P2PDMA_KUNIT_CACHE))
		return;
	if (dev_is_dma_coherent(dev) || mock_ops_translates(dev)) {
		for_device = 0;
		for_cpu = 0;
	}
	if (device != for_device || cpu != for_cpu)
		KUNIT_FAIL(test,
			   "%s, %s: %llu bytes are synchronised for the device and %llu for the CPU, not %llu and %llu",
			   dev_name(dev), what, device, cpu, for_device,
			   for_cpu);
}

/**
 * mock_cache_expect_undone - a mapping that fails gives nothing to the CPU
 * @test: the test
 * @dev: the client
 *
 * No device has written to the RAM, and what the CPU has in its caches is newer.
 */
void mock_cache_expect_undone(struct kunit *test, struct device *dev)
{
	u64 cpu = atomic64_read(&mock_cache_for_cpu);

	if (cpu)
		KUNIT_FAIL(test,
			   "%s: mapping fails, and %llu bytes are synchronised for the CPU",
			   dev_name(dev), cpu);
}
