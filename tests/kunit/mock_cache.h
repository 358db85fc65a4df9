/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Devices that are not coherent, on a machine where all are. The test
 * configuration selects the kernel's cache maintenance for DMA, which x86 does not
 * use. This is the architecture's half: it maintains nothing, and records the
 * ranges. They must be RAM: the CPU does not cache peer memory.
 */
#ifndef P2PDMA_KUNIT_MOCK_CACHE_H
#define P2PDMA_KUNIT_MOCK_CACHE_H

#include <kunit/test.h>
#include <linux/types.h>

int mock_cache_not_coherent(struct kunit *test);
void mock_cache_ready(struct kunit *test, struct device *dev);
void mock_cache_set(struct device *dev, bool coherent);
void mock_cache_forget(void);
void mock_cache_expect(struct kunit *test, struct device *dev, const char *what,
		       u64 for_device, u64 for_cpu);
void mock_cache_expect_undone(struct kunit *test, struct device *dev);
bool mock_cache_is_ram(phys_addr_t phys, size_t size);

#endif /* P2PDMA_KUNIT_MOCK_CACHE_H */
