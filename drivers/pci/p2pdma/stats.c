// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of a client and a provider: what was mapped, what was refused.
 *
 * They are kept beside the facts of the pair (routes.c), stay when the facts are
 * gathered anew, and go with the pair.
 *
 * Mapping a list costs one update for each provider in it.  Most pairs are only
 * ever looked at, so that they begin with plain atomic counters; the first mapping
 * asks for counters that each CPU has to itself, and once they are there later
 * ones go there.  What a pair has counted is the sum of both.
 */
#include <linux/atomic.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "p2pdma.h"

struct p2pdma_stats_cpu {
	u64 hits;
	u64 lists[P2PDMA_NR_KINDS];
	u64 bytes[P2PDMA_NR_KINDS];
};

/**
 * struct p2pdma_stats - what is counted of a client and a provider
 * @rcu: for freeing
 * @cpu: for each CPU, from the first mapping on; NULL before, or without memory
 * @hits: how often what is kept was fresh, as the next two only without @cpu
 * @lists: lists mapped, by kind of transfer
 * @bytes: bytes in them
 * @refused: lists refused, by reason
 * @reported: bit per reason for which a refusal has been put in the log, and one for
 *	what was not refused though nothing says that it works
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
 * p2pdma_stats_free - free counters that nobody finds any more
 * @stats: the counters, or NULL
 *
 * Context: any; who found them before may go on until its RCU read-side section
 * ends.
 */
void p2pdma_stats_free(struct p2pdma_stats *stats)
{
	if (stats)
		call_rcu(&stats->rcu, p2pdma_stats_free_rcu);
}

/* Without memory the next mapping asks again. */
static void p2pdma_stats_spread(struct p2pdma_stats *stats)
{
	struct p2pdma_stats_cpu __percpu *cpu;

	cpu = alloc_percpu_gfp(struct p2pdma_stats_cpu,
			       GFP_ATOMIC | __GFP_NOWARN);
	if (cpu && cmpxchg(&stats->cpu, NULL, cpu))
		free_percpu(cpu);
}

/**
 * p2pdma_stats_hit - count that what is kept of a pair was fresh
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

	if (likely(cpu)) {
		this_cpu_inc(cpu->lists[kind]);
		this_cpu_add(cpu->bytes[kind], bytes);
		return;
	}
	atomic64_inc(&stats->lists[kind]);
	atomic64_add(bytes, &stats->bytes[kind]);
	p2pdma_stats_spread(stats);
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
 * A snapshot: what is counted at the same time may be in it or not.
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
