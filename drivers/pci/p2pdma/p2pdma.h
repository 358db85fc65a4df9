/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the P2PDMA core know of each other.
 *
 * Calls go one way: sysfs, debugfs, pool and bio -> routes -> policy, fabric,
 * bars -> providers; fence -> providers.  Anyone may call stats, which calls
 * nobody.
 */
#ifndef DRIVERS_PCI_P2PDMA_H
#define DRIVERS_PCI_P2PDMA_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/list.h>
#include <linux/pci-p2pdma.h>
#include <linux/rcupdate.h>

struct gen_pool;
struct pci_host_bridge;
struct seq_buf;

/* providers.c: which physical ranges are peer memory, and whose */

/**
 * struct p2pdma_mem - the provider of one BAR
 * @provider: what others see of it
 * @bar: number of the BAR
 * @first: first CPU physical address of the BAR
 * @last: last CPU physical address of the BAR
 * @registered: how many of its parts are registered
 * @going: how many of its parts are on their way out; what is still in use may
 *	not be mapped anew
 * @indexed: not a provider, but an entry of bars.c
 * @warned: that it is mapped for a device that is not a PCI function (@indexed)
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
 * @pool: memory that pci_alloc_p2pmem() hands out; NULL until some is added
 * @published: anyone may use the pool
 * @gone: parts of the pool whose pages are gone
 * @mem: a provider for each BAR; its addresses are good while it is registered
 */
struct pci_p2pdma {
	struct gen_pool *pool;
	bool published;
	struct list_head gone;
	struct p2pdma_mem mem[PCI_STD_NUM_BARS];
};

/* Memory that has been given an address. */
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

int p2pdma_range_add(struct p2pdma_range *range);
void p2pdma_range_del(struct p2pdma_range *range);
bool p2pdma_for_each_provider(bool (*fn)(struct p2pdma_provider *provider,
					 void *data), void *data);
void p2pdma_for_each_range(void (*fn)(const struct p2pdma_range *range,
				      void *data), void *data);

/* Why what is kept of routes became stale. */
enum p2pdma_cause {
	P2PDMA_BY_CONFIG_WRITE,
	P2PDMA_BY_POLICY,
	P2PDMA_BY_DEVICE_ADDED,
	P2PDMA_BY_DEVICE_GOING,
	P2PDMA_BY_DEVICE_REMOVED,
	P2PDMA_BY_PROVIDER_REMOVED,
	P2PDMA_NR_CAUSES
};

const char *p2pdma_cause_name(enum p2pdma_cause cause);
void p2pdma_routes_invalidate(enum p2pdma_cause cause);
unsigned long p2pdma_invalidations(enum p2pdma_cause cause);
int p2pdma_generation(void);

/* bars.c: whose BAR an address is in, registered or not */

struct p2pdma_provider *p2pdma_bar_of_phys(phys_addr_t phys, size_t size);
void p2pdma_bars_removed(struct pci_dev *pdev);

/* Transfers as routes tell them apart: posted writes, and all that read. */
enum p2pdma_kind {
	P2PDMA_WRITES,
	P2PDMA_READS,
	P2PDMA_NR_KINDS
};

static inline enum p2pdma_kind p2pdma_kind(enum dma_data_direction dir)
{
	return dir == DMA_FROM_DEVICE ? P2PDMA_WRITES : P2PDMA_READS;
}

/* stats.c: counters of a client and a provider */

struct p2pdma_stats;

/**
 * struct p2pdma_counts - what a pair has counted
 * @hits: how often what is kept of it was fresh
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
void p2pdma_stats_mapped(struct p2pdma_stats *stats, enum p2pdma_kind kind,
			 u64 bytes);
void p2pdma_stats_refused(struct p2pdma_stats *stats,
			  enum pci_p2pdma_reason reason);
bool p2pdma_stats_report(struct p2pdma_stats *stats,
			 enum pci_p2pdma_reason reason);
void p2pdma_stats_sum(struct p2pdma_stats *stats, struct p2pdma_counts *counts);

/* fabric.c: the path between two devices, and what ACS does on it */

/* Names a PCI function without holding it. */
struct p2pdma_name {
	bool valid;
	int domain;
	u16 id;
};

#define P2PDMA_NAME_LEN 20	/* as text, with its zero byte */

/* What becomes of a request at the port where the paths diverge. */
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
 * struct p2pdma_path - the way from a client to a provider
 * @client: where it starts
 * @provider: where it ends
 * @common: the lowest port above both; NULL if they meet in a root complex, so
 *	that the path crosses the host bridge
 * @same_function: @client and @provider are one function
 * @in_switch: the paths diverge between downstream ports of a switch; else inside
 *	a device or on a shared bus, which is not the fabric's affair
 * @client_side: ACS where the paths diverge, on the client's side (@in_switch)
 * @provider_side: the same on the provider's side
 * @client_drops: unless @in_switch, the client's own egress control drops its
 *	untranslated requests to the provider
 * @completion_up: read completions from the provider are redirected, or have to
 *	leave a device as one of the two is behind a function of it
 * @conventional: the first bridge on the path that is not PCI Express
 * @redirecting: unless @in_switch, a bridge that is one of the functions between
 *	which it is, or the first function or port with an ACS bit that may redirect
 * @no_forwarding: the first downstream port above the divergence, the root port
 *	included, at which a request for what is below it does not get up
 * @no_completions: the same of a completion
 * @not_decoding: the bridge or function on the way down that does not decode
 *	memory addresses, up to below @common
 * @not_decoding_above: the one of @common and the ports above that a request
 *	from the root complex meets first
 * @distance: hops up to @common and down again, or all up to both root buses
 *
 * Pointers are good for as long as the caller holds client and provider.
 */
struct p2pdma_path {
	struct pci_dev *client;
	struct pci_dev *provider;
	struct pci_dev *common;
	bool same_function;
	bool in_switch;
	struct p2pdma_acs_port client_side;
	struct p2pdma_acs_port provider_side;
	bool client_drops;
	bool completion_up;
	struct pci_dev *conventional;
	struct pci_dev *redirecting;
	struct pci_dev *no_forwarding;
	struct pci_dev *no_completions;
	struct pci_dev *not_decoding;
	struct pci_dev *not_decoding_above;
	int distance;
};

/* What a function or port is on a path; see p2pdma_path_hops(). */
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
 * @role: what it is there
 * @pdev: the function or port
 * @asleep: it, or a port above it, cannot answer: nothing that follows was read
 * @acs_cap: ACS Capability register; negative if there is none or it cannot be
 *	read
 * @acs_ctrl: likewise the ACS Control register
 * @egress: whether its egress vector names the other side; negative where that is
 *	not looked at
 * @memory: it decodes memory addresses
 * @master: it may send requests
 */
struct p2pdma_hop {
	enum p2pdma_role role;
	struct pci_dev *pdev;
	bool asleep;
	int acs_cap;
	int acs_ctrl;
	int egress;
	bool memory;
	bool master;
};

void p2pdma_path_init(struct p2pdma_path *path, struct pci_dev *client,
		      struct pci_dev *provider);
void p2pdma_path_hops(struct pci_dev *client, struct pci_dev *provider,
		      void (*fn)(const struct p2pdma_hop *hop, void *data),
		      void *data);
void p2pdma_path_shape(struct p2pdma_path *path, struct pci_dev *client,
		       struct pci_dev *provider);
int p2pdma_path_distance(struct pci_dev *client, struct pci_dev *provider);
enum p2pdma_acs_request p2pdma_acs_request(u16 ctrl, bool egress);
bool p2pdma_decodes_memory(struct pci_dev *pdev);
bool p2pdma_can_forward(struct pci_dev *port);
void p2pdma_path_redirectors(const struct p2pdma_path *path, struct seq_buf *s);
struct pci_dev *p2pdma_path_asleep(struct pci_dev *provider);

/* bridges.c: what is known of host bridges, and of the machine */

struct pci_dev *p2pdma_bridge_function(struct pci_host_bridge *host);
bool p2pdma_bridge_listed(struct pci_host_bridge *host, bool same_bridge,
			  bool warn);
bool p2pdma_cpu_listed(void);
bool p2pdma_is_guest(void);

/* policy.c: what the administrator allows */

enum p2pdma_mode {
	P2PDMA_AUTO,
	P2PDMA_OFF,
	P2PDMA_SWITCH,
	P2PDMA_HOST,
};

const char *p2pdma_mode_name(enum p2pdma_mode mode);

struct p2pdma_policy;

struct p2pdma_policy *p2pdma_policy_parse(const char *text, char *error,
					  size_t size);
void p2pdma_policy_free(struct p2pdma_policy *policy);
enum p2pdma_mode p2pdma_policy_mode(const struct p2pdma_policy *policy);
void p2pdma_policy_show(const struct p2pdma_policy *policy, struct seq_buf *s);
bool p2pdma_policy_denies(const struct p2pdma_policy *policy,
			  struct pci_dev *pdev);

/* A policy, and the host bridges that its trust= entries stand for now. */
struct p2pdma_in_force;

const struct p2pdma_in_force *p2pdma_in_force(void);
enum p2pdma_mode p2pdma_mode(const struct p2pdma_in_force *now);
bool p2pdma_denied(const struct p2pdma_in_force *now, struct pci_dev *pdev);
bool p2pdma_admin_trusts(const struct p2pdma_in_force *now,
			 struct pci_host_bridge *host, bool reads);
int p2pdma_policy_set(const char *text);
char *p2pdma_policy_get(void);
void p2pdma_policy_device_changed(struct pci_dev *pdev);

/* routes.c: the verdict, and its reason */

/**
 * struct p2pdma_facts - all that the decision looks at, for one direction
 * @mode: of the policy
 * @denied: client or provider is named in deny=
 * @not_pci: the client is not a PCI function
 * @unreachable: provider going, asleep, disconnected or not decoding
 * @must_bounce: the client may only use bounce buffers
 * @same_function: the client's own memory
 * @obstacles: bit per &enum pci_p2pdma_reason that keeps the route from being
 *	direct
 * @translated: an IOMMU translates the client's requests
 * @crosses: the fabric takes the client's untranslated request across
 * @blocked: the fabric loses the client's untranslated transfer, unless it goes
 *	straight across, or takes it elsewhere
 * @stuck: it loses a translated one
 * @no_dma: the client cannot do DMA at all
 * @no_host: nothing maps the memory for the client through the host bridge
 * @host_mask: the address that an untranslated client would use through the host
 *	bridge does not fit its mask
 * @trusted: the host bridges forward in this direction
 * @bus_unknown: the mapping is of a single address, and an unmap could not tell a
 *	bus address
 */
struct p2pdma_facts {
	enum p2pdma_mode mode;
	bool denied;
	bool not_pci;
	bool unreachable;
	bool must_bounce;
	bool same_function;
	unsigned long obstacles;
	bool translated;
	bool crosses;
	bool blocked;
	bool stuck;
	bool no_dma;
	bool no_host;
	bool host_mask;
	bool trusted;
	bool bus_unknown;
};

/**
 * struct p2pdma_kept - what is kept for one client and provider
 * @node: in the table of all
 * @rcu: for freeing
 * @client: the client; compared, and only followed by who holds it
 * @provider: the provider; likewise
 * @owner: the provider's function; likewise
 * @client_name: name of @client, to be shown
 * @owner_name: name of @owner
 * @bar: BAR of @provider
 * @generation: when it was gathered
 * @distance: hops
 * @same_bridge: both are below one host bridge
 * @facts: by kind of transfer; what may change without notice is left out
 * @blocked_at: by kind of transfer, where &p2pdma_facts.blocked applies
 * @stuck_at: the same for &p2pdma_facts.stuck
 * @port: by obstacle, the port that stands in the way
 * @not_decoding: on the way to the provider
 * @stats: counters; handed on when it is gathered anew.  NULL without memory, and
 *	in what is gathered and not kept
 */
struct p2pdma_kept {
	struct hlist_node node;
	struct rcu_head rcu;
	struct pci_dev *client;
	struct p2pdma_provider *provider;
	struct device *owner;
	struct p2pdma_name client_name;
	struct p2pdma_name owner_name;
	int bar;
	int generation;
	int distance;
	bool same_bridge;
	struct p2pdma_facts facts[P2PDMA_NR_KINDS];
	struct p2pdma_name blocked_at[P2PDMA_NR_KINDS];
	struct p2pdma_name stuck_at[P2PDMA_NR_KINDS];
	struct p2pdma_name port[PCI_P2PDMA_DMA_MASK + 1];
	struct p2pdma_name not_decoding;
	struct p2pdma_stats *stats;
};

/* How often what is kept of a pair was asked for, and what was found. */
struct p2pdma_lookups {
	unsigned long hits;
	unsigned long misses;
	unsigned long stale;
};

enum pci_p2pdma_reason p2pdma_decide(const struct p2pdma_facts *facts,
				     enum pci_p2pdma_map_type *type);
void p2pdma_routes_forget(struct device *dev);
void p2pdma_routes_forget_provider(struct p2pdma_provider *provider);
void p2pdma_routes_examine(struct p2pdma_provider *provider,
			   struct pci_dev *client, enum p2pdma_kind kind,
			   struct p2pdma_kept *fresh,
			   struct p2pdma_facts *facts,
			   struct pci_p2pdma_route *route);
void p2pdma_routes_each_kept(void (*fn)(const struct p2pdma_kept *kept,
					void *data), void *data);
bool p2pdma_routes_counts(struct pci_dev *client,
			  struct p2pdma_provider *provider,
			  struct p2pdma_counts *counts);
void p2pdma_routes_lookups(struct p2pdma_lookups *lookups);
struct pci_dev *p2pdma_pci_parent(struct device *dev);
void p2pdma_name_text(const struct p2pdma_name *name, char *text);
void p2pdma_route_bridge(const struct pci_p2pdma_route *route, char *text);

#if IS_ENABLED(CONFIG_KUNIT)
/* debugfs.c, for tests: what the files give */
struct seq_file;

int p2pdma_providers_show(struct seq_file *m, void *unused);
int p2pdma_path_answer(char *query, char **text);
int p2pdma_cache_show(struct seq_file *m, void *unused);
#endif

/* fence.c and bio.c: where peer memory must not be taken for RAM */

struct p2pdma_provider *p2pdma_touched(struct pci_p2pdma_cursor *cursor,
				       phys_addr_t phys, size_t size);
void p2pdma_io_read(void *to, const void *from, size_t len);
void p2pdma_io_write(void *to, const void *from, size_t len);
void p2pdma_io_zero(void *to, size_t len);
void p2pdma_miter_warn(struct p2pdma_provider *provider, unsigned long caller);
void p2pdma_virt_warn(struct p2pdma_provider *provider, unsigned long caller);

#endif /* DRIVERS_PCI_P2PDMA_H */
