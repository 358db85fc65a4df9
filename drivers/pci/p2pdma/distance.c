// SPDX-License-Identifier: GPL-2.0
/*
 * Distance: how far clients are from a provider, for drivers that choose one.
 *
 * The answer comes from the routes, so that it agrees with a mapping; but it is for the
 * time when the provider is awake, and takes the memory decoding of the provider, and of
 * the ports on the way down to it, to be on by then.
 */
#include <linux/export.h>
#include <linux/pci.h>

#include "p2pdma.h"

struct p2pdma_distance {
	struct pci_dev *provider;
	struct pci_dev *client;
	bool verbose;
	bool found;
	int distance;
};

/*
 * Ask for one BAR of the function.  Returns false, which ends the walk, at the
 * first refusal: the function is refused if any of its memory is.
 */
static bool p2pdma_distance_one(struct p2pdma_provider *provider, void *data)
{
	struct p2pdma_distance *query = data;
	struct pci_p2pdma_route route;

	query->found = true;
	p2pdma_query(provider, &query->client->dev, DMA_BIDIRECTIONAL,
		     P2PDMA_QUERY_AWAKE, false, &route);
	if (query->verbose)
		p2pdma_explain(query->client, provider, &route);
	query->distance = route.type == PCI_P2PDMA_MAP_NOT_SUPPORTED ?
				-1 : route.distance;
	return query->distance >= 0;
}

/* A function that has registered no memory is asked for as if all its BARs were. */
static void p2pdma_distance_unregistered(struct p2pdma_distance *query)
{
	struct pci_dev *pdev = query->provider;
	struct p2pdma_mem mem = { .provider.owner = &pdev->dev };
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (!p2pdma_bar_is_memory(pdev, bar) ||
		    pci_resource_end(pdev, bar) <= mem.last)
			continue;
		mem.bar = bar;
		mem.first = pci_resource_start(pdev, bar);
		mem.last = pci_resource_end(pdev, bar);
		mem.provider.bus_offset = pci_bus_address(pdev, bar) -
					  pci_resource_start(pdev, bar);
	}
	p2pdma_distance_one(&mem.provider, query);
}

/**
 * pci_p2pdma_distance_many - how far clients are from a provider, all together
 * @provider: the function that provides memory, or may do so later
 * @clients: devices; for one that is not a PCI function the nearest PCI function
 *	above it counts
 * @num_clients: how many
 * @verbose: say in the log what is in the way
 *
 * Answers for %DMA_BIDIRECTIONAL, and for the time when the provider is awake: drivers
 * ask before they wake it, and store the answer.  Nothing is woken.  A function or port
 * that cannot be read now (in D3cold, or below a port that sleeps) is taken as the kernel
 * has saved it, and ACS there, of which nothing is saved, is not held against the path:
 * the answer may be too good, and a mapping is refused then.  A provider that has been
 * pulled out has no route.  If @provider has registered no memory the answer is for all
 * of its BARs.
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

		p2pdma_for_each_provider_of(provider, p2pdma_distance_one,
					    &query);
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
