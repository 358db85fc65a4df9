// SPDX-License-Identifier: GPL-2.0
/*
 * Files for troubleshooting: providers, the path of a pair, and the route cache.
 * See Documentation/ABI/testing/debugfs-p2pdma.
 *
 * Each read or query makes its text anew and changes nothing: the path is read from
 * configuration space, and not from the route cache.
 */
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/genalloc.h>
#include <linux/init.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/seq_buf.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/string_choices.h>
#include <linux/uaccess.h>

#include "../pci.h"
#include "p2pdma.h"

/*
 * providers
 */

/* The chunk of a pool that a range is; only ranges with pages are in the pool. */
struct p2pdma_chunk {
	phys_addr_t bus;
	bool found;
	size_t size;
	size_t available;
};

static void p2pdma_find_chunk(struct gen_pool *pool,
			      struct gen_pool_chunk *chunk, void *data)
{
	struct p2pdma_chunk *find = data;

	/* The pool was told bus addresses where it asks for physical ones. */
	if (chunk->phys_addr != find->bus)
		return;
	find->found = true;
	find->size = chunk->end_addr - chunk->start_addr + 1;
	find->available = atomic_long_read(&chunk->avail);
}

/* Walks over the ranges by address, so that those of a provider come in a row. */
struct p2pdma_providers {
	struct seq_file *m;
	struct p2pdma_provider *last;
};

static void p2pdma_show_provider(struct seq_file *m, struct p2pdma_mem *mem,
				 const struct pci_p2pdma *p2pdma)
{
	struct device *owner = mem->provider.owner;

	seq_printf(m, "provider %s %d driver=%s going=%s ", dev_name(owner),
		   mem->bar, owner->driver ? owner->driver->name : "-",
		   str_yes_no(atomic_read(&mem->going)));
	if (p2pdma_pool_of(p2pdma))
		seq_printf(m, "pool=%zu available=%zu ",
			   gen_pool_size(p2pdma->pool),
			   gen_pool_avail(p2pdma->pool));
	else
		seq_puts(m, "pool=- available=- ");
	seq_printf(m, "published=%s\n", str_yes_no(p2pdma->published));
}

static void p2pdma_show_range(const struct p2pdma_range *range, void *data)
{
	struct p2pdma_provider *provider = range->provider;
	struct p2pdma_chunk chunk = {
		.bus = range->start + provider->bus_offset,
	};
	struct p2pdma_mem *mem = to_p2pdma_mem(provider);
	struct p2pdma_providers *walk = data;
	struct pci_p2pdma *p2pdma;

	/* The pool stays until the last range of its function has been removed. */
	p2pdma = rcu_dereference_protected(to_pci_dev(provider->owner)->p2pdma,
					   1);
	if (provider != walk->last)
		p2pdma_show_provider(walk->m, mem, p2pdma);
	walk->last = provider;

	seq_printf(walk->m, "range %s %d cpu=%#llx-%#llx bus=%#llx-%#llx ",
		   dev_name(provider->owner), mem->bar, (u64)range->start,
		   (u64)range->last, range->start + provider->bus_offset,
		   range->last + provider->bus_offset);
	if (p2pdma_pool_of(p2pdma))
		gen_pool_for_each_chunk(p2pdma->pool, p2pdma_find_chunk,
					&chunk);
	if (chunk.found)
		seq_printf(walk->m, "pages=%zu used=%zu\n",
			   chunk.size >> PAGE_SHIFT,
			   (chunk.size - chunk.available) >> PAGE_SHIFT);
	else
		seq_puts(walk->m, "pages=- used=-\n");
}

VISIBLE_IF_KUNIT int p2pdma_providers_show(struct seq_file *m, void *unused)
{
	struct p2pdma_providers walk = { .m = m };

	p2pdma_for_each_range(p2pdma_show_range, &walk);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_providers_show);
DEFINE_SHOW_ATTRIBUTE(p2pdma_providers);

/*
 * Words for what a decision rests on.
 */

static void p2pdma_add_word(struct seq_buf *s, bool holds, const char *word)
{
	if (holds)
		seq_buf_printf(s, "%s%s", seq_buf_used(s) ? "," : "", word);
}

/* The words of all facts that hold, except obstacles; "-" if there are none. */
static const char *p2pdma_facts_words(const struct p2pdma_facts *facts,
				      struct seq_buf *s)
{
	p2pdma_add_word(s, facts->denied, "denied");
	p2pdma_add_word(s, facts->unreachable, "unreachable");
	p2pdma_add_word(s, facts->client == P2PDMA_CLIENT_BOUNCES, "must-bounce");
	p2pdma_add_word(s, facts->same_function, "same-function");
	p2pdma_add_word(s, facts->client == P2PDMA_CLIENT_TRANSLATED,
			"translated");
	p2pdma_add_word(s, p2pdma_fate_crosses(facts->untranslated.fate),
			"crosses");
	p2pdma_add_word(s, p2pdma_fate_lost(facts->untranslated.fate), "lost");
	p2pdma_add_word(s, p2pdma_fate_lost(facts->translated.fate),
			"lost-translated");
	p2pdma_add_word(s, facts->ats, "ats");
	p2pdma_add_word(s, facts->ats &&
			p2pdma_fate_crosses(facts->sent_translated.fate),
			"translated-requests-cross");
	p2pdma_add_word(s, facts->ats &&
			p2pdma_fate_lost(facts->sent_translated.fate),
			"lost-sent-translated");
	p2pdma_add_word(s, facts->client == P2PDMA_CLIENT_NO_DMA, "no-dma");
	p2pdma_add_word(s, facts->host_addr == P2PDMA_HOST_ADDR_UNMAPPABLE,
			"no-host");
	p2pdma_add_word(s, facts->host_addr == P2PDMA_HOST_ADDR_ABOVE_MASK,
			"host-mask");
	p2pdma_add_word(s, facts->trusted, "trusted");
	if (!seq_buf_used(s))
		seq_buf_puts(s, "-");
	return seq_buf_str(s);
}

#define P2PDMA_FACT_WORDS 192	/* bytes for all facts */
#define P2PDMA_WORDS 512	/* bytes for all obstacles and all facts */

/*
 * path
 */

static const char * const p2pdma_role_names[] = {
	[P2PDMA_CLIENT]		= "client",
	[P2PDMA_CLIENT_PF]	= "client-pf",
	[P2PDMA_UP]		= "up",
	[P2PDMA_CLIENT_SIDE]	= "client-side",
	[P2PDMA_COMMON]		= "common",
	[P2PDMA_ABOVE]		= "above",
	[P2PDMA_PROVIDER_SIDE]	= "provider-side",
	[P2PDMA_DOWN]		= "down",
	[P2PDMA_PROVIDER_PF]	= "provider-pf",
	[P2PDMA_PROVIDER]	= "provider",
};

static const char *p2pdma_port_type(struct pci_dev *pdev)
{
	switch (pci_is_pcie(pdev) ? pci_pcie_type(pdev) : -1) {
	case PCI_EXP_TYPE_ROOT_PORT:
		return "root-port";
	case PCI_EXP_TYPE_UPSTREAM:
		return "upstream-port";
	case PCI_EXP_TYPE_DOWNSTREAM:
		return "downstream-port";
	case PCI_EXP_TYPE_ENDPOINT:
		return "endpoint";
	case PCI_EXP_TYPE_LEG_END:
		return "legacy-endpoint";
	case PCI_EXP_TYPE_RC_END:
		return "rc-endpoint";
	case PCI_EXP_TYPE_RC_EC:
		return "rc-event-collector";
	case PCI_EXP_TYPE_PCI_BRIDGE:
		return "pcie-to-pci";
	case PCI_EXP_TYPE_PCIE_BRIDGE:
		return "pci-to-pcie";
	default:
		return pci_is_bridge(pdev) ? "conventional-bridge" :
					     "conventional";
	}
}

/* The bits of an ACS register, or "?" if it could not be read. */
static void p2pdma_show_acs(struct seq_buf *s, int acs)
{
	static const char * const names[] = {
		"SV", "TB", "RR", "CR", "UF", "EC", "DT",
	};
	const char *separator = "";
	int i;

	if (acs < 0) {
		seq_buf_puts(s, "?");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(acs & BIT(i)))
			continue;
		seq_buf_printf(s, "%s%s", separator, names[i]);
		separator = ",";
	}
	if (!*separator)
		seq_buf_puts(s, "none");
}

static void p2pdma_show_hop(const struct p2pdma_hop *hop, void *data)
{
	struct pci_dev *pdev = hop->pdev;
	struct seq_buf *s = data;

	seq_buf_printf(s, "hop %s %s %s acscap=", p2pdma_role_names[hop->role],
		       pci_name(pdev), p2pdma_port_type(pdev));
	if (hop->isolates) {
		seq_buf_puts(s, "quirk acsctl=RR,CR");
	} else if (!pdev->acs_cap) {
		seq_buf_puts(s, "absent acsctl=-");
	} else {
		p2pdma_show_acs(s, hop->acs_cap < 0 ? hop->acs_cap :
						      hop->acs_cap & 0x7f);
		seq_buf_puts(s, " acsctl=");
		p2pdma_show_acs(s, hop->acs_ctrl);
	}

	if (hop->unread)
		seq_buf_printf(s, " egress=%s memory=? master=?",
			       pdev->acs_cap ? "?" : "-");
	else
		seq_buf_printf(s, " egress=%s memory=%s master=%s",
			       hop->egress < 0 ? "-" :
			       hop->egress ? "set" : "clear",
			       str_on_off(hop->memory), str_on_off(hop->master));

	seq_buf_printf(s, " power=%s\n", pci_channel_offline(pdev) ? "lost" :
		       pci_power_name(pdev->current_state));
}

static void p2pdma_show_host(struct seq_buf *s, const char *role,
			     struct pci_host_bridge *host)
{
	struct p2pdma_bridge_function function;
	const struct p2pdma_active_policy *active;
	char text[P2PDMA_BDF_LEN];

	seq_buf_printf(s, "host %s %s ", role, dev_name(&host->dev));
	if (p2pdma_bridge_function(host, &function)) {
		p2pdma_bdf_text(&function.bdf, text);
		seq_buf_printf(s, "function=%s id=%04x:%04x ", text,
			       function.vendor, function.device);
	} else {
		seq_buf_puts(s, "function=- id=- ");
	}

	guard(rcu)();
	active = p2pdma_active_policy();
	seq_buf_printf(s, "listed=%s trust=%s\n",
		       p2pdma_bridge_listed(host, false, false) ? "yes" :
		       p2pdma_bridge_listed(host, true, false) ? "own-ports" :
		       "no",
		       p2pdma_admin_trusts(active, host, true) ? "all" :
		       p2pdma_admin_trusts(active, host, false) ? "writes" :
		       "none");
}

/* A query, and where the answer goes. */
struct p2pdma_pair {
	struct pci_dev *client;
	struct pci_dev *provider;
	unsigned long registered;	/* bit per BAR of @provider */
	struct seq_buf *s;
};

static void p2pdma_show_route(struct p2pdma_provider *provider,
			      struct pci_dev *client, enum p2pdma_kind kind,
			      struct seq_buf *s)
{
	const char *dir = kind == P2PDMA_WRITES ? "write" : "read";
	int bar = to_p2pdma_mem(provider)->bar, i;
	struct p2pdma_gathered gathered;
	struct pci_p2pdma_route route;
	struct p2pdma_facts facts;
	char port[P2PDMA_BDF_LEN];
	char text[P2PDMA_FACT_WORDS];
	unsigned long obstacles;
	struct seq_buf words;

	seq_buf_init(&words, text, sizeof(text));
	p2pdma_examine(provider, client, kind, &gathered, &facts, &route);
	p2pdma_route_bridge(&route, port);
	seq_buf_printf(s, "route %d %s %s %s %s\n", bar, dir,
		       pci_p2pdma_map_type_name(route.type),
		       pci_p2pdma_reason_name(route.reason), port);

	obstacles = facts.obstacles;
	for_each_set_bit(i, &obstacles, PCI_P2PDMA_NR_REASONS) {
		p2pdma_bdf_text(&gathered.port[i], port);
		seq_buf_printf(s, "obstacle %d %s %s %s\n", bar, dir,
			       pci_p2pdma_reason_name(i), port);
	}

	seq_buf_printf(s, "facts %d %s %s %s\n", bar, dir,
		       p2pdma_mode_name(facts.mode),
		       p2pdma_facts_words(&facts, &words));
}

static bool p2pdma_show_routes(struct p2pdma_provider *provider, void *data)
{
	struct p2pdma_pair *pair = data;

	pair->registered |= BIT(to_p2pdma_mem(provider)->bar);
	p2pdma_show_route(provider, pair->client, P2PDMA_WRITES, pair->s);
	p2pdma_show_route(provider, pair->client, P2PDMA_READS, pair->s);
	return true;
}

/* The verdict alone, as dma_map_resource() gets it for memory that is not registered. */
static void p2pdma_show_unregistered(struct p2pdma_provider *provider,
				     struct p2pdma_pair *pair,
				     enum p2pdma_kind kind)
{
	struct p2pdma_gathered gathered;
	struct pci_p2pdma_route route;
	struct p2pdma_facts facts;
	char port[P2PDMA_BDF_LEN];

	p2pdma_examine(provider, pair->client, kind, &gathered, &facts, &route);
	p2pdma_route_bridge(&route, port);
	seq_buf_printf(pair->s, "unregistered %d %s %s %s %s\n",
		       to_p2pdma_mem(provider)->bar,
		       kind == P2PDMA_WRITES ? "write" : "read",
		       pci_p2pdma_map_type_name(route.type),
		       pci_p2pdma_reason_name(route.reason), port);
}

/* The memory BARs of the provider that no driver has registered. */
static void p2pdma_show_other_bars(struct p2pdma_pair *pair)
{
	struct pci_dev *owner = pair->provider;
	struct p2pdma_provider *provider;
	int nr;

	for (nr = 0; nr < PCI_STD_NUM_BARS; nr++) {
		if ((pair->registered & BIT(nr)) ||
		    !p2pdma_bar_is_memory(owner, nr))
			continue;

		guard(rcu)();
		provider = p2pdma_bar_of_phys(pci_resource_start(owner, nr),
					      pci_resource_len(owner, nr));
		/* NULL or an error if the address is not in use now */
		if (IS_ERR_OR_NULL(provider) || provider->owner != &owner->dev)
			continue;
		p2pdma_show_unregistered(provider, pair, P2PDMA_WRITES);
		p2pdma_show_unregistered(provider, pair, P2PDMA_READS);
	}
}

static void p2pdma_show_path(struct p2pdma_pair *pair)
{
	struct pci_host_bridge *client_host, *provider_host;
	struct seq_buf *s = pair->s;
	struct p2pdma_path path;

	client_host = pci_find_host_bridge(pair->client->bus);
	provider_host = pci_find_host_bridge(pair->provider->bus);

	p2pdma_path_shape(&path, pair->client, pair->provider);
	seq_buf_printf(s, "path %s %s distance=%d meets=%s\n",
		       pci_name(pair->client), pci_name(pair->provider),
		       path.distance,
		       path.same_function ? "function" :
		       path.in_switch ? "switch" :
		       path.common ? "device" :
		       client_host == provider_host ? "root-complex" :
		       "host-bridges");

	p2pdma_path_walk(&path, P2PDMA_ASLEEP_SKIPPED, p2pdma_show_hop, s);

	if (client_host == provider_host) {
		p2pdma_show_host(s, "both", client_host);
	} else {
		p2pdma_show_host(s, "client", client_host);
		p2pdma_show_host(s, "provider", provider_host);
	}
	pair->registered = 0;
	p2pdma_for_each_provider_of(pair->provider, p2pdma_show_routes, pair);
	p2pdma_show_other_bars(pair);
}

/* The whole answer as text, for the caller to kvfree(); NULL if there is no memory. */
static char *p2pdma_path_text(struct p2pdma_pair *pair)
{
	size_t size = SZ_16K;
	struct seq_buf s;
	char *text;

	pair->s = &s;
	/* A deep fabric needs more. */
	for (; (text = kvmalloc(size, GFP_KERNEL)); size *= 2) {
		seq_buf_init(&s, text, size);
		p2pdma_show_path(pair);
		if (!seq_buf_has_overflowed(&s)) {
			seq_buf_str(&s);
			break;
		}
		kvfree(text);
	}
	return text;
}

static struct pci_dev *p2pdma_path_function(const char *name, char **text)
{
	struct device *dev = bus_find_device_by_name(&pci_bus_type, NULL, name);

	if (!dev) {
		*text = kasprintf(GFP_KERNEL,
				  "error no PCI function \"%s\"; names are as in /sys/bus/pci/devices\n",
				  name);
		return NULL;
	}
	return to_pci_dev(dev);
}

/**
 * p2pdma_path_answer - the path of a pair, or what is wrong with the query
 * @query: "CLIENT PROVIDER"; is cut up
 * @text: set to the answer, for the caller to kvfree(); NULL without memory
 *
 * Context: may sleep.
 *
 * Return: 0; -EINVAL; -ENODEV if there is no such function; -ENOMEM.
 */
VISIBLE_IF_KUNIT int p2pdma_path_answer(char *query, char **text)
{
	struct pci_dev *client __free(pci_dev_put) = NULL;
	struct pci_dev *provider __free(pci_dev_put) = NULL;
	struct p2pdma_pair pair;
	char *name, *rest;

	rest = strim(query);
	name = strsep(&rest, " \t");
	if (rest)
		rest = skip_spaces(rest);
	if (!rest || strpbrk(rest, " \t\n")) {
		*text = kstrdup("error write two PCI functions, CLIENT PROVIDER\n",
				GFP_KERNEL);
		return -EINVAL;
	}

	client = p2pdma_path_function(name, text);
	if (!client)
		return -ENODEV;
	provider = p2pdma_path_function(rest, text);
	if (!provider)
		return -ENODEV;
	if (pci_is_bridge(client)) {
		*text = kasprintf(GFP_KERNEL,
				  "error %s is a bridge, which does no DMA of its own\n",
				  pci_name(client));
		return -EINVAL;
	}

	pair.client = client;
	pair.provider = provider;
	pci_config_pm_runtime_get(client);
	*text = p2pdma_path_text(&pair);
	pci_config_pm_runtime_put(client);
	return *text ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_path_answer);

/* The last query written to an open file. */
struct p2pdma_question {
	struct mutex lock;	/* the rest */
	char *text;
	loff_t pos;		/* up to where it has been read */
};

static int p2pdma_path_open(struct inode *inode, struct file *file)
{
	struct p2pdma_question *question;

	question = kzalloc(sizeof(*question), GFP_KERNEL);
	if (!question)
		return -ENOMEM;
	mutex_init(&question->lock);
	question->text = kstrdup("error write CLIENT PROVIDER first, to this descriptor\n",
				 GFP_KERNEL);
	file->private_data = question;
	return stream_open(inode, file);
}

static int p2pdma_path_release(struct inode *inode, struct file *file)
{
	struct p2pdma_question *question = file->private_data;

	kvfree(question->text);
	kfree(question);
	return 0;
}

#define P2PDMA_QUERY_MAX 128	/* bytes; two PCI addresses are shorter */

static ssize_t p2pdma_path_write(struct file *file, const char __user *buf,
				 size_t count, loff_t *unused)
{
	struct p2pdma_question *question = file->private_data;
	char *query;
	int ret;

	/* A longer query is not two PCI addresses, and gets that answer. */
	query = memdup_user_nul(buf, min(count, P2PDMA_QUERY_MAX));
	if (IS_ERR(query))
		return PTR_ERR(query);
	if (count > P2PDMA_QUERY_MAX)
		*query = '\0';

	guard(mutex)(&question->lock);
	kvfree(question->text);
	question->text = NULL;
	question->pos = 0;
	ret = p2pdma_path_answer(query, &question->text);
	kfree(query);
	return ret ?: count;
}

static ssize_t p2pdma_path_read(struct file *file, char __user *buf,
				size_t count, loff_t *unused)
{
	struct p2pdma_question *question = file->private_data;

	guard(mutex)(&question->lock);
	if (!question->text)
		return -ENOMEM;
	return simple_read_from_buffer(buf, count, &question->pos,
				       question->text, strlen(question->text));
}

static const struct file_operations p2pdma_path_fops = {
	.owner = THIS_MODULE,
	.open = p2pdma_path_open,
	.read = p2pdma_path_read,
	.write = p2pdma_path_write,
	.release = p2pdma_path_release,
};

/*
 * cache
 */

static void p2pdma_show_entry(const struct p2pdma_entry *entry, void *data)
{
	char client[P2PDMA_BDF_LEN], provider[P2PDMA_BDF_LEN];
	struct p2pdma_counts counts = {};
	struct seq_file *m = data;
	int kind, i;

	if (entry->stats)
		p2pdma_stats_sum(entry->stats, &counts);
	p2pdma_bdf_text(&entry->client_bdf, client);
	p2pdma_bdf_text(&entry->owner_bdf, provider);
	seq_printf(m, "entry %s %s %d %s hits=%llu distance=%d", client,
		   provider, entry->bar,
		   entry->generation == p2pdma_generation() ? "valid" : "stale",
		   counts.hits, entry->gathered.distance);

	for (kind = P2PDMA_WRITES; kind < P2PDMA_NR_KINDS; kind++) {
		const struct p2pdma_facts *facts = &entry->gathered.facts[kind];
		char text[P2PDMA_WORDS];
		struct seq_buf words;

		seq_buf_init(&words, text, sizeof(text));
		for_each_set_bit(i, &facts->obstacles, PCI_P2PDMA_NR_REASONS)
			p2pdma_add_word(&words, true, pci_p2pdma_reason_name(i));
		seq_printf(m, " %s=%s", kind == P2PDMA_WRITES ? "write" : "read",
			   p2pdma_facts_words(facts, &words));
	}
	seq_puts(m, "\n");
}

VISIBLE_IF_KUNIT int p2pdma_cache_show(struct seq_file *m, void *unused)
{
	struct p2pdma_lookups lookups;
	unsigned long total = 0;
	int i;

	p2pdma_cache_lookups(&lookups);
	seq_printf(m, "lookups total=%lu hits=%lu misses=%lu stale=%lu\n",
		   lookups.hits + lookups.misses + lookups.stale, lookups.hits,
		   lookups.misses, lookups.stale);

	for (i = 0; i < P2PDMA_NR_CAUSES; i++)
		total += p2pdma_invalidations(i);
	seq_printf(m, "invalidations total=%lu", total);
	for (i = 0; i < P2PDMA_NR_CAUSES; i++)
		seq_printf(m, " %s=%lu", p2pdma_cause_name(i),
			   p2pdma_invalidations(i));
	seq_puts(m, "\n");

	p2pdma_cache_for_each(p2pdma_show_entry, m);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_cache_show);
DEFINE_SHOW_ATTRIBUTE(p2pdma_cache);

static int __init p2pdma_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("p2pdma", NULL);

	debugfs_create_file("providers", 0444, dir, NULL,
			    &p2pdma_providers_fops);
	debugfs_create_file("path", 0644, dir, NULL, &p2pdma_path_fops);
	debugfs_create_file("cache", 0444, dir, NULL, &p2pdma_cache_fops);
	return 0;
}
late_initcall(p2pdma_debugfs_init);
