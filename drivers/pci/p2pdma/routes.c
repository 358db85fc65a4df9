// SPDX-License-Identifier: GPL-2.0
/*
 * Routes: how a client reaches a provider, and why.
 *
 * Everything that needs to know asks here: the mapping loops, the distance that
 * drivers ask for, and what people are shown.
 *
 * A verdict is made in two steps.  What rests on topology, ACS and policy is
 * gathered into facts, one set for posted writes and one for transfers that
 * include reads, and kept for each pair of client and provider.  The kept facts
 * carry the generation in which they were gathered; whatever may change them
 * moves the generation on.  The second step adds what may change without notice
 * (the client's DMA mask, its IOMMU domain, power states) and decides.  The
 * decision is a function of the facts alone.
 */
#define pr_fmt(fmt) "pci-p2pdma: " fmt

#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/hashtable.h>
#include <linux/init.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "../pci.h"
#include "p2pdma.h"
#include "trace.h"

#define P2PDMA_OBSTACLES \
	GENMASK(PCI_P2PDMA_DMA_MASK, PCI_P2PDMA_NO_COMMON_PORT)

#define P2PDMA_ACS_OBSTACLES \
	(BIT(PCI_P2PDMA_ACS_REQUEST) | BIT(PCI_P2PDMA_ACS_COMPLETION) | \
	 BIT(PCI_P2PDMA_MULTIFUNCTION))

/* Refusals that would not be if ACS did not redirect. */
#define P2PDMA_ACS_REASONS \
	(BIT(PCI_P2PDMA_POLICY_SWITCH) | BIT(PCI_P2PDMA_FABRIC_BLOCKED) | \
	 BIT(PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED))

static const char * const p2pdma_reason_names[PCI_P2PDMA_NR_REASONS] = {
	[PCI_P2PDMA_DIRECT]			= "direct",
	[PCI_P2PDMA_SAME_FUNCTION]		= "same-function",
	[PCI_P2PDMA_NO_COMMON_PORT]		= "no-common-port",
	[PCI_P2PDMA_CONVENTIONAL_PCI]		= "conventional-pci",
	[PCI_P2PDMA_UNTRUSTED_CLIENT]		= "untrusted-client",
	[PCI_P2PDMA_VIRTUALISED]		= "virtualised",
	[PCI_P2PDMA_ACS_REQUEST]		= "acs-request",
	[PCI_P2PDMA_ACS_COMPLETION]		= "acs-completion",
	[PCI_P2PDMA_MULTIFUNCTION]		= "multifunction",
	[PCI_P2PDMA_DMA_MASK]			= "dma-mask",
	[PCI_P2PDMA_POLICY_OFF]			= "policy-off",
	[PCI_P2PDMA_DENIED]			= "denied",
	[PCI_P2PDMA_NOT_PCI]			= "not-pci",
	[PCI_P2PDMA_PROVIDER_UNREACHABLE]	= "provider-unreachable",
	[PCI_P2PDMA_MUST_BOUNCE]		= "must-bounce",
	[PCI_P2PDMA_POLICY_SWITCH]		= "policy-switch",
	[PCI_P2PDMA_POLICY_HOST]		= "policy-host",
	[PCI_P2PDMA_FABRIC_BLOCKED]		= "fabric-blocked",
	[PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED]	= "host-bridge-untrusted",
	[PCI_P2PDMA_WINDOW_UNRESERVED]		= "window-unreserved",
	[PCI_P2PDMA_UNMAPPABLE]			= "unmappable",
};

/**
 * pci_p2pdma_reason_name - the word for a reason
 * @reason: the reason
 *
 * Return: the word, as p2pdma_routes shows it.
 */
const char *pci_p2pdma_reason_name(enum pci_p2pdma_reason reason)
{
	return p2pdma_reason_names[reason];
}
EXPORT_SYMBOL_GPL(pci_p2pdma_reason_name);

/**
 * pci_p2pdma_map_type_name - the word for a verdict
 * @type: the verdict
 *
 * Return: the word, as p2pdma_routes shows it.
 */
const char *pci_p2pdma_map_type_name(enum pci_p2pdma_map_type type)
{
	switch (type) {
	case PCI_P2PDMA_MAP_BUS_ADDR:
		return "bus-address";
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		return "through-host-bridge";
	default:
		return "not-supported";
	}
}
EXPORT_SYMBOL_GPL(pci_p2pdma_map_type_name);

/* Unless an unmap could not tell the bus address for what it is. */
static enum pci_p2pdma_reason p2pdma_bus_address(const struct p2pdma_facts *facts,
						 enum pci_p2pdma_reason reason,
						 enum pci_p2pdma_map_type *type)
{
	if (facts->bus_unknown)
		return PCI_P2PDMA_WINDOW_UNRESERVED;
	*type = PCI_P2PDMA_MAP_BUS_ADDR;
	return reason;
}

/**
 * p2pdma_decide - the route decision
 * @facts: all that it rests on
 * @type: set to the verdict
 *
 * The first condition that holds decides.
 *
 * Return: the reason.
 */
enum pci_p2pdma_reason p2pdma_decide(const struct p2pdma_facts *facts,
				     enum pci_p2pdma_map_type *type)
{
	unsigned long obstacles = facts->obstacles & P2PDMA_OBSTACLES;

	*type = PCI_P2PDMA_MAP_NOT_SUPPORTED;
	if (facts->mode == P2PDMA_OFF)
		return PCI_P2PDMA_POLICY_OFF;
	if (facts->denied)
		return PCI_P2PDMA_DENIED;
	if (facts->not_pci)
		return PCI_P2PDMA_NOT_PCI;
	if (facts->unreachable)
		return PCI_P2PDMA_PROVIDER_UNREACHABLE;
	if (facts->must_bounce)
		return PCI_P2PDMA_MUST_BOUNCE;
	if (facts->no_dma)
		return PCI_P2PDMA_UNMAPPABLE;

	if (facts->same_function) {
		if (obstacles & BIT(PCI_P2PDMA_DMA_MASK))
			return PCI_P2PDMA_DMA_MASK;
		return p2pdma_bus_address(facts, PCI_P2PDMA_SAME_FUNCTION,
					  type);
	}
	if (!obstacles && facts->mode != P2PDMA_HOST)
		return p2pdma_bus_address(facts, PCI_P2PDMA_DIRECT, type);
	if (facts->mode == P2PDMA_SWITCH)
		return PCI_P2PDMA_POLICY_SWITCH;

	if (facts->translated) {
		if (facts->stuck)
			return PCI_P2PDMA_FABRIC_BLOCKED;
	} else {
		if (facts->crosses && facts->mode == P2PDMA_HOST)
			return PCI_P2PDMA_POLICY_HOST;
		if (facts->crosses &&
		    (obstacles & BIT(PCI_P2PDMA_UNTRUSTED_CLIENT)))
			return PCI_P2PDMA_UNTRUSTED_CLIENT;
		if (facts->blocked)
			return PCI_P2PDMA_FABRIC_BLOCKED;
		if (facts->host_mask)
			return PCI_P2PDMA_DMA_MASK;
	}
	if (facts->no_host)
		return PCI_P2PDMA_UNMAPPABLE;
	if (!facts->trusted)
		return PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED;

	*type = PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
	return obstacles ? __ffs(obstacles) : PCI_P2PDMA_POLICY_HOST;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_decide);

/*
 * What is kept.
 */

static DEFINE_HASHTABLE(p2pdma_kept_table, 10);
static DEFINE_SPINLOCK(p2pdma_kept_lock);	/* writers of the table */

static DEFINE_PER_CPU(struct p2pdma_lookups, p2pdma_lookups);

static u32 p2pdma_kept_hash(struct pci_dev *client,
			    struct p2pdma_provider *provider)
{
	return hash_ptr(client, 32) ^ hash_ptr(provider, 31);
}

/**
 * pci_p2pdma_config_written - configuration space has been written
 * @where: first register
 * @size: bytes
 *
 * Moves the generation on for what routes may rest on: memory decoding, bus
 * numbers and windows in the header, and ACS in extended configuration space.
 *
 * Context: any.
 */
void pci_p2pdma_config_written(int where, int size)
{
	if (where >= PCI_CFG_SPACE_SIZE ||
	    (where < PCI_COMMAND + 2 && where + size > PCI_COMMAND) ||
	    (where < PCI_CAPABILITY_LIST && where + size > PCI_BASE_ADDRESS_0))
		p2pdma_routes_invalidate(P2PDMA_BY_CONFIG_WRITE);
}

static struct p2pdma_name p2pdma_name(struct pci_dev *pdev)
{
	if (!pdev)
		return (struct p2pdma_name) {};
	return (struct p2pdma_name) {
		.valid = true,
		.domain = pci_domain_nr(pdev->bus),
		.id = pci_dev_id(pdev),
	};
}

/**
 * p2pdma_name_text - write the name of a function
 * @name: the function; not valid for none
 * @text: gets the name, or "-"; %P2PDMA_NAME_LEN bytes
 */
void p2pdma_name_text(const struct p2pdma_name *name, char *text)
{
	if (!name->valid)
		strscpy(text, "-", P2PDMA_NAME_LEN);
	else
		snprintf(text, P2PDMA_NAME_LEN, "%04x:%02x:%02x.%d",
			 name->domain, PCI_BUS_NUM(name->id),
			 PCI_SLOT(name->id & 0xff), PCI_FUNC(name->id & 0xff));
}

static void p2pdma_route_set_bridge(struct pci_p2pdma_route *route,
				    const struct p2pdma_name *port)
{
	route->has_bridge = port->valid;
	route->bridge_domain = port->domain;
	route->bridge_id = port->id;
}

/**
 * p2pdma_route_bridge - write the name of the port that decided
 * @route: the route
 * @text: gets the name, or "-" if no single one did; %P2PDMA_NAME_LEN bytes
 */
void p2pdma_route_bridge(const struct pci_p2pdma_route *route, char *text)
{
	const struct p2pdma_name name = {
		.valid = route->has_bridge,
		.domain = route->bridge_domain,
		.id = route->bridge_id,
	};

	p2pdma_name_text(&name, text);
}

static bool p2pdma_bridges_trusted(const struct p2pdma_in_force *now,
				   struct pci_host_bridge *client,
				   struct pci_host_bridge *provider, bool reads)
{
	bool same = client == provider;

	return (p2pdma_bridge_listed(client, same, false) ||
		p2pdma_admin_trusts(now, client, reads)) &&
	       (same || p2pdma_bridge_listed(provider, false, false) ||
		p2pdma_admin_trusts(now, provider, reads));
}

/*
 * Would the address by which an untranslated client reaches another bridge's
 * memory be taken for one below its own bridge?
 */
static bool p2pdma_host_addr_taken(struct p2pdma_provider *provider,
				   struct pci_dev *client)
{
	struct pci_host_bridge *host = pci_find_host_bridge(client->bus);
	struct p2pdma_mem *mem = to_p2pdma_mem(provider);
	struct resource_entry *window;
	dma_addr_t first, last;

	first = dma_p2pdma_host_addr(&client->dev, provider, false, mem->first);
	last = dma_p2pdma_host_addr(&client->dev, provider, false, mem->last);

	resource_list_for_each_entry(window, &host->windows)
		if (resource_type(window->res) == IORESOURCE_MEM &&
		    first <= window->res->end - window->offset &&
		    last >= window->res->start - window->offset)
			return true;
	return false;
}

/* What the fabric does to one kind of transfer. */
static void p2pdma_gather_fabric(const struct p2pdma_path *path, bool reads,
				 struct p2pdma_kept *kept)
{
	struct p2pdma_facts *facts = &kept->facts[reads];
	bool completion_up = reads && path->completion_up;
	struct pci_dev *completion_stops = completion_up ? path->no_completions :
							   NULL;
	struct pci_dev *request_stops = NULL;
	bool up = false, dropped = false;

	if (path->same_function)
		return;

	if (!path->common)
		facts->obstacles |= BIT(PCI_P2PDMA_NO_COMMON_PORT);
	if (path->conventional)
		facts->obstacles |= BIT(PCI_P2PDMA_CONVENTIONAL_PCI);
	if (path->client->untrusted)
		facts->obstacles |= BIT(PCI_P2PDMA_UNTRUSTED_CLIENT);
	if (!path->common)
		return;

	if (path->in_switch) {
		switch (p2pdma_acs_request(path->client_side.ctrl,
					   path->client_side.egress)) {
		case P2PDMA_ACS_UP:
			up = true;
			break;
		case P2PDMA_ACS_DROPPED:
			dropped = true;
			break;
		case P2PDMA_ACS_ACROSS:
			break;
		}
		if (up || dropped)
			facts->obstacles |= BIT(PCI_P2PDMA_ACS_REQUEST);
		if (completion_up)
			facts->obstacles |= BIT(PCI_P2PDMA_ACS_COMPLETION);
		facts->crosses = !up && !dropped;
	} else {
		if (path->redirecting) {
			facts->obstacles |= BIT(PCI_P2PDMA_MULTIFUNCTION);
			dropped = path->client_drops;
			up = true;
		}
		/* Whether they cross inside a device nobody knows. */
		facts->crosses = true;
	}

	/*
	 * A request that was sent up is lost on its way up or down.  A completion
	 * is routed by requester ID, and comes down through ports that do not
	 * decode memory addresses.
	 */
	if (dropped)
		request_stops = path->client_side.port ?: path->client;
	else if (up)
		request_stops = path->no_forwarding ?: path->not_decoding_above;
	kept->blocked_at[reads] = p2pdma_name(request_stops ?: completion_stops);
	facts->blocked = kept->blocked_at[reads].valid;

	/* A translated request always goes up, and is for nobody below. */
	kept->stuck_at[reads] = p2pdma_name(path->not_decoding_above ?:
					    completion_stops);
	facts->stuck = kept->stuck_at[reads].valid;
}

/* In an RCU read-side section, for the policy. */
static void p2pdma_gather(struct p2pdma_kept *kept)
{
	struct pci_dev *client = kept->client;
	struct pci_dev *provider = to_pci_dev(kept->provider->owner);
	struct pci_host_bridge *client_host = pci_find_host_bridge(client->bus);
	struct pci_host_bridge *provider_host =
		pci_find_host_bridge(provider->bus);
	const struct p2pdma_in_force *now = p2pdma_in_force();
	struct p2pdma_path path;
	int kind;

	p2pdma_path_init(&path, client, provider);
	kept->distance = path.distance;
	kept->same_bridge = client_host == provider_host;

	kept->port[PCI_P2PDMA_CONVENTIONAL_PCI] = p2pdma_name(path.conventional);
	kept->port[PCI_P2PDMA_ACS_REQUEST] = p2pdma_name(path.client_side.port);
	kept->port[PCI_P2PDMA_ACS_COMPLETION] =
		p2pdma_name(path.provider_side.port);
	kept->port[PCI_P2PDMA_MULTIFUNCTION] = p2pdma_name(path.redirecting);
	kept->not_decoding = p2pdma_name(path.not_decoding);

	for (kind = P2PDMA_WRITES; kind <= P2PDMA_READS; kind++) {
		struct p2pdma_facts *facts = &kept->facts[kind];

		facts->mode = p2pdma_mode(now);
		facts->denied = p2pdma_denied(now, client) ||
				p2pdma_denied(now, provider);
		facts->unreachable = path.not_decoding;
		facts->same_function = path.same_function;
		facts->trusted = p2pdma_bridges_trusted(now, client_host,
							provider_host,
							kind == P2PDMA_READS);
		facts->blocked = !kept->same_bridge &&
				 p2pdma_host_addr_taken(kept->provider, client);
		p2pdma_gather_fabric(&path, kind == P2PDMA_READS, kept);
	}
}

/* What is kept for a pair, stale or not; in an RCU read-side section. */
static struct p2pdma_kept *p2pdma_kept_find(struct pci_dev *client,
					    struct p2pdma_provider *provider)
{
	u32 hash = p2pdma_kept_hash(client, provider);
	struct p2pdma_kept *kept;

	hash_for_each_possible_rcu(p2pdma_kept_table, kept, node, hash,
				   lockdep_is_held(&p2pdma_kept_lock))
		if (kept->client == client && kept->provider == provider &&
		    kept->owner == provider->owner)
			return kept;
	return NULL;
}

/* Does a provider stay until p2pdma_routes_forget()?  Only then is it kept by. */
static bool p2pdma_mem_lasts(const struct p2pdma_mem *mem)
{
	return mem->registered || mem->indexed;
}

/*
 * Keep a copy of what has been gathered, with the counters of what was kept before.
 * Without memory it is not kept.
 */
static void p2pdma_kept_store(const struct p2pdma_kept *fresh)
{
	struct p2pdma_kept *kept, *old;
	unsigned long flags;

	kept = kmemdup(fresh, sizeof(*fresh), GFP_ATOMIC | __GFP_NOWARN);
	if (!kept)
		return;

	spin_lock_irqsave(&p2pdma_kept_lock, flags);
	old = p2pdma_kept_find(kept->client, kept->provider);
	kept->stats = (old ? old->stats : NULL) ?: p2pdma_stats_alloc();
	if (old) {
		hash_del_rcu(&old->node);
		kfree_rcu(old, rcu);
	}
	hash_add_rcu(p2pdma_kept_table, &kept->node,
		     p2pdma_kept_hash(kept->client, kept->provider));
	spin_unlock_irqrestore(&p2pdma_kept_lock, flags);
}

static void p2pdma_kept_init(struct p2pdma_kept *kept, struct pci_dev *client,
			     struct p2pdma_provider *provider, int generation)
{
	*kept = (struct p2pdma_kept) {
		.client = client,
		.provider = provider,
		.owner = provider->owner,
		.client_name = p2pdma_name(client),
		.owner_name = p2pdma_name(to_pci_dev(provider->owner)),
		.bar = to_p2pdma_mem(provider)->bar,
		.generation = generation,
	};
}

/*
 * The current facts for a pair: what is kept, or @fresh with facts gathered anew.
 * In an RCU read-side section.
 */
static const struct p2pdma_kept *p2pdma_kept_get(struct pci_dev *client,
						 struct p2pdma_provider *provider,
						 struct p2pdma_kept *fresh)
{
	int generation = p2pdma_generation();
	const struct p2pdma_kept *kept = p2pdma_kept_find(client, provider);

	if (kept && kept->generation == generation) {
		this_cpu_inc(p2pdma_lookups.hits);
		if (kept->stats)
			p2pdma_stats_hit(kept->stats);
		return kept;
	}

	if (kept)
		this_cpu_inc(p2pdma_lookups.stale);
	else
		this_cpu_inc(p2pdma_lookups.misses);
	p2pdma_kept_init(fresh, client, provider, generation);
	p2pdma_gather(fresh);
	if (p2pdma_mem_lasts(to_p2pdma_mem(provider)))
		p2pdma_kept_store(fresh);
	return fresh;
}

/*
 * The counters of a pair for which perhaps nothing has been gathered yet, as what
 * is asleep is not read; NULL without memory.  In an RCU read-side section.
 */
static struct p2pdma_stats *p2pdma_kept_stats(struct pci_dev *client,
					      struct p2pdma_provider *provider)
{
	struct p2pdma_kept *kept = p2pdma_kept_find(client, provider);
	struct p2pdma_kept stale;

	if (!kept && p2pdma_mem_lasts(to_p2pdma_mem(provider))) {
		p2pdma_kept_init(&stale, client, provider,
				 p2pdma_generation() - 1);
		p2pdma_kept_store(&stale);
		kept = p2pdma_kept_find(client, provider);
	}
	return kept ? kept->stats : NULL;
}

/* For refusals that nobody remembers, for want of memory. */
static DEFINE_RATELIMIT_STATE(p2pdma_unkept, DEFAULT_RATELIMIT_INTERVAL,
			      DEFAULT_RATELIMIT_BURST);

/* Is this the first refusal of a pair for a reason? */
static bool p2pdma_kept_report(struct pci_dev *client,
			       struct p2pdma_provider *provider,
			       enum pci_p2pdma_reason reason)
{
	struct p2pdma_stats *stats;

	guard(rcu)();
	stats = p2pdma_kept_stats(client, provider);
	return stats ? p2pdma_stats_report(stats, reason) :
		       __ratelimit(&p2pdma_unkept);
}

/* Drop what is kept of a device, as client and as provider, or of a provider. */
static void p2pdma_kept_forget(const struct device *dev,
			       const struct p2pdma_provider *provider)
{
	struct hlist_node *next;
	struct p2pdma_kept *kept;
	unsigned long flags;
	int i;

	for (i = 0; i < HASH_SIZE(p2pdma_kept_table); i++) {
		spin_lock_irqsave(&p2pdma_kept_lock, flags);
		hlist_for_each_entry_safe(kept, next, &p2pdma_kept_table[i],
					  node) {
			if (&kept->client->dev != dev && kept->owner != dev &&
			    kept->provider != provider)
				continue;
			hash_del_rcu(&kept->node);
			p2pdma_stats_free(kept->stats);
			kfree_rcu(kept, rcu);
		}
		spin_unlock_irqrestore(&p2pdma_kept_lock, flags);
	}
}

/**
 * p2pdma_routes_forget - drop what is kept for a device that is no longer there
 * @dev: the device, as client and as provider
 *
 * Context: any.
 */
void p2pdma_routes_forget(struct device *dev)
{
	p2pdma_routes_invalidate(P2PDMA_BY_DEVICE_REMOVED);
	p2pdma_kept_forget(dev, NULL);
}

/**
 * p2pdma_routes_forget_provider - drop what is kept for a BAR that is no longer
 *	peer memory
 * @provider: the provider
 *
 * Context: any.
 */
void p2pdma_routes_forget_provider(struct p2pdma_provider *provider)
{
	p2pdma_routes_invalidate(P2PDMA_BY_PROVIDER_REMOVED);
	p2pdma_kept_forget(NULL, provider);
}

/**
 * p2pdma_routes_each_kept - look at all that is kept
 * @fn: called for each pair, in no particular order; must not sleep
 * @data: for @fn
 *
 * What is kept names devices that may be gone: do not follow its pointers.
 *
 * Context: any.
 */
void p2pdma_routes_each_kept(void (*fn)(const struct p2pdma_kept *kept,
					void *data), void *data)
{
	struct p2pdma_kept *kept;
	int i;

	guard(rcu)();
	hash_for_each_rcu(p2pdma_kept_table, i, kept, node)
		fn(kept, data);
}

/**
 * p2pdma_routes_lookups - how often what is kept was asked for
 * @lookups: filled in, with the numbers since boot
 *
 * Context: any.
 */
void p2pdma_routes_lookups(struct p2pdma_lookups *lookups)
{
	int cpu;

	*lookups = (struct p2pdma_lookups) {};
	for_each_possible_cpu(cpu) {
		struct p2pdma_lookups *part = per_cpu_ptr(&p2pdma_lookups, cpu);

		lookups->hits += READ_ONCE(part->hits);
		lookups->misses += READ_ONCE(part->misses);
		lookups->stale += READ_ONCE(part->stale);
	}
}

/*
 * Counting.
 */

/**
 * pci_p2pdma_tally_add - add DMA segments to a tally
 * @tally: of one mapping
 * @provider: whose memory they are, or NULL for RAM
 * @type: its route; of no account for RAM
 * @segments: how many DMA segments
 * @bytes: bytes in them
 *
 * Context: any.
 */
void pci_p2pdma_tally_add(struct pci_p2pdma_tally *tally,
			  struct p2pdma_provider *provider,
			  enum pci_p2pdma_map_type type, unsigned int segments,
			  u64 bytes)
{
	unsigned int i;

	if (!provider) {
		tally->ram += segments;
		tally->ram_bytes += bytes;
		return;
	}
	if (type == PCI_P2PDMA_MAP_BUS_ADDR) {
		tally->bus += segments;
		tally->bus_bytes += bytes;
	} else {
		tally->host += segments;
		tally->host_bytes += bytes;
	}

	for (i = 0; i < tally->providers; i++)
		if (tally->peer[i].provider == provider)
			break;
	if (i == PCI_P2PDMA_TALLY_PROVIDERS)
		return;
	if (i == tally->providers) {
		tally->peer[i].provider = provider;
		tally->providers++;
	}
	tally->peer[i].bytes += bytes;
}

/**
 * pci_p2pdma_mapped - peer memory has been mapped
 * @dev: the device that it is mapped for
 * @dir: direction of the transfer
 * @tally: what the mapping is made of
 *
 * Counts it for each provider, and tells who traces.
 *
 * Context: any.
 */
void pci_p2pdma_mapped(struct device *dev, enum dma_data_direction dir,
		       const struct pci_p2pdma_tally *tally)
{
	const struct p2pdma_kept *kept;
	unsigned int i;

	trace_p2pdma_map_sg(dev, dir, tally);

	guard(rcu)();
	for (i = 0; i < tally->providers; i++) {
		kept = p2pdma_kept_find(to_pci_dev(dev), tally->peer[i].provider);
		if (kept && kept->stats)
			p2pdma_stats_mapped(kept->stats, p2pdma_kind(dir),
					    tally->peer[i].bytes);
	}
}

/**
 * pci_p2pdma_refused - a mapping of peer memory has been refused
 * @provider: whose memory
 * @dev: the device that it was to be mapped for
 * @dir: direction of the transfer
 * @route: the route; where it leads to the memory it is the DMA layer that cannot
 *	map it
 *
 * Counts it, and tells who traces.
 *
 * Context: any.
 */
void pci_p2pdma_refused(struct p2pdma_provider *provider, struct device *dev,
			enum dma_data_direction dir,
			const struct pci_p2pdma_route *route)
{
	enum pci_p2pdma_reason reason = route->reason;
	struct p2pdma_stats *stats;

	if (route->type != PCI_P2PDMA_MAP_NOT_SUPPORTED)
		reason = PCI_P2PDMA_UNMAPPABLE;
	trace_p2pdma_refused(provider, dev, dir, reason);
	if (!dev_is_pci(dev))
		return;

	guard(rcu)();
	stats = p2pdma_kept_stats(to_pci_dev(dev), provider);
	if (stats)
		p2pdma_stats_refused(stats, reason);
}

/**
 * p2pdma_routes_counts - what a pair has counted
 * @client: the client
 * @provider: the provider
 * @counts: filled in
 *
 * Context: any; the caller holds @client, and sees to it that the provider stays.
 *
 * Return: false if nothing has been mapped or refused.
 */
bool p2pdma_routes_counts(struct pci_dev *client,
			  struct p2pdma_provider *provider,
			  struct p2pdma_counts *counts)
{
	const struct p2pdma_kept *kept;

	guard(rcu)();
	kept = p2pdma_kept_find(client, provider);
	if (!kept || !kept->stats)
		return false;
	p2pdma_stats_sum(kept->stats, counts);
	return counts->lists[P2PDMA_WRITES] || counts->lists[P2PDMA_READS] ||
	       counts->all_refused;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_routes_counts);

/*
 * The verdict.
 */

/* Add what may change without notice. */
static void p2pdma_facts_now(struct p2pdma_facts *facts,
			     const struct p2pdma_kept *kept, bool single)
{
	struct p2pdma_mem *mem = to_p2pdma_mem(kept->provider);
	u64 offset = kept->provider->bus_offset;
	struct device *dev = &kept->client->dev;
	struct dma_p2pdma_client client;
	dma_addr_t host;

	dma_p2pdma_client(dev, &client);
	facts->translated = client.translated;
	facts->must_bounce = client.must_bounce;
	facts->no_dma = client.no_dma;
	facts->no_host = client.no_host;
	facts->bus_unknown = single &&
			     !dma_p2pdma_bus_known(dev, mem->first + offset,
						   mem->last + offset);

	if (client.translated && !facts->same_function && p2pdma_is_guest())
		facts->obstacles |= BIT(PCI_P2PDMA_VIRTUALISED);
	if (mem->last + offset > dma_get_mask(dev))
		facts->obstacles |= BIT(PCI_P2PDMA_DMA_MASK);

	host = dma_p2pdma_host_addr(dev, kept->provider, kept->same_bridge,
				    mem->last);
	facts->host_mask = host == DMA_MAPPING_ERROR ||
			   host > min_not_zero(dma_get_mask(dev),
					       dev->bus_dma_limit);
}

static struct p2pdma_name p2pdma_deciding_port(const struct p2pdma_kept *kept,
					       bool reads, bool translated,
					       enum pci_p2pdma_reason reason)
{
	switch (reason) {
	case PCI_P2PDMA_CONVENTIONAL_PCI:
	case PCI_P2PDMA_ACS_REQUEST:
	case PCI_P2PDMA_ACS_COMPLETION:
	case PCI_P2PDMA_MULTIFUNCTION:
		return kept->port[reason];
	case PCI_P2PDMA_FABRIC_BLOCKED:
		return translated ? kept->stuck_at[reads] :
				    kept->blocked_at[reads];
	case PCI_P2PDMA_PROVIDER_UNREACHABLE:
		return kept->not_decoding;
	default:
		return (struct p2pdma_name) {};
	}
}

/* What a route is asked for. */
enum p2pdma_query {
	P2PDMA_QUERY_LIST,	/* a list, which remembers what unmap needs */
	P2PDMA_QUERY_SINGLE,	/* an address alone */
	P2PDMA_QUERY_LASTING,	/* a list, when the provider is awake and decodes */
};

/* The verdict on what has been gathered and what may change without notice. */
static void p2pdma_conclude(const struct p2pdma_kept *kept,
			    enum p2pdma_kind kind, enum p2pdma_query query,
			    struct p2pdma_facts *facts,
			    struct pci_p2pdma_route *route)
{
	struct p2pdma_name port;

	*facts = kept->facts[kind];
	if (query == P2PDMA_QUERY_LASTING)
		facts->unreachable = false;
	facts->unreachable |=
		atomic_read(&to_p2pdma_mem(kept->provider)->going);
	p2pdma_facts_now(facts, kept, query == P2PDMA_QUERY_SINGLE);

	*route = (struct pci_p2pdma_route) {
		.distance = kept->distance,
		.same_bridge = kept->same_bridge,
	};
	route->reason = p2pdma_decide(facts, &route->type);
	port = p2pdma_deciding_port(kept, kind, facts->translated,
				    route->reason);
	p2pdma_route_set_bridge(route, &port);
}

/* The verdict where nothing is read, as the provider is @asleep or @dev not PCI. */
static void p2pdma_conclude_unread(struct p2pdma_provider *provider,
				   struct device *dev, struct pci_dev *asleep,
				   struct p2pdma_facts *facts,
				   struct pci_p2pdma_route *route)
{
	struct pci_dev *client = dev_is_pci(dev) ? to_pci_dev(dev) : NULL;
	const struct p2pdma_in_force *now = p2pdma_in_force();
	struct pci_dev *owner = to_pci_dev(provider->owner);
	struct p2pdma_name port = p2pdma_name(asleep);

	*facts = (struct p2pdma_facts) {
		.mode = p2pdma_mode(now),
		.denied = p2pdma_denied(now, owner) ||
			  (client && p2pdma_denied(now, client)),
		.not_pci = !client,
		.unreachable = asleep,
	};
	*route = (struct pci_p2pdma_route) {
		.distance = client ? p2pdma_path_distance(client, owner) : -1,
	};
	route->reason = p2pdma_decide(facts, &route->type);
	if (route->reason == PCI_P2PDMA_PROVIDER_UNREACHABLE)
		p2pdma_route_set_bridge(route, &port);
}

static void p2pdma_query(struct p2pdma_provider *provider, struct device *dev,
			 enum dma_data_direction dir, enum p2pdma_query query,
			 struct pci_p2pdma_route *route)
{
	bool lasting = query == P2PDMA_QUERY_LASTING;
	struct pci_dev *asleep = p2pdma_path_asleep(to_pci_dev(provider->owner));
	struct p2pdma_facts facts;
	struct p2pdma_kept fresh;

	guard(rcu)();
	if (!dev_is_pci(dev) || (asleep && !lasting))
		p2pdma_conclude_unread(provider, dev, asleep, &facts, route);
	else
		p2pdma_conclude(p2pdma_kept_get(to_pci_dev(dev), provider,
						&fresh),
				p2pdma_kind(dir), query, &facts, route);
}

/**
 * p2pdma_routes_examine - the route, and all that it rests on
 * @provider: whose memory
 * @client: the client
 * @kind: kind of transfer
 * @fresh: filled in with what was gathered; unless the provider is asleep, when
 *	only who it is about is in there
 * @facts: filled in with what was looked at
 * @route: filled in with the route
 *
 * Everything is gathered anew; what is kept is neither looked at nor changed.
 *
 * Context: any; reads configuration space.  The caller holds @client, and sees to
 * it that the provider stays.
 */
void p2pdma_routes_examine(struct p2pdma_provider *provider,
			   struct pci_dev *client, enum p2pdma_kind kind,
			   struct p2pdma_kept *fresh,
			   struct p2pdma_facts *facts,
			   struct pci_p2pdma_route *route)
{
	struct pci_dev *asleep = p2pdma_path_asleep(to_pci_dev(provider->owner));

	p2pdma_kept_init(fresh, client, provider, p2pdma_generation());

	guard(rcu)();
	if (asleep) {
		p2pdma_conclude_unread(provider, &client->dev, asleep, facts,
				       route);
		return;
	}
	p2pdma_gather(fresh);
	p2pdma_conclude(fresh, kind, P2PDMA_QUERY_LIST, facts, route);
}

/**
 * pci_p2pdma_query_route - how a device reaches a provider
 * @provider: whose memory
 * @dev: the device that is mapped for
 * @dir: %DMA_FROM_DEVICE for writes by @dev to the memory; any other direction
 *	stands for reads and writes
 * @route: filled in
 *
 * The answer holds for all of the provider's BAR.  It is a snapshot.
 *
 * Context: any; may read configuration space.  The caller holds @dev, and sees to
 * it that the provider stays.
 */
void pci_p2pdma_query_route(struct p2pdma_provider *provider,
			    struct device *dev, enum dma_data_direction dir,
			    struct pci_p2pdma_route *route)
{
	p2pdma_query(provider, dev, dir, P2PDMA_QUERY_LIST, route);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_query_route);

/* The ports in the way, and the boot option that takes them out of it. */
static void p2pdma_explain_acs(struct pci_dev *client, struct pci_dev *provider)
{
	struct p2pdma_path path;
	struct seq_buf ports;
	char buf[256];

	p2pdma_path_init(&path, client, provider);
	seq_buf_init(&ports, buf, sizeof(buf));
	p2pdma_path_redirectors(&path, &ports);

	if (!seq_buf_used(&ports))
		return;

	pci_warn(client, "ACS redirect is set between the client and provider (%s)\n",
		 pci_name(provider));
	if (seq_buf_has_overflowed(&ports))
		return;
	if (path.in_switch)
		pci_warn(client, "to disable ACS redirect for this path, add the kernel parameter: pci=disable_acs_redir=%s\n",
			 seq_buf_str(&ports));
	else
		pci_warn(client, "these functions or ports must have no ACS redirection or upstream forwarding: %s\n",
			 seq_buf_str(&ports));
}

/* What is between them does not forward: what could be said for it. */
static void p2pdma_explain_untrusted(struct pci_dev *client,
				     struct pci_dev *owner,
				     const struct pci_p2pdma_route *route)
{
	p2pdma_bridge_listed(pci_find_host_bridge(client->bus),
			     route->same_bridge, true);
	if (!route->same_bridge)
		p2pdma_bridge_listed(pci_find_host_bridge(owner->bus), false,
				     true);
	pci_warn(client, "cannot be used for peer-to-peer DMA as the client and provider (%s) do not share an upstream bridge or whitelisted host bridge\n",
		 pci_name(owner));
	pci_warn(client, "if the host bridge is known to forward peer-to-peer requests, add the kernel parameter: p2pdma=trust=%s%s%s\n",
		 pci_name(client), route->same_bridge ? "" : ";",
		 route->same_bridge ? "" : pci_name(owner));
}

/* What can be done about a port that loses the transfer. */
static void p2pdma_explain_blocked(struct pci_dev *client,
				   struct pci_dev *owner,
				   const struct pci_p2pdma_route *route)
{
	char bridge[P2PDMA_NAME_LEN];
	struct p2pdma_path path;
	struct pci_dev *port;

	if (!route->has_bridge)
		return;

	/* Below the common port it is ACS that drops, whatever is decoded. */
	p2pdma_path_shape(&path, client, owner);
	for (port = path.common; port; port = pci_upstream_bridge(port))
		if (pci_dev_id(port) == route->bridge_id)
			break;

	p2pdma_route_bridge(route, bridge);
	if (!port || p2pdma_decodes_memory(port)) {
		if (!port || p2pdma_can_forward(port))
			pci_warn(client, "to have it forwarded, add the kernel parameter: pci=config_acs=xx111x1@%s\n",
				 bridge);
	} else {
		pci_warn(client, "%s does not decode memory addresses; to have it do so: setpci -s %s COMMAND=2:2\n",
			 bridge, bridge);
	}
}

/* The safest thing to do about a refusal, where there is one to paste. */
static void p2pdma_explain_remedy(struct pci_dev *client, struct pci_dev *owner,
				  const struct pci_p2pdma_route *route)
{
	char bridge[P2PDMA_NAME_LEN];

	p2pdma_route_bridge(route, bridge);
	switch (route->reason) {
	case PCI_P2PDMA_POLICY_OFF:
	case PCI_P2PDMA_POLICY_SWITCH:
	case PCI_P2PDMA_POLICY_HOST:
		pci_warn(client, "to allow it, add the kernel parameter: p2pdma=auto\n");
		break;
	case PCI_P2PDMA_DENIED:
		pci_warn(client, "to allow it, take %s and %s out of deny= in /sys/kernel/p2pdma/policy, and in the kernel parameter p2pdma= if it is there\n",
			 pci_name(client), pci_name(owner));
		break;
	case PCI_P2PDMA_PROVIDER_UNREACHABLE:
		if (route->has_bridge)
			pci_warn(client, "if %s is suspended, keep it awake: echo on > /sys/bus/pci/devices/%s/power/control\n",
				 bridge, bridge);
		break;
	case PCI_P2PDMA_FABRIC_BLOCKED:
		p2pdma_explain_blocked(client, owner, route);
		break;
	case PCI_P2PDMA_UNTRUSTED_CLIENT:
	case PCI_P2PDMA_DMA_MASK:
		pci_warn(client, "it needs an IOMMU that translates for this device; with Intel's, add the kernel parameters: intel_iommu=on iommu.passthrough=0\n");
		break;
	case PCI_P2PDMA_MUST_BOUNCE:
		pci_warn(client, "it needs DMA without bounce buffers: take swiotlb=force off the kernel's command line, if it is there\n");
		break;
	default:
		break;
	}
}

/* Put a refusal, or why a route is not direct, in the log. */
static void p2pdma_explain(struct pci_dev *client,
			   struct p2pdma_provider *provider,
			   const struct pci_p2pdma_route *route)
{
	struct pci_dev *owner = to_pci_dev(provider->owner);
	unsigned long obstacles = 0;
	struct p2pdma_kept fresh;

	/* Other reasons say enough, and the provider may be asleep. */
	if (route->type == PCI_P2PDMA_MAP_THRU_HOST_BRIDGE ||
	    (route->type == PCI_P2PDMA_MAP_NOT_SUPPORTED &&
	     BIT(route->reason) & P2PDMA_ACS_REASONS)) {
		scoped_guard(rcu)
			obstacles = p2pdma_kept_get(client, provider, &fresh)->
					facts[P2PDMA_READS].obstacles;
	}
	if (obstacles & P2PDMA_ACS_OBSTACLES)
		p2pdma_explain_acs(client, owner);

	if (route->type != PCI_P2PDMA_MAP_NOT_SUPPORTED)
		return;
	if (route->reason == PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED) {
		p2pdma_explain_untrusted(client, owner, route);
		return;
	}
	pci_warn(client, "cannot be used for peer-to-peer DMA as the route to the provider (%s) is refused: %s\n",
		 pci_name(owner), pci_p2pdma_reason_name(route->reason));
	p2pdma_explain_remedy(client, owner, route);
}

/* Put a refusal in the log, once for each pair and reason. */
static void p2pdma_report(struct p2pdma_provider *provider, struct device *dev,
			  const struct pci_p2pdma_route *route)
{
	if (route->type != PCI_P2PDMA_MAP_NOT_SUPPORTED)
		return;
	if (!dev_is_pci(dev))
		dev_warn_ratelimited(dev,
				     "cannot be used for peer-to-peer DMA as it is not a PCI device\n");
	else if (p2pdma_kept_report(to_pci_dev(dev), provider, route->reason))
		p2pdma_explain(to_pci_dev(dev), provider, route);
}

/**
 * pci_p2pdma_map_route - the route for a mapping
 * @provider: whose memory
 * @dev: the device that is mapped for
 * @dir: direction of the transfer
 * @single: an address is mapped, and not a list
 * @route: filled in
 *
 * As pci_p2pdma_query_route(), and puts a refusal in the log once for each pair
 * and reason.
 *
 * Context: any.
 */
void pci_p2pdma_map_route(struct p2pdma_provider *provider, struct device *dev,
			  enum dma_data_direction dir, bool single,
			  struct pci_p2pdma_route *route)
{
	p2pdma_query(provider, dev, dir,
		     single ? P2PDMA_QUERY_SINGLE : P2PDMA_QUERY_LIST, route);
	trace_p2pdma_route(provider, dev, dir, route);
	p2pdma_report(provider, dev, route);
}

/* For p2pdma_kept_report(): a refusal with the same reason is told as well. */
#define P2PDMA_NOT_REFUSED PCI_P2PDMA_NR_REASONS

/*
 * Nothing says that it works, and nothing says that it does not: slave-DMA engines
 * write to other devices' registers, and drivers have their own device's registers
 * sent round by the root complex.  What is not RAM was never bounced, even in guests
 * where all RAM is.  And that an unmap could not tell a bus address says nothing
 * against an IOVA.
 */
static bool p2pdma_unproven(enum pci_p2pdma_reason reason, bool own)
{
	return reason == PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED ||
	       reason == PCI_P2PDMA_NOT_PCI ||
	       reason == PCI_P2PDMA_SAME_FUNCTION ||
	       reason == PCI_P2PDMA_MUST_BOUNCE ||
	       reason == PCI_P2PDMA_WINDOW_UNRESERVED ||
	       (own && reason == PCI_P2PDMA_DMA_MASK);
}

/**
 * pci_p2pdma_bar_route - the route to a BAR that may not be registered
 * @phys: CPU physical address of what is mapped; not all of it is registered
 * @size: its length in bytes
 * @dev: the device that is mapped for
 * @dir: direction of the transfer
 * @strict: refuse what is not known to work
 * @route: filled in, if there is a provider
 *
 * For dma_map_resource(), which drivers called for any device's registers long
 * before there were routes.  Unless @strict, what nobody knows to work or not to
 * work is left to them, with one warning for each pair (for a device that is not a
 * PCI function, for each BAR).
 *
 * Context: any; in an RCU read-side section, and the answer is good until its end.
 *
 * Return: the provider that @route is about; NULL if the address is in no BAR, or is
 * to be mapped as ever; ERR_PTR(-EINVAL) if only a part of the range is in a BAR, or
 * is registered.
 */
struct p2pdma_provider *pci_p2pdma_bar_route(phys_addr_t phys, size_t size,
					     struct device *dev,
					     enum dma_data_direction dir,
					     bool strict,
					     struct pci_p2pdma_route *route)
{
	struct p2pdma_provider *provider = p2pdma_bar_of_phys(phys, size);
	struct pci_p2pdma_cursor cursor = {};
	struct p2pdma_mem *mem;

	/* Registered in part: that part must not be mapped as if it were not. */
	if (p2pdma_touched(&cursor, phys, size))
		provider = ERR_PTR(-EINVAL);
	if (IS_ERR(provider))
		dev_warn_ratelimited(dev,
				     "%zu bytes at %pa are only in part a provider's memory or a BAR; not mapped\n",
				     size, &phys);
	if (IS_ERR_OR_NULL(provider))
		return provider;

	p2pdma_query(provider, dev, dir, P2PDMA_QUERY_SINGLE, route);
	if (strict || !p2pdma_unproven(route->reason, provider->owner == dev)) {
		pci_p2pdma_map_route(provider, dev, dir, true, route);
		return provider;
	}

	mem = to_p2pdma_mem(provider);
	if (dev_is_pci(dev) ?
	    p2pdma_kept_report(to_pci_dev(dev), provider, P2PDMA_NOT_REFUSED) :
	    !xchg(&mem->warned, true))
		dev_warn(dev, "DMA to the memory of %s (BAR %d) is mapped without a route that is known to work: %s\n",
			 dev_name(provider->owner), mem->bar,
			 pci_p2pdma_reason_name(route->reason));
	return NULL;
}

/**
 * pci_p2pdma_map_type - how a device reaches a provider, in both directions
 * @provider: whose memory
 * @dev: the device that will do the DMA
 *
 * Context: any.
 *
 * Return: the verdict for %DMA_BIDIRECTIONAL.
 */
enum pci_p2pdma_map_type pci_p2pdma_map_type(struct p2pdma_provider *provider,
					     struct device *dev)
{
	struct pci_p2pdma_route route;

	pci_p2pdma_map_route(provider, dev, DMA_BIDIRECTIONAL, false, &route);
	return route.type;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_map_type);

/* For pci_p2pdma_state(); @page is a P2PDMA page. */
void __pci_p2pdma_update_state(struct pci_p2pdma_map_state *state,
			       struct device *dev, struct page *page)
{
	struct p2pdma_provider *provider = pci_p2pdma_provider_of_page(page);

	if (provider && state->mem == provider)
		return;
	state->mem = provider;
	state->map = provider ? pci_p2pdma_map_type(provider, dev) :
				PCI_P2PDMA_MAP_NOT_SUPPORTED;
}
EXPORT_SYMBOL_GPL(__pci_p2pdma_update_state);

/* The nearest PCI function above a device, or the device itself; held. */
struct pci_dev *p2pdma_pci_parent(struct device *dev)
{
	for (; dev; dev = dev->parent)
		if (dev_is_pci(dev))
			return pci_dev_get(to_pci_dev(dev));
	return NULL;
}

struct p2pdma_distance {
	struct pci_dev *provider;
	struct pci_dev *client;
	bool verbose;
	bool found;
	int distance;
};

/* Refused if any of the provider's memory is; returns false to end the walk. */
static bool p2pdma_distance_one(struct p2pdma_provider *provider, void *data)
{
	struct p2pdma_distance *query = data;
	struct pci_p2pdma_route route;

	if (provider->owner != &query->provider->dev)
		return true;

	query->found = true;
	p2pdma_query(provider, &query->client->dev, DMA_BIDIRECTIONAL,
		     P2PDMA_QUERY_LASTING, &route);
	if (query->verbose)
		p2pdma_explain(query->client, provider, &route);
	query->distance = route.type == PCI_P2PDMA_MAP_NOT_SUPPORTED ?
				-1 : route.distance;
	return query->distance >= 0;
}

/* For a function that has registered nothing: as if all its BARs were memory. */
static void p2pdma_distance_unregistered(struct p2pdma_distance *query)
{
	struct pci_dev *pdev = query->provider;
	struct p2pdma_mem mem = { .provider.owner = &pdev->dev };
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (!p2pdma_bar_is_memory(pdev, bar) ||
		    pci_resource_end(pdev, bar) <= mem.last)
			continue;
		mem.first = pci_resource_start(pdev, bar);
		mem.last = pci_resource_end(pdev, bar);
		mem.provider.bus_offset = pci_bus_address(pdev, bar) -
					  pci_resource_start(pdev, bar);
	}
	p2pdma_distance_one(&mem.provider, query);
}

/**
 * pci_p2pdma_distance_many - how far clients are from a provider, all together
 * @provider: the function that provides memory, or may come to
 * @clients: devices; for one that is not a PCI function the nearest PCI function
 *	above it counts
 * @num_clients: how many
 * @verbose: say in the log what is in the way
 *
 * Answers for %DMA_BIDIRECTIONAL, by the route that a mapping would take once the
 * provider is awake: drivers ask before they wake it, and keep the answer.  If
 * @provider has registered no memory, for all of its BARs.
 *
 * Context: may sleep.
 *
 * Return: the sum of hops, less being better and 0 being the client itself; -1 if
 * one of the clients has no route.
 */
int pci_p2pdma_distance_many(struct pci_dev *provider, struct device **clients,
			     int num_clients, bool verbose)
{
	bool supported = num_clients > 0;
	int total = 0, i;

	for (i = 0; i < num_clients && (supported || verbose); i++) {
		struct p2pdma_distance query = {
			.provider = provider,
			.client = p2pdma_pci_parent(clients[i]),
			.verbose = verbose,
		};

		if (!query.client) {
			if (verbose)
				dev_warn(clients[i],
					 "cannot be used for peer-to-peer DMA as it is not a PCI device\n");
			return -1;
		}

		p2pdma_for_each_provider(p2pdma_distance_one, &query);
		if (!query.found)
			p2pdma_distance_unregistered(&query);
		pci_dev_put(query.client);

		if (query.distance < 0)
			supported = false;
		total += query.distance;
	}
	return supported ? total : -1;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_distance_many);

/*
 * What makes kept facts stale, beside policy and configuration writes.
 */
static int p2pdma_bus_notify(struct notifier_block *nb, unsigned long action,
			     void *data)
{
	struct device *dev = data;

	switch (action) {
	case BUS_NOTIFY_ADD_DEVICE:
		p2pdma_policy_device_changed(to_pci_dev(dev));
		pci_p2pdma_bars_changed(to_pci_dev(dev));
		p2pdma_routes_invalidate(P2PDMA_BY_DEVICE_ADDED);
		break;
	case BUS_NOTIFY_DEL_DEVICE:
		p2pdma_bars_removed(to_pci_dev(dev));
		p2pdma_routes_invalidate(P2PDMA_BY_DEVICE_GOING);
		break;
	case BUS_NOTIFY_REMOVED_DEVICE:
		p2pdma_bars_removed(to_pci_dev(dev));
		p2pdma_policy_device_changed(to_pci_dev(dev));
		p2pdma_routes_forget(dev);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block p2pdma_bus_notifier = {
	.notifier_call = p2pdma_bus_notify,
};

static int __init p2pdma_routes_init(void)
{
	struct pci_dev *pdev = NULL;
	int ret;

	ret = bus_register_notifier(&pci_bus_type, &p2pdma_bus_notifier);
	if (ret)
		return ret;
	for_each_pci_dev(pdev)
		pci_p2pdma_bars_changed(pdev);
	return 0;
}
arch_initcall(p2pdma_routes_init);
