/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the P2PDMA core know of each other.
 *
 * Calls go one way: sysfs and pool -> routes -> policy, fabric, bars -> providers.
 */
#ifndef DRIVERS_PCI_P2PDMA_H
#define DRIVERS_PCI_P2PDMA_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/list.h>
#include <linux/pci-p2pdma.h>

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
void p2pdma_routes_invalidate(void);
int p2pdma_generation(void);

/* bars.c: whose BAR an address is in, registered or not */

struct p2pdma_provider *p2pdma_bar_of_phys(phys_addr_t phys, size_t size);
void p2pdma_bars_removed(struct pci_dev *pdev);

/* fabric.c: the path between two devices, and what ACS does on it */

/* Names a PCI function without holding it. */
struct p2pdma_name {
	bool valid;
	int domain;
	u16 id;
};

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
 * @completion_up: read completions from the provider are redirected
 * @conventional: the first bridge on the path that is not PCI Express
 * @redirecting: unless @in_switch, the first function or port with an ACS bit
 *	that may redirect
 * @no_forwarding: the first downstream port above the divergence, the root port
 *	included, that does not send up what targets its own window
 * @not_decoding: the bridge or function on the way down that does not decode
 *	memory addresses, up to below @common
 * @not_decoding_above: the same from @common up
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
	struct pci_dev *not_decoding;
	struct pci_dev *not_decoding_above;
	int distance;
};

void p2pdma_path_init(struct p2pdma_path *path, struct pci_dev *client,
		      struct pci_dev *provider);
int p2pdma_path_distance(struct pci_dev *client, struct pci_dev *provider);
enum p2pdma_acs_request p2pdma_acs_request(u16 ctrl, bool egress);
void p2pdma_path_redirectors(const struct p2pdma_path *path, struct seq_buf *s);
struct pci_dev *p2pdma_path_asleep(struct pci_dev *provider);

/* bridges.c: what is known of host bridges, and of the machine */

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
 * @blocked: the fabric loses an untranslated transfer on its way over the root
 *	complex, or takes it elsewhere
 * @stuck: it loses even a translated one
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

enum pci_p2pdma_reason p2pdma_decide(const struct p2pdma_facts *facts,
				     enum pci_p2pdma_map_type *type);
void p2pdma_routes_forget(struct device *owner);

#endif /* DRIVERS_PCI_P2PDMA_H */
