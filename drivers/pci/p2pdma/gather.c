// SPDX-License-Identifier: GPL-2.0
/*
 * Gathering: the facts that a route decision rests on.
 *
 * In two steps, because facts change in two ways.  Topology, ACS and policy change
 * with an event that makes the route cache stale: p2pdma_gather() collects them from
 * path, host bridges and policy, one set of facts for posted writes and one for
 * transfers that include reads.  The client's DMA mask, IOMMU domain and ATS change
 * with no event: p2pdma_conclude() adds them and decides, and a verdict that is cached
 * is stamped with what they come from.
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

/* Is some of a range of addresses in a window of the client's host bridge? */
static bool p2pdma_in_windows(struct pci_dev *client, u64 first, u64 last)
{
	struct pci_host_bridge *host = pci_find_host_bridge(client->bus);
	struct resource_entry *window;

	resource_list_for_each_entry(window, &host->windows)
		if (resource_type(window->res) == IORESOURCE_MEM &&
		    first <= window->res->end - window->offset &&
		    last >= window->res->start - window->offset)
			return true;
	return false;
}

/*
 * An untranslated client reaches the memory below another host bridge by its CPU
 * address.  Does that address fall into a window of the client's own bridge?
 */
static bool p2pdma_host_addr_taken(struct p2pdma_provider *provider,
				   struct pci_dev *client)
{
	struct p2pdma_mem *mem = to_p2pdma_mem(provider);
	struct device *dev = &client->dev;

	return p2pdma_in_windows(client,
				 dma_p2pdma_host_addr(dev, provider, false,
						      mem->first),
				 dma_p2pdma_host_addr(dev, provider, false,
						      mem->last));
}

/*
 * An outcome: the request @crosses or goes up, and is @lost at a port, which is @why, or
 * not at all.
 */
static struct p2pdma_outcome p2pdma_outcome(bool crosses, struct pci_dev *lost,
					    enum pci_p2pdma_reason why)
{
	struct p2pdma_outcome outcome = {
		.why = lost ? why : 0,
		.port = p2pdma_bdf(lost),
	};

	if (crosses)
		outcome.fate = lost ? P2PDMA_FATE_ACROSS_LOST :
				      P2PDMA_FATE_ACROSS;
	else
		outcome.fate = lost ? P2PDMA_FATE_LOST : P2PDMA_FATE_UP;
	return outcome;
}

/* It is taken to another place. */
static const struct p2pdma_outcome p2pdma_lost_anywhere = {
	.fate = P2PDMA_FATE_LOST,
};

/* A form in which the client may send a request. */
struct p2pdma_form {
	enum p2pdma_acs_request request; /* its way at the divergence */
	bool crosses;			 /* it crosses, or may cross */
	bool in_window;			 /* its address is the peer's bus address */
	bool translated;		 /* its address type is "translated" */
};

/* Where completions do not fit.  Those that are not redirected cross, or stay inside. */
static struct pci_dev *p2pdma_completion_lost(const struct p2pdma_path *path)
{
	if (!path->common || path->completion_up)
		return path->completion.by_root;
	return path->completion.across;
}

/* Where a request, or the completion of a read, does not fit. */
static struct pci_dev *p2pdma_payload_lost(const struct p2pdma_path *path,
					   bool reads,
					   enum p2pdma_acs_request request)
{
	bool across = request == P2PDMA_ACS_ACROSS && path->common;
	struct pci_dev *lost = across ? path->request.across :
					path->request.by_root;

	return lost ?: reads ? p2pdma_completion_lost(path) : NULL;
}

/* To which of two ports does a request that goes up come first?  Either may be NULL. */
static struct pci_dev *p2pdma_first(struct pci_dev *a, struct pci_dev *b)
{
	struct pci_dev *port = a;

	if (!a || !b)
		return a ?: b;
	while (port && port != b)
		port = pci_upstream_bridge(port);
	return port ? a : b;
}

/*
 * The outcome of a form of request.  One that goes up with the peer's bus address needs
 * upstream forwarding on its way; an address outside of all windows does not.  On its
 * way down again it needs memory decoding.  A completion is routed by requester ID, also
 * through ports that do not decode memory addresses.
 */
static struct p2pdma_outcome p2pdma_outcome_of(const struct p2pdma_path *path,
					       bool reads,
					       const struct p2pdma_form *form)
{
	bool up = form->request == P2PDMA_ACS_UP;
	struct pci_dev *lost = NULL;

	if (form->translated)
		lost = path->blocking;
	if (!lost && form->request == P2PDMA_ACS_DROPPED)
		lost = path->bridge_memory ?: path->client_side.port ?:
		       path->client_branch;
	if (!lost && up)
		lost = p2pdma_first(form->translated ? path->blocking_above : NULL,
				    form->in_window ? path->no_forwarding : NULL);
	if (!lost && up)
		lost = path->not_decoding_above;
	if (!lost && reads && path->completion_up)	/* writes have none */
		lost = path->no_completions;
	lost = path->unread ?: lost;
	if (lost)
		return p2pdma_outcome(form->crosses, lost, 0);
	lost = p2pdma_payload_lost(path, reads, form->request);
	if (lost)
		return p2pdma_outcome(form->crosses, lost,
				      PCI_P2PDMA_PAYLOAD_SIZE);
	return p2pdma_outcome(form->crosses, reads ? path->tag_width : NULL,
			      PCI_P2PDMA_TAG_WIDTH);
}

/* The ways of an untranslated and of a translated request at the divergence. */
static void p2pdma_requests(const struct p2pdma_path *path,
			    enum p2pdma_acs_request *untranslated,
			    enum p2pdma_acs_request *translated)
{
	const struct p2pdma_acs_port *side = &path->client_side;

	if (path->in_switch) {
		*untranslated = p2pdma_acs_request(side->ctrl, side->egress);
		*translated = p2pdma_acs_translated(side->ctrl, side->egress);
	} else if (path->bridge_memory) {
		*untranslated = P2PDMA_ACS_ACROSS;
		*translated = P2PDMA_ACS_ACROSS;
	} else if (path->common) {
		*untranslated = !path->redirecting ? P2PDMA_ACS_ACROSS :
				path->client_drops ? P2PDMA_ACS_DROPPED :
						     P2PDMA_ACS_UP;
		*translated = *untranslated;
	} else {
		*untranslated = P2PDMA_ACS_UP;
		*translated = P2PDMA_ACS_UP;
	}

	/* Nothing says that what does not go up reaches a bridge's own memory. */
	if (path->bridge_memory && !path->bridge_access) {
		if (*untranslated == P2PDMA_ACS_ACROSS)
			*untranslated = P2PDMA_ACS_DROPPED;
		if (*translated == P2PDMA_ACS_ACROSS)
			*translated = P2PDMA_ACS_DROPPED;
	}
}

/*
 * The outcomes of the forms of a request.  @bus_translation: the IOMMU's answer is the
 * peer's bus address; else it is an address outside of the host bridge's windows.
 */
static void p2pdma_gather_outcomes(const struct p2pdma_path *path, bool reads,
				   bool bus_translation,
				   struct p2pdma_facts *facts)
{
	/* Nothing says whether requests cross inside a device. */
	bool in_device = path->common && !path->in_switch;
	enum p2pdma_acs_request untranslated, translated;
	struct p2pdma_form form;

	p2pdma_requests(path, &untranslated, &translated);

	form = (struct p2pdma_form) {
		.request = untranslated,
		.crosses = in_device || untranslated == P2PDMA_ACS_ACROSS,
		.in_window = path->common,
	};
	facts->untranslated = p2pdma_outcome_of(path, reads, &form);

	/* An IOVA is in no window: a request that is to be translated goes up. */
	form = (struct p2pdma_form) { .request = P2PDMA_ACS_UP };
	facts->translated = p2pdma_outcome_of(path, reads, &form);

	form = (struct p2pdma_form) {
		.request = P2PDMA_ACS_UP, .translated = true,
	};
	if (bus_translation) {
		form.request = translated;
		form.crosses = in_device || translated == P2PDMA_ACS_ACROSS;
		form.in_window = path->common;
	}
	facts->sent_translated = p2pdma_outcome_of(path, reads, &form);
}

/* Does a port keep requests with bus addresses, as the driver has them sent, from crossing? */
static bool p2pdma_request_stopped(const struct p2pdma_path *path, unsigned int tlp)
{
	enum p2pdma_acs_request untranslated, translated;

	/* Where ACS cannot be read nothing is known of requests. */
	if (path->unread)
		return true;
	p2pdma_requests(path, &untranslated, &translated);
	if (tlp & PCI_P2PDMA_TLP_TRANSLATED)
		return path->blocking ||
		       (path->in_switch && translated != P2PDMA_ACS_ACROSS);
	return path->in_switch && untranslated != P2PDMA_ACS_ACROSS;
}

/* What the fabric does to one kind of transfer. */
static void p2pdma_gather_fabric(const struct p2pdma_path *path, bool reads,
				 bool bus_translation, unsigned int tlp,
				 struct p2pdma_facts *facts)
{
	if (path->same_function)
		return;

	if (!path->common && !path->bridge_memory)
		facts->obstacles |= BIT(PCI_P2PDMA_NO_COMMON_PORT);
	if (path->conventional)
		facts->obstacles |= BIT(PCI_P2PDMA_CONVENTIONAL_PCI);
	if (path->client->untrusted)
		facts->obstacles |= BIT(PCI_P2PDMA_UNTRUSTED_CLIENT);
	if (p2pdma_request_stopped(path, tlp))
		facts->obstacles |= BIT(PCI_P2PDMA_ACS_REQUEST);
	if (path->in_switch && reads && path->completion_up)
		facts->obstacles |= BIT(PCI_P2PDMA_ACS_COMPLETION);
	if ((path->common && !path->in_switch && path->redirecting) ||
	    (path->bridge_memory && !path->bridge_access))
		facts->obstacles |= BIT(PCI_P2PDMA_MULTIFUNCTION);
	if (path->request.across ||
	    (path->common && reads && p2pdma_completion_lost(path)))
		facts->obstacles |= BIT(PCI_P2PDMA_PAYLOAD_SIZE);
	if (reads && path->tag_width)
		facts->obstacles |= BIT(PCI_P2PDMA_TAG_WIDTH);
	p2pdma_gather_outcomes(path, reads, bus_translation, facts);
}

/**
 * p2pdma_gather - gather what may be cached of a pair
 * @gathered: filled in
 * @client: the client
 * @provider: whose memory
 * @predict: as it will be when everything is awake, and not as it is
 * @tlp: &enum pci_p2pdma_tlp, what the client's driver vouches for; nothing for what is
 *	to be cached
 *
 * Context: any, in an RCU read-side section, for the policy; reads configuration
 * space.  The caller holds @client, and makes sure that the provider stays.
 */
void p2pdma_gather(struct p2pdma_gathered *gathered, struct pci_dev *client,
		   struct p2pdma_provider *provider, bool predict,
		   unsigned int tlp)
{
	const struct p2pdma_active_policy *active = p2pdma_active_policy();
	struct pci_dev *owner = to_pci_dev(provider->owner);
	struct pci_host_bridge *client_host, *provider_host;
	struct p2pdma_mem *mem = to_p2pdma_mem(provider);
	bool bus_translation, translation_taken;
	struct p2pdma_path path;
	int kind;

	client_host = pci_find_host_bridge(client->bus);
	provider_host = pci_find_host_bridge(owner->bus);
	if (predict)
		p2pdma_path_predict(&path, client, owner);
	else
		p2pdma_path_init(&path, client, owner);
	/* CR does not redirect completions with relaxed ordering. */
	if ((tlp & PCI_P2PDMA_TLP_RELAXED_CPL) && path.in_switch)
		path.completion_up = false;
	if (path.unproven &&
	    !p2pdma_policy_loops(active->policy, client, owner)) {
		/* Where requests may leave the device completions may, too. */
		path.redirecting = path.redirecting ?: path.unproven;
		path.completion_up = true;
	}

	*gathered = (struct p2pdma_gathered) {
		.distance = path.distance,
		.same_bridge = client_host == provider_host,
		.window = active->policy->window,
		.not_decoding = p2pdma_bdf(path.not_decoding),
		.tlp = tlp,
	};
	/* What the IOMMU answers is a CPU address. */
	bus_translation = gathered->same_bridge && !provider->bus_offset;
	translation_taken = !bus_translation &&
			    p2pdma_in_windows(client, mem->first, mem->last);
	gathered->port[PCI_P2PDMA_CONVENTIONAL_PCI] =
		p2pdma_bdf(path.conventional);
	gathered->port[PCI_P2PDMA_ACS_REQUEST] =
		p2pdma_bdf(path.client_side.port);
	gathered->port[PCI_P2PDMA_ACS_COMPLETION] =
		p2pdma_bdf(path.provider_side.port);
	gathered->port[PCI_P2PDMA_MULTIFUNCTION] =
		p2pdma_bdf(path.bridge_memory ?: path.redirecting);
	/* If requests do not fit, that is why reads are not direct either. */
	gathered->port[PCI_P2PDMA_PAYLOAD_SIZE] =
		p2pdma_bdf(path.request.across ?: p2pdma_completion_lost(&path));
	gathered->port[PCI_P2PDMA_TAG_WIDTH] = p2pdma_bdf(path.tag_width);

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
		p2pdma_gather_fabric(&path, kind == P2PDMA_READS,
				     bus_translation, tlp, facts);
		if (!gathered->same_bridge &&
		    p2pdma_host_addr_taken(provider, client))
			facts->untranslated = p2pdma_lost_anywhere;
		if (translation_taken)
			facts->sent_translated = p2pdma_lost_anywhere;
	}
}

static enum p2pdma_client p2pdma_client(const struct dma_p2pdma_client *client)
{
	/* The address of peer memory is never right for DMA there, even with an IOMMU. */
	if (client->must_bounce || p2pdma_encrypted_guest())
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

/*
 * The client may send its requests as translated.  Where an IOMMU translates, its tables
 * have no bus address: a client that asks for the translation of one gets none, unless
 * its driver does not let it ask.  In an identity domain the translation of an address is
 * the same number as a CPU address, which a bus address is only without an offset.
 */
static void p2pdma_facts_ats(struct p2pdma_facts *facts, enum p2pdma_ats ats,
			     struct p2pdma_provider *provider, bool same_bridge)
{
	bool translated = facts->client == P2PDMA_CLIENT_TRANSLATED;

	if (ats == P2PDMA_ATS_OFF || facts->same_function ||
	    (ats == P2PDMA_ATS_PER_MAPPING && !translated))
		return;
	facts->ats = true;
	if (!translated && same_bridge && provider->bus_offset)
		facts->sent_translated = (struct p2pdma_outcome) {
			.fate = P2PDMA_FATE_LOST,
			.why = PCI_P2PDMA_CLIENT_ATS,
		};
	if (translated ? ats == P2PDMA_ATS_ON :
			 p2pdma_fate_lost(facts->sent_translated.fate))
		facts->obstacles |= BIT(PCI_P2PDMA_CLIENT_ATS);
}

/* Add the facts that change with no event; a verdict is stamped with them. */
static void p2pdma_facts_now(struct p2pdma_facts *facts, struct pci_dev *pdev,
			     struct p2pdma_provider *provider,
			     enum p2pdma_query query, bool same_bridge,
			     unsigned int tlp)
{
	struct device *dev = &pdev->dev;
	struct p2pdma_mem *mem = to_p2pdma_mem(provider);
	dma_addr_t last_bus = mem->last + provider->bus_offset;
	struct dma_p2pdma_client client;

	/* What is gone will not be awake again. */
	if (query == P2PDMA_QUERY_AWAKE)
		facts->unreachable = p2pdma_path_gone(to_pci_dev(provider->owner));
	facts->unreachable |= atomic_read(&mem->going);

	dma_p2pdma_client(dev, &client);
	facts->client = p2pdma_client(&client);
	if (!(tlp & PCI_P2PDMA_TLP_TRANSLATED))
		p2pdma_facts_ats(facts, p2pdma_ats(pdev), provider, same_bridge);
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
	case PCI_P2PDMA_PAYLOAD_SIZE:
	case PCI_P2PDMA_TAG_WIDTH:
		return p2pdma_facts_outcome(facts)->why == reason ?
			       p2pdma_facts_outcome(facts)->port :
			       gathered->port[reason];
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
	p2pdma_facts_now(facts, client, provider, query, gathered->same_bridge,
			 gathered->tlp);

	*route = (struct pci_p2pdma_route) {
		.distance = gathered->distance,
		.same_bridge = gathered->same_bridge,
	};
	route->reason = p2pdma_decide(facts, &route->type);
	route->window = gathered->window &&
			query == P2PDMA_QUERY_LIST &&
			facts->client == P2PDMA_CLIENT_TRANSLATED &&
			!client->untrusted &&
			route->type == PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
	route->translated_crosses = facts->ats &&
		route->type == PCI_P2PDMA_MAP_THRU_HOST_BRIDGE &&
		p2pdma_fate_crosses(facts->sent_translated.fate);
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
