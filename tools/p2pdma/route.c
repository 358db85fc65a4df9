// SPDX-License-Identifier: GPL-2.0
/* p2pdma route: one pair, hop by hop, why it is so, and what can be done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "acs.h"
#include "counters.h"
#include "decision.h"
#include "json.h"
#include "notes.h"
#include "out.h"
#include "path.h"
#include "reasons.h"
#include "remedy.h"
#include "rules_acs.h"

static bool reasons_only;

enum { OPT_REASONS = 0x100 };

static const struct option own_options[] = {
	{ "reasons", no_argument, NULL, OPT_REASONS },
	{}
};

static void take(int val, const char *arg)
{
	(void)arg;
	if (val == OPT_REASONS)
		reasons_only = true;
}

static const char *role_name(enum hop_role role)
{
	static const char * const names[] = {
		[HOP_CLIENT]		= "client",
		[HOP_UP]		= "up",
		[HOP_CLIENT_SIDE]	= "client-side",
		[HOP_COMMON]		= "common",
		[HOP_HOST]		= "host-bridge",
		[HOP_PROVIDER_SIDE]	= "provider-side",
		[HOP_DOWN]		= "down",
		[HOP_PROVIDER]		= "provider",
		[HOP_ABOVE]		= "above",
	};

	return names[role];
}

/* Does a request to the provider pass @hop, or end there? */
static bool on_the_way(const struct hop *hop)
{
	return hop->dev && hop->role != HOP_CLIENT && hop->role != HOP_UP &&
	       hop->role != HOP_CLIENT_SIDE;
}

/* Add a remark after others; NULL: nothing. */
static void add_remark(struct text *text, const char *remark)
{
	if (remark)
		text_addf(text, "%s%s", text->len ? "; " : "", remark);
}

/* What happens at a hop; ACS is explained only where it matters. To be freed. */
static char *hop_remark(const struct path *path, const struct hop *hop,
			const struct route *route)
{
	struct text text = {};

	if (hop->role == HOP_CLIENT_SIDE) {
		switch (path->request) {
		case REQUEST_UP:
			text_add(&text, "sends the client's requests up (RR)");
			break;
		case REQUEST_DROPPED:
			text_add(&text, "drops the client's requests (EC, egress vector)");
			break;
		case REQUEST_ACROSS:
			text_add(&text, "lets the client's requests cross");
			break;
		case REQUEST_UNSEEN:
			break;
		}
	} else if (hop->role == HOP_PROVIDER_SIDE && hop->dev->acs.seen) {
		text_add(&text, path->completion_up ?
			 "sends the completions of reads up (CR)" :
			 "lets completions cross");
	} else if (hop->role == HOP_CLIENT && hop->dev == path->dropper) {
		text_add(&text, "drops its requests to the provider (EC, egress vector)");
	}
	if (hop->dev && hop->dev == path->conventional)
		text_add(&text, "not PCI Express");
	if (hop->dev && hop->dev->kind == KIND_SILENT)
		text_add(&text, "configuration space reads all ones");
	add_remark(&text, hop->dev && hop->dev->untrusted && !hop->dev->is_bridge ?
			  "external" : NULL);
	add_remark(&text, hop->role == HOP_CLIENT && hop->dev->ats_on ? "ATS on" : NULL);
	add_remark(&text, hop->role == HOP_CLIENT_SIDE && (hop->dev->acs.ctrl & ACS_DT) ?
			  "DT on: requests that the device has translated itself cross" : NULL);
	add_remark(&text, hop == narrowest_hop(path) ? "narrowest link" : NULL);
	if (hop->dev && hop->dev == path->no_forwarding &&
	    (path->request == REQUEST_UP || path->completion_up))
		text_addf(&text, "%sdoes not forward upstream (needs UF)",
			  text.len ? "; " : "");
	if (on_the_way(hop) && dev_asleep(hop->dev))
		text_addf(&text, "%sasleep", text.len ? "; " : "");
	else if (on_the_way(hop) && hop->dev->memory_seen && !hop->dev->decodes_memory)
		text_addf(&text, "%sdoes not decode memory addresses",
			  text.len ? "; " : "");
	if (hop->dev && route && !strcmp(route->port, hop->dev->bdf))
		text_addf(&text, "%s<- decided", text.len ? " " : "");
	return text_take(&text);
}

static void add_hop(const struct machine *m, struct table *table,
		    const struct path *path, const struct hop *hop,
		    const struct route *route)
{
	char *remark = hop_remark(path, hop, route), *link;
	struct text text = {};
	const struct dev *dev = hop->dev;

	table_add(table, role_name(hop->role), STYLE_PLAIN);
	if (dev) {
		table_add(table, dev_short(m, dev), STYLE_HEAD);
		table_add(table, kind_name(dev), STYLE_PLAIN);
		table_add(table, dev->is_bridge || dev->acs.present ?
			  acs_text(&dev->acs) : "", STYLE_PLAIN);
	} else {
		table_add(table, hop->host ? hop->host : "-", STYLE_HEAD);
		table_add(table, "host bridge", STYLE_PLAIN);
		table_add(table, "", STYLE_PLAIN);
	}
	link = dev ? link_text(dev) : xstrdup("");
	text_add(&text, link);
	add_remark(&text, *remark ? remark : NULL);
	table_add(table, text_str(&text), strstr(remark, "<-") ? STYLE_FAIR : STYLE_PLAIN);
	text_free(&text);
	free(link);
	free(remark);
}

static void print_dev(const struct machine *m, const char *what,
		      const struct dev *dev, unsigned int width)
{
	struct text text = {};

	printf("%-9s %s%s%s ", what, style_on(STYLE_HEAD), dev_short(m, dev),
	       style_off(STYLE_HEAD));
	text_addf(&text, "%s%s%s", dev->kname ? dev->kname : "",
		  dev->kname ? ": " : "", dev->label);
	if (dev->untrusted)
		text_add(&text, ", external");
	if (dev->numa >= 0)
		text_addf(&text, ", NUMA node %d", dev->numa);
	if (dev->iommu_group >= 0)
		text_addf(&text, ", IOMMU group %d%s", dev->iommu_group,
			  dev->translated ? " (translated)" : "");
	out_paragraph(text_str(&text), 11 + strlen(dev_short(m, dev)), 10, width);
	text_free(&text);
}

static void print_verdict(const struct route *route, enum direction dir,
			  unsigned int width)
{
	enum verdict verdict = route->verdict[dir];
	char *line;

	line = xasprintf("%s: %s", route->reason_word[dir],
			 reason_meaning(route->reason[dir]));
	printf("%-9s %s%s%s\n          ",
	       dir == DIR_WRITE ? "writes" : "reads",
	       style_on(verdict_style(verdict)), route->verdict_word[dir],
	       style_off(verdict_style(verdict)));
	out_paragraph(line, 10, 10, width);
	free(line);
}

/*
 * The effects of remedies are worked out for the active policy. A remedy for the next
 * boot that does not set it may have another effect if the command line's differs.
 */
static void warn_of_other_policy(const struct remedies *remedies,
				 unsigned int width)
{
	size_t i;

	for (i = 0; remedies->other_policy && i < remedies->n; i++) {
		const char *parameter = remedies->list[i].parameter;

		if (parameter ? !!strncmp(parameter, "p2pdma=", 7) :
				!!remedies->list[i].remove) {
			out_paragraph("The active policy is not that of the command line (see p2pdma policy).",
				      0, 0, width);
			return;
		}
	}
}

/* A paragraph of a remedy after its label; nothing without text. */
static void print_labelled(const char *label, const char *text, unsigned int width)
{
	if (!text)
		return;
	printf("     %s:%*s", label, (int)(7 - strlen(label)), "");
	out_paragraph(text, 13, 13, width);
}

/* What a change of ACS does to other pairs. */
static void print_changes(const struct machine *m, const struct remedy *remedy,
			  unsigned int width)
{
	char *text;

	if (!remedy->sets_acs || !remedy->changes.known)
		return;
	text = changes_text(m, &remedy->changes);
	print_labelled("others", *text ? text : "no other pair changes its way", width);
	free(text);
}

/* Remedies that set ACS are in place of each other; so are other options of one name. */
static void warn_of_several_acs(const struct remedies *remedies, unsigned int width)
{
	size_t i, n = 0;

	for (i = 0; i < remedies->n; i++)
		n += remedies->list[i].sets_acs;
	if (n > 1)
		out_paragraph("Of the remedies that set ACS take one: each is worked out for ACS as it is now.",
			      0, 0, width);
}

static void print_remedies(const struct machine *m, const struct remedies *remedies,
			   const struct route *route, unsigned int width)
{
	bool optional = remedies->n && remedies->list[0].optional;
	size_t i;

	if (!remedies->n) {
		if (route->verdict[DIR_WRITE] == VERDICT_NOT_SUPPORTED ||
		    route->verdict[DIR_READ] == VERDICT_NOT_SUPPORTED)
			printf("\nNo remedy is known.\n");
		return;
	}
	if (!remedies->list[0].hidden)
		printf("\n%s, safest first\n", optional ?
		       "The kernel expects the route to work. What would make it shorter" :
		       "What can be done");
	for (i = 0; i < remedies->n; i++) {
		const struct remedy *remedy = &remedies->list[i];
		char *effect = remedy_effect(remedy);

		if (remedy->hidden && (!i || !remedies->list[i - 1].hidden))
			printf("%sAlso in the way of a direct route, safest first\n",
			       i ? "" : "\n");
		printf(" %2zu. ", i + 1);
		out_paragraph(remedy->what, 5, 5, width);
		if (remedy->remove)
			printf("     boot:   without %s%s%s\n",
			       style_on(STYLE_HEAD), remedy->remove,
			       style_off(STYLE_HEAD));
		if (remedy->parameter)
			printf("     boot:   %s%s%s\n", style_on(STYLE_HEAD),
			       remedy->parameter, style_off(STYLE_HEAD));
		if (remedy->paths)
			printf("     or:     %s\n", remedy->paths);
		if (remedy->command)
			printf("     now:    %s\n", remedy->command);
		if (remedy->cost) {
			fputs("     costs:  ", stdout);
			out_paragraph(remedy->cost, 13, 13, width);
		}
		printf("     effect: %s\n", effect);
		free(effect);
		print_changes(m, remedy, width);
		print_labelled("beware", remedy->warning, width);
	}
	for (i = 0; i < remedies->n; i++)
		if (remedies->list[i].parameter &&
		    strchr(remedies->list[i].parameter, ';')) {
			printf("In a boot loader's file, quote the semicolon.\n");
			break;
		}
	for (i = 0; i < remedies->n; i++)
		if (remedies->list[i].paths) {
			out_paragraph(PATHS_TEXT, 0, 0, width);
			break;
		}
	warn_of_several_acs(remedies, width);
	warn_of_other_policy(remedies, width);
}

static void print_counters(const struct path *path)
{
	struct counters counters;

	if (!counters_read(path->client, path->provider, &counters))
		return;
	printf("mapped    writes %s, %s; reads %s, %s; %s refused\n",
	       count_text(counters.lists[DIR_WRITE], "list"),
	       size_text(counters.bytes[DIR_WRITE]),
	       count_text(counters.lists[DIR_READ], "list"),
	       size_text(counters.bytes[DIR_READ]),
	       count_text(counters.refused, "list"));
}

/* What is known of the provider's memory. */
static void print_memory(const struct machine *m, const struct provider *provider,
			 unsigned int width)
{
	const struct dev *dev = provider->dev;
	struct text text = {};
	int i;

	if (dev->has_p2pmem || machine_provider(m, dev, -1)) {
		if (provider->bar >= 0)
			text_addf(&text, "BAR %d", provider->bar);
		if (dev->has_p2pmem)
			text_addf(&text, "%s%s of peer memory, %s free",
				  text.len ? ", " : "", size_text(dev->p2pmem_size),
				  size_text(dev->p2pmem_available));
	} else {
		for (i = 0; i < N_BARS; i++) {
			const struct bar *bar = &dev->bars[i];

			if (!bar->last || (provider->bar >= 0 && provider->bar != i))
				continue;
			text_addf(&text, "%sBAR %d of %s", text.len ? ", " : "", i,
				  size_text(bar->last - bar->first + 1));
		}
		text_addf(&text, "%s%s", text.len ? "; " : "",
			  m->project ? "no driver has registered it as peer memory" :
				       "no peer memory reported by this kernel");
	}
	if (!text.len)
		return;
	printf("          ");
	out_paragraph(text_str(&text), 10, 10, width);
	text_free(&text);
}

/* What this kernel would decide, if it is not the project's. */
static void print_stock(const struct machine *m, const struct stock *stock,
			unsigned int width)
{
	enum style style = verdict_style(stock->verdict);
	char *text;

	text = xasprintf("%s, which reports no routes%s", strcmp(m->release, "unknown") ?
			 m->release : "not known", !stock->made ? "" :
			 stock->exact || !strcmp(m->release, "unknown") ?
			 "; predicted by the rules of Linux 6.12" :
			 "; predicted by the rules of Linux 6.12, which is newer");
	printf("kernel    ");
	out_paragraph(text, 10, 10, width);
	free(text);
	if (!stock->made)
		return;
	printf("          %s%s%s\n          ", style_on(style),
	       verdict_name(stock->verdict), style_off(style));
	out_paragraph(stock->why, 10, 10, width);
}

static void print_decision(const struct machine *m, const struct provider *provider,
			   const struct decision *decision, unsigned int width)
{
	char *why;

	if (!m->project)
		print_stock(m, &decision->stock, width);
	if (!decision->known) {
		why = decision_unknown(decision);
		printf("verdict   ");
		out_paragraph(why, 10, 10, width);
		free(why);
		return;
	}
	if (!decision->kernel) {
		printf(m->project ? "predicted " : "project   ");
		out_paragraph(m->project ?
			      "by the rules of this kernel, for a driver that maps this memory:" :
			      "predicted for the kernel of the p2pdma project:",
			      10, 10, width);
	}
	print_verdict(&decision->route, DIR_WRITE, width);
	print_verdict(&decision->route, DIR_READ, width);
	if (m->project && !machine_provider(m, provider->dev, -1) &&
	    (decision->route.reason[DIR_WRITE] == REASON_HOST_BRIDGE_UNTRUSTED ||
	     decision->route.reason[DIR_READ] == REASON_HOST_BRIDGE_UNTRUSTED)) {
		printf("          ");
		out_paragraph("dma_map_resource() maps memory that is not registered nevertheless, and warns in the log: it is not known that the route fails",
			      10, 10, width);
	}
}

/*
 * A kernel without the project counts ports on the path that do not matter to the
 * project's, so that its remedy has to name more of them.
 */
static void print_stock_remedy(const struct machine *m, const struct provider *provider,
			       const struct decision *decision, const struct path *path,
			       unsigned int width)
{
	const struct stock *stock = &decision->stock;
	const struct situation s = {
		.m = m, .provider = provider, .path = path, .route = &decision->route,
	};
	struct remedy remedy = {};
	size_t i, j, more = 0;

	for (i = 0; i < stock->n_redirectors; i++) {
		for (j = 0; j < path->n_redirectors; j++)
			if (path->redirectors[j] == stock->redirectors[i])
				break;
		more += j == path->n_redirectors;
	}
	if (!more)
		return;
	no_acs_at(&s, stock->redirectors, stock->n_redirectors, false, &remedy);
	printf("\nWith this kernel the route is direct only without any redirection on the path\n");
	if (remedy.parameter)
		printf("     boot:   %s%s%s\n", style_on(STYLE_HEAD), remedy.parameter,
		       style_off(STYLE_HEAD));
	printf("     now:    %s\n"
	       "     costs:  isolation, at all of these ports\n", remedy.command);
	print_changes(m, &remedy, width);
	print_labelled("beware", remedy.warning, width);
	printf("With the project's kernel\n");
	free(remedy.parameter);
	free(remedy.command);
	free(remedy.warning);
	changes_free(&remedy.changes);
}

static void print_route(const struct machine *m, struct model *model,
			const struct path *path,
			const struct provider *provider,
			const struct decision *decision, unsigned int width)
{
	const struct route *route = decision->known ? &decision->route : NULL;
	struct remedies remedies;
	struct words notes = {};
	struct table table;
	char *summary;
	size_t i;

	print_dev(m, "client", path->client, width);
	print_dev(m, "provider", path->provider, width);
	print_memory(m, provider, width);
	print_decision(m, provider, decision, width);
	if (route && route->sent_crosses) {
		printf("          ");
		out_paragraph("translated requests cross: what the client sends as translated, after ATS, does not pass the root complex",
			      10, 10, width);
	}
	summary = path_summary(path);
	printf("fabric    ");
	out_paragraph(summary, 10, 10, width);
	printf("distance  %d hops\n", route ? route->distance : path->distance);
	free(summary);
	print_counters(path);
	putchar('\n');

	table_init(&table, 5);
	for (i = 0; i < path->n_hops; i++)
		add_hop(m, &table, path, &path->hops[i], route);
	table_print_folded(&table, 2, width);

	notes_pair(m, model, path, provider, route, &notes);
	notes_machine(m, &notes);
	out_list("About this pair", notes.words, notes.n, width);
	words_free(&notes);
	if (!route)
		return;
	remedies_find(m, provider, path, route, &remedies);
	print_stock_remedy(m, provider, decision, path, width);
	print_remedies(m, &remedies, route, width);
	if (!path->seen && path->common && !path->silent)
		printf("ACS could not be read. There may be safer remedies: run it as root.\n");
	remedies_free(&remedies);
}

static void json_hops(struct json_object *out, const struct path *path,
		      const struct route *route)
{
	struct json_object *array = json_array_in(out, "path");
	size_t i;

	for (i = 0; i < path->n_hops; i++) {
		const struct hop *hop = &path->hops[i];
		char *remark = hop_remark(path, hop, route);
		struct json_object *item = json_item(array);

		json_text(item, "role", role_name(hop->role));
		json_text(item, "remark", *remark ? remark : NULL);
		if (hop->dev)
			json_dev(item, hop->dev);
		else
			json_text(item, "host_bridge", hop->host);
		free(remark);
	}
}

static void json_counters(struct json_object *out, const struct path *path)
{
	struct json_object *member, *one;
	struct counters counters;
	enum direction dir;

	if (!counters_read(path->client, path->provider, &counters)) {
		json_text(out, "counters", NULL);
		return;
	}
	member = json_object_in(out, "counters");
	for (dir = 0; dir < N_DIRECTIONS; dir++) {
		one = json_object_in(member, direction_name(dir));
		json_number(one, "lists", counters.lists[dir]);
		json_number(one, "bytes", counters.bytes[dir]);
	}
	json_number(member, "refused", counters.refused);
}

static void json_notes(struct json_object *out, const struct machine *m,
		       struct model *model, const struct path *path,
		       const struct provider *provider, const struct route *route)
{
	struct json_object *array = json_array_in(out, "pair_notes");
	struct words notes = {};
	size_t i;

	notes_pair(m, model, path, provider, route, &notes);
	for (i = 0; i < notes.n; i++)
		json_text_item(array, notes.words[i]);
	words_free(&notes);
}

static void json_changes(struct json_object *out, const struct remedy *remedy)
{
	struct json_object *array, *item, *one;
	enum direction dir;
	size_t i;

	if (!remedy->changes.known) {
		json_text(out, "changes", NULL);
		return;
	}
	array = json_array_in(out, "changes");
	for (i = 0; i < remedy->changes.n; i++) {
		const struct change *change = &remedy->changes.list[i];

		item = json_item(array);
		json_text(item, "client", change->client->bdf);
		json_text(item, "provider", change->provider->bdf);
		for (dir = 0; dir < N_DIRECTIONS; dir++) {
			one = json_object_in(item, direction_name(dir));
			json_text(one, "before", way_name(change->before[dir]));
			json_text(one, "after", way_name(change->after[dir]));
		}
	}
}

static void json_remedies(struct json_object *out, const struct machine *m,
			  const struct path *path,
			  const struct provider *provider,
			  const struct route *route)
{
	struct json_object *array = json_array_in(out, "remedies");
	struct remedies remedies;
	enum direction dir;
	size_t i;

	if (!route)
		return;
	remedies_find(m, provider, path, route, &remedies);
	for (i = 0; i < remedies.n; i++) {
		const struct remedy *remedy = &remedies.list[i];
		struct json_object *item = json_item(array), *effect;

		json_text(item, "name", remedy->name);
		json_text(item, "what", remedy->what);
		json_text(item, "cost", remedy->cost);
		json_text(item, "parameter", remedy->parameter);
		json_text(item, "remove", remedy->remove);
		json_text(item, "parameter_paths", remedy->paths);
		json_text(item, "command", remedy->command);
		json_text(item, "warning", remedy->warning);
		json_changes(item, remedy);
		json_flag(item, "hidden", remedy->hidden);
		json_flag(item, "optional", remedy->optional);
		effect = json_object_in(item, "reason");
		for (dir = 0; dir < N_DIRECTIONS; dir++)
			json_text(effect, direction_name(dir), remedy->reason[dir]);
		effect = json_object_in(item, "effect");
		for (dir = 0; dir < N_DIRECTIONS; dir++)
			json_text(effect, direction_name(dir),
				  effect_name(remedy->effect[dir]));
	}
	remedies_free(&remedies);
}

static int run(int argc, char **argv, struct options *options)
{
	struct decision decision;
	struct provider provider;
	const struct route *route;
	const struct dev *client;
	struct model *model;
	struct machine *m;
	struct path *path;
	struct json_object *out;

	args_parse(argc, argv, &route_command, own_options, take, options);
	if (reasons_only) {
		args_count(argc, 0, 0, "p2pdma route --reasons");
		if (options->json)
			reasons_json();
		else
			reasons_print(options->width);
		return STATUS_OK;
	}
	args_count(argc, 2, 2, "p2pdma route CLIENT PROVIDER[/BAR]");
	m = machine_load(options->pci_ids);
	client = args_dev(m, argv[optind], "client");
	if (client->is_bridge)
		die("%s is a bridge, which does no DMA of its own; the client is a device below it",
		    client->bdf);
	provider = args_memory(m, argv[optind + 1]);
	path = path_find(client, provider.dev);
	model = model_load(m, NULL);
	decision_make(m, model, path, &provider, &decision);
	route = decision.known ? &decision.route : NULL;
	if (options->json) {
		out = json_begin("route", m);
		json_route(out, client, &provider, decision.kernel);
		json_decision(out, m, &decision);
		json_fabric(out, path);
		json_hops(out, path, route);
		json_counters(out, path);
		json_notes(out, m, model, path, &provider, route);
		json_remedies(out, m, path, &provider, route);
		json_end(out);
	} else {
		print_route(m, model, path, &provider, &decision, options->width);
		out_unseen(m, options->width);
	}
	decision_free(&decision);
	model_free(model);
	path_free(path);
	machine_free(m);
	return STATUS_OK;
}

const struct command route_command = {
	.name = "route",
	.summary = "one pair hop by hop: which bit decided, and what can be done",
	.help =
		"usage: p2pdma route CLIENT PROVIDER[/BAR]\n"
		"       p2pdma route --reasons\n\n"
		"CLIENT and PROVIDER are addresses (0000:05:00.0, 05:00.0) or names (nvme0), of\n"
		"any two functions. Where the kernel says nothing of the pair, what it would\n"
		"decide is predicted: by the code of the project's kernel, and by the rules of\n"
		"the kernel that runs if that is another.\n\n"
		"  --reasons     every reason that there is, with its remedies\n",
	.run = run,
};
