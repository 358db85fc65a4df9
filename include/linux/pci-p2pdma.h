/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peer-to-peer DMA between PCI devices, for drivers.
 *
 * A *provider* owns the memory in a PCI BAR, a *client* does DMA to it.
 *
 * See Documentation/driver-api/pci/p2pdma.rst.
 */
#ifndef _LINUX_PCI_P2PDMA_H
#define _LINUX_PCI_P2PDMA_H

#include <linux/dma-direction.h>
#include <linux/dma-p2pdma.h>
#include <linux/err.h>
#include <linux/memremap.h>
#include <linux/pci.h>

struct mm_struct;
struct scatterlist;
struct vm_area_struct;

/**
 * struct pci_p2pdma_map_state - what pci_p2pdma_state() remembers between pages
 * @mem: provider of the last page that was peer memory
 * @map: the verdict for that provider
 */
struct pci_p2pdma_map_state {
	struct p2pdma_provider *mem;
	enum pci_p2pdma_map_type map;
};

/**
 * struct pci_p2pdma_memory - peer memory that a look-up has found
 * @provider: whose memory it is
 * @pdev: the function that provides it
 * @bar: number of the BAR that it is in
 * @offset: bytes from the start of the BAR
 * @phys: CPU physical address
 * @bus: PCI bus address; a client may be given it only if its route is
 *	%PCI_P2PDMA_MAP_BUS_ADDR
 *
 * @provider and @pdev stay until pci_p2pdma_put_memory(), and both may be used as
 * arguments until then.  Neither the memory nor the driver of @pdev is kept: once that
 * driver is being unbound all routes to @provider are refused, and the memory may be
 * that of another device later.
 */
struct pci_p2pdma_memory {
	struct p2pdma_provider *provider;
	struct pci_dev *pdev;
	int bar;
	u64 offset;
	phys_addr_t phys;
	pci_bus_addr_t bus;
};

/**
 * struct pci_p2pdma_pages - a range of a BAR with struct pages
 * @addr: kernel address of the memory; it is I/O memory, mapped uncached
 * @size: bytes
 * @private: of the driver
 *
 * Made by pcim_p2pdma_add_pages(), for as long as the driver is bound.
 */
struct pci_p2pdma_pages {
	void *addr;
	size_t size;
	void *private;
	/* private: */
	void (*page_free)(struct pci_p2pdma_pages *pages, struct page *page);
	struct dev_pagemap pgmap;
};

#ifdef CONFIG_PCI_P2PDMA_CORE
int pcim_p2pdma_init(struct pci_dev *pdev);
struct p2pdma_provider *pcim_p2pdma_provider(struct pci_dev *pdev, int bar);
int pcim_p2pdma_set_ats_per_mapping(struct pci_dev *pdev);
int pci_p2pdma_distance_many(struct pci_dev *provider, struct device **clients,
			     int num_clients, bool verbose);
enum pci_p2pdma_map_type pci_p2pdma_map_type(struct p2pdma_provider *provider,
					     struct device *dev);
enum pci_p2pdma_map_type
pci_p2pdma_map_type_tlp(struct p2pdma_provider *provider, struct device *dev,
			unsigned int tlp);
void pci_p2pdma_query_route(struct p2pdma_provider *provider,
			    struct device *dev, enum dma_data_direction dir,
			    struct pci_p2pdma_route *route);
const char *pci_p2pdma_reason_name(enum pci_p2pdma_reason reason);
const char *pci_p2pdma_map_type_name(enum pci_p2pdma_map_type type);
struct p2pdma_provider *pci_p2pdma_provider_of_phys(phys_addr_t phys,
						    size_t size);
struct p2pdma_provider *pci_p2pdma_provider_of_page(struct page *page);
int pci_p2pdma_find_phys(phys_addr_t phys, size_t size,
			 struct pci_p2pdma_memory *memory);
int pci_p2pdma_find_page(struct page *page, struct pci_p2pdma_memory *memory);
int pci_p2pdma_find_iomem(const void __iomem *addr, size_t size,
			  struct pci_p2pdma_memory *memory);
int pci_p2pdma_find_user(struct mm_struct *mm, unsigned long addr, size_t size,
			 bool write, struct pci_p2pdma_memory *memory);
void pci_p2pdma_put_memory(struct pci_p2pdma_memory *memory);
int pci_p2pdma_mmap(struct pci_dev *pdev, int bar, u64 offset,
		    struct vm_area_struct *vma);
void __pci_p2pdma_update_state(struct pci_p2pdma_map_state *state,
			       struct device *dev, struct page *page);
#else /* CONFIG_PCI_P2PDMA_CORE */
static inline int pcim_p2pdma_init(struct pci_dev *pdev)
{
	return -EOPNOTSUPP;
}

static inline struct p2pdma_provider *pcim_p2pdma_provider(struct pci_dev *pdev,
							   int bar)
{
	return NULL;
}

static inline int pcim_p2pdma_set_ats_per_mapping(struct pci_dev *pdev)
{
	return 0;
}

static inline int pci_p2pdma_distance_many(struct pci_dev *provider,
					   struct device **clients,
					   int num_clients, bool verbose)
{
	return -1;
}

static inline enum pci_p2pdma_map_type
pci_p2pdma_map_type(struct p2pdma_provider *provider, struct device *dev)
{
	return PCI_P2PDMA_MAP_NOT_SUPPORTED;
}

static inline enum pci_p2pdma_map_type
pci_p2pdma_map_type_tlp(struct p2pdma_provider *provider, struct device *dev,
			unsigned int tlp)
{
	return PCI_P2PDMA_MAP_NOT_SUPPORTED;
}

static inline void
pci_p2pdma_query_route(struct p2pdma_provider *provider, struct device *dev,
		       enum dma_data_direction dir,
		       struct pci_p2pdma_route *route)
{
	*route = (struct pci_p2pdma_route) {
		.type = PCI_P2PDMA_MAP_NOT_SUPPORTED,
		.reason = PCI_P2PDMA_POLICY_OFF,
		.distance = -1,
	};
}

static inline const char *pci_p2pdma_reason_name(enum pci_p2pdma_reason reason)
{
	return "policy-off";
}

static inline const char *
pci_p2pdma_map_type_name(enum pci_p2pdma_map_type type)
{
	return "not-supported";
}

static inline struct p2pdma_provider *
pci_p2pdma_provider_of_phys(phys_addr_t phys, size_t size)
{
	return NULL;
}

static inline struct p2pdma_provider *
pci_p2pdma_provider_of_page(struct page *page)
{
	return NULL;
}

static inline int pci_p2pdma_find_phys(phys_addr_t phys, size_t size,
				       struct pci_p2pdma_memory *memory)
{
	return -ENXIO;
}

static inline int pci_p2pdma_find_page(struct page *page,
				       struct pci_p2pdma_memory *memory)
{
	return -ENXIO;
}

static inline int pci_p2pdma_find_iomem(const void __iomem *addr, size_t size,
					struct pci_p2pdma_memory *memory)
{
	return -ENXIO;
}

static inline int pci_p2pdma_find_user(struct mm_struct *mm, unsigned long addr,
				       size_t size, bool write,
				       struct pci_p2pdma_memory *memory)
{
	return -ENXIO;
}

static inline void pci_p2pdma_put_memory(struct pci_p2pdma_memory *memory)
{
}

static inline int pci_p2pdma_mmap(struct pci_dev *pdev, int bar, u64 offset,
				  struct vm_area_struct *vma)
{
	return -EOPNOTSUPP;
}

static inline void
__pci_p2pdma_update_state(struct pci_p2pdma_map_state *state,
			  struct device *dev, struct page *page)
{
}
#endif /* CONFIG_PCI_P2PDMA_CORE */

/* Memory with struct pages. */
#ifdef CONFIG_PCI_P2PDMA
int pci_p2pdma_add_resource(struct pci_dev *pdev, int bar, size_t size,
			    u64 offset);
struct pci_p2pdma_pages *
pcim_p2pdma_add_pages(struct pci_dev *pdev, int bar, size_t size, u64 offset,
		      void (*page_free)(struct pci_p2pdma_pages *pages,
					struct page *page), void *private);
bool pci_p2pdma_pages_get(struct pci_p2pdma_pages *pages);
void pci_p2pdma_pages_put(struct pci_p2pdma_pages *pages);
bool pci_p2pdma_page_init(struct pci_p2pdma_pages *pages, struct page *page);
bool pci_has_p2pmem(struct pci_dev *pdev);
struct pci_dev *pci_p2pmem_find_many(struct device **clients, int num_clients);
void *pci_alloc_p2pmem(struct pci_dev *pdev, size_t size);
void pci_free_p2pmem(struct pci_dev *pdev, void *addr, size_t size);
pci_bus_addr_t pci_p2pmem_virt_to_bus(struct pci_dev *pdev, void *addr);
struct scatterlist *pci_p2pmem_alloc_sgl(struct pci_dev *pdev,
					 unsigned int *nents, u32 length);
void pci_p2pmem_free_sgl(struct pci_dev *pdev, struct scatterlist *sgl);
void pci_p2pmem_publish(struct pci_dev *pdev, bool publish);
int pci_p2pdma_enable_store(const char *page, struct pci_dev **p2p_dev,
			    bool *use_p2pdma);
ssize_t pci_p2pdma_enable_show(char *page, struct pci_dev *p2p_dev,
			       bool use_p2pdma);
#else /* CONFIG_PCI_P2PDMA */
static inline int pci_p2pdma_add_resource(struct pci_dev *pdev, int bar,
					  size_t size, u64 offset)
{
	return -EOPNOTSUPP;
}

static inline struct pci_p2pdma_pages *
pcim_p2pdma_add_pages(struct pci_dev *pdev, int bar, size_t size, u64 offset,
		      void (*page_free)(struct pci_p2pdma_pages *pages,
					struct page *page), void *private)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline bool pci_p2pdma_pages_get(struct pci_p2pdma_pages *pages)
{
	return false;
}

static inline void pci_p2pdma_pages_put(struct pci_p2pdma_pages *pages)
{
}

static inline bool pci_p2pdma_page_init(struct pci_p2pdma_pages *pages,
					struct page *page)
{
	return false;
}

static inline bool pci_has_p2pmem(struct pci_dev *pdev)
{
	return false;
}

static inline struct pci_dev *pci_p2pmem_find_many(struct device **clients,
						   int num_clients)
{
	return NULL;
}

static inline void *pci_alloc_p2pmem(struct pci_dev *pdev, size_t size)
{
	return NULL;
}

static inline void pci_free_p2pmem(struct pci_dev *pdev, void *addr,
				   size_t size)
{
}

static inline pci_bus_addr_t pci_p2pmem_virt_to_bus(struct pci_dev *pdev,
						    void *addr)
{
	return 0;
}

static inline struct scatterlist *pci_p2pmem_alloc_sgl(struct pci_dev *pdev,
						       unsigned int *nents,
						       u32 length)
{
	return NULL;
}

static inline void pci_p2pmem_free_sgl(struct pci_dev *pdev,
				       struct scatterlist *sgl)
{
}

static inline void pci_p2pmem_publish(struct pci_dev *pdev, bool publish)
{
}

static inline int pci_p2pdma_enable_store(const char *page,
					  struct pci_dev **p2p_dev,
					  bool *use_p2pdma)
{
	*use_p2pdma = false;
	return 0;
}

static inline ssize_t pci_p2pdma_enable_show(char *page,
					     struct pci_dev *p2p_dev,
					     bool use_p2pdma)
{
	return sprintf(page, "none\n");
}
#endif /* CONFIG_PCI_P2PDMA */

static inline int pci_p2pdma_distance(struct pci_dev *provider,
				      struct device *client, bool verbose)
{
	return pci_p2pdma_distance_many(provider, &client, 1, verbose);
}

static inline struct pci_dev *pci_p2pmem_find(struct device *client)
{
	return pci_p2pmem_find_many(&client, 1);
}

/**
 * pci_p2pdma_sgtable_has_peer - does a table hold peer memory?
 * @sgt: the table, mapped or not
 *
 * For drivers whose CPU accesses the data.  Peer memory may be accessed only with
 * sg_copy_to_buffer() and its like, not through a pointer.  Costs nothing on a machine
 * that has never had a provider.
 *
 * Context: any.
 *
 * Return: true if any entry is peer memory, or in part peer memory.
 */
static inline bool pci_p2pdma_sgtable_has_peer(struct sg_table *sgt)
{
	return pci_p2pdma_in_use() &&
	       pci_p2pdma_sg_has_peer(sgt->sgl, sgt->orig_nents);
}

/**
 * pci_p2pdma_state - how a device reaches a page
 * @state: zeroed before the first page of a loop
 * @dev: the device that will do the DMA
 * @page: any page
 *
 * The verdict is that for %DMA_BIDIRECTIONAL.
 *
 * Context: any.
 *
 * Return: %PCI_P2PDMA_MAP_NONE for a page that is not peer memory, else the
 * verdict.
 */
static inline enum pci_p2pdma_map_type
pci_p2pdma_state(struct pci_p2pdma_map_state *state, struct device *dev,
		 struct page *page)
{
	if (!is_pci_p2pdma_page(page))
		return PCI_P2PDMA_MAP_NONE;
	__pci_p2pdma_update_state(state, dev, page);
	return state->map;
}

#endif /* _LINUX_PCI_P2PDMA_H */
