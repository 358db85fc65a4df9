// SPDX-License-Identifier: GPL-2.0
/*
 * Routes: how a client reaches a provider, and why.
 *
 * The one place to ask: the mapping loops, the distance that drivers ask for and the
 * files in sysfs all end in p2pdma_find_route().
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/pci.h>

#include "p2pdma.h"
#include "trace.h"

/* For %P2PDMA_QUERY_AWAKE, about which the route cache knows nothing. */
static void p2pdma_predict_route(struct p2pdma_provider *provider,
				 struct pci_dev *client,
				 enum dma_data_direction dir,
				 struct pci_p2pdma_route *route)
{
	struct p2pdma_gathered gathered;
	struct p2pdma_facts facts;

	p2pdma_gather(&gathered, client, provider, true, 0);
	p2pdma_conclude(&gathered, client, provider, p2pdma_kind(dir),
			P2PDMA_QUERY_AWAKE, &facts, route);
}

/* As p2pdma_query(); returns the counters of the pair, or NULL without them. */
static struct p2pdma_stats *
p2pdma_find_route(struct p2pdma_provider *provider, struct device *dev,
		  enum dma_data_direction dir, enum p2pdma_query query,
		  bool store, struct pci_p2pdma_route *route)
{
	struct pci_dev *client = dev_is_pci(dev) ? to_pci_dev(dev) : NULL;
	const struct p2pdma_entry *entry = NULL;
	int generation = p2pdma_generation();
	struct pci_dev *asleep = NULL;
	struct p2pdma_entry uncached;
	struct p2pdma_facts facts;

	/* A cached route is valid only if the provider was awake, and is. */
	if (client)
		entry = p2pdma_cache_valid(client, provider, query);
	if (!entry)
		asleep = p2pdma_path_asleep(to_pci_dev(provider->owner));
	if (!client || asleep) {
		p2pdma_conclude_unread(provider, dev, asleep, &facts, route);
		return NULL;
	}
	if (!entry)
		entry = p2pdma_cache_decide(client, provider, generation, query,
					    store, &uncached);
	*route = entry->route[p2pdma_kind(dir)][query];
	return entry->stats;
}

/**
 * p2pdma_query - the route of a client to a provider
 * @provider: whose memory
 * @dev: the device that is mapped for
 * @dir: direction of the transfer
 * @query: what the route is wanted for
 * @store: add it to the route cache; not for readers without privilege, and only if
 *	the driver of @dev is bound
 * @route: filled in
 *
 * Context: any; may read configuration space.  The caller holds @dev, and makes sure
 * that the provider stays.
 */
void p2pdma_query(struct p2pdma_provider *provider, struct device *dev,
		  enum dma_data_direction dir, enum p2pdma_query query,
		  bool store, struct pci_p2pdma_route *route)
{
	guard(rcu)();
	if (query == P2PDMA_QUERY_AWAKE && dev_is_pci(dev))
		p2pdma_predict_route(provider, to_pci_dev(dev), dir, route);
	else
		p2pdma_find_route(provider, dev, dir, query, store, route);
}

/**
 * p2pdma_examine - the route of a pair, and all that it rests on
 * @provider: whose memory
 * @client: the client
 * @kind: kind of transfer
 * @gathered: filled in with what was gathered; zeroed if the provider is asleep
 * @facts: filled in with the facts
 * @route: filled in with the route
 *
 * Gathers everything anew, and neither uses nor changes the route cache.
 *
 * Context: any; reads configuration space.  The caller holds @client, and makes sure
 * that the provider stays.
 */
void p2pdma_examine(struct p2pdma_provider *provider, struct pci_dev *client,
		    enum p2pdma_kind kind, struct p2pdma_gathered *gathered,
		    struct p2pdma_facts *facts, struct pci_p2pdma_route *route)
{
	struct pci_dev *asleep = p2pdma_path_asleep(to_pci_dev(provider->owner));

	guard(rcu)();
	if (asleep) {
		*gathered = (struct p2pdma_gathered) {};
		p2pdma_conclude_unread(provider, &client->dev, asleep, facts,
				       route);
		return;
	}
	p2pdma_gather(gathered, client, provider, false, 0);
	p2pdma_conclude(gathered, client, provider, kind, P2PDMA_QUERY_LIST,
			facts, route);
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
 * Context: any; may read configuration space.  The caller holds @dev, and makes
 * sure that the provider stays.
 */
void pci_p2pdma_query_route(struct p2pdma_provider *provider,
			    struct device *dev, enum dma_data_direction dir,
			    struct pci_p2pdma_route *route)
{
	p2pdma_query(provider, dev, dir, P2PDMA_QUERY_LIST, false, route);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_query_route);

/**
 * pci_p2pdma_map_route - the route for a mapping
 * @provider: whose memory
 * @dev: the device that is mapped for
 * @dir: direction of the transfer
 * @single: an address is mapped, and not a list, and unmap has to recognise it
 * @route: filled in
 *
 * As pci_p2pdma_query_route(), and puts a refusal in the log once for each pair
 * and reason.
 *
 * Context: any, in an RCU read-side section, for which the result is valid.
 *
 * Return: the counters of the pair, or NULL if there are none.
 */
struct p2pdma_stats *pci_p2pdma_map_route(struct p2pdma_provider *provider,
					  struct device *dev,
					  enum dma_data_direction dir,
					  bool single,
					  struct pci_p2pdma_route *route)
{
	struct p2pdma_stats *stats;

	stats = p2pdma_find_route(provider, dev, dir,
				  single ? P2PDMA_QUERY_SINGLE :
					   P2PDMA_QUERY_LIST, true, route);
	trace_p2pdma_route(provider, dev, dir, route);
	if (unlikely(route->type == PCI_P2PDMA_MAP_NOT_SUPPORTED))
		p2pdma_report(provider, dev, route);
	return stats;
}

/*
 * For p2pdma_cache_report(): the warning of a mapping that is not refused must not
 * keep a refusal with the same reason out of the log.
 */
#define P2PDMA_NOT_REFUSED PCI_P2PDMA_NR_REASONS

/*
 * Reasons for which dma_map_resource() keeps its old result.  Nothing proves that
 * such a mapping works, and nothing proves that it does not: slave-DMA engines write
 * to other devices' registers, and the root complex may send a device's requests for
 * its own registers back to it.  Memory that is not RAM was never bounced, even in
 * guests where all RAM is.  WINDOW_UNRESERVED is an objection to bus addresses, and
 * the old result is an IOVA.
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
 * @phys: CPU physical address of the memory; not all of it is registered
 * @size: its length in bytes
 * @dev: the device that is mapped for
 * @dir: direction of the transfer
 * @single: unmap has to recognise a bus address
 * @strict: refuse a mapping that is not known to work
 * @route: filled in, if there is a provider
 * @stats: set to the counters of the pair, or NULL, if there is a provider
 *
 * For dma_map_resource(), which drivers called for any device's registers long
 * before there were routes.  Unless @strict, a mapping of which nothing says whether
 * it works keeps its old result, with one warning for each pair (for a device that
 * is not a PCI function, for each BAR).
 *
 * Context: any, in an RCU read-side section, for which the answer is valid.
 *
 * Return: the provider that @route is about; NULL if the address is in no BAR, or the
 * mapping keeps its old result; ERR_PTR(-EINVAL) if only a part of the range is in a BAR, or
 * is registered.
 */
struct p2pdma_provider *pci_p2pdma_bar_route(phys_addr_t phys, size_t size,
					     struct device *dev,
					     enum dma_data_direction dir,
					     bool single, bool strict,
					     struct pci_p2pdma_route *route,
					     struct p2pdma_stats **stats)
{
	struct p2pdma_provider *provider = p2pdma_bar_of_phys(phys, size);
	struct pci_p2pdma_cursor cursor = {};
	struct p2pdma_mem *mem;

	/* A part that is registered must not be mapped as if it were not. */
	if (p2pdma_touched(&cursor, phys, size))
		provider = ERR_PTR(-EINVAL);
	if (IS_ERR(provider))
		dev_warn_ratelimited(dev,
				     "%zu bytes at %pa are only in part a provider's memory or a BAR; not mapped\n",
				     size, &phys);
	if (IS_ERR_OR_NULL(provider))
		return provider;

	p2pdma_query(provider, dev, dir, single ? P2PDMA_QUERY_SINGLE :
						  P2PDMA_QUERY_LIST, true, route);
	if (strict || !p2pdma_unproven(route->reason, provider->owner == dev)) {
		*stats = pci_p2pdma_map_route(provider, dev, dir, single, route);
		return provider;
	}

	mem = to_p2pdma_mem(provider);
	if (dev_is_pci(dev) ?
	    p2pdma_cache_report(to_pci_dev(dev), provider, P2PDMA_NOT_REFUSED) :
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

	guard(rcu)();
	pci_p2pdma_map_route(provider, dev, DMA_BIDIRECTIONAL, false, &route);
	return route.type;
}
EXPORT_SYMBOL_GPL(pci_p2pdma_map_type);

/**
 * pci_p2pdma_map_type_tlp - the same, for packets of which the driver vouches for more
 * @provider: whose memory
 * @dev: the device that will do the DMA
 * @tlp: &enum pci_p2pdma_tlp, what holds for all packets that carry bus addresses
 *
 * Direct Translated P2P lets translated requests cross a switch that redirects others,
 * and P2P Completion Redirect leaves completions with relaxed ordering alone (PCI
 * Express Base Specification, "ACS P2P Completion Redirect", "ACS Direct Translated
 * P2P").  %PCI_P2PDMA_TLP_TRANSLATED means nothing while the ATS of @dev is off.  An
 * address that dma_map_phys() or dma_map_sgtable() returns is right for any packet; for
 * %PCI_P2PDMA_MAP_BUS_ADDR that only this function returns, take the address from
 * pci_p2pdma_bus_addr_map().
 *
 * Context: any; reads configuration space.  The caller holds @dev, and makes sure that
 * the provider stays.
 *
 * Return: %PCI_P2PDMA_MAP_BUS_ADDR if such packets reach the memory with bus addresses,
 * in both directions; else what pci_p2pdma_map_type() returns.
 */
enum pci_p2pdma_map_type
pci_p2pdma_map_type_tlp(struct p2pdma_provider *provider, struct device *dev,
			unsigned int tlp)
{
	struct pci_p2pdma_route route = {};
	struct p2pdma_gathered gathered;
	struct p2pdma_facts facts;

	if (!dev_is_pci(dev) || !to_pci_dev(dev)->ats_enabled)
		tlp &= ~PCI_P2PDMA_TLP_TRANSLATED;
	if (!dev_is_pci(dev) || !tlp ||
	    p2pdma_path_asleep(to_pci_dev(provider->owner)))
		return pci_p2pdma_map_type(provider, dev);

	scoped_guard(rcu) {
		p2pdma_gather(&gathered, to_pci_dev(dev), provider, false, tlp);
		p2pdma_conclude(&gathered, to_pci_dev(dev), provider,
				P2PDMA_READS, P2PDMA_QUERY_LIST, &facts, &route);
	}
	return route.type == PCI_P2PDMA_MAP_BUS_ADDR ?
		       route.type : pci_p2pdma_map_type(provider, dev);
}
EXPORT_SYMBOL_GPL(pci_p2pdma_map_type_tlp);

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
