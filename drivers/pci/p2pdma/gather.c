// SPDX-License-Identifier: GPL-2.0
/*
 * Gathering: the facts that a route decision rests on.
 *
 * In two steps, because facts change in two ways.  Topology, ACS and policy change
 * with an event that makes the route cache stale: p2pdma_gather() collects them from
 * path, host bridges and policy, one set of facts for posted writes and one for
 * transfers that include reads.  The client's DMA mask and IOMMU domain change with
 * no event: p2pdma_conclude() adds them and decides, and a verdict that is cached is
 * stamped with what they come from.
 */
#include <linux/dma-mapping.h>
#include <linux/pci.h>

#include "p2pdma.h"

static bool p2pdma_bridges_trusted(const struct p2pdma_active_policy *active,
				   struct pci_host_bridge *client,
				   struct pci_host_bridge *provider, bool reads)
{
	bool same = client == provider;

	return (p2pdma_bridge_listed(client, same, false) ||
		p2pdma_admin_trusts(active, client, reads)) &&
	       (same || p2pdma_bridge_listed(provider, false, false) ||
		p2pdma_admin_trusts(active, provider, reads));
}

/*
 * An untranslated client reaches the memory below another host bridge by its CPU
 * address.  Does that address fall into a window of the client's own bridge?
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

/* An outcome: the request @crosses or goes up, and is @lost at a port or not at all. */
static struct p2pdma_outcome p2pdma_outcome(bool crosses, struct pci_dev *lost)
{
	struct p2pdma_outcome outcome = { .port = p2pdma_bdf(lost) };

	if (crosses)
		outcome.fate = lost ? P2PDMA_FATE_ACROSS_LOST :
				      P2PDMA_FATE_ACROSS;
	else
		outcome.fate = lost ? P2PDMA_FATE_LOST : P2PDMA_FATE_UP;
	return outcome;
}

/* Obstacles and outcomes below a common port. */
static void p2pdma_gather_common(const struct p2pdma_path *path, bool reads,
				 struct p2pdma_facts *facts)
{
	enum p2pdma_acs_request request = P2PDMA_ACS_ACROSS;
	struct pci_dev *request_lost = NULL, *completion_lost = NULL;
	bool completion_up = reads && path->completion_up; /* writes have none */
	bool crosses;

	if (path->in_switch) {
		request = p2pdma_acs_request(path->client_side.ctrl,
					     path->client_side.egress);
		if (request != P2PDMA_ACS_ACROSS)
			facts->obstacles |= BIT(PCI_P2PDMA_ACS_REQUEST);
		if (completion_up)
			facts->obstacles |= BIT(PCI_P2PDMA_ACS_COMPLETION);
		crosses = request == P2PDMA_ACS_ACROSS;
	} else {
		if (path->redirecting) {
			facts->obstacles |= BIT(PCI_P2PDMA_MULTIFUNCTION);
			request = path->client_drops ? P2PDMA_ACS_DROPPED :
						       P2PDMA_ACS_UP;
		}
		/* Nothing says whether requests cross inside a device. */
		crosses = true;
	}

	/*
	 * A request that goes up needs upstream forwarding on its way, and memory
	 * decoding on its way down again.  A completion is routed by requester ID,
	 * also through ports that do not decode memory addresses.
	 */
	if (request == P2PDMA_ACS_DROPPED)
		request_lost = path->client_side.port ?: path->client;
	else if (request == P2PDMA_ACS_UP)
		request_lost = path->no_forwarding ?: path->not_decoding_above;
	if (completion_up)
		completion_lost = path->no_completions;

	facts->untranslated = p2pdma_outcome(crosses,
					     request_lost ?: completion_lost);
	/* An IOVA is in no window: a translated request always goes up. */
	facts->translated = p2pdma_outcome(false, path->not_decoding_above ?:
						  completion_lost);
}

/* What the fabric does to one kind of transfer. */
static void p2pdma_gather_fabric(const struct p2pdma_path *path, bool reads,
				 struct p2pdma_facts *facts)
{
	if (path->same_function)
		return;

	if (path->conventional)
		facts->obstacles |= BIT(PCI_P2PDMA_CONVENTIONAL_PCI);
	if (path->client->untrusted)
		facts->obstacles |= BIT(PCI_P2PDMA_UNTRUSTED_CLIENT);
	if (path->common)
		p2pdma_gather_common(path, reads, facts);
	else
		facts->obstacles |= BIT(PCI_P2PDMA_NO_COMMON_PORT);
}

/**
 * p2pdma_gather - gather what may be cached of a pair
 * @gathered: filled in
 * @client: the client
 * @provider: whose memory
 * @predict: as it will be when everything is awake, and not as it is
 *
 * Context: any, in an RCU read-side section, for the policy; reads configuration
 * space.  The caller holds @client, and makes sure that the provider stays.
 */
void p2pdma_gather(struct p2pdma_gathered *gathered, struct pci_dev *client,
		   struct p2pdma_provider *provider, bool predict)
{
	const struct p2pdma_active_policy *active = p2pdma_active_policy();
	struct pci_dev *owner = to_pci_dev(provider->owner);
	struct pci_host_bridge *client_host, *provider_host;
	struct p2pdma_path path;
	int kind;

	client_host = pci_find_host_bridge(client->bus);
	provider_host = pci_find_host_bridge(owner->bus);
	if (predict)
		p2pdma_path_predict(&path, client, owner);
	else
		p2pdma_path_init(&path, client, owner);

	*gathered = (struct p2pdma_gathered) {
		.distance = path.distance,
		.same_bridge = client_host == provider_host,
		.not_decoding = p2pdma_bdf(path.not_decoding),
	};
	gathered->port[PCI_P2PDMA_CONVENTIONAL_PCI] =
		p2pdma_bdf(path.conventional);
	gathered->port[PCI_P2PDMA_ACS_REQUEST] =
		p2pdma_bdf(path.client_side.port);
	gathered->port[PCI_P2PDMA_ACS_COMPLETION] =
		p2pdma_bdf(path.provider_side.port);
	gathered->port[PCI_P2PDMA_MULTIFUNCTION] = p2pdma_bdf(path.redirecting);

	for (kind = P2PDMA_WRITES; kind <= P2PDMA_READS; kind++) {
		struct p2pdma_facts *facts = &gathered->facts[kind];

		facts->mode = active->policy->mode;
		facts->denied = p2pdma_policy_denies(active->policy, client) ||
				p2pdma_policy_denies(active->policy, owner);
		facts->unreachable = path.not_decoding;
		facts->same_function = path.same_function;
		facts->trusted = p2pdma_bridges_trusted(active, client_host,
							provider_host,
							kind == P2PDMA_READS);
		if (!gathered->same_bridge &&
		    p2pdma_host_addr_taken(provider, client))
			facts->untranslated.fate = P2PDMA_FATE_LOST;
		p2pdma_gather_fabric(&path, kind == P2PDMA_READS, facts);
	}
}

static enum p2pdma_client p2pdma_client(const struct dma_p2pdma_client *client)
{
	if (client->must_bounce)
		return P2PDMA_CLIENT_BOUNCES;
	if (client->no_dma)
		return P2PDMA_CLIENT_NO_DMA;
	return client->translated ? P2PDMA_CLIENT_TRANSLATED :
				    P2PDMA_CLIENT_UNTRANSLATED;
}

static enum p2pdma_host_addr
p2pdma_host_addr(struct device *dev, const struct dma_p2pdma_client *client,
		 struct p2pdma_provider *provider, bool same_bridge,
		 bool bus_ambiguous)
{
	dma_addr_t last;

	if (client->no_host)
		return P2PDMA_HOST_ADDR_UNMAPPABLE;
	if (client->translated)
		return P2PDMA_HOST_ADDR_FITS;

	last = dma_p2pdma_host_addr(dev, provider, same_bridge,
				    to_p2pdma_mem(provider)->last);
	if (last == DMA_MAPPING_ERROR ||
	    last > min_not_zero(dma_get_mask(dev), dev->bus_dma_limit))
		return P2PDMA_HOST_ADDR_ABOVE_MASK;
	/* Below one host bridge it is the bus address, too. */
	return same_bridge && bus_ambiguous ? P2PDMA_HOST_ADDR_AMBIGUOUS :
					      P2PDMA_HOST_ADDR_FITS;
}

/* Add the facts that change with no event; a verdict is stamped with them. */
static void p2pdma_facts_now(struct p2pdma_facts *facts, struct device *dev,
			     struct p2pdma_provider *provider,
			     enum p2pdma_query query, bool same_bridge)
{
	struct p2pdma_mem *mem = to_p2pdma_mem(provider);
	dma_addr_t last_bus = mem->last + provider->bus_offset;
	struct dma_p2pdma_client client;

	/* What is gone will not be awake again. */
	if (query == P2PDMA_QUERY_AWAKE)
		facts->unreachable = p2pdma_path_gone(to_pci_dev(provider->owner));
	facts->unreachable |= atomic_read(&mem->going);

	dma_p2pdma_client(dev, &client);
	facts->client = p2pdma_client(&client);
	facts->bus_ambiguous = query == P2PDMA_QUERY_SINGLE &&
			       !dma_p2pdma_bus_known(dev, mem->first, mem->last,
						     provider->bus_offset);
	facts->host_addr = p2pdma_host_addr(dev, &client, provider, same_bridge,
					    facts->bus_ambiguous);

	if (client.translated && !facts->same_function && p2pdma_is_guest())
		facts->obstacles |= BIT(PCI_P2PDMA_VIRTUALISED);
	if (last_bus > dma_get_mask(dev))
		facts->obstacles |= BIT(PCI_P2PDMA_DMA_MASK);
}

static struct p2pdma_bdf
p2pdma_deciding_port(const struct p2pdma_gathered *gathered,
		     const struct p2pdma_facts *facts,
		     enum pci_p2pdma_reason reason)
{
	switch (reason) {
	case PCI_P2PDMA_CONVENTIONAL_PCI:
	case PCI_P2PDMA_ACS_REQUEST:
	case PCI_P2PDMA_ACS_COMPLETION:
	case PCI_P2PDMA_MULTIFUNCTION:
		return gathered->port[reason];
	case PCI_P2PDMA_FABRIC_BLOCKED:
		return p2pdma_facts_outcome(facts)->port;
	case PCI_P2PDMA_PROVIDER_UNREACHABLE:
		return gathered->not_decoding;
	default:
		return (struct p2pdma_bdf) {};
	}
}

static void p2pdma_route_set_bridge(struct pci_p2pdma_route *route,
				    const struct p2pdma_bdf *port)
{
	route->has_bridge = port->valid;
	route->bridge_domain = port->domain;
	route->bridge_id = port->id;
}

/**
 * p2pdma_conclude - decide on what was gathered, and on what changes with no event
 * @gathered: from p2pdma_gather()
 * @client: the client
 * @provider: whose memory
 * @kind: kind of transfer
 * @query: what the route is wanted for
 * @facts: filled in with what the decision rested on
 * @route: filled in with the verdict
 *
 * Context: any.
 */
void p2pdma_conclude(const struct p2pdma_gathered *gathered,
		     struct pci_dev *client, struct p2pdma_provider *provider,
		     enum p2pdma_kind kind, enum p2pdma_query query,
		     struct p2pdma_facts *facts, struct pci_p2pdma_route *route)
{
	struct p2pdma_bdf port;

	*facts = gathered->facts[kind];
	p2pdma_facts_now(facts, &client->dev, provider, query,
			 gathered->same_bridge);

	*route = (struct pci_p2pdma_route) {
		.distance = gathered->distance,
		.same_bridge = gathered->same_bridge,
	};
	route->reason = p2pdma_decide(facts, &route->type);
	port = p2pdma_deciding_port(gathered, facts, route->reason);
	p2pdma_route_set_bridge(route, &port);
}

/**
 * p2pdma_conclude_unread - decide without reading configuration space
 * @provider: whose memory
 * @dev: the device that is mapped for
 * @asleep: the function or port on the way to the provider that cannot answer; NULL
 *	if @dev is not a PCI function
 * @facts: filled in with what the decision rested on
 * @route: filled in with the verdict, which is a refusal
 *
 * Context: any, in an RCU read-side section, for the policy.
 */
void p2pdma_conclude_unread(struct p2pdma_provider *provider,
			    struct device *dev, struct pci_dev *asleep,
			    struct p2pdma_facts *facts,
			    struct pci_p2pdma_route *route)
{
	struct pci_dev *client = dev_is_pci(dev) ? to_pci_dev(dev) : NULL;
	const struct p2pdma_active_policy *active = p2pdma_active_policy();
	struct pci_dev *owner = to_pci_dev(provider->owner);
	struct p2pdma_bdf port = p2pdma_bdf(asleep);
	struct p2pdma_path path = { .distance = -1 };

	if (client)
		p2pdma_path_shape(&path, client, owner);
	*facts = (struct p2pdma_facts) {
		.mode = active->policy->mode,
		.client = client ? P2PDMA_CLIENT_UNTRANSLATED :
				   P2PDMA_CLIENT_NOT_PCI,
		.denied = p2pdma_policy_denies(active->policy, owner) ||
			  (client && p2pdma_policy_denies(active->policy, client)),
		.unreachable = asleep,
	};
	*route = (struct pci_p2pdma_route) {
		.distance = path.distance,
	};
	route->reason = p2pdma_decide(facts, &route->type);
	if (route->reason == PCI_P2PDMA_PROVIDER_UNREACHABLE)
		p2pdma_route_set_bridge(route, &port);
}
