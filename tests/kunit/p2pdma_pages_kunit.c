// SPDX-License-Identifier: GPL-2.0
/*
 * Pages: parts of a BAR with struct pages and an allocator of the driver's own, beside the
 * pool and beside memory without struct pages in the same BAR.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sizes.h>

#include "../../drivers/pci/pci.h"
#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"
#include "fabric_single.h"

static const char pages_picture[] =
	"host bus=0x90000000\n"
	"  rp\n"
	"    up\n"
	"      dp\n"
	"        ep client\n"
	"      dp\n"
	"        ep provider bar0=8M bar2=2M\n";

/* An allocator as simple as can be: it hands out a page of a range, and counts. */
struct allocator {
	struct pci_p2pdma_pages *pages;
	struct page *last;	/* that was freed */
	int out;
	bool wrong;
};

static void allocator_page_free(struct pci_p2pdma_pages *pages,
				struct page *page)
{
	struct allocator *allocator = pages->private;

	allocator->wrong |= pages != allocator->pages ||
			    page_count(page) != 1;
	allocator->last = page;
	allocator->out--;
}

/* Give page @index to a user, who drops it with put_page(). */
static struct page *allocator_give(struct allocator *allocator, int index)
{
	struct page *page = virt_to_page(allocator->pages->addr +
					 index * PAGE_SIZE);

	if (!pci_p2pdma_page_init(allocator->pages, page))
		return NULL;
	allocator->out++;
	return page;
}

static void have_pages(struct kunit *test, struct pci_dev *pdev, int bar,
		       size_t size, u64 offset, struct allocator *allocator)
{
	*allocator = (struct allocator) {
		.pages = pcim_p2pdma_add_pages(pdev, bar, size, offset,
					       allocator_page_free, allocator),
	};
	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(allocator->pages), "error %ld",
			       PTR_ERR(allocator->pages));
}

/* What a driver registers from here on can be undone by itself. */
static void *open_group(struct kunit *test, struct pci_dev *pdev)
{
	void *group = devres_open_group(&pdev->dev, NULL, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, group);
	return group;
}

/* A page goes through user space: it is mapped, pinned, and returns by its callback. */
static void pages_to_user(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, pages_picture, NULL, NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	void *group = open_group(test, pdev);
	struct vm_area_struct *vma;
	struct page *page, *pinned;
	struct allocator allocator;
	unsigned long addr;
	int ret = -ENOENT;

	have_pages(test, pdev, 0, SZ_2M, SZ_2M, &allocator);
	KUNIT_EXPECT_EQ(test, allocator.pages->size, SZ_2M);
	KUNIT_EXPECT_EQ(test, virt_to_phys(allocator.pages->addr),
			pci_resource_start(pdev, 0) + SZ_2M);
	page = allocator_give(&allocator, 3);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, is_pci_p2pdma_page(page));

	addr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_SHARED, 0);
	KUNIT_ASSERT_FALSE(test, !addr || IS_ERR_VALUE(addr));
	mmap_write_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	if (vma) {
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
		ret = vm_insert_page(vma, addr, page);
	}
	mmap_write_unlock(current->mm);
	put_page(page);
	KUNIT_ASSERT_EQ(test, 0, ret);
	KUNIT_EXPECT_EQ(test, allocator.out, 1);

	KUNIT_ASSERT_EQ(test, 1,
			pin_user_pages_fast(addr, 1,
					    FOLL_WRITE | FOLL_PCI_P2PDMA,
					    &pinned));
	KUNIT_EXPECT_PTR_EQ(test, pinned, page);
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, allocator.out, 1);
	unpin_user_page(pinned);
	KUNIT_EXPECT_EQ(test, allocator.out, 0);
	KUNIT_EXPECT_PTR_EQ(test, allocator.last, page);
	KUNIT_EXPECT_FALSE(test, allocator.wrong);

	/* It can be given out again. */
	KUNIT_EXPECT_PTR_EQ(test, allocator_give(&allocator, 3), page);
	put_page(page);
	KUNIT_EXPECT_EQ(test, allocator.out, 0);
	devres_release_group(&pdev->dev, group);
}

/*
 * Four kinds in two BARs: two allocators of the driver's own, the pool, and no struct
 * pages.  Each is mapped for a client, each page returns to where it came from, and each
 * kind is undone by itself.
 */
static void pages_side_by_side(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, pages_picture,
					     NAMES("client"), NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct pci_dev *client = fabric_dev(fabric, "client");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	phys_addr_t phys2 = pci_resource_start(pdev, 2);
	struct p2pdma_provider *provider;
	struct allocator one, two;
	void *group[4], *pooled;
	struct page *page[2];
	struct fabric_sg *sg;
	int i;

	group[0] = open_group(test, pdev);
	have_pages(test, pdev, 0, SZ_2M, 0, &one);
	provider = pcim_p2pdma_provider(pdev, 0);
	/* There is no pool. */
	KUNIT_EXPECT_NULL(test, pci_alloc_p2pmem(pdev, SZ_4K));
	KUNIT_EXPECT_FALSE(test, pci_has_p2pmem(pdev));
	group[1] = open_group(test, pdev);
	KUNIT_ASSERT_EQ(test, 0,
			pci_p2pdma_add_resource(pdev, 0, SZ_2M, SZ_4M));
	group[2] = open_group(test, pdev);
	have_pages(test, pdev, 2, 0, 0, &two);
	group[3] = open_group(test, pdev);
	KUNIT_ASSERT_EQ(test, 0, pcim_p2pdma_init(pdev));
	KUNIT_EXPECT_PTR_EQ(test, provider,
			    pci_p2pdma_provider_of_phys(phys, SZ_8M));

	/* The pool has its own memory alone. */
	pooled = pci_alloc_p2pmem(pdev, SZ_2M);
	KUNIT_ASSERT_NOT_NULL(test, pooled);
	KUNIT_EXPECT_EQ(test, virt_to_phys(pooled), phys + SZ_4M);
	KUNIT_EXPECT_NULL(test, pci_alloc_p2pmem(pdev, SZ_4K));
	page[0] = allocator_give(&one, 0);
	page[1] = allocator_give(&two, 5);
	KUNIT_ASSERT_TRUE(test, page[0] && page[1]);

	/* One list with pages of all of them, and the memory that has none. */
	sg = fabric_sg_list(fabric, SG_PHYS(page_to_phys(page[0]), SZ_4K),
			    SG_PHYS(page_to_phys(page[1]), SZ_4K),
			    SG_PHYS(virt_to_phys(pooled) + SZ_8K, SZ_8K),
			    SG_RAM(0, SZ_4K));
	KUNIT_EXPECT_EQ(test, 0, fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	fabric_sg_unmap(sg);
	for (i = 0; i < 4; i++)
		fabric_expect_call(fabric, FABRIC_MMIO, client,
				   phys + i * SZ_2M + 0x5678, 0x2345,
				   DMA_BIDIRECTIONAL, PCI_P2PDMA_MAP_BUS_ADDR,
				   __LINE__);
	put_page(page[1]);
	KUNIT_EXPECT_EQ(test, one.out, 1);
	KUNIT_EXPECT_EQ(test, two.out, 0);
	KUNIT_EXPECT_PTR_EQ(test, two.last, page[1]);
	put_page(page[0]);
	KUNIT_EXPECT_EQ(test, one.out, 0);
	KUNIT_EXPECT_FALSE(test, one.wrong || two.wrong);
	pci_free_p2pmem(pdev, pooled, SZ_2M);

	devres_release_group(&pdev->dev, group[3]);
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys + SZ_2M, 1));
	KUNIT_EXPECT_PTR_EQ(test, provider,
			    pci_p2pdma_provider_of_phys(phys, SZ_2M));
	devres_release_group(&pdev->dev, group[2]);
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys2, 1));
	devres_release_group(&pdev->dev, group[1]);
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys + SZ_4M, 1));
	devres_release_group(&pdev->dev, group[0]);
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys, 1));
}

/* What cannot be added is refused, and nothing of it remains. */
static void pages_refused(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, pages_picture, NULL, NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	static const struct {
		int bar;
		u64 size, offset;
	} row[] = {
		{ 1, 0, 0 }, { 3, 0, 0 }, { 6, 0, 0 }, { -1, 0, 0 },
		{ 2, SZ_4M, 0 }, { 2, 0, SZ_2M }, { 2, SZ_2M, SZ_4K },
		{ 2, U64_MAX, SZ_4K }, { 2, SZ_2M, U64_MAX },
	};
	struct allocator allocator = {};
	int i;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    PTR_ERR(pcim_p2pdma_add_pages(pdev,
								  row[i].bar,
								  row[i].size,
								  row[i].offset,
								  allocator_page_free,
								  &allocator)),
				    "row %d", i);
	KUNIT_EXPECT_NULL(test, pcim_p2pdma_provider(pdev, 2));
	KUNIT_EXPECT_NULL(test,
			  pci_p2pdma_provider_of_phys(pci_resource_start(pdev, 2),
						      1));
}

/* One allocation after the other fails, and every step before it is undone. */
static void pages_add_fails(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, pages_picture, NULL, NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	struct pci_p2pdma_pages *pages;
	struct allocator allocator = {};
	bool failed = true;
	void *group;
	int step;

	fabric_fail_begin(test, true, false);
	kunit_info(test, "may: kmemleak: Cannot allocate a scan area\n");
	kunit_info(test, "may: add_pages\n");
	for (step = 0; failed && step < 200; step++) {
		group = open_group(test, pdev);
		fabric_fail_nth(step);
		pages = pcim_p2pdma_add_pages(pdev, 0, SZ_2M, 0,
					      allocator_page_free, &allocator);
		failed = fabric_failed_nth();
		KUNIT_EXPECT_TRUE_MSG(test,
				      !IS_ERR(pages) ||
				      (failed && PTR_ERR(pages) == -ENOMEM),
				      "step %d: error %d", step,
				      PTR_ERR_OR_ZERO(pages));
		KUNIT_EXPECT_EQ_MSG(test, !IS_ERR(pages),
				    !!pci_p2pdma_provider_of_phys(phys, SZ_2M),
				    "step %d", step);
		devres_release_group(&pdev->dev, group);
		KUNIT_EXPECT_NULL_MSG(test,
				      pci_p2pdma_provider_of_phys(phys, 1),
				      "step %d", step);
	}
	KUNIT_EXPECT_FALSE(test, failed);
	/* The function's providers, the range and its pages. */
	KUNIT_EXPECT_GE(test, step, 6);
}

struct removal {
	struct pci_dev *pdev;
	void *group;
	struct completion done;
};

static int remove_pages(void *data)
{
	struct removal *removal = data;

	devres_release_group(&removal->pdev->dev, removal->group);
	complete(&removal->done);
	return 0;
}

/*
 * Nothing is given out from when the driver is being unbound, and what was given out
 * before is waited for: pages, and memory whose pages are not counted.
 */
static void pages_removal_waits(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, pages_picture,
					     NAMES("client"), NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	struct removal removal = { .pdev = pdev };
	struct allocator allocator;
	struct task_struct *task;
	struct page *page;

	removal.group = open_group(test, pdev);
	have_pages(test, pdev, 0, SZ_2M, 0, &allocator);
	devres_close_group(&pdev->dev, removal.group);
	page = allocator_give(&allocator, 0);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, pci_p2pdma_pages_get(allocator.pages));

	pci_p2pdma_drain(pdev);
	KUNIT_EXPECT_NULL(test, allocator_give(&allocator, 1));
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_pages_get(allocator.pages));

	init_completion(&removal.done);
	task = kthread_run(remove_pages, &removal, "p2pdma-removal");
	if (!IS_ERR(task)) {
		KUNIT_EXPECT_EQ(test, 0,
				wait_for_completion_timeout(&removal.done,
							    HZ / 5));
		put_page(page);
		KUNIT_EXPECT_EQ(test, allocator.out, 0);
		KUNIT_EXPECT_EQ(test, 0,
				wait_for_completion_timeout(&removal.done,
							    HZ / 5));
		KUNIT_EXPECT_NOT_NULL(test,
				      pci_p2pdma_provider_of_phys(phys, 1));
		pci_p2pdma_pages_put(allocator.pages);
		KUNIT_EXPECT_NE(test, 0,
				wait_for_completion_timeout(&removal.done,
							    60 * HZ));
	}
	KUNIT_EXPECT_FALSE(test, IS_ERR(task));
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys, 1));
}

static struct kunit_case pages_cases[] = {
	KUNIT_CASE(pages_to_user),
	KUNIT_CASE(pages_side_by_side),
	KUNIT_CASE(pages_refused),
	KUNIT_CASE_SLOW(pages_add_fails),
	KUNIT_CASE(pages_removal_waits),
	{}
};

static struct kunit_suite pages_suite = {
	.name = "p2pdma_pages",
	.test_cases = pages_cases,
};

kunit_test_suite(pages_suite);

MODULE_DESCRIPTION("KUnit tests of peer memory with an allocator of the driver's own");
MODULE_LICENSE("GPL");
