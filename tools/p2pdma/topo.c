// SPDX-License-Identifier: GPL-2.0
/* p2pdma topo: the matrix of clients and providers, and other views of the fabric. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "devices.h"
#include "dot.h"
#include "json.h"
#include "notes.h"
#include "out.h"
#include "path.h"
#include "tree.h"

#define WIDE	140	/* columns from which on device labels are shown */

static struct {
	bool tree, dot;
	bool all;
	bool devices;
	const char *matrix;
	const char *svg;
	const char *client, *provider;
} want;

enum {
	OPT_TREE = 0x100, OPT_DEVICES, OPT_MATRIX, OPT_DOT, OPT_SVG, OPT_ALL, OPT_CLIENT,
	OPT_PROVIDER,
};

static const struct option own_options[] = {
	{ "tree", no_argument, NULL, OPT_TREE },
	{ "devices", no_argument, NULL, OPT_DEVICES },
	{ "matrix", required_argument, NULL, OPT_MATRIX },
	{ "dot", no_argument, NULL, OPT_DOT },
	{ "svg", required_argument, NULL, OPT_SVG },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "client", required_argument, NULL, OPT_CLIENT },
	{ "provider", required_argument, NULL, OPT_PROVIDER },
	{}
};

static void take(int val, const char *arg)
{
	switch (val) {
	case OPT_TREE:
		want.tree = true;
		break;
	case OPT_DEVICES:
		want.devices = true;
		break;
	case OPT_MATRIX:
		want.matrix = arg;
		break;
	case OPT_DOT:
		want.dot = true;
		break;
	case OPT_SVG:
		want.svg = arg;
		break;
	case OPT_ALL:
		want.all = true;
		break;
	case OPT_CLIENT:
		want.client = arg;
		break;
	case OPT_PROVIDER:
		want.provider = arg;
		break;
	}
}

static bool shown_client(const struct machine *m, const struct dev *dev)
{
	if (want.client)
		return dev == args_dev(m, want.client, "client");
	return dev_is_client(dev) || (want.all && !dev->is_bridge);
}

static bool shown_provider(const struct machine *m,
			   const struct provider *provider)
{
	const struct provider *wanted;
	bool one_bar;

	if (!want.provider)
		return true;
	wanted = args_provider(m, want.provider, &one_bar);
	return provider->dev == wanted->dev &&
	       (!one_bar || provider->bar == wanted->bar);
}

/* The worse of the two decides the colour. */
static enum style cell_style(const struct route *route)
{
	enum verdict w = route->verdict[DIR_WRITE], r = route->verdict[DIR_READ];

	if (w == VERDICT_NOT_SUPPORTED || r == VERDICT_NOT_SUPPORTED)
		return w == r ? STYLE_BAD : STYLE_FAIR;
	return verdict_style(w == VERDICT_BUS_ADDRESS ? r : w);
}

/* Marks a pair of devices of two NUMA nodes, which are two sockets as a rule. */
static const char *far(const struct dev *client, const struct provider *provider)
{
	int node = provider->dev->numa;

	return client->numa >= 0 && node >= 0 && client->numa != node ? "+" : "";
}

/* What the kernel says of a pair; "own" where the memory is the client's. */
static void add_route(struct table *table, const struct dev *client,
		      const struct provider *provider,
		      const struct route *route)
{
	enum verdict w = route->verdict[DIR_WRITE], r = route->verdict[DIR_READ];

	if (client == provider->dev && w == VERDICT_BUS_ADDRESS && w == r)
		table_add(table, "own", STYLE_FAINT);
	else if (w == VERDICT_NOT_SUPPORTED && w == r)
		table_add(table, "no", STYLE_BAD);
	else if (w == r)
		table_addf(table, cell_style(route), "%s%s %d", verdict_short(w),
			   far(client, provider), route->distance);
	else
		table_addf(table, cell_style(route), "%s/%s%s %d",
			   verdict_short(w), verdict_short(r), far(client, provider),
			   route->distance);
}

/* How the two are connected, where the kernel reports no routes. */
static void add_shape(struct table *table, const struct dev *client,
		      const struct provider *provider)
{
	struct path *path = path_find(client, provider->dev);

	if (path->same_function)
		table_add(table, "own", STYLE_FAINT);
	else
		table_addf(table, STYLE_PLAIN, "%s%s %d", path_word(path),
			   far(client, provider), path->distance);
	path_free(path);
}

static void add_numa(struct table *table, int node)
{
	if (node < 0)
		table_add(table, "-", STYLE_FAINT);
	else
		table_addf(table, STYLE_PLAIN, "%d", node);
}

static void add_headings(const struct machine *m, struct table *table, bool wide)
{
	size_t i;

	table_add(table, "client", STYLE_HEAD);
	table_add(table, "name", STYLE_HEAD);
	table_add(table, "NUMA", STYLE_HEAD);
	if (wide)
		table_add(table, "device", STYLE_HEAD);
	for (i = 0; i < m->n_providers; i++) {
		char *name;

		if (!shown_provider(m, &m->providers[i]))
			continue;
		name = provider_short(m, &m->providers[i]);
		table_add(table, name, STYLE_HEAD);
		free(name);
	}
	/* the providers' own nodes */
	table_add(table, "NUMA", STYLE_FAINT);
	table_add(table, "", STYLE_PLAIN);
	table_add(table, "", STYLE_PLAIN);
	if (wide)
		table_add(table, "", STYLE_PLAIN);
	for (i = 0; i < m->n_providers; i++)
		if (shown_provider(m, &m->providers[i]))
			add_numa(table, m->providers[i].dev->numa);
}

static void add_client(const struct machine *m, struct table *table,
		       const struct dev *client, bool wide)
{
	size_t i;
	char *text;

	table_add(table, dev_short(m, client), STYLE_PLAIN);
	text = cut_text(client->kname ? client->kname : class_name(client), 12);
	table_add(table, text, STYLE_PLAIN);
	free(text);
	add_numa(table, client->numa);
	if (wide) {
		text = cut_text(client->label, 48);
		table_add(table, text, STYLE_FAINT);
		free(text);
	}
	for (i = 0; i < m->n_providers; i++) {
		const struct provider *provider = &m->providers[i];
		const struct route *route;

		if (!shown_provider(m, provider))
			continue;
		route = machine_route(client, provider);
		if (route)
			add_route(table, client, provider, route);
		else if (m->project)
			table_add(table, "?", STYLE_FAINT);
		else
			add_shape(table, client, provider);
	}
}

static bool any_far(const struct machine *m)
{
	size_t i, j;

	for (i = 0; i < m->n_devs; i++)
		for (j = 0; shown_client(m, m->devs[i]) && j < m->n_providers; j++)
			if (*far(m->devs[i], &m->providers[j]))
				return true;
	return false;
}

static void legend_line(const char *word, enum style style, const char *text,
			unsigned int width)
{
	printf("  %s%-8s%s", style_on(style), word, style_off(style));
	out_paragraph(text, 10, 10, width);
}

static void print_legend(const struct machine *m, unsigned int width)
{
	putchar('\n');
	out_paragraph("A row is a client, which does the DMA; a column is a provider, whose memory it is.",
		      0, 0, width);
	if (m->project) {
		out_paragraph("One word is for writes and reads by the client; two are writes/reads. Then the distance in hops.",
			      0, 0, width);
		legend_line("bus", STYLE_GOOD,
			    "bus-address: straight across, below one switch or inside one device",
			    width);
		legend_line("host", STYLE_FAIR,
			    "through-host-bridge: over the root complex, and the IOMMU if it translates",
			    width);
		legend_line("no", STYLE_BAD,
			    "not-supported: I/O fails; p2pdma route CLIENT PROVIDER says why",
			    width);
	} else {
		out_paragraph("This kernel reports no routes: a cell says how the two are connected, and the distance in hops.",
			      0, 0, width);
		legend_line("switch", STYLE_PLAIN,
			    "below one switch, and ACS lets everything cross", width);
		legend_line("device", STYLE_PLAIN,
			    "functions of one device, and nothing redirects", width);
		legend_line("acs", STYLE_PLAIN,
			    "below one switch or port, and ACS redirects or blocks",
			    width);
		legend_line("apart", STYLE_PLAIN,
			    "functions of one device, and nothing says that they reach each other",
			    width);
		legend_line("subtree", STYLE_PLAIN,
			    "one is below a bridge function of the other's device; nothing says that they reach each other inside it",
			    width);
		legend_line("below", STYLE_PLAIN,
			    "below one port; what ACS does there was not seen", width);
		legend_line("bridge", STYLE_PLAIN,
			    "over a host bridge; bridges: over two; nothing says that they forward",
			    width);
		legend_line("pci", STYLE_PLAIN,
			    "a bridge between them is not PCI Express", width);
		legend_line("silent", STYLE_PLAIN,
			    "a function on the way does not answer", width);
	}
	if (any_far(m))
		legend_line("+", STYLE_PLAIN,
			    "between two NUMA nodes (sockets): slower than within one",
			    width);
	legend_line("own", STYLE_FAINT, "the client's own memory", width);
}

static void print_notes(const struct machine *m, unsigned int width)
{
	struct words notes = {};

	notes_machine(m, &notes);
	out_list("About this machine", notes.words, notes.n, width);
	words_free(&notes);
}

static void print_matrix(const struct machine *m, unsigned int width)
{
	size_t columns = 0, hidden = 0, i;
	bool wide = !width || width >= WIDE;
	struct table table;

	for (i = 0; i < m->n_providers; i++)
		columns += shown_provider(m, &m->providers[i]);
	if (!columns && m->n_providers) {
		printf("This kernel reports no provider %s.\n",
		       want.provider);
		return;
	}
	if (!columns) {
		printf("No provider: no driver has registered peer memory, so there is no route to show.\np2pdma topo --tree shows the fabric.\n");
		print_notes(m, width);
		return;
	}
	table_init(&table, 3 + wide + columns);
	add_headings(m, &table, wide);
	for (i = 0; i < m->n_devs; i++) {
		if (shown_client(m, m->devs[i]))
			add_client(m, &table, m->devs[i], wide);
		else
			hidden += !m->devs[i]->is_bridge && !want.client;
	}
	table_print(&table, 0, 3 + wide, width);
	print_legend(m, width);
	print_notes(m, width);
	if (hidden)
		printf("%s that seldom take%s part: shown with --all.\n",
		       count_text(hidden, "function"), hidden == 1 ? "s" : "");
}

static void topo_json(const struct machine *m)
{
	struct json_object *out = json_begin("topo", m), *array, *item;
	size_t i, j;

	array = json_array_in(out, "devices");
	for (i = 0; i < m->n_devs; i++)
		json_dev(json_item(array), m->devs[i]);
	array = json_array_in(out, "providers");
	for (i = 0; i < m->n_providers; i++)
		json_provider(json_item(array), &m->providers[i]);
	array = json_array_in(out, "routes");
	for (i = 0; i < m->n_devs; i++) {
		if (!shown_client(m, m->devs[i]))
			continue;
		for (j = 0; j < m->n_providers; j++) {
			struct path *path;

			if (!shown_provider(m, &m->providers[j]))
				continue;
			path = path_find(m->devs[i], m->providers[j].dev);
			item = json_item(array);
			json_route(item, m->devs[i], &m->providers[j],
				   machine_route(m->devs[i], &m->providers[j]));
			json_fabric(item, path);
			path_free(path);
		}
	}
	json_end(out);
}

static void show_devices(const struct machine *m, const struct options *options)
{
	enum direction dir = want.matrix && !strcmp(want.matrix, "read") ? DIR_READ :
									   DIR_WRITE;

	if (options->json && want.matrix)
		topo_pairs_json(m, dir);
	else if (options->json)
		topo_devices_json(m);
	else if (want.matrix)
		topo_pairs(m, dir, options->width);
	else
		topo_devices(m, options->width);
	if (!options->json)
		out_unseen(m, options->width);
}

static int run(int argc, char **argv, struct options *options)
{
	int status = STATUS_OK;
	struct machine *m;
	char *dot;

	args_parse(argc, argv, &topo_command, own_options, take, options);
	args_count(argc, 0, 0, "p2pdma topo [--tree|--dot|--svg FILE] [--all] [--client C] [--provider P[/BAR]]");
	if (want.tree && (want.client || want.provider || want.all))
		die("%s cannot be combined with --tree, which shows the whole fabric",
		    want.client ? "--client" : want.provider ? "--provider" : "--all");
	if (want.client && want.all)
		die("--all cannot be combined with --client, which names the only row");
	if (want.tree + want.dot + !!want.svg > 1)
		die("only one of --tree, --dot and --svg can be given");
	if ((want.devices || want.matrix) &&
	    (want.tree || want.dot || want.svg || want.all || want.client ||
	     want.provider || (want.devices && want.matrix)))
		die("%s cannot be combined with other options of topo",
		    want.devices ? "--devices" : "--matrix");
	if (want.matrix && strcmp(want.matrix, "read") && strcmp(want.matrix, "write"))
		die("--matrix '%s' is neither write nor read", want.matrix);
	if (want.svg && !*want.svg)
		die("--svg '' names no file; - is standard output");
	if (options->json && (want.dot || want.svg))
		die("%s cannot be combined with --json",
		    want.dot ? "--dot" : "--svg");
	m = machine_load(options->pci_ids);
	if (want.client && args_dev(m, want.client, "client")->is_bridge)
		die("%s is a bridge, which does no DMA of its own; the client is a device below it",
		    want.client);
	/* without providers nothing else would check the word */
	if (want.provider)
		args_provider(m, want.provider, NULL);
	if (want.devices || want.matrix) {
		show_devices(m, options);
	} else if (options->json) {
		if (want.tree)
			topo_tree_json(m);
		else
			topo_json(m);
	} else if (want.tree) {
		topo_tree(m, options->width);
		out_unseen(m, options->width);
	} else if (want.dot || want.svg) {
		dot = topo_dot(m, want.client, want.provider, want.all);
		if (want.dot)
			fputs(dot, stdout);
		else
			status = topo_svg(dot, want.svg);
		free(dot);
	} else {
		print_matrix(m, options->width);
		out_unseen(m, options->width);
	}
	machine_free(m);
	return status;
}

const struct command topo_command = {
	.name = "topo",
	.summary = "the matrix of clients and providers; --tree, --dot, --svg",
	.help =
		"usage: p2pdma topo [--tree | --dot | --svg FILE] [--all]\n"
		"                   [--client C] [--provider P[/BAR]]\n"
		"       p2pdma topo --devices | --matrix write|read\n\n"
		"  --devices     GPUs, NICs, drives and what else takes part, registered as\n"
		"                providers or not, each with its nearest partners\n"
		"  --matrix D    each of them with each that has memory, for writes or reads\n"
		"  --tree        the fabric as a tree, with providers, ACS and link speed\n"
		"  --dot         the same as a graph with its routes, for Graphviz\n"
		"  --svg FILE    that graph as a picture; needs Graphviz\n"
		"  --all         also functions that seldom take part, such as USB\n"
		"  --client C    this row only; --provider P[/BAR]: this column only\n\n"
		"--all, --client and --provider are for the matrix and the graph.\n",
	.run = run,
};
