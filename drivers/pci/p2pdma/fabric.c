// SPDX-License-Identifier: GPL-2.0
/*
 * Fabric: the path between two PCI functions, and what the ports on it do.
 *
 * A request from a client goes up until it meets a port that is also above the
 * provider, and from there down:
 *
 *	root port
 *	  \- common (switch upstream port)
 *	       +- client_side  - ... - client
 *	       \- provider_side - ... - provider
 *
 * The paths diverge at the two downstream ports below the common port.  Only there do
 * ACS bits decide whether a request crosses: further down and further up the same bits
 * apply to ordinary upstream and downstream traffic (PCI Express Base Specification,
 * "Access Control Services").
 *
 * p2pdma_path_shape() finds the common port.  p2pdma_path_walk() then goes from the
 * client to the provider, and reads the configuration space of each function and port
 * on the way; p2pdma_path_init(), the list of redirecting ports and debugfs are made
 * of what it reads.  Nothing is cached here.
 *
 * Nothing here sleeps or takes references: a caller that holds a function holds the
 * bridges above it.
 */
#define pr_fmt(fmt) "pci-p2pdma: " fmt

#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/pci.h>
#include <linux/seq_buf.h>

#include "../pci.h"
#include "p2pdma.h"

/* Any of these at functions of one device may send traffic another way. */
#define P2PDMA_ACS_REDIRECTING \
	(PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_EC | PCI_ACS_UF)

/* A register of the ACS capability; negative if it cannot be read. */
static int p2pdma_acs_read(struct pci_dev *pdev, int where)
{
	u16 value;

	if (!pdev->acs_cap ||
	    pci_read_config_word(pdev, pdev->acs_cap + where, &value) ||
	    PCI_POSSIBLE_ERROR(value))
		return -EIO;
	return value;
}

/*
 * An extended capability of function 0 of a device, which need not be known; 0 if there is
 * none, negative if that is not known.
 */
static int p2pdma_function0_cap(struct pci_bus *bus, int id)
{
	int pos = PCI_CFG_SPACE_SIZE, left = PCI_CFG_SPACE_EXP_SIZE / 8;
	u32 header;

	for (; pos >= PCI_CFG_SPACE_SIZE && left; left--) {
		if (pci_bus_read_config_dword(bus, 0, pos, &header) ||
		    PCI_POSSIBLE_ERROR(header))
			return -EIO;
		if (!header)
			return 0;
		if (PCI_EXT_CAP_ID(header) == id)
			return pos;
		pos = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

/*
 * The bit of a function in the egress vectors of its device: its number, or with ACS
 * function groups, which function 0 switches on for all, that of its group (PCI Express
 * Base Specification, "ARI Control Register").  Negative if that is not known.
 */
static int p2pdma_function_number(struct pci_dev *pdev)
{
	int cap;
	u16 ctrl;

	if (!pci_ari_enabled(pdev->bus))
		return PCI_FUNC(pdev->devfn);
	cap = p2pdma_function0_cap(pdev->bus, PCI_EXT_CAP_ID_ARI);
	if (cap <= 0)
		return cap ?: pdev->devfn;
	if (pci_bus_read_config_word(pdev->bus, 0, cap + PCI_ARI_CTRL, &ctrl) ||
	    PCI_POSSIBLE_ERROR(ctrl))
		return -EIO;
	if (!(ctrl & PCI_ARI_CTRL_ACS))
		return pdev->devfn;

	cap = pci_find_ext_capability(pdev, PCI_EXT_CAP_ID_ARI);
	if (!cap || pci_read_config_word(pdev, cap + PCI_ARI_CTRL, &ctrl) ||
	    PCI_POSSIBLE_ERROR(ctrl))
		return -EIO;
	return PCI_ARI_CTRL_FG(ctrl);
}

/*
 * Is the bit for @peer set in the egress vector of @port?  The vector is indexed
 * by port number (Link Capabilities), or among functions of one device by function
 * number; its size is in the ACS Capability register, where 0 stands for 256.
 * A bit that cannot be read counts as set.
 */
static bool p2pdma_acs_egress(struct pci_dev *port, struct pci_dev *peer)
{
	u32 lnkcap, vector;
	int number;
	u8 size;

	/* A virtual function on another bus has no number among the device's functions. */
	if (peer->bus != pci_physfn(peer)->bus)
		return true;

	if (pcie_downstream_port(port)) {
		if (pcie_capability_read_dword(peer, PCI_EXP_LNKCAP, &lnkcap) ||
		    PCI_POSSIBLE_ERROR(lnkcap))
			return true;
		number = lnkcap >> 24;
	} else {
		number = p2pdma_function_number(peer);
		if (number < 0)
			return true;
	}

	if (pci_read_config_byte(port, port->acs_cap + PCI_ACS_EGRESS_BITS,
				 &size) ||
	    (size && number >= size))
		return true;

	if (pci_read_config_dword(port, port->acs_cap + PCI_ACS_EGRESS_CTL_V +
				  number / 32 * 4, &vector))
		return true;
	return vector & BIT(number % 32);
}

/**
 * p2pdma_acs_request - the way of an untranslated request at the divergence
 * @ctrl: ACS Control of the downstream port on the requester's side
 * @egress: the bit for the port on the other side is set in its egress vector
 *
 * PCI Express Base Specification, "Access Control Services", table on the
 * interaction of P2P Request Redirect and P2P Egress Control.
 *
 * Return: whether it goes across, up, or nowhere.
 */
enum p2pdma_acs_request p2pdma_acs_request(u16 ctrl, bool egress)
{
	if (ctrl & PCI_ACS_EC) {
		if (!egress)
			return P2PDMA_ACS_ACROSS;
		return ctrl & PCI_ACS_RR ? P2PDMA_ACS_UP : P2PDMA_ACS_DROPPED;
	}
	return ctrl & PCI_ACS_RR ? P2PDMA_ACS_UP : P2PDMA_ACS_ACROSS;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_acs_request);

/**
 * p2pdma_acs_translated - the way of a translated request at the divergence
 * @ctrl: ACS Control of the downstream port on the requester's side
 * @egress: the bit for the port on the other side is set in its egress vector
 *
 * Direct Translated P2P lets it cross whatever redirection and egress control say
 * (PCI Express Base Specification, "ACS Direct Translated P2P").  Translation Blocking,
 * which comes before that, is for the caller to look at.
 *
 * Return: whether it goes across, up, or nowhere.
 */
enum p2pdma_acs_request p2pdma_acs_translated(u16 ctrl, bool egress)
{
	return ctrl & PCI_ACS_DT ? P2PDMA_ACS_ACROSS :
				   p2pdma_acs_request(ctrl, egress);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_acs_translated);

/* A port of a PCI Express fabric, as opposed to a bridge to conventional PCI. */
static bool p2pdma_is_port(struct pci_dev *bridge)
{
	switch (pci_is_pcie(bridge) ? pci_pcie_type(bridge) : -1) {
	case PCI_EXP_TYPE_ROOT_PORT:
	case PCI_EXP_TYPE_UPSTREAM:
	case PCI_EXP_TYPE_DOWNSTREAM:
		return true;
	default:
		return false;
	}
}

/* How many functions and bridges there are from a function up to its root bus. */
static int p2pdma_depth(struct pci_dev *pdev)
{
	int depth = 0;

	for (; pdev; pdev = pci_upstream_bridge(pdev))
		depth++;
	return depth;
}

/**
 * p2pdma_decodes_memory - does a function decode memory addresses?
 * @pdev: the function or port; all virtual functions of a physical function share one
 *	bit, in its SR-IOV capability
 *
 * Context: any; reads configuration space.
 *
 * Return: true if it does.
 */
bool p2pdma_decodes_memory(struct pci_dev *pdev)
{
	int where = PCI_COMMAND;
	u16 bit = PCI_COMMAND_MEMORY, value;

#ifdef CONFIG_PCI_IOV
	if (pdev->is_virtfn) {
		pdev = pci_physfn(pdev);
		where = pdev->sriov->pos + PCI_SRIOV_CTRL;
		bit = PCI_SRIOV_CTRL_MSE;
	}
#endif
	return !pci_read_config_word(pdev, where, &value) &&
	       !PCI_POSSIBLE_ERROR(value) && (value & bit);
}

/**
 * p2pdma_bdf - the PCI address of a function
 * @pdev: the function, or NULL
 *
 * Return: its address, not valid for NULL.
 */
struct p2pdma_bdf p2pdma_bdf(struct pci_dev *pdev)
{
	if (!pdev)
		return (struct p2pdma_bdf) {};
	return (struct p2pdma_bdf) {
		.valid = true,
		.domain = pci_domain_nr(pdev->bus),
		.id = pci_dev_id(pdev),
	};
}

/**
 * p2pdma_bdf_text - write a PCI address
 * @bdf: the address; not valid for none
 * @text: gets the address, or "-"; %P2PDMA_BDF_LEN bytes
 */
void p2pdma_bdf_text(const struct p2pdma_bdf *bdf, char *text)
{
	if (!bdf->valid)
		strscpy(text, "-", P2PDMA_BDF_LEN);
	else
		snprintf(text, P2PDMA_BDF_LEN, "%04x:%02x:%02x.%d",
			 bdf->domain, PCI_BUS_NUM(bdf->id),
			 PCI_SLOT(bdf->id & 0xff), PCI_FUNC(bdf->id & 0xff));
}

/**
 * p2pdma_route_bridge - write the PCI address of the port that decided
 * @route: the route
 * @text: gets the address, or "-" if no single port did; %P2PDMA_BDF_LEN bytes
 */
void p2pdma_route_bridge(const struct pci_p2pdma_route *route, char *text)
{
	const struct p2pdma_bdf bdf = {
		.valid = route->has_bridge,
		.domain = route->bridge_domain,
		.id = route->bridge_id,
	};

	p2pdma_bdf_text(&bdf, text);
}

/* The nearest PCI function above a device, or the device itself; held. */
struct pci_dev *p2pdma_pci_parent(struct device *dev)
{
	for (; dev; dev = dev->parent)
		if (dev_is_pci(dev))
			return pci_dev_get(to_pci_dev(dev));
	return NULL;
}

/**
 * p2pdma_can_forward - can a port be set to forward upstream what is for below it?
 * @port: the port
 *
 * Context: any; reads configuration space.
 *
 * Return: true if its ACS capability has Upstream Forwarding, set or not.
 */
bool p2pdma_can_forward(struct pci_dev *port)
{
	int cap = p2pdma_acs_read(port, PCI_ACS_CAP);

	return cap > 0 && (cap & PCI_ACS_UF);
}

/* Is the power state known, and not D0? */
static bool p2pdma_powered_down(struct pci_dev *pdev)
{
	return pdev->current_state == PCI_D1 || pdev->current_state == PCI_D2 ||
	       pdev->current_state == PCI_D3hot ||
	       pdev->current_state == PCI_D3cold;
}

/**
 * p2pdma_path_asleep - find a function or port that keeps a provider from answering
 * @provider: the provider's function
 *
 * A snapshot of the power states and disconnected links that the kernel knows of;
 * reads no configuration space.
 *
 * Context: any.
 *
 * Return: the first function, from @provider up, that is not in D0 or has been
 * disconnected; NULL if there is none.
 */
struct pci_dev *p2pdma_path_asleep(struct pci_dev *provider)
{
	struct pci_dev *pdev;

	for (pdev = provider; pdev; pdev = pci_upstream_bridge(pdev))
		if (p2pdma_powered_down(pdev) ||
		    p2pdma_powered_down(pci_physfn(pdev)) ||
		    pci_channel_offline(pdev) ||
		    pci_channel_offline(pci_physfn(pdev)))
			return pdev;
	return NULL;
}

/**
 * p2pdma_path_gone - has a provider been pulled out?
 * @provider: the provider's function
 *
 * Context: any.
 *
 * Return: true if it, or a port above it, is disconnected for good.
 */
bool p2pdma_path_gone(struct pci_dev *provider)
{
	struct pci_dev *pdev;

	for (pdev = provider; pdev; pdev = pci_upstream_bridge(pdev))
		if (pci_dev_is_disconnected(pdev) ||
		    pci_dev_is_disconnected(pci_physfn(pdev)))
			return true;
	return false;
}

/**
 * p2pdma_path_shape - find where the paths up from client and provider meet
 * @path: the fields up to @distance are filled in, the others are zero
 * @client: the function that does the DMA
 * @provider: the function whose memory it is
 *
 * Context: any; reads no configuration space.  The caller holds both functions.
 */
void p2pdma_path_shape(struct p2pdma_path *path, struct pci_dev *client,
		       struct pci_dev *provider)
{
	int client_depth = p2pdma_depth(client);
	int provider_depth = p2pdma_depth(provider);
	struct pci_dev *c = client, *p = provider;

	*path = (struct p2pdma_path) {
		.client = client,
		.provider = provider,
		.same_function = client == provider,
		.distance = client_depth + provider_depth,
	};

	/* Climb to the same height, then side by side until they meet. */
	for (; client_depth > provider_depth; client_depth--)
		c = pci_upstream_bridge(c);
	for (; provider_depth > client_depth; provider_depth--)
		p = pci_upstream_bridge(p);
	while (c != p && pci_upstream_bridge(c) != pci_upstream_bridge(p)) {
		c = pci_upstream_bridge(c);
		p = pci_upstream_bridge(p);
	}
	path->client_branch = c;
	path->provider_branch = p;

	/*
	 * If one is a bridge above the other the paths do not diverge, and no
	 * rule says that the bridge reaches its own memory from below.
	 */
	if (c != p) {
		path->common = pci_upstream_bridge(c);
		path->distance -= 2 * p2pdma_depth(path->common);
		path->in_switch = path->common && pcie_downstream_port(c) &&
				  pcie_downstream_port(p);
	} else {
		path->distance -= 2 * p2pdma_depth(c);
	}
}

/* Where a walk along a path hands its hops to. */
struct p2pdma_walk {
	enum p2pdma_asleep asleep;
	p2pdma_hop_fn fn;
	void *data;
};

/*
 * Can configuration space be read?  Not in D3cold, nor below a port that has been put to
 * sleep and so has no link.  In the other states a function answers.
 */
static bool p2pdma_readable(struct pci_dev *pdev)
{
	struct pci_dev *above = pci_upstream_bridge(pdev);

	return pdev->current_state != PCI_D3cold && !pci_channel_offline(pdev) &&
	       !(above && p2pdma_path_asleep(above));
}

/*
 * Will a function decode memory addresses when it is awake?  As it did when the kernel
 * saved its state; otherwise its driver will see to it.
 */
static bool p2pdma_will_decode(struct pci_dev *pdev)
{
	return pdev->is_virtfn || !pdev->state_saved ||
	       (pdev->saved_config_space[PCI_COMMAND / 4] & PCI_COMMAND_MEMORY);
}

static bool p2pdma_not_read(const struct p2pdma_walk *walk, struct pci_dev *pdev)
{
	switch (walk->asleep) {
	case P2PDMA_ASLEEP_SKIPPED:
		return p2pdma_path_asleep(pdev);
	case P2PDMA_ASLEEP_PREDICTED:
		return !p2pdma_readable(pdev);
	default:
		return false;
	}
}

/* @peer: the function or port whose bit in the egress vector counts, or NULL */
static void p2pdma_hop(const struct p2pdma_walk *walk, enum p2pdma_role role,
		       struct pci_dev *pdev, struct pci_dev *peer)
{
	struct p2pdma_hop hop = {
		.role = role,
		.pdev = pdev,
		.unread = p2pdma_not_read(walk, pdev),
		.acs_cap = -EIO,
		.acs_ctrl = -EIO,
		.egress = -ENOENT,
	};
	u16 command;

	/* Some quirks read configuration space; those of other functions may sleep. */
	if (!hop.unread && !pdev->acs_cap && pcie_downstream_port(pdev))
		hop.isolates = pci_dev_specific_acs_enabled(pdev, PCI_ACS_RR |
							    PCI_ACS_CR) > 0;
	if (!hop.unread) {
		hop.acs_cap = p2pdma_acs_read(pdev, PCI_ACS_CAP);
		hop.acs_ctrl = p2pdma_acs_read(pdev, PCI_ACS_CTRL);
		if (peer && hop.acs_ctrl > 0 && (hop.acs_ctrl & PCI_ACS_EC) &&
		    !p2pdma_not_read(walk, peer))
			hop.egress = p2pdma_acs_egress(pdev, peer);
		hop.memory = p2pdma_decodes_memory(pdev);
		hop.master = !pci_read_config_word(pdev, PCI_COMMAND,
						   &command) &&
			     !PCI_POSSIBLE_ERROR(command) &&
			     (command & PCI_COMMAND_MASTER);
	} else if (walk->asleep == P2PDMA_ASLEEP_PREDICTED) {
		hop.memory = p2pdma_will_decode(pdev);
		hop.master = true;
	}
	walk->fn(&hop, walk->data);
}

/**
 * p2pdma_path_walk - read every function and port on a path, as it is now
 * @path: from p2pdma_path_shape() or p2pdma_path_init()
 * @asleep: what to do with functions and ports that are asleep or disconnected
 * @fn: called for each, from the client up and from there down to the provider
 * @data: for @fn
 *
 * Physical functions, which are not on the path, come after the virtual function
 * on the client's side and before it on the provider's.  The ports above the
 * common one come once, on the way up.
 *
 * Context: any; reads configuration space.  The caller holds both functions.
 */
void p2pdma_path_walk(const struct p2pdma_path *path,
		      enum p2pdma_asleep asleep, p2pdma_hop_fn fn, void *data)
{
	const struct p2pdma_walk walk = {
		.asleep = asleep,
		.fn = fn,
		.data = data,
	};
	struct pci_dev *client = path->client, *provider = path->provider;
	struct pci_dev *pdev;
	int down, i;

	/* Which may itself be the port where the paths diverge. */
	p2pdma_hop(&walk, P2PDMA_CLIENT, client,
		   path->common && client == path->client_branch ?
			   path->provider_branch : NULL);
	if (client->is_virtfn)
		p2pdma_hop(&walk, P2PDMA_CLIENT_PF, pci_physfn(client), NULL);
	if (path->same_function)
		return;

	for (pdev = pci_upstream_bridge(client); pdev && pdev != path->common;
	     pdev = pci_upstream_bridge(pdev))
		if (path->common && pdev == path->client_branch)
			p2pdma_hop(&walk, P2PDMA_CLIENT_SIDE, pdev,
				   path->provider_branch);
		else
			p2pdma_hop(&walk, P2PDMA_UP, pdev, NULL);

	for (pdev = path->common; pdev; pdev = pci_upstream_bridge(pdev))
		p2pdma_hop(&walk, pdev == path->common ? P2PDMA_COMMON :
							 P2PDMA_ABOVE, pdev, NULL);

	/* From the top down, though only the way up can be followed. */
	for (down = p2pdma_depth(provider) - p2pdma_depth(path->common) - 1;
	     down > 0; down--) {
		for (pdev = provider, i = 0; i < down; i++)
			pdev = pci_upstream_bridge(pdev);
		if (path->common && pdev == path->provider_branch)
			p2pdma_hop(&walk, P2PDMA_PROVIDER_SIDE, pdev,
				   path->in_switch ? path->client_branch : NULL);
		else
			p2pdma_hop(&walk, P2PDMA_DOWN, pdev, NULL);
	}

	if (provider->is_virtfn)
		p2pdma_hop(&walk, P2PDMA_PROVIDER_PF, pci_physfn(provider),
			   NULL);
	p2pdma_hop(&walk, P2PDMA_PROVIDER, provider,
		   path->in_switch && provider == path->provider_branch ?
		   path->client_branch : NULL);
}

/*
 * The ACS Control register at a hop; without the capability 0, or what a quirk of the
 * kernel's knows.  One that cannot be read counts as redirecting and blocking
 * everything; but where it is only predicted, it is not known, and nothing is held
 * against the path.
 */
static u16 p2pdma_hop_acs(const struct p2pdma_hop *hop)
{
	if (hop->unread)
		return 0;
	if (!hop->pdev->acs_cap)
		return hop->isolates ? PCI_ACS_RR | PCI_ACS_CR : 0;
	return hop->acs_ctrl < 0 ? PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_TB :
				   hop->acs_ctrl;
}

static struct p2pdma_acs_port p2pdma_hop_port(const struct p2pdma_hop *hop)
{
	return (struct p2pdma_acs_port) {
		.port = hop->pdev,
		.ctrl = p2pdma_hop_acs(hop),
		.egress = hop->egress > 0,
	};
}

/*
 * Does a downstream port forward upstream a request from below for memory below it?
 * With memory decoding on it needs UF.  With memory decoding off the port has no
 * windows, so that it passes the request on.  The upstream port above it then finds the
 * address in its own window and looks for a port below it that claims the address.
 * There is none, and the request is lost, unless the upstream port does not decode
 * memory either.
 */
static bool p2pdma_forwards_request(const struct p2pdma_hop *hop)
{
	struct pci_dev *upstream = pci_upstream_bridge(hop->pdev);

	if (hop->unread)
		return true;
	if (hop->memory)
		return p2pdma_hop_acs(hop) & PCI_ACS_UF;
	return !upstream || !p2pdma_decodes_memory(upstream);
}

/*
 * Among functions of one device and the ports above: an ACS bit that may redirect.
 * P2PDMA_UP and P2PDMA_DOWN do not count.  There are such hops only if client or
 * provider is below a bridge function of the device, and then p2pdma_path_init() names
 * that bridge function whatever ACS says.
 */
static bool p2pdma_may_redirect(const struct p2pdma_hop *hop)
{
	return hop->role != P2PDMA_UP && hop->role != P2PDMA_DOWN &&
	       (p2pdma_hop_acs(hop) & P2PDMA_ACS_REDIRECTING);
}

/* Of several functions or ports, the one to name: see p2pdma_first_of(). */
struct p2pdma_first {
	struct pci_dev *client;
	struct pci_dev *provider;
	struct pci_dev *above;
};

static void p2pdma_first_add(struct p2pdma_first *first,
			     const struct p2pdma_hop *hop)
{
	struct pci_dev **place = &first->provider;

	if (hop->role < P2PDMA_COMMON)
		place = &first->client;
	else if (hop->role <= P2PDMA_ABOVE)
		place = &first->above;
	/* The walk comes up from the client, and down to the provider. */
	if (!*place || place == &first->provider)
		*place = hop->pdev;
}

/* The nearest to the client, else the nearest to the provider, else the lowest above. */
static struct pci_dev *p2pdma_first_of(const struct p2pdma_first *first)
{
	return first->client ?: first->provider ?: first->above;
}

/* A path that is being filled in. */
struct p2pdma_path_fill {
	struct p2pdma_path *path;
	struct p2pdma_first conventional;
	struct p2pdma_first redirecting;
};

/* The common port, or one above it. */
static void p2pdma_fill_above(struct p2pdma_path *path,
			      const struct p2pdma_hop *hop)
{
	if (!hop->memory)
		path->not_decoding_above = hop->pdev;
	if (!pcie_downstream_port(hop->pdev))
		return;
	if (!path->blocking_above && (p2pdma_hop_acs(hop) & PCI_ACS_TB))
		path->blocking_above = hop->pdev;
	if (!path->no_forwarding && !p2pdma_forwards_request(hop))
		path->no_forwarding = hop->pdev;
	/* A completion is routed by bus number, and not by windows. */
	if (!path->no_completions && !hop->unread &&
	    !(p2pdma_hop_acs(hop) & PCI_ACS_UF))
		path->no_completions = hop->pdev;
}

/* A port on the client's way up, below the common port. */
static void p2pdma_fill_up(struct p2pdma_path *path, const struct p2pdma_hop *hop)
{
	if (!path->blocking && pcie_downstream_port(hop->pdev) &&
	    (p2pdma_hop_acs(hop) & PCI_ACS_TB))
		path->blocking = hop->pdev;
}

static void p2pdma_fill(const struct p2pdma_hop *hop, void *data)
{
	struct p2pdma_path_fill *fill = data;
	struct p2pdma_path *path = fill->path;
	bool in_device = path->common && !path->in_switch;

	if (!path->unread && !hop->unread && hop->pdev->acs_cap &&
	    hop->acs_ctrl < 0 && hop->role != P2PDMA_COMMON && hop->role != P2PDMA_ABOVE)
		path->unread = hop->pdev;
	if (in_device && p2pdma_may_redirect(hop))
		p2pdma_first_add(&fill->redirecting, hop);
	if (path->in_switch && hop->pdev == path->client_branch)
		path->client_side = p2pdma_hop_port(hop);
	/* Not once more as the physical function of the provider. */
	if (in_device && hop->role <= P2PDMA_CLIENT_SIDE &&
	    hop->pdev == path->client_branch)
		path->client_drops = p2pdma_acs_request(p2pdma_hop_acs(hop),
							hop->egress > 0) ==
				     P2PDMA_ACS_DROPPED;
	if (in_device && !path->unproven &&
	    (hop->role == P2PDMA_CLIENT || hop->role == P2PDMA_PROVIDER) &&
	    (hop->acs_cap < 0 || !(hop->acs_cap & PCI_ACS_RR)))
		path->unproven = hop->pdev;
	if (path->in_switch && hop->pdev == path->provider_branch)
		path->provider_side = p2pdma_hop_port(hop);

	switch (hop->role) {
	case P2PDMA_CLIENT:
		if (path->same_function && !hop->memory)
			path->not_decoding = hop->pdev;
		break;
	case P2PDMA_CLIENT_PF:
	case P2PDMA_PROVIDER_PF:
		break;
	case P2PDMA_CLIENT_SIDE:
	case P2PDMA_UP:
		if (!p2pdma_is_port(hop->pdev))
			p2pdma_first_add(&fill->conventional, hop);
		p2pdma_fill_up(path, hop);
		break;
	case P2PDMA_COMMON:
		if (!p2pdma_is_port(hop->pdev))
			p2pdma_first_add(&fill->conventional, hop);
		fallthrough;
	case P2PDMA_ABOVE:
		p2pdma_fill_above(path, hop);
		break;
	case P2PDMA_PROVIDER_SIDE:
	case P2PDMA_DOWN:
		if (!p2pdma_is_port(hop->pdev))
			p2pdma_first_add(&fill->conventional, hop);
		if (!hop->memory)
			path->not_decoding = hop->pdev;
		break;
	case P2PDMA_PROVIDER:
		/* The nearest to the provider is named. */
		if (!hop->memory)
			path->not_decoding = hop->pdev;
		/* In a switch p2pdma_path_init() replaces this. */
		path->completion_up = p2pdma_hop_acs(hop) & PCI_ACS_CR;
		break;
	}
}

/*
 * The bridge function of a device that client or provider is below: nothing says
 * that it and the other functions of the device reach each other.
 */
static struct pci_dev *p2pdma_below(const struct p2pdma_path *path)
{
	if (path->client_branch != path->client)
		return path->client_branch;
	return path->provider_branch != path->provider ? path->provider_branch :
							 NULL;
}

/*
 * A bridge's own memory, from below.
 */

/* Not in this kernel's <linux/pci_regs.h>: fields of ACS Capability and Control. */
#define P2PDMA_ACS_ENHANCED	0x0080
#define P2PDMA_ACS_DSP_ACCESS	0x0300
#define P2PDMA_ACS_USP_ACCESS	0x0c00

/* The port that a client below a bridge, or beside it in a switch, comes to it through. */
static struct pci_dev *p2pdma_access_port(const struct p2pdma_path *path)
{
	struct pci_dev *provider = path->provider, *pdev = path->client;

	if (path->same_function || !pci_is_bridge(provider))
		return NULL;
	if (path->client_branch != path->provider_branch)
		return path->in_switch && provider == path->provider_branch ?
			       path->client_branch : NULL;
	/* The provider is above the client. */
	if (pcie_downstream_port(provider))
		return provider;
	while (pci_upstream_bridge(pdev) != provider)
		pdev = pci_upstream_bridge(pdev);
	return pdev;
}

/*
 * PCI Express Base Specification, "ACS Enhanced Capability": the downstream port says
 * whether requests from below reach the memory of downstream ports, or of the upstream
 * port.  Without it nothing says that they do.
 */
static void p2pdma_fill_bridge(struct p2pdma_path *path)
{
	struct pci_dev *port = p2pdma_access_port(path);
	u16 field = P2PDMA_ACS_DSP_ACCESS;
	int cap, ctrl;

	path->bridge_memory = port;
	if (!port || !pcie_downstream_port(port))
		return;
	if (pci_pcie_type(path->provider) == PCI_EXP_TYPE_UPSTREAM)
		field = P2PDMA_ACS_USP_ACCESS;
	cap = p2pdma_acs_read(port, PCI_ACS_CAP);
	ctrl = p2pdma_acs_read(port, PCI_ACS_CTRL);
	path->bridge_access = cap > 0 && (cap & P2PDMA_ACS_ENHANCED) &&
			      ctrl >= 0 && !(ctrl & field);
	/* On the way down again. */
	if (!path->common)
		for (port = path->provider; (port = pci_upstream_bridge(port));)
			if (!p2pdma_decodes_memory(port))
				path->not_decoding_above = port;
}

/*
 * What the links can carry.
 */

/* The function whose packets @pdev's transfers become; below a bridge, the bridge. */
static struct pci_dev *p2pdma_sender(struct pci_dev *pdev)
{
	while (pdev && !pci_is_pcie(pdev))
		pdev = pci_upstream_bridge(pdev);
	/* Virtual functions have neither of the registers below. */
	return pdev ? pci_physfn(pdev) : NULL;
}

/* Max_Payload_Size as the exponent n of 128 << n bytes; negative if it cannot be read. */
static int p2pdma_mps(struct pci_dev *pdev)
{
	u16 ctl;

	if (pcie_capability_read_word(pdev, PCI_EXP_DEVCTL, &ctl) ||
	    PCI_POSSIBLE_ERROR(ctl))
		return -EIO;
	return FIELD_GET(PCI_EXP_DEVCTL_PAYLOAD, ctl);
}

/* Does a receiver take less than @payload?  What cannot be read takes nothing. */
static bool p2pdma_takes_less(struct pci_dev *pdev, int payload)
{
	pdev = pci_physfn(pdev);
	return pci_is_pcie(pdev) && p2pdma_mps(pdev) < payload;
}

/* The first port above @from and below @top that takes less. */
static struct pci_dev *p2pdma_less_up(struct pci_dev *from, struct pci_dev *top,
				      int payload)
{
	struct pci_dev *pdev = from;

	while ((pdev = pci_upstream_bridge(pdev)) && pdev != top)
		if (p2pdma_takes_less(pdev, payload))
			return pdev;
	return NULL;
}

/* The first function below @top, down to @to, that takes less. */
static struct pci_dev *p2pdma_less_down(struct pci_dev *to, struct pci_dev *top,
					int payload)
{
	struct pci_dev *pdev, *first = NULL;

	for (pdev = to; pdev && pdev != top; pdev = pci_upstream_bridge(pdev))
		if (p2pdma_takes_less(pdev, payload))
			first = pdev;
	return first;
}

/*
 * PCI Express Base Specification, "TLP with Data Payloads - Rules": a packet with more
 * data than the receiver's Max_Payload_Size is malformed, which is fatal.
 */
static void p2pdma_fill_payload(struct p2pdma_payload *fit,
				const struct p2pdma_path *path,
				struct pci_dev *from, struct pci_dev *to)
{
	struct pci_dev *sender = p2pdma_sender(from), *root = to;
	int payload = sender ? p2pdma_mps(sender) : 0;

	/* What cannot be read may send as much as there can be. */
	if (payload < 0)
		payload = FIELD_MAX(PCI_EXP_DEVCTL_PAYLOAD);
	if (path->in_switch)
		fit->across = p2pdma_less_up(from, path->common, payload) ?:
			      p2pdma_less_down(to, path->common, payload);

	fit->by_root = p2pdma_less_up(from, NULL, payload);
	while (pci_upstream_bridge(root))
		root = pci_upstream_bridge(root);
	if (fit->by_root || root == to)
		return;
	if (p2pdma_takes_less(root, payload))
		payload = max(p2pdma_mps(root), 0);
	fit->by_root = p2pdma_less_down(to, root, payload);
}

/* A register of the Device 3 capability; 0 without it. */
static u32 p2pdma_dev3(struct pci_dev *pdev, int where)
{
	int cap = pci_find_ext_capability(pdev, P2PDMA_EXT_CAP_ID_DEV3);
	u32 value;

	if (!cap || pci_read_config_dword(pdev, cap + where, &value) ||
	    PCI_POSSIBLE_ERROR(value))
		return 0;
	return value;
}

/*
 * Bits in the tags of a function's requests; its virtual functions have a bit of their own.
 * What cannot be read may send as many as there can be.
 */
static int p2pdma_tags_sent(struct pci_dev *pdev, bool virtfn)
{
	u16 ctl, sriov = 0;
	u32 cap;

	if (pcie_capability_read_dword(pdev, PCI_EXP_DEVCAP2, &cap))
		return 14;
	if (!(cap & P2PDMA_DEVCAP2_10BIT_TAG_REQ))
		return 8;
	/* DEVCTL2 comes last: if it can be read, so could what was read before. */
	if ((p2pdma_dev3(pdev, P2PDMA_DEV3_CTL) & P2PDMA_DEV3_CTL_14BIT_TAG_REQ) ||
	    pcie_capability_read_word(pdev, PCI_EXP_DEVCTL2, &ctl) ||
	    PCI_POSSIBLE_ERROR(ctl))
		return 14;
#ifdef CONFIG_PCI_IOV
	if (virtfn)
		pci_read_config_word(pdev, pdev->sriov->pos + PCI_SRIOV_CTRL,
				     &sriov);
#endif
	return (ctl & P2PDMA_DEVCTL2_10BIT_TAG_REQ) ||
	       (sriov & P2PDMA_SRIOV_CTRL_10BIT_TAG) ? 10 : 8;
}

/* Bits in the tags of requests that a function returns. */
static int p2pdma_tags_returned(struct pci_dev *pdev)
{
	u32 cap;

	if (pcie_capability_read_dword(pdev, PCI_EXP_DEVCAP2, &cap) ||
	    PCI_POSSIBLE_ERROR(cap) || !(cap & P2PDMA_DEVCAP2_10BIT_TAG_CPL))
		return 8;
	return p2pdma_dev3(pdev, P2PDMA_DEV3_CAP) &
	       P2PDMA_DEV3_CAP_14BIT_TAG_CPL ? 14 : 10;
}

/* PCI Express Base Specification, "Transaction Descriptor - Transaction ID Field". */
static struct pci_dev *p2pdma_tags_too_wide(struct pci_dev *client,
					    struct pci_dev *provider)
{
	struct pci_dev *requester = p2pdma_sender(client);
	struct pci_dev *completer = p2pdma_sender(provider);
	int sent;

	if (!requester || !completer)
		return NULL;
	sent = p2pdma_tags_sent(requester, client->is_virtfn);
	return sent > 8 && sent > p2pdma_tags_returned(completer) ? completer :
								    NULL;
}

static void p2pdma_path_find(struct p2pdma_path *path, struct pci_dev *client,
			     struct pci_dev *provider,
			     enum p2pdma_asleep asleep)
{
	struct p2pdma_path_fill fill = { .path = path };
	struct pci_dev *below;

	p2pdma_path_shape(path, client, provider);
	p2pdma_path_walk(path, asleep, p2pdma_fill, &fill);
	path->conventional = p2pdma_first_of(&fill.conventional);
	p2pdma_fill_bridge(path);
	/* What sleeps cannot be asked, and nothing is held against it. */
	if (!path->same_function &&
	    (asleep != P2PDMA_ASLEEP_PREDICTED ||
	     (!p2pdma_path_asleep(client) && !p2pdma_path_asleep(provider)))) {
		p2pdma_fill_payload(&path->request, path, client, provider);
		p2pdma_fill_payload(&path->completion, path, provider, client);
		path->tag_width = p2pdma_tags_too_wide(client, provider);
	}

	if (path->in_switch) {
		path->completion_up = path->provider_side.ctrl & PCI_ACS_CR;
	} else if (path->common && p2pdma_is_port(path->common)) {
		below = p2pdma_below(path);
		path->redirecting = below ?: p2pdma_first_of(&fill.redirecting);
		path->completion_up |= !!below;
		/* It is the bridge function that is named. */
		if (below)
			path->unproven = NULL;
	} else {
		path->client_drops = false;
		path->completion_up = false;
		path->unproven = NULL;
	}
}

/**
 * p2pdma_path_init - find the path from a client to a provider
 * @path: filled in
 * @client: the function that does the DMA
 * @provider: the function whose memory it is
 *
 * Context: any; reads configuration space.  The caller holds both functions.
 */
void p2pdma_path_init(struct p2pdma_path *path, struct pci_dev *client,
		      struct pci_dev *provider)
{
	p2pdma_path_find(path, client, provider, P2PDMA_ASLEEP_READ);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_path_init);

/**
 * p2pdma_path_predict - the path as it will be when everything on it is awake
 * @path: filled in
 * @client: the function that does the DMA
 * @provider: the function whose memory it is
 *
 * Wakes nothing.  What cannot be read is as the kernel has saved it, or else is no
 * obstacle.
 *
 * Context: any; reads configuration space.  The caller holds both functions.
 */
void p2pdma_path_predict(struct p2pdma_path *path, struct pci_dev *client,
			 struct pci_dev *provider)
{
	p2pdma_path_find(path, client, provider, P2PDMA_ASLEEP_PREDICTED);
}

/* Where the names of redirecting ports are written. */
struct p2pdma_redirectors {
	const struct p2pdma_path *path;
	struct seq_buf *s;
};

static bool p2pdma_redirects(const struct p2pdma_path *path,
			     const struct p2pdma_hop *hop)
{
	const struct p2pdma_acs_port *side = &path->client_side;

	if (!path->in_switch) {
		/* A physical function may stand on the path itself, too. */
		if (hop->role == P2PDMA_CLIENT_PF &&
		    hop->pdev == pci_physfn(path->provider))
			return false;
		if (hop->role == P2PDMA_PROVIDER_PF &&
		    hop->pdev == path->client)
			return false;
		return p2pdma_may_redirect(hop);
	}
	if (hop->pdev == path->client_branch)
		return p2pdma_acs_request(side->ctrl, side->egress) !=
		       P2PDMA_ACS_ACROSS;
	return hop->pdev == path->provider_branch && path->completion_up;
}

static void p2pdma_add_redirector(const struct p2pdma_hop *hop, void *data)
{
	struct p2pdma_redirectors *redirectors = data;
	struct seq_buf *s = redirectors->s;

	if (p2pdma_redirects(redirectors->path, hop))
		seq_buf_printf(s, "%s%s", seq_buf_used(s) ? ";" : "",
			       pci_name(hop->pdev));
}

/**
 * p2pdma_path_redirectors - name the ports that keep a path from being direct
 * @path: from p2pdma_path_init()
 * @s: gets their PCI addresses, with a semicolon between two, as the pci= boot option
 *	takes them
 *
 * Context: any; reads configuration space.
 */
void p2pdma_path_redirectors(const struct p2pdma_path *path, struct seq_buf *s)
{
	struct p2pdma_redirectors redirectors = { .path = path, .s = s };

	p2pdma_path_walk(path, P2PDMA_ASLEEP_PREDICTED, p2pdma_add_redirector,
			 &redirectors);
}
