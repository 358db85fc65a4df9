// SPDX-License-Identifier: GPL-2.0
/*
 * Mock dma_map_ops: see mock_ops.h.
 */
#include <linux/dma-mapping.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "mock_ops.h"

#define MOCK_OPS_BASE	0x5000000000000ULL	/* no memory and no window */

struct mock_mapping {
	struct list_head node;
	enum mock_ops_call how;
	dma_addr_t dma;
	phys_addr_t phys;
	size_t size;
	enum dma_data_direction dir;
};

/* All that are installed; tests add and remove them while nobody maps. */
static LIST_HEAD(mock_ops_all);

static struct mock_ops *to_mock_ops(struct device *dev)
{
	struct mock_ops *mock;

	list_for_each_entry(mock, &mock_ops_all, node)
		if (mock->dev == dev)
			return mock;
	return NULL;
}

static void mock_ops_called(struct mock_ops *mock, enum mock_ops_call call)
{
	unsigned long flags;

	spin_lock_irqsave(&mock->lock, flags);
	mock->calls[call]++;
	spin_unlock_irqrestore(&mock->lock, flags);
}

static dma_addr_t mock_ops_map(struct mock_ops *mock, enum mock_ops_call how,
			       phys_addr_t phys, size_t size,
			       enum dma_data_direction dir)
{
	dma_addr_t dma = DMA_MAPPING_ERROR;
	struct mock_mapping *mapping;
	unsigned long flags;

	spin_lock_irqsave(&mock->lock, flags);
	if (mock->fail_after >= 0 && !mock->fail_after--)
		goto out;
	mapping = kmalloc(sizeof(*mapping), GFP_ATOMIC);
	if (!mapping)
		goto out;

	*mapping = (struct mock_mapping) {
		.how = how,
		.dma = mock->next + offset_in_page(phys),
		.phys = phys,
		.size = size,
		.dir = dir,
	};
	/* Pieces that are neighbours in memory are none here. */
	mock->next += PAGE_ALIGN(offset_in_page(phys) + size) + PAGE_SIZE;
	list_add_tail(&mapping->node, &mock->mappings);
	mock->live++;
	dma = mapping->dma;
out:
	spin_unlock_irqrestore(&mock->lock, flags);
	return dma;
}

/* What is unmapped must be what was mapped, and by the same kind of call. */
static void mock_ops_unmap(struct mock_ops *mock, enum mock_ops_call how,
			   dma_addr_t dma, size_t size,
			   enum dma_data_direction dir)
{
	struct mock_mapping *mapping, *found = NULL;

	scoped_guard(spinlock_irqsave, &mock->lock) {
		list_for_each_entry(mapping, &mock->mappings, node)
			if (mapping->dma == dma) {
				found = mapping;
				list_del(&found->node);
				mock->live--;
				break;
			}
	}
	if (!found)
		KUNIT_FAIL(mock->test, "unmaps %pad, which is not mapped",
			   &dma);
	else if (found->size != size || found->how != how || found->dir != dir)
		KUNIT_FAIL(mock->test,
			   "maps %zu bytes (call %d, direction %d), and unmaps %zu (call %d, direction %d)",
			   found->size, found->how, found->dir, size, how, dir);
	kfree(found);
}

static dma_addr_t mock_map_page(struct device *dev, struct page *page,
				unsigned long offset, size_t size,
				enum dma_data_direction dir,
				unsigned long attrs)
{
	struct mock_ops *mock = to_mock_ops(dev);

	mock_ops_called(mock, MOCK_MAP_PAGE);
	if (is_pci_p2pdma_page(page))
		KUNIT_FAIL(mock->test, "->map_page is given peer memory");
	return mock_ops_map(mock, MOCK_MAP_PAGE, page_to_phys(page) + offset,
			    size, dir);
}

static void mock_unmap_page(struct device *dev, dma_addr_t dma, size_t size,
			    enum dma_data_direction dir, unsigned long attrs)
{
	struct mock_ops *mock = to_mock_ops(dev);

	mock_ops_called(mock, MOCK_UNMAP_PAGE);
	mock_ops_unmap(mock, MOCK_MAP_PAGE, dma, size, dir);
}

static int mock_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		       enum dma_data_direction dir, unsigned long attrs)
{
	struct mock_ops *mock = to_mock_ops(dev);
	struct scatterlist *sg;
	int i;

	mock_ops_called(mock, MOCK_MAP_SG);
	for_each_sg(sgl, sg, nents, i) {
		if (is_pci_p2pdma_page(sg_page(sg)))
			KUNIT_FAIL(mock->test, "->map_sg is given peer memory");
		sg_dma_address(sg) = mock_ops_map(mock, MOCK_MAP_SG, sg_phys(sg),
						  sg->length, dir);
		sg_dma_len(sg) = sg->length;
		if (sg_dma_address(sg) != DMA_MAPPING_ERROR)
			continue;
		while (i--) {
			mock_ops_unmap(mock, MOCK_MAP_SG, sg_dma_address(sgl),
				       sgl->length, dir);
			sgl = sg_next(sgl);
		}
		return -EIO;
	}
	return nents;
}

static void mock_unmap_sg(struct device *dev, struct scatterlist *sgl,
			  int nents, enum dma_data_direction dir,
			  unsigned long attrs)
{
	struct mock_ops *mock = to_mock_ops(dev);
	struct scatterlist *sg;
	int i;

	mock_ops_called(mock, MOCK_UNMAP_SG);
	for_each_sg(sgl, sg, nents, i)
		mock_ops_unmap(mock, MOCK_MAP_SG, sg_dma_address(sg),
			       sg_dma_len(sg), dir);
}

static dma_addr_t mock_map_resource(struct device *dev, phys_addr_t phys,
				    size_t size, enum dma_data_direction dir,
				    unsigned long attrs)
{
	struct mock_ops *mock = to_mock_ops(dev);

	mock_ops_called(mock, MOCK_MAP_RESOURCE);
	if (pci_p2pdma_provider_of_phys(phys, size))
		KUNIT_FAIL(mock->test, "->map_resource is given peer memory");
	return mock_ops_map(mock, MOCK_MAP_RESOURCE, phys, size, dir);
}

static void mock_unmap_resource(struct device *dev, dma_addr_t dma, size_t size,
				enum dma_data_direction dir,
				unsigned long attrs)
{
	struct mock_ops *mock = to_mock_ops(dev);

	mock_ops_called(mock, MOCK_UNMAP_RESOURCE);
	mock_ops_unmap(mock, MOCK_MAP_RESOURCE, dma, size, dir);
}

static void mock_sync_single(struct device *dev, dma_addr_t dma, size_t size,
			     enum dma_data_direction dir)
{
	struct mock_ops *mock = to_mock_ops(dev);
	struct mock_mapping *mapping;
	bool ram = false;

	mock_ops_called(mock, MOCK_SYNC_SINGLE);
	scoped_guard(spinlock_irqsave, &mock->lock) {
		list_for_each_entry(mapping, &mock->mappings, node)
			ram |= mapping->how == MOCK_MAP_PAGE &&
			       mapping->dma <= dma &&
			       mapping->dma + mapping->size >= dma + size;
	}
	if (!ram)
		KUNIT_FAIL(mock->test, "syncs %pad, which is no RAM", &dma);
}

static void mock_sync_sg(struct device *dev, struct scatterlist *sgl, int nents,
			 enum dma_data_direction dir)
{
	mock_ops_called(to_mock_ops(dev), MOCK_SYNC_SG);
}

static const struct dma_map_ops mock_dma_ops = {
	.map_page		= mock_map_page,
	.unmap_page		= mock_unmap_page,
	.map_sg			= mock_map_sg,
	.unmap_sg		= mock_unmap_sg,
	.map_resource		= mock_map_resource,
	.unmap_resource		= mock_unmap_resource,
	.sync_single_for_cpu	= mock_sync_single,
	.sync_single_for_device	= mock_sync_single,
	.sync_sg_for_cpu	= mock_sync_sg,
	.sync_sg_for_device	= mock_sync_sg,
};

static void mock_ops_remove(void *data)
{
	struct mock_ops *mock = data;
	struct mock_mapping *mapping, *next;

	KUNIT_EXPECT_EQ_MSG(mock->test, 0, mock->live,
			    "something is still mapped by the mock operations");
	set_dma_ops(mock->dev, mock->before);
	dma_set_mask(mock->dev, dma_get_mask(mock->dev));
	list_del(&mock->node);
	list_for_each_entry_safe(mapping, next, &mock->mappings, node)
		kfree(mapping);
	kfree(mock);
}

/**
 * mock_ops_install - give a device mock dma_map_ops
 * @test: the test, with which they go
 * @pdev: the device
 *
 * Return: the operations.
 */
struct mock_ops *mock_ops_install(struct kunit *test, struct pci_dev *pdev)
{
	struct mock_ops *mock;

	KUNIT_ASSERT_TRUE_MSG(test, IS_ENABLED(CONFIG_ARCH_HAS_DMA_OPS),
			      "devices of this kernel have no dma_map_ops");
	mock = kzalloc(sizeof(*mock), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mock);
	mock->test = test;
	mock->dev = &pdev->dev;
	mock->before = get_dma_ops(&pdev->dev);
	spin_lock_init(&mock->lock);
	INIT_LIST_HEAD(&mock->mappings);
	mock->next = MOCK_OPS_BASE;
	mock->fail_after = -1;
	list_add(&mock->node, &mock_ops_all);
	set_dma_ops(&pdev->dev, &mock_dma_ops);
	/* Here it is found out whether syncing is needed. */
	dma_set_mask(&pdev->dev, dma_get_mask(&pdev->dev));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, mock_ops_remove, mock));
	return mock;
}

/**
 * mock_ops_uninstall - give a device its operations back before the test ends
 * @mock: what mock_ops_install() returned; gone afterwards
 *
 * Needed where the device goes earlier than the test.
 */
void mock_ops_uninstall(struct mock_ops *mock)
{
	kunit_release_action(mock->test, mock_ops_remove, mock);
}

/**
 * mock_ops_forget_calls - count calls from 0 again
 * @mock: the operations
 */
void mock_ops_forget_calls(struct mock_ops *mock)
{
	memset(mock->calls, 0, sizeof(mock->calls));
}

/**
 * mock_ops_translates - does a device have mock operations?
 * @dev: the device
 *
 * Return: true if it does.
 */
bool mock_ops_translates(struct device *dev)
{
	return get_dma_ops(dev) == &mock_dma_ops;
}

/**
 * mock_ops_translate - what the machine behind the operations does to a request
 * @dev: the requester
 * @dma: the address
 * @write: what it wants to do there
 * @phys: set to the CPU physical address
 * @left: set to how many bytes from there on are mapped alike
 *
 * Return: 0 or -EFAULT.
 */
int mock_ops_translate(struct device *dev, u64 dma, bool write,
		       phys_addr_t *phys, size_t *left)
{
	struct mock_ops *mock = to_mock_ops(dev);
	enum dma_data_direction no = write ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	struct mock_mapping *mapping;
	unsigned long flags;
	int ret = -EFAULT;

	spin_lock_irqsave(&mock->lock, flags);
	list_for_each_entry(mapping, &mock->mappings, node) {
		if (dma < mapping->dma || dma - mapping->dma >= mapping->size ||
		    mapping->dir == no)
			continue;
		*phys = mapping->phys + (dma - mapping->dma);
		*left = mapping->size - (dma - mapping->dma);
		ret = 0;
		break;
	}
	spin_unlock_irqrestore(&mock->lock, flags);
	return ret;
}
