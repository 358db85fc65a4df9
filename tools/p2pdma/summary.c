// SPDX-License-Identifier: GPL-2.0
/* p2pdma without a command: what this machine can do, in a screenful. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "json.h"
#include "notes.h"
#include "out.h"
#include "path.h"
#include "version.h"

#define MAX_PROVIDERS	8	/* shown; more do not fit on a screen */
#define MAX_REASONS	6

/* How many routes of each kind, by pair and direction. */
struct count {
	size_t verdict[N_DIRECTIONS][VERDICT_UNKNOWN + 1];
	size_t reason[REASON_UNKNOWN + 1];	/* of refusals, both directions */
	size_t pairs;
	size_t own;
	size_t clients;
	const struct dev *refused_client;
	const struct provider *refused_provider;
};

static void count_pair(struct count *count, const struct dev *client,
		       const struct provider *provider)
{
	const struct route *route = machine_route(client, provider);
	enum direction dir;

	if (client == provider->dev) {
		count->own++;
		return;
	}
	count->pairs++;
	if (!route)
		return;
	for (dir = 0; dir < N_DIRECTIONS; dir++) {
		count->verdict[dir][route->verdict[dir]]++;
		if (route->verdict[dir] != VERDICT_NOT_SUPPORTED)
			continue;
		count->reason[route->reason[dir]]++;
		count->refused_client = client;
		count->refused_provider = provider;
	}
}

static void count_all(const struct machine *m, struct count *count)
{
	size_t i, j;

	*count = (struct count){};
	for (i = 0; i < m->n_devs; i++) {
		if (!dev_is_client(m->devs[i]))
			continue;
		count->clients++;
		for (j = 0; j < m->n_providers; j++)
			count_pair(count, m->devs[i], &m->providers[j]);
	}
}

static void print_kernel(const struct machine *m, unsigned int width)
{
	size_t i, grouped = 0, translated = 0;
	struct text iommus = {}, line = {};

	printf("%sp2pdma %s%s", style_on(STYLE_HEAD), P2PDMA_VERSION,
	       style_off(STYLE_HEAD));
	if (m->project) {
		text_addf(&line, ", kernel %s, policy %s", m->release,
			  m->policy ? m->policy : "not seen");
		out_paragraph(text_str(&line), strlen("p2pdma " P2PDMA_VERSION), 2,
			      width);
	} else {
		printf(", kernel %s, %swithout the p2pdma project%s\n", m->release,
		       style_on(STYLE_FAIR), style_off(STYLE_FAIR));
	}
	text_free(&line);
	for (i = 0; i < m->n_devs; i++) {
		if (!dev_is_client(m->devs[i]))
			continue;
		grouped++;
		translated += m->devs[i]->translated;
	}
	text_add(&iommus, m->n_iommus ? "" : "none");
	for (i = 0; i < m->n_iommus && i < 4; i++)
		text_addf(&iommus, "%s%s", i ? ", " : "", m->iommus[i]);
	if (m->n_iommus > 4)
		text_addf(&iommus, ", and %zu more", m->n_iommus - 4);
	text_addf(&iommus, "; translates for %zu of %zu possible clients%s",
		  translated, grouped,
		  m->guest ? "; this is a virtual machine" : "");
	printf("IOMMU: ");
	out_paragraph(text_str(&iommus), 7, 7, width);
	text_free(&iommus);
}

static void print_providers(const struct machine *m, unsigned int width)
{
	struct table table;
	size_t i;

	if (!m->n_providers) {
		printf("\nNo provider: no driver has registered peer memory.\n");
		if (m->n_devs)
			printf("Can two devices talk nevertheless? p2pdma route A B answers for any two, and\n"
			       "p2pdma topo --devices shows GPUs, NICs and drives with their nearest partners.\n");
		return;
	}
	printf("\n%s of peer memory\n", count_text(m->n_providers, "provider"));
	table_init(&table, 4);
	for (i = 0; i < m->n_providers && i < MAX_PROVIDERS; i++) {
		const struct provider *provider = &m->providers[i];
		const struct dev *dev = provider->dev;
		char *name = provider_short(m, provider);

		table_add(&table, name, STYLE_PLAIN);
		table_add(&table, dev->kname ? dev->kname : class_name(dev), STYLE_PLAIN);
		if (dev->has_p2pmem)
			table_addf(&table, STYLE_PLAIN, "%s, %s free%s",
				   size_text(dev->p2pmem_size),
				   size_text(dev->p2pmem_available),
				   dev->p2pmem_published ? ", published" : "");
		else
			table_add(&table, "no pool", STYLE_PLAIN);
		table_add(&table, dev->label, STYLE_FAINT);
		free(name);
	}
	table_print(&table, 2, 0, width);
	if (m->n_providers > MAX_PROVIDERS)
		printf("  and %zu more: p2pdma topo\n",
		       m->n_providers - MAX_PROVIDERS);
}

static void print_verdicts(const struct count *count)
{
	static const enum verdict order[] = {
		VERDICT_BUS_ADDRESS, VERDICT_THROUGH_HOST_BRIDGE,
		VERDICT_NOT_SUPPORTED, VERDICT_UNKNOWN,
	};
	struct table table;
	unsigned int i;

	table_init(&table, 3);
	table_add(&table, "", STYLE_PLAIN);
	table_add(&table, "writes", STYLE_PLAIN);
	table_add(&table, "reads", STYLE_PLAIN);
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		size_t writes = count->verdict[DIR_WRITE][order[i]];
		size_t reads = count->verdict[DIR_READ][order[i]];

		if (order[i] == VERDICT_UNKNOWN && !writes && !reads)
			continue;
		table_add(&table, verdict_name(order[i]),
			  verdict_style(order[i]));
		table_addf(&table, STYLE_PLAIN, "%zu", writes);
		table_addf(&table, STYLE_PLAIN, "%zu", reads);
	}
	table_print(&table, 2, 0, 0);
}

static void print_refusals(const struct machine *m, const struct count *count,
			   unsigned int width)
{
	unsigned int shown = 0;
	enum reason reason;
	char *provider;

	if (!count->refused_client)
		return;
	printf("\nRefused, writes and reads counted, because\n");
	for (reason = 0; reason <= REASON_UNKNOWN && shown < MAX_REASONS;
	     reason++) {
		if (!count->reason[reason])
			continue;
		shown++;
		out_paragraph(reason_meaning(reason),
			      printf("  %s (%zu): ", reason_name(reason),
				     count->reason[reason]), 4, width);
	}
	provider = provider_short(m, count->refused_provider);
	printf("  What can be done: p2pdma route %s %s\n",
	       dev_short(m, count->refused_client), provider);
	free(provider);
}

static void print_shapes(const struct machine *m)
{
	static const struct {
		const char *word, *text;
	} shapes[] = {
		{ "switch", "below one switch, ACS lets everything cross" },
		{ "device", "functions of one device, nothing redirects" },
		{ "acs", "below one switch or port, ACS redirects or blocks" },
		{ "apart", "functions of one device, and nothing says that they reach each other" },
		{ "subtree", "one is below a bridge function of the other's device" },
		{ "below", "below one port; ACS was not seen" },
		{ "bridge", "only over a host bridge" },
		{ "bridges", "only over two host bridges" },
		{ "pci", "a conventional PCI bridge is between them" },
		{ "silent", "a function on the way does not answer" },
	};
	size_t count[ARRAY_SIZE(shapes)] = {}, i, j, k;

	for (i = 0; i < m->n_devs; i++)
		for (j = 0; dev_is_client(m->devs[i]) && j < m->n_providers; j++) {
			struct path *path = path_find(m->devs[i],
						      m->providers[j].dev);

			for (k = 0; k < ARRAY_SIZE(shapes); k++)
				if (!strcmp(path_word(path), shapes[k].word))
					count[k]++;
			path_free(path);
		}
	for (k = 0; k < ARRAY_SIZE(shapes); k++)
		if (count[k])
			printf("  %4zu  %s\n", count[k], shapes[k].text);
}

static void summary_json(const struct machine *m, const struct count *count)
{
	struct json_object *out = json_begin("summary", m), *array, *member;
	enum direction dir;
	unsigned int i;

	array = json_array_in(out, "providers");
	for (i = 0; i < m->n_providers; i++)
		json_provider(json_item(array), &m->providers[i]);
	json_number(out, "clients", count->clients);
	json_number(out, "pairs", count->pairs);
	for (dir = 0; dir < N_DIRECTIONS; dir++) {
		member = json_object_in(out, direction_name(dir));
		for (i = 0; i <= VERDICT_UNKNOWN; i++)
			json_number(member, verdict_name(i),
				    count->verdict[dir][i]);
	}
	member = json_object_in(out, "refusals");
	for (i = 0; i <= REASON_UNKNOWN; i++)
		if (count->reason[i])
			json_number(member, reason_name(i), count->reason[i]);
	json_end(out);
}

static int run(int argc, char **argv, struct options *options)
{
	struct words notes = {};
	struct machine *m;
	struct count count;

	(void)argc;
	(void)argv;
	m = machine_load(options->pci_ids);
	count_all(m, &count);
	if (options->json) {
		summary_json(m, &count);
		machine_free(m);
		return STATUS_OK;
	}
	print_kernel(m, options->width);
	print_providers(m, options->width);
	if (m->n_providers) {
		printf("\n%s, %s with a provider",
		       count_text(count.clients, "possible client"),
		       count_text(count.pairs, "pair"));
		if (count.own)
			printf(", and %zu with %s own memory", count.own,
			       count.own == 1 ? "its" : "their");
		putchar('\n');
		if (m->project) {
			print_verdicts(&count);
			print_refusals(m, &count, options->width);
		} else {
			print_shapes(m);
		}
		printf("\nThe matrix: p2pdma topo.  Does it work? p2pdma verify.  All else: p2pdma help\n");
	}
	notes_machine(m, &notes);
	out_list("About this machine", notes.words, notes.n, options->width);
	words_free(&notes);
	out_unseen(m, options->width);
	machine_free(m);
	return STATUS_OK;
}

const struct command summary_command = {
	.name = "",
	.run = run,
};
