// SPDX-License-Identifier: GPL-2.0
/*
 * Pool: peer memory with struct pages that drivers and user space allocate.
 *
 * A driver adds parts of its BARs.  Each part gets struct pages, by pages.c, and joins
 * the allocator of its function.  Before the driver is unbound routes to the memory are
 * refused; then p2pdma_pool_drain() removes user mappings so that new ones fail, and waits
 * a while for the pages that user space holds.  After the driver's remove() devres undoes
 * the rest: the last reference to each page is waited for, and the range is removed.
 */
#define pr_fmt(fmt) "pci-p2pdma: " fmt

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/genalloc.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/percpu-refcount.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/task_work.h>
#include <linux/wait.h>

#include "../pci.h"
#include "p2pdma.h"

/*
 * Allocation.  The pool's owner cookie is the reference count of the pagemap.  Each
 * allocation holds one reference, so that its memory cannot be removed.
 */

/* In an RCU read-side section. */
static struct gen_pool *p2pdma_pool(struct pci_dev *pdev)
{
	struct pci_p2pdma *p2pdma = rcu_dereference(pdev->p2pdma);

	return p2pdma ? READ_ONCE(p2pdma->pool) : NULL;
}

static void *p2pdma_pool_alloc(struct pci_dev *pdev, size_t size,
			       struct percpu_ref **ref)
{
	struct pci_p2pdma *p2pdma;
	struct gen_pool *pool;
	unsigned long addr;

	guard(rcu)();
	p2pdma = rcu_dereference(pdev->p2pdma);
	pool = p2pdma_pool(pdev);
	if (!pool || READ_ONCE(p2pdma->draining))
		return ERR_PTR(-ENODEV);

	addr = gen_pool_alloc_owner(pool, size, (void **)ref);
	if (!addr)
		return ERR_PTR(-ENOMEM);
	if (unlikely(!percpu_ref_tryget_live_rcu(*ref))) {
		gen_pool_free(pool, addr, size);
		return ERR_PTR(-ENODEV);
	}
	return (void *)addr;
}

/* For a caller that holds memory of the pool, and so keeps both from being freed. */
static struct pci_p2pdma *p2pdma_held(struct pci_dev *pdev)
{
	return rcu_dereference_protected(pdev->p2pdma, 1);
}

static struct gen_pool *p2pdma_pool_held(struct pci_dev *pdev)
{
	return p2pdma_held(pdev)->pool;
}

/**
 * pci_alloc_p2pmem - allocate peer memory
 * @pdev: whose memory
 * @size: bytes; rounded up to pages
 *
 * Context: any.
 *
 * Return: kernel virtual address of the memory, or NULL.  It is I/O memory,
 * mapped uncached.
 */
void *pci_alloc_p2pmem(struct pci_dev *pdev, size_t size)
{
	struct percpu_ref *ref;
	void *addr = p2pdma_pool_alloc(pdev, size, &ref);

	return IS_ERR(addr) ? NULL : addr;
}
EXPORT_SYMBOL_GPL(pci_alloc_p2pmem);

/**
 * pci_free_p2pmem - free peer memory
 * @pdev: whose memory
 * @addr: from pci_alloc_p2pmem()
 * @size: the same as then
 *
 * Context: any.
 */
void pci_free_p2pmem(struct pci_dev *pdev, void *addr, size_t size)
{
	struct percpu_ref *ref;

	gen_pool_free_owner(p2pdma_pool_held(pdev), (unsigned long)addr, size,
			    (void **)&ref);
	percpu_ref_put(ref);
}
EXPORT_SYMBOL_GPL(pci_free_p2pmem);

/* User space has dropped the last reference to a page. */
static void p2pdma_pool_page_free(struct pci_p2pdma_pages *pages,
				  struct page *page)
{
	struct pci_p2pdma *p2pdma = p2pdma_held(pages->private);

	if (atomic_dec_and_test(&p2pdma->user_pages))
		wake_up(&p2pdma->drained);
	gen_pool_free(p2pdma->pool, (unsigned long)page_to_virt(page),
		      PAGE_SIZE);
}

/**
 * pci_p2pmem_virt_to_bus - PCI bus address of allocated peer memory
 * @pdev: whose memory
 * @addr: from pci_alloc_p2pmem(), or an address inside it
 *
 * For @pdev's own use.  Clients use dma_map_sgtable() or another mapping function.
 *
 * Context: any.
 *
 * Return: the PCI bus address, 0 if there is none.
 */
pci_bus_addr_t pci_p2pmem_virt_to_bus(struct pci_dev *pdev, void *addr)
{
	struct gen_pool *pool;
	phys_addr_t bus;

	guard(rcu)();
	pool = p2pdma_pool(pdev);
	if (!addr || !pool)
		return 0;

	/* The "physical" addresses of the pool's chunks are bus addresses. */
	bus = gen_pool_virt_to_phys(pool, (unsigned long)addr);
	return bus == (phys_addr_t)-1 ? 0 : bus;
}
EXPORT_SYMBOL_GPL(pci_p2pmem_virt_to_bus);

/**
 * pci_p2pmem_alloc_sgl - allocate peer memory as a scatterlist
 * @pdev: whose memory
 * @nents: set to the number of entries
 * @length: bytes
 *
 * Context: may sleep.
 *
 * Return: the list, to be freed with pci_p2pmem_free_sgl(), or NULL.
 */
struct scatterlist *pci_p2pmem_alloc_sgl(struct pci_dev *pdev,
					 unsigned int *nents, u32 length)
{
	struct scatterlist *sg;
	void *addr;

	sg = kmalloc(sizeof(*sg), GFP_KERNEL);
	if (!sg)
		return NULL;

	addr = pci_alloc_p2pmem(pdev, length);
	if (!addr) {
		kfree(sg);
		return NULL;
	}

	sg_init_one(sg, addr, length);
	*nents = 1;
	return sg;
}
EXPORT_SYMBOL_GPL(pci_p2pmem_alloc_sgl);

/**
 * pci_p2pmem_free_sgl - free a scatterlist and the peer memory in it
 * @pdev: whose memory
 * @sgl: from pci_p2pmem_alloc_sgl()
 *
 * Context: any.
 */
void pci_p2pmem_free_sgl(struct pci_dev *pdev, struct scatterlist *sgl)
{
	struct scatterlist *sg;

	for (sg = sgl; sg; sg = sg_next(sg))
		pci_free_p2pmem(pdev, page_to_virt(sg_page(sg)) + sg->offset,
				sg->length);
	kfree(sgl);
}
EXPORT_SYMBOL_GPL(pci_p2pmem_free_sgl);

/*
 * Published memory.
 */

/**
 * pci_p2pmem_publish - let pci_p2pmem_find_many() return a function, or not
 * @pdev: whose memory
 * @publish: whether pci_p2pmem_find() may find it
 *
 * Context: any.
 */
void pci_p2pmem_publish(struct pci_dev *pdev, bool publish)
{
	struct pci_p2pdma *p2pdma;

	guard(rcu)();
	p2pdma = rcu_dereference(pdev->p2pdma);
	if (p2pdma)
		WRITE_ONCE(p2pdma->published, publish);
}
EXPORT_SYMBOL_GPL(pci_p2pmem_publish);

/**
 * pci_has_p2pmem - has a function published peer memory?
 * @pdev: the function
 *
 * Context: any.
 *
 * Return: true if it does.
 */
bool pci_has_p2pmem(struct pci_dev *pdev)
{
	struct pci_p2pdma *p2pdma;

	guard(rcu)();
	p2pdma = rcu_dereference(pdev->p2pdma);
	return p2pdma && READ_ONCE(p2pdma->published) &&
	       !READ_ONCE(p2pdma->draining);
}
EXPORT_SYMBOL_GPL(pci_has_p2pmem);

/**
 * pci_p2pmem_find_many - find the published memory that is nearest to clients
 * @clients: devices
 * @num_clients: how many
 *
 * Of several that are equally near one is chosen at random.
 *
 * Context: may sleep.
 *
 * Return: a function whose memory all clients reach, for the caller to
 * pci_dev_put(), or NULL.
 */
struct pci_dev *pci_p2pmem_find_many(struct device **clients, int num_clients)
{
	struct pci_dev *pdev = NULL, *best = NULL;
	int best_distance = INT_MAX;
	u32 equals = 0;

	for_each_pci_dev(pdev) {
		int distance;

		if (!pci_has_p2pmem(pdev))
			continue;
		distance = pci_p2pdma_distance_many(pdev, clients, num_clients,
						    false);
		if (distance < 0 || distance > best_distance)
			continue;
		if (distance < best_distance) {
			best_distance = distance;
			equals = 0;
		}
		/* Keep the n-th of n equals with a chance of 1 in n. */
		if (get_random_u32_below(++equals))
			continue;
		pci_dev_put(best);
		best = pci_dev_get(pdev);
	}
	return best;
}
EXPORT_SYMBOL_GPL(pci_p2pmem_find_many);

/*
 * sysfs: the p2pmem group.
 */

static ssize_t size_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct gen_pool *pool;
	size_t size = 0;

	scoped_guard(rcu) {
		pool = p2pdma_pool(to_pci_dev(dev));
		if (pool)
			size = gen_pool_size(pool);
	}
	return sysfs_emit(buf, "%zu\n", size);
}
static DEVICE_ATTR_RO(size);

static ssize_t available_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	struct gen_pool *pool;
	size_t available = 0;

	scoped_guard(rcu) {
		pool = p2pdma_pool(to_pci_dev(dev));
		if (pool)
			available = gen_pool_avail(pool);
	}
	return sysfs_emit(buf, "%zu\n", available);
}
static DEVICE_ATTR_RO(available);

static ssize_t published_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%d\n", pci_has_p2pmem(to_pci_dev(dev)));
}
static DEVICE_ATTR_RO(published);

/*
 * A mmap() of the file that is under way.  The kernel links a VMA to its file only after
 * ->mmap() has returned, and removing the file unmaps what is linked: so draining first
 * waits until the task returns to user space.
 */
struct p2pmem_mmap {
	struct callback_head work;
	struct list_head node;	/* in p2pmem_mmaps, under p2pmem_mmaps_lock */
	struct pci_dev *pdev;	/* for comparison: no reference is held */
};

static LIST_HEAD(p2pmem_mmaps);
static DEFINE_SPINLOCK(p2pmem_mmaps_lock);
static DECLARE_WAIT_QUEUE_HEAD(p2pmem_mmap_ended);

static bool p2pmem_mmap_under_way(struct pci_dev *pdev)
{
	struct p2pmem_mmap *mmap;
	bool found = false;

	spin_lock(&p2pmem_mmaps_lock);
	list_for_each_entry(mmap, &p2pmem_mmaps, node)
		found |= mmap->pdev == pdev;
	spin_unlock(&p2pmem_mmaps_lock);
	return found;
}

static void p2pmem_mmap_end(struct callback_head *work)
{
	struct p2pmem_mmap *mmap = container_of(work, struct p2pmem_mmap, work);

	spin_lock(&p2pmem_mmaps_lock);
	list_del(&mmap->node);
	spin_unlock(&p2pmem_mmaps_lock);
	kfree(mmap);
	wake_up_all(&p2pmem_mmap_ended);
}

/**
 * p2pmem_returns_to_user - does the current task return to user space after a mmap()?
 *
 * A kernel thread does not; only tests map from one, and they may stub this.
 *
 * Return: true if it does.
 */
bool p2pmem_returns_to_user(void)
{
	KUNIT_STATIC_STUB_REDIRECT(p2pmem_returns_to_user);
	return !(current->flags & PF_KTHREAD);
}
EXPORT_SYMBOL_IF_KUNIT(p2pmem_returns_to_user);

static bool p2pdma_may_allocate(struct pci_dev *pdev)
{
	struct pci_p2pdma *p2pdma;

	guard(rcu)();
	p2pdma = rcu_dereference(pdev->p2pdma);
	return p2pdma && !READ_ONCE(p2pdma->draining);
}

/*
 * Before p2pdma_pool_alloc() looks whether the provider is being drained.  What is refused
 * anyway is not counted, so that a program that tries again and again holds up nobody.
 */
static int p2pmem_mmap_begin(struct pci_dev *pdev)
{
	struct p2pmem_mmap *mmap;
	int ret;

	if (!p2pdma_may_allocate(pdev))
		return -ENODEV;
	if (!p2pmem_returns_to_user())
		return 0;
	mmap = kmalloc(sizeof(*mmap), GFP_KERNEL);
	if (!mmap)
		return -ENOMEM;
	mmap->pdev = pdev;
	spin_lock(&p2pmem_mmaps_lock);
	list_add(&mmap->node, &p2pmem_mmaps);
	spin_unlock(&p2pmem_mmaps_lock);
	init_task_work(&mmap->work, p2pmem_mmap_end);
	ret = task_work_add(current, &mmap->work, TWA_RESUME);
	if (ret)
		p2pmem_mmap_end(&mmap->work);
	return ret;
}

/*
 * Allocate memory, and map it.  Each page holds a reference to the pagemap, and returns
 * to the pool when its last user drops it.
 */
static int p2pmem_alloc_mmap(struct file *file, struct kobject *kobj,
			     struct bin_attribute *attr,
			     struct vm_area_struct *vma)
{
	struct pci_dev *pdev = to_pci_dev(kobj_to_dev(kobj));
	size_t len = vma->vm_end - vma->vm_start, done;
	struct percpu_ref *ref;
	void *addr;
	int ret;

	/* A private mapping would be copied into RAM when written to. */
	if (!(vma->vm_flags & VM_MAYSHARE)) {
		pci_info_ratelimited(pdev,
				     "%s: peer memory cannot be mapped MAP_PRIVATE; use MAP_SHARED\n",
				     current->comm);
		return -EINVAL;
	}
	/* Each mapping is a new allocation, so that an offset has no meaning. */
	if (vma->vm_pgoff) {
		pci_info_ratelimited(pdev,
				     "%s: peer memory cannot be mapped at an offset; use 0\n",
				     current->comm);
		return -EINVAL;
	}

	ret = p2pmem_mmap_begin(pdev);
	if (ret)
		return ret;
	addr = p2pdma_pool_alloc(pdev, len, &ref);
	if (IS_ERR(addr))
		return PTR_ERR(addr);

	/* As the kernel's own mapping: uncached, and without encryption bit. */
	vma->vm_page_prot =
		pgprot_decrypted(pgprot_noncached(vma->vm_page_prot));

	for (done = 0; done < len; done += PAGE_SIZE) {
		struct page *page = virt_to_page(addr + done);

		/*
		 * The last user of the page may still be freeing it: the page
		 * returns to the pool before its count is set to 1 again.
		 */
		while (page_count(page) != 1) {
			ret = -EINTR;
			if (fatal_signal_pending(current))
				goto err;
			fsleep(10);
		}

		/* The mapping has its own reference: drop the one of an idle page. */
		percpu_ref_get(ref);
		atomic_inc(&p2pdma_held(pdev)->user_pages);
		ret = vm_insert_page(vma, vma->vm_start + done, page);
		put_page(page);
		if (ret) {
			/* That was its only reference: it is back in the pool. */
			done += PAGE_SIZE;
			goto err;
		}
	}
	percpu_ref_put(ref);
	return 0;

err:
	/* The pages before this one are freed when the caller unmaps them. */
	if (done < len)
		gen_pool_free(p2pdma_pool_held(pdev),
			      (unsigned long)addr + done, len - done);
	percpu_ref_put(ref);
	return ret;
}

static struct bin_attribute p2pmem_alloc_attr = {
	.attr = { .name = "allocate", .mode = 0660 },
	.mmap = p2pmem_alloc_mmap,
	/* Some programs do not map beyond the size of a file. */
	.size = SZ_1T,
};

static struct attribute *p2pmem_attrs[] = {
	&dev_attr_size.attr,
	&dev_attr_available.attr,
	&dev_attr_published.attr,
	NULL,
};

static struct bin_attribute *p2pmem_bin_attrs[] = {
	&p2pmem_alloc_attr,
	NULL,
};

static const struct attribute_group p2pmem_group = {
	.attrs = p2pmem_attrs,
	.bin_attrs = p2pmem_bin_attrs,
	.name = "p2pmem",
};

/*
 * The pool of a function.
 */

/* After the last range of the function has been removed. */
static void p2pdma_pool_release(struct pci_dev *pdev, struct pci_p2pdma *p2pdma)
{
	sysfs_remove_group(&pdev->dev.kobj, &p2pmem_group);
	gen_pool_destroy(p2pdma->pool);
}

static int p2pdma_pool_setup(struct pci_dev *pdev)
{
	struct pci_p2pdma *p2pdma = rcu_dereference_protected(pdev->p2pdma, 1);
	struct gen_pool *pool;
	int ret;

	if (p2pdma->pool)
		return 0;

	pool = gen_pool_create(PAGE_SHIFT, dev_to_node(&pdev->dev));
	if (!pool)
		return -ENOMEM;
	ret = sysfs_create_group(&pdev->dev.kobj, &p2pmem_group);
	if (ret) {
		gen_pool_destroy(pool);
		return ret;
	}
	p2pdma->release_pool = p2pdma_pool_release;
	/* The files of the group are empty until there is a pool. */
	smp_store_release(&p2pdma->pool, pool);
	return 0;
}

/*
 * Removing the file removes the user mappings that were made through it, and keeps
 * new ones from being made.
 */
static void p2pdma_unmap_users(void *data)
{
	struct pci_dev *pdev = data;

	sysfs_remove_file_from_group(&pdev->dev.kobj, &p2pmem_alloc_attr.attr,
				     p2pmem_group.name);
}

/**
 * p2pdma_drain_limit - how long may unbinding wait for user space?
 *
 * Longer than an I/O takes whose device does not answer at first: the timeouts of
 * storage drivers are half a minute.  Tests may stub it.
 *
 * Return: the time in jiffies.
 */
unsigned long p2pdma_drain_limit(void)
{
	KUNIT_STATIC_STUB_REDIRECT(p2pdma_drain_limit);
	return 60 * HZ;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_drain_limit);

static bool p2pdma_no_mmap(struct pci_dev *pdev)
{
	return !p2pmem_mmap_under_way(pdev);
}

static bool p2pdma_no_user_pages(struct pci_dev *pdev)
{
	return !atomic_read(&p2pdma_held(pdev)->user_pages);
}

/* Wait until @idle says so, the device is gone, or it is @end; false for the last. */
static bool p2pdma_wait_until(struct pci_dev *pdev, wait_queue_head_t *queue,
			      bool (*idle)(struct pci_dev *pdev),
			      unsigned long end)
{
	while (!idle(pdev) && !pci_dev_is_disconnected(pdev)) {
		if (time_after_eq(jiffies, end))
			return false;
		wait_event_timeout(*queue, idle(pdev), HZ / 10);
	}
	return true;
}

/**
 * p2pdma_pool_drain - take the memory of a pool away from user space
 * @pdev: the function, whose driver is about to be unbound; its memory has no routes
 *	any more
 *
 * User mappings are removed, and the pages that user space holds are waited for, for a
 * while: those that user I/O has pinned.  What drivers have allocated is not waited for,
 * because the driver frees its own only later.  A device that has been pulled out, or is
 * while it is waited for, is not waited for: transfers into its memory fail already.
 *
 * Context: may sleep; before the driver's remove(), with the device locked.
 */
void p2pdma_pool_drain(struct pci_dev *pdev)
{
	struct pci_p2pdma *p2pdma = rcu_dereference_protected(pdev->p2pdma, 1);
	unsigned long limit, end;

	if (!p2pdma->pool)
		return;

	limit = p2pdma_drain_limit();
	end = jiffies + limit;
	p2pdma_wait_until(pdev, &p2pmem_mmap_ended, p2pdma_no_mmap, end);
	p2pdma_unmap_users(pdev);
	if (!p2pdma_wait_until(pdev, &p2pdma->drained, p2pdma_no_user_pages,
			       end))
		pci_warn(pdev, "user space still holds %d pages of peer memory after %u ms; the driver is unbound all the same\n",
			 atomic_read(&p2pdma->user_pages),
			 jiffies_to_msecs(limit));
}

/**
 * pci_p2pdma_add_resource - register a part of a BAR as peer memory with struct pages
 * @pdev: the function
 * @bar: number of the BAR
 * @size: bytes; 0 for all that follows @offset
 * @offset: bytes from the start of the BAR
 *
 * The memory joins the pool of the function.  Undone when the driver is unbound, which
 * waits until the last page is free.
 *
 * Context: may sleep; while the driver of @pdev is being bound.
 *
 * Return: 0, or an error of pcim_p2pdma_add_pages().
 */
int pci_p2pdma_add_resource(struct pci_dev *pdev, int bar, size_t size,
			    u64 offset)
{
	struct pci_p2pdma_pages *pages;
	void *group;
	int ret;

	/* If a step fails, the steps before it are undone. */
	group = devres_open_group(&pdev->dev, NULL, GFP_KERNEL);
	if (!group)
		return -ENOMEM;

	pages = pcim_p2pdma_add_pages(pdev, bar, size, offset,
				      p2pdma_pool_page_free, pdev);
	if (IS_ERR(pages)) {
		ret = PTR_ERR(pages);
		goto release;
	}

	ret = p2pdma_pool_setup(pdev) ?:
	      gen_pool_add_owner(p2pdma_pool_held(pdev),
				 (unsigned long)pages->addr,
				 pages->pgmap.range.start +
				 p2pdma_bar(pdev, bar)->provider.bus_offset,
				 pages->size, dev_to_node(&pdev->dev),
				 &pages->pgmap.ref) ?:
	      devm_add_action(&pdev->dev, p2pdma_unmap_users, pdev);
	if (ret)
		goto release;

	devres_remove_group(&pdev->dev, group);
	pci_info(pdev, "added peer-to-peer DMA memory %#llx-%#llx\n",
		 pages->pgmap.range.start, pages->pgmap.range.end);
	return 0;

release:
	devres_release_group(&pdev->dev, group);
	return ret;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_add_resource);

/*
 * Helpers for attributes that choose a provider, as nvmet's.
 */

/**
 * pci_p2pdma_enable_store - parse what is written to choose a provider
 * @page: the text: a boolean as kstrtobool() takes, or the name of a PCI function
 * @p2p_dev: set to the function if one is named; the caller puts it
 * @use_p2pdma: set to whether P2PDMA is to be used
 *
 * Context: may sleep.
 *
 * Return: 0; -ENODEV if the function does not exist or offers no memory.
 */
int pci_p2pdma_enable_store(const char *page, struct pci_dev **p2p_dev,
			    bool *use_p2pdma)
{
	struct device *dev;
	bool digit;

	dev = bus_find_device_by_name(&pci_bus_type, NULL, page);
	if (dev) {
		if (!pci_has_p2pmem(to_pci_dev(dev))) {
			dev_err(dev, "PCI device has no peer-to-peer memory: %s\n",
				page);
			put_device(dev);
			return -ENODEV;
		}
		*use_p2pdma = true;
		*p2p_dev = to_pci_dev(dev);
		return 0;
	}

	/* kstrtobool() would take "0000:01:00.1", which begins with 0, for false. */
	digit = page[0] == '0' || page[0] == '1';
	if ((!digit || iscntrl(page[1])) &&
	    !kstrtobool(page, use_p2pdma))
		return 0;

	pr_err("No such PCI device: %.*s\n", (int)strcspn(page, "\n"), page);
	return -ENODEV;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_enable_store);

/**
 * pci_p2pdma_enable_show - the text that pci_p2pdma_enable_store() took
 * @page: where to
 * @p2p_dev: the function that was named, or NULL
 * @use_p2pdma: whether P2PDMA is to be used
 *
 * Return: length of the text.
 */
ssize_t pci_p2pdma_enable_show(char *page, struct pci_dev *p2p_dev,
			       bool use_p2pdma)
{
	if (!use_p2pdma)
		return sprintf(page, "0\n");
	if (!p2p_dev)
		return sprintf(page, "1\n");
	return sprintf(page, "%s\n", pci_name(p2p_dev));
}
EXPORT_SYMBOL_GPL(pci_p2pdma_enable_show);
