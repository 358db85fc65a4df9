/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the P2PDMA core know of each other.
 *
 * Each line below calls only parts on lines further down.  Nothing calls up, and
 * this is the order in which the declarations follow, from the bottom:
 *
 *	events.c	bus notifier, configuration writes: what makes routes stale
 *	sysfs.c debugfs.c dmabuf.c pool.c bio.c
 *			what drivers, block queues and people use
 *	pages.c mmap.c	struct pages of parts of BARs; user mappings without them
 *	register.c	registration of BARs
 *	distance.c	pci_p2pdma_distance_many()
 *	routes.c	the route of a mapping, for the mapping layer and drivers
 *	explain.c	log text of a refusal, with its remedy
 *	tally.c		what mappings report: counters and trace events
 *	cache.c		the route cache
 *	gather.c	the facts that a decision rests on
 *	decide.c	the decision, a pure function of the facts
 *	policy.c	what the administrator allows
 *	ats.c bridges.c fabric.c bars.c fence.c lookup.c
 *			ATS of a client; host bridges; the path of a pair; whose BAR;
 *			CPU access; from an address to its provider
 *	providers.c	which physical ranges are peer memory, and whose
 *	stats.c watch.c
 *			counters of a pair; registers that make routes stale
 *	generation.c	how often routes became stale
 */
#ifndef DRIVERS_PCI_P2PDMA_H
#define DRIVERS_PCI_P2PDMA_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/pci-p2pdma.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/rwsem.h>
#include <linux/wait.h>

struct gen_pool;
struct vm_fault;
struct pci_host_bridge;
struct seq_buf;

/* generation.c: how often routes became stale, and why */

enum p2pdma_cause {
	P2PDMA_BY_CONFIG_WRITE,
	P2PDMA_BY_POLICY,
	P2PDMA_BY_DEVICE_ADDED,
	P2PDMA_BY_DEVICE_GOING,
	P2PDMA_BY_DEVICE_REMOVED,
	P2PDMA_BY_PROVIDER_GOING,
	P2PDMA_BY_PROVIDER_REMOVED,
	P2PDMA_BY_POWER,
	P2PDMA_NR_CAUSES
};

const char *p2pdma_cause_name(enum p2pdma_cause cause);
void p2pdma_invalidate(enum p2pdma_cause cause);
unsigned long p2pdma_invalidations(enum p2pdma_cause cause);
/* Only for p2pdma_generation() and p2pdma_invalidate(). */
extern atomic_t p2pdma_current;

/**
 * p2pdma_generation - the current generation
 *
 * Read it before anything that a result rests on.
 *
 * Context: any.
 *
 * Return: a number that differs after each p2pdma_invalidate().
 */
static inline int p2pdma_generation(void)
{
	return atomic_read_acquire(&p2pdma_current);
}

/* Payload and tags; not in this kernel's <linux/pci_regs.h>. */
#define P2PDMA_DEVCAP2_10BIT_TAG_CPL	0x00010000
#define P2PDMA_DEVCAP2_10BIT_TAG_REQ	0x00020000
#define P2PDMA_DEVCTL2_10BIT_TAG_REQ	0x1000
#define P2PDMA_SRIOV_CTRL_10BIT_TAG	0x0020
#define P2PDMA_EXT_CAP_ID_DEV3		0x2f
#define P2PDMA_DEV3_CAP			4
#define P2PDMA_DEV3_CAP_14BIT_TAG_CPL	BIT(1)
#define P2PDMA_DEV3_CTL			8
#define P2PDMA_DEV3_CTL_14BIT_TAG_REQ	BIT(2)

/* watch.c: which configuration writes make routes stale */

bool p2pdma_watch(struct pci_dev *pdev);
bool p2pdma_watched(struct pci_dev *pdev);
void p2pdma_watch_end(struct pci_dev *pdev);
void p2pdma_watch_written(struct pci_bus *bus, unsigned int devfn, int where,
			  int size, u32 value);
unsigned int p2pdma_watch_count(void);

/* stats.c: counters of a client and a provider */

/* Transfers as routes distinguish them: posted writes, and all that read. */
enum p2pdma_kind {
	P2PDMA_WRITES,
	P2PDMA_READS,
	P2PDMA_NR_KINDS
};

static inline enum p2pdma_kind p2pdma_kind(enum dma_data_direction dir)
{
	return dir == DMA_FROM_DEVICE ? P2PDMA_WRITES : P2PDMA_READS;
}

struct p2pdma_stats;

/**
 * struct p2pdma_counts - the counters of a pair, added up
 * @hits: look-ups that found a valid route cache entry
 * @lists: lists mapped, by &enum p2pdma_kind
 * @bytes: bytes of the provider's memory in them
 * @all_refused: lists refused
 * @refused: the same by reason
 */
struct p2pdma_counts {
	u64 hits;
	u64 lists[P2PDMA_NR_KINDS];
	u64 bytes[P2PDMA_NR_KINDS];
	u64 all_refused;
	u64 refused[PCI_P2PDMA_NR_REASONS];
};

struct p2pdma_stats *p2pdma_stats_alloc(void);
void p2pdma_stats_free(struct p2pdma_stats *stats);
void p2pdma_stats_hit(struct p2pdma_stats *stats);
void p2pdma_stats_recent(struct p2pdma_stats *stats, enum p2pdma_kind kind,
			 u64 bytes);
void p2pdma_stats_mapped(struct p2pdma_stats *stats, enum p2pdma_kind kind,
			 u64 bytes);
void p2pdma_stats_refused(struct p2pdma_stats *stats,
			  enum pci_p2pdma_reason reason);
bool p2pdma_stats_report(struct p2pdma_stats *stats,
			 enum pci_p2pdma_reason reason);
void p2pdma_stats_sum(struct p2pdma_stats *stats, struct p2pdma_counts *counts);

/* providers.c: which physical ranges are peer memory, and whose */

/**
 * struct p2pdma_mem - the provider of one BAR
 * @provider: what other parts of the kernel see of it
 * @bar: number of the BAR
 * @first: first CPU physical address of the BAR
 * @last: last CPU physical address of the BAR
 * @registered: how many parts of the BAR are registered
 * @going: how many of those are being unregistered, one more while there are none, and
 *	one more from when the driver is about to be unbound; unless 0, there is no route
 * @indexed: not a registered provider, but an entry of the index in bars.c
 * @warned: the log has a warning that the BAR is mapped for a device that is not a
 *	PCI function (@indexed)
 */
struct p2pdma_mem {
	struct p2pdma_provider provider;
	int bar;
	phys_addr_t first;
	phys_addr_t last;
	unsigned int registered;
	atomic_t going;
	bool indexed;
	bool warned;
};

static inline struct p2pdma_mem *to_p2pdma_mem(struct p2pdma_provider *provider)
{
	return container_of(provider, struct p2pdma_mem, provider);
}

/**
 * struct pci_p2pdma - what hangs off &pci_dev.p2pdma
 * @kref: one reference is the driver's, and each look-up has returned one
 * @pool: memory that pci_alloc_p2pmem() hands out; NULL until some is added
 * @release_pool: undoes what there is of @pool
 * @published: pci_p2pmem_find_many() may return the function
 * @faults: held by faults of user mappings, see mmap.c
 * @draining: the driver is about to be unbound: nothing is allocated any more
 * @user_pages: pages that user space has mapped, or still holds
 * @drained: wakes up when @user_pages becomes 0
 * @gone: parts of the pool whose pages are gone
 * @mem: a provider for each BAR; its addresses are valid while it is registered
 */
struct pci_p2pdma {
	struct kref kref;
	struct gen_pool *pool;
	void (*release_pool)(struct pci_dev *pdev, struct pci_p2pdma *p2pdma);
	struct rw_semaphore faults;
	bool published;
	bool draining;
	atomic_t user_pages;
	wait_queue_head_t drained;
	struct list_head gone;
	struct p2pdma_mem mem[PCI_STD_NUM_BARS];
};

/* For the provider of a registered range, or one that was. */
static inline struct pci_p2pdma *p2pdma_of_mem(struct p2pdma_mem *mem)
{
	return container_of(mem - mem->bar, struct pci_p2pdma, mem[0]);
}

/* Constant NULL without struct pages, so that the compiler drops calls with it. */
static inline struct gen_pool *p2pdma_pool_of(const struct pci_p2pdma *p2pdma)
{
	return IS_ENABLED(CONFIG_PCI_P2PDMA) ? p2pdma->pool : NULL;
}

/* Is a BAR memory, and has it been given an address? */
static inline bool p2pdma_bar_is_memory(struct pci_dev *pdev, int bar)
{
	unsigned long flags = pci_resource_flags(pdev, bar);

	return (flags & IORESOURCE_MEM) && !(flags & IORESOURCE_UNSET) &&
	       pci_resource_len(pdev, bar);
}

/* A range of CPU physical addresses, both ends inclusive, that is registered. */
struct p2pdma_range {
	struct list_head node;
	phys_addr_t start;
	phys_addr_t last;
	struct p2pdma_provider *provider;
};

void p2pdma_put(struct pci_p2pdma *p2pdma);
int p2pdma_range_add(struct p2pdma_range *range);
void p2pdma_range_del(struct p2pdma_range *range);
bool p2pdma_for_each_provider(bool (*fn)(struct p2pdma_provider *provider,
					 void *data), void *data);
void p2pdma_for_each_provider_of(struct pci_dev *pdev,
				 bool (*fn)(struct p2pdma_provider *provider,
					    void *data), void *data);
bool p2pdma_first_range(struct p2pdma_provider *provider,
			struct pci_p2pdma_cursor *cursor);
void p2pdma_for_each_range(void (*fn)(const struct p2pdma_range *range,
				      void *data), void *data);

/* fence.c: CPU access to peer memory */

struct p2pdma_provider *p2pdma_touched(struct pci_p2pdma_cursor *cursor,
				       phys_addr_t phys, size_t size);
void p2pdma_io_read(void *to, const void *from, size_t len);
void p2pdma_io_write(void *to, const void *from, size_t len);
void p2pdma_io_zero(void *to, size_t len);
void p2pdma_miter_warn(struct p2pdma_provider *provider, unsigned long caller);
void p2pdma_virt_warn(struct p2pdma_provider *provider, unsigned long caller);

/* bars.c: whose BAR an address is in, registered or not */

struct p2pdma_provider *p2pdma_bar_of_phys(phys_addr_t phys, size_t size);
bool p2pdma_bars_update(struct pci_dev *pdev);
void p2pdma_bars_remove(struct pci_dev *pdev);

/* fabric.c: the path between two devices, and what ACS does on it */

/* The PCI address of a function; holds no reference to it. */
struct p2pdma_bdf {
	bool valid;
	int domain;
	u16 id;
};

#define P2PDMA_BDF_LEN 20	/* as text, with its zero byte */

struct p2pdma_bdf p2pdma_bdf(struct pci_dev *pdev);
void p2pdma_bdf_text(const struct p2pdma_bdf *bdf, char *text);
void p2pdma_route_bridge(const struct pci_p2pdma_route *route, char *text);

/* What ACS does with a request at the port where the paths diverge. */
enum p2pdma_acs_request {
	P2PDMA_ACS_ACROSS,
	P2PDMA_ACS_UP,
	P2PDMA_ACS_DROPPED,
};

/**
 * struct p2pdma_acs_port - ACS at one side of the divergence
 * @port: the downstream port; NULL if the paths do not diverge in a switch
 * @ctrl: its ACS Control register, 0 without the capability
 * @egress: its egress vector names the port on the other side
 */
struct p2pdma_acs_port {
	struct pci_dev *port;
	u16 ctrl;
	bool egress;
};

/**
 * struct p2pdma_payload - where the packets of one end do not fit
 * @across: on the way that crosses where the paths diverge in a switch, the first
 *	receiver that takes less than the sender's Max_Payload_Size
 * @by_root: the same on the way by the root complex, which itself makes packets that
 *	the root port may send
 */
struct p2pdma_payload {
	struct pci_dev *across;
	struct pci_dev *by_root;
};

/**
 * struct p2pdma_path - the path from a client to a provider
 * @client: where it starts
 * @provider: where it ends
 * @common: the lowest port above both; NULL if they meet in a root complex, so
 *	that the path crosses the host bridge
 * @client_branch: the function or port below @common on the client's side; without
 *	@common the top of the client's side
 * @provider_branch: the same on the provider's side
 * @same_function: @client and @provider are one function
 * @in_switch: the paths diverge between downstream ports of a switch; else inside
 *	a device or on a shared bus, where the fabric's rules do not apply
 * @distance: hops up to @common and down again, or all up to both root buses
 * @client_side: ACS where the paths diverge, on the client's side (@in_switch)
 * @provider_side: the same on the provider's side
 * @bridge_memory: the provider is a bridge, and its own memory is reached from below: the
 *	downstream port that gives access, or not
 * @bridge_access: that port gives access (ACS Enhanced Capability)
 * @client_drops: unless @in_switch, egress control of the function on the client's side
 *	drops untranslated requests to the function on the provider's side
 * @completion_up: completions from the provider go up: because of CR at
 *	@provider_side, or, unless @in_switch, of CR at the provider or a bridge function
 *	that client or provider is below.  Only reads have completions: see gather.c
 * @conventional: the first bridge on the path that is not PCI Express
 * @redirecting: unless @in_switch, the bridge function that client or provider is
 *	below, or the first function or port with an ACS bit that may redirect
 * @unproven: unless @in_switch, the client or else the provider if it does not implement
 *	P2P Request Redirect, so that nothing says that requests cross inside the device
 * @unread: up to the divergence, the first function or port with an ACS capability that
 *	cannot be read
 * @blocking: the first port on the client's way up to the divergence, the one there
 *	included, that blocks translated requests (TB)
 * @blocking_above: the first such port above the divergence
 * @no_forwarding: the first downstream port above the divergence, the root port
 *	included, that does not forward upstream a request for memory below it
 * @no_completions: the same for a completion
 * @request: where the client's packets do not fit
 * @completion: where the provider's do not
 * @tag_width: the function that returns too few bits of the tags of the client's reads
 * @not_decoding: the bridge or function on the way down, from below @common, that
 *	does not decode memory addresses
 * @not_decoding_above: the topmost of @common and the ports above it that does not
 *	decode memory addresses: the first that a request from the root complex meets
 *
 * Up to @distance p2pdma_path_shape() fills it in, without reading configuration
 * space.  Pointers are valid for as long as the caller holds client and provider.
 */
struct p2pdma_path {
	struct pci_dev *client;
	struct pci_dev *provider;
	struct pci_dev *common;
	struct pci_dev *client_branch;
	struct pci_dev *provider_branch;
	bool same_function;
	bool in_switch;
	int distance;
	struct p2pdma_acs_port client_side;
	struct p2pdma_acs_port provider_side;
	struct pci_dev *bridge_memory;
	bool bridge_access;
	bool client_drops;
	bool completion_up;
	struct pci_dev *conventional;
	struct pci_dev *redirecting;
	struct pci_dev *unproven;
	struct pci_dev *unread;
	struct pci_dev *blocking;
	struct pci_dev *blocking_above;
	struct pci_dev *no_forwarding;
	struct pci_dev *no_completions;
	struct p2pdma_payload request;
	struct p2pdma_payload completion;
	struct pci_dev *tag_width;
	struct pci_dev *not_decoding;
	struct pci_dev *not_decoding_above;
};

/* The place of a function or port on a path, in the order of p2pdma_path_walk(). */
enum p2pdma_role {
	P2PDMA_CLIENT,
	P2PDMA_CLIENT_PF,
	P2PDMA_UP,
	P2PDMA_CLIENT_SIDE,
	P2PDMA_COMMON,
	P2PDMA_ABOVE,
	P2PDMA_PROVIDER_SIDE,
	P2PDMA_DOWN,
	P2PDMA_PROVIDER_PF,
	P2PDMA_PROVIDER,
};

/**
 * struct p2pdma_hop - a function or port on a path, as it is now
 * @role: its place on the path
 * @pdev: the function or port
 * @unread: it, or a port above it, is asleep or disconnected: nothing below was read,
 *	see &enum p2pdma_asleep
 * @acs_cap: ACS Capability register; negative without the capability, or if it
 *	cannot be read
 * @acs_ctrl: likewise the ACS Control register
 * @isolates: it has no ACS capability, and a quirk of the kernel's knows that it
 *	redirects requests and completions
 * @egress: whether its egress vector names the other side; negative where the
 *	vector does not count
 * @memory: it decodes memory addresses
 * @master: it may send requests
 */
struct p2pdma_hop {
	enum p2pdma_role role;
	struct pci_dev *pdev;
	bool unread;
	int acs_cap;
	int acs_ctrl;
	bool isolates;
	int egress;
	bool memory;
	bool master;
};

/* What p2pdma_path_walk() does with functions and ports that are asleep. */
enum p2pdma_asleep {
	P2PDMA_ASLEEP_READ,		/* reads them like others */
	P2PDMA_ASLEEP_SKIPPED,		/* reads nothing of them */
	P2PDMA_ASLEEP_PREDICTED,	/* if unreadable: as the kernel has saved them */
};

typedef void (*p2pdma_hop_fn)(const struct p2pdma_hop *hop, void *data);

void p2pdma_path_shape(struct p2pdma_path *path, struct pci_dev *client,
		       struct pci_dev *provider);
void p2pdma_path_init(struct p2pdma_path *path, struct pci_dev *client,
		      struct pci_dev *provider);
void p2pdma_path_predict(struct p2pdma_path *path, struct pci_dev *client,
			 struct pci_dev *provider);
void p2pdma_path_walk(const struct p2pdma_path *path,
		      enum p2pdma_asleep asleep, p2pdma_hop_fn fn, void *data);
void p2pdma_path_redirectors(const struct p2pdma_path *path, struct seq_buf *s);
struct pci_dev *p2pdma_path_asleep(struct pci_dev *provider);
bool p2pdma_path_gone(struct pci_dev *provider);
struct pci_dev *p2pdma_pci_parent(struct device *dev);
enum p2pdma_acs_request p2pdma_acs_request(u16 ctrl, bool egress);
enum p2pdma_acs_request p2pdma_acs_translated(u16 ctrl, bool egress);
bool p2pdma_decodes_memory(struct pci_dev *pdev);
bool p2pdma_can_forward(struct pci_dev *port);

/* ats.c: may a client send requests as translated? */

enum p2pdma_ats {
	P2PDMA_ATS_OFF,
	P2PDMA_ATS_ON,
	P2PDMA_ATS_PER_MAPPING,	/* not with bus addresses: its driver has promised so */
};

enum p2pdma_ats p2pdma_ats(struct pci_dev *pdev);

/* bridges.c: what is known of host bridges, and of the machine */

/* The function that stands for a host bridge; need not exist any more. */
struct p2pdma_bridge_function {
	struct p2pdma_bdf bdf;
	u16 vendor;
	u16 device;
};

void p2pdma_bridge_function_added(struct pci_dev *pdev);
void p2pdma_bridge_function_removed(struct pci_dev *pdev);
bool p2pdma_bridge_function(struct pci_host_bridge *host,
			    struct p2pdma_bridge_function *function);
bool p2pdma_bridge_listed(struct pci_host_bridge *host, bool same_bridge,
			  bool warn);
bool p2pdma_cpu_listed(void);
bool p2pdma_is_guest(void);
bool p2pdma_encrypted_guest(void);

/* policy.c: what the administrator allows */

enum p2pdma_mode {
	P2PDMA_AUTO,
	P2PDMA_OFF,
	P2PDMA_SWITCH,
	P2PDMA_HOST,
};

const char *p2pdma_mode_name(enum p2pdma_mode mode);

struct p2pdma_match;

/* The devices of one kind of option. */
struct p2pdma_match_list {
	unsigned int count;
	struct p2pdma_match *match;
};

/**
 * struct p2pdma_policy - a policy, as parsed
 * @rcu: for freeing
 * @mode: the last mode named
 * @window: accepted; nothing uses it yet
 * @deny: never provider, never client
 * @trust: devices whose host bridge is trusted
 * @loopback: functions that reach each other inside their device
 * @text: what was parsed, cut up; the lists point into it
 */
struct p2pdma_policy {
	struct rcu_head rcu;
	enum p2pdma_mode mode;
	bool window;
	struct p2pdma_match_list deny;
	struct p2pdma_match_list trust;
	struct p2pdma_match_list loopback;
	char *text;
};

typedef void (*p2pdma_mistake_fn)(const char *mistake, void *data);

struct p2pdma_policy *p2pdma_policy_parse(const char *text,
					  p2pdma_mistake_fn fn, void *data);
void p2pdma_policy_free(struct p2pdma_policy *policy);
void p2pdma_policy_show(const struct p2pdma_policy *policy, struct seq_buf *s);
void p2pdma_policy_show_changed(const struct p2pdma_policy *policy,
				enum p2pdma_mode mode, const char *trust,
				struct seq_buf *s);
bool p2pdma_policy_is_mistake(const struct p2pdma_policy *policy);
bool p2pdma_policy_denies(const struct p2pdma_policy *policy,
			  struct pci_dev *pdev);

bool p2pdma_policy_loops(const struct p2pdma_policy *policy,
			 struct pci_dev *client, struct pci_dev *provider);

/* A host bridge that trust= names, through a device below it. */
struct p2pdma_trusted {
	struct pci_host_bridge *host;
	bool reads;
};

/**
 * struct p2pdma_active_policy - the active policy, with the bridges that it trusts
 * @rcu: for freeing
 * @policy: the policy
 * @count: number of @trusted
 * @trusted: the host bridges that the trust= entries of @policy stand for now
 *
 * One object, so that nobody sees the mode of one policy and the trust of another.
 */
struct p2pdma_active_policy {
	struct rcu_head rcu;
	struct p2pdma_policy *policy;
	unsigned int count;
	struct p2pdma_trusted trusted[] __counted_by(count);
};

const struct p2pdma_active_policy *p2pdma_active_policy(void);
bool p2pdma_admin_trusts(const struct p2pdma_active_policy *active,
			 struct pci_host_bridge *host, bool reads);
int p2pdma_locked_down(void);
int p2pdma_policy_set(const char *text);
char *p2pdma_policy_get(void);
void p2pdma_policy_device_changed(struct pci_dev *pdev);

/* decide.c: the decision, a pure function of the facts */

/* How the requests of a client get their addresses. */
enum p2pdma_client {
	P2PDMA_CLIENT_UNTRANSLATED,
	P2PDMA_CLIENT_TRANSLATED,	/* an IOMMU translates them */
	P2PDMA_CLIENT_BOUNCES,		/* only by way of bounce buffers */
	P2PDMA_CLIENT_NO_DMA,		/* firmware says that it can do no DMA */
	P2PDMA_CLIENT_NOT_PCI,		/* it is not a PCI function */
};

/* The outcome of a transfer in the fabric, unless its address is direct. */
enum p2pdma_fate {
	P2PDMA_FATE_UP,			/* arrives by way of the root complex */
	P2PDMA_FATE_ACROSS,		/* arrives; the request crosses, or may cross */
	P2PDMA_FATE_LOST,		/* lost, or taken to another place */
	P2PDMA_FATE_ACROSS_LOST,	/* lost, though the request crosses or may cross */
};

static inline bool p2pdma_fate_crosses(enum p2pdma_fate fate)
{
	return fate == P2PDMA_FATE_ACROSS || fate == P2PDMA_FATE_ACROSS_LOST;
}

static inline bool p2pdma_fate_lost(enum p2pdma_fate fate)
{
	return fate == P2PDMA_FATE_LOST || fate == P2PDMA_FATE_ACROSS_LOST;
}

/**
 * struct p2pdma_outcome - what becomes of a transfer in the fabric
 * @fate: whether it arrives, and which way its request goes
 * @why: why it is lost; %PCI_P2PDMA_DIRECT stands for %PCI_P2PDMA_FABRIC_BLOCKED
 * @port: where it is lost; not valid if no single port is to blame
 */
struct p2pdma_outcome {
	enum p2pdma_fate fate;
	enum pci_p2pdma_reason why;
	struct p2pdma_bdf port;
};

/* The address by which a client reaches memory through the host bridge. */
enum p2pdma_host_addr {
	P2PDMA_HOST_ADDR_FITS,
	P2PDMA_HOST_ADDR_ABOVE_MASK,	/* the client cannot form it */
	P2PDMA_HOST_ADDR_UNMAPPABLE,	/* nothing maps what is not RAM for it */
	P2PDMA_HOST_ADDR_AMBIGUOUS,	/* a bus address, and see @bus_ambiguous */
};

/**
 * struct p2pdma_facts - all that the decision rests on, for one direction
 * @mode: of the policy
 * @client: how the client does DMA
 * @denied: deny= names client or provider
 * @unreachable: provider going, asleep, disconnected or not decoding
 * @same_function: the client's own memory
 * @trusted: the host bridges forward in this direction
 * @bus_ambiguous: a single address is mapped, and dma_unmap_page() could not
 *	distinguish the bus address from other DMA addresses
 * @ats: the client may also send its requests as translated
 * @obstacles: bit per &enum pci_p2pdma_reason that keeps the route from being
 *	direct
 * @untranslated: outcome of an untranslated request with the peer's bus address
 * @translated: outcome of a request that the IOMMU translates
 * @sent_translated: outcome of a request that the client sends as translated, with the
 *	address that the IOMMU has answered (@ats)
 * @host_addr: the address for a route through the host bridge
 */
struct p2pdma_facts {
	enum p2pdma_mode mode;
	enum p2pdma_client client;
	bool denied;
	bool unreachable;
	bool same_function;
	bool trusted;
	bool bus_ambiguous;
	bool ats;
	unsigned long obstacles;
	struct p2pdma_outcome untranslated;
	struct p2pdma_outcome translated;
	struct p2pdma_outcome sent_translated;
	enum p2pdma_host_addr host_addr;
};

/*
 * The outcome that counts for the client; of several forms of its requests, that of the
 * first that is lost.
 */
static inline const struct p2pdma_outcome *
p2pdma_facts_outcome(const struct p2pdma_facts *facts)
{
	const struct p2pdma_outcome *outcome = &facts->untranslated;

	if (facts->client == P2PDMA_CLIENT_TRANSLATED)
		outcome = &facts->translated;
	return facts->ats && !p2pdma_fate_lost(outcome->fate) ?
		       &facts->sent_translated : outcome;
}

enum pci_p2pdma_reason p2pdma_decide(const struct p2pdma_facts *facts,
				     enum pci_p2pdma_map_type *type);

/* gather.c: the facts that a decision rests on */

/**
 * struct p2pdma_gathered - what routes of a pair rest on, as far as it is cached
 * @distance: hops
 * @same_bridge: client and provider are below one host bridge
 * @window: the policy allows windows
 * @facts: by kind of transfer; without what may change with no event (the client's
 *	DMA mask and IOMMU domain, power states)
 * @port: by obstacle, the port that stands in the way
 * @not_decoding: on the way to the provider
 * @tlp: &enum pci_p2pdma_tlp, what the client's driver vouches for
 */
struct p2pdma_gathered {
	int distance;
	bool same_bridge;
	bool window;
	struct p2pdma_facts facts[P2PDMA_NR_KINDS];
	struct p2pdma_bdf port[PCI_P2PDMA_DMA_MASK + 1];
	struct p2pdma_bdf not_decoding;
	unsigned int tlp;
};

/* The purpose for which a route is wanted. */
enum p2pdma_query {
	P2PDMA_QUERY_LIST,	/* a list, whose flags tell unmap what was mapped */
	P2PDMA_QUERY_SINGLE,	/* an address alone, which unmap has to recognise */
	P2PDMA_QUERY_AWAKE,	/* a list, when the provider is awake */
};

void p2pdma_gather(struct p2pdma_gathered *gathered, struct pci_dev *client,
		   struct p2pdma_provider *provider, bool predict,
		   unsigned int tlp);
void p2pdma_conclude(const struct p2pdma_gathered *gathered,
		     struct pci_dev *client, struct p2pdma_provider *provider,
		     enum p2pdma_kind kind, enum p2pdma_query query,
		     struct p2pdma_facts *facts, struct pci_p2pdma_route *route);
void p2pdma_conclude_unread(struct p2pdma_provider *provider,
			    struct device *dev, struct pci_dev *asleep,
			    struct p2pdma_facts *facts,
			    struct pci_p2pdma_route *route);

/* cache.c: the route cache */

/**
 * struct p2pdma_stamp - what a verdict rests on that changes with no event
 * @mask: the client's DMA mask
 * @limit: its bus limit
 * @range_map: what its bus sees
 * @ops: its dma_map_ops
 * @iommu: it uses dma-iommu
 * @bypass: its dma_map_ops let dma-direct map for it
 * @bounce: it may only use bounce buffers
 * @ats: whether it may send requests as translated
 * @domain: its IOMMU domain; only for single mappings, of a client with a driver,
 *	so that the domain stays
 */
struct p2pdma_stamp {
	u64 mask;
	u64 limit;
	const void *range_map;
	const void *ops;
	bool iommu;
	bool bypass;
	bool bounce;
	enum p2pdma_ats ats;
	const void *domain;
};

struct p2pdma_function;

/* Of whom an entry is; for comparison, followed only by callers that hold them. */
struct p2pdma_key {
	struct pci_dev *client;
	struct p2pdma_provider *provider;
};

/**
 * struct p2pdma_entry - route cache entry of one client and provider
 * @generation: the entry is valid while this is the current generation, and
 * @stamp: while this is what else the verdicts rest on
 * @slot: what loops need to map lists, by kind of transfer
 * @node: in the table
 * @of_client: in the list of the client
 * @of_owner: in the list of the provider's function
 * @function: what has the list of the client
 * @rcu: for freeing
 * @key: the client and the provider
 * @owner: the provider's function; as @key
 * @client_bdf: PCI address of the client, to be shown
 * @owner_bdf: PCI address of @owner
 * @bar: BAR of the provider
 * @route: the verdicts, by kind of transfer, for a list and for a single address
 * @gathered: what routes of the pair rest on
 * @stats: counters; they pass to the entry that replaces this one.  NULL if they
 *	could not be allocated, and in results that are not cached
 */
struct p2pdma_entry {
	int generation;
	struct p2pdma_stamp stamp;
	struct dma_p2pdma_slot slot[P2PDMA_NR_KINDS];
	struct rhash_head node;
	struct hlist_node of_client;
	struct hlist_node of_owner;
	struct p2pdma_function *function;
	struct rcu_head rcu;
	struct p2pdma_key key;
	struct device *owner;
	struct p2pdma_bdf client_bdf;
	struct p2pdma_bdf owner_bdf;
	int bar;
	struct pci_p2pdma_route route[P2PDMA_NR_KINDS][P2PDMA_QUERY_SINGLE + 1];
	struct p2pdma_gathered gathered;
	struct p2pdma_stats *stats;
};

/* How many look-ups there were in the route cache, and what they found. */
struct p2pdma_lookups {
	unsigned long hits;
	unsigned long misses;
	unsigned long stale;
};

const struct p2pdma_entry *p2pdma_cache_valid(struct pci_dev *client,
					      struct p2pdma_provider *provider,
					      enum p2pdma_query query);
const struct p2pdma_entry *
p2pdma_cache_decide(struct pci_dev *client, struct p2pdma_provider *provider,
		    int generation, enum p2pdma_query query, bool store,
		    struct p2pdma_entry *uncached);
struct p2pdma_stats *p2pdma_cache_stats(struct pci_dev *client,
					struct p2pdma_provider *provider,
					bool create);
bool p2pdma_cache_report(struct pci_dev *client,
			 struct p2pdma_provider *provider,
			 enum pci_p2pdma_reason reason);
void p2pdma_cache_forget_device(struct device *dev);
void p2pdma_cache_release(struct pci_dev *pdev);
void p2pdma_cache_forget_provider(struct p2pdma_provider *provider);
void p2pdma_cache_for_each(void (*fn)(const struct p2pdma_entry *entry,
				      void *data), void *data);
void p2pdma_cache_lookups(struct p2pdma_lookups *lookups);

/* tally.c: what mappings report */

bool p2pdma_pair_counts(struct pci_dev *client,
			struct p2pdma_provider *provider,
			struct p2pdma_counts *counts);

/* explain.c: log text of a refusal, with its remedy */

void p2pdma_explain(struct pci_dev *client, struct p2pdma_provider *provider,
		    const struct pci_p2pdma_route *route);
void p2pdma_report(struct p2pdma_provider *provider, struct device *dev,
		   const struct pci_p2pdma_route *route);

/* routes.c: the route of a mapping */

void p2pdma_query(struct p2pdma_provider *provider, struct device *dev,
		  enum dma_data_direction dir, enum p2pdma_query query,
		  bool store, struct pci_p2pdma_route *route);
void p2pdma_examine(struct p2pdma_provider *provider, struct pci_dev *client,
		    enum p2pdma_kind kind, struct p2pdma_gathered *gathered,
		    struct p2pdma_facts *facts, struct pci_p2pdma_route *route);

/* register.c: registration of BARs */

/**
 * struct p2pdma_part - a part of a BAR that is registered
 * @node: in &pci_p2pdma.gone when its pages are gone
 * @range: its registration
 * @mem: the provider of its BAR
 * @going: counted in &p2pdma_mem.going
 * @pdev: whose it is
 * @pages: its struct pages, if it has any
 */
struct p2pdma_part {
	struct list_head node;
	struct p2pdma_range range;
	struct p2pdma_mem *mem;
	bool going;
	struct pci_dev *pdev;
	struct pci_p2pdma_pages pages;
};

int p2pdma_prepare(struct pci_dev *pdev);
struct p2pdma_mem *p2pdma_bar(struct pci_dev *pdev, int bar);
struct p2pdma_part *p2pdma_part_add(struct pci_dev *pdev,
				    struct p2pdma_mem *mem, phys_addr_t start,
				    size_t size);
bool p2pdma_begin_drain(struct pci_dev *pdev);

/* mmap.c: user mappings of memory without struct pages */

vm_fault_t p2pdma_fault(struct vm_fault *vmf, unsigned int order,
			phys_addr_t phys, pgoff_t pgoff);

/* pool.c: what drivers and user space allocate */

#ifdef CONFIG_PCI_P2PDMA
unsigned long p2pdma_drain_limit(void);
bool p2pmem_returns_to_user(void);
void p2pdma_pool_drain(struct pci_dev *pdev);
#else
static inline void p2pdma_pool_drain(struct pci_dev *pdev) { }
#endif

#if IS_ENABLED(CONFIG_KUNIT)
/* debugfs.c, for tests: what the files give */
struct seq_file;

int p2pdma_providers_show(struct seq_file *m, void *unused);
int p2pdma_path_answer(char *query, char **text);
int p2pdma_cache_show(struct seq_file *m, void *unused);
#endif

#endif /* DRIVERS_PCI_P2PDMA_H */
