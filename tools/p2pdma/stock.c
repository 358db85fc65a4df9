// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acs.h"
#include "kconfig.h"
#include "stock.h"

/* Any redirection on the path stands in the way of a direct route. */
static void look_at(struct stock *stock, const struct dev *dev)
{
	if (!(dev->acs.ctrl & ACS_REDIR))
		return;
	stock->redirectors = xrealloc(stock->redirectors, stock->n_redirectors + 1,
				      sizeof(*stock->redirectors));
	stock->redirectors[stock->n_redirectors++] = dev;
}

/*
 * The provider and all above it, the common port included; and the client and what is
 * below the common port on its side.
 */
static void find_redirectors(struct stock *stock, const struct path *path)
{
	const struct dev *dev, *top = path->same_function ? path->client : path->common;

	for (dev = path->provider; dev; dev = dev->above) {
		look_at(stock, dev);
		if (dev == top)
			break;
	}
	for (dev = path->client; dev && dev != top; dev = dev->above)
		look_at(stock, dev);
}

/* The first two numbers of the kernel's release; 0 if there are none. */
static void release_of(const struct machine *m, unsigned int *major, unsigned int *minor)
{
	if (sscanf(m->release, "%u.%u", major, minor) == 2)
		return;
	*major = 0;
	*minor = 0;
}

bool stock_forwards(const struct machine *m, struct model *model, const struct dev *dev,
		    bool same_bridge)
{
	unsigned int major, minor;

	if (model_cpu_listed(model))
		return true;
	switch (model_listed(model, dev)) {
	case LISTED:
		return true;
	case LISTED_OWN:
		return same_bridge;
	case LISTED_LATER:
		release_of(m, &major, &minor);
		return major > 6 || (major == 6 && minor > 12);
	default:
		return false;
	}
}

static bool trusted(const struct machine *m, struct model *model,
		    const struct path *path, struct text *why)
{
	const struct dev *ends[] = { path->client, path->provider };
	const struct dev *function;
	enum listed listed;
	size_t i;

	if (model_cpu_listed(model)) {
		text_add(why, "host bridges of this CPU (AMD, Zen or later) are known to forward");
		return true;
	}
	for (i = 0; i < 1U + path->two_hosts; i++) {
		if (stock_forwards(m, model, ends[i], !path->two_hosts))
			continue;
		function = model_bridge_function(model, ends[i]);
		listed = model_listed(model, ends[i]);
		text_addf(why, "the host bridge of %s", ends[i]->bdf);
		if (function)
			text_addf(why, " (%04x:%04x)", function->vendor, function->device);
		text_add(why, listed == LISTED_OWN ?
			 " forwards only among its own ports" :
			 listed == LISTED_LATER ?
			 " is in the list of later releases only" :
			 " is not in the list of those that are known to forward");
		return false;
	}
	text_add(why, path->two_hosts ? "both host bridges are" : "the host bridge is");
	text_add(why, " in the list of those that are known to forward");
	return true;
}

static void by_rules(const struct machine *m, struct model *model,
		     const struct path *path, struct stock *stock)
{
	bool meet = path->common || path->same_function;
	struct text why = {};
	size_t i;

	if (meet && !stock->n_redirectors) {
		stock->verdict = VERDICT_BUS_ADDRESS;
		stock->why = xasprintf("%s, and no port or function on the path redirects (ACS)",
				       path->same_function ? "it is one function" :
							     "they have a port above both");
		return;
	}
	if (!meet)
		text_add(&why, "no port is above both; ");
	else
		text_add(&why, "any ACS redirection on the path counts, whatever its direction: ");
	for (i = 0; i < stock->n_redirectors; i++)
		text_addf(&why, "%s%s", stock->redirectors[i]->bdf,
			  i + 1 < stock->n_redirectors ? ", " : "; ");
	stock->verdict = trusted(m, model, path, &why) ? VERDICT_THROUGH_HOST_BRIDGE :
							 VERDICT_NOT_SUPPORTED;
	stock->why = text_take(&why);
}

static bool seen(const struct dev *dev)
{
	for (; dev; dev = dev->above)
		if (dev->kind == KIND_UNSEEN)
			return false;
	return true;
}

bool stock_find_redirectors(const struct path *path, struct stock *stock)
{
	if (!seen(path->client) || !seen(path->provider))
		return false;
	if (path->common || path->same_function)
		find_redirectors(stock, path);
	return true;
}

void stock_decide(const struct machine *m, struct model *model, const struct path *path,
		  struct stock *stock)
{
	unsigned int major, minor;

	*stock = (struct stock){};
	release_of(m, &major, &minor);
	stock->exact = major > 5 || (major == 5 && minor >= 18);
	if (major && (major < 4 || (major == 4 && minor < 20))) {
		stock->made = true;
		stock->exact = true;
		stock->verdict = VERDICT_NOT_SUPPORTED;
		stock->why = xstrdup("kernels before 4.20 have no peer-to-peer DMA");
		return;
	}
	if (!m->project && kconfig(m, "CONFIG_PCI_P2PDMA") == KCONFIG_OFF) {
		stock->made = true;
		stock->exact = true;
		stock->verdict = VERDICT_NOT_SUPPORTED;
		stock->why = xstrdup("this kernel is built without CONFIG_PCI_P2PDMA");
		return;
	}
	stock->made = stock_find_redirectors(path, stock);
	if (stock->made)
		by_rules(m, model, path, stock);
}

void stock_free(struct stock *stock)
{
	free(stock->redirectors);
	free(stock->why);
	*stock = (struct stock){};
}
