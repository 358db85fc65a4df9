// SPDX-License-Identifier: GPL-2.0
/*
 * A mock IOMMU driver: see mock_iommu.h for what it is.
 *
 * A domain's page table is an xarray, by IOVA in units of the smallest page.  A
 * page takes one entry, at its start, whatever its size.
 */
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu-dma.h>
#include <linux/iova.h>
#include <linux/jump_label.h>
#include <linux/kallsyms.h>
#include <linux/list.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "fabric.h"
#include "mock_iommu.h"

struct mock_domain {
	struct iommu_domain domain;
	struct mock_iommu *mock;
	struct xarray pages;
};

struct mock_page {
	phys_addr_t phys;
	size_t size;
	int prot;
};

/* The private data of each device. */
struct mock_device {
	struct mock_iommu *mock;
	struct mock_domain *domain;	/* NULL: not translated */
	bool attached;
};

static struct mock_domain *to_mock_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_domain, domain);
}

static const struct iommu_ops mock_ops;

/* The data of a device that a mock IOMMU translates for, or NULL. */
static struct mock_device *mock_device(struct device *dev)
{
	if (!dev->iommu || !dev->iommu->iommu_dev ||
	    dev->iommu->iommu_dev->ops != &mock_ops)
		return NULL;
	return dev_iommu_priv_get(dev);
}

static unsigned int mock_shift(const struct mock_domain *domain)
{
	return __ffs(domain->domain.pgsize_bitmap);
}

/* The page that holds an address; *@start is set to its first IOVA. */
static struct mock_page *mock_page(struct mock_domain *domain, u64 iova,
				   u64 *start)
{
	unsigned long sizes = domain->domain.pgsize_bitmap;
	struct mock_page *page;
	unsigned int bit;

	for_each_set_bit(bit, &sizes, BITS_PER_LONG) {
		*start = iova & ~(BIT_ULL(bit) - 1);
		page = xa_load(&domain->pages, *start >> mock_shift(domain));
		if (page && iova - *start < page->size)
			return page;
	}
	return NULL;
}

static size_t mock_unmap(struct mock_domain *domain, u64 iova, size_t size)
{
	struct mock_page *page;
	size_t done = 0;
	u64 start;

	while (done < size) {
		page = mock_page(domain, iova + done, &start);
		if (!page || start != iova + done)
			break;
		xa_erase(&domain->pages, start >> mock_shift(domain));
		atomic_dec(&domain->mock->live);
		done += page->size;
		kfree(page);
	}
	return done;
}

static int mock_map_pages(struct iommu_domain *iommu_domain,
			  unsigned long iova, phys_addr_t phys, size_t pgsize,
			  size_t pgcount, int prot, gfp_t gfp, size_t *mapped)
{
	struct mock_domain *domain = to_mock_domain(iommu_domain);
	struct mock_iommu *mock = domain->mock;
	unsigned int shift = mock_shift(domain);
	size_t i;

	atomic_inc(&mock->runs);
	if ((prot & IOMMU_MMIO) && mock->config.no_mmio)
		return -EINVAL;
	if (mock->fail_after >= 0 && !mock->fail_after--)
		return mock->fail_error;

	for (i = 0; i < pgcount; i++) {
		struct mock_page *page = kmalloc(sizeof(*page), gfp);
		u64 at = iova + i * pgsize;
		int ret;

		if (!page)
			return -ENOMEM;
		*page = (struct mock_page) {
			.phys = phys + i * pgsize,
			.size = pgsize,
			.prot = prot,
		};
		ret = xa_insert(&domain->pages, at >> shift, page, gfp);
		if (ret) {
			kfree(page);
			return ret;
		}
		atomic_inc(&mock->live);
		*mapped += pgsize;
	}
	return 0;
}

static size_t mock_unmap_pages(struct iommu_domain *iommu_domain,
			       unsigned long iova, size_t pgsize,
			       size_t pgcount,
			       struct iommu_iotlb_gather *gather)
{
	return mock_unmap(to_mock_domain(iommu_domain), iova, pgsize * pgcount);
}

/* Called once for each mapping, whatever the number of its pages. */
static int mock_iotlb_sync_map(struct iommu_domain *iommu_domain,
			       unsigned long iova, size_t size)
{
	atomic_inc(&to_mock_domain(iommu_domain)->mock->maps);
	return 0;
}

/* Called once for each range that is unmapped, unless that is deferred. */
static void mock_iotlb_sync(struct iommu_domain *iommu_domain,
			    struct iommu_iotlb_gather *gather)
{
	atomic_inc(&to_mock_domain(iommu_domain)->mock->syncs);
}

/* The timer of the flush queue calls this without a check. */
static void mock_flush_iotlb_all(struct iommu_domain *iommu_domain)
{
	atomic_inc(&to_mock_domain(iommu_domain)->mock->flushes);
}

static phys_addr_t mock_iova_to_phys(struct iommu_domain *iommu_domain,
				     dma_addr_t iova)
{
	u64 start;
	struct mock_page *page = mock_page(to_mock_domain(iommu_domain), iova,
					   &start);

	return page ? page->phys + (iova - start) : 0;
}

static int mock_attach(struct iommu_domain *domain, struct device *dev)
{
	struct mock_device *mdev = dev_iommu_priv_get(dev);

	/* The attach call of a real IOMMU may sleep. */
	might_sleep();
	if (mdev->mock->fail_attach)
		return -ENODEV;
	mdev->domain = to_mock_domain(domain);
	mdev->attached = true;
	mdev->mock->attaches++;
	return 0;
}

static int mock_attach_identity(struct iommu_domain *domain, struct device *dev)
{
	struct mock_device *mdev = dev_iommu_priv_get(dev);

	mdev->domain = NULL;
	mdev->attached = true;
	return 0;
}

static void mock_domain_free(struct iommu_domain *iommu_domain)
{
	struct mock_domain *domain = to_mock_domain(iommu_domain);
	struct mock_page *page;
	unsigned long index;

	xa_for_each(&domain->pages, index, page)
		kfree(page);
	xa_destroy(&domain->pages);
	kfree(domain);
}

static const struct iommu_domain_ops mock_domain_ops = {
	.attach_dev		= mock_attach,
	.map_pages		= mock_map_pages,
	.unmap_pages		= mock_unmap_pages,
	.iotlb_sync_map		= mock_iotlb_sync_map,
	.iotlb_sync		= mock_iotlb_sync,
	.flush_iotlb_all	= mock_flush_iotlb_all,
	.iova_to_phys		= mock_iova_to_phys,
	.free			= mock_domain_free,
};

static const struct iommu_domain_ops mock_identity_ops = {
	.attach_dev		= mock_attach_identity,
};

static struct iommu_domain mock_identity = {
	.type	= IOMMU_DOMAIN_IDENTITY,
	.ops	= &mock_identity_ops,
};

static struct iommu_domain *mock_domain_alloc(struct device *dev)
{
	struct mock_device *mdev = dev_iommu_priv_get(dev);
	struct mock_domain *domain;

	domain = kzalloc(sizeof(*domain), GFP_KERNEL);
	if (!domain)
		return NULL;
	xa_init(&domain->pages);
	domain->mock = mdev->mock;
	domain->domain.pgsize_bitmap = mdev->mock->config.pgsizes;
	domain->domain.geometry.aperture_end = DMA_BIT_MASK(48);
	domain->domain.geometry.force_aperture = true;
	return &domain->domain;
}

static bool mock_capable(struct device *dev, enum iommu_cap cap)
{
	struct mock_device *mdev = dev_iommu_priv_get(dev);

	return cap == IOMMU_CAP_CACHE_COHERENCY ||
	       (cap == IOMMU_CAP_DEFERRED_FLUSH && mdev->mock->config.lazy);
}

static struct iommu_device *mock_probe(struct device *dev)
{
	struct iommu_fwspec *fwspec = dev_iommu_fwspec_get(dev);
	struct mock_device *mdev;
	struct mock_iommu *mock;

	if (!fwspec || !dev_is_pci(dev))
		return ERR_PTR(-ENODEV);
	/* The software node is there for the core; its parent is not in use. */
	mock = dev_iommu_priv_get(dev);
	mdev = kzalloc(sizeof(*mdev), GFP_KERNEL);
	if (!mdev)
		return ERR_PTR(-ENOMEM);
	mdev->mock = mock;
	dev_iommu_priv_set(dev, mdev);
	return &mock->iommu;
}

static void mock_release(struct device *dev)
{
	kfree(dev_iommu_priv_get(dev));
}

static struct iommu_group *mock_group(struct device *dev)
{
	struct mock_device *mdev = dev_iommu_priv_get(dev);
	struct mock_iommu *mock = mdev->mock;

	if (!mock->config.shared)
		return generic_device_group(dev);
	if (!mock->group)
		mock->group = iommu_group_alloc();
	return IS_ERR(mock->group) ? mock->group :
				     iommu_group_ref_get(mock->group);
}

static bool mock_is_attach_deferred(struct device *dev)
{
	struct mock_device *mdev = dev_iommu_priv_get(dev);

	return mdev->mock->config.deferred;
}

static int mock_def_domain_type(struct device *dev)
{
	struct mock_device *mdev = dev_iommu_priv_get(dev);

	if (mdev->mock->config.identity)
		return IOMMU_DOMAIN_IDENTITY;
	if (mdev->mock->config.lazy && !to_pci_dev(dev)->untrusted)
		return IOMMU_DOMAIN_DMA_FQ;
	return IOMMU_DOMAIN_DMA;
}

static const struct iommu_ops mock_ops = {
	.capable		= mock_capable,
	.domain_alloc_paging	= mock_domain_alloc,
	.probe_device		= mock_probe,
	.release_device		= mock_release,
	.device_group		= mock_group,
	.is_attach_deferred	= mock_is_attach_deferred,
	.def_domain_type	= mock_def_domain_type,
	.default_domain_ops	= &mock_domain_ops,
	.identity_domain	= &mock_identity,
	.owner			= THIS_MODULE,
};

/*
 * Runs before the IOMMU core's notifier, and assigns the new device to the mock.
 */
static int mock_notify(struct notifier_block *nb, unsigned long action,
		       void *data)
{
	struct mock_iommu *mock = container_of(nb, struct mock_iommu, notifier);
	struct device *dev = data;
	struct fabric_host *host = fabric_host_of(to_pci_dev(dev));

	if (action != BUS_NOTIFY_ADD_DEVICE || !host || host->noiommu ||
	    host->fabric->test != mock->test)
		return NOTIFY_DONE;

	mutex_lock(&iommu_probe_device_lock);
	if (!iommu_fwspec_init(dev, mock->iommu.fwnode))
		dev_iommu_priv_set(dev, mock);
	mutex_unlock(&iommu_probe_device_lock);
	return NOTIFY_DONE;
}

/*
 * dma-iommu attaches late only where this static key of its own is on, which is so in
 * a kdump kernel alone.
 */
static struct static_key *mock_deferred_key(void)
{
	return (void *)kallsyms_lookup_name("iommu_deferred_attach_enabled");
}

static void mock_iommu_free(void *data)
{
	struct mock_iommu *mock = data;

	KUNIT_EXPECT_EQ_MSG(mock->test, 0, atomic_read(&mock->live),
			    "pages are still mapped in the IOMMU");
	KUNIT_EXPECT_EQ_MSG(mock->test, mock->want_faults, mock->faults,
			    "requests that the IOMMU refused");
	if (mock->config.deferred)
		static_key_disable(mock_deferred_key());
	bus_unregister_notifier(&pci_bus_type, &mock->notifier);
	iommu_group_put(mock->group);
	iommu_device_unregister(&mock->iommu);
	iommu_device_sysfs_remove(&mock->iommu);
	fwnode_remove_software_node(mock->iommu.fwnode);
	kfree(mock);
}

/**
 * mock_iommu_create - create an IOMMU for the fabrics that come after it
 * @test: the test, with which it goes
 * @config: what kind of IOMMU; NULL for strict unmapping and 4 KiB pages
 *
 * Return: the IOMMU.  The test is ended if there is none.
 */
struct mock_iommu *mock_iommu_create(struct kunit *test,
				     const struct mock_iommu_config *config)
{
	struct mock_iommu *mock = kzalloc(sizeof(*mock), GFP_KERNEL);
	struct fwnode_handle *fwnode;
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, mock);
	mock->test = test;
	if (config)
		mock->config = *config;
	if (mock->config.deferred && !mock_deferred_key()) {
		ret = -ENOENT;
		goto free;
	}
	if (!mock->config.pgsizes)
		mock->config.pgsizes = SZ_4K;
	mock->fail_after = -1;
	mock->notifier.notifier_call = mock_notify;
	mock->notifier.priority = 1;

	fwnode = fwnode_create_software_node(NULL, NULL);
	if (IS_ERR(fwnode)) {
		ret = PTR_ERR(fwnode);
		goto free;
	}
	mock->iommu.fwnode = fwnode;
	ret = iommu_device_sysfs_add(&mock->iommu, NULL, NULL, "%s",
				     "kunit-iommu");
	if (ret)
		goto node;
	ret = iommu_device_register(&mock->iommu, &mock_ops, NULL);
	if (ret)
		goto sysfs;
	ret = bus_register_notifier(&pci_bus_type, &mock->notifier);
	if (ret)
		goto unregister;
	if (mock->config.deferred)
		static_key_enable(mock_deferred_key());
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, mock_iommu_free, mock));
	return mock;

unregister:
	iommu_device_unregister(&mock->iommu);
sysfs:
	iommu_device_sysfs_remove(&mock->iommu);
node:
	fwnode_remove_software_node(fwnode);
free:
	kfree(mock);
	KUNIT_FAIL_AND_ABORT(test, "no mock IOMMU: error %d", ret);
	return NULL;
}

/**
 * mock_iommu_destroy - destroy an IOMMU before the test ends
 * @mock: the IOMMU, whose devices have gone
 */
void mock_iommu_destroy(struct mock_iommu *mock)
{
	kunit_release_action(mock->test, mock_iommu_free, mock);
}

/**
 * mock_iommu_fail - make a call to map fail
 * @mock: the IOMMU
 * @after: how many calls succeed before; negative for no failure
 * @error: the error of that call
 */
void mock_iommu_fail(struct mock_iommu *mock, int after, int error)
{
	mock->fail_after = after;
	mock->fail_error = error;
}

/**
 * mock_iommu_translates - are the requests of a device translated?
 * @dev: the device
 *
 * Those of a device that is not attached yet are translated, by an empty page table.
 *
 * Return: true if they are.
 */
bool mock_iommu_translates(struct device *dev)
{
	struct mock_device *mdev = mock_device(dev);

	return mdev && (mdev->domain || !mdev->attached);
}

/**
 * mock_iommu_translate - what the hardware does with a request
 * @dev: the requester
 * @iova: the address
 * @write: what it wants to do there
 * @phys: set to the CPU physical address
 * @left: set to how many bytes from there on are mapped alike, and contiguous
 *
 * A refusal is recorded.
 *
 * Return: 0 or -EFAULT.
 */
int mock_iommu_translate(struct device *dev, u64 iova, bool write,
			 phys_addr_t *phys, size_t *left)
{
	struct mock_device *mdev = mock_device(dev);
	struct mock_page *page, *next;
	u64 start;

	page = mdev->domain ? mock_page(mdev->domain, iova, &start) : NULL;
	if (!page || !(page->prot & (write ? IOMMU_WRITE : IOMMU_READ))) {
		mdev->mock->faults++;
		mdev->mock->fault_iova = iova;
		return -EFAULT;
	}

	*phys = page->phys + (iova - start);
	*left = page->size - (iova - start);
	while ((next = mock_page(mdev->domain, iova + *left, &start)) &&
	       start == iova + *left && next->phys == *phys + *left &&
	       next->prot == page->prot)
		*left += next->size;
	return 0;
}

/**
 * mock_iommu_prot - the permissions and attributes of a mapping
 * @dev: whose
 * @iova: an address in it
 *
 * Return: IOMMU_READ and so on, or -ENOENT.
 */
int mock_iommu_prot(struct device *dev, u64 iova)
{
	struct mock_device *mdev = mock_device(dev);
	struct mock_page *page = NULL;
	u64 start;

	if (mdev && mdev->domain)
		page = mock_page(mdev->domain, iova, &start);
	return page ? page->prot : -ENOENT;
}

/* The first members of dma-iommu's private struct iommu_dma_cookie. */
struct mock_cookie {
	int type;
	struct iova_domain iovad;
};

/**
 * mock_iommu_iovas - how much has been taken from the allocator of IOVAs?
 * @dev: for which device
 *
 * Counts ranges: those in use, those that are reserved, and free ones of up to 32
 * pages that the allocator holds for reuse.
 *
 * Return: the number; 0 if the device has no IOVAs.
 */
int mock_iommu_iovas(struct device *dev)
{
	struct mock_cookie *cookie;
	struct rb_node *node;
	unsigned long flags;
	int count = 0;

	if (!use_dma_iommu(dev))
		return 0;
	cookie = (void *)iommu_get_dma_domain(dev)->iova_cookie;
	spin_lock_irqsave(&cookie->iovad.iova_rbtree_lock, flags);
	for (node = rb_first(&cookie->iovad.rbroot); node; node = rb_next(node))
		count++;
	spin_unlock_irqrestore(&cookie->iovad.iova_rbtree_lock, flags);
	return count;
}
