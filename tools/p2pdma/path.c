// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acs.h"
#include "path.h"

/* With any of these, functions of one device may not reach each other directly. */
#define ACS_REDIRECTING	(ACS_RR | ACS_CR | ACS_EC | ACS_UF)

/* the most bits that an egress vector can have */
#define EGRESS_MAX	256

static int depth(const struct dev *dev)
{
	int hops = 0;

	for (; dev; dev = dev->above)
		hops++;
	return hops;
}

static void add_hop(struct path *path, enum hop_role role,
		    const struct dev *dev, const char *host)
{
	path->hops = xrealloc(path->hops, path->n_hops + 1,
			      sizeof(*path->hops));
	path->hops[path->n_hops++] = (struct hop){ role, dev, host };
}

static void add_redirector(struct path *path, const struct dev *dev)
{
	size_t i;

	for (i = 0; i < path->n_redirectors; i++)
		if (path->redirectors[i] == dev)
			return;
	path->redirectors = xrealloc(path->redirectors, path->n_redirectors + 1,
				     sizeof(*path->redirectors));
	path->redirectors[path->n_redirectors++] = dev;
	if (dev->acs.ctrl & ACS_UF)
		path->forwarders = true;
}

/* Where the paths up part: sets the common port and the two below it. */
static void part(struct path *path)
{
	const struct dev *c = path->client, *p = path->provider;
	int up = depth(c), down = depth(p);

	path->distance = up + down;
	for (; up > down; up--)
		c = c->above;
	for (; down > up; down--)
		p = p->above;
	while (c != p && c->above != p->above) {
		c = c->above;
		p = p->above;
	}
	if (c != p) {
		path->common = c->above;
		path->distance -= 2 * depth(path->common);
	} else {
		path->distance -= 2 * depth(c);
	}
	path->client_side = c;
	path->provider_side = p;
	path->two_hosts = path->client->host && path->provider->host &&
			  strcmp(path->client->host, path->provider->host);
}

/* Add the hops from the one below @top down to the provider. */
static void walk_down(struct path *path, const struct dev *dev,
		      const struct dev *top)
{
	enum hop_role role = HOP_DOWN;

	if (!dev || dev == top)
		return;
	walk_down(path, dev->above, top);
	if (dev == path->provider)
		role = HOP_PROVIDER;
	else if (path->in_switch && dev == path->provider_side)
		role = HOP_PROVIDER_SIDE;
	add_hop(path, role, dev, NULL);
}

static void walk(struct path *path)
{
	const struct dev *dev;

	if (path->same_function) {
		add_hop(path, HOP_PROVIDER, path->provider, NULL);
		return;
	}
	for (dev = path->client; dev && dev != path->common; dev = dev->above) {
		enum hop_role role = HOP_UP;

		if (dev == path->client)
			role = HOP_CLIENT;
		else if (path->in_switch && dev == path->client_side)
			role = HOP_CLIENT_SIDE;
		add_hop(path, role, dev, NULL);
	}
	if (path->common) {
		add_hop(path, HOP_COMMON, path->common, NULL);
	} else {
		add_hop(path, HOP_HOST, NULL, path->client->host);
		if (path->two_hosts)
			add_hop(path, HOP_HOST, NULL, path->provider->host);
	}
	walk_down(path, path->provider, path->common);
	if (path->common)
		for (dev = path->common->above; dev; dev = dev->above)
			add_hop(path, HOP_ABOVE, dev, NULL);
}

/*
 * The number of a function in the egress vectors of its device. With ARI it has eight
 * bits, those of the slot included. A virtual function on another bus than its physical
 * function has no number there.
 */
static unsigned int function_number(const struct dev *dev)
{
	if (dev->physfn && dev->physfn->address.bus != dev->address.bus)
		return EGRESS_MAX;
	if (dev->above && dev->above->ari)
		return dev->address.slot << 3 | dev->address.function;
	return dev->address.function;
}

static bool in_egress_vector(const struct dev *port, const struct dev *peer)
{
	unsigned int number = peer->port_number;
	unsigned int size = port->acs.cap >> 8 & 0xff;

	if (!dev_is_downstream(port))
		number = function_number(peer);
	if (number >= (size ? size : EGRESS_MAX))
		return true;
	return port->acs.egress[number / 32] & BIT(number % 32);
}

static enum request request_at(const struct dev *port, const struct dev *peer)
{
	unsigned int ctrl = port->acs.ctrl;

	if (!port->acs.seen)
		return REQUEST_UNSEEN;
	if (ctrl & ACS_EC) {
		if (!in_egress_vector(port, peer))
			return REQUEST_ACROSS;
		return ctrl & ACS_RR ? REQUEST_UP : REQUEST_DROPPED;
	}
	return ctrl & ACS_RR ? REQUEST_UP : REQUEST_ACROSS;
}

static const struct dev *conventional(const struct dev *dev,
				      const struct dev *top)
{
	for (dev = dev->above; dev && dev != top; dev = dev->above)
		if (dev->kind == KIND_TO_PCI || dev->kind == KIND_CONVENTIONAL)
			return dev;
	return NULL;
}

static void look_in_switch(struct path *path)
{
	path->request = request_at(path->client_side, path->provider_side);
	path->completion_up = path->provider_side->acs.ctrl & ACS_CR;
	path->seen = path->client_side->acs.seen && path->provider_side->acs.seen;
	if (path->request == REQUEST_DROPPED)
		path->dropper = path->client_side;
	if (path->request == REQUEST_UP || path->request == REQUEST_DROPPED)
		add_redirector(path, path->client_side);
	if (path->completion_up)
		add_redirector(path, path->provider_side);
}

/* Seen not to implement P2P Request Redirect. */
static bool lacks_redirect(const struct dev *dev)
{
	return dev->acs.seen && (!dev->acs.present || !(dev->acs.cap & ACS_RR));
}

/*
 * Between functions of one device: ACS redirection in any of them, or in a port above,
 * keeps the route from being direct. One of them may be the upstream port of a switch
 * that the client or the provider is below.
 */
static void look_in_device(struct path *path)
{
	const struct dev *check[] = {
		path->client, path->client->physfn, path->client_side,
		path->provider, path->provider->physfn, path->provider_side,
	};
	const struct dev *dev;
	size_t i;

	path->seen = true;
	for (i = 0; i < ARRAY_SIZE(check); i++) {
		if (!check[i])
			continue;
		path->seen &= check[i]->acs.seen;
		if (check[i]->acs.ctrl & ACS_REDIRECTING)
			add_redirector(path, check[i]);
	}
	for (dev = path->common; dev; dev = dev->above) {
		path->seen &= dev->acs.seen;
		if (dev->acs.ctrl & ACS_REDIRECTING)
			add_redirector(path, dev);
	}
	path->completion_up = path->provider->acs.ctrl & ACS_CR;
	if (path->client_side != path->client)
		path->bridge_function = path->client_side;
	else if (path->provider_side != path->provider)
		path->bridge_function = path->provider_side;
	else if (lacks_redirect(path->client))
		path->unproven = path->client;
	else if (lacks_redirect(path->provider))
		path->unproven = path->provider;
	path->completion_up |= path->bridge_function || path->unproven;

	/*
	 * If anything redirects, or nothing says that requests stay inside, they may go up,
	 * unless egress control of the function on the client's side drops them.
	 */
	if (!path->seen)
		return;
	path->request = request_at(path->client_side, path->provider_side);
	if (path->request == REQUEST_DROPPED)
		path->dropper = path->client_side;
	else
		path->request = path->n_redirectors || path->bridge_function ||
				path->unproven ? REQUEST_UP : REQUEST_ACROSS;
}

struct path *path_find(const struct dev *client, const struct dev *provider)
{
	struct path *path = xcalloc(1, sizeof(*path));
	const struct dev *dev;
	size_t i;

	path->client = client;
	path->provider = provider;
	path->same_function = client == provider;
	part(path);
	path->in_switch = path->common && dev_is_downstream(path->client_side) &&
			  dev_is_downstream(path->provider_side);
	walk(path);
	path->seen = client->kind != KIND_UNSEEN;
	for (i = 0; i < path->n_hops && !path->silent; i++)
		if (path->hops[i].dev && path->hops[i].dev->kind == KIND_SILENT)
			path->silent = path->hops[i].dev;
	if (path->same_function)
		return path;

	path->conventional = conventional(client, path->common);
	if (!path->conventional)
		path->conventional = conventional(provider, path->common);
	if (!path->common)
		return path;
	if (!path->conventional && path->common->kind != KIND_UNSEEN &&
	    path->common->kind != KIND_SILENT &&
	    !dev_is_port(path->common))
		path->conventional = path->common;
	for (dev = path->common; dev && !path->no_forwarding; dev = dev->above)
		if (dev_is_downstream(dev) && dev->acs.seen &&
		    !(dev->acs.ctrl & ACS_UF))
			path->no_forwarding = dev;
	if (path->in_switch)
		look_in_switch(path);
	else if (dev_is_port(path->common))
		look_in_device(path);
	return path;
}

void path_free(struct path *path)
{
	if (!path)
		return;
	free(path->hops);
	free(path->redirectors);
	free(path);
}

const char *acs_bits(unsigned int bits)
{
	static const char * const names[] = {
		"SV", "TB", "RR", "CR", "UF", "EC", "DT",
	};
	static char bufs[4][32];
	static unsigned int next;
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];
	unsigned int i;
	int len = 0;

	buf[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (bits & BIT(i))
			len += snprintf(buf + len, sizeof(bufs[0]) - len,
					"%s%s", len ? " " : "", names[i]);
	return len ? buf : "none";
}

const char *acs_text(const struct acs *acs)
{
	static char bufs[4][48];
	static unsigned int next;
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];

	if (!acs->seen)
		return "ACS not seen";
	if (!acs->present)
		return "no ACS";
	if (!(acs->ctrl & 0x7f))
		return "ACS off";
	snprintf(buf, sizeof(bufs[0]), "ACS %s", acs_bits(acs->ctrl));
	return buf;
}

char *path_summary(const struct path *path)
{
	if (path->silent)
		return xasprintf("%s does not answer: its configuration space reads all ones, as if it had lost power or its link",
				 path->silent->bdf);
	if (path->same_function)
		return xstrdup("the device's own memory");
	if (path->two_hosts)
		return xasprintf("between two host bridges, %s and %s; nothing in configuration space says that they forward",
				 path->client->host, path->provider->host);
	if (!path->common)
		return xasprintf("no port is above both: over the host bridge %s; nothing in configuration space says that it forwards",
				 path->client->host ? path->client->host : "");
	if (path->conventional)
		return xasprintf("%s on the path is not PCI Express",
				 path->conventional->bdf);
	if (!path->seen)
		return xasprintf("below %s; what ACS does there was not seen",
				 path->common->bdf);
	if (path->bridge_function)
		return xasprintf("below %s, a bridge function of the device that has the other; nothing says that they reach each other inside it",
				 path->bridge_function->bdf);
	if (path->dropper && !path->in_switch)
		return xasprintf("functions of one device below %s; ACS at %s drops the client's requests to the provider",
				 path->common->bdf, path->dropper->bdf);
	if (!path->in_switch)
		return path->n_redirectors ?
			xasprintf("functions of one device below %s; ACS at %s redirects or forwards",
				  path->common->bdf,
				  path->redirectors[0]->bdf) :
		       path->unproven ?
			xasprintf("functions of one device below %s; nothing says that they reach each other inside it",
				  path->common->bdf) :
			xasprintf("functions of one device below %s; nothing redirects",
				  path->common->bdf);
	switch (path->request) {
	case REQUEST_UP:
		return xasprintf("ACS at %s sends the client's requests up to the root complex",
				 path->client_side->bdf);
	case REQUEST_DROPPED:
		return xasprintf("ACS at %s drops the client's requests to the provider",
				 path->client_side->bdf);
	default:
		break;
	}
	if (path->completion_up)
		return xasprintf("writes cross below %s; ACS at %s sends the completions of reads up",
				 path->common->bdf, path->provider_side->bdf);
	return xasprintf("below %s, and ACS lets everything cross",
			 path->common->bdf);
}

const char *request_name(enum request request)
{
	static const char * const names[] = {
		[REQUEST_UNSEEN]	= NULL,
		[REQUEST_ACROSS]	= "across",
		[REQUEST_UP]		= "up",
		[REQUEST_DROPPED]	= "dropped",
	};

	return names[request];
}

const char *path_word(const struct path *path)
{
	if (path->silent)
		return "silent";
	if (path->same_function)
		return "own";
	if (path->two_hosts)
		return "bridges";
	if (!path->common)
		return "bridge";
	if (path->conventional)
		return "pci";
	if (!path->seen)
		return "below";
	if (path->bridge_function)
		return "subtree";
	if (path->n_redirectors)
		return "acs";
	return path->in_switch ? "switch" : path->unproven ? "apart" : "device";
}
