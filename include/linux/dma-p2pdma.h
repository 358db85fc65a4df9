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

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/dma-direction.h>
#include <linux/p2pdma-fence.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

struct device;
struct dma_iova_state;
struct phys_vec;

/**
 * struct p2pdma_provider - peer memory of one BAR
 * @owner: the PCI function whose memory it is
 * @bus_offset: add it to a CPU physical address to get the PCI bus address.  The sum
 *	wraps around: it is the negative of the host bridge's resource offset.
 *
 * Exists for as long as a driver is bound to @owner, and as a look-up holds it, see
 * pci_p2pdma_find_phys().  More fields follow, which are private to the core.
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
 * enum pci_p2pdma_tlp - what a driver vouches for in the packets of its device
 * @PCI_P2PDMA_TLP_TRANSLATED: after ATS the device sends its requests to the peer as
 *	translated, with the peer's PCI bus address
 * @PCI_P2PDMA_TLP_RELAXED_CPL: its reads have the relaxed ordering attribute, so that
 *	their completions have it too
 */
enum pci_p2pdma_tlp {
	PCI_P2PDMA_TLP_TRANSLATED	= 1 << 0,
	PCI_P2PDMA_TLP_RELAXED_CPL	= 1 << 1,
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
 * @PCI_P2PDMA_CLIENT_ATS: the client may ask the IOMMU for the translation of a bus
 *	address, as its ATS is enabled
 * @PCI_P2PDMA_PAYLOAD_SIZE: one end may send more data in a packet than a port or
 *	function on the way takes
 * @PCI_P2PDMA_TAG_WIDTH: the client tags its reads with more bits than the provider
 *	returns
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
	PCI_P2PDMA_CLIENT_ATS,
	PCI_P2PDMA_PAYLOAD_SIZE,
	PCI_P2PDMA_TAG_WIDTH,
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
 * @window: with %PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, all of a range of the provider may stay
 *	mapped in the client's IOMMU domain
 * @translated_crosses: with %PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, requests that the client
 *	sends as translated, after ATS, cross without passing the root complex, or may
 *	cross
 * @has_bridge: one port or function caused @reason; the next two fields name it
 * @bridge_domain: PCI domain of that port
 * @bridge_id: its bus, device and function, as pci_dev_id()
 */
struct pci_p2pdma_route {
	enum pci_p2pdma_map_type type;
	enum pci_p2pdma_reason reason;
	int distance;
	bool same_bridge;
	bool window;
	bool translated_crosses;
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

/* What a mapping loop does with the memory of an interval. */
enum dma_p2pdma_action {
	DMA_P2PDMA_RAM,		/* not peer memory */
	DMA_P2PDMA_FIXED,	/* the DMA address is at a fixed offset */
	DMA_P2PDMA_CHECKED,	/* dma-direct: by dma_p2pdma_host_addr(), each entry checked */
	DMA_P2PDMA_IOVA,	/* an IOVA maps it as MMIO */
	DMA_P2PDMA_REFUSED,	/* there is no route */
};

/**
 * struct dma_p2pdma_verdict - what a route means for a mapping loop
 * @dma_offset: added to a CPU physical address, gives the DMA address
 *	(%DMA_P2PDMA_FIXED)
 * @action: what the loop does with the memory
 * @flags: flags of a DMA segment of the memory
 * @type: the route's verdict
 * @same_bridge: client and provider are below one host bridge
 * @make_window: a window is to be made first, at the next list
 */
struct dma_p2pdma_verdict {
	u64 dma_offset;
	u8 action;
	u8 flags;
	u8 type;
	bool same_bridge;
	bool make_window;
};

/**
 * struct dma_p2pdma_slot - an interval that a mapping loop has met, with its verdict
 * @cursor: the interval
 * @verdict: for its memory
 * @entries: list entries in the interval
 * @bytes: bytes in them
 * @stats: counters of client and provider, or NULL
 */
struct dma_p2pdma_slot {
	struct pci_p2pdma_cursor cursor;
	struct dma_p2pdma_verdict verdict;
	u64 bytes;
	struct p2pdma_stats *stats;
	unsigned int entries;
};

/* Four providers and two gaps between them; the last slot may be used several times. */
#define DMA_P2PDMA_SLOTS 7

/**
 * struct pci_p2pdma_tally - what a mapping is made of, for the trace event
 * @ram: list entries that are RAM
 * @bus: those that are bus addresses
 * @host: those that go through the host bridge
 * @ram_bytes: bytes in @ram
 * @bus_bytes: bytes in @bus
 * @host_bytes: bytes in @host
 */
struct pci_p2pdma_tally {
	unsigned int ram;
	unsigned int bus;
	unsigned int host;
	u64 ram_bytes;
	u64 bus_bytes;
	u64 host_bytes;
};

/**
 * struct dma_p2pdma_walk - the state of a mapping loop
 * @dev: the client
 * @dir: direction of the transfer
 * @cur: the slot of the entry before
 * @used: how many of @slot are filled in
 * @evicted: @sums counts; slots were filled in anew
 * @sums: what was counted in slots before that
 * @slot: the intervals that the loop has met
 *
 * Not zeroed: see dma_p2pdma_walk_init().  A walk is one RCU read-side section.
 */
struct dma_p2pdma_walk {
	struct device *dev;
	enum dma_data_direction dir;
	struct dma_p2pdma_slot *cur;
	unsigned int used;
	bool evicted;
	struct pci_p2pdma_tally sums;
	struct dma_p2pdma_slot slot[DMA_P2PDMA_SLOTS];
};

/* No DMA address, but one below DMA_MAPPING_ERROR. */
#define DMA_P2PDMA_NOT_PEER	(~(dma_addr_t)1)

/* First entry: the list is mapped to one IOVA range (beside SG_DMA_P2PDMA). */
#define SG_DMA_P2PDMA_RANGE	BIT(4)
/* First entry: dma-direct has mapped the list (beside SG_DMA_P2PDMA). */
#define SG_DMA_P2PDMA_DIRECT	BIT(8)
/* An entry as it was given, which need not be where its DMA segment is. */
#define SG_DMA_P2PDMA_BUS	BIT(5)
#define SG_DMA_P2PDMA_MMIO	BIT(6)
/* An entry that begins inside the IOMMU page in which the one before it ends. */
#define SG_DMA_P2PDMA_JOINED	BIT(7)

#ifdef CONFIG_PCI_P2PDMA_CORE
/**
 * struct pci_p2pdma_span - the span of the providers below 4 GiB, or from there on
 * @first: no provider's memory is before this CPU physical address; in the lower span
 *	that holds for the upper one too, so that one comparison tells most RAM apart
 * @last: none of the span is after this one
 *
 * Between the two spans is most RAM of machines that have BARs in both.  A span only
 * grows, so that @first and @last may be read one after the other.
 */
struct pci_p2pdma_span {
	phys_addr_t first;
	phys_addr_t last;
};

extern struct pci_p2pdma_span pci_p2pdma_low, pci_p2pdma_high;

void __pci_p2pdma_cursor_move(struct pci_p2pdma_cursor *cursor,
			      phys_addr_t phys);
bool pci_p2pdma_sg_has_peer(struct scatterlist *sgl, int nents);
const struct dma_p2pdma_slot *pci_p2pdma_recent(struct device *dev,
						enum dma_data_direction dir,
						phys_addr_t phys);
void pci_p2pdma_used(const struct dma_p2pdma_slot *slot);
void pci_p2pdma_mapped_recent(const struct dma_p2pdma_slot *slot,
			      enum dma_data_direction dir, u64 bytes);
struct p2pdma_stats *pci_p2pdma_map_route(struct p2pdma_provider *provider,
					  struct device *dev,
					  enum dma_data_direction dir,
					  bool single,
					  struct pci_p2pdma_route *route);
struct p2pdma_provider *pci_p2pdma_bar_route(phys_addr_t phys, size_t size,
					     struct device *dev,
					     enum dma_data_direction dir,
					     bool single, bool strict,
					     struct pci_p2pdma_route *route,
					     struct p2pdma_stats **stats);
void pci_p2pdma_evict(struct dma_p2pdma_walk *walk,
		      struct dma_p2pdma_slot *slot);
void pci_p2pdma_mapped(struct dma_p2pdma_walk *walk, struct scatterlist *sgl,
		       int nents);
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
bool dma_p2pdma_bus_known(struct device *dev, phys_addr_t first,
			  phys_addr_t last, u64 bus_offset);
dma_addr_t dma_p2pdma_host_addr(struct device *dev,
				struct p2pdma_provider *provider,
				bool same_bridge, phys_addr_t phys);
int iommu_dma_map_p2pdma(struct device *dev, phys_addr_t phys, size_t size,
			 enum dma_data_direction dir, unsigned long attrs,
			 dma_addr_t *iova);
int iommu_dma_attach_p2pdma(struct device *dev);
int iommu_dma_window(struct device *dev, const struct pci_p2pdma_cursor *range,
		     u64 *offset);
void iommu_dma_make_window(struct device *dev,
			   const struct pci_p2pdma_cursor *range);
void iommu_dma_remove_client_windows(struct device *dev);
void iommu_dma_remove_windows(struct p2pdma_provider *provider);
void pci_p2pdma_windows_gone(void);
void pci_p2pdma_settle_anew(struct device *dev,
			    struct p2pdma_provider *provider);
void dma_p2pdma_settle(struct device *dev, const struct pci_p2pdma_cursor *range,
		       const struct pci_p2pdma_route *route,
		       struct dma_p2pdma_verdict *verdict);
void dma_p2pdma_client_unbound(struct device *dev);
void dma_p2pdma_provider_gone(struct p2pdma_provider *provider);
const void *dma_p2pdma_domain(struct device *dev);
const void *iommu_dma_domain_id(struct device *dev);
bool __iommu_dma_unmap_bus(struct device *dev, dma_addr_t dma);
void iommu_dma_mapped_bus(struct device *dev);
bool iommu_dma_windows_reserved(struct device *dev);
bool iommu_dma_in_windows(struct device *dev, dma_addr_t dma);
phys_addr_t iommu_dma_iova_to_phys(struct device *dev, dma_addr_t iova);
int iommu_dma_map_sg_p2pdma(struct device *dev, struct scatterlist *sg, int nents,
			    enum dma_data_direction dir, unsigned long attrs);
void iommu_dma_unmap_sg_p2pdma(struct device *dev, struct scatterlist *sg,
			       int nents);
int iommu_dma_map_ranges(struct device *dev, const struct phys_vec *ranges,
			 size_t nr_ranges, size_t size,
			 enum dma_data_direction dir,
			 struct dma_iova_state *state, size_t *pad);
void iommu_dma_unmap_ranges(struct device *dev, struct dma_iova_state *state,
			    size_t pad);
dma_addr_t __dma_p2pdma_map_page(struct device *dev, phys_addr_t phys,
				 size_t size, enum dma_data_direction dir,
				 unsigned long attrs);
bool __dma_p2pdma_map_resource(struct device *dev, phys_addr_t phys, size_t size,
			       enum dma_data_direction dir, unsigned long attrs,
			       dma_addr_t *dma);
bool __dma_p2pdma_unmap_page(struct device *dev, dma_addr_t dma, size_t size,
			     enum dma_data_direction dir, unsigned long attrs);
bool __dma_p2pdma_unmap_bus(struct device *dev, dma_addr_t dma);
bool __dma_p2pdma_is_peer(struct device *dev, dma_addr_t dma);
int dma_p2pdma_enter(struct dma_p2pdma_walk *walk, phys_addr_t phys, size_t size);
int dma_p2pdma_unmappable(struct dma_p2pdma_walk *walk,
			  const struct dma_p2pdma_slot *slot);
int dma_p2pdma_direct_map_sg(struct device *dev, struct scatterlist *sgl,
			     struct scatterlist *sg, int done, int nents,
			     enum dma_data_direction dir, unsigned long attrs);
void dma_p2pdma_direct_unmap_sg(struct device *dev, struct scatterlist *sgl,
				int nents, enum dma_data_direction dir,
				unsigned long attrs);
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

/**
 * pci_p2pdma_near - may a range hold peer memory?
 * @phys: CPU physical address
 * @size: its length in bytes
 *
 * For loops and calls that map RAM nearly always: a comparison with the spans of all
 * providers.  Memory inside a span may still be RAM.
 *
 * Return: false if all of the range is RAM.
 */
static inline bool pci_p2pdma_near(phys_addr_t phys, size_t size)
{
	phys_addr_t end = phys + size;

	if (!pci_p2pdma_in_use())
		return false;
	/* What the caller holds was in a span before: they only grow. */
	return data_race(end > pci_p2pdma_low.first &&
			 (phys <= pci_p2pdma_low.last ||
			  (end > pci_p2pdma_high.first &&
			   phys <= pci_p2pdma_high.last)));
}

/* Map a page if it is peer memory; else, return %DMA_P2PDMA_NOT_PEER. */
static inline dma_addr_t dma_p2pdma_map_page(struct device *dev,
					     phys_addr_t phys, size_t size,
					     enum dma_data_direction dir,
					     unsigned long attrs)
{
	return pci_p2pdma_near(phys, size) ?
		       __dma_p2pdma_map_page(dev, phys, size, dir, attrs) :
		       DMA_P2PDMA_NOT_PEER;
}

/*
 * Map memory that is not RAM, if a route decides about it; else, return false.  Until
 * there is a provider nobody uses peer memory.
 */
static inline bool dma_p2pdma_map_resource(struct device *dev, phys_addr_t phys,
					   size_t size,
					   enum dma_data_direction dir,
					   unsigned long attrs, dma_addr_t *dma)
{
	return pci_p2pdma_in_use() &&
	       __dma_p2pdma_map_resource(dev, phys, size, dir, attrs, dma);
}

/* Undo dma_p2pdma_map_page() if the client is not coherent; else, return false. */
static inline bool dma_p2pdma_unmap_page(struct device *dev, dma_addr_t dma,
					 size_t size,
					 enum dma_data_direction dir,
					 unsigned long attrs)
{
	return pci_p2pdma_in_use() &&
	       __dma_p2pdma_unmap_page(dev, dma, size, dir, attrs);
}

/* Undo a mapping if it got a PCI bus address; else, return false. */
static inline bool dma_p2pdma_unmap_bus(struct device *dev, dma_addr_t dma)
{
	return pci_p2pdma_in_use() && __dma_p2pdma_unmap_bus(dev, dma);
}

/* Is it a DMA address that may not be synchronised, as it is not RAM? */
static inline bool dma_p2pdma_is_peer(struct device *dev, dma_addr_t dma)
{
	return pci_p2pdma_in_use() && __dma_p2pdma_is_peer(dev, dma);
}

/* Is a list flagged for dma_p2pdma_unmap_sg()? */
static inline bool sg_dma_is_p2pdma(struct scatterlist *sgl, int nents)
{
	return pci_p2pdma_in_use() && nents &&
	       (sgl->dma_flags & SG_DMA_P2PDMA);
}
#else /* CONFIG_PCI_P2PDMA_CORE */
static inline void __pci_p2pdma_cursor_move(struct pci_p2pdma_cursor *cursor,
					    phys_addr_t phys)
{
}

static inline bool pci_p2pdma_sg_has_peer(struct scatterlist *sgl, int nents)
{
	return false;
}

static inline dma_addr_t dma_p2pdma_map_page(struct device *dev,
					     phys_addr_t phys, size_t size,
					     enum dma_data_direction dir,
					     unsigned long attrs)
{
	return DMA_P2PDMA_NOT_PEER;
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

static inline bool dma_p2pdma_unmap_bus(struct device *dev, dma_addr_t dma)
{
	return false;
}

static inline bool __iommu_dma_unmap_bus(struct device *dev, dma_addr_t dma)
{
	return false;
}

static inline bool dma_p2pdma_is_peer(struct device *dev, dma_addr_t dma)
{
	return false;
}

static inline bool pci_p2pdma_near(phys_addr_t phys, size_t size)
{
	return false;
}

static inline int dma_p2pdma_direct_map_sg(struct device *dev,
					   struct scatterlist *sgl,
					   struct scatterlist *sg, int done,
					   int nents,
					   enum dma_data_direction dir,
					   unsigned long attrs)
{
	return -EREMOTEIO;
}

static inline int iommu_dma_map_sg_p2pdma(struct device *dev,
					  struct scatterlist *sg, int nents,
					  enum dma_data_direction dir,
					  unsigned long attrs)
{
	return -EREMOTEIO;
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
#endif /* CONFIG_PCI_P2PDMA_CORE */

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
 * pci_p2pdma_sg_near - may a list entry hold peer memory?
 * @sg: list entry with its page, offset and length as the caller gave them
 *
 * No load from &struct page.
 *
 * Return: false if it is RAM.
 */
static inline bool pci_p2pdma_sg_near(struct scatterlist *sg)
{
	return pci_p2pdma_near(sg_phys(sg), sg->length);
}

/**
 * pci_p2pdma_sg_is_peer - is a list entry peer memory, wholly or in part?
 * @cursor: the loop's cursor
 * @sg: list entry with its page, offset and length as the caller gave them
 *
 * Return: true if it is.
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

/**
 * dma_p2pdma_sg_next - the entry after another
 * @sg: an entry that is not the last of its list
 *
 * As sg_next(), for loops that count.
 *
 * Return: the next entry.
 */
static inline struct scatterlist *dma_p2pdma_sg_next(struct scatterlist *sg)
{
	sg++;
	if (unlikely(sg_is_chain(sg))) {
		/* A conditional move would cost each entry more than the branch. */
		OPTIMIZER_HIDE_VAR(sg);
		sg = sg_chain_ptr(sg);
	}
	return sg;
}

/**
 * dma_p2pdma_sg_after - the entry after another, if there is one
 * @sg: the entry
 * @index: number of the entry after it, from 0
 * @nents: entries of the list
 *
 * For loops over RAM too: as sg_next(), but without a function call.  The condition is
 * that of the loop, so that the compiler tests it once.
 *
 * Return: the next entry, or NULL.
 */
static inline struct scatterlist *dma_p2pdma_sg_after(struct scatterlist *sg,
						      int index, int nents)
{
	return index < nents ? dma_p2pdma_sg_next(sg) : NULL;
}

/**
 * dma_p2pdma_slot_holds - does a slot's interval hold a whole entry?
 * @slot: the slot
 * @phys: CPU physical address of the entry
 * @size: its length in bytes
 *
 * Return: true if it does; false for an empty entry.
 */
static inline bool dma_p2pdma_slot_holds(const struct dma_p2pdma_slot *slot,
					 phys_addr_t phys, u64 size)
{
	u64 offset = phys - slot->cursor.start;

	return offset < slot->cursor.size &&
	       size - 1 < slot->cursor.size - offset;
}

/**
 * dma_p2pdma_walk_init - begin a walk
 * @walk: filled in as far as it must be
 * @dev: the client
 * @dir: direction of the transfer
 */
static inline void dma_p2pdma_walk_init(struct dma_p2pdma_walk *walk,
					struct device *dev,
					enum dma_data_direction dir)
{
	walk->dev = dev;
	walk->dir = dir;
	walk->cur = walk->slot;
	walk->used = 0;
	walk->evicted = false;
	walk->slot[0].cursor.size = 0;
	walk->slot[1].cursor.size = 0;
}

/* The first slot; the second if the entry before is in the first. */
static inline struct dma_p2pdma_slot *dma_p2pdma_other(struct dma_p2pdma_walk *walk)
{
	return &walk->slot[walk->cur == walk->slot];
}

/**
 * dma_p2pdma_move - go to the slot of an entry, if it is one of the first two
 * @walk: of the mapping loop
 * @phys: CPU physical address of the entry
 * @size: its length in bytes
 *
 * In most lists that mix memory there are two kinds.
 *
 * Return: true if @walk->cur holds the entry.
 */
static inline bool dma_p2pdma_move(struct dma_p2pdma_walk *walk,
				   phys_addr_t phys, u64 size)
{
	struct dma_p2pdma_slot *other;

	if (dma_p2pdma_slot_holds(walk->cur, phys, size))
		return true;
	other = dma_p2pdma_other(walk);
	if (!dma_p2pdma_slot_holds(other, phys, size))
		return false;
	walk->cur = other;
	return true;
}

#ifdef CONFIG_PCI_P2PDMA_CORE
/**
 * dma_p2pdma_fixed_one - map a list of one entry at a fixed offset
 * @slot: an interval; its action is %DMA_P2PDMA_FIXED
 * @sg: the entry
 * @phys: its CPU physical address
 * @flags: for the DMA segment
 *
 * Return: false if the interval does not hold the entry.
 */
static inline bool dma_p2pdma_fixed_one(const struct dma_p2pdma_slot *slot,
					struct scatterlist *sg, phys_addr_t phys,
					unsigned int flags)
{
	unsigned int len = sg->length;

	if (!dma_p2pdma_slot_holds(slot, phys, len))
		return false;
	sg_dma_address(sg) = phys + slot->verdict.dma_offset;
	sg_dma_len(sg) = len;
	sg->dma_flags = flags;
	return true;
}

/**
 * dma_p2pdma_fixed_run - map entries at a fixed offset
 * @slot: their interval; its action is %DMA_P2PDMA_FIXED
 * @sg: the first entry; moved to the first that the interval does not hold
 * @nents: entries from @sg on
 * @flags: for each DMA segment
 * @bytes: what is mapped is added to it
 *
 * Return: how many entries were mapped, each as a DMA segment.
 */
static inline int dma_p2pdma_fixed_run(const struct dma_p2pdma_slot *slot,
				       struct scatterlist **sg, int nents,
				       unsigned int flags, u64 *bytes)
{
	u64 start = slot->cursor.start, size = slot->cursor.size;
	u64 dma = start + slot->verdict.dma_offset, sum = 0;
	struct scatterlist *s = *sg;
	int left = nents;

	while (left) {
		u64 offset = sg_phys(s) - start, len = s->length;

		/* As dma_p2pdma_slot_holds(). */
		if (offset >= size || len - 1 >= size - offset)
			break;
		sg_dma_address(s) = dma + offset;
		sg_dma_len(s) = len;
		s->dma_flags = flags;
		sum += len;
		if (--left)
			s = dma_p2pdma_sg_next(s);
	}
	*bytes += sum;
	*sg = s;
	return nents - left;
}
#endif

#endif /* _LINUX_DMA_P2PDMA_H */
