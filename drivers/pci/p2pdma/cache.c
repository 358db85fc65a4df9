// SPDX-License-Identifier: GPL-2.0
/*
 * The route cache: what routes of a client and a provider rest on.
 *
 * There is an entry for each pair that was mapped or refused; a query that only looks
 * adds none.  An entry holds the verdicts.  It is valid while the generation in which
 * it was gathered is the current one, and its stamp holds; else it is stale, and is
 * replaced when it is next asked for.  The counters of a pair pass from an entry to
 * the next.
 *
 * Entries are found without a lock, in an RCU read-side section, and are replaced
 * and removed under p2pdma_cache_lock.  They hold no references: a caller that asks
 * for a pair holds both of its devices, and the entries of a device that goes are
 * removed by p2pdma_cache_forget_device() and p2pdma_cache_forget_provider().
 */
#include <linux/cleanup.h>
#include <linux/hashtable.h>
#include <linux/pci.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "p2pdma.h"

static DEFINE_HASHTABLE(p2pdma_cache, 10);
static DEFINE_SPINLOCK(p2pdma_cache_lock);	/* writers of p2pdma_cache */

static DEFINE_PER_CPU(struct p2pdma_lookups, p2pdma_lookups);

static u32 p2pdma_cache_hash(struct pci_dev *client,
			     struct p2pdma_provider *provider)
{
	return hash_ptr(client, 32) ^ hash_ptr(provider, 31);
}

/* The entry of a pair, valid or stale; in an RCU read-side section. */
static struct p2pdma_entry *p2pdma_cache_find(struct pci_dev *client,
					      struct p2pdma_provider *provider)
{
	u32 hash = p2pdma_cache_hash(client, provider);
	struct p2pdma_entry *entry;

	hash_for_each_possible_rcu(p2pdma_cache, entry, node, hash,
				   lockdep_is_held(&p2pdma_cache_lock))
		if (entry->client == client && entry->provider == provider &&
		    entry->owner == provider->owner)
			return entry;
	return NULL;
}

/*
 * May there be an entry for a provider?  Not unless p2pdma_cache_forget_device() or
 * p2pdma_cache_forget_provider() will remove it.
 */
static bool p2pdma_cacheable(struct p2pdma_provider *provider)
{
	const struct p2pdma_mem *mem = to_p2pdma_mem(provider);

	return READ_ONCE(mem->registered) || READ_ONCE(mem->indexed);
}

static void p2pdma_entry_init(struct p2pdma_entry *entry,
			      struct pci_dev *client,
			      struct p2pdma_provider *provider, int generation)
{
	*entry = (struct p2pdma_entry) {
		.client = client,
		.provider = provider,
		.owner = provider->owner,
		.client_bdf = p2pdma_bdf(client),
		.owner_bdf = p2pdma_bdf(to_pci_dev(provider->owner)),
		.bar = to_p2pdma_mem(provider)->bar,
		.generation = generation,
	};
}

static void p2pdma_entry_conclude(struct p2pdma_entry *entry,
				  enum p2pdma_query query)
{
	struct p2pdma_facts facts;
	int kind;

	for (kind = P2PDMA_WRITES; kind < P2PDMA_NR_KINDS; kind++)
		p2pdma_conclude(&entry->gathered, entry->client,
				entry->provider, kind, query, &facts,
				&entry->route[kind][query]);
}

/*
 * Gather what the routes of a new entry rest on, and decide.  What is stored serves
 * lists and single mappings.  A query that only looks decides for lists alone: its
 * client need not have a driver, and the IOMMU domain of such a client may go.
 */
static void p2pdma_entry_fill(struct p2pdma_entry *entry,
			      enum p2pdma_query query, bool store)
{
	bool single = store || query == P2PDMA_QUERY_SINGLE;

	p2pdma_stamp(&entry->stamp, entry->client, entry->provider, single);
	p2pdma_gather(&entry->gathered, entry->client, entry->provider);
	p2pdma_entry_conclude(entry, P2PDMA_QUERY_LIST);
	if (single)
		p2pdma_entry_conclude(entry, P2PDMA_QUERY_SINGLE);
}

/*
 * Add a copy of @new in place of the pair's entry, and pass the counters on.  If the
 * allocation fails, or the provider is not registered any more, nothing is cached, and
 * NULL is returned.
 */
static struct p2pdma_entry *p2pdma_cache_store(const struct p2pdma_entry *new)
{
	struct p2pdma_entry *entry, *old;
	unsigned long flags;

	entry = kmemdup(new, sizeof(*new), GFP_ATOMIC | __GFP_NOWARN);
	if (!entry)
		return NULL;

	spin_lock_irqsave(&p2pdma_cache_lock, flags);
	if (!p2pdma_cacheable(entry->provider)) {
		spin_unlock_irqrestore(&p2pdma_cache_lock, flags);
		kfree(entry);
		return NULL;
	}
	old = p2pdma_cache_find(entry->client, entry->provider);
	entry->stats = (old ? old->stats : NULL) ?: p2pdma_stats_alloc();
	if (old) {
		hash_del_rcu(&old->node);
		kfree_rcu(old, rcu);
	}
	hash_add_rcu(p2pdma_cache, &entry->node,
		     p2pdma_cache_hash(entry->client, entry->provider));
	spin_unlock_irqrestore(&p2pdma_cache_lock, flags);
	return entry;
}

/**
 * p2pdma_cache_get - the routes of a pair, from the cache or decided anew
 * @client: the client
 * @provider: whose memory
 * @query: what the route is wanted for
 * @store: cache what is decided anew; the driver of @client is bound
 * @uncached: room for a result that is not cached
 *
 * Context: any, in an RCU read-side section, for which the result is valid; may
 * read configuration space.  The caller holds @client, and makes sure that the
 * provider stays.
 *
 * Return: a cached result, or the one in @uncached.
 */
const struct p2pdma_entry *
p2pdma_cache_get(struct pci_dev *client, struct p2pdma_provider *provider,
		 enum p2pdma_query query, bool store,
		 struct p2pdma_entry *uncached)
{
	int generation = p2pdma_generation();
	const struct p2pdma_entry *entry = p2pdma_cache_find(client, provider);

	if (entry && entry->generation == generation &&
	    p2pdma_stamp_holds(&entry->stamp, client, provider,
			       query == P2PDMA_QUERY_SINGLE)) {
		this_cpu_inc(p2pdma_lookups.hits);
		if (entry->stats)
			p2pdma_stats_hit(entry->stats);
		return entry;
	}

	if (entry)
		this_cpu_inc(p2pdma_lookups.stale);
	else
		this_cpu_inc(p2pdma_lookups.misses);
	p2pdma_entry_init(uncached, client, provider, generation);
	p2pdma_entry_fill(uncached, query, store);
	if (store && p2pdma_cacheable(provider))
		return p2pdma_cache_store(uncached) ?: uncached;
	return uncached;
}

/**
 * p2pdma_cache_stats - the counters of a pair
 * @client: the client
 * @provider: whose memory
 * @create: add a stale entry if the pair has none, so that it has counters; nothing
 *	is gathered for a provider that is asleep
 *
 * Context: any, in an RCU read-side section, for which the result is valid.
 *
 * Return: the counters, or NULL if there are none or they cannot be allocated.
 */
struct p2pdma_stats *p2pdma_cache_stats(struct pci_dev *client,
					struct p2pdma_provider *provider,
					bool create)
{
	struct p2pdma_entry *entry = p2pdma_cache_find(client, provider);
	struct p2pdma_entry stale;

	if (!entry && create && p2pdma_cacheable(provider)) {
		p2pdma_entry_init(&stale, client, provider,
				  p2pdma_generation() - 1);
		p2pdma_cache_store(&stale);
		entry = p2pdma_cache_find(client, provider);
	}
	return entry ? entry->stats : NULL;
}

/* For refusals of pairs without counters. */
static DEFINE_RATELIMIT_STATE(p2pdma_uncounted, DEFAULT_RATELIMIT_INTERVAL,
			      DEFAULT_RATELIMIT_BURST);

/**
 * p2pdma_cache_report - is a refusal to be put in the log?
 * @client: the client
 * @provider: whose memory
 * @reason: the reason
 *
 * Context: any.
 *
 * Return: true for the first refusal of the pair with this reason.
 */
bool p2pdma_cache_report(struct pci_dev *client,
			 struct p2pdma_provider *provider,
			 enum pci_p2pdma_reason reason)
{
	struct p2pdma_stats *stats;

	guard(rcu)();
	stats = p2pdma_cache_stats(client, provider, true);
	return stats ? p2pdma_stats_report(stats, reason) :
		       __ratelimit(&p2pdma_uncounted);
}

/* Remove the entries of a device, as client and as provider, or of a provider. */
static void p2pdma_cache_forget(const struct device *dev,
				const struct p2pdma_provider *provider)
{
	struct p2pdma_entry *entry;
	struct hlist_node *next;
	unsigned long flags;
	int i;

	for (i = 0; i < HASH_SIZE(p2pdma_cache); i++) {
		spin_lock_irqsave(&p2pdma_cache_lock, flags);
		hlist_for_each_entry_safe(entry, next, &p2pdma_cache[i],
					  node) {
			if (&entry->client->dev != dev && entry->owner != dev &&
			    entry->provider != provider)
				continue;
			hash_del_rcu(&entry->node);
			p2pdma_stats_free(entry->stats);
			kfree_rcu(entry, rcu);
		}
		spin_unlock_irqrestore(&p2pdma_cache_lock, flags);
	}
}

/**
 * p2pdma_cache_forget_device - remove the entries of a device that is gone
 * @dev: the device, as client and as provider
 *
 * Context: any.
 */
void p2pdma_cache_forget_device(struct device *dev)
{
	p2pdma_invalidate(P2PDMA_BY_DEVICE_REMOVED);
	p2pdma_cache_forget(dev, NULL);
}

/**
 * p2pdma_cache_forget_provider - remove the entries of a BAR that is no longer peer
 *	memory
 * @provider: its provider
 *
 * Context: any.
 */
void p2pdma_cache_forget_provider(struct p2pdma_provider *provider)
{
	p2pdma_invalidate(P2PDMA_BY_PROVIDER_REMOVED);
	p2pdma_cache_forget(NULL, provider);
}

/**
 * p2pdma_cache_for_each - look at every entry
 * @fn: called for each, in no particular order; must not sleep
 * @data: for @fn
 *
 * The devices of an entry may be gone: @fn must not follow its pointers to them.
 *
 * Context: any.
 */
void p2pdma_cache_for_each(void (*fn)(const struct p2pdma_entry *entry,
				      void *data), void *data)
{
	struct p2pdma_entry *entry;
	int i;

	guard(rcu)();
	hash_for_each_rcu(p2pdma_cache, i, entry, node)
		fn(entry, data);
}

/**
 * p2pdma_cache_lookups - how often p2pdma_cache_get() was called
 * @lookups: filled in, with the numbers since boot
 *
 * Context: any.
 */
void p2pdma_cache_lookups(struct p2pdma_lookups *lookups)
{
	int cpu;

	*lookups = (struct p2pdma_lookups) {};
	for_each_possible_cpu(cpu) {
		struct p2pdma_lookups *part = per_cpu_ptr(&p2pdma_lookups, cpu);

		lookups->hits += READ_ONCE(part->hits);
		lookups->misses += READ_ONCE(part->misses);
		lookups->stale += READ_ONCE(part->stale);
	}
}
