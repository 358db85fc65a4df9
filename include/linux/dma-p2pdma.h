/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peer memory as the DMA-mapping layer sees it.
 *
 * Reaches implementations through <linux/dma-map-ops.h>, and drivers through
 * <linux/pci-p2pdma.h>.  It does without <linux/pci.h>, as the PCI headers of some
 * architectures include the former.
 */
#ifndef _LINUX_DMA_P2PDMA_H
#define _LINUX_DMA_P2PDMA_H

#include <linux/dma-direction.h>
#include <linux/p2pdma-fence.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

struct device;

/**
 * struct p2pdma_provider - peer memory of one BAR
 * @owner: the PCI function whose memory it is
 * @bus_offset: added to a CPU physical address, gives the PCI bus address
 *	(wraps; it is the negative of the host bridge's resource offset)
 *
 * Lives as long as the driver of @owner is bound.  Opaque beyond these fields.
 */
struct p2pdma_provider {
	struct device *owner;
	u64 bus_offset;
};

/**
 * enum pci_p2pdma_map_type - how a client reaches a provider
 * @PCI_P2PDMA_MAP_UNKNOWN: not decided yet; never returned
 * @PCI_P2PDMA_MAP_NONE: the memory is not peer memory
 * @PCI_P2PDMA_MAP_NOT_SUPPORTED: no route; mapping fails with -EREMOTEIO
 * @PCI_P2PDMA_MAP_BUS_ADDR: by PCI bus address, below one switch
 * @PCI_P2PDMA_MAP_THRU_HOST_BRIDGE: through the host bridge, and so through the
 *	IOMMU where the client has one
 */
enum pci_p2pdma_map_type {
	PCI_P2PDMA_MAP_UNKNOWN = 0,
	PCI_P2PDMA_MAP_NONE,
	PCI_P2PDMA_MAP_NOT_SUPPORTED,
	PCI_P2PDMA_MAP_BUS_ADDR,
	PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
};

/**
 * enum pci_p2pdma_reason - why a route is what it is
 * @PCI_P2PDMA_DIRECT: nothing stands in the way
 * @PCI_P2PDMA_SAME_FUNCTION: the client's own memory
 * @PCI_P2PDMA_NO_COMMON_PORT: no common port below the root complex
 * @PCI_P2PDMA_CONVENTIONAL_PCI: a conventional PCI bus between them
 * @PCI_P2PDMA_UNTRUSTED_CLIENT: the client is on an external port
 * @PCI_P2PDMA_VIRTUALISED: in a guest, below a translating IOMMU
 * @PCI_P2PDMA_ACS_REQUEST: ACS redirects or blocks the request
 * @PCI_P2PDMA_ACS_COMPLETION: ACS redirects the read completion
 * @PCI_P2PDMA_MULTIFUNCTION: functions of one device, and ACS may redirect there
 * @PCI_P2PDMA_DMA_MASK: the client cannot form the address
 * @PCI_P2PDMA_POLICY_OFF: mode off
 * @PCI_P2PDMA_DENIED: deny= names the client or the provider
 * @PCI_P2PDMA_NOT_PCI: the client is not a PCI function
 * @PCI_P2PDMA_PROVIDER_UNREACHABLE: going, powered down or not decoding
 * @PCI_P2PDMA_MUST_BOUNCE: the client may only use bounce buffers
 * @PCI_P2PDMA_POLICY_SWITCH: mode switch, and not direct
 * @PCI_P2PDMA_POLICY_HOST: mode host
 * @PCI_P2PDMA_FABRIC_BLOCKED: the fabric loses it on its way up or down again
 * @PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED: nothing says that the host bridge forwards
 * @PCI_P2PDMA_WINDOW_UNRESERVED: an unmap could not tell the address
 * @PCI_P2PDMA_UNMAPPABLE: the client's DMA layer cannot map memory that is not RAM
 * @PCI_P2PDMA_NR_REASONS: how many there are
 *
 * From %PCI_P2PDMA_NO_COMMON_PORT to %PCI_P2PDMA_DMA_MASK they are the obstacles
 * to a direct route, in the order in which they are named.
 */
enum pci_p2pdma_reason {
	PCI_P2PDMA_DIRECT,
	PCI_P2PDMA_SAME_FUNCTION,

	PCI_P2PDMA_NO_COMMON_PORT,
	PCI_P2PDMA_CONVENTIONAL_PCI,
	PCI_P2PDMA_UNTRUSTED_CLIENT,
	PCI_P2PDMA_VIRTUALISED,
	PCI_P2PDMA_ACS_REQUEST,
	PCI_P2PDMA_ACS_COMPLETION,
	PCI_P2PDMA_MULTIFUNCTION,
	PCI_P2PDMA_DMA_MASK,

	PCI_P2PDMA_POLICY_OFF,
	PCI_P2PDMA_DENIED,
	PCI_P2PDMA_NOT_PCI,
	PCI_P2PDMA_PROVIDER_UNREACHABLE,
	PCI_P2PDMA_MUST_BOUNCE,
	PCI_P2PDMA_POLICY_SWITCH,
	PCI_P2PDMA_POLICY_HOST,
	PCI_P2PDMA_FABRIC_BLOCKED,
	PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED,
	PCI_P2PDMA_WINDOW_UNRESERVED,
	PCI_P2PDMA_UNMAPPABLE,

	PCI_P2PDMA_NR_REASONS
};

/**
 * struct pci_p2pdma_route - the verdict for one client, provider and direction
 * @type: never %PCI_P2PDMA_MAP_UNKNOWN or %PCI_P2PDMA_MAP_NONE
 * @reason: why; for %PCI_P2PDMA_MAP_THRU_HOST_BRIDGE why it is not direct
 * @distance: hops, as pci_p2pdma_distance_many() counts them; -1 if there is no
 *	path
 * @same_bridge: client and provider are below one host bridge
 * @has_bridge: a single port decided, and the next two fields name it
 * @bridge_domain: PCI domain of that port
 * @bridge_id: its bus, device and function, as pci_dev_id()
 */
struct pci_p2pdma_route {
	enum pci_p2pdma_map_type type;
	enum pci_p2pdma_reason reason;
	int distance;
	bool same_bridge;
	bool has_bridge;
	int bridge_domain;
	u16 bridge_id;
};

/**
 * pci_p2pdma_bus_addr_map - the PCI bus address of peer memory
 * @provider: whose memory
 * @phys: CPU physical address inside it
 *
 * Only right for a route that is %PCI_P2PDMA_MAP_BUS_ADDR.
 *
 * Return: the PCI bus address.
 */
static inline dma_addr_t pci_p2pdma_bus_addr_map(struct p2pdma_provider *provider,
						 phys_addr_t phys)
{
	return phys + provider->bus_offset;
}

/**
 * struct pci_p2pdma_cursor - where in the physical address space a loop stands
 * @start: first CPU physical address of the interval
 * @size: its length in bytes; 0 before the first look-up
 * @provider: whose memory the interval is; NULL for the gap between two
 *
 * Declare it outside the loop and set it to zero.  Most segments of a list lie
 * in the interval of the one before, and then cost no look-up.
 */
struct pci_p2pdma_cursor {
	phys_addr_t start;
	u64 size;
	struct p2pdma_provider *provider;
};

/* So many providers of one mapping are counted; more are rare. */
#define PCI_P2PDMA_TALLY_PROVIDERS 4

/**
 * struct pci_p2pdma_tally - what a mapping is made of, to be counted
 * @ram: DMA segments that are RAM
 * @bus: those that are bus addresses
 * @host: those that go through the host bridge
 * @ram_bytes: bytes in @ram
 * @bus_bytes: bytes in @bus
 * @host_bytes: bytes in @host
 * @providers: how many of @peer are filled in
 * @peer: the providers whose memory is in it, and how many bytes of each; one that
 *	finds no more room is not in here
 *
 * Zeroed, then filled with pci_p2pdma_tally_add().
 */
struct pci_p2pdma_tally {
	unsigned int ram;
	unsigned int bus;
	unsigned int host;
	u64 ram_bytes;
	u64 bus_bytes;
	u64 host_bytes;
	unsigned int providers;
	struct {
		struct p2pdma_provider *provider;
		u64 bytes;
	} peer[PCI_P2PDMA_TALLY_PROVIDERS];
};

#ifdef CONFIG_PCI_P2PDMA
void __pci_p2pdma_cursor_move(struct pci_p2pdma_cursor *cursor,
			      phys_addr_t phys);
bool pci_p2pdma_sg_has_peer(struct scatterlist *sgl, int nents);
void pci_p2pdma_map_route(struct p2pdma_provider *provider, struct device *dev,
			  enum dma_data_direction dir, bool single,
			  struct pci_p2pdma_route *route);
struct p2pdma_provider *pci_p2pdma_bar_route(phys_addr_t phys, size_t size,
					     struct device *dev,
					     enum dma_data_direction dir,
					     bool strict,
					     struct pci_p2pdma_route *route);
void pci_p2pdma_tally_add(struct pci_p2pdma_tally *tally,
			  struct p2pdma_provider *provider,
			  enum pci_p2pdma_map_type type, unsigned int segments,
			  u64 bytes);
void pci_p2pdma_mapped(struct device *dev, enum dma_data_direction dir,
		       const struct pci_p2pdma_tally *tally);
void pci_p2pdma_refused(struct p2pdma_provider *provider, struct device *dev,
			enum dma_data_direction dir,
			const struct pci_p2pdma_route *route);

/**
 * struct dma_p2pdma_client - what a route depends on that the DMA layer knows
 * @translated: an IOMMU translates the device's requests
 * @must_bounce: the device may only use bounce buffers
 * @no_dma: the device cannot do DMA at all
 * @no_host: nothing maps peer memory for it through the host bridge
 */
struct dma_p2pdma_client {
	bool translated;
	bool must_bounce;
	bool no_dma;
	bool no_host;
};

void dma_p2pdma_client(struct device *dev, struct dma_p2pdma_client *client);
bool dma_p2pdma_bus_known(struct device *dev, dma_addr_t first, dma_addr_t last);
dma_addr_t dma_p2pdma_host_addr(struct device *dev,
				struct p2pdma_provider *provider,
				bool same_bridge, phys_addr_t phys);
int iommu_dma_map_p2pdma(struct device *dev, phys_addr_t phys, size_t size,
			 enum dma_data_direction dir, unsigned long attrs,
			 dma_addr_t *iova);
int iommu_dma_attach_p2pdma(struct device *dev);
bool iommu_dma_windows_reserved(struct device *dev);
bool iommu_dma_in_windows(struct device *dev, dma_addr_t dma);
phys_addr_t iommu_dma_iova_to_phys(struct device *dev, dma_addr_t iova);
bool __dma_p2pdma_map_page(struct device *dev, phys_addr_t phys, size_t size,
			   enum dma_data_direction dir, unsigned long attrs,
			   dma_addr_t *dma);
bool dma_p2pdma_map_resource(struct device *dev, phys_addr_t phys, size_t size,
			     enum dma_data_direction dir, unsigned long attrs,
			     dma_addr_t *dma);
bool __dma_p2pdma_unmap_page(struct device *dev, dma_addr_t dma, size_t size,
			     enum dma_data_direction dir, unsigned long attrs);
bool dma_p2pdma_unmap_resource(struct device *dev, dma_addr_t dma);
bool __dma_p2pdma_is_peer(struct device *dev, dma_addr_t dma);
int dma_p2pdma_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		      enum dma_data_direction dir, unsigned long attrs);
void dma_p2pdma_unmap_sg(struct device *dev, struct scatterlist *sgl, int nents,
			 enum dma_data_direction dir, unsigned long attrs);
void dma_p2pdma_sync_sg_for_cpu(struct device *dev, struct scatterlist *sgl,
				int nents, enum dma_data_direction dir);
void dma_p2pdma_sync_sg_for_device(struct device *dev, struct scatterlist *sgl,
				   int nents, enum dma_data_direction dir);
void dma_p2pdma_reset_sg(struct scatterlist *sgl, int nents);
bool dma_p2pdma_supported(struct device *dev);

/* Map a page if it is peer memory; else, return false. */
static inline bool dma_p2pdma_map_page(struct device *dev, phys_addr_t phys,
				       size_t size, enum dma_data_direction dir,
				       unsigned long attrs, dma_addr_t *dma)
{
	return pci_p2pdma_in_use() &&
	       __dma_p2pdma_map_page(dev, phys, size, dir, attrs, dma);
}

/* Undo dma_p2pdma_map_page() if that was what mapped; else, return false. */
static inline bool dma_p2pdma_unmap_page(struct device *dev, dma_addr_t dma,
					 size_t size,
					 enum dma_data_direction dir,
					 unsigned long attrs)
{
	return pci_p2pdma_in_use() &&
	       __dma_p2pdma_unmap_page(dev, dma, size, dir, attrs);
}

/* Is it a DMA address that may not be synchronised, as it is not RAM? */
static inline bool dma_p2pdma_is_peer(struct device *dev, dma_addr_t dma)
{
	return pci_p2pdma_in_use() && __dma_p2pdma_is_peer(dev, dma);
}

/* The first entry of a list that dma_p2pdma_map_sg() mapped carries this. */
static inline bool sg_dma_is_p2pdma(struct scatterlist *sgl, int nents)
{
	return pci_p2pdma_in_use() && nents &&
	       (sgl->dma_flags & SG_DMA_P2PDMA);
}
#else /* CONFIG_PCI_P2PDMA */
static inline void __pci_p2pdma_cursor_move(struct pci_p2pdma_cursor *cursor,
					    phys_addr_t phys)
{
}

static inline bool pci_p2pdma_sg_has_peer(struct scatterlist *sgl, int nents)
{
	return false;
}

static inline bool dma_p2pdma_map_page(struct device *dev, phys_addr_t phys,
				       size_t size, enum dma_data_direction dir,
				       unsigned long attrs, dma_addr_t *dma)
{
	return false;
}

static inline bool dma_p2pdma_map_resource(struct device *dev, phys_addr_t phys,
					   size_t size,
					   enum dma_data_direction dir,
					   unsigned long attrs, dma_addr_t *dma)
{
	return false;
}

static inline bool dma_p2pdma_unmap_page(struct device *dev, dma_addr_t dma,
					 size_t size,
					 enum dma_data_direction dir,
					 unsigned long attrs)
{
	return false;
}

static inline bool dma_p2pdma_unmap_resource(struct device *dev, dma_addr_t dma)
{
	return false;
}

static inline bool dma_p2pdma_is_peer(struct device *dev, dma_addr_t dma)
{
	return false;
}

static inline int dma_p2pdma_map_sg(struct device *dev, struct scatterlist *sgl,
				    int nents, enum dma_data_direction dir,
				    unsigned long attrs)
{
	return -EREMOTEIO;
}

static inline void dma_p2pdma_unmap_sg(struct device *dev,
				       struct scatterlist *sgl, int nents,
				       enum dma_data_direction dir,
				       unsigned long attrs)
{
}

static inline void dma_p2pdma_sync_sg_for_cpu(struct device *dev,
					      struct scatterlist *sgl,
					      int nents,
					      enum dma_data_direction dir)
{
}

static inline void dma_p2pdma_sync_sg_for_device(struct device *dev,
						 struct scatterlist *sgl,
						 int nents,
						 enum dma_data_direction dir)
{
}

static inline void dma_p2pdma_reset_sg(struct scatterlist *sgl, int nents)
{
}

static inline bool dma_p2pdma_supported(struct device *dev)
{
	return false;
}

static inline bool sg_dma_is_p2pdma(struct scatterlist *sgl, int nents)
{
	return false;
}
#endif /* CONFIG_PCI_P2PDMA */

/**
 * pci_p2pdma_cursor_holds - does the cursor's interval hold a whole segment?
 * @cursor: the loop's cursor
 * @phys: CPU physical address of the segment
 * @size: its length in bytes
 *
 * Return: true if it does.
 */
static inline bool pci_p2pdma_cursor_holds(const struct pci_p2pdma_cursor *cursor,
					   phys_addr_t phys, size_t size)
{
	u64 offset = phys - cursor->start;

	return offset < cursor->size && size <= cursor->size - offset;
}

/**
 * pci_p2pdma_sg_is_peer - does a list entry need dma_p2pdma_map_sg()?
 * @cursor: the loop's cursor
 * @sg: list entry with its page, offset and length as the caller gave them
 *
 * One subtraction and two comparisons for RAM, and no load from &struct page.
 *
 * Return: true for peer memory, and for an entry that is only in part peer
 * memory, which dma_p2pdma_map_sg() will refuse.
 */
static inline bool pci_p2pdma_sg_is_peer(struct pci_p2pdma_cursor *cursor,
					 struct scatterlist *sg)
{
	phys_addr_t phys;

	if (!pci_p2pdma_in_use())
		return false;

	phys = sg_phys(sg);
	if (likely(pci_p2pdma_cursor_holds(cursor, phys, sg->length)))
		return cursor->provider;

	__pci_p2pdma_cursor_move(cursor, phys);
	return cursor->provider ||
	       !pci_p2pdma_cursor_holds(cursor, phys, sg->length);
}

#endif /* _LINUX_DMA_P2PDMA_H */
