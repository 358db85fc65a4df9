// SPDX-License-Identifier: GPL-2.0
/*
 * User mappings of peer memory without struct pages: what is mapped where, in which
 * units, and that nothing new is mapped when the provider goes.
 */
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "../../drivers/pci/pci.h"
#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"

static const char mmap_picture[] =
	"host\n"
	"  rp\n"
	"    up\n"
	"      dp\n"
	"        ep provider bar0=16M bar2=2M\n";

/* BAR 0 has struct pages from 12 MiB on; the file shows it from its start. */
static int mmap_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return pci_p2pdma_mmap(file->private_data, 0,
			       (u64)vma->vm_pgoff << PAGE_SHIFT, vma);
}

static const struct file_operations mmap_file_ops = {
	.mmap = mmap_file_mmap,
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	.get_unmapped_area = thp_get_unmapped_area,
#endif
};

KUNIT_DEFINE_ACTION_WRAPPER(fput_action, fput, struct file *);

static struct file *create_file(struct kunit *test, struct fabric *fabric)
{
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct file *file = anon_inode_getfile("p2pdma-mmap", &mmap_file_ops,
					       pdev, O_RDWR);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, fput_action, file));
	return file;
}

static struct fabric *create_mmap(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, mmap_picture, NULL, NULL);

	fabric_provider_part(fabric, "provider", 0, SZ_4M, SZ_8M + SZ_4M);
	fabric_provider_plain(fabric, "provider", 0);
	return fabric;
}

/* What one fault maps, where addresses are aligned to it. */
#define LARGE	IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)
#define UNIT	(LARGE ? SZ_2M : SZ_4K)

/* The address, or an error. */
static long map_file(struct kunit *test, struct file *file, u64 offset,
		     size_t size, int flags)
{
	return kunit_vm_mmap(test, file, 0, size, PROT_READ | PROT_WRITE, flags,
			     offset);
}

static bool touch(unsigned long addr)
{
	u8 byte;

	return !copy_from_user(&byte, (void __user *)addr, 1);
}

static void __expect_shown(struct kunit *test, struct pci_dev *pdev,
			   unsigned long addr, size_t size, u64 offset, int line)
{
	struct pci_p2pdma_memory memory;
	int ret = pci_p2pdma_find_user(current->mm, addr, size, true, &memory);

	KUNIT_EXPECT_EQ_MSG(test, 0, ret, "line %d", line);
	if (ret)
		return;
	KUNIT_EXPECT_PTR_EQ_MSG(test, memory.pdev, pdev, "line %d", line);
	KUNIT_EXPECT_EQ_MSG(test, memory.bar, 0, "line %d", line);
	KUNIT_EXPECT_EQ_MSG(test, memory.offset, offset, "line %d", line);
	pci_p2pdma_put_memory(&memory);
}

/* User space has mapped this part of BAR 0 there. */
#define expect_shown(test, pdev, addr, size, offset) \
	__expect_shown(test, pdev, addr, size, offset, __LINE__)

static void expect_nothing(struct kunit *test, unsigned long addr)
{
	struct pci_p2pdma_memory memory;

	KUNIT_EXPECT_EQ(test, -EFAULT,
			pci_p2pdma_find_user(current->mm, addr, 1, false,
					     &memory));
}

static void mmap_units(struct kunit *test)
{
	struct fabric *fabric = create_mmap(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	unsigned int refs = fabric_references(pdev);
	struct file *file = create_file(test, fabric);
	unsigned long at;
	long addr;

	addr = map_file(test, file, SZ_2M, SZ_8M, MAP_SHARED);
	KUNIT_ASSERT_GT(test, addr, 0);
	KUNIT_EXPECT_TRUE(test, !LARGE || IS_ALIGNED(addr, SZ_2M));
	KUNIT_EXPECT_EQ(test, refs + 1, fabric_references(pdev));
	expect_nothing(test, addr);

	/* One access maps a unit, and nothing around it. */
	KUNIT_EXPECT_TRUE(test, touch(addr + SZ_2M + 0x12345));
	KUNIT_EXPECT_EQ(test, fabric_user_is_large(addr + SZ_2M), LARGE);
	at = LARGE ? 0 : 0x12000;
	expect_shown(test, pdev, addr + SZ_2M + at, UNIT, SZ_4M + at);
	expect_shown(test, pdev, addr + SZ_2M + 0x12345, 0x678,
		     SZ_4M + 0x12345);
	expect_nothing(test, addr + SZ_2M + at - 1);
	expect_nothing(test, addr + SZ_2M + at + UNIT);

	/* A hole makes two VMAs; the second shows what it showed. */
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr + SZ_4M, SZ_4K));
	KUNIT_EXPECT_EQ(test, refs + 1, fabric_references(pdev));
	KUNIT_EXPECT_TRUE(test, touch(addr + SZ_4M + SZ_4K));
	KUNIT_EXPECT_FALSE(test, fabric_user_is_large(addr + SZ_4M + SZ_4K));
	expect_shown(test, pdev, addr + SZ_4M + SZ_4K, SZ_4K,
		     SZ_2M + SZ_4M + SZ_4K);
	KUNIT_EXPECT_TRUE(test, touch(addr + SZ_8M - 1));
	KUNIT_EXPECT_EQ(test, fabric_user_is_large(addr + SZ_8M - 1), LARGE);
	expect_shown(test, pdev, addr + SZ_8M - UNIT, UNIT,
		     SZ_8M + SZ_2M - UNIT);
	expect_nothing(test, addr + SZ_8M - UNIT - 1);
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, SZ_4M));
	KUNIT_EXPECT_EQ(test, refs + 1, fabric_references(pdev));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr + SZ_4M + SZ_4K,
					   SZ_4M - SZ_4K));
	KUNIT_EXPECT_EQ(test, refs, fabric_references(pdev));

	/* Less than 2 MiB at the end. */
	addr = map_file(test, file, SZ_4M, SZ_1M, MAP_SHARED);
	KUNIT_ASSERT_GT(test, addr, 0);
	KUNIT_EXPECT_TRUE(test, touch(addr));
	KUNIT_EXPECT_FALSE(test, fabric_user_is_large(addr));
	expect_shown(test, pdev, addr, SZ_4K, SZ_4M);
	expect_nothing(test, addr + SZ_4K);
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, SZ_1M));
	KUNIT_EXPECT_EQ(test, refs, fabric_references(pdev));
}

static void mmap_refused(struct kunit *test)
{
	struct fabric *fabric = create_mmap(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	unsigned int refs = kref_read(&pdev->dev.kobj.kref);
	struct file *file = create_file(test, fabric);

	KUNIT_EXPECT_EQ(test, -EINVAL,
			map_file(test, file, 0, SZ_4K, MAP_PRIVATE));
	/* Past the end of the BAR; with struct pages, wholly and in part. */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			map_file(test, file, SZ_16M, SZ_4K, MAP_SHARED));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			map_file(test, file, SZ_8M, SZ_8M + SZ_4K, MAP_SHARED));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			map_file(test, file, SZ_8M + SZ_4M, SZ_4K, MAP_SHARED));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			map_file(test, file, SZ_8M + SZ_4M - SZ_4K, SZ_8K,
				 MAP_SHARED));

	pci_p2pdma_drain(pdev);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			map_file(test, file, 0, SZ_4K, MAP_SHARED));
	fabric_provider_release(fabric, "provider");
	KUNIT_EXPECT_EQ(test, -ENXIO,
			map_file(test, file, 0, SZ_4K, MAP_SHARED));
	fabric_expect_held(test, pdev, refs);
}

/* What is mapped stays until the driver takes it away, and then never returns. */
static void mmap_going(struct kunit *test)
{
	struct fabric *fabric = create_mmap(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct file *file = create_file(test, fabric);
	long addr = map_file(test, file, 0, SZ_8M, MAP_SHARED);

	KUNIT_ASSERT_GT(test, addr, 0);
	KUNIT_EXPECT_TRUE(test, touch(addr));
	pci_p2pdma_drain(pdev);
	KUNIT_EXPECT_TRUE(test, touch(addr));
	KUNIT_EXPECT_FALSE(test, touch(addr + SZ_4M));
	unmap_mapping_range(file->f_mapping, 0, 0, 1);
	KUNIT_EXPECT_FALSE(test, touch(addr));
	fabric_provider_release(fabric, "provider");
	KUNIT_EXPECT_FALSE(test, touch(addr));

	/* Another driver's registration is not this mapping's. */
	fabric_provider_plain(fabric, "provider", 0);
	KUNIT_EXPECT_FALSE(test, touch(addr));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, SZ_8M));
}

static struct kunit_case mmap_cases[] = {
	KUNIT_CASE(mmap_units),
	KUNIT_CASE(mmap_refused),
	KUNIT_CASE(mmap_going),
	{}
};

static struct kunit_suite mmap_suite = {
	.name = "p2pdma_mmap",
	.test_cases = mmap_cases,
};

kunit_test_suite(mmap_suite);

MODULE_DESCRIPTION("KUnit tests of user mappings of peer memory without struct pages");
MODULE_LICENSE("GPL");
