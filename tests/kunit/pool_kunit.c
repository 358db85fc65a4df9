// SPDX-License-Identifier: GPL-2.0
/*
 * The pool: peer memory that drivers and user space allocate, on real providers of
 * the fabric; its files in sysfs; and that a provider goes when the last page is
 * free, and not before.
 *
 * Files are opened as by user space, in a mount of sysfs of the test's own.
 * "Defect N" is a defect of the plain 6.12 kernel that must not come back.
 */
#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/pagewalk.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/uaccess.h>
#ifdef CONFIG_AMD_MEM_ENCRYPT
#include <asm/coco.h>
#endif

#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"
#include "fabric_single.h"
#include "oracle.h"

static const char pool_picture[] =
	"host bus=0x90000000\n"
	"  rp\n"
	"    up\n"
	"      dp\n"
	"        ep client\n"
	"      dp\n"
	"        ep provider bar0=4M bar2=2M\n"
	"      dp\n"
	"        ep twin bar0=2M\n"
	"  rp\n"
	"    ep beside bar0=2M\n";

static struct fabric *create_pool(struct kunit *test)
{
	return fabric_setup(test, pool_picture, NAMES("client"),
			    NAMES("provider"));
}

/*
 * Files.
 */

KUNIT_DEFINE_ACTION_WRAPPER(unmount_action, kern_unmount, struct vfsmount *);
KUNIT_DEFINE_ACTION_WRAPPER(fput_action, fput, struct file *);

static struct vfsmount *mount_sysfs(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("sysfs");
	struct vfsmount *mnt;

	KUNIT_ASSERT_NOT_NULL(test, type);
	mnt = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unmount_action, mnt));
	return mnt;
}

/* Open a file of a device's p2pmem group; an error pointer if that fails. */
static struct file *open_attribute(struct kunit *test, struct vfsmount *mnt,
				   struct pci_dev *pdev, const char *name,
				   int flags)
{
	char *device = kobject_get_path(&pdev->dev.kobj, GFP_KERNEL);
	struct file *file;
	char path[256];

	KUNIT_ASSERT_NOT_NULL(test, device);
	snprintf(path, sizeof(path), "%s/p2pmem/%s", device + 1, name);
	kfree(device);
	file = file_open_root_mnt(mnt, path, flags, 0);
	if (!IS_ERR(file))
		KUNIT_ASSERT_EQ(test, 0,
				kunit_add_action_or_reset(test, fput_action,
							  file));
	return file;
}

/* The number in a file; -1 if there is no such file. */
static long long read_attribute(struct kunit *test, struct vfsmount *mnt,
				struct pci_dev *pdev, const char *name)
{
	struct file *file = open_attribute(test, mnt, pdev, name, O_RDONLY);
	long long value;
	char text[32];
	loff_t pos = 0;
	ssize_t len;

	if (IS_ERR(file))
		return -1;
	len = kernel_read(file, text, sizeof(text) - 1, &pos);
	KUNIT_ASSERT_GT(test, len, 0);
	text[len] = '\0';
	KUNIT_EXPECT_EQ(test, text[len - 1], '\n');
	KUNIT_ASSERT_EQ_MSG(test, 0, kstrtoll(text, 10, &value), "%s", text);
	kunit_release_action(test, fput_action, file);
	return value;
}

/* Map the file with which memory is allocated. */
static unsigned long map_memory(struct kunit *test, struct vfsmount *mnt,
				struct pci_dev *pdev, size_t size)
{
	struct file *file = open_attribute(test, mnt, pdev, "allocate", O_RDWR);
	unsigned long addr;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	addr = kunit_vm_mmap(test, file, 0, size, PROT_READ | PROT_WRITE,
			     MAP_SHARED, 0);
	kunit_release_action(test, fput_action, file);
	KUNIT_ASSERT_NE(test, addr, 0);
	return addr;
}

/*
 * What drivers call.
 */

static void pool_alloc(struct kunit *test)
{
	struct fabric *fabric = create_pool(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct vfsmount *mnt = mount_sysfs(test);
	u64 bus = pci_bus_address(pdev, 0);
	void *page, *odd, *rest;

	KUNIT_EXPECT_EQ(test, SZ_4M, read_attribute(test, mnt, pdev, "size"));

	/* Sizes are rounded up to pages. */
	page = pci_alloc_p2pmem(pdev, 1);
	KUNIT_ASSERT_NOT_NULL(test, page);
	odd = pci_alloc_p2pmem(pdev, SZ_64K + 1);
	KUNIT_ASSERT_NOT_NULL(test, odd);
	KUNIT_EXPECT_EQ(test, SZ_4M - SZ_4K - SZ_64K - SZ_4K,
			read_attribute(test, mnt, pdev, "available"));
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(page));
	KUNIT_EXPECT_TRUE(test, is_pci_p2pdma_page(virt_to_page(page)));

	/*
	 * The bus address has the same offset in the BAR as the CPU physical
	 * address.
	 */
	KUNIT_EXPECT_EQ(test, pci_p2pmem_virt_to_bus(pdev, page) - bus,
			virt_to_phys(page) - pci_resource_start(pdev, 0));
	KUNIT_EXPECT_EQ(test, pci_p2pmem_virt_to_bus(pdev, odd + 5),
			pci_p2pmem_virt_to_bus(pdev, odd) + 5);
	KUNIT_EXPECT_EQ(test, 0, pci_p2pmem_virt_to_bus(pdev, NULL));
	KUNIT_EXPECT_EQ(test, 0, pci_p2pmem_virt_to_bus(pdev, test));

	/* All of it, and no more. */
	KUNIT_EXPECT_NULL(test, pci_alloc_p2pmem(pdev, SZ_4M));
	pci_free_p2pmem(pdev, page, 1);
	pci_free_p2pmem(pdev, odd, SZ_64K + 1);
	rest = pci_alloc_p2pmem(pdev, SZ_4M);
	KUNIT_ASSERT_NOT_NULL(test, rest);
	KUNIT_EXPECT_EQ(test, 0, read_attribute(test, mnt, pdev, "available"));
	KUNIT_EXPECT_NULL(test, pci_alloc_p2pmem(pdev, 1));
	pci_free_p2pmem(pdev, rest, SZ_4M);
	KUNIT_EXPECT_EQ(test, SZ_4M,
			read_attribute(test, mnt, pdev, "available"));
	KUNIT_EXPECT_EQ(test, SZ_4M, read_attribute(test, mnt, pdev, "size"));
}

/* A function with several parts of memory has one pool. */
static void pool_parts(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, pool_picture, NULL, NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct vfsmount *mnt = mount_sysfs(test);
	void *part[3];
	int i;

	KUNIT_EXPECT_EQ(test, -1, read_attribute(test, mnt, pdev, "size"));
	KUNIT_EXPECT_NULL(test, pci_alloc_p2pmem(pdev, SZ_4K));
	KUNIT_EXPECT_EQ(test, 0, pci_p2pmem_virt_to_bus(pdev, test));

	fabric_provider_part(fabric, "provider", 0, SZ_2M, 0);
	KUNIT_EXPECT_EQ(test, SZ_2M, read_attribute(test, mnt, pdev, "size"));
	fabric_provider_part(fabric, "provider", 0, 0, SZ_2M);
	fabric_provider(fabric, "provider", 2);
	KUNIT_EXPECT_EQ(test, SZ_2M + SZ_4M,
			read_attribute(test, mnt, pdev, "size"));

	/* No allocation spans two parts, adjacent or not. */
	KUNIT_EXPECT_NULL(test, pci_alloc_p2pmem(pdev, SZ_2M + SZ_4K));
	for (i = 0; i < 3; i++) {
		part[i] = pci_alloc_p2pmem(pdev, SZ_2M);
		KUNIT_ASSERT_NOT_NULL(test, part[i]);
		KUNIT_EXPECT_EQ(test, pci_p2pmem_virt_to_bus(pdev, part[i]),
				virt_to_phys(part[i]) +
				pci_bus_address(pdev, 0) -
				pci_resource_start(pdev, 0));
	}
	KUNIT_EXPECT_NULL(test, pci_alloc_p2pmem(pdev, 1));
	for (i = 0; i < 3; i++)
		pci_free_p2pmem(pdev, part[i], SZ_2M);

	/* Memory without struct pages is in no pool. */
	fabric_provider_plain(fabric, "beside", 0);
	KUNIT_EXPECT_NULL(test,
			  pci_alloc_p2pmem(fabric_dev(fabric, "beside"), 1));
	KUNIT_EXPECT_EQ(test, -1,
			read_attribute(test, mnt, fabric_dev(fabric, "beside"),
				       "size"));
}

/* A resource that cannot be added is refused, and nothing of it remains. */
static void pool_add_refused(struct kunit *test)
{
	struct fabric *fabric = create_pool(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	static const struct {
		int bar;
		u64 size, offset;
		int error;
	} row[] = {
		{ 1, 0, 0, -EINVAL },		/* the upper half of BAR 0 */
		{ 3, 0, 0, -EINVAL },
		{ 6, 0, 0, -EINVAL },
		{ -1, 0, 0, -EINVAL },
		{ 2, SZ_4M, 0, -EINVAL },
		{ 2, 0, SZ_2M, -EINVAL },
		{ 2, SZ_2M, SZ_4K, -EINVAL },
		{ 2, U64_MAX, SZ_4K, -EINVAL },
		{ 2, SZ_2M, U64_MAX, -EINVAL },
	};
	struct vfsmount *mnt = mount_sysfs(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		KUNIT_EXPECT_EQ_MSG(test, row[i].error,
				    pci_p2pdma_add_resource(pdev, row[i].bar,
							    row[i].size,
							    row[i].offset),
				    "row %d", i);
	KUNIT_EXPECT_NULL(test,
			  pci_p2pdma_provider_of_phys(pci_resource_start(pdev, 2),
						      1));
	KUNIT_EXPECT_EQ(test, SZ_4M, read_attribute(test, mnt, pdev, "size"));
	fabric_provider(fabric, "provider", 2);
	KUNIT_EXPECT_EQ(test, SZ_4M + SZ_2M,
			read_attribute(test, mnt, pdev, "size"));
}

/* One allocation after the other fails, and every step before it is undone. */
static void pool_add_fails(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, pool_picture, NULL, NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	struct vfsmount *mnt = mount_sysfs(test);
	bool failed = true;
	int step, ret;
	void *group;

	fabric_fail_begin(test, true, false);
	kunit_info(test, "may: kmemleak: Cannot allocate a scan area\n");
	kunit_info(test, "may: add_pages\n");
	for (step = 0; failed && step < 200; step++) {
		group = devres_open_group(&pdev->dev, NULL, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, group);
		fabric_fail_nth(step);
		ret = pci_p2pdma_add_resource(pdev, 0, SZ_2M, 0);
		failed = fabric_failed_nth();

		/*
		 * Some allocations of the memory manager may fail without an
		 * error.
		 */
		KUNIT_EXPECT_TRUE_MSG(test, !ret || (failed && ret == -ENOMEM),
				      "step %d: error %d", step, ret);
		KUNIT_EXPECT_EQ_MSG(test, !ret,
				    !!pci_p2pdma_provider_of_phys(phys, SZ_2M),
				    "step %d", step);
		devres_release_group(&pdev->dev, group);
		KUNIT_EXPECT_NULL_MSG(test,
				      pci_p2pdma_provider_of_phys(phys, 1),
				      "step %d", step);
		KUNIT_EXPECT_NULL_MSG(test, pci_alloc_p2pmem(pdev, 1),
				      "step %d", step);
		KUNIT_EXPECT_EQ_MSG(test, -1,
				    read_attribute(test, mnt, pdev, "size"),
				    "step %d", step);
	}
	KUNIT_EXPECT_FALSE(test, failed);
	/* The pool, its files, the range and its pages. */
	KUNIT_EXPECT_GE(test, step, 8);
}

/*
 * pcim_p2pdma_init() registers all BARs that are memory, also beside parts with struct
 * pages, and pcim_p2pdma_provider() only looks.
 */
static void pool_init(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, pool_picture, NULL, NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	phys_addr_t phys2 = pci_resource_start(pdev, 2);
	struct p2pdma_provider *provider;
	void *group[2];
	int i;

	/* Not before a driver says so. */
	KUNIT_EXPECT_NULL(test, pcim_p2pdma_provider(pdev, 0));
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys, 1));

	group[0] = devres_open_group(&pdev->dev, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, group[0]);
	KUNIT_EXPECT_EQ(test, 0, pci_p2pdma_add_resource(pdev, 0, SZ_2M, 0));
	provider = pcim_p2pdma_provider(pdev, 0);
	KUNIT_EXPECT_PTR_EQ(test, provider,
			    pci_p2pdma_provider_of_phys(phys, SZ_2M));
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys + SZ_2M, 1));
	/* Asking for a provider makes no memory one's own. */
	KUNIT_EXPECT_NULL(test, pcim_p2pdma_provider(pdev, 2));
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys2, 1));

	group[1] = devres_open_group(&pdev->dev, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, group[1]);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, 0, pcim_p2pdma_init(pdev));
		KUNIT_EXPECT_PTR_EQ(test, provider,
				    pcim_p2pdma_provider(pdev, 0));
		KUNIT_EXPECT_PTR_EQ(test, provider,
				    pci_p2pdma_provider_of_phys(phys, SZ_4M));
	}
	KUNIT_EXPECT_PTR_EQ(test, pcim_p2pdma_provider(pdev, 2),
			    pci_p2pdma_provider_of_phys(phys2, SZ_2M));
	KUNIT_EXPECT_PTR_NE(test, provider, pcim_p2pdma_provider(pdev, 2));
	/* What is no memory BAR, and what is none at all. */
	for (i = -1; i <= PCI_STD_NUM_BARS; i++)
		if (i != 0 && i != 2)
			KUNIT_EXPECT_NULL_MSG(test,
					      pcim_p2pdma_provider(pdev, i),
					      "BAR %d", i);

	/* Each is undone by itself. */
	KUNIT_EXPECT_EQ(test, to_p2pdma_mem(provider)->registered, 2);
	devres_release_group(&pdev->dev, group[1]);
	KUNIT_EXPECT_PTR_EQ(test, provider, pcim_p2pdma_provider(pdev, 0));
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys + SZ_2M, 1));
	KUNIT_EXPECT_NULL(test, pcim_p2pdma_provider(pdev, 2));
	devres_release_group(&pdev->dev, group[0]);
	KUNIT_EXPECT_NULL(test, pcim_p2pdma_provider(pdev, 0));
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys, 1));
}

/* For want of memory all BARs are registered, or none. */
static void pool_init_fails(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, pool_picture, NULL, NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	bool failed = true;
	int step, ret, bar;
	void *group;

	fabric_fail_begin(test, true, false);
	for (step = 0; failed && step < 100; step++) {
		group = devres_open_group(&pdev->dev, NULL, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, group);
		fabric_fail_nth(step);
		ret = pcim_p2pdma_init(pdev);
		failed = fabric_failed_nth();
		KUNIT_EXPECT_TRUE_MSG(test, !ret || (failed && ret == -ENOMEM),
				      "step %d: error %d", step, ret);
		for (bar = 0; bar <= 2; bar += 2)
			KUNIT_EXPECT_EQ_MSG(test, !ret,
					    !!pcim_p2pdma_provider(pdev, bar),
					    "step %d, BAR %d", step, bar);
		devres_release_group(&pdev->dev, group);
		for (bar = 0; bar <= 2; bar += 2)
			KUNIT_EXPECT_NULL(test,
					  pci_p2pdma_provider_of_phys(pci_resource_start(pdev, bar),
								      1));
	}
	KUNIT_EXPECT_FALSE(test, failed);
	/* The object, and a part and its undoing for each of two BARs. */
	KUNIT_EXPECT_GE(test, step, 6);
}

/* A BAR inside the registered BAR of another function is left out. */
static void pool_init_overlap(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, pool_picture, NULL, NULL);
	struct pci_dev *outer = fabric_dev(fabric, "twin");
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct resource saved = pdev->resource[2];
	u64 since = fabric_log_now();
	void *group;

	fabric_provider_plain(fabric, "twin", 0);
	pdev->resource[2].start = pci_resource_start(outer, 0);
	pdev->resource[2].end = pci_resource_start(outer, 0) + SZ_1M - 1;
	group = devres_open_group(&pdev->dev, NULL, GFP_KERNEL);
	if (group) {
		KUNIT_EXPECT_EQ(test, 0, pcim_p2pdma_init(pdev));
		KUNIT_EXPECT_NOT_NULL(test, pcim_p2pdma_provider(pdev, 0));
		KUNIT_EXPECT_NULL(test, pcim_p2pdma_provider(pdev, 2));
		devres_release_group(&pdev->dev, group);
	}
	pdev->resource[2] = saved;
	KUNIT_ASSERT_NOT_NULL(test, group);
	expect_logged(test, since, 1, pci_name(pdev),
		      "BAR 2 overlaps another provider's memory");
}

/* As exporters ask at run time, each for itself. */
struct asker {
	struct pci_dev *pdev;
	const struct p2pdma_provider *wanted;
	unsigned long asked, wrong;
};

static int keep_asking(void *data)
{
	struct asker *asker = data;

	while (!kthread_should_stop()) {
		asker->asked++;
		asker->wrong += pcim_p2pdma_provider(asker->pdev, 0) !=
				asker->wanted;
		cond_resched();
	}
	return 0;
}

static void pool_provider_by_many(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, pool_picture, NULL, NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct p2pdma_provider *provider = fabric_provider_plain(fabric,
								 "provider", 0);
	phys_addr_t phys = pci_resource_start(pdev, 0);
	unsigned int registered = to_p2pdma_mem(provider)->registered;
	struct task_struct *task[3];
	struct asker asker[3];
	int i;

	for (i = 0; i < ARRAY_SIZE(task); i++) {
		asker[i] = (struct asker) { .pdev = pdev, .wanted = provider };
		task[i] = kthread_run(keep_asking, &asker[i], "p2pdma-asker");
	}
	msleep(100);
	for (i = 0; i < ARRAY_SIZE(task); i++) {
		if (!IS_ERR(task[i]))
			kthread_stop(task[i]);
		KUNIT_EXPECT_FALSE(test, IS_ERR(task[i]));
		KUNIT_EXPECT_GT(test, asker[i].asked, 0);
		KUNIT_EXPECT_EQ(test, asker[i].wrong, 0);
	}
	KUNIT_EXPECT_EQ(test, registered, to_p2pdma_mem(provider)->registered);
	fabric_provider_release(fabric, "provider");
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys, 1));
}

static void pool_sgl(struct kunit *test)
{
	struct fabric *fabric = create_pool(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct vfsmount *mnt = mount_sysfs(test);
	struct scatterlist *sgl, *none;
	unsigned int nents = 0;

	sgl = pci_p2pmem_alloc_sgl(pdev, &nents, SZ_64K + 12);
	KUNIT_ASSERT_NOT_NULL(test, sgl);
	KUNIT_ASSERT_EQ(test, nents, 1);
	KUNIT_EXPECT_EQ(test, sgl->length, SZ_64K + 12);
	KUNIT_EXPECT_TRUE(test, sg_is_last(sgl));
	KUNIT_EXPECT_EQ(test, SZ_4M - SZ_64K - SZ_4K,
			read_attribute(test, mnt, pdev, "available"));
	KUNIT_ASSERT_EQ(test, 1,
			dma_map_sg(&client->dev, sgl, nents, DMA_BIDIRECTIONAL));
	oracle_expect_sg(fabric, client, sgl, nents, 1, DMA_BIDIRECTIONAL);
	dma_unmap_sg(&client->dev, sgl, nents, DMA_BIDIRECTIONAL);

	/*
	 * More memory than is left, and memory of a device that has no provider.
	 */
	KUNIT_EXPECT_NULL(test, pci_p2pmem_alloc_sgl(pdev, &nents, SZ_4M));
	KUNIT_EXPECT_NULL(test, pcim_p2pdma_provider(pdev, 1));
	fabric_fail_begin(test, true, false);
	fabric_fail_nth(0);
	none = pci_p2pmem_alloc_sgl(pdev, &nents, SZ_4K);
	KUNIT_EXPECT_TRUE(test, fabric_failed_nth() && !none);
	KUNIT_EXPECT_NULL(test, pci_p2pmem_alloc_sgl(client, &nents, SZ_4K));
	pci_p2pmem_free_sgl(pdev, sgl);
	KUNIT_EXPECT_EQ(test, SZ_4M,
			read_attribute(test, mnt, pdev, "available"));
}

/*
 * The provider that is found is published, reached by all clients, and the
 * nearest.
 */
static void pool_find(struct kunit *test)
{
	struct fabric *fabric = create_pool(test);
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct pci_dev *beside = fabric_dev(fabric, "beside");
	struct pci_dev *twin = fabric_dev(fabric, "twin"), *found;
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct vfsmount *mnt = mount_sysfs(test);
	struct device *clients[] = { &client->dev, &beside->dev };
	int round, seen = 0;

	fabric_provider(fabric, "beside", 0);
	KUNIT_EXPECT_FALSE(test, pci_has_p2pmem(provider));
	KUNIT_EXPECT_EQ(test, 0,
			read_attribute(test, mnt, provider, "published"));
	KUNIT_EXPECT_NULL(test, pci_p2pmem_find(&client->dev));

	/* Published, without a route and then with one. */
	pci_p2pmem_publish(beside, true);
	KUNIT_EXPECT_TRUE(test, pci_has_p2pmem(beside));
	KUNIT_EXPECT_EQ(test, 1, read_attribute(test, mnt, beside, "published"));
	KUNIT_EXPECT_NULL(test, pci_p2pmem_find(&client->dev));
	fabric_cpu_listed(test, true);
	found = pci_p2pmem_find(&client->dev);
	KUNIT_EXPECT_PTR_EQ(test, found, beside);
	pci_dev_put(found);

	/*
	 * A nearer provider; with two clients the sum of their distances decides.
	 */
	pci_p2pmem_publish(provider, true);
	found = pci_p2pmem_find(&client->dev);
	KUNIT_EXPECT_PTR_EQ(test, found, provider);
	pci_dev_put(found);
	found = pci_p2pmem_find_many(clients, 2);
	KUNIT_EXPECT_PTR_EQ(test, found, beside);
	pci_dev_put(found);
	fabric_policy(test, "deny=%s", pci_name(provider));
	found = pci_p2pmem_find(&client->dev);
	KUNIT_EXPECT_PTR_EQ(test, found, beside);
	pci_dev_put(found);
	fabric_policy(test, "auto");

	/* Of two at the same distance a random one is found. */
	fabric_provider(fabric, "twin", 0);
	pci_p2pmem_publish(twin, true);
	for (round = 0; round < 64; round++) {
		found = pci_p2pmem_find(&client->dev);
		KUNIT_ASSERT_TRUE(test, found == provider || found == twin);
		seen |= found == twin ? 2 : 1;
		pci_dev_put(found);
	}
	KUNIT_EXPECT_EQ(test, seen, 3);

	pci_p2pmem_publish(provider, false);
	pci_p2pmem_publish(twin, false);
	pci_p2pmem_publish(beside, false);
	KUNIT_EXPECT_NULL(test, pci_p2pmem_find(&client->dev));

	/* A device without a pool cannot be published. */
	pci_p2pmem_publish(client, true);
	KUNIT_EXPECT_FALSE(test, pci_has_p2pmem(client));
}

/* Text that is written to choose a provider, and text that is shown. */
static void pool_enable(struct kunit *test)
{
	struct fabric *fabric = create_pool(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider"), *chosen = NULL;
	static const struct {
		const char *text;
		int error;
		bool use;
	} row[] = {
		{ "0", 0, false }, { "1", 0, true }, { "0\n", 0, false },
		{ "1\n", 0, true }, { "y", 0, true }, { "off", 0, false },
		{ "on\n", 0, true }, { "", -ENODEV }, { "2", -ENODEV },
		{ "rubbish", -ENODEV },
		/* A PCI address that begins like a boolean. */
		{ "0000:01:00.1", -ENODEV }, { "1234:01:00.1\n", -ENODEV },
	};
	char page[64];
	bool use;
	int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		use = !row[i].use;
		KUNIT_EXPECT_EQ_MSG(test, row[i].error,
				    pci_p2pdma_enable_store(row[i].text, &chosen,
							    &use), "%s",
				    row[i].text);
		KUNIT_EXPECT_NULL(test, chosen);
		if (!row[i].error)
			KUNIT_EXPECT_EQ_MSG(test, use, row[i].use, "%s",
					    row[i].text);
	}

	/* A device before and after it is published. */
	KUNIT_EXPECT_EQ(test, -ENODEV,
			pci_p2pdma_enable_store(pci_name(pdev), &chosen, &use));
	pci_p2pmem_publish(pdev, true);
	use = false;
	KUNIT_EXPECT_EQ(test, 0,
			pci_p2pdma_enable_store(pci_name(pdev), &chosen, &use));
	KUNIT_EXPECT_TRUE(test, use);
	KUNIT_EXPECT_PTR_EQ(test, chosen, pdev);
	KUNIT_EXPECT_EQ(test, strlen(pci_name(pdev)) + 1,
			pci_p2pdma_enable_show(page, chosen, true));
	page[strlen(page) - 1] = '\0';
	KUNIT_EXPECT_STREQ(test, page, pci_name(pdev));
	pci_dev_put(chosen);

	pci_p2pdma_enable_show(page, NULL, true);
	KUNIT_EXPECT_STREQ(test, page, "1\n");
	pci_p2pdma_enable_show(page, NULL, false);
	KUNIT_EXPECT_STREQ(test, page, "0\n");
}

/*
 * User mappings.
 */

static int user_prot_entry(pte_t *pte, unsigned long addr, unsigned long next,
			   struct mm_walk *walk)
{
	*(pte_t *)walk->private = ptep_get(pte);
	return 0;
}

/* The attributes of a page that user space has mapped. */
static pgprot_t user_prot(struct kunit *test, unsigned long addr)
{
	static const struct mm_walk_ops ops = {
		.pte_entry = user_prot_entry,
		.walk_lock = PGWALK_RDLOCK,
	};
	pte_t entry = {};

	mmap_read_lock(current->mm);
	walk_page_range(current->mm, addr, addr + PAGE_SIZE, &ops, &entry);
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_TRUE(test, pte_present(entry));
	return pte_pgprot(entry);
}

/* Defect 15: user mappings of peer memory must not be cached by the CPU. */
static void pool_mmap(struct kunit *test)
{
	struct fabric *fabric = create_pool(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct vfsmount *mnt = mount_sysfs(test);
	struct pci_p2pdma_memory memory;
	struct page *pages[3];
	unsigned long addr;
	pgprot_t prot;
	int i;

	addr = map_memory(test, mnt, pdev, 3 * PAGE_SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, SZ_4M - 3 * PAGE_SIZE,
			read_attribute(test, mnt, pdev, "available"));
	for (i = 0; i < 3; i++) {
		prot = user_prot(test, addr + i * PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, pgprot_val(prot),
				pgprot_val(pgprot_noncached(prot)));
	}
	/* The comparison counts only if the two differ. */
	KUNIT_EXPECT_NE(test, pgprot_val(PAGE_SHARED),
			pgprot_val(pgprot_noncached(PAGE_SHARED)));
	KUNIT_EXPECT_EQ(test, 0, clear_user((void __user *)addr, 3 * PAGE_SIZE));

	/* Pages can be pinned with FOLL_PCI_P2PDMA, and not without. */
	KUNIT_EXPECT_LT(test, get_user_pages_fast(addr, 3, FOLL_WRITE, pages), 0);
	KUNIT_ASSERT_EQ(test, 3,
			get_user_pages_fast(addr, 3,
					    FOLL_WRITE | FOLL_PCI_P2PDMA,
					    pages));
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_TRUE(test, is_pci_p2pdma_page(pages[i]));
		KUNIT_EXPECT_PTR_EQ(test, &pdev->dev,
				    pci_p2pdma_provider_of_page(pages[i])->owner);
	}

	/* A look-up finds the memory of the mapping, and keeps none of its pages. */
	KUNIT_ASSERT_EQ(test, 0,
			pci_p2pdma_find_user(current->mm, addr + 5,
					     2 * PAGE_SIZE, true, &memory));
	KUNIT_EXPECT_PTR_EQ(test, memory.pdev, pdev);
	KUNIT_EXPECT_EQ(test, memory.bar, 0);
	KUNIT_EXPECT_EQ(test, memory.phys, page_to_phys(pages[0]) + 5);
	pci_p2pdma_put_memory(&memory);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			pci_p2pdma_find_user(current->mm, addr,
					     3 * PAGE_SIZE + 1, true, &memory));

	/* A page returns to the pool with the last reference to it. */
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr + PAGE_SIZE, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, SZ_4M - 3 * PAGE_SIZE,
			read_attribute(test, mnt, pdev, "available"));
	put_page(pages[1]);
	KUNIT_EXPECT_EQ(test, SZ_4M - 2 * PAGE_SIZE,
			read_attribute(test, mnt, pdev, "available"));
	put_page(pages[0]);
	put_page(pages[2]);
	KUNIT_EXPECT_EQ(test, SZ_4M - 2 * PAGE_SIZE,
			read_attribute(test, mnt, pdev, "available"));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, 3 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, SZ_4M,
			read_attribute(test, mnt, pdev, "available"));

	/* The memory can be allocated again. */
	addr = map_memory(test, mnt, pdev, SZ_4M);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, 0, read_attribute(test, mnt, pdev, "available"));
	KUNIT_EXPECT_NULL(test, pci_alloc_p2pmem(pdev, 1));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, SZ_4M));
	KUNIT_EXPECT_EQ(test, SZ_4M,
			read_attribute(test, mnt, pdev, "available"));
}

#ifdef CONFIG_AMD_MEM_ENCRYPT
/* A page table bit that marks memory as not encrypted. The CPU ignores it. */
#define DECRYPTED BIT_ULL(54)

static enum cc_vendor real_vendor;

static void encryption_off(void *unused)
{
	cc_vendor = real_vendor;
	cc_mask = 0;
}

/* From here on page tables mark memory as encrypted unless told otherwise. */
static void encryption_on(struct kunit *test)
{
	if (cc_mask)
		kunit_skip(test, "memory is encrypted here");
	if (system_state > SYSTEM_SCHEDULING)
		kunit_skip(test, "what says so can be written at boot only");
	real_vendor = cc_vendor;
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, encryption_off, NULL));
	cc_mask = DECRYPTED;
	cc_vendor = CC_VENDOR_INTEL;
}

static bool kernel_decrypted(struct kunit *test, struct pci_dev *pdev)
{
	void *addr = phys_to_virt(pci_resource_start(pdev, 0));
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)addr, &level);

	KUNIT_ASSERT_NOT_NULL(test, pte);
	return pte_val(ptep_get(pte)) & DECRYPTED;
}
#endif

/*
 * Defect 15: neither the kernel's mapping nor user space's is marked as encrypted.
 */
static void pool_decrypted(struct kunit *test)
{
#ifdef CONFIG_AMD_MEM_ENCRYPT
	struct fabric *fabric = create_pool(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct pci_dev *twin = fabric_dev(fabric, "twin");
	struct vfsmount *mnt = mount_sysfs(test);
	unsigned long before, addr;

	before = map_memory(test, mnt, pdev, PAGE_SIZE);
	encryption_on(test);
	fabric_provider(fabric, "twin", 0);
	addr = map_memory(test, mnt, pdev, PAGE_SIZE);
	kunit_release_action(test, encryption_off, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(before));
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));

	KUNIT_EXPECT_FALSE(test, kernel_decrypted(test, pdev));
	KUNIT_EXPECT_TRUE(test, kernel_decrypted(test, twin));
	KUNIT_EXPECT_FALSE(test, pgprot_val(user_prot(test, before)) & DECRYPTED);
	KUNIT_EXPECT_TRUE(test, pgprot_val(user_prot(test, addr)) & DECRYPTED);
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(before, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, PAGE_SIZE));
#else
	kunit_skip(test, "needs CONFIG_AMD_MEM_ENCRYPT");
#endif
}

static void pool_mmap_refused(struct kunit *test)
{
	struct fabric *fabric = create_pool(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct vfsmount *mnt = mount_sysfs(test);
	struct file *file = open_attribute(test, mnt, pdev, "allocate", O_RDWR);
	u64 since = fabric_log_now();
	unsigned long addr;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	addr = kunit_vm_mmap(test, file, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE, 0);
	KUNIT_EXPECT_EQ(test, (long)addr, -EINVAL);
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, pci_name(pdev),
					 "cannot be mapped MAP_PRIVATE"));
	addr = kunit_vm_mmap(test, file, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_SHARED, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, (long)addr, -EINVAL);
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, pci_name(pdev),
					 "cannot be mapped at an offset"));
	addr = kunit_vm_mmap(test, file, 0, SZ_4M + PAGE_SIZE,
			     PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	KUNIT_EXPECT_EQ(test, (long)addr, -ENOMEM);
	KUNIT_EXPECT_EQ(test, SZ_4M,
			read_attribute(test, mnt, pdev, "available"));
}

/*
 * Defect 15, the half of it that 6.12.117 has mended: a mapping that fails half way
 * gives back all that it took.  The memory has two page tables.
 */
static void pool_mmap_fails(struct kunit *test)
{
	struct fabric *fabric = create_pool(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct vfsmount *mnt = mount_sysfs(test);
	struct file *file = open_attribute(test, mnt, pdev, "allocate", O_RDWR);
	unsigned long addr;
	bool failed = true;
	int step, half = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	fabric_fail_begin(test, true, true);
	for (step = 0; failed && step < 100; step++) {
		fabric_fail_nth(step);
		addr = vm_mmap(file, 0, SZ_4M, PROT_READ | PROT_WRITE,
			       MAP_SHARED, 0);
		failed = fabric_failed_nth();
		if (IS_ERR_VALUE(addr)) {
			KUNIT_EXPECT_TRUE(test, failed);
			KUNIT_EXPECT_EQ_MSG(test, (long)addr, -ENOMEM,
					    "step %d", step);
			half++;
		} else {
			KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, SZ_4M));
		}
		KUNIT_EXPECT_EQ_MSG(test, SZ_4M,
				    read_attribute(test, mnt, pdev,
						   "available"),
				    "step %d", step);
	}
	KUNIT_EXPECT_FALSE(test, failed);
	/* The mapping itself, and two tables at the least. */
	KUNIT_EXPECT_GE(test, half, 3);
}

/*
 * A provider that goes while its memory is in use.
 */

struct removal {
	struct fabric *fabric;
	struct task_struct *task;
	struct completion done;
};

static int remove_provider(void *data)
{
	struct removal *removal = data;

	fabric_provider_release(removal->fabric, "provider");
	complete(&removal->done);
	return 0;
}

static void start_removal(struct fabric *fabric, struct removal *removal)
{
	removal->fabric = fabric;
	init_completion(&removal->done);
	removal->task = kthread_run(remove_provider, removal, "p2pdma-removal");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(fabric->test, removal->task);
}

/* The removal is still waiting after a while. */
static void expect_waiting(struct fabric *fabric, struct removal *removal)
{
	KUNIT_EXPECT_EQ(fabric->test, 0,
			wait_for_completion_timeout(&removal->done, HZ / 5));
}

static void expect_removed(struct fabric *fabric, struct removal *removal,
			   phys_addr_t phys)
{
	KUNIT_EXPECT_NE(fabric->test, 0,
			wait_for_completion_timeout(&removal->done, 60 * HZ));
	KUNIT_EXPECT_NULL(fabric->test, pci_p2pdma_provider_of_phys(phys, 1));
}

/*
 * Memory that a driver has allocated and mapped: new mappings are refused at once,
 * and the removal waits.
 */
static void pool_removal_waits(struct kunit *test)
{
	struct fabric *fabric = create_pool(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct pci_dev *client = fabric_dev(fabric, "client");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	struct fabric_sg *before = fabric_sg_alloc(fabric, 1);
	struct fabric_sg *after = fabric_sg_alloc(fabric, 1);
	struct pci_p2pdma_route route;
	struct p2pdma_provider *provider;
	struct removal removal;
	void *addr;

	addr = pci_alloc_p2pmem(pdev, SZ_4K);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	provider = pci_p2pdma_provider_of_phys(phys, 1);
	fabric_sg_phys(before, virt_to_phys(addr), SZ_4K);
	fabric_sg_phys(after, virt_to_phys(addr), SZ_4K);
	KUNIT_EXPECT_EQ(test, 0,
			fabric_sg_map(before, client, DMA_BIDIRECTIONAL));

	start_removal(fabric, &removal);
	expect_waiting(fabric, &removal);
	pci_p2pdma_query_route(provider, &client->dev, DMA_FROM_DEVICE, &route);
	KUNIT_EXPECT_EQ(test, route.type, PCI_P2PDMA_MAP_NOT_SUPPORTED);
	KUNIT_EXPECT_EQ(test, route.reason, PCI_P2PDMA_PROVIDER_UNREACHABLE);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(after, client, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_NULL(test, pci_alloc_p2pmem(pdev, SZ_4K));
	KUNIT_EXPECT_PTR_EQ(test, provider,
			    pci_p2pdma_provider_of_phys(phys, 1));

	/*
	 * A list that was mapped before may still be in use, and can be unmapped.
	 */
	fabric_sg_unmap(before);
	expect_waiting(fabric, &removal);
	pci_free_p2pmem(pdev, addr, SZ_4K);
	expect_removed(fabric, &removal, phys);
}

/* User mappings do not hold a provider: they are torn down. */
static void pool_removal_unmaps(struct kunit *test)
{
	struct fabric *fabric = create_pool(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	struct vfsmount *mnt = mount_sysfs(test);
	struct file *file = open_attribute(test, mnt, pdev, "allocate", O_RDWR);
	struct removal removal;
	unsigned long addr, again;
	u8 byte;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	addr = map_memory(test, mnt, pdev, 2 * PAGE_SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, 0,
			copy_from_user(&byte, (void __user *)addr, 1));

	start_removal(fabric, &removal);
	expect_removed(fabric, &removal, phys);
	KUNIT_EXPECT_EQ(test, 1,
			copy_from_user(&byte, (void __user *)addr, 1));

	/* A file that was opened before cannot be mapped any more. */
	again = kunit_vm_mmap(test, file, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			      MAP_SHARED, 0);
	KUNIT_EXPECT_EQ(test, (long)again, -ENODEV);
	KUNIT_EXPECT_EQ(test, -1, read_attribute(test, mnt, pdev, "size"));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, 2 * PAGE_SIZE));

	/* The provider can be registered again. */
	kunit_release_action(test, fput_action, file);
	fabric_provider(fabric, "provider", 0);
	KUNIT_EXPECT_EQ(test, SZ_4M,
			read_attribute(test, mnt, pdev, "available"));
}

/* A page that is pinned for DMA holds its provider until it is unpinned. */
static void pool_removal_waits_for_users(struct kunit *test)
{
	struct fabric *fabric = create_pool(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	struct vfsmount *mnt = mount_sysfs(test);
	struct removal removal;
	unsigned long addr;
	struct page *page;

	addr = map_memory(test, mnt, pdev, 2 * PAGE_SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_ASSERT_EQ(test, 1,
			pin_user_pages_fast(addr, 1,
					    FOLL_WRITE | FOLL_PCI_P2PDMA,
					    &page));
	start_removal(fabric, &removal);
	expect_waiting(fabric, &removal);
	KUNIT_EXPECT_TRUE(test, is_pci_p2pdma_page(page));
	unpin_user_page(page);
	expect_removed(fabric, &removal, phys);
}

/*
 * A driver that is unbound: before its remove() nobody must use the memory any more.
 */

#define DRAINED_DEVICE 0xd7a1

static const char drained_picture[] =
	"host bus=0x90000000\n"
	"  rp\n"
	"    up\n"
	"      dp\n"
	"        ep client\n"
	"      dp\n"
	"        ep provider id=1fab:d7a1 bar0=4M\n";

/* What remove() has found; one test runs at a time. */
static struct {
	struct pci_dev *client;
	void *own;
	bool removed;
	int user_pages;
	enum pci_p2pdma_reason reason;
	struct completion done;
} drained;

static int drained_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret = pci_p2pdma_add_resource(pdev, 0, SZ_2M, 0);

	if (ret)
		return ret;
	ret = pcim_p2pdma_init(pdev);
	if (ret)
		return ret;
	drained.own = pci_alloc_p2pmem(pdev, SZ_4K);
	return drained.own ? 0 : -ENOMEM;
}

static void drained_remove(struct pci_dev *pdev)
{
	struct pci_p2pdma_route route;

	pci_p2pdma_query_route(pcim_p2pdma_provider(pdev, 0),
			       &drained.client->dev, DMA_FROM_DEVICE, &route);
	drained.reason = route.reason;
	drained.user_pages =
		atomic_read(&rcu_dereference_protected(pdev->p2pdma, 1)->user_pages);
	drained.removed = true;
	pci_free_p2pmem(pdev, drained.own, SZ_4K);
}

static const struct pci_device_id drained_ids[] = {
	{ PCI_DEVICE(0x1fab, DRAINED_DEVICE) },
	{}
};

static struct pci_driver drained_driver = {
	.name = "p2pdma-drained",
	.id_table = drained_ids,
	.probe = drained_probe,
	.remove = drained_remove,
};

KUNIT_DEFINE_ACTION_WRAPPER(driver_action, pci_unregister_driver,
			    struct pci_driver *);

/* A provider with a driver, and a page of it that user space has mapped and pinned. */
static struct fabric *create_drained(struct kunit *test, struct page **page,
				     unsigned long *addr)
{
	struct fabric *fabric = fabric_setup(test, drained_picture,
					     NAMES("client"), NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct vfsmount *mnt = mount_sysfs(test);

	memset(&drained, 0, sizeof(drained));
	drained.client = fabric_dev(fabric, "client");
	init_completion(&drained.done);
	KUNIT_ASSERT_EQ(test, 0, pci_register_driver(&drained_driver));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, driver_action,
						  &drained_driver));
	KUNIT_ASSERT_PTR_EQ(test, pdev->driver, &drained_driver);

	*addr = map_memory(test, mnt, pdev, 2 * PAGE_SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(*addr));
	KUNIT_ASSERT_EQ(test, 1,
			pin_user_pages_fast(*addr, 1,
					    FOLL_WRITE | FOLL_PCI_P2PDMA,
					    page));
	return fabric;
}

static int unbind_driver(void *data)
{
	device_release_driver(data);
	complete(&drained.done);
	return 0;
}

static void start_unbinding(struct kunit *test, struct pci_dev *pdev)
{
	struct task_struct *task = kthread_run(unbind_driver, &pdev->dev,
					       "p2pdma-unbind");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
}

static void expect_unbound(struct kunit *test, phys_addr_t phys)
{
	KUNIT_EXPECT_NE(test, 0,
			wait_for_completion_timeout(&drained.done, 60 * HZ));
	KUNIT_EXPECT_TRUE(test, drained.removed);
	KUNIT_EXPECT_EQ(test, drained.reason, PCI_P2PDMA_PROVIDER_UNREACHABLE);
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys, 1));
}

/*
 * remove() comes after the last page that user space holds; until then the provider is
 * there, and no new mapping is made.  What the driver itself has allocated does not
 * count.
 */
static void pool_unbind_drains(struct kunit *test)
{
	struct fabric *fabric;
	struct page *page;
	struct pci_dev *pdev, *client;
	struct fabric_sg *before, *after;
	unsigned long addr;
	phys_addr_t phys;
	u64 since;
	u8 byte;

	fabric = create_drained(test, &page, &addr);
	pdev = fabric_dev(fabric, "provider");
	client = fabric_dev(fabric, "client");
	phys = pci_resource_start(pdev, 0);
	since = fabric_log_now();
	before = fabric_sg_alloc(fabric, 1);
	after = fabric_sg_alloc(fabric, 1);
	fabric_sg_phys(before, page_to_phys(page), SZ_4K);
	fabric_sg_phys(after, page_to_phys(page), SZ_4K);
	KUNIT_EXPECT_EQ(test, 0,
			fabric_sg_map(before, client, DMA_BIDIRECTIONAL));
	pci_p2pmem_publish(pdev, true);

	start_unbinding(test, pdev);
	KUNIT_EXPECT_EQ(test, 0,
			wait_for_completion_timeout(&drained.done, HZ / 2));
	KUNIT_EXPECT_FALSE(test, drained.removed);
	KUNIT_EXPECT_FALSE(test, pci_has_p2pmem(pdev));
	KUNIT_EXPECT_NULL(test, pci_alloc_p2pmem(pdev, SZ_4K));
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(after, client, DMA_BIDIRECTIONAL));
	/* Memory without struct pages is refused too. */
	fabric_expect_call(fabric, FABRIC_MMIO, client, phys + SZ_2M, SZ_4K,
			   DMA_FROM_DEVICE, PCI_P2PDMA_MAP_NOT_SUPPORTED,
			   __LINE__);
	KUNIT_EXPECT_EQ(test, 1,
			copy_from_user(&byte, (void __user *)addr, 1));
	fabric_sg_unmap(before);

	unpin_user_page(page);
	expect_unbound(test, phys);
	KUNIT_EXPECT_EQ(test, drained.user_pages, 0);
	expect_logged(test, since, 0, "user space still holds", NULL);
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, 2 * PAGE_SIZE));

	/* The driver can be bound again. */
	KUNIT_EXPECT_EQ(test, 1, device_attach(&pdev->dev));
	KUNIT_EXPECT_EQ(test, 0,
			fabric_sg_map(after, client, DMA_BIDIRECTIONAL));
	fabric_sg_unmap(after);
}

static unsigned long not_long(void)
{
	return HZ / 5;
}

static int unpin_late(void *data)
{
	msleep(1000);
	unpin_user_page(data);
	complete(&drained.done);
	return 0;
}

/* The wait has a bound, and the log says so; devres still waits for the page. */
static void pool_unbind_is_bounded(struct kunit *test)
{
	struct task_struct *task;
	struct fabric *fabric;
	struct page *page;
	struct pci_dev *pdev;
	unsigned long addr;
	phys_addr_t phys;
	u64 since;

	fabric = create_drained(test, &page, &addr);
	pdev = fabric_dev(fabric, "provider");
	phys = pci_resource_start(pdev, 0);
	since = fabric_log_now();
	kunit_activate_static_stub(test, p2pdma_drain_limit, not_long);
	task = kthread_run(unpin_late, page, "p2pdma-unpin");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	device_release_driver(&pdev->dev);
	kunit_deactivate_static_stub(test, p2pdma_drain_limit);
	expect_unbound(test, phys);
	KUNIT_EXPECT_EQ(test, drained.user_pages, 1);
	expect_logged(test, since, 1, pci_name(pdev),
		      "user space still holds 1 pages of peer memory after 200 ms");
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, 2 * PAGE_SIZE));
}

static bool as_a_program(void)
{
	return true;
}

/*
 * A mmap() is under way: its VMA would not be found when user mappings are removed.  So
 * this is done only after the task has returned to user space.
 */
static void pool_unbind_waits_for_mmap(struct kunit *test)
{
	struct fabric *fabric;
	struct page *page;
	struct pci_dev *pdev;
	unsigned long addr, late;
	struct vfsmount *mnt;
	struct file *file;
	phys_addr_t phys;
	u8 byte;

	fabric = create_drained(test, &page, &addr);
	pdev = fabric_dev(fabric, "provider");
	phys = pci_resource_start(pdev, 0);
	unpin_user_page(page);
	mnt = mount_sysfs(test);
	file = open_attribute(test, mnt, pdev, "allocate", O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	kunit_activate_static_stub(test, p2pmem_returns_to_user, as_a_program);
	late = map_memory(test, mnt, pdev, PAGE_SIZE);
	kunit_deactivate_static_stub(test, p2pmem_returns_to_user);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(late));

	start_unbinding(test, pdev);
	KUNIT_EXPECT_EQ(test, 0,
			wait_for_completion_timeout(&drained.done, HZ / 2));
	KUNIT_EXPECT_FALSE(test, drained.removed);
	KUNIT_EXPECT_EQ(test, 0,
			copy_from_user(&byte, (void __user *)late, 1));
	/* No mmap() begins from now on, and one that is refused holds up nothing. */
	KUNIT_EXPECT_NULL(test, pci_alloc_p2pmem(pdev, SZ_4K));
	kunit_activate_static_stub(test, p2pmem_returns_to_user, as_a_program);
	KUNIT_EXPECT_TRUE(test,
			  IS_ERR_VALUE(kunit_vm_mmap(test, file, 0, PAGE_SIZE,
						     PROT_READ | PROT_WRITE,
						     MAP_SHARED, 0)));
	kunit_deactivate_static_stub(test, p2pmem_returns_to_user);
	KUNIT_ASSERT_NOT_NULL(test, current->task_works);
	KUNIT_EXPECT_NULL(test, current->task_works->next);

	task_work_run();
	expect_unbound(test, phys);
	KUNIT_EXPECT_EQ(test, drained.user_pages, 0);
	KUNIT_EXPECT_EQ(test, 1,
			copy_from_user(&byte, (void __user *)late, 1));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(late, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, 2 * PAGE_SIZE));
}

/*
 * There is nothing to wait for before remove() if the device has been pulled out, before
 * the driver is unbound or while it is.
 */
static void pool_unbind_lost(struct kunit *test, bool before)
{
	struct fabric *fabric;
	struct page *page;
	struct pci_dev *pdev;
	unsigned long addr;
	phys_addr_t phys;

	fabric = create_drained(test, &page, &addr);
	pdev = fabric_dev(fabric, "provider");
	phys = pci_resource_start(pdev, 0);
	if (before)
		pdev->error_state = pci_channel_io_perm_failure;
	start_unbinding(test, pdev);
	KUNIT_EXPECT_EQ(test, 0,
			wait_for_completion_timeout(&drained.done, HZ / 2));
	KUNIT_EXPECT_EQ(test, before, drained.removed);
	pdev->error_state = pci_channel_io_perm_failure;
	KUNIT_EXPECT_EQ(test, 0,
			wait_for_completion_timeout(&drained.done, HZ / 2));
	KUNIT_EXPECT_TRUE(test, drained.removed);
	KUNIT_EXPECT_EQ(test, drained.user_pages, 1);
	unpin_user_page(page);
	expect_unbound(test, phys);
	pdev->error_state = pci_channel_io_normal;
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, 2 * PAGE_SIZE));
}

static void pool_unbind_of_the_lost(struct kunit *test)
{
	pool_unbind_lost(test, true);
}

static void pool_unbind_while_lost(struct kunit *test)
{
	pool_unbind_lost(test, false);
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(pool_alloc),
	KUNIT_CASE(pool_parts),
	KUNIT_CASE(pool_add_refused),
	KUNIT_CASE_SLOW(pool_add_fails),
	KUNIT_CASE(pool_init),
	KUNIT_CASE(pool_init_fails),
	KUNIT_CASE(pool_init_overlap),
	KUNIT_CASE(pool_provider_by_many),
	KUNIT_CASE(pool_sgl),
	KUNIT_CASE(pool_find),
	KUNIT_CASE(pool_enable),
	KUNIT_CASE(pool_mmap),
	KUNIT_CASE(pool_decrypted),
	KUNIT_CASE(pool_mmap_refused),
	KUNIT_CASE_SLOW(pool_mmap_fails),
	KUNIT_CASE(pool_removal_waits),
	KUNIT_CASE(pool_removal_unmaps),
	KUNIT_CASE(pool_removal_waits_for_users),
	KUNIT_CASE(pool_unbind_drains),
	KUNIT_CASE(pool_unbind_is_bounded),
	KUNIT_CASE(pool_unbind_waits_for_mmap),
	KUNIT_CASE(pool_unbind_of_the_lost),
	KUNIT_CASE(pool_unbind_while_lost),
	{}
};

static struct kunit_suite pool_suite = {
	.name = "pool",
	.test_cases = pool_cases,
};

kunit_test_suite(pool_suite);
