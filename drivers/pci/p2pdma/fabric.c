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
 * The two downstream ports below the common one are where the paths diverge.
 * Only there do ACS bits decide whether a request crosses: further down and
 * further up the same bits see ordinary upstream and downstream traffic (PCI
 * Express Base Specification, "Access Control Services").  Everything that is
 * said about such a port is read from configuration space when the path is made;
 * nothing is remembered.
 *
 * Nothing here sleeps or takes references: who holds a function holds the
 * bridges above it.
 */
#define pr_fmt(fmt) "pci-p2pdma: " fmt

#include <kunit/visibility.h>
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
 * The ACS Control register of a function; 0 if it has none.  One that cannot be
 * read counts as redirecting everything.
 */
static u16 p2pdma_acs_ctrl(struct pci_dev *pdev)
{
	int ctrl;

	if (!pdev->acs_cap)
		return 0;
	ctrl = p2pdma_acs_read(pdev, PCI_ACS_CTRL);
	return ctrl < 0 ? PCI_ACS_RR | PCI_ACS_CR : ctrl;
}

/*
 * Is the bit for @peer set in the egress vector of @port?  The vector is indexed
 * by port number (Link Capabilities), or among functions of one device by function
 * number; its size is in the ACS Capability register, where 0 stands for 256.
 * What cannot be read counts as set.
 */
static bool p2pdma_acs_egress(struct pci_dev *port, struct pci_dev *peer)
{
	unsigned int number;
	u32 lnkcap, vector;
	u8 size;

	/* A virtual function that has no number on the device's bus. */
	if (peer->bus != pci_physfn(peer)->bus)
		return true;

	if (pcie_downstream_port(port)) {
		if (pcie_capability_read_dword(peer, PCI_EXP_LNKCAP, &lnkcap) ||
		    PCI_POSSIBLE_ERROR(lnkcap))
			return true;
		number = lnkcap >> 24;
	} else {
		number = pci_ari_enabled(peer->bus) ? peer->devfn :
						      PCI_FUNC(peer->devfn);
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
 * p2pdma_acs_request - what becomes of an untranslated request at the divergence
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

static struct p2pdma_acs_port p2pdma_acs_port(struct pci_dev *port,
					      struct pci_dev *peer)
{
	u16 ctrl = p2pdma_acs_ctrl(port);

	return (struct p2pdma_acs_port) {
		.port = port,
		.ctrl = ctrl,
		.egress = (ctrl & PCI_ACS_EC) && p2pdma_acs_egress(port, peer),
	};
}

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
 * @pdev: the function or port; for a virtual function that is switched for all of
 *	them together, in the SR-IOV capability
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

/* The first bridge that is not PCI Express, from @pdev up to below @top. */
static struct pci_dev *p2pdma_conventional(struct pci_dev *pdev,
					   struct pci_dev *top)
{
	struct pci_dev *bridge = pci_upstream_bridge(pdev);

	for (; bridge && bridge != top; bridge = pci_upstream_bridge(bridge))
		if (!p2pdma_is_port(bridge))
			return bridge;
	return NULL;
}

static void p2pdma_add_name(struct seq_buf *s, struct pci_dev *pdev)
{
	seq_buf_printf(s, "%s%s", seq_buf_used(s) ? ";" : "", pci_name(pdev));
}

/*
 * The first function or port that ACS may make redirect traffic inside a device.
 * With @names all of them are named there instead.
 */
static struct pci_dev *p2pdma_redirecting(const struct p2pdma_path *path,
					  struct pci_dev *client_side,
					  struct pci_dev *provider_side,
					  struct seq_buf *names)
{
	struct pci_dev *check[] = {
		path->client, pci_physfn(path->client), client_side,
		path->provider, pci_physfn(path->provider), provider_side,
	};
	struct pci_dev *bridge;
	int i, known;

	for (i = 0; i < ARRAY_SIZE(check); i++) {
		for (known = 0; check[known] != check[i]; known++)
			;
		if (known < i ||
		    !(p2pdma_acs_ctrl(check[i]) & P2PDMA_ACS_REDIRECTING))
			continue;
		if (!names)
			return check[i];
		p2pdma_add_name(names, check[i]);
	}

	for (bridge = path->common; bridge;
	     bridge = pci_upstream_bridge(bridge)) {
		if (!(p2pdma_acs_ctrl(bridge) & P2PDMA_ACS_REDIRECTING))
			continue;
		if (!names)
			return bridge;
		p2pdma_add_name(names, bridge);
	}
	return NULL;
}

/*
 * A bridge that is one of the functions of a device, and above client or provider:
 * nothing says that the other functions reach what is behind it.
 */
static struct pci_dev *p2pdma_behind(const struct p2pdma_path *path,
				     struct pci_dev *client_side,
				     struct pci_dev *provider_side)
{
	if (client_side != path->client)
		return client_side;
	return provider_side != path->provider ? provider_side : NULL;
}

/*
 * Does a downstream port lose a request from below for what is below it?  One that
 * does not decode memory addresses has no windows, and lets it pass; but then the
 * request is in the window of the upstream port, and of no port below that.
 */
static bool p2pdma_loses_request(struct pci_dev *port)
{
	struct pci_dev *upstream = pci_upstream_bridge(port);

	if (p2pdma_decodes_memory(port))
		return !(p2pdma_acs_ctrl(port) & PCI_ACS_UF);
	return upstream && p2pdma_decodes_memory(upstream);
}

/**
 * p2pdma_can_forward - could a port send up what is for below it?
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

/* The first downstream port, from @port up, that does not send up a request. */
static struct pci_dev *p2pdma_no_forwarding(struct pci_dev *port)
{
	for (; port; port = pci_upstream_bridge(port))
		if (pcie_downstream_port(port) && p2pdma_loses_request(port))
			return port;
	return NULL;
}

/* The same for a completion, which is for bus numbers and not for windows. */
static struct pci_dev *p2pdma_no_completions(struct pci_dev *port)
{
	for (; port; port = pci_upstream_bridge(port))
		if (pcie_downstream_port(port) &&
		    !(p2pdma_acs_ctrl(port) & PCI_ACS_UF))
			return port;
	return NULL;
}

/* The first on the way from @provider up to below @top that does not decode. */
static struct pci_dev *p2pdma_not_decoding(struct pci_dev *provider,
					   struct pci_dev *top)
{
	struct pci_dev *pdev;

	for (pdev = provider; pdev && pdev != top;
	     pdev = pci_upstream_bridge(pdev))
		if (!p2pdma_decodes_memory(pdev))
			return pdev;
	return NULL;
}

/* The last from @port up that does not decode. */
static struct pci_dev *p2pdma_not_decoding_above(struct pci_dev *port)
{
	struct pci_dev *topmost = NULL;

	for (; port; port = pci_upstream_bridge(port))
		if (!p2pdma_decodes_memory(port))
			topmost = port;
	return topmost;
}

/* In a state that the kernel knows, and that is not D0. */
static bool p2pdma_powered_down(struct pci_dev *pdev)
{
	return pdev->current_state == PCI_D1 || pdev->current_state == PCI_D2 ||
	       pdev->current_state == PCI_D3hot ||
	       pdev->current_state == PCI_D3cold;
}

/**
 * p2pdma_path_asleep - what on the way to a provider cannot answer now
 * @provider: the provider's function
 *
 * A snapshot of what the kernel knows of power states and lost links; reads no
 * configuration space.
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
		    pci_channel_offline(pdev))
			return pdev;
	return NULL;
}

/*
 * Where the paths up from client and provider diverge: fills in @path's shape, and
 * the function or port below its common port on each side.  Reads no configuration
 * space.
 */
static void p2pdma_diverge(struct p2pdma_path *path, struct pci_dev *client,
			   struct pci_dev *provider,
			   struct pci_dev **client_side,
			   struct pci_dev **provider_side)
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
	*client_side = c;
	*provider_side = p;
}

/**
 * p2pdma_path_shape - what of a path needs no configuration space to be read
 * @path: ends, common port, place of the divergence and distance are filled in
 * @client: the function that does the DMA
 * @provider: the function whose memory it is
 *
 * Context: any.  The caller holds both functions.
 */
void p2pdma_path_shape(struct p2pdma_path *path, struct pci_dev *client,
		       struct pci_dev *provider)
{
	struct pci_dev *client_side, *provider_side;

	p2pdma_diverge(path, client, provider, &client_side, &provider_side);
}

/**
 * p2pdma_path_distance - how far a client is from a provider
 * @client: the function that does the DMA
 * @provider: the function whose memory it is
 *
 * Context: any; reads no configuration space.
 *
 * Return: hops up to the common port and down again, 0 for one function.
 */
int p2pdma_path_distance(struct pci_dev *client, struct pci_dev *provider)
{
	struct p2pdma_path path;

	p2pdma_path_shape(&path, client, provider);
	return path.distance;
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
	struct pci_dev *client_side, *provider_side, *behind;
	struct p2pdma_acs_port own;

	p2pdma_diverge(path, client, provider, &client_side, &provider_side);
	if (path->same_function) {
		if (!p2pdma_decodes_memory(provider))
			path->not_decoding = provider;
		return;
	}

	path->not_decoding = p2pdma_not_decoding(provider, path->common);
	path->conventional = p2pdma_conventional(client, path->common) ?:
			     p2pdma_conventional(provider, path->common);
	if (!path->common)
		return;

	path->no_forwarding = p2pdma_no_forwarding(path->common);
	path->no_completions = p2pdma_no_completions(path->common);
	path->not_decoding_above = p2pdma_not_decoding_above(path->common);
	if (!p2pdma_is_port(path->common) && !path->conventional)
		path->conventional = path->common;

	if (path->in_switch) {
		path->client_side = p2pdma_acs_port(client_side, provider_side);
		path->provider_side = p2pdma_acs_port(provider_side,
						      client_side);
		path->completion_up = path->provider_side.ctrl & PCI_ACS_CR;
	} else if (p2pdma_is_port(path->common)) {
		behind = p2pdma_behind(path, client_side, provider_side);
		path->redirecting = behind ?:
			p2pdma_redirecting(path, client_side, provider_side,
					   NULL);
		own = p2pdma_acs_port(client, provider);
		path->client_drops = p2pdma_acs_request(own.ctrl, own.egress) ==
				     P2PDMA_ACS_DROPPED;
		path->completion_up = behind ||
				      (p2pdma_acs_ctrl(provider) & PCI_ACS_CR);
	}
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_path_init);

/**
 * p2pdma_path_redirectors - name the ports that keep a path from being direct
 * @path: the path
 * @s: gets their names, with a semicolon between two, as the pci= boot option
 *	takes them
 *
 * Context: any; reads configuration space.
 */
void p2pdma_path_redirectors(const struct p2pdma_path *path, struct seq_buf *s)
{
	struct pci_dev *client_side, *provider_side;
	struct p2pdma_path shape;

	if (!path->in_switch) {
		p2pdma_diverge(&shape, path->client, path->provider,
			       &client_side, &provider_side);
		p2pdma_redirecting(path, client_side, provider_side, s);
		return;
	}

	if (p2pdma_acs_request(path->client_side.ctrl,
			       path->client_side.egress) != P2PDMA_ACS_ACROSS)
		p2pdma_add_name(s, path->client_side.port);
	if (path->completion_up)
		p2pdma_add_name(s, path->provider_side.port);
}

/* Where a walk along a path hands its hops to. */
struct p2pdma_hops {
	void (*fn)(const struct p2pdma_hop *hop, void *data);
	void *data;
};

/* @peer: whose bit in the egress vector counts, or NULL */
static void p2pdma_hop(const struct p2pdma_hops *hops, enum p2pdma_role role,
		       struct pci_dev *pdev, struct pci_dev *peer)
{
	struct p2pdma_hop hop = {
		.role = role,
		.pdev = pdev,
		.asleep = p2pdma_path_asleep(pdev),
		.acs_cap = -EIO,
		.acs_ctrl = -EIO,
		.egress = -ENOENT,
	};
	u16 command;

	if (!hop.asleep) {
		hop.acs_cap = p2pdma_acs_read(pdev, PCI_ACS_CAP);
		hop.acs_ctrl = p2pdma_acs_read(pdev, PCI_ACS_CTRL);
		if (peer && hop.acs_ctrl > 0 && (hop.acs_ctrl & PCI_ACS_EC) &&
		    !p2pdma_path_asleep(peer))
			hop.egress = p2pdma_acs_egress(pdev, peer);
		hop.memory = p2pdma_decodes_memory(pdev);
		hop.master = !pci_read_config_word(pdev, PCI_COMMAND,
						   &command) &&
			     !PCI_POSSIBLE_ERROR(command) &&
			     (command & PCI_COMMAND_MASTER);
	}
	hops->fn(&hop, hops->data);
}

/**
 * p2pdma_path_hops - all that is looked at on the path from a client to a provider
 * @client: the function that does the DMA
 * @provider: the function whose memory it is
 * @fn: called for each function and port, from the client up and from there down
 *	to the provider; all that is not asleep has been read for it
 * @data: for @fn
 *
 * Physical functions, which are not on the path, come after the virtual function
 * on the client's side and before it on the provider's.  The ports above the
 * common one come once, on the way up.
 *
 * Context: any; reads configuration space.  The caller holds both functions.
 */
void p2pdma_path_hops(struct pci_dev *client, struct pci_dev *provider,
		      void (*fn)(const struct p2pdma_hop *hop, void *data),
		      void *data)
{
	const struct p2pdma_hops hops = { .fn = fn, .data = data };
	struct pci_dev *client_side, *provider_side, *pdev;
	struct p2pdma_path path;
	int down, i;

	p2pdma_diverge(&path, client, provider, &client_side, &provider_side);

	p2pdma_hop(&hops, P2PDMA_CLIENT, client,
		   path.common && !path.in_switch ? provider : NULL);
	if (client->is_virtfn)
		p2pdma_hop(&hops, P2PDMA_CLIENT_PF, pci_physfn(client), NULL);
	if (client == provider)
		return;

	for (pdev = pci_upstream_bridge(client); pdev && pdev != path.common;
	     pdev = pci_upstream_bridge(pdev))
		if (path.common && pdev == client_side)
			p2pdma_hop(&hops, P2PDMA_CLIENT_SIDE, pdev,
				   path.in_switch ? provider_side : NULL);
		else
			p2pdma_hop(&hops, P2PDMA_UP, pdev, NULL);

	for (pdev = path.common; pdev; pdev = pci_upstream_bridge(pdev))
		p2pdma_hop(&hops, pdev == path.common ? P2PDMA_COMMON :
							P2PDMA_ABOVE, pdev, NULL);

	/* From the top down, though only the way up can be followed. */
	for (down = p2pdma_depth(provider) - p2pdma_depth(path.common) - 1;
	     down > 0; down--) {
		for (pdev = provider, i = 0; i < down; i++)
			pdev = pci_upstream_bridge(pdev);
		if (path.common && pdev == provider_side)
			p2pdma_hop(&hops, P2PDMA_PROVIDER_SIDE, pdev,
				   path.in_switch ? client_side : NULL);
		else
			p2pdma_hop(&hops, P2PDMA_DOWN, pdev, NULL);
	}

	if (provider->is_virtfn)
		p2pdma_hop(&hops, P2PDMA_PROVIDER_PF, pci_physfn(provider),
			   NULL);
	p2pdma_hop(&hops, P2PDMA_PROVIDER, provider, NULL);
}
