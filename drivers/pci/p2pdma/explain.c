// SPDX-License-Identifier: GPL-2.0
/*
 * Explanations: log text of a refusal, with its remedy.
 *
 * A refusal is put in the log once for each pair and reason.  Scripts match some of
 * these messages: CONTRIBUTING lists those that stay as they are.  The administrator's
 * guide quotes all of them.
 */
#define pr_fmt(fmt) "pci-p2pdma: " fmt

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/pci.h>
#include <linux/seq_buf.h>

#include "p2pdma.h"

#define P2PDMA_ACS_OBSTACLES \
	(BIT(PCI_P2PDMA_ACS_REQUEST) | BIT(PCI_P2PDMA_ACS_COMPLETION) | \
	 BIT(PCI_P2PDMA_MULTIFUNCTION))

/* Refusals that could become direct routes if ACS did not redirect. */
#define P2PDMA_ACS_REASONS \
	(BIT(PCI_P2PDMA_POLICY_SWITCH) | BIT(PCI_P2PDMA_FABRIC_BLOCKED) | \
	 BIT(PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED))

/* The ports in the way, and the boot option that takes them out of it. */
static void p2pdma_explain_acs(struct pci_dev *client, struct pci_dev *owner)
{
	struct p2pdma_path path;
	struct seq_buf ports;
	char buf[256];

	p2pdma_path_predict(&path, client, owner);
	seq_buf_init(&ports, buf, sizeof(buf));
	p2pdma_path_redirectors(&path, &ports);

	if (!seq_buf_used(&ports)) {
		if (path.unproven)
			pci_warn(client, "nothing says that requests to %s cross inside the device; if they are known to, add the kernel parameter: p2pdma=loopback=%s;%s\n",
				 pci_name(owner), pci_name(client),
				 pci_name(owner));
		return;
	}

	pci_warn(client, "ACS redirect is set between the client and provider (%s)\n",
		 pci_name(owner));
	if (seq_buf_has_overflowed(&ports))
		return;
	if (path.in_switch)
		pci_warn(client, "to disable ACS redirect for this path, add the kernel parameter: pci=disable_acs_redir=%s\n",
			 seq_buf_str(&ports));
	else
		pci_warn(client, "these functions or ports must have no ACS redirection or upstream forwarding: %s\n",
			 seq_buf_str(&ports));
}

/*
 * The active policy with a change, as text in @buf: with more trusted devices, or else
 * in mode auto.  NULL if it does not fit.
 */
static const char *p2pdma_changed_policy(const char *trust, char *buf,
					 size_t size)
{
	const struct p2pdma_policy *policy;
	struct seq_buf s;

	seq_buf_init(&s, buf, size);
	guard(rcu)();
	policy = p2pdma_active_policy()->policy;
	p2pdma_policy_show_changed(policy, trust ? policy->mode : P2PDMA_AUTO,
				   trust, &s);
	return seq_buf_has_overflowed(&s) ? NULL : seq_buf_str(&s);
}

/* The mode forbids it: the active policy in another mode. */
static void p2pdma_explain_mode(struct pci_dev *client)
{
	const char *text;
	char buf[256];
	bool mistake;

	scoped_guard(rcu)
		mistake = p2pdma_policy_is_mistake(p2pdma_active_policy()->policy);
	text = p2pdma_changed_policy(NULL, buf, sizeof(buf));
	if (mistake)
		pci_warn(client, "to allow it, correct the kernel parameter p2pdma=, whose mistakes are in the log\n");
	else if (text)
		pci_warn(client, "to allow it, add the kernel parameter: p2pdma=%s\n",
			 text);
	else
		pci_warn(client, "to allow it, set the mode to auto in /sys/kernel/p2pdma/policy, and in the kernel parameter p2pdma= if it is there\n");
}

/* Nothing says that the host bridge forwards: name it, and the option to trust it. */
static void p2pdma_explain_untrusted(struct pci_dev *client,
				     struct pci_dev *owner,
				     const struct pci_p2pdma_route *route)
{
	char trust[2 * P2PDMA_BDF_LEN], buf[256];
	const char *text;

	p2pdma_bridge_listed(pci_find_host_bridge(client->bus),
			     route->same_bridge, true);
	if (!route->same_bridge)
		p2pdma_bridge_listed(pci_find_host_bridge(owner->bus), false,
				     true);
	pci_warn(client, "cannot be used for peer-to-peer DMA as the client and provider (%s) do not share an upstream bridge or whitelisted host bridge\n",
		 pci_name(owner));

	snprintf(trust, sizeof(trust), "%s%s%s", pci_name(client),
		 route->same_bridge ? "" : ";",
		 route->same_bridge ? "" : pci_name(owner));
	text = p2pdma_changed_policy(trust, buf, sizeof(buf));
	if (text)
		pci_warn(client, "if the host bridge is known to forward peer-to-peer requests, add the kernel parameter: p2pdma=%s\n",
			 text);
	else
		pci_warn(client, "if the host bridge is known to forward peer-to-peer requests, add trust=%s to /sys/kernel/p2pdma/policy, and to the kernel parameter p2pdma= if it is there\n",
			 trust);
}

/* How to keep the transfer from being lost at a port. */
static void p2pdma_explain_blocked(struct pci_dev *client,
				   struct pci_dev *owner,
				   const struct pci_p2pdma_route *route)
{
	char bridge[P2PDMA_BDF_LEN];
	struct p2pdma_path path;
	struct pci_dev *port;

	if (!route->has_bridge)
		return;

	/* Below the common port only ACS drops a request, not a port that does not decode. */
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

/* The safest remedy of a refusal, if there is one that can be pasted. */
static void p2pdma_explain_remedy(struct pci_dev *client, struct pci_dev *owner,
				  const struct pci_p2pdma_route *route)
{
	char bridge[P2PDMA_BDF_LEN];

	p2pdma_route_bridge(route, bridge);
	switch (route->reason) {
	case PCI_P2PDMA_POLICY_OFF:
	case PCI_P2PDMA_POLICY_SWITCH:
	case PCI_P2PDMA_POLICY_HOST:
		p2pdma_explain_mode(client);
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
	case PCI_P2PDMA_PAYLOAD_SIZE:
		pci_warn(client, "%s takes less data in a packet than is sent to it; to have all take the same, add the kernel parameter: pci=pcie_bus_peer2peer\n",
			 bridge);
		break;
	case PCI_P2PDMA_TAG_WIDTH:
		pci_warn(client, "%s does not return the tags of its reads; to have it use 8 bits, while it is idle: setpci -s %s CAP_EXP+28.w=0:1000\n",
			 bridge, pci_name(client));
		break;
	case PCI_P2PDMA_CLIENT_ATS:
		pci_warn(client, "it needs Address Translation Services switched off; add the kernel parameter: pci=noats\n");
		break;
	case PCI_P2PDMA_MUST_BOUNCE:
		pci_warn(client, "it needs DMA without bounce buffers: take swiotlb=force off the kernel's command line, if it is there\n");
		break;
	default:
		break;
	}
}

/**
 * p2pdma_explain - put a refusal, or why a route is not direct, in the log
 * @client: the client
 * @provider: whose memory; distance.c makes one up for memory that is not registered
 * @route: the route
 *
 * Context: any.  The caller holds @client, and makes sure that the provider stays.
 */
void p2pdma_explain(struct pci_dev *client, struct p2pdma_provider *provider,
		    const struct pci_p2pdma_route *route)
{
	struct pci_dev *owner = to_pci_dev(provider->owner);
	unsigned long obstacles = 0;
	struct p2pdma_gathered gathered;

	/* Other reasons need no more words, and the provider may be asleep. */
	if (route->type == PCI_P2PDMA_MAP_THRU_HOST_BRIDGE ||
	    (route->type == PCI_P2PDMA_MAP_NOT_SUPPORTED &&
	     BIT(route->reason) & P2PDMA_ACS_REASONS)) {
		scoped_guard(rcu)
			p2pdma_gather(&gathered, client, provider, true, 0);
		obstacles = gathered.facts[P2PDMA_READS].obstacles;
	}
	/* What hinders writes hinders reads too. */
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

/**
 * p2pdma_report - put a refusal in the log, once for each pair and reason
 * @provider: whose memory
 * @dev: the device that is mapped for
 * @route: the route
 *
 * Context: any.  The caller holds @dev, and makes sure that the provider stays.
 */
void p2pdma_report(struct p2pdma_provider *provider, struct device *dev,
		   const struct pci_p2pdma_route *route)
{
	if (route->type != PCI_P2PDMA_MAP_NOT_SUPPORTED)
		return;
	if (!dev_is_pci(dev))
		dev_warn_ratelimited(dev,
				     "cannot be used for peer-to-peer DMA as it is not a PCI device\n");
	else if (p2pdma_cache_report(to_pci_dev(dev), provider, route->reason))
		p2pdma_explain(to_pci_dev(dev), provider, route);
}
