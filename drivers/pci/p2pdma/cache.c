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
 * Entries hang off the two functions, and go with them; a table that grows finds the
 * entry of a pair.  The client also points to a few entries that it has used, so that
 * mapping for a few providers, again and again, needs no search.
 *
 * Entries are found without a lock, in an RCU read-side section, and are replaced
 * and removed under p2pdma_cache_lock.  They hold no references: a caller that asks
 * for a pair holds both of its devices, and the entries of a device that goes are
 * removed by p2pdma_cache_forget_device() and p2pdma_cache_forget_provider().
 */
#include <linux/cleanup.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/init.h>
#include <linux/iommu-dma.h>
#include <linux/pci.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/swiotlb.h>

#include "p2pdma.h"
#include "trace.h"

/* Of so many pairs a client needs no search. */
#define P2PDMA_RECENT 8

/**
 * struct p2pdma_function - what hangs off &pci_dev.p2pdma_function
 * @recent: entries that the function used as a client; it keeps to those that it used
 *	first, as long as they are valid
 * @as_client: entries in which it is the client
 * @as_owner: entries in which the provider is one of its BARs
 */
struct p2pdma_function {
	struct p2pdma_entry __rcu *recent[P2PDMA_RECENT];
	struct hlist_head as_client;
	struct hlist_head as_owner;
};

/* The lists of a function, or NULL; the caller holds the function. */
static struct p2pdma_function *p2pdma_function_of(struct device *dev)
{
	/* Pairs with p2pdma_function(). */
	return smp_load_acquire(&to_pci_dev(dev)->p2pdma_function);
}

static u32 p2pdma_cache_hash(const void *data, u32 len, u32 seed)
{
	const struct p2pdma_key *key = data;

	return hash_ptr(key->client, 32) ^ hash_ptr(key->provider, 31) ^ seed;
}

static const struct rhashtable_params p2pdma_cache_params = {
	.key_len = sizeof(struct p2pdma_key),
	.key_offset = offsetof(struct p2pdma_entry, key),
	.head_offset = offsetof(struct p2pdma_entry, node),
	.hashfn = p2pdma_cache_hash,
	.automatic_shrinking = true,
};

static struct rhashtable p2pdma_cache;
/* Writers of p2pdma_cache, and all lists of its entries. */
static DEFINE_SPINLOCK(p2pdma_cache_lock);

static DEFINE_PER_CPU(struct p2pdma_lookups, p2pdma_lookups);

/* The entry of a pair, valid or stale; in an RCU read-side section. */
static struct p2pdma_entry *p2pdma_cache_find(struct pci_dev *client,
					      struct p2pdma_provider *provider)
{
	const struct p2pdma_key key = { client, provider };
	struct p2pdma_entry *entry;

	entry = rhashtable_lookup(&p2pdma_cache, &key, p2pdma_cache_params);
	return entry && entry->owner == provider->owner ? entry : NULL;
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

static bool p2pdma_ops_bypass(struct device *dev)
{
#ifdef CONFIG_DMA_OPS_BYPASS
	return dma_go_direct(dev, dma_get_mask(dev), get_dma_ops(dev));
#else
	return false;
#endif
}

/* Take down what a verdict rests on that changes with no event. */
static void p2pdma_stamp(struct p2pdma_stamp *stamp, struct pci_dev *client,
			 bool single)
{
	struct device *dev = &client->dev;

	stamp->mask = dma_get_mask(dev);
	stamp->limit = dev->bus_dma_limit;
	stamp->range_map = dev->dma_range_map;
	stamp->ops = get_dma_ops(dev);
	stamp->iommu = use_dma_iommu(dev);
	stamp->bypass = p2pdma_ops_bypass(dev);
	stamp->bounce = is_swiotlb_force_bounce(dev);
	stamp->ats = p2pdma_ats(client);
	stamp->domain = single ? dma_p2pdma_domain(dev) : NULL;
}

/*
 * Is all of this as it was taken down?  Each list asks: so it is inline, and p2pdma_ats() is
 * called only for what it would have to look up.
 */
static __always_inline bool
p2pdma_stamp_holds(const struct p2pdma_stamp *stamp, struct pci_dev *client,
		   bool single)
{
	struct device *dev = &client->dev;

	return stamp->mask == dma_get_mask(dev) &&
	       stamp->limit == dev->bus_dma_limit &&
	       stamp->range_map == dev->dma_range_map &&
	       stamp->ops == get_dma_ops(dev) &&
	       stamp->iommu == use_dma_iommu(dev) &&
	       stamp->bypass == p2pdma_ops_bypass(dev) &&
	       stamp->bounce == is_swiotlb_force_bounce(dev) &&
	       stamp->ats == (client->ats_enabled ? p2pdma_ats(client) :
						    P2PDMA_ATS_OFF) &&
	       (!single || stamp->domain == dma_p2pdma_domain(dev));
}

static void p2pdma_entry_init(struct p2pdma_entry *entry,
			      struct pci_dev *client,
			      struct p2pdma_provider *provider, int generation)
{
	*entry = (struct p2pdma_entry) {
		.key = { client, provider },
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
		p2pdma_conclude(&entry->gathered, entry->key.client,
				entry->key.provider, kind, query, &facts,
				&entry->route[kind][query]);
}

/*
 * What loops need of an entry to map the provider's first range; not what is refused, and
 * not as long as a window is to be made.
 */
static void p2pdma_entry_settle(struct p2pdma_entry *entry)
{
	struct p2pdma_provider *provider = entry->key.provider;
	struct pci_p2pdma_cursor cursor;
	int kind;

	if (!p2pdma_first_range(provider, &cursor))
		return;
	for (kind = P2PDMA_WRITES; kind < P2PDMA_NR_KINDS; kind++) {
		const struct pci_p2pdma_route *route =
			&entry->route[kind][P2PDMA_QUERY_LIST];
		struct dma_p2pdma_slot *slot = &entry->slot[kind];

		dma_p2pdma_settle(&entry->key.client->dev, &cursor, route,
				  &slot->verdict);
		if (slot->verdict.action != DMA_P2PDMA_REFUSED &&
		    !slot->verdict.make_window)
			slot->cursor = cursor;
	}
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
	struct pci_dev *client = entry->key.client;

	p2pdma_stamp(&entry->stamp, client, single);
	p2pdma_gather(&entry->gathered, client, entry->key.provider, false, 0);
	p2pdma_entry_conclude(entry, P2PDMA_QUERY_LIST);
	if (single)
		p2pdma_entry_conclude(entry, P2PDMA_QUERY_SINGLE);
	if (store)
		p2pdma_entry_settle(entry);
}

/* The lists of a function; under p2pdma_cache_lock.  NULL if there is no memory. */
static struct p2pdma_function *p2pdma_function(struct pci_dev *pdev)
{
	struct p2pdma_function *function = pdev->p2pdma_function;

	if (function)
		return function;
	function = kzalloc(sizeof(*function), GFP_ATOMIC | __GFP_NOWARN);
	if (!function)
		return NULL;
	/* Pairs with p2pdma_function_of(): the lists are empty before anybody looks. */
	smp_store_release(&pdev->p2pdma_function, function);
	return function;
}

/* Take an entry that nobody finds any more off its lists; under p2pdma_cache_lock. */
static void p2pdma_cache_unlink(struct p2pdma_entry *entry)
{
	struct p2pdma_function *client = entry->function;
	int i;

	for (i = 0; i < P2PDMA_RECENT; i++)
		if (rcu_access_pointer(client->recent[i]) == entry)
			RCU_INIT_POINTER(client->recent[i], NULL);
	hlist_del_init(&entry->of_client);
	hlist_del_init(&entry->of_owner);
	kfree_rcu(entry, rcu);
}

/*
 * Where pci_p2pdma_recent() may find an entry: a place that is free, or of which the entry
 * is stale.  Negative if there is none, if it is found already, or if loops have no use
 * for it.
 */
static int p2pdma_recent_place(struct p2pdma_function *client,
			       const struct p2pdma_entry *entry)
{
	const struct p2pdma_entry *recent;
	int i, place = -1;

	if (!entry->slot[P2PDMA_WRITES].cursor.size &&
	    !entry->slot[P2PDMA_READS].cursor.size)
		return -1;
	for (i = 0; i < P2PDMA_RECENT; i++) {
		recent = rcu_dereference_check(client->recent[i],
					       lockdep_is_held(&p2pdma_cache_lock));
		if (recent == entry)
			return -1;
		if (place < 0 && (!recent || READ_ONCE(recent->generation) !=
					     p2pdma_generation()))
			place = i;
	}
	return place;
}

/* Let pci_p2pdma_recent() find an entry, if there is room; under p2pdma_cache_lock. */
static void p2pdma_recent_add(struct p2pdma_entry *entry)
{
	int place = p2pdma_recent_place(entry->function, entry);

	if (place >= 0)
		rcu_assign_pointer(entry->function->recent[place], entry);
}

/* Put an entry in the place of @old, or add it; under p2pdma_cache_lock. */
static bool p2pdma_cache_link(struct p2pdma_entry *entry,
			      struct p2pdma_entry *old)
{
	struct p2pdma_function *client = p2pdma_function(entry->key.client);
	struct p2pdma_function *owner = p2pdma_function(to_pci_dev(entry->owner));

	if (!client || !owner)
		return false;
	/* Before anybody finds the entry: p2pdma_cache_set_recent() follows it. */
	entry->function = client;
	if (old ? rhashtable_replace_fast(&p2pdma_cache, &old->node,
					  &entry->node, p2pdma_cache_params) :
		  rhashtable_insert_fast(&p2pdma_cache, &entry->node,
					 p2pdma_cache_params))
		return false;
	if (old)
		p2pdma_cache_unlink(old);
	hlist_add_head(&entry->of_client, &client->as_client);
	hlist_add_head(&entry->of_owner, &owner->as_owner);
	/* Not one that only counts. */
	if (entry->generation == p2pdma_generation())
		p2pdma_recent_add(entry);
	return true;
}

/*
 * Add a copy of @new in place of the pair's entry, and pass the counters on.  If an
 * allocation fails, or the provider is not registered any more, nothing is cached, and
 * NULL is returned.
 */
static struct p2pdma_entry *p2pdma_cache_store(const struct p2pdma_entry *new)
{
	struct p2pdma_entry *entry, *old;
	unsigned long flags;
	bool linked = false;
	int kind;

	entry = kmemdup(new, sizeof(*new), GFP_ATOMIC | __GFP_NOWARN);
	if (!entry)
		return NULL;

	spin_lock_irqsave(&p2pdma_cache_lock, flags);
	if (p2pdma_cacheable(entry->key.provider)) {
		old = p2pdma_cache_find(entry->key.client, entry->key.provider);
		entry->stats = (old ? old->stats : NULL) ?: p2pdma_stats_alloc();
		for (kind = 0; kind < P2PDMA_NR_KINDS; kind++)
			entry->slot[kind].stats = entry->stats;
		linked = p2pdma_cache_link(entry, old);
		if (!linked && !(old && old->stats))
			p2pdma_stats_free(entry->stats);
	}
	spin_unlock_irqrestore(&p2pdma_cache_lock, flags);
	if (linked)
		return entry;
	kfree(entry);
	return NULL;
}

static void p2pdma_cache_used(struct p2pdma_stats *stats)
{
	this_cpu_inc(p2pdma_lookups.hits);
	if (stats)
		p2pdma_stats_hit(stats);
}

static void p2pdma_cache_set_recent(struct p2pdma_entry *entry)
{
	unsigned long flags;

	if (p2pdma_recent_place(entry->function, entry) < 0)
		return;
	spin_lock_irqsave(&p2pdma_cache_lock, flags);
	if (!hlist_unhashed(&entry->of_client))
		p2pdma_recent_add(entry);
	spin_unlock_irqrestore(&p2pdma_cache_lock, flags);
}

/**
 * p2pdma_cache_valid - the routes of a pair, if they are cached and valid
 * @client: the client
 * @provider: whose memory
 * @query: what the route is wanted for
 *
 * Context: any, in an RCU read-side section, for which the result is valid.  The
 * caller holds @client, and makes sure that the provider stays.
 *
 * Return: the entry, or NULL.
 */
const struct p2pdma_entry *p2pdma_cache_valid(struct pci_dev *client,
					      struct p2pdma_provider *provider,
					      enum p2pdma_query query)
{
	struct p2pdma_entry *entry = p2pdma_cache_find(client, provider);

	if (!entry) {
		this_cpu_inc(p2pdma_lookups.misses);
		return NULL;
	}
	if (READ_ONCE(entry->generation) != p2pdma_generation() ||
	    !p2pdma_stamp_holds(&entry->stamp, client,
				query == P2PDMA_QUERY_SINGLE)) {
		this_cpu_inc(p2pdma_lookups.stale);
		return NULL;
	}
	p2pdma_cache_used(entry->stats);
	p2pdma_cache_set_recent(entry);
	return entry;
}

/**
 * pci_p2pdma_recent - what a client has mapped before, if that is still right
 * @dev: the client
 * @dir: direction of the transfer
 * @phys: CPU physical address that it maps now
 *
 * Context: any, in an RCU read-side section, for which the result is valid.
 *
 * Return: the interval of a provider that holds @phys, with its verdict, for lists; NULL
 * if there is none, if the verdict is a refusal, or if trace events want to hear of each
 * look-up.
 */
const struct dma_p2pdma_slot *pci_p2pdma_recent(struct device *dev,
						enum dma_data_direction dir,
						phys_addr_t phys)
{
	struct p2pdma_function *function;
	const struct p2pdma_entry *entry;
	const struct dma_p2pdma_slot *slot;
	int i;

	if (!dev_is_pci(dev) || trace_p2pdma_route_enabled() ||
	    trace_p2pdma_map_sg_enabled())
		return NULL;
	function = p2pdma_function_of(dev);
	if (!function)
		return NULL;
	for (i = 0; i < P2PDMA_RECENT; i++) {
		entry = rcu_dereference(function->recent[i]);
		if (!entry)
			continue;
		slot = &entry->slot[p2pdma_kind(dir)];
		if (phys - slot->cursor.start >= slot->cursor.size)
			continue;
		if (READ_ONCE(entry->generation) != p2pdma_generation() ||
		    !p2pdma_stamp_holds(&entry->stamp, to_pci_dev(dev), false))
			return NULL;
		return slot;
	}
	return NULL;
}

/**
 * pci_p2pdma_used - count that an interval of pci_p2pdma_recent() has been used
 * @slot: the interval
 *
 * Context: any, in the same RCU read-side section.
 */
void pci_p2pdma_used(const struct dma_p2pdma_slot *slot)
{
	p2pdma_cache_used(slot->stats);
}

/**
 * pci_p2pdma_mapped_recent - a list has been mapped that needed no walk
 * @slot: from pci_p2pdma_recent()
 * @dir: direction of the transfer
 * @bytes: bytes of the list
 *
 * Context: any, in the same RCU read-side section.
 */
void pci_p2pdma_mapped_recent(const struct dma_p2pdma_slot *slot,
			      enum dma_data_direction dir, u64 bytes)
{
	this_cpu_inc(p2pdma_lookups.hits);
	if (likely(slot->stats))
		p2pdma_stats_recent(slot->stats, p2pdma_kind(dir), bytes);
}

/**
 * p2pdma_cache_decide - the routes of a pair, decided anew
 * @client: the client
 * @provider: whose memory
 * @generation: current before anything was looked at
 * @query: what the route is wanted for
 * @store: cache them; the driver of @client is bound
 * @uncached: room for a result that is not cached
 *
 * Context: any, in an RCU read-side section, for which the result is valid; reads
 * configuration space.  The caller holds @client, and makes sure that the provider
 * stays.
 *
 * Return: a cached result, or the one in @uncached.
 */
const struct p2pdma_entry *
p2pdma_cache_decide(struct pci_dev *client, struct p2pdma_provider *provider,
		    int generation, enum p2pdma_query query, bool store,
		    struct p2pdma_entry *uncached)
{
	struct pci_dev *owner = to_pci_dev(provider->owner);

	store = store && p2pdma_cacheable(provider) && p2pdma_watch(client) &&
		p2pdma_watch(owner);
	/*
	 * What went to sleep before it was watched has told nobody.  Pairs with
	 * pci_p2pdma_power_changed().
	 */
	smp_mb();
	store = store && !p2pdma_path_asleep(owner);
	p2pdma_entry_init(uncached, client, provider, generation);
	p2pdma_entry_fill(uncached, query, store);
	return (store ? p2pdma_cache_store(uncached) : NULL) ?: uncached;
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

/**
 * pci_p2pdma_settle_anew - what a route means for mapping loops has changed
 * @dev: the client, a PCI function
 * @provider: whose memory
 *
 * Makes the entry of the pair stale.
 *
 * Context: any, in an RCU read-side section.
 */
void pci_p2pdma_settle_anew(struct device *dev,
			    struct p2pdma_provider *provider)
{
	struct p2pdma_entry *entry = p2pdma_cache_find(to_pci_dev(dev), provider);

	if (entry)
		WRITE_ONCE(entry->generation, p2pdma_generation() - 1);
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

/* Entries that are removed before interrupts may come through. */
#define P2PDMA_CACHE_BATCH 32

/*
 * Remove entries from a list, of any provider or of @provider; false if all are removed.
 */
static bool p2pdma_cache_forget_some(struct hlist_head *list, bool as_client,
				     const struct p2pdma_provider *provider)
{
	struct hlist_node *node, *next;
	struct p2pdma_entry *entry;
	unsigned long flags;
	int n = 0;

	spin_lock_irqsave(&p2pdma_cache_lock, flags);
	for (node = list->first; node && n < P2PDMA_CACHE_BATCH; node = next) {
		next = node->next;
		entry = as_client ?
			hlist_entry(node, struct p2pdma_entry, of_client) :
			hlist_entry(node, struct p2pdma_entry, of_owner);
		if (provider && entry->key.provider != provider)
			continue;
		rhashtable_remove_fast(&p2pdma_cache, &entry->node,
				       p2pdma_cache_params);
		p2pdma_stats_free(entry->stats);
		p2pdma_cache_unlink(entry);
		n++;
	}
	spin_unlock_irqrestore(&p2pdma_cache_lock, flags);
	return n == P2PDMA_CACHE_BATCH;
}

/* Remove the entries of a device, as client and as provider. */
static void p2pdma_cache_forget(struct device *dev)
{
	struct p2pdma_function *function;

	guard(rcu)();
	function = p2pdma_function_of(dev);
	if (!function)
		return;
	while (p2pdma_cache_forget_some(&function->as_client, true, NULL))
		;
	while (p2pdma_cache_forget_some(&function->as_owner, false, NULL))
		;
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
	p2pdma_cache_forget(dev);
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
	struct p2pdma_function *function;

	p2pdma_invalidate(P2PDMA_BY_PROVIDER_REMOVED);
	guard(rcu)();
	function = p2pdma_function_of(provider->owner);
	if (!function)
		return;
	while (p2pdma_cache_forget_some(&function->as_owner, false, provider))
		;
}

/**
 * p2pdma_cache_release - free what hangs off a function
 * @pdev: the function, which is being freed
 *
 * Context: any.
 */
void p2pdma_cache_release(struct pci_dev *pdev)
{
	/* It was removed before; whoever still held it may have mapped since. */
	p2pdma_cache_forget(&pdev->dev);
	kfree(pdev->p2pdma_function);
}

/**
 * p2pdma_cache_for_each - look at every entry
 * @fn: called for each, in no particular order; must not sleep
 * @data: for @fn
 *
 * The devices of an entry may be gone: @fn must not follow its pointers to them.
 *
 * Context: process; takes an RCU read-side section.
 */
void p2pdma_cache_for_each(void (*fn)(const struct p2pdma_entry *entry,
				      void *data), void *data)
{
	struct rhashtable_iter iter;
	struct p2pdma_entry *entry;

	rhashtable_walk_enter(&p2pdma_cache, &iter);
	rhashtable_walk_start(&iter);
	while ((entry = rhashtable_walk_next(&iter))) {
		/* The table grew; what comes now may have come before. */
		if (IS_ERR(entry))
			continue;
		fn(entry, data);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
}

/**
 * p2pdma_cache_lookups - how often a route was looked up, and what was found
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

static int __init p2pdma_cache_init(void)
{
	if (rhashtable_init(&p2pdma_cache, &p2pdma_cache_params))
		panic("p2pdma: no memory for the route cache\n");
	return 0;
}
core_initcall(p2pdma_cache_init);
