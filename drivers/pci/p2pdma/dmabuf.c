// SPDX-License-Identifier: GPL-2.0
/*
 * A provider's memory as a dma-buf that its owner can take back.
 *
 * An importer gets a table of DMA addresses alone.  It has to be dynamic and to allow
 * peer memory; it is told with move_notify when the memory is taken back, and nothing is
 * ever pinned.
 *
 * Revocation goes in this order.  Under the reservation lock: the dma-buf is marked, so
 * that it is not mapped any more, neither for a device nor for user space; user mappings
 * are removed; importers are told.  Then, without the lock, which importers need to
 * unmap: the fences are waited for, which are the transfers that importers have started;
 * the mappings; and once more the fences.  Each mapping is undone with the IOTLB
 * invalidated, so that a client behind an IOMMU does not reach the memory any more; any
 * other just must not.
 *
 * Fences end by themselves, but an importer that has been told may still fail to unmap.
 * Memory that it can reach must not be used for something else, so that there is no
 * good end to a wait with a limit: pci_p2pdma_dmabuf_revoke() takes one, but after it
 * the memory is still in use.  When the driver is unbound the wait has no limit, and the
 * log names the importer.
 *
 * A dma-buf may outlive its provider.  Then it is revoked for good.
 */
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/p2pdma-dmabuf.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "p2pdma.h"

/* The log names importers that do not unmap so often. */
#define P2PDMA_DMABUF_WARN (60 * HZ)

/**
 * struct p2pdma_dmabuf - an exported range
 * @ref: held by the dma-buf, and by devres of the provider's function
 * @alive: protects @dmabuf from going
 * @dmabuf: the dma-buf; NULL when it has gone
 * @inode: of its file, by which user mappings are found; it may outlive the dma-buf
 * @owner: the provider's function
 * @provider: whose memory; NULL when its driver has been unbound
 * @phys: where the memory is
 * @size: its length in bytes
 * @revoked: it is mapped for nobody any more
 * @maps: tables that importers have
 * @unmapped: wakes up when @maps becomes 0
 * @release: called when the dma-buf goes, or NULL
 * @priv: for @release
 *
 * @provider, @phys and @revoked are protected by the reservation lock; @maps grows only
 * under it.
 */
struct p2pdma_dmabuf {
	struct kref ref;
	struct mutex alive;		/* protects @dmabuf */
	struct dma_buf *dmabuf;
	struct inode *inode;
	struct device *owner;
	struct p2pdma_provider *provider;
	phys_addr_t phys;
	size_t size;
	bool revoked;
	atomic_t maps;
	wait_queue_head_t unmapped;
	void (*release)(void *priv);
	void *priv;
};

static void p2pdma_dmabuf_free(struct kref *ref)
{
	struct p2pdma_dmabuf *buf = container_of(ref, struct p2pdma_dmabuf, ref);

	iput(buf->inode);
	put_device(buf->owner);
	kfree(buf);
}

/*
 * Importers.
 */

/* Does a client reach the memory in any direction?  Under the reservation lock. */
static bool p2pdma_dmabuf_reached(struct p2pdma_dmabuf *buf, struct device *dev)
{
	struct pci_p2pdma_route writes, reads;

	/* The exporter may be asleep now. */
	p2pdma_query(buf->provider, dev, DMA_FROM_DEVICE, P2PDMA_QUERY_AWAKE,
		     false, &writes);
	p2pdma_query(buf->provider, dev, DMA_TO_DEVICE, P2PDMA_QUERY_AWAKE,
		     false, &reads);
	return writes.type != PCI_P2PDMA_MAP_NOT_SUPPORTED ||
	       reads.type != PCI_P2PDMA_MAP_NOT_SUPPORTED;
}

static int p2pdma_dmabuf_attach(struct dma_buf *dmabuf,
				struct dma_buf_attachment *attach)
{
	struct p2pdma_dmabuf *buf = dmabuf->priv;
	int ret = 0;

	/* An importer that is not dynamic would pin the memory. */
	if (!dma_buf_attachment_is_dynamic(attach) || !attach->peer2peer)
		return -EOPNOTSUPP;

	dma_resv_lock(dmabuf->resv, NULL);
	if (buf->revoked)
		ret = -ENODEV;
	else if (!p2pdma_dmabuf_reached(buf, attach->dev))
		ret = -EREMOTEIO;
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

/* A dma-buf without this operation counts as pinned for as long as it is attached. */
static int p2pdma_dmabuf_pin(struct dma_buf_attachment *attach)
{
	return -EOPNOTSUPP;
}

static void p2pdma_dmabuf_unpin(struct dma_buf_attachment *attach)
{
}

static struct sg_table *p2pdma_dmabuf_map(struct dma_buf_attachment *attach,
					  enum dma_data_direction dir)
{
	struct p2pdma_dmabuf *buf = attach->dmabuf->priv;
	struct phys_vec range = { .paddr = buf->phys, .len = buf->size };
	struct sg_table *sgt;

	if (buf->revoked)
		return ERR_PTR(-ENODEV);
	sgt = dma_buf_phys_vec_to_sgt(attach, buf->provider, &range, 1,
				      buf->size, dir);
	if (!IS_ERR(sgt))
		atomic_inc(&buf->maps);
	return sgt;
}

static void p2pdma_dmabuf_unmap(struct dma_buf_attachment *attach,
				struct sg_table *sgt,
				enum dma_data_direction dir)
{
	struct p2pdma_dmabuf *buf = attach->dmabuf->priv;

	dma_buf_free_sgt(attach, sgt, dir);
	if (atomic_dec_and_test(&buf->maps))
		wake_up_all(&buf->unmapped);
}

/*
 * User space.
 */

static vm_fault_t p2pdma_dmabuf_huge_fault(struct vm_fault *vmf,
					   unsigned int order)
{
	struct p2pdma_dmabuf *buf = vmf->vma->vm_private_data;
	struct dma_resv *resv = buf->dmabuf->resv;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	/* An importer may hold the lock while it waits. */
	if (dma_resv_lock_interruptible(resv, NULL))
		return VM_FAULT_NOPAGE;
	if (!buf->revoked && vmf->pgoff < buf->size >> PAGE_SHIFT)
		ret = p2pdma_fault(vmf, order, buf->phys, 0);
	dma_resv_unlock(resv);
	return ret;
}

static vm_fault_t p2pdma_dmabuf_fault(struct vm_fault *vmf)
{
	return p2pdma_dmabuf_huge_fault(vmf, 0);
}

static const struct vm_operations_struct p2pdma_dmabuf_vm_ops = {
	.fault = p2pdma_dmabuf_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = p2pdma_dmabuf_huge_fault,
#endif
};

/*
 * Memory is mapped when it is touched, so that revocation can remove all of it, in units
 * as large as the alignment of both addresses allows.  dma_buf_mmap() has seen to it that
 * the mapping ends with the memory.
 */
static int p2pdma_dmabuf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct p2pdma_dmabuf *buf = dmabuf->priv;

	/* A private mapping would be copied into RAM when written to. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (READ_ONCE(buf->revoked))
		return -ENODEV;

	/* Uncached, and without encryption bit: it is not RAM. */
	vma->vm_page_prot =
		pgprot_decrypted(pgprot_noncached(vma->vm_page_prot));
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = buf;
	vma->vm_ops = &p2pdma_dmabuf_vm_ops;
	return 0;
}

/*
 * Revocation.
 */

/* Name the importers, of which some have not unmapped. */
static void p2pdma_dmabuf_warn(struct p2pdma_dmabuf *buf)
{
	struct dma_buf_attachment *attach;

	dma_resv_lock(buf->dmabuf->resv, NULL);
	list_for_each_entry(attach, &buf->dmabuf->attachments, node)
		dev_warn(buf->owner,
			 "peer memory that is taken back is still mapped; importer %s\n",
			 dev_name(attach->dev));
	dma_resv_unlock(buf->dmabuf->resv);
}

/*
 * Wait for the transfers that importers have started.  Returns how much of @timeout is
 * left, at least 1, or 0.
 */
static unsigned long p2pdma_dmabuf_wait_fences(struct p2pdma_dmabuf *buf,
					       unsigned long timeout)
{
	unsigned long slice;
	long left;

	for (;;) {
		left = dma_resv_wait_timeout(buf->dmabuf->resv,
					     DMA_RESV_USAGE_BOOKKEEP, false,
					     timeout);
		if (left >= 0)
			return left;
		/* A driver's wait has failed: its fence has not signalled. */
		dev_warn_ratelimited(buf->owner,
				     "peer memory that is taken back: error %ld while a transfer is waited for\n",
				     left);
		if (!timeout)
			return 0;
		slice = min_t(unsigned long, timeout, HZ / 10);
		schedule_timeout_uninterruptible(slice);
		if (timeout != MAX_SCHEDULE_TIMEOUT)
			timeout -= slice;
	}
}

/* The same for the mappings that importers have. */
static unsigned long p2pdma_dmabuf_wait_unmapped(struct p2pdma_dmabuf *buf,
						 unsigned long timeout)
{
	unsigned long slice, left;

	while (timeout) {
		slice = min_t(unsigned long, timeout, P2PDMA_DMABUF_WARN);
		left = wait_event_timeout(buf->unmapped,
					  !atomic_read(&buf->maps), slice);
		if (timeout != MAX_SCHEDULE_TIMEOUT)
			timeout -= slice - left;
		if (left)
			break;
		p2pdma_dmabuf_warn(buf);
	}
	/* The last one holds the lock while it unmaps. */
	dma_resv_lock(buf->dmabuf->resv, NULL);
	dma_resv_unlock(buf->dmabuf->resv);
	return atomic_read(&buf->maps) ? 0 : max(timeout, 1UL);
}

static int p2pdma_dmabuf_revoke(struct p2pdma_dmabuf *buf, bool gone,
				unsigned long timeout)
{
	struct dma_buf *dmabuf = buf->dmabuf;
	bool first;

	dma_resv_lock(dmabuf->resv, NULL);
	first = !buf->revoked;
	WRITE_ONCE(buf->revoked, true);
	if (gone)
		buf->provider = NULL;
	if (first) {
		unmap_mapping_range(buf->inode->i_mapping, 0, 0, 1);
		dma_buf_move_notify(dmabuf);
	}
	dma_resv_unlock(dmabuf->resv);

	timeout = p2pdma_dmabuf_wait_fences(buf, timeout);
	if (timeout)
		timeout = p2pdma_dmabuf_wait_unmapped(buf, timeout);
	/* An importer may have started a transfer for as long as it had a mapping. */
	if (timeout)
		timeout = p2pdma_dmabuf_wait_fences(buf, timeout);
	return timeout ? 0 : -ETIMEDOUT;
}

/**
 * pci_p2pdma_dmabuf_revoke - take memory back from a dma-buf
 * @dmabuf: from pci_p2pdma_dmabuf_export(); the caller holds a reference
 * @timeout: how long to wait for importers, in jiffies; MAX_SCHEDULE_TIMEOUT for as long
 *	as it takes
 *
 * When it returns 0 no importer and no user mapping reaches the memory (importers without
 * an IOMMU, and with a direct route, by keeping to the rules of dma-buf), and it may be
 * used for something else.  The dma-buf is not mapped any more, and attaching to it
 * fails with -ENODEV, until pci_p2pdma_dmabuf_restore().
 *
 * Context: may sleep; without the reservation lock, and with no lock that an importer
 * takes to unmap or to complete a transfer.
 *
 * Return: 0; -ETIMEDOUT if importers are not done yet.  Then the dma-buf is revoked all
 * the same, but the memory is still in use; a further call waits on.
 */
int pci_p2pdma_dmabuf_revoke(struct dma_buf *dmabuf, unsigned long timeout)
{
	might_sleep();
	return p2pdma_dmabuf_revoke(dmabuf->priv, false, timeout);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_dmabuf_revoke);

/* Is all of a range memory of a provider, in whole pages? */
static bool p2pdma_dmabuf_fits(struct p2pdma_provider *provider,
			       phys_addr_t phys, size_t size)
{
	return size && PAGE_ALIGNED(phys) && PAGE_ALIGNED(size) &&
	       pci_p2pdma_provider_of_phys(phys, size) == provider;
}

/**
 * pci_p2pdma_dmabuf_restore - give memory to a dma-buf again
 * @dmabuf: from pci_p2pdma_dmabuf_export(), and revoked with success; the caller holds a
 *	reference
 * @phys: CPU physical address of the memory, of the same provider: where it was, or
 *	another place, to which the caller has moved the data
 *
 * Importers are told, and map the memory anew.
 *
 * Context: may sleep; without the reservation lock.
 *
 * Return: 0; -EINVAL if it is not all memory of the provider, in whole pages; -EBUSY if
 * the dma-buf is not revoked, or importers are not done; -ENODEV if the driver of the
 * provider has been unbound.
 */
int pci_p2pdma_dmabuf_restore(struct dma_buf *dmabuf, phys_addr_t phys)
{
	struct p2pdma_dmabuf *buf = dmabuf->priv;
	int ret = 0;

	dma_resv_lock(dmabuf->resv, NULL);
	if (!buf->provider) {
		ret = -ENODEV;
	} else if (!p2pdma_dmabuf_fits(buf->provider, phys, buf->size)) {
		ret = -EINVAL;
	} else if (!buf->revoked || atomic_read(&buf->maps) ||
		   !dma_resv_test_signaled(dmabuf->resv,
					   DMA_RESV_USAGE_BOOKKEEP)) {
		ret = -EBUSY;
	} else {
		buf->phys = phys;
		WRITE_ONCE(buf->revoked, false);
		dma_buf_move_notify(dmabuf);
	}
	dma_resv_unlock(dmabuf->resv);
	return ret;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_dmabuf_restore);

/*
 * Devres of the provider's function: the driver is unbound, after its remove().  A dma-buf
 * that is about to go waits; by then importers have undone their mappings, so that
 * nothing is waited for here.
 */
static void p2pdma_dmabuf_unbound(struct device *dev, void *res)
{
	struct p2pdma_dmabuf *buf = *(struct p2pdma_dmabuf **)res;

	scoped_guard(mutex, &buf->alive)
		if (buf->dmabuf)
			p2pdma_dmabuf_revoke(buf, true, MAX_SCHEDULE_TIMEOUT);
	kref_put(&buf->ref, p2pdma_dmabuf_free);
}

static int p2pdma_dmabuf_match(struct device *dev, void *res, void *data)
{
	return *(struct p2pdma_dmabuf **)res == data;
}

static void p2pdma_dmabuf_release(struct dma_buf *dmabuf)
{
	struct p2pdma_dmabuf *buf = dmabuf->priv;

	scoped_guard(mutex, &buf->alive)
		buf->dmabuf = NULL;
	/* Else devres is at it, and drops its reference itself. */
	if (!devres_destroy(buf->owner, p2pdma_dmabuf_unbound,
			    p2pdma_dmabuf_match, buf))
		kref_put(&buf->ref, p2pdma_dmabuf_free);
	if (buf->release)
		buf->release(buf->priv);
	kref_put(&buf->ref, p2pdma_dmabuf_free);
}

static const struct dma_buf_ops p2pdma_dmabuf_ops = {
	.attach = p2pdma_dmabuf_attach,
	.pin = p2pdma_dmabuf_pin,
	.unpin = p2pdma_dmabuf_unpin,
	.map_dma_buf = p2pdma_dmabuf_map,
	.unmap_dma_buf = p2pdma_dmabuf_unmap,
	.mmap = p2pdma_dmabuf_mmap,
	.release = p2pdma_dmabuf_release,
};

/**
 * pci_p2pdma_dmabuf_export - make a dma-buf of a provider's memory
 * @info: what memory, and for whom
 *
 * Importers attach with dma_buf_dynamic_attach() and &dma_buf_attach_ops.allow_peer2peer;
 * for others it fails with -EOPNOTSUPP, as does dma_buf_pin().  It fails with -EREMOTEIO
 * if they reach the memory neither for writes nor for reads.  User space may map the
 * dma-buf.  The driver keeps its device awake for as long as importers have mappings,
 * and for the call of dma_buf_map_attachment(), which fails with -EREMOTEIO otherwise.
 *
 * The driver must call pci_p2pdma_dmabuf_revoke() before its hardware stops, in
 * remove(); if it has not, the memory is taken back after remove().
 *
 * Context: may sleep; the driver of the provider is bound, or is being bound.
 *
 * Return: the dma-buf, with a reference that belongs to the caller; -EINVAL if it is not
 * all memory of the provider, in whole pages; -ENOMEM; an error of dma_buf_export().
 */
struct dma_buf *
pci_p2pdma_dmabuf_export(const struct pci_p2pdma_dmabuf_info *info)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);
	struct p2pdma_dmabuf *buf, **res;
	struct dma_buf *dmabuf;

	if (!info->provider ||
	    !p2pdma_dmabuf_fits(info->provider, info->phys, info->size))
		return ERR_PTR(-EINVAL);
	buf = kzalloc(sizeof(*buf), GFP_KERNEL);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	kref_init(&buf->ref);
	mutex_init(&buf->alive);
	init_waitqueue_head(&buf->unmapped);
	buf->provider = info->provider;
	buf->owner = get_device(info->provider->owner);
	buf->phys = info->phys;
	buf->size = info->size;
	buf->release = info->release;
	buf->priv = info->priv;

	res = devres_alloc(p2pdma_dmabuf_unbound, sizeof(*res), GFP_KERNEL);
	if (!res) {
		kref_put(&buf->ref, p2pdma_dmabuf_free);
		return ERR_PTR(-ENOMEM);
	}
	exp_info.exp_name = "pci-p2pdma";
	exp_info.owner = info->owner;
	exp_info.ops = &p2pdma_dmabuf_ops;
	exp_info.size = buf->size;
	exp_info.flags = info->flags;
	exp_info.priv = buf;
	dmabuf = dma_buf_export(&exp_info);
	if (IS_ERR(dmabuf)) {
		devres_free(res);
		kref_put(&buf->ref, p2pdma_dmabuf_free);
		return dmabuf;
	}

	buf->dmabuf = dmabuf;
	/* A dma-buf that is about to go has put its inode already. */
	buf->inode = file_inode(dmabuf->file);
	ihold(buf->inode);
	kref_get(&buf->ref);
	*res = buf;
	devres_add(buf->owner, res);
	return dmabuf;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_dmabuf_export);
