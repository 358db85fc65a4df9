/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peer memory as the DMA-mapping layer sees it.
 *
 * Implementations of the DMA API get this header through <linux/dma-map-ops.h>, and
 * drivers through <linux/pci-p2pdma.h>.  It must not include <linux/pci.h>, because the
 * PCI headers of some architectures include <linux/dma-map-ops.h>.
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
 * @bus_offset: add it to a CPU physical address to get the PCI bus address.  The sum
 *	wraps around: it is the negative of the host bridge's resource offset.
 *
 * Exists for as long as a driver is bound to @owner.  More fields follow, which are
 * private to the core.
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
 * @PCI_P2PDMA_DIRECT: no obstacle to a direct route
 * @PCI_P2PDMA_SAME_FUNCTION: the memory is the client's own
 * @PCI_P2PDMA_NO_COMMON_PORT: client and provider have no common port below the root
 *	complex
 * @PCI_P2PDMA_CONVENTIONAL_PCI: a conventional PCI bus is between client and provider
 * @PCI_P2PDMA_UNTRUSTED_CLIENT: the client is below an external port
 * @PCI_P2PDMA_VIRTUALISED: the kernel is a guest, and an IOMMU translates for the
 *	client
 * @PCI_P2PDMA_ACS_REQUEST: ACS redirects or blocks the request
 * @PCI_P2PDMA_ACS_COMPLETION: ACS redirects the completion of a read
 * @PCI_P2PDMA_MULTIFUNCTION: client and provider are functions of one device, which
 *	may redirect requests between them, or a port above them may
 * @PCI_P2PDMA_DMA_MASK: the client cannot form the address
 * @PCI_P2PDMA_POLICY_OFF: the mode is off
 * @PCI_P2PDMA_DENIED: deny= names the client or the provider
 * @PCI_P2PDMA_NOT_PCI: the client is not a PCI function
 * @PCI_P2PDMA_PROVIDER_UNREACHABLE: the provider is being removed, is powered down, or
 *	does not decode memory addresses
 * @PCI_P2PDMA_MUST_BOUNCE: the client may only use bounce buffers
 * @PCI_P2PDMA_POLICY_SWITCH: the mode is switch, and there is no direct route
 * @PCI_P2PDMA_POLICY_HOST: the mode is host
 * @PCI_P2PDMA_FABRIC_BLOCKED: a port drops the transfer on its way up to the root
 *	complex or back down
 * @PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED: the host bridge is not known to forward the
 *	request
 * @PCI_P2PDMA_WINDOW_UNRESERVED: a single mapping to a bus address that unmap could not
 *	distinguish from other DMA addresses
 * @PCI_P2PDMA_UNMAPPABLE: the client's DMA layer cannot map memory that is not RAM
 * @PCI_P2PDMA_NR_REASONS: number of reasons
 *
 * The reasons from %PCI_P2PDMA_NO_COMMON_PORT to %PCI_P2PDMA_DMA_MASK are the obstacles
 * to a direct route.  If there are several, the first of them is the reason.
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
 * @reason: the reason for @type; with %PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, why the route
 *	is not direct
 * @distance: hops, as pci_p2pdma_distance_many() counts them; -1 if there is no
 *	path
 * @same_bridge: client and provider are below one host bridge
 * @has_bridge: one port or function caused @reason; the next two fields name it
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
 * pci_p2pdma_bus_addr_map - get the PCI bus address of peer memory
 * @provider: whose memory
 * @phys: CPU physical address inside that memory
 *
 * A client may only be given it if its route is %PCI_P2PDMA_MAP_BUS_ADDR.
 *
 * Return: the PCI bus address.
 */
static inline dma_addr_t pci_p2pdma_bus_addr_map(struct p2pdma_provider *provider,
						 phys_addr_t phys)
{
	return phys + provider->bus_offset;
}

/**
 * struct pci_p2pdma_cursor - the interval of physical addresses that a loop is in
 * @start: first CPU physical address of the interval
 * @size: length of the interval in bytes; 0 before the first look-up
 * @provider: whose memory the interval is; NULL if it is a gap between two providers
 *
 * Declare it outside the loop, zeroed.  A segment in the same interval as the segment
 * before it needs no look-up, and most segments are.
 */
struct pci_p2pdma_cursor {
	phys_addr_t start;
	u64 size;
	struct p2pdma_provider *provider;
};

/* The most providers of one mapping whose bytes are counted; more are rare. */
#define PCI_P2PDMA_TALLY_PROVIDERS 4

/**
 * struct pci_p2pdma_tally - what one mapping consists of, for the statistics
 * @ram: DMA segments that are RAM
 * @bus: DMA segments with a bus address
 * @host: DMA segments through the host bridge
 * @ram_bytes: bytes in @ram
 * @bus_bytes: bytes in @bus
 * @host_bytes: bytes in @host
 * @providers: how many elements of @peer are used
 * @peer: the providers whose memory is in the mapping, and the bytes of each; providers
 *	beyond the %PCI_P2PDMA_TALLY_PROVIDERS first are not counted
 *
 * Zero it, then fill it with pci_p2pdma_tally_add().
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
 * struct dma_p2pdma_client - the facts about a client that the DMA layer knows
 * @translated: the client's requests are translated: by an IOMMU, or as its own
 *	dma_map_ops do it
 * @must_bounce: the client may only use bounce buffers
 * @no_dma: the client cannot do DMA at all
 * @no_host: the client's DMA layer cannot map peer memory through the host bridge
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

/* Map a page if it is peer memory.  Return false if it is not. */
static inline bool dma_p2pdma_map_page(struct device *dev, phys_addr_t phys,
				       size_t size, enum dma_data_direction dir,
				       unsigned long attrs, dma_addr_t *dma)
{
	return pci_p2pdma_in_use() &&
	       __dma_p2pdma_map_page(dev, phys, size, dir, attrs, dma);
}

/* Unmap an address of peer memory.  Return false if it is to be unmapped as RAM. */
static inline bool dma_p2pdma_unmap_page(struct device *dev, dma_addr_t dma,
					 size_t size,
					 enum dma_data_direction dir,
					 unsigned long attrs)
{
	return pci_p2pdma_in_use() &&
	       __dma_p2pdma_unmap_page(dev, dma, size, dir, attrs);
}

/* Must a DMA address not be synchronised, because it is not that of RAM? */
static inline bool dma_p2pdma_is_peer(struct device *dev, dma_addr_t dma)
{
	return pci_p2pdma_in_use() && __dma_p2pdma_is_peer(dev, dma);
}

/* Has dma_p2pdma_map_sg() mapped the list? */
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
 * pci_p2pdma_cursor_holds - is a whole segment inside the cursor's interval?
 * @cursor: the loop's cursor
 * @phys: CPU physical address of the segment
 * @size: length of the segment in bytes
 *
 * Return: true if it is.
 */
static inline bool pci_p2pdma_cursor_holds(const struct pci_p2pdma_cursor *cursor,
					   phys_addr_t phys, size_t size)
{
	u64 offset = phys - cursor->start;

	return offset < cursor->size && size <= cursor->size - offset;
}

/**
 * pci_p2pdma_sg_is_peer - must dma_p2pdma_map_sg() map a list because of an entry?
 * @cursor: the loop's cursor
 * @sg: list entry with its page, offset and length as the caller gave them
 *
 * For most entries of RAM this is one subtraction and two comparisons, without a load
 * from &struct page.
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
