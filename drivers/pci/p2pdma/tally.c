// SPDX-License-Identifier: GPL-2.0
/*
 * Tallies: what the mapping layer reports of its mappings.
 *
 * A mapping adds up its DMA segments in a tally of its own, and reports it once at
 * the end.  The report goes to the counters of each pair and to the trace events.
 */
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/pci.h>

#include "p2pdma.h"
#include "trace.h"

/**
 * pci_p2pdma_tally_add - add DMA segments to a tally
 * @tally: of one mapping
 * @provider: whose memory they are, or NULL for RAM
 * @type: its route; ignored for RAM
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
 * Counts it for each provider, and emits a trace event.
 *
 * Context: any.
 */
void pci_p2pdma_mapped(struct device *dev, enum dma_data_direction dir,
		       const struct pci_p2pdma_tally *tally)
{
	struct p2pdma_stats *stats;
	unsigned int i;

	trace_p2pdma_map_sg(dev, dir, tally);

	guard(rcu)();
	for (i = 0; i < tally->providers; i++) {
		stats = p2pdma_cache_stats(to_pci_dev(dev),
					   tally->peer[i].provider, false);
		if (stats)
			p2pdma_stats_mapped(stats, p2pdma_kind(dir),
					    tally->peer[i].bytes);
	}
}

/**
 * pci_p2pdma_refused - a mapping of peer memory has been refused
 * @provider: whose memory
 * @dev: the device that it was to be mapped for
 * @dir: direction of the transfer
 * @route: the route; if it is not a refusal, the DMA layer could not map the memory
 *
 * Counts it, and emits a trace event.
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
	stats = p2pdma_cache_stats(to_pci_dev(dev), provider, true);
	if (stats)
		p2pdma_stats_refused(stats, reason);
}

/**
 * p2pdma_pair_counts - the counters of a pair, added up
 * @client: the client
 * @provider: the provider
 * @counts: filled in
 *
 * Context: any; the caller holds @client, and makes sure that the provider stays.
 *
 * Return: false if nothing has been mapped or refused.
 */
bool p2pdma_pair_counts(struct pci_dev *client,
			struct p2pdma_provider *provider,
			struct p2pdma_counts *counts)
{
	struct p2pdma_stats *stats;

	guard(rcu)();
	stats = p2pdma_cache_stats(client, provider, false);
	if (!stats)
		return false;
	p2pdma_stats_sum(stats, counts);
	return counts->lists[P2PDMA_WRITES] || counts->lists[P2PDMA_READS] ||
	       counts->all_refused;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_pair_counts);
