// SPDX-License-Identifier: GPL-2.0
/*
 * p2pdma topo --dot and --svg: the fabric with its routes, for Graphviz.
 *
 * A line for each route of many devices could not be followed. Functions below one port
 * or one switch that are not providers, and that have the same routes, are therefore one
 * box. Routes through the host bridge and refused pairs are drawn only if there are fewer
 * than MANY_ROUTES routes; otherwise the box of each provider counts them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"
#include "dot.h"
#include "path.h"

#define MANY_ROUTES	24	/* from here on only direct routes are drawn */
#define MAX_NAMES	4	/* names in a box that stands for several */

#define GREEN	"#1a7f37"
#define AMBER	"#b45309"
#define RED	"#c0262d"

/* Clients that are drawn as one: the first of them stands for all. */
struct group {
	const struct dev **devs;
	size_t n;
};

struct graph {
	const struct machine *m;
	const char *client, *provider;	/* only these, if not NULL */
	bool all;		/* also functions that are seldom clients */
	struct group *groups;
	size_t n_groups;
	bool all_routes;
	bool drawn[VERDICT_UNKNOWN + 1];
	bool drawn_one_way;
	struct text out;
};

static void add_quoted(struct text *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			text_add(out, "\\");
		text_addf(out, "%c", *text);
	}
}

static bool shows_provider(const struct graph *g, const struct provider *p)
{
	const struct provider *wanted;
	bool one_bar;

	if (!g->provider)
		return true;
	wanted = args_provider(g->m, g->provider, &one_bar);
	return wanted->dev == p->dev && (!one_bar || wanted->bar == p->bar);
}

static bool shows_client(const struct graph *g, const struct dev *dev)
{
	if (g->client)
		return args_dev(g->m, g->client, "client") == dev;
	return dev_is_client(dev) || (g->all && !dev->is_bridge);
}

static bool is_provider(const struct graph *g, const struct dev *dev)
{
	return machine_provider(g->m, dev, -1);
}

/* The switch, or else the port, above @dev; groups are of functions that share it. */
static const struct dev *meeting(const struct dev *dev)
{
	const struct dev *above = dev->above;

	return above && above->above && above->above->above ? above->above :
							      above;
}

static bool same_routes(const struct graph *g, const struct dev *one,
			const struct dev *other)
{
	size_t i, dir;

	for (i = 0; i < g->m->n_providers; i++) {
		const struct route *a = machine_route(one, &g->m->providers[i]);
		const struct route *b = machine_route(other, &g->m->providers[i]);

		if (!a != !b)
			return false;
		for (dir = 0; a && dir < N_DIRECTIONS; dir++)
			if (strcmp(a->verdict_word[dir], b->verdict_word[dir]))
				return false;
	}
	return true;
}

static bool belongs(const struct graph *g, const struct group *group,
		    const struct dev *dev)
{
	const struct dev *first = group->devs[0];

	return !is_provider(g, dev) && !is_provider(g, first) &&
	       meeting(dev) && meeting(dev) == meeting(first) &&
	       dev->acs.ctrl == first->acs.ctrl &&
	       dev->above->acs.ctrl == first->above->acs.ctrl &&
	       dev->vendor == first->vendor && dev->device == first->device &&
	       same_routes(g, dev, first);
}

static void make_groups(struct graph *g)
{
	size_t i, j;

	for (i = 0; i < g->m->n_devs; i++) {
		const struct dev *dev = g->m->devs[i];
		struct group *group = NULL;

		if (!shows_client(g, dev) && !is_provider(g, dev))
			continue;
		for (j = 0; j < g->n_groups && !group; j++)
			if (belongs(g, &g->groups[j], dev))
				group = &g->groups[j];
		if (!group) {
			g->groups = xrealloc(g->groups, g->n_groups + 1,
					     sizeof(*g->groups));
			group = &g->groups[g->n_groups++];
			*group = (struct group){};
		}
		group->devs = xrealloc(group->devs, group->n + 1,
				       sizeof(*group->devs));
		group->devs[group->n++] = dev;
	}
}

/* The worse verdict of the two directions, by which a route is drawn. */
static enum verdict worse(const struct route *route)
{
	enum verdict w = route->verdict[DIR_WRITE], r = route->verdict[DIR_READ];

	if (w == VERDICT_NOT_SUPPORTED || r == VERDICT_NOT_SUPPORTED)
		return VERDICT_NOT_SUPPORTED;
	return w == VERDICT_BUS_ADDRESS ? r : w;
}

/* The direction that works if only one does, in words; else NULL. */
static const char *only_way(const struct route *route)
{
	bool writes = route->verdict[DIR_WRITE] != VERDICT_NOT_SUPPORTED;
	bool reads = route->verdict[DIR_READ] != VERDICT_NOT_SUPPORTED;

	if (writes == reads ||
	    route->verdict[DIR_WRITE] == VERDICT_UNKNOWN ||
	    route->verdict[DIR_READ] == VERDICT_UNKNOWN)
		return NULL;
	return writes ? "writes only" : "reads only";
}

static const struct route *group_route(const struct group *group,
				       const struct provider *provider)
{
	if (group->devs[0] == provider->dev)
		return NULL;
	return machine_route(group->devs[0], provider);
}

static size_t count_routes(const struct graph *g)
{
	size_t i, j, n = 0;

	for (i = 0; i < g->n_groups; i++)
		for (j = 0; j < g->m->n_providers; j++)
			n += shows_client(g, g->groups[i].devs[0]) &&
			     shows_provider(g, &g->m->providers[j]) &&
			     group_route(&g->groups[i], &g->m->providers[j]);
	return n;
}

/* Is a device that is shown below @bridge? Other bridges are left out. */
static bool leads_to_shown(const struct graph *g, const struct dev *bridge)
{
	const struct dev *dev;
	size_t i, j;

	for (i = 0; i < g->n_groups; i++)
		for (j = 0; j < g->groups[i].n; j++)
			for (dev = g->groups[i].devs[j]->above; dev;
			     dev = dev->above)
				if (dev == bridge)
					return true;
	return false;
}

/*
 * Is @bridge a downstream port, drawn in the box of the device below it? One with a switch
 * below has a box of its own, because its ACS decides for all that is below.
 */
static bool is_folded(const struct graph *g, const struct dev *bridge)
{
	size_t i;

	if (!bridge->above || bridge->kind == KIND_UPSTREAM ||
	    bridge->kind == KIND_TO_PCI)
		return false;
	for (i = 0; i < g->m->n_devs; i++)
		if (g->m->devs[i]->above == bridge && g->m->devs[i]->is_bridge)
			return false;
	return true;
}

static void add_port(struct graph *g, const struct dev *dev)
{
	text_addf(&g->out, "  \"%s\" [label=\"%s\\n%s\\n%s\", style=\"filled,rounded\", fillcolor=\"#eef1f5\"];\n",
		  dev->bdf, dev_short(g->m, dev), kind_name(dev),
		  acs_text(&dev->acs));
}

/* How many clients have which verdict, where their routes are not drawn. */
static void add_counts(struct graph *g, const struct dev *dev)
{
	size_t n[VERDICT_UNKNOWN + 1] = {}, one_way = 0, i;
	const struct provider *provider = machine_provider(g->m, dev, -1);
	const char *sep = "\\n";

	for (i = 0; i < g->m->n_devs; i++) {
		const struct route *route;

		if (!dev_is_client(g->m->devs[i]) || g->m->devs[i] == dev)
			continue;
		route = machine_route(g->m->devs[i], provider);
		if (route && only_way(route))
			one_way++;
		else if (route)
			n[worse(route)]++;
	}
	for (i = 0; i <= VERDICT_UNKNOWN; i++) {
		if (!n[i])
			continue;
		text_addf(&g->out, "%s%zu %s", sep, n[i], verdict_short(i));
		sep = ", ";
	}
	if (one_way)
		text_addf(&g->out, "%s%zu one way", sep, one_way);
}

static void add_group(struct graph *g, const struct group *group)
{
	const struct dev *first = group->devs[0];
	bool provider = is_provider(g, first);
	size_t i;

	text_addf(&g->out, "  \"%s\" [label=\"", first->bdf);
	if (group->n > 1)
		text_addf(&g->out, "%zu alike\\n", group->n);
	for (i = 0; i < group->n; i++) {
		if (group->n > MAX_NAMES && i == MAX_NAMES - 1)
			text_add(&g->out, "...\\n");
		if (group->n > MAX_NAMES && i >= MAX_NAMES - 1 &&
		    i < group->n - 1)
			continue;
		text_add(&g->out, dev_short(g->m, group->devs[i]));
		if (group->devs[i]->kname)
			text_addf(&g->out, " %s", group->devs[i]->kname);
		if (i + 1 < group->n)
			text_add(&g->out, "\\n");
	}
	if (first->above && is_folded(g, first->above)) {
		text_add(&g->out, "\\n");
		if (group->n == 1)
			text_addf(&g->out, "port %s, ",
				  dev_short(g->m, first->above));
		text_addf(&g->out, "%s", acs_text(&first->above->acs));
	}
	/* between functions of one device their own ACS decides */
	if (first->acs.ctrl & 0x7f)
		text_addf(&g->out, "\\nown %s", acs_text(&first->acs));
	if (provider) {
		text_add(&g->out, "\\n");
		if (first->has_p2pmem)
			text_addf(&g->out, "%s of ",
				  size_text(first->p2pmem_size));
		text_add(&g->out, "peer memory");
		if (!g->all_routes)
			add_counts(g, first);
	}
	text_add(&g->out, "\", tooltip=\"");
	add_quoted(&g->out, first->label);
	text_addf(&g->out, "\", style=filled, fillcolor=\"%s\"];\n",
		  provider ? "#dbeafe" : "#ffffff");
}

/* The line from the bridge or host bridge above. */
static void add_tree_edge(struct graph *g, const struct dev *dev)
{
	const struct dev *above = dev->above;

	while (above && is_folded(g, above))
		above = above->above;
	if (above)
		text_addf(&g->out, "  \"%s\" -> \"%s\"", above->bdf, dev->bdf);
	else if (dev->host)
		text_addf(&g->out, "  \"%s\" -> \"%s\"", dev->host, dev->bdf);
	else
		return;
	text_add(&g->out, " [arrowhead=none, color=\"#8b949e\", penwidth=1.6];\n");
}

/* Lines that are not shown hold host bridges in the order of their numbers. */
static void add_hosts(struct graph *g)
{
	const char *done = "";
	size_t i;

	for (i = 0; i < g->m->n_devs; i++) {
		const char *host = g->m->devs[i]->host;

		if (!host || !strcmp(host, done))
			continue;
		if (*done)
			text_addf(&g->out, "  { rank=same; \"%s\" -> \"%s\" [style=invis]; }\n",
				  done, host);
		done = host;
		text_addf(&g->out, "  \"%s\" [label=\"%s\\nhost bridge\", shape=box, style=\"filled,bold\", fillcolor=\"#d0d7de\"];\n",
			  host, host);
	}
}

static void add_route(struct graph *g, const struct group *group,
		      const struct provider *provider)
{
	static const char * const looks[] = {
		[VERDICT_BUS_ADDRESS] = "color=\"" GREEN "\", penwidth=2.2",
		[VERDICT_THROUGH_HOST_BRIDGE] =
			"color=\"" AMBER "\", style=dashed, penwidth=1.5",
		[VERDICT_NOT_SUPPORTED] =
			"color=\"" RED "\", style=dotted, penwidth=1.2",
		[VERDICT_UNKNOWN] = "color=\"#8b949e\", style=dotted",
	};
	const struct route *route = group_route(group, provider);
	const char *look, *way;
	enum verdict verdict;

	if (!route || !shows_client(g, group->devs[0]))
		return;
	verdict = worse(route);
	if (!g->all_routes && verdict != VERDICT_BUS_ADDRESS)
		return;
	way = only_way(route);
	look = looks[verdict];
	if (way) {
		look = "color=\"" AMBER "\", fontcolor=\"" AMBER "\", style=dashed, penwidth=2.2";
		g->drawn_one_way = true;
	} else {
		g->drawn[verdict] = true;
	}
	text_addf(&g->out, "  \"%s\" -> \"%s\" [constraint=false, %s%s%s%s, tooltip=\"writes %s, reads %s\"];\n",
		  group->devs[0]->bdf, provider->dev->bdf, look,
		  way ? ", label=\"" : "", way ? way : "", way ? "\"" : "",
		  route->verdict_word[DIR_WRITE], route->verdict_word[DIR_READ]);
}

static void add_legend(struct graph *g)
{
	static const struct {
		enum verdict verdict;
		const char *color, *line, *text;
	} lines[] = {
		{ VERDICT_BUS_ADDRESS, GREEN, "&#9472;&#9472;&#9472;",
		  "bus-address: straight across" },
		{ VERDICT_THROUGH_HOST_BRIDGE, AMBER, "&#9476;&#9476;&#9476;",
		  "through the host bridge" },
		{ VERDICT_NOT_SUPPORTED, RED, "&#183;&#183;&#183;&#183;&#183;",
		  "refused" },
	};
	unsigned int i;

	text_add(&g->out,
		 "  label=<Arrows go from client to provider (blue).<br align=\"left\"/>");
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		if (g->drawn[lines[i].verdict])
			text_addf(&g->out,
				  "<font color=\"%s\"><b>%s</b></font>  %s<br align=\"left\"/>",
				  lines[i].color, lines[i].line, lines[i].text);
	if (g->drawn_one_way)
		text_add(&g->out,
			 "<font color=\"" AMBER "\"><b>&#9473; &#9473;</b></font>  works in one direction only, which is written beside it<br align=\"left\"/>");
	if (!g->m->project)
		text_add(&g->out,
			 "This kernel reports no routes.<br align=\"left\"/>");
	else if (!g->all_routes)
		text_add(&g->out,
			 "Too many routes to draw those that are not direct: the box of a provider counts its clients (bus, host, no; one way: only writes or reads).<br align=\"left\"/>");
	text_add(&g->out, ">;\n");
}

char *topo_dot(const struct machine *m, const char *only_client,
	       const char *only_provider, bool all)
{
	struct graph g = {
		.m = m, .client = only_client, .provider = only_provider,
		.all = all,
	};
	size_t i, j;

	make_groups(&g);
	g.all_routes = count_routes(&g) < MANY_ROUTES;
	text_add(&g.out, "digraph p2pdma {\n"
		 "  graph [rankdir=LR, ranksep=0.7, nodesep=0.28, fontname=\"Helvetica\", fontsize=11, labeljust=l, splines=true];\n"
		 "  node [shape=box, fontname=\"Helvetica\", fontsize=11, margin=\"0.14,0.07\", color=\"#57606a\"];\n"
		 "  edge [fontname=\"Helvetica\", fontsize=10, arrowsize=0.7];\n");
	add_hosts(&g);
	for (i = 0; i < m->n_devs; i++) {
		const struct dev *dev = m->devs[i];

		if (!dev->is_bridge || !leads_to_shown(&g, dev) || is_folded(&g, dev))
			continue;
		add_port(&g, dev);
		add_tree_edge(&g, dev);
	}
	for (i = 0; i < g.n_groups; i++) {
		add_group(&g, &g.groups[i]);
		add_tree_edge(&g, g.groups[i].devs[0]);
	}
	for (i = 0; i < g.n_groups; i++)
		for (j = 0; j < m->n_providers; j++)
			if (shows_provider(&g, &m->providers[j]) &&
			    (!j || m->providers[j - 1].dev != m->providers[j].dev ||
			     !shows_provider(&g, &m->providers[j - 1])))
				add_route(&g, &g.groups[i], &m->providers[j]);
	add_legend(&g);
	text_add(&g.out, "}\n");

	for (i = 0; i < g.n_groups; i++)
		free(g.groups[i].devs);
	free(g.groups);
	return text_take(&g.out);
}

int topo_svg(const char *dot, const char *file)
{
	const char *program = "dot";
	int pipes[2], status = 0;
	size_t len = strlen(dot);
	ssize_t n = 0;
	pid_t pid;

	/* without Graphviz write() fails: main() has SIGPIPE ignored */
	if (pipe(pipes))
		die("no pipe: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("no process: %s", strerror(errno));
	if (!pid) {
		dup2(pipes[0], STDIN_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		if (strcmp(file, "-"))
			execlp(program, program, "-Tsvg", "-o", file, NULL);
		else
			execlp(program, program, "-Tsvg", NULL);
		_exit(127);
	}
	close(pipes[0]);
	while (len && (n = write(pipes[1], dot, len)) > 0) {
		dot += n;
		len -= n;
	}
	close(pipes[1]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		die("%s was ended by a signal", program);
	if (WEXITSTATUS(status) == 127)
		die("Graphviz is not installed (apt-get install graphviz); p2pdma topo --dot prints the graph");
	if (WEXITSTATUS(status)) {
		complain("%s could not make %s", program, file);
		return STATUS_FAILED;
	}
	return STATUS_OK;
}
