// SPDX-License-Identifier: GPL-2.0
/*
 * Look-ups: from an address to the provider whose memory it is, by page, by physical
 * range, by I/O mapping and by user address; every error; and that a reference keeps the
 * objects, and not the memory, when the provider goes.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/pgtable.h>

#include "../../drivers/pci/pci.h"
#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"

static const char lookup_picture[] =
	"host bus=0x90000000\n"
	"  rp\n"
	"    up\n"
	"      dp\n"
	"        ep client\n"
	"      dp\n"
	"        ep provider bar0=8M bar2=2M\n";

/*
 * BAR 0 has struct pages from 2 to 4 MiB, and none elsewhere; BAR 2 comes directly
 * after it.
 */
static struct fabric *create_lookup(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, lookup_picture,
					     NAMES("client"), NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");

	fabric_provider_part(fabric, "provider", 0, SZ_2M, SZ_2M);
	fabric_provider_plain(fabric, "provider", 0);
	KUNIT_ASSERT_EQ(test, pci_resource_start(pdev, 2),
			pci_resource_end(pdev, 0) + 1);
	return fabric;
}

static void __expect_memory(struct kunit *test, struct pci_dev *pdev, int ret,
			    struct pci_p2pdma_memory *memory, int bar,
			    u64 offset, int line)
{
	KUNIT_ASSERT_EQ_MSG(test, 0, ret, "line %d", line);
	KUNIT_EXPECT_PTR_EQ_MSG(test, memory->pdev, pdev, "line %d", line);
	KUNIT_EXPECT_PTR_EQ_MSG(test, memory->provider,
				pcim_p2pdma_provider(pdev, bar), "line %d",
				line);
	KUNIT_EXPECT_EQ_MSG(test, memory->bar, bar, "line %d", line);
	KUNIT_EXPECT_EQ_MSG(test, memory->offset, offset, "line %d", line);
	KUNIT_EXPECT_EQ_MSG(test, memory->phys,
			    pci_resource_start(pdev, bar) + offset, "line %d",
			    line);
	KUNIT_EXPECT_EQ_MSG(test, memory->bus,
			    pci_bus_address(pdev, bar) + offset, "line %d",
			    line);
	pci_p2pdma_put_memory(memory);
}

/* A look-up has found a place in a BAR; the reference is dropped. */
#define expect_memory(test, pdev, ret, memory, bar, offset) \
	__expect_memory(test, pdev, ret, memory, bar, offset, __LINE__)

static void lookup_phys(struct kunit *test)
{
	struct fabric *fabric = create_lookup(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	phys_addr_t phys2 = pci_resource_start(pdev, 2);
	unsigned int refs = fabric_references(pdev);
	static const struct {
		u64 offset;
		size_t size;
		int error;
	} row[] = {
		{ 0, 1 }, { 0, SZ_8M }, { SZ_8M - 1, 1 }, { 0x1234, 0x4321 },
		/* Of both kinds. */
		{ SZ_2M - 1, 2 }, { SZ_4M - 1, 2 }, { SZ_1M, SZ_4M },
		{ 0, 0, -EINVAL },
		/* The other BAR begins. */
		{ SZ_8M - 1, 2, -EINVAL }, { 0, SZ_8M + 1, -EINVAL },
		{ 0, SZ_8M + SZ_2M, -EINVAL },
		/* All of both, and what follows; round the end of all. */
		{ 0, SZ_16M, -EINVAL }, { 0, SIZE_MAX, -EINVAL },
	};
	struct pci_p2pdma_memory memory;
	int i;

	KUNIT_EXPECT_NE(test, phys, pci_bus_address(pdev, 0));
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		int ret = pci_p2pdma_find_phys(phys + row[i].offset,
					       row[i].size, &memory);

		KUNIT_EXPECT_EQ_MSG(test, ret, row[i].error, "row %d", i);
		if (!ret)
			expect_memory(test, pdev, ret, &memory, 0,
				      row[i].offset);
	}
	expect_memory(test, pdev, pci_p2pdma_find_phys(phys2, SZ_2M, &memory),
		      &memory, 2, 0);

	/* RAM, and what is neither. */
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pci_p2pdma_find_phys(virt_to_phys(fabric), 1, &memory));
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pci_p2pdma_find_phys(phys2 + SZ_2M, 1, &memory));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_p2pdma_find_phys(phys2 + SZ_2M - 1, 2, &memory));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_p2pdma_find_phys(phys - 1, 2, &memory));
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pci_p2pdma_find_phys(phys - 1, 1, &memory));
	KUNIT_EXPECT_EQ(test, refs, fabric_references(pdev));
}

static void lookup_page(struct kunit *test)
{
	struct fabric *fabric = create_lookup(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	void *addr = fabric_alloc(fabric, "provider", SZ_8K);
	struct pci_p2pdma_memory memory;

	expect_memory(test, pdev,
		      pci_p2pdma_find_page(virt_to_page(addr + SZ_4K), &memory),
		      &memory, 0,
		      virt_to_phys(addr) + SZ_4K - pci_resource_start(pdev, 0));
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pci_p2pdma_find_page(virt_to_page(fabric), &memory));
}

KUNIT_DEFINE_ACTION_WRAPPER(iounmap_action, iounmap, void __iomem *);
KUNIT_DEFINE_ACTION_WRAPPER(vunmap_action, vunmap, const void *);
KUNIT_DEFINE_ACTION_WRAPPER(vfree_action, vfree, const void *);

static void __iomem *map_io(struct kunit *test, phys_addr_t phys, size_t size)
{
	void __iomem *addr = ioremap(phys, size);

	KUNIT_ASSERT_TRUE(test, addr);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, iounmap_action,
						  (void __force *)addr));
	return addr;
}

static void lookup_iomem(struct kunit *test)
{
	struct fabric *fabric = create_lookup(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	struct pci_p2pdma_memory memory;
	void __iomem *all, *part, *after;
	unsigned int level;
	pte_t *pte;

	/* All of the BAR, in large units; and a part that begins inside a page. */
	all = map_io(test, phys, SZ_8M);
	pte = lookup_address((unsigned long)all, &level);
	KUNIT_EXPECT_NOT_NULL(test, pte);
	KUNIT_EXPECT_EQ(test, level, PG_LEVEL_2M);
	expect_memory(test, pdev, pci_p2pdma_find_iomem(all, SZ_8M, &memory),
		      &memory, 0, 0);
	expect_memory(test, pdev,
		      pci_p2pdma_find_iomem(all + 0x654321, 16, &memory),
		      &memory, 0, 0x654321);
	expect_memory(test, pdev,
		      pci_p2pdma_find_iomem(all + SZ_8M - 1, 1, &memory),
		      &memory, 0, SZ_8M - 1);
	part = map_io(test, phys + SZ_4M + 0x1234, 0x2000);
	expect_memory(test, pdev, pci_p2pdma_find_iomem(part, 0x2000, &memory),
		      &memory, 0, SZ_4M + 0x1234);
	/* The BAR goes on, but the mapping does not. */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_p2pdma_find_iomem(part, 0x2e00, &memory));

	/* Nothing, past the end, in the page that guards it, and far too much. */
	KUNIT_EXPECT_EQ(test, -EINVAL, pci_p2pdma_find_iomem(all, 0, &memory));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_p2pdma_find_iomem(all, SZ_8M + 1, &memory));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_p2pdma_find_iomem(all + SZ_8M - 1, 2, &memory));
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pci_p2pdma_find_iomem(all + SZ_8M, 1, &memory));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_p2pdma_find_iomem(all, SIZE_MAX, &memory));

	/* A mapping of two BARs. */
	part = map_io(test, phys + SZ_8M - SZ_4K, SZ_8K);
	expect_memory(test, pdev, pci_p2pdma_find_iomem(part, SZ_4K, &memory),
		      &memory, 0, SZ_8M - SZ_4K);
	expect_memory(test, pdev,
		      pci_p2pdma_find_iomem(part + SZ_4K, SZ_4K, &memory),
		      &memory, 2, 0);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_p2pdma_find_iomem(part, SZ_8K, &memory));

	/* A mapping of nobody's BAR. */
	after = map_io(test, pci_resource_end(pdev, 2) + 1, SZ_4K);
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pci_p2pdma_find_iomem(after, 1, &memory));
}

/* Kernel addresses that are no mapping of ioremap(). */
static void lookup_not_iomem(struct kunit *test)
{
	struct fabric *fabric = create_lookup(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	unsigned long pfn = PHYS_PFN(pci_resource_start(pdev, 0));
	void *paged = fabric_alloc(fabric, "provider", SZ_4K);
	struct page *page = virt_to_page(paged);
	struct pci_p2pdma_memory memory;
	const void *addr[5] = { NULL, fabric, paged };
	int i;

	addr[3] = vmalloc(SZ_4K);
	KUNIT_ASSERT_NOT_NULL(test, addr[3]);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, vfree_action,
						  (void *)addr[3]));
	addr[4] = vmap(&page, 1, VM_MAP, pgprot_noncached(PAGE_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, addr[4]);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, vunmap_action,
						  (void *)addr[4]));
	for (i = 0; i < ARRAY_SIZE(addr); i++)
		KUNIT_EXPECT_EQ_MSG(test, -ENXIO,
				    pci_p2pdma_find_iomem((const void __iomem __force *)addr[i],
							  1, &memory),
				    "address %d", i);
#ifdef CONFIG_VMAP_PFN
	addr[0] = vmap_pfn(&pfn, 1, pgprot_noncached(PAGE_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, addr[0]);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, vunmap_action,
						  (void *)addr[0]));
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pci_p2pdma_find_iomem((const void __iomem __force *)addr[0],
					      1, &memory));
#else
	KUNIT_EXPECT_NE(test, pfn, 0);
#endif
}

static unsigned long map_user(struct kunit *test, size_t size, int prot)
{
	unsigned long addr = kunit_vm_mmap(test, NULL, 0, size, prot,
					   MAP_ANONYMOUS | MAP_SHARED, 0);

	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	return addr;
}

/* As drivers map a BAR for user space. */
static unsigned long map_user_bar(struct kunit *test, phys_addr_t phys,
				  size_t size, int prot)
{
	unsigned long addr = map_user(test, size, prot);
	struct vm_area_struct *vma;
	int ret = -ENOENT;

	mmap_write_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	if (vma)
		ret = remap_pfn_range(vma, addr, PHYS_PFN(phys), size,
				      pgprot_noncached(vma->vm_page_prot));
	mmap_write_unlock(current->mm);
	KUNIT_ASSERT_EQ(test, ret, 0);
	return addr;
}

static int look_user(unsigned long addr, size_t size, bool write,
		     struct pci_p2pdma_memory *memory)
{
	return pci_p2pdma_find_user(current->mm, addr, size, write, memory);
}

static void lookup_user(struct kunit *test)
{
	struct fabric *fabric = create_lookup(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(pdev, 0) + SZ_4M;
	struct pci_p2pdma_memory memory;
	unsigned long addr, edge, readable;

	addr = map_user_bar(test, phys, SZ_64K, PROT_READ | PROT_WRITE);
	expect_memory(test, pdev, look_user(addr, SZ_64K, true, &memory),
		      &memory, 0, SZ_4M);
	expect_memory(test, pdev, look_user(addr + 0x1ff0, 0x20, false, &memory),
		      &memory, 0, SZ_4M + 0x1ff0);
	expect_memory(test, pdev,
		      look_user(addr + SZ_64K - 1, 1, true, &memory),
		      &memory, 0, SZ_4M + SZ_64K - 1);
	KUNIT_EXPECT_EQ(test, -EINVAL, look_user(addr, 0, false, &memory));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			look_user(addr, SIZE_MAX, false, &memory));

	/* Not mapped any more, in part and as a whole. */
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr + SZ_32K, SZ_32K));
	expect_memory(test, pdev, look_user(addr, SZ_32K, true, &memory),
		      &memory, 0, SZ_4M);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			look_user(addr, SZ_32K + 1, true, &memory));
	KUNIT_EXPECT_EQ(test, -EFAULT,
			look_user(addr + SZ_32K, 1, false, &memory));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, SZ_32K));

	/* Two BARs; mapped to be read alone. */
	edge = map_user_bar(test, phys + SZ_4M - SZ_4K, SZ_8K,
			    PROT_READ | PROT_WRITE);
	KUNIT_EXPECT_EQ(test, -EINVAL, look_user(edge, SZ_8K, false, &memory));
	expect_memory(test, pdev, look_user(edge + SZ_4K, SZ_4K, false, &memory),
		      &memory, 2, 0);
	readable = map_user_bar(test, phys, SZ_4K, PROT_READ);
	expect_memory(test, pdev, look_user(readable, SZ_4K, false, &memory),
		      &memory, 0, SZ_4M);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			look_user(readable, SZ_4K, true, &memory));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(edge, SZ_8K));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(readable, SZ_4K));
}

/* Adjacent for the process, and not in the BAR; RAM; and what was never accessed. */
static void lookup_user_other(struct kunit *test)
{
	struct fabric *fabric = create_lookup(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(pdev, 0) + SZ_4M;
	unsigned long addr = map_user(test, SZ_8K, PROT_READ | PROT_WRITE);
	struct pci_p2pdma_memory memory;
	struct vm_area_struct *vma;
	int ret = -ENOENT, i;
	struct page *page;

	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, -EFAULT,
				look_user(addr, 1, i, &memory));
		/* Nothing was faulted in. */
		KUNIT_EXPECT_EQ(test, 0,
				get_user_pages_fast_only(addr, 1, 0, &page));
	}
	KUNIT_EXPECT_EQ(test, 0, clear_user((void __user *)addr, SZ_8K));
	KUNIT_EXPECT_EQ(test, -ENXIO, look_user(addr, 1, true, &memory));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, SZ_8K));

	addr = map_user(test, SZ_8K, PROT_READ | PROT_WRITE);
	mmap_write_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	if (vma)
		ret = remap_pfn_range(vma, addr, PHYS_PFN(phys + SZ_4K), SZ_4K,
				      pgprot_noncached(vma->vm_page_prot)) ?:
		      remap_pfn_range(vma, addr + SZ_4K, PHYS_PFN(phys), SZ_4K,
				      pgprot_noncached(vma->vm_page_prot));
	mmap_write_unlock(current->mm);
	KUNIT_ASSERT_EQ(test, ret, 0);
	expect_memory(test, pdev, look_user(addr, SZ_4K, true, &memory),
		      &memory, 0, SZ_4M + SZ_4K);
	expect_memory(test, pdev, look_user(addr + SZ_4K, SZ_4K, true, &memory),
		      &memory, 0, SZ_4M);
	KUNIT_EXPECT_EQ(test, -EINVAL, look_user(addr, SZ_8K, true, &memory));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, SZ_8K));
}

/* While the driver is being unbound, and after that. */
static void lookup_going(struct kunit *test)
{
	struct fabric *fabric = create_lookup(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	void *addr = fabric_alloc(fabric, "provider", SZ_4K);
	struct page *page = virt_to_page(addr);
	struct pci_p2pdma_memory memory;
	unsigned long user, user_page;
	void __iomem *io;

	io = map_io(test, phys, SZ_4K);
	user = map_user_bar(test, phys, SZ_4K, PROT_READ | PROT_WRITE);
	user_page = map_user_bar(test, page_to_phys(page), SZ_4K, PROT_READ);

	pci_p2pdma_drain(pdev);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			pci_p2pdma_find_phys(phys, SZ_8M, &memory));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			pci_p2pdma_find_phys(pci_resource_start(pdev, 2), 1,
					     &memory));
	KUNIT_EXPECT_EQ(test, -ENODEV, pci_p2pdma_find_page(page, &memory));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			pci_p2pdma_find_iomem(io, SZ_4K, &memory));
	KUNIT_EXPECT_EQ(test, -ENODEV, look_user(user, SZ_4K, true, &memory));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			look_user(user_page, SZ_4K, false, &memory));
	/* It straddles two providers all the same. */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_p2pdma_find_phys(phys, SZ_8M + 1, &memory));

	KUNIT_EXPECT_EQ(test, 0, vm_munmap(user_page, SZ_4K));
	fabric_provider_release(fabric, "provider");
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pci_p2pdma_find_phys(phys, SZ_8M, &memory));
	KUNIT_EXPECT_EQ(test, -ENXIO,
			pci_p2pdma_find_iomem(io, SZ_4K, &memory));
	KUNIT_EXPECT_EQ(test, -ENXIO, look_user(user, SZ_4K, true, &memory));
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(user, SZ_4K));
}

/* What a reference keeps when the driver is unbound and the device pulled out. */
static void lookup_reference(struct kunit *test)
{
	struct fabric *fabric = create_lookup(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct pci_dev *client = fabric_dev(fabric, "client");
	phys_addr_t phys = pci_resource_start(pdev, 0);
	unsigned int refs = fabric_references(pdev);
	struct pci_p2pdma_memory memory[2], again;
	struct pci_p2pdma_route route;
	char name[32];

	strscpy(name, pci_name(pdev), sizeof(name));
	KUNIT_ASSERT_EQ(test, 0,
			pci_p2pdma_find_phys(phys, SZ_2M, &memory[0]));
	KUNIT_ASSERT_EQ(test, 0,
			pci_p2pdma_find_phys(phys, 1, &memory[1]));
	KUNIT_EXPECT_EQ(test, refs + 2, fabric_references(pdev));
	pci_p2pdma_query_route(memory[0].provider, &client->dev,
			       DMA_FROM_DEVICE, &route);
	KUNIT_EXPECT_EQ(test, route.type, PCI_P2PDMA_MAP_BUS_ADDR);

	/* It does not hold the driver back. */
	fabric_provider_release(fabric, "provider");
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(phys, 1));
	pci_p2pdma_query_route(memory[0].provider, &client->dev,
			       DMA_FROM_DEVICE, &route);
	KUNIT_EXPECT_EQ(test, route.type, PCI_P2PDMA_MAP_NOT_SUPPORTED);
	KUNIT_EXPECT_EQ(test, route.reason, PCI_P2PDMA_PROVIDER_UNREACHABLE);

	/* Another driver's provider is another one. */
	fabric_provider_plain(fabric, "provider", 0);
	KUNIT_ASSERT_EQ(test, 0, pci_p2pdma_find_phys(phys, 1, &again));
	KUNIT_EXPECT_PTR_NE(test, again.provider, memory[0].provider);
	pci_p2pdma_query_route(again.provider, &client->dev, DMA_FROM_DEVICE,
			       &route);
	KUNIT_EXPECT_EQ(test, route.type, PCI_P2PDMA_MAP_BUS_ADDR);
	pci_p2pdma_query_route(memory[0].provider, &client->dev,
			       DMA_FROM_DEVICE, &route);
	KUNIT_EXPECT_EQ(test, route.reason, PCI_P2PDMA_PROVIDER_UNREACHABLE);
	pci_p2pdma_put_memory(&again);
	KUNIT_EXPECT_NULL(test, again.provider);

	pci_p2pdma_put_memory(&memory[1]);
	fabric_unplug(fabric, "provider");
	KUNIT_EXPECT_STREQ(test, name, pci_name(memory[0].pdev));
	KUNIT_EXPECT_STREQ(test, name, dev_name(memory[0].provider->owner));
	pci_p2pdma_query_route(memory[0].provider, &client->dev,
			       DMA_FROM_DEVICE, &route);
	KUNIT_EXPECT_EQ(test, route.reason, PCI_P2PDMA_PROVIDER_UNREACHABLE);
	fabric_expect_held(test, memory[0].pdev, 1);
	pci_p2pdma_put_memory(&memory[0]);
}

/*
 * Several look up memory while it comes and goes.  They never learn anything but one of
 * the three states, and what they hold stays in one piece.
 */
#define SEEKERS 3

struct seeker {
	struct pci_dev *pdev;
	struct pci_dev *client;
	phys_addr_t phys;
	unsigned long found, going, none, wrong;
	struct task_struct *task;
};

static void seek(struct seeker *seeker)
{
	struct pci_p2pdma_memory memory;
	struct pci_p2pdma_route route;

	switch (pci_p2pdma_find_phys(seeker->phys, SZ_1M, &memory)) {
	case 0:
		seeker->found++;
		cond_resched();
		pci_p2pdma_query_route(memory.provider, &seeker->client->dev,
				       DMA_FROM_DEVICE, &route);
		seeker->wrong += memory.pdev != seeker->pdev || memory.bar ||
				 memory.offset != SZ_4M ||
				 (route.type != PCI_P2PDMA_MAP_BUS_ADDR &&
				  route.reason != PCI_P2PDMA_PROVIDER_UNREACHABLE);
		pci_p2pdma_put_memory(&memory);
		break;
	case -ENODEV:
		seeker->going++;
		break;
	case -ENXIO:
		seeker->none++;
		break;
	default:
		seeker->wrong++;
	}
}

static int seek_thread(void *data)
{
	while (!kthread_should_stop()) {
		seek(data);
		cond_resched();
	}
	return 0;
}

static bool seen_all(struct seeker *seeker)
{
	int i;

	for (i = 0; i < SEEKERS; i++)
		if (READ_ONCE(seeker[i].found) < 100 ||
		    READ_ONCE(seeker[i].going) < 100 ||
		    READ_ONCE(seeker[i].none) < 100)
			return false;
	return true;
}

static void lookup_while_going(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, lookup_picture,
					     NAMES("client"), NULL);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	unsigned int refs = kref_read(&pdev->dev.kobj.kref);
	unsigned long end = jiffies + 20 * HZ;
	struct seeker seeker[SEEKERS];
	int i, rounds;

	for (i = 0; i < SEEKERS; i++) {
		seeker[i] = (struct seeker) {
			.pdev = pdev,
			.client = fabric_dev(fabric, "client"),
			.phys = pci_resource_start(pdev, 0) + SZ_4M,
		};
		seeker[i].task = kthread_run(seek_thread, &seeker[i],
					     "p2pdma-seek");
	}
	for (rounds = 0; rounds < 50 || !seen_all(seeker); rounds++) {
		if (time_after(jiffies, end))
			break;
		fabric_provider_plain(fabric, "provider", 0);
		usleep_range(500, 1000);
		pci_p2pdma_drain(pdev);
		usleep_range(500, 1000);
		fabric_provider_release(fabric, "provider");
		usleep_range(500, 1000);
	}
	for (i = 0; i < SEEKERS; i++) {
		if (!IS_ERR(seeker[i].task))
			kthread_stop(seeker[i].task);
		KUNIT_EXPECT_FALSE(test, IS_ERR(seeker[i].task));
		KUNIT_EXPECT_EQ(test, seeker[i].wrong, 0);
		kunit_info(test, "found %lu, going %lu, none %lu\n",
			   seeker[i].found, seeker[i].going, seeker[i].none);
	}
	KUNIT_EXPECT_TRUE(test, seen_all(seeker));
	fabric_expect_held(test, pdev, refs);
}

static struct kunit_case lookup_cases[] = {
	KUNIT_CASE(lookup_phys),
	KUNIT_CASE(lookup_page),
	KUNIT_CASE(lookup_iomem),
	KUNIT_CASE(lookup_not_iomem),
	KUNIT_CASE(lookup_user),
	KUNIT_CASE(lookup_user_other),
	KUNIT_CASE(lookup_going),
	KUNIT_CASE(lookup_reference),
	KUNIT_CASE_SLOW(lookup_while_going),
	{}
};

static struct kunit_suite lookup_suite = {
	.name = "p2pdma_lookup",
	.test_cases = lookup_cases,
};

kunit_test_suite(lookup_suite);

MODULE_DESCRIPTION("KUnit tests of the look-ups of peer memory");
MODULE_LICENSE("GPL");
