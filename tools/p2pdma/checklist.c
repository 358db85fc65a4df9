// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checklist.h"
#include "groups.h"
#include "json.h"
#include "kconfig.h"
#include "out.h"
#include "path.h"
#include "stock.h"

enum state {
	STATE_OK,
	STATE_NOTE,	/* to be known; it does not stand in the way by itself */
	STATE_NO,	/* it stands in the way */
	STATE_UNKNOWN,
};

static const struct {
	const char *word;
	enum style style;
} states[] = {
	[STATE_OK]	= { "ok", STYLE_GOOD },
	[STATE_NOTE]	= { "note", STYLE_FAIR },
	[STATE_NO]	= { "no", STYLE_BAD },
	[STATE_UNKNOWN]	= { "unknown", STYLE_FAINT },
};

#define MAX_ITEMS	16

struct items {
	struct item {
		const char *name;
		enum state state;
		char *text;
	} list[MAX_ITEMS];
	size_t n;
};

static void add(struct items *items, const char *name, enum state state, char *text)
{
	items->list[items->n++] = (struct item){ name, state, text };
}

/* A device whose DMA or memory is of interest. */
static bool matters(const struct dev *dev)
{
	enum group group = group_of(dev);

	return group < GROUP_MANAGEMENT || (group == GROUP_OTHER && dev_is_client(dev));
}

static void add_kernel(const struct machine *m, struct items *items)
{
	unsigned int major = 0, minor = 0;

	if (sscanf(m->release, "%u.%u", &major, &minor) < 2)
		major = 0;
	if (m->project)
		add(items, "kernel", STATE_OK, xasprintf("%s, with the p2pdma project",
							 m->release));
	else if (major && (major < 4 || (major == 4 && minor < 20)))
		add(items, "kernel", STATE_NO,
		    xasprintf("%s: kernels before 4.20 have no peer-to-peer DMA", m->release));
	else
		add(items, "kernel", STATE_NOTE,
		    xasprintf("%s, without the p2pdma project: routes are predicted, and can neither be chosen nor seen",
			      m->release));
}

static void add_options(const struct machine *m, struct items *items)
{
	static const char * const options[] = {
		"CONFIG_PCI_P2PDMA", "CONFIG_ZONE_DEVICE", "CONFIG_MEMORY_HOTPLUG",
		"CONFIG_SPARSEMEM_VMEMMAP",
	};
	struct text off = {};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		enum kconfig state = kconfig(m, options[i]);

		if (state == KCONFIG_UNKNOWN) {
			add(items, "kernel-options", m->project ? STATE_OK : STATE_UNKNOWN,
			    xasprintf(m->project ? "CONFIG_PCI_P2PDMA: its files are there" :
				      "/boot/config-%s cannot be read", m->release));
			return;
		}
		if (state == KCONFIG_OFF)
			text_addf(&off, "%s%s", off.len ? ", " : "", options[i]);
	}
	if (off.len && kconfig(m, "CONFIG_PCI_P2PDMA_CORE") == KCONFIG_ON)
		add(items, "kernel-options", STATE_NOTE,
		    xasprintf("CONFIG_PCI_P2PDMA_CORE alone: no peer memory with struct pages; off: %s",
			      text_str(&off)));
	else if (off.len)
		add(items, "kernel-options", STATE_NO,
		    xasprintf("off: %s", text_str(&off)));
	else
		add(items, "kernel-options", STATE_OK,
		    xstrdup("CONFIG_PCI_P2PDMA, and what it needs"));
	text_free(&off);
}

static void add_iommu(const struct machine *m, struct items *items)
{
	size_t i, all = 0, translated = 0;

	for (i = 0; i < m->n_devs; i++) {
		if (!matters(m->devs[i]))
			continue;
		all++;
		translated += m->devs[i]->translated;
	}
	if (!m->n_iommus && !translated)
		add(items, "iommu", STATE_OK, xstrdup("none is in use"));
	else if (!translated)
		add(items, "iommu", STATE_OK,
		    xstrdup("it does not translate for any of these devices (passthrough)"));
	else if (m->guest)
		add(items, "iommu", STATE_NO,
		    xasprintf("this is a virtual machine, and its IOMMU translates for %zu of %zu devices: no direct route is reliable",
			      translated, all));
	else
		add(items, "iommu", STATE_NOTE,
		    xasprintf("it translates for %zu of %zu devices: the kernel then switches ACS redirection on at all ports; direct transfers do not pass the IOMMU",
			      translated, all));
}

static void add_once(const struct dev ***list, size_t *n, const struct dev *dev)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if ((*list)[i] == dev)
			return;
	*list = xrealloc(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = dev;
}

/* Pairs with a port above both, and those that ACS keeps from being direct. */
struct acs_pairs {
	size_t n, redirected;
	const struct dev **ports;	/* where it does */
	size_t n_ports;
	bool unseen;
};

static void look_at_pair(const struct machine *m, const struct dev *client,
			 const struct dev *provider, struct acs_pairs *pairs)
{
	struct path *path = path_find(client, provider);
	const struct dev **redirectors = path->redirectors;
	size_t i, n = path->n_redirectors;
	bool seen = path->seen;
	struct stock stock = {};

	/* a plain kernel heeds more ports, and not whether a bridge is conventional */
	if (!m->project) {
		seen = stock_find_redirectors(path, &stock);
		redirectors = stock.redirectors;
		n = stock.n_redirectors;
	}
	if (path->common && !(m->project && path->conventional)) {
		pairs->unseen |= !seen;
		pairs->n++;
		pairs->redirected += !!n;
		for (i = 0; i < n; i++)
			add_once(&pairs->ports, &pairs->n_ports, redirectors[i]);
	}
	stock_free(&stock);
	path_free(path);
}

static void add_acs(const struct machine *m, struct items *items)
{
	struct acs_pairs pairs = {};
	struct text text = {};
	size_t i, j;

	for (i = 0; i < m->n_devs; i++)
		for (j = 0; matters(m->devs[i]) && j < m->n_devs; j++)
			if (i != j && matters(m->devs[j]) && dev_has_memory(m->devs[j]))
				look_at_pair(m, m->devs[i], m->devs[j], &pairs);
	for (i = 0; i < pairs.n_ports && i < 8; i++)
		text_addf(&text, "%s%s", i ? ", " : "", pairs.ports[i]->bdf);
	if (pairs.n_ports > 8)
		text_addf(&text, " and %zu more", pairs.n_ports - 8);
	if (pairs.unseen)
		add(items, "acs", STATE_UNKNOWN,
		    xstrdup("it cannot be read: run it as root"));
	else if (!pairs.n)
		add(items, "acs", STATE_NOTE,
		    xstrdup("no two of these devices have a port above both"));
	else if (!pairs.redirected)
		add(items, "acs", STATE_OK,
		    xasprintf("redirects none of %zu pairs with a port above both", pairs.n));
	else
		add(items, "acs", STATE_NO,
		    xasprintf("redirects or blocks %zu of %zu pairs with a port above both, at %s",
			      pairs.redirected, pairs.n, text_str(&text)));
	text_free(&text);
	free(pairs.ports);
}

/* What the kernel lets a host bridge forward. */
enum forwards {
	FORWARDS_NOTHING,
	FORWARDS_WRITES,
	FORWARDS_OWN,		/* between its own ports */
	FORWARDS_ALL,
	N_FORWARDS,
};

static enum forwards forwards_of(const struct machine *m, struct model *model,
				 const struct dev *dev)
{
	if (!m->project)
		return stock_forwards(m, model, dev, false) ? FORWARDS_ALL :
		       stock_forwards(m, model, dev, true) ? FORWARDS_OWN :
							     FORWARDS_NOTHING;
	if (model_forwards(model, dev, false, DIR_READ))
		return FORWARDS_ALL;
	if (model_forwards(model, dev, true, DIR_READ))
		return FORWARDS_OWN;
	return model_forwards(model, dev, true, DIR_WRITE) ? FORWARDS_WRITES :
							     FORWARDS_NOTHING;
}

static void add_hosts(const struct machine *m, struct model *model, struct items *items)
{
	static const struct {
		const char *before, *after;
	} texts[N_FORWARDS] = {
		[FORWARDS_NOTHING] = {
			"nothing is known of", "routes over them are refused",
		},
		[FORWARDS_WRITES] = {
			"trusted for writes alone:", "reads over them are refused",
		},
		[FORWARDS_OWN] = {
			"known to forward among their own ports:",
			"routes over them to other host bridges are refused",
		},
	};
	struct {
		const struct dev **functions;
		size_t n, n_devs;
	} of[N_FORWARDS] = {};
	const char *host = NULL;
	struct text text = {};
	enum forwards forwards;
	bool several = false;
	size_t i;

	if (model_cpu_listed(model)) {
		add(items, "host-bridges", STATE_OK,
		    xstrdup("those of this CPU (AMD, Zen or later) are known to forward"));
		return;
	}
	for (i = 0; i < m->n_devs; i++) {
		const struct dev *dev = m->devs[i], *function;

		if (!matters(dev))
			continue;
		several |= host && dev->host && strcmp(host, dev->host);
		host = dev->host;
		forwards = forwards_of(m, model, dev);
		of[forwards].n_devs++;
		function = model_bridge_function(model, dev);
		if (function)
			add_once(&of[forwards].functions, &of[forwards].n, function);
	}
	for (forwards = 0; forwards < FORWARDS_ALL; forwards++) {
		struct text names = {};

		/* with one host bridge there is no other to reach */
		if (!of[forwards].n_devs || (forwards == FORWARDS_OWN && !several))
			continue;
		for (i = 0; i < of[forwards].n && i < 8; i++)
			text_addf(&names, "%s%s (%04x:%04x)", i ? ", " : " ",
				  of[forwards].functions[i]->bdf,
				  of[forwards].functions[i]->vendor,
				  of[forwards].functions[i]->device);
		text_add(&text, text.len ? "; " : "");
		text_addf(&text, "%s%s; %s", texts[forwards].before,
			  names.len ? text_str(&names) : " some", texts[forwards].after);
		text_free(&names);
	}
	if (text.len)
		add(items, "host-bridges", of[FORWARDS_NOTHING].n_devs ? STATE_NO : STATE_NOTE,
		    text_take(&text));
	else
		add(items, "host-bridges", STATE_OK,
		    xstrdup(m->project ? "all are known to forward, or trusted by the policy" :
			    "all are in the list of those that are known to forward"));
	for (forwards = 0; forwards < N_FORWARDS; forwards++)
		free(of[forwards].functions);
}

/* With blanks after commas and semicolons, so that it can be broken over lines. */
static char *spaced(const char *text)
{
	struct text out = {};

	for (; *text; text++)
		text_addf(&out, "%c%s", *text, strchr(",;", *text) ? " " : "");
	return text_take(&out);
}

static void add_policy(const struct machine *m, struct items *items)
{
	if (!m->project)
		return;
	if (!m->policy)
		add(items, "policy", STATE_UNKNOWN, xstrdup("it cannot be read"));
	else
		add(items, "policy", !strncmp(m->policy, "off", 3) ? STATE_NO : STATE_OK,
		    spaced(m->policy));
}

static void add_providers(const struct machine *m, struct items *items)
{
	size_t i, without = 0;

	for (i = 0; i < m->n_devs; i++)
		without += (group_of(m->devs[i]) == GROUP_GPU ||
			    group_of(m->devs[i]) == GROUP_ACCELERATOR) &&
			   !machine_provider(m, m->devs[i], -1);
	if (m->n_providers)
		add(items, "providers", STATE_OK,
		    xasprintf("%zu; p2pdma topo lists them", m->n_providers));
	else
		add(items, "providers", STATE_NOTE,
		    xasprintf("no driver has registered peer memory%s",
			      without ? "; those of most GPUs do not, and map it by dma-buf" : ""));
}

static void add_devices(const struct machine *m, struct items *items)
{
	struct text text = {};
	enum group group;
	size_t i, n;

	for (group = 0; group < N_GROUPS; group++) {
		for (n = 0, i = 0; i < m->n_devs; i++)
			n += group_of(m->devs[i]) == group &&
			     (group == GROUP_MANAGEMENT || matters(m->devs[i]));
		if (n)
			text_addf(&text, "%s%s: %zu", text.len ? "; " : "",
				  group_title(group), n);
	}
	if (text.len)
		add(items, "devices", STATE_OK, text_take(&text));
	else
		add(items, "devices", STATE_NO, xstrdup("none that takes part"));
}

int checklist(const struct machine *m, struct model *model, bool json,
	      unsigned int width)
{
	struct json_object *out, *array, *one;
	struct items items = {};
	bool seen[ARRAY_SIZE(states)] = {};
	size_t i;

	add_kernel(m, &items);
	add_options(m, &items);
	add_policy(m, &items);
	add_devices(m, &items);
	add_providers(m, &items);
	add_iommu(m, &items);
	add_acs(m, &items);
	add_hosts(m, model, &items);
	for (i = 0; i < items.n; i++)
		seen[items.list[i].state] = true;
	if (json) {
		out = json_begin("checklist", m);
		array = json_array_in(out, "items");
		for (i = 0; i < items.n; i++) {
			one = json_item(array);
			json_text(one, "name", items.list[i].name);
			json_text(one, "state", states[items.list[i].state].word);
			json_text(one, "text", items.list[i].text);
		}
		json_end(out);
	} else {
		for (i = 0; i < items.n; i++) {
			enum state state = items.list[i].state;

			printf("%s%-8s%s %-15s ", style_on(states[state].style),
			       states[state].word, style_off(states[state].style),
			       items.list[i].name);
			out_paragraph(items.list[i].text, 25, 25, width);
		}
		out_unseen(m, width);
	}
	for (i = 0; i < items.n; i++)
		free(items.list[i].text);
	return seen[STATE_NO] ? STATUS_MISMATCH : seen[STATE_UNKNOWN] ? STATUS_FAILED : STATUS_OK;
}
