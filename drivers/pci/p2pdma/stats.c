// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of a client and a provider: what was mapped, what was refused.
 *
 * They belong to the pair's route cache entry, pass to the entry that replaces it,
 * and are freed when the pair is gone.
 *
 * Mapping a list costs one update for each provider in it.  Most pairs are never
 * mapped, so a pair begins with plain atomic counters.  The first mapping allocates
 * per-CPU counters, and later mappings use those.  The counters of a pair are the sum
 * of both.
 */
#include <linux/atomic.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "p2pdma.h"

struct p2pdma_stats_cpu {
	u64 hits;
	u64 lists[P2PDMA_NR_KINDS];
	u64 bytes[P2PDMA_NR_KINDS];
};

/**
 * struct p2pdma_stats - counters of a client and a provider
 * @rcu: for freeing
 * @cpu: per-CPU counters, allocated by the first mapping; NULL before, and if the
 *	allocation failed, as it does where per-CPU memory is short in atomic context; the
 *	2nd, 4th, 8th and so on mapping of a kind try again
 * @hits: look-ups that found a valid route cache entry; used until there is @cpu, as
 *	are the next two
 * @lists: lists mapped, by kind of transfer
 * @bytes: bytes in them
 * @refused: lists refused, by reason
 * @reported: bit per reason for which a refusal has been put in the log, and one for
 *	the warning of a mapping that is not known to work
 */
struct p2pdma_stats {
	struct rcu_head rcu;
	struct p2pdma_stats_cpu __percpu *cpu;
	atomic64_t hits;
	atomic64_t lists[P2PDMA_NR_KINDS];
	atomic64_t bytes[P2PDMA_NR_KINDS];
	atomic64_t refused[PCI_P2PDMA_NR_REASONS];
	unsigned long reported;
};

/**
 * p2pdma_stats_alloc - counters for a pair
 *
 * Context: any.
 *
 * Return: the counters, all zero, or NULL.
 */
struct p2pdma_stats *p2pdma_stats_alloc(void)
{
	return kzalloc(sizeof(struct p2pdma_stats), GFP_ATOMIC | __GFP_NOWARN);
}

static void p2pdma_stats_free_rcu(struct rcu_head *rcu)
{
	struct p2pdma_stats *stats = container_of(rcu, struct p2pdma_stats, rcu);

	free_percpu(stats->cpu);
	kfree(stats);
}

/**
 * p2pdma_stats_free - free counters after a grace period
 * @stats: the counters, which no look-up finds any more, or NULL
 *
 * Context: any.
 */
void p2pdma_stats_free(struct p2pdma_stats *stats)
{
	if (stats)
		call_rcu(&stats->rcu, p2pdma_stats_free_rcu);
}

static void p2pdma_stats_spread(struct p2pdma_stats *stats)
{
	struct p2pdma_stats_cpu __percpu *cpu;

	cpu = alloc_percpu_gfp(struct p2pdma_stats_cpu,
			       GFP_ATOMIC | __GFP_NOWARN);
	if (cpu && cmpxchg(&stats->cpu, NULL, cpu))
		free_percpu(cpu);
}

/**
 * p2pdma_stats_hit - count a look-up that found a valid route cache entry
 * @stats: counters of the pair
 *
 * Context: any, in an RCU read-side section.
 */
void p2pdma_stats_hit(struct p2pdma_stats *stats)
{
	struct p2pdma_stats_cpu __percpu *cpu = READ_ONCE(stats->cpu);

	if (cpu)
		this_cpu_inc(cpu->hits);
	else
		atomic64_inc(&stats->hits);
}

/**
 * p2pdma_stats_mapped - count a list that was mapped
 * @stats: counters of the pair
 * @kind: kind of transfer
 * @bytes: bytes of the provider's memory in it
 *
 * Context: any, in an RCU read-side section.
 */
void p2pdma_stats_mapped(struct p2pdma_stats *stats, enum p2pdma_kind kind,
			 u64 bytes)
{
	struct p2pdma_stats_cpu __percpu *cpu = READ_ONCE(stats->cpu);
	u64 lists;

	if (likely(cpu)) {
		this_cpu_inc(cpu->lists[kind]);
		this_cpu_add(cpu->bytes[kind], bytes);
		return;
	}
	lists = atomic64_inc_return(&stats->lists[kind]);
	atomic64_add(bytes, &stats->bytes[kind]);
	/* An allocation that fails costs more than mapping: seldom again. */
	if (is_power_of_2(lists))
		p2pdma_stats_spread(stats);
}

/**
 * p2pdma_stats_recent - count a list that was mapped with what a look-up found
 * @stats: counters of the pair
 * @kind: kind of transfer
 * @bytes: bytes of the list
 *
 * As p2pdma_stats_hit() and p2pdma_stats_mapped().
 *
 * Context: any, in an RCU read-side section.
 */
void p2pdma_stats_recent(struct p2pdma_stats *stats, enum p2pdma_kind kind,
			 u64 bytes)
{
	struct p2pdma_stats_cpu __percpu *cpu = READ_ONCE(stats->cpu);

	if (likely(cpu)) {
		this_cpu_inc(cpu->hits);
		this_cpu_inc(cpu->lists[kind]);
		this_cpu_add(cpu->bytes[kind], bytes);
		return;
	}
	p2pdma_stats_hit(stats);
	p2pdma_stats_mapped(stats, kind, bytes);
}

/**
 * p2pdma_stats_refused - count a list that was refused
 * @stats: counters of the pair
 * @reason: why
 *
 * Context: any, in an RCU read-side section.
 */
void p2pdma_stats_refused(struct p2pdma_stats *stats,
			  enum pci_p2pdma_reason reason)
{
	atomic64_inc(&stats->refused[reason]);
}

/**
 * p2pdma_stats_report - note that a refusal has been put in the log
 * @stats: counters of the pair
 * @reason: its reason
 *
 * Context: any, in an RCU read-side section.
 *
 * Return: true the first time.
 */
bool p2pdma_stats_report(struct p2pdma_stats *stats,
			 enum pci_p2pdma_reason reason)
{
	return !test_and_set_bit(reason, &stats->reported);
}

/**
 * p2pdma_stats_sum - add up what has been counted
 * @stats: counters of the pair
 * @counts: filled in
 *
 * A snapshot, which may or may not include what is counted at the same time.
 *
 * Context: any, in an RCU read-side section.
 */
void p2pdma_stats_sum(struct p2pdma_stats *stats, struct p2pdma_counts *counts)
{
	struct p2pdma_stats_cpu __percpu *percpu = READ_ONCE(stats->cpu);
	int cpu, i;

	*counts = (struct p2pdma_counts) {
		.hits = atomic64_read(&stats->hits),
	};
	for (i = 0; i < P2PDMA_NR_KINDS; i++) {
		counts->lists[i] = atomic64_read(&stats->lists[i]);
		counts->bytes[i] = atomic64_read(&stats->bytes[i]);
	}
	for (i = 0; i < PCI_P2PDMA_NR_REASONS; i++) {
		counts->refused[i] = atomic64_read(&stats->refused[i]);
		counts->all_refused += counts->refused[i];
	}
	if (!percpu)
		return;

	for_each_possible_cpu(cpu) {
		struct p2pdma_stats_cpu *part = per_cpu_ptr(percpu, cpu);

		counts->hits += READ_ONCE(part->hits);
		for (i = 0; i < P2PDMA_NR_KINDS; i++) {
			counts->lists[i] += READ_ONCE(part->lists[i]);
			counts->bytes[i] += READ_ONCE(part->bytes[i]);
		}
	}
}
