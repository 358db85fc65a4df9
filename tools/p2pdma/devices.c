// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decision.h"
#include "devices.h"
#include "groups.h"
#include "out.h"

#define MAX_PARTNERS	4

/* Kinds of partners that are shown; accelerators count as GPUs. */
static const enum group partner_groups[] = { GROUP_GPU, GROUP_NIC, GROUP_DRIVE };

struct partner {
	const struct dev *dev;
	enum verdict verdict[N_DIRECTIONS];
	int distance;
};

static bool matters(const struct dev *dev)
{
	return group_of(dev) < GROUP_MANAGEMENT;
}

static bool is_partner(const struct dev *dev, enum group group)
{
	enum group own = group_of(dev);

	return own == group || (own == GROUP_ACCELERATOR && group == GROUP_GPU);
}

/* What is decided of @client and the memory of @provider. */
static struct partner look(const struct machine *m, struct model *model,
			   const struct dev *client, struct dev *provider)
{
	const struct provider *registered = machine_provider(m, provider, -1);
	struct provider any = { .dev = provider, .bar = -1, .only = true };
	struct path *path = path_find(client, provider);
	struct partner partner = { .dev = provider, .distance = path->distance };
	struct decision decision;
	enum direction dir;

	decision_make(m, model, path, registered ? registered : &any, &decision);
	for (dir = 0; dir < N_DIRECTIONS; dir++)
		partner.verdict[dir] = decision_verdict(m, &decision, dir);
	decision_free(&decision);
	path_free(path);
	return partner;
}

/* Less is nearer: first what is direct, then by distance. */
static int rank(const struct partner *partner)
{
	static const int order[] = {
		[VERDICT_BUS_ADDRESS] = 0, [VERDICT_THROUGH_HOST_BRIDGE] = 1,
		[VERDICT_UNKNOWN] = 2, [VERDICT_NOT_SUPPORTED] = 3,
	};

	return 1000 * (order[partner->verdict[DIR_WRITE]] +
		       order[partner->verdict[DIR_READ]]) + partner->distance;
}

/* The partners of @dev in @group that are nearest, all equally near; to be freed. */
static struct partner *nearest(const struct machine *m, struct model *model,
			       const struct dev *dev, enum group group, size_t *n)
{
	struct partner *list = NULL, one;
	size_t i;

	*n = 0;
	for (i = 0; i < m->n_devs; i++) {
		struct dev *other = m->devs[i];

		if (other == dev || !is_partner(other, group))
			continue;
		/* a drive reads and writes the device; the device reaches the others */
		if (group == GROUP_DRIVE ? !dev_has_memory(dev) : !dev_has_memory(other))
			continue;
		if (group == GROUP_DRIVE) {
			one = look(m, model, other, machine_dev(m, &dev->address));
			one.dev = other;
		} else {
			one = look(m, model, dev, other);
		}
		if (*n && rank(&one) > rank(&list[0]))
			continue;
		if (*n && rank(&one) < rank(&list[0]))
			*n = 0;
		list = xrealloc(list, *n + 1, sizeof(*list));
		list[(*n)++] = one;
	}
	return list;
}

static char *verdicts_text(const struct partner *partner)
{
	enum verdict w = partner->verdict[DIR_WRITE], r = partner->verdict[DIR_READ];

	if (w == r)
		return xasprintf("%s %d", verdict_short(w), partner->distance);
	return xasprintf("%s/%s %d", verdict_short(w), verdict_short(r),
			 partner->distance);
}

/* "bus 4: eth0 05:00.0, ..." */
static char *partners_text(const struct machine *m, const struct partner *list, size_t n)
{
	struct text text = {};
	char *verdict;
	size_t i;

	if (!n)
		return xstrdup("-");
	verdict = verdicts_text(&list[0]);
	text_addf(&text, "%s:", verdict);
	free(verdict);
	for (i = 0; i < n && i < MAX_PARTNERS; i++)
		text_addf(&text, "%s %s", i ? "," : "",
			  list[i].dev->kname ? list[i].dev->kname :
					       dev_short(m, list[i].dev));
	if (n > MAX_PARTNERS)
		text_addf(&text, " +%zu", n - MAX_PARTNERS);
	return text_take(&text);
}

static void add_device(const struct machine *m, struct model *model, struct table *table,
		       const struct dev *dev)
{
	size_t i, n;

	table_add(table, dev_short(m, dev), STYLE_PLAIN);
	table_add(table, dev->kname ? dev->kname : "-", STYLE_PLAIN);
	if (dev->numa < 0)
		table_add(table, "-", STYLE_FAINT);
	else
		table_addf(table, STYLE_PLAIN, "%d", dev->numa);
	table_add(table, dev->above ? dev_short(m, dev->above) : "-", STYLE_PLAIN);
	for (i = 0; i < ARRAY_SIZE(partner_groups); i++) {
		struct partner *list = nearest(m, model, dev, partner_groups[i], &n);
		char *text = partners_text(m, list, n);

		table_add(table, text, n ? verdict_style(list[0].verdict[DIR_READ]) :
					   STYLE_FAINT);
		free(text);
		free(list);
	}
}

/* The same where the table is too wide: a line for each kind of partners. */
static void print_device(const struct machine *m, struct model *model,
			 const struct dev *dev, unsigned int width)
{
	size_t i, n;

	printf("  %s", dev_short(m, dev));
	if (dev->kname)
		printf("  %s", dev->kname);
	if (dev->numa >= 0)
		printf("  NUMA %d", dev->numa);
	printf("  below %s\n", dev->above ? dev_short(m, dev->above) :
	       dev->host ? dev->host : "-");
	for (i = 0; i < ARRAY_SIZE(partner_groups); i++) {
		struct partner *list = nearest(m, model, dev, partner_groups[i], &n);
		char *text = partners_text(m, list, n);

		if (n)
			out_paragraph(text, printf("    %-7s", group_word(partner_groups[i])),
				      11, width);
		free(text);
		free(list);
	}
}

/* Drives are many: those below one port or switch are one line. */
static void print_drives(const struct machine *m, unsigned int width)
{
	bool *done = xcalloc(m->n_devs, sizeof(*done));
	size_t i, j, n;

	for (i = 0; i < m->n_devs; i++) {
		const struct dev *dev = m->devs[i], *top;
		struct text text = {};

		if (done[i] || group_of(dev) != GROUP_DRIVE)
			continue;
		top = dev->above && dev->above->above ? dev->above->above : dev->above;
		for (n = 0, j = i; j < m->n_devs; j++) {
			const struct dev *other = m->devs[j];
			const struct dev *its = other->above && other->above->above ?
						other->above->above : other->above;

			if (group_of(other) != GROUP_DRIVE || its != top)
				continue;
			done[j] = true;
			text_addf(&text, "%s%s", n++ ? ", " : "",
				  other->kname ? other->kname : dev_short(m, other));
		}
		out_paragraph(text_str(&text),
			      printf("  below %s: ", top ? dev_short(m, top) :
				     dev->host ? dev->host : "-"), 4, width);
		text_free(&text);
	}
	free(done);
}

static void print_group(const struct machine *m, struct model *model, enum group group,
			unsigned int width)
{
	struct table table;
	size_t i, n = 0;

	for (i = 0; i < m->n_devs; i++)
		n += group_of(m->devs[i]) == group;
	if (!n)
		return;
	printf("\n%s%s%s (%zu)\n", style_on(STYLE_HEAD), group_title(group),
	       style_off(STYLE_HEAD), n);
	if (group == GROUP_DRIVE) {
		print_drives(m, width);
		return;
	}
	if (group == GROUP_MANAGEMENT) {
		for (i = 0; i < m->n_devs; i++)
			if (group_of(m->devs[i]) == group)
				printf("  %s\n", dev_short(m, m->devs[i]));
		return;
	}
	table_init(&table, 4 + ARRAY_SIZE(partner_groups));
	table_add(&table, "", STYLE_PLAIN);
	table_add(&table, "name", STYLE_FAINT);
	table_add(&table, "NUMA", STYLE_FAINT);
	table_add(&table, "below", STYLE_FAINT);
	for (i = 0; i < ARRAY_SIZE(partner_groups); i++)
		table_addf(&table, STYLE_FAINT, "nearest %s",
			   group_word(partner_groups[i]));
	for (i = 0; i < m->n_devs; i++)
		if (group_of(m->devs[i]) == group)
			add_device(m, model, &table, m->devs[i]);
	if (!width || table_width(&table) + 2 <= width) {
		table_print(&table, 2, 0, width);
		return;
	}
	table_free(&table);
	for (i = 0; i < m->n_devs; i++)
		if (group_of(m->devs[i]) == group)
			print_device(m, model, m->devs[i], width);
}

static void print_source(const struct machine *m, unsigned int width)
{
	static const char * const predicted[] = {
		"All verdicts are predicted, by the rules of Linux 6.12.",
		"Verdicts of memory that no driver has registered are predicted, by the rules of this kernel.",
	};

	out_paragraph(predicted[m->project], 0, 0, width);
}

void topo_devices(const struct machine *m, unsigned int width)
{
	struct model *model = model_load(m, NULL);
	enum group group;

	out_paragraph("Devices that take part, each with its nearest partners: the device reads and writes GPUs and NICs, and drives read and write it. Verdicts are for writes and reads, as in topo, then the distance in hops.",
		      0, 0, width);
	print_source(m, width);
	for (group = 0; group < GROUP_OTHER; group++)
		print_group(m, model, group, width);
	model_free(model);
}

static void json_partner(struct json_object *item, const struct partner *partner)
{
	enum direction dir;

	json_text(item, "address", partner->dev->bdf);
	for (dir = 0; dir < N_DIRECTIONS; dir++)
		json_text(item, direction_name(dir), verdict_name(partner->verdict[dir]));
	json_number(item, "distance", partner->distance);
}

void topo_devices_json(const struct machine *m)
{
	struct json_object *out = json_begin("devices", m), *array, *item, *nearer;
	struct model *model = model_load(m, NULL);
	size_t i, j, k, n;

	array = json_array_in(out, "devices");
	for (i = 0; i < m->n_devs; i++) {
		const struct dev *dev = m->devs[i];
		enum group group = group_of(dev);

		if (group >= GROUP_OTHER)
			continue;
		item = json_item(array);
		json_text(item, "address", dev->bdf);
		json_text(item, "name", dev->kname);
		json_text(item, "kind", group_word(group));
		json_number(item, "numa_node", dev->numa);
		nearer = json_object_in(item, "nearest");
		for (j = 0; j < ARRAY_SIZE(partner_groups); j++) {
			struct json_object *list = json_array_in(nearer,
						group_word(partner_groups[j]));
			struct partner *partners;

			if (group == GROUP_DRIVE || group == GROUP_MANAGEMENT)
				continue;
			partners = nearest(m, model, dev, partner_groups[j], &n);
			for (k = 0; k < n; k++)
				json_partner(json_item(list), &partners[k]);
			free(partners);
		}
	}
	model_free(model);
	json_end(out);
}

/*
 * The matrix of one direction
 */

/* Drives and DMA functions are columns only if they have registered memory. */
static bool is_column(const struct machine *m, const struct dev *dev)
{
	enum group group = group_of(dev);

	return machine_provider(m, dev, -1) ||
	       (group <= GROUP_NIC && dev_has_memory(dev));
}

void topo_pairs(const struct machine *m, enum direction dir, unsigned int width)
{
	struct model *model = model_load(m, NULL);
	size_t i, j, columns = 0, rows = 0;
	struct table table;

	for (i = 0; i < m->n_devs; i++) {
		columns += is_column(m, m->devs[i]);
		rows += matters(m->devs[i]);
	}
	if (!columns || !rows) {
		printf("There is no pair of devices that take part.\n");
		model_free(model);
		return;
	}
	table_init(&table, 2 + columns);
	table_add(&table, dir == DIR_WRITE ? "writes" : "reads", STYLE_HEAD);
	table_add(&table, "name", STYLE_HEAD);
	for (j = 0; j < m->n_devs; j++)
		if (is_column(m, m->devs[j]))
			table_add(&table, dev_short(m, m->devs[j]), STYLE_HEAD);
	for (i = 0; i < m->n_devs; i++) {
		const struct dev *client = m->devs[i];

		if (!matters(client))
			continue;
		table_add(&table, dev_short(m, client), STYLE_PLAIN);
		table_add(&table, client->kname ? client->kname :
				  group_word(group_of(client)), STYLE_PLAIN);
		for (j = 0; j < m->n_devs; j++) {
			struct partner partner;

			if (!is_column(m, m->devs[j]))
				continue;
			if (i == j) {
				table_add(&table, "own", STYLE_FAINT);
				continue;
			}
			partner = look(m, model, client, m->devs[j]);
			table_addf(&table, verdict_style(partner.verdict[dir]), "%s %d",
				   verdict_short(partner.verdict[dir]), partner.distance);
		}
	}
	table_print(&table, 0, 2, width);
	putchar('\n');
	out_paragraph(dir == DIR_WRITE ?
		      "A row is a client that writes the memory of the columns." :
		      "A row is a client that reads the memory of the columns.", 0, 0,
		      width);
	print_source(m, width);
	model_free(model);
}

void topo_pairs_json(const struct machine *m, enum direction dir)
{
	struct json_object *out = json_begin("matrix", m), *array, *item;
	struct model *model = model_load(m, NULL);
	size_t i, j;

	json_text(out, "direction", direction_name(dir));
	array = json_array_in(out, "pairs");
	for (i = 0; i < m->n_devs; i++)
		for (j = 0; matters(m->devs[i]) && j < m->n_devs; j++) {
			struct partner partner;

			if (i == j || !is_column(m, m->devs[j]))
				continue;
			partner = look(m, model, m->devs[i], m->devs[j]);
			item = json_item(array);
			json_text(item, "client", m->devs[i]->bdf);
			json_text(item, "provider", m->devs[j]->bdf);
			json_text(item, "verdict", verdict_name(partner.verdict[dir]));
			json_number(item, "distance", partner.distance);
		}
	model_free(model);
	json_end(out);
}
