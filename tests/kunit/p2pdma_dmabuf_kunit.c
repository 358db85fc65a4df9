// SPDX-License-Identifier: GPL-2.0
/*
 * A provider's memory as a dma-buf, with importers that behave and importers that do not.
 *
 * What an importer gets is walked by the oracle.  After a revocation nothing may be
 * mapped in the mock IOMMU, whatever the exporter itself believes.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/p2pdma-dmabuf.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "fabric_common.h"
#include "fabric_ranges.h"
#include "mock_iommu.h"
#include "oracle.h"

/**
 * struct shared - a dma-buf under test
 * @test: the test
 * @fabric: the fabric
 * @mock: its IOMMU, or NULL
 * @pdev: the provider's function
 * @group: devres group with the provider and the dma-buf; NULL when it is released
 * @dmabuf: the dma-buf; NULL when it is put
 * @released: the exporter's release has been called
 */
struct shared {
	struct kunit *test;
	struct fabric *fabric;
	struct mock_iommu *mock;
	struct pci_dev *pdev;
	void *group;
	struct dma_buf *dmabuf;
	bool released;
};

/* Where the memory is in BAR 0, and where it moves to. */
#define PLACE		SZ_2M
#define OTHER_PLACE	SZ_8M
#define SHARED_SIZE	SZ_1M

static void shared_released(void *priv)
{
	struct shared *shared = priv;

	shared->released = true;
}

static void shared_put(struct shared *shared)
{
	if (!shared->dmabuf)
		return;
	dma_buf_put(shared->dmabuf);
	shared->dmabuf = NULL;
	/* A kernel thread leaves the last step to a work item. */
	flush_delayed_fput();
}

/* As unbinding the driver of the provider does. */
static void shared_unbind(struct shared *shared)
{
	if (shared->group)
		devres_release_group(&shared->pdev->dev, shared->group);
	shared->group = NULL;
}

static void shared_end(void *data)
{
	struct shared *shared = data;

	shared_put(shared);
	shared_unbind(shared);
	KUNIT_EXPECT_TRUE(shared->test, shared->released);
}

static struct device *client_dev(struct shared *shared)
{
	return &fabric_dev(shared->fabric, "client")->dev;
}

static phys_addr_t place(struct shared *shared, u64 offset)
{
	return pci_resource_start(shared->pdev, 0) + offset;
}

static struct dma_buf *export(struct shared *shared, u64 offset, size_t size)
{
	const struct pci_p2pdma_dmabuf_info info = {
		.provider = pcim_p2pdma_provider(shared->pdev, 0),
		.phys = place(shared, offset),
		.size = size,
		.flags = O_RDWR,
		.release = shared_released,
		.priv = shared,
	};

	return pci_p2pdma_dmabuf_export(&info);
}

/*
 * A dma-buf of the memory of "provider": below another port of the client's switch, or,
 * if @beside, below another root port.
 */
static struct shared *shared_create(struct kunit *test, bool iommu, bool beside)
{
	struct shared *shared = kunit_kzalloc(test, sizeof(*shared), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, shared);
	shared->test = test;
	if (iommu)
		shared->mock = mock_iommu_create(test, NULL);
	shared->fabric = fabric_setup(test, beside ?
		"host\n"
		"  rp\n"
		"    ep client\n"
		"  rp\n"
		"    ep provider bar0=16M\n" :
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep client\n"
		"      dp\n"
		"        ep provider bar0=16M\n",
		NAMES("client"), NULL);
	/* Also in other threads, where no stub is called. */
	fabric_policy(test, "auto,trust=%s",
		      dev_name(client_dev(shared)));
	shared->pdev = fabric_dev(shared->fabric, "provider");
	shared->group = devres_open_group(&shared->pdev->dev, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, shared->group);
	KUNIT_ASSERT_EQ(test, 0, pcim_p2pdma_init(shared->pdev));
	shared->dmabuf = export(shared, PLACE, SHARED_SIZE);
	devres_close_group(&shared->pdev->dev, shared->group);
	KUNIT_ASSERT_FALSE(test, IS_ERR(shared->dmabuf));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, shared_end, shared));
	return shared;
}

/**
 * struct importer - a driver that imports the dma-buf for "client"
 * @shared: what it imports
 * @attach: the attachment
 * @sgt: what it has mapped, or NULL
 * @dir: in which direction
 * @notified: how often it was told
 * @delay: when it unmaps after it was told, jiffies; negative for never
 * @work: unmaps
 * @unmapped: it has unmapped in @work
 */
struct importer {
	struct shared *shared;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	enum dma_data_direction dir;
	int notified;
	int delay;
	struct delayed_work work;
	struct completion unmapped;
};

static void importer_notified(struct dma_buf_attachment *attach)
{
	struct importer *importer = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	importer->notified++;
	if (importer->sgt && importer->delay >= 0)
		schedule_delayed_work(&importer->work, importer->delay);
}

static const struct dma_buf_attach_ops importer_ops = {
	.allow_peer2peer = true,
	.move_notify = importer_notified,
};

static const struct dma_buf_attach_ops importer_no_peer_ops = {
	.move_notify = importer_notified,
};

static int importer_map(struct importer *importer, enum dma_data_direction dir)
{
	struct sg_table *sgt;

	sgt = dma_buf_map_attachment_unlocked(importer->attach, dir);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	importer->sgt = sgt;
	importer->dir = dir;
	return 0;
}

static void importer_unmap(struct importer *importer)
{
	struct sg_table *sgt;

	dma_resv_lock(importer->attach->dmabuf->resv, NULL);
	sgt = importer->sgt;
	importer->sgt = NULL;
	if (sgt)
		dma_buf_unmap_attachment(importer->attach, sgt, importer->dir);
	dma_resv_unlock(importer->attach->dmabuf->resv);
}

static void importer_work(struct work_struct *work)
{
	struct importer *importer = container_of(to_delayed_work(work),
						 struct importer, work);

	importer_unmap(importer);
	complete(&importer->unmapped);
}

static void importer_end(void *data)
{
	struct importer *importer = data;

	cancel_delayed_work_sync(&importer->work);
	importer_unmap(importer);
	dma_buf_detach(importer->attach->dmabuf, importer->attach);
}

static struct importer *importer_create(struct shared *shared)
{
	struct kunit *test = shared->test;
	struct importer *importer = kunit_kzalloc(test, sizeof(*importer),
						  GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, importer);
	importer->shared = shared;
	INIT_DELAYED_WORK(&importer->work, importer_work);
	init_completion(&importer->unmapped);
	importer->attach = dma_buf_dynamic_attach(shared->dmabuf,
						  client_dev(shared),
						  &importer_ops, importer);
	KUNIT_ASSERT_FALSE(test, IS_ERR(importer->attach));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, importer_end, importer));
	return importer;
}

/* What an importer has mapped must lead to a place in the BAR. */
static void expect_leads_to(struct importer *importer, u64 offset)
{
	struct shared *shared = importer->shared;
	struct phys_vec vec = { place(shared, offset), SHARED_SIZE };

	KUNIT_ASSERT_NOT_NULL(shared->test, importer->sgt);
	fabric_expect_table(shared->fabric, to_pci_dev(client_dev(shared)), &vec,
			    1, importer->dir, importer->sgt);
}

/* Nothing is mapped for the client any more. */
static void expect_unreached(struct shared *shared)
{
	if (shared->mock)
		KUNIT_EXPECT_EQ(shared->test, 0,
				atomic_read(&shared->mock->live));
}

static long attach_error(struct shared *shared,
			 const struct dma_buf_attach_ops *ops)
{
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(shared->dmabuf, client_dev(shared), ops,
					NULL);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	dma_buf_detach(shared->dmabuf, attach);
	return 0;
}

/* Importers that cannot take peer memory, that pin, or that do not reach it. */
static void p2pdma_dmabuf_attach(struct kunit *test)
{
	struct shared *shared = shared_create(test, true, true);
	struct dma_resv *resv = shared->dmabuf->resv;
	struct importer *importer;

	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, attach_error(shared, NULL));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			attach_error(shared, &importer_no_peer_ops));
	KUNIT_EXPECT_EQ(test, 0, attach_error(shared, &importer_ops));

	fabric_policy(test, "auto");
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, attach_error(shared, &importer_ops));
	fabric_policy(test, "off");
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, attach_error(shared, &importer_ops));
	fabric_policy(test, "auto,trust=%s", dev_name(client_dev(shared)));

	importer = importer_create(shared);
	dma_resv_lock(resv, NULL);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, dma_buf_pin(importer->attach));
	dma_resv_unlock(resv);
	/* An exporter that is asleep can be attached to, and is not mapped. */
	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(shared->pdev, PCI_D3hot));
	KUNIT_EXPECT_EQ(test, 0, attach_error(shared, &importer_ops));
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, importer_map(importer, DMA_TO_DEVICE));
	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(shared->pdev, PCI_D0));
	/* A route that goes later refuses the mapping. */
	fabric_policy(test, "auto");
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			importer_map(importer, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&shared->mock->maps));
}

/* Each route and direction, and two importers at once. */
static void p2pdma_dmabuf_map(struct kunit *test)
{
	enum dma_data_direction dir;
	int iommu, beside;

	for (iommu = 0; iommu < 2; iommu++)
		for (beside = 0; beside < 2; beside++) {
			struct shared *shared = shared_create(test, iommu, beside);
			struct importer *one = importer_create(shared);
			struct importer *two = importer_create(shared);

			for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE;
			     dir++) {
				KUNIT_ASSERT_EQ(test, 0, importer_map(one, dir));
				KUNIT_ASSERT_EQ(test, 0, importer_map(two, dir));
				expect_leads_to(one, PLACE);
				importer_unmap(one);
				expect_leads_to(two, PLACE);
				importer_unmap(two);
				expect_unreached(shared);
			}
			if (iommu)
				KUNIT_EXPECT_EQ(test, beside ? 6 : 0,
						atomic_read(&shared->mock->maps));
			kunit_release_action(test, importer_end, one);
			kunit_release_action(test, importer_end, two);
			kunit_release_action(test, shared_end, shared);
			fabric_destroy(shared->fabric);
			if (iommu)
				mock_iommu_destroy(shared->mock);
		}
}

/* Only whole pages of a provider's memory are exported. */
static void p2pdma_dmabuf_export(struct kunit *test)
{
	struct shared *shared = shared_create(test, false, false);
	static const struct {
		u64 offset;
		size_t size;
	} row[] = {
		{ 0, 0 }, { 1, SZ_4K }, { 0, SZ_4K + 1 }, { 0, SZ_16M + SZ_4K },
		{ SZ_16M, SZ_4K }, { SZ_16M - SZ_4K, SZ_8K },
		{ 0, SIZE_MAX & PAGE_MASK },
	};
	struct pci_p2pdma_dmabuf_info info = {
		.phys = place(shared, 0), .size = SZ_4K,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		KUNIT_EXPECT_PTR_EQ_MSG(test, ERR_PTR(-EINVAL),
					export(shared, row[i].offset,
					       row[i].size), "row %d", i);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    pci_p2pdma_dmabuf_export(&info));
	KUNIT_EXPECT_EQ(test, SHARED_SIZE, shared->dmabuf->size);
	KUNIT_EXPECT_FALSE(test, shared->released);
}

/* Taken back while nobody has it mapped, given again, and given elsewhere. */
static void p2pdma_dmabuf_move(struct kunit *test)
{
	struct shared *shared = shared_create(test, true, true);
	struct importer *importer = importer_create(shared);
	struct dma_buf *dmabuf = shared->dmabuf;

	KUNIT_EXPECT_EQ(test, -EBUSY,
			pci_p2pdma_dmabuf_restore(dmabuf, place(shared, PLACE)));

	KUNIT_EXPECT_EQ(test, 0, pci_p2pdma_dmabuf_revoke(dmabuf, 0));
	KUNIT_EXPECT_EQ(test, 1, importer->notified);
	KUNIT_EXPECT_EQ(test, -ENODEV, importer_map(importer, DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -ENODEV, attach_error(shared, &importer_ops));
	/* Once more: nobody is told again. */
	KUNIT_EXPECT_EQ(test, 0, pci_p2pdma_dmabuf_revoke(dmabuf, 0));
	KUNIT_EXPECT_EQ(test, 1, importer->notified);

	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_p2pdma_dmabuf_restore(dmabuf, place(shared, 1)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_p2pdma_dmabuf_restore(dmabuf,
						  place(shared, SZ_16M - SZ_4K)));
	KUNIT_EXPECT_EQ(test, 0,
			pci_p2pdma_dmabuf_restore(dmabuf, place(shared, PLACE)));
	KUNIT_EXPECT_EQ(test, 2, importer->notified);
	KUNIT_ASSERT_EQ(test, 0, importer_map(importer, DMA_TO_DEVICE));
	expect_leads_to(importer, PLACE);
	importer_unmap(importer);

	KUNIT_EXPECT_EQ(test, 0, pci_p2pdma_dmabuf_revoke(dmabuf, 0));
	KUNIT_EXPECT_EQ(test, 0,
			pci_p2pdma_dmabuf_restore(dmabuf,
						  place(shared, OTHER_PLACE)));
	KUNIT_EXPECT_EQ(test, 0, attach_error(shared, &importer_ops));
	KUNIT_ASSERT_EQ(test, 0, importer_map(importer, DMA_FROM_DEVICE));
	expect_leads_to(importer, OTHER_PLACE);
}

/* Mappings that are outstanding are waited for. */
static void p2pdma_dmabuf_outstanding(struct kunit *test)
{
	struct shared *shared = shared_create(test, true, true);
	struct importer *quick = importer_create(shared);
	struct importer *slow = importer_create(shared);
	struct dma_buf *dmabuf = shared->dmabuf;

	slow->delay = HZ / 5;
	KUNIT_ASSERT_EQ(test, 0, importer_map(quick, DMA_TO_DEVICE));
	KUNIT_ASSERT_EQ(test, 0, importer_map(slow, DMA_FROM_DEVICE));
	KUNIT_EXPECT_NE(test, 0, atomic_read(&shared->mock->live));
	KUNIT_EXPECT_EQ(test, 0,
			pci_p2pdma_dmabuf_revoke(dmabuf, MAX_SCHEDULE_TIMEOUT));
	expect_unreached(shared);
	KUNIT_EXPECT_NULL(test, quick->sgt);
	KUNIT_EXPECT_NULL(test, slow->sgt);
	KUNIT_EXPECT_EQ(test, -ENODEV, importer_map(quick, DMA_TO_DEVICE));

	/* One that does not unmap: the memory stays its own. */
	KUNIT_EXPECT_EQ(test, 0,
			pci_p2pdma_dmabuf_restore(dmabuf, place(shared, PLACE)));
	quick->delay = -1;
	KUNIT_ASSERT_EQ(test, 0, importer_map(quick, DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, pci_p2pdma_dmabuf_revoke(dmabuf, 2));
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, pci_p2pdma_dmabuf_revoke(dmabuf, 2));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			pci_p2pdma_dmabuf_restore(dmabuf, place(shared, PLACE)));
	KUNIT_EXPECT_EQ(test, -ENODEV, importer_map(slow, DMA_TO_DEVICE));
	expect_leads_to(quick, PLACE);
	importer_unmap(quick);
	KUNIT_EXPECT_EQ(test, 0, pci_p2pdma_dmabuf_revoke(dmabuf, 0));
	expect_unreached(shared);
}

/*
 * Fences.
 */

static DEFINE_SPINLOCK(fence_lock);

static const char *fence_name(struct dma_fence *fence)
{
	return "p2pdma-kunit";
}

/* As some drivers' when their hardware hangs. */
static long fence_wait_fails(struct dma_fence *fence, bool intr, long timeout)
{
	return dma_fence_is_signaled(fence) ? timeout : -EDEADLK;
}

static const struct dma_fence_ops fence_ops[] = {
	{
		.get_driver_name = fence_name,
		.get_timeline_name = fence_name,
	}, {
		.get_driver_name = fence_name,
		.get_timeline_name = fence_name,
		.wait = fence_wait_fails,
	},
};

struct transfer {
	struct dma_fence fence;
	struct delayed_work work;
	bool done;
};

static void transfer_work(struct work_struct *work)
{
	struct transfer *transfer = container_of(to_delayed_work(work),
						 struct transfer, work);

	WRITE_ONCE(transfer->done, true);
	dma_fence_signal(&transfer->fence);
}

/* A transfer that an importer has started is waited for, though nothing is mapped. */
static void p2pdma_dmabuf_fences(struct kunit *test)
{
	static const enum dma_resv_usage usages[] = {
		DMA_RESV_USAGE_KERNEL, DMA_RESV_USAGE_WRITE,
		DMA_RESV_USAGE_READ, DMA_RESV_USAGE_BOOKKEEP,
	};
	struct shared *shared = shared_create(test, true, true);
	struct dma_buf *dmabuf = shared->dmabuf;
	struct transfer *transfer;
	int i, ret;

	importer_create(shared);
	for (i = 0; i < 2 * ARRAY_SIZE(usages); i++) {
		enum dma_resv_usage usage = usages[i / 2];

		/* The fence frees it. */
		transfer = kzalloc(sizeof(*transfer), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, transfer);
		dma_fence_init(&transfer->fence, &fence_ops[i % 2], &fence_lock,
			       1, i);
		INIT_DELAYED_WORK(&transfer->work, transfer_work);
		dma_resv_lock(dmabuf->resv, NULL);
		ret = dma_resv_reserve_fences(dmabuf->resv, 1);
		if (!ret)
			dma_resv_add_fence(dmabuf->resv, &transfer->fence,
					   usage);
		dma_resv_unlock(dmabuf->resv);
		KUNIT_EXPECT_EQ(test, 0, ret);

		KUNIT_EXPECT_EQ_MSG(test, -ETIMEDOUT,
				    pci_p2pdma_dmabuf_revoke(dmabuf, 2),
				    "usage %d", usage);
		KUNIT_EXPECT_EQ(test, -EBUSY,
				pci_p2pdma_dmabuf_restore(dmabuf,
							  place(shared, PLACE)));
		schedule_delayed_work(&transfer->work, HZ / 10);
		KUNIT_EXPECT_EQ(test, 0,
				pci_p2pdma_dmabuf_revoke(dmabuf,
							 MAX_SCHEDULE_TIMEOUT));
		KUNIT_EXPECT_TRUE(test, READ_ONCE(transfer->done));
		flush_delayed_work(&transfer->work);
		dma_fence_put(&transfer->fence);
		KUNIT_EXPECT_EQ(test, 0,
				pci_p2pdma_dmabuf_restore(dmabuf,
							  place(shared, PLACE)));
	}
}

/* The driver is unbound: the mappings go first, and the dma-buf stays as a shell. */
static void p2pdma_dmabuf_unbind(struct kunit *test)
{
	struct shared *shared = shared_create(test, true, true);
	struct importer *importer = importer_create(shared);

	importer->delay = HZ / 10;
	KUNIT_ASSERT_EQ(test, 0, importer_map(importer, DMA_BIDIRECTIONAL));
	shared_unbind(shared);
	KUNIT_EXPECT_NULL(test, importer->sgt);
	expect_unreached(shared);
	KUNIT_EXPECT_FALSE(test, shared->released);

	KUNIT_EXPECT_EQ(test, -ENODEV, importer_map(importer, DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -ENODEV, attach_error(shared, &importer_ops));
	KUNIT_EXPECT_EQ(test, 0, pci_p2pdma_dmabuf_revoke(shared->dmabuf, 0));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			pci_p2pdma_dmabuf_restore(shared->dmabuf,
						  place(shared, PLACE)));
	kunit_release_action(test, importer_end, importer);
	shared_put(shared);
	KUNIT_EXPECT_TRUE(test, shared->released);
}

/* A dma-buf that goes before its provider leaves nothing with it. */
static void p2pdma_dmabuf_put_first(struct kunit *test)
{
	struct shared *shared = shared_create(test, true, true);

	shared_put(shared);
	KUNIT_EXPECT_TRUE(test, shared->released);
	shared_unbind(shared);
}

/*
 * User space.
 */

/* The page that is mapped at a user address, or 0. */
static unsigned long mapped_pfn(unsigned long addr)
{
	struct follow_pfnmap_args args = { .address = addr };
	unsigned long pfn = 0;

	mmap_read_lock(current->mm);
	args.vma = vma_lookup(current->mm, addr);
	if (args.vma && !follow_pfnmap_start(&args)) {
		pfn = args.pfn;
		follow_pfnmap_end(&args);
	}
	mmap_read_unlock(current->mm);
	return pfn;
}

/* User mappings are made page by page, and revocation removes them. */
static void p2pdma_dmabuf_mmap(struct kunit *test)
{
	struct shared *shared = shared_create(test, false, false);
	struct dma_buf *dmabuf = shared->dmabuf;
	unsigned long user, pfn, part;
	u8 byte = 1;

	user = kunit_vm_mmap(test, dmabuf->file, 0, SHARED_SIZE,
			     PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	KUNIT_ASSERT_FALSE(test, !user || IS_ERR_VALUE(user));
	KUNIT_EXPECT_EQ(test, 0, mapped_pfn(user));
	pfn = PHYS_PFN(place(shared, PLACE));
	KUNIT_EXPECT_EQ(test, 0, copy_to_user((void __user *)user, &byte, 1));
	KUNIT_EXPECT_EQ(test, pfn, mapped_pfn(user));
	KUNIT_EXPECT_EQ(test, 0,
			copy_from_user(&byte, (void __user *)(user + SZ_64K + 5), 1));
	KUNIT_EXPECT_EQ(test, pfn + SZ_64K / PAGE_SIZE,
			mapped_pfn(user + SZ_64K));
	/* A part of it. */
	part = vm_mmap(dmabuf->file, 0, SZ_4K, PROT_READ, MAP_SHARED, SZ_32K);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(part));
	KUNIT_EXPECT_EQ(test, 0, copy_from_user(&byte, (void __user *)part, 1));
	KUNIT_EXPECT_EQ(test, pfn + SZ_32K / PAGE_SIZE, mapped_pfn(part));

	KUNIT_EXPECT_EQ(test, -EINVAL,
			(long)vm_mmap(dmabuf->file, 0, SZ_4K, PROT_READ,
				      MAP_PRIVATE, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			(long)vm_mmap(dmabuf->file, 0, SZ_8K, PROT_READ,
				      MAP_SHARED, SHARED_SIZE - SZ_4K));

	KUNIT_EXPECT_EQ(test, 0, pci_p2pdma_dmabuf_revoke(dmabuf, 0));
	KUNIT_EXPECT_EQ(test, 0, mapped_pfn(user));
	KUNIT_EXPECT_EQ(test, 0, mapped_pfn(user + SZ_64K));
	KUNIT_EXPECT_EQ(test, 0, mapped_pfn(part));
	KUNIT_EXPECT_EQ(test, 1, copy_from_user(&byte, (void __user *)user, 1));
	KUNIT_EXPECT_EQ(test, 1, copy_to_user((void __user *)user, &byte, 1));
	KUNIT_EXPECT_EQ(test, 0, mapped_pfn(user));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			(long)vm_mmap(dmabuf->file, 0, SZ_4K, PROT_READ,
				      MAP_SHARED, 0));

	KUNIT_EXPECT_EQ(test, 0,
			pci_p2pdma_dmabuf_restore(dmabuf,
						  place(shared, OTHER_PLACE)));
	KUNIT_EXPECT_EQ(test, 0, copy_from_user(&byte, (void __user *)user, 1));
	KUNIT_EXPECT_EQ(test, PHYS_PFN(place(shared, OTHER_PLACE)),
			mapped_pfn(user));
	vm_munmap(part, SZ_4K);
	vm_munmap(user, SHARED_SIZE);
}

/* Units of 2 MiB, where the alignment of both addresses allows. */
static void p2pdma_dmabuf_mmap_large(struct kunit *test)
{
	struct shared *shared = shared_create(test, false, false);
	struct dma_buf *large = export(shared, SZ_4M, SZ_4M);
	bool units = IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP);
	unsigned long user;
	u8 byte;

	KUNIT_ASSERT_FALSE(test, IS_ERR(large));
	/* The test's process has nothing there. */
	user = kunit_vm_mmap(test, large->file, SZ_1G, SZ_4M,
			     PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED_NOREPLACE, 0);
	KUNIT_ASSERT_EQ(test, user, SZ_1G);
	KUNIT_EXPECT_EQ(test, 0,
			copy_from_user(&byte, (void __user *)(user + SZ_2M + 5), 1));
	KUNIT_EXPECT_EQ(test, units, fabric_user_is_large(user + SZ_2M));
	KUNIT_EXPECT_EQ(test, PHYS_PFN(place(shared, SZ_4M + SZ_2M)),
			mapped_pfn(user + SZ_2M));
	KUNIT_EXPECT_EQ(test, 0, mapped_pfn(user));
	KUNIT_EXPECT_EQ(test, 0, pci_p2pdma_dmabuf_revoke(large, 0));
	KUNIT_EXPECT_EQ(test, 0, mapped_pfn(user + SZ_2M));
	KUNIT_EXPECT_EQ(test, 1, copy_from_user(&byte, (void __user *)user, 1));

	/* Another place, where only pages fit. */
	KUNIT_EXPECT_EQ(test, 0,
			pci_p2pdma_dmabuf_restore(large,
						  place(shared, SZ_8M + SZ_64K)));
	KUNIT_EXPECT_EQ(test, 0,
			copy_from_user(&byte, (void __user *)(user + SZ_2M), 1));
	KUNIT_EXPECT_FALSE(test, fabric_user_is_large(user + SZ_2M));
	KUNIT_EXPECT_EQ(test, PHYS_PFN(place(shared, SZ_8M + SZ_64K + SZ_2M)),
			mapped_pfn(user + SZ_2M));
	vm_munmap(user, SZ_4M);
	dma_buf_put(large);
	flush_delayed_fput();
}

/*
 * Failures and races.
 */

static void p2pdma_dmabuf_no_memory(struct kunit *test)
{
	struct shared *shared = shared_create(test, true, true);
	struct importer *importer = importer_create(shared);
	bool failed = true;
	struct dma_buf *other;
	int step, ret;

	fabric_fail_begin(test, true, true);
	for (step = 0; failed && step < 5000; step++) {
		fabric_fail_nth(step);
		ret = importer_map(importer, DMA_TO_DEVICE);
		failed = fabric_failed_nth();
		KUNIT_EXPECT_TRUE(test, !ret || (failed && ret == -ENOMEM));
		if (!ret)
			importer_unmap(importer);
		expect_unreached(shared);
	}
	KUNIT_EXPECT_FALSE(test, failed);
	/* What failed does not count as mapped. */
	KUNIT_EXPECT_EQ(test, 0, pci_p2pdma_dmabuf_revoke(shared->dmabuf, 0));

	for (step = 0, failed = true; failed && step < 100; step++) {
		shared->released = false;
		fabric_fail_nth(step);
		other = export(shared, 0, SZ_1M);
		failed = fabric_failed_nth();
		if (!IS_ERR(other)) {
			dma_buf_put(other);
			flush_delayed_fput();
			KUNIT_EXPECT_TRUE(test, shared->released);
		} else {
			KUNIT_EXPECT_TRUE(test, failed);
			KUNIT_EXPECT_FALSE(test, shared->released);
		}
	}
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_GT(test, step, 5);
}

/* An importer that maps and unmaps all the time, and obeys when it is told. */
static int racing(void *data)
{
	struct importer *importer = data;
	struct dma_resv *resv = importer->attach->dmabuf->resv;
	int seen = 0, mapped = 0;

	while (!kthread_should_stop()) {
		dma_resv_lock(resv, NULL);
		if (importer->sgt) {
			dma_buf_unmap_attachment(importer->attach, importer->sgt,
						 importer->dir);
			importer->sgt = NULL;
		} else {
			struct sg_table *sgt;

			sgt = dma_buf_map_attachment(importer->attach,
						     importer->dir);
			if (!IS_ERR(sgt)) {
				importer->sgt = sgt;
				mapped++;
			} else if (PTR_ERR(sgt) != -ENODEV) {
				seen = PTR_ERR(sgt);
			}
		}
		dma_resv_unlock(resv);
		cond_resched();
	}
	importer_unmap(importer);
	return seen ?: mapped;
}

static void p2pdma_dmabuf_race(struct kunit *test)
{
	struct shared *shared = shared_create(test, true, true);
	struct task_struct *thread[2];
	struct importer *importer[2];
	int i, ret;

	for (i = 0; i < 2; i++) {
		importer[i] = importer_create(shared);
		importer[i]->delay = -1;
		importer[i]->dir = i ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
		thread[i] = kthread_run(racing, importer[i], "p2pdma-importer");
		KUNIT_ASSERT_FALSE(test, IS_ERR(thread[i]));
		get_task_struct(thread[i]);
	}
	for (i = 0; i < 200; i++) {
		KUNIT_EXPECT_EQ(test, 0,
				pci_p2pdma_dmabuf_revoke(shared->dmabuf,
							 MAX_SCHEDULE_TIMEOUT));
		expect_unreached(shared);
		KUNIT_EXPECT_EQ(test, 0,
				pci_p2pdma_dmabuf_restore(shared->dmabuf,
							  place(shared, i % 2 ?
								PLACE :
								OTHER_PLACE)));
		if (i % 4 == 0)
			usleep_range(200, 1000);
	}
	for (i = 0; i < 2; i++) {
		ret = kthread_stop(thread[i]);
		KUNIT_EXPECT_GT(test, ret, 0);
		KUNIT_EXPECT_EQ(test, 400, importer[i]->notified);
		put_task_struct(thread[i]);
	}
}

static struct kunit_case p2pdma_dmabuf_cases[] = {
	KUNIT_CASE(p2pdma_dmabuf_attach),
	KUNIT_CASE(p2pdma_dmabuf_map),
	KUNIT_CASE(p2pdma_dmabuf_export),
	KUNIT_CASE(p2pdma_dmabuf_move),
	KUNIT_CASE(p2pdma_dmabuf_outstanding),
	KUNIT_CASE(p2pdma_dmabuf_fences),
	KUNIT_CASE(p2pdma_dmabuf_unbind),
	KUNIT_CASE(p2pdma_dmabuf_put_first),
	KUNIT_CASE(p2pdma_dmabuf_mmap),
	KUNIT_CASE(p2pdma_dmabuf_mmap_large),
	KUNIT_CASE(p2pdma_dmabuf_no_memory),
	KUNIT_CASE(p2pdma_dmabuf_race),
	{}
};

static struct kunit_suite p2pdma_dmabuf_suite = {
	.name = "p2pdma_dmabuf",
	.test_cases = p2pdma_dmabuf_cases,
};

kunit_test_suite(p2pdma_dmabuf_suite);
