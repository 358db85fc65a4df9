// SPDX-License-Identifier: GPL-2.0
/*
 * Tallies: what the mapping layer reports of its mappings.
 *
 * A mapping loop counts entries and bytes in its slots, and reports them once at the
 * end.  The report goes to the counters of each pair and to the trace events.
 */
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/pci.h>

#include "p2pdma.h"
#include "trace.h"

static void p2pdma_tally_add(struct pci_p2pdma_tally *tally,
			     const struct dma_p2pdma_slot *slot)
{
	if (!slot->cursor.provider)
		return;
	if (slot->verdict.type == PCI_P2PDMA_MAP_BUS_ADDR) {
		tally->bus += slot->entries;
		tally->bus_bytes += slot->bytes;
	} else {
		tally->host += slot->entries;
		tally->host_bytes += slot->bytes;
	}
}

/* All that is not peer memory is RAM. */
static void p2pdma_trace_mapped(struct dma_p2pdma_walk *walk,
				struct scatterlist *sgl, int nents)
{
	struct pci_p2pdma_tally tally = {};
	struct scatterlist *sg;
	unsigned int slot;
	int i;

	if (walk->evicted)
		tally = walk->sums;
	for (slot = 0; slot < walk->used; slot++)
		p2pdma_tally_add(&tally, &walk->slot[slot]);

	for_each_sg(sgl, sg, nents, i)
		tally.ram_bytes += sg->length;
	if (nents) {
		tally.ram = nents - tally.bus - tally.host;
		tally.ram_bytes -= tally.bus_bytes + tally.host_bytes;
	}
	trace_p2pdma_map_sg(walk->dev, walk->dir, &tally);
}

/**
 * pci_p2pdma_evict - a slot is about to be filled in anew
 * @walk: of the mapping loop
 * @slot: one of its slots
 *
 * Keeps what the slot has for the trace event.  It is not in the counters of the pair.
 *
 * Context: any, in the RCU read-side section of the walk.
 */
void pci_p2pdma_evict(struct dma_p2pdma_walk *walk,
		      struct dma_p2pdma_slot *slot)
{
	if (!walk->evicted) {
		walk->evicted = true;
		walk->sums = (struct pci_p2pdma_tally) {};
	}
	p2pdma_tally_add(&walk->sums, slot);
}

/**
 * pci_p2pdma_mapped - a mapping loop has come to its end
 * @walk: of the mapping loop
 * @sgl: the list
 * @nents: its entries; 0 for a mapping without a list
 *
 * Counts the list once for each provider, and emits a trace event.
 *
 * Context: any, in the RCU read-side section of the walk.
 */
void pci_p2pdma_mapped(struct dma_p2pdma_walk *walk, struct scatterlist *sgl,
		       int nents)
{
	enum p2pdma_kind kind = p2pdma_kind(walk->dir);
	struct dma_p2pdma_slot *slot = walk->slot, *other;
	struct dma_p2pdma_slot *end = slot + walk->used;

	if (trace_p2pdma_map_sg_enabled())
		p2pdma_trace_mapped(walk, sgl, nents);

	for (; slot < end; slot++) {
		if (!slot->stats || !slot->entries)
			continue;
		/* A provider may have several ranges. */
		for (other = slot + 1; other < end; other++) {
			if (other->stats != slot->stats)
				continue;
			slot->bytes += other->bytes;
			other->stats = NULL;
		}
		p2pdma_stats_mapped(slot->stats, kind, slot->bytes);
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
