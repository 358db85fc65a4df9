/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A provider's memory as a dma-buf, for the driver that owns it.
 *
 * Needs CONFIG_DMABUF_MOVE_NOTIFY: without it each mapping of a dma-buf pins it, and
 * memory that is pinned cannot be taken back.
 *
 * See Documentation/driver-api/pci/p2pdma-ranges.rst.
 */
#ifndef _LINUX_P2PDMA_DMABUF_H
#define _LINUX_P2PDMA_DMABUF_H

#include <linux/err.h>
#include <linux/types.h>

struct dma_buf;
struct module;
struct p2pdma_provider;

/**
 * struct pci_p2pdma_dmabuf_info - what pci_p2pdma_dmabuf_export() exports
 * @provider: whose memory
 * @phys: CPU physical address of the memory, whole pages
 * @size: its length in bytes, whole pages
 * @flags: of the file: O_CLOEXEC, and O_RDWR if it may be mapped for writing
 * @owner: the module that @release is in, which stays as long as the dma-buf; NULL without
 *	@release, so that the module can go
 * @release: called when the last user of the dma-buf has gone, or NULL; the provider and
 *	its driver's private data may have gone before
 * @priv: for @release
 */
struct pci_p2pdma_dmabuf_info {
	struct p2pdma_provider *provider;
	phys_addr_t phys;
	size_t size;
	int flags;
	struct module *owner;
	void (*release)(void *priv);
	void *priv;
};

#if defined(CONFIG_PCI_P2PDMA_CORE) && defined(CONFIG_DMABUF_MOVE_NOTIFY)
struct dma_buf *
pci_p2pdma_dmabuf_export(const struct pci_p2pdma_dmabuf_info *info);
int pci_p2pdma_dmabuf_revoke(struct dma_buf *dmabuf, unsigned long timeout);
int pci_p2pdma_dmabuf_restore(struct dma_buf *dmabuf, phys_addr_t phys);
#else
static inline struct dma_buf *
pci_p2pdma_dmabuf_export(const struct pci_p2pdma_dmabuf_info *info)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline int pci_p2pdma_dmabuf_revoke(struct dma_buf *dmabuf,
					   unsigned long timeout)
{
	return -EOPNOTSUPP;
}

static inline int pci_p2pdma_dmabuf_restore(struct dma_buf *dmabuf,
					    phys_addr_t phys)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* _LINUX_P2PDMA_DMABUF_H */
